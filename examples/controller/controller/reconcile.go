package controller

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

// EventInvalidSpec is the reason of the event that says what is wrong with the spec of an
// owner.
const EventInvalidSpec = "InvalidSpec"

// patience is how long a pass waits for the events of the writes before it. They normally
// take milliseconds, in which the status would be written for nothing. After that the status
// is kept up to date while the events are late.
const patience = time.Second

// reconciler makes the passes of one kind of owner.
type reconciler struct {
	kind     kind
	opts     Options
	mirror   *mirror
	client   client.Client
	reader   client.Reader
	recorder record.EventRecorder
}

// Reconcile makes a pass of one owner. The work queue runs no two passes of an owner at once.
func (c *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	now := c.opts.Clock.Now()
	o := c.mirror.owner(req.NamespacedName)
	if o == nil {
		return reconcile.Result{}, nil
	}
	// Asked before the changes are taken: an event counts as seen once it is among them.
	pending, longest := o.expectations.Pending(now)
	if pending > 0 && longest < patience {
		return reconcile.Result{RequeueAfter: patience - longest}, nil
	}
	object, err := c.catchUp(o, now)
	if object == nil {
		return reconcile.Result{}, err
	}
	if err != nil {
		c.complain(o, object, err)
		return reconcile.Result{}, reconcile.TerminalError(err)
	}
	opts := c.kind.options(object, o.trial)
	opts.AwaitingWrites = pending > 0
	result, syncErr := o.state.Sync(now, opts)
	if result == nil {
		c.complain(o, object, syncErr)
		return reconcile.Result{}, reconcile.TerminalError(syncErr)
	}
	o.trial = result.CanaryTrial
	result, wait := c.pace(o, result, now)
	if err := c.writer(o).CarryOut(ctx, object, result); err != nil {
		return reconcile.Result{}, err
	}
	if syncErr != nil || sawStrategy(result) {
		c.complain(o, object, syncErr)
	}
	if syncErr != nil {
		// Not returned, because no error comes with a time for the next pass.
		log.FromContext(ctx).Error(syncErr, "The update strategy is wrong; everything else goes on")
	}
	if pending, _ := o.expectations.Pending(c.opts.Clock.Now()); pending > 0 {
		wait = sooner(wait, patience)
	}
	return reconcile.Result{RequeueAfter: sooner(wait, result.Plan.RequeueAfter)}, nil
}

// catchUp brings the State of the owner up to date. It returns the owner as the State then
// knows it; nil if it is gone. It returns an error if the facts are wrong, and then the next pass
// makes a new State.
func (c *reconciler) catchUp(o *owner, now time.Time) (client.Object, error) {
	t, ok := c.mirror.take(o)
	if !ok {
		return nil, nil
	}
	var err error
	if t.facts == nil {
		err = o.state.Update(t.changes)
	} else {
		if o.state != nil {
			o.backoff = o.state.Backoff()
		}
		t.facts.Now, t.facts.Backoff = now, o.backoff
		o.state, err = rollout.NewState(*t.facts)
	}
	if err != nil {
		c.mirror.rebuild(o)
	}
	return t.object, err
}

// pace leaves out a status that differs only in counters and follows another one too soon.
// It returns the result to carry out, and how long to wait for the status left out.
func (c *reconciler) pace(o *owner, r *rollout.Result, now time.Time) (*rollout.Result, time.Duration) {
	if r.Status == nil {
		return r, 0
	}
	ds := r.Snapshot
	counters := ds != nil && r.Outcome != rollout.OutcomeCollision &&
		r.Status.ObservedGeneration == ds.DaemonSet().Status.ObservedGeneration
	if wait := c.opts.StatusInterval - now.Sub(o.statusAt); counters && wait > 0 {
		paced := *r
		paced.Status = nil
		return &paced, wait
	}
	o.statusAt = now
	return r, 0
}

func (c *reconciler) writer(o *owner) *carryout.Writer {
	return &carryout.Writer{
		Client: c.client, Reader: c.reader, Recorder: c.recorder, Expectations: &o.expectations,
		SetStatus: c.kind.setStatus, SetTemplate: c.kind.setTemplate,
	}
}

// sawStrategy reports whether a pass without error says that the update strategy is right. One
// that awaits writes, or that has pods to create or delete besides the update, did not look at it.
func sawStrategy(r *rollout.Result) bool {
	return r.Outcome == rollout.OutcomeSynced && (r.Step != nil || r.Plan.Empty())
}

// complain records an event about what is wrong with the owner, once for each error; nil is
// nothing. The work queue must not repeat such an error: only another spec helps, and its event
// wakes the owner.
func (c *reconciler) complain(o *owner, object client.Object, err error) {
	if err == nil {
		o.complaint = ""
		return
	}
	if text := err.Error(); text != o.complaint {
		o.complaint = text
		c.recorder.Event(object, corev1.EventTypeWarning, EventInvalidSpec, text)
	}
}

// sooner returns the shorter of two waits. Zero means that there is nothing to wait for.
func sooner(a, b time.Duration) time.Duration {
	if a <= 0 || b <= 0 {
		return max(a, b)
	}
	return min(a, b)
}

var _ reconcile.Reconciler = (*reconciler)(nil)
