package history_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/daemon/history"
)

// The template of an older revision is in use again: the controller gives that revision the
// highest number. A template that no revision holds gets a new one.
func ExampleReconcile() {
	agent := daemontest.DaemonSet("agent")
	revisions := []*appsv1.ControllerRevision{
		daemontest.Revision(agent, 1), daemontest.Revision(daemontest.WithImage(agent, "agent:2"), 2),
	}
	for _, ds := range []*appsv1.DaemonSet{agent, daemontest.WithImage(agent, "agent:3")} {
		s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Revisions: revisions})
		if err != nil {
			fmt.Println(err)
			return
		}
		plan, err := history.Reconcile(s)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(plan)
	}
	// Output:
	// update revision agent-6bc785ff84 to number 3, hash 6bc785ff84
	// create revision agent-7b9f5d75bb (number 3)
}

// A DaemonSet is taken back to an older revision. What comes back is the
// DaemonSet as it will be, and the patch to send.
func ExampleNewRollback() {
	template := func(image string) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: image}}}}
	}
	data, err := history.Data(template("nginx:1.27.3"))
	if err != nil {
		fmt.Println(err)
		return
	}
	older := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy-7d9c"},
		Data:       runtime.RawExtension{Raw: data},
		Revision:   1,
	}

	back, err := history.NewRollback(&appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: *template("nginx:1.27.4")}}, older)
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
func ExampleDiff() {
	revision := func(image string) *appsv1.ControllerRevision {
		data, err := history.Data(&corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: image}}},
		})
		if err != nil {
			panic(err)
		}
		return &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: data}}
	}

	changes, err := history.Diff(revision("nginx:1.27.3"), revision("nginx:1.27.4-alpine"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(changes)
	// Output:
	// spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4-alpine"
}
