// Package health reports the state of a rollout: complete, progressing, stalled (since
// when, and on which pods) or waiting for a decision.
//
// Assess takes a snapshot and returns an Assessment: the State, the nodes that use the
// budget of the update, and a Blocker for each pod that the rollout waits for, with what
// the kubelet, the scheduler or the node says about it.
//
//	snapshot, err := daemon.Observe(in) // or rollout.State.Snapshot
//	assessment, err := health.Assess(snapshot, health.Options{Policy: policy, CanaryTrial: result.CanaryTrial, Memory: memory})
//	fmt.Println(assessment)
//	memory = assessment.Memory // for the next assessment
//
// prints, on one line,
//
//	stalled since 2026-01-01T11:30:00Z: 1 of 3 nodes complete; maxUnavailable 1 is used by
//	worker-2 (agent-zp5hf: image "agent:2" cannot be pulled: ImagePullBackOff)
//
// OfObject is for those who have the DaemonSet and not its pods. It also gives the verdicts of
// kstatus and Argo CD.
//
// # Rules
//
//  1. For Assess only objects count, not the status of the DaemonSet: its counters may be old, and
//     they count one pod of each node. kubectl.RolloutStatus lists how this differs from
//     kubectl rollout status (DaemonSetStatusViewer.Status@v0.37.2).
//  2. rollout.SyncSnapshot returns what the next pass writes, and rollout.Complete says
//     when a rollout is complete. Assess assumes that a controller is running: a pass that
//     changes something is progress, even if no controller makes it.
//  3. Changes are: another revision becomes current; a pod is created, bound, initialized or
//     deleted; it becomes ready, not ready or available; a node becomes ready or not ready; the
//     policy begins to ignore a node. An undo makes an old revision current: only a Memory knows
//     when. A container that crashes again and again (MaxContainerBackOff@v1.37.2), and pods
//     that fail one after the other (daemon.Backoff, Memory), are one change, at their beginning.
//  4. A pod is in such a row of failures until it has been available, or its container has run,
//     for DefaultPatience, or until no further pod has failed for half an hour. Until then the
//     rollout is not complete, so that the answer does not depend on whether somebody looks before
//     or after the next failure. It is stalled if it was when the pod became available, and
//     progressing otherwise.
//  5. A node that the policy ignores blocks nothing.
//  6. A rollout that was complete (Memory) stays complete until the template changes or an
//     outdated pod turns up. A row of failures that begins less than DefaultPatience after the
//     rollout was complete takes that back.
//  7. The same snapshot and options always give the same assessment. Times of objects that are
//     after the time of the snapshot count as that time.
package health
