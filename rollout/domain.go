package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/percent"
)

// OneDomain updates one topology domain after the other. A domain is finished when each
// of its eligible nodes has an available pod of the current template and no outdated one.
// Nodes that another field of the policy holds back do not count. An outdated pod on an
// ineligible node is deleted during the turn of its domain, but a domain can finish without
// that.
//
// Policy.Order has no effect on the order of the domains, and OneDomain none on which nodes a
// canary tries.
type OneDomain struct {
	// Label is the node label whose values are the domains, such as
	// topology.kubernetes.io/zone. The nodes without it, or with an empty value, form one
	// domain as well.
	Label string `json:"label"`
	// First are the values to begin with, in this order, each of them once. An empty value stands
	// for the nodes without a value. The other domains follow in the order of their values.
	First []string `json:"first,omitempty"`
}

// String returns a phrase such as "one topology.kubernetes.io/zone at a time, first b, c". It names
// the first five of First.
func (o *OneDomain) String() string {
	if o == nil {
		return "all domains at once"
	}
	text := fmt.Sprintf("one %s at a time", cmp.Or(o.Label, "domain"))
	if len(o.First) > 0 {
		text += ", first " + shown(o.First, func(value string) string { return cmp.Or(value, noDomain) })
	}
	return text
}

// noDomain stands for the nodes without a value in texts. It is no label value.
const noDomain = "(none)"

func (o *OneDomain) validate(path *field.Path) field.ErrorList {
	if o == nil {
		return nil
	}
	errs := validateLabel(o.Label, path.Child("label"))
	seen := make(map[string]bool, len(o.First))
	for i, value := range o.First {
		at := path.Child("first").Index(i)
		switch {
		case seen[value]:
			errs = append(errs, field.Duplicate(at, value))
		case value == noDomain:
			errs = append(errs, field.Invalid(at, value, `write "" for the nodes without a value`))
		default:
			for _, msg := range validation.IsValidLabelValue(value) {
				errs = append(errs, field.Invalid(at, value, msg))
			}
		}
		seen[value] = true
	}
	return errs
}

// oneDomain applies Policy.OneDomain.
func (c *choice) oneDomain(o *OneDomain) {
	f := c.facts
	names, slot := f.columns[c.policy.domainColumn].names, f.classes.slot(c.policy.domainColumn)
	unfinished, pending := make([]int, len(names)), 0
	for k := range f.classes.counts {
		counts := &f.classes.counts[k]
		if f.shut[k] != 0 {
			continue
		}
		unfinished[counts.values[slot]] += counts.underwayDesired
		if f.closed[k] == 0 {
			unfinished[counts.values[slot]] += counts.pendingDesired
			pending += counts.pendingDesired
		}
	}
	ranks := make(map[string]int, len(o.First))
	for i, value := range slices.Backward(o.First) {
		ranks[value] = i - len(o.First)
	}
	// before puts the values of First first, then all others by value.
	before := func(a, b string) bool { return cmp.Or(cmp.Compare(ranks[a], ranks[b]), strings.Compare(a, b)) < 0 }
	turn := -1
	for domain, nodes := range unfinished {
		if nodes > 0 && (turn < 0 || before(names[domain], names[turn])) {
			turn = domain
		}
	}
	if turn >= 0 {
		c.closeClasses(RestrictionDomain, func(k int) bool { return int(f.classes.counts[k].values[slot]) != turn })
	}
	if pending > 0 {
		c.step.Policy.Domain, c.step.Policy.DomainLabel = cmp.Or(names[turn], noDomain), o.Label
	}
	c.unknownDomains(o, names, slot)
}

// unknownDomains notes the label of OneDomain if no eligible node has a value for it, and otherwise
// the values that none has.
func (c *choice) unknownDomains(o *OneDomain, names []string, slot int) {
	known := make([]bool, len(names))
	for k := range c.facts.classes.counts {
		if counts := &c.facts.classes.counts[k]; counts.desired > 0 {
			known[counts.values[slot]] = true
		}
	}
	first := slices.Index(known, true)
	if first < 0 {
		return
	}
	if names[first] == "" && !slices.Contains(known[first+1:], true) {
		noValue(&c.step.Policy.NoDomains, o.Label)
		return
	}
	for _, value := range o.First {
		if i := slices.Index(names, value); i < 0 || !known[i] {
			c.step.Policy.UnknownFirst = append(c.step.Policy.UnknownFirst, value)
		}
	}
}

// noValue notes a label for which no eligible node has a value.
func noValue(list *[]string, label string) {
	if !slices.Contains(*list, label) {
		*list = append(*list, label)
	}
}

// unknownSpread notes the labels of Canary.Spread for which no eligible node has a value.
func (c *choice) unknownSpread(spread []string) {
	names, slot := c.facts.columns[c.policy.spreadHasColumn].names, c.facts.classes.slot(c.policy.spreadHasColumn)
	eligible, known := false, make([]bool, len(spread))
	for k := range c.facts.classes.counts {
		if counts := &c.facts.classes.counts[k]; counts.desired > 0 {
			eligible = true
			for i := range known {
				known[i] = known[i] || names[counts.values[slot]][i] == hasLabel
			}
		}
	}
	for i, label := range spread {
		if eligible && !known[i] {
			noValue(&c.step.Policy.NoSpread, label)
		}
	}
}

// DomainBudget limits how many nodes of each topology domain are unavailable, or with
// maxSurge surging, in addition to the budget of the whole update. Nodes that are
// unavailable for other reasons count, except ignored ones. Outdated pods that are not
// available are replaced regardless of the budget, unless Policy.StrictBudget is set.
type DomainBudget struct {
	// Label is the node label whose values are the domains, such as
	// topology.kubernetes.io/zone. The nodes without it, or with an empty value, form one
	// domain as well.
	Label string `json:"label"`
	// MaxUnavailable is the budget: a number, or a percentage of the eligible nodes
	// of the domain, rounded up. It must not be zero. A percentage in a domain without
	// eligible nodes counts as one.
	MaxUnavailable intstr.IntOrString `json:"maxUnavailable"`
}

// String returns "at most 1 per topology.kubernetes.io/zone".
func (d DomainBudget) String() string {
	return fmt.Sprintf("at most %s per %s", d.MaxUnavailable.String(), cmp.Or(d.Label, "domain"))
}

func (d DomainBudget) validate(path *field.Path) field.ErrorList {
	return append(validateLabel(d.Label, path.Child("label")), validateAmount(d.MaxUnavailable, 1, path.Child("maxUnavailable"))...)
}

// domainLimit is a budget for each value of a label.
type domainLimit struct {
	// slot is where the values of a class have the domain.
	slot int
	// left is how many more nodes of a domain may become unavailable, or surge, and
	// strict how many more may be touched, replacements of unavailable pods included.
	left, strict []int
}

// limitDomains applies one of Policy.DomainBudgets.
func (c *choice) limitDomains(column int, label string, amount intstr.IntOrString) {
	f := c.facts
	names, slot := f.columns[column].names, f.classes.slot(column)
	desired, left := make([]int, len(names)), make([]int, len(names))
	for k := range f.classes.counts {
		counts := &f.classes.counts[k]
		desired[counts.values[slot]] += counts.desired
		if f.shut[k] != RestrictionIgnored {
			left[counts.values[slot]] -= counts.users
		}
	}
	if i := slices.Index(names, ""); i >= 0 && desired[i] > 0 && desired[i] == c.step.Desired {
		noValue(&c.step.Policy.NoDomains, label)
	}
	for domain := range left {
		// A percentage of no eligible node still lets outdated pods go.
		budget, _ := percent.RoundUp(amount, desired[domain]) // a valid policy
		left[domain] += max(1, budget)
	}
	strict := slices.Clone(left)
	for k, n := range c.replaceable() {
		strict[f.classes.counts[k].values[slot]] += n
	}
	c.limits = append(c.limits, domainLimit{slot: slot, left: left, strict: strict})
}

// roomInDomains reports whether the budgets of a node's domains have room for it.
func (c *choice) roomInDomains(i int, budgeted, strict bool) bool {
	return len(c.limits) == 0 || c.roomInClass(c.facts.classes.class(i), budgeted, strict)
}

func (c *choice) roomInClass(class int, budgeted, strict bool) bool {
	for _, limit := range c.limits {
		domain := c.facts.classes.counts[class].values[limit.slot]
		if budgeted && limit.left[domain] <= 0 || strict && limit.strict[domain] <= 0 {
			return false
		}
	}
	return true
}

// useDomains spends the budgets of a node's domains. more says that the node was
// available, or surges now.
func (c *choice) useDomains(i int, more bool) {
	for _, limit := range c.limits {
		domain := c.facts.classes.counts[c.facts.classes.class(i)].values[limit.slot]
		limit.strict[domain]--
		if more {
			limit.left[domain]--
		}
	}
}
