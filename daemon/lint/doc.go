// Package lint finds faults in a DaemonSet before it is applied: what will get stuck,
// run nowhere or have no effect.
//
//	findings, err := lint.Check(daemon.Input{DaemonSet: ds, Nodes: nodes}, lint.Options{})
//	for _, f := range findings {
//		fmt.Println(f)
//	}
//
// The manifest alone shows a selector or a budget that the API server refuses, a surge
// that a host port prevents, or a toleration without effect. With the nodes, Check also
// finds labels that no node has, pods that will stay Pending, and budgets that allow all
// nodes at once. With the other DaemonSets, it finds host ports that two of them use.
//
// Each [Finding] has a [Code], which says what kind of fault it is, a [Severity], the path
// of the field at fault, and a text for people. A gate before a merge usually stops at
// errors, prints warnings, and has a list of codes that it accepts. To find a misspelt one,
// compare it with [Codes]. The comment of each code has the condition, the consequence and the
// source upstream.
//
// # Rules
//
//  1. Check looks at the DaemonSet with the API server's defaults
//     (SetDefaults_DaemonSet@v1.37.2), at the nodes and at the other DaemonSets. It knows
//     nothing else of the cluster.
//  2. A fault that depends on facts which Check was not given is at most a warning. Without
//     nodes, a check that needs them finds nothing, or gives a warning if the fault is likely.
//  3. A node is eligible if a pod of the DaemonSet should run on it
//     (NodeShouldRunDaemonPod@v1.37.2; package placement).
//  4. Messages say what the API server refuses. Nobody refuses it for a resource of your own:
//     treat [SeverityError] as a refusal.
package lint
