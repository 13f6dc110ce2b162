package podspec

import corev1 "k8s.io/api/core/v1"

// SystemPriorities are the values of the priority classes that every cluster has, by name
// (SystemPriorityClasses@v1.37.2). Read-only.
var SystemPriorities = map[string]int32{
	"system-node-critical":    2_000_001_000,
	"system-cluster-critical": 2_000_000_000,
}

// Priority returns the priority of a pod as far as its spec says: spec.priority, or else that of its
// class if every cluster has it, or else zero.
func Priority(spec *corev1.PodSpec) int32 {
	if spec.Priority != nil {
		return *spec.Priority
	}
	return SystemPriorities[spec.PriorityClassName]
}
