package daemon_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

const (
	termsField    = "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
	selectorField = "spec.template.spec.nodeSelector"
)

func labelTerm(key string, operator corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
	return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
}

func lintPlacementCases() []lintCase {
	const in = corev1.NodeSelectorOpIn
	affinity := func(code daemon.LintCode, name, why string, terms []corev1.NodeSelectorTerm, nodes []string, want ...string) lintCase {
		return lintCase{name: name, why: why, code: code, want: want,
			in: daemon.LintInput{DaemonSet: lintSet(build.Set{Spec: corev1.PodSpec{Affinity: build.Require(terms...)}}), Nodes: lintNodes(nodes...)}}
	}
	terms := func(terms ...corev1.NodeSelectorTerm) []corev1.NodeSelectorTerm { return terms }
	spec := func(code daemon.LintCode, name, why string, spec corev1.PodSpec, nodes []*corev1.Node, says string, want ...string) lintCase {
		return lintCase{name: name, why: why, code: code, in: daemon.LintInput{DaemonSet: lintSet(build.Set{Spec: spec}), Nodes: nodes}, says: says, want: want}
	}
	near := labelTerm("disk", "Near", "x")
	gpu := labelTerm("gpu", corev1.NodeSelectorOpExists)
	nodes := lintNodes("w1 disk=ssd zone=a", "w2 disk=hdd zone=b")
	tainted := []*corev1.Node{
		build.Node{Name: "w1", Labels: build.Labels{"disk": "ssd"}, Taints: []corev1.Taint{build.NoSchedule("gpu")}}.Object(),
		build.Node{Name: "w2", Labels: build.Labels{"disk": "hdd"}}.Object(),
	}
	system := func(os corev1.OSName) *corev1.PodOS { return &corev1.PodOS{Name: os} }
	mixed := lintNodes("l1 kubernetes.io/os=linux", "w1 kubernetes.io/os=windows", "w2 kubernetes.io/os=windows")

	return []lintCase{
		affinity(daemon.LintAffinityMalformed, "unknown operator", "does not parse", terms(near), nil, "error "+termsField+"[0].matchExpressions[0].operator"),
		affinity(daemon.LintAffinityMalformed, "second term", "the path names it", terms(gpu, labelTerm("disk", in)), nil, "error "+termsField+"[1].matchExpressions[0].values"),
		affinity(daemon.LintAffinityMalformed, "well-formed", "parses", terms(gpu), nil),
		affinity(daemon.LintAffinityEmpty, "no terms", "match nothing", nil, nil, "error "+termsField),
		affinity(daemon.LintAffinityEmpty, "empty term alone", "runs nowhere", terms(corev1.NodeSelectorTerm{}), nil, "error "+termsField+"[0]"),
		affinity(daemon.LintAffinityEmpty, "empty beside malformed", "neither can match", terms(near, corev1.NodeSelectorTerm{}), nil, "error "+termsField+"[1]"),
		affinity(daemon.LintAffinityEmpty, "empty beside another", "the other one counts", terms(gpu, corev1.NodeSelectorTerm{}), nil, "warning "+termsField+"[1]"),
		affinity(daemon.LintAffinityEmpty, "one of two malformed", "the path of the error is not that of the empty term", terms(gpu, near, corev1.NodeSelectorTerm{}), nil, "warning "+termsField+"[2]"),
		affinity(daemon.LintAffinityEmpty, "filled", "can match", terms(gpu), nil),
		affinity(daemon.LintAffinityNoNode, "no such label", "no node matches", terms(gpu), []string{"w1"}, "warning "+strings.TrimSuffix(termsField, ".nodeSelectorTerms")),
		affinity(daemon.LintAffinityNoNode, "ORed terms", "one matches", terms(gpu, labelTerm("disk", in, "ssd")), []string{"w1 disk=ssd", "w2"}),
		affinity(daemon.LintAffinityNoNode, "only empty terms", "has a code of its own", terms(corev1.NodeSelectorTerm{}), []string{"w1"}),
		affinity(daemon.LintAffinityNoNode, "no nodes given", "not known", terms(gpu), nil),
		spec(daemon.LintAffinityNoNode, "another reason", "the affinity matches, the selector does not",
			corev1.PodSpec{Affinity: build.Require(labelTerm("disk", in, "ssd")), NodeSelector: build.Labels{"a": "b"}}, nodes, ""),

		spec(daemon.LintNodeSelectorNoNode, "no such value", "both nodes have another",
			corev1.PodSpec{NodeSelector: build.Labels{"disk": "nvme"}}, nodes, "None of 2 nodes has the label disk=nvme (2 with another value),", "warning "+selectorField+"[disk]"),
		spec(daemon.LintNodeSelectorNoNode, "two such labels", "each is told",
			corev1.PodSpec{NodeSelector: build.Labels{"x": "", "a": "b", "disk": "ssd"}}, nodes, "label a=b, so", "warning "+selectorField+"[a]", "warning "+selectorField+"[x]"),
		spec(daemon.LintNodeSelectorNoNode, "never together", "each label is on another node",
			corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd", "zone": "b"}}, nodes, "all labels", "warning "+selectorField),
		spec(daemon.LintNodeSelectorNoNode, "label is empty there", "an empty value is not a missing label",
			corev1.PodSpec{NodeSelector: build.Labels{"x": ""}}, lintNodes("w1 x="), ""),
		spec(daemon.LintNodeSelectorNoNode, "one node", "one is enough", corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}, nodes, ""),
		spec(daemon.LintNodeSelectorNoNode, "no nodes given", "not known", corev1.PodSpec{NodeSelector: build.Labels{"disk": "nvme"}}, nil, ""),
		spec(daemon.LintNodeNameNoNode, "gone", "no node of that name", corev1.PodSpec{NodeName: "w9"}, nodes, "None of 2 nodes is named w9", "warning spec.template.spec.nodeName"),
		spec(daemon.LintNodeNameNoNode, "there", "one node runs it", corev1.PodSpec{NodeName: "w1"}, nodes, ""),
		spec(daemon.LintNodeNameNoNode, "there but tainted", "another reason", corev1.PodSpec{NodeName: "w1"}, tainted, ""),
		spec(daemon.LintNoEligibleNode, "matching node is tainted", "selector and taints leave none",
			corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}, tainted, "0 of 2 nodes run it; ", "warning spec.template.spec"),
		spec(daemon.LintNoEligibleNode, "selector against affinity", "each matches another node",
			corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}, Affinity: build.Require(labelTerm("zone", in, "b"))}, nodes, "", "warning spec.template.spec"),
		spec(daemon.LintNoEligibleNode, "explained already", "the selector matches no node at all", corev1.PodSpec{NodeSelector: build.Labels{"a": "b"}}, tainted, ""),
		spec(daemon.LintNoEligibleNode, "one left", "runs there", corev1.PodSpec{}, tainted, ""),

		spec(daemon.LintOSMismatch, "windows nodes", "kubelets reject the pods", corev1.PodSpec{OS: system(corev1.Linux)}, mixed, "2 nodes of 3 eligible run something else (w1 and w2)", "error spec.template.spec.os.name w1 w2"),
		spec(daemon.LintOSMismatch, "linux node", "the other way round", corev1.PodSpec{OS: system(corev1.Windows)}, mixed, "1 node of 3 eligible runs", "error spec.template.spec.os.name l1"),
		spec(daemon.LintOSMismatch, "selected as well", "the others are not eligible", corev1.PodSpec{OS: system(corev1.Linux), NodeSelector: build.Labels{corev1.LabelOSStable: "linux"}}, mixed, ""),
		spec(daemon.LintOSMismatch, "label missing", "nothing is known against it", corev1.PodSpec{OS: system(corev1.Linux)}, nodes, ""),
		spec(daemon.LintOSMixed, "both", "one image is for one of them", corev1.PodSpec{}, mixed, "run linux and windows;", "warning "+selectorField),
		spec(daemon.LintOSMixed, "spec.os", "has a code of its own", corev1.PodSpec{OS: system(corev1.Linux)}, mixed, ""),
		spec(daemon.LintOSMixed, "selected", "only one is eligible", corev1.PodSpec{NodeSelector: build.Labels{corev1.LabelOSStable: "linux"}}, mixed, ""),
		spec(daemon.LintOSMixed, "one system", "all the same", corev1.PodSpec{}, mixed[1:], ""),
	}
}

func lintLabelCases() []lintCase {
	selector := func(name, why string, key string, nodes []string, want ...string) lintCase {
		return lintCase{name: name, why: why, code: daemon.LintLabelNotSelfSet, want: want,
			in: daemon.LintInput{DaemonSet: lintSet(build.Set{Spec: corev1.PodSpec{NodeSelector: build.Labels{key: "x"}}}), Nodes: lintNodes(nodes...)}}
	}
	info := func(key string) string { return "info " + selectorField + "[" + key + "]" }
	expression := func(name, why string, operator corev1.NodeSelectorOperator, want ...string) lintCase {
		const key = "node-role.kubernetes.io/worker"
		return lintCase{name: name, why: why, code: daemon.LintLabelNotSelfSet, want: want,
			in: daemon.LintInput{DaemonSet: lintSet(build.Set{Spec: corev1.PodSpec{Affinity: build.Require(labelTerm("a", corev1.NodeSelectorOpExists), labelTerm(key, operator, "5"))}})}}
	}
	at := "info " + termsField + "[1].matchExpressions[0].key"
	cases := []lintCase{
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

// What Lint calls malformed or ineligible depends on the options of placement.
func TestLintPlacementOptions(t *testing.T) {
	ds := lintSet(build.Set{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "speed", Operator: "Gt", Value: "5", Effect: corev1.TaintEffectNoSchedule}}}})
	nodes := []*corev1.Node{build.Node{Name: "w1", Taints: []corev1.Taint{{Key: "speed", Value: "9", Effect: corev1.TaintEffectNoSchedule}}}.Object()}
	in := daemon.LintInput{DaemonSet: ds, Nodes: nodes}
	codes := func() (codes []daemon.LintCode) {
		for _, f := range daemon.Lint(in) {
			codes = append(codes, f.Code)
		}
		return codes
	}
	if got := codes(); len(got) != 2 || got[0] != daemon.LintTolerationMalformed || got[1] != daemon.LintNoEligibleNode {
		t.Errorf("Lint with the gate off = %v, want TolerationMalformed and NoEligibleNode", got)
	}
	in.Placement = placement.Options{ComparisonOperators: true}
	if got := codes(); got != nil {
		t.Errorf("Lint with the gate on = %v, want nothing", got)
	}
}
