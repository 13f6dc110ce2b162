package rollout

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pernode/daemonset/daemon"
)

// Restriction names the field of a Policy that holds a node back.
type Restriction int

// The restrictions, in the order in which they apply.
const (
	// RestrictionFrozen: Policy.Frozen.
	RestrictionFrozen Restriction = iota + 1
	// RestrictionPaused: Policy.Paused.
	RestrictionPaused
	// RestrictionIgnored: the policy ignores the node; PolicyStatus.Ignored lists it.
	RestrictionIgnored
	// RestrictionNodeSelector: the node does not match Policy.NodeSelector.
	RestrictionNodeSelector
	// RestrictionCanary: the canary of Policy.Canary has not passed and the node is not one
	// of its nodes, or the canary is paused or has failed.
	RestrictionCanary
	// RestrictionPartition: Policy.Partition keeps the node's outdated pod, or
	// delays its first pod.
	RestrictionPartition
	// RestrictionDomain: Policy.OneDomain updates another domain first.
	RestrictionDomain
	// RestrictionDomainBudget: upstream would also update the node in this step, but one of
	// Policy.DomainBudgets has no room for it.
	RestrictionDomainBudget
	// RestrictionStrictBudget: upstream would also update the node in this step, but
	// Policy.StrictBudget has no room for it.
	RestrictionStrictBudget
	// RestrictionSlowStart: Policy.SlowStart delays the node's first pod.
	RestrictionSlowStart

	restrictions = RestrictionSlowStart + 1
)

// String returns the restriction as a short phrase.
func (r Restriction) String() string {
	switch r {
	case RestrictionFrozen:
		return "freeze"
	case RestrictionPaused:
		return "pause"
	case RestrictionIgnored:
		return "ignored node"
	case RestrictionNodeSelector:
		return "node selector"
	case RestrictionCanary:
		return "canary"
	case RestrictionPartition:
		return "partition"
	case RestrictionDomain:
		return "another domain's turn"
	case RestrictionDomainBudget:
		return "domain budget"
	case RestrictionStrictBudget:
		return "strict budget"
	case RestrictionSlowStart:
		return "slow start"
	}
	return fmt.Sprintf("Restriction(%d)", int(r))
}

// Restricted counts the nodes that one restriction holds back. A node that several
// restrictions hold back is counted once, for the first of them.
type Restricted struct {
	// By names the restriction.
	By Restriction
	// Nodes is the number of nodes.
	Nodes int
}

// String returns a phrase such as "12 by partition".
func (r Restricted) String() string { return fmt.Sprintf("%d by %v", r.Nodes, r.By) }

func restrictedSentence(list []Restricted) string {
	parts := make([]string, len(list))
	for i, r := range list {
		parts[i] = r.String()
	}
	return "held back: " + strings.Join(parts, "; ")
}

// PolicyStatus says how a policy restricts one step of an update. It is zero without a
// policy. Without a step, only Ignored and NextIgnored are set.
type PolicyStatus struct {
	// Restricted counts the nodes with outdated pods that the policy holds back, in the
	// order of Restriction. Nodes that do not exist are left out: the rollout is complete
	// without them.
	Restricted []Restricted
	// Ignored are the nodes that the policy ignores, ordered by name. The passes of a State share
	// the list while it stays the same; it is read-only.
	Ignored []IgnoredNode
	// NextIgnored is when the policy is going to ignore another node because a problem has lasted
	// for IgnoreAfter.After, unless the problem is over by then. It is zero if the policy waits for
	// no node. Plan.RequeueAfter covers it if there is nothing to write.
	NextIgnored time.Time
	// Domain is the value of DomainLabel that is updated now, or "(none)" for the nodes without
	// the label or with an empty value. DomainLabel is OneDomain.Label. Both are empty if no node is
	// left to update.
	Domain, DomainLabel string
	// NoSpread are the labels in Canary.Spread, in their order, for which no eligible node has a
	// value that is not empty. They have no effect.
	NoSpread []string
	// NoDomains are the labels of OneDomain and DomainBudgets, in this order, for which no eligible
	// node has a value that is not empty: all of them are one domain. So OneDomain restricts nothing,
	// or the budget is one of all nodes.
	NoDomains []string
	// UnknownFirst are the values of OneDomain.First that no eligible node has, unless OneDomain.Label
	// is in NoDomains.
	UnknownFirst []string
	// Canary describes the canary's trial. It is nil if the policy has no canary, if no
	// trial has begun because no outdated pod waits for it, and if the trial passed or was
	// promoted before this step.
	Canary *CanaryStatus
}

// none reports whether the policy has no effect on the step. What it says of labels and values that
// no node has is no effect.
func (p PolicyStatus) none() bool {
	return p.Restricted == nil && p.Ignored == nil && p.Canary == nil && p.Domain == ""
}

// needsDecision reports whether the update needs a decision; see Result.NeedsDecision.
func (p PolicyStatus) needsDecision(available bool) bool {
	if p.Canary != nil {
		state := p.Canary.Trial.State
		if state == CanaryFailed || state.needsDecision() && len(p.Restricted) > 0 {
			return true
		}
	}
	for _, r := range p.Restricted {
		switch r.By {
		case RestrictionFrozen:
			return true
		case RestrictionPaused, RestrictionNodeSelector, RestrictionPartition:
			if available {
				return true
			}
		}
	}
	return false
}

// shownNames is how many names a text lists.
const shownNames = 5

// shown lists the names of the first elements, and says how many more there are.
func shown[T any](list []T, name func(T) string) string {
	var names []string
	for _, element := range list[:min(len(list), shownNames)] {
		names = append(names, name(element))
	}
	if more := len(list) - shownNames; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// String returns a line for each field that is set. It is empty if none is.
func (p PolicyStatus) String() string { return strings.Join(p.clauses(), "\n") }

// clauses returns the lines of String.
func (p PolicyStatus) clauses() []string {
	var out []string
	if p.Domain != "" {
		out = append(out, p.domainClause())
	}
	if len(p.NoSpread) > 0 {
		them := "it"
		if len(p.NoSpread) > 1 {
			them = "them"
		}
		out = append(out, noValueClause(p.NoSpread)+": the canary is not spread over "+them)
	}
	if len(p.NoDomains) > 0 {
		out = append(out, noValueClause(p.NoDomains)+": all nodes are one domain")
	}
	if len(p.UnknownFirst) > 0 {
		out = append(out, fmt.Sprintf("OneDomain.First names %s, which no eligible node has", shown(p.UnknownFirst, strconv.Quote)))
	}
	if p.Canary != nil {
		out = append(out, p.Canary.String())
	}
	if len(p.Restricted) > 0 {
		out = append(out, restrictedSentence(p.Restricted))
	}
	if len(p.Ignored) > 0 {
		out = append(out, "ignored: "+shown(p.Ignored, IgnoredNode.String))
	}
	if !p.NextIgnored.IsZero() {
		out = append(out, "the policy ignores another node at "+p.NextIgnored.UTC().Format(time.RFC3339))
	}
	return out
}

// domainClause says which nodes are updated now.
func (p PolicyStatus) domainClause() string {
	if p.Domain == noDomain {
		return fmt.Sprintf("one domain at a time: now the nodes without a value for %s", p.DomainLabel)
	}
	return fmt.Sprintf("one domain at a time: now %s=%s", p.DomainLabel, p.Domain)
}

// noValueClause names labels for which no eligible node has a value.
func noValueClause(labels []string) string {
	text := "no eligible node has a value for the label"
	if len(labels) > 1 {
		text += "s"
	}
	return text + " " + strings.Join(labels, ", ")
}

// NeedsDecision reports whether the rollout stops until a person, or another controller,
// decides: to end a pause or a freeze, to change a partition or a node selector, or what to
// do about a canary. It is false if the pass itself writes pods or a rollback. A pause, a
// partition or a node selector needs a decision only if every eligible node is available,
// is ignored by the policy, or has no pod because of the partition; otherwise the rollout
// waits for those nodes first.
func (r *Result) NeedsDecision() bool {
	if r == nil || r.Snapshot == nil || !r.Plan.Empty() || !r.Rollback.Skipped() {
		return false
	}
	available := r.restAvailable()
	return PolicyStatus{Restricted: r.Restricted}.needsDecision(available) || r.Policy.needsDecision(available)
}

// restAvailable reports whether every eligible node is available, except those that the
// policy ignores and those whose first pod waits for a partition.
func (r *Result) restAvailable() bool {
	kept := false
	for _, restricted := range r.Restricted {
		switch restricted.By {
		case RestrictionPartition:
			kept = true
		case RestrictionSlowStart:
			// It creates the next pods without a decision.
			return false
		}
	}
	ignored := r.Policy.Ignored
	nodes := r.Snapshot.Nodes()
	for i := range nodes {
		n := &nodes[i]
		for len(ignored) > 0 && ignored[0].Node < n.Name {
			ignored = ignored[1:]
		}
		leftOut := len(ignored) > 0 && ignored[0].Node == n.Name || kept && len(n.Pods) == 0
		if n.Decision.Run && !leftOut && !anyAvailable(n) {
			return false
		}
	}
	return true
}

func anyAvailable(n *daemon.NodeState) bool {
	for i := range n.Pods {
		if p := &n.Pods[i]; p.Live() && p.Available {
			return true
		}
	}
	return false
}
