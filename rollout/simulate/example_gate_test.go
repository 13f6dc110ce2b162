package simulate_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/rollout/simulate"
)

// May this change of a manifest be merged? A gate lints it, prints what differs and what
// it would do, and stops with an exit code if it has faults or takes pods from nodes.
func ExampleWhatIf_gate() {
	labels := map[string]string{"app": "agent"}
	merged := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
			},
		},
	}
	proposed := merged.DeepCopy()
	proposed.Spec.MinReadySeconds = 30
	proposed.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}

	// The cluster without its API server: the merged manifest, applied to the nodes.
	var c simulate.Cluster
	err := c.Apply(merged,
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1", Labels: map[string]string{"disk": "ssd"}}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-2", Labels: map[string]string{"disk": "hdd"}}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	in := c.Input(merged)

	exit := 0
	findings, err := lint.Check(daemon.Input{DaemonSet: proposed, Nodes: in.Nodes}, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		if f.Severity == lint.SeverityError {
			exit = 1
		}
		fmt.Println(f.Severity, f.Code, f.Field)
	}
	for _, change := range diff.DaemonSets(merged, proposed) {
		fmt.Println(change)
	}
	impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: proposed}, simulate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(impact)
	if len(impact.Refused) > 0 {
		fmt.Println("exit code 1") // nothing was simulated
		return
	}
	if len(impact.NodesWith(simulate.NodeLost)) > 0 {
		exit = 1
	}
	end, err := simulate.Settle(impact.After, simulate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end)
	if end.State != simulate.EndComplete {
		exit = 1
	}
	fmt.Println("exit code", exit) // os.Exit(exit)
	// Output:
	// warning RequestsMissing spec.template.spec.containers[0].resources.requests
	// spec.template.spec.nodeSelector[disk]: added "ssd"
	// spec.minReadySeconds: added 30
	// starts a rollout to revision 2: 2 outdated pods
	//   spec.nodeSelector[disk]: added "ssd"
	// the DaemonSet also changes outside the template
	// nodes: 0 gained, 1 lost, 0 keep their pods, 0 removed, 1 unchanged
	//   worker-2: lost: nodeSelector disk=ssd, node has disk=hdd
	// first pass: 1 to delete, 0 to create
	//   delete agent-2 on worker-2: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd
	// complete at 00:10:54 after 6 passes, at least 0 of 1 available
	// exit code 1
}
