package podstatus

import (
	"math"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Problem says what keeps a container from running.
type Problem int

const (
	// ProblemImage: the image cannot be pulled.
	ProblemImage Problem = iota + 1
	// ProblemCrashLoop: the container exits again and again.
	ProblemCrashLoop
	// ProblemStart: the container cannot be created or started.
	ProblemStart
)

// problemOf sorts the waiting and termination reasons of kubelet and container
// runtimes (ErrImagePull, ErrCreateContainerConfig, ErrRunContainer,
// ErrCrashLoopBackOff @v1.37.2 and their neighbours). It is zero for all others.
func problemOf(word string) Problem {
	switch word {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		return ProblemImage
	case "CrashLoopBackOff":
		return ProblemCrashLoop
	case "CreateContainerConfigError", "CreateContainerError", "PreStartHookError", "PostStartHookError", "RunContainerError",
		"StartError", "ContainerCannotRun":
		return ProblemStart
	}
	return 0
}

// Container is a container of a pod with its status.
type Container struct {
	Pod    *corev1.Pod
	Status *corev1.ContainerStatus
	// Init says that it is an init container.
	Init bool
}

// Containers returns the containers that the pod's status lists, init containers
// first.
func Containers(pod *corev1.Pod) []Container {
	out := make([]Container, 0, len(pod.Status.InitContainerStatuses)+len(pod.Status.ContainerStatuses))
	for i := range pod.Status.InitContainerStatuses {
		out = append(out, Container{Pod: pod, Status: &pod.Status.InitContainerStatuses[i], Init: true})
	}
	for i := range pod.Status.ContainerStatuses {
		out = append(out, Container{Pod: pod, Status: &pod.Status.ContainerStatuses[i]})
	}
	return out
}

// Spec returns the container in the pod's spec, or nil.
func (c Container) Spec() *corev1.Container {
	list := c.Pod.Spec.Containers
	if c.Init {
		list = c.Pod.Spec.InitContainers
	}
	for i := range list {
		if list[i].Name == c.Status.Name {
			return &list[i]
		}
	}
	return nil
}

// Sidecar reports whether it is an init container that keeps running beside the
// others.
func (c Container) Sidecar() bool {
	spec := c.Spec()
	return c.Init && spec != nil && Sidecar(spec)
}

// Sidecar reports whether an init container keeps running beside the others.
func Sidecar(init *corev1.Container) bool {
	return init.RestartPolicy != nil && *init.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// Image returns the image that the pod asks for, or else the one that the status
// reports.
func (c Container) Image() string {
	if spec := c.Spec(); spec != nil && spec.Image != "" {
		return spec.Image
	}
	return c.Status.Image
}

// LastEnd returns how the container terminated last; nil if it never has.
func (c Container) LastEnd() *corev1.ContainerStateTerminated {
	if c.Status.State.Terminated != nil {
		return c.Status.State.Terminated
	}
	return c.Status.LastTerminationState.Terminated
}

// Problem returns what is wrong with the container, with the kubelet's reason and
// message. It is zero if nothing is known to be wrong.
func (c Container) Problem(now time.Time) (problem Problem, reason, message string) {
	state, end := &c.Status.State, c.LastEnd()
	switch {
	case state.Waiting != nil:
		problem = problemOf(state.Waiting.Reason)
		if problem == ProblemCrashLoop && end != nil && problemOf(end.Reason) == ProblemStart {
			return ProblemStart, end.Reason, end.Message
		}
		return problem, state.Waiting.Reason, state.Waiting.Message
	case state.Terminated != nil && (!c.Init || end.ExitCode != 0):
		if problemOf(end.Reason) == ProblemStart {
			return ProblemStart, end.Reason, end.Message
		}
		return ProblemCrashLoop, "", end.Message
	case c.Recovering(now) && !c.Status.Ready:
		return ProblemCrashLoop, "", ""
	}
	return 0, "", ""
}

// The kubelet's delays before it restarts a container
// (backOffPeriod, MaxContainerBackOff @v1.37.2).
const (
	firstRestartDelay = 10 * time.Second
	lastRestartDelay  = 5 * time.Minute
)

// steadyAfter is how long a container runs before the kubelet resets its restart delay:
// twice the longest delay (MaxContainerBackOff@v1.37.2).
const steadyAfter = 2 * lastRestartDelay

// RestartDelay returns how long the kubelet waits until it starts a container again that was
// restarted so often and has run for so long: the first restart comes at once, the second after
// the first delay, which then doubles (doBackOff@v1.37.2).
func RestartDelay(restarts int32, run time.Duration) time.Duration {
	if restarts <= 0 || run >= steadyAfter {
		return 0
	}
	delay := firstRestartDelay
	for ; restarts > 1 && delay < lastRestartDelay; restarts-- {
		delay *= 2
	}
	return min(delay, lastRestartDelay)
}

// Recovering reports whether the container was restarted and has not run for steadyAfter
// since.
func (c Container) Recovering(now time.Time) bool {
	run := c.Status.State.Running
	return run != nil && c.Status.RestartCount > 0 && c.LastEnd() != nil && now.Sub(run.StartedAt.Time) < steadyAfter
}

// Loops reports whether the container crashes again and again: it has terminated twice or more,
// has run for less than steadyAfter each time, as the last run shows, and since.
func (c Container) Loops(now time.Time) bool {
	end := c.LastEnd()
	if end == nil || end.StartedAt.IsZero() || end.FinishedAt.IsZero() || end.FinishedAt.Sub(end.StartedAt.Time) >= steadyAfter {
		return false
	}
	if c.Status.State.Running != nil {
		return c.Status.RestartCount > 1 && c.Recovering(now)
	}
	problem, _, _ := c.Problem(now)
	return c.Status.RestartCount > 0 && problem == ProblemCrashLoop
}

// Since returns when a problem of the container began, or the best estimate.
func (c Container) Since(problem Problem) time.Time {
	began := StartedAt(c.Pod)
	end := c.LastEnd()
	switch {
	case end == nil:
		return began
	case problem == ProblemCrashLoop:
		return Latest(began, c.LoopBegan())
	}
	return Latest(began, end.FinishedAt.Time)
}

// Terminations returns how often the container has terminated.
func (c Container) Terminations() int {
	n := max(0, int(c.Status.RestartCount))
	if c.Status.State.Running == nil && c.LastEnd() != nil {
		n++
	}
	return n
}

// BeforeLoop returns how often the container had terminated, at least, before the crash loop that it
// is in began.
func (c Container) BeforeLoop() int { return max(0, c.Terminations()-c.loopRuns()) }

// LoopBegan estimates when a crash loop began: the restarts took as many runs, each
// as long as the last one, and the kubelet's delays between them. The delay after the last run, or
// the one before it, says how many of the restarts belong to this loop: a container that has run
// for a month may have others. It is the zero time if the status has no times.
func (c Container) LoopBegan() time.Time {
	end := c.LastEnd()
	if end == nil || end.StartedAt.IsZero() || end.FinishedAt.IsZero() {
		return time.Time{}
	}
	run := max(0, end.FinishedAt.Sub(end.StartedAt.Time))
	if run >= steadyAfter {
		return end.FinishedAt.Time
	}
	// Beyond this many restarts the pod's own age decides.
	runs := min(c.Terminations(), 100_000, c.loopRuns())
	took := time.Duration(runs) * run
	// The first restart comes at once; see RestartDelay.
	for delay := firstRestartDelay; runs > 2; delay = min(2*delay, lastRestartDelay) {
		if runs--; delay == lastRestartDelay {
			took += time.Duration(runs-1) * delay
			break
		}
		took += delay
	}
	return end.FinishedAt.Add(-took)
}

// loopRuns returns the most runs of a crash loop up to the last end: those after which the kubelet
// waits as long as the status shows (doBackOff@v1.37.2). Without a limit it is math.MaxInt.
func (c Container) loopRuns() int {
	state, before := &c.Status.State, c.Status.LastTerminationState.Terminated
	switch {
	case state.Waiting != nil:
		// An example is "back-off 20s restarting failed container=main pod=...".
		text, ok := strings.CutPrefix(state.Waiting.Message, "back-off ")
		text, _, _ = strings.Cut(text, " ")
		if delay, err := time.ParseDuration(text); ok && err == nil {
			return runsUntil(delay)
		}
	case before == nil || before.FinishedAt.IsZero():
	case state.Running != nil && !state.Running.StartedAt.IsZero():
		return runsUntil(state.Running.StartedAt.Sub(before.FinishedAt.Time))
	case state.Terminated != nil && !state.Terminated.StartedAt.IsZero():
		if runs := runsUntil(state.Terminated.StartedAt.Sub(before.FinishedAt.Time)); runs < math.MaxInt {
			return runs + 1
		}
	}
	return math.MaxInt
}

// runsUntil returns after how many runs the kubelet waits for a time: one if it does not wait; see
// RestartDelay. Starting a container may take some of the time. The longest delay has no number
// of runs: then it returns math.MaxInt.
func runsUntil(waited time.Duration) int {
	if waited >= lastRestartDelay {
		return math.MaxInt
	}
	runs := 1
	for delay := firstRestartDelay; waited >= delay; delay *= 2 {
		runs++
	}
	return runs
}
