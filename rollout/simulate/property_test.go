package simulate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
)

// TestPassEqualsSync holds every pass of simulated clusters against rollout.Sync on the
// facts of the same moment, and the tally against a look at every node. The clusters have
// two DaemonSets in arbitrary states, policies, pods that fail, nodes that come, go and
// stop being ready, and DaemonSets that change.
func TestPassEqualsSync(t *testing.T) {
	seen := map[string]int{}
	for seed := range property.Seeds(t, 20) {
		r := rand.New(rand.NewPCG(seed, 11))
		c := randomCluster(t, r)
		for step := range 60 {
			for range r.IntN(2) {
				disturb(t, r, c)
			}
			for _, s := range c.sets() {
				if s.due || r.IntN(4) == 0 {
					if err := comparePass(c, s, seen); err != nil {
						t.Fatalf("seed %d, step %d: %v", seed, step, err)
					}
				}
			}
			if r.IntN(3) > 0 {
				c.Next()
			} else {
				c.Elapse(time.Duration(r.IntN(8)) * time.Second)
			}
			if err := checkAccounts(c, seen); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
		}
	}
	for _, what := range []string{"create", "delete", "revision", "claim", "clean-up", "rollback", "step", "restricted", "status", "new state", "ignored", "room", "no room", "crash"} {
		if seen[what] == 0 {
			t.Errorf("%q never happened: the clusters are dull", what)
		}
	}
}

// TestTallyIsBounded: nodes that change without a pass do not pile up.
func TestTallyIsBounded(t *testing.T) {
	c := &Cluster{}
	ds := build.Set{}.Object()
	apply(t, c, ds, build.Node{Name: "a"}.Object())
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	s := c.set(ds)
	for i := range 1000 {
		node := build.Node{Name: "a"}
		if i%2 == 0 {
			node.NotReady = time.Second
		}
		apply(t, c, node.Object())
		if n := len(s.tally.touched); n > 100 {
			t.Fatalf("after %d changes of one node, %d are remembered", i+1, n)
		}
	}
	if ends, err := c.Settle(); err != nil || ends[0].State != EndComplete || s.tally.desired != 1 {
		t.Errorf("Settle() = %v, %v with %d desired, want it complete with 1", ends, err, s.tally.desired)
	}
}

var sameResult = cmp.Options{
	cmp.Comparer(func(a, b *corev1.Pod) bool { return a == b || reflect.DeepEqual(a, b) }),
	cmp.Comparer(func(a, b *appsv1.ControllerRevision) bool { return a == b || reflect.DeepEqual(a, b) }),
	cmp.Comparer(func(a, b *daemon.Snapshot) bool {
		return (a == nil) == (b == nil) && reflect.DeepEqual(a.Nodes(), b.Nodes()) && reflect.DeepEqual(daemon.Status(a), daemon.Status(b))
	}),
}

func (t *tally) numbers() [5]int {
	return [...]int{t.desired, t.available, t.left, t.missing, t.outdated}
}

// comparePass makes a pass in both ways, and carries it out.
func comparePass(c *Cluster, s *set, seen map[string]int) error {
	if s.state == nil {
		seen["new state"]++
	}
	in := c.Input(s.ds)
	want, wantErr := rollout.Sync(in, rollout.Options{Policy: c.Options.Policy, CanaryTrial: s.trial})
	got, gotErr := c.pass(s)
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		return fmt.Errorf("pass: %v, Sync: %v", gotErr, wantErr)
	}
	if diff := cmp.Diff(want, got, sameResult); diff != "" {
		return fmt.Errorf("a pass differs from Sync (-Sync +pass):\n%s", diff)
	}
	if got == nil {
		return nil
	}
	var fresh tally
	snapshot := got.Snapshot
	if snapshot == nil {
		snapshot = s.state.Snapshot()
	}
	fresh.count(snapshot, got.Policy.Ignored)
	if kept, want := s.tally.numbers(), fresh.numbers(); kept != want {
		return fmt.Errorf("tally has desired, available, left, missing, outdated %v, want %v", kept, want)
	}
	if len(got.Policy.Ignored) > 0 {
		seen["ignored"]++
	}
	if got.Snapshot != nil && (s.tally.left == 0) != rollout.Complete(got.Snapshot, got.Policy) {
		return errors.New("the tally and rollout.Complete disagree")
	}
	predicted := s.tally.after(snapshot, c.nodes, &got.Plan)
	c.write(s, got)
	if got.Rollback.Skipped() {
		after, err := daemon.Observe(c.Input(s.ds))
		if err == nil {
			// The time of the clean-up does not matter: availability is what counts.
			fresh = tally{}
			if fresh.count(after, nil); fresh.available != predicted && len(got.Claims) == 0 && got.Revisions.Empty() {
				return fmt.Errorf("%d nodes are available after the writes, want the %d that the tally predicted", fresh.available, predicted)
			}
		}
	}
	for what, is := range map[string]bool{
		"create": got.Plan.Create != nil, "delete": got.Plan.Delete != nil, "revision": got.Revisions != nil && got.Revisions.Create != nil,
		"claim": got.Claims != nil, "clean-up": got.CleanUp != nil, "rollback": got.Rollback != nil, "step": got.Step != nil,
		"restricted": got.Restricted != nil || got.Policy.Restricted != nil, "status": got.Status != nil,
	} {
		if is {
			seen[what]++
		}
	}
	return nil
}

// checkAccounts holds what a cluster has added up against a look at every pod.
func checkAccounts(c *Cluster, seen map[string]int) error {
	fresh := &Cluster{naming: c.naming}
	loads, on := map[*set]int{}, map[string]int{}
	for _, ns := range c.namespaces {
		for _, p := range ns.pods {
			if occupies(p.pod) && !demand.None(&p.pod.Spec) {
				fresh.room(p.pod.Spec.NodeName).take(takenBy(p.pod))
			}
			if occupies(p.pod) {
				on[p.pod.Spec.NodeName]++
			}
			for _, s := range ns.sets {
				if s.counts(p.pod) {
					loads[s]++
				}
			}
			for i := range p.pod.Status.ContainerStatuses {
				seen["crash"] += int(p.pod.Status.ContainerStatuses[i].RestartCount)
			}
			scheduled := podstatus.Condition(p.pod, corev1.PodScheduled)
			if p.pod.Spec.NodeName != "" || scheduled == nil || scheduled.Reason != corev1.PodReasonUnschedulable {
				continue
			}
			seen["no room"]++
		}
		for _, s := range ns.sets {
			if s.load.pods != loads[s] || s.load.most < loads[s] {
				return fmt.Errorf("DaemonSet %s has %d pods, %d at most, want %d", s.ds.Name, s.load.pods, s.load.most, loads[s])
			}
		}
	}
	for name, h := range c.nodes {
		if h.pods != on[name] {
			return fmt.Errorf("node %s has %d pods, want %d", name, h.pods, on[name])
		}
		kept, want := c.room(name), fresh.room(name)
		if k, w := kept.requests[corev1.ResourceCPU], want.requests[corev1.ResourceCPU]; k.Cmp(w) != 0 {
			return fmt.Errorf("node %s: pods request %v CPUs, want %v", name, k.String(), w.String())
		}
		if len(kept.ports) != len(want.ports) {
			return fmt.Errorf("node %s: ports %v are in use, want %v", name, kept.ports, want.ports)
		}
		seen["room"] += len(want.requests)
	}
	return nil
}

// randomCluster returns a cluster with two DaemonSets.
func randomCluster(t *testing.T, r *rand.Rand) *Cluster {
	t.Helper()
	c := &Cluster{}
	c.Options.PodTimes = func(node *corev1.Node, pod *corev1.Pod) PodTimes {
		var times PodTimes
		switch len(pod.Name) % 4 {
		case 0:
			times.FailsAfter = 5 * time.Second
		case 1:
			times = PodTimes{ReadyAfter: 3 * time.Second, FailsAfter: time.Minute}
		case 2:
			times = PodTimes{BoundAfter: 2 * time.Second, TerminatesAfter: time.Duration(len(pod.Name)%3-1) * time.Second}
		case 3:
			times = PodTimes{ReadyAfter: 2 * time.Second, CrashesAfter: 6 * time.Second}
		}
		return times
	}
	switch r.IntN(7) {
	case 0:
		c.Options.Policy.Paused = true
	case 1:
		c.Options.Policy.Partition = &rollout.Partition{Nodes: intstr.FromInt32(1)}
	case 2:
		after := &rollout.IgnoreAfter{After: metav1.Duration{Duration: time.Duration(r.IntN(3)) * time.Second}}
		c.Options.Policy = []rollout.Policy{
			{IgnoreNotReadyNodes: after}, {IgnoreStuckPods: after}, {IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name < "n2" }}},
		}[r.IntN(3)]
	case 3, 4:
		c.Options.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: time.Second}}
	}
	for i := range 1 + r.IntN(5) {
		apply(t, c, randomNode(r, build.Node{Name: fmt.Sprint("n", i)}))
	}
	for _, name := range []string{"agent", "proxy"} {
		set := build.Set{Name: name, MinReady: int32(r.IntN(2) * 4), MaxSurge: []string{"", "1", "40%"}[r.IntN(3)]}.Object()
		set.Spec.RevisionHistoryLimit = new(int32(r.IntN(3)))
		if r.IntN(2) == 0 {
			set.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(int64(r.IntN(4)), resource.DecimalSI)}
		}
		if r.IntN(3) == 0 {
			set.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 80}}
		}
		apply(t, c, set)
	}
	return c
}

func apply(t *testing.T, c *Cluster, objects ...metav1.Object) {
	t.Helper()
	if err := c.Apply(objects...); err != nil {
		t.Fatal(err)
	}
}

// randomNode returns a node with room for some pods.
func randomNode(r *rand.Rand, n build.Node) *corev1.Node {
	node := n.Object()
	if r.IntN(3) > 0 {
		node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(int64(2+r.IntN(4)), resource.DecimalSI)}
		if r.IntN(2) == 0 {
			node.Status.Allocatable[corev1.ResourcePods] = *resource.NewQuantity(int64(1+r.IntN(3)), resource.DecimalSI)
		}
	}
	return node
}

// disturb changes something.
func disturb(t *testing.T, r *rand.Rand, c *Cluster) {
	t.Helper()
	sets := c.sets()
	if len(sets) == 0 {
		apply(t, c, build.Set{}.Object())
		return
	}
	ds := sets[r.IntN(len(sets))].ds
	in := c.Input(ds)
	var pod *corev1.Pod
	if len(in.Pods) > 0 {
		pod = in.Pods[r.IntN(len(in.Pods))].DeepCopy()
	}
	node := build.Node{Name: fmt.Sprint("n", r.IntN(7))}
	switch r.IntN(14) {
	case 13:
		ds = ds.DeepCopy()
		ds.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(int64(r.IntN(6)), resource.DecimalSI)}
		apply(t, c, ds)
	case 12:
		if pod != nil {
			pod.Spec.NodeName = []string{"", node.Name}[r.IntN(2)] // ready already, and bound again, or moved
			apply(t, c, pod)
		}
	case 0:
		apply(t, c, randomNode(r, node))
	case 1:
		node.NotReady = time.Second
		apply(t, c, node.Object())
	case 2:
		node.Taints = []corev1.Taint{build.NoExecute("k")}
		apply(t, c, node.Object())
	case 3:
		if err := c.Delete(node.Object()); err != nil {
			t.Fatal(err)
		}
	case 4, 5:
		ds = ds.DeepCopy()
		ds.Spec.Template.Spec.Containers[0].Image = fmt.Sprint("agent:", r.IntN(4))
		apply(t, c, ds)
	case 6:
		ds = ds.DeepCopy()
		ds.Spec.MinReadySeconds = int32(r.IntN(2) * 6)
		apply(t, c, ds)
	case 7:
		if pod != nil {
			pod.Status.Phase = []corev1.PodPhase{corev1.PodFailed, corev1.PodSucceeded}[r.IntN(2)]
			apply(t, c, pod)
		}
	case 8:
		if pod != nil {
			if pod.DeletionGracePeriodSeconds = nil; r.IntN(2) == 0 {
				pod.DeletionGracePeriodSeconds = new(int64(0))
			}
			if err := c.Delete(pod); err != nil {
				t.Fatal(err)
			}
		}
	case 9:
		if pod != nil {
			pod.OwnerReferences = nil
			apply(t, c, pod)
		}
	case 10:
		if len(in.Revisions) > 0 {
			rev := in.Revisions[r.IntN(len(in.Revisions))].DeepCopy()
			if r.IntN(2) == 0 {
				rev.Name, rev.UID, rev.Revision = fmt.Sprint("copy-", r.IntN(3)), "", int64(r.IntN(6))
				rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = rev.Name
				apply(t, c, rev)
			} else if err := c.Delete(rev); err != nil {
				t.Fatal(err)
			}
		}
	case 11:
		if r.IntN(4) == 0 {
			if err := c.Delete(ds); err != nil {
				t.Fatal(err)
			}
		}
	}
}
