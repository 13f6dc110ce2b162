package simulate_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestOneClock: passes and the End count all times from the beginning. The clock of a cluster that was
// given none means nothing.
func TestOneClock(t *testing.T) {
	wait := metav1.Duration{Duration: 10 * time.Minute}
	in := outdated(build.Set{}, build.Nodes("a", "b")...)
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), Wait: wait}, IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: time.Hour}}}
	said := false
	for pass, err := range simulate.Run(in, simulate.Options{Policy: policy}) {
		if err != nil {
			t.Fatal(err)
		}
		text := pass.String()
		if strings.Contains(text, "Z") {
			t.Errorf("pass with the time of a clock: %s", text)
		}
		said = said || strings.Contains(text, "canary waiting on a until 10m12s after the start")
	}
	if !said {
		t.Error("no pass says until when the canary waits, counted from the start")
	}
}

func TestSinceStart(t *testing.T) {
	began := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	end := func(since time.Time) *simulate.End {
		return &simulate.End{
			State: simulate.EndStalled, Time: began.Add(time.Minute), Took: time.Minute,
			Incomplete: []simulate.IncompleteNode{{Blockers: []health.Blocker{{Kind: health.BlockerStuckTerminating, Since: since, FailingSince: began.Add(3 * time.Second)}}}},
			Blockers:   []health.Blocker{{Kind: health.BlockerStuckTerminating, Since: since, FailingSince: began.Add(3 * time.Second)}},
			Last:       &rollout.Result{Policy: rollout.PolicyStatus{NextIgnored: began.Add(time.Hour)}},
		}
	}
	for _, tc := range []struct {
		name, why string
		since     time.Time
		want      string
	}{
		{"later", "it is a time of the rollout", began.Add(12 * time.Second), "terminating since 12s after the start, past"},
		{"at the start", "nothing is after it", began, "terminating since the start, past"},
		{"before", "the facts have that time", began.Add(-time.Hour), "terminating since 2026-01-01T11:00:00Z, past"},
	} {
		if got := end(tc.since).String(); !strings.Contains(got, tc.want) || !strings.Contains(got, "the policy ignores another node at 1h0m0s after the start") || !strings.Contains(got, "pods keep failing since 3s after the start") {
			t.Errorf("%s: String() = %s\nwant %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

// TestHintsOnce: what holds for the whole rollout is said at its beginning and in its End.
func TestHintsOnce(t *testing.T) {
	const hint = `OneDomain.First names "zz", which no eligible node has`
	a, b := build.Node{Name: "a", Labels: build.Labels{"zone": "x"}}.Object(), build.Node{Name: "b", Labels: build.Labels{"zone": "y"}}.Object()
	in := outdated(build.Set{}, a, b)
	policy := rollout.Policy{
		OneDomain: &rollout.OneDomain{Label: "zone", First: []string{"zz"}},
		Canary:    &rollout.Canary{Nodes: intstr.FromInt32(1), Spread: []string{"rack"}},
	}
	var with, spread []int
	last := 0
	for pass, err := range simulate.Run(in, simulate.Options{Policy: policy}) {
		if err != nil {
			t.Fatal(err)
		}
		text := pass.String()
		if pass.End != nil {
			if !strings.Contains(text, hint) {
				t.Errorf("End = %s, want %q", text, hint)
			}
			continue
		}
		last = pass.Number
		if strings.Contains(text, hint) {
			with = append(with, pass.Number)
		}
		if strings.Contains(text, "rack") {
			spread = append(spread, pass.Number)
		}
	}
	if len(with) != 1 || with[0] != 1 || len(spread) != 1 || spread[0] != 1 || last < 4 {
		t.Errorf("of %d passes %v say %q, and %v that no node has a rack, want the first", last, with, hint, spread)
	}
}
