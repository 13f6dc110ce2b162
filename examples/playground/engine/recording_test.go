package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
)

// troubled is a rollout with all kinds of actions.
func troubled(t testing.TB) *page {
	p := open(t, "log-agent")
	p.ask(Request{Do: "image", Texts: p.texts})
	p.ask(Request{Do: "apply", Texts: p.texts})
	steps := []Breakage{
		{What: "image", Node: "worker-02"}, {What: "down", Node: "worker-05"}, {What: "crash", Node: "worker-01"},
		{What: "drain", Zone: "zone-c"}, {What: "taint", Node: "worker-08", Taint: "dedicated=db:NoExecute"}, {What: "delete", Node: "worker-11"},
		{What: "down", Node: "worker-05", Off: true}, {What: "repair", Node: "worker-01"}, {What: "image", Node: "worker-02", Off: true},
	}
	for i, b := range steps {
		p.ask(Request{Do: "seek", Frame: p.view.Frame + 1 + i%4})
		p.ask(Request{Do: "break", Break: &b})
	}
	p.ask(Request{Do: "policy", Controls: &Controls{Strict: true, IgnoreDown: true, Zones: true}})
	p.ask(Request{Do: "end"})
	return p
}

// A frame looks the same from wherever it is reached, and its snapshot is that of its facts.
func TestSeek(t *testing.T) {
	p := troubled(t)
	r := p.engine.recording
	views := make([]*View, len(r.frames))
	for i := range views {
		views[i] = p.ask(Request{Do: "seek", Frame: i}).View
		views[i].Nodes = nil
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		i := random.IntN(len(views))
		got := p.ask(Request{Do: "seek", Frame: i, Layout: p.view.Layout}).View
		got.Layout = views[i].Layout
		if diff := cmp.Diff(views[i], got); diff != "" {
			t.Fatalf("frame %d differs (-first +again):\n%s", i, diff)
		}
		in, _ := r.input()
		fresh, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := r.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if !kept.Equal(fresh) {
			t.Fatalf("frame %d: the kept snapshot differs from a fresh one", i)
		}
	}
}

// Going on and back over an edit decides all nodes once for each of the two specs, and no more.
// A Matcher is one such decision.
func TestSeekOverEdits(t *testing.T) {
	for _, start := range []string{"log-agent", "node-exporter"} { // without minReadySeconds, and with
		t.Run(start, func(t *testing.T) {
			p := open(t, start)
			decided := map[*placement.Matcher]bool{}
			at := func(frame int) {
				t.Helper()
				p.ask(Request{Do: "seek", Frame: frame})
				s, err := p.engine.recording.snapshot()
				if err != nil {
					t.Fatal(err)
				}
				decided[s.Matcher()] = true
			}
			at(0)
			const edits = 2
			for range edits {
				p.ask(Request{Do: "image", Texts: p.texts})
				p.ask(Request{Do: "apply", Texts: p.texts})
				p.ask(Request{Do: "end"})
			}
			last := p.view.Frames - 1
			for range 3 {
				for frame := range last {
					at(frame)
				}
				for frame := last; frame > 0; frame-- {
					at(frame)
				}
			}
			if len(decided) != edits+1 {
				t.Errorf("%d specs, and all nodes decided %d times", edits+1, len(decided))
			}
		})
	}
}

// What a link holds gives the same recording.
func TestState(t *testing.T) {
	p := troubled(t)
	p.ask(Request{Do: "seek", Frame: 7})
	state := p.ask(Request{Do: "state", Texts: p.texts}).State
	again := &page{t: t}
	again.ask(Request{Do: "open", State: state})
	if again.view.Frame != 7 {
		t.Errorf("frame %d, want 7", again.view.Frame)
	}
	for i := range p.engine.recording.frames {
		want := p.ask(Request{Do: "seek", Frame: i}).View
		got := again.ask(Request{Do: "seek", Frame: i}).View
		got.Layout, got.Frames, got.Done = want.Layout, want.Frames, want.Done
		got.Nodes, want.Nodes = nil, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("frame %d differs (-recorded +from the link):\n%s", i, diff)
		}
	}
}
