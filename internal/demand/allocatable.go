package demand

import corev1 "k8s.io/api/core/v1"

// Allocatable returns what a node has for pods: its status.capacity if it has no
// status.allocatable (SetDefaults_NodeStatus@v1.37.2). If it is empty, the node has room for all.
// It is shared with the node, read-only.
func Allocatable(node *corev1.Node) corev1.ResourceList {
	if len(node.Status.Allocatable) == 0 {
		return node.Status.Capacity
	}
	return node.Status.Allocatable
}
