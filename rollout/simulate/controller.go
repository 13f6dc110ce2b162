package simulate

import (
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/rollout"
)

// set is a stored DaemonSet with the memory of its controller.
type set struct {
	ds *appsv1.DaemonSet
	// state is nil before the first pass, and after a change that did not fit it. backoff is
	// that of the controller while there is no state.
	state   *rollout.State
	backoff daemon.Backoff
	// trial is the canary's trial, and given the one of the options that it began with.
	trial, given *rollout.CanaryTrial
	tally        tally
	// wake is when the controller requeues the DaemonSet; zero: never.
	wake time.Time
	// due says that something has happened since the last pass, and last is the result of
	// that pass. A DaemonSet that has had none is due.
	due  bool
	last *rollout.Result
	// policy is that of the last pass.
	policy rollout.Policy
	// completeAt is when a pass last found the rollout complete that was not so before. It is
	// known once the rollout is complete.
	completeAt time.Time
	// id says which pods are its own, and load what they take of a quota.
	id   owner.Identity
	load load
	// pod and gone are buffers of updatePod and removePod.
	pod  [1]*corev1.Pod
	gone [1]string
}

// update reports a change to the controller.
func (s *set) update(c daemon.Changes) {
	s.due = true
	if s.state != nil && s.state.Update(c) != nil {
		s.drop()
	}
}

// updatePod and removePod report a change of a pod to the controller.
func (s *set) updatePod(pod *corev1.Pod) {
	s.pod[0] = pod
	s.update(daemon.Changes{Pods: s.pod[:]})
}

func (s *set) removePod(name string) {
	s.gone[0] = name
	s.update(daemon.Changes{DeletedPods: s.gone[:]})
}

// drop forgets the state, so that the next pass makes another one.
func (s *set) drop() {
	s.backoff = s.remembered()
	s.state, s.tally.stale = nil, true
}

// remembered returns the backoff of the controller. The map is the caller's own.
func (s *set) remembered() daemon.Backoff {
	if s.state != nil {
		return s.state.Backoff()
	}
	return maps.Clone(s.backoff)
}

// watches reports whether changes of a pod wake the controller: it owns the pod, or may adopt it
// (updatePod@v1.37.2). A pod that contradicts the DaemonSet makes the pass fail. pod may be nil.
func (s *set) watches(pod *corev1.Pod) bool {
	if pod == nil {
		return false
	}
	ref := metav1.GetControllerOfNoCopy(pod)
	return ref == nil || s.id.Relation(ref) != owner.Foreign
}

// pass works out what the controller writes now. After an error without a result the
// DaemonSet is still due.
func (c *Cluster) pass(s *set) (*rollout.Result, error) {
	s.wake = time.Time{}
	if s.state == nil {
		state, err := rollout.NewState(c.Input(s.ds))
		if err != nil {
			return nil, err
		}
		s.state, s.tally.stale = state, true
	}
	if given := c.Options.CanaryTrial; given != s.given {
		if s.given = given; given != nil && (s.trial == nil || s.trial.RevisionHash == given.RevisionHash) {
			s.trial = given
		}
	}
	result, err := s.state.Sync(c.now, rollout.Options{Policy: c.Options.Policy, CanaryTrial: s.trial})
	if result == nil {
		return nil, err
	}
	first := s.last == nil
	s.due, s.last, s.policy = false, result, c.Options.Policy
	s.trial = result.CanaryTrial
	if after := result.Plan.RequeueAfter; after > 0 {
		s.wake = c.now.Add(after)
	}
	snapshot := result.Snapshot
	if snapshot == nil {
		snapshot = s.state.Snapshot()
	}
	before := s.tally.left
	s.tally.count(snapshot, result.Policy.Ignored)
	if (before > 0 || first) && s.tally.left == 0 {
		s.completeAt = c.now
	}
	return result, err
}

// write carries out a pass, in the order of the fields. Changes reach the controller as
// events would.
func (c *Cluster) write(s *set, r *rollout.Result) {
	ns := c.namespace(s.ds.Namespace)
	c.writeRevisions(s, ns, r.Revisions)
	for _, w := range r.Claims {
		if p := ns.stored(w.Pod); p != nil {
			pod := *p.pod
			pod.OwnerReferences = claimed(pod.OwnerReferences, s.ds, w.Claim)
			c.putPod(ns, p, &pod, p.life)
		}
	}
	for _, w := range r.Plan.Delete {
		if p := ns.stored(w.Pod); p != nil {
			c.deletePod(ns, p, nil)
		}
	}
	for _, w := range r.Plan.Create {
		if w.Pod != nil {
			c.createPod(w.Pod)
		}
	}
	if !r.Rollback.Skipped() && r.Rollback.DaemonSet != nil {
		ds := *s.ds
		ds.Spec.Template = r.Rollback.DaemonSet.Spec.Template
		c.putDaemonSet(s, updated(&ds, s.ds))
	}
	c.removeRevisions(r.CleanUp)
	if r.Status != nil {
		c.putStatus(s, *r.Status)
	}
}

func (c *Cluster) writeRevisions(s *set, ns *namespace, plan *history.Plan) {
	if plan == nil {
		return
	}
	for _, w := range plan.Claims {
		if stored := ns.storedRevision(w.Revision); stored != nil {
			rev := *stored
			rev.OwnerReferences = claimed(rev.OwnerReferences, s.ds, w.Claim)
			c.putRevision(&rev)
		}
	}
	for _, w := range plan.Label {
		c.relabel(ns.storedRevision(w), w)
	}
	if plan.Create != nil && ns.revisions[plan.Create.Name] == nil {
		created := *plan.Create
		c.identify(&created, nil)
		c.putRevision(&created)
	}
	for _, w := range plan.Relabel {
		if p := ns.stored(w.Pod); p != nil {
			pod := *p.pod
			pod.Labels = maps.Clone(pod.Labels)
			metav1.SetMetaDataLabel(&pod.ObjectMeta, c.naming.WithDefaults().RevisionHashLabel, plan.Hash)
			c.putPod(ns, p, &pod, p.life)
		}
	}
	c.removeRevisions(plan.Duplicates)
	c.relabel(ns.storedRevision(plan.Update), plan.Update)
}

// stored returns the stored pod with the name of the given one and, if both have a UID, the same
// UID. It returns nil if no such pod is stored, and for nil.
func (ns *namespace) stored(pod *corev1.Pod) *stored {
	if pod == nil {
		return nil
	}
	p := ns.pods[pod.Name]
	if p == nil || otherUID(p.pod, pod) {
		return nil
	}
	return p
}

// storedRevision returns the stored revision that is the given one, or nil: it has its name
// and, if both have a UID, its UID.
func (ns *namespace) storedRevision(rev *appsv1.ControllerRevision) *appsv1.ControllerRevision {
	if rev == nil {
		return nil
	}
	found := ns.revisions[rev.Name]
	if found == nil || otherUID(found, rev) {
		return nil
	}
	return found
}

// otherUID reports whether two objects of one name are different ones.
func otherUID(a, b metav1.Object) bool {
	return a.GetUID() != "" && b.GetUID() != "" && a.GetUID() != b.GetUID()
}

func (c *Cluster) removeRevisions(list []*appsv1.ControllerRevision) {
	for _, rev := range list {
		if rev != nil && c.namespace(rev.Namespace).storedRevision(rev) != nil {
			c.removeRevision(rev.Namespace, rev.Name)
		}
	}
}

// relabel writes the labels and the number of a revision. Its owners stay, because a
// claim may just have changed them.
func (c *Cluster) relabel(stored, as *appsv1.ControllerRevision) {
	if stored == nil {
		return
	}
	rev := *stored
	rev.Labels, rev.Revision = as.Labels, as.Revision
	c.putRevision(&rev)
}

// claimed returns owner references with the claim of a DaemonSet carried out.
func claimed(owners []metav1.OwnerReference, ds *appsv1.DaemonSet, claim daemon.Claim) []metav1.OwnerReference {
	id, err := owner.Of(ds)
	switch {
	case err != nil: // cannot happen: the pass would have failed
		return owners
	case claim == daemon.ClaimAdopt:
		return append(slices.Clip(slices.Clone(owners)), id.Reference())
	}
	return slices.DeleteFunc(slices.Clone(owners), func(ref metav1.OwnerReference) bool {
		return ref.Controller != nil && *ref.Controller && id.Relation(&ref) == owner.Own
	})
}

// Sync makes one pass of the controller of the DaemonSet with the namespace and name of
// ds, and carries it out. The clock stays. The pods in Plan.Create are then those of the
// cluster: they have names, and nodes if they were bound at once. All of the result is
// read-only, and its Snapshot, which holds the facts from before the writes, is valid
// until the next pass of that DaemonSet.
//
// It fails if rollout.Sync fails. A result that comes with an error is carried out,
// too. It fails with a *field.Error if the cluster has no such DaemonSet.
func (c *Cluster) Sync(ds *appsv1.DaemonSet) (*rollout.Result, error) {
	path := field.NewPath("daemonSet")
	if c == nil || ds == nil {
		return nil, field.Required(path, "")
	}
	c.begin()
	s := c.set(ds)
	if s == nil {
		return nil, notStored(path, ds)
	}
	result, err := c.pass(s)
	if result != nil {
		c.write(s, result)
	}
	return result, err
}

func notStored(path *field.Path, ds *appsv1.DaemonSet) error {
	return field.NotFound(path, ds.Namespace+"/"+ds.Name)
}

// CarryOut carries out the result of a pass that the caller has made for the DaemonSet
// with the namespace and name of ds, for instance with rollout.Sync on Input(ds), in the
// test of a controller with rules of its own. The cluster makes no pass, and the clock
// stays. A later pass of the cluster goes on with the backoff and the canary's trial of
// the result.
//
// The result is not changed, and the cluster keeps nothing of it: it stays the caller's
// own. Writes of objects that are not stored any more have no effect, even if another
// object, with another UID, has taken the name. Nor has the creation of a revision whose name
// is taken. It fails with a *field.Error if the result is
// nil, and if the cluster has no such DaemonSet.
func (c *Cluster) CarryOut(ds *appsv1.DaemonSet, result *rollout.Result) error {
	path := field.NewPath("daemonSet")
	if c == nil || ds == nil {
		return field.Required(path, "")
	}
	if result == nil {
		return field.Required(field.NewPath("result"), "")
	}
	c.begin()
	s := c.set(ds)
	if s == nil {
		return notStored(path, ds)
	}
	own := ownWrites(result)
	s.drop() // It remembers another backoff.
	s.backoff, s.trial = s.backoff.With(own.Plan.BackoffChanges), own.CanaryTrial
	s.due = true
	c.write(s, own)
	return nil
}

// ownWrites returns a copy of a result that shares with it nothing that the cluster
// stores.
func ownWrites(result *rollout.Result) *rollout.Result {
	own := *result
	own.Plan.Create = slices.Clone(own.Plan.Create)
	for i := range own.Plan.Create {
		own.Plan.Create[i].Pod = own.Plan.Create[i].Pod.DeepCopy()
	}
	own.Plan.BackoffChanges = maps.Clone(own.Plan.BackoffChanges)
	if result.Revisions != nil {
		revisions := *result.Revisions
		revisions.Create, revisions.Update = revisions.Create.DeepCopy(), revisions.Update.DeepCopy()
		revisions.Label = slices.Clone(revisions.Label)
		for i := range revisions.Label {
			revisions.Label[i] = revisions.Label[i].DeepCopy()
		}
		own.Revisions = &revisions
	}
	own.Status, own.CanaryTrial = result.Status.DeepCopy(), result.CanaryTrial.DeepCopy()
	return &own
}

// enough is how many passes without progress are taken for an endless loop. For each
// node one pass may be needed to delete a pod, to create another, to see it ready and
// available, and to write the status of each.
func (c *Cluster) enough() int { return 1000 + 10*len(c.nodes) }
