package e2e

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Promise is what holds at every moment of a rollout on nodes that are healthy all the time. Pods get ready
// and stay so until the controller deletes them, so that every node
// without a pod that is ready is one that the controller has spent of the budget.
type Promise struct {
	// Owner is the name of the controlling object.
	Owner string
	// Nodes are those that get a pod.
	Nodes []string
	// MaxUnavailable is how many of them may be without a ready pod.
	MaxUnavailable int
	// MaxSurge is how many nodes may have more than one pod. If it is above zero, a node whose pods are
	// all ready no longer counts: both controllers create pods for the next nodes before they delete the old pod
	// there (rollingUpdate@v1.37.2).
	MaxSurge int
}

// Broken says what is wrong with the pods of a namespace.
func (p Promise) Broken(pods map[string]*corev1.Pod) []string {
	type nodeAndRevision struct{ node, revision string }
	alike := map[nodeAndRevision]int{}
	running, ready := map[string]int{}, map[string]int{}
	for _, pod := range pods {
		owner := metav1.GetControllerOfNoCopy(pod)
		if owner == nil || owner.Name != p.Owner || pod.DeletionTimestamp != nil ||
			pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
			continue
		}
		node := nodeOf(pod)
		alike[nodeAndRevision{node, pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]}]++
		running[node]++
		if Ready(pod) {
			ready[node]++
		}
	}
	var out []string
	for at, n := range alike {
		if n > 1 {
			out = append(out, fmt.Sprintf("%d pods of revision %s on node %s, want at most 1", n, at.revision, at.node))
		}
	}
	var without, several []string
	for _, node := range p.Nodes {
		if ready[node] == 0 {
			without = append(without, node)
		}
	}
	for _, node := range slices.Sorted(maps.Keys(running)) {
		if running[node] > 1 && (p.MaxSurge == 0 || ready[node] < running[node]) {
			several = append(several, node)
		}
	}
	if len(without) > p.MaxUnavailable {
		out = append(out, fmt.Sprintf("%d nodes without a ready pod, want at most %d: %v", len(without), p.MaxUnavailable, without))
	}
	if len(several) > p.MaxSurge {
		out = append(out, fmt.Sprintf("%d nodes with several pods, want at most %d: %v", len(several), p.MaxSurge, several))
	}
	slices.Sort(out)
	return out
}

// Ready says whether a pod has the condition.
func Ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
