package daemon

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// Reconcile returns the pods to create and delete so that every node has the pods it should
// have, regardless of their template: the first half of a controller pass
// (manage@v1.37.2). The second half, rollout.NextStep, replaces outdated pods, and is due
// only if this plan is empty. rollout.Sync makes the whole pass. The rules, in the order in
// which they apply to a node:
//
//  1. An eligible node without any pod gets one. A terminating pod counts: the node gets
//     no new pod until it is gone (podsShouldBeOnNode@v1.37.2).
//  2. If the node keeps pods, failed and succeeded pods are deleted. After a failed pod
//     was deleted, the next one on that node stays for one second, doubling up to
//     fifteen minutes; see Backoff.
//  3. If a node has several live pods, the first one stays: bound before unbound,
//     then the oldest, then by name. Readiness does not count.
//  4. With maxSurge, an eligible node whose pods are all terminating or finished gets
//     a new one. The oldest pod with the current hash and the oldest one with
//     another hash may run side by side; the latter is deleted once it is not ready or
//     the former is available.
//  5. If the node keeps no pods, all are deleted.
//  6. A pod that was never bound and is pinned to a node that does not exist is
//     deleted; bound ones are left to pod garbage collection
//     (getUnscheduledPodsWithoutNode@v1.37.2).
//  7. One pass creates at most Input.BurstReplicas pods and deletes at most as many
//     (syncNodes@v1.37.2). A node whose failed pod this puts off has no new delay, so that the
//     next pass deletes the pod. Upstream's node waits again, and may do so for ever.
//
// On one node, finished pods and pods that the node does not keep are deleted in the order of
// NodeState.Pods, owned ones before adopted ones; duplicates follow. Pods that are pinned to
// nodes that do not exist come last in Plan.Delete. RequeueAfter covers backoff;
// StatusRequeue covers minReadySeconds.
//
// The plan of a DaemonSet that is being deleted is empty. The snapshot is not
// changed, and the same snapshot always gives the same plan. Only the nodes with
// something to do are visited.
func Reconcile(s *Snapshot) *Plan { return ReconcileExcept(s, nil) }

// ReconcileExcept plans what Reconcile does, but creates no pods on some nodes, such as those in
// maintenance. What is on them is tidied up all the same. skip reports whether to leave out the node
// at a position of Snapshot.Nodes. It is asked only about nodes that need a pod. If it is nil, no
// node is left out.
func ReconcileExcept(s *Snapshot, skip func(position int) bool) *Plan {
	if s == nil || s.in.DaemonSet == nil {
		return &Plan{}
	}
	plan := &Plan{}
	if s.in.DaemonSet.DeletionTimestamp != nil {
		return plan
	}
	r := &reconciler{s: s, plan: plan, skip: skip, failed: &failedPods{entries: s.in.Backoff, ds: s.in.DaemonSet, now: s.in.Now}}
	r.visitAll()
	all := plan.Delete
	s.limit(plan)
	for _, d := range all[len(plan.Delete):] {
		if d.Reason == DeleteReasonPodFailed {
			r.failed.putOff(d.Node)
		}
	}
	if len(r.failed.changes) > 0 {
		plan.BackoffChanges = r.failed.changes
	}
	return plan
}

type reconciler struct {
	s      *Snapshot
	plan   *Plan
	skip   func(position int) bool
	failed *failedPods
	live   []*PodState
	// noNode are the deletions on nodes that do not exist.
	noNode []Delete
}

// visitAll visits the nodes in order. Creations beyond the burst limit are counted
// without a visit.
func (r *reconciler) visitAll() {
	s, burst := r.s, r.s.BurstReplicas()
	unvisited := s.missing.Len()
	missing, busy := s.missing.Next(0), s.busy.Next(0)
	for missing >= 0 || busy >= 0 {
		switch {
		case missing >= 0 && r.skips(missing):
			unvisited--
			missing = s.missing.Next(missing + 1)
			continue
		case missing >= 0 && burst >= 0 && len(r.plan.Create) >= burst:
			if missing = s.missing.Next(missing + 1); r.skip == nil {
				missing = -1
			}
			continue
		}
		if busy < 0 || missing >= 0 && missing < busy {
			r.create(&s.nodes[missing], CreateReasonMissing)
			r.plan.Nodes++
			unvisited--
			missing = s.missing.Next(missing + 1)
			continue
		}
		creates, deletes := len(r.plan.Create), len(r.plan.Delete)+len(r.noNode)
		r.node(busy)
		if len(r.plan.Create) > creates || len(r.plan.Delete)+len(r.noNode) > deletes {
			r.plan.Nodes++
		}
		busy = s.busy.Next(busy + 1)
	}
	r.plan.Delete = append(r.plan.Delete, r.noNode...)
	r.plan.CreateDeferred = unvisited
	r.plan.Nodes += unvisited
}

func (r *reconciler) skips(position int) bool { return r.skip != nil && r.skip(position) }

// node decides one node with pods (podsShouldBeOnNode@v1.37.2).
func (r *reconciler) node(i int) {
	switch n := &r.s.nodes[i]; {
	case n.Node == nil:
		n.eachClaimed(func(p *PodState) {
			if p.Pod.Spec.NodeName == "" {
				r.noNode = append(r.noNode, Delete{Node: n.Name, Pod: p.Pod, Reason: DeleteReasonNoNode})
			}
		})
	case n.Decision.Keep:
		r.keep(i)
	default:
		n.eachClaimed(func(p *PodState) {
			if !p.Terminating {
				r.delete(n, p.Pod, DeleteReasonNotKept, nil)
			}
		})
	}
}

// eachClaimed visits the pods in the order of upstream's claims: owned pods before
// adopted ones.
func (n *NodeState) eachClaimed(visit func(*PodState)) {
	adopted := false
	for i := range n.Pods {
		if p := &n.Pods[i]; p.Adopted {
			adopted = true
		} else {
			visit(p)
		}
	}
	for i := range n.Pods {
		if p := &n.Pods[i]; adopted && p.Adopted {
			visit(p)
		}
	}
}

// keep tidies a node whose pods may stay: it deletes finished pods, and all live
// pods but one, or but two with surge.
func (r *reconciler) keep(i int) {
	n := &r.s.nodes[i]
	n.eachClaimed(func(p *PodState) {
		switch {
		case p.Terminating:
		case p.Failed:
			if delay, waiting := r.failed.waiting(n.Name); waiting {
				r.plan.requeue(delay)
				return
			}
			r.failed.deleted(n.Name)
			r.event(corev1.EventTypeWarning, EventFailedDaemonPod, fmt.Sprintf(
				"Found failed daemon pod %s/%s on node %s, will try to kill it", p.Pod.Namespace, p.Pod.Name, n.Name))
			r.delete(n, p.Pod, DeleteReasonPodFailed, nil)
		case p.Succeeded:
			r.event(corev1.EventTypeNormal, EventSucceededDaemonPod, fmt.Sprintf(
				"Found succeeded daemon pod %s/%s on node %s, will try to delete it", p.Pod.Namespace, p.Pod.Name, n.Name))
			r.delete(n, p.Pod, DeleteReasonPodSucceeded, nil)
		}
	})
	r.live = r.live[:0]
	for k := range n.Pods {
		if p := &n.Pods[k]; p.Live() {
			r.live = append(r.live, p)
		}
	}
	switch {
	case len(r.live) == 0 && r.s.surge && n.Decision.Run:
		if !r.skips(i) {
			r.create(n, CreateReasonSuccessor)
		}
	case len(r.live) <= 1:
	case r.s.surge:
		r.thinSurging(n)
	default:
		for _, p := range r.live[1:] {
			r.delete(n, p.Pod, DeleteReasonDuplicate, r.live[0].Pod)
		}
	}
}

// thinSurging leaves the oldest new and the oldest outdated pod of the live
// ones, and of these two only the new one if the outdated one is not ready
// or no longer needed.
func (r *reconciler) thinSurging(n *NodeState) {
	var cur, old *PodState
	for _, p := range r.live {
		oldest := &old
		if r.s.hashMatches(p.Pod) {
			oldest = &cur
		}
		if *oldest != nil {
			r.delete(n, p.Pod, DeleteReasonDuplicate, (*oldest).Pod)
			continue
		}
		*oldest = p
	}
	switch {
	case cur == nil || old == nil:
	case !old.Ready:
		r.delete(n, old.Pod, DeleteReasonNotReady, cur.Pod)
	case cur.Available:
		r.delete(n, old.Pod, DeleteReasonSuperseded, cur.Pod)
	}
}

func (r *reconciler) create(n *NodeState, reason CreateReason) {
	r.plan.Create = append(r.plan.Create, Create{Node: n.Name, Reason: reason})
}

func (r *reconciler) delete(n *NodeState, pod *corev1.Pod, reason DeleteReason, stays *corev1.Pod) {
	d := Delete{Node: n.Name, Pod: pod, Reason: reason, Stays: stays}
	if reason == DeleteReasonNotKept {
		d.Explanation = r.s.matcher.Explain(n.Node)
	}
	r.plan.Delete = append(r.plan.Delete, d)
}

func (r *reconciler) event(kind, reason, message string) {
	r.plan.Events = append(r.plan.Events, Event{Type: kind, Reason: reason, Message: message})
}

// limit puts a plan under the burst limit and builds the pods it creates
// (syncNodes@v1.37.2).
func (s *Snapshot) limit(p *Plan) {
	if burst := s.BurstReplicas(); burst >= 0 {
		if over := len(p.Create) - burst; over > 0 {
			p.Create = p.Create[:burst:burst]
			p.CreateDeferred += over
		}
		if over := len(p.Delete) - burst; over > 0 {
			p.Delete = p.Delete[:burst:burst]
			p.DeleteDeferred += over
		}
	}
	for i := range p.Create {
		p.Create[i].Pod = s.builder.build(p.Create[i].Node)
	}
}
