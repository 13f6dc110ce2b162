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

	"github.com/pernode/daemonset/placement"
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
			want := count / 2000
			if slices.Contains(orderPlaces, what) {
				want = count / 1000
			}
			if got := met.counts[what]; got < want {
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
	if cut := met.counts[cutCreates] + met.counts[cutDeletes]; cut < 10 {
		t.Errorf("%d large states met the burst limit, want 10:\n%s", cut, met)
	}
}

// passes compares one pass of both sides over each state.
func passes(t *testing.T, count int, state func(u *Upstream, number uint64) *State) *tally {
	var met tally
	var failed failures
	scenarios(t, count, func(u *Upstream, number uint64) {
		s := state(u, number)
		c := Compare(u, s)
		for _, what := range c.meets(u) {
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
func (c *Comparison) meets(u *Upstream) []string {
	seen := map[string]bool{}
	note := func(met bool, what string) { seen[what] = seen[what] || met }
	for _, what := range c.Report.places() {
		note(true, what)
	}
	for _, d := range c.Deviations {
		note(true, "deviation: "+d)
	}
	note(c.Library.Quiet() && c.Report.Synced, "nothing to write")
	note(c.Chosen, "random choice that differs")
	note(c.Library.Err != nil, "error")
	note(c.Report.Stepped, "update step")
	note(c.Report.Stepped && c.Library.writesPods(), "update step that writes")
	note(c.Library.RequeueAfter > 0, "look again")
	note(c.Library.Status == nil && c.Report.Synced, "status up to date")
	if c.Upstream != nil && c.Upstream.Panic == nil {
		c.orderPlaces(u, note)
	}
	maps.DeleteFunc(seen, func(_ string, met bool) bool { return !met })
	return slices.Collect(maps.Keys(seen))
}

// places are those that random scenarios have to get to.
func places() []string {
	out := append(libraryPlaces(), "nothing to write", "random choice that differs", "error", "update step", "update step that writes",
		"look again", "status up to date")
	out = append(out, orderPlaces...)
	for i := range Deviations {
		if Deviations[i].adapt != nil {
			out = append(out, "deviation: "+Deviations[i].Name)
		}
	}
	return out
}
