package rollout

import (
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
)

// State is what a controller keeps of one DaemonSet between events. Its passes return
// what the function Sync returns for the same facts. The cost of a pass grows with what has
// changed, not with the cluster; Policy names the exceptions.
//
// A controller that keeps a State has these duties:
//
//  1. Create the State from all objects in the caches, and let no event arrive meanwhile:
//     Update does not compare resourceVersions, and the last call wins even if its object is
//     older. When the DaemonSet was deleted and created again (another UID), make a new
//     State.
//  2. Pass every event of the DaemonSet, of its namespace's pods and
//     ControllerRevisions, and of the nodes to Update. That includes the events that
//     its own writes cause: the State learns of a write only by its event. Drop an update of a
//     node only if labels, taints, the status of the Ready condition and everything that your
//     Order and IgnoreNodes functions read are unchanged. You may also drop an event of a pod
//     that another controller owns before and after it.
//  3. Call Sync after an event, and once Result.Plan.RequeueAfter has passed.
//  4. Carry out the Result as its comment says. A Result may come together with an error:
//     carry it out, then report the error.
//  5. Set Options.AwaitingWrites until Update has seen an event of every pod that was
//     created or deleted: its creation, its deletion timestamp, or its end. Otherwise a
//     pass creates or deletes them again. Upstream gives up after five minutes. Other
//     writes need no waiting, because repeating them does no harm. If the API server
//     refuses Revisions.Create because the name is taken, read that revision: with the same
//     data and the same controller owner the controller itself wrote it, and the pass goes
//     on. Otherwise end the pass; the next one raises collisionCount.
//  6. Save Backoff and Result.CanaryTrial to survive a restart, and pass them as Input.Backoff
//     of a new State and as Options.CanaryTrial of its first Sync. The State itself remembers
//     both.
//
// With package rollout/carryout, duty 4 is Writer.CarryOut, and Expectations.Pending says how
// long duty 5 lasts; 1, 2, 3 and 6 remain yours.
//
// Two states cost more: while the selector is empty, a pass after Update copies the lists
// of all objects, and while Sync fails, the State grows by the name of each deleted object.
// If that lasts, make a new State. Each pass also looks at every failed pod that waits for its
// backoff.
//
// A State is not safe for concurrent use. The objects given to it are read-only from
// then on.
type State struct {
	snapshot *daemon.Snapshot
	// unobserved are the facts if there is no snapshot; see endsUnobserved.
	unobserved *daemon.Input
	pending    pending
	canary     *CanaryTrial

	facts *nodeFacts
	// settled is the plan of the history while that writes nothing.
	settled *history.Plan
}

// NewState returns a State with the given facts. Set in.Now as for daemon.Observe; each Sync
// has a time of its own. NewState fails if daemon.Observe fails. It accepts
// an empty selector, which Sync reports, and an invalid selector of a DaemonSet that is being
// deleted.
func NewState(in daemon.Input) (*State, error) {
	st := &State{}
	if err := st.observe(in); err != nil {
		return nil, err
	}
	return st, nil
}

// endsUnobserved reports whether a pass ends before it looks at the selector's pods: if
// the selector is empty, and if it is invalid and the DaemonSet is being deleted
// (syncDaemonSet@v1.37.2).
func endsUnobserved(ds *appsv1.DaemonSet) bool {
	if daemon.SelectsEverything(ds) {
		return true
	}
	if ds == nil || ds.DeletionTimestamp == nil {
		return false
	}
	_, err := daemon.NewClaimer(ds)
	return err != nil
}

func (st *State) observe(in daemon.Input) error {
	if endsUnobserved(in.DaemonSet) {
		st.unobserved = &in
		return nil
	}
	snapshot, err := daemon.Observe(in)
	if err != nil {
		return err
	}
	st.snapshot, st.unobserved = snapshot, nil
	return nil
}

// Update adds a batch of changes. It checks the batch at once; the next Sync or Snapshot
// applies it. If several batches change one object, the last one counts. Within a batch
// deletions come first. Changes.Now is the time of Snapshot until the next Sync, which has a
// time of its own. Leave out Changes.BackoffChanges: the State itself remembers the backoff.
//
// It fails with a *field.Error if Changes.Validate of package daemon fails, and then
// changes nothing: the whole batch is lost. A DaemonSet that Observe refuses is accepted here,
// and the next Sync fails. Give it again without the wrong object, or make a
// new State.
func (st *State) Update(c daemon.Changes) error {
	ds := st.daemonSet()
	if ds == nil {
		return field.Required(field.NewPath("state"), "must be created with NewState")
	}
	return st.pending.add(c, ds)
}

// daemonSet returns the DaemonSet without the pending changes.
func (st *State) daemonSet() *appsv1.DaemonSet {
	switch {
	case st == nil:
		return nil
	case st.unobserved != nil:
		return st.unobserved.DaemonSet
	}
	return st.snapshot.DaemonSet()
}

// Snapshot returns the facts with all changes applied. It is read-only and valid until
// the next call of Update, Sync or Snapshot. It is nil if the selector is empty, if the
// selector is invalid and the DaemonSet is being deleted, and if the facts are wrong; the
// next Sync reports that.
func (st *State) Snapshot() *daemon.Snapshot {
	if st == nil || st.apply(time.Time{}) != nil {
		return nil
	}
	return st.snapshot
}

// Backoff returns the delays of failed pods after the last pass, to save them for another State.
// The map is the caller's own. It may have entries that have expired.
func (st *State) Backoff() daemon.Backoff {
	var backoff daemon.Backoff
	switch {
	case st == nil:
		return nil
	case st.unobserved != nil:
		backoff = st.unobserved.Backoff
	default:
		backoff = st.snapshot.Backoff()
	}
	if len(st.pending.backoff) == 0 {
		return maps.Clone(backoff)
	}
	return backoff.With(st.pending.backoff)
}

// Sync makes a pass at the given time. It returns what the function Sync returns for the
// same facts, and fails if that fails; the zero time is an error. The State remembers the
// backoff and the canary's trial of the pass.
func (st *State) Sync(now time.Time, opts Options) (*Result, error) {
	if st.daemonSet() == nil {
		return nil, field.Required(field.NewPath("state"), "must be created with NewState")
	}
	policy, err := check(now, &opts)
	if err != nil {
		return nil, err
	}
	return st.sync(now, opts, policy)
}

func (st *State) sync(now time.Time, opts Options, policy *policy) (*Result, error) {
	if err := st.apply(now); err != nil {
		return nil, err
	}
	if opts.CanaryTrial != nil {
		st.canary = opts.CanaryTrial
	}
	if st.snapshot == nil {
		result := endEarly(st.unobserved.DaemonSet)
		result.CanaryTrial = st.canary
		return result, nil
	}
	result, err := st.pass(opts, policy)
	if result != nil {
		st.canary = result.CanaryTrial
		st.pending.backoff = result.Plan.BackoffChanges
	}
	return result, err
}

// apply brings the snapshot up to date.
func (st *State) apply(now time.Time) error {
	changes := st.pending.changes()
	if !now.IsZero() {
		changes.Now = now
	}
	if changes.Empty() && (changes.Now.IsZero() || st.snapshot != nil && changes.Now.Equal(st.snapshot.Now())) {
		return nil
	}
	if st.snapshot == nil {
		return st.applyUnobserved(changes)
	}
	if changes.DaemonSet != nil && endsUnobserved(changes.DaemonSet) {
		in := st.snapshot.Input()
		st.snapshot, st.facts, st.settled = nil, nil, nil
		st.unobserved = &in
		return st.applyUnobserved(changes)
	}
	changed, err := st.snapshot.Update(changes)
	if err != nil {
		return err
	}
	st.pending.clear()
	// A status, and all else that leaves the snapshot as it is, leaves the history alone.
	if changed.All && changes.DaemonSet != nil || len(changes.Revisions)+len(changes.DeletedRevisions) > 0 {
		st.settled = nil
	}
	switch {
	case st.facts == nil:
	case changed.All || changes.DaemonSet != nil && !st.facts.fits(st.snapshot):
		st.facts = nil
	default:
		st.facts.change(st.snapshot.Nodes(), changed.Nodes)
		if !st.facts.fits(st.snapshot) {
			st.facts = nil
		}
	}
	return nil
}

// applyUnobserved applies changes to facts that could not be observed.
func (st *State) applyUnobserved(c daemon.Changes) error {
	in := *st.unobserved
	if c.DaemonSet != nil {
		in.DaemonSet = c.DaemonSet
	}
	in.Backoff = in.Backoff.With(c.BackoffChanges)
	if !c.Now.IsZero() {
		in.Now = c.Now
	}
	in.Nodes = merged(in.Nodes, c.DeletedNodes, c.Nodes, func(n *corev1.Node) string { return n.Name })
	in.Pods = merged(in.Pods, c.DeletedPods, c.Pods, func(p *corev1.Pod) string { return p.Name })
	in.Revisions = merged(in.Revisions, c.DeletedRevisions, c.Revisions, func(r *appsv1.ControllerRevision) string { return r.Name })
	if err := st.observe(in); err != nil {
		return err
	}
	st.pending.clear()
	return nil
}

// merged returns the objects as they are after deletions and changes.
func merged[T any](list []*T, deleted []string, changed []*T, name func(*T) string) []*T {
	gone := make(map[string]bool, len(deleted)+len(changed))
	for _, n := range deleted {
		gone[n] = true
	}
	for _, object := range changed {
		gone[name(object)] = true
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(object *T) bool { return object != nil && gone[name(object)] })
	return append(kept, changed...)
}

// planRevisions returns the plan of the revisions. It works the plan out again only if
// something has changed or the last plan writes something.
func (st *State) planRevisions() (*history.Plan, error) {
	if st.settled != nil {
		return st.settled, nil
	}
	plan, err := history.Reconcile(st.snapshot)
	if err == nil && plan.Empty() {
		st.settled = plan
	}
	return plan, err
}

// factsFor returns the facts of the snapshot with what the policy needs to know
// about each node. trial is the memory of the canary.
func (st *State) factsFor(policy *policy, trial *CanaryTrial) *nodeFacts {
	if st.facts == nil {
		st.facts = newNodeFacts(st.snapshot)
	}
	st.facts.mark(st.snapshot, policy, trial)
	return st.facts
}

// pending are changes that are not applied yet.
type pending struct {
	daemonSet *appsv1.DaemonSet
	nodes     batch[corev1.Node]
	pods      batch[corev1.Pod]
	revisions batch[appsv1.ControllerRevision]
	now       time.Time
	backoff   daemon.BackoffChanges
}

// add takes over a batch.
func (p *pending) add(c daemon.Changes, ds *appsv1.DaemonSet) error {
	if err := c.Validate(ds); err != nil {
		return err
	}
	if c.DaemonSet != nil {
		p.daemonSet = c.DaemonSet
	}
	if !c.Now.IsZero() {
		p.now = c.Now
	}
	if p.backoff = daemon.BackoffChanges(daemon.Backoff(p.backoff).With(c.BackoffChanges)); len(p.backoff) == 0 {
		p.backoff = nil
	}
	p.nodes.add(c.DeletedNodes, c.Nodes, func(n *corev1.Node) (string, bool) { return n.Name, true })
	p.pods.add(c.DeletedPods, c.Pods, func(o *corev1.Pod) (string, bool) { return o.Name, o.Namespace == ds.Namespace })
	p.revisions.add(c.DeletedRevisions, c.Revisions, func(o *appsv1.ControllerRevision) (string, bool) {
		return o.Name, o.Namespace == ds.Namespace
	})
	return nil
}

// changes returns the batch to apply.
func (p *pending) changes() daemon.Changes {
	c := daemon.Changes{DaemonSet: p.daemonSet, BackoffChanges: p.backoff, Now: p.now}
	c.Nodes, c.DeletedNodes = p.nodes.split()
	c.Pods, c.DeletedPods = p.pods.split()
	c.Revisions, c.DeletedRevisions = p.revisions.split()
	return c
}

// clear forgets the changes.
func (p *pending) clear() {
	p.nodes.clear()
	p.pods.clear()
	p.revisions.clear()
	p.daemonSet, p.now, p.backoff = nil, time.Time{}, nil
}

// batch holds changed objects by name. A nil object is deleted.
type batch[T any] struct {
	objects map[string]*T
	// room is the largest number of objects that the map has held.
	room int
}

func (b *batch[T]) add(deleted []string, changed []*T, key func(*T) (name string, ours bool)) {
	if b.objects == nil && len(deleted)+len(changed) > 0 {
		b.objects = make(map[string]*T)
	}
	for _, name := range deleted {
		b.objects[name] = nil
	}
	for _, object := range changed {
		if name, ours := key(object); ours {
			b.objects[name] = object
		}
	}
}

// split separates changed objects from the names of deleted ones. Their order has no
// effect.
func (b *batch[T]) split() (changed []*T, deleted []string) {
	if len(b.objects) > 16 {
		changed = make([]*T, 0, len(b.objects))
	}
	for name, object := range b.objects {
		if object != nil {
			changed = append(changed, object)
		} else {
			deleted = append(deleted, name)
		}
	}
	return changed, deleted
}

// clear empties the batch. It drops a map with far more room than the batch has needed,
// because clearing a map costs what it has room for.
func (b *batch[T]) clear() {
	b.room = max(b.room, len(b.objects))
	switch {
	case len(b.objects) == 0:
	case b.room > 16 && len(b.objects) < b.room/16:
		*b = batch[T]{}
	default:
		clear(b.objects)
	}
}
