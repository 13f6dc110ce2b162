package rollout

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/indexset"
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
	// suspects are the nodes that the policy may ignore, and ignore is its choice that they
	// were found with; nil if it ignores none.
	suspects *indexset.Set
	ignore   *IgnoreNodes
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
	// Classes that no node is in any more are forgotten as well.
	if f.markColumns(nodes, p) || f.classes.counts == nil || !slices.Equal(f.classes.columns, columns) ||
		(f.ages != nil) != tries || (f.classes.flags != nil) != (tries || p.Partition != nil) || len(f.classes.counts) > 2*len(nodes)+64 {
		f.classify(nodes, columns, tries, p.Partition != nil)
	}
	if f.cut != nil && f.cut.order != p.sequence() {
		f.cut = nil
	}
	f.queued = p.Partition != nil || !p.Order.byName() || len(columns) > 0
	if !f.queued || f.queues.order != p.sequence() {
		f.queues = queues{}
	}
	switch {
	case p.IgnoreNotReadyNodes == nil && p.IgnoreStuckPods == nil && p.IgnoreNodes == nil:
		f.suspects, f.ignore = nil, nil
	case f.suspects == nil || f.ignore != p.IgnoreNodes:
		f.suspects, f.ignore = indexset.New(len(nodes)), p.IgnoreNodes
		for i := range nodes {
			f.suspects.Put(i, suspect(&nodes[i], f.ignore))
		}
	}
}

// classify puts all nodes into classes.
func (f *nodeFacts) classify(nodes []daemon.NodeState, columns []int, tries, partition bool) {
	f.ages, f.tried, f.cut, f.queues = nil, nil, nil, queues{}
	var of []flags
	if tries || partition {
		of = make([]flags, len(nodes))
	}
	if tries {
		f.ages = newAges(nodes)
		for i, young := range f.ages.young {
			if young {
				of[i] = flagYoung
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
	if f.suspects != nil {
		f.suspects.Put(i, suspect(n, f.ignore))
	}
}
