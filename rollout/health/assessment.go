package health

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
)

// DefaultPatience is the Patience of Options that set none: the default of a
// Deployment's progressDeadlineSeconds (SetDefaults_Deployment@v1.37.2).
const DefaultPatience = 10 * time.Minute

// Options adjust Assess. The zero Options have DefaultPatience and no policy.
type Options struct {
	// Patience is how long a rollout may go without a change before it is stalled. Zero
	// means DefaultPatience; below zero a rollout is never stalled.
	//
	// If pods of a node fail again and again, the change is the beginning of the
	// failures. daemon.Backoff remembers no more than 15 minutes of them: with a longer
	// patience, only a Memory shows that such a rollout is stalled.
	Patience time.Duration
	// Policy is the policy of the passes.
	Policy rollout.Policy
	// CanaryTrial is the Result.CanaryTrial of the last pass; see rollout.Options.
	CanaryTrial *rollout.CanaryTrial
	// Memory is the Assessment.Memory of the assessment before. If it is zero, the snapshot
	// is all that Assess knows. It is not changed.
	Memory Memory
}

func (o *Options) patience() time.Duration { return cmp.Or(o.Patience, DefaultPatience) }

// State is the state of a rollout.
type State int

const (
	// StateProgressing: the rollout is not complete, and it changed within the
	// patience, the next pass changes it, or it goes on by itself at a known time. It is also the
	// state if Assessment.NodesMissing.
	StateProgressing State = iota + 1
	// StateComplete: rollout.Complete holds, no pod is in a row of failures, and the next pass
	// changes nothing, except on nodes that the policy ignores. It is also the state of a rollout
	// that was complete before, by Options.Memory, and has no outdated pods: nodes that reboot, or
	// join, do not begin a rollout, however long their pods are unavailable. Assessment.Blockers
	// has them. kubectl.RolloutStatus lists how this differs from kubectl rollout status.
	StateComplete
	// StateStalled: the rollout is not complete, and nothing has changed for
	// Options.Patience.
	StateStalled
	// StateWaiting: the rollout needs a decision by a person or another controller: to
	// delete outdated pods (OnDelete), end a pause or a freeze, change a partition or a
	// node selector, or promote a canary. See rollout.Result.NeedsDecision.
	StateWaiting
	// StateDeleting: the DaemonSet is being deleted, and its controller does nothing
	// more.
	StateDeleting
)

// String returns "progressing", "complete", "stalled", "waiting" or "deleting".
func (s State) String() string {
	switch s {
	case StateProgressing:
		return "progressing"
	case StateComplete:
		return "complete"
	case StateStalled:
		return "stalled"
	case StateWaiting:
		return "waiting"
	case StateDeleting:
		return "deleting"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Assessment is the state of a rollout and the problems that block it. The zero
// Assessment has no state.
type Assessment struct {
	// State is the state of the rollout.
	State State
	// LastChange is when the rollout last changed: a stalled rollout has stalled since
	// then. It is zero if no object has a time. A complete rollout may change, too, when a
	// node reboots; Memory.CompleteSince does not.
	//
	// A node that the policy ignores has changed at IgnoredNode.From, as if the policy had always
	// been the same. That time is not known for rollout.IgnoredByCaller: such a node does not
	// count, and LastChange is that of the other nodes.
	LastChange time.Time
	// MaybeDisruption says that all pods are of the current template, some are not available,
	// and no Memory says whether the rollout was complete before: this may be a rollout, or a
	// disruption of a complete one, such as a node that reboots.
	MaybeDisruption bool
	// NodesMissing says that no node exists, although the status counts desired pods. All nodes have
	// left, and the status is not written yet, or the nodes were not listed: then use OfObject.
	NodesMissing bool
	// Desired is the number of eligible nodes. Complete is the number of those for
	// which rollout.NodeComplete holds, without those whose pod is in a row of failures. Nodes
	// that the policy ignores count.
	Desired, Complete int
	// Outdated are the live pods of older templates, ordered by node name, then as in
	// daemon.NodeState. Pods on nodes that do not exist, or that the policy ignores, are not
	// included. Read-only.
	Outdated []*corev1.Pod
	// Budget is the budget of the update with the nodes that use it. It is zero if
	// the strategy is not RollingUpdate.
	Budget rollout.Budget
	// Policy says what the policy does. Its Ignored are the nodes that block nothing. Its
	// Restricted also counts the nodes on which the policy holds back what daemon.Reconcile
	// would write.
	Policy rollout.PolicyStatus
	// Blockers are the problems that each node waits for, ordered by node name, then as in
	// daemon.NodeState. They are about eligible nodes that are not complete, and, while
	// there are outdated pods, about nodes that use the budget. An outdated pod that
	// waits for its turn, or that the next pass replaces, is not a blocker, nor is a pod on a
	// node that the policy ignores. If a complete rollout has blockers, they say why nodes
	// are unavailable. BlockerUnsettled and BlockerCrashLoop may be about an available pod.
	Blockers []Blocker
	// CreateCount and DeleteCount are the numbers of pods that the next pass creates and
	// deletes, those that its burst limit defers included.
	CreateCount, DeleteCount int
	// Memory is the Options.Memory of the next assessment. It shares nothing with the
	// snapshot. If NodesMissing, it is a copy of the Memory before: nothing was seen.
	Memory Memory
}

// Assess returns the state of a snapshot's rollout and the problems that block it. The
// first line that holds gives the state:
//
//	the DaemonSet is being deleted                        StateDeleting
//	the next pass rolls a failed canary back              StateProgressing
//	NodesMissing                                          StateProgressing
//	Options.Memory was complete, and nothing is outdated  StateComplete
//	the next pass changes something                       StateProgressing
//	rollout.Complete holds, without a row of failures     StateComplete
//	OnDelete, and there are no blockers                   StateWaiting
//	rollout.Result.NeedsDecision holds                    StateWaiting
//	the policy goes on at a known time                    StateProgressing
//	a blocker ends by itself at a known time              StateProgressing
//	LastChange is Options.Patience ago, or longer         StateStalled
//	otherwise                                             StateProgressing
//
// A pass changes something when it creates or deletes a pod, or writes a new collisionCount.
// Pods on a node on which pods fail again and again do not count, nor do those on a node that
// the policy ignores, nor writes of the history, of ownership and of the status. So a stalled
// rollout may have a DeleteCount: the next pass deletes the failed pod, as it did before. A burst
// limit changes no assessment: what it defers counts as if the next pass wrote it.
//
// Give Assess the Memory of the assessment before. Without it, two things are not known:
//
//   - Whether the rollout was complete before. If all pods are of the current template and
//     some are not available, MaybeDisruption says that this may be a disruption. With a
//     Memory of a complete rollout it is one, and the state is StateComplete.
//   - Whether pods fail and are replaced again and again, unless the snapshot has the Backoff
//     of the last pass. Without either, such a rollout is progressing for ever, and complete while
//     the pods are available. With a Memory it is stalled since NodeMemory.FailingSince, the
//     first failure that an assessment can know of, or since a later change on another node. That
//     takes two assessments in which the pod is another one than in the assessment before. Pods
//     that were available for DefaultPatience do not count, nor pods that were seen terminating.
//     A Memory begins with a pod that is not available: if every assessment finds an available
//     pod, it knows of no failure.
//
// It believes the lists. Assess is for those who list nodes and pods: without them, use OfObject.
// If the nodes were not listed, NodesMissing says so; if the pods were not, a pass seems to create
// them all. Either rollout progresses for ever.
//
// A node that joins a complete rollout is unavailable until its first pod is available. It
// does not begin a rollout.
//
// Assess looks at every node and pod. The snapshot and the options are not changed, and the
// result refers to the snapshot's pods and nodes.
//
// Assess fails with a *field.Error if the snapshot is nil or zero, and if the strategy is
// RollingUpdate and it has outdated pods with the hash label of a revision and no revisions,
// because nobody then knows which pods are outdated. It also fails if rollout.SyncSnapshot or
// rollout.NextStep fails.
func Assess(s *daemon.Snapshot, opts Options) (*Assessment, error) {
	if s == nil || s.DaemonSet() == nil {
		return nil, field.Required(field.NewPath("snapshot"), "")
	}
	pass := rollout.Options{Policy: opts.Policy, CanaryTrial: opts.CanaryTrial}
	result, err := nextPass(s, pass)
	if err != nil {
		return nil, err
	}
	a := &Assessment{NodesMissing: missesNodes(s)}
	if a.Budget, err = rollout.UsedBudget(s, pass); err != nil {
		return nil, err
	}
	if a.Policy, err = policyStatus(s, pass, result); err != nil {
		return nil, err
	}
	a.count(s)
	before := opts.Memory
	if s.DaemonSet().DeletionTimestamp == nil && len(a.Outdated) > 0 {
		before.CompleteSince = metav1.Time{} // A rollout has begun.
	}
	a.Memory = before.next(s, a.Policy)
	fail := newFailures(s, &a.Memory)
	a.LastChange = lastChange(s, a.Policy, fail)
	a.CreateCount, a.DeleteCount = len(result.Plan.Create), len(result.Plan.Delete)
	if blockers := a.findBlockers(s, result, fail); s.DaemonSet().DeletionTimestamp == nil {
		a.Blockers = blockers
	}
	a.State = a.judge(s, result, fail, opts.patience())
	if a.NodesMissing {
		a.Memory = *opts.Memory.DeepCopy()
	} else {
		a.Memory.note(s, a, fail)
	}
	a.MaybeDisruption = a.maybeDisruption(s, fail)
	return a, nil
}

// missesNodes reports whether no node exists and the status, which a controller wrote, counts
// desired pods.
func missesNodes(s *daemon.Snapshot) bool {
	status := &s.DaemonSet().Status
	return status.ObservedGeneration > 0 && status.DesiredNumberScheduled > 0 &&
		!slices.ContainsFunc(s.Nodes(), func(n daemon.NodeState) bool { return n.Node != nil })
}

// nextPass returns the next pass with what its burst limit defers.
func nextPass(s *daemon.Snapshot, opts rollout.Options) (*rollout.Result, error) {
	result, err := rollout.SyncSnapshot(s, opts)
	if err != nil || result.Plan.CreateDeferred+result.Plan.DeleteDeferred == 0 {
		return result, err
	}
	in := s.Input()
	in.BurstReplicas = -1
	if s, err = daemon.Observe(in); err != nil {
		return nil, err
	}
	return rollout.SyncSnapshot(s, opts)
}

// rolling reports whether the controller replaces outdated pods.
func (a *Assessment) rolling() bool { return a.Budget.Kind != 0 }

// policyStatus returns what the policy does, to outdated pods and to what reconciling
// would write.
func policyStatus(s *daemon.Snapshot, pass rollout.Options, result *rollout.Result) (rollout.PolicyStatus, error) {
	status := result.Policy
	if result.Step == nil && s.DaemonSet().DeletionTimestamp == nil {
		step, err := rollout.NextStep(s, pass)
		if err != nil {
			return rollout.PolicyStatus{}, err
		}
		status = step.Policy
	}
	status.Restricted = slices.Clone(status.Restricted)
	for _, r := range result.Restricted {
		i, found := slices.BinarySearchFunc(status.Restricted, r, func(a, b rollout.Restricted) int { return cmp.Compare(a.By, b.By) })
		if found {
			status.Restricted[i].Nodes += r.Nodes
		} else {
			status.Restricted = slices.Insert(status.Restricted, i, r)
		}
	}
	return status, nil
}

func (a *Assessment) count(s *daemon.Snapshot) {
	for i := range s.Nodes() {
		n := &s.Nodes()[i]
		if n.Decision.Run {
			a.Desired++
			if rollout.NodeComplete(n) {
				a.Complete++
			}
		}
		if n.Node == nil || a.Policy.Ignores(n.Name) {
			continue
		}
		for j := range n.Pods {
			if p := &n.Pods[j]; p.Live() && !p.Updated {
				a.Outdated = append(a.Outdated, p.Pod)
			}
		}
	}
}

func (a *Assessment) judge(s *daemon.Snapshot, result *rollout.Result, fail failures, patience time.Duration) State {
	now := s.Now()
	complete := rollout.Complete(s, a.Policy)
	switch {
	case s.DaemonSet().DeletionTimestamp != nil:
		return StateDeleting
	case !result.Rollback.Skipped():
		return StateProgressing
	case a.NodesMissing:
		return StateProgressing
	case a.Memory.wasComplete() && len(a.Outdated) == 0:
		return StateComplete
	case a.changesSomething(result, fail):
		return StateProgressing
	case complete && len(a.Blockers) == 0:
		return StateComplete
	case !a.rolling() && len(a.Blockers) == 0, result.NeedsDecision():
		return StateWaiting
	case goesOn(result), slices.ContainsFunc(a.Blockers, func(b Blocker) bool { return b.ends(now) }):
		return StateProgressing
	case complete:
		// A pod that has become available in time has DefaultPatience to settle.
		now = a.lastAvailable(now)
	}
	if patience > 0 && !a.LastChange.IsZero() && now.Sub(a.LastChange) >= patience {
		return StateStalled
	}
	return StateProgressing
}

// lastAvailable returns when the last of the pods that are not settled became available.
func (a *Assessment) lastAvailable(now time.Time) time.Time {
	var last time.Time
	for i := range a.Blockers {
		until := a.Blockers[i].Until
		if until.IsZero() {
			return now
		}
		last = podstatus.Latest(last, until.Add(-DefaultPatience))
	}
	return last
}

// changesSomething reports whether a pass changes the rollout.
func (a *Assessment) changesSomething(result *rollout.Result, fail failures) bool {
	counts := func(node string) bool {
		_, fails := fail.since(node)
		_, may := fail.sinceUnknown(fail.s.Node(node))
		return !fails && !may && !a.Policy.Ignores(node)
	}
	plan := &result.Plan
	return result.Outcome == rollout.OutcomeCollision ||
		slices.ContainsFunc(plan.Create, func(c daemon.Create) bool { return counts(c.Node) }) ||
		slices.ContainsFunc(plan.Delete, func(d daemon.Delete) bool { return counts(d.Node) })
}

// hasOutdated reports whether outdated pods are left, be they live or not, on nodes that
// exist and that the policy does not ignore.
func (a *Assessment) hasOutdated(s *daemon.Snapshot) bool {
	return slices.ContainsFunc(s.Nodes(), func(n daemon.NodeState) bool {
		return n.Node != nil && !a.Policy.Ignores(n.Name) && slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return !p.Updated })
	})
}

// maybeDisruption reports whether a rollout cannot be told from a disruption.
func (a *Assessment) maybeDisruption(s *daemon.Snapshot, fail failures) bool {
	if a.State == StateComplete || a.State == StateDeleting || a.Memory.SawRollout {
		return false
	}
	unavailable, pods := false, false
	for i := range s.Nodes() {
		if n := &s.Nodes()[i]; n.Decision.Run && !a.Policy.Ignores(n.Name) {
			_, unsettled := fail.unsettled(n)
			unavailable = unavailable || unsettled || !rollout.NodeComplete(n)
			pods = pods || len(n.Pods) > 0
		}
	}
	return unavailable && pods
}

// goesOn reports whether the policy allows more at a time that is known.
func goesOn(result *rollout.Result) bool {
	return result.Step != nil && result.Step.Plan.RequeueAfter > 0 ||
		slices.ContainsFunc(result.Restricted, func(r rollout.Restricted) bool { return r.By == rollout.RestrictionSlowStart })
}
