package daemon_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
)

// exporter is the DaemonSet of the examples.
func exporter() *appsv1.DaemonSet {
	labels := map[string]string{"app": "exporter"}
	return daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter", UID: "7f1c", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "exporter", Image: "exporter:1.9"}}},
			},
		},
	})
}

func exampleNode(name string, taints ...corev1.Taint) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{Taints: taints}}
}

// examplePod is a pod of the DaemonSet as it looks in a cluster.
func examplePod(ds *appsv1.DaemonSet, name, node, hash string, phase corev1.PodPhase) *corev1.Pod {
	pod := daemon.NewPod(ds, node, hash)
	pod.Name, pod.Spec.NodeName, pod.Status.Phase = name, node, phase
	if phase == corev1.PodRunning {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	return pod
}

var controlPlane = corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}

// In a unit test: which pods does my DaemonSet want on these nodes?
func ExampleDesiredPods() {
	nodes := []*corev1.Node{exampleNode("worker-2"), exampleNode("worker-1"), exampleNode("control", controlPlane)}

	pods, err := daemon.DesiredPods(daemon.Input{DaemonSet: exporter(), Nodes: nodes})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pod := range pods {
		node, _ := daemon.TargetNode(pod)
		fmt.Println(pod.GenerateName, node, pod.Spec.Containers[0].Image, len(pod.Spec.Tolerations), "tolerations")
	}
	// Output:
	// exporter- worker-1 exporter:1.9 6 tolerations
	// exporter- worker-2 exporter:1.9 6 tolerations
}

// In an autoscaler: what will run on a node that does not exist yet? The node is
// the template with the labels and taints that it will have.
func ExampleDesiredPodsOnNode() {
	storage := exporter()
	storage.Name = "storage"
	storage.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	storage.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	dedicated := exampleNode("pool-b-template", corev1.Taint{Key: "dedicated", Value: "db", Effect: corev1.TaintEffectNoSchedule})
	dedicated.Labels = map[string]string{"disk": "ssd"}

	pods, err := daemon.DesiredPodsOnNode(dedicated, []*appsv1.DaemonSet{exporter(), storage}, placement.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pod := range pods {
		fmt.Println(pod.OwnerReferences[0].Name)
	}
	// Output:
	// storage
}

// What is to be created and deleted now, and why?
func ExampleReconcile() {
	ds := exporter()
	hash := daemon.TemplateHash(&ds.Spec.Template, nil)
	s, err := daemon.Observe(daemon.Input{
		DaemonSet: ds,
		Nodes: []*corev1.Node{
			exampleNode("worker-1"), exampleNode("worker-2"), exampleNode("worker-3"),
			exampleNode("worker-4", corev1.Taint{Key: "maintenance", Effect: corev1.TaintEffectNoExecute}),
		},
		Pods: []*corev1.Pod{
			examplePod(ds, "exporter-a", "worker-2", hash, corev1.PodRunning),
			examplePod(ds, "exporter-b", "worker-2", hash, corev1.PodRunning),
			examplePod(ds, "exporter-c", "worker-3", hash, corev1.PodFailed),
			examplePod(ds, "exporter-d", "worker-4", hash, corev1.PodRunning),
		},
		Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan := daemon.Reconcile(s)
	for _, d := range plan.Delete {
		fmt.Println(d)
	}
	for _, c := range plan.Create {
		fmt.Println(c) // c.Pod is what to send
	}
	for _, e := range plan.Events {
		fmt.Println(e)
	}
	// Output:
	// delete exporter-b on worker-2: another pod stays on the node (exporter-a)
	// delete exporter-c on worker-3: pod failed
	// delete exporter-d on worker-4: node does not keep the pod: untolerated taint {maintenance: } (NoExecute)
	// create on worker-1: node has no pod
	// Warning FailedDaemonPod: Found failed daemon pod monitoring/exporter-c on node worker-3, will try to kill it
}

// A failed pod is not replaced in a hot loop: each plan hands its memory on to the
// next pass.
func ExampleBackoff() {
	ds := exporter()
	in := daemon.Input{
		DaemonSet: ds,
		Nodes:     []*corev1.Node{exampleNode("worker-1")},
		Now:       time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	}
	for i := range 4 {
		in.Pods = []*corev1.Pod{examplePod(ds, fmt.Sprint("exporter-", i), "worker-1", "", corev1.PodFailed)}
		s, err := daemon.Observe(in)
		if err != nil {
			fmt.Println(err)
			return
		}
		plan := daemon.Reconcile(s)
		fmt.Println(len(plan.Delete), "deleted, requeue after", plan.RequeueAfter)
		in.Backoff = plan.Backoff
		in.Now = in.Now.Add(plan.RequeueAfter)
	}
	// Output:
	// 1 deleted, requeue after 0s
	// 0 deleted, requeue after 1s
	// 1 deleted, requeue after 0s
	// 0 deleted, requeue after 2s
}

// Why does the status say what it says?
func ExampleStatusByNode() {
	ds := exporter()
	old, cur := "6b5fd8c7", daemon.TemplateHash(&ds.Spec.Template, nil)
	s, err := daemon.Observe(daemon.Input{
		DaemonSet: ds,
		Nodes:     []*corev1.Node{exampleNode("worker-1"), exampleNode("worker-2"), exampleNode("worker-3"), exampleNode("control", controlPlane)},
		Pods: []*corev1.Pod{
			examplePod(ds, "exporter-a", "worker-1", cur, corev1.PodRunning),
			examplePod(ds, "exporter-b", "worker-2", old, corev1.PodPending),
			examplePod(ds, "exporter-c", "control", old, corev1.PodRunning),
		},
		Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	status := daemon.Status(s)
	fmt.Printf("desired %d, current %d, ready %d, up-to-date %d, unavailable %d, misscheduled %d\n",
		status.DesiredNumberScheduled, status.CurrentNumberScheduled, status.NumberReady,
		status.UpdatedNumberScheduled, status.NumberUnavailable, status.NumberMisscheduled)
	for _, n := range daemon.StatusByNode(s) {
		fmt.Println(n)
	}
	// Output:
	// desired 3, current 2, ready 1, up-to-date 1, unavailable 2, misscheduled 1
	// control: misscheduled: exporter-c is here; untolerated taint {node-role.kubernetes.io/control-plane: } (NoSchedule)
	// worker-1: desired, current, ready, available, up-to-date
	// worker-2: desired, current; exporter-b is not ready; exporter-b has an outdated template
	// worker-3: desired; no pod
}

// Who owns a pod, and what has to be written about it?
func ExampleClaimer() {
	ds := exporter()
	claimer, err := daemon.NewClaimer(ds)
	if err != nil {
		fmt.Println(err)
		return
	}
	own := daemon.NewPod(ds, "worker-1", "")
	orphan := daemon.NewPod(ds, "worker-2", "")
	orphan.OwnerReferences, orphan.UID = nil, "93a0"
	relabelled := daemon.NewPod(ds, "worker-3", "")
	relabelled.Labels["app"], relabelled.UID = "debug", "c2e8"

	for _, pod := range []*corev1.Pod{own, orphan, relabelled} {
		claim := claimer.Pod(pod)
		fmt.Println(claim)
		if patch := claimer.Patch(claim, pod.UID); patch != nil {
			fmt.Println(string(patch))
		}
	}
	// Output:
	// keep
	// adopt
	// {"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"DaemonSet","name":"exporter","uid":"7f1c","controller":true,"blockOwnerDeletion":true}],"uid":"93a0"}}
	// release
	// {"metadata":{"uid":"c2e8","ownerReferences":[{"$patch":"delete","uid":"7f1c"}]}}
}

// In a controller: a node has changed. Whose pass does that call for?
func ExampleDaemonSetsToSync() {
	sets := []*appsv1.DaemonSet{exporter(), exporter()}
	sets[1].Name, sets[1].Spec.Template.Spec.Tolerations = "tolerant", []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	podsOnNode := []*corev1.Pod{
		examplePod(sets[0], "exporter-a", "worker-1", "", corev1.PodRunning),
		examplePod(sets[1], "tolerant-a", "worker-1", "", corev1.PodRunning),
	}
	was, heartbeat := exampleNode("worker-1"), exampleNode("worker-1")
	heartbeat.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	drained := exampleNode("worker-1", corev1.Taint{Key: "maintenance", Effect: corev1.TaintEffectNoExecute})

	for _, now := range []*corev1.Node{heartbeat, drained} {
		if !placement.NodeChanged(was, now) {
			fmt.Println("labels and taints are the same: nothing to do")
			continue
		}
		toSync, err := daemon.DaemonSetsToSync(now, sets, podsOnNode, placement.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, ds := range toSync {
			fmt.Println("sync", ds.Name)
		}
	}
	// Output:
	// labels and taints are the same: nothing to do
	// sync exporter
}
