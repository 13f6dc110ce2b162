package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestNodeAgentOperations does with a NodeAgent what upstream's controller does with a DaemonSet.
func TestNodeAgentOperations(t *testing.T) {
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			if op.name == "adopt pods of another template" {
				t.Skip("a NodeAgent has no generation of its template that could make such pods current")
			}
			op.run(newTrial(t, NodeAgents))
		})
	}
}

// solo is a NodeAgent under a policy, which upstream has nothing like.
type solo struct {
	*testing.T
	*side
	log *Log
}

func newSolo(t *testing.T, nodes int, policy map[string]any) *solo {
	t.Helper()
	start(t)
	ctx := t.Context()
	s := &solo{t, &side{name: "library", owners: ownersOf(NodeAgents), namespace: newNamespace(ctx, t, "policy")}, nil}
	t.Cleanup(func() { sweep(t, s.side) })
	s.stop = NodeAgents.Start(context.WithoutCancel(ctx), world.Config, s.namespace)
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	for i, n := range nodeNames(nodes) {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n, Labels: map[string]string{
			corev1.LabelHostname: n, corev1.LabelTopologyZone: fmt.Sprint("z", i%2),
		}}}
		if _, err := world.Client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if s.log, err = world.Follow(ctx, s.namespace); err != nil {
		t.Fatal(err)
	}
	if err := s.owners.Create(ctx, withBudget(newDaemonSet(s.namespace), "100%", "0"), map[string]any{"policy": policy}); err != nil {
		t.Fatal(err)
	}
	return s
}

// set changes the image, if one is given, and fields of the spec.
func (s *solo) set(image string, more map[string]any) {
	s.Helper()
	change := imageOf(image)
	if image == "" {
		change = nil
	}
	if err := s.owners.Update(s.Context(), s.namespace, name, change, more); err != nil {
		s.Fatal(err)
	}
}

// want waits until exactly these nodes run the image, and then for a moment, in which no other may.
func (s *solo) want(image string, nodes ...string) {
	s.Helper()
	waitFor(s.T, s.log, patience, s.run(image, nodes))
	time.Sleep(500 * time.Millisecond)
	if missing := s.run(image, nodes)(s.log.State()); missing != "" {
		s.Fatalf("half a second later: %s", missing)
	}
}

func (s *solo) run(image string, nodes []string) func(State) string {
	return func(state State) string {
		var got []string
		for _, p := range state.Pods {
			if p.Spec.Containers[0].Image == image && Ready(p) {
				got = append(got, p.Spec.NodeName)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, nodes) {
			return fmt.Sprintf("%v run %s, want %v", got, image, nodes)
		}
		return ""
	}
}

// wantEnding waits until the pods of exactly these nodes are being deleted, and then for a
// moment, in which no other may be.
func (s *solo) wantEnding(nodes ...string) {
	s.Helper()
	ending := func(state State) string {
		var got []string
		for _, p := range state.Pods {
			if p.DeletionTimestamp != nil {
				got = append(got, p.Spec.NodeName)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, nodes) {
			return fmt.Sprintf("the pods of %v are being deleted, want %v", got, nodes)
		}
		return ""
	}
	waitFor(s.T, s.log, patience, ending)
	time.Sleep(500 * time.Millisecond)
	if missing := ending(s.log.State()); missing != "" {
		s.Fatalf("half a second later: %s", missing)
	}
}

// hold stops the kubelets of nodes until the returned function is called or the test ends.
func (s *solo) hold(nodes ...string) (release func()) {
	for _, n := range nodes {
		world.kubelets.Hold(n)
	}
	release = func() {
		for _, n := range nodes {
			world.kubelets.Release(n)
		}
	}
	s.Cleanup(release)
	return release
}

// budget is maxUnavailable as a field of a NodeAgent.
func budget(maxUnavailable any) map[string]any {
	return map[string]any{"updateStrategy": map[string]any{"type": "RollingUpdate",
		"rollingUpdate": map[string]any{"maxUnavailable": maxUnavailable}}}
}

// policy is the field of a NodeAgent.
func policy(fields map[string]any) map[string]any { return map[string]any{"policy": fields} }

// TestNodeAgentPolicies has one update under each policy.
func TestNodeAgentPolicies(t *testing.T) {
	all := nodeNames(4)
	t.Run("paused", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"paused": true})
		s.want(v1, all...)
		s.set(v2, nil)
		s.want(v2)
		s.set("", policy(nil))
		s.want(v2, all...)
	})
	t.Run("frozen", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"frozen": true})
		s.want(v1)
		s.set("", policy(nil))
		s.want(v1, all...)
	})
	t.Run("partition", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"partition": map[string]any{"nodes": int64(3)}})
		s.want(v1, all...)
		s.set(v2, nil)
		s.want(v2, all[3])
		s.set("", policy(map[string]any{"partition": map[string]any{"nodes": int64(0)}}))
		s.want(v2, all...)
	})
	t.Run("node selector", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"nodeSelector": map[string]any{"matchLabels": map[string]any{corev1.LabelHostname: all[2]}}})
		s.want(v1, all...)
		s.set(v2, nil)
		s.want(v2, all[2])
	})
	t.Run("canary", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"canary": map[string]any{"nodes": int64(1), "manual": true}})
		s.want(v1, all...)
		s.set(v2, nil)
		s.want(v2, all[0])
		s.set("", map[string]any{"promote": s.trial("Unpromoted")})
		s.want(v2, all...)
	})
	t.Run("failed canary", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"canary": map[string]any{"nodes": int64(1), "failStarting": "1s"}})
		s.want(v1, all...)
		s.set(ImageUnready+"1", nil)
		s.trial("RolledBack")
		s.want(v1, all...)
	})
	t.Run("one zone at a time", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"oneDomain": map[string]any{"label": corev1.LabelTopologyZone}})
		s.want(v1, all...)
		release := s.hold(all[2])
		s.set(v2, nil)
		s.want(v2, all[0])
		release()
		s.want(v2, all...)
	})
	t.Run("a budget for each zone", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"domainBudgets": []any{map[string]any{"label": corev1.LabelTopologyZone, "maxUnavailable": int64(1)}}})
		s.want(v1, all...)
		release := s.hold(all...)
		s.set(v2, nil)
		s.wantEnding(all[0], all[1])
		release()
		s.want(v2, all...)
	})
	t.Run("strict budget", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"strictBudget": true})
		s.want(v1, all...)
		s.set(ImageUnready+"1", nil)
		waitFor(t, s.log, patience, func(state State) string {
			broken := 0
			for _, p := range state.Pods {
				if p.Spec.Containers[0].Image == ImageUnready+"1" && p.Status.Phase == corev1.PodRunning {
					broken++
				}
			}
			if broken != len(all) {
				return fmt.Sprintf("%d pods have the image that never gets ready", broken)
			}
			return ""
		})
		// Without the policy all broken pods are replaced at once.
		s.set("", budget(int64(1)))
		release := s.hold(all...)
		s.set(v2, nil)
		s.wantEnding(all[0])
		release()
		s.want(v2, all...)
	})
	t.Run("slow start", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"slowStart": map[string]any{"pods": int64(1), "interval": "1h"}})
		s.want(v1, all[0])
		s.set("", policy(nil))
		s.want(v1, all...)
	})
	t.Run("stuck pods", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"ignoreStuckPods": map[string]any{}})
		s.want(v1, all...)
		s.set("", budget(int64(1)))
		s.hold(all[0])
		// Its pod is being deleted for ever, and would use up the budget of one. That it is
		// stuck shows at the end of its grace period.
		for _, p := range s.log.State().Pods {
			if p.Spec.NodeName == all[0] {
				if err := world.Client.CoreV1().Pods(p.Namespace).Delete(t.Context(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(1))}); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.wantEnding(all[0])
		s.set(v2, nil)
		s.want(v2, all[1:]...)
	})
	t.Run("ignored nodes", func(t *testing.T) {
		s := newSolo(t, 4, map[string]any{"ignoreNotReadyNodes": map[string]any{}})
		s.want(v1, all...)
		s.set("", budget(int64(1)))
		node, err := world.Client.CoreV1().Nodes().Get(t.Context(), all[0], metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse,
			LastTransitionTime: metav1.NewTime(time.Now().Add(-time.Hour))}}
		if _, err := world.Client.CoreV1().Nodes().UpdateStatus(t.Context(), node, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		// Its pod can neither end nor start, and would use up the budget of one.
		s.hold(all[0])
		time.Sleep(500 * time.Millisecond) // until the controller knows the condition
		s.set(v2, nil)
		s.want(v2, all[1:]...)
	})
}

// trial waits until the canary's trial has a state, and returns the revision hash that is tried.
func (s *solo) trial(state string) string {
	s.Helper()
	deadline := time.Now().Add(patience)
	for {
		u, err := s.owners.Client.Resource(s.owners.Resource).Namespace(s.namespace).Get(s.Context(), name, metav1.GetOptions{})
		if err != nil {
			s.Fatal(err)
		}
		trial, _, _ := unstructured.NestedStringMap(u.Object, "status", "canaryTrial")
		got, _, _ := unstructured.NestedString(u.Object, "status", "canaryTrial", "state")
		hash, _, _ := unstructured.NestedString(u.Object, "status", "canaryTrial", "revisionHash")
		if got == state {
			return hash
		}
		if time.Now().After(deadline) {
			s.Fatalf("the canary's trial is %s (%v), want %s", got, trial, state)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestGarbage deletes a NodeAgent: the collector takes its pods then, and never before.
func TestGarbage(t *testing.T) {
	s := newSolo(t, 4, nil)
	s.want(v1, nodeNames(4)...)
	before, writes := s.log.State().Pods, s.log.State().Writes
	// The pod of an owner that does not exist is taken, so the collector works.
	stray := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "stray", Namespace: s.namespace, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: s.owners.APIVersion(), Kind: s.owners.Kind, Name: "nobody", UID: "00000000-0000-0000-0000-000000000000"}}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: v1}}},
	}
	if _, err := world.Client.CoreV1().Pods(s.namespace).Create(t.Context(), stray, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s.log, patience, func(state State) string {
		if state.Writes < writes+2 || state.Pods["stray"] != nil {
			return "the stray pod is still there"
		}
		return ""
	})
	s.want(v1, nodeNames(4)...)
	for pod, was := range before {
		if is := s.log.State().Pods[pod]; is == nil || is.UID != was.UID || is.DeletionTimestamp != nil {
			t.Errorf("pod %s of a NodeAgent that exists was taken", pod)
		}
	}
	if err := s.owners.Delete(t.Context(), s.namespace, name, metav1.DeletePropagationBackground); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s.log, patience, func(state State) string {
		if n := len(state.Pods); n > 0 {
			return fmt.Sprintf("%d pods left", n)
		}
		return ""
	})
}
