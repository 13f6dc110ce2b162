package rollout_test

import (
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// TestNoHistory: without any revision nobody knows whether pods of a revision are outdated.
// A healthy pod is deleted only after the revision has been created.
func TestNoHistory(t *testing.T) {
	const label = "agents.example.com/hash"
	set := func(change func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
		ds := build.Set{}.Object()
		if change != nil {
			change(ds)
		}
		return ds
	}
	for _, tc := range []struct {
		name, why string
		ds        *appsv1.DaemonSet
		hash      string // of the pod
		naming    daemon.Naming
		revisions func(ds *appsv1.DaemonSet) []*appsv1.ControllerRevision
		paused    bool
		missing   bool
	}{
		{name: "forgotten", why: "the pod may be current", hash: "old", missing: true},
		{name: "surge", why: "so it may with surge", hash: "old", missing: true, ds: build.Set{MaxSurge: "1"}.Object()},
		{name: "another naming", why: "the label of the naming counts", hash: "old", missing: true, naming: daemon.Naming{RevisionHashLabel: label}},
		{name: "paused", why: "a pause does not make the revision known", hash: "old", missing: true, paused: true},
		{name: "no hash", why: "a pod without hash is outdated for certain"},
		{name: "current", why: "the hash of a new revision is worked out from the template", hash: daemon.TemplateHash(&build.Set{}.Object().Spec.Template, nil)},
		{name: "another revision", why: "the caller knows the history", hash: "old", revisions: func(ds *appsv1.DaemonSet) []*appsv1.ControllerRevision {
			return []*appsv1.ControllerRevision{build.Revision{Hash: "old", Number: 1}.Of(ds)}
		}},
		{name: "OnDelete", why: "no pod is updated", hash: "old", ds: set(func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.ds
			if ds == nil {
				ds = set(nil)
			}
			pod := build.Pod{Name: "p", Node: "n0", Hash: tc.hash}.Of(ds)
			if tc.naming.RevisionHashLabel != "" {
				pod.Labels[label] = tc.hash
			}
			in := daemon.Input{
				DaemonSet: ds, Now: build.Now, Naming: tc.naming,
				Nodes: []*corev1.Node{build.Node{Name: "n0"}.Object()}, Pods: []*corev1.Pod{pod},
			}
			if tc.revisions != nil {
				in.Revisions = tc.revisions(ds)
			}
			opts := rollout.Options{Policy: rollout.Policy{Paused: tc.paused}}
			result, err := rollout.Sync(in, opts)
			if err != nil {
				t.Fatal(err)
			}
			if got := result.Outcome == rollout.OutcomeNoHistory; got != tc.missing {
				t.Errorf("outcome %v, want missing history: %v: %s", result.Outcome, tc.missing, tc.why)
			}
			snapshot, err := daemon.Observe(in)
			if err != nil {
				t.Fatal(err)
			}
			_, err = rollout.NextStep(snapshot, opts)
			var fieldErr *field.Error
			if got := errors.As(err, &fieldErr) && fieldErr.Field == "revisions"; got != tc.missing || !tc.missing && err != nil {
				t.Errorf("NextStep() error = %v, want one about the revisions: %v", err, tc.missing)
			}
			if !tc.missing {
				return
			}
			if result.Step != nil || !result.Plan.Empty() || result.Revisions.Create == nil {
				t.Errorf("the pass writes\n%v\nwant only the revision", result)
			}
			in.Revisions = []*appsv1.ControllerRevision{result.Revisions.Create}
			next, err := rollout.Sync(in, opts)
			if err != nil {
				t.Fatal(err)
			}
			if wrote := len(next.Plan.Delete) + len(next.Plan.Create); next.Outcome != rollout.OutcomeSynced || (wrote == 1) == tc.paused {
				t.Errorf("with the revision the pass writes\n%v\nwant the update", next)
			}
		})
	}
}
