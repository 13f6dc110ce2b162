package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// Cluster is as much of an API server, a scheduler and kubelets as a DaemonSet
// gets to see.
type Cluster struct {
	Now       time.Time
	DaemonSet *appsv1.DaemonSet
	Nodes     map[string]*corev1.Node
	Pods      map[string]*corev1.Pod
	Revisions map[string]*appsv1.ControllerRevision
	Backoff   daemon.Backoff
	made      int
}

// NewCluster returns an empty cluster at a fixed time.
func NewCluster() *Cluster {
	return &Cluster{
		Now:       time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
		Nodes:     map[string]*corev1.Node{},
		Pods:      map[string]*corev1.Pod{},
		Revisions: map[string]*appsv1.ControllerRevision{},
	}
}

// Input returns what a controller of the cluster sees.
func (c *Cluster) Input() rollout.Input {
	return rollout.Input{
		DaemonSet: c.DaemonSet,
		Nodes:     slices.Collect(maps.Values(c.Nodes)),
		Pods:      slices.Collect(maps.Values(c.Pods)),
		Revisions: slices.Collect(maps.Values(c.Revisions)),
		Now:       c.Now,
		Backoff:   c.Backoff,
	}
}

// snapshot observes the cluster with the revision that is current after the
// next pass.
func (c *Cluster) snapshot() (*daemon.Snapshot, error) {
	in := c.Input()
	revisions, err := rollout.Revisions(in.DaemonSet, in.Revisions, in.Pods)
	if err != nil {
		return nil, err
	}
	return daemon.Observe(daemon.Input{
		DaemonSet: in.DaemonSet, Nodes: in.Nodes, Pods: in.Pods,
		RevisionHash: revisions.Hash, Now: in.Now, Backoff: in.Backoff,
	})
}

// Sync makes a pass and carries it out.
func (c *Cluster) Sync() (*rollout.Result, error) {
	result, err := rollout.Sync(c.Input())
	if result != nil {
		c.apply(result)
	}
	return result, err
}

func (c *Cluster) apply(r *rollout.Result) {
	c.Backoff = r.Plan.Backoff
	owner := *metav1.NewControllerRef(c.DaemonSet, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	claim := func(meta *metav1.ObjectMeta, claim daemon.Claim) {
		if claim == daemon.ClaimAdopt {
			meta.OwnerReferences = append(meta.OwnerReferences, owner)
			return
		}
		meta.OwnerReferences = slices.DeleteFunc(meta.OwnerReferences, func(ref metav1.OwnerReference) bool {
			return ref.UID == c.DaemonSet.UID
		})
	}
	if revisions := r.Revisions; revisions != nil {
		for _, w := range slices.Concat(revisions.Label, []*appsv1.ControllerRevision{revisions.Create, revisions.Update}) {
			if w != nil {
				c.Revisions[w.Name] = w.DeepCopy()
			}
		}
		for _, w := range revisions.Claims {
			claim(&c.Revisions[w.Revision.Name].ObjectMeta, w.Claim)
		}
		for _, w := range revisions.Relabel {
			c.Pods[w.Pod.Name].Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = revisions.Hash
		}
		for _, w := range revisions.Duplicates {
			delete(c.Revisions, w.Name)
		}
	}
	for _, w := range r.Claims {
		claim(&c.Pods[w.Pod.Name].ObjectMeta, w.Claim)
	}
	for _, w := range r.Plan.Delete {
		c.deletePod(w.Pod.Name)
	}
	for _, w := range r.Plan.Create {
		pod := w.Pod
		c.made++
		pod.Name = fmt.Sprintf("%s%d", pod.GenerateName, c.made)
		pod.UID = types.UID("uid-" + pod.Name)
		pod.CreationTimestamp = metav1.NewTime(c.Now)
		pod.Status.Phase = corev1.PodPending
		c.Pods[pod.Name] = pod
	}
	for _, w := range r.CleanUp {
		delete(c.Revisions, w.Name)
	}
	if r.Status != nil {
		c.DaemonSet = c.DaemonSet.DeepCopy()
		c.DaemonSet.Status = *r.Status
	}
}

// deletePod does what the API server does: a pod that no kubelet has is gone at
// once, the others terminate.
func (c *Cluster) deletePod(name string) {
	pod := c.Pods[name]
	if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		delete(c.Pods, name)
		return
	}
	if pod.DeletionTimestamp == nil {
		pod.DeletionTimestamp = &metav1.Time{Time: c.Now}
	}
}

// Kubelet binds pods that wait, makes those that start ready, and ends those
// that terminate, except on the given nodes.
func (c *Cluster) Kubelet(except []string) {
	for _, pod := range c.sortedPods() {
		name, ok := daemon.TargetNode(pod)
		if _, exists := c.Nodes[name]; !ok || !exists || slices.Contains(except, name) {
			continue
		}
		switch {
		case pod.DeletionTimestamp != nil:
			delete(c.Pods, pod.Name)
		case pod.Status.Phase == corev1.PodPending:
			pod.Spec.NodeName = name
			pod.Status.Phase = corev1.PodRunning
			setReady(pod, corev1.ConditionTrue, c.Now)
		}
	}
}

// CollectGarbage ends the pods that are bound to nodes which do not exist.
func (c *Cluster) CollectGarbage() {
	maps.DeleteFunc(c.Pods, func(_ string, pod *corev1.Pod) bool {
		return pod.Spec.NodeName != "" && c.Nodes[pod.Spec.NodeName] == nil
	})
}

func setReady(pod *corev1.Pod, status corev1.ConditionStatus, since time.Time) {
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(since),
	}}
}

// sortedPods returns the pods in the order in which they were made.
func (c *Cluster) sortedPods() []*corev1.Pod {
	return slices.SortedFunc(maps.Values(c.Pods), func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
}
