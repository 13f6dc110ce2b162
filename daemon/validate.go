package daemon

import (
	"cmp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/percent"
)

// Validate returns the errors of the DaemonSet's own fields that the API server reports
// when it is created, in upstream's order and words; nil if there are none
// (ValidateDaemonSet@v1.37.2). Errors about entries of one map of labels or
// annotations, which upstream reports in random order, are sorted by the value
// that they name.
//
// It covers metadata, selector, update strategy, minReadySeconds and revisionHistoryLimit.
// Of the template it covers labels, annotation syntax, restartPolicy and
// activeDeadlineSeconds. What upstream checks in every pod
// (ValidatePodSpec@v1.37.2 and the annotations that pods give a meaning to) is
// left to the API server.
//
// Validate adds nothing to ds. A server sets name, namespace and defaults before it
// validates, so call Validate(Default(ds)) for a manifest. Three answers differ from
// upstream's: an empty restartPolicy is valid, because the defaults of pods make it
// Always; a missing selector is reported at spec.selector, and not as labels that do
// not match; and if maxSurge stands beside maxUnavailable, upstream's words are followed by what
// to set, because a maxSurge alone is refused, too.
//
// A nil ds is an error for the path daemonSet. The BadValue of an error may refer
// to parts of ds: read-only.
func Validate(ds *appsv1.DaemonSet) field.ErrorList {
	if ds == nil {
		return field.ErrorList{field.Required(field.NewPath("daemonSet"), "")}
	}
	path := field.NewPath("metadata")
	errs := apivalidation.ValidateObjectMeta(&ds.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, path)
	errs = append(errs, validateFinalizers(ds.Finalizers, path.Child("finalizers"))...)
	errs = append(errs, validateSpec(&ds.Spec, metavalidation.LabelSelectorValidationOptions{})...)
	return sortMapErrors(errs)
}

// ValidateUpdate returns the errors that the API server reports when cur replaces old,
// in upstream's order and words; nil if there are none: the metadata that an update may not
// change, the selector, which is immutable, and then the spec of cur, as Validate checks it
// (ValidateDaemonSetUpdate@v1.37.2).
// A selector value that is no label value is no error if old has such a value
// already (daemonSetStrategy.ValidateUpdate@v1.37.2).
//
// ValidateUpdate adds nothing to cur. Before a server validates, it copies generation and
// timestamps from old, and uid and resourceVersion if cur leaves them empty
// (BeforeUpdate@v1.37.2). To compare a manifest with a live object, set its labels,
// annotations and spec in a deep copy of old.
//
// A nil cur is an error for the path daemonSet, a nil old for the path old. The
// BadValue of an error may refer to parts of cur: read-only.
func ValidateUpdate(cur, old *appsv1.DaemonSet) field.ErrorList {
	var errs field.ErrorList
	if cur == nil {
		errs = append(errs, field.Required(field.NewPath("daemonSet"), ""))
	}
	if old == nil {
		errs = append(errs, field.Required(field.NewPath("old"), ""))
	}
	if errs != nil {
		return errs
	}
	path := field.NewPath("metadata")
	errs = apivalidation.ValidateObjectMetaUpdate(&cur.ObjectMeta, &old.ObjectMeta, path)
	errs = append(errs, validateFinalizers(cur.Finalizers, path.Child("finalizers"))...)
	errs = append(errs, apivalidation.ValidateImmutableField(cur.Spec.Selector, old.Spec.Selector, field.NewPath("spec", "selector"))...)
	errs = append(errs, validateSpec(&cur.Spec, metavalidation.LabelSelectorValidationOptions{
		AllowInvalidLabelValueInSelector: metavalidation.LabelSelectorHasInvalidLabelValue(old.Spec.Selector),
	})...)
	return sortMapErrors(errs)
}

// validateFinalizers is the rule that Kubernetes' own types add to the syntax of
// finalizers: a name without a domain is a reserved one
// (validateKubeFinalizerName@v1.37.2).
func validateFinalizers(finalizers []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, name := range finalizers {
		switch name {
		case string(corev1.FinalizerKubernetes), metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents:
			continue
		}
		if !strings.Contains(name, "/") {
			errs = append(errs, field.Invalid(path.Index(i), name, "name is neither a standard finalizer name nor is it fully qualified"))
		}
	}
	return errs
}

// validateSpec is ValidateDaemonSetSpec@v1.37.2 without the pod's spec.
func validateSpec(spec *appsv1.DaemonSetSpec, opts metavalidation.LabelSelectorValidationOptions) field.ErrorList {
	path := field.NewPath("spec")
	template := path.Child("template")

	errs := validateSelector(spec, opts, path)
	errs = append(errs, metavalidation.ValidateLabels(spec.Template.Labels, template.Child("labels"))...)
	errs = append(errs, apivalidation.ValidateAnnotations(spec.Template.Annotations, template.Child("annotations"))...)
	if policy := spec.Template.Spec.RestartPolicy; policy != "" && policy != corev1.RestartPolicyAlways {
		errs = append(errs, field.NotSupported(template.Child("spec", "restartPolicy"), policy, []corev1.RestartPolicy{corev1.RestartPolicyAlways}))
	}
	if spec.Template.Spec.ActiveDeadlineSeconds != nil {
		errs = append(errs, field.Forbidden(template.Child("spec", "activeDeadlineSeconds"), "activeDeadlineSeconds in DaemonSet is not Supported"))
	}
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(spec.MinReadySeconds), path.Child("minReadySeconds"))...)
	errs = append(errs, validateStrategy(&spec.UpdateStrategy, path.Child("updateStrategy"))...)
	if limit := spec.RevisionHistoryLimit; limit != nil {
		errs = append(errs, apivalidation.ValidateNonnegativeField(int64(*limit), path.Child("revisionHistoryLimit"))...)
	}
	return errs
}

// validateSelector checks that the selector is there, well-formed and not empty,
// and matches the template's labels.
func validateSelector(spec *appsv1.DaemonSetSpec, opts metavalidation.LabelSelectorValidationOptions, path *field.Path) field.ErrorList {
	if spec.Selector == nil {
		return field.ErrorList{field.Required(path.Child("selector"), "")}
	}
	errs := metavalidation.ValidateLabelSelector(spec.Selector, opts, path.Child("selector"))
	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err == nil && !selector.Matches(labels.Set(spec.Template.Labels)) {
		errs = append(errs, field.Invalid(path.Child("template", "metadata", "labels"), spec.Template.Labels, "`selector` does not match template `labels`"))
	}
	if len(spec.Selector.MatchLabels)+len(spec.Selector.MatchExpressions) == 0 {
		errs = append(errs, field.Invalid(path.Child("selector"), spec.Selector, "empty selector is invalid for daemonset"))
	}
	return errs
}

// validateStrategy is ValidateDaemonSetUpdateStrategy@v1.37.2.
func validateStrategy(strategy *appsv1.DaemonSetUpdateStrategy, path *field.Path) field.ErrorList {
	switch strategy.Type {
	case appsv1.OnDeleteDaemonSetStrategyType:
		return nil
	case appsv1.RollingUpdateDaemonSetStrategyType:
		if strategy.RollingUpdate == nil {
			return field.ErrorList{field.Required(path.Child("rollingUpdate"), "")}
		}
		return validateRollingUpdate(strategy.RollingUpdate, path.Child("rollingUpdate"))
	}
	return field.ErrorList{field.NotSupported(path, strategy, []appsv1.DaemonSetUpdateStrategyType{
		appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType,
	})}
}

// validateRollingUpdate is ValidateRollingUpdateDaemonSet@v1.37.2: two numbers or
// percentages, of which exactly one is above zero. A missing one counts
// as the number 0, which upstream's conversion makes of it.
func validateRollingUpdate(update *appsv1.RollingUpdateDaemonSet, path *field.Path) field.ErrorList {
	var maxUnavailable, maxSurge intstr.IntOrString
	if update.MaxUnavailable != nil {
		maxUnavailable = *update.MaxUnavailable
	}
	if update.MaxSurge != nil {
		maxSurge = *update.MaxSurge
	}
	unavailablePath, surgePath := path.Child("maxUnavailable"), path.Child("maxSurge")

	errs := validateBudget(maxUnavailable, unavailablePath)
	errs = append(errs, validateBudget(maxSurge, surgePath)...)
	errs = append(errs, validatePercentage(maxUnavailable, unavailablePath)...)
	errs = append(errs, validatePercentage(maxSurge, surgePath)...)

	hasUnavailable, hasSurge := budgetValue(maxUnavailable) != 0, budgetValue(maxSurge) != 0
	switch {
	case hasUnavailable && hasSurge:
		errs = append(errs, field.Invalid(surgePath, maxSurge, "may not be set when maxUnavailable is non-zero; set maxUnavailable: 0, its default is 1"))
	case !hasUnavailable && !hasSurge:
		errs = append(errs, field.Required(unavailablePath, "cannot be 0 when maxSurge is 0"))
	}
	return errs
}

// validateBudget wants a number not below zero or a percentage
// (ValidatePositiveIntOrPercent@v1.37.2).
func validateBudget(budget intstr.IntOrString, path *field.Path) field.ErrorList {
	switch budget.Type {
	case intstr.Int:
		return apivalidation.ValidateNonnegativeField(int64(budget.IntVal), path)
	case intstr.String:
		var errs field.ErrorList
		for _, msg := range validation.IsValidPercent(budget.StrVal) {
			errs = append(errs, field.Invalid(path, budget, msg))
		}
		return errs
	}
	// The doubled sign is upstream's.
	return field.ErrorList{field.Invalid(path, budget, "must be an integer or percentage (e.g '5%%')")}
}

// validatePercentage refuses more than 100 % (IsNotMoreThan100Percent@v1.37.2).
func validatePercentage(budget intstr.IntOrString, path *field.Path) field.ErrorList {
	if n, ok := percent.Parse(budget); ok && n > 100 {
		return field.ErrorList{field.Invalid(path, budget, "must not be greater than 100%")}
	}
	return nil
}

// budgetValue is the number or the percentage. A string that is no percentage
// counts as the number it spells, or zero (getIntOrPercentValue@v1.37.2).
func budgetValue(budget intstr.IntOrString) int {
	if n, ok := percent.Parse(budget); ok {
		return n
	}
	return budget.IntValue()
}

// sortMapErrors puts errors that came out of the iteration over a map in a fixed
// order and leaves all others in their places.
func sortMapErrors(errs field.ErrorList) field.ErrorList {
	for from := 0; from < len(errs); {
		to := from
		for to < len(errs) && ofMapEntry(errs[to]) && errs[to].Field == errs[from].Field {
			to++
		}
		// Stable, because several errors about one value have an order of their own.
		slices.SortStableFunc(errs[from:to], func(a, b *field.Error) int {
			x, _ := a.BadValue.(string)
			y, _ := b.BadValue.(string)
			return cmp.Or(strings.Compare(x, y), strings.Compare(a.Origin, b.Origin))
		})
		from = max(to, from+1)
	}
	return errs
}

// ofMapEntry reports whether the error is about a key or a value of labels or
// annotations. apimachinery marks these errors by their origin.
func ofMapEntry(err *field.Error) bool {
	return err.Origin == "format=k8s-label-key" || err.Origin == "format=k8s-label-value"
}
