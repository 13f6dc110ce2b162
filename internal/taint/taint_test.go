package taint

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestIsEffect(t *testing.T) {
	for effect, want := range map[corev1.TaintEffect]bool{
		"NoSchedule": true, "PreferNoSchedule": true, "NoExecute": true, "": false, "noexecute": false, "Exists": false,
	} {
		if IsEffect(effect) != want {
			t.Errorf("IsEffect(%q) = %v, want %v", effect, !want, want)
		}
	}
	const want = `effect: Unsupported value: "noexecute": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`
	if got := NotSupported(field.NewPath("effect"), "noexecute").Error(); got != want {
		t.Errorf("NotSupported = %s, want %s", got, want)
	}
}
