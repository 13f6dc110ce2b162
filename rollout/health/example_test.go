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
)

// Is the rollout progressing or stalled, since when, and on what? The image of the
// second node's new pod cannot be pulled, and the third node waits for the budget.
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
	current := daemon.TemplateHash(&ds.Spec.Template, nil)
	// pod is a pod that was created so many minutes ago and became ready at once, or never.
	pod := func(name, node, hash string, minutes int, ready corev1.ConditionStatus) *corev1.Pod {
		pod := daemon.NewPod(ds, node, hash)
		since := metav1.NewTime(now.Add(-time.Duration(minutes) * time.Minute))
		pod.Name, pod.Spec.NodeName, pod.CreationTimestamp = name, node, since
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: since}}
		return pod
	}
	broken := pod("nginx-deploy-zp5hf", "worker-2", current, 30, corev1.ConditionFalse)
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
			pod("nginx-deploy-b2c4d", "worker-1", current, 31, corev1.ConditionTrue),
			broken,
			pod("nginx-deploy-x5k8p", "worker-3", "7d9f4c", 6000, corev1.ConditionTrue),
		},
		Now: now,
	}
	// An observer lists the revisions, too. This is the one that the controller has created.
	pass, err := rollout.Sync(in, rollout.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	in.Revisions = []*appsv1.ControllerRevision{pass.Revisions.Create}
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
	fmt.Println(assessment)
	fmt.Println(assessment.State, "for", now.Sub(assessment.LastChange))
	for _, user := range assessment.Budget.Users {
		fmt.Printf("%s uses %v: %v\n", user.Node, assessment.Budget.Kind, user.Reason)
	}
	for _, b := range assessment.Blockers {
		fmt.Println(b.Pod.Name, b.Kind == health.BlockerImage, b.Container.Name, b.Reason)
	}
	for _, outdated := range assessment.Outdated {
		fmt.Println(outdated.Name, "waits")
	}
	// Output:
	// stalled since 2026-01-01T11:30:00Z: 1 of 3 nodes complete; maxUnavailable 1 is used by worker-2 (nginx-deploy-zp5hf: image "nginx:1.27.4-apline" cannot be pulled: ImagePullBackOff)
	// stalled for 30m0s
	// worker-2 uses maxUnavailable: new pod is not available
	// nginx-deploy-zp5hf true nginx ImagePullBackOff
	// nginx-deploy-x5k8p waits
}

// Who has to act? With the strategy OnDelete, whoever deletes the outdated pods.
func ExampleAssess_onDelete() {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: "default", UID: "1b0c6a3e"},
		Spec: appsv1.DaemonSetSpec{
			Selector:       &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}},
			Template:       corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "agent"}}},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType},
		},
	})
	outdated := daemon.NewPod(ds, "worker-1", "7d9f4c")
	outdated.Name, outdated.Spec.NodeName = "agent-b2c4d", "worker-1"
	outdated.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now)}}
	snapshot, err := daemon.Observe(daemon.Input{
		DaemonSet: ds, Nodes: []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}}}, Pods: []*corev1.Pod{outdated}, Now: now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := health.Assess(snapshot, health.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	// Output:
	// waiting: 0 of 1 node complete; 1 outdated pod waits to be deleted: agent-b2c4d on worker-1
}
