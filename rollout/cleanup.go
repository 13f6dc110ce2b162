package rollout

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon"
)

// DefaultHistoryLimit is the default of spec.revisionHistoryLimit
// (SetDefaults_DaemonSet@v1.37.2).
const DefaultHistoryLimit = 10

// CleanUp returns the revisions to delete so that no more than
// spec.revisionHistoryLimit old ones stay, the oldest first; those that a pod of
// the snapshot still carries stay and count (cleanupHistory@v1.37.2). old is
// RevisionPlan.Old. A limit that is not set counts as DefaultHistoryLimit.
func CleanUp(s *daemon.Snapshot, old []*appsv1.ControllerRevision) []*appsv1.ControllerRevision {
	var inUse map[string]bool
	return cleanUp(s.DaemonSet(), old, func(hash string) bool {
		if inUse == nil {
			inUse = hashesInUse(s)
		}
		return inUse[hash]
	})
}

func cleanUp(ds *appsv1.DaemonSet, old []*appsv1.ControllerRevision, inUse func(hash string) bool) []*appsv1.ControllerRevision {
	limit := DefaultHistoryLimit
	if l := ds.Spec.RevisionHistoryLimit; l != nil {
		limit = int(*l)
	}
	surplus := len(old) - limit
	if surplus <= 0 {
		return nil
	}
	var out []*appsv1.ControllerRevision
	for _, rev := range slices.SortedStableFunc(slices.Values(old), compareNumber) {
		if len(out) == surplus {
			break
		}
		if hash := rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]; hash == "" || !inUse(hash) {
			out = append(out, rev)
		}
	}
	return out
}

// hashesInUse returns the hash labels of all pods that name a node, finished ones
// that are being deleted among them.
func hashesInUse(s *daemon.Snapshot) map[string]bool {
	inUse := make(map[string]bool)
	for i := range s.Nodes() {
		for _, p := range s.Nodes()[i].Pods {
			inUse[p.Pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]] = true
		}
	}
	for _, p := range s.LeftOut() {
		if p.Finished {
			inUse[p.Pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]] = true
		}
	}
	return inUse
}
