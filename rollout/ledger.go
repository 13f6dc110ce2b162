package rollout

import (
	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/indexset"
)

// ledger is what an update step needs to know about all nodes: how many count
// for what, and on which something could be done. A node whose pods changed is
// entered anew without looking at the others.
type ledger struct {
	policy *Policy
	surge  bool
	roles  []role
	// counts are the numbers of nodes by the flags of their role.
	desired, outdated, unavailable, surging, available int
	// todo are the positions of the nodes by what could be done there.
	todo [actions]*indexset.Set
	// marks are what the markers of the policy say of each node.
	marks []marks
	// ages are the creation times of the pods, in seconds, which is what API servers
	// tell; nil where the policy does not ask for them.
	ages []podAges
	// held says by which piece the last round held a node back; candidates is room
	// for the next one to work in.
	held       []HeldBy
	candidates []int
}

// podAges are when the pods of one node that count for an update were created; zero
// where there is none, or it does not tell.
type podAges struct{ cur, old int64 }

// marks are the facts of one marker, numbered as they come up.
type marks struct {
	ids   map[string]int32
	names []string
	of    []int32
}

func (m *marks) set(i int, name string) {
	id, ok := m.ids[name]
	if !ok {
		id = int32(len(m.names))
		m.ids[name], m.names = id, append(m.names, name)
	}
	m.of[i] = id
}

// role is what one node is to an update: flags, and in the low bits the action.
type role uint16

const (
	roleDesired role = 1 << (iota + 3)
	roleUnavailable
	roleSurging
	roleAvailable
	roleOutdated
	// roleUpdated: a pod of the current template is alive, or too many are.
	roleUpdated

	roleAction role = 1<<3 - 1
)

// The actions, in pairs: those that cost nothing of a budget, and those that do.
const (
	actionNone = role(iota)
	actionDelete
	actionDeleteBudgeted
	actionCreate
	actionCreateBudgeted
	actions
)

// nodePods are the pods of one node that count for an update: at most one of
// the current template and one outdated.
type nodePods struct {
	cur, old *daemon.PodState
	// excess says that there is more than one of a kind, which Reconcile will
	// tidy up first.
	excess bool
}

// sortOut looks at the pods that are not being deleted (findUpdatedPodsOnNode
// @v1.37.2).
func sortOut(pods []daemon.PodState) (out nodePods) {
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

// newLedger enters every node.
func newLedger(s *daemon.Snapshot, policy *Policy) *ledger {
	nodes := s.Nodes()
	l := &ledger{policy: policy, roles: make([]role, len(nodes))}
	if !policy.empty() {
		l.marks = make([]marks, len(policy.markers))
		for slot := range l.marks {
			l.marks[slot] = marks{ids: map[string]int32{}, of: make([]int32, len(nodes))}
		}
		if policy.ages {
			l.ages = make([]podAges, len(nodes))
		}
	}
	for i := range nodes {
		if nodes[i].Decision.Run {
			l.desired++
		}
	}
	if budgets, err := readBudgets(s.DaemonSet(), l.desired); err == nil {
		l.surge = budgets.maxSurge != 0
	}
	l.desired = 0
	for action := range l.todo {
		l.todo[action] = indexset.New(len(nodes))
	}
	for i := range nodes {
		l.enter(i, &nodes[i])
	}
	return l
}

// enter enters the node at a position, in place of what was entered before.
func (l *ledger) enter(i int, n *daemon.NodeState) {
	for slot := range l.marks {
		l.marks[slot].set(i, l.policy.markers[slot].mark(n.Node))
	}
	if l.ages != nil {
		l.ages[i] = agesOf(n)
	}
	before, after := l.roles[i], l.role(n)
	if before == after {
		return
	}
	l.roles[i] = after
	l.count(before, -1)
	l.count(after, 1)
	if before, after := before&roleAction, after&roleAction; before != after {
		l.todo[before].Put(i, false)
		l.todo[after].Put(i, after != actionNone)
	}
}

func agesOf(n *daemon.NodeState) podAges {
	seconds := func(p *daemon.PodState) int64 {
		if p == nil || p.Pod.CreationTimestamp.IsZero() {
			return 0
		}
		return p.Pod.CreationTimestamp.Unix()
	}
	pods := sortOut(n.Pods)
	return podAges{cur: seconds(pods.cur), old: seconds(pods.old)}
}

// isHeld reports whether the last step held a node back.
func (l *ledger) isHeld(i int) bool { return i < len(l.held) && l.held[i] != 0 }

func (l *ledger) count(r role, sign int) {
	if r == 0 {
		return
	}
	for _, c := range [...]struct {
		flag  role
		count *int
	}{
		{roleDesired, &l.desired},
		{roleOutdated, &l.outdated},
		{roleUnavailable, &l.unavailable},
		{roleSurging, &l.surging},
		{roleAvailable, &l.available},
	} {
		if r&c.flag != 0 {
			*c.count += sign
		}
	}
}

func (l *ledger) role(n *daemon.NodeState) role {
	pods := sortOut(n.Pods)
	var r role
	switch {
	case l.surge:
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
		// Nothing alive, or more than there should be: Reconcile's turn.
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
// outdated ones, which go when their successor is available.
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
		// New or empty: Reconcile's turn.
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
		// It holds availability up until a pod elsewhere has taken over.
		return r | actionDeleteBudgeted
	case !pods.old.Available:
		return r | actionCreate
	}
	return r | actionCreateBudgeted
}

// step works out what the budgets allow to be done now.
func (l *ledger) step(s *daemon.Snapshot) (*Step, error) {
	rolling, err := rolls(s.DaemonSet())
	if !rolling {
		return &Step{}, err
	}
	budgets, err := readBudgets(s.DaemonSet(), l.desired)
	if err != nil {
		return nil, err
	}
	st := &Step{
		Desired:        l.desired,
		Outdated:       l.outdated,
		MaxUnavailable: budgets.maxUnavailable,
		MaxSurge:       budgets.maxSurge,
		Unavailable:    l.unavailable,
		Surging:        l.surging,
		Available:      l.available,
	}
	if !l.policy.empty() {
		l.narrow(s, st)
		return st, nil
	}
	left := st.MaxUnavailable - st.Unavailable
	if l.surge {
		left = st.Available - st.Desired
	}
	nodes := s.Nodes()
	deletes := l.each(s, actionDelete, left, func(i int) { st.delete(s, &nodes[i], l.roles[i]&roleAction == actionDeleteBudgeted) })
	creates := l.each(s, actionCreate, st.MaxSurge-st.Surging, func(i int) { st.create(&nodes[i], l.roles[i]&roleAction == actionCreateBudgeted) })
	s.Complete(&st.Plan)
	st.Plan.DeleteDeferred = deletes - len(st.Plan.Delete)
	st.Plan.CreateDeferred = creates - len(st.Plan.Create)
	return st, nil
}

// each calls do, in the order of the nodes, for all nodes with the given action
// and for as many of those with its budgeted twin as are left in the budget. It
// returns how many these are; of the budgeted ones do is not called for those that
// the burst limit will put off, since what costs no budget comes first.
func (l *ledger) each(s *daemon.Snapshot, action role, left int, do func(i int)) int {
	free, budgeted := l.todo[action], l.todo[action+1]
	left = max(0, min(left, budgeted.Len()))
	chosen := free.Len() + left
	if burst := s.Burst(); burst >= 0 {
		left = min(left, burst-free.Len())
	}
	for i, j := free.Next(0), budgeted.Next(0); i >= 0 || left > 0; {
		if left <= 0 || i >= 0 && i < j {
			do(i)
			i = free.Next(i + 1)
			continue
		}
		left--
		do(j)
		j = budgeted.Next(j + 1)
	}
	return chosen
}

// create plans a new pod beside the outdated one of a node.
func (st *Step) create(n *daemon.NodeState, budgeted bool) {
	reason := daemon.CreateUnavailable
	if budgeted {
		reason = daemon.CreateSurge
	}
	st.Plan.Create = append(st.Plan.Create, daemon.Create{Node: n.Name, Reason: reason})
}

// delete plans the deletion of the outdated pod of a node.
func (st *Step) delete(s *daemon.Snapshot, n *daemon.NodeState, budgeted bool) {
	pods := sortOut(n.Pods)
	d := daemon.Delete{Node: n.Name, Pod: pods.old.Pod}
	switch {
	case st.MaxSurge == 0 && budgeted:
		d.Reason = daemon.DeleteOutdated
	case st.MaxSurge == 0:
		d.Reason = daemon.DeleteUnavailable
	case pods.cur != nil:
		d.Reason, d.Stays = daemon.DeleteSuperseded, pods.cur.Pod
	default:
		d.Reason, d.Explanation = daemon.DeleteNotEligible, s.Matcher().Explain(n.Node)
	}
	st.Plan.Delete = append(st.Plan.Delete, d)
}
