// Package placement answers where: does this node get the daemon pod, and why, or
// why not.
//
// [Compile] reads the placement fields of a pod template once, [Matcher.Decide]
// then answers for one node at a time without allocating, and the [Decision]
// explains itself when asked. [Summarize] counts many of them. The package reads
// nodes and templates and never changes them; it does no I/O and keeps no state.
//
// # Rules
//
// The rules are those of the DaemonSet controller of Kubernetes 1.37. Tags v1.37.2
// are of k8s.io/kubernetes, tags v0.37.2 of its published modules.
//
//  1. A node gets two answers: Run, whether a new daemon pod belongs on it, and
//     Keep, whether one that is already there stays. Run implies Keep.
//     (NodeShouldRunDaemonPod@v1.37.2)
//  2. The template's spec.nodeName, where set, has to be the node's name; else
//     neither run nor keep. (nodeShouldRunDaemonPod@v1.37.2)
//  3. The node's labels have to have every entry of the nodeSelector; else neither
//     run nor keep. Entries are compared as they are, also those that no label can
//     equal. (NewRequiredNodeAffinity@v0.37.2, SelectorFromSet@v0.37.2)
//  4. One term of the required node affinity has to match; else neither run nor
//     keep. A term matches when all its matchExpressions and matchFields do. An
//     empty term matches nothing, and so does a list without terms. No required
//     affinity at all asks for nothing. (LazyErrorNodeSelector.Match@v0.37.2)
//  5. A term that does not parse matches nothing, and the others still count;
//     [Matcher.Malformed] reports it. Operators, keys and values are parsed as
//     upstream does, because its own parser is asked.
//     (predicates@v1.37.2, nodeaffinity.NewNodeSelector@v0.37.2)
//  6. NotIn and DoesNotExist match a node without the label. Gt and Lt need a label
//     that is a 64-bit integer. (Requirement.Matches@v0.37.2)
//  7. matchFields know metadata.name only; any other field is the empty string. On a
//     node without a name matchFields are not looked at.
//     (nodeSelectorTerm.match@v0.37.2, extractNodeFields@v0.37.2)
//  8. Every taint of the effects NoSchedule and NoExecute has to be tolerated to
//     run, and every one of the effect NoExecute to keep. Other effects do not
//     matter, and neither does spec.unschedulable: only its taint counts.
//     (predicates@v1.37.2, FindMatchingUntoleratedTaint@v0.37.2)
//  9. The tolerations are the template's merged with the defaults of daemon pods;
//     see [Tolerations]. As not-ready and unreachable are tolerated for NoExecute
//     only, their NoSchedule taints stop new pods and keep those that are there.
//     (AddOrUpdateDaemonPodTolerations@v1.37.2)
//  10. A toleration tolerates a taint whose effect and key it names, where empty
//     means any; Exists asks no more, Equal or no operator asks for the same value.
//     An empty key goes with any operator. Gt and Lt compare integers in canonical
//     decimal form, and only with [Options].ComparisonOperators. An unknown operator
//     tolerates nothing. (ToleratesTaint@v0.37.2)
//  11. Preferred affinity, pod affinity, resources, ports and the node's conditions do
//     not matter.
//  12. Of several reasons the first in the order of rules 2, 3, 4 and 8 is told.
//  13. A node's update matters only where labels or taints changed; see [NodeChanged].
//     (shouldIgnoreNodeUpdate@v1.37.2)
//
// # Deviations
//
//	nil-node    NodeShouldRunDaemonPod@v1.37.2  a nil node is neither run on nor kept on
//	                                            (ReasonNoNode); upstream panics
//	no-logging  ToleratesTaint@v0.37.2          upstream logs tolerations and taints whose numbers do
//	                                            not parse; Matcher.Malformed reports the tolerations
//
// # Stability
//
// String methods give one line, the same for the same input. Their form stays, a
// Decision's begins with the node's name; their wording may gain detail. Programs
// read the typed accessors instead.
package placement
