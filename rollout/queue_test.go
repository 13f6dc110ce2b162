package rollout

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/indexset"
)

// TestQueuesEqualSort holds the queues against a sort of all nodes, over random batches of
// nodes whose key, role and class change.
func TestQueuesEqualSort(t *testing.T) {
	for seed := range uint64(60) {
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
		f.queues = newQueues(nodes, order, f)
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
			f.holds = holds{}
			f.holds.begin(len(nodes), len(f.classes.counts))
			closed := r.IntN(len(f.closed) + 1)
			if closed < len(f.closed) {
				f.closed[closed] = RestrictionDomain
			}
			c := &choice{facts: f, nodes: nodes, step: &Step{}}
			if order != nil {
				c.compare = order.By
			}
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
	// A node leaves its queue with at most 2 log2(n) comparisons.
	if most := passes * 3 * 13; compared > most {
		t.Errorf("%d passes compare %d nodes, want at most %d", passes-1, compared, most)
	}
}
