package health_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/kubectl"
)

// What does a dashboard show? The table of kubectl get daemonsets, below it the state of the
// rollout, and one line for each node.
func ExampleAssess_dashboard() {
	// A simulated cluster takes the place of what a client would list. It is in the middle
	// of an update.
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(3)
	daemontest.Taint(t, "dedicated=db:NoSchedule", nodes[2])
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Advance(t, 5*time.Second)
	in := c.Input(agent)

	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := health.Assess(snapshot, health.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(kubectl.NewTable([]*appsv1.DaemonSet{in.DaemonSet}, in.Now))
	fmt.Println(assessment)
	for _, node := range daemon.StatusByNode(snapshot) {
		fmt.Println(node)
	}
	// Output:
	// NAME    DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE
	// agent   2         2         1       1            1           <none>          10m
	// progressing: 0 of 2 nodes complete; maxUnavailable 1 is used by node-1 (agent-3: not ready)
	// node-1: desired, current, up-to-date; agent-3 is not ready
	// node-2: desired, current, ready, available; agent-2 has an outdated template
	// node-3: not desired: untolerated taint dedicated=db:NoSchedule
}

// Does a canary wait, and for whom? Assess needs the policy, and the trial that the last pass
// has returned.
func ExampleAssess_policy() {
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}}
	// A simulated cluster takes the place of a controller and of what a client would list.
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(2)...)
	c.Options.Policy = policy
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	trial := c.Settle(t)[0].Last.CanaryTrial

	snapshot, err := daemon.Observe(c.Input(agent))
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := health.Assess(snapshot, health.Options{Policy: policy, CanaryTrial: trial})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)

	promoted := *trial
	promoted.State = rollout.CanaryPromoted
	if assessment, err = health.Assess(snapshot, health.Options{Policy: policy, CanaryTrial: &promoted}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	// Output:
	// waiting: 1 of 2 nodes complete; canary waits for promotion on node-1; held back: 1 by canary
	// progressing: 1 of 2 nodes complete; 1 to delete now
}
