package controller

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/rollout"
)

// woken returns the names of the owners that wait in the queue, and empties it.
func (c *cluster) woken() []string {
	names := []string{}
	for _, r := range c.queue {
		names = append(names, r.Name)
	}
	c.queue = nil
	slices.Sort(names)
	return names
}

// An event wakes the owners that it concerns, and nobody else.
func TestWakes(t *testing.T) {
	c := newCluster(t, nodeAgents, Options{}, 3)
	everywhere := agent("everywhere", "agent:1")
	zoned := agent("zoned", "agent:1")
	zoned.Spec.Template.Spec.NodeSelector = map[string]string{"zone": "a"}
	paused := agent("paused", "agent:1")
	paused.Spec.Template.Spec.NodeSelector = map[string]string{"zone": "none"}
	paused.Spec.Policy.IgnoreNotReadyNodes = &rollout.IgnoreAfter{}
	for _, a := range []*v1alpha1.NodeAgent{everywhere, zoned, paused} {
		c.create(a)
	}
	c.settle(nil)
	c.woken()
	var podOfZoned *corev1.Pod
	for _, pod := range c.pods() {
		if pod.Labels["app"] == "zoned" {
			podOfZoned = pod
		}
	}
	for _, tc := range []struct {
		name, why string
		do        func()
		want      []string
	}{
		{"a heartbeat", "nothing that counts has changed", func() {
			change(c, node(0), func(n *corev1.Node) { n.Status.Phase = corev1.NodeRunning })
		}, []string{}},
		{"a label", "no selector looks at it; a policy might", func() {
			change(c, node(0), func(n *corev1.Node) { n.Labels["other"] = "x" })
		}, []string{"paused"}},
		{"a zone", "worker-001 comes to zone a", func() {
			change(c, node(1), func(n *corev1.Node) { n.Labels["zone"] = "a" })
		}, []string{"paused", "zoned"}},
		{"readiness", "only a policy looks at it", func() {
			change(c, node(2), func(n *corev1.Node) {
				n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse}}
			})
		}, []string{"paused"}},
		{"a node joins", "it is of zone a", func() { c.create(node(3)) }, []string{"everywhere", "paused", "zoned"}},
		{"a node of zone b joins", "it has no place for zoned", func() { c.create(node(4)) }, []string{"everywhere", "paused"}},
		{"a node joins where a pod is", "the pod of zoned must go", func() {
			pod := daemon.NewPod(daemonSet("zoned", "agent:1"), "worker-005", podOfZoned.Labels["controller-revision-hash"])
			pod.Name, pod.Spec.NodeName = "early", "worker-005"
			pod.OwnerReferences = podOfZoned.OwnerReferences
			c.create(pod)
			c.settle(nil)
			c.woken()
			early := node(5)
			early.Labels["zone"] = "b"
			c.create(early)
		}, []string{"everywhere", "paused", "zoned"}},
		{"a node leaves", "that ran two pods", func() { c.must(c.server.Delete(t.Context(), node(3))) }, []string{"everywhere", "paused", "zoned"}},
		{"a pod", "it has one owner", func() {
			change(c, podOfZoned, func(p *corev1.Pod) { p.Status.Message = "x" })
		}, []string{"zoned"}},
		{"a pod of nobody", "no selector matches", func() {
			c.create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "nobody"}})
		}, []string{}},
		{"an orphan", "everywhere may adopt it", func() {
			c.create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "orphan", Labels: map[string]string{"app": "everywhere"}}})
		}, []string{"everywhere"}},
		{"an orphan of another namespace", "it is none of ours", func() {
			c.create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "orphan", Labels: map[string]string{"app": "everywhere"}}})
		}, []string{}},
		{"a pod loses its owner", "the one that it had learns of it", func() {
			change(c, podOfZoned, func(p *corev1.Pod) { p.OwnerReferences, p.Labels = nil, nil })
		}, []string{"zoned"}},
		{"an owner", "itself", func() { change(c, paused, func(a *v1alpha1.NodeAgent) { a.Generation++ }) }, []string{"paused"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.do()
			c.watch()
			if diff := cmp.Diff(tc.want, c.woken()); diff != "" {
				t.Errorf("woken (-want +got): %s\n%s", tc.why, diff)
			}
			for _, name := range tc.want {
				c.wake(reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: name}})
			}
			c.settle(nil)
			c.woken()
		})
	}
}

// Owners rule their own namespace: the note of a pod must not be that of one elsewhere which has
// its name and names its owner.
func TestPodOfAnotherNamespace(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 2)
	c.create(daemonSet("agent", "agent:1"))
	c.settle(nil)
	o := c.mirror.owner(client.ObjectKey{Namespace: "default", Name: "agent"})
	var ours *corev1.Pod
	for _, ours = range c.pods() {
		break
	}
	foreign := ours.DeepCopy()
	foreign.Namespace, foreign.UID = "other", "foreign"
	for _, tc := range []struct {
		name  string
		event func()
	}{
		{"created", func() { c.mirror.setPod(c.wake, foreign) }},
		{"deleted", func() { c.mirror.deletePod(c.wake, foreign) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := ours.DeepCopy()
			changed.ResourceVersion += tc.name
			c.mirror.setPod(c.wake, changed)
			c.woken()
			tc.event()
			if got := c.woken(); len(got) > 0 {
				t.Errorf("woken = %q, want nobody", got)
			}
			if got := o.noted.pods[ours.Name]; got != changed {
				t.Errorf("the note of the owner's pod is now %p, want %p", got, changed)
			}
		})
	}
}

// A resync repeats what is known: nobody is woken.
func TestResync(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 2)
	c.create(daemonSet("agent", "agent:1"))
	c.settle(nil)
	for _, what := range []string{"nodes", "pods", "revisions"} {
		for _, obj := range c.shown[what] {
			c.deliver(obj, false)
		}
	}
	if got := c.woken(); len(got) > 0 {
		t.Errorf("woken = %q, want nobody", got)
	}
}

// An event costs what it changed: what a pass takes from the mirror does not grow with the
// cluster.
func TestEventCostsWhatChanged(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 20)
	c.create(daemonSet("agent", "agent:1"))
	c.settle(nil)
	for _, pod := range c.pods() {
		change(c, pod, func(p *corev1.Pod) { p.Status.Message = "x" })
		break
	}
	c.watch()
	got, ok := c.mirror.take(c.mirror.owner(client.ObjectKey{Namespace: "default", Name: "agent"}))
	if !ok || got.facts != nil || len(got.changes.Pods) != 1 || len(got.changes.Nodes)+len(got.changes.Revisions) != 0 {
		t.Errorf("take() = %+v, want one pod", got)
	}
}

// What the events have changed step by step is what a new State is made from: after random
// events a pass of the kept State is the pass from all facts.
func TestKeptStateEqualsFacts(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 0))
		c := newCluster(t, daemonSets, Options{}, 4)
		names := []string{"one", "two"}
		for _, name := range names {
			ds := daemonSet(name, "agent:1")
			if random.IntN(2) == 0 {
				ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(2))
			}
			c.create(ds)
		}
		joined := 4
		for step := range 60 {
			switch random.IntN(9) {
			case 0:
				c.create(node(joined))
				joined++
			case 1:
				c.must(client.IgnoreNotFound(c.server.Delete(t.Context(), node(random.IntN(joined)))))
			case 2:
				n := node(random.IntN(joined))
				if c.server.Get(t.Context(), client.ObjectKeyFromObject(n), n) == nil {
					change(c, n, func(n *corev1.Node) {
						n.Spec.Taints = nil
						if random.IntN(2) == 0 {
							n.Spec.Taints = []corev1.Taint{{Key: "x", Effect: corev1.TaintEffectNoExecute}}
						}
					})
				}
			case 3:
				c.update(names[random.IntN(2)], fmt.Sprintf("agent:%d", step))
			case 4, 5:
				for _, pod := range c.pods() {
					switch random.IntN(4) {
					case 0:
						c.must(c.server.Delete(t.Context(), pod))
					case 1:
						change(c, pod, func(p *corev1.Pod) { p.Labels["app"] = names[random.IntN(2)] })
					case 2:
						change(c, pod, func(p *corev1.Pod) { p.OwnerReferences = nil })
					}
					break
				}
			case 6:
				// The owner comes again under its name.
				c.must(c.server.Delete(t.Context(), daemonSet("one", "")))
				c.create(daemonSet("one", "agent:1"))
			default:
				c.kubelet()
			}
			c.watch()
			if random.IntN(3) > 0 {
				c.pass()
			}
			c.clock.SetTime(c.clock.Now().Add(100 * time.Millisecond))
			for _, name := range names {
				c.compare(seed, step, name)
			}
		}
	}
}

// compare makes a pass of the kept State and one from all facts.
func (c *cluster) compare(seed uint64, step int, name string) {
	c.t.Helper()
	o := c.mirror.owner(client.ObjectKey{Namespace: "default", Name: name})
	if o == nil || o.state == nil {
		return
	}
	if _, err := c.controller.catchUp(o, c.clock.Now()); err != nil {
		c.t.Fatalf("seed %d, step %d: %v", seed, step, err)
	}
	kept, err := o.state.Sync(c.clock.Now(), rollout.Options{})
	if err != nil {
		c.t.Fatalf("seed %d, step %d: %v", seed, step, err)
	}
	c.mirror.mu.Lock()
	facts := *c.mirror.facts(c.mirror.namespace("default"), o)
	c.mirror.mu.Unlock()
	facts.Now, facts.Backoff = c.clock.Now(), kept.Snapshot.Backoff()
	fresh, err := rollout.Sync(facts, rollout.Options{})
	if err != nil {
		c.t.Fatalf("seed %d, step %d: %v", seed, step, err)
	}
	if diff := cmp.Diff(fresh.String(), kept.String()); diff != "" {
		c.t.Fatalf("seed %d, step %d, %s: kept State and all facts differ (-facts +kept):\n%s", seed, step, name, diff)
	}
	if diff := cmp.Diff(daemon.StatusByNode(fresh.Snapshot), daemon.StatusByNode(kept.Snapshot)); diff != "" {
		c.t.Fatalf("seed %d, step %d, %s: kept State and all facts differ (-facts +kept):\n%s", seed, step, name, diff)
	}
}
