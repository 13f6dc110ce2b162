package daemontest

import (
	"cmp"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podspec"
	"github.com/pernode/daemonset/internal/taint"
)

// validateDaemonSet returns the errors with which the API server refuses to store a DaemonSet, in the
// place of the stored one if there is one.
func (c *Cluster) validateDaemonSet(ds *appsv1.DaemonSet) field.ErrorList {
	if ds == nil {
		return nil // the simulation refuses it
	}
	in := c.sim.Input(ds)
	stored, path := in.DaemonSet, field.NewPath("spec", "template", "spec")
	if stored == nil {
		return append(daemon.Validate(daemon.Default(ds)), podspec.Validate(path, &ds.Spec.Template.Spec, in.Placement)...)
	}
	wrong := podspec.ValidateUpdate(path, &ds.Spec.Template.Spec, &stored.Spec.Template.Spec, in.Placement)
	stored = stored.DeepCopy()
	stored.ResourceVersion = cmp.Or(stored.ResourceVersion, "1") // the cluster keeps none
	next := stored.DeepCopy()
	next.Labels, next.Annotations, next.Spec = ds.Labels, ds.Annotations, ds.Spec
	return append(daemon.ValidateUpdate(daemon.Default(next), stored), wrong...)
}

// validateNode returns the errors with which the API server refuses the name, the labels and the
// taints of a node, which decide where pods run.
func validateNode(node *corev1.Node) field.ErrorList {
	if node == nil {
		return nil
	}
	var errs field.ErrorList
	if node.Name != "" { // the simulation refuses that
		for _, wrong := range validation.IsDNS1123Subdomain(node.Name) {
			errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), node.Name, wrong))
		}
	}
	labels := field.NewPath("metadata", "labels")
	for _, key := range slices.Sorted(maps.Keys(node.Labels)) {
		errs = append(errs, metav1validation.ValidateLabelName(key, labels)...)
		for _, wrong := range validation.IsValidLabelValue(node.Labels[key]) {
			errs = append(errs, field.Invalid(labels.Key(key), node.Labels[key], wrong))
		}
	}
	for i, given := range node.Spec.Taints {
		path := field.NewPath("spec", "taints").Index(i)
		errs = append(errs, metav1validation.ValidateLabelName(given.Key, path.Child("key"))...)
		for _, wrong := range validation.IsValidLabelValue(given.Value) {
			errs = append(errs, field.Invalid(path.Child("value"), given.Value, wrong))
		}
		if slices.ContainsFunc(node.Spec.Taints[:i], func(other corev1.Taint) bool { return other.MatchTaint(&given) }) {
			errs = append(errs, field.Duplicate(path, given.ToString()))
		}
		if !taint.IsEffect(given.Effect) {
			errs = append(errs, taint.NotSupported(path.Child("effect"), given.Effect))
		}
	}
	return errs
}

// validateOwners refuses owners without a UID, which a pod or revision of a manifest has: no
// DaemonSet of a cluster would be the owner (ValidateOwnerReferences@v0.37.2).
func validateOwners(object metav1.Object) field.ErrorList {
	if isNil(object) {
		return nil
	}
	for i, owner := range object.GetOwnerReferences() {
		if owner.UID == "" {
			path := field.NewPath("metadata", "ownerReferences").Index(i).Child("uid")
			return field.ErrorList{field.Required(path, "make the object for the stored DaemonSet, Cluster.Input(ds).DaemonSet")}
		}
	}
	return nil
}
