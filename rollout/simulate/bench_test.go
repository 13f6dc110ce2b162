package simulate_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// facts returns a cluster in which every node has one available pod, the given number of
// which are outdated, in the order in which a server lists them.
func facts(tb testing.TB, nodes, outdated int) daemon.Input {
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
		labels := map[string]string{
			"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", i%3),
		}
		if i%2 == 0 {
			labels["ignored"] = ""
		}
		in.Nodes = append(in.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
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

// BenchmarkRun plays whole rollouts over clusters of growing size: the time for a node
// stays about the same, also in many small steps and under a policy, because a pass costs what
// has changed.
func BenchmarkRun(b *testing.B) {
	for _, nodes := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("1%%/%d", nodes), func(b *testing.B) { benchmarkRun(b, nodes, "1%", rollout.Policy{}) })
	}
	b.Run("1/5000", func(b *testing.B) { benchmarkRun(b, 5_000, "1", rollout.Policy{}) })
	for _, policy := range []rollout.Policy{
		{StrictBudget: true},
		{OneDomain: &rollout.OneDomain{Label: "topology.kubernetes.io/zone"}},
		{Order: &rollout.Order{By: rollout.OldestPodFirst}},
		{Canary: &rollout.Canary{Nodes: intstr.FromString("1%"), Wait: metav1.Duration{Duration: time.Minute}}},
	} {
		b.Run(fmt.Sprintf("1/5000/%v", &policy), func(b *testing.B) { benchmarkRun(b, 5_000, "1", policy) })
		b.Run(fmt.Sprintf("1%%/100000/%v", &policy), func(b *testing.B) { benchmarkRun(b, 100_000, "1%", policy) })
	}
	// Half of the nodes are ignored, and the others are updated.
	ignore := rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: rollout.Labeled("ignored")}}
	b.Run("1/10000/half ignored", func(b *testing.B) { benchmarkRun(b, 10_000, "1", ignore) })
	b.Run("1%/100000/half ignored", func(b *testing.B) { benchmarkRun(b, 100_000, "1%", ignore) })
}

// BenchmarkRunRequests plays rollouts of pods with requests and a host port on nodes with limits.
func BenchmarkRunRequests(b *testing.B) {
	for _, nodes := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			in := facts(b, nodes, nodes)
			list := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("1Gi")}
			for _, node := range in.Nodes {
				node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("600m"), corev1.ResourceMemory: resource.MustParse("4Gi")}
			}
			change := func(spec *corev1.PodSpec) {
				spec.Containers[0].Resources.Requests = list
				spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 9100, ContainerPort: 9100, Protocol: corev1.ProtocolTCP}}
			}
			for _, pod := range in.Pods {
				change(&pod.Spec)
			}
			change(&in.DaemonSet.Spec.Template.Spec)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				end, err := simulate.Settle(in, simulate.Options{})
				if err != nil || end.State != simulate.EndComplete {
					b.Fatal(end, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
		})
	}
}

func benchmarkRun(b *testing.B, nodes int, maxUnavailable string, policy rollout.Policy) {
	in := facts(b, nodes, nodes)
	budget := intstr.Parse(maxUnavailable)
	in.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &budget
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		end, err := simulate.Settle(in, simulate.Options{Policy: policy})
		if err != nil || end.State != simulate.EndComplete {
			b.Fatal(end, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
}
