package lint

// Code is the kind of a finding. The values are stable, so a project can keep a list
// of codes that it accepts. [Codes] returns all of them.
type Code string

// Codes returns all codes that a finding can have, sorted, in a new slice. A program that takes
// codes from people can tell with it that one is misspelt.
func Codes() []Code {
	return []Code{
		CodeBudgetAllNodes,
		CodeBudgetBothSet,
		CodeBudgetBothZero,
		CodeBudgetMalformed,
		CodeBudgetNodesNotReady,
		CodeBudgetPercentNoNode,
		CodeHostPortConflict,
		CodeHostPortDuplicate,
		CodeHostPortKubelet,
		CodeLabelForbiddenToKubelet,
		CodeMinReadySecondsLong,
		CodeNoEligibleNode,
		CodeNoRevisionHistory,
		CodeNodeAffinityEmptyTerm,
		CodeNodeAffinityMalformed,
		CodeNodeAffinityNoNode,
		CodeNodeNameNoNode,
		CodeNodeSelectorMalformed,
		CodeNodeSelectorNoNode,
		CodeOSMismatch,
		CodeOSMixed,
		CodePodAffinitySelf,
		CodePodAntiAffinitySelf,
		CodeRequestsExceedNode,
		CodeRequestsMissing,
		CodeResourcesMalformed,
		CodeSelectorEmpty,
		CodeSelectorMalformed,
		CodeSelectorMismatch,
		CodeSelectorRevisionHash,
		CodeSpreadLabelMissing,
		CodeSurgeHostNetwork,
		CodeSurgeHostPort,
		CodeSurgePodAntiAffinity,
		CodeSurgeRequests,
		CodeTolerationDefault,
		CodeTolerationMalformed,
		CodeTolerationSeconds,
		CodeTolerationShadowed,
	}
}

// The selector and the history.
const (
	// CodeSelectorEmpty (error): the selector is missing or empty. The API server
	// refuses it. What a controller does that finds it depends on how it is written
	// (syncDaemonSet@v1.37.2). Without a selector it releases each pod that it creates
	// and creates more, without end. With {} it sends a SelectingAll event and does
	// nothing. With lists that are present and empty, such as {"matchLabels":{}}, it
	// adopts every pod of the namespace that has no controller.
	CodeSelectorEmpty Code = "SelectorEmpty"
	// CodeSelectorMalformed (error): the selector has an unknown operator or the wrong
	// number of values. The API server refuses it, and every pass of the controller
	// fails (ValidateLabelSelector@v0.37.2).
	CodeSelectorMalformed Code = "SelectorMalformed"
	// CodeSelectorMismatch (error): the selector does not match the template's labels.
	// The API server refuses it, because the controller would release every pod that
	// it creates and create the next one, without end
	// (ValidateDaemonSetSpec@v1.37.2).
	CodeSelectorMismatch Code = "SelectorMismatch"
	// CodeSelectorRevisionHash (error): the selector matches the template but not its
	// pods, because it depends on the value of controller-revision-hash, which the
	// controller sets. The API server accepts it. The controller releases the pods
	// that it creates and creates more, without end (CreatePodTemplate@v1.37.2).
	CodeSelectorRevisionHash Code = "SelectorRevisionHash"
	// CodeNoRevisionHistory (info): revisionHistoryLimit is 0. The controller deletes
	// an old revision as soon as no pod has it, and kubectl rollout undo has nothing
	// to go back to (cleanupHistory@v1.37.2).
	CodeNoRevisionHistory Code = "NoRevisionHistory"
)

// The budgets and the speed of a rolling update. The strategy OnDelete gets none of
// these findings. Budgets are compared with the number of eligible nodes, and
// percentages round up: 51% of two nodes are two nodes (UnavailableCount@v1.37.2).
const (
	// CodeBudgetMalformed (error): maxUnavailable or maxSurge is neither a number of 0
	// or more nor a percentage of at most 100. The API server refuses it. If it does
	// not parse, every pass of the controller fails before it updates a pod
	// (updatedDesiredNodeCounts@v1.37.2). A negative maxUnavailable without maxSurge
	// replaces only outdated pods that are not available. A negative maxSurge creates
	// new pods only beside outdated pods that are not available (rollingUpdate@v1.37.2),
	// and the next pass deletes them again (podsShouldBeOnNode@v1.37.2). More than 100%
	// allows all nodes at once.
	CodeBudgetMalformed Code = "BudgetMalformed"
	// CodeBudgetBothSet (error): maxUnavailable and maxSurge are both above 0. That
	// includes a manifest that sets only maxSurge, because maxUnavailable is 1 by
	// default. The API server refuses it (ValidateRollingUpdateDaemonSet@v1.37.2).
	CodeBudgetBothSet Code = "BudgetBothSet"
	// CodeBudgetBothZero (error): maxUnavailable and maxSurge are both 0. The API server
	// refuses it. A controller that finds it takes down one pod at a time
	// (updatedDesiredNodeCounts@v1.37.2).
	CodeBudgetBothZero Code = "BudgetBothZero"
	// CodeBudgetAllNodes: the budget allows all eligible nodes at once, and there are
	// two or more (UnavailableCount, SurgeCount @v1.37.2). It is a warning for
	// maxUnavailable: the first step of a rollout takes down all pods. It is an info for
	// maxSurge: every node runs two pods. Without nodes, only a budget of 100% gives
	// this finding.
	CodeBudgetAllNodes Code = "BudgetAllNodes"
	// CodeBudgetPercentNoNode (info): the budget is a percentage, and no node is
	// eligible, so it is 0. A rollout completes at once. Available pods on nodes with a
	// NoSchedule taint keep the old template (updatedDesiredNodeCounts@v1.37.2).
	CodeBudgetPercentNoNode Code = "BudgetPercentNoNode"
	// CodeBudgetNodesNotReady (warning): at least as many eligible nodes as
	// maxUnavailable are not Ready. Unavailable pods there use up the budget, and a
	// rollout updates no available pod until the nodes are Ready or deleted
	// (rollingUpdate@v1.37.2; kubernetes #63465, #117204).
	CodeBudgetNodesNotReady Code = "BudgetNodesNotReady"
	// CodeMinReadySecondsLong (warning): minReadySeconds is longer than
	// Options.ProgressDeadline. A pipeline that waits for progress gives up on a healthy
	// rollout (IsPodAvailable@v1.37.2).
	CodeMinReadySecondsLong Code = "MinReadySecondsLong"
)

// Faults that prevent a surge, which needs two pods on one node. The new pod never
// starts, the old one stays because the new one is not available, and the rollout gets
// stuck after maxSurge nodes.
const (
	// CodeSurgeHostPort (error): the pods use host ports. In the host network every
	// declared port is a host port (SetDefaults_Pod@v1.37.2). The scheduler does not
	// put the new pod beside the old one (fitsPorts@v1.37.2; kubernetes #106417).
	CodeSurgeHostPort Code = "SurgeHostPort"
	// CodeSurgeHostNetwork (warning): the pods are in the host network and declare no
	// port. The scheduler accepts both pods on the node. If they listen on a fixed port,
	// the new pod crashes as long as the old one runs (kubernetes #106417).
	CodeSurgeHostNetwork Code = "SurgeHostNetwork"
	// CodeSurgePodAntiAffinity: a required podAntiAffinity matches the DaemonSet's own
	// pods. The scheduler does not put the new pod beside the old one, for any
	// topologyKey, because a node is in the same domain as itself. A term with
	// controller-revision-hash in its matchLabelKeys matches no pod of another revision
	// and gives no finding (satisfyPodAntiAffinity, mutatePodAffinity @v1.37.2). It is a
	// warning if the DaemonSet has no namespace and the term names some, otherwise an
	// error.
	CodeSurgePodAntiAffinity Code = "SurgePodAntiAffinity"
	// CodeSurgeRequests (error): one pod fits on some eligible nodes and two do not,
	// even if no other pod runs there (fitsRequest@v1.37.2).
	CodeSurgeRequests Code = "SurgeRequests"
)

// The choice of nodes. A DaemonSet without an eligible node runs nowhere, and its
// rollouts complete.
const (
	// CodeNodeAffinityMalformed (error): a term of the required node affinity does not
	// parse. The API server refuses it, unless only a value of Gt or Lt is not an integer
	// (ValidateNodeSelectorRequirement@v1.37.2). The controller ignores the term and
	// evaluates the others (nodeaffinity.NewLazyErrorNodeSelector@v0.37.2).
	CodeNodeAffinityMalformed Code = "NodeAffinityMalformed"
	// CodeNodeAffinityEmptyTerm: a term of the required node affinity is empty. It
	// matches no node, though it seems to match every node, and the API server accepts
	// it (nodeaffinity.NewLazyErrorNodeSelector@v0.37.2). It is an error if no other
	// term can match a node, or if there are no terms at all: no node is eligible. It is
	// a warning otherwise: the term has no effect.
	CodeNodeAffinityEmptyTerm Code = "NodeAffinityEmptyTerm"
	// CodeNodeAffinityNoNode (warning): no node matches the required node affinity
	// (NodeShouldRunDaemonPod@v1.37.2).
	CodeNodeAffinityNoNode Code = "NodeAffinityNoNode"
	// CodeNodeSelectorMalformed (error): the nodeSelector has a key that is no label key, or
	// a value that is no label value. The API server refuses it (ValidateLabels@v0.37.2), and
	// no node can match.
	CodeNodeSelectorMalformed Code = "NodeSelectorMalformed"
	// CodeNodeSelectorNoNode (warning): no node matches the nodeSelector
	// (NodeShouldRunDaemonPod@v1.37.2). It looks at well-formed labels only: no node has one of
	// them, or none has all.
	CodeNodeSelectorNoNode Code = "NodeSelectorNoNode"
	// CodeNodeNameNoNode (warning): no node has the name in the template's nodeName
	// (predicates@v1.37.2).
	CodeNodeNameNoNode Code = "NodeNameNoNode"
	// CodeNoEligibleNode (warning): nodeName, nodeSelector and required node affinity
	// each match some node, but together, or with the taints of the nodes, they leave
	// none (NodeShouldRunDaemonPod@v1.37.2).
	CodeNoEligibleNode Code = "NoEligibleNode"
	// CodeLabelForbiddenToKubelet: the nodeSelector or the required node affinity needs
	// a label of kubernetes.io or k8s.io that a kubelet may not set on its own node,
	// such as any label of node-role.kubernetes.io or node-restriction.kubernetes.io. A
	// kubelet with the label in --node-labels does not start
	// (ValidateKubeletFlags@v1.37.2), and the NodeRestriction plugin refuses the write
	// (getForbiddenLabels@v1.37.2, IsKubeletLabel@v0.37.2). A new node gets no pod
	// until something else sets the label. If only some terms of the affinity need the
	// label, it may match another term. It is a warning if none of the given nodes has
	// the label and no term matches without it, otherwise an info. Malformed labels of the
	// nodeSelector do not count, and neither do terms that match no node because they are
	// empty or malformed.
	CodeLabelForbiddenToKubelet Code = "LabelForbiddenToKubelet"
	// CodeOSMismatch (error): eligible nodes run another operating system than spec.os
	// of the template. The controller ignores spec.os. The kubelet rejects the pods,
	// they fail, and the controller replaces them without end
	// (rejectPodAdmissionBasedOnOSField@v1.37.2).
	CodeOSMismatch Code = "OSMismatch"
	// CodeOSMixed (warning): eligible nodes run different operating systems, and the
	// template has no spec.os. A pod whose image has no variant for its node never starts
	// and counts as unavailable in every rollout (rollingUpdate@v1.37.2).
	CodeOSMixed Code = "OSMixed"
)

// Tolerations. Default tolerations are those that the controller gives every daemon
// pod. They come last, except for one that replaces a toleration of the template. The
// first toleration that matches a taint decides when the pod is evicted
// (AddOrUpdateDaemonPodTolerations, GetMatchingTolerations @v1.37.2).
const (
	// CodeTolerationMalformed (error): the API server refuses the toleration
	// (ValidateTolerations@v1.37.2). The operator must be Equal, Exists or empty, or Gt or Lt if
	// Input.Placement allows them. The key must be a label key, or empty with Exists. The value
	// must be a label value, empty with Exists, and an integer with Gt and Lt. The effect must be
	// NoSchedule, PreferNoSchedule, NoExecute or empty, and NoExecute if there are
	// tolerationSeconds; noexecute is unknown. A malformed toleration gets no other finding.
	CodeTolerationMalformed Code = "TolerationMalformed"
	// CodeTolerationDefault: the toleration is a default one
	// (AddOrUpdateDaemonPodTolerations@v1.37.2). It is a warning if the toleration has
	// tolerationSeconds: the controller drops them, and the pod is never evicted. It is
	// an info otherwise.
	CodeTolerationDefault Code = "TolerationDefault"
	// CodeTolerationShadowed: another toleration tolerates all taints that this one
	// tolerates, so this one has no effect (GetMatchingTolerations@v1.37.2). It is a
	// warning if this one has other tolerationSeconds: they do not apply. It is an info
	// otherwise.
	CodeTolerationShadowed Code = "TolerationShadowed"
	// CodeTolerationSeconds (warning): a toleration of NoExecute taints has
	// tolerationSeconds. The pod is evicted so many seconds after the taint appears. The
	// controller ignores tolerationSeconds and creates the pod again on the same node,
	// as long as the taint is there (getMinTolerationTime, NodeShouldRunDaemonPod
	// @v1.37.2).
	CodeTolerationSeconds Code = "TolerationSeconds"
)

// Host ports.
const (
	// CodeHostPortDuplicate (error): two ports of the template's containers, or of one
	// init container, are the same host port. The API server refuses the DaemonSet. If the
	// ports are host ports only because of the host network, it accepts the DaemonSet and
	// refuses each pod (AccumulateUniqueHostPorts, SetDefaults_Pod @v1.37.2).
	CodeHostPortDuplicate Code = "HostPortDuplicate"
	// CodeHostPortConflict (error): another DaemonSet uses the host port on the same
	// nodes. On each of them the second pod stays Pending (fitsPorts@v1.37.2).
	CodeHostPortConflict Code = "HostPortConflict"
	// CodeHostPortKubelet (error): the kubelet of eligible nodes uses the host port
	// (status.daemonEndpoints). The scheduler does not know that. In the host network
	// the pod cannot listen on the port. Otherwise the pod receives the kubelet's
	// traffic, and logs, exec and metrics of the node fail.
	CodeHostPortKubelet Code = "HostPortKubelet"
)

// Resource requests.
const (
	// CodeResourcesMalformed (error): the API server refuses a request, a limit or the
	// overhead (validateResourceRequirements, validatePodResourceConsistency @v1.37.2). A
	// name must be that of a resource of containers, or of the pod as a whole. An amount
	// must not be below zero, extended resources and huge pages must be whole, and huge
	// pages need cpu or memory beside them. A request must not be above the limit; that of
	// an extended resource and of huge pages must be the limit. The resources of the pod as
	// a whole must fit those of its containers.
	CodeResourcesMalformed Code = "ResourcesMalformed"
	// CodeRequestsMissing (warning): a container has no request and no limit for cpu or
	// memory, and the pod as a whole has none. The scheduler and autoscalers reserve
	// nothing for it, and the scheduler puts it on full nodes too. Without a memory
	// request it is evicted among the first when a node runs out of memory
	// (rankMemoryPressure@v1.37.2). A LimitRange, which Check does not see, may add the
	// request.
	CodeRequestsMissing Code = "RequestsMissing"
	// CodeRequestsExceedNode: the pod requests more than status.allocatable of some
	// eligible nodes, or than status.capacity if a node has no allocatable. The pods there
	// stay Pending and use up the budget of every rollout (fitsRequest@v1.37.2). It is an
	// error if the nodes list less of a resource. It is a warning if they do not list the
	// resource, because a DeviceClass may provide it.
	CodeRequestsExceedNode Code = "RequestsExceedNode"
)

// Pods of the DaemonSet on different nodes.
const (
	// CodePodAntiAffinitySelf: a required podAntiAffinity matches the DaemonSet's own
	// pods, and eligible nodes share a domain. One pod runs in each domain. The others
	// stay Pending, because each is for one node only (satisfyPodAntiAffinity@v1.37.2).
	// It is a warning without nodes, or if the DaemonSet has no namespace and the term
	// names some, otherwise an error.
	CodePodAntiAffinitySelf Code = "PodAntiAffinitySelf"
	// CodePodAffinitySelf (warning): a required podAffinity matches the DaemonSet's own
	// pods, and the eligible nodes are in several domains. The first pod may run
	// anywhere. The pods of the other domains stay Pending unless other matching pods
	// run there (satisfiesSelfAffinityCheck@v1.37.2).
	CodePodAffinitySelf Code = "PodAffinitySelf"
	// CodeSpreadLabelMissing (error): eligible nodes lack the topologyKey of a
	// topologySpreadConstraint with DoNotSchedule. The pods there stay Pending
	// (PodTopologySpread.Filter@v1.37.2).
	CodeSpreadLabelMissing Code = "SpreadLabelMissing"
)
