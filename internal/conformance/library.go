package conformance

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// Report is what the library returns beside the writes of its pass.
type Report struct {
	// Synced says that the pass was made to the end, Collision that it ended with a
	// name collision.
	Synced, Collision bool
	// Settled says that the pass settled the history, Observed that it got to the
	// pods, and Stepped that it took an update step.
	Settled, Observed, Stepped bool
	// Hash is that of the current revision.
	Hash string
	// CreateDeferred and DeleteDeferred count what the burst limit put off.
	CreateDeferred, DeleteDeferred int

	result *rollout.Result
}

// String returns the library's own text.
func (r *Report) String() string { return r.result.String() }

func newReport(result *rollout.Result) *Report {
	r := &Report{result: result}
	if result == nil {
		r.result = &rollout.Result{}
		return r
	}
	r.Synced, r.Collision = result.Outcome == rollout.OutcomeSynced, result.Outcome == rollout.OutcomeCollision
	if result.Revisions != nil {
		r.Settled, r.Hash = true, result.Revisions.Hash
	}
	r.Observed, r.Stepped = result.Snapshot != nil, result.Step != nil
	r.CreateDeferred, r.DeleteDeferred = result.Plan.CreateDeferred, result.Plan.DeleteDeferred
	return r
}

// Library makes the library's pass over a state. The report is never nil.
func Library(s *State) (*Pass, *Report) {
	out := &Pass{}
	var result *rollout.Result
	func() {
		defer func() { out.Panic = recover() }()
		result, out.Err = rollout.Sync(s.input(), s.options())
	}()
	if result == nil {
		out.Backoff = live(s, s.Backoff)
	} else {
		out.fill(s, result)
	}
	return out, newReport(result)
}

// fill takes over what the library returned for a state.
func (p *Pass) fill(s *State, result *rollout.Result) {
	if revisions := result.Revisions; revisions != nil {
		for _, c := range revisions.Claims {
			p.RevisionPatches = append(p.RevisionPatches, Patch{c.Revision.Name, types.StrategicMergePatchType, string(c.Patch)})
		}
		for _, r := range revisions.Relabel {
			p.PodPatches = append(p.PodPatches, Patch{r.Pod.Name, types.MergePatchType, string(r.Patch)})
		}
		if revisions.Create != nil {
			p.RevisionCreates = append(p.RevisionCreates, revisions.Create)
		}
		p.RevisionUpdates = append(p.RevisionUpdates, revisions.Label...)
		if revisions.Update != nil {
			p.RevisionUpdates = append(p.RevisionUpdates, revisions.Update)
		}
		for _, r := range revisions.Duplicates {
			p.RevisionDeletes = append(p.RevisionDeletes, r.Name)
		}
	}
	for _, r := range result.CleanUp {
		p.RevisionDeletes = append(p.RevisionDeletes, r.Name)
		for i, u := range p.RevisionUpdates {
			if u.Name == r.Name {
				p.RevisionUpdates = slices.Delete(p.RevisionUpdates, i, i+1)
				break
			}
		}
	}
	for _, c := range result.Claims {
		p.PodPatches = append(p.PodPatches, Patch{c.Pod.Name, types.StrategicMergePatchType, string(c.Patch)})
	}
	for _, c := range result.Plan.Create {
		p.Creates = append(p.Creates, c.Pod)
	}
	for _, d := range result.Plan.Delete {
		p.Deletes = append(p.Deletes, d.Pod.Name)
	}
	for _, e := range result.Plan.Events {
		p.Events = append(p.Events, e.String())
	}
	p.Status = result.Status
	p.RequeueAfter = result.Plan.RequeueAfter
	for key, e := range s.input().Backoff.With(result.Plan.BackoffChanges) {
		p.Backoff = append(p.Backoff, Backoff{key.UID, key.ObservedGeneration, key.Node, e.Last, e.Delay})
	}
	p.Backoff = live(s, p.Backoff)
}

// live returns the entries that have not expired: upstream collects those
// from time to time, and nobody looks at them (hasExpired@v0.37.2).
func live(s *State, entries []Backoff) []Backoff {
	const max = 15 * 60e9
	var out []Backoff
	for _, e := range entries {
		if s.Now.Sub(e.Last) <= 2*max {
			out = append(out, e)
		}
	}
	return sortBackoff(out)
}

// places names what the pass has to do with: its outcome, and every kind of
// creation, deletion, event and claim.
func (r *Report) places() []string {
	result := r.result
	var out []string
	note := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	note("outcome: %v", result.Outcome)
	for _, p := range result.Plan.Create {
		note("create: %v", p.Reason)
	}
	for _, p := range result.Plan.Delete {
		note("delete: %v", p.Reason)
	}
	for _, e := range result.Plan.Events {
		note("event: %s", e.Reason)
	}
	for _, p := range result.Claims {
		note("%v pod", p.Claim)
	}
	if p := result.Revisions; p != nil {
		for _, c := range p.Claims {
			note("%v revision", c.Claim)
		}
		for what, met := range map[string]bool{
			"create revision": p.Create != nil, "update revision": p.Update != nil, "label revision": len(p.Label) > 0,
			"duplicate revisions": len(p.Duplicates) > 0, "relabel pods": len(p.Relabel) > 0,
		} {
			if met {
				note("%s", what)
			}
		}
	}
	if len(result.CleanUp) > 0 {
		note("clean-up of history")
	}
	return out
}

// libraryPlaces are those of Report.places that random scenarios have to get to.
func libraryPlaces() []string {
	out := []string{
		"create revision", "update revision", "label revision", "duplicate revisions", "relabel pods", "clean-up of history",
		"event: " + daemon.EventSelectingAll, "event: " + daemon.EventFailedDaemonPod, "event: " + daemon.EventSucceededDaemonPod,
	}
	for _, o := range []rollout.Outcome{rollout.OutcomeSynced, rollout.OutcomeAwaitingWrites, rollout.OutcomeNoHistory, rollout.OutcomeSelectsEverything,
		rollout.OutcomeDeleting, rollout.OutcomeCollision} {
		out = append(out, fmt.Sprintf("outcome: %v", o))
	}
	for r := daemon.CreateReasonMissing; r <= daemon.CreateReasonUnavailable; r++ {
		out = append(out, fmt.Sprintf("create: %v", r))
	}
	for r := daemon.DeleteReasonPodFailed; r <= daemon.DeleteReasonNotEligible; r++ {
		out = append(out, fmt.Sprintf("delete: %v", r))
	}
	for _, c := range []daemon.Claim{daemon.ClaimAdopt, daemon.ClaimRelease} {
		out = append(out, fmt.Sprintf("%v pod", c), fmt.Sprintf("%v revision", c))
	}
	return out
}

// kept is the library's kept state of one DaemonSet, with the facts that it has been
// told.
type kept struct {
	state *rollout.State
	told  *State
}

// keep makes a kept state. The objects of s must not be changed from then on.
func keep(s *State) (*kept, error) {
	state, err := rollout.NewState(s.input())
	return &kept{state: state, told: s}, err
}

// update tells the kept state everything that is not as it was told before.
func (k *kept) update(s *State) error {
	var c daemon.Changes
	if !equality.Semantic.DeepEqual(s.DaemonSet, k.told.DaemonSet) {
		c.DaemonSet = s.DaemonSet
	}
	here := s.DaemonSet.Namespace
	c.Nodes, c.DeletedNodes = changes(k.told.Nodes, s.Nodes, "")
	c.Pods, c.DeletedPods = changes(k.told.Pods, s.Pods, here)
	c.Revisions, c.DeletedRevisions = changes(k.told.Revisions, s.Revisions, here)
	k.told = s
	return k.state.Update(c)
}

// changes returns the objects of a namespace that are new or have changed, and the
// names of those that are gone.
func changes[T metav1.Object](before, after []T, namespace string) (changed []T, deleted []string) {
	gone := map[string]T{}
	for _, o := range before {
		if o.GetNamespace() == namespace {
			gone[o.GetName()] = o
		}
	}
	for _, o := range after {
		if o.GetNamespace() != namespace {
			continue
		}
		if old, ok := gone[o.GetName()]; !ok || !equality.Semantic.DeepEqual(old, o) {
			changed = append(changed, o)
		}
		delete(gone, o.GetName())
	}
	return changed, slices.Sorted(maps.Keys(gone))
}
