package carryout_test

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// A loop with client-go alone, without a Writer: it carries out the writes of a DaemonSet whose
// objects nobody else changes. A Writer carries out all others as well: claims, relabelled pods,
// rollbacks and the clean-up of the history, and it knows which failures are none.
func Example_clientGo() {
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "1", Generation: 1}}
	set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}}
	set.Spec.Template.Labels = map[string]string{"app": "agent"}
	first, second := &corev1.Node{}, &corev1.Node{}
	first.Name, second.Name = "worker-1", "worker-2"
	clients := fake.NewClientset(daemon.Default(set), first, second)

	ctx, all := context.Background(), metav1.ListOptions{}
	pass := func() (quiet bool, err error) {
		set, err := clients.AppsV1().DaemonSets("default").Get(ctx, "agent", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		nodes, err := clients.CoreV1().Nodes().List(ctx, all)
		if err != nil {
			return false, err
		}
		pods, err := clients.CoreV1().Pods("default").List(ctx, all)
		if err != nil {
			return false, err
		}
		revisions, err := clients.AppsV1().ControllerRevisions("default").List(ctx, all)
		if err != nil {
			return false, err
		}
		in := daemon.Input{DaemonSet: set, Now: time.Now()}
		for i := range nodes.Items {
			in.Nodes = append(in.Nodes, &nodes.Items[i])
		}
		for i := range pods.Items {
			in.Pods = append(in.Pods, &pods.Items[i])
		}
		for i := range revisions.Items {
			in.Revisions = append(in.Revisions, &revisions.Items[i])
		}
		r, err := rollout.Sync(in, rollout.Options{})
		if err != nil {
			return false, err
		}
		fmt.Printf("%d pods, %d to create, %d to delete\n", len(in.Pods), len(r.Plan.Create), len(r.Plan.Delete))

		// The order of the writes is that of the fields of the Result.
		if r.Revisions != nil && r.Revisions.Create != nil {
			revision := r.Revisions.Create
			if _, err := clients.AppsV1().ControllerRevisions("default").Create(ctx, revision, metav1.CreateOptions{}); err != nil {
				return false, err
			}
		}
		for _, create := range r.Plan.Create {
			// A real API server makes a name out of generateName.
			create.Pod.Name = create.Pod.GenerateName + create.Node
			if _, err := clients.CoreV1().Pods("default").Create(ctx, create.Pod, metav1.CreateOptions{}); err != nil {
				return false, err
			}
		}
		for _, del := range r.Plan.Delete {
			if err := clients.CoreV1().Pods("default").Delete(ctx, del.Pod.Name, metav1.DeleteOptions{}); err != nil {
				return false, err
			}
		}
		if r.Status != nil {
			set.Status = *r.Status
			if _, err := clients.AppsV1().DaemonSets("default").UpdateStatus(ctx, set, metav1.UpdateOptions{}); err != nil {
				return false, err
			}
		}
		return r.Empty(), nil
	}
	for {
		quiet, err := pass()
		if err != nil {
			fmt.Println(err)
			return
		}
		if quiet {
			return
		}
	}
	// Output:
	// 0 pods, 2 to create, 0 to delete
	// 2 pods, 0 to create, 0 to delete
	// 2 pods, 0 to create, 0 to delete
}
