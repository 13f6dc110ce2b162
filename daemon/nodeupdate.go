package daemon

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// DaemonSetsToSync returns the DaemonSets that need a pass because the node is new or has
// changed, in the order of sets (syncNodeUpdate@v1.37.2). A DaemonSet needs a pass if it
// should run on the node and has no pod there, if it has a pod there that should not stay,
// or if it has a pod there and its status counts misscheduled pods. Call it for changes that
// placement.NodeChanged reports; no other change of a node has an effect on placement. Do not
// filter with it what a rollout.State or a rollout.Policy gets: they read the Ready condition
// too.
//
// podsOnNode are the pods bound to the node, of any owner. Nil entries and pods bound
// elsewhere are ignored. A pod belongs to the DaemonSet of its namespace that its
// controller owner reference names; the UID is not compared, as in upstream.
// It fails with a *field.Error if node or an entry of sets is nil.
func DaemonSetsToSync(node *corev1.Node, sets []*appsv1.DaemonSet, podsOnNode []*corev1.Pod, opts placement.Options) ([]*appsv1.DaemonSet, error) {
	if node == nil {
		return nil, field.Required(field.NewPath("node"), "")
	}
	type key struct{ namespace, name string }
	scheduled := make(map[key]bool)
	for _, pod := range podsOnNode {
		if pod == nil || pod.Spec.NodeName != node.Name {
			continue
		}
		if owner := controllerOf(pod.OwnerReferences); owner != nil && owner.Kind == daemonSetKind {
			scheduled[key{pod.Namespace, owner.Name}] = true
		}
	}
	var out []*appsv1.DaemonSet
	for i, ds := range sets {
		if ds == nil {
			return nil, field.Required(field.NewPath("daemonSets").Index(i), "")
		}
		d := placement.Compile(&ds.Spec.Template, opts).Decide(node)
		here := scheduled[key{ds.Namespace, ds.Name}]
		if d.Run && !here || !d.Keep && here || here && ds.Status.NumberMisscheduled > 0 {
			out = append(out, ds)
		}
	}
	return out, nil
}
