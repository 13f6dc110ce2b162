package rollout

import (
	"slices"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/indexset"
)

// nodeFacts hold the facts that a step needs about all nodes: how many use the budget, and
// which ones the step could write on. A node that has changed is entered again without
// looking at the others.
type nodeFacts struct {
	surge bool
	roles []role
	// The numbers of nodes by the flags of their role. absent counts those that are
	// outdated and do not exist.
	desired, outdated, unavailable, surging, available, updated, empty, absent int
	// todo are the positions of the nodes by the action that is possible there.
	todo [actions]*indexset.Set
	// pairs are the positions of the nodes that are roleOutdated and roleUpdated.
	pairs *indexset.Set
	policyFacts
	// What the last step has held back, until the next one.
	holds
	// candidates is a buffer that the steps reuse.
	candidates []int
	// compared is how often the last canary compared groups of nodes, and looked is how many
	// nodes the steps have looked at. Tests read them.
	compared, looked int
}

// role describes one node in an update: flags, and the action in the low bits.
type role uint16

const (
	// roleDesired: the node is eligible.
	roleDesired role = 1 << (iota + 3)
	roleUnavailable
	roleSurging
	roleAvailable
	// roleOutdated: exactly one outdated pod is not terminating, and at most one of the current
	// template.
	roleOutdated
	// roleUpdated: a pod of the current template is not terminating.
	roleUpdated
	// roleEmpty: the node is eligible and has no pod at all.
	roleEmpty
	// roleAbsent: the node does not exist, and is roleOutdated.
	roleAbsent

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
	// excess says that there are several pods of one kind, and cur and old are nil. Reconcile
	// deletes all but one first.
	excess bool
	// current is the first pod of the current template, live ones first. It is cur unless
	// there is excess.
	current *daemon.PodState
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
			if out.current == nil || !out.current.Live() && p.Live() {
				out.current = p
			}
		}
		out.excess = out.excess || *slot != nil
		*slot = p
	}
	if out.excess {
		out.cur, out.old = nil, nil
	}
	return out
}

// newNodeFacts enters every node.
func newNodeFacts(s *daemon.Snapshot) *nodeFacts {
	nodes := s.Nodes()
	f := &nodeFacts{roles: make([]role, len(nodes)), pairs: indexset.New(len(nodes))}
	for action := range f.todo {
		f.todo[action] = indexset.New(len(nodes))
	}
	f.desired = int(daemon.Status(s).DesiredNumberScheduled)
	f.surge = f.surges(s)
	f.desired = 0
	// Nodes with the same role often follow one another: they are counted together.
	last, alike := role(0), 0
	for i := range nodes {
		r := f.role(&nodes[i])
		f.roles[i] = r
		if r != last {
			f.count(last, alike)
			last, alike = r, 0
		}
		alike++
		if action := r & roleAction; action != actionNone {
			f.todo[action].Put(i, true)
		}
		if r.pair() {
			f.pairs.Put(i, true)
		}
	}
	f.count(last, alike)
	return f
}

// change enters the nodes at some positions, in place of their last entries.
func (f *nodeFacts) change(nodes []daemon.NodeState, positions []int) {
	for _, i := range positions {
		f.read(i, &nodes[i])
		f.enter(i, &nodes[i])
	}
	if f.ages != nil {
		flipped := f.ages.settle()
		for _, i := range positions {
			f.classes.setFlag(f.columns, i, flagYoung, f.ages.young[i], f.roles[i], f.surge)
		}
		for _, i := range flipped {
			f.classes.setFlag(f.columns, i, flagYoung, f.ages.young[i], f.roles[i], f.surge)
		}
		f.looked += len(flipped)
		positions = append(slices.Clip(positions), flipped...)
	}
	f.queues.change(nodes, positions, f)
}

// surges reports whether the budget of the update is maxSurge, which depends on the
// number of eligible nodes.
func (f *nodeFacts) surges(s *daemon.Snapshot) bool {
	budgets, err := readBudgets(s.DaemonSet(), f.desired)
	return err == nil && budgets.maxSurge != 0
}

// fits reports whether the roles are still those of the snapshot's budget.
func (f *nodeFacts) fits(s *daemon.Snapshot) bool { return f.surges(s) == f.surge }

// enter enters the role of the node at a position.
func (f *nodeFacts) enter(i int, n *daemon.NodeState) {
	before, after := f.roles[i], f.role(n)
	f.classes.move(i, before, after, f.surge)
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
	if before.pair() != after.pair() {
		f.pairs.Put(i, after.pair())
	}
}

// count adds a number of nodes with the same role, which may be negative.
func (f *nodeFacts) count(r role, nodes int) {
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
		{roleUpdated, &f.updated},
		{roleEmpty, &f.empty},
		{roleAbsent, &f.absent},
	} {
		if r&c.flag != 0 {
			*c.count += nodes
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
		if len(n.Pods) == 0 {
			r |= roleEmpty
		}
	}
	if pods.old != nil {
		r |= roleOutdated
		if n.Node == nil {
			r |= roleAbsent
		}
	}
	if pods.current != nil {
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

// pending reports whether exactly one pod of a node is not terminating, and is outdated.
func (r role) pending() bool { return r&(roleOutdated|roleUpdated) == roleOutdated }

// pair reports whether an outdated pod and one of the current template are not terminating.
func (r role) pair() bool { return r&(roleOutdated|roleUpdated) == roleOutdated|roleUpdated }

// underway reports whether the update has begun on a node and is not over.
func (r role) underway(surge bool) bool {
	switch {
	case r&roleUpdated == 0:
		return r&(roleOutdated|roleDesired) == roleDesired
	case surge:
		return r&roleOutdated != 0 || r&roleAvailable == 0
	}
	return r&roleUnavailable != 0
}
