package health_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// BenchmarkAssess assesses a rollout on 5,000 nodes that has stalled in the middle,
// beside one pass over the same snapshot.
func BenchmarkAssess(b *testing.B) {
	ds := build.Set{MaxUnavailable: "1%"}.Object()
	var names []string
	var pods []*corev1.Pod
	for i := range 5000 {
		name := fmt.Sprintf("w%04d", i)
		names = append(names, name)
		switch {
		case i%100 == 0:
			pods = append(pods, newAgent(name, podUnready(time.Hour), podWaits("ImagePullBackOff", "m")))
		case i%2 == 0:
			pods = append(pods, newAgent(name))
		default:
			pods = append(pods, oldAgent(name))
		}
	}
	s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Nodes: build.Nodes(names...), Pods: pods, Revisions: build.Current(ds, "new"), Now: build.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("assess", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := health.Assess(s, health.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pass", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rollout.SyncSnapshot(s, rollout.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		a, err := health.Assess(s, health.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			_ = a.String()
		}
	})
}
