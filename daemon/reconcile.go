package daemon

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// Reconcile returns which pods to create and which to delete so that every
// node has what it should have, whatever their template: the first half of a
// controller pass (manage@v1.37.2). Replacing outdated pods is the second half,
// rollout.Next, and its turn comes only where this plan is empty.
//
// The plan of a DaemonSet that is being deleted is empty. The snapshot is not
// changed, and the same snapshot always gives the same plan.
func Reconcile(s *Snapshot) *Plan {
	r := newReconciler(s)
	if s.in.DaemonSet.DeletionTimestamp != nil {
		return r.plan
	}
	for i := range s.nodes {
		r.visit(&s.nodes[i])
	}
	return r.finish()
}

type reconciler struct {
	s      *Snapshot
	plan   *Plan
	surge  bool
	failed *failedPods
	live   []*PodState
}

func newReconciler(s *Snapshot) *reconciler {
	return &reconciler{
		s:      s,
		plan:   &Plan{Backoff: s.in.Backoff},
		surge:  s.allowsSurge(),
		failed: newFailedPods(s.in.Backoff, s.in.DaemonSet, s.in.Now),
	}
}

// visit adds to the plan what one node needs. Nodes are visited in order.
func (r *reconciler) visit(n *NodeState) {
	from := len(r.plan.Delete)
	r.node(n)
	r.plan.sortDeletes(from)
}

func (r *reconciler) finish() *Plan {
	r.plan.Backoff = r.failed.entries
	r.s.Complete(r.plan)
	return r.plan
}

// node decides one node (podsShouldBeOnNode@v1.37.2).
func (r *reconciler) node(n *NodeState) {
	switch {
	case n.Node == nil:
		// Bound pods of a node that is gone are left to pod garbage collection
		// (getUnscheduledPodsWithoutNode@v1.37.2).
		for i := range n.Pods {
			if pod := n.Pods[i].Pod; pod.Spec.NodeName == "" {
				r.delete(n, pod, DeleteNoNode, nil)
			}
		}
	case n.Decision.Run && len(n.Pods) == 0:
		r.create(n, CreateMissing)
	case n.Decision.Keep:
		r.keep(n)
	default:
		for i := range n.Pods {
			if p := &n.Pods[i]; !p.Terminating {
				r.delete(n, p.Pod, DeleteNotEligible, nil)
			}
		}
	}
}

// keep tidies a node whose pods may stay: finished pods go, and so do all but
// one of the others, or all but two with surge.
func (r *reconciler) keep(n *NodeState) {
	r.live = r.live[:0]
	for i := range n.Pods {
		p := &n.Pods[i]
		switch {
		case p.Terminating:
		case p.Failed:
			if delay, waiting := r.failed.waiting(n.Name); waiting {
				r.plan.Requeue(delay)
				continue
			}
			r.failed.deleted(n.Name)
			r.event(corev1.EventTypeWarning, EventFailedDaemonPod, fmt.Sprintf(
				"Found failed daemon pod %s/%s on node %s, will try to kill it", p.Pod.Namespace, p.Pod.Name, n.Name))
			r.delete(n, p.Pod, DeleteFailed, nil)
		case p.Succeeded:
			r.event(corev1.EventTypeNormal, EventSucceededDaemonPod, fmt.Sprintf(
				"Found succeeded daemon pod %s/%s on node %s, will try to delete it", p.Pod.Namespace, p.Pod.Name, n.Name))
			r.delete(n, p.Pod, DeleteSucceeded, nil)
		default:
			r.live = append(r.live, p)
		}
	}
	switch {
	case len(r.live) == 0 && r.surge && n.Decision.Run:
		r.create(n, CreateSuccessor)
	case len(r.live) <= 1:
	case r.surge:
		r.thinSurging(n)
	default:
		for _, p := range r.live[1:] {
			r.delete(n, p.Pod, DeleteDuplicate, r.live[0].Pod)
		}
	}
}

// thinSurging leaves the oldest new and the oldest outdated pod of the live
// ones, and of these two only the new one where the outdated one is not ready
// or no longer needed.
func (r *reconciler) thinSurging(n *NodeState) {
	var cur, old *PodState
	for _, p := range r.live {
		oldest := &old
		if p.sameHash {
			oldest = &cur
		}
		if *oldest != nil {
			r.delete(n, p.Pod, DeleteDuplicate, (*oldest).Pod)
			continue
		}
		*oldest = p
	}
	switch {
	case cur == nil || old == nil:
	case !old.Ready:
		r.delete(n, old.Pod, DeleteNotReady, cur.Pod)
	case cur.Available:
		r.delete(n, old.Pod, DeleteSuperseded, cur.Pod)
	}
}

func (r *reconciler) create(n *NodeState, reason CreateReason) {
	r.plan.Create = append(r.plan.Create, Create{Node: n.Name, Reason: reason})
}

func (r *reconciler) delete(n *NodeState, pod *corev1.Pod, reason DeleteReason, stays *corev1.Pod) {
	d := Delete{Node: n.Name, Pod: pod, Reason: reason, Stays: stays}
	if reason == DeleteNotEligible {
		d.Explanation = r.s.matcher.Explain(n.Node)
	}
	r.plan.Delete = append(r.plan.Delete, d)
}

func (r *reconciler) event(kind, reason, message string) {
	r.plan.Events = append(r.plan.Events, Event{Type: kind, Reason: reason, Message: message})
}
