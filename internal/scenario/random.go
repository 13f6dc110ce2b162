package scenario

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
)

// Random returns the facts of a small cluster in an arbitrary state, which the given
// source decides: nodes with and without taints and labels, pods of current, older and
// unknown templates in every phase, several or none on a node, on nodes that do
// not exist, orphaned and foreign ones, and revisions that are missing,
// duplicate, unlabelled, foreign or broken.
func Random(r *rand.Rand) daemon.Input {
	in := daemon.Input{Now: now}
	nodes := r.IntN(7)
	for i := range nodes {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("n%d", i), Labels: map[string]string{"disk": pick(r, "ssd", "hdd")}}}
		if one(r, 4) {
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: "k", Effect: pick(r, corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute)})
		}
		in.Nodes = append(in.Nodes, node)
	}
	in.DaemonSet = randomDaemonSet(r)
	hashes := randomRevisions(r, &in)
	for i := range r.IntN(2*nodes + 3) {
		in.Pods = append(in.Pods, randomPod(r, in.DaemonSet, fmt.Sprintf("p%d", i), fmt.Sprintf("n%d", r.IntN(nodes+2)), pick(r, hashes...)))
	}
	return in
}

func randomDaemonSet(r *rand.Rand) *appsv1.DaemonSet {
	labels := map[string]string{"app": "d"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "d", Namespace: "ns", UID: "uid-d", Generation: int64(r.IntN(3))},
		Spec: appsv1.DaemonSetSpec{
			Selector:        &metav1.LabelSelector{MatchLabels: labels},
			MinReadySeconds: pick(r, int32(0), 0, 10),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "c:1"}}},
			},
		},
	})
	if one(r, 5) {
		ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: pick(r, "1", "2", "x")}
	}
	if one(r, 4) {
		ds.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	}
	limit := int32(r.IntN(3))
	ds.Spec.RevisionHistoryLimit = &limit
	update := ds.Spec.UpdateStrategy.RollingUpdate
	switch r.IntN(6) {
	case 0:
		ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	case 1, 2:
		update.MaxUnavailable = randomBudget(r, 0)
		update.MaxSurge = randomBudget(r, 1)
	default:
		update.MaxUnavailable = randomBudget(r, 1)
	}
	return ds
}

func randomBudget(r *rand.Rand, least int) *intstr.IntOrString {
	budget := intstr.FromInt32(int32(least))
	switch {
	case least > 0 && one(r, 2):
		budget = intstr.FromString(pick(r, "1%", "34%", "50%", "100%"))
	case least > 0:
		budget = intstr.FromInt32(int32(least + r.IntN(3)))
	}
	return &budget
}

// randomRevisions adds revisions and returns hashes that pods may carry.
func randomRevisions(r *rand.Rand, in *daemon.Input) []string {
	hashes := []string{"unknown", "", daemon.TemplateHash(&in.DaemonSet.Spec.Template, nil)}
	for i := range r.IntN(5) {
		template := in.DaemonSet.Spec.Template.DeepCopy()
		template.Spec.Containers[0].Image = fmt.Sprintf("c:%d", 1+r.IntN(3))
		hash := daemon.TemplateHash(template, nil)
		if one(r, 5) {
			hash = fmt.Sprintf("h%d", i)
		}
		data, err := history.Data(template)
		if err != nil || one(r, 8) {
			data = []byte(`{"spec":`)
		}
		rev := &appsv1.ControllerRevision{
			ObjectMeta: metav1.ObjectMeta{
				Name: "d-" + hash, Namespace: "ns", UID: types.UID("uid-" + hash),
				Labels:          map[string]string{"app": "d", appsv1.DefaultDaemonSetUniqueLabelKey: hash},
				OwnerReferences: owners(in.DaemonSet, pick(r, "self", "self", "self", "self", "none", "other")),
			},
			Revision: int64(r.IntN(6)),
		}
		if one(r, 8) {
			delete(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
		}
		rev.Data.Raw = data
		in.Revisions = append(slices.DeleteFunc(in.Revisions, func(old *appsv1.ControllerRevision) bool { return old.Name == rev.Name }), rev)
		hashes = append(hashes, hash, hash)
	}
	return hashes
}

func randomPod(r *rand.Rand, ds *appsv1.DaemonSet, name, node, hash string) *corev1.Pod {
	pod := daemon.NewPod(ds, node, hash)
	pod.Name, pod.UID = name, types.UID("uid-"+name)
	pod.CreationTimestamp = metav1.NewTime(now.Add(-time.Duration(r.IntN(4)) * time.Minute))
	pod.OwnerReferences = owners(ds, pick(r, "self", "self", "self", "self", "self", "self", "none", "other"))
	pod.Status.Phase = pick(r, corev1.PodRunning, corev1.PodRunning, corev1.PodRunning, corev1.PodPending, corev1.PodFailed, corev1.PodSucceeded)
	if !one(r, 6) {
		pod.Spec.NodeName = node
	}
	if one(r, 6) {
		pod.DeletionTimestamp = &metav1.Time{Time: now}
	}
	if one(r, 12) {
		pod.Labels["app"] = "stray"
	}
	if pod.Status.Phase == corev1.PodRunning && !one(r, 4) {
		setReady(pod, corev1.ConditionTrue, now.Add(-time.Duration(r.IntN(20))*time.Second))
	}
	return pod
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func one(r *rand.Rand, in int) bool { return r.IntN(in) == 0 }
