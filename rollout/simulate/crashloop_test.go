package simulate

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
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

// TestHopeLooksAtChanges: while pods of many nodes fail at different times, and the policy is going
// to ignore another node, few events are looked at to find out whether the rollout is without hope.
func TestHopeLooksAtChanges(t *testing.T) {
	const nodes = 300
	c, err := NewCluster(daemon.Input{Now: build.Now}, Options{Policy: rollout.Policy{
		IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 10 * time.Minute}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	fails := map[string]time.Duration{}
	c.Options.PodTimes = func(node *corev1.Node, _ *corev1.Pod) PodTimes {
		if node == nil {
			return PodTimes{}
		}
		return PodTimes{FailsAfter: fails[node.Name]}
	}
	apply(t, c, build.Set{}.Object(), build.Node{Name: "late", NotReady: time.Minute}.Object())
	for i := range nodes {
		name := fmt.Sprintf("n%03d", i)
		fails[name] = 5*time.Second + time.Duration(i)*time.Millisecond
		apply(t, c, build.Node{Name: name}.Object())
	}
	ends, err := c.Settle()
	if err != nil || ends[0].State != EndStalled || ends[0].Last.Policy.Ignored == nil {
		t.Fatalf("Settle() = %v, %v, want it stalled with an ignored node", ends, err)
	}
	if c.failed < 3*nodes {
		t.Fatalf("%d pods have failed, want several of each of %d nodes: the test is void", c.failed, nodes)
	}
	if most := 20 * nodes; c.hope.looked > most {
		t.Errorf("the Run looks at %d events while %d pods fail, want at most %d", c.hope.looked, c.failed, most)
	}
}

// TestHopeAfterProgress: when failures are forgotten, there is hope again.
func TestHopeAfterProgress(t *testing.T) {
	c := &Cluster{}
	ds := build.Set{}.Object()
	apply(t, c, ds, build.Node{Name: "n"}.Object())
	if err := c.Advance(time.Second); err != nil {
		t.Fatal(err)
	}
	for range tooOften {
		c.countFailure(failingOn("n", c.Input(ds).Pods[0]))
	}
	if c.hasHope(tooOften) {
		t.Fatalf("there is hope after %d failures", tooOften)
	}
	c.forgetFailures()
	if !c.hasHope(tooOften) {
		t.Error("there is no hope although the failures are forgotten")
	}
}

// TestTallyLooksAtChanges: passes of a rollout on the half of the nodes that the policy does not
// ignore look at the nodes that change.
func TestTallyLooksAtChanges(t *testing.T) {
	const nodes = 300
	c := &Cluster{}
	c.Options.Policy.IgnoreNotReadyNodes = &rollout.IgnoreAfter{}
	ds := build.Set{MaxUnavailable: "1"}.Object()
	apply(t, c, ds)
	for i := range nodes {
		apply(t, c, build.Node{Name: fmt.Sprintf("n%03d", i)}.Object())
	}
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	for i := range nodes / 2 {
		apply(t, c, build.Node{Name: fmt.Sprintf("n%03d", 2*i), NotReady: time.Minute}.Object())
	}
	ds = ds.DeepCopy()
	ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
	apply(t, c, ds)
	tally := &c.set(ds).tally
	tally.looked = 0
	ends, err := c.Settle()
	if err != nil || ends[0].State != EndComplete || ends[0].Passes < nodes {
		t.Fatalf("Settle() = %v, %v after %d passes, want it complete after more than %d", ends, err, ends[0].Passes, nodes)
	}
	// All nodes are looked at once, and after a change of the template or the history.
	if most := 10*nodes + 5*ends[0].Passes; tally.looked > most {
		t.Errorf("%d passes look at %d nodes, want at most %d", ends[0].Passes, tally.looked, most)
	}
}
