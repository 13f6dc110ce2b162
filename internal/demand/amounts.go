package demand

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	upstream "k8s.io/component-helpers/resource"

	"github.com/pernode/daemonset/internal/podstatus"
)

// AmountsOfPod writes what RequestsOfPod returns for the given resources to amounts, in the
// unit of Amount and in their order. It allocates nothing, unless the pod has resources as a
// whole, or an amount below zero or finer than the unit.
func AmountsOfPod(amounts []int64, names []corev1.ResourceName, pod *corev1.Pod) {
	if exactAmounts(amounts, names, pod) {
		return
	}
	requests := RequestsOfPod(pod)
	for i, name := range names {
		amounts[i] = 0
		if quantity, ok := requests[name]; ok {
			amounts[i] = Amount(name, quantity)
		}
	}
}

// exactAmounts is AmountsOfPod without quantities: it counts in whole units. It reports false if
// that is not possible. As no amount is below zero, it does not matter when a sum saturates.
func exactAmounts(amounts []int64, names []corev1.ResourceName, pod *corev1.Pod) bool {
	if pod.Spec.Resources != nil {
		return false
	}
	c := counter{pod: pod, exact: true, infeasible: upstream.IsPodResizeInfeasible(pod)}
	allocated, actuated := hasStatus(pod)
	for i, name := range names {
		c.name = name
		amount := int64(0)
		if !c.infeasible {
			amount = c.sum(ofSpec)
		}
		// AggregateContainerRequests@v0.37.2
		if s := &pod.Status; s.AllocatedResources != nil && s.Resources != nil && s.Resources.Requests != nil {
			amount = max(amount, c.amount(s.AllocatedResources), c.amount(s.Resources.Requests))
		} else {
			if allocated || c.infeasible {
				amount = max(amount, c.sum(ofAllocated))
			}
			if actuated {
				amount = max(amount, c.sum(ofActuated))
			}
		}
		amounts[i] = Plus(amount, c.amount(pod.Spec.Overhead))
	}
	return c.exact
}

// hasStatus reports whether any container has AllocatedResources, and whether any has Resources.
// Where a container lacks one, upstream's next fallback counts.
func hasStatus(pod *corev1.Pod) (allocated, actuated bool) {
	for _, list := range [...][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			allocated = allocated || list[i].AllocatedResources != nil
			actuated = actuated || list[i].Resources != nil && list[i].Resources.Requests != nil
		}
	}
	return allocated, actuated
}

// source says where the request of a container is written.
type source int8

const (
	ofSpec source = iota
	ofAllocated
	ofActuated
)

// counter adds up the requests of one resource in a pod.
type counter struct {
	pod        *corev1.Pod
	name       corev1.ResourceName
	infeasible bool // the kubelet cannot do what the spec says
	exact      bool // no amount so far is below zero or finer than the unit
}

// sum returns the request of all containers, or of an init container if that is larger
// (aggregateContainerResourcesByFn@v0.37.2).
func (c *counter) sum(from source) int64 {
	spec := &c.pod.Spec
	all, sidecars, largest := int64(0), int64(0), int64(0)
	for i := range spec.Containers {
		all = Plus(all, c.container(&spec.Containers[i], from))
	}
	for i := range spec.InitContainers {
		amount := c.container(&spec.InitContainers[i], from)
		if podstatus.Sidecar(&spec.InitContainers[i]) {
			all = Plus(all, amount)
			sidecars = Plus(sidecars, amount)
			amount = 0
		}
		largest = max(largest, Plus(amount, sidecars))
	}
	return max(all, largest)
}

// container returns the request of a container (containerSpecRequests, containerAllocatedRequests,
// containerActuatedRequests @v0.37.2).
func (c *counter) container(container *corev1.Container, from source) int64 {
	if from != ofSpec {
		if status := statusOf(c.pod, container.Name); status != nil {
			if from == ofActuated && status.Resources != nil && status.Resources.Requests != nil {
				return c.amount(status.Resources.Requests)
			}
			if status.AllocatedResources != nil {
				return c.amount(status.AllocatedResources)
			}
		}
		if c.infeasible {
			return 0
		}
	}
	if _, ok := container.Resources.Requests[c.name]; !ok {
		return c.amount(container.Resources.Limits)
	}
	return c.amount(container.Resources.Requests)
}

// statusOf returns the status of a container or an init container, or nil.
func statusOf(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for _, list := range [...][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// amount returns what a list has of the resource.
func (c *counter) amount(list corev1.ResourceList) int64 {
	if len(list) == 0 {
		return 0
	}
	quantity, ok := list[c.name]
	if !ok {
		return 0
	}
	amount, exact := exactAmount(c.name, &quantity)
	c.exact = c.exact && exact
	return amount
}

// exactAmount returns what Amount does. It reports false if the amount is below zero, rounded or
// too large.
func exactAmount(name corev1.ResourceName, quantity *resource.Quantity) (int64, bool) {
	whole, ok := quantity.AsInt64()
	switch {
	case name != corev1.ResourceCPU:
		return whole, ok && whole >= 0
	case ok:
		return whole * 1000, 0 <= whole && whole <= math.MaxInt64/1000
	}
	amount := quantity.MilliValue()
	return amount, amount >= 0 && quantity.Cmp(*resource.NewMilliQuantity(amount, resource.DecimalSI)) == 0
}

// Plus adds two amounts and saturates.
func Plus(a, b int64) int64 {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	default:
		return sum
	}
}
