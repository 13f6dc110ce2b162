package diff

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

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

func BenchmarkPodSets(b *testing.B) {
	const nodes = 1000
	desired, actual := make([]*corev1.Pod, nodes), make([]*corev1.Pod, nodes)
	for i := range nodes {
		name := fmt.Sprintf("node-%04d", i)
		desired[i] = daemon.NewPod(agentSet(b), name, "h1")
		actual[i] = admitted(desired[i], fmt.Sprintf("agent-%04d", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := PodSets(desired, actual); !got.Empty() {
			b.Fatal(got)
		}
	}
}
