package rollout_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout"
)

// A controller keeps a State, tells it every event, and carries out each Result. Here
// an API server in memory takes the writes, and each write is an event at once.
func ExampleState() {
	labels := map[string]string{"app": "agent"}
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "6f1c", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
			},
		},
	})
	nodes := []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}, {ObjectMeta: metav1.ObjectMeta{Name: "n2"}}}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

	state, err := rollout.NewState(daemon.Input{DaemonSet: ds, Nodes: nodes, Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}
	tell := func(c daemon.Changes) {
		if err := state.Update(c); err != nil {
			fmt.Println(err)
		}
	}
	created := 0
	// carryOut makes the writes of a new or rolling DaemonSet. A controller also sends the
	// patches of Claims and Relabel, deletes Duplicates, and sends copies of Label and Update.
	carryOut := func(result *rollout.Result) {
		if rev := result.Revisions.Create; rev != nil {
			rev.UID = types.UID(rev.Name)
			tell(daemon.Changes{Revisions: []*appsv1.ControllerRevision{rev}})
		}
		for _, c := range result.Plan.Create {
			created++
			pod := c.Pod
			pod.Name, pod.Spec.NodeName = fmt.Sprint("agent-", created), c.Node // the scheduler binds it
			pod.Status.Phase = corev1.PodRunning                                // the kubelet starts it
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			tell(daemon.Changes{Pods: []*corev1.Pod{pod}})
			fmt.Println("  created", pod.Name, "with", pod.Spec.Containers[0].Image)
		}
		for _, d := range result.Plan.Delete {
			tell(daemon.Changes{DeletedPods: []string{d.Pod.Name}}) // it ends at once
		}
		for _, rev := range result.CleanUp {
			tell(daemon.Changes{DeletedRevisions: []string{rev.Name}})
		}
		if result.Status != nil {
			ds = ds.DeepCopy()
			ds.Status = *result.Status
			tell(daemon.Changes{DaemonSet: ds})
		}
	}
	settle := func() {
		for {
			result, err := state.Sync(now, rollout.Options{})
			if err != nil {
				fmt.Println(err) // A Result that comes with it is carried out all the same.
			}
			if result == nil || result.Empty() {
				return
			}
			fmt.Println(&result.Plan)
			carryOut(result)
		}
	}

	fmt.Println("# new DaemonSet")
	settle()
	fmt.Println("# new image")
	ds = ds.DeepCopy()
	ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
	ds.Generation++ // the API server raises it
	tell(daemon.Changes{DaemonSet: ds})
	settle()
	// Output:
	// # new DaemonSet
	// create on n1: node has no pod
	// create on n2: node has no pod
	//   created agent-1 with agent:1
	//   created agent-2 with agent:1
	// nothing to do
	// # new image
	// delete agent-1 on n1: outdated, within maxUnavailable
	// create on n1: node has no pod
	//   created agent-3 with agent:2
	// delete agent-2 on n2: outdated, within maxUnavailable
	// create on n2: node has no pod
	//   created agent-4 with agent:2
	// nothing to do
}

// The events of a controller's writes take a while. Until all of them have come, passes
// have AwaitingWrites set: without it the second pass would create the pod again.
func ExampleState_awaitingWrites() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	state, err := rollout.NewState(daemon.Input{DaemonSet: daemon.Default(ds), Nodes: []*corev1.Node{node}, Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}

	awaited := map[string]bool{} // the pods that were written and of which no event has come
	var events []daemon.Changes  // on their way
	pass := func() {
		result, err := state.Sync(now, rollout.Options{AwaitingWrites: len(awaited) > 0})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v: %v\n", result.Outcome, &result.Plan)
		if rev := result.Revisions.Create; rev != nil {
			events = append(events, daemon.Changes{Revisions: []*appsv1.ControllerRevision{rev}})
		}
		for _, c := range result.Plan.Create {
			pod := c.Pod
			pod.Name, pod.Spec.NodeName = "agent-x7k2p", c.Node // the API server and the scheduler
			awaited[pod.Name] = true
			events = append(events, daemon.Changes{Pods: []*corev1.Pod{pod}})
		}
		for _, d := range result.Plan.Delete {
			pod := d.Pod.DeepCopy()
			pod.DeletionTimestamp = new(metav1.NewTime(now)) // the API server
			awaited[pod.Name] = true
			events = append(events, daemon.Changes{Pods: []*corev1.Pod{pod}})
		}
	}
	arrive := func() {
		for _, event := range events {
			if err := state.Update(event); err != nil {
				fmt.Println(err)
			}
			for _, pod := range event.Pods {
				delete(awaited, pod.Name)
			}
		}
		events = nil
	}

	pass()
	pass()
	arrive()
	pass()
	// Output:
	// synced: create on node-1: node has no pod
	// waiting for earlier writes to be observed: nothing to do
	// synced: nothing to do
}

// A State remembers the trial of a canary. To promote it, give a promoted copy to one pass.
func ExampleState_promotion() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	c.Options.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Settle(t) // one node tries it

	state, err := rollout.NewState(c.Input(agent))
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := rollout.Options{Policy: c.Options.Policy}
	waiting, err := state.Sync(c.Now(), opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(waiting.Policy)

	opts.CanaryTrial = waiting.CanaryTrial.DeepCopy()
	opts.CanaryTrial.State = rollout.CanaryPromoted
	result, err := state.Sync(c.Now(), opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	// Output:
	// canary waits for promotion on node-1
	// held back: 2 by canary
	// delete agent-2 on node-2: outdated, within maxUnavailable
}
