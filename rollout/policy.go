package rollout

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// Policy says what upstream's update does not know: which outdated pods a step
// may touch, in which order, and how many. It is made of pieces, each of which
// holds nodes back, orders them, or narrows a budget; upstream's algorithm runs on
// what is left. Under the strategy OnDelete there is no update to narrow.
//
// nil and the zero Policy hold nothing back. With pieces, a pass that gets to an
// update step looks at every node. A Policy is immutable and safe for concurrent use.
type Policy struct {
	// pieces are in the order in which they apply.
	pieces []Piece
	rules  []rule
	// markers tell facts of nodes that do not change with their pods.
	markers []marker
	// ages says that a rule looks at when pods were created.
	ages bool
}

// Piece is one part of a policy: Pause, Freeze, IgnoreNotReadyNodes,
// IgnoreStuckPods, NodeSelector, Order, Canary, Partition, OneDomain, DomainBudget,
// StrictBudget or SlowStart.
type Piece interface {
	// String names the piece with its settings.
	String() string
	kind() pieceKind
	// rule checks the piece and makes it ready for use in the policy.
	rule(p *Policy, path *field.Path) (rule, field.ErrorList)
}

// rule is a checked piece.
type rule interface {
	// apply narrows an update step.
	apply(r *round)
}

// planRule is a rule that holds back what reconciling would write, too.
type planRule interface {
	holdBack(l *ledger, s *daemon.Snapshot, plan *daemon.Plan) Held
}

// marker tells what a rule wants to know of a node; it must depend on the node
// object alone. node may be nil.
type marker interface {
	mark(node *corev1.Node) string
}

// pieceKind orders the pieces: what leaves nodes out comes before what chooses
// among the rest, and what counts them comes last. The order in which they are
// given has no effect.
type pieceKind int

const (
	kindFreeze pieceKind = iota + 1
	kindPause
	kindIgnoreNotReadyNodes
	kindIgnoreStuckPods
	kindNodeSelector
	kindOrder
	kindCanary
	kindPartition
	kindOneDomain
	kindDomainBudget
	kindStrictBudget
	kindSlowStart
)

// NewPolicy puts pieces together. Their order has no effect, and none of them
// undoes another: a node is touched where every piece lets it be.
//
// It fails with a field.ErrorList (as an error) on settings that cannot be, at
// paths such as pieces[1].maxUnavailable, and on pieces that contradict each
// other, naming both.
func NewPolicy(pieces ...Piece) (*Policy, error) {
	p := &Policy{}
	var errs field.ErrorList
	type compiled struct {
		Piece
		path *field.Path
		rule rule
	}
	var all []compiled
	for i, piece := range pieces {
		path := field.NewPath("pieces").Index(i)
		piece = plain(piece)
		if piece == nil {
			errs = append(errs, field.Required(path, ""))
			continue
		}
		rule, wrong := piece.rule(p, path)
		errs = append(errs, wrong...)
		for _, other := range all {
			if why := conflict(other.Piece, piece); why != "" {
				errs = append(errs, field.Forbidden(path, fmt.Sprintf("%v and %v (%v) conflict: %s", piece, other.Piece, other.path, why)))
			}
		}
		all = append(all, compiled{piece, path, rule})
	}
	if len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	slices.SortStableFunc(all, func(a, b compiled) int { return cmp.Compare(a.kind(), b.kind()) })
	for _, c := range all {
		p.pieces = append(p.pieces, c.Piece)
		p.rules = append(p.rules, c.rule)
	}
	return p, nil
}

// plain takes pieces that are given as pointers for what they point to; nil for a
// nil pointer.
func plain(piece Piece) Piece {
	v := reflect.ValueOf(piece)
	if v.Kind() != reflect.Pointer {
		return piece
	}
	if v.IsNil() {
		return nil
	}
	inner, _ := v.Elem().Interface().(Piece)
	return inner
}

// conflict says why two pieces cannot both be followed; empty where they can. They
// come in either order.
func conflict(a, b Piece) string {
	if a.kind() > b.kind() {
		a, b = b, a
	}
	switch b := b.(type) {
	case NodeSelector:
		// Several select what all of them match.
		return ""
	case DomainBudget:
		if a, ok := a.(DomainBudget); ok && a.Label != b.Label {
			return ""
		}
	case Pause:
		if _, ok := a.(Freeze); ok {
			return "a freeze stops more than a pause does"
		}
	case Partition:
		if _, ok := a.(Canary); ok {
			return "both say how many nodes get the new template first"
		}
	case OneDomain:
		if a, ok := a.(Canary); ok && slices.Contains(a.Spread, b.Label) {
			return "the canary is to be spread over the domains that are to be taken one at a time"
		}
	}
	if a.kind() == b.kind() {
		return "only one of them can be followed"
	}
	return ""
}

// slot has the ledgers of this policy keep what a marker says of each node.
func (p *Policy) slot(m marker) int {
	p.markers = append(p.markers, m)
	return len(p.markers) - 1
}

// empty reports whether nothing is held back.
func (p *Policy) empty() bool { return p == nil || len(p.rules) == 0 }

// Pieces returns the pieces in the order in which they apply, as a copy.
func (p *Policy) Pieces() []Piece {
	if p == nil {
		return nil
	}
	return slices.Clone(p.pieces)
}

// String names the pieces in the order in which they apply.
func (p *Policy) String() string {
	if p.empty() {
		return "upstream's policy"
	}
	names := make([]string, len(p.pieces))
	for i, piece := range p.pieces {
		names[i] = piece.String()
	}
	return strings.Join(names, ", ")
}

// Next returns the next step of the update under the policy, as the function Next
// does without one, which is what it returns for nil. It fails where that fails.
func (p *Policy) Next(s *daemon.Snapshot) (*Step, error) {
	return newLedger(s, p).step(s)
}

// holdBack takes out of a plan of daemon.Reconcile what the policy holds back.
func (p *Policy) holdBack(l *ledger, s *daemon.Snapshot, plan *daemon.Plan) []Held {
	if p.empty() {
		return nil
	}
	var out []Held
	for _, rule := range p.rules {
		if rule, ok := rule.(planRule); ok {
			if held := rule.holdBack(l, s, plan); held.Nodes > 0 {
				out = append(out, held)
			}
		}
	}
	return out
}

// checkAmount says what is wrong with a number of nodes: a percentage that cannot
// be read, or less than least.
func checkAmount(path *field.Path, amount intstr.IntOrString, least int) field.ErrorList {
	n, err := intstr.GetScaledValueFromIntOrPercent(&amount, 100, true)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, amount.String(), err.Error())}
	case n < least:
		return field.ErrorList{field.Invalid(path, amount.String(), fmt.Sprintf("must be at least %d", least))}
	}
	return nil
}

// amountOf turns a checked amount into a number of nodes.
func amountOf(amount intstr.IntOrString, total int, roundUp rounding) int {
	n, err := intstr.GetScaledValueFromIntOrPercent(&amount, total, roundUp == up)
	if err != nil {
		return 0
	}
	return n
}

type rounding int

const (
	up rounding = iota + 1
	down
)
