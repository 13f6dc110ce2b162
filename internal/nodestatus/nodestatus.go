// Package nodestatus reads what nodes report about themselves.
package nodestatus

import corev1 "k8s.io/api/core/v1"

// Ready returns the node's Ready condition, or nil.
func Ready(node *corev1.Node) *corev1.NodeCondition {
	for i := range node.Status.Conditions {
		if c := &node.Status.Conditions[i]; c.Type == corev1.NodeReady {
			return c
		}
	}
	return nil
}
