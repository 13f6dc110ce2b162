package rollout_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// What would applying this manifest do? It restricts a DaemonSet to nodes with
// disk=ssd, which deletes a pod at once, and changes the template, which starts a
// rollout.
func ExampleWhatIf() {
	in := rollout.Input{Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	in.DaemonSet = daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Namespace: "default", UID: "1b0c6a3e"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "demo"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"env": "demo"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-alpine"}}},
			},
		},
	})
	for name, disk := range map[string]string{"worker-1": "ssd", "worker-2": "ssd", "worker-3": "hdd"} {
		in.Nodes = append(in.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"disk": disk}}})
	}
	// What the controller has made of it so far: a revision, and a pod on each node.
	first, err := rollout.Sync(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	in.Revisions = append(in.Revisions, first.Revisions.Create)
	for _, create := range first.Plan.Create {
		pod := create.Pod
		pod.Name, pod.Spec.NodeName = "nginx-deploy-on-"+create.Node, create.Node
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Pods = append(in.Pods, pod)
	}

	manifest := in.DaemonSet.DeepCopy()
	manifest.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	impact, err := rollout.WhatIf(in, rollout.Proposal{DaemonSet: manifest})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(impact)
	for _, node := range impact.Of(rollout.NodeLost) {
		fmt.Println("before:", node.Before)
		fmt.Println("after: ", node.After)
	}

	// How long will it take, and with how many pods at least?
	end, err := impact.Rollout(rollout.World{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end)

	// A default that is written out changes nothing.
	manifest = in.DaemonSet.DeepCopy()
	manifest.Spec.Template.Spec.DNSPolicy = corev1.DNSClusterFirst
	if impact, err = rollout.WhatIf(in, rollout.Proposal{DaemonSet: manifest}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println()
	fmt.Println(impact.Written)
	fmt.Println(impact.OnlyDefaults(), impact.Start)
	fmt.Println(impact)

	// A taint on a node, before anybody puts it there.
	tainted := make([]*corev1.Node, len(in.Nodes))
	for i, node := range in.Nodes {
		tainted[i] = node.DeepCopy()
		if node.Name == "worker-1" {
			tainted[i].Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: "db", Effect: corev1.TaintEffectNoSchedule}}
		}
	}
	if impact, err = rollout.WhatIf(in, rollout.Proposal{Nodes: tainted}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println()
	fmt.Println(impact)
	// Output:
	// starts a rollout to revision 2: 3 outdated pods
	//   spec.nodeSelector[disk]: added "ssd"
	// nodes: 0 gained, 1 lost, 0 kept, 0 removed, 2 unchanged
	//   worker-3: lost: nodeSelector disk=ssd, node has disk=hdd
	// at once: 1 to delete, 0 to create
	//   delete nginx-deploy-on-worker-3 on worker-3: node should not run it: nodeSelector disk=ssd, node has disk=hdd
	// before: worker-3: runs here
	// after:  worker-3: not run: nodeSelector disk=ssd, node has disk=hdd
	// finished at 12:00:26 after 8 passes, at least 1 available
	//
	// spec.dnsPolicy: added "ClusterFirst"
	// true none
	// this change is only a default written out: no rollout
	// nodes: 0 gained, 0 lost, 0 kept, 0 removed, 3 unchanged
	// at once: 0 to delete, 0 to create
	//
	// no rollout: the template is the same
	// nodes: 0 gained, 0 lost, 1 kept, 0 removed, 2 unchanged
	//   worker-1: kept: untolerated taint {dedicated: db} (NoSchedule)
	// at once: 0 to delete, 0 to create
}
