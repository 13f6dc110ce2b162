package health_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// TestAssessFixApplied: the failures of an old template do not count against a new one, also
// before the controller has observed it.
func TestAssessFixApplied(t *testing.T) {
	observed := func(generation int64) build.Set {
		return build.Set{Generation: 3, Status: appsv1.DaemonSetStatus{ObservedGeneration: generation}}
	}
	backoff := func(generation int64) daemon.Backoff {
		return daemon.Backoff{{UID: "uid-agent", ObservedGeneration: generation, Node: "w1"}: {
			Last: build.Now.Add(-4 * time.Minute), Delay: 8*time.Minute + 32*time.Second,
		}}
	}
	pods := func() []*corev1.Pod {
		return []*corev1.Pod{oldAgent("w1", podMade(3*time.Minute), podFailed("", "")), oldAgent("w2"), oldAgent("w3")}
	}
	canary := health.Options{Policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}}}
	const usedBy = "maxUnavailable 1 is used by w1 (old-w1: failed since 2026-01-01T11:58:00Z)"
	blockers := []string{"w1: failed since -2m0s until +4m32s"}
	testAssess(t, []assessCase{
		{
			name: "not observed", why: "the failures are those of generation 2", set: observed(2), backoff: backoff(2), pods: pods(),
			want: "progressing: 0 of 3 nodes complete; 1 to delete now; " + usedBy, blockers: blockers,
		}, {
			name: "observed", why: "the failures are those of generation 3", set: observed(3), backoff: backoff(3), pods: pods(),
			want: "stalled since 2026-01-01T11:47:28Z: 0 of 3 nodes complete; 1 to delete now, which is no progress; " + usedBy, blockers: blockers,
		}, {
			name: "no status", why: "without a status no generation is known to be older", set: observed(0), backoff: backoff(0), pods: pods(),
			want: "stalled since 2026-01-01T11:47:28Z: 0 of 3 nodes complete; 1 to delete now, which is no progress; " + usedBy, blockers: blockers,
		}, {
			name: "canary, not observed", why: "no pod of the new template has failed", set: observed(2), backoff: backoff(2), opts: canary,
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "progressing: 0 of 3 nodes complete; 1 to delete now; canary starting on w1; held back: 2 by canary",
		},
	})
}
