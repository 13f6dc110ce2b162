package lint_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/daemon/lint"
)

func ExampleCheck() {
	labels := map[string]string{"app": "node-exporter"}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "node-exporter"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				Type: appsv1.RollingUpdateDaemonSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{
					MaxUnavailable: new(intstr.FromInt32(0)),
					MaxSurge:       new(intstr.FromInt32(1)),
				},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeSelector: map[string]string{"disk": "sdd"},
					Tolerations: []corev1.Toleration{
						{Key: "dedicated", Value: "db", Effect: corev1.TaintEffectNoSchedule},
						{Operator: corev1.TolerationOpExists},
					},
					Containers: []corev1.Container{{
						Name:  "main",
						Image: "node-exporter:1.9",
						Ports: []corev1.ContainerPort{{ContainerPort: 9100, HostPort: 9100}},
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
							corev1.ResourceCPU:    resource.MustParse("50m"),
							corev1.ResourceMemory: resource.MustParse("32Mi"),
						}},
					}},
				},
			},
		},
	}
	nodes := []*corev1.Node{
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-1", Labels: map[string]string{"disk": "ssd"}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
	}

	findings, err := lint.Check(daemon.Input{DaemonSet: ds, Nodes: nodes}, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		fmt.Println(f.Severity, f.Code, f.Field)
		fmt.Println("  " + f.Message)
		fmt.Println("  " + f.Fix)
	}
	// Output:
	// error SurgeHostPort spec.updateStrategy.rollingUpdate.maxSurge
	//   Two pods cannot share the host port 9100/TCP. The new pod never starts beside the old one, and the rollout gets stuck.
	//   Use maxUnavailable instead of maxSurge, or remove the host port (kubernetes #106417).
	// warning NodeSelectorNoNode spec.template.spec.nodeSelector[disk]
	//   No node has the label disk=sdd (1 of 2 has another value). The DaemonSet runs nowhere.
	//   Correct the nodeSelector or label nodes, unless matching nodes will be added.
	// info TolerationShadowed spec.template.spec.tolerations[0]
	//   This toleration has no effect, because tolerations[1] tolerates the same taints.
	//   Remove it.
}

// A gate before kubectl apply fails on errors, prints warnings, and accepts some codes.
func ExampleCheck_gate() {
	ds := daemontest.DaemonSet("agent")
	ds.Spec.RevisionHistoryLimit = new(int32(0))
	ds.Spec.UpdateStrategy.RollingUpdate.MaxSurge = new(intstr.FromInt32(1))

	accepted := map[lint.Code]bool{lint.CodeNoRevisionHistory: true}
	stop := false
	findings, err := lint.Check(daemon.Input{DaemonSet: ds}, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		if accepted[f.Code] {
			continue
		}
		stop = stop || f.Severity == lint.SeverityError
		fmt.Println(f.Severity, f.Field+":", f.Message)
	}
	fmt.Println("stop:", stop)
	// Output:
	// error spec.updateStrategy.rollingUpdate.maxSurge: maxSurge is 1 and maxUnavailable is 1. The API server refuses two budgets above 0.
	// warning spec.template.spec.containers[0].resources.requests: Container main requests no cpu and no memory. The scheduler reserves nothing for it. When a node runs out of memory, the kubelet evicts the pod among the first.
	// stop: true
}
