package simulate

import (
	"slices"
	"strings"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// tally counts nodes by how they count for a rollout. It looks at a node only when it
// has changed, and at all nodes when one has joined or left.
type tally struct {
	// marks say how each node of the snapshot counts.
	marks []mark
	// desired nodes are eligible, available ones are eligible and have an available live
	// pod, and incomplete ones are not rollout.NodeComplete.
	desired, available, incomplete int
	// left and missing are incomplete, and desired without available, without the nodes that
	// the policy ignores.
	left, missing int
	// withOutdated nodes are incomplete and have a live outdated pod, and outdated are those
	// of them that the policy does not ignore.
	withOutdated, outdated int
	// touched are the nodes that have changed, and stale says that all may have.
	touched []touchedNode
	stale   bool
}

// touchedNode is the name of a node, which may be missing.
type touchedNode struct {
	name string
	host *host
}

// mark is how one node counts.
type mark uint8

const (
	markDesired mark = 1 << iota
	markAvailable
	markIncomplete
	markOutdated
	// markSinglePod: the node has one pod.
	markSinglePod
)

// touch notes that a node has changed; h is nil if it does not exist. After many changes
// without a pass the nodes are counted anew. Without a name there is no node.
func (t *tally) touch(node string, h *host) {
	switch {
	case t.stale, node == "":
	case len(t.touched) < 64+2*len(t.marks):
		t.touched = append(t.touched, touchedNode{node, h})
	default:
		t.stale, t.touched = true, nil
	}
}

// count brings the counts up to date. A nil snapshot has no nodes.
func (t *tally) count(s *daemon.Snapshot) {
	nodes := s.Nodes()
	if t.stale || t.marks == nil || !t.countTouched(nodes) {
		t.countAll(nodes)
	}
	t.touched, t.stale = t.touched[:0], false
}

// countTouched counts the nodes that have changed. It reports whether no node has joined or left
// the list: one that has left was touched, and is not found.
func (t *tally) countTouched(nodes []daemon.NodeState) bool {
	if len(nodes) != len(t.marks) {
		return false
	}
	for _, n := range t.touched {
		i, ok := position(nodes, n.name, n.host)
		if !ok {
			return false
		}
		t.set(i, markOf(&nodes[i]))
	}
	return true
}

// position returns where a node is in the list of a snapshot, and false if it is not there. h is
// nil if it does not exist.
func position(nodes []daemon.NodeState, name string, h *host) (int, bool) {
	if h != nil && h.at < len(nodes) && nodes[h.at].Name == name {
		return h.at, true
	}
	i, ok := slices.BinarySearchFunc(nodes, name, func(n daemon.NodeState, name string) int { return strings.Compare(n.Name, name) })
	if ok && h != nil {
		h.at = i
	}
	return i, ok
}

func (t *tally) countAll(nodes []daemon.NodeState) {
	*t = tally{marks: make([]mark, len(nodes)), touched: t.touched}
	for i := range nodes {
		t.set(i, markOf(&nodes[i]))
	}
}

func (t *tally) set(i int, m mark) {
	was := t.marks[i]
	if m == was {
		return
	}
	t.marks[i] = m
	for _, c := range [...]struct {
		mark  mark
		count *int
	}{{markDesired, &t.desired}, {markAvailable, &t.available}, {markIncomplete, &t.incomplete}, {markOutdated, &t.withOutdated}} {
		switch {
		case m&c.mark != 0 && was&c.mark == 0:
			*c.count++
		case m&c.mark == 0 && was&c.mark != 0:
			*c.count--
		}
	}
}

// leaveOut sets left, missing and outdated.
func (t *tally) leaveOut(s *daemon.Snapshot, ignored []rollout.IgnoredNode) {
	t.left, t.missing, t.outdated = t.incomplete, t.desired-t.available, t.withOutdated
	for _, n := range ignored {
		m := t.of(s, n.Node, nil)
		if m&markIncomplete != 0 {
			t.left--
		}
		if m&markOutdated != 0 {
			t.outdated--
		}
		if m&(markDesired|markAvailable) == markDesired {
			t.missing--
		}
	}
}

// of returns the mark of the named node. A node that is not in the list has no mark.
func (t *tally) of(s *daemon.Snapshot, node string, h *host) mark {
	if i, ok := position(s.Nodes(), node, h); ok {
		return t.marks[i]
	}
	return 0
}

func markOf(n *daemon.NodeState) mark {
	var m mark
	if n.Decision.Run {
		m |= markDesired
		if slices.ContainsFunc(n.Pods, isAvailable) {
			m |= markAvailable
		}
	}
	if !rollout.NodeComplete(n) {
		m |= markIncomplete
		if slices.ContainsFunc(n.Pods, isOutdated) {
			m |= markOutdated
		}
	}
	if len(n.Pods) == 1 {
		m |= markSinglePod
	}
	return m
}

// isAvailable reports whether a pod makes its node available, be it outdated or not.
func isAvailable(p daemon.PodState) bool { return p.Available && p.Live() }

func isOutdated(p daemon.PodState) bool { return p.Live() && !p.Updated }

// after returns how many nodes are available after the deletions of a plan.
func (t *tally) after(s *daemon.Snapshot, hosts map[string]*host, plan *daemon.Plan) int {
	available := t.available
	var several map[string][]string
	for _, d := range plan.Delete {
		switch m := t.of(s, d.Node, hosts[d.Node]); {
		case m&markAvailable == 0:
		case m&markSinglePod != 0:
			available--
		default:
			if several == nil {
				several = make(map[string][]string)
			}
			several[d.Node] = append(several[d.Node], d.Pod.Name)
		}
	}
	for node, deleted := range several {
		stays := func(p daemon.PodState) bool { return isAvailable(p) && !slices.Contains(deleted, p.Pod.Name) }
		if n := s.Node(node); n != nil && !slices.ContainsFunc(n.Pods, stays) {
			available--
		}
	}
	return available
}
