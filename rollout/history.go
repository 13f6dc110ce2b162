package rollout

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// changeCauseAnnotation is ChangeCauseAnnotation@v0.37.2.
const changeCauseAnnotation = "kubernetes.io/change-cause"

// HistoryEntry is one revision in a History.
type HistoryEntry struct {
	// Revision is the number.
	Revision int64
	// Name is the ControllerRevision's, and Hash its label
	// controller-revision-hash, empty where it has none.
	Name, Hash string
	// ChangeCause is the annotation kubernetes.io/change-cause, which the
	// revision has from the DaemonSet of its time; empty where it has none.
	ChangeCause string
	// Current says that this revision holds the DaemonSet's template; of several
	// that do, the one with the highest number, and of equals the first by name,
	// which is also the one that a controller keeps. No entry is current where
	// the controller has not recorded the template yet.
	Current bool
	// ControllerRevision is the object itself, as passed in: read-only.
	ControllerRevision *appsv1.ControllerRevision
}

// Template returns the template that the revision holds, new with every call,
// or RevisionTemplate's error.
func (e HistoryEntry) Template() (*corev1.PodTemplateSpec, error) {
	return RevisionTemplate(e.ControllerRevision)
}

// HistoryEntries is the history of a DaemonSet, the oldest revision first.
type HistoryEntries []HistoryEntry

// String returns what `kubectl rollout history` prints below the name of the
// DaemonSet (printHistory@v0.37.2): a table in which every line has its line
// break, or "No rollout history found.", which has none. Of several revisions
// with the same number it shows the last by name, as kubectl does.
func (h HistoryEntries) String() string {
	if len(h) == 0 {
		return "No rollout history found."
	}
	var buf bytes.Buffer
	w := tabwriter.NewWriter(&buf, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "REVISION\tCHANGE-CAUSE\n")
	for i, e := range h {
		if i+1 < len(h) && h[i+1].Revision == e.Revision {
			continue
		}
		fmt.Fprintf(w, "%d\t%s\n", e.Revision, cmp.Or(e.ChangeCause, "<none>"))
	}
	w.Flush()
	return buf.String()
}

// History returns the history of ds as kubectl sees it (daemonSetHistory
// @v0.37.2): the revisions in its namespace whose controller it is, by UID, and
// whose labels its selector matches. Unlike Revisions it claims nothing, so
// orphans are not in it. The entries are ordered by number and, where the
// numbers are equal, by name.
//
// revisions are ControllerRevisions in any order; those of other owners and
// namespaces are left out. A nil ds and nil entries are errors, as is a selector
// that is missing or malformed, and what is one for RevisionData. Broken data in
// a revision is no error, since only HistoryEntry.Template reads it. Nothing
// passed in is changed.
func History(ds *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision) (HistoryEntries, error) {
	owned, err := controlled(ds, revisions)
	if err != nil {
		return nil, err
	}
	data, err := RevisionData(&ds.Spec.Template)
	if err != nil {
		return nil, err
	}
	var entries HistoryEntries
	current := -1
	for i, rev := range owned {
		entries = append(entries, HistoryEntry{
			Revision:           rev.Revision,
			Name:               rev.Name,
			Hash:               rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey],
			ChangeCause:        rev.Annotations[changeCauseAnnotation],
			ControllerRevision: rev,
		})
		if bytes.Equal(data, rev.Data.Raw) && (current < 0 || rev.Revision > owned[current].Revision) {
			current = i
		}
	}
	if current >= 0 {
		entries[current].Current = true
	}
	return entries, nil
}

// controlled returns the revisions that kubectl takes for those of ds, ordered
// by number and then by name.
func controlled(ds *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision) ([]*appsv1.ControllerRevision, error) {
	if ds == nil {
		return nil, field.Required(field.NewPath("daemonSet"), "")
	}
	path := field.NewPath("spec", "selector")
	if ds.Spec.Selector == nil {
		return nil, field.Required(path, "")
	}
	selector, err := metav1.LabelSelectorAsSelector(ds.Spec.Selector)
	if err != nil {
		return nil, field.Invalid(path, metav1.FormatLabelSelector(ds.Spec.Selector), err.Error())
	}
	var owned []*appsv1.ControllerRevision
	for i, rev := range revisions {
		if rev == nil {
			return nil, field.Required(field.NewPath("revisions").Index(i), "")
		}
		if rev.Namespace == ds.Namespace && metav1.IsControlledBy(rev, ds) && selector.Matches(labels.Set(rev.Labels)) {
			owned = append(owned, rev)
		}
	}
	slices.SortFunc(owned, func(a, b *appsv1.ControllerRevision) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), strings.Compare(a.Name, b.Name))
	})
	return owned, nil
}
