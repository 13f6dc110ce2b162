package health_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/kubectl"
	"github.com/pernode/daemonset/rollout/simulate"
)

// What does a dashboard show? The table of kubectl get daemonsets, below it the state of the
// rollout, and one line for each node.
func ExampleAssess_dashboard() {
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
	// A simulated cluster takes the place of what a client would list. It is in the middle
	// of an update.
	var c simulate.Cluster
	err := c.Apply(ds,
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
		&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "worker-3"},
			Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "dedicated", Value: "db", Effect: corev1.TaintEffectNoSchedule}}},
		},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	newer := ds.DeepCopy()
	newer.Spec.Template.Spec.Containers[0].Image = "agent:2"
	if err = c.Apply(newer); err != nil {
		fmt.Println(err)
		return
	}
	if err = c.Advance(5 * time.Second); err != nil {
		fmt.Println(err)
		return
	}
	in := c.Input(ds)

	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := health.Assess(snapshot, health.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(kubectl.NewTable([]*appsv1.DaemonSet{in.DaemonSet}, in.Now))
	fmt.Println(assessment)
	for _, node := range daemon.StatusByNode(snapshot) {
		fmt.Println(node)
	}
	// Output:
	// NAME    DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE
	// agent   2         2         1       1            1           <none>          15s
	// progressing: 0 of 2 nodes complete; maxUnavailable 1 is used by worker-1 (agent-3: not ready)
	// worker-1: desired, current, up-to-date; agent-3 is not ready
	// worker-2: desired, current, ready, available; agent-2 has an outdated template
	// worker-3: not desired: untolerated taint {dedicated: db} (NoSchedule)
}

// Does a canary wait, and for whom? Assess needs the policy, and the trial that the last pass
// has returned.
func ExampleAssess_policy() {
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
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}}
	// A simulated cluster takes the place of a controller and of what a client would list.
	c := simulate.Cluster{Options: simulate.Options{Policy: policy}}
	err := c.Apply(ds,
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	newer := ds.DeepCopy()
	newer.Spec.Template.Spec.Containers[0].Image = "agent:2"
	if err = c.Apply(newer); err != nil {
		fmt.Println(err)
		return
	}
	ends, err := c.Settle()
	if err != nil {
		fmt.Println(err)
		return
	}

	snapshot, err := daemon.Observe(c.Input(ds))
	if err != nil {
		fmt.Println(err)
		return
	}
	trial := ends[0].Last.CanaryTrial
	assessment, err := health.Assess(snapshot, health.Options{Policy: policy, CanaryTrial: trial})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)

	promoted := *trial
	promoted.State = rollout.CanaryPromoted
	if assessment, err = health.Assess(snapshot, health.Options{Policy: policy, CanaryTrial: &promoted}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	// Output:
	// waiting: 1 of 2 nodes complete; canary waits for promotion on worker-1; held back: 1 by canary
	// progressing: 1 of 2 nodes complete; 1 to delete now
}
