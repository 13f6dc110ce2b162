package rollout

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Canary tries a new template on some nodes first. The others wait until the pods
// there have passed: each has been available for as long as Wait says, and somebody
// has promoted the template where that is asked for. What goes wrong with a canary
// that has not passed pauses the update, or fails it; a failed one goes back to the
// template of the other nodes: see Result.Rollback.
//
// The canaries are found out from the facts alone, anew in each pass: first the
// nodes whose pods have been of the current template the longest, then those whose
// update is under way, then outdated ones as Spread and the order of the policy
// say. Nodes that get their first pod get one of the current template, as ever.
// Other nodes take the place of those that are ignored.
//
// A pod of an older template that is younger than some pod of the current one does
// not wait: the update goes back to a template that is still there, and nothing
// holds that up.
type Canary struct {
	// Nodes is how many canaries there are: a number, or a percentage of the nodes
	// that should run a pod, rounded up. It must be one at least.
	Nodes intstr.IntOrString
	// Selector is what nodes have to match to be canaries; nil: all may be.
	Selector *metav1.LabelSelector
	// Spread are node labels over whose values the canaries are spread evenly, as
	// far as that goes.
	Spread []string
	// Wait is for how long each canary has to be available, beyond minReadySeconds.
	Wait time.Duration
	// Manual has the update wait for Promoted once all canaries have passed.
	Manual bool
	// Promoted is the revision hash (Snapshot.RevisionHash) of the template that
	// somebody has approved of: its canaries are not looked at any more.
	Promoted string
	// PauseRestarts and FailRestarts are how often a canary's container may have
	// restarted, or its pod failed and been replaced: more pause the update, or fail
	// it. Zero means DefaultPauseRestarts and DefaultFailRestarts; below zero:
	// any number.
	PauseRestarts, FailRestarts int
	// PauseStarting and FailStarting are how long a canary's pod may take until it
	// is available, from its creation: longer pauses the update, or fails it. Zero:
	// as long as it takes. A container that cannot be started, for instance because
	// its image cannot be pulled, pauses the update at once.
	PauseStarting, FailStarting time.Duration
	// FailAfter is how long all canaries together may take to pass, from the
	// creation of the first one's pod. Zero: as long as it takes.
	FailAfter time.Duration
}

// How often a canary may restart where the Canary does not say, as in Datadog's
// ExtendedDaemonSet.
const (
	DefaultPauseRestarts = 2
	DefaultFailRestarts  = 5
)

// CanaryState says how the canaries are doing.
type CanaryState int

const (
	// CanaryStarting: not every canary has an available pod of the current template.
	CanaryStarting CanaryState = iota + 1
	// CanaryWaiting: every canary has one, but not for as long as Canary.Wait says.
	CanaryWaiting
	// CanaryUnpromoted: every canary has passed, and somebody has to promote the
	// template.
	CanaryUnpromoted
	// CanaryPassed: the other nodes are updated.
	CanaryPassed
	// CanaryPaused: something is wrong with a canary. The update goes on when that
	// is over, or the template is promoted.
	CanaryPaused
	// CanaryFailed: too much is wrong with a canary. The update goes back.
	CanaryFailed
	// CanaryImpossible: no node may be a canary, so that nothing can be tried.
	CanaryImpossible
)

// String returns the state as half a sentence.
func (s CanaryState) String() string {
	switch s {
	case CanaryStarting:
		return "starting"
	case CanaryWaiting:
		return "waiting"
	case CanaryUnpromoted:
		return "waiting for somebody to promote it"
	case CanaryPassed:
		return "passed"
	case CanaryPaused:
		return "paused"
	case CanaryFailed:
		return "failed"
	case CanaryImpossible:
		return "impossible, as no node can be one"
	}
	return fmt.Sprintf("CanaryState(%d)", int(s))
}

// CanaryStatus is how the canaries of an update are doing.
type CanaryStatus struct {
	// State is what the rest comes to.
	State CanaryState
	// Nodes are the canaries' nodes, ordered by name.
	Nodes []string
	// Until is when the last canary will have passed, where the State is
	// CanaryWaiting and all goes well; else zero.
	Until time.Time
	// Problems are what paused or failed the update, ordered by node name.
	Problems []CanaryProblem
	// BackTo is the revision hash of the template to go back to, where the State is
	// CanaryFailed: the one that most waiting pods carry. Empty during a Pause or a
	// Freeze.
	BackTo string
}

// String returns a line such as
// `canary paused on worker-1, worker-4: worker-1: agent-x2c4b: image "agent:2" cannot be pulled`.
func (c *CanaryStatus) String() string {
	if c == nil {
		return "no canary"
	}
	line := "canary " + c.State.String()
	if len(c.Nodes) > 0 {
		line += " on " + strings.Join(c.Nodes[:min(len(c.Nodes), shownPods)], ", ")
		if more := len(c.Nodes) - shownPods; more > 0 {
			line += fmt.Sprintf(" and %d more", more)
		}
	}
	if !c.Until.IsZero() {
		line += " until " + c.Until.UTC().Format(time.TimeOnly)
	}
	for i, problem := range c.Problems {
		if i == shownPods {
			return line + fmt.Sprintf("; and %d more", len(c.Problems)-i)
		}
		line += map[bool]string{true: ": ", false: "; "}[i == 0] + problem.String()
	}
	return line
}

// CanaryLimit says which limit of a Canary a pod is beyond.
type CanaryLimit int

const (
	// LimitRestarts: PauseRestarts or FailRestarts.
	LimitRestarts CanaryLimit = iota + 1
	// LimitCannotStart: a container cannot be started.
	LimitCannotStart
	// LimitStarting: PauseStarting or FailStarting.
	LimitStarting
	// LimitTime: FailAfter.
	LimitTime
)

// String returns the limit as half a sentence.
func (l CanaryLimit) String() string {
	switch l {
	case LimitRestarts:
		return "too many restarts"
	case LimitCannotStart:
		return "cannot be started"
	case LimitStarting:
		return "takes too long to start"
	case LimitTime:
		return "takes too long to pass"
	}
	return fmt.Sprintf("CanaryLimit(%d)", int(l))
}

// CanaryProblem is what is wrong with one canary.
type CanaryProblem struct {
	// Limit is which limit it is beyond.
	Limit CanaryLimit
	// Fails says that it fails the update, and does not only pause it.
	Fails bool
	// Restarts is how often its container restarted, or its pod failed and was
	// replaced, whichever is more.
	Restarts int
	// Blocker tells more: the node, and, as far as there is one, the pod and what
	// keeps it from being available. Its Reason is zero where the pod is available.
	Blocker Blocker
}

// String returns a phrase such as "worker-1: too many restarts (6)".
func (p CanaryProblem) String() string {
	text := p.Limit.String()
	if p.Limit == LimitRestarts {
		text += fmt.Sprintf(" (%d)", p.Restarts)
	}
	if p.Blocker.Reason == 0 {
		return p.Blocker.Node + ": " + text
	}
	return p.Blocker.String() + ": " + text
}

// String returns "canary on 5% of the nodes" with what else is set.
func (c Canary) String() string {
	text := "canary on " + c.Nodes.String()
	if c.Selector != nil {
		text += " of the nodes with " + metav1.FormatLabelSelector(c.Selector)
	}
	if len(c.Spread) > 0 {
		text += " over " + strings.Join(c.Spread, ", ")
	}
	if c.Wait > 0 {
		text += fmt.Sprintf(" for %v", c.Wait)
	}
	if c.Manual {
		text += " until promoted"
	}
	return text
}

func (Canary) kind() pieceKind { return kindCanary }

func (c Canary) rule(p *Policy, path *field.Path) (rule, field.ErrorList) {
	p.ages = true
	errs := checkAmount(path.Child("nodes"), c.Nodes, 1)
	selector := c.Selector
	if selector == nil {
		selector = &metav1.LabelSelector{}
	}
	eligible, wrong := p.selectorSlot(selector, path.Child("selector"))
	errs = append(errs, wrong...)
	if i := slices.Index(c.Spread, ""); i >= 0 {
		errs = append(errs, field.Required(path.Child("spread").Index(i), ""))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"wait", c.Wait}, {"pauseStarting", c.PauseStarting}, {"failStarting", c.FailStarting}, {"failAfter", c.FailAfter}} {
		if d.value < 0 {
			errs = append(errs, field.Invalid(path.Child(d.name), d.value.String(), "must not be negative"))
		}
	}
	c.Spread = slices.Clone(c.Spread)
	c.PauseRestarts = cmp.Or(c.PauseRestarts, DefaultPauseRestarts)
	c.FailRestarts = cmp.Or(c.FailRestarts, DefaultFailRestarts)
	return canaryRule{Canary: c, eligible: eligible, group: p.slot(spreadMarker{c.Spread})}, errs
}

// spreadMarker marks nodes with the values of some labels.
type spreadMarker struct{ keys []string }

func (m spreadMarker) mark(node *corev1.Node) string {
	if node == nil || len(m.keys) == 0 {
		return ""
	}
	values := make([]string, len(m.keys))
	for i, key := range m.keys {
		values[i] = node.Labels[key]
	}
	return strings.Join(values, "\n")
}

// canaryRule is a Canary with its limits filled in and the slots of its markers.
type canaryRule struct {
	Canary

	eligible, group int
}

func (c canaryRule) apply(r *round) {
	waiting := c.waiting(r)
	if len(waiting) == 0 || c.Promoted != "" && c.Promoted == r.s.RevisionHash() {
		return
	}
	status := &CanaryStatus{State: CanaryImpossible}
	r.step.Canary = status
	canaries := c.choose(r)
	slices.Sort(canaries)
	for _, i := range canaries {
		status.Nodes = append(status.Nodes, r.nodes[i].Name)
	}
	if len(canaries) > 0 {
		c.judge(r, canaries, status)
	}
	switch status.State {
	case CanaryPassed:
		return
	case CanaryFailed:
		status.BackTo = majority(r, waiting)
		fallthrough
	case CanaryPaused:
		canaries = nil
	}
	for _, i := range waiting {
		if _, is := slices.BinarySearch(canaries, i); !is {
			r.hold(i, HeldByCanary)
		}
	}
}

// waiting are the nodes that wait for the canaries, or are canaries to be: those
// with outdated pods that are older than all of the current template.
func (c canaryRule) waiting(r *round) []int {
	oldest := int64(math.MaxInt64)
	for i, role := range r.l.roles {
		if role&roleUpdated != 0 && r.l.ages[i].cur != 0 {
			oldest = min(oldest, r.l.ages[i].cur)
		}
	}
	out := make([]int, 0, r.step.Outdated)
	for i := range r.l.roles {
		if r.pending(i) && r.held[i] == 0 && r.l.ages[i].old <= oldest {
			out = append(out, i)
		}
	}
	return out
}

// choose finds the canaries.
func (c canaryRule) choose(r *round) []int {
	type agedNode struct {
		position int
		created  int64
	}
	updated := make([]agedNode, 0, len(r.nodes)-r.step.Outdated)
	var underway, pending []int
	eligible := &r.l.marks[c.eligible]
	for i := range r.nodes {
		if !r.desired(i) || r.held[i] != 0 || eligible.names[eligible.of[i]] != selected {
			continue
		}
		switch {
		case r.updated(i):
			updated = append(updated, agedNode{position: i, created: r.l.ages[i].cur})
		case r.pending(i):
			pending = append(pending, i)
		default:
			underway = append(underway, i)
		}
	}
	most := min(amountOf(c.Nodes, r.step.Desired, up), len(r.nodes))
	slices.SortFunc(updated, func(a, b agedNode) int {
		return cmp.Or(cmp.Compare(a.created, b.created), r.before(a.position, b.position))
	})
	out := make([]int, 0, most)
	for _, n := range updated[:min(most, len(updated))] {
		out = append(out, n.position)
	}
	if len(out) < most {
		slices.SortFunc(underway, r.before)
		out = append(out, underway[:min(most-len(out), len(underway))]...)
	}
	if len(out) < most {
		slices.SortFunc(pending, r.before)
		out = c.spread(r, out, pending, most)
	}
	return out
}

// spread adds pending nodes up to the given number, each from the group that has
// fewest.
func (c canaryRule) spread(r *round, out, pending []int, most int) []int {
	group := r.l.marks[c.group].of
	counts := make([]int, len(r.l.marks[c.group].names))
	for _, i := range out {
		counts[group[i]]++
	}
	// Groups are in the order of their first nodes.
	var order []int32
	groups := make([][]int, len(counts))
	for _, i := range pending {
		if groups[group[i]] == nil {
			order = append(order, group[i])
		}
		groups[group[i]] = append(groups[group[i]], i)
	}
	for len(out) < most && len(order) > 0 {
		g := slices.MinFunc(order, func(a, b int32) int { return cmp.Compare(counts[a], counts[b]) })
		out = append(out, groups[g][0])
		counts[g]++
		if groups[g] = groups[g][1:]; len(groups[g]) == 0 {
			order = slices.DeleteFunc(order, func(o int32) bool { return o == g })
		}
	}
	return out
}

// judge looks at each canary that has not passed.
func (c canaryRule) judge(r *round, canaries []int, status *CanaryStatus) {
	now := r.s.Now()
	var first time.Time
	var unpassed []int
	starting := false
	for _, i := range canaries {
		cur := sortOut(r.nodes[i].Pods).cur
		if cur != nil {
			if created := cur.Pod.CreationTimestamp.Time; first.IsZero() || created.Before(first) {
				first = created
			}
		}
		if cur != nil && cur.Available {
			until := c.passes(r, cur.Pod)
			if !until.After(now) {
				continue
			}
			status.Until = latest(status.Until, until)
		} else {
			starting = true
		}
		unpassed = append(unpassed, i)
	}
	late, due := beyond(first, c.FailAfter, now)
	for _, i := range unpassed {
		status.Problems = append(status.Problems, c.problems(r, i)...)
		if late {
			status.Problems = append(status.Problems, CanaryProblem{Limit: LimitTime, Fails: true, Blocker: Blocker{Node: r.nodes[i].Name}})
		}
		r.requeueAt(due)
	}
	switch {
	case slices.ContainsFunc(status.Problems, func(p CanaryProblem) bool { return p.Fails }):
		status.State = CanaryFailed
	case len(status.Problems) > 0:
		status.State = CanaryPaused
	case starting:
		status.State = CanaryStarting
	case len(unpassed) > 0:
		status.State = CanaryWaiting
		r.requeueAt(status.Until)
		return
	case c.Manual:
		status.State = CanaryUnpromoted
	default:
		status.State = CanaryPassed
	}
	status.Until = time.Time{}
}

// passes is when an available pod will have been available for long enough.
func (c canaryRule) passes(r *round, pod *corev1.Pod) time.Time {
	ready := condition(pod, corev1.PodReady)
	if ready == nil || ready.LastTransitionTime.IsZero() {
		return time.Time{}
	}
	return ready.LastTransitionTime.Add(time.Duration(r.s.DaemonSet().Spec.MinReadySeconds)*time.Second + c.Wait)
}

// problems says what is wrong with a canary that has not passed.
func (c canaryRule) problems(r *round, i int) []CanaryProblem {
	n, now := &r.nodes[i], r.s.Now()
	problem := CanaryProblem{Blocker: Blocker{Node: n.Name}, Restarts: failures(r, n.Name)}
	var out []CanaryProblem
	add := func(limit CanaryLimit, fails, pauses bool) {
		if fails || pauses {
			problem.Limit, problem.Fails = limit, fails
			out = append(out, problem)
		}
	}
	cur := sortOut(n.Pods).cur
	starting := cur != nil && !cur.Available
	if cur != nil {
		problem.Blocker.Pod = cur.Pod
		for _, container := range containers(cur.Pod) {
			problem.Restarts = max(problem.Restarts, int(container.status.RestartCount))
		}
	}
	if starting {
		problem.Blocker = (&blockerFinder{s: r.s}).living(n, cur)
	}
	more := func(limit int) bool { return limit >= 0 && problem.Restarts > limit }
	add(LimitRestarts, more(c.FailRestarts), more(c.PauseRestarts))
	if starting {
		add(LimitCannotStart, false, problem.Blocker.Reason == BlockImage || problem.Blocker.Reason == BlockContainer)
		created := cur.Pod.CreationTimestamp.Time
		fails, failsAt := beyond(created, c.FailStarting, now)
		pauses, pausesAt := beyond(created, c.PauseStarting, now)
		add(LimitStarting, fails, pauses)
		r.requeueAt(failsAt)
		r.requeueAt(pausesAt)
	}
	return out
}

// failures is how many pods have failed on a node one after the other: the delay
// of the backoff doubles with each.
func failures(r *round, node string) int {
	e, ok := backoff(r.s, node)
	if !ok || r.s.Now().Sub(e.Last) > backoffForgets {
		return 0
	}
	n := 1
	for delay := e.Delay; delay > time.Second; delay /= 2 {
		n++
	}
	return n
}

// beyond reports whether the limit has gone by, or else when it will have;
// both are zero where there is no limit or no beginning.
func beyond(since time.Time, limit time.Duration, now time.Time) (is bool, due time.Time) {
	if limit <= 0 || since.IsZero() {
		return false, time.Time{}
	}
	if due = since.Add(limit); due.After(now) {
		return false, due
	}
	return true, time.Time{}
}

// majority is the revision hash that most of the outdated pods on the given nodes
// carry; of several, the first in the order of text.
func majority(r *round, nodes []int) string {
	counts := map[string]int{}
	for _, i := range nodes {
		if old := sortOut(r.nodes[i].Pods).old; old != nil {
			counts[hashOf(old.Pod)]++
		}
	}
	best := ""
	for hash, count := range counts {
		if hash != "" && (count > counts[best] || count == counts[best] && hash < best || best == "") {
			best = hash
		}
	}
	return best
}

// rollback takes ds back to the template that a failed canary was to replace.
func (c *CanaryStatus) rollback(ds *appsv1.DaemonSet, old []*appsv1.ControllerRevision) *Rollback {
	if c == nil || c.State != CanaryFailed || c.BackTo == "" {
		return nil
	}
	for _, rev := range old {
		if rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == c.BackTo {
			// A revision that holds no template is none to go back to.
			if back, err := RollBack(ds, rev); err == nil && !back.Skipped() {
				return back
			}
		}
	}
	return nil
}
