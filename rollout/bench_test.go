package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// cluster returns a cluster in which every node has one available pod, of which
// the given number are outdated, in the order in which a server lists them.
func cluster(tb testing.TB, nodes, outdated int) daemon.Input {
	tb.Helper()
	labels := map[string]string{"app": "agent"}
	limit := intstr.FromString("1%")
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: "kube-system", UID: "2f6f1c3e-8a55-4f0e-9d1a-1f4b7f0d9c11", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector:       &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &limit}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Containers:  []corev1.Container{{Name: "agent", Image: "registry.example/agent:1.2.3"}},
					Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
				},
			},
		},
	})
	hash := daemon.TemplateHash(&ds.Spec.Template, nil)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	in := daemon.Input{DaemonSet: ds, Now: now}
	for i := range nodes {
		name := fmt.Sprintf("ip-10-%d-%d.compute.internal", i/256, i%256)
		in.Nodes = append(in.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "a",
		}}})
		podHash := hash
		if i < outdated {
			podHash = "5d8c7b9f6"
		}
		pod := daemon.NewPod(ds, name, podHash)
		pod.Name = fmt.Sprintf("agent-%d", i)
		pod.Spec.NodeName = name
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
			{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-time.Hour))},
		}
		in.Pods = append(in.Pods, pod)
	}
	// Bring history and status up to date.
	result, err := rollout.Sync(in, rollout.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	in.Revisions = []*appsv1.ControllerRevision{result.Revisions.Create}
	in.DaemonSet = ds.DeepCopy()
	in.DaemonSet.Status = *result.Status
	return in
}

// shuffle puts nodes and pods in random order, as informers list them: what stands
// side by side in the lists is far apart in memory.
func shuffle(in daemon.Input) {
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(len(in.Nodes), func(i, j int) { in.Nodes[i], in.Nodes[j] = in.Nodes[j], in.Nodes[i] })
	r.Shuffle(len(in.Pods), func(i, j int) { in.Pods[i], in.Pods[j] = in.Pods[j], in.Pods[i] })
}

// BenchmarkSync measures a whole pass from scratch on a cluster at rest, on one in
// the middle of a rolling update with maxUnavailable 1%, and on one at rest whose
// objects are listed in random order.
func BenchmarkSync(b *testing.B) {
	for _, state := range []struct {
		name     string
		outdated int // percent
		shuffled bool
	}{{name: "settled"}, {name: "rolling", outdated: 50}, {name: "settled-shuffled", shuffled: true}} {
		for _, nodes := range []int{1_000, 15_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", state.name, nodes), func(b *testing.B) {
				in := cluster(b, nodes, nodes*state.outdated/100)
				if state.shuffled {
					shuffle(in)
				}
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					result, err := rollout.Sync(in, rollout.Options{})
					if err != nil {
						b.Fatal(err)
					}
					if result.Empty() != (state.outdated == 0) {
						b.Fatal(result)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
			})
		}
	}
}

// BenchmarkState measures a pass with kept state after one pod has changed: it
// does not depend on the size of the cluster.
func BenchmarkState(b *testing.B) {
	for _, nodes := range []int{1_000, 15_000, 100_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			in := cluster(b, nodes, 0)
			state, err := rollout.NewState(in)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if err := state.Update(daemon.Changes{Pods: in.Pods[i%nodes : i%nodes+1]}); err != nil {
					b.Fatal(err)
				}
				if _, err := state.Sync(in.Now, rollout.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestSyncAllocations holds a settled pass to a number of allocations that does
// not grow with the cluster.
func TestSyncAllocations(t *testing.T) {
	small, large := cluster(t, 500, 0), cluster(t, 5_000, 0)
	count := func(in daemon.Input) float64 {
		return testing.AllocsPerRun(5, func() {
			if _, err := rollout.Sync(in, rollout.Options{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := count(small), count(large)
	if grown := many - few; grown > 50 {
		t.Errorf("a settled pass allocates %.0f times with 500 nodes and %.0f times with 5,000, want about the same", few, many)
	}
}
