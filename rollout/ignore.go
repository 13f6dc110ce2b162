package rollout

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// IgnoreNotReadyNodes leaves nodes that are not ready alone and out of the budget,
// so that a node that is down does not hold the update of the others up. Step.Ignored
// names them. When they are ready again, they take part again.
type IgnoreNotReadyNodes struct {
	// After is for how long a node has to be not ready until it is ignored. Zero:
	// at once.
	After time.Duration
}

// String returns "ignore not-ready nodes" with the time, if any.
func (n IgnoreNotReadyNodes) String() string { return "ignore not-ready nodes" + afterwards(n.After) }

func (IgnoreNotReadyNodes) kind() pieceKind { return kindIgnoreNotReadyNodes }

func (n IgnoreNotReadyNodes) rule(_ *Policy, path *field.Path) (rule, field.ErrorList) {
	return n, checkAfter(n.After, path)
}

func (n IgnoreNotReadyNodes) apply(r *round) {
	now := r.s.Now()
	for i := range r.nodes {
		node := r.nodes[i].Node
		if node == nil || !r.desired(i) && len(r.nodes[i].Pods) == 0 {
			continue
		}
		ready := nodeReady(node)
		if ready == nil || ready.Status == corev1.ConditionTrue {
			continue
		}
		since := ready.LastTransitionTime.Time
		if due := since.Add(n.After); due.After(now) {
			r.requeueAt(due)
			continue
		}
		r.ignore(i, IgnoredNotReady, since)
	}
}

// IgnoreStuckPods leaves nodes alone and out of the budget on which nothing is left
// but pods that are being deleted and have not ended within their grace period, so
// that these no longer block the update of the others. Step.Ignored names them.
type IgnoreStuckPods struct {
	// After is how long beyond its grace period a pod has to take until its node is
	// ignored. Zero: no longer.
	After time.Duration
}

// String returns "ignore stuck pods" with the time, if any.
func (s IgnoreStuckPods) String() string { return "ignore stuck pods" + afterwards(s.After) }

func (IgnoreStuckPods) kind() pieceKind { return kindIgnoreStuckPods }

func (s IgnoreStuckPods) rule(_ *Policy, path *field.Path) (rule, field.ErrorList) {
	return s, checkAfter(s.After, path)
}

func (s IgnoreStuckPods) apply(r *round) {
	now := r.s.Now()
	for i := range r.nodes {
		pods := r.nodes[i].Pods
		if len(pods) == 0 || r.l.roles[i]&(roleOutdated|roleUpdated) != 0 {
			continue
		}
		// The node is blocked until the last of its pods has ended.
		var since time.Time
		for j := range pods {
			if deleted := pods[j].Pod.DeletionTimestamp; deleted != nil {
				since = latest(since, deleted.Time)
			}
		}
		if since.IsZero() {
			continue
		}
		if due := since.Add(s.After); due.After(now) {
			r.requeueAt(due)
			continue
		}
		r.ignore(i, IgnoredStuckPod, since)
	}
}

func afterwards(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(" after %v", d)
}

func checkAfter(d time.Duration, path *field.Path) field.ErrorList {
	if d < 0 {
		return field.ErrorList{field.Invalid(path.Child("after"), d.String(), "must not be negative")}
	}
	return nil
}
