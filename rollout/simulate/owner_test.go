package simulate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
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

// TestNaming: the cluster plays a controller with labels of its own, also when two revisions
// of one template are merged.
func TestNaming(t *testing.T) {
	ds := build.Set{}.Object()
	naming := daemon.Naming{RevisionHashLabel: "agents.example.com/hash", RevisionNamePrefix: "x-"}
	c, err := simulate.NewCluster(daemon.Input{
		DaemonSet: ds, Now: build.Now, Naming: naming,
		Nodes: []*corev1.Node{build.Node{Name: "n0"}.Object(), build.Node{Name: "n1"}.Object()},
	}, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	settle := func() daemon.Input {
		t.Helper()
		if ends, err := c.Settle(); err != nil || ends[0].State != simulate.EndComplete {
			t.Fatal(ends, err)
		}
		in := c.Input(ds)
		for _, pod := range in.Pods {
			if hash := pod.Labels["agents.example.com/hash"]; hash == "" || pod.Labels["controller-revision-hash"] != "" || len(in.Revisions) != 1 ||
				hash != in.Revisions[0].Labels["agents.example.com/hash"] {
				t.Errorf("labels %v of a pod and %d revisions, want the hash of the only one under the naming's key", pod.Labels, len(in.Revisions))
			}
		}
		return in
	}
	in := settle()
	if rev := in.Revisions[0]; rev.Name != naming.RevisionName(ds.Name, rev.Labels["agents.example.com/hash"]) || in.Naming != naming {
		t.Errorf("revision %s, Input().Naming = %+v", rev.Name, in.Naming)
	}
	twin := in.Revisions[0].DeepCopy()
	twin.Name, twin.UID, twin.Revision, twin.Labels["agents.example.com/hash"] = "twin", "", 2, "twin"
	if err := c.Apply(twin); err != nil {
		t.Fatal(err)
	}
	if in := settle(); in.Revisions[0].Name != "twin" {
		t.Errorf("revision %s stays, want the one with the higher number", in.Revisions[0].Name)
	}
}

// TestNamingRollback: a canary fails and goes back, and no revision that is in use is cleaned
// up, whatever the labels are called.
func TestNamingRollback(t *testing.T) {
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 5 * time.Second}}}
	var want string
	for _, naming := range []daemon.Naming{{}, {RevisionHashLabel: "x/hash"}} {
		in := backFrom("agent:0", build.Nodes("a", "b", "c")...)
		in.Naming = naming
		in.DaemonSet.Spec.RevisionHistoryLimit = new(int32)
		rename := func(object metav1.Object) {
			labels := object.GetLabels()
			hash := labels["controller-revision-hash"]
			delete(labels, "controller-revision-hash")
			labels[naming.WithDefaults().RevisionHashLabel] = hash
		}
		for _, pod := range in.Pods {
			rename(pod)
		}
		for _, rev := range in.Revisions {
			rename(rev)
		}
		var got strings.Builder
		for pass, err := range simulate.Run(in, simulate.Options{Policy: policy}) {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&got, pass)
		}
		if want == "" {
			want = got.String()
		} else if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Errorf("passes under %+v (-upstream's naming +got):\n%s", naming, diff)
		}
		if !strings.Contains(got.String(), "rolled back to revision agent-old") || !strings.Contains(got.String(), "history limit") {
			t.Errorf("passes without a rollback or a clean-up:\n%s", got.String())
		}
	}
}
