package main

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// The built-in cluster: so many nodes in each of its zones.
const (
	builtInZones    = 3
	builtInPerZone  = 4
	builtInOldImage = "registry.example/agent:1.0"
	builtInNewImage = "registry.example/agent:1.1"
)

// builtIn is a DaemonSet at rest, at its first revision, on nodes in three zones.
func builtIn(zones, perZone int) (rollout.Input, error) {
	labels := map[string]string{"app": "agent"}
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "uid-agent", Generation: 1}}
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	set.Spec.Template.Labels = labels
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: builtInOldImage}}
	in := rollout.Input{DaemonSet: daemon.Default(set), Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), BurstReplicas: -1}
	for z := range zones {
		letter := string(rune('a' + z))
		for i := range perZone {
			node := &corev1.Node{}
			node.Name = fmt.Sprintf("node-%s%0*d", letter, len(fmt.Sprint(perZone)), i+1)
			node.Labels = map[string]string{corev1.LabelTopologyZone: "zone-" + letter}
			in.Nodes = append(in.Nodes, node)
		}
	}
	return settled(in)
}

// settled carries out the first pass on a cluster without pods, and makes its pods
// ready.
func settled(in rollout.Input) (rollout.Input, error) {
	result, err := rollout.Sync(in)
	if err != nil {
		return in, err
	}
	in.Revisions = []*appsv1.ControllerRevision{result.Revisions.Create}
	since := metav1.NewTime(in.Now.Add(-24 * time.Hour))
	for _, create := range result.Plan.Create {
		pod := create.Pod
		pod.Name = fmt.Sprintf("%sv1-%s", pod.GenerateName, create.Node)
		pod.CreationTimestamp = since
		pod.Spec.NodeName = create.Node
		pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{
			Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: since,
		}}}
		in.Pods = append(in.Pods, pod)
	}
	result, err = rollout.Sync(in)
	if err != nil {
		return in, err
	}
	if result.Status != nil {
		in.DaemonSet = in.DaemonSet.DeepCopy()
		in.DaemonSet.Status = *result.Status
	}
	return in, nil
}
