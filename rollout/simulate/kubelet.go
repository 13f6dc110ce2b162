package simulate

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/nodestatus"
	"github.com/pernode/daemonset/internal/podstatus"
)

// kubeletWorks reports whether a kubelet looks after the pods of a node: the node exists
// and does not say that it is not ready.
func (c *Cluster) kubeletWorks(node *corev1.Node) bool {
	if node == nil {
		return false
	}
	if c.Options.Overlook.NodesNotReady {
		return true
	}
	ready := nodestatus.Ready(node)
	return ready == nil || ready.Status == corev1.ConditionTrue
}

// gracePeriod returns how long a pod may take to terminate: the default of the API
// server if the spec does not say it.
func gracePeriod(pod *corev1.Pod) time.Duration {
	seconds := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if s := pod.Spec.TerminationGracePeriodSeconds; s != nil {
		seconds = *s
	}
	return inSeconds(seconds)
}

// inSeconds returns a number of seconds as a duration of at most about a century.
func inSeconds(n int64) time.Duration {
	const longest = 1 << 32
	return time.Duration(min(max(n, 0), longest)) * time.Second
}

// overdue reports whether a terminating pod is past its grace period. The deletion
// timestamp is the end of that period (BeforeDelete@v0.37.2).
func (c *Cluster) overdue(pod *corev1.Pod) bool {
	return !c.Options.Overlook.OverduePods && pod.DeletionTimestamp != nil && pod.DeletionTimestamp.Time.Before(c.now)
}

func isReady(pod *corev1.Pod) bool {
	ready := podstatus.Condition(pod, corev1.PodReady)
	return ready != nil && ready.Status == corev1.ConditionTrue
}

// start schedules what becomes of a pod whose life has just begun. How long things take
// counts from what the pod says about the past.
func (c *Cluster) start(ns *namespace, p *stored) {
	pod := p.pod
	node := p.node()
	bound := pod.Spec.NodeName != ""
	c.noteOthers(pod)
	for _, s := range ns.sets {
		c.scheduleAvailable(ns, p, s)
	}
	switch {
	case bound && node == nil, pod.DeletionTimestamp != nil && !bound:
		// Pod garbage collection (gcOrphaned, gcUnscheduledTerminating @v1.37.2).
		c.schedule(c.times(nil, pod).TerminatesAfter, podEnds, ns, p)
	case pod.DeletionTimestamp != nil:
		if c.kubeletWorks(node) && !c.overdue(pod) {
			c.schedule(c.terminatesIn(node, pod), podEnds, ns, p)
		}
	case !bound:
		if node != nil && !c.gated(pod) {
			c.noteProblem(ns, node, pod, &PodTimes{})
			c.schedule(c.left(pod.CreationTimestamp.Time, c.times(node, pod).BoundAfter), podBound, ns, p)
		}
	case podstatus.Finished(pod), !c.kubeletWorks(node):
	default:
		c.startBound(ns, p, node)
	}
}

// startBound schedules what becomes of a bound pod on a node with a kubelet.
func (c *Cluster) startBound(ns *namespace, p *stored, node *corev1.Node) {
	pod, ready := p.pod, isReady(p.pod)
	t := c.times(node, pod)
	if !ready && c.rejects(node, pod) {
		c.schedule(0, podFails, ns, p)
		return
	}
	c.noteProblem(ns, node, pod, &t)
	since := boundAt(pod)
	fails := c.left(since, t.FailsAfter)
	if !ready || since.IsZero() || since.Add(t.FailsAfter).After(c.now) {
		c.schedule(fails, podFails, ns, p)
	}
	crashes := never
	if l, ok := c.loopOf(ns, node, pod, &t); ok {
		if restarts, waits := c.restartsIn(pod, &l); waits {
			c.schedule(restarts, podRestarts, ns, p)
			return
		}
		since = startedAt(pod, &l)
		if !ready || since.IsZero() || since.Add(l.run).After(c.now) {
			crashes = c.left(since, l.run)
			c.schedule(crashes, podCrashes, ns, p)
		}
	}
	if ready {
		return
	}
	if stuck := c.problemOf(ns, node, pod, ofContainer); stuck != nil {
		if stuck.kind != problemCrashLoop && findStatus(&pod.Status, stuck.container, stuck.init) == nil {
			c.schedule(c.left(since, t.ReadyAfter), podStuck, ns, p)
		}
		return
	}
	if readyIn := c.left(since, t.ReadyAfter); (fails < 0 || readyIn < fails) && (crashes < 0 || readyIn < crashes) {
		c.schedule(readyIn, podReady, ns, p)
	}
}

// rejects reports whether the kubelet of a node rejects a pod because of its operating system
// (rejectPodAdmissionBasedOnOSField@v1.37.2). A node without the label may run any.
func (c *Cluster) rejects(node *corev1.Node, pod *corev1.Pod) bool {
	if pod.Spec.OS == nil || pod.Spec.OS.Name == "" || c.Options.Overlook.OperatingSystems {
		return false
	}
	os := node.Labels[corev1.LabelOSStable]
	return os != "" && os != string(pod.Spec.OS.Name)
}

// boundAt returns when a pod was bound. A pod that does not say so was bound at its
// creation or, if that is not known either, when it became ready.
func boundAt(pod *corev1.Pod) time.Time {
	if c := podstatus.Condition(pod, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionTrue && !c.LastTransitionTime.IsZero() {
		return c.LastTransitionTime.Time
	}
	if at := pod.CreationTimestamp.Time; !at.IsZero() || !isReady(pod) {
		return at
	}
	return podstatus.Condition(pod, corev1.PodReady).LastTransitionTime.Time
}

// left returns how long something still takes that takes d from a given time on. If that
// is over already, or the time is unknown, it takes d from now on.
func (c *Cluster) left(since time.Time, d time.Duration) time.Duration {
	if end := since.Add(max(d, 0)); !since.IsZero() && d > 0 && end.After(c.now) {
		return min(d, end.Sub(c.now))
	}
	return d
}

// terminatesIn returns how long a pod still takes to terminate: not longer than its grace
// period, and below zero if it never does.
func (c *Cluster) terminatesIn(node *corev1.Node, pod *corev1.Pod) time.Duration {
	ends := pod.DeletionTimestamp.Time
	grace := gracePeriod(pod)
	if seconds := pod.DeletionGracePeriodSeconds; seconds != nil {
		grace = inSeconds(*seconds)
	}
	return min(c.left(ends.Add(-grace), c.times(node, pod).TerminatesAfter), max(0, ends.Sub(c.now)))
}

// scheduleAvailable wakes the controller of a DaemonSet when a ready pod that it watches becomes
// available.
func (c *Cluster) scheduleAvailable(ns *namespace, p *stored, s *set) {
	seconds := s.ds.Spec.MinReadySeconds
	if seconds <= 0 || p.pod.DeletionTimestamp != nil || !isReady(p.pod) || !s.watches(p.pod) {
		return
	}
	since := podstatus.Condition(p.pod, corev1.PodReady).LastTransitionTime
	at := since.Add(time.Duration(seconds) * time.Second)
	if !since.IsZero() && at.After(c.now) {
		c.schedule(at.Sub(c.now), podAvailable, ns, p)
	}
}

// happen carries out an event of a pod. Its node is as it was when the event was
// scheduled: a node that changes lets its pods begin another life.
func (c *Cluster) happen(e *event) {
	p := e.subject
	name, _ := daemon.TargetNode(p.pod)
	node := p.node()
	c.noteOthers(p.pod)
	switch e.kind {
	case podBound:
		if node != nil { // A caller may have pinned the pod elsewhere.
			c.tryToBind(e.ns, p, node)
		}
	case podReady:
		c.live(e.ns, p, withReady(p.pod, c.now))
	case podAvailable:
		for _, s := range e.ns.sets {
			if s.watches(p.pod) {
				s.tally.touch(name, p.host)
				s.due = true
			}
		}
	case podFails:
		pod := *p.pod
		pod.Status = corev1.PodStatus{Phase: corev1.PodFailed}
		if node != nil && c.rejects(node, &pod) {
			pod.Status.Reason = "PodOSNotSupported"
			pod.Status.Message = "Failed to admit pod as the OS field doesn't match node OS"
		}
		c.putPod(e.ns, p, &pod, c.newLife())
		c.countFailure(failingOn(name, &pod))
	case podCrashes, podRestarts:
		c.turn(e, node)
	case podStuck:
		pod := p.pod
		if stuck := c.problemOf(e.ns, node, pod, ofContainer); stuck != nil {
			pod = stuck.withProblem(pod, c.now)
		}
		c.live(e.ns, p, pod)
	case podEnds:
		c.removePod(e.ns, p)
	}
}

// turn lets the container of a crash loop terminate or start again. A crash counts as the
// failure of a pod.
func (c *Cluster) turn(e *event, node *corev1.Node) {
	pod := e.subject.pod
	t := c.times(node, pod)
	switch l, ok := c.loopOf(e.ns, node, pod, &t); {
	case !ok: // The caller has changed Options.
	case e.kind == podCrashes:
		pod = withCrash(pod, &l, c.now)
		c.countFailure(failingPod(pod))
	default:
		pod = withRestart(pod, &l, c.now)
	}
	c.live(e.ns, e.subject, pod)
}

// bind does what the scheduler does to a pod that is not shared yet.
func (c *Cluster) bind(pod *corev1.Pod, node string) {
	pod.Spec.NodeName = node
	pod.Status.Conditions = withCondition(pod.Status.Conditions, corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(c.now),
	})
}

// withReady returns a copy of the pod that runs and is ready. Statuses of containers stay, with
// their restarts.
func withReady(pod *corev1.Pod, now time.Time) *corev1.Pod {
	ready := &struct {
		pod        corev1.Pod
		conditions [2]corev1.PodCondition
	}{pod: *pod}
	out, conditions := &ready.pod, ready.conditions[:0]
	if scheduled := podstatus.Condition(pod, corev1.PodScheduled); scheduled != nil {
		conditions = append(conditions, *scheduled)
	}
	out.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: append(conditions, corev1.PodCondition{
		Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now),
	})}
	if was := &pod.Status; len(was.ContainerStatuses)+len(was.InitContainerStatuses) > 0 {
		out.Status.InitContainerStatuses = readyStatuses(&pod.Spec, was.InitContainerStatuses, true, now)
		out.Status.ContainerStatuses = readyStatuses(&pod.Spec, was.ContainerStatuses, false, now)
	}
	return out
}

// withNotReady returns a copy of a ready pod whose node has stopped being ready. The node
// lifecycle controller gives no reason (MarkPodsNotReady@v1.37.2).
func withNotReady(pod *corev1.Pod, now time.Time) *corev1.Pod {
	out := *pod
	out.Status.Conditions = slices.Clone(pod.Status.Conditions)
	ready := podstatus.Condition(&out, corev1.PodReady)
	ready.Status, ready.LastTransitionTime = corev1.ConditionFalse, metav1.NewTime(now)
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
	for name := range changes {
		if h := c.nodes[name]; h != nil {
			h.pods = 0 // A node that joins may have pods already.
		}
	}
	var pods []*stored
	for _, ns := range c.namespaces {
		for _, p := range ns.pods {
			if name, ok := daemon.TargetNode(p.pod); ok {
				if _, changed := changes[name]; changed {
					if occupies(p.pod) {
						c.countOn(name, 1)
					}
					pods = append(pods, p)
				}
			}
		}
	}
	slices.SortFunc(pods, compareStored)
	for _, p := range pods {
		pod := p.pod
		name, _ := daemon.TargetNode(pod)
		change := changes[name]
		if change.stopped && pod.Spec.NodeName != "" && isReady(pod) {
			pod = withNotReady(pod, c.now)
		}
		ns := c.namespaces[pod.Namespace]
		p.host = c.nodes[name]
		c.putPod(ns, p, pod, c.newLife())
		if change.returned && pod.DeletionTimestamp != nil && pod.Spec.NodeName != "" && c.overdue(pod) {
			// The kubelet hears of the deletion only now.
			if c.times(p.node(), pod).TerminatesAfter >= 0 {
				c.removePod(ns, p)
			}
			continue
		}
		c.start(ns, p)
	}
	for name := range changes { // start has noted again what nodeChanged has forgotten.
		c.forget(name, func(p *problem) bool { return p.kind == problemUnschedulable })
	}
}

// live lets a pod begin another life as the given object.
func (c *Cluster) live(ns *namespace, p *stored, pod *corev1.Pod) {
	c.putPod(ns, p, pod, c.newLife())
	c.start(ns, p)
}

func (c *Cluster) newLife() int {
	c.lives++
	return c.lives
}
