package simulate

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/internal/podstatus"
)

// loop is a container that terminates again and again.
type loop struct {
	container string
	init      bool
	// run is how long it runs each time.
	run time.Duration
	// end is how it has terminated before; nil if that is not known.
	end *corev1.ContainerStateTerminated
}

// loopOf returns the crash loop of a pod: that of the facts, or that of its PodTimes; false if
// it has none.
func (c *Cluster) loopOf(ns *namespace, node *corev1.Node, pod *corev1.Pod, t *PodTimes) (loop, bool) {
	if p := c.problemOf(ns, node, pod, func(k problemKind) bool { return k == problemCrashLoop }); p != nil && !isReady(pod) {
		return loop{p.container, p.init, p.run, p.end()}, true
	}
	if t.CrashesAfter < 0 || len(pod.Spec.Containers) == 0 {
		return loop{}, false
	}
	return loop{container: pod.Spec.Containers[0].Name, run: t.CrashesAfter}, true
}

// restartsIn returns how long the container of a loop still waits until it starts again; false
// if it does not wait.
func (c *Cluster) restartsIn(pod *corev1.Pod, l *loop) (time.Duration, bool) {
	status := findStatus(&pod.Status, l.container, l.init)
	if status == nil || status.State.Running != nil {
		return 0, false
	}
	end := podstatus.Container{Status: status}.LastEnd()
	if end == nil {
		return 0, false
	}
	run, _ := lastRun(end)
	return c.left(end.FinishedAt.Time, podstatus.RestartDelay(status.RestartCount, run)), true
}

// startedAt returns when the container of a loop has started last: with the pod, if it was not
// restarted.
func startedAt(pod *corev1.Pod, l *loop) time.Time {
	if status := findStatus(&pod.Status, l.container, l.init); status != nil && status.State.Running != nil && status.RestartCount > 0 {
		return status.State.Running.StartedAt.Time
	}
	return boundAt(pod)
}

// withCrash returns a copy of a pod in which the container of a loop has terminated. It starts
// again at once or waits.
func withCrash(pod *corev1.Pod, l *loop, now time.Time) *corev1.Pod {
	started := startedAt(pod, l)
	if started.IsZero() {
		started = now.Add(-max(0, l.run))
	}
	out := withStatuses(pod, now)
	status := statusOf(&out.Status, l.container, l.init)
	end := corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}
	if l.end != nil {
		end.ExitCode, end.Signal, end.Reason, end.Message = l.end.ExitCode, l.end.Signal, l.end.Reason, l.end.Message
	}
	end.StartedAt, end.FinishedAt = metav1.NewTime(started), metav1.NewTime(now)
	status.LastTerminationState = corev1.ContainerState{Terminated: &end}
	status.Ready, status.Started = false, new(false)
	out.Status.Conditions = withCondition(out.Status.Conditions, notReadyFrom(pod, l.container, now))
	initialize(out, l.container, l.init)
	delay := podstatus.RestartDelay(status.RestartCount, now.Sub(started))
	if delay == 0 {
		startAgain(status, now)
		return out
	}
	status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
		Reason:  "CrashLoopBackOff",
		Message: fmt.Sprintf("back-off %v restarting failed container=%s pod=%s_%s(%s)", delay, l.container, pod.Name, pod.Namespace, pod.UID),
	}}
	return out
}

// withRestart returns a copy of a pod in which the container of a loop runs again.
func withRestart(pod *corev1.Pod, l *loop, now time.Time) *corev1.Pod {
	out := withStatuses(pod, now)
	startAgain(statusOf(&out.Status, l.container, l.init), now)
	return out
}

// start makes a container run that does not. It is a restart if the container has run before.
func start(status *corev1.ContainerStatus, now time.Time) {
	if (podstatus.Container{Status: status}).LastEnd() != nil {
		startAgain(status, now)
		return
	}
	status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
}

func startAgain(status *corev1.ContainerStatus, now time.Time) {
	if ended := status.State.Terminated; ended != nil {
		status.LastTerminationState = corev1.ContainerState{Terminated: ended}
	}
	if status.RestartCount < 1<<31-1 {
		status.RestartCount++
	}
	status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
}

// notReadyFrom is the condition of a pod with a container that is not ready. The time of a pod
// that was not ready before stays.
func notReadyFrom(pod *corev1.Pod, container string, now time.Time) corev1.PodCondition {
	condition := notReady(container, now)
	if was := podstatus.Condition(pod, corev1.PodReady); was != nil && was.Status == corev1.ConditionFalse {
		condition.LastTransitionTime = was.LastTransitionTime
	}
	return condition
}

// withStatuses returns a copy of a pod that runs, with a status of each container. Those that
// it lacks run since the pod was bound.
func withStatuses(pod *corev1.Pod, now time.Time) *corev1.Pod {
	out := *pod
	out.Status.Phase = corev1.PodRunning
	out.Status.InitContainerStatuses = slices.Clone(pod.Status.InitContainerStatuses)
	out.Status.ContainerStatuses = slices.Clone(pod.Status.ContainerStatuses)
	began := boundAt(pod)
	if began.IsZero() {
		began = now
	}
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		if status := statusOf(&out.Status, container.Name, false); status.State == (corev1.ContainerState{}) {
			status.Image, status.Ready, status.Started = container.Image, true, new(true)
			status.State.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(began)}
		}
	}
	return &out
}

// initialize makes the containers of a pod that is not shared yet wait for an init container
// with a problem, unless that is a sidecar.
func initialize(pod *corev1.Pod, container string, init bool) {
	if !init {
		return
	}
	if c := containerOf(&pod.Spec, container, init); c != nil && podstatus.Sidecar(c) {
		return
	}
	pod.Status.Phase = corev1.PodPending
	for i := range pod.Status.ContainerStatuses {
		if status := &pod.Status.ContainerStatuses[i]; status.State.Waiting == nil {
			status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
			status.Ready, status.Started = false, new(false)
		}
	}
}

// findStatus returns the status of a container, or nil.
func findStatus(pod *corev1.PodStatus, container string, init bool) *corev1.ContainerStatus {
	list := pod.ContainerStatuses
	if init {
		list = pod.InitContainerStatuses
	}
	for i := range list {
		if list[i].Name == container {
			return &list[i]
		}
	}
	return nil
}

// statusOf returns the status of a container in lists that are not shared, which it adds if it
// is missing.
func statusOf(pod *corev1.PodStatus, container string, init bool) *corev1.ContainerStatus {
	if found := findStatus(pod, container, init); found != nil {
		return found
	}
	list := &pod.ContainerStatuses
	if init {
		list = &pod.InitContainerStatuses
	}
	*list = append(*list, corev1.ContainerStatus{Name: container})
	return &(*list)[len(*list)-1]
}

// readyStatuses returns the statuses of a pod that is ready: they keep what the containers have
// been through.
func readyStatuses(spec *corev1.PodSpec, list []corev1.ContainerStatus, init bool, now time.Time) []corev1.ContainerStatus {
	list = slices.Clone(list)
	for i := range list {
		status := &list[i]
		c := containerOf(spec, status.Name, init)
		sidecar := c != nil && podstatus.Sidecar(c)
		if ended := status.State.Terminated; init && !sidecar && ended != nil && ended.ExitCode == 0 {
			continue
		}
		if status.State.Running == nil {
			start(status, now)
		}
		if init && c != nil && !sidecar {
			end := &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: status.State.Running.StartedAt, FinishedAt: metav1.NewTime(now)}
			status.State, status.Ready, status.Started = corev1.ContainerState{Terminated: end}, true, new(false)
			continue
		}
		status.Ready, status.Started = true, new(true)
	}
	return list
}
