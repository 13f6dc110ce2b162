package simulate_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// In which order does an update go that replaces one zone after the other?
func ExampleRun_oneDomain() {
	labels := map[string]string{"app": "agent"}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(2))},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
			},
		},
	}
	var c simulate.Cluster
	if err := c.Apply(ds); err != nil {
		fmt.Println(err)
		return
	}
	for i, zone := range []string{"a", "b", "a"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("worker-%d", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}}
		if err := c.Apply(node); err != nil {
			fmt.Println(err)
			return
		}
	}
	if _, err := c.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	in := c.Input(ds)
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.DaemonSet.Generation++
	in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"

	opts := simulate.Options{Policy: rollout.Policy{OneDomain: &rollout.OneDomain{Label: corev1.LabelTopologyZone}}}
	for pass, err := range simulate.Run(in, opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, d := range pass.Result.Plan.Delete {
			fmt.Println(pass.Time.Format(time.TimeOnly), d)
		}
		if pass.End != nil {
			fmt.Println(pass.End)
		}
	}
	// Output:
	// 00:00:10 delete agent-1 on worker-1: outdated, within maxUnavailable
	// 00:00:10 delete agent-3 on worker-3: outdated, within maxUnavailable
	// 00:00:22 delete agent-2 on worker-2: outdated, within maxUnavailable
	// complete at 00:00:34 after 7 passes, at least 1 available
}

// When was each node updated? WatchPods sees every change of a pod.
func ExampleOptions_watchPods() {
	labels := map[string]string{"app": "agent"}
	in := daemon.Input{Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	in.DaemonSet = daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "1", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	})
	for _, name := range []string{"worker-1", "worker-2"} {
		in.Nodes = append(in.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	ready := func(pod *corev1.Pod) bool {
		if pod != nil {
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodReady {
					return c.Status == corev1.ConditionTrue
				}
			}
		}
		return false
	}
	opts := simulate.Options{
		PodTimes: func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
			if node != nil && node.Name == "worker-1" {
				return simulate.PodTimes{ReadyAfter: time.Minute}
			}
			return simulate.PodTimes{ReadyAfter: time.Nanosecond} // at once
		},
		WatchPods: func(now time.Time, old, cur *corev1.Pod) {
			if !ready(old) && ready(cur) {
				fmt.Println(now.Format(time.TimeOnly), cur.Spec.NodeName, "is ready")
			}
		},
	}
	end, err := simulate.Settle(in, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end)
	// Output:
	// 12:00:00 worker-2 is ready
	// 12:01:00 worker-1 is ready
	// complete at 12:01:00 after 4 passes, at least 0 available
}

// What does a second update do? A Run goes on from the end of another one.
func ExampleEnd_after() {
	labels := map[string]string{"app": "agent"}
	in := daemon.Input{Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	in.DaemonSet = daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "1", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
			},
		},
	})
	for _, name := range []string{"worker-1", "worker-2"} {
		in.Nodes = append(in.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	end, err := simulate.Settle(in, simulate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end)

	next := end.After
	next.DaemonSet = next.DaemonSet.DeepCopy() // After is read-only
	next.DaemonSet.Generation++                // as the API server does
	next.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
	if end, err = simulate.Settle(next, simulate.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end)
	fmt.Println("took", end.Took)
	// Output:
	// complete at 12:00:10 after 3 passes, at least 0 available
	// complete at 12:00:34 after 7 passes, at least 1 available
	// took 24s
}
