package rollout_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pernode/daemonset/rollout"
)

// A DaemonSet is taken back to an older revision. What comes back is the
// DaemonSet as it will be, and the patch to send.
func ExampleNewRollback() {
	template := func(image string) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: image}}}}
	}
	data, err := rollout.RevisionData(template("nginx:1.27.3"))
	if err != nil {
		fmt.Println(err)
		return
	}
	older := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy-7d9c"},
		Data:       runtime.RawExtension{Raw: data},
		Revision:   1,
	}

	back, err := rollout.NewRollback(&appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: *template("nginx:1.27.4")}}, older)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(back)
	fmt.Println(back.DaemonSet.Spec.Template.Spec.Containers[0].Image)
	fmt.Println(string(back.Patch))
	// Output:
	// roll back to revision nginx-deploy-7d9c (number 1)
	// nginx:1.27.3
	// {"spec":{"template":{"$patch":"replace","metadata":{},"spec":{"containers":[{"image":"nginx:1.27.3","name":"nginx","resources":{}}]}}}}
}

// What changed in the template between two revisions.
func ExampleDiffRevisions() {
	revision := func(image string) *appsv1.ControllerRevision {
		data, err := rollout.RevisionData(&corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: image}}},
		})
		if err != nil {
			panic(err)
		}
		return &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: data}}
	}

	changes, err := rollout.DiffRevisions(revision("nginx:1.27.3"), revision("nginx:1.27.4-alpine"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(changes)
	// Output:
	// spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4-alpine"
}
