package diff

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DaemonSets returns what changes from one DaemonSet to another in what a user writes:
// the spec, its template included, and of the metadata the labels, annotations,
// finalizers and owner references. The rules are those of the package comment.
//
// It ignores the status, and all other metadata: name and namespace say which DaemonSet
// it is, and the rest is the API server's. It also ignores two annotations:
// deprecated.daemonset.template.generation, which the API server writes, and
// kubectl.kubernetes.io/last-applied-configuration, a copy of the manifest.
//
// Only changes of the template start a rollout; Templates returns them alone. The other
// fields of the spec take effect at once, also during a rollout.
//
// Defaults are not filled in. To compare a manifest with a live object, pass
// daemon.Default of the manifest; the defaults of the pod in the template still differ.
//
// A nil DaemonSet is an empty one. The result is nil if the two mean the same. It may
// share memory with both: it is read-only. The cost is that of Templates.
func DaemonSets(old, cur *appsv1.DaemonSet) Changes {
	if old == cur {
		return nil
	}
	return compare(modeAll, written(old), written(cur))
}

// written returns a shallow copy of what a user writes.
func written(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	if ds == nil {
		return &appsv1.DaemonSet{}
	}
	annotations := ds.Annotations
	for _, key := range []string{appsv1.DeprecatedTemplateGeneration, corev1.LastAppliedConfigAnnotation} {
		if _, ok := annotations[key]; ok {
			annotations = maps.Clone(annotations)
			delete(annotations, key)
		}
	}
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{
			Labels: ds.Labels, Annotations: annotations,
			Finalizers: ds.Finalizers, OwnerReferences: ds.OwnerReferences,
		},
		Spec: ds.Spec,
	}
}
