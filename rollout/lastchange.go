package rollout

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
)

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
