package daemon

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Changes are changes of the facts in a Snapshot, in one batch. The zero Changes
// change nothing. The objects are read-only from then on.
type Changes struct {
	// DaemonSet is the new DaemonSet; nil if it has not changed. Its namespace, name
	// and UID must stay the same.
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
	// Backoff is the Plan.Backoff of the last pass; nil if it has not changed.
	Backoff Backoff
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
	return c.DaemonSet == nil && c.Backoff == nil && len(c.Nodes)+len(c.DeletedNodes)+len(c.Pods)+len(c.DeletedPods)+
		len(c.Revisions)+len(c.DeletedRevisions) == 0
}

// Validate checks the batch for a snapshot of the given DaemonSet: names, and that the
// DaemonSet stays the same one. Update refuses what Validate refuses, and also a new
// DaemonSet that Observe refuses, such as one with an empty selector.
func (c Changes) Validate(ds *appsv1.DaemonSet) error {
	if ds == nil {
		return field.Required(field.NewPath("daemonSet"), "")
	}
	if c.DaemonSet != nil && (c.DaemonSet.Namespace != ds.Namespace || c.DaemonSet.Name != ds.Name || c.DaemonSet.UID != ds.UID) {
		return field.Invalid(field.NewPath("daemonSet", "metadata"), c.DaemonSet.Namespace+"/"+c.DaemonSet.Name,
			"must have namespace, name and UID of "+ds.Namespace+"/"+ds.Name)
	}
	if err := checkNames("nodes", c.Nodes, func(n *corev1.Node) string { return n.Name }); err != nil {
		return err
	}
	inNamespace := func(name, namespace string) string {
		if namespace != ds.Namespace {
			return namespace + "/" + name
		}
		return name
	}
	if err := checkNames("pods", c.Pods, func(p *corev1.Pod) string { return inNamespace(p.Name, p.Namespace) }); err != nil {
		return err
	}
	return checkNames("revisions", c.Revisions, func(r *appsv1.ControllerRevision) string { return inNamespace(r.Name, r.Namespace) })
}

// checkNames refuses nil entries, empty names and repeated names.
func checkNames[T any](list string, objects []*T, name func(*T) string) error {
	var seen map[string]bool
	at := func(i int) *field.Path { return field.NewPath(list).Index(i) }
	for i, object := range objects {
		if object == nil {
			return field.Required(at(i), "")
		}
		n := name(object)
		if n == "" {
			return field.Required(at(i).Child("metadata", "name"), "")
		}
		if len(objects) == 1 {
			return nil
		}
		if seen == nil {
			seen = make(map[string]bool, len(objects))
		}
		if seen[n] {
			return field.Duplicate(at(i).Child("metadata", "name"), n)
		}
		seen[n] = true
	}
	return nil
}
