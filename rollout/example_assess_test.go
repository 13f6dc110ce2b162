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

// Is the rollout progressing or stuck, since when, and on what? The image of the
// second node's new pod cannot be pulled, and the third waits behind it.
func ExampleAssess() {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Namespace: "default", UID: "1b0c6a3e"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "demo"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"env": "demo"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-apline"}}},
			},
		},
	})
	// pod is a pod made so many minutes ago, ready at once or not at all.
	pod := func(name, node, hash string, minutes int, ready corev1.ConditionStatus) *corev1.Pod {
		pod := daemon.NewPod(ds, node, hash)
		since := metav1.NewTime(now.Add(-time.Duration(minutes) * time.Minute))
		pod.Name, pod.Spec.NodeName, pod.CreationTimestamp = name, node, since
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: since}}
		return pod
	}
	broken := pod("nginx-deploy-zp5hf", "worker-2", "new", 30, corev1.ConditionFalse)
	broken.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "nginx", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}},
	}}
	in := daemon.Input{
		DaemonSet: ds,
		Nodes: []*corev1.Node{
			{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
			{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
			{ObjectMeta: metav1.ObjectMeta{Name: "worker-3"}},
		},
		Pods: []*corev1.Pod{
			pod("nginx-deploy-b2c4d", "worker-1", "new", 31, corev1.ConditionTrue),
			broken,
			pod("nginx-deploy-x5k8p", "worker-3", "old", 6000, corev1.ConditionTrue),
		},
		RevisionHash: "new", // the label of the current ControllerRevision
		Now:          now,
	}
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := rollout.Assess(snapshot, rollout.AssessOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	fmt.Println(assessment.State, "for", now.Sub(assessment.LastChange))
	for _, holder := range assessment.Budget.Holders {
		fmt.Printf("%s uses %v: %v\n", holder.Node, assessment.Budget.Kind, holder.Reason)
	}
	for _, b := range assessment.Blockers {
		fmt.Println(b.Pod.Name, b.Reason == rollout.BlockImage, b.Container, b.Word)
	}
	for _, o := range assessment.Outdated {
		fmt.Println(o.Pod.Name, "waits for its turn")
	}

	// With OnDelete the controller waits for somebody else.
	ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	in.Pods[1] = pod("nginx-deploy-zp5hf", "worker-2", "new", 30, corev1.ConditionTrue)
	if snapshot, err = daemon.Observe(in); err != nil {
		fmt.Println(err)
		return
	}
	if assessment, err = rollout.Assess(snapshot, rollout.AssessOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	// Output:
	// stalled since 11:30:00: 1 of 3 nodes done; maxUnavailable 1 is used up by worker-2 (nginx-deploy-zp5hf: image "nginx:1.27.4-apline" cannot be pulled: ImagePullBackOff)
	// stalled for 30m0s
	// worker-2 uses maxUnavailable: new pod is not available
	// nginx-deploy-zp5hf true nginx ImagePullBackOff
	// nginx-deploy-x5k8p waits for its turn
	// waiting: 2 of 3 nodes done; 1 outdated pod waits for somebody to delete it: nginx-deploy-x5k8p on worker-3
}
