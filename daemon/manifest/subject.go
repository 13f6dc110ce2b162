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
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/revision"
)

// Subject is one DaemonSet with what belongs to it.
type Subject struct {
	// DaemonSet is the DaemonSet as it was read, one of Objects.DaemonSets. Read-only.
	DaemonSet *appsv1.DaemonSet
	// Input has the facts, apart from the time: set Input.Now. Its DaemonSet is a copy with
	// the API server's defaults (daemon.Default). Pods and revisions are those of its
	// namespace. All else is read-only: other subjects share it.
	Input daemon.Input
	// Proposed is the manifest of the same namespace and name, as it was read: a change of the
	// stored DaemonSet that has not been made yet, for simulate.WhatIf. It is nil if there is
	// none. Read-only.
	Proposed *appsv1.DaemonSet
	// Notes say what was assumed and what was left out.
	Notes []Note
}

// Stored reports whether the DaemonSet comes from an API server. Otherwise it is a manifest.
func (s Subject) Stored() bool { return s.DaemonSet != nil && isStored(s.DaemonSet) }

// Note is something that the Input of a Subject does not show.
type Note struct {
	// Kind says what it is.
	Kind NoteKind
	// Namespace is the namespace of the pods, for NotePodsElsewhere.
	Namespace string
	// Pods is their number, for NotePodsElsewhere.
	Pods int
	// RevisionHash is the hash label of the revision that was assumed, for
	// NoteRevisionAssumed.
	RevisionHash string
}

// NoteKind is the kind of a Note.
type NoteKind int

const (
	// NotePodsElsewhere: the DaemonSet owns pods in another namespace. They do not count.
	NotePodsElsewhere NoteKind = iota + 1
	// NoteApplied: pods of a DaemonSet of this name are there, and the DaemonSet itself is
	// not. The manifest has taken over the UID of their owner: the Input is what applying the
	// manifest leads to. Fields that an API server fills in look removed.
	NoteApplied
	// NoteRevisionAssumed: no ControllerRevision of the DaemonSet is there. The revision of
	// its newest pod was taken for the current one and added to the Input; otherwise every
	// pod would be outdated.
	NoteRevisionAssumed
	// NoteNoRevisions: no ControllerRevision of the DaemonSet is there, and as the manifest
	// is a change, all pods count as outdated.
	NoteNoRevisions
)

// String returns the kind in one word.
func (k NoteKind) String() string {
	switch k {
	case NotePodsElsewhere:
		return "PodsElsewhere"
	case NoteApplied:
		return "Applied"
	case NoteRevisionAssumed:
		return "RevisionAssumed"
	case NoteNoRevisions:
		return "NoRevisions"
	}
	return fmt.Sprintf("NoteKind(%d)", int(k))
}

// String returns the note as a sentence.
func (n Note) String() string {
	switch n.Kind {
	case NotePodsElsewhere:
		return fmt.Sprintf("pods of it in namespace %s, which do not count: %d", n.Namespace, n.Pods)
	case NoteApplied:
		return "pods of a DaemonSet of this name are in the input, and the DaemonSet is not: this is what applying the manifest leads to"
	case NoteRevisionAssumed:
		return fmt.Sprintf("no controllerrevisions of it in the input: %s, the revision of its newest pod, is taken for the current one", n.RevisionHash)
	case NoteNoRevisions:
		return "no controllerrevisions of it in the input: every pod is taken for outdated"
	}
	return n.Kind.String()
}

// Subjects returns the DaemonSets with what belongs to them, by namespace and name. A stored
// DaemonSet and a manifest of its namespace and name are one Subject, with the manifest as
// Proposed. nil entries are left out.
//
// It makes up for what the texts lack, and says so in Notes. The Objects are not changed.
// The cost is linear in their number.
func (o *Objects) Subjects() []Subject {
	if o == nil {
		return nil
	}
	nodes := slices.DeleteFunc(slices.Clone(o.Nodes), func(node *corev1.Node) bool { return node == nil })
	pods, revisions := byNamespace(o.Pods), byNamespace(o.Revisions)
	elsewhere := o.podsElsewhere()
	manifests, stored := map[key]*appsv1.DaemonSet{}, map[key]bool{}
	for _, ds := range o.DaemonSets {
		if ds == nil {
			continue
		}
		name := keyOf(kindDaemonSet, ds)
		if name.manifest {
			manifests[name] = ds
		} else {
			stored[name] = true
		}
	}
	var subjects []Subject
	for _, ds := range o.DaemonSets {
		if ds == nil {
			continue
		}
		name := keyOf(kindDaemonSet, ds)
		counterpart := name
		counterpart.manifest = !name.manifest
		if name.manifest && stored[counterpart] {
			continue
		}
		s := Subject{DaemonSet: ds, Proposed: manifests[counterpart], Input: daemon.Input{
			DaemonSet: daemon.Default(ds), Nodes: nodes, Pods: pods[ds.Namespace], Revisions: revisions[ds.Namespace],
		}}
		for _, note := range elsewhere[ds.UID] {
			if s.Stored() && note.Namespace != ds.Namespace {
				s.Notes = append(s.Notes, note)
			}
		}
		s.assumeUID()
		s.assumeRevision()
		subjects = append(subjects, s)
	}
	slices.SortStableFunc(subjects, func(a, b Subject) int {
		return cmp.Or(cmp.Compare(a.DaemonSet.Namespace, b.DaemonSet.Namespace), cmp.Compare(a.DaemonSet.Name, b.DaemonSet.Name))
	})
	return subjects
}

// byNamespace groups objects; nil entries are left out.
func byNamespace[T any, P interface {
	*T
	metav1.Object
}](objects []P) map[string][]P {
	groups := map[string][]P{}
	for _, object := range objects {
		if object != nil {
			groups[object.GetNamespace()] = append(groups[object.GetNamespace()], object)
		}
	}
	return groups
}

// podsElsewhere counts the pods of each owner by namespace, in the order of the namespaces.
func (o *Objects) podsElsewhere() map[types.UID][]Note {
	type where struct {
		owner     types.UID
		namespace string
	}
	counts := map[where]int{}
	for _, pod := range o.Pods {
		if pod == nil {
			continue
		}
		if owner := metav1.GetControllerOf(pod); owner != nil {
			counts[where{owner.UID, pod.Namespace}]++
		}
	}
	notes := map[types.UID][]Note{}
	for w, count := range counts {
		notes[w.owner] = append(notes[w.owner], Note{Kind: NotePodsElsewhere, Namespace: w.namespace, Pods: count})
	}
	for _, list := range notes {
		slices.SortFunc(list, func(a, b Note) int { return cmp.Compare(a.Namespace, b.Namespace) })
	}
	return notes
}

// assumeUID makes a manifest the update of a DaemonSet that has pods already.
func (s *Subject) assumeUID() {
	if s.Stored() {
		return
	}
	for _, pod := range s.Input.Pods {
		owner := metav1.GetControllerOf(pod)
		if owner != nil && owner.Kind == kindDaemonSet && owner.Name == s.DaemonSet.Name {
			s.Input.DaemonSet.UID = owner.UID
			s.Notes = append(s.Notes, Note{Kind: NoteApplied})
			return
		}
	}
}

// assumeRevision makes up for ControllerRevisions that the texts lack.
func (s *Subject) assumeRevision() {
	ds := s.Input.DaemonSet
	if slices.ContainsFunc(s.Input.Revisions, func(revision *appsv1.ControllerRevision) bool {
		return metav1.IsControlledBy(revision, ds)
	}) {
		return
	}
	var newest *corev1.Pod
	for _, pod := range s.Input.Pods {
		if !metav1.IsControlledBy(pod, ds) || pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == "" {
			continue
		}
		if newest == nil || cmp.Or(pod.CreationTimestamp.Compare(newest.CreationTimestamp.Time), cmp.Compare(pod.Name, newest.Name)) > 0 {
			newest = pod
		}
	}
	if newest == nil {
		return
	}
	if !s.Stored() {
		s.Notes = append(s.Notes, Note{Kind: NoteNoRevisions})
		return
	}
	hash := newest.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
	data, err := revision.Data(&ds.Spec.Template)
	if err != nil {
		return // rollout.Sync will say so
	}
	labels := maps.Clone(ds.Spec.Template.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	owner := metav1.NewControllerRef(ds, appsv1.SchemeGroupVersion.WithKind(kindDaemonSet))
	s.Input.Revisions = append(slices.Clone(s.Input.Revisions), &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ds.Namespace, Name: ds.Name + "-" + hash, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: 1,
	})
	s.Notes = append(s.Notes, Note{Kind: NoteRevisionAssumed, RevisionHash: hash})
}
