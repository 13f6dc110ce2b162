package lint_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
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

func placementCases() []checkCase {
	const in = corev1.NodeSelectorOpIn
	affinity := func(code lint.Code, name, why string, terms []corev1.NodeSelectorTerm, nodes []string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: code, want: want,
			in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: corev1.PodSpec{Affinity: build.Require(terms...)}}), Nodes: newNodes(nodes...)}}
	}
	terms := func(terms ...corev1.NodeSelectorTerm) []corev1.NodeSelectorTerm { return terms }
	spec := func(code lint.Code, name, why string, spec corev1.PodSpec, nodes []*corev1.Node, says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: spec}), Nodes: nodes}, says: says, want: want}
	}
	near := labelTerm("disk", "Near", "x")
	gpu := labelTerm("gpu", corev1.NodeSelectorOpExists)
	nodes := newNodes("w1 disk=ssd zone=a", "w2 disk=hdd zone=b")
	tainted := []*corev1.Node{
		build.Node{Name: "w1", Labels: build.Labels{"disk": "ssd"}, Taints: []corev1.Taint{build.NoSchedule("gpu")}}.Object(),
		build.Node{Name: "w2", Labels: build.Labels{"disk": "hdd"}}.Object(),
	}

	return []checkCase{
		affinity(lint.CodeNodeAffinityMalformed, "unknown operator", "does not parse", terms(near), nil, "error "+termsField+"[0].matchExpressions[0].operator"),
		affinity(lint.CodeNodeAffinityMalformed, "second term", "the path names it", terms(gpu, labelTerm("disk", in)), nil, "error "+termsField+"[1].matchExpressions[0].values"),
		affinity(lint.CodeNodeAffinityMalformed, "well-formed", "parses", terms(gpu), nil),
		affinity(lint.CodeNodeAffinityEmptyTerm, "no terms", "match nothing", nil, nil, "error "+termsField),
		affinity(lint.CodeNodeAffinityEmptyTerm, "empty term alone", "runs nowhere", terms(corev1.NodeSelectorTerm{}), nil, "error "+termsField+"[0]"),
		affinity(lint.CodeNodeAffinityEmptyTerm, "empty beside malformed", "neither can match", terms(near, corev1.NodeSelectorTerm{}), nil, "error "+termsField+"[1]"),
		affinity(lint.CodeNodeAffinityEmptyTerm, "empty beside another", "the other one counts", terms(gpu, corev1.NodeSelectorTerm{}), nil, "warning "+termsField+"[1]"),
		affinity(lint.CodeNodeAffinityEmptyTerm, "one of two malformed", "the path of the error is not that of the empty term", terms(gpu, near, corev1.NodeSelectorTerm{}), nil, "warning "+termsField+"[2]"),
		affinity(lint.CodeNodeAffinityEmptyTerm, "filled", "can match", terms(gpu), nil),
		affinity(lint.CodeNodeAffinityNoNode, "no such label", "no node matches", terms(gpu), []string{"w1"}, "warning "+strings.TrimSuffix(termsField, ".nodeSelectorTerms")),
		affinity(lint.CodeNodeAffinityNoNode, "ORed terms", "one matches", terms(gpu, labelTerm("disk", in, "ssd")), []string{"w1 disk=ssd", "w2"}),
		affinity(lint.CodeNodeAffinityNoNode, "only empty terms", "has a code of its own", terms(corev1.NodeSelectorTerm{}), []string{"w1"}),
		affinity(lint.CodeNodeAffinityNoNode, "no nodes given", "not known", terms(gpu), nil),
		spec(lint.CodeNodeAffinityNoNode, "another reason", "the affinity matches, the selector does not",
			corev1.PodSpec{Affinity: build.Require(labelTerm("disk", in, "ssd")), NodeSelector: build.Labels{"a": "b"}}, nodes, ""),

		spec(lint.CodeNodeSelectorMalformed, "value", "no label has it", corev1.PodSpec{NodeSelector: build.Labels{"pool": "a=b=c"}}, nil, "no node can match it: Invalid value: \"a=b=c\"", "error spec.template.spec.nodeSelector"),
		spec(lint.CodeNodeSelectorMalformed, "key", "no label has it", corev1.PodSpec{NodeSelector: build.Labels{"a pool": "a"}}, nil, "", "error spec.template.spec.nodeSelector"),
		spec(lint.CodeNodeSelectorMalformed, "well", "labels can have them", corev1.PodSpec{NodeSelector: build.Labels{"example.com/pool": "", "disk": "ssd"}}, nil, ""),
		spec(lint.CodeNodeSelectorNoNode, "no such value", "both nodes have another",
			corev1.PodSpec{NodeSelector: build.Labels{"disk": "nvme"}}, nodes, "No node has the label disk=nvme (2 of 2 have another value).", "warning "+selectorField+"[disk]"),
		spec(lint.CodeNodeSelectorNoNode, "two such labels", "a finding for each",
			corev1.PodSpec{NodeSelector: build.Labels{"x": "", "a": "b", "disk": "ssd"}}, nodes, "No node has the label a=b.", "warning "+selectorField+"[a]", "warning "+selectorField+"[x]"),
		spec(lint.CodeNodeSelectorNoNode, "malformed labels", "have a code of their own",
			corev1.PodSpec{NodeSelector: build.Labels{"a b": "x", "pool": "a=b", "disk": "ssd"}}, nodes, ""),
		spec(lint.CodeNodeSelectorNoNode, "beside a malformed label", "a finding for the other one",
			corev1.PodSpec{NodeSelector: build.Labels{"a b": "x", "disk": "nvme"}}, nodes, "", "warning "+selectorField+"[disk]"),
		spec(lint.CodeNoEligibleNode, "malformed label", "it is the reason, and has a code of its own", corev1.PodSpec{NodeSelector: build.Labels{"a b": "x"}}, nodes, ""),
		spec(lint.CodeNodeSelectorNoNode, "never together", "each label is on another node",
			corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd", "zone": "b"}}, nodes, "all labels", "warning "+selectorField),
		spec(lint.CodeNodeSelectorNoNode, "label is empty there", "an empty value is not a missing label",
			corev1.PodSpec{NodeSelector: build.Labels{"x": ""}}, newNodes("w1 x="), ""),
		spec(lint.CodeNodeSelectorNoNode, "one node", "one is enough", corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}, nodes, ""),
		spec(lint.CodeNodeSelectorNoNode, "no nodes given", "not known", corev1.PodSpec{NodeSelector: build.Labels{"disk": "nvme"}}, nil, ""),
		spec(lint.CodeNodeNameNoNode, "gone", "no node of that name", corev1.PodSpec{NodeName: "w9"}, nodes, "No node is named w9.", "warning spec.template.spec.nodeName"),
		spec(lint.CodeNodeNameNoNode, "there", "one node runs it", corev1.PodSpec{NodeName: "w1"}, nodes, ""),
		spec(lint.CodeNodeNameNoNode, "there but tainted", "another reason", corev1.PodSpec{NodeName: "w1"}, tainted, ""),
		spec(lint.CodeNoEligibleNode, "matching node is tainted", "selector and taints leave none",
			corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}, tainted, "0 of 2 nodes run it; ", "warning spec.template.spec"),
		spec(lint.CodeNoEligibleNode, "selector against affinity", "each matches another node",
			corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}, Affinity: build.Require(labelTerm("zone", in, "b"))}, nodes, "", "warning spec.template.spec"),
		spec(lint.CodeNoEligibleNode, "explained already", "the selector matches no node at all", corev1.PodSpec{NodeSelector: build.Labels{"a": "b"}}, tainted, ""),
		spec(lint.CodeNoEligibleNode, "one left", "runs there", corev1.PodSpec{}, tainted, ""),
	}
}

// Whether tolerations are malformed and nodes eligible depends on Input.Placement.
func TestCheckPlacementOptions(t *testing.T) {
	ds := soundSet(build.Set{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "speed", Operator: "Gt", Value: "5", Effect: corev1.TaintEffectNoSchedule}}}})
	nodes := []*corev1.Node{build.Node{Name: "w1", Taints: []corev1.Taint{{Key: "speed", Value: "9", Effect: corev1.TaintEffectNoSchedule}}}.Object()}
	in := daemon.Input{DaemonSet: ds, Nodes: nodes}
	codes := func() (codes []lint.Code) {
		for _, f := range check(t, in, lint.Options{}) {
			codes = append(codes, f.Code)
		}
		return codes
	}
	if got := codes(); len(got) != 2 || got[0] != lint.CodeTolerationMalformed || got[1] != lint.CodeNoEligibleNode {
		t.Errorf("Check with the gate off = %v, want TolerationMalformed and NoEligibleNode", got)
	}
	in.Placement = placement.Options{ComparisonOperators: true}
	if got := codes(); got != nil {
		t.Errorf("Check with the gate on = %v, want nothing", got)
	}
}
