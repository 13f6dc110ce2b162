package rollout

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
)

// policyFacts are the facts about each node that only a policy needs. They depend on the
// node object and its pods alone, so that a node is looked at only when it changes.
type policyFacts struct {
	columns []column
	// seen are the node objects that the columns were read from.
	seen []*corev1.Node
	// ages are the creation times of the pods; nil while no canary may be on trial. tried are
	// the nodes with flagTried, ascending.
	ages  *ages
	tried []int
	// cut is the order of the nodes for a partition; nil before the first step with one.
	cut *cut
	// ignoring is nil if the policy ignores no nodes.
	ignoring *ignoring
	classes  classes
	// queued says that the steps use queues, which the first step makes.
	queued bool
	queues queues
}

// marker reads a fact of a node object, which may be nil. Markers of the same key read
// the same fact.
type marker struct {
	key  string
	mark func(node *corev1.Node) string
}

// column holds the facts that one marker reads. Equal facts have one number.
type column struct {
	marker
	ids   map[string]int32
	names []string
	of    []int32
}

func (c *column) set(i int, name string) {
	id, ok := c.ids[name]
	if !ok {
		id = int32(len(c.names))
		c.ids[name], c.names = id, append(c.names, name)
	}
	c.of[i] = id
}

// mark reads the facts that the policy needs, unless they are read already. trial is the memory
// of the canary.
func (f *nodeFacts) mark(s *daemon.Snapshot, p *policy, trial *CanaryTrial) {
	if p.empty() {
		f.policyFacts = policyFacts{}
		return
	}
	nodes := s.Nodes()
	columns, tries := p.classColumns, p.tries(s, trial)
	if tries {
		columns = append(slices.Clip(columns), p.eligibleColumn)
	}
	ignored := f.ignore(s, p)
	flagged := tries || p.Partition != nil || f.ignoring != nil
	// Classes that no node is in any more are forgotten as well.
	if f.markColumns(nodes, p) || f.classes.counts == nil || !slices.Equal(f.classes.columns, columns) ||
		(f.ages != nil) != tries || (f.classes.flags != nil) != flagged || len(f.classes.counts) > 2*len(nodes)+64 {
		f.classify(nodes, columns, tries, flagged)
	} else {
		f.flagIgnored(nodes, ignored)
	}
	if f.cut != nil && f.cut.order != p.sequence() {
		f.cut = nil
	}
	f.queued = p.Partition != nil || !p.Order.byName() || len(columns) > 0 || f.ignoring != nil
	if !f.queued || f.queues.order != p.sequence() {
		f.queues = queues{}
	}
}

// ignore finds out which nodes the policy ignores now. It returns the positions of those that it
// has begun or ceased to ignore; others may be among them.
func (f *nodeFacts) ignore(s *daemon.Snapshot, p *policy) (flipped []int) {
	by := p.ignoredBy()
	switch {
	case by == ignoredBy{}:
		flipped, f.ignoring = f.ignoring.positions(), nil
	case f.ignoring == nil || f.ignoring.by != by || s.Now().Before(f.ignoring.now):
		before := f.ignoring.positions()
		f.ignoring = newIgnoring(s.Nodes(), by, f.surge, s.Now())
		flipped = slices.Concat(before, f.ignoring.at)
		f.looked += len(f.roles)
	default:
		flipped = f.ignoring.update(s.Nodes(), s.Now())
	}
	return flipped
}

// flagIgnored sets the flags of the nodes that the policy may have begun or ceased to ignore.
func (f *nodeFacts) flagIgnored(nodes []daemon.NodeState, positions []int) {
	var changed []int
	for _, i := range positions {
		if f.classes.setFlag(f.columns, i, flagIgnored, f.ignoring.ignores(i), f.roles[i], f.surge) {
			changed = append(changed, i)
			if f.cut != nil {
				f.cut.note(i)
			}
		}
	}
	f.looked += len(positions)
	f.queues.change(nodes, changed, f)
}

// classify puts all nodes into classes.
func (f *nodeFacts) classify(nodes []daemon.NodeState, columns []int, tries, flagged bool) {
	f.ages, f.tried, f.cut, f.queues = nil, nil, nil, queues{}
	var of []flags
	if flagged {
		of = make([]flags, len(nodes))
		for _, i := range f.ignoring.positions() {
			of[i] = flagIgnored
		}
	}
	if tries {
		f.ages = newAges(nodes)
		for i, young := range f.ages.young {
			if young {
				of[i] |= flagYoung
			}
		}
	}
	f.classes = newClasses(columns, f.columns, f.roles, f.surge, of)
	f.looked += len(nodes)
}

// markColumns reads the facts of the markers of the policy, and reports whether a column is
// new.
func (f *nodeFacts) markColumns(nodes []daemon.NodeState, p *policy) (changed bool) {
	if !slices.EqualFunc(f.columns, p.markers, func(c column, m marker) bool { return c.key == m.key }) {
		f.columns, f.seen = make([]column, len(p.markers)), make([]*corev1.Node, len(nodes))
		for i := range nodes {
			f.seen[i] = nodes[i].Node
		}
	}
	for slot := range f.columns {
		c := &f.columns[slot]
		if c.of != nil && len(c.names) <= 2*len(nodes) {
			continue
		}
		// Facts that no node has any more are forgotten as well.
		changed = true
		*c = column{marker: p.markers[slot], ids: map[string]int32{}, of: make([]int32, len(nodes))}
		for i := range nodes {
			c.set(i, c.mark(nodes[i].Node))
		}
	}
	return changed
}

// read reads the facts of a node that has changed.
func (f *nodeFacts) read(i int, n *daemon.NodeState) {
	if f.seen != nil && f.seen[i] != n.Node { // mostly only pods have changed
		f.seen[i] = n.Node
		for slot := range f.columns {
			c := &f.columns[slot]
			c.set(i, c.mark(n.Node))
		}
		f.classes.enter(f.columns, i, f.roles[i], f.surge)
	}
	if f.ages != nil {
		f.ages.set(i, n)
	}
	if f.cut != nil {
		f.cut.note(i)
	}
	f.ignoring.note(i)
}
