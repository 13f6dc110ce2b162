package history

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon/diff"
)

// Diff returns what changes in the pod template from one revision to
// another, in the order and by the rules of diff.Templates. The result is empty if the
// templates are equal, although their bytes, which decide which revision is current, may
// differ. Neither revision is changed, and the result shares nothing with them.
//
// It fails if Template fails. The error says which revision is wrong, the old or
// the new one, and wraps that *field.Error.
func Diff(old, cur *appsv1.ControllerRevision) (diff.Changes, error) {
	was, err := Template(old)
	if err != nil {
		return nil, fmt.Errorf("old revision%s: %w", nameOf(old), err)
	}
	is, err := Template(cur)
	if err != nil {
		return nil, fmt.Errorf("new revision%s: %w", nameOf(cur), err)
	}
	return diff.Templates(was, is), nil
}

// nameOf returns the name behind a space, if there is one.
func nameOf(rev *appsv1.ControllerRevision) string {
	if rev == nil || rev.Name == "" {
		return ""
	}
	return " " + rev.Name
}
