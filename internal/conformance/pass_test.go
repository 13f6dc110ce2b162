package conformance

import (
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
)

var (
	seed  = flag.Uint64("seed", 1, "seed of the random scenarios")
	count = flag.Int("count", 25_000, "number of random scenarios of one pass")
	only  = flag.Int("only", -1, "number of the one scenario to run, of those that -seed and -count stand for")
)

// scenarios runs a test on every scenario, on all processors.
func scenarios(t *testing.T, count int, test func(u *Upstream, number uint64)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			u, err := NewUpstream()
			if err != nil {
				t.Error(err)
				return
			}
			for n := int(next.Add(1) - 1); n < count; n = int(next.Add(1) - 1) {
				if *only < 0 || *only == n {
					test(u, uint64(n))
				}
			}
		})
	}
	workers.Wait()
}

// tally counts what scenarios have met. It is safe for concurrent use.
type tally struct {
	sync.Mutex
	counts map[string]int
}

func (y *tally) add(what string) {
	y.Lock()
	defer y.Unlock()
	if y.counts == nil {
		y.counts = map[string]int{}
	}
	y.counts[what]++
}

func (y *tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(y.counts)) {
		fmt.Fprintf(&b, "%8d  %s\n", y.counts[what], what)
	}
	return b.String()
}

// failures prints the first two failing scenarios of every kind, made small.
type failures struct {
	kinds, total tally
}

func (f *failures) report(t *testing.T, what string, differences []string, small func() string) {
	t.Helper()
	f.total.add("scenarios that differ")
	fresh := false
	for _, d := range differences {
		kind, _, _ := strings.Cut(d, ":")
		words := strings.Fields(kind)
		kind = strings.Join(words[:min(2, len(words))], " ")
		f.kinds.add(kind)
		f.kinds.Lock()
		fresh = fresh || f.kinds.counts[kind] <= 2
		f.kinds.Unlock()
	}
	if !fresh {
		t.Fail()
		return
	}
	t.Errorf("%s: made small, it reads\n%s", what, small())
}

func (f *failures) log(t *testing.T) {
	if len(f.total.counts) > 0 {
		t.Logf("%s\n%s", &f.total, &f.kinds)
	}
}

// TestPass compares one pass of both sides over random states, a tenth as many
// of them with the feature gate on.
func TestPass(t *testing.T) {
	gates(t, func(t *testing.T, opts placement.Options) {
		count := *count
		if opts.ComparisonOperators {
			count = (count + 9) / 10
		}
		met := passes(t, count, func(u *Upstream, number uint64) *State {
			s := Scenario(u, *seed, number)
			s.ComparisonOperators = opts.ComparisonOperators
			return s
		})
		t.Logf("met by %d scenarios:\n%s", count, met)
		if *only >= 0 || opts.ComparisonOperators {
			return
		}
		// A generator that no longer gets to a place would let everything pass there.
		for _, what := range places() {
			if got, want := met.counts[what], count/2000; got < want {
				t.Errorf("%d of %d scenarios meet %q, want at least %d", got, count, what, want)
			}
		}
	})
}

// TestLargePass compares passes that upstream's own burst limit cuts short.
func TestLargePass(t *testing.T) {
	met := passes(t, 60, func(u *Upstream, number uint64) *State {
		s := generate(*seed, number, 600+int(number))
		s.BurstReplicas = 0
		return s
	})
	if met.counts["burst limit"] < 10 {
		t.Errorf("%d large states met the burst limit, want 10:\n%s", met.counts["burst limit"], met)
	}
}

// passes compares one pass of both sides over each state.
func passes(t *testing.T, count int, state func(u *Upstream, number uint64) *State) *tally {
	var met tally
	var failed failures
	scenarios(t, count, func(u *Upstream, number uint64) {
		s := state(u, number)
		c := Compare(u, s)
		for _, what := range c.meets() {
			met.add(what)
		}
		if c.Differences == nil {
			return
		}
		failed.report(t, fmt.Sprintf("seed %d, scenario %d", *seed, number), c.Differences, func() string {
			small := Shrink(s, func(s *State) bool { return Compare(u, s).Differences != nil })
			note := "\n"
			if again, err := Parse(small.YAML()); err != nil || Compare(u, again).Differences == nil {
				note = "\n(read back, the case does not fail: text does not tell empty maps from missing ones)\n"
			}
			return strings.Join(Compare(u, small).Differences, "\n") + note + small.Case(fmt.Sprintf("seed %d, scenario %d", *seed, number))
		})
	})
	failed.log(t)
	return &met
}

// meets names the places that a scenario has been to.
func (c *Comparison) meets() []string {
	r := c.Result
	seen := map[string]bool{}
	note := func(format string, args ...any) { seen[fmt.Sprintf(format, args...)] = true }
	note("outcome: %v", r.Outcome)
	for _, d := range c.Deviations {
		note("deviation: %s", d)
	}
	if c.Library.Quiet() && r.Outcome == rollout.OutcomeSynced {
		note("nothing to write")
	}
	if c.Chosen {
		note("random choice that differs")
	}
	if c.Library.Err != nil {
		note("error")
	}
	for _, p := range r.Plan.Create {
		note("create: %v", p.Reason)
	}
	for _, p := range r.Plan.Delete {
		note("delete: %v", p.Reason)
	}
	for _, e := range r.Plan.Events {
		note("event: %s", e.Reason)
	}
	for _, p := range r.Claims {
		note("%v pod", p.Claim)
	}
	if r.Step != nil {
		note("update step")
		if !r.Plan.Empty() {
			note("update step that writes")
		}
	}
	if r.Plan.CreateDeferred+r.Plan.DeleteDeferred > 0 {
		note("burst limit")
	}
	if r.Plan.RequeueAfter > 0 {
		note("look again")
	}
	if r.Status == nil && r.Outcome == rollout.OutcomeSynced {
		note("status up to date")
	}
	if len(r.CleanUp) > 0 {
		note("clean-up of history")
	}
	if p := r.Revisions; p != nil {
		for _, c := range p.Claims {
			note("%v revision", c.Claim)
		}
		if p.Create != nil {
			note("create revision")
		}
		if p.Update != nil {
			note("update revision")
		}
		if len(p.Label) > 0 {
			note("label revision")
		}
		if len(p.Duplicates) > 0 {
			note("duplicate revisions")
		}
		if len(p.Relabel) > 0 {
			note("relabel pods")
		}
	}
	return slices.Collect(maps.Keys(seen))
}

// places are those that random scenarios have to get to.
func places() []string {
	out := []string{
		"nothing to write", "random choice that differs", "error", "update step", "update step that writes", "burst limit", "look again",
		"status up to date", "clean-up of history", "create revision", "update revision", "label revision", "duplicate revisions",
		"relabel pods", "event: " + daemon.EventSelectingAll, "event: " + daemon.EventFailedDaemonPod, "event: " + daemon.EventSucceededDaemonPod,
	}
	for _, o := range []rollout.Outcome{rollout.OutcomeSynced, rollout.OutcomeAwaitingWrites, rollout.OutcomeSelectsEverything,
		rollout.OutcomeDeleting, rollout.OutcomeCollision} {
		out = append(out, fmt.Sprintf("outcome: %v", o))
	}
	for r := daemon.CreateMissing; r <= daemon.CreateUnavailable; r++ {
		out = append(out, fmt.Sprintf("create: %v", r))
	}
	for r := daemon.DeleteFailed; r <= daemon.DeleteUnavailable; r++ {
		out = append(out, fmt.Sprintf("delete: %v", r))
	}
	for _, c := range []daemon.Claim{daemon.ClaimAdopt, daemon.ClaimRelease} {
		out = append(out, fmt.Sprintf("%v pod", c), fmt.Sprintf("%v revision", c))
	}
	for i := range Deviations {
		if Deviations[i].adapt != nil {
			out = append(out, "deviation: "+Deviations[i].Name)
		}
	}
	return out
}
