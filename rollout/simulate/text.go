package simulate

import (
	"fmt"
	"strings"
	"time"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// String returns a line with the number, the time and the availability, below it the
// writes of the pass, and the End.
func (p *Pass) String() string {
	if p == nil {
		return "no pass"
	}
	lines := []string{fmt.Sprintf("pass %d at %s: %d of %d available", p.Number, p.Time.UTC().Format(time.TimeOnly), p.Available, p.Desired)}
	for line := range strings.SplitSeq(p.Result.String(), "\n") {
		lines = append(lines, "  "+line)
	}
	if p.End != nil {
		lines = append(lines, p.End.String())
	}
	return strings.Join(lines, "\n")
}

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
