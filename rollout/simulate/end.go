package simulate

import (
	"fmt"
	"strings"
	"time"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// End says how a simulated rollout has ended.
type End struct {
	// State says whether the rollout is complete and, if not, why it ended.
	State EndState
	// Time is when the last node became complete: when the rollout was complete, or since
	// when it has stalled or waits. If no node became complete, it is when the Run began.
	Time time.Time
	// Took is the time from the beginning of the Run to Time.
	Took time.Duration
	// Passes is how many passes wrote something.
	Passes int
	// LowestAvailable is the lowest Pass.Available.
	LowestAvailable int
	// Last is the result of the last pass, which is also Pass.Result there. Its Step and
	// Restricted say what the budget and the policy hold back. It has something to write
	// only if passes would go on without end.
	Last *rollout.Result
	// Budget is the budget of the update with the nodes that use it. It is zero if the
	// rollout is complete or ignored, and with the strategy OnDelete.
	Budget rollout.Budget
	// Rollback took the DaemonSet back to an older template, because its canary failed.
	// State then describes the rollout of the restored template. It is nil if there was
	// no rollback.
	Rollback *rollout.Rollback
	// After is the cluster at the end, as Cluster.Input returns it, for WhatIf or another
	// Run to go on from. Read-only.
	After daemon.Input
	// Incomplete lists the nodes that are not complete by name, each with its status. It
	// is nil if the rollout is complete.
	Incomplete []daemon.NodeStatus
}

// EndState says how a simulated rollout has ended, in the words of health.State.
type EndState int

const (
	// EndComplete: rollout.Complete holds.
	EndComplete EndState = iota + 1
	// EndWaiting: the rollout needs a decision; see rollout.Result.NeedsDecision. With
	// the strategy OnDelete, the outdated pods wait to be deleted.
	EndWaiting
	// EndStalled: no event is left, or the same events repeat.
	EndStalled
	// EndIgnored: the controller leaves the DaemonSet alone, because it is being deleted
	// or its selector is empty.
	EndIgnored
)

// String returns "complete", "waiting", "stalled" or "ignored".
func (s EndState) String() string {
	switch s {
	case EndComplete:
		return "complete"
	case EndWaiting:
		return "waiting"
	case EndStalled:
		return "stalled"
	case EndIgnored:
		return "ignored"
	}
	return fmt.Sprintf("EndState(%d)", int(s))
}

// shownNodes is how many nodes of a kind the text of an End names.
const shownNodes = 10

// String returns how the rollout has ended. If it is not complete, it adds a line for each
// of the first ten nodes that are not, who uses the budget that outdated pods wait for, and
// what the policy holds back.
func (e *End) String() string {
	if e == nil {
		return "no end"
	}
	at := e.Time.UTC().Format(time.TimeOnly)
	counts := fmt.Sprintf("after %s, at least %d available", plural(e.Passes, "pass", "passes"), e.LowestAvailable)
	switch e.State {
	case EndComplete:
		line := fmt.Sprintf("complete at %s %s", at, counts)
		if e.Rollback != nil && e.Rollback.Revision != nil {
			line += ", back on revision " + e.Rollback.Revision.Name
		}
		return line
	case EndIgnored:
		if e.Last != nil {
			return fmt.Sprintf("the controller ignores it: %v", e.Last.Outcome)
		}
		return "the controller ignores it"
	}
	lines := []string{fmt.Sprintf("%v since %s %s, on:", e.State, at, counts)}
	for i, n := range e.Incomplete {
		if i == shownNodes {
			lines = append(lines, "  and "+plural(len(e.Incomplete)-i, "more node", "more nodes"))
			break
		}
		lines = append(lines, "  "+n.String())
	}
	if e.Budget.Exhausted() && e.Last != nil && e.Last.Step != nil && e.Last.Step.OutdatedNodes > 0 {
		lines = append(lines, e.budgetSentence())
	}
	return strings.Join(append(lines, policySentences(e.Last)...), "\n")
}

// budgetSentence says who uses the budget.
func (e *End) budgetSentence() string {
	users := e.Budget.Users
	if len(users) == 0 {
		return fmt.Sprintf("%v is %d", e.Budget.Kind, e.Budget.Limit)
	}
	var names []string
	for _, u := range users[:min(len(users), shownNodes)] {
		names = append(names, fmt.Sprintf("%s (%v)", u.Node, u.Reason))
	}
	if more := len(users) - shownNodes; more > 0 {
		names = append(names, "and "+plural(more, "more node", "more nodes"))
	}
	return fmt.Sprintf("%v %d is used by %s", e.Budget.Kind, e.Budget.Limit, strings.Join(names, ", "))
}

// policySentences are lines about what a policy holds back.
func policySentences(r *rollout.Result) []string {
	if r == nil || !r.Empty() {
		return nil
	}
	var lines []string
	for _, status := range []rollout.PolicyStatus{{Restricted: r.Restricted}, r.Policy} {
		if text := status.String(); text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
