package health_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Is it a rollout, or does a node reboot? With the memory of the assessment before, a rollout
// that was complete stays complete while a node is down. Without it, nobody knows.
func ExampleMemory() {
	labels := map[string]string{"app": "agent"}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
			},
		},
	}
	node := func(name string) *corev1.Node { return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	var c simulate.Cluster
	if err := c.Apply(ds, node("worker-1"), node("worker-2"), node("worker-3")); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	var memory health.Memory // of the assessment before; it may be stored as JSON
	assess := func(memory health.Memory) *health.Assessment {
		snapshot, err := daemon.Observe(c.Input(ds))
		if err != nil {
			fmt.Println(err)
			return &health.Assessment{}
		}
		assessment, err := health.Assess(snapshot, health.Options{Memory: memory})
		if err != nil {
			fmt.Println(err)
			return &health.Assessment{}
		}
		return assessment
	}
	assessment := assess(memory)
	fmt.Println(assessment)
	memory = assessment.Memory

	down := node("worker-3")
	down.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown", LastTransitionTime: metav1.NewTime(c.Now()),
	}}
	if err := c.Apply(down); err != nil {
		fmt.Println(err)
		return
	}
	c.Elapse(10 * time.Minute)
	assessment = assess(memory)
	fmt.Println(assessment)
	fmt.Println("without memory:", assess(health.Memory{}))
	// Output:
	// complete since 2000-01-01T00:00:10Z: 3 of 3 nodes complete
	// complete since 2000-01-01T00:00:10Z: 1 of 3 nodes unavailable: worker-3 (agent-3: node is not ready since 2000-01-01T00:00:10Z: NodeStatusUnknown)
	// without memory: stalled since 2000-01-01T00:00:10Z: 2 of 3 nodes complete; not complete: worker-3 (agent-3: node is not ready since 2000-01-01T00:00:10Z: NodeStatusUnknown); it is not known whether this is a rollout or a disruption
}
