package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PolicyStatus is what a policy does at one moment. It is zero without a policy.
type PolicyStatus struct {
	// Held counts the nodes with outdated pods that the policy holds back, by the
	// piece that does, in the order of HeldBy.
	Held []Held
	// Ignored are the nodes that the policy leaves out, ordered by name.
	Ignored []IgnoredNode
	// Domain is the domain whose turn it is under OneDomain, once outdated pods
	// are left; else empty.
	Domain string
	// Canary is how the canaries are doing; nil where the policy has none or no
	// outdated pod waits for them.
	Canary *CanaryStatus
}

// none reports whether there is nothing to say.
func (p *PolicyStatus) none() bool {
	return p.Held == nil && p.Ignored == nil && p.Canary == nil && p.Domain == ""
}

// needsSomebody reports whether the policy lets nothing more happen until somebody
// decides. Where something else is in the way too, that comes before what holds nodes
// back for good.
func (p *PolicyStatus) needsSomebody(nothingElse bool) bool {
	if p.Canary != nil {
		switch p.Canary.State {
		case CanaryUnpromoted, CanaryPaused, CanaryFailed, CanaryImpossible:
			return true
		}
	}
	return slices.ContainsFunc(p.Held, func(h Held) bool {
		switch h.By {
		case HeldByFreeze:
			return true
		case HeldByPause, HeldByNodeSelector, HeldByPartition:
			return nothingElse
		}
		return false
	})
}

// String says it in a few lines; empty where there is nothing to say.
func (p *PolicyStatus) String() string { return strings.Join(p.clauses(), "\n") }

func (p *PolicyStatus) clauses() []string {
	var out []string
	if p.Domain != "" {
		out = append(out, "domain "+p.Domain)
	}
	if p.Canary != nil {
		out = append(out, p.Canary.String())
	}
	if p.Held != nil {
		out = append(out, heldSentence(p.Held))
	}
	if p.Ignored != nil {
		names := make([]string, 0, len(p.Ignored))
		for _, n := range p.Ignored[:min(len(p.Ignored), shownPods)] {
			names = append(names, n.String())
		}
		if more := len(p.Ignored) - shownPods; more > 0 {
			names = append(names, fmt.Sprintf("and %d more", more))
		}
		out = append(out, "ignored: "+strings.Join(names, ", "))
	}
	return out
}

// HeldBy says which piece of a policy holds a node back.
type HeldBy int

const (
	// HeldByFreeze: nothing moves.
	HeldByFreeze HeldBy = iota + 1
	// HeldByPause: updates are paused.
	HeldByPause
	// HeldByIgnored: the node is left alone because it is not ready or its pod
	// does not end; Step.Ignored names it.
	HeldByIgnored
	// HeldByNodeSelector: the node does not match the selector.
	HeldByNodeSelector
	// HeldByCanary: the canaries have not passed, and the node is none of them.
	HeldByCanary
	// HeldByPartition: the partition keeps the node's outdated pod, or, where it
	// is progressive, has the node wait for its first pod.
	HeldByPartition
	// HeldByDomain: it is another domain's turn.
	HeldByDomain
	// HeldByDomainBudget: the budget of the update has room for the node, but not
	// that of its domain.
	HeldByDomainBudget
	// HeldByStrictBudget: as many nodes are being updated as the strict budget
	// allows, though upstream would replace this one's pod.
	HeldByStrictBudget
	// HeldBySlowStart: the node waits for its first pod until the next interval.
	HeldBySlowStart

	heldKinds = HeldBySlowStart + 1
)

// String names the piece.
func (h HeldBy) String() string {
	switch h {
	case HeldByFreeze:
		return "freeze"
	case HeldByPause:
		return "pause"
	case HeldByIgnored:
		return "ignored node"
	case HeldByNodeSelector:
		return "node selector"
	case HeldByCanary:
		return "canary"
	case HeldByPartition:
		return "partition"
	case HeldByDomain:
		return "one domain at a time"
	case HeldByDomainBudget:
		return "domain budget"
	case HeldByStrictBudget:
		return "strict budget"
	case HeldBySlowStart:
		return "slow start"
	}
	return fmt.Sprintf("HeldBy(%d)", int(h))
}

// Held counts the nodes that one piece of a policy holds back. A node that several
// hold back is counted once, for the first of them in the order of HeldBy.
type Held struct {
	// By is which piece it is.
	By HeldBy
	// Nodes is how many nodes it holds back.
	Nodes int
}

// String returns a phrase such as "12 by partition".
func (h Held) String() string { return fmt.Sprintf("%d by %v", h.Nodes, h.By) }

func heldSentence(held []Held) string {
	parts := make([]string, len(held))
	for i, h := range held {
		parts[i] = h.String()
	}
	return "held back: " + strings.Join(parts, "; ")
}

// IgnoreReason says why a policy leaves a node out.
type IgnoreReason int

const (
	// IgnoredNotReady: the node is not ready.
	IgnoredNotReady IgnoreReason = iota + 1
	// IgnoredStuckPod: the node's pod is being deleted and does not end.
	IgnoredStuckPod
)

// String returns the reason as half a sentence.
func (r IgnoreReason) String() string {
	switch r {
	case IgnoredNotReady:
		return "node is not ready"
	case IgnoredStuckPod:
		return "pod is terminating past its grace period"
	}
	return fmt.Sprintf("IgnoreReason(%d)", int(r))
}

// IgnoredNode is a node that a policy leaves alone and out of the budget.
type IgnoredNode struct {
	// Node is the node's name.
	Node string
	// Reason is why it is left out.
	Reason IgnoreReason
	// Since is since when the reason has been there; zero where that is not known.
	Since time.Time
}

// String returns a phrase such as "worker-2 (node is not ready)".
func (n IgnoredNode) String() string { return fmt.Sprintf("%s (%v)", n.Node, n.Reason) }
