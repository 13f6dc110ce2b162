package diff

import (
	corev1 "k8s.io/api/core/v1"
)

// Templates returns what changes from one pod template to another, by the rules
// of the package comment. A nil template is an empty one. The result is nil if
// the templates mean the same. It may share memory with both: it is read-only.
//
// The time is linear in the size of the templates. The one exception are lists
// that go by position. Of them the entries before the first difference and behind
// the last one are set aside. The n entries between, of both lists together, are
// aligned along a longest common subsequence in O(n log n) if no entry repeats,
// and else in at most 512 steps for each entry: if that many entries are not
// enough to skip between the equal ones, the alignment goes on from there and may
// miss the longest.
func Templates(old, cur *corev1.PodTemplateSpec) Changes {
	if old == nil {
		old = &corev1.PodTemplateSpec{}
	}
	if cur == nil {
		cur = &corev1.PodTemplateSpec{}
	}
	return compare(modeAll, old, cur)
}
