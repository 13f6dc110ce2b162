package simulate

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/podstatus"
)

// room is what the pods that are bound to a node take of it, and who waits for it. Nodes
// whose pods take nothing have none.
type room struct {
	// pods is the number of pods that take something.
	pods     int
	requests corev1.ResourceList
	ports    map[demand.Port]int
	// waiting are the pods that the scheduler could not bind, in the order in which it tries
	// them again.
	waiting []waitingPod
}

// waitingPod is a pod in one of its lives.
type waitingPod struct {
	ns   *namespace
	pod  *stored
	life int
}

// waits reports whether the pod is still in that life.
func (w *waitingPod) waits() bool { return w.pod.life == w.life }

func (c *Cluster) room(node string) *room {
	r := c.rooms[node]
	if r == nil {
		r = &room{}
		if c.rooms == nil {
			c.rooms = make(map[string]*room)
		}
		c.rooms[node] = r
	}
	return r
}

// taken is what a pod takes from the node that it is bound to, and from a quota.
type taken struct {
	requests corev1.ResourceList
	ports    []demand.Port
}

func takenBy(pod *corev1.Pod) taken {
	switch {
	case pod == nil:
		return taken{}
	case demand.InStatus(pod):
		return taken{demand.RequestsOfPod(pod), demand.Ports(&pod.Spec)}
	case demand.None(&pod.Spec):
		return taken{}
	}
	return taken{demand.Requests(&pod.Spec), demand.Ports(&pod.Spec)}
}

func (t *taken) nothing() bool { return len(t.requests) == 0 && len(t.ports) == 0 }

// lessThan reports whether a pod takes less of something than it did.
func (t *taken) lessThan(was *taken) bool {
	for name, amount := range was.requests {
		if now := t.requests[name]; now.Cmp(amount) < 0 {
			return true
		}
	}
	return slices.ContainsFunc(was.ports, func(p demand.Port) bool { return !slices.Contains(t.ports, p) })
}

// occupies reports whether a pod takes something of its node. A finished pod takes nothing:
// the scheduler does not watch it (NewInformerFactory@v1.37.2).
func occupies(pod *corev1.Pod) bool {
	return pod != nil && pod.Spec.NodeName != "" && !podstatus.Finished(pod)
}

// account brings what pods take up to date with a change of one; old or cur may be nil. It
// looks at the spec only if that may have changed, or the pod counts from now on, or not any
// more.
func (c *Cluster) account(ns *namespace, old, cur *corev1.Pod) {
	if c.ties != nil && occupies(old) && occupies(cur) && !maps.Equal(old.Labels, cur.Labels) {
		c.retryTied(old.Spec.NodeName)
	}
	if sameDemand(old, cur) {
		return
	}
	c.ties.change(old, cur)
	if occupies(old) {
		c.countOn(old.Spec.NodeName, -1)
	}
	if occupies(cur) {
		c.countOn(cur.Spec.NodeName, 1)
	}
	was, is := takenBy(old), takenBy(cur)
	if occupies(cur) && !is.nothing() {
		c.room(cur.Spec.NodeName).take(is)
	}
	if occupies(old) && !was.nothing() {
		c.rooms[old.Spec.NodeName].release(was)
		c.tidy(old.Spec.NodeName)
	}
	switch left := !occupies(cur) || old != nil && cur.Spec.NodeName != old.Spec.NodeName; {
	case !occupies(old):
	case left:
		c.retry(old.Spec.NodeName)
		c.retryTied(old.Spec.NodeName)
	case is.lessThan(&was):
		c.retry(old.Spec.NodeName)
	}
	for _, s := range ns.sets {
		s.load.change(s.counts(old), s.counts(cur), was, is)
	}
}

// countOn counts a pod that has come to a node or left it.
func (c *Cluster) countOn(node string, n int) {
	if h := c.nodes[node]; h != nil {
		h.pods += n
	}
}

// sameDemand reports whether two versions of a pod take the same from the same node and the
// same quota. What the cluster changes of a pod it changes in a copy that shares the lists. It is
// false for pods with resources in the status, which may have changed.
func sameDemand(old, cur *corev1.Pod) bool {
	return old != nil && cur != nil && old.Spec.NodeName == cur.Spec.NodeName && podstatus.Finished(old) == podstatus.Finished(cur) &&
		sameList(old.Spec.Containers, cur.Spec.Containers) && sameList(old.Spec.InitContainers, cur.Spec.InitContainers) &&
		sameList(old.OwnerReferences, cur.OwnerReferences) && !demand.InStatus(old) && !demand.InStatus(cur)
}

// sameList reports whether two lists are one in memory.
func sameList[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (r *room) take(t taken) {
	r.pods++
	if r.requests == nil && len(t.requests) > 0 {
		r.requests = make(corev1.ResourceList, len(t.requests))
	}
	demand.Add(r.requests, t.requests)
	if r.ports == nil && len(t.ports) > 0 {
		r.ports = make(map[demand.Port]int, len(t.ports))
	}
	for _, p := range t.ports {
		r.ports[p]++
	}
}

// release gives back what a pod took of a node.
func (r *room) release(t taken) {
	r.pods--
	demand.Subtract(r.requests, t.requests)
	for _, p := range t.ports {
		if r.ports[p]--; r.ports[p] <= 0 {
			delete(r.ports, p)
		}
	}
}

// gated reports whether scheduling gates keep a pod from the scheduler (SchedulingGates.PreEnqueue
// @v1.37.2).
func (c *Cluster) gated(pod *corev1.Pod) bool {
	return len(pod.Spec.SchedulingGates) > 0 && !c.Options.Overlook.SchedulingGates
}

// sayGated writes into a new pod, which is not shared yet, what the API server says of its
// scheduling gates (applySchedulingGatedCondition@v1.37.2).
func (c *Cluster) sayGated(pod *corev1.Pod) {
	if c.gated(pod) && podstatus.Condition(pod, corev1.PodScheduled) == nil {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonSchedulingGated,
			Message: "Scheduling is blocked due to non-empty scheduling gates", LastTransitionTime: metav1.NewTime(c.now),
		})
	}
}

// tidy forgets the room of a node that is gone, with its pods.
func (c *Cluster) tidy(node string) {
	if r := c.rooms[node]; r != nil && r.pods == 0 && c.nodes[node] == nil {
		delete(c.rooms, node)
	}
}

// retry lets the scheduler try the pods again that wait for a node, because something there
// has changed. What it said about them before counts no more.
func (c *Cluster) retry(node string) {
	c.forget(node, func(p *problem) bool { return p.kind == problemUnschedulable })
	r := c.rooms[node]
	if r == nil || len(r.waiting) == 0 {
		return
	}
	waiting := r.waiting
	r.waiting = nil
	for i := range waiting {
		if w := &waiting[i]; w.waits() {
			c.schedule(0, podBound, w.ns, w.pod)
		}
	}
}

// nodeChanged notes that a node has changed, come or gone.
func (c *Cluster) nodeChanged(node string) {
	c.retry(node)
	if c.ties != nil {
		c.ties.domains = nil
		c.retryAllTied()
	}
}

// The scheduler's words (insufficientResources of fitsRequest, ErrReason of NodePorts,
// ErrReasonNodeLabelNotMatch, ErrReasonAntiAffinityRulesNotMatch @v1.37.2).
const (
	tooManyPods     = "Too many pods"
	noFreePorts     = "node(s) didn't have free ports for the requested pod ports"
	noTopologyLabel = "node(s) didn't match pod topology spread constraints (missing required label)"
	repelledReason  = "node(s) didn't match pod anti-affinity rules"
)

// misfits returns why the scheduler does not bind a pod to a node, in the order in which it
// finds out; the first plugin that refuses the node is the last that is asked
// (RunFilterPlugins@v1.37.2). It is nil if the pod fits. repelledBy is the term of the pod's
// podAntiAffinity that is the reason, or nil. selectors are those of selectorsOf.
func (c *Cluster) misfits(node *corev1.Node, pod *corev1.Pod, selectors []labels.Selector) (reasons []string, repelledBy *corev1.PodAffinityTerm) {
	overlook := &c.Options.Overlook
	if lacking := c.rooms[node.Name].lacks(node, pod, c.nodes[node.Name].pods, overlook); lacking != nil {
		return lacking, nil
	}
	if !overlook.SpreadLabels {
		for i := range pod.Spec.TopologySpreadConstraints {
			constraint := &pod.Spec.TopologySpreadConstraints[i]
			if _, ok := node.Labels[constraint.TopologyKey]; !ok && constraint.WhenUnsatisfiable == corev1.DoNotSchedule {
				return []string{noTopologyLabel}, nil
			}
		}
	}
	if !overlook.PodAntiAffinity {
		if term := c.repelledBy(node, pod, selectors); term != nil {
			return []string{repelledReason}, term
		}
	}
	return nil, nil
}

// lacks returns why a node has no room for a pod beside the given number of pods, in the scheduler's
// words: host ports, or else requests and the number of pods. It is nil if there is room. r may be nil.
func (r *room) lacks(node *corev1.Node, pod *corev1.Pod, pods int, overlook *Overlook) []string {
	none := demand.None(&pod.Spec)
	if !none && !overlook.HostPorts && r != nil && len(r.ports) > 0 && slices.ContainsFunc(demand.Ports(&pod.Spec), r.portInUse) {
		return []string{noFreePorts}
	}
	allocatable := demand.Allocatable(node)
	if overlook.Requests || len(allocatable) == 0 {
		return nil
	}
	var found []string
	if !none {
		found = r.insufficient(allocatable, demand.Requests(&pod.Spec))
	}
	if most, ok := allocatable[corev1.ResourcePods]; ok && most.CmpInt64(int64(pods)) <= 0 {
		found = append(found, tooManyPods)
	}
	return found
}

// fits reports whether the scheduler binds a new pod to a node.
func (c *Cluster) fits(node *corev1.Node, pod *corev1.Pod) bool {
	reasons, _ := c.misfits(node, pod, selectorsOf(pod))
	return reasons == nil
}

func (r *room) portInUse(want demand.Port) bool {
	if r.ports[want] > 0 {
		return true
	}
	for p := range r.ports {
		if p.Conflicts(want) {
			return true
		}
	}
	return false
}

// insufficient lists the resources of which a node has less than a pod requests beside the
// others (fitsRequest@v1.37.2). r may be nil.
func (r *room) insufficient(allocatable, requests corev1.ResourceList) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		need := requests[name]
		if need.Sign() <= 0 {
			continue
		}
		if r != nil {
			need = need.DeepCopy()
			need.Add(r.requests[name])
		}
		if has := allocatable[name]; has.Cmp(need) < 0 {
			found = append(found, "Insufficient "+string(name))
		}
	}
	return found
}

// unavailableMessage is what the scheduler writes into the condition PodScheduled of a pod
// that is pinned to one node (FitError.Error@v1.37.2). The node affinity excludes the other
// nodes before any filter looks at them (NodeAffinity.PreFilter, findNodesThatFitPod
// @v1.37.2). The scheduler adds a sentence about preemption, which the cluster does not have.
func (c *Cluster) unavailableMessage(reasons []string) string {
	parts := make([]string, 0, len(reasons)+1) // in upstream's order
	for _, reason := range reasons {
		parts = append(parts, "1 "+reason)
	}
	if others := len(c.nodes) - 1; others > 0 {
		parts = append(parts, fmt.Sprintf("%d node(s) didn't satisfy plugin(s) [NodeAffinity]", others))
	}
	return fmt.Sprintf("0/%d nodes are available: %s.", len(c.nodes), strings.Join(parts, ", "))
}

// tryToBind binds a pod to its node, or lets it wait.
func (c *Cluster) tryToBind(ns *namespace, p *stored, node *corev1.Node) {
	message := ""
	if reasons, term := c.misfits(node, p.pod, p.selectors()); reasons != nil {
		message = c.unavailableMessage(reasons)
		if term != nil {
			c.tie().wait(node, term.TopologyKey)
		}
	} else if known := c.problemOf(ns, node, p.pod, unscheduled); known != nil {
		message = known.message
	} else {
		pod := *p.pod
		c.bind(&pod, node.Name)
		c.live(ns, p, &pod)
		return
	}
	r := c.room(node.Name)
	r.waiting = slices.DeleteFunc(r.waiting, func(w waitingPod) bool { return !w.waits() })
	r.waiting = append(r.waiting, waitingPod{ns, p, p.life})
	was := podstatus.Condition(p.pod, corev1.PodScheduled)
	if was != nil && was.Status == corev1.ConditionFalse && was.Reason == corev1.PodReasonUnschedulable && was.Message == message {
		return
	}
	condition := corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
		LastTransitionTime: metav1.NewTime(c.now),
	}
	if was != nil && was.Status == corev1.ConditionFalse {
		condition.LastTransitionTime = was.LastTransitionTime
	}
	pod := *p.pod
	pod.Status.Conditions = withCondition(pod.Status.Conditions, condition)
	c.putPod(ns, p, &pod, p.life)
}

// withCondition returns a copy of conditions with one of them replaced or added.
func withCondition(conditions []corev1.PodCondition, condition corev1.PodCondition) []corev1.PodCondition {
	others := slices.DeleteFunc(slices.Clone(conditions), func(other corev1.PodCondition) bool { return other.Type == condition.Type })
	return append(others, condition)
}

// load is what the pods of a DaemonSet take of a quota, now and at most since the beginning
// of a Run.
type load struct {
	pods, most         int
	requests, greatest corev1.ResourceList
}

// counts reports whether a quota counts a pod of the DaemonSet: until it has finished or is
// gone (QuotaV1Pod@v1.37.2).
func (s *set) counts(pod *corev1.Pod) bool {
	if pod == nil || podstatus.Finished(pod) {
		return false
	}
	ref := metav1.GetControllerOfNoCopy(pod)
	return ref != nil && s.id.Relation(ref) == owner.Own
}

// change counts a pod that has changed, come or gone.
func (l *load) change(counted, counts bool, was, is taken) {
	if counted {
		l.pods--
		demand.Subtract(l.requests, was.requests)
	}
	if !counts {
		return
	}
	l.pods++
	l.most = max(l.most, l.pods)
	if l.requests == nil && len(is.requests) > 0 {
		l.requests, l.greatest = corev1.ResourceList{}, corev1.ResourceList{}
	}
	demand.Add(l.requests, is.requests)
	for name := range is.requests {
		if most, now := l.greatest[name], l.requests[name]; most.Cmp(now) < 0 {
			l.greatest[name] = now
		}
	}
}

// begin forgets what was more than now.
func (l *load) begin() {
	for name, now := range l.requests {
		if now.IsZero() {
			delete(l.requests, name)
		}
	}
	if len(l.requests) == 0 {
		l.requests = nil
	}
	l.most, l.greatest = l.pods, maps.Clone(l.requests)
}

// countLoad counts the pods of a DaemonSet that is new in the cluster.
func (s *set) countLoad(pods iter.Seq[*corev1.Pod]) {
	s.id, _ = owner.Of(s.ds) // Apply and NewCluster have refused one without an identity.
	for pod := range pods {
		if pod.Namespace == s.ds.Namespace && s.counts(pod) {
			s.load.change(false, true, taken{}, takenBy(pod))
		}
	}
	s.load.begin()
}
