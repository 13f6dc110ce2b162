// Package controller is a controller of DaemonSets and of NodeAgents whose decisions are
// those of package rollout. It shows what is left to do around the library: keep its state
// up to date from watch events, wake what an event concerns, carry out the results, and
// never act on caches that are older than its own writes.
//
// # How it works
//
//  1. Watch events go into a mirror: the nodes, and per namespace the owners, pods and
//     ControllerRevisions, by the controller that owns them. Nothing is ever listed. The
//     mirror notes each change for the owners whose rollout.State must learn of it, and
//     returns those to wake.
//  2. A pass takes the changes noted for one owner, updates its State, and lets it work out
//     the writes. The first pass of an owner makes the State from the mirror.
//  3. carryout.Writer makes the writes. carryout.Expectations hold the next pass back until
//     the events of these writes have come.
//  4. A write that fails is an error of the pass, which the work queue repeats with growing
//     delays. A spec that is wrong becomes an event, and no pass is repeated for it; one whose
//     update strategy alone is wrong still has its pods and status.
//
// The cost of an event grows with what it changed. A node's heartbeat changes nothing, a
// changed label or taint wakes the owners for which it decides otherwise, and a pod wakes
// its owner.
//
// Pods of owners that are gone, or that are being deleted, are left to the garbage
// collector.
package controller
