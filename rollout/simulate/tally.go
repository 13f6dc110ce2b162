package simulate

import (
	"slices"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// tally counts nodes by how they count for a rollout. It looks at a node only when it
// has changed.
type tally struct {
	nodes map[string]mark
	// desired nodes are eligible, available ones are eligible and have an available live
	// pod, and incomplete ones are not rollout.NodeComplete.
	desired, available, incomplete int
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
	case len(t.touched) < 64+2*len(t.nodes):
		t.touched = append(t.touched, node)
	default:
		t.stale, t.touched = true, nil
	}
}

// count brings the counts up to date. A nil snapshot has no nodes.
func (t *tally) count(s *daemon.Snapshot) {
	if t.nodes == nil || t.stale {
		nodes := s.Nodes()
		*t = tally{nodes: make(map[string]mark, len(nodes))}
		for i := range nodes {
			t.set(nodes[i].Name, markOf(&nodes[i]))
		}
		return
	}
	for _, name := range t.touched {
		t.set(name, markOf(s.Node(name)))
	}
	t.touched = t.touched[:0]
}

func (t *tally) set(node string, m mark) {
	was := t.nodes[node]
	if m == was {
		return
	}
	if m == 0 {
		delete(t.nodes, node)
	} else {
		t.nodes[node] = m
	}
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

func markOf(n *daemon.NodeState) mark {
	var m mark
	if n == nil {
		return m
	}
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
		switch m := t.nodes[d.Node]; {
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
