package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
)

// TestStepsAreSync compares every simulated pass with a Sync of the same state:
// keeping the state up to date gives what looking at everything gives.
func TestStepsAreSync(t *testing.T) {
	states(t, 400, func(t *testing.T, r *rand.Rand, c *scenario.Cluster) {
		in := c.Input()
		in.BurstReplicas = r.IntN(4)
		if r.IntN(2) == 0 {
			if policy, err := rollout.NewPolicy(randomPieces(r)...); err == nil {
				in.Policy = policy
			}
		}
		world := rollout.World{
			Fate: func(node *corev1.Node, pod *corev1.Pod) rollout.Fate {
				switch len(pod.Name) % 4 {
				case 0:
					return rollout.Fate{FailsAfter: 5 * time.Second}
				case 1:
					return rollout.Fate{ReadyAfter: 3 * time.Second, FailsAfter: time.Minute}
				}
				return rollout.Fate{}
			},
			Termination: func(pod *corev1.Pod) time.Duration { return time.Duration(len(pod.Name)%3) * time.Second },
		}
		err := rollout.CompareSteps(in, world, func(got *rollout.Result, in rollout.Input) {
			want, err := rollout.Sync(in)
			if err != nil {
				t.Errorf("Sync() = %v", err)
				return
			}
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Errorf("simulated pass differs (-Sync +simulated):\n%s", diff)
			}
		})
		if err != nil && !strings.HasPrefix(err.Error(), "nothing to simulate") {
			t.Errorf("Steps() = %v", err)
		}
	})
}

// end plays a rollout to its end.
func end(t *testing.T, in rollout.Input, world rollout.World) *rollout.End {
	t.Helper()
	var last *rollout.End
	for pass, err := range rollout.Steps(in, world) {
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			t.Fatalf("pass %d comes after the end", pass.Number)
		}
		last = pass.End
	}
	if last == nil {
		t.Fatal("the last pass has no end")
	}
	return last
}

func TestStepsEnd(t *testing.T) {
	on := func(name string, fate rollout.Fate) rollout.World {
		return rollout.World{Fate: func(node *corev1.Node, _ *corev1.Pod) rollout.Fate {
			if node.Name == name {
				return fate
			}
			return rollout.Fate{}
		}}
	}
	second := "ip-10-0-1.compute.internal"
	for _, test := range []struct {
		name, why string
		surge     string
		outdated  int
		world     rollout.World
		finished  bool
		after     time.Duration
		lowest    int
		on        []string
	}{
		{
			name: "nothing to do", why: "one empty pass says so",
			finished: true, lowest: 4,
		}, {
			name: "healthy", why: "each of four nodes takes two seconds to end a pod and ten to start one",
			outdated: 4, finished: true, after: 48 * time.Second, lowest: 3,
		}, {
			name: "surge", why: "the new pod comes first, so that availability never drops",
			outdated: 4, surge: "1", finished: true, after: 40 * time.Second, lowest: 4,
		}, {
			name: "never ready", why: "the second node's new pod uses up the budget for good",
			outdated: 4, world: on(second, rollout.Fate{ReadyAfter: -1}), after: 12 * time.Second, lowest: 3,
			on: []string{second, "ip-10-0-2.compute.internal", "ip-10-0-3.compute.internal"},
		}, {
			name: "crashes for ever", why: "a pod that fails again and again is found out",
			outdated: 4, world: on(second, rollout.Fate{ReadyAfter: -1, FailsAfter: 5 * time.Second}), after: 12 * time.Second, lowest: 3,
			on: []string{second, "ip-10-0-2.compute.internal", "ip-10-0-3.compute.internal"},
		}, {
			name: "never ends", why: "a pod that does not terminate blocks the rest",
			outdated: 2, world: rollout.World{Termination: func(pod *corev1.Pod) time.Duration {
				if pod.Name == "agent-1" {
					return -1
				}
				return time.Second
			}},
			after: 11 * time.Second, lowest: 3,
			on: []string{second},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := cluster(t, 4, test.outdated)
			if test.surge != "" {
				update := in.DaemonSet.Spec.UpdateStrategy.RollingUpdate
				none, surge := intstr.FromInt32(0), intstr.Parse(test.surge)
				update.MaxUnavailable, update.MaxSurge = &none, &surge
			}
			got := end(t, in, test.world)
			if got.Finished != test.finished || got.Time.Sub(in.Now) != test.after || got.LowestAvailable != test.lowest {
				t.Errorf("end = finished %v after %v with at least %d, want %v after %v with %d (%s)", got.Finished, got.Time.Sub(in.Now),
					got.LowestAvailable, test.finished, test.after, test.lowest, test.why)
			}
			var on []string
			for _, n := range got.On {
				on = append(on, n.Node)
			}
			if diff := cmp.Diff(test.on, on); diff != "" {
				t.Errorf("stuck on (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEndString names the first nodes only.
func TestEndString(t *testing.T) {
	in := cluster(t, 14, 14)
	paused, err := rollout.NewPolicy(rollout.Pause{})
	if err != nil {
		t.Fatal(err)
	}
	in.Policy = paused
	lines := strings.Split(end(t, in, rollout.World{}).String(), "\n")
	want := []string{
		"  and 4 more nodes", "update waits: 14 desired, 14 outdated; maxUnavailable 1, 0 unavailable", "held back: 14 by pause",
	}
	if diff := cmp.Diff(want, lines[min(11, len(lines)):]); diff != "" {
		t.Errorf("String() behind ten nodes (-want +got):\n%s", diff)
	}
	if got := (*rollout.End)(nil).String(); got != "not at its end" {
		t.Errorf("String() of no end = %q", got)
	}
}

// TestEndAfter goes on from where rollouts ended: there is nothing left to do, and what
// was finished is.
func TestEndAfter(t *testing.T) {
	finished := 0
	states(t, 400, func(t *testing.T, r *rand.Rand, c *scenario.Cluster) {
		in := c.Input()
		for round := range 2 {
			var last *rollout.End
			for pass, err := range rollout.Steps(in, rollout.World{}) {
				if err != nil {
					return // nothing to simulate
				}
				if last = pass.End; round == 1 && pass.End == nil {
					t.Errorf("goes on with %v", pass)
					return
				}
			}
			if !last.Last.Empty() || !last.Finished {
				return
			}
			in = last.After
			finished++
		}
	})
	if finished < 400 {
		t.Errorf("only %d ends were finished", finished)
	}
}

// TestPassWaitsFor follows one node's update.
func TestPassWaitsFor(t *testing.T) {
	in := newTemplate(t, build.Set{MinReady: 5}, build.Nodes("a", "b"))
	var got []string
	for pass, err := range rollout.Steps(in, rollout.World{}) {
		if err != nil {
			t.Fatal(err)
		}
		line := pass.Time.Format("15:04:05")
		for _, b := range pass.WaitsFor() {
			line += fmt.Sprintf(" %s: %v", b.Node, b.Reason)
		}
		if len(got) == 0 || got[len(got)-1] != line {
			got = append(got, line)
		}
		if pass.Time.Sub(in.Now) > 20*time.Second {
			break
		}
	}
	want := []string{
		"12:00:00 a: terminating",
		"12:00:02 a: not ready yet",
		"12:00:12 a: ready, but not for long enough",
		"12:00:17 b: terminating",
		"12:00:19 b: not ready yet",
		"12:00:29 b: ready, but not for long enough",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("WaitsFor() (-want +got):\n%s", diff)
	}
}

// TestStepsInCircles has rollouts that never come to rest: they are ended.
func TestStepsInCircles(t *testing.T) {
	// A pod that is ready since no known time is never available, and has the
	// controller look again after minReadySeconds for ever.
	timeless := newTemplate(t, build.Set{MinReady: 5}, build.Nodes("a", "b"))
	timeless.Pods[0].Status.Conditions[1].LastTransitionTime.Reset()
	keep, err := rollout.NewPolicy(rollout.Pause{})
	if err != nil {
		t.Fatal(err)
	}
	timeless.Policy = keep
	// The current revision cannot be told by a hash, so that no pod is ever updated.
	unlabelled := newTemplate(t, build.Set{}, build.Nodes("a", "b"))
	current, err := rollout.Revisions(unlabelled.DaemonSet, unlabelled.Revisions, unlabelled.Pods)
	if err != nil {
		t.Fatal(err)
	}
	foreign := current.Create.DeepCopy()
	foreign.Labels, foreign.OwnerReferences = nil, build.Owner(build.Set{Name: "other"}.Object())
	unlabelled.Revisions = append(unlabelled.Revisions, foreign)
	for name, in := range map[string]rollout.Input{"timeless": timeless, "unlabelled": unlabelled} {
		passes := 0
		for pass, err := range rollout.Steps(in, rollout.World{}) {
			if passes++; err != nil || passes > 20_000 {
				t.Fatalf("%s: %d passes, %v", name, passes, err)
			}
			if pass.End != nil && pass.End.Finished {
				t.Errorf("%s: %v, want it stuck", name, pass.End)
			}
		}
	}
}

// TestStepsManyPassesAtOnce has many passes that bring nothing nearer to its end, and
// one that does: they are no circles.
func TestStepsManyPassesAtOnce(t *testing.T) {
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("n%02d", i))
	}
	in := rollout.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes(names...), Now: build.Now, BurstReplicas: 1}
	world := rollout.World{Fate: func(*corev1.Node, *corev1.Pod) rollout.Fate { return rollout.Fate{ReadyAfter: time.Hour} }}
	if got := end(t, in, world); !got.Finished || got.Passes < 40 {
		t.Errorf("Steps() ends with %v, want it finished", got)
	}
}

// TestStepsSnapshot holds what each pass shows against what it writes: it is the
// cluster after the writes and before time moves on.
func TestStepsSnapshot(t *testing.T) {
	passes, last := 0, -1
	for pass, err := range rollout.Steps(newTemplate(t, build.Set{MaxUnavailable: "2"}, build.Nodes("a", "b", "c")), rollout.World{}) {
		if err != nil {
			t.Fatal(err)
		}
		passes++
		s := pass.Result.Snapshot
		if !s.Now().Equal(pass.Time) {
			t.Errorf("pass %d is at %v, its snapshot at %v", pass.Number, pass.Time, s.Now())
		}
		terminating, available := map[string]bool{}, 0
		pods := map[string]int{}
		for _, n := range s.Nodes() {
			for _, p := range n.Pods {
				pods[n.Name]++
				terminating[p.Pod.Name] = p.Terminating
				if p.Available && !p.Terminating {
					available++
				}
			}
		}
		for _, d := range pass.Result.Plan.Delete {
			if !terminating[d.Pod.Name] {
				t.Errorf("pass %d deletes %s, its snapshot does not show it", pass.Number, d.Pod.Name)
			}
		}
		for _, c := range pass.Result.Plan.Create {
			if pods[c.Node] != 1 {
				t.Errorf("pass %d creates a pod on %s, its snapshot has %d", pass.Number, c.Node, pods[c.Node])
			}
		}
		if available != pass.Available {
			t.Errorf("pass %d has %d available, its snapshot %d", pass.Number, pass.Available, available)
		}
		if pass.End != nil {
			last = pass.Number
			if !pass.Result.Empty() || pass.End.Last != pass.Result || pass.End.Passes != pass.Number {
				t.Errorf("the last pass is %v with end %v", pass, pass.End)
			}
		} else if pass.Number != passes || pass.Result.Empty() {
			t.Errorf("pass %d comes as number %d and writes %v", passes, pass.Number, pass.Result)
		}
	}
	if last != passes-1 || passes < 5 {
		t.Errorf("%d passes, the last is number %d", passes, last)
	}
}

// BenchmarkSteps plays whole rollouts over clusters of growing size: the time for a
// node stays the same. Under a policy a pass that gets to an update step looks at
// every node, so that there it is rollouts in many small steps that take longer.
func BenchmarkSteps(b *testing.B) {
	for _, nodes := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("1%%/%d", nodes), func(b *testing.B) { benchmarkSteps(b, nodes, "1%") })
	}
	b.Run("1/5000", func(b *testing.B) { benchmarkSteps(b, 5_000, "1") })
	for _, piece := range []rollout.Piece{
		rollout.StrictBudget{},
		rollout.OneDomain{Label: zones},
		rollout.Order{By: []rollout.Compare{rollout.OldestPodFirst}},
		rollout.Canary{Nodes: intstr.FromString("1%"), Wait: time.Minute},
	} {
		b.Run(fmt.Sprintf("1/5000/%v", piece), func(b *testing.B) { benchmarkSteps(b, 5_000, "1", piece) })
		b.Run(fmt.Sprintf("1%%/100000/%v", piece), func(b *testing.B) { benchmarkSteps(b, 100_000, "1%", piece) })
	}
}

func benchmarkSteps(b *testing.B, nodes int, maxUnavailable string, pieces ...rollout.Piece) {
	in := cluster(b, nodes, nodes)
	budget := intstr.Parse(maxUnavailable)
	in.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &budget
	policy, err := rollout.NewPolicy(pieces...)
	if err != nil {
		b.Fatal(err)
	}
	in.Policy = policy
	b.ResetTimer()
	for range b.N {
		for pass, err := range rollout.Steps(in, rollout.World{}) {
			if err != nil {
				b.Fatal(err)
			}
			if pass.End != nil && !pass.End.Finished {
				b.Fatal(pass.End)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
}
