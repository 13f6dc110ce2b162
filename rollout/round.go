package rollout

import (
	"container/heap"
	"iter"
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
)

// round is one update step being narrowed by the rules of a policy. Nodes go by
// their positions in the snapshot.
type round struct {
	s     *daemon.Snapshot
	l     *ledger
	nodes []daemon.NodeState
	step  *Step
	// held says by which piece a node is held back; a held node is not touched
	// and uses no budget.
	held []HeldBy
	// halt holds back everything.
	halt HeldBy
	// compare orders the nodes; nil for the order of their names.
	compare func(a, b *daemon.NodeState) int
	// descending is the order of names backwards, where there is no other.
	descending bool
	// strict has outdated pods that are not available use the budget, too.
	strict bool
	limits []domainLimit
	// short counts the nodes for which the policy's budgets do not suffice although
	// upstream's does.
	short [heldKinds]int
}

// domainLimit is a budget for each value of a label.
type domainLimit struct {
	domains []int32
	left    []int
}

// narrow works out a step under the policy of the ledger.
func (l *ledger) narrow(s *daemon.Snapshot, st *Step) {
	r := l.round(s, st)
	r.count()
	if r.halt == 0 {
		r.choose()
	} else if st.Canary != nil {
		st.Canary.BackTo = "" // going back would be held back, too
	}
	r.reportHeld()
}

// round applies the rules.
func (l *ledger) round(s *daemon.Snapshot, st *Step) *round {
	r := &round{s: s, l: l, nodes: s.Nodes(), step: st}
	l.held = slices.Grow(l.held[:0], len(r.nodes))[:len(r.nodes)]
	clear(l.held)
	r.held = l.held
	for _, rule := range l.policy.rules {
		rule.apply(r)
	}
	return r
}

// pending reports whether all that lives on a node is an outdated pod.
func (r *round) pending(i int) bool { return r.l.roles[i]&(roleOutdated|roleUpdated) == roleOutdated }

// updated reports whether a node has a pod of the current template, or too many
// pods to tell.
func (r *round) updated(i int) bool { return r.l.roles[i]&roleUpdated != 0 }

// desired reports whether a node should run a pod.
func (r *round) desired(i int) bool { return r.l.roles[i]&roleDesired != 0 }

// underway reports whether the update has begun on a node and is not over.
func (r *round) underway(i int) bool {
	role := r.l.roles[i]
	switch {
	case role&roleUpdated == 0:
		return role&(roleOutdated|roleDesired) == roleDesired
	case r.l.surge:
		return role&roleOutdated != 0 || role&roleAvailable == 0
	}
	return role&roleUnavailable != 0
}

// hold holds a node back where nothing does yet.
func (r *round) hold(i int, by HeldBy) {
	if r.held[i] == 0 {
		r.held[i] = by
	}
}

// ignore leaves a node alone and out of the budget, and reports it.
func (r *round) ignore(i int, reason IgnoreReason, since time.Time) {
	if r.held[i] != 0 {
		return
	}
	r.held[i] = HeldByIgnored
	r.step.Ignored = append(r.step.Ignored, IgnoredNode{Node: r.nodes[i].Name, Reason: reason, Since: since})
}

// requeueAt has the pass made again at a moment to come. One that is over, such as
// the zero time, changes nothing.
func (r *round) requeueAt(at time.Time) { r.step.Plan.Requeue(at.Sub(r.s.Now())) }

// before compares two nodes in the order of the policy.
func (r *round) before(i, j int) int {
	if r.compare != nil {
		if c := r.compare(&r.nodes[i], &r.nodes[j]); c != 0 {
			return c
		}
		return i - j
	}
	if r.descending {
		return j - i
	}
	return i - j
}

// inOrder yields the positions in the order of the policy. It sorts no more than it
// is asked for.
func (r *round) inOrder(positions []int) iter.Seq[int] {
	return func(yield func(int) bool) {
		switch {
		case r.compare != nil:
			queue := &orderedQueue{positions: positions, round: r}
			heap.Init(queue)
			for len(queue.positions) > 0 && yield(heap.Pop(queue).(int)) {
			}
		case r.descending:
			for _, i := range slices.Backward(positions) {
				if !yield(i) {
					return
				}
			}
		default:
			for _, i := range positions {
				if !yield(i) {
					return
				}
			}
		}
	}
}

// orderedQueue is a heap, the first in the order of the policy on top.
type orderedQueue struct {
	positions []int
	round     *round
}

func (q *orderedQueue) Len() int           { return len(q.positions) }
func (q *orderedQueue) Less(i, j int) bool { return q.round.before(q.positions[i], q.positions[j]) < 0 }
func (q *orderedQueue) Swap(i, j int) {
	q.positions[i], q.positions[j] = q.positions[j], q.positions[i]
}

// Push implements heap.Interface; nothing is ever pushed.
func (q *orderedQueue) Push(x any) { q.positions = append(q.positions, x.(int)) }

// Pop implements heap.Interface.
func (q *orderedQueue) Pop() any {
	last := q.positions[len(q.positions)-1]
	q.positions = q.positions[:len(q.positions)-1]
	return last
}

// count counts what uses the budgets: held nodes do not.
func (r *round) count() {
	r.step.Unavailable, r.step.Surging = 0, 0
	for i, role := range r.l.roles {
		switch {
		case r.held[i] != 0:
		case role&roleUnavailable != 0:
			r.step.Unavailable++
		case role&roleSurging != 0:
			r.step.Surging++
		}
	}
}

// purse is a budget being spent on one kind of write.
type purse struct {
	// left is how many nodes more may become unavailable, or surge.
	left int
	// total is how many nodes more may be touched, those that cost nothing else
	// included.
	total int
	// free and budgeted are the nodes chosen, in the order of the policy.
	free, budgeted []int
}

// choose spends the budgets in the order of the policy.
func (r *round) choose() {
	deletes, creates, free, candidates := r.purses()
	for i := range r.inOrder(candidates) {
		action := r.l.roles[i] & roleAction
		purse := deletes
		if action == actionCreate || action == actionCreateBudgeted {
			purse = creates
		}
		costs := action == actionDeleteBudgeted || action == actionCreateBudgeted
		if !costs {
			free--
		}
		r.spend(purse, i, costs)
		if free == 0 && (deletes.left <= 0 && creates.left <= 0) {
			break
		}
	}
	r.write(deletes, creates)
}

// purses opens the budgets and lists the nodes that something could be done on, and
// how many of them would cost nothing.
func (r *round) purses() (deletes, creates *purse, free int, candidates []int) {
	st := r.step
	deletes = &purse{left: st.MaxUnavailable - st.Unavailable, total: math.MaxInt}
	creates = &purse{left: st.MaxSurge - st.Surging, total: math.MaxInt}
	if r.l.surge {
		deletes.left = st.Available - st.Desired
	}
	waiting := 0
	candidates = r.l.candidates[:0]
	for i, role := range r.l.roles {
		action := role & roleAction
		if action == actionNone || r.held[i] != 0 {
			continue
		}
		candidates = append(candidates, i)
		if action == actionDelete || action == actionCreate {
			free++
			if role&roleUnavailable != 0 {
				waiting++
			}
		}
	}
	r.l.candidates = candidates
	if r.strict {
		creates.total = creates.left
		if !r.l.surge {
			// Those that are not available yet are in the count, but not under way.
			deletes.total = deletes.left + waiting
		}
	}
	return deletes, creates, free, candidates
}

// spend chooses a node where the budgets allow it.
func (r *round) spend(p *purse, i int, costs bool) {
	// Deletions of a surging update make nothing unavailable that is needed.
	domains := !r.l.surge || r.l.roles[i]&roleAction >= actionCreate
	switch {
	case costs && p.left <= 0:
		return
	case p.total <= 0:
		r.short[HeldByStrictBudget]++
		return
	case costs && domains && !r.roomInDomains(i):
		r.short[HeldByDomainBudget]++
		return
	case costs:
		p.budgeted = append(p.budgeted, i)
	default:
		p.free = append(p.free, i)
	}
	p.total--
	if costs {
		p.left--
	}
	if domains && (costs || r.l.surge) {
		for _, limit := range r.limits {
			limit.left[limit.domains[i]]--
		}
	}
}

func (r *round) roomInDomains(i int) bool {
	return !slices.ContainsFunc(r.limits, func(limit domainLimit) bool { return limit.left[limit.domains[i]] <= 0 })
}

// limitDomains adds a budget for each domain.
func (r *round) limitDomains(slot int, amount intstr.IntOrString) {
	marks := &r.l.marks[slot]
	desired, used := make([]int, len(marks.names)), make([]int, len(marks.names))
	for i, domain := range marks.of {
		if r.desired(i) {
			desired[domain]++
		}
		if r.held[i] != HeldByIgnored && r.l.roles[i]&(roleUnavailable|roleSurging) != 0 {
			used[domain]++
		}
	}
	for domain := range used {
		used[domain] = amountOf(amount, desired[domain], up) - used[domain]
	}
	r.limits = append(r.limits, domainLimit{domains: marks.of, left: used})
}

// write plans what has been chosen. Under the burst limit what cost nothing comes
// first, then what comes first in the order of the policy.
func (r *round) write(deletes, creates *purse) {
	burst := r.s.Burst()
	chosen := func(p *purse) (now []int, deferred int) {
		now = slices.Concat(p.free, p.budgeted)
		if burst >= 0 && len(now) > burst {
			now, deferred = now[:burst], len(now)-burst
		}
		slices.Sort(now)
		return now, deferred
	}
	positions, deferred := chosen(deletes)
	for _, i := range positions {
		r.step.delete(r.s, &r.nodes[i], r.l.roles[i]&roleAction == actionDeleteBudgeted)
	}
	r.step.Plan.DeleteDeferred = deferred
	positions, deferred = chosen(creates)
	for _, i := range positions {
		r.step.create(&r.nodes[i], r.l.roles[i]&roleAction == actionCreateBudgeted)
	}
	r.s.Complete(&r.step.Plan)
	r.step.Plan.CreateDeferred = deferred
}

// reportHeld counts the nodes with outdated pods that are held back.
func (r *round) reportHeld() {
	counts := r.short
	for i, role := range r.l.roles {
		if role&roleOutdated == 0 {
			continue
		}
		if r.halt != 0 {
			counts[r.halt]++
		} else if by := r.held[i]; by != 0 {
			counts[by]++
		}
	}
	for by, nodes := range counts {
		if nodes > 0 {
			r.step.Held = append(r.step.Held, Held{By: HeldBy(by), Nodes: nodes})
		}
	}
}
