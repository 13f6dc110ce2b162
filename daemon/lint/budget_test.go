package lint_test

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

const (
	unavailableField = "spec.updateStrategy.rollingUpdate.maxUnavailable"
	surgeField       = "spec.updateStrategy.rollingUpdate.maxSurge"
)

var (
	threeNodes = []string{"w1", "w2", "w3"}
	fiveNodes  = []string{"w1", "w2", "w3", "w4", "w5"}
)

func budgetCase(code lint.Code, name, why string, set build.Set, nodes []string, says string, want ...string) checkCase {
	return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: soundSet(set), Nodes: newNodes(nodes...)}, says: says, want: want}
}

// down makes the first n nodes not Ready, and the others Ready.
func down(n int, status corev1.ConditionStatus, nodes []*corev1.Node) []*corev1.Node {
	for i, node := range nodes {
		s := status
		if i >= n {
			s = corev1.ConditionTrue
		}
		node.Status.Conditions = []corev1.NodeCondition{
			{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
			{Type: corev1.NodeReady, Status: s},
		}
	}
	return nodes
}

func budgetCases() []checkCase {
	raw := func(code lint.Code, name, why string, unavailable, surge *intstr.IntOrString, says string, want ...string) checkCase {
		ds := soundSet(build.Set{})
		ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable, ds.Spec.UpdateStrategy.RollingUpdate.MaxSurge = unavailable, surge
		return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: ds, Nodes: newNodes(fiveNodes...)}, says: says, want: want}
	}
	number := func(n int32) *intstr.IntOrString { return new(intstr.FromInt32(n)) }
	text := func(s string) *intstr.IntOrString { return new(intstr.FromString(s)) }
	notReady := func(name, why string, set build.Set, nodes []*corev1.Node, says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: lint.CodeBudgetNodesNotReady, in: daemon.Input{DaemonSet: soundSet(set), Nodes: nodes}, says: says, want: want}
	}

	return []checkCase{

		raw(lint.CodeBudgetMalformed, "percent sign missing", "a string has to be a percentage", text("25"), number(0), `"25"`, "error "+unavailableField),
		raw(lint.CodeBudgetMalformed, "both", "a finding for each", number(-1), text("200%"), "200%", "error "+surgeField, "error "+unavailableField),
		raw(lint.CodeBudgetMalformed, "unknown kind", "neither number nor text", &intstr.IntOrString{Type: 7}, number(0), "", "error "+unavailableField),
		raw(lint.CodeBudgetMalformed, "100%", "the highest percentage", text("100%"), number(0), ""),
		raw(lint.CodeBudgetMalformed, "large number", "numbers have no limit", number(1000), number(0), ""),
		raw(lint.CodeBudgetBothSet, "surge alone in a manifest", "maxUnavailable gets its default 1", nil, number(1), "maxSurge is 1 and maxUnavailable is 1.", "error "+surgeField),
		raw(lint.CodeBudgetBothSet, "percentages", "both above zero", text("10%"), text("10%"), "", "error "+surgeField),
		raw(lint.CodeBudgetBothSet, "zero percent", "is zero", text("0%"), text("10%"), ""),
		raw(lint.CodeBudgetBothSet, "malformed", "not judged", text("x"), text("10%"), ""),
		raw(lint.CodeBudgetBothZero, "zeros", "nothing may be updated", number(0), number(0), "", "error "+unavailableField),
		raw(lint.CodeBudgetBothZero, "zero percent", "zero percent is zero", text("0%"), nil, "", "error "+unavailableField),
		raw(lint.CodeBudgetBothZero, "one percent", "rounds up to one node", text("1%"), nil, ""),
		raw(lint.CodeBudgetBothZero, "defaults", "maxUnavailable is 1", nil, nil, ""),

		budgetCase(lint.CodeBudgetAllNodes, "51% of two", "rounds up to both", build.Set{MaxUnavailable: "51%"}, []string{"w1", "w2"}, "A maxUnavailable of 51% rounds up to all 2 eligible nodes: ", "warning "+unavailableField),
		budgetCase(lint.CodeBudgetAllNodes, "50% of two", "is one", build.Set{MaxUnavailable: "50%"}, []string{"w1", "w2"}, ""),
		budgetCase(lint.CodeBudgetAllNodes, "number of all", "three of three", build.Set{MaxUnavailable: "3"}, threeNodes, "A maxUnavailable of 3 allows all 3 eligible nodes: ", "warning "+unavailableField),
		budgetCase(lint.CodeBudgetAllNodes, "all but one", "one keeps running", build.Set{MaxUnavailable: "2"}, threeNodes, ""),
		budgetCase(lint.CodeBudgetAllNodes, "single node", "every budget is all of one node", build.Set{MaxUnavailable: "100%"}, []string{"w1"}, ""),
		budgetCase(lint.CodeBudgetAllNodes, "100% without nodes", "all of any number", build.Set{MaxUnavailable: "100%"}, nil, "With a maxUnavailable of 100%, ", "warning "+unavailableField),
		budgetCase(lint.CodeBudgetAllNodes, "99% without nodes", "depends on the number", build.Set{MaxUnavailable: "99%"}, nil, ""),
		budgetCase(lint.CodeBudgetAllNodes, "number without nodes", "depends on the number", build.Set{MaxUnavailable: "100"}, nil, ""),
		budgetCase(lint.CodeBudgetAllNodes, "surge", "costs resources, not availability", build.Set{MaxSurge: "67%"}, threeNodes, "two pods on every node", "info "+surgeField),
		budgetCase(lint.CodeBudgetAllNodes, "on delete", "there is no budget", build.Set{OnDelete: true}, threeNodes, ""),
		{
			name: "of the eligible ones", why: "the tainted node does not count", code: lint.CodeBudgetAllNodes,
			in: daemon.Input{DaemonSet: soundSet(build.Set{MaxUnavailable: "2"}), Nodes: append(newNodes("w1", "w2"),
				build.Node{Name: "cp", Taints: []corev1.Taint{build.NoSchedule("node-role.kubernetes.io/control-plane")}}.Object())},
			want: []string{"warning " + unavailableField},
		},
		budgetCase(lint.CodeBudgetPercentNoNode, "unavailable", "10% of no node", build.Set{MaxUnavailable: "10%", Spec: corev1.PodSpec{NodeName: "gone"}}, threeNodes, "maxUnavailable of 10% is 0", "info "+unavailableField),
		budgetCase(lint.CodeBudgetPercentNoNode, "surge", "10% of no node", build.Set{MaxSurge: "100%", Spec: corev1.PodSpec{NodeName: "gone"}}, threeNodes, "", "info "+surgeField),
		budgetCase(lint.CodeBudgetPercentNoNode, "number", "stays what it is", build.Set{MaxUnavailable: "1", Spec: corev1.PodSpec{NodeName: "gone"}}, threeNodes, ""),
		budgetCase(lint.CodeBudgetPercentNoNode, "some nodes", "rounds up to one", build.Set{MaxUnavailable: "1%"}, threeNodes, ""),
		budgetCase(lint.CodeBudgetPercentNoNode, "no nodes given", "not known", build.Set{MaxUnavailable: "10%"}, nil, ""),

		notReady("one down", "it takes the whole budget", build.Set{}, down(1, corev1.ConditionUnknown, newNodes(fiveNodes...)), "1 of 5 eligible nodes is not Ready (w1).", "warning "+unavailableField+" w1"),
		notReady("two down of 40%", "40% of 5 is 2", build.Set{MaxUnavailable: "40%"}, down(2, corev1.ConditionFalse, newNodes(fiveNodes...)), "2 of 5 eligible nodes are", "warning "+unavailableField+" w1 w2"),
		notReady("two down of 41%", "one is left", build.Set{MaxUnavailable: "41%"}, down(2, corev1.ConditionFalse, newNodes(fiveNodes...)), ""),
		notReady("four down", "the message names three", build.Set{}, down(4, corev1.ConditionFalse, newNodes(fiveNodes...)), "(w1, w2, w3 and 1 more)", "warning "+unavailableField+" w1 w2 w3 w4"),
		notReady("all down", "no pod on another node waits", build.Set{}, down(5, corev1.ConditionFalse, newNodes(fiveNodes...)), ""),
		notReady("none down", "fine", build.Set{}, down(0, corev1.ConditionFalse, newNodes(fiveNodes...)), ""),
		notReady("without conditions", "a node without conditions is not down", build.Set{}, newNodes(fiveNodes...), ""),
		notReady("surge", "unavailable old pods use no surge", build.Set{MaxSurge: "1"}, down(1, corev1.ConditionFalse, newNodes(fiveNodes...)), ""),
		notReady("down and not eligible", "it has no pod", build.Set{Spec: corev1.PodSpec{NodeSelector: build.Labels{"a": "b"}}},
			slices.Concat(down(1, corev1.ConditionFalse, newNodes("w1")), newNodes("w2 a=b", "w3 a=b")), ""),
	}
}
