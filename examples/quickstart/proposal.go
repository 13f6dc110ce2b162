package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// propose says what the manifest beside a stored DaemonSet would do.
func (w *work) propose() {
	p := w.proposal(w.Proposed)
	if w.a.State == stateRefused {
		p.Verdict = "no answer without that for the stored one"
		return
	}
	in := w.Input
	impact, ok := w.impact(p, in, w.Proposed)
	if !ok {
		return
	}
	p.Fields = changedFields(in.DaemonSet, impact)
	p.NoChange = impact.NoChange
	if w.a.State != stateStatus && !p.NoChange {
		w.settle(p, impact.After)
	}
	p.Verdict = p.sentence()
	p.Findings = slices.DeleteFunc(w.lint(w.Proposed, impact.After.DaemonSet), func(f finding) bool {
		return slices.ContainsFunc(w.a.Findings, func(g finding) bool {
			return f.Code == g.Code && f.Field == g.Field && f.Message == g.Message
		})
	})
}

// proposeNew says what a manifest without a stored DaemonSet would do.
func (w *work) proposeNew() {
	p := w.proposal(w.DaemonSet)
	in := w.Input
	in.DaemonSet = nil
	impact, ok := w.impact(p, in, w.Input.DaemonSet)
	if !ok {
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
		in.DaemonSet = impact.After.DaemonSet
		w.settle(p, in)
		w.a.Verdict += fmt.Sprintf(": would run on %d of %s%s", w.a.Desired, plural(len(in.Nodes), "node"), p.endClause())
	}
	p.Verdict = w.a.Verdict
	p.Findings = w.lint(w.DaemonSet, impact.After.DaemonSet)
}

// sentence is the verdict on a manifest that changes a stored DaemonSet.
func (p *proposal) sentence() string {
	text := "starts no rollout"
	switch {
	case p.NoChange:
		return "changes nothing"
	case p.Rollout:
		text = fmt.Sprintf("starts a rollout to revision %d", p.Revision)
	}
	text += p.endClause()
	for _, effect := range []struct {
		nodes []nodeEffect
		does  string
	}{{p.Gains, "gain the pod"}, {p.Loses, "lose the pod"}, {p.Keeps, "keep the pod until it is deleted"}} {
		if n := len(effect.nodes); n > 0 {
			text += fmt.Sprintf("; %s %s", plural(n, "node"), effect.does)
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
		return fmt.Sprintf(", %s after %s", e.State, time.Duration(e.Seconds*float64(time.Second)).Round(time.Second))
	}
}

func (w *work) proposal(read *appsv1.DaemonSet) *proposal {
	at := w.objects.Position(read, "")
	w.a.Proposal = &proposal{File: at.File, Line: at.Line}
	return w.a.Proposal
}

// impact notes what a manifest does to the input. It returns false if an API server would
// refuse it: that is then said, and nothing else.
func (w *work) impact(p *proposal, in daemon.Input, set *appsv1.DaemonSet) (*simulate.Impact, bool) {
	impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: set}, simulate.Options{})
	if err != nil {
		p.Refused = w.locate(err)
		w.errs = append(w.errs, p.Refused...)
		p.Verdict = fmt.Sprintf("no answer because of %s in it", plural(len(p.Refused), "error"))
		return nil, false
	}
	read := w.Proposed
	if read == nil {
		read = w.DaemonSet
	}
	p.Refused = w.objects.Locate(read, withoutEcho(impact.Refused))
	if len(p.Refused) == 0 {
		p.Refused = w.refusedPods(read, set)
	}
	if len(p.Refused) > 0 {
		w.errs = append(w.errs, p.Refused...)
		p.Verdict = "refused, the API server would not store it"
		return nil, false
	}
	p.Revision = impact.Revision
	p.Rollout = impact.Rollout != simulate.RolloutNone && impact.Rollout != simulate.RolloutIgnored && !impact.AlreadyDue
	p.Gains = effects(impact, simulate.NodeGained)
	p.Loses = effects(impact, simulate.NodeLost)
	p.Keeps = effects(impact, simulate.NodeKeepsPod)
	return impact, true
}

// refusedPods returns what package lint finds and daemon.Validate does not look at: faults of
// the pod template for which the API server refuses the DaemonSet.
func (w *work) refusedPods(read, set *appsv1.DaemonSet) []*manifest.Error {
	found, err := lint.Check(daemon.Input{DaemonSet: set}, lint.Options{})
	if err != nil {
		w.note("lint: %v", err)
	}
	var errs []*manifest.Error
	for _, f := range found {
		switch f.Code {
		case lint.CodeNodeAffinityMalformed, lint.CodeTolerationMalformed:
		case lint.CodeHostPortDuplicate:
			if set.Spec.Template.Spec.HostNetwork {
				continue // the DaemonSet may be stored, and its pods are refused
			}
		default:
			continue
		}
		errs = append(errs, &manifest.Error{Position: w.objects.Position(read, f.Field), Detail: f.Message})
	}
	return errs
}

// withoutEcho leaves out errors that say that a value is missing where another error says
// that it is wrong: a budget that does not parse counts as 0.
func withoutEcho(errs field.ErrorList) field.ErrorList {
	wrong := map[string]bool{}
	for _, err := range errs {
		wrong[err.Field] = wrong[err.Field] || err.Type == field.ErrorTypeInvalid
	}
	return slices.DeleteFunc(slices.Clone(errs), func(err *field.Error) bool {
		return err.Type == field.ErrorTypeRequired && wrong[err.Field]
	})
}

func effects(impact *simulate.Impact, effect simulate.NodeEffect) []nodeEffect {
	var list []nodeEffect
	for _, n := range impact.NodesWith(effect) {
		why := n.Explanation.Cause()
		if effect == simulate.NodeGained && why != "" {
			why += ", before"
		}
		list = append(list, nodeEffect{n.Node, why})
	}
	return list
}

// changedFields are what a manifest changes in a stored DaemonSet. Metadata that only the
// stored one has is not among them: kubectl apply removes what it has put there itself.
func changedFields(stored *appsv1.DaemonSet, impact *simulate.Impact) []string {
	const template = "spec.template."
	var fields []string
	for _, c := range diff.DaemonSets(stored, impact.After.DaemonSet) {
		if !strings.HasPrefix(c.Path, template) && !(c.Op == diff.OpRemove && strings.HasPrefix(c.Path, "metadata.")) {
			fields = append(fields, c.String())
		}
	}
	for _, c := range impact.Template {
		fields = append(fields, template+c.String())
	}
	return fields
}

// settle plays the rollout to its end.
func (w *work) settle(p *proposal, in daemon.Input) {
	// The pods of other namespaces take room on the nodes, too.
	in.Pods = w.objects.Pods
	settled, err := simulate.Settle(in, simulate.Options{})
	if err != nil {
		w.note("the rollout could not be simulated: %v", err)
		return
	}
	p.End = &end{State: settled.State.String(), Seconds: settled.Took.Seconds(), LowestAvailable: settled.LowestAvailable, Desired: desired(settled)}
	if settled.State == simulate.EndComplete || settled.State == simulate.EndIgnored {
		return
	}
	snapshot, err := daemon.Observe(settled.After)
	if err != nil {
		return
	}
	if assessment, err := health.Assess(snapshot, health.Options{}); err == nil {
		p.End.Blockers, p.End.Budget = blockers(assessment), waitedFor(assessment)
	}
}

// desired is how many nodes should have a pod at the end.
func desired(e *simulate.End) int {
	if e.Last == nil || e.Last.Snapshot == nil {
		return 0
	}
	return int(daemon.Status(e.Last.Snapshot).DesiredNumberScheduled)
}

// lint finds faults of a DaemonSet. read is the object of the input that it comes from.
func (w *work) lint(read, ds *appsv1.DaemonSet) []finding {
	found, err := lint.Check(daemon.Input{DaemonSet: ds, Nodes: w.Input.Nodes}, lint.Options{OtherDaemonSets: w.all})
	if err != nil {
		w.note("lint: %v", err)
		return nil
	}
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
