package simulate

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/rollout"
)

// Pass is one pass of the controller of a DaemonSet in a Run.
type Pass struct {
	// DaemonSet is the DaemonSet as the pass found it. Read-only.
	DaemonSet *appsv1.DaemonSet
	// Number counts the DaemonSet's passes that write something, from one. The last
	// pass, which has an End, repeats the number of the last one before the rollout ended:
	// skip it when you count writes.
	Number int
	// Began is when the Run began, or when it found the DaemonSet if that was applied later.
	Began time.Time
	// Time is when the pass is made. Passes that follow one another without waiting have
	// the same time.
	Time time.Time
	// Result is what the pass writes. Its Snapshot holds the facts that the pass decided
	// on, before its writes, and is valid until the next pass. See Cluster.Sync about
	// Plan.Create.
	Result *rollout.Result
	// Desired is the number of eligible nodes that the pass found.
	Desired int
	// Available is how many of these have, after the writes, an available pod that is
	// not being deleted.
	Available int
	// End is set on the last pass of a DaemonSet, and nil on all others.
	End *End
}

// Unavailable returns how many eligible nodes have no available pod after the writes.
func (p *Pass) Unavailable() int {
	if p == nil {
		return 0
	}
	return max(p.Desired-p.Available, 0)
}

// String returns a line with the number, the time since Began and the availability, and
// below it the writes of the pass:
//
//	pass 2 after 12s: 1 of 2 available
//	  delete agent-1 on worker-1: outdated, within maxUnavailable
//
// Times that are not before Began are times since then, such as "until 11m22s after the start". The
// labels and values of the policy that no node has stand in the first pass and in the End only.
//
// The pass with the End is that of the End instead: it is not carried out. If it has something to
// write all the same, because passes would go on without end, both are returned.
func (p *Pass) String() string {
	if p == nil {
		return "no pass"
	}
	if p.End != nil && p.Result.Empty() {
		return p.End.String()
	}
	line := fmt.Sprintf("pass %d", p.Number)
	if !p.Began.IsZero() {
		line += fmt.Sprintf(" after %v", p.Time.Sub(p.Began))
	}
	lines := []string{fmt.Sprintf("%s: %d of %d available", line, p.Available, p.Desired)}
	for line := range strings.SplitSeq(p.resultText(), "\n") {
		lines = append(lines, "  "+line)
	}
	if p.End != nil {
		lines = append(lines, p.End.String())
	}
	return strings.Join(lines, "\n")
}

// resultText is what the pass writes, in the times of the rollout.
func (p *Pass) resultText() string {
	if p.Result == nil || p.Result.Step == nil {
		return p.Result.String()
	}
	result, step := *p.Result, *p.Result.Step
	if p.Number > 1 {
		step.Policy.NoSpread, step.Policy.NoDomains, step.Policy.UnknownFirst = nil, nil, nil
	}
	result.Step = &step
	return sinceStart(result.String(), p.Began, policyTimes(&step.Policy))
}
