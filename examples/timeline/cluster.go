package main

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout/simulate"
)

// The built-in cluster: so many nodes in each of its zones.
const (
	builtInZones    = 3
	builtInPerZone  = 4
	builtInOldImage = "registry.example/agent:1.0"
	builtInNewImage = "registry.example/agent:1.1"
)

// builtIn returns a DaemonSet at rest, at its first revision since a day, on nodes in
// some zones.
func builtIn(zones, perZone int) (daemon.Input, error) {
	labels := map[string]string{"app": "agent"}
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "uid-agent", Generation: 1}}
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	set.Spec.Template.Labels = labels
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: builtInOldImage}}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	in := daemon.Input{DaemonSet: daemon.Default(set), Now: now.Add(-24 * time.Hour), BurstReplicas: -1}
	for z := range zones {
		letter := string(rune('a' + z))
		for i := range perZone {
			node := &corev1.Node{}
			node.Name = fmt.Sprintf("node-%s%0*d", letter, len(fmt.Sprint(perZone)), i+1)
			node.Labels = map[string]string{corev1.LabelTopologyZone: "zone-" + letter}
			in.Nodes = append(in.Nodes, node)
		}
	}
	c, err := simulate.NewCluster(in, simulate.Options{
		// Pods are created in the order of the nodes.
		PodName: func(generateName string, n int) string {
			return generateName + "v1-" + in.Nodes[(n-1)%len(in.Nodes)].Name
		},
	})
	if err == nil {
		err = c.Advance(24 * time.Hour)
	}
	if err != nil {
		return in, err
	}
	return c.Input(set), nil
}
