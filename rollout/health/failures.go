package health

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
)

// failures knows the nodes on which pods, or their containers, fail again and again.
type failures struct {
	s      *daemon.Snapshot
	memory *Memory
	// most is when the last of the remembered rows of failures began, if the memory is full and
	// most of its nodes have one. Otherwise it is zero.
	most time.Time
}

func newFailures(s *daemon.Snapshot, memory *Memory) failures {
	f := failures{s: s, memory: memory}
	rows := 0
	for i := range memory.Nodes {
		if n := &memory.Nodes[i]; n.Replaced >= again {
			rows++
			f.most = podstatus.Latest(f.most, n.FailingSince.Time)
		}
	}
	if len(memory.Nodes) < MemoryNodes || 2*rows <= len(memory.Nodes) {
		f.most = time.Time{}
	}
	return f
}

// since returns since when pods fail and are replaced again and again on a node, and false if
// they are not.
func (f failures) since(node string) (time.Time, bool) {
	var since time.Time
	known := false
	m := f.memory.node(node)
	if e, failures := rowOf(f.s, node, f.memory.CompleteSince, m.RecoveredAt); failures >= again {
		since, known = e.Last.Add(-e.Delay), true
	}
	if m.Replaced >= again && (!known || m.FailingSince.Time.Before(since)) {
		since, known = m.FailingSince.Time, true
	}
	return since, known
}

// rowOf returns the backoff entry of a node and how many pods have failed one after the other by it.
// That is zero if the first of them failed before the rollout was complete, or before a pod of the
// node recovered: whatever becomes of a later pod has another cause, but the entry goes on counting.
func rowOf(s *daemon.Snapshot, node string, completeSince, recoveredAt metav1.Time) (daemon.BackoffEntry, int) {
	e, _ := s.BackoffOf(node)
	began := toSecond(e.Last.Add(-e.Delay), s.Now())
	if !recoveredAt.IsZero() || !completeSince.IsZero() && !began.After(completeSince.Time) {
		return e, 0
	}
	return e, s.FailuresInARow(node)
}

// sinceUnknown returns since when pods may fail and are replaced on a node that a full memory
// leaves out, and false if they do not. On most nodes they do, so a pod there that has not settled
// is no sign of progress. The end of an outdated pod is.
func (f failures) sinceUnknown(n *daemon.NodeState) (time.Time, bool) {
	if f.most.IsZero() || n == nil || !n.Decision.Run || f.memory.node(n.Name).Node != "" {
		return time.Time{}, false
	}
	for i := range n.Pods {
		if p := &n.Pods[i]; p.Live() && (!p.Updated || settled(f.s, p)) {
			return time.Time{}, false
		}
	}
	return f.most, true
}

// unsettled returns the blocker of a complete node on which pods or containers have failed again
// and again. Its pod is available now; until DefaultPatience is over, that may be the pause before
// the next failure. Without such a blocker ok is false.
func (f failures) unsettled(n *daemon.NodeState) (b Blocker, ok bool) {
	if !n.Decision.Run || !rollout.NodeComplete(n) {
		return Blocker{}, false
	}
	since, failing := f.since(n.Name)
	for i := range n.Pods {
		p := &n.Pods[i]
		if !p.Live() || !p.Updated || !p.Available {
			continue
		}
		c, loops := crashLoop(p.Pod, f.s.Now())
		switch {
		case loops:
			b = Blocker{Node: n.Name, Pod: p.Pod, Kind: BlockerCrashLoop, Container: blockedContainer(c), Since: f.memory.crashingSince(n.Name, c)}
			if run := c.Status.State.Running; run != nil {
				b.Until = run.StartedAt.Add(DefaultPatience)
			}
		case failing && !settled(f.s, p):
			b = Blocker{Node: n.Name, Pod: p.Pod, Kind: BlockerUnsettled, Since: since}
			if at := availableSince(f.s, p.Pod); !at.IsZero() {
				b.Until = at.Add(DefaultPatience)
			}
		default:
			return Blocker{}, false
		}
	}
	return b, true
}

// crashLoopOn is crashLoop of a live pod of the current template on a node.
func crashLoopOn(n *daemon.NodeState, now time.Time) (c podstatus.Container, ok bool) {
	for i := range n.Pods {
		if p := &n.Pods[i]; p.Live() && p.Updated && !ok {
			c, ok = crashLoop(p.Pod, now)
		}
	}
	return c, ok
}

// crashLoop returns the container of a pod that crashes again and again, also while it runs.
// Without such a container ok is false.
func crashLoop(pod *corev1.Pod, now time.Time) (c podstatus.Container, ok bool) {
	if !restarted(pod) {
		return c, false
	}
	for _, c := range podstatus.Containers(pod) {
		if c.Loops(now) {
			return c, true
		}
	}
	return c, false
}

// restarted reports whether a container of the pod was restarted.
func restarted(pod *corev1.Pod) bool {
	is := func(c corev1.ContainerStatus) bool { return c.RestartCount > 0 }
	return slices.ContainsFunc(pod.Status.ContainerStatuses, is) || slices.ContainsFunc(pod.Status.InitContainerStatuses, is)
}

// availableSince returns since when an available pod is available; zero if that is not known.
func availableSince(s *daemon.Snapshot, pod *corev1.Pod) time.Time {
	ready := podstatus.Condition(pod, corev1.PodReady)
	if ready == nil || ready.LastTransitionTime.IsZero() {
		return time.Time{}
	}
	return ready.LastTransitionTime.Add(time.Duration(s.DaemonSet().Spec.MinReadySeconds) * time.Second)
}

// settled reports whether a pod has been available for DefaultPatience.
func settled(s *daemon.Snapshot, p *daemon.PodState) bool {
	at := availableSince(s, p.Pod)
	return p.Available && !at.IsZero() && s.Now().Sub(at) >= DefaultPatience
}
