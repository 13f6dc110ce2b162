package rollout

import (
	"bytes"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
)

// Rollback is what Undo makes of a DaemonSet. The zero Rollback does nothing.
type Rollback struct {
	// ToRevision is the number that was asked for, 0 for the previous one.
	ToRevision int64
	// Revision is the revision that was found for it, as passed in: read-only.
	Revision *appsv1.ControllerRevision
	// DaemonSet is a deep copy of the DaemonSet with the template of that
	// revision. All else is as before, annotations such as the change cause
	// included; the API server will raise the generation.
	DaemonSet *appsv1.DaemonSet
	// Patch is the strategic merge patch to send, which is the revision's data;
	// a copy. nil where the DaemonSet has that template already.
	Patch []byte
}

// Skipped says that there is nothing to do.
func (r *Rollback) Skipped() bool { return r == nil || len(r.Patch) == 0 }

// String returns what `kubectl rollout undo` prints behind the name of the
// DaemonSet: "rolled back", or that it skipped the rollback and why.
func (r *Rollback) String() string {
	if !r.Skipped() {
		return "rolled back"
	}
	var asked int64
	if r != nil {
		asked = r.ToRevision
	}
	return fmt.Sprintf("skipped rollback (current template already matches revision %d)", asked)
}

// Undo takes ds back to the template of an earlier revision
// (DaemonSetRollbacker.Rollback@v0.37.2). toRevision is the number of that
// revision; 0 means the previous one, which is the last but one of History,
// whatever the DaemonSet's template is now. Where revisions share the number, it
// is the first of them by name.
//
// revisions are ControllerRevisions in any order, of which those count that
// History shows. Nothing passed in is changed.
//
// It fails in kubectl's words where there is no such revision: "no last revision
// to roll back to" or "unable to find specified revision 7 in history". It fails
// with a *field.Error on input that History refuses, and on data that
// RevisionTemplate refuses, for which the error names the revision too.
func Undo(ds *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision, toRevision int64) (*Rollback, error) {
	if ds != nil && toRevision < 0 {
		// kubectl takes no negative number, not even one that a revision has, and
		// says so before it looks at the history.
		return nil, noSuchRevision(toRevision)
	}
	owned, err := controlled(ds, revisions)
	if err != nil {
		return nil, err
	}
	rev, err := findRevision(owned, toRevision)
	if err != nil {
		return nil, err
	}
	out, err := rollBack(ds, rev)
	if err != nil {
		return nil, err
	}
	out.ToRevision = toRevision
	return out, nil
}

// rollBack gives ds the template of a revision.
func rollBack(ds *appsv1.DaemonSet, rev *appsv1.ControllerRevision) (*Rollback, error) {
	matches, err := Matches(ds, rev)
	if err != nil {
		return nil, err
	}
	out := &Rollback{Revision: rev, DaemonSet: ds.DeepCopy()}
	if matches {
		return out, nil
	}
	patch, err := storedData(rev)
	if err != nil {
		return nil, fmt.Errorf("revision %s: %w", rev.Name, err)
	}
	template, err := templateIn(patch)
	if err != nil {
		return nil, fmt.Errorf("revision %s: %w", rev.Name, err)
	}
	out.DaemonSet.Spec.Template = *template
	out.Patch = bytes.Clone(patch)
	return out, nil
}

// findRevision is findHistory@v0.37.2 with its errors. revisions are ordered by
// number and name.
func findRevision(revisions []*appsv1.ControllerRevision, number int64) (*appsv1.ControllerRevision, error) {
	if number == 0 {
		if len(revisions) < 2 {
			return nil, errors.New("no last revision to roll back to")
		}
		return revisions[len(revisions)-2], nil
	}
	for _, rev := range revisions {
		if rev.Revision == number {
			return rev, nil
		}
	}
	return nil, noSuchRevision(number)
}

func noSuchRevision(number int64) error {
	return fmt.Errorf("unable to find specified revision %d in history", number)
}
