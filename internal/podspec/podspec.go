// Package podspec validates what the library reads of the spec of a pod template, as the API server
// does before it stores a DaemonSet. It serves daemon/lint, daemon/overhead, daemon/daemontest and
// rollout/simulate, so that all refuse the same. daemon.Validate leaves the spec to the API server.
package podspec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/taint"
	"github.com/pernode/daemonset/placement"
)

// Validate returns why the API server refuses the spec of a template: requests, limits and overhead
// (demand.Invalid), host ports that are there twice, a malformed node selector, malformed terms of the
// required node affinity, and malformed tolerations, in this order. Nothing else is checked. Paths
// start at the given one of the spec.
func Validate(path *field.Path, spec *corev1.PodSpec, opts placement.Options) field.ErrorList {
	errs := demand.Invalid(path, spec)
	for i := range spec.InitContainers {
		errs = append(errs, repeatedPorts(path.Child("initContainers"), spec.InitContainers[i:i+1], i)...)
	}
	errs = append(errs, repeatedPorts(path.Child("containers"), spec.Containers, 0)...)
	errs = append(errs, NodeSelector(path.Child("nodeSelector"), spec.NodeSelector)...)
	errs = append(errs, nodeAffinity(path, spec, opts)...)
	for i := range spec.Tolerations {
		errs = append(errs, Toleration(path.Child("tolerations").Index(i), &spec.Tolerations[i], opts)...)
	}
	return errs
}

// ValidateUpdate returns why the API server refuses the spec in the place of an old one: it validates
// the whole spec again. Of three kinds of faults it takes any number if the old spec has one: the
// operators Gt and Lt of tolerations without their gate, values in the required node affinity that
// are no label values, and parts of huge pages (GetValidationOptionsFromPodSpecAndMeta@v1.37.2).
func ValidateUpdate(path *field.Path, spec, old *corev1.PodSpec, opts placement.Options) field.ErrorList {
	opts.ComparisonOperators = opts.ComparisonOperators || slices.ContainsFunc(old.Tolerations, func(t corev1.Toleration) bool {
		return t.Operator == corev1.TolerationOpGt || t.Operator == corev1.TolerationOpLt
	})
	values, pages := hasNoLabelValue(old), demand.HasPartOfPage(old)
	return slices.DeleteFunc(Validate(path, spec, opts), func(err *field.Error) bool {
		return values && ofAffinityValue(err) || pages && demand.OfPartOfPage(err)
	})
}

// NodeSelector returns what is wrong with the keys and values of a node selector
// (ValidateLabels@v0.37.2), in the order of the keys. As upstream, it names neither in the path.
func NodeSelector(path *field.Path, selector map[string]string) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		errs = append(errs, metav1validation.ValidateLabels(map[string]string{key: selector[key]}, path)...)
	}
	return errs
}

// Toleration returns what is wrong with a toleration (ValidateTolerations@v1.37.2). As upstream, it
// reports a value at the operator, except that of Gt and Lt.
func Toleration(path *field.Path, t *corev1.Toleration, opts placement.Options) field.ErrorList {
	var errs field.ErrorList
	operator, value, effect := path.Child("operator"), path.Child("value"), path.Child("effect")
	if t.Key != "" {
		errs = append(errs, metav1validation.ValidateLabelName(t.Key, path.Child("key"))...)
	} else if t.Operator != corev1.TolerationOpExists {
		errs = append(errs, field.Invalid(operator, t.Operator, "must be Exists if there is no key, which means every taint"))
	}
	if t.TolerationSeconds != nil && t.Effect != corev1.TaintEffectNoExecute {
		errs = append(errs, field.Invalid(effect, t.Effect, "must be NoExecute if there are tolerationSeconds"))
	}
	supported := []corev1.TolerationOperator{corev1.TolerationOpEqual, corev1.TolerationOpExists}
	if opts.ComparisonOperators {
		supported = append(supported, corev1.TolerationOpGt, corev1.TolerationOpLt)
	}
	switch t.Operator {
	case "", corev1.TolerationOpEqual:
		for _, wrong := range validation.IsValidLabelValue(t.Value) {
			errs = append(errs, field.Invalid(operator, t.Value, wrong))
		}
	case corev1.TolerationOpExists:
		if t.Value != "" {
			errs = append(errs, field.Invalid(operator, t.Value, "Exists has no value"))
		}
	default:
		if !slices.Contains(supported, t.Operator) {
			errs = append(errs, field.NotSupported(operator, t.Operator, supported))
			break
		}
		wrong := content.IsDecimalInteger(t.Value)
		for _, wrong := range wrong {
			errs = append(errs, field.Invalid(value, t.Value, wrong))
		}
		if _, err := strconv.ParseInt(t.Value, 10, 64); err != nil && len(wrong) == 0 {
			errs = append(errs, field.Invalid(value, t.Value, "must fit into 64 bits"))
		}
	}
	if t.Effect != "" && !taint.IsEffect(t.Effect) {
		errs = append(errs, taint.NotSupported(effect, t.Effect))
	}
	return errs
}

// nodeAffinity returns the errors of the required node affinity for which the API server refuses it.
// It takes a value of Gt or Lt that is a label value and no integer, although no node matches it
// (ValidateNodeSelectorRequirement@v1.37.2).
func nodeAffinity(path *field.Path, spec *corev1.PodSpec, opts placement.Options) field.ErrorList {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return nil
	}
	only := corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: spec.Affinity.NodeAffinity}}
	var errs field.ErrorList
	for _, err := range placement.Compile(&corev1.PodTemplateSpec{Spec: only}, opts).Malformed() {
		if value, _ := err.BadValue.(string); !ofAffinityValue(err) || len(validation.IsValidLabelValue(value)) > 0 {
			at := *err
			at.Field = path.String() + strings.TrimPrefix(at.Field, "spec")
			errs = append(errs, &at)
		}
	}
	return errs
}

// hasNoLabelValue reports whether the required node affinity has a value that is no label value
// (HasInvalidLabelValueInNodeSelectorTerms@v1.37.2).
func hasNoLabelValue(spec *corev1.PodSpec) bool {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil || spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return false
	}
	for _, term := range spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, requirement := range term.MatchExpressions {
			if slices.ContainsFunc(requirement.Values, func(value string) bool { return len(validation.IsValidLabelValue(value)) > 0 }) {
				return true
			}
		}
	}
	return false
}

// ofAffinityValue reports whether an error is about a value in the node affinity.
func ofAffinityValue(err *field.Error) bool {
	return strings.Contains(err.Field, ".matchExpressions[") && strings.Contains(err.Field, ".values[")
}

// repeatedPorts returns the host ports that are there twice in some containers, the first of which
// has the given index (AccumulateUniqueHostPorts@v1.37.2). Upstream calls every init container the
// first one (validateInitContainers@v1.37.2).
func repeatedPorts(path *field.Path, containers []corev1.Container, first int) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i := range containers {
		for j, p := range containers[i].Ports {
			if p.HostPort == 0 {
				continue
			}
			port := fmt.Sprintf("%s/%s/%d", cmp.Or(p.Protocol, corev1.ProtocolTCP), p.HostIP, p.HostPort)
			if seen[port] {
				errs = append(errs, field.Duplicate(path.Index(first+i).Child("ports").Index(j).Child("hostPort"), port))
			}
			seen[port] = true
		}
	}
	return errs
}
