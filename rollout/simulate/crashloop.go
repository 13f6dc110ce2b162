package simulate

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

const (
	// tooOften is how many pods have to fail, or containers to crash, on one node, without any
	// progress, until the same is expected for ever.
	tooOften = 3
	// tooOftenTried is the least tooOften while a canary is on trial: more failures in a row
	// than daemon.BackoffEntry.Failures counts, so that no limit of the canary is still ahead.
	tooOftenTried = 12
	// mostTried bounds tooOften whatever restarts a canary allows: so many take most of a day.
	mostTried = 200
	// longestWait bounds how long pods fail while a policy may still act.
	longestWait = 30 * 24 * time.Hour
)

// hopeless reports whether all that is going to happen concerns nodes on which pods fail
// again and again, and the policy has had time to act since anything else happened.
func (c *Cluster) hopeless() bool {
	limit := tooOften
	c.eachSet(func(s *set) {
		if s.onTrial() {
			limit = c.tooOftenTried()
		}
	})
	if c.mostFailures < limit {
		return false
	}
	return !c.hasHope(limit) && c.policyHasWaited()
}

// hope remembers whether something is going to happen to a pod without many failures, so that not
// all events are looked at again at every moment.
type hope struct {
	// event is such an event. Its subject is nil before one is found.
	event event
	// none: if it is above zero, all events are of pods with at least so many failures.
	none int
	// looked is how many events were looked at; tests read it.
	looked int
}

// hasHope reports whether something is going to happen to a pod without as many failures as
// given.
func (c *Cluster) hasHope(limit int) bool {
	h := &c.hope
	hopeful := func(e *event) bool { return e.valid() && c.failuresOf(e.subject.pod) < limit }
	switch {
	case h.none >= limit:
		return false
	case h.event.subject != nil && h.event.at.After(c.now) && hopeful(&h.event):
		return true
	}
	// The last events of a heap are among the latest, and answer for long.
	for i := len(c.events) - 1; i >= 0; i-- {
		if h.looked++; hopeful(&c.events[i]) {
			h.event = c.events[i]
			return true
		}
	}
	h.none = limit
	return false
}

// scheduled notes that something is going to happen to a pod.
func (h *hope) scheduled(c *Cluster, pod *corev1.Pod) {
	if h.none > 0 && c.failuresOf(pod) < h.none {
		h.none = 0
	}
}

// tooOftenTried is tooOften while a canary is on trial.
func (c *Cluster) tooOftenTried() int {
	limit := tooOftenTried
	if canary := c.Options.Policy.Canary; canary != nil {
		limit = max(limit, min(max(canary.PauseRestarts, canary.FailRestarts), mostTried)+2)
	}
	return limit
}

// policyHasWaited reports whether the longest time that the policy may wait has passed
// since something happened on a node without a crash loop.
func (c *Cluster) policyHasWaited() bool {
	since := c.now.Sub(c.othersAt)
	return since >= longestWait || since >= c.longestPolicyWait() && !c.anySet(c.willIgnore)
}

// longestPolicyWait returns the longest duration of the fields of the policy that may still
// act: when it has passed without a change, the policy does nothing more.
func (c *Cluster) longestPolicyWait() time.Duration {
	p := &c.Options.Policy
	var longest time.Duration
	if canary := p.Canary; canary != nil && c.anySet((*set).onTrial) {
		longest = max(longest, canary.Wait.Duration, canary.PauseStarting.Duration, canary.FailStarting.Duration, canary.FailAfter.Duration)
	}
	if slow := p.SlowStart; slow != nil && c.anySet((*set).startsSlowly) {
		longest = max(longest, cmp.Or(max(0, slow.Interval.Duration), rollout.DefaultSlowStartInterval))
	}
	return longest
}

func (c *Cluster) anySet(is func(*set) bool) bool {
	for _, ns := range c.namespaces {
		for _, s := range ns.sets {
			if is(s) {
				return true
			}
		}
	}
	return false
}

// onTrial reports whether a canary may still pass, pause or fail.
func (s *set) onTrial() bool { return s.trial != nil && !s.trial.State.Final() }

// startsSlowly reports whether the last pass left first pods to a later interval.
func (s *set) startsSlowly() bool {
	return s.last != nil && slices.ContainsFunc(s.last.Restricted, func(r rollout.Restricted) bool {
		return r.By == rollout.RestrictionSlowStart
	})
}

// willIgnore reports whether the policy is going to ignore another node.
func (c *Cluster) willIgnore(s *set) bool {
	return s.last != nil && s.last.Policy.NextIgnored.After(c.now)
}

// noteOthers notes that something happens to a pod, unless it is part of a crash loop.
func (c *Cluster) noteOthers(pod *corev1.Pod) {
	if c.failuresOf(pod) < tooOften {
		c.othersAt = c.now
	}
}

// failing is who fails again and again: the pods of one owner on a node, or one pod.
type failing struct {
	owner types.UID
	// name is that of the node, or namespace and name of the pod. No node has a slash in its name.
	name string
}

func failingOn(node string, pod *corev1.Pod) failing {
	f := failing{name: node}
	if ref := metav1.GetControllerOfNoCopy(pod); ref != nil {
		f.owner = ref.UID
	}
	return f
}

func failingPod(pod *corev1.Pod) failing { return failing{name: pod.Namespace + "/" + pod.Name} }

func (c *Cluster) countFailure(of failing) {
	c.failures[of]++
	c.mostFailures = max(c.mostFailures, c.failures[of])
	c.failed++
}

func (c *Cluster) forgetFailures() {
	clear(c.failures)
	c.mostFailures, c.hope.none = 0, 0
}

// failuresOf counts the failed pods that were on the node of a pod before it, and the crashes of
// the pod itself: those of another pod do not keep this one from becoming ready.
func (c *Cluster) failuresOf(pod *corev1.Pod) int {
	if len(c.failures) == 0 {
		return 0
	}
	node, _ := daemon.TargetNode(pod)
	return max(c.failures[failingOn(node, pod)], c.failures[failingPod(pod)])
}
