package simulate_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/rollout/simulate"
)

// May this change of a manifest be merged? A check in a pipeline prints the judgment and
// exits with a status that stops the merge.
func ExampleJudge() {
	labels := map[string]string{"app": "agent"}
	merged := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
			},
		},
	}
	proposed := merged.DeepCopy()
	proposed.Spec.MinReadySeconds = 30
	proposed.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}

	// The cluster without its API server: the merged manifest, applied to the nodes.
	var c simulate.Cluster
	err := c.Apply(merged,
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

	judgment, err := simulate.Judge(c.Input(merged), simulate.Proposal{DaemonSet: proposed}, simulate.Options{}, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(judgment)
	if !judgment.OK() {
		fmt.Println("exit status 2") // os.Exit(2)
	}
	// Output:
	// would hurt: nodes that lose the pod: 1
	// starts a rollout to revision 2: 2 outdated pods
	//   spec.nodeSelector[disk]: added "ssd"
	// outside the template:
	//   spec.minReadySeconds: added 30
	// nodes: 0 gained, 1 lost, 0 keep their pods, 0 removed, 1 unchanged
	//   worker-2: lost: nodeSelector disk=ssd, node has disk=hdd
	// first pass: 1 to delete, 0 to create
	//   delete agent-2 on worker-2: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd
	// complete at 00:10:54 after 6 passes, at least 0 of 1 available
	// the rollout takes 44s
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
