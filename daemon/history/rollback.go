package history

import (
	"bytes"
	"cmp"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
)

// Rollback takes a DaemonSet back to the template of a revision. The zero
// Rollback does nothing.
type Rollback struct {
	// Revision is the revision to go back to, as passed in: read-only.
	Revision *appsv1.ControllerRevision
	// DaemonSet is a deep copy of the DaemonSet with the template of that
	// revision. Everything else is unchanged, including the generation and the annotations.
	DaemonSet *appsv1.DaemonSet
	// Patch is the strategic merge patch to send to the API server: a copy of the
	// revision's data. It is nil if Matches finds that the DaemonSet has the template
	// already.
	Patch []byte
}

// NewRollback takes ds back to the template of rev
// (DaemonSetRollbacker.Rollback@v0.37.2). It changes the template and nothing else:
// a change cause in the annotations of ds stays. The Rollback is skipped if Matches finds
// that ds has the template already. NewRollback does not check that the revision belongs to
// ds.
//
// Neither argument is changed. It fails with a *field.Error if one of them is nil or
// Data fails. It also fails if Template fails; that error names the
// revision and wraps the *field.Error.
func NewRollback(ds *appsv1.DaemonSet, rev *appsv1.ControllerRevision) (*Rollback, error) {
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

// Skipped reports whether there is nothing to send.
func (r *Rollback) Skipped() bool { return r == nil || len(r.Patch) == 0 }

// String returns "roll back to revision agent-7c9d5 (number 3)", or why there is
// nothing to roll back.
func (r *Rollback) String() string {
	if r == nil || r.Revision == nil {
		if r.Skipped() {
			return "nothing to roll back"
		}
		return "roll back to an unknown revision"
	}
	revision := fmt.Sprintf("revision %s (number %d)", cmp.Or(r.Revision.Name, "without a name"), r.Revision.Revision)
	if r.Skipped() {
		return "nothing to roll back: the template is already that of " + revision
	}
	return "roll back to " + revision
}
