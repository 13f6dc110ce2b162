package rollout_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// TestPredicates: what each ready-made predicate chooses.
func TestPredicates(t *testing.T) {
	cordoned, pressed := build.Node{Name: "a"}.Object(), build.Node{Name: "a"}.Object()
	cordoned.Spec.Unschedulable = true
	pressed.Status.Conditions = append(pressed.Status.Conditions, corev1.NodeCondition{Type: corev1.NodeDiskPressure, Status: corev1.ConditionTrue})
	relieved := pressed.DeepCopy()
	relieved.Status.Conditions[len(relieved.Status.Conditions)-1].Status = corev1.ConditionFalse
	tainted := build.Node{Name: "a", Taints: []corev1.Taint{build.NoSchedule("maintenance")}, Labels: build.Labels{"maintenance": ""}}.Object()
	inB := build.Node{Name: "a", Labels: build.Labels{"zone": "b"}, Taints: []corev1.Taint{{Key: "maint", Value: "yes", Effect: corev1.TaintEffectPreferNoSchedule}}}.Object()
	for _, tc := range []struct {
		name, why string
		by        rollout.Predicate
		node      *corev1.Node
		want      bool
	}{
		{"cordoned", "kubectl drain cordons", rollout.Cordoned, cordoned, true},
		{"not cordoned", "a taint is no cordon", rollout.Cordoned, tainted, false},
		{"disk pressure", "the condition is True", rollout.UnderPressure, pressed, true},
		{"no disk pressure", "the condition is False", rollout.UnderPressure, relieved, false},
		{"tainted", "the key counts", rollout.Tainted("maintenance"), tainted, true},
		{"tainted otherwise", "another key", rollout.Tainted("other"), tainted, false},
		{"labeled", "the value does not count", rollout.Labeled("maintenance"), tainted, true},
		{"not labeled", "no such key", rollout.Labeled("maintenance"), cordoned, false},
		{"labeled with the value", "it is the node's", rollout.Labeled("zone=b"), inB, true},
		{"labeled with another value", "it is not the node's", rollout.Labeled("zone=c"), inB, false},
		{"labeled with no value", "the node has one", rollout.Labeled("zone="), inB, false},
		{"labeled with an empty value", "it is the node's", rollout.Labeled("maintenance="), tainted, true},
		{"not labeled with an empty value", "no such key", rollout.Labeled("maintenance="), inB, false},
		{"tainted with the value", "it is the node's", rollout.Tainted("maint=yes"), inB, true},
		{"tainted with another value", "it is not the node's", rollout.Tainted("maint=no"), inB, false},
		{"tainted with the effect", "it is the node's", rollout.Tainted("maint:PreferNoSchedule"), inB, true},
		{"tainted with another effect", "it is not the node's", rollout.Tainted("maint:NoExecute"), inB, false},
		{"tainted with value and effect", "both are the node's", rollout.Tainted("maint=yes:PreferNoSchedule"), inB, true},
		{"tainted with value and another effect", "the effect is not the node's", rollout.Tainted("maint=yes:NoSchedule"), inB, false},
		{"tainted without a value", "the taint has one", rollout.Tainted("maint=:PreferNoSchedule"), inB, false},
		{"one of them", "the second chooses", rollout.AnyOf([]rollout.Predicate{nil, rollout.Tainted("x"), rollout.Cordoned}), cordoned, true},
		{"none of them", "no predicate chooses", rollout.AnyOf([]rollout.Predicate{rollout.Tainted("x"), rollout.Cordoned}), tainted, false},
		{"no node", "a node that does not exist has nothing", rollout.AnyOf([]rollout.Predicate{
			rollout.Cordoned, rollout.UnderPressure, rollout.Tainted("x"), rollout.Labeled("x"),
		}), nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.by(&daemon.NodeState{Name: "a", Node: tc.node}); got != tc.want {
				t.Errorf("the predicate chooses %v, want %v, because %s", got, tc.want, tc.why)
			}
		})
	}
}

// TestKeptPodsUseNoBudget: with Ineligible, a pod that a NoSchedule taint leaves on its node
// uses no budget while it is not available.
func TestKeptPodsUseNoBudget(t *testing.T) {
	kept := rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: rollout.Ineligible}}
	testPolicy(t, []policyCase{
		{"upstream", "the kept pod counts", build.Set{}, rollout.Policy{}, "a#=new! b=old", "nothing"},
		{"ignored", "the budget is for others", build.Set{}, kept, "a#=new! b=old", "-b; ignored: a (ignored by the caller)"},
	})
}

// TestIgnoredNodeWaitsForNothing: a node that is ignored for one reason asks for no pass at which
// another reason would ignore it, too, so that a wait of a day does not look like progress.
func TestIgnoredNodeWaitsForNothing(t *testing.T) {
	after := func(d time.Duration) *rollout.IgnoreAfter {
		return &rollout.IgnoreAfter{After: metav1.Duration{Duration: d}}
	}
	day := after(24 * time.Hour)
	chosen := &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "a" }}
	testPolicy(t, []policyCase{
		{"stuck, and not ready", "the stuck pod ignores the node", build.Set{}, rollout.Policy{IgnoreNotReadyNodes: day, IgnoreStuckPods: after(time.Second)},
			"a?=old~ b=old", "-b; ignored: a (pod is terminating past its grace period)"},
		{"not ready, and stuck", "the node is not ready", build.Set{}, rollout.Policy{IgnoreNotReadyNodes: after(time.Second), IgnoreStuckPods: day},
			"a?=old~ b=old", "-b; ignored: a (node is not ready)"},
		{"chosen, and not ready", "the caller ignores the node", build.Set{}, rollout.Policy{IgnoreNotReadyNodes: day, IgnoreNodes: chosen},
			"a?=old! b=old", "-b; 1 by ignored node; ignored: a (ignored by the caller)"},
		{"another node", "it waits for a day, and c's wait is over", build.Set{}, rollout.Policy{IgnoreNotReadyNodes: day, IgnoreStuckPods: after(time.Second)},
			"a=old b?=new! c?=old~", "nothing; ignored: c (pod is terminating past its grace period); again after 23h59m0s"},
		{"neither yet", "the shorter wait is over first", build.Set{}, rollout.Policy{IgnoreNotReadyNodes: day, IgnoreStuckPods: after(time.Hour)},
			"a?=old~ b=old", "nothing; again after 59m0s"},
	})
}

// TestIgnoredNodesGetNoPods holds passes that ignore creations on some nodes against the
// writes of daemon.Reconcile without these nodes, over random states and burst limits.
func TestIgnoredNodesGetNoPods(t *testing.T) {
	held, deferred, successors := 0, 0, 0
	eachFacts(t, 4000, func(t *testing.T, r *rand.Rand, in daemon.Input) {
		for range 4 {
			in.Nodes = append(in.Nodes, build.Node{Name: "m" + string(rune('0'+len(in.Nodes)))}.Object())
		}
		ignore := &rollout.IgnoreNodes{Creations: true, By: func(n *daemon.NodeState) bool { return int(n.Name[len(n.Name)-1])%2 == 0 }}
		in.BurstReplicas = oneOf(r, 0, 1, 2, 3)
		s, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		in.BurstReplicas = -1
		all, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		want := daemon.Reconcile(all)
		if want.Empty() {
			return
		}
		before := len(want.Create)
		want.Create = slices.DeleteFunc(want.Create, func(c daemon.Create) bool { return ignore.By(all.Node(c.Node)) })
		count := before - len(want.Create)
		var wantNodes []string
		for _, c := range want.Create[:min(s.BurstReplicas(), len(want.Create))] {
			wantNodes = append(wantNodes, c.Node+" "+c.Reason.String())
		}
		result, err := rollout.SyncSnapshot(s, rollout.Options{Policy: rollout.Policy{IgnoreNodes: ignore}})
		if err != nil {
			t.Fatal(err)
		}
		if result.Step != nil {
			return // Nothing is left to create, and the update goes on.
		}
		var gotNodes []string
		for _, c := range result.Plan.Create {
			gotNodes = append(gotNodes, c.Node+" "+c.Reason.String())
			if c.Pod == nil {
				t.Errorf("no pod for %s", c.Node)
			}
			if c.Reason == daemon.CreateReasonSuccessor {
				successors++
			}
		}
		if diff := cmp.Diff(wantNodes, gotNodes); diff != "" {
			t.Errorf("the pass creates (-want +got):\n%s", diff)
		}
		if got, want := result.Plan.CreateDeferred, len(want.Create)-len(wantNodes); got != want {
			t.Errorf("the pass defers %d creations, want %d", got, want)
		}
		if len(want.Create)+len(want.Delete) > 0 {
			nodes := map[string]bool{}
			for _, c := range want.Create {
				nodes[c.Node] = true
			}
			for _, d := range want.Delete {
				nodes[d.Node] = true
			}
			if result.Plan.Nodes != len(nodes) {
				t.Errorf("the plan has %d nodes, want %d", result.Plan.Nodes, len(nodes))
			}
		}
		got := 0
		for _, restricted := range result.Restricted {
			if restricted.By == rollout.RestrictionIgnored {
				got = restricted.Nodes
			}
		}
		if got != count {
			t.Errorf("Restricted has %d ignored nodes, want %d", got, count)
		}
		held, deferred = held+count, deferred+result.Plan.CreateDeferred
	})
	if held < 500 || deferred < 300 || successors < 50 {
		t.Errorf("only %d creations are held back, %d are deferred, and %d are successors", held, deferred, successors)
	}
}

// TestIgnoredFrom: an ignored node says since when the policy ignores it, for the first of its
// problems, and waits for no other.
func TestIgnoredFrom(t *testing.T) {
	after := func(d time.Duration) *rollout.IgnoreAfter {
		return &rollout.IgnoreAfter{After: metav1.Duration{Duration: d}}
	}
	all := &rollout.IgnoreNodes{By: func(*daemon.NodeState) bool { return true }}
	at := func(d time.Duration) time.Time { return build.Now.Add(-d) }
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		untimed   bool
		want      rollout.IgnoredNode
	}{
		{"not ready", "for an hour, and ignored after five minutes", rollout.Policy{IgnoreNotReadyNodes: after(5 * time.Minute)}, false,
			rollout.IgnoredNode{Node: "a", Reason: rollout.IgnoredNotReady, Since: at(time.Hour), From: at(55 * time.Minute)}},
		{"stuck pod", "for ten minutes", rollout.Policy{IgnoreStuckPods: after(time.Minute), IgnoreNodes: all}, false,
			rollout.IgnoredNode{Node: "a", Reason: rollout.IgnoredStuckPod, Since: at(10 * time.Minute), From: at(9 * time.Minute)}},
		{"both", "it was stuck for long enough before it was not ready for long enough", rollout.Policy{IgnoreNotReadyNodes: after(59 * time.Minute), IgnoreStuckPods: after(0)}, false,
			rollout.IgnoredNode{Node: "a", Reason: rollout.IgnoredNotReady, Since: at(time.Hour), From: at(10 * time.Minute)}},
		{"another one is not due", "it is ignored already", rollout.Policy{IgnoreNotReadyNodes: after(0), IgnoreStuckPods: after(time.Hour)}, false,
			rollout.IgnoredNode{Node: "a", Reason: rollout.IgnoredNotReady, Since: at(time.Hour), From: at(time.Hour)}},
		{"by the caller", "a predicate has no time", rollout.Policy{IgnoreNodes: all}, false,
			rollout.IgnoredNode{Node: "a", Reason: rollout.IgnoredByCaller}},
		{"without a time", "the condition has none", rollout.Policy{IgnoreNotReadyNodes: after(5 * time.Minute)}, true,
			rollout.IgnoredNode{Node: "a", Reason: rollout.IgnoredNotReady}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			node := build.Node{Name: "a", NotReady: time.Hour}.Object()
			if tc.untimed {
				node.Status.Conditions[0].LastTransitionTime = metav1.Time{}
			}
			pod := build.Pod{Name: "a", Node: "a", Hash: "old"}.Of(ds)
			gone := metav1.NewTime(at(10 * time.Minute))
			pod.DeletionTimestamp = &gone
			s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Nodes: []*corev1.Node{node}, Pods: []*corev1.Pod{pod}, Revisions: build.Current(ds, "new"), Now: build.Now})
			if err != nil {
				t.Fatal(err)
			}
			step, err := rollout.NextStep(s, rollout.Options{Policy: tc.policy})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]rollout.IgnoredNode{tc.want}, step.Policy.Ignored); diff != "" {
				t.Errorf("NextStep().Policy.Ignored differs: %s (-want +got):\n%s", tc.why, diff)
			}
			if step.Plan.RequeueAfter != 0 {
				t.Errorf("NextStep() goes on after %v, want never: %s", step.Plan.RequeueAfter, tc.why)
			}
		})
	}
}

// TestIgnoredOverTime: passes of a State at one time after another, and at an earlier one, ignore
// the nodes that a pass from scratch ignores, say which one is next, and share the list while it
// stays the same.
func TestIgnoredOverTime(t *testing.T) {
	ds := build.Set{}.Object()
	in := daemon.Input{DaemonSet: ds, Revisions: build.Current(ds, "new"), Now: build.Now}
	in.Nodes = []*corev1.Node{build.Node{Name: "a", NotReady: time.Minute}.Object(), build.Node{Name: "b", NotReady: 4 * time.Minute}.Object(), build.Node{Name: "c"}.Object()}
	for _, node := range []string{"a", "b", "c"} {
		in.Pods = append(in.Pods, build.Pod{Name: node, Node: node, Hash: "new"}.Of(ds))
	}
	gone := metav1.NewTime(build.Now.Add(-3 * time.Minute))
	in.Pods[1].DeletionTimestamp = &gone
	policy := rollout.Policy{
		IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 10 * time.Minute}},
		IgnoreStuckPods:     &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}},
	}
	at := func(d time.Duration) time.Time { return build.Now.Add(d) }
	notReady := func(node string, since time.Duration) rollout.IgnoredNode {
		return rollout.IgnoredNode{Node: node, Reason: rollout.IgnoredNotReady, Since: at(-since), From: at(10*time.Minute - since)}
	}
	stuck := rollout.IgnoredNode{Node: "b", Reason: rollout.IgnoredStuckPod, Since: at(-3 * time.Minute), From: at(2 * time.Minute)}
	both := notReady("b", 4*time.Minute)
	both.From = stuck.From
	state, err := rollout.NewState(in)
	if err != nil {
		t.Fatal(err)
	}
	var last []rollout.IgnoredNode
	unchanged := func() {}
	for _, tc := range []struct {
		at   time.Duration
		why  string
		want []rollout.IgnoredNode
		next time.Time
		same bool
	}{
		{at: 0, why: "no problem has lasted for long enough", next: at(2 * time.Minute)},
		{at: 2 * time.Minute, why: "the pod of b is stuck", want: []rollout.IgnoredNode{stuck}, next: at(9 * time.Minute)},
		{at: 5 * time.Minute, why: "nothing has happened", want: []rollout.IgnoredNode{stuck}, next: at(9 * time.Minute), same: true},
		{at: 6 * time.Minute, why: "b has not been ready for long enough, either", want: []rollout.IgnoredNode{both}, next: at(9 * time.Minute)},
		{at: 9 * time.Minute, why: "a follows", want: []rollout.IgnoredNode{notReady("a", time.Minute), both}},
		{at: 3 * time.Minute, why: "the time goes back", want: []rollout.IgnoredNode{stuck}, next: at(9 * time.Minute)},
	} {
		result, err := state.Sync(at(tc.at), rollout.Options{Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, result.Policy.Ignored); diff != "" {
			t.Errorf("after %v, Ignored differs: %s (-want +got):\n%s", tc.at, tc.why, diff)
		}
		if got := result.Policy.NextIgnored; !got.Equal(tc.next) {
			t.Errorf("after %v, NextIgnored = %v, want %v: %s", tc.at, got, tc.next, tc.why)
		}
		if tc.same && &last[0] != &result.Policy.Ignored[0] {
			t.Errorf("after %v, the list is another one: %s", tc.at, tc.why)
		}
		last = result.Policy.Ignored
		if cap(last) > len(last) {
			t.Errorf("after %v, the list of %d has room for %d, want none: what a caller appends must not reach other results", tc.at, len(last), cap(last))
		}
		list, before := last, unchanged
		unchanged = func() {
			before()
			if diff := cmp.Diff(tc.want, list); diff != "" {
				t.Errorf("Ignored of the pass after %v has changed since (-want +got):\n%s", tc.at, diff)
			}
		}
	}
	unchanged()
}

// TestIgnoredAndKept: a node that the policy ignores and the partition keeps leaves the budget once.
func TestIgnoredAndKept(t *testing.T) {
	for _, set := range []build.Set{{MaxUnavailable: "2"}, {MaxSurge: "2"}} {
		policy := rollout.Policy{
			IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "a" }},
			Partition:   &rollout.Partition{Nodes: intstr.FromInt32(2)},
		}
		step, err := rollout.NextStep(policySnapshot(t, set, "a=old+new! b=old"), rollout.Options{Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		want := []rollout.Restricted{{By: rollout.RestrictionIgnored, Nodes: 1}, {By: rollout.RestrictionPartition, Nodes: 1}}
		if diff := cmp.Diff(want, step.Policy.Restricted); diff != "" || step.Unavailable != 0 || step.Surging != 0 {
			t.Errorf("with maxSurge %q, NextStep() has %d unavailable and %d surging nodes, want none; Restricted differs (-want +got):\n%s", set.MaxSurge, step.Unavailable, step.Surging, diff)
		}
	}
}

// TestNextIgnoredOnDelete: without an update, too, a step asks for a pass when it is going to ignore
// a node.
func TestNextIgnoredOnDelete(t *testing.T) {
	policy := rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}}
	step, err := rollout.NextStep(policySnapshot(t, build.Set{OnDelete: true}, "a?=old"), rollout.Options{Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	if want := 4 * time.Minute; step.Plan.RequeueAfter != want || !step.Policy.NextIgnored.Equal(build.Now.Add(want)) {
		t.Errorf("NextStep() goes on after %v and ignores a node at %v, want both in %v", step.Plan.RequeueAfter, step.Policy.NextIgnored, want)
	}
	if got, want := step.Policy.String(), "the policy ignores another node at 2026-01-01T12:04:00Z"; got != want {
		t.Errorf("Policy.String() = %q, want %q", got, want)
	}
}
