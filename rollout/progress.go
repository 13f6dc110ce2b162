package rollout

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ProgressState says how far a rollout is.
type ProgressState int

const (
	// ProgressUnobserved: the controller has not acted on the current spec yet,
	// so that the status speaks of an earlier one.
	ProgressUnobserved ProgressState = iota + 1
	// ProgressUpdating: fewer nodes have an updated pod than should have one.
	ProgressUpdating
	// ProgressWaiting: every pod is updated, but not all are available.
	ProgressWaiting
	// ProgressComplete: every pod is updated and available.
	ProgressComplete
)

// String returns "unobserved", "updating", "waiting" or "complete".
func (s ProgressState) String() string {
	switch s {
	case ProgressUnobserved:
		return "unobserved"
	case ProgressUpdating:
		return "updating"
	case ProgressWaiting:
		return "waiting"
	case ProgressComplete:
		return "complete"
	}
	return fmt.Sprintf("ProgressState(%d)", int(s))
}

// ProgressReport is what `kubectl rollout status` finds out, as data. The zero
// ProgressReport knows nothing.
type ProgressReport struct {
	// DaemonSet is the name.
	DaemonSet string
	// State is what the numbers and the generation come to.
	State ProgressState
	// Desired is status.desiredNumberScheduled, Updated is
	// status.updatedNumberScheduled and Available is status.numberAvailable: all
	// three count nodes. With ProgressUnobserved they are those of an earlier
	// spec.
	Desired, Updated, Available int
}

// Done says whether the rollout is complete.
func (p ProgressReport) Done() bool { return p.State == ProgressComplete }

// String returns the line that kubectl prints, without its line break.
func (p ProgressReport) String() string {
	switch p.State {
	case ProgressUnobserved:
		return "Waiting for daemon set spec update to be observed..."
	case ProgressUpdating:
		return fmt.Sprintf("Waiting for daemon set %q rollout to finish: %d out of %d new pods have been updated...", p.DaemonSet, p.Updated, p.Desired)
	case ProgressWaiting:
		return fmt.Sprintf("Waiting for daemon set %q rollout to finish: %d of %d updated pods are available...", p.DaemonSet, p.Available, p.Desired)
	case ProgressComplete:
		return fmt.Sprintf("daemon set %q successfully rolled out", p.DaemonSet)
	}
	return fmt.Sprintf("daemon set %q: no progress known", p.DaemonSet)
}

// Progress says how far the rollout of ds is, judged by its generation and status
// alone (DaemonSetStatusViewer.Status@v0.37.2). ds is not changed.
//
// It fails with a *field.Error where ds is nil, and where
// spec.updateStrategy.type is not RollingUpdate; the error's Detail is then what
// kubectl says. kubectl reads objects that have their defaults: pass the result of
// daemon.Default where ds did not come from a server.
func Progress(ds *appsv1.DaemonSet) (ProgressReport, error) {
	if ds == nil {
		return ProgressReport{}, field.Required(field.NewPath("daemonSet"), "")
	}
	if kind := ds.Spec.UpdateStrategy.Type; kind != appsv1.RollingUpdateDaemonSetStrategyType {
		return ProgressReport{}, field.Invalid(field.NewPath("spec", "updateStrategy", "type"), kind,
			"rollout status is only available for RollingUpdate strategy type")
	}
	p := ProgressReport{
		DaemonSet: ds.Name,
		Desired:   int(ds.Status.DesiredNumberScheduled),
		Updated:   int(ds.Status.UpdatedNumberScheduled),
		Available: int(ds.Status.NumberAvailable),
	}
	switch {
	case ds.Generation > ds.Status.ObservedGeneration:
		p.State = ProgressUnobserved
	case p.Updated < p.Desired:
		p.State = ProgressUpdating
	case p.Available < p.Desired:
		p.State = ProgressWaiting
	default:
		p.State = ProgressComplete
	}
	return p, nil
}
