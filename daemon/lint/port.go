package lint

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/placement"
)

// hostPort is a port of the node that a pod uses.
type hostPort struct {
	demand.Port
	path *field.Path // of the hostPort or containerPort
}

// hostPorts returns the host ports that the scheduler sees, with their paths; see
// demand.Ports.
func hostPorts(spec *corev1.PodSpec) []hostPort {
	var found []hostPort
	for i := range spec.InitContainers {
		if podstatus.Sidecar(&spec.InitContainers[i]) {
			found = append(found, initContainerPorts(spec, i)...)
		}
	}
	return append(found, containerPorts(spec)...)
}

func initContainerPorts(spec *corev1.PodSpec, i int) []hostPort {
	return portsOf(spec, &spec.InitContainers[i], podSpecPath().Child("initContainers").Index(i))
}

func containerPorts(spec *corev1.PodSpec) []hostPort {
	var found []hostPort
	for i := range spec.Containers {
		found = append(found, portsOf(spec, &spec.Containers[i], podSpecPath().Child("containers").Index(i))...)
	}
	return found
}

func portsOf(spec *corev1.PodSpec, container *corev1.Container, path *field.Path) []hostPort {
	var found []hostPort
	for i := range container.Ports {
		p := &container.Ports[i]
		name := "hostPort"
		if p.HostPort == 0 {
			name = "containerPort"
		}
		if port := demand.PortOf(spec, p); port.Number > 0 {
			found = append(found, hostPort{port, path.Child("ports").Index(i).Child(name)})
		}
	}
	return found
}

func (c *checker) ports() {
	ports := hostPorts(c.spec)
	c.surgePorts(ports)
	for i := range c.spec.InitContainers {
		c.duplicatePorts(initContainerPorts(c.spec, i))
	}
	c.duplicatePorts(containerPorts(c.spec))
	c.kubeletPorts(ports)
	c.conflictingPorts(ports)
}

func (c *checker) surgePorts(ports []hostPort) {
	if !c.surges() {
		return
	}
	f := Finding{
		Code: CodeSurgeHostPort, Severity: SeverityError, Field: budgetField("maxSurge"),
		Fix: "Use maxUnavailable instead of maxSurge, or remove the host port (kubernetes #106417).",
	}
	switch {
	case len(ports) > 0:
		names := make([]string, len(ports))
		for i, p := range ports {
			names[i] = p.String()
		}
		slices.Sort(names)
		names = slices.Compact(names)
		f.Message = fmt.Sprintf("Two pods cannot share the host %s %s. The new pod never starts beside the old one, and the rollout gets stuck.",
			plural(len(names), "port", "ports"), listNames(names))
		if c.spec.HostNetwork {
			f.Message += " In the host network every declared port is a host port."
		}
	case c.spec.HostNetwork:
		f.Code, f.Severity = CodeSurgeHostNetwork, SeverityWarning
		f.Message = "During an update two pods share the host network. If they listen on a fixed port, the new pod crashes, and the rollout gets stuck."
		f.Fix = "Use maxUnavailable instead of maxSurge, unless the pods listen on no port (kubernetes #106417)."
	default:
		return
	}
	c.add(f)
}

// duplicatePorts compares the ports that the API server compares: those of all
// containers, and those of one init container, because init containers run one by one
// (validateInitContainers, AccumulateUniqueHostPorts @v1.37.2).
func (c *checker) duplicatePorts(ports []hostPort) {
	first := make(map[hostPort]*field.Path, len(ports))
	for _, p := range ports {
		key := p
		key.path = nil
		at, repeated := first[key]
		if !repeated {
			first[key] = p.path
			continue
		}
		c.add(Finding{
			Code: CodeHostPortDuplicate, Severity: SeverityError, Field: p.path.String(),
			Message: fmt.Sprintf("The host port %s is also %s. The API server refuses the DaemonSet or each of its pods.", p, at),
			Fix:     "Use each host port once.",
		})
	}
}

func (c *checker) kubeletPorts(ports []hostPort) {
	byPort := make(map[int32][]string)
	for _, node := range c.eligible {
		port := node.Status.DaemonEndpoints.KubeletEndpoint.Port
		byPort[port] = append(byPort[port], node.Name)
	}
	for _, p := range ports {
		nodes := slices.Clone(byPort[p.Number])
		if len(nodes) == 0 || !p.EveryAddress() || p.Protocol != corev1.ProtocolTCP {
			continue
		}
		c.add(Finding{
			Code: CodeHostPortKubelet, Severity: SeverityError, Field: p.path.String(), Nodes: nodes,
			Message: fmt.Sprintf("The kubelet uses %s on %s (%s). The pod cannot listen on it, or receives the kubelet's traffic.", p, counted(len(nodes), "eligible node"), listNames(nodes)),
			Fix:     "Use another host port.",
		})
	}
}

func (c *checker) conflictingPorts(ports []hostPort) {
	if len(ports) == 0 || len(c.eligible) == 0 {
		return
	}
	for _, other := range c.others {
		if other.DeletionTimestamp != nil || c.isItself(other) {
			continue
		}
		theirs := hostPorts(&other.Spec.Template.Spec)
		both := slices.DeleteFunc(slices.Clone(ports), func(p hostPort) bool {
			return !slices.ContainsFunc(theirs, func(q hostPort) bool { return p.Conflicts(q.Port) })
		})
		if len(both) == 0 {
			continue
		}
		matcher := placement.Compile(&other.Spec.Template, c.options)
		var nodes []string
		for _, node := range c.eligible {
			if matcher.Decide(node).Run {
				nodes = append(nodes, node.Name)
			}
		}
		if len(nodes) == 0 {
			continue
		}
		for _, p := range both {
			c.add(Finding{
				Code: CodeHostPortConflict, Severity: SeverityError, Field: p.path.String(), Nodes: slices.Clone(nodes),
				Message: fmt.Sprintf("DaemonSet %s also uses the host port %s on %s (%s). On these nodes the second pod stays Pending.",
					nameOf(other), p, counted(len(nodes), "node"), listNames(nodes)),
				Fix: "Use another host port, or run the two DaemonSets on different nodes.",
			})
		}
	}
}

// isItself reports whether the other DaemonSet is the checked one. A manifest without
// a namespace may be for any.
func (c *checker) isItself(other *appsv1.DaemonSet) bool {
	return other.Name == c.ds.Name && (c.ds.Namespace == "" || other.Namespace == c.ds.Namespace)
}

// nameOf returns "namespace/name", or the name if there is no namespace.
func nameOf(ds *appsv1.DaemonSet) string {
	if ds.Namespace == "" {
		return orQuotes(ds.Name)
	}
	return ds.Namespace + "/" + orQuotes(ds.Name)
}
