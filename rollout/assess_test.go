package rollout_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
)

// assessCase is a cluster of the nodes w1 to w3 at build.Now, which is 12:00:00.
// The current hash is "new".
type assessCase struct {
	name, why string
	set       build.Set
	nodes     []*corev1.Node // nil: w1, w2, w3
	pods      []*corev1.Pod
	backoff   daemon.Backoff
	opts      rollout.AssessOptions
	want      string
	blockers  []string // as blockerLine writes them
}

// assessPod makes pods of the set in the tables.
func assessPod(p build.Pod, changes ...func(*corev1.Pod)) *corev1.Pod {
	pod := p.Of(build.Set{}.Object())
	pod.Spec.Containers = []corev1.Container{{Name: "main", Image: "agent:2"}}
	pod.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "setup:1"}}
	for _, change := range changes {
		change(pod)
	}
	return pod
}

func newAgent(node string, changes ...func(*corev1.Pod)) *corev1.Pod {
	return assessPod(build.Pod{Name: "new-" + node, Node: node, Hash: "new"}, changes...)
}

func oldAgent(node string, changes ...func(*corev1.Pod)) *corev1.Pod {
	return assessPod(build.Pod{Name: "old-" + node, Node: node, Hash: "old", Age: 48 * time.Hour}, changes...)
}

func agoTime(d time.Duration) metav1.Time { return metav1.NewTime(build.Now.Add(-d)) }

// podMade puts creation, binding and readiness that long ago.
func podMade(d time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.CreationTimestamp = agoTime(d)
		for i := range pod.Status.Conditions {
			pod.Status.Conditions[i].LastTransitionTime = agoTime(d)
		}
	}
}

// podUnready makes the pod not ready since that long ago.
func podUnready(d time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Conditions = slices.DeleteFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady })
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
			Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: agoTime(d),
			Reason: "ContainersNotReady", Message: "containers with unready status: [main]",
		})
	}
}

// podWaits makes the container main wait.
func podWaits(word, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: "main", Image: "resolved", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: word, Message: message}},
		})
	}
}

// podEnded adds to the last container status how its last run ended: it lasted for
// run and was over that long ago.
func podEnded(word string, code, restarts int32, run, over time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		cs := &pod.Status.ContainerStatuses[len(pod.Status.ContainerStatuses)-1]
		cs.RestartCount = restarts
		cs.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
			Reason: word, ExitCode: code, StartedAt: agoTime(over + run), FinishedAt: agoTime(over),
		}
	}
}

// podRuns makes the container main run since that long ago.
func podRuns(d time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: "main", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: agoTime(d)}},
		})
	}
}

// podInit puts the last container status among those of init containers.
func podInit(pod *corev1.Pod) {
	last := len(pod.Status.ContainerStatuses) - 1
	cs := pod.Status.ContainerStatuses[last]
	cs.Name = "setup"
	pod.Status.ContainerStatuses = pod.Status.ContainerStatuses[:last]
	pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, cs)
}

// podDeleted is a deletion that was asked for that long ago, with a grace period.
func podDeleted(d time.Duration, grace int64) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		t := metav1.NewTime(agoTime(d).Add(time.Duration(grace) * time.Second))
		pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &t, &grace
	}
}

func podFailed(word, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, word, message
		podUnready(2 * time.Minute)(pod)
	}
}

func podUnbound(word, message string, d time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.NodeName = ""
		pod.Status = corev1.PodStatus{Phase: corev1.PodPending}
		if word != "" {
			pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: word, Message: message, LastTransitionTime: agoTime(d),
			}}
		}
	}
}

// reportingNode is a node whose Ready condition has been of that status.
func reportingNode(name string, ready corev1.ConditionStatus, word, message string, d time.Duration) *corev1.Node {
	n := build.Node{Name: name}.Object()
	n.Status.Conditions = []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
		{Type: corev1.NodeReady, Status: ready, Reason: word, Message: message, LastTransitionTime: agoTime(d)},
	}
	return n
}

func backoffOf(node string, last, delay time.Duration) daemon.Backoff {
	return daemon.Backoff{{UID: "uid-agent", Node: node}: {Last: build.Now.Add(-last), Delay: delay}}
}

func assess(t *testing.T, tc assessCase) *rollout.Assessment {
	t.Helper()
	nodes := tc.nodes
	if nodes == nil {
		nodes = build.Nodes("w1", "w2", "w3")
	}
	s, err := daemon.Observe(daemon.Input{
		DaemonSet: tc.set.Object(), Nodes: nodes, Pods: tc.pods, RevisionHash: "new", Now: build.Now, Backoff: tc.backoff,
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := rollout.Assess(s, tc.opts)
	if err != nil {
		t.Fatalf("Assess() = %v: %s", err, tc.why)
	}
	return a
}

func blockerLine(b rollout.Blocker) string {
	line := fmt.Sprintf("%s %d", b.Node, int(b.Reason))
	if !b.Since.IsZero() {
		line += fmt.Sprintf(" since -%v", build.Now.Sub(b.Since))
	}
	if !b.Until.IsZero() {
		line += fmt.Sprintf(" until +%v", b.Until.Sub(build.Now))
	}
	return line
}

func testAssess(t *testing.T, cases []assessCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := assess(t, tc)
			if diff := cmp.Diff(tc.want, got.String()); diff != "" {
				t.Errorf("Assess().String() differs: %s (-want +got):\n%s", tc.why, diff)
			}
			var blockers []string
			for _, b := range got.Blockers {
				blockers = append(blockers, blockerLine(b))
			}
			if diff := cmp.Diff(tc.blockers, blockers); diff != "" {
				t.Errorf("Assess().Blockers differ: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestAssessStates(t *testing.T) {
	testAssess(t, []assessCase{
		{
			name: "complete", why: "all nodes have a new available pod; the last became ready at 11:30",
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(30*time.Minute)), newAgent("w3")},
			want: "complete since 11:30:00: 3 of 3 nodes done",
		},
		{
			name: "complete on another day", why: "the date is told where it is not today",
			pods:  []*corev1.Pod{newAgent("w1", podMade(24*time.Hour))},
			nodes: build.Nodes("w1"),
			want:  "complete since 2025-12-31 12:00:00: 1 of 1 node done",
		},
		{
			name: "no node", why: "nothing is asked for",
			nodes: []*corev1.Node{build.Node{Name: "w1", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()},
			want:  "complete since 11:00:00: no node should run it",
		},
		{
			name: "a pod on its way out does no harm", why: "the new pod is there and available, whatever becomes of the old one",
			set:  build.Set{MaxSurge: "1"},
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3"), oldAgent("w3", podDeleted(20*time.Minute, 30))},
			want: "complete since 11:40:00: 3 of 3 nodes done",
		},
		{
			name: "begun", why: "the objects are a day old, but the next pass deletes a pod",
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "progressing: 0 of 3 nodes done; 1 to delete now",
		},
		{
			name: "first creation", why: "there are no pods to tell a time",
			want: "progressing: 0 of 3 nodes done; 3 to create now; not done: w1 (no pod yet), w2 (no pod yet), w3 (no pod yet)",
			blockers: []string{
				"w1 12", "w2 12", "w3 12",
			},
		},
		{
			name: "a moment ago", why: "a pod was created a minute ago and is not ready yet",
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(time.Minute), podUnready(time.Minute), podWaits("ContainerCreating", "")), oldAgent("w3")},
			want:     "progressing: 1 of 3 nodes done; maxUnavailable 1 is used up by w2 (new-w2: not ready yet: container main: ContainerCreating)",
			blockers: []string{"w2 9 since -1m0s"},
		},
		{
			name: "patience not over", why: "one second is left of ten minutes",
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(599*time.Second), podUnready(599*time.Second)), oldAgent("w3")},
			want:     "progressing: 1 of 3 nodes done; maxUnavailable 1 is used up by w2 (new-w2: not ready yet: containers with unready status: [main])",
			blockers: []string{"w2 9 since -9m59s"},
		},
		{
			name: "patience over", why: "exactly ten minutes are enough",
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(10*time.Minute), podUnready(10*time.Minute)), oldAgent("w3")},
			want:     "stalled since 11:50:00: 1 of 3 nodes done; maxUnavailable 1 is used up by w2 (new-w2: not ready yet: containers with unready status: [main])",
			blockers: []string{"w2 9 since -10m0s"},
		},
		{
			name: "patience of a minute", why: "it is an option",
			opts:     rollout.AssessOptions{Patience: time.Minute},
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(time.Minute), podUnready(time.Minute)), oldAgent("w3")},
			want:     "stalled since 11:59:00: 1 of 3 nodes done; maxUnavailable 1 is used up by w2 (new-w2: not ready yet: containers with unready status: [main])",
			blockers: []string{"w2 9 since -1m0s"},
		},
		{
			name: "endless patience", why: "below zero nothing is ever stalled",
			opts:     rollout.AssessOptions{Patience: -1},
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(time.Hour))},
			want:     "progressing: 2 of 3 nodes done; not done: w3 (new-w3: not ready yet: containers with unready status: [main])",
			blockers: []string{"w3 9 since -1h0m0s"},
		},
		{
			name: "nothing tells a time", why: "the age of the DaemonSet is all that is known",
			pods: []*corev1.Pod{newAgent("w1", func(pod *corev1.Pod) {
				pod.CreationTimestamp = metav1.Time{}
				pod.Status = corev1.PodStatus{}
			})},
			nodes:    build.Nodes("w1"),
			opts:     rollout.AssessOptions{Patience: 2 * time.Hour},
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: not ready yet)",
			blockers: []string{"w1 9"},
		},
		{
			name: "all updated, one not available", why: "no budget is waited for, so none is told",
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(time.Hour), podWaits("ImagePullBackOff", ""))},
			want:     `stalled since 11:00:00: 2 of 3 nodes done; not done: w3 (new-w3: image "agent:2" cannot be pulled: ImagePullBackOff)`,
			blockers: []string{"w3 1 since -1h0m0s"},
		},
		{
			name: "one stuck, the others go on", why: "with a budget of two the second node still has its turn",
			set:      build.Set{MaxUnavailable: "2"},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ImagePullBackOff", "")), oldAgent("w2"), oldAgent("w3")},
			want:     `progressing: 0 of 3 nodes done; 1 to delete now; not done: w1 (new-w1: image "agent:2" cannot be pulled: ImagePullBackOff)`,
			blockers: []string{"w1 1 since -1h0m0s"},
		},
		{
			name: "stuck on two of two", why: "both nodes use the budget, and the one that crashes is told first",
			set: build.Set{MaxUnavailable: "2"},
			pods: []*corev1.Pod{
				newAgent("w1", podUnready(time.Hour)), newAgent("w2", podUnready(time.Hour), podWaits("CrashLoopBackOff", "")), oldAgent("w3"),
			},
			want: "stalled since 11:00:00: 0 of 3 nodes done; maxUnavailable 2 is used up by " +
				"w2 (new-w2: container main keeps crashing: CrashLoopBackOff, 0 restarts), " +
				"w1 (new-w1: not ready yet: containers with unready status: [main])",
			blockers: []string{"w1 9 since -1h0m0s", "w2 2 since -1h0m0s"},
		},
		{
			name: "OnDelete", why: "only somebody else can go on",
			set:  build.Set{OnDelete: true},
			pods: []*corev1.Pod{newAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "waiting: 1 of 3 nodes done; 2 outdated pods wait for somebody to delete them: old-w2 on w2, old-w3 on w3",
		},
		{
			name: "OnDelete, broken", why: "a new pod that does not come up is a problem of its own",
			set:  build.Set{OnDelete: true},
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ErrImagePull", "")), newAgent("w2"), oldAgent("w3")},
			want: `stalled since 11:00:00: 1 of 3 nodes done; not done: w1 (new-w1: image "agent:2" cannot be pulled: ErrImagePull); ` +
				"1 outdated pod waits for somebody to delete it: old-w3 on w3",
			blockers: []string{"w1 1 since -1h0m0s"},
		},
		{
			name: "OnDelete, outdated and broken", why: "nobody replaces it, so its own problem counts",
			set:  build.Set{OnDelete: true},
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), oldAgent("w3", podUnready(time.Hour))},
			want: "stalled since 11:00:00: 2 of 3 nodes done; not done: w3 (old-w3: not ready yet: containers with unready status: [main]); " +
				"1 outdated pod waits for somebody to delete it: old-w3 on w3",
			blockers: []string{"w3 9 since -1h0m0s"},
		},
		{
			name: "deleting", why: "the controller does nothing more",
			set:  build.Set{Deleting: true},
			pods: []*corev1.Pod{oldAgent("w1")},
			want: "deleting",
		},
		{
			name: "surge", why: "the new pod beside the outdated one does not come up",
			set: build.Set{MaxSurge: "1"},
			pods: []*corev1.Pod{
				oldAgent("w1"), oldAgent("w2"), oldAgent("w3"),
				newAgent("w2", podMade(20*time.Minute), podUnbound("Unschedulable", "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", 20*time.Minute)),
			},
			want: "stalled since 11:40:00: 0 of 3 nodes done; maxSurge 1 is used up by " +
				"w2 (new-w2: cannot be scheduled: 0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.)",
			blockers: []string{"w2 4 since -20m0s"},
		},
		{
			name: "surge, on a node that keeps", why: "the outdated pod there goes when more are available than should be",
			set:   build.Set{MaxSurge: "1"},
			nodes: append(build.Nodes("w1"), build.Node{Name: "w2", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()),
			pods:  []*corev1.Pod{newAgent("w1", podUnready(time.Hour)), oldAgent("w2")},
			want: "stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: not ready yet: containers with unready status: [main]); " +
				"1 outdated pod waits",
			blockers: []string{"w1 9 since -1h0m0s"},
		},
	})
}

func TestAssessPolicy(t *testing.T) {
	under := func(p ...rollout.Piece) rollout.AssessOptions {
		policy, err := rollout.NewPolicy(p...)
		if err != nil {
			t.Fatal(err)
		}
		return rollout.AssessOptions{Policy: policy}
	}
	one := intstr.FromInt32(1)
	keeps := rollout.Partition{Keep: one}
	testAssess(t, []assessCase{
		{
			name: "paused", why: "somebody has to end the pause, however long it has been", opts: under(rollout.Pause{}),
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "waiting: 0 of 3 nodes done; held back: 3 by pause; 3 outdated pods wait",
		}, {
			name: "paused, pod missing", why: "a pause creates first pods", opts: under(rollout.Pause{}),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2")},
			want:     "progressing: 0 of 3 nodes done; 1 to create now; maxUnavailable 1 is used up by w3 (no pod yet); held back: 2 by pause",
			blockers: []string{"w3 12"},
		}, {
			name: "frozen, pod missing", why: "a freeze creates nothing, and somebody has to end it", opts: under(rollout.Freeze{}),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2")},
			want:     "waiting: 0 of 3 nodes done; maxUnavailable 1 is used up by w3 (no pod yet); held back: 3 by freeze",
			blockers: []string{"w3 12"},
		}, {
			name: "partition reached", why: "the rest is kept until somebody lowers it", opts: under(keeps),
			pods: []*corev1.Pod{oldAgent("w1"), newAgent("w2"), newAgent("w3")},
			want: "waiting: 2 of 3 nodes done; held back: 1 by partition; 1 outdated pod waits",
		}, {
			name: "kept and not available", why: "it is not replaced, and uses no budget", opts: under(keeps),
			pods: []*corev1.Pod{oldAgent("w1", podUnready(time.Hour)), newAgent("w2"), newAgent("w3")},
			want: "waiting: 2 of 3 nodes done; held back: 1 by partition; 1 outdated pod waits",
		}, {
			name: "within the partition", why: "w2 is to be updated still", opts: under(keeps),
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), newAgent("w3")},
			want: "progressing: 1 of 3 nodes done; 1 to delete now; held back: 1 by partition",
		}, {
			name: "stalled within the partition", why: "w3's new pod does not get ready, and holds w2 up", opts: under(keeps),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), newAgent("w3", podUnready(30*time.Minute))},
			want:     "stalled since 11:30:00: 0 of 3 nodes done; maxUnavailable 1 is used up by w3 (new-w3: not ready yet: containers with unready status: [main]); held back: 1 by partition",
			blockers: []string{"w3 9 since -30m0s"},
		}, {
			name: "canary waits", why: "it will have passed in half an hour", opts: under(rollout.Canary{Nodes: one, Wait: 90 * time.Minute}),
			pods: []*corev1.Pod{newAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "progressing: 1 of 3 nodes done; canary waiting on w1 until 12:30:00; held back: 2 by canary; 2 outdated pods wait",
		}, {
			name: "canary waits for somebody", why: "somebody has to promote it", opts: under(rollout.Canary{Nodes: one, Manual: true}),
			pods: []*corev1.Pod{newAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "waiting: 1 of 3 nodes done; canary waiting for somebody to promote it on w1; held back: 2 by canary; 2 outdated pods wait",
		}, {
			name: "canary paused", why: "somebody has to look at it", opts: under(rollout.Canary{Nodes: one}),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute), podWaits("ErrImagePull", "")), oldAgent("w2"), oldAgent("w3")},
			want: `waiting: 0 of 3 nodes done; maxUnavailable 1 is used up by w1 (new-w1: image "agent:2" cannot be pulled: ErrImagePull); ` +
				`canary paused on w1: w1: new-w1: image "agent:2" cannot be pulled: ErrImagePull: cannot be started; held back: 2 by canary`,
			blockers: []string{"w1 1 since -1h0m0s"},
		}, {
			name: "ignored node", why: "it does not use the budget, but is not done", opts: under(rollout.IgnoreNotReadyNodes{}),
			nodes: append(build.Nodes("w2", "w3"), reportingNode("w1", corev1.ConditionUnknown, "NodeStatusUnknown", "", time.Hour)),
			pods:  []*corev1.Pod{newAgent("w1", podUnready(time.Hour)), newAgent("w2"), newAgent("w3")},
			want: "stalled since 11:00:00: 2 of 3 nodes done; ignored: w1 (node is not ready); " +
				"not done: w1 (new-w1: node is not ready since 11:00:00: NodeStatusUnknown)",
			blockers: []string{"w1 6 since -1h0m0s"},
		}, {
			name: "slow start", why: "the next interval is known", opts: under(rollout.SlowStart{Pods: 1, Interval: 2 * time.Hour}),
			pods:     []*corev1.Pod{newAgent("w1")},
			want:     "progressing: 1 of 3 nodes done; held back: 2 by slow start; not done: w2 (no pod yet), w3 (no pod yet)",
			blockers: []string{"w2 12", "w3 12"},
		},
	})
}

func TestAssessBlockers(t *testing.T) {
	testAssess(t, []assessCase{
		{
			name: "image", why: "the image is the pod's, not what a runtime made of it; pulling began when the pod was bound",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ImagePullBackOff", "Back-off pulling image"))},
			want:     `stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: image "agent:2" cannot be pulled: ImagePullBackOff)`,
			blockers: []string{"w1 1 since -1h0m0s"},
		},
		{
			name: "image of a container that ran", why: "it began when the last run ended",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(20*time.Minute), podWaits("ErrImageNeverPull", ""), podEnded("Error", 1, 1, 30*time.Minute, 20*time.Minute))},
			want:     `stalled since 11:40:00: 0 of 1 node done; not done: w1 (new-w1: image "agent:2" cannot be pulled: ErrImageNeverPull)`,
			blockers: []string{"w1 1 since -20m0s"},
		},
		{
			name: "init container", why: "it is what the others wait for",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour),
				podWaits("InvalidImageName", ""), podInit, podWaits("PodInitializing", ""))},
			want:     `stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: image "setup:1" cannot be pulled: InvalidImageName)`,
			blockers: []string{"w1 1 since -1h0m0s"},
		},
		{
			name: "init container crashes", why: "the sentence says that it is one",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour),
				podWaits("CrashLoopBackOff", ""), podEnded("Error", 1, 40, time.Second, time.Minute), podInit, podWaits("PodInitializing", ""))},
			want:     "stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: init container setup keeps crashing: CrashLoopBackOff, 40 restarts, last exit Error (1))",
			blockers: []string{"w1 2 since -1h0m0s"},
		},
		{
			name: "init container ended badly", why: "the kubelet has not said yet that it waits",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute), func(pod *corev1.Pod) {
				pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
					Name: "setup", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 3}},
				}}
			})},
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: init container setup keeps crashing: 0 restarts, last exit Error (3))",
			blockers: []string{"w1 2 since -1h0m0s"},
			opts:     rollout.AssessOptions{Patience: 2 * time.Hour},
		},
		{
			name: "image after init containers", why: "it was not asked for before they were done",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ErrImagePull", ""), func(pod *corev1.Pod) {
				pod.Status.Conditions[0].LastTransitionTime = agoTime(50 * time.Minute)
				pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
					Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: agoTime(40 * time.Minute),
				})
			})},
			want:     `stalled since 11:20:00: 0 of 1 node done; not done: w1 (new-w1: image "agent:2" cannot be pulled: ErrImagePull)`,
			blockers: []string{"w1 1 since -40m0s"},
		},
		{
			name: "sidecar runs", why: "it is an init container that is meant to run on",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podRuns(time.Hour), podInit, podWaits("ContainerCreating", ""), func(pod *corev1.Pod) {
				pod.Spec.InitContainers[0].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
			})},
			want:     "stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: not ready yet: container main: ContainerCreating)",
			blockers: []string{"w1 9 since -1h0m0s"},
		},
		{
			name: "init container runs", why: "nothing is wrong, it takes its time",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute),
				podRuns(time.Minute), podInit, podWaits("PodInitializing", ""))},
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: not ready yet: init container setup: running)",
			blockers: []string{"w1 9 since -1m0s"},
		},
		{
			name: "init container done", why: "a zero exit of an init container is how it should end",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute), func(pod *corev1.Pod) {
				pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
					Name: "setup", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}},
				}}
			}, podWaits("ContainerCreating", ""))},
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: not ready yet: container main: ContainerCreating)",
			blockers: []string{"w1 9 since -1m0s"},
		},
		{
			name: "out of memory", why: "between two runs the last one is the present state",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute), func(pod *corev1.Pod) {
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
					Name: "main", RestartCount: 3, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
						Reason: "OOMKilled", ExitCode: 137, StartedAt: agoTime(2 * time.Minute), FinishedAt: agoTime(time.Minute),
					}},
				}}
			})},
			// Four runs of a minute, and 10, 20 and 40 seconds between them.
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: container main keeps crashing: 3 restarts, last exit OOMKilled (137))",
			blockers: []string{"w1 2 since -6m10s"},
		},
		{
			name: "crash loop, running", why: "it is not ready, and has been restarted a moment ago",
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{newAgent("w1", podUnready(time.Minute), podRuns(30*time.Second), podEnded("Error", 2, 2, time.Minute, 90*time.Second))},
			// Two runs of a minute and 10 seconds between them, before it ran again.
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: container main keeps crashing: 2 restarts, last exit Error (2))",
			blockers: []string{"w1 2 since -3m40s"},
		},
		{
			name: "restarted long ago", why: "after ten minutes the kubelet forgets, and so does this",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Minute), podRuns(10*time.Minute), podEnded("Error", 2, 2, time.Minute, 11*time.Minute))},
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: not ready yet: containers with unready status: [main])",
			blockers: []string{"w1 9 since -1m0s"},
		},
		{
			name: "crash loop of a pod that flips", why: "that it was ready for a moment with each run is no progress",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(48*time.Hour), podUnready(time.Minute), podWaits("CrashLoopBackOff", ""), podEnded("Error", 1, 10, 0, time.Minute))},
			want:     "stalled since 11:28:50: 0 of 1 node done; not done: w1 (new-w1: container main keeps crashing: CrashLoopBackOff, 10 restarts, last exit Error (1))",
			blockers: []string{"w1 2 since -31m10s"},
		},
		{
			name: "first crash after a long run", why: "the run was longer than the kubelet's memory, so it began now",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(48*time.Hour), podUnready(time.Minute), podWaits("CrashLoopBackOff", ""), podEnded("Error", 1, 7, time.Hour, time.Minute))},
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: container main keeps crashing: CrashLoopBackOff, 7 restarts, last exit Error (1))",
			blockers: []string{"w1 2 since -1m0s"},
		},
		{
			name: "container", why: "the message says what is missing",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("CreateContainerConfigError", "secret \"token\"\n not found"))},
			want:     `stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: container main cannot be started: CreateContainerConfigError: secret "token" not found)`,
			blockers: []string{"w1 3 since -1h0m0s"},
		},
		{
			name: "container that never ran", why: "CrashLoopBackOff is only how the kubelet goes on trying",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("CrashLoopBackOff", ""), podEnded("StartError", 128, 5, 0, time.Hour))},
			want:     "stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: container main cannot be started: StartError)",
			blockers: []string{"w1 3 since -1h0m0s"},
		},
		{
			name: "not scheduled yet", why: "nobody has said a word about it",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Minute), podUnbound("", "", 0))},
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: not ready yet: waits for the scheduler)",
			blockers: []string{"w1 9 since -1m0s"},
		},
		{
			name: "scheduled, it says", why: "and yet bound to no node: nobody says that it cannot be",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podMade(time.Minute), podUnbound("x", "y", 0), func(pod *corev1.Pod) {
				pod.Status.Conditions[0].Status = corev1.ConditionTrue
			})},
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: not ready yet: waits for the scheduler)",
			blockers: []string{"w1 9 since -1m0s"},
		},
		{
			name: "clock ahead", why: "what has not happened yet counts as happening now",
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{newAgent("w1", podMade(-time.Hour))},
			want:  "complete since 12:00:00: 1 of 1 node done",
		},
		{
			name: "gated", why: "the scheduler must not place it yet",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Hour), podUnbound("SchedulingGated", "", time.Hour))},
			want:     "stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: cannot be scheduled: SchedulingGated)",
			blockers: []string{"w1 4 since -1h0m0s"},
		},
		{
			name: "terminating", why: "the grace period of an hour is not over, so it is worth waiting",
			nodes:    build.Nodes("w1", "w2"),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2", podDeleted(30*time.Minute, 3600))},
			want:     "progressing: 0 of 2 nodes done; maxUnavailable 1 is used up by w2 (old-w2: terminating until 12:30:00)",
			blockers: []string{"w2 10 since -30m0s until +30m0s"},
		},
		{
			name: "terminating too long", why: "the grace period has been over for long",
			nodes:    build.Nodes("w1", "w2"),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2", podDeleted(30*time.Minute, 30))},
			want:     "stalled since 11:30:00: 0 of 2 nodes done; maxUnavailable 1 is used up by w2 (old-w2: terminating since 11:30:00, past its grace period)",
			blockers: []string{"w2 5 since -30m0s"},
		},
		{
			name: "terminating with a finalizer", why: "somebody has to take it off",
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{oldAgent("w1", podDeleted(30*time.Minute, 30), func(pod *corev1.Pod) { pod.Finalizers = []string{"example.com/hold"} })},
			want: "stalled since 11:30:00: 0 of 1 node done; not done: w1 (old-w1: terminating since 11:30:00, past its grace period: " +
				"finalizers example.com/hold)",
			blockers: []string{"w1 5 since -30m0s"},
		},
		{
			name: "terminating beside a new one", why: "both are told: the old one may hold what the new one needs",
			set:   build.Set{MaxSurge: "1"},
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{oldAgent("w1", podDeleted(30*time.Minute, 30)), newAgent("w1", podMade(30*time.Minute), podUnbound("Unschedulable", "no free ports", 30*time.Minute))},
			want: "stalled since 11:30:00: 0 of 1 node done; not done: w1 (new-w1: cannot be scheduled: no free ports; " +
				"old-w1: terminating since 11:30:00, past its grace period)",
			blockers: []string{"w1 4 since -30m0s", "w1 5 since -30m0s"},
		},
		{
			name: "kubelet gone", why: "what the pod's status says is what it was when the kubelet went",
			nodes: []*corev1.Node{
				build.Node{Name: "w1"}.Object(),
				reportingNode("w2", corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status.", 20*time.Minute),
			},
			pods:     []*corev1.Pod{oldAgent("w1"), newAgent("w2", podUnready(20*time.Minute), podWaits("ImagePullBackOff", ""))},
			want:     "stalled since 11:40:00: 0 of 2 nodes done; maxUnavailable 1 is used up by w2 (new-w2: node is not ready since 11:40:00: NodeStatusUnknown: Kubelet stopped posting node status.)",
			blockers: []string{"w2 6 since -20m0s"},
		},
		{
			name: "terminating on a node without kubelet", why: "nobody is there to end the pod",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionUnknown, "", "", 20*time.Minute)},
			pods:     []*corev1.Pod{oldAgent("w1", podDeleted(15*time.Minute, 3600))},
			want:     "stalled since 11:45:00: 0 of 1 node done; not done: w1 (old-w1: node is not ready since 11:40:00)",
			blockers: []string{"w1 6 since -20m0s"},
		},
		{
			name: "node not ready", why: "the kubelet says so, and nothing is wrong with the pod",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionFalse, "KubeletNotReady", "container runtime is down", 20*time.Minute)},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour))},
			want:     "stalled since 11:40:00: 0 of 1 node done; not done: w1 (new-w1: node is not ready since 11:40:00: KubeletNotReady: container runtime is down)",
			blockers: []string{"w1 6 since -20m0s"},
		},
		{
			name: "node not ready for want of the pod", why: "a network agent that cannot be pulled is why its node is not ready",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionFalse, "KubeletNotReady", "cni plugin not initialized", 20*time.Minute)},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ImagePullBackOff", ""))},
			want:     `stalled since 11:40:00: 0 of 1 node done; not done: w1 (new-w1: image "agent:2" cannot be pulled: ImagePullBackOff)`,
			blockers: []string{"w1 1 since -1h0m0s"},
		},
		{
			name: "node ready", why: "nothing is wrong with the node",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionTrue, "KubeletReady", "", time.Minute)},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour))},
			want:     "stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: not ready yet: containers with unready status: [main])",
			blockers: []string{"w1 9 since -1h0m0s"},
		},
		{
			name: "node gone", why: "its pod uses the budget until pod garbage collection ends it",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{oldAgent("w1"), newAgent("w2", podUnready(time.Hour))},
			want:     "stalled since 11:00:00: 0 of 1 node done; maxUnavailable 1 is used up by w2 (new-w2: node does not exist)",
			blockers: []string{"w2 7"},
		},
		{
			name: "minReadySeconds", why: "it is known when it is over, however long that takes",
			set:   build.Set{MinReady: 3600},
			nodes: build.Nodes("w1", "w2"),
			pods:  []*corev1.Pod{newAgent("w1", podMade(40*time.Minute)), oldAgent("w2")},
			want: "progressing: 0 of 2 nodes done; maxUnavailable 1 is used up by " +
				"w1 (new-w1: ready since 11:20:00, available at 12:20:00)",
			blockers: []string{"w1 11 since -40m0s until +20m0s"},
		},
		{
			name: "minReadySeconds of an unknown time", why: "a zero transition time counts as never",
			set:   build.Set{MinReady: 10},
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", func(pod *corev1.Pod) {
				pod.Status.Conditions[1].LastTransitionTime = metav1.Time{}
			})},
			want:     "stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: ready)",
			blockers: []string{"w1 11"},
		},
		{
			name: "minReadySeconds over", why: "the pod became available a minute ago: that is a change",
			set:   build.Set{MinReady: 1800},
			nodes: build.Nodes("w1", "w2"),
			pods:  []*corev1.Pod{newAgent("w1", podMade(31*time.Minute)), newAgent("w2", podMade(time.Hour), podUnready(time.Hour))},
			want:  "progressing: 1 of 2 nodes done; not done: w2 (new-w2: not ready yet: containers with unready status: [main])",
			blockers: []string{
				"w2 9 since -1h0m0s",
			},
		},
		{
			name: "failed", why: "it stays until its backoff is over",
			nodes:   build.Nodes("w1", "w2"),
			pods:    []*corev1.Pod{newAgent("w1", podMade(time.Hour)), newAgent("w2", podMade(2*time.Minute), podFailed("Evicted", "The node was low on resource: memory."))},
			backoff: backoffOf("w2", 2*time.Minute, 8*time.Minute+32*time.Second),
			// Ten and a half minutes of failures one after the other.
			want:     "stalled since 11:49:28: 1 of 2 nodes done; not done: w2 (new-w2: failed since 11:58:00: Evicted: The node was low on resource: memory.)",
			blockers: []string{"w2 8 since -2m0s until +6m32s"},
		},
		{
			name: "failed for the first time", why: "the pass deletes it, and a new one may do better",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podFailed("", ""))},
			want:     "progressing: 0 of 1 node done; 1 to delete now; not done: w1 (new-w1: failed since 11:58:00)",
			blockers: []string{"w1 8 since -2m0s"},
		},
		{
			name: "failed once", why: "once is not again and again: the successor may do better",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Minute), podUnready(time.Minute))},
			backoff:  backoffOf("w1", 20*time.Minute, time.Second),
			want:     "progressing: 0 of 1 node done; not done: w1 (new-w1: not ready yet: containers with unready status: [main])",
			blockers: []string{"w1 9 since -1m0s"},
		},
		{
			name: "failed beside a new one", why: "what became of the failed one does not matter any more",
			set:   build.Set{MaxSurge: "1"},
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{
				newAgent("w1", podMade(time.Hour), podUnready(time.Hour)),
				newAgent("w1", func(pod *corev1.Pod) { pod.Name += "-2" }, podFailed("", "")),
			},
			backoff:  backoffOf("w1", time.Minute, 15*time.Minute),
			want:     "stalled since 11:44:00: 0 of 1 node done; not done: w1 (new-w1: not ready yet: containers with unready status: [main])",
			blockers: []string{"w1 9 since -1h0m0s"},
		},
		{
			name: "failed again", why: "that a pod which fails again and again is replaced is no progress",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Minute), podFailed("", ""))},
			backoff:  backoffOf("w1", 15*time.Minute, 15*time.Minute),
			want:     "stalled since 11:30:00: 0 of 1 node done; 1 to delete now; not done: w1 (new-w1: failed since 11:58:00)",
			blockers: []string{"w1 8 since -2m0s"},
		},
		{
			name: "created again", why: "the successor of a pod that failed again and again is no progress either",
			nodes:    build.Nodes("w1"),
			backoff:  backoffOf("w1", time.Second, 15*time.Minute),
			want:     "stalled since 11:44:59: 0 of 1 node done; 1 to create now; not done: w1 (no pod yet)",
			blockers: []string{"w1 12"},
		},
		{
			name: "recovered", why: "the failures are over once a pod is available",
			nodes:   build.Nodes("w1"),
			pods:    []*corev1.Pod{newAgent("w1", podMade(time.Minute))},
			backoff: backoffOf("w1", 2*time.Minute, 15*time.Minute),
			want:    "complete since 11:59:00: 1 of 1 node done",
		},
		{
			name: "readiness", why: "the kubelet says which gate is closed",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podRuns(time.Hour), podUnready(time.Hour), func(pod *corev1.Pod) {
				ready := &pod.Status.Conditions[len(pod.Status.Conditions)-1]
				ready.Reason, ready.Message = "ReadinessGatesNotReady", `corresponding condition of pod readiness gate "example.com/lb" does not exist.`
			})},
			want:     `stalled since 11:00:00: 0 of 1 node done; not done: w1 (new-w1: not ready yet: corresponding condition of pod readiness gate "example.com/lb" does not exist.)`,
			blockers: []string{"w1 9 since -1h0m0s"},
		},
	})
}

func TestAssessNumbers(t *testing.T) {
	got := assess(t, assessCase{
		set: build.Set{MaxUnavailable: "50%"},
		nodes: append(build.Nodes("w1", "w2", "w3", "w4", "w5"),
			build.Node{Name: "w6", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()),
		pods: []*corev1.Pod{
			newAgent("w1"),
			newAgent("w2", podUnready(time.Hour)),
			oldAgent("w3"),
			oldAgent("w4", podDeleted(time.Hour, 30)),
			oldAgent("w6"),
			oldAgent("w7"),
		},
	})
	want := &rollout.Assessment{
		DaemonSet:  "agent",
		State:      rollout.AssessmentProgressing,
		Now:        build.Now,
		LastChange: build.Now.Add(-time.Hour),
		Desired:    5, Updated: 2, Available: 2, Done: 1,
		Create: 1, // on w5, before any update
	}
	opts := cmp.Options{cmpopts.IgnoreFields(rollout.Assessment{}, "Outdated", "Budget", "Blockers")}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("Assess() differs (-want +got):\n%s", diff)
	}
	var outdated []string
	for _, o := range got.Outdated {
		outdated = append(outdated, o.Node+" "+o.Pod.Name)
	}
	// The one on w4 is on its way, and the one on w7 is on no node.
	if diff := cmp.Diff([]string{"w3 old-w3", "w6 old-w6"}, outdated); diff != "" {
		t.Errorf("Assess().Outdated differs (-want +got):\n%s", diff)
	}
	wantBudget := rollout.BudgetUse{Kind: rollout.BudgetMaxUnavailable, Limit: 3, Holders: []rollout.BudgetHolder{
		{Node: "w2", Reason: rollout.HoldNew},
		{Node: "w4", Reason: rollout.HoldNoPod},
		{Node: "w5", Reason: rollout.HoldNoPod},
	}}
	if diff := cmp.Diff(wantBudget, got.Budget); diff != "" {
		t.Errorf("Assess().Budget differs (-want +got):\n%s", diff)
	}
	if !got.Budget.UsedUp() {
		t.Error("UsedUp() = false for three of three")
	}
}

// TestAssessWithoutTimes: nothing is stalled where no object tells a time.
func TestAssessWithoutTimes(t *testing.T) {
	ds := build.Set{}.Object()
	ds.CreationTimestamp = metav1.Time{}
	pod := newAgent("w1", func(pod *corev1.Pod) {
		pod.CreationTimestamp = metav1.Time{}
		pod.Status = corev1.PodStatus{}
	})
	s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1"), Pods: []*corev1.Pod{pod}, RevisionHash: "new", Now: build.Now})
	if err != nil {
		t.Fatal(err)
	}
	got, err := rollout.Assess(s, rollout.AssessOptions{})
	if err != nil || got.State != rollout.AssessmentProgressing || !got.LastChange.IsZero() {
		t.Errorf("Assess() = %v, %v, want progressing", got, err)
	}
}

func TestAssessHolders(t *testing.T) {
	second := func(pod *corev1.Pod) *corev1.Pod {
		pod.Name += "-2"
		return pod
	}
	for _, tc := range []struct {
		name, why string
		set       build.Set
		pods      []*corev1.Pod
		want      rollout.HoldReason // 0: the node does not count
	}{
		{"nothing", "a missing pod is not available", build.Set{}, nil, rollout.HoldNoPod},
		{"terminating", "a pod being deleted is no pod", build.Set{}, []*corev1.Pod{newAgent("w1", podDeleted(time.Minute, 30))}, rollout.HoldNoPod},
		{"new", "nothing is wrong", build.Set{}, []*corev1.Pod{newAgent("w1")}, 0},
		{"new, not available", "it was replaced already", build.Set{}, []*corev1.Pod{newAgent("w1", podUnready(0))}, rollout.HoldNew},
		{"outdated", "it waits", build.Set{}, []*corev1.Pod{oldAgent("w1")}, 0},
		{"outdated, not available", "it counts before it is replaced", build.Set{}, []*corev1.Pod{oldAgent("w1", podUnready(0))}, rollout.HoldOutdated},
		{"both", "one of them will go", build.Set{}, []*corev1.Pod{oldAgent("w1"), newAgent("w1")}, rollout.HoldBoth},
		{"two new ones", "one of them will go", build.Set{}, []*corev1.Pod{newAgent("w1"), second(newAgent("w1"))}, rollout.HoldSeveral},
		{"surge: nothing", "a missing pod is no surge", build.Set{MaxSurge: "1"}, nil, 0},
		{"surge: both, available", "the outdated one goes now", build.Set{MaxSurge: "1"}, []*corev1.Pod{oldAgent("w1"), newAgent("w1")}, 0},
		{"surge: both", "the new one is not available", build.Set{MaxSurge: "1"}, []*corev1.Pod{oldAgent("w1"), newAgent("w1", podUnready(0))}, rollout.HoldBoth},
		{"surge: two new ones", "one too many", build.Set{MaxSurge: "1"}, []*corev1.Pod{newAgent("w1"), second(newAgent("w1"))}, rollout.HoldSeveral},
		{"OnDelete", "there is no budget", build.Set{OnDelete: true}, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := assess(t, assessCase{set: tc.set, nodes: build.Nodes("w1"), pods: tc.pods, why: tc.why}).Budget
			var want []rollout.BudgetHolder
			if tc.want != 0 {
				want = []rollout.BudgetHolder{{Node: "w1", Reason: tc.want}}
			}
			if diff := cmp.Diff(want, got.Holders); diff != "" {
				t.Errorf("Assess().Budget.Holders differ: %s (-want +got):\n%s", tc.why, diff)
			}
			kind := rollout.BudgetMaxUnavailable
			switch {
			case tc.set.OnDelete:
				kind = 0
			case tc.set.MaxSurge != "":
				kind = rollout.BudgetMaxSurge
			}
			if got.Kind != kind {
				t.Errorf("Assess().Budget.Kind = %v, want %v", got.Kind, kind)
			}
		})
	}
}

func TestAssessBlockReasons(t *testing.T) {
	for reason, words := range map[rollout.BlockReason][]string{
		rollout.BlockImage: {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"},
		rollout.BlockContainer: {
			"CreateContainerConfigError", "CreateContainerError", "PreStartHookError", "PostStartHookError", "RunContainerError",
			"StartError", "ContainerCannotRun",
		},
		rollout.BlockCrashLoop: {"CrashLoopBackOff"},
		rollout.BlockNotReady:  {"ContainerCreating", "PodInitializing", "", "SomethingNew"},
	} {
		for _, word := range words {
			got := assess(t, assessCase{nodes: build.Nodes("w1"), pods: []*corev1.Pod{newAgent("w1", podUnready(0), podWaits(word, "m"))}}).Blockers
			if len(got) != 1 || got[0].Reason != reason || got[0].Word != word || got[0].Container != "main" || got[0].Image != "agent:2" {
				t.Errorf("container waits because of %q: blockers = %+v, want %v", word, got, reason)
			}
		}
	}
}

// TestAssessCutsLongText: a sentence stays a sentence in any cluster.
func TestAssessCutsLongText(t *testing.T) {
	var names []string
	var pods []*corev1.Pod
	for i := range 20 {
		name := fmt.Sprintf("w%02d", i)
		names = append(names, name)
		pods = append(pods, newAgent(name, podMade(time.Hour), podUnbound("Unschedulable", strings.Repeat("ä ", 1000), time.Hour)))
	}
	got := assess(t, assessCase{nodes: build.Nodes(names...), pods: pods})
	if s := got.String(); len([]rune(s)) > 1000 || !strings.HasSuffix(s, "..., and 17 more nodes") && !strings.HasSuffix(s, "...), and 17 more nodes") {
		t.Errorf("Assess().String() = %q, want three nodes and the number of the others", s)
	}
	got = assess(t, assessCase{set: build.Set{OnDelete: true}, nodes: build.Nodes(names...), pods: func() (old []*corev1.Pod) {
		for _, name := range names {
			old = append(old, oldAgent(name))
		}
		return old
	}()})
	const want = "waiting: 0 of 20 nodes done; 20 outdated pods wait for somebody to delete them: " +
		"old-w00 on w00, old-w01 on w01, old-w02 on w02, old-w03 on w03, old-w04 on w04, and 15 more"
	if got.String() != want {
		t.Errorf("Assess().String() = %q, want %q", got, want)
	}
}

func TestAssessErrors(t *testing.T) {
	observe := func(change func(*appsv1.DaemonSet)) *daemon.Snapshot {
		ds := build.Set{}.Object()
		change(ds)
		s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Now: build.Now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	broken := intstr.FromString("many")
	for _, tc := range []struct {
		name, why string
		snapshot  *daemon.Snapshot
		path      string
	}{
		{"nil", "there is nothing to look at", nil, "snapshot"},
		{"zero", "a snapshot that Observe did not make", &daemon.Snapshot{}, "snapshot"},
		{"strategy", "as Next", observe(func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.Type = "Recreate" }), "spec.updateStrategy.type"},
		{"budget", "as Next", observe(func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &broken }), "spec.updateStrategy.rollingUpdate.maxUnavailable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := rollout.Assess(tc.snapshot, rollout.AssessOptions{})
			var fieldErr *field.Error
			if got != nil || !errors.As(err, &fieldErr) || fieldErr.Field != tc.path {
				t.Errorf("Assess() = %v, %v, want a *field.Error at %s: %s", got, err, tc.path, tc.why)
			}
		})
	}
}

func TestAssessStrings(t *testing.T) {
	for _, tc := range []struct {
		got  fmt.Stringer
		want string
	}{
		{rollout.AssessmentProgressing, "progressing"},
		{rollout.AssessmentComplete, "complete"},
		{rollout.AssessmentStalled, "stalled"},
		{rollout.AssessmentWaiting, "waiting"},
		{rollout.AssessmentDeleting, "deleting"},
		{rollout.AssessmentState(0), "AssessmentState(0)"},
		{rollout.BudgetMaxUnavailable, "maxUnavailable"},
		{rollout.BudgetMaxSurge, "maxSurge"},
		{rollout.BudgetKind(-1), "BudgetKind(-1)"},
		{rollout.HoldNoPod, "no pod that stays"},
		{rollout.HoldSeveral, "more than one pod of a kind"},
		{rollout.HoldReason(9), "HoldReason(9)"},
		{rollout.BlockImage, "image cannot be pulled"},
		{rollout.BlockMissing, "no pod yet"},
		{rollout.BlockReason(13), "BlockReason(13)"},
		{(*rollout.Assessment)(nil), "no assessment"},
		{&rollout.Assessment{}, "no assessment"},
		{rollout.Blocker{}, ": BlockReason(0)"},
		{rollout.Blocker{Node: "w1", Pod: &corev1.Pod{}, Reason: rollout.BlockTerminating, Until: build.Now}, "w1: pod without a name: terminating until 2026-01-01 12:00:00"},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("%T.String() = %q, want %q", tc.got, got, tc.want)
		}
	}
	for reason := rollout.BlockImage; reason <= rollout.BlockMissing; reason++ {
		if s := (rollout.Blocker{Node: "w1", Reason: reason}).String(); strings.Contains(s, "(") || strings.HasSuffix(s, " ") {
			t.Errorf("Blocker{Reason: %d}.String() = %q", int(reason), s)
		}
	}
}

// TestAssessProperties looks at clusters in arbitrary states: order does not
// matter, the input stays as it is, and what Assess counts agrees with what other
// functions say.
func TestAssessProperties(t *testing.T) {
	seen := map[rollout.AssessmentState]int{}
	states(t, 400, func(t *testing.T, r *rand.Rand, c *scenario.Cluster) {
		for range r.IntN(8) {
			if _, err := c.Sync(); err != nil {
				t.Error(err)
				return
			}
			c.Kubelet([]string{"n1"})
			c.Now = c.Now.Add(time.Minute)
		}
		in := c.Input()
		revisions, err := rollout.Revisions(in.DaemonSet, in.Revisions, in.Pods)
		if err != nil {
			t.Error(err)
			return
		}
		in.Now = in.Now.Add(time.Duration(r.IntN(20)) * time.Minute)
		for _, pod := range in.Pods {
			breakPod(r, pod, in.Now)
		}
		before := copyInput(in)
		look := func() (*daemon.Snapshot, *rollout.Assessment) {
			s, err := daemon.Observe(daemon.Input{
				DaemonSet: in.DaemonSet, Nodes: in.Nodes, Pods: in.Pods, RevisionHash: revisions.Hash, Now: in.Now, Backoff: in.Backoff,
			})
			if err != nil {
				t.Fatal(err)
			}
			a, err := rollout.Assess(s, rollout.AssessOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return s, a
		}
		s, a := look()
		seen[a.State]++
		if diff := cmp.Diff(before, in); diff != "" {
			t.Errorf("Assess() changed its input (-before +after):\n%s", diff)
		}
		slices.Reverse(in.Nodes)
		slices.Reverse(in.Pods)
		if _, again := look(); cmp.Diff(a, again) != "" {
			t.Errorf("Assess() depends on the order (-first +second):\n%s", cmp.Diff(a, again))
		}
		checkAssessment(t, s, a)
	})
	for state := rollout.AssessmentProgressing; state < rollout.AssessmentDeleting; state++ {
		if seen[state] == 0 {
			t.Errorf("no cluster was %v: %v", state, seen)
		}
	}
}

// breakPod gives a pod that is not ready a container status.
func breakPod(r *rand.Rand, pod *corev1.Pod, now time.Time) {
	if len(pod.Status.Conditions) > 0 || pod.Spec.NodeName == "" {
		return
	}
	cs := corev1.ContainerStatus{Name: "c", RestartCount: int32(r.IntN(8))}
	switch r.IntN(4) {
	case 0:
		return
	case 1:
		cs.State.Waiting = &corev1.ContainerStateWaiting{Reason: []string{"ImagePullBackOff", "CrashLoopBackOff", ""}[r.IntN(3)]}
	case 2:
		cs.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now.Add(-time.Duration(r.IntN(20)) * time.Minute))}
	}
	if r.IntN(2) == 0 {
		cs.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, FinishedAt: metav1.NewTime(now)}
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{cs}
}

func checkAssessment(t *testing.T, s *daemon.Snapshot, a *rollout.Assessment) {
	t.Helper()
	step, err := rollout.Next(s)
	if err != nil {
		t.Error(err)
		return
	}
	used := step.Unavailable
	if a.Budget.Kind == rollout.BudgetMaxSurge {
		used = step.Surging
	}
	if a.Budget.Kind != 0 && len(a.Budget.Holders) != used {
		t.Errorf("%d nodes hold the budget, Next says %d", len(a.Budget.Holders), used)
	}
	plan := daemon.Reconcile(s)
	if a.Create+a.Delete == 0 && (!plan.Empty() || !step.Plan.Empty()) {
		t.Errorf("nothing to do, but there is: %v, %v", plan, step)
	}
	// Every node that is not as it should be has a reason: a blocker, an outdated
	// pod that waits, or work for the next pass.
	explained := map[string]bool{}
	for _, b := range a.Blockers {
		explained[b.Node] = true
		if s := b.String(); s == "" {
			t.Error("blocker without text")
		}
	}
	for _, o := range a.Outdated {
		explained[o.Node] = true
	}
	notDone := 0
	for _, n := range s.Nodes() {
		ok := slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool {
			return p.Updated && p.Available && !p.Terminating && !p.Failed && !p.Succeeded
		})
		if !n.Decision.Run || ok {
			continue
		}
		notDone++
		if !explained[n.Name] && a.Create+a.Delete == 0 {
			t.Errorf("nothing tells why %s is not done: %v", n.Name, a)
		}
	}
	if a.Desired-a.Done != notDone {
		t.Errorf("%d of %d done, but %d are not", a.Done, a.Desired, notDone)
	}
	complete := a.State == rollout.AssessmentComplete
	if complete && (notDone > 0 || len(a.Outdated) > 0 || len(a.Blockers) > 0) {
		t.Errorf("complete, but: %+v", a)
	}
	if a.State == rollout.AssessmentStalled && (a.Now.Sub(a.LastChange) < rollout.DefaultPatience || len(a.Blockers) == 0 && len(a.Outdated) == 0) {
		t.Errorf("stalled, but: %+v", a)
	}
	if a.LastChange.After(a.Now) {
		t.Errorf("LastChange %v is after now", a.LastChange)
	}
	if text := a.String(); text == "" || strings.Contains(text, "\n") {
		t.Errorf("Assess().String() = %q, want one line", text)
	}
}
