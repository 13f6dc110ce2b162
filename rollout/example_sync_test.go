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

// What does the controller of a new DaemonSet write?
func ExampleSync() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "6f1c", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	result, err := rollout.Sync(daemon.Input{
		DaemonSet: ds,
		Nodes:     []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}},
		Now:       time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	}, rollout.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Revisions.Create.Revision, "is the number of the new revision")
	fmt.Println(&result.Plan)
	fmt.Println(result.Status.DesiredNumberScheduled, "node should run a pod")
	// Output:
	// 1 is the number of the new revision
	// create on n1: node has no pod
	// 1 node should run a pod
}
