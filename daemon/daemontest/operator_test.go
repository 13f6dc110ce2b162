package daemontest_test

import (
	"testing"
	"time"

	"github.com/pernode/daemonset/daemon/daemontest"
)

// The tests of a made-up operator, which deploys the agent of testdata/agent.yaml.

func TestRunsOnTheRightNodes(t *testing.T) {
	agent, nodes := daemontest.ReadDaemonSet(t, "testdata/agent.yaml"), daemontest.Nodes(6)
	daemontest.Label(t, "pool=batch", nodes[4:]...)
	c := daemontest.Settled(t, agent, nodes...)
	c.RunsOn(t, agent, nodes[:4]...)
}

func TestImageChangeRollsOneNodeAtATime(t *testing.T) {
	agent := daemontest.ReadDaemonSet(t, "testdata/agent.yaml")
	c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.SettlesWithin(t, 5*time.Minute)
	c.AllReplaced(t, agent)
	c.AtMostUnavailable(t, agent, 1)
}

func TestGPUNodesNeverGetIt(t *testing.T) {
	agent, nodes := daemontest.ReadDaemonSet(t, "testdata/agent.yaml"), daemontest.Nodes(6)
	daemontest.Taint(t, "nvidia.com/gpu:NoSchedule", nodes[4:]...)
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Settle(t)
	c.NeverOn(t, agent, nodes[4:]...)
}

func TestNotReadyNodesKeepTheirPods(t *testing.T) {
	agent, nodes := daemontest.ReadDaemonSet(t, "testdata/agent.yaml"), daemontest.Nodes(6)
	c := daemontest.Settled(t, agent, nodes...)
	c.NotReady(t, nodes[:2]...)
	c.Advance(t, time.Hour)
	c.NoPodLost(t, agent)
}

func TestBadImageStopsAtOneNode(t *testing.T) {
	agent := daemontest.ReadDaemonSet(t, "testdata/agent.yaml")
	c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
	c.BreakImage(t, "agent:broken")
	c.Apply(t, daemontest.WithImage(agent, "agent:broken"))
	c.StallsAt(t, agent, 1)
}
