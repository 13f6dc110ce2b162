package diff

import (
	corev1 "k8s.io/api/core/v1"
)

// Templates returns what changes from one pod template to another, by the rules
// of the package comment. A nil template is an empty one. The result is nil if
// the templates mean the same. It may share memory with both: it is read-only.
//
// Templates fills in no defaults. Compare two manifests, or use simulate.WhatIf, whose
// Template has them on both sides.
//
// The time is linear in the size of the templates, except for the alignment of lists
// that are compared by position. Lists of n entries take O(n log n) if no entry repeats
// within a list, and at most 1600*n steps otherwise. The alignment keeps as many entries
// in place as possible if no entry repeats, or if at most 512 of the entries that both
// lists have are out of place. Otherwise there may be more changes than necessary.
func Templates(old, cur *corev1.PodTemplateSpec) Changes {
	if old == nil {
		old = &corev1.PodTemplateSpec{}
	}
	if cur == nil {
		cur = &corev1.PodTemplateSpec{}
	}
	return compare(modeAll, old, cur)
}
