package rollout_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/rollout"
)

// nginxHistory returns a DaemonSet and the two revisions that it has had.
func nginxHistory() (*appsv1.DaemonSet, []*appsv1.ControllerRevision) {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Namespace: "default", UID: "1b0c6a3e"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "demo"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"env": "demo"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx"}}},
			},
		},
	}
	var revisions []*appsv1.ControllerRevision
	for _, version := range []string{"1.27.3", "1.27.4-alpine"} {
		ds.Annotations = map[string]string{"kubernetes.io/change-cause": "nginx " + version}
		ds.Spec.Template.Spec.Containers[0].Image = "nginx:" + version
		plan, err := rollout.Revisions(ds, revisions, nil)
		if err != nil {
			panic(err)
		}
		revisions = append(revisions, plan.Create)
	}
	return ds, revisions
}

// How far is the rollout? The answer in kubectl's words and as numbers.
func ExampleProgress() {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Generation: 2},
		Spec: appsv1.DaemonSetSpec{
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType},
		},
		Status: appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 3, UpdatedNumberScheduled: 3, NumberAvailable: 3},
	}
	show := func() {
		progress, err := rollout.Progress(ds)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(progress)
	}
	show()
	ds.Status.ObservedGeneration, ds.Status.UpdatedNumberScheduled, ds.Status.NumberAvailable = 2, 1, 2
	show()
	ds.Status.UpdatedNumberScheduled = 3
	show()
	ds.Status.NumberAvailable = 3
	show()
	progress, _ := rollout.Progress(ds)
	fmt.Println(progress.State, progress.Done(), progress.Available)

	ds.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	show()
	// Output:
	// Waiting for daemon set spec update to be observed...
	// Waiting for daemon set "nginx-deploy" rollout to finish: 1 out of 3 new pods have been updated...
	// Waiting for daemon set "nginx-deploy" rollout to finish: 2 of 3 updated pods are available...
	// daemon set "nginx-deploy" successfully rolled out
	// complete true 3
	// spec.updateStrategy.type: Invalid value: "OnDelete": rollout status is only available for RollingUpdate strategy type
}

// The history as kubectl shows it, and as data.
func ExampleHistory() {
	ds, revisions := nginxHistory()

	history, err := rollout.History(ds, revisions)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(history)
	for _, entry := range history {
		template, err := entry.Template()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(entry.Revision, template.Spec.Containers[0].Image, entry.Current)
	}
	// Output:
	// REVISION  CHANGE-CAUSE
	// 1         nginx 1.27.3
	// 2         nginx 1.27.4-alpine
	// 1 nginx:1.27.3 false
	// 2 nginx:1.27.4-alpine true
}

// Back to the revision before, as kubectl rollout undo does.
func ExampleUndo() {
	ds, revisions := nginxHistory()

	back, err := rollout.Undo(ds, revisions, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(back)
	fmt.Println(back.DaemonSet.Spec.Template.Spec.Containers[0].Image)
	fmt.Println(string(back.Patch))

	again, err := rollout.Undo(back.DaemonSet, revisions, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again)

	_, err = rollout.Undo(ds, revisions, 7)
	fmt.Println(err)
	// Output:
	// rolled back
	// nginx:1.27.3
	// {"spec":{"template":{"$patch":"replace","metadata":{"labels":{"env":"demo"}},"spec":{"containers":[{"image":"nginx:1.27.3","name":"nginx","resources":{}}]}}}}
	// skipped rollback (current template already matches revision 1)
	// unable to find specified revision 7 in history
}

// What changed in the template between two revisions.
func ExampleDiffRevisions() {
	_, revisions := nginxHistory()

	changes, err := rollout.DiffRevisions(revisions[0], revisions[1])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(changes)
	// Output:
	// spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4-alpine"
}
