package simulate

import (
	"slices"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// tally counts nodes by how they count for a rollout. It looks at a node only when it
// has changed, and at all nodes when one has joined or left.
type tally struct {
	// at is where each node is in the list of the snapshot, and marks how it counts.
	at    map[string]int32
	marks []mark
	// desired nodes are eligible, available ones are eligible and have an available live
	// pod, and incomplete ones are not rollout.NodeComplete.
	desired, available, incomplete int
	// left and missing are incomplete, and desired without available, without the nodes that
	// the policy ignores.
	left, missing int
	// touched are the nodes that have changed, and stale says that all may have.
	touched []string
	stale   bool
}

// mark is how one node counts.
type mark uint8

const (
	markDesired mark = 1 << iota
	markAvailable
	markIncomplete
	// markSinglePod: the node has one pod.
	markSinglePod
)

// touch notes that a node has changed. After many changes without a pass the nodes are
// counted anew.
func (t *tally) touch(node string) {
	switch {
	case t.stale:
	case len(t.touched) < 64+2*len(t.marks):
		t.touched = append(t.touched, node)
	default:
		t.stale, t.touched = true, nil
	}
}

// count brings the counts up to date. A nil snapshot has no nodes.
func (t *tally) count(s *daemon.Snapshot) {
	nodes := s.Nodes()
	if t.stale || t.at == nil || !t.countTouched(nodes) {
		t.countAll(nodes)
	}
	t.touched, t.stale = t.touched[:0], false
}

// countTouched reports whether all nodes that have changed are where they were.
func (t *tally) countTouched(nodes []daemon.NodeState) bool {
	if len(nodes) != len(t.marks) {
		return false
	}
	for _, name := range t.touched {
		i, ok := t.at[name]
		if !ok || nodes[i].Name != name {
			return false
		}
		t.set(int(i), markOf(&nodes[i]))
	}
	return true
}

func (t *tally) countAll(nodes []daemon.NodeState) {
	same := len(nodes) == len(t.marks)
	for i := 0; same && i < len(nodes); i++ {
		at, ok := t.at[nodes[i].Name]
		same = ok && int(at) == i
	}
	if !same {
		t.at, t.marks = make(map[string]int32, len(nodes)), make([]mark, len(nodes))
		t.desired, t.available, t.incomplete = 0, 0, 0
		for i := range nodes {
			t.at[nodes[i].Name] = int32(i)
		}
	}
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
	}{{markDesired, &t.desired}, {markAvailable, &t.available}, {markIncomplete, &t.incomplete}} {
		switch {
		case m&c.mark != 0 && was&c.mark == 0:
			*c.count++
		case m&c.mark == 0 && was&c.mark != 0:
			*c.count--
		}
	}
}

// leaveOut sets left and missing.
func (t *tally) leaveOut(ignored []rollout.IgnoredNode) {
	t.left, t.missing = t.incomplete, t.desired-t.available
	for _, n := range ignored {
		m := t.of(n.Node)
		if m&markIncomplete != 0 {
			t.left--
		}
		if m&(markDesired|markAvailable) == markDesired {
			t.missing--
		}
	}
}

// of returns the mark of the named node. A node that is not in the list has no mark.
func (t *tally) of(node string) mark {
	if i, ok := t.at[node]; ok {
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
	}
	if len(n.Pods) == 1 {
		m |= markSinglePod
	}
	return m
}

// isAvailable reports whether a pod makes its node available, be it outdated or not.
func isAvailable(p daemon.PodState) bool { return p.Available && p.Live() }

// after returns how many nodes are available after the deletions of a plan.
func (t *tally) after(s *daemon.Snapshot, plan *daemon.Plan) int {
	available := t.available
	var several map[string][]string
	for _, d := range plan.Delete {
		switch m := t.of(d.Node); {
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
