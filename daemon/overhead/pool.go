package overhead

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// Pool is a set of nodes of which only the following is known. A node of the pool may have any
// name, and any value, or none, for a label that the requirements do not exclude. So a label
// that no requirement mentions is not known, unless OtherLabelsAbsent is set.
type Pool struct {
	// Requirements hold for the labels of every node, as matchExpressions do.
	Requirements []corev1.NodeSelectorRequirement
	// OtherLabelsAbsent says that no node has a label that no requirement mentions, but for
	// kubernetes.io/hostname, which may have any value, as the name may. Karpenter assumes that
	// of a NodePool, apart from well-known labels such as topology.kubernetes.io/zone: mention
	// these, with Exists if nothing else is known. The kubelet gives every node
	// kubernetes.io/os and kubernetes.io/arch: mention them, too.
	OtherLabelsAbsent bool
	// Taints are those of every node.
	Taints []corev1.Taint
	// StartupTaints are those that every node has at first and loses later, as in Input. A DaemonSet
	// that does not tolerate one of them is PresenceSometimes at most, although it runs after start-up:
	// the sum for the nodes after start-up is PoolOverhead.Started.
	StartupTaints []corev1.Taint
}

// Presence says on how many nodes of a pool a DaemonSet runs.
type Presence uint8

// The presences. Zero is not a presence.
const (
	// PresenceAlways: on every node that the pool can have.
	PresenceAlways Presence = iota + 1
	// PresenceSometimes: on some nodes that the pool can have, and not on others.
	PresenceSometimes
	// PresenceNever: on no node that the pool can have.
	PresenceNever
	// PresenceRefused: it would not be never, and the API server refuses the pods; see
	// Daemon.Refused.
	PresenceRefused
)

// String returns the presence in a few words.
func (p Presence) String() string {
	switch p {
	case PresenceAlways:
		return "always"
	case PresenceSometimes:
		return "on some nodes"
	case PresenceNever:
		return "never"
	case PresenceRefused:
		return "refused"
	default:
		return "Presence(" + strconv.Itoa(int(p)) + ")"
	}
}

// PoolOverhead is what the DaemonSets take of the nodes of a pool.
type PoolOverhead struct {
	// Daemons has an entry for each DaemonSet, in the order of Daemons.List.
	Daemons []PoolDaemon
	// Always is the sum of those that run on every node. AtMost also has those that run on some.
	// If there are startup taints, reserve Started instead of Always.
	Always, AtMost Total
	// Started is the sum of those that run on every node once it has lost its startup taints. It is
	// Always if there are no startup taints.
	Started Total
}

// PoolDaemon says on which nodes of a pool a DaemonSet runs, and what decides.
type PoolDaemon struct {
	// Name is the DaemonSet as "namespace/name", or its name if it has no namespace.
	Name string
	// Presence is the answer.
	Presence Presence
	// Requirements and AbsentLabels are what decides, for PresenceAlways and PresenceNever: with
	// these alone the answer is the same, and without any one of them it is not. Both are nil if
	// the labels do not decide: the DaemonSet runs everywhere or nowhere, or Taint decides. If
	// both labels and a taint keep the pods away, the labels decide.
	//
	// Requirements are copies of the pool's, by key, operator and values.
	Requirements []corev1.NodeSelectorRequirement
	// AbsentLabels are the keys, in order, of labels that no node has because of
	// Pool.OtherLabelsAbsent. If a requirement decides as well, they are left out.
	AbsentLabels []string
	// Reason is why it runs on no node, for PresenceNever; on one of the nodes, if the reasons
	// differ.
	Reason placement.Reason
	// Taint is a copy of the pool's first taint that the pods do not tolerate, for a Reason of
	// placement.ReasonTaint.
	Taint *corev1.Taint
	// DependsOn is what decides, for PresenceSometimes; see Explanation.
	DependsOn []Fact
}

// String returns the DaemonSet, the answer and what decides:
//
//	kube-system/agent: always: kubernetes.io/arch In [amd64 arm64]
//	kube-system/agent: never: node selector; the pool has kubernetes.io/arch In [arm64]
//	kube-system/agent: never: node selector; the pool has no label "disk"
//	kube-system/agent: never: untolerated taint gpu=true:NoSchedule
//	kube-system/agent: on some nodes: depends on label "zone"
func (p PoolDaemon) String() string {
	s := named(p.Name) + p.Presence.String()
	if p.Presence == PresenceNever {
		s += ": " + p.Reason.String()
	}
	switch {
	case p.Taint != nil:
		return s + " " + p.Taint.ToString()
	case len(p.DependsOn) > 0:
		return s + ": depends on " + list(p.DependsOn)
	case len(p.Requirements)+len(p.AbsentLabels) == 0:
		return s
	}
	var words []string
	for i := range p.Requirements {
		r := &p.Requirements[i]
		word := r.Key + " " + string(r.Operator)
		if len(r.Values) > 0 {
			word += fmt.Sprintf(" %v", r.Values)
		}
		words = append(words, word)
	}
	for _, key := range p.AbsentLabels {
		words = append(words, "no label "+strconv.Quote(key))
	}
	if p.Presence == PresenceNever {
		return s + "; the pool has " + strings.Join(words, ", ")
	}
	return s + ": " + strings.Join(words, ", ")
}

// InPool works out on which nodes of a pool the DaemonSets run, and what they take.
//
// PresenceAlways, PresenceNever and Started are proven for every node that satisfies the requirements.
// PresenceSometimes says that there can be a node with the pod and one without, with one
// exception: if a DaemonSet can tell more than 4096 kinds of nodes in the pool apart by other
// rules than its node selector, InPool does not try all. If it can by all of its rules,
// DependsOn are all facts that it asks for.
//
// DaemonSets that ask the same of a node are decided once. That costs as much as in OnNode with
// all of their facts unknown, times the number of requirements on their labels and of their labels
// that are absent. Before that, each value that is mentioned of a label is held to each
// requirement on it.
//
// It fails with a *field.Error if a requirement does not parse or is one on metadata.name, if no
// node can satisfy those for one label, or if a taint has no key or an effect that does not exist.
// A Pool without requirements is any node.
func (d *Daemons) InPool(pool Pool) (PoolOverhead, error) {
	d = d.orEmpty()
	p, err := newPoolState(pool)
	if err != nil {
		return PoolOverhead{}, err
	}
	p.scratch.chosen = missing(nil, len(d.labels))
	out := PoolOverhead{Daemons: make([]PoolDaemon, len(d.list))}
	for _, t := range []*Total{&out.Always, &out.AtMost, &out.Started} {
		t.reset(d.resources)
	}
	answers := make([]poolAnswer, len(d.rules))
	for i := range d.list {
		c := &d.compiled[i]
		answer := &answers[c.rules]
		if answer.Presence == 0 {
			*answer = p.answer(&d.rules[c.rules])
		}
		switch {
		case d.list[i].Refused != nil && answer.Presence != PresenceNever:
			out.Daemons[i] = PoolDaemon{Name: c.name, Presence: PresenceRefused}
			continue
		case answer.Presence == PresenceAlways:
			out.Always.add(c.needs)
			out.AtMost.add(c.needs)
		case answer.Presence == PresenceSometimes:
			out.AtMost.add(c.needs)
		}
		if answer.started {
			out.Started.add(c.needs)
		}
		out.Daemons[i] = answer.clone()
		out.Daemons[i].Name = c.name
	}
	return out, nil
}

// poolAnswer is what follows from rules for the pool.
type poolAnswer struct {
	PoolDaemon
	started bool // it runs on every node that has lost its startup taints
}

// clone returns a copy that shares nothing.
func (p *PoolDaemon) clone() PoolDaemon {
	c := *p
	c.Requirements, c.AbsentLabels = slices.Clone(p.Requirements), slices.Clone(p.AbsentLabels)
	c.Taint, c.DependsOn = p.Taint.DeepCopy(), slices.Clone(p.DependsOn)
	for i := range c.Requirements {
		p.Requirements[i].DeepCopyInto(&c.Requirements[i])
	}
	for i := range c.DependsOn {
		p.DependsOn[i].Taint.DeepCopyInto(&c.DependsOn[i].Taint)
	}
	return c
}

// poolState is a pool whose requirements parse.
type poolState struct {
	pool    Pool
	asks    []*placement.Matcher // of the requirements
	scratch scratch
}

func newPoolState(pool Pool) (*poolState, error) {
	p := &poolState{pool: pool}
	if err := checkStartupTaints("pool", pool.StartupTaints); err != nil {
		return nil, err
	}
	for i := range pool.Taints {
		if err := checkTaint("pool", "taints", i, &pool.Taints[i]); err != nil {
			return nil, err
		}
	}
	path := field.NewPath("pool", "requirements")
	dictionary := newDictionary()
	for i := range pool.Requirements {
		if pool.Requirements[i].Key == metav1.ObjectNameField {
			return nil, field.Invalid(path.Index(i).Child("key"), metav1.ObjectNameField, "is a field and no label: the nodes of a pool may have any name")
		}
		ask := dictionary.asksRequirement(&pool.Requirements[i])
		if errs := ask.Malformed(); errs != nil {
			err := *errs[0]
			if _, at, ok := strings.Cut(err.Field, "matchExpressions[0]"); ok {
				err.Field = path.Index(i).String() + at
			}
			return nil, &err
		}
		p.asks = append(p.asks, ask)
	}
	mentioned := make(map[string]bool)
	for i := range pool.Requirements {
		key := pool.Requirements[i].Key
		if mentioned[key] {
			continue
		}
		mentioned[key] = true
		if states := p.states(0, &label{key: key}); len(states.under(p.on(key))) == 0 {
			return nil, field.Invalid(path.Index(i), key, "no node can satisfy the requirements on this label")
		}
	}
	p.scratch.labels = make(map[string]string)
	p.scratch.node.Labels = p.scratch.labels
	p.scratch.setTaints(pool.Taints, pool.StartupTaints)
	return p, nil
}

// on returns the indices of the requirements on the given labels.
func (p *poolState) on(keys ...string) []int {
	var on []int
	for i := range p.pool.Requirements {
		if slices.Contains(keys, p.pool.Requirements[i].Key) {
			on = append(on, i)
		}
	}
	return on
}

// A condition on the labels of every node is the index of a requirement, or else len(asks) plus the
// index of a label of the rules: no node has that label.

// isAbsent reports whether no node has a label.
func (p *poolState) isAbsent(key string) bool {
	return p.pool.OtherLabelsAbsent && key != corev1.LabelHostname && p.on(key) == nil
}

// labelStates are the states that a label may be in, with or without the conditions. There is at
// least one for each kind that the requirements or the DaemonSet tell apart.
type labelStates struct {
	options []option
	kinds   []int  // of each option: options of one kind are the same to the DaemonSet
	fails   []bits // of each option: the conditions that it does not satisfy
}

// states works out the states of a label of the rules, given its index there.
func (p *poolState) states(at int, l *label) labelStates {
	on, absent := p.on(l.key), p.isAbsent(l.key)
	words := vocabulary{values: slices.Clone(l.words.values), bounds: slices.Clone(l.words.bounds)}
	for _, i := range on {
		words.add(&p.pool.Requirements[i])
	}
	states := labelStates{options: words.options()}
	states.kinds = kinds(l.key, states.options, l.asks)
	states.fails = make([]bits, len(states.options))
	node := &corev1.Node{}
	node.Labels = make(map[string]string, 1)
	for n, o := range states.options {
		o.set(node.Labels, l.key)
		for _, i := range on {
			if !p.asks[i].Decide(node).Run {
				states.fails[n].set(i)
			}
		}
		if absent && o.present {
			states.fails[n].set(len(p.asks) + at)
		}
	}
	return states
}

// under returns the first option of each kind that satisfies the given conditions.
func (s *labelStates) under(conditions []int) []option {
	var set bits
	for _, i := range conditions {
		set.set(i)
	}
	var found []option
	var seen bits
	for n, o := range s.options {
		if kind := s.kinds[n]; !seen.has(kind) && !s.fails[n].intersects(set) {
			seen.set(kind)
			found = append(found, o)
		}
	}
	return found
}

// verdict tries the nodes for which the given conditions hold. states are those of the labels
// of the rules.
func (p *poolState) verdict(r *rules, states []labelStates, conditions []int) Verdict {
	s := &p.scratch
	s.axes = s.axes[:0]
	for i := range r.labels {
		s.axes = append(s.axes, axis{key: r.labels[i].key, number: r.labels[i].number, options: states[i].under(conditions)})
	}
	if r.names != nil {
		s.axes = append(s.axes, axis{names: r.names})
	}
	verdict, _ := s.tryAll(r, false, false)
	return verdict
}

// answer shares with the pool.
func (p *poolState) answer(r *rules) poolAnswer {
	keys := make([]string, len(r.labels))
	states := make([]labelStates, len(r.labels))
	for i := range r.labels {
		keys[i], states[i] = r.labels[i].key, p.states(i, &r.labels[i])
	}
	deciding := p.on(keys...) // Requirements on other labels do not matter.
	for i, key := range keys {
		if p.isAbsent(key) {
			deciding = append(deciding, len(p.asks)+i)
		}
	}
	verdict := p.verdict(r, states, deciding)
	if verdict == VerdictCannotTell {
		out := poolAnswer{PoolDaemon: PoolDaemon{Presence: PresenceSometimes, DependsOn: p.scratch.dependsOn(r)}}
		if len(p.scratch.going()) > 0 {
			early := p.scratch.early
			p.scratch.early = nil
			out.started = p.verdict(r, states, deciding) == VerdictRuns
			p.scratch.early = early
		}
		return out
	}
	out := poolAnswer{PoolDaemon: PoolDaemon{Presence: PresenceAlways}, started: verdict == VerdictRuns}
	if verdict == VerdictDoesNotRun {
		out.Presence = PresenceNever
		taints, early := p.scratch.taints, p.scratch.early
		p.scratch.taints, p.scratch.early = nil, nil
		defer func() { p.scratch.taints, p.scratch.early = taints, early }()
		if p.verdict(r, states, deciding) != VerdictDoesNotRun {
			p.scratch.taints = taints
			explanation := p.scratch.furthest(r)
			out.Reason, out.Taint = explanation.Reason, explanation.Taint
			return out
		}
		out.Reason = p.scratch.furthest(r).Reason
	}
	for _, i := range p.fewest(r, states, deciding, verdict) {
		if i < len(p.asks) {
			out.Requirements = append(out.Requirements, p.pool.Requirements[i])
		} else {
			out.AbsentLabels = append(out.AbsentLabels, keys[i-len(p.asks)])
		}
	}
	return out
}

// fewest takes out of the conditions those that the verdict does not need, the last first. It
// returns requirements by key, operator and values, and behind them absent labels by key.
func (p *poolState) fewest(r *rules, states []labelStates, conditions []int, verdict Verdict) []int {
	slices.SortFunc(conditions, func(a, b int) int {
		if n := len(p.asks); a >= n || b >= n {
			return cmp.Compare(a, b) // The labels of the rules are sorted.
		}
		r, q := &p.pool.Requirements[a], &p.pool.Requirements[b]
		return cmp.Or(strings.Compare(r.Key, q.Key), strings.Compare(string(r.Operator), string(q.Operator)), slices.Compare(r.Values, q.Values))
	})
	for at := len(conditions) - 1; at >= 0; at-- {
		fewer := slices.Delete(slices.Clone(conditions), at, at+1)
		if p.verdict(r, states, fewer) == verdict {
			conditions = fewer
		}
	}
	return conditions
}
