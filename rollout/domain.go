package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// OneDomain updates one topology domain after the other: the next one is begun when
// every node of those before it that should run a pod has an available one of the
// current template, but for nodes that another piece holds back.
type OneDomain struct {
	// Label is the node label whose values are the domains, such as
	// topology.kubernetes.io/zone. Nodes without it are a domain, too.
	Label string
	// First are the values to begin with, in this order. The others follow in the
	// order of their values.
	First []string
}

// String returns "one domain at a time" with the label.
func (o OneDomain) String() string { return fmt.Sprintf("one %s at a time", o.Label) }

func (OneDomain) kind() pieceKind { return kindOneDomain }

func (o OneDomain) rule(p *Policy, path *field.Path) (rule, field.ErrorList) {
	slot := p.slot(labelMarker{o.Label})
	return oneDomainRule{slot: slot, first: slices.Clone(o.First)}, checkLabel(o.Label, path)
}

type oneDomainRule struct {
	slot  int
	first []string
}

func (o oneDomainRule) apply(r *round) {
	marks := &r.l.marks[o.slot]
	unfinished := make([]bool, len(marks.names))
	for i, domain := range marks.of {
		if r.held[i] == 0 && r.desired(i) && (r.pending(i) || r.underway(i)) {
			unfinished[domain] = true
		}
	}
	turn, pending := -1, false
	for domain, is := range unfinished {
		if is && (turn < 0 || o.compare(marks.names[domain], marks.names[turn]) < 0) {
			turn = domain
		}
	}
	for i, domain := range marks.of {
		if r.held[i] == 0 && r.desired(i) && r.pending(i) {
			pending = true
			if int(domain) != turn {
				r.hold(i, HeldByDomain)
			}
		}
	}
	if pending {
		r.step.Domain = cmp.Or(marks.names[turn], "(none)")
	}
}

// compare puts the domains in the order of their turns.
func (o oneDomainRule) compare(a, b string) int {
	rank := func(domain string) int {
		if i := slices.Index(o.first, domain); i >= 0 {
			return i
		}
		return len(o.first)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
}

// DomainBudget narrows the budget of the update: in each topology domain only so
// many nodes may be unavailable at once, or, with maxSurge, have a new pod beside the
// outdated one that is not available yet. Nodes that are unavailable for other
// reasons count, but for ignored ones; outdated pods that are not available are
// replaced all the same, unless there is a StrictBudget.
type DomainBudget struct {
	// Label is the node label whose values are the domains, such as
	// topology.kubernetes.io/zone. Nodes without it are a domain, too.
	Label string
	// MaxUnavailable is the budget: a number, or a percentage of the nodes of the
	// domain that should run a pod, rounded up. It must be one at least.
	MaxUnavailable intstr.IntOrString
}

// String returns "at most 1 per topology.kubernetes.io/zone".
func (d DomainBudget) String() string {
	return fmt.Sprintf("at most %s per %s", d.MaxUnavailable.String(), d.Label)
}

func (DomainBudget) kind() pieceKind { return kindDomainBudget }

func (d DomainBudget) rule(p *Policy, path *field.Path) (rule, field.ErrorList) {
	slot := p.slot(labelMarker{d.Label})
	errs := append(checkLabel(d.Label, path), checkAmount(path.Child("maxUnavailable"), d.MaxUnavailable, 1)...)
	return domainBudgetRule{slot: slot, amount: d.MaxUnavailable}, errs
}

type domainBudgetRule struct {
	slot   int
	amount intstr.IntOrString
}

func (d domainBudgetRule) apply(r *round) { r.limitDomains(d.slot, d.amount) }

// StrictBudget has the replacement of outdated pods that are not available use the
// budget: no more than maxUnavailable nodes, or maxSurge ones, are being updated at
// once, whereas upstream replaces all of them together.
type StrictBudget struct{}

// String returns "strict budget".
func (StrictBudget) String() string { return "strict budget" }

func (StrictBudget) kind() pieceKind { return kindStrictBudget }

func (s StrictBudget) rule(*Policy, *field.Path) (rule, field.ErrorList) { return s, nil }

func (StrictBudget) apply(r *round) { r.strict = true }

// labelMarker marks nodes with the value of a label.
type labelMarker struct{ key string }

func (m labelMarker) mark(node *corev1.Node) string {
	if node == nil {
		return ""
	}
	return node.Labels[m.key]
}

func checkLabel(key string, path *field.Path) field.ErrorList {
	if key == "" {
		return field.ErrorList{field.Required(path.Child("label"), "")}
	}
	return nil
}
