// Package demand reads what a pod takes from its node: requests and host ports. It serves
// daemon/lint and rollout/simulate, so that both find the same pods too large.
package demand

import (
	"cmp"
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/internal/podstatus"
)

// Requests returns what the scheduler reserves for a pod (PodRequests@v0.37.2): the
// requests of the pod as a whole, if set; otherwise the larger of two sums: all containers
// with all sidecars, or one init container with the sidecars before it. The overhead is
// added to both. A resource without a request takes the limit. The list is the caller's
// own.
func Requests(spec *corev1.PodSpec) corev1.ResourceList {
	running, starting := corev1.ResourceList{}, corev1.ResourceList{}
	for i := range spec.InitContainers {
		container := &spec.InitContainers[i]
		own := WithLimits(&container.Resources)
		if podstatus.Sidecar(container) {
			Add(running, own)
			own = corev1.ResourceList{}
		}
		Add(own, running)
		raise(starting, own)
	}
	for i := range spec.Containers {
		Add(running, WithLimits(&spec.Containers[i].Resources))
	}
	raise(running, starting)
	if pod := spec.Resources; pod != nil {
		maps.Copy(running, pod.Requests)
		for name, limit := range pod.Limits {
			// A limit of the pod counts if no container requests the resource
			// (defaultPodRequests@v1.37.2).
			if _, ok := running[name]; !ok {
				running[name] = limit
			}
		}
	}
	Add(running, spec.Overhead)
	return running
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

// raise raises each quantity in to that is smaller than the one in from.
func raise(to, from corev1.ResourceList) {
	for name, quantity := range from {
		if has, ok := to[name]; !ok || has.Cmp(quantity) < 0 {
			to[name] = quantity.DeepCopy()
		}
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
func Ports(spec *corev1.PodSpec) []Port {
	var found []Port
	add := func(container *corev1.Container) {
		for i := range container.Ports {
			if p := PortOf(spec, &container.Ports[i]); p.Number > 0 {
				found = append(found, p)
			}
		}
	}
	for i := range spec.InitContainers {
		if podstatus.Sidecar(&spec.InitContainers[i]) {
			add(&spec.InitContainers[i])
		}
	}
	for i := range spec.Containers {
		add(&spec.Containers[i])
	}
	return found
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
