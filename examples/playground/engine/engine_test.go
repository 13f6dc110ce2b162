package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
