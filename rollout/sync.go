package rollout

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
)

// Input is everything Sync looks at: what a controller has in its caches for
// one DaemonSet, and the time. Nothing in it is changed.
type Input struct {
	// DaemonSet is required. Fields that the API server would default are
	// taken as they are: pass the result of daemon.Default where the object
	// did not come from a server.
	DaemonSet *appsv1.DaemonSet
	// Nodes are all nodes of the cluster, in any order. A nil entry, an empty
	// name and a repeated name are errors.
	Nodes []*corev1.Node
	// Pods are all pods of the DaemonSet's namespace, in any order; those that
	// are not its own are ignored. A nil entry is an error.
	Pods []*corev1.Pod
	// Revisions are all ControllerRevisions of the DaemonSet's namespace, in any
	// order; those of other owners matter because their names are taken. A nil
	// entry is an error. An empty list means that the DaemonSet is new: the pass
	// creates a revision, and pods that carry another hash are outdated.
	// Templates are compared as bytes, so data that something has indented has to
	// be compacted first.
	Revisions []*appsv1.ControllerRevision
	// Now decides availability and backoff.
	Now time.Time
	// Backoff is the Result.Plan.Backoff of the pass before; nil to begin with.
	Backoff daemon.Backoff
	// BurstReplicas limits how many pods one pass creates, and how many it
	// deletes. Zero means daemon.DefaultBurstReplicas; below zero means no limit.
	BurstReplicas int
	// Placement adjusts which nodes are eligible.
	Placement placement.Options
	// Policy says which outdated pods an update may touch, in which order and how
	// many; nil: upstream's.
	Policy *Policy
	// AwaitingWrites says that creations or deletions of an earlier pass have
	// not shown up in Pods yet, which upstream calls unmet expectations. Such a
	// pass settles history and status and leaves the pods alone.
	AwaitingWrites bool
}

// Result is what one pass of a controller writes. Carry it out in the order of
// the fields and stop at the first write that fails: the next pass works out
// what is left. Result.String lists it.
type Result struct {
	// Outcome says how far the pass went.
	Outcome Outcome
	// Revisions are the writes that settle the history, and the current
	// revision. nil where the pass ended before it.
	Revisions *RevisionPlan
	// Claims are the pods to adopt or release, ordered by name.
	Claims []daemon.PodClaim
	// Plan are the pods to create and delete, the events to record, and when to
	// look again: the work of daemon.Reconcile, or, where that found nothing to
	// write, the next step of the update.
	Plan daemon.Plan
	// Step tells the budget of the update step. nil where there was none:
	// Reconcile had something to write, the strategy takes no steps, or the pass
	// did not get that far.
	Step *Step
	// Held counts the nodes on which the policy holds back what daemon.Reconcile
	// would write. nil where it does not. Step.Held has the outdated pods.
	Held []Held
	// Rollback takes the DaemonSet back to the template of the other nodes because
	// the canaries failed (CanaryFailed): write it, and make the next pass from it,
	// with a new Tracker where there is one. nil where they did not fail, or where no
	// revision has that template. Until it is written, nothing more is updated.
	Rollback *Rollback
	// CleanUp are the revisions to delete because the history is too long,
	// the oldest first.
	CleanUp []*appsv1.ControllerRevision
	// Status is the whole status to write; nil where it is up to date.
	Status *appsv1.DaemonSetStatus
	// Snapshot is what the pass saw, for those who want to know why. nil where
	// the pass ended before it.
	Snapshot *daemon.Snapshot
}

// Outcome says how far a pass went.
type Outcome int

const (
	// OutcomeSynced: the whole pass was made.
	OutcomeSynced Outcome = iota + 1
	// OutcomeAwaitingWrites: pods were left alone because of
	// Input.AwaitingWrites; history and status were settled.
	OutcomeAwaitingWrites
	// OutcomeSelectsEverything: nothing was done but to record an event, because
	// the selector is empty.
	OutcomeSelectsEverything
	// OutcomeDeleting: nothing was done because the DaemonSet is being deleted.
	OutcomeDeleting
	// OutcomeCollision: the pass ends with writing a new collisionCount, because
	// the name for the new revision is taken. Sync again at once.
	OutcomeCollision
)

// String returns the outcome as half a sentence.
func (o Outcome) String() string {
	switch o {
	case OutcomeSynced:
		return "synced"
	case OutcomeAwaitingWrites:
		return "waiting for earlier writes to be observed"
	case OutcomeSelectsEverything:
		return "selector selects every pod"
	case OutcomeDeleting:
		return "being deleted"
	case OutcomeCollision:
		return "revision name is taken"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Sync makes one whole pass of a DaemonSet controller (syncDaemonSet@v1.37.2):
// it settles the history, claims pods, reconciles nodes and pods, and, only
// where that has nothing to write, takes the next step of the update; then it
// cleans up history and works out the status. What it returns is all a
// controller has to write, and nothing is written twice: a pass on a cluster
// that has taken the writes over and has come to rest returns an empty Result.
//
// It fails with a *field.Error where the input is wrong. Where only the update
// strategy is wrong, the Result comes with the error and holds what upstream
// still does: everything but the update step, and but the clean-up where it is a
// budget that is wrong.
func Sync(in Input) (*Result, error) {
	ds := in.DaemonSet
	if ds == nil {
		return nil, field.Required(field.NewPath("daemonSet"), "")
	}
	result := &Result{Plan: daemon.Plan{Backoff: in.Backoff}}
	switch {
	case daemon.SelectsEverything(ds):
		result.Outcome = OutcomeSelectsEverything
		result.Plan.Events = []daemon.Event{{
			Type:    corev1.EventTypeWarning,
			Reason:  daemon.EventSelectingAll,
			Message: "This daemon set is selecting all pods. A non-empty selector is required.",
		}}
		return result, nil
	case ds.DeletionTimestamp != nil:
		result.Outcome = OutcomeDeleting
		return result, nil
	}

	revisions, err := Revisions(ds, in.Revisions, in.Pods)
	if err != nil {
		return nil, err
	}
	result.Revisions = revisions
	if revisions.CollisionCount != nil {
		result.Outcome = OutcomeCollision
		result.Status = ds.Status.DeepCopy()
		result.Status.CollisionCount = revisions.CollisionCount
		return result, nil
	}
	snapshot, err := daemon.Observe(daemon.Input{
		DaemonSet:     ds,
		Nodes:         in.Nodes,
		Pods:          revisions.apply(in.Pods),
		RevisionHash:  revisions.Hash,
		Now:           in.Now,
		Backoff:       in.Backoff,
		BurstReplicas: in.BurstReplicas,
		Placement:     in.Placement,
	})
	if err != nil {
		return nil, err
	}
	result.Snapshot = snapshot
	result.Claims = snapshot.Claims()

	var strategyErr error
	if in.AwaitingWrites {
		result.Outcome = OutcomeAwaitingWrites
	} else {
		result.Outcome = OutcomeSynced
		strategyErr = result.update(in.Policy, revisions.Old)
		if strategyErr == nil || !wrongBudget(ds) {
			result.CleanUp = CleanUp(snapshot, revisions.Old)
		}
	}
	result.setStatus()
	return result, strategyErr
}

// update reconciles, and takes a step of the rollout where that leaves nothing
// to write (updateDaemonSet@v1.37.2).
func (r *Result) update(policy *Policy, old []*appsv1.ControllerRevision) error {
	r.Plan = *daemon.Reconcile(r.Snapshot)
	if !r.Plan.Empty() && policy.empty() {
		return nil
	}
	return r.decide(newLedger(r.Snapshot, policy), old)
}

// decide holds back what the policy says of a plan of daemon.Reconcile, and takes
// the next step where that leaves nothing to write.
func (r *Result) decide(l *ledger, old []*appsv1.ControllerRevision) error {
	r.Held = l.policy.holdBack(l, r.Snapshot, &r.Plan)
	if !r.Plan.Empty() {
		return nil
	}
	step, err := l.step(r.Snapshot)
	if err != nil {
		return err
	}
	if rolling, _ := rolls(r.Snapshot.DaemonSet()); rolling {
		r.Step = step
	}
	r.Plan.Create, r.Plan.CreateDeferred = step.Plan.Create, step.Plan.CreateDeferred
	r.Plan.Delete, r.Plan.DeleteDeferred = step.Plan.Delete, step.Plan.DeleteDeferred
	r.Plan.Requeue(step.Plan.RequeueAfter)
	r.Rollback = step.Canary.rollback(r.Snapshot.DaemonSet(), old)
	return nil
}

// wrongBudget reports whether an error of the update is about a budget. That ends
// upstream's pass before the clean-up; an unknown strategy does not.
func wrongBudget(ds *appsv1.DaemonSet) bool {
	_, err := rolls(ds)
	return err == nil
}

func (r *Result) setStatus() {
	ds := r.Snapshot.DaemonSet()
	status := daemon.Status(r.Snapshot)
	r.Plan.Requeue(daemon.StatusRequeue(r.Snapshot))
	if !daemon.StatusChanged(ds, status) {
		return
	}
	if r.Outcome == OutcomeAwaitingWrites {
		// Only a pass that was allowed to act has processed this generation.
		status.ObservedGeneration = ds.Status.ObservedGeneration
	}
	r.Status = &status
}

// Empty reports whether the pass writes nothing. There may be events to record
// and a time to look again all the same.
func (r *Result) Empty() bool {
	return r == nil || r.Revisions.empty() && len(r.Claims) == 0 && r.Plan.Empty() && r.Rollback.Skipped() &&
		len(r.CleanUp) == 0 && r.Status == nil
}

// String lists the writes, one a line, in the order in which they are to be
// carried out.
func (r *Result) String() string {
	if r == nil {
		return "nothing to do"
	}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if r.Outcome != OutcomeSynced {
		add("%v", r.Outcome)
	}
	if r.Revisions != nil {
		lines = append(lines, r.Revisions.lines()...)
	}
	for _, c := range r.Claims {
		add("%v pod %s", c.Claim, c.Pod.Name)
	}
	if plan := r.Plan.String(); plan != (&daemon.Plan{}).String() {
		add("%s", plan)
	}
	if r.Held != nil {
		add("%s", heldSentence(r.Held))
	}
	switch {
	case r.Step.narrowed():
		add("%s", r.Step.lines())
	case r.Plan.Empty() && r.Step.waits():
		add("%s", r.Step.budget())
	}
	if !r.Rollback.Skipped() {
		add("%s", r.Rollback)
	}
	for _, rev := range r.CleanUp {
		add("delete revision %s (number %d): history limit", rev.Name, rev.Revision)
	}
	if r.Status != nil {
		add("status: %s", formatStatus(r.Status))
	}
	if lines == nil {
		return "nothing to do"
	}
	return strings.Join(lines, "\n")
}

func formatStatus(s *appsv1.DaemonSetStatus) string {
	out := fmt.Sprintf("desired %d, current %d, ready %d, up-to-date %d, available %d, unavailable %d, misscheduled %d, observed generation %d",
		s.DesiredNumberScheduled, s.CurrentNumberScheduled, s.NumberReady, s.UpdatedNumberScheduled,
		s.NumberAvailable, s.NumberUnavailable, s.NumberMisscheduled, s.ObservedGeneration)
	if s.CollisionCount != nil {
		out += fmt.Sprintf(", collision count %d", *s.CollisionCount)
	}
	return out
}

func (p *RevisionPlan) empty() bool {
	return p == nil || len(p.Claims) == 0 && len(p.Label) == 0 && p.Create == nil && len(p.Relabel) == 0 &&
		len(p.Duplicates) == 0 && p.Update == nil && p.CollisionCount == nil
}

func (p *RevisionPlan) lines() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, c := range p.Claims {
		add("%v revision %s", c.Claim, c.Revision.Name)
	}
	for _, rev := range p.Label {
		add("label revision %s", rev.Name)
	}
	if p.Create != nil {
		add("create revision %s (number %d)", p.Create.Name, p.Create.Revision)
	}
	for _, r := range p.Relabel {
		add("relabel pod %s to %s", r.Pod.Name, p.Hash)
	}
	for _, rev := range p.Duplicates {
		add("delete revision %s (number %d): duplicate of %s", rev.Name, rev.Revision, p.Current.Name)
	}
	if p.Update != nil {
		add("update revision %s to number %d, hash %s", p.Update.Name, p.Update.Revision, p.Hash)
	}
	return lines
}

// String lists the writes, one a line; "nothing to do" where there are none.
func (p *RevisionPlan) String() string {
	if p.empty() {
		return "nothing to do"
	}
	lines := p.lines()
	if p.CollisionCount != nil {
		lines = append(lines, fmt.Sprintf("set collision count to %d", *p.CollisionCount))
	}
	return strings.Join(lines, "\n")
}
