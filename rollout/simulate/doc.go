// Package simulate simulates rollouts. It predicts how a rollout ends, what a change does,
// and how a controller reacts to crashing pods and lost nodes.
//
//	how does this rollout go on, pass by pass?    Run (function)
//	how does it end?                              Settle (function)
//	what would this manifest, or taint, do?       WhatIf
//	may it be merged, or does it hurt?            Judge
//	and without a cluster to list objects from?   JudgeVersions
//	and if the new image cannot be pulled?        PodTimes.ReadyAfter below zero, for pods with that
//	                                              image: the example of JudgeVersions (BrokenImage)
//	what happens when this pod crashes?           Cluster
//	what must a quota allow?                      End.PeakPods, End.PeakRequests
//
// A Cluster is for tests: apply objects, let time pass, look at the facts.
//
//	var c simulate.Cluster
//	err := c.Apply(ds, node1, node2)     // as kubectl apply
//	ends, err := c.Settle()              // until every rollout has ended
//	in := c.Input(ds)                    // DaemonSet, nodes, pods, revisions, time
//	pod := in.Pods[0].DeepCopy()
//	pod.Status.Phase = corev1.PodFailed
//	err = c.Apply(pod)                   // it crashes
//	err = c.Advance(5 * time.Second)     // what happens in five seconds?
//
// Single steps are Sync, one pass of a controller; Next, the clock up to the next event;
// and Elapse, time without controllers.
//
// The cluster believes the objects: pods that do not fit on their node wait, and what has been
// broken for a minute, or for ten (rule 10), stays broken. Options.Overlook switches such rules
// off, one by one.
//
// # Rules
//
//  1. The clock moves only in Next, Elapse, Advance, Run and Settle.
//  2. The controller of a DaemonSet is a rollout.State. A pass costs what has changed
//     since the one before, and gives what rollout.Sync gives for Input. All writes reach
//     the State as events.
//  3. The scheduler binds a pod to the node that it is pinned to, if that exists and rules 4
//     to 7 allow it. It looks at nothing else. Pods without such a node stay unbound, and those
//     with scheduling gates until the gates are removed. A pod that does not fit gets the
//     condition PodScheduled False with the scheduler's reason and message
//     (FitError.Error@v1.37.2), without the sentence about preemption. The scheduler tries it
//     again when a pod has left the node, has finished or takes less, and when the node has
//     changed. Of the pods that it tries at one moment it takes those of the highest priority first
//     (PrioritySort.Less@v1.37.2): that of spec.priority, or else that of the class
//     system-node-critical or system-cluster-critical, or else zero.
//  4. A pod does not fit if its requests and those of the pods that are bound to the node are
//     more than status.allocatable (fitsRequest@v1.37.2), or status.capacity if the node has no
//     allocatable (SetDefaults_NodeStatus@v1.37.2). All pods that the cluster holds count, also
//     those of other owners and namespaces, with what the kubelet has allocated to them if that
//     is more. A pod also does not fit if there are as many pods on the node as its allocatable
//     pods. Nodes with neither list have room for all, and so have nodes without allocatable
//     pods for any number of pods. No pod is preempted: a pod waits here for which a real scheduler
//     ends pods of lower priorities. Options.Overlook.Requests binds it, and leaves the other pods alone.
//  5. A pod does not fit if a pod on the node uses its host port, such as the old pod of a surge
//     (fitsPorts@v1.37.2).
//  6. A pod does not fit if the node lacks the topologyKey of a topologySpreadConstraint with
//     DoNotSchedule (PodTopologySpread.Filter@v1.37.2), or if a term of the pod's required
//     podAntiAffinity matches a pod in the domain of the node (satisfyPodAntiAffinity@v1.37.2).
//     The terms of other pods, podAffinity and the skew are not looked at. The scheduler tries
//     a pod that such a term repels again when a pod has left the domain or has other labels.
//  7. A pod that has been unschedulable for a minute stays so, because the scheduler may know
//     what the cluster does not. So do new pods for that node with the same requests, host
//     ports, affinity, constraints and volumes. That ends when a pod leaves the node or takes
//     less, and when the node changes.
//  8. A node whose Ready condition is not True has no working kubelet: no pod on it
//     becomes ready, fails or terminates. A node without the condition is ready. The
//     Cluster sets no taints. To lose a node, also add node.kubernetes.io/unreachable
//     with NoSchedule and NoExecute, as the node controller does
//     (doNoScheduleTaintingPass@v1.37.2, processTaintBaseEviction@v1.37.2).
//  9. A deleted pod terminates within its grace period. The deletion timestamp is the end
//     of that period (BeforeDelete@v0.37.2). A pod that is past it does not terminate any
//     more: something holds it. When the kubelet of its node works again, it ends at once.
//  10. A problem that a pod has had for a minute stays: an image that cannot be pulled, a crash
//     loop, a container that cannot be created or started, and a container that runs and is not
//     ready. A container that waits without a reason (ContainerCreating, PodInitializing) and an
//     init container that runs are problems after ten minutes. If PodTimes.ReadyAfter is longer,
//     these two and a container that is not ready are problems only after that. A container in a
//     crash loop restarts on and on if the restartPolicy of the pod lets it; restart policies and
//     rules of a single container are not looked at. New pods on that node have the problem, too,
//     until the template changes in what is wrong: for an image that cannot be pulled, the image,
//     the pull policy, the pull secrets or the service account; otherwise anything of that
//     container, and what all containers of the pod share, such as volumes. Other nodes do not
//     have it, nor a new node of the same name: the image may be there already. It ends when a pod
//     with it becomes ready, because a caller says so.
//  11. The kubelet rejects a pod whose spec.os is not that of its node's label
//     kubernetes.io/os: the pod fails (rejectPodAdmissionBasedOnOSField@v1.37.2).
//  12. Pods bound to a node that does not exist are ended by pod garbage collection
//     (gcOrphaned@v1.37.2).
//  13. A ready pod stays ready until it fails or crashes, its node stops being ready, or a
//     caller changes it. It fails PodTimes.FailsAfter after its binding, also if it was ready
//     when the cluster got it. If that time had passed by then, it does not fail.
//  14. The first container crashes PodTimes.CrashesAfter after each start, and the kubelet
//     starts it again with its backoff, unless a crash loop of rule 10 is known.
//  15. Options.PodTimes says how long things take, and cannot overrule rules 3 to 12;
//     Options.Overlook switches rules 4 to 11 off, and the gates of rule 3. Times count from the
//     times in the objects: NewCluster(c.Input(ds), opts) continues the rollout to the same end.
//     opts are those of c, with the canary's trial of the last pass. Two things are not in that
//     Input: the problems of pods that are gone, and the pods of other namespaces, which take
//     room. End.After has the latter.
//  16. The same calls give the same cluster: names and UIDs are numbered, above the numbers in
//     the objects that the cluster was given, and what happens at one moment happens in the
//     order in which it was scheduled, except that the scheduler comes last.
//  17. A rollout is complete if rollout.Complete holds. It stays so once that has held for
//     health.DefaultPatience without interruption: a Run then ends as complete, and the clock
//     stands at the end of that time, although pods fail or crash later. Pods that fail again and
//     again within that time do not complete it.
package simulate
