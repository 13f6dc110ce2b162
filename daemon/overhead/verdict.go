package overhead

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/taint"
	"github.com/pernode/daemonset/placement"
)

// Verdict says whether a DaemonSet runs on a node. It has one byte because there is one for
// every pair.
type Verdict uint8

// The verdicts. Zero is no verdict.
const (
	// VerdictRuns: the node should run a pod in every state that it may be in. Whether it has room
	// for the pod is another question: NodeDaemon.Fits.
	VerdictRuns Verdict = iota + 1
	// VerdictDoesNotRun: the node should run none in any of them.
	VerdictDoesNotRun
	// VerdictCannotTell: it depends on something that is not known.
	VerdictCannotTell
	// VerdictRefused: the node should run a pod, or may, and the API server refuses it; see
	// Daemon.Refused. Such a DaemonSet takes nothing.
	VerdictRefused
)

// String returns the verdict in a few words.
func (v Verdict) String() string {
	switch v {
	case VerdictRuns:
		return "should run"
	case VerdictDoesNotRun:
		return "does not run"
	case VerdictCannotTell:
		return "cannot tell"
	case VerdictRefused:
		return "refused"
	default:
		return "Verdict(" + strconv.Itoa(int(v)) + ")"
	}
}

// maxStates is how many states of a node are tried for one DaemonSet.
const maxStates = 4096

// scratch is the memory of OnNode and InPool: the node in the state that is looked at, and lists
// that are used again.
type scratch struct {
	given *corev1.Node // by the caller

	// node has the name, the labels and the taints of the state. labels are its own: those that
	// are known, and during a look at a DaemonSet those that are not.
	node   corev1.Node
	labels map[string]string
	// taints are those that stay, and early are those and the startup taints.
	taints, early []corev1.Taint
	unknown       bits // label keys, by number
	nameUnknown   bool
	name          string

	axes   []axis
	pinned []axis // axes without the states that fail the node selector
	digits []int
	looks  int      // at states, so far; tests read it
	chosen []option // of each label of Daemons.labels that is not known, in the state

	pods      []podThere
	ports     []demand.Port
	held      []portOf // host ports of the DaemonSets' own pods, by DaemonSet
	used, had []int64  // of all pods by resource; of a DaemonSet's pods by need
	amounts   []int64  // of one pod by resource
	free      []int64
	freePods  int64
	shortages [classes][]Shortage
	blocked   bits // DaemonSets with a host port that a pod has

	answers []answer // in the order of Daemons.rules
}

// answer is what follows from rules for the node.
type answer struct {
	verdict  Verdict
	started  bool // it cannot be told, but runs for sure once the startup taints are gone
	decision placement.Decision
}

// axis is something that is not known about a node, with all that it may be: a label or the
// name. A state of the node is a choice from each axis.
type axis struct {
	key     string   // of a label
	number  int      // of the label, in Daemons.labels
	options []option // of the label
	names   []string // of the name
}

func (a *axis) len() int { return max(len(a.options), len(a.names)) }

// begin puts the node in its state after start-up, before late labels come.
func (s *scratch) begin(d *Daemons, in *Input) {
	s.given = in.Node
	s.nameUnknown, s.name = in.NameUnknown, in.Node.Name
	if in.NameUnknown {
		s.name = d.freshName
	}
	clear(s.unknown)
	for _, key := range in.LateLabels {
		s.forget(d, key)
	}
	if in.NameUnknown {
		s.forget(d, corev1.LabelHostname)
	}

	s.node.Labels = in.Node.Labels
	if len(in.LateLabels) > 0 || in.NameUnknown {
		if s.labels == nil {
			s.labels = make(map[string]string, len(in.Node.Labels))
		}
		clear(s.labels)
		for key, value := range in.Node.Labels {
			if n, ok := d.labels[key]; !ok || !s.unknown.has(n) {
				s.labels[key] = value
			}
		}
		s.node.Labels = s.labels
		s.chosen = missing(s.chosen, len(d.labels))
	}
	s.setTaints(in.Node.Spec.Taints, in.StartupTaints)
	s.node.Name = s.name
}

// missing returns n labels that are missing, in the memory of list if that is large enough.
func missing(list []option, n int) []option {
	list = slices.Grow(list[:0], n)[:n]
	clear(list)
	return list
}

// end lets go of the caller's objects.
func (s *scratch) end() {
	s.given, s.node = nil, corev1.Node{}
	clear(s.pods[:cap(s.pods)])
	clear(s.taints[:cap(s.taints)])
	clear(s.early[:cap(s.early)])
}

// forget notes that a label is not known. One that no DaemonSet asks for does not matter.
func (s *scratch) forget(d *Daemons, key string) {
	if n, ok := d.labels[key]; ok {
		s.unknown.set(n)
	}
}

// setTaints tells the taints that stay from those that go.
func (s *scratch) setTaints(taints, startup []corev1.Taint) {
	if len(startup) == 0 {
		s.taints, s.early = append(s.taints[:0], taints...), s.early[:0]
		return
	}
	s.taints, s.early = s.taints[:0], s.early[:0]
	for i := range taints {
		if !matchesAny(startup, &taints[i]) {
			s.taints = append(s.taints, taints[i])
		}
	}
	s.early = append(s.early, s.taints...)
	for i := range startup {
		there := false
		for j := range taints {
			if matches(&startup[i], &taints[j]) {
				there = true
				s.goes(&taints[j])
			}
		}
		switch taint := startup[i]; {
		case there:
		case taint.Effect != "":
			s.goes(&taint)
		default:
			for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute} {
				taint.Effect = effect
				s.goes(&taint)
			}
		}
	}
}

// goes adds a taint to those that go, once.
func (s *scratch) goes(taint *corev1.Taint) {
	for i := range s.going() {
		if t := &s.going()[i]; t.Key == taint.Key && t.Value == taint.Value && t.Effect == taint.Effect {
			return
		}
	}
	s.early = append(s.early, *taint)
}

// going returns the taints that are there at first and go later.
func (s *scratch) going() []corev1.Taint {
	return s.early[min(len(s.taints), len(s.early)):]
}

// matches reports whether a taint is the given startup taint: key and effect are the same
// (MatchTaint@v0.37.2), or the startup taint is one of any effect.
func matches(startup, taint *corev1.Taint) bool {
	return startup.Key == taint.Key && (startup.Effect == taint.Effect || startup.Effect == "")
}

func matchesAny(startup []corev1.Taint, taint *corev1.Taint) bool {
	for i := range startup {
		if matches(&startup[i], taint) {
			return true
		}
	}
	return false
}

// checkStartupTaints fails if a startup taint of an input or a pool has no key or an effect that does
// not exist. No effect means every effect.
func checkStartupTaints(of string, taints []corev1.Taint) error {
	for i := range taints {
		if err := checkTaint(of, "startupTaints", i, &taints[i]); err != nil && (taints[i].Key == "" || taints[i].Effect != "") {
			return err
		}
	}
	return nil
}

// checkTaint fails if the i-th taint of a list, which of.list names, has no key or an effect that
// does not exist.
func checkTaint(of, list string, i int, t *corev1.Taint) error {
	switch {
	case t.Key == "":
		return field.Required(field.NewPath(of, list).Index(i).Child("key"), "")
	case !taint.IsEffect(t.Effect):
		return taint.NotSupported(field.NewPath(of, list).Index(i).Child("effect"), t.Effect)
	}
	return nil
}

// answer applies all rules to the node. It first decides the rules for which the known state
// suffices, because trying states leaves the node in another one.
func (s *scratch) answer(d *Daemons) {
	s.answers = slices.Grow(s.answers[:0], len(d.rules))[:len(d.rules)]
	for i := range d.rules {
		a := &s.answers[i]
		a.verdict, a.decision = s.known(&d.rules[i])
	}
	for i := range d.rules {
		r, a := &d.rules[i], &s.answers[i]
		if a.verdict == 0 {
			a.verdict, a.decision = s.undecided(r, a.decision)
		}
		a.started = a.verdict == VerdictCannotTell && s.runsStarted(r, a.decision)
	}
}

// verdict decides whether the pods of DaemonSets with these rules run on the node. The node has
// to be in its known state, and is not afterwards.
func (s *scratch) verdict(r *rules) (Verdict, placement.Decision) {
	verdict, decision := s.known(r)
	if verdict == 0 {
		return s.undecided(r, decision)
	}
	return verdict, decision
}

// known returns the decision about the known state, and the verdict if that follows from it.
func (s *scratch) known(r *rules) (Verdict, placement.Decision) {
	s.node.Spec.Taints = s.taints
	decision := r.matcher.Decide(&s.node)
	if !(s.nameUnknown && r.names != nil) && !r.asked.intersects(s.unknown) {
		switch {
		case !decision.Run:
			return VerdictDoesNotRun, decision
		case s.keptAway(r):
			return VerdictCannotTell, decision
		}
		return VerdictRuns, decision
	}
	switch {
	case decision.Reason == placement.ReasonTaint:
		// The taint is there in every state.
		return VerdictDoesNotRun, decision
	case decision.Run && s.keptAway(r):
		return VerdictCannotTell, decision
	}
	return 0, decision
}

// undecided tries the states of the node. It gets the decision about the known state.
func (s *scratch) undecided(r *rules, decision placement.Decision) (Verdict, placement.Decision) {
	s.open(r)
	verdict, furthest := s.tryAll(r, decision.Run, !decision.Run)
	if verdict == VerdictDoesNotRun {
		// A label that is not known is no reason if one that is missing for sure is.
		decision = furthest
	}
	return verdict, decision
}

// runsStarted reports whether the pod runs in every state once the startup taints are gone. The
// verdict is that it cannot be told, and the decision is that about the known state.
func (s *scratch) runsStarted(r *rules, decision placement.Decision) bool {
	if !decision.Run || len(s.going()) == 0 {
		return false
	}
	s.open(r)
	if len(s.axes) == 0 {
		return true
	}
	early := s.early
	s.early = nil
	verdict, _ := s.tryAll(r, true, false)
	s.early = early
	return verdict == VerdictRuns
}

// keptAway reports whether the taints keep the pod away for as long as the startup taints are
// there. Without any taint it would run.
func (s *scratch) keptAway(r *rules) bool {
	if len(s.early) == 0 {
		return false
	}
	s.node.Spec.Taints = s.early
	return !r.matcher.Decide(&s.node).Run
}

// open finds the axes that matter to a DaemonSet.
func (s *scratch) open(r *rules) {
	s.axes = s.axes[:0]
	for i := range r.labels {
		if l := &r.labels[i]; s.unknown.has(l.number) {
			s.axes = append(s.axes, axis{key: l.key, number: l.number, options: l.options})
		}
	}
	if s.nameUnknown && r.names != nil {
		s.axes = append(s.axes, axis{names: r.names})
	}
}

// tryAll looks at the states of the axes until both answers have been seen. runs and fails say
// which have been already. It leaves the node in one of the states. If no state runs the pod,
// furthest is the decision about the one that fails the last of the rules.
func (s *scratch) tryAll(r *rules, runs, fails bool) (verdict Verdict, furthest placement.Decision) {
	axes := s.axes
	defer func() { s.axes = axes }()
	fail, never := s.pin(r)
	fails, s.axes = fails || fail, s.pinned
	tried := s.eachState(func() bool {
		s.node.Spec.Taints = nil
		if decision := r.matcher.Decide(&s.node); !decision.Run {
			fails = true
			if decision.Reason > furthest.Reason {
				furthest = decision
			}
			return !runs
		}
		if runs {
			return !fails
		}
		// Taints do not depend on the axes: look once.
		if s.node.Spec.Taints = s.taints; len(s.taints) > 0 {
			if decision := r.matcher.Decide(&s.node); !decision.Run {
				fails, furthest = true, decision
				return false
			}
		}
		runs = true
		fails = fails || s.keptAway(r)
		return !fails
	})
	switch {
	case never:
		return VerdictDoesNotRun, furthest
	case runs && fails, !tried:
		return VerdictCannotTell, furthest
	case runs:
		return VerdictRuns, furthest
	default:
		return VerdictDoesNotRun, furthest
	}
}

// pin takes the states off the axes that fail an entry of the node selector: the pod runs in none
// of them. fails reports whether there is one, and never whether an entry fails in all states. One
// state of each label is left then: only the name changes the decision. The axes of labels have the
// order of the rules.
func (s *scratch) pin(r *rules) (fails, never bool) {
	s.pinned = append(s.pinned[:0], s.axes...)
	at := 0
	for i := range r.labels {
		l := &r.labels[i]
		open := at < len(s.axes) && s.axes[at].names == nil && s.axes[at].number == l.number
		switch {
		case l.entry == nil:
		case !open:
			value, ok := s.node.Labels[l.key]
			never = never || !ok || value != *l.entry
		default:
			a := &s.pinned[at]
			accepted := slices.Index(a.options, option{*l.entry, true})
			never = never || accepted < 0
			fails = fails || len(a.options) > 1
			accepted = max(accepted, 0)
			a.options = a.options[accepted : accepted+1]
		}
		if open {
			at++
		}
	}
	for i := 0; never && i < at; i++ {
		s.pinned[i].options = s.pinned[i].options[:1]
	}
	return fails, never
}

// eachState puts the node in every state of the axes and calls look, as long as that returns
// true. It returns false if there are too many states to try them all, and look did not end it.
func (s *scratch) eachState(look func() bool) bool {
	s.digits = s.digits[:0]
	for i := range s.axes {
		s.digits = append(s.digits, 0)
		s.choose(i)
	}
	for range maxStates {
		s.looks++
		if !look() {
			return true
		}
		i := 0
		for i < len(s.axes) && s.digits[i]+1 == s.axes[i].len() {
			i++
		}
		if i == len(s.axes) {
			return true
		}
		s.digits[i]++
		s.choose(i)
		for i--; i >= 0; i-- {
			s.digits[i] = 0
			s.choose(i)
		}
	}
	return false
}

// choose puts the node in the state that the i-th digit says.
func (s *scratch) choose(i int) {
	a := &s.axes[i]
	if a.names != nil {
		s.node.Name = a.names[s.digits[i]]
		return
	}
	option := a.options[s.digits[i]]
	if s.chosen[a.number] == option {
		return
	}
	s.chosen[a.number] = option
	option.set(s.labels, a.key)
}
