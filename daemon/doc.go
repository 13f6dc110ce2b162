// Package daemon answers these questions: which pods of a DaemonSet should exist on
// which node, which to create and delete now, and what is the status?
//
// Take a snapshot and call functions on it:
//
//	s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Nodes: nodes, Pods: pods, Revisions: revisions, Now: now})
//	plan := daemon.Reconcile(s) // the pods to create and delete, each with its reason
//	status := daemon.Status(s)  // the counters
//
// A whole controller pass, with history and updates, is rollout.Sync.
//
//	the pods a DaemonSet wants on some nodes     DesiredPods
//	what many DaemonSets run on one node         overhead.Daemons.OnNode
//	the pod for one node                         NewPod
//	the node that a pod is bound or pinned to    TargetNode
//	what to create and delete now                Observe, Reconcile
//	the same facts, kept up to date              Snapshot.Update
//	the status, and why each node counts         Status, StatusByNode
//	the current revision hash                    Snapshot.RevisionHash
//	a resource of your own                       Input.DaemonSet, Naming
//	the owner of a pod or a revision             NewClaimer
//	the DaemonSets to sync after a node change   DaemonSetsToSync
//	API defaults and validation                  Default, Validate, ValidateUpdate
//	the hash of a template                       TemplateHash
//
// Package daemon/history works with revisions. Package daemon/diff compares DaemonSets,
// templates, pods and sets of pods. Package daemon/lint finds faults in a DaemonSet before
// it is applied.
//
// # Rules
//
//  1. Input holds the facts of one DaemonSet, for this package and for rollout.
//  2. The current revision is found in Input.Revisions. If no revision holds the
//     template, its hash is TemplateHash, in every function.
//  3. A node is eligible if placement.Decision.Run is true. A node that does not
//     exist is never eligible.
//  4. A pod is live while it is neither terminating nor failed nor succeeded.
//  5. Everything is ordered by node name, then pod name, unless a function says
//     otherwise; the order of the input has no effect.
//  6. Arguments are never changed. Pods to create are the caller's own. All other
//     objects in results are those passed in, read-only.
//  7. Wrong input gives a *field.Error with the path of the field.
//
// # Deviations
//
// This package differs from upstream on purpose as follows. Package daemon/history lists the
// deviations of revisions, and package rollout those of a whole pass.
//
//	restart-policy  validateRestartPolicy@v1.37.2   an empty restartPolicy is valid, because pod
//	                                                defaults make it Always before upstream looks
//	selector        ValidateDaemonSetSpec@v1.37.2   a missing selector is reported as spec.selector,
//	                                                not as labels that do not match
//	surge-words     ValidateRollingUpdateDaemonSet@v1.37.2  the words about maxSurge beside
//	                                                maxUnavailable are followed by what to set
//	error-order     ValidateLabels@v0.37.2          errors about entries of one map are sorted;
//	                                                upstream's order is random
//	revision-space  Match@v1.37.2                   white space between the tokens of a revision's
//	                                                data has no effect: kubectl indents the data
package daemon
