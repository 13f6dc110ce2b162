package conformance

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/rollout"
)

// Library makes the library's pass over a state. The second result is what
// rollout.Sync returned.
func Library(s *State) (*Pass, *rollout.Result) {
	out := &Pass{}
	var result *rollout.Result
	func() {
		defer func() { out.Panic = recover() }()
		result, out.Err = rollout.Sync(s.input())
	}()
	if result == nil {
		out.Backoff = live(s, s.Backoff)
		return out, nil
	}
	out.fill(s, result)
	return out, result
}

// fill takes over what the library returned for a state.
func (out *Pass) fill(s *State, result *rollout.Result) {
	if revisions := result.Revisions; revisions != nil {
		for _, c := range revisions.Claims {
			out.RevisionPatches = append(out.RevisionPatches, Patch{c.Revision.Name, types.StrategicMergePatchType, string(c.Patch)})
		}
		for _, r := range revisions.Relabel {
			out.PodPatches = append(out.PodPatches, Patch{r.Pod.Name, types.MergePatchType, string(r.Patch)})
		}
		if revisions.Create != nil {
			out.RevisionCreates = append(out.RevisionCreates, revisions.Create)
		}
		out.RevisionUpdates = append(out.RevisionUpdates, revisions.Label...)
		if revisions.Update != nil {
			out.RevisionUpdates = append(out.RevisionUpdates, revisions.Update)
		}
		for _, r := range revisions.Duplicates {
			out.RevisionDeletes = append(out.RevisionDeletes, r.Name)
		}
	}
	for _, r := range result.CleanUp {
		out.RevisionDeletes = append(out.RevisionDeletes, r.Name)
		for i, u := range out.RevisionUpdates {
			if u.Name == r.Name {
				out.RevisionUpdates = slices.Delete(out.RevisionUpdates, i, i+1)
				break
			}
		}
	}
	for _, c := range result.Claims {
		out.PodPatches = append(out.PodPatches, Patch{c.Pod.Name, types.StrategicMergePatchType, string(c.Patch)})
	}
	for _, c := range result.Plan.Create {
		out.Creates = append(out.Creates, c.Pod)
	}
	for _, d := range result.Plan.Delete {
		out.Deletes = append(out.Deletes, d.Pod.Name)
	}
	for _, e := range result.Plan.Events {
		out.Events = append(out.Events, e.String())
	}
	out.Status = result.Status
	out.RequeueAfter = result.Plan.RequeueAfter
	for key, e := range result.Plan.Backoff {
		out.Backoff = append(out.Backoff, Backoff{key.UID, key.ObservedGeneration, key.Node, e.Last, e.Delay})
	}
	out.Backoff = live(s, out.Backoff)
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
