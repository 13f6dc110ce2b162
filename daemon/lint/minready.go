package lint

import (
	"fmt"
	"math"
	"time"
)

func (c *checker) minReadySeconds() {
	wait := time.Duration(c.ds.Spec.MinReadySeconds) * time.Second
	if !c.rolling || c.deadline < 0 || wait <= c.deadline {
		return
	}
	c.add(Finding{
		Code: CodeMinReadySecondsLong, Severity: SeverityWarning, Field: specPath().Child("minReadySeconds").String(),
		Message: fmt.Sprintf("After each step of a rollout nothing changes for %v, longer than the progress deadline of %v.", wait, c.deadline) + c.shortestRollout(wait),
		Fix:     "Lower minReadySeconds, or wait longer for progress.",
	})
}

// shortestRollout returns a sentence with the least time that a rollout takes, or ""
// if it is unknown or does not fit into a Duration.
func (c *checker) shortestRollout(wait time.Duration) string {
	nodes := len(c.eligible)
	if nodes == 0 || c.maxSurge.malformed || c.maxUnavailable.malformed {
		return ""
	}
	atOnce := min(max(c.maxSurge.of(nodes), c.maxUnavailable.of(nodes), 1), nodes)
	steps := (nodes-1)/atOnce + 1
	if time.Duration(steps) > math.MaxInt64/wait {
		return ""
	}
	return fmt.Sprintf(" A rollout to %s, %d at a time, takes at least %v.", counted(nodes, "node"), atOnce, time.Duration(steps)*wait)
}
