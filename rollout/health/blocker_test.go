package health_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/health"
)

func TestAssessBlockers(t *testing.T) {
	testAssess(t, []assessCase{
		{
			name: "image", why: "the image is the one of the pod's spec; pulling began when the pod was bound",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ImagePullBackOff", "Back-off pulling image"))},
			want:     `stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: image "agent:2" cannot be pulled: ImagePullBackOff)` + doubt,
			blockers: []string{"w1: image cannot be pulled since -1h0m0s"},
		},
		{
			name: "image of a container that ran", why: "it began when the last run ended",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(20*time.Minute), podWaits("ErrImageNeverPull", ""), podEnded("Error", 1, 1, 30*time.Minute, 20*time.Minute))},
			want:     `stalled since 2026-01-01T11:40:00Z: 0 of 1 node complete; not complete: w1 (new-w1: image "agent:2" cannot be pulled: ErrImageNeverPull)` + doubt,
			blockers: []string{"w1: image cannot be pulled since -20m0s"},
		},
		{
			name: "init container", why: "it is what the others wait for",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour),
				podWaits("InvalidImageName", ""), podInit, podWaits("PodInitializing", ""))},
			want:     `stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: image "setup:1" cannot be pulled: InvalidImageName)` + doubt,
			blockers: []string{"w1: image cannot be pulled since -1h0m0s"},
		},
		{
			name: "init container crashes", why: "the sentence says that it is one",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour),
				podWaits("CrashLoopBackOff", ""), podEnded("Error", 1, 40, time.Second, time.Minute), podInit, podWaits("PodInitializing", ""))},
			want:     "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: init container setup keeps crashing: CrashLoopBackOff, 40 restarts, last exit Error (1))" + doubt,
			blockers: []string{"w1: container crashes since -1h0m0s"},
		},
		{
			name: "init container ended badly", why: "the kubelet has not said yet that it waits",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute), func(pod *corev1.Pod) {
				pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
					Name: "setup", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 3}},
				}}
			})},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: init container setup crashed: 0 restarts, last exit Error (3))" + doubt,
			blockers: []string{"w1: container crashes since -1h0m0s"},
			opts:     health.Options{Patience: 2 * time.Hour},
		},
		{
			name: "image after init containers", why: "the kubelet pulls it after they are done",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ErrImagePull", ""), func(pod *corev1.Pod) {
				pod.Status.Conditions[0].LastTransitionTime = agoTime(50 * time.Minute)
				pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
					Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: agoTime(40 * time.Minute),
				})
			})},
			want:     `stalled since 2026-01-01T11:20:00Z: 0 of 1 node complete; not complete: w1 (new-w1: image "agent:2" cannot be pulled: ErrImagePull)` + doubt,
			blockers: []string{"w1: image cannot be pulled since -40m0s"},
		},
		{
			name: "sidecar runs", why: "it is an init container that is meant to run on",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podRuns(time.Hour), podInit, podWaits("ContainerCreating", ""), func(pod *corev1.Pod) {
				pod.Spec.InitContainers[0].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
			})},
			want:     "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: not ready: container main: ContainerCreating)" + doubt,
			blockers: []string{"w1: not ready since -1h0m0s"},
		},
		{
			name: "init container runs", why: "nothing is wrong, it takes its time",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute),
				podRuns(time.Minute), podInit, podWaits("PodInitializing", ""))},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready: init container setup: running)" + doubt,
			blockers: []string{"w1: not ready since -1m0s"},
		},
		{
			name: "init container done", why: "an init container that exits with zero is done",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute), func(pod *corev1.Pod) {
				pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
					Name: "setup", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}},
				}}
			}, podWaits("ContainerCreating", ""))},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready: container main: ContainerCreating)" + doubt,
			blockers: []string{"w1: not ready since -1m0s"},
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
			// Four runs of a minute, and 0, 10 and 20 seconds between them.
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: container main keeps crashing: 3 restarts, last exit OOMKilled (137))" + doubt,
			blockers: []string{"w1: container crashes since -5m30s"},
		},
		{
			name: "crash loop, running", why: "it is not ready, and has been restarted a moment ago",
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{newAgent("w1", podUnready(time.Minute), podRuns(30*time.Second), podEnded("Error", 2, 2, time.Minute, 90*time.Second))},
			// Two runs of a minute, the second at once, before it ran again.
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: container main keeps crashing: 2 restarts, last exit Error (2))" + doubt,
			blockers: []string{"w1: container crashes since -3m30s"},
		},
		{
			name: "restarted long ago", why: "after ten minutes the kubelet forgets, and so does this",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Minute), podRuns(10*time.Minute), podEnded("Error", 2, 2, time.Minute, 11*time.Minute))},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready: containers with unready status: [main])" + doubt,
			blockers: []string{"w1: not ready since -1m0s"},
		},
		{
			name: "crash loop of a pod that flips", why: "each run makes it ready for a moment, which is no progress",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(48*time.Hour), podUnready(time.Minute), podWaits("CrashLoopBackOff", ""), podEnded("Error", 1, 10, 0, time.Minute))},
			want:     "stalled since 2026-01-01T11:33:50Z: 0 of 1 node complete; not complete: w1 (new-w1: container main keeps crashing: CrashLoopBackOff, 10 restarts, last exit Error (1))" + doubt,
			blockers: []string{"w1: container crashes since -26m10s"},
		},
		{
			name: "first crash after a long run", why: "the run was longer than the kubelet's memory, so it began now",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(48*time.Hour), podUnready(time.Minute), podWaits("CrashLoopBackOff", ""), podEnded("Error", 1, 7, time.Hour, time.Minute))},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: container main keeps crashing: CrashLoopBackOff, 7 restarts, last exit Error (1))" + doubt,
			blockers: []string{"w1: container crashes since -1m0s"},
		},
		{
			name: "container", why: "the message says what is missing",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("CreateContainerConfigError", "secret \"token\"\n not found"))},
			want:     `stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: container main cannot start: CreateContainerConfigError: secret "token" not found)` + doubt,
			blockers: []string{"w1: container cannot start since -1h0m0s"},
		},
		{
			name: "container that never ran", why: "CrashLoopBackOff is only how the kubelet goes on trying",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("CrashLoopBackOff", ""), podEnded("StartError", 128, 5, 0, time.Hour))},
			want:     "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: container main cannot start: StartError)" + doubt,
			blockers: []string{"w1: container cannot start since -1h0m0s"},
		},
		{
			name: "not scheduled yet", why: "the scheduler has not reported on it",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Minute), podUnbound("", "", 0))},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready: waits for the scheduler)" + doubt,
			blockers: []string{"w1: not ready since -1m0s"},
		},
		{
			name: "scheduled and not bound", why: "the condition says that it is scheduled, so nothing reports a problem",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podMade(time.Minute), podUnbound("x", "y", 0), func(pod *corev1.Pod) {
				pod.Status.Conditions[0].Status = corev1.ConditionTrue
			})},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready: waits for the scheduler)" + doubt,
			blockers: []string{"w1: not ready since -1m0s"},
		},
		{
			name: "clock ahead", why: "a time in the future counts as now",
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{newAgent("w1", podMade(-time.Hour))},
			want:  "complete since 2026-01-01T12:00:00Z: 1 of 1 node complete",
		},
		{
			name: "gated", why: "the scheduler must not place it yet",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Hour), podUnbound("SchedulingGated", "", time.Hour))},
			want:     "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: cannot be scheduled: SchedulingGated)" + doubt,
			blockers: []string{"w1: cannot be scheduled since -1h0m0s"},
		},
		{
			name: "terminating", why: "the grace period of an hour is not over, so it is worth waiting",
			nodes:    build.Nodes("w1", "w2"),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2", podDeleted(30*time.Minute, 3600))},
			want:     "progressing: 0 of 2 nodes complete; maxUnavailable 1 is used by w2 (old-w2: terminating until 2026-01-01T12:30:00Z)",
			blockers: []string{"w2: terminating since -30m0s until +30m0s"},
		},
		{
			name: "terminating too long", why: "the grace period has been over for long",
			nodes:    build.Nodes("w1", "w2"),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2", podDeleted(30*time.Minute, 30))},
			want:     "stalled since 2026-01-01T11:30:00Z: 0 of 2 nodes complete; maxUnavailable 1 is used by w2 (old-w2: terminating since 2026-01-01T11:30:00Z, past its grace period)",
			blockers: []string{"w2: terminating past its grace period since -30m0s"},
		},
		{
			name: "terminating with a finalizer", why: "a person or another controller removes it",
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{oldAgent("w1", podDeleted(30*time.Minute, 30), func(pod *corev1.Pod) { pod.Finalizers = []string{"example.com/hold"} })},
			want: "stalled since 2026-01-01T11:30:00Z: 0 of 1 node complete; not complete: w1 (old-w1: terminating since 2026-01-01T11:30:00Z, past its grace period: " +
				"finalizers example.com/hold)",
			blockers: []string{"w1: terminating past its grace period since -30m0s"},
		},
		{
			name: "terminating beside a new one", why: "both are blockers: the old pod may hold what the new one needs",
			set:   build.Set{MaxSurge: "1"},
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{oldAgent("w1", podDeleted(30*time.Minute, 30)), newAgent("w1", podMade(30*time.Minute), podUnbound("Unschedulable", "no free ports", 30*time.Minute))},
			want: "stalled since 2026-01-01T11:30:00Z: 0 of 1 node complete; not complete: w1 (new-w1: cannot be scheduled: no free ports; " +
				"old-w1: terminating since 2026-01-01T11:30:00Z, past its grace period)",
			blockers: []string{"w1: cannot be scheduled since -30m0s", "w1: terminating past its grace period since -30m0s"},
		},
		{
			name: "terminating in time beside a new one", why: "the old pod ends by itself",
			set:   build.Set{MaxSurge: "1"},
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{oldAgent("w1", podDeleted(time.Minute, 3600)), newAgent("w1", podMade(time.Minute), podUnready(time.Minute))},
			want:  "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready: containers with unready status: [main])",
			blockers: []string{
				"w1: not ready since -1m0s",
			},
		},
		{
			name: "outdated and broken", why: "the next pass replaces it",
			nodes: build.Nodes("w1", "w2"),
			pods:  []*corev1.Pod{oldAgent("w1"), oldAgent("w2", podUnready(time.Hour))},
			want:  "progressing: 0 of 2 nodes complete; 1 to delete now; maxUnavailable 1 is used by w2 (outdated pod is not available)",
		},
		{
			name: "outdated and broken, with surge", why: "the next pass creates a new pod beside it",
			set:   build.Set{MaxSurge: "1"},
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{oldAgent("w1", podUnready(time.Hour))},
			want:  "progressing: 0 of 1 node complete; 1 to create now",
		},
		{
			name: "outdated and broken, after the burst limit", why: "a later pass replaces it",
			nodes: build.Nodes("w1", "w2"), burst: 1,
			pods: []*corev1.Pod{oldAgent("w1", podUnready(time.Hour)), oldAgent("w2", podUnready(time.Hour))},
			want: "progressing: 0 of 2 nodes complete; 2 to delete now; " +
				"maxUnavailable 1 is used by w1 (outdated pod is not available), w2 (outdated pod is not available)",
		},
		{
			name: "outdated and broken, pod missing", why: "the pass creates a pod first, and a later one replaces the broken one",
			nodes: build.Nodes("w1", "w2"),
			pods:  []*corev1.Pod{oldAgent("w1", podUnready(time.Hour))},
			want: "progressing: 0 of 2 nodes complete; 1 to create now; " +
				"maxUnavailable 1 is used by w2 (no pod), w1 (outdated pod is not available)",
			blockers: []string{"w2: no pod"},
		},
		{
			name: "outdated beside a new one", why: "the new pod is what the rollout waits for",
			set:   build.Set{MaxSurge: "1", MinReady: 3600},
			nodes: build.Nodes("w1"),
			pods:  []*corev1.Pod{oldAgent("w1", podMade(20*time.Minute)), newAgent("w1", podMade(15*time.Minute), podUnready(15*time.Minute))},
			want: "stalled since 2026-01-01T11:45:00Z: 0 of 1 node complete; " +
				"maxSurge 1 is used by w1 (new-w1: not ready: containers with unready status: [main])",
			blockers: []string{"w1: not ready since -15m0s"},
		},
		{
			name: "kubelet gone", why: "what the pod's status says is what it was when the kubelet went",
			nodes: []*corev1.Node{
				build.Node{Name: "w1"}.Object(),
				reportingNode("w2", corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status.", 20*time.Minute),
			},
			pods:     []*corev1.Pod{oldAgent("w1"), newAgent("w2", podUnready(20*time.Minute), podWaits("ImagePullBackOff", ""))},
			want:     "stalled since 2026-01-01T11:40:00Z: 0 of 2 nodes complete; maxUnavailable 1 is used by w2 (new-w2: node is not ready since 2026-01-01T11:40:00Z: NodeStatusUnknown: Kubelet stopped posting node status.)",
			blockers: []string{"w2: node is not ready since -20m0s"},
		},
		{
			name: "terminating on a node without kubelet", why: "no kubelet ends the pod",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionUnknown, "", "", 20*time.Minute)},
			pods:     []*corev1.Pod{oldAgent("w1", podDeleted(15*time.Minute, 3600))},
			want:     "stalled since 2026-01-01T11:45:00Z: 0 of 1 node complete; not complete: w1 (old-w1: terminating; node is not ready since 2026-01-01T11:40:00Z)",
			blockers: []string{"w1: terminating since -15m0s"},
		},
		{
			name: "crashed once", why: "that is no loop yet",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Minute), podRuns(time.Minute), podEnded("Error", 1, 1, 30*time.Minute, time.Minute))},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: container main crashed: 1 restart, last exit Error (1))" + doubt,
			blockers: []string{"w1: container crashes since -1m0s"},
		},
		{
			name: "past its grace period on a node without kubelet", why: "somebody has to delete the pod by force",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionUnknown, "NodeStatusUnknown", "", 20*time.Minute)},
			pods:     []*corev1.Pod{oldAgent("w1", podDeleted(15*time.Minute, 30))},
			want:     "stalled since 2026-01-01T11:45:00Z: 0 of 1 node complete; not complete: w1 (old-w1: terminating since 2026-01-01T11:45:00Z, past its grace period; node is not ready since 2026-01-01T11:40:00Z: NodeStatusUnknown)",
			blockers: []string{"w1: terminating past its grace period since -15m0s"},
		},
		{
			name: "node not ready", why: "the kubelet says so, and nothing is wrong with the pod",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionFalse, "KubeletNotReady", "container runtime is down", 20*time.Minute)},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour))},
			want:     "stalled since 2026-01-01T11:40:00Z: 0 of 1 node complete; not complete: w1 (new-w1: node is not ready since 2026-01-01T11:40:00Z: KubeletNotReady: container runtime is down)" + doubt,
			blockers: []string{"w1: node is not ready since -20m0s"},
		},
		{
			name: "node not ready for want of the pod", why: "a network agent that cannot be pulled is why its node is not ready",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionFalse, "KubeletNotReady", "cni plugin not initialized", 20*time.Minute)},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ImagePullBackOff", ""))},
			want:     `stalled since 2026-01-01T11:40:00Z: 0 of 1 node complete; not complete: w1 (new-w1: image "agent:2" cannot be pulled: ImagePullBackOff; node is not ready since 2026-01-01T11:40:00Z: KubeletNotReady: cni plugin not initialized)` + doubt,
			blockers: []string{"w1: image cannot be pulled since -1h0m0s"},
		},
		{
			name: "node ready again", why: "that is a change: the kubelet starts the pod now",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionTrue, "KubeletReady", "", time.Minute)},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour))},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready: containers with unready status: [main])" + doubt,
			blockers: []string{"w1: not ready since -1h0m0s"},
		},
		{
			name: "node ready", why: "nothing is wrong with the node",
			nodes:    []*corev1.Node{reportingNode("w1", corev1.ConditionTrue, "KubeletReady", "", 2*time.Hour)},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour))},
			want:     "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: not ready: containers with unready status: [main])" + doubt,
			blockers: []string{"w1: not ready since -1h0m0s"},
		},
		{
			name: "node gone", why: "its pod uses the budget until pod garbage collection ends it",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{oldAgent("w1"), newAgent("w2", podUnready(time.Hour))},
			want:     "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; maxUnavailable 1 is used by w2 (new-w2: node does not exist)",
			blockers: []string{"w2: node does not exist"},
		},
		{
			name: "minReadySeconds", why: "it is known when it is over, however long that takes",
			set:   build.Set{MinReady: 3600},
			nodes: build.Nodes("w1", "w2"),
			pods:  []*corev1.Pod{newAgent("w1", podMade(40*time.Minute)), oldAgent("w2")},
			want: "progressing: 0 of 2 nodes complete; maxUnavailable 1 is used by " +
				"w1 (new-w1: ready since 2026-01-01T11:20:00Z, available at 2026-01-01T12:20:00Z)",
			blockers: []string{"w1: ready, but not for minReadySeconds yet since -40m0s until +20m0s"},
		},
		{
			name: "minReadySeconds of an unknown time", why: "a zero transition time counts as never",
			set:   build.Set{MinReady: 10},
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", func(pod *corev1.Pod) {
				pod.Status.Conditions[1].LastTransitionTime = metav1.Time{}
			})},
			want:     "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: ready, but not for minReadySeconds yet)" + doubt,
			blockers: []string{"w1: ready, but not for minReadySeconds yet"},
		},
		{
			name: "minReadySeconds over", why: "the pod became available a minute ago: that is a change",
			set:   build.Set{MinReady: 1800},
			nodes: build.Nodes("w1", "w2"),
			pods:  []*corev1.Pod{newAgent("w1", podMade(31*time.Minute)), newAgent("w2", podMade(time.Hour), podUnready(time.Hour))},
			want:  "progressing: 1 of 2 nodes complete; not complete: w2 (new-w2: not ready: containers with unready status: [main])" + doubt,
			blockers: []string{
				"w2: not ready since -1h0m0s",
			},
		},
		{
			name: "failed", why: "it stays until its backoff is over",
			nodes:   build.Nodes("w1", "w2"),
			pods:    []*corev1.Pod{newAgent("w1", podMade(time.Hour)), newAgent("w2", podMade(2*time.Minute), podFailed("Evicted", "The node was low on resource: memory."))},
			backoff: backoffOf("w2", 2*time.Minute, 8*time.Minute+32*time.Second),
			// Ten and a half minutes of failures one after the other.
			want:     "stalled since 2026-01-01T11:49:28Z: 1 of 2 nodes complete; not complete: w2 (new-w2: failed since 2026-01-01T11:58:00Z: Evicted: The node was low on resource: memory; pods keep failing since 2026-01-01T11:49:28Z)" + doubt,
			blockers: []string{"w2: failed since -2m0s until +6m32s"},
		},
		{
			name: "failed, by a container", why: "the pod gives no reason, so its container explains the failure",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podFailed("", ""), func(pod *corev1.Pod) {
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
					Name: "main", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
						Reason: "Error", ExitCode: 3, FinishedAt: agoTime(time.Minute),
					}},
				}}
			})},
			want:     "progressing: 0 of 1 node complete; 1 to delete now; not complete: w1 (new-w1: failed since 2026-01-01T11:59:00Z: container main: last exit Error (3))" + doubt,
			blockers: []string{"w1: failed since -1m0s"},
		},
		{
			name: "failed for the first time", why: "the pass deletes it, and a new one may do better",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podFailed("", ""))},
			want:     "progressing: 0 of 1 node complete; 1 to delete now; not complete: w1 (new-w1: failed since 2026-01-01T11:58:00Z)" + doubt,
			blockers: []string{"w1: failed since -2m0s"},
		},
		{
			name: "failed once", why: "once is not again and again: the successor may do better",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Minute), podUnready(time.Minute))},
			backoff:  backoffOf("w1", 20*time.Minute, time.Second),
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready: containers with unready status: [main])" + doubt,
			blockers: []string{"w1: not ready since -1m0s"},
		},
		{
			name: "failed beside a new one", why: "the failed pod does not matter any more",
			set:   build.Set{MaxSurge: "1"},
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{
				newAgent("w1", podMade(time.Hour), podUnready(time.Hour)),
				newAgent("w1", func(pod *corev1.Pod) { pod.Name += "-2" }, podFailed("", "")),
			},
			backoff:  backoffOf("w1", time.Minute, 15*time.Minute),
			want:     "stalled since 2026-01-01T11:44:00Z: 0 of 1 node complete; not complete: w1 (new-w1: not ready: containers with unready status: [main]; pods keep failing since 2026-01-01T11:44:00Z)" + doubt,
			blockers: []string{"w1: not ready since -1h0m0s"},
		},
		{
			name: "failed again", why: "replacing a pod that fails again and again is no progress",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Minute), podFailed("", ""))},
			backoff:  backoffOf("w1", 15*time.Minute, 15*time.Minute),
			want:     "stalled since 2026-01-01T11:30:00Z: 0 of 1 node complete; 1 to delete now, which is no progress; not complete: w1 (new-w1: failed since 2026-01-01T11:58:00Z; pods keep failing since 2026-01-01T11:30:00Z)" + doubt,
			blockers: []string{"w1: failed since -2m0s"},
		},
		{
			name: "created again", why: "creating the next pod where pods fail again and again is no progress either",
			nodes:    build.Nodes("w1"),
			backoff:  backoffOf("w1", time.Second, 15*time.Minute),
			want:     "stalled since 2026-01-01T11:44:59Z: 0 of 1 node complete; 1 to create now, which is no progress; not complete: w1 (no pod; pods keep failing since 2026-01-01T11:44:59Z)",
			blockers: []string{"w1: no pod"},
		},
		{
			name: "available again", why: "the pods before it were available, too, before they failed",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(time.Minute))},
			backoff:  backoffOf("w1", 2*time.Minute, 15*time.Minute),
			want:     "stalled since 2026-01-01T11:43:00Z: 0 of 1 node complete; not complete: w1 (new-w1: available, but pods keep failing since 2026-01-01T11:43:00Z)" + doubt,
			blockers: []string{"w1: available, but pods keep failing since -17m0s until +9m0s"},
		},
		{
			name: "available soon", why: "it was available before the patience was over, and has time to settle",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(6*time.Minute))},
			backoff:  backoffOf("w1", 7*time.Minute, 4*time.Minute),
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: available, but pods keep failing since 2026-01-01T11:49:00Z)" + doubt,
			blockers: []string{"w1: available, but pods keep failing since -11m0s until +4m0s"},
		},
		{
			name: "recovered", why: "it has been available for ten minutes",
			nodes:   build.Nodes("w1"),
			pods:    []*corev1.Pod{newAgent("w1", podMade(10*time.Minute))},
			backoff: backoffOf("w1", 11*time.Minute, 15*time.Minute),
			want:    "complete since 2026-01-01T11:50:00Z: 1 of 1 node complete",
		},
		{
			name: "crash loop, available", why: "it was restarted a moment ago, for the twentieth time",
			nodes:    build.Nodes("w1"),
			pods:     []*corev1.Pod{newAgent("w1", podMade(48*time.Hour), podRuns(30*time.Second), podEnded("Error", 1, 20, time.Minute, 5*time.Minute+30*time.Second))},
			want:     "stalled since 2026-01-01T10:24:20Z: 0 of 1 node complete; not complete: w1 (new-w1: container main keeps crashing: 20 restarts, last exit Error (1))" + doubt,
			blockers: []string{"w1: container crashes since -1h35m40s until +9m30s"},
		},
		{
			name: "readiness", why: "the kubelet says which gate is closed",
			nodes: build.Nodes("w1"),
			pods: []*corev1.Pod{newAgent("w1", podRuns(time.Hour), podUnready(time.Hour), func(pod *corev1.Pod) {
				ready := &pod.Status.Conditions[len(pod.Status.Conditions)-1]
				ready.Reason, ready.Message = "ReadinessGatesNotReady", `corresponding condition of pod readiness gate "example.com/lb" does not exist.`
			})},
			want:     `stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: not ready: corresponding condition of pod readiness gate "example.com/lb" does not exist.)` + doubt,
			blockers: []string{"w1: not ready since -1h0m0s"},
		},
		{
			name: "stuck on a node that is not ready", why: "the kubelet that does not end the pod is the cause",
			nodes: []*corev1.Node{build.Node{Name: "w1"}.Object(), reportingNode("w2", corev1.ConditionFalse, "KubeletNotReady", "runtime is down", 20*time.Minute)},
			pods:  []*corev1.Pod{oldAgent("w1"), oldAgent("w2", podDeleted(20*time.Minute, 30))},
			want: "stalled since 2026-01-01T11:40:00Z: 0 of 2 nodes complete; maxUnavailable 1 is used by w2 (old-w2: terminating since 2026-01-01T11:40:00Z, " +
				"past its grace period; node is not ready since 2026-01-01T11:40:00Z: KubeletNotReady: runtime is down)",
			blockers: []string{"w2: terminating past its grace period since -20m0s"},
		},
		{
			name: "two pods on a node that is not ready", why: "the node is named once",
			nodes: []*corev1.Node{reportingNode("w1", corev1.ConditionFalse, "KubeletNotReady", "", time.Hour)},
			pods: []*corev1.Pod{
				newAgent("w1", podUnready(time.Hour), podWaits("ErrImagePull", "")), oldAgent("w1", podDeleted(time.Hour, 0)),
			},
			want: "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: image \"agent:2\" cannot be pulled: ErrImagePull; " +
				"old-w1: terminating since 2026-01-01T11:00:00Z, past its grace period; node is not ready since 2026-01-01T11:00:00Z: KubeletNotReady)",
			blockers: []string{"w1: image cannot be pulled since -1h0m0s", "w1: terminating past its grace period since -1h0m0s"},
		},
	})
}

// TestKubeletReasons has the reasons for which a container waits, and their kinds.
func TestKubeletReasons(t *testing.T) {
	for kind, reasons := range map[health.BlockerKind][]string{
		health.BlockerImage: {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"},
		health.BlockerCannotStart: {
			"CreateContainerConfigError", "CreateContainerError", "PreStartHookError", "PostStartHookError", "RunContainerError",
			"StartError", "ContainerCannotRun",
		},
		health.BlockerCrashLoop: {"CrashLoopBackOff"},
		health.BlockerNotReady:  {"ContainerCreating", "PodInitializing", "", "SomethingNew"},
	} {
		for _, reason := range reasons {
			got := assess(t, assessCase{nodes: build.Nodes("w1"), pods: []*corev1.Pod{newAgent("w1", podUnready(0), podWaits(reason, "m"))}}).Blockers
			if len(got) != 1 || got[0].Kind != kind || got[0].Reason != reason || got[0].Container.Name != "main" || got[0].Container.Image != "agent:2" {
				t.Errorf("container waits with reason %q: blockers = %+v, want one of kind %v", reason, got, kind)
			}
		}
	}
}

// TestNodeReady: every blocker has the condition of its node.
func TestNodeReady(t *testing.T) {
	down := reportingNode("w1", corev1.ConditionUnknown, "NodeStatusUnknown", "", time.Hour)
	sick := reportingNode("w2", corev1.ConditionFalse, "KubeletNotReady", "", time.Hour)
	got := assess(t, assessCase{
		nodes: []*corev1.Node{down, sick, reportingNode("w3", corev1.ConditionTrue, "KubeletReady", "", time.Hour), build.Node{Name: "w4"}.Object()},
		pods:  []*corev1.Pod{newAgent("w1", podUnready(time.Hour)), newAgent("w2", podDeleted(time.Hour, 0)), newAgent("w3", podUnready(time.Hour))},
	}).Blockers
	want := []health.BlockerKind{health.BlockerNodeNotReady, health.BlockerStuckTerminating, health.BlockerNotReady, health.BlockerNoPod}
	for i, ready := range []*corev1.NodeCondition{&down.Status.Conditions[1], &sick.Status.Conditions[1], nil, nil} {
		if len(got) != 4 || got[i].Kind != want[i] || !cmp.Equal(got[i].NodeReady, ready) {
			t.Errorf("blockers = %+v, want one of kind %v with %v", got, want[i], ready)
		}
	}
}

// TestProblems: the blockers of a node in one line, and its condition once. A full stop stays at the
// end only.
func TestProblems(t *testing.T) {
	pod := func(name string) *corev1.Pod { return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	noRoom := health.Blocker{Node: "w1", Pod: pod("a"), Kind: health.BlockerUnschedulable, Message: "1 Insufficient cpu."}
	volume := health.Blocker{Node: "w1", Pod: pod("b"), Kind: health.BlockerUnschedulable, Message: "waits for a volume..."}
	sick := noRoom
	sick.NodeReady = &corev1.NodeCondition{Reason: "KubeletNotReady", Message: "no network plugin."}
	for _, tc := range []struct {
		name, want string
		blockers   []health.Blocker
	}{
		{"none", "", nil},
		{"one", "a: cannot be scheduled: 1 Insufficient cpu.", []health.Blocker{noRoom}},
		{"two", "a: cannot be scheduled: 1 Insufficient cpu; b: cannot be scheduled: waits for a volume...", []health.Blocker{noRoom, volume}},
		{"two, three dots first", "b: cannot be scheduled: waits for a volume...; a: cannot be scheduled: 1 Insufficient cpu.", []health.Blocker{volume, noRoom}},
		{"node", "a: cannot be scheduled: 1 Insufficient cpu; a: cannot be scheduled: 1 Insufficient cpu; node is not ready: KubeletNotReady: no network plugin.", []health.Blocker{sick, sick}},
	} {
		if got := health.Problems(tc.blockers); got != tc.want {
			t.Errorf("%s: Problems() = %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestContainer has what a blocker says about its container.
func TestContainer(t *testing.T) {
	pod := newAgent("w1", podUnready(0), podWaits("CrashLoopBackOff", ""), podEnded("OOMKilled", 137, 5, time.Minute, time.Minute), podInit)
	got := assess(t, assessCase{nodes: build.Nodes("w1"), pods: []*corev1.Pod{pod}}).Blockers[0].Container
	want := &health.Container{
		Name: "setup", Init: true, Image: "setup:1", Restarts: 5, Terminations: 6,
		LastEnd: pod.Status.InitContainerStatuses[0].LastTerminationState.Terminated,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Assess().Blockers[0].Container differs (-want +got):\n%s", diff)
	}
}
