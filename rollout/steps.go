package rollout

import (
	"iter"
	"slices"
	"time"

	"github.com/pernode/daemonset/daemon"
)

// Pass is one pass of the controller in a simulated rollout.
type Pass struct {
	// Number counts the passes that write something, from one. The last one, which is
	// not carried out, has the number of the one before it.
	Number int
	// Time is when the pass is made. Passes that follow one another without
	// waiting have the same time.
	Time time.Time
	// Result is what the pass writes. Its Snapshot is the cluster after the
	// writes, and valid until the next pass.
	Result *Result
	// Desired is the number of nodes that should run a pod, and Available how
	// many of these have one, after the writes, that is available and not being
	// deleted.
	Desired, Available int
	// End is set on the last pass, and nil on all others.
	End *End
}

// Unavailable returns how many nodes should run a pod and have none that is
// available.
func (p *Pass) Unavailable() int { return p.Desired - p.Available }

// WaitsFor returns what has to be over before the rollout can end, as it is after the
// writes: for every node that should run a pod and has no available one of the current
// template its blockers, ordered by node name, in the terms of Assess. Nodes whose
// outdated pod only waits for its turn are not among them. It is worked out when asked,
// at a cost that grows with the cluster, and valid until the next pass.
func (p *Pass) WaitsFor() []Blocker {
	s := p.Result.Snapshot
	rolling, _ := rolls(s.DaemonSet())
	look := blockerFinder{s: s, rolling: rolling}
	var out []Blocker
	for i := range s.Nodes() {
		if n := &s.Nodes()[i]; n.Decision.Run && !done(n) {
			out = append(out, look.node(n)...)
		}
	}
	return out
}

// End says how a simulated rollout ended.
type End struct {
	// Finished says that every node that should run a pod has an available one
	// of the current template and nothing is left to do. Otherwise the rollout is
	// stuck: nothing more happens, or only the same again and again.
	Finished bool
	// Waiting says that it is not finished because the policy waits for somebody: to
	// end a pause, a freeze, a partition or a node selector, or to decide about
	// canaries.
	Waiting bool
	// Time is when the last thing happened that brought the rollout nearer to its
	// end: when it was finished, or since when it is stuck.
	Time time.Time
	// Passes is how many passes wrote something.
	Passes int
	// LowestAvailable is the lowest Pass.Available seen after the first pass.
	LowestAvailable int
	// Last is the Result of the last pass: its Step and Held say what the budget and
	// the policy hold back. It has something to write only where passes go round in
	// circles.
	Last *Result
	// Rollback is what took the DaemonSet back to an older template on the way,
	// because its canaries failed; nil where nothing did. The end is then that of the
	// way back.
	Rollback *Rollback
	// After is the cluster at the end, for WhatIf or other Steps to go on from. Of
	// pods and revisions it has those of the DaemonSet only. Read-only.
	After Input
	// On are the nodes that the rollout is stuck on, ordered by name, each with
	// how it counts. nil where it is finished.
	On []daemon.NodeStatus
}

// Steps makes passes until nothing changes any more, in a world that binds pods,
// makes them ready and ends them: all steps of a rollout. Passes that write nothing
// are left out, but for the last one, which tells the end. The first pass is Sync's
// own; those after it give what Sync would, at a cost that grows with what changed and
// not with the cluster.
//
// in is where it begins; in.AwaitingWrites is not looked at. It is not changed.
// An error ends the sequence, and comes for what Sync fails for.
func Steps(in Input, world World) iter.Seq2[*Pass, error] {
	return func(yield func(*Pass, error) bool) {
		sim, err := newSimulation(in, world)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			pass, err := sim.next()
			if !yield(pass, err) || err != nil || pass.End != nil {
				return
			}
		}
	}
}

// next makes the next pass that writes something, or the last one.
func (sim *simulation) next() (*Pass, error) {
	for {
		result, err := sim.pass()
		if err != nil {
			return nil, err
		}
		sim.idle++
		if !result.Empty() && !sim.circles() {
			return sim.write(result)
		}
		if !result.Empty() || sim.circles() || !sim.wait(result.Plan.RequeueAfter) {
			pass := sim.record(result)
			pass.End = sim.end(result)
			return pass, nil
		}
	}
}

// write carries out a pass.
func (sim *simulation) write(result *Result) (*Pass, error) {
	if err := sim.apply(result); err != nil {
		return nil, err
	}
	sim.enterChanges()
	sim.passes++
	pass := sim.record(result)
	if sim.passes == 1 {
		sim.lowest = pass.Available
	}
	sim.lowest = min(sim.lowest, pass.Available)
	return pass, nil
}

// circles reports whether so many passes have been made without coming any nearer to
// the end that they go round in circles: for each node one may be needed to delete a
// pod, to create another, to see it ready and available, and to tell the status of
// each.
func (sim *simulation) circles() bool { return sim.idle > 1000+10*len(sim.tracker.Snapshot().Nodes()) }

// pass works out what a pass does now.
func (sim *simulation) pass() (*Result, error) {
	if result := sim.begun; result != nil {
		sim.begun = nil
		return result, nil
	}
	sim.enterChanges()
	return sim.tracker.Sync(sim.now)
}

// record describes a pass by what there is after it.
func (sim *simulation) record(result *Result) *Pass {
	return &Pass{Number: sim.passes, Time: sim.now, Result: result, Desired: sim.tracker.ledger.desired, Available: sim.served}
}

// end describes where the simulation has come to with its last pass.
func (sim *simulation) end(last *Result) *End {
	end := &End{
		Finished:        sim.unfinished() == 0,
		Time:            sim.progress,
		Passes:          sim.passes,
		LowestAvailable: sim.lowest,
		Last:            last,
		Rollback:        sim.rollback,
		After:           sim.after(),
	}
	if end.Finished {
		return end
	}
	for i, n := range daemon.StatusByNode(sim.tracker.Snapshot()) {
		outdated := sim.tracker.ledger.roles[i]&roleOutdated != 0
		if n.Desired && !sim.serves[i] || outdated || n.Misscheduled && !n.Explanation.Keep {
			end.On = append(end.On, n)
		}
	}
	available := !slices.ContainsFunc(end.On, func(n daemon.NodeStatus) bool { return n.Desired && !n.Available })
	end.Waiting = (&PolicyStatus{Held: last.Held}).needsSomebody(available) ||
		last.Step != nil && last.Step.needsSomebody(available)
	return end
}

// unfinished is how much there is left until every node has what it should: it
// gets smaller with every node that gets there.
func (sim *simulation) unfinished() int {
	return sim.tracker.ledger.desired - sim.served + sim.tracker.ledger.outdated
}
