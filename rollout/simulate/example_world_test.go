package simulate_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Does the next version fit on the nodes, and what must a quota allow?
func ExampleEnd_peakRequests() {
	requests := func(cpu string) corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}}
	}
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(3)
	agent.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(0))
	agent.Spec.UpdateStrategy.RollingUpdate.MaxSurge = new(intstr.FromInt32(1))
	agent.Spec.Template.Spec.Containers[0].Resources = requests("2")
	for _, node := range nodes {
		node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4")}
	}
	c := daemontest.Settled(t, agent, nodes...)
	for _, cpu := range []string{"1", "3"} {
		next := agent.DeepCopy()
		next.Spec.Template.Spec.Containers[0].Resources = requests(cpu)
		impact, err := simulate.WhatIf(c.Input(agent), simulate.Proposal{DaemonSet: next}, simulate.Options{})
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
	// 1 CPU: complete at 12:10:40 with at most 5 pods and 8 CPUs
	// 3 CPU: stalled at 12:10:10 with at most 4 pods and 9 CPUs
	// 0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].
}
