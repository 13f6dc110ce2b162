package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/minheap"
)

// Canary tries a new template on some nodes first. All other nodes wait until the canary
// has passed. The canary passes when the pod on each of its nodes has been available for
// Wait without interruption and, with Manual, the template is promoted.
//
// A problem of a canary pod pauses the update or fails it. A failed canary is rolled
// back; see Result.Rollback. Only what happens during the trial fails it. The trial
// therefore needs a memory, which a pass returns in Result.CanaryTrial and the next pass
// takes in Options.CanaryTrial. Without memory, what would fail the update pauses it.
//
// By default only restarts fail a trial. Set FailStarting or FailAfter as well. Without
// them the update waits for ever for a pod that never becomes ready: rollout/health then
// finds it stalled, and a simulation ends as stalled.
//
// The nodes are chosen when the trial begins: first nodes with a pod of the current
// template, the oldest pod first, then nodes whose update is under way, then nodes with
// an outdated pod, by Spread and Policy.Order. OneDomain has no effect on the choice. See
// CanaryTrial.Nodes for nodes that leave.
//
// A pod that is newer than the oldest pod of the current template is not held back: to
// replace it undoes a change. Only a failed canary holds it back.
type Canary struct {
	// Nodes is the number of nodes to try, or a percentage of the eligible nodes,
	// rounded up. It must not be zero.
	Nodes intstr.IntOrString `json:"nodes"`
	// NodeSelector selects the nodes that may be tried. nil selects all of them.
	NodeSelector *metav1.LabelSelector `json:"nodeSelector,omitempty"`
	// Spread are node labels, each of them once. The nodes are spread evenly over the combinations of
	// their values. A node without one of them counts as if its value were empty.
	Spread []string `json:"spread,omitempty"`
	// Wait is how long each pod must stay available, after minReadySeconds. If it is zero, a
	// node passes as soon as its pod is available, and a crash that comes later is not seen.
	Wait metav1.Duration `json:"wait,omitzero"`
	// Manual makes the update wait for a promotion after every node has passed; see
	// CanaryTrial.
	Manual bool `json:"manual,omitempty"`
	// PauseRestarts is how many restarts of a container, or failed pods in a row, a
	// node may have before it pauses the update. Zero means DefaultPauseRestarts; a
	// negative number means no limit.
	PauseRestarts int `json:"pauseRestarts,omitempty"`
	// FailRestarts is how many restarts of a container, or failed pods in a row, a node
	// may have since its trial began before it fails the update. Zero means
	// DefaultFailRestarts; a negative number means no limit.
	FailRestarts int `json:"failRestarts,omitempty"`
	// PauseStarting is how long a pod may take from its creation to become available
	// before it pauses the update. Zero means no limit. A container that cannot start,
	// for instance because its image cannot be pulled, pauses the update at once.
	PauseStarting metav1.Duration `json:"pauseStarting,omitzero"`
	// FailStarting is how long a pod may take to become available before it fails the
	// update, from its creation or from the beginning of the trial, whichever is later.
	// Zero means no limit.
	FailStarting metav1.Duration `json:"failStarting,omitzero"`
	// FailAfter is how long the whole trial, including pauses, may take before it fails the
	// update. Zero means no limit.
	FailAfter metav1.Duration `json:"failAfter,omitzero"`
}

// The default limits of a Canary, which are those of Datadog's ExtendedDaemonSet.
const (
	DefaultPauseRestarts = 2
	DefaultFailRestarts  = 5
)

// String returns a phrase such as "canary on 5% for 10m0s until promoted".
func (c *Canary) String() string {
	if c == nil {
		return "no canary"
	}
	text := "canary on " + c.Nodes.String()
	if c.NodeSelector != nil {
		text += " of the nodes " + selectorText(c.NodeSelector)
	}
	if len(c.Spread) > 0 {
		text += " over " + strings.Join(c.Spread, ", ")
	}
	if c.Wait.Duration > 0 {
		text += fmt.Sprintf(" for %v", c.Wait.Duration)
	}
	if c.Manual {
		text += " until promoted"
	}
	return text
}

func (c *Canary) validate(path *field.Path) field.ErrorList {
	if c == nil {
		return nil
	}
	errs := validateAmount(c.Nodes, 1, path.Child("nodes"))
	if c.NodeSelector != nil {
		errs = append(errs, validateSelector(c.NodeSelector, path.Child("nodeSelector"))...)
	}
	for i, label := range c.Spread {
		at := path.Child("spread").Index(i)
		errs = append(errs, validateLabel(label, at)...)
		if label != "" && slices.Contains(c.Spread[:i], label) {
			errs = append(errs, field.Duplicate(at, label))
		}
	}
	errs = append(errs, validateDuration(c.Wait, path.Child("wait"))...)
	errs = append(errs, validateDuration(c.PauseStarting, path.Child("pauseStarting"))...)
	errs = append(errs, validateDuration(c.FailStarting, path.Child("failStarting"))...)
	return append(errs, validateDuration(c.FailAfter, path.Child("failAfter"))...)
}

// chooseNodes returns up to most nodes for a canary: the nodes that it has, which are in
// ascending order, and behind them others.
func (c *choice) chooseNodes(has []int, most int) []int {
	var updated []agedNode
	var underway, pending []int
	eligible := &c.facts.columns[c.policy.eligibleColumn]
	c.facts.looked += len(c.nodes)
	for i := range c.nodes {
		if _, is := slices.BinarySearch(has, i); is || !c.mayBeCanary(i, eligible) {
			continue
		}
		switch {
		case c.updated(i):
			updated = append(updated, agedNode{key: c.facts.ages.of[i].cur, node: int32(i)})
		case c.pending(i):
			pending = append(pending, i)
		default:
			underway = append(underway, i)
		}
	}
	slices.SortFunc(updated, func(a, b agedNode) int {
		return cmp.Or(cmp.Compare(a.key, b.key), c.before(int(a.node), int(b.node)))
	})
	out := slices.Clone(has)
	for _, n := range updated[:min(most-len(out), len(updated))] {
		out = append(out, int(n.node))
	}
	if len(out) < most {
		slices.SortFunc(underway, c.before)
		out = append(out, underway[:min(most-len(out), len(underway))]...)
	}
	if len(out) < most {
		slices.SortFunc(pending, c.before)
		out = c.spread(out, pending, most)
	}
	return out
}

// mayBeCanary reports whether a node can be tried.
func (c *choice) mayBeCanary(i int, eligible *column) bool {
	return c.desired(i) && !c.facts.isHeld(i) && eligible.names[eligible.of[i]] == selected
}

// countCandidates returns how many nodes can be tried.
func (c *choice) countCandidates(eligible *column) (candidates int) {
	f := c.facts
	slot := f.classes.slot(c.policy.eligibleColumn)
	can := func(k int) bool { return eligible.names[f.classes.counts[k].values[slot]] == selected }
	for k := range f.classes.counts {
		if counts := &f.classes.counts[k]; can(k) && f.shut[k] == 0 {
			candidates += counts.desired
			if f.closed[k] != 0 {
				candidates -= counts.pendingDesired
			}
		}
	}
	return candidates
}

// spread adds pending nodes until there are most, each from the group with the fewest
// chosen nodes.
func (c *choice) spread(out, pending []int, most int) []int {
	column := &c.facts.columns[c.policy.spreadColumn]
	groups := make([]*spreadGroup, len(column.names))
	group := func(i int) *spreadGroup {
		id := column.of[i]
		if groups[id] == nil {
			groups[id] = &spreadGroup{}
		}
		return groups[id]
	}
	for _, i := range out {
		group(i).chosen++
	}
	c.facts.compared = 0
	var waiting []*spreadGroup
	fewestChosen := func(a, b *spreadGroup) bool {
		c.facts.compared++
		return cmp.Or(cmp.Compare(a.chosen, b.chosen), cmp.Compare(a.rank, b.rank)) < 0
	}
	for _, i := range pending {
		g := group(i)
		if len(g.pending) == 0 {
			// Groups of equal size are in the order of their first nodes.
			g.rank = len(waiting)
			waiting = append(waiting, g)
		}
		g.pending = append(g.pending, i)
	}
	minheap.Init(waiting, fewestChosen)
	for len(out) < most && len(waiting) > 0 {
		g := waiting[0]
		out = append(out, g.pending[0])
		g.chosen++
		if g.pending = g.pending[1:]; len(g.pending) == 0 {
			waiting = minheap.Pop(waiting, fewestChosen)
		} else {
			minheap.FixFirst(waiting, fewestChosen)
		}
	}
	return out
}

// spreadGroup holds the nodes with one combination of the values of Canary.Spread.
type spreadGroup struct {
	chosen, rank int
	pending      []int
}

// mostPods returns the revision hash that most of the outdated pods carry on the nodes of
// countWaiting. If several are equally frequent, it returns the first in the order of text.
func (c *choice) mostPods() string {
	f, label := c.facts, c.s.Naming().RevisionHashLabel
	f.looked += len(c.nodes)
	counts := map[string]int{}
	for i, role := range f.roles {
		if !role.pending() || f.isHeld(i) || f.ages.young[i] {
			continue
		}
		if old := podsToUpdate(c.nodes[i].Pods).old; old != nil {
			counts[old.Pod.Labels[label]]++
		}
	}
	best := ""
	for hash, count := range counts {
		if hash != "" && (best == "" || count > counts[best] || count == counts[best] && hash < best) {
			best = hash
		}
	}
	return best
}
