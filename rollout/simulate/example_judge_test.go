package simulate_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// May this change be made in the cluster? An admission webhook or a command of an operator's
// own has its objects, and the DaemonSet that somebody wants.
func ExampleJudge() {
	// A simulated cluster takes the place of what a client would list.
	labels := map[string]string{"app": "agent"}
	agent := &appsv1.DaemonSet{
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
	err := c.Apply(agent,
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1", Labels: map[string]string{"disk": "ssd"}}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-2", Labels: map[string]string{"disk": "hdd"}}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = c.Settle(); err != nil {
		fmt.Println(err)
		return
	}

	in := c.Input(agent)
	proposed := in.DaemonSet.DeepCopy()
	proposed.Spec.MinReadySeconds = 30
	proposed.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	judgment, err := simulate.Judge(in, simulate.Proposal{DaemonSet: proposed}, simulate.Options{}, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(judgment)
	// Output:
	// would hurt: nodes that lose the pod: 1
	// starts a rollout to revision 2: 2 outdated pods
	//   spec.template.spec.nodeSelector[disk]: added "ssd"
	//   spec.minReadySeconds: added 30
	// nodes: 1 lost, 1 unchanged
	//   worker-2: lost: nodeSelector disk=ssd, node has disk=hdd
	// first pass: 1 to delete
	//   delete agent-2 on worker-2: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd
	// complete after 44s (6 passes, at least 0 of 1 available)
}

// May these manifests be merged? A check in a pipeline has both versions of them and a list of the
// nodes. It prints what happens to each DaemonSet that changes, and exits with a status that stops
// the merge.
func ExampleJudgeVersions() {
	agent := func(name, image string) *appsv1.DaemonSet {
		labels := map[string]string{"app": name}
		return &appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
			Spec: appsv1.DaemonSetSpec{
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec: corev1.PodSpec{Containers: []corev1.Container{{
						Name: "main", Image: image,
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("1Gi")}},
					}}},
				},
			},
		}
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}} // as it is listed
	changes, err := simulate.JudgeVersions(simulate.Versions{
		Nodes: []*corev1.Node{node},
		Old:   []*appsv1.DaemonSet{agent("logs", "logs:1"), agent("metrics", "metrics:1"), agent("traces", "traces:1")},
		New:   []*appsv1.DaemonSet{agent("logs", "logs:2"), agent("metrics", "metrics:1")},
	}, simulate.Options{}, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	status := 0
	for _, change := range changes {
		fmt.Println(change)
		if !change.OK() {
			status = 2
		}
	}
	fmt.Println("exit status", status) // os.Exit(status)
	// Output:
	// default/logs: well
	// starts a rollout to revision 2: 1 outdated pod
	//   spec.template.spec.containers[name=main].image: "logs:1" -> "logs:2"
	// nodes: 1 unchanged
	// first pass: 1 to delete
	//   delete logs-1 on worker-1: outdated, within maxUnavailable
	// complete after 12s (4 passes, at least 0 of 1 available)
	// not simulated: whether the image "logs:2" can be pulled and starts
	// default/traces: would hurt: nodes that lose the pod: 1
	// removes the DaemonSet and its pods
	// nodes: 1 lost
	//   worker-1: lost: the DaemonSet is removed
	// exit status 2
}

// A program reads the risks, each with its kind and its nodes.
func ExampleJudge_remove() {
	labels := map[string]string{"app": "agent"}
	agent := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
	var c simulate.Cluster
	err := c.Apply(agent,
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	judgment, err := simulate.Judge(c.Input(agent), simulate.Proposal{Remove: true}, simulate.Options{}, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, risk := range judgment.Risks {
		fmt.Println(risk.Kind, risk.Nodes)
	}
	// Output: pods lost [worker-1 worker-2]
}

// What if the new image cannot be pulled? Pods with it never become ready, and the canary of the
// controller's policy fails. The change is not OK, although the restored version is complete.
func ExampleJudgeVersions_brokenImage() {
	opts := simulate.Options{
		Policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 3 * time.Minute}}},
		PodTimes: func(_ *corev1.Node, pod *corev1.Pod) (times simulate.PodTimes) {
			if pod.Spec.Containers[0].Image == "agent:2" {
				times.ReadyAfter = -1
			}
			return times
		},
	}
	old := daemontest.DaemonSet("agent")
	changes, err := simulate.JudgeVersions(simulate.Versions{
		Nodes: daemontest.Nodes(3),
		Old:   []*appsv1.DaemonSet{old},
		New:   []*appsv1.DaemonSet{daemontest.WithImage(old, "agent:2")},
	}, opts, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, change := range changes {
		fmt.Println(change.OK(), change.Judgment.Risks)
		fmt.Println(change.Judgment.End)
	}
	// Output:
	// false [the canary fails and is rolled back]
	// rolled back to revision agent-67c9cd75f8 (number 1): canary failed: node-1: agent-4: takes too long to start
	// complete after 3m14s (8 passes, at least 2 of 3 available)
}
