package daemon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// counters writes the counters that are not zero, in the order of the table of
// kubectl get ds.
func counters(s appsv1.DaemonSetStatus) string {
	var out []string
	for _, c := range []struct {
		name  string
		value int32
	}{
		{"desired", s.DesiredNumberScheduled}, {"current", s.CurrentNumberScheduled}, {"ready", s.NumberReady},
		{"up-to-date", s.UpdatedNumberScheduled}, {"available", s.NumberAvailable},
		{"unavailable", s.NumberUnavailable}, {"misscheduled", s.NumberMisscheduled},
	} {
		if c.value != 0 {
			out = append(out, fmt.Sprintf("%s %d", c.name, c.value))
		}
	}
	return strings.Join(out, ", ")
}

// TestStatus covers updateDaemonSetStatus@v1.37.2 and what StatusByNode says.
func TestStatus(t *testing.T) {
	tests := []struct {
		name, why string
		state
		want   string
		byNode []string
	}{
		{
			name: "nothing", why: "no nodes, no pods",
		},
		{
			name: "no pod", why: "desired and not there",
			state: state{nodes: plain}, want: "desired 1, unavailable 1",
			byNode: []string{"w1: desired; no pod"},
		},
		{
			name: "healthy", why: "all there is",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new"}}}, want: "desired 1, current 1, ready 1, up-to-date 1, available 1",
			byNode: []string{"w1: desired, current, ready, available, up-to-date"},
		},
		{
			name: "waiting", why: "a pod that is not bound counts as current",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new", Unbound: true}}}, want: "desired 1, current 1, up-to-date 1, unavailable 1",
			byNode: []string{"w1: desired, current, up-to-date; a is not ready"},
		},
		{
			name: "outdated", why: "of another template, and as good otherwise",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old"}}}, want: "desired 1, current 1, ready 1, available 1",
			byNode: []string{"w1: desired, current, ready, available; a has an outdated template"},
		},
		{
			name: "ready, not available", why: "minReadySeconds are not over",
			state:  state{set: build.Set{MinReady: 10}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new", Ready: 9 * time.Second}}},
			want:   "desired 1, current 1, ready 1, up-to-date 1, unavailable 1",
			byNode: []string{"w1: desired, current, ready, up-to-date; not available: a waits for minReadySeconds"},
		},
		{
			name: "failed", why: "it stands for the node until it is gone",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new", Phase: failed, NotReady: true}}}, want: "desired 1, current 1, up-to-date 1, unavailable 1",
			byNode: []string{"w1: desired, current, up-to-date; a has failed"},
		},
		{
			name: "template generation", why: "either label makes a pod up to date",
			state: state{set: build.Set{Annotations: build.Labels{appsv1.DeprecatedTemplateGeneration: "3"}}, nodes: plain, pods: []build.Pod{
				{Name: "a", Node: "w1", Labels: build.Labels{"app": "agent", "pod-template-generation": "3"}},
			}}, want: "desired 1, current 1, ready 1, up-to-date 1, available 1",
			byNode: []string{"w1: desired, current, ready, available, up-to-date"},
		},
		{
			name: "being deleted", why: "it counts as long as it is ready",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old", Deleting: true}}}, want: "desired 1, current 1, ready 1, available 1",
			byNode: []string{"w1: desired, current, ready, available; a has an outdated template; a is being deleted"},
		},
		{
			name: "finished and being deleted", why: "left out: no pod",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: succeeded, Deleting: true}}}, want: "desired 1, unavailable 1",
			byNode: []string{"w1: desired; no pod"},
		},
		{
			name: "several", why: "the first decides alone, although another is better",
			state: state{nodes: plain, pods: []build.Pod{
				{Name: "a", Node: "w1", Hash: "new"}, {Name: "b", Node: "w1", Hash: "old", Age: 2 * time.Hour, NotReady: true}, {Name: "c", Node: "w1", Hash: "new", Unbound: true, Age: 3 * time.Hour},
			}}, want: "desired 1, current 1, unavailable 1",
			byNode: []string{"w1: desired, current; b is not ready; b has an outdated template; 2 more pods do not count"},
		},
		{
			name: "misscheduled", why: "a pod where none should run, counted once, as nothing else",
			state: state{nodes: tainted, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new"}, {Name: "b", Node: "w1", Hash: "new"}}}, want: "misscheduled 1",
			byNode: []string{"w1: misscheduled: a is here; untolerated taint k:NoSchedule"},
		},
		{
			name: "misscheduled for certain", why: "whether it is kept makes no difference",
			state: state{nodes: draining, pods: []build.Pod{{Name: "a", Node: "w1", Deleting: true}}}, want: "misscheduled 1",
			byNode: []string{"w1: misscheduled: a is here; untolerated taint k:NoExecute"},
		},
		{
			name: "not desired", why: "and nothing there",
			state: state{nodes: tainted}, byNode: []string{"w1: not desired: untolerated taint k:NoSchedule"},
		},
		{
			name: "gone node", why: "upstream goes through the nodes that there are",
			state: state{pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new"}}}, byNode: []string{"w1: not counted: a is on a node that does not exist"},
		},
		{
			name: "not ours", why: "foreign and released pods count nowhere",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Foreign: true}, {Name: "b", Node: "w1", Labels: build.Labels{}}}}, want: "desired 1, unavailable 1",
			byNode: []string{"w1: desired; no pod"},
		},
		{
			name: "many nodes", why: "sums, by node name",
			state: state{nodes: []build.Node{{Name: "w4"}, {Name: "w3"}, {Name: "w2", Taints: []corev1.Taint{build.NoSchedule("k")}}, {Name: "w1"}, {Name: "w0"}}, pods: []build.Pod{
				{Name: "a", Node: "w0", Hash: "new"}, {Name: "b", Node: "w1", Hash: "new", NotReady: true}, {Name: "c", Node: "w2"}, {Name: "d", Node: "w3", Hash: "old"}, {Name: "e", Node: "w9"},
			}}, want: "desired 4, current 3, ready 2, up-to-date 2, available 2, unavailable 2, misscheduled 1",
			byNode: []string{
				"w0: desired, current, ready, available, up-to-date",
				"w1: desired, current, up-to-date; b is not ready",
				"w2: misscheduled: c is here; untolerated taint k:NoSchedule",
				"w3: desired, current, ready, available; d has an outdated template",
				"w4: desired; no pod",
				"w9: not counted: e is on a node that does not exist",
			},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := observe(t, tc.input())
			if got := counters(daemon.Status(s)); got != tc.want {
				t.Errorf("Status() = %s, want %s: %s", got, tc.want, tc.why)
			}
			var byNode []string
			for _, n := range daemon.StatusByNode(s) {
				byNode = append(byNode, n.String())
			}
			if diff := cmp.Diff(tc.byNode, byNode); diff != "" {
				t.Errorf("StatusByNode() (-want +got):\n%s%s", diff, tc.why)
			}
		})
	}
}

// TestStatusByNodeDetails checks what String does not show.
func TestStatusByNodeDetails(t *testing.T) {
	in := state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1"}, {Name: "b", Node: "w1", Age: 2 * time.Hour}}}.input()
	got := daemon.StatusByNode(observe(t, in))[0]
	if got.Node != "w1" || got.Pod != in.Pods[1] || got.Others != 1 || !got.Explanation.Run || got.Explanation.Node != "w1" {
		t.Errorf("StatusByNode() = %+v, want the node, its oldest pod, one other and the explanation", got)
	}
	if got := (daemon.NodeStatus{Misscheduled: true}).String(); got == "" {
		t.Error("NodeStatus without pod has no words")
	}
}

// TestStatusKeeps: what is not counted stays, and observedGeneration follows.
func TestStatusKeeps(t *testing.T) {
	before := appsv1.DaemonSetStatus{
		ObservedGeneration: 4, NumberReady: 17, CollisionCount: new(int32(3)),
		Conditions: []appsv1.DaemonSetCondition{{Type: "Custom", Status: corev1.ConditionTrue}},
	}
	for _, deleting := range []bool{false, true} {
		in := state{set: build.Set{Generation: 5, Status: before, Deleting: deleting}, nodes: plain}.input()
		want := before
		if !deleting {
			want.ObservedGeneration, want.NumberReady, want.DesiredNumberScheduled, want.NumberUnavailable = 5, 0, 1, 1
		}
		got := daemon.Status(observe(t, in))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Status(), set being deleted: %v (-want +got):\n%s", deleting, diff)
		}
		*got.CollisionCount, got.Conditions[0].Type = 9, "Changed"
		if diff := cmp.Diff(before, in.DaemonSet.Status); diff != "" {
			t.Errorf("the result of Status() shares with the DaemonSet (-before +after):\n%s", diff)
		}
	}
}

// TestStatusChanged covers storeDaemonSetStatus@v1.37.2.
func TestStatusChanged(t *testing.T) {
	full := appsv1.DaemonSetStatus{
		CurrentNumberScheduled: 1, NumberMisscheduled: 2, DesiredNumberScheduled: 3, NumberReady: 4,
		ObservedGeneration: 5, UpdatedNumberScheduled: 6, NumberAvailable: 7, NumberUnavailable: 8,
	}
	tests := []struct {
		name, why string
		change    func(ds *appsv1.DaemonSet, cur *appsv1.DaemonSetStatus)
		want      bool
	}{
		{"same", "nothing to write", func(*appsv1.DaemonSet, *appsv1.DaemonSetStatus) {}, false},
		{"current", "a counter", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) { s.CurrentNumberScheduled++ }, true},
		{"misscheduled", "a counter", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) { s.NumberMisscheduled++ }, true},
		{"desired", "a counter", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) { s.DesiredNumberScheduled++ }, true},
		{"ready", "a counter", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) { s.NumberReady++ }, true},
		{"up-to-date", "a counter", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) { s.UpdatedNumberScheduled++ }, true},
		{"available", "a counter", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) { s.NumberAvailable-- }, true},
		{"unavailable", "a counter", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) { s.NumberUnavailable-- }, true},
		{"generation not observed", "has to be said even where no counter differs", func(ds *appsv1.DaemonSet, _ *appsv1.DaemonSetStatus) { ds.Generation = 6 }, true},
		{"generation observed early", "the cache is behind: nothing to write", func(ds *appsv1.DaemonSet, _ *appsv1.DaemonSetStatus) { ds.Generation = 4 }, false},
		{"observedGeneration alone", "upstream looks at the DaemonSet's, not at the new one", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) { s.ObservedGeneration = 9 }, false},
		{"collisionCount and conditions", "others write these", func(_ *appsv1.DaemonSet, s *appsv1.DaemonSetStatus) {
			s.CollisionCount, s.Conditions = new(int32(1)), []appsv1.DaemonSetCondition{{}}
		}, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{Generation: 5, Status: full}.Object()
			cur := full
			tc.change(ds, &cur)
			if got := daemon.StatusChanged(ds, cur); got != tc.want {
				t.Errorf("StatusChanged() = %v, want %v: %s", got, tc.want, tc.why)
			}
		})
	}
	if daemon.StatusChanged(nil, full) {
		t.Error("StatusChanged(nil) = true, want false")
	}
}

func TestStatusRequeue(t *testing.T) {
	ten := build.Set{MinReady: 10}
	tests := []struct {
		name, why string
		state
		want time.Duration
	}{
		{"ready, not available", "it becomes available by time alone", state{set: ten, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Ready: time.Second}}}, 10 * time.Second},
		{"available", "nothing to wait for", state{set: ten, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1"}}}, 0},
		{"not ready", "no time helps", state{set: ten, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", NotReady: true}}}, 0},
		{"no minReadySeconds", "ready is available", state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Ready: time.Second}}}, 0},
		{"second pod", "a surging pod makes the old one go when it is available", state{set: ten, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1"}, {Name: "b", Node: "w1", Ready: time.Second, Age: time.Minute}}}, 10 * time.Second},
		{"set being deleted", "nobody counts any more", state{set: build.Set{MinReady: 10, Deleting: true}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Ready: time.Second}}}, 0},
		{"negative minReadySeconds", "time that is over", state{set: build.Set{MinReady: -10}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Ready: -time.Hour}}}, 0},
		{"nothing", "no pods", state{set: ten, nodes: plain}, 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := daemon.StatusRequeue(observe(t, tc.input())); got != tc.want {
				t.Errorf("StatusRequeue() = %v, want %v: %s", got, tc.want, tc.why)
			}
		})
	}
}

// TestStatusOverTime: the same pods, seen later.
func TestStatusOverTime(t *testing.T) {
	in := state{set: build.Set{MinReady: 60}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new", Ready: time.Second}}}.input()
	in.Pods[0].Status.Conditions[1].LastTransitionTime = metav1.NewTime(build.Now)
	for _, tc := range []struct {
		after     time.Duration
		available int32
	}{{0, 0}, {59 * time.Second, 0}, {60 * time.Second, 1}, {time.Hour, 1}} {
		in.Now = build.Now.Add(tc.after)
		if got := daemon.Status(observe(t, in)); got.NumberAvailable != tc.available || got.NumberUnavailable != 1-tc.available {
			t.Errorf("after %v: Status() = %s, want available %d", tc.after, counters(got), tc.available)
		}
	}
}
