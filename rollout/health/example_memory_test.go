package health_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout/health"
)

// Is it a rollout, or does a node reboot? With the memory of the assessment before, a rollout
// that was complete stays complete while a node is down. Without it, nobody knows.
func ExampleMemory() {
	t := new(testing.T) // a test is given one
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(3)
	agent.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} // as many agents have
	c := daemontest.Settled(t, agent, nodes...)
	var memory health.Memory // of the assessment before; it may be stored as JSON
	assess := func(memory health.Memory) *health.Assessment {
		snapshot, err := daemon.Observe(c.Input(agent))
		if err != nil {
			t.Fatal(err)
		}
		assessment, err := health.Assess(snapshot, health.Options{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		return assessment
	}
	assessment := assess(memory)
	fmt.Println(assessment)
	memory = assessment.Memory

	c.Unreachable(t, nodes[2])
	c.Elapse(t, 10*time.Minute)
	fmt.Println(assess(memory))
	fmt.Println("without memory:", assess(health.Memory{}))
	// Output:
	// complete since 2026-01-01T12:00:10Z: 3 of 3 nodes complete
	// complete since 2026-01-01T12:00:10Z: 1 of 3 nodes unavailable: node-3 (agent-3: node is not ready since 2026-01-01T12:10:10Z: NodeStatusUnknown)
	// without memory: stalled since 2026-01-01T12:10:10Z: 2 of 3 nodes complete; not complete: node-3 (agent-3: node is not ready since 2026-01-01T12:10:10Z: NodeStatusUnknown); it is not known whether this is a rollout or a disruption
}
