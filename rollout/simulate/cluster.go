package simulate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podspec"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
)

// Cluster is a simulated cluster with a clock of its own. It stores nodes, pods,
// ControllerRevisions and DaemonSets, binds pods, starts and ends them as time passes,
// and carries out what the controllers of its DaemonSets write.
//
// The zero Cluster is empty, and its controllers have upstream's burst limit and feature
// gates. NewCluster makes one from facts, or one with other limits, gates and names. A Cluster is
// not safe for concurrent use. The objects in it are never changed, only replaced, so that
// what a method returns stays as it is; all of it is read-only.
//
// A DaemonSet may stand for another resource, as in daemon.Input. Give it a name that no
// other DaemonSet of the namespace has. Options.Policy is the policy of all DaemonSets: for
// another one, make its passes with rollout.Sync of Cluster.Input, and carry them out with
// Cluster.CarryOut.
type Cluster struct {
	// Options may be changed between calls.
	Options Options

	now       time.Time
	burst     int
	placement placement.Options
	naming    daemon.Naming

	nodes      map[string]*host
	namespaces map[string]*namespace
	// sorted is what sets returns, and ranked what setsByPriority returns; nil: to be made anew.
	sorted, ranked []*set

	// events is a minheap.
	events []event
	hope   hope
	// scheduled, lives, named and made count events, lives of pods, and generated names
	// and UIDs, to number them. The latter two are never below those of stored objects.
	scheduled, lives, named, made int
	// rooms are what the pods of each node take, and problems what is wrong with them.
	rooms    map[string]*room
	ties     *ties
	problems map[string][]problem
	// failures count failed pods and crashes since a rollout has last made progress.
	// mostFailures is the largest of these counts, those of pods that are gone included.
	failures     map[failing]int
	mostFailures int
	// failed counts all failed pods and crashes.
	failed int
	// othersAt is when something last happened on a node without a crash loop.
	othersAt time.Time
}

// namespace holds the objects of one namespace.
type namespace struct {
	pods      map[string]*stored
	revisions map[string]*appsv1.ControllerRevision
	sets      []*set // ordered by name; the list stays as it is when DaemonSets come and go
	// templates are those of revisions by hash that were asked for; nil: there is
	// none. A change of a revision forgets them.
	templates map[string]*corev1.PodSpec
}

// host is a node that exists.
type host struct {
	node *corev1.Node
	// at is where it was in the list of a snapshot.
	at int
	// pods is the number of pods on it that count for allocatable pods.
	pods int
}

// stored is a pod with the number of its life. A pod begins another life when it is
// bound or deleted, and when its status is changed. One that is gone has the life zero.
type stored struct {
	pod  *corev1.Pod
	life int
	// host is the node that the pod is bound or pinned to; nil if it does not exist.
	host *host
	// parsed is nil before the scheduler has tried a pod with a podAntiAffinity.
	parsed *parsedTerms
}

// node returns the node that the pod is bound or pinned to; nil if it does not exist.
func (p *stored) node() *corev1.Node {
	if p.host == nil {
		return nil
	}
	return p.host.node
}

// hostOf returns the node that a pod is bound or pinned to, likely guess, and its name.
func (c *Cluster) hostOf(pod *corev1.Pod, guess *host) (*host, string) {
	name, _ := daemon.TargetNode(pod)
	if guess != nil && guess.node.Name == name {
		return guess, name
	}
	return c.nodes[name], name
}

// NewCluster returns a cluster with the facts of in, taken as they are: nothing is
// validated, and no default is filled in. in.DaemonSet may be nil. The objects are
// shared and read-only from then on; their order has no effect. A zero in.Now means midnight of
// 1 January 2000 UTC.
// The controllers of all DaemonSets of the cluster have in.BurstReplicas, in.Placement and
// in.Naming, also if in has nothing else; in.Backoff is for in.DaemonSet.
//
// It fails with a *field.Error on a nil entry, and on an object without a name or with
// the name of another one. It also fails if rollout.NewState fails.
func NewCluster(in daemon.Input, opts Options) (*Cluster, error) {
	c := &Cluster{Options: opts, now: in.Now, burst: in.BurstReplicas, placement: in.Placement, naming: in.Naming}
	c.begin()
	in.Now = c.now
	c.nodes = make(map[string]*host, len(in.Nodes))
	hosts := make([]host, len(in.Nodes))
	for i, node := range in.Nodes {
		if node == nil || node.Name == "" || c.nodes[node.Name] != nil {
			return nil, unusable("nodes", i, node)
		}
		hosts[i].node = node
		c.nodes[node.Name] = &hosts[i]
		c.noteNumbers(node)
	}
	all := make([]stored, len(in.Pods))
	for i, pod := range in.Pods {
		if pod == nil || pod.Name == "" {
			return nil, unusable("pods", i, pod)
		}
		ns := c.namespace(pod.Namespace)
		if len(ns.pods) == 0 {
			ns.pods = make(map[string]*stored, len(in.Pods))
		}
		if _, ok := ns.pods[pod.Name]; ok {
			return nil, unusable("pods", i, pod)
		}
		all[i] = stored{pod: pod, life: c.newLife()}
		all[i].host, _ = c.hostOf(pod, nil)
		ns.pods[pod.Name] = &all[i]
		c.noteNumbers(pod)
		c.account(ns, nil, pod)
	}
	for i, rev := range in.Revisions {
		if rev == nil || rev.Name == "" || c.namespace(rev.Namespace).revisions[rev.Name] != nil {
			return nil, unusable("revisions", i, rev)
		}
		c.namespace(rev.Namespace).revisions[rev.Name] = rev
		c.noteNumbers(rev)
	}
	if ds := in.DaemonSet; ds != nil {
		state, err := rollout.NewState(in)
		if err != nil {
			return nil, err
		}
		ns, s := c.namespace(ds.Namespace), &set{ds: ds, state: state, backoff: in.Backoff, due: true}
		c.putSet(ns, s)
		c.noteNumbers(ds)
		s.countLoad(slices.Values(in.Pods))
	}
	c.startAll(all)
	return c, nil
}

// startAll starts the pods of the facts, ordered by namespace and name. Those that are ready come
// last, so that they disprove problems of all others.
func (c *Cluster) startAll(pods []stored) {
	order := make([]*stored, len(pods))
	for i := range pods {
		order[i] = &pods[i]
	}
	slices.SortFunc(order, compareStored)
	for _, ready := range [...]bool{false, true} {
		for _, p := range order {
			if isReady(p.pod) == ready {
				c.start(c.namespaces[p.pod.Namespace], p)
			}
		}
	}
}

// compareStored orders pods by namespace and name.
func compareStored(a, b *stored) int {
	return cmp.Or(strings.Compare(a.pod.Namespace, b.pod.Namespace), strings.Compare(a.pod.Name, b.pod.Name))
}

// unusable returns the error about an entry of a list that is nil, has no name, or has
// that of an earlier one.
func unusable[T any, O interface {
	*T
	metav1.Object
}](list string, i int, object O) error {
	path := field.NewPath(list).Index(i)
	switch {
	case object == nil:
		return field.Required(path, "")
	case object.GetName() == "":
		return field.Required(path.Child("metadata", "name"), "")
	}
	return field.Duplicate(path.Child("metadata", "name"), object.GetName())
}

// begin makes the zero Cluster ready for use.
func (c *Cluster) begin() {
	if c.now.IsZero() {
		c.now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if c.nodes == nil {
		c.nodes = make(map[string]*host)
	}
	if c.namespaces == nil {
		c.namespaces = make(map[string]*namespace)
	}
	if c.failures == nil {
		c.failures = make(map[failing]int)
	}
}

// namespace returns the namespace of a name, which it makes if it is missing.
func (c *Cluster) namespace(name string) *namespace {
	ns := c.namespaces[name]
	if ns == nil {
		ns = &namespace{
			pods:      make(map[string]*stored),
			revisions: make(map[string]*appsv1.ControllerRevision),
		}
		c.namespaces[name] = ns
	}
	return ns
}

// set returns the DaemonSet of a name, or nil.
func (ns *namespace) set(name string) *set {
	if at, is := slices.BinarySearchFunc(ns.sets, name, compareSet); is {
		return ns.sets[at]
	}
	return nil
}

func compareSet(s *set, name string) int { return cmp.Compare(s.ds.Name, name) }

// putSet stores a new DaemonSet.
func (c *Cluster) putSet(ns *namespace, s *set) {
	at, _ := slices.BinarySearchFunc(ns.sets, s.ds.Name, compareSet)
	ns.sets = slices.Insert(slices.Clip(ns.sets), at, s)
	c.sorted, c.ranked = nil, nil
}

// set returns the stored DaemonSet with the namespace and name of ds, or nil.
func (c *Cluster) set(ds *appsv1.DaemonSet) *set {
	if ds == nil {
		return nil
	}
	if ns := c.namespaces[ds.Namespace]; ns != nil {
		return ns.set(ds.Name)
	}
	return nil
}

// sets returns all DaemonSets, ordered by namespace and name. The list stays as it is when
// DaemonSets come and go.
func (c *Cluster) sets() []*set {
	if c.sorted != nil {
		return c.sorted
	}
	var out []*set
	for _, name := range slices.Sorted(maps.Keys(c.namespaces)) {
		out = append(out, c.namespaces[name].sets...)
	}
	c.sorted = out
	return out
}

// setsByPriority returns all DaemonSets, those whose pods have the highest priority first, then as
// sets does. The list stays as it is.
func (c *Cluster) setsByPriority() []*set {
	if c.ranked == nil {
		c.ranked = slices.SortedStableFunc(slices.Values(c.sets()), func(a, b *set) int {
			return -cmp.Compare(podspec.Priority(&a.ds.Spec.Template.Spec), podspec.Priority(&b.ds.Spec.Template.Spec))
		})
	}
	return c.ranked
}

// Input is how a test reads the cluster: it returns all facts about a DaemonSet as they are
// now. They are the stored object with the namespace and name of ds, all nodes, and the
// pods and revisions of its namespace, each list ordered by name. Input.DaemonSet is nil if
// the cluster has no such DaemonSet. The lists are the caller's own, the objects read-only.
//
// What a pass decides depends on Options, too: on the policy and the canary's trial.
func (c *Cluster) Input(ds *appsv1.DaemonSet) daemon.Input {
	if c == nil {
		return daemon.Input{}
	}
	c.begin()
	in := c.inputOf(ds)
	in.Nodes = c.listNodes()
	if ds != nil && c.namespaces[ds.Namespace] != nil {
		in.Pods = c.namespaces[ds.Namespace].listPods(nil)
	}
	return in
}

// inputOf returns the Input of a DaemonSet without nodes and pods.
func (c *Cluster) inputOf(ds *appsv1.DaemonSet) daemon.Input {
	in := daemon.Input{Now: c.now, BurstReplicas: c.burst, Placement: c.placement, Naming: c.naming}
	if ds == nil {
		return in
	}
	ns := c.namespaces[ds.Namespace]
	if ns == nil {
		return in
	}
	if s := ns.set(ds.Name); s != nil {
		in.DaemonSet, in.Backoff = s.ds, s.remembered()
	}
	in.Revisions = byName(ns.revisions)
	return in
}

// listNodes returns all nodes, ordered by name.
func (c *Cluster) listNodes() []*corev1.Node {
	out := make([]*corev1.Node, 0, len(c.nodes))
	for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
		out = append(out, c.nodes[name].node)
	}
	return out
}

// listPods returns all pods, ordered by namespace and name.
func (c *Cluster) listPods() (out []*corev1.Pod) {
	for _, name := range slices.Sorted(maps.Keys(c.namespaces)) {
		out = c.namespaces[name].listPods(out)
	}
	return out
}

// listPods appends the pods of the namespace to a list, ordered by name.
func (ns *namespace) listPods(to []*corev1.Pod) []*corev1.Pod {
	to = slices.Grow(to, len(ns.pods))
	for _, name := range slices.Sorted(maps.Keys(ns.pods)) {
		to = append(to, ns.pods[name].pod)
	}
	return to
}

// byName returns the values of a map in the order of their keys.
func byName[T any](objects map[string]*T) []*T {
	if len(objects) == 0 {
		return nil
	}
	out := make([]*T, 0, len(objects))
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		out = append(out, objects[name])
	}
	return out
}
