package simulate

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/podspec"
	"github.com/pernode/daemonset/placement"
)

// refusedPods returns errors about the pod's spec that an API server reports and daemon.Validate
// leaves to it; see podspec.Validate. Errors of the old DaemonSet, which may be nil, are not among
// them: somebody has stored it. Both have the defaults of their templates.
func refusedPods(ds, old *appsv1.DaemonSet, opts placement.Options) field.ErrorList {
	errs := podErrors(ds, opts)
	if len(errs) == 0 || old == nil {
		return errs
	}
	known := map[string]bool{}
	for _, err := range podErrors(old, opts) {
		known[err.Error()] = true
	}
	return slices.DeleteFunc(errs, func(err *field.Error) bool { return known[err.Error()] })
}

func podErrors(ds *appsv1.DaemonSet, opts placement.Options) field.ErrorList {
	return podspec.Validate(field.NewPath("spec", "template", "spec"), &ds.Spec.Template.Spec, opts)
}
