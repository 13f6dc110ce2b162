package simulate_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/rollout/simulate"
)

// Does the next version fit on the nodes, and what must a quota allow?
func ExampleEnd_peakRequests() {
	labels := map[string]string{"app": "agent"}
	requests := func(cpu string) corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}}
	}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(0)), MaxSurge: new(intstr.FromInt32(1))},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1", Resources: requests("2")}}},
			},
		},
	}
	var c simulate.Cluster
	if err := c.Apply(ds); err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"worker-1", "worker-2", "worker-3"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4")}
		if err := c.Apply(node); err != nil {
			fmt.Println(err)
			return
		}
	}
	if _, err := c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	for _, cpu := range []string{"1", "3"} {
		next := ds.DeepCopy()
		next.Spec.Template.Spec.Containers[0].Resources = requests(cpu)
		impact, err := simulate.WhatIf(c.Input(ds), simulate.Proposal{DaemonSet: next}, simulate.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		end, err := simulate.Settle(impact.After, simulate.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(cpu, "CPU:", end.State, "at", end.Time.Format(time.TimeOnly), "with at most", end.PeakPods, "pods and", end.PeakRequests.Cpu(), "CPUs")
		for _, pod := range end.After.Pods {
			for _, condition := range pod.Status.Conditions {
				if condition.Reason == corev1.PodReasonUnschedulable {
					fmt.Println(condition.Message)
				}
			}
		}
	}
	// Output:
	// 1 CPU: complete at 00:00:40 with at most 5 pods and 8 CPUs
	// 3 CPU: stalled at 00:00:10 with at most 4 pods and 9 CPUs
	// 0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].
}
