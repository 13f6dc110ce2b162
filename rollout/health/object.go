package health

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Object is what a DaemonSet says about its rollout, without its pods. The zero Object has
// no state.
type Object struct {
	// State is the verdict on the numbers below.
	State ObjectState
	// Desired is status.desiredNumberScheduled.
	Desired int32
	// Current is status.currentNumberScheduled.
	Current int32
	// Updated is status.updatedNumberScheduled.
	Updated int32
	// Ready is status.numberReady.
	Ready int32
	// Available is status.numberAvailable.
	Available int32
	// Misscheduled is status.numberMisscheduled. It does not change the State.
	Misscheduled int32
	// MaxUnavailable is the budget as a number of nodes, a percentage of Desired rounded up, and
	// at most Desired. It is Desired if maxUnavailable is missing or malformed, as in Helm. It is
	// zero if the strategy is not RollingUpdate. It is also zero, the careful answer, if
	// rollingUpdate is missing: no API server returns that, and Helm panics.
	MaxUnavailable int
	// Generation is metadata.generation.
	Generation int64
	// ObservedGeneration is status.observedGeneration.
	ObservedGeneration int64
	// KStatus is the verdict of kstatus.
	KStatus KStatus
	// ArgoCD is the verdict of Argo CD: "Healthy" or "Progressing".
	ArgoCD string
}

// ObjectState is the state of a rollout in the eyes of somebody who has only the DaemonSet.
type ObjectState int

const (
	// ObjectNotObserved: the status is not about this generation of the DaemonSet. The
	// numbers are those of another one.
	ObjectNotObserved ObjectState = iota + 1
	// ObjectProgressing: the status counts too few updated or available pods.
	ObjectProgressing
	// ObjectWaiting: outdated pods are left, every node has an available pod, and the
	// controller replaces no pod: somebody has to delete the outdated pods (OnDelete), or to
	// correct the strategy.
	ObjectWaiting
	// ObjectReadyEnough: all pods are updated, and no more than maxUnavailable of them
	// are not ready. That is enough for Helm.
	ObjectReadyEnough
	// ObjectCurrent: all pods are updated and available.
	ObjectCurrent
	// ObjectDeleting: the DaemonSet is being deleted.
	ObjectDeleting
)

// String returns "not observed", "progressing", "waiting", "ready enough", "current" or
// "deleting".
func (s ObjectState) String() string {
	switch s {
	case ObjectNotObserved:
		return "not observed"
	case ObjectProgressing:
		return "progressing"
	case ObjectWaiting:
		return "waiting"
	case ObjectReadyEnough:
		return "ready enough"
	case ObjectCurrent:
		return "current"
	case ObjectDeleting:
		return "deleting"
	}
	return fmt.Sprintf("ObjectState(%d)", int(s))
}

// KStatus is a verdict in the words of kstatus.
type KStatus struct {
	// Status is "InProgress", "Current", "Terminating" or "Failed".
	Status string
	// Reason says what is missing, such as "LessUpdated". It is empty for "Current" and
	// "Terminating".
	Reason string
}

// String returns the status with the reason in parentheses, as in "InProgress (LessUpdated)".
func (k KStatus) String() string {
	if k.Reason == "" {
		return k.Status
	}
	return fmt.Sprintf("%s (%s)", k.Status, k.Reason)
}

// OfObject returns what a DaemonSet alone says about its rollout, for those who do not have
// its pods. The first line that holds gives the state:
//
//	metadata.deletionTimestamp is set                            ObjectDeleting
//	metadata.generation is 0, or not status.observedGeneration   ObjectNotObserved
//	updated < desired, RollingUpdate                             ObjectProgressing
//	updated < desired, available < desired                       ObjectProgressing
//	updated < desired                                            ObjectWaiting
//	available >= desired                                         ObjectCurrent
//	ready >= desired - maxUnavailable, RollingUpdate             ObjectReadyEnough
//	otherwise                                                    ObjectProgressing
//
// So a DaemonSet that no node needs is current, and an unknown strategy, or none, counts like
// OnDelete: the controller replaces no outdated pod.
//
// The status may be old, and it cannot show that a rollout is stalled: Assess looks at the
// pods. Other tools have these words for the states:
//
//	                        kstatus        Argo CD      Helm
//	ObjectDeleting          Terminating    Progressing  goes by the numbers
//	ObjectNotObserved       InProgress     Progressing  not ready
//	ObjectProgressing       InProgress     Progressing  not ready
//	ObjectWaiting           InProgress     Healthy      ready
//	ObjectReadyEnough       InProgress     Progressing  ready
//	ObjectCurrent           Current        Healthy      ready
//
// A tool that has to choose between healthy and not shows ObjectCurrent as healthy, and
// ObjectNotObserved and ObjectProgressing as progressing. Two states are a choice:
//
//   - ObjectWaiting does not end by itself, so do not wait for it. Show it as healthy, with the
//     number of outdated pods, if somebody is expected to delete them, as Argo CD does.
//   - ObjectReadyEnough is a rollout whose last pods start, and also a complete one on whose
//     nodes pods restart. Show it as healthy if maxUnavailable is what may be missing at any
//     time, as Helm does. Only Assess, with a Memory, knows which of the two it is.
//
// With OnDelete, a pod that is not available moves ObjectWaiting to ObjectProgressing: that pod
// comes first, as in Assess, although nothing replaces the outdated ones.
//
// These are the exceptions:
//
//   - With OnDelete, a rollout that is progressing is "Healthy" for Argo CD and ready for Helm.
//   - With an unknown strategy, Argo CD decides as with RollingUpdate, and Helm is always ready.
//   - Without a generation, Argo CD and Helm go by the numbers. Argo CD also does so if
//     observedGeneration is above the generation.
//   - For kstatus a condition decides that is True: Reconciling gives "InProgress", and Stalled
//     gives "Failed". No controller of Kubernetes sets them.
//   - The table is about numbers that fit together: every available pod is ready, and no number
//     is above Desired. The fields KStatus and ArgoCD are right for all numbers.
//
// The rules are daemonsetConditions and checkGenericProperties of
// sigs.k8s.io/cli-utils@v0.37.2, where a generation of zero is a missing one,
// GetResourceHealth and getAppsv1DaemonSetHealth of
// github.com/argoproj/gitops-engine@v0.7.3, and daemonSetReady of helm.sh/helm/v3@v3.21.4.
//
// A nil ds gives the zero Object. ds is not changed, and the result shares nothing with it.
func OfObject(ds *appsv1.DaemonSet) Object {
	if ds == nil {
		return Object{}
	}
	s := &ds.Status
	o := Object{
		Desired: s.DesiredNumberScheduled, Current: s.CurrentNumberScheduled, Updated: s.UpdatedNumberScheduled,
		Ready: s.NumberReady, Available: s.NumberAvailable, Misscheduled: s.NumberMisscheduled,
		Generation: ds.Generation, ObservedGeneration: s.ObservedGeneration,
	}
	if rolls(ds) {
		o.MaxUnavailable = maxUnavailable(ds)
	}
	o.State, o.KStatus, o.ArgoCD = o.judge(ds), o.kstatus(ds), o.argoCD(ds)
	return o
}

// rolls reports whether the strategy is RollingUpdate.
func rolls(ds *appsv1.DaemonSet) bool {
	return ds.Spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType
}

func maxUnavailable(ds *appsv1.DaemonSet) int {
	desired := int(ds.Status.DesiredNumberScheduled)
	update := ds.Spec.UpdateStrategy.RollingUpdate
	if update == nil {
		return 0
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(update.MaxUnavailable, desired, true)
	if err != nil {
		return desired
	}
	return max(0, min(n, desired))
}

func (o *Object) judge(ds *appsv1.DaemonSet) ObjectState {
	outdated, unavailable := o.Updated < o.Desired, o.Available < o.Desired
	switch {
	case ds.DeletionTimestamp != nil:
		return ObjectDeleting
	case o.Generation == 0 || o.Generation != o.ObservedGeneration:
		return ObjectNotObserved
	case outdated && (rolls(ds) || unavailable):
		return ObjectProgressing
	case outdated:
		return ObjectWaiting
	case !unavailable:
		return ObjectCurrent
	case rolls(ds) && int(o.Ready) >= int(o.Desired)-o.MaxUnavailable:
		return ObjectReadyEnough
	}
	return ObjectProgressing
}

// kstatus returns the verdict of kstatus.
func (o *Object) kstatus(ds *appsv1.DaemonSet) KStatus {
	const inProgress = "InProgress"
	switch {
	case ds.DeletionTimestamp != nil:
		return KStatus{Status: "Terminating"}
	case o.Generation != 0 && o.ObservedGeneration != 0 && o.Generation != o.ObservedGeneration:
		return KStatus{inProgress, "LatestGenerationNotObserved"}
	}
	for _, c := range ds.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == "Reconciling":
			return KStatus{inProgress, c.Reason}
		case c.Type == "Stalled":
			return KStatus{"Failed", c.Reason}
		}
	}
	switch {
	case o.Generation == 0:
		return KStatus{inProgress, "NoGeneration"}
	case o.ObservedGeneration == 0:
		return KStatus{inProgress, "NoObservedGeneration"}
	case o.Desired > o.Current:
		return KStatus{inProgress, "LessCurrent"}
	case o.Desired > o.Updated:
		return KStatus{inProgress, "LessUpdated"}
	case o.Desired > o.Available:
		return KStatus{inProgress, "LessAvailable"}
	case o.Desired > o.Ready:
		return KStatus{inProgress, "LessReady"}
	}
	return KStatus{Status: "Current"}
}

// argoCD returns the verdict of Argo CD.
func (o *Object) argoCD(ds *appsv1.DaemonSet) string {
	switch {
	case ds.DeletionTimestamp != nil, o.Generation > o.ObservedGeneration:
		return "Progressing"
	case ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType:
		return "Healthy"
	case o.Updated < o.Desired, o.Available < o.Desired:
		return "Progressing"
	}
	return "Healthy"
}

// String returns the state with the numbers, such as
// "waiting: desired 3, current 3, updated 1, ready 3, available 3, misscheduled 0, maxUnavailable 0, generation 2, observed 2".
func (o Object) String() string {
	if o.State == 0 {
		return "no object"
	}
	return fmt.Sprintf("%v: desired %d, current %d, updated %d, ready %d, available %d, misscheduled %d, maxUnavailable %d, generation %d, observed %d",
		o.State, o.Desired, o.Current, o.Updated, o.Ready, o.Available, o.Misscheduled, o.MaxUnavailable, o.Generation, o.ObservedGeneration)
}
