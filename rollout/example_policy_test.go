package rollout_test

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// newImage returns a cluster of four nodes in two zones, each with an available pod
// of a DaemonSet whose image has just changed.
func newImage() rollout.Input {
	in := agent()
	in.Nodes = nil
	for i, zone := range []string{"east", "west", "east", "west"} {
		in.Nodes = append(in.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("worker-%d", i+1), Labels: map[string]string{corev1.LabelTopologyZone: zone},
		}})
	}
	first, _ := rollout.Revisions(in.DaemonSet, nil, nil)
	in.Revisions = append(in.Revisions, first.Create)
	for _, node := range in.Nodes {
		pod := daemon.NewPod(in.DaemonSet, node.Name, first.Hash)
		pod.Name, pod.Spec.NodeName = "old-on-"+node.Name, node.Name
		pod.CreationTimestamp = metav1.NewTime(in.Now.Add(-time.Hour))
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: pod.CreationTimestamp}}
		in.Pods = append(in.Pods, pod)
	}
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.DaemonSet.Generation++
	in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
	return in
}

// play prints which pods a rollout under a policy deletes when, and its end.
func play(in rollout.Input, world rollout.World, pieces ...rollout.Piece) {
	policy, err := rollout.NewPolicy(pieces...)
	if err != nil {
		fmt.Println(err)
		return
	}
	in.Policy = policy
	for pass, err := range rollout.Steps(in, world) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, d := range pass.Result.Plan.Delete {
			fmt.Println(pass.Time.Format("15:04:05"), "delete", d.Pod.Name)
		}
		if back := pass.Result.Rollback; !back.Skipped() {
			fmt.Println(pass.Time.Format("15:04:05"), pass.Result.Step.Canary)
			fmt.Println("back to revision", back.Revision.Revision)
		}
		if pass.End != nil {
			fmt.Println(pass.End)
		}
	}
}

// A policy is put together from pieces: here one zone after the other, oldest pods
// first, and nodes that are down hold nothing up.
func ExamplePolicy() {
	policy, err := rollout.NewPolicy(
		rollout.OneDomain{Label: corev1.LabelTopologyZone},
		rollout.Order{By: []rollout.Compare{rollout.OldestPodFirst}},
		rollout.IgnoreNotReadyNodes{After: 5 * time.Minute},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	in := newImage()
	in.Policy = policy
	result, err := rollout.Sync(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range result.Plan.Delete {
		fmt.Println(d)
	}
	fmt.Println(result.Step.Domain, result.Step.Held)

	// Pieces that contradict each other are found out at once.
	_, err = rollout.NewPolicy(rollout.Canary{Nodes: intstr.FromInt32(1)}, rollout.Partition{Keep: intstr.FromString("50%")})
	fmt.Println(err)
	// Output:
	// delete old-on-worker-1 on worker-1: outdated, within maxUnavailable
	// east [2 by one domain at a time]
	// pieces[1]: Forbidden: partition 50% and canary on 1 (pieces[0]) conflict: both say how many nodes get the new template first
}

// A pause stops updates, but a node without a pod still gets one.
func ExamplePause() {
	in := newImage()
	in.Pods = in.Pods[1:]
	in.Policy, _ = rollout.NewPolicy(rollout.Pause{})
	result, err := rollout.Sync(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	play(newImage(), rollout.World{}, rollout.Pause{})
	// Output:
	// create on worker-1: node has no pod
	// waiting for somebody since 12:00:00 after 1 passes, at least 4 available, on:
	//   worker-1: desired, current, ready, available; not up-to-date: old-on-worker-1 is of another template
	//   worker-2: desired, current, ready, available; not up-to-date: old-on-worker-2 is of another template
	//   worker-3: desired, current, ready, available; not up-to-date: old-on-worker-3 is of another template
	//   worker-4: desired, current, ready, available; not up-to-date: old-on-worker-4 is of another template
	// update waits: 4 desired, 4 outdated; maxUnavailable 1, 0 unavailable
	// held back: 4 by pause
}

// A freeze stops everything: the node without a pod stays without.
func ExampleFreeze() {
	in := newImage()
	in.Pods = in.Pods[1:]
	in.Policy, _ = rollout.NewPolicy(rollout.Freeze{})
	result, err := rollout.Sync(in)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	fmt.Println(result.Held, result.Step.Held)
	// Output:
	// nothing to do
	// [1 by freeze] [3 by freeze]
}

// Only the nodes of one zone are updated.
func ExampleNodeSelector() {
	play(newImage(), rollout.World{}, rollout.NodeSelector{Selector: &metav1.LabelSelector{
		MatchLabels: map[string]string{corev1.LabelTopologyZone: "west"},
	}})
	// Output:
	// 12:00:00 delete old-on-worker-2
	// 12:00:12 delete old-on-worker-4
	// waiting for somebody since 12:00:24 after 7 passes, at least 3 available, on:
	//   worker-1: desired, current, ready, available; not up-to-date: old-on-worker-1 is of another template
	//   worker-3: desired, current, ready, available; not up-to-date: old-on-worker-3 is of another template
	// update waits: 4 desired, 2 outdated; maxUnavailable 1, 0 unavailable
	// held back: 2 by node selector
}

// Two of four nodes keep their pods, the others are updated from the last one on.
func ExamplePartition() {
	play(newImage(), rollout.World{}, rollout.Partition{Keep: intstr.FromString("50%")})
	// Output:
	// 12:00:00 delete old-on-worker-4
	// 12:00:12 delete old-on-worker-3
	// waiting for somebody since 12:00:24 after 7 passes, at least 3 available, on:
	//   worker-1: desired, current, ready, available; not up-to-date: old-on-worker-1 is of another template
	//   worker-2: desired, current, ready, available; not up-to-date: old-on-worker-2 is of another template
	// update waits: 4 desired, 2 outdated; maxUnavailable 1, 0 unavailable
	// held back: 2 by partition
}

// One node tries the new image for five minutes; the others follow.
func ExampleCanary() {
	play(newImage(), rollout.World{}, rollout.Canary{Nodes: intstr.FromInt32(1), Wait: 5 * time.Minute})
	// Output:
	// 12:00:00 delete old-on-worker-1
	// 12:05:12 delete old-on-worker-2
	// 12:05:24 delete old-on-worker-3
	// 12:05:36 delete old-on-worker-4
	// finished at 12:05:48 after 14 passes, at least 3 available
}

// The new image never gets ready: after three minutes the canary has failed, and
// the DaemonSet goes back to the old one.
func ExampleCanary_failed() {
	world := rollout.World{Fate: func(_ *corev1.Node, pod *corev1.Pod) rollout.Fate {
		if pod.Spec.Containers[0].Image == "agent:2" {
			return rollout.Fate{ReadyAfter: -1}
		}
		return rollout.Fate{}
	}}
	play(newImage(), world, rollout.Canary{Nodes: intstr.FromString("25%"), FailStarting: 3 * time.Minute})
	// Output:
	// 12:00:00 delete old-on-worker-1
	// 12:03:02 canary failed on worker-1: worker-1: agent-1: not ready yet: takes too long to start
	// back to revision 1
	// 12:03:02 delete agent-1
	// finished at 12:03:14 after 8 passes, at least 3 available, back on revision agent-744c9486c6
}

// A template waits for somebody to promote it.
func ExampleCanary_manual() {
	canary := rollout.Canary{Nodes: intstr.FromInt32(2), Spread: []string{corev1.LabelTopologyZone}, Manual: true}
	play(newImage(), rollout.World{}, canary)

	in := newImage()
	revisions, err := rollout.Revisions(in.DaemonSet, in.Revisions, in.Pods)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("promoted:")
	canary.Promoted = revisions.Hash
	play(in, rollout.World{}, canary)
	// Output:
	// 12:00:00 delete old-on-worker-1
	// 12:00:12 delete old-on-worker-2
	// waiting for somebody since 12:00:24 after 7 passes, at least 3 available, on:
	//   worker-3: desired, current, ready, available; not up-to-date: old-on-worker-3 is of another template
	//   worker-4: desired, current, ready, available; not up-to-date: old-on-worker-4 is of another template
	// update waits: 4 desired, 2 outdated; maxUnavailable 1, 0 unavailable
	// canary waiting for somebody to promote it on worker-1, worker-2
	// held back: 2 by canary
	// promoted:
	// 12:00:00 delete old-on-worker-1
	// 12:00:12 delete old-on-worker-2
	// 12:00:24 delete old-on-worker-3
	// 12:00:36 delete old-on-worker-4
	// finished at 12:00:48 after 13 passes, at least 3 available
}

// One zone is updated after the other.
func ExampleOneDomain() {
	in := newImage()
	all := intstr.FromString("100%")
	in.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &all
	play(in, rollout.World{}, rollout.OneDomain{Label: corev1.LabelTopologyZone, First: []string{"west"}})
	// Output:
	// 12:00:00 delete old-on-worker-2
	// 12:00:00 delete old-on-worker-4
	// 12:00:12 delete old-on-worker-1
	// 12:00:12 delete old-on-worker-3
	// finished at 12:00:24 after 7 passes, at least 2 available
}

// Of each zone one node at a time, of all zones together.
func ExampleDomainBudget() {
	in := newImage()
	all := intstr.FromString("100%")
	in.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &all
	play(in, rollout.World{}, rollout.DomainBudget{Label: corev1.LabelTopologyZone, MaxUnavailable: intstr.FromInt32(1)})
	// Output:
	// 12:00:00 delete old-on-worker-1
	// 12:00:00 delete old-on-worker-2
	// 12:00:12 delete old-on-worker-3
	// 12:00:12 delete old-on-worker-4
	// finished at 12:00:24 after 7 passes, at least 2 available
}

// The last node first.
func ExampleOrder() {
	play(newImage(), rollout.World{}, rollout.Order{By: []rollout.Compare{rollout.Backwards(rollout.ByName)}})
	// Output:
	// 12:00:00 delete old-on-worker-4
	// 12:00:12 delete old-on-worker-3
	// 12:00:24 delete old-on-worker-2
	// 12:00:36 delete old-on-worker-1
	// finished at 12:00:48 after 13 passes, at least 3 available
}

// All pods have become unready, for whatever reason. Upstream replaces them together;
// a strict budget has it go on only while the new ones work.
func ExampleStrictBudget() {
	in := newImage()
	for _, pod := range in.Pods {
		pod.Status.Conditions[0].Status = corev1.ConditionFalse
	}
	// Old pods stay as they are, new ones become ready.
	world := rollout.World{Fate: func(_ *corev1.Node, pod *corev1.Pod) rollout.Fate {
		if pod.Spec.Containers[0].Image == "agent:1" {
			return rollout.Fate{ReadyAfter: -1}
		}
		return rollout.Fate{}
	}}
	play(in, world, rollout.StrictBudget{})
	// Output:
	// 12:00:00 delete old-on-worker-1
	// 12:00:12 delete old-on-worker-2
	// 12:00:24 delete old-on-worker-3
	// 12:00:36 delete old-on-worker-4
	// finished at 12:00:48 after 13 passes, at least 0 available
}

// The first pods are created one in the first minute, two in the second, and so on.
func ExampleSlowStart() {
	in := agent()
	in.Nodes = newImage().Nodes
	in.Policy, _ = rollout.NewPolicy(rollout.SlowStart{Pods: 1, Increase: 1})
	for pass, err := range rollout.Steps(in, rollout.World{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, create := range pass.Result.Plan.Create {
			fmt.Println(pass.Time.Format("15:04:05"), create)
		}
	}
	// Output:
	// 12:00:00 create on worker-1: node has no pod
	// 12:01:00 create on worker-2: node has no pod
	// 12:01:00 create on worker-3: node has no pod
	// 12:02:00 create on worker-4: node has no pod
}

// A node that is down does not hold up the others.
func ExampleIgnoreNotReadyNodes() {
	in := newImage()
	in.Nodes[0].Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
	in.Pods[0].Status.Conditions[0].Status = corev1.ConditionFalse
	world := rollout.World{Fate: func(node *corev1.Node, _ *corev1.Pod) rollout.Fate {
		if node.Name == "worker-1" {
			return rollout.Fate{ReadyAfter: -1}
		}
		return rollout.Fate{}
	}}
	play(in, world, rollout.IgnoreNotReadyNodes{})
	// Output:
	// 12:00:00 delete old-on-worker-2
	// 12:00:12 delete old-on-worker-3
	// 12:00:24 delete old-on-worker-4
	// stuck since 12:00:36 after 10 passes, at least 2 available, on:
	//   worker-1: desired, current; not ready: old-on-worker-1 is not; not up-to-date: old-on-worker-1 is of another template
	// update waits: 4 desired, 1 outdated; maxUnavailable 1, 0 unavailable
	// held back: 1 by ignored node
	// ignored: worker-1 (node is not ready)
}

// A pod that does not end blocks its node, but not the others.
func ExampleIgnoreStuckPods() {
	world := rollout.World{Termination: func(pod *corev1.Pod) time.Duration {
		if pod.Spec.NodeName == "worker-1" {
			return -1
		}
		return 30 * time.Second
	}}
	play(newImage(), world, rollout.IgnoreStuckPods{After: time.Minute})
	// Output:
	// 12:00:00 delete old-on-worker-1
	// 12:01:00 delete old-on-worker-2
	// 12:01:40 delete old-on-worker-3
	// 12:02:20 delete old-on-worker-4
	// stuck since 12:03:00 after 11 passes, at least 2 available, on:
	//   worker-1: desired, current, ready, available; not up-to-date: old-on-worker-1 is of another template; old-on-worker-1 is being deleted
	// update: 4 desired, 0 outdated; maxUnavailable 1, 0 unavailable
	// ignored: worker-1 (pod is terminating past its grace period)
}
