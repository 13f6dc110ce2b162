package lint_test

import (
	"fmt"

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
	const role = "node-role.kubernetes.io/worker"
	terms := func(name, why string, nodes []string, says string, terms []corev1.NodeSelectorTerm, want ...string) checkCase {
		return checkCase{name: name, why: why, code: lint.CodeLabelForbiddenToKubelet, says: says, want: want,
			in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: corev1.PodSpec{Affinity: build.Require(terms...)}}), Nodes: newNodes(nodes...)}}
	}
	expression := func(name, why string, term corev1.NodeSelectorTerm, want ...string) checkCase {
		return terms(name, why, nil, "", []corev1.NodeSelectorTerm{term}, want...)
	}
	exists := func(key string) corev1.NodeSelectorTerm { return labelTerm(key, corev1.NodeSelectorOpExists) }
	ssd := labelTerm("disk", corev1.NodeSelectorOpIn, "ssd")
	at := func(severity string, term int) string {
		return fmt.Sprintf("%s %s[%d].matchExpressions[0].key", severity, termsField, term)
	}
	cases := []checkCase{
		selector("on some node", "something sets it", role, []string{"w1 " + role + "=y"}, info(role)),
		selector("on no node", "nothing seems to set it", role, []string{"w1"}, "warning "+selectorField+"["+role+"]"),
		{name: "malformed labels", why: "nothing can set them", code: lint.CodeLabelForbiddenToKubelet, want: []string{"warning " + selectorField + "[" + role + "]"},
			in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: corev1.PodSpec{NodeSelector: build.Labels{"node-role.kubernetes.io/a b": "", "kubernetes.io/x": "a=b", role: ""}}}), Nodes: newNodes("w1")}},
		expression("In", "must be there", labelTerm(role, corev1.NodeSelectorOpIn, "5"), at("info", 0)),
		expression("Exists", "must be there", labelTerm(role, corev1.NodeSelectorOpExists), at("info", 0)),
		expression("Gt", "must be there", labelTerm(role, corev1.NodeSelectorOpGt, "5"), at("info", 0)),
		expression("NotIn", "may be missing", labelTerm(role, corev1.NodeSelectorOpNotIn, "5")),
		expression("DoesNotExist", "must be missing", labelTerm(role, corev1.NodeSelectorOpDoesNotExist)),
		terms("only term", "no other term can match", []string{"w1"}, "Until something else sets the label, no node matches.", []corev1.NodeSelectorTerm{exists(role)}, at("warning", 0)),
		terms("another term", "w1 matches the other term without the label", []string{"w1 disk=ssd"}, "Until something else sets the label, no node matches this term. Not every term needs the label.",
			[]corev1.NodeSelectorTerm{exists(role), ssd}, at("info", 0)),
		terms("another term, on some node", "a new node may match the other term", []string{"w1 " + role + "=y"}, "A new node does not match this term until something else sets the label. Not every term needs the label.",
			[]corev1.NodeSelectorTerm{ssd, exists(role)}, at("info", 1)),
		terms("another term, without nodes", "a new node may match the other term", nil, "A new node does not match this term until", []corev1.NodeSelectorTerm{exists(role), ssd}, at("info", 0)),
		terms("another term by name", "a node matches it without any label", []string{"w1"}, "Not every term needs the label.", []corev1.NodeSelectorTerm{exists(role), {
			MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"w1"}}}}}, at("info", 0)),
		terms("another label", "one of the two labels is enough", []string{"w1"}, "no node matches this term", []corev1.NodeSelectorTerm{exists(role), exists("k8s.io/x")}, at("info", 0), at("info", 1)),
		terms("every term", "no term matches without the label", []string{"w1"}, "no node matches.", []corev1.NodeSelectorTerm{exists(role), labelTerm(role, corev1.NodeSelectorOpIn, "y")}, at("warning", 0), at("warning", 1)),
		terms("beside terms that match nothing", "they do not help a node", []string{"w1"}, "no node matches.", []corev1.NodeSelectorTerm{exists(role), {}, labelTerm("disk", "Near")}, at("warning", 0)),
		terms("term that does not parse", "it has no effect", []string{"w1"}, "", []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: role, Operator: corev1.NodeSelectorOpExists}, {Key: "disk", Operator: "Near"}}}}),
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
