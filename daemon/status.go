package daemon

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

// Status returns the status that the controller writes: the seven counters of the
// snapshot, and the DaemonSet's generation as observedGeneration
// (updateDaemonSetStatus@v1.37.2). collisionCount and conditions are kept. A
// DaemonSet that is being deleted keeps its status, because upstream no longer writes
// one.
//
// On an eligible node the first of NodeState.Pods decides, even when it has failed
// or is being deleted: whether the node counts as current, ready, available and
// updated. numberUnavailable is desired minus available. A node with pods that is
// not eligible is misscheduled.
//
// The result shares nothing with the DaemonSet. StatusChanged reports whether a
// controller must write it.
func Status(s *Snapshot) appsv1.DaemonSetStatus {
	if s == nil || s.in.DaemonSet == nil {
		return appsv1.DaemonSetStatus{}
	}
	ds := s.in.DaemonSet
	status := *ds.Status.DeepCopy()
	if ds.DeletionTimestamp != nil {
		return status
	}
	c := &s.counts
	status.ObservedGeneration = ds.Generation
	status.DesiredNumberScheduled = c.desired
	status.CurrentNumberScheduled = c.current
	status.NumberReady = c.ready
	status.NumberAvailable = c.available
	status.NumberUnavailable = c.desired - c.available
	status.UpdatedNumberScheduled = c.updated
	status.NumberMisscheduled = c.misscheduled
	return status
}

// nodeCounts are the counters of the status, and how many pods are ready but not
// available.
type nodeCounts struct {
	desired, current, ready, available, updated, misscheduled int32
	waiting                                                   int32
}

func (c *nodeCounts) add(t tally, sign int32) {
	one := func(flag counters) int32 {
		if t.counters&flag != 0 {
			return sign
		}
		return 0
	}
	c.desired += one(countDesired)
	c.current += one(countCurrent)
	c.ready += one(countReady)
	c.available += one(countAvailable)
	c.updated += one(countUpdated)
	c.misscheduled += one(countMisscheduled)
	c.waiting += sign * t.waiting
}

// StatusChanged reports whether a controller must write cur as the status of ds: a
// counter differs, or ds has a generation that its status has not observed
// (storeDaemonSetStatus@v1.37.2). It is false for a nil ds.
func StatusChanged(ds *appsv1.DaemonSet, cur appsv1.DaemonSetStatus) bool {
	if ds == nil {
		return false
	}
	old := &ds.Status
	return old.DesiredNumberScheduled != cur.DesiredNumberScheduled ||
		old.CurrentNumberScheduled != cur.CurrentNumberScheduled ||
		old.NumberMisscheduled != cur.NumberMisscheduled ||
		old.NumberReady != cur.NumberReady ||
		old.UpdatedNumberScheduled != cur.UpdatedNumberScheduled ||
		old.NumberAvailable != cur.NumberAvailable ||
		old.NumberUnavailable != cur.NumberUnavailable ||
		old.ObservedGeneration < ds.Generation
}

// StatusRequeue returns minReadySeconds if a pod is ready but not yet available, and 0
// otherwise. It covers all pods. Upstream requeues at the end of a pass for the first pod of
// each node only, and on pod events for the others (updateDaemonSetStatus, updatePod
// @v1.37.2).
func StatusRequeue(s *Snapshot) time.Duration {
	if s == nil || s.in.DaemonSet == nil || s.in.DaemonSet.DeletionTimestamp != nil || s.counts.waiting == 0 {
		return 0
	}
	return time.Duration(max(0, s.in.DaemonSet.Spec.MinReadySeconds)) * time.Second
}

// NodeStatus is how one node counts in the status, and why.
type NodeStatus struct {
	// Node is the node's name.
	Node string
	// Desired, Current, Ready, Available, Updated and Misscheduled say in which
	// counters the node counts. A desired node that is not Available counts as
	// unavailable.
	Desired, Current, Ready, Available, Updated, Misscheduled bool
	// Pod is the pod that decides: the first of NodeState.Pods, even when it has
	// failed or is being deleted. It is nil if the node has none. Read-only.
	Pod *corev1.Pod
	// Others is the number of other pods on the node. They are not counted.
	Others int
	// Explanation says why the node is desired or not.
	Explanation placement.Explanation
}

// StatusByNode returns how each node counts, ordered by node name. The sum is
// Status, unless the DaemonSet is being deleted. Nodes that do not exist but have
// pods are included and count nowhere.
func StatusByNode(s *Snapshot) []NodeStatus {
	if s == nil || s.in.DaemonSet == nil {
		return nil
	}
	out := make([]NodeStatus, len(s.nodes))
	for i := range s.nodes {
		out[i] = s.nodeStatus(i)
	}
	return out
}

func (s *Snapshot) nodeStatus(i int) NodeStatus {
	n, c := &s.nodes[i], s.tallies[i].counters
	out := NodeStatus{
		Node:         n.Name,
		Desired:      c&countDesired != 0,
		Current:      c&countCurrent != 0,
		Ready:        c&countReady != 0,
		Available:    c&countAvailable != 0,
		Updated:      c&countUpdated != 0,
		Misscheduled: c&countMisscheduled != 0,
		Explanation:  s.matcher.Explain(n.Node),
	}
	if len(n.Pods) > 0 {
		out.Pod, out.Others = n.Pods[0].Pod, len(n.Pods)-1
	}
	return out
}

// String returns a sentence such as
// "worker-1: desired, current, ready, up-to-date; not available: nginx-abcde waits for minReadySeconds".
func (n NodeStatus) String() string {
	var b strings.Builder
	b.WriteString(n.Node)
	b.WriteString(": ")
	switch {
	case n.Misscheduled && n.Pod != nil:
		fmt.Fprintf(&b, "misscheduled: %s is here; %s", n.Pod.Name, n.Explanation.Cause())
		return b.String()
	case !n.Desired && n.Pod != nil:
		fmt.Fprintf(&b, "not counted: %s is on a node that does not exist", n.Pod.Name)
		return b.String()
	case !n.Desired:
		fmt.Fprintf(&b, "not desired: %s", n.Explanation.Cause())
		return b.String()
	case n.Pod == nil:
		b.WriteString("desired; no pod")
		return b.String()
	}
	b.WriteString("desired, current")
	for _, c := range []struct {
		counts bool
		name   string
	}{{n.Ready, "ready"}, {n.Available, "available"}, {n.Updated, "up-to-date"}} {
		if c.counts {
			b.WriteString(", " + c.name)
		}
	}
	var why []string
	switch {
	case !n.Ready && n.Pod.Status.Phase == corev1.PodFailed:
		why = append(why, fmt.Sprintf("%s has failed", n.Pod.Name))
	case !n.Ready:
		why = append(why, fmt.Sprintf("%s is not ready", n.Pod.Name))
	case !n.Available:
		why = append(why, fmt.Sprintf("not available: %s waits for minReadySeconds", n.Pod.Name))
	}
	if !n.Updated {
		why = append(why, fmt.Sprintf("%s has an outdated template", n.Pod.Name))
	}
	if n.Pod.DeletionTimestamp != nil {
		why = append(why, fmt.Sprintf("%s is being deleted", n.Pod.Name))
	}
	switch {
	case n.Others == 1:
		why = append(why, "1 more pod does not count")
	case n.Others > 1:
		why = append(why, fmt.Sprintf("%d more pods do not count", n.Others))
	}
	for _, w := range why {
		b.WriteString("; " + w)
	}
	return b.String()
}
