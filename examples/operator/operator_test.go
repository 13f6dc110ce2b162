package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pernode/daemonset/daemon/daemontest"
)

func TestRunsInItsPoolOnly(t *testing.T) {
	nodes := daemontest.Nodes(6)
	daemontest.Label(t, PoolLabel+"=web", nodes[:4]...)
	agent := DaemonSet(Spec{Version: "1", Pool: "web"})
	c := daemontest.Settled(t, agent, nodes...)
	c.RunsOn(t, agent, nodes[:4]...)
}

func TestRunsOnControlPlanesAndNotOnGPUs(t *testing.T) {
	nodes := daemontest.Nodes(6)
	daemontest.Taint(t, "node-role.kubernetes.io/control-plane:NoSchedule", nodes[0])
	daemontest.Taint(t, "nvidia.com/gpu:NoSchedule", nodes[5])
	agent := DaemonSet(Spec{Version: "1"})
	c := daemontest.Settled(t, agent, nodes...)
	c.RunsOn(t, agent, nodes[:5]...)
	c.NeverOn(t, agent, nodes[5])
}

func TestNewVersion(t *testing.T) {
	for _, tc := range []struct {
		parallel    string
		unavailable int
		within      time.Duration
	}{
		{"1", 1, 2 * time.Minute},
		{"50%", 3, 30 * time.Second},
	} {
		t.Run("parallel "+tc.parallel, func(t *testing.T) {
			agent := DaemonSet(Spec{Version: "1", Parallel: tc.parallel})
			c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
			c.Apply(t, DaemonSet(Spec{Version: "2", Parallel: tc.parallel}))
			c.SettlesWithin(t, tc.within)
			c.AtMostUnavailable(t, agent, tc.unavailable)
			c.NoPodLost(t, agent)
		})
	}
}

func TestBrokenVersionStopsAtOneNode(t *testing.T) {
	agent := DaemonSet(Spec{Version: "1"})
	c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
	next := DaemonSet(Spec{Version: "2"})
	c.BreakImage(t, next.Spec.Template.Spec.Containers[0].Image)
	c.Apply(t, next)
	c.StallsAt(t, agent, 1)
}

func TestKeepsPodsOnNodesThatAreNotReady(t *testing.T) {
	agent, nodes := DaemonSet(Spec{Version: "1"}), daemontest.Nodes(6)
	c := daemontest.Settled(t, agent, nodes...)
	c.NotReady(t, nodes[:2]...)
	c.Advance(t, time.Hour)
	c.NoPodLost(t, agent)
}

func TestPhase(t *testing.T) {
	agent := DaemonSet(Spec{Version: "1"})
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	check := func(when, want string) {
		t.Helper()
		if got := Phase(c.Input(agent).DaemonSet); got != want {
			t.Errorf("%s: Phase = %s, want %s", when, got, want)
		}
	}
	check("complete", "Ready")
	c.Apply(t, DaemonSet(Spec{Version: "2"}))
	check("not observed", "Updating")
	c.Advance(t, 15*time.Second)
	check("one of three", "Updating")
	c.Advance(t, time.Minute)
	check("complete again", "Ready")
	c.Hang(t, c.Pods(t, agent)[0])
	c.Advance(t, time.Second)
	check("one pod hangs, as the budget allows", "Ready")
}

func TestPrintsAManifest(t *testing.T) {
	var out strings.Builder
	if err := write(&out, Spec{Version: "1", Pool: "web"}); err != nil {
		t.Fatal(err)
	}
	node := daemontest.Node("node-1", PoolLabel+"=web")
	agent := daemontest.Parse(t, out.String()).DaemonSets[0]
	daemontest.Settled(t, agent, node).RunsOn(t, agent, node)
}
