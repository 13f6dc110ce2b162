package placement

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// Reason is what decided about a node.
type Reason int

// The reasons in the order in which they are looked for: the first that applies
// decides.
const (
	// ReasonUnknown is the reason of the zero Decision, which nobody made.
	ReasonUnknown Reason = iota
	// ReasonEligible: nothing stands against a daemon pod on the node.
	ReasonEligible
	// ReasonNodeName: the template names another node; see Decision.NodeName.
	ReasonNodeName
	// ReasonNodeSelector: the node lacks a label of the nodeSelector; see
	// Decision.NodeSelector.
	ReasonNodeSelector
	// ReasonNodeAffinity: no term of the required node affinity matches; see
	// Decision.AffinityFailures.
	ReasonNodeAffinity
	// ReasonTaint: a taint is not tolerated; see Decision.Taint and
	// Decision.NoExecuteTaint. The only reason that can go with Keep.
	ReasonTaint
	// ReasonNoNode: there was no node to decide about.
	ReasonNoNode
)

// String returns the reason in a few words.
func (r Reason) String() string {
	switch r {
	case ReasonUnknown:
		return "unknown"
	case ReasonEligible:
		return "eligible"
	case ReasonNodeName:
		return "node name"
	case ReasonNodeSelector:
		return "node selector"
	case ReasonNodeAffinity:
		return "node affinity"
	case ReasonTaint:
		return "untolerated taint"
	case ReasonNoNode:
		return "no node"
	default:
		return "Reason(" + strconv.Itoa(int(r)) + ")"
	}
}

// Decision is the verdict on one node. It is small, so that one can be kept for
// every node, and its details are worked out when they are asked for; it is valid
// as long as the node it was made for is not changed. Decisions can be compared
// with ==.
type Decision struct {
	// Run: a new daemon pod belongs on the node.
	Run bool
	// Keep: a daemon pod that is already on the node stays. Run implies Keep.
	Keep bool
	// Reason is what decided.
	Reason Reason

	matcher *Matcher
	node    *corev1.Node
}

// Node returns the node that the decision is about, the caller's own and
// therefore to be read only. It is nil where there was none.
func (d Decision) Node() *corev1.Node {
	return d.node
}

// NodeName returns the spec.nodeName of the template where that decided
// (ReasonNodeName), and otherwise the empty string.
func (d Decision) NodeName() string {
	if d.Reason != ReasonNodeName || d.node == nil {
		return ""
	}
	return d.matcher.orEmpty().nodeName
}

// NodeSelector returns the entry of the template's nodeSelector that decided
// (ReasonNodeSelector): by the order of keys the first that the node's labels do
// not have. Otherwise it returns empty strings.
func (d Decision) NodeSelector() (key, value string) {
	if d.Reason != ReasonNodeSelector || d.node == nil {
		return "", ""
	}
	m := d.matcher.orEmpty()
	i := m.failedEntry(d.node)
	if i < 0 {
		return "", ""
	}
	return m.selector[i].key, m.selector[i].value
}

// Taint returns the taint that keeps a new pod away (Run is false and the reason
// is ReasonTaint): in the node's order the first untolerated one of the effects
// NoSchedule and NoExecute. It points into the node and is to be read only; nil
// for every other reason.
func (d Decision) Taint() *corev1.Taint {
	if d.Reason != ReasonTaint || d.node == nil {
		return nil
	}
	i, _ := d.matcher.orEmpty().untolerated(d.node.Spec.Taints)
	return d.taintAt(i)
}

// NoExecuteTaint returns the taint that drives a present pod out (Keep is false
// and the reason is ReasonTaint): in the node's order the first untolerated one of
// the effect NoExecute. It may be the one that Taint returns, points into the node
// and is to be read only; nil where Keep is true and for every other reason.
func (d Decision) NoExecuteTaint() *corev1.Taint {
	if d.Reason != ReasonTaint || d.node == nil {
		return nil
	}
	_, i := d.matcher.orEmpty().untolerated(d.node.Spec.Taints)
	return d.taintAt(i)
}

func (d Decision) taintAt(i int) *corev1.Taint {
	if i < 0 {
		return nil
	}
	return &d.node.Spec.Taints[i]
}

// AffinityFailures tells for each term of the required node affinity why it does
// not match, in the template's order, where that decided (ReasonNodeAffinity). A
// required affinity without terms matches nothing and has no failures: the slice
// is empty then. It is nil for every other reason. The slice is new.
func (d Decision) AffinityFailures() []TermFailure {
	if d.Reason != ReasonNodeAffinity || d.node == nil {
		return nil
	}
	a := d.matcher.orEmpty().affinity
	if a == nil {
		return nil
	}
	failures := make([]TermFailure, 0, len(a.terms))
	for i := range a.terms {
		if failure, failed := a.terms[i].explain(i, d.node); failed {
			failures = append(failures, failure)
		}
	}
	return failures
}
