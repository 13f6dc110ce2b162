package simulate

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
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
		at := *err
		at.Field = "spec.template." + at.Field
		errs = append(errs, &at)
	}
	spec, path := &ds.Spec.Template.Spec, field.NewPath("spec", "template", "spec")
	for i := range spec.InitContainers {
		errs = append(errs, repeatedPorts(spec.InitContainers[i:i+1], i, path.Child("initContainers"))...)
	}
	return append(errs, repeatedPorts(spec.Containers, 0, path.Child("containers"))...)
}

// repeatedPorts returns the host ports that are there twice in some containers, the first of which
// has the given index (AccumulateUniqueHostPorts@v1.37.2).
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
