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

// IgnoreNodes ignores nodes of the caller's choice. An ignored node is not updated, uses no
// budget and blocks nothing, as with IgnoreAfter. PolicyStatus.Ignored lists it.
//
// A State asks By about a node only when the node has changed, as long as each pass has the
// same *IgnoreNodes; see Policy for the exceptions. If the choice changes for another reason, such
// as a list of nodes in maintenance, give the next pass a new one.
type IgnoreNodes struct {
	// By reports whether to ignore a node: Cordoned, UnderPressure, Ineligible, Tainted,
	// Labeled, several of them in AnyOf, or a function of the caller. It must be pure and
	// depend on nothing but the node, which is read-only and whose Node may be nil. If By is
	// nil, no node is ignored.
	By Predicate
	// Creations says that ignored nodes get no pods either. What is on them is still tidied
	// up as usual. Result.Restricted counts the nodes that need a pod.
	Creations bool
}

// Predicate chooses nodes for IgnoreNodes.
type Predicate func(n *daemon.NodeState) bool

// Cordoned chooses nodes with spec.unschedulable, as kubectl cordon and kubectl drain leave
// them.
func Cordoned(n *daemon.NodeState) bool {
	return n != nil && n.Node != nil && n.Node.Spec.Unschedulable
}

// UnderPressure chooses nodes whose condition MemoryPressure, DiskPressure or PIDPressure is
// True.
func UnderPressure(n *daemon.NodeState) bool {
	return n != nil && n.Node != nil && slices.ContainsFunc(n.Node.Status.Conditions, func(c corev1.NodeCondition) bool {
		pressure := c.Type == corev1.NodeMemoryPressure || c.Type == corev1.NodeDiskPressure || c.Type == corev1.NodePIDPressure
		return pressure && c.Status == corev1.ConditionTrue
	})
}

// Ineligible chooses nodes that keep a pod and would not get one, for instance because of a
// NoSchedule taint that was added later. Upstream counts such a pod against the budget while
// it is not available.
func Ineligible(n *daemon.NodeState) bool {
	return n != nil && n.Node != nil && n.Decision.Keep && !n.Decision.Run
}

// Tainted chooses nodes with a taint in kubectl's words: "dedicated=db:NoSchedule", or
// "dedicated=db", "dedicated:NoSchedule" or "dedicated" if its effect, its value or both do not
// matter. Words that no taint can have choose no node.
func Tainted(taint string) Predicate {
	pair, effect, hasEffect := strings.Cut(taint, ":")
	key, value, hasValue := strings.Cut(pair, "=")
	return func(n *daemon.NodeState) bool {
		return n != nil && n.Node != nil && slices.ContainsFunc(n.Node.Spec.Taints, func(t corev1.Taint) bool {
			return t.Key == key && (!hasValue || t.Value == value) && (!hasEffect || string(t.Effect) == effect)
		})
	}
}

// Labeled chooses nodes with a label in kubectl's words: "zone=b", or "zone" if its value does not
// matter. Words that no label can have choose no node.
func Labeled(label string) Predicate {
	key, value, hasValue := strings.Cut(label, "=")
	return func(n *daemon.NodeState) bool {
		if n == nil || n.Node == nil {
			return false
		}
		has, ok := n.Node.Labels[key]
		return ok && (!hasValue || has == value)
	}
}

// AnyOf chooses nodes that at least one predicate chooses. nil entries are ignored.
func AnyOf(predicates []Predicate) Predicate {
	return func(n *daemon.NodeState) bool {
		return slices.ContainsFunc(predicates, func(p Predicate) bool { return p != nil && p(n) })
	}
}

// IgnoredReason says why a policy ignores a node.
type IgnoredReason int

const (
	// IgnoredNotReady: the node is not ready (Policy.IgnoreNotReadyNodes).
	IgnoredNotReady IgnoredReason = iota + 1
	// IgnoredStuckPod: the node's pods are terminating past their grace period
	// (Policy.IgnoreStuckPods).
	IgnoredStuckPod
	// IgnoredByCaller: Policy.IgnoreNodes ignores the node. To find out which of several
	// predicates chose it, call each with Snapshot.Node.
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
	// Reason says why it is ignored. If several fields of the policy ignore it, it is the first
	// of their constants.
	Reason IgnoredReason
	// Since is when the problem of Reason began. It is zero if that is not known.
	Since time.Time
	// From is when the policy began to ignore the node: when the first of its problems had lasted
	// for IgnoreAfter.After. It is zero if that is not known. IgnoreNodes has no time.
	From time.Time
}

// String returns a phrase such as "worker-2 (node is not ready)".
func (n IgnoredNode) String() string { return fmt.Sprintf("%s (%v)", n.Node, n.Reason) }

// Ignores reports whether Ignored has a node of the given name.
func (p PolicyStatus) Ignores(node string) bool {
	_, found := slices.BinarySearchFunc(p.Ignored, node, func(n IgnoredNode, name string) int { return strings.Compare(n.Node, name) })
	return found
}
