package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// hostPort is a port of the node that a pod takes.
type hostPort struct {
	ip       string // as written; empty and anyIP: every address
	protocol corev1.Protocol
	port     int32
	path     *field.Path // where it is written
	sidecar  bool        // of an init container that keeps running
}

const (
	anyIP          = "0.0.0.0"
	initContainers = "initContainers"
)

func (p hostPort) everyAddress() bool { return p.ip == "" || p.ip == anyIP }

// hostPorts lists the host ports that the scheduler sees in pods of the spec:
// those of containers that run all the time (GetHostPorts@v1.37.2), declared ports
// of the host network included (SetDefaults_Pod@v1.37.2).
func hostPorts(spec *corev1.PodSpec) []hostPort {
	var found []hostPort
	add := func(list string, containers []corev1.Container) {
		for i := range containers {
			c := &containers[i]
			if list == initContainers && !isSidecar(c) {
				continue
			}
			for j, p := range c.Ports {
				path := podSpecPath().Child(list).Index(i).Child("ports").Index(j)
				hp := hostPort{ip: p.HostIP, protocol: cmp.Or(p.Protocol, corev1.ProtocolTCP), port: p.HostPort, path: path.Child("hostPort"), sidecar: list == initContainers}
				if hp.port == 0 && spec.HostNetwork {
					hp.port, hp.path = p.ContainerPort, path.Child("containerPort")
				}
				if hp.port > 0 {
					found = append(found, hp)
				}
			}
		}
	}
	add(initContainers, spec.InitContainers)
	add("containers", spec.Containers)
	return found
}

func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// conflicts is the scheduler's rule: whoever wants every address is in everybody's
// way (fitsPorts@v1.37.2).
func (p hostPort) conflicts(q hostPort) bool {
	return p.port == q.port && p.protocol == q.protocol && (p.ip == q.ip || p.everyAddress() || q.everyAddress())
}

// String writes "8080/TCP", "127.0.0.1:8080/TCP".
func (p hostPort) String() string {
	s := strconv.Itoa(int(p.port)) + "/" + string(p.protocol)
	if !p.everyAddress() {
		s = p.ip + ":" + s
	}
	return s
}

func (l *linter) ports() {
	ports := hostPorts(l.spec)
	l.surgePorts(ports)
	l.duplicatePorts(ports)
	l.kubeletPorts(ports)
	l.otherPorts(ports)
}

func (l *linter) surgePorts(ports []hostPort) {
	if !l.surges() {
		return
	}
	f := Finding{
		Code: LintSurgeHostPort, Severity: SeverityError, Field: budgetField("maxSurge"),
		Fix: "Use maxUnavailable in place of maxSurge, or do without the host port (kubernetes #106417).",
	}
	switch {
	case len(ports) > 0:
		names := make([]string, len(ports))
		for i, p := range ports {
			names[i] = p.String()
		}
		slices.Sort(names)
		names = slices.Compact(names)
		why := ""
		if l.spec.HostNetwork {
			why = ", as every declared port in the host network is"
		}
		f.Message = fmt.Sprintf("Two pods cannot share the host %s %s%s: the new pod never starts beside the old one, and the rollout stands still.",
			oneOrMany(len(names), "port", "ports"), listNames(names), why)
	case l.spec.HostNetwork:
		f.Code, f.Severity = LintSurgeHostNetwork, SeverityWarning
		f.Message = "Two pods share the host network during an update: if they listen on a fixed port, the new one crashes, and the rollout stands still."
		f.Fix = "Use maxUnavailable in place of maxSurge, unless the pods listen on nothing (kubernetes #106417)."
	default:
		return
	}
	l.add(f)
}

func (l *linter) duplicatePorts(ports []hostPort) {
	for i, p := range ports {
		first := slices.IndexFunc(ports, func(q hostPort) bool {
			return !q.sidecar && q.port == p.port && q.protocol == p.protocol && q.ip == p.ip
		})
		if p.sidecar || first == i {
			continue
		}
		l.add(Finding{
			Code: LintHostPortDuplicate, Severity: SeverityError, Field: p.path.String(),
			Message: fmt.Sprintf("The host port %s is there twice, also as %s: the API server refuses the DaemonSet or each of its pods.", p, ports[first].path),
			Fix:     "Give each container a port of its own.",
		})
	}
}

func (l *linter) kubeletPorts(ports []hostPort) {
	for _, p := range ports {
		if !p.everyAddress() || p.protocol != corev1.ProtocolTCP {
			continue
		}
		var nodes []string
		for _, node := range l.eligible {
			if node.Status.DaemonEndpoints.KubeletEndpoint.Port == p.port {
				nodes = append(nodes, node.Name)
			}
		}
		if len(nodes) == 0 {
			continue
		}
		l.add(Finding{
			Code: LintHostPortKubelet, Severity: SeverityError, Field: p.path.String(), Nodes: nodes,
			Message: fmt.Sprintf("The kubelet listens on %s on %s (%s): either the pod cannot, or it takes the kubelet's traffic.", p, counted(len(nodes), "eligible node"), listNames(nodes)),
			Fix:     "Take another host port.",
		})
	}
}

// otherPorts finds the nodes on which another DaemonSet wants the same port.
func (l *linter) otherPorts(ports []hostPort) {
	if len(ports) == 0 || len(l.eligible) == 0 {
		return
	}
	for _, other := range l.others {
		if other == nil || other.DeletionTimestamp != nil || other.Namespace == l.ds.Namespace && other.Name == l.ds.Name {
			continue
		}
		theirs := hostPorts(&other.Spec.Template.Spec)
		matcher := placement.Compile(&other.Spec.Template, l.options)
		for _, p := range ports {
			if !slices.ContainsFunc(theirs, p.conflicts) {
				continue
			}
			var nodes []string
			for _, node := range l.eligible {
				if matcher.Decide(node).Run {
					nodes = append(nodes, node.Name)
				}
			}
			if len(nodes) == 0 {
				continue
			}
			l.add(Finding{
				Code: LintHostPortConflict, Severity: SeverityError, Field: p.path.String(), Nodes: nodes,
				Message: fmt.Sprintf("DaemonSet %s/%s wants the host port %s too, on %s (%s): whichever pod comes second stays Pending.",
					other.Namespace, other.Name, p, counted(len(nodes), "node"), listNames(nodes)),
				Fix: "Take another host port, or keep the two on different nodes.",
			})
		}
	}
}
