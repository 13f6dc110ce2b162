// Package daemonset is the map of a library of DaemonSet semantics: pure
// functions from nodes, pods, revisions, a DaemonSet and the time to what should
// run where, what to create and delete now, and how an update moves on. It has no
// code of its own; the packages are
//
//   - [github.com/pernode/daemonset/placement], WHERE: does this node get the daemon
//     pod, and why (not)?
//   - [github.com/pernode/daemonset/daemon], WHAT: which pods should exist, which to
//     create and delete now, what is the status?
//   - [github.com/pernode/daemonset/daemon/lint], what in a DaemonSet will get stuck,
//     run nowhere or have no effect?
//   - [github.com/pernode/daemonset/rollout], WHEN: how does the set get from one pod
//     template to the next?
//   - [github.com/pernode/daemonset/rollout/kubectl]: what does kubectl say about
//     it, as data and as text?
//
// Each imports only those above it. The caller brings the facts, for instance from
// informers, and carries out the plan that comes back.
//
// # Which function answers my question
//
// Where:
//
//	does this node run it, and why not       placement.Compile once, then Matcher.Decide or Explain
//	the same over many nodes, in a sentence  Matcher.Summarize
//	what of the affinity does not parse      Matcher.Malformed
//	the tolerations every daemon pod has     placement.Tolerations
//	does this node update matter             placement.NodeChanged, Matcher.VerdictChanged
//
// What:
//
//	the pods of a DaemonSet on these nodes   daemon.DesiredPods
//	the daemon pods of one (new) node        daemon.DesiredPodsOnNode
//	which node a pod is for                  daemon.TargetNode
//	what to create and delete now, and why   daemon.Observe, then daemon.Reconcile
//	the status counters                      daemon.Observe, then daemon.Status
//	why a node is counted as it is           daemon.Observe, then daemon.StatusByNode
//	what will hurt once it is applied        lint.Check
//	defaults and validation                  daemon.Default, daemon.Validate, daemon.ValidateUpdate
//	what changed in a template or a pod      diff.Templates, diff.Pods
//	what is missing, extra or outdated       diff.PodSets
//
// When:
//
//	everything one controller pass writes    rollout.Sync
//	the same at the cost of what changed     rollout.NewTracker
//	the next update step alone               rollout.Next
//	all steps of a rollout to its end        rollout.Steps
//	pause, partition, canary, zone by zone   rollout.NewPolicy, for rollout.Input.Policy
//	the revision history put in order        rollout.Revisions
//	whether it is stalled, and on what       rollout.Assess
//	what a change would do, and how it ends  rollout.WhatIf, Impact.Rollout
//	back to the template of a revision       rollout.RollBack
//	what changed between two revisions       rollout.DiffRevisions
//
// In kubectl's words:
//
//	the table of kubectl get ds              kubectl.NewTable
//	kubectl rollout status                   kubectl.RolloutStatus
//	kubectl rollout history and undo         kubectl.RolloutHistory, kubectl.RolloutUndo
//
// A controller needs rollout.Sync only, a simulator or an autoscaler mostly
// daemon.DesiredPodsOnNode, a unit test daemon.DesiredPods.
//
// # Rules that hold everywhere
//
//  1. All input is in the arguments, time included. Nothing reads a clock, a
//     random number, a file or the network, and nothing is logged.
//  2. Nothing passed in is changed, so objects may come straight from a shared
//     informer cache. A result that points into the input says that it is to be
//     read only.
//  3. The same facts in any order give the same result. Lists come back ordered,
//     by node name and then by pod name where nothing else is said.
//  4. Every decision carries a typed reason; String makes a sentence of it.
//  5. Zero options are what Kubernetes does by default, a zero result means that
//     there is nothing to do.
//  6. Wrong input is an error that names the field
//     (spec.updateStrategy.rollingUpdate.maxUnavailable), mostly as a
//     [k8s.io/apimachinery/pkg/util/validation/field.Error]. Data never causes a
//     panic: not nil lists, nil entries or half-filled objects.
//  7. All types may be used from several goroutines as long as nobody changes them.
//
// # Versions
//
// The behaviour is that of the DaemonSet controller, API and kubectl of
// Kubernetes 1.37.2. Package comments cite where a rule comes from as
// symbol@tag, such as podsShouldBeOnNode@v1.37.2. Where this library differs on
// purpose, the package comment lists it under Deviations.
package daemonset
