package daemontest_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestSettleCountsFromTheCall: a pod that is bound late and waits for an image takes Settle two Runs, and the failure of
// SettlesWithin and StallsAt is about both.
func TestSettleCountsFromTheCall(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	for _, tc := range []struct {
		name, why string
		wait      time.Duration // from the new image to its breaking
		want      string
	}{
		{"at once", "no node gets the new image", 0, "stalled without completing a node (2 passes, at least 3 of 4 available)"},
		{"on the way", "node-1 is complete 17s after the new image, and so 7s after the call", 10 * time.Second, "stalled after 7s (3 passes, at least 3 of 4 available)"},
		{"later", "node-2 is complete 34s after it", 30 * time.Second, "stalled after 4s (3 passes, at least 3 of 4 available)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			begin := func(t testing.TB) *daemontest.Cluster {
				c := daemontest.Settled(t, agent, daemontest.Nodes(4)...)
				c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes {
					return simulate.PodTimes{BoundAfter: 5 * time.Second}
				}
				c.Apply(t, daemontest.WithImage(agent, "agent:2"))
				c.Advance(t, tc.wait)
				c.BreakImage(t, "agent:2")
				return c
			}
			if end := begin(t).Settle(t)[0]; !strings.HasPrefix(end.String(), tc.want) || end.Time.Sub(daemontest.Start()) < end.Took {
				t.Errorf("Settle() = %v, want %s: %s", end, tc.want, tc.why)
			}
			within := reportsOf(func(t testing.TB) { begin(t).SettlesWithin(t, time.Hour) })
			stalls := reportsOf(func(t testing.TB) { begin(t).StallsAt(t, agent, 4) })
			for _, got := range []string{within, stalls} {
				if !strings.Contains(got, "got: "+tc.want) {
					t.Errorf("failure %q, want %q in it: %s", got, tc.want, tc.why)
				}
			}
		})
	}
}
