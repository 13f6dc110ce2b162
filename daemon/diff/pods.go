package diff

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pods returns what changes from one pod to another, status included, by the
// rules of the package comment. It ignores kind and apiVersion, which a pod read
// from a list lacks, and metadata.managedFields. A nil pod is an empty one. The
// result is nil if the pods mean the same. It may share memory with both: it is
// read-only. The cost is that of Templates.
func Pods(old, cur *corev1.Pod) Changes {
	if old == cur {
		return nil
	}
	return compare(modeAll, stripped(old), stripped(cur))
}

// stripped returns a shallow copy of the pod without what Pods ignores.
func stripped(pod *corev1.Pod) *corev1.Pod {
	if pod == nil {
		return &corev1.Pod{}
	}
	clone := *pod
	clone.TypeMeta = metav1.TypeMeta{}
	clone.ManagedFields = nil
	return &clone
}
