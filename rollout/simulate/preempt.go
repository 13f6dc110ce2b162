package simulate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/internal/podspec"
	"github.com/pernode/daemonset/rollout/health"
)

// MayPreempt returns the names of the nodes, in order, on which a pod of the DaemonSet waits at the end
// for room that pods of lower priorities have. A simulation preempts no pod (rule 4). A real scheduler
// may end those pods (DefaultPreemption.SelectVictimsOnNode@v1.37.2), also if they are of another
// DaemonSet whose rollout is then not as its own End says. It is nil if there are none, and if e is.
func (e *End) MayPreempt() []string {
	if e == nil {
		return nil
	}
	waiting := map[string]*corev1.Pod{}
	for _, b := range e.Blockers {
		if b.Kind == health.BlockerUnschedulable && b.Pod != nil && !preemptsNone(b.Pod) {
			waiting[b.Node] = b.Pod
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	all, rest := map[string]*room{}, map[string]*room{} // rest is without the pods of lower priorities
	for _, pod := range e.After.Pods {
		if pod == nil || !occupies(pod) {
			continue
		}
		node := pod.Spec.NodeName
		waits := waiting[node]
		if waits == nil {
			continue
		}
		takeOf(all, node, pod)
		if podspec.Priority(&pod.Spec) >= podspec.Priority(&waits.Spec) {
			takeOf(rest, node, pod)
		}
	}
	var names []string
	for _, node := range e.After.Nodes {
		if node == nil {
			continue
		}
		if waits := waiting[node.Name]; waits != nil && !all[node.Name].hasRoom(node, waits) && rest[node.Name].hasRoom(node, waits) {
			names = append(names, node.Name)
		}
	}
	slices.Sort(names)
	return names
}

// preemptsNone reports whether a pod lets no other pod be preempted.
func preemptsNone(pod *corev1.Pod) bool {
	return len(pod.Spec.SchedulingGates) > 0 || pod.Spec.PreemptionPolicy != nil && *pod.Spec.PreemptionPolicy == corev1.PreemptNever
}

// takeOf takes what a pod takes of the room of its node. Every pod counts.
func takeOf(rooms map[string]*room, node string, pod *corev1.Pod) {
	if rooms[node] == nil {
		rooms[node] = &room{}
	}
	rooms[node].take(takenBy(pod))
}

// hasRoom reports whether a node has room for a pod. r, which may be nil, has counted every other pod
// of the node.
func (r *room) hasRoom(node *corev1.Node, pod *corev1.Pod) bool {
	pods := 0
	if r != nil {
		pods = r.pods
	}
	return r.lacks(node, pod, pods, &Overlook{}) == nil
}
