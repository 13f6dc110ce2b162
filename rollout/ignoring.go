package rollout

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/indexset"
	"github.com/pernode/daemonset/internal/nodestatus"
	"github.com/pernode/daemonset/internal/podstatus"
)

// ignoring knows which nodes a policy ignores. It looks at a node when the node has changed, and
// when one of its problems has lasted long enough.
type ignoring struct {
	by  ignoredBy
	now time.Time
	// list are the ignored nodes and at their positions, both ascending. The list is part of
	// results: it is never changed, only replaced.
	list []IgnoredNode
	at   []int
	// chosen are the nodes that IgnoreNodes chooses. Of these, empty are those that need a first
	// pod, and bare those that need a pod beside others.
	chosen, empty, bare *indexset.Set
	surge               bool
	// due is when the next problem of each node has lasted long enough; zero: never. The heaps
	// have the nodes for which it is not zero, the soonest first.
	due []time.Time
	nodeHeaps
	// changed are the nodes that have changed since the last pass.
	changed []int
	// looked is how many nodes were looked at. Tests read it.
	looked int
}

// The heaps of an ignoring.
const (
	// heapWaiting: nodes that will be ignored.
	heapWaiting = iota
	// heapIgnored: ignored nodes of which a further problem may become the reason.
	heapIgnored
)

// ignoredBy are the fields of a policy that ignore nodes.
type ignoredBy struct {
	notReady, stuckPods           bool
	notReadyAfter, stuckPodsAfter time.Duration
	nodes                         *IgnoreNodes
}

func (p *policy) ignoredBy() (by ignoredBy) {
	if p.empty() {
		return by
	}
	if after := p.IgnoreNotReadyNodes; after != nil {
		by.notReady, by.notReadyAfter = true, after.After.Duration
	}
	if after := p.IgnoreStuckPods; after != nil {
		by.stuckPods, by.stuckPodsAfter = true, after.After.Duration
	}
	by.nodes = p.IgnoreNodes
	return by
}

func (by *ignoredBy) chooses(n *daemon.NodeState) bool {
	return by.nodes != nil && by.nodes.By != nil && by.nodes.By(n)
}

// newIgnoring returns what looks at all nodes.
func newIgnoring(nodes []daemon.NodeState, by ignoredBy, surge bool, now time.Time) *ignoring {
	g := &ignoring{
		by: by, now: now, surge: surge, due: make([]time.Time, len(nodes)),
		chosen: indexset.New(len(nodes)), empty: indexset.New(len(nodes)), bare: indexset.New(len(nodes)),
	}
	g.nodeHeaps = newHeaps(2, len(nodes), func(_ []daemon.NodeState, _, i, j int) bool {
		return cmp.Or(g.due[i].Compare(g.due[j]), cmp.Compare(i, j)) < 0
	})
	g.changed = make([]int, len(nodes))
	for i := range nodes {
		g.changed[i] = i
	}
	g.update(nodes, now)
	return g
}

// note notes that a node has changed. g may be nil.
func (g *ignoring) note(i int) {
	if g != nil {
		g.changed = append(g.changed, i)
	}
}

// update looks at the nodes that have changed, and at those with a problem that has lasted long
// enough now. The time must not be before that of the last call. It returns the positions of the
// nodes that it has begun or ceased to ignore.
func (g *ignoring) update(nodes []daemon.NodeState, now time.Time) (flipped []int) {
	g.now = now
	for _, i := range g.changed {
		n := &nodes[i]
		chosen := g.by.chooses(n)
		needs := chosen && n.Decision.Run
		g.chosen.Put(i, chosen)
		g.empty.Put(i, needs && len(n.Pods) == 0)
		g.bare.Put(i, needs && len(n.Pods) > 0 && g.surge && !slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Live() }))
	}
	positions := g.changed
	for heap := range g.heaps {
		positions = g.appendDue(positions, heap, 0)
	}
	g.changed = g.changed[:0]
	if len(positions) == 0 {
		return nil
	}
	slices.Sort(positions)
	positions = slices.Compact(positions)
	g.looked += len(positions)
	found := make([]IgnoredNode, len(positions))
	changes := false
	for k, i := range positions {
		found[k] = g.look(i, &nodes[i])
		at, was := slices.BinarySearch(g.at, i)
		is := found[k].Reason != 0
		if was != is {
			flipped = append(flipped, i)
		}
		changes = changes || was != is || is && g.list[at] != found[k]
	}
	if changes {
		g.merge(positions, found)
	}
	g.nodeHeaps.change(nodes, positions, func(i int) int32 {
		switch {
		case g.due[i].IsZero():
			return -1
		case g.ignores(i):
			return heapIgnored
		}
		return heapWaiting
	})
	return flipped
}

// appendDue appends the nodes below a place of a heap that are due.
func (g *ignoring) appendDue(to []int, heap, at int) []int {
	if list := g.heaps[heap]; at < len(list) && !g.due[list[at]].After(g.now) {
		to = append(to, int(list[at]))
		to = g.appendDue(to, heap, 2*at+1)
		to = g.appendDue(to, heap, 2*at+2)
	}
	return to
}

// merge makes new lists with what was found about the nodes at some positions, which ascend.
func (g *ignoring) merge(positions []int, found []IgnoredNode) {
	size := len(g.list)
	for k, i := range positions {
		if g.ignores(i) {
			size--
		}
		if found[k].Reason != 0 {
			size++
		}
	}
	if size == 0 {
		g.list, g.at = nil, nil
		return
	}
	list, at := make([]IgnoredNode, 0, size), make([]int, 0, size)
	from := 0
	for k, i := range positions {
		to, was := slices.BinarySearch(g.at[from:], i)
		to += from
		list, at = append(list, g.list[from:to]...), append(at, g.at[from:to]...)
		if from = to; was {
			from++
		}
		if found[k].Reason != 0 {
			list, at = append(list, found[k]), append(at, i)
		}
	}
	g.list, g.at = append(list, g.list[from:]...), append(at, g.at[from:]...)
}

// positions returns the positions of the ignored nodes, ascending. g may be nil.
func (g *ignoring) positions() []int {
	if g == nil {
		return nil
	}
	return g.at
}

// ignores reports whether a node is ignored. g may be nil.
func (g *ignoring) ignores(i int) bool {
	_, is := slices.BinarySearch(g.positions(), i)
	return is
}

// chooses reports whether IgnoreNodes chooses a node. g may be nil.
func (g *ignoring) chooses(i int) bool { return g != nil && g.chosen.Has(i) }

// next returns when another node will be ignored; zero: never. g may be nil.
func (g *ignoring) next() time.Time {
	if g == nil || len(g.heaps[heapWaiting]) == 0 {
		return time.Time{}
	}
	return g.due[g.heaps[heapWaiting][0]]
}

// look returns how a node is ignored, without a reason if it is not, and sets due.
func (g *ignoring) look(i int, n *daemon.NodeState) IgnoredNode {
	out, due := IgnoredNode{Node: n.Name}, time.Time{}
	problem := func(reason IgnoredReason, since time.Time, after time.Duration) {
		from := since.Add(after)
		switch {
		case from.After(g.now):
			if due.IsZero() || from.Before(due) {
				due = from
			}
			return
		case since.IsZero():
			from = since
		}
		if out.Reason == 0 {
			out.Reason, out.Since, out.From = reason, since, from
		} else if from.Before(out.From) { // A pod that is terminating has a time.
			out.From = from
		}
	}
	if n.Decision.Run || len(n.Pods) > 0 {
		if g.by.notReady && n.Node != nil {
			if ready := nodestatus.Ready(n.Node); ready != nil && ready.Status != corev1.ConditionTrue {
				problem(IgnoredNotReady, ready.LastTransitionTime.Time, g.by.notReadyAfter)
			}
		}
		if g.by.stuckPods {
			if since := terminatingUntil(n); !since.IsZero() {
				problem(IgnoredStuckPod, since, g.by.stuckPodsAfter)
			}
		}
		if out.Reason == 0 && g.chosen.Has(i) {
			out.Reason = IgnoredByCaller
		}
	}
	g.due[i] = due
	return out
}

// terminatingUntil returns the last end of a grace period on a node on which every pod
// is terminating; else the zero time.
func terminatingUntil(n *daemon.NodeState) time.Time {
	var until time.Time
	for i := range n.Pods {
		p := &n.Pods[i]
		if !p.Terminating {
			return time.Time{}
		}
		until = podstatus.Latest(until, p.Pod.DeletionTimestamp.Time)
	}
	return until
}

// ignoreNodes applies the fields of the policy that ignore nodes.
func (c *choice) ignoreNodes() {
	c.shutClasses(RestrictionIgnored, flagIgnored)
	c.facts.reportIgnored(&c.step.Policy)
	requeueAt(&c.step.Plan, c.s.Now(), c.step.Policy.NextIgnored)
}

// reportIgnored sets what a status says of ignored nodes.
func (f *nodeFacts) reportIgnored(to *PolicyStatus) {
	if f.ignoring != nil {
		to.Ignored, to.NextIgnored = f.ignoring.list, f.ignoring.next()
	}
}

// requeueAt lowers RequeueAfter of a plan to the time until at; zero changes nothing.
func requeueAt(p *daemon.Plan, now, at time.Time) {
	if !at.IsZero() {
		requeue(p, at.Sub(now))
	}
}
