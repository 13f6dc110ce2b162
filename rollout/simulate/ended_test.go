package simulate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// newPods gives the pods of build.Set's template other times.
func newPods(times simulate.PodTimes) simulate.Options {
	return simulate.Options{PodTimes: func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
		if len(pod.Spec.Containers) > 0 && pod.Spec.Containers[0].Image == "agent:1" {
			return times
		}
		return simulate.PodTimes{}
	}}
}

// TestRunEndsBeforeLaterFailures: a rollout that has been complete for health.DefaultPatience is
// complete, although its pods crash or fail later. Its End is that of pods that never do.
func TestRunEndsBeforeLaterFailures(t *testing.T) {
	// Three nodes are complete 36 seconds after the beginning; the first new pod is then 34
	// seconds old, the last one ten.
	const took, first, last = 36 * time.Second, 34 * time.Second, 10 * time.Second
	in := backFrom("agent:0", build.Nodes("a", "b", "c")...)
	want := settle(t, in, simulate.Options{})
	if want.State != simulate.EndComplete || want.Took != took {
		t.Fatalf("Run() = %v, took %v, want it complete after %v", want, want.Took, took)
	}
	for _, tc := range []struct {
		name, why string
		times     simulate.PodTimes
		state     simulate.EndState
	}{
		{"crash in twelve hours", "that is another story", simulate.PodTimes{CrashesAfter: 12 * time.Hour}, simulate.EndComplete},
		{"fail in a day", "that is another story", simulate.PodTimes{FailsAfter: 24 * time.Hour}, simulate.EndComplete},
		{"crash in ten minutes", "to the second", simulate.PodTimes{CrashesAfter: health.DefaultPatience + first}, simulate.EndComplete},
		{"fail in ten minutes", "to the second", simulate.PodTimes{FailsAfter: health.DefaultPatience + first}, simulate.EndComplete},
		{"crash before", "the same again and again", simulate.PodTimes{CrashesAfter: health.DefaultPatience + last - 1}, simulate.EndStalled},
		{"fail before", "the same again and again", simulate.PodTimes{FailsAfter: health.DefaultPatience + last - 1}, simulate.EndStalled},
		{"crash in a minute", "the same again and again", simulate.PodTimes{CrashesAfter: time.Minute}, simulate.EndStalled},
		{"fail in a minute", "the same again and again", simulate.PodTimes{FailsAfter: time.Minute}, simulate.EndStalled},
	} {
		got := settle(t, in, newPods(tc.times))
		if got.State != tc.state {
			t.Errorf("%s: Run() = %v, want it %v: %s", tc.name, got, tc.state, tc.why)
		}
		if tc.state != simulate.EndComplete {
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: Run() (-without failures +with): %s:\n%s", tc.name, tc.why, diff)
		}
	}
}

// TestRunEndsAfterAnInterruption: a pod that fails once within health.DefaultPatience is a part of
// the rollout. The ten minutes begin again.
func TestRunEndsAfterAnInterruption(t *testing.T) {
	in := backFrom("agent:0", build.Nodes("a", "b", "c")...)
	once := map[string]time.Duration{"agent-1": 6 * time.Minute, "agent-4": 9 * time.Minute, "agent-5": 12 * time.Minute}
	opts := simulate.Options{PodTimes: func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
		return simulate.PodTimes{FailsAfter: once[pod.Name]}
	}}
	end := settle(t, in, opts)
	// Bound after 2 s, agent-1 fails after 6 minutes; agent-4 comes at once and fails 9 minutes later.
	const took = 2*time.Second + 15*time.Minute + simulate.DefaultReadyAfter
	if end.State != simulate.EndComplete || end.Took != took || end.After.Now.Sub(end.Time) != health.DefaultPatience {
		t.Errorf("Run() = %v, took %v until %v, want it complete after %v: agent-5 fails later", end, end.Took, end.After.Now.Sub(in.Now), took)
	}
}

// TestRunMovesTheClock: a Run that ends as complete moves the clock to the end of the ten minutes,
// and the cluster can go on. Another Run finds them over.
func TestRunMovesTheClock(t *testing.T) {
	c, err := simulate.NewCluster(backFrom("agent:0", build.Nodes("a")...), newPods(simulate.PodTimes{CrashesAfter: 12 * time.Hour}))
	if err != nil {
		t.Fatal(err)
	}
	ds := build.Set{}.Object()
	end := settleCluster(t, c)[0]
	if end.State != simulate.EndComplete || c.Now().Sub(end.Time) != health.DefaultPatience || !end.After.Now.Equal(c.Now()) {
		t.Errorf("Settle() = %v, and the clock is at %v, want it ten minutes after the rollout", end, c.Now())
	}
	if again := settleCluster(t, c)[0]; again.State != simulate.EndComplete || again.Passes != 0 || again.Took != 0 || c.Now().Sub(end.Time) != health.DefaultPatience {
		t.Errorf("Settle() again = %v at %v, want it complete from the beginning", again, c.Now())
	}
	if err := c.Advance(12 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if status := c.Input(ds).Pods[0].Status.ContainerStatuses; len(status) != 1 || status[0].RestartCount != 1 {
		t.Errorf("statuses after twelve hours = %+v, want one restart", status)
	}
	ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
	apply(t, c, ds)
	if end := settleCluster(t, c)[0]; end.State != simulate.EndComplete || end.Passes == 0 || end.After.Pods[0].Spec.Containers[0].Image != "agent:2" {
		t.Errorf("Settle() after another change = %v, want it complete", end)
	}
}

// TestRunOfSeveralEndsEach: a Run goes on until each DaemonSet has ended. What becomes of one that
// was complete for ten minutes is not in its End, and its passes go on.
func TestRunOfSeveralEndsEach(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		// body is called for every pass, with the DaemonSet that ends first.
		body   func(*testing.T, *simulate.Cluster, *simulate.Pass, *appsv1.DaemonSet)
		state  simulate.EndState
		passes bool // The End has all passes.
	}{
		{"undisturbed", "agent is complete before its pods fail", nil, simulate.EndComplete, false},
		{"another template", "its rollout begins anew, and its pods cannot become ready",
			func(t *testing.T, c *simulate.Cluster, _ *simulate.Pass, agent *appsv1.DaemonSet) {
				if c.Input(agent).DaemonSet.Generation == 1 && c.Now().Sub(build.Now) > 30*time.Minute {
					agent = agent.DeepCopy()
					agent.Spec.Template.Spec.Containers[0].Image = "broken"
					apply(t, c, agent)
				}
			}, simulate.EndStalled, true},
		{"an outdated pod", "its rollout goes on",
			func(t *testing.T, c *simulate.Cluster, _ *simulate.Pass, agent *appsv1.DaemonSet) {
				if now := c.Now().Sub(build.Now); now > 11*time.Minute && now < 13*time.Minute {
					for _, pod := range c.Input(agent).Pods {
						if pod.Labels["app"] == "agent" && pod.Spec.NodeName == "a" {
							pod = pod.DeepCopy()
							pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "older"
							apply(t, c, pod)
						}
					}
				}
			}, simulate.EndComplete, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			agent, proxy := build.Set{}.Object(), build.Set{Name: "proxy", Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "proxy"}}}}.Object()
			c, err := simulate.NewCluster(daemon.Input{DaemonSet: agent, Nodes: build.Nodes("a", "b"), Now: build.Now}, simulate.Options{
				PodTimes: func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
					switch image := pod.Spec.Containers[0].Image; {
					case image == "broken":
						return simulate.PodTimes{ReadyAfter: -1}
					case image == "proxy" && pod.Spec.NodeName == "a":
						return simulate.PodTimes{ReadyAfter: 12 * time.Minute}
					case image == "proxy":
						return simulate.PodTimes{ReadyAfter: 3 * time.Hour}
					case tc.body != nil:
						return simulate.PodTimes{}
					}
					return simulate.PodTimes{FailsAfter: 20 * time.Minute}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			apply(t, c, proxy)
			passes := map[string]int{}
			ends := map[string]*simulate.End{}
			for pass, err := range c.Run() {
				if err != nil {
					t.Fatal(err)
				}
				if pass.End != nil {
					ends[pass.DaemonSet.Name] = pass.End
					continue
				}
				passes[pass.DaemonSet.Name]++
				if pass.Number != passes[pass.DaemonSet.Name] {
					t.Errorf("pass %d of %s has number %d", passes[pass.DaemonSet.Name], pass.DaemonSet.Name, pass.Number)
				}
				if tc.body != nil {
					tc.body(t, c, pass, agent)
				}
			}
			if got := ends["proxy"]; got == nil || got.State != simulate.EndComplete || got.Took != 3*time.Hour {
				t.Errorf("proxy: Run() = %v, want it complete after three hours", got)
			}
			got := ends["agent"]
			if got == nil || got.State != tc.state || (got.Passes == passes["agent"]) != tc.passes {
				t.Fatalf("agent: Run() = %v, with %d passes, want it %v, and all passes in it: %v: %s", got, passes["agent"], tc.state, tc.passes, tc.why)
			}
			if tc.body != nil {
				return
			}
			if got.Took != simulate.DefaultReadyAfter || got.LowestAvailable != 0 || got.After.Now.Sub(build.Now) > 20*time.Minute || got.PeakPods != 2 {
				t.Errorf("agent: Run() = %v, took %v until %v, at most %d pods, want the rollout alone", got, got.Took, got.After.Now.Sub(build.Now), got.PeakPods)
			}
			// The snapshot is still that of the last pass, although the controller has gone on.
			if !rollout.Complete(got.Last.Snapshot, got.Last.Policy) || got.Last.Snapshot.Now().After(got.After.Now) || passes["agent"] <= got.Passes {
				t.Errorf("agent: Last is of %v, complete %v, and %d of %d passes are in it, want the pass of the end",
					got.Last.Snapshot.Now(), rollout.Complete(got.Last.Snapshot, got.Last.Policy), got.Passes, passes["agent"])
			}
			if failed := c.Input(agent); len(failed.Pods) != 4 {
				t.Errorf("pods = %v, want one of each DaemonSet on each node", show(failed))
			}
		})
	}
}

// TestRunWaitsForTheTrial: a complete rollout may still be rolled back while its canary is on trial.
func TestRunWaitsForTheTrial(t *testing.T) {
	in := backFrom("agent:0", build.Nodes("a")...)
	hour := metav1.Duration{Duration: time.Hour}
	for _, tc := range []struct {
		name, why string
		canary    rollout.Canary
		rollback  bool
	}{
		{"passes before", "the crash comes too late", rollout.Canary{Wait: metav1.Duration{Duration: time.Minute}, FailRestarts: 1}, false},
		{"fails", "the node is available for half an hour before it crashes", rollout.Canary{Wait: hour, FailRestarts: 1, PauseRestarts: -1}, true},
	} {
		tc.canary.Nodes = intstr.FromInt32(1)
		opts := newPods(simulate.PodTimes{CrashesAfter: 30 * time.Minute})
		opts.Policy.Canary = &tc.canary
		end := settle(t, in, opts)
		if end.State != simulate.EndComplete || (end.Rollback != nil) != tc.rollback {
			t.Errorf("%s: Run() = %v, rollback %v, want it complete, rollback %v: %s", tc.name, end, end.Rollback != nil, tc.rollback, tc.why)
		}
	}
}

// TestRunSeesInterruptionsOfCallers: a loop moves the clock over a failure. The ten minutes count from
// when the rollout was complete again.
func TestRunSeesInterruptionsOfCallers(t *testing.T) {
	once := map[string]time.Duration{"agent-1": 8 * time.Minute, "agent-2": 9 * time.Minute}
	c, err := simulate.NewCluster(backFrom("agent:0", build.Nodes("a")...), simulate.Options{
		PodTimes: func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
			return simulate.PodTimes{FailsAfter: once[pod.Name]}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const took = 2*time.Second + 17*time.Minute + simulate.DefaultReadyAfter
	moved := false
	for pass, err := range c.Run() {
		if err != nil {
			t.Fatal(err)
		}
		if !moved && pass.Available == 1 {
			moved = true
			if err := c.Advance(15 * time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if end := pass.End; end != nil && (end.State != simulate.EndComplete || end.Took != took) {
			t.Errorf("Run() = %v, took %v, moved %v, want it complete after %v", end, end.Took, moved, took)
		}
	}
}

// TestRunIsNotCompleteByChance: a container crashes again and again. Wherever the policy allows to cut
// that off, such as just when all pods are ready, the Run is stalled.
func TestRunIsNotCompleteByChance(t *testing.T) {
	for wait := 20 * time.Minute; wait < 40*time.Minute; wait += 5 * time.Second {
		in := daemon.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes("a", "b"), Now: build.Now}
		// A pod of somebody else never ends, and may be ignored some time.
		other := build.Pod{Name: "other", Node: "b"}.Of(build.Set{Name: "other"}.Object())
		other.DeletionTimestamp = &metav1.Time{Time: build.Now.Add(-time.Second)}
		in.Pods = []*corev1.Pod{other}
		opts := onNode("a", simulate.PodTimes{CrashesAfter: 7 * time.Minute, ReadyAfter: 3 * time.Minute})
		opts.Policy.IgnoreStuckPods = &rollout.IgnoreAfter{After: metav1.Duration{Duration: wait}}
		if end := settle(t, in, opts); end.State != simulate.EndStalled || len(end.Incomplete) == 0 {
			t.Errorf("Run() = %v with a policy that waits %v, want it stalled", end, wait)
		}
	}
}

// TestLateFailuresChangeNoEnd plays arbitrary clusters in which all pods fail in some months: what is
// complete without that is so with it, in all figures.
func TestLateFailuresChangeNoEnd(t *testing.T) {
	complete := 0
	for seed := range property.Seeds(t, 100) {
		in := scenario.Random(rand.New(rand.NewPCG(seed, 47)))
		want := settle(t, in, simulate.Options{})
		if want.State != simulate.EndComplete || len(want.After.Pods) == 0 {
			continue
		}
		complete++
		for _, times := range []simulate.PodTimes{{FailsAfter: 3000 * time.Hour}, {CrashesAfter: 3000 * time.Hour}} {
			if diff := cmp.Diff(want, settle(t, in, always(times))); diff != "" {
				t.Fatalf("seed %d: Run() (-without failures +with %+v):\n%s", seed, times, diff)
			}
		}
	}
	if complete < 25 {
		t.Errorf("only %d clusters are complete", complete)
	}
}

// TestEndTimeOfACanary: a rollout waits for a decision since its canary has paused, which is later than
// its last progress.
func TestEndTimeOfACanary(t *testing.T) {
	in := backFrom("agent:0", build.Nodes("a", "b", "c")...)
	opts := newPods(simulate.PodTimes{ReadyAfter: -1})
	opts.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), PauseStarting: metav1.Duration{Duration: 30 * time.Minute}}
	end := settle(t, in, opts)
	if end.State != simulate.EndWaiting || end.Took != 30*time.Minute+2*time.Second || !end.Time.Equal(in.Now.Add(end.Took)) {
		t.Errorf("Run() = %v, took %v, want it to wait since the canary paused, 30 minutes after its pod came", end, end.Took)
	}
	opts = newPods(simulate.PodTimes{})
	opts.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true, Wait: metav1.Duration{Duration: time.Hour}}
	const ready = 12 * time.Second
	if end := settle(t, in, opts); end.State != simulate.EndWaiting || end.Took != ready+time.Hour {
		t.Errorf("Run() = %v, took %v, want it to wait since the canary passed after %v", end, end.Took, ready+time.Hour)
	}
}

// TestEndStringSaysHowLong: the time of a clock means nothing on a cluster that was given none. How
// long a rollout takes always means something.
func TestEndStringSaysHowLong(t *testing.T) {
	at := time.Date(2026, 1, 4, 0, 0, 34, 0, time.UTC)
	for _, tc := range []struct {
		name, why string
		end       simulate.End
		want      string // behind the state
	}{
		{"time", "no clock", simulate.End{Time: at, Took: 34 * time.Second, Passes: 7, LowestAvailable: 1, LowestOf: 3}, " after 34s (7 passes, at least 1 of 3 available)"},
		{"days", "no date", simulate.End{Time: at, Took: 72*time.Hour + 34*time.Second, Passes: 7, LowestAvailable: 1, LowestOf: 3}, " after 72h0m34s (7 passes, at least 1 of 3 available)"},
		{"one pass", "which makes no progress", simulate.End{Time: at, Passes: 1, LowestAvailable: 2, LowestOf: 3}, " from the start (1 pass, at least 2 of 3 available)"},
		{"no pass", "there is only one moment", simulate.End{Time: at, LowestAvailable: 3, LowestOf: 3}, " from the start (3 of 3 available)"},
		{"no pods", "0 of 0 says nothing", simulate.End{Time: at, Passes: 1}, " from the start (1 pass, no pod is desired)"},
	} {
		for _, state := range []simulate.EndState{simulate.EndComplete, simulate.EndStalled, simulate.EndWaiting} {
			tc.end.State = state
			if got := tc.end.String(); got != state.String()+tc.want {
				t.Errorf("%s: String() = %q, want %q: %s", tc.name, got, state.String()+tc.want, tc.why)
			}
		}
	}
}

// TestEndStringOfNodesThatJoin: a rollout that began without nodes has had 0 of 0 pods available, and
// does not end without pods.
func TestEndStringOfNodesThatJoin(t *testing.T) {
	c := &simulate.Cluster{}
	apply(t, c, build.Set{}.Object())
	for pass, err := range c.Run() {
		if err != nil {
			t.Fatal(err)
		}
		if pass.Number == 1 && pass.End == nil {
			apply(t, c, build.Node{Name: "w1"}.Object())
		}
		if want := "complete after 10s (4 passes)"; pass.End != nil && pass.End.String() != want {
			t.Errorf("String() = %v, want %s", pass.End, want)
		}
	}
}

// withImage returns the DaemonSet of build.Set with another image.
func withImage(image string) *appsv1.DaemonSet {
	ds := build.Set{}.Object()
	ds.Spec.Template.Spec.Containers[0].Image = image
	return ds
}

// TestPodsHaveAged: pods of a rollout that has ended are old enough for a next version with longer
// minReadySeconds. Pods that are too young count as unavailable, and upstream's rule replaces them
// all at once (rollingUpdate@v1.37.2).
func TestPodsHaveAged(t *testing.T) {
	old := build.Set{}.Object()
	next := withImage("agent:2")
	next.Spec.MinReadySeconds, next.Generation = 30, 2
	nodes := build.Nodes("a", "b", "c", "d", "e", "f")
	careful := func(how string, end *simulate.End) {
		t.Helper()
		if end.State != simulate.EndComplete || end.LowestAvailable != 5 {
			t.Errorf("%s: Settle() = %v, want five of six available all the time", how, end)
		}
	}
	before := settle(t, daemon.Input{DaemonSet: old, Nodes: nodes, Now: build.Now}, simulate.Options{})
	if age := before.After.Now.Sub(before.Time); age != health.DefaultPatience {
		t.Errorf("Settle(): After is %v after the end, want %v", age, health.DefaultPatience)
	}

	in := before.After
	in.DaemonSet = next
	careful("End.After", settle(t, in, simulate.Options{}))

	impact, err := simulate.WhatIf(before.After, simulate.Proposal{DaemonSet: next}, simulate.Options{})
	if err != nil || len(impact.Delete) != 1 {
		t.Errorf("WhatIf() = %v, %v, want one pod deleted in the first pass", impact, err)
	}

	var c simulate.Cluster
	apply(t, &c, old)
	for _, node := range nodes {
		apply(t, &c, node)
	}
	settleCluster(t, &c)
	apply(t, &c, next)
	careful("Cluster", settleCluster(t, &c)[0])

	// No pod is too young either if nothing but minReadySeconds is raised.
	longer := withImage("agent:2")
	longer.Spec.MinReadySeconds, longer.Generation = int32(health.DefaultPatience/time.Second), 3
	apply(t, &c, longer)
	if end := settleCluster(t, &c)[0]; end.State != simulate.EndComplete || end.LowestAvailable != 6 {
		t.Errorf("longer minReadySeconds: Settle() = %v, want all available", end)
	}
}

// TestEndsShareLists: rollouts that end at the same moment list nodes and pods once, so that many
// DaemonSets in a namespace cost no more than their pods.
func TestEndsShareLists(t *testing.T) {
	const sets = 20
	c := &simulate.Cluster{}
	objects := []metav1.Object{build.Node{Name: "a"}.Object(), build.Node{Name: "b"}.Object()}
	for i := range sets {
		objects = append(objects, build.Set{Name: fmt.Sprint("set-", i)}.Object())
	}
	if err := c.Apply(objects...); err != nil {
		t.Fatal(err)
	}
	ends, err := c.Settle()
	if err != nil || len(ends) != sets {
		t.Fatalf("Settle() = %v, %v, want %d ends", ends, err, sets)
	}
	first := &ends[0].After
	for i, end := range ends {
		if len(end.After.Pods) != 2*sets || &end.After.Pods[0] != &first.Pods[0] || &end.After.Nodes[0] != &first.Nodes[0] {
			t.Errorf("end %d has %d pods, in the list of the first end: %v, want all %d in one list",
				i, len(end.After.Pods), &end.After.Pods[0] == &first.Pods[0], 2*sets)
		}
		if more := append(end.After.Pods, nil); &more[0] == &first.Pods[0] {
			t.Errorf("to append to the list of end %d changes that of others", i)
		}
	}
}
