package carryout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func (e *events) Eventf(object runtime.Object, eventType, reason, format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, eventType+" "+reason+": "+fmt.Sprintf(format, args...))
}

// A recorder of client-go is one that a Writer takes.
var _ carryout.EventRecorder = record.EventRecorder(nil)

// everything is a result with each kind of write, and the objects that these need.
func everything(t *testing.T) (*rollout.Result, []client.Object) {
	t.Helper()
	claimer, err := daemon.NewClaimer(agent())
	if err != nil {
		t.Fatal(err)
	}
	adopt, release := runningPod("adopt", "a", "x"), runningPod("release", "b", "x")
	adopt.OwnerReferences = nil
	relabel, outdated := runningPod("relabel", "c", "x"), runningPod("outdated", "d", "x")
	orphan := revision("orphan", 1)
	orphan.OwnerReferences = nil
	label, twin, current, old := revision("label", 2), revision("twin", 3), revision("current", 4), revision("old", 1)
	objects := []client.Object{agent(), adopt, release, relabel, outdated, orphan, label, twin, current, old}
	status := appsv1.DaemonSetStatus{DesiredNumberScheduled: 4, ObservedGeneration: 1}
	rolledBack := agent()
	rolledBack.Spec.Template.Spec.Containers[0].Image = "agent:0"
	r := &rollout.Result{
		Outcome: rollout.OutcomeSynced,
		Revisions: &history.Plan{
			Claims:     []history.RevisionClaim{{Revision: orphan, Claim: daemon.ClaimAdopt, Patch: claimer.Patch(daemon.ClaimAdopt, orphan.UID)}},
			Label:      []*appsv1.ControllerRevision{label},
			Create:     revision("new", 5),
			Relabel:    []history.PodRelabel{{Pod: relabel, Patch: []byte(`{"metadata":{"labels":{"controller-revision-hash":"y"}}}`)}},
			Duplicates: []*appsv1.ControllerRevision{twin},
			Update:     current,
		},
		Claims: []daemon.PodClaim{
			{Pod: adopt, Claim: daemon.ClaimAdopt, Patch: claimer.Patch(daemon.ClaimAdopt, adopt.UID)},
			{Pod: release, Claim: daemon.ClaimRelease, Patch: claimer.Patch(daemon.ClaimRelease, release.UID)},
		},
		Plan:     creation("e"),
		Rollback: &history.Rollback{Revision: old, DaemonSet: rolledBack, Patch: old.Data.Raw},
		CleanUp:  []*appsv1.ControllerRevision{old},
		Status:   &status,
	}
	r.Plan.Delete = []daemon.Delete{{Node: "d", Pod: outdated, Reason: daemon.DeleteReasonOutdated}}
	r.Plan.Events = []daemon.Event{{Type: corev1.EventTypeWarning, Reason: daemon.EventFailedDaemonPod, Message: "100% failed"}}
	return r, objects
}

// allWrites are the requests for everything.
var allWrites = []string{
	"read DaemonSet agent",
	"patch ControllerRevision orphan",
	"update ControllerRevision label",
	"create ControllerRevision new",
	"patch Pod relabel",
	"delete ControllerRevision twin",
	"update ControllerRevision current",
	"patch Pod adopt",
	"patch Pod release",
	"create Pod",
	"delete Pod outdated",
	"update DaemonSet agent",
	"delete ControllerRevision old",
	"update status of DaemonSet agent",
}

// stored returns the owner with the version that the server has.
func (s *server) stored(t *testing.T) *appsv1.DaemonSet {
	t.Helper()
	ds := &appsv1.DaemonSet{}
	if err := s.WithWatch.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "agent"}, ds); err != nil {
		t.Fatal(err)
	}
	s.requests()
	return ds
}

// versioned gives the revisions of a result the versions that the server has.
func (s *server) versioned(t *testing.T, revisions ...*appsv1.ControllerRevision) {
	t.Helper()
	for _, rev := range revisions {
		if err := s.WithWatch.Get(t.Context(), client.ObjectKeyFromObject(rev), rev); err != nil {
			t.Fatal(err)
		}
	}
	s.requests()
}

func TestCarryOutEverything(t *testing.T) {
	r, objects := everything(t)
	s := newServer(t, objects...)
	owner := s.stored(t)
	s.versioned(t, r.Revisions.Label[0], r.Revisions.Update)
	before := fmt.Sprint(owner, r)
	recorder := &events{}
	var expectations carryout.Expectations
	w := carryout.Writer{Client: s, Recorder: recorder, Expectations: &expectations}

	if err := w.CarryOut(t.Context(), owner, r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(allWrites, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if after := fmt.Sprint(owner, r); after != before {
		t.Errorf("CarryOut changed its arguments: %s", cmp.Diff(before, after))
	}
	pods := s.pods(t)
	if len(pods["adopt"].OwnerReferences) != 1 || len(pods["release"].OwnerReferences) != 0 {
		t.Errorf("owner references of the adopted and the released pod: %v, %v", pods["adopt"].OwnerReferences, pods["release"].OwnerReferences)
	}
	got := s.stored(t)
	if got.Status.DesiredNumberScheduled != 4 || got.Spec.Template.Spec.Containers[0].Image != "agent:0" {
		t.Errorf("status and template = %v, %v", got.Status, got.Spec.Template)
	}
	var created string
	for name, pod := range pods {
		if pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == "hash" {
			created = name
		}
	}
	want := []string{"Normal SuccessfulCreate: Created pod: " + created, "Normal SuccessfulDelete: Deleted pod: outdated", "Warning FailedDaemonPod: 100% failed"}
	if diff := cmp.Diff(want, recorder.texts()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if writes, _ := expectations.Pending(noon); writes != 12 {
		t.Errorf("Pending() = %d, want 12: 13 writes, of which two are of the owner", writes)
	}
}

// Each write is refused once: what comes after it in the pass is left to the next one.
func TestCarryOutEndsAtFailure(t *testing.T) {
	broken := errors.New("broken")
	for i, refused := range allWrites {
		t.Run(refused, func(t *testing.T) {
			r, objects := everything(t)
			s := newServer(t, objects...)
			owner := s.stored(t)
			s.versioned(t, r.Revisions.Label[0], r.Revisions.Update)
			s.refuse = refuseAll(refused, broken)
			want := slices.Clone(allWrites[:i+1])
			switch status := allWrites[len(allWrites)-1]; {
			case refused == "create Pod":
				want = append(want, "delete Pod outdated", status)
			case i > slices.Index(allWrites, "create Pod") && refused != status:
				want = append(want, status)
			}
			w := carryout.Writer{Client: s}
			if err := w.CarryOut(t.Context(), owner, r); !errors.Is(err, broken) {
				t.Errorf("CarryOut() = %v, want the error of the server", err)
			}
			if diff := cmp.Diff(want, s.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// An object that is gone needs no write.
func TestCarryOutGone(t *testing.T) {
	r, _ := everything(t)
	s := newServer(t, agent())
	w := carryout.Writer{Client: s}
	if err := w.CarryOut(t.Context(), s.stored(t), r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(allWrites, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// mapped returns the agent with the given kind.
func mapped(apiVersion, kind string) *appsv1.DaemonSet {
	ds := agent()
	ds.APIVersion, ds.Kind = apiVersion, kind
	return ds
}

func TestCarryOutValidates(t *testing.T) {
	s := newServer(t)
	for _, tc := range []struct {
		name, why string
		writer    *carryout.Writer
		owner     client.Object
		want      string
	}{
		{"no writer", "nothing to write with", nil, agent(), "writer.client"},
		{"no client", "nothing to write with", &carryout.Writer{}, agent(), "writer.client"},
		{"no owner", "whose status?", &carryout.Writer{Client: s}, nil, "owner"},
		{"nil DaemonSet", "whose status?", &carryout.Writer{Client: s}, (*appsv1.DaemonSet)(nil), "owner"},
		{"nil ConfigMap", "whose status?", &carryout.Writer{Client: s}, (*corev1.ConfigMap)(nil), "owner"},
		{"a mapped DaemonSet", "the NodeAgent has the status", &carryout.Writer{Client: s}, mapped("agents.example.com/v1", "NodeAgent"), "owner"},
		{"a mapped DaemonSet of another group", "its kind alone says nothing", &carryout.Writer{Client: s}, mapped("agents.example.com/v1", "DaemonSet"), "owner"},
		{"no SetStatus", "a ConfigMap has no counters", &carryout.Writer{Client: s}, &corev1.ConfigMap{}, "writer.setStatus"},
		{"no SetTemplate", "nor a template", &carryout.Writer{
			Client: s, SetStatus: func(client.Object, *rollout.Result) bool { return false },
		}, &corev1.ConfigMap{}, "writer.setTemplate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.writer.CarryOut(t.Context(), tc.owner, &rollout.Result{Plan: creation("a")})
			if err == nil || !strings.HasPrefix(err.Error(), tc.want+":") {
				t.Errorf("CarryOut() = %v, want an error of %s: %s", err, tc.want, tc.why)
			}
		})
	}
	if err := (&carryout.Writer{Client: s}).CarryOut(t.Context(), mapped("apps/v1", "DaemonSet"), &rollout.Result{}); err != nil {
		t.Errorf("CarryOut() = %v, want none: a DaemonSet may say that it is one", err)
	}
	other := agent()
	other.UID = "uid-other"
	snapshot, err := daemon.Observe(daemon.Input{DaemonSet: agent()})
	if err != nil {
		t.Fatal(err)
	}
	err = (&carryout.Writer{Client: s}).CarryOut(t.Context(), other, &rollout.Result{Snapshot: snapshot, Plan: creation("a")})
	if err == nil || !strings.Contains(err.Error(), "the result is for ") {
		t.Errorf("CarryOut() = %v, want an error: the result is for another DaemonSet", err)
	}
	resource := &corev1.ConfigMap{}
	resource.Namespace, resource.Name, resource.UID = agent().Namespace, agent().Name, agent().UID
	mapper := &carryout.Writer{
		Client: s, SetStatus: func(client.Object, *rollout.Result) bool { return false }, SetTemplate: func(client.Object, *corev1.PodTemplateSpec) {},
	}
	for _, tc := range []struct {
		name, why string
		owner     client.Object
		ds        *appsv1.DaemonSet
		want      string
	}{
		{"no TypeMeta", "the pods would belong to a DaemonSet that does not exist", resource, agent(), "owner: Invalid value: \"ConfigMap\": the result is for a DaemonSet.apps"},
		{"another kind", "so they would to a NodeAgent", resource, mapped("agents.example.com/v1", "NodeAgent"), "the result is for a NodeAgent.agents.example.com: give the mapped DaemonSet the apiVersion and kind of the owner"},
		{"a DaemonSet, but the result of a resource", "which is the owner?", agent(), mapped("agents.example.com/v1", "NodeAgent"), "the result is for a NodeAgent.agents.example.com: pass the resource itself"},
		{"kind of the resource", "it is the owner", resource, mapped("v1", "ConfigMap"), ""},
		{"kind of the resource in another version", "the API server knows both", agent(), mapped("apps/v2", "DaemonSet"), ""},
	} {
		snapshot, err := daemon.Observe(daemon.Input{DaemonSet: tc.ds})
		if err != nil {
			t.Fatal(err)
		}
		err = mapper.CarryOut(t.Context(), tc.owner, &rollout.Result{Snapshot: snapshot})
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: CarryOut() = %v, want %q: %s", tc.name, err, tc.want, tc.why)
		}
	}
	if err := (&carryout.Writer{Client: s}).CarryOut(t.Context(), agent(), nil); err != nil || len(s.requests()) > 0 {
		t.Errorf("CarryOut(nil) = %v, want nothing", err)
	}
}

// A pass on all that a server has ends with one pod per node, and then with silence.
func TestCarryOutConverges(t *testing.T) {
	s := newServer(t, agent())
	w := carryout.Writer{Client: s}
	for range 3 {
		if err := w.CarryOut(t.Context(), s.stored(t), s.sync(t, nodes(10))); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.pods(t)); n != 10 {
		t.Errorf("%d pods on 10 nodes", n)
	}
	if r := s.sync(t, nodes(10)); !r.Empty() {
		t.Errorf("the pass afterwards wants to write:\n%s", r)
	}
}

func TestCarryOutCancelled(t *testing.T) {
	s := newServer(t, agent())
	ctx, cancel := context.WithCancel(t.Context())
	s.refuse = func(string) error { return ctx.Err() }
	cancel()
	w := carryout.Writer{Client: s}
	err := w.CarryOut(ctx, agent(), &rollout.Result{Plan: creation("a", "b", "c")})
	if !errors.Is(err, context.Canceled) || count(s.requests(), "create") != 1 {
		t.Errorf("CarryOut() = %v, want the first batch to end it", err)
	}
}

var (
	conflict = apierrors.NewConflict(appsv1.Resource("daemonsets"), "agent", errors.New("changed meanwhile"))
	absent   = apierrors.NewNotFound(appsv1.Resource("daemonsets"), "agent")
	invalid  = apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), "x", nil)
)
