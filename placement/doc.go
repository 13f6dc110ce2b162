// Package placement answers these questions about a node: should it run the daemon
// pod, does a pod that is already there stay, and why (not)?
//
// [Compile] parses the placement fields of a pod template once. The [Matcher] it
// returns is then asked about nodes: [Matcher.Decide] for a decision,
// [Matcher.Explain] for the details of one, [Matcher.Summarize] for a count over many
// nodes. [Tolerations] is the list that every daemon pod carries. [NodeChanged] and
// [Matcher.DecisionChanged] filter the updates of a node.
//
// All functions are pure. They read nodes and templates and change neither. No
// input makes them panic: nil stands for an empty template or for a missing node.
//
// # Rules
//
// The rules are those of the DaemonSet controller of Kubernetes 1.37. The comments
// cite them as symbol@tag: tags v1.37.2 are of k8s.io/kubernetes, tags v0.37.2 of its
// published modules.
//
//  1. A node gets two answers: Run, whether it should run a new daemon pod, and Keep,
//     whether a pod that is already there stays. (NodeShouldRunDaemonPod@v1.37.2)
//  2. The rules and their order are at [Matcher.Decide].
//  3. The default tolerations and their merging are at [Tolerations].
//  4. Upstream's own parser says which affinity terms are malformed, and
//     [Matcher.Malformed] reports them.
//  5. An update that leaves labels and taints unchanged changes no decision; see
//     [NodeChanged].
//
// # Deviations
//
//	nil-node    NodeShouldRunDaemonPod@v1.37.2  a nil node gets ReasonNoNode; upstream panics
//	no-logging  ToleratesTaint@v0.37.2          upstream logs a toleration or a taint with a number that
//	                                            does not parse; Matcher.Malformed reports the toleration
//
// # Stability
//
// String methods return one line, the same for the same value. Their wording may
// gain detail. Programs read the fields instead.
package placement
