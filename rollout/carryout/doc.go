// Package carryout carries out what package rollout works out: it sends the writes of a
// rollout.Result to an API server with a client of controller-runtime, and remembers which
// of them a cache has not shown yet.
//
//	writer := carryout.Writer{Client: c, Reader: uncached, Recorder: recorder, Expectations: &expectations}
//	if writes, waited := expectations.Pending(now); writes > 0 {
//		// The caches are older than our own writes.
//		return reconcile.Result{RequeueAfter: carryout.ExpectationsTimeout - waited}, nil
//	}
//	result, err := state.Sync(now, rollout.Options{})
//	...
//	if err := writer.CarryOut(ctx, owner, result); err != nil {
//		return reconcile.Result{}, err
//	}
//	if writes, waited := expectations.Pending(now); writes > 0 {
//		return reconcile.Result{RequeueAfter: carryout.ExpectationsTimeout - waited}, nil
//	}
//	return reconcile.Result{RequeueAfter: result.Plan.RequeueAfter}, nil
//
// Writer sends; Expectations remember what the caches do not show yet. A loop that lists from
// the API server needs only the first. Writer.CarryOut has the order of the writes and what a
// failure ends. Expectations has the duties of whoever keeps them. The module
// github.com/pernode/daemonset/examples/controller is a whole controller around them.
//
// # What it needs
//
// The CRD of a custom resource must have the status subresource
// (+kubebuilder:subresource:status). Without it the API server has no status to update, and
// CarryOut returns an error for each.
//
// The role of the controller must allow these verbs. The example controller has such a role in
// config/rbac.
//
//	pods                         create, patch, delete; get, list, watch
//	controllerrevisions (apps)   create, update, patch, delete; get, list, watch
//	events                       create, patch
//	nodes                        get, list, watch
//	the resource                 get, list, watch; update, to roll back a failed canary
//	the resource/status          update
//	the resource/finalizers      update, because owner references set blockOwnerDeletion
//
// Nodes, list and watch are for the caches. Finalizers count in clusters with the admission
// plugin OwnerReferencesPermissionEnforcement.
//
// # Rules
//
//  1. A failure of a write in 1 or 2 of CarryOut ends the pass. Nothing is repeated here, except a
//     status that met a conflict: the next pass works out what is left, and the queue of
//     the controller decides when.
//  2. No node gets two pods from one set of facts. The name of a new pod is worked out from
//     what its node has, so that two creations from the same facts, by two controllers or
//     after a request that timed out, collide at the API server. Deletions name the UID.
//     Repeating other writes does no harm but costs requests, which Expectations save.
//  3. An object that is gone needs no write: not found is not an error.
//  4. Before it adopts, a Writer reads the owner from the API server, because a cache may
//     not know yet that the owner is being deleted (RecheckDeletionTimestamp@v1.37.2).
//  5. Nothing that a Result refers to is changed.
//
// # Deviations
//
// This package differs from upstream's controller on purpose in these points.
//
//	pod-names     createPods@v1.37.2       upstream lets the API server choose random names, so that a
//	                                       request that timed out, sent again, gives a node two pods
//	delete-uid    DeletePod@v1.37.2        upstream deletes a pod by its name alone
//	terminating   syncNodes@v1.37.2        in a namespace that is being deleted upstream tries to create
//	                                       every pod; here the first refusal ends the creations
//	status-retry  storeDaemonSetStatus@v1.37.2  upstream repeats a status once after any error; here
//	                                       only after a conflict
package carryout
