package simulate_test

import (
	stdcmp "cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// version is a DaemonSet that requests a CPU, in a namespace and with an image.
func version(namespace, name, image string, change ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	ds := build.Set{Name: name, Spec: requesting("1")}.Object()
	ds.Namespace, ds.UID = namespace, ""
	ds.Spec.Template.Spec.Containers[0].Image = image
	for _, c := range change {
		c(ds)
	}
	return ds
}

func sets(list ...*appsv1.DaemonSet) []*appsv1.DaemonSet { return list }

func TestJudgeVersions(t *testing.T) {
	on := func(disk string) func(*appsv1.DaemonSet) {
		return func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.Spec.NodeSelector = map[string]string{"disk": disk}
		}
	}
	port := func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
	}
	negative := func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = -1 }
	// The API server refuses it, and daemon.Validate does not look at it.
	malformed := func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: "a", Operator: "Has"}}
	}
	// As kubectl get -o yaml prints it.
	live := func(ds *appsv1.DaemonSet) {
		ds.UID, ds.ResourceVersion, ds.Generation = "u9", "9", 9
		ds.CreationTimestamp = metav1.NewTime(build.Now.Add(-time.Hour))
		ds.Status = appsv1.DaemonSetStatus{CurrentNumberScheduled: 3, ObservedGeneration: 9, CollisionCount: new(int32(2))}
	}
	deleted := func(ds *appsv1.DaemonSet) {
		ds.DeletionTimestamp, ds.DeletionGracePeriodSeconds = new(metav1.NewTime(build.Now)), new(int64(30))
	}
	neverReady := simulate.Options{PodTimes: func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return simulate.PodTimes{ReadyAfter: -1} }}
	for _, tc := range []struct {
		name, why string
		nodes     []*corev1.Node // nil: three with a CPU for each of three pods
		old, new  []*appsv1.DaemonSet
		opts      simulate.Options
		check     lint.Options
		want      []string // the first lines
		text      string   // is in the last of them
	}{
		{name: "nothing", why: "there is nothing to judge"},
		{name: "the same", why: "it does not change", old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:1"))},
		{name: "the same with defaults", why: "the API server stores the same",
			old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:1", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{} }))},
		{name: "image", why: "it goes well", old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:2")),
			want: []string{"a/x: well"}, text: "starts a rollout to revision 2: 3 outdated pods"},
		{name: "on no node", why: "there are no pods, and the caller forgot none", old: sets(version("a", "x", "x:1", on("tape"))), new: sets(version("a", "x", "x:2", on("tape"))),
			want: []string{"a/x: well; it runs on no node"}, text: "starts a rollout to revision 2: 0 outdated pods\n"},
		{name: "new", why: "it has no pods before", new: sets(version("a", "x", "x:1")), want: []string{"a/x: well"}, text: "new DaemonSet with revision 1"},
		{name: "removed", why: "its pods go", old: sets(version("a", "x", "x:1")), want: []string{"a/x: would hurt: nodes that lose the pod: 3"}, text: "removes the DaemonSet"},
		{name: "moved", why: "another namespace is another DaemonSet", old: sets(version("b", "x", "x:1")), new: sets(version("a", "x", "x:1")),
			want: []string{"a/x: well", "b/x: would hurt: nodes that lose the pod: 3"}},
		{name: "no namespace", why: "kubectl fills it in", new: sets(version("", "x", "x:1")), want: []string{"default/x: well"}, text: "new DaemonSet with revision 1"},
		{name: "several", why: "by namespace and name", nodes: sized("4", "n1", "n2", "n3"),
			old:  sets(version("b", "a", "a:1"), version("a", "z", "z:1"), version("a", "same", "s:1")),
			new:  sets(version("a", "same", "s:1"), version("b", "a", "a:2", on("tape")), version("a", "b", "b:1"), version("a", "z", "z:2")),
			want: []string{"a/b: well", "a/z: well", "b/a: would hurt: nodes that lose the pod: 3; it runs on no node"}},
		{name: "refused", why: "the API server does not take it", old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:2", negative)),
			want: []string{"a/x: cannot be made: the API server refuses it"}, text: "refused: spec.minReadySeconds"},
		{name: "refused pods", why: "nor those that it could not make pods of", old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:2", malformed)),
			want: []string{"a/x: cannot be made: the API server refuses it"}, text: `refused: spec.template.spec.tolerations[0].operator: Unsupported value: "Has"`},
		{name: "repaired", why: "what was refused was never stored", old: sets(version("a", "x", "x:1", negative)), new: sets(version("a", "x", "x:1")),
			want: []string{"a/x: well"}, text: "\nthe API server refuses the old version: spec.minReadySeconds: Invalid value: -1"},
		{name: "repaired toleration", why: "what was refused was never stored", old: sets(version("a", "x", "x:1", malformed)), new: sets(version("a", "x", "x:1")),
			want: []string{"a/x: well"}, text: "\nthe API server refuses the old version: spec.template.spec.tolerations[0].operator"},
		{name: "repaired port", why: "a port without a protocol is one of TCP", new: sets(version("a", "x", "x:1")),
			old: sets(version("a", "x", "x:1", func(ds *appsv1.DaemonSet) {
				ds.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 80, ContainerPort: 80}, {HostPort: 80, ContainerPort: 81, Protocol: corev1.ProtocolTCP}}
			})),
			want: []string{"a/x: well"}, text: "\nthe API server refuses the old version: spec.template.spec.containers[0].ports[1].hostPort: Duplicate value"},
		{name: "refused and removed", why: "it was never there", old: sets(version("a", "x", "x:1", negative))},
		{name: "refused before and after", why: "it does not change", old: sets(version("a", "x", "x:1", negative)),
			new: sets(version("a", "x", "x:1", negative, live, func(ds *appsv1.DaemonSet) { ds.Spec.RevisionHistoryLimit = new(int32(10)) }))},
		{name: "refused otherwise", why: "it changes, and is refused again", old: sets(version("a", "x", "x:1", negative)), new: sets(version("a", "x", "x:2", negative)),
			want: []string{"a/x: cannot be made: the API server refuses it"}, text: "\nthe API server refuses the old version: spec.minReadySeconds"},
		{name: "room", why: "the pods of the others take it, those of other namespaces too",
			old:  sets(version("a", "x", "x:1"), version("a", "y", "y:1"), version("b", "z", "z:1")),
			new:  sets(version("a", "x", "x:1"), version("a", "y", "y:1"), version("b", "z", "z:1"), version("c", "new", "n:1")),
			want: []string{"c/new: would hurt: the rollout stalls"}},
		{name: "ports", why: "lint looks at the others as they will be",
			old:  sets(version("a", "x", "x:1", port), version("b", "y", "y:1")),
			new:  sets(version("a", "x", "x:1"), version("b", "y", "y:1", port)),
			want: []string{"a/x: well", "b/y: well"}, text: "complete after 36s"},
		{name: "ports that stay", why: "the other one has them, too", old: sets(version("a", "x", "x:1", port), version("b", "y", "y:1")),
			new:  sets(version("a", "x", "x:1", port), version("b", "y", "y:1", port)),
			want: []string{"b/y: would hurt: the rollout stalls, lint finds HostPortConflict"}},
		{name: "ports of none of them", why: "the caller knows it", old: sets(version("b", "y", "y:1")), new: sets(version("b", "y", "y:1", port)),
			check: lint.Options{OtherDaemonSets: sets(version("a", "x", "x:1", port))}, want: []string{"b/y: would hurt: lint finds HostPortConflict"}},
		{name: "ports of a listed cluster", why: "the manifests say how their DaemonSets will be", old: sets(version("a", "gone", "g:1", port), version("a", "x", "x:1", port), version("b", "y", "y:1")),
			new:   sets(version("a", "x", "x:1"), version("b", "y", "y:1", port)),
			check: lint.Options{OtherDaemonSets: sets(version("a", "gone", "g:1", port), version("a", "x", "x:1", port), version("b", "y", "y:1"))},
			want:  []string{"a/gone: would hurt: nodes that lose the pod: 3", "a/x: well", "b/y: well"}},
		{name: "image that cannot be pulled", why: "the caller knows it", old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:2")),
			opts: simulate.Options{PodTimes: func(_ *corev1.Node, pod *corev1.Pod) (times simulate.PodTimes) {
				if pod.Spec.Containers[0].Image == "x:2" {
					times.ReadyAfter = -1
				}
				return times
			}},
			want: []string{"a/x: would hurt: the rollout stalls"}, text: "at least 2 of 3 available"},
		{name: "old image that cannot be pulled", why: "the old pods are not available either", old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:2")),
			opts: simulate.Options{PodTimes: func(_ *corev1.Node, pod *corev1.Pod) (times simulate.PodTimes) {
				if pod.Spec.Containers[0].Image == "x:1" {
					times.ReadyAfter = -1
				}
				return times
			}},
			want: []string{"a/x: well"}, text: "first pass: 3 to delete"},
		{name: "frozen", why: "the policy is for the new version", old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:2")),
			opts: simulate.Options{Policy: rollout.Policy{Frozen: true}}, want: []string{"a/x: well"}, text: "3 outdated pods"},
		{name: "overlooked", why: "the pods would not be there otherwise", nodes: sized("1", "n1"), old: sets(version("a", "x", "x:1"), version("a", "y", "y:1")),
			new:  sets(version("a", "x", "x:1"), version("a", "y", "y:2")),
			opts: simulate.Options{Overlook: simulate.Overlook{Requests: true}}, want: []string{"a/y: well"}, text: "1 outdated pod\n"},
		{name: "minReadySeconds", why: "the old pods have been ready for so long", old: sets(version("a", "x", "x:1")),
			new:  sets(version("a", "x", "x:2", func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = 3600 })),
			want: []string{"a/x: well"}, text: "at least 2 of 3 available"},
		{name: "copy of a stored one", why: "a file has another UID, or none",
			old:  sets(version("a", "x", "x:1", func(ds *appsv1.DaemonSet) { ds.UID, ds.ResourceVersion = "u1", "7" })),
			new:  sets(version("a", "x", "x:2", func(ds *appsv1.DaemonSet) { ds.UID, ds.ResourceVersion = "u2", "9" })),
			want: []string{"a/x: well"}, text: "3 outdated pods"},
		{name: "new with the status of another cluster", why: "the API server clears it", new: sets(version("a", "x", "x:1", live)), opts: neverReady,
			want: []string{"a/x: would hurt: the rollout stalls"}, text: "new DaemonSet with revision 1\n"},
		{name: "repaired with the status of another cluster", why: "the API server clears it", opts: neverReady,
			old: sets(version("a", "x", "x:1", negative)), new: sets(version("a", "x", "x:1", live)),
			want: []string{"a/x: would hurt: the rollout stalls"}, text: "new DaemonSet with revision 1\n"},
		{name: "new and deleted elsewhere", why: "nobody creates a DaemonSet that is being deleted", new: sets(version("a", "x", "x:1", deleted)),
			want: []string{"a/x: well"}, text: "new DaemonSet with revision 1\n"},
		{name: "old deleted elsewhere", why: "it was created, too", old: sets(version("a", "x", "x:1", deleted)), new: sets(version("a", "x", "x:2", live)),
			want: []string{"a/x: well"}, text: "3 outdated pods"},
		{name: "both deleted elsewhere", why: "nothing else differs", old: sets(version("a", "x", "x:1")), new: sets(version("a", "x", "x:1", deleted, live))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := simulate.Versions{Nodes: tc.nodes, Old: tc.old, New: tc.new}
			if v.Nodes == nil {
				v.Nodes = sized("3", "n1", "n2", "n3")
			}
			changes, err := simulate.JudgeVersions(v, tc.opts, tc.check)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			text := ""
			for _, c := range changes {
				first, _, _ := strings.Cut(c.String(), "\n")
				got, text = append(got, first), c.String()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("JudgeVersions(): %s (-want +got):\n%s\n%v", tc.why, diff, changes)
			}
			if !strings.Contains(text, tc.text) {
				t.Errorf("String() = %q, want %q in it: %s", text, tc.text, tc.why)
			}
		})
	}
}

// TestJudgeVersionsTogether: one merge makes all changes, so that each DaemonSet takes the room that the
// others leave. The order of the lists has no effect.
func TestJudgeVersionsTogether(t *testing.T) {
	cpus := func(n string) func(*appsv1.DaemonSet) {
		return func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.Spec.Containers[0].Resources.Requests = resources(n)
		}
	}
	port := func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
	}
	negative := func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = -1 }
	named := func(name string, change ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
		return version("d", name, "i:1", change...)
	}
	const stalls, complete = ": would hurt: the rollout stalls", ": well"
	for _, tc := range []struct {
		name, why string // of nodes with 4 CPUs
		old, new  []*appsv1.DaemonSet
		want      []string // the first lines
		ends      []string // the first lines of those that there are
	}{
		{name: "both grow", why: "a takes the room that b needs",
			old: sets(named("a"), named("b")), new: sets(named("a", cpus("3")), named("b", cpus("3"))),
			want: []string{"d/a" + complete, "d/b" + stalls},
			ends: []string{"complete after 24s (7 passes, at least 1 of 2 available)", "stalled without completing a node (3 passes, at least 1 of 2 available), on:"}},
		{name: "both are new", why: "a takes the room that b needs",
			new:  sets(named("a", cpus("3")), named("b", cpus("3"))),
			want: []string{"d/a" + complete, "d/b" + stalls},
			ends: []string{"complete after 10s (3 passes, at least 0 of 2 available)", "stalled without completing a node (2 passes, at least 0 of 2 available), on:"}},
		{name: "one grows where the other shrinks", why: "b waits until a is small",
			old: sets(named("a", cpus("3")), named("b")), new: sets(named("a"), named("b", cpus("3"))),
			want: []string{"d/a" + complete, "d/b" + complete},
			ends: []string{"complete after 24s (7 passes, at least 1 of 2 available)", "complete after 24s (7 passes, at least 1 of 2 available)"}},
		{name: "one grows where the other shrinks, in another order", why: "a waits until b is small",
			old: sets(named("a"), named("b", cpus("3"))), new: sets(named("a", cpus("3")), named("b")),
			want: []string{"d/a" + complete, "d/b" + complete},
			ends: []string{"complete after 24s (7 passes, at least 1 of 2 available)", "complete after 24s (7 passes, at least 1 of 2 available)"}},
		{name: "renamed", why: "the old pods free their port", old: sets(named("a", port)), new: sets(named("b", port)),
			want: []string{"d/a: would hurt: nodes that lose the pod: 2", "d/b" + complete},
			ends: []string{"complete after 12s (3 passes, at least 0 of 2 available)"}},
		{name: "renamed, in another order", why: "the old pods free their port", old: sets(named("b", port)), new: sets(named("a", port)),
			want: []string{"d/a" + complete, "d/b: would hurt: nodes that lose the pod: 2"},
			ends: []string{"complete after 12s (3 passes, at least 0 of 2 available)"}},
		{name: "removed", why: "it makes room", old: sets(named("a", cpus("3")), named("b")), new: sets(named("b", cpus("3"))),
			want: []string{"d/a: would hurt: nodes that lose the pod: 2", "d/b" + complete},
			ends: []string{"complete after 24s (7 passes, at least 1 of 2 available)"}},
		{name: "one does not fit without the other", why: "a does not become smaller if the API server refuses that",
			old: sets(named("a", cpus("3")), named("b")), new: sets(named("a", negative), named("b", cpus("3"))),
			want: []string{"d/a: cannot be made: the API server refuses it", "d/b" + stalls},
			ends: []string{"stalled without completing a node (3 passes, at least 1 of 2 available), on:"}},
		{name: "a pod that waited", why: "an unchanged DaemonSet takes the room", old: sets(named("a", cpus("3")), named("b", cpus("3"))), new: sets(named("b", cpus("3")), named("c", cpus("3"))),
			want: []string{"d/a: would hurt: nodes that lose the pod: 2", "d/c" + stalls},
			ends: []string{"stalled without completing a node (2 passes, at least 0 of 2 available), on:"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := simulate.Versions{Nodes: sized("4", "n1", "n2"), Old: tc.old, New: tc.new}
			for range 2 {
				changes, err := simulate.JudgeVersions(v, simulate.Options{}, lint.Options{})
				if err != nil {
					t.Fatal(err)
				}
				var got, ends []string
				for _, c := range changes {
					first, _, _ := strings.Cut(c.String(), "\n")
					got = append(got, first)
					if end := c.Judgment.End; end != nil {
						first, _, _ = strings.Cut(end.String(), "\n")
						ends = append(ends, first)
					}
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("JudgeVersions(): %s (-want +got):\n%s\n%v", tc.why, diff, changes)
				}
				if diff := cmp.Diff(tc.ends, ends); diff != "" {
					t.Errorf("JudgeVersions(): %s: the ends differ (-want +got):\n%s", tc.why, diff)
				}
				slices.Reverse(v.Old)
				slices.Reverse(v.New)
			}
		})
	}
}

// TestJudgeVersionsWatchPods: the watch sees the rollouts of all changes, in the order of their times, and
// not those of the old versions.
func TestJudgeVersionsWatchPods(t *testing.T) {
	v := simulate.Versions{
		Nodes: sized("4", "n1"),
		Old:   sets(version("d", "a", "i:1"), version("d", "b", "i:1"), version("d", "gone", "i:1")),
		New:   sets(version("d", "a", "i:2"), version("d", "b", "i:2")),
	}
	var last time.Time
	var got []string
	opts := simulate.Options{WatchPods: func(now time.Time, old, cur *corev1.Pod) {
		if now.Before(last) {
			t.Errorf("WatchPods(%v) comes after one of %v", now, last)
		}
		last = now
		switch {
		case old == nil:
			got = append(got, "new "+cur.Name)
		case cur == nil:
			got = append(got, "gone "+old.Name)
		}
	}}
	if _, err := simulate.JudgeVersions(v, opts, lint.Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"gone gone-3", "gone a-1", "gone b-2", "new a-4", "new b-5"}, got); diff != "" {
		t.Errorf("WatchPods sees (-want +got):\n%s", diff)
	}
}

// TestJudgeVersionsObjects: a change names its objects, so that a caller finds the file and the
// line of an error.
func TestJudgeVersionsObjects(t *testing.T) {
	v := simulate.Versions{
		Nodes: sized("3", "n1"),
		Old:   sets(version("a", "x", "x:1"), version("a", "gone", "g:1")),
		New:   sets(version("a", "new", "n:1"), version("a", "x", "x:2")),
	}
	changes, err := simulate.JudgeVersions(v, simulate.Options{}, lint.Options{})
	if err != nil || len(changes) != 3 {
		t.Fatalf("JudgeVersions() = %v, %v, want three changes", changes, err)
	}
	for i, want := range []simulate.JudgedChange{{Old: v.Old[1]}, {New: v.New[0]}, {Old: v.Old[0], New: v.New[1]}} {
		if got := changes[i]; got.Old != want.Old || got.New != want.New {
			t.Errorf("changes[%d] is of other objects: %v", i, got)
		}
	}
	if got, want := fmt.Sprint(changes[1].Judgment), changes[1].Judgment.String(); got != want {
		t.Errorf("a Judgment prints %q, want %q", got, want)
	}
	if got := (simulate.JudgedChange{}).String(); got != "no judgment" || (simulate.JudgedChange{}).OK() {
		t.Errorf("Change{}.String() = %q, and it is OK: %v", got, simulate.JudgedChange{}.OK())
	}
}

// TestJudgeVersionsMinReadySeconds: the clock goes on for what old pods must have been ready for,
// and not for what nobody waits for: that would let them fail.
func TestJudgeVersionsMinReadySeconds(t *testing.T) {
	slow := func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = 1 << 30 }
	refused := func(ds *appsv1.DaemonSet) { slow(ds); ds.Spec.Selector = nil }
	old, next := version("a", "x", "x:1"), version("a", "x", "x:2")
	began := func(v simulate.Versions) time.Time {
		t.Helper()
		v.Nodes = sized("3", "n1")
		changes, err := simulate.JudgeVersions(v, simulate.Options{}, lint.Options{})
		if err != nil || len(changes) == 0 {
			t.Fatalf("JudgeVersions() = %v, %v", changes, err)
		}
		return changes[0].Judgment.Impact.After.Now
	}
	want := began(simulate.Versions{Old: sets(old), New: sets(next)})
	for _, tc := range []struct {
		name, why string
		v         simulate.Versions
	}{
		{"new", "it has no pods", simulate.Versions{Old: sets(old), New: sets(next, version("b", "y", "y:1", slow))}},
		{"refused", "it is not simulated", simulate.Versions{Old: sets(old, version("b", "y", "y:1")), New: sets(next, version("b", "y", "y:1", refused))}},
		{"refused before", "it is new", simulate.Versions{Old: sets(old, version("b", "y", "y:1", refused)), New: sets(next, version("b", "y", "y:1", slow))}},
	} {
		// Another DaemonSet lets the cluster settle a little later.
		if got := began(tc.v); got.Sub(want) > time.Hour {
			t.Errorf("%s: JudgeVersions() judges at %v instead of %v: %s", tc.name, got, want, tc.why)
		}
	}
	stored := simulate.Versions{Old: sets(old), New: sets(version("a", "x", "x:2", slow))}
	if got := began(stored); got.Sub(want) < 1<<30*time.Second-time.Hour {
		t.Errorf("JudgeVersions() judges at %v, when the pods of the old version are not available yet", got)
	}
}

// TestWhatIfCreates: an API server sets what it alone writes, also of an object that another one
// has stored.
func TestWhatIfCreates(t *testing.T) {
	stored := version("a", "x", "x:1", func(ds *appsv1.DaemonSet) {
		ds.UID, ds.ResourceVersion, ds.Generation = "u9", "9", 9
		ds.CreationTimestamp = metav1.NewTime(build.Now.Add(-time.Hour))
		ds.DeletionTimestamp, ds.DeletionGracePeriodSeconds = new(metav1.NewTime(build.Now)), new(int64(30))
		ds.Status = appsv1.DaemonSetStatus{CurrentNumberScheduled: 3, ObservedGeneration: 9, CollisionCount: new(int32(2))}
	})
	in := daemon.Input{Nodes: build.Nodes("n1"), Now: build.Now}
	got, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: stored}, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: version("a", "x", "x:1", func(ds *appsv1.DaemonSet) { ds.UID = "u9" })}, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("WhatIf() of an object that was stored elsewhere differs (-manifest +object):\n%s", diff)
	}
	if ds := got.After.DaemonSet; ds.Generation != 1 || !ds.CreationTimestamp.Time.Equal(in.Now) {
		t.Errorf("WhatIf() creates generation %d at %v, want 1 at %v", ds.Generation, ds.CreationTimestamp, in.Now)
	}
}

func TestJudgeVersionsErrors(t *testing.T) {
	x := version("a", "x", "x:1")
	nodes := build.Nodes("n1")
	agentSet := version("a", "x", "x:1", func(ds *appsv1.DaemonSet) {
		ds.Kind, ds.APIVersion, ds.Spec.MinReadySeconds = "AgentSet", "example.com/v1", -1
	})
	half := version("a", "y", "y:1", func(ds *appsv1.DaemonSet) { ds.Kind, ds.APIVersion = "DaemonSet", "" })
	for _, tc := range []struct {
		name, why string
		v         simulate.Versions
		check     lint.Options
		path      string
	}{
		{"half a TypeMeta in Old", "which kind is it?", simulate.Versions{Nodes: nodes, Old: sets(x, half)}, lint.Options{}, "old[1].apiVersion"},
		{"half a TypeMeta in New", "which kind is it?", simulate.Versions{Nodes: nodes, New: sets(x, half)}, lint.Options{}, "new[1].apiVersion"},
		{"another kind", "it is another object", simulate.Versions{Nodes: nodes, Old: sets(x), New: sets(agentSet)}, lint.Options{}, "new[0].kind"},
		{"another DaemonSet twice", "with its own index, also behind one of New", simulate.Versions{Nodes: nodes, New: sets(x)}, lint.Options{OtherDaemonSets: sets(x, half, half)}, "otherDaemonSets[2].metadata.name"},
		{"nil among others", "with its own index, also behind one of New", simulate.Versions{Nodes: nodes, New: sets(x)}, lint.Options{OtherDaemonSets: sets(x, nil)}, "otherDaemonSets[1]"},
		{"nil", "a list with holes is a slip", simulate.Versions{Old: sets(x, nil)}, lint.Options{}, "old[1]"},
		{"no name", "nobody can tell which it is", simulate.Versions{New: sets(version("a", "x", "x:1", func(ds *appsv1.DaemonSet) { ds.Name = "" }))}, lint.Options{}, "new[0].metadata.name"},
		{"twice in Old", "which one is stored?", simulate.Versions{Old: sets(x, version("b", "x", "x:1"), x.DeepCopy())}, lint.Options{}, "old[2].metadata.name"},
		{"twice in New", "which one is proposed?", simulate.Versions{Old: sets(x), New: sets(x, x)}, lint.Options{}, "new[1].metadata.name"},
		{"node", "as NewCluster says", simulate.Versions{Nodes: append(nodes, nil), New: sets(x)}, lint.Options{}, "nodes[1]"},
		{"twice in New, once without a namespace", "kubectl takes it for default", simulate.Versions{New: sets(version("default", "x", "x:1"), version("", "x", "x:1"))}, lint.Options{}, "new[1].metadata.name"},
		{"no nodes", "a rollout without nodes would stall nowhere", simulate.Versions{Old: sets(x)}, lint.Options{}, "nodes"},
		{"other DaemonSets", "as lint.Check says", simulate.Versions{Nodes: nodes, New: sets(x)}, lint.Options{OtherDaemonSets: sets(nil)}, "otherDaemonSets[0]"},
	} {
		got, err := simulate.JudgeVersions(tc.v, simulate.Options{}, tc.check)
		var at *field.Error
		if got != nil || !errors.As(err, &at) || at.Field != tc.path {
			t.Errorf("%s: JudgeVersions() = %v, %v, want an error at %s: %s", tc.name, got, err, tc.path, tc.why)
		}
	}
}

// TestJudgeVersionsPlacement: the feature gates decide where the versions run, and what is refused.
func TestJudgeVersionsPlacement(t *testing.T) {
	nodes := build.Nodes("n1", "n2")
	nodes[1].Spec.Taints = []corev1.Taint{{Key: "size", Value: "5", Effect: corev1.TaintEffectNoExecute}}
	all := func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: "size", Operator: corev1.TolerationOpExists}}
	}
	large := func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: "size", Operator: corev1.TolerationOpGt, Value: "3"}}
		ds.Spec.MinReadySeconds = 1000 // Old pods have been ready for that long, or all are replaced at once.
	}
	v := simulate.Versions{Nodes: nodes, Old: sets(version("a", "x", "x:1", all)), New: sets(version("a", "x", "x:2", large))}
	for _, tc := range []struct {
		gates placement.Options
		want  string
	}{
		{placement.Options{ComparisonOperators: true}, "a/x: well\nstarts a rollout to revision 2: 2 outdated pods\n"},
		{placement.Options{}, "a/x: cannot be made: the API server refuses it\n"},
	} {
		v.Placement = tc.gates
		got, err := simulate.JudgeVersions(v, simulate.Options{}, lint.Options{})
		if err != nil || len(got) != 1 || !strings.HasPrefix(got[0].String(), tc.want) {
			t.Errorf("%+v: JudgeVersions() = %v, %v, want %q", tc.gates, got, err, tc.want)
		} else if end := got[0].Judgment.End; end != nil && end.LowestAvailable != 1 {
			t.Errorf("%+v: JudgeVersions() ends %v, want one of two pods available all the time", tc.gates, end)
		}
	}
}

// TestJudgeVersionsNaming: the label of the revision hash decides whether the new pod of a surge has
// room beside the old one.
func TestJudgeVersionsNaming(t *testing.T) {
	const label = "agents.example.com/hash"
	surge := func(ds *appsv1.DaemonSet) {
		ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.FromInt32(1)), MaxUnavailable: new(intstr.FromInt32(0))}
		ds.Spec.Template.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
				LabelSelector: ds.Spec.Selector, TopologyKey: corev1.LabelHostname, MatchLabelKeys: []string{label},
			}},
		}}
	}
	nodes := build.Nodes("n1", "n2")
	for _, node := range nodes {
		metav1.SetMetaDataLabel(&node.ObjectMeta, corev1.LabelHostname, node.Name)
	}
	v := simulate.Versions{Nodes: nodes, Old: sets(version("a", "x", "x:1", surge)), New: sets(version("a", "x", "x:2", surge))}
	for _, tc := range []struct {
		naming daemon.Naming
		state  simulate.EndState
		ok     bool
	}{
		{daemon.Naming{RevisionHashLabel: label}, simulate.EndComplete, true},
		{daemon.Naming{}, simulate.EndStalled, false},
	} {
		v.Naming = tc.naming
		got, err := simulate.JudgeVersions(v, simulate.Options{}, lint.Options{})
		if err != nil || len(got) != 1 || got[0].OK() != tc.ok || got[0].Judgment.End.State != tc.state {
			t.Errorf("%+v: JudgeVersions() = %v, %v, want the rollout %v, OK: %v", tc.naming, got, err, tc.state, tc.ok)
		}
	}
}

// TestWrongForAll: an error about the policy or the naming names the setting, and no DaemonSet and
// no version, which have nothing to do with it.
func TestWrongForAll(t *testing.T) {
	in := running(t, build.Set{}, build.Nodes("w1")...)
	next := withImage("agent:2")
	next.UID = in.DaemonSet.UID
	both := rollout.Policy{Frozen: true, Paused: true}
	for _, tc := range []struct {
		name   string
		opts   simulate.Options
		naming daemon.Naming
		want   string
	}{
		{"naming", simulate.Options{}, daemon.Naming{RevisionHashLabel: "my hash"}, `naming.revisionHashLabel: Invalid value: "my hash": name part must`},
		{"policy", simulate.Options{Policy: both}, daemon.Naming{}, "policy.paused: Forbidden: must not be set with frozen: a freeze includes a pause"},
		{"trial", simulate.Options{CanaryTrial: &rollout.CanaryTrial{State: "Good"}}, daemon.Naming{}, `canaryTrial.state: Unsupported value: "Good": supported values: `},
	} {
		in.Naming = tc.naming
		for how, call := range map[string]func() error{
			"WhatIf": func() error { _, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: next}, tc.opts); return err },
			"WhatIf, new": func() error {
				_, err := simulate.WhatIf(daemon.Input{Now: in.Now, Naming: in.Naming}, simulate.Proposal{DaemonSet: next}, tc.opts)
				return err
			},
			"WhatIf, remove": func() error { _, err := simulate.WhatIf(in, simulate.Proposal{Remove: true}, tc.opts); return err },
			"Judge": func() error {
				_, err := simulate.Judge(in, simulate.Proposal{DaemonSet: next}, tc.opts, lint.Options{})
				return err
			},
			"Settle": func() error { _, err := simulate.Settle(in, tc.opts); return err },
			"JudgeVersions": func() error {
				v := simulate.Versions{Nodes: in.Nodes, Old: sets(version("a", "x", "x:1")), New: sets(version("a", "x", "x:2")), Naming: in.Naming}
				_, err := simulate.JudgeVersions(v, tc.opts, lint.Options{})
				return err
			},
			"JudgeVersions, new": func() error {
				v := simulate.Versions{Nodes: in.Nodes, New: sets(version("a", "x", "x:2")), Naming: in.Naming}
				_, err := simulate.JudgeVersions(v, tc.opts, lint.Options{})
				return err
			},
			"JudgeVersions, removed": func() error {
				v := simulate.Versions{Nodes: in.Nodes, Old: sets(version("a", "x", "x:2")), Naming: in.Naming}
				_, err := simulate.JudgeVersions(v, tc.opts, lint.Options{})
				return err
			},
			"Advance": func() error {
				c, err := simulate.NewCluster(daemon.Input{Nodes: in.Nodes, Now: in.Now, Naming: in.Naming}, tc.opts)
				if err != nil {
					t.Fatal(err)
				}
				return errors.Join(c.Apply(next), c.Advance(time.Second))
			},
		} {
			if err := call(); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("%s, %s: error %v, want one that begins with %q", tc.name, how, err, tc.want)
			}
		}
	}
}

// TestJudgeVersionsWithoutNamespace: as kubectl takes it, no namespace is the namespace default.
func TestJudgeVersionsWithoutNamespace(t *testing.T) {
	port := func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
	}
	judge := func(namespaces ...string) string {
		t.Helper()
		v := simulate.Versions{Nodes: sized("4", "n1", "n2")}
		v.Old = sets(version(namespaces[0], "x", "x:1"), version(namespaces[1], "y", "y:1"), version(namespaces[2], "z", "z:1"))
		v.New = sets(version(namespaces[3], "x", "x:2", port), version(namespaces[4], "y", "y:1"))
		// x begins to use a port, which is not that of another DaemonSet of its name, but that of w.
		beside := version(namespaces[5], "w", "w:1", port)
		others := sets(version(namespaces[5], "x", "x:1", port), beside)
		before := slices.Concat(copies(v.Old), copies(v.New), copies(others))
		got, err := simulate.JudgeVersions(v, simulate.Options{}, lint.Options{OtherDaemonSets: others})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, slices.Concat(v.Old, v.New, others)); diff != "" {
			t.Errorf("JudgeVersions() changed what it was given (-before +after):\n%s", diff)
		}
		if len(got) != 2 || got[0].Old != v.Old[0] || got[0].New != v.New[0] || got[1].Old != v.Old[2] {
			t.Errorf("JudgeVersions() = %v, want x with both versions as they were passed in, and z with the old one", got)
		}
		return fmt.Sprint(got)
	}
	const d = "default"
	want := judge(d, d, d, d, d, d)
	for _, namespaces := range [][]string{{"", "", "", "", "", ""}, {"", d, "", d, "", d}, {d, "", d, "", d, ""}} {
		if diff := cmp.Diff(want, judge(namespaces...)); diff != "" {
			t.Errorf("namespaces %q: JudgeVersions() differs from that in default (-default +got):\n%s", namespaces, diff)
		}
	}
	if !strings.HasPrefix(want, "[default/x: ") || strings.Contains(want, "refused") {
		t.Errorf("JudgeVersions() = %v, want the namespace, and nothing refused", want)
	}
}

// TestJudgeVersionsInAnyOrder: the order of the lists has no effect, and nothing in them changes.
// What Judge says of the settled cluster is what JudgeVersions says, as long as nobody else is on
// the nodes.
func TestJudgeVersionsInAnyOrder(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 5))
		v := randomVersions(r)
		before := simulate.Versions{Nodes: copies(v.Nodes), Old: copies(v.Old), New: copies(v.New)}
		got, err := simulate.JudgeVersions(v, simulate.Options{}, lint.Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(before, v); diff != "" {
			t.Fatalf("seed %d: JudgeVersions() changed its arguments (-before +after):\n%s", seed, diff)
		}
		for _, list := range [][]*appsv1.DaemonSet{v.Old, v.New} {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		slices.Reverse(v.Nodes)
		again, err := simulate.JudgeVersions(v, simulate.Options{}, lint.Options{})
		if err != nil || !reflect.DeepEqual(got, again) { // which is faster than cmp.Diff
			if diff := cmp.Diff(got, again); err != nil || diff != "" {
				t.Fatalf("seed %d: JudgeVersions() depends on the order: %v (-one order +another):\n%s", seed, err, diff)
			}
		}
		for _, c := range got {
			first, _, _ := strings.Cut(c.String(), "\n")
			_, verdict, _ := strings.Cut(first, ": ")
			seen[verdict]++
			alone := simulate.Versions{Nodes: v.Nodes}
			if c.Old != nil {
				alone.Old = sets(c.Old)
			}
			if c.New != nil {
				alone.New = sets(c.New)
			}
			seen["alone"] += compareAlone(t, seed, alone, c)
		}
	}
	if seen["well"] < 25 || seen["would hurt: the rollout stalls"] < 5 || seen["alone"] < 50 {
		t.Errorf("too little came up: %v", seen)
	}
}

// TestJudgeVersionsOfOneChange: if one DaemonSet changes, JudgeVersions says what Judge says of the
// same cluster, in which the pods of the others take room.
func TestJudgeVersionsOfOneChange(t *testing.T) {
	// The cluster of JudgeVersions makes UIDs for new DaemonSets, and the snapshots hold them.
	sameUIDs := cmp.Comparer(func(types.UID, types.UID) bool { return true })
	sameSnapshots := cmp.Comparer(func(a, b *daemon.Snapshot) bool {
		return cmp.Equal(daemon.StatusByNode(a), daemon.StatusByNode(b), sameUIDs)
	})
	seen := map[string]int{}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 6))
		v := randomVersions(r)
		if len(v.New) == 0 {
			continue
		}
		// All but one of New are also Old.
		old := slices.Clone(v.New)
		old[0] = nil
		if i := slices.IndexFunc(v.Old, func(ds *appsv1.DaemonSet) bool { return ds.Name == v.New[0].Name }); i >= 0 {
			old[0] = v.Old[i]
		} else {
			old = old[1:]
		}
		v.Old = old
		opts := simulate.Options{PodTimes: func(_ *corev1.Node, pod *corev1.Pod) (times simulate.PodTimes) {
			if seed%5 == 0 && pod.Spec.Containers[0].Image == "image:1" {
				times.ReadyAfter = -1
			}
			return times
		}}
		with := opts
		if seed%3 == 0 {
			with.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: lasting(3 * time.Minute)}
		}
		changes, err := simulate.JudgeVersions(v, with, lint.Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if len(changes) != 1 {
			seen["no change"]++
			continue
		}
		got := changes[0]

		c, err := simulate.NewCluster(daemon.Input{Nodes: v.Nodes}, opts)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(v.Old, func(a, b *appsv1.DaemonSet) int {
			return stdcmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		})
		for _, ds := range v.Old {
			// As the API server stores it.
			stored, err := simulate.WhatIf(daemon.Input{Now: c.Now()}, simulate.Proposal{DaemonSet: ds}, opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Apply(stored.After.DaemonSet); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Settle(); err != nil {
			t.Fatal(err)
		}
		if got.Old != nil {
			if err := c.Advance(time.Duration(got.New.Spec.MinReadySeconds) * time.Second); err != nil {
				t.Fatal(err)
			}
		}
		next := got.New.DeepCopy()
		next.DeletionTimestamp, next.Status = nil, appsv1.DaemonSetStatus{}
		in := c.Input(next)
		in.Pods = nil
		for _, namespace := range []string{"ns0", "ns1"} {
			in.Pods = append(in.Pods, c.Input(&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}).Pods...)
		}
		want := judge(t, in, simulate.Proposal{DaemonSet: next}, with, lint.Options{OtherDaemonSets: v.New[1:]})
		want.End.After.Now, got.Judgment.End.After.Now = time.Time{}, time.Time{} // It was complete before.
		if diff := cmp.Diff(want, got.Judgment, sameUIDs, sameSnapshots); diff != "" || want.String() != got.Judgment.String() {
			t.Errorf("seed %d: Judge() = %v\nJudgeVersions() = %v\n(-Judge +JudgeVersions):\n%s", seed, want, got, diff)
		}
		seen[want.End.State.String()]++
	}
	if seen["complete"] < 50 || seen["stalled"] < 20 {
		t.Errorf("too little came up: %v", seen)
	}
}

// compareAlone judges a change by hand, on a cluster without other DaemonSets. It returns 0 if
// others take part in the judgment.
func compareAlone(t *testing.T, seed uint64, v simulate.Versions, want simulate.JudgedChange) int {
	t.Helper()
	var c simulate.Cluster
	for _, node := range v.Nodes {
		if err := c.Apply(node); err != nil {
			t.Fatal(err)
		}
	}
	p := simulate.Proposal{Remove: true}
	name := want.Old
	if want.New != nil {
		next := want.New.DeepCopy()
		next.DeletionTimestamp, next.Status = nil, appsv1.DaemonSetStatus{}
		p, name = simulate.Proposal{DaemonSet: next}, next
	}
	if want.Old != nil {
		if err := c.Apply(want.Old); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	got, err := simulate.Judge(c.Input(name), p, simulate.Options{}, lint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	others := func(r simulate.Risk) bool { return r.Kind == simulate.RiskStalled || r.Kind == simulate.RiskLint }
	if slices.ContainsFunc(want.Judgment.Risks, others) || slices.ContainsFunc(got.Risks, others) {
		return 0
	}
	if diff := cmp.Diff(got.Risks, want.Judgment.Risks); diff != "" || got.Impact.Rollout != want.Judgment.Impact.Rollout || cmp.Diff(got.Impact.Nodes, want.Judgment.Impact.Nodes) != "" {
		t.Errorf("seed %d: Judge() = %v\nJudgeVersions() = %v", seed, got, want)
	}
	return 1
}

// randomVersions returns two versions of some DaemonSets that differ in one thing or another.
func randomVersions(r *rand.Rand) simulate.Versions {
	v := simulate.Versions{Nodes: sized("3", "n1", "n2", "n3")}
	v.Nodes[2].Labels = map[string]string{"disk": "ssd"}
	for i := range 2 + r.IntN(3) {
		one := func() *appsv1.DaemonSet {
			ds := version(fmt.Sprint("ns", i%2), fmt.Sprint("set", i), fmt.Sprint("image:", r.IntN(2)))
			switch r.IntN(6) {
			case 0:
				ds.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
			case 1:
				ds.Spec.UpdateStrategy = build.Set{MaxSurge: "1"}.Object().Spec.UpdateStrategy
			case 2:
				ds.Spec.MinReadySeconds = int32(r.IntN(100))
			case 3:
				ds.Spec.Template.Spec.Containers[0].Resources.Requests = resources("2")
			}
			return ds
		}
		old := one()
		if r.IntN(5) > 0 {
			v.Old = append(v.Old, old)
		}
		if r.IntN(5) > 0 {
			next := old.DeepCopy()
			if r.IntN(4) > 0 {
				next = one()
			}
			if r.IntN(4) == 0 { // a copy of a stored object
				next.Generation, next.Status.CurrentNumberScheduled = 4, 3
			}
			if r.IntN(8) == 0 {
				next.DeletionTimestamp = new(metav1.NewTime(build.Now))
			}
			v.New = append(v.New, next)
		}
	}
	return v
}
