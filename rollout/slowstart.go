package rollout

import (
	"fmt"
	"math"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// SlowStart spreads the creation of first pods over time. The first interval after the
// DaemonSet's creation allows Pods of them, and each later interval allows Increase more
// than the interval before. A pod that is created again later is not delayed, because by
// then the intervals allow as many pods as there are nodes.
type SlowStart struct {
	// Pods is how many pods the first interval allows. It must be at least one.
	Pods int `json:"pods"`
	// Increase is how many more pods each interval allows than the interval before. Zero
	// means that every interval allows Pods.
	Increase int `json:"increase,omitempty"`
	// Most is the largest number of pods that an interval allows. Zero means no limit.
	Most int `json:"most,omitempty"`
	// Interval is the length of an interval. Zero means DefaultSlowStartInterval.
	Interval metav1.Duration `json:"interval,omitzero"`
}

// DefaultSlowStartInterval is the interval of a SlowStart that sets none.
const DefaultSlowStartInterval = time.Minute

// String returns "slow start of 5 pods every 1m0s, then 5 more each time".
func (s *SlowStart) String() string {
	if s == nil {
		return "no slow start"
	}
	text := fmt.Sprintf("slow start of %s every %v", plural(s.Pods, "pod"), s.interval())
	if s.Increase > 0 {
		text += fmt.Sprintf(", then %d more each time", s.Increase)
	}
	if s.Most > 0 {
		text += fmt.Sprintf(", %d at most", s.Most)
	}
	return text
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (s *SlowStart) validate(path *field.Path) field.ErrorList {
	if s == nil {
		return nil
	}
	var errs field.ErrorList
	if s.Pods < 1 {
		errs = append(errs, field.Invalid(path.Child("pods"), s.Pods, "must be at least 1"))
	}
	if s.Increase < 0 {
		errs = append(errs, field.Invalid(path.Child("increase"), s.Increase, "must not be negative"))
	}
	if s.Most < 0 {
		errs = append(errs, field.Invalid(path.Child("most"), s.Most, "must not be negative"))
	}
	return append(errs, validateDuration(s.Interval, path.Child("interval"))...)
}

func (s *SlowStart) interval() time.Duration {
	if s.Interval.Duration <= 0 {
		return DefaultSlowStartInterval
	}
	return s.Interval.Duration
}

// restrictPlan takes the first pods that wait for a later interval out of the plan, and
// returns their number. due is the number of first pods in the plan, and present the
// number of eligible nodes with a pod.
func (s *SlowStart) restrictPlan(snapshot *daemon.Snapshot, plan *daemon.Plan, due, present int, ignored *ignoring) int {
	if due == 0 {
		return 0
	}
	elapsed := max(0, snapshot.Now().Sub(s.began(snapshot)))
	held := limitFirstPods(snapshot, plan, due, max(0, s.allowed(elapsed, present+due)-present), ignored)
	if held > 0 {
		requeue(plan, s.interval()-elapsed%s.interval())
	}
	return held
}

// began returns when the first interval began: the creation time of the DaemonSet, or
// that of its oldest pod if the DaemonSet has none.
func (s *SlowStart) began(snapshot *daemon.Snapshot) time.Time {
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

// allowed returns how many pods there may be after some time. It stops counting at
// enough.
func (s *SlowStart) allowed(elapsed time.Duration, enough int) int {
	total, add := 0, s.Pods
	for intervals := int64(elapsed / s.interval()); intervals >= 0 && total < enough; intervals-- {
		if s.Most > 0 {
			add = min(add, s.Most)
		}
		total = saturatingSum(total, add)
		add = saturatingSum(add, s.Increase)
	}
	return total
}

// saturatingSum adds two numbers that are not negative.
func saturatingSum(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
