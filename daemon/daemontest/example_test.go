package daemontest_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Which nodes run a DaemonSet? In these examples, t stands for what a test is given.
func ExampleSettled() {
	t := new(testing.T)
	agent := daemontest.DaemonSet("agent")
	agent.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	nodes := daemontest.Nodes(3)
	daemontest.Label(t, "disk=ssd", nodes[:2]...)

	c := daemontest.Settled(t, agent, nodes...)
	for _, pod := range c.Pods(t, agent) {
		fmt.Println(pod.Spec.NodeName, pod.Name)
	}
	// Output:
	// node-1 agent-1
	// node-2 agent-2
}

// What does a controller do about facts that a test makes up? One of the pods is of the version
// before.
func ExampleNewCluster() {
	t := new(testing.T)
	old := daemontest.DaemonSet("agent")
	agent := daemontest.WithImage(old, "agent:2")
	c := daemontest.NewCluster(t, daemon.Input{
		DaemonSet: agent,
		Nodes:     daemontest.Nodes(2),
		Pods:      []*corev1.Pod{daemontest.Pod(agent, "node-1"), daemontest.Pod(old, "node-2")},
		Revisions: []*appsv1.ControllerRevision{daemontest.Revision(old, 1), daemontest.Revision(agent, 2)},
		Now:       daemontest.Start(),
	}, simulate.Options{})
	fmt.Println(c.Sync(t, agent).Plan)
	// Output:
	// delete agent-node-2 on node-2: outdated, within maxUnavailable
}

// How does a manifest in the test itself become a DaemonSet? Read and ReadFS read files.
func ExampleParse() {
	t := new(testing.T)
	agent := daemontest.Parse(t, `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector:
    matchLabels: {app: agent}
  template:
    metadata:
      labels: {app: agent}
    spec:
      nodeSelector: {kubernetes.io/os: linux}
      containers: [{name: agent, image: agent:1}]
`).DaemonSets[0]
	c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
	fmt.Println(c.Input(agent).DaemonSet.Status.NumberAvailable)
	// Output: 6
}

// What is the state in the middle of a rollout? Advance moves the clock; Input has all facts,
// for every function of the library.
func ExampleCluster_Advance() {
	t := new(testing.T)
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	for range 2 {
		c.Advance(t, 10*time.Second)
		snapshot, err := daemon.Observe(c.Input(agent))
		if err != nil {
			t.Fatal(err)
		}
		assessment, err := health.Assess(snapshot, health.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(c.Now().Format(time.TimeOnly), assessment)
	}
	// Output:
	// 12:10:20 progressing: 0 of 3 nodes complete; maxUnavailable 1 is used by node-1 (agent-4: not ready)
	// 12:10:30 progressing: 1 of 3 nodes complete; maxUnavailable 1 is used by node-2 (agent-5: not ready)
}

// Does a controller with rules of its own get there? This one deletes all outdated pods at
// once, on top of what the library does.
func ExampleCluster_CarryOut() {
	t := new(testing.T)
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	for range 60 {
		in := c.Input(agent)
		result, err := rollout.Sync(in, rollout.Options{})
		if err != nil {
			t.Fatal(err)
		}
		snapshot, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		result.Plan.Delete = nil
		for _, node := range snapshot.Nodes() {
			for _, p := range node.Pods {
				if !p.Updated && !p.Terminating {
					result.Plan.Delete = append(result.Plan.Delete, daemon.Delete{Node: node.Name, Pod: p.Pod})
				}
			}
		}
		c.CarryOut(t, agent, result)
		c.Elapse(t, time.Second)
	}
	c.SettlesWithin(t, 0) // it is complete
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// Do nodes that go NotReady keep their pods, and are these ready again afterwards?
func ExampleCluster_NotReady() {
	t := new(testing.T)
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(3)
	c := daemontest.Settled(t, agent, nodes...)
	c.NotReady(t, nodes[2])
	c.Advance(t, time.Hour)
	c.RunsOn(t, agent, nodes...)
	c.Recover(t, nodes[2])
	c.SettlesWithin(t, time.Minute)
	c.NoPodLost(t, agent)
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// Does the DaemonSet run where it should, and nowhere else?
func ExampleCluster_RunsOn() {
	t := new(testing.T)
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(6)
	agent.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "workers"}
	daemontest.Label(t, "pool=workers", nodes[:4]...)
	c := daemontest.Settled(t, agent, nodes...)
	c.RunsOn(t, agent, nodes[:4]...)
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// Does the next version of a manifest take the pods away from nodes that have one?
func ExampleCluster_NoPodLost() {
	t := new(testing.T)
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(6)
	daemontest.Label(t, "disk=ssd", nodes...)
	c := daemontest.Settled(t, agent, nodes...)
	agent.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	c.Apply(t, agent)
	c.SettlesWithin(t, 5*time.Minute)
	c.NoPodLost(t, agent)
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// Does an operator's DaemonSet keep off the nodes that it has no toleration for, also after
// an update?
func ExampleCluster_NeverOn() {
	t := new(testing.T)
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(6)
	daemontest.Taint(t, "nvidia.com/gpu:NoSchedule", nodes[4:]...)
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Settle(t)
	c.NeverOn(t, agent, nodes[4:]...)
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// Does a new image roll out one node at a time, and in time?
func ExampleCluster_AtMostUnavailable() {
	t := new(testing.T)
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.SettlesWithin(t, 5*time.Minute)
	c.AtMostUnavailable(t, agent, 1)
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// Is an image that cannot be pulled for an hour the end of a rollout? FromNow leaves the first
// update out of what the assertions look at.
func ExampleCluster_FromNow() {
	t := new(testing.T)
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.SettlesWithin(t, 5*time.Minute)

	c.FromNow(t)
	c.BreakImage(t, "agent:3")
	c.Apply(t, daemontest.WithImage(agent, "agent:3"))
	c.Advance(t, time.Hour)
	c.MendImage(t, "agent:3")
	c.SettlesWithin(t, 5*time.Minute)
	c.AllReplaced(t, agent)
	c.AtMostUnavailable(t, agent, 1)
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// Does a rollout stop if its image cannot be pulled? The budget is one node.
func ExampleCluster_StallsAt() {
	t := new(testing.T)
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
	c.BreakImage(t, "agent:broken")
	c.Apply(t, daemontest.WithImage(agent, "agent:broken"))
	c.StallsAt(t, agent, 1)
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}

// How long may a rollout take? The pods of node-2 need a minute to become ready.
func ExampleCluster_SettlesWithin() {
	t := new(testing.T)
	var c daemontest.Cluster
	c.Options.PodTimes = func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
		if node != nil && node.Name == "node-2" {
			return simulate.PodTimes{ReadyAfter: time.Minute}
		}
		return simulate.PodTimes{}
	}
	c.Join(t, daemontest.Nodes(3)...)
	c.Apply(t, daemontest.DaemonSet("agent"))
	c.SettlesWithin(t, time.Minute)
	fmt.Println("failed:", t.Failed())
	// Output: failed: false
}
