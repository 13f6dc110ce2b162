package rollout

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/nodestatus"
	"github.com/pernode/daemonset/internal/podstatus"
)

// IgnoreAfter sets how long a problem lasts before the policy ignores a node. An ignored
// node is not updated and uses no budget. PolicyStatus.Ignored lists it. When the problem
// is over, the node is updated like the others.
//
// An ignored node that still needs the update is not complete, and neither is the rollout,
// even if all other nodes are.
type IgnoreAfter struct {
	// After is how long the problem must last, counted from when the node became not ready,
	// or from the end of the pod's grace period. Zero ignores the node at once.
	After metav1.Duration `json:"after,omitzero"`
}

func (a *IgnoreAfter) validate(path *field.Path) field.ErrorList {
	if a == nil {
		return nil
	}
	return validateDuration(a.After, path.Child("after"))
}

func validateDuration(d metav1.Duration, path *field.Path) field.ErrorList {
	if d.Duration < 0 {
		return field.ErrorList{field.Invalid(path, d.Duration.String(), "must not be negative")}
	}
	return nil
}

func (a *IgnoreAfter) suffix() string {
	if a == nil || a.After.Duration == 0 {
		return ""
	}
	return fmt.Sprintf(" after %v", a.After.Duration)
}

// IgnoredReason says why a policy ignores a node.
type IgnoredReason int

const (
	// IgnoredNotReady: the node is not ready (Policy.IgnoreNotReadyNodes).
	IgnoredNotReady IgnoredReason = iota + 1
	// IgnoredStuckPod: the node's pods are terminating past their grace period
	// (Policy.IgnoreStuckPods).
	IgnoredStuckPod
	// IgnoredByCaller: Policy.IgnoreNode returned true.
	IgnoredByCaller
)

// String returns the reason as a short phrase.
func (r IgnoredReason) String() string {
	switch r {
	case IgnoredNotReady:
		return "node is not ready"
	case IgnoredStuckPod:
		return "pod is terminating past its grace period"
	case IgnoredByCaller:
		return "ignored by the caller"
	}
	return fmt.Sprintf("IgnoredReason(%d)", int(r))
}

// IgnoredNode is a node that a policy ignores.
type IgnoredNode struct {
	// Node is the node's name.
	Node string
	// Reason says why it is ignored.
	Reason IgnoredReason
	// Since is when the problem began. It is zero if that is not known.
	Since time.Time
}

// String returns a phrase such as "worker-2 (node is not ready)".
func (n IgnoredNode) String() string { return fmt.Sprintf("%s (%v)", n.Node, n.Reason) }

// ignoreNodes applies the fields of the policy that ignore nodes.
func (c *choice) ignoreNodes() {
	p := c.policy
	if p.IgnoreNotReadyNodes == nil && p.IgnoreStuckPods == nil && p.IgnoreNode == nil {
		return
	}
	next := c.facts.suspects.Next
	if p.IgnoreNode != nil {
		next = func(i int) int { return i }
	}
	for i := next(0); i >= 0 && i < len(c.nodes); i = next(i + 1) {
		if reason, since := c.ignoreReason(i); reason != 0 {
			c.hold(i, RestrictionIgnored)
			c.step.Policy.Ignored = append(c.step.Policy.Ignored, IgnoredNode{Node: c.nodes[i].Name, Reason: reason, Since: since})
		}
	}
}

// suspect reports whether IgnoreNotReadyNodes or IgnoreStuckPods may ignore a node at some
// time: it is not ready, or all its pods are terminating.
func suspect(n *daemon.NodeState) bool {
	if n.Node != nil {
		if ready := nodestatus.Ready(n.Node); ready != nil && ready.Status != corev1.ConditionTrue {
			return true
		}
	}
	return len(n.Pods) > 0 && !slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return !p.Terminating })
}

func (c *choice) ignoreReason(i int) (IgnoredReason, time.Time) {
	p, n := c.policy, &c.nodes[i]
	if !c.desired(i) && len(n.Pods) == 0 {
		return 0, time.Time{}
	}
	if p.IgnoreNotReadyNodes != nil && n.Node != nil {
		if ready := nodestatus.Ready(n.Node); ready != nil && ready.Status != corev1.ConditionTrue {
			since := ready.LastTransitionTime.Time
			if c.due(since.Add(p.IgnoreNotReadyNodes.After.Duration)) {
				return IgnoredNotReady, since
			}
		}
	}
	if p.IgnoreStuckPods != nil {
		if since := c.terminatingUntil(i); !since.IsZero() && c.due(since.Add(p.IgnoreStuckPods.After.Duration)) {
			return IgnoredStuckPod, since
		}
	}
	if p.IgnoreNode != nil && p.IgnoreNode(n) {
		return IgnoredByCaller, time.Time{}
	}
	return 0, time.Time{}
}

// terminatingUntil returns the last end of a grace period on a node on which every pod
// is terminating; else the zero time.
func (c *choice) terminatingUntil(i int) time.Time {
	var until time.Time
	if c.facts.roles[i]&(roleOutdated|roleUpdated) != 0 {
		return until
	}
	pods := c.nodes[i].Pods
	for j := range pods {
		if deleted := pods[j].Pod.DeletionTimestamp; deleted != nil {
			until = podstatus.Latest(until, deleted.Time)
		}
	}
	return until
}

// due reports whether a time is not after now. If it is after now, the step asks for a
// pass at that time.
func (c *choice) due(at time.Time) bool {
	if !at.After(c.s.Now()) {
		return true
	}
	requeue(&c.step.Plan, at.Sub(c.s.Now()))
	return false
}
