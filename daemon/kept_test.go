package daemon_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
)

// facts are the facts of a cluster by name, from which a fresh snapshot is made.
type clusterFacts struct {
	in        daemon.Input
	nodes     map[string]*corev1.Node
	pods      map[string]*corev1.Pod
	revisions map[string]*appsv1.ControllerRevision
}

func newFacts(in daemon.Input) *clusterFacts {
	f := &clusterFacts{in: in, nodes: map[string]*corev1.Node{}, pods: map[string]*corev1.Pod{}, revisions: map[string]*appsv1.ControllerRevision{}}
	for _, node := range in.Nodes {
		f.nodes[node.Name] = node
	}
	for _, pod := range in.Pods {
		f.pods[pod.Namespace+"/"+pod.Name] = pod
	}
	for _, rev := range in.Revisions {
		f.revisions[rev.Name] = rev
	}
	return f
}

func (f *clusterFacts) input() daemon.Input {
	in := f.in
	in.Nodes, in.Pods = slices.Collect(maps.Values(f.nodes)), slices.Collect(maps.Values(f.pods))
	in.Revisions = slices.Collect(maps.Values(f.revisions))
	return in
}

// change makes some random changes and returns them as a batch.
func (f *clusterFacts) change(r *rand.Rand) daemon.Changes {
	var c daemon.Changes
	fresh := newFacts(randomInput(r))
	for range 1 + r.IntN(3) {
		switch r.IntN(9) {
		case 0, 1, 2:
			for _, pod := range fresh.pods {
				pod = pod.DeepCopy()
				pod.Name = fmt.Sprint("p", r.IntN(20))
				key := pod.Namespace + "/" + pod.Name
				if !slices.ContainsFunc(c.Pods, func(p *corev1.Pod) bool { return p.Name == pod.Name }) {
					f.pods[key] = pod
					c.Pods = append(c.Pods, pod)
				}
				break
			}
		case 3:
			name := fmt.Sprint("p", r.IntN(20))
			if !slices.ContainsFunc(c.Pods, func(p *corev1.Pod) bool { return p.Name == name }) {
				delete(f.pods, build.Namespace+"/"+name)
				c.DeletedPods = append(c.DeletedPods, name)
			}
		case 4, 5:
			for name, node := range fresh.nodes {
				if !slices.ContainsFunc(c.Nodes, func(n *corev1.Node) bool { return n.Name == name }) {
					f.nodes[name] = node
					c.Nodes = append(c.Nodes, node)
				}
				break
			}
		case 6:
			name := fmt.Sprint("n", r.IntN(7))
			if !slices.ContainsFunc(c.Nodes, func(n *corev1.Node) bool { return n.Name == name }) {
				delete(f.nodes, name)
				c.DeletedNodes = append(c.DeletedNodes, name)
			}
		case 7:
			f.in.Now = f.in.Now.Add(time.Duration(r.IntN(24)-8) * time.Second)
			c.Now = f.in.Now
		case 8:
			if one(r, 2) {
				f.changeDaemonSet(r, &c)
			} else {
				f.changeRevisions(r, &c)
			}
		}
	}
	return c
}

func (f *clusterFacts) changeDaemonSet(r *rand.Rand, c *daemon.Changes) {
	ds := f.in.DaemonSet.DeepCopy()
	switch r.IntN(8) {
	case 0:
		ds.Status.ObservedGeneration++
	case 1:
		ds.Spec.MinReadySeconds = int32(r.IntN(12))
	case 2:
		ds.Spec.Template.Spec.NodeSelector = pick(r, nil, map[string]string{"disk": "ssd"})
	case 3:
		ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: build.Labels{"app": pick(r, "agent", "stray")}}
	case 4:
		surge, unavailable := intstr.FromInt32(int32(r.IntN(2))), intstr.FromInt32(1)
		ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{
			Type:          appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxSurge: &surge, MaxUnavailable: &unavailable},
		}
	case 5:
		ds.Status.CollisionCount = new(int32(r.IntN(3)))
	case 6:
		ds.Annotations = build.Labels{appsv1.DeprecatedTemplateGeneration: pick(r, "1", "2", "x")}
	case 7:
		ds.DeletionTimestamp = pick(r, nil, &metav1.Time{Time: f.in.Now})
	}
	f.in.DaemonSet, c.DaemonSet = ds, ds
}

func (f *clusterFacts) changeRevisions(r *rand.Rand, c *daemon.Changes) {
	if one(r, 3) && len(f.revisions) > 0 {
		name := slices.Sorted(maps.Keys(f.revisions))[r.IntN(len(f.revisions))]
		if len(c.Revisions) > 0 {
			return
		}
		delete(f.revisions, name)
		c.DeletedRevisions = append(c.DeletedRevisions, name)
		return
	}
	rev := build.Current(f.in.DaemonSet, pick(r, "new", "old", "older"))[0]
	rev.Name, rev.Revision = fmt.Sprint("agent-", r.IntN(4)), int64(r.IntN(5))
	if one(r, 3) {
		rev.Data.Raw = []byte("{}")
	}
	if one(r, 5) {
		delete(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
	}
	if len(c.Revisions) > 0 || slices.Contains(c.DeletedRevisions, rev.Name) {
		return
	}
	f.revisions[rev.Name] = rev
	c.Revisions = append(c.Revisions, rev)
}

// answers are all that a snapshot says.
type answers struct {
	Nodes     []daemon.NodeState
	Claims    []daemon.PodClaim
	Uncounted []daemon.UncountedPod
	Hash      string
	InUse     map[string]bool
	Plan      *daemon.Plan
	Status    appsv1.DaemonSetStatus
	ByNode    []daemon.NodeStatus
	Requeue   time.Duration
	Revisions []daemon.RevisionState
	Pods      []*corev1.Pod
}

func answersOf(s *daemon.Snapshot) answers {
	return answers{
		s.Nodes(), s.Claims(), s.Uncounted(), s.RevisionHash(), s.HashesInUse(), daemon.Reconcile(s), daemon.Status(s),
		daemon.StatusByNode(s), daemon.StatusRequeue(s), s.Revisions(), s.Input().Pods,
	}
}

// TestUpdate holds a snapshot that is kept up to date against fresh ones of the same
// facts, over random histories of pods, nodes, revisions, DaemonSets and time.
func TestUpdate(t *testing.T) {
	const updates = 40
	for seed := range property.Seeds(t, 20) {
		r := rand.New(rand.NewPCG(seed, 3))
		facts := newFacts(randomInput(r))
		kept := observe(t, facts.input())
		for step := range updates {
			before := answersOf(kept)
			beforeNodes := slices.Clone(before.Nodes)
			c := facts.change(r)
			changed, err := kept.Update(c)
			fresh, freshErr := daemon.Observe(facts.input())
			if (err == nil) != (freshErr == nil) {
				t.Fatalf("seed %d, step %d: Update() = %v, Observe() = %v", seed, step, err, freshErr)
			}
			if err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			want, got := answersOf(fresh), answersOf(kept)
			if !reflect.DeepEqual(want, got) { // Nearly never, and cmp.Diff takes ten times as long.
				if diff := cmp.Diff(want, got, sameFacts); diff != "" {
					t.Fatalf("seed %d, step %d, after %+v: a snapshot brought up to date differs from a fresh one (-fresh +kept):\n%s", seed, step, c, diff)
				}
			}
			if !kept.Equal(fresh) || !fresh.Equal(kept) {
				t.Fatalf("seed %d, step %d, after %+v: Equal() = false, want true for the same facts", seed, step, c)
			}
			if changed.All {
				continue
			}
			for i, n := range kept.Nodes() {
				if !slices.Contains(changed.Nodes, i) && !cmp.Equal(beforeNodes[i], n, sameFacts) {
					t.Fatalf("seed %d, step %d: Update() = %v, but node %s has changed", seed, step, changed, n.Name)
				}
			}
		}
	}
}

func TestUpdateErrors(t *testing.T) {
	pod := func(name string) *corev1.Pod { return build.Pod{Name: name, Node: "w1"}.Of(build.Set{}.Object()) }
	other := build.Set{Name: "other"}.Object()
	tests := []struct {
		name, why string
		change    daemon.Changes
		want      string
	}{
		{"nil node", "a hole in the list", daemon.Changes{Nodes: []*corev1.Node{nil}}, "nodes[0]: Required value"},
		{"node without a name", "it could not be found again", daemon.Changes{Nodes: build.Nodes("")}, "nodes[0].metadata.name: Required value"},
		{"node twice", "which one is true?", daemon.Changes{Nodes: build.Nodes("w1", "w1")}, "nodes[1].metadata.name: Duplicate value"},
		{"nil pod", "a hole in the list", daemon.Changes{Pods: []*corev1.Pod{pod("a"), nil}}, "pods[1]: Required value"},
		{"pods without a name", "they would take each other's place", daemon.Changes{Pods: []*corev1.Pod{pod(""), pod(""), pod("")}}, "pods[0].metadata.name: Required value"},
		{"pod twice", "which one is true?", daemon.Changes{Pods: []*corev1.Pod{pod("a"), pod("a")}}, "pods[1].metadata.name: Duplicate value"},
		{"nil revision", "a hole in the list", daemon.Changes{Revisions: []*appsv1.ControllerRevision{nil}}, "revisions[0]: Required value"},
		{"another DaemonSet", "its pods are others", daemon.Changes{DaemonSet: other}, `daemonSet.metadata: Invalid value: "kube-system/other, UID `},
		{"broken selector", "nothing could be claimed", daemon.Changes{DaemonSet: build.Set{Selector: &metav1.LabelSelector{}}.Object()}, "spec.selector: Invalid value"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in := state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new"}}}.input()
			s := observe(t, in)
			want := answersOf(s)
			changed, err := s.Update(tc.change)
			wantFieldError(t, err, tc.want, tc.why)
			if diff := cmp.Diff(daemon.Changed{}, changed); diff != "" {
				t.Errorf("Update() with an error returns a Changed (-zero +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, answersOf(s), sameFacts); diff != "" {
				t.Errorf("a refused batch changed the snapshot (-before +after):\n%s", diff)
			}
		})
	}
	var none *daemon.Snapshot
	_, err := none.Update(daemon.Changes{})
	var fieldErr *field.Error
	if !errors.As(err, &fieldErr) {
		t.Errorf("Update() of no snapshot = %v, want a field error", err)
	}
}

// TestUpdateForgets: what is gone leaves nothing behind, in none of the look-up tables.
func TestUpdateForgets(t *testing.T) {
	in := state{set: build.Set{MinReady: 3600}, nodes: plain}.input()
	s := observe(t, in)
	update := func(c daemon.Changes) {
		if _, err := s.Update(c); err != nil {
			t.Fatal(err)
		}
	}
	update(daemon.Changes{Pods: []*corev1.Pod{build.Pod{Name: "a", Node: "w1", Hash: "new", Ready: time.Second}.Of(in.DaemonSet)}})
	if got := daemon.KeptSizes(s)["waiting"]; got != 1 {
		t.Fatalf("%d pods wait to become available, want 1", got)
	}
	update(daemon.Changes{DeletedPods: []string{"a"}})
	for i := range 3_000 {
		pods := []build.Pod{
			{Name: "own", Node: "w1", Hash: fmt.Sprint("h", i), Ready: time.Second},
			{Name: "homeless"},
			{Name: "finished", Node: "w1", Phase: failed, Deleting: true, Hash: fmt.Sprint("f", i)},
			{Name: "adopted", Node: "w1", Orphan: true},
			{Name: "released", Node: "w1", Labels: build.Labels{"app": "stray"}},
			{Name: "unclaimed", Node: "w1", Orphan: true, Labels: build.Labels{"app": "job"}},
			{Name: "nowhere", Node: fmt.Sprint("gone-", i)},
		}
		var c daemon.Changes
		for _, pod := range pods {
			pod.Name = fmt.Sprint(pod.Name, "-", i)
			c.Pods = append(c.Pods, pod.Of(in.DaemonSet))
		}
		update(c)
		update(daemon.Changes{Pods: []*corev1.Pod{c.Pods[0].DeepCopy()}}) // its old entry waits for nobody
		var names []string
		for _, pod := range c.Pods {
			names = append(names, pod.Name)
		}
		update(daemon.Changes{DeletedPods: names})
	}
	for table, size := range daemon.KeptSizes(s) {
		if most := map[string]int{"waiting": 100}[table]; size > most {
			t.Errorf("%s has %d entries after all pods are gone, want at most %d", table, size, most)
		}
	}
	if diff := cmp.Diff(answersOf(observe(t, in)), answersOf(s), sameFacts); diff != "" {
		t.Errorf("after all pods are gone (-fresh +kept):\n%s", diff)
	}
}

// TestUpdateEarlier: an earlier time decides no node anew. Pods that are ready for too short a time
// then are not available any more, and become so again.
func TestUpdateEarlier(t *testing.T) {
	for _, minReady := range []int32{0, 60} {
		in := state{set: build.Set{MinReady: minReady}, nodes: []build.Node{{Name: "w1"}, {Name: "w2"}}, pods: []build.Pod{
			{Name: "a", Node: "w1", Hash: "new", Ready: 30 * time.Second},
			{Name: "b", Node: "w2", Hash: "new", Ready: time.Hour},
		}}.input()
		s := observe(t, in)
		matcher := s.Matcher()
		for _, later := range []time.Duration{time.Minute, 10 * time.Second, time.Minute, -time.Second, 29 * time.Second, time.Hour, 31 * time.Second, 0} {
			in.Now = build.Now.Add(later)
			if _, err := s.Update(daemon.Changes{Now: in.Now}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(answersOf(observe(t, in)), answersOf(s), sameFacts); diff != "" {
				t.Errorf("minReadySeconds %d, at %v (-fresh +kept):\n%s", minReady, later, diff)
			}
			if s.Matcher() != matcher {
				t.Fatalf("minReadySeconds %d, at %v: all nodes are decided anew", minReady, later)
			}
		}
	}
}

// TestUpdateManyPodsOfANode: a batch may hold any number of pods of one node, because each
// list of pods is brought up to date once for each batch.
func TestUpdateManyPodsOfANode(t *testing.T) {
	const n = 1_000
	in := state{set: build.Set{MinReady: 60}, nodes: plain}.input()
	pods := func(phase corev1.PodPhase) (out []*corev1.Pod) {
		for i := range n {
			out = append(out, build.Pod{Name: fmt.Sprintf("p%05d", n-i), Node: "w1", Phase: phase, Hash: "new", Ready: time.Second}.Of(in.DaemonSet))
		}
		return out
	}
	ready := pods("")
	var names []string
	for _, pod := range ready {
		names = append(names, pod.Name)
	}
	s := observe(t, in)
	for _, tc := range []struct {
		name, why string
		change    daemon.Changes
		most      int
	}{
		{"pods", "they join a list", daemon.Changes{Pods: ready}, 2 * n},
		{"time", "all become available", daemon.Changes{Now: in.Now.Add(time.Hour)}, 2 * n},
		{"other pods", "they take the places of the first", daemon.Changes{Pods: pods(failed)}, 3 * n},
		{"deleted pods", "the list is empty then", daemon.Changes{DeletedPods: names}, 2 * n},
	} {
		before := 0
		if tc.name != "pods" {
			before = daemon.PodsRead(s)
		}
		if _, err := s.Update(tc.change); err != nil {
			t.Fatal(err)
		}
		if got := daemon.PodsRead(s) - before; got == 0 || got > tc.most {
			t.Errorf("%s: %d pods read in the list of the node, want at most %d: %s", tc.name, got, tc.most, tc.why)
		}
	}
}

// TestUpdateJoin: 200 nodes that join copy the list of nodes once, and not once for each.
func TestUpdateJoin(t *testing.T) {
	in := settled(2_000)
	s := observe(t, in)
	if _, err := s.Update(daemon.Changes{DeletedPods: []string{"x"}}); err != nil { // Builds the look-up tables.
		t.Fatal(err)
	}
	join := func(from, n int) uint64 {
		var joining []*corev1.Node
		for i := range n {
			joining = append(joining, build.Node{Name: fmt.Sprintf("ip-11-0-%d.compute.internal", from+i)}.Object())
		}
		return allocated(func() {
			if _, err := s.Update(daemon.Changes{Nodes: joining}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if one, many := join(0, 1), join(1, 200); many > 2*one {
		t.Errorf("200 nodes that join allocate %d bytes, one %d, want at most twice as many", many, one)
	}
}

// allocated returns the bytes that a function allocates.
func allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// BenchmarkUpdate measures 200 nodes that join a cluster of 20,000 in one batch.
func BenchmarkUpdate(b *testing.B) {
	in := settled(20_000)
	joining := make([]*corev1.Node, 200)
	names := make([]string, len(joining))
	for i := range joining {
		names[i] = fmt.Sprintf("ip-11-0-%d.compute.internal", i)
		joining[i] = build.Node{Name: names[i]}.Object()
	}
	s, err := daemon.Observe(in)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		for _, c := range []daemon.Changes{{Nodes: joining}, {DeletedNodes: names}} {
			if _, err := s.Update(c); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestUpdateAmongBarePods: the cost of an update does not grow with the number of bare
// pods in the namespace.
func TestUpdateAmongBarePods(t *testing.T) {
	perChange := func(bare int) uint64 {
		in := state{nodes: plain}.input()
		pod := func(name string) *corev1.Pod {
			return build.Pod{Name: name, Orphan: true, Labels: build.Labels{"app": "job"}}.Of(in.DaemonSet)
		}
		for i := range bare {
			in.Pods = append(in.Pods, pod(fmt.Sprint("bare-", i)))
		}
		s := observe(t, in)
		changed := daemon.Changes{Pods: []*corev1.Pod{pod("bare-0")}}
		if _, err := s.Update(changed); err != nil { // Builds the look-up tables.
			t.Fatal(err)
		}
		return allocated(func() {
			for range 100 {
				if _, err := s.Update(changed); err != nil {
					t.Fatal(err)
				}
			}
		}) / 100
	}
	if few, many := perChange(10), perChange(5_000); many > 2*few+1_000 {
		t.Errorf("a change among 5,000 bare pods allocates %v bytes, among 10 %v: want about as much", many, few)
	}
}
