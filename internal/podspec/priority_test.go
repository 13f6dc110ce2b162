package podspec

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestPriority(t *testing.T) {
	for _, tc := range []struct {
		spec corev1.PodSpec
		want int32
	}{
		{corev1.PodSpec{}, 0},
		{corev1.PodSpec{Priority: new(int32(-7))}, -7},
		{corev1.PodSpec{PriorityClassName: "system-node-critical"}, 2000001000},
		{corev1.PodSpec{PriorityClassName: "system-cluster-critical"}, 2000000000},
		{corev1.PodSpec{PriorityClassName: "gold"}, 0},
		{corev1.PodSpec{PriorityClassName: "gold", Priority: new(int32(1000))}, 1000},
	} {
		if got := Priority(&tc.spec); got != tc.want {
			t.Errorf("Priority(class %q, %v) = %d, want %d", tc.spec.PriorityClassName, tc.spec.Priority, got, tc.want)
		}
	}
}
