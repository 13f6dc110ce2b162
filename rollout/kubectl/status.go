package kubectl

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ProgressState is the state of a rollout as kubectl sees it.
type ProgressState int

const (
	// ProgressUnobserved: the controller has not observed the current spec yet, and
	// the status belongs to an earlier one.
	ProgressUnobserved ProgressState = iota + 1
	// ProgressUpdating: the status counts fewer updated pods than nodes that
	// should run one.
	ProgressUpdating
	// ProgressUnavailable: the status counts enough updated pods, but fewer
	// available pods than nodes that should run one.
	ProgressUnavailable
	// ProgressRolledOut: the status counts enough updated and enough available
	// pods. RolloutStatus lists how this differs from health.StateComplete.
	ProgressRolledOut
)

// String returns "unobserved", "updating", "unavailable" or "rolled out".
func (s ProgressState) String() string {
	switch s {
	case ProgressUnobserved:
		return "unobserved"
	case ProgressUpdating:
		return "updating"
	case ProgressUnavailable:
		return "unavailable"
	case ProgressRolledOut:
		return "rolled out"
	}
	return fmt.Sprintf("ProgressState(%d)", int(s))
}

// Progress is what kubectl rollout status finds out.
type Progress struct {
	// Name is the DaemonSet's.
	Name string
	// State follows from the generation and the counters below, as RolloutStatus
	// says.
	State ProgressState
	// Desired is status.desiredNumberScheduled. If State is ProgressUnobserved,
	// all three counters belong to an earlier spec.
	Desired int32
	// Updated is status.updatedNumberScheduled.
	Updated int32
	// Available is status.numberAvailable.
	Available int32
}

// String returns the line that kubectl rollout status prints, without its line
// break.
func (p Progress) String() string {
	switch p.State {
	case ProgressUnobserved:
		return "Waiting for daemon set spec update to be observed..."
	case ProgressUpdating:
		return fmt.Sprintf("Waiting for daemon set %q rollout to finish: %d out of %d new pods have been updated...", p.Name, p.Updated, p.Desired)
	case ProgressUnavailable:
		return fmt.Sprintf("Waiting for daemon set %q rollout to finish: %d of %d updated pods are available...", p.Name, p.Available, p.Desired)
	case ProgressRolledOut:
		return fmt.Sprintf("daemon set %q successfully rolled out", p.Name)
	}
	return fmt.Sprintf("daemon set %q: unknown progress", p.Name)
}

// RolloutStatus returns the progress of the rollout of ds
// (DaemonSetStatusViewer.Status@v0.37.2). It looks at the generation and the status
// only. The first line that holds gives the state:
//
//	metadata.generation > status.observedGeneration                 ProgressUnobserved
//	status.updatedNumberScheduled < status.desiredNumberScheduled   ProgressUpdating
//	status.numberAvailable < status.desiredNumberScheduled          ProgressUnavailable
//	otherwise                                                       ProgressRolledOut
//
// "Successfully rolled out" is not the same as complete. health.Assess looks at
// the pods: a rollout is complete when every node that should run a pod has an
// available pod of the current template that is not being deleted, and no outdated
// pod is left. In these cases kubectl calls a rollout successful that is not
// complete:
//
//   - An outdated pod is left on a node that should not run one. The status does
//     not count it among the desired pods. If no node should run a pod, kubectl
//     calls every rollout successful, even one that is stalled: a percentage budget
//     is then zero, and the outdated pod is never replaced.
//   - An outdated pod is left beside an older pod of the current template. The
//     status counts one pod of each node, here the older one.
//   - The pod that the status counts is being deleted, has failed or has succeeded,
//     and its Ready condition is still true.
//   - A container crashes, or pods fail, again and again, and the pod is available between
//     two failures.
//   - A pod has changed, and the controller has not written the status since.
//
// In these cases kubectl waits although the rollout is complete:
//
//   - The controller has not written the status or the observed generation yet.
//   - An outdated pod is being deleted beside a younger, available pod of the
//     current template. The status counts the outdated one.
//   - The policy ignores a node whose pod is outdated or not available. kubectl knows no
//     policy.
//
// It fails with a *field.Error if ds is nil, and if
// spec.updateStrategy.type is not RollingUpdate, with kubectl's words as Detail.
// health.Assess also answers for OnDelete. ds is not changed.
func RolloutStatus(ds *appsv1.DaemonSet) (Progress, error) {
	if ds == nil {
		return Progress{}, field.Required(field.NewPath("daemonSet"), "")
	}
	if strategy := ds.Spec.UpdateStrategy.Type; strategy != appsv1.RollingUpdateDaemonSetStrategyType {
		return Progress{}, field.Invalid(field.NewPath("spec", "updateStrategy", "type"), strategy,
			"rollout status is only available for RollingUpdate strategy type")
	}
	p := Progress{
		Name:      ds.Name,
		Desired:   ds.Status.DesiredNumberScheduled,
		Updated:   ds.Status.UpdatedNumberScheduled,
		Available: ds.Status.NumberAvailable,
	}
	switch {
	case ds.Generation > ds.Status.ObservedGeneration:
		p.State = ProgressUnobserved
	case p.Updated < p.Desired:
		p.State = ProgressUpdating
	case p.Available < p.Desired:
		p.State = ProgressUnavailable
	default:
		p.State = ProgressRolledOut
	}
	return p, nil
}
