package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/kubectl"
	"github.com/pernode/daemonset/rollout/simulate"
)

// propose says what the manifest beside a stored DaemonSet would do.
func (w *work) propose() {
	p := w.proposal(w.Proposed)
	if w.a.State == stateRefused {
		p.Verdict = "no answer without that for the stored one"
		return
	}
	judgment, ok := w.judgeProposal(p, w.Input, keepRestart(w.Proposed, w.Input.DaemonSet))
	if !ok {
		return
	}
	p.Fields = changedFields(judgment.Impact)
	p.NoChange = judgment.Impact.NoChange
	if p.Rollout && p.Revision == 1 {
		// The stored one has a revision as soon as the controller has seen it.
		w.note("no controllerrevisions of it in the input: the revision that the rollout makes may have another number")
	}
	p.Verdict = p.sentence(w.a.State)
}

// keepRestart returns the manifest as kubectl apply stores it after a kubectl rollout restart: with the
// time of the restart in the template of the stored DaemonSet, unless it has its own. kubectl apply
// removes the time if the manifest that it applied last had one.
func keepRestart(manifest, stored *appsv1.DaemonSet) *appsv1.DaemonSet {
	at, restarted := stored.Spec.Template.Annotations[kubectl.RestartedAtAnnotation]
	var last appsv1.DaemonSet
	if text := stored.Annotations[corev1.LastAppliedConfigAnnotation]; json.Unmarshal([]byte(text), &last) != nil {
		last = appsv1.DaemonSet{} // there is none that kubectl can read
	}
	_, own := manifest.Spec.Template.Annotations[kubectl.RestartedAtAnnotation]
	_, applied := last.Spec.Template.Annotations[kubectl.RestartedAtAnnotation]
	if own || applied || !restarted {
		return manifest
	}
	kept := manifest.DeepCopy()
	metav1.SetMetaDataAnnotation(&kept.Spec.Template.ObjectMeta, kubectl.RestartedAtAnnotation, at)
	return kept
}

// proposeNew says what a manifest without a stored DaemonSet would do.
func (w *work) proposeNew() {
	p := w.proposal(w.DaemonSet)
	in := w.Input
	in.DaemonSet = nil
	if _, ok := w.judgeProposal(p, in, w.Input.DaemonSet); !ok {
		w.a.State, w.a.Verdict = stateRefused, p.Verdict
		return
	}
	w.a.State, w.a.Verdict = stateNew, "new"
	w.a.Desired = len(p.Gains)
	w.countNodes()
	if slices.ContainsFunc(w.Subject.Notes, func(n manifest.Note) bool { return n.Kind == manifest.NoteApplied }) {
		w.a.Verdict = "not in the input, but its pods are"
		// The pods are those of a stored DaemonSet, which nobody can compare with: the nodes
		// neither gain nor lose them.
		p.Gains = nil
	}
	if len(in.Nodes) == 0 {
		w.note("no nodes in the input: where it would run is not known")
	} else {
		w.a.Verdict += fmt.Sprintf(": would run on %d of %s%s", w.a.Desired, plural(len(in.Nodes), "node"), p.endClause())
	}
	p.Verdict = w.a.Verdict
}

// sentence is the verdict on a manifest that changes a stored DaemonSet in a state.
func (p *proposal) sentence(state string) string {
	text := "starts no rollout"
	switch {
	case p.NoChange:
		return "changes nothing"
	case p.End != nil && p.End.State == simulate.EndIgnored.String():
		return text + p.endClause()
	case p.Rollout && p.OldRevision != 0:
		text = fmt.Sprintf("starts a rollout to the template of revision %d, now revision %d", p.OldRevision, p.Revision)
	case p.Rollout:
		text = fmt.Sprintf("starts a rollout to revision %d", p.Revision)
	case p.End == nil, state == health.StateComplete.String(), p.End.State == simulate.EndComplete.String() && p.End.Seconds == 0:
	case state == p.End.State && p.End.Seconds == 0:
		return text + "; the present one stays " + p.End.State + p.effectClauses()
	case p.End.Seconds == 0:
		return text + "; the present one is " + strings.TrimPrefix(p.endClause(), ", ") + p.effectClauses()
	default:
		text += "; the present one goes on"
	}
	return text + p.endClause() + p.effectClauses()
}

// effectClauses count the nodes that gain or lose the pod.
func (p *proposal) effectClauses() string {
	text := ""
	for _, effect := range []struct {
		nodes     []nodeEffect
		one, many string
	}{
		{p.Gains, "gains the pod", "gain the pod"}, {p.Loses, "loses the pod", "lose the pod"},
		{p.Keeps, "keeps the pod until it is deleted", "keep the pod until it is deleted"},
	} {
		switch n := len(effect.nodes); n {
		case 0:
		case 1:
			text += "; 1 node " + effect.one
		default:
			text += fmt.Sprintf("; %d nodes %s", n, effect.many)
		}
	}
	return text
}

// endClause says how the rollout ends.
func (p *proposal) endClause() string {
	switch e := p.End; {
	case e == nil:
		return ""
	case e.State == simulate.EndIgnored.String():
		return ", the controller does nothing"
	default:
		return ", " + e.clause
	}
}

func (w *work) proposal(read *appsv1.DaemonSet) *proposal {
	at := w.objects.Position(read, "")
	w.a.Proposal = &proposal{File: at.File, Line: at.Line}
	return w.a.Proposal
}

// judgeProposal notes what a manifest does to the input. It returns false if an API server would
// refuse it: that is then said, and nothing else.
func (w *work) judgeProposal(p *proposal, in daemon.Input, set *appsv1.DaemonSet) (*simulate.Judgment, bool) {
	// The pods of other namespaces take room on the nodes, too.
	in.Pods = w.objects.Pods
	idle := true
	opts := simulate.Options{WatchPods: func(_ time.Time, old, cur *corev1.Pod) {
		pod := cmp.Or(cur, old)
		owner := metav1.GetControllerOfNoCopy(pod)
		idle = idle && !(pod.Namespace == set.Namespace && owner != nil && owner.Name == set.Name)
	}}
	judgment, err := simulate.Judge(in, simulate.Proposal{DaemonSet: set}, opts, lint.Options{OtherDaemonSets: w.proposed})
	if err != nil {
		p.Refused = w.locate(err)
		w.errs = append(w.errs, p.Refused...)
		p.Verdict = fmt.Sprintf("no answer because of %s in it", plural(len(p.Refused), "error"))
		return nil, false
	}
	impact := judgment.Impact
	read := w.Proposed
	if read == nil {
		read = w.DaemonSet
	}
	p.Refused = w.objects.Locate(read, impact.Refused)
	if len(p.Refused) > 0 {
		w.errs = append(w.errs, p.Refused...)
		p.Verdict = "refused, the API server would not store it"
		return nil, false
	}
	p.risks = judgment.Risks
	p.Revision, p.OldRevision = impact.Revision, impact.OldRevision
	p.Rollout = impact.Rollout != simulate.RolloutNone && impact.Rollout != simulate.RolloutIgnored && !impact.AlreadyDue
	p.Gains = effects(impact, simulate.NodeGained)
	p.Loses = effects(impact, simulate.NodeLost)
	p.Keeps = effects(impact, simulate.NodeKeepsPod)
	if p.End = w.end(judgment.End); p.End != nil {
		p.End.NewImages, p.End.Assumptions, p.End.RunsNowhere = judgment.NewImages, judgment.Assumptions(), judgment.End.RunsNowhere()
		p.End.MayPreempt, p.End.idle = judgment.End.MayPreempt(), idle
	}
	p.Findings = w.locateFindings(read, judgment.Findings)
	return judgment, true
}

func effects(impact *simulate.Impact, effect simulate.NodeEffect) []nodeEffect {
	var list []nodeEffect
	for _, n := range impact.NodesWith(effect) {
		why := n.Explanation.Cause()
		switch {
		case effect != simulate.NodeGained:
		case n.Before.Reason == placement.ReasonUnknown:
			why = "new DaemonSet"
		default:
			why += ", before"
		}
		list = append(list, nodeEffect{n.Node, why})
	}
	return list
}

// changedFields are what a manifest changes in a stored DaemonSet. Metadata that only the
// stored one has is not among them: kubectl apply removes what it has put there itself.
func changedFields(impact *simulate.Impact) []string {
	var fields []string
	for _, c := range impact.OtherFields {
		if c.Op != diff.OpRemove || !strings.HasPrefix(c.Path, "metadata.") {
			fields = append(fields, c.String())
		}
	}
	for _, c := range impact.Template {
		fields = append(fields, "spec.template."+c.String())
	}
	return fields
}

// end is how the rollout ends, and what it then waits for.
func (w *work) end(settled *simulate.End) *end {
	if settled == nil {
		return nil
	}
	e := &end{State: settled.State.String(), clause: settled.Clause(), Seconds: settled.Took.Seconds(), LowestAvailable: settled.LowestAvailable, Desired: desired(settled)}
	if settled.State == simulate.EndComplete || settled.State == simulate.EndIgnored {
		return e
	}
	snapshot, err := daemon.Observe(settled.After)
	if err != nil {
		return e
	}
	if assessment, err := health.Assess(snapshot, health.Options{}); err == nil {
		e.Blockers, e.Budget = blockers(assessment), waitedFor(assessment)
		for i := range e.Blockers {
			e.Blockers[i].start = w.now
		}
	}
	return e
}

// desired is how many nodes should have a pod at the end.
func desired(e *simulate.End) int {
	if e.Last == nil || e.Last.Snapshot == nil {
		return 0
	}
	return int(daemon.Status(e.Last.Snapshot).DesiredNumberScheduled)
}

// lint finds faults of a stored DaemonSet.
func (w *work) lint() []finding {
	found, err := lint.Check(daemon.Input{DaemonSet: w.Input.DaemonSet, Nodes: w.Input.Nodes}, lint.Options{OtherDaemonSets: w.stored})
	if err != nil {
		w.note("lint: %v", err)
	}
	return w.locateFindings(w.DaemonSet, found)
}

// locateFindings adds the positions to findings. read is the object of the input that they are
// about.
func (w *work) locateFindings(read *appsv1.DaemonSet, found []lint.Finding) []finding {
	var findings []finding
	for _, f := range found {
		if f.Severity == lint.SeverityInfo && !w.verbose {
			continue
		}
		at := w.objects.Position(read, f.Field)
		findings = append(findings, finding{string(f.Code), f.Severity.String(), f.Field, at.File, at.Line, f.Message, f.Fix, f.Nodes})
	}
	return findings
}
