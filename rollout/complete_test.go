package rollout_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
)

// TestComplete: two nodes are done, and the third has not been ready for an hour.
func TestComplete(t *testing.T) {
	ignore := rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}
	for _, tc := range []struct {
		name, why string
		set       build.Set
		policy    rollout.Policy
		pods      []build.Pod // of the node that is down, and of others
		want      bool
	}{
		{"no policy, old pod", "the pod is outdated", build.Set{}, rollout.Policy{}, []build.Pod{{Name: "x", Node: "down", Hash: "old", NotReady: true}}, false},
		{"no policy, current pod", "the pod is not available", build.Set{}, rollout.Policy{}, []build.Pod{{Name: "x", Node: "down", Hash: "new", NotReady: true}}, false},
		{"old pod", "the node is ignored", build.Set{}, ignore, []build.Pod{{Name: "x", Node: "down", Hash: "old", NotReady: true}}, true},
		{"current pod", "the node is ignored", build.Set{}, ignore, []build.Pod{{Name: "x", Node: "down", Hash: "new", NotReady: true}}, true},
		{"no pod", "a pass that creates one also says what it ignores", build.Set{}, ignore, nil, true},
		{"OnDelete", "a pass without a step also says what it ignores", build.Set{OnDelete: true}, ignore, []build.Pod{{Name: "x", Node: "down", Hash: "old", NotReady: true}}, true},
		{"frozen", "a frozen pass also says what it ignores", build.Set{}, rollout.Policy{Frozen: true, IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}, nil, true},
		{"another node", "it is not ignored", build.Set{}, ignore, []build.Pod{{Name: "x", Node: "down", Hash: "old", NotReady: true}, {Name: "y", Node: "n3", Hash: "new", NotReady: true}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.set.Object()
			in := daemon.Input{
				DaemonSet: ds, Now: build.Now, Revisions: build.Current(ds, "new"),
				Nodes: append(build.Nodes("n1", "n2"), build.Node{Name: "down", NotReady: time.Hour}.Object()),
				Pods:  []*corev1.Pod{build.Pod{Name: "a", Node: "n1", Hash: "new"}.Of(ds), build.Pod{Name: "b", Node: "n2", Hash: "new"}.Of(ds)},
			}
			for _, pod := range tc.pods {
				in.Pods = append(in.Pods, pod.Of(ds))
				if pod.Node == "n3" {
					in.Nodes = append(in.Nodes, build.Nodes("n3")...)
				}
			}
			result, err := rollout.Sync(in, rollout.Options{Policy: tc.policy})
			if err != nil {
				t.Fatal(err)
			}
			if got := rollout.Complete(result.Snapshot, result.Policy); got != tc.want {
				t.Errorf("Complete() = %v, want %v: %s\n%v", got, tc.want, tc.why, result)
			}
			if got := result.Policy.Ignores("down"); got != (tc.policy.IgnoreNotReadyNodes != nil) {
				t.Errorf("Ignores(down) = %v, ignored are %v", got, result.Policy.Ignored)
			}
		})
	}
}

// TestIgnoredLater: a pass asks for another one when the policy will ignore a node, also
// without an update.
func TestIgnoredLater(t *testing.T) {
	for _, set := range []build.Set{{}, {OnDelete: true}} {
		ds := set.Object()
		in := daemon.Input{
			DaemonSet: ds, Now: build.Now, Revisions: build.Current(ds, "new"), Nodes: []*corev1.Node{build.Node{Name: "down", NotReady: time.Minute}.Object()},
			Pods: []*corev1.Pod{build.Pod{Name: "a", Node: "down", Hash: "new", NotReady: true}.Of(ds)},
		}
		policy := rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}}
		result, err := rollout.Sync(in, rollout.Options{Policy: policy})
		if err != nil || result.Plan.RequeueAfter != 4*time.Minute || result.Policy.Ignored != nil {
			t.Errorf("OnDelete %v: Sync() = %v, %v, next after %v, want 4 minutes", set.OnDelete, result, err, result.Plan.RequeueAfter)
		}
	}
}

// TestCompleteWithoutIgnored: in random clusters a rollout is complete exactly if it is
// complete without the ignored nodes and their pods, and all passes agree about these nodes.
func TestCompleteWithoutIgnored(t *testing.T) {
	seen := map[bool]int{}
	for seed := range property.Seeds(t, 750) {
		r := rand.New(rand.NewPCG(seed, 29))
		in := randomFacts(t, r)
		after := &rollout.IgnoreAfter{After: metav1.Duration{Duration: oneOf(r, 0, time.Minute)}}
		policy := oneOf(r, rollout.Policy{IgnoreNotReadyNodes: after}, rollout.Policy{IgnoreStuckPods: after},
			rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name < "n4" }}},
			rollout.Policy{IgnoreNotReadyNodes: after, IgnoreStuckPods: after, IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "n0" }}})
		result, err := rollout.Sync(in, rollout.Options{Policy: policy})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if result.Snapshot == nil {
			continue
		}
		if step, err := rollout.NextStep(result.Snapshot, rollout.Options{Policy: policy}); err == nil {
			if diff := cmp.Diff(step.Policy.Ignored, result.Policy.Ignored); diff != "" {
				t.Fatalf("seed %d: Sync() ignores other nodes (-NextStep +Sync):\n%s", seed, diff)
			}
		}
		names := make([]string, len(result.Policy.Ignored))
		for i, n := range result.Policy.Ignored {
			names[i] = n.Node
		}
		if !slices.IsSorted(names) {
			t.Fatalf("seed %d: %v is not in order", seed, names)
		}
		rest := in
		rest.Nodes = slices.DeleteFunc(slices.Clone(in.Nodes), func(n *corev1.Node) bool { return slices.Contains(names, n.Name) })
		rest.Pods = slices.DeleteFunc(slices.Clone(in.Pods), func(p *corev1.Pod) bool {
			name, _ := daemon.TargetNode(p)
			return slices.Contains(names, name)
		})
		without, err := daemon.Observe(rest)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, want := rollout.Complete(result.Snapshot, result.Policy), rollout.Complete(without, rollout.PolicyStatus{})
		if got != want {
			t.Fatalf("seed %d: Complete() = %v with %v ignored, and %v without these nodes", seed, got, names, want)
		}
		if len(names) > 0 {
			seen[got]++
		}
	}
	if seen[false] < 200 || seen[true] < 100 {
		t.Errorf("complete or not with ignored nodes: %v, want 100 and 200", seen)
	}
}

// TestIgnoredWhileAwaitingWrites: a pass that waits for earlier writes names the ignored nodes as
// any other pass does, so that Complete is the same.
func TestIgnoredWhileAwaitingWrites(t *testing.T) {
	ds := build.Set{}.Object()
	in := daemon.Input{DaemonSet: ds, Now: build.Now, Revisions: build.Current(ds, "new"), Nodes: []*corev1.Node{
		build.Node{Name: "a"}.Object(), build.Node{Name: "down", NotReady: time.Hour}.Object(),
	}}
	in.Pods = append(in.Pods, build.Pod{Name: "a", Node: "a", Hash: "new"}.Of(ds))
	for _, awaiting := range []bool{false, true} {
		policy := rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}
		r, err := rollout.Sync(in, rollout.Options{Policy: policy, AwaitingWrites: awaiting})
		if err != nil || !rollout.Complete(r.Snapshot, r.Policy) {
			t.Errorf("AwaitingWrites %v: Complete() is false with %v, %v", awaiting, r.Policy, err)
		}
	}
}
