package carryout_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

// status is a result that only writes a status.
func status(desired int32) *rollout.Result {
	return &rollout.Result{Status: &appsv1.DaemonSetStatus{DesiredNumberScheduled: desired, ObservedGeneration: 1}}
}

func TestMergeStatus(t *testing.T) {
	conditions := []appsv1.DaemonSetCondition{{Type: "Mine"}}
	count := int32(2)
	to := appsv1.DaemonSetStatus{NumberReady: 1, Conditions: conditions}
	from := appsv1.DaemonSetStatus{NumberReady: 3, CollisionCount: &count}
	if !carryout.MergeStatus(&to, &from) {
		t.Error("MergeStatus() = false, want true: a counter differs")
	}
	want := appsv1.DaemonSetStatus{NumberReady: 3, CollisionCount: new(int32(2)), Conditions: conditions}
	if diff := cmp.Diff(want, to); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if to.CollisionCount == from.CollisionCount {
		t.Error("the collision count is shared")
	}
	if carryout.MergeStatus(&to, &from) {
		t.Error("MergeStatus() = true, want false: nothing differs")
	}
	if carryout.MergeStatus(nil, &from) || carryout.MergeStatus(&to, nil) {
		t.Error("MergeStatus of nil = true, want false")
	}
}

// Collisions are only ever counted up: the status of a pass may be older than the one that it
// meets.
func TestMergeStatusCollisionCount(t *testing.T) {
	for _, tc := range []struct{ to, from, want *int32 }{
		{nil, nil, nil},
		{nil, new(int32(0)), new(int32(0))},
		{new(int32(1)), nil, new(int32(1))},
		{new(int32(2)), new(int32(1)), new(int32(2))},
		{new(int32(1)), new(int32(2)), new(int32(2))},
	} {
		to := appsv1.DaemonSetStatus{CollisionCount: tc.to}
		carryout.MergeStatus(&to, &appsv1.DaemonSetStatus{CollisionCount: tc.from, NumberReady: 1})
		if diff := cmp.Diff(tc.want, to.CollisionCount); diff != "" || to.NumberReady != 1 {
			t.Errorf("NumberReady = %d; collision count (-want +got):\n%s", to.NumberReady, diff)
		}
	}
}

// Somebody has written the owner since the pass saw it: its conditions stay, and the
// counters are written beside them.
func TestStatusAfterConflict(t *testing.T) {
	s := newServer(t, agent())
	seen := s.stored(t)
	meanwhile := s.stored(t)
	meanwhile.Status.Conditions = []appsv1.DaemonSetCondition{{Type: "Mine", Status: corev1.ConditionTrue}}
	if err := s.Status().Update(t.Context(), meanwhile); err != nil {
		t.Fatal(err)
	}
	s.requests()
	var expectations carryout.Expectations
	w := carryout.Writer{Client: s, Expectations: &expectations}
	if err := w.CarryOut(t.Context(), seen, status(5)); err != nil {
		t.Fatal(err)
	}
	write := "update status of DaemonSet agent"
	if diff := cmp.Diff([]string{write, "read DaemonSet agent", write}, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	got := s.stored(t)
	if got.Status.DesiredNumberScheduled != 5 || len(got.Status.Conditions) != 1 {
		t.Errorf("status = %v, want the counter and the condition", got.Status)
	}
	// The next pass must not work with the status before.
	expectations.Observe(seen)
	if writes, _ := expectations.Pending(noon); writes != 1 {
		t.Error("an owner older than the status that was written counts as seen")
	}
	expectations.Observe(got)
	if writes, _ := expectations.Pending(noon); writes != 0 {
		t.Error("the owner with the status is still awaited")
	}
}

// jsonReader decodes into the object that it is given, as a client of a real API server does: a
// field that the answer leaves out stays as it was.
type jsonReader struct{ client.Reader }

func (r jsonReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	fresh := obj.DeepCopyObject().(client.Object)
	if err := r.Reader.Get(ctx, key, fresh, opts...); err != nil {
		return err
	}
	data, err := json.Marshal(fresh)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, obj)
}

// What is read after a conflict must not be mixed with the status that could not be written.
func TestStatusAfterConflictIsRead(t *testing.T) {
	unstructuredOwner := &unstructured.Unstructured{}
	unstructuredOwner.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	for _, tc := range []struct {
		name      string
		owner     client.Object
		setStatus func(client.Object, *rollout.Result) bool
	}{
		{"DaemonSet", &appsv1.DaemonSet{}, nil},
		{"unstructured", unstructuredOwner, func(owner client.Object, r *rollout.Result) bool {
			o := owner.(*unstructured.Unstructured).Object
			if n, _, _ := unstructured.NestedInt64(o, "status", "updatedNumberScheduled"); n == int64(r.Status.UpdatedNumberScheduled) {
				return false
			}
			return unstructured.SetNestedField(o, int64(r.Status.UpdatedNumberScheduled), "status", "updatedNumberScheduled") == nil
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, agent())
			s.stored(t)
			if err := s.WithWatch.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "agent"}, tc.owner); err != nil {
				t.Fatal(err)
			}
			meanwhile := s.stored(t)
			meanwhile.Labels = map[string]string{"a": "b"}
			if err := s.WithWatch.Update(t.Context(), meanwhile); err != nil {
				t.Fatal(err)
			}
			w := carryout.Writer{Client: s, Reader: jsonReader{s}, SetStatus: tc.setStatus, SetTemplate: func(client.Object, *corev1.PodTemplateSpec) {}}
			r := &rollout.Result{Status: &appsv1.DaemonSetStatus{UpdatedNumberScheduled: 3}}
			if err := w.CarryOut(t.Context(), tc.owner, r); err != nil {
				t.Fatal(err)
			}
			if got := s.stored(t).Status.UpdatedNumberScheduled; got != 3 {
				t.Errorf("updatedNumberScheduled = %d, want 3", got)
			}
		})
	}
}

func TestStatusFails(t *testing.T) {
	broken := errors.New("broken")
	reborn := agent()
	reborn.UID = "reborn"
	write, read := "update status of DaemonSet agent", "read DaemonSet agent"
	for _, tc := range []struct {
		name, why string
		refuse    map[string]error
		server    *appsv1.DaemonSet
		requests  []string
		check     func(error) bool
	}{
		{"conflict twice", "the next pass tries again", map[string]error{write: conflict}, agent(), []string{write, read, write}, apierrors.IsConflict},
		{"another error", "only a conflict is tried again", map[string]error{write: broken}, agent(), []string{write}, func(err error) bool { return errors.Is(err, broken) }},
		{"reading fails", "nothing is known", map[string]error{write: conflict, read: broken}, agent(), []string{write, read}, func(err error) bool { return errors.Is(err, broken) }},
		{"owner gone", "no status is due", map[string]error{write: absent, read: absent}, agent(), []string{write, read}, func(err error) bool { return err == nil }},
		{"owner there", "it has no status subresource", map[string]error{write: absent}, agent(), []string{write, read}, func(err error) bool {
			return apierrors.IsNotFound(err) && strings.Contains(err.Error(), "subresource")
		}},
		{"owner gone after a conflict", "no status is due", map[string]error{write: conflict, read: absent}, agent(), []string{write, read}, func(err error) bool { return err == nil }},
		{"owner replaced", "the status is not its", map[string]error{write: conflict}, reborn, []string{write, read}, func(err error) bool { return err == nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, tc.server)
			s.refuse = func(request string) error { return tc.refuse[request] }
			w := carryout.Writer{Client: s}
			if err := w.CarryOut(t.Context(), agent(), status(5)); !tc.check(err) {
				t.Errorf("CarryOut() = %v: %s", err, tc.why)
			}
			if diff := cmp.Diff(tc.requests, s.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// A template that somebody has written since must not be rolled back.
func TestRollbackOfAnOlderSpec(t *testing.T) {
	s := newServer(t, agent())
	seen := s.stored(t)
	newer := s.stored(t)
	newer.Spec.Template.Spec.Containers[0].Image = "agent:3"
	if err := s.WithWatch.Update(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	s.requests()
	back := agent()
	back.Spec.Template.Spec.Containers[0].Image = "agent:0"
	r := status(5)
	r.Rollback = &history.Rollback{Revision: revision("old", 1), DaemonSet: back, Patch: []byte(`{}`)}
	w := carryout.Writer{Client: s}
	if err := w.CarryOut(t.Context(), seen, r); !apierrors.IsConflict(err) {
		t.Errorf("CarryOut() = %v, want a conflict", err)
	}
	got := s.stored(t)
	if image := got.Spec.Template.Spec.Containers[0].Image; image != "agent:3" {
		t.Errorf("image = %q, want agent:3: the rollback is for the template before", image)
	}
	if got.Status.DesiredNumberScheduled != 5 {
		t.Errorf("status = %v, want it written all the same", got.Status)
	}
}

// Whoever has an owner of another kind says how its status and template are set.
func TestOwnerOfAnotherKind(t *testing.T) {
	owner := &corev1.ConfigMap{}
	owner.Namespace, owner.Name, owner.UID = "default", "agent", "owner"
	s := newServer(t, owner)
	if err := s.WithWatch.Get(t.Context(), client.ObjectKeyFromObject(owner), owner); err != nil {
		t.Fatal(err)
	}
	s.requests()
	w := carryout.Writer{
		Client: s,
		SetStatus: func(owner client.Object, r *rollout.Result) bool {
			return r.CanaryTrial != nil
		},
		SetTemplate: func(owner client.Object, template *corev1.PodTemplateSpec) {
			owner.(*corev1.ConfigMap).Data = map[string]string{"image": template.Spec.Containers[0].Image}
		},
	}
	r := &rollout.Result{Rollback: &history.Rollback{Revision: revision("old", 1), DaemonSet: agent(), Patch: []byte(`{}`)}}
	if err := w.CarryOut(t.Context(), owner, r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"update ConfigMap agent"}, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if owner.Data != nil {
		t.Error("the owner of the caller was changed")
	}
	// A trial must be kept even where no counter differs.
	s.refuse = refuseAll("update status", conflict)
	r = &rollout.Result{CanaryTrial: &rollout.CanaryTrial{}}
	write := "update status of ConfigMap agent"
	if err := w.CarryOut(t.Context(), owner, r); !apierrors.IsConflict(err) {
		t.Errorf("CarryOut() = %v, want a conflict", err)
	}
	if diff := cmp.Diff([]string{write, "read ConfigMap agent", write}, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
