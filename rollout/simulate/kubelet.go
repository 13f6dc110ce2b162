package simulate

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podstatus"
)

// kubeletWorks reports whether a kubelet looks after the pods of a node: the node exists
// and does not say that it is not ready.
func kubeletWorks(node *corev1.Node) bool {
	if node == nil {
		return false
	}
	ready := podstatus.NodeReady(node)
	return ready == nil || ready.Status == corev1.ConditionTrue
}

// gracePeriod returns how long a pod may take to terminate: the default of the API
// server where the spec does not say it.
func gracePeriod(pod *corev1.Pod) time.Duration {
	seconds := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if s := pod.Spec.TerminationGracePeriodSeconds; s != nil {
		seconds = *s
	}
	const longest = 1 << 32 // more than a century
	return time.Duration(min(max(seconds, 0), longest)) * time.Second
}

// overdue reports whether a terminating pod is past its grace period. The deletion
// timestamp is the end of that period (BeforeDelete@v0.37.2).
func (c *Cluster) overdue(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil && pod.DeletionTimestamp.Time.Before(c.now)
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

func isReady(pod *corev1.Pod) bool {
	ready := podstatus.Condition(pod, corev1.PodReady)
	return ready != nil && ready.Status == corev1.ConditionTrue
}

// start schedules what becomes of a pod whose life has just begun.
func (c *Cluster) start(ns *namespace, p stored) {
	pod := p.pod
	name, _ := daemon.TargetNode(pod)
	node := c.nodes[name]
	bound := pod.Spec.NodeName != ""
	c.noteOthers(name)
	c.scheduleAvailable(ns, p)
	switch {
	case bound && node == nil, pod.DeletionTimestamp != nil && !bound:
		// Pod garbage collection (gcOrphaned, gcUnscheduledTerminating @v1.37.2).
		c.schedule(c.times(nil, pod).TerminatesAfter, podEnds, ns, p)
	case pod.DeletionTimestamp != nil:
		if kubeletWorks(node) && !c.overdue(pod) {
			c.schedule(c.times(node, pod).TerminatesAfter, podEnds, ns, p)
		}
	case !bound:
		if node != nil {
			c.schedule(c.times(node, pod).BoundAfter, podBound, ns, p)
		}
	case finished(pod), isReady(pod), !kubeletWorks(node):
	default:
		t := c.times(node, pod)
		c.schedule(t.FailsAfter, podFails, ns, p)
		if t.FailsAfter < 0 || t.ReadyAfter < t.FailsAfter {
			c.schedule(t.ReadyAfter, podReady, ns, p)
		}
	}
}

// scheduleAvailable wakes controllers up when a ready pod becomes available.
func (c *Cluster) scheduleAvailable(ns *namespace, p stored) {
	for _, s := range ns.sets {
		seconds := s.ds.Spec.MinReadySeconds
		if seconds <= 0 || p.pod.DeletionTimestamp != nil || !isReady(p.pod) {
			continue
		}
		since := podstatus.Condition(p.pod, corev1.PodReady).LastTransitionTime
		at := since.Add(time.Duration(seconds) * time.Second)
		if !since.IsZero() && at.After(c.now) {
			c.schedule(at.Sub(c.now), podAvailable, ns, p)
		}
	}
}

// happen carries out an event of a pod. Its node is as it was when the event was
// scheduled: a node that changes lets its pods begin another life.
func (c *Cluster) happen(e *event, p stored) {
	name, _ := daemon.TargetNode(p.pod)
	c.noteOthers(name)
	switch e.kind {
	case podBound:
		pod := *p.pod
		c.bind(&pod, name)
		c.start(e.ns, c.putPod(e.ns, &pod, c.newLife()))
	case podReady:
		c.scheduleAvailable(e.ns, c.putPod(e.ns, withReady(p.pod, c.now), p.life))
	case podAvailable:
		for _, s := range e.ns.sets {
			s.tally.touch(name)
			s.due = true
		}
	case podFails:
		pod := *p.pod
		pod.Status = corev1.PodStatus{Phase: corev1.PodFailed}
		c.putPod(e.ns, &pod, c.newLife())
		c.failures[name]++
		c.failed++
	case podEnds:
		c.removePod(e.ns, p.pod)
	}
}

// bind does what the scheduler does to a pod that is not shared yet.
func (c *Cluster) bind(pod *corev1.Pod, node string) {
	pod.Spec.NodeName = node
	others := slices.DeleteFunc(slices.Clone(pod.Status.Conditions), func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodScheduled
	})
	pod.Status.Conditions = append(others, corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(c.now),
	})
}

// withReady returns a copy of the pod that runs and is ready.
func withReady(pod *corev1.Pod, now time.Time) *corev1.Pod {
	out := *pod
	conditions := make([]corev1.PodCondition, 0, 2)
	if scheduled := podstatus.Condition(pod, corev1.PodScheduled); scheduled != nil {
		conditions = append(conditions, *scheduled)
	}
	out.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: append(conditions, corev1.PodCondition{
		Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now),
	})}
	return &out
}

// withNotReady returns a copy of a ready pod whose node has stopped to be ready.
func withNotReady(pod *corev1.Pod, now time.Time) *corev1.Pod {
	out := *pod
	out.Status.Conditions = slices.Clone(pod.Status.Conditions)
	ready := podstatus.Condition(&out, corev1.PodReady)
	ready.Status, ready.Reason, ready.LastTransitionTime = corev1.ConditionFalse, "NodeNotReady", metav1.NewTime(now)
	return &out
}

// nodeChange is a node that has joined or left, or has become ready or not ready.
type nodeChange struct {
	// stopped and returned say that its kubelet has stopped working, or works again.
	stopped, returned bool
}

// restart lets the pods of changed nodes begin another life. It looks at every pod.
func (c *Cluster) restart(changes map[string]nodeChange) {
	if len(changes) == 0 {
		return
	}
	var pods []*corev1.Pod
	for _, ns := range c.namespaces {
		for _, p := range ns.pods {
			if name, ok := daemon.TargetNode(p.pod); ok {
				if _, changed := changes[name]; changed {
					pods = append(pods, p.pod)
				}
			}
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, pod := range pods {
		name, _ := daemon.TargetNode(pod)
		change := changes[name]
		if change.stopped && pod.Spec.NodeName != "" && isReady(pod) {
			// The node lifecycle controller says so (MarkPodsNotReady@v1.37.2).
			pod = withNotReady(pod, c.now)
		}
		ns := c.namespaces[pod.Namespace]
		p := c.putPod(ns, pod, c.newLife())
		if change.returned && pod.DeletionTimestamp != nil && pod.Spec.NodeName != "" {
			// The kubelet hears of the deletion now.
			c.schedule(c.times(c.nodes[name], pod).TerminatesAfter, podEnds, ns, p)
			continue
		}
		c.start(ns, p)
	}
}

func (c *Cluster) newLife() int {
	c.lives++
	return c.lives
}
