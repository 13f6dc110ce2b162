// Package podstatus reads what pods and nodes report about themselves. It serves
// rollout, which judges canaries, rollout/health and rollout/simulate, which look
// for what keeps a pod from being available, and daemon/lint.
package podstatus

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Condition returns the pod's condition of the given type, or nil.
func Condition(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	i := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &pod.Status.Conditions[i]
}

// NodeReady returns the node's Ready condition, or nil.
func NodeReady(node *corev1.Node) *corev1.NodeCondition {
	i := slices.IndexFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady })
	if i < 0 {
		return nil
	}
	return &node.Status.Conditions[i]
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
