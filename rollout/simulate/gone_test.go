package simulate

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/internal/build"
)

// TestNodesThatAreGone: nodes that join and leave with their pods leave nothing behind.
func TestNodesThatAreGone(t *testing.T) {
	c := &Cluster{}
	fails := false
	c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) PodTimes {
		if fails {
			return PodTimes{FailsAfter: time.Minute}
		}
		return PodTimes{CrashesAfter: time.Minute}
	}
	spec := corev1.PodSpec{
		Containers: []corev1.Container{{Name: "main", Image: "agent:1", Ports: []corev1.ContainerPort{{HostPort: 80, ContainerPort: 80}}}},
		Affinity:   repelling("kubernetes.io/hostname", "other"),
	}
	apply(t, c, build.Set{Spec: spec}.Object())
	for i := range 20 {
		fails = i%2 > 0
		name := fmt.Sprint("n", i)
		node := build.Node{Name: name, Labels: build.Labels{"kubernetes.io/hostname": name}}.Object()
		apply(t, c, node)
		if err := c.Advance(5 * time.Minute); err != nil {
			t.Fatal(err)
		}
		if i == 0 && (len(c.rooms) != 1 || len(c.failures) != 1 || len(c.ties.pods) != 1) {
			t.Fatalf("%d rooms, %d failures, %d nodes with pods in ties, want one of each: the test is void", len(c.rooms), len(c.failures), len(c.ties.pods))
		}
		if i%3 == 0 { // The pods leave first.
			node.Spec.Taints = []corev1.Taint{build.NoExecute("k")}
			apply(t, c, node)
			if err := c.Advance(time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Delete(node); err != nil {
			t.Fatal(err)
		}
		if err := c.Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.rooms) > 0 || len(c.failures) > 0 || len(c.ties.pods) > 0 || len(c.problems) > 0 {
		t.Errorf("%d rooms, %d failures, %d nodes with pods in ties, %d problems, want none", len(c.rooms), len(c.failures), len(c.ties.pods), len(c.problems))
	}
}
