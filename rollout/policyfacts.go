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
	// ages are the creation times of the pods; nil if the policy does not need them.
	ages []podAges
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
	if !slices.EqualFunc(f.columns, p.markers, func(c column, m marker) bool { return c.key == m.key }) {
		f.columns = make([]column, len(p.markers))
	}
	for slot := range f.columns {
		c := &f.columns[slot]
		if c.of != nil && len(c.names) <= 2*len(nodes) {
			continue
		}
		// Facts that no node has any more are forgotten as well.
		*c = column{marker: p.markers[slot], ids: map[string]int32{}, of: make([]int32, len(nodes))}
		for i := range nodes {
			c.set(i, c.mark(nodes[i].Node))
		}
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
}

// enter reads the facts of a node that has changed.
func (m *policyFacts) enter(i int, n *daemon.NodeState) {
	for slot := range m.columns {
		c := &m.columns[slot]
		c.set(i, c.mark(n.Node))
	}
	if m.ages != nil {
		m.ages[i] = agesOf(n)
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
