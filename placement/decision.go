package placement

import "strconv"

// Decision is the decision about one node. Equal decisions of different Matchers are equal
// under == and cmp.Diff. [Matcher.Explain] gives the details.
type Decision struct {
	// Run: the node should run a daemon pod.
	Run bool
	// Keep: a daemon pod that is already on the node stays. Run implies Keep.
	Keep bool
	// Reason is the first rule that decided.
	Reason Reason
}

// String returns the decision without its details: "runs here",
// "does not run: node selector" or
// "does not run: untolerated taint; an existing pod stays".
func (d Decision) String() string { return d.sentence(d.Reason.String()) }

// sentence puts the cause, a text for the reason, into the decision.
func (d Decision) sentence(cause string) string {
	switch {
	case d.Run:
		return "runs here"
	case d.Reason == ReasonUnknown:
		return "undecided"
	case d.Keep:
		return "does not run: " + cause + "; an existing pod stays"
	default:
		return "does not run: " + cause
	}
}

// Reason is the rule that decided about a node. It has one byte because
// programs keep a Decision for every node.
type Reason uint8

// The reasons. ReasonNodeName to ReasonTaint are in the order in which [Matcher.Decide]
// tries them.
const (
	// ReasonUnknown is the reason of the zero Decision.
	ReasonUnknown Reason = iota
	// ReasonEligible: no rule keeps a daemon pod off the node.
	ReasonEligible
	// ReasonNodeName: the template's spec.nodeName is another node.
	ReasonNodeName
	// ReasonNodeSelector: the node lacks a label of the nodeSelector.
	ReasonNodeSelector
	// ReasonNodeAffinity: no term of the required node affinity matches.
	ReasonNodeAffinity
	// ReasonTaint: the template does not tolerate a taint of the node. It is the only
	// reason not to run that can leave Keep true.
	ReasonTaint
	// ReasonNoNode: the node is nil.
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
