package rollout

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// Order updates nodes in an order of its own instead of that of their names. Of
// those that it does not tell apart, the first by name comes first.
type Order struct {
	// By are comparisons, the first of which that tells two nodes apart decides:
	// ByName, ByLabel, OldestPodFirst, NotReadyFirst, or functions of your own. They
	// return a negative number where a comes before b, a positive one where it comes
	// after, and must be pure and consistent.
	By []Compare
}

// Compare compares two nodes that an update may touch. Both are read-only; their Node
// is nil where a pod is on a node that does not exist.
type Compare func(a, b *daemon.NodeState) int

// String returns "order".
func (Order) String() string { return "order" }

func (Order) kind() pieceKind { return kindOrder }

func (o Order) rule(_ *Policy, path *field.Path) (rule, field.ErrorList) {
	var errs field.ErrorList
	if len(o.By) == 0 {
		errs = append(errs, field.Required(path.Child("by"), ""))
	}
	for i, by := range o.By {
		if by == nil {
			errs = append(errs, field.Required(path.Child("by").Index(i), ""))
		}
	}
	return orderRule{by: slices.Clone(o.By)}, errs
}

type orderRule struct{ by []Compare }

func (o orderRule) apply(r *round) {
	r.compare = func(a, b *daemon.NodeState) int {
		for _, by := range o.by {
			if c := by(a, b); c != 0 {
				return c
			}
		}
		return 0
	}
}

// ByName orders nodes by name.
func ByName(a, b *daemon.NodeState) int { return strings.Compare(a.Name, b.Name) }

// ByLabel orders nodes by the value that they have for a label, such as
// topology.kubernetes.io/zone; those that have none come first.
func ByLabel(key string) Compare {
	value := func(n *daemon.NodeState) string {
		if n.Node == nil {
			return ""
		}
		return n.Node.Labels[key]
	}
	return func(a, b *daemon.NodeState) int { return strings.Compare(value(a), value(b)) }
}

// Backwards turns a comparison round.
func Backwards(by Compare) Compare {
	if by == nil {
		return nil
	}
	return func(a, b *daemon.NodeState) int { return by(b, a) }
}

// OldestPodFirst orders nodes by the creation time of their oldest outdated pod.
func OldestPodFirst(a, b *daemon.NodeState) int { return oldestOutdated(a).Compare(oldestOutdated(b)) }

func oldestOutdated(n *daemon.NodeState) time.Time {
	var oldest time.Time
	for i := range n.Pods {
		p := &n.Pods[i]
		if created := p.Pod.CreationTimestamp.Time; !p.Updated && (oldest.IsZero() || created.Before(oldest)) {
			oldest = created
		}
	}
	return oldest
}

// NotReadyFirst puts nodes first on which no pod is ready.
func NotReadyFirst(a, b *daemon.NodeState) int { return cmp.Compare(anyReady(a), anyReady(b)) }

func anyReady(n *daemon.NodeState) int {
	if slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Ready && !p.Terminating }) {
		return 1
	}
	return 0
}
