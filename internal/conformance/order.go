package conformance

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"
)

// compareWrites compares which pods are created and deleted, in which order, and
// what the burst limit cuts.
//
// A pass that reconciles has one right answer: upstream takes the nodes in the
// order of its caches, which is that of the state. Its order of nodes that do not
// exist is random, and there the library has to go by name. For an update step see
// writes.choice.
func (c *Comparison) compareWrites(u *Upstream, s *State) {
	up, lib := c.Upstream, c.Library
	var sync SyncNodes
	if n := len(up.Syncs); n > 0 {
		sync = up.Syncs[n-1]
	}
	c.check(c.Report.Stepped == (len(up.Syncs) == 2), "update step: upstream calls syncNodes %d times, the library takes a step: %t", len(up.Syncs), c.Report.Stepped)
	for _, w := range [][2][]string{{targets(up.Creates), sync.Create}, {up.Deletes, sync.Delete}} {
		// The writes are concurrent.
		got, want := slices.Sorted(slices.Values(w[0])), slices.Sorted(slices.Values(w[1][:min(len(w[1]), s.burst())]))
		c.check(slices.Equal(got, want), "upstream writes %v, not the first of %v", got, w[1])
	}

	nodes := s.targets()
	creates := writes{
		what: "create on", full: sync.Create, free: sync.FreeCreates,
		library: targets(lib.Creates), deferred: c.Report.CreateDeferred, node: func(name string) string { return name },
	}
	deletes := writes{
		what: "delete", full: sync.Delete, free: sync.FreeDeletes,
		library: lib.Deletes, deferred: c.Report.DeleteDeferred, node: func(name string) string { return nodes[name] },
	}
	if len(up.Syncs) == 2 {
		creates.all = func() []string { sync := unlimited(u, s, c.Report.Hash); return sync.Create[sync.FreeCreates:] }
		deletes.all = func() []string { sync := unlimited(u, s, c.Report.Hash); return sync.Delete[sync.FreeDeletes:] }
	} else {
		// What nodes that do not exist add is the tail of the list.
		head := s.onNodes(sync.Delete, nodes)
		deletes.full = slices.Concat(sync.Delete[:head], deletes.byNode(sync.Delete[head:]))
	}
	creates.compare(c, s.burst())
	deletes.compare(c, s.burst())
}

// writes are the creations or the deletions of both sides.
type writes struct {
	what string
	// full is upstream's list before the burst limit. Of an update step, the first
	// free ones cost no budget.
	full []string
	free int
	// all returns what upstream could have chosen in place of the others of full;
	// nil if it did not choose.
	all func() []string
	// library is what the library writes, and deferred how many the limit cut.
	library  []string
	deferred int
	// node returns the name of the node of one entry.
	node func(string) string
}

func (w *writes) compare(c *Comparison, burst int) {
	kept := min(len(w.full), burst)
	c.check(w.deferred == len(w.full)-kept, "%s: the library puts off %d, upstream %d of %d", w.what, w.deferred, len(w.full)-kept, len(w.full))
	want := w.full
	if w.all != nil {
		want = w.choice(c, kept)
	}
	c.check(slices.Equal(want[:kept], w.library), "%s (-upstream +library), of %v:\n%s", w.what, w.full, lazy(want[:kept], w.library))
}

// choice returns the list of an update step that the library has to make: what costs
// no budget, and then what the budget allows, both by the names of the nodes.
// Upstream chooses the second half at random; the library has to choose the first by
// name of all that upstream could choose.
func (w *writes) choice(c *Comparison, kept int) []string {
	want := slices.Concat(w.byNode(w.full[:w.free]), w.byNode(w.full[w.free:]))
	if len(w.full) == w.free || slices.Equal(want[:kept], w.library) {
		return want
	}
	c.Chosen = true
	all := w.byNode(w.all())
	if chosen := len(w.full) - w.free; chosen <= len(all) {
		copy(want[w.free:], all[:chosen])
	}
	return want
}

// byNode returns the names ordered by the names of their nodes.
func (w *writes) byNode(names []string) []string {
	out := slices.Clone(names)
	slices.SortStableFunc(out, func(a, b string) int { return strings.Compare(w.node(a), w.node(b)) })
	return out
}

// onNodes returns how many pods come before the first one that is meant for a node
// that does not exist.
func (s *State) onNodes(pods []string, nodes map[string]string) int {
	if len(pods) == 0 {
		return 0
	}
	exist := make(map[string]bool, len(s.Nodes))
	for _, n := range s.Nodes {
		exist[n.Name] = true
	}
	if gone := slices.IndexFunc(pods, func(pod string) bool { return !exist[nodes[pod]] }); gone >= 0 {
		return gone
	}
	return len(pods)
}

// unlimited returns what an update step would do with a budget that is never used
// up, and with as many available pods on nodes that do not exist as it takes for old
// pods to go from nodes that should not run them. hash is that of the current
// revision.
func unlimited(u *Upstream, s *State, hash string) SyncNodes {
	surge, err := daemonutil.SurgeCount(s.DaemonSet, desired(s))
	if err != nil {
		return SyncNodes{}
	}
	s = s.shallow()
	s.DaemonSet = s.DaemonSet.DeepCopy()
	strategy := &s.DaemonSet.Spec.UpdateStrategy
	if strategy.RollingUpdate == nil {
		strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
	}
	limit := intstr.FromInt32(1_000_000)
	if surge == 0 {
		strategy.RollingUpdate.MaxUnavailable = &limit
	} else {
		strategy.RollingUpdate.MaxSurge = &limit
		if hash != "" {
			for i := range len(s.Nodes) + len(s.Pods) + 1 {
				name := fmt.Sprintf("zz-new-%d", i)
				s.Pods = append(s.Pods, stranger(s, name, name, hash))
			}
		}
	}
	if syncs := u.Pass(s).Syncs; len(syncs) == 2 {
		return syncs[1]
	}
	return SyncNodes{}
}
