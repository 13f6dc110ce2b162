package carryout_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

// adoption is a result that adopts the pods.
func adoption(t *testing.T, names ...string) (*rollout.Result, []client.Object) {
	t.Helper()
	claimer, err := daemon.NewClaimer(agent())
	if err != nil {
		t.Fatal(err)
	}
	r := &rollout.Result{}
	var objects []client.Object
	for _, name := range names {
		pod := runningPod(name, name, "x")
		pod.OwnerReferences = nil
		r.Claims = append(r.Claims, daemon.PodClaim{Pod: pod, Claim: daemon.ClaimAdopt, Patch: claimer.Patch(daemon.ClaimAdopt, pod.UID)})
		objects = append(objects, pod.DeepCopy())
	}
	return r, objects
}

// The cache may not know yet that the owner is being deleted: the garbage collector then has
// decided which pods it takes.
func TestAdoptReadsTheOwner(t *testing.T) {
	deleting := agent()
	deleting.DeletionTimestamp, deleting.Finalizers = &metav1.Time{Time: noon}, []string{"orphan"}
	reborn := agent()
	reborn.UID = "reborn"
	for _, tc := range []struct {
		name, why string
		owner     *appsv1.DaemonSet
		adopted   bool
	}{
		{"there", "both pods, and the owner is read once", agent(), true},
		{"being deleted", "its pods are meant to stay orphans", deleting, false},
		{"replaced", "the new owner may want other pods", reborn, false},
		{"gone", "nobody is left", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, objects := adoption(t, "a", "b")
			cached := newServer(t, append(objects, agent())...)
			uncached := newServer(t)
			if tc.owner != nil {
				uncached = newServer(t, tc.owner)
			}
			w := carryout.Writer{Client: cached, Reader: uncached}
			err := w.CarryOut(t.Context(), agent(), r)
			if (err == nil) != tc.adopted {
				t.Errorf("CarryOut() = %v: %s", err, tc.why)
			}
			if diff := cmp.Diff([]string{"read DaemonSet agent"}, uncached.requests()); diff != "" {
				t.Errorf("readings (-want +got):\n%s", diff)
			}
			want := 0
			if tc.adopted {
				want = 2
			}
			if got := count(cached.requests(), "patch"); got != want {
				t.Errorf("%d patches, want %d: %s", got, want, tc.why)
			}
		})
	}
}

// Releasing needs no reading, and a pod that has no owner any more is released.
func TestRelease(t *testing.T) {
	claimer, err := daemon.NewClaimer(agent())
	if err != nil {
		t.Fatal(err)
	}
	pod := runningPod("a", "a", "x")
	release := &rollout.Result{Claims: []daemon.PodClaim{{Pod: pod, Claim: daemon.ClaimRelease, Patch: claimer.Patch(daemon.ClaimRelease, pod.UID)}}}
	s := newServer(t, agent(), pod.DeepCopy())
	w := carryout.Writer{Client: s}
	if err := w.CarryOut(t.Context(), agent(), release); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"patch Pod a"}, s.requests()); diff != "" || len(s.pods(t)["a"].OwnerReferences) != 0 {
		t.Errorf("owners = %v; requests (-want +got):\n%s", s.pods(t)["a"].OwnerReferences, diff)
	}
	s.refuse = refuseAll("patch", invalid)
	if err := w.CarryOut(t.Context(), agent(), release); err != nil {
		t.Errorf("CarryOut() = %v, want none: the pod has no owner already", err)
	}
	adopt, _ := adoption(t, "a")
	if err := w.CarryOut(t.Context(), agent(), adopt); !apierrors.IsInvalid(err) {
		t.Errorf("CarryOut() = %v, want the refusal of an adoption", err)
	}
}

// A revision that exists is an earlier creation, or else a collision.
func TestCreateRevisionThatExists(t *testing.T) {
	planned := revision("agent-1", 1)
	other := planned.DeepCopy()
	other.Data.Raw = []byte(`{}`)
	stranger := planned.DeepCopy()
	stranger.OwnerReferences[0].UID = "another"
	for _, tc := range []struct {
		name, why string
		exists    *appsv1.ControllerRevision
		ok        bool
	}{
		{"the same", "the creation before took effect", planned.DeepCopy(), true},
		{"other data", "a collision", other, false},
		{"another owner", "a collision", stranger, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, agent(), tc.exists)
			var expectations carryout.Expectations
			w := carryout.Writer{Client: s, Expectations: &expectations}
			err := w.CarryOut(t.Context(), agent(), &rollout.Result{Revisions: &history.Plan{Create: planned}})
			if (err == nil) != tc.ok || err != nil && !apierrors.IsAlreadyExists(err) {
				t.Errorf("CarryOut() = %v: %s", err, tc.why)
			}
			if writes, _ := expectations.Pending(noon); (writes == 1) != tc.ok {
				t.Errorf("Pending() = %d: a revision that the cache does not show is awaited", writes)
			}
		})
	}
}
