package history

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/revision"
)

// DefaultLimit is the default of spec.revisionHistoryLimit
// (SetDefaults_DaemonSet@v1.37.2).
const DefaultLimit = 10

// CleanUp returns the old revisions to delete so that at most
// spec.revisionHistoryLimit of them stay, ordered by number, then by name. A revision
// whose hash is on a pod stays, and counts (cleanupHistory@v1.37.2). old is
// Plan.Old, in any order; nil entries are ignored. A nil limit means
// DefaultLimit. The returned revisions are those passed in: read-only.
func CleanUp(s *daemon.Snapshot, old []*appsv1.ControllerRevision) []*appsv1.ControllerRevision {
	if s == nil || s.DaemonSet() == nil {
		return nil
	}
	limit := DefaultLimit
	if l := s.DaemonSet().Spec.RevisionHistoryLimit; l != nil {
		limit = int(*l)
	}
	byNumber := slices.DeleteFunc(slices.Clone(old), func(rev *appsv1.ControllerRevision) bool { return rev == nil })
	surplus := len(byNumber) - limit
	if surplus <= 0 {
		return nil
	}
	inUse, label := s.HashesInUse(), s.Naming().RevisionHashLabel
	slices.SortFunc(byNumber, revision.Compare)
	var out []*appsv1.ControllerRevision
	for _, rev := range byNumber {
		if len(out) == surplus {
			break
		}
		if !inUse[rev.Labels[label]] {
			out = append(out, rev)
		}
	}
	return out
}
