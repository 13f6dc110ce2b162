package health

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/nodestatus"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
)

// lastChange returns when the rollout last changed, at most the time of the snapshot:
// when the current revision was created, or found to be another one than before, a pod was created,
// bound, initialized or deleted, became ready, not ready or available, or when a node became ready
// or not ready. A crash loop, and pods that fail one after the other, are one change, at their
// beginning. A node that the policy ignores has changed when it began to. If none of these has a
// time, it is the creation of the DaemonSet.
func lastChange(s *daemon.Snapshot, status rollout.PolicyStatus, fail failures) time.Time {
	var last time.Time
	note := func(t time.Time) {
		if t.After(s.Now()) {
			t = s.Now()
		}
		last = podstatus.Latest(last, t)
	}
	note(fail.memory.RevisionSince.Time)
	note(revisionCreated(s))
	for _, n := range status.Ignored {
		note(n.From)
	}
	for i := range s.Nodes() {
		n := &s.Nodes()[i]
		if status.Ignores(n.Name) {
			continue
		}
		if n.Node != nil && (n.Decision.Run || len(n.Pods) > 0) {
			if ready := nodestatus.Ready(n.Node); ready != nil {
				note(ready.LastTransitionTime.Time)
			}
		}
		if since, ok := fail.since(n.Name); ok {
			if _, unsettled := fail.unsettled(n); unsettled || !rollout.NodeComplete(n) {
				note(since)
				continue
			}
		}
		if since, ok := fail.sinceUnknown(n); ok {
			note(since)
			continue
		}
		for j := range n.Pods {
			notePod(s, n.Name, &n.Pods[j], fail.memory, note)
		}
	}
	if last.IsZero() {
		note(s.DaemonSet().CreationTimestamp.Time)
	}
	return last
}

// revisionCreated returns the creation time of the current revision, or the zero time without one.
func revisionCreated(s *daemon.Snapshot) time.Time {
	var created time.Time
	for i := range s.Revisions() {
		if r := &s.Revisions()[i]; r.Current {
			created = podstatus.Latest(created, r.Revision.CreationTimestamp.Time)
		}
	}
	return created
}

// notePod notes when a pod on a node changed.
func notePod(s *daemon.Snapshot, node string, p *daemon.PodState, memory *Memory, note func(time.Time)) {
	note(p.Pod.CreationTimestamp.Time)
	note(podstatus.StartedAt(p.Pod))
	if p.Terminating {
		note(podstatus.DeletedAt(p.Pod))
	}
	loops := false
	for _, c := range podstatus.Containers(p.Pod) {
		if c.Loops(s.Now()) {
			loops = true
			note(memory.crashingSince(node, c))
		}
	}
	ready := podstatus.Condition(p.Pod, corev1.PodReady)
	if loops || ready == nil {
		return
	}
	note(ready.LastTransitionTime.Time)
	if seconds := s.DaemonSet().Spec.MinReadySeconds; p.Available && seconds > 0 {
		note(ready.LastTransitionTime.Add(time.Duration(seconds) * time.Second))
	}
}
