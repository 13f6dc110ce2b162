package simulate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestMayPreempt: the DaemonSet a grows where b, which does not change, has the room. A real scheduler
// would end the pods of b if a has the higher priority.
func TestMayPreempt(t *testing.T) {
	of := func(name, cpu string, priority int32, change ...func(*corev1.PodSpec)) *appsv1.DaemonSet {
		return version("d", name, "i:1", func(ds *appsv1.DaemonSet) {
			spec := &ds.Spec.Template.Spec
			spec.Priority = &priority
			spec.Containers[0].Resources.Requests = resources(cpu)
			for _, c := range change {
				c(spec)
			}
		})
	}
	never := func(spec *corev1.PodSpec) { spec.PreemptionPolicy = new(corev1.PreemptNever) }
	port := func(spec *corev1.PodSpec) {
		spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
	}
	full := sized("4", "n1", "n2")
	onePod := sized("4", "n1")
	onePod[0].Status.Allocatable[corev1.ResourcePods] = resource.MustParse("1")
	for _, tc := range []struct {
		name, why string
		nodes     []*corev1.Node
		old, new  []*appsv1.DaemonSet
		want      []string
	}{
		{"higher", "a may take the room of b, on one node after the other", full, sets(of("a", "1", 2), of("b", "3", 1)), sets(of("a", "2", 2), of("b", "3", 1)), []string{"n1"}},
		{"equal", "no pod is preempted by one of its priority", full, sets(of("a", "1", 1), of("b", "3", 1)), sets(of("a", "2", 1), of("b", "3", 1)), nil},
		{"lower", "b has the higher one", full, sets(of("a", "1", 1), of("b", "3", 2)), sets(of("a", "2", 1), of("b", "3", 2)), nil},
		{"never", "its pods do not preempt", full, sets(of("a", "1", 2), of("b", "3", 1)), sets(of("a", "2", 2, never), of("b", "3", 1)), nil},
		{"larger than the node", "nothing makes enough room", full, sets(of("a", "1", 2), of("b", "3", 1)), sets(of("a", "5", 2), of("b", "3", 1)), nil},
		{"new", "all of its pods wait", full, sets(of("b", "3", 1)), sets(of("a", "2", 2), of("b", "3", 1)), []string{"n1", "n2"}},
		{"port", "it is room, too", full, sets(of("b", "1", 1, port)), sets(of("a", "1", 2, port), of("b", "1", 1, port)), []string{"n1", "n2"}},
		{"number of pods", "it is room, too", onePod, sets(of("b", "1", 1)), sets(of("a", "1", 2), of("b", "1", 1)), []string{"n1"}},
		{"room", "no pod waits", full, sets(of("a", "1", 2), of("b", "1", 1)), sets(of("a", "2", 2), of("b", "1", 1)), nil},
	} {
		changes, err := simulate.JudgeVersions(simulate.Versions{Nodes: tc.nodes, Old: tc.old, New: tc.new}, simulate.Options{}, lint.Options{})
		if err != nil || len(changes) != 1 {
			t.Fatalf("%s: JudgeVersions() = %v, %v, want a change of a", tc.name, changes, err)
		}
		if diff := cmp.Diff(tc.want, changes[0].Judgment.End.MayPreempt()); diff != "" {
			t.Errorf("%s: MayPreempt(): %s (-want +got):\n%s\n%v", tc.name, tc.why, diff, changes[0])
		}
		line := "\nnot simulated: whether the scheduler ends pods of lower priorities to make room on " + strings.Join(tc.want, ", ")
		if text := changes[0].String(); strings.Contains(text, line) != (tc.want != nil) {
			t.Errorf("%s: String() = %s\nwant the line %q only if a may preempt", tc.name, text, line)
		}
	}
	if got := (*simulate.End)(nil).MayPreempt(); got != nil {
		t.Errorf("MayPreempt of no end = %v, want none", got)
	}
}
