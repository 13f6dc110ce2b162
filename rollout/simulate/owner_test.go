package simulate_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestOwnerKind: the cluster plays the controller of another kind. It adopts orphans for
// that kind, and deletes what the owner has.
func TestOwnerKind(t *testing.T) {
	ds := build.Set{}.Object()
	ds.TypeMeta = metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}
	orphan := build.Pod{Name: "orphan", Node: "n0", Orphan: true}.Of(ds)
	c, err := simulate.NewCluster(daemon.Input{
		DaemonSet: ds, Pods: []*corev1.Pod{orphan}, Now: build.Now,
		Nodes: []*corev1.Node{build.Node{Name: "n0"}.Object(), build.Node{Name: "n1"}.Object()},
	}, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	in := c.Input(ds)
	if len(in.Pods) != 2 || len(in.Revisions) != 1 {
		t.Errorf("%d pods and %d revisions, want 2 and 1", len(in.Pods), len(in.Revisions))
	}
	objects := []metav1.Object{in.Revisions[0]}
	for _, pod := range in.Pods {
		objects = append(objects, pod)
	}
	for _, object := range objects {
		if ref := metav1.GetControllerOf(object); ref == nil || ref.Kind != "NodeAgent" || ref.APIVersion != "agents.example.com/v1" {
			t.Errorf("the controller of %s is %v, want the NodeAgent", object.GetName(), ref)
		}
	}

	other := build.Set{}.Object()
	const want = `objects[0].kind: Invalid value: "apps/v1 DaemonSet": the stored object of that name has the kind agents.example.com/v1 NodeAgent`
	if err := c.Apply(other); err == nil || err.Error() != want {
		t.Errorf("Apply() error = %v, want %s", err, want)
	}
	if err := c.Delete(other); err == nil || err.Error() != want {
		t.Errorf("Delete() error = %v, want %s", err, want)
	}
	other.Name, other.APIVersion = "other", "agents.example.com/v1"
	if err := c.Apply(other); err == nil || !strings.HasPrefix(err.Error(), "objects[0].kind: Required value") {
		t.Errorf("Apply() error = %v, want one about the kind", err)
	}
	if err := c.Delete(ds); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	c.Elapse(1e12)
	if in := c.Input(ds); len(in.Pods) != 0 || len(in.Revisions) != 0 {
		t.Errorf("%d pods and %d revisions after Delete, want none", len(in.Pods), len(in.Revisions))
	}
}

// TestWhatIfKeepsTheKind: a proposal without a kind keeps that of the stored object, as
// it keeps the name and the UID.
func TestWhatIfKeepsTheKind(t *testing.T) {
	ds := build.Set{}.Object()
	ds.TypeMeta = metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}
	c, err := simulate.NewCluster(daemon.Input{DaemonSet: ds, Nodes: build.Nodes("a"), Now: build.Now}, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	proposed := build.Set{}.Object()
	proposed.TypeMeta = metav1.TypeMeta{}
	proposed.Spec.Template.Spec.Containers[0].Image = "agent:2"
	impact, err := simulate.WhatIf(c.Input(ds), simulate.Proposal{DaemonSet: proposed}, simulate.Options{})
	if err != nil {
		t.Fatalf("WhatIf() of a proposal without a kind = %v", err)
	}
	if got := impact.After.DaemonSet.TypeMeta; got != ds.TypeMeta {
		t.Errorf("After has the kind %v, want %v", got, ds.TypeMeta)
	}
}
