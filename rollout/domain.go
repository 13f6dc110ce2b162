package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/percent"
)

// OneDomain updates one topology domain after the other. A domain is finished when each
// of its eligible nodes has an available pod of the current template and no outdated one.
// Nodes that another field of the policy holds back do not count. An outdated pod on an
// ineligible node is deleted during the turn of its domain, but a domain can finish without
// that.
type OneDomain struct {
	// Label is the node label whose values are the domains, such as
	// topology.kubernetes.io/zone. Nodes without it form a domain as well.
	Label string `json:"label"`
	// First are the values to begin with, in this order. The other domains follow in
	// the order of their values.
	First []string `json:"first,omitempty"`
}

// String returns "one topology.kubernetes.io/zone at a time".
func (o *OneDomain) String() string {
	if o == nil {
		return "all domains at once"
	}
	return fmt.Sprintf("one %s at a time", o.Label)
}

func (o *OneDomain) validate(path *field.Path) field.ErrorList {
	if o == nil {
		return nil
	}
	return validateLabel(o.Label, path.Child("label"))
}

// oneDomain applies Policy.OneDomain.
func (c *choice) oneDomain(o *OneDomain) {
	column := &c.facts.columns[c.policy.domainColumn]
	unfinished := make([]bool, len(column.names))
	for i, domain := range column.of {
		if c.held[i] == 0 && c.desired(i) && (c.pending(i) || c.underway(i)) {
			unfinished[domain] = true
		}
	}
	ranks := make(map[string]int, len(o.First))
	for i, value := range slices.Backward(o.First) {
		ranks[value] = i - len(o.First)
	}
	// before puts the values of First first, then all others by value.
	before := func(a, b string) bool { return cmp.Or(cmp.Compare(ranks[a], ranks[b]), strings.Compare(a, b)) < 0 }
	turn, pending := -1, false
	for domain, is := range unfinished {
		if is && (turn < 0 || before(column.names[domain], column.names[turn])) {
			turn = domain
		}
	}
	for i, domain := range column.of {
		if c.held[i] != 0 || !c.pending(i) {
			continue
		}
		pending = pending || c.desired(i)
		if turn >= 0 && int(domain) != turn {
			c.hold(i, RestrictionDomain)
		}
	}
	if pending {
		c.step.Policy.Domain = cmp.Or(column.names[turn], "(none)")
	}
}

// DomainBudget limits how many nodes of each topology domain are unavailable, or with
// maxSurge surging, in addition to the budget of the whole update. Nodes that are
// unavailable for other reasons count, except ignored ones. Outdated pods that are not
// available are replaced regardless of the budget, unless Policy.StrictBudget is set.
type DomainBudget struct {
	// Label is the node label whose values are the domains, such as
	// topology.kubernetes.io/zone. Nodes without it form a domain as well.
	Label string `json:"label"`
	// MaxUnavailable is the budget: a number, or a percentage of the eligible nodes
	// of the domain, rounded up. It must not be zero. A percentage in a domain without
	// eligible nodes counts as one.
	MaxUnavailable intstr.IntOrString `json:"maxUnavailable"`
}

// String returns "at most 1 per topology.kubernetes.io/zone".
func (d DomainBudget) String() string {
	return fmt.Sprintf("at most %s per %s", d.MaxUnavailable.String(), d.Label)
}

func (d DomainBudget) validate(path *field.Path) field.ErrorList {
	return append(validateLabel(d.Label, path.Child("label")), validateAmount(d.MaxUnavailable, 1, path.Child("maxUnavailable"))...)
}

// domainLimit is a budget for each value of a label.
type domainLimit struct {
	domains []int32
	// left is how many more nodes of a domain may become unavailable, or surge, and
	// strict how many more may be touched, replacements of unavailable pods included.
	left, strict []int
}

// limitDomains applies one of Policy.DomainBudgets.
func (c *choice) limitDomains(slot int, amount intstr.IntOrString) {
	column := &c.facts.columns[slot]
	desired, left := make([]int, len(column.names)), make([]int, len(column.names))
	for i, domain := range column.of {
		if c.desired(i) {
			desired[domain]++
		}
		if c.held[i] != RestrictionIgnored && c.facts.roles[i]&(roleUnavailable|roleSurging) != 0 {
			left[domain]--
		}
	}
	for domain := range left {
		// A percentage of no eligible node still lets outdated pods go.
		budget, _ := percent.RoundUp(amount, desired[domain]) // a valid policy
		left[domain] += max(1, budget)
	}
	strict := slices.Clone(left)
	c.replaceable(func(i int) { strict[column.of[i]]++ })
	c.limits = append(c.limits, domainLimit{domains: column.of, left: left, strict: strict})
}

// roomInDomains reports whether the budgets of a node's domains have room for it.
func (c *choice) roomInDomains(i int, budgeted, strict bool) bool {
	return !slices.ContainsFunc(c.limits, func(limit domainLimit) bool {
		domain := limit.domains[i]
		return budgeted && limit.left[domain] <= 0 || strict && limit.strict[domain] <= 0
	})
}

// useDomains spends the budgets of a node's domains. more says that the node was
// available, or surges now.
func (c *choice) useDomains(i int, more bool) {
	for _, limit := range c.limits {
		domain := limit.domains[i]
		limit.strict[domain]--
		if more {
			limit.left[domain]--
		}
	}
}
