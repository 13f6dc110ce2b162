package rollout

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/indexset"
	"github.com/pernode/daemonset/internal/property"
)

// TestQueuesEqualSort holds the queues against a sort of all nodes, over random batches of
// nodes whose key, role and class change.
func TestQueuesEqualSort(t *testing.T) {
	for seed := range property.Seeds(t, 15) {
		r := rand.New(rand.NewPCG(seed, 5))
		nodes := make([]daemon.NodeState, 1+r.IntN(120))
		keys := map[string]int{}
		order := &Order{By: func(a, b *daemon.NodeState) int { return cmp.Compare(keys[a.Name], keys[b.Name]) }}
		if seed%4 == 0 {
			order = nil
		}
		f := &nodeFacts{roles: make([]role, len(nodes))}
		f.classes = classes{counts: make([]classCounts, 3), of: make([]int32, len(nodes))}
		set := func(i int) {
			keys[nodes[i].Name] = r.IntN(20)
			f.roles[i] = role(r.IntN(int(actions)))
			if f.roles[i] != actionNone {
				f.roles[i] |= roleOutdated
			}
			f.classes.of[i] = int32(r.IntN(len(f.classes.counts)))
		}
		for i := range nodes {
			nodes[i].Name = fmt.Sprintf("node-%03d", i)
			set(i)
		}
		f.queues = newQueues(nodes, sequence{order: order}, f)
		for batch := range 40 {
			var changed []int
			for range r.IntN(1 + len(nodes)) {
				i := r.IntN(len(nodes))
				changed = append(changed, i)
				if r.IntN(4) > 0 { // The others stay as they are.
					set(i)
				}
			}
			f.queues.change(nodes, changed, f)
			for a := range f.todo {
				f.todo[a] = indexset.New(len(nodes))
			}
			for i, role := range f.roles {
				f.todo[role&roleAction].Put(i, true)
			}
			f.holds = holds{}
			f.holds.begin(len(nodes), len(f.classes.counts))
			closed := r.IntN(len(f.closed) + 1)
			if closed < len(f.closed) {
				f.closed[closed] = RestrictionDomain
			}
			c := &choice{facts: f, nodes: nodes, policy: &policy{Policy: Policy{Order: order}}, step: &Step{}}
			p := &budgetLeft{}
			action := []role{actionDelete, actionCreate}[r.IntN(2)]
			var want []int
			for i, role := range f.roles {
				if a := role & roleAction; (a == action || a == action+1) && int(f.classes.of[i]) != closed {
					want = append(want, i)
				}
			}
			slices.SortFunc(want, c.before)
			got := slices.Collect(c.fromQueues(action, &budgetLeft{left: math.MaxInt}))
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, batch %d: the queues have %v, want %v", seed, batch, got, want)
			}
			// Under a budget the queues and a sort of the candidates yield the same nodes to take.
			budget := r.IntN(6)
			take := func(nodes iter.Seq[int]) (taken []int) {
				p.left = budget
				for i := range nodes {
					switch budgeted := f.roles[i]&roleAction != action; {
					case !budgeted:
					case p.left > 0:
						p.left--
					default:
						continue
					}
					taken = append(taken, i)
				}
				return taken
			}
			wantTaken, queues := take(slices.Values(want)), f.queues
			if got := take(c.fromQueues(action, p)); !slices.Equal(got, wantTaken) {
				t.Fatalf("seed %d, batch %d: of the queues %v are taken, want %v", seed, batch, got, wantTaken)
			}
			f.queues.heaps = nil
			if got := take(c.inOrder(action, p)); !slices.Equal(got, wantTaken) {
				t.Fatalf("seed %d, batch %d: of the candidates %v are taken, want %v", seed, batch, got, wantTaken)
			}
			f.queues = queues
		}
	}
}

// TestOrderComparesOnlyChanges: passes of a State under an order compare about log n nodes
// for each node that changes, however many are left to update.
func TestOrderComparesOnlyChanges(t *testing.T) {
	const nodes, passes = 4000, 200
	ds := build.Set{MaxUnavailable: "1"}.Object()
	in := daemon.Input{DaemonSet: ds, Now: build.Now}
	for i := range nodes {
		name := fmt.Sprintf("node-%05d", i)
		in.Nodes = append(in.Nodes, build.Node{Name: name}.Object())
		in.Pods = append(in.Pods, build.Pod{Name: "pod-" + name, Node: name, Hash: "old"}.Of(ds))
	}
	result, err := Sync(in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	in.Revisions = append(in.Revisions, result.Revisions.Create, build.Revision{Hash: "old"}.Of(ds))
	compared := 0
	last := &Order{By: func(a, b *daemon.NodeState) int { compared++; return ByName(b, a) }}
	state, err := NewState(in)
	if err != nil {
		t.Fatal(err)
	}
	deleted := 0
	for pass := range passes {
		if pass == 1 {
			if compared < nodes/2 {
				t.Fatalf("the first pass compares %d nodes, want at least half of %d", compared, nodes)
			}
			compared = 0
		}
		result, err := state.Sync(build.Now, Options{Policy: Policy{Order: last}})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range result.Plan.Delete {
			deleted++
			if want := fmt.Sprintf("node-%05d", nodes-deleted); d.Node != want {
				t.Fatalf("pass %d deletes the pod of %s, want %s", pass, d.Node, want)
			}
			next := build.Pod{Name: "new-" + d.Node, Node: d.Node, Hash: state.Snapshot().RevisionHash()}.Of(ds)
			if err := state.Update(daemon.Changes{DeletedPods: []string{d.Pod.Name}, Pods: []*corev1.Pod{next}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if deleted != passes {
		t.Errorf("%d passes delete %d pods, want one each", passes, deleted)
	}
	// A node leaves its queue with little more than log2(n) comparisons.
	if most := passes * 3 / 2 * 13; compared > most {
		t.Errorf("%d passes compare %d nodes, want at most %d", passes-1, compared, most)
	}
}

// kept returns a State of a cluster whose nodes have one pod each and the label own.
func kept(t *testing.T, nodes int) (state *State, node func(i int, own string) *corev1.Node) {
	t.Helper()
	node = func(i int, own string) *corev1.Node {
		return build.Node{Name: fmt.Sprintf("node-%05d", i), Labels: build.Labels{"own": own, "other": own + "x"}}.Object()
	}
	ds := build.Set{}.Object()
	in := daemon.Input{DaemonSet: ds, Now: build.Now, Revisions: build.Current(ds, "new")}
	for i := range nodes {
		in.Nodes = append(in.Nodes, node(i, "v"))
		in.Pods = append(in.Pods, build.Pod{Name: fmt.Sprint("pod-", i), Node: in.Nodes[i].Name, Hash: "new"}.Of(ds))
	}
	state, err := NewState(in)
	if err != nil {
		t.Fatal(err)
	}
	return state, node
}

func keptPass(t *testing.T, state *State, policy Policy, changed ...*corev1.Node) {
	t.Helper()
	if err := state.Update(daemon.Changes{Nodes: changed}); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Sync(build.Now, Options{Policy: policy}); err != nil {
		t.Fatal(err)
	}
}

// TestIgnoreNodesAsksOnlyChanges: a State asks about each node once, and then about nodes that
// change and nodes that are ignored.
func TestIgnoreNodesAsksOnlyChanges(t *testing.T) {
	const nodes = 500
	state, node := kept(t, nodes)
	asked := 0
	policy := Policy{IgnoreNodes: &IgnoreNodes{By: func(n *daemon.NodeState) bool { asked++; return n.Node.Labels["own"] == "ignored" }}}
	keptPass(t, state, policy)
	if asked < nodes {
		t.Fatalf("the first pass asks about %d nodes, want all %d", asked, nodes)
	}
	asked = 0
	for i := range 10 {
		keptPass(t, state, policy, node(i, "v2"))
	}
	if asked == 0 || asked > 50 {
		t.Errorf("10 passes after one change each ask %d times, want at most 50", asked)
	}
	other := policy
	other.IgnoreNodes = &IgnoreNodes{By: policy.IgnoreNodes.By}
	asked = 0
	keptPass(t, state, other, node(0, "v3"))
	if asked < nodes {
		t.Errorf("a pass with another IgnoreNodes asks about %d nodes, want all %d", asked, nodes)
	}
}

// TestClassesAreForgotten: classes that no node is in any more do not pile up, although each of
// the two labels has few values at a time.
func TestClassesAreForgotten(t *testing.T) {
	const nodes = 20
	state, node := kept(t, nodes)
	budget := intstr.FromInt32(1)
	policy := Policy{DomainBudgets: []DomainBudget{{Label: "own", MaxUnavailable: budget}, {Label: "other", MaxUnavailable: budget}}}
	for i := range 2000 {
		changed := node(i%nodes, fmt.Sprint("v", i%30))
		changed.Labels["other"] = fmt.Sprint("w", i%37)
		keptPass(t, state, policy, changed)
	}
	if got, most := len(state.facts.classes.counts), 2*nodes+65; got > most {
		t.Errorf("%d nodes are in %d classes, want at most %d", nodes, got, most)
	}
}
