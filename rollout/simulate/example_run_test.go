package simulate_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// In which order does an update go that replaces one zone after the other?
func ExampleRun_oneDomain() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(3)
	agent.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(2))
	for i, node := range nodes {
		node.Labels[corev1.LabelTopologyZone] = []string{"a", "b"}[i%2]
	}
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	in := c.Input(agent)

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
	// 12:10:10 delete agent-1 on node-1: outdated, within maxUnavailable
	// 12:10:10 delete agent-3 on node-3: outdated, within maxUnavailable
	// 12:10:22 delete agent-2 on node-2: outdated, within maxUnavailable
	// complete after 24s (7 passes, at least 1 of 3 available)
}

// When was each node updated? WatchPods sees every change of a pod.
func ExampleOptions_watchPods() {
	in := daemon.Input{DaemonSet: daemontest.DaemonSet("agent"), Nodes: daemontest.Nodes(2), Now: daemontest.Start()}
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
			if node != nil && node.Name == "node-1" {
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
	// 12:00:00 node-2 is ready
	// 12:01:00 node-1 is ready
	// complete after 1m0s (4 passes, at least 0 of 2 available)
}

// What does a second update do? A Run goes on from the end of another one.
func ExampleEnd_after() {
	in := daemon.Input{DaemonSet: daemontest.DaemonSet("agent"), Nodes: daemontest.Nodes(2), Now: daemontest.Start()}
	end, err := simulate.Settle(in, simulate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end)

	next := end.After
	next.DaemonSet = daemontest.WithImage(next.DaemonSet, "agent:2") // a copy: After is read-only
	next.DaemonSet.Generation++                                      // as the API server does
	if end, err = simulate.Settle(next, simulate.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end)
	// Output:
	// complete after 10s (3 passes, at least 0 of 2 available)
	// complete after 24s (7 passes, at least 1 of 2 available)
}
