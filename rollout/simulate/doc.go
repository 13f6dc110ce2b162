// Package simulate simulates rollouts. It predicts how a rollout ends, what a change does,
// and how a controller reacts to crashing pods and lost nodes.
//
//	how does this rollout go on, pass by pass?    Run (function)
//	how does it end?                              Settle (function)
//	what would this manifest, or taint, do?       WhatIf
//	what happens when this pod crashes?           Cluster
//
// A Cluster is for tests: apply objects, let time pass, look at the facts.
//
//	var c simulate.Cluster
//	err := c.Apply(ds, node1, node2)     // as kubectl apply
//	ends, err := c.Settle()              // until nothing happens any more
//	in := c.Input(ds)                    // DaemonSet, nodes, pods, revisions, time
//	pod := in.Pods[0].DeepCopy()
//	pod.Status.Phase = corev1.PodFailed
//	err = c.Apply(pod)                   // it crashes
//	err = c.Advance(5 * time.Second)     // what happens in five seconds?
//
// Single steps are Sync, one pass of a controller; Next, the clock up to the next event;
// and Elapse, time without controllers.
//
// # Rules
//
//  1. The clock moves only in Next, Elapse, Advance, Run and Settle.
//  2. The controller of a DaemonSet is a rollout.State. A pass costs what has changed
//     since the one before, and gives what rollout.Sync gives for Input. All writes reach
//     the State as events.
//  3. The scheduler binds a pod to the node that it is pinned to, if that exists, and
//     looks at nothing else. Pods without such a node stay unbound.
//  4. A node whose Ready condition is not True has no working kubelet: no pod on it
//     becomes ready, fails or terminates. A node without the condition is ready. The
//     Cluster sets no taints. To lose a node, also add node.kubernetes.io/unreachable
//     with NoSchedule and NoExecute, as the node controller does
//     (doNoScheduleTaintingPass@v1.37.2, processTaintBaseEviction@v1.37.2).
//  5. A deleted pod terminates within its grace period. The deletion timestamp is the end
//     of that period (BeforeDelete@v0.37.2). A pod that is past it does not terminate any
//     more: something holds it. When the kubelet of its node works again, it ends at once.
//  6. Pods bound to a node that does not exist are ended by pod garbage collection
//     (gcOrphaned@v1.37.2).
//  7. A ready pod stays ready until it fails, its node stops being ready, or a caller
//     changes it. It fails PodTimes.FailsAfter after its binding, also if it was ready
//     from the beginning; one that has outlived this time does not fail.
//  8. Options.PodTimes says how long things take, and cannot overrule rules 3 to 6.
//     They count from the times in the objects: NewCluster(c.Input(ds), opts) continues the
//     rollout to the same end. opts are those of c, with the canary's trial of the last
//     pass.
//  9. The same calls give the same cluster: names and UIDs are numbered, and what happens
//     at one moment happens in the order in which it was scheduled.
//  10. A rollout is complete if rollout.Complete holds.
package simulate
