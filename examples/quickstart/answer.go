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
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/examples/internal/cli"
	"github.com/pernode/daemonset/rollout/health"
)

// question is what the arguments ask.
type question struct {
	files []string
	// set restricts the answer to the DaemonSet of this NAME or NAMESPACE/NAME.
	set string
	now time.Time
	// verbose lists nodes that are as they should be, and findings without harm.
	verbose bool
}

// ask answers for the DaemonSets in the files.
func ask(q question, stdin io.Reader) *report {
	r := &report{Time: q.now}
	var objects manifest.Objects
	if err := cli.ReadFiles(&objects, q.files, stdin); err != nil {
		return r.wrong(err)
	}
	all := objects.Subjects()
	if len(all) == 0 {
		return r.wrong(noDaemonSet(&objects))
	}
	chosen := all
	if q.set != "" {
		one, err := cli.Choose(all, q.set)
		if err != nil {
			return r.wrong(err)
		}
		chosen = []manifest.Subject{one}
	}
	r.PassedOver = cli.PassedOver(&objects)
	r.noteTime(&objects)
	var stored, proposed []*appsv1.DaemonSet
	for _, s := range all {
		stored = append(stored, s.Input.DaemonSet)
		if s.Proposed == nil {
			proposed = append(proposed, s.Input.DaemonSet)
		} else {
			proposed = append(proposed, daemon.Default(s.Proposed))
		}
	}
	for _, subject := range chosen {
		subject.Input.Now = q.now
		w := &work{question: q, objects: &objects, stored: stored, proposed: proposed, Subject: subject}
		r.DaemonSets = append(r.DaemonSets, w.answer())
		r.Errors = append(r.Errors, w.errs...)
	}
	r.noteEachAlone()
	slices.SortStableFunc(r.DaemonSets, func(a, b *answer) int { return cmp.Compare(a.urgency(), b.urgency()) })
	r.Because = r.causes()
	switch {
	case len(r.Errors) > 0:
		r.ExitStatus, r.Because = statusWrong, nil
	case len(r.Because) > 0:
		r.ExitStatus = statusBad
	}
	return r
}

// causes are why not all is well. If there are manifests, nobody has asked for the other DaemonSets.
func (r *report) causes() []cause {
	manifests := slices.ContainsFunc(r.DaemonSets, func(a *answer) bool { return a.Proposal != nil })
	var list []cause
	for _, a := range r.DaemonSets {
		if reasons := a.reasons(); len(reasons) > 0 && (a.Proposal != nil || !manifests) {
			list = append(list, cause{a.Namespace, a.Name, reasons})
		}
	}
	return list
}

// noteEachAlone notes that no end of a proposal shows what the other proposals do to the cluster, such
// as the room on the nodes that they take.
func (r *report) noteEachAlone() {
	n := 0
	for _, a := range r.DaemonSets {
		if p := a.Proposal; p != nil && p.End != nil { // it changes something
			n++
		}
	}
	if n > 1 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d manifests change something: each is simulated without the others; examples/premerge judges all changes together", n))
	}
}

// wrong notes an error of the input.
func (r *report) wrong(err error) *report {
	r.ExitStatus, r.Errors = statusWrong, cli.Errors(err)
	return r
}

// noDaemonSet says what is there instead.
func noDaemonSet(objects *manifest.Objects) error {
	var there []string
	for _, kind := range []struct {
		name  string
		count int
	}{{"Node", len(objects.Nodes)}, {"Pod", len(objects.Pods)}, {"ControllerRevision", len(objects.Revisions)}} {
		if kind.count > 0 {
			there = append(there, fmt.Sprintf("%s (%d)", kind.name, kind.count))
		}
	}
	for _, p := range objects.PassedOver {
		if p.Field == "" {
			there = append(there, p.String())
		}
	}
	const help = "kubectl get ds,nodes,pods,controllerrevisions -A -o yaml lists those of all namespaces"
	if len(there) == 0 {
		return errors.New("no DaemonSet in the input: the list is empty; " + help)
	}
	return fmt.Errorf("no DaemonSet in the input, only %s; %s", strings.Join(there, ", "), help)
}

// work is an answer on its way.
type work struct {
	question
	objects *manifest.Objects
	// stored are the DaemonSets of the input as they are, and proposed as they will be. Those
	// that the question leaves out are included.
	stored, proposed []*appsv1.DaemonSet
	manifest.Subject
	a    answer
	errs manifest.ErrorList
}

func (w *work) answer() *answer {
	w.a.Namespace, w.a.Name = w.DaemonSet.Namespace, w.DaemonSet.Name
	for _, note := range w.Subject.Notes {
		switch note.Kind {
		case manifest.NoteStoredElsewhere:
			at := w.objects.Position(w.DaemonSet, "metadata")
			w.note("%s:%d: %v", at.File, at.Line, note)
		case manifest.NoteRevisionAssumed, manifest.NoteNoRevisions:
			if !w.lacks(manifest.NoteNoNodes) && !w.lacks(manifest.NoteNoPods) { // the status decides
				w.note("%v", note)
			}
		case manifest.NoteNoNodes, manifest.NoteNoPods:
			w.note("%v: what blocks it is not known", note)
		default:
			w.note("%v", note)
		}
	}
	if !w.Stored() {
		w.proposeNew()
		return &w.a
	}
	w.judge()
	if w.a.State != stateRefused {
		w.a.Findings = slices.DeleteFunc(w.lint(), func(f finding) bool {
			// It runs somewhere, as soon as the nodes are ready again.
			return w.a.NotReady > 0 && f.Code == string(lint.CodeNoEligibleNode)
		})
	}
	if w.Proposed != nil {
		w.propose()
	}
	return &w.a
}

func (w *work) note(format string, args ...any) {
	w.a.Notes = append(w.a.Notes, fmt.Sprintf(format, args...))
}

// refuse notes that no answer is possible.
func (w *work) refuse(errs manifest.ErrorList) {
	w.errs = append(w.errs, errs...)
	w.a.wrong = errs
	w.a.State, w.a.Verdict = stateRefused, fmt.Sprintf("no answer because of %s in it", plural(len(errs), "error"))
}

// locate gives an error of the library its position.
func (w *work) locate(err error) manifest.ErrorList {
	var at *field.Error
	if errors.As(err, &at) {
		path, about := strings.CutPrefix(at.Field, "daemonSet.")
		if about || strings.HasPrefix(path, "spec.") || strings.HasPrefix(path, "metadata.") {
			return manifest.ErrorList{{Position: w.objects.Position(w.DaemonSet, path), Detail: at.ErrorBody()}}
		}
	}
	return manifest.ErrorList{{Position: w.objects.Position(w.DaemonSet, ""), Detail: err.Error()}}
}

// reasons say what is not well, or will not be. A manifest that changes something decides that, if
// there is one: it may be the repair, and no manifest repairs a node. But it needs the controller.
func (a *answer) reasons() []string {
	var list []string
	if p := a.Proposal; p != nil && !p.NoChange && len(p.Refused) == 0 {
		if len(p.risks) > 0 {
			list = append(list, "the manifest would hurt: "+strings.Join(texts(p.risks), ", "))
		}
	} else {
		if a.State == health.StateStalled.String() {
			list = append(list, "the rollout is stalled")
		}
		if a.NotReady > 0 {
			list = append(list, a.notReadySentence())
		}
	}
	if !a.DueSince.IsZero() {
		list = append(list, "the controller may be down")
	}
	return list
}

// urgency orders the answers: what needs attention comes first.
func (a *answer) urgency() int {
	switch {
	case a.State == stateRefused, a.Proposal != nil && len(a.Proposal.Refused) > 0:
		return 0
	case len(a.reasons()) > 0, a.State == health.StateStalled.String(), a.NotReady > 0:
		return 1
	case a.State == health.StateComplete.String() && a.Proposal == nil:
		return 3
	}
	return 2
}
