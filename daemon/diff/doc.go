// Package diff answers the question what changed: between two DaemonSets, two pod
// templates or two pods, between a pod and its siblings, and between the pods that should
// exist and those that exist.
//
//	diff.DaemonSets(old, cur)               what an edit changes, also what starts no rollout
//	diff.Templates(old, cur)                what a rollout of cur changes
//	diff.Pods(old, cur)                     what happened to a pod
//	diff.Siblings(pod, pods, naming)        what one pod of a DaemonSet has and the others do not
//	diff.PodSets(desired, actual, naming)   which pods are missing, extra, outdated or drifted
//
// Every change is a value with a path and typed values. Its String method returns it
// as text.
//
// # Rules
//
// These rules hold for all functions.
//
//  1. Values that mean the same are equal, as in equality.Semantic@v0.37.2: 1000m
//     and 1, one instant in two time zones, a nil list or map and an empty one. A
//     nil pointer and a pointer to an empty struct differ. A rollout compares bytes
//     instead (Match@v1.37.2): templates that write 1Gi and 1073741824 are equal
//     here and have different revisions.
//  2. Changes are in the order in which the API declares the fields. Changes of map
//     entries are in the order of the keys.
//  3. List entries are compared by the key that the API declares for the list, such
//     as the name of a container, in the order of the old list; added entries come
//     last. Another order of the same entries is one change of its own, because it
//     matters to init containers and environment variables.
//  4. A list without a key, and a list in which a key is empty or repeats, is
//     compared by position: equal entries are aligned in order, and the entries
//     between them are paired from the first on. A moved entry is removed and added.
//  5. A struct, a list entry or a list of plain values that only one object has is
//     one change.
//
// # Order, sharing, errors
//
// Results do not depend on the order of maps or of the pods passed in. Arguments are
// never changed; results may point into them and are read-only. No function returns an
// error: a nil object counts as an empty one, and a nil pod in a list is skipped.
package diff
