package rollout_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/daemon/history"
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

// One snapshot answers several questions: what would the next pass do now, and what if the
// update were paused?
func ExampleSyncSnapshot() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))

	snapshot, err := daemon.Observe(c.Input(agent))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, policy := range []rollout.Policy{{}, {Paused: true}} {
		result, err := rollout.SyncSnapshot(snapshot, rollout.Options{Policy: policy})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v: %v\n", policy, &result.Plan)
	}
	// Output:
	// upstream's policy: delete agent-1 on node-1: outdated, within maxUnavailable
	// paused: nothing to do
}

// Why does the update not go on? The new pod of node-1 never becomes ready and uses the
// whole budget.
func ExampleUsedBudget() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	c.BreakImage(t, "agent:2")
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Advance(t, time.Minute)

	snapshot, err := daemon.Observe(c.Input(agent))
	if err != nil {
		fmt.Println(err)
		return
	}
	budget, err := rollout.UsedBudget(snapshot, rollout.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(budget.Kind, budget.Limit, "exhausted:", budget.Exhausted())
	for _, user := range budget.Users {
		fmt.Println(user.Node, user.Reason)
	}
	// Output:
	// maxUnavailable 1 exhausted: true
	// node-1 new pod is not available
}

// Two old revisions are kept, and the template has changed three times. A controller gets
// the same revisions in Result.CleanUp.
func ExampleCleanUp() {
	t := new(testing.T) // a test is given one
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(3)...)
	for _, image := range []string{"agent:2", "agent:3", "agent:4"} {
		c.Apply(t, daemontest.WithImage(agent, image))
		c.Settle(t)
	}

	in := c.Input(agent)
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.DaemonSet.Spec.RevisionHistoryLimit = new(int32(2))
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := history.Reconcile(snapshot)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("current:", plan.Current.Revision)
	for _, rev := range history.CleanUp(snapshot, plan.Old) {
		fmt.Println("delete:", rev.Revision)
	}
	// Output:
	// current: 4
	// delete: 1
}
