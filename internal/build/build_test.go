package build_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// TestSets: a Set is what an API server would accept and return.
func TestSets(t *testing.T) {
	tests := []struct {
		name, why string
		set       build.Set
	}{
		{"zero", "the plain case", build.Set{}},
		{"surge", "maxUnavailable has to be 0 then", build.Set{MaxSurge: "25%"}},
		{"percent", "budgets may be either", build.Set{MaxUnavailable: "10%"}},
		{"OnDelete", "no budgets", build.Set{OnDelete: true}},
		{"deleting", "has a deletion timestamp", build.Set{Name: "other", Deleting: true, MinReady: 10}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.set.Object()
			if diff := cmp.Diff(daemon.Default(ds), ds); diff != "" {
				t.Errorf("defaults are missing (-defaulted +built):\n%s%s", diff, tc.why)
			}
			if errs := daemon.Validate(ds); len(errs) > 0 {
				t.Errorf("Validate() = %v: %s", errs, tc.why)
			}
		})
	}
}

// TestPods: a Pod is on the node and of the owner that it names.
func TestPods(t *testing.T) {
	ds := build.Set{}.Object()
	claimer, err := daemon.NewClaimer(ds)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, why string
		pod       build.Pod
		claim     daemon.Claim
		node      string
		phase     corev1.PodPhase
		bound     bool
	}{
		{"zero", "names no node", build.Pod{Name: "a"}, daemon.ClaimKeep, "", corev1.PodRunning, false},
		{"on a node", "bound", build.Pod{Name: "a", Node: "w1", Hash: "h1"}, daemon.ClaimKeep, "w1", corev1.PodRunning, true},
		{"unbound", "pinned by affinity", build.Pod{Name: "a", Node: "w1", Unbound: true}, daemon.ClaimKeep, "w1", corev1.PodPending, false},
		{"orphan", "no owner", build.Pod{Name: "a", Node: "w1", Orphan: true}, daemon.ClaimAdopt, "w1", corev1.PodRunning, true},
		{"foreign", "another owner", build.Pod{Name: "a", Node: "w1", Foreign: true}, daemon.ClaimIgnore, "w1", corev1.PodRunning, true},
		{"stray", "other labels", build.Pod{Name: "a", Node: "w1", Labels: build.Labels{}}, daemon.ClaimRelease, "w1", corev1.PodRunning, true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			pod := tc.pod.Of(ds)
			node, _ := daemon.TargetNode(pod)
			if claim, err := claimer.Pod(pod); err != nil || claim != tc.claim || node != tc.node || pod.Status.Phase != tc.phase || (pod.Spec.NodeName != "") != tc.bound {
				t.Errorf("claim %v, %v, node %q, phase %s, bound to %q: %s", claim, err, node, pod.Status.Phase, pod.Spec.NodeName, tc.why)
			}
		})
	}
	if claim, err := claimer.Revision(build.Revision{Hash: "h1"}.Of(ds)); err != nil || claim != daemon.ClaimKeep {
		t.Errorf("claim of a revision = %v, %v, want keep", claim, err)
	}
}
