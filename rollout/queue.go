package rollout

import (
	"container/heap"
	"iter"
	"slices"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/indexset"
	"github.com/pernode/daemonset/internal/minheap"
)

// queues keep the nodes with an action in the order of the policy between steps: in one
// heap for each class and action. A node that changes costs a number of comparisons that
// grows with the logarithm of the number of nodes. They are not made for a policy whose
// order is that of the names and whose class is one.
type queues struct {
	order sequence
	nodeHeaps
}

// nodeHeaps are heaps of positions of nodes. A node is in one of them at most.
type nodeHeaps struct {
	heaps [][]int32
	// in is the heap of each node, or -1, and at the place there.
	in, at []int32
	// leaving marks the nodes that change; they come before all others.
	leaving []bool
	// moved is a buffer.
	moved []int32
	// before reports whether a node comes before another one in a heap.
	before func(nodes []daemon.NodeState, heap, i, j int) bool
}

// newHeaps returns a number of empty heaps for a number of nodes.
func newHeaps(heaps, nodes int, before func(nodes []daemon.NodeState, heap, i, j int) bool) nodeHeaps {
	h := nodeHeaps{
		heaps: make([][]int32, heaps), in: make([]int32, nodes), at: make([]int32, nodes), leaving: make([]bool, nodes), before: before,
	}
	for i := range h.in {
		h.in[i] = -1
	}
	return h
}

// put appends a node to a heap, which heap.Init has to put in order.
func (q *nodeHeaps) put(i int, heap int32) {
	q.in[i], q.at[i] = heap, int32(len(q.heaps[heap]))
	q.heaps[heap] = append(q.heaps[heap], int32(i))
}

// ready reports whether the heaps are in use.
func (q *nodeHeaps) ready() bool { return q.heaps != nil }

// queueOf returns the heap that a node belongs to, or -1.
func (f *nodeFacts) queueOf(i int) int32 {
	action := f.roles[i] & roleAction
	if action == actionNone {
		return -1
	}
	return int32(f.classes.class(i)*int(actions) + int(action))
}

// newQueues returns the queues of all nodes.
func newQueues(nodes []daemon.NodeState, order sequence, f *nodeFacts) queues {
	q := queues{order: order, nodeHeaps: newHeaps(len(f.classes.counts)*int(actions), len(nodes), func(nodes []daemon.NodeState, _, i, j int) bool {
		return order.compare(nodes, i, j) < 0
	})}
	for i := range nodes {
		if id := f.queueOf(i); id >= 0 {
			q.put(i, id)
		}
	}
	for id := range q.heaps {
		heap.Init(&queue{&q.nodeHeaps, nodes, id})
	}
	return q
}

// change moves the nodes that have changed.
func (q *queues) change(nodes []daemon.NodeState, positions []int, f *nodeFacts) {
	if !q.ready() {
		return
	}
	for len(q.heaps) < len(f.classes.counts)*int(actions) {
		q.heaps = append(q.heaps, nil)
	}
	q.nodeHeaps.change(nodes, positions, f.queueOf)
}

// change puts each node that has changed into the heap that heapOf returns, or into none if that
// is below zero. A changed node may compare otherwise than before, and its place in the old heap
// may be wrong: it is first taken out, without being compared, and then added again.
func (q *nodeHeaps) change(nodes []daemon.NodeState, positions []int, heapOf func(i int) int32) {
	q.moved = q.moved[:0]
	for _, i := range positions {
		if q.in[i] >= 0 && !q.leaving[i] {
			q.leaving[i] = true
			q.moved = append(q.moved, int32(i))
		}
	}
	// From the top of each heap down, each goes up to the top or to one that leaves, too.
	// No two of the others are compared, and they stay in order among themselves.
	slices.SortFunc(q.moved, func(a, b int32) int { return int(q.at[a] - q.at[b]) })
	for _, i := range q.moved {
		h := queue{q, nodes, int(q.in[i])}
		for at := int(q.at[i]); at > 0; {
			parent := (at - 1) / 2
			if q.leaving[q.heaps[h.id][parent]] {
				break
			}
			h.Swap(at, parent)
			at = parent
		}
	}
	for _, i := range q.moved {
		h := &queue{q, nodes, int(q.in[i])}
		q.leaving[h.removeFirst()] = false
	}
	for _, i := range q.moved {
		q.in[i] = -1
	}
	for _, i := range positions {
		if q.in[i] >= 0 {
			continue // It has come repeatedly.
		}
		if id := heapOf(i); id >= 0 {
			h := &queue{q, nodes, int(id)}
			q.in[i] = id
			h.add(i)
		}
	}
}

// queue is one of the heaps.
type queue struct {
	*nodeHeaps
	nodes []daemon.NodeState
	id    int
}

func (h *queue) Len() int { return len(h.heaps[h.id]) }
func (h *queue) Less(i, j int) bool {
	a, b := int(h.heaps[h.id][i]), int(h.heaps[h.id][j])
	if h.leaving[a] || h.leaving[b] {
		return h.leaving[a] && !h.leaving[b]
	}
	return h.before(h.nodes, h.id, a, b)
}
func (h *queue) Swap(i, j int) {
	list := h.heaps[h.id]
	list[i], list[j] = list[j], list[i]
	h.at[list[i]], h.at[list[j]] = int32(i), int32(j)
}

// Push and Pop implement heap.Interface and are never called: add and removeFirst do the
// same without an allocation.
func (h *queue) Push(any) {}
func (h *queue) Pop() any { return nil }

func (h *queue) add(i int) {
	last := len(h.heaps[h.id])
	h.at[i] = int32(last)
	h.heaps[h.id] = append(h.heaps[h.id], int32(i))
	heap.Fix(h, last)
}

// removeFirst removes the first node. Its place goes down to a leaf at one comparison a level, and
// the last node goes up from there: seldom far, because it was a leaf. Going down from the top, it
// would be compared at each level as well.
func (h *queue) removeFirst() int32 {
	last, at := len(h.heaps[h.id])-1, 0
	for child := 1; child <= last; child = 2*at + 1 {
		if right := child + 1; right <= last && h.Less(right, child) {
			child = right
		}
		h.Swap(at, child)
		at = child
	}
	h.Swap(at, last)
	first := h.heaps[h.id][last]
	if h.heaps[h.id] = h.heaps[h.id][:last]; at < last {
		heap.Fix(h, at)
	}
	return first
}

// fromQueues is inOrder with the queues. It leaves them as they are: next holds the places
// whose parents have been yielded, the first in the order of the policy on top.
func (c *choice) fromQueues(action role, p *budgetLeft) iter.Seq[int] {
	return func(yield func(int) bool) {
		f := c.facts
		next := &places{choice: c}
		domains := c.domainsApply(action)
		strict := c.policy.strict() && domains
		for class, closed := range f.closed {
			for _, a := range [...]role{action, action + 1} {
				// With maxSurge, nodes that are not pending have outdated pods to delete, too.
				skip := f.shut[class] != 0 || closed != 0 && !(f.surge && a == actionDelete)
				if heap := class*int(actions) + int(a); !skip && heap < len(f.queues.heaps) && len(f.queues.heaps[heap]) > 0 {
					next.list = append(next.list, place{heap: heap})
				}
			}
		}
		minheap.Init(next.list, next.before)
		for len(next.list) > 0 {
			at := next.list[0]
			queue := f.queues.heaps[at.heap]
			i := int(queue[at.index])
			budgeted := role(at.heap%int(actions)) != action
			if budgeted && p.left <= 0 || domains && !c.roomInDomains(i, budgeted, strict) {
				// The others of this queue are not taken either.
				next.replaceFirst()
				continue
			}
			switch left, right := 2*at.index+1, 2*at.index+2; {
			case right < len(queue):
				next.replaceFirst(place{at.heap, left}, place{at.heap, right})
			case left < len(queue):
				next.replaceFirst(place{at.heap, left})
			default:
				next.replaceFirst()
			}
			f.looked++
			if !f.isHeld(i) && !yield(i) {
				return
			}
		}
	}
}

// place is a place in one of the heaps.
type place struct{ heap, index int }

// places are a minheap of places.
type places struct {
	list   []place
	choice *choice
}

func (p *places) before(a, b place) bool {
	heaps := p.choice.facts.queues.heaps
	return p.choice.before(int(heaps[a.heap][a.index]), int(heaps[b.heap][b.index])) < 0
}

// replaceFirst puts up to two places where the first one was.
func (p *places) replaceFirst(by ...place) {
	if len(by) == 0 {
		p.list = minheap.Pop(p.list, p.before)
		return
	}
	p.list[0] = by[0]
	minheap.FixFirst(p.list, p.before)
	if len(by) == 2 {
		p.list = minheap.Push(p.list, by[1], p.before)
	}
}

// inOrder yields the positions with an action and, while the budget has room, those with
// its budgeted twin, in the order of the policy. It leaves out nodes that are held back.
func (c *choice) inOrder(action role, p *budgetLeft) iter.Seq[int] {
	f := c.facts
	free, budgeted := f.todo[action], f.todo[action+1]
	switch {
	case f.queues.ready() && len(f.held) <= (free.Len()+budgeted.Len())/4:
		return c.fromQueues(action, p)
	case c.policy.sequence().byName():
		return func(yield func(int) bool) {
			for i := range inBoth(free, budgeted, p) {
				f.looked++
				if !f.isHeld(i) && !yield(i) {
					return
				}
			}
		}
	}
	return func(yield func(int) bool) {
		positions, freeLeft := f.candidates[:0], 0
		for i := range inBoth(free, budgeted, p) {
			f.looked++
			if f.isHeld(i) {
				continue
			}
			positions = append(positions, i)
			if f.roles[i]&roleAction == action {
				freeLeft++
			}
		}
		f.candidates = positions
		for i := range c.sorted(positions) {
			switch {
			case f.roles[i]&roleAction == action:
				freeLeft--
			case p.left > 0:
			case freeLeft == 0:
				return
			default:
				continue
			}
			if !yield(i) {
				return
			}
		}
	}
}

// inBoth yields the members of two disjoint sets in ascending order. It leaves the
// second one as soon as the budget has no room.
func inBoth(a, b *indexset.Set, p *budgetLeft) iter.Seq[int] {
	return func(yield func(int) bool) {
		i, j := a.Next(0), b.Next(0)
		for {
			if p.left <= 0 {
				j = -1
			}
			if i < 0 && j < 0 {
				return
			}
			next := j
			if j < 0 || i >= 0 && i < j {
				next, i = i, a.Next(i+1)
			} else {
				j = b.Next(j + 1)
			}
			if !yield(next) {
				return
			}
		}
	}
}

// before compares two nodes in the order of the policy.
func (c *choice) before(i, j int) int { return c.policy.sequence().compare(c.nodes, i, j) }

// sorted yields positions in the order of the policy. It may reorder the slice.
func (c *choice) sorted(positions []int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if c.policy.sequence().descending {
			for k := len(positions) - 1; k >= 0 && yield(positions[k]); k-- {
			}
			return
		}
		before := func(i, j int) bool { return c.before(i, j) < 0 }
		minheap.Init(positions, before)
		for len(positions) > 0 {
			i := positions[0]
			if positions = minheap.Pop(positions, before); !yield(i) {
				return
			}
		}
	}
}
