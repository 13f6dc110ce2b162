package daemon_test

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
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

func budgetCase(code daemon.LintCode, name, why string, set build.Set, nodes []string, says string, want ...string) lintCase {
	return lintCase{name: name, why: why, code: code, in: daemon.LintInput{DaemonSet: lintSet(set), Nodes: lintNodes(nodes...)}, says: says, want: want}
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

func lintRolloutCases() []lintCase {
	selector := func(code daemon.LintCode, name, why string, selector *metav1.LabelSelector, labels build.Labels, want ...string) lintCase {
		ds := lintSet(build.Set{Labels: labels})
		ds.Spec.Selector = selector
		return lintCase{name: name, why: why, code: code, in: daemon.LintInput{DaemonSet: ds}, want: want}
	}
	expression := func(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
	}
	limit := func(name, why string, limit *int32, want ...string) lintCase {
		ds := lintSet(build.Set{})
		ds.Spec.RevisionHistoryLimit = limit
		return lintCase{name: name, why: why, code: daemon.LintHistoryNone, in: daemon.LintInput{DaemonSet: ds}, want: want}
	}
	raw := func(code daemon.LintCode, name, why string, unavailable, surge *intstr.IntOrString, says string, want ...string) lintCase {
		ds := lintSet(build.Set{})
		ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable, ds.Spec.UpdateStrategy.RollingUpdate.MaxSurge = unavailable, surge
		return lintCase{name: name, why: why, code: code, in: daemon.LintInput{DaemonSet: ds, Nodes: lintNodes(fiveNodes...)}, says: says, want: want}
	}
	number := func(n int32) *intstr.IntOrString { return new(intstr.FromInt32(n)) }
	text := func(s string) *intstr.IntOrString { return new(intstr.FromString(s)) }
	notReady := func(name, why string, set build.Set, nodes []*corev1.Node, says string, want ...string) lintCase {
		return lintCase{name: name, why: why, code: daemon.LintBudgetNotReady, in: daemon.LintInput{DaemonSet: lintSet(set), Nodes: nodes}, says: says, want: want}
	}
	minReady := func(name, why string, set build.Set, patience time.Duration, nodes []string, says string, want ...string) lintCase {
		return lintCase{name: name, why: why, code: daemon.LintMinReadyLong, says: says, want: want,
			in: daemon.LintInput{DaemonSet: lintSet(set), Patience: patience, Nodes: lintNodes(nodes...)}}
	}
	hash := appsv1.DefaultDaemonSetUniqueLabelKey

	return []lintCase{
		selector(daemon.LintSelectorEmpty, "missing", "required", nil, nil, "error spec.selector"),
		selector(daemon.LintSelectorEmpty, "empty", "selects every pod", &metav1.LabelSelector{}, nil, "error spec.selector"),
		selector(daemon.LintSelectorEmpty, "by expression", "selects something", expression("app", metav1.LabelSelectorOpExists), nil),
		selector(daemon.LintSelectorMalformed, "unknown operator", "does not parse", expression("app", "Near"), nil, "error spec.selector"),
		selector(daemon.LintSelectorMalformed, "In without values", "does not parse", expression("app", metav1.LabelSelectorOpIn), nil, "error spec.selector"),
		selector(daemon.LintSelectorMalformed, "well-formed", "parses", expression("app", metav1.LabelSelectorOpIn, "agent"), nil),
		selector(daemon.LintSelectorMismatch, "another value", "the template has another", requireLabels("app", "other"), nil, "error spec.template.metadata.labels"),
		selector(daemon.LintSelectorMismatch, "template without labels", "nothing to match", requireLabels("app", "agent"), build.Labels{}, "error spec.template.metadata.labels"),
		selector(daemon.LintSelectorMismatch, "one of two", "both are needed", requireLabels("app", "agent", "tier", "node"), nil, "error spec.template.metadata.labels"),
		selector(daemon.LintSelectorMismatch, "more labels", "extra labels do not matter", requireLabels("app", "agent"), build.Labels{"app": "agent", "x": "y"}),
		selector(daemon.LintSelectorMismatch, "malformed", "has a code of its own", expression("app", "Near"), build.Labels{}),
		selector(daemon.LintSelectorRevision, "hash in both", "the controller puts its own there", requireLabels("app", "agent", hash, "x"), build.Labels{"app": "agent", hash: "x"}, "error spec.selector"),
		selector(daemon.LintSelectorRevision, "hash must not exist", "it always does", expression(hash, metav1.LabelSelectorOpDoesNotExist), nil, "error spec.selector"),
		selector(daemon.LintSelectorRevision, "hash in the selector only", "does not even match the template", requireLabels("app", "agent", hash, "x"), nil),
		selector(daemon.LintSelectorRevision, "any hash", "every pod has one", expression(hash, metav1.LabelSelectorOpExists), build.Labels{hash: "x"}),
		limit("zero", "nothing left to undo to", new(int32(0)), "info spec.revisionHistoryLimit"),
		limit("one", "one to go back to", new(int32(1))),
		limit("default", "10", nil),

		raw(daemon.LintBudgetMalformed, "percent sign missing", "a string has to be a percentage", text("25"), number(0), `"25"`, "error "+unavailableField),
		raw(daemon.LintBudgetMalformed, "both", "each is told", number(-1), text("200%"), "200%", "error "+surgeField, "error "+unavailableField),
		raw(daemon.LintBudgetMalformed, "unknown kind", "neither number nor text", &intstr.IntOrString{Type: 7}, number(0), "", "error "+unavailableField),
		raw(daemon.LintBudgetMalformed, "100%", "the most there is", text("100%"), number(0), ""),
		raw(daemon.LintBudgetMalformed, "large number", "numbers have no limit", number(1000), number(0), ""),
		raw(daemon.LintBudgetBoth, "surge alone in a manifest", "maxUnavailable gets its default 1", nil, number(1), "maxSurge is 1 and maxUnavailable 1", "error "+surgeField),
		raw(daemon.LintBudgetBoth, "percentages", "both above zero", text("10%"), text("10%"), "", "error "+surgeField),
		raw(daemon.LintBudgetBoth, "zero percent", "is zero", text("0%"), text("10%"), ""),
		raw(daemon.LintBudgetBoth, "malformed", "not judged", text("x"), text("10%"), ""),
		raw(daemon.LintBudgetNothing, "zeros", "nothing may be updated", number(0), number(0), "", "error "+unavailableField),
		raw(daemon.LintBudgetNothing, "zero percent", "of whatever it is", text("0%"), nil, "", "error "+unavailableField),
		raw(daemon.LintBudgetNothing, "one percent", "rounds up to one node", text("1%"), nil, ""),
		raw(daemon.LintBudgetNothing, "defaults", "maxUnavailable is 1", nil, nil, ""),

		budgetCase(daemon.LintBudgetAll, "51% of two", "rounds up to both", build.Set{MaxUnavailable: "51%"}, []string{"w1", "w2"}, "rounds 51% of 2", "warning "+unavailableField),
		budgetCase(daemon.LintBudgetAll, "50% of two", "is one", build.Set{MaxUnavailable: "50%"}, []string{"w1", "w2"}, ""),
		budgetCase(daemon.LintBudgetAll, "number of all", "three of three", build.Set{MaxUnavailable: "3"}, threeNodes, "is 3 with 3 eligible nodes", "warning "+unavailableField),
		budgetCase(daemon.LintBudgetAll, "all but one", "one keeps running", build.Set{MaxUnavailable: "2"}, threeNodes, ""),
		budgetCase(daemon.LintBudgetAll, "single node", "every budget is all of one node", build.Set{MaxUnavailable: "100%"}, []string{"w1"}, ""),
		budgetCase(daemon.LintBudgetAll, "100% without nodes", "all, however many", build.Set{MaxUnavailable: "100%"}, nil, "at 100%", "warning "+unavailableField),
		budgetCase(daemon.LintBudgetAll, "99% without nodes", "depends on the number", build.Set{MaxUnavailable: "99%"}, nil, ""),
		budgetCase(daemon.LintBudgetAll, "number without nodes", "depends on the number", build.Set{MaxUnavailable: "100"}, nil, ""),
		budgetCase(daemon.LintBudgetAll, "surge", "costs resources, not availability", build.Set{MaxSurge: "67%"}, threeNodes, "two pods on every node", "info "+surgeField),
		budgetCase(daemon.LintBudgetAll, "on delete", "there is no budget", build.Set{OnDelete: true}, threeNodes, ""),
		{
			name: "of the eligible ones", why: "the tainted node does not count", code: daemon.LintBudgetAll,
			in: daemon.LintInput{DaemonSet: lintSet(build.Set{MaxUnavailable: "2"}), Nodes: append(lintNodes("w1", "w2"),
				build.Node{Name: "cp", Taints: []corev1.Taint{build.NoSchedule("node-role.kubernetes.io/control-plane")}}.Object())},
			want: []string{"warning " + unavailableField},
		},
		budgetCase(daemon.LintBudgetPercentOfZero, "unavailable", "10% of no node", build.Set{MaxUnavailable: "10%", Spec: corev1.PodSpec{NodeName: "gone"}}, threeNodes, "maxUnavailable of 10% is 0", "info "+unavailableField),
		budgetCase(daemon.LintBudgetPercentOfZero, "surge", "10% of no node", build.Set{MaxSurge: "100%", Spec: corev1.PodSpec{NodeName: "gone"}}, threeNodes, "", "info "+surgeField),
		budgetCase(daemon.LintBudgetPercentOfZero, "number", "stays what it is", build.Set{MaxUnavailable: "1", Spec: corev1.PodSpec{NodeName: "gone"}}, threeNodes, ""),
		budgetCase(daemon.LintBudgetPercentOfZero, "some nodes", "rounds up to one", build.Set{MaxUnavailable: "1%"}, threeNodes, ""),
		budgetCase(daemon.LintBudgetPercentOfZero, "no nodes given", "not known", build.Set{MaxUnavailable: "10%"}, nil, ""),

		notReady("one down", "it takes the whole budget", build.Set{}, down(1, corev1.ConditionUnknown, lintNodes(fiveNodes...)), "1 node of 5 eligible is not Ready (w1)", "warning "+unavailableField+" w1"),
		notReady("two down of 40%", "40% of 5 is 2", build.Set{MaxUnavailable: "40%"}, down(2, corev1.ConditionFalse, lintNodes(fiveNodes...)), "2 nodes of 5 eligible are", "warning "+unavailableField+" w1 w2"),
		notReady("two down of 41%", "one is left", build.Set{MaxUnavailable: "41%"}, down(2, corev1.ConditionFalse, lintNodes(fiveNodes...)), ""),
		notReady("four down", "three are named, the others counted", build.Set{}, down(4, corev1.ConditionFalse, lintNodes(fiveNodes...)), "(w1, w2, w3 and 1 more)", "warning "+unavailableField+" w1 w2 w3 w4"),
		notReady("all down", "there is no other pod to wait for", build.Set{}, down(5, corev1.ConditionFalse, lintNodes(fiveNodes...)), ""),
		notReady("none down", "fine", build.Set{}, down(0, corev1.ConditionFalse, lintNodes(fiveNodes...)), ""),
		notReady("without conditions", "a node that says nothing is not down", build.Set{}, lintNodes(fiveNodes...), ""),
		notReady("surge", "unavailable old pods use no surge", build.Set{MaxSurge: "1"}, down(1, corev1.ConditionFalse, lintNodes(fiveNodes...)), ""),
		notReady("down and not eligible", "it has no pod", build.Set{Spec: corev1.PodSpec{NodeSelector: build.Labels{"a": "b"}}},
			slices.Concat(down(1, corev1.ConditionFalse, lintNodes("w1")), lintNodes("w2 a=b", "w3 a=b")), ""),

		minReady("over the default", "people wait 10 minutes", build.Set{MinReady: 601}, 0, nil, "for 10m1s, longer than the 10m0s that people wait for progress.", "warning spec.minReadySeconds"),
		minReady("the default", "just in time", build.Set{MinReady: 600}, 0, nil, ""),
		minReady("with nodes", "the least time of a rollout is told", build.Set{MinReady: 60, MaxUnavailable: "2"}, 30*time.Second, fiveNodes, "5 nodes, 2 at a time, take at least 3m0s", "warning spec.minReadySeconds"),
		minReady("with surge", "the surge is what goes at a time", build.Set{MinReady: 60, MaxSurge: "100%"}, 30*time.Second, fiveNodes, "5 nodes, 5 at a time, take at least 1m0s", "warning spec.minReadySeconds"),
		minReady("beyond time", "too long to be told", build.Set{MinReady: 1 << 30}, 0, append(threeNodes, "a", "b", "c", "d", "e", "f", "g"), "wait for progress.", "warning spec.minReadySeconds"),
		minReady("more patience", "then it is not too long", build.Set{MinReady: 700}, time.Hour, nil, ""),
		minReady("endless patience", "nothing is too long", build.Set{MinReady: 1 << 30}, -1, nil, ""),
		minReady("on delete", "nobody watches a rollout", build.Set{MinReady: 700, OnDelete: true}, 0, nil, ""),
	}
}

func lintSurgeCases() []lintCase {
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
	c := func(code daemon.LintCode, name, why string, set build.Set, change func(*corev1.PodSpec), says string, want ...string) lintCase {
		return lintCase{name: name, why: why, code: code, in: daemon.LintInput{DaemonSet: lintSpec(set, change)}, says: says, want: want}
	}
	surge := build.Set{MaxSurge: "1%"}
	atSurge := "error " + surgeField
	return []lintCase{
		c(daemon.LintSurgeHostPort, "host port", "two pods cannot share it", surge, port(8080), "host port 8080/TCP:", atSurge),
		c(daemon.LintSurgeHostPort, "without surge", "there are never two pods", build.Set{}, port(8080), ""),
		c(daemon.LintSurgeHostPort, "container port", "takes nothing of the node", surge, port(0), ""),
		c(daemon.LintSurgeHostPort, "declared in the host network", "the pod's defaults make it a host port", surge, network(port(0)), "80/TCP, as every declared port", atSurge),
		c(daemon.LintSurgeHostPort, "sidecar", "runs all the time", surge, initPort(new(corev1.ContainerRestartPolicyAlways)), "", atSurge),
		c(daemon.LintSurgeHostPort, "init container", "the scheduler does not look at it", surge, initPort(nil), ""),
		c(daemon.LintSurgeHostPort, "several", "all are told, each once", surge, func(spec *corev1.PodSpec) {
			spec.Containers[0].Ports = []corev1.ContainerPort{
				{HostPort: 53, Protocol: corev1.ProtocolUDP}, {HostPort: 53, HostIP: "10.0.0.1"}, {HostPort: 53, Protocol: corev1.ProtocolUDP}}
		}, "host ports 10.0.0.1:53/TCP and 53/UDP:", atSurge),
		{
			name: "surge beside OnDelete", why: "the strategy makes no use of it", code: daemon.LintSurgeHostPort,
			in: daemon.LintInput{DaemonSet: lintSet(surge, func(ds *appsv1.DaemonSet) {
				ds.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
				port(80)(&ds.Spec.Template.Spec)
			})},
		},
		c(daemon.LintSurgeHostNetwork, "nothing declared", "the ports do not show", surge, network(nil), "", "warning "+surgeField),
		c(daemon.LintSurgeHostNetwork, "declared", "then it is certain, and SurgeHostPort", surge, network(port(0)), ""),
		c(daemon.LintSurgeHostNetwork, "without surge", "there are never two pods", build.Set{}, network(nil), ""),
	}
}
