package health_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// Is an update complete although a node is down? The policy ignores nodes that have not been
// ready for five minutes. Such a node blocks nothing, and the rollout is complete without it:
// for the simulation of the update, and for the assessment of the cluster after it.
func ExampleAssess_ignoredNode() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(3)
	agent.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} // as many agents have
	c := daemontest.Settled(t, agent, nodes...)
	c.Options.Policy.IgnoreNotReadyNodes = &rollout.IgnoreAfter{After: metav1.Duration{Duration: 5 * time.Minute}}
	// A node goes down, and the update begins two hours later.
	c.Unreachable(t, nodes[2])
	c.Elapse(t, 2*time.Hour)
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	fmt.Println(c.Settle(t)[0])

	snapshot, err := daemon.Observe(c.Input(agent))
	if err != nil {
		fmt.Println(err)
		return
	}
	assessment, err := health.Assess(snapshot, health.Options{Policy: c.Options.Policy})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(assessment)
	// Output:
	// complete after 24s (7 passes, at least 1 of 3 available)
	// ignored: node-3 (node is not ready)
	// complete since 2026-01-01T14:10:34Z: 2 of 3 nodes complete; ignored: node-3 (node is not ready)
}
