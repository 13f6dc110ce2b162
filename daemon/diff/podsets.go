package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
)

// PodSetChanges is how the pods that exist differ from those that should. Each list
// is ordered by node name, then pod name. The zero value means no difference.
type PodSetChanges struct {
	// Missing are desired pods whose node has no pod for them.
	Missing []PodPair
	// Extra are actual pods that no desired pod asks for, and those that have
	// failed or succeeded.
	Extra []PodPair
	// Outdated are actual pods of another revision than the desired ones: the
	// label controller-revision-hash differs. Their fields are not compared.
	Outdated []PodPair
	// Drifted are actual pods of the desired revision that lack, or contradict,
	// something that the desired ones set.
	Drifted []PodPair
}

// PodPair is one entry of a PodSetChanges.
type PodPair struct {
	// Node is the name of the node that the pod is on or meant for, as
	// TargetNode finds it; "" where the pod names none.
	Node string
	// Desired is nil for an extra pod. Read-only.
	Desired *corev1.Pod
	// Actual is the pod found. For a missing one it is nil, or the pod that is
	// still there but being deleted. Read-only.
	Actual *corev1.Pod
	// Changes lead from the desired pod (Old) to the actual one (New). They are
	// there for drifted pods alone.
	Changes Changes
}

// PodSets compares pods that should exist, as DesiredPods or
// DesiredPodsOnNode returns them, with pods that do. Both may be in any order
// and hold pods of several DaemonSets; nil entries are skipped. Nothing is
// changed; the result refers to the pods of the arguments.
//
// A pod stands for a desired one where node, namespace and the kind and name of
// the controlling owner are the same; a pod without a controller goes with any
// that found no better one. Of several the desired revision wins, then a bound
// pod, the oldest, the first by name; the others are extra. A pod that names no
// node stands for nothing and is missing or extra.
//
// Pods being deleted stand for nothing either, and are not extra: where such a
// pod is the last on its node, the desired one is missing. So it is where the
// pod there has failed or succeeded, which makes that one extra.
//
// Drift looks at what the desired pod sets in metadata.labels,
// metadata.annotations and spec, by the rules of Templates, in one direction:
// what API defaults, admission, scheduler or kubelet add is none. Entries added
// to a map or a keyed list (volumes, volume mounts, environment, sidecars), to
// tolerations and to a label selector's matchExpressions are none either; other
// lists, such as args, must be as they are desired. A field with its zero value
// asks for nothing, and spec.schedulingGates are made to be removed.
func PodSets(desired, actual []*corev1.Pod) PodSetChanges {
	nodes := make(map[string]*nodePods)
	at := func(name string) *nodePods {
		n := nodes[name]
		if n == nil {
			n = &nodePods{name: name}
			nodes[name] = n
		}
		return n
	}
	for _, pod := range desired {
		if pod != nil {
			name, _ := daemon.TargetNode(pod)
			n := at(name)
			n.desired = append(n.desired, pod)
		}
	}
	for _, pod := range actual {
		if pod != nil {
			name, _ := daemon.TargetNode(pod)
			n := at(name)
			n.add(pod)
		}
	}
	names := make([]string, 0, len(nodes))
	for name := range nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	var d PodSetChanges
	for _, name := range names {
		nodes[name].compare(&d)
	}
	return d
}

// nodePods is what there is to compare on one node.
type nodePods struct {
	name string
	// desired pods; those that found their actual pod are set to nil.
	desired []*corev1.Pod
	// actual pods that run or will; those that stand for a desired one are set
	// to nil.
	actual []*corev1.Pod
	// leaving are being deleted.
	leaving []*corev1.Pod
	// ended have failed or succeeded.
	ended []*corev1.Pod
}

func (n *nodePods) add(pod *corev1.Pod) {
	switch {
	case pod.DeletionTimestamp != nil:
		n.leaving = append(n.leaving, pod)
	case ended(pod):
		n.ended = append(n.ended, pod)
	default:
		n.actual = append(n.actual, pod)
	}
}

// compare appends what differs on the node.
func (n *nodePods) compare(d *PodSetChanges) {
	slices.SortStableFunc(n.desired, compareByName)
	slices.SortStableFunc(n.actual, compareAge)
	slices.SortStableFunc(n.leaving, compareAge)

	extra, outdated, drifted := len(d.Extra), len(d.Outdated), len(d.Drifted)
	if n.name != "" {
		for _, related := range []func(a, b *corev1.Pod) bool{sameController, orphaned} {
			for i, want := range n.desired {
				if want == nil {
					continue
				}
				if got := takeFor(want, n.actual, related); got != nil {
					n.desired[i] = nil
					n.judge(d, want, got)
				}
			}
		}
	}
	for _, want := range n.desired {
		if want == nil {
			continue
		}
		entry := PodPair{Node: n.name, Desired: want}
		if n.name != "" {
			if entry.Actual = takeFor(want, n.leaving, sameController); entry.Actual == nil {
				entry.Actual = takeFor(want, n.leaving, orphaned)
			}
		}
		d.Missing = append(d.Missing, entry)
	}
	for _, got := range slices.Concat(n.actual, n.ended) {
		if got != nil {
			d.Extra = append(d.Extra, PodPair{Node: n.name, Actual: got})
		}
	}
	byActual := func(a, b PodPair) int { return compareByName(a.Actual, b.Actual) }
	slices.SortStableFunc(d.Extra[extra:], byActual)
	slices.SortStableFunc(d.Outdated[outdated:], byActual)
	slices.SortStableFunc(d.Drifted[drifted:], byActual)
}

// judge compares a desired pod with the one that stands for it.
func (n *nodePods) judge(d *PodSetChanges, want, got *corev1.Pod) {
	entry := PodPair{Node: n.name, Desired: want, Actual: got}
	if hash := revisionHash(want); hash != "" && hash != revisionHash(got) {
		d.Outdated = append(d.Outdated, entry)
		return
	}
	if entry.Changes = drift(want, got); len(entry.Changes) > 0 {
		d.Drifted = append(d.Drifted, entry)
	}
}

// drift returns where the actual pod lacks or contradicts what the desired one
// sets.
func drift(want, got *corev1.Pod) Changes {
	set := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Labels: want.Labels, Annotations: want.Annotations},
		Spec:       want.Spec,
	}
	set.Spec.SchedulingGates = nil
	return compare(modeDesired, set, got)
}

// takeFor picks the pod that stands for the desired one and sets it to nil in
// the list: the first with the desired revision, else the first.
func takeFor(want *corev1.Pod, pods []*corev1.Pod, related func(a, b *corev1.Pod) bool) *corev1.Pod {
	best, hash := -1, revisionHash(want)
	for i, pod := range pods {
		if pod == nil || pod.Namespace != want.Namespace || !related(want, pod) {
			continue
		}
		if hash == "" || revisionHash(pod) == hash {
			best = i
			break
		}
		if best < 0 {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	pod := pods[best]
	pods[best] = nil
	return pod
}

func sameController(a, b *corev1.Pod) bool {
	ownerA, ownerB := metav1.GetControllerOfNoCopy(a), metav1.GetControllerOfNoCopy(b)
	if ownerA == nil || ownerB == nil {
		return ownerA == ownerB
	}
	return ownerA.Kind == ownerB.Kind && ownerA.Name == ownerB.Name
}

// orphaned reports whether one of the two has no controller.
func orphaned(a, b *corev1.Pod) bool {
	return metav1.GetControllerOfNoCopy(a) == nil || metav1.GetControllerOfNoCopy(b) == nil
}

func revisionHash(pod *corev1.Pod) string { return pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] }

// compareByName orders pods by what a reader sees of them.
func compareByName(a, b *corev1.Pod) int {
	return cmp.Or(
		strings.Compare(podName(a), podName(b)),
		strings.Compare(a.Namespace, b.Namespace),
		strings.Compare(revisionHash(a), revisionHash(b)),
	)
}

// podName returns the name, or what the name will begin with.
func podName(pod *corev1.Pod) string { return cmp.Or(pod.Name, pod.GenerateName) }

// Empty reports whether the actual pods are as desired.
func (d PodSetChanges) Empty() bool {
	return len(d.Missing) == 0 && len(d.Extra) == 0 && len(d.Outdated) == 0 && len(d.Drifted) == 0
}

// String returns one line for each pod, missing ones first, and under a drifted
// one its changes; "no difference" where there is none.
func (d PodSetChanges) String() string {
	var lines []string
	for _, e := range d.Missing {
		line := fmt.Sprintf("missing on %s: %s", nodeText(e.Node), nameText(e.Desired))
		if e.Actual != nil {
			line += fmt.Sprintf(" (%s is being deleted)", nameText(e.Actual))
		}
		lines = append(lines, line)
	}
	for _, e := range d.Extra {
		line := fmt.Sprintf("extra on %s: %s", nodeText(e.Node), nameText(e.Actual))
		if e.Actual != nil && ended(e.Actual) {
			line += fmt.Sprintf(" (%s)", e.Actual.Status.Phase)
		}
		lines = append(lines, line)
	}
	for _, e := range d.Outdated {
		lines = append(lines, fmt.Sprintf("outdated on %s: %s (%s, desired %s)",
			nodeText(e.Node), nameText(e.Actual), hashText(e.Actual), hashText(e.Desired)))
	}
	for _, e := range d.Drifted {
		lines = append(lines, fmt.Sprintf("drifted on %s: %s", nodeText(e.Node), nameText(e.Actual)))
		for _, c := range e.Changes {
			lines = append(lines, "  "+c.String())
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

func hashText(pod *corev1.Pod) string {
	if pod == nil {
		return "<nil>"
	}
	return cmp.Or(revisionHash(pod), "no revision")
}

// compareAge puts bound pods before those that are not, then the oldest first,
// then orders by name (podByCreationTimestampAndPhase@v1.37.2).
func compareAge(a, b *corev1.Pod) int {
	if boundA, boundB := a.Spec.NodeName != "", b.Spec.NodeName != ""; boundA != boundB {
		if boundA {
			return -1
		}
		return 1
	}
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
}

// ended reports whether all containers have stopped for good
// (IsPodTerminal@v1.37.2).
func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}
