package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// randomInput returns a small cluster in an arbitrary state that the source
// decides: nodes that run, keep or refuse pods, and pods in every phase, of every
// template and owner, several or none on a node, on nodes that do not exist, or on
// none.
func randomInput(r *rand.Rand) daemon.Input {
	s := state{set: build.Set{
		MaxSurge: pick(r, "", "", "1", "50%"), OnDelete: one(r, 8), Deleting: one(r, 25),
		MinReady: pick(r, int32(0), 0, 10), Generation: int64(1 + r.IntN(2)),
	}}
	if one(r, 4) {
		s.set.Spec.NodeSelector = build.Labels{"disk": "ssd"}
	}
	if one(r, 5) {
		s.set.Annotations = build.Labels{appsv1.DeprecatedTemplateGeneration: pick(r, "1", "2", "x")}
	}
	if one(r, 5) {
		s.set.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"agent", "agency"}},
		}}
	}
	var names []string
	for i := range 7 {
		names = append(names, fmt.Sprint("n", i))
	}
	for _, name := range names[:5] {
		if one(r, 6) {
			continue // pods may be meant for it all the same
		}
		node := build.Node{Name: name, Labels: build.Labels{"disk": pick(r, "ssd", "ssd", "hdd")}}
		if one(r, 3) {
			node.Taints = []corev1.Taint{pick(r, build.NoSchedule("k"), build.NoExecute("k"))}
		}
		s.nodes = append(s.nodes, node)
	}
	for i := range r.IntN(16) {
		pod := build.Pod{
			Name: fmt.Sprint("p", i), Node: names[r.IntN(len(names))], Unbound: one(r, 5), Hash: pick(r, "new", "new", "old", "older", ""),
			NotReady: one(r, 3), Deleting: one(r, 5), Orphan: one(r, 8), Foreign: one(r, 12),
			Ready: pick(r, 0, time.Second, 9*time.Second, 10*time.Second), Age: pick(r, time.Minute, time.Hour, 2*time.Hour),
		}
		if one(r, 4) {
			pod.Phase = pick(r, corev1.PodFailed, corev1.PodFailed, corev1.PodSucceeded, corev1.PodUnknown)
		}
		if one(r, 20) {
			pod.Labels = pick(r, build.Labels{}, build.Labels{"app": "stray"}, build.Labels{"app": "agency", "pod-template-generation": "1"})
		}
		if one(r, 25) {
			pod.Node = ""
		}
		s.pods = append(s.pods, pod)
	}
	in := s.input()
	for _, pod := range in.Pods {
		switch r.IntN(40) {
		case 0:
			pod.Namespace = "default"
		case 1:
			pod.Labels, pod.OwnerReferences = nil, nil
		case 2:
			pod.Status.Conditions = nil
		case 3:
			for i := range pod.Status.Conditions {
				pod.Status.Conditions[i].LastTransitionTime = metav1.Time{}
			}
		}
	}
	for range r.IntN(6) {
		if in.Backoff == nil {
			in.Backoff = daemon.Backoff{}
		}
		key := daemon.BackoffKey{UID: in.DaemonSet.UID, ObservedGeneration: int64(r.IntN(2)), Node: names[r.IntN(5)]}
		in.Backoff[key] = daemon.BackoffEntry{Last: in.Now.Add(-time.Duration(r.IntN(20)) * time.Minute), Delay: time.Duration(1+r.IntN(900)) * time.Second}
	}
	in.DaemonSet.Status.ObservedGeneration = int64(r.IntN(2))
	if one(r, 15) {
		in.Revisions = build.Current(in.DaemonSet, "")
	}
	in.BurstReplicas = pick(r, 0, 0, 1, 2, -1)
	return in
}

func one(r *rand.Rand, in int) bool { return r.IntN(in) == 0 }
