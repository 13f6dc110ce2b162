package simulate_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// What has happened after some seconds? Advance moves the clock, and the controller
// reacts to all that happens on the way.
func ExampleCluster_Advance() {
	labels := map[string]string{"app": "agent"}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
	var c simulate.Cluster
	err := c.Apply(ds, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		if err := c.Advance(5 * time.Second); err != nil {
			fmt.Println(err)
			return
		}
		status := c.Input(ds).DaemonSet.Status
		fmt.Println(c.Now().Format(time.TimeOnly), "scheduled:", status.CurrentNumberScheduled, "available:", status.NumberAvailable)
	}
	// Output:
	// 00:00:05 scheduled: 1 available: 0
	// 00:00:10 scheduled: 1 available: 1
	// 00:00:15 scheduled: 1 available: 1
}

// What does the controller find when it was down for a minute? Elapse moves the clock
// without it, Sync makes one pass, and Next moves the clock to the next event.
func ExampleCluster_Elapse() {
	labels := map[string]string{"app": "agent"}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
	var c simulate.Cluster
	err := c.Apply(ds, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	if err = c.Delete(c.Input(ds).Pods[0]); err != nil {
		fmt.Println(err)
		return
	}
	c.Elapse(time.Minute)
	fmt.Println(c.Now().Format(time.TimeOnly), "pods:", len(c.Input(ds).Pods))
	for {
		result, err := c.Sync(ds)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, create := range result.Plan.Create {
			fmt.Println(c.Now().Format(time.TimeOnly), create)
		}
		if result.Empty() && !c.Next() {
			break
		}
	}
	fmt.Println(c.Now().Format(time.TimeOnly), "available:", c.Input(ds).DaemonSet.Status.NumberAvailable)
	// Output:
	// 00:11:10 pods: 0
	// 00:11:10 create on worker-1: node has no pod
	// 00:11:20 available: 1
}

// What happens to an update when a node is lost? The test sets the Ready condition and adds
// the taints, as the node controller does. No kubelet ends the deleted pod there.
func ExampleCluster_lostNode() {
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
	var c simulate.Cluster
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
	lost := c.Input(ds).Nodes[1].DeepCopy()
	lost.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
	lost.Spec.Taints = []corev1.Taint{
		{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute},
	}
	newer := ds.DeepCopy()
	newer.Spec.Template.Spec.Containers[0].Image = "agent:2"
	if err = c.Apply(lost, newer); err != nil {
		fmt.Println(err)
		return
	}
	ends, err := c.Settle()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ends[0])

	// The policy may ignore such nodes.
	c.Options.Policy.IgnoreNotReadyNodes = &rollout.IgnoreAfter{}
	if ends, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ends[0])
	// Output:
	// stalled from the start (1 pass, at least 1 of 1 available), on:
	//   worker-2: agent-2: terminating; node is not ready
	//   worker-1: desired, current, ready, available; agent-1 has an outdated template
	// maxUnavailable 1 is used by worker-2 (pod is terminating, node is not ready)
	// complete after 12s (4 passes, at least 0 of 1 available)
	// ignored: worker-2 (node is not ready)
}

// Does a canary find a broken image, and is it rolled back? The pods of agent:2 never
// become ready.
func ExampleCluster_canary() {
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
	c := simulate.Cluster{Options: simulate.Options{
		Policy: rollout.Policy{Canary: &rollout.Canary{
			Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 5 * time.Minute},
		}},
		PodTimes: func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
			if pod.Spec.Containers[0].Image == "agent:2" {
				return simulate.PodTimes{ReadyAfter: -1}
			}
			return simulate.PodTimes{}
		},
	}}
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
	fmt.Println(ends[0].State, "with", c.Input(ds).DaemonSet.Spec.Template.Spec.Containers[0].Image)
	fmt.Println("lowest availability:", ends[0].LowestAvailable)
	fmt.Println("rolled back to revision", ends[0].Rollback.Revision.Revision)
	// Output:
	// complete with agent:1
	// lowest availability: 1
	// rolled back to revision 1
}

// How is a canary promoted? A trial with the state CanaryPromoted goes into the Options.
func ExampleCluster_promotion() {
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
	c := simulate.Cluster{Options: simulate.Options{
		Policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}},
	}}
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
	fmt.Println(ends[0])

	promoted := *ends[0].Last.CanaryTrial
	promoted.State = rollout.CanaryPromoted
	c.Options.CanaryTrial = &promoted
	if ends, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ends[0])
	// Output:
	// waiting after 12s (4 passes, at least 1 of 2 available), on:
	//   worker-2: desired, current, ready, available; agent-2 has an outdated template
	// canary waits for promotion on worker-1
	// held back: 1 by canary
	// complete after 12s (4 passes, at least 1 of 2 available)
}
