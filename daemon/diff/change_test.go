package diff

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
)

func TestChangeString(t *testing.T) {
	tests := []struct {
		name, why string
		change    Change
		want      string
	}{
		{name: "zero", why: "a zero change reads as what it is", want: ".: Op(0)"},
		{name: "unknown", why: "never a panic", change: Change{Op: 9, Path: "a"}, want: "a: Op(9)"},
		{name: "no JSON", why: "never a panic", change: Change{Op: OpAdd, Path: "a", New: func() {}}, want: `a: added "0x`},
		{name: "nothing", why: "never a panic", change: Change{Op: OpReplace, Path: "a"}, want: "a: null -> null"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.change.String(); !strings.HasPrefix(got, test.want) {
				t.Errorf("%s: %#v.String() = %q, want %q", test.why, test.change, got, test.want)
			}
		})
	}
	for op, want := range map[Op]string{OpAdd: "add", OpRemove: "remove", OpReplace: "replace", OpReorder: "reorder", 0: "Op(0)"} {
		if got := op.String(); got != want {
			t.Errorf("Op(%d).String() = %q, want %q", int(op), got, want)
		}
	}
}

// TestHalfFilled calls everything with nil, zero and half-filled values: nothing may
// panic.
func TestHalfFilled(t *testing.T) {
	values := []any{
		nil, "", 0, math.NaN(), func() {}, make(chan int), struct{}{}, []string(nil), map[string]int(nil), (*corev1.Pod)(nil),
		(*resource.Quantity)(nil), (*metav1.Time)(nil), (*intstr.IntOrString)(nil), corev1.Container{}, resource.Quantity{Format: "?"},
		intstr.IntOrString{Type: 9}, metav1.NewTime(time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC)), *metav1.NewFieldsV1("{"),
	}
	for op := range Op(6) {
		for _, old := range values {
			for _, cur := range values {
				c := Change{Op: op - 1, Old: old, New: cur}
				if got := c.String(); got == "" || strings.Contains(got, "\n") {
					t.Errorf("%#v.String() = %q, want one line", c, got)
				}
			}
		}
	}
	if got := Changes(nil).String(); got != "" {
		t.Errorf("Changes(nil).String() = %q, want nothing", got)
	}

	pods := []*corev1.Pod{nil, {}, {Spec: corev1.PodSpec{NodeName: "n"}}}
	for _, refs := range [][]metav1.OwnerReference{{{}}, {{Controller: new(false)}}, {{Controller: new(true)}}} {
		pods = append(pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: refs}, Spec: corev1.PodSpec{NodeName: "n"}})
	}
	affinities := []*corev1.Affinity{
		{},
		{NodeAffinity: &corev1.NodeAffinity{}},
		{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{}}},
		{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{}, {MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn}}}},
		}}},
	}
	for _, affinity := range affinities {
		pods = append(pods, &corev1.Pod{Spec: corev1.PodSpec{Affinity: affinity}})
	}
	for _, old := range pods {
		for _, cur := range pods {
			_ = Pods(old, cur).String()
			_ = PodSets([]*corev1.Pod{old}, []*corev1.Pod{cur}, daemon.Naming{}).String()
		}
	}
	_ = PodSets(pods, pods, daemon.Naming{}).String()
	_ = PodSets(nil, nil, daemon.Naming{}).String()
	for _, pod := range pods {
		if got := Pods(pod, pod); got != nil {
			t.Errorf("Pods of one pod = %v, want nil", got)
		}
	}
	if got := Templates(nil, nil); got != nil {
		t.Errorf("Templates(nil, nil) = %v, want nil", got)
	}
}

// TestComparable holds results against each other as tests do that use the package:
// cmp.Diff panics on unexported fields that it cannot compare.
func TestComparable(t *testing.T) {
	full := &corev1.Pod{}
	fill(reflect.ValueOf(full).Elem())
	full.DeletionTimestamp = nil
	other := full.DeepCopy()
	other.Spec.Containers[0].Image = "other"
	results := func() (Changes, PodSetChanges) {
		return append(Pods(nil, full.DeepCopy()), Pods(full.DeepCopy(), nil)...),
			PodSets([]*corev1.Pod{full.DeepCopy(), nil, {}}, []*corev1.Pod{other.DeepCopy(), {}}, daemon.Naming{})
	}
	changes, sets := results()
	again, setsAgain := results()
	if diff := cmp.Diff(changes, again); diff != "" {
		t.Errorf("changes of equal pods differ (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff(sets, setsAgain); diff != "" {
		t.Errorf("changes of equal sets differ (-first +again):\n%s", diff)
	}
	if len(sets.Drifted) != 1 || len(changes) < 10 {
		t.Fatalf("too little to compare: %v, %v", changes, sets)
	}
	again[0].New, setsAgain.Drifted[0].Changes[0].New = "y", "y"
	if cmp.Diff(changes, again) == "" || cmp.Diff(sets, setsAgain) == "" {
		t.Error("cmp.Diff does not see the difference")
	}
}
