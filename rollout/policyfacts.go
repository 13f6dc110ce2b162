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
	// ages are the creation times of the pods; nil if the policy does not need them.
	ages []podAges
	// suspects are the nodes that the policy may ignore, and ignore is its choice that they
	// were found with; nil if it ignores none.
	suspects *indexset.Set
	ignore   *IgnoreNodes
	classes  classes
	queues   queues
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

// podAges are the creation times of the pods of one node that count for an update, in
// seconds, the precision of the API. Zero stands for no pod, or no known time.
type podAges struct{ cur, old int64 }

// mark reads the facts that the policy needs, unless they are read already.
func (f *nodeFacts) mark(s *daemon.Snapshot, p *policy) {
	if p.empty() {
		f.policyFacts = policyFacts{}
		return
	}
	nodes := s.Nodes()
	// Classes that no node is in any more are forgotten as well.
	if f.markColumns(nodes, p) || f.classes.counts == nil || !slices.Equal(f.classes.columns, p.classColumns) ||
		len(f.classes.counts) > 2*len(nodes)+64 {
		f.classes, f.queues = newClasses(p.classColumns, f.columns, f.roles, f.surge), queues{}
	}
	switch {
	case p.Partition != nil || p.Order.byName() && len(p.classColumns) == 0:
		f.queues = queues{}
	case !f.queues.ready() || f.queues.order != p.Order:
		f.queues = newQueues(nodes, p.Order, f)
	}
	switch {
	case !p.ages:
		f.ages = nil
	case f.ages == nil:
		f.ages = make([]podAges, len(nodes))
		for i := range nodes {
			f.ages[i] = agesOf(&nodes[i])
		}
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
		f.ages[i] = agesOf(n)
	}
	if f.suspects != nil {
		f.suspects.Put(i, suspect(n, f.ignore))
	}
}

func agesOf(n *daemon.NodeState) podAges {
	seconds := func(p *daemon.PodState) int64 {
		if p == nil || p.Pod.CreationTimestamp.IsZero() {
			return 0
		}
		return p.Pod.CreationTimestamp.Unix()
	}
	pods := podsToUpdate(n.Pods)
	return podAges{cur: seconds(pods.cur), old: seconds(pods.old)}
}
