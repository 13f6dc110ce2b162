package daemon_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/scenario"
)

// TestTracker changes pods, nodes and the time at random, and compares with a
// fresh snapshot after each change.
func TestTracker(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 5))
		c, other := scenario.Random(r), scenario.Random(r)
		hash := daemon.TemplateHash(&c.DaemonSet.Spec.Template, nil)
		input := func() daemon.Input {
			return daemon.Input{
				DaemonSet: c.DaemonSet, Nodes: slices.Collect(maps.Values(c.Nodes)), Pods: slices.Collect(maps.Values(c.Pods)),
				RevisionHash: hash, Now: c.Now, Backoff: c.Backoff, BurstReplicas: int(seed % 5),
			}
		}
		tracker, err := daemon.NewTracker(input())
		if err != nil {
			t.Fatal(err)
		}
		for change := range 30 {
			what := mutate(t, r, c, other, hash, tracker)
			fresh, err := daemon.Observe(input())
			if err != nil {
				t.Fatal(err)
			}
			if diff := compareTracker(tracker, fresh); diff != "" {
				t.Fatalf("seed %d, change %d, %s (-fresh +tracked):\n%s", seed, change, what, diff)
			}
			c.Backoff = daemon.Reconcile(fresh).Backoff
			tracker.Advance(c.Now, c.Backoff)
		}
	}
}

// mutate makes one change to the cluster and tells the tracker. Other is where
// new objects come from.
func mutate(t *testing.T, r *rand.Rand, c, other *scenario.Cluster, hash string, tracker *daemon.Tracker) string {
	t.Helper()
	switch r.IntN(5) {
	case 0:
		c.Now = c.Now.Add(time.Duration(r.IntN(12)) * time.Second)
		tracker.Advance(c.Now, c.Backoff)
		return "time"
	case 1:
		if name, ok := pickName(r, c.Pods); ok {
			delete(c.Pods, name)
			tracker.DeletePod(name)
			return "delete pod " + name
		}
	case 2:
		name := fmt.Sprintf("n%d", r.IntN(8))
		delete(c.Nodes, name)
		tracker.DeleteNode(name)
		return "delete node " + name
	case 3:
		if name, ok := pickName(r, other.Nodes); ok {
			c.Nodes[name] = other.Nodes[name]
			if err := tracker.SetNode(c.Nodes[name]); err != nil {
				t.Fatal(err)
			}
			return "set node " + name
		}
	}
	if name, ok := pickName(r, other.Pods); ok {
		pod := other.Pods[name].DeepCopy()
		pod.Labels["controller-revision-hash"] = hash
		if r.IntN(2) == 0 {
			pod.Labels["controller-revision-hash"] = "old"
		}
		c.Pods[name] = pod
		if err := tracker.SetPod(pod); err != nil {
			t.Fatal(err)
		}
		return "set pod " + name
	}
	return "nothing"
}

func pickName[V corev1.Pod | corev1.Node](r *rand.Rand, m map[string]*V) (string, bool) {
	names := slices.Sorted(maps.Keys(m))
	if len(names) == 0 {
		return "", false
	}
	return names[r.IntN(len(names))], true
}

func compareTracker(tracker *daemon.Tracker, fresh *daemon.Snapshot) string {
	describe := func(nodes []daemon.NodeState) (lines []string) {
		for _, n := range nodes {
			lines = append(lines, fmt.Sprintf("%s: %v, run %v, keep %v", n.Name, n.Decision, n.Decision.Run, n.Decision.Keep))
			for _, p := range n.Pods {
				lines = append(lines, fmt.Sprintf("%s: %+v", p.Pod.Name, p))
			}
		}
		return lines
	}
	if diff := cmp.Diff(describe(fresh.Nodes()), describe(tracker.Snapshot().Nodes())); diff != "" {
		return diff
	}
	want, got := daemon.Reconcile(fresh), tracker.Reconcile()
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		return diff
	}
	if diff := cmp.Diff(want.Backoff, got.Backoff); diff != "" {
		return diff
	}
	if diff := cmp.Diff(fmt.Sprint(fresh.Claims()), fmt.Sprint(tracker.Snapshot().Claims())); diff != "" {
		return diff
	}
	return cmp.Diff(daemon.Status(fresh), tracker.Status())
}
