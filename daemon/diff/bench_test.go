package diff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
)

func BenchmarkTemplates(b *testing.B) {
	old := readTemplate(b, "network-agent")
	image := old.DeepCopy()
	image.Spec.Containers[0].Image += "-1"
	other := readTemplate(b, "fluentd")
	for _, bench := range []struct {
		name string
		cur  *corev1.PodTemplateSpec
		want int
	}{
		{"same", old, 0},
		{"equal", old.DeepCopy(), 0},
		{"image", image, 1},
		{"everything", other, 31},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := Templates(old, bench.cur); len(got) != bench.want {
					b.Fatalf("got %d changes:\n%v", len(got), got)
				}
			}
		})
	}
}

// agentSet returns a DaemonSet of the template testdata/network-agent.yaml.
func agentSet(t testing.TB) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec:       appsv1.DaemonSetSpec{Template: *readTemplate(t, "network-agent")},
	}
}

func BenchmarkPodSets(b *testing.B) {
	const nodes = 1000
	set := agentSet(b)
	desired, actual := make([]*corev1.Pod, nodes), make([]*corev1.Pod, nodes)
	for i := range nodes {
		name := fmt.Sprintf("node-%04d", i)
		desired[i] = daemon.NewPod(set, name, "h1")
		actual[i] = admitted(desired[i], fmt.Sprintf("agent-%04d", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := PodSets(desired, actual, daemon.Naming{}); !got.Empty() {
			b.Fatal(got)
		}
	}
}

// BenchmarkLongLists compares lists of arguments: four times the entries must not
// take sixteen times as long.
func BenchmarkLongLists(b *testing.B) {
	for _, n := range []int{5000, 20000} {
		r := rand.New(rand.NewPCG(1, 2))
		some := random(r, n, 10)
		for _, bench := range []struct {
			name     string
			old, cur []string
		}{
			{"moved", numbers(n, 0, n), numbers(n, n/10, n)},
			{"nothing in common", numbers(n, 0, n), numbers(n, n, 2*n)},
			{"repeated, nothing in common", numbers(n, 0, 2), slices.Repeat([]string{"a", "b"}, n/2)},
			{"repeated, moved", some, slices.Concat(some[100:], some[:100])},
			{"repeated, unlike each other", some, random(r, n, 10)},
		} {
			b.Run(fmt.Sprintf("%s/%d", bench.name, n), func(b *testing.B) {
				old, cur := argsOf(bench.old), argsOf(bench.cur)
				for b.Loop() {
					if len(Templates(old, cur)) == 0 {
						b.Fatal("no changes")
					}
				}
			})
		}
	}
}

// BenchmarkTolerations compares lists to which admission may add: their entries
// are sought in any order.
func BenchmarkTolerations(b *testing.B) {
	for _, n := range []int{5000, 20000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			desired := &corev1.Pod{}
			desired.Spec.NodeName = "n"
			for _, key := range numbers(n, 0, n) {
				desired.Spec.Tolerations = append(desired.Spec.Tolerations, corev1.Toleration{Key: key})
			}
			actual := desired.DeepCopy()
			slices.Reverse(actual.Spec.Tolerations)
			for b.Loop() {
				if got := PodSets([]*corev1.Pod{desired}, []*corev1.Pod{actual}, daemon.Naming{}); !got.Empty() {
					b.Fatal("drifted")
				}
			}
		})
	}
}
