package health_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

func TestAssessStates(t *testing.T) {
	testAssess(t, []assessCase{
		{
			name: "complete", why: "all nodes have a new available pod; the last became ready at 11:30",
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(30*time.Minute)), newAgent("w3")},
			want: "complete since 2026-01-01T11:30:00Z: 3 of 3 nodes complete",
		},
		{
			name: "complete on another day", why: "times have their date",
			pods:  []*corev1.Pod{newAgent("w1", podMade(24*time.Hour))},
			nodes: build.Nodes("w1"),
			want:  "complete since 2025-12-31T12:00:00Z: 1 of 1 node complete",
		},
		{
			name: "no node", why: "no node needs a pod",
			nodes: []*corev1.Node{build.Node{Name: "w1", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()},
			want:  "complete since 2026-01-01T11:00:00Z: no eligible node",
		},
		{
			name: "a terminating pod beside a new one", why: "the new pod is available, and the old one is not live",
			set:  build.Set{MaxSurge: "1"},
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3"), oldAgent("w3", podDeleted(20*time.Minute, 30))},
			want: "complete since 2026-01-01T11:40:00Z: 3 of 3 nodes complete",
		},
		{
			name: "begun", why: "the objects are a day old, but the next pass deletes a pod",
			pods: []*corev1.Pod{oldAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "progressing: 0 of 3 nodes complete; 1 to delete now",
		},
		{
			name: "first creation", why: "there are no pods, and the next pass creates them",
			want: "progressing: 0 of 3 nodes complete; 3 to create now; not complete: w1 (no pod), w2 (no pod), w3 (no pod)",
			blockers: []string{
				"w1: no pod", "w2: no pod", "w3: no pod",
			},
		},
		{
			name: "a moment ago", why: "a pod was created a minute ago and is not ready yet",
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(time.Minute), podUnready(time.Minute), podWaits("ContainerCreating", "")), oldAgent("w3")},
			want:     "progressing: 1 of 3 nodes complete; maxUnavailable 1 is used by w2 (new-w2: not ready: container main: ContainerCreating)",
			blockers: []string{"w2: not ready since -1m0s"},
		},
		{
			name: "patience not over", why: "one second is left of ten minutes",
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(599*time.Second), podUnready(599*time.Second)), oldAgent("w3")},
			want:     "progressing: 1 of 3 nodes complete; maxUnavailable 1 is used by w2 (new-w2: not ready: containers with unready status: [main])",
			blockers: []string{"w2: not ready since -9m59s"},
		},
		{
			name: "patience over", why: "exactly ten minutes are enough",
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(10*time.Minute), podUnready(10*time.Minute)), oldAgent("w3")},
			want:     "stalled since 2026-01-01T11:50:00Z: 1 of 3 nodes complete; maxUnavailable 1 is used by w2 (new-w2: not ready: containers with unready status: [main])",
			blockers: []string{"w2: not ready since -10m0s"},
		},
		{
			name: "patience of a minute", why: "it is an option",
			opts:     health.Options{Patience: time.Minute},
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(time.Minute), podUnready(time.Minute)), oldAgent("w3")},
			want:     "stalled since 2026-01-01T11:59:00Z: 1 of 3 nodes complete; maxUnavailable 1 is used by w2 (new-w2: not ready: containers with unready status: [main])",
			blockers: []string{"w2: not ready since -1m0s"},
		},
		{
			name: "endless patience", why: "below zero nothing is ever stalled",
			opts:     health.Options{Patience: -1},
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(time.Hour))},
			want:     "progressing: 2 of 3 nodes complete; not complete: w3 (new-w3: not ready: containers with unready status: [main])" + doubt,
			blockers: []string{"w3: not ready since -1h0m0s"},
		},
		{
			name: "no pod has a time", why: "only the age of the DaemonSet is known",
			pods: []*corev1.Pod{newAgent("w1", func(pod *corev1.Pod) {
				pod.CreationTimestamp = metav1.Time{}
				pod.Status = corev1.PodStatus{}
			})},
			nodes:    build.Nodes("w1"),
			opts:     health.Options{Patience: 2 * time.Hour},
			want:     "progressing: 0 of 1 node complete; not complete: w1 (new-w1: not ready)" + doubt,
			blockers: []string{"w1: not ready"},
		},
		{
			name: "all updated, one not available", why: "no pod waits for the budget, so the sentence leaves it out",
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(time.Hour), podWaits("ImagePullBackOff", ""))},
			want:     `stalled since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; not complete: w3 (new-w3: image "agent:2" cannot be pulled: ImagePullBackOff)` + doubt,
			blockers: []string{"w3: image cannot be pulled since -1h0m0s"},
		},
		{
			name: "one stuck, the others go on", why: "with a budget of two the second node still has its turn",
			set:      build.Set{MaxUnavailable: "2"},
			pods:     []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ImagePullBackOff", "")), oldAgent("w2"), oldAgent("w3")},
			want:     `progressing: 0 of 3 nodes complete; 1 to delete now; not complete: w1 (new-w1: image "agent:2" cannot be pulled: ImagePullBackOff)`,
			blockers: []string{"w1: image cannot be pulled since -1h0m0s"},
		},
		{
			name: "stuck on two of two", why: "both nodes use the budget, and the one that crashes comes first",
			set: build.Set{MaxUnavailable: "2"},
			pods: []*corev1.Pod{
				newAgent("w1", podUnready(time.Hour)), newAgent("w2", podUnready(time.Hour), podWaits("CrashLoopBackOff", "")), oldAgent("w3"),
			},
			want: "stalled since 2026-01-01T11:00:00Z: 0 of 3 nodes complete; maxUnavailable 2 is used by " +
				"w2 (new-w2: container main keeps crashing: CrashLoopBackOff, 0 restarts), " +
				"w1 (new-w1: not ready: containers with unready status: [main])",
			blockers: []string{"w1: not ready since -1h0m0s", "w2: container crashes since -1h0m0s"},
		},
		{
			name: "OnDelete", why: "only a person or another controller deletes the pods",
			set:  build.Set{OnDelete: true},
			pods: []*corev1.Pod{newAgent("w1"), oldAgent("w2"), oldAgent("w3")},
			want: "waiting: 1 of 3 nodes complete; 2 outdated pods wait to be deleted: old-w2 on w2, old-w3 on w3",
		},
		{
			name: "OnDelete, broken", why: "the new pod does not start, which no deletion mends",
			set:  build.Set{OnDelete: true},
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Hour), podWaits("ErrImagePull", "")), newAgent("w2"), oldAgent("w3")},
			want: `stalled since 2026-01-01T11:00:00Z: 1 of 3 nodes complete; not complete: w1 (new-w1: image "agent:2" cannot be pulled: ErrImagePull); ` +
				"1 outdated pod waits to be deleted: old-w3 on w3",
			blockers: []string{"w1: image cannot be pulled since -1h0m0s"},
		},
		{
			name: "OnDelete, outdated and broken", why: "the controller does not replace it, so its own problem counts",
			set:  build.Set{OnDelete: true},
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), oldAgent("w3", podUnready(time.Hour))},
			want: "stalled since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; not complete: w3 (old-w3: not ready: containers with unready status: [main]); " +
				"1 outdated pod waits to be deleted: old-w3 on w3",
			blockers: []string{"w3: not ready since -1h0m0s"},
		},
		{
			name: "deleting", why: "the controller does nothing more",
			set:  build.Set{Deleting: true},
			pods: []*corev1.Pod{oldAgent("w1")},
			want: "deleting",
		},
		{
			name: "surge", why: "the new pod beside the outdated one does not start",
			set: build.Set{MaxSurge: "1"},
			pods: []*corev1.Pod{
				oldAgent("w1"), oldAgent("w2"), oldAgent("w3"),
				newAgent("w2", podMade(20*time.Minute), podUnbound("Unschedulable", "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", 20*time.Minute)),
			},
			want: "stalled since 2026-01-01T11:40:00Z: 0 of 3 nodes complete; maxSurge 1 is used by " +
				"w2 (new-w2: cannot be scheduled: 0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.)",
			blockers: []string{"w2: cannot be scheduled since -20m0s"},
		},
		{
			name: "surge, on a node that keeps", why: "the outdated pod there goes when more are available than should be",
			set:   build.Set{MaxSurge: "1"},
			nodes: append(build.Nodes("w1"), build.Node{Name: "w2", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()),
			pods:  []*corev1.Pod{newAgent("w1", podUnready(time.Hour)), oldAgent("w2")},
			want: "stalled since 2026-01-01T11:00:00Z: 0 of 1 node complete; not complete: w1 (new-w1: not ready: containers with unready status: [main]); " +
				"1 outdated pod waits",
			blockers: []string{"w1: not ready since -1h0m0s"},
		},
	})
}

func TestAssessNumbers(t *testing.T) {
	got := assess(t, assessCase{
		set: build.Set{MaxUnavailable: "50%"},
		nodes: append(build.Nodes("w1", "w2", "w3", "w4", "w5"),
			build.Node{Name: "w6", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()),
		pods: []*corev1.Pod{
			newAgent("w1"),
			newAgent("w2", podUnready(time.Hour)),
			oldAgent("w3"),
			oldAgent("w4", podDeleted(time.Hour, 30)),
			oldAgent("w6"),
			oldAgent("w7"),
		},
	})
	want := &health.Assessment{
		State:      health.StateProgressing,
		LastChange: build.Now.Add(-time.Hour),
		Desired:    5, Complete: 1,
		CreateCount: 1, // on w5, before any update
	}
	opts := cmpopts.IgnoreFields(health.Assessment{}, "Outdated", "Budget", "Blockers", "Memory")
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("Assess() differs (-want +got):\n%s", diff)
	}
	var outdated []string
	for _, pod := range got.Outdated {
		outdated = append(outdated, pod.Name)
	}
	// The one on w4 is terminating, and the one on w7 is on a node that does not exist.
	if diff := cmp.Diff([]string{"old-w3", "old-w6"}, outdated); diff != "" {
		t.Errorf("Assess().Outdated differs (-want +got):\n%s", diff)
	}
	wantBudget := rollout.Budget{Kind: rollout.BudgetMaxUnavailable, Limit: 3, Users: []rollout.BudgetUser{
		{Node: "w2", Reason: rollout.BudgetUpdatedPod},
		{Node: "w4", Reason: rollout.BudgetTerminatingPod},
		{Node: "w5", Reason: rollout.BudgetNoPod},
	}}
	if diff := cmp.Diff(wantBudget, got.Budget); diff != "" {
		t.Errorf("Assess().Budget differs (-want +got):\n%s", diff)
	}
	if !got.Budget.Exhausted() {
		t.Error("Exhausted() = false for three of three")
	}
}

// TestAssessWithoutTimes: nothing is stalled where no object has a time.
func TestAssessWithoutTimes(t *testing.T) {
	ds := build.Set{}.Object()
	ds.CreationTimestamp = metav1.Time{}
	pod := newAgent("w1", func(pod *corev1.Pod) {
		pod.CreationTimestamp = metav1.Time{}
		pod.Status = corev1.PodStatus{}
	})
	revisions := build.Current(ds, "new")
	revisions[0].CreationTimestamp = metav1.Time{}
	s := observe(t, daemon.Input{
		DaemonSet: ds, Nodes: build.Nodes("w1"), Pods: []*corev1.Pod{pod}, Revisions: revisions, Now: build.Now,
	})
	got, err := health.Assess(s, health.Options{})
	if err != nil || got.State != health.StateProgressing || !got.LastChange.IsZero() {
		t.Errorf("Assess() = %v, %v, want progressing", got, err)
	}
}

// TestAssessBegins: w2 has used the whole budget for hours. A rollout that has just begun has not
// stalled since before it began.
func TestAssessBegins(t *testing.T) {
	ds := build.Set{}.Object()
	pods := []*corev1.Pod{oldAgent("w1"), oldAgent("w2", podDeleted(6*time.Hour, 30))}
	for _, tc := range []struct {
		applied time.Duration
		want    health.State
	}{{time.Minute, health.StateProgressing}, {11 * time.Minute, health.StateStalled}} {
		revisions := build.Current(ds, "new")
		revisions[0].CreationTimestamp = agoTime(tc.applied)
		got, err := health.Assess(observe(t, daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1", "w2"), Pods: pods, Revisions: revisions, Now: build.Now}), health.Options{})
		if err != nil || got.State != tc.want || !got.LastChange.Equal(build.Now.Add(-tc.applied)) {
			t.Errorf("Assess() %v after the new revision = %v, changed at %v, %v, want %v since the revision", tc.applied, got, got.LastChange, err, tc.want)
		}
	}
}

// TestAssessWithoutCountedNodes: no node counts, so the rollout is not complete since before its
// template was there.
func TestAssessWithoutCountedNodes(t *testing.T) {
	ds := build.Set{}.Object()
	ds.CreationTimestamp = agoTime(48 * time.Hour)
	revisions := append(build.Current(ds, "new"), build.History(ds, "old:7")...)
	revisions[0].CreationTimestamp, revisions[1].CreationTimestamp = agoTime(5*time.Minute), agoTime(time.Minute)
	all := rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(*daemon.NodeState) bool { return true }}}
	for _, nodes := range [][]*corev1.Node{nil, build.Nodes("w1")} {
		got, err := health.Assess(observe(t, daemon.Input{DaemonSet: ds, Nodes: nodes, Revisions: revisions, Now: build.Now}), health.Options{Policy: all})
		if err != nil || got.State != health.StateComplete || !got.LastChange.Equal(build.Now.Add(-5*time.Minute)) {
			t.Errorf("Assess() of %d nodes = %v, changed at %v, %v, want complete since the current revision", len(nodes), got, got.LastChange, err)
		}
	}
}

// Somebody who may not list nodes must not see a stalled rollout as complete.
func TestAssessWithoutNodes(t *testing.T) {
	outdated := oldAgent("w1")
	for _, tc := range []struct {
		name, why string
		change    func(*appsv1.DaemonSet)
		nodes     []*corev1.Node
		pods      []*corev1.Pod
		want      string
	}{
		{
			name: "not listed", why: "the status counts nodes", pods: []*corev1.Pod{outdated},
			want: "progressing: no node was given, although the status counts desired pods; 1 to delete now",
		},
		{
			name: "nothing listed", why: "the pods change nothing",
			want: "progressing: no node was given, although the status counts desired pods",
		},
		{
			name: "not observed", why: "no controller wrote the status",
			change: func(ds *appsv1.DaemonSet) { ds.Status.ObservedGeneration = 0 }, want: "complete since 2026-01-01T11:00:00Z: no eligible node",
		},
		{
			name: "none needed", why: "the status fits",
			change: func(ds *appsv1.DaemonSet) { ds.Status.DesiredNumberScheduled = 0 }, want: "complete since 2026-01-01T11:00:00Z: no eligible node",
		},
		{
			name: "negative", why: "no controller writes that",
			change: func(ds *appsv1.DaemonSet) { ds.Status.DesiredNumberScheduled = -1 }, want: "complete since 2026-01-01T11:00:00Z: no eligible node",
		},
		{
			name: "deleting", why: "no node matters any more",
			change: func(ds *appsv1.DaemonSet) { ds.DeletionTimestamp = &metav1.Time{Time: build.Now} }, want: "deleting",
		},
		{
			name: "listed", why: "a node that the status does not know of",
			nodes: []*corev1.Node{build.Node{Name: "w1", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()}, want: "complete since 2026-01-01T11:00:00Z: no eligible node",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			ds.Status.ObservedGeneration, ds.Status.DesiredNumberScheduled, ds.Status.CurrentNumberScheduled = 1, 3, 3
			if tc.change != nil {
				tc.change(ds)
			}
			got, err := health.Assess(observe(t, daemon.Input{
				DaemonSet: ds, Nodes: tc.nodes, Pods: tc.pods, Revisions: build.Current(ds, "new"), Now: build.Now,
			}), health.Options{})
			text := got.String()
			if err != nil {
				text = err.Error()
			}
			if text != tc.want {
				t.Errorf("Assess() = %s, want %s: %s", text, tc.want, tc.why)
			}
		})
	}
}

func TestAssessErrors(t *testing.T) {
	changed := func(change func(*appsv1.DaemonSet)) *daemon.Snapshot {
		ds := build.Set{}.Object()
		change(ds)
		return observe(t, daemon.Input{DaemonSet: ds, Now: build.Now})
	}
	broken := intstr.FromString("many")
	for _, tc := range []struct {
		name, why string
		snapshot  *daemon.Snapshot
		path      string
	}{
		{"nil", "it is required", nil, "snapshot"},
		{"zero", "Observe did not make it", &daemon.Snapshot{}, "snapshot"},
		{"strategy", "as NextStep", changed(func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.Type = "Recreate" }), "spec.updateStrategy.type"},
		{"budget", "as NextStep", changed(func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &broken }), "spec.updateStrategy.rollingUpdate.maxUnavailable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := health.Assess(tc.snapshot, health.Options{})
			var fieldErr *field.Error
			if got != nil || !errors.As(err, &fieldErr) || fieldErr.Field != tc.path {
				t.Errorf("Assess() = %v, %v, want a *field.Error at %s: %s", got, err, tc.path, tc.why)
			}
		})
	}
}

// TestAssessmentsCompare: cmp.Diff needs no options for an Assessment.
func TestAssessmentsCompare(t *testing.T) {
	s := (&assessCase{nodes: build.Nodes("w1", "w2"), pods: []*corev1.Pod{oldAgent("w1"), newAgent("w2", podDeleted(time.Minute, 3600))}}).snapshot(t)
	first, err := health.Assess(s, health.Options{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := health.Assess(s, health.Options{})
	if diff := cmp.Diff(first, second); err != nil || diff != "" {
		t.Errorf("Assess() twice: %v (-first +second):\n%s", err, diff)
	}
	second.Blockers = nil
	if cmp.Diff(first, second) == "" {
		t.Error("an Assessment without its blockers does not differ")
	}
}
