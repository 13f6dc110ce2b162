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

// agent returns a DaemonSet on two nodes, with nothing done for it yet.
func agent() rollout.Input {
	labels := map[string]string{"app": "agent"}
	in := rollout.Input{Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	in.DaemonSet = daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: "default", UID: "1", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
			},
		},
	})
	for _, name := range []string{"worker-1", "worker-2"} {
		in.Nodes = append(in.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return in
}

// How does a rollout go, to its end, if the pods of one node never become ready?
func ExampleSteps() {
	world := rollout.World{Fate: func(node *corev1.Node, _ *corev1.Pod) rollout.Fate {
		if node.Name == "worker-2" {
			return rollout.Fate{ReadyAfter: -1}
		}
		return rollout.Fate{}
	}}
	for pass, err := range rollout.Steps(agent(), world) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, c := range pass.Result.Plan.Create {
			fmt.Println(pass.Time.Format(time.TimeOnly), c)
		}
		if pass.End != nil {
			fmt.Println(pass.End)
		}
	}
	// Output:
	// 12:00:00 create on worker-1: node has no pod
	// 12:00:00 create on worker-2: node has no pod
	// stuck since 12:00:10 after 3 passes, at least 0 available, on:
	//   worker-2: desired, current, up-to-date; not ready: agent-2 is not
}

// A controller that feeds a Tracker from its watches makes passes that cost what
// has changed.
func ExampleTracker() {
	in := agent()
	tracker, result, err := rollout.NewTracker(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, create := range result.Plan.Create {
		fmt.Println(create) // the controller creates create.Pod, and its watch tells:
		pod := create.Pod
		pod.Name = "agent-on-" + create.Node
		if err := tracker.SetPod(pod); err != nil {
			fmt.Println(err)
		}
	}
	tracker.SetStatus(*result.Status)

	tracker.DeletePod("agent-on-worker-1")
	result, err = tracker.Sync(in.Now.Add(time.Minute))
	fmt.Println(result, err)
	// Output:
	// create on worker-1: node has no pod
	// create on worker-2: node has no pod
	// create on worker-1: node has no pod
	// status: desired 2, current 1, ready 0, up-to-date 1, available 0, unavailable 2, misscheduled 0, observed generation 1 <nil>
}
