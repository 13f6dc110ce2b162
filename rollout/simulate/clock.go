package simulate

import (
	"cmp"
	"fmt"
	"time"

	"github.com/pernode/daemonset/internal/minheap"
	"github.com/pernode/daemonset/internal/podspec"
)

// event is something that happens to a pod at a time.
type event struct {
	at   time.Time
	seq  int
	kind eventKind
	// priority is that of the pod, if kind is podBound.
	priority int32
	// life is the life of the pod that the event belongs to. A pod that has begun
	// another life since is left alone.
	life    int
	ns      *namespace
	subject *stored
}

type eventKind int8

const (
	// podBound: the scheduler binds the pod, or finds that it does not fit.
	podBound eventKind = iota + 1
	// podReady: the kubelet reports the pod ready.
	podReady
	// podAvailable: the pod has been ready for minReadySeconds. The object does not
	// change.
	podAvailable
	// podFails: the kubelet reports the pod failed.
	podFails
	// podStuck: the kubelet reports the problem that the pod shares with another.
	podStuck
	// podCrashes and podRestarts: a container terminates, and starts again.
	podCrashes
	podRestarts
	// podEnds: the kubelet, or pod garbage collection, removes the pod.
	podEnds
)

// before: the soonest event is first. What happens at the same time happens in the order in which
// it was scheduled, but the scheduler binds pods last, and those of the highest priority first
// (PrioritySort.Less@v1.37.2).
func (e event) before(other event) bool {
	if c := e.at.Compare(other.at); c != 0 {
		return c < 0
	}
	if binds := e.kind == podBound; binds != (other.kind == podBound) {
		return !binds
	}
	return cmp.Or(cmp.Compare(other.priority, e.priority), cmp.Compare(e.seq, other.seq)) < 0
}

// schedule plans an event after a duration; below zero it never happens.
func (c *Cluster) schedule(after time.Duration, kind eventKind, ns *namespace, p *stored) {
	if after < 0 {
		return
	}
	c.scheduled++
	c.hope.scheduled(c, p.pod)
	e := event{at: c.now.Add(after), seq: c.scheduled, kind: kind, life: p.life, ns: ns, subject: p}
	if kind == podBound {
		e.priority = podspec.Priority(&p.pod.Spec)
	}
	c.events = minheap.Push(c.events, e, event.before)
}

// isDue reports whether something is to happen at this moment.
func (c *Cluster) isDue() bool { return len(c.events) > 0 && !c.events[0].at.After(c.now) }

// valid reports whether the event can still happen.
func (e *event) valid() bool { return e.subject.life == e.life }

// next returns when something happens next: an event of a pod, or the time at which a
// controller requeues its DaemonSet.
func (c *Cluster) next() (time.Time, bool) {
	for len(c.events) > 0 {
		if c.events[0].valid() {
			break
		}
		c.events = minheap.Pop(c.events, event.before)
	}
	var at time.Time
	found := false
	if len(c.events) > 0 {
		at, found = c.events[0].at, true
	}
	for _, ns := range c.namespaces {
		for _, s := range ns.sets {
			if !s.wake.IsZero() && (!found || s.wake.Before(at)) {
				at, found = s.wake, true
			}
		}
	}
	return at, found
}

// moveTo moves the clock, never back, and lets all happen that is due then.
func (c *Cluster) moveTo(at time.Time) {
	if at.After(c.now) {
		c.now = at
	}
	for c.isDue() {
		e := c.events[0]
		c.events = minheap.Pop(c.events, event.before)
		if e.valid() {
			c.happen(&e)
		}
	}
	for _, ns := range c.namespaces {
		for _, s := range ns.sets {
			if !s.wake.IsZero() && !s.wake.After(c.now) {
				s.wake, s.due = time.Time{}, true
			}
		}
	}
}

// Now returns the cluster's time. The clock of the zero Cluster begins at midnight of
// 1 January 2000 UTC.
func (c *Cluster) Now() time.Time {
	if c == nil {
		return time.Time{}
	}
	c.begin()
	return c.now
}

// Next moves the clock to the next thing that happens: a pod is bound, becomes ready or
// available, fails or ends, a container terminates or starts again, or a controller requeues its
// DaemonSet. Controllers make no pass. If nothing is going to happen, it reports false and the
// clock stays.
func (c *Cluster) Next() bool {
	if c == nil {
		return false
	}
	at, ok := c.next()
	if ok {
		c.moveTo(at)
	}
	return ok
}

// Elapse moves the clock by a duration in which no controller makes a pass: what happens
// to pods happens at its time. A duration below zero counts as zero.
func (c *Cluster) Elapse(d time.Duration) {
	if c == nil {
		return
	}
	c.begin()
	end := c.now.Add(max(d, 0))
	for {
		at, ok := c.next()
		if !ok || at.After(end) {
			c.moveTo(end)
			return
		}
		c.moveTo(at)
	}
}

// Advance moves the clock by a duration. Whenever something happens, controllers make
// passes until they have nothing left to write. They also do so before the clock moves,
// and after. A duration below zero counts as zero.
//
// It fails if rollout.Sync fails, with the name of the DaemonSet before the error unless it is
// about the Policy, the CanaryTrial or the Naming, and if the passes at one time make no progress.
func (c *Cluster) Advance(d time.Duration) error {
	if c == nil {
		return nil
	}
	c.begin()
	for end := c.now.Add(max(d, 0)); ; {
		if err := c.syncNow(); err != nil {
			return err
		}
		at, ok := c.next()
		if !ok || at.After(end) {
			c.moveTo(end)
			return c.syncNow()
		}
		c.moveTo(at)
	}
}

// syncNow makes passes at one moment until no controller has something to write.
func (c *Cluster) syncNow() error {
	r := c.newRun()
	if _, err := r.syncDue(func(*Pass) bool { return true }); err != nil {
		return err
	}
	for _, s := range c.sets() {
		if p := r.of[s]; p != nil && p.looping {
			return fmt.Errorf("DaemonSet %s/%s: no progress after %d passes at the same time", s.ds.Namespace, s.ds.Name, p.idle)
		}
	}
	return nil
}
