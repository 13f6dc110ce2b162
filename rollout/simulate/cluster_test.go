package simulate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// settled returns a cluster at rest with a DaemonSet on the given nodes.
func settled(t *testing.T, set build.Set, nodes ...string) (*simulate.Cluster, *appsv1.DaemonSet) {
	t.Helper()
	c := &simulate.Cluster{}
	ds := set.Object()
	apply(t, c, ds)
	for _, node := range build.Nodes(nodes...) {
		apply(t, c, node)
	}
	settleCluster(t, c)
	return c, ds
}

func apply(t *testing.T, c *simulate.Cluster, objects ...metav1.Object) {
	t.Helper()
	if err := c.Apply(objects...); err != nil {
		t.Fatal(err)
	}
}

func settleCluster(t *testing.T, c *simulate.Cluster) []*simulate.End {
	t.Helper()
	ends, err := c.Settle()
	if err != nil {
		t.Fatal(err)
	}
	return ends
}

// show lists the pods, each with its node, phase, readiness and whether it terminates.
func show(in daemon.Input) []string {
	var lines []string
	for _, pod := range in.Pods {
		words := []string{pod.Name, pod.Spec.NodeName, string(pod.Status.Phase)}
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady {
				words = append(words, "ready="+string(condition.Status))
			}
		}
		if pod.DeletionTimestamp != nil {
			words = append(words, "terminating")
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

// TestCluster has what happens in a cluster at rest after one change, and some time later.
func TestCluster(t *testing.T) {
	grace := func(seconds int64) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: build.Namespace, Name: "agent-1", DeletionGracePeriodSeconds: &seconds}}
	}
	changed := func(change func(*corev1.Pod)) func(*testing.T, *simulate.Cluster, *appsv1.DaemonSet) {
		return func(t *testing.T, c *simulate.Cluster, ds *appsv1.DaemonSet) {
			pod := c.Input(ds).Pods[0].DeepCopy()
			change(pod)
			apply(t, c, pod)
		}
	}
	for _, tc := range []struct {
		name, why string
		change    func(*testing.T, *simulate.Cluster, *appsv1.DaemonSet)
		advance   time.Duration
		want      []string
	}{
		{
			name: "nothing", why: "pods that are ready stay so", advance: time.Hour,
			want: []string{"agent-1 a Running ready=True", "agent-2 b Running ready=True"},
		}, {
			name: "pod crashes", why: "it is replaced at once", advance: 0,
			change: changed(func(pod *corev1.Pod) { pod.Status = corev1.PodStatus{Phase: corev1.PodFailed} }),
			want:   []string{"agent-2 b Running ready=True", "agent-3 a Pending"},
		}, {
			name: "pod not ready", why: "it becomes ready again", advance: 9 * time.Second,
			change: changed(func(pod *corev1.Pod) { pod.Status.Conditions[1].Status = corev1.ConditionFalse }),
			want:   []string{"agent-1 a Running ready=False", "agent-2 b Running ready=True"},
		}, {
			name: "pod ready again", why: "ten seconds later", advance: 10 * time.Second,
			change: changed(func(pod *corev1.Pod) { pod.Status.Conditions[1].Status = corev1.ConditionFalse }),
			want:   []string{"agent-1 a Running ready=True", "agent-2 b Running ready=True"},
		}, {
			name: "pod deleted", why: "it terminates first", advance: time.Second,
			change: func(t *testing.T, c *simulate.Cluster, ds *appsv1.DaemonSet) {
				deleteObjects(t, c, c.Input(ds).Pods[0])
			},
			want: []string{"agent-1 a Running ready=True terminating", "agent-2 b Running ready=True"},
		}, {
			name: "pod deleted, later", why: "its node gets another", advance: 12 * time.Second,
			change: func(t *testing.T, c *simulate.Cluster, ds *appsv1.DaemonSet) {
				deleteObjects(t, c, c.Input(ds).Pods[0])
			},
			want: []string{"agent-2 b Running ready=True", "agent-3 a Running ready=True"},
		}, {
			name: "pod deleted by force", why: "it is gone at once",
			change: func(t *testing.T, c *simulate.Cluster, _ *appsv1.DaemonSet) { deleteObjects(t, c, grace(0)) },
			want:   []string{"agent-2 b Running ready=True", "agent-3 a Pending"},
		}, {
			name: "node joins", why: "it gets a pod", advance: 10 * time.Second,
			change: func(t *testing.T, c *simulate.Cluster, _ *appsv1.DaemonSet) { apply(t, c, build.Nodes("c")[0]) },
			want:   []string{"agent-1 a Running ready=True", "agent-2 b Running ready=True", "agent-3 c Running ready=True"},
		}, {
			name: "node leaves", why: "garbage collection ends its pod", advance: 2 * time.Second,
			change: func(t *testing.T, c *simulate.Cluster, _ *appsv1.DaemonSet) { deleteObjects(t, c, build.Nodes("a")[0]) },
			want:   []string{"agent-2 b Running ready=True"},
		}, {
			name: "node not ready", why: "its pod is not ready either, and stays", advance: time.Hour,
			change: func(t *testing.T, c *simulate.Cluster, _ *appsv1.DaemonSet) {
				apply(t, c, build.Node{Name: "a", NotReady: time.Second}.Object())
			},
			want: []string{"agent-1 a Running ready=False", "agent-2 b Running ready=True"},
		}, {
			name: "node comes back", why: "its pods become ready again, and those that were deleted meanwhile end", advance: time.Minute,
			change: func(t *testing.T, c *simulate.Cluster, ds *appsv1.DaemonSet) {
				apply(t, c, build.Node{Name: "a", NotReady: time.Second}.Object(), build.Node{Name: "b", NotReady: time.Second}.Object())
				deleteObjects(t, c, c.Input(ds).Pods[0])
				c.Elapse(time.Hour)
				if got := len(c.Input(ds).Pods); got != 2 {
					t.Errorf("%d pods while the nodes are not ready, want 2", got)
				}
				apply(t, c, build.Nodes("a")[0], build.Nodes("b")[0])
			},
			want: []string{"agent-2 b Running ready=True", "agent-3 a Running ready=True"},
		}, {
			name: "DaemonSet deleted", why: "its pods go with it", advance: 2 * time.Second,
			change: func(t *testing.T, c *simulate.Cluster, ds *appsv1.DaemonSet) {
				deleteObjects(t, c, ds)
				if in := c.Input(ds); in.DaemonSet != nil || in.Revisions != nil {
					t.Errorf("after deletion there are %v and %v", in.DaemonSet, in.Revisions)
				}
			},
		}, {
			name: "new image", why: "one node at a time", advance: 12 * time.Second,
			change: func(t *testing.T, c *simulate.Cluster, ds *appsv1.DaemonSet) {
				ds = ds.DeepCopy()
				ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
				apply(t, c, ds)
			},
			want: []string{"agent-2 b Running ready=True terminating", "agent-3 a Running ready=True"},
		}, {
			name: "pod of nobody", why: "it is bound where it is pinned to, and lives by itself", advance: 10 * time.Second,
			change: func(t *testing.T, c *simulate.Cluster, _ *appsv1.DaemonSet) {
				pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: build.Namespace, GenerateName: "own-"}}
				pod.Spec.Affinity = build.OnNode("b")
				apply(t, c, pod)
			},
			want: []string{"agent-1 a Running ready=True", "agent-2 b Running ready=True", "own-3 b Running ready=True"},
		}, {
			name: "pod pinned to nowhere", why: "it is bound when the node joins", advance: 0,
			change: func(t *testing.T, c *simulate.Cluster, ds *appsv1.DaemonSet) {
				pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: build.Namespace, Name: "early", Labels: build.Labels{"app": "other"}}}
				pod.Spec.Affinity = build.OnNode("z")
				apply(t, c, pod)
				c.Elapse(time.Hour)
				if got := show(c.Input(ds))[2]; got != "early  Pending" {
					t.Errorf("pod = %q, want it unbound", got)
				}
				tainted := build.Node{Name: "z", Taints: []corev1.Taint{build.NoSchedule("k")}}.Object()
				apply(t, c, tainted)
			},
			want: []string{"agent-1 a Running ready=True", "agent-2 b Running ready=True", "early z Pending"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, ds := settled(t, build.Set{}, "a", "b")
			if tc.change != nil {
				tc.change(t, c, ds)
			}
			began := c.Now()
			if err := c.Advance(tc.advance); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, show(c.Input(ds))); diff != "" {
				t.Errorf("pods after %v: %s (-want +got):\n%s", tc.advance, tc.why, diff)
			}
			if got := c.Now().Sub(began); got != tc.advance {
				t.Errorf("Advance(%v) moved the clock by %v", tc.advance, got)
			}
		})
	}
}

func deleteObjects(t *testing.T, c *simulate.Cluster, objects ...metav1.Object) {
	t.Helper()
	if err := c.Delete(objects...); err != nil {
		t.Fatal(err)
	}
}

// TestClusterIsAnAPIServer: names, UIDs, generations and times are the server's.
func TestClusterIsAnAPIServer(t *testing.T) {
	var c simulate.Cluster
	if want := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); !c.Now().Equal(want) {
		t.Errorf("Now() = %v, want %v", c.Now(), want)
	}
	c.Elapse(time.Minute)
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "d", Generation: 9}, Status: appsv1.DaemonSetStatus{NumberReady: 3}}
	ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: build.Labels{"a": "b"}}
	ds.Spec.Template.Labels = build.Labels{"a": "b"}
	before := ds.DeepCopy()
	apply(t, &c, ds)
	stored := c.Input(ds).DaemonSet
	if stored.Generation != 1 || stored.UID == "" || stored.Status.NumberReady != 0 || !stored.CreationTimestamp.Time.Equal(c.Now()) ||
		stored.Spec.UpdateStrategy.RollingUpdate == nil {
		t.Errorf("stored DaemonSet = %+v, want generation 1, a UID, no status, the time and defaults", stored)
	}
	if diff := cmp.Diff(before, ds); diff != "" {
		t.Errorf("Apply() changed its argument (-before +after):\n%s", diff)
	}
	c.Elapse(time.Minute)
	for _, step := range []struct {
		why    string
		change func(*appsv1.DaemonSet)
		want   int64
	}{
		{"nothing has changed", func(*appsv1.DaemonSet) {}, 1},
		{"labels are not the spec", func(ds *appsv1.DaemonSet) { ds.Labels = build.Labels{"x": "y"} }, 1},
		{"the spec has changed", func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = 5 }, 2},
		{"a default is written out", func(ds *appsv1.DaemonSet) { ds.Spec.RevisionHistoryLimit = new(int32(10)) }, 2},
	} {
		step.change(ds)
		apply(t, &c, ds)
		next := c.Input(ds).DaemonSet
		if next.Generation != step.want || next.UID != stored.UID || next.CreationTimestamp != stored.CreationTimestamp {
			t.Errorf("generation %d, UID %s, created %v, want generation %d and the rest as before: %s",
				next.Generation, next.UID, next.CreationTimestamp, step.want, step.why)
		}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", GenerateName: "p-"}}
	apply(t, &c, pod, pod)
	pods := c.Input(ds).Pods
	if len(pods) != 2 || pods[0].Name == pods[1].Name || pods[0].UID == pods[1].UID || pods[0].UID == "" || pods[0].Status.Phase != corev1.PodPending {
		t.Errorf("pods = %v, want two with names and UIDs of their own", show(c.Input(ds)))
	}
	apply(t, &c, build.Nodes("n")[0])
	created := c.Input(ds).Nodes[0].CreationTimestamp
	c.Elapse(time.Minute)
	apply(t, &c, build.Nodes("n")[0])
	if got := c.Input(ds).Nodes[0]; got.CreationTimestamp != created || got.UID == "" {
		t.Errorf("node = %+v, want its creation time kept", got.ObjectMeta)
	}
	if other := c.Input(build.Set{Name: "other"}.Object()); other.DaemonSet != nil || len(other.Nodes) != 1 || other.Pods != nil {
		t.Errorf("Input() of an unknown DaemonSet = %+v, want the nodes alone", other)
	}
}

// TestClusterErrors: one wrong object, and nothing changes.
func TestClusterErrors(t *testing.T) {
	c, ds := settled(t, build.Set{}, "a")
	other := ds.DeepCopy()
	other.UID = "uid-other"
	good := build.Nodes("b")[0]
	for _, tc := range []struct {
		name   string
		object metav1.Object
		want   string
		takes  bool // Apply takes it, Delete does not
	}{
		{"nil", nil, "objects[1]: Required value", false},
		{"nil node", (*corev1.Node)(nil), "objects[1]: Required value", false},
		{"nil pod", (*corev1.Pod)(nil), "objects[1]: Required value", false},
		{"nil revision", (*appsv1.ControllerRevision)(nil), "objects[1]: Required value", false},
		{"nil DaemonSet", (*appsv1.DaemonSet)(nil), "objects[1]: Required value", false},
		{"nameless node", &corev1.Node{}, "objects[1].metadata.name: Required value", false},
		{"nameless pod", &corev1.Pod{}, "objects[1].metadata.name: Required value", false},
		{"other type", &corev1.Service{}, `objects[1]: Invalid value: "*v1.Service": must be a node`, false},
		{"other UID", other, "objects[1].metadata.uid: Invalid value", false},
		{"generateName", &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "x"}}, "objects[1].metadata.name: Required value", true},
	} {
		if err := c.Delete(good, tc.object); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: Delete() = %v, want %s", tc.name, err, tc.want)
		}
		if tc.takes {
			continue
		}
		if err := c.Apply(good, tc.object); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: Apply() = %v, want %s", tc.name, err, tc.want)
		}
	}
	if in := c.Input(ds); len(in.Nodes) != 1 || len(in.Pods) != 1 {
		t.Errorf("cluster has %d nodes and %d pods, want it unchanged", len(in.Nodes), len(in.Pods))
	}
	if _, err := c.Sync(build.Set{Name: "other"}.Object()); err == nil || err.Error() != `daemonSet: Not found: "kube-system/other"` {
		t.Errorf("Sync() of an unknown DaemonSet: %v", err)
	}
	deleteObjects(t, c, build.Set{Name: "other"}.Object(), build.Nodes("x")[0], &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "x"}},
		&appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: "x"}})
}

// TestClusterSeveral: each DaemonSet has its controller, its pods and its end.
func TestClusterSeveral(t *testing.T) {
	c, agent := settled(t, build.Set{}, "a", "b")
	proxy := build.Set{Name: "proxy", MinReady: 5}.Object()
	apply(t, c, proxy)
	numbers := map[string]int{}
	var ends []string
	for pass, err := range c.Run() {
		if err != nil {
			t.Fatal(err)
		}
		numbers[pass.DaemonSet.Name] = pass.Number
		if pass.End != nil {
			ends = append(ends, fmt.Sprintf("%s %v", pass.DaemonSet.Name, pass.End.State))
		}
	}
	if diff := cmp.Diff([]string{"agent complete", "proxy complete"}, ends); diff != "" {
		t.Errorf("ends (-want +got):\n%s", diff)
	}
	if numbers["agent"] != 0 || numbers["proxy"] < 2 {
		t.Errorf("passes = %v, want none for agent", numbers)
	}
	for _, ds := range []*appsv1.DaemonSet{agent, proxy} {
		if got := c.Input(ds).DaemonSet.Status; got.NumberAvailable != 2 || got.UpdatedNumberScheduled != 2 {
			t.Errorf("status of %s = %+v, want 2 available and up to date", ds.Name, got)
		}
	}
	deleteObjects(t, c, proxy)
	if ends := settleCluster(t, c); len(ends) != 1 || len(c.Input(agent).Pods) != 2 {
		t.Errorf("after deleting proxy there are %d ends and pods %v", len(ends), show(c.Input(agent)))
	}
}

// TestClusterSteps: Sync makes one pass, Next moves to what happens, Elapse passes time
// without controllers.
func TestClusterSteps(t *testing.T) {
	c := &simulate.Cluster{}
	ds := build.Set{MinReady: 5}.Object()
	apply(t, c, ds, build.Nodes("a")[0])
	if c.Next() {
		t.Error("Next() = true before anything is under way")
	}
	began := c.Now()
	sync := func() string {
		t.Helper()
		result, err := c.Sync(ds)
		if err != nil {
			t.Fatal(err)
		}
		return result.Plan.String()
	}
	if got := sync(); got != "create on a: node has no pod" {
		t.Errorf("Sync() = %s", got)
	}
	var times []time.Duration
	for c.Next() {
		times = append(times, c.Now().Sub(began))
	}
	if diff := cmp.Diff([]time.Duration{10 * time.Second, 15 * time.Second}, times); diff != "" {
		t.Errorf("Next() stops at these times (-want +got):\n%s", diff)
	}
	deleteObjects(t, c, c.Input(ds).Pods[0])
	c.Elapse(-time.Hour)
	c.Elapse(time.Hour)
	if got := c.Input(ds); len(got.Pods) != 0 || got.Now.Sub(began) != time.Hour+15*time.Second {
		t.Errorf("after Elapse() there are pods %v at %v", show(got), got.Now.Sub(began))
	}
}

// TestLives: what was going to happen to a pod is forgotten when it begins another life.
func TestLives(t *testing.T) {
	c := &simulate.Cluster{}
	ds := build.Set{}.Object()
	apply(t, c, ds, build.Nodes("a")[0])
	if err := c.Advance(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	pod := c.Input(ds).Pods[0].DeepCopy()
	pod.Status.Conditions[0].LastTransitionTime = metav1.NewTime(c.Now()) // bound again
	apply(t, c, pod)
	for _, want := range []string{"agent-1 a Pending", "agent-1 a Running ready=True"} {
		c.Elapse(5 * time.Second)
		if got := show(c.Input(ds))[0]; got != want {
			t.Errorf("at %v the pod is %q, want %q", c.Now(), got, want)
		}
	}
	// A label is no other life.
	pod = c.Input(ds).Pods[0].DeepCopy()
	pod.Status.Conditions[1].Status = corev1.ConditionFalse
	apply(t, c, pod)
	c.Elapse(5 * time.Second)
	pod = c.Input(ds).Pods[0].DeepCopy()
	pod.Labels["x"] = "y"
	apply(t, c, pod)
	c.Elapse(5 * time.Second)
	if got := show(c.Input(ds))[0]; got != "agent-1 a Running ready=True" {
		t.Errorf("ten seconds after it was not ready, the pod is %q", got)
	}
}

// TestGracePeriods: a deleted pod is gone after its grace period at the latest.
func TestGracePeriods(t *testing.T) {
	for _, tc := range []struct {
		name         string
		grace, takes time.Duration // of the spec, of PodTimes
		want         time.Duration
	}{
		{"longer than the default", time.Minute, 0, simulate.DefaultTerminatesAfter},
		{"shorter than the default", time.Second, 0, time.Second},
		{"none", 0, 0, 0},
		{"longer by order", time.Second, time.Hour, time.Second},
	} {
		set := build.Set{Spec: corev1.PodSpec{TerminationGracePeriodSeconds: new(int64(tc.grace.Seconds()))}}
		c, ds := settled(t, set, "a")
		c.Options = always(simulate.PodTimes{TerminatesAfter: tc.takes})
		deleteObjects(t, c, c.Input(ds).Pods[0])
		began := c.Now()
		if pods := c.Input(ds).Pods; len(pods) > 0 {
			if at := pods[0].DeletionTimestamp; at.Sub(began) != tc.grace || *pods[0].DeletionGracePeriodSeconds != int64(tc.grace.Seconds()) {
				t.Errorf("%s: deletion timestamp is %v away, want the grace period %v", tc.name, at.Sub(began), tc.grace)
			}
		}
		for len(c.Input(ds).Pods) > 0 && c.Next() {
		}
		if got := c.Now().Sub(began); got != tc.want || len(c.Input(ds).Pods) > 0 {
			t.Errorf("%s: the pod is gone after %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestTimesCountFromFacts makes a cluster in the middle of what happens to a pod: it goes
// on, and does not begin anew.
func TestTimesCountFromFacts(t *testing.T) {
	at := func(d time.Duration) metav1.Time { return metav1.NewTime(build.Now.Add(d)) }
	ready := func(pod *corev1.Pod) { pod.Status.Conditions[1].Status = corev1.ConditionTrue }
	bound := func(ago time.Duration) func(*corev1.Pod) {
		return func(pod *corev1.Pod) { pod.Status.Conditions[0].LastTransitionTime = at(-ago) }
	}
	deleted := func(ends time.Duration) func(*corev1.Pod) {
		return func(pod *corev1.Pod) {
			pod.DeletionTimestamp = new(at(ends))
			pod.DeletionGracePeriodSeconds = new(int64(30))
		}
	}
	const never = -1
	for _, tc := range []struct {
		name, why string
		changes   []func(*corev1.Pod)
		times     simulate.PodTimes
		want      time.Duration // until something happens
	}{
		{"starting", "it was bound four seconds ago", []func(*corev1.Pod){bound(4 * time.Second)}, simulate.PodTimes{}, 6 * time.Second},
		{"starting for long", "it takes ten seconds from now", []func(*corev1.Pod){bound(time.Hour)}, simulate.PodTimes{}, 10 * time.Second},
		{"no binding time", "it takes ten seconds from now", []func(*corev1.Pod){func(pod *corev1.Pod) { pod.Status.Conditions = nil }}, simulate.PodTimes{}, 10 * time.Second},
		{"ready", "it fails a minute after it was bound", []func(*corev1.Pod){ready, bound(20 * time.Second)}, simulate.PodTimes{FailsAfter: time.Minute}, 40 * time.Second},
		{"ready for long", "it has outlived the time after which it fails", []func(*corev1.Pod){ready, bound(time.Hour)}, simulate.PodTimes{FailsAfter: time.Minute}, never},
		{"failing", "it fails before it would become ready", []func(*corev1.Pod){bound(2 * time.Second)}, simulate.PodTimes{FailsAfter: 5 * time.Second}, 3 * time.Second},
		{"terminating", "the request was 20 seconds before the end of the grace period less 30", []func(*corev1.Pod){deleted(20 * time.Second)},
			simulate.PodTimes{TerminatesAfter: 15 * time.Second}, 5 * time.Second},
		{"about to end", "the grace period ends in one second", []func(*corev1.Pod){deleted(time.Second)}, simulate.PodTimes{}, time.Second},
		{"terminating for long", "it takes longer than the default: two seconds from now", []func(*corev1.Pod){deleted(10 * time.Second)}, simulate.PodTimes{}, 2 * time.Second},
		{"longer than its grace period", "it ends with the grace period", []func(*corev1.Pod){deleted(10 * time.Second)},
			simulate.PodTimes{TerminatesAfter: time.Hour}, 10 * time.Second},
		{"stuck", "it is past its grace period", []func(*corev1.Pod){deleted(-time.Second)}, simulate.PodTimes{}, never},
		{"unbound", "it is bound five seconds after its creation", []func(*corev1.Pod){func(pod *corev1.Pod) {
			pod.Spec.NodeName, pod.CreationTimestamp = "", at(-3*time.Second)
		}}, simulate.PodTimes{BoundAfter: 5 * time.Second}, 2 * time.Second},
	} {
		pod := build.Pod{Name: "p", Node: "a", NotReady: true}.Of(build.Set{}.Object())
		for _, change := range tc.changes {
			change(pod)
		}
		made, err := simulate.NewCluster(daemon.Input{Nodes: build.Nodes("a"), Pods: []*corev1.Pod{pod}, Now: build.Now}, always(tc.times))
		if err != nil {
			t.Fatal(err)
		}
		// The same with a pod that a client applies.
		applied, err := simulate.NewCluster(daemon.Input{Nodes: build.Nodes("a"), Now: build.Now}, always(tc.times))
		if err != nil {
			t.Fatal(err)
		}
		apply(t, applied, pod)
		for how, c := range map[string]*simulate.Cluster{"NewCluster": made, "Apply": applied} {
			got := time.Duration(never)
			if c.Next() {
				got = c.Now().Sub(build.Now)
			}
			if got != tc.want {
				t.Errorf("%s: after %s() something happens after %v, want %v: %s", tc.name, how, got, tc.want, tc.why)
			}
		}
	}
}

// TestClusterIsItsInput makes another cluster of the facts in the middle of rollouts: it
// comes to the same end.
func TestClusterIsItsInput(t *testing.T) {
	choices := []simulate.PodTimes{
		{}, {}, {}, {ReadyAfter: -1}, {ReadyAfter: 3 * time.Second, FailsAfter: 7 * time.Second}, {ReadyAfter: 8 * time.Second, FailsAfter: 4 * time.Second},
		{BoundAfter: 5 * time.Second}, {TerminatesAfter: -1}, {TerminatesAfter: time.Hour}, {TerminatesAfter: 7 * time.Second},
	}
	seen := map[simulate.EndState]int{}
	for seed := range property.Seeds(t, 75) {
		r := rand.New(rand.NewPCG(seed, 7))
		in := scenario.Random(r)
		times := map[string]simulate.PodTimes{}
		for _, node := range in.Nodes {
			times[node.Name] = choices[r.IntN(len(choices))]
		}
		opts := simulate.Options{PodTimes: func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
			if node == nil {
				return simulate.PodTimes{}
			}
			return times[node.Name]
		}}
		c, err := simulate.NewCluster(in, opts)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var mid daemon.Input
		at := 1 + r.IntN(12)
		for pass, err := range c.Run() {
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if pass.End == nil {
				if pass.Number <= at {
					mid = c.Input(in.DaemonSet)
				}
				continue
			}
			if mid.DaemonSet == nil {
				break
			}
			seen[pass.End.State]++
			end, err := simulate.Settle(mid, opts)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			on := func(end *simulate.End) (nodes []string) {
				for _, n := range end.Incomplete {
					nodes = append(nodes, n.Node)
				}
				return nodes
			}
			finished := end.State == simulate.EndComplete
			if end.State != pass.End.State || cmp.Diff(on(pass.End), on(end)) != "" || finished && !end.Time.Equal(later(mid.Now, pass.End.Time)) {
				t.Errorf("seed %d, pass %d at %v: ends with\n%v, want\n%v", seed, at, mid.Now, end, pass.End)
			}
		}
	}
	if seen[simulate.EndComplete] < 30 || seen[simulate.EndStalled] < 30 {
		t.Errorf("ends = %v, want many of each kind", seen)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestRunCountsAnew: a change in the middle is another rollout, whose progress counts
// from there.
func TestRunCountsAnew(t *testing.T) {
	c, ds := settled(t, build.Set{}, "a", "b")
	changed := false
	change := func() {
		ds = ds.DeepCopy()
		ds.Spec.Template.Spec.Containers[0].Image += "x"
		apply(t, c, ds)
	}
	change()
	for pass, err := range c.Run() {
		if err != nil {
			t.Fatal(err)
		}
		if !changed && c.Input(ds).DaemonSet.Status.UpdatedNumberScheduled == 2 && c.Input(ds).DaemonSet.Status.NumberAvailable == 2 {
			changed = true
			change()
		}
		if pass.End != nil && (!changed || pass.End.State != simulate.EndComplete || c.Now().Sub(pass.End.Time) != health.DefaultPatience) {
			t.Errorf("Run() = %v at %v, want the second change complete ten minutes ago", pass.End, c.Now())
		}
	}
}

// TestCarryOutTwice: a result that is carried out twice creates its revision once, as on a
// server that has the name already.
func TestCarryOutTwice(t *testing.T) {
	ds := build.Set{}.Object()
	c, err := simulate.NewCluster(daemon.Input{DaemonSet: ds, Now: build.Now}, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := rollout.Sync(c.Input(ds), rollout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var uids []types.UID
	for range 2 {
		if err := c.CarryOut(ds, result); err != nil {
			t.Fatal(err)
		}
		uids = append(uids, c.Input(ds).Revisions[0].UID)
	}
	if uids[0] == "" || uids[0] != uids[1] {
		t.Errorf("UIDs of the revision %q, want the first one to stay", uids)
	}
}

// TestEndTimeAfterANodeJoins: a node that joins moves the time of the end to when it is
// complete.
func TestEndTimeAfterANodeJoins(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		nodes     []*corev1.Node
		complete  bool
	}{
		{"complete", "all other nodes are complete when it joins", build.Nodes("a"), true},
		{"incomplete", "another node never becomes complete", build.Nodes("a", "never"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := simulate.NewCluster(daemon.Input{DaemonSet: build.Set{}.Object(), Nodes: tc.nodes, Now: build.Now},
				onNode("never", simulate.PodTimes{ReadyAfter: -1}))
			if err != nil {
				t.Fatal(err)
			}
			joined := false
			for pass, err := range c.Run() {
				if err != nil {
					t.Fatal(err)
				}
				if !joined && c.Now().Sub(build.Now) == simulate.DefaultReadyAfter {
					joined = true
					apply(t, c, build.Nodes("b")[0])
				}
				if end := pass.End; end != nil && ((end.State == simulate.EndComplete) != tc.complete ||
					end.Took != 2*simulate.DefaultReadyAfter || !end.Time.Equal(build.Now.Add(end.Took))) {
					t.Errorf("Run() = %v, took %v, joined %v, want it after %v: %s", end, end.Took, joined, 2*simulate.DefaultReadyAfter, tc.why)
				}
			}
		})
	}
}

// TestEndBudgetHasTheOptionsOfTheLastPass: a loop changes the policy after the last pass of
// one DaemonSet. The budget in its End is that of the policy before.
func TestEndBudgetHasTheOptionsOfTheLastPass(t *testing.T) {
	c, err := simulate.NewCluster(outdated(build.Set{}, build.Nodes("a", "b")...), simulate.Options{
		PodTimes: func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
			if pod.Namespace == "other" {
				return simulate.PodTimes{ReadyAfter: time.Minute}
			}
			return simulate.PodTimes{ReadyAfter: -1}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	proxy := build.Set{Name: "proxy"}.Object()
	proxy.Namespace = "other" // so that its pods cause no passes of the first DaemonSet
	apply(t, c, proxy)
	for pass, err := range c.Run() {
		if err != nil {
			t.Fatal(err)
		}
		if pass.DaemonSet.Namespace == "other" && c.Now().Sub(build.Now) >= time.Minute {
			c.Options.Policy.IgnoreNodes = &rollout.IgnoreNodes{By: func(*daemon.NodeState) bool { return true }}
		}
		if end := pass.End; end != nil && pass.DaemonSet.Name == "agent" && (len(end.Budget.Users) != 1 || c.Options.Policy.IgnoreNodes == nil) {
			t.Errorf("Run() = %v with budget %+v, want one user, as in the last pass", end, end.Budget)
		}
	}
}

// TestRunGoesOn: a loop may change the cluster and break off.
func TestRunGoesOn(t *testing.T) {
	c, ds := settled(t, build.Set{}, "a", "b", "c")
	changed := ds.DeepCopy()
	changed.Spec.Template.Spec.Containers[0].Image = "agent:2"
	apply(t, c, changed)
	for pass, err := range c.Run() {
		if err != nil {
			t.Fatal(err)
		}
		if pass.Number == 2 {
			apply(t, c, build.Nodes("d")[0])
		}
		if pass.Number == 4 {
			break
		}
	}
	if c.Input(ds).DaemonSet.Status.UpdatedNumberScheduled == 4 {
		t.Error("the rollout is over after four passes")
	}
	if ends := settleCluster(t, c); ends[0].State != simulate.EndComplete || len(c.Input(ds).Pods) != 4 {
		t.Errorf("Settle() = %v with pods %v, want four on the new template", ends[0], show(c.Input(ds)))
	}
}

// TestRunWithCallers: the body of a loop over Run makes passes itself, adds and deletes
// DaemonSets and moves the clock. The Run ends, and every DaemonSet that is left has an End.
func TestRunWithCallers(t *testing.T) {
	sync := func(t *testing.T, c *simulate.Cluster, ds *appsv1.DaemonSet) {
		t.Helper()
		if _, err := c.Sync(ds); err != nil {
			t.Fatal(err)
		}
	}
	proxy := build.Set{Name: "proxy"}.Object()
	later := build.Set{Name: "zeta"}.Object()
	for _, tc := range []struct {
		name, why string
		body      func(*testing.T, *simulate.Cluster, *simulate.Pass)
		ends      []string
	}{
		{
			name: "sync", why: "the pass of the caller is the last one of proxy",
			body: func(t *testing.T, c *simulate.Cluster, _ *simulate.Pass) { sync(t, c, proxy) },
			ends: []string{"agent complete", "proxy complete"},
		}, {
			name: "advance", why: "the passes of the new DaemonSet are made by the caller",
			body: func(t *testing.T, c *simulate.Cluster, p *simulate.Pass) {
				if p.Number == 1 {
					apply(t, c, later)
				}
				if err := c.Advance(0); err != nil {
					t.Fatal(err)
				}
			},
			ends: []string{"agent complete", "proxy complete", "zeta complete"},
		}, {
			name: "delete", why: "a DaemonSet that is deleted makes no more passes",
			body: func(t *testing.T, c *simulate.Cluster, p *simulate.Pass) {
				if p.Number == 1 {
					deleteObjects(t, c, proxy)
				}
			},
			ends: []string{"agent complete"},
		}, {
			name: "delete and apply", why: "the new DaemonSet of the name has an End of its own",
			body: func(t *testing.T, c *simulate.Cluster, p *simulate.Pass) {
				if p.Number == 1 && p.DaemonSet.Name == "agent" {
					deleteObjects(t, c, proxy)
					apply(t, c, proxy)
				}
			},
			ends: []string{"agent complete", "proxy complete"},
		}, {
			name: "delete at the end", why: "the ends are those of one moment",
			body: func(t *testing.T, c *simulate.Cluster, p *simulate.Pass) {
				if p.End != nil {
					deleteObjects(t, c, proxy)
				}
			},
			ends: []string{"agent complete", "proxy complete"},
		}, {
			name: "nested", why: "another Run leaves nothing to do",
			body: func(t *testing.T, c *simulate.Cluster, p *simulate.Pass) {
				if p.End == nil {
					settleCluster(t, c)
				}
			},
			ends: []string{"agent complete", "proxy complete"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, agent := settled(t, build.Set{}, "a", "b")
			apply(t, c, proxy)
			settleCluster(t, c)
			agent = agent.DeepCopy()
			agent.Spec.Template.Spec.Containers[0].Image = "agent:2"
			apply(t, c, agent)
			var ends []string
			for pass, err := range c.Run() {
				if err != nil {
					t.Fatal(err)
				}
				tc.body(t, c, pass)
				if pass.End != nil {
					ends = append(ends, fmt.Sprintf("%s %v", pass.DaemonSet.Name, pass.End.State))
				}
			}
			if diff := cmp.Diff(tc.ends, ends); diff != "" {
				t.Errorf("ends: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestRunAfterAnError: a pass that fails in a loop fails the Run, too.
func TestRunAfterAnError(t *testing.T) {
	c, agent := settled(t, build.Set{}, "a")
	agent = agent.DeepCopy()
	agent.Spec.Template.Spec.Containers[0].Image = "agent:2"
	apply(t, c, agent)
	broken := build.Set{Name: "proxy"}.Object()
	broken.Spec.Selector = nil
	var got error
	for pass, err := range c.Run() {
		if got = err; pass != nil && pass.Number == 1 {
			apply(t, c, broken)
			if _, err := c.Sync(broken); err == nil {
				t.Error("Sync() without a selector = nil, want an error")
			}
		}
	}
	if want := "DaemonSet kube-system/proxy: spec.selector: Required value"; got == nil || got.Error() != want {
		t.Errorf("Run() = %v, want %s", got, want)
	}
}

// TestClusterWithoutUIDs has two DaemonSets without UIDs in one namespace: each owns what
// names it, and nothing of the other.
func TestClusterWithoutUIDs(t *testing.T) {
	agent, proxy := build.Set{}.Object(), build.Set{Name: "proxy"}.Object()
	agent.UID, proxy.UID = "", ""
	in := daemon.Input{DaemonSet: agent, Nodes: build.Nodes("a", "b"), Now: build.Now}
	in.Revisions = append(build.Current(agent, "new"), build.Current(proxy, "new")...)
	for _, ds := range []*appsv1.DaemonSet{agent, proxy} {
		in.Pods = append(in.Pods, build.Pod{Name: ds.Name + "-on-a", Node: "a", Hash: "new"}.Of(ds))
	}
	released := build.Pod{Name: "released", Node: "b", Labels: build.Labels{"app": "test"}}.Of(agent)
	in.Pods = append(in.Pods, released)
	c, err := simulate.NewCluster(in, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if end := settleCluster(t, c)[0]; end.State != simulate.EndComplete {
		t.Errorf("Settle() = %v, want it complete", end)
	}
	want := []string{"agent-1 b Running ready=True", "agent-on-a a Running ready=True", "proxy-on-a a Running ready=True", "released b Running ready=True"}
	if diff := cmp.Diff(want, show(c.Input(agent))); diff != "" {
		t.Errorf("pods (-want +got):\n%s", diff)
	}
	deleteObjects(t, c, agent)
	c.Elapse(time.Minute)
	left := c.Input(proxy)
	if diff := cmp.Diff(want[2:], show(left)); diff != "" {
		t.Errorf("pods after agent is deleted (-want +got):\n%s", diff)
	}
	if len(left.Revisions) != 1 || left.Revisions[0].Name != "proxy-new" {
		t.Errorf("revisions after agent is deleted = %v, want that of proxy", left.Revisions)
	}
}

// TestApplyUIDs: the UID of a DaemonSet never changes, not even within one call.
func TestApplyUIDs(t *testing.T) {
	named := func(uid string) *appsv1.DaemonSet {
		ds := build.Set{}.Object()
		ds.UID = types.UID(uid)
		return ds
	}
	for _, tc := range []struct {
		name, why string
		objects   []metav1.Object
		want      string
	}{
		{"two UIDs", "the second one is another DaemonSet", []metav1.Object{named("x"), named("y")}, "objects[1].metadata.uid: Invalid value"},
		{"the server's UID", "nobody knows it before", []metav1.Object{named(""), named("y")}, "objects[1].metadata.uid: Invalid value"},
		{"three", "an empty UID is the stored one", []metav1.Object{named("x"), named(""), named("y")}, "objects[2].metadata.uid: Invalid value"},
		{"same UID", "it is applied twice", []metav1.Object{named("x"), named("x"), named("")}, ""},
		{"no UID", "it is applied twice", []metav1.Object{named(""), named("")}, ""},
	} {
		var c simulate.Cluster
		err := c.Apply(tc.objects...)
		if got := fmt.Sprint(err); tc.want == "" && err != nil || !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: Apply() = %v, want %q: %s", tc.name, err, tc.want, tc.why)
		}
		if stored := c.Input(named("")).DaemonSet; (stored == nil) != (err != nil) {
			t.Errorf("%s: after Apply() = %v the cluster has %v", tc.name, err, stored)
		}
	}
}

// TestPodNames: names that are taken are passed over, and a function that knows one name
// only does not stop the cluster.
func TestPodNames(t *testing.T) {
	c := &simulate.Cluster{}
	c.Options.PodName = func(generateName string, n int) string { return generateName + "x" }
	ds := build.Set{}.Object()
	apply(t, c, ds, build.Nodes("a")[0], build.Nodes("b")[0])
	settleCluster(t, c)
	pods := c.Input(ds).Pods
	if len(pods) != 2 || pods[1].Name != "agent-x" || !strings.HasPrefix(pods[0].Name, "agent-") {
		t.Errorf("pods = %v, want agent-x and another", show(c.Input(ds)))
	}
}

// TestNilCluster: the methods of a nil Cluster do nothing.
func TestNilCluster(t *testing.T) {
	var c *simulate.Cluster
	c.Elapse(time.Second)
	ends, err := c.Settle()
	if !c.Now().IsZero() || c.Next() || c.Advance(time.Second) != nil || ends != nil || err != nil || c.Input(nil).Nodes != nil {
		t.Error("a nil Cluster does something")
	}
	if c.Apply() == nil || c.Delete() == nil {
		t.Error("a nil Cluster stores something")
	}
	if _, err := c.Sync(nil); err == nil {
		t.Error("Sync() of a nil Cluster = nil, want an error")
	}
}
