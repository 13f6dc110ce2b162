// Package podstatus reads what pods report about themselves, and orders them. It serves
// daemon and daemon/diff, rollout, which judges canaries, and rollout/health and
// rollout/simulate, which look for what keeps a pod from being available.
package podstatus

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Condition returns the pod's condition of the given type, or nil.
func Condition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	return Find(pod.Status.Conditions, kind)
}

// Find returns the condition of the given type, or nil.
func Find(conditions []corev1.PodCondition, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range conditions {
		if conditions[i].Type == kind {
			return &conditions[i]
		}
	}
	return nil
}

// Finished reports whether all containers have stopped for good, because the pod has failed
// or succeeded (IsPodTerminal@v1.37.2).
func Finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

// Compare orders the pods of a node as the controller does to choose among them: bound before
// unbound, then the oldest first, then by name (podByCreationTimestampAndPhase@v1.37.2).
func Compare(a, b *corev1.Pod) int {
	if boundA, boundB := a.Spec.NodeName != "", b.Spec.NodeName != ""; boundA != boundB {
		if boundA {
			return -1
		}
		return 1
	}
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// StartedAt returns when the kubelet could start the pod's containers: when the
// pod was bound and its init containers were done.
func StartedAt(pod *corev1.Pod) time.Time {
	t := pod.CreationTimestamp.Time
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized} {
		if c := Condition(pod, kind); c != nil && c.Status == corev1.ConditionTrue {
			t = Latest(t, c.LastTransitionTime.Time)
		}
	}
	return t
}

// DeletedAt returns when the deletion of a pod was requested, or the zero time. The
// API server sets the deletion timestamp to the end of the grace period
// (BeforeDelete@v0.37.2).
func DeletedAt(pod *corev1.Pod) time.Time {
	if pod.DeletionTimestamp == nil {
		return time.Time{}
	}
	t := pod.DeletionTimestamp.Time
	if grace := pod.DeletionGracePeriodSeconds; grace != nil && *grace > 0 && *grace < 1<<32 {
		t = t.Add(-time.Duration(*grace) * time.Second)
	}
	return t
}

// Latest returns the later of two times.
func Latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
