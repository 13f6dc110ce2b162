package lint_test

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

func requestCases() []checkCase {
	type res = corev1.ResourceRequirements
	container := func(r res) corev1.Container { return corev1.Container{Name: "c", Resources: r} }
	requests := func(list ...string) res { return res{Requests: amounts(list...)} }
	// set adds no requests, unlike soundSet.
	set := func(surge string, spec corev1.PodSpec) *appsv1.DaemonSet {
		return build.Set{MaxSurge: surge, Spec: spec}.Object()
	}
	missing := func(name, why string, spec corev1.PodSpec, says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: lint.CodeRequestsMissing, in: daemon.Input{DaemonSet: set("", spec)}, says: says, want: want}
	}
	containers := func(list ...corev1.Container) corev1.PodSpec { return corev1.PodSpec{Containers: list} }
	always := new(corev1.ContainerRestartPolicyAlways)
	ofPod := func(pod res, spec corev1.PodSpec) corev1.PodSpec {
		spec.Resources = &pod
		return spec
	}
	nodes := func(allocatable ...corev1.ResourceList) []*corev1.Node {
		list := newNodes(fiveNodes[:len(allocatable)]...)
		for i := range list {
			list[i].Status.Allocatable = allocatable[i]
		}
		return list
	}
	capacity := func(list corev1.ResourceList) []*corev1.Node {
		nodes := nodes(nil)
		nodes[0].Status.Capacity = list
		return nodes
	}
	fits := func(code lint.Code, name, why, surge string, spec corev1.PodSpec, nodes []*corev1.Node, says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: set(surge, spec), Nodes: nodes}, says: says, want: want}
	}
	cpu := func(amount string) corev1.PodSpec {
		return containers(container(requests("cpu", amount, "memory", "1Gi")))
	}
	small, large := amounts("cpu", "1", "memory", "4Gi"), amounts("cpu", "4", "memory", "16Gi")
	const exceed = lint.CodeRequestsExceedNode
	errorAt, warningAt := "error "+containersField, "warning "+containersField
	started := func(init ...corev1.Container) corev1.PodSpec {
		spec := cpu("600m")
		spec.InitContainers = init
		return spec
	}
	sidecar := func(r res) corev1.Container { return corev1.Container{Resources: r, RestartPolicy: always} }

	malformed := func(name, why string, spec corev1.PodSpec, says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: lint.CodeResourcesMalformed, in: daemon.Input{DaemonSet: set("", spec)}, says: says, want: want}
	}

	return []checkCase{
		malformed("below zero", "nothing is taken", cpu("-1"), "The requests, limits or overhead are malformed: Invalid value: \"-1\": must not be below zero.", errorAt+"[0].resources.requests[cpu]"),
		malformed("above the limit", "never", containers(container(res{Requests: amounts("cpu", "2", "memory", "1Gi"), Limits: amounts("cpu", "1")})), "", errorAt+"[0].resources.requests[cpu]"),
		malformed("no resource", "it has no domain", containers(container(requests("cpu", "1", "memory", "1Gi", "gpu", "1"))), "The requests, limits or overhead are malformed: Invalid value: \"gpu\": must be cpu, ", errorAt+"[0].resources.requests[gpu]"),
		malformed("well", "the limit is above the request", containers(container(res{Requests: amounts("cpu", "1", "memory", "1Gi"), Limits: amounts("cpu", "2")})), ""),
		missing("none", "the scheduler reserves nothing", containers(container(res{})), "c requests no cpu and no memory", "warning "+containersField+"[0].resources.requests"),
		missing("no memory", "a finding for each", containers(container(requests("cpu", "1")), container(requests("memory", "1"))), "requests no memory. The scheduler reserves nothing for it. When a node runs out of memory, ",
			"warning "+containersField+"[0].resources.requests", "warning "+containersField+"[1].resources.requests"),
		missing("limits", "count as requests", containers(container(res{Limits: amounts("cpu", "1", "memory", "1")})), ""),
		missing("both", "complete", containers(container(requests("cpu", "1", "memory", "1"))), ""),
		missing("of the pod", "the pod has them", ofPod(requests("cpu", "1", "memory", "1"), containers(container(res{}))), ""),
		missing("limits of the pod", "count as its requests", ofPod(res{Limits: amounts("memory", "1")}, containers(container(res{}))), "requests no cpu. The scheduler reserves nothing for it.", "warning "+containersField+"[0].resources.requests"),
		missing("sidecar", "runs all the time", started(sidecar(res{})), `Container "" requests no cpu and no memory.`, "warning spec.template.spec.initContainers[0].resources.requests"),
		missing("init container", "is over before the pod runs", started(container(res{})), ""),

		fits(exceed, "too large", "for one of two nodes", "", cpu("2"), nodes(small, large), "The pod requests 2 cpu. 1 eligible node (w1) has less than that to allocate,", errorAt+" w1"),
		fits(exceed, "exactly", "fits", "", cpu("1"), nodes(small, large), ""),
		fits(exceed, "containers together", "add up", "", containers(container(requests("cpu", "600m")), container(requests("cpu", "600m"))), nodes(small), "requests 1200m cpu.", errorAt+" w1"),
		fits(exceed, "large init container", "needs it for a while", "", started(container(requests("cpu", "2"))), nodes(small), "", errorAt+" w1"),
		fits(exceed, "init container by itself", "runs before the others", "", started(container(requests("cpu", "900m"))), nodes(small), ""),
		fits(exceed, "init container after a sidecar", "runs beside it", "", started(sidecar(requests("cpu", "300m")), container(requests("cpu", "900m"))), nodes(small), "1200m", errorAt+" w1"),
		fits(exceed, "sidecar", "runs beside the containers", "", started(sidecar(requests("cpu", "500m"))), nodes(small), "1100m", errorAt+" w1"),
		fits(exceed, "of the pod", "in place of the containers'", "", ofPod(requests("cpu", "2"), cpu("500m")), nodes(small), "", errorAt+" w1"),
		fits(exceed, "limits of the pod", "the containers' requests count", "", ofPod(res{Limits: amounts("cpu", "2")}, cpu("500m")), nodes(small), ""),
		fits(exceed, "overhead", "is added", "", func() corev1.PodSpec { s := cpu("1"); s.Overhead = amounts("cpu", "1m"); return s }(), nodes(small), "1001m", errorAt+" w1"),
		fits(exceed, "limits alone", "count as requests", "", containers(container(res{Limits: amounts("cpu", "2")})), nodes(small), "", errorAt+" w1"),
		fits(exceed, "capacity", "a node without allocatable allocates it", "", cpu("2"), capacity(small), "The pod requests 2 cpu.", errorAt+" w1"),
		fits(exceed, "unknown there", "the device is on no such node", "", containers(container(requests("example.com/gpu", "1"))), nodes(small, amounts("example.com/gpu", "1")), "The pod requests 1 example.com/gpu. 1 eligible node (w1) does not have it to allocate,", warningAt+" w1"),
		fits(exceed, "none of it", "requests nothing", "", containers(container(requests("example.com/gpu", "0"))), nodes(small), ""),
		fits(exceed, "nodes do not say", "not known", "", cpu("2"), nodes(nil, nil), ""),
		fits(exceed, "not eligible", "has no pod", "", func() corev1.PodSpec { s := cpu("2"); s.NodeName = "w2"; return s }(), nodes(small, large), ""),

		fits(lint.CodeSurgeRequests, "two do not fit", "the node has room for one", "1", cpu("600m"), nodes(small, large), "Two pods request 1200m cpu. 1 eligible node (w1) has less than that to allocate.", "error "+surgeField+" w1"),
		fits(lint.CodeSurgeRequests, "two fit", "just", "1", cpu("500m"), nodes(small, large), ""),
		fits(lint.CodeSurgeRequests, "not even one", "has a code of its own", "1", cpu("2"), nodes(small), ""),
		fits(lint.CodeSurgeRequests, "without surge", "there are never two pods", "", cpu("600m"), nodes(small), ""),
	}
}
