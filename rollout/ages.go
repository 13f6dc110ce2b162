package rollout

import (
	"math"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/minheap"
)

// podAges are the creation times of the pods of one node that count for an update, in
// seconds, the precision of the API. Zero stands for no pod, or no known time.
type podAges struct{ cur, old int64 }

func agesOf(n *daemon.NodeState) podAges {
	seconds := func(p *daemon.PodState) int64 {
		if p == nil || p.Pod.CreationTimestamp.IsZero() {
			return 0
		}
		return p.Pod.CreationTimestamp.Unix()
	}
	pods := podsToUpdate(n.Pods)
	return podAges{cur: seconds(pods.current), old: seconds(pods.old)}
}

// ages know the podAges of all nodes, and which outdated pods are younger than the oldest pod of
// the current template. When that is another one, they look at the nodes whose outdated pods were
// created between the two.
type ages struct {
	of    []podAges
	young []bool
	// oldest is the creation time of the oldest pod of the current template.
	oldest int64
	// These are minheaps. current has the pods of the current template, the oldest first. older
	// and younger have the outdated pods, those first that are the next to be young, or not to be.
	current, older, younger []agedNode
	// flipped is a buffer.
	flipped []int
}

func newAges(nodes []daemon.NodeState) *ages {
	a := &ages{of: make([]podAges, len(nodes)), young: make([]bool, len(nodes))}
	for i := range nodes {
		a.of[i] = agesOf(&nodes[i])
	}
	a.sort()
	return a
}

// sort fills the heaps.
func (a *ages) sort() {
	a.current, a.older, a.younger = a.current[:0], a.older[:0], a.younger[:0]
	a.oldest = math.MaxInt64
	for i, is := range a.of {
		if is.cur != 0 {
			a.oldest = min(a.oldest, is.cur)
			a.current = append(a.current, agedNode{is.cur, int32(i)})
		}
	}
	for i, is := range a.of {
		switch a.young[i] = is.old > a.oldest; {
		case is.old == 0:
		case a.young[i]:
			a.younger = append(a.younger, agedNode{is.old, int32(i)})
		default:
			a.older = append(a.older, agedNode{-is.old, int32(i)})
		}
	}
	for _, h := range [][]agedNode{a.current, a.older, a.younger} {
		minheap.Init(h, agedNode.before)
	}
}

// set notes that a node has changed. What the heaps have about it from before is passed over
// later, because it is not true any more.
func (a *ages) set(i int, n *daemon.NodeState) {
	was, is := a.of[i], agesOf(n)
	a.of[i] = is
	if is.cur != was.cur && is.cur != 0 {
		a.current = minheap.Push(a.current, agedNode{is.cur, int32(i)}, agedNode.before)
	}
	if is.old != was.old {
		a.young[i] = false
		if is.old != 0 {
			a.older = minheap.Push(a.older, agedNode{-is.old, int32(i)}, agedNode.before) // settle moves it if it is young.
		}
	}
}

// settle brings young up to date, and returns nodes whose entry there may be another one, besides
// those that were set. They may repeat.
func (a *ages) settle() []int {
	a.flipped = a.flipped[:0]
	for len(a.current) > 0 && a.of[a.current[0].node].cur != a.current[0].key {
		a.current = minheap.Pop(a.current, agedNode.before)
	}
	a.oldest = math.MaxInt64
	if len(a.current) > 0 {
		a.oldest = a.current[0].key
	}
	for len(a.older) > 0 && -a.older[0].key > a.oldest {
		top := a.older[0]
		a.older = minheap.Pop(a.older, agedNode.before)
		if i := int(top.node); a.of[i].old == -top.key && !a.young[i] {
			a.young[i] = true
			a.younger = minheap.Push(a.younger, agedNode{-top.key, top.node}, agedNode.before)
			a.flipped = append(a.flipped, i)
		}
	}
	for len(a.younger) > 0 && a.younger[0].key <= a.oldest {
		top := a.younger[0]
		a.younger = minheap.Pop(a.younger, agedNode.before)
		if i := int(top.node); a.of[i].old == top.key && a.young[i] {
			a.young[i] = false
			a.older = minheap.Push(a.older, agedNode{-top.key, top.node}, agedNode.before)
			a.flipped = append(a.flipped, i)
		}
	}
	if len(a.current)+len(a.older)+len(a.younger) > 4*len(a.of)+64 {
		a.sort()
	}
	return a.flipped
}

// agedNode is a node with the time of one of its pods.
type agedNode struct {
	key  int64
	node int32
}

// before: the smallest key is first.
func (n agedNode) before(other agedNode) bool { return n.key < other.key }
