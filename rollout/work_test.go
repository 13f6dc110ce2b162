package rollout

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// The tests of this file hold costs to be linear. They count work, in bytes and in calls,
// and no time: a busy machine changes nothing.

// allocated returns how many bytes a function allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestJoiningNodesAreAppliedTogether: 200 nodes that join a cluster of 20,000, told one by
// one, cost the next pass about as much as a single one.
func TestJoiningNodesAreAppliedTogether(t *testing.T) {
	in := daemon.Input{DaemonSet: build.Set{}.Object(), Now: build.Now}
	for i := range 20_000 {
		in.Nodes = append(in.Nodes, build.Node{Name: fmt.Sprintf("node-%05d", i)}.Object())
	}
	state, err := NewState(in)
	if err != nil {
		t.Fatal(err)
	}
	joined := 0
	join := func(count int) uint64 {
		return allocated(func() {
			for range count {
				joined++
				node := build.Node{Name: fmt.Sprintf("joining-%d", joined)}.Object()
				if err := state.Update(daemon.Changes{Nodes: []*corev1.Node{node}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := state.Sync(build.Now, Options{AwaitingWrites: true}); err != nil {
				t.Fatal(err)
			}
		})
	}
	join(1) // The first pass works out more than the later ones.
	if one, many := join(1), join(200); many > 3*one {
		t.Errorf("a pass after 200 joining nodes allocates %d bytes, and one after a single node %d: want at most three times as many", many, one)
	}
}

// TestManyRevisionsAreLinear: four times as many revisions cost about four times as much.
func TestManyRevisionsAreLinear(t *testing.T) {
	pass := func(count int) uint64 {
		ds := build.Set{}.Object()
		in := daemon.Input{DaemonSet: ds, Now: build.Now}
		for i := range count {
			in.Revisions = append(in.Revisions, build.Revision{Hash: fmt.Sprintf("h%05d", i), Number: int64(i)}.Of(ds))
		}
		return allocated(func() {
			if _, err := Sync(in, Options{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	pass(10) // What the first pass of a process sets up does not count.
	if few, many := pass(10_000), pass(40_000); many > 6*few {
		t.Errorf("a pass allocates %d bytes with 10,000 revisions and %d with 40,000: want at most six times as many", few, many)
	}
}

// TestSpreadIsLinear: the choice of a canary reads the labels of each node once. With n
// nodes in n groups it compares groups, and nodes, about n log n times.
func TestSpreadIsLinear(t *testing.T) {
	type work struct {
		labels, nodes, groups int
		bytes                 uint64
	}
	choose := func(count int) (w work) {
		in := daemon.Input{DaemonSet: build.Set{}.Object(), Now: build.Now}
		for i := range count {
			name := fmt.Sprintf("node-%05d", i)
			in.Nodes = append(in.Nodes, build.Node{Name: name, Labels: build.Labels{"own": name}}.Object())
			in.Pods = append(in.Pods, build.Pod{Name: "pod-" + name, Node: name, Hash: "old"}.Of(in.DaemonSet))
		}
		s, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := compile(&Policy{
			Canary: &Canary{Nodes: intstr.FromString("50%"), Spread: []string{"own"}},
			Order:  &Order{By: func(a, b *daemon.NodeState) int { w.nodes++; return ByName(a, b) }},
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range policy.markers {
			policy.markers[i].mark = func(node *corev1.Node) string { w.labels++; return m.mark(node) }
		}
		w.bytes = allocated(func() {
			f := (&State{snapshot: s}).factsFor(policy, nil)
			step, err := f.step(s, policy, nil)
			if err != nil || len(step.Policy.Canary.Trial.Nodes) != count/2 {
				t.Fatalf("the step is %v, %v, want a canary on %d nodes", step, err, count/2)
			}
			w.groups = f.compared
		})
		return w
	}
	choose(10)
	const few, many = 5_000, 20_000
	small, large := choose(few), choose(many)
	// A heap or a sort compares at most 2 log2(n) times per node: 2 * 15 below 32,768 nodes.
	const most = 2 * 15 * many
	if large.labels > 3*many || large.nodes > 2*most || large.groups > most || large.groups == 0 {
		t.Errorf("a canary of %d nodes reads %d labels and compares %d nodes and %d groups, want at most %d, %d and %d",
			many, large.labels, large.nodes, large.groups, 3*many, 2*most, most)
	}
	if large.bytes > 6*small.bytes {
		t.Errorf("a step allocates %d bytes with %d nodes and %d with %d: want at most six times as many", small.bytes, few, large.bytes, many)
	}
}

// TestPoliciesLookAtChanges: passes of a State with a partition, with a canary on trial, or with
// many ignored nodes, look at the nodes that have changed and at those of the canary, and compare
// about log n nodes for each.
func TestPoliciesLookAtChanges(t *testing.T) {
	const nodes, passes, tried = 4000, 100, 3
	compared := 0
	order := &Order{By: func(a, b *daemon.NodeState) int { compared++; return ByName(b, a) }}
	// Every second node has not been ready for longer than a minute, or will not have been soon.
	ignore := &IgnoreAfter{After: metav1.Duration{Duration: time.Minute}}
	down := func(i int) time.Duration {
		switch {
		case i%2 == 0:
			return 0
		case i < tried:
			return time.Minute - 2*time.Second // ignored soon after it was chosen for a canary
		case i >= nodes-passes:
			return time.Duration(nodes-i) * time.Second / 2
		}
		return time.Hour
	}
	for _, tc := range []struct {
		name   string
		policy Policy
		// updates says that each pass updates a node.
		updates bool
		state   CanaryState
	}{
		{"partition", Policy{Partition: &Partition{Nodes: intstr.FromString("25%")}}, true, ""},
		{"partition with an order", Policy{Partition: &Partition{Nodes: intstr.FromString("25%")}, Order: order}, true, ""},
		{"partition that keeps all", Policy{Partition: &Partition{Nodes: intstr.FromString("100%")}, Order: order}, false, ""},
		{"partition that keeps none", Policy{Partition: &Partition{Nodes: intstr.FromInt32(0)}, StrictBudget: true}, true, ""},
		{"ignored nodes", Policy{IgnoreNotReadyNodes: ignore, IgnoreStuckPods: ignore}, true, ""},
		{"ignored nodes with an order", Policy{IgnoreNotReadyNodes: ignore, Order: order}, true, ""},
		{"ignored nodes with a partition", Policy{IgnoreNotReadyNodes: ignore, Partition: &Partition{Nodes: intstr.FromString("25%")}, Order: order}, true, ""},
		{"ignored nodes with a canary", Policy{IgnoreNotReadyNodes: ignore, Canary: &Canary{
			Nodes: intstr.FromInt32(tried), NodeSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"first": ""}}, Wait: metav1.Duration{Duration: time.Hour},
		}}, false, CanaryWaiting},
		{"canary", Policy{Canary: &Canary{Nodes: intstr.FromInt32(tried), Wait: metav1.Duration{Duration: time.Hour}}}, false, CanaryWaiting},
		{"canary with an order", Policy{Canary: &Canary{Nodes: intstr.FromInt32(tried), Manual: true}, Order: order, StrictBudget: true}, false, CanaryUnpromoted},
		{"paused canary", Policy{Canary: &Canary{Nodes: intstr.FromInt32(tried), PauseStarting: metav1.Duration{Duration: time.Nanosecond}}}, false, CanaryPaused},
		{"failed canary", Policy{Canary: &Canary{Nodes: intstr.FromInt32(tried), FailStarting: metav1.Duration{Duration: time.Nanosecond}}}, false, CanaryFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{MaxUnavailable: "1"}.Object()
			in := daemon.Input{DaemonSet: ds, Now: build.Now, Revisions: build.Current(ds, "new")}
			for i := range nodes {
				name := fmt.Sprintf("node-%05d", i)
				node := build.Node{Name: name}
				if i < tried {
					node.Labels = build.Labels{"first": ""}
				}
				if tc.policy.IgnoreNotReadyNodes != nil {
					node.NotReady = down(i)
				}
				in.Nodes = append(in.Nodes, node.Object())
				in.Pods = append(in.Pods, build.Pod{Name: "pod-" + name, Node: name, Hash: "old", Age: 2 * time.Hour}.Of(ds))
			}
			state, err := NewState(in)
			if err != nil {
				t.Fatal(err)
			}
			now, started := build.Now, 0
			put := func(old string, p build.Pod) {
				p.Name, started = fmt.Sprint("new-", started), started+1
				if err := state.Update(daemon.Changes{DeletedPods: []string{old}, Pods: []*corev1.Pod{p.Of(ds)}}); err != nil {
					t.Fatal(err)
				}
			}
			pass := func() *Result {
				t.Helper()
				now = now.Add(time.Second)
				result, err := state.Sync(now, Options{Policy: tc.policy})
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range result.Plan.Delete {
					p := build.Pod{Node: d.Node, Hash: "new", Age: time.Minute, Ready: time.Minute}
					p.NotReady = tc.state == CanaryPaused || tc.state == CanaryFailed
					put(d.Pod.Name, p)
				}
				return result
			}
			for range 2 * tried {
				pass()
			}
			if got := state.canary; got != nil && got.State != tc.state {
				t.Fatalf("the trial is %s, want %s", got.State, tc.state)
			}
			state.facts.looked, compared = 0, 0
			ignored := func() int { return 0 }
			if g := state.facts.ignoring; g != nil {
				g.looked = 0
				ignored = func() int { return len(g.list) }
			}
			before, updated := ignored(), 0
			for i := range passes {
				if !tc.updates {
					// An outdated pod that waits is replaced, as by its node's restart.
					name := fmt.Sprintf("node-%05d", 100+i)
					put("pod-"+name, build.Pod{Node: name, Hash: "old", Age: time.Duration(90+i) * time.Minute})
				}
				updated += len(pass().Plan.Delete)
			}
			if want := map[bool]int{true: passes}[tc.updates]; updated != want {
				t.Errorf("%d passes update %d nodes, want %d", passes, updated, want)
			}
			if most := passes * 4 * (tried + 2); state.facts.looked > most {
				t.Errorf("%d passes look at %d nodes, want at most %d", passes, state.facts.looked, most)
			}
			if g := state.facts.ignoring; g != nil && (before < nodes/2-passes || ignored() == before || g.looked > 4*passes) {
				t.Errorf("%d passes look at %d nodes to find out that %d nodes are ignored and not %d, want a few of many", passes, g.looked, ignored(), before)
			}
			// A node changes its heap of actions, and its heap of the partition: twice each.
			if most := passes * 8 * 13; compared > most {
				t.Errorf("%d passes compare %d nodes, want at most %d", passes, compared, most)
			}
		})
	}
}

// TestBackoffCostsWhatChanges: a pass that deletes a failed pod costs the same with 200 failing
// nodes and with 8,000, and so does the pass that applies what it changes.
func TestBackoffCostsWhatChanges(t *testing.T) {
	deletions := func(failing int) uint64 {
		ds := build.Set{}.Object()
		in := daemon.Input{DaemonSet: ds, Now: build.Now, Revisions: build.Current(ds, "new"), Backoff: daemon.Backoff{}}
		running := func(i int) *corev1.Pod {
			return build.Pod{Name: fmt.Sprint("pod-", i), Node: fmt.Sprintf("node-%05d", i), Hash: "new"}.Of(ds)
		}
		key := func(i int) daemon.BackoffKey {
			return daemon.BackoffKey{UID: ds.UID, Node: fmt.Sprintf("node-%05d", i)}
		}
		for i := range failing {
			in.Nodes = append(in.Nodes, build.Node{Name: key(i).Node}.Object())
			in.Pods = append(in.Pods, running(i))
			in.Backoff[key(i)] = daemon.BackoffEntry{Last: build.Now.Add(-time.Minute), Delay: time.Second}
		}
		state, err := NewState(in)
		if err != nil {
			t.Fatal(err)
		}
		fail := func(i int) {
			failed := running(i)
			failed.Status.Phase = corev1.PodFailed
			for _, pod := range []*corev1.Pod{failed, running(i)} {
				if err := state.Update(daemon.Changes{Pods: []*corev1.Pod{pod}}); err != nil {
					t.Fatal(err)
				}
				result, err := state.Sync(build.Now, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if want := map[bool]int{true: 1}[pod == failed]; len(result.Plan.Delete) != want || len(result.Plan.BackoffChanges) != want {
					t.Fatalf("Sync() = %v with %v, want %d failed pod deleted and as many changes of the backoff", result, result.Plan.BackoffChanges, want)
				}
			}
		}
		fail(0) // The State copies the backoff once.
		bytes := allocated(func() {
			for i := range 50 {
				fail(1 + i)
			}
		})
		if e := state.Backoff()[key(50)]; e.Delay != 2*time.Second || len(state.Backoff()) != failing {
			t.Errorf("the State has %d entries, for the last node %v, want %d and a delay of 2s", len(state.Backoff()), e, failing)
		}
		if e := in.Backoff[key(50)]; e.Delay != time.Second {
			t.Errorf("the State changed the backoff that it was made with: %v", e)
		}
		return bytes
	}
	deletions(100) // What the first pass of a process sets up does not count.
	if few, many := deletions(200), deletions(8_000); many > 2*few {
		t.Errorf("50 deletions allocate %d bytes with 200 failing nodes and %d with 8,000: want at most twice as many", few, many)
	}
}

// TestHeldCreationsCostNothing: a pass makes no pods for nodes that IgnoreNodes keeps without one.
func TestHeldCreationsCostNothing(t *testing.T) {
	const nodes, passes = 1000, 50
	ds := build.Set{}.Object()
	in := daemon.Input{DaemonSet: ds, Now: build.Now, Revisions: build.Current(ds, "new")}
	for i := range nodes {
		node := build.Node{Name: fmt.Sprintf("node-%04d", i)}
		if i >= passes {
			node.Labels = build.Labels{"ignored": ""}
		} else {
			in.Pods = append(in.Pods, build.Pod{Name: node.Name, Node: node.Name, Hash: "new"}.Of(ds))
		}
		in.Nodes = append(in.Nodes, node.Object())
	}
	state, err := NewState(in)
	if err != nil {
		t.Fatal(err)
	}
	policy := Policy{IgnoreNodes: &IgnoreNodes{By: Labeled("ignored"), Creations: true}}
	pass := func(i int) {
		if err := state.Update(daemon.Changes{Pods: in.Pods[i : i+1]}); err != nil {
			t.Fatal(err)
		}
		result, err := state.Sync(build.Now, Options{Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		want := []Restricted{{By: RestrictionIgnored, Nodes: nodes - passes}}
		if len(result.Plan.Create) > 0 || !slices.Equal(result.Restricted, want) {
			t.Fatalf("Sync() = %v with %v, want no creation and %v", result, result.Restricted, want)
		}
	}
	pass(0)
	bytes := allocated(func() {
		for i := range passes {
			pass(i)
		}
	})
	if most := uint64(passes * 10_000); bytes > most {
		t.Errorf("%d passes allocate %d bytes, want at most %d", passes, bytes, most)
	}
}
