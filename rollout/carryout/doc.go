// Package carryout carries out what package rollout works out: it sends the writes of a
// rollout.Result to an API server with a client of controller-runtime, and remembers which
// of them a cache has not shown yet.
//
//	writer := carryout.Writer{Client: c, Reader: uncached, Recorder: recorder, Expectations: &expectations}
//	if writes, _ := expectations.Pending(now); writes > 0 {
//		return // the caches are older than our own writes
//	}
//	result, err := state.Sync(now, rollout.Options{})
//	...
//	err = writer.CarryOut(ctx, owner, result)
//
// A controller needs both halves. Writer.CarryOut has the order of the writes and what a
// failure ends. Expectations has the duties of whoever keeps them. The module
// github.com/pernode/daemonset/examples/controller is a whole controller around them.
//
// # Rules
//
//  1. A write that fails ends what depends on it. Nothing is repeated here, except a
//     status that met a conflict: the next pass works out what is left, and the queue of
//     the controller decides when.
//  2. Nothing is written twice. The name of a new pod is worked out from what its node
//     has, so that two creations from the same facts, by two controllers or after a request
//     that timed out, collide at the API server. Deletions name the UID.
//  3. An object that is gone needs no write: not found is no failure.
//  4. Before it adopts, a Writer reads the owner from the API server, because a cache may
//     not know yet that the owner is being deleted (RecheckDeletionTimestamp@v1.37.2).
//  5. Nothing that a Result refers to is changed.
//
// # Deviations
//
// Where this package differs from upstream's controller on purpose.
//
//	pod-names     createPods@v1.37.2       upstream lets the API server choose random names, so that a
//	                                       request that timed out, sent again, gives a node two pods
//	delete-uid    DeletePod@v1.37.2        upstream deletes a pod by its name alone
//	terminating   syncNodes@v1.37.2        in a namespace that is being deleted upstream tries to create
//	                                       every pod; here the first refusal ends the creations
//	status-retry  storeDaemonSetStatus@v1.37.2  upstream repeats a status once after any error; here
//	                                       only after a conflict
package carryout
