package carryout_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

// pending is the number of pending writes.
func pending(e *carryout.Expectations, now time.Time) int {
	writes, _ := e.Pending(now)
	return writes
}

// deletion deletes the pod and returns the expectations of that.
func deletion(t *testing.T, pod *corev1.Pod) *carryout.Expectations {
	t.Helper()
	var e carryout.Expectations
	w := carryout.Writer{Client: newServer(t, agent(), pod.DeepCopy()), Expectations: &e}
	r := &rollout.Result{Plan: daemon.Plan{Delete: []daemon.Delete{{Pod: pod}}}}
	if err := w.CarryOut(t.Context(), agent(), r); err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestExpectationsOfADeletion(t *testing.T) {
	pod := runningPod("a", "a", "x")
	ending := pod.DeepCopy()
	ending.DeletionTimestamp = &metav1.Time{Time: noon}
	other := pod.DeepCopy()
	other.UID = "other"
	for _, tc := range []struct {
		name, why string
		observe   func(*carryout.Expectations)
		want      int
	}{
		{"nothing", "no event has come", func(*carryout.Expectations) {}, 1},
		{"an older event", "the pod had no deletion timestamp yet", func(e *carryout.Expectations) { e.Observe(pod) }, 1},
		{"timestamp", "the pod is ending", func(e *carryout.Expectations) { e.Observe(ending) }, 0},
		{"end", "the pod is gone", func(e *carryout.Expectations) { e.ObserveDeleted(pod) }, 0},
		{"end of another pod", "only the name is the same", func(e *carryout.Expectations) { e.ObserveDeleted(other) }, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := deletion(t, pod)
			tc.observe(e)
			if got := pending(e, noon); got != tc.want {
				t.Errorf("Pending() = %d, want %d: %s", got, tc.want, tc.why)
			}
		})
	}
}

func TestExpectationsAreGivenUp(t *testing.T) {
	e := deletion(t, runningPod("a", "a", "x"))
	for _, tc := range []struct {
		after   time.Duration
		writes  int
		longest time.Duration
	}{
		{0, 1, 0},
		{time.Minute, 1, time.Minute},
		{carryout.ExpectationsTimeout - 1, 1, carryout.ExpectationsTimeout - 1},
		{carryout.ExpectationsTimeout, 0, 0},
	} {
		writes, longest := e.Pending(noon.Add(tc.after))
		if writes != tc.writes || longest != tc.longest {
			t.Errorf("Pending(noon + %v) = %d, %v, want %d, %v", tc.after, writes, longest, tc.writes, tc.longest)
		}
	}
}

// The event of a creation may come before its answer.
func TestExpectationsOfAnEarlyEvent(t *testing.T) {
	s := newServer(t, agent())
	var e carryout.Expectations
	s.lose = func(string) error {
		var pods corev1.PodList
		if err := s.List(t.Context(), &pods); err != nil {
			t.Error(err)
		}
		for i := range pods.Items {
			e.Observe(&pods.Items[i])
		}
		return nil
	}
	w := carryout.Writer{Client: s, Expectations: &e}
	if err := w.CarryOut(t.Context(), agent(), &rollout.Result{Plan: creation("a")}); err != nil {
		t.Fatal(err)
	}
	if got := pending(&e, noon); got != 0 {
		t.Errorf("Pending() = %d, want 0: the pod was seen before its creation was answered", got)
	}
	// What was seen during one pass says nothing about the next.
	s.lose = nil
	if err := w.CarryOut(t.Context(), agent(), &rollout.Result{Plan: creation("b")}); err != nil {
		t.Fatal(err)
	}
	if got := pending(&e, noon); got != 1 {
		t.Errorf("Pending() = %d, want 1", got)
	}
}

// A patch is seen once a version at least as new as its own is.
func TestExpectationsOfAPatch(t *testing.T) {
	r, objects := adoption(t, "a")
	s := newServer(t, append(objects, agent())...)
	before := s.pods(t)["a"]
	var e carryout.Expectations
	w := carryout.Writer{Client: s, Expectations: &e}
	if err := w.CarryOut(t.Context(), agent(), r); err != nil {
		t.Fatal(err)
	}
	e.Observe(&before)
	if got := pending(&e, noon); got != 1 {
		t.Errorf("Pending() = %d, want 1: the event is from before the patch", got)
	}
	after := s.pods(t)["a"]
	e.Observe(&after)
	if got := pending(&e, noon); got != 0 {
		t.Errorf("Pending() = %d, want 0", got)
	}
}

// Versions that are no numbers cannot be compared; then an event is better than none.
func TestExpectationsOfOpaqueVersions(t *testing.T) {
	r, objects := adoption(t, "a")
	s := newServer(t, append(objects, agent())...)
	var e carryout.Expectations
	w := carryout.Writer{Client: s, Expectations: &e}
	if err := w.CarryOut(t.Context(), agent(), r); err != nil {
		t.Fatal(err)
	}
	seen := s.pods(t)["a"]
	seen.ResourceVersion = "opaque"
	e.Observe(&seen)
	if got := pending(&e, noon); got != 0 {
		t.Errorf("Pending() = %d, want 0", got)
	}
}

// The API server answers a write that changes nothing with the version that the object has: no
// event follows. If that is not the version of the pass, an event is still to come.
func TestExpectationsOfAWriteThatChangesNothing(t *testing.T) {
	for _, tc := range []struct {
		name string
		// pick returns one write of everything, and the object that it is for.
		pick func(*rollout.Result) (*rollout.Result, client.Object)
	}{
		{"adopt a pod", func(r *rollout.Result) (*rollout.Result, client.Object) {
			return &rollout.Result{Claims: r.Claims[:1]}, r.Claims[0].Pod
		}},
		{"release a pod", func(r *rollout.Result) (*rollout.Result, client.Object) {
			return &rollout.Result{Claims: r.Claims[1:]}, r.Claims[1].Pod
		}},
		{"adopt a revision", func(r *rollout.Result) (*rollout.Result, client.Object) {
			plan := &history.Plan{Claims: r.Revisions.Claims}
			return &rollout.Result{Revisions: plan}, plan.Claims[0].Revision
		}},
		{"label a revision", func(r *rollout.Result) (*rollout.Result, client.Object) {
			plan := &history.Plan{Label: r.Revisions.Label}
			return &rollout.Result{Revisions: plan}, plan.Label[0]
		}},
		{"relabel a pod", func(r *rollout.Result) (*rollout.Result, client.Object) {
			plan := &history.Plan{Relabel: r.Revisions.Relabel}
			return &rollout.Result{Revisions: plan}, plan.Relabel[0].Pod
		}},
		{"update a revision", func(r *rollout.Result) (*rollout.Result, client.Object) {
			plan := &history.Plan{Update: r.Revisions.Update}
			return &rollout.Result{Revisions: plan}, plan.Update
		}},
		{"roll back", func(r *rollout.Result) (*rollout.Result, client.Object) {
			return &rollout.Result{Rollback: r.Rollback}, nil
		}},
		{"status", func(r *rollout.Result) (*rollout.Result, client.Object) {
			return &rollout.Result{Status: r.Status}, nil
		}},
	} {
		for _, stale := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stale %v", tc.name, stale), func(t *testing.T) {
				r, objects := everything(t)
				s := newServer(t, objects...)
				s.unchanged = true
				owner := s.stored(t)
				r, object := tc.pick(r)
				if object == nil {
					object = owner
				} else if err := s.WithWatch.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
					t.Fatal(err)
				}
				want := 0
				if stale {
					object.SetResourceVersion("1")
					want = 1
				}
				var e carryout.Expectations
				w := carryout.Writer{Client: s, Expectations: &e}
				if err := w.CarryOut(t.Context(), owner, r); err != nil {
					t.Fatal(err)
				}
				if got := pending(&e, noon); got != want {
					t.Errorf("Pending() = %d, want %d", got, want)
				}
			})
		}
	}
}

// A write that is repeated is awaited no longer than the first one, unless it has changed the
// object once more.
func TestExpectationsOfARepeatedWrite(t *testing.T) {
	ending := runningPod("b", "b", "x")
	ending.Finalizers = []string{"example.com/slow"}
	adopt, objects := adoption(t, "a")
	for _, tc := range []struct {
		name      string
		result    *rollout.Result
		unchanged bool
		want      int
	}{
		{"a patch that changes nothing", adopt, true, 0},
		{"a patch", adopt, false, 1},
		{"a deletion", &rollout.Result{Plan: daemon.Plan{Delete: []daemon.Delete{{Pod: ending}}}}, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, append(objects, agent(), ending.DeepCopy())...)
			var e carryout.Expectations
			w := carryout.Writer{Client: s, Expectations: &e}
			for _, minutes := range []time.Duration{0, 4} {
				if err := w.CarryOut(t.Context(), agent(), tc.result); err != nil {
					t.Fatal(err)
				}
				if got := pending(&e, noon.Add(minutes*time.Minute)); got != 1 {
					t.Fatalf("Pending() = %d after %d minutes, want 1", got, minutes)
				}
				s.unchanged = tc.unchanged
			}
			if got := pending(&e, noon.Add(carryout.ExpectationsTimeout)); got != tc.want {
				t.Errorf("Pending() = %d after the timeout of the first write, want %d", got, tc.want)
			}
		})
	}
}

// An event may come when a pass has its facts and has not yet begun to write. No other follows
// for what turns out to be there already.
func TestExpectationsOfAnEventBeforeTheWrite(t *testing.T) {
	created := func(t *testing.T) *corev1.Pod {
		s := newServer(t, agent())
		w := carryout.Writer{Client: s}
		if err := w.CarryOut(t.Context(), agent(), &rollout.Result{Plan: creation("a")}); err != nil {
			t.Fatal(err)
		}
		for _, pod := range s.pods(t) {
			pod.ResourceVersion = ""
			return &pod
		}
		return nil
	}
	adopt, adopted := adoption(t, "a")
	ending := runningPod("b", "b", "x")
	ending.Finalizers = []string{"example.com/slow"}
	planned := revision("agent-1", 1)
	planned.UID = "revision"
	for _, tc := range []struct {
		name   string
		result *rollout.Result
		exists client.Object
	}{
		{"pod created", &rollout.Result{Plan: creation("a")}, created(t)},
		{"revision created", &rollout.Result{Revisions: &history.Plan{Create: planned}}, planned.DeepCopy()},
		{"pod adopted", adopt, adopted[0]},
		{"pod deleted", &rollout.Result{Plan: daemon.Plan{Delete: []daemon.Delete{{Pod: ending.DeepCopy()}}}}, ending},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, agent(), tc.exists)
			s.unchanged = true
			if tc.exists == client.Object(ending) {
				if err := s.WithWatch.Delete(t.Context(), ending); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.WithWatch.Get(t.Context(), client.ObjectKeyFromObject(tc.exists), tc.exists); err != nil {
				t.Fatal(err)
			}
			var e carryout.Expectations
			e.Pending(noon)
			e.Observe(tc.exists)
			w := carryout.Writer{Client: s, Expectations: &e}
			if err := w.CarryOut(t.Context(), agent(), tc.result); err != nil {
				t.Fatal(err)
			}
			if got := pending(&e, noon); got != 0 {
				t.Errorf("Pending() = %d, want 0: the event has come", got)
			}
		})
	}
}

func TestExpectationsOfNothing(t *testing.T) {
	var none *carryout.Expectations
	none.Observe(agent())
	none.ObserveDeleted(agent())
	if writes, longest := none.Pending(noon); writes != 0 || longest != 0 {
		t.Errorf("Pending() of nil = %d, %v", writes, longest)
	}
	var e carryout.Expectations
	e.Observe(nil)
	e.ObserveDeleted(client.Object(nil))
	e.Observe(agent())
	if got := pending(&e, noon); got != 0 {
		t.Errorf("Pending() = %d, want 0: nothing was written", got)
	}
}
