package simulate_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout/simulate"
)

// What does the controller do when a pod crashes? A test applies objects, lets them come
// to rest, and changes one.
func ExampleCluster() {
	labels := map[string]string{"app": "agent"}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
	var c simulate.Cluster
	err := c.Apply(ds, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	status := c.Input(ds).DaemonSet.Status
	fmt.Println("available:", status.NumberAvailable)

	pod := c.Input(ds).Pods[0].DeepCopy()
	pod.Status.Phase = corev1.PodFailed
	if err = c.Apply(pod); err != nil {
		fmt.Println(err)
		return
	}
	for pass, err := range c.Run() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pass.Time.Format(time.TimeOnly), pass.Result.Plan.String())
	}
	// Output:
	// available: 1
	// 00:10:10 delete agent-1 on worker-1: pod failed
	// event Warning FailedDaemonPod: Found failed daemon pod default/agent-1 on node worker-1, will try to kill it
	// 00:10:10 create on worker-1: node has no pod
	// 00:10:10 nothing to do
	// 00:10:20 nothing to do
	// 00:10:20 nothing to do
}

// How does a rollout go, to its end, if the pods of one node never become ready?
func ExampleRun() {
	in := daemon.Input{DaemonSet: daemontest.DaemonSet("agent"), Nodes: daemontest.Nodes(2), Now: daemontest.Start()}
	opts := simulate.Options{PodTimes: func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
		if node != nil && node.Name == "node-2" {
			return simulate.PodTimes{ReadyAfter: -1}
		}
		return simulate.PodTimes{}
	}}
	for pass, err := range simulate.Run(in, opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, c := range pass.Result.Plan.Create {
			fmt.Println(pass.Time.Format(time.TimeOnly), c)
		}
		if pass.End != nil {
			fmt.Println(pass.End)
		}
	}
	// Output:
	// 12:00:00 create on node-1: node has no pod
	// 12:00:00 create on node-2: node has no pod
	// stalled after 10s (3 passes, at least 0 of 2 available), on:
	//   node-2: agent-2: not ready
}

// What would applying this manifest do? It restricts a DaemonSet to nodes with
// disk=ssd, which deletes a pod at once, and changes the template, which starts a
// rollout.
func ExampleWhatIf() {
	labels := map[string]string{"env": "demo"}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Namespace: "default"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-alpine"}}},
			},
		},
	}
	// A cluster takes the place of what a client would list.
	var c simulate.Cluster
	err := c.Apply(ds,
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1", Labels: map[string]string{"disk": "ssd"}}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-2", Labels: map[string]string{"disk": "ssd"}}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-3", Labels: map[string]string{"disk": "hdd"}}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	in := c.Input(ds)

	manifest := ds.DeepCopy()
	manifest.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: manifest}, simulate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(impact)

	// How long will it take, and with how many pods at least?
	end, err := simulate.Settle(impact.After, simulate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end)

	// The same manifest again changes nothing, and neither does a default written out.
	manifest = ds.DeepCopy()
	if impact, err = simulate.WhatIf(in, simulate.Proposal{DaemonSet: manifest}, simulate.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println()
	fmt.Println(impact)
	manifest.Spec.Template.Spec.DNSPolicy = corev1.DNSClusterFirst
	if impact, err = simulate.WhatIf(in, simulate.Proposal{DaemonSet: manifest}, simulate.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(impact)

	// A taint on a node, before it is put there.
	tainted := in.Nodes[0].DeepCopy()
	tainted.Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: "db", Effect: corev1.TaintEffectNoSchedule}}
	nodes := []*corev1.Node{tainted, in.Nodes[1], in.Nodes[2]}
	if impact, err = simulate.WhatIf(in, simulate.Proposal{Nodes: nodes}, simulate.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println()
	fmt.Println(impact)
	// Output:
	// starts a rollout to revision 2: 3 outdated pods
	//   spec.template.spec.nodeSelector[disk]: added "ssd"
	// nodes: 1 lost, 2 unchanged
	//   worker-3: lost: nodeSelector disk=ssd, node has disk=hdd
	// first pass: 1 to delete
	//   delete nginx-deploy-3 on worker-3: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd
	// complete after 26s (8 passes, at least 1 of 2 available)
	//
	// no change
	// no change: the manifest only writes out defaults
	//
	// no rollout: the template is the same
	// nodes: 1 keeps its pod, 2 unchanged
	//   worker-1: keeps its pod: untolerated taint dedicated=db:NoSchedule
	// first pass: no pod to delete or create
}

// The API server would refuse another selector. Nothing is simulated: the Impact says why,
// and what the manifest changes in the template.
func ExampleWhatIf_refused() {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: "default"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "agent"}}},
		},
	}
	proposed := ds.DeepCopy()
	proposed.Spec.Selector.MatchLabels["app"] = "log-agent"
	proposed.Spec.Template.Labels["app"] = "log-agent"
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: proposed}, simulate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(impact)
	// Output:
	// refused: spec.selector: Invalid value: {"matchLabels":{"app":"log-agent"}}: field is immutable
	// not simulated; it changes the template:
	//   spec.template.metadata.labels[app]: "agent" -> "log-agent"
}
