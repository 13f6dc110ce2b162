package rollout_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
)

// store is a dumb API server: it carries a Result out as written, patch by patch, and knows
// nothing about owners.
type store struct {
	in   daemon.Input
	made int
}

func patched[T any](object *T, patch []byte) (*T, error) {
	was, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	// A JSON merge patch of labels is a strategic merge patch as well.
	is, err := strategicpatch.StrategicMergePatch(was, patch, object)
	if err != nil {
		return nil, err
	}
	out := new(T)
	return out, json.Unmarshal(is, out)
}

func (s *store) pod(name string, change func(*corev1.Pod) (*corev1.Pod, error)) error {
	for i, pod := range s.in.Pods {
		if pod.Name == name {
			changed, err := change(pod)
			if changed == nil {
				s.in.Pods = append(s.in.Pods[:i:i], s.in.Pods[i+1:]...)
			} else {
				s.in.Pods[i] = changed
			}
			return err
		}
	}
	return fmt.Errorf("no pod %s", name)
}

func (s *store) revision(name string, change func(*appsv1.ControllerRevision) (*appsv1.ControllerRevision, error)) error {
	for i, rev := range s.in.Revisions {
		if rev.Name == name {
			changed, err := change(rev)
			if changed == nil {
				s.in.Revisions = append(s.in.Revisions[:i:i], s.in.Revisions[i+1:]...)
			} else {
				s.in.Revisions[i] = changed
			}
			return err
		}
	}
	return fmt.Errorf("no revision %s", name)
}

// carryOut writes a result. A pod is ready at once, and gone once it is deleted.
func (s *store) carryOut(r *rollout.Result) error {
	var errs []error
	do := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	podGone := func(*corev1.Pod) (*corev1.Pod, error) { return nil, nil }
	gone := func(*appsv1.ControllerRevision) (*appsv1.ControllerRevision, error) { return nil, nil }
	if plan := r.Revisions; plan != nil {
		for _, w := range plan.Claims {
			do(s.revision(w.Revision.Name, func(rev *appsv1.ControllerRevision) (*appsv1.ControllerRevision, error) {
				return patched(rev, w.Patch)
			}))
		}
		for _, w := range plan.Label {
			do(s.revision(w.Name, func(*appsv1.ControllerRevision) (*appsv1.ControllerRevision, error) { return w, nil }))
		}
		if plan.Create != nil {
			rev := plan.Create.DeepCopy()
			rev.UID = types.UID("uid-" + rev.Name)
			s.in.Revisions = append(s.in.Revisions, rev)
		}
		for _, w := range plan.Relabel {
			do(s.pod(w.Pod.Name, func(pod *corev1.Pod) (*corev1.Pod, error) { return patched(pod, w.Patch) }))
		}
		for _, rev := range plan.Duplicates {
			do(s.revision(rev.Name, gone))
		}
		if plan.Update != nil {
			do(s.revision(plan.Update.Name, func(*appsv1.ControllerRevision) (*appsv1.ControllerRevision, error) { return plan.Update, nil }))
		}
	}
	for _, w := range r.Claims {
		do(s.pod(w.Pod.Name, func(pod *corev1.Pod) (*corev1.Pod, error) { return patched(pod, w.Patch) }))
	}
	for _, w := range r.Plan.Create {
		pod := w.Pod.DeepCopy()
		s.made++
		pod.Name = fmt.Sprintf("%s%d", pod.GenerateName, s.made)
		pod.UID, pod.CreationTimestamp = types.UID("uid-"+pod.Name), metav1.NewTime(s.in.Now)
		pod.Spec.NodeName, _ = daemon.TargetNode(pod)
		pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.in.Now)},
		}}
		s.in.Pods = append(s.in.Pods, pod)
	}
	for _, w := range r.Plan.Delete {
		do(s.pod(w.Pod.Name, podGone))
	}
	for _, rev := range r.CleanUp {
		do(s.revision(rev.Name, gone))
	}
	if r.Status != nil {
		s.in.DaemonSet = s.in.DaemonSet.DeepCopy()
		s.in.DaemonSet.Status = *r.Status
	}
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// settle makes passes until one writes nothing, and at most as many as given.
func (s *store) settle(t *testing.T, passes int) {
	t.Helper()
	for range passes {
		s.in.Now = s.in.Now.Add(time.Minute)
		result, err := rollout.Sync(s.in, rollout.Options{})
		if err != nil {
			t.Fatalf("Sync() error = %v", err)
		}
		s.in.Backoff = s.in.Backoff.With(result.Plan.BackoffChanges)
		if result.Empty() {
			return
		}
		if err := s.carryOut(result); err != nil {
			t.Fatalf("%v in\n%v", err, result)
		}
	}
	t.Fatalf("not settled after %d passes: %d pods, %d revisions", passes, len(s.in.Pods), len(s.in.Revisions))
}

// check wants one pod of the DaemonSet on each node, with the hash label of the newest
// revision and no label that another naming would give it, and that all pods and revisions
// have the owner as their controller, in full.
func (s *store) check(t *testing.T, want metav1.OwnerReference) {
	t.Helper()
	newest := slices.MaxFunc(s.in.Revisions, func(a, b *appsv1.ControllerRevision) int { return int(a.Revision - b.Revision) })
	label := s.in.Naming.WithDefaults().RevisionHashLabel
	wantLabels := map[string]string{"app": s.in.DaemonSet.Name, label: newest.Labels[label]}
	if generation, ok := s.in.DaemonSet.Annotations[appsv1.DeprecatedTemplateGeneration]; ok {
		wantLabels[s.in.Naming.WithDefaults().TemplateGenerationLabel] = generation
	}
	onNode := map[string]int{}
	for _, pod := range s.in.Pods {
		onNode[pod.Spec.NodeName]++
		if diff := cmp.Diff(wantLabels, pod.Labels); diff != "" {
			t.Errorf("labels of pod %s (-want +got):\n%s", pod.Name, diff)
		}
		if diff := cmp.Diff([]metav1.OwnerReference{want}, pod.OwnerReferences); diff != "" {
			t.Errorf("owner of pod %s (-want +got):\n%s", pod.Name, diff)
		}
	}
	for _, node := range s.in.Nodes {
		if onNode[node.Name] != 1 {
			t.Errorf("node %s has %d pods, want 1", node.Name, onNode[node.Name])
		}
	}
	if len(s.in.Pods) != len(s.in.Nodes) {
		t.Errorf("%d pods on %d nodes", len(s.in.Pods), len(s.in.Nodes))
	}
	for _, rev := range s.in.Revisions {
		if diff := cmp.Diff([]metav1.OwnerReference{want}, rev.OwnerReferences); diff != "" {
			t.Errorf("owner of revision %s (-want +got):\n%s", rev.Name, diff)
		}
		if want := s.in.Naming.RevisionName(s.in.DaemonSet.Name, rev.Labels[label]); rev.Name != "twin" && (rev.Labels[label] == "" || rev.Labels[label] != rev.Name && want != rev.Name) {
			t.Errorf("revision %s has the hash %q", rev.Name, rev.Labels[label])
		}
	}
}

// TestAnyOwner: a pass on what the passes before have written comes to rest with one pod on
// each node, regardless of the owner's kind. Orphans of an earlier owner are adopted.
func TestAnyOwner(t *testing.T) {
	for seed := range property.Seeds(t, 15) {
		r := rand.New(rand.NewPCG(seed, 9))
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			ds := build.Set{
				Name: oneOf(r, "agent", "node.agent", "a"), MaxUnavailable: oneOf(r, "1", "50%", "0"), MaxSurge: oneOf(r, "", "1"),
			}.Object()
			if r.IntN(4) > 0 {
				ds.APIVersion = oneOf(r, "apps/v1", "agents.example.com/v1", "agents.example.com/v1alpha1", "apps.kruise.io/v1alpha1", "v1")
				ds.Kind = oneOf(r, "DaemonSet", "NodeAgent", "Thing")
			}
			if r.IntN(5) == 0 {
				ds.UID = ""
			}
			want := metav1.OwnerReference{
				APIVersion: "apps/v1", Kind: "DaemonSet", Name: ds.Name, UID: ds.UID,
				Controller: new(true), BlockOwnerDeletion: new(true),
			}
			if ds.Kind != "" {
				want.APIVersion, want.Kind = ds.APIVersion, ds.Kind
			}
			generations := r.IntN(2) == 0
			if generations {
				ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: "7"}
			}
			s := &store{in: daemon.Input{DaemonSet: ds, Now: build.Now}}
			if r.IntN(2) == 0 {
				s.in.Naming = daemon.Naming{
					RevisionHashLabel: "agents.example.com/hash", TemplateGenerationLabel: "agents.example.com/generation",
					RevisionNamePrefix: oneOf(r, "", "nodeagent-", "x."),
				}
			}
			for i := range 1 + r.IntN(6) {
				s.in.Nodes = append(s.in.Nodes, build.Node{Name: fmt.Sprintf("n%d", i)}.Object())
			}
			s.settle(t, 60)
			s.check(t, want)
			for i := range s.in.Pods {
				if s.in.Pods[i] = s.in.Pods[i].DeepCopy(); r.IntN(2) == 0 {
					s.in.Pods[i].OwnerReferences = nil
				}
			}
			for i := range s.in.Revisions {
				if s.in.Revisions[i] = s.in.Revisions[i].DeepCopy(); r.IntN(2) == 0 {
					s.in.Revisions[i].OwnerReferences = nil
				}
				if r.IntN(3) == 0 {
					delete(s.in.Revisions[i].Labels, s.in.Naming.WithDefaults().RevisionHashLabel)
				}
			}
			if r.IntN(3) == 0 {
				twin := s.in.Revisions[0].DeepCopy()
				twin.Name, twin.UID = "twin", "uid-twin"
				twin.Revision++
				twin.Labels[s.in.Naming.WithDefaults().RevisionHashLabel] = "twin"
				s.in.Revisions = append(s.in.Revisions, twin)
			}
			s.in.DaemonSet = s.in.DaemonSet.DeepCopy()
			s.settle(t, 60)
			if !generations { // Otherwise the pods keep the hash that a revision has lost.
				s.check(t, want)
			}
			s.in.DaemonSet = s.in.DaemonSet.DeepCopy()
			s.in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
			if generations {
				s.in.DaemonSet.Annotations[appsv1.DeprecatedTemplateGeneration] = "8"
			}
			s.in.DaemonSet.Generation++
			s.settle(t, 60)
			s.check(t, want)
			if len(s.in.Revisions) != 2 {
				t.Errorf("%d revisions, want 2", len(s.in.Revisions))
			}
		})
	}
}

// TestNodeAgentLoop: a controller of its own resource calls Sync again and again. The pods
// that it has made are its own.
func TestNodeAgentLoop(t *testing.T) {
	ds := build.Set{}.Object()
	ds.TypeMeta = metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}
	s := &store{in: daemon.Input{DaemonSet: ds, Now: build.Now}}
	for i := range 6 {
		s.in.Nodes = append(s.in.Nodes, build.Node{Name: fmt.Sprintf("n%d", i)}.Object())
	}
	for range 240 {
		s.in.Now = s.in.Now.Add(time.Second)
		result, err := rollout.Sync(s.in, rollout.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.carryOut(result); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.in.Pods) != 6 || len(s.in.Revisions) != 1 {
		t.Errorf("%d pods and %d revisions after 240 passes, want 6 and 1", len(s.in.Pods), len(s.in.Revisions))
	}
}

// TestSyncOwnerContradiction: a pass never works around a pod that names the owner and yet
// another kind.
func TestSyncOwnerContradiction(t *testing.T) {
	ds := build.Set{}.Object()
	pod := build.Pod{Name: "a", Node: "n0"}.Of(ds)
	ds.TypeMeta = metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}
	in := daemon.Input{DaemonSet: ds, Nodes: []*corev1.Node{build.Node{Name: "n0"}.Object()}, Now: build.Now}
	state, err := rollout.NewState(in)
	if err != nil {
		t.Fatal(err)
	}
	const want = `pods[0].metadata.ownerReferences[0].kind: Invalid value: "DaemonSet": the controller of pod kube-system/a has the UID of ` +
		`the DaemonSet and is apps/v1 DaemonSet "agent"; the DaemonSet is given as agents.example.com/v1 NodeAgent "agent"`
	if err := state.Update(daemon.Changes{Pods: []*corev1.Pod{pod}}); err == nil || err.Error() != want {
		t.Errorf("State.Update() error = %v, want %s", err, want)
	}
	in.Pods = []*corev1.Pod{pod}
	if result, err := rollout.Sync(in, rollout.Options{}); result != nil || err == nil || err.Error() != want {
		t.Errorf("Sync() = %v, %v, want %s", result, err, want)
	}
	if _, err := rollout.NewState(in); err == nil || err.Error() != want {
		t.Errorf("NewState() error = %v, want %s", err, want)
	}
}
