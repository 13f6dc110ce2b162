package daemontest_test

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout/simulate"
)

// BenchmarkSettle plays an update with maxUnavailable 10%, and beside it the same without a
// record.
func BenchmarkSettle(b *testing.B) {
	for _, n := range []int{6, 1000} {
		agent := daemontest.DaemonSet("agent")
		agent.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("10%"))
		in := daemontest.Settled(b, agent, daemontest.Nodes(n)...).Input(agent)
		b.Run(fmt.Sprintf("daemontest/%d", n), func(b *testing.B) {
			for b.Loop() {
				c := daemontest.NewCluster(b, in, simulate.Options{})
				c.Apply(b, daemontest.WithImage(agent, "agent:2"))
				c.SettlesWithin(b, time.Hour)
				c.AtMostUnavailable(b, agent, (n+9)/10)
			}
		})
		b.Run(fmt.Sprintf("simulate/%d", n), func(b *testing.B) {
			for b.Loop() {
				c, err := simulate.NewCluster(in, simulate.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if err := c.Apply(daemontest.WithImage(agent, "agent:2")); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Settle(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
