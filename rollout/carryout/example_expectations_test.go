package carryout_test

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

// A controller that learns of its own writes from events makes no pass until it has seen them.
func ExampleExpectations() {
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "1", Generation: 1}}
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}}
	set.Spec.Template.Labels = map[string]string{"app": "agent"}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}}
	server := fake.NewClientBuilder().WithObjects(daemon.Default(set), node).WithStatusSubresource(set).Build()
	ctx, key := context.Background(), client.ObjectKeyFromObject(set)
	if err := server.Get(ctx, key, set); err != nil {
		fmt.Println(err)
		return
	}
	state, err := rollout.NewState(daemon.Input{DaemonSet: set, Nodes: []*corev1.Node{node}, Now: time.Now()})
	if err != nil {
		fmt.Println(err)
		return
	}
	var expectations carryout.Expectations
	writer := carryout.Writer{Client: server, Expectations: &expectations}

	reconcile := func() {
		now := time.Now()
		if writes, waited := expectations.Pending(now); writes > 0 {
			fmt.Println("writes that no event has shown:", writes)
			// An event may be lost.
			fmt.Println("requeue after", carryout.ExpectationsTimeout-waited)
			return
		}
		result, err := state.Sync(now, rollout.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("pods to create:", len(result.Plan.Create))
		if err := writer.CarryOut(ctx, set, result); err != nil {
			fmt.Println(err)
		}
	}
	reconcile()
	reconcile()

	// The events come: the State learns of an object first, and then the expectations do.
	var pods corev1.PodList
	var revisions appsv1.ControllerRevisionList
	for _, list := range []client.ObjectList{&pods, &revisions} {
		if err := server.List(ctx, list); err != nil {
			fmt.Println(err)
			return
		}
	}
	fresh := &appsv1.DaemonSet{}
	if err := server.Get(ctx, key, fresh); err != nil {
		fmt.Println(err)
		return
	}
	pod, revision := &pods.Items[0], &revisions.Items[0]
	changes := daemon.Changes{
		DaemonSet: fresh, Pods: []*corev1.Pod{pod}, Revisions: []*appsv1.ControllerRevision{revision},
	}
	if err := state.Update(changes); err != nil {
		fmt.Println(err)
		return
	}
	for _, object := range []client.Object{fresh, pod, revision} {
		expectations.Observe(object)
	}
	reconcile()
	// Output:
	// pods to create: 1
	// writes that no event has shown: 3
	// requeue after 5m0s
	// pods to create: 0
}
