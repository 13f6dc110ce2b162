package simulate_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestNumbersGoOn: a simulation that goes on from the objects of another takes no name and no UID
// again.
func TestNumbersGoOn(t *testing.T) {
	ds := build.Set{}.Object()
	ds.UID = ""
	c := &simulate.Cluster{}
	apply(t, c, ds, build.Nodes("a")[0], build.Nodes("b")[0])
	settleCluster(t, c)
	in := c.Input(ds)
	uids := map[types.UID]string{}
	pods := map[string]types.UID{}
	note := func(kind string, object metav1.Object) {
		name := kind + " " + object.GetName()
		if was, ok := uids[object.GetUID()]; ok && was != name {
			t.Errorf("%s has the UID %s of %s", name, object.GetUID(), was)
		}
		uids[object.GetUID()] = name
		if was, ok := pods[object.GetName()]; kind == "pod" && ok && was != object.GetUID() {
			t.Errorf("%s has the name of the pod before it", name)
		}
		pods[object.GetName()] = object.GetUID()
	}
	for round := range 4 {
		note("DaemonSet", in.DaemonSet)
		for _, node := range in.Nodes {
			note("node", node)
		}
		for _, rev := range in.Revisions {
			note("revision", rev)
		}
		for _, pod := range in.Pods {
			note("pod", pod)
		}
		in.DaemonSet = in.DaemonSet.DeepCopy()
		in.DaemonSet.Generation++
		in.DaemonSet.Spec.Template.Spec.Containers[0].Image = fmt.Sprint("agent:", round+2)
		in = settle(t, in, simulate.Options{}).After
	}
	if len(uids) != 1+2+4+8 {
		t.Errorf("%d UIDs, want those of a DaemonSet, two nodes, four revisions and eight pods: %v", len(uids), uids)
	}
}

// TestNumbersAboveTheGiven: what a cluster makes is numbered above all that it was given.
func TestNumbersAboveTheGiven(t *testing.T) {
	pod := func(name string, uid types.UID, owner types.UID) *corev1.Pod {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: name, GenerateName: "agent-", UID: uid}}
		if owner != "" {
			pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "gone", UID: owner, Controller: new(true)}}
		}
		return pod
	}
	for _, tc := range []struct {
		name, why string
		given     metav1.Object
		uid, pod  string // of the first that the cluster makes
	}{
		{"nothing", "it counts from one", &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "x", UID: "x"}}, "uid-1", "agent-1"},
		{"node", "its UID is taken", &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "x", UID: "uid-7"}}, "uid-8", "agent-1"},
		{"pod", "name and UID are taken", pod("agent-4", "uid-9", ""), "uid-10", "agent-5"},
		{"owner that is gone", "a new DaemonSet is another one", pod("agent-x", "p", "uid-12"), "uid-13", "agent-1"},
		{"other words", "they are not numbered", pod("agent-4x", "uid-a3", "3"), "uid-1", "agent-1"},
		{"other generateName", "the number is part of a name", pod("proxy-9", "4", ""), "uid-1", "agent-1"},
		{"large numbers", "nobody counts that far", pod("agent-9223372036854775807", "uid-9223372036854775807", ""), "uid-1", "agent-1"},
		{"negative numbers", "nobody counts so", pod("agent--8", "uid--8", ""), "uid-1", "agent-1"},
	} {
		in := daemon.Input{}
		switch o := tc.given.(type) {
		case *corev1.Node:
			in.Nodes = []*corev1.Node{o}
		case *corev1.Pod:
			in.Pods = []*corev1.Pod{o}
		}
		made, err := simulate.NewCluster(in, simulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		applied := &simulate.Cluster{}
		apply(t, applied, tc.given)
		for which, c := range map[string]*simulate.Cluster{"NewCluster": made, "Apply": applied} {
			ds := build.Set{}.Object()
			ds.UID = ""
			apply(t, c, ds)
			if got := c.Input(ds).DaemonSet.UID; string(got) != tc.uid {
				t.Errorf("%s: after %s the first UID is %s, want %s: %s", tc.name, which, got, tc.uid, tc.why)
			}
			apply(t, c, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "new", GenerateName: "agent-"}})
			other := build.Set{}.Object()
			other.Namespace = "new"
			if got := c.Input(other).Pods; len(got) != 1 || got[0].Name != tc.pod {
				t.Errorf("%s: after %s the first pod is %v, want %s: %s", tc.name, which, show(c.Input(other)), tc.pod, tc.why)
			}
		}
	}
}
