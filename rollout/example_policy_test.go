package rollout_test

import (
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// A policy combines several restrictions: one zone after the other, the last node first,
// and a node that is down uses no budget.
func ExamplePolicy() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i, zone := range []string{"east", "west", "east", "west", "east", "west"} {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))
	down := objects[1].(*corev1.Node)
	down.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(c.Now()),
	}}
	err = errors.Join(err, c.Apply(down))
	c.Elapse(10 * time.Minute)

	c.Options.Policy = rollout.Policy{
		OneDomain:           &rollout.OneDomain{Label: corev1.LabelTopologyZone},
		Order:               &rollout.Order{By: rollout.Reverse(rollout.ByName)},
		IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}},
	}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
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

// A pause stops the update, but a node that joins still gets a pod.
func ExamplePolicy_paused() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))
	err = errors.Join(err, c.Apply(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-5"}}))

	c.Options.Policy.Paused = true
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	// Output:
	// create on worker-5: node has no pod
}

// A freeze stops everything: a node that joins stays without a pod.
func ExamplePolicy_frozen() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))
	err = errors.Join(err, c.Apply(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-5"}}))

	c.Options.Policy.Frozen = true
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	fmt.Println(result.Restricted, result.Policy)
	// Output:
	// nothing to do
	// [1 by freeze] held back: 4 by freeze
}

// A node that is down keeps its pod and uses no budget.
func ExamplePolicy_ignoreNotReadyNodes() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))
	down := objects[1].(*corev1.Node)
	down.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(c.Now()),
	}}
	err = errors.Join(err, c.Apply(down))
	c.Elapse(10 * time.Minute)

	c.Options.Policy.IgnoreNotReadyNodes = &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 1 by ignored node
	// ignored: worker-1 (node is not ready)
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// A pod that does not end blocks its node, but not the others.
func ExamplePolicy_ignoreStuckPods() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))
	stuck := c.Input(ds).Pods[0].DeepCopy()
	stuck.DeletionTimestamp = new(metav1.NewTime(c.Now().Add(-2 * time.Minute))) // it should have ended then
	err = errors.Join(err, c.Apply(stuck))

	c.Options.Policy.IgnoreStuckPods = &rollout.IgnoreAfter{After: metav1.Duration{Duration: time.Minute}}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 3 outdated; maxUnavailable 1, 0 unavailable
	// ignored: worker-1 (pod is terminating past its grace period)
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// A node that the policy ignores blocks nothing: an update is complete without it.
func ExampleComplete() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 3 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	down := objects[1].(*corev1.Node)
	down.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(c.Now())}}
	c.Options.Policy.IgnoreNotReadyNodes = &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}
	err = errors.Join(err, c.Apply(ds, down), c.Advance(10*time.Minute))
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rollout.Complete(result.Snapshot, rollout.PolicyStatus{}))
	fmt.Println(rollout.Complete(result.Snapshot, result.Policy), result.Policy.Ignored)
	// Output:
	// false
	// true [worker-1 (node is not ready)]
}

// The caller knows which nodes to ignore: here nodes that are being drained.
func ExamplePolicy_ignoreNode() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))
	drained := objects[1].(*corev1.Node)
	drained.Spec.Unschedulable = true
	err = errors.Join(err, c.Apply(drained))

	c.Options.Policy.IgnoreNodes = &rollout.IgnoreNodes{By: rollout.Cordoned}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 1 by ignored node
	// ignored: worker-1 (ignored by the caller)
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// Only the nodes of one zone are updated.
func ExamplePolicy_nodeSelector() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i, zone := range []string{"east", "west", "east", "west"} {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))

	c.Options.Policy.NodeSelector = metav1.SetAsLabelSelector(map[string]string{corev1.LabelTopologyZone: "west"})
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 2 by node selector
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// Zone by zone, and in each zone the last node first.
func ExamplePolicy_order() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i, zone := range []string{"east", "west", "east", "west"} {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))

	c.Options.Policy.Order = &rollout.Order{By: rollout.InOrder([]rollout.Compare{rollout.ByLabel(corev1.LabelTopologyZone), rollout.Reverse(rollout.ByName)})}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// delete agent-3 on worker-3: outdated, within maxUnavailable
}

// All pods are broken. Upstream replaces them together; a strict budget replaces one
// at a time.
func ExamplePolicy_strictBudget() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return simulate.PodTimes{ReadyAfter: -1} } // never
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute))                                                     // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))

	c.Options.Policy.StrictBudget = true
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 4 unavailable
	// held back: 3 by strict budget
	// delete agent-1 on worker-1: outdated and not available
}

// Two of four nodes keep their pods. The others are updated from the last one on.
func ExamplePartition() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))

	c.Options.Policy.Partition = &rollout.Partition{Nodes: intstr.FromString("50%")}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 2 by partition
	// delete agent-4 on worker-4: outdated, within maxUnavailable
}

// All nodes of one zone are updated before the next zone begins.
func ExampleOneDomain() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromString("100%"))}
	objects := []metav1.Object{ds}
	for i, zone := range []string{"east", "west", "east", "west"} {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))

	c.Options.Policy.OneDomain = &rollout.OneDomain{Label: corev1.LabelTopologyZone, First: []string{"west"}}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// domain west
	// held back: 2 by one domain at a time
	// delete agent-2 on worker-2: outdated, within maxUnavailable
	// delete agent-4 on worker-4: outdated, within maxUnavailable
}

// One node of each zone at a time, in all zones at once.
func ExampleDomainBudget() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromString("100%"))}
	objects := []metav1.Object{ds}
	for i, zone := range []string{"east", "west", "east", "west"} {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))

	c.Options.Policy.DomainBudgets = []rollout.DomainBudget{{Label: corev1.LabelTopologyZone, MaxUnavailable: intstr.FromInt32(1)}}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// held back: 2 by domain budget
	// delete agent-1 on worker-1: outdated, within maxUnavailable
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// One node of each zone tries the new template. The others wait.
func ExampleCanary() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromString("100%"))}
	objects := []metav1.Object{ds}
	for i, zone := range []string{"east", "west", "east", "west"} {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("worker-", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	err = errors.Join(err, c.Apply(ds))

	c.Options.Policy.Canary = &rollout.Canary{
		Nodes: intstr.FromString("50%"), Spread: []string{corev1.LabelTopologyZone}, Wait: metav1.Duration{Duration: 10 * time.Minute},
	}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// canary starting on worker-1, worker-2
	// held back: 2 by canary
	// delete agent-1 on worker-1: outdated, within maxUnavailable
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}

// One first pod is created in the first minute, two in the second, and so on.
func ExampleSlowStart() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 4 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := c.Apply(objects...)
	c.Elapse(90 * time.Second)

	c.Options.Policy.SlowStart = &rollout.SlowStart{Pods: 1, Increase: 1}
	result, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	fmt.Println(result.Restricted)
	// Output:
	// create on worker-1: node has no pod
	// create on worker-2: node has no pod
	// create on worker-3: node has no pod
	// requeue after 30s
	// [1 by slow start]
}

// A trial needs a memory: each pass returns it, and the next one takes it. Here the pod
// on the canary never becomes ready, and the update is rolled back.
func ExampleCanaryTrial() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: "agent:1"}}
	objects := []metav1.Object{ds}
	for i := range 3 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
	c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return simulate.PodTimes{ReadyAfter: -1} } // never
	if err = errors.Join(err, c.Apply(ds)); err != nil {
		fmt.Println(err)
		return
	}

	opts := rollout.Options{Policy: rollout.Policy{
		Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 3 * time.Minute}},
	}}
	for range 3 {
		result, err := rollout.Sync(c.Input(ds), opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(&result.Plan)
		if result.Policy.Canary != nil {
			fmt.Println(result.Policy.Canary)
		}
		if !result.Rollback.Skipped() {
			fmt.Println("image:", result.Rollback.DaemonSet.Spec.Template.Spec.Containers[0].Image)
		}
		opts.CanaryTrial = result.CanaryTrial
		if err := c.CarryOut(ds, result); err != nil {
			fmt.Println(err)
			return
		}
		c.Elapse(4 * time.Minute)
	}
	// Output:
	// delete agent-1 on worker-1: outdated, within maxUnavailable
	// canary starting on worker-1
	// create on worker-1: node has no pod
	// nothing to do
	// canary failed on worker-1: worker-1: agent-4: takes too long to start
	// image: agent:1
}

// Every node of the canary has passed, and a person approves the template: the trial's
// state becomes Promoted, and the next pass updates the other nodes. A simulated cluster
// takes the trial in its Options.
func ExampleCanaryTrial_promotion() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: "agent:1"}}
	objects := []metav1.Object{ds}
	for i := range 3 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
	c.Options.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}
	err = errors.Join(err, c.Apply(ds), c.Advance(time.Minute))
	waiting, syncErr := c.Sync(ds)
	if err = errors.Join(err, syncErr); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(waiting.Policy)
	fmt.Println("needs a decision:", waiting.NeedsDecision())

	promoted := waiting.CanaryTrial.DeepCopy()
	promoted.State = rollout.CanaryPromoted
	c.Options.CanaryTrial = promoted
	result, err := c.Sync(ds)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	// Output:
	// canary waits for promotion on worker-1
	// held back: 2 by canary
	// needs a decision: true
	// delete agent-2 on worker-2: outdated, within maxUnavailable
}
