// Package lint finds faults in a DaemonSet before it is applied: what will get stuck,
// run nowhere or have no effect.
//
//	findings, err := lint.Check(daemon.Input{DaemonSet: ds, Nodes: nodes}, lint.Options{})
//	for _, f := range findings {
//		fmt.Println(f)
//	}
//
// # Rules
//
//  1. Check looks at the DaemonSet with the API server's defaults
//     (SetDefaults_DaemonSet@v1.37.2) and at the other objects in the input. It knows
//     nothing else of the cluster.
//  2. A fact that the input does not hold never makes an error. Without nodes, a check
//     that needs them finds nothing, or gives a warning if the fault is likely.
//  3. A node is eligible if a pod of the DaemonSet should run on it
//     (NodeShouldRunDaemonPod@v1.37.2; package placement).
//
// # Codes
//
// The comment of each constant has the condition, the consequence and the source
// upstream. A code with two severities says there when each applies.
//
//	SelectorEmpty            error           the selector is missing or empty
//	SelectorMalformed        error           the selector does not parse
//	SelectorMismatch         error           the selector does not match the template's labels
//	SelectorRevisionHash     error           the selector depends on controller-revision-hash
//	NoRevisionHistory        info            revisionHistoryLimit is 0: nothing to undo to
//	BudgetMalformed          error           maxUnavailable or maxSurge is malformed
//	BudgetBothSet            error           maxUnavailable and maxSurge are both above 0
//	BudgetBothZero           error           maxUnavailable and maxSurge are both 0
//	BudgetAllNodes           warning, info   the budget allows all nodes at once
//	BudgetPercentNoNode      info            a percentage of no eligible node is 0
//	BudgetNodesNotReady      warning         nodes that are not Ready use up the budget
//	MinReadySecondsLong      warning         minReadySeconds exceeds the progress deadline
//	SurgeHostPort            error           a host port allows only one pod on a node
//	SurgeHostNetwork         warning         two pods share the host network
//	SurgePodAntiAffinity     error, warning  the pods exclude each other from a node
//	SurgeRequests            error           two pods do not fit on a node
//	NodeAffinityMalformed    error           a node affinity term does not parse
//	NodeAffinityEmptyTerm    error, warning  a node affinity term is empty
//	NodeAffinityNoNode       warning         no node matches the node affinity
//	NodeSelectorNoNode       warning         no node matches the nodeSelector
//	NodeNameNoNode           warning         no node has the nodeName
//	NoEligibleNode           warning         selectors and taints together leave no node
//	LabelForbiddenToKubelet  warning, info   a kubelet may not set a selected label
//	OSMismatch               error           nodes run another operating system than spec.os
//	OSMixed                  warning         nodes run different operating systems
//	TolerationMalformed      error           the toleration tolerates no taint
//	TolerationDefault        warning, info   daemon pods get the toleration by default
//	TolerationShadowed       warning, info   another toleration tolerates the same taints
//	TolerationSeconds        warning         the pod is evicted and created again
//	HostPortDuplicate        error           two containers use the same host port
//	HostPortConflict         error           another DaemonSet uses the host port
//	HostPortKubelet          error           the kubelet uses the host port
//	RequestsMissing          warning         a container requests no cpu or no memory
//	RequestsExceedNode       error, warning  the pod does not fit on a node
//	PodAntiAffinitySelf      error, warning  the pods exclude each other from a domain
//	PodAffinitySelf          warning         only the domain of the first pod gets pods
//	SpreadLabelMissing       error           nodes lack the topologyKey of a constraint
package lint
