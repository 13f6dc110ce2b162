package demand

import (
	"maps"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	upstream "k8s.io/component-helpers/resource"
)

// LimitRanges returns the LimitRanges by namespace, each ordered by name. The API server takes
// them in an arbitrary order. A nil LimitRange is left out.
func LimitRanges(ranges []*corev1.LimitRange) map[string][]*corev1.LimitRange {
	out := make(map[string][]*corev1.LimitRange)
	for _, r := range ranges {
		if r != nil {
			out[r.Namespace] = append(out[r.Namespace], r)
		}
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b *corev1.LimitRange) int { return strings.Compare(a.Name, b.Name) })
	}
	return out
}

// containerDefaults returns what a LimitRange gives to containers that have no limit or no
// request (defaultContainerResourceRequirements@v1.37.2): its default, else its maximum, is
// the limit; its default request, else that limit, else its minimum, is the request
// (SetDefaults_LimitRangeItem@v1.37.2). The last item counts.
func containerDefaults(r *corev1.LimitRange) corev1.ResourceRequirements {
	out := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for i := range r.Spec.Limits {
		item := &r.Spec.Limits[i]
		if item.Type != corev1.LimitTypeContainer {
			continue
		}
		limits := withMissing(copied(item.Default), item.Max)
		requests := withMissing(withMissing(copied(item.DefaultRequest), limits), item.Min)
		maps.Copy(out.Limits, rounded(limits))
		maps.Copy(out.Requests, rounded(requests))
	}
	return out
}

// Refusals returns why the API server refuses a pod with an admitted spec because of the
// LimitRanges (PodValidateLimitFunc@v1.37.2). Paths start at the given one of the spec. The
// order is that of the LimitRanges, their items, the containers, and the names of resources.
func Refusals(path *field.Path, spec *corev1.PodSpec, ranges []*corev1.LimitRange) field.ErrorList {
	var errs field.ErrorList
	for _, r := range ranges {
		for i := range r.Spec.Limits {
			item := bounds{LimitRangeItem: &r.Spec.Limits[i], of: "LimitRange " + r.Namespace + "/" + r.Name}
			switch item.Type {
			case corev1.LimitTypeContainer:
				for j := range spec.Containers {
					errs = append(errs, item.check(path.Child("containers").Index(j).Child("resources"), &spec.Containers[j].Resources)...)
				}
				for j := range spec.InitContainers {
					errs = append(errs, item.check(path.Child("initContainers").Index(j).Child("resources"), &spec.InitContainers[j].Resources)...)
				}
			case corev1.LimitTypePod:
				errs = append(errs, item.check(path.Child("resources"), wholePod(spec))...)
			}
		}
	}
	return errs
}

// Excesses returns why the API server refuses a pod with an admitted spec because of what it
// requests and what its limits are: a default of a LimitRange may be a limit below the
// container's request. It checks that
//
//   - a container or the pod requests no more than its limit, and exactly that of huge pages and
//     extended resources (validateResourceRequirements@v1.37.2);
//   - the pod requests no less than its containers together, has no lower limit of huge pages
//     than they have together, and no lower limit than one of its containers
//     (validatePodResourceConsistency@v1.37.2).
//
// It does not matter whether a LimitRange or the template itself brings them about. See
// WrongDefaults for the other rules about requests and limits. Paths start at the given one of
// the spec. The order is that of the init containers, the containers, the pod, and the names of
// resources.
func Excesses(path *field.Path, spec *corev1.PodSpec) field.ErrorList {
	var errs field.ErrorList
	for i := range spec.InitContainers {
		errs = append(errs, aboveLimit(path.Child("initContainers").Index(i).Child("resources"), &spec.InitContainers[i].Resources)...)
	}
	for i := range spec.Containers {
		errs = append(errs, aboveLimit(path.Child("containers").Index(i).Child("resources"), &spec.Containers[i].Resources)...)
	}
	if spec.Resources == nil {
		return errs
	}
	pod := path.Child("resources")
	errs = append(errs, aboveLimit(pod, spec.Resources)...)
	for i := range spec.Containers {
		limits := spec.Containers[i].Resources.Limits
		for _, name := range slices.Sorted(maps.Keys(limits)) {
			limit := limits[name]
			if most, ok := spec.Resources.Limits[name]; ok && limit.Cmp(most) > 0 {
				errs = append(errs, field.Invalid(path.Child("containers").Index(i).Child("resources", "limits").Key(string(name)), limit.String(), "must not be above the limit of the pod, "+most.String()))
			}
		}
	}
	containers := &corev1.Pod{Spec: corev1.PodSpec{Containers: spec.Containers, InitContainers: spec.InitContainers}}
	requests := upstream.AggregateContainerRequests(containers, upstream.PodResourcesOptions{})
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		least := requests[name]
		if request, ok := spec.Resources.Requests[name]; ok && request.Cmp(least) < 0 {
			errs = append(errs, field.Invalid(pod.Child("requests").Key(string(name)), request.String(), "must not be below the requests of the containers, "+least.String()))
		}
	}
	limits := upstream.AggregateContainerLimits(containers, upstream.PodResourcesOptions{})
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		least := limits[name]
		if limit, ok := spec.Resources.Limits[name]; ok && hugePage(name) && limit.Cmp(least) < 0 {
			errs = append(errs, field.Invalid(pod.Child("limits").Key(string(name)), limit.String(), "must not be below the limits of the containers, "+least.String()))
		}
	}
	return errs
}

func aboveLimit(path *field.Path, r *corev1.ResourceRequirements) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request := r.Requests[name]
		limit, ok := r.Limits[name]
		if !ok {
			continue
		}
		switch c := request.Cmp(limit); {
		case c != 0 && !mayOvercommit(name):
			errs = append(errs, field.Invalid(path.Child("requests").Key(string(name)), request.String(), "must be the limit, "+limit.String()))
		case c > 0:
			errs = append(errs, field.Invalid(path.Child("requests").Key(string(name)), request.String(), "must not be above the limit, "+limit.String()))
		}
	}
	return errs
}

// WrongDefaults returns why the API server refuses a pod because of what LimitRanges give to its
// containers. before is the spec that Admitted returns without them, and after the one with
// them. It checks that a container, or the pod,
//
//   - has no amount below zero, whole numbers of extended resources, and whole huge pages
//     (ValidateResourceQuantityValue, validateResourceQuantityHugePageValue @v1.37.2);
//   - has a limit of the huge pages and extended resources that it requests, and cpu or memory
//     beside huge pages (validateResourceRequirements@v1.37.2).
//
// What is wrong in before is left out: the API server accepts no DaemonSet with such a template
// (ValidatePodTemplateSpec@v1.37.2). The order is that of Excesses; the limits are before the
// requests.
func WrongDefaults(path *field.Path, before, after *corev1.PodSpec) field.ErrorList {
	var errs field.ErrorList
	for _, list := range [...]struct {
		of            string
		before, after []corev1.Container
	}{{"initContainers", before.InitContainers, after.InitContainers}, {"containers", before.Containers, after.Containers}} {
		for i := range list.after {
			path := path.Child(list.of).Index(i).Child("resources")
			errs = append(errs, added(wrongAmounts(path, &list.before[i].Resources), wrongAmounts(path, &list.after[i].Resources))...)
		}
	}
	if after.Resources != nil {
		path := path.Child("resources")
		errs = append(errs, added(wrongAmounts(path, before.Resources), wrongAmounts(path, after.Resources))...)
	}
	return errs
}

// added returns the errors that were not there before.
func added(before, after field.ErrorList) field.ErrorList {
	return slices.DeleteFunc(after, func(err *field.Error) bool {
		return slices.ContainsFunc(before, func(old *field.Error) bool { return old.Error() == err.Error() })
	})
}

func wrongAmounts(path *field.Path, r *corev1.ResourceRequirements) field.ErrorList {
	var errs field.ErrorList
	limits, requests := path.Child("limits"), path.Child("requests")
	huge := false
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		huge = huge || hugePage(name)
		errs = append(errs, wrongAmount(limits, name, r.Limits[name])...)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		huge = huge || hugePage(name)
		errs = append(errs, wrongAmount(requests, name, r.Requests[name])...)
		if _, ok := r.Limits[name]; !ok && !mayOvercommit(name) {
			errs = append(errs, field.Required(limits.Key(string(name)), "a request of huge pages or an extended resource needs a limit"))
		}
	}
	has := func(name corev1.ResourceName) bool {
		return lookUp(r.Requests, name) != nil || lookUp(r.Limits, name) != nil
	}
	if huge && !has(corev1.ResourceCPU) && !has(corev1.ResourceMemory) {
		errs = append(errs, field.Forbidden(path, "huge pages need cpu or memory beside them"))
	}
	return errs
}

func wrongAmount(path *field.Path, name corev1.ResourceName, quantity resource.Quantity) field.ErrorList {
	wrong := ""
	switch {
	case quantity.Sign() < 0:
		wrong = "must not be below zero"
	case extended(name) && quantity.MilliValue()%1000 != 0:
		wrong = "must be a whole number"
	case hugePage(name) && !wholePages(name, quantity):
		wrong = "must be a multiple of the size of the pages"
	default:
		return nil
	}
	return field.ErrorList{field.Invalid(path.Key(string(name)), quantity.String(), wrong)}
}

// wholePages reports whether an amount is a multiple of the size in the name
// (IsHugePageResourceValueDivisible@v1.37.2). Upstream also takes a size with an exponent, which
// can take long to parse, and one that is too large for an int64, which makes it panic.
func wholePages(name corev1.ResourceName, quantity resource.Quantity) bool {
	text := strings.TrimPrefix(string(name), corev1.ResourceHugePagesPrefix)
	if i := strings.IndexAny(text, "eE"); i >= 0 && text[i:] != "E" && text[i:] != "Ei" {
		return false
	}
	size, err := resource.ParseQuantity(text)
	if err != nil || size.Sign() <= 0 || size.MilliValue()%1000 != 0 {
		return false
	}
	return size.CmpInt64(math.MaxInt64) <= 0 && quantity.Value()%size.Value() == 0
}

// mayOvercommit reports whether the limit of a resource may be above its request
// (IsOvercommitAllowed@v1.37.2).
func mayOvercommit(name corev1.ResourceName) bool { return native(name) && !hugePage(name) }

// native reports whether a resource is one of Kubernetes itself (IsNativeResource@v1.37.2).
func native(name corev1.ResourceName) bool {
	return !strings.Contains(string(name), "/") || strings.Contains(string(name), corev1.ResourceDefaultNamespacePrefix)
}

// extended reports whether a resource is an extended one (IsExtendedResourceName@v1.37.2).
func extended(name corev1.ResourceName) bool {
	return !native(name) && !strings.HasPrefix(string(name), corev1.DefaultResourceRequestsPrefix) &&
		len(validation.IsQualifiedName(corev1.DefaultResourceRequestsPrefix+string(name))) == 0
}

// wholePod returns the requests and limits of a pod without its overhead. Of the resources of
// the pod as a whole, cpu and memory count (podRequests, podLimits @v1.37.2 of limitranger).
func wholePod(spec *corev1.PodSpec) *corev1.ResourceRequirements {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: spec.Containers, InitContainers: spec.InitContainers}}
	out := &corev1.ResourceRequirements{
		Requests: upstream.AggregateContainerRequests(pod, upstream.PodResourcesOptions{}),
		Limits:   upstream.AggregateContainerLimits(pod, upstream.PodResourcesOptions{}),
	}
	if own := spec.Resources; own != nil {
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			if quantity, ok := own.Requests[name]; ok {
				out.Requests[name] = quantity
			}
			if quantity, ok := own.Limits[name]; ok {
				out.Limits[name] = quantity
			}
		}
	}
	return out
}

// bounds is an item of a LimitRange.
type bounds struct {
	*corev1.LimitRangeItem
	of string // "LimitRange namespace/name"
}

func (b *bounds) check(path *field.Path, r *corev1.ResourceRequirements) field.ErrorList {
	var errs field.ErrorList
	refuse := func(list string, name corev1.ResourceName, has *resource.Quantity, rule string, bound resource.Quantity) {
		value := "none"
		if has != nil {
			value = has.String()
		}
		errs = append(errs, field.Invalid(path.Child(list).Key(string(name)), value, b.of+": the "+rule+" of "+string(b.Type)+" is "+bound.String()))
	}
	for _, name := range slices.Sorted(maps.Keys(b.Min)) {
		least := b.Min[name]
		request, limit := lookUp(r.Requests, name), lookUp(r.Limits, name)
		switch {
		case request == nil || less(request, &least, limit):
			refuse("requests", name, request, "minimum", least)
		case limit != nil && less(limit, &least, request):
			refuse("limits", name, limit, "minimum", least)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Max)) {
		most := b.Max[name]
		request, limit := lookUp(r.Requests, name), lookUp(r.Limits, name)
		switch {
		case limit == nil || less(&most, limit, request):
			refuse("limits", name, limit, "maximum", most)
		case request != nil && less(&most, request, limit):
			refuse("requests", name, request, "maximum", most)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.MaxLimitRequestRatio)) {
		most := b.MaxLimitRequestRatio[name]
		request, limit := lookUp(r.Requests, name), lookUp(r.Limits, name)
		switch {
		case request == nil || request.IsZero():
			refuse("requests", name, request, "maximum ratio of limit to request", most)
		case limit == nil || limit.IsZero() || exceedsRatio(request, limit, &most):
			refuse("limits", name, limit, "maximum ratio of limit to request", most)
		}
	}
	return errs
}

func lookUp(list corev1.ResourceList, name corev1.ResourceName) *resource.Quantity {
	if quantity, ok := list[name]; ok {
		return &quantity
	}
	return nil
}

// less compares as the admission plugin does: in thousandths if all three are small enough for
// that, otherwise in whole numbers (requestLimitEnforcedValues@v1.37.2).
func less(a, b, third *resource.Quantity) bool {
	scale := scaleOf(a, b, third)
	return a.ScaledValue(scale) < b.ScaledValue(scale)
}

func scaleOf(quantities ...*resource.Quantity) resource.Scale {
	for _, q := range quantities {
		if q != nil && q.Value() > resource.MaxMilliValue {
			return 0
		}
	}
	return resource.Milli
}

// exceedsRatio reports whether limit/request is larger than the ratio
// (limitRequestRatioConstraint@v1.37.2).
func exceedsRatio(request, limit, ratio *resource.Quantity) bool {
	scale := scaleOf(request, limit, ratio)
	is, most := float64(limit.ScaledValue(scale))/float64(request.ScaledValue(scale)), float64(ratio.Value())
	if ratio.Value() <= resource.MaxMilliValue {
		is, most = is*1000, float64(ratio.MilliValue())
	}
	return is > most
}

func hugePage(name corev1.ResourceName) bool {
	return strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}
