package simulate

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/internal/build"
)

// TestHopelessLooksAtNoCounts: whether a rollout is without hope is asked at every moment, so it
// must not go through all nodes with failures.
func TestHopelessLooksAtNoCounts(t *testing.T) {
	c := &Cluster{}
	apply(t, c, build.Set{}.Object(), build.Node{Name: "n"}.Object())
	if err := c.Advance(time.Second); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		c.countFailure(failing{owner: types.UID("uid-other"), name: fmt.Sprint("n", i)})
	}
	if n := testing.AllocsPerRun(10, func() {
		if c.hopeless() {
			t.Error("a pod that starts for the first time is without hope")
		}
	}); n > 0 {
		t.Errorf("hopeless() makes %v allocations with 1000 nodes with failures, want none", n)
	}
}

// TestHopelessCountsAnew: the counts begin again with every Run.
func TestHopelessCountsAnew(t *testing.T) {
	c := &Cluster{}
	c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) PodTimes { return PodTimes{FailsAfter: 5 * time.Second} }
	apply(t, c, build.Set{}.Object(), build.Node{Name: "n"}.Object())
	ends, err := c.Settle()
	if err != nil || ends[0].State != EndStalled || c.mostFailures != tooOften {
		t.Fatalf("Settle() = %v, %v after %d failures in a row, want it stalled after %d", ends, err, c.mostFailures, tooOften)
	}
	for range c.Run() {
		if c.mostFailures > 1 {
			t.Errorf("another Run has %d failures in a row before its first pass, want the one that it waited for", c.mostFailures)
		}
		break
	}
}
