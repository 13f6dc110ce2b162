package simulate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/internal/build"
)

// TestNeighboursRollOut: a rollout that waits is not taken for an endless loop because other
// DaemonSets of the namespace roll out meanwhile.
func TestNeighboursRollOut(t *testing.T) {
	const neighbours = 9
	c := &Cluster{}
	c.Options.PodTimes = func(_ *corev1.Node, pod *corev1.Pod) PodTimes {
		var k time.Duration
		if _, err := fmt.Sscanf(pod.Labels["app"], "b%d", &k); err == nil {
			return PodTimes{ReadyAfter: 20*time.Second + k*1001*time.Millisecond}
		}
		return PodTimes{}
	}
	sets := func(image string) (out []metav1.Object) {
		spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}}
		out = append(out, build.Set{Name: "a", Spec: spec, MinReady: 3600, MaxUnavailable: "10%"}.Object())
		for k := range neighbours {
			out = append(out, build.Set{Name: fmt.Sprintf("b%d", k), Spec: spec}.Object())
		}
		return out
	}
	for i := range 100 {
		apply(t, c, build.Node{Name: fmt.Sprintf("n%02d", i)}.Object())
	}
	apply(t, c, sets("agent:1")...)
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	apply(t, c, sets("agent:2")...)
	ends, err := c.Settle()
	if err != nil {
		t.Fatal(err)
	}
	// Ten batches of an hour, and 12 seconds each to terminate and to become ready.
	if end := ends[0]; end.State != EndComplete || end.Took != 10*(time.Hour+12*time.Second) || end.Passes != 41 {
		t.Errorf("%v: %v, took %v in %d passes, want it complete after 10h2m in 41", end.After.DaemonSet.Name, end.State, end.Took, end.Passes)
	}
}

// TestControllerWakes: a change of a pod wakes the controllers that may have something to do
// with it (addPod, updatePod, deletePod @v1.37.2).
func TestControllerWakes(t *testing.T) {
	reference := func(kind, name, uid string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: types.UID(uid), Controller: new(true)}}
	}
	owned := func(refs []metav1.OwnerReference) func(*corev1.Pod) {
		return func(pod *corev1.Pod) { pod.OwnerReferences = refs }
	}
	for _, tc := range []struct {
		name, why string
		change    func(*corev1.Pod) // of a pod of a; nil: it is deleted
		want      []string
	}{
		{"its own", "b has nothing to do with it", func(pod *corev1.Pod) { pod.Status.Message = "x" }, []string{"a"}},
		{"deleted", "b has nothing to do with it", nil, []string{"a"}},
		{"orphan", "both may adopt it", owned(nil), []string{"a", "b"}},
		{"handed over", "one has lost it, and one has got it", owned(reference("DaemonSet", "b", "uid-b")), []string{"a", "b"}},
		{"another workload", "a has lost it", owned(reference("ReplicaSet", "b", "uid-x")), []string{"a"}},
		{"contradiction", "the pass of b fails", owned(reference("DaemonSet", "x", "uid-b")), []string{"a", "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &Cluster{}
			a := build.Set{Name: "a"}.Object()
			apply(t, c, a, build.Set{Name: "b"}.Object(), build.Node{Name: "n"}.Object())
			if _, err := c.Settle(); err != nil {
				t.Fatal(err)
			}
			in := c.Input(a)
			if len(in.Pods) != 2 {
				t.Fatalf("%d pods, want 2", len(in.Pods))
			}
			pod := in.Pods[0].DeepCopy()
			if tc.change == nil {
				if err := c.Delete(pod); err != nil {
					t.Fatal(err)
				}
			} else {
				tc.change(pod)
				apply(t, c, pod)
			}
			var got []string
			for _, s := range c.sets() {
				if s.due {
					got = append(got, s.ds.Name)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%v wake, want %v: %s", got, tc.want, tc.why)
			}
		})
	}
}

// TestControllerWakesWhenAvailable: a controller wakes up when a pod of its own is available, and
// not for those of others.
func TestControllerWakesWhenAvailable(t *testing.T) {
	c := &Cluster{}
	a, b := build.Set{Name: "a", MinReady: 60}.Object(), build.Set{Name: "b", MinReady: 90}.Object()
	apply(t, c, a, b, build.Node{Name: "n"}.Object())
	if err := c.Advance(DefaultReadyAfter); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		after time.Duration
		name  string
	}{{time.Minute, "a"}, {90 * time.Second, "b"}} {
		if !c.Next() {
			t.Fatalf("nothing happens, want %s to wake up after %v", want.name, want.after)
		}
		after := c.Now().Sub(time.Date(2000, 1, 1, 0, 0, 10, 0, time.UTC))
		for _, s := range c.sets() {
			if due := s.ds.Name == want.name; s.due != due || after != want.after {
				t.Errorf("after %v %s is due: %v, want %v after %v", after, s.ds.Name, s.due, due, want.after)
			}
			s.due = false
		}
	}
}

// TestControllerWakesForAdopted: a controller that gets a pod of another one while it is ready
// wakes up when it is available.
func TestControllerWakesForAdopted(t *testing.T) {
	c := &Cluster{}
	a, b := build.Set{Name: "a"}.Object(), build.Set{Name: "b", MinReady: 60}.Object()
	apply(t, c, a, b, build.Node{Name: "n"}.Object())
	if err := c.Advance(DefaultReadyAfter); err != nil {
		t.Fatal(err)
	}
	pod := c.Input(a).Pods[0].DeepCopy()
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(c.set(b).ds, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))}
	apply(t, c, pod)
	// Nothing else is to wake it: not its own pod, and not its last pass.
	c.events = slices.DeleteFunc(c.events, func(e event) bool { return e.subject.pod.Name != pod.Name })
	c.set(b).due, c.set(b).wake = false, time.Time{}
	c.Elapse(time.Minute)
	if !c.set(b).due {
		t.Error("the controller sleeps, want it to wake up when the pod is available")
	}
}

// TestSetsAreSortedOnce: the list of DaemonSets is asked for at every moment.
func TestSetsAreSortedOnce(t *testing.T) {
	c := &Cluster{}
	names := func() (out []string) {
		for _, s := range c.sets() {
			out = append(out, s.ds.Name)
		}
		return out
	}
	b := build.Set{Name: "b"}.Object()
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"none", func() {}, nil},
		{"one", func() { apply(t, c, b) }, []string{"b"}},
		{"another", func() { apply(t, c, build.Set{Name: "a"}.Object()) }, []string{"a", "b"}},
		{"the same", func() { apply(t, c, b) }, []string{"a", "b"}},
		{"one less", func() {
			if err := c.Delete(b); err != nil {
				t.Fatal(err)
			}
		}, []string{"a"}},
	} {
		step.do()
		if got := names(); !slices.Equal(got, step.want) {
			t.Errorf("%s: sets() = %v, want %v", step.name, got, step.want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { c.sets() }); n > 0 {
		t.Errorf("sets() makes %v allocations, want none", n)
	}
}
