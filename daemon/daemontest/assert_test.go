package daemontest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// onSSDs is an agent for the nodes with disk=ssd.
func onSSDs() *appsv1.DaemonSet {
	ds := daemontest.DaemonSet("agent")
	ds.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	return ds
}

// surging is an agent that is updated with maxSurge 1.
func surging() *appsv1.DaemonSet {
	ds := daemontest.DaemonSet("agent")
	ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{
		MaxUnavailable: new(intstr.FromInt32(0)), MaxSurge: new(intstr.FromInt32(1)),
	}
	return ds
}

// tryBroken returns a cluster in which a canary of agent:2 begins, whose image cannot be pulled. It
// fails after that time; zero means never.
func tryBroken(t testing.TB, after time.Duration) *daemontest.Cluster {
	c := daemontest.Settled(t, daemontest.DaemonSet("agent"), daemontest.Nodes(3)...)
	c.Options.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: after}}
	c.BreakImage(t, "agent:2")
	c.Apply(t, daemontest.WithImage(daemontest.DaemonSet("agent"), "agent:2"))
	return c
}

// timesOf returns the times of pods by the names of their nodes.
func timesOf(times map[string]simulate.PodTimes) func(*corev1.Node, *corev1.Pod) simulate.PodTimes {
	return func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
		name, _ := daemon.TargetNode(pod)
		return times[name]
	}
}

// TestAssertions: what an assertion reports, and that it reports nothing if it holds.
func TestAssertions(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	agent2 := daemontest.WithImage(agent, "agent:2")
	onDelete := agent.DeepCopy()
	onDelete.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	ssds := daemontest.Nodes(2, "disk=ssd")
	for _, tc := range []struct {
		name, why string
		test      func(t testing.TB)
		want      string
	}{
		{"RunsOn holds", "nothing to report", func(t testing.TB) {
			nodes := daemontest.Nodes(3)
			daemontest.Settled(t, agent, nodes...).RunsOn(t, agent, nodes...)
		}, ``},
		{"RunsOn, pods are not ready", "where it runs, not how", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Hang(t, c.Pods(t, agent)...)
			c.RunsOn(t, agent, ssds...)
		}, ``},
		{"RunsOn, nowhere", "no nodes are a demand, too", func(t testing.TB) {
			c := daemontest.Settled(t, onSSDs(), daemontest.Nodes(3)...)
			c.RunsOn(t, agent)
		}, `log: kube-system/agent: complete, and runs on no node`},
		{"Settled, without nodes", "it is worth a word", func(t testing.TB) { daemontest.Settled(t, agent) },
			`log: kube-system/agent: complete, and runs on no node`},
		{"RunsOn, missing and extra", "the rule that decided about each", func(t testing.TB) {
			nodes := daemontest.Nodes(4)
			daemontest.Label(t, "disk=ssd", nodes[0], nodes[3])
			daemontest.Settled(t, onSSDs(), nodes...).RunsOn(t, agent, nodes[:3]...)
		}, `
kube-system/agent: runs on the wrong nodes (-want +got):
- node-2: does not run: nodeSelector disk=ssd, node has no label disk
- node-3: does not run: nodeSelector disk=ssd, node has no label disk
+ node-4: runs agent-2: eligible`},
		{"RunsOn, a pod that is only kept", "a taint without NoExecute", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Taint(t, "db=a:NoSchedule", ssds[1])
			c.RunsOn(t, agent, ssds[0])
		}, `
kube-system/agent: runs on the wrong nodes (-want +got):
+ node-2: runs agent-2: untolerated taint db=a:NoSchedule`},
		{"RunsOn, too early", "no pass yet", func(t testing.TB) {
			c := daemontest.NewCluster(t, daemon.Input{DaemonSet: agent, Nodes: ssds}, simulate.Options{})
			c.RunsOn(t, agent, ssds...)
		}, `
kube-system/agent: runs on the wrong nodes (-want +got):
- node-1: no pod
- node-2: no pod`},
		{"RunsOn, the pod does not fit", "the scheduler's words", func(t testing.TB) {
			big := daemontest.DaemonSet("agent")
			big.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 80, ContainerPort: 80}}
			other := big.DeepCopy()
			other.Name, other.UID = "other", "uid-other"
			c := daemontest.Settled(t, other, ssds...)
			c.Apply(t, big)
			c.Settle(t)
			c.RunsOn(t, big, ssds[0])
		}, `
kube-system/agent: runs on the wrong nodes (-want +got):
- node-1: agent-3: cannot be scheduled: 0/2 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 1 node(s) didn't satisfy plugin(s) [NodeAffinity].`},
		{"RunsOn, a node that has left", "no node to run on", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Leave(t, ssds[1])
			c.RunsOn(t, agent, ssds...)
		}, `
kube-system/agent: runs on the wrong nodes (-want +got):
- node-2: no such node`},
		{"RunsOn, all nodes have left", "the status still counts them", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Leave(t, ssds...)
			c.RunsOn(t, agent, ssds[0])
		}, `
kube-system/agent: runs on the wrong nodes (-want +got):
- node-1: no such node`},
		{"RunsOn, a node of nowhere", "a mistake in the test", func(t testing.TB) {
			daemontest.Settled(t, agent, ssds...).RunsOn(t, agent, daemontest.Node("node-3"))
		}, `fatal: the cluster never had a node node-3; it has node-1, node-2`},
		{"RunsOn, another DaemonSet", "a mistake in the test", func(t testing.TB) {
			daemontest.Settled(t, agent, ssds...).RunsOn(t, daemontest.DaemonSet("other"))
		}, `fatal: the cluster has no DaemonSet kube-system/other; it has kube-system/agent`},
		{"RunsOn, nil", "mistakes in the test", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			t.Error(reportsOf(func(t testing.TB) { c.RunsOn(t, nil) }))
			t.Error(reportsOf(func(t testing.TB) { c.RunsOn(t, agent, nil) }))
			(*daemontest.Cluster)(nil).RunsOn(t, agent)
		}, "fatal: the DaemonSet is nil\nfatal: nodes[0] is nil\nfatal: the cluster is nil"},

		{"NeverOn holds", "a taint", func(t testing.TB) {
			nodes := daemontest.Nodes(2)
			daemontest.Taint(t, "gpu:NoSchedule", nodes[1])
			daemontest.Settled(t, agent, nodes...).NeverOn(t, agent, nodes[1])
		}, ``},
		{"NeverOn, for a while", "the pod is gone again, the record is not", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Settle(t)
			c.Taint(t, "gpu:NoExecute", ssds[1])
			c.Settle(t)
			c.RunsOn(t, agent, ssds[0])
			c.NeverOn(t, agent, ssds[1])
		}, `
kube-system/agent: had pods on 1 node that it must never run on:
node-2: got agent-2 at 12:00:00: eligible`},
		{"NeverOn, never bound", "it was created there", func(t testing.TB) {
			nodes := daemontest.Nodes(1)
			c := &daemontest.Cluster{Options: simulate.Options{
				PodTimes: func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return simulate.PodTimes{BoundAfter: -1} },
			}}
			c.Join(t, nodes...)
			c.Apply(t, agent)
			c.Settle(t)
			c.NeverOn(t, agent, nodes...)
		}, `
kube-system/agent: had pods on 1 node that it must never run on:
node-1: got agent-1 at 12:00:00: eligible`},
		{"NeverOn, a node that has left", "the record is older", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Leave(t, ssds[1])
			c.Settle(t)
			c.NeverOn(t, agent, ssds[1])
		}, `
kube-system/agent: had pods on 1 node that it must never run on:
node-2: got agent-2 at 12:00:00: eligible`},
		{"NeverOn, the DaemonSet before", "it had the same name", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Delete(t, agent)
			c.Settle(t)
			c.Taint(t, "gpu:NoExecute", ssds[1])
			c.Apply(t, agent)
			c.Settle(t)
			c.RunsOn(t, agent, ssds[0])
			c.NeverOn(t, agent, ssds[1])
		}, `
kube-system/agent: had pods on 1 node that it must never run on:
node-2: got agent-2 at 12:00:00: eligible`},
		{"NeverOn, no nodes", "it would hold for nothing", func(t testing.TB) {
			daemontest.Settled(t, agent, ssds...).NeverOn(t, agent)
		}, `fatal: kube-system/agent: no nodes are given that it must never run on`},

		{"AtMostUnavailable holds", "one by one", func(t testing.TB) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
			c.Apply(t, agent2)
			c.Settle(t)
			c.AtMostUnavailable(t, agent, 1)
		}, ``},
		{"AtMostUnavailable, surge", "never below", func(t testing.TB) {
			c := daemontest.Settled(t, surging(), daemontest.Nodes(3)...)
			c.Apply(t, daemontest.WithImage(surging(), "agent:2"))
			c.Settle(t)
			c.AtMostUnavailable(t, agent, 0)
		}, ``},
		{"AtMostUnavailable, a rollout", "the first moment of the most", func(t testing.TB) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
			c.Apply(t, agent2)
			c.Settle(t)
			c.AtMostUnavailable(t, agent, 0)
		}, `
kube-system/agent: 1 node unavailable at 12:10:10, want at most 0:
node-1: agent-1: terminating until 2026-01-01T12:10:40Z
maxUnavailable allows 1 during an update; maxSurge with maxUnavailable 0 allows none`},
		{"AtMostUnavailable, a crash in a rollout", "between two passes", func(t testing.TB) {
			nodes := daemontest.Nodes(3)
			c := daemontest.Settled(t, agent, nodes...)
			c.Apply(t, agent2)
			c.Advance(t, 3*time.Second)
			c.Crash(t, c.Pods(t, agent, nodes[2])...)
			c.SettlesWithin(t, time.Minute)
			c.AtMostUnavailable(t, agent, 1)
		}, `
kube-system/agent: 2 nodes unavailable at 12:10:13, want at most 1:
node-1: agent-4: not ready
node-3: desired, current; agent-3 is not ready; agent-3 has an outdated template`},
		{"AtMostUnavailable, a percentage", "of four nodes; maxSurge would not help, because one may be unavailable", func(t testing.TB) {
			wide := agent.DeepCopy()
			wide.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("50%"))
			c := daemontest.Settled(t, wide, daemontest.Nodes(4)...)
			c.Apply(t, daemontest.WithImage(wide, "agent:2"))
			c.Settle(t)
			c.AtMostUnavailable(t, agent, 1)
		}, `
kube-system/agent: 2 nodes unavailable at 12:10:10, want at most 1:
node-1: agent-1: terminating until 2026-01-01T12:10:40Z
node-2: agent-2: terminating until 2026-01-01T12:10:40Z
maxUnavailable allows 2 during an update`},
		{"AtMostUnavailable, crashes in no update", "maxUnavailable is about updates", func(t testing.TB) {
			nodes := daemontest.Nodes(3)
			c := daemontest.Settled(t, agent, nodes...)
			c.Crash(t, c.Pods(t, agent, nodes[0])...)
			c.AtMostUnavailable(t, agent, 0)
		}, `
kube-system/agent: 1 node unavailable at 12:10:10, want at most 0:
node-1: agent-1: container main crashed: 1 restart, last exit Error (1)`},
		{"AtMostUnavailable, FromNow", "the rollout before does not count", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.Settle(t)
			c.FromNow(t)
			c.Advance(t, time.Hour)
			c.AtMostUnavailable(t, agent, 0)
		}, ``},
		{"AtMostUnavailable, FromNow in a rollout", "what is unavailable then counts", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.Advance(t, time.Second)
			c.FromNow(t)
			c.AtMostUnavailable(t, agent, 0)
		}, `
kube-system/agent: 1 node unavailable at 12:10:11, want at most 0:
node-1: agent-1: terminating until 2026-01-01T12:10:40Z
maxUnavailable allows 1 during an update; maxSurge with maxUnavailable 0 allows none`},
		{"AtMostUnavailable, right after Settled", "the first rollout does not count", func(t testing.TB) {
			daemontest.Settled(t, agent, ssds...).AtMostUnavailable(t, agent, 0)
		}, ``},
		{"AtMostUnavailable, not settled in between", "one rollout", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.Advance(t, time.Hour)
			c.Advance(t, time.Hour)
			c.AtMostUnavailable(t, agent, 0)
		}, `
kube-system/agent: 1 node unavailable at 12:10:10, want at most 0:
node-1: agent-1: terminating until 2026-01-01T12:10:40Z
maxUnavailable allows 1 during an update; maxSurge with maxUnavailable 0 allows none`},
		{"AtMostUnavailable, nodes that should not run it", "they are not desired", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Taint(t, "gpu:NoExecute", ssds...)
			c.Settle(t)
			c.AtMostUnavailable(t, agent, 0)
		}, ``},
		{"AtMostUnavailable, nodes that are not ready", "they keep their pods, which are not available", func(t testing.TB) {
			nodes := daemontest.Nodes(3)
			c := daemontest.Settled(t, agent, nodes...)
			c.NotReady(t, nodes[:2]...)
			c.Advance(t, time.Hour)
			c.SettlesWithin(t, 0)
			c.NoPodLost(t, agent)
			c.AtMostUnavailable(t, agent, 1)
		}, `
kube-system/agent: 2 nodes unavailable at 12:10:10, want at most 1:
node-1: does not run: untolerated taint node.kubernetes.io/not-ready:NoSchedule; an existing pod stays; agent-1 is not available
node-2: does not run: untolerated taint node.kubernetes.io/not-ready:NoSchedule; an existing pod stays; agent-2 is not available`},
		{"RunsOn and NoPodLost, a node that is not ready", "it keeps its pod until an update deletes it", func(t testing.TB) {
			nodes := daemontest.Nodes(3)
			c := daemontest.Settled(t, agent, nodes...)
			c.NotReady(t, nodes[0])
			c.Settle(t)
			c.RunsOn(t, agent, nodes...)
			c.NoPodLost(t, agent)
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Settle(t)
			c.RunsOn(t, agent, nodes...)
			c.NoPodLost(t, agent)
			c.Recover(t, nodes[0])
			c.Settle(t)
			c.RunsOn(t, agent, nodes...)
			c.NoPodLost(t, agent)
		}, `
kube-system/agent: runs on the wrong nodes (-want +got):
- node-1: agent-1: terminating until 2026-01-01T12:10:40Z; node is not ready since 2026-01-01T12:10:10Z: KubeletNotReady
kube-system/agent: 1 node lost the pod:
node-1: agent-1: terminating until 2026-01-01T12:10:40Z; node is not ready since 2026-01-01T12:10:10Z: KubeletNotReady`},
		{"AtMostUnavailable, nodes that only keep an available pod", "nothing is wrong with it", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Taint(t, "gpu:NoSchedule", ssds...)
			c.Settle(t)
			c.AtMostUnavailable(t, agent, 0)
		}, ``},
		{"AtMostUnavailable, a new DaemonSet", "all nodes wait for the first pods", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			other := daemontest.DaemonSet("other")
			c.Apply(t, other)
			c.Settle(t)
			c.AtMostUnavailable(t, agent, 0)
			c.AtMostUnavailable(t, other, 1)
		}, `
kube-system/other: 2 nodes unavailable at 12:10:10, want at most 1:
node-1: no pod
node-2: no pod`},
		{"AtMostUnavailable, rolled back", "the template of that moment decides which nodes should run it", func(t testing.TB) {
			nodes := daemontest.Nodes(4)
			daemontest.Label(t, "disk=ssd", nodes[0])
			c := daemontest.Settled(t, agent, nodes...)
			c.Options.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: time.Minute}}
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(onSSDs(), "agent:2"))
			c.RolledBack(t, agent)
			c.RunsOn(t, agent, nodes...)
			c.AtMostUnavailable(t, agent, 1)
		}, `
kube-system/agent: 4 nodes unavailable at 12:11:14, want at most 1:
node-1: desired, current; agent-5 is not ready; agent-5 has an outdated template
node-2: agent-6: not ready
node-3: no pod
node-4: no pod`},
		{"SettlesWithin, rolled back", "the restored version is complete, and not the one that was applied", func(t testing.TB) {
			c := tryBroken(t, time.Minute)
			c.SettlesWithin(t, 5*time.Minute)
			c.SettlesWithin(t, 0) // nothing is to be done any more
		}, `
kube-system/agent: want the rollout complete within 5m0s, got: rolled back to revision agent-6bc785ff84 (number 1): canary failed: node-1: agent-4: image "agent:2" cannot be pulled: ImagePullBackOff; node-1: agent-4: takes too long to start
complete after 1m14s (8 passes, at least 2 of 3 available)`},
		{"RolledBack", "now, before the call, and beside the assertions that do not care", func(t testing.TB) {
			c := tryBroken(t, time.Minute)
			c.RolledBack(t, agent)
			c.RolledBack(t, agent)
			c = tryBroken(t, time.Minute)
			c.Advance(t, 5*time.Minute)
			c.RolledBack(t, agent)
		}, ``},
		{"RolledBack, of another rollout", "the version that was applied last is complete", func(t testing.TB) {
			c := tryBroken(t, time.Minute)
			c.RolledBack(t, agent)
			c.Apply(t, daemontest.WithImage(agent, "agent:3"))
			c.RolledBack(t, agent)
		}, `
kube-system/agent: want the rollout rolled back, got: complete after 36s (10 passes, at least 2 of 3 available)`},
		{"RolledBack, not failed", "without a limit the canary is paused", func(t testing.TB) {
			tryBroken(t, 0).RolledBack(t, agent)
		}, `
kube-system/agent: want the rollout rolled back, got: waiting after 2s (3 passes, at least 2 of 3 available), on:
  node-1: agent-4: image "agent:2" cannot be pulled: ImagePullBackOff
  node-2, node-3: desired, current, ready, available; the pod has an outdated template
maxUnavailable 1 is used by node-1 (new pod is not available)
canary paused: node-1: agent-4: image "agent:2" cannot be pulled: ImagePullBackOff
held back: 2 by canary`},
		{"RolledBack, no canary", "nobody rolls it back", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.RolledBack(t, agent)
		}, `
kube-system/agent: want the rollout rolled back, got: complete after 24s (7 passes, at least 1 of 2 available)
Options.Policy has no Canary`},
		{"RolledBack, of facts", "the cluster was given that version", func(t testing.TB) {
			in := daemontest.Settled(t, agent, ssds...).Input(agent)
			daemontest.NewCluster(t, in, simulate.Options{}).RolledBack(t, agent)
		}, `
kube-system/agent: want the rollout rolled back, got: complete from the start (2 of 2 available)
Options.Policy has no Canary`},
		{"RolledBack, and stuck", "the old version does not run any more either, and its pod says so late", func(t testing.TB) {
			c := tryBroken(t, time.Minute)
			c.Advance(t, 30*time.Second)
			c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return simulate.PodTimes{BoundAfter: time.Second} }
			c.BreakImage(t, "agent:1")
			c.RolledBack(t, agent)
		}, `
kube-system/agent: want the rollout rolled back and complete, got: rolled back to revision agent-6bc785ff84 (number 1): canary failed: node-1: agent-4: image "agent:2" cannot be pulled: ImagePullBackOff; node-1: agent-4: takes too long to start
stalled after 32s (4 passes, at least 2 of 3 available), on:
  node-1: agent-5: image "agent:1" cannot be pulled: ImagePullBackOff`},
		{"StallsAt, a surge on several nodes", "the problem is that of the new pods", func(t testing.TB) {
			ds := surging()
			ds.Spec.UpdateStrategy.RollingUpdate.MaxSurge = new(intstr.FromInt32(2))
			c := daemontest.Settled(t, ds, daemontest.Nodes(3)...)
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(ds, "agent:2"))
			c.StallsAt(t, ds, 1)
		}, `
kube-system/agent: want the rollout stalled at 1 node, not at 2 (node-1, node-2), got: stalled from the start (1 pass, at least 3 of 3 available), on:
  node-1, node-2: the new pod: image "agent:2" cannot be pulled: ImagePullBackOff; the old pod has an outdated template
  node-3: desired, current, ready, available; agent-3 has an outdated template
maxSurge 2 is used by node-1, node-2 (new pod beside the outdated one)`},
		{"AtMostUnavailable, one fails when another becomes ready", "both were unavailable at that moment", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Options.PodTimes = timesOf(map[string]simulate.PodTimes{"node-3": {FailsAfter: 40 * time.Second}, "node-4": {ReadyAfter: 30 * time.Second}})
			c.Join(t, daemontest.Node("node-3"))
			c.Advance(t, 10*time.Second)
			c.Join(t, daemontest.Node("node-4"))
			c.Advance(t, time.Minute)
			c.AtMostUnavailable(t, agent, 1)
		}, `
kube-system/agent: 2 nodes unavailable at 12:10:50, want at most 1:
node-3: agent-3: failed
node-4: agent-4: not ready`},
		{"AtMostUnavailable, a pod that is only kept crashes", "the node lacks it, too", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Options.PodTimes = timesOf(map[string]simulate.PodTimes{"node-3": {CrashesAfter: 40 * time.Second}, "node-4": {CrashesAfter: 35 * time.Second}})
			c.Join(t, daemontest.Node("node-3"))
			c.Advance(t, 10*time.Second)
			c.Join(t, daemontest.Node("node-4"))
			c.Advance(t, 10*time.Second)
			c.Taint(t, "gpu:NoSchedule", daemontest.Node("node-4"))
			c.Hang(t, c.Pods(t, agent, ssds[0])...)
			c.Advance(t, time.Minute)
			c.AtMostUnavailable(t, agent, 1)
		}, `
kube-system/agent: 3 nodes unavailable at 12:10:55, want at most 1:
node-1: agent-1: not ready: ContainersNotReady
node-3: agent-3: container main crashed: 1 restart, last exit Error (1)
node-4: does not run: untolerated taint gpu:NoSchedule; an existing pod stays; agent-4 is not available`},
		{"AtMostUnavailable, below zero", "a mistake in the test", func(t testing.TB) {
			daemontest.Settled(t, agent, ssds...).AtMostUnavailable(t, agent, -1)
		}, `fatal: kube-system/agent: at most -1 nodes cannot be unavailable; give 0 or more`},
		{"AtMostUnavailable, many nodes", "twenty are shown", func(t testing.TB) {
			c := &daemontest.Cluster{}
			c.Join(t, daemontest.Nodes(22)...)
			c.Apply(t, agent)
			c.Settle(t)
			c.AtMostUnavailable(t, agent, 1)
		}, `
kube-system/agent: 22 nodes unavailable at 12:00:00, want at most 1:
node-1: no pod
node-10: no pod
node-11: no pod
node-12: no pod
node-13: no pod
node-14: no pod
node-15: no pod
node-16: no pod
node-17: no pod
node-18: no pod
node-19: no pod
node-2: no pod
node-20: no pod
node-21: no pod
node-22: no pod
node-3: no pod
node-4: no pod
node-5: no pod
node-6: no pod
node-7: no pod
and 2 more`},

		{"NoPodLost holds in a rollout", "pods are replaced", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.Settle(t)
			c.NoPodLost(t, agent)
		}, ``},
		{"NoPodLost holds without nodes", "nodes that leave take their pods with them", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Leave(t, ssds[0])
			c.Settle(t)
			c.NoPodLost(t, agent)
		}, ``},
		{"NoPodLost holds for a new node of an old name", "it is another machine", func(t testing.TB) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(2)...)
			c.Leave(t, daemontest.Node("node-2"))
			node := daemontest.Node("node-2")
			daemontest.Taint(t, "gpu:NoSchedule", node)
			c.Advance(t, time.Minute)
			c.Join(t, node)
			c.Settle(t)
			c.NoPodLost(t, agent)
		}, ``},
		{"NoPodLost holds for a new node while there is no DaemonSet", "it is another machine", func(t testing.TB) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(2)...)
			c.Delete(t, agent)
			c.Leave(t, daemontest.Node("node-2"))
			node := daemontest.Node("node-2")
			daemontest.Taint(t, "gpu:NoSchedule", node)
			c.Join(t, node)
			c.Apply(t, agent)
			c.Settle(t)
			c.NoPodLost(t, agent)
		}, ``},
		{"NoPodLost, a taint", "the taint and when", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Advance(t, time.Minute)
			c.Taint(t, "gpu:NoExecute", ssds[0])
			c.Settle(t)
			c.NoPodLost(t, agent)
		}, `
kube-system/agent: 1 node lost the pod:
node-1: agent-1 was deleted at 12:11:10: untolerated taint gpu:NoExecute`},
		{"NoPodLost, a taint for a while", "it has another pod now", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Taint(t, "gpu:NoExecute", ssds[0])
			c.Advance(t, time.Minute)
			c.Untaint(t, "gpu:NoExecute", ssds[0])
			c.SettlesWithin(t, time.Minute)
			c.NoPodLost(t, agent)
		}, `
kube-system/agent: 1 node lost the pod:
node-1: agent-1 was deleted at 12:10:10: untolerated taint gpu:NoExecute`},
		{"NoPodLost, a new selector", "the manifest is the reason", func(t testing.TB) {
			c := daemontest.Settled(t, agent, append(daemontest.Nodes(1), daemontest.Node("ssd-1", "disk=ssd"))...)
			c.Apply(t, onSSDs())
			c.Settle(t)
			c.NoPodLost(t, agent)
		}, `
kube-system/agent: 1 node lost the pod:
node-1: agent-1 was deleted at 12:10:10: nodeSelector disk=ssd, node has no label disk`},
		{"NoPodLost, a rollout on a kept node", "the node gets no other", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Taint(t, "gpu:NoSchedule", ssds[0])
			c.Apply(t, agent2)
			c.Settle(t)
			c.NoPodLost(t, agent)
		}, `
kube-system/agent: 1 node lost the pod:
node-1: does not run: untolerated taint gpu:NoSchedule; an existing pod stays`},
		{"NoPodLost, too early", "a node between two pods", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.Advance(t, time.Second)
			c.NoPodLost(t, agent)
		}, `
kube-system/agent: 1 node lost the pod:
node-1: agent-1: terminating until 2026-01-01T12:10:40Z`},

		{"AllReplaced holds", "a rollout", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Join(t, daemontest.Node("node-3"))
			c.Apply(t, agent2)
			c.Settle(t)
			c.AllReplaced(t, agent)
		}, ``},
		{"AllReplaced, the same image", "nothing has happened", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, daemontest.WithImage(agent, "agent:1"))
			c.SettlesWithin(t, time.Minute)
			c.AtMostUnavailable(t, agent, 0)
			c.AllReplaced(t, agent)
		}, `
kube-system/agent: 2 nodes have the pod that they had at 12:10:10:
node-1: desired, current, ready, available, up-to-date; agent-1 is the pod of then
node-2: desired, current, ready, available, up-to-date; agent-2 is the pod of then
the template has not changed: these pods have the current one`},
		{"AllReplaced, OnDelete", "somebody has to act", func(t testing.TB) {
			c := daemontest.Settled(t, onDelete, ssds...)
			c.Apply(t, daemontest.WithImage(onDelete, "agent:2"))
			c.Settle(t)
			c.AllReplaced(t, onDelete)
		}, `
kube-system/agent: 2 nodes have the pod that they had at 12:10:10:
node-1: desired, current, ready, available; agent-1 has an outdated template
node-2: desired, current, ready, available; agent-2 has an outdated template
with OnDelete outdated pods stay until they are deleted`},
		{"AllReplaced, in a rollout", "the rest", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.Advance(t, time.Second)
			c.AllReplaced(t, agent)
		}, `
kube-system/agent: 1 node has the pod that it had at 12:10:10:
node-2: desired, current, ready, available; agent-2 has an outdated template
maxUnavailable 1 is used by node-1: agent-1: terminating until 2026-01-01T12:10:40Z`},
		{"AllReplaced, FromNow", "the rollout before does not count", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.Settle(t)
			c.FromNow(t)
			c.AllReplaced(t, agent)
		}, `
kube-system/agent: 2 nodes have the pod that they had at 12:20:34:
node-1: desired, current, ready, available, up-to-date; agent-3 is the pod of then
node-2: desired, current, ready, available, up-to-date; agent-4 is the pod of then
the template has not changed: these pods have the current one`},
		{"AllReplaced, beside a pod without room", "its message ends with a full stop, and the line goes on", func(t testing.TB) {
			ds := surging()
			ds.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
			node := daemontest.Node("node-1")
			node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourcePods: resource.MustParse("110")}
			c := daemontest.Settled(t, ds, node)
			c.Apply(t, daemontest.WithImage(ds, "agent:2"))
			c.Settle(t)
			c.AllReplaced(t, ds)
		}, `
kube-system/agent: 1 node has the pod that it had at 12:10:10:
node-1: agent-2: cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu; agent-1 is the pod of then
maxSurge 1 is used by node-1: agent-2: cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.`},
		{"AllReplaced, nowhere", "it would hold for nothing", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Taint(t, "gpu:NoExecute", ssds...)
			c.Settle(t)
			c.AllReplaced(t, agent)
		}, `kube-system/agent: runs on no node, want pods that have replaced others`},

		{"BreakImage, another image", "a typing error", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.BreakImage(t, "agent:02")
			c.Apply(t, agent2)
			c.SettlesWithin(t, time.Minute)
			c.AtMostUnavailable(t, agent, 1)
			c.NoPodLost(t, agent)
			c.AllReplaced(t, agent)
			c.Hang(t, c.Pods(t, agent)...)
			c.StallsAt(t, agent, 2)
		}, strings.TrimSuffix(strings.Repeat("\nimage \"agent:02\" is broken, and nothing has needed it", 5), "\n")},

		{"SettlesWithin holds", "just in time", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.SettlesWithin(t, 24*time.Second)
		}, ``},
		{"SettlesWithin, too slow", "the nodes that are late", func(t testing.TB) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
			c.Apply(t, agent2)
			c.SettlesWithin(t, 23*time.Second)
		}, `
kube-system/agent: complete after 36s, want it within 23s:
node-2: agent-5 was available after 24s
node-3: agent-6 was available after 36s`},
		{"SettlesWithin, minReadySeconds", "a pod becomes available without a change", func(t testing.TB) {
			slow := agent.DeepCopy()
			slow.Spec.MinReadySeconds = 30
			var c daemontest.Cluster
			c.Options.PodTimes = timesOf(map[string]simulate.PodTimes{"node-2": {ReadyAfter: time.Minute}})
			c.Join(t, ssds...)
			c.Apply(t, slow)
			c.SettlesWithin(t, 39*time.Second)
		}, `
kube-system/agent: complete after 1m30s, want it within 39s:
node-1: agent-1 was available after 40s
node-2: agent-2 was available after 1m30s`},
		{"SettlesWithin, stalled", "what each node waits for", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.BreakImage(t, "agent:2")
			c.Apply(t, agent2)
			c.SettlesWithin(t, time.Hour)
		}, `
kube-system/agent: want the rollout complete within 1h0m0s, got: stalled without completing a node (3 passes, at least 1 of 2 available), on:
  node-1: agent-3: image "agent:2" cannot be pulled: ImagePullBackOff
  node-2: desired, current, ready, available; agent-2 has an outdated template
maxUnavailable 1 is used by node-1 (new pod is not available)`},
		{"SettlesWithin, OnDelete", "somebody has to act", func(t testing.TB) {
			c := daemontest.Settled(t, onDelete, ssds...)
			c.Apply(t, daemontest.WithImage(onDelete, "agent:2"))
			c.SettlesWithin(t, time.Hour)
		}, `
kube-system/agent: want the rollout complete within 1h0m0s, got: waiting from the start (1 pass, at least 2 of 2 available), on:
  node-1, node-2: desired, current, ready, available; the pod has an outdated template
with OnDelete outdated pods stay until they are deleted`},

		{"StallsAt holds", "the budget is 1", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.BreakImage(t, "agent:2")
			c.Apply(t, agent2)
			c.StallsAt(t, agent, 1)
		}, ``},
		{"StallsAt, an init container", "it cannot be pulled either", func(t testing.TB) {
			withInit := agent2.DeepCopy()
			withInit.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "setup:1"}}
			c := daemontest.Settled(t, agent, ssds...)
			c.BreakImage(t, "setup:1")
			c.Apply(t, withInit)
			c.StallsAt(t, agent, 0)
		}, `
kube-system/agent: want the rollout stalled at 0 nodes, not at 1 (node-1), got: stalled without completing a node (3 passes, at least 1 of 2 available), on:
  node-1: agent-3: image "setup:1" cannot be pulled: ImagePullBackOff
  node-2: desired, current, ready, available; agent-2 has an outdated template
maxUnavailable 1 is used by node-1 (new pod is not available)`},
		{"StallsAt, another number", "the nodes that it has reached", func(t testing.TB) {
			wide := agent.DeepCopy()
			wide.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("50%"))
			c := daemontest.Settled(t, wide, daemontest.Nodes(4)...)
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(wide, "agent:2"))
			c.StallsAt(t, agent, 1)
		}, `
kube-system/agent: want the rollout stalled at 1 node, not at 2 (node-1, node-2), got: stalled without completing a node (3 passes, at least 2 of 4 available), on:
  node-1, node-2: image "agent:2" cannot be pulled: ImagePullBackOff
  node-3, node-4: desired, current, ready, available; the pod has an outdated template
maxUnavailable 2 is used by node-1, node-2 (new pod is not available)`},
		{"StallsAt, complete", "it does not stall", func(t testing.TB) {
			c := daemontest.Settled(t, agent, ssds...)
			c.Apply(t, agent2)
			c.StallsAt(t, agent, 1)
		}, `kube-system/agent: want the rollout stalled at 1 node, got: complete after 24s (7 passes, at least 1 of 2 available)`},

		{"a node that is not ready blocks the rollout", "its pod does not terminate, and uses the budget", func(t testing.TB) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
			c.NotReady(t, c.Nodes(t, "kubernetes.io/hostname=node-1")...)
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.SettlesWithin(t, 10*time.Minute)
			c.AllReplaced(t, agent)
			c.StallsAt(t, agent, 1)
		}, `
kube-system/agent: want the rollout complete within 10m0s, got: stalled from the start (1 pass, at least 2 of 2 available), on:
  node-1: agent-1: terminating until 30s after the start; node is not ready since the start: KubeletNotReady
  node-2, node-3: desired, current, ready, available; the pod has an outdated template
maxUnavailable 1 is used by node-1 (pod is terminating, node is not ready)
kube-system/agent: 2 nodes have the pod that they had at 12:10:10:
node-2: desired, current, ready, available; agent-2 has an outdated template
node-3: desired, current, ready, available; agent-3 has an outdated template
maxUnavailable 1 is used by node-1: agent-1: terminating until 2026-01-01T12:10:40Z; node is not ready since 2026-01-01T12:10:10Z: KubeletNotReady
kube-system/agent: want the rollout stalled at 1 node, not at 0, got: stalled from the start (2 of 2 available), on:
  node-1: agent-1: terminating until 30s after the start; node is not ready since the start: KubeletNotReady
  node-2, node-3: desired, current, ready, available; the pod has an outdated template
maxUnavailable 1 is used by node-1 (pod is terminating, node is not ready)`},

		{"Settled, not complete", "the reason for each node", func(t testing.TB) {
			nodes := daemontest.Nodes(2)
			nodes[1].Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady"}}
			daemontest.Settled(t, agent, nodes...)
		}, `
fatal: kube-system/agent: want the rollout complete, got: stalled after 10s (3 passes, at least 0 of 2 available), on:
  node-2: agent-2: node is not ready: KubeletNotReady`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(strings.TrimPrefix(tc.want, "\n"), reportsOf(tc.test)); diff != "" {
				t.Errorf("reports differ (-want +got):\n%s%s", diff, tc.why)
			}
		})
	}
}

// TestWindow: no call but FromNow makes an assertion look at less than it did before.
func TestWindow(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	nodes := daemontest.Nodes(3)
	for name, call := range map[string]func(*daemontest.Cluster){
		"Settle":        func(c *daemontest.Cluster) { c.Settle(t) },
		"SettlesWithin": func(c *daemontest.Cluster) { c.SettlesWithin(t, time.Minute) },
		"Advance":       func(c *daemontest.Cluster) { c.Advance(t, 0) },
		"Elapse":        func(c *daemontest.Cluster) { c.Elapse(t, time.Second) },
		"Step":          func(c *daemontest.Cluster) { c.Step(t) },
		"Sync":          func(c *daemontest.Cluster) { c.Sync(t, agent) },
		"CarryOut":      func(c *daemontest.Cluster) { c.CarryOut(t, agent, &rollout.Result{}) },
		"Label":         func(c *daemontest.Cluster) { c.Label(t, "a=b", nodes...) },
		"Join":          func(c *daemontest.Cluster) { c.Join(t, nodes[0]) },
		"BreakImage": func(c *daemontest.Cluster) {
			c.BreakImage(t, "agent:1")
			c.MendImage(t, "agent:1")
		},
		"RunsOn": func(c *daemontest.Cluster) { c.RunsOn(t, agent, nodes[1:]...) },
		"delete and apply the DaemonSet": func(c *daemontest.Cluster) {
			c.Delete(t, agent)
			c.Settle(t)
			c.Apply(t, daemontest.WithImage(agent, "agent:3"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := daemontest.Settled(t, agent, nodes...)
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Taint(t, "db=a:NoExecute", nodes[0])
			c.SettlesWithin(t, time.Minute)
			call(c)
			c.SettlesWithin(t, time.Minute)
			if got := reportsOf(func(t testing.TB) { c.AtMostUnavailable(t, agent, 0) }); got == "" {
				t.Error("AtMostUnavailable(0) holds, want the rollout before to count")
			}
			if got := reportsOf(func(t testing.TB) { c.NoPodLost(t, agent) }); got == "" {
				t.Error("NoPodLost() holds, want the pod that the taint has deleted to count")
			}
		})
	}
}
