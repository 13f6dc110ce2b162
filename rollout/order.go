package rollout

import (
	"cmp"
	"strings"
	"time"

	"github.com/pernode/daemonset/daemon"
)

// Order is the order in which nodes are updated. The zero Order is that of their names.
//
// A State keeps the nodes in order between passes. As long as each pass has the same *Order, it
// compares few nodes besides those that have changed and those that the policy ignores. Make the
// Order once and do not change it: a pass with another one compares all nodes that are left to
// update.
type Order struct {
	// By compares two nodes: ByName, ByLabel, OldestPodFirst, NotReadyFirst, several of
	// them in InOrder, one in Reverse, or a function of the caller. Nodes that it finds
	// equal are in the order of their names.
	By Compare
}

// byName reports whether the order is that of the names.
func (o *Order) byName() bool { return o == nil || o.By == nil }

// compare compares the nodes at two positions.
func (o *Order) compare(nodes []daemon.NodeState, i, j int) int {
	if !o.byName() {
		if order := o.By(&nodes[i], &nodes[j]); order != 0 {
			return order
		}
	}
	return i - j
}

// sequence is the order in which a policy takes nodes.
type sequence struct {
	order *Order
	// descending reverses the order of names, if that is the order.
	descending bool
}

// byName reports whether the sequence is the ascending order of names.
func (s sequence) byName() bool { return s.order.byName() && !s.descending }

// compare compares the nodes at two positions.
func (s sequence) compare(nodes []daemon.NodeState, i, j int) int {
	if s.descending {
		return j - i
	}
	return s.order.compare(nodes, i, j)
}

// Compare compares two nodes for an Order. A negative number puts a before b, a
// positive number puts b before a. It must be pure and consistent, and depend on nothing but
// the two nodes. They are read-only, and their Node may be nil.
type Compare func(a, b *daemon.NodeState) int

// ByName orders nodes by name.
func ByName(a, b *daemon.NodeState) int { return strings.Compare(nodeName(a), nodeName(b)) }

// ByLabel orders nodes by the value of a label, such as topology.kubernetes.io/zone.
// Nodes without the label, or with an empty value, come first.
func ByLabel(key string) Compare {
	value := func(n *daemon.NodeState) string {
		if n == nil || n.Node == nil {
			return ""
		}
		return n.Node.Labels[key]
	}
	return func(a, b *daemon.NodeState) int { return strings.Compare(value(a), value(b)) }
}

// OldestPodFirst orders nodes by the creation time of their oldest outdated pod. Nodes
// without an outdated pod come first.
func OldestPodFirst(a, b *daemon.NodeState) int { return oldestOutdated(a).Compare(oldestOutdated(b)) }

// NotReadyFirst orders nodes without a ready pod before all others.
func NotReadyFirst(a, b *daemon.NodeState) int { return cmp.Compare(readyPods(a), readyPods(b)) }

// InOrder combines comparisons. The first that distinguishes two nodes
// decides. nil entries are ignored.
func InOrder(compare []Compare) Compare {
	return func(a, b *daemon.NodeState) int {
		for _, by := range compare {
			if by == nil {
				continue
			}
			if order := by(a, b); order != 0 {
				return order
			}
		}
		return 0
	}
}

// Reverse reverses a comparison; nil stays nil.
func Reverse(compare Compare) Compare {
	if compare == nil {
		return nil
	}
	return func(a, b *daemon.NodeState) int { return compare(b, a) }
}

func nodeName(n *daemon.NodeState) string {
	if n == nil {
		return ""
	}
	return n.Name
}

func oldestOutdated(n *daemon.NodeState) time.Time {
	var oldest time.Time
	if n == nil {
		return oldest
	}
	for i := range n.Pods {
		p := &n.Pods[i]
		if p.Updated || p.Pod == nil {
			continue
		}
		if created := p.Pod.CreationTimestamp.Time; oldest.IsZero() || created.Before(oldest) {
			oldest = created
		}
	}
	return oldest
}

// readyPods returns one if a pod of the node is ready and not terminating, else zero.
func readyPods(n *daemon.NodeState) int {
	if n == nil {
		return 0
	}
	for i := range n.Pods {
		if p := &n.Pods[i]; p.Ready && !p.Terminating {
			return 1
		}
	}
	return 0
}
