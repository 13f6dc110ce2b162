package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// page is what a page knows: it sends requests and keeps the answers.
type page struct {
	t      testing.TB
	engine Engine
	texts  Texts
	view   *View
}

// ask sends a request, and fails the test if the answer is an error.
func (p *page) ask(req Request) *Response {
	p.t.Helper()
	resp := p.try(req)
	if resp.Error != "" {
		p.t.Fatalf("%s: %s", req.Do, resp.Error)
	}
	return resp
}

func (p *page) try(req Request) *Response {
	p.t.Helper()
	in, err := json.Marshal(&req)
	if err != nil {
		p.t.Fatal(err)
	}
	var resp Response
	if err := json.Unmarshal(p.engine.Handle(in, time.Now), &resp); err != nil {
		p.t.Fatal(err)
	}
	if resp.Texts != nil {
		p.texts = *resp.Texts
	}
	if resp.View != nil {
		p.view = resp.View
	}
	return &resp
}

func open(t testing.TB, start string) *page {
	t.Helper()
	p := &page{t: t}
	p.ask(Request{Do: "start", Name: start})
	return p
}

// Every start begins with a complete rollout, and its manifest has no findings.
func TestStarts(t *testing.T) {
	for _, start := range Starts() {
		t.Run(start.Name, func(t *testing.T) {
			p := &page{t: t}
			resp := p.ask(Request{Do: "start", Name: start.Name})
			if p.view.State != "complete" || p.view.Desired == 0 || p.view.Available != p.view.Desired {
				t.Errorf("state %s, %d of %d available, want complete: %s", p.view.State, p.view.Available, p.view.Desired, p.view.Verdict)
			}
			for _, f := range resp.Draft.Findings {
				if f.Severity == "error" {
					t.Errorf("finding %+v, want no errors", f)
				}
			}
			if resp.Draft.Changed || resp.Draft.Impact != "no change" {
				t.Errorf("draft %+v, want no change", resp.Draft)
			}
		})
	}
}

// The lesson is that of the quickstart.
func TestLesson(t *testing.T) {
	for mine, its := range map[string]string{"lesson.yaml": "daemonset.yaml", "lesson-cluster.yaml": "nodes.yaml"} {
		want, err := os.ReadFile(filepath.Join("..", "..", "quickstart", "lesson", its))
		if err != nil {
			t.Fatal(err)
		}
		got, err := startFiles.ReadFile("starts/" + mine)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("starts/%s differs from the quickstart's %s", mine, its)
		}
	}
}

// A missing image stalls the rollout, and the page says on which node and why.
func TestStuck(t *testing.T) {
	p := open(t, "log-agent")
	p.ask(Request{Do: "image", Texts: p.texts})
	draft := p.ask(Request{Do: "check", Texts: p.texts}).Draft
	if !draft.Changed || !strings.Contains(strings.Join(draft.Changes, "\n"), `"registry.example/log-agent:1.8.2" -> "registry.example/log-agent:1.8.3"`) {
		t.Errorf("draft %+v, want the change of the image", draft)
	}
	p.ask(Request{Do: "apply", Texts: p.texts})
	p.ask(Request{Do: "break", Break: &Breakage{What: "image", Zone: "zone-a"}})
	p.ask(Request{Do: "end"})
	if p.view.State != "stalled" || len(p.view.Blockers) == 0 || !strings.Contains(p.view.Verdict, "cannot be pulled") {
		t.Errorf("%s: %s, want a stalled rollout with its image\nblockers %+v", p.view.State, p.view.Verdict, p.view.Blockers)
	}
	if p.view.Cells != "x"+strings.Repeat("o", 11) {
		t.Errorf("cells %s, want the first node broken and the others outdated", p.view.Cells)
	}
	if b := p.view.Budget; b == nil || b.Limit != 1 || len(b.Users) != 1 || b.Users[0].Node != "control-plane-1" {
		t.Errorf("budget %+v, want it used by control-plane-1", b)
	}
	// Repaired, it goes on to the end.
	p.ask(Request{Do: "break", Break: &Breakage{What: "image", Zone: "zone-a", Off: true}})
	p.ask(Request{Do: "end"})
	if p.view.State != "complete" || strings.Trim(p.view.Cells, "u") != "" {
		t.Errorf("%s %s, want all updated: %s", p.view.State, p.view.Cells, p.view.Verdict)
	}
}

// If all nodes leave, the rollout is complete once a pass has written the status.
func TestAllNodesLeave(t *testing.T) {
	p := open(t, "log-agent")
	p.texts.Cluster = "# none"
	p.ask(Request{Do: "apply", Texts: p.texts})
	if p.view.State != "progressing" || !strings.Contains(p.view.Verdict, "no node was given") {
		t.Errorf("%s: %s, want progressing before a pass", p.view.State, p.view.Verdict)
	}
	p.ask(Request{Do: "end"})
	if p.view.State != "complete" || !strings.Contains(p.view.Verdict, "no eligible node") {
		t.Errorf("%s: %s, want complete", p.view.State, p.view.Verdict)
	}
}

// A text with nothing in it has no objects, as manifest.Read sees it.
func TestTextWithNothing(t *testing.T) {
	for _, cluster := range []string{"", "# none\n---\n", "--- # none\n", "null\n", "\ufeff", "...\n"} {
		if _, faults := read(Texts{Manifest: otherManifest, Cluster: cluster}, nil); len(faults) > 0 {
			t.Errorf("cluster %q: %v, want no objects", cluster, faults[0])
		}
	}
}

const otherManifest = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: mine, namespace: default}
spec:
  selector: {matchLabels: {app: mine}}
  template:
    metadata: {labels: {app: mine}}
    spec:
      containers:
      - name: a
        image: example/mine:1
`

// The manifest of another DaemonSet in the editor begins anew with it, on the same nodes.
func TestOtherDaemonSet(t *testing.T) {
	p := open(t, "log-agent")
	p.texts.Manifest = otherManifest
	draft := p.ask(Request{Do: "check", Texts: p.texts}).Draft
	if len(draft.Faults) > 0 || !draft.Restart || !draft.Changed || !strings.Contains(draft.Impact, "default/mine") {
		t.Errorf("draft %+v, want one that begins anew with default/mine", draft)
	}
	p.ask(Request{Do: "image", Texts: p.texts})
	if !strings.Contains(p.texts.Manifest, "example/mine:2") {
		t.Errorf("manifest %q, want another image", p.texts.Manifest)
	}
	resp := p.ask(Request{Do: "apply", Texts: p.texts})
	if p.view.Set != "default/mine" || p.view.State != "complete" || len(p.view.Cells) != 12 || resp.Draft.Changed {
		t.Errorf("shows %s, %s, cells %s, draft %+v; want default/mine on the same nodes", p.view.Set, p.view.State, p.view.Cells, resp.Draft)
	}
}

// A manifest alone, dropped on the page, is an edit: the nodes stay. A list of nodes alone is not.
func TestLoadManifest(t *testing.T) {
	p := open(t, "log-agent")
	cluster := p.texts.Cluster
	resp := p.ask(Request{Do: "load", Text: otherManifest})
	if p.texts.Manifest != otherManifest || p.texts.Cluster != cluster || p.view.Set != "logging/log-agent" || resp.Draft == nil || !resp.Draft.Restart {
		t.Errorf("after a manifest was loaded: texts %+v, set %s, draft %+v; want it in the editor beside the old nodes", p.texts, p.view.Set, resp.Draft)
	}
}

// Texts are weighed once at each frame, until something is done.
func TestWeighedOnce(t *testing.T) {
	p := open(t, "log-agent")
	p.ask(Request{Do: "image", Texts: p.texts})
	p.ask(Request{Do: "apply", Texts: p.texts})
	weigh := func(frame int) *Draft {
		p.ask(Request{Do: "seek", Frame: frame})
		return p.engine.check(p.texts)
	}
	before, after := weigh(0), weigh(1)
	if !before.Changed || after.Changed {
		t.Errorf("before the edit %+v, after it %+v, want the change and none", before, after)
	}
	if weigh(0) != before || weigh(1) != after {
		t.Error("going back over the edit weighs it again")
	}
	p.ask(Request{Do: "break", Break: &Breakage{What: "drain", Node: "worker-03"}})
	if weigh(1) == after {
		t.Error("after an action the texts are not weighed again")
	}
	edited := p.texts
	edited.Manifest += "# more\n"
	if p.engine.check(edited) == weigh(1) {
		t.Error("other texts are not weighed")
	}
}

// What the impact is weighed against is the frame on the screen, so it is stale at another one.
func TestStale(t *testing.T) {
	p := open(t, "log-agent")
	before := p.texts
	seek := func(frame int) bool { return p.ask(Request{Do: "seek", Frame: frame}).View.Stale }
	if seek(0) {
		t.Error("stale at first")
	}
	p.ask(Request{Do: "image", Texts: p.texts})
	p.ask(Request{Do: "check", Texts: p.texts})
	p.ask(Request{Do: "apply", Texts: p.texts})
	if p.view.Stale || seek(3) {
		t.Error("stale although nothing is left to apply")
	}
	if !seek(0) {
		t.Error("not stale before the edit was applied")
	}
	draft := p.ask(Request{Do: "check", Texts: p.texts}).Draft
	if !draft.Changed || seek(0) {
		t.Errorf("draft %+v, want the edit that is not applied yet", draft)
	}
	// What the editor has goes into the link as it is.
	state := p.ask(Request{Do: "state", Texts: p.texts}).State
	again := &page{t: t}
	again.ask(Request{Do: "open", State: state})
	if again.texts != p.texts || again.view.Frame != 0 {
		t.Errorf("frame %d with texts %+v, want 0 with %+v", again.view.Frame, again.texts, p.texts)
	}
	if state = p.ask(Request{Do: "state", Texts: before}).State; state.Draft != nil {
		t.Errorf("draft %+v of texts that are applied, want none", state.Draft)
	}
}

// Of two wrong budgets the first is named.
func TestBudgetErrors(t *testing.T) {
	p := open(t, "log-agent")
	for range 20 {
		const want = `maxUnavailable: "a" is neither a number nor a percentage`
		if got := p.try(Request{Do: "budget", Texts: p.texts, Unavailable: "a", Surge: "b"}).Error; got != want {
			t.Fatalf("error %q, want %q", got, want)
		}
	}
}

// Another DaemonSet of the same texts begins with them as they were applied last, and the editor stays
// as it is.
func TestSet(t *testing.T) {
	p := &page{t: t}
	nodes := "---\napiVersion: v1\nkind: Node\nmetadata: {name: only}\n"
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	p.ask(Request{Do: "open", State: &State{Now: now, Texts: Texts{otherManifest, strings.ReplaceAll(otherManifest, "mine", "yours") + nodes}, Set: "default/mine"}})
	p.ask(Request{Do: "image", Texts: p.texts})
	p.ask(Request{Do: "apply", Texts: p.texts})
	applied := p.texts
	if p.view.Frame != 1 {
		t.Fatalf("frame %d, want that of the edit", p.view.Frame)
	}
	typed := applied
	typed.Cluster += "---\napiVersion: v1\nkind: Node\nmetadata: {name: another}\n"
	resp := p.ask(Request{Do: "set", Name: "default/yours", Texts: typed})
	if p.texts != typed || !resp.Draft.Changed || p.view.Set != "default/yours" || p.view.Desired != 1 {
		t.Errorf("shows %s on %d nodes with draft %+v and\n%s\nwant default/yours on one node with the draft\n%s", p.view.Set, p.view.Desired, resp.Draft, p.texts.Cluster, typed.Cluster)
	}
	if state := p.ask(Request{Do: "state", Texts: p.texts}).State; state.Texts != applied || !state.Now.Equal(now) {
		t.Errorf("begins at %v with\n%s\nwant %v and what was applied\n%s", state.Now, state.Texts.Cluster, now, applied.Cluster)
	}
	typed.Cluster = "kind: ["
	if resp = p.ask(Request{Do: "set", Name: "default/mine", Texts: typed}); p.texts != typed || len(resp.Draft.Faults) == 0 || p.view.Set != "default/mine" {
		t.Errorf("shows %s with draft %+v, want default/mine and the errors of the draft", p.view.Set, resp.Draft)
	}
}

// One question has the answer about the selected node and about the one under the pointer.
func TestNode(t *testing.T) {
	p := open(t, "log-agent")
	p.ask(Request{Do: "break", Break: &Breakage{What: "drain", Node: "worker-01"}})
	for _, tc := range []struct {
		name, peek, detail string
		broken             int
	}{
		{"worker-01", "", "worker-01", 1},
		{"worker-01", "worker-02", "worker-02", 1},
		{"worker-02", "worker-01", "worker-01", 0},
		{"worker-01", "of-another-start", "worker-01", 1},
	} {
		resp := p.ask(Request{Do: "node", Name: tc.name, Peek: tc.peek})
		if resp.Detail == nil || resp.Detail.Node != tc.detail || len(resp.Broken) != tc.broken {
			t.Errorf("node %s, peek %q: details %+v, broken %q, want those of %s and %d", tc.name, tc.peek, resp.Detail, resp.Broken, tc.detail, tc.broken)
		}
		if state := p.ask(Request{Do: "state", Texts: p.texts}).State; state.Node != tc.name {
			t.Errorf("node %s, peek %q: the link selects %s", tc.name, tc.peek, state.Node)
		}
	}
}

// A break of a node that is broken so ends it, and so does that of its zone.
func TestBreakAgain(t *testing.T) {
	p := open(t, "log-agent")
	zone := p.engine.recording.shown.nodes["worker-01"].Labels[zoneLabel]
	for _, b := range []Breakage{{What: "drain", Node: "worker-01"}, {What: "crash", Zone: zone}} {
		for _, want := range []int{1, 0, 1, 0} {
			again := b
			p.ask(Request{Do: "break", Name: "worker-01", Break: &again})
			if broken := p.ask(Request{Do: "node", Name: "worker-01"}).Broken; len(broken) != want {
				t.Fatalf("%+v: broken %q, want %d", b, broken, want)
			}
		}
	}
	// The selected node is in another state than the one that breaks.
	p.ask(Request{Do: "break", Name: "worker-01", Break: &Breakage{What: "drain", Node: "worker-01"}})
	p.ask(Request{Do: "break", Name: "worker-02", Break: &Breakage{What: "drain", Node: "worker-02"}})
	if broken := p.ask(Request{Do: "node", Name: "worker-02"}).Broken; len(broken) != 1 {
		t.Errorf("worker-02: broken %q, want drained", broken)
	}
}

// A taint that kubectl refuses is an error.
func TestTaint(t *testing.T) {
	for text, want := range map[string]string{
		"dedicated=db:NoExecute":         "",
		"example.com/x:PreferNoSchedule": "",
		" a=b:NoSchedule ":               "",
		"nonsense":                       "is not of the form",
		"a=b:Never":                      "is not of the form",
		":NoSchedule":                    `the key "": name part must be non-empty`,
		"=b:NoSchedule":                  `the key "": name part must be non-empty`,
		"a b=c d:NoSchedule":             `the key "a b": name part must consist of`,
		"a=c d:NoSchedule":               `the value "c d": a valid label must be`,
		"a=" + strings.Repeat("x", 64) + ":NoSchedule": "must be no more than 63",
		"a=b=c:NoSchedule": `"a=b=c:NoSchedule": the value "b=c": a valid label must be`,
		"x/y/z:NoSchedule": "with an optional DNS subdomain prefix",
	} {
		_, err := parseTaint(text)
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.Contains(got, want) {
			t.Errorf("parseTaint(%q) = %s, want %q", text, got, want)
		}
	}
}

// How long a canary may take is checked although there is none.
func TestFailAfter(t *testing.T) {
	p := open(t, "log-agent")
	for _, tc := range []struct{ name, why, failAfter, want string }{
		{"duration", "as Go writes it", "5m", ""},
		{"blanks", "a link may have them", " 5m ", ""},
		{"empty", "for ever", " ", ""},
		{"word", "no number", "soon", `canary fails after: "soon" is not a duration such as 5m`},
		{"negative", "a canary would be refused with it", "-5m", `canary fails after: "-5m" is not a duration such as 5m`},
	} {
		if got := p.try(Request{Do: "policy", Controls: &Controls{FailAfter: tc.failAfter}}).Error; got != tc.want {
			t.Errorf("%s: error %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

// An action that fails changes nothing.
func TestActionFails(t *testing.T) {
	p := open(t, "log-agent")
	p.ask(Request{Do: "image", Texts: p.texts})
	p.ask(Request{Do: "apply", Texts: p.texts})
	p.ask(Request{Do: "end"})
	p.ask(Request{Do: "seek", Frame: 4})
	p.ask(Request{Do: "policy", Controls: &Controls{Strict: true}})
	p.ask(Request{Do: "seek", Frame: 8})
	before := p.ask(Request{Do: "state", Texts: p.texts}).State
	p.ask(Request{Do: "seek", Frame: 5}) // The policy is one frame back, and would be replaced.
	r := p.engine.recording
	frames := slices.Clone(r.frames)
	// No cluster can be made of a node without a name.
	r.shown.nodes[""] = &corev1.Node{}
	for _, req := range []Request{
		{Do: "policy", Controls: &Controls{Zones: true}},
		{Do: "break", Break: &Breakage{What: "crash"}},
	} {
		if resp := p.try(req); resp.Error == "" || resp.View.Frame != 5 || !slices.Equal(r.frames, frames) {
			t.Errorf("%s: error %q at frame %d of %d, want one at 5 of %d", req.Do, resp.Error, resp.View.Frame, len(r.frames), len(frames))
		}
	}
	delete(r.shown.nodes, "")
	p.ask(Request{Do: "seek", Frame: 8})
	if diff := cmp.Diff(before, p.ask(Request{Do: "state", Texts: p.texts}).State); diff != "" {
		t.Errorf("what a link holds has changed (-before +after):\n%s", diff)
	}
	p.ask(Request{Do: "end"})
	if p.view.State != "complete" {
		t.Errorf("%s: %s, want the recording to go on to the end", p.view.State, p.view.Verdict)
	}
}
