package daemontest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Cluster is a simulated cluster, seen from a test. The rules of what happens in it are those
// of package simulate. It also records what assertions ask for. The zero Cluster is empty; do
// not copy it once it is used.
type Cluster struct {
	// Options are those of the simulation, such as the policy of the controllers and how long
	// pods take to become ready. They may be changed between calls; PodTimes then hold for what
	// is created, bound or changed later.
	Options simulate.Options

	sim *simulate.Cluster
	// records has the DaemonSets there have ever been.
	records map[types.NamespacedName]*record
	// nodes are the names of all nodes there have ever been.
	nodes map[string]bool
	// applying says that objects are being applied or deleted. The records are brought up to
	// date after the last one. quiet says that nobody else is told of these changes.
	applying, quiet bool
	// hung are pods that never become ready, broken the images that cannot be pulled, and
	// pulling the bound pods whose status does not say so yet.
	hung    map[podID]bool
	broken  map[string]*brokenImage
	pulling []*corev1.Pod
}

// Settled returns a cluster with the nodes and the DaemonSet, in which the rollout of the
// DaemonSet is complete, and has been so for ten minutes (health.DefaultPatience): the pods are
// available for that long. Before a version with minReadySeconds that are longer, Advance the
// cluster by them: pods that are not ready for so long are unavailable to the controller, which
// replaces them all at once. Settled ends the test if the API server would refuse one of them, and if
// the rollout does not become complete, with the reason for each node. A DaemonSet that runs
// on no node is complete, which the test's log says. For a cluster with Options, begin with a
// Cluster that has them, and call Apply, SettlesWithin and FromNow.
func Settled(t testing.TB, ds *appsv1.DaemonSet, nodes ...*corev1.Node) *Cluster {
	t.Helper()
	if ds == nil {
		t.Fatal("the DaemonSet is nil")
	}
	for i, node := range nodes {
		if node == nil {
			t.Fatalf("nodes[%d] is nil", i)
		}
	}
	c := &Cluster{}
	c.Apply(t, append(objects(nodes), ds)...)
	for _, end := range c.Settle(t) {
		if end.State != simulate.EndComplete {
			t.Fatal(reportEnd(ds, end, "complete"))
		}
	}
	if now := c.look(t, ds); !slices.ContainsFunc(now.snapshot.Nodes(), func(node daemon.NodeState) bool { return running(&node) != nil }) {
		t.Logf("%s: complete, and runs on no node", nameOf(ds))
	}
	c.FromNow(t)
	return c
}

// NewCluster returns a cluster with the facts of in, taken as they are: nothing is validated,
// and the controller has not made a pass. The options hold for the pods of in, too. A zero
// in.Now is Start; for objects of a real cluster set it to when they were listed. It ends the
// test if simulate.NewCluster or daemon.Observe fails. The objects are shared and read-only from
// then on.
func NewCluster(t testing.TB, in daemon.Input, opts simulate.Options) *Cluster {
	t.Helper()
	c := &Cluster{Options: opts}
	c.load(t, in)
	return c
}

func (c *Cluster) load(t testing.TB, in daemon.Input) {
	t.Helper()
	if in.Now.IsZero() {
		in.Now = Start()
	}
	sim, err := simulate.NewCluster(in, c.options())
	if err != nil {
		t.Fatal(err)
	}
	c.sim = sim
	c.records, c.nodes = map[types.NamespacedName]*record{}, map[string]bool{}
	if in.DaemonSet != nil {
		c.records[keyOf(in.DaemonSet)] = &record{applied: c.inputOf(keyOf(in.DaemonSet)).DaemonSet.Generation}
	}
	c.observe()
	for _, r := range c.records {
		if r.err != nil {
			t.Fatal(r.err)
		}
		r.began = sim.Now()
		r.noteBefore()
	}
}

// begin makes the cluster ready for a call.
func (c *Cluster) begin(t testing.TB) {
	t.Helper()
	if c == nil {
		t.Fatal("the cluster is nil")
	}
	if c.sim == nil {
		c.load(t, daemon.Input{})
	}
	c.sim.Options = c.options()
}

// options are Options with what the cluster itself needs.
func (c *Cluster) options() simulate.Options {
	opts := c.Options
	opts.PodTimes, opts.WatchPods = c.podTimes, c.watchPods
	return opts
}

// FromNow makes AtMostUnavailable, NoPodLost and AllReplaced look at what happens from now on,
// and no longer at what was before, such as a rollout that only leads to the one under test. A
// node that is unavailable now counts.
func (c *Cluster) FromNow(t testing.TB) {
	t.Helper()
	c.begin(t)
	for _, r := range c.records {
		r.restart(c)
	}
}

// Apply creates or replaces DaemonSets, nodes, pods and ControllerRevisions, as kubectl apply
// does; see simulate.Cluster.Apply. Nothing else happens until the clock moves. It ends the
// test if the API server would refuse a DaemonSet, or the name, the labels or the taints of a
// node, if an object is given twice, and if none is given.
func (c *Cluster) Apply(t testing.TB, objects ...metav1.Object) {
	t.Helper()
	c.begin(t)
	checkGiven(t, objects)
	for _, object := range objects {
		var errs field.ErrorList
		switch o := object.(type) {
		case *appsv1.DaemonSet:
			errs = c.validateDaemonSet(o)
		case *corev1.Node:
			errs = validateNode(o)
		case *corev1.Pod:
			errs = validateOwners(o)
		case *appsv1.ControllerRevision:
			errs = validateOwners(o)
		}
		// It leaves out what only follows from another error.
		if list := (*manifest.Objects)(nil).Locate(object, errs); len(list) == 1 {
			t.Fatalf("%s: refused: %v", nameOf(object), list)
		} else if len(list) > 1 {
			t.Fatalf("%s: refused:\n%s", nameOf(object), linesOf(list))
		}
	}
	c.apply(t, objects)
	for _, object := range objects {
		ds, ok := object.(*appsv1.DaemonSet)
		if !ok {
			continue
		}
		if c.records[keyOf(ds)] == nil {
			c.records[keyOf(ds)] = &record{began: c.sim.Now()}
		}
		c.records[keyOf(ds)].applied = c.inputOf(keyOf(ds)).DaemonSet.Generation
		c.noteNeeds(&ds.Spec.Template.Spec)
	}
	c.observe()
}

// apply applies objects without a look at them in between.
func (c *Cluster) apply(t testing.TB, objects []metav1.Object) {
	t.Helper()
	c.applying = true
	err := c.sim.Apply(objects...)
	if c.applying = false; err != nil {
		t.Fatal(err)
	}
}

// checkGiven ends the test if there are no objects, or two of one kind and name.
func checkGiven(t testing.TB, objects []metav1.Object) {
	t.Helper()
	if len(objects) == 0 {
		t.Fatal("nothing is given")
	}
	given := make(map[objectID]bool, len(objects))
	for _, object := range objects {
		if isNil(object) || object.GetName() == "" {
			continue // the simulation refuses the one and names the other
		}
		id := objectIDOf(object)
		if given[id] {
			t.Fatalf("%s is given twice", nameOf(object))
		}
		given[id] = true
	}
}

// Delete deletes objects, as kubectl delete does; see simulate.Cluster.Delete. It ends the
// test if one of them is not there or is given twice, and if none is given.
func (c *Cluster) Delete(t testing.TB, objects ...metav1.Object) {
	t.Helper()
	c.begin(t)
	checkGiven(t, objects)
	stored := c.storedOf(objects)
	for _, object := range objects {
		if !isNil(object) && stored[objectIDOf(object)] == nil { // the simulation refuses nil
			t.Fatal(c.notThere(object))
		}
	}
	c.applying = true
	err := c.sim.Delete(objects...)
	if c.applying = false; err != nil {
		t.Fatal(err)
	}
	c.observe()
}

// notThere says that the cluster does not have an object.
func (c *Cluster) notThere(object metav1.Object) string {
	switch o := object.(type) {
	case *corev1.Node:
		if c.nodes[o.Name] {
			return fmt.Sprintf("node %s has left the cluster", o.Name)
		}
		return fmt.Sprintf("the cluster never had a node %s; it has %s", o.Name, atMost(20, slices.Sorted(maps.Keys(c.nodes))))
	case *appsv1.DaemonSet:
		return fmt.Sprintf("the cluster has no DaemonSet %s; it has %s", nameOf(o), atMost(20, c.stored()))
	}
	return nameOf(object) + ": not found"
}

// objectID identifies an object of any kind.
type objectID struct {
	kind string
	types.NamespacedName
}

func objectIDOf(object metav1.Object) objectID {
	return objectID{fmt.Sprintf("%T", object), keyOf(object)}
}

// storedOf returns the stored objects among which those of a list are: all nodes, and the pods
// and revisions of their namespaces. It takes one look at each namespace, not at each object.
func (c *Cluster) storedOf(list []metav1.Object) map[objectID]metav1.Object {
	stored := map[objectID]metav1.Object{}
	seen := map[string]bool{}
	for _, object := range list {
		if isNil(object) {
			continue
		}
		switch o := object.(type) {
		case *appsv1.DaemonSet:
			if ds := c.inputOf(keyOf(o)).DaemonSet; ds != nil {
				stored[objectIDOf(ds)] = ds
			}
			continue
		case *corev1.Node, *corev1.Pod, *appsv1.ControllerRevision:
		default:
			stored[objectIDOf(object)] = object // the simulation refuses it
			continue
		}
		if seen[object.GetNamespace()] {
			continue
		}
		seen[object.GetNamespace()] = true
		in := c.inputOf(types.NamespacedName{Namespace: object.GetNamespace()})
		for _, found := range slices.Concat(objects(in.Nodes), objects(in.Pods), objects(in.Revisions)) {
			stored[objectIDOf(found)] = found
		}
	}
	return stored
}

// isNil reports whether an object is nil or a nil pointer.
func isNil(object metav1.Object) bool {
	switch o := object.(type) {
	case nil:
		return true
	case *appsv1.DaemonSet:
		return o == nil
	case *corev1.Node:
		return o == nil
	case *corev1.Pod:
		return o == nil
	case *appsv1.ControllerRevision:
		return o == nil
	}
	return false
}

// find returns the object of a name, or nil.
func find[T any, O interface {
	*T
	metav1.Object
}](list []O, name string) O {
	if i := slices.IndexFunc(list, func(o O) bool { return o.GetName() == name }); i >= 0 {
		return list[i]
	}
	return nil
}

// Input returns all facts about the DaemonSet as they are now: the stored object, all nodes,
// and the pods and revisions of its namespace, ordered by name. Its DaemonSet is nil if the
// cluster has none of the namespace and name of ds. The objects are read-only.
func (c *Cluster) Input(ds *appsv1.DaemonSet) daemon.Input {
	if c == nil || c.sim == nil {
		return daemon.Input{Now: Start()}
	}
	return c.sim.Input(ds)
}

// Now returns the cluster's time.
func (c *Cluster) Now() time.Time { return c.Input(nil).Now }

// Nodes returns the nodes whose labels match a selector in kubectl's words, such as
// "zone in (a, b), !gpu", ordered by name; all nodes if it is empty. It ends the test if the
// selector is malformed or no node matches. The nodes are read-only.
func (c *Cluster) Nodes(t testing.TB, selector string) []*corev1.Node {
	t.Helper()
	c.begin(t)
	matches, err := labels.Parse(selector)
	if err != nil {
		t.Fatalf("selector %q: %v", selector, err)
	}
	nodes := slices.DeleteFunc(c.sim.Input(nil).Nodes, func(node *corev1.Node) bool { return !matches.Matches(labels.Set(node.Labels)) })
	if len(nodes) == 0 {
		t.Fatalf("selector %q: no node matches", selector)
	}
	return nodes
}

// Pods returns the pods of the DaemonSet on the given nodes, or on all nodes if none is given,
// terminating and finished ones included, ordered by node name. It ends the test if the
// cluster does not have one of them, or if a given node has no pod. The pods are read-only.
func (c *Cluster) Pods(t testing.TB, ds *appsv1.DaemonSet, nodes ...*corev1.Node) []*corev1.Pod {
	t.Helper()
	now := c.look(t, ds)
	given := c.names(t, nodes)
	for _, name := range sortedNames(given) {
		if node := now.snapshot.Node(name); node == nil || len(node.Pods) == 0 {
			t.Fatalf("%s: no pod on %s", nameOf(ds), now.reason(name))
		}
	}
	var pods []*corev1.Pod
	for _, node := range now.snapshot.Nodes() {
		if len(given) > 0 && !given[node.Name] {
			continue
		}
		for _, p := range node.Pods {
			pods = append(pods, p.Pod)
		}
	}
	return pods
}

// names returns the names of nodes in arguments. It ends the test if one of them is nil or is
// given twice, or if the cluster has never had it.
func (c *Cluster) names(t testing.TB, nodes []*corev1.Node) map[string]bool {
	t.Helper()
	names := make(map[string]bool, len(nodes))
	for i, node := range nodes {
		switch {
		case node == nil:
			t.Fatalf("nodes[%d] is nil", i)
		case !c.nodes[node.Name]:
			t.Fatal(c.notThere(node))
		case names[node.Name]:
			t.Fatalf("%s is given twice", node.Name)
		default:
			names[node.Name] = true
		}
	}
	return names
}

func keyOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}

// nameOf returns the namespace and name of an object, for messages.
func nameOf(object metav1.Object) string {
	if isNil(object) {
		return "nil"
	}
	return strings.TrimPrefix(object.GetNamespace()+"/", "/") + cmp.Or(object.GetName(), object.GetGenerateName())
}

// atMost joins the first n texts and counts the others.
func atMost(n int, texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	if more := len(texts) - n; more > 0 {
		texts = append(slices.Clip(texts[:n]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, ", ")
}
