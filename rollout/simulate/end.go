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
	// State says whether it is finished, or else why not.
	State EndState
	// Time is when the last node became complete, or, where none did, when the Run
	// began: when the rollout was finished, or since when it is stuck.
	Time time.Time
	// Passes is how many passes wrote something.
	Passes int
	// LowestAvailable is the lowest Pass.Available.
	LowestAvailable int
	// Last is the result of the last pass. Its Step and Restricted say what the budget
	// and the policy hold back. It has something to write only where passes would go on
	// without end.
	Last *rollout.Result
	// Rollback took the DaemonSet back to an older template on the way, because its
	// canary failed. The end is then that of the way back. nil where nothing did.
	Rollback *rollout.Rollback
	// After is the cluster at the end, as Cluster.Input returns it, for WhatIf or another
	// Run to go on from. Read-only.
	After daemon.Input
	// Incomplete lists the nodes that are not complete by name, each with its status.
	// nil where the rollout is finished.
	Incomplete []daemon.NodeStatus
}

// EndState says how a simulated rollout has ended.
type EndState int

const (
	// EndFinished: rollout.Complete holds.
	EndFinished EndState = iota + 1
	// EndNeedsDecision: it goes on when a person decides; see
	// rollout.Result.NeedsDecision.
	EndNeedsDecision
	// EndStuck: nothing more happens, or only the same again and again.
	EndStuck
	// EndIgnored: the controller leaves the DaemonSet alone, because it is being deleted
	// or its selector is empty.
	EndIgnored
)

// String returns "finished", "needs a decision", "stuck" or "ignored".
func (s EndState) String() string {
	switch s {
	case EndFinished:
		return "finished"
	case EndNeedsDecision:
		return "needs a decision"
	case EndStuck:
		return "stuck"
	case EndIgnored:
		return "ignored"
	}
	return fmt.Sprintf("EndState(%d)", int(s))
}

// shownNodes is how many nodes the text of an End names.
const shownNodes = 10

// String returns how the rollout has ended and, where it is not finished, a line for
// each of the first ten nodes that it is stuck on, and what the policy holds back.
func (e *End) String() string {
	if e == nil {
		return "not at its end"
	}
	at := e.Time.UTC().Format(time.TimeOnly)
	counts := fmt.Sprintf("after %s, at least %d available", plural(e.Passes, "pass", "passes"), e.LowestAvailable)
	switch e.State {
	case EndFinished:
		line := fmt.Sprintf("finished at %s %s", at, counts)
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
	return strings.Join(append(lines, restrictions(e.Last)...), "\n")
}

// restrictions are lines about what a policy holds back.
func restrictions(r *rollout.Result) []string {
	var lines []string
	if r == nil || !r.Empty() {
		return nil
	}
	if len(r.Restricted) > 0 {
		parts := make([]string, len(r.Restricted))
		for i, held := range r.Restricted {
			parts[i] = held.String()
		}
		lines = append(lines, "held back: "+strings.Join(parts, "; "))
	}
	if r.Step != nil && r.Step.PolicyStatus.String() != "" {
		step := *r.Step
		step.Plan = daemon.Plan{}
		lines = append(lines, strings.TrimSuffix(step.String(), "\nnothing to do"))
	}
	return lines
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
