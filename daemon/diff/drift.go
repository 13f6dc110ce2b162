package diff

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// drift returns what the desired pod sets and the actual pod lacks or contradicts.
func drift(desired, actual *corev1.Pod) Changes {
	set := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Labels: desired.Labels, Annotations: desired.Annotations},
		Spec:       desired.Spec,
	}
	set.Spec.SchedulingGates = nil
	return compare(modeDesired, set, actual)
}
