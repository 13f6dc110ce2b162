package daemon

// LintCode names what a Finding is about. The values are stable, so that they can
// be listed in files of findings to accept.
type LintCode string

// What the DaemonSet says about itself: selector and history.
const (
	// LintSelectorEmpty (error): the selector is missing or empty. The API server
	// refuses it; the controller, which would take it for every pod of the
	// namespace, sends a SelectingAll event and does nothing
	// (syncDaemonSet@v1.37.2).
	LintSelectorEmpty LintCode = "SelectorEmpty"
	// LintSelectorMalformed (error): the selector has an unknown operator or the
	// wrong number of values. The API server refuses it, and every pass of the
	// controller fails before it does anything (ValidateLabelSelector@v0.37.2).
	LintSelectorMalformed LintCode = "SelectorMalformed"
	// LintSelectorMismatch (error): the selector does not match the template's
	// labels. The API server refuses it, because a controller would release every
	// pod that it creates and create the next one, without end
	// (ValidateDaemonSetSpec@v1.37.2).
	LintSelectorMismatch LintCode = "SelectorMismatch"
	// LintSelectorRevision (error): the selector matches the template, but not the
	// pods made from it, because it depends on the value of
	// controller-revision-hash, which the controller sets. The API server lets it
	// pass, and the controller releases the pods that it creates and creates more
	// (CreatePodTemplate@v1.37.2).
	LintSelectorRevision LintCode = "SelectorRevision"
	// LintHistoryNone (info): revisionHistoryLimit is 0. Once the last pod of an
	// old template is gone, so is its revision, and kubectl rollout undo finds
	// nothing to go back to (cleanupHistory@v1.37.2).
	LintHistoryNone LintCode = "HistoryNone"
)

// The budgets of a rolling update. They are not looked at with the strategy
// OnDelete.
const (
	// LintBudgetMalformed (error): maxUnavailable or maxSurge is neither a number
	// from zero up nor a percentage of at most 100. The API server refuses it. Where
	// it does not parse, every pass of the controller fails; below zero, nothing is
	// ever updated (updatedDesiredNodeCounts@v1.37.2).
	LintBudgetMalformed LintCode = "BudgetMalformed"
	// LintBudgetBoth (error): maxUnavailable and maxSurge are both above zero, as
	// when a manifest sets maxSurge alone and maxUnavailable gets its default 1. The
	// API server refuses it (ValidateRollingUpdateDaemonSet@v1.37.2).
	LintBudgetBoth LintCode = "BudgetBoth"
	// LintBudgetNothing (error): maxUnavailable and maxSurge are both zero. The API
	// server refuses it; a controller that meets it takes one pod down at a time
	// all the same (updatedDesiredNodeCounts@v1.37.2). A percentage above zero never
	// comes to nothing on one node or more, because both round up.
	LintBudgetNothing LintCode = "BudgetNothing"
	// LintBudgetAll: maxUnavailable comes to all eligible nodes, of which there are
	// at least two (warning): the first step of every rollout takes all pods down.
	// Percentages round up, so that 51% of two nodes are both
	// (UnavailableCount@v1.37.2). Or maxSurge does (info): every node runs two pods
	// at once (SurgeCount@v1.37.2). Without nodes only 100% is found.
	LintBudgetAll LintCode = "BudgetAll"
	// LintBudgetPercentOfZero (info): no node is eligible, so that a percentage
	// comes to zero. The rollout counts as complete at once, and available pods of
	// the old template that a NoSchedule taint has stranded are never replaced
	// (updatedDesiredNodeCounts@v1.37.2).
	LintBudgetPercentOfZero LintCode = "BudgetPercentOfZero"
	// LintBudgetNotReady (warning): as many eligible nodes as maxUnavailable allows,
	// or more, are not Ready. Their pods count as unavailable and use the budget up,
	// so that no pod on a good node is replaced until they are back or gone
	// (rollingUpdate@v1.37.2; kubernetes #63465, #117204).
	LintBudgetNotReady LintCode = "BudgetNotReady"
	// LintMinReadyLong (warning): minReadySeconds is longer than Patience. After
	// each step nothing moves for that long, and a pipeline that waits for progress
	// gives up on a healthy rollout (IsPodAvailable@v1.37.2).
	LintMinReadyLong LintCode = "MinReadyLong"
)

// What stands against two pods on one node, as a surge needs it: the new pod
// never starts, the old one stays because the new one is not available, and the
// rollout stands still once maxSurge nodes are in that state.
const (
	// LintSurgeHostPort (error): the pods take host ports, which includes every
	// declared port of a pod in the host network (SetDefaults_Pod@v1.37.2). The
	// scheduler does not put the new pod beside the old one
	// (fitsPorts@v1.37.2; kubernetes #106417).
	LintSurgeHostPort LintCode = "SurgeHostPort"
	// LintSurgeHostNetwork (warning): the pods are in the host network and declare
	// no ports. The scheduler puts both on the node; if they listen on a fixed port,
	// the new one crashes until the old one is gone (kubernetes #106417).
	LintSurgeHostNetwork LintCode = "SurgeHostNetwork"
	// LintSurgeAntiAffinity (error): a required podAntiAffinity matches the pods
	// themselves, and a node is always in one domain with itself, so that the
	// scheduler keeps the new pod away from the old one. matchLabelKeys with
	// controller-revision-hash keeps revisions apart and is fine
	// (satisfyPodAntiAffinity@v1.37.2, mutatePodAffinity@v1.37.2).
	LintSurgeAntiAffinity LintCode = "SurgeAntiAffinity"
	// LintSurgeRequests (error): one pod fits on the named nodes, two do not, even
	// if nothing else runs there (fitsRequest@v1.37.2).
	LintSurgeRequests LintCode = "SurgeRequests"
)

// Where the pods go.
const (
	// LintAffinityMalformed (error): a term of the required node affinity does not
	// parse. The API server refuses it; the controller passes over the whole term,
	// while the others still count (nodeaffinity.NewLazyErrorNodeSelector@v0.37.2).
	LintAffinityMalformed LintCode = "AffinityMalformed"
	// LintAffinityEmpty: a term of the required node affinity is empty. It matches
	// no node, not every node, and the API server lets it pass. Where no other term
	// is left to match, or there are no terms at all, the DaemonSet runs nowhere
	// (error); otherwise the term is dead (warning)
	// (nodeaffinity.NewLazyErrorNodeSelector@v0.37.2).
	LintAffinityEmpty LintCode = "AffinityEmpty"
	// LintAffinityNoNode (warning): the required node affinity by itself matches
	// none of the nodes. The DaemonSet runs nowhere and reports success
	// (NodeShouldRunDaemonPod@v1.37.2).
	LintAffinityNoNode LintCode = "AffinityNoNode"
	// LintNodeSelectorNoNode (warning): no node has the label, or none has all of
	// them. The DaemonSet runs nowhere and reports success
	// (NodeShouldRunDaemonPod@v1.37.2).
	LintNodeSelectorNoNode LintCode = "NodeSelectorNoNode"
	// LintNodeNameNoNode (warning): the template's nodeName is none of the nodes.
	// The DaemonSet runs nowhere and reports success (predicates@v1.37.2).
	LintNodeNameNoNode LintCode = "NodeNameNoNode"
	// LintNoEligibleNode (warning): nodeName, nodeSelector and node affinity each
	// match some node, but together with each other and the nodes' taints they leave
	// none. The DaemonSet runs nowhere and reports success
	// (NodeShouldRunDaemonPod@v1.37.2).
	LintNoEligibleNode LintCode = "NoEligibleNode"
	// LintLabelNotSelfSet: nodeSelector or the required node affinity wants a label
	// of kubernetes.io or k8s.io that kubelets may not give to their own node, which
	// goes for all of node-restriction.kubernetes.io and node-role.kubernetes.io. A
	// kubelet told to by --node-labels does not start (ValidateKubeletFlags@v1.37.2),
	// and the NodeRestriction plugin refuses the write (getForbiddenLabels@v1.37.2,
	// IsKubeletLabel@v0.37.2). So a new node has no daemon pod until something else
	// labels it. Where nodes are given and none has the label, nothing seems to
	// (warning); otherwise info.
	LintLabelNotSelfSet LintCode = "LabelNotSelfSet"
	// LintOSMismatch (error): eligible nodes run another operating system than the
	// template's spec.os. The controller does not look at spec.os; the kubelet
	// rejects the pods, they fail, and the controller replaces them, again and again
	// (rejectPodAdmissionBasedOnOSField@v1.37.2).
	LintOSMismatch LintCode = "OSMismatch"
	// LintOSMixed (warning): eligible nodes run different operating systems, and the
	// template asks for none. Pods whose image has no variant for their node never
	// start, and count as unavailable in every rollout (rollingUpdate@v1.37.2).
	LintOSMixed LintCode = "OSMixed"
)

// Tolerations.
const (
	// LintTolerationMalformed (error): the operator is unknown or switched off, or
	// its number is none. The toleration tolerates nothing, and the API server
	// refuses it (ValidateTolerations@v1.37.2).
	LintTolerationMalformed LintCode = "TolerationMalformed"
	// LintTolerationDefault: the toleration is one that daemon pods get anyway
	// (info). If it has tolerationSeconds, they are dropped, and the pod stays on the
	// node for ever (warning) (AddOrUpdateDaemonPodTolerations@v1.37.2).
	LintTolerationDefault LintCode = "TolerationDefault"
	// LintTolerationShadowed: another toleration, possibly a default one, covers
	// all that this one does, so that it has no effect (info). If it has
	// tolerationSeconds that do not hold either, because the first toleration of a
	// taint decides, that is a warning (GetMatchingTolerations@v1.37.2).
	LintTolerationShadowed LintCode = "TolerationShadowed"
	// LintTolerationSeconds (warning): the toleration of NoExecute taints has
	// tolerationSeconds. That long after the taint the pod is evicted; the
	// controller, which does not look at tolerationSeconds, creates it again on the
	// same node, and so on while the taint lasts (getMinTolerationTime@v1.37.2,
	// NodeShouldRunDaemonPod@v1.37.2).
	LintTolerationSeconds LintCode = "TolerationSeconds"
)

// Host ports.
const (
	// LintHostPortDuplicate (error): two ports of the template's containers are the
	// same host port. The API server refuses it or, where the host network makes
	// declared ports host ports, takes the DaemonSet and then refuses every one of
	// its pods (AccumulateUniqueHostPorts@v1.37.2, SetDefaults_Pod@v1.37.2).
	LintHostPortDuplicate LintCode = "HostPortDuplicate"
	// LintHostPortConflict (error): another DaemonSet wants the host port on some of
	// the same nodes. Whichever comes second there stays Pending
	// (fitsPorts@v1.37.2).
	LintHostPortConflict LintCode = "HostPortConflict"
	// LintHostPortKubelet (error): the host port is the one on which the kubelet of
	// some eligible nodes listens (status.daemonEndpoints). In the host network the
	// pod cannot listen on it; otherwise it takes the kubelet's traffic, and logs,
	// exec and metrics of the node fail. The scheduler does not know about it
	// (fitsPorts@v1.37.2).
	LintHostPortKubelet LintCode = "HostPortKubelet"
)

// Resources.
const (
	// LintRequestsMissing (warning): a container requests no cpu or no memory,
	// neither as its request or limit nor as the pod's. The scheduler and
	// autoscalers keep no room for it, full nodes take it all the same, and under
	// memory pressure it is among the first to go (rankMemoryPressure@v1.37.2). A
	// LimitRange, which is not looked at, may fill it in.
	LintRequestsMissing LintCode = "RequestsMissing"
	// LintRequestsExceedNode: the pod requests more than the named eligible nodes
	// have allocatable when empty (error), or something that they do not have at all
	// (warning, because a device class may stand in for it). Its pods stay Pending
	// and use up the budget of every rollout (fitsRequest@v1.37.2).
	LintRequestsExceedNode LintCode = "RequestsExceedNode"
)

// How the pods get on with each other.
const (
	// LintAntiAffinityDomain: a required podAntiAffinity matches the pods
	// themselves, with a topology wider than the node. One pod per domain runs, the
	// others stay Pending, because each is tied to its node. It is an error where
	// eligible nodes share a domain, a warning where the nodes are not known
	// (satisfyPodAntiAffinity@v1.37.2).
	LintAntiAffinityDomain LintCode = "AntiAffinityDomain"
	// LintPodAffinitySelf (warning): a required podAffinity matches the pods
	// themselves, and the eligible nodes are in several domains. The first pod may
	// go anywhere; those of all other domains stay Pending unless other matching
	// pods run there (satisfiesSelfAffinityCheck@v1.37.2).
	LintPodAffinitySelf LintCode = "PodAffinitySelf"
	// LintSpreadLabelMissing (error): eligible nodes lack the label of a
	// topologySpreadConstraint with DoNotSchedule. The scheduler refuses such nodes,
	// and their pods stay Pending (PodTopologySpread.Filter@v1.37.2).
	LintSpreadLabelMissing LintCode = "SpreadLabelMissing"
)
