// Package conformance runs the DaemonSet controller of k8s.io/kubernetes and the
// library on the same input and compares what they write. README.md says what is
// compared and what came of it.
//
// A [State] is the input of one pass, [Upstream] and [Library] turn it into a
// [Pass], and [Compare] says how the passes differ. [Generate] makes states,
// [Shrink] makes a failing one small, and [Deviations] are the differences that
// are meant.
package conformance
