package rollout

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// Step is the next step of a rolling update, with the budget it was worked out
// from. The zero Step does nothing.
type Step struct {
	// Plan are the outdated pods to delete and, with maxSurge, the new pods to
	// create beside outdated ones.
	Plan daemon.Plan
	// Desired is the number of nodes that should run a pod, the base of
	// percentages.
	Desired int
	// MaxUnavailable and MaxSurge are the budgets as numbers, both rounded up.
	// With MaxSurge other than zero MaxUnavailable has no effect.
	MaxUnavailable, MaxSurge int
	// Unavailable is how many nodes count against MaxUnavailable before the
	// step. It is not worked out with MaxSurge.
	Unavailable int
	// Surging is how many nodes count against MaxSurge before the step, and
	// Available how many nodes have an available pod. They are worked out with
	// MaxSurge only.
	Surging, Available int
}

// Next returns the next step of the update: which outdated pods to delete, or
// which nodes to surge on, so that no budget is exceeded (rollingUpdate
// @v1.37.2). It is meant for a snapshot whose daemon.Reconcile is empty, since
// upstream updates only then. Calling it again after its step has been carried
// out and observed leads to the end of the rollout; Sync does both in order.
//
// Of several nodes that may be updated, the first by name are chosen. With the
// strategy OnDelete the step is empty, and so it is for a DaemonSet that is
// being deleted.
//
// It fails with a *field.Error where spec.updateStrategy names no known type,
// or where a budget is missing or cannot be read.
func Next(s *daemon.Snapshot) (*Step, error) {
	step := &Step{}
	strategy := &s.DaemonSet().Spec.UpdateStrategy
	switch {
	case s.DaemonSet().DeletionTimestamp != nil:
		return step, nil
	case strategy.Type == appsv1.OnDeleteDaemonSetStrategyType:
		return step, nil
	case strategy.Type != appsv1.RollingUpdateDaemonSetStrategyType:
		return nil, field.NotSupported(field.NewPath("spec", "updateStrategy", "type"), strategy.Type,
			[]appsv1.DaemonSetUpdateStrategyType{appsv1.OnDeleteDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType})
	}
	for i := range s.Nodes() {
		if s.Nodes()[i].Decision.Run {
			step.Desired++
		}
	}
	if err := step.readBudgets(strategy.RollingUpdate); err != nil {
		return nil, err
	}
	if step.MaxSurge == 0 {
		step.replace(s)
	} else {
		step.surge(s)
	}
	s.Complete(&step.Plan)
	return step, nil
}

// readBudgets turns the budgets into numbers (updatedDesiredNodeCounts
// @v1.37.2).
func (st *Step) readBudgets(budgets *appsv1.RollingUpdateDaemonSet) error {
	path := field.NewPath("spec", "updateStrategy", "rollingUpdate")
	if budgets != nil {
		if budgets.MaxUnavailable == nil {
			return field.Required(path.Child("maxUnavailable"), "")
		}
		var err error
		if st.MaxUnavailable, err = scale(budgets.MaxUnavailable, st.Desired, path.Child("maxUnavailable")); err != nil {
			return err
		}
		if budgets.MaxSurge != nil {
			if st.MaxSurge, err = scale(budgets.MaxSurge, st.Desired, path.Child("maxSurge")); err != nil {
				return err
			}
		}
	}
	// Both zero would never get anywhere; the API server refuses it.
	if st.Desired > 0 && st.MaxUnavailable == 0 && st.MaxSurge == 0 {
		st.MaxUnavailable = 1
	}
	return nil
}

func scale(budget *intstr.IntOrString, total int, path *field.Path) (int, error) {
	n, err := intstr.GetScaledValueFromIntOrPercent(budget, total, true)
	if err != nil {
		return 0, field.Invalid(path, budget.String(), err.Error())
	}
	return n, nil
}

// nodePods are the pods of one node that count for an update: at most one of
// the current template and one outdated.
type nodePods struct {
	cur, old *daemon.PodState
	// excess says that there is more than one of a kind, which Reconcile will
	// tidy up first.
	excess bool
}

// sortOut looks at the pods that are not being deleted (findUpdatedPodsOnNode
// @v1.37.2).
func sortOut(pods []daemon.PodState) (out nodePods) {
	for i := range pods {
		p := &pods[i]
		if p.Terminating {
			continue
		}
		slot := &out.old
		if p.Updated {
			slot = &out.cur
		}
		if *slot != nil {
			return nodePods{excess: true}
		}
		*slot = p
	}
	return out
}

// pick is a write that the budget may or may not allow.
type pick struct {
	node *daemon.NodeState
	// pod is the one to delete, nil for a creation.
	pod *daemon.PodState
	// successor is the available new pod that takes over from pod, if any.
	successor *daemon.PodState
	budgeted  bool
}

// allowed returns how many of the budgeted picks may be carried out: what is
// left of the budget, and what the burst limit leaves after those that need no
// budget, which come first.
func allowed(s *daemon.Snapshot, left, unbudgeted int) int {
	if burst := s.Burst(); burst >= 0 {
		left = min(left, burst-unbudgeted)
	}
	return max(left, 0)
}

// replace is the update without surge: outdated pods are deleted, and a later
// Reconcile creates their successors.
func (st *Step) replace(s *daemon.Snapshot) {
	var picks []pick
	unbudgeted := 0
	nodes := s.Nodes()
	for i := range nodes {
		n := &nodes[i]
		if len(n.Pods) == 0 && !n.Decision.Run {
			continue
		}
		pods := sortOut(n.Pods)
		switch {
		case pods.excess, (pods.cur == nil) == (pods.old == nil):
			// Nothing alive, or more than there should be: Reconcile's turn.
			st.Unavailable++
		case pods.cur != nil:
			if !pods.cur.Available {
				st.Unavailable++
			}
		case !pods.old.Available:
			st.Unavailable++
			unbudgeted++
			picks = append(picks, pick{node: n, pod: pods.old})
		case len(picks)-unbudgeted < st.MaxUnavailable:
			picks = append(picks, pick{node: n, pod: pods.old, budgeted: true})
		}
	}
	left := allowed(s, st.MaxUnavailable-st.Unavailable, unbudgeted)
	for _, p := range picks {
		reason := daemon.DeleteUnavailable
		if p.budgeted {
			if left == 0 {
				continue
			}
			left--
			reason = daemon.DeleteOutdated
		}
		st.Plan.Delete = append(st.Plan.Delete, daemon.Delete{
			Node: p.node.Name, Pod: p.pod.Pod, Reason: reason, Decision: p.node.Decision,
		})
	}
}

// surge is the update with surge: new pods are created beside outdated ones,
// which go when their successor is available.
func (st *Step) surge(s *daemon.Snapshot) {
	var creates, deletes []pick
	var freeCreates, freeDeletes int
	nodes := s.Nodes()
	for i := range nodes {
		n := &nodes[i]
		pods := sortOut(n.Pods)
		if pods.excess {
			st.Surging++
			continue
		}
		if standing := pods.old; standing != nil || pods.cur != nil {
			if standing == nil {
				standing = pods.cur
			}
			if standing.Available {
				st.Available++
			}
		}
		switch {
		case pods.old == nil:
			// New or empty: Reconcile's turn.
		case pods.cur != nil && !pods.cur.Available:
			st.Surging++
		case pods.cur != nil:
			freeDeletes++
			deletes = append(deletes, pick{node: n, pod: pods.old, successor: pods.cur})
		case n.Node == nil:
			// Left to pod garbage collection; see Deviations.
		case !n.Decision.Run && !pods.old.Available:
			freeDeletes++
			deletes = append(deletes, pick{node: n, pod: pods.old})
		case !n.Decision.Run:
			// It holds availability up until a pod elsewhere has taken over.
			deletes = append(deletes, pick{node: n, pod: pods.old, budgeted: true})
		case !pods.old.Available:
			freeCreates++
			creates = append(creates, pick{node: n})
		case len(creates)-freeCreates < st.MaxSurge:
			creates = append(creates, pick{node: n, budgeted: true})
		}
	}

	left := allowed(s, st.Available-st.Desired, freeDeletes)
	for _, p := range deletes {
		if p.budgeted {
			if left == 0 {
				continue
			}
			left--
		}
		d := daemon.Delete{Node: p.node.Name, Pod: p.pod.Pod, Reason: daemon.DeleteNotEligible, Decision: p.node.Decision}
		if p.successor != nil {
			d.Reason, d.Stays = daemon.DeleteSuperseded, p.successor.Pod
		}
		st.Plan.Delete = append(st.Plan.Delete, d)
	}
	left = allowed(s, st.MaxSurge-st.Surging, freeCreates)
	for _, p := range creates {
		reason := daemon.CreateUnavailable
		if p.budgeted {
			if left == 0 {
				continue
			}
			left--
			reason = daemon.CreateSurge
		}
		st.Plan.Create = append(st.Plan.Create, daemon.Create{Node: p.node.Name, Reason: reason})
	}
}

// String returns the plan with a first line that says what the budget is and
// how much of it is used.
func (st *Step) String() string {
	if st == nil {
		return (*daemon.Plan)(nil).String()
	}
	budget := fmt.Sprintf("update: %d desired; maxUnavailable %d, %d unavailable", st.Desired, st.MaxUnavailable, st.Unavailable)
	if st.MaxSurge != 0 {
		budget = fmt.Sprintf("update: %d desired; maxSurge %d, %d surging, %d available", st.Desired, st.MaxSurge, st.Surging, st.Available)
	}
	return budget + "\n" + st.Plan.String()
}
