package simulate

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// Run plays the rollout of in.DaemonSet to its end, on a cluster made by NewCluster, and
// yields all passes of the controller that write something. The last pass, which is not
// carried out, has an End and the Number of the pass before it. in is not changed. A zero
// in.Now means midnight of 1 January 2000 UTC. Cluster.Run says when a rollout ends.
//
// An error ends the sequence. It fails if NewCluster or rollout.Sync fails, and with a
// *field.Error if there is no DaemonSet.
func Run(in daemon.Input, opts Options) iter.Seq2[*Pass, error] {
	return func(yield func(*Pass, error) bool) {
		c, err := clusterToRun(in, opts)
		if err != nil {
			yield(nil, err)
			return
		}
		c.Run()(yield)
	}
}

// Settle plays the rollout of in.DaemonSet as Run does, returns its End, and fails if Run
// fails.
func Settle(in daemon.Input, opts Options) (*End, error) {
	c, err := clusterToRun(in, opts)
	if err != nil {
		return nil, err
	}
	ends, err := c.Settle()
	if err != nil {
		return nil, err
	}
	return ends[0], nil
}

// clusterToRun returns a cluster with one DaemonSet.
func clusterToRun(in daemon.Input, opts Options) (*Cluster, error) {
	c, err := NewCluster(in, opts)
	if err == nil && in.DaemonSet == nil {
		err = field.Required(field.NewPath("daemonSet"), "")
	}
	return c, err
}

// Run makes passes and advances the clock until the rollouts of all DaemonSets have ended. It
// yields the passes that write something, after they are carried out. The sequence ends with
// one pass per DaemonSet, ordered by namespace and name, that has an End and is not carried
// out: skip it when you count writes.
//
// A rollout ends
//
//   - if nothing is left that can happen,
//   - if it has been complete for health.DefaultPatience without interruption, unless its
//     canary is still on trial: pods that fail or crash later are not part of it;
//   - if it is not complete, and all that is going to happen is that pods fail or containers
//     crash again and again. It does not end so while the policy has something to do, such as
//     to fail a canary or to go on with a slow start, for about 30 days without progress at
//     most.
//
// The clock stays at what happened last, or moves to the end of the DefaultPatience of rollouts that
// are complete. So pods are then ready for that long at least, as they are in a cluster at rest, and
// a next version with a longer minReadySeconds does not find them unavailable. If its
// minReadySeconds is more than DefaultPatience, Advance the cluster by it before.
//
// If there are several DaemonSets, controllers go on with those whose rollouts have ended, and
// their passes are yielded, too. They do not count in the End, and End.After is from before. A
// rollout that has ended begins again if the DaemonSet changes, if more nodes are complete than
// ever, or if a complete one has an outdated pod.
//
// A loop may change the cluster, make passes itself, and may stop early: another Run goes
// on from there. So does one after the End, for instance when a changed DaemonSet was applied. To
// see what happens after a rollout, use Advance.
//
// An error ends the sequence. It fails if rollout.Sync or health.Assess fails, with the name
// of the DaemonSet before the error unless it is about the Policy, the CanaryTrial or the Naming.
func (c *Cluster) Run() iter.Seq2[*Pass, error] {
	return func(yield func(*Pass, error) bool) {
		if c == nil {
			return
		}
		c.begin()
		c.forgetFailures()
		c.othersAt = c.now
		c.eachSet(func(s *set) {
			s.due = true
			s.load.begin()
		})
		r := c.newRun()
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
			ended, err := r.end(at, ok)
			if err != nil {
				yield(nil, err)
				return
			}
			if ended {
				break
			}
			c.moveTo(at)
		}
		var ends []*Pass
		for _, s := range c.sets() {
			ends = append(ends, r.of[s].end)
		}
		for _, pass := range ends {
			if !yield(pass, nil) {
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

// run is a Run, or one moment of Advance, on its way.
type run struct {
	c  *Cluster
	of map[*set]*progress
}

func (c *Cluster) newRun() *run {
	r := &run{c: c, of: make(map[*set]*progress)}
	c.eachSet(func(s *set) { r.begin(s) })
	return r
}

// begin begins to follow the rollout of a DaemonSet.
func (r *run) begin(s *set) *progress {
	now := r.c.now
	p := &progress{began: now, best: math.MaxInt, generation: s.ds.Generation, since: now, progressed: now, failed: r.c.failed}
	r.of[s] = p
	return p
}

// progress is how far the rollout of one DaemonSet is.
type progress struct {
	// began is when the Run began, or when it found the DaemonSet if that is later.
	began  time.Time
	passes int
	// lowest is the lowest number of available nodes, and of how many.
	lowest, lowestOf int
	// best is the lowest number of incomplete nodes so far, without the ignored ones, of the
	// generation that it was counted for, since is when it got there or when all nodes were
	// last complete, and idle how many passes were made from the last progress on.
	best       int
	generation int64
	// left is the number of incomplete nodes in the last pass.
	left  int
	since time.Time
	idle  int
	// trial is the state of the canary's trial, and tried when it got there.
	trial rollout.CanaryState
	tried time.Time
	// progressed is when best was last lowered. Unlike since it does not change when the
	// same nodes become complete and incomplete again and again.
	progressed time.Time
	// failed is the number of pods that had failed in the cluster when idle was last set
	// to zero.
	failed int
	// looping says that no more passes are made.
	looping bool
	// rollback is the last one, and failedCanary what it ended.
	rollback     *history.Rollback
	failedCanary *rollout.CanaryStatus
	// end is the pass with the End, once the rollout has ended.
	end *Pass
}

func (r *run) progress(s *set) *progress {
	p := r.of[s]
	if p == nil {
		p = r.begin(s)
		if s.last != nil { // The caller has applied it during the Run, and made passes.
			p.best, p.left = s.tally.left, s.tally.left
		}
	}
	return p
}

// syncDue makes passes until no controller has something to write at this moment, and
// calls yield after each one that is carried out. It reports false if yield does.
func (r *run) syncDue(yield func(*Pass) bool) (goOn bool, err error) {
	for wrote := true; wrote; {
		wrote = false
		// A pod is bound when it is created, unless PodTimes delays it: the room of a node goes by
		// priority.
		for _, s := range r.c.setsByPriority() {
			p := r.progress(s)
			for s.due && !p.looping {
				result, err := r.c.pass(s)
				if err != nil {
					return false, setError(s.ds, err)
				}
				r.note(s, p)
				if p.idle++; p.idle > r.c.enough() {
					p.looping, s.due, s.wake = true, true, time.Time{}
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

// end ends rollouts before the clock moves to the next event, at the given time; without one
// ok is false. It reports whether all have ended.
func (r *run) end(at time.Time, ok bool) (ended bool, err error) {
	repeats := ok && r.c.hopeless()
	over := func(s *set) bool { return r.goesOn(s) && (!ok || r.over(s, at, repeats)) }
	if !r.c.anySet(over) {
		// A cluster without a DaemonSet only has events.
		return !ok || !r.c.anySet(r.goesOn) && (repeats || len(r.c.sets()) > 0), nil
	}
	// The ends of one moment share these lists.
	nodes, pods := slices.Clip(r.c.listNodes()), slices.Clip(r.c.listPods())
	var now []*set
	for _, s := range r.c.sets() {
		if !over(s) {
			continue
		}
		now = append(now, s)
		after := r.c.inputOf(s.ds)
		after.Nodes, after.Pods = nodes, pods
		if r.of[s].end, err = r.last(s, after); err != nil {
			return false, setError(s.ds, err)
		}
	}
	if !r.c.anySet(r.goesOn) {
		for _, s := range r.c.sets() {
			r.c.now = podstatus.Latest(r.c.now, r.of[s].end.End.After.Now)
		}
		return true, nil
	}
	for _, s := range now {
		s.drop() // Its next pass would change the snapshot of the End.
	}
	return false, nil
}

func (r *run) goesOn(s *set) bool { return r.progress(s).end == nil }

// over reports whether a rollout ends before the next event. A complete one must have been so
// for health.DefaultPatience by then: health.Assess takes failures that begin within that time
// for a part of the rollout, and later ones for a disruption.
func (r *run) over(s *set, at time.Time, repeats bool) bool {
	p := r.of[s]
	if s.tally.left > 0 || p.looping || s.last.Snapshot == nil {
		return repeats
	}
	since := podstatus.Latest(p.since, s.completeAt) // A caller may have made passes, too.
	return at.Sub(since) >= health.DefaultPatience && (!s.onTrial() || repeats)
}

// resumed reports whether a rollout that has ended goes on: the DaemonSet has changed, more
// nodes are complete than ever, or a complete one has an outdated pod.
func (p *progress) resumed(s *set) bool {
	return p.generation != s.ds.Generation || s.tally.left < p.best || p.end.End.State == EndComplete && s.tally.outdated > 0
}

// note notes how many nodes are left.
func (r *run) note(s *set, p *progress) {
	left, before := s.tally.left, p.left
	p.left = left
	if p.end != nil && p.resumed(s) {
		p.end = nil
	}
	if s.trial != nil && s.trial.State != p.trial {
		p.trial, p.tried = s.trial.State, r.c.now
	}
	if left < before {
		p.since = r.c.now // best may have been as low before: nodes join, and pods fail.
	}
	switch {
	case p.best == math.MaxInt:
		p.best = left
	case p.generation != s.ds.Generation, left < p.best:
		p.best, p.generation, p.since, p.progressed = left, s.ds.Generation, r.c.now, r.c.now
		p.idle, p.failed = 0, r.c.failed
		r.c.forgetFailures()
	case p.failed != r.c.failed && r.c.now.Sub(p.progressed) < longestWait && !r.c.policyHasWaited():
		// Pods fail while the policy waits: that is no endless loop yet. The time bounds it,
		// not the number of failures: those of many nodes seldom coincide.
		p.idle, p.failed = 0, r.c.failed
	}
}

// carryOut carries out a pass and describes it.
func (r *run) carryOut(s *set, p *progress, result *rollout.Result) *Pass {
	p.passes++
	pass := r.pass(s, p, result)
	if result.Snapshot != nil {
		pass.Available = s.tally.after(result.Snapshot, r.c.nodes, &result.Plan)
	}
	if p.passes == 1 || pass.Available < p.lowest {
		p.lowest, p.lowestOf = pass.Available, pass.Desired
	}
	if !result.Rollback.Skipped() {
		p.rollback, p.failedCanary = result.Rollback, result.Policy.Canary
	}
	r.c.write(s, result)
	return pass
}

func (r *run) pass(s *set, p *progress, result *rollout.Result) *Pass {
	return &Pass{
		DaemonSet: s.ds, Number: p.passes, Began: p.began, Time: r.c.now, Result: result, Desired: s.tally.desired, Available: s.tally.available,
	}
}

// last describes the pass that is not carried out, and the end. Every DaemonSet has had a
// pass: a new one is due until it has. after is what End.After is.
func (r *run) last(s *set, after daemon.Input) (*Pass, error) {
	p, last := r.progress(s), s.last
	pass := r.pass(s, p, last)
	end := &End{
		State: EndStalled, Time: p.since, Took: p.since.Sub(p.began), Passes: p.passes, LowestAvailable: p.lowest, LowestOf: p.lowestOf, Last: last, Rollback: p.rollback, FailedCanary: p.failedCanary, After: after,
	}
	end.PeakPods = s.load.most
	if len(s.load.greatest) > 0 { // It has no requests of zero.
		end.PeakRequests = s.load.greatest.DeepCopy()
	}
	pass.End = end
	if p.passes == 0 {
		end.LowestAvailable, end.LowestOf = pass.Available, pass.Desired
	}
	snapshot := last.Snapshot
	switch {
	case snapshot == nil:
		end.State = EndIgnored
		return pass, nil
	case s.tally.left == 0:
		end.State = EndComplete
		if !p.looping {
			// Nothing happens before that time, or the rollout would go on.
			end.After.Now = podstatus.Latest(end.After.Now, s.completeAt.Add(health.DefaultPatience))
		}
		return pass, nil
	case last.NeedsDecision(), onDelete(s.ds) && s.tally.missing == 0:
		end.State = EndWaiting
		if last.Policy.Canary != nil {
			end.Time = podstatus.Latest(end.Time, p.tried)
			end.Took = end.Time.Sub(p.began)
		}
	}
	// The caller may have changed c.Options since the last pass, and what the policy of that
	// pass points to.
	assessment, err := health.Assess(snapshot, health.Options{Policy: s.policy, CanaryTrial: last.CanaryTrial})
	if err != nil {
		return nil, err
	}
	end.Budget, end.Blockers = assessment.Budget, assessment.Blockers
	blockers := end.Blockers // ordered by node, too
	nodes := snapshot.Nodes()
	for i, n := range daemon.StatusByNode(snapshot) {
		if !rollout.NodeComplete(&nodes[i]) && !last.Policy.Ignores(nodes[i].Name) {
			incomplete := IncompleteNode{NodeStatus: n}
			for ; len(blockers) > 0 && blockers[0].Node <= n.Node; blockers = blockers[1:] {
				if blockers[0].Node == n.Node {
					incomplete.Blockers = append(incomplete.Blockers, blockers[0])
				}
			}
			end.Incomplete = append(end.Incomplete, incomplete)
		}
	}
	return pass, nil
}

// setError names the DaemonSet that an error is about.
func setError(ds *appsv1.DaemonSet, err error) error {
	if isOfAll(err) {
		return err
	}
	return fmt.Errorf("DaemonSet %s/%s: %w", ds.Namespace, ds.Name, err)
}

// isOfAll reports whether rollout.Sync has failed because of what holds for all DaemonSets, Options and
// Naming, and not because of objects.
func isOfAll(err error) bool {
	var at *field.Error
	if !errors.As(err, &at) {
		return false
	}
	root, _, _ := strings.Cut(at.Field, ".")
	return root == "policy" || root == "canaryTrial" || root == "naming"
}

func onDelete(ds *appsv1.DaemonSet) bool {
	return ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
}
