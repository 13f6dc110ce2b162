package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podstatus"
)

// PodSetChanges are the differences between the pods that should exist and those
// that exist. Each list is ordered by node name, then pod name. The zero value has
// no differences.
type PodSetChanges struct {
	// Missing are desired pods that no actual pod matches.
	Missing []PodPair
	// Extra are actual pods that match no desired pod.
	Extra []PodPair
	// Outdated are actual pods whose revision hash label differs from that of their
	// desired pods. Their other fields are not compared.
	Outdated []PodPair
	// Drifted are actual pods of the desired revision. They lack or contradict
	// something that their desired pods set.
	Drifted []PodPair
}

// PodPair is a desired pod and an actual one. One of them may be nil.
type PodPair struct {
	// Node is the name of the node that the pod is on or meant for, as
	// daemon.TargetNode finds it. It is "" if the pod names no node.
	Node string
	// Desired is nil for an extra pod. It is read-only.
	Desired *corev1.Pod
	// Actual is the pod that matches the desired one. For a missing pod it is nil,
	// or the pod that would match if it were not being deleted. It is read-only.
	Actual *corev1.Pod
	// Hash and DesiredHash are the revision hashes of the two pods; empty if the label is
	// missing. Only outdated pods have them.
	Hash, DesiredHash string
	// Changes lead from the desired pod (Old) to the actual one (New). Only
	// drifted pods have them.
	Changes Changes
}

// PodSets compares the pods that should exist, such as those of
// daemon.DesiredPods, with the pods that exist. Both
// lists may be in any order and hold pods of several DaemonSets; nil pods are
// skipped. The result points to the pods of the arguments. naming is the Input.Naming of
// the desired pods; the zero value is upstream's.
//
// An actual pod matches a desired one if both are for the same node, are in the
// same namespace and have the same controller: the groups, kinds and names are equal,
// and so are the UIDs if both have one. If one of the two pods has no controller, the
// actual pod must have all labels of the desired one, other than those that naming is
// about, like a pod that a DaemonSet adopts. A desired pod that has a controller and no such
// labels adopts no pod. A foreign pod in the namespace is therefore extra.
//
// Each pod matches at most one pod. Candidates are preferred in this order: same
// controller, desired revision, bound, older, lower name. A pod that has failed or
// succeeded matches nothing and is extra. The same holds for a pod that names no node. A
// pod that is being deleted matches nothing and is not extra.
//
// A pod has drifted if it lacks or contradicts what the desired pod sets in
// metadata.labels, metadata.annotations and spec, by the rules of the package
// comment. Only this direction counts. What the API server, admission, the scheduler
// or the kubelet add is not drift: values of fields that the desired pod leaves at
// zero, entries of maps and of lists with keys (volumes, volume mounts, environment
// variables, containers), tolerations, and the matchExpressions of a label
// selector. All other lists, such as args, must be as desired. Quantities may be
// rounded up to a thousandth. spec.schedulingGates are not compared, because they
// are there to be removed.
//
// The time is linear in the pods if the number of pods on one node is bounded; on
// each node it grows with the product of its desired and its actual pods. A pair
// of pods costs what Templates costs.
func PodSets(desired, actual []*corev1.Pod, naming daemon.Naming) PodSetChanges {
	naming = naming.WithDefaults()
	nodes := make(map[string]*nodePods)
	on := func(pod *corev1.Pod) *nodePods {
		name, _ := daemon.TargetNode(pod)
		n := nodes[name]
		if n == nil {
			n = &nodePods{name: name, naming: naming}
			nodes[name] = n
		}
		return n
	}
	for _, pod := range desired {
		if pod != nil {
			n := on(pod)
			n.desired = append(n.desired, pod)
		}
	}
	for _, pod := range actual {
		if pod != nil {
			on(pod).add(pod)
		}
	}
	names := make([]string, 0, len(nodes))
	for name := range nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	var c PodSetChanges
	for _, name := range names {
		nodes[name].compare(&c)
	}
	return c
}

// Empty reports whether there are no differences.
func (c PodSetChanges) Empty() bool {
	return len(c.Missing) == 0 && len(c.Extra) == 0 && len(c.Outdated) == 0 && len(c.Drifted) == 0
}

// String returns one line for each pod, in the order of the fields, with the changes
// of a drifted pod below it. Without changes it returns "no difference".
func (c PodSetChanges) String() string {
	var lines []string
	for _, p := range c.Missing {
		line := fmt.Sprintf("missing on %s: %s", nodeText(p.Node), nameText(p.Desired))
		if p.Actual != nil {
			line += fmt.Sprintf(" (%s is being deleted)", nameText(p.Actual))
		}
		lines = append(lines, line)
	}
	for _, p := range c.Extra {
		line := fmt.Sprintf("extra on %s: %s", nodeText(p.Node), nameText(p.Actual))
		if p.Actual != nil && podstatus.Finished(p.Actual) {
			line += fmt.Sprintf(" (%s)", p.Actual.Status.Phase)
		}
		lines = append(lines, line)
	}
	for _, p := range c.Outdated {
		lines = append(lines, fmt.Sprintf("outdated on %s: %s (%s, desired %s)",
			nodeText(p.Node), nameText(p.Actual), hashText(p.Hash), hashText(p.DesiredHash)))
	}
	for _, p := range c.Drifted {
		lines = append(lines, fmt.Sprintf("drifted on %s: %s", nodeText(p.Node), nameText(p.Actual)))
		for _, change := range p.Changes {
			lines = append(lines, "  "+change.String())
		}
	}
	if lines == nil {
		return "no difference"
	}
	return strings.Join(lines, "\n")
}

func nodeText(name string) string { return cmp.Or(name, "<no node>") }

func nameText(pod *corev1.Pod) string {
	if pod == nil {
		return "<nil>"
	}
	return cmp.Or(podName(pod), "<unnamed>")
}

func hashText(hash string) string { return cmp.Or(hash, "no revision") }
