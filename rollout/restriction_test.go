package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// TestRestrictedPass has whole passes under policies that hold back what Reconcile
// would write.
func TestRestrictedPass(t *testing.T) {
	half := intstr.FromString("50%")
	progressive := rollout.Policy{Partition: &rollout.Partition{Nodes: half, ProgressiveCreate: true}}
	// The DaemonSet is an hour old.
	slow := func(s rollout.SlowStart) rollout.Policy { return rollout.Policy{SlowStart: &s} }
	const most = 1<<63 - 1
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		burst     int
		nodes     string
		want      string
	}{
		{"pause creates", "scaling goes on", rollout.Policy{Paused: true}, 0, "a b=new", "create on a: node has no pod"},
		{"pause deletes", "a duplicate is no update", rollout.Policy{Paused: true}, 0, "a=new+new b=new", "delete a-1 on a: another pod stays on the node (a-0)"},
		{"freeze", "nothing is written", rollout.Policy{Frozen: true}, 0, "a b=new+new c=old",
			"held back: 2 by freeze\nupdate waits: 3 desired, 1 outdated; maxUnavailable 1, 2 unavailable\nheld back: 1 by freeze"},
		{"freeze, failed pod", "the pass that acts records the event", rollout.Policy{Frozen: true}, 0, "a=new/failed", "held back: 1 by freeze"},
		{"freeze, four pods on a node", "nodes are counted, not pods", rollout.Policy{Frozen: true}, 0, "a=new+new+new+new b=new", "held back: 1 by freeze"},
		{"freeze, deferred by the burst limit", "deferred nodes count as well", rollout.Policy{Frozen: true}, 1, "a b c", "held back: 3 by freeze"},
		{"progressive creation", "half of four may have pods, and one has", progressive, 0, "a b c d=new", "create on a: node has no pod\nheld back: 2 by partition"},
		{"progressive creation of everything", "zero nodes are left alone", rollout.Policy{Partition: &rollout.Partition{ProgressiveCreate: true}}, 0, "a b",
			"create on a: node has no pod\ncreate on b: node has no pod"},
		{"progressive creation of nothing", "more nodes are left alone than there are", rollout.Policy{Partition: &rollout.Partition{Nodes: intstr.FromInt32(1<<31 - 1), ProgressiveCreate: true}}, 0, "a b",
			"held back: 2 by partition"},
		{"partition alone", "it does not delay creations", rollout.Policy{Partition: &rollout.Partition{Nodes: half}}, 0, "a b", "create on a: node has no pod\ncreate on b: node has no pod"},
		{"progressive creation is used up", "half of two are updated", progressive, 0, "a b=new", "held back: 1 by partition"},
		{"progressive creation and burst", "of two allowed pods one is created now", progressive, 1, "a b c d",
			"create on a: node has no pod\ndeferred by the burst limit: 0 to delete, 1 to create\nheld back: 2 by partition"},
		{"slow start, later", "three intervals of one, two and three pods allow six", slow(rollout.SlowStart{Pods: 1, Increase: 1, Interval: lasting(20 * time.Minute)}), 0, "a b c",
			"create on a: node has no pod\ncreate on b: node has no pod\ncreate on c: node has no pod"},
		{"slow start, first interval", "it allows one pod", slow(rollout.SlowStart{Pods: 1, Interval: lasting(2 * time.Hour)}), 0, "a b c",
			"create on a: node has no pod\nrequeue after 1h0m0s\nheld back: 2 by slow start"},
		{"slow start, second interval", "one pod, and two more; one is there", slow(rollout.SlowStart{Pods: 1, Increase: 1, Interval: lasting(40 * time.Minute)}), 0, "a b c d e=new",
			"create on a: node has no pod\ncreate on b: node has no pod\nrequeue after 20m0s\nheld back: 2 by slow start"},
		{"slow start, at most", "one pod in the first interval and two in the second", slow(rollout.SlowStart{Pods: 1, Increase: 9, Most: 2, Interval: lasting(40 * time.Minute)}), 0, "a b c d e=new",
			"create on a: node has no pod\ncreate on b: node has no pod\nrequeue after 20m0s\nheld back: 2 by slow start"},
		{"slow start, largest increase", "the third interval allows every number of pods", slow(rollout.SlowStart{Pods: 1, Increase: most, Interval: lasting(25 * time.Minute)}), 0, "a b c",
			"create on a: node has no pod\ncreate on b: node has no pod\ncreate on c: node has no pod"},
		{"slow start, largest numbers", "no sum overflows", slow(rollout.SlowStart{Pods: most, Increase: most, Most: most, Interval: lasting(1)}), 0, "a b c",
			"create on a: node has no pod\ncreate on b: node has no pod\ncreate on c: node has no pod"},
		{"slow start beside progressive creation", "nodes that the partition leaves without a pod are not counted as created",
			rollout.Policy{Partition: progressive.Partition, SlowStart: &rollout.SlowStart{Pods: 1, Interval: lasting(2 * time.Hour)}}, 0, "a b c d e f",
			"create on a: node has no pod\nrequeue after 1h0m0s\nheld back: 3 by partition; 2 by slow start"},
		{"slow start, longest interval", "the first one is not over", slow(rollout.SlowStart{Pods: 1, Interval: lasting(most)}), 0, "a b",
			"create on a: node has no pod\nrequeue after 2562046h47m16.854775807s\nheld back: 1 by slow start"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := policyInput(t, build.Set{}, tc.nodes)
			in.BurstReplicas = tc.burst
			result, err := rollout.Sync(in, rollout.Options{Policy: tc.policy})
			if err != nil {
				t.Fatal(err)
			}
			got, _, _ := strings.Cut(result.String(), "\nstatus: ")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Sync() on %s under %v (-want +got), because %s:\n%s", tc.nodes, &tc.policy, tc.why, diff)
			}
		})
	}
}

// TestPolicyWithoutStep: Result.Policy can be read after every pass. It is zero if the
// pass takes no step, and that of the step otherwise.
func TestPolicyWithoutStep(t *testing.T) {
	canary := rollout.Options{Policy: canaryOf(rollout.Canary{})}
	for _, tc := range []struct {
		name, why string
		nodes     string
		step      bool
		want      string
	}{
		{"reconcile writes", "the canary's pod is created first", "a b=old", false, ""},
		{"step", "the canary begins", "a=old b=old", true, "canary starting on a\nheld back: 1 by canary"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result, err := rollout.Sync(syncInput(t, build.Set{}, tc.nodes), canary)
			if err != nil {
				t.Fatal(err)
			}
			if got := result.Policy.String(); got != tc.want || (result.Step != nil) != tc.step || (result.Policy.Canary != nil) != tc.step {
				t.Errorf("Sync() has the policy status %q and step %v, want %q, because %s", got, result.Step, tc.want, tc.why)
			}
		})
	}
}

// TestRestrictedPassLeavesTheRest has what a slow start and a freeze do not touch.
func TestRestrictedPassLeavesTheRest(t *testing.T) {
	slow := rollout.Policy{SlowStart: &rollout.SlowStart{Pods: 1, Interval: lasting(2 * time.Hour)}}
	result, err := rollout.Sync(policyInput(t, build.Set{MaxSurge: "1"}, "a b=old~ c=old~"), rollout.Options{Policy: slow})
	if err != nil {
		t.Fatal(err)
	}
	want := "create on b: all pods on the node are terminating or finished\ncreate on c: all pods on the node are terminating or finished\nrequeue after 1h0m0s"
	if got := result.Plan.String(); got != want {
		t.Errorf("Sync() in a slow start plans %s, want %s", got, want)
	}

	in := policyInput(t, build.Set{MaxSurge: "1"}, "a b=old~ c=old~ d")
	in.BurstReplicas = 1
	if result, err = rollout.Sync(in, rollout.Options{Policy: slow}); err != nil {
		t.Fatal(err)
	}
	want = "create on b: all pods on the node are terminating or finished\ndeferred by the burst limit: 0 to delete, 1 to create\nrequeue after 1h0m0s"
	if got := result.Plan.String(); got != want {
		t.Errorf("Sync() in a slow start with a burst of one plans %s, want %s: pods that are held back take no room", got, want)
	}

	in = policyInput(t, build.Set{}, "a=new/failed")
	in.Backoff = daemon.Backoff{{UID: in.DaemonSet.UID, Node: "a"}: {Last: build.Now.Add(-time.Minute), Delay: time.Second}}
	if result, err = rollout.Sync(in, rollout.Options{Policy: rollout.Policy{Frozen: true}}); err != nil {
		t.Fatal(err)
	}
	if result.Plan.BackoffChanges != nil {
		t.Errorf("Sync() in a freeze changes the backoff: %v", result.Plan.BackoffChanges)
	}
}

func TestNeedsDecision(t *testing.T) {
	partition := func(p rollout.Partition) rollout.Policy { return rollout.Policy{Partition: &p} }
	one := intstr.FromInt32(1)
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		trial     *rollout.CanaryTrial
		nodes     string
		want      bool
	}{
		{"no policy", "the update goes on", rollout.Policy{}, nil, "a=old b=new!", false},
		{"paused", "the pause has to end", rollout.Policy{Paused: true}, nil, "a=old b=new", true},
		{"paused, complete", "nothing is outdated", rollout.Policy{Paused: true}, nil, "a=new", false},
		{"paused, unavailable", "b may become available", rollout.Policy{Paused: true}, nil, "a=old b=new!", false},
		{"paused, unavailable and ignored", "b need not become available", rollout.Policy{Paused: true, IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}, nil, "a=old b?=new!", true},
		{"frozen", "the freeze has to end, whatever is available", rollout.Policy{Frozen: true}, nil, "a=old b=new!", true},
		{"frozen, creations", "first pods wait for the end as well", rollout.Policy{Frozen: true}, nil, "a b=new", true},
		{"partition", "the rest waits for another partition", partition(rollout.Partition{Nodes: one}), nil, "a=old b=new", true},
		{"partition, going on", "b is updated now", partition(rollout.Partition{Nodes: one}), nil, "a=old b=old c=new!", false},
		{"partition, first pods", "a waits for another partition", partition(rollout.Partition{Nodes: one, ProgressiveCreate: true}), nil, "a b=new", true},
		{"partition, first pods and an unavailable one", "b may become available", partition(rollout.Partition{Nodes: one, ProgressiveCreate: true}), nil, "a b=new!", false},
		{"node selector", "the rest waits for another selector", rollout.Policy{NodeSelector: zoneSelector("z1")}, nil, "a@z1=new b=old", true},
		{"partition, complete", "the outdated pod is left on a node that does not exist", partition(rollout.Partition{}), nil, "a=new gone=old", false},
		{"node selector, complete", "the outdated pod is left on a node that does not exist", rollout.Policy{NodeSelector: zoneSelector("z1")}, nil, "a@z1=new gone=old", false},
		{"paused, only a node that is gone", "b is ignored, and nobody waits for the pod of a node that does not exist",
			rollout.Policy{Paused: true, IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}, nil, "a=new b?=new! gone=old", false},
		{"domain", "the next one follows by itself", rollout.Policy{OneDomain: &rollout.OneDomain{Label: zones}}, nil, "a@z1=new! b@z2=old", false},
		{"slow start", "the next interval follows by itself", rollout.Policy{SlowStart: &rollout.SlowStart{Pods: 1, Interval: lasting(2 * time.Hour)}}, nil, "a=new b", false},
		{"canary waits", "it passes by itself", canaryOf(rollout.Canary{Wait: lasting(time.Hour)}), nil, "a=new b=old", false},
		{"canary unpromoted", "it waits for a promotion", canaryOf(rollout.Canary{Manual: true}), nil, "a=new b=old", true},
		{"canary unpromoted, nothing waits", "the promotion changes nothing", canaryOf(rollout.Canary{Manual: true}), trialOf(rollout.CanaryUnpromoted, tried("a")...), "a=new", false},
		{"canary paused", "a person has to look at it", canaryOf(rollout.Canary{}), nil, "a=new!/waiting=ErrImagePull b=old", true},
		{"canary failed", "the pass writes the rollback", canaryOf(rollout.Canary{}), trialOf(rollout.CanaryFailed, tried("a")...), "a=new! b=old", false},
		{"canary impossible", "its selector has to change", canaryOf(rollout.Canary{NodeSelector: zoneSelector("z9")}), nil, "a=new b=old", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result, err := rollout.Sync(policyInput(t, build.Set{}, tc.nodes), rollout.Options{Policy: tc.policy, CanaryTrial: tc.trial})
			if err != nil {
				t.Fatal(err)
			}
			if got := result.NeedsDecision(); got != tc.want {
				t.Errorf("NeedsDecision() on %s under %v = %v, want %v, because %s\n%v", tc.nodes, &tc.policy, got, tc.want, tc.why, result)
			}
		})
	}
}

// TestStatePolicy replaces the policy of a State by another.
func TestStatePolicy(t *testing.T) {
	in := policyInput(t, build.Set{}, "a@z1=old b@z2=old c@z3=old")
	state, err := rollout.NewState(in)
	if err != nil {
		t.Fatal(err)
	}
	pass := func(policy rollout.Policy, want string) {
		t.Helper()
		result, err := state.Sync(in.Now, rollout.Options{Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range result.Plan.Delete {
			got = append(got, d.Node)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("Sync() under %v deletes on %v, want %q", &policy, got, want)
		}
	}
	pass(rollout.Policy{Paused: true}, "")
	pass(rollout.Policy{}, "a")
	pass(rollout.Policy{NodeSelector: zoneSelector("z2")}, "b")
	pass(rollout.Policy{NodeSelector: zoneSelector("z3")}, "c")
	pass(rollout.Policy{NodeSelector: zoneSelector("z9")}, "")
	// A node that changes its labels is seen.
	if err := state.Update(daemon.Changes{Nodes: []*corev1.Node{build.Node{Name: "b", Labels: build.Labels{zones: "z9"}}.Object()}}); err != nil {
		t.Fatal(err)
	}
	pass(rollout.Policy{NodeSelector: zoneSelector("z9")}, "b")
	pass(rollout.Policy{OneDomain: &rollout.OneDomain{Label: zones, First: []string{"z9"}}}, "b")
}

// TestDomainText: a value says nothing without its label.
func TestDomainText(t *testing.T) {
	for _, tc := range []struct{ domain, want string }{
		{"z1", "one domain at a time: now zone=z1"},
		{"(none)", "one domain at a time: now the nodes without a value for zone"},
	} {
		if got := (rollout.PolicyStatus{Domain: tc.domain, DomainLabel: "zone"}).String(); got != tc.want {
			t.Errorf("String() of the domain %s = %q, want %q", tc.domain, got, tc.want)
		}
	}
}
