package placement

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
)

// NodeChanged tells whether a node's update can change any verdict: whether its
// labels or its taints differ (shouldIgnoreNodeUpdate@v1.37.2, negated). Nil and
// empty are the same; the order of taints counts, and so does their timeAdded. Two
// nil nodes do not differ, a nil node and another one do. The nodes are only read.
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

// VerdictChanged tells whether Run or Keep of this template differs between two
// states of a node. A nil node, one that is not there yet or any more, neither
// runs nor keeps.
func (m *Matcher) VerdictChanged(old, cur *corev1.Node) bool {
	was, is := m.Decide(old), m.Decide(cur)
	return was.Run != is.Run || was.Keep != is.Keep
}
