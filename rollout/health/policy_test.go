package health_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

func TestAssessPolicy(t *testing.T) {
	under := func(policy rollout.Policy) health.Options { return health.Options{Policy: policy} }
	one := intstr.FromInt32(1)
	keeps := rollout.Policy{Partition: &rollout.Partition{Nodes: one}}
	gone := func(name string) *corev1.Node {
		return reportingNode(name, corev1.ConditionUnknown, "NodeStatusUnknown", "", time.Hour)
	}
	testAssess(t, []assessCase{
		{
			name: "paused", why: "a person has to end the pause, however long it has been", opts: under(rollout.Policy{Paused: true}),
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "waiting: 0 of 3 nodes complete; held back: 3 by pause",
		}, {
			name: "paused, pod missing", why: "a pause creates first pods", opts: under(rollout.Policy{Paused: true}),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2")},
			want:     "progressing: 0 of 3 nodes complete; 1 to create now; maxUnavailable 1 is used by w3 (no pod); held back: 2 by pause",
			blockers: []string{"w3: no pod"},
		}, {
			name: "paused, outdated pod broken", why: "nothing replaces it, so its own problem counts", opts: under(rollout.Policy{Paused: true}),
			pods: []*corev1.Pod{oldAgent("w1", podUnready(time.Hour), podWaits("ErrImagePull", "")), oldAgent("w2"), oldAgent("w3")},
			want: `stalled since 2026-01-01T11:00:00Z: 0 of 3 nodes complete; maxUnavailable 1 is used by w1 (old-w1: image "agent:2" cannot be pulled: ErrImagePull); ` +
				"held back: 3 by pause",
			blockers: []string{"w1: image cannot be pulled since -48h0m0s"},
		}, {
			name: "frozen, pod missing", why: "a freeze creates nothing, and a person has to end it", opts: under(rollout.Policy{Frozen: true}),
			pods:     []*corev1.Pod{oldAgent("w1"), oldAgent("w2")},
			want:     "waiting: 0 of 3 nodes complete; maxUnavailable 1 is used by w3 (no pod); held back: 3 by freeze",
			blockers: []string{"w3: no pod"},
		}, {
			name: "frozen, OnDelete", why: "there is no update to restrict, but the creation is", opts: under(rollout.Policy{Frozen: true}),
			set:      build.Set{OnDelete: true},
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2")},
			want:     "waiting: 2 of 3 nodes complete; held back: 1 by freeze; not complete: w3 (no pod)" + doubt,
			blockers: []string{"w3: no pod"},
		}, {
			name: "frozen, complete", why: "nothing is held back", opts: under(rollout.Policy{Frozen: true}),
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3")},
			want: "complete since 2026-01-01T11:00:00Z: 3 of 3 nodes complete",
		}, {
			name: "partition reached", why: "the rest is kept until the partition is lowered", opts: under(keeps),
			pods: []*corev1.Pod{oldAgent("w1"), newAgent("w2"), newAgent("w3")},
			want: "waiting: 2 of 3 nodes complete; held back: 1 by partition",
		}, {
			name: "kept and not available", why: "it uses no budget and is not replaced, so its own problem counts", opts: under(keeps),
			pods: []*corev1.Pod{oldAgent("w1", podUnready(time.Hour)), newAgent("w2"), newAgent("w3")},
			want: "stalled since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; held back: 1 by partition; " +
				"not complete: w1 (old-w1: not ready: containers with unready status: [main])",
			blockers: []string{"w1: not ready since -1h0m0s"},
		}, {
			name: "within the partition", why: "w2 is still to be updated", opts: under(keeps),
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), newAgent("w3")},
			want: "progressing: 1 of 3 nodes complete; 1 to delete now; held back: 1 by partition",
		}, {
			name: "stalled within the partition", why: "w3's new pod does not get ready, and w2 waits for it", opts: under(keeps),
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), newAgent("w3", podUnready(30*time.Minute))},
			want: "stalled since 2026-01-01T11:30:00Z: 0 of 3 nodes complete; " +
				"maxUnavailable 1 is used by w3 (new-w3: not ready: containers with unready status: [main]); held back: 1 by partition",
			blockers: []string{"w3: not ready since -30m0s"},
		}, {
			name: "first pods within the partition", why: "a person has to lower the partition before w3 gets a pod",
			opts:     under(rollout.Policy{Partition: &rollout.Partition{Nodes: one, ProgressiveCreate: true}}),
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2")},
			want:     "waiting: 2 of 3 nodes complete; held back: 1 by partition; not complete: w3 (no pod)" + doubt,
			blockers: []string{"w3: no pod"},
		}, {
			name: "canary waits", why: "it passes in half an hour", opts: under(rollout.Policy{Canary: &rollout.Canary{Nodes: one, Wait: metav1.Duration{Duration: 90 * time.Minute}}}),
			pods: []*corev1.Pod{newAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "progressing: 1 of 3 nodes complete; canary waiting on w1 until 2026-01-01T12:30:00Z; held back: 2 by canary",
		}, {
			name: "canary waits for promotion", why: "a person has to promote it", opts: under(rollout.Policy{Canary: &rollout.Canary{Nodes: one, Manual: true}}),
			pods: []*corev1.Pod{newAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "waiting: 1 of 3 nodes complete; canary waits for promotion on w1; held back: 2 by canary",
		}, {
			name: "canary promoted", why: "the trial is handed in",
			opts: health.Options{
				Policy:      rollout.Policy{Canary: &rollout.Canary{Nodes: one, Manual: true}},
				CanaryTrial: &rollout.CanaryTrial{RevisionHash: "new", State: rollout.CanaryPromoted},
			},
			pods: []*corev1.Pod{newAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "progressing: 1 of 3 nodes complete; 1 to delete now",
		}, {
			name: "canary paused", why: "a person has to look at it", opts: under(rollout.Policy{Canary: &rollout.Canary{Nodes: one}}),
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute), podWaits("ErrImagePull", "")), oldAgent("w2"), oldAgent("w3")},
			want: `waiting: 0 of 3 nodes complete; maxUnavailable 1 is used by w1 (new-w1: image "agent:2" cannot be pulled: ErrImagePull); ` +
				`canary paused: w1: new-w1: image "agent:2" cannot be pulled: ErrImagePull; held back: 2 by canary`,
			blockers: []string{"w1: image cannot be pulled since -1h0m0s"},
		}, {
			name: "ignored node", why: "it blocks nothing, and is named", opts: under(rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}),
			nodes: append(build.Nodes("w2", "w3"), gone("w1")),
			pods:  []*corev1.Pod{newAgent("w1", podUnready(time.Hour)), newAgent("w2"), newAgent("w3")},
			want:  "complete since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; ignored: w1 (node is not ready)",
		}, {
			name: "ignored node, old pod", why: "an ignored node is named whatever its pod", opts: under(rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}),
			nodes: append(build.Nodes("w2", "w3"), gone("w1")),
			pods:  []*corev1.Pod{oldAgent("w1", podUnready(time.Hour)), newAgent("w2"), newAgent("w3")},
			want:  "complete since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; ignored: w1 (node is not ready)",
		}, {
			name: "ignored node, pod missing", why: "an ignored node is named while the pass creates a pod on another one",
			opts:     under(rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}),
			nodes:    append(build.Nodes("w2", "w3"), gone("w1")),
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2")},
			want:     "progressing: 2 of 3 nodes complete; 1 to create now; ignored: w1 (node is not ready); not complete: w3 (no pod)" + doubt,
			blockers: []string{"w3: no pod"},
		}, {
			name: "ignored node, partition reached", why: "the policy leaves w1 out, so the others wait for the partition alone",
			opts:  under(rollout.Policy{Partition: &rollout.Partition{Nodes: one}, IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}),
			nodes: append(build.Nodes("w2", "w3", "w4"), gone("w1")),
			pods:  []*corev1.Pod{newAgent("w1", podUnready(time.Hour)), oldAgent("w2"), newAgent("w3"), newAgent("w4")},
			want:  "waiting: 2 of 4 nodes complete; held back: 1 by partition; ignored: w1 (node is not ready)",
		}, {
			name: "slow start", why: "the next interval is known",
			opts:     under(rollout.Policy{SlowStart: &rollout.SlowStart{Pods: 1, Interval: metav1.Duration{Duration: 2 * time.Hour}}}),
			pods:     []*corev1.Pod{newAgent("w1")},
			want:     "progressing: 1 of 3 nodes complete; held back: 2 by slow start; not complete: w2 (no pod), w3 (no pod)" + doubt,
			blockers: []string{"w2: no pod", "w3: no pod"},
		}, {
			name: "freeze and restriction of the update", why: "both counts are of the freeze", opts: under(rollout.Policy{Frozen: true}),
			pods:     []*corev1.Pod{oldAgent("w1")},
			want:     "waiting: 0 of 3 nodes complete; maxUnavailable 1 is used by w2 (no pod), w3 (no pod); held back: 3 by freeze",
			blockers: []string{"w2: no pod", "w3: no pod"},
		},
	})
}

// TestAssessRollback: a failed canary is rolled back by the next pass, and waits for a
// person only where no revision holds the template to restore.
func TestAssessRollback(t *testing.T) {
	ds := build.Set{}.Object()
	before := ds.DeepCopy()
	before.Spec.Template.Spec.Containers[0].Image = "agent:0"
	in := daemon.Input{
		DaemonSet: ds, Nodes: build.Nodes("w1", "w2"), Now: build.Now,
		Pods:      []*corev1.Pod{newAgent("w1", podUnready(time.Hour)), oldAgent("w2")},
		Revisions: append(build.Current(ds, "new"), build.Current(before, "old")...),
	}
	opts := health.Options{
		Policy:      rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}},
		CanaryTrial: &rollout.CanaryTrial{RevisionHash: "new", State: rollout.CanaryFailed, BackTo: "old", Nodes: []rollout.CanaryNode{{Name: "w1"}}},
	}
	check := func(want health.State) {
		t.Helper()
		if got, err := health.Assess(observe(t, in), opts); err != nil || got.State != want {
			t.Errorf("Assess() = %v, %v, want %v", got, err, want)
		}
	}
	check(health.StateProgressing)
	in.Revisions = in.Revisions[:1]
	check(health.StateWaiting)
}
