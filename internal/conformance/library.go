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
	for key, e := range result.Plan.Backoff {
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
