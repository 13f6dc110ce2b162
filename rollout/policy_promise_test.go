package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
)

// nodeFacts are the facts of a node that the promises of a policy are about, worked out
// from the snapshot alone.
type nodeFacts struct {
	zone                   string
	exists, run, notReady  bool
	available              bool // A pod that is not terminating is available.
	outdated, updated      int  // The pods that are not terminating.
	outdatedAvailable, gap bool // gap: no pod, or only terminating ones.
}

func factsOf(s *daemon.Snapshot) map[string]nodeFacts {
	facts := map[string]nodeFacts{}
	for _, n := range s.Nodes() {
		f := nodeFacts{run: n.Decision.Run, gap: true}
		if n.Node != nil {
			f.exists, f.zone, f.notReady = true, n.Node.Labels[zones], len(n.Node.Status.Conditions) > 0
		}
		for _, p := range n.Pods {
			if p.Terminating {
				continue
			}
			f.gap = false
			f.available = f.available || p.Available
			if p.Updated {
				f.updated++
			} else {
				f.outdated++
				f.outdatedAvailable = f.outdatedAvailable || p.Available
			}
		}
		facts[n.Name] = f
	}
	return facts
}

// begins reports whether a write on the node begins its update.
func (f nodeFacts) begins() bool { return f.outdated > 0 && f.updated == 0 }

// TestPolicyPromises takes single steps in random states under random policies and
// holds each one to the promises of its fields.
func TestPolicyPromises(t *testing.T) {
	begun := 0
	eachFacts(t, 4000, func(t *testing.T, r *rand.Rand, in daemon.Input) {
		if in.BurstReplicas = -1; in.DaemonSet.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
			return // It has no step.
		}
		s, err := daemon.Observe(in)
		if err != nil {
			t.Fatal(err)
		}
		policy := randomPolicy(t, r)
		step, err := rollout.NextStep(s, rollout.Options{Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		facts := factsOf(s)
		var on []string
		for _, d := range step.Plan.Delete {
			on = append(on, d.Node)
		}
		for _, c := range step.Plan.Create {
			on = append(on, c.Node)
		}
		begins := slices.DeleteFunc(slices.Clone(on), func(name string) bool { return !facts[name].begins() })
		begun += len(begins)
		for _, broken := range brokenPromises(policy, s, step, facts, on, begins) {
			t.Errorf("under %v: %s\n%v", &policy, broken, step)
		}
	})
	if begun < 1000 {
		t.Errorf("only %d updates begin", begun)
	}
}

// brokenPromises returns what a step does although the policy promises that it does
// not. The step writes on some nodes, and begins the update of others.
func brokenPromises(p rollout.Policy, s *daemon.Snapshot, step *rollout.Step, facts map[string]nodeFacts, on, begins []string) (broken []string) {
	report := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	amount := func(a intstr.IntOrString, total int, up bool) int {
		n, _ := intstr.GetScaledValueFromIntOrPercent(&a, total, up)
		return n
	}
	ignored := map[string]bool{}
	for _, n := range step.Policy.Ignored {
		ignored[n.Node] = true
		if slices.Contains(on, n.Node) {
			report("writes on the ignored node %s", n.Node)
		}
	}
	desired := 0
	for _, f := range facts {
		if f.run {
			desired++
		}
	}
	if p.IgnoreNotReadyNodes != nil && p.IgnoreNotReadyNodes.After.Duration == 0 {
		for name, f := range facts {
			if f.notReady && f.run && !ignored[name] {
				report("does not ignore %s", name)
			}
		}
	}
	for _, n := range s.Nodes() {
		concerned := n.Decision.Run || len(n.Pods) > 0
		if p.IgnoreNodes != nil && concerned && p.IgnoreNodes.By(&n) && !ignored[n.Name] {
			report("does not ignore %s", n.Name)
		}
		if !concerned && ignored[n.Name] {
			report("ignores %s, where there is nothing to ignore", n.Name)
		}
	}
	if p.NodeSelector != nil {
		in := len(p.NodeSelector.MatchLabels) > 0 // Else it is the negation.
		for _, name := range begins {
			if (facts[name].zone == "z1") != in {
				report("begins on %s in %q", name, facts[name].zone)
			}
		}
	}
	if p.Canary != nil && step.Policy.Canary != nil && step.Policy.Canary.Trial.State != rollout.CanaryPassed {
		most := amount(p.Canary.Nodes, desired, true)
		if nodes := step.Policy.Canary.Trial.Nodes; len(nodes) > most {
			report("tries %d nodes, want %d", len(nodes), most)
		}
		for _, name := range begins {
			isCanary := slices.ContainsFunc(step.Policy.Canary.Trial.Nodes, func(n rollout.CanaryNode) bool { return n.Name == name })
			if !isCanary && !returns(s, name) {
				report("begins on %s, which is not tried", name)
			}
		}
	}
	if p.Partition != nil {
		kept := 0
		for name, f := range facts {
			if f.exists && (f.run || len(s.Node(name).Pods) > 0) && f.updated == 0 && f.outdated > 0 && !slices.Contains(begins, name) {
				kept++
			}
		}
		if keep := amount(p.Partition.Nodes, desired, false); len(begins) > 0 && kept < min(keep, desired) {
			report("keeps %d outdated nodes, want %d", kept, keep)
		}
	}
	if p.OneDomain != nil {
		domains := map[string]bool{}
		for _, name := range begins {
			if facts[name].run {
				domains[facts[name].zone] = true
			}
		}
		if len(domains) > 1 {
			report("begins in %v", domains)
		}
	}
	for _, budget := range p.DomainBudgets {
		for _, zone := range []string{"z0", "z1", "z2"} {
			eligible, down, more := 0, 0, 0
			for name, f := range facts {
				if f.zone != zone || !f.exists {
					continue
				}
				if f.run {
					eligible++
				}
				if f.run && !f.available && !ignored[name] {
					down++
				}
				if f.outdatedAvailable && slices.Contains(begins, name) && step.MaxSurge == 0 {
					more++
				}
			}
			if most := max(1, amount(budget.MaxUnavailable, eligible, true)); more > 0 && down+more > most {
				report("%d unavailable in %s and %d more, want %d", down, zone, more, most)
			}
		}
	}
	if p.StrictBudget {
		atOnce := 0
		for _, name := range begins {
			if facts[name].run || step.MaxSurge == 0 {
				atOnce++
			}
		}
		if atOnce > max(step.MaxUnavailable, step.MaxSurge) {
			report("begins on %d nodes at once", atOnce)
		}
	}
	if p.Order != nil && p.Canary == nil && p.OneDomain == nil && p.DomainBudgets == nil && p.NodeSelector == nil && p.Partition == nil {
		for _, d := range step.Plan.Delete {
			for name, f := range facts {
				// Another node that might have been chosen in its place.
				other := f.begins() && f.outdatedAvailable && !slices.Contains(on, name) && !ignored[name] && f.outdated == 1
				if d.Reason == daemon.DeleteReasonOutdated && other && p.Order.By(s.Node(name), s.Node(d.Node)) < 0 {
					report("%s comes before %s", d.Node, name)
				}
			}
		}
	}
	return broken
}

// returns reports whether the outdated pod of a node is younger than every pod of the
// current template, as far as creation times say.
func returns(s *daemon.Snapshot, name string) bool {
	var pod *corev1.Pod
	for _, p := range s.Node(name).Pods {
		if !p.Terminating {
			pod = p.Pod
		}
	}
	some := false
	for _, n := range s.Nodes() {
		for _, p := range n.Pods {
			if !p.Terminating && p.Updated && !p.Pod.CreationTimestamp.IsZero() && p.Pod.CreationTimestamp.Before(&pod.CreationTimestamp) {
				some = true
			}
		}
	}
	return some
}

// TestSlowStartPromise creates the first pods of a cluster and counts them: as many as
// the intervals allow, and no more.
func TestSlowStartPromise(t *testing.T) {
	for seed := range property.Seeds(t, 25) {
		r := rand.New(rand.NewPCG(seed, 13))
		start := &rollout.SlowStart{Pods: 1 + r.IntN(4), Increase: r.IntN(3), Most: r.IntN(6), Interval: lasting(time.Duration(5+r.IntN(60)) * time.Second)}
		nodes := nodeNames(1 + r.IntN(30))
		g := &rig{t: t, policy: rollout.Policy{SlowStart: start}, in: daemon.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes(nodes...), Now: build.Now}}
		g.in.DaemonSet.CreationTimestamp = metav1.NewTime(build.Now)
		for len(g.in.Pods) < len(nodes) {
			result := g.pass()
			allowed := 0
			for i := range int(g.in.Now.Sub(build.Now)/start.Interval.Duration) + 1 {
				add := start.Pods + i*start.Increase
				if start.Most > 0 {
					add = min(add, start.Most)
				}
				allowed += add
			}
			if want := min(allowed, len(nodes)); len(g.in.Pods) != want {
				t.Fatalf("seed %d: %v: %d pods after %v, want %d", seed, start, len(g.in.Pods), g.in.Now.Sub(build.Now), want)
			}
			if len(g.in.Pods) < len(nodes) && result.Plan.RequeueAfter <= 0 {
				t.Fatalf("seed %d: %v: no time to look again", seed, start)
			}
			g.after(result.Plan.RequeueAfter)
		}
	}
}

// TestIgnorePromise has some nodes that are down and some whose pods do not end: all
// others are updated.
func TestIgnorePromise(t *testing.T) {
	policy := rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}, IgnoreStuckPods: &rollout.IgnoreAfter{After: lasting(30 * time.Second)}}
	for seed := range property.Seeds(t, 25) {
		r := rand.New(rand.NewPCG(seed, 17))
		g := newRig(t, build.Set{MaxUnavailable: fmt.Sprint(1 + r.IntN(3))}, policy, nodeNames(1+r.IntN(12))...)
		bad := 0
		for i, node := range g.in.Nodes {
			switch r.IntN(6) {
			case 0:
				bad++
				g.setReady(node.Name, false)
				g.in.Nodes[i] = build.Node{Name: node.Name, NotReady: time.Minute}.Object()
			case 1:
				bad++
				ended := metav1.NewTime(g.in.Now.Add(-time.Minute))
				g.change(node.Name, func(pod *corev1.Pod) { pod.DeletionTimestamp = &ended })
			}
		}
		if g.settle(); g.outdated() != bad || len(g.last.Policy.Ignored) != bad {
			t.Errorf("seed %d: %d outdated pods and %d ignored nodes at the end, want %d", seed, g.outdated(), len(g.last.Policy.Ignored), bad)
		}
	}
}
