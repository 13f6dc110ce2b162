package rollout_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
)

// states calls check for many clusters in arbitrary states.
func states(t *testing.T, count int, check func(t *testing.T, r *rand.Rand, c *scenario.Cluster)) {
	t.Helper()
	for seed := range uint64(count) {
		r := rand.New(rand.NewPCG(seed, 1))
		check(t, r, scenario.Random(r))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestSyncLeavesTheInputAlone(t *testing.T) {
	states(t, 500, func(t *testing.T, _ *rand.Rand, c *scenario.Cluster) {
		in := c.Input()
		before := copyInput(in)
		result, err := rollout.Sync(in)
		if err != nil {
			t.Errorf("Sync() = %v", err)
			return
		}
		// What is the caller's own may be changed without harm.
		for _, create := range result.Plan.Create {
			create.Pod.Labels["app"] = "changed"
			create.Pod.Spec.Containers[0].Image = "changed"
			create.Pod.Spec.Tolerations[0].Key = "changed"
			create.Pod.OwnerReferences[0].Name = "changed"
		}
		if result.Status != nil {
			result.Status.DesiredNumberScheduled = -1
		}
		if create := result.Revisions.Create; create != nil {
			create.Labels["app"] = "changed"
			create.Data.Raw[0] = 'x'
		}
		if diff := cmp.Diff(before, in); diff != "" {
			t.Errorf("Sync() changed its input (-before +after):\n%s", diff)
		}
	})
}

func copyInput(in rollout.Input) rollout.Input {
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.Nodes = slices.Clone(in.Nodes)
	for i := range in.Nodes {
		in.Nodes[i] = in.Nodes[i].DeepCopy()
	}
	in.Pods = slices.Clone(in.Pods)
	for i := range in.Pods {
		in.Pods[i] = in.Pods[i].DeepCopy()
	}
	in.Revisions = slices.Clone(in.Revisions)
	for i := range in.Revisions {
		in.Revisions[i] = in.Revisions[i].DeepCopy()
	}
	in.Backoff = maps.Clone(in.Backoff)
	return in
}

func TestSyncIgnoresTheOrderOfTheInput(t *testing.T) {
	states(t, 500, func(t *testing.T, r *rand.Rand, c *scenario.Cluster) {
		in := c.Input()
		want, err := rollout.Sync(in)
		if err != nil {
			t.Errorf("Sync() = %v", err)
			return
		}
		r.Shuffle(len(in.Nodes), func(i, j int) { in.Nodes[i], in.Nodes[j] = in.Nodes[j], in.Nodes[i] })
		r.Shuffle(len(in.Pods), func(i, j int) { in.Pods[i], in.Pods[j] = in.Pods[j], in.Pods[i] })
		r.Shuffle(len(in.Revisions), func(i, j int) { in.Revisions[i], in.Revisions[j] = in.Revisions[j], in.Revisions[i] })
		got, err := rollout.Sync(in)
		if err != nil {
			t.Errorf("Sync() = %v", err)
			return
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("Sync() depends on the order of its input (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want.Plan.Create, got.Plan.Create); diff != "" {
			t.Errorf("pods depend on the order of the input (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want.Status, got.Status); diff != "" {
			t.Errorf("status depends on the order of the input (-want +got):\n%s", diff)
		}
	})
}

// TestSyncComesToRest lets the controller and kubelets take turns: every state
// ends with a pass that writes nothing, and then every eligible node has one
// current pod.
func TestSyncComesToRest(t *testing.T) {
	states(t, 500, func(t *testing.T, _ *rand.Rand, c *scenario.Cluster) {
		last := settle(t, c, 80, nil)
		if last == nil {
			return
		}
		live := map[string]int{}
		for _, n := range last.Snapshot.Nodes() {
			for _, p := range n.Pods {
				if n.Node == nil {
					continue // left to pod garbage collection
				}
				live[n.Name]++
				rolling := c.DaemonSet.Spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType
				// A surging set keeps an outdated pod where it should no longer
				// run until it has more available pods than it needs.
				if rolling && n.Decision.Run && !p.Updated {
					t.Errorf("pod %s on %s is still of another template", p.Pod.Name, n.Name)
				}
			}
			if n.Decision.Run && live[n.Name] != 1 {
				t.Errorf("node %s has %d pods at the end, want 1", n.Name, live[n.Name])
			}
			if !n.Decision.Keep && live[n.Name] != 0 {
				t.Errorf("node %s has %d pods at the end, want none", n.Name, live[n.Name])
			}
		}
	})
}

// settle takes turns until a pass is empty and returns that pass. Each pass is
// checked before it is carried out.
func settle(t *testing.T, c *scenario.Cluster, passes int, check func(*rollout.Result)) *rollout.Result {
	t.Helper()
	for range passes {
		result, err := c.Sync()
		if err != nil {
			t.Errorf("Sync() = %v", err)
			return nil
		}
		if check != nil {
			check(result)
		}
		if result.Empty() && result.Plan.RequeueAfter == 0 {
			return result
		}
		c.Now = c.Now.Add(max(time.Second, result.Plan.RequeueAfter))
		c.Kubelet(nil)
		c.CollectGarbage()
		for _, pod := range c.Pods {
			if pod.Status.Phase == corev1.PodRunning && len(pod.Status.Conditions) == 0 {
				pod.Status.Phase = corev1.PodPending // to be made ready in the next turn
			}
		}
	}
	t.Errorf("no rest after %d passes", passes)
	return nil
}

// TestBudgets rolls out over healthy clusters and checks after every pass that
// no more nodes lack an available pod than maxUnavailable allows, and that no
// more nodes have an extra pod than maxSurge allows.
func TestBudgets(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 2))
		c := scenario.NewCluster()
		nodes := 1 + r.IntN(9)
		for i := range nodes {
			name := fmt.Sprintf("n%d", i)
			c.Nodes[name] = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		}
		ds := scenario.Random(r).DaemonSet
		ds.Spec.Template.Spec.NodeSelector = nil
		ds.Annotations = nil
		if ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
			continue
		}
		c.DaemonSet = ds
		if settle(t, c, 20, nil) == nil {
			t.Fatalf("seed %d", seed)
		}
		c.DaemonSet = c.DaemonSet.DeepCopy()
		c.DaemonSet.Generation++
		c.DaemonSet.Spec.Template.Spec.Containers[0].Image = "c:2"

		maxUnavailable, maxSurge := scaled(t, ds, nodes)
		settle(t, c, 20*nodes, func(*rollout.Result) {
			unavailable, extra := 0, 0
			for name := range c.Nodes {
				available, count := availableOn(c, name)
				if !available {
					unavailable++
				}
				if count > 1 {
					extra++
				}
			}
			if unavailable > maxUnavailable || extra > maxSurge {
				t.Errorf("%d of %d unavailable, allowed %d; %d surging, allowed %d", unavailable, nodes, maxUnavailable, extra, maxSurge)
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d, strategy %+v", seed, ds.Spec.UpdateStrategy.RollingUpdate)
		}
	}
}

func scaled(t *testing.T, ds *appsv1.DaemonSet, nodes int) (maxUnavailable, maxSurge int) {
	t.Helper()
	update := ds.Spec.UpdateStrategy.RollingUpdate
	maxUnavailable, err := intstr.GetScaledValueFromIntOrPercent(update.MaxUnavailable, nodes, true)
	if err != nil {
		t.Fatal(err)
	}
	maxSurge, err = intstr.GetScaledValueFromIntOrPercent(update.MaxSurge, nodes, true)
	if err != nil {
		t.Fatal(err)
	}
	return maxUnavailable, maxSurge
}

func availableOn(c *scenario.Cluster, node string) (available bool, count int) {
	for _, pod := range c.Pods {
		if target, _ := daemon.TargetNode(pod); target != node {
			continue
		}
		if pod.DeletionTimestamp != nil {
			continue
		}
		count++
		for _, condition := range pod.Status.Conditions {
			since := c.Now.Sub(condition.LastTransitionTime.Time)
			if condition.Status == corev1.ConditionTrue && since >= time.Duration(c.DaemonSet.Spec.MinReadySeconds)*time.Second {
				available = true
			}
		}
	}
	return available, count
}
