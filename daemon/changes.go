package daemon

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/owner"
)

// Changes are changes of the facts in a Snapshot, in one batch. The zero Changes
// change nothing. The objects are read-only from then on.
//
// Deletions are applied before changes, whatever happened first. An object that came and
// went belongs in the list of deleted names alone, and one that was deleted and created again
// in both lists.
type Changes struct {
	// DaemonSet is the new DaemonSet; nil if it has not changed. Its namespace, name,
	// UID and kind must stay the same.
	DaemonSet *appsv1.DaemonSet
	// Nodes are the nodes that are new or have changed. A nil entry, an empty name
	// and a repeated name are errors.
	Nodes []*corev1.Node
	// DeletedNodes are the names of the nodes that are gone. Their pods stay until
	// they are deleted. Unknown names change nothing.
	DeletedNodes []string
	// Pods are the pods that are new or have changed, as in Input.Pods. A nil entry,
	// an empty name and a repeated name are errors; pods of other namespaces are
	// ignored.
	Pods []*corev1.Pod
	// DeletedPods are the names of the pods of the DaemonSet's namespace that are
	// gone. Unknown names change nothing.
	DeletedPods []string
	// Revisions are the ControllerRevisions that are new or have changed, as in
	// Input.Revisions.
	Revisions []*appsv1.ControllerRevision
	// DeletedRevisions are the names of the ControllerRevisions of the DaemonSet's
	// namespace that are gone. Unknown names change nothing.
	DeletedRevisions []string
	// Now is the new time; zero if it has not changed.
	Now time.Time
	// BackoffChanges are those of the Plan of the last pass. Other entries stay as they are.
	BackoffChanges BackoffChanges
}

// Changed says which nodes of a Snapshot an Update has changed. The zero Changed
// means none. Those who keep facts about nodes bring them up to date by it.
type Changed struct {
	// All: positions have changed, or every node may have changed. Nodes is nil then.
	All bool
	// Nodes are positions in Snapshot.Nodes, ascending.
	Nodes []int
}

// Empty reports whether the batch holds no change of an object or the backoff. Now
// may still be set.
func (c Changes) Empty() bool {
	return c.DaemonSet == nil && len(c.BackoffChanges)+len(c.Nodes)+len(c.DeletedNodes)+len(c.Pods)+len(c.DeletedPods)+
		len(c.Revisions)+len(c.DeletedRevisions) == 0
}

// Validate checks the batch for a snapshot of the given DaemonSet: names, owner references
// as Claimer.Pod does, and that the DaemonSet stays the same one. Snapshot.Update refuses
// what Validate refuses, and also a new DaemonSet that Observe refuses, such as one with an
// empty selector.
func (c Changes) Validate(ds *appsv1.DaemonSet) error {
	if ds == nil {
		return field.Required(field.NewPath("daemonSet"), "")
	}
	id, err := owner.Of(ds)
	if err != nil {
		return err
	}
	if c.DaemonSet != nil {
		if c.DaemonSet.Namespace != ds.Namespace || c.DaemonSet.Name != ds.Name || c.DaemonSet.UID != ds.UID {
			name := func(ds *appsv1.DaemonSet) string { return fmt.Sprintf("%s/%s, UID %s", ds.Namespace, ds.Name, ds.UID) }
			return field.Invalid(field.NewPath("daemonSet", "metadata"), name(c.DaemonSet), "must stay "+name(ds))
		}
		cur, err := owner.Of(c.DaemonSet)
		if err != nil {
			return err
		}
		if !id.Same(&cur) {
			return field.Invalid(field.NewPath("daemonSet", "kind"), cur.Kind(), "must stay "+id.Kind())
		}
	}
	if err := checkNames("nodes", c.Nodes, func(n *corev1.Node) (string, bool) { return n.Name, true }); err != nil {
		return err
	}
	if err := checkNames("pods", c.Pods, func(p *corev1.Pod) (string, bool) { return p.Name, p.Namespace == ds.Namespace }); err != nil {
		return err
	}
	if err := checkNames("revisions", c.Revisions, func(r *appsv1.ControllerRevision) (string, bool) { return r.Name, r.Namespace == ds.Namespace }); err != nil {
		return err
	}
	for i, pod := range c.Pods {
		if err := checkOwner(ds, &id, "pods", i, pod); err != nil {
			return err
		}
	}
	for i, rev := range c.Revisions {
		if err := checkOwner(ds, &id, "revisions", i, rev); err != nil {
			return err
		}
	}
	return nil
}

// checkOwner refuses the i-th object of a list if Claimer refuses it.
func checkOwner(ds *appsv1.DaemonSet, id *owner.Identity, list string, i int, object metav1.Object) error {
	ref, relation := owner.Controller(object.GetOwnerReferences()), owner.Foreign
	switch {
	case object.GetNamespace() != ds.Namespace:
		relation = fromOutside(id, ds.Namespace, ref)
	case ref != nil:
		relation = id.Relation(ref)
	}
	if relation == owner.Contradictory {
		return id.Contradiction(field.NewPath(list).Index(i), strings.TrimSuffix(list, "s"), object)
	}
	return nil
}

// checkNames refuses nil entries, and of the objects that concern the DaemonSet those with
// an empty or a repeated name.
func checkNames[T any](list string, objects []*T, name func(*T) (name string, concerns bool)) error {
	if len(objects) == 0 {
		return nil
	}
	at := func(i int) *field.Path { return field.NewPath(list).Index(i) }
	names := newNameHashes(len(objects))
	for i, object := range objects {
		if object == nil {
			return field.Required(at(i), "")
		}
		n, concerns := name(object)
		if !concerns {
			continue
		}
		if n == "" {
			return field.Required(at(i).Child("metadata", "name"), "")
		}
		names.set(i, n)
	}
	nameAt := func(i int) string { n, _ := name(objects[i]); return n }
	if i := names.repeated(nameAt); i >= 0 {
		return field.Duplicate(at(i).Child("metadata", "name"), nameAt(i))
	}
	return nil
}
