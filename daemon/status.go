package daemon

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

// Status returns the status that the controller would write: the seven counters
// worked out from the snapshot and observedGeneration set to the DaemonSet's
// generation (updateDaemonSetStatus@v1.37.2). collisionCount and
// conditions are kept. Of a DaemonSet that is being deleted the status is
// returned as it is, because upstream no longer writes one.
//
// The result shares nothing with the DaemonSet. Whether there is anything to
// write is StatusChanged's answer.
func Status(s *Snapshot) appsv1.DaemonSetStatus {
	ds := s.in.DaemonSet
	status := *ds.Status.DeepCopy()
	if ds.DeletionTimestamp != nil {
		return status
	}
	var counts nodeCounts
	for i := range s.nodes {
		n := s.nodes[i].count()
		counts.add(n.counts(), 1)
	}
	counts.fill(ds, &status)
	return status
}

// nodeCounts are the counters of the status, and how many pods are ready but not
// available, which only a Tracker counts.
type nodeCounts struct {
	desired, current, ready, available, updated, misscheduled int32
	waiting                                                   int32
}

func (c *nodeCounts) add(o nodeCounts, sign int32) {
	c.desired += sign * o.desired
	c.current += sign * o.current
	c.ready += sign * o.ready
	c.available += sign * o.available
	c.updated += sign * o.updated
	c.misscheduled += sign * o.misscheduled
	c.waiting += sign * o.waiting
}

func (c *nodeCounts) fill(ds *appsv1.DaemonSet, status *appsv1.DaemonSetStatus) {
	status.ObservedGeneration = ds.Generation
	status.DesiredNumberScheduled = c.desired
	status.CurrentNumberScheduled = c.current
	status.NumberReady = c.ready
	status.NumberAvailable = c.available
	status.NumberUnavailable = c.desired - c.available
	status.UpdatedNumberScheduled = c.updated
	status.NumberMisscheduled = c.misscheduled
}

// counts returns what the node adds to each counter.
func (n *NodeStatus) counts() nodeCounts {
	return nodeCounts{
		desired:      one(n.Desired),
		current:      one(n.Current),
		ready:        one(n.Ready),
		available:    one(n.Available),
		updated:      one(n.Updated),
		misscheduled: one(n.Misscheduled),
	}
}

func one(counts bool) int32 {
	if counts {
		return 1
	}
	return 0
}

// StatusChanged reports whether a controller has to write the status cur over
// the status of ds: a counter differs, or ds has a generation that its status
// has not observed (storeDaemonSetStatus@v1.37.2). A nil ds has no status to
// write.
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

// StatusRequeue returns when to look at the status again although nothing
// changed: after minReadySeconds where a pod is ready but not available yet, else
// zero for never. Upstream says so at the end of a pass only for pods that stand
// for their node, and for all others when it sees them become ready
// (updateDaemonSetStatus, updatePod @v1.37.2); here there is only the pass.
func StatusRequeue(s *Snapshot) time.Duration {
	ds := s.in.DaemonSet
	if ds.Spec.MinReadySeconds <= 0 || ds.DeletionTimestamp != nil {
		return 0
	}
	for i := range s.nodes {
		for _, p := range s.nodes[i].Pods {
			if p.Ready && !p.Available {
				return time.Duration(ds.Spec.MinReadySeconds) * time.Second
			}
		}
	}
	return 0
}

// NodeStatus says how one node counts in the status, and why.
type NodeStatus struct {
	// Node is the node's name.
	Node string
	// Desired, Current, Ready, Available, Updated and Misscheduled say in which
	// counters the node counts. A desired node that is not Available counts as
	// unavailable.
	Desired, Current, Ready, Available, Updated, Misscheduled bool
	// Pod is the pod that stands for the node: the first of NodeState.Pods, be
	// it failed or being deleted. nil where the node has none. Read-only.
	Pod *corev1.Pod
	// Others is how many more pods the node has, which count nowhere.
	Others int
	// Explanation says why the node is desired or not.
	Explanation placement.Explanation

	minReadySeconds int32
	terminating     bool
}

// StatusByNode returns how each node counts, ordered by node name: summed up it
// is Status, unless the DaemonSet is being deleted. Nodes that do not exist but have pods are among them and count
// nowhere.
func StatusByNode(s *Snapshot) []NodeStatus {
	out := make([]NodeStatus, len(s.nodes))
	for i := range s.nodes {
		out[i] = s.nodes[i].count()
		out[i].Explanation = s.matcher.Explain(s.nodes[i].Node)
		out[i].minReadySeconds = s.in.DaemonSet.Spec.MinReadySeconds
	}
	return out
}

func (n *NodeState) count() NodeStatus {
	out := NodeStatus{Node: n.Name, Desired: n.Decision.Run}
	if len(n.Pods) == 0 {
		return out
	}
	first := &n.Pods[0]
	out.Pod, out.Others, out.terminating = first.Pod, len(n.Pods)-1, first.Terminating
	if !n.Decision.Run {
		out.Misscheduled = n.Node != nil
		return out
	}
	out.Current = true
	out.Ready = first.Ready
	out.Available = first.Available
	out.Updated = first.Updated
	return out
}

// String returns a sentence such as
// "worker-1: desired, current, ready, up-to-date; not available: nginx-abcde has not been ready for 10s yet".
func (n NodeStatus) String() string {
	var b strings.Builder
	b.WriteString(n.Node)
	b.WriteString(": ")
	switch {
	case n.Misscheduled && n.Pod != nil:
		fmt.Fprintf(&b, "misscheduled: %s is here; %s", n.Pod.Name, n.Explanation.Cause())
		return b.String()
	case !n.Desired && n.Pod != nil:
		fmt.Fprintf(&b, "not counted: %s is meant for a node that does not exist", n.Pod.Name)
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
		why = append(why, fmt.Sprintf("not ready: %s failed", n.Pod.Name))
	case !n.Ready:
		why = append(why, fmt.Sprintf("not ready: %s is not", n.Pod.Name))
	case !n.Available:
		why = append(why, fmt.Sprintf("not available: %s has not been ready for %v yet",
			n.Pod.Name, time.Duration(n.minReadySeconds)*time.Second))
	}
	if !n.Updated {
		why = append(why, fmt.Sprintf("not up-to-date: %s is of another template", n.Pod.Name))
	}
	if n.terminating {
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
