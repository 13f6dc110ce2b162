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
	// Outdated is on how many nodes a pod of an older template is alive, and alone
	// of its kind.
	Outdated int
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
	// PolicyStatus is what the policy has to do with it. Nodes that it ignores, or
	// holds back for another reason than a budget, are not in Unavailable and
	// Surging, unless it holds back everything.
	PolicyStatus
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
	return (*Policy)(nil).Next(s)
}

// rolls reports whether ds is to be updated by deleting and creating pods.
func rolls(ds *appsv1.DaemonSet) (bool, error) {
	switch kind := ds.Spec.UpdateStrategy.Type; {
	case ds.DeletionTimestamp != nil, kind == appsv1.OnDeleteDaemonSetStrategyType:
		return false, nil
	case kind == appsv1.RollingUpdateDaemonSetStrategyType:
		return true, nil
	default:
		return false, field.NotSupported(field.NewPath("spec", "updateStrategy", "type"), kind,
			[]appsv1.DaemonSetUpdateStrategyType{appsv1.OnDeleteDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType})
	}
}

// budgets are the budgets of an update as numbers.
type budgets struct{ maxUnavailable, maxSurge int }

// readBudgets turns the budgets into numbers (updatedDesiredNodeCounts
// @v1.37.2).
func readBudgets(ds *appsv1.DaemonSet, desired int) (out budgets, err error) {
	path := field.NewPath("spec", "updateStrategy", "rollingUpdate")
	if update := ds.Spec.UpdateStrategy.RollingUpdate; update != nil {
		if update.MaxUnavailable == nil {
			return budgets{}, field.Required(path.Child("maxUnavailable"), "")
		}
		if out.maxUnavailable, err = scale(update.MaxUnavailable, desired, path.Child("maxUnavailable")); err != nil {
			return budgets{}, err
		}
		if update.MaxSurge != nil {
			if out.maxSurge, err = scale(update.MaxSurge, desired, path.Child("maxSurge")); err != nil {
				return budgets{}, err
			}
		}
	}
	// Both zero would never get anywhere; the API server refuses it.
	if desired > 0 && out == (budgets{}) {
		out.maxUnavailable = 1
	}
	return out, nil
}

func scale(budget *intstr.IntOrString, total int, path *field.Path) (int, error) {
	n, err := intstr.GetScaledValueFromIntOrPercent(budget, total, true)
	if err != nil {
		return 0, field.Invalid(path, budget.String(), err.Error())
	}
	return n, nil
}

// String returns the plan with a first line that says what the budget is and
// how much of it is used.
func (st *Step) String() string {
	if st == nil || st.Desired == 0 && st.Outdated == 0 {
		return (*daemon.Plan)(nil).String()
	}
	return st.lines() + "\n" + st.Plan.String()
}

// lines are what is known beside the plan.
func (st *Step) lines() string {
	if st.none() {
		return st.budget()
	}
	return st.budget() + "\n" + st.PolicyStatus.String()
}

// waits reports whether the update is not finished but can do nothing now.
func (st *Step) waits() bool { return st != nil && st.Outdated > 0 && st.Plan.Empty() }

// narrowed reports whether a policy had an effect on the step.
func (st *Step) narrowed() bool { return st != nil && !st.none() }

func (st *Step) budget() string {
	state := "update"
	if st.waits() {
		state = "update waits"
	}
	if st.MaxSurge != 0 {
		return fmt.Sprintf("%s: %d desired, %d outdated; maxSurge %d, %d surging, %d available",
			state, st.Desired, st.Outdated, st.MaxSurge, st.Surging, st.Available)
	}
	return fmt.Sprintf("%s: %d desired, %d outdated; maxUnavailable %d, %d unavailable",
		state, st.Desired, st.Outdated, st.MaxUnavailable, st.Unavailable)
}
