package controller

import (
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
)

// wakes asks for a pass of an owner.
type wakes func(reconcile.Request)

// mirror is what the events have shown. Its objects are those of the caches: read-only, and
// not copied. A State is made from it and kept up to date from it, so that both always agree.
// A cache would not do for that: it may be ahead of the events that are still to come.
type mirror struct {
	kind kind
	opts Options

	mu         sync.Mutex
	nodes      map[string]*corev1.Node
	namespaces map[string]*namespace
	owners     map[types.UID]*owner
}

// namespace is the mirror of one namespace.
type namespace struct {
	owners map[string]*owner
	pods   map[string]*corev1.Pod
	// podsOf has the same pods by the UID of their controller; orphans have none.
	podsOf    map[types.UID]map[string]*corev1.Pod
	revisions map[string]*appsv1.ControllerRevision
}

func newMirror(k kind, opts Options) *mirror {
	return &mirror{
		kind: k, opts: opts,
		nodes: map[string]*corev1.Node{}, namespaces: map[string]*namespace{}, owners: map[types.UID]*owner{},
	}
}

func (m *mirror) namespace(name string) *namespace {
	ns := m.namespaces[name]
	if ns == nil {
		ns = &namespace{
			owners: map[string]*owner{}, pods: map[string]*corev1.Pod{},
			podsOf: map[types.UID]map[string]*corev1.Pod{}, revisions: map[string]*appsv1.ControllerRevision{},
		}
		m.namespaces[name] = ns
	}
	return ns
}

// drop forgets the namespace once it is empty.
func (m *mirror) drop(name string) {
	if ns := m.namespaces[name]; len(ns.owners)+len(ns.pods)+len(ns.revisions) == 0 {
		delete(m.namespaces, name)
	}
}

// wake asks for a pass of the owner.
func (w wakes) wake(o *owner) {
	w(reconcile.Request{NamespacedName: o.key})
}

// setOwner takes over an owner that is new or has changed.
func (m *mirror) setOwner(w wakes, object client.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ns := m.namespace(object.GetNamespace())
	o := ns.owners[object.GetName()]
	if o != nil && o.uid != object.GetUID() {
		m.removeOwner(ns, o)
		o = nil
	}
	if o == nil {
		o = &owner{key: client.ObjectKeyFromObject(object), uid: object.GetUID()}
		ns.owners[o.key.Name] = o
		m.owners[o.uid] = o
	}
	o.show(m.kind, m.opts, object)
	o.expectations.Observe(object)
	w.wake(o)
}

// deleteOwner forgets an owner. Its pods are the garbage collector's.
func (m *mirror) deleteOwner(_ wakes, object client.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ns := m.namespace(object.GetNamespace())
	if o := ns.owners[object.GetName()]; o != nil && o.uid == object.GetUID() {
		m.removeOwner(ns, o)
	}
	m.drop(object.GetNamespace())
}

func (m *mirror) removeOwner(ns *namespace, o *owner) {
	delete(ns.owners, o.key.Name)
	delete(m.owners, o.uid)
}

// setNode notes a node that is new or has changed, and wakes the owners that it concerns.
// Heartbeats, which are nearly all updates of a node, end here.
func (m *mirror) setNode(w wakes, node *corev1.Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.nodes[node.Name]
	m.nodes[node.Name] = node
	if before != nil && !placement.NodeChanged(before, node) && readySince(before) == readySince(node) {
		return
	}
	m.noteNode(w, node.Name, before, node)
}

// deleteNode notes a node that is gone, and wakes the owners that it concerns.
func (m *mirror) deleteNode(w wakes, node *corev1.Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.nodes[node.Name]
	if before == nil {
		return
	}
	delete(m.nodes, node.Name)
	m.noteNode(w, node.Name, before, nil)
}

// noteNode notes a change of a node for all owners. It wakes those for which the node's
// decision changes, those with a policy, which may depend on any label and on readiness, and,
// if the node appears or goes, those with pods there.
func (m *mirror) noteNode(w wakes, name string, before, now *corev1.Node) {
	for _, ns := range m.namespaces {
		for _, o := range ns.owners {
			if !o.built {
				continue
			}
			note(&o.noted.nodes, name, now)
			if o.policy || o.matcher.DecisionChanged(before, now) || (before == nil || now == nil) && ns.hasPodOn(o, name) {
				w.wake(o)
			}
		}
	}
}

// hasPodOn reports whether a pod of the owner is bound or pinned to the node.
func (ns *namespace) hasPodOn(o *owner, node string) bool {
	for _, pod := range ns.podsOf[o.uid] {
		if target, ok := daemon.TargetNode(pod); ok && target == node {
			return true
		}
	}
	return false
}

// readiness is what a policy may know of a node besides its labels and taints.
type readiness struct {
	status corev1.ConditionStatus
	since  time.Time
}

func readySince(node *corev1.Node) readiness {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return readiness{c.Status, c.LastTransitionTime.Time}
		}
	}
	return readiness{}
}

// setPod notes a pod that is new or has changed for its owner, and for the one that it had.
// An orphan is noted for those whose selector matches.
func (m *mirror) setPod(w wakes, pod *corev1.Pod) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ns := m.namespace(pod.Namespace)
	before := ns.pods[pod.Name]
	if before != nil && before.UID == pod.UID && before.ResourceVersion == pod.ResourceVersion {
		return // a resync
	}
	if before != nil {
		ns.removePod(before)
	}
	ns.addPod(pod)
	for _, o := range m.concernedBy(ns, before, pod) {
		if o.built {
			note(&o.noted.pods, pod.Name, pod)
		}
		if before != nil && before.UID != pod.UID {
			o.expectations.ObserveDeleted(before)
		}
		o.expectations.Observe(pod)
		w.wake(o)
	}
}

// deletePod notes a pod that is gone.
func (m *mirror) deletePod(w wakes, pod *corev1.Pod) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ns := m.namespace(pod.Namespace)
	defer m.drop(pod.Namespace)
	before := ns.pods[pod.Name]
	if before == nil {
		return
	}
	ns.removePod(before)
	for _, o := range m.concernedBy(ns, before, pod) {
		if o.built {
			note(&o.noted.pods, pod.Name, nil)
		}
		o.expectations.ObserveDeleted(before)
		w.wake(o)
	}
}

func (ns *namespace) addPod(pod *corev1.Pod) {
	ns.pods[pod.Name] = pod
	uid := controllerUID(pod)
	if ns.podsOf[uid] == nil {
		ns.podsOf[uid] = map[string]*corev1.Pod{}
	}
	ns.podsOf[uid][pod.Name] = pod
}

func (ns *namespace) removePod(pod *corev1.Pod) {
	delete(ns.pods, pod.Name)
	uid := controllerUID(pod)
	if delete(ns.podsOf[uid], pod.Name); len(ns.podsOf[uid]) == 0 {
		delete(ns.podsOf, uid)
	}
}

// controllerUID returns the UID of the object's controller, empty for an orphan. The UID
// alone decides where an object belongs: one whose reference names another kind must
// reach the library, which reports it.
func controllerUID(object metav1.Object) types.UID {
	if ref := metav1.GetControllerOfNoCopy(object); ref != nil {
		return ref.UID
	}
	return ""
}

// concernedBy returns the owners that a change of a pod concerns. before may be nil. The
// controller of a pod is in its namespace: one that names the UID of an owner elsewhere has
// none, and may have the name of a pod that has.
func (m *mirror) concernedBy(ns *namespace, before, now *corev1.Pod) []*owner {
	var concerned []*owner
	for _, pod := range []*corev1.Pod{before, now} {
		if pod == nil {
			continue
		}
		if uid := controllerUID(pod); uid != "" {
			if o := m.owners[uid]; o != nil && o.key.Namespace == pod.Namespace && !slices.Contains(concerned, o) {
				concerned = append(concerned, o)
			}
			continue
		}
		for _, o := range ns.owners {
			if o.claims(pod) && !slices.Contains(concerned, o) {
				concerned = append(concerned, o)
			}
		}
	}
	return concerned
}

// setRevision notes a revision for all owners of its namespace, because a new one must not
// have its name. It wakes the owner, and for an orphan those whose selector matches.
func (m *mirror) setRevision(w wakes, rev *appsv1.ControllerRevision) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ns := m.namespace(rev.Namespace)
	before := ns.revisions[rev.Name]
	if before != nil && before.UID == rev.UID && before.ResourceVersion == rev.ResourceVersion {
		return // a resync
	}
	ns.revisions[rev.Name] = rev
	for _, o := range ns.owners {
		if o.built {
			note(&o.noted.revisions, rev.Name, rev)
		}
		if !o.concernedByRevision(before) && !o.concernedByRevision(rev) {
			continue
		}
		if before != nil && before.UID != rev.UID {
			o.expectations.ObserveDeleted(before)
		}
		o.expectations.Observe(rev)
		w.wake(o)
	}
}

// deleteRevision notes a revision that is gone.
func (m *mirror) deleteRevision(w wakes, rev *appsv1.ControllerRevision) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ns := m.namespace(rev.Namespace)
	defer m.drop(rev.Namespace)
	before := ns.revisions[rev.Name]
	if before == nil {
		return
	}
	delete(ns.revisions, rev.Name)
	for _, o := range ns.owners {
		if o.built {
			note(&o.noted.revisions, rev.Name, nil)
		}
		if o.concernedByRevision(before) {
			o.expectations.ObserveDeleted(before)
			w.wake(o)
		}
	}
}

func (o *owner) concernedByRevision(rev *appsv1.ControllerRevision) bool {
	if rev == nil {
		return false
	}
	return controllerUID(rev) == o.uid || o.claimsRevision(rev)
}

// taken is what a pass learns from the mirror: either all facts, for a new State, or what has
// changed.
type taken struct {
	object  client.Object
	facts   *daemon.Input
	changes daemon.Changes
}

// owner returns the owner of the given name, or nil.
func (m *mirror) owner(key types.NamespacedName) *owner {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ns := m.namespaces[key.Namespace]; ns != nil {
		return ns.owners[key.Name]
	}
	return nil
}

// take returns what the State of the owner does not know yet. From then on changes are noted
// anew. It reports false if the owner is gone.
func (m *mirror) take(o *owner) (taken, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owners[o.uid] != o {
		return taken{}, false
	}
	t := taken{object: o.object}
	if o.built {
		t.changes = o.noted.changes(o.daemonSet)
	} else {
		t.facts = m.facts(m.namespaces[o.key.Namespace], o)
	}
	o.built, o.noted = true, notes{}
	return t, true
}

// facts returns all that the library must know of the owner.
func (m *mirror) facts(ns *namespace, o *owner) *daemon.Input {
	in := &daemon.Input{DaemonSet: o.daemonSet, BurstReplicas: m.opts.Burst, Placement: m.opts.Placement}
	for _, node := range m.nodes {
		in.Nodes = append(in.Nodes, node)
	}
	for _, pod := range ns.podsOf[o.uid] {
		in.Pods = append(in.Pods, pod)
	}
	for _, pod := range ns.podsOf[""] {
		if o.claims(pod) {
			in.Pods = append(in.Pods, pod)
		}
	}
	for _, rev := range ns.revisions {
		in.Revisions = append(in.Revisions, rev)
	}
	return in
}

// rebuild makes the next pass of the owner make a new State.
func (m *mirror) rebuild(o *owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o.forget()
}
