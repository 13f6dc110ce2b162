package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// settled returns a cluster in which every node has its available pod, in random
// order as informers list them.
func settled(nodes int) daemon.Input {
	set := build.Set{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}}}
	in := daemon.Input{DaemonSet: set.Object(), Now: build.Now}
	in.Revisions = build.Current(in.DaemonSet, "5d8c7b9f6")
	for i := range nodes {
		name := fmt.Sprintf("ip-10-%d-%d.compute.internal", i/256, i%256)
		in.Nodes = append(in.Nodes, build.Node{Name: name, Labels: build.Labels{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}}.Object())
		in.Pods = append(in.Pods, build.Pod{Name: fmt.Sprint("agent-", i), Node: name, Hash: "5d8c7b9f6", Age: time.Duration(i) * time.Second}.Of(in.DaemonSet))
	}
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(nodes, func(i, j int) { in.Nodes[i], in.Nodes[j] = in.Nodes[j], in.Nodes[i] })
	r.Shuffle(nodes, func(i, j int) { in.Pods[i], in.Pods[j] = in.Pods[j], in.Pods[i] })
	return in
}

// pass is what a controller asks in every pass.
func pass(tb testing.TB, in daemon.Input) {
	s, err := daemon.Observe(in)
	if err != nil {
		tb.Fatal(err)
	}
	if plan, status := daemon.Reconcile(s), daemon.Status(s); !plan.Empty() || int(status.NumberAvailable) != len(in.Nodes) {
		tb.Fatalf("not settled: %v, %s", plan, counters(status))
	}
}

// TestPassAllocations holds a settled pass to a number of allocations that does
// not grow with the cluster: lists are made once, at their full size.
func TestPassAllocations(t *testing.T) {
	// About 100 of these encode the template, to find its revision: a few more with the race
	// detector, under which pools of the encoder lose their content at random.
	const budget = 190
	for _, nodes := range []int{20, 200, 2000} {
		in := settled(nodes)
		if got := testing.AllocsPerRun(5, func() { pass(t, in) }); got > budget {
			t.Errorf("a settled pass with %d nodes allocates %.0f times, want at most %d", nodes, got, budget)
		}
	}
}

// BenchmarkReconcile measures Observe, Reconcile and Status of a settled cluster.
func BenchmarkReconcile(b *testing.B) {
	for _, nodes := range []int{1_000, 15_000, 100_000} {
		b.Run(fmt.Sprintf("settled/%d", nodes), func(b *testing.B) {
			in := settled(nodes)
			b.ReportAllocs()
			for b.Loop() {
				pass(b, in)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
		})
	}
}
