package health_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// TestAssessFixApplied: the failures of an old template do not count against a new one, also
// before the controller has observed it.
func TestAssessFixApplied(t *testing.T) {
	observed := func(generation int64) build.Set {
		return build.Set{Generation: 3, Status: appsv1.DaemonSetStatus{ObservedGeneration: generation}}
	}
	backoff := func(generation int64) daemon.Backoff {
		return daemon.Backoff{{UID: "uid-agent", ObservedGeneration: generation, Node: "w1"}: {
			Last: build.Now.Add(-4 * time.Minute), Delay: 8*time.Minute + 32*time.Second,
		}}
	}
	pods := func() []*corev1.Pod {
		return []*corev1.Pod{oldAgent("w1", podMade(3*time.Minute), podFailed("", "")), oldAgent("w2"), oldAgent("w3")}
	}
	canary := health.Options{Policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}}}
	const usedBy = "maxUnavailable 1 is used by w1 (old-w1: failed since 2026-01-01T11:58:00Z)"
	const usedByFailing = "maxUnavailable 1 is used by w1 (old-w1: failed since 2026-01-01T11:58:00Z; pods keep failing since 2026-01-01T11:47:28Z)"
	blockers := []string{"w1: failed since -2m0s until +4m32s"}
	testAssess(t, []assessCase{
		{
			name: "not observed", why: "the failures are those of generation 2", set: observed(2), backoff: backoff(2), pods: pods(),
			want: "progressing: 0 of 3 nodes complete; 1 to delete now; " + usedBy, blockers: blockers,
		}, {
			name: "observed", why: "the failures are those of generation 3", set: observed(3), backoff: backoff(3), pods: pods(),
			want: "stalled since 2026-01-01T11:47:28Z: 0 of 3 nodes complete; 1 to delete now, which is no progress; " + usedByFailing, blockers: blockers,
		}, {
			name: "no status", why: "without a status no generation is known to be older", set: observed(0), backoff: backoff(0), pods: pods(),
			want: "stalled since 2026-01-01T11:47:28Z: 0 of 3 nodes complete; 1 to delete now, which is no progress; " + usedByFailing, blockers: blockers,
		}, {
			name: "canary, not observed", why: "no pod of the new template has failed", set: observed(2), backoff: backoff(2), opts: canary,
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "progressing: 0 of 3 nodes complete; 1 to delete now; canary starting on w1; held back: 2 by canary",
		},
	})
}

// TestAssessIgnoredWaits: w3 is ignored. That the policy would also ignore it for another reason
// tomorrow is no progress.
func TestAssessIgnoredWaits(t *testing.T) {
	after := func(d time.Duration) *rollout.IgnoreAfter {
		return &rollout.IgnoreAfter{After: metav1.Duration{Duration: d}}
	}
	day, stuck := after(24*time.Hour), after(time.Minute)
	chosen := &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "w3" }}
	const want = `stalled since %s: 1 of 3 nodes complete; %s; not complete: w2 (new-w2: image "agent:2" cannot be pulled: ImagePullBackOff)` + doubt
	var cases []assessCase
	for _, tc := range []struct {
		name, since, held string
		policy            rollout.Policy
	}{
		{"stuck pod", "10:01:30", "ignored: w3 (pod is terminating past its grace period)", rollout.Policy{IgnoreStuckPods: stuck}},
		{"stuck pod, and not ready", "10:01:30", "ignored: w3 (pod is terminating past its grace period)", rollout.Policy{IgnoreStuckPods: stuck, IgnoreNotReadyNodes: day}},
		{"chosen, and not ready", "10:00:00", "ignored: w3 (ignored by the caller)", rollout.Policy{IgnoreNodes: chosen, IgnoreNotReadyNodes: day}},
	} {
		cases = append(cases, assessCase{
			name: tc.name, why: "w2 has waited for two hours", opts: health.Options{Policy: tc.policy},
			nodes: append(build.Nodes("w1", "w2"), reportingNode("w3", corev1.ConditionUnknown, "NodeStatusUnknown", "", 2*time.Hour)),
			pods: []*corev1.Pod{
				newAgent("w1", podMade(3*time.Hour)), newAgent("w2", podMade(2*time.Hour), podUnready(2*time.Hour), podWaits("ImagePullBackOff", "")),
				newAgent("w3", podMade(3*time.Hour), podUnready(2*time.Hour), podDeleted(2*time.Hour, 30)),
			},
			want: fmt.Sprintf(want, "2026-01-01T"+tc.since+"Z", tc.held), blockers: []string{"w2: image cannot be pulled since -2h0m0s"},
		})
	}
	testAssess(t, cases)
}

// TestAssessDeletedPods: somebody else deletes pods of w3, one after the other, and an assessment
// sees each. Nothing has failed.
func TestAssessDeletedPods(t *testing.T) {
	pod := func(n int, age time.Duration, changes ...func(*corev1.Pod)) *corev1.Pod {
		p := newAgent("w3", append([]func(*corev1.Pod){podMade(age)}, changes...)...)
		p.Name = fmt.Sprint("p", n)
		p.UID = types.UID(p.Name)
		return p
	}
	deleted := podDeleted(5*time.Second, 30)
	for _, tc := range []struct {
		name, why string
		looks     [][]*corev1.Pod
		replaced  int
	}{
		{"deleted twice", "each was seen terminating", [][]*corev1.Pod{
			{pod(0, 30*time.Minute, deleted)}, {pod(1, time.Minute, podUnready(time.Minute))}, {pod(1, time.Minute, deleted)}, {pod(2, time.Minute)},
		}, 0},
		{"beside its successor", "a surge has both", [][]*corev1.Pod{
			{pod(0, time.Hour, podUnready(time.Minute))}, {pod(0, time.Hour, deleted), pod(1, time.Minute, podUnready(time.Minute))},
			{pod(1, time.Minute, deleted), pod(2, time.Second)},
		}, 0},
		{"deleted between failures", "the row goes on", [][]*corev1.Pod{
			{pod(0, time.Minute, podUnready(time.Minute))}, {pod(1, time.Minute, podUnready(time.Minute))}, {pod(1, time.Minute, deleted)},
			{pod(2, time.Minute, podUnready(time.Minute))}, {pod(3, time.Second)},
		}, 2},
		{"available at each look", "nothing shows that a pod has failed", [][]*corev1.Pod{{pod(0, time.Minute)}, {pod(1, time.Minute)}, {pod(2, time.Minute)}}, 0},
		{"available after the first look", "the first pod is remembered, and so are its successors", [][]*corev1.Pod{
			{pod(0, time.Minute, podUnready(time.Minute))}, {pod(1, time.Minute)}, {pod(2, time.Minute)},
		}, 2},
		{"same second", "both are still there", [][]*corev1.Pod{
			{named("z", pod(0, time.Minute, podUnready(time.Minute))), named("a", pod(1, time.Minute, podUnbound("", "", 0)))},
			{named("z", pod(0, time.Minute, podUnready(time.Minute))), named("a", pod(1, time.Minute, podUnready(time.Minute)))},
		}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var memory health.Memory
			var a *health.Assessment
			for _, pods := range tc.looks {
				pods = append([]*corev1.Pod{newAgent("w1"), newAgent("w2")}, pods...)
				a = assess(t, assessCase{pods: pods, opts: health.Options{Memory: memory}})
				memory = stored(t, a.Memory)
			}
			replaced := 0
			for _, n := range memory.Nodes {
				replaced += n.Replaced
			}
			if replaced != tc.replaced {
				t.Errorf("Assess() = %v, %+v, want %d replaced pods: %s", a, memory.Nodes, tc.replaced, tc.why)
			}
		})
	}
}

func named(name string, pod *corev1.Pod) *corev1.Pod {
	pod.Name, pod.UID = name, types.UID(name)
	if pod.Spec.NodeName == "" {
		pod.Spec.Affinity = build.OnNode("w3")
	}
	return pod
}

// TestAssessManyFailures: every pod of a cluster fails, and each look finds another one. The answer
// depends neither on the burst limit nor on how many nodes a Memory has.
func TestAssessManyFailures(t *testing.T) {
	for _, tc := range []struct {
		nodes, burst int
		lockstep     bool
	}{
		{3, 0, false}, {250, 0, true}, {251, 0, true}, {300, 0, true}, {health.MemoryNodes, -1, true},
		{health.MemoryNodes + 1, -1, false}, {1100, 0, true}, {1100, -1, false},
	} {
		t.Run(fmt.Sprintf("%d nodes, burst %d, in lockstep %v", tc.nodes, tc.burst, tc.lockstep), func(t *testing.T) {
			ds := build.Set{}.Object()
			in := daemon.Input{DaemonSet: ds, Revisions: build.Current(ds, "new"), BurstReplicas: tc.burst}
			for n := range tc.nodes {
				in.Nodes = append(in.Nodes, build.Node{Name: fmt.Sprintf("n%04d", n)}.Object())
			}
			var memory health.Memory
			for minute := range 24 {
				in.Now, in.Pods = build.Now.Add(time.Duration(minute)*time.Minute), nil
				for n, node := range in.Nodes {
					p := build.Pod{Name: fmt.Sprint(node.Name, "-", minute), Node: node.Name, Hash: "new", Age: 40 * time.Second, Ready: 20 * time.Second, NotReady: true}
					phase := n + minute
					if tc.lockstep {
						phase = minute
					}
					switch phase % 4 {
					case 0:
						p.Phase = corev1.PodFailed
					case 1:
						p.NotReady = false
					case 2:
						if minute > 10 {
							continue
						}
					}
					pod := p.Of(ds)
					shift(pod, in.Now.Sub(build.Now))
					in.Pods = append(in.Pods, pod)
				}
				a, err := health.Assess(observe(t, in), health.Options{Memory: memory})
				if err != nil {
					t.Fatal(err)
				}
				memory = stored(t, a.Memory)
				if since := a.LastChange.Sub(build.Now); minute > 16 && (a.State != health.StateStalled || since > 5*time.Minute) {
					t.Fatalf("after %d minutes: Assess() is %v since %v, want it stalled since the first failures", minute, a.State, since)
				}
				if len(a.Memory.Nodes) > health.MemoryNodes {
					t.Fatalf("Memory has %d nodes", len(a.Memory.Nodes))
				}
			}
		})
	}
}

// TestAssessProgressBesideFailures: a full Memory, or a burst limit, hides no change of a node on
// which no pod fails again and again.
func TestAssessProgressBesideFailures(t *testing.T) {
	ds := build.Set{}.Object()
	long := metav1.NewTime(build.Now.Add(-time.Hour))
	const all = health.MemoryNodes + 100
	node := func(i int) string { return fmt.Sprintf("n%04d", i) }
	const few, most = health.MemoryNodes / 2, all - 1
	stuck, unready := podMade(time.Hour), podUnready(time.Hour)
	waits := func(n string) *corev1.Pod { return newAgent(n, stuck, unready) }
	fails := func(n string) *corev1.Pod { return newAgent(n, stuck, podFailed("", ""), unready) }
	available := func(d time.Duration) func(string) *corev1.Pod {
		return func(n string) *corev1.Pod { return newAgent(n, podMade(d)) }
	}
	none := func(string) *corev1.Pod { return nil }
	for _, tc := range []struct {
		name, why string
		// failing is the number of nodes on which pods fail again and again, and pod their pods.
		failing int
		pod     func(node string) *corev1.Pod
		// last is the pod of the last node. Those of the others wait.
		last  func(node string) *corev1.Pod
		burst int
		want  health.State
		since time.Duration
	}{
		{"nothing changes", "the last node waits, too", most, waits, waits, -1, health.StateStalled, time.Hour},
		{"left out, failing", "most nodes fail, and so may this one", most, waits, func(n string) *corev1.Pod { return newAgent(n, podMade(time.Minute), podUnready(time.Second)) }, -1, health.StateStalled, time.Hour},
		{"left out, just available", "most nodes fail, and so may this one", most, waits, available(time.Minute), -1, health.StateStalled, time.Hour},
		{"left out, no pod", "most nodes fail, and so may this one", most, waits, none, -1, health.StateStalled, time.Hour},
		{"left out, available for long", "its pod did not fail", most, waits, available(11 * time.Minute), -1, health.StateStalled, 11 * time.Minute},
		{"left out, outdated", "the next pass replaces it", most, waits, func(n string) *corev1.Pod { return oldAgent(n, unready) }, -1, health.StateProgressing, time.Hour},
		{"left out, few failures", "nodes that only wait say nothing about this one", few, waits, available(time.Minute), -1, health.StateProgressing, time.Minute},
		{"deferred deletion", "the last pod has not been deleted yet", few, fails, fails, 1, health.StateProgressing, time.Hour},
		{"deferred deletions of failing nodes", "the last node only waits", few, fails, waits, 1, health.StateStalled, time.Hour},
		{"deferred creation", "the last node has no pod yet", few, none, none, 1, health.StateProgressing, time.Hour},
		{"deferred creations of failing nodes", "the last node only waits", few, none, waits, 1, health.StateStalled, time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := daemon.Input{DaemonSet: ds, Revisions: build.Current(ds, "new"), Now: build.Now, BurstReplicas: tc.burst}
			memory := health.Memory{UID: ds.UID, RevisionHash: "new"}
			for i := range all {
				in.Nodes = append(in.Nodes, build.Nodes(node(i))...)
				pod := waits(node(i))
				n := health.NodeMemory{Node: node(i), Pod: pod.Name, Created: pod.CreationTimestamp}
				switch {
				case i == all-1:
					pod = tc.last(node(i))
				case i < tc.failing:
					pod = tc.pod(node(i))
					n.Replaced, n.LastReplaced, n.FailingSince = 5, metav1.NewTime(build.Now.Add(-time.Minute)), long
				}
				if pod != nil {
					in.Pods = append(in.Pods, pod)
				}
				if i < health.MemoryNodes {
					memory.Nodes = append(memory.Nodes, n)
				}
			}
			a, err := health.Assess(observe(t, in), health.Options{Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			if since := build.Now.Sub(a.LastChange); a.State != tc.want || since != tc.since {
				t.Errorf("Assess() is %v since %v ago, want %v since %v ago: %s", a.State, since, tc.want, tc.since, tc.why)
			}
		})
	}
}

// TestAssessRestartsOfLongAgo: a container has 40 restarts of a month, and has just crashed three
// times. The kubelet's delay says that this loop is young.
func TestAssessRestartsOfLongAgo(t *testing.T) {
	const backOff = "back-off 20s restarting failed container=main pod=new-w3_kube-system(uid)"
	pods := func(changes ...func(*corev1.Pod)) []*corev1.Pod {
		changes = append([]func(*corev1.Pod){podMade(30 * 24 * time.Hour), podUnready(20 * time.Second)}, changes...)
		return []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", changes...)}
	}
	waits := pods(podWaits("CrashLoopBackOff", backOff), podEnded("Error", 1, 40, 5*time.Second, 15*time.Second))
	runs := pods(podRuns(4*time.Second), podEnded("Error", 1, 41, 5*time.Second, 25*time.Second))
	memory := health.Options{Memory: completeMemory(t)}
	const w3 = "w3 (new-w3: container main keeps crashing: CrashLoopBackOff, 40 restarts, last exit Error (1))"
	const w3Runs = "w3 (new-w3: container main keeps crashing: 41 restarts, last exit Error (1))"
	testAssess(t, []assessCase{
		{
			name: "memory", why: "it was complete for an hour", pods: waits, opts: memory,
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: " + w3,
			blockers: []string{"w3: container crashes since -40s"},
		}, {
			name: "no memory", why: "the last change is the beginning of the loop", pods: waits,
			want:     "progressing: 2 of 3 nodes complete; not complete: " + w3 + doubt,
			blockers: []string{"w3: container crashes since -40s"},
		}, {
			name: "memory, runs again", why: "the kubelet has waited for 21 seconds", pods: runs, opts: memory,
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: " + w3Runs,
			blockers: []string{"w3: container crashes since -50s"},
		}, {
			name: "no memory, runs again", why: "the last change is the beginning of the loop", pods: runs,
			want:     "progressing: 2 of 3 nodes complete; not complete: " + w3Runs + doubt,
			blockers: []string{"w3: container crashes since -50s"},
		},
	})
}

// TestAssessWithoutBurstLimit: which nodes count for the writes that a burst limit defers is known,
// not guessed.
func TestAssessWithoutBurstLimit(t *testing.T) {
	ds := build.Set{}.Object()
	long := metav1.NewTime(build.Now.Add(-time.Hour))
	memory := health.Memory{UID: ds.UID, RevisionHash: "new"}
	for _, name := range []string{"a", "b"} {
		memory.Nodes = append(memory.Nodes, health.NodeMemory{Node: name, Replaced: 5, LastReplaced: metav1.NewTime(build.Now.Add(-time.Minute)), FailingSince: long})
	}
	draining := []corev1.Taint{build.NoExecute("drain")}
	for _, tc := range []struct {
		name, why string
		opts      health.Options
		nodes     []*corev1.Node
		pods      []*corev1.Pod
		want      health.State
	}{
		{
			"creations", "a and b fail again and again, and the partition holds c back",
			health.Options{Memory: memory, Policy: rollout.Policy{Partition: &rollout.Partition{Nodes: intstr.FromInt32(1), ProgressiveCreate: true}}},
			build.Nodes("a", "b", "c"), nil, health.StateStalled,
		}, {
			"deletions", "the pod of z goes, too",
			health.Options{Policy: rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: rollout.Labeled("ignored")}}},
			[]*corev1.Node{
				build.Node{Name: "a"}.Object(), build.Node{Name: "i", Labels: build.Labels{"ignored": ""}, Taints: draining}.Object(), build.Node{Name: "z", Taints: draining}.Object(),
			},
			[]*corev1.Pod{newAgent("a"), newAgent("i"), newAgent("z")}, health.StateProgressing,
		},
	} {
		for _, burst := range []int{-1, 1} {
			a, err := health.Assess(observe(t, daemon.Input{
				DaemonSet: ds, Revisions: build.Current(ds, "new"), Now: build.Now, BurstReplicas: burst, Nodes: tc.nodes, Pods: tc.pods,
			}), tc.opts)
			if err != nil || a.State != tc.want {
				t.Errorf("%s: Assess() with the burst limit %d = %v, %v, want %v: %s", tc.name, burst, a, err, tc.want, tc.why)
			}
		}
	}
}
