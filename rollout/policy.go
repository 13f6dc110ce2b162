package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/percent"
)

// Policy restricts an update beyond upstream's rules: which outdated pods it replaces,
// in which order, and how many at once. The zero Policy is upstream's behaviour. Policy has
// JSON tags and DeepCopy, and the spec of a custom resource can embed it.
//
// Fields only restrict. A node is updated by the rules of NextStep if all fields allow it.
// A node that is held back uses no budget, as in OpenKruise, unless only StrictBudget or
// DomainBudgets have no room for it. So with a broken node in a zone whose turn has not come,
// more nodes than maxUnavailable are unavailable. Percentages remain those of all eligible
// nodes. NodeSelector, OneDomain and a canary that has not failed hold back pending nodes only:
// an update that has begun on a node continues. A node is pending while exactly one of its pods
// is not terminating and that pod is outdated.
//
// A Policy never creates pods of an older template. A node without a pod gets one of the
// current template even if its update is held back; only Frozen, SlowStart and
// Partition.ProgressiveCreate delay creations. The strategy OnDelete has no update to
// restrict.
//
// Validate refuses contradictions:
//
//	Frozen with Paused                         a freeze includes a pause
//	Canary with Partition                      both choose the nodes to update first
//	OneDomain with its Label in Canary.Spread  the canary would run in several domains at once
//	two DomainBudgets with the same Label      only one budget can apply
//
// A pass of a State costs what has changed, as without a policy, except for this:
//
//   - It looks at each node of a canary on trial, and at each node without a pod that
//     IgnoreNodes.Creations leaves so.
//   - It looks at each group of nodes that have the same values of the labels which NodeSelector,
//     OneDomain and DomainBudgets name, and the same labels of Canary.Spread.
//   - It copies PolicyStatus.Ignored if other nodes than before are ignored. It looks at every node
//     if IgnoreNodes or an IgnoreAfter.After is another one than in the pass before, and if the time
//     of the pass is earlier than that of the pass before.
//   - It looks at every node when a canary's trial begins or ends, when a node of the canary is
//     replaced by another, and while the canary has failed and CanaryTrial.BackTo is empty.
//   - The first one with a Partition, or with another Order, puts all nodes in order.
type Policy struct {
	// Frozen stops everything: no pod is created or deleted, and no canary is rolled back.
	// History and status are still written.
	Frozen bool `json:"frozen,omitempty"`
	// Paused stops updates, including rollbacks. What daemon.Reconcile writes goes on:
	// nodes get pods, and finished, misplaced and surplus pods are deleted.
	Paused bool `json:"paused,omitempty"`
	// IgnoreNotReadyNodes ignores nodes that are not ready; see IgnoreAfter.
	IgnoreNotReadyNodes *IgnoreAfter `json:"ignoreNotReadyNodes,omitempty"`
	// IgnoreStuckPods ignores nodes on which every pod is terminating past its grace
	// period; see IgnoreAfter.
	IgnoreStuckPods *IgnoreAfter `json:"ignoreStuckPods,omitempty"`
	// IgnoreNodes ignores nodes of the caller's choice, such as drained ones.
	IgnoreNodes *IgnoreNodes `json:"-"`
	// NodeSelector updates only nodes whose labels it matches. An empty selector
	// matches every node. A node that does not exist has no labels.
	NodeSelector *metav1.LabelSelector `json:"nodeSelector,omitempty"`
	// Order says which node is updated first. If it is nil, nodes are in the order of their
	// names.
	Order *Order `json:"-"`
	// Canary tries a new template on some nodes first.
	Canary *Canary `json:"canary,omitempty"`
	// Partition keeps outdated pods on some nodes.
	Partition *Partition `json:"partition,omitempty"`
	// OneDomain updates one topology domain, such as a zone, after the other.
	OneDomain *OneDomain `json:"oneDomain,omitempty"`
	// DomainBudgets limit how many nodes of a topology domain are unavailable.
	DomainBudgets []DomainBudget `json:"domainBudgets,omitempty"`
	// StrictBudget applies the budget to outdated pods that are not available as well:
	// at most maxUnavailable nodes, or maxSurge nodes, are updated at once. Upstream
	// replaces all unavailable outdated pods together.
	StrictBudget bool `json:"strictBudget,omitempty"`
	// SlowStart spreads the creation of first pods over time.
	SlowStart *SlowStart `json:"slowStart,omitempty"`
}

// Validate returns an error for each invalid setting and each contradiction, in the
// order of the fields. Each error has the path of its field below path, which may be
// nil. A nil policy is valid.
func (p *Policy) Validate(path *field.Path) field.ErrorList {
	if p == nil {
		return nil
	}
	var errs field.ErrorList
	if p.Frozen && p.Paused {
		errs = append(errs, field.Forbidden(path.Child("paused"), "must not be set with frozen: a freeze includes a pause"))
	}
	errs = append(errs, p.IgnoreNotReadyNodes.validate(path.Child("ignoreNotReadyNodes"))...)
	errs = append(errs, p.IgnoreStuckPods.validate(path.Child("ignoreStuckPods"))...)
	if p.NodeSelector != nil {
		errs = append(errs, validateSelector(p.NodeSelector, path.Child("nodeSelector"))...)
	}
	errs = append(errs, p.Canary.validate(path.Child("canary"))...)
	if p.Canary != nil && p.OneDomain != nil {
		if i := slices.Index(p.Canary.Spread, p.OneDomain.Label); i >= 0 {
			errs = append(errs, field.Forbidden(path.Child("canary", "spread").Index(i),
				"must not be the label of oneDomain: the canary would run in several domains at once"))
		}
	}
	errs = append(errs, p.Partition.validate(path.Child("partition"))...)
	if p.Canary != nil && p.Partition != nil {
		errs = append(errs, field.Forbidden(path.Child("partition"), "must not be set with canary: both choose the nodes to update first"))
	}
	errs = append(errs, p.OneDomain.validate(path.Child("oneDomain"))...)
	for i, budget := range p.DomainBudgets {
		at := path.Child("domainBudgets").Index(i)
		errs = append(errs, budget.validate(at)...)
		if slices.ContainsFunc(p.DomainBudgets[:i], func(b DomainBudget) bool { return b.Label == budget.Label }) {
			errs = append(errs, field.Duplicate(at.Child("label"), budget.Label))
		}
	}
	return append(errs, p.SlowStart.validate(path.Child("slowStart"))...)
}

// String names the settings in the order in which they apply.
func (p Policy) String() string {
	if p.isZero() {
		return "upstream's policy"
	}
	var parts []string
	add := func(set bool, text func() string) {
		if set {
			parts = append(parts, text())
		}
	}
	word := func(text string) func() string { return func() string { return text } }
	add(p.Frozen, word("frozen"))
	add(p.Paused, word("paused"))
	add(p.IgnoreNotReadyNodes != nil, func() string { return "ignore not-ready nodes" + p.IgnoreNotReadyNodes.suffix() })
	add(p.IgnoreStuckPods != nil, func() string { return "ignore stuck pods" + p.IgnoreStuckPods.suffix() })
	add(p.IgnoreNodes != nil, word("ignore some nodes"))
	add(p.NodeSelector != nil, func() string { return "only nodes " + selectorText(p.NodeSelector) })
	add(p.Order != nil, word("order"))
	add(p.Canary != nil, func() string { return p.Canary.String() })
	add(p.Partition != nil, func() string { return p.Partition.String() })
	add(p.OneDomain != nil, func() string { return p.OneDomain.String() })
	for _, budget := range p.DomainBudgets {
		parts = append(parts, budget.String())
	}
	add(p.StrictBudget, word("strict budget"))
	add(p.SlowStart != nil, func() string { return p.SlowStart.String() })
	return strings.Join(parts, ", ")
}

// isZero reports whether the policy restricts nothing.
func (p *Policy) isZero() bool {
	return p == nil || !p.Frozen && !p.Paused && !p.StrictBudget && p.IgnoreNotReadyNodes == nil && p.IgnoreStuckPods == nil &&
		p.IgnoreNodes == nil && p.NodeSelector == nil && p.Order == nil && p.Canary == nil && p.Partition == nil &&
		p.OneDomain == nil && len(p.DomainBudgets) == 0 && p.SlowStart == nil
}

// policy is a valid Policy with the markers of its labels. nil is the zero Policy.
type policy struct {
	Policy

	markers []marker
	// The columns of the policy facts that the markers fill.
	selectorColumn, eligibleColumn, spreadColumn, spreadHasColumn, domainColumn int
	budgetColumns                                                               []int
	// classColumns are those that distinguish classes of nodes, besides eligibleColumn.
	classColumns []int
}

// compile checks a policy. It returns nil for one that restricts nothing, and joins the
// errors of an invalid one.
func compile(p *Policy) (*policy, error) {
	if p.isZero() {
		return nil, nil
	}
	if errs := p.Validate(field.NewPath("policy")); len(errs) > 0 {
		return nil, joined(errs)
	}
	out := &policy{Policy: *p}
	if p.NodeSelector != nil {
		out.selectorColumn = out.column(selectorMarker(p.NodeSelector))
		out.classColumns = append(out.classColumns, out.selectorColumn)
	}
	if p.Canary != nil {
		selector := p.Canary.NodeSelector
		if selector == nil {
			selector = &metav1.LabelSelector{}
		}
		out.eligibleColumn = out.column(selectorMarker(selector))
		out.spreadColumn = out.column(labelsMarker(p.Canary.Spread))
		if len(p.Canary.Spread) > 0 {
			out.spreadHasColumn = out.column(hasLabelsMarker(p.Canary.Spread))
			out.classColumns = append(out.classColumns, out.spreadHasColumn)
		}
	}
	if p.OneDomain != nil {
		out.domainColumn = out.column(labelsMarker([]string{p.OneDomain.Label}))
		out.classColumns = append(out.classColumns, out.domainColumn)
	}
	for _, budget := range p.DomainBudgets {
		out.budgetColumns = append(out.budgetColumns, out.column(labelsMarker([]string{budget.Label})))
	}
	out.classColumns = append(out.classColumns, out.budgetColumns...)
	return out, nil
}

func joined(list field.ErrorList) error {
	if len(list) == 1 {
		return list[0]
	}
	errs := make([]error, len(list))
	for i := range list {
		errs[i] = list[i]
	}
	return errors.Join(errs...)
}

func (p *policy) column(m marker) int {
	p.markers = append(p.markers, m)
	return len(p.markers) - 1
}

func (p *policy) empty() bool { return p == nil }

// sequence returns the order of the nodes.
func (p *policy) sequence() sequence {
	if p == nil {
		return sequence{}
	}
	return sequence{order: p.Order, descending: p.Partition != nil && p.Order.byName()}
}

// tries reports whether a pass with the given memory continues or begins a trial, or may do so.
func (p *policy) tries(s *daemon.Snapshot, memory *CanaryTrial) bool {
	over := memory != nil && memory.RevisionHash == s.RevisionHash() && memory.State.Final() && memory.State != CanaryFailed
	return p != nil && p.Canary != nil && !over
}

func (p *policy) strict() bool { return p != nil && p.StrictBudget }

// restrict applies the fields that hold nodes back, order them or add budgets.
func (c *choice) restrict(trial *CanaryTrial) {
	p := c.policy
	switch {
	case p.Frozen:
		c.halt = RestrictionFrozen
	case p.Paused:
		c.halt = RestrictionPaused
	}
	c.ignoreNodes()
	if p.NodeSelector != nil {
		c.selectNodes()
	}
	if p.Canary != nil {
		c.tryCanary(p.Canary, trial)
		if len(p.Canary.Spread) > 0 {
			c.unknownSpread(p.Canary.Spread)
		}
	}
	if p.Partition != nil {
		c.partition(p.Partition)
	}
	if p.OneDomain != nil {
		c.oneDomain(p.OneDomain)
	}
	for i, budget := range p.DomainBudgets {
		c.limitDomains(p.budgetColumns[i], budget.Label, budget.MaxUnavailable)
	}
}

// reconcile returns the plan of daemon.Reconcile with what the policy leaves of it, and what it
// holds back.
func (p *policy) reconcile(f *nodeFacts, s *daemon.Snapshot) (plan daemon.Plan, restricted []Restricted) {
	if p.ignoresCreations() {
		plan = *daemon.ReconcileExcept(s, f.ignoring.chooses)
	} else {
		plan = *daemon.Reconcile(s)
	}
	return plan, p.restrictPlan(f, s, &plan)
}

// ignoresCreations reports whether ignored nodes get no pods. A freeze holds back all pods.
func (p *policy) ignoresCreations() bool {
	return !p.empty() && !p.Frozen && p.IgnoreNodes != nil && p.IgnoreNodes.Creations
}

// restrictPlan takes out of a plan what the policy holds back.
func (p *policy) restrictPlan(f *nodeFacts, s *daemon.Snapshot, plan *daemon.Plan) []Restricted {
	if p.empty() {
		return nil
	}
	var out []Restricted
	add := func(by Restriction, nodes int) {
		if nodes > 0 {
			out = append(out, Restricted{By: by, Nodes: nodes})
		}
	}
	if p.Frozen {
		add(RestrictionFrozen, plan.Nodes)
		// Events are left to the pass that acts.
		*plan = daemon.Plan{}
		return out
	}
	due, present := f.empty, f.desired-f.empty
	var ignored *ignoring
	if p.ignoresCreations() {
		ignored = f.ignoring
		add(RestrictionIgnored, ignored.empty.Len()+ignored.bare.Len())
		due -= ignored.empty.Len()
	}
	if p.Partition != nil {
		held := p.Partition.restrictPlan(f, s, plan, due, ignored)
		add(RestrictionPartition, held)
		due -= held
	}
	if p.SlowStart != nil {
		add(RestrictionSlowStart, p.SlowStart.restrictPlan(s, plan, due, present, ignored))
	}
	return out
}

// pending reports whether exactly one pod of a node is not terminating, and is outdated.
func (c *choice) pending(i int) bool { return c.facts.roles[i].pending() }

// updated reports whether a pod of the current template is not terminating on a node, or
// several pods of one kind are not.
func (c *choice) updated(i int) bool { return c.facts.roles[i]&roleUpdated != 0 }

// desired reports whether a node is eligible.
func (c *choice) desired(i int) bool { return c.facts.roles[i]&roleDesired != 0 }

// selectNodes applies Policy.NodeSelector.
func (c *choice) selectNodes() {
	f := c.facts
	names, slot := f.columns[c.policy.selectorColumn].names, f.classes.slot(c.policy.selectorColumn)
	c.closeClasses(RestrictionNodeSelector, func(k int) bool { return names[f.classes.counts[k].values[slot]] != selected })
}

// selected is the mark of nodes that a selector matches.
const selected = "selected"

// selectorMarker marks the nodes that a valid selector matches.
func selectorMarker(selector *metav1.LabelSelector) marker {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		parsed = labels.Nothing()
	}
	return marker{key: "selector " + parsed.String(), mark: func(node *corev1.Node) string {
		var has labels.Set
		if node != nil {
			has = node.Labels
		}
		if parsed.Matches(has) {
			return selected
		}
		return ""
	}}
}

// labelsMarker marks nodes with the values of some labels.
func labelsMarker(keys []string) marker {
	return marker{key: "labels " + strings.Join(keys, "\n"), mark: func(node *corev1.Node) string {
		switch {
		case node == nil || len(keys) == 0:
			return ""
		case len(keys) == 1:
			return node.Labels[keys[0]]
		}
		values := make([]string, len(keys))
		for i, key := range keys {
			values[i] = node.Labels[key]
		}
		return strings.Join(values, "\n")
	}}
}

// hasLabelsMarker marks nodes with a byte for each label, hasLabel for one with a value that is not empty.
func hasLabelsMarker(keys []string) marker {
	return marker{key: "has labels " + strings.Join(keys, "\n"), mark: func(node *corev1.Node) string {
		has := []byte(strings.Repeat("-", len(keys)))
		for i, key := range keys {
			if node != nil && node.Labels[key] != "" {
				has[i] = hasLabel
			}
		}
		return string(has)
	}}
}

const hasLabel = 'x'

// selectorText returns a selector as the end of a phrase.
func selectorText(selector *metav1.LabelSelector) string {
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return "with any labels"
	}
	return "with " + metav1.FormatLabelSelector(selector)
}

func validateSelector(selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	return metavalidation.ValidateLabelSelector(selector, metavalidation.LabelSelectorValidationOptions{}, path)
}

func validateLabel(key string, path *field.Path) field.ErrorList {
	if key == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	return metavalidation.ValidateLabelName(key, path)
}

// validateAmount checks a number of nodes, or a percentage of at most 100%, which must
// not be below least.
func validateAmount(amount intstr.IntOrString, least int, path *field.Path) field.ErrorList {
	if wrong := wrongAmount(amount, least); wrong != "" {
		return field.ErrorList{field.Invalid(path, amount.String(), wrong)}
	}
	return nil
}

// wrongAmount says what is wrong with an amount that must not be below least, or with the one that
// is meant. It is empty if nothing is.
func wrongAmount(amount intstr.IntOrString, least int) string {
	if meant, ok := percent.Meant(amount); ok {
		return cmp.Or(wrongAmount(meant, least), percent.Advice(amount))
	}
	n, err := percent.RoundUp(amount, 100)
	_, percentage := percent.Parse(amount)
	switch {
	case err != nil && !percentage:
		return "must be a number, or a percentage such as 10%"
	case err != nil, amount.Type == intstr.String && n > 100: // err: it is out of the range of int
		return "must not be greater than 100%"
	case n < least:
		return fmt.Sprintf("must be at least %d", least)
	}
	return ""
}
