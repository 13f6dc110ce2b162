package daemontest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// facts are the facts about a DaemonSet at one moment, with a reason for each node.
type facts struct {
	snapshot *daemon.Snapshot
	reasons  map[string]string
	// budget has a line for each node that uses the budget that outdated pods wait for.
	budget []string
	// limit is the budget of the update, with the nodes that use it.
	limit rollout.Budget
}

// record returns the record of a DaemonSet. It ends the test if the cluster does not have it.
func (c *Cluster) record(t testing.TB, ds *appsv1.DaemonSet) *record {
	t.Helper()
	c.begin(t)
	if ds == nil {
		t.Fatal("the DaemonSet is nil")
	}
	r := c.records[keyOf(ds)]
	if r == nil || r.gone() {
		t.Fatal(c.notThere(ds))
	}
	if r.err != nil {
		t.Fatalf("%s: %v", nameOf(ds), r.err)
	}
	return r
}

// stored returns the names of the DaemonSets that the cluster has, in order.
func (c *Cluster) stored() []string {
	var names []string
	for key, r := range c.records {
		if !r.gone() {
			names = append(names, key.String())
		}
	}
	slices.Sort(names)
	return names
}

// look returns the facts now.
func (c *Cluster) look(t testing.TB, ds *appsv1.DaemonSet) facts {
	t.Helper()
	c.record(t, ds)
	return c.factsOf(t, c.sim.Input(ds))
}

func (c *Cluster) factsOf(t testing.TB, in daemon.Input) facts {
	t.Helper()
	snapshot, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	f := facts{snapshot: snapshot, reasons: map[string]string{}}
	for _, n := range daemon.StatusByNode(snapshot) {
		switch {
		case n.Desired:
			f.reasons[n.Node] = n.String()
		case n.Explanation.Reason != placement.ReasonNoNode:
			f.reasons[n.Node] = n.Explanation.String()
		}
	}
	assessment, err := health.Assess(snapshot, health.Options{Policy: c.Options.Policy, CanaryTrial: c.Options.CanaryTrial})
	if err != nil {
		t.Fatal(err)
	}
	f.limit = assessment.Budget
	blockers := map[string][]health.Blocker{}
	for _, b := range assessment.Blockers {
		blockers[b.Node] = append(blockers[b.Node], b)
		f.reasons[b.Node] = b.Node + ": " + health.Problems(blockers[b.Node])
	}
	if budget := assessment.Budget; budget.Exhausted() && len(assessment.Outdated) > 0 {
		for _, u := range budget.Users {
			f.budget = append(f.budget, fmt.Sprintf("%v %d is used by %s", budget.Kind, budget.Limit, f.reason(u.Node)))
		}
	}
	return f
}

// reason returns a line about a node: what keeps it from running the pod, or the pod from
// being available.
func (f *facts) reason(node string) string {
	if text := f.reasons[node]; text != "" {
		return text
	}
	return node + ": no such node"
}

// shownLines is how many nodes the text of a failure has.
const shownLines = 20

// report is what a failed assertion reports: a sentence and, after a colon, a line for each
// node.
func report(lines []string, format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	if len(lines) > 0 {
		text += ":"
	}
	for _, line := range lines[:min(len(lines), shownLines)] {
		text += "\n" + line
	}
	if more := len(lines) - shownLines; more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	return text
}

// sortedNames returns the keys of a map in order.
func sortedNames[V any](names map[string]V) []string { return slices.Sorted(maps.Keys(names)) }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// endOf returns the end of a DaemonSet.
func endOf(ends []*simulate.End, ds *appsv1.DaemonSet) *simulate.End {
	for _, end := range ends {
		if in := end.After.DaemonSet; in != nil && keyOf(in) == keyOf(ds) {
			return end
		}
	}
	return nil
}
