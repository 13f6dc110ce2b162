package rollout

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
)

// Tracker makes passes over a cluster that it is told the changes of: each gives
// what Sync gives for the same facts, at a cost that grows with what changed and
// not with the cluster. A controller that keeps one for each DaemonSet and feeds
// it from its watches has nothing to look up.
//
// It is for one DaemonSet with one template and one history: make a new one when
// the DaemonSet's spec or metadata or its revisions change in a way that the
// Tracker did not ask for, and when a write fails. A Tracker is not safe for
// concurrent use. The objects given to it are read-only from then on.
type Tracker struct {
	pods   *daemon.Tracker
	policy *Policy
	ledger *ledger
	// current and old are the revisions as the first pass leaves them.
	current *appsv1.ControllerRevision
	old     []*appsv1.ControllerRevision
	// hashes are the hash labels of the pods that keep revisions from being
	// cleaned up, and carried how many pods have each.
	hashes  map[string]string
	carried map[string]int
}

// NewTracker makes a first pass, as Sync does, and returns what it writes. The
// Tracker takes the writes to revisions as carried out, and those to pods when it
// is told that they have been; that includes pods that are relabelled or claimed.
//
// It fails where Sync fails, and returns a nil Tracker beside a Result where the
// pass ended early: carry that out, and try again.
func NewTracker(in Input) (*Tracker, *Result, error) {
	result, err := Sync(in)
	if err != nil || result.Snapshot == nil {
		return nil, result, err
	}
	pods, err := daemon.NewTracker(daemon.Input{
		DaemonSet:     in.DaemonSet,
		Nodes:         in.Nodes,
		Pods:          result.Revisions.apply(in.Pods),
		RevisionHash:  result.Revisions.Hash,
		Now:           in.Now,
		Backoff:       result.Plan.Backoff,
		BurstReplicas: in.BurstReplicas,
		Placement:     in.Placement,
	})
	if err != nil {
		return nil, nil, err
	}
	t := &Tracker{
		pods:    pods,
		policy:  in.Policy,
		current: result.Revisions.Current,
		old:     without(result.Revisions.Old, result.CleanUp),
		hashes:  map[string]string{},
		carried: map[string]int{},
	}
	for i := range pods.Snapshot().Nodes() {
		for _, p := range pods.Snapshot().Nodes()[i].Pods {
			t.carry(p.Pod)
		}
	}
	for _, p := range pods.Snapshot().LeftOut() {
		if p.Finished {
			t.carry(p.Pod)
		}
	}
	t.enterChanges()
	return t, result, nil
}

// without returns the revisions but for those that are deleted.
func without(revisions, deleted []*appsv1.ControllerRevision) []*appsv1.ControllerRevision {
	return slices.DeleteFunc(slices.Clone(revisions), func(rev *appsv1.ControllerRevision) bool { return slices.Contains(deleted, rev) })
}

// carry notes the hash that a pod of the DaemonSet carries.
func (t *Tracker) carry(pod *corev1.Pod) {
	hash := pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
	t.hashes[pod.Name] = hash
	t.carried[hash]++
}

func (t *Tracker) drop(pod string) {
	if hash, ok := t.hashes[pod]; ok {
		t.carried[hash]--
		delete(t.hashes, pod)
	}
}

// SetPod tells about a pod that is new or has changed, and fails where it is nil.
// Pods of other namespaces and owners are passed over, as in Sync.
func (t *Tracker) SetPod(pod *corev1.Pod) error {
	if err := t.pods.SetPod(pod); err != nil {
		return err
	}
	t.drop(pod.Name)
	if t.pods.Holds(pod.Name) {
		t.carry(pod)
	}
	return nil
}

// DeletePod tells that the named pod of the DaemonSet's namespace is gone. A name
// that is not known changes nothing.
func (t *Tracker) DeletePod(name string) {
	t.pods.DeletePod(name)
	t.drop(name)
}

// SetNode tells about a node that is new or has changed, and fails where it is nil
// or has no name. A new node costs as much as a new Tracker.
func (t *Tracker) SetNode(node *corev1.Node) error { return t.pods.SetNode(node) }

// DeleteNode tells that the named node is gone. Its pods stay until DeletePod.
func (t *Tracker) DeleteNode(name string) { t.pods.DeleteNode(name) }

// SetStatus tells that the DaemonSet has a new status: the one that a pass wrote.
func (t *Tracker) SetStatus(status appsv1.DaemonSetStatus) { t.pods.SetStatus(status) }

// SetPolicy replaces the policy, for instance by one in which a canary is promoted.
// It costs as much as looking at every node.
func (t *Tracker) SetPolicy(policy *Policy) {
	t.enterChanges()
	t.policy = policy
	t.ledger = newLedger(t.pods.Snapshot(), policy)
}

// Snapshot returns the facts as they are now. It is valid until the next change
// and read-only.
func (t *Tracker) Snapshot() *daemon.Snapshot { return t.pods.Snapshot() }

// Sync makes a pass at the given time. The clean-up and the backoff of the pass
// are taken as carried out; all else when the Tracker is told. Revisions is nil in
// the Result, because history was settled by NewTracker.
//
// It fails where the update strategy is wrong, with the rest of the Result, as
// the function Sync does.
func (t *Tracker) Sync(now time.Time) (*Result, error) {
	t.pods.Advance(now, t.pods.Snapshot().Backoff())
	t.enterChanges()
	ds := t.pods.Snapshot().DaemonSet()
	result := &Result{Outcome: OutcomeSynced, Snapshot: t.pods.Snapshot()}
	result.Claims = result.Snapshot.Claims()
	result.Plan = *t.pods.Reconcile()
	strategyErr := result.decide(t.ledger, t.old)
	if strategyErr == nil || !wrongBudget(ds) {
		result.CleanUp = cleanUp(ds, t.old, func(hash string) bool { return t.carried[hash] > 0 })
		t.old = without(t.old, result.CleanUp)
	}
	t.pods.Advance(now, result.Plan.Backoff)
	status := t.pods.Status()
	if t.pods.Waiting() {
		result.Plan.Requeue(time.Duration(ds.Spec.MinReadySeconds) * time.Second)
	}
	if daemon.StatusChanged(ds, status) {
		result.Status = &status
	}
	return result, strategyErr
}

// enterChanges brings the ledger up to date and returns the positions that have
// changed; all is true where every position means something else.
func (t *Tracker) enterChanges() (positions []int, all bool) {
	positions, all = t.pods.Changed()
	if all {
		t.ledger = newLedger(t.pods.Snapshot(), t.policy)
		return nil, true
	}
	nodes := t.pods.Snapshot().Nodes()
	for _, i := range positions {
		t.ledger.enter(i, &nodes[i])
	}
	return positions, false
}
