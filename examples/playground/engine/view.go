package engine

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout/health"
)

// View is what the page shows of one frame.
type View struct {
	Frame  int  `json:"frame"`
	Frames int  `json:"frames"`
	Done   bool `json:"done"`
	// Stale says that the draft was weighed at another frame, where its impact may differ.
	Stale bool   `json:"stale"`
	Time  string `json:"time"`
	Title string `json:"title"`
	// Lines are the writes of the pass.
	Lines []string `json:"lines"`
	// Set is the DaemonSet, and Sets are all that can be chosen.
	Set  string   `json:"set"`
	Sets []string `json:"sets"`
	// State is that of the rollout, and Verdict says it in a sentence.
	State   string `json:"state"`
	Verdict string `json:"verdict"`
	// Blockers are the problems that the rollout waits for.
	Blockers []string `json:"blockers"`
	// MoreBlockers is the number of blockers that are left out.
	MoreBlockers int     `json:"moreBlockers"`
	Budget       *Budget `json:"budget"`
	// Held says what the policy holds back.
	Held     []string `json:"held"`
	Controls Controls `json:"controls"`
	Policy   string   `json:"policy"`
	// Canary is the state of the trial.
	Canary string `json:"canary"`

	Desired   int `json:"desired"`
	Available int `json:"available"`
	// Updated is the number of ready pods of the current template, Desired at most: a node that is
	// gone leaves its pod behind.
	Updated int `json:"updated"`

	// Layout is the number of the list of nodes, and Nodes that list; nil if the page has it
	// already. Cells and Marks have a letter for each node of the list, and Pods the name
	// of its pod if there are few.
	Layout int      `json:"layout"`
	Nodes  []Cell   `json:"nodes"`
	Cells  string   `json:"cells"`
	Marks  string   `json:"marks"`
	Pods   []string `json:"pods,omitempty"`
}

// Cell is one node of the grid.
type Cell struct {
	Name string `json:"name"`
	Zone string `json:"zone"`
}

// Budget is the budget of the update.
type Budget struct {
	Kind  string       `json:"kind"`
	Limit int          `json:"limit"`
	Users []BudgetUser `json:"users"`
	// More is the number of users that are left out.
	More int `json:"more"`
}

// BudgetUser is a node that uses the budget.
type BudgetUser struct {
	Node   string `json:"node"`
	Reason string `json:"reason"`
}

// The letters of Cells.
const (
	cellNone        = 'n' // does not run, no pod
	cellStray       = 'k' // does not run, a pod is there
	cellMissing     = 'm' // should run, no pod
	cellUpdated     = 'u' // available, of the current template
	cellOutdated    = 'o' // available, of an old template
	cellStarting    = 's' // not available yet
	cellBroken      = 'x' // a problem
	cellTerminating = 't' // the pod ends
	cellTwo         = 'w' // two pods: a surge
)

// The letters of Marks.
const (
	markNone     = '-'
	markDown     = 'd' // not ready
	markCordoned = 'c'
	markTainted  = 't' // by the user
	markBudget   = 'b' // uses the budget
	markIgnored  = 'i' // by the policy
)

// listed is how many of a list are shown.
const listed = 8

// namedPods is up to how many nodes the page shows the names of pods.
const namedPods = 120

// view returns what the page shows. layout is the number of the list of nodes that the page has.
func (e *Engine) view(layout int) *View {
	r := e.recording
	f := r.at()
	v := &View{
		Frame: r.shown.frame, Frames: len(r.frames), Done: r.done, Time: f.at.UTC().Format(time.DateTime),
		Title: f.title, Lines: f.lines, Set: setName(f.ds),
		Desired: f.desired, Available: f.available, Updated: min(f.updated, f.desired), Controls: f.controls, Policy: f.policy.String(),
	}
	for i := range f.applied.subjects {
		v.Sets = append(v.Sets, setName(f.applied.subjects[i].DaemonSet))
	}
	for _, h := range f.held {
		v.Held = append(v.Held, h.String())
	}
	if f.trial != nil {
		v.Canary = string(f.trial.State)
	}
	v.Stale = e.weighed != f && (e.changed || e.weighed.applied != f.applied)
	e.lay()
	v.Layout = e.layout
	if layout != e.layout {
		v.Nodes = e.cells
	}
	snapshot, assessment, err := e.assess()
	if err != nil {
		v.State, v.Verdict = "error", err.Error()
	} else {
		v.State, v.Verdict = assessment.State.String(), assessment.String()
	}
	if snapshot == nil {
		v.Cells, v.Marks = strings.Repeat(string(cellNone), len(e.cells)), strings.Repeat(string(markNone), len(e.cells))
		return v
	}
	v.judge(assessment)
	e.color(v, snapshot, assessment)
	return v
}

// assess returns a snapshot of the frame on the screen, and what package health says about it. With
// an error the snapshot may be nil; the assessment is never nil.
func (e *Engine) assess() (*daemon.Snapshot, *health.Assessment, error) {
	f := e.recording.at()
	snapshot, err := e.recording.snapshot()
	if err != nil {
		return nil, &health.Assessment{}, err
	}
	if e.assessed != f {
		assessment, err := health.Assess(snapshot, health.Options{Policy: f.policy, CanaryTrial: f.trial})
		if err != nil {
			return snapshot, &health.Assessment{}, err
		}
		e.assessed, e.assessment = f, assessment
	}
	return snapshot, e.assessment, nil
}

// judge fills in what blocks the rollout, and who uses the budget.
func (v *View) judge(a *health.Assessment) {
	blockers := slices.Clone(a.Blockers)
	slices.SortStableFunc(blockers, func(a, b health.Blocker) int { return cmp.Compare(a.Kind, b.Kind) })
	v.MoreBlockers = max(0, len(blockers)-listed)
	for _, b := range blockers[:min(len(blockers), listed)] {
		v.Blockers = append(v.Blockers, b.String())
	}
	if a.Budget.Kind != 0 {
		v.Budget = &Budget{Kind: a.Budget.Kind.String(), Limit: a.Budget.Limit, More: max(0, len(a.Budget.Users)-listed)}
		for _, u := range a.Budget.Users[:min(len(a.Budget.Users), listed)] {
			v.Budget.Users = append(v.Budget.Users, BudgetUser{u.Node, u.Reason.String()})
		}
	}
}

// lay puts the nodes in order, by zone and name, if there are others than before.
func (e *Engine) lay() {
	if e.laid == e.recording.shown.layout {
		return
	}
	e.laid = e.recording.shown.layout
	nodes := e.recording.shown.nodes
	same := e.cells != nil && len(nodes) == len(e.cells)
	for i := 0; same && i < len(e.cells); i++ {
		node := nodes[e.cells[i].Name]
		same = node != nil && node.Labels[zoneLabel] == e.cells[i].Zone
	}
	if same {
		return
	}
	e.layout++
	e.cells, e.place = make([]Cell, 0, len(nodes)), make(map[string]int, len(nodes))
	for _, node := range nodes {
		e.cells = append(e.cells, Cell{node.Name, node.Labels[zoneLabel]})
	}
	slices.SortFunc(e.cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Name, b.Name))
	})
	for i, c := range e.cells {
		e.place[c.Name] = i
	}
}

// color fills in the letters of the nodes.
func (e *Engine) color(v *View, s *daemon.Snapshot, a *health.Assessment) {
	faults := e.recording.at().broken
	cells, marks := bytes.Repeat([]byte{cellNone}, len(e.cells)), bytes.Repeat([]byte{markNone}, len(e.cells))
	if len(e.cells) <= namedPods {
		v.Pods = make([]string, len(e.cells))
	}
	states := s.Nodes()
	for j := range states {
		state := &states[j]
		i, ok := e.place[state.Name]
		if !ok || state.Node == nil {
			continue
		}
		marks[i] = mark(state.Node, faults[state.Name])
		if v.Pods != nil {
			var names []string
			for _, pod := range state.Pods {
				names = append(names, pod.Pod.Name)
			}
			v.Pods[i] = strings.Join(names, ", ")
		}
		cells[i] = letter(state)
	}
	for _, b := range a.Blockers {
		if i, ok := e.place[b.Node]; ok && cells[i] != cellMissing && cells[i] != cellTerminating && broken(b.Kind) {
			cells[i] = cellBroken
		}
	}
	if a.Budget.Kind != 0 {
		for _, u := range a.Budget.Users {
			if i, ok := e.place[u.Node]; ok && marks[i] == markNone {
				marks[i] = markBudget
			}
		}
	}
	for _, n := range a.Policy.Ignored {
		if i, ok := e.place[n.Node]; ok {
			marks[i] = markIgnored
		}
	}
	v.Cells, v.Marks = string(cells), string(marks)
}

// broken reports whether a problem needs attention: the others end by themselves.
func broken(kind health.BlockerKind) bool {
	switch kind {
	case health.BlockerTerminating, health.BlockerMinReady, health.BlockerNoPod, health.BlockerNotReady:
		return false
	}
	return true
}

func mark(node *corev1.Node, f *fault) byte {
	switch {
	case isDown(node):
		return markDown
	case isCordoned(node):
		return markCordoned
	case f != nil && f.taint != nil:
		return markTainted
	}
	return markNone
}

// letter is the letter of a node, apart from problems.
func letter(n *daemon.NodeState) byte {
	live := 0
	for i := range n.Pods {
		if n.Pods[i].Pod.DeletionTimestamp == nil {
			live++
		}
	}
	switch {
	case len(n.Pods) == 0 && n.Decision.Run:
		return cellMissing
	case len(n.Pods) == 0:
		return cellNone
	case live == 0:
		return cellTerminating
	case !n.Decision.Run:
		return cellStray
	case live > 1:
		return cellTwo
	}
	for i := range n.Pods {
		pod := &n.Pods[i]
		switch {
		case pod.Pod.DeletionTimestamp != nil:
		case !pod.Available:
			return cellStarting
		case pod.Updated:
			return cellUpdated
		default:
			return cellOutdated
		}
	}
	return cellStarting
}
