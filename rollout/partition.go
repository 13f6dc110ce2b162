package rollout

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// Partition keeps outdated pods on some nodes, counted as OpenKruise's Advanced
// DaemonSet does: of all nodes with a pod or in want of one, updated ones come
// first, then those whose update is under way, then, in the order of the policy,
// those with an outdated pod, of which only as many are touched as leave Keep nodes
// over. Where the policy has no Order, the last nodes by name come first, as they
// do there.
//
// A partition never brings an old template back: a pod that is gone comes back as
// a new one.
type Partition struct {
	// Keep is how many nodes to leave alone: a number, or a percentage of the nodes
	// that should run a pod, rounded down. More than there are leaves all alone.
	Keep intstr.IntOrString
	// ProgressiveCreate has nodes without a pod count, too: while Keep is not
	// zero, first pods are created only on the first nodes by name, and on as many as
	// Keep and the pods of the current template leave room for.
	ProgressiveCreate bool
}

// String returns "partition " with the amount.
func (p Partition) String() string { return "partition " + p.Keep.String() }

func (Partition) kind() pieceKind { return kindPartition }

func (p Partition) rule(_ *Policy, path *field.Path) (rule, field.ErrorList) {
	return p, checkAmount(path.Child("keep"), p.Keep, 0)
}

func (p Partition) keep(desired int) int { return amountOf(p.Keep, desired, down) }

func (p Partition) apply(r *round) {
	if r.compare == nil {
		r.descending = true
	}
	// touched is how many nodes the update may look at.
	var updated, underway, pending []int
	nodes := 0
	for i, role := range r.l.roles {
		if r.nodes[i].Node == nil {
			r.hold(i, HeldByPartition)
			continue
		}
		if role&roleDesired == 0 && len(r.nodes[i].Pods) == 0 {
			continue
		}
		nodes++
		switch {
		case r.updated(i):
			updated = append(updated, i)
		case !r.pending(i):
			underway = append(underway, i)
		case r.held[i] == 0:
			pending = append(pending, i)
		}
	}
	left := nodes - p.keep(r.step.Desired)
	for _, class := range [][]int{updated, underway, pending} {
		if left >= len(class) {
			left -= len(class)
			continue
		}
		for i := range r.inOrder(class) {
			if left--; left < 0 {
				r.hold(i, HeldByPartition)
			}
		}
		left = 0
	}
}

// holdBack leaves the first nodes their pods.
func (p Partition) holdBack(l *ledger, _ *daemon.Snapshot, plan *daemon.Plan) Held {
	keep := p.keep(l.desired)
	if !p.ProgressiveCreate || keep == 0 {
		return Held{}
	}
	updated := 0
	for _, role := range l.roles {
		if role&roleUpdated != 0 {
			updated++
		}
	}
	return Held{By: HeldByPartition, Nodes: limitCreations(plan, max(0, l.desired-updated-min(keep, l.desired)))}
}

// limitCreations takes all first pods out of a plan but so many, and returns how many
// these are. Other creations stay.
func limitCreations(plan *daemon.Plan, most int) (held int) {
	first := 0
	plan.Create = slices.DeleteFunc(slices.Clone(plan.Create), func(c daemon.Create) bool {
		if c.Reason != daemon.CreateMissing {
			return false
		}
		first++
		return first > most
	})
	held = max(0, first-most)
	// What the burst limit put off comes after these.
	deferred := min(plan.CreateDeferred, max(0, most-first))
	held += plan.CreateDeferred - deferred
	plan.CreateDeferred = deferred
	return held
}
