package rollout

import (
	"fmt"
	"slices"
	"strings"
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
// An ignored node blocks nothing: the rollout is complete if all other nodes are; see
// Complete. That also holds with the strategy OnDelete. Percentages remain those of all
// eligible nodes, and daemon.Reconcile still creates and deletes pods on an ignored node.
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

// Ignores reports whether Ignored has a node of the given name.
func (p PolicyStatus) Ignores(node string) bool {
	_, found := slices.BinarySearchFunc(p.Ignored, node, func(n IgnoredNode, name string) int { return strings.Compare(n.Node, name) })
	return found
}

// ignoreNodes applies the fields of the policy that ignore nodes.
func (c *choice) ignoreNodes() {
	after := c.facts.eachIgnored(c.s, c.policy, func(i int, n IgnoredNode) {
		c.hold(i, RestrictionIgnored)
		c.step.Policy.Ignored = append(c.step.Policy.Ignored, n)
	})
	requeue(&c.step.Plan, after)
}

// leaveOut notes the nodes that the policy ignores in a step that does nothing else.
func (st *Step) leaveOut(f *nodeFacts, s *daemon.Snapshot, p *policy) {
	after := f.eachIgnored(s, p, func(_ int, n IgnoredNode) { st.Policy.Ignored = append(st.Policy.Ignored, n) })
	requeue(&st.Plan, after)
}

// eachIgnored visits the nodes that the policy ignores, ordered by name, and returns after
// which time it will ignore another one; zero: never.
func (f *nodeFacts) eachIgnored(s *daemon.Snapshot, p *policy, visit func(i int, n IgnoredNode)) (after time.Duration) {
	if p.empty() || p.IgnoreNotReadyNodes == nil && p.IgnoreStuckPods == nil && p.IgnoreNode == nil {
		return 0
	}
	next := f.suspects.Next
	if p.IgnoreNode != nil {
		next = func(i int) int { return i }
	}
	look := ignoring{policy: p, now: s.Now()}
	nodes := s.Nodes()
	for i := next(0); i >= 0 && i < len(nodes); i = next(i + 1) {
		if reason, since := look.reason(&nodes[i]); reason != 0 {
			visit(i, IgnoredNode{Node: nodes[i].Name, Reason: reason, Since: since})
		}
	}
	return look.after
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

// ignoring decides which nodes a policy ignores.
type ignoring struct {
	policy *policy
	now    time.Time
	// after is the time until the policy ignores another one of the nodes; zero: never.
	after time.Duration
}

// reason says why the policy ignores a node, and since when that reason holds; zero if it
// does not ignore the node.
func (g *ignoring) reason(n *daemon.NodeState) (IgnoredReason, time.Time) {
	p := g.policy
	if !n.Decision.Run && len(n.Pods) == 0 {
		return 0, time.Time{}
	}
	if p.IgnoreNotReadyNodes != nil && n.Node != nil {
		if ready := nodestatus.Ready(n.Node); ready != nil && ready.Status != corev1.ConditionTrue {
			since := ready.LastTransitionTime.Time
			if g.due(since.Add(p.IgnoreNotReadyNodes.After.Duration)) {
				return IgnoredNotReady, since
			}
		}
	}
	if p.IgnoreStuckPods != nil {
		if since := terminatingUntil(n); !since.IsZero() && g.due(since.Add(p.IgnoreStuckPods.After.Duration)) {
			return IgnoredStuckPod, since
		}
	}
	if p.IgnoreNode != nil && p.IgnoreNode(n) {
		return IgnoredByCaller, time.Time{}
	}
	return 0, time.Time{}
}

// due reports whether a time is not after now, and notes how long it takes until then.
func (g *ignoring) due(at time.Time) bool {
	wait := at.Sub(g.now)
	if wait <= 0 {
		return true
	}
	if g.after == 0 || wait < g.after {
		g.after = wait
	}
	return false
}

// terminatingUntil returns the last end of a grace period on a node on which every pod
// is terminating; else the zero time.
func terminatingUntil(n *daemon.NodeState) time.Time {
	var until time.Time
	for i := range n.Pods {
		p := &n.Pods[i]
		if !p.Terminating {
			return time.Time{}
		}
		until = podstatus.Latest(until, p.Pod.DeletionTimestamp.Time)
	}
	return until
}
