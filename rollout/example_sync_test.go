package rollout_test

import (
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
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
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 3 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	if err = errors.Join(err, c.Apply(ds)); err != nil {
		fmt.Println(err)
		return
	}

	snapshot, err := daemon.Observe(c.Input(ds))
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
	// upstream's policy: delete agent-1 on worker-1: outdated, within maxUnavailable
	// paused: nothing to do
}

// Why does the update not go on? The new pod of worker-1 never becomes ready and uses the
// whole budget.
func ExampleUsedBudget() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 3 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	ds.Spec.Template.Labels["version"] = "2"
	c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return simulate.PodTimes{ReadyAfter: -1} } // never
	if err = errors.Join(err, c.Apply(ds), c.Advance(time.Minute)); err != nil {
		fmt.Println(err)
		return
	}

	snapshot, err := daemon.Observe(c.Input(ds))
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
	// worker-1 new pod is not available
}

// Two old revisions are kept, and the template has changed three times. A controller gets
// the same revisions in Result.CleanUp.
func ExampleCleanUp() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Selector = metav1.SetAsLabelSelector(map[string]string{"app": "agent"})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	objects := []metav1.Object{ds}
	for i := range 3 {
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("worker-", i+1)}})
	}
	var c simulate.Cluster
	err := errors.Join(c.Apply(objects...), c.Advance(time.Minute)) // each node gets a pod
	for _, version := range []string{"2", "3", "4"} {
		ds.Spec.Template.Labels["version"] = version
		err = errors.Join(err, c.Apply(ds), c.Advance(10*time.Minute))
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	in := c.Input(ds)
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.DaemonSet.Spec.RevisionHistoryLimit = new(int32(2))
	snapshot, err := daemon.Observe(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := rollout.PlanRevisions(snapshot)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("current:", plan.Current.Revision)
	for _, rev := range rollout.CleanUp(snapshot, plan.Old) {
		fmt.Println("delete:", rev.Revision)
	}
	// Output:
	// current: 4
	// delete: 1
}
