package main

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/rollout/health"
)

// PoolLabel is the label of nodes that says in which pool they are.
const PoolLabel = "example.com/pool"

// Spec is the spec of the operator's own resource.
type Spec struct {
	// Version is that of the agent.
	Version string `json:"version"`
	// Pool is the pool whose nodes run the agent. Empty means all nodes.
	Pool string `json:"pool,omitempty"`
	// Parallel is how many nodes are updated at once, as a number or percentage. Empty means one.
	Parallel string `json:"parallel,omitempty"`
}

// DaemonSet returns the DaemonSet that the operator applies for a spec.
func DaemonSet(spec Spec) *appsv1.DaemonSet {
	labels := map[string]string{"app.kubernetes.io/name": "agent"}
	ds := &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "agent-system", Name: "agent", Labels: labels},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Tolerations: []corev1.Toleration{{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
					Containers: []corev1.Container{{
						Name:  "agent",
						Image: "registry.example.com/agent:" + spec.Version,
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
							corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi"),
						}},
					}},
				},
			},
		},
	}
	if spec.Pool != "" {
		ds.Spec.Template.Spec.NodeSelector = map[string]string{PoolLabel: spec.Pool}
	}
	if spec.Parallel != "" {
		ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.Parse(spec.Parallel))}
	}
	return ds
}

// Phase is what the operator writes into the status of its resource, given the DaemonSet as
// the API server has it.
func Phase(ds *appsv1.DaemonSet) string {
	switch health.OfObject(ds).State {
	case health.ObjectCurrent, health.ObjectReadyEnough: // as helm --wait sees it
		return "Ready"
	case health.ObjectDeleting:
		return "Deleting"
	}
	return "Updating"
}
