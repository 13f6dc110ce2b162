package kubectl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/revision"
)

// changeCauseAnnotation is ChangeCauseAnnotation@v0.37.2.
const changeCauseAnnotation = "kubernetes.io/change-cause"

// Revision is one revision in a History.
type Revision struct {
	// Number is the ControllerRevision's revision.
	Number int64
	// ChangeCause is the ControllerRevision's annotation
	// kubernetes.io/change-cause, or empty. The controller copied
	// it from the DaemonSet when it made the revision.
	ChangeCause string
	// Current marks the revision that holds the DaemonSet's template
	// (history.Matches). If several revisions hold it, Current marks the one that the
	// controller keeps: the highest number, then the first name. No revision is
	// current before the controller has recorded the template.
	Current bool
	// ControllerRevision is the object as passed in: read-only.
	// history.Template returns the template that it holds.
	ControllerRevision *appsv1.ControllerRevision
}

// History is the history of a DaemonSet, the oldest revision first. The zero
// History has no revisions.
type History []Revision

// String returns what kubectl rollout history prints below the name of the
// DaemonSet (printHistory@v0.37.2): "No rollout history found." without a line
// break, or a table in which each line ends with one. If revisions with the same
// number follow each other, it shows the last of them only. A change cause is
// printed as it is, control characters included.
func (h History) String() string {
	if len(h) == 0 {
		return "No rollout history found."
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	// Writing to a strings.Builder does not fail.
	fmt.Fprint(w, "REVISION\tCHANGE-CAUSE\n")
	for i, r := range h {
		if i+1 < len(h) && h[i+1].Number == r.Number {
			continue
		}
		fmt.Fprintf(w, "%d\t%s\n", r.Number, cmp.Or(r.ChangeCause, "<none>"))
	}
	_ = w.Flush()
	return b.String()
}

// RolloutHistory returns the history of ds (daemonSetHistory@v0.37.2): the
// revisions in its namespace whose controller is ds and whose labels match its
// selector. They are ordered by number, then by name.
// Unlike history.Reconcile it adopts nothing, so orphans are left out.
//
// The controller of a revision is ds if its owner reference has the UID, the kind and the
// name of ds; see Input.DaemonSet of package daemon for the kind.
//
// revisions may be in any order and include those of other owners and namespaces.
// Their data is compared and not read, so it may be broken. Nothing passed in is
// changed.
//
// It fails with a *field.Error if ds or one of the revisions is nil, if the selector is nil
// or malformed, and if the owner of a revision is one that Claimer.Revision of package
// daemon refuses. It also fails if history.Data fails.
func RolloutHistory(ds *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision) (History, error) {
	owned, err := controlled(ds, revisions)
	if err != nil {
		return nil, err
	}
	data, err := history.Data(&ds.Spec.Template)
	if err != nil {
		return nil, err
	}
	var entries History
	current := -1
	for i, rev := range owned {
		entries = append(entries, Revision{
			Number:             rev.Revision,
			ChangeCause:        rev.Annotations[changeCauseAnnotation],
			ControllerRevision: rev,
		})
		if revision.Holds(rev, data) && (current < 0 || rev.Revision > owned[current].Revision) {
			current = i
		}
	}
	if current >= 0 {
		entries[current].Current = true
	}
	return entries, nil
}

// controlled returns the revisions of RolloutHistory in their order.
func controlled(ds *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision) ([]*appsv1.ControllerRevision, error) {
	id, err := owner.Of(ds)
	if err != nil {
		return nil, err
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
		ref := metav1.GetControllerOfNoCopy(rev)
		if rev.Namespace != ds.Namespace || ref == nil {
			continue
		}
		switch id.Relation(ref) {
		case owner.Contradictory:
			return nil, id.Contradiction(field.NewPath("revisions").Index(i), "revision", rev)
		case owner.Own:
			if selector.Matches(labels.Set(rev.Labels)) {
				owned = append(owned, rev)
			}
		}
	}
	slices.SortFunc(owned, revision.Compare)
	return owned, nil
}
