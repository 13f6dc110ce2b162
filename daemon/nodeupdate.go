package daemon

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/placement"
)

// DaemonSetsToSync returns the DaemonSets that need a pass because the node is new or has
// changed, in the order of sets (syncNodeUpdate@v1.37.2). A DaemonSet needs a pass if it
// should run on the node and has no pod there, if it has a pod there that should not stay,
// or if it has a pod there and its status counts misscheduled pods. Call it for changes that
// placement.NodeChanged reports; no other change of a node has an effect on placement. A
// rollout.State and a rollout.Policy also read the Ready condition: do not filter their
// nodes with NodeChanged.
//
// podsOnNode are the pods bound to the node, of any owner. Nil entries and pods bound
// elsewhere are ignored. A pod belongs to the DaemonSet of its namespace that its
// controller owner reference names by kind and name; the UID is not compared, as in
// upstream. It fails with a *field.Error if node or an entry of sets is nil, if an entry has
// only one of apiVersion and kind, and if a pod's reference has the UID of an entry and
// another kind or name.
func DaemonSetsToSync(node *corev1.Node, sets []*appsv1.DaemonSet, podsOnNode []*corev1.Pod, opts placement.Options) ([]*appsv1.DaemonSet, error) {
	if node == nil {
		return nil, field.Required(field.NewPath("node"), "")
	}
	type key struct{ namespace, name string }
	ids := make([]owner.Identity, len(sets))
	named, known := make(map[key][]int, len(sets)), make(map[key][]int, len(sets))
	for i, ds := range sets {
		var err error
		if ids[i], err = owner.At(field.NewPath("daemonSets").Index(i), ds); err != nil {
			return nil, err
		}
		named[key{ds.Namespace, ds.Name}] = append(named[key{ds.Namespace, ds.Name}], i)
		if ds.UID != "" {
			known[key{ds.Namespace, string(ds.UID)}] = append(known[key{ds.Namespace, string(ds.UID)}], i)
		}
	}
	scheduled := make([]bool, len(sets))
	for at, pod := range podsOnNode {
		if pod == nil || pod.Spec.NodeName != node.Name {
			continue
		}
		ref := owner.Controller(pod.OwnerReferences)
		if ref == nil {
			continue
		}
		for _, i := range known[key{pod.Namespace, string(ref.UID)}] {
			if ids[i].Relation(ref) == owner.Contradictory {
				return nil, ids[i].Contradiction(field.NewPath("podsOnNode").Index(at), "pod", pod)
			}
		}
		for _, i := range named[key{pod.Namespace, ref.Name}] {
			scheduled[i] = scheduled[i] || ids[i].SameKind(ref.APIVersion, ref.Kind)
		}
	}
	var out []*appsv1.DaemonSet
	for i, ds := range sets {
		d := placement.Compile(&ds.Spec.Template, opts).Decide(node)
		here := scheduled[i]
		if d.Run && !here || !d.Keep && here || here && ds.Status.NumberMisscheduled > 0 {
			out = append(out, ds)
		}
	}
	return out, nil
}
