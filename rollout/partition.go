package rollout

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/percent"
)

// Partition keeps outdated pods on some nodes, counted as in OpenKruise's Advanced
// DaemonSet. It puts all nodes that are eligible or have a pod in this order: updated
// nodes, nodes whose update is under way, pending nodes, and pending nodes that the policy
// ignores or NodeSelector does not match. All of them are updated except the last Nodes. The
// nodes of the last group are thus the first to count for Nodes: if NodeSelector matches five
// of ten pending nodes, all five are updated unless Nodes is above five. In each group the
// nodes are in the order of Policy.Order; if it is nil, they are in descending order of
// their names, as in OpenKruise. Nodes that do not exist are not updated.
type Partition struct {
	// Nodes is the number of nodes not to update, or a percentage of the eligible nodes,
	// rounded down. If Nodes exceeds the number of nodes, no node is updated.
	Nodes intstr.IntOrString `json:"nodes"`
	// ProgressiveCreate delays first pods as well. They are created, in the order of the
	// nodes' names, while the number of nodes with a pod of the current template is below
	// the number of eligible nodes minus Nodes. It has no effect if Nodes is zero.
	ProgressiveCreate bool `json:"progressiveCreate,omitempty"`
}

// String returns a phrase such as "partition 50%".
func (p *Partition) String() string {
	if p == nil {
		return "no partition"
	}
	return "partition " + p.Nodes.String()
}

func (p *Partition) validate(path *field.Path) field.ErrorList {
	if p == nil {
		return nil
	}
	return validateAmount(p.Nodes, 0, path.Child("nodes"))
}

// partition applies Policy.Partition.
func (c *choice) partition(p *Partition) {
	f := c.facts
	keep, _ := percent.RoundDown(p.Nodes, c.step.Desired) // a valid policy
	var positions []int
	if f.cut == nil {
		f.cut, positions = c.newCut(keep)
	} else {
		positions = c.regroup()
	}
	positions = append(positions, f.cut.divide(c.nodes, f.cut.counted-keep)...)
	f.looked += len(positions)
	kept := positions[:0]
	for _, i := range positions {
		if c.setFlag(i, flagKept, f.cut.keeps(i)) {
			kept = append(kept, i)
		}
	}
	f.queues.change(c.nodes, kept, f)
	c.shutClasses(RestrictionPartition, flagKept)
}

// cut divides the nodes that are updated from those that a partition keeps. It keeps both between
// steps, so that a node that changes moves few others across.
type cut struct {
	order sequence
	// nodeHeaps are the nodes of groupUpdated to groupPending: in the heap updated the last
	// one is on top, and in the heap kept the first one.
	nodeHeaps
	groups []group
	// counted is the number of nodes that the partition counts.
	counted int
	// changed are the nodes that have changed since the last step, and stale marks them.
	changed []int
	stale   []bool
}

// group is where a node stands in the order of a Partition.
type group uint8

const (
	// groupNone nodes do not count.
	groupNone group = iota
	groupUpdated
	groupUnderway
	groupPending
	// groupHeld nodes are pending ones that the policy holds back already.
	groupHeld
	// groupAbsent nodes do not exist. They are kept, and do not count.
	groupAbsent
)

// The heaps of a cut.
const (
	heapUpdated = iota
	heapKept
)

// groupOf returns the group of a node; see Partition.
func (c *choice) groupOf(i int) group {
	n, r := &c.nodes[i], c.facts.roles[i]
	switch {
	case n.Node == nil:
		return groupAbsent
	case r&roleDesired == 0 && len(n.Pods) == 0:
		return groupNone
	case r&roleUpdated != 0:
		return groupUpdated
	case !r.pending():
		return groupUnderway
	case c.facts.isHeld(i):
		return groupHeld
	}
	return groupPending
}

// newCut returns a cut that keeps a number of nodes, and the positions of all nodes.
func (c *choice) newCut(keep int) (*cut, []int) {
	t := &cut{order: c.policy.sequence(), groups: make([]group, len(c.nodes)), stale: make([]bool, len(c.nodes))}
	t.nodeHeaps = newHeaps(2, len(c.nodes), func(nodes []daemon.NodeState, heap, i, j int) bool {
		if heap == heapUpdated {
			i, j = j, i
		}
		return t.compare(nodes, i, j) < 0
	})
	all, ordered := make([]int, len(c.nodes)), make([]int, 0, len(c.nodes))
	for i := range all {
		all[i] = i
		t.setGroup(i, c.groupOf(i))
		if t.ordered(i) {
			ordered = append(ordered, i)
		}
	}
	slices.SortFunc(ordered, func(i, j int) int { return t.compare(c.nodes, i, j) })
	updated := min(max(0, t.counted-keep), len(ordered))
	for _, i := range slices.Backward(ordered[:updated]) { // A sorted list is a heap.
		t.put(i, heapUpdated)
	}
	for _, i := range ordered[updated:] {
		t.put(i, heapKept)
	}
	return t, all
}

// regroup brings the groups up to date, and returns the nodes that may have another one.
func (c *choice) regroup() []int {
	t := c.facts.cut
	changed := t.changed
	for _, i := range changed {
		t.setGroup(i, c.groupOf(i))
		t.stale[i] = false
	}
	t.nodeHeaps.change(c.nodes, changed, func(i int) int32 {
		updated := t.heaps[heapUpdated]
		switch {
		case !t.ordered(i):
			return -1
		case len(updated) > 0 && t.compare(c.nodes, i, int(updated[0])) < 0:
			return heapUpdated
		}
		return heapKept
	})
	t.changed = nil
	return changed
}

// note notes that a node has changed.
func (t *cut) note(i int) {
	if !t.stale[i] {
		t.stale[i], t.changed = true, append(t.changed, i)
	}
}

func (t *cut) setGroup(i int, g group) {
	counts := func(g group) int {
		if g == groupNone || g == groupAbsent {
			return 0
		}
		return 1
	}
	t.counted += counts(g) - counts(t.groups[i])
	t.groups[i] = g
}

// ordered reports whether a node is in one of the heaps.
func (t *cut) ordered(i int) bool { return t.groups[i] >= groupUpdated && t.groups[i] <= groupPending }

// compare compares two nodes in the order of the partition.
func (t *cut) compare(nodes []daemon.NodeState, i, j int) int {
	if c := cmp.Compare(t.groups[i], t.groups[j]); c != 0 {
		return c
	}
	return t.order.compare(nodes, i, j)
}

// divide moves nodes until as many as given are in the heap updated, or all of them. It returns
// those that it has moved.
func (t *cut) divide(nodes []daemon.NodeState, updated int) (moved []int) {
	move := func(from, to int) {
		i := int((&queue{&t.nodeHeaps, nodes, from}).removeFirst())
		t.in[i] = int32(to)
		(&queue{&t.nodeHeaps, nodes, to}).add(i)
		moved = append(moved, i)
	}
	for len(t.heaps[heapUpdated]) < updated && len(t.heaps[heapKept]) > 0 {
		move(heapKept, heapUpdated)
	}
	for len(t.heaps[heapUpdated]) > max(0, updated) {
		move(heapUpdated, heapKept)
	}
	return moved
}

// keeps reports whether a node is not updated.
func (t *cut) keeps(i int) bool { return t.groups[i] == groupAbsent || t.in[i] == heapKept }

// restrictPlan takes the first pods that ProgressiveCreate delays out of the plan, and
// returns their number. due is the number of first pods in the plan.
func (p *Partition) restrictPlan(f *nodeFacts, s *daemon.Snapshot, plan *daemon.Plan, due int, ignored *ignoring) int {
	keep, _ := percent.RoundDown(p.Nodes, f.desired) // a valid policy
	if !p.ProgressiveCreate || keep == 0 {
		return 0
	}
	return limitFirstPods(s, plan, due, max(0, f.desired-f.updated-min(keep, f.desired)), ignored)
}

// limitFirstPods takes all first pods except the given number out of a plan that has due
// of them, and returns the number of those. Other creations stay. None is put on nodes that
// IgnoreNodes chooses; ignored may be nil.
func limitFirstPods(s *daemon.Snapshot, plan *daemon.Plan, due, most int, ignored *ignoring) (held int) {
	if due <= most {
		return 0
	}
	held = due - most
	plan.Nodes -= held
	first, last := 0, ""
	plan.Create = slices.DeleteFunc(slices.Clone(plan.Create), func(c daemon.Create) bool {
		last = c.Node
		if c.Reason != daemon.CreateReasonMissing {
			return false
		}
		first++
		return first > most
	})
	// The burst limit defers the others, which come after these.
	deferred := due - first
	plan.CreateDeferred -= deferred - min(deferred, max(0, most-first))
	if first > most {
		createDeferred(s, plan, last, ignored)
	}
	return held
}

// createDeferred adds creations that the burst limit has deferred if there is room for
// them now. They are successors of terminating pods on nodes behind the last one that the
// plan creates a pod on; see daemon.CreateReasonSuccessor.
func createDeferred(s *daemon.Snapshot, plan *daemon.Plan, last string, ignored *ignoring) {
	nodes := s.Nodes()
	for i := range nodes {
		if plan.CreateDeferred == 0 || len(plan.Create) >= s.BurstReplicas() {
			return
		}
		n := &nodes[i]
		live := slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Live() })
		if n.Name > last && n.Decision.Run && len(n.Pods) > 0 && !live && !ignored.chooses(i) {
			plan.Create = append(plan.Create, daemon.Create{Node: n.Name, Reason: daemon.CreateReasonSuccessor, Pod: s.NewPod(n.Name)})
			plan.CreateDeferred--
		}
	}
}
