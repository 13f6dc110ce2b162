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

// A whole controller in a loop: read the facts, make a pass, carry it out, until there is
// nothing left to do. A controller that runs for long keeps a rollout.State and Expectations
// instead of reading everything each time, and waits for events.
func Example() {
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "1", Generation: 1}}
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}}
	set.Spec.Template.Labels = map[string]string{"app": "agent"}
	first, second := &corev1.Node{}, &corev1.Node{}
	first.Name, second.Name = "worker-1", "worker-2"
	server := fake.NewClientBuilder().WithObjects(daemon.Default(set), first, second).WithStatusSubresource(set).Build()

	ctx, key := context.Background(), client.ObjectKeyFromObject(set)
	writer := carryout.Writer{Client: server}
	var backoff daemon.Backoff // the delays of pods that fail
	for pass := 1; ; pass++ {
		if err := server.Get(ctx, key, set); err != nil {
			fmt.Println(err)
			return
		}
		in := daemon.Input{DaemonSet: set, Now: time.Now(), Backoff: backoff}
		var nodes corev1.NodeList
		var pods corev1.PodList
		var revisions appsv1.ControllerRevisionList
		for _, list := range []client.ObjectList{&nodes, &pods, &revisions} {
			if err := server.List(ctx, list); err != nil {
				fmt.Println(err)
				return
			}
		}
		for i := range nodes.Items {
			in.Nodes = append(in.Nodes, &nodes.Items[i])
		}
		for i := range pods.Items {
			in.Pods = append(in.Pods, &pods.Items[i])
		}
		for i := range revisions.Items {
			in.Revisions = append(in.Revisions, &revisions.Items[i])
		}
		result, err := rollout.Sync(in, rollout.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("pass %d: %d pods, %d to create\n", pass, len(in.Pods), len(result.Plan.Create))
		// An empty result may have events to record.
		if err := writer.CarryOut(ctx, set, result); err != nil {
			fmt.Println(err)
			return
		}
		if result.Empty() && result.Plan.RequeueAfter == 0 {
			return
		}
		backoff = backoff.With(result.Plan.BackoffChanges)
		time.Sleep(result.Plan.RequeueAfter)
	}
	// Output:
	// pass 1: 0 pods, 2 to create
	// pass 2: 2 pods, 0 to create
	// pass 3: 2 pods, 0 to create
}
