// Package demand reads what a pod takes from its node: requests and host ports. It serves
// daemon/lint, daemon/overhead and rollout/simulate, so that all find the same pods too large.
package demand

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	upstream "k8s.io/component-helpers/resource"

	"github.com/pernode/daemonset/internal/podstatus"
)

// Requests returns what the scheduler reserves for a pod with the given spec
// (PodRequests@v0.37.2): the larger of two sums, all containers with all sidecars, or one init
// container with the sidecars before it; the requests of the pod as a whole replace that; the
// overhead is added. Requests that are missing are those of Admitted without a LimitRange. The
// list is the caller's own.
func Requests(spec *corev1.PodSpec) corev1.ResourceList {
	if len(spec.InitContainers) == 0 && settled(spec) {
		// Most pods, and three times as fast as upstream.
		sum := corev1.ResourceList{}
		for i := range spec.Containers {
			Add(sum, spec.Containers[i].Resources.Requests)
		}
		Add(sum, spec.Overhead)
		return sum
	}
	return requests(spec, nil, upstream.PodResourcesOptions{})
}

// RequestsOfAdmitted returns what Requests returns, for a spec that Admitted has returned.
func RequestsOfAdmitted(spec *corev1.PodSpec) corev1.ResourceList {
	return copied(upstream.PodRequests(&corev1.Pod{Spec: *spec}, upstream.PodResourcesOptions{}))
}

// RequestsOfPod returns what the scheduler reserves for a pod that exists: the largest of its
// spec, what the kubelet has allocated, and what runs (CalculateResource@v1.37.2). The list is
// the caller's own.
func RequestsOfPod(pod *corev1.Pod) corev1.ResourceList {
	return requests(&pod.Spec, &pod.Status, upstream.PodResourcesOptions{
		UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true,
	})
}

// requests looks at the status only if opts ask for it.
func requests(spec *corev1.PodSpec, status *corev1.PodStatus, opts upstream.PodResourcesOptions) corev1.ResourceList {
	var pod corev1.Pod
	if settled(spec) {
		pod.Spec = *spec
	} else {
		pod.Spec = Admitted(spec, nil)
	}
	if status != nil {
		pod.Status = *status
	}
	sum := upstream.PodRequests(&pod, opts)
	if spec.Resources != nil {
		// Upstream shares these quantities with the pod.
		return copied(sum)
	}
	return sum
}

// settled reports whether Admitted changes nothing, as is so for pods that an API server has
// stored and that have no resources as a whole.
func settled(spec *corev1.PodSpec) bool {
	if spec.Resources != nil || !precise(spec.Overhead) {
		return false
	}
	for _, list := range [...][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			r := &list[i].Resources
			for name := range r.Limits {
				if _, ok := r.Requests[name]; !ok {
					return false
				}
			}
			if !precise(r.Requests) {
				return false
			}
		}
	}
	return true
}

// precise reports whether rounding leaves a list as it is.
func precise(list corev1.ResourceList) bool {
	for _, quantity := range list {
		if !quantity.RoundUp(resource.Milli) {
			return false
		}
	}
	return true
}

// Admitted returns the spec of a pod as the API server stores it, for what a pod takes:
//
//  1. A container without a request takes its own limit (SetDefaults_Pod@v1.37.2). Quantities
//     are rounded up to thousandths (SetDefaults_ResourceList@v1.37.2).
//  2. Limits and requests that are still missing are those of the LimitRanges, the first
//     that has one (mergePodResourceRequirements@v1.37.2).
//  3. A pod with resources of its own requests the sum of its containers if it has no
//     request, else its own limit. If all containers have a limit, it has the sum of these,
//     or its own request if that is larger, if it has no limit
//     (DefaultPodLevelResources@v1.37.2).
//
// The containers and the resources are the caller's own, and everything else is shared with
// the spec.
func Admitted(spec *corev1.PodSpec, ranges []*corev1.LimitRange) corev1.PodSpec {
	out := *spec
	defaults := make([]corev1.ResourceRequirements, len(ranges))
	for i, r := range ranges {
		defaults[i] = containerDefaults(r)
	}
	out.InitContainers = admittedContainers(spec.InitContainers, defaults)
	out.Containers = admittedContainers(spec.Containers, defaults)
	out.Overhead = rounded(spec.Overhead)
	if spec.Resources != nil {
		out.Resources = admittedResources(&out)
	}
	return out
}

func admittedContainers(in []corev1.Container, defaults []corev1.ResourceRequirements) []corev1.Container {
	out := slices.Clone(in)
	for i := range out {
		r := &out[i].Resources
		requests, limits := rounded(WithLimits(r)), rounded(r.Limits)
		for _, d := range defaults {
			limits = withMissing(limits, d.Limits)
			requests = withMissing(requests, d.Requests)
		}
		r.Requests, r.Limits = requests, limits
	}
	return out
}

// withMissing adds the entries of from that a list lacks. It changes the list.
func withMissing(list, from corev1.ResourceList) corev1.ResourceList {
	for name, quantity := range from {
		if _, ok := list[name]; !ok {
			if list == nil {
				list = corev1.ResourceList{}
			}
			list[name] = quantity.DeepCopy()
		}
	}
	return list
}

// admittedResources returns the resources of a pod as a whole. Its containers are admitted.
func admittedResources(spec *corev1.PodSpec) *corev1.ResourceRequirements {
	out := spec.Resources.DeepCopy()
	out.Requests, out.Limits = rounded(out.Requests), rounded(out.Limits)
	if len(out.Requests) == 0 && len(out.Limits) == 0 {
		return out
	}
	containers := &corev1.Pod{Spec: corev1.PodSpec{Containers: spec.Containers, InitContainers: spec.InitContainers}}
	limits := upstream.AggregateContainerLimits(containers, upstream.PodResourcesOptions{})
	for name, limit := range limits {
		if _, requested := out.Requests[name]; !requested && hugePage(name) {
			out.Limits = withMissing(out.Limits, corev1.ResourceList{name: limit})
		}
	}
	for name, request := range upstream.AggregateContainerRequests(containers, upstream.PodResourcesOptions{}) {
		if upstream.IsSupportedPodLevelResource(name) && !hugePage(name) {
			out.Requests = withMissing(out.Requests, corev1.ResourceList{name: request})
		}
	}
	for name, limit := range out.Limits {
		if upstream.IsSupportedPodLevelResource(name) {
			out.Requests = withMissing(out.Requests, corev1.ResourceList{name: limit})
		}
	}
	for name, request := range out.Requests {
		if limit, ok := limits[name]; ok && upstream.IsSupportedPodLevelResource(name) && allLimited(spec, name) {
			if limit.Cmp(request) < 0 {
				limit = request
			}
			out.Limits = withMissing(out.Limits, corev1.ResourceList{name: limit})
		}
	}
	return out
}

// allLimited reports whether each container and init container has a limit for the resource.
func allLimited(spec *corev1.PodSpec, name corev1.ResourceName) bool {
	for _, list := range [...][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			if _, ok := list[i].Resources.Limits[name]; !ok {
				return false
			}
		}
	}
	return true
}

// rounded returns a copy with quantities rounded up to thousandths. Nil stays nil.
func rounded(list corev1.ResourceList) corev1.ResourceList {
	if list == nil {
		return nil
	}
	out := copied(list)
	for name, quantity := range out {
		if !quantity.RoundUp(resource.Milli) {
			out[name] = quantity
		}
	}
	return out
}

func copied(list corev1.ResourceList) corev1.ResourceList {
	out := make(corev1.ResourceList, len(list))
	for name, quantity := range list {
		out[name] = quantity.DeepCopy()
	}
	return out
}

// Amount returns a quantity in the unit in which the scheduler counts the resource: cpu in
// thousandths, all others in whole numbers, rounded up (Resource.Add@v1.37.2). It saturates.
func Amount(name corev1.ResourceName, quantity resource.Quantity) int64 {
	scale := resource.Scale(0)
	if name == corev1.ResourceCPU {
		scale = resource.Milli
	}
	const large = math.MaxInt64 / 10_000
	if approximately := quantity.AsApproximateFloat64(); approximately > large || approximately < -large {
		switch {
		case quantity.Cmp(*resource.NewScaledQuantity(math.MaxInt64, scale)) >= 0:
			return math.MaxInt64
		case quantity.Cmp(*resource.NewScaledQuantity(-math.MaxInt64, scale)) <= 0:
			return -math.MaxInt64
		}
	}
	return quantity.ScaledValue(scale)
}

// Quantity is the opposite of Amount.
func Quantity(name corev1.ResourceName, amount int64) resource.Quantity {
	switch {
	case name == corev1.ResourceCPU:
		return *resource.NewMilliQuantity(amount, resource.DecimalSI)
	case name == corev1.ResourceMemory, name == corev1.ResourceEphemeralStorage, hugePage(name):
		return *resource.NewQuantity(amount, resource.BinarySI)
	}
	return *resource.NewQuantity(amount, resource.DecimalSI)
}

// Counted reports whether the scheduler counts the resource (Resource.Add,
// IsScalarResourceName @v1.37.2): cpu, memory, ephemeral-storage, and names of huge pages,
// attachable volumes and extended resources.
func Counted(name corev1.ResourceName) bool {
	switch name {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		return true
	}
	s := string(name)
	if hugePage(name) || strings.HasPrefix(s, corev1.ResourceAttachableVolumesPrefix) || strings.Contains(s, corev1.ResourceDefaultNamespacePrefix) {
		return true
	}
	return extended(name)
}

// WithLimits returns the requests. A resource without a request takes the limit
// (SetDefaults_Pod@v1.37.2).
func WithLimits(r *corev1.ResourceRequirements) corev1.ResourceList {
	out := make(corev1.ResourceList, len(r.Requests)+len(r.Limits))
	maps.Copy(out, r.Limits)
	maps.Copy(out, r.Requests)
	return out
}

// Add adds each quantity of from to the same resource in to.
func Add(to, from corev1.ResourceList) {
	for name, quantity := range from {
		sum := to[name].DeepCopy()
		sum.Add(quantity)
		to[name] = sum
	}
}

// Subtract takes each quantity of from off the same resource in to. A nil list stays nil.
func Subtract(to, from corev1.ResourceList) {
	if to == nil {
		return
	}
	for name, quantity := range from {
		rest := to[name].DeepCopy()
		rest.Sub(quantity)
		to[name] = rest
	}
}

// Port is a port of the node that a pod uses.
type Port struct {
	// IP is the address as it is written; "" and anyIP are every address.
	IP       string
	Protocol corev1.Protocol
	Number   int32
}

const anyIP = "0.0.0.0"

// EveryAddress reports whether the port is one of every address of the node.
func (p Port) EveryAddress() bool { return p.IP == "" || p.IP == anyIP }

// Conflicts reports whether the scheduler keeps the two ports on different nodes. A
// port of every address conflicts with that of any address (fitsPorts@v1.37.2).
func (p Port) Conflicts(q Port) bool {
	return p.Number == q.Number && p.Protocol == q.Protocol && (p.IP == q.IP || p.EveryAddress() || q.EveryAddress())
}

// String returns "8080/TCP" or "127.0.0.1:8080/TCP".
func (p Port) String() string {
	s := strconv.Itoa(int(p.Number)) + "/" + string(p.Protocol)
	if !p.EveryAddress() {
		s = p.IP + ":" + s
	}
	return s
}

// PortOf returns the host port of a port of a container; its number is zero if there is
// none. In the host network every declared port is a host port (SetDefaults_Pod@v1.37.2).
func PortOf(spec *corev1.PodSpec, p *corev1.ContainerPort) Port {
	port := Port{IP: p.HostIP, Protocol: cmp.Or(p.Protocol, corev1.ProtocolTCP), Number: p.HostPort}
	if port.Number == 0 && spec.HostNetwork {
		port.Number = p.ContainerPort
	}
	port.Number = max(port.Number, 0)
	return port
}

// Ports returns the host ports that the scheduler sees: those of sidecars and containers, in
// their order (GetHostPorts@v1.37.2).
func Ports(spec *corev1.PodSpec) []Port { return AppendPorts(nil, spec) }

// AppendPorts appends what Ports returns to a list.
func AppendPorts(ports []Port, spec *corev1.PodSpec) []Port {
	for i := range spec.InitContainers {
		if podstatus.Sidecar(&spec.InitContainers[i]) {
			ports = appendPortsOf(ports, spec, &spec.InitContainers[i])
		}
	}
	for i := range spec.Containers {
		ports = appendPortsOf(ports, spec, &spec.Containers[i])
	}
	return ports
}

func appendPortsOf(ports []Port, spec *corev1.PodSpec, container *corev1.Container) []Port {
	for i := range container.Ports {
		if p := PortOf(spec, &container.Ports[i]); p.Number > 0 {
			ports = append(ports, p)
		}
	}
	return ports
}

// InStatus reports whether the status of a pod has resources, so that RequestsOfPod may return
// more than Requests.
func InStatus(pod *corev1.Pod) bool {
	if len(pod.Status.AllocatedResources) > 0 || pod.Status.Resources != nil {
		return true
	}
	for _, list := range [...][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			if len(list[i].AllocatedResources) > 0 || list[i].Resources != nil {
				return true
			}
		}
	}
	return false
}

// None reports whether a pod has neither requests nor ports, at a look at its fields.
func None(spec *corev1.PodSpec) bool {
	if len(spec.Overhead) > 0 || spec.Resources != nil {
		return false
	}
	for _, list := range [...][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			if c := &list[i]; len(c.Ports) > 0 || len(c.Resources.Requests) > 0 || len(c.Resources.Limits) > 0 {
				return false
			}
		}
	}
	return true
}
