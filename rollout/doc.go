// Package rollout makes whole passes of a DaemonSet controller: history, ownership, pods, the
// next step of an update, clean-up and status.
//
// A pass from facts is one call:
//
//	result, err := rollout.Sync(daemon.Input{
//		DaemonSet: ds, Nodes: nodes, Pods: pods, Revisions: revisions, Now: now, Backoff: backoff,
//	}, rollout.Options{})
//
// A controller keeps a [State] instead: its passes cost what has changed. The comment of
// State lists the controller's duties. Package rollout/carryout, a module of its own, sends
// the writes of a Result with controller-runtime.
//
//	a controller pass from facts                 Sync
//	a pass that costs what has changed           NewState, State.Update, State.Sync
//	the controller of a resource of its own      the example CustomResource
//	the order in which to carry a pass out       Result
//	a pass on a snapshot                         SyncSnapshot
//	the next step of an update                   NextStep
//	the nodes that use the budget                UsedBudget
//	whether the rollout is complete              Complete, NodeComplete
//	pause, partition, canary, zone by zone, ...  Policy, in Options
//
// Package daemon/history works with revisions: what a pass writes about them, what they hold,
// and how to go back to one. Package rollout/health reports whether a rollout progresses or is
// stuck, and on which pods. Package rollout/simulate predicts what a rollout or a change will
// do. Package rollout/kubectl gives kubectl's table, rollout status, history, undo
// and restart.
//
// # Rules
//
//  1. Facts come in as a daemon.Input. A pass remembers three things for the next:
//     Result.Status, which comes back as that of the DaemonSet, Result.Plan.BackoffChanges for
//     daemon.Backoff, and Result.CanaryTrial. All can be stored as JSON.
//  2. Sync, State.Sync and SyncSnapshot give the same Result for the same facts.
//  3. The time is a fact as well. Each function that makes a pass or a step refuses the
//     zero time.
//  4. The zero Options and the zero Policy are upstream's behaviour.
//  5. The current template is the one that the DaemonSet has now: the new one during an
//     update. The current revision holds it, and an updated pod is of it. All other pods
//     of the DaemonSet are outdated.
//  6. Arguments are never changed. Objects to create are the caller's own. All other
//     objects in results are those passed in, or shared with the State: read-only.
//
// # A resource of your own
//
// Map the resource to a DaemonSet; daemon.Input.DaemonSet says how. Its revisions are named
// as daemon.Naming says. If a DaemonSet of the same name has taken the name of a revision, the
// pass raises collisionCount, which the next pass must see. Pods and revisions belong to the
// owner that their controller reference names. Orphans go to any owner whose selector matches
// them, so put a label of your own into selector and template. To take over the pods of a
// DaemonSet, delete it with --cascade=orphan and use its selector. Tools that look for the kind
// DaemonSet, such as kubectl drain and autoscalers, do not see such pods as daemon pods.
//
// An upgrade of k8s.io/api can start a rollout of every resource: see rule 2 of package
// daemon/history.
//
// # Deviations
//
// This package differs from upstream on purpose in these points. With those of package
// daemon/history and the point revision-space of package daemon, the list is complete for a
// pass; the other packages list their own.
//
//	node-gone          rollingUpdate@v1.37.2        an outdated pod on a node that does not exist makes a
//	                                                surging upstream pass fail; here it is ignored
//	relabel            dedupCurHistories@v1.37.2    upstream continues with the labels that pods had before it
//	                                                relabelled them, and so may replace current pods (kubernetes
//	                                                #111280); here they count as relabelled at once
//	selector           syncDaemonSet@v1.37.2        upstream releases every pod of a DaemonSet without selector;
//	                                                here that is an error, as it is for the API server
//	empty-selector     syncDaemonSet@v1.37.2        upstream acts on a selector with empty but present lists, which
//	                                                selects every pod; here it counts as empty
//	strategy           updateDaemonSet@v1.37.2      upstream silently never updates under an unknown strategy;
//	                                                here it is an error, together with the same writes
//	identity           FilterPodsByOwner@v1.37.2    upstream fails on a DaemonSet without namespace, name or UID;
//	                                                here such objects work, for tests and simulations
//	owner-kind         FilterPodsByOwner@v1.37.2    upstream ignores a pod, and keeps a revision, whose controller
//	                                                has the UID of the DaemonSet and another kind or name; here
//	                                                that is an error, as is another group
//	defaults           updateDaemonSet@v1.37.2      upstream relies on the defaults of the API server; here an
//	                                                update strategy without them is an error
//	look-again         updatePod@v1.37.2            upstream learns from pod events when a new pod beside an
//	                                                outdated one has been ready for long enough; here the pass
//	                                                asks to be called again after minReadySeconds
//	no-history         rollingUpdate@v1.37.2        if no revision exists, upstream updates pods that have the hash
//	                                                of one in the pass that creates the revision; here the next
//	                                                pass does, so that a Sync of lists without the revisions never
//	                                                costs healthy pods; revisions of other owners count, too
//	put-off            podsShouldBeOnNode@v1.37.2   upstream doubles the delay of a node for a failed pod whose
//	                                                deletion the burst limit puts off; here the delay doubles with
//	                                                the deletion, so that the limit starves no node
//	own-writes         updateDaemonSet@v1.37.2      upstream reads its caches again after its own writes: the status
//	                                                counts those that have arrived, and if all have, the update
//	                                                step follows in the same pass; here all of a pass is worked out
//	                                                from one snapshot, before its writes
//	stale-caches       syncDaemonSet@v1.37.2        upstream makes no pass while its caches lack its own writes of
//	                                                pods and status (StaleControllerConsistencyDaemonSet, on since
//	                                                1.36); here Options.AwaitingWrites settles history, claims and
//	                                                status, so that these do not wait for pods
//	status-unchanged   storeDaemonSetStatus@v1.37.2 while upstream awaits its writes, it writes the status of a new
//	                                                generation in each pass although nothing in it changes; here
//	                                                Result.Status is nil then
package rollout
