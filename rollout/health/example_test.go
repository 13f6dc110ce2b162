package health_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout/health"
)

// Is the rollout progressing or stalled, since when, and on what? The new image cannot be
// pulled, and the other nodes wait for the budget.
func ExampleAssess() {
	// A simulated cluster takes the place of what a client would list.
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	c.BreakImage(t, "agent:2")
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Advance(t, 30*time.Minute)

	snapshot, err := daemon.Observe(c.Input(agent))
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := health.Assess(snapshot, health.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	fmt.Println(assessment.State, "for", c.Now().Sub(assessment.LastChange))
	for _, user := range assessment.Budget.Users {
		fmt.Printf("%s uses %v: %v\n", user.Node, assessment.Budget.Kind, user.Reason)
	}
	for _, b := range assessment.Blockers {
		fmt.Println(b.Pod.Name, b.Kind == health.BlockerImage, b.Container.Name, b.Reason)
	}
	for _, outdated := range assessment.Outdated {
		fmt.Println(outdated.Name, "waits")
	}
	// Output:
	// stalled since 2026-01-01T12:10:12Z: 0 of 3 nodes complete; maxUnavailable 1 is used by node-1 (agent-4: image "agent:2" cannot be pulled: ImagePullBackOff)
	// stalled for 29m58s
	// node-1 uses maxUnavailable: new pod is not available
	// agent-4 true main ImagePullBackOff
	// agent-2 waits
	// agent-3 waits
}

// Who has to act? With the strategy OnDelete, whoever deletes the outdated pods.
func ExampleAssess_onDelete() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	agent.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	c := daemontest.Settled(t, agent, daemontest.Nodes(1)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Settle(t)

	snapshot, err := daemon.Observe(c.Input(agent))
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := health.Assess(snapshot, health.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	// Output:
	// waiting: 0 of 1 node complete; 1 outdated pod waits to be deleted: agent-1 on node-1
}
