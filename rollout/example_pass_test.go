package rollout_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// One pass of a controller: carry out what it says, in this order, and come back
// when something changes.
func ExampleSync() {
	result, err := rollout.Sync(agent())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result)
	// Output:
	// create revision agent-744c9486c6 (number 1)
	// create on worker-1: node has no pod
	// create on worker-2: node has no pod
	// status: desired 2, current 0, ready 0, up-to-date 0, available 0, unavailable 2, misscheduled 0, observed generation 1
}

// What will the rolling update do next, and what is it waiting for?
func ExampleNext() {
	in := agent()
	var pods []*corev1.Pod
	for i, node := range in.Nodes {
		pod := daemon.NewPod(in.DaemonSet, node.Name, "old")
		pod.Name = fmt.Sprintf("agent-%d", i+1)
		pod.Spec.NodeName = node.Name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(in.Now.Add(-time.Hour))}}
		pods = append(pods, pod)
	}
	for range 2 {
		snapshot, err := daemon.Observe(daemon.Input{DaemonSet: in.DaemonSet, Nodes: in.Nodes, Pods: pods, RevisionHash: "new", Now: in.Now})
		if err != nil {
			fmt.Println(err)
			return
		}
		step, err := rollout.Next(snapshot)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(step)
		// The pod of the first node is being deleted, and its successor comes with
		// the next daemon.Reconcile.
		pods[0].DeletionTimestamp = &metav1.Time{Time: in.Now}
	}
	// Output:
	// update: 2 desired, 2 outdated; maxUnavailable 1, 0 unavailable
	// delete agent-1 on worker-1: outdated, within maxUnavailable
	// update waits: 2 desired, 1 outdated; maxUnavailable 1, 1 unavailable
	// nothing to do
}

// Which revision is current, and what has to be written so that it is?
func ExampleRevisions() {
	in := agent()
	first, err := rollout.Revisions(in.DaemonSet, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
	second, err := rollout.Revisions(in.DaemonSet, []*appsv1.ControllerRevision{first.Create}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(second)
	fmt.Println(second.Current.Name, "is current")
	// Output:
	// create revision agent-646b88d58f (number 2)
	// agent-646b88d58f is current
}
