package lint_test

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

func spreadCases() []checkCase {
	spread := func(name, why string, constraint corev1.TopologySpreadConstraint, nodes []string, want ...string) checkCase {
		ds := soundSet(build.Set{Spec: corev1.PodSpec{TopologySpreadConstraints: []corev1.TopologySpreadConstraint{constraint}}})
		return checkCase{name: name, why: why, code: lint.CodeSpreadLabelMissing, in: daemon.Input{DaemonSet: ds, Nodes: newNodes(nodes...)}, want: want}
	}
	zones := []string{"w1 zone=a", "w2 zone=b", "w5"}

	return []checkCase{
		spread("label missing", "such nodes are refused", corev1.TopologySpreadConstraint{TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule}, zones, "error spec.template.spec.topologySpreadConstraints[0].topologyKey w5"),
		spread("label there", "satisfied", corev1.TopologySpreadConstraint{TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule}, zones),
		spread("best effort", "refuses no node", corev1.TopologySpreadConstraint{TopologyKey: "zone", WhenUnsatisfiable: corev1.ScheduleAnyway}, zones),
	}
}
