package health_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/health"
)

// assessCase is a cluster of the nodes w1 to w3 at build.Now, which is 12:00:00. The
// hash of the current revision is "new".
type assessCase struct {
	name, why string
	set       build.Set
	nodes     []*corev1.Node // nil: w1, w2, w3
	pods      []*corev1.Pod
	backoff   daemon.Backoff
	burst     int
	opts      health.Options
	want      string
	blockers  []string // by blockerLine
}

// doubt is the end of the sentence where nothing says whether the rollout was complete before.
const doubt = "; it is not known whether this is a rollout or a disruption"

// assessPod returns a pod of the DaemonSet in the tables, with an init container.
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

// podMade has the pod created, bound and ready since that long ago.
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
func podWaits(reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: "main", Image: "resolved", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		})
	}
}

// podEnded adds the last run to the last container status: how it ended, how long it
// took, and how long it has been over.
func podEnded(reason string, code, restarts int32, run, over time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		cs := &pod.Status.ContainerStatuses[len(pod.Status.ContainerStatuses)-1]
		cs.RestartCount = restarts
		cs.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
			Reason: reason, ExitCode: code, StartedAt: agoTime(over + run), FinishedAt: agoTime(over),
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

// podDeleted deletes the pod that long ago, with a grace period.
func podDeleted(d time.Duration, grace int64) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		t := metav1.NewTime(agoTime(d).Add(time.Duration(grace) * time.Second))
		pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &t, &grace
	}
}

// podFailed lets the pod fail two minutes ago.
func podFailed(reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, reason, message
		podUnready(2 * time.Minute)(pod)
	}
}

// podUnbound makes the pod one that the scheduler has not bound, with its reason since
// that long ago; empty: it gives none.
func podUnbound(reason, message string, d time.Duration) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.NodeName = ""
		pod.Status = corev1.PodStatus{Phase: corev1.PodPending}
		if reason != "" {
			pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: reason, Message: message, LastTransitionTime: agoTime(d),
			}}
		}
	}
}

// reportingNode returns a node with a Ready condition since that long ago.
func reportingNode(name string, ready corev1.ConditionStatus, reason, message string, d time.Duration) *corev1.Node {
	n := build.Node{Name: name}.Object()
	n.Status.Conditions = []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
		{Type: corev1.NodeReady, Status: ready, Reason: reason, Message: message, LastTransitionTime: agoTime(d)},
	}
	return n
}

func backoffOf(node string, last, delay time.Duration) daemon.Backoff {
	return daemon.Backoff{{UID: "uid-agent", Node: node}: {Last: build.Now.Add(-last), Delay: delay}}
}

func (tc *assessCase) snapshot(t *testing.T) *daemon.Snapshot {
	t.Helper()
	nodes := tc.nodes
	if nodes == nil {
		nodes = build.Nodes("w1", "w2", "w3")
	}
	ds := tc.set.Object()
	revisions := build.Current(ds, "new")
	revisions[0].CreationTimestamp = metav1.Time{}
	return observe(t, daemon.Input{
		DaemonSet: ds, Nodes: nodes, Pods: tc.pods, Revisions: revisions, Now: build.Now,
		Backoff: tc.backoff, BurstReplicas: tc.burst,
	})
}

func observe(t *testing.T, in daemon.Input) *daemon.Snapshot {
	t.Helper()
	s, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func assess(t *testing.T, tc assessCase) *health.Assessment {
	t.Helper()
	a, err := health.Assess(tc.snapshot(t), tc.opts)
	if err != nil {
		t.Fatalf("Assess() = %v: %s", err, tc.why)
	}
	return a
}

func blockerLine(b health.Blocker) string {
	line := fmt.Sprintf("%s: %v", b.Node, b.Kind)
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
