package controller

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

// owners are an owner of each kind.
var owners = map[string]struct {
	kind  kind
	owner func(name, image string) client.Object
}{
	"DaemonSet": {daemonSets, func(name, image string) client.Object { return daemonSet(name, image) }},
	"NodeAgent": {nodeAgents, func(name, image string) client.Object { return agent(name, image) }},
}

func TestCreateThenSilence(t *testing.T) {
	for name, o := range owners {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, o.kind, Options{}, 6)
			c.create(o.owner("agent", "agent:1"))
			c.settle(c.onePodPerNode)
			if got := c.images(); len(got) != 1 || got["agent:1"] != 6 {
				t.Errorf("pods = %v, want one on each of 6 nodes", got)
			}
			want := appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 6, CurrentNumberScheduled: 6, NumberReady: 6, NumberAvailable: 6, UpdatedNumberScheduled: 6}
			if got := c.status("agent"); !sameCounters(got, want) {
				t.Errorf("status = %+v, want %+v", got, want)
			}
			if got := c.recorded("Normal SuccessfulCreate"); got != 6 {
				t.Errorf("%d events of creations, want 6", got)
			}
			c.reset()
			for i := range 6 {
				change(c, node(i), func(n *corev1.Node) {
					n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.NewTime(c.clock.Now())}}
				})
			}
			c.reset()
			c.settle(nil)
			if len(c.writes) > 0 {
				t.Errorf("writes afterwards = %q, want none", c.writes)
			}
		})
	}
}

func sameCounters(a, b appsv1.DaemonSetStatus) bool {
	a.CollisionCount, b.CollisionCount = nil, nil
	return fmt.Sprint(a) == fmt.Sprint(b)
}

func TestRollingUpdate(t *testing.T) {
	for name, o := range owners {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, o.kind, Options{}, 6)
			c.create(o.owner("agent", "agent:1"))
			c.settle(nil)
			c.reset()
			c.update("agent", "agent:2")
			c.settle(func() {
				c.onePodPerNode()
				if running := c.running(); running < 5 {
					t.Fatalf("%d of 6 pods run, want 5 with maxUnavailable 1", running)
				}
			})
			if got := c.images(); len(got) != 1 || got["agent:2"] != 6 {
				t.Errorf("pods = %v, want the new image everywhere", got)
			}
			if c.written("create Pod") != 6 || c.written("delete Pod") != 6 || c.written("create ControllerRevision") != 1 {
				t.Errorf("writes = %q, want a creation and a deletion per node, and a revision", c.writes)
			}
		})
	}
}

// running counts the pods that are bound and not ending.
func (c *cluster) running() int {
	n := 0
	for _, pod := range c.pods() {
		if pod.DeletionTimestamp == nil && pod.Spec.NodeName != "" {
			n++
		}
	}
	return n
}

// A pass must not act on caches that are older than its own writes, however often it is
// woken and however long the events take.
func TestCachesHeldBack(t *testing.T) {
	for _, what := range []string{"pods", "revisions", "owners"} {
		t.Run(what, func(t *testing.T) {
			c := newCluster(t, daemonSets, Options{}, 5)
			c.create(daemonSet("agent", "agent:1"))
			c.watch()
			c.held[what] = true
			key := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: "agent"}}
			for range 40 {
				c.wake(key)
				c.pass()
				c.watch()
				c.clock.SetTime(c.clock.Now().Add(100 * time.Millisecond))
			}
			if got := len(c.pods()); got != 5 {
				t.Errorf("%d pods on 5 nodes while the events of %s are late", got, what)
			}
			if got := c.written("create Pod"); got != 5 {
				t.Errorf("%d creations were sent, want 5", got)
			}
			delete(c.held, what)
			c.settle(c.onePodPerNode)
			if got := c.status("agent"); got.NumberAvailable != 5 {
				t.Errorf("status = %+v once the events have come", got)
			}
		})
	}
	t.Run("a rollout", func(t *testing.T) {
		c := newCluster(t, daemonSets, Options{}, 5)
		c.create(daemonSet("agent", "agent:1"))
		c.settle(nil)
		c.reset()
		c.update("agent", "agent:2")
		c.watch()
		c.held["pods"] = true
		for range 40 {
			c.wake(reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: "agent"}})
			c.pass()
			c.watch()
			c.clock.SetTime(c.clock.Now().Add(100 * time.Millisecond))
		}
		if got := c.written("delete Pod"); got != 1 {
			t.Errorf("%d deletions, want the one that maxUnavailable allows", got)
		}
	})
}

// The events of a pass normally take milliseconds, in which a status would be written for
// nothing. While they take longer, the status is kept up to date.
func TestPatience(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 5)
	c.create(daemonSet("agent", "agent:1"))
	c.settle(nil)
	c.update("agent", "agent:2")
	c.watch()
	c.pass()
	c.held["pods"] = true
	c.create(node(5))
	c.reset()
	for range 9 {
		c.watch()
		c.pass()
		c.clock.SetTime(c.clock.Now().Add(100 * time.Millisecond))
	}
	if len(c.writes) > 0 {
		t.Errorf("writes while the events are awaited = %q, want none", c.writes)
	}
	for range 9 {
		c.watch()
		c.pass()
		c.clock.SetTime(c.clock.Now().Add(100 * time.Millisecond))
	}
	if got := c.status("agent").DesiredNumberScheduled; got != 6 || c.written("create Pod") > 0 {
		t.Errorf("%d nodes desired after two seconds, writes %q, want the status of 6 nodes and no pod", got, c.writes)
	}
}

// A write that fails is an error for the work queue. The status is written all the same, and
// the next pass works out what is left.
func TestWritesFail(t *testing.T) {
	quota := apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New("exceeded quota"))
	for _, tc := range []struct {
		name, why string
		prefix    string
		lost      bool
		err       error
	}{
		{"quota", "nothing is created", "create Pod", false, quota},
		{"creation timed out", "the pod exists", "create Pod", true, timeout},
		{"deletion timed out", "the pod is ending", "delete Pod", true, timeout},
		{"revision timed out", "the revision exists", "create ControllerRevision", true, timeout},
		{"status timed out", "the status is written", "update status of DaemonSet", true, timeout},
		{"status refused", "somebody else is faster", "update status of DaemonSet", false, apierrors.NewConflict(appsv1.Resource("daemonsets"), "agent", errors.New("changed"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t, daemonSets, Options{}, 5)
			c.create(daemonSet("agent", "agent:1"))
			c.settle(nil)
			c.update("agent", "agent:2")
			c.reset()
			fail := func(write string) error {
				if strings.HasPrefix(write, tc.prefix) {
					return tc.err
				}
				return nil
			}
			if tc.lost {
				c.lose = fail
			} else {
				c.refuse = fail
			}
			failed := 0
			for range 50 {
				c.watch()
				failed += len(c.pass())
				c.kubelet()
				c.onePodPerNode()
				c.clock.SetTime(c.clock.Now().Add(100 * time.Millisecond))
			}
			if failed == 0 {
				t.Errorf("no pass failed, want the error of the server: %s", tc.why)
			}
			if tc.err == quota && c.status("agent").ObservedGeneration != 2 {
				t.Error("the status does not show the generation while a quota forbids pods")
			}
			c.refuse, c.lose = nil, nil
			c.settle(c.onePodPerNode)
			if got := c.images(); len(got) != 1 || got["agent:2"] != 5 {
				t.Errorf("pods = %v, want the new image everywhere", got)
			}
		})
	}
}

// The controller is killed at any moment of a rollout, with writes on their way.
func TestKilled(t *testing.T) {
	for after := 1; after <= 24; after++ {
		c := newCluster(t, daemonSets, Options{}, 6)
		c.create(daemonSet("agent", "agent:1"))
		ds := daemonSet("agent", "")
		change(c, ds, func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(2))
		})
		for range 30 {
			if len(c.images()) == 0 {
				c.watch()
				c.pass()
			}
			c.kubelet()
		}
		c.update("agent", "agent:2")
		c.reset()
		killed := errors.New("killed")
		sent := 0
		// The write of this number takes effect without an answer, and no other is sent.
		refuse := func(string) error {
			if sent >= after {
				return killed
			}
			return nil
		}
		lose := func(string) error {
			if sent++; sent >= after {
				return killed
			}
			return nil
		}
		for step := 0; step < 40 && sent < after; step++ {
			c.refuse, c.lose = refuse, lose
			c.watch()
			c.pass()
			c.refuse, c.lose = nil, nil
			c.kubelet()
			c.onePodPerNode()
			c.clock.SetTime(c.clock.Now().Add(100 * time.Millisecond))
		}
		c.start()
		c.settle(c.onePodPerNode)
		if got := c.images(); len(got) != 1 || got["agent:2"] != 6 {
			t.Errorf("killed after %d writes: pods = %v, want the new image everywhere", after, got)
		}
		var revisions appsv1.ControllerRevisionList
		c.must(c.server.List(t.Context(), &revisions))
		if len(revisions.Items) != 2 {
			t.Errorf("killed after %d writes: %d revisions, want 2", after, len(revisions.Items))
		}
	}
}

// A new leader may start from a list that is older than the last writes of the one before.
func TestNewLeaderWithOldCaches(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 5)
	c.create(daemonSet("agent", "agent:1"))
	c.watch()
	c.pass()
	if got := len(c.pods()); got != 5 {
		t.Fatalf("%d pods, want 5", got)
	}
	before := c.shown
	c.start()
	for _, what := range []string{"nodes", "owners"} {
		for _, obj := range before[what] {
			c.deliver(obj, false)
		}
	}
	c.pass()
	if got := len(c.pods()); got != 5 {
		t.Errorf("%d pods after a pass that knew of none, want 5", got)
	}
	c.shown = before
	c.settle(c.onePodPerNode)
}

// The pods of an owner that is gone, or going, are the garbage collector's.
func TestOwnerGoes(t *testing.T) {
	t.Run("gone", func(t *testing.T) {
		c := newCluster(t, daemonSets, Options{}, 3)
		c.create(daemonSet("agent", "agent:1"))
		c.settle(nil)
		c.must(c.server.Delete(t.Context(), daemonSet("agent", "")))
		c.reset()
		c.settle(nil)
		if len(c.writes) > 0 || len(c.mirror.owners) > 0 {
			t.Errorf("writes = %q, owners = %v, want none", c.writes, c.mirror.owners)
		}
		// One of the same name is another owner: the pods of the first are not its own.
		c.create(daemonSet("agent", "agent:2"))
		c.settle(nil)
		if got := c.images(); got["agent:1"] != 3 || got["agent:2"] != 3 {
			t.Errorf("pods = %v, want three of each owner", got)
		}
	})
	t.Run("replaced between two events", func(t *testing.T) {
		c := newCluster(t, daemonSets, Options{}, 3)
		c.create(daemonSet("agent", "agent:1"))
		c.settle(nil)
		c.must(c.server.Delete(t.Context(), daemonSet("agent", "")))
		c.create(daemonSet("agent", "agent:2"))
		c.settle(nil)
		if got := c.images(); got["agent:1"] != 3 || got["agent:2"] != 3 || len(c.mirror.owners) != 1 {
			t.Errorf("pods = %v, %d owners, want three pods of each owner, and the new owner", got, len(c.mirror.owners))
		}
	})
	t.Run("foreground deletion", func(t *testing.T) {
		c := newCluster(t, daemonSets, Options{}, 3)
		ds := daemonSet("agent", "agent:1")
		ds.Finalizers = []string{metav1.FinalizerDeleteDependents}
		c.create(ds)
		c.settle(nil)
		c.must(c.server.Delete(t.Context(), ds))
		for _, pod := range c.pods() {
			c.must(c.server.Delete(t.Context(), pod))
			break
		}
		c.reset()
		c.watch()
		c.pass()
		if len(c.writes) > 0 {
			t.Errorf("writes = %q, want none: the collector takes the pods, and none comes back", c.writes)
		}
	})
}

// Orphans that match are adopted, after the owner was read.
func TestOrphans(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 2)
	orphan := daemon.NewPod(daemonSet("agent", "agent:1"), "worker-000", "old")
	orphan.Name, orphan.OwnerReferences = "orphan", nil
	other := orphan.DeepCopy()
	other.Name, other.Labels = "other", map[string]string{"app": "other"}
	c.create(orphan)
	c.create(other)
	c.create(daemonSet("agent", "agent:1"))
	c.settle(nil)
	pods := c.pods()
	if pods["other"] == nil || len(pods["other"].OwnerReferences) > 0 {
		t.Error("an orphan that does not match was touched")
	}
	if got := c.written("patch Pod orphan"); got != 1 {
		t.Errorf("the orphan was patched %d times, want once", got)
	}
	// A pod whose labels do not match any more is released, and replaced.
	for name, pod := range pods {
		if len(pod.OwnerReferences) > 0 {
			change(c, pod, func(pod *corev1.Pod) { pod.Labels["app"] = "debug" })
			c.settle(nil)
			if p := c.pods()[name]; p == nil || len(p.OwnerReferences) > 0 {
				t.Errorf("pod %s = %v, want it released", name, p)
			}
			break
		}
	}
	if got := c.status("agent"); got.NumberReady != 2 {
		t.Errorf("status = %+v, want two pods", got)
	}
}

// A wrong spec is an event, once, and no pass is repeated for it.
func TestInvalidSpec(t *testing.T) {
	c := newCluster(t, nodeAgents, Options{}, 2)
	a := agent("agent", "agent:1")
	a.Spec.Policy.Frozen, a.Spec.Policy.Paused = true, true
	c.create(a)
	c.watch()
	failures := c.pass()
	if err := failures["agent"]; !errors.Is(err, reconcile.TerminalError(nil)) {
		t.Errorf("Reconcile() = %v, want an error that is not repeated", err)
	}
	c.wake(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(a)})
	c.pass()
	if got := c.recorded("Warning InvalidSpec: "); got != 1 {
		t.Errorf("%d events, want one: %q", got, c.events)
	}
	change(c, a, func(a *v1alpha1.NodeAgent) { a.Spec.Policy.Frozen = false })
	c.settle(nil)
	if got := c.status("agent"); got.NumberReady != 2 {
		t.Errorf("status = %+v, want pods once the spec is right", got)
	}
}

// A wrong strategy stops the update and nothing else: the status still follows the clock, and the
// event is recorded once, whatever the passes in between do not look at.
func TestWrongStrategy(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 2)
	ds := daemonSet("agent", "agent:1")
	ds.Spec.MinReadySeconds = 60
	c.create(ds)
	for range 5 {
		c.watch()
		c.pass()
		c.kubelet()
		c.clock.SetTime(c.clock.Now().Add(time.Second))
	}
	if got := c.status("agent"); got.NumberReady != 2 || got.NumberAvailable != 0 {
		t.Fatalf("status = %+v, want two pods that are ready and not available yet", got)
	}
	change(c, ds, func(ds *appsv1.DaemonSet) {
		ds.Generation++
		ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("one"))
	})
	key := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(ds)}
	c.watch()
	c.controller.Reconcile(t.Context(), key)
	c.clock.SetTime(c.clock.Now().Add(time.Second))
	c.watch()
	result, err := c.controller.Reconcile(t.Context(), key)
	if err != nil || result.RequeueAfter <= 0 || result.RequeueAfter > time.Minute {
		t.Errorf("Reconcile() = %v, %v, want no error and a pass when the pods are available", result, err)
	}
	if got := c.recorded("Warning InvalidSpec: "); got != 1 {
		t.Errorf("%d events, want one: %q", got, c.events)
	}
	// Neither the pass that creates a pod nor one that awaits its event looks at the strategy.
	c.create(node(2))
	c.watch()
	c.held["pods"] = true
	for range 5 {
		c.wake(key)
		c.pass()
		c.watch()
		c.clock.SetTime(c.clock.Now().Add(time.Second))
	}
	delete(c.held, "pods")
	c.settle(nil)
	if got := c.recorded("Warning InvalidSpec: "); got != 1 {
		t.Errorf("%d events, want one: %q", got, c.events)
	}
	c.clock.SetTime(c.clock.Now().Add(time.Minute))
	c.settle(nil)
	if got := c.status("agent"); got.NumberAvailable != 3 {
		t.Errorf("status = %+v, want three available pods", got)
	}
}

// A new State knows the delays of failed pods of the one before.
func TestBackoffOfANewState(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 1)
	c.create(daemonSet("agent", "agent:1"))
	c.settle(nil)
	fail := func() {
		for _, pod := range c.pods() {
			change(c, pod, func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodFailed })
		}
		c.reset()
		c.watch()
		c.pass()
	}
	fail()
	if got := c.written("delete Pod"); got != 1 {
		t.Fatalf("%d deletions of a failed pod, want one at once", got)
	}
	for range 3 {
		c.watch()
		c.pass()
		c.kubelet()
	}
	c.mirror.rebuild(c.mirror.owner(client.ObjectKey{Namespace: "default", Name: "agent"}))
	fail()
	if got := c.written("delete Pod"); got != 0 {
		t.Errorf("%d deletions of the next failed pod within its delay, want none", got)
	}
}

// Without a pace the status would be written for each pod that becomes ready.
func TestStatusPace(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		interval  time.Duration
		want      int
	}{
		{"default", "one at first, and one after the interval", 0, 2},
		{"none", "each change", -1, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t, daemonSets, Options{StatusInterval: tc.interval}, 10)
			c.create(daemonSet("agent", "agent:1"))
			for range 3 {
				c.watch()
				c.pass()
			}
			c.pass()
			c.clock.SetTime(c.clock.Now().Add(time.Minute))
			c.reset()
			for _, pod := range c.pods() {
				change(c, pod, func(pod *corev1.Pod) {
					pod.Spec.NodeName, _ = daemon.TargetNode(pod)
					pod.Status.Phase = corev1.PodRunning
					pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
				})
				c.watch()
				c.pass()
				c.watch()
				c.clock.SetTime(c.clock.Now().Add(50 * time.Millisecond))
			}
			if got := c.written("update status of DaemonSet"); got != tc.want {
				t.Errorf("%d writes of the status while ten pods become ready in 500 ms, want %d: %s", got, tc.want, tc.why)
			}
			c.settle(nil)
			if got := c.status("agent"); got.NumberReady != 10 {
				t.Errorf("status = %+v, want the last one written, too", got)
			}
		})
	}
}

// The canary's memory survives a restart, and the spec promotes.
func TestCanary(t *testing.T) {
	c := newCluster(t, nodeAgents, Options{}, 6)
	a := agent("agent", "agent:1")
	a.Spec.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}
	c.create(a)
	c.settle(nil)
	c.update("agent", "agent:2")
	c.settle(nil)
	if got := c.images(); got["agent:2"] != 1 {
		t.Fatalf("pods = %v, want one canary", got)
	}
	c.must(c.server.Get(t.Context(), client.ObjectKeyFromObject(a), a))
	trial := a.Status.CanaryTrial
	if trial == nil || trial.State != rollout.CanaryUnpromoted {
		t.Fatalf("status.canaryTrial = %+v, want it to wait for a promotion", trial)
	}
	c.reset()
	c.start()
	c.settle(nil)
	if len(c.writes) > 0 {
		t.Errorf("writes after a restart = %q, want none: the trial is known", c.writes)
	}
	change(c, a, func(a *v1alpha1.NodeAgent) { a.Spec.Promote = "another" })
	c.settle(nil)
	if got := c.images(); got["agent:2"] != 1 {
		t.Errorf("pods = %v: the promotion of another template must have no effect", got)
	}
	change(c, a, func(a *v1alpha1.NodeAgent) { a.Spec.Promote = trial.RevisionHash })
	c.settle(nil)
	if got := c.images(); got["agent:2"] != 6 {
		t.Errorf("pods = %v, want all after the promotion", got)
	}
}

// A canary that fails is rolled back: the template of the agent is the old one again.
func TestCanaryRollsBack(t *testing.T) {
	c := newCluster(t, nodeAgents, Options{}, 6)
	a := agent("agent", "agent:1")
	a.Spec.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), Wait: metav1.Duration{Duration: time.Hour}, FailRestarts: 3}
	c.create(a)
	c.settle(nil)
	c.update("agent", "agent:2")
	c.settle(nil)
	for _, pod := range c.pods() {
		if pod.Spec.Containers[0].Image == "agent:2" {
			change(c, pod, func(pod *corev1.Pod) {
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "agent", RestartCount: 9}}
				pod.Status.Conditions = nil
			})
		}
	}
	c.settle(nil)
	c.must(c.server.Get(t.Context(), client.ObjectKeyFromObject(a), a))
	if got := a.Spec.Template.Spec.Containers[0].Image; got != "agent:1" {
		t.Errorf("image = %q, want agent:1", got)
	}
	if got := c.images(); got["agent:1"] != 6 {
		t.Errorf("pods = %v, want the old image everywhere", got)
	}
}

// Events that never come do not stop the controller for good.
func TestLostEvents(t *testing.T) {
	c := newCluster(t, daemonSets, Options{}, 1)
	c.create(daemonSet("agent", "agent:1"))
	c.watch()
	c.pass()
	for name := range c.pods() {
		pod := c.pods()[name]
		pod.Finalizers = nil
		c.must(c.server.Update(t.Context(), pod))
		c.must(c.server.Delete(t.Context(), pod))
	}
	c.reset()
	for range 20 {
		c.watch()
		c.pass()
		c.clock.SetTime(c.clock.Now().Add(time.Second))
	}
	if got := c.written("create"); got != 0 {
		t.Errorf("%d creations while the first one is awaited, want none", got)
	}
	c.clock.SetTime(c.clock.Now().Add(carryout.ExpectationsTimeout))
	c.settle(nil)
	if got := len(c.pods()); got != 1 {
		t.Errorf("%d pods, want one after the time is up", got)
	}
}
