package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pernode/daemonset/rollout/kubectl"
)

// lessonCluster is the lesson's, with the DaemonSet created and at rest.
func lessonCluster(t *testing.T) *cluster {
	t.Helper()
	loaded, err := loadLesson("nodes.yaml", "daemonset.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(testNow, loaded.Nodes)
	if err := c.create(loaded.Sets[0]); err != nil {
		t.Fatal(err)
	}
	rest(t, c)
	return c
}

// rest lets the cluster come to rest.
func rest(t *testing.T, c *cluster) {
	t.Helper()
	for range 50 {
		result, err := c.sync()
		if err != nil {
			t.Fatal(err)
		}
		if !c.tick() && result.Empty() {
			return
		}
	}
	t.Fatal("the cluster does not come to rest")
}

// The lesson itself makes only some of the writes that a pass may ask for.
func TestApply(t *testing.T) {
	podNames := func(c *cluster) []string { return slices.Sorted(maps.Keys(c.pods)) }
	for _, tc := range []struct {
		name, why string
		change    func(*cluster)
		check     func(*testing.T, *cluster)
	}{
		{
			name: "orphan", why: "the adopted pod makes its successor superfluous",
			change: func(c *cluster) {
				for _, pod := range c.pods {
					pod.OwnerReferences = nil
				}
			},
			check: func(t *testing.T, c *cluster) {
				for _, name := range podNames(c) {
					if !metav1.IsControlledBy(c.pods[name], c.set) {
						t.Errorf("pod %s has owners %v, want the DaemonSet", name, c.pods[name].OwnerReferences)
					}
				}
				if diff := cmp.Diff([]string{"nginx-deploy-4lnck", "nginx-deploy-cc2tw"}, podNames(c)); diff != "" {
					t.Errorf("pods (-want +got):\n%s", diff)
				}
			},
		},
		{
			name: "other labels", why: "the released pod stays, and its node gets another",
			change: func(c *cluster) { c.pods["nginx-deploy-cc2tw"].Labels["env"] = "test" },
			check: func(t *testing.T, c *cluster) {
				if pod := c.pods["nginx-deploy-cc2tw"]; pod == nil || metav1.GetControllerOf(pod) != nil {
					t.Errorf("the released pod is %v, want it without owner", pod)
				}
				if n := len(c.pods); n != 3 {
					t.Errorf("pods = %v, want 3", podNames(c))
				}
			},
		},
		{
			name: "duplicate revision", why: "the older of two equal ones goes; the pods are relabelled, not replaced",
			change: func(c *cluster) {
				for _, revision := range slices.Collect(maps.Values(c.revisions)) {
					twin := revision.DeepCopy()
					twin.Name, twin.Revision = c.set.Name+"-twin", revision.Revision+1
					twin.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "twin"
					c.revisions[twin.Name] = twin
				}
			},
			check: func(t *testing.T, c *cluster) {
				if diff := cmp.Diff([]string{"nginx-deploy-twin"}, slices.Sorted(maps.Keys(c.revisions))); diff != "" {
					t.Errorf("revisions (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]string{"nginx-deploy-4lnck", "nginx-deploy-cc2tw"}, podNames(c)); diff != "" {
					t.Errorf("pods (-want +got):\n%s", diff)
				}
				for name, pod := range c.pods {
					if hash := pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]; hash != "twin" {
						t.Errorf("pod %s has hash %q, want twin", name, hash)
					}
				}
			},
		},
		{
			name: "orphaned revision", why: "it is adopted, not made anew",
			change: func(c *cluster) {
				for _, revision := range c.revisions {
					revision.OwnerReferences = nil
				}
			},
			check: func(t *testing.T, c *cluster) {
				history, err := kubectl.RolloutHistory(c.set, slices.Collect(maps.Values(c.revisions)))
				if err != nil || len(history) != 1 {
					t.Errorf("RolloutHistory = %v, %v, want one revision", history, err)
				}
			},
		},
		{
			name: "long history", why: "what the limit and the pods leave over is deleted, and what lacks the label gets it",
			change: func(c *cluster) {
				limit := int32(1)
				c.set.Spec.RevisionHistoryLimit = &limit
				for _, name := range []string{"b", "a"} {
					owner := *metav1.NewControllerRef(c.set, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
					c.revisions[name] = &appsv1.ControllerRevision{
						ObjectMeta: metav1.ObjectMeta{
							Name: name, Namespace: c.set.Namespace,
							Labels: map[string]string{"env": "demo"}, OwnerReferences: []metav1.OwnerReference{owner},
						},
						Data: runtime.RawExtension{Raw: []byte(`{}`)},
					}
				}
			},
			check: func(t *testing.T, c *cluster) {
				if c.revisions["a"] != nil || c.revisions["b"] == nil || len(c.revisions) != 2 {
					t.Fatalf("revisions = %v, want b and the current one", slices.Sorted(maps.Keys(c.revisions)))
				}
				if hash := c.revisions["b"].Labels[appsv1.DefaultDaemonSetUniqueLabelKey]; hash != "b" {
					t.Errorf("hash of revision b = %q, want its name", hash)
				}
			},
		},
		{
			name: "undo", why: "the old revision gets the highest number",
			change: func(c *cluster) {
				patch := []byte(`{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}`)
				if err := c.patch(patch); err != nil {
					t.Fatal(err)
				}
				rest(t, c)
				undo, err := kubectl.RolloutUndo(c.set, slices.Collect(maps.Values(c.revisions)), 0)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.patch(undo.Rollback.Patch); err != nil {
					t.Fatal(err)
				}
			},
			check: func(t *testing.T, c *cluster) {
				var numbers []int64
				for _, revision := range c.revisions {
					numbers = append(numbers, revision.Revision)
				}
				slices.Sort(numbers)
				if diff := cmp.Diff([]int64{2, 3}, numbers); diff != "" {
					t.Errorf("numbers of the revisions (-want +got):\n%s", diff)
				}
				if c.set.Status.NumberAvailable != 2 {
					t.Errorf("numberAvailable = %d, want 2 as before", c.set.Status.NumberAvailable)
				}
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Log(tc.why)
			c := lessonCluster(t)
			tc.change(c)
			rest(t, c)
			tc.check(t, c)
		})
	}
}

// The API server refuses what is wrong, and then nothing changes.
func TestRefused(t *testing.T) {
	c := lessonCluster(t)
	before := c.set.DeepCopy()
	if err := c.patch([]byte(`{"spec":{"selector":{"matchLabels":{"env":"other"}}}}`)); err == nil {
		t.Error("patch of the selector is taken, want it refused: it is immutable")
	}
	if err := c.create(&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "empty"}}); err == nil {
		t.Error("create without a selector is taken, want it refused")
	}
	if diff := cmp.Diff(before, c.set); diff != "" {
		t.Errorf("the DaemonSet has changed (-want +got):\n%s", diff)
	}
}

// Names must not repeat: a pod would silently replace another.
func TestSuffix(t *testing.T) {
	const many = 100_000
	seen := make(map[string]bool, many)
	for n := 1; n <= many; n++ {
		seen[suffix(n)] = true
	}
	if len(seen) != many {
		t.Errorf("%d different suffixes of %d, want all", len(seen), many)
	}
	if first, second := suffix(1), suffix(2); first != "cc2tw" || second != "4lnck" {
		t.Errorf("suffix(1), suffix(2) = %q, %q, want the lesson's cc2tw, 4lnck", first, second)
	}
}

// A pod that no kubelet has is gone at once; one that has, ends with the next tick.
func TestDeletePod(t *testing.T) {
	c := newCluster(testNow, nil)
	c.pods["waiting"] = &corev1.Pod{}
	c.deletePod("waiting")
	c.deletePod("unknown")
	if len(c.pods) != 0 {
		t.Errorf("pods = %v, want none", slices.Sorted(maps.Keys(c.pods)))
	}
}
