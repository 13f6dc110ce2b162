package daemon

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

// Plan lists the pods that a pass creates and deletes. The zero Plan writes nothing.
type Plan struct {
	// Create are the pods to create, ordered by node name.
	Create []Create
	// Delete are the pods to delete, ordered by node name, those pinned to a missing node
	// last; see Reconcile for one node and rollout.Step for an update.
	Delete []Delete
	// Events are the events to record, in the order of the nodes.
	Events []Event
	// RequeueAfter is the delay until the next pass if no event comes first: the shortest
	// that upstream would enqueue. Zero means that no such pass is needed.
	RequeueAfter time.Duration
	// BackoffChanges are the entries of Input.Backoff that change, for Backoff.With: those of the
	// nodes whose failed pods are deleted. It is nil if there are none.
	BackoffChanges BackoffChanges
	// CreateDeferred and DeleteDeferred are the numbers of creations and deletions that
	// the burst limit defers to the next pass. It drops pods from the end of each list.
	CreateDeferred, DeleteDeferred int
	// Nodes is the number of nodes with creations or deletions, deferred ones included.
	Nodes int
}

// Create is a pod to create.
type Create struct {
	// Node is the name of the node that the pod is for.
	Node string
	// Reason is why it is created.
	Reason CreateReason
	// Pod is ready to be sent, as NewPod builds it, and the caller's own.
	Pod *corev1.Pod
}

// CreateReason is why a pod is created.
type CreateReason int

const (
	// CreateReasonMissing: the node should run a pod and has none.
	CreateReasonMissing CreateReason = iota + 1
	// CreateReasonSuccessor: with maxSurge, all pods on the node are terminating or finished.
	CreateReasonSuccessor
	// CreateReasonSurge: with maxSurge, the outdated pod on the node is available and
	// the budget allows a new one beside it.
	CreateReasonSurge
	// CreateReasonUnavailable: with maxSurge, the outdated pod on the node is not
	// available, so that a new one beside it costs no budget.
	CreateReasonUnavailable
)

// String returns the reason as a short phrase.
func (r CreateReason) String() string {
	switch r {
	case CreateReasonMissing:
		return "node has no pod"
	case CreateReasonSuccessor:
		return "all pods on the node are terminating or finished"
	case CreateReasonSurge:
		return "surge beside the outdated pod"
	case CreateReasonUnavailable:
		return "outdated pod is not available"
	}
	return unknown("CreateReason", int(r))
}

// String returns a line such as "create on worker-1: node has no pod".
func (c Create) String() string { return fmt.Sprintf("create on %s: %v", c.Node, c.Reason) }

// Delete is a pod to delete.
type Delete struct {
	// Node is the name of the node that the pod is bound or pinned to.
	Node string
	// Pod is read-only.
	Pod *corev1.Pod
	// Reason is why it is deleted.
	Reason DeleteReason
	// Stays is the pod that makes this one superfluous if the Reason is
	// DeleteReasonDuplicate, DeleteReasonNotReady or DeleteReasonSuperseded; else nil. Read-only.
	Stays *corev1.Pod
	// Explanation is the decision about the node if the Reason is DeleteReasonNotKept or
	// DeleteReasonNotEligible; otherwise it is zero.
	Explanation placement.Explanation
}

// DeleteReason is why a pod is deleted.
type DeleteReason int

const (
	// DeleteReasonPodFailed: the pod has failed; a new one follows in a later pass.
	DeleteReasonPodFailed DeleteReason = iota + 1
	// DeleteReasonPodSucceeded: the pod has finished, which a daemon should not; a new
	// one follows in a later pass.
	DeleteReasonPodSucceeded
	// DeleteReasonNotKept: the node does not keep the pod: placement.Decision.Keep is false.
	DeleteReasonNotKept
	// DeleteReasonNoNode: the pod was never bound and its node does not exist. Neither
	// the scheduler nor pod garbage collection ever removes such a pod.
	DeleteReasonNoNode
	// DeleteReasonDuplicate: another pod of the DaemonSet stays on the node.
	DeleteReasonDuplicate
	// DeleteReasonNotReady: with maxSurge, a new pod is there and the outdated one is
	// not ready.
	DeleteReasonNotReady
	// DeleteReasonSuperseded: with maxSurge, the new pod is available and replaces the
	// outdated one.
	DeleteReasonSuperseded
	// DeleteReasonOutdated: the pod has an older template, and maxUnavailable allows one
	// more unavailable pod.
	DeleteReasonOutdated
	// DeleteReasonUnavailable: the pod has an older template and is not available, so
	// that replacing it costs no budget.
	DeleteReasonUnavailable
	// DeleteReasonNotEligible: with maxSurge, the pod has an older template, and the node
	// keeps it but should not run a new one.
	DeleteReasonNotEligible
)

// String returns the reason as a short phrase.
func (r DeleteReason) String() string {
	switch r {
	case DeleteReasonPodFailed:
		return "pod failed"
	case DeleteReasonPodSucceeded:
		return "pod succeeded"
	case DeleteReasonNotKept:
		return "node does not keep the pod"
	case DeleteReasonNoNode:
		return "node does not exist and pod was never bound"
	case DeleteReasonDuplicate:
		return "another pod stays on the node"
	case DeleteReasonNotReady:
		return "outdated, not ready, and a new pod is there"
	case DeleteReasonSuperseded:
		return "outdated, and the new pod is available"
	case DeleteReasonOutdated:
		return "outdated, within maxUnavailable"
	case DeleteReasonUnavailable:
		return "outdated and not available"
	case DeleteReasonNotEligible:
		return "outdated, and node should not run a pod"
	}
	return unknown("DeleteReason", int(r))
}

// String returns a line such as
// "delete nginx-abcde on worker-1: pod failed". It names the pod that stays,
// and the rule that decided about the node.
func (d Delete) String() string {
	var b strings.Builder
	name := "<nil>"
	if d.Pod != nil {
		name = d.Pod.Name
	}
	fmt.Fprintf(&b, "delete %s on %s: ", name, d.Node)
	switch {
	case d.Explanation.Reason != placement.ReasonUnknown:
		fmt.Fprintf(&b, "%v: %s", d.Reason, d.Explanation.Cause())
	case d.Stays != nil:
		fmt.Fprintf(&b, "%v (%s)", d.Reason, d.Stays.Name)
	default:
		b.WriteString(d.Reason.String())
	}
	return b.String()
}

// Event is what to record on the DaemonSet.
type Event struct {
	// Type is corev1.EventTypeNormal or corev1.EventTypeWarning.
	Type string
	// Reason is one of the Event constants of this package.
	Reason string
	// Message is upstream's text.
	Message string
}

// The reasons of the events that upstream's controller records
// (SelectingAllReason, FailedDaemonPodReason, SucceededDaemonPodReason
// @v1.37.2).
const (
	EventSelectingAll       = "SelectingAll"
	EventFailedDaemonPod    = "FailedDaemonPod"
	EventSucceededDaemonPod = "SucceededDaemonPod"
)

// String returns "Type Reason: Message".
func (e Event) String() string { return e.Type + " " + e.Reason + ": " + e.Message }

// Empty reports whether the plan writes no pod. Events and RequeueAfter may still be
// set.
func (p Plan) Empty() bool { return len(p.Create) == 0 && len(p.Delete) == 0 }

// String returns one line for each deletion, creation and event, and one for
// what was deferred; "nothing to do" for an empty plan.
func (p Plan) String() string {
	var lines []string
	for _, d := range p.Delete {
		lines = append(lines, d.String())
	}
	for _, c := range p.Create {
		lines = append(lines, c.String())
	}
	if p.DeleteDeferred > 0 || p.CreateDeferred > 0 {
		lines = append(lines, fmt.Sprintf("deferred by the burst limit: %d to delete, %d to create", p.DeleteDeferred, p.CreateDeferred))
	}
	for _, e := range p.Events {
		lines = append(lines, "event "+e.String())
	}
	if p.RequeueAfter > 0 {
		lines = append(lines, fmt.Sprintf("requeue after %v", p.RequeueAfter))
	}
	if lines == nil {
		return "nothing to do"
	}
	return strings.Join(lines, "\n")
}

// requeue lowers RequeueAfter to the given delay if that is sooner. A delay
// of zero or less changes nothing.
func (p *Plan) requeue(after time.Duration) {
	if after > 0 && (p.RequeueAfter == 0 || after < p.RequeueAfter) {
		p.RequeueAfter = after
	}
}

func unknown(kind string, value int) string { return fmt.Sprintf("%s(%d)", kind, value) }
