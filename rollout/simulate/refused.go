package simulate

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/podspec"
	"github.com/pernode/daemonset/placement"
)

// refusedPods returns errors about the pod's spec that an API server reports and daemon.Validate
// leaves to it; see podspec.Validate and podspec.ValidateUpdate. old is nil if the DaemonSet is new.
// Both have the defaults of their templates.
func refusedPods(ds, old *appsv1.DaemonSet, opts placement.Options) field.ErrorList {
	path := field.NewPath("spec", "template", "spec")
	if old == nil {
		return podspec.Validate(path, &ds.Spec.Template.Spec, opts)
	}
	return podspec.ValidateUpdate(path, &ds.Spec.Template.Spec, &old.Spec.Template.Spec, opts)
}
