// Package placement answers these questions about a node: should it run the daemon
// pod, does a pod that is already there stay, and why (not)?
//
// [Compile] parses the placement fields of a pod template once, and the [Matcher] that it
// returns decides any number of nodes, also those that do not exist yet.
//
//	does it run here, does a pod stay?           Matcher.Decide
//	why (not)?                                   Matcher.Explain
//	how many nodes run it?                       Matcher.Summarize
//	can a node without a name be decided?        Matcher.NeedsName
//	did this update of a node change anything?   NodeChanged, Matcher.DecisionChanged
//	the tolerations of every daemon pod          Tolerations
//	what in the template is malformed            Matcher.Malformed
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
package placement
