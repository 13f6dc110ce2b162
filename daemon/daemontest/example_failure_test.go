package daemontest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pernode/daemonset/daemon/daemontest"
)

// printer prints what a test reports.
type printer struct{ testing.TB }

func (printer) Helper()           {}
func (printer) Error(args ...any) { fmt.Println(args...) }

// What does a failure look like? Each one has a reason for each node.
func Example_failures() {
	var t printer
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(4)
	daemontest.Taint(t, "nvidia.com/gpu:NoSchedule", nodes[3])
	c := daemontest.Settled(t, agent, nodes...)
	c.RunsOn(t, agent, nodes[1:]...)
	c.NeverOn(t, agent, nodes[2:]...)

	c.BreakImage(t, "agent:broken")
	c.Apply(t, daemontest.WithImage(agent, "agent:broken"))
	c.SettlesWithin(t, time.Minute)
	c.AtMostUnavailable(t, agent, 0)

	c.Taint(t, "db=a:NoExecute", nodes[1])
	c.StallsAt(t, agent, 2)
	c.NoPodLost(t, agent)
	// Output:
	// kube-system/agent: runs on the wrong nodes (-want +got):
	// + node-1: runs agent-1: eligible
	// - node-4: does not run: untolerated taint nvidia.com/gpu:NoSchedule; an existing pod stays
	// kube-system/agent: had pods on 1 node that it must never run on:
	// node-3: got agent-3 at 12:00:00: eligible
	// kube-system/agent: want the rollout complete within 1m0s, got: stalled without completing a node (3 passes, at least 2 of 3 available), on:
	//   node-1: agent-4: image "agent:broken" cannot be pulled: ImagePullBackOff
	//   node-2, node-3: desired, current, ready, available; the pod has an outdated template
	// maxUnavailable 1 is used by node-1 (new pod is not available)
	// kube-system/agent: 1 node unavailable at 12:10:10, want at most 0:
	// node-1: agent-1: terminating until 2026-01-01T12:10:40Z
	// maxUnavailable allows 1 during an update; maxSurge with maxUnavailable 0 allows none
	// kube-system/agent: want the rollout stalled at 2 nodes, not at 1 (node-1), got: stalled without completing a node (2 passes, at least 1 of 2 available), on:
	//   node-1: agent-4: image "agent:broken" cannot be pulled: ImagePullBackOff
	//   node-3: desired, current, ready, available; agent-3 has an outdated template
	// maxUnavailable 1 is used by node-1 (new pod is not available)
	// kube-system/agent: 1 node lost the pod:
	// node-2: agent-2 was deleted at 12:10:12: untolerated taint db=a:NoExecute
}
