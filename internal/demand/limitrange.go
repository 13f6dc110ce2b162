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
			item := bounds{LimitRangeItem: &r.Spec.Limits[i], of: title(r)}
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

// Invalid returns why the API server refuses what the containers of a spec, and the pod as a whole,
// request, and what their limits and the overhead are. The spec may be that of a template, or one
// that Admitted has returned. It checks that
//
//   - the name of a resource is cpu, memory, ephemeral-storage, one of huge pages, or a qualified one
//     such as example.com/device; of the pod as a whole it is cpu, memory or one of huge pages
//     (ValidateContainerResourceName, validatePodResourceName @v1.37.2);
//   - no amount is below zero, extended resources are whole numbers, and huge pages are whole
//     (ValidateResourceQuantityValue, validateResourceQuantityHugePageValue @v1.37.2);
//   - a container or the pod requests no more than its limit, and exactly that of huge pages and
//     extended resources, which need a limit; huge pages also need cpu or memory beside them
//     (validateResourceRequirements@v1.37.2);
//   - the pod requests no less than its containers together, has no lower limit of huge pages
//     than they have together, and no lower limit than one of its containers
//     (validatePodResourceConsistency@v1.37.2).
//
// Quantities count as rounded up to thousandths (SetDefaults_ResourceList@v1.37.2). Paths start at
// the given one of the spec and end at the resource. The order is that of the init containers, the
// containers, the pod, the overhead, and the names of resources.
func Invalid(path *field.Path, spec *corev1.PodSpec) field.ErrorList {
	return invalid(path, spec, func(*corev1.Container) origin { return origin{} })
}

// InvalidAdmitted is Invalid of the spec that Admitted has returned for the given one and the
// LimitRanges. The texts name the LimitRanges whose defaults are at fault.
func InvalidAdmitted(path *field.Path, admitted, spec *corev1.PodSpec, ranges []*corev1.LimitRange) field.ErrorList {
	if len(ranges) == 0 || len(Invalid(path, admitted)) == 0 {
		return Invalid(path, admitted)
	}
	origins := make(map[*corev1.Container]origin)
	for i := range spec.InitContainers {
		origins[&admitted.InitContainers[i]] = originOf(&spec.InitContainers[i].Resources, ranges)
	}
	for i := range spec.Containers {
		origins[&admitted.Containers[i]] = originOf(&spec.Containers[i].Resources, ranges)
	}
	return invalid(path, admitted, func(c *corev1.Container) origin { return origins[c] })
}

// origin says which LimitRange has given an amount to a container, by the name of the resource.
type origin struct {
	requests, limits map[corev1.ResourceName]string
}

// originOf returns the origin of what a container has not had before.
func originOf(had *corev1.ResourceRequirements, ranges []*corev1.LimitRange) origin {
	o := origin{make(map[corev1.ResourceName]string), make(map[corev1.ResourceName]string)}
	note := func(from map[corev1.ResourceName]string, had, given corev1.ResourceList, r *corev1.LimitRange) {
		for name := range given {
			if _, ok := had[name]; !ok && from[name] == "" {
				from[name] = title(r)
			}
		}
	}
	for _, r := range ranges {
		given := containerDefaults(r)
		note(o.limits, had.Limits, given.Limits, r)
		note(o.requests, WithLimits(had), given.Requests, r)
	}
	return o
}

// text ends a text about the amount of a resource. It is empty if no LimitRange has given it.
func (o origin) text(name corev1.ResourceName) string {
	request, limit := o.requests[name], o.limits[name]
	switch {
	case request == "" && limit == "":
		return ""
	case limit == "":
		return "; the request is the default of " + request
	case request == "":
		return "; the limit is the default of " + limit
	case request == limit:
		return "; request and limit are the defaults of " + limit
	default:
		return "; the request is the default of " + request + ", and the limit that of " + limit
	}
}

// title returns "LimitRange namespace/name".
func title(r *corev1.LimitRange) string { return "LimitRange " + r.Namespace + "/" + r.Name }

func invalid(path *field.Path, spec *corev1.PodSpec, originOf func(*corev1.Container) origin) field.ErrorList {
	var errs field.ErrorList
	check := func(list string, containers []corev1.Container) {
		for i := range containers {
			errs = append(errs, invalidRequirements(path.Child(list).Index(i).Child("resources"), &containers[i].Resources, originOf(&containers[i]), wrongContainerName)...)
		}
	}
	check("initContainers", spec.InitContainers)
	check("containers", spec.Containers)
	if spec.Resources != nil {
		errs = append(errs, invalidRequirements(path.Child("resources"), spec.Resources, origin{}, wrongPodName)...)
		errs = append(errs, inconsistent(path, spec, originOf)...)
	}
	overhead := path.Child("overhead")
	for _, name := range slices.Sorted(maps.Keys(spec.Overhead)) {
		errs = append(errs, invalidAmount(overhead.Key(string(name)), name, milli(spec.Overhead[name]), "", wrongContainerName)...)
	}
	return append(errs, lonelyHugePages(overhead, spec.Overhead, origin{})...)
}

// inconsistent compares the resources of the pod as a whole with those of its containers.
func inconsistent(path *field.Path, spec *corev1.PodSpec, originOf func(*corev1.Container) origin) field.ErrorList {
	var errs field.ErrorList
	pod := path.Child("resources")
	for i := range spec.Containers {
		limits, given := spec.Containers[i].Resources.Limits, originOf(&spec.Containers[i])
		for _, name := range slices.Sorted(maps.Keys(limits)) {
			limit := milli(limits[name])
			if most, ok := spec.Resources.Limits[name]; ok && limit.Cmp(milli(most)) > 0 {
				errs = append(errs, field.Invalid(path.Child("containers").Index(i).Child("resources", "limits").Key(string(name)), limit.String(), "must not be above the limit of the pod, "+most.String()+given.text(name)))
			}
		}
	}
	containers := &corev1.Pod{Spec: corev1.PodSpec{Containers: roundedContainers(spec.Containers), InitContainers: roundedContainers(spec.InitContainers)}}
	requests := upstream.AggregateContainerRequests(containers, upstream.PodResourcesOptions{})
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		least, request := requests[name], milli(spec.Resources.Requests[name])
		if _, ok := spec.Resources.Requests[name]; ok && request.Cmp(least) < 0 {
			errs = append(errs, field.Invalid(pod.Child("requests").Key(string(name)), request.String(), "must not be below the requests of the containers, "+least.String()+among(spec, func(c *corev1.Container) string { return originOf(c).requests[name] })))
		}
	}
	limits := upstream.AggregateContainerLimits(containers, upstream.PodResourcesOptions{})
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		least, limit := limits[name], milli(spec.Resources.Limits[name])
		if _, ok := spec.Resources.Limits[name]; ok && hugePage(name) && limit.Cmp(least) < 0 {
			errs = append(errs, field.Invalid(pod.Child("limits").Key(string(name)), limit.String(), "must not be below the limits of the containers, "+least.String()+among(spec, func(c *corev1.Container) string { return originOf(c).limits[name] })))
		}
	}
	return errs
}

// among ends a text about a sum of all containers to some of which a LimitRange has given the amount.
func among(spec *corev1.PodSpec, from func(*corev1.Container) string) string {
	for _, list := range [...][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			if given := from(&list[i]); given != "" {
				return ", with the default of " + given
			}
		}
	}
	return ""
}

// milli returns a quantity rounded up to thousandths.
func milli(quantity resource.Quantity) resource.Quantity {
	quantity = quantity.DeepCopy()
	quantity.RoundUp(resource.Milli)
	return quantity
}

// roundedContainers returns the resources of containers, rounded up to thousandths.
func roundedContainers(containers []corev1.Container) []corev1.Container {
	out := slices.Clone(containers)
	for i := range out {
		r := &out[i].Resources
		r.Requests, r.Limits = rounded(r.Requests), rounded(r.Limits)
	}
	return out
}

// invalidRequirements checks requests and limits. wrongName says what is wrong with a name.
func invalidRequirements(path *field.Path, r *corev1.ResourceRequirements, given origin, wrongName func(corev1.ResourceName) string) field.ErrorList {
	var errs field.ErrorList
	limits, requests := path.Child("limits"), path.Child("requests")
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		errs = append(errs, invalidAmount(limits.Key(string(name)), name, milli(r.Limits[name]), given.text(name), wrongName)...)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		at, request := requests.Key(string(name)), milli(r.Requests[name])
		errs = append(errs, invalidAmount(at, name, request, given.text(name), wrongName)...)
		limit, ok := r.Limits[name]
		switch limit = milli(limit); {
		case !ok && !mayOvercommit(name):
			errs = append(errs, field.Required(limits.Key(string(name)), "a request of huge pages or an extended resource needs a limit"+given.text(name)))
		case !ok:
		case request.Cmp(limit) != 0 && !mayOvercommit(name):
			errs = append(errs, field.Invalid(at, request.String(), "must be the limit, "+limit.String()+given.text(name)))
		case request.Cmp(limit) > 0:
			errs = append(errs, field.Invalid(at, request.String(), "must not be above the limit, "+limit.String()+given.text(name)))
		}
	}
	return append(errs, lonelyHugePages(path, WithLimits(r), given)...)
}

// lonelyHugePages refuses huge pages with neither cpu nor memory beside them.
func lonelyHugePages(path *field.Path, list corev1.ResourceList, given origin) field.ErrorList {
	var huge corev1.ResourceName // the first
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if name == corev1.ResourceCPU || name == corev1.ResourceMemory {
			return nil
		}
		if huge == "" && hugePage(name) {
			huge = name
		}
	}
	if huge == "" {
		return nil
	}
	return field.ErrorList{field.Forbidden(path, "huge pages need cpu or memory beside them"+given.text(huge))}
}

const partOfPage = "must be a multiple of the size of the pages"

// OfPartOfPage reports whether an error of Invalid is about huge pages that are not whole.
func OfPartOfPage(err *field.Error) bool { return err.Detail == partOfPage }

// HasPartOfPage reports whether a container or the overhead has huge pages that are not whole. The
// pod as a whole does not count (usesIndivisibleHugePagesValues@v1.37.2).
func HasPartOfPage(spec *corev1.PodSpec) bool {
	lists := []corev1.ResourceList{spec.Overhead}
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			lists = append(lists, containers[i].Resources.Requests, containers[i].Resources.Limits)
		}
	}
	return slices.ContainsFunc(lists, func(list corev1.ResourceList) bool {
		for name, quantity := range list {
			if hugePage(name) && !wholePages(name, milli(quantity)) {
				return true
			}
		}
		return false
	})
}

// invalidAmount checks a quantity. given ends the texts.
func invalidAmount(path *field.Path, name corev1.ResourceName, quantity resource.Quantity, given string, wrongName func(corev1.ResourceName) string) field.ErrorList {
	var errs field.ErrorList
	if wrong := wrongName(name); wrong != "" {
		errs = append(errs, field.Invalid(path, string(name), wrong+given))
	}
	wrong := ""
	switch {
	case quantity.Sign() < 0:
		wrong = "must not be below zero"
	case extended(name) && quantity.MilliValue()%1000 != 0:
		wrong = "must be a whole number"
	case hugePage(name) && !wholePages(name, quantity):
		wrong = partOfPage
	default:
		return errs
	}
	return append(errs, field.Invalid(path, quantity.String(), wrong+given))
}

// wrongContainerName says what is wrong with the name of a resource of a container
// (ValidateContainerResourceName@v1.37.2). It is empty if nothing is.
func wrongContainerName(name corev1.ResourceName) string {
	if problems := validation.IsQualifiedName(string(name)); len(problems) > 0 {
		return problems[0]
	}
	switch {
	case standard(name) || extended(name) || strings.Contains(string(name), "/") && native(name):
		return ""
	case strings.Contains(string(name), "/"):
		return "an extended resource must not begin with " + corev1.DefaultResourceRequestsPrefix + " and must not be too long"
	default:
		return "must be cpu, memory, ephemeral-storage, hugepages-SIZE or a qualified name such as example.com/device"
	}
}

// wrongPodName is wrongContainerName for the pod as a whole (validatePodResourceName@v1.37.2).
func wrongPodName(name corev1.ResourceName) string {
	if upstream.IsSupportedPodLevelResource(name) && len(validation.IsQualifiedName(string(name))) == 0 {
		return ""
	}
	return "must be cpu, memory or hugepages-SIZE for the pod as a whole"
}

// standard reports whether a resource without a domain is one of containers
// (IsStandardContainerResourceName@v1.37.2).
func standard(name corev1.ResourceName) bool {
	switch name {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		return true
	}
	return hugePage(name)
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
