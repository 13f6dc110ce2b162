package rollout

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// SlowStart spreads the first creation of a DaemonSet's pods over time: Pods in the
// first interval after the DaemonSet was created, and in each interval that follows
// Increase more than in the one before. Pods that are created again later are not
// held back, since by then as many may exist as there are nodes.
type SlowStart struct {
	// Pods is how many pods there may be in the first interval. It must be one at
	// least.
	Pods int
	// Increase is how many more pods each interval may add than the one before.
	// Zero: as many each time.
	Increase int
	// Most is how many pods one interval may add at most. Zero: any number.
	Most int
	// Interval is how long an interval takes. Zero means a minute.
	Interval time.Duration
}

// DefaultSlowStartInterval is the interval of a SlowStart that names none.
const DefaultSlowStartInterval = time.Minute

// String returns "slow start of 5 pods every 1m0s, then 5 more each time".
func (s SlowStart) String() string {
	text := fmt.Sprintf("slow start of %s every %v", plural(s.Pods, "pod"), s.interval())
	if s.Increase > 0 {
		text += fmt.Sprintf(", then %d more each time", s.Increase)
	}
	if s.Most > 0 {
		text += fmt.Sprintf(", %d at most", s.Most)
	}
	return text
}

func (SlowStart) kind() pieceKind { return kindSlowStart }

func (s SlowStart) rule(_ *Policy, path *field.Path) (rule, field.ErrorList) {
	var errs field.ErrorList
	if s.Pods < 1 {
		errs = append(errs, field.Invalid(path.Child("pods"), s.Pods, "must be at least 1"))
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"increase", s.Increase}, {"most", s.Most}, {"interval", int(s.Interval)}} {
		if n.value < 0 {
			errs = append(errs, field.Invalid(path.Child(n.name), n.value, "must not be negative"))
		}
	}
	return s, errs
}

func (s SlowStart) interval() time.Duration {
	if s.Interval == 0 {
		return DefaultSlowStartInterval
	}
	return s.Interval
}

func (SlowStart) apply(*round) {}

// holdBack leaves as many creations as the time allows.
func (s SlowStart) holdBack(l *ledger, snapshot *daemon.Snapshot, plan *daemon.Plan) Held {
	missing := plan.CreateDeferred
	for i := range plan.Create {
		if plan.Create[i].Reason == daemon.CreateMissing {
			missing++
		}
	}
	if missing == 0 {
		return Held{}
	}
	elapsed := max(0, snapshot.Now().Sub(s.began(snapshot)))
	intervals := int(elapsed / s.interval())
	allowed := max(0, s.allowed(intervals, l.desired)-(l.desired-missing))
	held := limitCreations(plan, allowed)
	if held > 0 {
		plan.Requeue(time.Duration(intervals+1)*s.interval() - elapsed)
	}
	return Held{By: HeldBySlowStart, Nodes: held}
}

// began is when the first interval began: when the DaemonSet was created, or, where
// it does not tell, when its oldest pod was.
func (s SlowStart) began(snapshot *daemon.Snapshot) time.Time {
	if created := snapshot.DaemonSet().CreationTimestamp; !created.IsZero() {
		return created.Time
	}
	began := snapshot.Now()
	for i := range snapshot.Nodes() {
		for _, p := range snapshot.Nodes()[i].Pods {
			if created := p.Pod.CreationTimestamp.Time; created.Before(began) {
				began = created
			}
		}
	}
	return began
}

// allowed is how many pods there may be once so many intervals are over, as far as
// it matters.
func (s SlowStart) allowed(intervals, enough int) int {
	total, add := 0, s.Pods
	for range intervals + 1 {
		if s.Most > 0 {
			add = min(add, s.Most)
		}
		if total += add; total >= enough {
			break
		}
		add += s.Increase
	}
	return total
}
