package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
)

// blockerFinder looks for what blocks on one node after the other.
type blockerFinder struct {
	s *daemon.Snapshot
	// rolling says that outdated pods are replaced by themselves.
	rolling bool
}

// node lists what blocks on a node: its pods that are to stay and are not
// available, or, where there are none, those that have to go first.
func (f *blockerFinder) node(n *daemon.NodeState) []Blocker {
	var out []Blocker
	alive := false
	for i := range n.Pods {
		p := &n.Pods[i]
		if !lives(p) {
			continue
		}
		alive = true
		if p.Available || !p.Updated && f.rolling {
			// It waits for its turn, or is replaced whatever the budget.
			continue
		}
		out = append(out, f.living(n, p))
	}
	for i := range n.Pods {
		p := &n.Pods[i]
		switch {
		case p.Terminating:
			if b := f.terminating(n, p); !alive || b.Reason != BlockTerminating {
				out = append(out, b)
			}
		case p.Failed && !alive:
			out = append(out, f.failed(n, p))
		}
	}
	if len(out) == 0 && !alive && n.Decision.Run {
		out = []Blocker{{Node: n.Name, Reason: BlockMissing}}
	}
	return out
}

// living says why a pod that is to stay is not available.
func (f *blockerFinder) living(n *daemon.NodeState, p *daemon.PodState) Blocker {
	if p.Ready {
		return f.minReady(n, p)
	}
	own := unready(p.Pod, f.s.Now())
	own.Node = n.Name
	node, silent := nodeBlocker(n, p.Pod)
	if silent || node.Reason != 0 && own.Reason == BlockNotReady {
		return node
	}
	return own
}

func (f *blockerFinder) minReady(n *daemon.NodeState, p *daemon.PodState) Blocker {
	b := Blocker{Node: n.Name, Pod: p.Pod, Reason: BlockMinReady}
	// A zero transition time counts as never: see IsPodAvailable@v1.37.2.
	if ready := condition(p.Pod, corev1.PodReady); ready != nil && !ready.LastTransitionTime.IsZero() {
		b.Since = ready.LastTransitionTime.Time
		b.Until = b.Since.Add(time.Duration(f.s.DaemonSet().Spec.MinReadySeconds) * time.Second)
	}
	return b
}

func (f *blockerFinder) terminating(n *daemon.NodeState, p *daemon.PodState) Blocker {
	if node, silent := nodeBlocker(n, p.Pod); silent {
		return node
	}
	// The API server sets the timestamp to when the grace period ends.
	b := Blocker{Node: n.Name, Pod: p.Pod, Reason: BlockTerminating, Since: deletedAt(p.Pod), Until: p.Pod.DeletionTimestamp.Time}
	if f.s.Now().After(b.Until) {
		b.Reason, b.Until = BlockStuckTerminating, time.Time{}
		if finalizers := p.Pod.Finalizers; len(finalizers) > 0 {
			b.Message = "finalizers " + strings.Join(finalizers, ", ")
		}
	}
	return b
}

func (f *blockerFinder) failed(n *daemon.NodeState, p *daemon.PodState) Blocker {
	b := Blocker{Node: n.Name, Pod: p.Pod, Reason: BlockFailed, Word: p.Pod.Status.Reason, Message: p.Pod.Status.Message}
	for _, list := range [][]corev1.ContainerStatus{p.Pod.Status.InitContainerStatuses, p.Pod.Status.ContainerStatuses} {
		for i := range list {
			if end := list[i].State.Terminated; end != nil {
				b.Since = latest(b.Since, end.FinishedAt.Time)
				if b.Word == "" && end.ExitCode != 0 {
					b.Word = fmt.Sprintf("%s (%d)", cmp.Or(end.Reason, "exit"), end.ExitCode)
				}
			}
		}
	}
	if ready := condition(p.Pod, corev1.PodReady); b.Since.IsZero() && ready != nil {
		b.Since = ready.LastTransitionTime.Time
	}
	if e, ok := backoff(f.s, n.Name); ok {
		if until := e.Last.Add(e.Delay); until.After(f.s.Now()) {
			b.Until = until
		}
	}
	return b
}

// nodeBlocker says whether the node is what blocks a pod, and whether it has no
// kubelet that would report on the pod. A node without a Ready condition says
// nothing about itself.
func nodeBlocker(n *daemon.NodeState, pod *corev1.Pod) (b Blocker, silent bool) {
	b = Blocker{Node: n.Name, Pod: pod}
	if n.Node == nil {
		b.Reason = BlockNoNode
		return b, true
	}
	ready := nodeReady(n.Node)
	if ready == nil || ready.Status == corev1.ConditionTrue {
		return b, false
	}
	b.Reason, b.Word, b.Message, b.Since = BlockNodeNotReady, ready.Reason, ready.Message, ready.LastTransitionTime.Time
	return b, ready.Status == corev1.ConditionUnknown
}

func nodeReady(node *corev1.Node) *corev1.NodeCondition {
	i := slices.IndexFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady })
	if i < 0 {
		return nil
	}
	return &node.Status.Conditions[i]
}

func condition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	i := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &pod.Status.Conditions[i]
}

// unready says why a pod is not ready, as far as the pod itself tells.
func unready(pod *corev1.Pod, now time.Time) Blocker {
	b := Blocker{Pod: pod, Reason: BlockNotReady, Since: pod.CreationTimestamp.Time}
	if pod.Spec.NodeName == "" {
		scheduled := condition(pod, corev1.PodScheduled)
		if scheduled == nil || scheduled.Status == corev1.ConditionTrue {
			b.Message = "waits for the scheduler"
			return b
		}
		b.Reason, b.Word, b.Message = BlockUnschedulable, scheduled.Reason, scheduled.Message
		b.Since = latest(b.Since, scheduled.LastTransitionTime.Time)
		return b
	}
	b.Since = startedAt(pod)
	if c, ok := badContainer(pod, now); ok {
		return c
	}
	if ready := condition(pod, corev1.PodReady); ready != nil {
		b.Since = latest(b.Since, ready.LastTransitionTime.Time)
		b.Word, b.Message = ready.Reason, ready.Message
	}
	if c, ok := startingContainer(pod); ok {
		b.Container, b.Init, b.Image, b.Word = c.Container, c.Init, c.Image, c.Word
	}
	return b
}

// badContainer finds the first container of a pod that tells of a problem; init
// containers come first, as they do in time.
func badContainer(pod *corev1.Pod, now time.Time) (Blocker, bool) {
	for _, c := range containers(pod) {
		reason, word, message := c.problem(now)
		if reason == 0 {
			continue
		}
		b := c.blocker()
		b.Reason, b.Word, b.Message = reason, word, message
		b.Since = c.since(reason)
		return b, true
	}
	return Blocker{}, false
}

// startingContainer finds the first container that waits to be started, or the
// init container that runs.
func startingContainer(pod *corev1.Pod) (Blocker, bool) {
	for _, c := range containers(pod) {
		switch waiting := c.status.State.Waiting; {
		case waiting != nil:
			b := c.blocker()
			b.Word = waiting.Reason
			return b, true
		case c.init && c.status.State.Running != nil && !c.sidecar():
			b := c.blocker()
			b.Word = "running"
			return b, true
		}
	}
	return Blocker{}, false
}

// podContainer is a container of a pod with its status.
type podContainer struct {
	pod    *corev1.Pod
	status *corev1.ContainerStatus
	init   bool
}

func containers(pod *corev1.Pod) []podContainer {
	out := make([]podContainer, 0, len(pod.Status.InitContainerStatuses)+len(pod.Status.ContainerStatuses))
	for i := range pod.Status.InitContainerStatuses {
		out = append(out, podContainer{pod: pod, status: &pod.Status.InitContainerStatuses[i], init: true})
	}
	for i := range pod.Status.ContainerStatuses {
		out = append(out, podContainer{pod: pod, status: &pod.Status.ContainerStatuses[i]})
	}
	return out
}

// spec is the container as the pod asks for it; nil where it does not.
func (c podContainer) spec() *corev1.Container {
	list := c.pod.Spec.Containers
	if c.init {
		list = c.pod.Spec.InitContainers
	}
	for i := range list {
		if list[i].Name == c.status.Name {
			return &list[i]
		}
	}
	return nil
}

// sidecar reports whether it is an init container that runs on beside the others.
func (c podContainer) sidecar() bool {
	spec := c.spec()
	return c.init && spec != nil && spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

func (c podContainer) blocker() Blocker {
	b := Blocker{
		Node: c.pod.Spec.NodeName, Pod: c.pod, Container: c.status.Name, Init: c.init,
		Image: c.status.Image, Restarts: c.status.RestartCount,
	}
	if spec := c.spec(); spec != nil && spec.Image != "" {
		b.Image = spec.Image
	}
	if end := c.lastEnd(); end != nil {
		b.LastExit, b.ExitCode = cmp.Or(end.Reason, "exit"), end.ExitCode
	}
	return b
}

// lastEnd is how the container ended last; nil where it has not.
func (c podContainer) lastEnd() *corev1.ContainerStateTerminated {
	if c.status.State.Terminated != nil {
		return c.status.State.Terminated
	}
	return c.status.LastTerminationState.Terminated
}

// problem tells what is wrong with a container in the kubelet's words, and zero
// where nothing is known to be.
func (c podContainer) problem(now time.Time) (reason BlockReason, word, message string) {
	state, end := &c.status.State, c.lastEnd()
	switch {
	case state.Waiting != nil:
		reason, word, message = problemOf(state.Waiting.Reason), state.Waiting.Reason, state.Waiting.Message
		if reason == BlockCrashLoop && end != nil && problemOf(end.Reason) == BlockContainer {
			return BlockContainer, end.Reason, end.Message
		}
		return reason, word, message
	case state.Terminated != nil && (!c.init || end.ExitCode != 0):
		if problemOf(end.Reason) == BlockContainer {
			return BlockContainer, end.Reason, end.Message
		}
		return BlockCrashLoop, "", end.Message
	case c.again(now) && !c.status.Ready:
		return BlockCrashLoop, "", ""
	}
	return 0, "", ""
}

// problemOf sorts the words of kubelet and container runtimes for what is wrong
// with a container (ErrImagePull, ErrCreateContainerConfig, ErrRunContainer,
// ErrCrashLoopBackOff @v1.37.2 and their neighbours).
func problemOf(word string) BlockReason {
	switch word {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		return BlockImage
	case "CrashLoopBackOff":
		return BlockCrashLoop
	case "CreateContainerConfigError", "CreateContainerError", "PreStartHookError", "PostStartHookError", "RunContainerError",
		"StartError", "ContainerCannotRun":
		return BlockContainer
	}
	return 0
}

// steadyAfter is for how long a container has to run until the kubelet takes it
// for one that does not crash: twice its longest delay (MaxContainerBackOff
// @v1.37.2).
const steadyAfter = 2 * lastRestartDelay

// again reports whether the container runs again after it ended, and not for long
// enough yet to have got over it.
func (c podContainer) again(now time.Time) bool {
	run := c.status.State.Running
	return run != nil && c.status.RestartCount > 0 && c.lastEnd() != nil && now.Sub(run.StartedAt.Time) < steadyAfter
}

// since is when a problem of the container began, as far as its pod tells.
func (c podContainer) since(reason BlockReason) time.Time {
	began := startedAt(c.pod)
	end := c.lastEnd()
	switch {
	case end == nil:
		return began
	case reason == BlockCrashLoop:
		return latest(began, c.loopBegan())
	}
	return latest(began, end.FinishedAt.Time)
}

// loopBegan estimates when a container that crashes began to: so many restarts
// took so many runs, each as long as the last one, and the kubelet's delays between
// them. It is zero where the status does not tell.
func (c podContainer) loopBegan() time.Time {
	end := c.lastEnd()
	if end == nil || end.StartedAt.IsZero() || end.FinishedAt.IsZero() {
		return time.Time{}
	}
	run := max(0, end.FinishedAt.Sub(end.StartedAt.Time))
	if run >= steadyAfter {
		return end.FinishedAt.Time
	}
	// Beyond so many, the pod's own age decides.
	runs := min(max(0, int(c.status.RestartCount)), 100_000)
	if c.status.State.Running == nil {
		runs++
	}
	took := time.Duration(runs) * run
	for delay := firstRestartDelay; runs > 1; delay = min(2*delay, lastRestartDelay) {
		if runs--; delay == lastRestartDelay {
			took += time.Duration(runs) * delay
			break
		}
		took += delay
	}
	return end.FinishedAt.Add(-took)
}

// The kubelet's delays before it restarts a container that ended
// (backOffPeriod, MaxContainerBackOff @v1.37.2).
const (
	firstRestartDelay = 10 * time.Second
	lastRestartDelay  = 5 * time.Minute
)

// startedAt is when the kubelet could begin with the pod's containers: when the
// pod was bound and its init containers were done.
func startedAt(pod *corev1.Pod) time.Time {
	t := pod.CreationTimestamp.Time
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized} {
		if c := condition(pod, kind); c != nil && c.Status == corev1.ConditionTrue {
			t = latest(t, c.LastTransitionTime.Time)
		}
	}
	return t
}

// deletedAt is when the deletion of a pod was asked for: the API server sets the
// timestamp to the end of the grace period (BeforeDelete@v0.37.2).
func deletedAt(pod *corev1.Pod) time.Time {
	t := pod.DeletionTimestamp.Time
	if grace := pod.DeletionGracePeriodSeconds; grace != nil && *grace > 0 && *grace < 1<<32 {
		t = t.Add(-time.Duration(*grace) * time.Second)
	}
	return t
}
