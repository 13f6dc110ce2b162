package rollout

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// Freeze stops everything: no pod is created or deleted. History and status are
// settled all the same, and events are left to the pass that acts.
type Freeze struct{}

// String returns "freeze".
func (Freeze) String() string { return "freeze" }

func (Freeze) kind() pieceKind { return kindFreeze }

func (f Freeze) rule(*Policy, *field.Path) (rule, field.ErrorList) { return f, nil }

func (Freeze) apply(r *round) { r.halt = HeldByFreeze }

func (Freeze) holdBack(_ *ledger, s *daemon.Snapshot, plan *daemon.Plan) Held {
	nodes := len(plan.Create) + plan.CreateDeferred + len(plan.Delete) + plan.DeleteDeferred
	*plan = daemon.Plan{Backoff: s.Backoff()}
	return Held{By: HeldByFreeze, Nodes: nodes}
}

// Pause stops updates: no outdated pod is replaced. Scaling goes on, so nodes get
// their first pods, and pods that failed or that no longer belong are deleted.
type Pause struct{}

// String returns "pause".
func (Pause) String() string { return "pause" }

func (Pause) kind() pieceKind { return kindPause }

func (p Pause) rule(*Policy, *field.Path) (rule, field.ErrorList) { return p, nil }

func (Pause) apply(r *round) {
	if r.halt == 0 {
		r.halt = HeldByPause
	}
}

// NodeSelector updates only nodes whose labels it matches. Updates that have begun
// elsewhere are carried on. Of several, all have to match.
type NodeSelector struct {
	// Selector selects nodes by their labels, as in the API: an empty one matches
	// every node. It must not be nil.
	Selector *metav1.LabelSelector
}

// String returns "node selector " with the selector.
func (n NodeSelector) String() string {
	return "node selector " + metav1.FormatLabelSelector(n.Selector)
}

func (NodeSelector) kind() pieceKind { return kindNodeSelector }

func (n NodeSelector) rule(p *Policy, path *field.Path) (rule, field.ErrorList) {
	slot, errs := p.selectorSlot(n.Selector, path.Child("selector"))
	return nodeSelectorRule{slot: slot}, errs
}

type nodeSelectorRule struct{ slot int }

func (n nodeSelectorRule) apply(r *round) {
	marks := &r.l.marks[n.slot]
	for i, mark := range marks.of {
		if r.pending(i) && marks.names[mark] != selected {
			r.hold(i, HeldByNodeSelector)
		}
	}
}

// selected is the mark of nodes that a selector matches.
const selected = "selected"

// selectorMarker marks the nodes that a selector matches.
type selectorMarker struct{ selector labels.Selector }

func (m selectorMarker) mark(node *corev1.Node) string {
	if node != nil && m.selector.Matches(labels.Set(node.Labels)) {
		return selected
	}
	return ""
}

// selectorSlot keeps which nodes a selector of the API matches.
func (p *Policy) selectorSlot(selector *metav1.LabelSelector, path *field.Path) (int, field.ErrorList) {
	if selector == nil {
		return 0, field.ErrorList{field.Required(path, "")}
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return 0, field.ErrorList{field.Invalid(path, metav1.FormatLabelSelector(selector), err.Error())}
	}
	return p.slot(selectorMarker{parsed}), nil
}
