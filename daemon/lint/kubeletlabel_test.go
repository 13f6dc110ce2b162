package lint_test

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

func kubeletLabelCases() []checkCase {
	selector := func(name, why string, key string, nodes []string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: lint.CodeLabelForbiddenToKubelet, want: want,
			in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: corev1.PodSpec{NodeSelector: build.Labels{key: "x"}}}), Nodes: newNodes(nodes...)}}
	}
	info := func(key string) string { return "info " + selectorField + "[" + key + "]" }
	expression := func(name, why string, operator corev1.NodeSelectorOperator, want ...string) checkCase {
		const key = "node-role.kubernetes.io/worker"
		return checkCase{name: name, why: why, code: lint.CodeLabelForbiddenToKubelet, want: want,
			in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: corev1.PodSpec{Affinity: build.Require(labelTerm("a", corev1.NodeSelectorOpExists), labelTerm(key, operator, "5"))}})}}
	}
	at := "info " + termsField + "[1].matchExpressions[0].key"
	cases := []checkCase{
		selector("on some node", "something sets it", "node-role.kubernetes.io/worker", []string{"w1 node-role.kubernetes.io/worker=y"}, info("node-role.kubernetes.io/worker")),
		selector("on no node", "nothing seems to set it", "node-role.kubernetes.io/worker", []string{"w1"}, "warning "+selectorField+"[node-role.kubernetes.io/worker]"),
		expression("In", "must be there", corev1.NodeSelectorOpIn, at),
		expression("Exists", "must be there", corev1.NodeSelectorOpExists, at),
		expression("Gt", "must be there", corev1.NodeSelectorOpGt, at),
		expression("NotIn", "may be missing", corev1.NodeSelectorOpNotIn),
		expression("DoesNotExist", "must be missing", corev1.NodeSelectorOpDoesNotExist),
	}
	for _, key := range []string{
		"node-restriction.kubernetes.io/fips", "example.node-restriction.kubernetes.io/fips", "kubernetes.io/role", "kubernetes.io/hostnames",
		"cloud.k8s.io/x", "k8s.io/x", "mynode.kubernetes.io/x",
	} {
		cases = append(cases, selector(key, "refused by getForbiddenLabels@v1.37.2", key, nil, info(key)))
	}
	for _, key := range []string{
		"disk", "example.com/disk", "notkubernetes.io/x", "k8s.io", "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch",
		"beta.kubernetes.io/os", "beta.kubernetes.io/arch", "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type",
		"topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
		"failure-domain.beta.kubernetes.io/region", "node.kubernetes.io/x", "a.node.kubernetes.io/x", "kubelet.kubernetes.io/x", "a.kubelet.kubernetes.io/x",
	} {
		cases = append(cases, selector(key, "a kubelet may set it (IsKubeletLabel@v0.37.2)", key, nil))
	}
	return cases
}
