package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/revision"
)

// Options adjust one pass. The zero Options are upstream's behaviour.
type Options struct {
	// Policy restricts which outdated pods the update may replace, and when.
	Policy Policy
	// CanaryTrial is the Result.CanaryTrial of the pass before: the memory of the canary's
	// trial. With nil the trial begins, and the pass works from the facts alone: a bad canary
	// pauses the update but never rolls it back. A trial of another revision is ignored; a
	// failed one whose BackTo is the current revision marks that as rolled back. A State
	// remembers the trial itself; give one only to replace it, for instance by a promoted
	// one.
	CanaryTrial *CanaryTrial
	// AwaitingWrites says that creations or deletions of an earlier pass are not in the
	// facts yet; upstream calls that unmet expectations. The pass then settles history,
	// claims and status, and neither creates nor deletes pods. Since 1.36 upstream makes no
	// pass at all until its caches hold the pods and the status that it wrote (the feature
	// gate StaleControllerConsistencyDaemonSet). For that behaviour, do not call Sync until
	// your caches hold those writes; see stale-caches under Deviations.
	AwaitingWrites bool
}

// Result is what one pass of a controller writes. Carry the writes out in this order. A
// failure in 1 or 2 ends the pass. After a failure in 3 to 5 go on with the status, which is
// true all the same. The next pass works out what is left. Writer of package rollout/carryout
// does all of this.
//
//  1. Revisions: patch Claims, update Label, create Create, patch the pods of Relabel,
//     delete Duplicates, update Update. CollisionCount is for information: Status holds it.
//  2. Claims: patch pods
//  3. Plan: create and delete pods, and record the events. Upstream creates first.
//  4. Rollback: patch the DaemonSet. API servers take no strategic merge patch for a custom
//     resource: write the template of Rollback.DaemonSet into it instead.
//  5. CleanUp: delete revisions
//  6. Status: update the status subresource, with the resourceVersion of the DaemonSet that
//     the pass saw, so that a stale status is a conflict
//
// Claim patches are strategic merge patches, and those of Relabel JSON merge patches. The
// other fields are for information, except Plan.BackoffChanges and CanaryTrial, which the next
// pass needs; see daemon.Backoff. All that a Result refers to is read-only, except the objects
// to create. A client writes the server's answer into the object that it sends: send a DeepCopy
// of the revisions in Label and Update.
type Result struct {
	// Outcome says how far the pass went.
	Outcome Outcome
	// Revisions are the writes that settle the history, and the current revision. It is
	// nil if the pass ended before them.
	Revisions *history.Plan
	// Claims are the pods to adopt or release, ordered by name.
	Claims []daemon.PodClaim
	// Plan holds the pods to create and delete, the events to record, when to make the
	// next pass, and what changes of the backoff: the plan of daemon.Reconcile or, if that
	// writes nothing, the next step of the update. Its RequeueAfter covers
	// daemon.StatusRequeue.
	Plan daemon.Plan
	// Step is the next step of the update; Plan holds its writes. It is nil if Reconcile
	// has something to write, if the strategy is OnDelete, if the pass ended before it, and with
	// OutcomeNoHistory and OutcomeAwaitingWrites.
	Step *Step
	// Restricted counts the nodes on which the policy holds back writes of
	// daemon.Reconcile.
	Restricted []Restricted
	// Policy says how the policy restricts the update: it is Step.Policy. Its Restricted
	// counts the nodes with outdated pods. If Step is nil, only Ignored and NextIgnored are
	// set, and they are zero, too, if the pass ended before it looked at the nodes.
	Policy PolicyStatus
	// Rollback restores the template that a failed canary was to replace. Write it,
	// and give the next pass the updated DaemonSet. It is nil if no canary has failed, if
	// Step is nil, and if NoRollback is set. Once a canary has failed, the update takes no
	// step until another template is current; what daemon.Reconcile writes goes on. If the
	// write does not raise the DaemonSet's generation, both templates are equal once the API
	// server has filled in their defaults: no rollback is possible, and only a promotion ends
	// the trial.
	Rollback *history.Rollback
	// NoRollback says why a failed canary is not rolled back. It is zero if no canary has
	// failed, if Step is nil, and if Rollback is set.
	NoRollback NoRollback
	// CleanUp are the revisions to delete because the history is too long, in the order
	// of the function CleanUp.
	CleanUp []*appsv1.ControllerRevision
	// Status is the whole status to write. It is nil if the status is up to date.
	Status *appsv1.DaemonSetStatus
	// CanaryTrial is the Options.CanaryTrial of the next pass. It is nil if there is no
	// trial. It changes also in passes that write nothing else: save it after each pass.
	CanaryTrial *CanaryTrial
	// Snapshot holds the facts that the pass decided on, before its writes. It is nil if
	// the pass ended before it. The snapshot of a State is valid until its next call.
	Snapshot *daemon.Snapshot
}

// Outcome says how far a pass went.
type Outcome int

const (
	// OutcomeSynced: the whole pass was made.
	OutcomeSynced Outcome = iota + 1
	// OutcomeAwaitingWrites: because of Options.AwaitingWrites the pass settles history,
	// claims and status, and neither creates nor deletes pods.
	OutcomeAwaitingWrites
	// OutcomeNoHistory: no revision exists, and pods that count as outdated have the hash
	// label of one. The pass creates the revision and takes no step of the update. If this
	// outcome repeats, Input.Revisions is incomplete: list the ControllerRevisions.
	OutcomeNoHistory
	// OutcomeSelectsEverything: the pass only records an event, because the
	// selector is empty.
	OutcomeSelectsEverything
	// OutcomeDeleting: the pass does nothing, because the DaemonSet is being deleted.
	OutcomeDeleting
	// OutcomeCollision: the pass only writes a new collisionCount, because another
	// revision has the name of the new one. Make the next pass at once.
	OutcomeCollision
)

// String returns the outcome as a short phrase.
func (o Outcome) String() string {
	switch o {
	case OutcomeSynced:
		return "synced"
	case OutcomeAwaitingWrites:
		return "waiting for earlier writes to be observed"
	case OutcomeNoHistory:
		return "the revisions of the pods are missing"
	case OutcomeSelectsEverything:
		return "selector selects every pod"
	case OutcomeDeleting:
		return "being deleted"
	case OutcomeCollision:
		return "revision name is taken"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Sync makes one pass of a DaemonSet controller (syncDaemonSet@v1.37.2): it settles
// the history, claims pods, reconciles nodes and pods, takes the next step of the
// update if reconciling has nothing to write, cleans up the history, and works out
// the status, in this order (updateDaemonSet@v1.37.2). The Result is all that a
// controller writes. Once all writes have taken effect, a pass returns an empty Result.
//
//   - If the selector is empty, the pass only records an event. If the DaemonSet is being
//     deleted, it does nothing.
//   - A pass with Options.AwaitingWrites does not raise observedGeneration.
//   - A pass needs the time: a zero Input.Now is an error.
//
// It fails with a *field.Error if the input, the policy or the state of the canary's trial is
// wrong; errors.Join combines several errors of the policy. A missing strategy type and a
// missing rollingUpdate, which daemon.Default fills in, are such errors. If the strategy
// type is unknown or a budget is malformed, only a pass that reaches the update step fails, as
// upstream. Sync then returns the Result together with the error. That Result holds what upstream
// still writes: everything except the update step and, if a budget is wrong, the clean-up. To find
// both at once, call daemon.Validate.
//
// Sync makes one pass of a new State. Keep a State to make passes repeatedly.
func Sync(in daemon.Input, opts Options) (*Result, error) {
	policy, err := check(in.Now, &opts)
	if err != nil {
		return nil, err
	}
	state, err := NewState(in)
	if err != nil {
		return nil, err
	}
	return state.sync(in.Now, opts, policy)
}

// SyncSnapshot makes the pass of Sync on the facts of a snapshot, which it does not
// change. It fails if Sync fails, and with a *field.Error if the snapshot is nil.
func SyncSnapshot(s *daemon.Snapshot, opts Options) (*Result, error) {
	if s == nil || s.DaemonSet() == nil {
		return nil, field.Required(field.NewPath("snapshot"), "")
	}
	policy, err := check(s.Now(), &opts)
	if err != nil {
		return nil, err
	}
	return (&State{snapshot: s}).pass(opts, policy)
}

// check checks what a pass needs besides the objects, and compiles the policy.
func check(now time.Time, opts *Options) (*policy, error) {
	if now.IsZero() {
		return nil, field.Required(field.NewPath("now"), "a pass needs the time: set Input.Now, or the time given to State.Sync")
	}
	if trial := opts.CanaryTrial; trial != nil && trial.State != "" && !slices.Contains(canaryStates, trial.State) {
		return nil, field.NotSupported(field.NewPath("canaryTrial", "state"), trial.State, canaryStates)
	}
	return compile(&opts.Policy)
}

// endEarly returns the result of a DaemonSet for which a pass does nothing.
func endEarly(ds *appsv1.DaemonSet) *Result {
	selectsAll := daemon.SelectsEverything(ds)
	if !selectsAll && ds.DeletionTimestamp == nil {
		return nil
	}
	result := &Result{Outcome: OutcomeDeleting}
	if selectsAll {
		result.Outcome = OutcomeSelectsEverything
		result.Plan.Events = []daemon.Event{{
			Type:    corev1.EventTypeWarning,
			Reason:  daemon.EventSelectingAll,
			Message: "This daemon set is selecting all pods. A non-empty selector is required.",
		}}
	}
	return result
}

// pass makes one pass on the snapshot.
func (st *State) pass(opts Options, policy *policy) (*Result, error) {
	s := st.snapshot
	ds := s.DaemonSet()
	if opts.CanaryTrial == nil {
		opts.CanaryTrial = st.canary
	}
	if result := endEarly(ds); result != nil {
		result.CanaryTrial = opts.CanaryTrial
		return result, nil
	}
	revisions, err := st.planRevisions()
	if err != nil {
		return nil, err
	}
	result := &Result{Outcome: OutcomeSynced, Revisions: revisions, CanaryTrial: opts.CanaryTrial}
	if revisions.CollisionCount != nil {
		result.Outcome = OutcomeCollision
		result.Status = ds.Status.DeepCopy()
		result.Status.CollisionCount = revisions.CollisionCount
		return result, nil
	}
	result.Snapshot, result.Claims = s, s.Claims()
	var strategyErr error
	if opts.AwaitingWrites {
		result.Outcome = OutcomeAwaitingWrites
		if !policy.empty() {
			st.factsFor(policy, result.CanaryTrial).reportIgnored(&result.Policy)
		}
	} else {
		strategyErr = st.update(result, policy)
		if strategyErr == nil || !wrongBudget(ds) {
			result.CleanUp = history.CleanUp(s, revisions.Old)
		}
	}
	result.setStatus()
	return result, strategyErr
}

// update reconciles, and takes a step of the update if that leaves nothing to write.
func (st *State) update(r *Result, policy *policy) error {
	s := st.snapshot
	if policy.empty() {
		if r.Plan = *daemon.Reconcile(s); !r.Plan.Empty() {
			return nil
		}
	}
	facts := st.factsFor(policy, r.CanaryTrial)
	if !policy.empty() {
		r.Plan, r.Restricted = policy.reconcile(facts, s)
		facts.reportIgnored(&r.Policy)
		if !r.Plan.Empty() {
			return nil
		}
	}
	step, err := facts.step(s, policy, r.CanaryTrial)
	if err != nil || step == nil {
		requeueAt(&r.Plan, s.Now(), r.Policy.NextIgnored)
		return err
	}
	if historyMissing(s) {
		r.Outcome = OutcomeNoHistory
		return nil
	}
	r.Step, r.Policy = step, step.Policy
	r.Plan.Create, r.Plan.CreateDeferred = step.Plan.Create, step.Plan.CreateDeferred
	r.Plan.Delete, r.Plan.DeleteDeferred = step.Plan.Delete, step.Plan.DeleteDeferred
	r.Plan.Nodes = step.Plan.Nodes
	requeue(&r.Plan, step.Plan.RequeueAfter)
	if r.Policy.Canary != nil {
		trial := r.Policy.Canary.Trial
		r.CanaryTrial = &trial
		r.Rollback, r.NoRollback = r.rollback(&trial, policy.Paused || policy.Frozen)
	}
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
	requeue(&r.Plan, daemon.StatusRequeue(r.Snapshot))
	if !daemon.StatusChanged(ds, status) {
		return
	}
	if r.Outcome == OutcomeAwaitingWrites {
		// Only a pass that was allowed to act has processed this generation.
		status.ObservedGeneration = ds.Status.ObservedGeneration
		if equality.Semantic.DeepEqual(status, ds.Status) {
			return
		}
	}
	r.Status = status.DeepCopy() // status itself stays off the heap in a settled pass
}

// Empty reports whether the pass writes nothing to pods, revisions and the DaemonSet. Events,
// RequeueAfter and CanaryTrial may still be set: do not skip an empty Result.
func (r *Result) Empty() bool {
	return r == nil || r.Revisions.Empty() && len(r.Claims) == 0 && r.Plan.Empty() && r.Rollback.Skipped() &&
		len(r.CleanUp) == 0 && r.Status == nil
}

// String lists the writes, one on each line, in the order in which to carry them out. Other
// lines say what the step and the policy hold back.
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
		revisions := *r.Revisions
		revisions.CollisionCount = nil // The line of the status has it.
		if !revisions.Empty() {
			add("%v", &revisions)
		}
	}
	for _, c := range r.Claims {
		add("%v pod %s", c.Claim, podName(c.Pod))
	}
	if plan := r.Plan.String(); plan != (daemon.Plan{}).String() {
		add("%s", plan)
	}
	if len(r.Restricted) > 0 {
		add("%s", restrictedSentence(r.Restricted))
	}
	switch {
	case r.Step.narrowed():
		add("%s", r.Step.lines())
	case r.Plan.Empty() && r.Step.blocked():
		add("%s", r.Step.budget())
	}
	if !r.Rollback.Skipped() {
		add("%v", r.Rollback)
	}
	if r.NoRollback != 0 {
		add("no rollback: %v", r.NoRollback)
	}
	for _, rev := range r.CleanUp {
		add("delete %s: history limit", revision.Text(rev))
	}
	if r.Status != nil {
		add("status: %s", formatStatus(r.Status))
	}
	if lines == nil {
		return "nothing to do"
	}
	return strings.Join(lines, "\n")
}

func podName(pod *corev1.Pod) string {
	if pod == nil {
		return "<nil>"
	}
	return pod.Name
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
