package main

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon/manifest"
)

// skew is how far clocks may be apart.
const skew = time.Minute

// noteTime notes that the time of the answers is before times in the input: ages and waits are
// wrong then, such as those of a dump that was made after -now.
func (r *report) noteTime(objects *manifest.Objects) {
	if at := newest(objects); at.Sub(r.Time) > skew {
		r.Notes = append(r.Notes, fmt.Sprintf("the answer is for %s, but the input has the time %s: ages and waits are wrong; give -now the time at which the input was made",
			r.Time.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339)))
	}
}

// newest returns the last of the times in the objects.
func newest(objects *manifest.Objects) time.Time {
	var last time.Time
	see := func(t metav1.Time) {
		if t.After(last) {
			last = t.Time
		}
	}
	for _, ds := range objects.DaemonSets {
		see(ds.CreationTimestamp)
	}
	for _, revision := range objects.Revisions {
		see(revision.CreationTimestamp)
	}
	for _, node := range objects.Nodes {
		see(node.CreationTimestamp)
		for _, c := range node.Status.Conditions {
			see(c.LastHeartbeatTime)
			see(c.LastTransitionTime)
		}
	}
	for _, pod := range objects.Pods {
		see(pod.CreationTimestamp)
		for _, c := range pod.Status.Conditions {
			see(c.LastTransitionTime)
		}
	}
	return last
}
