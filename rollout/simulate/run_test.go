package simulate_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/kubectl"
	"github.com/pernode/daemonset/rollout/simulate"
)

// settle plays a rollout to its end, and checks that the end comes once and last.
func settle(t *testing.T, in daemon.Input, opts simulate.Options) *simulate.End {
	t.Helper()
	var last *simulate.End
	for pass, err := range simulate.Run(in, opts) {
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			t.Fatalf("pass %d comes after the end", pass.Number)
		}
		last = pass.End
	}
	if last == nil {
		t.Fatal("the last pass has no end")
	}
	return last
}

// outdated returns a cluster at rest on the given nodes, whose pods are of an older
// template.
func outdated(set build.Set, nodes ...*corev1.Node) daemon.Input {
	ds := set.Object()
	in := daemon.Input{DaemonSet: ds, Nodes: nodes, Now: build.Now, Revisions: build.Current(ds, "new")}
	old := build.Revision{Hash: "old", Number: 0, Data: `{"spec":{"template":{"$patch":"replace"}}}`}.Of(ds)
	in.Revisions = append(in.Revisions, old)
	for _, node := range nodes {
		in.Pods = append(in.Pods, build.Pod{Name: "on-" + node.Name, Node: node.Name, Hash: "old"}.Of(ds))
	}
	return in
}

// onNode gives the pods of one node other times.
func onNode(name string, times simulate.PodTimes) simulate.Options {
	return simulate.Options{PodTimes: func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
		if node != nil && node.Name == name {
			return times
		}
		return simulate.PodTimes{}
	}}
}

func always(times simulate.PodTimes) simulate.Options {
	return simulate.Options{PodTimes: func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return times }}
}

func TestRunEnd(t *testing.T) {
	second := "ip-10-0-1.compute.internal"
	rest := []string{second, "ip-10-0-2.compute.internal", "ip-10-0-3.compute.internal"}
	for _, tc := range []struct {
		name, why string
		surge     string
		outdated  int
		opts      simulate.Options
		state     simulate.EndState
		after     time.Duration
		lowest    int
		on        []string
	}{
		{
			name: "nothing to do", why: "one empty pass says so",
			state: simulate.EndComplete, lowest: 4,
		}, {
			name: "healthy", why: "each of four nodes takes two seconds to end a pod and ten to start one",
			outdated: 4, state: simulate.EndComplete, after: 48 * time.Second, lowest: 3,
		}, {
			name: "surge", why: "the new pod comes first, so that availability never drops",
			outdated: 4, surge: "1", state: simulate.EndComplete, after: 40 * time.Second, lowest: 4,
		}, {
			name: "never ready", why: "the second node's new pod uses up the budget for good",
			outdated: 4, opts: onNode(second, simulate.PodTimes{ReadyAfter: -1}), state: simulate.EndStalled, after: 12 * time.Second, lowest: 3, on: rest,
		}, {
			name: "never bound", why: "the scheduler finds no room on the second node",
			outdated: 4, opts: onNode(second, simulate.PodTimes{BoundAfter: -1}), state: simulate.EndStalled, after: 12 * time.Second, lowest: 3, on: rest,
		}, {
			name: "bound late", why: "ready counts from the binding: one minute more for the second node",
			outdated: 4, opts: onNode(second, simulate.PodTimes{BoundAfter: time.Minute}), state: simulate.EndComplete, after: 108 * time.Second, lowest: 3,
		}, {
			name: "crashes for ever", why: "a node on which pods fail again and again is found out",
			outdated: 4, opts: onNode(second, simulate.PodTimes{ReadyAfter: -1, FailsAfter: 5 * time.Second}), state: simulate.EndStalled,
			after: 12 * time.Second, lowest: 3, on: rest,
		}, {
			name: "fails first", why: "a pod that fails when it would become ready is never ready",
			outdated: 4, opts: onNode(second, simulate.PodTimes{ReadyAfter: 5 * time.Second, FailsAfter: 5 * time.Second}), state: simulate.EndStalled,
			after: 12 * time.Second, lowest: 3, on: rest,
		}, {
			name: "never fails", why: "below zero is never for every duration: the pod becomes ready as by default",
			outdated: 4, opts: always(simulate.PodTimes{FailsAfter: -1}), state: simulate.EndComplete, after: 48 * time.Second, lowest: 3,
		}, {
			name: "never terminates", why: "a pod that does not terminate blocks the rest",
			outdated: 2, opts: onNode(second, simulate.PodTimes{TerminatesAfter: -1}), state: simulate.EndStalled, after: 12 * time.Second, lowest: 3,
			on: []string{second},
		}, {
			name: "long", why: "durations of centuries do not overflow",
			outdated: 4, opts: always(simulate.PodTimes{BoundAfter: 1<<63 - 1, ReadyAfter: 1<<63 - 1, TerminatesAfter: 1<<63 - 1}),
			state: simulate.EndComplete, after: 1<<63 - 1, lowest: 3,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := facts(t, 4, tc.outdated)
			limit := intstr.FromInt32(1)
			in.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &limit
			if tc.surge != "" {
				update := in.DaemonSet.Spec.UpdateStrategy.RollingUpdate
				none, surge := intstr.FromInt32(0), intstr.Parse(tc.surge)
				update.MaxUnavailable, update.MaxSurge = &none, &surge
			}
			got := settle(t, in, tc.opts)
			if got.Passes > 50 {
				t.Errorf("Run() makes %d passes, want no more than a few for each node", got.Passes)
			}
			if got.State != tc.state || got.Time.Sub(in.Now) != tc.after || got.LowestAvailable != tc.lowest {
				t.Errorf("Run() ends %v after %v with at least %d, want %v after %v with %d: %s", got.State, got.Time.Sub(in.Now),
					got.LowestAvailable, tc.state, tc.after, tc.lowest, tc.why)
			}
			var on []string
			for _, n := range got.Incomplete {
				on = append(on, n.Node)
			}
			if diff := cmp.Diff(tc.on, on); diff != "" {
				t.Errorf("Run() ends on these nodes: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestRunRespectsFacts: what the objects say about the past decides what can happen.
func TestRunRespectsFacts(t *testing.T) {
	down := build.Node{Name: "a", NotReady: 100 * time.Hour}.Object()
	since := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: build.Now.Add(d)} }
	for _, tc := range []struct {
		name, why string
		nodes     []*corev1.Node
		change    func(in *daemon.Input)
		opts      simulate.Options
		state     simulate.EndState
		on        []string
	}{
		{
			name: "node down, pod terminating", why: "no kubelet ends the pod",
			nodes:  []*corev1.Node{down, build.Node{Name: "b"}.Object()},
			change: func(in *daemon.Input) { in.Pods[0].DeletionTimestamp = since(-99 * time.Hour) },
			state:  simulate.EndStalled, on: []string{"a", "b"},
		}, {
			name: "node down, all updated but its pod", why: "the node is what it waits for",
			nodes: []*corev1.Node{down, build.Node{Name: "b"}.Object()},
			change: func(in *daemon.Input) {
				in.Pods[0].DeletionTimestamp = since(-99 * time.Hour)
				in.Pods[1] = build.Pod{Name: "on-b", Node: "b", Hash: "new"}.Of(in.DaemonSet)
			},
			state: simulate.EndStalled, on: []string{"a"},
		}, {
			name: "node down, blanket times", why: "times do not start a kubelet",
			nodes:  []*corev1.Node{down},
			change: func(in *daemon.Input) { in.Pods[0].DeletionTimestamp = since(time.Hour) },
			opts:   always(simulate.PodTimes{ReadyAfter: time.Second, TerminatesAfter: time.Second}),
			state:  simulate.EndStalled, on: []string{"a"},
		}, {
			name: "node down, no pod", why: "the new pod is bound and never ready",
			nodes:  []*corev1.Node{down},
			change: func(in *daemon.Input) { in.Pods = nil },
			state:  simulate.EndStalled, on: []string{"a"},
		}, {
			name: "node down, pod crashing", why: "without a kubelet it does not fail either",
			nodes:  []*corev1.Node{down},
			change: func(in *daemon.Input) { in.Pods = nil },
			opts:   always(simulate.PodTimes{FailsAfter: time.Second}),
			state:  simulate.EndStalled, on: []string{"a"},
		}, {
			name: "past its grace period", why: "something holds the pod on a ready node",
			nodes:  build.Nodes("a"),
			change: func(in *daemon.Input) { in.Pods[0].DeletionTimestamp = since(-time.Second) },
			state:  simulate.EndStalled, on: []string{"a"},
		}, {
			name: "past its grace period, blanket times", why: "times do not take away what holds it",
			nodes:  build.Nodes("a"),
			change: func(in *daemon.Input) { in.Pods[0].DeletionTimestamp = since(-time.Second) },
			opts:   always(simulate.PodTimes{TerminatesAfter: time.Second}),
			state:  simulate.EndStalled, on: []string{"a"},
		}, {
			name: "within its grace period", why: "the kubelet is at it",
			nodes:  build.Nodes("a"),
			change: func(in *daemon.Input) { in.Pods[0].DeletionTimestamp = since(0) },
			state:  simulate.EndComplete,
		}, {
			name: "not bound", why: "the scheduler binds it to the node that it is pinned to",
			nodes: build.Nodes("a"),
			change: func(in *daemon.Input) {
				in.Pods[0] = build.Pod{Name: "on-a", Node: "a", Hash: "new", Unbound: true}.Of(in.DaemonSet)
			},
			state: simulate.EndComplete,
		}, {
			name: "node gone", why: "pod garbage collection ends its pods, overdue or not",
			nodes: build.Nodes("a"),
			change: func(in *daemon.Input) {
				in.Pods[0] = build.Pod{Name: "on-a", Node: "a", Hash: "new"}.Of(in.DaemonSet)
				in.Pods = append(in.Pods, build.Pod{Name: "on-z", Node: "z", Hash: "old", Deleting: true}.Of(in.DaemonSet))
			},
			state: simulate.EndComplete,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := outdated(build.Set{}, tc.nodes...)
			tc.change(&in)
			got := settle(t, in, tc.opts)
			var on []string
			for _, n := range got.Incomplete {
				on = append(on, n.Node)
			}
			if got.State != tc.state || cmp.Diff(tc.on, on) != "" {
				t.Errorf("Run() = %v, want %v on %v: %s", got, tc.state, tc.on, tc.why)
			}
			for _, pod := range got.After.Pods {
				if running := pod.Status.Phase == corev1.PodRunning; running && pod.Spec.NodeName == "" {
					t.Errorf("pod %s runs on no node", pod.Name)
				}
				if pod.Spec.NodeName == "z" {
					t.Errorf("pod %s outlives its node", pod.Name)
				}
			}
		})
	}
}

// TestRunIgnored: the controller does nothing, and the end says so.
func TestRunIgnored(t *testing.T) {
	for name, tc := range map[string]struct {
		set  build.Set
		want string
	}{
		"deleting":       {build.Set{Deleting: true}, "the controller ignores it: being deleted"},
		"empty selector": {build.Set{Selector: &metav1.LabelSelector{}}, "the controller ignores it: selector selects every pod"},
	} {
		got := settle(t, outdated(tc.set, build.Nodes("a")...), simulate.Options{})
		if got.State != simulate.EndIgnored || got.String() != tc.want || got.Incomplete != nil {
			t.Errorf("%s: Run() = %v, want %q", name, got, tc.want)
		}
	}
}

// TestRunUnknownLabels: a complete rollout says what of its policy no node has.
func TestRunUnknownLabels(t *testing.T) {
	one := intstr.FromInt32(1)
	for _, tc := range []struct {
		policy rollout.Policy
		want   string
	}{
		{rollout.Policy{Canary: &rollout.Canary{Nodes: one, Spread: []string{"rack"}}}, "no eligible node has a value for the label rack: the canary is not spread over it"},
		{rollout.Policy{OneDomain: &rollout.OneDomain{Label: "rack"}}, "no eligible node has a value for the label rack: all nodes are one domain"},
	} {
		end := settle(t, outdated(build.Set{}, build.Nodes("a", "b")...), simulate.Options{Policy: tc.policy})
		if _, rest, _ := strings.Cut(end.String(), "\n"); end.State != simulate.EndComplete || rest != tc.want {
			t.Errorf("Run() under %v = %v, want it complete with %q", tc.policy, end, tc.want)
		}
	}
}

func TestRunNeedsDecision(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		state     simulate.EndState
		on        int
	}{
		{"pause", "a person has to end it", rollout.Policy{Paused: true}, simulate.EndWaiting, 3},
		{"partition", "one node is held back for good", rollout.Policy{Partition: &rollout.Partition{Nodes: intstr.FromInt32(1)}}, simulate.EndWaiting, 1},
		{"manual canary", "it waits for promotion", rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}}, simulate.EndWaiting, 2},
		{"order", "nothing is held back", rollout.Policy{Order: &rollout.Order{By: rollout.Reverse(rollout.ByName)}}, simulate.EndComplete, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := settle(t, outdated(build.Set{}, build.Nodes("a", "b", "c")...), simulate.Options{Policy: tc.policy})
			if got.State != tc.state || len(got.Incomplete) != tc.on {
				t.Errorf("Run() = %v, want %v on %d nodes: %s", got, tc.state, tc.on, tc.why)
			}
		})
	}
}

// TestRunPromoted: a trial that is promoted lets a stopped rollout go on.
func TestRunPromoted(t *testing.T) {
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}}
	in := outdated(build.Set{}, build.Nodes("a", "b", "c")...)
	c, err := simulate.NewCluster(in, simulate.Options{Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	ends, err := c.Settle()
	if err != nil || ends[0].State != simulate.EndWaiting {
		t.Fatalf("Settle() = %v, %v, want a decision to be needed", ends, err)
	}
	promoted := *ends[0].Last.CanaryTrial
	promoted.State = rollout.CanaryPromoted
	c.Options.CanaryTrial = &promoted
	if ends, err = c.Settle(); err != nil || ends[0].State != simulate.EndComplete {
		t.Errorf("Settle() with the promoted trial = %v, %v, want it complete", ends, err)
	}
	// The same with a Run that begins where the other ended.
	end := settle(t, in, simulate.Options{Policy: policy})
	promoted = *end.Last.CanaryTrial
	promoted.State = rollout.CanaryPromoted
	if end = settle(t, end.After, simulate.Options{Policy: policy, CanaryTrial: &promoted}); end.State != simulate.EndComplete {
		t.Errorf("Run() with the promoted trial = %v, want it complete", end)
	}
}

// TestRunTakesOverATrialOnce: the cluster goes on with a trial that it is given, and does
// not begin it again with every pass.
func TestRunTakesOverATrialOnce(t *testing.T) {
	in := outdated(build.Set{MaxUnavailable: "2"}, build.Nodes("a", "b", "c", "d", "e", "f")...)
	c, err := simulate.NewCluster(in, simulate.Options{
		Policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}},
		CanaryTrial: &rollout.CanaryTrial{
			RevisionHash: "new", State: rollout.CanaryStarting, Since: metav1.NewTime(build.Now), Nodes: []rollout.CanaryNode{{Name: "a"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var end *simulate.End
	broken := false
	for pass, err := range c.Run() {
		if err != nil {
			t.Fatal(err)
		}
		if trial := pass.Result.CanaryTrial; !broken && trial != nil && trial.State == rollout.CanaryPassed {
			// The canary has passed: that its pod breaks now holds nothing back.
			broken = true
			c.Options.PodTimes = onNode("a", simulate.PodTimes{ReadyAfter: -1}).PodTimes
			for _, pod := range c.Input(in.DaemonSet).Pods {
				if pod.Spec.NodeName == "a" {
					pod = pod.DeepCopy()
					pod.Status.Conditions = nil
					apply(t, c, pod)
				}
			}
		}
		end = pass.End
	}
	if !broken || len(end.Incomplete) != 1 || end.Incomplete[0].Node != "a" {
		t.Errorf("Run() = %v, canary broken %v, want all nodes but a to be complete", end, broken)
	}
}

// TestRunRollback: a canary that fails takes the DaemonSet back, and the way back is
// played to its end.
func TestRunRollback(t *testing.T) {
	in := backFrom("agent:0", build.Nodes("a", "b", "c")...)
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 5 * time.Second}}}
	end := settle(t, in, simulate.Options{Policy: policy})
	after := end.After.DaemonSet
	if end.State != simulate.EndComplete || end.Rollback == nil || after.Spec.Template.Spec.Containers[0].Image != "agent:0" || after.Generation != 2 {
		t.Errorf("Run() = %v with generation %d, want it back on the old template with generation 2", end, after.Generation)
	}
	const want = "rolled back to revision agent-old (number 1): canary failed: a: agent-1: takes too long to start\ncomplete after 19s (8 passes, at least 2 of 3 available)"
	if diff := cmp.Diff(want, end.String()); diff != "" {
		t.Errorf("String() (-want +got):\n%s", diff)
	}
	// The restored template may stall as well: the first line stays.
	end.State, end.FailedCanary = simulate.EndStalled, nil
	if line, _, _ := strings.Cut(end.String(), "\n"); line != "rolled back to revision agent-old (number 1)" {
		t.Errorf("String() begins with %q, want the rollback", line)
	}
}

// TestRunWaitsForThePolicy has pods that crash on one node again and again while the policy
// still has something to do: the end is that of the policy.
func TestRunWaitsForThePolicy(t *testing.T) {
	hour := metav1.Duration{Duration: time.Hour}
	crashes := onNode("a", simulate.PodTimes{FailsAfter: time.Second}).PodTimes
	newCrashes := func(node *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
		if pod.Spec.Containers != nil && pod.Spec.Containers[0].Image == "agent:1" {
			return crashes(node, pod)
		}
		return simulate.PodTimes{}
	}
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		first     bool // There are no pods yet.
		times     func(*corev1.Node, *corev1.Pod) simulate.PodTimes
		state     simulate.EndState
		rollback  bool
		on        []string
		least     time.Duration // between the beginning and the last event
	}{
		{
			name: "canary, restarts", why: "six failed pods fail the trial, and the template before is restored",
			policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}}, times: newCrashes,
			state: simulate.EndComplete, rollback: true,
		}, {
			name: "canary, time", why: "an hour fails the trial, although restarts do not",
			policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailRestarts: -1, FailAfter: hour}}, times: newCrashes,
			state: simulate.EndComplete, rollback: true, least: time.Hour,
		}, {
			name: "canary, no limits", why: "the trial goes on for ever, paused by the restarts",
			policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailRestarts: -1, PauseRestarts: 8}}, times: newCrashes,
			state: simulate.EndWaiting, on: []string{"a", "b", "c"},
		}, {
			name: "slow start", why: "the other nodes are due in one and two hours",
			policy: rollout.Policy{SlowStart: &rollout.SlowStart{Pods: 1, Interval: hour}}, first: true, times: crashes,
			state: simulate.EndStalled, on: []string{"a"}, least: 2 * time.Hour,
		}, {
			name: "a long time", why: "a limit of a thousand years is not waited for pass by pass",
			policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailRestarts: -1, PauseRestarts: -1, FailAfter: metav1.Duration{Duration: 1<<63 - 1}}},
			times:  newCrashes, state: simulate.EndStalled, on: []string{"a", "b", "c"}, least: 30 * 24 * time.Hour,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := backFrom("agent:0", build.Nodes("a", "b", "c")...)
			in.DaemonSet.CreationTimestamp = metav1.NewTime(build.Now)
			if tc.first {
				in.Pods, in.Revisions = nil, nil
			}
			end := settle(t, in, simulate.Options{Policy: tc.policy, PodTimes: tc.times})
			var on []string
			for _, n := range end.Incomplete {
				on = append(on, n.Node)
			}
			if end.State != tc.state || (end.Rollback != nil) != tc.rollback || cmp.Diff(tc.on, on) != "" || end.After.Now.Sub(in.Now) < tc.least {
				t.Errorf("Run() = %v after %v, rollback %v, want %v on %v after %v, rollback %v: %s", end, end.After.Now.Sub(in.Now), end.Rollback,
					tc.state, tc.on, tc.least, tc.rollback, tc.why)
			}
			if len(end.After.Pods) != 3 && tc.state != simulate.EndWaiting {
				t.Errorf("Run() ends with pods %v, want one on each node: %s", show(end.After), tc.why)
			}
		})
	}
}

// TestRunWaitsForStaggeredCrashLoops has many crash loops that never coincide. Their
// number does not end the Run before the next interval of a slow start.
func TestRunWaitsForStaggeredCrashLoops(t *testing.T) {
	const nodes, held = 60, 5
	names := make([]string, nodes)
	times := make(map[string]simulate.PodTimes, nodes)
	for i := range names {
		names[i] = fmt.Sprintf("n%02d", i)
		times[names[i]] = simulate.PodTimes{FailsAfter: time.Second + time.Duration(i)*7*time.Millisecond}
	}
	ds := build.Set{}.Object()
	ds.CreationTimestamp = metav1.NewTime(build.Now)
	interval := 3 * 24 * time.Hour
	end := settle(t, daemon.Input{DaemonSet: ds, Nodes: build.Nodes(names...), Now: build.Now}, simulate.Options{
		Policy:   rollout.Policy{SlowStart: &rollout.SlowStart{Pods: nodes - held, Interval: metav1.Duration{Duration: interval}}},
		PodTimes: func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes { return times[node.Name] },
	})
	if took := end.After.Now.Sub(build.Now); end.State != simulate.EndStalled || len(end.Last.Restricted) > 0 || took < interval {
		t.Errorf("Run() = %v after %v, held back: %v, want it stalled after %v, when the slow start holds nothing back",
			end.State, took, end.Last.Restricted, interval)
	}
}

// TestRunDoesNotWaitForAnIdlePolicy has crash loops under a policy that has nothing more
// to do: the Run ends as soon as it does without the policy.
func TestRunDoesNotWaitForAnIdlePolicy(t *testing.T) {
	month := metav1.Duration{Duration: 30 * 24 * time.Hour}
	notReady := build.Node{Name: "b", NotReady: 2 * time.Hour}.Object()
	notReadyNode := &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "b" }}
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		nodes     []*corev1.Node
	}{
		{"slow start", "the first interval allows all pods", rollout.Policy{SlowStart: &rollout.SlowStart{Pods: 80, Interval: month}}, nil},
		{"canary", "no outdated pod waits for a trial", rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailAfter: month}}, nil},
		{"not ready nodes", "every node is ready", rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: month}}, nil},
		{"ignored node", "the node is already ignored", rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: time.Hour}}}, []*corev1.Node{notReady}},
		{"node ignored by the caller", "the node is already ignored", rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: month}, IgnoreNodes: notReadyNode}, []*corev1.Node{notReady}},
		{"stuck pods", "no pod terminates", rollout.Policy{IgnoreStuckPods: &rollout.IgnoreAfter{After: month}}, nil},
		{"stuck pod on an ignored node", "the node is already ignored", rollout.Policy{IgnoreStuckPods: &rollout.IgnoreAfter{After: month}, IgnoreNodes: notReadyNode}, []*corev1.Node{notReady}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			ds.CreationTimestamp = metav1.NewTime(build.Now)
			in := daemon.Input{DaemonSet: ds, Nodes: append(build.Nodes("a", "c"), tc.nodes...), Now: build.Now}
			if tc.policy.IgnoreStuckPods != nil && tc.nodes != nil {
				in.Pods = []*corev1.Pod{build.Pod{Name: "stuck", Node: "b", Deleting: true}.Of(ds)}
			}
			opts := always(simulate.PodTimes{FailsAfter: time.Second})
			want := settle(t, in, opts)
			opts.Policy = tc.policy
			got := settle(t, in, opts)
			if got.State != simulate.EndStalled || got.Passes != want.Passes || !got.After.Now.Equal(want.After.Now) {
				t.Errorf("Run() is %v after %d passes at %v, want %v after %d passes at %v: %s",
					got.State, got.Passes, got.After.Now, want.State, want.Passes, want.After.Now, tc.why)
			}
		})
	}
}

// TestRunWaitsToIgnore has a crash loop, and a node that the policy ignores in an hour.
func TestRunWaitsToIgnore(t *testing.T) {
	hour := &rollout.IgnoreAfter{After: metav1.Duration{Duration: time.Hour}}
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		change    func(in *daemon.Input)
		want      rollout.IgnoredReason
	}{
		{
			"not ready", "node b is not ready from the beginning", rollout.Policy{IgnoreNotReadyNodes: hour},
			func(in *daemon.Input) { in.Nodes[1] = build.Node{Name: "b", NotReady: time.Second}.Object() }, rollout.IgnoredNotReady,
		}, {
			"stuck pod", "the grace period of the pod on b is over from the beginning", rollout.Policy{IgnoreStuckPods: hour},
			func(in *daemon.Input) {
				at := metav1.NewTime(in.Now.Add(-time.Second))
				in.Pods[1].DeletionTimestamp = &at
				in.Pods = in.Pods[1:] // Node a gets a pod that crashes.
			}, rollout.IgnoredStuckPod,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := backFrom("agent:0", build.Nodes("a", "b", "c")...)
			tc.change(&in)
			opts := onNode("a", simulate.PodTimes{FailsAfter: time.Second})
			opts.Policy = tc.policy
			end := settle(t, in, opts)
			if ignored := end.Last.Policy.Ignored; len(ignored) != 1 || ignored[0].Node != "b" || ignored[0].Reason != tc.want {
				t.Errorf("Run() ignores %v after %v, want b: %s", ignored, end.After.Now.Sub(in.Now), tc.why)
			}
		})
	}
}

// backFrom returns a cluster whose pods have an older image, which a revision holds.
func backFrom(image string, nodes ...*corev1.Node) daemon.Input {
	ds := build.Set{}.Object()
	old := ds.DeepCopy()
	old.Spec.Template.Spec.Containers[0].Image = image
	in := daemon.Input{DaemonSet: ds, Nodes: nodes, Now: build.Now}
	in.Revisions = append(build.Current(old, "old"), build.Current(ds, "new")...)
	in.Revisions[1].Revision = 2
	for _, node := range nodes {
		in.Pods = append(in.Pods, build.Pod{Name: "on-" + node.Name, Node: node.Name, Hash: "old"}.Of(ds))
	}
	return in
}

// TestEndString: nodes with the same words share a line, which names the first of them and no pod. A
// node with words of its own has the name of its pod.
func TestEndString(t *testing.T) {
	node := func(i int) daemon.NodeStatus {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("agent-", i)}}
		return daemon.NodeStatus{Node: fmt.Sprint("w", i), Desired: true, Pod: pod, Ready: true, Available: true}
	}
	broken := func(i int, image string) simulate.IncompleteNode {
		n := node(i)
		n.Ready, n.Available, n.Updated = false, false, true
		return simulate.IncompleteNode{NodeStatus: n, Blockers: []health.Blocker{{
			Node: n.Node, Pod: n.Pod, Kind: health.BlockerImage, Container: &health.Container{Name: "main", Image: image}, Reason: "ErrImagePull",
		}}}
	}
	end := &simulate.End{
		State: simulate.EndStalled, Took: 12 * time.Second, Passes: 3, LowestAvailable: 9, LowestOf: 13,
		Incomplete: []simulate.IncompleteNode{broken(1, "x"), broken(2, "y"), broken(3, "x"), broken(4, "x")},
		Last:       &rollout.Result{Step: &rollout.Step{OutdatedNodes: 9}},
		Budget: rollout.Budget{Kind: rollout.BudgetMaxUnavailable, Limit: 4, Users: []rollout.BudgetUser{
			{Node: "w1", Reason: rollout.BudgetUpdatedPod}, {Node: "w2", Reason: rollout.BudgetUpdatedPod},
			{Node: "w3", Reason: rollout.BudgetTerminatingPod}, {Node: "w4", Reason: rollout.BudgetUpdatedPod},
		}},
	}
	for i := 5; i < 14; i++ {
		end.Incomplete = append(end.Incomplete, simulate.IncompleteNode{NodeStatus: node(i)})
	}
	const want = `stalled after 12s (3 passes, at least 9 of 13 available), on:
  w1, w3, w4: image "x" cannot be pulled: ErrImagePull
  w2: agent-2: image "y" cannot be pulled: ErrImagePull
  w5, w6, w7, w8, w9 and 4 more nodes: desired, current, ready, available; the pod has an outdated template
maxUnavailable 4 is used by w1, w2, w4 (new pod is not available); w3 (pod is terminating)`
	if diff := cmp.Diff(want, end.String()); diff != "" {
		t.Errorf("String() (-want +got):\n%s", diff)
	}
	if name := end.Incomplete[12].Pod.Name; name != "agent-13" {
		t.Errorf("String() changes the pod to %q", name)
	}
}

// TestEndStringTellsTwoPodsApart: in a surge the new pod has the problem and the old one the
// outdated template, also without their names.
func TestEndStringTellsTwoPodsApart(t *testing.T) {
	end := &simulate.End{State: simulate.EndStalled, Passes: 1, LowestAvailable: 4, LowestOf: 4}
	later := metav1.NewTime(build.Now)
	for i, other := range []*metav1.Time{&later, &later, nil, nil, {}} { // when the other pod was created
		n := simulate.IncompleteNode{NodeStatus: daemon.NodeStatus{
			Node: fmt.Sprint("w", i), Desired: true, Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("old-", i)}},
		}}
		problem := health.Blocker{Node: n.Node, Pod: n.Pod, Kind: health.BlockerUnschedulable}
		if other != nil {
			problem.Pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("new-", i), CreationTimestamp: *other}}
		}
		n.Blockers = []health.Blocker{problem}
		end.Incomplete = append(end.Incomplete, n)
		if other != nil && other.IsZero() { // a line of several nodes has no names
			n.Node += "a"
			end.Incomplete = append(end.Incomplete, n)
		}
	}
	for _, node := range []string{"w5", "w6"} { // both pods have the current template
		n := simulate.IncompleteNode{NodeStatus: daemon.NodeStatus{Node: node, Desired: true, Updated: true, Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "old-" + node}}}}
		n.Blockers = []health.Blocker{{Node: node, Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "new-" + node, CreationTimestamp: later}}, Kind: health.BlockerUnschedulable}}
		end.Incomplete = append(end.Incomplete, n)
	}
	const want = `stalled from the start (1 pass, at least 4 of 4 available), on:
  w0, w1: the new pod: cannot be scheduled; the old pod has an outdated template
  w2, w3: cannot be scheduled; the pod has an outdated template
  w4, w4a: cannot be scheduled; another pod has an outdated template
  w5, w6: cannot be scheduled`
	if diff := cmp.Diff(want, end.String()); diff != "" {
		t.Errorf("String() (-want +got):\n%s", diff)
	}
}

// TestEndStringHasTenLines: however many words there are.
func TestEndStringHasTenLines(t *testing.T) {
	end := simulate.End{State: simulate.EndStalled}
	for i := range 14 {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("pod-", i)}}
		status := daemon.NodeStatus{Node: fmt.Sprintf("w%02d", i), Desired: true, Pod: pod, Others: min(i, 12)}
		end.Incomplete = append(end.Incomplete, simulate.IncompleteNode{NodeStatus: status})
	}
	lines := strings.Split(end.String(), "\n")
	want := []string{"  w09: desired, current; pod-9 is not ready; pod-9 has an outdated template; 9 more pods do not count", "  and 4 more nodes"}
	if diff := cmp.Diff(want, lines[min(10, len(lines)):]); diff != "" {
		t.Errorf("String() behind nine lines (-want +got):\n%s", diff)
	}
}

// TestEndStringNamesTheCause: the text names the node that holds the rollout up before those
// that only wait for it, also if a pod never terminates on a node that is not eligible any
// more, which is not incomplete.
func TestEndStringNamesTheCause(t *testing.T) {
	names := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("w%02d", i))
		}
		return out
	}
	in := outdated(build.Set{}, build.Nodes(names(12)...)...)
	broken := in.Pods[11].DeepCopy()
	broken.Status.Conditions = nil
	in.Pods[11] = broken
	lost := outdated(build.Set{}, build.Nodes(names(11)...)...)
	gone := build.Node{Name: "w11", Taints: []corev1.Taint{build.NoSchedule(corev1.TaintNodeUnreachable)}}.Object()
	gone.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
	lost.Nodes = append(lost.Nodes, gone)
	stuck := build.Pod{Name: "on-w11", Node: "w11", Hash: "old"}.Of(lost.DaemonSet)
	stuck.DeletionTimestamp = &metav1.Time{Time: build.Now.Add(-time.Hour)}
	lost.Pods = append(lost.Pods, stuck)
	onDelete := outdated(build.Set{OnDelete: true}, build.Nodes(names(12)...)...)
	ends := onDelete.Pods[11].DeepCopy()
	ends.DeletionTimestamp = stuck.DeletionTimestamp
	onDelete.Pods[11] = ends
	for _, tc := range []struct {
		name string
		in   daemon.Input
		want []string
	}{
		{"OnDelete, and a pod never ends", onDelete, []string{
			"  w11: on-w11: terminating since 2026-01-01T11:00:00Z, past its grace period",
			"  w00, w01, w02, w03, w04 and 6 more nodes: desired, current, ready, available; the pod has an outdated template",
		}},
		{"new pod is broken", in, []string{
			"  w11: agent-1: not ready",
			"  w00, w01, w02, w03, w04 and 6 more nodes: desired, current, ready, available; the pod has an outdated template",
		}},
		{"node is lost", lost, []string{
			"  w11: on-w11: terminating since 2026-01-01T11:00:00Z, past its grace period; node is not ready",
			"  w00, w01, w02, w03, w04 and 6 more nodes: desired, current, ready, available; the pod has an outdated template",
		}},
	} {
		end := settle(t, tc.in, onNode("w11", simulate.PodTimes{ReadyAfter: -1}))
		lines := strings.Split(end.String(), "\n")
		if diff := cmp.Diff(tc.want, lines[1:min(3, len(lines))]); diff != "" {
			t.Errorf("%s: String() = %v, first nodes (-want +got):\n%s", tc.name, end, diff)
		}
	}
}

// TestEndBudget: an End has the nodes that use the budget, and says so while outdated pods
// wait for it.
func TestEndBudget(t *testing.T) {
	in := outdated(build.Set{MaxUnavailable: "2"}, build.Nodes("a", "b", "c", "d")...)
	end := settle(t, in, always(simulate.PodTimes{ReadyAfter: -1}))
	want := rollout.Budget{Kind: rollout.BudgetMaxUnavailable, Limit: 2, Users: []rollout.BudgetUser{
		{Node: "a", Reason: rollout.BudgetUpdatedPod}, {Node: "b", Reason: rollout.BudgetUpdatedPod},
	}}
	if diff := cmp.Diff(want, end.Budget); diff != "" {
		t.Errorf("Budget (-want +got):\n%s", diff)
	}
	if want := "\nmaxUnavailable 2 is used by a, b (new pod is not available)"; !strings.HasSuffix(end.String(), want) {
		t.Errorf("String() = %q, want it to end with %q", end, want)
	}
	end = settle(t, in, simulate.Options{})
	if end.Took != 24*time.Second || end.Took != end.Time.Sub(in.Now) || end.Budget.Kind != 0 {
		t.Errorf("Run() = %v, took %v with budget %v, want 24 seconds and no budget", end, end.Took, end.Budget)
	}
	in = outdated(build.Set{OnDelete: true}, build.Nodes("a", "b")...)
	if end = settle(t, in, simulate.Options{}); end.State != simulate.EndWaiting || end.Budget.Kind != 0 {
		t.Errorf("Run() with OnDelete = %v, want it to wait for deletions, without a budget", end)
	}
}

// TestStrandedPod: no node is eligible, so that a percentage is a budget of zero, and an
// outdated pod is never replaced. The simulation and health say so; kubectl does not look
// at the pod.
func TestStrandedPod(t *testing.T) {
	in := outdated(build.Set{MaxUnavailable: "50%"}, build.Node{Name: "a", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object())
	end := settle(t, in, simulate.Options{})
	if end.State != simulate.EndStalled || len(end.Incomplete) != 1 || len(end.After.Pods) != 1 {
		t.Errorf("Run() = %v, want it stalled on a", end)
	}
	if want := "\nmaxUnavailable is 0"; !strings.HasSuffix(end.String(), want) {
		t.Errorf("String() = %q, want it to end with %q", end, want)
	}
	after := end.After
	after.Now = after.Now.Add(time.Hour)
	snapshot, err := daemon.Observe(after)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := health.Assess(snapshot, health.Options{}); err != nil || got.State != health.StateStalled {
		t.Errorf("Assess() = %v, %v, want it stalled", got, err)
	}
	if got, err := kubectl.RolloutStatus(after.DaemonSet); err != nil || got.State != kubectl.ProgressRolledOut {
		t.Errorf("RolloutStatus() = %v, %v, want it rolled out", got, err)
	}
}

// TestRunIgnoresNode: an ignored node blocks nothing. The Run ends complete and names it, and
// health agrees at once and later.
func TestRunIgnoresNode(t *testing.T) {
	noSchedule, noExecute := build.NoSchedule(corev1.TaintNodeUnreachable), build.NoExecute("lost")
	for _, tc := range []struct {
		name, why string
		set       build.Set
		taints    []corev1.Taint
		// updated nodes have a pod of the current template when the Run begins.
		updated []string
		// left is the image of the pod on the node at the end.
		left string
	}{
		{"old pod", "it stays", build.Set{}, nil, []string{"n1", "n2"}, "agent:0"},
		{"current pod", "it never becomes ready again", build.Set{}, nil, []string{"n1", "n2", "down"}, "agent:1"},
		{"old pod, NoSchedule", "the node is not eligible and keeps its pod", build.Set{}, []corev1.Taint{noSchedule}, []string{"n1", "n2"}, "agent:0"},
		{"current pod, NoSchedule", "the node is not eligible and keeps its pod", build.Set{}, []corev1.Taint{noSchedule}, []string{"n1", "n2", "down"}, "agent:1"},
		{"old pod, NoExecute", "the pod terminates for ever", build.Set{}, []corev1.Taint{noExecute}, []string{"n1", "n2"}, "agent:0"},
		{"current pod, NoExecute", "the pod terminates for ever", build.Set{}, []corev1.Taint{noExecute}, []string{"n1", "n2", "down"}, "agent:1"},
		{"whole update", "the others are updated", build.Set{}, nil, nil, "agent:0"},
		{"surge", "the others are updated", build.Set{MaxSurge: "1"}, nil, nil, "agent:0"},
		{"OnDelete", "nobody has to delete the pod", build.Set{OnDelete: true}, nil, []string{"n1", "n2"}, "agent:0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := outdated(tc.set, build.Nodes("n1", "n2", "down")...)
			for _, pod := range in.Pods {
				pod.Spec.Containers = []corev1.Container{{Name: "main", Image: "agent:0"}}
				if name, _ := daemon.TargetNode(pod); slices.Contains(tc.updated, name) {
					pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "new"
					pod.Spec.Containers[0].Image = "agent:1"
				}
			}
			in.Nodes[2] = build.Node{Name: "down", Taints: tc.taints, NotReady: 2 * time.Hour}.Object()
			for _, pod := range in.Pods {
				if name, _ := daemon.TargetNode(pod); name == "down" {
					podNotReady(pod)
				}
			}
			policy := rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}}
			end := settle(t, in, simulate.Options{Policy: policy})
			if end.State != simulate.EndComplete || end.Incomplete != nil || !strings.HasSuffix(end.String(), "\nignored: down (node is not ready)") {
				t.Fatalf("Run() = %v, want it complete, and down named: %s", end, tc.why)
			}
			for _, pod := range end.After.Pods {
				if name, _ := daemon.TargetNode(pod); name == "down" && pod.Spec.Containers[0].Image != tc.left {
					t.Errorf("down has a pod of %s, want %s: %s", pod.Spec.Containers[0].Image, tc.left, tc.why)
				}
			}
			for _, after := range []time.Duration{0, health.DefaultPatience} {
				late := end.After
				late.Now = late.Now.Add(after)
				snapshot, err := daemon.Observe(late)
				if err != nil {
					t.Fatal(err)
				}
				got, err := health.Assess(snapshot, health.Options{Policy: policy})
				if err != nil || got.State != health.StateComplete || !strings.HasSuffix(got.String(), "; ignored: down (node is not ready)") {
					t.Errorf("Assess() after %v = %v, %v, want it complete, and down named: %s", after, got, err, tc.why)
				}
			}
		})
	}
}

// TestRunWithIgnoredNodes plays arbitrary clusters with nodes that are not ready, stuck pods
// and nodes that the caller ignores: the End is complete exactly if rollout.Complete says so of
// its last pass, health.Assess agrees, and no ignored node is in Incomplete.
func TestRunWithIgnoredNodes(t *testing.T) {
	complete, ignored := 0, 0
	for seed := range property.Seeds(t, 100) {
		r := rand.New(rand.NewPCG(seed, 31))
		in := scenario.Random(r)
		for i, node := range in.Nodes {
			if r.IntN(3) == 0 {
				node = node.DeepCopy()
				node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(build.Now)}}
				in.Nodes[i] = node
			}
		}
		after := &rollout.IgnoreAfter{After: metav1.Duration{Duration: time.Duration(r.IntN(2)) * time.Minute}}
		policy := []rollout.Policy{
			{IgnoreNotReadyNodes: after}, {IgnoreStuckPods: after, IgnoreNotReadyNodes: after},
			{IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return len(n.Pods) > 0 && len(n.Name)%2 == 0 }}},
		}[r.IntN(3)]
		end := settle(t, in, simulate.Options{Policy: policy})
		if end.State == simulate.EndIgnored {
			continue
		}
		status := end.Last.Policy
		if got := end.State == simulate.EndComplete; got != rollout.Complete(end.Last.Snapshot, status) || got != (end.Incomplete == nil) {
			t.Fatalf("seed %d: Run() = %v, but rollout.Complete() = %v, incomplete are %v", seed, end, !got, end.Incomplete)
		}
		for _, n := range end.Incomplete {
			if status.Ignores(n.Node) {
				t.Fatalf("seed %d: %s is ignored, and blocks: %v", seed, n.Node, end)
			}
		}
		snapshot, err := daemon.Observe(end.After)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := health.Assess(snapshot, health.Options{Policy: policy})
		if err != nil || end.Last.Empty() && (got.State == health.StateComplete) != (end.State == simulate.EndComplete) {
			t.Fatalf("seed %d: Run() = %v, but Assess() = %v, %v", seed, end, got, err)
		}
		if len(status.Ignored) > 0 {
			ignored++
			if end.State == simulate.EndComplete {
				complete++
			}
		}
	}
	if ignored < 25 || complete < 12 {
		t.Errorf("%d clusters with ignored nodes, %d of them complete, want 25 and 12", ignored, complete)
	}
}

// TestRunUntilIgnored: the rollout is complete when the policy begins to ignore the node, also
// with OnDelete, which has no update.
func TestRunUntilIgnored(t *testing.T) {
	for _, set := range []build.Set{{}, {OnDelete: true}} {
		in := daemon.Input{DaemonSet: set.Object(), Now: build.Now, Nodes: append(build.Nodes("a"), build.Node{Name: "b", NotReady: time.Minute}.Object())}
		policy := rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}}
		end := settle(t, in, simulate.Options{Policy: policy})
		if end.State != simulate.EndComplete || end.Took != 4*time.Minute {
			t.Errorf("OnDelete %v: Run() = %v after %v, want it complete after 4 minutes", set.OnDelete, end, end.Took)
		}
	}
}

// TestRunJoined: what is counted of a DaemonSet that is applied during a Run begins there, or when
// the loop goes on if that makes passes itself.
func TestRunJoined(t *testing.T) {
	for _, advance := range []time.Duration{0, 20 * time.Second} {
		first, second := build.Set{Name: "first"}.Object(), build.Set{Name: "second"}.Object()
		c, err := simulate.NewCluster(daemon.Input{DaemonSet: first, Nodes: build.Nodes("a"), Now: build.Now}, always(simulate.PodTimes{ReadyAfter: time.Minute}))
		if err != nil {
			t.Fatal(err)
		}
		took := map[string]time.Duration{}
		var joined time.Time
		for pass, err := range c.Run() {
			if err != nil {
				t.Fatal(err)
			}
			if joined.IsZero() && c.Now().After(build.Now) {
				joined = c.Now()
				if err := c.Apply(second); err != nil {
					t.Fatal(err)
				}
				if advance > 0 {
					if err := c.Advance(advance); err != nil {
						t.Fatal(err)
					}
				}
			}
			if pass.End == nil {
				continue
			}
			took[pass.DaemonSet.Name] = pass.End.Took
			if pass.DaemonSet.Name == "second" && (!pass.Began.Equal(joined.Add(advance)) || !pass.End.Time.Equal(joined.Add(time.Minute))) {
				t.Errorf("the rollout of second is from %v to %v, want from %v for a minute", pass.Began, pass.End.Time, joined)
			}
		}
		want := map[string]time.Duration{"first": time.Minute, "second": time.Minute - advance}
		if !maps.Equal(took, want) || !joined.Equal(build.Now.Add(time.Minute)) {
			t.Errorf("the rollouts take %v, and second joins after %v, want %v, and a minute", took, joined.Sub(build.Now), want)
		}
	}
}

// TestRunWaitsWithoutIgnored: OnDelete waits for deletions on the other nodes alone.
func TestRunWaitsWithoutIgnored(t *testing.T) {
	in := outdated(build.Set{OnDelete: true}, build.Nodes("a", "b")...)
	in.Nodes[1] = build.Node{Name: "b", NotReady: time.Hour}.Object()
	podNotReady(in.Pods[1])
	end := settle(t, in, simulate.Options{Policy: rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}})
	if end.State != simulate.EndWaiting || len(end.Incomplete) != 1 || end.Incomplete[0].Node != "a" {
		t.Errorf("Run() = %v, want it to wait on a", end)
	}
}

// podNotReady makes a pod not ready.
func podNotReady(pod *corev1.Pod) {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == corev1.PodReady {
			pod.Status.Conditions[i].Status = corev1.ConditionFalse
		}
	}
}

// TestResultsCompare: cmp.Diff finds no difference between the results of equal calls, and
// needs no options for them.
func TestResultsCompare(t *testing.T) {
	in := outdated(build.Set{}, build.Nodes("a", "b")...)
	opts := onNode("b", simulate.PodTimes{ReadyAfter: -1})
	play := func() (passes []*simulate.Pass) {
		for pass, err := range simulate.Run(in, opts) {
			if err != nil {
				t.Fatal(err)
			}
			if pass.End == nil {
				pass.Result.Snapshot = nil // valid until the next pass
			}
			passes = append(passes, pass)
		}
		return passes
	}
	passes := play()
	if diff := cmp.Diff(passes, play()); diff != "" {
		t.Errorf("Run() twice (-first +second):\n%s", diff)
	}
	if cmp.Diff(passes[0], passes[1]) == "" {
		t.Error("the first pass and the second do not differ")
	}
	changed := in.DaemonSet.DeepCopy()
	changed.Spec.Template.Spec.Containers[0].Image = "agent:2"
	var impacts []*simulate.Impact
	for range 2 {
		impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: changed}, opts)
		if err != nil {
			t.Fatal(err)
		}
		impacts = append(impacts, impact)
	}
	if diff := cmp.Diff(impacts[0], impacts[1]); diff != "" {
		t.Errorf("WhatIf() twice (-first +second):\n%s", diff)
	}
}

// TestStringsOfNothing: no half-filled value panics.
func TestStringsOfNothing(t *testing.T) {
	for _, tc := range []struct {
		got  fmt.Stringer
		want string
	}{
		{(*simulate.Pass)(nil), "no pass"},
		{&simulate.Pass{}, "pass 0: 0 of 0 available\n  nothing to do"},
		{&simulate.Pass{Result: &rollout.Result{Outcome: rollout.OutcomeSynced, Rollback: &history.Rollback{}}}, "pass 0: 0 of 0 available\n  nothing to do"},
		{&simulate.Pass{End: &simulate.End{}}, "EndState(0) from the start (no pod is desired)"},
		{&simulate.Pass{Number: 3, Desired: 2, Result: &rollout.Result{Plan: daemon.Plan{Create: []daemon.Create{{Node: "w1"}}}}, End: &simulate.End{State: simulate.EndStalled, LowestOf: 2, Passes: 3}},
			"pass 3: 0 of 2 available\n  Outcome(0)\n  create on w1: CreateReason(0)\nstalled without completing a node (3 passes, at least 0 of 2 available)"}, // It would write this again and again.
		{(*simulate.End)(nil), "no end"},
		{&simulate.End{State: simulate.EndComplete, Rollback: &history.Rollback{}}, "complete from the start (no pod is desired)"},
		{&simulate.End{State: simulate.EndIgnored}, "the controller ignores it"},
		{&simulate.End{State: simulate.EndStalled, Last: &rollout.Result{Step: &rollout.Step{}}}, "stalled from the start (no pod is desired)"},
		{simulate.EndComplete, "complete"}, {simulate.EndWaiting, "waiting"}, {simulate.EndStalled, "stalled"},
		{simulate.EndIgnored, "ignored"}, {simulate.EndState(0), "EndState(0)"},
		{(*simulate.Impact)(nil), "no impact"}, {&simulate.Impact{}, "no impact"},
		{&simulate.Impact{Rollout: simulate.RolloutIgnored, Nodes: make([]simulate.NodeImpact, 1)},
			"no rollout: the DaemonSet is being deleted\nno nodes\nfirst pass: no pod to delete or create"},
		{simulate.NodeImpact{}, ": NodeEffect(0)"},
		{simulate.NodeUnchanged, "unchanged"}, {simulate.NodeGained, "gained"}, {simulate.NodeLost, "lost"},
		{simulate.NodeKeepsPod, "keeps its pod"}, {simulate.NodeRemoved, "removed"}, {simulate.NodeEffect(0), "NodeEffect(0)"},
		{simulate.RolloutReason(0), "not simulated"}, {simulate.RolloutNone, "no rollout"}, {simulate.RolloutFirst, "new DaemonSet"}, {simulate.RolloutNewTemplate, "new template"},
		{simulate.RolloutOldTemplate, "older template"}, {simulate.RolloutSameTemplate, "same template, other bytes"},
		{simulate.RolloutIgnored, "ignored"}, {simulate.RolloutRemoved, "removed"}, {simulate.RolloutReason(-1), "RolloutReason(-1)"},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("%T.String() = %q, want %q", tc.got, got, tc.want)
		}
	}
	if (*simulate.Impact)(nil).NodesWith(simulate.NodeLost) != nil || (*simulate.Pass)(nil).Unavailable() != 0 {
		t.Error("a nil value knows something")
	}
}

// TestEndAfter goes on from where rollouts ended: there is nothing left to do, and what
// was finished is.
func TestEndAfter(t *testing.T) {
	finished := 0
	for seed := range property.Seeds(t, 100) {
		in := scenario.Random(rand.New(rand.NewPCG(seed, 1)))
		for round := range 2 {
			var last *simulate.End
			for pass, err := range simulate.Run(in, simulate.Options{}) {
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if last = pass.End; round == 1 && pass.End == nil {
					t.Fatalf("seed %d: goes on with %v", seed, pass)
				}
			}
			if !last.Last.Empty() || last.State != simulate.EndComplete {
				break
			}
			in = last.After
			finished++
		}
	}
	if finished < 100 {
		t.Errorf("only %d ends were complete", finished)
	}
}

// TestRunLoops has rollouts that never come to rest: they are ended.
func TestRunLoops(t *testing.T) {
	// A pod that is ready since no known time is never available, and has the controller
	// look again after minReadySeconds for ever.
	timeless := outdated(build.Set{MinReady: 5}, build.Nodes("a", "b")...)
	timeless.Pods[0].Status.Conditions[1].LastTransitionTime.Reset()
	// The current revision has no hash, so that no pod is ever updated.
	unlabelled := outdated(build.Set{}, build.Nodes("a", "b")...)
	result, err := rollout.Sync(daemon.Input{DaemonSet: unlabelled.DaemonSet, Now: build.Now}, rollout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	foreign := result.Revisions.Create.DeepCopy()
	foreign.Labels, foreign.OwnerReferences = nil, build.Owner(build.Set{Name: "other"}.Object())
	unlabelled.Revisions = []*appsv1.ControllerRevision{foreign}
	for name, tc := range map[string]struct {
		in   daemon.Input
		opts simulate.Options
	}{
		"timeless":   {timeless, simulate.Options{Policy: rollout.Policy{Paused: true}}},
		"unlabelled": {unlabelled, simulate.Options{}},
		"unbound":    {unlabelled, always(simulate.PodTimes{BoundAfter: -1})},
	} {
		passes := 0
		for pass, err := range simulate.Run(tc.in, tc.opts) {
			if passes++; err != nil || passes > 20_000 {
				t.Fatalf("%s: %d passes, %v", name, passes, err)
			}
			if pass.End != nil && pass.End.State == simulate.EndComplete {
				t.Errorf("%s: %v, want it not complete", name, pass.End)
			}
		}
	}
	c, err := simulate.NewCluster(unlabelled, always(simulate.PodTimes{BoundAfter: -1}))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(time.Minute); err == nil {
		t.Error("Advance() = nil, want an error about passes without end")
	}
}

// TestRunManyPassesAtOnce has many passes that complete no node, and one that does: it
// is no loop.
func TestRunManyPassesAtOnce(t *testing.T) {
	var names []string
	for i := range 1200 {
		names = append(names, fmt.Sprintf("n%04d", i))
	}
	in := daemon.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes(names...), Now: build.Now, BurstReplicas: 1}
	if got := settle(t, in, always(simulate.PodTimes{ReadyAfter: time.Hour})); got.State != simulate.EndComplete || got.Passes < 1200 {
		t.Errorf("Run() ends with %v, want it complete", got)
	}
}

// TestRunPasses holds what each pass shows against what it writes: its snapshot is the
// cluster before the writes, its own numbers are from after them.
func TestRunPasses(t *testing.T) {
	passes, last := 0, -1
	for pass, err := range simulate.Run(outdated(build.Set{MaxUnavailable: "2"}, build.Nodes("a", "b", "c")...), simulate.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		passes++
		s := pass.Result.Snapshot
		if !s.Now().Equal(pass.Time) || pass.DaemonSet != s.DaemonSet() {
			t.Errorf("pass %d is at %v for %p, its snapshot at %v for %p", pass.Number, pass.Time, pass.DaemonSet, s.Now(), s.DaemonSet())
		}
		deleted := map[string]bool{}
		for _, d := range pass.Result.Plan.Delete {
			deleted[d.Pod.Name] = true
		}
		available, pods := 0, map[string]int{}
		for _, n := range s.Nodes() {
			pods[n.Name] = len(n.Pods)
			for _, p := range n.Pods {
				if deleted[p.Pod.Name] && p.Terminating {
					t.Errorf("pass %d deletes %s, which its snapshot shows deleted already", pass.Number, p.Pod.Name)
				}
				if p.Available && p.Live() && !deleted[p.Pod.Name] {
					available++
				}
			}
		}
		for _, c := range pass.Result.Plan.Create {
			if pods[c.Node] != 0 || c.Pod.Name == "" || c.Pod.Spec.NodeName != c.Node {
				t.Errorf("pass %d creates %q on %s, where its snapshot has %d pods", pass.Number, c.Pod.Name, c.Node, pods[c.Node])
			}
		}
		if available != pass.Available || pass.Desired != 3 || pass.Unavailable() != 3-available {
			t.Errorf("pass %d has %d of %d available, %d unavailable, want %d of 3", pass.Number, pass.Available, pass.Desired, pass.Unavailable(), available)
		}
		if pass.End != nil {
			last = pass.Number
			if !pass.Result.Empty() || pass.End.Last != pass.Result || pass.End.Passes != pass.Number {
				t.Errorf("the last pass is %v with end %v", pass, pass.End)
			}
		} else if pass.Number != passes || pass.Result.Empty() {
			t.Errorf("pass %d comes as number %d and writes %v", passes, pass.Number, pass.Result)
		}
	}
	if last != passes-1 || passes < 5 {
		t.Errorf("%d passes, the last is number %d", passes, last)
	}
}

// TestRunAvailableInTime: a pod becomes available when it has been ready for
// minReadySeconds, although the controller asks to look again later.
func TestRunAvailableInTime(t *testing.T) {
	in := outdated(build.Set{MinReady: 5}, build.Nodes("a")...)
	in.Pods = []*corev1.Pod{build.Pod{Name: "on-a", Node: "a", Hash: "new", Ready: 3 * time.Second}.Of(in.DaemonSet)}
	if end := settle(t, in, simulate.Options{}); end.State != simulate.EndComplete || end.Time.Sub(in.Now) != 2*time.Second {
		t.Errorf("Run() = %v, want it complete after two seconds", end)
	}
}

// TestRunSurgeAvailability: a node keeps counting as available while the pod that stays
// is available.
func TestRunSurgeAvailability(t *testing.T) {
	for pass, err := range simulate.Run(outdated(build.Set{MaxSurge: "1"}, build.Nodes("a", "b")...), simulate.Options{}) {
		if err != nil || pass.Available != 2 {
			t.Errorf("%v, %v, want 2 available", pass, err)
		}
	}
}

// TestRunLeavesTheInputAlone plays arbitrary clusters.
func TestRunLeavesTheInputAlone(t *testing.T) {
	for seed := range property.Seeds(t, 50) {
		in := scenario.Random(rand.New(rand.NewPCG(seed, 3)))
		before := copyInput(in)
		if _, err := simulate.Settle(in, simulate.Options{}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(before, in); diff != "" {
			t.Fatalf("seed %d: Settle() changed its input (-before +after):\n%s", seed, diff)
		}
	}
}

// TestRunIgnoresTheOrderOfTheInput plays arbitrary clusters twice.
func TestRunIgnoresTheOrderOfTheInput(t *testing.T) {
	for seed := range property.Seeds(t, 50) {
		r := rand.New(rand.NewPCG(seed, 5))
		in := scenario.Random(r)
		play := func() (lines []string) {
			for pass, err := range simulate.Run(in, simulate.Options{}) {
				lines = append(lines, pass.String(), fmt.Sprint(err))
			}
			return lines
		}
		want := play()
		r.Shuffle(len(in.Nodes), func(i, j int) { in.Nodes[i], in.Nodes[j] = in.Nodes[j], in.Nodes[i] })
		r.Shuffle(len(in.Pods), func(i, j int) { in.Pods[i], in.Pods[j] = in.Pods[j], in.Pods[i] })
		r.Shuffle(len(in.Revisions), func(i, j int) { in.Revisions[i], in.Revisions[j] = in.Revisions[j], in.Revisions[i] })
		if diff := cmp.Diff(want, play()); diff != "" {
			t.Fatalf("seed %d: Run() depends on the order of its input (-want +got):\n%s", seed, diff)
		}
	}
}

func TestRunErrors(t *testing.T) {
	many := intstr.FromString("many")
	wrong := build.Set{}.Object()
	wrong.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &many
	for _, tc := range []struct {
		name string
		in   daemon.Input
		want string
	}{
		{"no DaemonSet", daemon.Input{Nodes: build.Nodes("a")}, "daemonSet: Required value"},
		{"nil pod", daemon.Input{Pods: []*corev1.Pod{nil}}, "pods[0]: Required value"},
		{"nameless node", daemon.Input{Nodes: make([]*corev1.Node, 1)}, "nodes[0]: Required value"},
		{"same node twice", daemon.Input{Nodes: build.Nodes("a", "a")}, `nodes[1].metadata.name: Duplicate value: "a"`},
		{"nameless revision", daemon.Input{Revisions: []*appsv1.ControllerRevision{{}}}, "revisions[0].metadata.name: Required value"},
		{"no selector", daemon.Input{DaemonSet: &appsv1.DaemonSet{}}, "spec.selector: Required value"},
		{"budget", daemon.Input{DaemonSet: wrong, Now: build.Now}, "DaemonSet kube-system/agent: spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value"},
	} {
		var got error
		for _, err := range simulate.Run(tc.in, simulate.Options{}) {
			got = err
		}
		if got == nil || !strings.HasPrefix(got.Error(), tc.want) {
			t.Errorf("%s: Run() ends with %v, want %s", tc.name, got, tc.want)
		}
		if _, err := simulate.Settle(tc.in, simulate.Options{}); err == nil {
			t.Errorf("%s: Settle() = nil, want an error", tc.name)
		}
	}
}

func copyInput(in daemon.Input) daemon.Input {
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.Nodes = copies(in.Nodes)
	in.Pods = copies(in.Pods)
	in.Revisions = copies(in.Revisions)
	return in
}

func copies[T interface{ DeepCopy() T }](list []T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i := range list {
		out[i] = list[i].DeepCopy()
	}
	return out
}
