package health_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Is an update complete although a node is down? The policy ignores nodes that have not been
// ready for five minutes. Such a node blocks nothing, and the rollout is complete without it:
// for the simulation of the update, and for the assessment of the cluster after it.
func ExampleAssess_ignoredNode() {
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
	c := simulate.Cluster{Options: simulate.Options{Policy: rollout.Policy{
		IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}},
	}}}
	if err := c.Apply(ds, node("worker-1"), node("worker-2"), node("worker-3")); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	// worker-3 goes down, and the update begins two hours later.
	down := node("worker-3")
	down.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown", LastTransitionTime: metav1.NewTime(c.Now()),
	}}
	newer := ds.DeepCopy()
	newer.Spec.Template.Spec.Containers[0].Image = "agent:2"
	if err := c.Apply(down); err != nil {
		fmt.Println(err)
		return
	}
	c.Elapse(2 * time.Hour)
	if err := c.Apply(newer); err != nil {
		fmt.Println(err)
		return
	}
	ends, err := c.Settle()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ends[0])
	snapshot, err := daemon.Observe(c.Input(ds))
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := health.Assess(snapshot, health.Options{Policy: c.Options.Policy})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	// Output:
	// complete at 02:00:34 after 7 passes, at least 1 available
	// ignored: worker-3 (node is not ready)
	// complete since 2000-01-01T02:00:34Z: 2 of 3 nodes complete; ignored: worker-3 (node is not ready)
}
