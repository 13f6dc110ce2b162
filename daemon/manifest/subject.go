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
	// Namespace is the namespace of the pods, for NotePodsElsewhere, or of the stored
	// DaemonSet, for NoteStoredElsewhere.
	Namespace string
	// Pods is their number, for NotePodsElsewhere, and the number in the status, for
	// NoteNoPods.
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
	// NoteNoRevisions: no ControllerRevision of the DaemonSet is there, and all pods count as
	// outdated: a manifest is a change, and the status of a stored DaemonSet counts no updated
	// pod.
	NoteNoRevisions
	// NoteStoredElsewhere: the manifest is new in its namespace, and a DaemonSet of its name is
	// stored in another one. It may have been meant to be a proposal.
	NoteStoredElsewhere
	// NoteNoNodes: no node is there and the DaemonSet is stored. No answer about nodes is
	// possible; health.OfObject answers by the status.
	NoteNoNodes
	// NoteNoPods: no pod of its namespace is there, and the status counts some.
	// health.OfObject answers by the status.
	NoteNoPods
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
	case NoteStoredElsewhere:
		return "StoredElsewhere"
	case NoteNoNodes:
		return "NoNodes"
	case NoteNoPods:
		return "NoPods"
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
	case NoteStoredElsewhere:
		return fmt.Sprintf("a DaemonSet of this name is stored in %[1]s; a proposal for it has metadata.namespace %[1]s", n.Namespace)
	case NoteNoNodes:
		return "no nodes in the input"
	case NoteNoPods:
		return fmt.Sprintf("no pods in the input, but %d in the status", n.Pods)
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
	families := familiesOf(o.Pods, o.Revisions)
	namespaces := map[string][]string{} // of the stored DaemonSets of a name
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
			namespaces[ds.Name] = append(namespaces[ds.Name], ds.Namespace)
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
		if name.manifest {
			for _, namespace := range slices.Sorted(slices.Values(namespaces[ds.Name])) {
				s.Notes = append(s.Notes, Note{Kind: NoteStoredElsewhere, Namespace: namespace})
			}
		}
		s.noteMissing()
		s.assumeUID(families)
		s.assumeRevision(families)
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

// noteMissing notes that whole lists are missing which a stored DaemonSet must have.
func (s *Subject) noteMissing() {
	if !s.Stored() {
		return
	}
	if len(s.Input.Nodes) == 0 {
		s.Notes = append(s.Notes, Note{Kind: NoteNoNodes})
	}
	if counted := s.Input.DaemonSet.Status.CurrentNumberScheduled; counted > 0 && len(s.Input.Pods) == 0 {
		s.Notes = append(s.Notes, Note{Kind: NoteNoPods, Pods: int(counted)})
	}
}

// families are the pods and revisions by their DaemonSets.
type families struct {
	// newest is the newest pod of an owner that says which revision it is of.
	newest map[family]*corev1.Pod
	// mixed says that the pods of an owner are of more than one revision.
	mixed map[family]bool
	// revisions says whether an owner has revisions.
	revisions map[family]bool
	// named is the newest pod that a DaemonSet of a name owns.
	named map[types.NamespacedName]*corev1.Pod
}

type family struct {
	namespace string
	owner     types.UID
}

func familiesOf(pods []*corev1.Pod, revisions []*appsv1.ControllerRevision) *families {
	f := &families{map[family]*corev1.Pod{}, map[family]bool{}, map[family]bool{}, map[types.NamespacedName]*corev1.Pod{}}
	for _, pod := range pods {
		if pod == nil {
			continue
		}
		owner := metav1.GetControllerOfNoCopy(pod)
		if owner == nil {
			continue
		}
		if is, hash := (family{pod.Namespace, owner.UID}), pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]; hash != "" {
			newest := f.newest[is]
			if newest != nil && newest.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != hash {
				f.mixed[is] = true
			}
			if isNewer(pod, newest) {
				f.newest[is] = pod
			}
		}
		if name := (types.NamespacedName{Namespace: pod.Namespace, Name: owner.Name}); owner.Kind == kindDaemonSet && isNewer(pod, f.named[name]) {
			f.named[name] = pod
		}
	}
	for _, revision := range revisions {
		if revision == nil {
			continue
		}
		if owner := metav1.GetControllerOfNoCopy(revision); owner != nil {
			f.revisions[family{revision.Namespace, owner.UID}] = true
		}
	}
	return f
}

// isNewer reports whether a pod is newer than another, which may be nil. Of pods of the same
// age the last by name is the newest.
func isNewer(pod, than *corev1.Pod) bool {
	return than == nil || cmp.Or(pod.CreationTimestamp.Compare(than.CreationTimestamp.Time), cmp.Compare(pod.Name, than.Name)) > 0
}

// assumeUID makes a manifest the update of a DaemonSet that has pods already.
func (s *Subject) assumeUID(f *families) {
	if s.Stored() {
		return
	}
	if pod := f.named[types.NamespacedName{Namespace: s.DaemonSet.Namespace, Name: s.DaemonSet.Name}]; pod != nil {
		s.Input.DaemonSet.UID = metav1.GetControllerOfNoCopy(pod).UID
		s.Notes = append(s.Notes, Note{Kind: NoteApplied})
	}
}

// assumeRevision makes up for ControllerRevisions that the texts lack.
func (s *Subject) assumeRevision(f *families) {
	ds := s.Input.DaemonSet
	is := family{ds.Namespace, ds.UID}
	newest := f.newest[is]
	if f.revisions[is] || newest == nil {
		return
	}
	if !s.Stored() {
		s.Notes = append(s.Notes, Note{Kind: NoteNoRevisions})
		return
	}
	hash := newest.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
	note := Note{Kind: NoteRevisionAssumed, RevisionHash: hash}
	if made := daemon.TemplateHash(&ds.Spec.Template, ds.Status.CollisionCount); made != hash && !f.mixed[is] && noneUpdated(ds) {
		hash, note = made, Note{Kind: NoteNoRevisions}
	}
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
	s.Notes = append(s.Notes, note)
}

// noneUpdated reports whether the controller has seen the present template and counted pods,
// none of which has it.
func noneUpdated(ds *appsv1.DaemonSet) bool {
	status := &ds.Status
	return status.ObservedGeneration == ds.Generation && status.UpdatedNumberScheduled == 0 && status.CurrentNumberScheduled > 0
}
