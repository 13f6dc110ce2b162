// Package daemon answers WHAT: which pods of a DaemonSet should exist on which
// node, which to create and delete now, and what the status is.
//
// The usual way is to take a snapshot of one moment and to ask it:
//
//	snap, err := daemon.Observe(daemon.Input{DaemonSet: ds, Nodes: nodes, Pods: pods, RevisionHash: hash, Now: now})
//	plan := daemon.Reconcile(snap)   // what to create and delete, each with its reason
//	status := daemon.Status(snap)    // the eight counters
//
// DesiredPods needs no snapshot and no pods. A whole controller pass, with
// history and updates, is rollout.Sync.
//
// # Which function
//
//	the pods a DaemonSet wants on some nodes     DesiredPods
//	the pods many DaemonSets want on one node    DesiredPodsOnNode
//	the pod for one node                         NewPod
//	which node a pod is meant for                TargetNode
//	what to create and delete now                Observe, Reconcile
//	the same, kept up to date                    NewTracker
//	status, and why each node counts             Status, StatusByNode
//	who owns a pod or a revision                 NewClaimer
//	which DaemonSets a changed node concerns     SetsToSync
//	API defaults and validation                  Default, Validate, ValidateUpdate
//	what changed between two templates or pods   DiffTemplates, DiffPods
//	desired against actual pods                  DiffPodSets
//	the hash of a template                       TemplateHash
//
// # Rules: pods and their nodes
//
//  1. A pod is meant for spec.nodeName, or else for the value of the first
//     metadata.name In matchField among its required node affinity terms. A pod
//     that names no node counts nowhere (GetTargetNodeName@v1.37.2).
//  2. A pod belongs to the DaemonSet that its controller owner reference names,
//     as long as the selector matches; where it no longer does, the pod is
//     released. An orphan that matches is adopted, unless it or the DaemonSet is
//     being deleted. Pods of other owners are ignored (ClaimObject@v1.37.2).
//  3. A pod that has failed or succeeded and is being deleted is left out; its
//     revision stays in use (getNodesToDaemonPods@v1.37.2).
//  4. A new pod is the template plus: default tolerations, the label
//     controller-revision-hash, the deprecated template generation label where
//     the DaemonSet has its annotation, a required node affinity of one term
//     that names the node, in place of all others, and a controller owner
//     reference (CreatePodTemplate, ReplaceDaemonSetPodNodeNameNodeAffinity,
//     GetPodFromTemplate @v1.37.2).
//
// # Rules: reconciling
//
//  5. A node that should run a pod and has none at all gets one. A pod that is
//     being deleted still holds its place (podsShouldBeOnNode@v1.37.2).
//  6. Where pods may stay, failed and succeeded ones are deleted; of several
//     live ones the first stays: bound before unbound, then the oldest, then by
//     name. Readiness does not count.
//  7. With maxSurge, a node whose pods are all on their way out gets a new one,
//     and the oldest new and the oldest outdated pod may stand side by side: the
//     outdated one goes when it is not ready or the new one is available.
//  8. Where pods may not stay, all are deleted.
//  9. A pod that was never bound and is meant for a node that does not exist is
//     deleted; bound ones are left to pod garbage collection
//     (getUnscheduledPodsWithoutNode@v1.37.2).
//  10. After a failed pod was deleted, the next one on that node stays for one
//     second, doubling up to fifteen minutes, per DaemonSet and observed
//     generation; thirty quiet minutes forget it (failedPodsBackoff@v1.37.2).
//  11. One pass creates at most 250 pods and deletes at most 250
//     (BurstReplicas@v1.37.2).
//
// # Rules: status
//
//  12. For a node that should run a pod the first pod, in the order of rule 6,
//     decides, even when it has failed or is being deleted: current, ready,
//     available (ready for minReadySeconds), updated. numberUnavailable is
//     desired minus available. A node that should not run a pod and has one is
//     misscheduled (updateDaemonSetStatus@v1.37.2).
//  13. A Ready condition without transition time never becomes available where
//     minReadySeconds is set (IsPodAvailable@v1.37.2).
//  14. A pod is updated when its hash label is the current revision's, or its
//     template generation label the DaemonSet's (IsPodUpdated@v1.37.2).
//  15. A DaemonSet that is being deleted gets no new status, and no plan
//     (syncDaemonSet@v1.37.2).
//
// # Rules: defaults and validation
//
//  16. Default fills what the API server fills in the DaemonSet's own fields:
//     updateStrategy.type RollingUpdate; with that type maxUnavailable 1 and
//     maxSurge 0, each by itself; revisionHistoryLimit 10
//     (SetDefaults_DaemonSet@v1.37.2). The pod template stays as it is.
//  17. Validate reports in the order metadata, selector, template labels and
//     annotations, restartPolicy, activeDeadlineSeconds, minReadySeconds,
//     updateStrategy, revisionHistoryLimit (ValidateDaemonSet,
//     ValidateDaemonSetSpec @v1.37.2). What every pod has to fulfil is left to
//     the API server.
//  18. The selector must be there, well-formed and not empty, and match the
//     template's labels; it must not change (ValidateDaemonSetUpdate@v1.37.2).
//  19. Exactly one of maxUnavailable and maxSurge is above zero. A missing one is
//     zero; a percentage is at most 100 %, a number has no limit
//     (ValidateRollingUpdateDaemonSet@v1.37.2).
//
// # Rules: diffs
//
//  21. A diff lists what differs, each difference with its path in JSON names, in
//     the order in which the API declares the fields; map entries by key. Empty
//     means semantically equal (equality.Semantic@v0.37.2): 1000m is 1, a nil
//     list is an empty one. A rollout compares bytes (Match@v1.37.2): 1Gi and
//     1073741824 are equal here and two revisions there.
//  22. Lists go by the keys that the API declares. A list in which a key is empty
//     or occurs twice goes by position, as lists without keys do: aligned around
//     equal entries, the rest paired in order. Keyed entries in another order are
//     one change of their own.
//  23. A struct, an entry, or a list of plain values that only one side has is
//     one change. An empty struct is not the same as none.
//  24. Between pod sets a pod stands for a desired one of the same node,
//     namespace and controller; the desired revision wins, then rule 6. Pods
//     being deleted stand for nothing and are not extra; failed and succeeded
//     ones are extra.
//  25. Outdated is another controller-revision-hash than the desired pod has.
//     Drifted is the same revision, but something that the desired pod sets in
//     labels, annotations or spec is missing or otherwise. What others add is no
//     drift: defaults, map entries, entries of keyed lists, tolerations. Lists
//     without keys, such as args, must be as desired.
//
// # Deviations
//
// Where this package differs from upstream on purpose; those of a whole pass are
// listed in the package rollout.
//
//	restart-policy  validateRestartPolicy@v1.37.2   an empty restartPolicy is valid, because pod
//	                                                defaults make it Always before upstream looks
//	selector        ValidateDaemonSetSpec@v1.37.2   a missing selector is reported as spec.selector,
//	                                                not as labels that do not match
//	error-order     ValidateLabels@v0.37.2          errors about entries of one map are sorted;
//	                                                upstream's order is random
//
// # Order, sharing, errors
//
// Everything is ordered by node name, then pod name, whatever the order of the
// input. Arguments are never changed. Pods to create are the caller's own; all
// other objects in results are those passed in, read-only. Wrong input gives a
// *field.Error that names the field.
package daemon
