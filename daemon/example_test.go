package daemon_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
)

// In a unit test: which pods does my DaemonSet want on these nodes? No pods of a cluster
// are read, so that a manifest will do.
func ExampleDesiredPods() {
	labels := map[string]string{"app": "exporter"}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "exporter", Image: "exporter:1.9"}}},
			},
		},
	}
	nodes := []*corev1.Node{
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
		{
			ObjectMeta: metav1.ObjectMeta{Name: "control"},
			Spec: corev1.NodeSpec{Taints: []corev1.Taint{
				{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule},
			}},
		},
	}

	pods, err := daemon.DesiredPods(daemon.Input{DaemonSet: daemon.Default(ds), Nodes: nodes})
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

// What is to be created and deleted now, and why?
func ExampleReconcile() {
	labels := map[string]string{"app": "exporter"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter", UID: "7f1c"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	node := func(name string, taints ...corev1.Taint) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{Taints: taints}}
	}
	pod := func(name, node, hash string, phase corev1.PodPhase) *corev1.Pod {
		pod := daemon.NewPod(ds, node, hash) // with an empty hash, that of the template
		pod.Name, pod.Spec.NodeName, pod.Status.Phase = name, node, phase
		if phase == corev1.PodRunning {
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		}
		return pod
	}

	s, err := daemon.Observe(daemon.Input{
		DaemonSet: ds,
		Nodes: []*corev1.Node{
			node("worker-1"), node("worker-2"), node("worker-3"),
			node("worker-4", corev1.Taint{Key: "maintenance", Effect: corev1.TaintEffectNoExecute}),
		},
		Pods: []*corev1.Pod{
			pod("exporter-a", "worker-2", "", corev1.PodRunning),
			pod("exporter-b", "worker-2", "", corev1.PodRunning),
			pod("exporter-c", "worker-3", "", corev1.PodFailed),
			pod("exporter-d", "worker-4", "", corev1.PodRunning),
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
	// delete exporter-d on worker-4: node does not keep the pod: untolerated taint maintenance:NoExecute
	// create on worker-1: node has no pod
	// Warning FailedDaemonPod: Found failed daemon pod monitoring/exporter-c on node worker-3, will try to kill it
}

// A controller of your own creates no pods on nodes in maintenance.
func ExampleReconcileExcept() {
	labels := map[string]string{"app": "exporter"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter", UID: "7f1c"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	s, err := daemon.Observe(daemon.Input{
		DaemonSet: ds,
		Nodes: []*corev1.Node{
			{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
			{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}, Spec: corev1.NodeSpec{Unschedulable: true}},
		},
		Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	cordoned := func(position int) bool { return s.Nodes()[position].Node.Spec.Unschedulable }
	fmt.Println(daemon.ReconcileExcept(s, cordoned))
	// Output:
	// create on worker-1: node has no pod
}

// A failed pod is not replaced in a hot loop: each plan hands its memory on to the
// next pass.
func ExampleBackoff() {
	labels := map[string]string{"app": "exporter"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter", UID: "7f1c"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{
		DaemonSet: ds,
		Nodes:     []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}}},
		Now:       time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	}

	for i := range 4 {
		failed := daemon.NewPod(ds, "worker-1", "")
		failed.Name, failed.Status.Phase = fmt.Sprint("exporter-", i), corev1.PodFailed
		in.Pods = []*corev1.Pod{failed}
		s, err := daemon.Observe(in)
		if err != nil {
			fmt.Println(err)
			return
		}
		plan := daemon.Reconcile(s)
		fmt.Println(len(plan.Delete), "deleted, requeue after", plan.RequeueAfter)
		in.Backoff = in.Backoff.With(plan.BackoffChanges)
		in.Now = in.Now.Add(plan.RequeueAfter)
	}
	// Output:
	// 1 deleted, requeue after 0s
	// 0 deleted, requeue after 1s
	// 1 deleted, requeue after 0s
	// 0 deleted, requeue after 2s
}

// In a controller: the facts change, and the snapshot follows.
func ExampleSnapshot_Update() {
	labels := map[string]string{"app": "exporter"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter", UID: "7f1c"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	worker1, worker2 := &corev1.Node{}, &corev1.Node{}
	worker1.Name, worker2.Name = "worker-1", "worker-2"
	s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Nodes: []*corev1.Node{worker1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(daemon.Reconcile(s))

	created := daemon.Reconcile(s).Create[0].Pod
	created.Name = "exporter-a"
	if _, err := s.Update(daemon.Changes{Pods: []*corev1.Pod{created}, Nodes: []*corev1.Node{worker2}}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(daemon.Reconcile(s))
	// Output:
	// create on worker-1: node has no pod
	// create on worker-2: node has no pod
}

// Why does the status say what it says?
func ExampleStatusByNode() {
	labels := map[string]string{"app": "exporter"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter", UID: "7f1c"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	node := func(name string, taints ...corev1.Taint) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{Taints: taints}}
	}
	pod := func(name, node, hash string, phase corev1.PodPhase) *corev1.Pod {
		pod := daemon.NewPod(ds, node, hash) // with an empty hash, that of the template
		pod.Name, pod.Spec.NodeName, pod.Status.Phase = name, node, phase
		if phase == corev1.PodRunning {
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		}
		return pod
	}

	old := "6b5fd8c7"
	s, err := daemon.Observe(daemon.Input{
		DaemonSet: ds,
		Nodes: []*corev1.Node{
			node("worker-1"), node("worker-2"), node("worker-3"),
			node("control", corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}),
		},
		Pods: []*corev1.Pod{
			pod("exporter-a", "worker-1", "", corev1.PodRunning),
			pod("exporter-b", "worker-2", old, corev1.PodPending),
			pod("exporter-c", "control", old, corev1.PodRunning),
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
	// control: misscheduled: exporter-c is here; untolerated taint node-role.kubernetes.io/control-plane:NoSchedule
	// worker-1: desired, current, ready, available, up-to-date
	// worker-2: desired, current; exporter-b is not ready; exporter-b has an outdated template
	// worker-3: desired; no pod
}

// Who owns a pod, and what has to be written about it?
func ExampleClaimer() {
	labels := map[string]string{"app": "exporter"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter", UID: "7f1c"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})

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
		claim, err := claimer.Pod(pod)
		if err != nil {
			fmt.Println(err)
			continue
		}
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

// In a controller: a node has changed. Which DaemonSets need a pass?
func ExampleDaemonSetsToSync() {
	exporter, tolerant := &appsv1.DaemonSet{}, &appsv1.DaemonSet{}
	exporter.Name, tolerant.Name = "exporter", "tolerant"
	tolerant.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	sets := []*appsv1.DaemonSet{exporter, tolerant}
	podsOnNode := []*corev1.Pod{daemon.NewPod(exporter, "worker-1", ""), daemon.NewPod(tolerant, "worker-1", "")}
	for _, pod := range podsOnNode {
		pod.Spec.NodeName = "worker-1"
	}
	was := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}}
	heartbeat, drained := was.DeepCopy(), was.DeepCopy()
	heartbeat.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	drained.Spec.Taints = []corev1.Taint{{Key: "maintenance", Effect: corev1.TaintEffectNoExecute}}

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

// What the API server fills in.
func ExampleDefault() {
	spec := daemon.Default(&appsv1.DaemonSet{}).Spec
	update := spec.UpdateStrategy.RollingUpdate
	fmt.Println(spec.UpdateStrategy.Type, update.MaxUnavailable, update.MaxSurge, *spec.RevisionHistoryLimit)
	// Output:
	// RollingUpdate 1 0 10
}

// In a check before a merge: would the API server accept this manifest?
func ExampleValidate() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter"}}
	ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "exporter"}}
	ds.Spec.Template.Labels = map[string]string{"app": "export"}
	ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.FromInt32(1))}

	for _, err := range daemon.Validate(daemon.Default(ds)) {
		fmt.Println(err)
	}
	// Output:
	// spec.template.metadata.labels: Invalid value: {"app":"export"}: `selector` does not match template `labels`
	// spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero; set maxUnavailable: 0, its default is 1
}

// Would the API server accept this change of a live object?
func ExampleValidateUpdate() {
	labels := map[string]string{"app": "exporter"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "exporter", UID: "7f1c"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	ds.ResourceVersion = "7"

	changed := ds.DeepCopy()
	changed.Spec.Selector.MatchLabels["tier"] = "node"
	changed.Spec.Template.Labels = map[string]string{"app": "exporter", "tier": "node"}
	for _, err := range daemon.ValidateUpdate(changed, ds) {
		fmt.Println(err.Field + ": " + err.Detail)
	}
	// Output:
	// spec.selector: field is immutable
}
