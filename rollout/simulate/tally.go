package simulate

import (
	"slices"
	"strings"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// tally counts nodes by how they count for a rollout. It looks at a node only when the node has
// changed, or when the policy has begun or ceased to ignore it. When a node has joined or left, it
// looks at all of them.
type tally struct {
	// marks say how each node of the snapshot counts.
	marks []mark
	// desired nodes are eligible, and available ones are eligible and have an available live
	// pod.
	desired, available int
	// The policy ignores none of these: left nodes are not rollout.NodeComplete, missing ones are
	// desired and not available, and outdated ones are left and have a live outdated pod.
	left, missing, outdated int
	// ignored are the nodes that the policy ignored when they were last counted, and looked is how
	// many nodes were looked at; tests read it.
	ignored []rollout.IgnoredNode
	looked  int
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
	markLeft
	markMissing
	markOutdated
	// markIgnored: the policy ignores the node, and its marks left, missing and outdated do not
	// count.
	markIgnored
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

// count brings the counts up to date. A nil snapshot has no nodes. ignored are ordered by name, and
// are the same list as before if no other nodes are ignored.
func (t *tally) count(s *daemon.Snapshot, ignored []rollout.IgnoredNode) {
	nodes := s.Nodes()
	if t.stale || t.marks == nil || !t.countTouched(nodes) || !t.countIgnored(nodes, ignored) {
		t.countAll(nodes, ignored)
	}
	t.touched, t.stale, t.ignored = t.touched[:0], false, ignored
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
		t.set(i, markOf(&nodes[i])|t.marks[i]&markIgnored)
	}
	t.looked += len(t.touched)
	return true
}

// countIgnored counts the nodes that the policy has begun or ceased to ignore. It reports false for
// a node that is not in the list.
func (t *tally) countIgnored(nodes []daemon.NodeState, ignored []rollout.IgnoredNode) bool {
	before := t.ignored
	if len(before) == len(ignored) && (len(ignored) == 0 || &before[0] == &ignored[0]) {
		return true
	}
	t.looked += len(ignored)
	for len(before) > 0 || len(ignored) > 0 {
		var name string
		var mark mark
		switch {
		case len(ignored) == 0 || len(before) > 0 && before[0].Node < ignored[0].Node:
			name, before = before[0].Node, before[1:]
		case len(before) == 0 || ignored[0].Node < before[0].Node:
			name, mark, ignored = ignored[0].Node, markIgnored, ignored[1:]
		default:
			before, ignored = before[1:], ignored[1:]
			continue
		}
		i, ok := position(nodes, name, nil)
		if !ok {
			return false
		}
		t.set(i, t.marks[i]&^markIgnored|mark)
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

func (t *tally) countAll(nodes []daemon.NodeState, ignored []rollout.IgnoredNode) {
	*t = tally{marks: make([]mark, len(nodes)), touched: t.touched, looked: t.looked + len(nodes)}
	for i := range nodes {
		for len(ignored) > 0 && ignored[0].Node < nodes[i].Name {
			ignored = ignored[1:]
		}
		m := markOf(&nodes[i])
		if len(ignored) > 0 && ignored[0].Node == nodes[i].Name {
			m |= markIgnored
		}
		t.set(i, m)
	}
}

func (t *tally) set(i int, m mark) {
	if m == t.marks[i] {
		return
	}
	was := t.marks[i].counting()
	t.marks[i] = m
	m = m.counting()
	for _, c := range [...]struct {
		mark  mark
		count *int
	}{{markDesired, &t.desired}, {markAvailable, &t.available}, {markLeft, &t.left}, {markMissing, &t.missing}, {markOutdated, &t.outdated}} {
		switch {
		case m&c.mark != 0 && was&c.mark == 0:
			*c.count++
		case m&c.mark == 0 && was&c.mark != 0:
			*c.count--
		}
	}
}

// counting returns the marks that count.
func (m mark) counting() mark {
	if m&markIgnored != 0 {
		m &^= markLeft | markMissing | markOutdated
	}
	return m
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
		} else {
			m |= markMissing
		}
	}
	if !rollout.NodeComplete(n) {
		m |= markLeft
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
