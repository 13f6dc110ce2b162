package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/rollout/health"
)

func TestBad(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		a         answer
		want      bool
	}{
		{"complete", "well", answer{State: "complete"}, false},
		{"stalled", "somebody has to look", answer{State: "stalled"}, true},
		{"disrupted", "pods are gone", answer{State: "disrupted", NotReady: 1}, true},
		{"progressing without ready nodes", "pods are gone", answer{State: "progressing", NotReady: 1}, true},
		{"overdue", "nobody works on it", answer{State: "progressing", DueSince: testNow}, true},
		{"unobserved", "somebody may be about to", answer{State: "progressing", Unobserved: 1}, false},
		{"repaired", "the manifest decides", answer{State: "stalled", Proposal: &proposal{}}, false},
		{"not repaired", "it changes nothing", answer{State: "stalled", Proposal: &proposal{NoChange: true}}, true},
		{"hurts", "it takes pods away, for instance", answer{State: "complete", Proposal: &proposal{hurts: true}}, true},
		{"refused", "what is there decides", answer{State: "complete", Proposal: &proposal{hurts: true, Refused: []*manifest.Error{{}}}}, false},
	} {
		if got := tc.a.bad(); got != tc.want {
			t.Errorf("%s: bad() = %t, want %t: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

func TestBlockersOrder(t *testing.T) {
	var got []string
	for _, b := range blockers(&health.Assessment{Blockers: []health.Blocker{
		{Node: "a", Kind: health.BlockerNotReady}, {Node: "b", Kind: health.BlockerImage}, {Node: "c", Kind: health.BlockerNotReady},
	}}) {
		got = append(got, b.Node)
	}
	if diff := cmp.Diff([]string{"b", "a", "c"}, got); diff != "" {
		t.Errorf("blockers (-want +got):\n%s", diff)
	}
}

// Answers of one line stand together, longer ones apart.
func TestBlankLines(t *testing.T) {
	short, long := &answer{Name: "s", State: "complete"}, &answer{Name: "l", State: "stalled"}
	var out strings.Builder
	(&report{DaemonSets: []*answer{long, short, short, long}}).write(&out)
	if want := "/l: \n\n/s: \n/s: \n\n/l: \n"; out.String() != want {
		t.Errorf("write = %q, want %q", out.String(), want)
	}
}

func TestChangeTexts(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		change    *change
		want      string
	}{
		{"nil", "nothing changes", nil, ""},
		{"same meaning", "API servers of different versions encode a template", &change{From: 2, To: 3},
			"revision 2 means the same as the template but is encoded differently: its pods count as outdated"},
		{"one", "it fits on the line", &change{From: 2, To: 3, Fields: []string{"a"}}, "revision 2 to 3: a"},
		{"two", "one below the other", &change{From: 2, To: 3, Fields: []string{"a", "b"}}, "revision 2 to 3: |a|b"},
	} {
		if got := strings.Join(tc.change.texts(), "|"); got != tc.want {
			t.Errorf("%s: texts() = %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}
