package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pernode/daemonset/rollout"
)

// sinceStart writes the times in a text as times since a rollout began, unless they are before that: a
// cluster that was given no clock has one that means nothing.
func sinceStart(text string, began time.Time, times []time.Time) string {
	if began.IsZero() {
		return text
	}
	var pairs []string
	for _, at := range slices.CompactFunc(slices.SortedFunc(slices.Values(times), time.Time.Compare), time.Time.Equal) {
		if at.Before(began) {
			continue
		}
		words := "the start"
		if since := at.Sub(began).Round(time.Second); since > 0 {
			words = fmt.Sprintf("%v after the start", since)
		}
		pairs = append(pairs, at.UTC().Format(time.RFC3339), words)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// policyTimes are the times in the text of a status.
func policyTimes(status *rollout.PolicyStatus) []time.Time {
	times := []time.Time{status.NextIgnored}
	if status.Canary != nil {
		times = append(times, status.Canary.Until)
	}
	return times
}

// times are those in the text of an end.
func (e *End) times() []time.Time {
	var times []time.Time
	if e.Last != nil {
		times = policyTimes(&e.Last.Policy)
	}
	for i := range e.Blockers { // Incomplete has no others.
		b := &e.Blockers[i]
		times = append(times, b.Since, b.Until, b.FailingSince)
		if b.NodeReady != nil {
			times = append(times, b.NodeReady.LastTransitionTime.Time)
		}
	}
	return times
}
