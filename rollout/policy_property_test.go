package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
)

// randomPieces are pieces of which some may contradict each other.
func randomPieces(r *rand.Rand) []rollout.Piece {
	amount := func() intstr.IntOrString {
		if r.IntN(2) == 0 {
			return intstr.FromString(fmt.Sprintf("%d%%", 1+r.IntN(100)))
		}
		return intstr.FromInt(1 + r.IntN(4))
	}
	minutes := func(n int) time.Duration { return time.Duration(r.IntN(n)) * time.Minute }
	all := []func() rollout.Piece{
		func() rollout.Piece { return rollout.Pause{} },
		func() rollout.Piece { return rollout.Freeze{} },
		func() rollout.Piece { return rollout.IgnoreNotReadyNodes{After: minutes(2)} },
		func() rollout.Piece { return rollout.IgnoreStuckPods{After: minutes(2)} },
		func() rollout.Piece {
			return rollout.NodeSelector{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z1"}}}
		},
		func() rollout.Piece {
			return rollout.Order{By: []rollout.Compare{[]rollout.Compare{
				rollout.ByName, rollout.Backwards(rollout.ByName), rollout.ByLabel(zones), rollout.OldestPodFirst, rollout.NotReadyFirst,
			}[r.IntN(5)]}}
		},
		func() rollout.Piece {
			c := rollout.Canary{Nodes: amount(), Wait: minutes(3), FailStarting: time.Minute + minutes(2), FailAfter: minutes(9), Manual: r.IntN(6) == 0}
			if r.IntN(2) == 0 {
				c.Spread = []string{zones}
			}
			return c
		},
		func() rollout.Piece {
			return rollout.Partition{Keep: amount(), ProgressiveCreate: r.IntN(2) == 0}
		},
		func() rollout.Piece { return rollout.OneDomain{Label: zones} },
		func() rollout.Piece { return rollout.DomainBudget{Label: zones, MaxUnavailable: amount()} },
		func() rollout.Piece { return rollout.StrictBudget{} },
		func() rollout.Piece { return rollout.SlowStart{Pods: 1 + r.IntN(3), Increase: r.IntN(2)} },
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var out []rollout.Piece
	for _, piece := range all[:1+r.IntN(4)] {
		// Those that stop everything would hide the others.
		if made := piece(); len(out) == 0 || made != rollout.Piece(rollout.Freeze{}) && made != rollout.Piece(rollout.Pause{}) {
			out = append(out, made)
		}
	}
	return out
}

// updating returns a cluster of nodes in three zones with a settled DaemonSet
// whose template has just changed, and a world in which some things go wrong.
func updating(t *testing.T, r *rand.Rand) (rollout.Input, rollout.World) {
	t.Helper()
	set := build.Set{MaxUnavailable: fmt.Sprint(1 + r.IntN(4)), MinReady: int32(r.IntN(2) * 5)}
	if r.IntN(2) == 0 {
		set.MaxUnavailable, set.MaxSurge = "", []string{"1", "3", "25%"}[r.IntN(3)]
	}
	var nodes []*corev1.Node
	for i := range 2 + r.IntN(12) {
		node := build.Node{Name: fmt.Sprintf("n%02d", i), Labels: build.Labels{zones: fmt.Sprintf("z%d", r.IntN(3))}}.Object()
		if r.IntN(8) == 0 {
			node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: agoTime(time.Minute)}}
		}
		if r.IntN(10) == 0 {
			node.Spec.Taints = []corev1.Taint{build.NoSchedule("k")}
		}
		nodes = append(nodes, node)
	}
	in := newTemplate(t, set, nodes)
	in.Pods = slices.DeleteFunc(in.Pods, func(*corev1.Pod) bool { return r.IntN(10) == 0 })
	for _, pod := range in.Pods {
		if r.IntN(8) == 0 {
			condition := &pod.Status.Conditions[1]
			condition.Status = corev1.ConditionFalse
		}
	}
	bad := r.IntN(2) * (1 + r.IntN(20))
	world := rollout.World{
		Fate: func(node *corev1.Node, pod *corev1.Pod) rollout.Fate {
			if strings.HasPrefix(pod.Name, "old-") {
				return rollout.Fate{ReadyAfter: -1}
			}
			switch hash := len(node.Name) + int(node.Name[2])*7; {
			case bad > 0 && hash%bad == 1:
				return rollout.Fate{ReadyAfter: -1}
			case bad > 0 && hash%bad == 2:
				return rollout.Fate{FailsAfter: 3 * time.Second}
			}
			return rollout.Fate{ReadyAfter: 7 * time.Second}
		},
		Termination: func(pod *corev1.Pod) time.Duration {
			if bad > 12 && int(pod.Name[len(pod.Name)-1])%bad == 0 {
				return -1
			}
			return 2 * time.Second
		},
	}
	return in, world
}

// nodeFacts are what the promises of policies are about.
type nodeFacts struct {
	zone string
	// available: a pod that stays is available. outdated: a pod of the old template
	// stays. updated: one of the new template does.
	run, available, outdated, updated, notReady bool
}

func factsOf(s *daemon.Snapshot) map[string]nodeFacts {
	facts := map[string]nodeFacts{}
	for _, n := range s.Nodes() {
		if n.Node == nil {
			continue
		}
		f := nodeFacts{zone: n.Node.Labels[zones], run: n.Decision.Run, notReady: len(n.Node.Status.Conditions) > 0}
		for _, p := range n.Pods {
			if !p.Terminating {
				f.available = f.available || p.Available
				f.updated = f.updated || p.Updated
				f.outdated = f.outdated || !p.Updated
			}
		}
		facts[n.Name] = f
	}
	return facts
}

// TestPolicyPromises plays rollouts under random policies to their ends and
// holds every step to what the pieces promise.
func TestPolicyPromises(t *testing.T) {
	ends := map[string]int{}
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 7))
		in, world := updating(t, r)
		pieces := randomPieces(r)
		policy, err := rollout.NewPolicy(pieces...)
		if err != nil {
			if !strings.Contains(err.Error(), " conflict: ") {
				t.Fatalf("seed %d: NewPolicy() = %v", seed, err)
			}
			ends["conflict"]++
			continue
		}
		in.Policy = policy
		end, err := rollout.EachPass(in, world, func(result *rollout.Result) {
			before := factsOf(result.Snapshot)
			for _, piece := range policy.Pieces() {
				if broken := promiseBroken(piece, before, result); broken != "" {
					t.Fatalf("seed %d: under %v, %v breaks its promise: %s\n%v", seed, policy, piece, broken, result)
				}
			}
		})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		switch {
		case end.Finished && end.Rollback != nil:
			ends["rolled back"]++
		case end.Finished:
			ends["finished"]++
		case len(end.On) == 0:
			t.Fatalf("seed %d: stuck on nothing: %v", seed, end)
		default:
			ends["stuck"]++
			if why := unexplained(end); why != "" {
				t.Fatalf("seed %d: %v does not say why it is stuck: %s\n%v", seed, policy, why, end)
			}
		}
	}
	for _, kind := range []string{"conflict", "finished", "rolled back", "stuck"} {
		if ends[kind] < 10 {
			t.Errorf("only %d of the rollouts ended as %q: %v", ends[kind], kind, ends)
		}
	}
}

// unexplained names a node with an outdated pod that neither is in use of the
// budget nor held back.
func unexplained(end *rollout.End) string {
	if !end.Last.Empty() {
		return ""
	}
	st := end.Last.Step
	if st == nil {
		return "no step"
	}
	// With surge, outdated pods wait beside new ones that are not available.
	waiting := st.Outdated - st.Surging
	for _, h := range st.Held {
		waiting -= h.Nodes
	}
	if st.MaxSurge > 0 && st.Available <= st.Desired {
		// Pods on nodes that should not run one hold availability up (rule 8).
		for _, f := range factsOf(end.Last.Snapshot) {
			if !f.run && f.outdated {
				waiting--
			}
		}
	}
	if waiting <= 0 || st.MaxSurge == 0 && st.Unavailable >= st.MaxUnavailable || st.MaxSurge > 0 && st.Surging >= st.MaxSurge {
		return ""
	}
	return fmt.Sprintf("%d outdated", waiting)
}

// promiseBroken says what a pass did that the piece promises not to happen.
func promiseBroken(piece rollout.Piece, before map[string]nodeFacts, result *rollout.Result) string {
	count := func(is func(f nodeFacts) bool) (n int) {
		for _, f := range before {
			if is(f) {
				n++
			}
		}
		return n
	}
	// touched are the nodes whose outdated pods the step replaces.
	var touched []string
	updating := result.Step != nil
	if updating {
		for _, d := range result.Plan.Delete {
			touched = append(touched, d.Node)
		}
		for _, c := range result.Plan.Create {
			touched = append(touched, c.Node)
		}
	}
	begins := func(name string) bool { f := before[name]; return f.outdated && !f.updated }
	begun, elsewhere := 0, 0 // elsewhere: on nodes that should not run a pod
	for _, name := range touched {
		if begins(name) {
			begun++
			if !before[name].run {
				elsewhere++
			}
		}
	}
	desired := count(func(f nodeFacts) bool { return f.run })
	amount := func(a intstr.IntOrString, total int, up bool) int {
		n, _ := intstr.GetScaledValueFromIntOrPercent(&a, total, up)
		return n
	}
	switch piece := piece.(type) {
	case rollout.Pause:
		if len(touched) > 0 {
			return fmt.Sprint("touches ", touched)
		}
	case rollout.Freeze:
		if len(result.Plan.Create)+len(result.Plan.Delete) > 0 {
			return "writes pods"
		}
	case rollout.NodeSelector:
		for _, name := range touched {
			if begins(name) && before[name].zone != "z1" {
				return "begins on " + name
			}
		}
	case rollout.IgnoreNotReadyNodes:
		for _, name := range touched {
			if begins(name) && before[name].notReady {
				return "begins on " + name
			}
		}
	case rollout.Canary:
		if updating && result.Step.Canary != nil && result.Step.Canary.State != rollout.CanaryPassed {
			most := amount(piece.Nodes, desired, true)
			// Others take the place of ignored canaries.
			updated := count(func(f nodeFacts) bool { return f.run && !f.outdated })
			for _, n := range result.Step.Ignored {
				if f := before[n.Node]; f.run && !f.outdated {
					updated--
				}
			}
			if begun > 0 && updated+begun > most && begun > goingBack(result) {
				return fmt.Sprintf("%d canaries and %d more, of %d", updated, begun, most)
			}
		}
	case rollout.Partition:
		kept := count(func(f nodeFacts) bool { return f.outdated && !f.updated }) - begun
		if begun > 0 && kept < min(amount(piece.Keep, desired, false), desired)-count(func(f nodeFacts) bool { return !f.run && f.outdated }) {
			return fmt.Sprintf("keeps %d", kept)
		}
	case rollout.OneDomain:
		zonesBegun := map[string]bool{}
		for _, name := range touched {
			if begins(name) && before[name].run {
				zonesBegun[before[name].zone] = true
			}
		}
		if len(zonesBegun) > 1 {
			return fmt.Sprint("begins in ", zonesBegun)
		}
	case rollout.DomainBudget:
		for zone := range map[string]bool{"z0": true, "z1": true, "z2": true} {
			most := amount(piece.MaxUnavailable, count(func(f nodeFacts) bool { return f.run && f.zone == zone }), true)
			worse, down := 0, count(func(f nodeFacts) bool { return f.run && f.zone == zone && !f.available })
			if updating {
				for _, n := range result.Step.Ignored {
					if f := before[n.Node]; f.run && f.zone == zone && !f.available {
						down--
					}
				}
			}
			for _, name := range touched {
				if f := before[name]; f.zone == zone && f.available && begins(name) && result.Step.MaxSurge == 0 {
					worse++
				}
			}
			if worse > 0 && down+worse > most {
				return fmt.Sprintf("%d down in %s and %d more, of %d", down, zone, worse, most)
			}
		}
	case rollout.StrictBudget:
		if updating && begun-elsewhere > max(result.Step.MaxUnavailable, result.Step.MaxSurge) {
			return fmt.Sprintf("begins on %d nodes at once", begun)
		}
	case rollout.Order:
		for _, d := range result.Plan.Delete {
			if d.Reason != daemon.DeleteOutdated {
				continue
			}
			for _, n := range result.Snapshot.Nodes() {
				// Others that might have gone: of the same standing, and held back by nothing.
				if !slices.Contains(touched, n.Name) && begins(n.Name) && before[n.Name].available && len(result.Step.Held)+len(result.Step.Ignored) == 0 &&
					piece.By[0](&n, nodeNamed(result.Snapshot, d.Node)) < 0 {
					return fmt.Sprintf("%s goes before %s", d.Node, n.Name)
				}
			}
		}
	case rollout.SlowStart:
		// in.DaemonSet is an hour old, so that nothing is held back.
		if slices.ContainsFunc(result.Held, func(h rollout.Held) bool { return h.By == rollout.HeldBySlowStart }) {
			return "holds back"
		}
	}
	return ""
}

func nodeNamed(s *daemon.Snapshot, name string) *daemon.NodeState {
	i := slices.IndexFunc(s.Nodes(), func(n daemon.NodeState) bool { return n.Name == name })
	return &s.Nodes()[i]
}

// TestSlowStartPromise creates the first pods of clusters, and counts them against
// what the intervals allow.
func TestSlowStartPromise(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 13))
		start := rollout.SlowStart{Pods: 1 + r.IntN(4), Increase: r.IntN(3), Most: r.IntN(6), Interval: time.Duration(5+r.IntN(60)) * time.Second}
		policy, err := rollout.NewPolicy(start)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for i := range 1 + r.IntN(30) {
			names = append(names, fmt.Sprintf("n%02d", i))
		}
		in := rollout.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes(names...), Now: build.Now, Policy: policy}
		in.DaemonSet.CreationTimestamp = metav1.NewTime(build.Now)
		made := 0
		for pass, err := range rollout.Steps(in, rollout.World{}) {
			if err != nil {
				t.Fatal(err)
			}
			made += len(pass.Result.Plan.Create)
			allowed := 0
			for i := range int(pass.Time.Sub(in.Now)/start.Interval) + 1 {
				add := start.Pods + i*start.Increase
				if start.Most > 0 {
					add = min(add, start.Most)
				}
				allowed += add
			}
			if made > allowed {
				t.Fatalf("seed %d: %v: %d pods after %v, %d are allowed", seed, start, made, pass.Time.Sub(in.Now), allowed)
			}
			if len(pass.Result.Plan.Create) > 0 && made < min(allowed, len(names)) {
				t.Fatalf("seed %d: %v: %d pods after %v, there could be %d", seed, start, made, pass.Time.Sub(in.Now), allowed)
			}
			if pass.End != nil && !pass.End.Finished {
				t.Fatalf("seed %d: %v", seed, pass.End)
			}
		}
	}
}

// TestIgnorePromise has some nodes down, or their pods stuck: all others are updated.
func TestIgnorePromise(t *testing.T) {
	policy, err := rollout.NewPolicy(rollout.IgnoreNotReadyNodes{}, rollout.IgnoreStuckPods{After: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 17))
		bad, down := map[string]bool{}, map[string]bool{}
		var nodes []*corev1.Node
		for i := range 1 + r.IntN(12) {
			node := build.Node{Name: fmt.Sprintf("n%02d", i)}.Object()
			if r.IntN(4) == 0 {
				bad[node.Name] = true
				if r.IntN(2) == 0 {
					down[node.Name] = true
					node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse}}
				}
			}
			nodes = append(nodes, node)
		}
		in := newTemplate(t, build.Set{MaxUnavailable: fmt.Sprint(1 + r.IntN(3))}, nodes)
		in.Policy = policy
		world := rollout.World{
			Fate: func(node *corev1.Node, _ *corev1.Pod) rollout.Fate {
				if down[node.Name] {
					return rollout.Fate{ReadyAfter: -1}
				}
				return rollout.Fate{}
			},
			Termination: func(pod *corev1.Pod) time.Duration {
				if bad[pod.Spec.NodeName] && !down[pod.Spec.NodeName] {
					return -1
				}
				return time.Second
			},
		}
		for pass, err := range rollout.Steps(in, world) {
			if err != nil {
				t.Fatal(err)
			}
			if pass.End == nil {
				continue
			}
			if pass.End.Finished != (len(bad) == 0) {
				t.Errorf("seed %d: %v with %d bad nodes", seed, pass.End, len(bad))
			}
			for _, n := range pass.End.On {
				if !bad[n.Node] {
					t.Errorf("seed %d: stuck on %v", seed, n)
				}
			}
		}
	}
}

// goingBack counts the nodes that a step takes back to an older template.
func goingBack(result *rollout.Result) int {
	if result.Step.Canary == nil {
		return 0
	}
	n := 0
	for _, d := range result.Plan.Delete {
		if d.Pod.CreationTimestamp.After(build.Now.Add(-time.Minute)) {
			n++
		}
	}
	return n
}

// TestEmptyPolicyIsUpstreams holds a policy that holds nothing back, but takes the
// way of policies, against none.
func TestEmptyPolicyIsUpstreams(t *testing.T) {
	all, err := rollout.NewPolicy(rollout.Order{By: []rollout.Compare{rollout.ByName}})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	states(t, 5000, func(t *testing.T, r *rand.Rand, c *scenario.Cluster) {
		in := c.Input()
		in.BurstReplicas = r.IntN(5) - 1
		want, wantErr := rollout.Sync(in)
		in.Policy = all
		got, gotErr := rollout.Sync(in)
		if want != nil && want.Step != nil && !want.Plan.Empty() {
			steps++
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" || (wantErr == nil) != (gotErr == nil) {
			t.Errorf("Sync() with a policy that holds nothing back (-without +with):\n%s%v, %v", diff, wantErr, gotErr)
		}
	})
	if steps < 100 {
		t.Errorf("only %d states had a step", steps)
	}
}

// TestPolicyOrderOfPieces puts pieces together in every order.
func TestPolicyOrderOfPieces(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 11))
		in, _ := updating(t, r)
		pieces := randomPieces(r)
		var want string
		for range 3 {
			r.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
			policy, err := rollout.NewPolicy(pieces...)
			if err != nil {
				break
			}
			in.Policy = policy
			result, err := rollout.Sync(in)
			if err != nil {
				t.Fatal(err)
			}
			got := result.String()
			if want == "" {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("seed %d: %v in another order (-before +after):\n%s", seed, policy, diff)
			}
		}
	}
}
