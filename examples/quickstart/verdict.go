package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// judge says how the rollout of a stored DaemonSet is.
func (w *work) judge() {
	in := w.Input
	// What a server has stored is taken as it is, for a newer server may allow more. But
	// without an update strategy no rollout can be judged.
	wrong := slices.DeleteFunc(daemon.Validate(in.DaemonSet), func(err *field.Error) bool {
		return !strings.HasPrefix(err.Field, "spec.updateStrategy")
	})
	if len(wrong) > 0 {
		w.refuse(w.objects.Locate(w.DaemonSet, wrong))
		return
	}
	if w.lacks(manifest.NoteNoNodes) || w.lacks(manifest.NoteNoPods) {
		w.judgeStatus()
		if !w.lacks(manifest.NoteNoNodes) {
			w.countNodes()
		}
		return
	}
	result, err := rollout.Sync(in, rollout.Options{})
	switch {
	case err != nil:
		w.refuse(w.locate(err))
		return
	case result.Snapshot == nil:
		w.a.State = stateIgnored
		w.a.Verdict = fmt.Sprintf("ignored: the controller does nothing: %v", result.Outcome)
		if result.Outcome == rollout.OutcomeDeleting {
			w.a.State = health.StateDeleting.String()
			w.a.Verdict = "deleting: the controller does nothing any more"
		}
		w.countNodes()
		return
	}
	assessment, err := health.Assess(result.Snapshot, health.Options{})
	if err != nil {
		w.refuse(w.locate(err))
		return
	}
	a := &w.a
	a.State, a.Desired, a.Complete, a.Outdated = assessment.State.String(), assessment.Desired, assessment.Complete, len(assessment.Outdated)
	if assessment.State == health.StateComplete || assessment.State == health.StateStalled {
		a.Since = assessment.LastChange.UTC()
	}
	w.next(result)
	a.Blockers = slices.DeleteFunc(blockers(assessment), func(b blocker) bool {
		return b.Pod == "" && slices.Contains(a.Creates, b.Node)
	})
	a.Budget = waitedFor(assessment)
	if w.onDelete() {
		for _, pod := range assessment.Outdated {
			node, _ := daemon.TargetNode(pod)
			a.ToDelete = append(a.ToDelete, podOnNode{Pod: pod.Name, Node: node})
		}
	}
	if a.Outdated > 0 {
		w.rolledOut(result.Revisions)
	}
	w.countNodes()
	nodes := daemon.StatusByNode(result.Snapshot)
	w.notReady(nodes)
	w.watchController(result, assessment.LastChange)
	a.Verdict = w.verdict(assessment)
	w.walkNodes(nodes)
}

// notReady notes the nodes that are not ready and keep a pod. The controller does not want
// the pod there any more, because DaemonSet pods do not tolerate the NoSchedule taint of such
// a node, and does not count it. Whoever watches the cluster misses it.
func (w *work) notReady(nodes []daemon.NodeStatus) {
	conditions := make(map[string]*corev1.NodeCondition, len(w.Input.Nodes))
	for _, node := range w.Input.Nodes {
		for i, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
				conditions[node.Name] = &node.Status.Conditions[i]
			}
		}
	}
	for _, n := range nodes {
		c := conditions[n.Node]
		if c == nil || n.Desired || n.Pod == nil || slices.ContainsFunc(w.a.Deletes, func(p podOnNode) bool { return p.Node == n.Node }) {
			continue
		}
		// Another problem of the node has that in its sentence.
		if !slices.ContainsFunc(w.a.Blockers, func(b blocker) bool { return b.Node == n.Node }) {
			w.a.Blockers = append(w.a.Blockers, blockerOf(health.Blocker{
				Node: n.Node, Pod: n.Pod, Kind: health.BlockerNodeNotReady, Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime.Time,
			}))
		}
		if !slices.ContainsFunc(n.Pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			w.a.NotReady++
		}
	}
	if w.a.NotReady > 0 && w.a.State == health.StateComplete.String() {
		w.a.State, w.a.Since = stateDisrupted, time.Time{}
	}
}

// lacks reports whether the input lacks what the note says.
func (w *work) lacks(kind manifest.NoteKind) bool {
	return slices.ContainsFunc(w.Subject.Notes, func(n manifest.Note) bool { return n.Kind == kind })
}

// judgeStatus says how the rollout is by the status alone.
func (w *work) judgeStatus() {
	object := health.OfObject(w.Input.DaemonSet)
	w.a.State = stateStatus
	w.a.Desired = int(object.Desired)
	w.a.Verdict = fmt.Sprintf("%v, by its status alone: %d of %s updated, %d available",
		object.State, object.Updated, plural(int(object.Desired), "node"), object.Available)
}

// onDelete reports whether the controller replaces no outdated pod.
func (w *work) onDelete() bool {
	return w.Input.DaemonSet.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType
}

// verdict is the state in a sentence.
func (w *work) verdict(a *health.Assessment) string {
	text := w.a.State
	if !w.a.Since.IsZero() {
		text += fmt.Sprintf(" since %s (%s)", w.a.Since.Format(time.RFC3339), duration.HumanDuration(w.now.Sub(w.a.Since)))
	}
	notReady := ""
	if w.a.NotReady > 0 {
		notReady = "; " + w.a.notReadySentence()
	}
	switch {
	case a.Desired == 0 && notReady != "":
		return text + ": no other node should run it" + notReady
	case a.Desired == 0:
		return text + ": no node should run it"
	}
	text += fmt.Sprintf(": %d of %s complete", a.Complete, plural(a.Desired, "node"))
	switch n := len(a.Outdated); {
	case n > 0 && w.onDelete():
		text += fmt.Sprintf(", somebody has to delete %s", plural(n, "outdated pod"))
	case n > 0:
		text += ", " + plural(n, "outdated pod") + " left"
	}
	if a.MaybeDisruption && a.State != health.StateComplete {
		text += "; it is not known whether this is a rollout or a disruption"
	}
	return text + notReady + w.controllerClause()
}

// notReadySentence says what a.NotReady counts.
func (a *answer) notReadySentence() string {
	if a.NotReady == 1 {
		return "1 node is not ready and keeps a pod that is not available"
	}
	return fmt.Sprintf("%d nodes are not ready and keep pods that are not available", a.NotReady)
}

// blockers are those of an assessment, the most urgent first. That a node is not ready is said
// once.
func blockers(a *health.Assessment) []blocker {
	list := slices.Clone(a.Blockers)
	slices.SortStableFunc(list, func(a, b health.Blocker) int { return cmp.Compare(a.Kind, b.Kind) })
	said := map[string]bool{}
	for _, b := range list {
		said[b.Node] = said[b.Node] || b.Kind == health.BlockerNodeNotReady
	}
	var out []blocker
	for _, b := range list {
		if said[b.Node] {
			b.NodeReady = nil
		}
		said[b.Node] = said[b.Node] || b.NodeReady != nil
		out = append(out, blockerOf(b))
	}
	return out
}

func blockerOf(b health.Blocker) blocker {
	_, text, _ := strings.Cut(b.String(), ": ")
	fact := blocker{Node: b.Node, Kind: b.Kind.String(), Text: text, Reason: b.Reason, Message: b.Message, Since: b.Since.UTC(), Until: b.Until.UTC()}
	if b.Pod != nil {
		fact.Pod = b.Pod.Name
		fact.Text = strings.TrimPrefix(text, b.Pod.Name+": ")
	}
	if b.Container != nil {
		fact.Container = b.Container.Name
		if b.Kind == health.BlockerImage {
			fact.Image = b.Container.Image
		}
	}
	return fact
}

// waitedFor returns the budget that outdated pods wait for, or nil.
func waitedFor(a *health.Assessment) *budget {
	if len(a.Outdated) == 0 || !a.Budget.Exhausted() {
		return nil
	}
	b := &budget{Kind: a.Budget.Kind.String(), Limit: a.Budget.Limit}
	for _, user := range a.Budget.Users {
		b.Users = append(b.Users, budgetUser{user.Node, user.Reason.String()})
	}
	return b
}

// next notes what the next pass writes.
func (w *work) next(result *rollout.Result) {
	for _, c := range result.Plan.Create {
		w.a.Creates = append(w.a.Creates, c.Node)
	}
	for _, d := range result.Plan.Delete {
		w.a.Deletes = append(w.a.Deletes, podOnNode{d.Pod.Name, d.Node, d.Reason.String()})
	}
}

// rolledOut notes what the rollout changes in the template.
func (w *work) rolledOut(revisions *history.Plan) {
	if revisions == nil || revisions.Current == nil || len(revisions.Old) == 0 {
		return
	}
	old, cur := revisions.Old[len(revisions.Old)-1], revisions.Current
	changes, err := history.Diff(old, cur)
	if err != nil {
		w.note("%v", err)
		return
	}
	w.a.Change = &change{From: old.Revision, To: cur.Revision}
	for _, c := range changes {
		w.a.Change.Fields = append(w.a.Change.Fields, "spec.template."+c.String())
	}
}

// countNodes counts the nodes that should run the DaemonSet, and those that should not. With
// -v it lists them.
func (w *work) countNodes() {
	matcher := placement.Compile(&w.Input.DaemonSet.Spec.Template, placement.Options{})
	w.a.Nodes = matcher.Summarize(w.Input.Nodes).String()
	if !w.verbose {
		return
	}
	nodes := slices.SortedFunc(slices.Values(w.Input.Nodes), func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
	for _, node := range nodes {
		w.a.NodeList = append(w.a.NodeList, matcher.Explain(node).String())
	}
}

// walkNodes notes the nodes that are not as they should be and that no other part of the
// answer mentions. With -v it lists all nodes, also with what is known about their pods.
func (w *work) walkNodes(nodes []daemon.NodeStatus) {
	told := map[string]bool{}
	for _, b := range w.a.Blockers {
		told[b.Node] = true
	}
	for _, node := range w.a.Creates {
		told[node] = true
	}
	for _, p := range slices.Concat(w.a.Deletes, w.a.ToDelete) {
		told[p.Node] = true
	}
	w.a.NodeList = nil
	for _, n := range nodes {
		if w.verbose {
			w.a.NodeList = append(w.a.NodeList, n.String())
		}
		// An outdated pod waits for its turn: those are counted.
		fine := n.Desired && n.Available && n.Others == 0 || !n.Desired && n.Pod == nil
		if !fine && !told[n.Node] {
			w.a.Stray = append(w.a.Stray, n.String())
		}
	}
}

// plural is a number of things.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
