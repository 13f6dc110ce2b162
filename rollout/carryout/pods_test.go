package carryout_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

var forbidden = apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New("exceeded quota"))

// names returns n names of nodes.
func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("worker-%03d", i)
	}
	return out
}

// A cause that stops all creations must cost few requests: one, two, four and so on.
func TestSlowStart(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		allowed   int // creations before the quota is exhausted
		want      int // requests
	}{
		{"at once", "the first batch is one pod", 0, 1},
		{"in the second batch", "the rest of a batch is tried, the next one is not", 1, 3},
		{"in the third batch", "one, two and four", 4, 7},
		{"never", "every pod, whatever the batches add up to", 20, 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, agent())
			var mu sync.Mutex
			left := tc.allowed
			s.refuse = func(request string) error {
				if !strings.HasPrefix(request, "create") {
					return nil
				}
				mu.Lock()
				defer mu.Unlock()
				if left == 0 {
					return forbidden
				}
				left--
				return nil
			}
			recorder := &events{}
			var expectations carryout.Expectations
			w := carryout.Writer{Client: s, Recorder: recorder, Expectations: &expectations}
			err := w.CarryOut(t.Context(), agent(), &rollout.Result{Plan: creation(names(20)...)})
			if refused := tc.allowed < 20; refused != apierrors.IsForbidden(err) {
				t.Errorf("CarryOut() = %v", err)
			} else if refused && !strings.Contains(err.Error(), " on worker-") {
				t.Errorf("CarryOut() = %v, want the node that gets no pod", err)
			}
			if got := count(s.requests(), "create"); got != tc.want {
				t.Errorf("%d creations were tried, want %d: %s", got, tc.want, tc.why)
			}
			if writes, _ := expectations.Pending(noon); writes != tc.allowed {
				t.Errorf("Pending() = %d, want the %d pods that exist", writes, tc.allowed)
			}
			texts := recorder.texts()
			if got := count(texts, "Normal SuccessfulCreate"); got != tc.allowed {
				t.Errorf("%d events of success, want %d", got, tc.allowed)
			}
			if got := count(texts, "Warning FailedCreate: Error creating: "); got != tc.want-tc.allowed {
				t.Errorf("%d events of failure, want %d: %q", got, tc.want-tc.allowed, texts)
			}
		})
	}
}

// The pods of a batch are created in parallel: each waits for the others.
func TestCreatesInParallel(t *testing.T) {
	s := newServer(t, agent())
	var mu sync.Mutex
	sizes := []int{1, 2, 4, 3}
	arrived, batch := make(chan struct{}), 0
	waiting := 0
	s.refuse = func(request string) error {
		if !strings.HasPrefix(request, "create") {
			return nil
		}
		mu.Lock()
		waiting++
		all := arrived
		if waiting == sizes[batch] {
			close(arrived)
			arrived, waiting = make(chan struct{}), 0
			batch++
		}
		mu.Unlock()
		select {
		case <-all:
			return nil
		case <-time.After(10 * time.Second):
			return errors.New("the rest of the batch has not come")
		}
	}
	w := carryout.Writer{Client: s}
	if err := w.CarryOut(t.Context(), agent(), &rollout.Result{Plan: creation(names(10)...)}); err != nil {
		t.Fatal(err)
	}
	if batch != len(sizes) {
		t.Errorf("%d batches, want %v", batch, sizes)
	}
}

// A request that timed out may have taken effect. Sent again, it must not give the node two
// pods.
func TestCreateTwiceFromTheSameFacts(t *testing.T) {
	s := newServer(t, agent())
	s.lose = refuseAll("create Pod", apierrors.NewTimeoutError("too slow", 1))
	var expectations carryout.Expectations
	w := carryout.Writer{Client: s, Expectations: &expectations}
	r := s.sync(t, nodes(1))
	r.Revisions, r.Status = nil, nil
	if err := w.CarryOut(t.Context(), agent(), r); !apierrors.IsTimeout(err) {
		t.Fatalf("CarryOut() = %v, want the timeout", err)
	}
	s.lose = nil
	recorder := &events{}
	w.Recorder = recorder
	if err := w.CarryOut(t.Context(), s.stored(t), r); err != nil {
		t.Fatal(err)
	}
	pods := s.pods(t)
	if len(pods) != 1 {
		t.Fatalf("%d pods on one node: %q", len(pods), slices.Collect(maps.Keys(pods)))
	}
	if writes, _ := expectations.Pending(noon); writes != 1 {
		t.Error("the pod that existed is not awaited, so that the next pass would create it again")
	}
	if texts := recorder.texts(); len(texts) > 0 {
		t.Errorf("events = %q, want none: nothing was created", texts)
	}
}

// A controller may keep the hash under a label of its own (daemon.Naming): a pod is the one to
// create only if it has all labels of that.
func TestCreateTwiceUnderANamingOfItsOwn(t *testing.T) {
	naming := daemon.Naming{RevisionHashLabel: "agents.example.com/hash"}
	pod := func(hash string) *corev1.Pod {
		pod := daemon.NewPod(agent(), "worker-000", "")
		delete(pod.Labels, "controller-revision-hash")
		pod.Labels[naming.RevisionHashLabel] = hash
		return pod
	}
	r := &rollout.Result{Plan: creation("worker-000")}
	r.Plan.Create[0].Pod = pod("x")
	first := newServer(t, agent())
	w := carryout.Writer{Client: first}
	if err := w.CarryOut(t.Context(), agent(), r); err != nil {
		t.Fatal(err)
	}
	name := ""
	for name = range first.pods(t) {
	}
	labelled := pod("x")
	labelled.Labels["by"] = "admission"
	for _, tc := range []struct {
		name, why string
		exists    *corev1.Pod
		pods      int
	}{
		{"the same", "it was created before", pod("x"), 1},
		{"another label", "something else may add labels", labelled, 1},
		{"another revision", "its template is another one", pod("y"), 2},
		{"upstream's label", "another controller created it", daemon.NewPod(agent(), "worker-000", ""), 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.exists.Name = name
			s := newServer(t, agent(), tc.exists)
			w := carryout.Writer{Client: s}
			if err := w.CarryOut(t.Context(), agent(), r); err != nil {
				t.Fatal(err)
			}
			if got := len(s.pods(t)); got != tc.pods {
				t.Errorf("%d pods, want %d: %s", got, tc.pods, tc.why)
			}
		})
	}
}

// Facts that are the same give the same name, others another one.
func TestPodNames(t *testing.T) {
	name := func(owner func(*rollout.Result), pods ...*corev1.Pod) string {
		t.Helper()
		s := newServer(t, agent())
		in := daemon.Input{DaemonSet: agent(), Nodes: nodes(2), Pods: pods, Now: noon}
		snapshot, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		r := &rollout.Result{Plan: creation("worker-000"), Snapshot: snapshot}
		if owner != nil {
			owner(r)
		}
		w := carryout.Writer{Client: s}
		if err := w.CarryOut(t.Context(), agent(), r); err != nil {
			t.Fatal(err)
		}
		for name := range s.pods(t) {
			return name
		}
		return ""
	}
	finished := runningPod("finished", "worker-000", "x")
	finished.Status.Phase, finished.DeletionTimestamp = corev1.PodFailed, &metav1.Time{Time: noon}
	empty := name(nil)
	if !strings.HasPrefix(empty, "agent-") || len(empty) != len("agent-")+10 {
		t.Errorf("name = %q, want agent- and ten characters", empty)
	}
	long := name(func(r *rollout.Result) { r.Plan.Create[0].Pod.GenerateName = strings.Repeat("a", 80) + "-" })
	if len(long) != 63 {
		t.Errorf("name of a long owner has %d characters, want 63: it becomes a host name", len(long))
	}
	if again := name(nil, runningPod("elsewhere", "worker-001", "x")); again != empty {
		t.Errorf("a pod elsewhere changes the name from %q to %q", empty, again)
	}
	if without := name(func(r *rollout.Result) { r.Snapshot = nil }); without != empty {
		t.Errorf("a result without snapshot gives %q, want that of an empty node, %q", without, empty)
	}
	seen := map[string]string{empty: "an empty node"}
	for what, other := range map[string]string{
		"a pod on the node":                  name(nil, runningPod("here", "worker-000", "x")),
		"a pod that counts nowhere any more": name(nil, finished),
		"another node":                       name(func(r *rollout.Result) { r.Plan = creation("worker-001") }),
		"another revision":                   name(func(r *rollout.Result) { r.Plan.Create[0].Pod.Labels["controller-revision-hash"] = "y" }),
		"a hash under a label of its own":    name(func(r *rollout.Result) { r.Plan.Create[0].Pod.Labels["agents.example.com/hash"] = "y" }),
		"another hash under that label":      name(func(r *rollout.Result) { r.Plan.Create[0].Pod.Labels["agents.example.com/hash"] = "z" }),
		"another owner":                      name(func(r *rollout.Result) { r.Plan.Create[0].Pod.OwnerReferences[0].UID = "z" }),
	} {
		if before, ok := seen[other]; ok {
			t.Errorf("%s gives the name of %s, %q", what, before, other)
		}
		seen[other] = what
	}
}

// A State may learn of events while its result is being carried out: the names are those of the
// facts that the pass had.
func TestPodNamesOfAKeptState(t *testing.T) {
	names := map[bool]string{}
	for _, moved := range []bool{false, true} {
		s := newServer(t, agent())
		st, err := rollout.NewState(daemon.Input{DaemonSet: s.stored(t), Nodes: nodes(1), Now: noon})
		if err != nil {
			t.Fatal(err)
		}
		r, err := st.Sync(noon, rollout.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.refuse = func(request string) error {
			if moved && strings.HasPrefix(request, "create ControllerRevision") {
				if err := st.Update(daemon.Changes{Pods: []*corev1.Pod{runningPod("here", "worker-000", "x")}}); err != nil {
					t.Error(err)
				}
				st.Snapshot()
			}
			return nil
		}
		w := carryout.Writer{Client: s}
		if err := w.CarryOut(t.Context(), s.stored(t), r); err != nil {
			t.Fatal(err)
		}
		for name := range s.pods(t) {
			names[moved] = name
		}
	}
	if names[true] != names[false] {
		t.Errorf("the name is %q after an event during the writes, want %q", names[true], names[false])
	}
}

// A name that somebody else has is left alone: the API server chooses another one.
func TestNameTaken(t *testing.T) {
	first := newServer(t, agent())
	w := carryout.Writer{Client: first}
	r := &rollout.Result{Plan: creation("worker-000")}
	if err := w.CarryOut(t.Context(), agent(), r); err != nil {
		t.Fatal(err)
	}
	var taken corev1.Pod
	for _, taken = range first.pods(t) {
		taken.ResourceVersion = ""
	}
	stranger := taken.DeepCopy()
	stranger.OwnerReferences = nil
	elsewhere := daemon.NewPod(agent(), "worker-001", "hash")
	elsewhere.Name = taken.Name
	older := daemon.NewPod(agent(), "worker-000", "older")
	older.Name = taken.Name
	others := taken.DeepCopy()
	others.OwnerReferences[0].UID = "another"
	for what, pod := range map[string]*corev1.Pod{"an orphan": stranger, "a pod of another owner": others, "a pod of another node": elsewhere, "a pod of another revision": older} {
		t.Run(what, func(t *testing.T) {
			s := newServer(t, agent(), pod)
			w := carryout.Writer{Client: s}
			if err := w.CarryOut(t.Context(), agent(), r); err != nil {
				t.Fatal(err)
			}
			want := []string{"create Pod", "read Pod " + taken.Name, "create Pod"}
			if diff := cmp.Diff(want, s.requests()); diff != "" || len(s.pods(t)) != 2 {
				t.Errorf("%d pods; requests (-want +got):\n%s", len(s.pods(t)), diff)
			}
		})
	}
	t.Run("read fails", func(t *testing.T) {
		s := newServer(t, agent(), stranger)
		broken := errors.New("broken")
		s.refuse = refuseAll("read", broken)
		w := carryout.Writer{Client: s}
		err := w.CarryOut(t.Context(), agent(), r)
		if !errors.Is(err, broken) || len(s.pods(t)) != 1 || !strings.Contains(err.Error(), "read pod") {
			t.Errorf("CarryOut() = %v, want the error of the read and no pod", err)
		}
	})
}

// In a namespace that is being deleted nothing can be created: one refusal ends it, in
// silence, and the creations are awaited so that the next passes do not try again.
func TestNamespaceTerminating(t *testing.T) {
	terminating := apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New("namespace is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	s := newServer(t, agent(), runningPod("outdated", "d", "x"))
	s.refuse = refuseAll("create", terminating)
	recorder := &events{}
	var expectations carryout.Expectations
	w := carryout.Writer{Client: s, Recorder: recorder, Expectations: &expectations}
	r := &rollout.Result{Plan: creation(names(10)...)}
	r.Plan.Delete = []daemon.Delete{{Pod: runningPod("outdated", "d", "x")}}
	if err := w.CarryOut(t.Context(), agent(), r); err != nil {
		t.Errorf("CarryOut() = %v, want no error, which would be tried again", err)
	}
	if diff := cmp.Diff([]string{"create Pod", "delete Pod outdated"}, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if got := count(recorder.texts(), "Warning"); got != 0 {
		t.Errorf("events = %q, want no warning", recorder.texts())
	}
	if writes, _ := expectations.Pending(noon); writes != 2 {
		t.Errorf("Pending() = %d, want the deletion and the hold on creations", writes)
	}
}

// Another error in the same batch does not hide that the namespace is being deleted.
func TestNamespaceTerminatingBesideAnotherError(t *testing.T) {
	terminating := apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New("namespace is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	broken := errors.New("broken")
	s := newServer(t, agent())
	var creations atomic.Int32
	s.refuse = func(string) error { return []error{nil, terminating, broken}[creations.Add(1)-1] }
	var expectations carryout.Expectations
	w := carryout.Writer{Client: s, Expectations: &expectations}
	if err := w.CarryOut(t.Context(), agent(), &rollout.Result{Plan: creation(names(3)...)}); !errors.Is(err, broken) {
		t.Errorf("CarryOut() = %v, want the other error", err)
	}
	if writes, _ := expectations.Pending(noon); writes != 2 {
		t.Errorf("Pending() = %d, want the first creation and the hold on others", writes)
	}
}

// A deletion names the UID: another pod may have the name by now.
func TestDeleteAnotherPodOfTheName(t *testing.T) {
	s := newServer(t, agent(), runningPod("reborn", "a", "x"))
	before := runningPod("reborn", "a", "x")
	before.UID = "before"
	w := carryout.Writer{Client: s}
	r := &rollout.Result{Plan: daemon.Plan{Delete: []daemon.Delete{{Pod: before}}}}
	if err := w.CarryOut(t.Context(), agent(), r); err != nil {
		t.Errorf("CarryOut() = %v, want none: the pod to delete is gone", err)
	}
	if len(s.pods(t)) != 1 {
		t.Error("the new pod was deleted")
	}
}

// A conflict may have another cause than a UID that does not fit, and then the object is still
// there.
func TestDeleteMeetsAConflict(t *testing.T) {
	pod, rev := runningPod("a", "a", "x"), revision("a", 1)
	deletion := &rollout.Result{Plan: daemon.Plan{Delete: []daemon.Delete{{Pod: pod}}}}
	cleanUp := &rollout.Result{CleanUp: []*appsv1.ControllerRevision{rev}}
	reborn, rebornRev := pod.DeepCopy(), rev.DeepCopy()
	reborn.UID, rebornRev.UID = "reborn", "reborn"
	broken := errors.New("broken")
	for _, tc := range []struct {
		name, why string
		result    *rollout.Result
		exists    client.Object
		read      error
		check     func(error) bool
	}{
		{"pod there", "it is still to be deleted", deletion, pod, nil, apierrors.IsConflict},
		{"pod gone", "nothing is left to delete", deletion, nil, nil, func(err error) bool { return err == nil }},
		{"another pod", "nothing is left to delete", deletion, reborn, nil, func(err error) bool { return err == nil }},
		{"unknown pod", "nothing is known", deletion, pod, broken, func(err error) bool { return errors.Is(err, broken) }},
		{"revision there", "it is still to be deleted", cleanUp, rev, nil, apierrors.IsConflict},
		{"revision gone", "nothing is left to delete", cleanUp, nil, nil, func(err error) bool { return err == nil }},
		{"another revision", "nothing is left to delete", cleanUp, rebornRev, nil, func(err error) bool { return err == nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			uncached := newServer(t)
			if tc.exists != nil {
				uncached = newServer(t, tc.exists.DeepCopyObject().(client.Object))
			}
			uncached.refuse = refuseAll("read", tc.read)
			cached := newServer(t, agent(), pod.DeepCopy(), rev.DeepCopy())
			cached.refuse = refuseAll("delete", conflict)
			w := carryout.Writer{Client: cached, Reader: uncached}
			if err := w.CarryOut(t.Context(), agent(), tc.result); !tc.check(err) {
				t.Errorf("CarryOut() = %v: %s", err, tc.why)
			}
			if got := uncached.requests(); len(got) != 1 {
				t.Errorf("readings = %q, want one of the object", got)
			}
		})
	}
}

func TestDeleteFails(t *testing.T) {
	s := newServer(t, agent(), runningPod("a", "a", "x"), runningPod("b", "b", "x"))
	broken := errors.New("broken")
	s.refuse = refuseAll("delete Pod a", broken)
	recorder := &events{}
	w := carryout.Writer{Client: s, Recorder: recorder}
	r := &rollout.Result{Plan: daemon.Plan{Delete: []daemon.Delete{{Pod: runningPod("a", "a", "x")}, {Pod: runningPod("b", "b", "x")}}}}
	if err := w.CarryOut(t.Context(), agent(), r); !errors.Is(err, broken) || !strings.Contains(err.Error(), "default/a") {
		t.Errorf("CarryOut() = %v, want one that names the pod", err)
	}
	want := []string{"Normal SuccessfulDelete: Deleted pod: b", "Warning FailedDelete: Error deleting: broken"}
	if diff := cmp.Diff(want, recorder.texts()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
