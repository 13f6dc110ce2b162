package health

import (
	"cmp"
	"math"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/nodestatus"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
)

// findBlockers returns the blockers; see Assessment.Blockers. It takes the nodes that are not settled
// from Assessment.Complete.
func (a *Assessment) findBlockers(s *daemon.Snapshot, result *rollout.Result, fail failures) []Blocker {
	f := newFinder(s, &a.Memory, result, a.rolling())
	users := a.Budget.Users
	var out []Blocker
	for i := range s.Nodes() {
		n := &s.Nodes()[i]
		uses := len(users) > 0 && users[0].Node == n.Name
		if uses {
			users = users[1:]
		}
		b, unsettled := fail.unsettled(n)
		unsettled = unsettled && !a.Memory.wasComplete()
		if unsettled {
			a.Complete--
		}
		if a.Policy.Ignores(n.Name) {
			continue
		}
		begin := len(out)
		if unsettled {
			out = append(out, b)
		} else if n.Decision.Run && !rollout.NodeComplete(n) || uses && len(a.Outdated) > 0 {
			out = append(out, f.node(n)...)
		}
		failing, _ := fail.since(n.Name)
		for j := range out[begin:] {
			out[begin+j].NodeReady, out[begin+j].FailingSince = notReadyCondition(n), failing
		}
	}
	return out
}

// notReadyCondition returns the Ready condition of a node if it is not True. A node without the
// condition has no problem.
func notReadyCondition(n *daemon.NodeState) *corev1.NodeCondition {
	if n.Node == nil {
		return nil
	}
	if ready := nodestatus.Ready(n.Node); ready != nil && ready.Status != corev1.ConditionTrue {
		return ready
	}
	return nil
}

// finder looks for blockers on one node after the other.
type finder struct {
	s      *daemon.Snapshot
	memory *Memory
	// replaces says that the controller replaces outdated pods that are not available,
	// regardless of the budget.
	replaces bool
	// reached says that the pass gets to the update, and changed has the nodes that it
	// touches.
	reached bool
	changed map[string]bool
}

func newFinder(s *daemon.Snapshot, memory *Memory, result *rollout.Result, rolling bool) *finder {
	f := &finder{s: s, memory: memory, replaces: rolling, reached: result.Step != nil, changed: map[string]bool{}}
	plan := &result.Plan
	for i := range plan.Create {
		f.changed[plan.Create[i].Node] = true
	}
	for i := range plan.Delete {
		f.changed[plan.Delete[i].Node] = true
	}
	return f
}

// node returns the blockers of a node: live pods that are not available, or, if no
// pod is live, those that have to go first.
func (f *finder) node(n *daemon.NodeState) []Blocker {
	var out []Blocker
	live, updated := false, false
	for i := range n.Pods {
		p := &n.Pods[i]
		live = live || p.Live()
		updated = updated || p.Live() && p.Updated
	}
	for i := range n.Pods {
		p := &n.Pods[i]
		if !p.Live() || p.Available || !p.Updated && f.goes(n, updated) {
			continue
		}
		out = append(out, f.unavailable(n, p))
	}
	for i := range n.Pods {
		p := &n.Pods[i]
		switch {
		case p.Terminating:
			if b := f.terminating(n, p); !live || b.Kind != BlockerTerminating {
				out = append(out, b)
			}
		case p.Failed && !live:
			out = append(out, f.failed(n, p))
		}
	}
	if len(out) == 0 && !live && n.Decision.Run {
		out = []Blocker{{Node: n.Name, Kind: BlockerNoPod}}
	}
	return out
}

// goes reports whether an outdated pod that is not available is replaced without
// further conditions. Only a policy stops the controller from replacing it.
func (f *finder) goes(n *daemon.NodeState, updated bool) bool {
	return f.replaces && (updated || !f.reached || f.changed[n.Name])
}

// unavailable says why a live pod is not available.
func (f *finder) unavailable(n *daemon.NodeState, p *daemon.PodState) Blocker {
	if p.Ready {
		return f.minReady(n, p)
	}
	own := f.notReady(n.Name, p.Pod)
	node, silent := nodeBlocker(n, p.Pod)
	if silent || node.Kind != 0 && own.Kind == BlockerNotReady {
		return node
	}
	return own
}

func (f *finder) minReady(n *daemon.NodeState, p *daemon.PodState) Blocker {
	b := Blocker{Node: n.Name, Pod: p.Pod, Kind: BlockerMinReady}
	// A zero transition time never becomes available; see IsPodAvailable@v1.37.2.
	if ready := podstatus.Condition(p.Pod, corev1.PodReady); ready != nil && !ready.LastTransitionTime.IsZero() {
		b.Since = ready.LastTransitionTime.Time
		b.Until = b.Since.Add(time.Duration(f.s.DaemonSet().Spec.MinReadySeconds) * time.Second)
	}
	return b
}

func (f *finder) terminating(n *daemon.NodeState, p *daemon.PodState) Blocker {
	node, silent := nodeBlocker(n, p.Pod)
	if node.Kind == BlockerNoNode {
		return node
	}
	// The deletion timestamp is the end of the grace period. A silent kubelet ends no pod.
	b := Blocker{Node: n.Name, Pod: p.Pod, Kind: BlockerTerminating, Since: podstatus.DeletedAt(p.Pod), Until: p.Pod.DeletionTimestamp.Time}
	if f.s.Now().After(b.Until) {
		b.Kind, b.Until = BlockerStuckTerminating, time.Time{}
		if finalizers := p.Pod.Finalizers; len(finalizers) > 0 {
			b.Message = "finalizers " + strings.Join(finalizers, ", ")
		}
	} else if silent {
		b.Until = time.Time{}
	}
	return b
}

func (f *finder) failed(n *daemon.NodeState, p *daemon.PodState) Blocker {
	b := Blocker{Node: n.Name, Pod: p.Pod, Kind: BlockerFailed, Reason: p.Pod.Status.Reason, Message: p.Pod.Status.Message}
	for _, c := range podstatus.Containers(p.Pod) {
		end := c.Status.State.Terminated
		if end == nil {
			continue
		}
		b.Since = podstatus.Latest(b.Since, end.FinishedAt.Time)
		if b.Reason == "" && b.Container == nil && end.ExitCode != 0 {
			b.Container = blockedContainer(c)
		}
	}
	if b.Container != nil {
		b.Reason = b.Container.LastEnd.Reason
		b.Message = cmp.Or(b.Message, b.Container.LastEnd.Message)
	}
	if ready := podstatus.Condition(p.Pod, corev1.PodReady); b.Since.IsZero() && ready != nil {
		b.Since = ready.LastTransitionTime.Time
	}
	if e, ok := f.s.BackoffOf(n.Name); ok {
		if until := e.Last.Add(e.Delay); until.After(f.s.Now()) {
			b.Until = until
		}
	}
	return b
}

// nodeBlocker returns the problem of a pod's node; its Kind is zero if there is
// none. silent says that no kubelet reports on the pod any more.
func nodeBlocker(n *daemon.NodeState, pod *corev1.Pod) (b Blocker, silent bool) {
	b = Blocker{Node: n.Name, Pod: pod}
	if n.Node == nil {
		b.Kind = BlockerNoNode
		return b, true
	}
	ready := notReadyCondition(n)
	if ready == nil {
		return b, false
	}
	b.Kind, b.Reason, b.Message, b.Since = BlockerNodeNotReady, ready.Reason, ready.Message, ready.LastTransitionTime.Time
	return b, ready.Status == corev1.ConditionUnknown
}

// notReady says why a pod is not ready, by what the pod itself reports.
func (f *finder) notReady(node string, pod *corev1.Pod) Blocker {
	b := Blocker{Node: node, Pod: pod, Kind: BlockerNotReady, Since: pod.CreationTimestamp.Time}
	if pod.Spec.NodeName == "" {
		scheduled := podstatus.Condition(pod, corev1.PodScheduled)
		if scheduled == nil || scheduled.Status == corev1.ConditionTrue {
			b.Message = "waits for the scheduler"
			return b
		}
		b.Kind, b.Reason, b.Message = BlockerUnschedulable, scheduled.Reason, scheduled.Message
		b.Since = podstatus.Latest(b.Since, scheduled.LastTransitionTime.Time)
		return b
	}
	for _, c := range podstatus.Containers(pod) {
		if problem, reason, message := c.Problem(f.s.Now()); problem != 0 {
			b.Kind, b.Reason, b.Message = kindOf(problem), reason, message
			b.Container, b.Since = blockedContainer(c), c.Since(problem)
			if problem == podstatus.ProblemCrashLoop {
				b.Since = f.memory.crashingSince(node, c)
			}
			return b
		}
	}
	b.Since = podstatus.StartedAt(pod)
	if ready := podstatus.Condition(pod, corev1.PodReady); ready != nil {
		b.Since = podstatus.Latest(b.Since, ready.LastTransitionTime.Time)
		b.Reason, b.Message = ready.Reason, ready.Message
	}
	if c, reason, ok := startingContainer(pod); ok {
		b.Container, b.Reason = blockedContainer(c), reason
	}
	return b
}

func kindOf(problem podstatus.Problem) BlockerKind {
	switch problem {
	case podstatus.ProblemImage:
		return BlockerImage
	case podstatus.ProblemCrashLoop:
		return BlockerCrashLoop
	case podstatus.ProblemStart:
		return BlockerCannotStart
	}
	return BlockerNotReady
}

// startingContainer returns the first container that waits to be started, or the init
// container that runs.
func startingContainer(pod *corev1.Pod) (c podstatus.Container, reason string, ok bool) {
	for _, c := range podstatus.Containers(pod) {
		switch waiting := c.Status.State.Waiting; {
		case waiting != nil:
			return c, waiting.Reason, true
		case c.Init && c.Status.State.Running != nil && !c.Sidecar():
			return c, "running", true
		}
	}
	return podstatus.Container{}, "", false
}

func blockedContainer(c podstatus.Container) *Container {
	return &Container{Name: c.Status.Name, Init: c.Init, Image: c.Image(), Restarts: c.Status.RestartCount, Terminations: int32(min(c.Terminations(), math.MaxInt32)), LastEnd: c.LastEnd()}
}
