package rollout_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
)

func oneOf[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// randomFacts returns a DaemonSet in three zones in an arbitrary state: pods of all
// templates, several or none on a node, unavailable, unbound, failed and terminating
// ones, and pods on nodes that do not exist.
func randomFacts(t testing.TB, r *rand.Rand) daemon.Input {
	t.Helper()
	set := build.Set{MaxUnavailable: oneOf(r, "0", "1", "2", "34%"), MinReady: oneOf[int32](r, 0, 0, 10)}
	if r.IntN(2) == 0 {
		set.MaxSurge = oneOf(r, "1", "2", "50%")
	}
	set.OnDelete = r.IntN(20) == 0
	in := daemon.Input{DaemonSet: set.Object(), Now: build.Now, Backoff: daemon.Backoff{}, BurstReplicas: oneOf(r, 0, 0, 1, -1)}
	in.Revisions = policyHistory(t, in.DaemonSet)
	nodes := 1 + r.IntN(9)
	for i := range nodes {
		name := fmt.Sprintf("n%d", i)
		node := build.Node{Name: name, Labels: build.Labels{zones: fmt.Sprintf("z%d", r.IntN(3))}}
		if r.IntN(6) == 0 {
			node.NotReady = oneOf(r, time.Second, time.Hour)
		}
		if r.IntN(8) == 0 {
			node.Taints = []corev1.Taint{oneOf(r, build.NoSchedule("k"), build.NoExecute("k"))}
		}
		in.Nodes = append(in.Nodes, node.Object())
		if r.IntN(6) == 0 {
			in.Backoff[daemon.BackoffKey{UID: in.DaemonSet.UID, Node: name}] = daemon.BackoffEntry{
				Last: build.Now.Add(-time.Duration(r.IntN(40)) * time.Minute), Delay: time.Second << r.IntN(10),
			}
		}
	}
	// Most nodes have one pod that stays.
	for i := range nodes {
		if r.IntN(8) > 0 {
			in.Pods = append(in.Pods, randomPolicyPod(r, in.DaemonSet, fmt.Sprintf("p%d", i), fmt.Sprintf("n%d", i), 12))
		}
	}
	for i := range r.IntN(4) {
		in.Pods = append(in.Pods, randomPolicyPod(r, in.DaemonSet, fmt.Sprintf("q%d", i), fmt.Sprintf("n%d", r.IntN(nodes+2)), 3))
	}
	return in
}

// randomPolicyPod returns a pod with about one oddity in so many.
func randomPolicyPod(r *rand.Rand, ds *appsv1.DaemonSet, name, node string, in int) *corev1.Pod {
	odd := func() bool { return r.IntN(in) == 0 }
	p := build.Pod{
		Name: name, Node: node, Hash: oneOf(r, "new", "old", "old", "older"), Unbound: odd(), NotReady: r.IntN(4) == 0, Deleting: odd(),
		Age: time.Duration(1+r.IntN(120)) * time.Minute, Ready: time.Duration(1+r.IntN(60)) * time.Second, Restarts: int32(r.IntN(3) * r.IntN(5)),
	}
	if p.NotReady && odd() {
		p.Waiting = oneOf(r, "ErrImagePull", "CrashLoopBackOff", "ContainerCreating")
	}
	if odd() {
		p.Phase = oneOf(r, corev1.PodFailed, corev1.PodSucceeded)
	}
	pod := p.Of(ds)
	if odd() {
		pod.CreationTimestamp.Reset()
	}
	if odd() {
		for i := range pod.Status.Conditions {
			pod.Status.Conditions[i].LastTransitionTime.Reset()
		}
	}
	return pod
}

// randomPolicy returns a valid policy with one to four fields, without Frozen and
// Paused, which would hide the others.
func randomPolicy(t testing.TB, r *rand.Rand) rollout.Policy {
	t.Helper()
	amount := func() intstr.IntOrString {
		if r.IntN(2) == 0 {
			return intstr.FromString(fmt.Sprintf("%d%%", 1+r.IntN(100)))
		}
		return intstr.FromInt32(1 + r.Int32N(4))
	}
	fields := []func(p *rollout.Policy){
		func(p *rollout.Policy) {
			p.IgnoreNotReadyNodes = &rollout.IgnoreAfter{After: lasting(oneOf(r, 0, time.Minute))}
		},
		func(p *rollout.Policy) {
			p.IgnoreStuckPods = &rollout.IgnoreAfter{After: lasting(oneOf(r, 0, time.Hour))}
		},
		func(p *rollout.Policy) {
			by := oneOf(r, rollout.Ineligible, rollout.Tainted("k"), rollout.Labeled("ignored"), func(n *daemon.NodeState) bool { return n.Name == "n1" },
				func(n *daemon.NodeState) bool { return len(n.Pods) != 1 })
			p.IgnoreNodes = &rollout.IgnoreNodes{By: by, Creations: r.IntN(2) == 0}
		},
		func(p *rollout.Policy) { p.NodeSelector = oneOf(r, zoneSelector("z1"), notInZone("z1")) },
		func(p *rollout.Policy) {
			p.Order = &rollout.Order{By: oneOf(r, rollout.ByName, rollout.Reverse(rollout.ByName), rollout.ByLabel(zones), rollout.OldestPodFirst, rollout.NotReadyFirst)}
		},
		func(p *rollout.Policy) { p.Canary = randomCanary(r, amount()) },
		func(p *rollout.Policy) {
			p.Partition = &rollout.Partition{Nodes: amount(), ProgressiveCreate: r.IntN(2) == 0}
		},
		func(p *rollout.Policy) {
			p.OneDomain = &rollout.OneDomain{Label: zones, First: oneOf(r, nil, []string{"z2"})}
		},
		func(p *rollout.Policy) {
			p.DomainBudgets = []rollout.DomainBudget{{Label: zones, MaxUnavailable: amount()}}
		},
		func(p *rollout.Policy) { p.StrictBudget = true },
		func(p *rollout.Policy) { p.SlowStart = &rollout.SlowStart{Pods: 1 + r.IntN(3), Increase: r.IntN(2)} },
	}
	for {
		r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		var p rollout.Policy
		for _, set := range fields[:1+r.IntN(4)] {
			set(&p)
		}
		if len(p.Validate(nil)) == 0 {
			return p
		}
	}
}

func randomCanary(r *rand.Rand, nodes intstr.IntOrString) *rollout.Canary {
	minutes := func(n int) metav1.Duration { return lasting(time.Duration(r.IntN(n)) * time.Minute) }
	return &rollout.Canary{
		Nodes: nodes, Wait: minutes(3), Manual: r.IntN(6) == 0, Spread: oneOf(r, nil, []string{zones}),
		PauseRestarts: r.IntN(4) - 1, FailRestarts: r.IntN(6) - 1, PauseStarting: minutes(4), FailStarting: minutes(6), FailAfter: minutes(12),
	}
}

// eachFacts calls check for many arbitrary states.
func eachFacts(t *testing.T, count uint64, check func(t *testing.T, r *rand.Rand, in daemon.Input)) {
	t.Helper()
	for seed := range count {
		r := rand.New(rand.NewPCG(seed, 71))
		check(t, r, randomFacts(t, r))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestPolicyThatRestrictsNothing: a step under a policy that restricts nothing is the
// step without a policy.
func TestPolicyThatRestrictsNothing(t *testing.T) {
	writes := 0
	eachFacts(t, 500, func(t *testing.T, r *rand.Rand, in daemon.Input) {
		s, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		want, err := rollout.NextStep(s, rollout.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !want.Plan.Empty() {
			writes++
		}
		for name, policy := range map[string]rollout.Policy{
			"node selector": {NodeSelector: &metav1.LabelSelector{}},
			"order":         {Order: &rollout.Order{By: rollout.ByName}},
			"domain budget": {DomainBudgets: []rollout.DomainBudget{{Label: zones, MaxUnavailable: intstr.FromInt32(1 << 30)}}},
			"ignored":       {IgnoreNodes: &rollout.IgnoreNodes{By: func(*daemon.NodeState) bool { return false }, Creations: true}},
			"slow start":    {SlowStart: &rollout.SlowStart{Pods: 1}},
			"promoted":      {Canary: randomCanary(r, intstr.FromInt32(1))},
		} {
			opts := rollout.Options{Policy: policy}
			if name == "promoted" {
				opts.CanaryTrial = &rollout.CanaryTrial{RevisionHash: s.RevisionHash(), State: rollout.CanaryPromoted}
			}
			got, err := rollout.NextStep(s, opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(placement.Decision{})); diff != "" {
				t.Errorf("NextStep() with %s (-without +with):\n%s", name, diff)
			}
		}
	})
	if writes < 200 {
		t.Errorf("only %d states had something to write", writes)
	}
}

// TestUsedBudgetIsCounted: the users of a budget are the nodes that the step counts.
func TestUsedBudgetIsCounted(t *testing.T) {
	users, held := 0, 0
	eachFacts(t, 2000, func(t *testing.T, r *rand.Rand, in daemon.Input) {
		s, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		opts := rollout.Options{}
		if r.IntN(3) > 0 {
			opts.Policy = randomPolicy(t, r)
			opts.Policy.Paused = r.IntN(9) == 0
		}
		step, err := rollout.NextStep(s, opts)
		if err != nil {
			t.Fatal(err)
		}
		budget, err := rollout.UsedBudget(s, opts)
		if err != nil {
			t.Fatal(err)
		}
		users += len(budget.Users)
		held += len(step.Policy.Restricted)
		want, limit := step.Unavailable, step.MaxUnavailable
		if budget.Kind == rollout.BudgetMaxSurge {
			want, limit = step.Surging, step.MaxSurge
		}
		if len(budget.Users) != want || budget.Limit != limit {
			t.Errorf("UsedBudget() = %d of %d, NextStep() counts %d of %d under %v", len(budget.Users), budget.Limit, want, limit, &opts.Policy)
		}
		if !slices.IsSortedFunc(budget.Users, func(a, b rollout.BudgetUser) int { return rollout.ByName(s.Node(a.Node), s.Node(b.Node)) }) {
			t.Errorf("UsedBudget() = %v, want the order of names", budget.Users)
		}
	})
	if users < 1000 || held < 300 {
		t.Errorf("only %d users of budgets and %d restrictions", users, held)
	}
}

// TestNothingFailsWithoutMemory: a pass that has no memory of a canary never rolls back.
func TestNothingFailsWithoutMemory(t *testing.T) {
	states := map[rollout.CanaryState]int{}
	eachFacts(t, 2000, func(t *testing.T, r *rand.Rand, in daemon.Input) {
		opts := rollout.Options{Policy: randomPolicy(t, r)}
		if opts.Policy.Canary == nil {
			opts.Policy.Canary, opts.Policy.Partition = randomCanary(r, intstr.FromInt32(1+r.Int32N(3))), nil
			if opts.Policy.OneDomain != nil {
				opts.Policy.Canary.Spread = nil
			}
		}
		if r.IntN(2) == 0 {
			// A trial begins at a whole second, which may be longer ago than this.
			in.Now = in.Now.Add(time.Duration(r.IntN(1e9)))
			opts.Policy.Canary.FailAfter = lasting(time.Millisecond)
		}
		s, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		step, err := rollout.NextStep(s, opts)
		if err != nil {
			t.Fatal(err)
		}
		if step.Policy.Canary != nil {
			states[step.Policy.Canary.Trial.State]++
			if slices.ContainsFunc(step.Policy.Canary.Problems, func(p rollout.CanaryProblem) bool { return p.Fails }) {
				t.Errorf("NextStep() without memory has %v", step.Policy.Canary)
			}
		}
		result, err := rollout.Sync(in, opts)
		if err != nil {
			t.Fatal(err)
		}
		if result.Rollback != nil || result.CanaryTrial != nil && result.CanaryTrial.State == rollout.CanaryFailed {
			t.Errorf("Sync() without memory rolls back: %v", result)
		}
	})
	if states[rollout.CanaryFailed] > 0 || states[rollout.CanaryPaused] < 100 || states[rollout.CanaryStarting] < 100 || states[rollout.CanaryPassed] < 30 {
		t.Errorf("states %v, want many of each but none failed", states)
	}
}

// TestCanaryMemoryThroughJSON plays random histories: passes whose memory goes through
// JSON equal passes that keep the value.
func TestCanaryMemoryThroughJSON(t *testing.T) {
	seen := map[rollout.CanaryState]int{}
	for seed := range property.Seeds(t, 50) {
		r := rand.New(rand.NewPCG(seed, 73))
		policy := rollout.Policy{Canary: randomCanary(r, intstr.FromInt32(1+r.Int32N(3))), IgnoreNotReadyNodes: oneOf(r, nil, &rollout.IgnoreAfter{})}
		kept := newRig(t, build.Set{MaxUnavailable: oneOf(r, "1", "2", "50%"), MinReady: oneOf[int32](r, 0, 10)}, policy, nodeNames(2+r.IntN(6))...)
		kept.in.Now = kept.in.Now.Add(time.Duration(r.IntN(1e9))) // Not a whole second.
		kept.broken = oneOf(r, "", "agent:2")
		var saved *rollout.CanaryTrial
		for range 30 {
			randomEvent(r, kept)
			want, err := rollout.Sync(kept.in, rollout.Options{Policy: policy, CanaryTrial: saved})
			if err != nil {
				t.Fatal(err)
			}
			got := kept.pass()
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Fatalf("seed %d: Sync() (-memory through JSON +memory kept):\n%s", seed, diff)
			}
			if diff := cmp.Diff(want.CanaryTrial, got.CanaryTrial); diff != "" {
				t.Fatalf("seed %d: Result.CanaryTrial (-memory through JSON +memory kept):\n%s", seed, diff)
			}
			if want.Plan.RequeueAfter != got.Plan.RequeueAfter {
				t.Fatalf("seed %d: again after %v with memory through JSON, %v with memory kept", seed, want.Plan.RequeueAfter, got.Plan.RequeueAfter)
			}
			checkMemory(t, seed, saved, got.CanaryTrial)
			if saved = nil; want.CanaryTrial != nil {
				seen[want.CanaryTrial.State]++
				data, err := json.Marshal(want.CanaryTrial)
				if err != nil {
					t.Fatal(err)
				}
				saved = &rollout.CanaryTrial{}
				if err := json.Unmarshal(data, saved); err != nil {
					t.Fatal(err)
				}
			}
			if back := got.Rollback; !back.Skipped() && r.IntN(6) == 0 {
				kept.in.DaemonSet = back.DaemonSet.DeepCopy()
				kept.in.DaemonSet.Generation++
			}
		}
	}
	for _, state := range []rollout.CanaryState{
		rollout.CanaryStarting, rollout.CanaryWaiting, rollout.CanaryUnpromoted, rollout.CanaryPassed, rollout.CanaryPaused, rollout.CanaryFailed,
	} {
		if seen[state] < 5 {
			t.Errorf("only %d passes were %s: %v", seen[state], string(state), seen)
		}
	}
}

// checkMemory checks what never changes in the memory of one template.
func checkMemory(t *testing.T, seed uint64, before, after *rollout.CanaryTrial) {
	t.Helper()
	switch {
	case before == nil || before.RevisionHash != after.RevisionHash:
		return
	case before.State == rollout.CanaryPassed && !cmp.Equal(before, after):
		t.Fatalf("seed %d: a trial that has passed becomes %s", seed, trialWords(after))
	case before.State == rollout.CanaryFailed && after.State != rollout.CanaryFailed:
		t.Fatalf("seed %d: a trial that has failed becomes %s", seed, trialWords(after))
	case len(before.Nodes) > 0 && len(before.Nodes) != len(after.Nodes):
		t.Fatalf("seed %d: %s has another number of nodes than %s", seed, trialWords(after), trialWords(before))
	case !before.Since.Equal(&after.Since) || before.BackTo != "" && before.BackTo != after.BackTo:
		t.Fatalf("seed %d: %s began as %s", seed, trialWords(after), trialWords(before))
	}
}

// randomEvent changes something and lets time pass.
func randomEvent(r *rand.Rand, g *rig) {
	g.after(time.Duration(r.IntN(90)) * time.Second)
	node := oneOf(r, g.in.Nodes...).Name
	has := slices.ContainsFunc(g.in.Pods, func(p *corev1.Pod) bool { return p.Spec.NodeName == node })
	switch r.IntN(9) {
	case 0, 1:
		if has {
			g.setReady(node, r.IntN(2) == 0)
		}
	case 2, 3:
		if has {
			g.setRestarts(node, r.IntN(8))
		}
	case 4:
		if has {
			g.change(node, func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodFailed })
		}
	case 5:
		i := slices.IndexFunc(g.in.Nodes, func(n *corev1.Node) bool { return n.Name == node })
		changed := build.Node{Name: node, NotReady: oneOf(r, 0, time.Minute)}.Object()
		g.in.Nodes = slices.Clone(g.in.Nodes)
		g.in.Nodes[i] = changed
	case 6:
		if r.IntN(3) == 0 && len(g.in.Nodes) > 1 {
			g.in.Nodes = slices.DeleteFunc(slices.Clone(g.in.Nodes), func(n *corev1.Node) bool { return n.Name == node })
			g.in.Pods = slices.DeleteFunc(slices.Clone(g.in.Pods), func(p *corev1.Pod) bool { return p.Spec.NodeName == node })
		}
	case 7:
		if r.IntN(2) == 0 {
			g.pods++
			g.in.Nodes = append(slices.Clone(g.in.Nodes), build.Node{Name: fmt.Sprintf("new%d", g.pods)}.Object())
		}
	}
}

// TestStateUnderPolicies holds steps of a State under a partition or a canary, beside other
// fields, against steps from scratch. The nodes stay, so that the State keeps all it knows, and
// most passes take a step.
func TestStateUnderPolicies(t *testing.T) {
	seen := map[string]int{}
	for seed := range property.Seeds(t, 60) {
		r := rand.New(rand.NewPCG(seed, 79))
		set := build.Set{MaxUnavailable: oneOf(r, "1", "2", "34%")}
		if r.IntN(3) == 0 {
			set.MaxSurge = oneOf(r, "1", "50%")
		}
		in := daemon.Input{DaemonSet: set.Object(), Now: build.Now}
		in.Revisions = policyHistory(t, in.DaemonSet)
		pods := map[string]*corev1.Pod{}
		node := func(i int) *corev1.Node {
			return build.Node{
				Name: fmt.Sprintf("n%02d", i), Labels: build.Labels{zones: fmt.Sprintf("z%d", r.IntN(3)), oneOf(r, "ignored", "other", "other"): ""},
				NotReady: oneOf(r, 0, 0, 0, time.Second, time.Hour),
			}.Object()
		}
		pod := func(name string, i int, hash string) *corev1.Pod {
			return build.Pod{
				Name: name, Node: fmt.Sprintf("n%02d", i), Hash: hash, NotReady: r.IntN(4) == 0, Deleting: r.IntN(12) == 0,
				Age: time.Duration(1+r.IntN(20)) * time.Minute, Ready: time.Duration(1+r.IntN(150)) * time.Second, Restarts: int32(r.IntN(3) * r.IntN(4)),
			}.Of(in.DaemonSet)
		}
		nodes := 4 + r.IntN(12)
		for i := range nodes {
			in.Nodes = append(in.Nodes, node(i))
			p := pod(fmt.Sprintf("p%02d", i), i, oneOf(r, "old", "old", "old", "older", "new"))
			in.Pods = append(in.Pods, p)
			pods[p.Name] = p
		}
		state := newState(t, in)
		var policy rollout.Policy
		var trial *rollout.CanaryTrial
		for step := range 60 {
			if step == 0 || r.IntN(15) == 0 {
				policy = randomPolicy(t, r)
				policy.SlowStart = nil
				if seed%5 == 4 && r.IntN(2) == 0 {
					policy.Canary, policy.Partition = nil, nil
				} else if seed%3 == 0 {
					policy.Canary, policy.Partition = nil, &rollout.Partition{Nodes: intstr.FromInt32(r.Int32N(int32(nodes)))}
				} else if policy.Canary == nil {
					policy.Canary, policy.Partition = randomCanary(r, intstr.FromInt32(1+r.Int32N(3))), nil
					policy.Canary.Spread = nil
				}
				if seed%3 == 2 && seed%5 != 4 {
					policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), Wait: lasting(2 * time.Minute), PauseRestarts: -1, FailRestarts: -1}
				}
				if policy.Canary != nil {
					policy.Canary.NodeSelector = oneOf(r, nil, nil, zoneSelector("z1"), zoneSelector("none"))
				}
			}
			if policy.Partition != nil && r.IntN(6) == 0 {
				policy.Partition = &rollout.Partition{Nodes: intstr.FromInt32(r.Int32N(int32(nodes)))}
			}
			var c daemon.Changes
			for i := range nodes {
				name := fmt.Sprintf("p%02d", i)
				switch r.IntN(14) {
				case 0: // The pod changes, or is replaced.
					hash := oneOf(r, pods[name].Labels[appsv1.DefaultDaemonSetUniqueLabelKey], "new", "old")
					pods[name] = pod(name, i, hash)
					c.Pods = append(c.Pods, pods[name])
				case 1:
					changed := node(i)
					for k := range in.Nodes {
						if in.Nodes[k].Name == changed.Name {
							in.Nodes[k] = changed
						}
					}
					c.Nodes = append(c.Nodes, changed)
				case 2: // A second pod comes or goes, as in a surge.
					if second := "q" + name; set.MaxSurge != "" && pods[second] == nil {
						pods[second] = build.Pod{Name: second, Node: fmt.Sprintf("n%02d", i), Hash: "new", NotReady: true, Age: time.Minute}.Of(in.DaemonSet)
						c.Pods = append(c.Pods, pods[second])
					} else if pods[second] != nil {
						delete(pods, second)
						c.DeletedPods = append(c.DeletedPods, second)
					}
				}
			}
			tell(t, state, c)
			in.Now, in.Pods = in.Now.Add(time.Duration(r.IntN(40))*time.Second), nil
			for _, p := range pods {
				in.Pods = append(in.Pods, p)
			}
			opts := rollout.Options{Policy: policy, CanaryTrial: trial}
			want, err := rollout.Sync(in, opts)
			if err != nil {
				t.Fatal(err)
			}
			if opts.CanaryTrial = nil; r.IntN(10) == 0 && trial != nil {
				opts.CanaryTrial = trial.DeepCopy()
			}
			got, err := state.Sync(in.Now, opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameResult); diff != "" {
				t.Fatalf("seed %d, step %d, policy %v: the kept state differs (-from scratch +kept):\n%s", seed, step, &policy, diff)
			}
			trial, in.Backoff = want.CanaryTrial, in.Backoff.With(want.Plan.BackoffChanges)
			if want.Step != nil {
				seen["step"]++
				seen["writes"] += len(want.Plan.Delete) + len(want.Plan.Create)
				for _, by := range want.Policy.Restricted {
					seen[by.By.String()]++
				}
				if want.Policy.Canary != nil {
					seen[string(want.Policy.Canary.Trial.State)]++
				}
			}
			if trial != nil && trial.State.Final() && r.IntN(3) == 0 { // Another trial.
				trial = &rollout.CanaryTrial{RevisionHash: trial.RevisionHash, State: rollout.CanaryStarting}
				if _, err := state.Sync(in.Now, rollout.Options{Policy: policy, CanaryTrial: trial}); err != nil {
					t.Fatal(err)
				}
				again, err := rollout.Sync(in, rollout.Options{Policy: policy, CanaryTrial: trial})
				if err != nil {
					t.Fatal(err)
				}
				trial = again.CanaryTrial
			}
		}
	}
	for _, what := range []string{"step", "writes", "partition", "canary", "ignored node", "node selector", "another domain's turn", "Starting", "Waiting", "Paused", "Failed", "Unpromoted", "Impossible"} {
		if seen[what] < 5 {
			t.Errorf("%q happened %d times: the histories are dull", what, seen[what])
		}
	}
}
