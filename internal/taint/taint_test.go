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

func TestCheckEffects(t *testing.T) {
	taints := []corev1.Taint{{Key: "a", Effect: corev1.TaintEffectNoExecute}, {Key: "b", Effect: "noexecute"}, {Key: "c"}}
	if err := CheckEffects(field.NewPath("taints"), taints[:1]); err != nil {
		t.Errorf("CheckEffects of an effect that exists = %v", err)
	}
	if err := CheckEffects(field.NewPath("taints"), taints); err == nil || err.Field != "taints[1].effect" || err.BadValue != corev1.TaintEffect("noexecute") {
		t.Errorf("CheckEffects = %v, want the error about taints[1].effect", err)
	}
}
