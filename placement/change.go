package placement

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
)

// NodeChanged reports whether the labels or the taints of a node have changed. No other
// change of a node has an effect on placement. A rollout.State and a rollout.Policy also
// read the Ready condition: do not filter their nodes with NodeChanged. It is the opposite
// of shouldIgnoreNodeUpdate@v1.37.2.
//
// Nil and empty labels or taints are equal. The order of taints and their
// timeAdded are compared. Two nil nodes are equal; a nil node and another one differ.
func NodeChanged(old, cur *corev1.Node) bool {
	if old == nil || cur == nil {
		return old != cur
	}
	return !maps.Equal(old.Labels, cur.Labels) || !taintsEqual(old.Spec.Taints, cur.Spec.Taints)
}

func taintsEqual(a, b []corev1.Taint) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || a[i].Value != b[i].Value || a[i].Effect != b[i].Effect || !a[i].TimeAdded.Equal(b[i].TimeAdded) {
			return false
		}
	}
	return true
}

// DecisionChanged reports whether Run or Keep of this template differs between two
// states of a node. A nil node, such as one that does not exist yet, neither runs
// nor keeps a pod.
func (m *Matcher) DecisionChanged(old, cur *corev1.Node) bool {
	was, is := m.Decide(old), m.Decide(cur)
	return was.Run != is.Run || was.Keep != is.Keep
}
