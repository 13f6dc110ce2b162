package rollout

import (
	"container/heap"
	"iter"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/indexset"
)

// nodeFacts hold the facts that a step needs about all nodes: how many use the budget, and
// which ones the step could write on. A node that has changed is entered again without
// looking at the others.
type nodeFacts struct {
	surge bool
	roles []role
	// The numbers of nodes by the flags of their role.
	desired, outdated, unavailable, surging, available int
	// todo are the positions of the nodes by the action that is possible there.
	todo [actions]*indexset.Set
	policyFacts
	// held and candidates are buffers that the steps reuse.
	held       []Restriction
	candidates []int
	// compared is how often the last canary compared groups of nodes. Tests read it.
	compared int
}

// role describes one node in an update: flags, and the action in the low bits.
type role uint16

const (
	// roleDesired: the node is eligible.
	roleDesired role = 1 << (iota + 3)
	roleUnavailable
	roleSurging
	roleAvailable
	// roleOutdated: exactly one outdated pod is not terminating.
	roleOutdated
	// roleUpdated: a pod of the current template is not terminating, or several pods of
	// one kind are not.
	roleUpdated

	roleAction role = 1<<3 - 1
)

// The actions, in pairs: those that need no budget, and those that do.
const (
	actionNone = role(iota)
	actionDelete
	actionDeleteBudgeted
	actionCreate
	actionCreateBudgeted
	actions
)

// nodePods are the pods of one node that count in an update: at most one of
// the current template and one outdated.
type nodePods struct {
	cur, old *daemon.PodState
	// excess says that there are several pods of one kind. Reconcile deletes all but
	// one first.
	excess bool
}

// podsToUpdate returns the pods that are not terminating, failed ones included
// (findUpdatedPodsOnNode@v1.37.2).
func podsToUpdate(pods []daemon.PodState) (out nodePods) {
	for i := range pods {
		p := &pods[i]
		if p.Terminating {
			continue
		}
		slot := &out.old
		if p.Updated {
			slot = &out.cur
		}
		if *slot != nil {
			return nodePods{excess: true}
		}
		*slot = p
	}
	return out
}

// newNodeFacts enters every node.
func newNodeFacts(s *daemon.Snapshot) *nodeFacts {
	nodes := s.Nodes()
	f := &nodeFacts{roles: make([]role, len(nodes))}
	for i := range nodes {
		if nodes[i].Decision.Run {
			f.desired++
		}
	}
	f.surge = f.surges(s)
	f.desired = 0
	for action := range f.todo {
		f.todo[action] = indexset.New(len(nodes))
	}
	for i := range nodes {
		f.enter(i, &nodes[i])
	}
	return f
}

// surges reports whether the budget of the update is maxSurge, which depends on the
// number of eligible nodes.
func (f *nodeFacts) surges(s *daemon.Snapshot) bool {
	budgets, err := readBudgets(s.DaemonSet(), f.desired)
	return err == nil && budgets.maxSurge != 0
}

// fits reports whether the roles are still those of the snapshot's budget.
func (f *nodeFacts) fits(s *daemon.Snapshot) bool { return f.surges(s) == f.surge }

// enter enters the node at a position, in place of its last entry.
func (f *nodeFacts) enter(i int, n *daemon.NodeState) {
	f.policyFacts.enter(i, n)
	before, after := f.roles[i], f.role(n)
	if before == after {
		return
	}
	f.roles[i] = after
	f.count(before, -1)
	f.count(after, 1)
	if before, after := before&roleAction, after&roleAction; before != after {
		f.todo[before].Put(i, false)
		f.todo[after].Put(i, after != actionNone)
	}
}

func (f *nodeFacts) count(r role, sign int) {
	if r == 0 {
		return
	}
	for _, c := range [...]struct {
		flag  role
		count *int
	}{
		{roleDesired, &f.desired},
		{roleOutdated, &f.outdated},
		{roleUnavailable, &f.unavailable},
		{roleSurging, &f.surging},
		{roleAvailable, &f.available},
	} {
		if r&c.flag != 0 {
			*c.count += sign
		}
	}
}

func (f *nodeFacts) role(n *daemon.NodeState) role {
	pods := podsToUpdate(n.Pods)
	var r role
	switch {
	case f.surge:
		r = surgeRole(n, pods)
	case len(n.Pods) > 0 || n.Decision.Run:
		r = replaceRole(pods)
	}
	if n.Decision.Run {
		r |= roleDesired
	}
	if pods.old != nil {
		r |= roleOutdated
	}
	if pods.cur != nil || pods.excess {
		r |= roleUpdated
	}
	return r
}

// replaceRole is the role in an update without surge: outdated pods are deleted,
// and a later Reconcile creates their successors.
func replaceRole(pods nodePods) role {
	switch {
	case pods.excess, (pods.cur == nil) == (pods.old == nil):
		// No live pod, or more than there should be: Reconcile acts first.
		return roleUnavailable
	case pods.cur != nil && pods.cur.Available:
		return actionNone
	case pods.cur != nil:
		return roleUnavailable
	case !pods.old.Available:
		return roleUnavailable | actionDelete
	}
	return actionDeleteBudgeted
}

// surgeRole is the role in an update with surge: new pods are created beside
// outdated ones, which are deleted when their successor is available.
func surgeRole(n *daemon.NodeState, pods nodePods) role {
	if pods.excess {
		return roleSurging
	}
	var r role
	standing := pods.old
	if standing == nil {
		standing = pods.cur
	}
	if standing != nil && standing.Available {
		r = roleAvailable
	}
	switch {
	case pods.old == nil:
		// Updated or empty: Reconcile acts first.
		return r
	case pods.cur != nil && !pods.cur.Available:
		return r | roleSurging
	case pods.cur != nil:
		return r | actionDelete
	case n.Node == nil:
		// Left to pod garbage collection; see Deviations.
		return r
	case !n.Decision.Run && !pods.old.Available:
		return r | actionDelete
	case !n.Decision.Run:
		// It keeps availability up until a pod elsewhere has taken over.
		return r | actionDeleteBudgeted
	case !pods.old.Available:
		return r | actionCreate
	}
	return r | actionCreateBudgeted
}

// inOrder yields the positions with an action and, while the budget has room, those with
// its budgeted twin, in the order of the policy. It sorts only as many as are taken.
func (c *choice) inOrder(action role, p *budgetLeft) iter.Seq[int] {
	free, budgeted := c.facts.todo[action], c.facts.todo[action+1]
	if c.compare == nil && !c.descending {
		return inBoth(free, budgeted, p)
	}
	positions := c.facts.candidates[:0]
	for i := range inBoth(free, budgeted, p) {
		if c.held == nil || c.held[i] == 0 {
			positions = append(positions, i)
		}
	}
	c.facts.candidates = positions
	return c.sorted(positions)
}

// inBoth yields the members of two disjoint sets in ascending order. It leaves the
// second one as soon as the budget has no room.
func inBoth(a, b *indexset.Set, p *budgetLeft) iter.Seq[int] {
	return func(yield func(int) bool) {
		i, j := a.Next(0), b.Next(0)
		for {
			if p.left <= 0 {
				j = -1
			}
			if i < 0 && j < 0 {
				return
			}
			next := j
			if j < 0 || i >= 0 && i < j {
				next, i = i, a.Next(i+1)
			} else {
				j = b.Next(j + 1)
			}
			if !yield(next) {
				return
			}
		}
	}
}

// before compares two nodes in the order of the policy.
func (c *choice) before(i, j int) int {
	if c.compare != nil {
		if order := c.compare(&c.nodes[i], &c.nodes[j]); order != 0 {
			return order
		}
		return i - j
	}
	if c.descending {
		return j - i
	}
	return i - j
}

// sorted yields positions in the order of the policy. It may reorder the slice.
func (c *choice) sorted(positions []int) iter.Seq[int] {
	return func(yield func(int) bool) {
		switch {
		case c.compare != nil:
			queue := &orderedQueue{positions: positions, choice: c}
			heap.Init(queue)
			for len(queue.positions) > 0 && yield(heap.Pop(queue).(int)) {
			}
		case c.descending:
			for k := len(positions) - 1; k >= 0 && yield(positions[k]); k-- {
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
	choice    *choice
}

func (q *orderedQueue) Len() int { return len(q.positions) }
func (q *orderedQueue) Less(i, j int) bool {
	return q.choice.before(q.positions[i], q.positions[j]) < 0
}
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
