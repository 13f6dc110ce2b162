package health_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/rollout/health"
)

// Is the rollout done, and who has to act? Only the DaemonSet is known, not its pods. Its
// strategy is OnDelete, and two of three pods are outdated.
func ExampleOfObject() {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", Generation: 4},
		Spec:       appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}},
		Status: appsv1.DaemonSetStatus{
			ObservedGeneration: 4, DesiredNumberScheduled: 3, CurrentNumberScheduled: 3,
			UpdatedNumberScheduled: 1, NumberReady: 3, NumberAvailable: 3,
		},
	}
	object := health.OfObject(ds)
	fmt.Println(object)
	fmt.Println("somebody has to delete outdated pods:", object.State == health.ObjectWaiting)
	fmt.Println("kstatus:", object.KStatus)
	fmt.Println("Argo CD:", object.ArgoCD)
	// Output:
	// waiting: desired 3, current 3, updated 1, ready 3, available 3, misscheduled 0, maxUnavailable 0, generation 4, observed 4
	// somebody has to delete outdated pods: true
	// kstatus: InProgress (LessUpdated)
	// Argo CD: Healthy
}
