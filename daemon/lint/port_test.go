package lint_test

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

const (
	containersField = "spec.template.spec.containers"
	initField       = "spec.template.spec.initContainers"
)

func portCases() []checkCase {
	type port = corev1.ContainerPort
	spec := func(ports ...port) corev1.PodSpec {
		return corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Ports: ports}}}
	}
	network := func(spec corev1.PodSpec) corev1.PodSpec {
		spec.HostNetwork = true
		return spec
	}
	two := func(a, b port) corev1.PodSpec {
		return corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Ports: []port{a}}, {Name: "b", Ports: []port{b}}}}
	}
	initContainer := func(spec corev1.PodSpec, ports ...port) corev1.PodSpec {
		spec.InitContainers = append(spec.InitContainers, corev1.Container{Name: "i", Ports: ports})
		return spec
	}
	sidecar := func(spec corev1.PodSpec, ports ...port) corev1.PodSpec {
		spec = initContainer(spec, ports...)
		spec.InitContainers[0].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		return spec
	}
	duplicate := func(name, why string, spec corev1.PodSpec, want ...string) checkCase {
		return checkCase{name: name, why: why, code: lint.CodeHostPortDuplicate, in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: spec})}, want: want}
	}
	kubelet := func(name, why string, p port, want ...string) checkCase {
		nodes := newNodes("w1", "w2", "w3 edge=true")
		nodes[0].Status.DaemonEndpoints.KubeletEndpoint.Port = 10250
		nodes[2].Status.DaemonEndpoints.KubeletEndpoint.Port = 10250
		s := spec(p)
		s.Affinity = build.Require(labelTerm("edge", corev1.NodeSelectorOpDoesNotExist))
		return checkCase{name: name, why: why, code: lint.CodeHostPortKubelet, in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: s}), Nodes: nodes}, want: want}
	}
	others := func(name, why string, mine corev1.PodSpec, nodes []string, says string, others []build.Set, want ...string) checkCase {
		in := daemon.Input{DaemonSet: soundSet(build.Set{Spec: mine}), Nodes: newNodes(nodes...)}
		var opts lint.Options
		for _, other := range others {
			opts.OtherDaemonSets = append(opts.OtherDaemonSets, other.Object())
		}
		return checkCase{name: name, why: why, code: lint.CodeHostPortConflict, in: in, opts: opts, says: says, want: want}
	}
	other := func(spec corev1.PodSpec) []build.Set { return []build.Set{{Name: "other", Spec: spec}} }
	only := func(zone string, spec corev1.PodSpec) corev1.PodSpec {
		spec.NodeSelector = build.Labels{"zone": zone}
		return spec
	}
	in := func(spec corev1.PodSpec, zones ...string) corev1.PodSpec {
		spec.Affinity = build.Require(labelTerm("zone", corev1.NodeSelectorOpIn, zones...))
		return spec
	}
	// unplaced has a manifest without a namespace.
	unplaced := func(tc checkCase) checkCase {
		tc.in.DaemonSet.Namespace = ""
		return tc
	}
	nodes := []string{"w1 zone=a", "w2 zone=b"}
	at := containersField + "[0].ports[0].hostPort"

	return []checkCase{
		duplicate("same port", "two containers cannot listen on one port", two(port{HostPort: 80}, port{HostPort: 80, Protocol: corev1.ProtocolTCP}), "error "+containersField+"[1].ports[0].hostPort"),
		duplicate("made by the host network", "the API server accepts the DaemonSet and refuses the pods", network(two(port{ContainerPort: 80}, port{ContainerPort: 80})), "error "+containersField+"[1].ports[0].containerPort"),
		duplicate("three times", "each but the first", spec(port{HostPort: 80}, port{HostPort: 80}, port{HostPort: 80}), "error "+containersField+"[0].ports[1].hostPort", "error "+containersField+"[0].ports[2].hostPort"),
		duplicate("container ports", "a container port is no host port", two(port{ContainerPort: 80}, port{ContainerPort: 80})),
		duplicate("other protocol", "is another port", two(port{HostPort: 53}, port{HostPort: 53, Protocol: corev1.ProtocolUDP})),
		duplicate("other address", "is another port", two(port{HostPort: 53, HostIP: "10.0.0.1"}, port{HostPort: 53, HostIP: "10.0.0.2"})),
		duplicate("sidecar and container", "the API server compares each init container with itself only", sidecar(spec(port{HostPort: 80}), port{HostPort: 80})),
		duplicate("sidecar twice", "each init container is checked", sidecar(spec(port{HostPort: 80}), port{HostPort: 81}, port{HostPort: 81}), "error "+initField+"[0].ports[1].hostPort"),
		duplicate("init container twice", "each init container is checked", initContainer(spec(), port{HostPort: 80}, port{HostPort: 80, Protocol: corev1.ProtocolTCP}), "error "+initField+"[0].ports[1].hostPort"),
		duplicate("two init containers", "they run one after the other", initContainer(initContainer(spec(), port{HostPort: 80}), port{HostPort: 80})),
		duplicate("init container in the host network", "its ports become host ports too", network(initContainer(spec(), port{ContainerPort: 80}, port{ContainerPort: 80})), "error "+initField+"[0].ports[1].containerPort"),

		kubelet("the kubelet's", "w1 is eligible and has that port", port{HostPort: 10250}, "error "+at+" w1"),
		kubelet("another", "free", port{HostPort: 10251}),
		kubelet("UDP", "the kubelet listens on TCP", port{HostPort: 10250, Protocol: corev1.ProtocolUDP}),
		kubelet("one address", "the kubelet may be on another", port{HostPort: 10250, HostIP: "127.0.0.1"}),
		kubelet("container port", "a container port is no host port", port{ContainerPort: 10250}),

		others("same port", "on all nodes", spec(port{HostPort: 80}), nodes, "DaemonSet kube-system/other also uses the host port 80/TCP on 2 nodes (w1 and w2). On these nodes the second pod", other(spec(port{HostPort: 80})), "error "+at+" w1 w2"),
		others("some nodes", "only where both run", spec(port{HostPort: 80}), nodes, "", other(only("b", spec(port{HostPort: 80}))), "error "+at+" w2"),
		others("different nodes", "never meet", only("a", spec(port{HostPort: 80})), nodes, "", other(only("b", spec(port{HostPort: 80})))),
		others("every address", "includes each", spec(port{HostPort: 80, HostIP: "10.0.0.1"}), nodes, "10.0.0.1:80/TCP", other(spec(port{HostPort: 80, HostIP: "0.0.0.0"})), "error "+at+" w1 w2"),
		others("two addresses", "differ", spec(port{HostPort: 80, HostIP: "10.0.0.1"}), nodes, "", other(spec(port{HostPort: 80, HostIP: "10.0.0.2"}))),
		others("protocols", "differ", spec(port{HostPort: 80}), nodes, "", other(spec(port{HostPort: 80, Protocol: corev1.ProtocolUDP}))),
		others("host network", "makes declared ports host ports", spec(port{HostPort: 80}), nodes, "", other(network(spec(port{ContainerPort: 80}))), "error "+at+" w1 w2"),
		others("two others", "a finding for each", spec(port{HostPort: 80}), nodes, "kube-system/a ", []build.Set{
			{Name: "b", Spec: spec(port{HostPort: 80})}, {Name: "a", Spec: spec(port{HostPort: 80})}}, "error "+at+" w1 w2", "error "+at+" w1 w2"),
		others("itself", "the list holds all DaemonSets", spec(port{HostPort: 80}), nodes, "", []build.Set{{Spec: spec(port{HostPort: 80})}}),
		unplaced(others("itself, from a manifest without namespace", "the live object has one", spec(port{HostPort: 80}), nodes, "", []build.Set{{Spec: spec(port{HostPort: 80})}})),
		unplaced(others("another, from a manifest without namespace", "has another name", spec(port{HostPort: 80}), nodes, "", other(spec(port{HostPort: 80})), "error "+at+" w1 w2")),
		others("two others, some nodes", "the order is that of the names", spec(port{HostPort: 80}), []string{"w1 zone=a", "w2 zone=a", "w3 zone=a", "w4 zone=b", "w5 zone=c"}, "(w1, w2, w3 and 1 more)", []build.Set{
			{Name: "other", Spec: in(spec(port{HostPort: 80}), "a", "c")}, {Name: "another", Spec: in(spec(port{HostPort: 80}), "a", "b")}}, "error "+at+" w1 w2 w3 w4", "error "+at+" w1 w2 w3 w5"),
		others("being deleted", "goes away", spec(port{HostPort: 80}), nodes, "", []build.Set{{Name: "other", Deleting: true, Spec: spec(port{HostPort: 80})}}),
		others("no nodes given", "not known where they run", spec(port{HostPort: 80}), nil, "", other(spec(port{HostPort: 80}))),
	}
}

func surgePortCases() []checkCase {
	port := func(host int32) func(*corev1.PodSpec) {
		return func(spec *corev1.PodSpec) {
			spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: host}}
		}
	}
	network := func(change func(*corev1.PodSpec)) func(*corev1.PodSpec) {
		return func(spec *corev1.PodSpec) {
			spec.HostNetwork = true
			if change != nil {
				change(spec)
			}
		}
	}
	initPort := func(policy *corev1.ContainerRestartPolicy) func(*corev1.PodSpec) {
		return func(spec *corev1.PodSpec) {
			spec.InitContainers = []corev1.Container{{Name: "i", RestartPolicy: policy, Ports: []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}}}
		}
	}
	c := func(code lint.Code, name, why string, set build.Set, change func(*corev1.PodSpec), says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: soundSpec(set, change)}, says: says, want: want}
	}
	surge := build.Set{MaxSurge: "1%"}
	atSurge := "error " + surgeField
	return []checkCase{
		c(lint.CodeSurgeHostPort, "host port", "two pods cannot share it", surge, port(8080), "host port 8080/TCP.", atSurge),
		c(lint.CodeSurgeHostPort, "without surge", "there are never two pods", build.Set{}, port(8080), ""),
		c(lint.CodeSurgeHostPort, "container port", "takes nothing of the node", surge, port(0), ""),
		c(lint.CodeSurgeHostPort, "declared in the host network", "the pod's defaults make it a host port", surge, network(port(0)), "In the host network every declared port is a host port.", atSurge),
		c(lint.CodeSurgeHostPort, "sidecar", "runs all the time", surge, initPort(new(corev1.ContainerRestartPolicyAlways)), "", atSurge),
		c(lint.CodeSurgeHostPort, "init container", "the scheduler does not look at it", surge, initPort(nil), ""),
		c(lint.CodeSurgeHostPort, "several", "the message names each once", surge, func(spec *corev1.PodSpec) {
			spec.Containers[0].Ports = []corev1.ContainerPort{
				{HostPort: 53, Protocol: corev1.ProtocolUDP}, {HostPort: 53, HostIP: "10.0.0.1"}, {HostPort: 53, Protocol: corev1.ProtocolUDP}}
		}, "host ports 10.0.0.1:53/TCP and 53/UDP.", atSurge),
		{
			name: "surge beside OnDelete", why: "the strategy makes no use of it", code: lint.CodeSurgeHostPort,
			in: daemon.Input{DaemonSet: soundSet(surge, func(ds *appsv1.DaemonSet) {
				ds.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
				port(80)(&ds.Spec.Template.Spec)
			})},
		},
		c(lint.CodeSurgeHostNetwork, "nothing declared", "the pods may listen on any port", surge, network(nil), "", "warning "+surgeField),
		c(lint.CodeSurgeHostNetwork, "declared", "gives SurgeHostPort", surge, network(port(0)), ""),
		c(lint.CodeSurgeHostNetwork, "without surge", "there are never two pods", build.Set{}, network(nil), ""),
	}
}
