package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/percent"
	"github.com/pernode/daemonset/internal/podstatus"
)

// CanaryTrial is the memory of a canary: a pass returns it in Result.CanaryTrial, and the
// next pass takes it in Options.CanaryTrial. It can be stored as JSON, for instance in the
// status of a custom resource.
//
// A trial is for one revision. After it has passed, failed or been promoted, its state is
// final: nodes that join later and pods that break later change nothing. To promote a
// template, in any state of its trial, set State to CanaryPromoted in a DeepCopy of
// Result.CanaryTrial, and pass the copy as Options.CanaryTrial of the next pass.
//
// A trial ends when another template is current, also by a rollback, and nothing remembers
// that it failed: if a GitOps tool applies the failed template again, it is tried again. Keep
// the RevisionHash of a trial that is CanaryFailed. history.Matches says whether a DaemonSet has the
// template of that revision.
type CanaryTrial struct {
	// RevisionHash is the hash label of the revision.
	RevisionHash string `json:"revisionHash"`
	// State says how far the trial is.
	State CanaryState `json:"state"`
	// Since is when the trial began, to the second. It is zero until a node can be
	// tried.
	Since metav1.Time `json:"since,omitzero"`
	// Nodes are the nodes that are tried, ordered by name. Their number stays the same
	// for the whole trial. A node that leaves or is ignored is replaced by another. If there
	// is no other, it stays in the list and is not judged.
	Nodes []CanaryNode `json:"nodes,omitempty"`
	// BackTo is the revision hash of the template that a failed trial restores: the one
	// that most of the waiting pods carried when the trial began.
	BackTo string `json:"backTo,omitempty"`
}

// CanaryNode is a node that a canary is tried on.
type CanaryNode struct {
	// Name is the node's name.
	Name string `json:"name"`
	// Restarts is the number of restarts and failed pods of the node when its trial began.
	// It decreases when the pod is replaced. These restarts never fail the trial.
	Restarts int `json:"restarts,omitempty"`
	// Passed says that the node's pod has been available for long enough. The node is no
	// longer judged.
	Passed bool `json:"passed,omitempty"`
}

// CanaryState says how far the trial of a canary is.
type CanaryState string

const (
	// CanaryStarting: a node has no available pod of the current template yet.
	CanaryStarting CanaryState = "Starting"
	// CanaryWaiting: every node has an available pod of the current template, but not all of
	// them have been available for Canary.Wait.
	CanaryWaiting CanaryState = "Waiting"
	// CanaryUnpromoted: every node has passed, and the template waits for promotion.
	CanaryUnpromoted CanaryState = "Unpromoted"
	// CanaryPassed: every node has passed; the other nodes are updated.
	CanaryPassed CanaryState = "Passed"
	// CanaryRolledBack: the template is the one that a failed canary was rolled back to. It
	// is not tried; all nodes are updated.
	CanaryRolledBack CanaryState = "RolledBack"
	// CanaryPromoted: the caller has approved the template; the other nodes are
	// updated. Only a caller sets it.
	CanaryPromoted CanaryState = "Promoted"
	// CanaryPaused: a node has a problem. The update continues when the problem is over or
	// the template is promoted.
	CanaryPaused CanaryState = "Paused"
	// CanaryFailed: a node has, or had, a problem beyond the limits. The update is rolled
	// back; see Result.Rollback and Result.NoRollback.
	CanaryFailed CanaryState = "Failed"
	// CanaryImpossible: no node can be tried.
	CanaryImpossible CanaryState = "Impossible"
)

// canaryStates are all states.
var canaryStates = []CanaryState{
	CanaryStarting, CanaryWaiting, CanaryUnpromoted, CanaryPassed, CanaryRolledBack, CanaryPromoted, CanaryPaused, CanaryFailed, CanaryImpossible,
}

// phrase returns the state as a short phrase.
func (s CanaryState) phrase() string {
	switch s {
	case CanaryStarting:
		return "starting"
	case CanaryWaiting:
		return "waiting"
	case CanaryUnpromoted:
		return "waits for promotion"
	case CanaryRolledBack:
		return "rolled back"
	case CanaryPassed:
		return "passed"
	case CanaryPromoted:
		return "promoted"
	case CanaryPaused:
		return "paused"
	case CanaryFailed:
		return "failed"
	case CanaryImpossible:
		return "impossible: no node can be tried"
	}
	return fmt.Sprintf("CanaryState(%q)", string(s))
}

// Final reports whether the trial is over, so that only a caller changes the state: it is
// true for CanaryPassed, CanaryPromoted, CanaryRolledBack and CanaryFailed, and false for
// any other value.
func (s CanaryState) Final() bool {
	return s == CanaryPassed || s == CanaryPromoted || s == CanaryRolledBack || s == CanaryFailed
}

// needsDecision reports whether the trial goes on only after a decision.
func (s CanaryState) needsDecision() bool {
	return s == CanaryUnpromoted || s == CanaryPaused || s == CanaryFailed || s == CanaryImpossible
}

// CanaryStatus describes the trial of a canary at one moment.
type CanaryStatus struct {
	// Trial is the trial as it is after the step.
	Trial CanaryTrial
	// Until is when the last node passes if its pods stay available. It is zero if the
	// state is not CanaryWaiting, and if a pod does not record since when it is ready.
	Until time.Time
	// Problems are the problems that pause or fail the update, as they are now,
	// ordered by node name.
	Problems []CanaryProblem
	// NoneSelected says that the state is CanaryImpossible because no eligible node matches
	// Canary.NodeSelector. Otherwise the policy ignores or holds back those that do, or no node is
	// eligible.
	NoneSelected bool
}

// String returns a line such as
// `canary paused on worker-1, worker-4: worker-1: agent-x2c4b: image "agent:2" cannot be pulled: ImagePullBackOff`,
// or `canary failed: worker-1: agent-x2c4b: takes too long to start` if the only node has the problem.
func (c *CanaryStatus) String() string {
	if c == nil {
		return "no canary"
	}
	line := "canary " + c.Trial.State.phrase()
	if c.NoneSelected {
		line = "canary impossible: no eligible node matches Canary.NodeSelector"
	}
	// Problems name their node: a single one is not named twice.
	named := len(c.Trial.Nodes) == 1 && len(c.Problems) > 0 && c.Problems[0].Node == c.Trial.Nodes[0].Name
	if nodes := c.Trial.Nodes; len(nodes) > 0 && c.Trial.State != CanaryImpossible && !named {
		names := make([]string, 0, shownNames)
		for _, n := range nodes[:min(len(nodes), shownNames)] {
			names = append(names, n.Name)
		}
		line += " on " + strings.Join(names, ", ")
		if more := len(nodes) - shownNames; more > 0 {
			line += fmt.Sprintf(" and %d more", more)
		}
	}
	if !c.Until.IsZero() {
		line += " until " + c.Until.UTC().Format(time.RFC3339)
	}
	for i, problem := range c.Problems {
		switch {
		case i == shownNames:
			return line + fmt.Sprintf("; and %d more", len(c.Problems)-i)
		case i == 0:
			line += ": " + problem.String()
		default:
			line += "; " + problem.String()
		}
	}
	return line
}

// CanaryLimit names a limit of a Canary.
type CanaryLimit int

const (
	// CanaryLimitRestarts: PauseRestarts or FailRestarts.
	CanaryLimitRestarts CanaryLimit = iota + 1
	// CanaryLimitCannotStart: a container cannot start.
	CanaryLimitCannotStart
	// CanaryLimitStarting: PauseStarting or FailStarting.
	CanaryLimitStarting
	// CanaryLimitTime: FailAfter.
	CanaryLimitTime
)

// String returns the limit as a short phrase.
func (l CanaryLimit) String() string {
	switch l {
	case CanaryLimitRestarts:
		return "too many restarts or failed pods"
	case CanaryLimitCannotStart:
		return "cannot start"
	case CanaryLimitStarting:
		return "takes too long to start"
	case CanaryLimitTime:
		return "takes too long to pass"
	}
	return fmt.Sprintf("CanaryLimit(%d)", int(l))
}

// CanaryProblem is a problem of one node of a canary.
type CanaryProblem struct {
	// Limit names the limit that the node exceeds.
	Limit CanaryLimit
	// Fails says that the problem fails the update. Otherwise it pauses the update.
	Fails bool
	// Node is the node's name.
	Node string
	// Pod is the name of the pod. It is empty if the node has no pod of the current
	// template.
	Pod string
	// Restarts is the largest number of restarts of a container, or of failed pods in
	// a row.
	Restarts int
	// Container is the container that cannot start. It is set with CanaryLimitCannotStart, and so
	// are the fields below.
	Container string
	// Init says that it is an init container.
	Init bool
	// Image is the image that the pod asks for, if it cannot be pulled; otherwise it is empty.
	Image string
	// Reason is the kubelet's reason, such as ImagePullBackOff. Message is what comes with it; it
	// may be empty or long.
	Reason, Message string
}

// String returns a phrase such as "worker-1: agent-x2c4b: too many restarts or failed pods (6)", or
// `worker-1: agent-x2c4b: image "agent:2" cannot be pulled: ImagePullBackOff`.
func (p CanaryProblem) String() string {
	text := p.Node + ": "
	if p.Pod != "" {
		text += p.Pod + ": "
	}
	switch p.Limit {
	case CanaryLimitRestarts:
		return text + fmt.Sprintf("%v (%d)", p.Limit, p.Restarts)
	case CanaryLimitCannotStart:
		return text + p.startSentence()
	}
	return text + p.Limit.String()
}

// startSentence says why a container cannot start, in the words of health.Blocker.
func (p *CanaryProblem) startSentence() string {
	text, parts := "container "+p.Container+" cannot start", []string{p.Reason, p.Message}
	switch {
	case p.Image != "":
		text, parts = fmt.Sprintf("image %q cannot be pulled", p.Image), parts[:1]
	case p.Init:
		text = "init " + text
	}
	for _, part := range parts {
		part = strings.Join(strings.Fields(part), " ")
		if runes := []rune(part); len(runes) > mostText {
			part = string(runes[:mostText]) + "..."
		}
		if part != "" {
			text += ": " + part
		}
	}
	return text
}

// mostText is how long a message in a sentence may be.
const mostText = 240

// tryCanary applies Policy.Canary: it continues or begins the trial, and holds the other
// nodes back until it has passed.
func (c *choice) tryCanary(canary *Canary, memory *CanaryTrial) {
	f, hash := c.facts, c.s.RevisionHash()
	if memory != nil && memory.RevisionHash != hash {
		if c.restores(memory) {
			// A template that a failed trial restores is not tried.
			c.step.Policy.Canary = &CanaryStatus{Trial: CanaryTrial{RevisionHash: hash, State: CanaryRolledBack, Since: c.seconds()}}
			return
		}
		memory = nil
	}
	if memory != nil && memory.State.Final() && memory.State != CanaryFailed {
		return
	}
	if memory == nil && f.outdated == 0 {
		return
	}
	waiting := c.countWaiting()
	if memory == nil && waiting == 0 {
		return
	}
	trial, positions := c.continueTrial(canary, memory)
	status := &CanaryStatus{Trial: trial}
	c.judge(canary, status, positions, memory != nil)
	if status.Trial.State == CanaryImpossible && waiting == 0 {
		return // The nodes have left, and the trial holds nothing back.
	}
	c.step.Policy.Canary = status
	status.NoneSelected = status.Trial.State == CanaryImpossible && c.step.Desired > 0 && !c.selectsAny()
	switch status.Trial.State {
	case CanaryPassed:
		return
	case CanaryFailed:
		if status.Trial.BackTo == "" {
			status.Trial.BackTo = c.mostPods()
		}
		c.closeClasses(RestrictionCanary, func(int) bool { return true })
		// What has begun with the failed template does not go on.
		for i := f.pairs.Next(0); i >= 0; i = f.pairs.Next(i + 1) {
			c.hold(i, RestrictionCanary)
		}
		return
	}
	c.setTried(positions)
	free := flagYoung | flagTried
	if status.Trial.State == CanaryPaused {
		free = flagYoung
	}
	c.closeClasses(RestrictionCanary, func(k int) bool { return f.classes.counts[k].flags&free == 0 })
}

// selectsAny reports whether an eligible node matches Canary.NodeSelector.
func (c *choice) selectsAny() bool {
	f := c.facts
	names, slot := f.columns[c.policy.eligibleColumn].names, f.classes.slot(c.policy.eligibleColumn)
	return slices.ContainsFunc(f.classes.counts, func(counts classCounts) bool {
		return counts.desired > 0 && names[counts.values[slot]] == selected
	})
}

// countWaiting returns how many nodes are updated only by a canary or after it: pending ones whose
// pod is not younger than the oldest pod of the current template.
func (c *choice) countWaiting() (waiting int) {
	f := c.facts
	for k := range f.classes.counts {
		if f.isOpen(k) && f.classes.counts[k].flags&flagYoung == 0 {
			waiting += f.classes.counts[k].pending
		}
	}
	return waiting
}

// setTried notes the nodes of the trial, which are in ascending order.
func (c *choice) setTried(positions []int) {
	f := c.facts
	var changed []int
	set := func(i int, tried bool) {
		if c.setFlag(i, flagTried, tried) {
			changed = append(changed, i)
		}
	}
	for _, i := range f.tried {
		if _, still := slices.BinarySearch(positions, i); !still {
			set(i, false)
		}
	}
	for _, i := range positions {
		set(i, true)
	}
	f.tried = positions
	f.looked += len(positions)
	f.queues.change(c.nodes, changed, f)
}

// seconds returns the time of the snapshot in the precision that JSON keeps.
func (c *choice) seconds() metav1.Time { return metav1.NewTime(c.s.Now().Truncate(time.Second)) }

// continueTrial returns the trial with the nodes of this pass, a new trial without
// memory, and the positions of the nodes to judge in ascending order.
func (c *choice) continueTrial(canary *Canary, memory *CanaryTrial) (trial CanaryTrial, positions []int) {
	var known []CanaryNode
	if memory != nil {
		trial = *memory
		known = byNodeName(memory.Nodes)
	} else {
		trial = CanaryTrial{RevisionHash: c.s.RevisionHash(), BackTo: c.mostPods()}
	}
	most := len(known)
	if most == 0 {
		nodes, _ := percent.RoundUp(canary.Nodes, c.step.Desired) // a valid policy
		most = min(nodes, len(c.nodes))
	}
	trial.Nodes = make([]CanaryNode, 0, most)
	var absent []CanaryNode
	eligible := &c.facts.columns[c.policy.eligibleColumn]
	for _, n := range known {
		if i, is := c.position(n.Name); is && c.mayBeCanary(i, eligible) {
			positions = append(positions, i)
			trial.Nodes = append(trial.Nodes, n)
		} else {
			absent = append(absent, n)
		}
	}
	if present := len(positions); present < most && c.countCandidates(eligible) > present {
		positions = c.chooseNodes(positions, most)
		for _, i := range positions[present:] {
			trial.Nodes = append(trial.Nodes, CanaryNode{Name: c.nodes[i].Name, Restarts: c.restarts(i)})
		}
		slices.Sort(positions)
	}
	trial.Nodes = append(trial.Nodes, absent[:min(len(absent), most-len(trial.Nodes))]...)
	slices.SortFunc(trial.Nodes, func(a, b CanaryNode) int { return strings.Compare(a.Name, b.Name) })
	if trial.Since.IsZero() && len(trial.Nodes) > 0 {
		trial.Since = c.seconds()
	}
	return trial, positions
}

// byNodeName returns nodes ordered by name. If a name repeats, the last one counts.
func byNodeName(nodes []CanaryNode) []CanaryNode {
	ascending := true
	for i := 1; i < len(nodes) && ascending; i++ {
		ascending = nodes[i-1].Name < nodes[i].Name
	}
	if ascending {
		return nodes
	}
	last := make(map[string]CanaryNode, len(nodes))
	for _, n := range nodes {
		last[n.Name] = n
	}
	return slices.SortedFunc(maps.Values(last), func(a, b CanaryNode) int { return strings.Compare(a.Name, b.Name) })
}

// position returns the position of the named node.
func (c *choice) position(name string) (int, bool) {
	return slices.BinarySearchFunc(c.nodes, name, func(n daemon.NodeState, name string) int { return strings.Compare(n.Name, name) })
}

// judge sets the state of the trial and of each node that has not passed. Without memory
// nothing fails the trial; a failed trial stays failed.
func (c *choice) judge(canary *Canary, status *CanaryStatus, positions []int, remembered bool) {
	trial := &status.Trial
	failed := trial.State == CanaryFailed
	fails, starting, waiting := false, false, false
	var until time.Time
	unknown := false
	next := 0
	for k := range trial.Nodes {
		n := &trial.Nodes[k]
		if next == len(positions) || c.nodes[positions[next]].Name != n.Name {
			continue // The node is absent.
		}
		i := positions[next]
		next++
		n.Restarts = max(0, min(n.Restarts, c.restarts(i)))
		if n.Passed {
			continue
		}
		cur := podsToUpdate(c.nodes[i].Pods).cur
		switch {
		case cur == nil || !cur.Available:
			starting = true
		default:
			at, known := c.passes(canary, cur.Pod)
			if known && c.due(at) && !failed {
				n.Passed = true
				continue
			}
			waiting, unknown, until = true, unknown || !known, podstatus.Latest(until, at)
		}
		for _, problem := range c.problems(canary, trial, i, n.Restarts) {
			problem.Fails = problem.Fails && remembered
			fails = fails || problem.Fails
			status.Problems = append(status.Problems, problem)
		}
	}
	switch {
	case failed || fails:
		trial.State = CanaryFailed
	case len(positions) == 0:
		trial.State = CanaryImpossible
	case len(status.Problems) > 0:
		trial.State = CanaryPaused
	case starting:
		trial.State = CanaryStarting
	case waiting:
		trial.State = CanaryWaiting
		if !unknown {
			status.Until = until
		}
	case canary.Manual:
		trial.State = CanaryUnpromoted
	default:
		trial.State = CanaryPassed
	}
}

// passes returns when an available pod has been available for long enough; false if that
// is not known.
func (c *choice) passes(canary *Canary, pod *corev1.Pod) (time.Time, bool) {
	minReady := time.Duration(c.s.DaemonSet().Spec.MinReadySeconds) * time.Second
	ready := podstatus.Condition(pod, corev1.PodReady)
	if ready == nil || ready.LastTransitionTime.IsZero() {
		return time.Time{}, canary.Wait.Duration == 0 && minReady == 0
	}
	return ready.LastTransitionTime.Add(minReady).Add(canary.Wait.Duration), true
}

// problems returns the problems of a node that has not passed. Restarts and time before
// the trial began pause it and never fail it.
func (c *choice) problems(canary *Canary, trial *CanaryTrial, i, before int) []CanaryProblem {
	n := &c.nodes[i]
	problem := CanaryProblem{Node: n.Name, Restarts: c.restarts(i)}
	var out []CanaryProblem
	add := func(limit CanaryLimit, fails, pauses bool) {
		if fails || pauses {
			problem.Limit, problem.Fails = limit, fails
			out = append(out, problem)
		}
	}
	pods := podsToUpdate(n.Pods)
	if pods.current != nil {
		problem.Pod = pods.current.Pod.Name
	}
	most := func(limit, standard int) int {
		if limit = cmp.Or(limit, standard); limit < 0 {
			return math.MaxInt
		}
		return limit
	}
	pause, fail := most(canary.PauseRestarts, DefaultPauseRestarts), most(canary.FailRestarts, DefaultFailRestarts)
	add(CanaryLimitRestarts, problem.Restarts-before > fail, problem.Restarts > min(pause, fail))
	if cur := pods.cur; cur != nil && !cur.Available {
		if why, is := cannotStart(cur, c.s.Now()); is {
			why.Node, why.Pod, why.Restarts = problem.Node, problem.Pod, problem.Restarts
			out = append(out, why)
		}
		created := cur.Pod.CreationTimestamp.Time
		fails := c.beyond(podstatus.Latest(created, trial.Since.Time), canary.FailStarting)
		slow, tooSlow := c.beyond(created, canary.PauseStarting), c.beyond(created, canary.FailStarting)
		add(CanaryLimitStarting, fails, slow || tooSlow)
	}
	add(CanaryLimitTime, c.beyond(trial.Since.Time, canary.FailAfter), false)
	return out
}

// beyond reports whether a limit has passed. If it has not, the step asks for a pass at
// that time. A limit of zero never passes.
func (c *choice) beyond(since time.Time, limit metav1.Duration) bool {
	return limit.Duration > 0 && !since.IsZero() && c.due(since.Add(limit.Duration))
}

// restarts returns the largest number of restarts of a container of the new pod, or of
// failed pods in a row.
func (c *choice) restarts(i int) int {
	n := c.s.FailuresInARow(c.nodes[i].Name)
	if current := podsToUpdate(c.nodes[i].Pods).current; current != nil {
		for _, container := range podstatus.Containers(current.Pod) {
			n = max(n, int(container.Status.RestartCount))
		}
	}
	return n
}

// cannotStart returns the problem of the first container whose image cannot be pulled, or that cannot
// be created or started. It names no node and no pod.
func cannotStart(p *daemon.PodState, now time.Time) (problem CanaryProblem, is bool) {
	for _, c := range podstatus.Containers(p.Pod) {
		kind, reason, message := c.Problem(now)
		problem := CanaryProblem{Limit: CanaryLimitCannotStart, Container: c.Status.Name, Init: c.Init, Reason: reason, Message: message}
		switch kind {
		case podstatus.ProblemImage:
			problem.Image = c.Image()
			return problem, true
		case podstatus.ProblemStart:
			return problem, true
		}
	}
	return CanaryProblem{}, false
}

// rollback returns the rollback of a failed trial, or the reason not to roll back.
func (r *Result) rollback(trial *CanaryTrial, halted bool) (*history.Rollback, NoRollback) {
	if trial.State != CanaryFailed {
		return nil, 0
	}
	if halted {
		return nil, NoRollbackPaused
	}
	ds := r.Snapshot.DaemonSet()
	reason := NoRollbackMissing
	for _, rev := range r.Revisions.Old {
		if trial.BackTo == "" || rev.Labels[r.Snapshot.Naming().RevisionHashLabel] != trial.BackTo {
			continue
		}
		back, err := history.NewRollback(ds, rev)
		switch {
		case err != nil:
			reason = NoRollbackInvalid
		case equalTemplates(&back.DaemonSet.Spec.Template, &ds.Spec.Template):
			reason = NoRollbackEqual
		default:
			return back, 0
		}
	}
	return nil, reason
}

// equalTemplates reports whether two templates mean the same, even if revisions store them
// in different bytes.
func equalTemplates(a, b *corev1.PodTemplateSpec) bool { return len(diff.Templates(a, b)) == 0 }

// restores reports whether the current template is the one that a failed trial restores.
// The revision may hold it in other bytes, and then has another hash.
func (c *choice) restores(memory *CanaryTrial) bool {
	if memory.State != CanaryFailed || memory.BackTo == "" {
		return false
	}
	if memory.BackTo == c.s.RevisionHash() {
		return true
	}
	for _, r := range c.s.Revisions() {
		if !r.Claim.Owned() || r.Hash != memory.BackTo {
			continue
		}
		if template, err := history.Template(r.Revision); err == nil && equalTemplates(template, &c.s.DaemonSet().Spec.Template) {
			return true
		}
	}
	return false
}

// NoRollback says why a failed canary is not rolled back.
type NoRollback int

const (
	// NoRollbackPaused: the update is paused or frozen.
	NoRollbackPaused NoRollback = iota + 1
	// NoRollbackMissing: no revision has the hash CanaryTrial.BackTo.
	NoRollbackMissing
	// NoRollbackInvalid: history.Template fails for the revision.
	NoRollbackInvalid
	// NoRollbackEqual: the revision holds the DaemonSet's template in other bytes, such as
	// with "creationTimestamp":null. A patch would change nothing.
	NoRollbackEqual
)

// String returns the reason as a short phrase.
func (n NoRollback) String() string {
	switch n {
	case 0:
		return "nothing prevents a rollback"
	case NoRollbackPaused:
		return "the update is paused or frozen"
	case NoRollbackMissing:
		return "no revision holds the template"
	case NoRollbackInvalid:
		return "the revision holds no valid template"
	case NoRollbackEqual:
		return "the revision holds the same template"
	}
	return fmt.Sprintf("NoRollback(%d)", int(n))
}

// due reports whether a time is not after now. If it is after now, the step asks for a
// pass at that time.
func (c *choice) due(at time.Time) bool {
	if !at.After(c.s.Now()) {
		return true
	}
	requeue(&c.step.Plan, at.Sub(c.s.Now()))
	return false
}
