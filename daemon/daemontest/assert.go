package daemontest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// RunsOn fails the test unless the DaemonSet runs on exactly the given nodes now. A node runs
// it if a pod of it is bound to the node and is neither terminating nor finished; the pod need
// not be ready. The failure has a line for each node that is different, with the reason:
//
//	kube-system/agent: runs on the wrong nodes (-want +got):
//	- node-2: does not run: nodeSelector disk=ssd, node has no label disk
//
// Without nodes it must run nowhere.
func (c *Cluster) RunsOn(t testing.TB, ds *appsv1.DaemonSet, nodes ...*corev1.Node) {
	t.Helper()
	now := c.look(t, ds)
	want := c.names(t, nodes)
	var lines []string
	runs := map[string]bool{}
	for _, node := range now.snapshot.Nodes() {
		pod := running(&node)
		if pod != nil {
			runs[node.Name] = true
		}
		if pod != nil && !want[node.Name] {
			why := now.snapshot.Matcher().Explain(node.Node)
			lines = append(lines, fmt.Sprintf("+ %s: runs %s: %s", node.Name, pod.Name, why.Cause()))
		}
	}
	for name := range want {
		if !runs[name] {
			lines = append(lines, "- "+now.reason(name))
		}
	}
	if len(lines) > 0 {
		slices.SortFunc(lines, byNode)
		t.Error(report(lines, "%s: runs on the wrong nodes (-want +got)", nameOf(ds)))
	}
}

// running returns the live pod that is bound to a node, or nil. On a node that does not exist
// nothing runs.
func running(node *daemon.NodeState) *corev1.Pod {
	if node.Node == nil {
		return nil
	}
	for i := range node.Pods {
		if p := &node.Pods[i]; p.Live() && p.Pod.Spec.NodeName != "" {
			return p.Pod
		}
	}
	return nil
}

// NeverOn fails the test if one of the nodes has had a pod of the DaemonSet, at any time since
// the cluster was made: a pod that was created for the node counts, also if it was never
// bound, or belonged to a DaemonSet of the same name that is deleted. The failure has the first
// pod of each node, its time, and the decision about the node then. At least one node must be
// given, and it must have been in the cluster.
func (c *Cluster) NeverOn(t testing.TB, ds *appsv1.DaemonSet, nodes ...*corev1.Node) {
	t.Helper()
	r := c.record(t, ds)
	if len(nodes) == 0 {
		t.Fatalf("%s: no nodes are given that it must never run on", nameOf(ds))
	}
	var lines []string
	for _, name := range sortedNames(c.names(t, nodes)) {
		if s, ok := r.first[name]; ok {
			lines = append(lines, fmt.Sprintf("%s: got %s at %s: %s", name, s.pod, clock(s.at), s.why.Cause()))
		}
	}
	if len(lines) > 0 {
		t.Error(report(lines, "%s: had pods on %s that it must never run on", nameOf(ds), plural(len(lines), "node", "nodes")))
	}
}

// AtMostUnavailable fails the test if more than n nodes were unavailable at any moment since
// Settled or NewCluster has returned the cluster, or since FromNow: they should have run the
// DaemonSet, and had no available pod that was not terminating. A node that only keeps its pod,
// such as one that is not ready, is unavailable while the pod is not available. A node that
// joins is unavailable until its first pod is available, and so are all nodes of a DaemonSet
// that is applied later.
//
// n is zero or more. An update alone makes as many nodes unavailable as maxUnavailable of its
// RollingUpdate says, which is 1 by default and of which a percentage is rounded up. With maxSurge,
// which goes with maxUnavailable 0, it makes none unavailable. Pods that crash, or whose node is not
// ready, come on top of that.
//
// The failure is about the first moment at which the largest number of nodes was unavailable, with
// the reason for each of them, and says so if maxUnavailable allows more than n.
func (c *Cluster) AtMostUnavailable(t testing.TB, ds *appsv1.DaemonSet, n int) {
	t.Helper()
	r := c.record(t, ds)
	if n < 0 {
		t.Fatalf("%s: at most %d nodes cannot be unavailable; give 0 or more", nameOf(ds), n)
	}
	c.reportUnused(t)
	if r.most <= n {
		return
	}
	worst := c.factsOf(t, r.worst)
	var lines []string
	updates := false
	for _, node := range worst.snapshot.Nodes() {
		if !unavailable(&node) {
			continue
		}
		updates = updates || slices.ContainsFunc(node.Pods, func(p daemon.PodState) bool { return !p.Updated })
		line := worst.reason(node.Name)
		if pod := running(&node); !node.Decision.Run && !strings.Contains(line, pod.Name) {
			line += fmt.Sprintf("; %s is not available", pod.Name)
		}
		lines = append(lines, line)
	}
	text := report(lines, "%s: %s unavailable at %s, want at most %d", nameOf(ds), plural(r.most, "node", "nodes"), clock(r.worst.Now), n)
	if limit := worst.limit; updates && limit.Kind == rollout.BudgetMaxUnavailable && limit.Limit > n {
		text += fmt.Sprintf("\nmaxUnavailable allows %d during an update", limit.Limit)
		if n == 0 {
			text += "; maxSurge with maxUnavailable 0 allows none"
		}
	}
	t.Error(text)
}

// unavailable reports whether a node lacks an available pod: one that should run the DaemonSet,
// or keeps a pod that is bound to it.
func unavailable(node *daemon.NodeState) bool {
	return node.Node != nil && !available(node) && (node.Decision.Run || node.Decision.Keep && running(node) != nil)
}

func available(node *daemon.NodeState) bool {
	return slices.ContainsFunc(node.Pods, func(p daemon.PodState) bool { return p.Live() && p.Available })
}

// NoPodLost fails the test if a node has lost its pod since Settled or NewCluster has returned
// the cluster, or since FromNow: the node had a live pod, and has none now, or a pod was deleted
// because the node does not keep it.
// A pod that the next one of its node replaces is not lost, nor are the pods of nodes that
// leave. While a node waits for the next pod it has none, so ask a cluster that is settled. The
// failure has the reason for each node.
func (c *Cluster) NoPodLost(t testing.TB, ds *appsv1.DaemonSet) {
	t.Helper()
	r := c.record(t, ds)
	c.reportUnused(t)
	now := c.look(t, ds)
	var lines []string
	for _, name := range sortedNames(r.had) {
		node := now.snapshot.Node(name)
		lost, deleted := r.lost[name]
		switch {
		case node == nil || node.Node == nil:
		case deleted:
			lines = append(lines, fmt.Sprintf("%s: %s was deleted at %s: %s", name, lost.pod, clock(lost.at), lost.why.Cause()))
		case !slices.ContainsFunc(node.Pods, func(p daemon.PodState) bool { return p.Live() }):
			lines = append(lines, now.reason(name))
		}
	}
	if len(lines) > 0 {
		t.Error(report(lines, "%s: %s lost the pod", nameOf(ds), plural(len(lines), "node", "nodes")))
	}
}

// AllReplaced fails the test unless each node that runs the DaemonSet has another pod than when
// Settled or NewCluster returned the cluster, or FromNow was called: a rollout has reached all of
// them. A pod of a node that did not have one then counts, too. It also fails if the DaemonSet
// runs nowhere. The failure has a line for each node that has the pod of then, and, if
// outdated pods wait for the budget, one for each node that uses it. It says so if these pods have the
// current template, so that there was nothing to roll out, and if they wait because of OnDelete.
func (c *Cluster) AllReplaced(t testing.TB, ds *appsv1.DaemonSet) {
	t.Helper()
	r := c.record(t, ds)
	c.reportUnused(t)
	now, runs, outdated := c.look(t, ds), false, false
	var lines []string
	for _, node := range now.snapshot.Nodes() {
		pod := running(&node)
		runs = runs || pod != nil
		if pod == nil || !r.before[idOf(pod)] {
			continue
		}
		outdated = outdated || slices.ContainsFunc(node.Pods, func(p daemon.PodState) bool { return p.Pod == pod && !p.Updated })
		line := now.reason(node.Name)
		if !strings.Contains(line, pod.Name) {
			line = podstatus.Clause(line) + fmt.Sprintf("; %s is the pod of then", pod.Name)
		}
		lines = append(lines, line)
	}
	switch {
	case !runs:
		t.Error(report(nil, "%s: runs on no node, want pods that have replaced others", nameOf(ds)))
	case len(lines) > 0:
		text := report(append(lines, now.budget...), "%s: %s had at %s", nameOf(ds), plural(len(lines), "node has the pod that it", "nodes have the pod that they"), clock(r.began))
		switch {
		case !outdated:
			text += "\nthe template has not changed: these pods have the current one"
		case onDelete(now.snapshot.DaemonSet()):
			text += "\n" + staysOnDelete
		}
		t.Error(text)
	}
}

// SettlesWithin settles the cluster, as Settle does, and fails the test unless every rollout
// is complete d after the call at the latest. It also fails if a canary is rolled back during the
// call, although the restored version is complete then: see RolledBack. Nodes that only keep their
// pods, such as those that are not ready, do not have to be complete. If there is nothing to roll
// out, it is complete at once; AllReplaced fails then. The failure has the End of the rollout: what
// each node waits for, and who uses the budget. If the rollout takes too long, it says which nodes
// became available too late. All times in it count from the call, as d does. SettlesWithin ends the
// test if the cluster has no DaemonSet.
func (c *Cluster) SettlesWithin(t testing.TB, d time.Duration) {
	t.Helper()
	c.begin(t)
	if len(c.stored()) == 0 {
		t.Fatal("the cluster has no DaemonSet")
	}
	began := c.sim.Now()
	ends := c.Settle(t)
	c.reportUnused(t)
	for _, end := range ends {
		ds := end.After.DaemonSet
		switch took := end.Time.Sub(began); {
		case ds == nil: // deleted on the way
		case end.State != simulate.EndComplete, !end.Rollback.Skipped():
			t.Error(reportEnd(ds, end, fmt.Sprintf("complete within %v", d)))
		case took > d:
			var lines []string
			for _, name := range sortedNames(c.records[keyOf(ds)].available) {
				if s := c.records[keyOf(ds)].available[name]; s.at.Sub(began) > d {
					lines = append(lines, fmt.Sprintf("%s: %s was available after %v", name, s.pod, s.at.Sub(began)))
				}
			}
			t.Error(report(lines, "%s: complete after %v, want it within %v", nameOf(ds), took, d))
		}
	}
}

// RolledBack settles the cluster, as Settle does, and fails the test unless the version of the
// DaemonSet that was applied last, or that NewCluster was given, has been rolled back because its
// canary failed (Options.Policy.Canary), and the rollout of the restored version is complete. It may
// have been rolled back before the call. The failure has the End of the rollout; times in it count
// from the call.
func (c *Cluster) RolledBack(t testing.TB, ds *appsv1.DaemonSet) {
	t.Helper()
	r := c.record(t, ds)
	end := endOf(c.Settle(t), ds)
	c.reportUnused(t)
	if end == nil {
		t.Fatalf("%s: the DaemonSet is gone", nameOf(ds))
	}
	switch back := end.After.DaemonSet.Generation > r.applied; {
	case back && end.State == simulate.EndComplete:
	case back:
		t.Error(reportEnd(ds, end, "rolled back and complete"))
	case c.Options.Policy.Canary == nil:
		t.Error(reportEnd(ds, end, "rolled back") + "\nOptions.Policy has no Canary")
	default:
		t.Error(reportEnd(ds, end, "rolled back"))
	}
}

// StallsAt settles the cluster, as Settle does, and fails the test unless the rollout of the
// DaemonSet is stalled after it has reached exactly n nodes: these have a live pod of the
// current template, however long they have had it. The failure names them, and has
// the End of the rollout: what each node waits for, and who uses the budget. Times in it count
// from the call, also if the rollout began before: "stalled from the start" and "stalled without
// completing a node" say that no node has become complete since the call.
func (c *Cluster) StallsAt(t testing.TB, ds *appsv1.DaemonSet, n int) {
	t.Helper()
	c.record(t, ds)
	end := endOf(c.Settle(t), ds)
	c.reportUnused(t)
	if end == nil {
		t.Fatalf("%s: the DaemonSet is gone", nameOf(ds))
	}
	if end.State != simulate.EndStalled {
		t.Error(reportEnd(ds, end, fmt.Sprintf("stalled at %s", plural(n, "node", "nodes"))))
		return
	}
	var reached []string
	for _, node := range c.look(t, ds).snapshot.Nodes() {
		if slices.ContainsFunc(node.Pods, func(p daemon.PodState) bool { return p.Live() && p.Updated }) {
			reached = append(reached, node.Name)
		}
	}
	if len(reached) != n {
		not := fmt.Sprint(len(reached))
		if len(reached) > 0 {
			not += fmt.Sprintf(" (%s)", atMost(shownLines, reached))
		}
		t.Error(reportEnd(ds, end, fmt.Sprintf("stalled at %s, not at %s", plural(n, "node", "nodes"), not)))
	}
}

// reportEnd says that a rollout has not ended as it should, and how it has.
func reportEnd(ds *appsv1.DaemonSet, end *simulate.End, want string) string {
	text := fmt.Sprintf("%s: want the rollout %s, got: %v", nameOf(ds), want, end)
	if end.State == simulate.EndWaiting && onDelete(end.After.DaemonSet) {
		text += "\n" + staysOnDelete
	}
	return text
}

// staysOnDelete says why a rollout with the strategy OnDelete waits.
const staysOnDelete = "with OnDelete outdated pods stay until they are deleted"

func onDelete(ds *appsv1.DaemonSet) bool {
	return ds != nil && ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
}

// byNode orders lines "- node: text" by their nodes.
func byNode(a, b string) int { return strings.Compare(a[2:], b[2:]) }

func clock(at time.Time) string { return at.UTC().Format(time.TimeOnly) }
