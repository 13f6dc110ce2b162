package main

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// watchController notes whether the controller has seen the DaemonSet as it is, and since when
// the next pass is due, if that is long ago: a controller that is down looks like progress.
func (w *work) watchController(result *rollout.Result, lastChange time.Time) {
	ds := w.Input.DaemonSet
	unseen := ds.Generation > ds.Status.ObservedGeneration
	if unseen {
		w.a.Unobserved = ds.Generation - ds.Status.ObservedGeneration
	}
	// Only for updates do the objects tell since when they are due: the deletion of a pod
	// that has to be created again leaves no trace.
	updates := false
	for _, d := range result.Plan.Delete {
		switch d.Reason {
		case daemon.DeleteReasonOutdated, daemon.DeleteReasonUnavailable, daemon.DeleteReasonSuperseded:
			updates = true
		}
	}
	if !updates {
		return
	}
	due := lastChange
	after := func(t metav1.Time) {
		if t.After(due) {
			due = t.Time
		}
	}
	if unseen {
		// Without managed fields, which kubectl hides, nothing says when the template changed.
		var written metav1.Time
		for _, entry := range ds.ManagedFields {
			if entry.Subresource == "" && entry.Time != nil && entry.Time.After(written.Time) {
				written = *entry.Time
			}
		}
		if written.IsZero() {
			return
		}
		after(written)
	}
	if current := result.Revisions; current != nil && current.Current != nil {
		after(current.Current.CreationTimestamp)
	}
	for _, node := range w.Input.Nodes {
		after(node.CreationTimestamp)
		for _, c := range node.Status.Conditions {
			after(c.LastTransitionTime)
		}
	}
	if !due.IsZero() && w.now.Sub(due) > health.DefaultPatience {
		w.a.DueSince = due.UTC()
	}
}

// controllerClause says so.
func (w *work) controllerClause() string {
	text := ""
	if w.a.Unobserved > 0 {
		text = fmt.Sprintf("; the controller has not observed generation %d, only %d", w.Input.DaemonSet.Generation, w.Input.DaemonSet.Status.ObservedGeneration)
	}
	if !w.a.DueSince.IsZero() {
		text += fmt.Sprintf("; its next pass has been due since %s (%s): the controller may be down",
			w.a.DueSince.Format(time.RFC3339), duration.HumanDuration(w.now.Sub(w.a.DueSince)))
	}
	return text
}
