package simulate

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// refusedPods returns errors about the pod's spec that an API server reports and daemon.Validate
// leaves to it: malformed node affinity and tolerations, and a host port that is there twice.
// Errors of the old DaemonSet, which may be nil, are not among them: somebody has stored it. Both
// have the defaults of their templates.
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
	var errs field.ErrorList
	for _, err := range placement.Compile(&ds.Spec.Template, opts).Malformed() {
		if !onlyNoInteger(err) {
			at := *err
			at.Field = "spec.template." + at.Field
			errs = append(errs, &at)
		}
	}
	spec, path := &ds.Spec.Template.Spec, field.NewPath("spec", "template", "spec")
	for i := range spec.InitContainers {
		errs = append(errs, repeatedPorts(spec.InitContainers[i:i+1], i, path.Child("initContainers"))...)
	}
	return append(errs, repeatedPorts(spec.Containers, 0, path.Child("containers"))...)
}

// onlyNoInteger reports whether an error is about a value of Gt or Lt that is a label value and no
// integer. No node matches it, and the API server takes it
// (ValidateNodeSelectorRequirement@v1.37.2).
func onlyNoInteger(err *field.Error) bool {
	value, ok := err.BadValue.(string)
	return ok && strings.Contains(err.Field, ".matchExpressions[") && strings.Contains(err.Field, ".values[") && len(validation.IsValidLabelValue(value)) == 0
}

// repeatedPorts returns the host ports that are there twice in some containers, the first of which
// has the given index (AccumulateUniqueHostPorts@v1.37.2). Upstream calls every init container the
// first one (validateInitContainers@v1.37.2).
func repeatedPorts(containers []corev1.Container, first int, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i := range containers {
		for j, p := range containers[i].Ports {
			if p.HostPort == 0 {
				continue
			}
			port := fmt.Sprintf("%s/%s/%d", p.Protocol, p.HostIP, p.HostPort)
			if seen[port] {
				errs = append(errs, field.Duplicate(path.Index(first+i).Child("ports").Index(j).Child("hostPort"), port))
			}
			seen[port] = true
		}
	}
	return errs
}
