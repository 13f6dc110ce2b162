package engine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Engine is a playground. The zero Engine has nothing to show until it is opened.
type Engine struct {
	state     State
	recording *recording
	// draft are the texts in the editor; nil if they have errors. weighed is the frame that they
	// were weighed at, and changed says that something was left to apply there.
	draft   *parsed
	weighed *frame
	changed bool
	// drafts are what is known about the texts checked, by the frame that they were weighed at.
	drafts  map[*frame]*Draft
	checked Texts

	// layout is the number of the list cells, place has the place of each node in it, and
	// laid is the layout of the recording that it was made for.
	layout, laid int
	cells        []Cell
	place        map[string]int
	// assessed is the frame that assessment is about.
	assessed   *frame
	assessment *health.Assessment
}

// Request is a message of the page. Do says which of the other fields count.
type Request struct {
	// Do is one of
	//
	//	starts            the ready-made starts
	//	start             begin with the start Name
	//	open              begin with State, as a link has it
	//	load              begin with the Text of kubectl get -o yaml
	//	set               begin with the DaemonSet Name of the texts applied last; the Texts stay
	//	check             the Texts in the editor
	//	apply             the Texts in the editor
	//	discard           go back to the texts applied last
	//	image, budget     edit the Texts: another image, or Unavailable and Surge
	//	policy            the Controls
	//	promote           the canary
	//	break             Break, or end it if the node Name is broken so
	//	seek              show the Frame
	//	end               play to the end and show it
	//	play              record more frames, for some Milliseconds
	//	node              select the node Name, and explain Peek or, if there is no such node, Name
	//	state             what a link holds: all that is shown, and the Texts in the editor
	Do           string    `json:"do"`
	Name         string    `json:"name"`
	Peek         string    `json:"peek"`
	Text         string    `json:"text"`
	State        *State    `json:"state"`
	Texts        Texts     `json:"texts"`
	Controls     *Controls `json:"controls"`
	Break        *Breakage `json:"break"`
	Frame        int       `json:"frame"`
	Milliseconds int       `json:"milliseconds"`
	Unavailable  string    `json:"unavailable"`
	Surge        string    `json:"surge"`
	// Layout is the list of nodes that the page has, and Points how many frames of the
	// timeline it has.
	Layout int       `json:"layout"`
	Points int       `json:"points"`
	Now    time.Time `json:"now,omitzero"`
}

// Response is the answer to a Request.
type Response struct {
	Error  string  `json:"error,omitempty"`
	Faults []Fault `json:"faults,omitempty"`
	Starts []Start `json:"starts,omitempty"`
	View   *View   `json:"view,omitempty"`
	Draft  *Draft  `json:"draft,omitempty"`
	Detail *Detail `json:"detail,omitempty"`
	// Broken are the breaks that hold on the selected node: "down", "crash", "image", "drain", "taint".
	Broken []string `json:"broken,omitempty"`
	State  *State   `json:"state,omitempty"`
	Texts  *Texts   `json:"texts,omitempty"`
	// Frames and Done say how many frames there are, and whether the last is the end.
	Frames int  `json:"frames"`
	Done   bool `json:"done"`
	// Points are the frames of the timeline from From on.
	From   int     `json:"from"`
	Points []Point `json:"points,omitempty"`
}

// Point is one frame of the timeline.
type Point struct {
	// At is the number of seconds from the first frame.
	At        float64 `json:"at"`
	Desired   int     `json:"desired"`
	Available int     `json:"available"`
	Updated   int     `json:"updated"`
	// Action says that the user did something.
	Action bool `json:"action,omitempty"`
}

// Handle answers a request in JSON. It never fails: the answer says what is wrong.
func (e *Engine) Handle(request []byte, clock func() time.Time) []byte {
	var req Request
	var resp Response
	if err := json.Unmarshal(request, &req); err != nil {
		resp.Error = err.Error()
	} else if err := e.do(&req, &resp, clock); err != nil {
		resp.Error = err.Error()
	}
	if r := e.recording; r != nil {
		resp.Frames, resp.Done = len(r.frames), r.done
		resp.From = min(req.Points, len(r.frames))
		for _, f := range r.frames[resp.From:] {
			resp.Points = append(resp.Points, Point{f.at.Sub(r.frames[0].at).Seconds(), f.desired, f.available, f.updated, f.action})
		}
	}
	out, err := json.Marshal(&resp)
	if err != nil {
		return []byte(fmt.Sprintf(`{"error":%q}`, err.Error()))
	}
	return out
}

// do answers a request. It is also where the state that a link holds is kept.
func (e *Engine) do(req *Request, resp *Response, clock func() time.Time) error {
	switch req.Do {
	case "starts":
		resp.Starts = Starts()
		return nil
	case "start":
		texts, err := startTexts(req.Name)
		if err != nil {
			return err
		}
		return e.show(req, resp, e.open(State{Now: startTime, Texts: texts}, resp))
	case "open":
		if req.State == nil {
			return errors.New("open: no state")
		}
		return e.show(req, resp, e.open(*req.State, resp))
	case "load":
		return e.show(req, resp, e.load(req, resp))
	}
	if e.recording == nil {
		return errors.New("nothing is open")
	}
	r := e.recording
	switch req.Do {
	case "set":
		applied := r.at().applied.texts
		state := State{Now: e.state.Now, Texts: applied, Draft: editOf(applied, req.Texts), Set: req.Name}
		return e.show(req, resp, e.open(state, resp))
	case "check":
		resp.Draft = e.check(req.Texts)
		return nil
	case "discard":
		texts := r.at().applied.texts
		resp.Texts = &texts
		return nil
	case "apply":
		return e.apply(req, resp)
	case "image":
		texts, err := e.newImage(req.Texts)
		resp.Texts = &texts
		return err
	case "budget":
		texts, err := e.setBudget(req.Texts, req.Unavailable, req.Surge)
		resp.Texts = &texts
		return err
	case "policy":
		if req.Controls == nil {
			return errors.New("policy: no controls")
		}
		return e.show(req, resp, e.act(Action{Policy: req.Controls}))
	case "promote":
		return e.show(req, resp, e.act(Action{Promote: true}))
	case "break":
		if req.Break == nil {
			return errors.New("break: what?")
		}
		b := *req.Break
		b.Off = b.Off || slices.Contains(r.brokenOn(req.Name), b.What)
		return e.show(req, resp, e.act(Action{Break: &b}))
	case "seek":
		e.record(req.Frame)
		r.seek(req.Frame)
		return e.show(req, resp, nil)
	case "end":
		for r.step() {
		}
		r.seek(len(r.frames) - 1)
		return e.show(req, resp, nil)
	case "play":
		until := clock().Add(time.Duration(req.Milliseconds) * time.Millisecond)
		for r.step() && !clock().After(until) {
		}
		return nil
	case "node":
		e.state.Node = req.Name
		// The node under the pointer may be one of another start.
		resp.Detail, resp.Broken = cmp.Or(e.detail(req.Peek), e.detail(req.Name)), r.brokenOn(req.Name)
		return nil
	case "state":
		state := e.state
		state.Frame, state.Draft = r.shown.frame, nil
		if applied := r.at().applied.texts; applied != req.Texts {
			state.Draft = editOf(applied, req.Texts)
		}
		resp.State = &state
		return nil
	}
	return fmt.Errorf("unknown request %q", req.Do)
}

// show adds the view to a response. An error leaves the last good state on the screen.
func (e *Engine) show(req *Request, resp *Response, err error) error {
	if e.recording != nil {
		resp.View = e.view(req.Layout)
	}
	return err
}

// record plays on until there is a frame.
func (e *Engine) record(frame int) {
	for len(e.recording.frames) <= frame && e.recording.step() {
	}
}

// act carries out an action after the frame on the screen. A change of the policy right after
// another one replaces it.
func (e *Engine) act(a Action) error {
	r := e.recording
	before := r.shown.frame
	if r.at().action && a.Policy != nil && len(e.state.Actions) > 0 {
		if last := len(e.state.Actions) - 1; e.state.Actions[last].Policy != nil && e.state.Actions[last].After == r.shown.frame-1 {
			r.seek(before - 1)
		}
	}
	e.drafts = nil
	a.After = r.shown.frame
	texts := e.draft
	if err := r.act(a, texts, e.state.Set); err != nil {
		r.seek(before)
		return err
	}
	kept := e.state.Actions[:0:0]
	for _, b := range e.state.Actions {
		if b.After < a.After {
			kept = append(kept, b)
		}
	}
	e.state.Actions = append(kept, a)
	return nil
}

// apply applies the texts of the editor.
func (e *Engine) apply(req *Request, resp *Response) error {
	draft := e.check(req.Texts)
	resp.Draft = draft
	switch {
	case len(draft.Faults) > 0:
		return nil
	case draft.Restart:
		state := State{Now: e.state.Now, Texts: req.Texts, Set: setName(e.subject(e.draft).DaemonSet)}
		if err := e.show(req, resp, e.open(state, resp)); err != nil {
			return err
		}
	case !draft.Changed:
		return e.show(req, resp, nil)
	default:
		if err := e.act(Action{Apply: editOf(e.recording.at().applied.texts, req.Texts)}); err != nil {
			return e.show(req, resp, err)
		}
		// Nothing is left to weigh: that would take as long again.
		e.weighed, e.changed = e.recording.at(), false
		resp.Draft = &Draft{Findings: draft.Findings, Impact: "no change", Unavailable: draft.Unavailable, Surge: draft.Surge}
		return e.show(req, resp, nil)
	}
	resp.Draft = e.check(req.Texts)
	return nil
}

// open begins with a state. If it cannot, what is open stays.
func (e *Engine) open(state State, resp *Response) error {
	texts, faults := read(state.Texts, nil)
	if len(faults) > 0 {
		resp.Faults = faults
		return faults[0]
	}
	if state.Now.IsZero() {
		state.Now = startTime
	}
	subject := texts.subject(state.Set)
	if subject == nil {
		return fmt.Errorf("the texts have no DaemonSet %s", state.Set)
	}
	in, err := begin(texts, state, resp)
	if err != nil {
		return err
	}
	state.Set = setName(subject.DaemonSet)
	r, err := newRecording(in, &segment{applied: texts})
	if err != nil {
		return err
	}
	fresh := &Engine{state: state, recording: r, draft: texts, layout: e.layout, laid: -1}
	fresh.state.Actions, fresh.state.Draft = nil, nil
	for _, a := range state.Actions {
		fresh.record(a.After)
		r.seek(a.After)
		if a.Apply != nil {
			p, faults := read(r.at().applied.texts.with(a.Apply), r.at().applied)
			if len(faults) > 0 {
				return errors.New("the link has texts with errors: " + faults[0].Detail)
			}
			fresh.draft = p
		}
		if err := fresh.act(a); err != nil {
			return err
		}
	}
	fresh.record(state.Frame)
	r.seek(state.Frame)
	draft := r.at().applied.texts.with(state.Draft)
	if e.recording != nil && e.recording.stop != nil {
		e.recording.stop()
	}
	*e = *fresh
	resp.Texts, resp.Draft = &draft, e.check(draft)
	return nil
}

// begin returns the facts of the first frame: those of the texts or, if they only have a
// manifest, what a cluster that applied it some time ago looks like.
func begin(texts *parsed, state State, resp *Response) (daemon.Input, error) {
	subject := texts.subject(state.Set)
	in := subject.Input
	in.Now = state.Now
	if subject.Stored() || len(in.Pods) > 0 {
		in.Pods = texts.pods
		return in, nil
	}
	if errs := daemon.Validate(in.DaemonSet); len(errs) > 0 {
		resp.Faults = texts.locate(subject.DaemonSet, errs)
		return in, resp.Faults[0]
	}
	ago := state.Now.Add(-time.Hour)
	cluster, err := simulate.NewCluster(daemon.Input{Nodes: in.Nodes, Pods: texts.pods, Now: ago}, simulate.Options{
		PodName: func(generateName string, n int) string { return generateName + suffix(0, n) },
	})
	if err != nil {
		return in, err
	}
	if err := cluster.Apply(in.DaemonSet); err != nil {
		return in, err
	}
	if _, err := cluster.Settle(); err != nil {
		return in, err
	}
	cluster.Elapse(max(0, state.Now.Sub(cluster.Now())))
	in = cluster.Input(in.DaemonSet)
	for _, pod := range texts.pods {
		if pod.Namespace != in.DaemonSet.Namespace {
			in.Pods = append(in.Pods, pod)
		}
	}
	return in, nil
}

// load begins with what kubectl prints: it is the cluster, and the manifest is that of its first
// DaemonSet. A manifest without nodes is an edit instead: it goes beside the nodes that are there.
func (e *Engine) load(req *Request, resp *Response) error {
	now := req.Now
	if now.IsZero() {
		now = startTime
	}
	state := State{Now: now.UTC().Truncate(time.Second), Texts: Texts{Cluster: req.Text}, Set: req.Name}
	texts, faults := read(state.Texts, nil)
	if len(faults) > 0 {
		resp.Faults = faults
		return faults[0]
	}
	subject := texts.subject(state.Set)
	if subject == nil {
		return fmt.Errorf("no DaemonSet %s in the text", state.Set)
	}
	if e.recording != nil && len(texts.nodes)+len(texts.pods) == 0 {
		resp.Texts = &Texts{Manifest: req.Text, Cluster: e.recording.at().applied.texts.Cluster}
		resp.Draft = e.check(*resp.Texts)
		return nil
	}
	if subject.Stored() && subject.Proposed == nil {
		text, err := manifestOf(subject.DaemonSet)
		if err != nil {
			return err
		}
		state.Texts.Manifest = "# " + setName(subject.DaemonSet) + " as it is stored: change it to make a proposal.\n" + strings.TrimSpace(text) + "\n"
	}
	return e.open(state, resp)
}
