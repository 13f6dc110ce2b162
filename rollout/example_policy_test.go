package rollout_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout"
)

// A policy combines several restrictions: one zone after the other, the last node first,
// and a node that is down uses no budget.
func ExamplePolicy() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(6)
	agent.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} // as many agents have
	for i, node := range nodes {
		node.Labels[corev1.LabelTopologyZone] = []string{"east", "west"}[i%2]
	}
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Unreachable(t, nodes[0])
	c.Elapse(t, 10*time.Minute)

	c.Options.Policy = rollout.Policy{
		OneDomain:           &rollout.OneDomain{Label: corev1.LabelTopologyZone},
		Order:               &rollout.Order{By: rollout.Reverse(rollout.ByName)},
		IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}},
	}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 6 desired, 6 outdated; maxUnavailable 1, 0 unavailable
	// one domain at a time: now topology.kubernetes.io/zone=east
	// held back: 1 by ignored node; 3 by another domain's turn
	// ignored: node-1 (node is not ready)
	// delete agent-5 on node-5: outdated, within maxUnavailable
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
	// spec.policy.partition.nodes: Invalid value: "half": must be a number, or a percentage such as 10%
	// spec.policy.partition: Forbidden: must not be set with canary: both choose the nodes to update first
}

// A pause stops the update, but a node that joins still gets a pod.
func ExamplePolicy_paused() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(4)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Join(t, daemontest.Node("node-5"))

	c.Options.Policy.Paused = true
	fmt.Println(c.Sync(t, agent).Plan)
	// Output:
	// create on node-5: node has no pod
}

// A freeze stops everything: a node that joins stays without a pod.
func ExamplePolicy_frozen() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(4)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Join(t, daemontest.Node("node-5"))

	c.Options.Policy.Frozen = true
	result := c.Sync(t, agent)
	fmt.Println(&result.Plan)
	fmt.Println(result.Restricted, result.Policy)
	// Output:
	// nothing to do
	// [1 by freeze] held back: 4 by freeze
}

// A node that is down keeps its pod and uses no budget.
func ExamplePolicy_ignoreNotReadyNodes() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	agent.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} // as many agents have
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Unreachable(t, nodes[0])
	c.Elapse(t, 10*time.Minute)

	c.Options.Policy.IgnoreNotReadyNodes = &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 1 by ignored node
	// ignored: node-1 (node is not ready)
	// delete agent-2 on node-2: outdated, within maxUnavailable
}

// A pod that does not end blocks its node, but not the others.
func ExamplePolicy_ignoreStuckPods() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	stuck := c.Pods(t, agent, nodes[0])[0].DeepCopy()
	stuck.DeletionTimestamp = new(metav1.NewTime(c.Now().Add(-2 * time.Minute))) // it should have ended then
	c.Apply(t, stuck)

	c.Options.Policy.IgnoreStuckPods = &rollout.IgnoreAfter{After: metav1.Duration{Duration: time.Minute}}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 3 outdated; maxUnavailable 1, 0 unavailable
	// ignored: node-1 (pod is terminating past its grace period)
	// delete agent-2 on node-2: outdated, within maxUnavailable
}

// A node that the policy ignores blocks nothing: an update is complete without it.
func ExampleComplete() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(3)
	agent.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} // as many agents have
	c := daemontest.Settled(t, agent, nodes...)
	c.Options.Policy.IgnoreNotReadyNodes = &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}
	c.Unreachable(t, nodes[0])
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Advance(t, 10*time.Minute)
	result := c.Sync(t, agent)
	fmt.Println(rollout.Complete(result.Snapshot, rollout.PolicyStatus{}))
	fmt.Println(rollout.Complete(result.Snapshot, result.Policy), result.Policy.Ignored)
	// Output:
	// false
	// true [node-1 (node is not ready)]
}

// The caller knows which nodes to ignore: here nodes that are being drained.
func ExamplePolicy_ignoreNode() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	drained := c.Nodes(t, "")[0].DeepCopy()
	drained.Spec.Unschedulable = true
	c.Join(t, drained)

	c.Options.Policy.IgnoreNodes = &rollout.IgnoreNodes{By: rollout.Cordoned}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 1 by ignored node
	// ignored: node-1 (ignored by the caller)
	// delete agent-2 on node-2: outdated, within maxUnavailable
}

// Only the nodes of one zone are updated.
func ExamplePolicy_nodeSelector() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	for i, node := range nodes {
		node.Labels[corev1.LabelTopologyZone] = []string{"east", "west"}[i%2]
	}
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	c.Options.Policy.NodeSelector = metav1.SetAsLabelSelector(map[string]string{corev1.LabelTopologyZone: "west"})
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 2 by node selector
	// delete agent-2 on node-2: outdated, within maxUnavailable
}

// Zone by zone, and in each zone the last node first.
func ExamplePolicy_order() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	for i, node := range nodes {
		node.Labels[corev1.LabelTopologyZone] = []string{"east", "west"}[i%2]
	}
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	c.Options.Policy.Order = &rollout.Order{By: rollout.InOrder([]rollout.Compare{rollout.ByLabel(corev1.LabelTopologyZone), rollout.Reverse(rollout.ByName)})}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// delete agent-3 on node-3: outdated, within maxUnavailable
}

// All pods are broken. Upstream replaces them together; a strict budget replaces one
// at a time.
func ExamplePolicy_strictBudget() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	c := daemontest.Settled(t, agent, nodes...)
	c.Hang(t, c.Pods(t, agent)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	c.Options.Policy.StrictBudget = true
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 4 unavailable
	// held back: 3 by strict budget
	// delete agent-1 on node-1: outdated and not available
}

// Two of four nodes keep their pods. The others are updated from the last one on.
func ExamplePartition() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	c.Options.Policy.Partition = &rollout.Partition{Nodes: intstr.FromString("50%")}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 2 by partition
	// delete agent-4 on node-4: outdated, within maxUnavailable
}

// All nodes of one zone are updated before the next zone begins.
func ExampleOneDomain() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	agent.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromString("100%"))}
	nodes := daemontest.Nodes(4)
	for i, node := range nodes {
		node.Labels[corev1.LabelTopologyZone] = []string{"east", "west"}[i%2]
	}
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	c.Options.Policy.OneDomain = &rollout.OneDomain{Label: corev1.LabelTopologyZone, First: []string{"west"}}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// one domain at a time: now topology.kubernetes.io/zone=west
	// held back: 2 by another domain's turn
	// delete agent-2 on node-2: outdated, within maxUnavailable
	// delete agent-4 on node-4: outdated, within maxUnavailable
}

// One node of each zone at a time, in all zones at once.
func ExampleDomainBudget() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	agent.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromString("100%"))}
	nodes := daemontest.Nodes(4)
	for i, node := range nodes {
		node.Labels[corev1.LabelTopologyZone] = []string{"east", "west"}[i%2]
	}
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	c.Options.Policy.DomainBudgets = []rollout.DomainBudget{{Label: corev1.LabelTopologyZone, MaxUnavailable: intstr.FromInt32(1)}}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// held back: 2 by domain budget
	// delete agent-1 on node-1: outdated, within maxUnavailable
	// delete agent-2 on node-2: outdated, within maxUnavailable
}

// One node of each zone tries the new template. The others wait.
func ExampleCanary() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	agent.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromString("100%"))}
	nodes := daemontest.Nodes(4)
	for i, node := range nodes {
		node.Labels[corev1.LabelTopologyZone] = []string{"east", "west"}[i%2]
	}
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	c.Options.Policy.Canary = &rollout.Canary{
		Nodes: intstr.FromString("50%"), Spread: []string{corev1.LabelTopologyZone}, Wait: metav1.Duration{Duration: 10 * time.Minute},
	}
	fmt.Println(c.Sync(t, agent).Step)
	// Output:
	// update: 4 desired, 4 outdated; maxUnavailable 4, 0 unavailable
	// canary starting on node-1, node-2
	// held back: 2 by canary
	// delete agent-1 on node-1: outdated, within maxUnavailable
	// delete agent-2 on node-2: outdated, within maxUnavailable
}

// One first pod is created in the first minute, two in the second, and so on.
func ExampleSlowStart() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	var c daemontest.Cluster
	c.Join(t, nodes...)
	c.Apply(t, agent)
	c.Elapse(t, 90*time.Second)

	c.Options.Policy.SlowStart = &rollout.SlowStart{Pods: 1, Increase: 1}
	result := c.Sync(t, agent)
	fmt.Println(&result.Plan)
	fmt.Println(result.Restricted)
	// Output:
	// create on node-1: node has no pod
	// create on node-2: node has no pod
	// create on node-3: node has no pod
	// requeue after 30s
	// [1 by slow start]
}

// A trial needs a memory: each pass returns it, and the next one takes it. Here the pod
// on the canary never becomes ready, and the update is rolled back.
func ExampleCanaryTrial() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(3)
	c := daemontest.Settled(t, agent, nodes...)
	c.BreakImage(t, "agent:2")
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	opts := rollout.Options{Policy: rollout.Policy{
		Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 3 * time.Minute}},
	}}
	for range 3 {
		result, err := rollout.Sync(c.Input(agent), opts)
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
		c.CarryOut(t, agent, result)
		c.Elapse(t, 4*time.Minute)
	}
	// Output:
	// delete agent-1 on node-1: outdated, within maxUnavailable
	// canary starting on node-1
	// create on node-1: node has no pod
	// nothing to do
	// canary failed: node-1: agent-4: image "agent:2" cannot be pulled: ImagePullBackOff; node-1: agent-4: takes too long to start
	// image: agent:1
}

// Every node of the canary has passed, and a person approves the template: the trial's
// state becomes Promoted, and the next pass updates the other nodes. A simulated cluster
// takes the trial in its Options.
func ExampleCanaryTrial_promotion() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	c.Options.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Advance(t, time.Minute)
	waiting := c.Sync(t, agent)
	fmt.Println(waiting.Policy)
	fmt.Println("needs a decision:", waiting.NeedsDecision())

	promoted := waiting.CanaryTrial.DeepCopy()
	promoted.State = rollout.CanaryPromoted
	c.Options.CanaryTrial = promoted
	fmt.Println(c.Sync(t, agent).Plan)
	// Output:
	// canary waits for promotion on node-1
	// held back: 2 by canary
	// needs a decision: true
	// delete agent-2 on node-2: outdated, within maxUnavailable
}
