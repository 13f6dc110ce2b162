package rollout

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// BudgetKind names the budget that limits an update.
type BudgetKind int

const (
	// BudgetMaxUnavailable is spec.updateStrategy.rollingUpdate.maxUnavailable. It
	// applies while maxSurge is zero.
	BudgetMaxUnavailable BudgetKind = iota + 1
	// BudgetMaxSurge is spec.updateStrategy.rollingUpdate.maxSurge.
	BudgetMaxSurge
)

// String returns "maxUnavailable" or "maxSurge".
func (k BudgetKind) String() string {
	switch k {
	case BudgetMaxUnavailable:
		return "maxUnavailable"
	case BudgetMaxSurge:
		return "maxSurge"
	}
	return fmt.Sprintf("BudgetKind(%d)", int(k))
}

// Budget is the budget of an update with the nodes that use it. The zero Budget stands
// for an update without a budget.
type Budget struct {
	// Kind names the budget.
	Kind BudgetKind
	// Limit is the budget as a number of nodes.
	Limit int
	// Users are the nodes that use it, ordered by name. There may be more of them than
	// Limit, because pods also become unavailable for other reasons.
	Users []BudgetUser
}

// Exhausted reports whether the budget has no room for another node.
func (b Budget) Exhausted() bool { return b.Kind != 0 && len(b.Users) >= b.Limit }

// BudgetUser is a node that counts against a budget.
type BudgetUser struct {
	// Node is the node's name.
	Node string
	// Reason says why it counts.
	Reason BudgetReason
}

// BudgetReason says why a node counts against a budget.
type BudgetReason int

const (
	// BudgetNoPod: the node has no pod.
	BudgetNoPod BudgetReason = iota + 1
	// BudgetTerminatingPod: the node has only terminating pods.
	BudgetTerminatingPod
	// BudgetUpdatedPod: the node's new pod is not available.
	BudgetUpdatedPod
	// BudgetOutdatedPod: the node's outdated pod is not available. It is replaced
	// regardless of the budget.
	BudgetOutdatedPod
	// BudgetTwoPods: the node has an outdated pod and a new one, which with maxSurge
	// is not available.
	BudgetTwoPods
	// BudgetSeveralPods: the node has more than one pod of the current template, or
	// more than one outdated pod.
	BudgetSeveralPods
)

// String returns the reason as a short phrase.
func (r BudgetReason) String() string {
	switch r {
	case BudgetNoPod:
		return "no pod"
	case BudgetTerminatingPod:
		return "pod is terminating"
	case BudgetUpdatedPod:
		return "new pod is not available"
	case BudgetOutdatedPod:
		return "outdated pod is not available"
	case BudgetTwoPods:
		return "new pod beside the outdated one"
	case BudgetSeveralPods:
		return "several pods of one kind"
	}
	return fmt.Sprintf("BudgetReason(%d)", int(r))
}

// UsedBudget returns the budget of the update and the nodes that use it: the nodes that
// Step.Unavailable or Step.Surging of NextStep counts. It returns the zero Budget if the
// strategy is OnDelete or the DaemonSet is being deleted. It fails as
// NextStep does, except that it needs no revisions: the pods alone say who uses the budget.
func UsedBudget(s *daemon.Snapshot, opts Options) (Budget, error) {
	if s == nil || s.DaemonSet() == nil {
		return Budget{}, field.Required(field.NewPath("snapshot"), "")
	}
	policy, err := check(s.Now(), &opts)
	if err != nil {
		return Budget{}, err
	}
	f := (&State{snapshot: s}).factsFor(policy, opts.CanaryTrial)
	step, err := f.step(s, policy, opts.CanaryTrial)
	if err != nil || step == nil {
		return Budget{}, err
	}
	out, flag := Budget{Kind: BudgetMaxUnavailable, Limit: step.MaxUnavailable}, roleUnavailable
	if f.surge {
		out, flag = Budget{Kind: BudgetMaxSurge, Limit: step.MaxSurge}, roleSurging
	}
	for i := range s.Nodes() {
		if n := &s.Nodes()[i]; f.roles[i]&flag != 0 && !f.isHeld(i) {
			out.Users = append(out.Users, BudgetUser{Node: n.Name, Reason: budgetReason(n)})
		}
	}
	return out, nil
}

func budgetReason(n *daemon.NodeState) BudgetReason {
	pods := podsToUpdate(n.Pods)
	switch {
	case pods.excess:
		return BudgetSeveralPods
	case pods.cur != nil && pods.old != nil:
		return BudgetTwoPods
	case pods.cur != nil:
		return BudgetUpdatedPod
	case pods.old != nil:
		return BudgetOutdatedPod
	case len(n.Pods) > 0:
		return BudgetTerminatingPod
	}
	return BudgetNoPod
}
