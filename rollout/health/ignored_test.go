package health_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestAssessIgnored: n1 and n2 are done. The node down has not been ready for two hours.
func TestAssessIgnored(t *testing.T) {
	after := func(d time.Duration) *rollout.IgnoreAfter {
		return &rollout.IgnoreAfter{After: metav1.Duration{Duration: d}}
	}
	notReady := rollout.Policy{IgnoreNotReadyNodes: after(5 * time.Minute)}
	stuck := rollout.Policy{IgnoreStuckPods: after(5 * time.Minute)}
	byCaller := rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "down" }}}
	noSchedule, noExecute := build.NoSchedule(corev1.TaintNodeUnreachable), build.NoExecute("lost")
	terminating := podDeleted(110*time.Minute, 30)
	unready := podUnready(2 * time.Hour)
	const ignored = "complete since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; ignored: down (node is not ready)"
	const notEligible = "complete since 2026-01-01T11:00:00Z: 2 of 2 nodes complete; ignored: down (node is not ready)"
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		set       build.Set
		taints    []corev1.Taint
		pods      []*corev1.Pod
		want      string
	}{
		{"old pod", "nobody waits for it", notReady, build.Set{}, nil, []*corev1.Pod{oldAgent("down", unready)}, ignored},
		{"current pod", "nobody waits for it", notReady, build.Set{}, nil, []*corev1.Pod{newAgent("down", unready)}, ignored},
		{"old pod, NoSchedule", "the node is not eligible and keeps its pod", notReady, build.Set{}, []corev1.Taint{noSchedule}, []*corev1.Pod{oldAgent("down", unready)}, notEligible},
		{"current pod, NoSchedule", "the node is not eligible and keeps its pod", notReady, build.Set{}, []corev1.Taint{noSchedule}, []*corev1.Pod{newAgent("down", unready)}, notEligible},
		{"old pod, evicted", "it terminates for ever", notReady, build.Set{}, []corev1.Taint{noExecute}, []*corev1.Pod{oldAgent("down", unready, terminating)}, notEligible},
		{"current pod, evicted", "it terminates for ever", notReady, build.Set{}, []corev1.Taint{noExecute}, []*corev1.Pod{newAgent("down", unready, terminating)}, notEligible},
		{"old pod, to be evicted", "the next pass deletes it, on a node that is ignored", notReady, build.Set{}, []corev1.Taint{noExecute}, []*corev1.Pod{oldAgent("down", unready)},
			"complete since 2026-01-01T11:00:00Z: 2 of 2 nodes complete; 1 to delete now; ignored: down (node is not ready)"},
		{"old pod, terminating", "it terminates for ever", notReady, build.Set{}, nil, []*corev1.Pod{oldAgent("down", unready, terminating)}, ignored},
		{"no pod", "the next pass creates one, on a node that is ignored", notReady, build.Set{}, nil, nil,
			"complete since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; 1 to create now; ignored: down (node is not ready)"},
		{"failed pod", "the next pass replaces it, on a node that is ignored", notReady, build.Set{}, nil, []*corev1.Pod{newAgent("down", podFailed("", ""))},
			"complete since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; 1 to delete now; ignored: down (node is not ready)"},
		{"OnDelete", "nobody has to delete the pod", notReady, build.Set{OnDelete: true}, nil, []*corev1.Pod{oldAgent("down", unready)}, ignored},
		{"surge", "maxSurge is another budget", notReady, build.Set{MaxSurge: "1"}, nil, []*corev1.Pod{oldAgent("down", unready)}, ignored},
		{"stuck pod", "its grace period is over for 109 minutes", stuck, build.Set{}, nil, []*corev1.Pod{oldAgent("down", unready, terminating)},
			"complete since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; ignored: down (pod is terminating past its grace period)"},
		{"by the caller", "whatever the reason is", byCaller, build.Set{}, nil, []*corev1.Pod{oldAgent("down", unready)},
			"complete since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; ignored: down (ignored by the caller)"},
		{"not yet", "it is ignored in three hours", rollout.Policy{IgnoreNotReadyNodes: after(5 * time.Hour)}, build.Set{}, nil, []*corev1.Pod{newAgent("down", unready)},
			"progressing: 2 of 3 nodes complete; the policy ignores another node at 2026-01-01T15:00:00Z; not complete: down (new-down: node is not ready since 2026-01-01T10:00:00Z: NodeStatusUnknown)" + doubt},
		{"another node too", "n3 is not ignored", notReady, build.Set{}, nil, []*corev1.Pod{oldAgent("down", unready), newAgent("n3", unready)},
			"stalled since 2026-01-01T11:00:00Z: 2 of 4 nodes complete; held back: 1 by ignored node; ignored: down (node is not ready); " +
				"not complete: n3 (new-n3: not ready: containers with unready status: [main])" + doubt},
	} {
		t.Run(tc.name, func(t *testing.T) {
			down := reportingNode("down", corev1.ConditionUnknown, "NodeStatusUnknown", "", 2*time.Hour)
			down.Spec.Taints = tc.taints
			nodes := append(build.Nodes("n1", "n2"), down)
			if slices.ContainsFunc(tc.pods, func(p *corev1.Pod) bool { return p.Spec.NodeName == "n3" }) {
				nodes = append(nodes, build.Nodes("n3")...)
			}
			got := assess(t, assessCase{
				set: tc.set, nodes: nodes, pods: append(tc.pods, newAgent("n1"), newAgent("n2")), opts: health.Options{Policy: tc.policy}, why: tc.why,
			})
			if got.String() != tc.want {
				t.Errorf("Assess() = %v, want %v: %s", got, tc.want, tc.why)
			}
			for _, b := range got.Blockers {
				if got.Policy.Ignores(b.Node) {
					t.Errorf("blocker %v, want none on an ignored node", b)
				}
			}
		})
	}
}

// TestIgnoredBlocksNothing: in random clusters, a rollout is complete with ignored nodes
// exactly if it is complete without these nodes and their pods. Percentages would be of fewer
// nodes then, so the budgets are numbers. Pods on nodes that do not exist are left out: no
// rollout waits for them, but a pass may delete them.
func TestIgnoredBlocksNothing(t *testing.T) {
	complete, ignored := 0, 0
	for seed := range property.Seeds(t, 1000) {
		r := rand.New(rand.NewPCG(seed, 17))
		in, _ := randomInput(r)
		if update := in.DaemonSet.Spec.UpdateStrategy.RollingUpdate; update != nil {
			if update.MaxUnavailable.Type == intstr.String || update.MaxSurge.Type == intstr.String {
				*update.MaxUnavailable, *update.MaxSurge = intstr.FromInt32(1), intstr.FromInt32(0)
			}
		}
		in.Pods = slices.DeleteFunc(in.Pods, func(p *corev1.Pod) bool {
			name, _ := daemon.TargetNode(p)
			return !slices.ContainsFunc(in.Nodes, func(n *corev1.Node) bool { return n.Name == name })
		})
		opts := health.Options{Policy: ignoringPolicy(r)}
		a, err := health.Assess(observe(t, in), opts)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if a.State == health.StateDeleting || len(a.Policy.Ignored) == 0 {
			continue
		}
		ignored++
		rest := in
		rest.Nodes = slices.DeleteFunc(slices.Clone(in.Nodes), func(n *corev1.Node) bool { return a.Policy.Ignores(n.Name) })
		rest.Pods = slices.DeleteFunc(slices.Clone(in.Pods), func(p *corev1.Pod) bool {
			name, _ := daemon.TargetNode(p)
			return a.Policy.Ignores(name)
		})
		without, err := health.Assess(observe(t, rest), health.Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, want := a.State == health.StateComplete, without.State == health.StateComplete
		if got != want {
			t.Fatalf("seed %d: Assess() = %v, but without the ignored nodes %v", seed, a, without)
		}
		for _, n := range a.Policy.Ignored {
			if slices.ContainsFunc(a.Blockers, func(b health.Blocker) bool { return b.Node == n.Node }) {
				t.Fatalf("seed %d: the ignored %v blocks: %v", seed, n, a)
			}
		}
		if got && a.Complete < a.Desired {
			complete++
		}
	}
	if ignored < 250 || complete < 20 {
		t.Errorf("%d clusters with ignored nodes, %d of them complete without these, want 250 and 20", ignored, complete)
	}
}

// TestAssessBeginsToIgnore: the rollout changes when the policy begins to ignore a node. So it is
// complete since no time at which it was not, and simulate ends at the same time.
func TestAssessBeginsToIgnore(t *testing.T) {
	minutes := &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}
	down := build.Node{Name: "w2", NotReady: time.Second}.Object()
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		times     simulate.PodTimes
		down      bool
	}{
		{"not ready", "it is for five minutes", rollout.Policy{IgnoreNotReadyNodes: minutes}, simulate.PodTimes{}, true},
		{"stuck pod", "its grace period is over for five minutes", rollout.Policy{IgnoreStuckPods: minutes}, simulate.PodTimes{TerminatesAfter: -1}, false},
		{"both", "the pod cannot be stuck on a node that was down before", rollout.Policy{IgnoreNotReadyNodes: minutes, IgnoreStuckPods: &rollout.IgnoreAfter{}}, simulate.PodTimes{TerminatesAfter: -1}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := updated(t, false, always(simulate.PodTimes{}))
			ds := c.Input(build.Set{}.Object()).DaemonSet.DeepCopy()
			ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(3))
			if err := c.Apply(ds); err != nil {
				t.Fatal(err)
			}
			c.Options.Policy = tc.policy
			c.Options.PodTimes = func(node *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
				if node != nil && node.Name == "w2" {
					return tc.times
				}
				return simulate.PodTimes{}
			}
			if tc.down {
				down.Status.Conditions[0].LastTransitionTime = metav1.NewTime(c.Now())
				if err := c.Apply(down); err != nil {
					t.Fatal(err)
				}
			}
			end, err := simulate.Settle(c.Input(build.Set{}.Object()), c.Options)
			if err != nil || end.State != simulate.EndComplete {
				t.Fatalf("Settle() = %v, %v, want complete", end, err)
			}
			opts := health.Options{Policy: tc.policy}
			if a, err := health.Assess(observe(t, end.After), opts); err != nil || !a.LastChange.Equal(end.Time) {
				t.Errorf("Assess() = %v since %v, %v, but simulate ends at %v: %s", a, a.LastChange, err, end.Time, tc.why)
			}
			var incomplete time.Time
			complete := 0
			for range 60 {
				if err := c.Advance(10 * time.Second); err != nil {
					t.Fatal(err)
				}
				a, err := health.Assess(observe(t, c.Input(build.Set{}.Object())), opts)
				switch {
				case err != nil:
					t.Fatal(err)
				case a.State != health.StateComplete:
					incomplete = c.Now()
				case a.LastChange.Before(incomplete):
					t.Fatalf("Assess() = %v, but at %v it was not: %s", a, incomplete, tc.why)
				default:
					complete++
				}
				opts.Memory = stored(t, a.Memory)
			}
			if complete == 0 || incomplete.IsZero() {
				t.Errorf("%d looks found it complete, and the last one that did not was at %v", complete, incomplete)
			}
		})
	}
}
