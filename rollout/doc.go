// Package rollout answers WHEN: how a DaemonSet moves from one pod template to
// the next, and what one whole pass of its controller writes.
//
// A controller needs one call:
//
//	result, err := rollout.Sync(rollout.Input{
//		DaemonSet: ds, Nodes: nodes, Pods: pods, Revisions: revisions, Now: now, Backoff: backoff,
//	})
//
// It carries out what result says, keeps result.Plan.Backoff for the next pass,
// and calls again when something changed or result.Plan.RequeueAfter is over.
//
// # Which function
//
//	one whole controller pass                    Sync
//	a pass that costs what has changed           NewTracker, Tracker.Sync
//	the next step of an update                   Next
//	all steps of a rollout to its end            Steps
//	pause, partition, canary, zone by zone, ...  NewPolicy, Input.Policy
//	the next step under a policy                 Policy.Next
//	which revision is current, what to write     Revisions
//	which revisions are too many                 CleanUp
//	the data a revision stores                   RevisionData
//	the template a revision holds                RevisionTemplate
//	stalled, since when, and on what             Assess
//	what a change would do before it is applied  WhatIf
//	how long that would take, and how it ends    Impact.Rollout
//	go back to the template of a revision        RollBack
//	what changed between two revisions           DiffRevisions
//
// # Rules: a pass
//
//  1. The order is history, claims, reconcile, update, clean-up, status. The
//     update step is taken only where reconciling has nothing to write
//     (updateDaemonSet@v1.37.2).
//  2. An empty selector makes the pass record an event and do nothing else. A
//     DaemonSet that is being deleted makes it do nothing
//     (syncDaemonSet@v1.37.2).
//  3. While writes of an earlier pass have not been observed, only history and
//     status are settled, and observedGeneration is not raised.
//
// # Rules: updates
//
//  4. OnDelete: the step is empty. RollingUpdate: percentages are of the nodes
//     that should run a pod, and both budgets round up; where both come to zero,
//     maxUnavailable counts as one (updatedDesiredNodeCounts@v1.37.2).
//  5. Without surge a node is unavailable when its new pod is not available,
//     when it has no live pod, or when it has more than one of a kind or one of
//     each. An outdated pod that is not available is deleted whatever the
//     budget, and counts. Of the other outdated pods as many are deleted as
//     maxUnavailable leaves room for (rollingUpdate@v1.37.2).
//  6. A pod that is being deleted makes its node unavailable.
//  7. With surge an outdated pod that is not available gets a new one beside it
//     whatever the budget; of the others as many as maxSurge leaves room for. A
//     node is surging while its new pod is not available. When it is, the
//     outdated one is deleted.
//  8. With surge an outdated, available pod on a node that should no longer run
//     it goes only while there are more available pods than nodes that should
//     run one.
//  9. Where the budget has to choose, the first nodes by name are taken.
//     Upstream's choice is random.
//
// # Rules: history
//
//  10. A revision stores {"spec":{"template":{...,"$patch":"replace"}}} with
//     sorted keys, and is current when these bytes equal the DaemonSet's
//     (getPatch, Match @v1.37.2).
//
//  11. A new one is named <daemonset>-<hash>, numbered one above all others,
//     labelled with the template's labels and the hash, and annotated as the
//     DaemonSet is at that moment (snapshot@v1.37.2). An older one that matches
//     again is renumbered.
//
//  12. Of several that match, the highest number stays; pods are relabelled to
//     it and the others deleted (dedupCurHistories@v1.37.2).
//
//  13. A revision without the hash label gets its own name as the label.
//
//  14. Where the name is taken by a revision with other data, collisionCount is
//     raised and the pass ends; the next one tries the next name.
//
//  15. Clean-up deletes the oldest revisions beyond revisionHistoryLimit, but
//     none that a pod carries (cleanupHistory@v1.37.2).
//
//  16. A revision holds a template where its data is what rule 10 says and nothing
//     else; the template is then exactly what applying the patch gives
//     (applyDaemonSetHistory@v0.37.2).
//
// # Rules: whole rollouts
//
//  20. A Tracker's pass is Sync's for the same facts; so are the passes of Steps
//     after the first, which is Sync's own.
//  21. Between passes that write nothing time moves on to the next thing that
//     happens: a pod ends, becomes ready, becomes available, fails, or a backoff
//     is over. A deleted pod that was never bound, or has finished, is gone at
//     once.
//  22. A rollout is finished when every node that should run a pod has an
//     available one and none is outdated. It is stuck when nothing more happens,
//     or nothing but pods failing for the third time on the same nodes without
//     anything getting better. Where a policy holds the rest back until somebody
//     decides, it is waiting. A rollback because of a canary is carried out, and
//     the end is that of the way back.
//
// # Rules: progressing or stuck
//
//  23. Assess looks at the objects, not at the status. A rollout is complete when
//     every node that should run a pod has an available one of the current
//     template that is not being deleted, and no outdated pod is left.
//  24. It is progressing while the next pass has something to write, while a pod is
//     within minReadySeconds or its grace period, and while the last change is
//     younger than the patience, ten minutes like progressDeadlineSeconds
//     (SetDefaults_Deployment@v1.37.2). Else it is stalled since that change.
//  25. Changes are: a pod created, bound, initialized, ready, not ready, available,
//     or asked to go, and a node not ready. A crash loop and pods that fail one
//     after the other (daemon.Backoff) count only with their beginning
//     (MaxContainerBackOff@v1.37.2).
//  26. The nodes that use the budget are those of rules 5 to 7. With OnDelete,
//     outdated pods that are available wait for somebody; where nothing else is
//     left the state is waiting, not stalled.
//
// # Rules: what if
//
//  27. Both DaemonSets get the API server's defaults, the template's too
//     (SetObjectDefaults_DaemonSet@v1.37.2), and the proposed one becomes an
//     update (PrepareForUpdate@v1.37.2). Differences that are gone then were only
//     defaults written out.
//  28. A rollout starts where the newest revision's bytes are not the template's,
//     whatever they mean (rule 10).
//  29. A node that no longer runs the pod is lost where it does not keep it, and
//     kept where it does. What happens at once is the first pass without burst
//     limit, less what the pass without the proposal does.
//
// # Policies
//
// A Policy is what upstream's update does not know. It is made of pieces and goes into
// Input.Policy; passes, Steps, Tracker, Assess and WhatIf then follow it:
//
//	policy, err := rollout.NewPolicy(
//		rollout.Canary{Nodes: intstr.FromString("5%"), Wait: time.Hour},
//		rollout.OneDomain{Label: corev1.LabelTopologyZone},
//		rollout.IgnoreNotReadyNodes{After: 5 * time.Minute},
//	)
//
//	stop updates, but not scaling                Pause
//	stop everything                              Freeze
//	update only nodes with certain labels        NodeSelector
//	keep the old template on some nodes          Partition
//	try the new template on some nodes first     Canary
//	one zone after the other                     OneDomain
//	so many nodes of a zone at a time            DomainBudget
//	no more at once than the budget, even broken StrictBudget
//	in another order than by name                Order
//	do not wait for nodes that are down          IgnoreNotReadyNodes
//	do not wait for pods that do not end         IgnoreStuckPods
//	first pods little by little                  SlowStart
//
// A controller keeps what only it can know: it makes a new Policy when somebody
// pauses or promotes, and writes Result.Rollback when a canary failed.
//
// # Rules: policies
//
//  30. Without pieces the policy is upstream's. Pieces narrow: what one holds back,
//     no other lets go. The order in which they are given has no effect; pieces
//     that contradict each other are an error that names both.
//  31. Upstream's algorithm (rules 4 to 9) runs on the nodes that are not held back;
//     these use no budget, as in OpenKruise. The base of percentages stays all
//     nodes that should run a pod.
//  32. Where nothing else is said, NodeSelector, Canary and OneDomain hold back nodes
//     with nothing but an outdated pod. A node that has a new pod, or none that
//     stays, is being updated already: it is counted, and the update there is
//     carried on.
//  33. A policy never creates pods of an older template. Nodes that get their first
//     pod, or whose pod is gone, get one of the current template, whatever is held
//     back; only Freeze, SlowStart and a progressive Partition hold creations back.
//  34. Partition has OpenKruise's count and order: updated nodes, those under way,
//     the others by name backwards; of all these as many as leave Keep over, with
//     percentages rounded down.
//  35. Canaries are the nodes whose new pods are the oldest; a canary has passed when
//     its pod has been available for Wait without a break, whatever happened before.
//     What is wrong with one that has not passed pauses or fails the update. Nodes
//     whose outdated pods are younger than some pod of the current template are on
//     the way back and never wait.
//  36. A failed canary goes back to the template that most waiting pods carry:
//     Result.Rollback, which is what RollBack gives for its revision.
//  37. OneDomain takes the domains by value. The turn of one ends when each of its nodes
//     has an available pod of the current template, but for nodes held back.
//  38. DomainBudget counts every unavailable node of the domain but ignored ones.
//     StrictBudget counts outdated pods that are not available when it comes to
//     replacing available ones, and replaces no more at once than the budget.
//  39. IgnoreNotReadyNodes and IgnoreStuckPods leave nodes alone, and out of every
//     count. Step.Ignored names them.
//  40. SlowStart counts intervals from the creation of the DaemonSet.
//
// # Deviations
//
// Where upstream is wrong, this library does the sensible thing. This is the
// complete list for a pass; placement and daemon list their own. All else is
// upstream's behaviour.
//
//	node-gone          rollingUpdate@v1.37.2      an outdated pod on a node that does not exist makes a
//	                                              surging upstream pass fail; here it is passed over
//	history-limit      cleanupHistory@v1.37.2     upstream panics on a nil revisionHistoryLimit; here it is 10
//	revision-labels    constructHistory@v1.37.2   upstream panics on a revision without labels; here it is labelled
//	relabel            dedupCurHistories@v1.37.2  upstream goes on with the labels that pods had before it
//	                                              relabelled them, and so may replace current pods (kubernetes
//	                                              #111280); here they count as relabelled at once
//	selector           syncDaemonSet@v1.37.2      upstream releases every pod of a DaemonSet without selector;
//	                                              here that is an error, as it is for the API server
//	empty-selector     syncDaemonSet@v1.37.2      upstream takes a selector with empty but present lists for one
//	                                              to act on, and it selects every pod; here it counts as empty
//	strategy           updateDaemonSet@v1.37.2    upstream silently never updates under an unknown strategy;
//	                                              here it is an error, beside the same writes
//	identity           FilterPodsByOwner@v1.37.2  upstream fails on a DaemonSet without namespace, name or UID;
//	                                              here such objects work, for tests and simulations
//	look-again         updatePod@v1.37.2          upstream learns from pod events when a new pod beside an
//	                                              outdated one has been ready for long enough; here the pass
//	                                              asks to be called again after minReadySeconds
//	revision-writes    constructHistory@v1.37.2   upstream labels and renumbers one revision with two updates;
//	                                              here it is one
package rollout
