package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
)

// How much of a large cluster is shown: all nodes are listed up to fewNodes, and
// no list is longer than shown.
const (
	fewNodes = 10
	shown    = 20
)

// answer tells about every DaemonSet that was loaded, by namespace and name, and
// returns what is wrong with some of them.
func answer(out io.Writer, loaded *objects, now time.Time) []error {
	if len(loaded.sets) == 0 {
		return []error{errors.New("no DaemonSet in the input")}
	}
	sets := slices.SortedFunc(slices.Values(loaded.sets), func(a, b *appsv1.DaemonSet) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var errs []error
	for i, set := range sets {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "# DaemonSet %s/%s\n", set.Namespace, set.Name)
		r := newReport(out, loaded, set, now)
		if wrong := r.tell(); len(wrong) > 0 {
			var at *field.Error
			path, detail := "", wrong[0].Error()
			if errors.As(wrong[0], &at) {
				path, detail = at.Field, at.ErrorBody()
			}
			errs = append(errs, loaded.places[set].wrong(path, detail+andMore(len(wrong)-1)))
		}
	}
	return errs
}

// report is the answer for one DaemonSet.
type report struct {
	out       io.Writer
	set       *appsv1.DaemonSet
	nodes     []*corev1.Node
	pods      []*corev1.Pod
	revisions []*appsv1.ControllerRevision
	now       time.Time
	// stored says that the DaemonSet comes from an API server, and is not a
	// manifest that somebody has written.
	stored bool
	notes  []string
}

// newReport gathers what belongs to a DaemonSet, and makes up for what the input
// lacks.
func newReport(out io.Writer, loaded *objects, set *appsv1.DaemonSet, now time.Time) *report {
	r := &report{out: out, set: daemon.Default(set), nodes: loaded.nodes, now: now, stored: set.UID != ""}
	elsewhere := map[string]int{}
	for _, pod := range loaded.pods {
		if pod.Namespace == set.Namespace {
			r.pods = append(r.pods, pod)
		} else if r.stored && metav1.IsControlledBy(pod, set) {
			elsewhere[pod.Namespace]++
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(elsewhere)) {
		r.note("pods of it in namespace %s, which do not count: %d", namespace, elsewhere[namespace])
	}
	for _, revision := range loaded.revisions {
		if revision.Namespace == set.Namespace {
			r.revisions = append(r.revisions, revision)
		}
	}
	r.assumeUID()
	r.assumeRevision()
	return r
}

func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// assumeUID makes a manifest the update of a DaemonSet that has pods already: it
// tells what would happen if it were applied.
func (r *report) assumeUID() {
	if r.stored {
		return
	}
	for _, pod := range r.pods {
		owner := metav1.GetControllerOf(pod)
		if owner != nil && owner.Kind == "DaemonSet" && owner.Name == r.set.Name {
			r.set.UID = owner.UID
			r.note("a DaemonSet of this name has pods already: this is what applying the file would do; " +
				"fields that the server fills in look removed, except in the output of kubectl apply --dry-run=server -o yaml")
			return
		}
	}
}

// assumeRevision makes up for ControllerRevisions that the input lacks, without
// which every pod would look outdated. Before the change of a manifest every pod
// may well be.
func (r *report) assumeRevision() {
	if slices.ContainsFunc(r.revisions, func(revision *appsv1.ControllerRevision) bool {
		return metav1.IsControlledBy(revision, r.set)
	}) {
		return
	}
	var newest *corev1.Pod
	for _, pod := range r.pods {
		if metav1.IsControlledBy(pod, r.set) && pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != "" &&
			(newest == nil || pod.CreationTimestamp.After(newest.CreationTimestamp.Time)) {
			newest = pod
		}
	}
	if newest == nil {
		return
	}
	if !r.stored {
		r.note("no controllerrevisions of it in the input: every pod is taken for outdated")
		return
	}
	hash := newest.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
	data, err := rollout.RevisionData(&r.set.Spec.Template)
	if err != nil {
		return // rollout.Sync will say so
	}
	labels := maps.Clone(r.set.Spec.Template.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	owner := metav1.NewControllerRef(r.set, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	r.revisions = append(r.revisions, &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.set.Namespace, Name: r.set.Name + "-" + hash, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: 1,
	})
	r.note("no controllerrevisions of it in the input: %s, the revision of its newest pod, is taken for the current one", hash)
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
		if !r.stored {
			return errs // an API server would not take it
		}
	}
	for _, malformed := range placement.Compile(&r.set.Spec.Template, placement.Options{}).Malformed() {
		labelled(r.out, "wrong", "spec.template."+malformed.Error()+" (counts for nothing)")
	}

	switch counted := r.set.Status.CurrentNumberScheduled; {
	case len(r.nodes) == 0:
		r.note("no nodes in the input: there is no telling where it runs and what is to be done")
		if r.stored {
			r.table(r.set.Status)
			r.progress(r.set)
		}
	case len(r.pods) == 0 && counted > 0:
		r.note("no pods in the input, but %d in the status: there is no telling what is to be done", counted)
		r.table(r.set.Status)
		r.where()
		r.progress(r.set)
	default:
		result, err := rollout.Sync(rollout.Input{
			DaemonSet: r.set, Nodes: r.nodes, Pods: r.pods, Revisions: r.revisions, Now: r.now,
		})
		if result != nil {
			r.pass(result)
		}
		if err != nil {
			labelled(r.out, "wrong", err.Error())
			return []error{err}
		}
	}
	for _, note := range r.notes {
		labelled(r.out, "note", note)
	}
	return nil
}

// pass tells what one controller pass sees and would do.
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
		labelled(r.out, "", fmt.Sprintf("look again in %v", again))
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
	if !r.stored {
		set = set.DeepCopy()
		set.Status = status
	}
	r.progress(set)
	if !outdated {
		return
	}
	switch step := result.Step; {
	case r.set.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType:
		labelled(r.out, "", "OnDelete: outdated pods are replaced when somebody deletes them")
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
	fmt.Fprint(r.out, daemon.NewTable([]*appsv1.DaemonSet{&set}, r.now))
}

// where tells on which nodes the pods belong. Of many nodes it lists those that
// do not run one.
func (r *report) where() {
	matcher := placement.Compile(&r.set.Spec.Template, placement.Options{})
	nodes := slices.SortedFunc(slices.Values(r.nodes), func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
	var decisions []placement.Decision
	var lines []string
	for _, node := range nodes {
		decision := matcher.Decide(node)
		decisions = append(decisions, decision)
		if len(nodes) <= fewNodes || !decision.Run {
			lines = append(lines, decision.String())
		}
	}
	labelled(r.out, "where", placement.Summarize(decisions).String())
	r.lines("", lines)
}

// progress tells how far the rollout is.
func (r *report) progress(set *appsv1.DaemonSet) {
	progress, err := rollout.Progress(set)
	var wrong *field.Error
	switch {
	case errors.As(err, &wrong):
		labelled(r.out, "when", wrong.Detail)
	case err == nil:
		labelled(r.out, "when", progress.String())
	}
}

// changes tells what the update changes in the template.
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
