package rollout_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

func newState(t testing.TB, in daemon.Input) *rollout.State {
	t.Helper()
	state, err := rollout.NewState(in)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func tell(t testing.TB, state *rollout.State, c daemon.Changes) {
	t.Helper()
	if err := state.Update(c); err != nil {
		t.Fatal(err)
	}
}

func passOf(t testing.TB, state *rollout.State, opts rollout.Options) *rollout.Result {
	t.Helper()
	result, err := state.Sync(build.Now, opts)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestStateFollowsTheBudget: whether a percentage is a surge depends on the number of
// eligible nodes, which changes between passes.
func TestStateFollowsTheBudget(t *testing.T) {
	surging := build.Set{MaxSurge: "10%"}
	taint := func(name string) *corev1.Node {
		return build.Node{Name: name, Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()
	}
	for _, tc := range []struct {
		name, why string
		before    *corev1.Node
		after     *corev1.Node
		want      string
	}{
		{"a node becomes eligible", "then there is a surge", taint("a"), build.Node{Name: "a"}.Object(), "create on a: surge beside the outdated pod"},
		{"the last eligible node is tainted", "then there is none, and the available pod stays", build.Node{Name: "a"}.Object(), taint("a"), "nothing to do"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := syncInput(t, surging, "a=old")
			in.Nodes = []*corev1.Node{tc.before}
			state := newState(t, in)
			passOf(t, state, rollout.Options{})
			tell(t, state, daemon.Changes{Nodes: []*corev1.Node{tc.after}})
			if got := passOf(t, state, rollout.Options{}).Plan.String(); got != tc.want {
				t.Errorf("the pass after the change plans %s, want %s: %s", got, tc.want, tc.why)
			}
		})
	}
}

// TestStateAwaitsWrites: a pass that waits for earlier writes creates nothing, first
// or later, and the one after them does not create a second time.
func TestStateAwaitsWrites(t *testing.T) {
	state := newState(t, syncInput(t, build.Set{}, "a b"))
	if got := passOf(t, state, rollout.Options{AwaitingWrites: true}); !got.Plan.Empty() || got.Outcome != rollout.OutcomeAwaitingWrites {
		t.Errorf("the first pass plans %v (%v), want it to wait", &got.Plan, got.Outcome)
	}
	created := passOf(t, state, rollout.Options{}).Plan.Create
	if len(created) != 2 {
		t.Fatalf("the pass after the wait creates %v, want two pods", created)
	}
	if got := passOf(t, state, rollout.Options{AwaitingWrites: true}); !got.Plan.Empty() {
		t.Errorf("a pass that waits plans %v", &got.Plan)
	}
	for i, c := range created {
		c.Pod.Name = fmt.Sprint("created-", i)
		tell(t, state, daemon.Changes{Pods: []*corev1.Pod{c.Pod}})
	}
	if got := passOf(t, state, rollout.Options{}); !got.Plan.Empty() {
		t.Errorf("the pass after the events plans %v, want nothing", &got.Plan)
	}
}

// TestObservedPodsStay: pods that are created from a snapshot without revisions are of
// the revision that the next pass creates.
func TestObservedPodsStay(t *testing.T) {
	in := daemon.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes("a", "b"), Now: build.Now}
	s, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range daemon.Reconcile(s).Create {
		c.Pod.Name, c.Pod.Spec.NodeName = fmt.Sprint("created-", i), c.Node
		in.Pods = append(in.Pods, c.Pod)
	}
	desired, err := daemon.DesiredPods(in)
	if err != nil {
		t.Fatal(err)
	}
	result, err := rollout.Sync(in, rollout.Options{})
	if err != nil || !result.Plan.Empty() || result.Step.OutdatedNodes != 0 {
		t.Errorf("Sync() after Reconcile() = %v, %v, want the pods to stay", result, err)
	}
	if result.Revisions.Create == nil || result.Revisions.Hash != s.RevisionHash() || desired[0].Labels["controller-revision-hash"] != s.RevisionHash() {
		t.Errorf("the revision is %v, the snapshot's hash %s, the desired pods' labels %v: want one hash", result.Revisions, s.RevisionHash(), desired[0].Labels)
	}
}

// TestStateRemembersTrial: a trial that is given with a pass is remembered, also where
// the pass ends early.
func TestStateRemembersTrial(t *testing.T) {
	in := syncInput(t, build.Set{}, "a=new")
	selector := in.DaemonSet.Spec.Selector
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.DaemonSet.Spec.Selector = &metav1.LabelSelector{}
	state := newState(t, in)
	promoted := &rollout.CanaryTrial{RevisionHash: "new", State: rollout.CanaryPromoted}
	if got := passOf(t, state, rollout.Options{CanaryTrial: promoted}); got.Outcome != rollout.OutcomeSelectsEverything || got.CanaryTrial != promoted {
		t.Errorf("the pass with an empty selector is %v with trial %v, want the one given", got, got.CanaryTrial)
	}
	ds := in.DaemonSet.DeepCopy()
	ds.Spec.Selector = selector
	tell(t, state, daemon.Changes{DaemonSet: ds})
	if got := passOf(t, state, rollout.Options{}).CanaryTrial; got != promoted {
		t.Errorf("the next pass has the trial %v, want %v", got, promoted)
	}
}

// TestStateErrors: what is told is checked at once, and changes nothing where it is
// refused.
func TestStateErrors(t *testing.T) {
	state := newState(t, syncInput(t, build.Set{}, "a=new"))
	want := passOf(t, state, rollout.Options{}).String()
	pod := func() *corev1.Pod { return build.Pod{Node: "a", Hash: "new"}.Of(build.Set{}.Object()) }
	for _, c := range []daemon.Changes{
		{Pods: []*corev1.Pod{pod(), pod(), pod()}},
		{Nodes: []*corev1.Node{nil}},
		{DaemonSet: build.Set{Name: "other"}.Object()},
	} {
		if err := state.Update(c); err == nil {
			t.Errorf("Update(%v) = nil, want an error", c)
		}
		if got := passOf(t, state, rollout.Options{}).String(); got != want {
			t.Errorf("after Update(%v) a pass is %s, want %s", c, got, want)
		}
	}
	var none *rollout.State
	if err := none.Update(daemon.Changes{}); err == nil || none.Snapshot() != nil {
		t.Errorf("Update() of no state = %v, Snapshot() = %v, want an error and nil", err, none.Snapshot())
	}
	if _, err := none.Sync(build.Now, rollout.Options{}); err == nil {
		t.Error("Sync() of no state = nil, want an error")
	}
}

// BenchmarkStateJoin measures 200 nodes that join a cluster of 20,000, told one by
// one, and the pass after them, beside a pass from scratch.
func BenchmarkStateJoin(b *testing.B) {
	in := cluster(b, 20_000, 0)
	b.Run("from scratch", func(b *testing.B) {
		for b.Loop() {
			if _, err := rollout.Sync(in, rollout.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("200 nodes told one by one", func(b *testing.B) {
		state := newState(b, in)
		tell(b, state, daemon.Changes{DeletedNodes: []string{"none"}})
		passOf(b, state, rollout.Options{})
		var joining, leaving []daemon.Changes
		for i := range 200 {
			name := fmt.Sprintf("ip-11-0-%d.compute.internal", i)
			joining = append(joining, daemon.Changes{Nodes: build.Nodes(name)})
			leaving = append(leaving, daemon.Changes{DeletedNodes: []string{name}})
		}
		b.ResetTimer()
		for range b.N {
			for _, c := range joining {
				tell(b, state, c)
			}
			passOf(b, state, rollout.Options{AwaitingWrites: true})
			b.StopTimer()
			for _, c := range leaving {
				tell(b, state, c)
			}
			passOf(b, state, rollout.Options{AwaitingWrites: true})
			b.StartTimer()
		}
	})
}

// TestDeletingEndsFirst: a DaemonSet that is being deleted ends the pass before its
// selector is looked at, from scratch and with kept state.
func TestDeletingEndsFirst(t *testing.T) {
	broken := build.Set{Deleting: true}.Object()
	broken.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Maybe"}}
	result, err := rollout.Sync(daemon.Input{DaemonSet: broken, Now: build.Now}, rollout.Options{})
	if err != nil || result.Outcome != rollout.OutcomeDeleting {
		t.Errorf("Sync() = %v, %v, want it to end", result, err)
	}
	state := newState(t, syncInput(t, build.Set{}, "a=new"))
	passOf(t, state, rollout.Options{})
	tell(t, state, daemon.Changes{DaemonSet: broken})
	if got := passOf(t, state, rollout.Options{}); got.Outcome != rollout.OutcomeDeleting {
		t.Errorf("the pass after the deletion = %v, want it to end", got)
	}
}
