package simulate

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

const (
	// tooOften is how many pods have to fail on one node, without any progress, until the
	// same is expected for ever.
	tooOften = 3
	// tooOftenTried is tooOften while a canary is on trial: more failures in a row than
	// daemon.BackoffEntry.Failures counts, so that no limit of the canary is still ahead.
	tooOftenTried = 12
	// longestWait bounds how long pods fail while a policy may still act.
	longestWait = 30 * 24 * time.Hour
)

// hopeless reports whether all that is going to happen concerns nodes on which pods fail
// again and again, and the policy has had time to act since anything else happened.
func (c *Cluster) hopeless() bool {
	limit := tooOften
	c.eachSet(func(s *set) {
		if s.trial != nil && onTrial(s.trial.State) {
			limit = tooOftenTried
		}
	})
	if len(c.failures) == 0 || slices.Max(slices.Collect(maps.Values(c.failures))) < limit {
		return false
	}
	for i := range c.events {
		if p, ok := c.events[i].subject(); ok {
			if node, _ := daemon.TargetNode(p.pod); c.failures[node] < limit {
				return false
			}
		}
	}
	return c.policyHasWaited()
}

// onTrial reports whether a canary in this state may still pass, pause or fail.
func onTrial(state rollout.CanaryState) bool {
	switch state {
	case rollout.CanaryPassed, rollout.CanaryPromoted, rollout.CanaryRolledBack, rollout.CanaryFailed:
		return false
	}
	return true
}

// policyHasWaited reports whether the longest time that the policy may wait has passed
// since something happened on a node without a crash loop.
func (c *Cluster) policyHasWaited() bool {
	return c.now.Sub(c.othersAt) >= min(longestPolicyWait(&c.Options.Policy), longestWait)
}

// longestPolicyWait returns the longest duration in a policy: when it has passed without
// a change, the policy does nothing more.
func longestPolicyWait(p *rollout.Policy) time.Duration {
	var longest time.Duration
	if canary := p.Canary; canary != nil {
		longest = max(longest, canary.Wait.Duration, canary.PauseStarting.Duration, canary.FailStarting.Duration, canary.FailAfter.Duration)
	}
	if slow := p.SlowStart; slow != nil {
		longest = max(longest, cmp.Or(max(0, slow.Interval.Duration), rollout.DefaultSlowStartInterval))
	}
	for _, ignore := range [...]*rollout.IgnoreAfter{p.IgnoreNotReadyNodes, p.IgnoreStuckPods} {
		if ignore != nil {
			longest = max(longest, ignore.After.Duration)
		}
	}
	return longest
}

// noteOthers notes that something happens on a node, unless it has a crash loop.
func (c *Cluster) noteOthers(node string) {
	if c.failures[node] < tooOften {
		c.othersAt = c.now
	}
}
