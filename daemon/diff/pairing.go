package diff

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/podstatus"
)

// nodePods are the pods on one node, or those that name none.
type nodePods struct {
	name   string
	naming daemon.Naming
	// desired pods. A pod that has found its actual pod is replaced by nil.
	desired []*corev1.Pod
	// running pods are actual pods that run or will. A pod that matches a desired
	// one is replaced by nil.
	running []*corev1.Pod
	// leaving pods are being deleted. A pod that is named with a missing one is
	// replaced by nil.
	leaving []*corev1.Pod
	// ended pods have failed or succeeded.
	ended []*corev1.Pod
}

// hashOf returns the hash of the revision that a pod was made from; empty if the label is
// missing.
func (n *nodePods) hashOf(pod *corev1.Pod) string { return pod.Labels[n.naming.RevisionHashLabel] }

func (n *nodePods) add(pod *corev1.Pod) {
	switch {
	case pod.DeletionTimestamp != nil:
		n.leaving = append(n.leaving, pod)
	case podstatus.Finished(pod):
		n.ended = append(n.ended, pod)
	default:
		n.running = append(n.running, pod)
	}
}

// compare appends the differences on the node.
func (n *nodePods) compare(c *PodSetChanges) {
	slices.SortFunc(n.desired, n.compareByName)
	slices.SortFunc(n.running, n.compareByAge)
	slices.SortFunc(n.leaving, n.compareByAge)

	outdated, drifted, extra := len(c.Outdated), len(c.Drifted), len(c.Extra)
	n.pair(n.running, func(pair PodPair) {
		if hash := n.hashOf(pair.Desired); hash != "" && hash != n.hashOf(pair.Actual) {
			pair.Hash, pair.DesiredHash = n.hashOf(pair.Actual), hash
			c.Outdated = append(c.Outdated, pair)
		} else if pair.Changes = drift(pair.Desired, pair.Actual); len(pair.Changes) > 0 {
			c.Drifted = append(c.Drifted, pair)
		}
	})
	missing := len(c.Missing)
	n.pair(n.leaving, func(pair PodPair) { c.Missing = append(c.Missing, pair) })
	for _, pod := range n.desired {
		if pod != nil {
			c.Missing = append(c.Missing, PodPair{Node: n.name, Desired: pod})
		}
	}
	for _, pod := range slices.Concat(n.running, n.ended) {
		if pod != nil {
			c.Extra = append(c.Extra, PodPair{Node: n.name, Actual: pod})
		}
	}
	byDesired := func(a, b PodPair) int { return n.compareByName(a.Desired, b.Desired) }
	byActual := func(a, b PodPair) int { return n.compareByName(a.Actual, b.Actual) }
	slices.SortFunc(c.Missing[missing:], byDesired)
	slices.SortFunc(c.Extra[extra:], byActual)
	slices.SortFunc(c.Outdated[outdated:], byActual)
	slices.SortFunc(c.Drifted[drifted:], byActual)
}

// pair calls found for each desired pod that is left and the pod of the list that
// matches it. Both are replaced by nil. Pods with the same controller go first.
func (n *nodePods) pair(pods []*corev1.Pod, found func(PodPair)) {
	if n.name == "" {
		return
	}
	for _, matches := range []func(desired, actual *corev1.Pod) bool{sameController, n.adoptable} {
		for i, desired := range n.desired {
			if desired == nil {
				continue
			}
			j := n.best(desired, pods, matches)
			if j < 0 {
				continue
			}
			found(PodPair{Node: n.name, Desired: desired, Actual: pods[j]})
			n.desired[i], pods[j] = nil, nil
		}
	}
}

// best returns the index of the pod that matches the desired one: the first of the
// desired revision, else the first. It returns -1 if no pod matches.
func (n *nodePods) best(desired *corev1.Pod, pods []*corev1.Pod, matches func(desired, actual *corev1.Pod) bool) int {
	best, hash := -1, n.hashOf(desired)
	for i, pod := range pods {
		if pod == nil || pod.Namespace != desired.Namespace || !matches(desired, pod) {
			continue
		}
		if hash == "" || n.hashOf(pod) == hash {
			return i
		}
		if best < 0 {
			best = i
		}
	}
	return best
}

// sameController reports whether both pods have the same controller. A DaemonSet
// that is not in a cluster has no UID.
func sameController(desired, actual *corev1.Pod) bool {
	a, b := metav1.GetControllerOfNoCopy(desired), metav1.GetControllerOfNoCopy(actual)
	return a != nil && b != nil && owner.SameKind(a, b) && a.Name == b.Name && (a.UID == "" || b.UID == "" || a.UID == b.UID)
}

// adoptable reports whether one of the two pods has no controller, and the labels
// of the actual pod make it one that the controller of the desired pod may adopt.
func (n *nodePods) adoptable(desired, actual *corev1.Pod) bool {
	controlled := metav1.GetControllerOfNoCopy(desired) != nil
	if controlled && metav1.GetControllerOfNoCopy(actual) != nil {
		return false
	}
	labels := 0
	for key, value := range desired.Labels {
		if key == n.naming.RevisionHashLabel || key == n.naming.TemplateGenerationLabel {
			continue
		}
		if got, ok := actual.Labels[key]; !ok || got != value {
			return false
		}
		labels++
	}
	return labels > 0 || !controlled
}

// compareByAge orders pods as the controller does to choose among those of a node, and pods
// that are the same to the controller by name.
func (n *nodePods) compareByAge(a, b *corev1.Pod) int {
	if c := podstatus.Compare(a, b); c != 0 {
		return c
	}
	return n.compareByName(a, b)
}

// compareByName orders pods by what a reader sees of them, and pods that look the
// same by their content, so that the order of the input never decides. The content is
// read last, because that costs the most.
func (n *nodePods) compareByName(a, b *corev1.Pod) int {
	if c := cmp.Or(
		strings.Compare(podName(a), podName(b)),
		strings.Compare(a.Namespace, b.Namespace),
		strings.Compare(n.hashOf(a), n.hashOf(b)),
		strings.Compare(string(a.UID), string(b.UID)),
	); c != 0 || a == b {
		return c
	}
	return strings.Compare(podFingerprint(a), podFingerprint(b))
}

func podFingerprint(pod *corev1.Pod) string {
	return string(appendFingerprint(nil, reflect.ValueOf(pod).Elem()))
}

// podName returns the name, or the beginning that the name will have.
func podName(pod *corev1.Pod) string { return cmp.Or(pod.Name, pod.GenerateName) }
