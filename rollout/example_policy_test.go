package rollout_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// A policy combines several restrictions: one zone after the other, the oldest pods first,
// and a node that is down uses no budget.
func ExamplePolicy() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.CreationTimestamp = metav1.NewTime(in.Now.Add(-time.Duration(i+1) * time.Hour))
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	// worker-1 has been down for ten minutes, and its pod is not ready.
	in.Nodes[0].Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(in.Now.Add(-10 * time.Minute)),
	}}
	in.Pods[0].Status.Conditions[0].Status = corev1.ConditionFalse
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		OneDomain:           &rollout.OneDomain{Label: corev1.LabelTopologyZone},
		Order:               rollout.OldestPodFirst,
		IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 6 desired, 6 outdated; maxUnavailable 1, 0 unavailable
	// domain east
	// held back: 1 by ignored node; 3 by one domain at a time
	// ignored: worker-1 (node is not ready)
	// delete agent-5 on worker-5: outdated, within maxUnavailable
}

// Validate finds contradictions before a policy is used.
func ExamplePolicy_Validate() {
	policy := &rollout.Policy{
		Canary:    &rollout.Canary{Nodes: intstr.FromInt32(1)},
		Partition: &rollout.Partition{Nodes: intstr.FromString("half")},
	}
	for _, err := range policy.Validate(field.NewPath("spec", "policy")) {
		fmt.Println(err)
	}
	// Output:
	// spec.policy.partition.nodes: Invalid value: "half": invalid value for IntOrString: invalid type: string is not a percentage
	// spec.policy.partition: Forbidden: must not be set with canary: both choose the nodes to update first
}

// A pause stops the update, but a node without a pod still gets one.
func ExamplePolicy_paused() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	in.Pods = in.Pods[1:]
	result, err := rollout.Sync(in, rollout.Options{Policy: rollout.Policy{Paused: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	// Output:
	// create on worker-1: node has no pod
}

// A freeze stops everything: the node without a pod stays without one.
func ExamplePolicy_frozen() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	in.Pods = in.Pods[1:]
	result, err := rollout.Sync(in, rollout.Options{Policy: rollout.Policy{Frozen: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	fmt.Println(result.Restricted, result.Policy.Restricted)
	// Output:
	// nothing to do
	// [1 by freeze] [3 by freeze]
}

// A node that is down keeps its pod and uses no budget.
func ExamplePolicy_ignoreNotReadyNodes() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	// worker-1 has been down for ten minutes.
	in.Nodes[0].Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(in.Now.Add(-10 * time.Minute)),
	}}
	in.Pods[0].Status.Conditions[0].Status = corev1.ConditionFalse
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 1 by ignored node
	// ignored: worker-1 (node is not ready)
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// A pod that does not end blocks its node, but not the others.
func ExamplePolicy_ignoreStuckPods() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	// The pod on worker-1 should have ended two minutes ago.
	ended := metav1.NewTime(in.Now.Add(-2 * time.Minute))
	in.Pods[0].DeletionTimestamp = &ended
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		IgnoreStuckPods: &rollout.IgnoreAfter{After: metav1.Duration{Duration: time.Minute}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 3 outdated; maxUnavailable 1, 0 unavailable
	// ignored: worker-1 (pod is terminating past its grace period)
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// The caller knows which nodes to ignore: here nodes that are being drained.
func ExamplePolicy_ignoreNode() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	in.Nodes[0].Spec.Unschedulable = true
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		IgnoreNode: func(n *daemon.NodeState) bool { return n.Node != nil && n.Node.Spec.Unschedulable },
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 1 by ignored node
	// ignored: worker-1 (ignored by the caller)
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// Only the nodes of one zone are updated.
func ExamplePolicy_nodeSelector() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		NodeSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelTopologyZone: "west"}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 2 by node selector
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// Zone by zone, and in each zone the last node first.
func ExamplePolicy_order() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		Order: rollout.InOrder([]rollout.Compare{rollout.ByLabel(corev1.LabelTopologyZone), rollout.Reverse(rollout.ByName)}),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// delete agent-3 on worker-3: outdated, within maxUnavailable
}

// All pods are broken. Upstream replaces them together; a strict budget replaces one
// at a time.
func ExamplePolicy_strictBudget() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	for _, pod := range in.Pods {
		pod.Status.Conditions[0].Status = corev1.ConditionFalse
	}
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		StrictBudget: true,
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 4 unavailable
	// held back: 3 by strict budget
	// delete agent-1 on worker-1: outdated and not available
}

// Two of four nodes keep their pods. The others are updated from the last one on.
func ExamplePartition() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		Partition: &rollout.Partition{Nodes: intstr.FromString("50%")},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 2 by partition
	// delete agent-4 on worker-4: outdated, within maxUnavailable
}

// All nodes of one zone are updated before the next zone begins.
func ExampleOneDomain() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	all := intstr.FromString("100%")
	ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &all
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		OneDomain: &rollout.OneDomain{Label: corev1.LabelTopologyZone, First: []string{"west"}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// domain west
	// held back: 2 by one domain at a time
	// delete agent-2 on worker-2: outdated, within maxUnavailable
	// delete agent-4 on worker-4: outdated, within maxUnavailable
}

// One node of each zone at a time, in all zones at once.
func ExampleDomainBudget() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	all := intstr.FromString("100%")
	ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &all
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		DomainBudgets: []rollout.DomainBudget{{Label: corev1.LabelTopologyZone, MaxUnavailable: intstr.FromInt32(1)}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// held back: 2 by domain budget
	// delete agent-1 on worker-1: outdated, within maxUnavailable
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// One node of each zone tries the new template. The others wait.
func ExampleCanary() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i, zone := range []string{"east", "west", "east", "west"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		pod := daemon.NewPod(ds, node.Name, "old")
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}
	all := intstr.FromString("100%")
	ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &all
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := rollout.NextStep(snapshot, rollout.Options{Policy: rollout.Policy{
		Canary: &rollout.Canary{
			Nodes: intstr.FromString("50%"), Spread: []string{corev1.LabelTopologyZone}, Wait: metav1.Duration{Duration: 10 * time.Minute},
		},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// canary starting on worker-1, worker-2
	// held back: 2 by canary
	// delete agent-1 on worker-1: outdated, within maxUnavailable
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// One first pod is created in the first minute, two in the second, and so on.
func ExampleSlowStart() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	for i := range 4 {
		in.Nodes = append(in.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	ds.CreationTimestamp = metav1.NewTime(in.Now.Add(-90 * time.Second))
	result, err := rollout.Sync(in, rollout.Options{Policy: rollout.Policy{
		SlowStart: &rollout.SlowStart{Pods: 1, Increase: 1},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	fmt.Println(result.Restricted)
	// Output:
	// create on worker-1: node has no pod
	// create on worker-2: node has no pod
	// create on worker-3: node has no pod
	// look again after 30s
	// [1 by slow start]
}

// A trial needs a memory: each pass returns it, and the next one takes it. Here the pod
// on the canary never starts, and the update is rolled back.
func ExampleCanaryTrial() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
			},
		},
	})
	in := daemon.Input{DaemonSet: ds, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	first, err := rollout.Sync(in, rollout.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	in.Revisions = append(in.Revisions, first.Revisions.Create)
	for i := range 3 {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}}
		pod := daemon.NewPod(ds, node.Name, first.Revisions.Hash)
		pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", i+1), node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, pod)
	}

	// The image changes, and one node tries it.
	in.DaemonSet = ds.DeepCopy()
	in.DaemonSet.Generation++
	in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 3 * time.Minute}}}
	result, err := rollout.Sync(in, rollout.Options{Policy: policy})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Policy.Canary)

	// Its pod is not ready four minutes later.
	in.Revisions = append(in.Revisions, result.Revisions.Create)
	pod := daemon.NewPod(in.DaemonSet, "worker-1", result.Revisions.Hash)
	pod.Name, pod.Spec.NodeName, pod.CreationTimestamp = "agent-4", "worker-1", metav1.NewTime(in.Now)
	in.Pods[0] = pod
	in.Now = in.Now.Add(4 * time.Minute)
	result, err = rollout.Sync(in, rollout.Options{Policy: policy, CanaryTrial: result.CanaryTrial})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Policy.Canary)
	fmt.Println("image:", result.Rollback.DaemonSet.Spec.Template.Spec.Containers[0].Image)
	// Output:
	// canary starting on worker-1
	// canary failed on worker-1: worker-1: agent-4: takes too long to start
	// image: agent:1
}
