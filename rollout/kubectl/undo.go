package kubectl

import (
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon/history"
)

// Undo is the result of kubectl rollout undo. The zero Undo does nothing.
type Undo struct {
	// ToRevision is the number that was asked for, 0 for the previous revision.
	ToRevision int64
	// Rollback has the revision that was found, the patch to send, and the
	// DaemonSet as the patch makes it. It is skipped if the DaemonSet has the
	// template of that revision already.
	Rollback *history.Rollback
}

// String returns what kubectl rollout undo prints after the name of the
// DaemonSet, without a line break: "rolled back", or "skipped rollback (current
// template already matches revision 3)" with the number that was asked for. The zero
// Undo, which comes with an error, is "no undo".
func (u Undo) String() string {
	if u.Rollback == nil {
		return "no undo"
	}
	if u.Rollback.Skipped() {
		return fmt.Sprintf("skipped rollback (current template already matches revision %d)", u.ToRevision)
	}
	return "rolled back"
}

// RolloutUndo takes ds back to the template of an earlier revision
// (DaemonSetRollbacker.Rollback@v0.37.2). toRevision is the number of that
// revision; 0 means the previous one, as in kubectl rollout undo --to-revision.
//
// The revision is one of those of RolloutHistory (findHistory@v0.37.2). For 0 it
// is the last but one, regardless of the template of ds. For any other number it
// is the first that has the number; if revisions share it, that is the first by
// name, while the text of a History shows the last. history.NewRollback then makes
// the Rollback. Nothing passed in is changed.
//
// If there is no such revision, it fails in kubectl's words: "no last revision
// to roll back to" or "unable to find specified revision 7 in history". It also
// fails if RolloutHistory or history.NewRollback fails. kubectl has no error
// for broken data: see undo-data in the package comment.
func RolloutUndo(ds *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision, toRevision int64) (Undo, error) {
	if ds != nil && toRevision < 0 {
		// kubectl refuses a negative number before it looks at the history, even
		// one that a revision has.
		return Undo{}, errNoRevision(toRevision)
	}
	owned, err := controlled(ds, revisions)
	if err != nil {
		return Undo{}, err
	}
	rev, err := find(owned, toRevision)
	if err != nil {
		return Undo{}, err
	}
	back, err := history.NewRollback(ds, rev)
	if err != nil {
		return Undo{}, err
	}
	return Undo{ToRevision: toRevision, Rollback: back}, nil
}

// find is findHistory@v0.37.2 with its errors. The revisions are ordered.
func find(revisions []*appsv1.ControllerRevision, number int64) (*appsv1.ControllerRevision, error) {
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
	return nil, errNoRevision(number)
}

func errNoRevision(number int64) error {
	return fmt.Errorf("unable to find specified revision %d in history", number)
}
