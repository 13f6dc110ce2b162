package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// cluster is as much of Kubernetes as one DaemonSet needs around it: an API
// server that stores objects, a scheduler, kubelets and pod garbage collection.
// Its clock moves only when it is told to.
type cluster struct {
	now       time.Time
	set       *appsv1.DaemonSet
	nodes     map[string]*corev1.Node
	pods      map[string]*corev1.Pod
	revisions map[string]*appsv1.ControllerRevision
	backoff   daemon.Backoff
	// generated counts the names made from generateName.
	generated int
}

func newCluster(now time.Time, nodes []*corev1.Node) *cluster {
	c := &cluster{
		now:       now,
		nodes:     map[string]*corev1.Node{},
		pods:      map[string]*corev1.Pod{},
		revisions: map[string]*appsv1.ControllerRevision{},
	}
	for _, node := range nodes {
		c.nodes[node.Name] = node
	}
	return c
}

// create stores a new DaemonSet, as the API server does: with defaults, and only
// if it is valid.
func (c *cluster) create(set *appsv1.DaemonSet) error {
	set = daemon.Default(set)
	if err := daemon.Validate(set).ToAggregate(); err != nil {
		return err
	}
	set.UID = types.UID("uid-" + set.Name)
	set.CreationTimestamp = metav1.NewTime(c.now)
	set.Generation = 1
	set.ResourceVersion = "1" // an update has to name one
	c.set = set
	return nil
}

// patch changes the DaemonSet. Every patch of the lesson changes the spec, and so
// raises the generation.
func (c *cluster) patch(patch []byte) error {
	set, err := patched(c.set, patch)
	if err != nil {
		return err
	}
	if err := daemon.ValidateUpdate(set, c.set).ToAggregate(); err != nil {
		return err
	}
	set.Generation++
	c.set = set
	return nil
}

// patched returns a copy of a stored object with a strategic merge patch applied.
func patched[T any](object *T, patch []byte) (*T, error) {
	old, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	merged, err := strategicpatch.StrategicMergePatch(old, patch, object)
	if err != nil {
		return nil, err
	}
	out := new(T)
	return out, json.Unmarshal(merged, out)
}

// sync is one pass of the DaemonSet controller: look, work out what to write,
// write it.
func (c *cluster) sync() (*rollout.Result, error) {
	result, err := rollout.Sync(rollout.Input{
		DaemonSet: c.set,
		Nodes:     slices.Collect(maps.Values(c.nodes)),
		Pods:      slices.Collect(maps.Values(c.pods)),
		Revisions: slices.Collect(maps.Values(c.revisions)),
		Now:       c.now,
		Backoff:   c.backoff,
	})
	if err != nil {
		return nil, err
	}
	return result, c.apply(result)
}

// apply carries out what a pass wants written, in the order of the fields.
func (c *cluster) apply(result *rollout.Result) error {
	if plan := result.Revisions; plan != nil {
		for _, claim := range plan.Claims {
			if err := patchIn(c.revisions, claim.Revision.Name, claim.Patch); err != nil {
				return err
			}
		}
		for _, revision := range plan.Label {
			c.revisions[revision.Name] = revision
		}
		if plan.Create != nil {
			created := plan.Create.DeepCopy()
			created.CreationTimestamp = metav1.NewTime(c.now)
			c.revisions[created.Name] = created
		}
		for _, relabel := range plan.Relabel {
			if err := patchIn(c.pods, relabel.Pod.Name, relabel.Patch); err != nil {
				return err
			}
		}
		for _, revision := range plan.Duplicates {
			delete(c.revisions, revision.Name)
		}
		if plan.Update != nil {
			c.revisions[plan.Update.Name] = plan.Update
		}
	}
	for _, claim := range result.Claims {
		if err := patchIn(c.pods, claim.Pod.Name, claim.Patch); err != nil {
			return err
		}
	}
	for _, deletion := range result.Plan.Delete {
		c.deletePod(deletion.Pod.Name)
	}
	for _, creation := range result.Plan.Create {
		c.createPod(creation.Pod)
	}
	c.backoff = result.Plan.Backoff
	for _, revision := range result.CleanUp {
		delete(c.revisions, revision.Name)
	}
	if result.Status != nil {
		set := c.set.DeepCopy()
		set.Status = *result.Status
		c.set = set
	}
	return nil
}

// patchIn replaces a stored object by its patched copy.
func patchIn[T any](store map[string]*T, name string, patch []byte) error {
	object, err := patched(store[name], patch)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	store[name] = object
	return nil
}

func (c *cluster) createPod(pod *corev1.Pod) {
	c.generated++
	pod.Name = pod.GenerateName + suffix(c.generated)
	pod.UID = types.UID("uid-" + pod.Name)
	pod.CreationTimestamp = metav1.NewTime(c.now)
	pod.Status.Phase = corev1.PodPending
	c.pods[pod.Name] = pod
}

// suffix ends the n-th generated name. API servers draw it by lot from these
// letters; here it walks through all such words in fixed steps, which begin
// with the two names of the lesson.
func suffix(n int) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	const start, step = 566126, 10758923
	word := make([]byte, 5)
	for i, rest := len(word)-1, start+(n-1)*step; i >= 0; i-- {
		word[i] = letters[rest%len(letters)]
		rest /= len(letters)
	}
	return string(word)
}

// deletePod marks a pod that a kubelet runs, which will end it, and takes any
// other away at once.
func (c *cluster) deletePod(name string) {
	pod := c.pods[name]
	if pod == nil || pod.Spec.NodeName == "" {
		delete(c.pods, name)
		return
	}
	pod = pod.DeepCopy()
	pod.DeletionTimestamp = &metav1.Time{Time: c.now}
	c.pods[name] = pod
}

// tick lets four seconds pass, in which every pod comes one step further: it
// ends, if it was deleted, or it is bound and started, or it gets ready. It tells
// whether any did.
func (c *cluster) tick() bool {
	c.now = c.now.Add(4 * time.Second)
	moved := false
	for name, pod := range c.pods {
		node, ok := daemon.TargetNode(pod)
		if !ok || c.nodes[node] == nil {
			continue // no kubelet has it
		}
		pod = pod.DeepCopy()
		switch {
		case pod.DeletionTimestamp != nil:
			delete(c.pods, name)
			moved = true
			continue
		case pod.Status.Phase == corev1.PodPending:
			pod.Spec.NodeName = node
			pod.Status.Phase = corev1.PodRunning
		case pod.Status.Conditions == nil:
			pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(c.now),
			}}
		default:
			continue
		}
		c.pods[name] = pod
		moved = true
	}
	return moved
}

// collectGarbage takes the pods away that are bound to nodes which are gone, and
// returns their names.
func (c *cluster) collectGarbage() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.pods)) {
		if node := c.pods[name].Spec.NodeName; node != "" && c.nodes[node] == nil {
			names = append(names, name)
			delete(c.pods, name)
		}
	}
	return names
}

// podOn returns the name of the pod on a node.
func (c *cluster) podOn(node string) string {
	for _, name := range slices.Sorted(maps.Keys(c.pods)) {
		if c.pods[name].Spec.NodeName == node {
			return name
		}
	}
	return ""
}
