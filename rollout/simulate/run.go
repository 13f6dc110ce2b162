package simulate

import (
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// Run plays the rollout of in.DaemonSet to its end, on a cluster made by NewCluster, and
// yields all passes of the controller that write something. The last pass, which is not
// carried out, has an End. in is not changed.
//
// An error ends the sequence. It fails where NewCluster and rollout.Sync fail. Without a
// DaemonSet there are no passes.
func Run(in daemon.Input, opts Options) iter.Seq2[*Pass, error] {
	return func(yield func(*Pass, error) bool) {
		c, err := NewCluster(in, opts)
		if err != nil {
			yield(nil, err)
			return
		}
		c.Run()(yield)
	}
}

// Settle plays the rollout of in.DaemonSet as Run does and returns its End. It is nil
// without a DaemonSet.
func Settle(in daemon.Input, opts Options) (*End, error) {
	c, err := NewCluster(in, opts)
	if err != nil {
		return nil, err
	}
	ends, err := c.Settle()
	if err != nil || len(ends) == 0 {
		return nil, err
	}
	return ends[0], nil
}

// Run makes passes and moves the clock until nothing happens any more, or only the same
// again and again. It yields the passes that write something, when they are carried out.
// At last each DaemonSet, ordered by namespace and name, has a pass with an End, which is
// not carried out.
//
// A loop may change the cluster, and may break off: another Run goes on from there. An
// error ends the sequence. It fails where rollout.Sync fails.
func (c *Cluster) Run() iter.Seq2[*Pass, error] {
	return func(yield func(*Pass, error) bool) {
		if c == nil {
			return
		}
		c.begin()
		clear(c.failures)
		c.eachSet(func(s *set) { s.due = true })
		r := &run{c: c, began: c.now, of: make(map[*set]*progress)}
		for {
			goOn, err := r.syncDue(func(p *Pass) bool { return yield(p, nil) })
			if err != nil {
				yield(nil, err)
				return
			}
			if !goOn {
				return
			}
			at, ok := c.next()
			if !ok || c.hopeless() {
				break
			}
			c.moveTo(at)
		}
		for _, s := range c.sets() {
			if !yield(r.last(s), nil) {
				return
			}
		}
	}
}

// Settle makes the passes of Run and returns their result: the End of each DaemonSet, ordered
// by namespace and name.
func (c *Cluster) Settle() ([]*End, error) {
	var ends []*End
	for pass, err := range c.Run() {
		if err != nil {
			return nil, err
		}
		if pass.End != nil {
			ends = append(ends, pass.End)
		}
	}
	return ends, nil
}

// Pass is one pass of the controller of a DaemonSet in a Run.
type Pass struct {
	// DaemonSet is the DaemonSet as the pass found it. Read-only.
	DaemonSet *appsv1.DaemonSet
	// Number counts the DaemonSet's passes that write something, from one. The last
	// pass has the number of the one before it.
	Number int
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

// run is a Run on its way.
type run struct {
	c     *Cluster
	began time.Time
	of    map[*set]*progress
}

// progress is how far the rollout of one DaemonSet is.
type progress struct {
	passes, lowest int
	// best is the lowest number of incomplete nodes so far, of the generation that it
	// was counted for, since is when it got there, and idle how many passes were made
	// from then on.
	best       int
	generation int64
	since      time.Time
	idle       int
	// looping says that no more passes are made.
	looping  bool
	last     *rollout.Result
	rollback *rollout.Rollback
}

func (r *run) progress(s *set) *progress {
	p := r.of[s]
	if p == nil {
		p = &progress{best: math.MaxInt, generation: s.ds.Generation, since: r.began}
		r.of[s] = p
	}
	return p
}

// syncDue makes passes until no controller has something to write at this moment. It
// reports false where yield does.
func (r *run) syncDue(yield func(*Pass) bool) (goOn bool, err error) {
	for wrote := true; wrote; {
		wrote = false
		for _, s := range r.c.sets() {
			p := r.progress(s)
			for s.due && !p.looping {
				result, err := r.c.pass(s)
				if err != nil {
					return false, err
				}
				r.note(s, p)
				p.last = result
				if p.idle++; p.idle > r.c.enough() {
					p.looping, s.wake = true, time.Time{}
					break
				}
				if result.Empty() {
					break
				}
				wrote = true
				if !yield(r.carryOut(s, p, result)) {
					return false, nil
				}
			}
		}
	}
	return true, nil
}

// note notes how many nodes are left.
func (r *run) note(s *set, p *progress) {
	left := s.tally.incomplete
	switch {
	case p.best == math.MaxInt:
		p.best = left
	case p.generation != s.ds.Generation, left < p.best:
		p.best, p.generation, p.since, p.idle = left, s.ds.Generation, r.c.now, 0
		clear(r.c.failures)
	}
}

// carryOut carries out a pass and describes it.
func (r *run) carryOut(s *set, p *progress, result *rollout.Result) *Pass {
	p.passes++
	pass := r.pass(s, p, result)
	if result.Snapshot != nil {
		pass.Available = s.tally.after(result.Snapshot, &result.Plan)
	}
	if p.passes == 1 {
		p.lowest = pass.Available
	}
	p.lowest = min(p.lowest, pass.Available)
	if !result.Rollback.Skipped() {
		p.rollback = result.Rollback
	}
	r.c.write(s, result)
	return pass
}

func (r *run) pass(s *set, p *progress, result *rollout.Result) *Pass {
	return &Pass{
		DaemonSet: s.ds, Number: p.passes, Time: r.c.now, Result: result, Desired: s.tally.desired, Available: s.tally.available,
	}
}

// last describes the pass that is not carried out, and the end.
func (r *run) last(s *set) *Pass {
	p := r.progress(s)
	pass := r.pass(s, p, p.last)
	end := &End{
		State: EndStuck, Time: p.since, Passes: p.passes, LowestAvailable: p.lowest, Last: p.last, Rollback: p.rollback, After: r.c.Input(s.ds),
	}
	pass.End = end
	if p.passes == 0 {
		end.LowestAvailable = pass.Available
	}
	snapshot := p.last.Snapshot
	switch {
	case snapshot == nil:
		end.State = EndIgnored
		return pass
	case s.tally.incomplete == 0:
		end.State = EndFinished
		return pass
	case p.last.NeedsDecision():
		end.State = EndNeedsDecision
	}
	nodes := snapshot.Nodes()
	for i, n := range daemon.StatusByNode(snapshot) {
		if !rollout.NodeComplete(&nodes[i]) {
			end.Incomplete = append(end.Incomplete, n)
		}
	}
	return pass
}

// tooOften is how many pods have to fail on one node, without any progress, until the
// same is expected for ever.
const tooOften = 3

// hopeless reports whether all that is going to happen concerns nodes on which pods fail
// again and again.
func (c *Cluster) hopeless() bool {
	if len(c.failures) == 0 || slices.Max(slices.Collect(maps.Values(c.failures))) < tooOften {
		return false
	}
	for i := range c.events {
		if p, ok := c.events[i].subject(); ok {
			if node, _ := daemon.TargetNode(p.pod); c.failures[node] < tooOften {
				return false
			}
		}
	}
	return true
}
