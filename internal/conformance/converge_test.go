package conformance

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

var convergeCount = flag.Int("converge-count", 1500, "number of random scenarios that are run to the end")

const maxPasses = 150

// TestConverge runs both sides from the same state, each with a cluster of its
// own, pass after pass until nothing changes, compares the passes on the way and
// holds the ends equal.
func TestConverge(t *testing.T) {
	var met tally
	var failed failures
	scenarios(t, *convergeCount, func(u *Upstream, number uint64) {
		s := Scenario(u, *seed, number)
		restful(s)
		differences := converge(u, s, &met)
		if differences == nil {
			return
		}
		failed.report(t, fmt.Sprintf("seed %d, scenario %d", *seed, number), differences, func() string {
			// Upstream's choices are random, and so may be the failure.
			again := func(s *State) []string {
				for range 5 {
					if d := converge(u, s, nil); d != nil {
						differences = d
						return d
					}
				}
				return nil
			}
			small := Shrink(s, func(s *State) bool { return again(s) != nil })
			again(small)
			return strings.Join(differences, "\n") + "\n" + small.Case(fmt.Sprintf("to the end: seed %d, scenario %d", *seed, number))
		})
	})
	failed.log(t)
	t.Logf("%d scenarios to the end:\n%s", *convergeCount, &met)
}

// restful takes out of a state what keeps both sides from ever coming to rest, and
// a burst limit so low that the end depends on what comes first.
func restful(s *State) {
	ds := s.DaemonSet
	s.AwaitingWrites, s.Backoff, s.BurstReplicas = false, nil, 0
	selector, err := metav1.LabelSelectorAsSelector(ds.Spec.Selector)
	if err != nil || selector.Empty() || !selector.Matches(labels.Set(ds.Spec.Template.Labels)) {
		ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
	}
}

// converge runs both sides to the end and says what went wrong.
func converge(u *Upstream, s *State, met *tally) []string {
	ours, theirs := NewCluster(s), NewCluster(s)
	chosen, ends := false, [2]bool{}
	var differences []string
	for side, c := range []*Cluster{ours, theirs} {
		var kept keptState
		for pass := 1; pass <= maxPasses; pass++ {
			both := Compare(u, c.State)
			if both.Differences != nil {
				return append([]string{fmt.Sprintf("pass %d of side %d: the passes differ", pass, side)}, both.Differences...)
			}
			chosen = chosen || both.Chosen
			// Upstream's pass is the one that its deviations leave it: if it would
			// panic or fail for ever nothing could be compared.
			p := both.Library
			if side == 1 {
				p = both.Upstream
			}
			if side == 0 {
				if d := kept.compare(c.State); d != "" {
					return []string{fmt.Sprintf("pass %d: a kept state gives something else: %s", pass, d)}
				}
			}
			if both.Report.Stepped {
				for name, p := range map[string]*Pass{"library": both.Library, "upstream": both.Upstream} {
					if err := u.CheckBudget(c.State, p, both.Report.Hash); err != nil {
						differences = append(differences, fmt.Sprintf("budget of the %s in pass %d: %v", name, pass, err))
					}
				}
			}
			now, before := c.State.Now, c.summary()+c.history()
			if err := c.Apply(p); err != nil {
				return []string{fmt.Sprintf("patches of pass %d: %v", pass, err)}
			}
			c.Tick()
			if p.Quiet() && !c.waits && c.summary()+c.history() == before && !c.NextChange(now) {
				ends[side] = true
				if met != nil {
					met.add(fmt.Sprintf("%s at rest after %3d passes at most", []string{"library", "upstream"}[side], (pass/10+1)*10))
				}
				break
			}
		}
	}
	if differences != nil {
		return differences
	}
	if ends[0] != ends[1] {
		return []string{fmt.Sprintf("at rest within %d passes: library %t, upstream %t", maxPasses, ends[0], ends[1])}
	}
	if !ends[0] {
		if met != nil {
			met.add("neither at rest")
		}
		return nil
	}
	if a, b := theirs.summary(), ours.summary(); a != b {
		differences = append(differences, fmt.Sprintf("the ends differ: (-upstream +library):\n%s", diff(strings.Split(a, "\n"), strings.Split(b, "\n"))))
	}
	if a, b := theirs.history(), ours.history(); !chosen && a != b {
		differences = append(differences, fmt.Sprintf("the histories differ: (-upstream +library):\n%s", diff(strings.Split(a, "\n"), strings.Split(b, "\n"))))
	}
	return differences
}

// keptState feeds the library's kept state with what changes from pass to pass.
type keptState struct {
	*kept
	backoff daemon.Backoff
}

// compare makes a pass with the kept state and says how it differs from one that is
// made from scratch, with the backoff of the pass before.
func (k *keptState) compare(s *State) string {
	s = s.DeepCopy()
	in := s.input()
	if k.kept != nil {
		in.Backoff = k.backoff
	}
	want, wantErr := rollout.Sync(in, s.options())
	var err error
	if k.kept == nil {
		k.kept, err = keep(s)
	} else {
		err = k.update(s)
	}
	if err != nil {
		// What cannot be told cannot be synced.
		k.kept = nil
		if wantErr == nil {
			return fmt.Sprintf("the facts are refused: %v", err)
		}
		return ""
	}
	got, gotErr := k.state.Sync(s.Now, s.options())
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		return fmt.Sprintf("error %v, from scratch %v", gotErr, wantErr)
	}
	if got != nil {
		k.backoff = in.Backoff.With(got.Plan.BackoffChanges)
	}
	return diff(want, got)
}
