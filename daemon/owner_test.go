package daemon_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

// nodeAgent returns a resource of another kind as a DaemonSet.
func nodeAgent() *appsv1.DaemonSet {
	ds := build.Set{}.Object()
	ds.TypeMeta = metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}
	return ds
}

// controlledBy returns a controller owner reference.
func controlledBy(apiVersion, kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: name, UID: uid, Controller: new(true)}}
}

// TestOwnerKind: pods and patches name the kind of the DaemonSet.
func TestOwnerKind(t *testing.T) {
	tests := []struct {
		name, why string
		meta      metav1.TypeMeta
		want      metav1.TypeMeta
	}{
		{"none", "typed clients leave both fields empty", metav1.TypeMeta{}, metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}},
		{"DaemonSet", "a manifest has both", metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}, metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}},
		{"custom", "an embedder's own resource", metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}, metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}},
		{"core", "a kind without a group", metav1.TypeMeta{APIVersion: "v1", Kind: "Thing"}, metav1.TypeMeta{APIVersion: "v1", Kind: "Thing"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			ds.TypeMeta = tc.meta
			node := build.Node{Name: "w1"}.Object()
			in := daemon.Input{DaemonSet: ds, Nodes: []*corev1.Node{node}}
			snapshot, err := daemon.Observe(in)
			if err != nil {
				t.Fatal(err)
			}
			desired, err := daemon.DesiredPods(in)
			if err != nil {
				t.Fatal(err)
			}
			planned := daemon.Reconcile(snapshot).Create[0].Pod
			for i, pod := range []*corev1.Pod{daemon.NewPod(ds, "w1", "h"), snapshot.NewPod("w1"), desired[0], planned} {
				want := []metav1.OwnerReference{{
					APIVersion: tc.want.APIVersion, Kind: tc.want.Kind, Name: "agent", UID: "uid-agent",
					Controller: new(true), BlockOwnerDeletion: new(true),
				}}
				if diff := cmp.Diff(want, pod.OwnerReferences); diff != "" {
					t.Errorf("owner of pod %d (-want +got): %s\n%s", i, tc.why, diff)
				}
				if got, err := newClaimer(t, ds).Pod(pod); got != daemon.ClaimKeep || err != nil {
					t.Errorf("Pod() = %v, %v for its own pod %d, want keep", got, err, i)
				}
			}
			patch := string(newClaimer(t, ds).Patch(daemon.ClaimAdopt, "u1"))
			if want := `"apiVersion":"` + tc.want.APIVersion + `","kind":"` + tc.want.Kind + `"`; !strings.Contains(patch, want) {
				t.Errorf("Patch() = %s, want %s in it: %s", patch, want, tc.why)
			}
		})
	}
}

// TestOwnerKindHalf: one of apiVersion and kind alone is an error, never another owner.
func TestOwnerKindHalf(t *testing.T) {
	tests := []struct {
		name, why string
		meta      metav1.TypeMeta
		want      string
	}{
		{"kind alone", "the reference would lack the API version", metav1.TypeMeta{Kind: "NodeAgent"}, "daemonSet.apiVersion: Required value: the kind is NodeAgent: set both or neither"},
		{"API version alone", "the reference would lack the kind", metav1.TypeMeta{APIVersion: "agents.example.com/v1"}, "daemonSet.kind: Required value: the API version is agents.example.com/v1: set both or neither"},
		{"no version", "the API server refuses the reference", metav1.TypeMeta{APIVersion: "agents.example.com/", Kind: "NodeAgent"}, `daemonSet.apiVersion: Invalid value: "agents.example.com/": must be <group>/<version>, or v1`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			ds.TypeMeta = tc.meta
			node := build.Node{Name: "w1"}.Object()
			in := daemon.Input{DaemonSet: ds, Nodes: []*corev1.Node{node}}
			check := func(function, want string, err error) {
				t.Helper()
				if err == nil || err.Error() != want {
					t.Errorf("%s() error = %v, want %s: %s", function, err, want, tc.why)
				}
			}
			_, err := daemon.Observe(in)
			check("Observe", tc.want, err)
			_, err = daemon.DesiredPods(in)
			check("DesiredPods", tc.want, err)
			_, err = daemon.NewClaimer(ds)
			check("NewClaimer", tc.want, err)
			inList := strings.Replace(tc.want, "daemonSet.", "daemonSets[0].", 1)
			_, err = daemon.DaemonSetsToSync(node, []*appsv1.DaemonSet{ds}, nil, placement.Options{})
			check("DaemonSetsToSync", inList, err)
			if pod := daemon.NewPod(ds, "w1", ""); pod != nil {
				t.Errorf("NewPod() = %v, want nil: %s", pod, tc.why)
			}
		})
	}
}

// TestForgottenNamespace: a DaemonSet without a namespace that controls objects of one is an
// error. Their pods would be created again otherwise.
func TestForgottenNamespace(t *testing.T) {
	ds := build.Set{}.Object()
	pod, rev := build.Pod{Name: "a", Node: "w1"}.Of(ds), build.Revision{Hash: "h1"}.Of(ds)
	ds.Namespace = ""
	const want = "daemonSet.metadata.namespace: Required value: "
	for what, in := range map[string]daemon.Input{
		"pod kube-system/a":             {DaemonSet: ds, Pods: []*corev1.Pod{pod}},
		"revision kube-system/agent-h1": {DaemonSet: ds, Revisions: []*appsv1.ControllerRevision{rev}},
	} {
		if _, err := daemon.Observe(in); err == nil || err.Error() != want+what+" is controlled by it" {
			t.Errorf("Observe() error = %v, want %s%s is controlled by it", err, want, what)
		}
	}
	snapshot, err := daemon.Observe(daemon.Input{DaemonSet: ds})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Update(daemon.Changes{Pods: []*corev1.Pod{pod}}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Update() error = %v, want %s", err, want)
	}
}

// TestOwnerContradiction: an owner reference that names the DaemonSet and another owner is an
// error that names both, and is never ignored.
func TestOwnerContradiction(t *testing.T) {
	daemonSet := func() *appsv1.DaemonSet { return build.Set{}.Object() }
	withoutUID := func() *appsv1.DaemonSet {
		ds := build.Set{}.Object()
		ds.UID = ""
		return ds
	}
	const is, given = "has the UID of the DaemonSet and is ", "; the DaemonSet is given as "
	tests := []struct {
		name, why string
		set       func() *appsv1.DaemonSet
		owner     []metav1.OwnerReference
		// want is the claim, or wrong the field and detail of the error.
		want         daemon.Claim
		field, error string
	}{
		{"own", "UID, kind and name are its own", nodeAgent, controlledBy("agents.example.com/v1", "NodeAgent", "agent", "uid-agent"), daemon.ClaimKeep, "", ""},
		{"another version", "the group counts, the version does not", nodeAgent, controlledBy("agents.example.com/v1alpha1", "NodeAgent", "agent", "uid-agent"), daemon.ClaimKeep, "", ""},
		{"extensions", "the former group of DaemonSets", daemonSet, controlledBy("extensions/v1beta1", "DaemonSet", "agent", "uid-agent"), daemon.ClaimKeep, "", ""},
		{"no API version", "an API server refuses it; the kind decides", daemonSet, controlledBy("", "DaemonSet", "agent", "uid-agent"), daemon.ClaimKeep, "", ""},
		{"another UID", "another object of that name", nodeAgent, controlledBy("agents.example.com/v1", "NodeAgent", "agent", "uid-before"), daemon.ClaimIgnore, "", ""},
		{"without any UID", "in simulations neither has one", withoutUID, controlledBy("apps/v1", "DaemonSet", "agent", ""), daemon.ClaimKeep, "", ""},
		{"another kind", "the kind was forgotten when the pod was made", nodeAgent, controlledBy("apps/v1", "DaemonSet", "agent", "uid-agent"), 0,
			`.metadata.ownerReferences[0].kind: Invalid value: "DaemonSet"`, is + `apps/v1 DaemonSet "agent"` + given + `agents.example.com/v1 NodeAgent "agent"`},
		{"forgotten kind", "the kind was forgotten in the input", daemonSet, controlledBy("agents.example.com/v1", "NodeAgent", "agent", "uid-agent"), 0,
			`.metadata.ownerReferences[0].kind: Invalid value: "NodeAgent"`, is + `agents.example.com/v1 NodeAgent "agent"` + given + `apps/v1 DaemonSet "agent": set its apiVersion and kind`},
		{"another group", "a kind of that name in another group", daemonSet, controlledBy("apps.example.com/v1", "DaemonSet", "agent", "uid-agent"), 0,
			`.metadata.ownerReferences[0].apiVersion: Invalid value: "apps.example.com/v1"`, is + `apps.example.com/v1 DaemonSet "agent"` + given + `apps/v1 DaemonSet "agent"`},
		{"another name", "the resource was mapped with another name", nodeAgent, controlledBy("agents.example.com/v1", "NodeAgent", "agent-2", "uid-agent"), 0,
			`.metadata.ownerReferences[0].name: Invalid value: "agent-2"`, is + `agents.example.com/v1 NodeAgent "agent-2"` + given + `agents.example.com/v1 NodeAgent "agent"`},
		{"forgotten UID", "the UID was forgotten in the input", withoutUID, controlledBy("apps/v1", "DaemonSet", "agent", "uid-agent"), 0,
			"daemonSet.metadata.uid: Required value", `is controlled by DaemonSet "agent", UID uid-agent`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.set()
			node := build.Node{Name: "w1"}.Object()
			pod := build.Pod{Name: "a", Node: "w1"}.Of(ds)
			pod.OwnerReferences = tc.owner
			rev := build.Revision{Hash: "h1"}.Of(ds)
			rev.OwnerReferences = tc.owner
			text := func(path, what string, object metav1.Object) string {
				if tc.error == "" {
					return ""
				}
				field := tc.field
				if strings.HasPrefix(field, ".") {
					field = path + field
				}
				if !strings.HasPrefix(field, "daemonSet") {
					what = "the controller of " + what
				}
				return field + ": " + what + " kube-system/" + object.GetName() + " " + tc.error
			}
			check := func(function, want string, err error) {
				t.Helper()
				got := ""
				if err != nil {
					got = err.Error()
				}
				if got != want {
					t.Errorf("%s() error\n got %s\nwant %s\n%s", function, got, want, tc.why)
				}
			}
			claim, err := newClaimer(t, ds).Pod(pod)
			if claim != tc.want {
				t.Errorf("Claimer.Pod() = %v, want %v: %s", claim, tc.want, tc.why)
			}
			check("Claimer.Pod", text("pod", "pod", pod), err)
			claim, err = newClaimer(t, ds).Revision(rev)
			if claim != tc.want {
				t.Errorf("Claimer.Revision() = %v, want %v: %s", claim, tc.want, tc.why)
			}
			check("Claimer.Revision", text("revision", "revision", rev), err)

			in := daemon.Input{DaemonSet: ds, Nodes: []*corev1.Node{node}, Now: build.Now}
			with := in
			with.Pods = []*corev1.Pod{build.Pod{Name: "b", Orphan: true}.Of(ds), pod}
			_, err = daemon.Observe(with)
			check("Observe of a pod", text("pods[1]", "pod", pod), err)
			with = in
			with.Revisions = []*appsv1.ControllerRevision{rev}
			_, err = daemon.Observe(with)
			check("Observe of a revision", text("revisions[0]", "revision", rev), err)
			_, err = daemon.DesiredPods(with)
			check("DesiredPods", text("revisions[0]", "revision", rev), err)

			snapshot, err := daemon.Observe(in)
			if err != nil {
				t.Fatal(err)
			}
			_, err = snapshot.Update(daemon.Changes{Pods: []*corev1.Pod{pod}})
			check("Update of a pod", text("pods[0]", "pod", pod), err)
			_, err = snapshot.Update(daemon.Changes{Revisions: []*appsv1.ControllerRevision{rev}})
			check("Update of a revision", text("revisions[0]", "revision", rev), err)

			_, err = daemon.DaemonSetsToSync(node, []*appsv1.DaemonSet{ds}, []*corev1.Pod{nil, pod}, placement.Options{})
			if tc.name == "forgotten UID" {
				check("DaemonSetsToSync", "", err) // Upstream does not compare the UID.
			} else {
				check("DaemonSetsToSync", text("podsOnNode[1]", "pod", pod), err)
			}

			pod.Namespace, rev.Namespace = "elsewhere", "elsewhere"
			with.Pods = []*corev1.Pod{pod}
			_, err = daemon.Observe(with)
			check("Observe of another namespace", "", err)
		})
	}
}

// TestUpdateOwnerKind: the owner of a snapshot stays the same.
func TestUpdateOwnerKind(t *testing.T) {
	snapshot, err := daemon.Observe(daemon.Input{DaemonSet: build.Set{}.Object()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = snapshot.Update(daemon.Changes{DaemonSet: nodeAgent()})
	if want := `daemonSet.kind: Invalid value: "agents.example.com/v1 NodeAgent": must stay apps/v1 DaemonSet`; err == nil || err.Error() != want {
		t.Errorf("Update() error = %v, want %s", err, want)
	}
	spelled := build.Set{}.Object()
	spelled.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}
	if _, err = snapshot.Update(daemon.Changes{DaemonSet: spelled}); err != nil {
		t.Errorf("Update() error = %v for the same kind, spelled out", err)
	}
}

// TestUpdateOwnerVersion: new pods name the version that the DaemonSet has now.
func TestUpdateOwnerVersion(t *testing.T) {
	old, cur := nodeAgent(), nodeAgent()
	old.APIVersion = "agents.example.com/v1alpha1"
	in := daemon.Input{DaemonSet: old, Nodes: build.Nodes("w1")}
	kept := observe(t, in)
	if _, err := kept.Update(daemon.Changes{DaemonSet: cur}); err != nil {
		t.Fatal(err)
	}
	in.DaemonSet = cur
	want, got := daemon.Reconcile(observe(t, in)), daemon.Reconcile(kept)
	if diff := cmp.Diff(want, got); diff != "" || len(want.Create) != 1 {
		t.Errorf("Reconcile() of the snapshot kept (-observed anew +kept):\n%s", diff)
	}
}

// TestUpdateOfOtherNamespaces: pods and revisions of other namespaces are ignored, whatever
// their names.
func TestUpdateOfOtherNamespaces(t *testing.T) {
	snapshot := observe(t, daemon.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes("w1")})
	var c daemon.Changes
	for range 2 {
		pod, rev := &corev1.Pod{}, &appsv1.ControllerRevision{}
		pod.Namespace, pod.Name, rev.Namespace = "elsewhere", "a", "elsewhere"
		c.Pods, c.Revisions = append(c.Pods, pod), append(c.Revisions, rev)
	}
	if changed, err := snapshot.Update(c); err != nil || changed.All || changed.Nodes != nil {
		t.Errorf("Update() = %+v, %v, want no change", changed, err)
	}
}

// TestDaemonSetsToSyncKind: a pod of another kind's owner of the same name is not the
// DaemonSet's.
func TestDaemonSetsToSyncKind(t *testing.T) {
	node := build.Node{Name: "w1"}.Object()
	ds, agent := build.Set{}.Object(), nodeAgent()
	agent.UID = "uid-node-agent"
	pod := build.Pod{Name: "a", Node: "w1"}.Of(agent)
	got, err := daemon.DaemonSetsToSync(node, []*appsv1.DaemonSet{ds, agent}, []*corev1.Pod{pod}, placement.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != ds {
		t.Errorf("DaemonSetsToSync() = %d DaemonSets, want the one without a pod", len(got))
	}
}
