package daemontest

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/placement"
)

// record is what has happened to one DaemonSet. It follows every change of a pod, so that
// assertions about a whole rollout miss no moment.
type record struct {
	// snapshot has the facts; nil with err, and while the DaemonSet is deleted. Its revisions
	// may be old, which has an effect on which pods are updated and on nothing that is recorded.
	snapshot *daemon.Snapshot
	err      error

	// applied is the generation of the DaemonSet as it was applied last. Only a rollback raises it.
	applied int64

	// first is when the first pod was seen on each node. Nodes that never had a pod are missing.
	first map[string]sighting

	// All other fields are about the time since restart was last called.

	// began is that time, and before are the pods that there were then.
	began  time.Time
	before map[podID]bool
	// unavailable are the nodes that lack an available pod, now.
	unavailable map[string]bool
	// most is how many nodes were unavailable at most, and worst are the facts when that was
	// so for the first time. While it is rising they are still to be kept: a pass that deletes
	// many pods keeps them once.
	most   int
	rising bool
	worst  daemon.Input
	// had has the pod of each node that had one.
	had map[string]string
	// lost has, for each node, the first pod that was deleted because the node does not keep it.
	lost map[string]sighting
	// available has when each node has last become available.
	available map[string]sighting
}

// sighting is a pod of a node at a time, with the decision about the node then.
type sighting struct {
	pod string
	at  time.Time
	why placement.Explanation
}

// observe brings all records up to date with changes of nodes, revisions and DaemonSets, which
// no watch reports, and with what was applied.
func (c *Cluster) observe() {
	for _, node := range c.sim.Input(nil).Nodes {
		c.nodes[node.Name] = true
	}
	for key, r := range c.records {
		if in := c.inputOf(key); in.DaemonSet != nil {
			r.observe(in)
		} else {
			r.close(in)
		}
	}
}

// inputOf returns the facts of a DaemonSet.
func (c *Cluster) inputOf(key types.NamespacedName) daemon.Input {
	return c.sim.Input(&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}})
}

// observe makes the snapshot anew.
func (r *record) observe(in daemon.Input) {
	r.keep()
	r.snapshot, r.err = daemon.Observe(in)
	if r.err != nil {
		return
	}
	nodes := r.snapshot.Nodes()
	exists := make(map[string]bool, len(nodes))
	for i := range nodes {
		exists[nodes[i].Name] = nodes[i].Node != nil
	}
	for name := range r.unavailable {
		if !exists[name] {
			delete(r.unavailable, name)
		}
	}
	for name := range r.had { // A node that leaves takes its pod with it.
		if !exists[name] {
			delete(r.had, name)
			delete(r.lost, name)
		}
	}
	r.look(daemon.Changed{All: true})
	r.keep()
}

// close ends the record of a DaemonSet that is gone. It goes on with the next one of its name.
func (r *record) close(in daemon.Input) {
	r.keep()
	r.snapshot, r.err, r.unavailable = nil, nil, map[string]bool{}
	for name := range r.had {
		if find(in.Nodes, name) == nil {
			delete(r.had, name)
			delete(r.lost, name)
		}
	}
}

// gone reports whether the DaemonSet is deleted.
func (r *record) gone() bool { return r.snapshot == nil && r.err == nil }

// keep keeps the facts of the worst moment, if that is now.
func (r *record) keep() {
	if r.rising && r.snapshot != nil {
		r.worst, r.rising = r.snapshot.Input(), false
	}
}

// restart begins to record anew.
func (r *record) restart(c *Cluster) {
	r.unavailable, r.had, r.lost, r.available = nil, nil, nil, nil
	r.most, r.rising, r.worst = 0, false, daemon.Input{}
	r.began, r.before = c.sim.Now(), nil
	if r.snapshot != nil {
		r.observe(c.inputOf(keyOf(r.snapshot.DaemonSet())))
		r.noteBefore()
	}
}

// noteBefore notes which pods there are.
func (r *record) noteBefore() {
	r.before = map[podID]bool{}
	for _, node := range r.snapshot.Nodes() {
		for _, p := range node.Pods {
			r.before[idOf(p.Pod)] = true
		}
	}
}

// watchPods is told of every change of a pod.
func (c *Cluster) watchPods(now time.Time, old, cur *corev1.Pod) {
	if c.quiet {
		return
	}
	if c.Options.WatchPods != nil {
		c.Options.WatchPods(now, old, cur)
	}
	pod := cur
	if cur == nil {
		pod = old
	}
	for key, r := range c.records {
		if key.Namespace == pod.Namespace && r.snapshot != nil && !c.applying {
			r.watch(c, now, old, cur)
		}
	}
	if cur != nil && c.cannotPull(cur) && !saysWhy(cur) {
		c.pulling = append(c.pulling, cur)
	}
}

func (r *record) watch(c *Cluster, now time.Time, old, cur *corev1.Pod) {
	if old != nil && old.DeletionTimestamp == nil && (cur == nil || cur.DeletionTimestamp != nil) {
		r.noteLoss(now, old)
	}
	if now.After(r.snapshot.Now()) || !becomesUnavailable(old, cur) {
		r.keep()
	}
	changes := daemon.Changes{Now: now}
	if cur != nil {
		changes.Pods = []*corev1.Pod{cur}
	} else {
		changes.DeletedPods = []string{old.Name}
	}
	ds := r.snapshot.DaemonSet()
	if old == nil && metav1.IsControlledBy(cur, ds) && cur.Labels[r.snapshot.Naming().RevisionHashLabel] != r.snapshot.RevisionHash() {
		// The controller has gone back to another template, or has taken another hash.
		r.observe(c.inputOf(keyOf(ds)))
		return
	}
	r.update(c, changes)
}

// update brings the snapshot up to date.
func (r *record) update(c *Cluster, changes daemon.Changes) {
	changed, err := r.snapshot.Update(changes)
	if err != nil {
		r.observe(c.inputOf(keyOf(r.snapshot.DaemonSet())))
		return
	}
	r.look(changed)
}

// becomesUnavailable reports whether a pod that may have been available is not any more.
func becomesUnavailable(old, cur *corev1.Pod) bool {
	return old != nil && isReady(old) && old.DeletionTimestamp == nil && (cur == nil || cur.DeletionTimestamp != nil || !isReady(cur))
}

func isReady(pod *corev1.Pod) bool {
	ready := podstatus.Condition(pod, corev1.PodReady)
	return ready != nil && ready.Status == corev1.ConditionTrue
}

// look notes what is new on the changed nodes.
func (r *record) look(changed daemon.Changed) {
	if r.first == nil {
		r.first = map[string]sighting{}
	}
	if r.had == nil {
		r.unavailable, r.had, r.lost, r.available = map[string]bool{}, map[string]string{}, map[string]sighting{}, map[string]sighting{}
	}
	nodes := r.snapshot.Nodes()
	if changed.All {
		for i := range nodes {
			r.lookAt(&nodes[i])
		}
	} else {
		for _, i := range changed.Nodes {
			r.lookAt(&nodes[i])
		}
	}
	if len(r.unavailable) > r.most {
		r.most, r.rising = len(r.unavailable), true
	}
}

func (r *record) lookAt(node *daemon.NodeState) {
	available := false
	for i := range node.Pods {
		p := &node.Pods[i]
		if _, seen := r.first[node.Name]; !seen {
			r.first[node.Name] = r.sight(p.Pod, node)
		}
		if p.Live() {
			r.had[node.Name] = p.Pod.Name
			if p.Available && !available {
				available = true
				if r.unavailable[node.Name] {
					r.available[node.Name] = r.sight(p.Pod, node)
				}
			}
		}
	}
	if unavailable(node) {
		r.unavailable[node.Name] = true
	} else {
		delete(r.unavailable, node.Name)
	}
}

func (r *record) sight(pod *corev1.Pod, node *daemon.NodeState) sighting {
	return sighting{pod: pod.Name, at: r.snapshot.Now(), why: r.snapshot.Matcher().Explain(node.Node)}
}

// noteLoss notes that a pod is deleted on a node that does not keep it.
func (r *record) noteLoss(now time.Time, pod *corev1.Pod) {
	name, _ := daemon.TargetNode(pod)
	node := r.snapshot.Node(name)
	if node == nil || node.Node == nil || node.Decision.Keep || r.lost[name].pod != "" {
		return
	}
	for i := range node.Pods {
		if node.Pods[i].Pod.Name == pod.Name && node.Pods[i].Live() {
			s := r.sight(pod, node)
			s.at = now
			r.lost[name] = s
		}
	}
}
