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

// Blocker is what one pod, or one node without a pod, has to get over before the
// rollout can end.
type Blocker struct {
	// Node is the node's name.
	Node string
	// Pod is the pod concerned; nil for BlockMissing. Read-only.
	Pod *corev1.Pod
	// Reason is what blocks.
	Reason BlockReason
	// Container is the container that blocks, and Init says whether it is an init
	// container. Empty where it is not a single container's fault.
	Container string
	// Init is told with Container.
	Init bool
	// Image is the image of that container, as the pod asks for it.
	Image string
	// Word is the cluster's own word for it, such as ImagePullBackOff, Evicted or
	// NodeStatusUnknown. It may be empty.
	Word string
	// Message is the cluster's own explanation, such as the scheduler's. It may be
	// empty, and may be long.
	Message string
	// Restarts is how often the container has been restarted, and LastExit the
	// kubelet's word for how it ended last, such as OOMKilled or Error, with
	// ExitCode. They are told with Container.
	Restarts int32
	// LastExit is empty where the container has not ended yet.
	LastExit string
	// ExitCode is zero where LastExit is empty.
	ExitCode int32
	// Since is when it began, as far as the objects tell; of a crash loop it is an
	// estimate from the restarts. Zero where they do not tell.
	Since time.Time
	// Until is when it is over by itself: BlockMinReady and BlockTerminating, and
	// for BlockFailed when the next pod is tried. Zero where nobody knows.
	Until time.Time
}

// BlockReason says what blocks. The earlier ones need somebody to look at them
// most.
type BlockReason int

const (
	// BlockImage: the image of a container cannot be had (ErrImagePull,
	// ImagePullBackOff, InvalidImageName, ErrImageNeverPull, ImageInspectError,
	// RegistryUnavailable).
	BlockImage BlockReason = iota + 1
	// BlockCrashLoop: a container ends again and again, whether it waits for the
	// next try (CrashLoopBackOff) or is at it.
	BlockCrashLoop
	// BlockContainer: a container cannot be created or started
	// (CreateContainerConfigError, CreateContainerError, PreStartHookError,
	// PostStartHookError, RunContainerError, StartError, ContainerCannotRun).
	BlockContainer
	// BlockUnschedulable: the scheduler cannot place the pod, or must not yet.
	BlockUnschedulable
	// BlockStuckTerminating: the pod is being deleted and its grace period is over.
	BlockStuckTerminating
	// BlockNodeNotReady: the node's Ready condition is not True, so that its
	// kubelet is gone or cannot run pods. Where the kubelet still reports, what it
	// says about the pod goes first: the pod may be what the node needs.
	BlockNodeNotReady
	// BlockNoNode: the pod is on a node that does not exist, and is left to pod
	// garbage collection.
	BlockNoNode
	// BlockFailed: the pod has failed and stays until its backoff is over.
	BlockFailed
	// BlockNotReady: the pod is not ready yet, and nothing tells of a problem.
	BlockNotReady
	// BlockTerminating: the pod is being deleted and within its grace period.
	BlockTerminating
	// BlockMinReady: the pod is ready, but not for minReadySeconds yet.
	BlockMinReady
	// BlockMissing: the node has no pod yet.
	BlockMissing
)

// String returns the reason as half a sentence.
func (r BlockReason) String() string {
	switch r {
	case BlockImage:
		return "image cannot be pulled"
	case BlockCrashLoop:
		return "container keeps crashing"
	case BlockContainer:
		return "container cannot be started"
	case BlockUnschedulable:
		return "cannot be scheduled"
	case BlockStuckTerminating:
		return "terminating past its grace period"
	case BlockNodeNotReady:
		return "node is not ready"
	case BlockNoNode:
		return "node does not exist"
	case BlockFailed:
		return "failed"
	case BlockNotReady:
		return "not ready yet"
	case BlockTerminating:
		return "terminating"
	case BlockMinReady:
		return "ready, but not for long enough"
	case BlockMissing:
		return "no pod yet"
	}
	return fmt.Sprintf("BlockReason(%d)", int(r))
}

// passes reports whether it is over by itself at a time to come.
func (b *Blocker) passes(now time.Time) bool {
	return (b.Reason == BlockMinReady || b.Reason == BlockTerminating) && b.Until.After(now)
}

// String returns a line such as
// `worker-2: agent-zp5hf: image "agent:2" cannot be pulled: ImagePullBackOff`.
// Times have their date and are in UTC.
func (b Blocker) String() string { return b.Node + ": " + b.because(time.Time{}) }

// because is the line without the node, its times as seen from now.
func (b *Blocker) because(now time.Time) string {
	s := b.sentence(now)
	if b.Pod != nil {
		s = cmp.Or(b.Pod.Name, "pod without a name") + ": " + s
	}
	return s
}

func (b *Blocker) sentence(now time.Time) string {
	switch b.Reason {
	case BlockImage:
		return clauses(fmt.Sprintf("image %q cannot be pulled", b.Image), b.Word)
	case BlockCrashLoop:
		return clauses(b.container()+" keeps crashing", b.exits())
	case BlockContainer:
		return clauses(b.container()+" cannot be started", b.Word, b.Message)
	case BlockUnschedulable:
		return clauses(b.Reason.String(), cmp.Or(b.Message, b.Word))
	case BlockStuckTerminating:
		return clauses("terminating"+at(" since ", b.Since, now)+", past its grace period", b.Message)
	case BlockTerminating:
		return "terminating" + at(" until ", b.Until, now)
	case BlockMinReady:
		return "ready" + at(" since ", b.Since, now) + at(", available at ", b.Until, now)
	case BlockNodeNotReady, BlockFailed:
		return clauses(b.Reason.String()+at(" since ", b.Since, now), b.Word, b.Message)
	case BlockNotReady:
		if b.Container != "" {
			return clauses(b.Reason.String(), b.container(), b.Word)
		}
		return clauses(b.Reason.String(), cmp.Or(b.Message, b.Word))
	}
	return b.Reason.String()
}

func (b *Blocker) container() string {
	if b.Init {
		return "init container " + b.Container
	}
	return "container " + b.Container
}

// exits tells of the crashes: "CrashLoopBackOff, 5 restarts, last exit OOMKilled (137)".
func (b *Blocker) exits() string {
	var parts []string
	if b.Word != "" && b.Word != b.LastExit {
		parts = append(parts, b.Word)
	}
	parts = append(parts, plural(int(b.Restarts), "restart"))
	if b.LastExit != "" {
		parts = append(parts, fmt.Sprintf("last exit %s (%d)", b.LastExit, b.ExitCode))
	}
	return strings.Join(parts, ", ")
}

// at writes a time that is known.
func at(word string, t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return word + stamp(t, now)
}

// shownText is how much of a message a sentence has room for.
const shownText = 240

// clauses joins what is there, each on one line, and cut where it is long.
func clauses(parts ...string) string {
	var out []string
	for _, p := range parts {
		p = strings.Join(strings.Fields(p), " ")
		if runes := []rune(p); len(runes) > shownText {
			p = string(runes[:shownText]) + "..."
		}
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}

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

// backoff returns the memory of failed pods on a node.
func backoff(s *daemon.Snapshot, node string) (daemon.BackoffEntry, bool) {
	ds := s.DaemonSet()
	e, ok := s.Backoff()[daemon.BackoffKey{UID: ds.UID, ObservedGeneration: ds.Status.ObservedGeneration, Node: node}]
	return e, ok
}

// backoffForgets is how long after the last failure a node counts as one where
// pods fail again and again: twice the longest delay, after which daemon.Backoff
// starts anew.
const backoffForgets = 30 * time.Minute

// failsAgain reports whether pods have failed on the node one after the other.
func failsAgain(s *daemon.Snapshot, node string) bool {
	e, ok := backoff(s, node)
	return ok && e.Delay > time.Second && s.Now().Sub(e.Last) <= backoffForgets
}

// lastChange returns when something last changed that brings a rollout forward or
// throws it back: pods that were created, bound, initialized, became ready or
// unready, became available, or were to be deleted, and nodes that became unready.
// What a container in a crash loop and what pods that fail one after the other bring
// about is no change but for its beginning.
func lastChange(s *daemon.Snapshot) time.Time {
	var last time.Time
	note := func(t time.Time) {
		if t.After(s.Now()) {
			t = s.Now()
		}
		last = latest(last, t)
	}
	for i := range s.Nodes() {
		n := &s.Nodes()[i]
		if n.Node != nil && (n.Decision.Run || len(n.Pods) > 0) {
			if ready := nodeReady(n.Node); ready != nil && ready.Status != corev1.ConditionTrue {
				note(ready.LastTransitionTime.Time)
			}
		}
		if failsAgain(s, n.Name) && !done(n) {
			e, _ := backoff(s, n.Name)
			note(e.Last.Add(-e.Delay))
			continue
		}
		for j := range n.Pods {
			podChanges(&n.Pods[j], s, note)
		}
	}
	if last.IsZero() {
		note(s.DaemonSet().CreationTimestamp.Time)
	}
	return last
}

func podChanges(p *daemon.PodState, s *daemon.Snapshot, note func(time.Time)) {
	note(p.Pod.CreationTimestamp.Time)
	note(startedAt(p.Pod))
	if p.Terminating {
		note(deletedAt(p.Pod))
	}
	loops := false
	for _, c := range containers(p.Pod) {
		if reason, _, _ := c.problem(s.Now()); reason == BlockCrashLoop || c.again(s.Now()) {
			loops = true
			note(c.loopBegan())
		}
	}
	ready := condition(p.Pod, corev1.PodReady)
	if loops || ready == nil {
		return
	}
	note(ready.LastTransitionTime.Time)
	if seconds := s.DaemonSet().Spec.MinReadySeconds; p.Available && seconds > 0 {
		note(ready.LastTransitionTime.Add(time.Duration(seconds) * time.Second))
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
