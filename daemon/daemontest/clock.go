package daemontest

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Settle lets the controllers work and the clock move until nothing happens any more, and
// returns how the rollout of each DaemonSet has ended, ordered by namespace and name. A
// rollout that is stalled, or waits for somebody, has ended, too. One that is complete has been so
// for ten minutes then; simulate.End.Time is when they began. See simulate.Cluster.Run. What an End
// counts, such as Took and Passes, it counts from the call of Settle.
func (c *Cluster) Settle(t testing.TB) []*simulate.End {
	t.Helper()
	c.begin(t)
	began := c.sim.Now()
	earlier := map[types.NamespacedName]*simulate.End{}
	for {
		var ends []*simulate.End
		var failure error
		for pass, err := range c.sim.Run() {
			if failure = err; err != nil {
				break // t.Fatal in here would name this line instead of that of the test.
			}
			c.tick()
			if pass.End != nil {
				key := keyOf(pass.DaemonSet)
				goOn(earlier[key], pass.End, began)
				earlier[key] = pass.End
				ends = append(ends, pass.End)
				continue
			}
			c.failPulls(t)
		}
		if failure != nil {
			t.Fatal(failure)
		}
		if !c.failPulls(t) {
			c.observe()
			return ends
		}
	}
}

// goOn adds to the End of a Run what the Run before it has counted, if there was one. began is when
// the first Run began.
func goOn(before, end *simulate.End, began time.Time) {
	if before != nil {
		if end.Took == 0 && end.Rollback == nil {
			end.Time = before.Time // no progress since
		}
		end.Passes += before.Passes
		if before.LowestAvailable <= end.LowestAvailable {
			end.LowestAvailable, end.LowestOf = before.LowestAvailable, before.LowestOf
		}
		end.PeakPods = max(end.PeakPods, before.PeakPods)
		for name, peak := range before.PeakRequests {
			if now := end.PeakRequests[name]; now.Cmp(peak) < 0 {
				if end.PeakRequests == nil {
					end.PeakRequests = corev1.ResourceList{}
				}
				end.PeakRequests[name] = peak
			}
		}
		if end.Rollback == nil {
			end.Rollback, end.FailedCanary = before.Rollback, before.FailedCanary
		}
	}
	end.Took = end.Time.Sub(began)
}

// tick tells the records what time it is: pods become available without a change.
func (c *Cluster) tick() {
	for _, r := range c.records {
		if r.snapshot != nil {
			r.keep()
			r.update(c, daemon.Changes{Now: c.sim.Now()})
		}
	}
}

// Advance moves the clock by d. Controllers react to all that happens on the way. A duration
// below zero counts as zero.
func (c *Cluster) Advance(t testing.TB, d time.Duration) {
	t.Helper()
	c.begin(t)
	c.advance(t, d)
}

func (c *Cluster) advance(t testing.TB, d time.Duration) {
	t.Helper()
	for {
		if err := c.sim.Advance(d); err != nil {
			t.Fatal(err)
		}
		d = 0
		if !c.failPulls(t) {
			c.observe()
			return
		}
	}
}

// Step moves the clock to the next thing that happens, such as a pod that becomes ready, and
// lets the controllers react. It reports false, and the clock stays, if nothing is going to
// happen.
func (c *Cluster) Step(t testing.TB) bool {
	t.Helper()
	c.begin(t)
	c.advance(t, 0)
	moved := c.sim.Next()
	if moved {
		c.advance(t, 0)
	}
	return moved
}

// Elapse moves the clock by d, and no controller makes a pass, as if it were down.
func (c *Cluster) Elapse(t testing.TB, d time.Duration) {
	t.Helper()
	c.begin(t)
	c.sim.Elapse(d)
	c.failPulls(t)
	c.observe()
}

// Sync lets the controller of the DaemonSet make one pass and returns what it has written,
// read-only. The clock stays. The cluster remembers the canary's trial of the result; no object has it.
func (c *Cluster) Sync(t testing.TB, ds *appsv1.DaemonSet) *rollout.Result {
	t.Helper()
	c.begin(t)
	result, err := c.sim.Sync(ds)
	if err != nil {
		t.Fatal(err)
	}
	c.failPulls(t)
	c.observe()
	return result
}

// CarryOut carries out a pass that the controller under test has made itself on Input(ds).
// The clock stays. Move it with Elapse: in all other methods that move it the cluster's own
// controller makes passes, too.
//
// Input(ds) has the status of the result, but not its CanaryTrial, for which a DaemonSet has no
// place. A controller under test gives that to its next pass itself, as Options.CanaryTrial. The
// cluster's own passes go on with it.
func (c *Cluster) CarryOut(t testing.TB, ds *appsv1.DaemonSet, result *rollout.Result) {
	t.Helper()
	c.begin(t)
	if err := c.sim.CarryOut(ds, result); err != nil {
		t.Fatal(err)
	}
	c.failPulls(t)
	c.observe()
}
