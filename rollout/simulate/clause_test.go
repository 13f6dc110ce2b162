package simulate

import (
	"strings"
	"testing"
	"time"
)

func TestClause(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		end       *End
		want      string
	}{
		{"nil", "nothing was played", nil, "no end"},
		{"complete", "the counts are left out", &End{State: EndComplete, Took: 34 * time.Second, Passes: 7, LowestAvailable: 1, LowestOf: 3}, "complete after 34s"},
		{"at once", "no time has passed", &End{State: EndStalled, LowestAvailable: 3, LowestOf: 3}, "stalled from the start"},
		{"one pass", "it is made at the start", &End{State: EndStalled, Passes: 1}, "stalled from the start"},
		{"no node", "pods were replaced", &End{State: EndStalled, Passes: 3, LowestAvailable: 2, LowestOf: 3}, "stalled without completing a node"},
		{"no node yet", "pods were replaced", &End{State: EndWaiting, Passes: 2}, "waiting without completing a node"},
		{"complete before", "nothing was left to complete", &End{State: EndComplete, Passes: 2}, "complete from the start"},
		{"nowhere", "so is that there are no pods", &End{State: EndComplete}, "complete from the start"},
		{"waiting", "it is about the first line", &End{State: EndWaiting, Took: 2 * time.Minute, Incomplete: make([]IncompleteNode, 1)}, "waiting after 2m0s"},
	} {
		got := tc.end.Clause()
		if got != tc.want {
			t.Errorf("%s: Clause() = %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
		if text := tc.end.String(); !strings.HasPrefix(text, got) {
			t.Errorf("%s: String() = %q, want %q first", tc.name, text, got)
		}
	}
	if got, want := (&End{State: EndComplete, Took: 33*time.Second + 600*time.Millisecond}).Clause(), "complete after 34s"; got != want {
		t.Errorf("Clause() = %q, want %q: seconds are exact enough", got, want)
	}
}
