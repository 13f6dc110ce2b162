package health_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/health"
)

// TestKubectl holds Assess beside the rule of kubectl rollout status: rolled out if
// the status counts as many updated and as many available nodes as desired ones
// (DaemonSetStatusViewer.Status@v0.37.2). The last five cases are differences that
// kubectl.RolloutStatus lists.
func TestKubectl(t *testing.T) {
	tainted := []*corev1.Node{build.Node{Name: "w1", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()}
	for _, tc := range []struct {
		name, why string
		set       build.Set
		nodes     []*corev1.Node
		pods      []*corev1.Pod
		rolledOut bool
		want      string
	}{
		{
			name: "complete", why: "nothing is left to do",
			nodes: build.Nodes("w1"), pods: []*corev1.Pod{newAgent("w1")}, rolledOut: true,
			want: "complete since 2026-01-01T11:00:00Z: 1 of 1 node complete",
		}, {
			name: "outdated", why: "the pod is replaced next",
			nodes: build.Nodes("w1"), pods: []*corev1.Pod{oldAgent("w1")},
			want: "progressing: 0 of 1 node complete; 1 to delete now",
		}, {
			name: "outdated pod on a node that is not eligible", why: "it is replaced next, and the status does not count it",
			nodes: tainted, pods: []*corev1.Pod{oldAgent("w1")}, rolledOut: true,
			want: "progressing: no eligible node; 1 to delete now",
		}, {
			name: "the same with a percentage", why: "a percentage of no eligible node is zero, so nothing ever replaces the pod",
			set: build.Set{MaxUnavailable: "50%"}, nodes: tainted, pods: []*corev1.Pod{oldAgent("w1")}, rolledOut: true,
			want: "stalled since 2025-12-30T12:00:00Z: no eligible node; maxUnavailable is 0; 1 outdated pod waits",
		}, {
			name: "terminating", why: "the status counts the pod while it is ready, but it is about to go",
			nodes: build.Nodes("w1"), pods: []*corev1.Pod{newAgent("w1", podDeleted(time.Minute, 3600))}, rolledOut: true,
			want: "progressing: 0 of 1 node complete; not complete: w1 (new-w1: terminating until 2026-01-01T12:59:00Z)" + doubt,
		}, {
			name: "outdated pod terminating beside the new one", why: "the status counts the older pod, but it is about to go",
			set:   build.Set{MaxSurge: "1"},
			nodes: build.Nodes("w1"), pods: []*corev1.Pod{oldAgent("w1", podDeleted(time.Minute, 3600)), newAgent("w1")},
			want: "complete since 2026-01-01T11:59:00Z: 1 of 1 node complete",
		}, {
			name: "crash loop", why: "the pod is available between two crashes",
			nodes: build.Nodes("w1"), pods: []*corev1.Pod{newAgent("w1", podRuns(time.Minute), podEnded("Error", 1, 2, time.Minute, 2*time.Minute))}, rolledOut: true,
			want: "progressing: 0 of 1 node complete; not complete: w1 (new-w1: container main keeps crashing: 2 restarts, last exit Error (1))" + doubt,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := (&assessCase{set: tc.set, nodes: tc.nodes, pods: tc.pods}).snapshot(t)
			status := daemon.Status(s)
			rolledOut := status.UpdatedNumberScheduled >= status.DesiredNumberScheduled && status.NumberAvailable >= status.DesiredNumberScheduled
			if rolledOut != tc.rolledOut {
				t.Errorf("kubectl: rolled out = %v, want %v: %s\n%+v", rolledOut, tc.rolledOut, tc.why, status)
			}
			got, err := health.Assess(s, health.Options{})
			if err != nil || got.String() != tc.want {
				t.Errorf("Assess() = %v, %v, want %v: %s", got, err, tc.want, tc.why)
			}
		})
	}
}
