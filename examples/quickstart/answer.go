package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/kubectl"
	"github.com/pernode/daemonset/rollout/simulate"
)

// How much of a large cluster is shown: all nodes are listed up to fewNodes, and
// no list is longer than shown.
const (
	fewNodes = 10
	shown    = 20
)

// answer prints the answer for every DaemonSet that was loaded, by namespace and name, and
// returns what is wrong with some of them.
func answer(out io.Writer, loaded *manifest.Objects, now time.Time) []error {
	if len(loaded.DaemonSets) == 0 {
		return []error{errors.New("no DaemonSet in the input")}
	}
	var errs []error
	for i, subject := range loaded.Subjects() {
		if i > 0 {
			fmt.Fprintln(out)
		}
		set := subject.DaemonSet
		fmt.Fprintf(out, "# DaemonSet %s/%s\n", set.Namespace, set.Name)
		subject.Input.Now = now
		r := &report{Subject: subject, set: subject.Input.DaemonSet, out: out, now: now}
		for _, note := range subject.Notes {
			r.notes = append(r.notes, note.String())
		}
		if wrong := r.tell(); len(wrong) > 0 {
			errs = append(errs, loaded.Locate(set, fieldErrors(wrong)))
			continue
		}
		if wrong := r.proposal(); len(wrong) > 0 {
			errs = append(errs, loaded.Locate(r.Proposed, fieldErrors(wrong)))
		}
		for _, note := range r.notes {
			labelled(r.out, "note", note)
		}
	}
	return errs
}

// fieldErrors are the errors with a field; others have none.
func fieldErrors(errs []error) (list field.ErrorList) {
	for _, err := range errs {
		var at *field.Error
		if !errors.As(err, &at) {
			at = &field.Error{Type: field.ErrorTypeInvalid, BadValue: field.OmitValueType{}, Detail: err.Error()}
		}
		list = append(list, at)
	}
	return list
}

// report is the answer for one DaemonSet.
type report struct {
	manifest.Subject
	set   *appsv1.DaemonSet
	out   io.Writer
	now   time.Time
	notes []string
}

func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// tell prints the report. It returns what is wrong with the DaemonSet, if that
// stands in the way.
func (r *report) tell() []error {
	if findings := daemon.Validate(r.set); len(findings) > 0 {
		var lines []string
		var errs []error
		for _, finding := range findings {
			lines = append(lines, finding.Error())
			errs = append(errs, finding)
		}
		r.lines("wrong", lines)
		if !r.Stored() {
			return errs // an API server would not take it
		}
	}
	for _, malformed := range placement.Compile(&r.set.Spec.Template, placement.Options{}).Malformed() {
		labelled(r.out, "wrong", "spec.template."+malformed.Error()+" (ignored)")
	}

	switch counted := r.set.Status.CurrentNumberScheduled; {
	case len(r.Input.Nodes) == 0:
		r.note("no nodes in the input: cannot decide placement or writes")
		if r.Stored() {
			r.table(r.set.Status)
			r.progress(r.set)
		}
	case len(r.Input.Pods) == 0 && counted > 0:
		r.note("no pods in the input, but %d in the status: cannot decide what to write", counted)
		r.table(r.set.Status)
		r.where()
		r.progress(r.set)
	default:
		result, err := rollout.Sync(r.Input, rollout.Options{})
		if result != nil {
			r.pass(result)
		}
		if err != nil {
			labelled(r.out, "wrong", err.Error())
			return []error{err}
		}
	}
	return nil
}

// proposal prints what the manifest in the input would do to the stored DaemonSet. It
// returns what is wrong with the manifest.
func (r *report) proposal() []error {
	if r.Proposed == nil {
		return nil
	}
	impact, err := simulate.WhatIf(r.Input, simulate.Proposal{DaemonSet: r.Proposed}, simulate.Options{})
	if err != nil {
		labelled(r.out, "wrong", err.Error())
		return []error{err}
	}
	r.lines("apply", strings.Split(impact.String(), "\n"))
	var errs []error
	for _, refusal := range impact.Refused {
		errs = append(errs, refusal)
	}
	return errs
}

// pass prints what one controller pass sees and would do.
func (r *report) pass(result *rollout.Result) {
	if result.Snapshot == nil {
		r.table(r.set.Status)
		labelled(r.out, "now", result.String())
		return
	}
	status := daemon.Status(result.Snapshot)
	r.table(status)
	r.where()
	r.lines("now", strings.Split(result.String(), "\n"))
	if again := result.Plan.RequeueAfter; again > 0 {
		labelled(r.out, "", fmt.Sprintf("requeue after %v", again))
	}

	created := map[string]bool{}
	for _, creation := range result.Plan.Create {
		created[creation.Node] = true
	}
	var off []string
	outdated := false
	for _, node := range daemon.StatusByNode(result.Snapshot) {
		outdated = outdated || node.Current && !node.Updated
		fine := node.Desired && node.Available && node.Updated && node.Others == 0 || !node.Desired && node.Pod == nil
		if told := node.Pod == nil && created[node.Node]; !fine && !told {
			off = append(off, node.String())
		}
	}
	r.lines("why", off)

	set := r.set
	if !r.Stored() {
		set = set.DeepCopy()
		set.Status = status
	}
	r.progress(set)
	if !outdated {
		return
	}
	switch step := result.Step; {
	case r.set.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType:
		labelled(r.out, "", "OnDelete: outdated pods are replaced only after they are deleted by hand")
	case step != nil:
		budget, _, _ := strings.Cut(step.String(), "\n")
		if step.MaxSurge == 0 && step.Unavailable >= step.MaxUnavailable && step.Plan.Empty() {
			budget += ": it waits for the unavailable ones"
		}
		labelled(r.out, "", budget)
	}
	r.changes(result.Revisions)
}

func (r *report) table(status appsv1.DaemonSetStatus) {
	set := *r.set
	set.Status = status
	fmt.Fprint(r.out, kubectl.NewTable([]*appsv1.DaemonSet{&set}, r.now))
}

// where prints on which nodes the pods belong. In a large cluster it lists only nodes
// that do not run a pod.
func (r *report) where() {
	matcher := placement.Compile(&r.set.Spec.Template, placement.Options{})
	nodes := slices.SortedFunc(slices.Values(r.Input.Nodes), func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
	var lines []string
	for _, node := range nodes {
		if why := matcher.Explain(node); len(nodes) <= fewNodes || !why.Run {
			lines = append(lines, why.String())
		}
	}
	labelled(r.out, "where", matcher.Summarize(nodes).String())
	r.lines("", lines)
}

// progress prints how far the rollout is.
func (r *report) progress(set *appsv1.DaemonSet) {
	progress, err := kubectl.RolloutStatus(set)
	var wrong *field.Error
	switch {
	case errors.As(err, &wrong):
		labelled(r.out, "when", wrong.Detail)
	case err == nil:
		labelled(r.out, "when", progress.String())
	}
}

// changes prints what the update changes in the template.
func (r *report) changes(revisions *rollout.RevisionPlan) {
	if revisions.Current == nil || len(revisions.Old) == 0 {
		return
	}
	old, cur := revisions.Old[len(revisions.Old)-1], revisions.Current
	changes, err := rollout.DiffRevisions(old, cur)
	if err != nil {
		r.note("%v", err)
		return
	}
	r.lines("diff", append([]string{fmt.Sprintf("revision %d to %d:", old.Revision, cur.Revision)},
		strings.Split(changes.String(), "\n")...))
}

// lines prints a list, if not all of it.
func (r *report) lines(label string, lines []string) {
	if more := len(lines) - shown; more > 1 {
		lines = append(slices.Clone(lines[:shown]), fmt.Sprintf("and %d more", more))
	}
	labelled(r.out, label, strings.Join(lines, "\n"))
}
