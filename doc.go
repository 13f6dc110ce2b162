// Package daemonset documents a module and has no API. The module is a library of
// Kubernetes DaemonSet semantics: pure functions that take nodes, pods, revisions, a
// DaemonSet and the time, and return which pods should exist, what to create and
// delete now, the status, the steps of an update and its outcome, each with the reason.
// Import one of these packages:
//
//   - [github.com/pernode/daemonset/placement]: does this node run the pod, and why (not)?
//   - [github.com/pernode/daemonset/daemon]: which pods should exist, what to create and
//     delete now, what is the status?
//   - [github.com/pernode/daemonset/daemon/diff]: what differs between DaemonSets,
//     templates, pods, sets of pods, or a pod and its siblings?
//   - [github.com/pernode/daemonset/daemon/history]: which ControllerRevision is current, what
//     makes it so, what does each hold, how to go back?
//   - [github.com/pernode/daemonset/daemon/lint]: what in a DaemonSet will get stuck, run
//     nowhere or have no effect?
//   - [github.com/pernode/daemonset/daemon/overhead]: what will a node, a template of one or a
//     pool run of many DaemonSets, and what does it cost?
//   - [github.com/pernode/daemonset/daemon/daemontest]: fixtures and assertions for the tests of
//     other projects.
//   - [github.com/pernode/daemonset/daemon/manifest]: what do YAML and JSON hold, and what is
//     wrong with them, at which line?
//   - [github.com/pernode/daemonset/rollout]: what does one pass of the controller write,
//     and under which policy does the update go on?
//   - [github.com/pernode/daemonset/rollout/health]: is the rollout complete, progressing,
//     stalled or waiting, and on what?
//   - [github.com/pernode/daemonset/rollout/simulate]: how does the rollout end, and what
//     would a change do?
//   - [github.com/pernode/daemonset/rollout/kubectl]: what does kubectl print about it,
//     and what do rollout undo and rollout restart write?
//
// A module of its own, [github.com/pernode/daemonset/rollout/carryout], sends the writes of a
// pass to an API server.
//
// # Rules that hold everywhere
//
//  1. All input is in the arguments, time included. No result depends on a clock, a random
//     number, a file or the network, and nothing is logged.
//  2. Arguments are never changed, so objects may come straight from an informer's
//     cache. A result that points into the input says that it is read-only.
//  3. The same facts in any order give the same result, in an order that is documented.
//  4. Every decision carries a typed reason. String makes a sentence of it, whose wording
//     may change; programs read the fields.
//  5. Zero options are what Kubernetes does by default. A zero result means that there
//     is nothing to do.
//  6. Wrong input is an error with the path of the field, mostly a
//     [k8s.io/apimachinery/pkg/util/validation/field.Error]. Functions
//     without an error result, such as those of placement and daemon/diff, skip nil entries
//     or count them. No data causes a panic: no nil list, nil entry or half-filled object.
//  7. All types are safe for concurrent use while nobody changes them. Some methods change
//     their receiver, and their comments say so: Update of daemon.Snapshot, those of
//     rollout.State and those of simulate.Cluster.
//
// # Versions
//
// The behaviour is that of the DaemonSet controller, API and kubectl of Kubernetes
// 1.37.2. Comments cite the source of a rule as symbol@tag, such as
// podsShouldBeOnNode@v1.37.2. The package comments list the deliberate
// differences under Deviations.
package daemonset
