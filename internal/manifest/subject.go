package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// Subject is one DaemonSet with all that belongs to it, as the package rollout
// wants it.
type Subject struct {
	// Set is a copy of the DaemonSet with the API server's defaults.
	Set *appsv1.DaemonSet
	// Nodes are all nodes; the slice is that of the Objects.
	Nodes []*corev1.Node
	// Pods are those of the DaemonSet's namespace.
	Pods []*corev1.Pod
	// Revisions are those of the DaemonSet's namespace, and one that is assumed
	// if the input has none of it.
	Revisions []*appsv1.ControllerRevision
	// Stored says that the DaemonSet comes from an API server, and is not a
	// manifest that somebody has written.
	Stored bool
	// Proposed is the manifest of the same namespace and name in the input, as it was read:
	// the change of a stored DaemonSet that has not been made yet. It is nil if there is none.
	Proposed *appsv1.DaemonSet
	// Notes are sentences on what was made up for.
	Notes []string
}

// SortedSets returns the DaemonSets by namespace and name. A stored DaemonSet and a
// manifest of its name are one: the stored one, with the manifest as Subject.Proposed.
func (o *Objects) SortedSets() []*appsv1.DaemonSet {
	sets := slices.DeleteFunc(slices.Clone(o.Sets), func(set *appsv1.DaemonSet) bool {
		return !isStored(set) && o.named[setKey(set, true)] != nil
	})
	return slices.SortedFunc(slices.Values(sets), func(a, b *appsv1.DaemonSet) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// Subject gathers what belongs to a DaemonSet, and makes up for what the input
// lacks. A DaemonSet without UID is a manifest: beside the pods of a live one of
// its name it becomes the update of that. Beside the live one itself it is what is proposed.
func (o *Objects) Subject(set *appsv1.DaemonSet) *Subject {
	s := &Subject{Set: daemon.Default(set), Nodes: o.Nodes, Stored: isStored(set)}
	if manifest, ok := o.named[setKey(set, false)].(*appsv1.DaemonSet); ok && s.Stored {
		s.Proposed = manifest
	}
	elsewhere := map[string]int{}
	for _, pod := range o.Pods {
		if pod.Namespace == set.Namespace {
			s.Pods = append(s.Pods, pod)
		} else if s.Stored && metav1.IsControlledBy(pod, set) {
			elsewhere[pod.Namespace]++
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(elsewhere)) {
		s.note("pods of it in namespace %s, which do not count: %d", namespace, elsewhere[namespace])
	}
	for _, revision := range o.Revisions {
		if revision.Namespace == set.Namespace {
			s.Revisions = append(s.Revisions, revision)
		}
	}
	s.assumeUID()
	s.assumeRevision()
	return s
}

func (s *Subject) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// assumeUID makes a manifest the update of a DaemonSet that has pods already: it
// tells what would happen if it were applied.
func (s *Subject) assumeUID() {
	if s.Stored {
		return
	}
	for _, pod := range s.Pods {
		owner := metav1.GetControllerOf(pod)
		if owner != nil && owner.Kind == "DaemonSet" && owner.Name == s.Set.Name {
			s.Set.UID = owner.UID
			s.note("a DaemonSet of this name has pods already: this is what applying the file would do; " +
				"fields that the server fills in look removed, except in the output of kubectl apply --dry-run=server -o yaml")
			return
		}
	}
}

// assumeRevision makes up for ControllerRevisions that the input lacks, without
// which every pod would look outdated. Before the change of a manifest every pod
// may well be.
func (s *Subject) assumeRevision() {
	if slices.ContainsFunc(s.Revisions, func(revision *appsv1.ControllerRevision) bool {
		return metav1.IsControlledBy(revision, s.Set)
	}) {
		return
	}
	var newest *corev1.Pod
	for _, pod := range s.Pods {
		if metav1.IsControlledBy(pod, s.Set) && pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != "" &&
			(newest == nil || pod.CreationTimestamp.After(newest.CreationTimestamp.Time)) {
			newest = pod
		}
	}
	if newest == nil {
		return
	}
	if !s.Stored {
		s.note("no controllerrevisions of it in the input: every pod is taken for outdated")
		return
	}
	hash := newest.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
	data, err := rollout.RevisionData(&s.Set.Spec.Template)
	if err != nil {
		return // rollout.Sync will say so
	}
	labels := maps.Clone(s.Set.Spec.Template.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	owner := metav1.NewControllerRef(s.Set, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	s.Revisions = append(s.Revisions, &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Set.Namespace, Name: s.Set.Name + "-" + hash, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: 1,
	})
	s.note("no controllerrevisions of it in the input: %s, the revision of its newest pod, is taken for the current one", hash)
}
