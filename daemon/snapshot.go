package daemon

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/internal/indexset"
	"github.com/pernode/daemonset/internal/percent"
	"github.com/pernode/daemonset/placement"
)

// Snapshot holds one moment of one DaemonSet: every node with its decision and its
// pods. Observe builds it, Update brings it up to date, and Reconcile, Status and
// the package rollout read it. It refers to the objects of its Input, which must
// not be changed.
//
// A Snapshot is safe for concurrent use as long as Update is not called.
type Snapshot struct {
	in      Input // without Nodes, Pods and Revisions
	claimer *Claimer
	matcher *placement.Matcher
	builder *podBuilder
	// generation is the deprecated template generation, or empty.
	generation string
	surge      bool
	revisions  revisions

	nodes   []NodeState
	tallies []tally
	counts  nodeCounts
	// missing and busy are the positions of the nodes that Reconcile visits:
	// eligible nodes without a pod, and nodes for which it may have to write.
	missing, busy *indexset.Set

	claims    []PodClaim
	uncounted []UncountedPod
	// unclaimed pods have no controller, or the DaemonSet, and are ignored. Another
	// selector may claim them.
	unclaimed []*corev1.Pod

	kept *kept
	// backoffRoom is how many entries the backoff may have before a copy leaves out the expired
	// ones. It is zero if the backoff is still that of the caller.
	backoffRoom int
}

// NodeState is one node in a Snapshot. All it refers to is read-only.
type NodeState struct {
	// Name is the node's name.
	Name string
	// Node is nil if pods are bound to, or pinned to, a node that does not exist.
	Node *corev1.Node
	// Decision says whether a pod belongs here and whether one that is here
	// stays. Its Reason is placement.ReasonNoNode if Node is nil.
	Decision placement.Decision
	// Pods are the DaemonSet's pods here, adopted ones included: pods bound
	// to the node before pods not bound yet, then the oldest first, then by
	// name. The first one decides how the node counts in the status. The pods of
	// Snapshot.Uncounted are not included.
	Pods []PodState
}

// PodState is one pod in a Snapshot, with the facts that Reconcile and Status use.
type PodState struct {
	// Pod is read-only.
	Pod *corev1.Pod
	// Adopted says that the pod is an orphan which this pass adopts.
	Adopted bool
	// Terminating says that the pod has a deletion timestamp.
	Terminating bool
	// Failed and Succeeded say that the pod's phase is final.
	Failed, Succeeded bool
	// Ready says that the Ready condition is True.
	Ready bool
	// Available says that the pod has been ready for minReadySeconds
	// (IsPodAvailable@v1.37.2). A Ready condition without a transition time is never
	// available if minReadySeconds is set.
	Available bool
	// Updated: the pod has the current template: its hash label is
	// the current revision's, or its template generation label is the
	// DaemonSet's (IsPodUpdated@v1.37.2). If several revisions hold the template,
	// every pod is updated, because the pass relabels all of them
	// (dedupCurHistories@v1.37.2).
	Updated bool
}

// Live reports whether the pod is neither terminating nor finished.
func (p *PodState) Live() bool { return p != nil && !p.Terminating && !p.Failed && !p.Succeeded }

// PodClaim is a write that settles the ownership of one pod.
type PodClaim struct {
	// Pod is read-only.
	Pod *corev1.Pod
	// Claim is ClaimAdopt or ClaimRelease.
	Claim Claim
	// Patch is the strategic merge patch to send.
	Patch []byte
}

// UncountedPod is a pod of the DaemonSet that counts on no node.
type UncountedPod struct {
	// Pod is read-only.
	Pod *corev1.Pod
	// Node is the node that the pod is bound or pinned to, empty if the pod names
	// none.
	Node string
	// Finished says that the pod has failed or succeeded and is being deleted. It
	// still keeps its revision in use. Otherwise the pod names no node.
	Finished bool
}

// DaemonSet returns the DaemonSet, read-only.
func (s *Snapshot) DaemonSet() *appsv1.DaemonSet {
	if s == nil {
		return nil
	}
	return s.in.DaemonSet
}

// RevisionHash returns the value of the revision hash label that
// updated pods carry and new pods get. See Input.Revisions.
func (s *Snapshot) RevisionHash() string {
	if s == nil {
		return ""
	}
	return s.revisions.hash
}

// Revisions returns the ControllerRevisions of the DaemonSet's namespace with the
// claim on each, ordered by name. Read-only.
func (s *Snapshot) Revisions() []RevisionState {
	if s == nil {
		return nil
	}
	return s.revisions.list
}

// Now returns the time of the snapshot.
func (s *Snapshot) Now() time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.in.Now
}

// Backoff returns the backoff of the input. Read-only, and valid until the next Update. It may
// have entries that have expired.
func (s *Snapshot) Backoff() Backoff {
	if s == nil {
		return nil
	}
	return s.in.Backoff
}

// BackoffOf returns the backoff entry of a node, and false if it has none. The entry may have
// expired.
func (s *Snapshot) BackoffOf(node string) (BackoffEntry, bool) {
	if s == nil || s.in.DaemonSet == nil {
		return BackoffEntry{}, false
	}
	e, ok := s.in.Backoff[backoffKey(s.in.DaemonSet, node)]
	return e, ok
}

// FailuresInARow returns how many pods of a node have failed one after the other, by its backoff
// entry; see BackoffEntry.Failures. While status.observedGeneration is behind the DaemonSet's
// generation, the entry is about an older spec, and it returns 0. A status without
// observedGeneration is behind nothing.
func (s *Snapshot) FailuresInARow(node string) int {
	e, ok := s.BackoffOf(node)
	if !ok {
		return 0
	}
	if observed := s.in.DaemonSet.Status.ObservedGeneration; observed > 0 && observed < s.in.DaemonSet.Generation {
		return 0
	}
	return e.Failures(s.in.Now)
}

// BurstReplicas returns how many pods one pass may create, and how many it may
// delete. It is below zero if there is no limit.
func (s *Snapshot) BurstReplicas() int {
	if s == nil || s.in.BurstReplicas == 0 {
		return DefaultBurstReplicas
	}
	return s.in.BurstReplicas
}

// Matcher returns the compiled placement of the DaemonSet's template.
func (s *Snapshot) Matcher() *placement.Matcher {
	if s == nil {
		return nil
	}
	return s.matcher
}

// Nodes returns every node, and every name of a node that does not exist but
// has pods of the DaemonSet, ordered by name. Read-only, and valid until the next
// Update.
func (s *Snapshot) Nodes() []NodeState {
	if s == nil {
		return nil
	}
	return s.nodes
}

// Node returns the node of the given name, or nil. Read-only, and valid until the
// next Update.
func (s *Snapshot) Node(name string) *NodeState {
	if s == nil {
		return nil
	}
	if i, ok := s.position(name); ok {
		return &s.nodes[i]
	}
	return nil
}

// Claims returns the pods to adopt or release, ordered by pod name; nil if there
// are none. Read-only.
func (s *Snapshot) Claims() []PodClaim {
	if s == nil {
		return nil
	}
	return s.claims
}

// Uncounted returns the DaemonSet's pods that count on no node, ordered by name.
// Read-only.
func (s *Snapshot) Uncounted() []UncountedPod {
	if s == nil {
		return nil
	}
	return s.uncounted
}

// HashesInUse returns the values of the revision hash label that pods of
// the DaemonSet carry, terminating and finished ones included. Pods that name no node
// do not count (cleanupHistory@v1.37.2). If several revisions hold the template, all
// pods count as relabelled. The map is the caller's own.
func (s *Snapshot) HashesInUse() map[string]bool {
	out := map[string]bool{}
	if s == nil {
		return out
	}
	if s.kept != nil {
		for hash := range s.kept.hashes {
			out[hash] = true
		}
	} else {
		s.eachInUse(func(pod *corev1.Pod) { out[s.hashOf(pod)] = true })
	}
	if s.revisions.relabel && len(out) > 0 {
		out = map[string]bool{s.revisions.hash: true}
	}
	delete(out, "") // Pods without the label.
	return out
}

// eachInUse visits the pods that keep their revision in use.
func (s *Snapshot) eachInUse(visit func(*corev1.Pod)) {
	for i := range s.nodes {
		for j := range s.nodes[i].Pods {
			visit(s.nodes[i].Pods[j].Pod)
		}
	}
	for _, u := range s.uncounted {
		if u.Finished {
			visit(u.Pod)
		}
	}
}

// Equal reports whether both snapshots hold equal facts: times by instant, quantities by
// amount, and a nil list or map equal to an empty one. Backoff entries that have expired do not
// count. cmp.Diff uses it to compare results that refer to snapshots. Two nil snapshots are
// equal.
func (s *Snapshot) Equal(other *Snapshot) bool {
	if s == nil || other == nil {
		return s == other
	}
	return equalInputs(s.Input(), other.Input())
}

// NewPod returns the pod to create on the named node, as the function NewPod
// does for the snapshot's DaemonSet and hash. An empty nodeName gives nil.
func (s *Snapshot) NewPod(nodeName string) *corev1.Pod {
	if s == nil || s.builder == nil || nodeName == "" {
		return nil
	}
	return s.builder.build(nodeName)
}

// allowsSurge reports whether a node may have two pods at a time. Upstream asks
// with a base of one node, so that every positive percentage counts
// (AllowsSurge@v1.37.2).
func allowsSurge(ds *appsv1.DaemonSet) bool {
	strategy := &ds.Spec.UpdateStrategy
	if strategy.Type != appsv1.RollingUpdateDaemonSetStrategyType ||
		strategy.RollingUpdate == nil || strategy.RollingUpdate.MaxSurge == nil {
		return false
	}
	surge, err := percent.RoundUp(*strategy.RollingUpdate.MaxSurge, 1)
	return err == nil && surge > 0
}
