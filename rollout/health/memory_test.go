package health_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// stored returns a memory after it was stored as JSON.
func stored(t *testing.T, m health.Memory) (out health.Memory) {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, out); diff != "" {
		t.Fatalf("the memory does not survive JSON (-before +after):\n%s", diff)
	}
	return out
}

// completeMemory is the memory of the nodes w1 to w3, complete an hour ago.
func completeMemory(t *testing.T) health.Memory {
	t.Helper()
	return stored(t, assess(t, assessCase{pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3")}}).Memory)
}

// TestAssessComplete: the rollout was complete in the assessment before.
func TestAssessComplete(t *testing.T) {
	before := completeMemory(t)
	opts := health.Options{Memory: before}
	other := before
	other.RevisionHash = "other"
	recreated := before
	recreated.UID = "uid-before"
	reboots := func(d time.Duration) []*corev1.Pod {
		return []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(d))}
	}
	fails := before
	fails.Nodes = []health.NodeMemory{{
		Node: "w3", Pod: "before", Replaced: 5, LastReplaced: metav1.NewTime(build.Now), FailingSince: metav1.NewTime(build.Now.Add(-40 * time.Minute)),
	}}
	never := before
	never.Nodes = slices.Clone(fails.Nodes)
	never.Nodes[0].FailingSince = metav1.NewTime(build.Now.Add(-51 * time.Minute))
	const unready = "w3 (new-w3: not ready: containers with unready status: [main])"
	failing := func(since string) string {
		return strings.TrimSuffix(unready, ")") + "; pods keep failing since 2026-01-01T" + since + "Z)"
	}
	testAssess(t, []assessCase{
		{
			name: "still complete", why: "nothing has happened", opts: opts,
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3")},
			want: "complete since 2026-01-01T11:00:00Z: 3 of 3 nodes complete",
		}, {
			name: "available again", why: "the rollout is complete since the same time", opts: opts,
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podMade(time.Minute))},
			want: "complete since 2026-01-01T11:00:00Z: 3 of 3 nodes complete",
		}, {
			name: "unavailable for a minute", why: "no rollout has begun", opts: opts, pods: reboots(time.Minute),
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: " + unready,
			blockers: []string{"w3: not ready since -1m0s"},
		}, {
			name: "unavailable for an hour", why: "no rollout is stalled", opts: opts, pods: reboots(time.Hour),
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: " + unready,
			blockers: []string{"w3: not ready since -1h0m0s"},
		}, {
			name: "two unavailable", why: "both are named, the crash first", opts: opts,
			pods: []*corev1.Pod{newAgent("w1", podUnready(time.Minute)), newAgent("w2"), newAgent("w3", podUnready(time.Minute), podWaits("CrashLoopBackOff", ""))},
			want: "complete since 2026-01-01T11:00:00Z: 2 of 3 nodes unavailable: w3 (new-w3: container main keeps crashing: CrashLoopBackOff, 0 restarts), " +
				"w1 (new-w1: not ready: containers with unready status: [main])",
			blockers: []string{"w1: not ready since -1m0s", "w3: container crashes since -1h0m0s"},
		}, {
			name: "drained", why: "the pod is replaced by one of the same template", opts: opts,
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2")},
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: w3 (no pod); 1 to create now",
			blockers: []string{"w3: no pod"},
		}, {
			name: "a node joins", why: "its first pod is of the template that is complete", opts: opts,
			nodes:    build.Nodes("w1", "w2", "w3", "w4"),
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3")},
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 4 nodes unavailable: w4 (no pod); 1 to create now",
			blockers: []string{"w4: no pod"},
		}, {
			name: "frozen", why: "the policy keeps the node without a pod", opts: health.Options{Memory: before, Policy: rollout.Policy{Frozen: true}},
			pods:     []*corev1.Pod{newAgent("w1"), newAgent("w2")},
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: w3 (no pod); held back: 1 by freeze",
			blockers: []string{"w3: no pod"},
		}, {
			name: "OnDelete", why: "nobody has to delete a pod", set: build.Set{OnDelete: true}, opts: opts, pods: reboots(time.Hour),
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: " + unready,
			blockers: []string{"w3: not ready since -1h0m0s"},
		}, {
			name: "generation", why: "it is the same template", set: build.Set{MaxUnavailable: "2", Generation: 9}, opts: opts, pods: reboots(time.Hour),
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: " + unready,
			blockers: []string{"w3: not ready since -1h0m0s"},
		}, {
			name: "fails again and again", why: "it was complete for 20 minutes before", opts: health.Options{Memory: fails}, pods: reboots(time.Minute),
			want:     "complete since 2026-01-01T11:00:00Z: 1 of 3 nodes unavailable: " + failing("11:20:00"),
			blockers: []string{"w3: not ready since -1m0s"},
		}, {
			name: "fails from the beginning", why: "nine minutes are not enough to be complete", opts: health.Options{Memory: never}, pods: reboots(time.Minute),
			want:     "stalled since 2026-01-01T11:09:00Z: 2 of 3 nodes complete; not complete: " + failing("11:09:00") + doubt,
			blockers: []string{"w3: not ready since -1m0s"},
		}, {
			name: "an old pod comes back", why: "it has to be replaced, so the rollout is not complete", opts: opts,
			pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), oldAgent("w3")},
			want: "progressing: 2 of 3 nodes complete; 1 to delete now",
		}, {
			name: "another revision", why: "a rollout has begun since", opts: health.Options{Memory: other}, pods: reboots(time.Hour),
			want:     "progressing: 2 of 3 nodes complete; not complete: " + unready,
			blockers: []string{"w3: not ready since -1h0m0s"},
		}, {
			name: "another DaemonSet", why: "of this one nothing is known", opts: health.Options{Memory: recreated}, pods: reboots(time.Hour),
			want:     "stalled since 2026-01-01T11:00:00Z: 2 of 3 nodes complete; not complete: " + unready + doubt,
			blockers: []string{"w3: not ready since -1h0m0s"},
		}, {
			name: "no memory", why: "nothing is known", pods: reboots(time.Minute),
			want:     "progressing: 2 of 3 nodes complete; not complete: " + unready + doubt,
			blockers: []string{"w3: not ready since -1m0s"},
		}, {
			name: "no memory, outdated pods", why: "that is a rollout", pods: []*corev1.Pod{newAgent("w1"), oldAgent("w2"), newAgent("w3", podUnready(time.Minute))},
			want:     "progressing: 1 of 3 nodes complete; maxUnavailable 1 is used by " + unready,
			blockers: []string{"w3: not ready since -1m0s"},
		}, {
			name: "deleting", why: "that is the state, whatever was before", set: build.Set{Deleting: true}, opts: opts, pods: reboots(time.Minute), want: "deleting",
		},
	})
}

// TestMemoryOfRollout: what was a rollout once does not become a possible disruption, and is
// complete only when all nodes are.
func TestMemoryOfRollout(t *testing.T) {
	var memory health.Memory
	for _, step := range []struct {
		name, why string
		pods      []*corev1.Pod
		state     health.State
		maybe     bool
		complete  bool
	}{
		{"one to update", "it is a rollout", []*corev1.Pod{newAgent("w1"), newAgent("w2"), oldAgent("w3")}, health.StateProgressing, false, false},
		{"all updated", "it still is", []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(time.Minute))}, health.StateProgressing, false, false},
		{"complete", "all are available", []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3")}, health.StateComplete, false, true},
		{"unavailable", "it was complete", []*corev1.Pod{newAgent("w1"), newAgent("w2", podUnready(time.Hour)), newAgent("w3")}, health.StateComplete, false, true},
		{"old pod", "the rollout goes on", []*corev1.Pod{newAgent("w1"), newAgent("w2"), oldAgent("w3")}, health.StateProgressing, false, false},
		{"all updated again", "it was not complete since", []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(time.Hour))}, health.StateStalled, false, false},
	} {
		a := assess(t, assessCase{pods: step.pods, opts: health.Options{Memory: memory}})
		if a.State != step.state || a.MaybeDisruption != step.maybe || a.Memory.CompleteSince.IsZero() == step.complete {
			t.Fatalf("%s: Assess() = %v, %+v, want %v: %s", step.name, a, a.Memory, step.state, step.why)
		}
		memory = stored(t, a.Memory)
	}
}

// TestMemoryOfFirstRollout: a DaemonSet that was seen soon after its creation, and not complete, is
// in its first rollout.
func TestMemoryOfFirstRollout(t *testing.T) {
	unready := []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(time.Hour))}
	for _, tc := range []struct {
		name, why string
		age       time.Duration
		want      bool
	}{
		{"young", "it cannot have been complete for long", 9 * time.Minute, true},
		{"old", "it may have been complete before", 10 * time.Minute, false},
		{"no creation time", "nothing is known", -1, false},
	} {
		ds := build.Set{}.Object()
		ds.CreationTimestamp = agoTime(tc.age)
		if tc.age < 0 {
			ds.CreationTimestamp = metav1.Time{}
		}
		in := daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1", "w2", "w3"), Pods: unready, Revisions: build.Current(ds, "new"), Now: build.Now}
		var memory health.Memory
		for range 2 {
			a, err := health.Assess(observe(t, in), health.Options{Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			if a.Memory.SawRollout != tc.want || a.MaybeDisruption == tc.want {
				t.Errorf("%s: Assess() = %v, %+v, want a rollout: %v: %s", tc.name, a, a.Memory, tc.want, tc.why)
			}
			memory, in.Now = stored(t, a.Memory), in.Now.Add(time.Hour)
		}
	}
}

// failing is a pod of the node w1 that was created some minutes after build.Now.
func failingPod(n int, made time.Duration, changes ...func(*corev1.Pod)) *corev1.Pod {
	pod := newAgent("w1", append([]func(*corev1.Pod){podMade(-made), podUnready(-made)}, changes...)...)
	pod.Name = fmt.Sprint("new-w1-", n)
	pod.UID = types.UID(pod.Name)
	return pod
}

// TestAssessFailsAgain: one pod fails 20 seconds after each start and is replaced. An observer
// without Backoff looks at it.
func TestAssessFailsAgain(t *testing.T) {
	failedAt := func(at time.Duration) func(*corev1.Pod) {
		return func(pod *corev1.Pod) {
			pod.Status.Phase = corev1.PodFailed
			podUnready(-at)(pod)
		}
	}
	type look struct {
		at   time.Duration
		pods []*corev1.Pod
	}
	every := func(pod func(n int, at time.Duration) *corev1.Pod) (looks []look) {
		for n := range 60 {
			at := time.Duration(n) * time.Minute
			next := look{at: at}
			if pod := pod(n, at); pod != nil {
				next.pods = []*corev1.Pod{pod}
			}
			looks = append(looks, next)
		}
		return looks
	}
	fresh := func(n int, at time.Duration) *corev1.Pod { return failingPod(n, at-5*time.Second) }
	for _, tc := range []struct {
		name, why string
		looks     []look
		state     health.State
		since     time.Duration // from build.Now on
	}{
		{"never seen as failed", "the first failure was before the second pod was created", every(fresh), health.StateStalled, 55 * time.Second},
		{"seen as failed", "the pods say when the first of them failed", every(func(n int, at time.Duration) *corev1.Pod {
			return failingPod(n, at-30*time.Second, failedAt(at-10*time.Second))
		}), health.StateStalled, -10 * time.Second},
		{"absent at every other look", "the successor is still to come", every(func(n int, at time.Duration) *corev1.Pod {
			if n%2 == 1 {
				return nil
			}
			return fresh(n, at)
		}), health.StateStalled, 115 * time.Second},
		{"same name", "the creation time is another one", every(func(n int, at time.Duration) *corev1.Pod {
			pod := fresh(n, at)
			pod.Name = "agent"
			return pod
		}), health.StateStalled, 55 * time.Second},
		{"ready at one look", "that does not make the rollout complete", every(func(n int, at time.Duration) *corev1.Pod {
			pod := fresh(n, at)
			if n == 30 {
				podMade(-at + 5*time.Second)(pod)
				pod.Status.Conditions[len(pod.Status.Conditions)-1].Status = corev1.ConditionTrue
			}
			return pod
		}), health.StateStalled, 55 * time.Second},
		{"replaced once", "that is a change", every(func(n int, at time.Duration) *corev1.Pod {
			if n < 55 {
				return failingPod(0, 0)
			}
			return failingPod(1, 55*time.Minute)
		}), health.StateProgressing, 55 * time.Minute},
		{"never replaced", "nothing has changed since it was created", every(func(int, time.Duration) *corev1.Pod { return failingPod(0, 0) }), health.StateStalled, 0},
		{"replaced twice, long ago", "the row is forgotten after half an hour", every(func(n int, at time.Duration) *corev1.Pod {
			return failingPod(min(n, 2), time.Duration(min(n, 2))*time.Minute)
		})[:40], health.StateStalled, 2 * time.Minute},
		{"looks 40 minutes apart", "each look finds another pod that is not available", []look{
			{0, []*corev1.Pod{fresh(0, 0)}}, {40 * time.Minute, []*corev1.Pod{fresh(1, 40*time.Minute)}},
			{80 * time.Minute, []*corev1.Pod{fresh(2, 80*time.Minute)}},
		}, health.StateStalled, 40*time.Minute - 5*time.Second},
		{"looks 40 minutes apart, one replaced", "the second pod has been there for longer than half an hour", []look{
			{0, []*corev1.Pod{fresh(0, 0)}}, {time.Minute, []*corev1.Pod{fresh(1, time.Minute)}}, {41 * time.Minute, []*corev1.Pod{fresh(1, time.Minute)}},
			{42 * time.Minute, []*corev1.Pod{fresh(2, 42*time.Minute)}},
		}, health.StateProgressing, 42*time.Minute - 5*time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			var memory health.Memory
			var a *health.Assessment
			for _, look := range tc.looks {
				s := observe(t, daemon.Input{
					DaemonSet: ds, Nodes: build.Nodes("w1", "w2"), Pods: append(look.pods, newAgent("w2")), Revisions: build.Current(ds, "new"),
					Now: build.Now.Add(look.at),
				})
				var err error
				if a, err = health.Assess(s, health.Options{Memory: memory}); err != nil {
					t.Fatal(err)
				}
				memory = stored(t, a.Memory)
			}
			if since := a.LastChange.Sub(build.Now); a.State != tc.state || since != tc.since {
				t.Errorf("Assess() = %v since %v, want %v since %v: %s", a, since, tc.state, tc.since, tc.why)
			}
		})
	}
}

// TestAssessFailingCluster plays a rollout whose pods fail 20 seconds after each start on one
// node. An observer without Backoff looks at it every minute for an hour.
func TestAssessFailingCluster(t *testing.T) {
	t.Run("never ready", func(t *testing.T) {
		testFailingCluster(t, simulate.PodTimes{ReadyAfter: -1, FailsAfter: 20 * time.Second}, 2*time.Minute)
	})
	// Two looks find all pods available, before the first failed pod is seen.
	t.Run("ready for ten seconds", func(t *testing.T) {
		testFailingCluster(t, simulate.PodTimes{FailsAfter: 20 * time.Second}, 5*time.Minute)
	})
}

// testFailingCluster plays the rollout, and checks that it is stalled since the first failure,
// which is seen at most so long after the beginning.
func testFailingCluster(t *testing.T, times simulate.PodTimes, seen time.Duration) {
	t.Helper()
	c := updated(t, false, always(times))
	began := c.Now()
	var memory health.Memory
	for minute := range 61 {
		if err := c.Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
		in := c.Input(build.Set{}.Object())
		in.Backoff = nil
		a, err := health.Assess(observe(t, in), health.Options{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		memory = stored(t, a.Memory)
		first := a.LastChange.Sub(began)
		if minute > 14 && (a.State != health.StateStalled || first > seen) {
			t.Fatalf("after %d minutes: Assess() = %v, %v after the beginning, want it stalled since the first failure", minute+1, a, first)
		}
		if minute < 5 && a.State == health.StateStalled {
			t.Fatalf("after %d minutes: Assess() = %v, want it not stalled", minute+1, a)
		}
	}
}

// TestAssessSinceStays: pods fail soon after each start, and nothing becomes better. Since when
// they fail does not become later, however often somebody looks, and whether the snapshots have the
// Backoff of the controller always, sometimes or never.
func TestAssessSinceStays(t *testing.T) {
	stalled := 0
	for seed := range property.Seeds(t, 40) {
		r := rand.New(rand.NewPCG(seed, 91))
		times := simulate.PodTimes{FailsAfter: time.Duration(1+r.IntN(60)) * time.Second}
		if one(r, 2) {
			times.ReadyAfter = -1
		}
		every := []time.Duration{time.Minute, 3 * time.Minute, 7 * time.Minute, time.Duration(10+r.IntN(900)) * time.Second}[r.IntN(4)]
		backoff := []int{0, 1, 2}[r.IntN(3)] // never, always, every other time
		c := updated(t, one(r, 2), always(times))
		began := c.Now()
		since, before := map[string]time.Time{}, &health.Assessment{}
		for c.Now().Sub(began) < 3*time.Hour {
			if err := c.Advance(every); err != nil {
				t.Fatal(err)
			}
			in := c.Input(build.Set{}.Object())
			if backoff == 0 || !one(r, backoff) {
				in.Backoff = nil
			}
			a, err := health.Assess(observe(t, in), health.Options{Memory: stored(t, before.Memory)})
			if err != nil {
				t.Fatal(err)
			}
			if before.State == health.StateStalled && len(a.Outdated) == len(before.Outdated) && (a.State != before.State || a.LastChange.After(before.LastChange)) {
				t.Fatalf("seed %d: Assess() after %v = %v, before %v", seed, c.Now().Sub(began), a, before)
			}
			for _, n := range a.Memory.Nodes {
				if first, known := since[n.Node]; known && n.FailingSince.After(first) {
					t.Fatalf("seed %d: after %v %s fails since %v, before since %v", seed, c.Now().Sub(began), n.Node, n.FailingSince, first)
				}
				if !n.FailingSince.IsZero() {
					since[n.Node] = n.FailingSince.Time
				}
			}
			before = a
		}
		if before.State == health.StateStalled {
			stalled++
		}
	}
	if stalled < 35 {
		t.Errorf("%d rollouts were stalled after three hours, want 35 of 40", stalled)
	}
}

// TestAssessCompleteStays: pods fail at first, the next ones do not, and the rollout is complete.
// Somebody deletes a pod, or one fails, while the entry of the Backoff has not expired. That is a
// disruption of a complete rollout and no further failure of the row, whether the snapshots have the
// Backoff always, sometimes or never. (If they have it sometimes, an assessment may not know that the
// row which the entry goes on with had ended, so no pod fails.)
func TestAssessCompleteStays(t *testing.T) {
	entries := 0
	for seed := range property.Seeds(t, 40) {
		r := rand.New(rand.NewPCG(seed, 93))
		backoff := int(seed % 3) // never, always, every other time
		failing := time.Duration(20+r.IntN(100)) * time.Second
		fails := simulate.PodTimes{ReadyAfter: -1, FailsAfter: time.Duration(1+r.IntN(9)) * time.Second}
		var began time.Time
		c := updated(t, false, func(pod *corev1.Pod) simulate.PodTimes {
			if began.IsZero() || pod.CreationTimestamp.Sub(began) < failing {
				return fails
			}
			return simulate.PodTimes{}
		})
		began = c.Now()
		var memory health.Memory
		look := func(after time.Duration) (*daemon.Snapshot, *health.Assessment) {
			t.Helper()
			if err := c.Advance(after); err != nil {
				t.Fatal(err)
			}
			in := c.Input(build.Set{}.Object())
			if backoff == 0 || !one(r, backoff) {
				in.Backoff = nil
			}
			s := observe(t, in)
			a, err := health.Assess(s, health.Options{Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			memory = stored(t, a.Memory)
			return s, a
		}
		for range 17 {
			look(time.Minute)
		}
		complete := memory.CompleteSince
		if complete.IsZero() {
			t.Fatalf("seed %d: not complete after %v, pods fail for %v", seed, c.Now().Sub(began), failing)
		}
		deleted := c.Now()
		for _, pod := range c.Input(build.Set{}.Object()).Pods {
			if pod.Spec.NodeName != "w2" {
				continue
			}
			var err error
			if backoff != 2 && one(r, 2) {
				pod = pod.DeepCopy()
				pod.Status.Phase = corev1.PodFailed
				err = c.Apply(pod)
			} else {
				err = c.Delete(pod)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		after := time.Duration(1+r.IntN(5)) * time.Second
		for range 12 {
			s, a := look(after)
			after = time.Minute
			if s.FailuresInARow("w2") > 1 {
				entries++
			}
			if a.State != health.StateComplete || !a.Memory.CompleteSince.Equal(&complete) || a.LastChange.Before(deleted) {
				t.Fatalf("seed %d: Assess() after %v = %v, changed at %v, want it complete since %v, changed since %v", seed, c.Now().Sub(began), a, a.LastChange, complete, deleted)
			}
		}
	}
	if entries < 100 {
		t.Errorf("%d assessments saw the entry of a row of failures, want 100", entries)
	}
}

// TestAssessCompleteEnds: w2 failed before the rollout was complete, and its pod is not ready now. If
// the rollout is found not to be complete after all, the failures count at once: another look at the
// same snapshot changes nothing.
func TestAssessCompleteEnds(t *testing.T) {
	complete := completeMemory(t)
	complete.CompleteSince = metav1.NewTime(build.Now.Add(-12 * time.Minute))
	fails := complete
	fails.Nodes = []health.NodeMemory{{
		Node: "w3", Pod: "before", Replaced: 5, LastReplaced: metav1.NewTime(build.Now), FailingSince: metav1.NewTime(build.Now.Add(-8 * time.Minute)),
	}}
	w2 := newAgent("w2", podMade(time.Minute), podUnready(time.Minute))
	for _, tc := range []struct {
		name     string
		memory   health.Memory
		w3       *corev1.Pod
		replaced int // on w2
	}{
		{"still complete", complete, newAgent("w3"), 0},
		{"outdated pod", complete, oldAgent("w3"), 4},
		{"pods of w3 fail since soon after", fails, newAgent("w3", podUnready(time.Minute)), 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			look := func(memory health.Memory) *health.Assessment {
				t.Helper()
				return assess(t, assessCase{
					pods: []*corev1.Pod{newAgent("w1"), w2, tc.w3}, opts: health.Options{Memory: memory},
					backoff: daemon.Backoff{{UID: "uid-agent", Node: "w2"}: {Last: build.Now.Add(-15 * time.Minute), Delay: 8 * time.Second}},
				})
			}
			a := look(tc.memory)
			if got := a.Memory.Nodes[0]; got.Node != "w2" || got.Replaced != tc.replaced {
				t.Errorf("Assess() = %v, remembers %+v, want w2 with %d failures", a, got, tc.replaced)
			}
			if diff := cmp.Diff(a, look(stored(t, a.Memory))); diff != "" {
				t.Errorf("the same snapshot again changes the assessment (-first +second):\n%s", diff)
			}
		})
	}
}

// TestAssessRecoveredNode: pods of w2 failed, the next one has run for long, and somebody deletes it
// while the Backoff still has the failures. The rollout is not complete because of w3. The new pod is
// a change, and not one more of the failures.
func TestAssessRecoveredNode(t *testing.T) {
	failures := daemon.Backoff{{UID: "uid-agent", Node: "w2"}: {Last: build.Now.Add(-15 * time.Minute), Delay: 8 * time.Second}}
	w3 := newAgent("w3", podMade(2*time.Hour), podUnready(2*time.Hour))
	look := func(w2 *corev1.Pod, memory health.Memory, backoff daemon.Backoff) *health.Assessment {
		t.Helper()
		return assess(t, assessCase{pods: []*corev1.Pod{newAgent("w1"), w2, w3}, backoff: backoff, opts: health.Options{Memory: memory}})
	}
	before := look(newAgent("w2", podMade(12*time.Minute)), health.Memory{}, failures)
	if before.State != health.StateStalled {
		t.Fatalf("Assess() = %v, want it stalled by w3", before)
	}
	next := named("next", newAgent("w2", podMade(10*time.Second), podUnready(10*time.Second)))
	a := look(next, stored(t, before.Memory), failures)
	if changed := build.Now.Add(-10 * time.Second); a.State != health.StateProgressing || !a.LastChange.Equal(changed) {
		t.Errorf("Assess() = %v, changed at %v, want a rollout that changed at %v", a, a.LastChange, changed)
	}
	// So it is if an assessment has seen the pod terminate, and one no pod.
	gone := before
	for _, w2 := range []*corev1.Pod{newAgent("w2", podMade(12*time.Minute), podDeleted(time.Second, 30)), nil} {
		pods := []*corev1.Pod{newAgent("w1"), w3}
		if w2 != nil {
			pods = append(pods, w2)
		}
		gone = assess(t, assessCase{pods: pods, backoff: failures, opts: health.Options{Memory: stored(t, gone.Memory)}})
	}
	if a := look(next, stored(t, gone.Memory), failures); a.State != health.StateProgressing || a.Memory.Nodes[0].Replaced != 0 {
		t.Errorf("Assess() = %v, remembers %+v, want a rollout without failures of w2", a, a.Memory.Nodes[0])
	}
	// And if the snapshots had no Backoff before.
	seen := stored(t, before.Memory)
	seen.Nodes[0] = health.NodeMemory{Node: "w2", Pod: "one", Replaced: 1, LastReplaced: agoTime(13 * time.Minute), FailingSince: agoTime(14 * time.Minute)}
	if a := look(next, stored(t, look(newAgent("w2", podMade(12*time.Minute)), seen, nil).Memory), failures); a.State != health.StateProgressing {
		t.Errorf("Assess() = %v, remembers %+v, want a rollout that goes on", a, a.Memory.Nodes[0])
	}
	// A failure that only the entry shows is not counted as a row.
	failures = daemon.Backoff{{UID: "uid-agent", Node: "w2"}: {Last: build.Now.Add(-5 * time.Second), Delay: 16 * time.Second}}
	for _, backoff := range []daemon.Backoff{failures, nil} {
		if a = look(next, stored(t, a.Memory), backoff); a.Memory.Nodes[0].RecoveredAt.IsZero() || a.Memory.Nodes[0].Replaced != 1 {
			t.Errorf("the assessment remembers %+v, want w2 recovered, and one other pod since", a.Memory.Nodes[0])
		}
	}
	// The row is forgotten when the entry expires, or would have.
	expired := daemon.Backoff{{UID: "uid-agent", Node: "w2"}: {Last: build.Now.Add(-31 * time.Minute), Delay: 8 * time.Second}}
	a.Memory.Nodes[0].RecoveredAt = agoTime(31 * time.Minute)
	for _, backoff := range []daemon.Backoff{expired, nil} {
		if a := look(next, stored(t, a.Memory), backoff); !a.Memory.Nodes[0].RecoveredAt.IsZero() {
			t.Errorf("the assessment remembers %+v, want nothing about the row", a.Memory.Nodes[0])
		}
	}
	if a := look(next, stored(t, a.Memory), failures); a.Memory.Nodes[0].RecoveredAt.IsZero() {
		t.Errorf("the assessment remembers %+v, want w2 recovered while the entry goes on", a.Memory.Nodes[0])
	}
}

// TestAssessCompleteBesideLoops: containers crash again and again where that does not count. The
// rollout that was complete before stays so, and so does what is remembered of it.
func TestAssessCompleteBesideLoops(t *testing.T) {
	complete := completeMemory(t)
	complete.CompleteSince = metav1.NewTime(build.Now.Add(-5 * time.Minute))
	loops := newAgent("w3", podMade(4*time.Minute), podRuns(10*time.Second), podEnded("Error", 1, 3, 10*time.Second, 20*time.Second))
	policy := rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "w3" }}}
	tainted := build.Nodes("w1", "w2", "w3")
	tainted[2].Spec.Taints = []corev1.Taint{{Key: "dedicated", Effect: corev1.TaintEffectNoSchedule}}
	deleting := build.Set{Deleting: true}
	for _, tc := range []struct {
		name     string
		c        assessCase
		want     health.State
		complete int
		stays    bool
	}{
		{"nothing is left out", assessCase{pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), loops}}, health.StateProgressing, 2, false},
		{"the policy ignores the node", assessCase{pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), loops}, opts: health.Options{Policy: policy}}, health.StateComplete, 3, true},
		{"the node is not eligible", assessCase{nodes: tainted, pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), loops}}, health.StateComplete, 2, true},
		{"deleting, with an outdated pod", assessCase{set: deleting, pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), oldAgent("w3")}}, health.StateDeleting, 2, true},
	} {
		tc.c.opts.Memory = complete
		a := assess(t, tc.c)
		if a.State != tc.want || a.Complete != tc.complete || a.Memory.CompleteSince.Equal(&complete.CompleteSince) != tc.stays {
			t.Errorf("%s: Assess() = %v, complete since %v, want %v with %d nodes, the same time: %v", tc.name, a, a.Memory.CompleteSince, tc.want, tc.complete, tc.stays)
		}
	}
	// The loop began long after the rollout was complete, though its status says otherwise now.
	late := stored(t, complete)
	late.CompleteSince = agoTime(25 * time.Minute)
	slow := newAgent("w3", podMade(24*time.Minute), podRuns(10*time.Second), podEnded("Error", 1, 3, 9*time.Minute, 20*time.Second))
	late.Nodes = []health.NodeMemory{{Node: "w3", Pod: slow.Name, Created: slow.CreationTimestamp, CrashLoops: []health.CrashLoop{{
		Pod: slow.Name, Created: slow.CreationTimestamp, Container: "main", Since: agoTime(12 * time.Minute), Terminations: 2,
	}}}}
	if a := assess(t, assessCase{pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), slow}, opts: health.Options{Memory: late}}); a.State != health.StateComplete {
		t.Errorf("Assess() = %v, want a disruption of a complete rollout", a)
	}
	// Without the memory the ignored node is not complete either, and blocks nothing.
	a := assess(t, assessCase{pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), loops}, opts: health.Options{Policy: policy}})
	if a.State != health.StateComplete || a.Complete != 2 || len(a.Blockers) > 0 {
		t.Errorf("Assess() = %v, blockers %v, want complete without w3", a, a.Blockers)
	}
}

// TestMemoryOfUndo: an older revision becomes current again. Its objects do not say when, so the
// first assessment that finds it does, and later ones agree.
func TestMemoryOfUndo(t *testing.T) {
	before := completeMemory(t)
	before.RevisionHash = "other"
	c := assessCase{pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), newAgent("w3", podUnready(time.Hour))}, opts: health.Options{Memory: before}}
	first := assess(t, c)
	now := metav1.NewTime(build.Now)
	if first.State != health.StateProgressing || !first.LastChange.Equal(build.Now) || !first.Memory.RevisionSince.Equal(&now) {
		t.Errorf("Assess() = %v, changed at %v, revision since %v, want all of them now", first, first.LastChange, first.Memory.RevisionSince)
	}
	eleven := agoTime(11 * time.Minute)
	c.opts.Memory = stored(t, first.Memory)
	c.opts.Memory.RevisionSince = eleven
	if a := assess(t, c); a.State != health.StateStalled || !a.LastChange.Equal(eleven.Time) || !a.Memory.RevisionSince.Equal(&eleven) {
		t.Errorf("Assess() = %v, changed at %v, revision since %v, want it stalled since 11 minutes ago", a, a.LastChange, a.Memory.RevisionSince)
	}
}

// TestMemoryOfNewRevision: a revision that was created since the last assessment has the time of its
// creation, also if the first assessment of it comes later.
func TestMemoryOfNewRevision(t *testing.T) {
	before := completeMemory(t)
	before.RevisionHash, before.Time = "other", agoTime(2*time.Hour)
	ds := build.Set{}.Object()
	revisions := build.Current(ds, "new")
	revisions[0].CreationTimestamp = agoTime(time.Hour)
	a, err := health.Assess(observe(t, daemon.Input{
		DaemonSet: ds, Nodes: build.Nodes("w1"), Pods: []*corev1.Pod{newAgent("w1", podMade(time.Hour), podUnready(time.Hour))}, Revisions: revisions, Now: build.Now,
	}), health.Options{Memory: before})
	if err != nil || a.State != health.StateStalled || !a.Memory.RevisionSince.IsZero() {
		t.Errorf("Assess() = %v, revision since %v, %v, want it stalled for an hour", a, a.Memory.RevisionSince, err)
	}
}

// TestMemoryOfLoops: what is remembered of crash loops is about one container of one pod, and about
// one loop of it.
func TestMemoryOfLoops(t *testing.T) {
	loop := func(name string, restarts int32, message string) *corev1.Pod {
		return named(name, newAgent("w1", podMade(8*time.Hour), podUnready(time.Minute), podWaits("CrashLoopBackOff", message), podEnded("Error", 1, restarts, 10*time.Second, time.Minute)))
	}
	look := func(memory health.Memory, set build.Set, pods ...*corev1.Pod) *health.Assessment {
		t.Helper()
		return assess(t, assessCase{set: set, nodes: build.Nodes("w1"), pods: pods, opts: health.Options{Memory: memory}})
	}
	six := agoTime(6 * time.Hour)
	first := look(health.Memory{}, build.Set{}, loop("a", 3, "back-off 40s restarting")).Memory
	if len(first.Nodes) != 1 || len(first.Nodes[0].CrashLoops) != 1 || first.Nodes[0].CrashLoops[0].Terminations != 4 {
		t.Fatalf("Assess() remembers %+v, want the loop of a with 4 terminations", first.Nodes)
	}
	first.Nodes[0].CrashLoops[0].Since = six
	outdated := loop("old", 3, "back-off 40s restarting")
	outdated.Labels = oldAgent("w1").Labels
	second := loop("a", 3, "back-off 40s restarting")
	more := second.Status.ContainerStatuses[0].DeepCopy()
	more.Name = "side"
	second.Status.ContainerStatuses = append(second.Status.ContainerStatuses, *more)
	both := look(health.Memory{}, build.Set{}, second).Memory
	if len(both.Nodes[0].CrashLoops) != 2 {
		t.Fatalf("Assess() remembers %+v, want the loops of both containers", both.Nodes)
	}
	both.Nodes[0].CrashLoops[1].Since = six
	for _, tc := range []struct {
		name, why string
		memory    health.Memory
		set       build.Set
		pod       *corev1.Pod
		want      []bool // which loop is the remembered one
	}{
		{"the same", "it goes on", first, build.Set{}, loop("a", 4, "back-off 1m20s restarting"), []bool{true}},
		{"at the longest delay", "nothing says that it is another one", first, build.Set{}, loop("a", 300, "back-off 5m0s restarting"), []bool{true}},
		{"delay begun anew", "the container ran for long since", first, build.Set{}, loop("a", 5, "back-off 10s restarting"), []bool{false}},
		{"another pod", "it has not crashed before", first, build.Set{}, loop("b", 4, "back-off 1m20s restarting"), []bool{false}},
		{"two containers", "each has its own time", both, build.Set{}, second, []bool{false, true}},
		{"two containers, one known", "the other is new", first, build.Set{}, second, []bool{true, false}},
	} {
		a := look(stored(t, tc.memory), tc.set, tc.pod)
		var got []bool
		for _, l := range a.Memory.Nodes[0].CrashLoops {
			got = append(got, l.Since.Equal(&six))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
	}
	// The loop of an outdated pod is remembered, too: nobody has deleted it yet.
	if memory := look(health.Memory{}, build.Set{OnDelete: true}, outdated).Memory; len(memory.Nodes) != 1 || len(memory.Nodes[0].CrashLoops) != 1 {
		t.Errorf("Assess() remembers %+v, want the loop of the outdated pod", memory.Nodes)
	}
	// The memory of a node that is ignored now is a copy.
	ignore := rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(*daemon.NodeState) bool { return true }}}
	kept := assess(t, assessCase{nodes: build.Nodes("w1"), pods: []*corev1.Pod{loop("a", 4, "")}, opts: health.Options{Policy: ignore, Memory: first}}).Memory
	kept.Nodes[0].CrashLoops[0].Container = "other"
	if first.Nodes[0].CrashLoops[0].Container != "main" {
		t.Error("Assess() shares the loops with Options.Memory")
	}
	shared := first.DeepCopy()
	shared.Nodes[0].CrashLoops[0].Container = "other"
	if first.Nodes[0].CrashLoops[0].Container != "main" {
		t.Error("DeepCopy() shares the loops")
	}
}

// TestAssessLoopWithTwoContainers: the lengths of the runs of the second container differ. The verdict
// does not change with each of them.
func TestAssessLoopWithTwoContainers(t *testing.T) {
	pod := func(restarts int32, run time.Duration) *corev1.Pod {
		p := newAgent("w1", podMade(40*time.Minute), podUnready(40*time.Minute),
			podWaits("CrashLoopBackOff", ""), podEnded("Error", 1, 3, 10*time.Second, time.Second),
			podWaits("CrashLoopBackOff", ""), podEnded("Error", 1, restarts, run, time.Second))
		p.Status.ContainerStatuses[1].Name = "side"
		return p
	}
	var memory health.Memory
	var since time.Time
	for i, run := range []time.Duration{time.Second, 4 * time.Minute, time.Second} {
		a := assess(t, assessCase{nodes: build.Nodes("w1"), pods: []*corev1.Pod{pod(int32(5+i), run)}, opts: health.Options{Memory: memory}})
		if memory = stored(t, a.Memory); i > 0 && !a.LastChange.Equal(since) {
			t.Errorf("look %d: Assess() = %v, changed at %v, before at %v", i, a, a.LastChange, since)
		}
		since = a.LastChange
	}
}

// TestAssessOneCrash: one crash is no loop. When the pod becomes ready again, that is a change.
func TestAssessOneCrash(t *testing.T) {
	crashed := newAgent("w1", podMade(time.Hour), podRuns(2*time.Minute), podEnded("Error", 1, 1, 50*time.Minute, 2*time.Minute))
	for i := range crashed.Status.Conditions {
		if c := &crashed.Status.Conditions[i]; c.Type == corev1.PodReady {
			c.LastTransitionTime = agoTime(time.Minute)
		}
	}
	a := assess(t, assessCase{nodes: build.Nodes("w1", "w2"), pods: []*corev1.Pod{crashed, newAgent("w2", podMade(time.Hour), podUnready(time.Hour))}})
	if a.State != health.StateProgressing || !a.LastChange.Equal(build.Now.Add(-time.Minute)) {
		t.Errorf("Assess() = %v, changed at %v, want it to have changed a minute ago", a, a.LastChange)
	}
}

// TestAssessIgnoredLoop: a container on an ignored node crashes again and again. A moment in which its
// pod is available does not complete the rollout there.
func TestAssessIgnoredLoop(t *testing.T) {
	loops := newAgent("w3", podMade(4*time.Minute), podRuns(10*time.Second), podEnded("Error", 1, 3, 10*time.Second, 20*time.Second))
	policy := rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "w3" }}}
	c := assessCase{pods: []*corev1.Pod{newAgent("w1"), newAgent("w2"), loops}, opts: health.Options{Policy: policy}}
	a := assess(t, c)
	c.opts.Memory = stored(t, a.Memory)
	if again := assess(t, c); !a.Memory.CompleteSince.IsZero() || a.Complete != 2 || again.Complete != 2 {
		t.Errorf("Assess() = %v, complete since %v, then %v, want twice 2 of 3", a, a.Memory.CompleteSince, again)
	}
}

// TestAssessSingleFailure: a pod failed once, the next one has run for long, and now one fails again.
// An observer who comes after the first failure knows of no row either.
func TestAssessSingleFailure(t *testing.T) {
	w1 := newAgent("w1", podMade(time.Hour), podUnready(time.Hour))
	first := assess(t, assessCase{nodes: build.Nodes("w1", "w2"), pods: []*corev1.Pod{w1, newAgent("w2", podMade(14*time.Minute))}, backoff: backoffOf("w2", 14*time.Minute, time.Second)})
	next := named("next", newAgent("w2", podMade(time.Second), podUnready(time.Second)))
	a := assess(t, assessCase{nodes: build.Nodes("w1", "w2"), pods: []*corev1.Pod{w1, next}, backoff: backoffOf("w2", 2*time.Second, 2*time.Second), opts: health.Options{Memory: stored(t, first.Memory)}})
	if a.State != health.StateProgressing || a.Memory.Nodes[1].Replaced != 1 {
		t.Errorf("Assess() = %v, remembers %+v, want one failure of w2", a, a.Memory.Nodes)
	}
}

// TestMemoryOfTheSameSecond: pods failed in the second in which the rollout was complete. Times are
// remembered to the second, so nothing says that they failed after it.
func TestMemoryOfTheSameSecond(t *testing.T) {
	complete := completeMemory(t)
	complete.CompleteSince = agoTime(9 * time.Minute)
	for _, tc := range []struct {
		after time.Duration // complete, and the first failure
		want  health.State
	}{{500 * time.Millisecond, health.StateComplete}, {1500 * time.Millisecond, health.StateProgressing}} {
		a := assess(t, assessCase{
			pods:    []*corev1.Pod{newAgent("w1"), newAgent("w2", podMade(time.Minute), podUnready(time.Minute)), newAgent("w3")},
			backoff: backoffOf("w2", 9*time.Minute-4*time.Second-tc.after, 4*time.Second), opts: health.Options{Memory: complete},
		})
		if a.State != tc.want {
			t.Errorf("failures began %v after the rollout was complete: Assess() = %v, want %v", tc.after, a, tc.want)
		}
	}
}

// TestMemoryCountsOnce: a failure that both the backoff entry and another pod show is one.
func TestMemoryCountsOnce(t *testing.T) {
	for _, tc := range []struct {
		name, why             string
		failures, before, now int           // by the entry; by the memory before and now
		replaced              time.Duration // LastReplaced before now
	}{
		{"one more failure", "it ended the pod before", 3, 2, 3, time.Minute},
		{"two more failures", "one was between the looks", 4, 2, 4, time.Minute},
		{"same entry", "it has the failure already", 3, 3, 3, 2 * time.Second},
		{"longer row", "an entry counts at most 11", 11, 12, 13, time.Minute},
		{"one failure in the entry", "that is no row", 1, 2, 3, 2 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			memory := health.Memory{UID: "uid-agent", RevisionHash: "new", Nodes: []health.NodeMemory{{
				Node: "w1", Pod: "before", Replaced: tc.before,
				LastReplaced: metav1.NewTime(build.Now.Add(-tc.replaced)), FailingSince: metav1.NewTime(build.Now.Add(-time.Hour)),
			}}}
			a := assess(t, assessCase{
				pods: []*corev1.Pod{failingPod(1, -time.Second), newAgent("w2"), newAgent("w3")}, opts: health.Options{Memory: memory},
				backoff: daemon.Backoff{{UID: "uid-agent", Node: "w1"}: {Last: build.Now.Add(-2 * time.Second), Delay: time.Second << (tc.failures - 1)}},
			})
			if got := a.Memory.Nodes[0]; got.Node != "w1" || got.Replaced != tc.now {
				t.Errorf("Assess() remembers %+v, want w1 with %d failures: %s", got, tc.now, tc.why)
			}
		})
	}
}

// TestMemoryIsBounded: a cluster of any size has a small memory, and nodes with replaced pods
// stay in it.
func TestMemoryIsBounded(t *testing.T) {
	ds := build.Set{}.Object()
	in := daemon.Input{DaemonSet: ds, Revisions: build.Current(ds, "new"), Now: build.Now}
	const nodes = health.MemoryNodes + 100
	for i := range nodes {
		name := fmt.Sprintf("n%04d", i)
		in.Nodes = append(in.Nodes, build.Nodes(name)...)
		in.Pods = append(in.Pods, newAgent(name, podUnready(time.Minute)))
	}
	look := func(memory health.Memory) health.Memory {
		t.Helper()
		a, err := health.Assess(observe(t, in), health.Options{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		names := make([]string, len(a.Memory.Nodes))
		for i, n := range a.Memory.Nodes {
			names[i] = n.Node
		}
		if len(names) != health.MemoryNodes || !slices.IsSorted(names) {
			t.Fatalf("Memory has %d nodes, sorted: %v, want %d", len(names), slices.IsSorted(names), health.MemoryNodes)
		}
		return a.Memory
	}
	look(health.Memory{})
	const last = "n0599"
	memory := health.Memory{UID: ds.UID, RevisionHash: "new", Nodes: []health.NodeMemory{
		{Node: last, Pod: "before", Replaced: 3, LastReplaced: metav1.NewTime(build.Now), FailingSince: metav1.NewTime(build.Now)},
	}}
	memory = look(memory)
	if got := memory.Nodes[len(memory.Nodes)-1]; got.Node != last || got.Replaced != 4 {
		t.Errorf("Memory ends with %+v, want %s with 4 replaced pods", got, last)
	}
}

func TestMemoryCopies(t *testing.T) {
	memory := health.Memory{RevisionHash: "new", Nodes: []health.NodeMemory{{Node: "w1"}}}
	deep := memory.DeepCopy()
	deep.Nodes[0].Node = "w2"
	if memory.Nodes[0].Node != "w1" {
		t.Error("DeepCopy() shares the nodes")
	}
	var none *health.Memory
	if none.DeepCopy() != nil {
		t.Error("DeepCopy() of nil is not nil")
	}
	none.DeepCopyInto(deep)
	memory.DeepCopyInto(nil)
	if deep.Nodes[0].Node != "w2" {
		t.Error("DeepCopyInto() of nil changed the copy")
	}
}

// TestMemoryProperties looks at random clusters again and again, with and without JSON between.
func TestMemoryProperties(t *testing.T) {
	disrupted := 0
	for seed := range property.Seeds(t, 150) {
		r := rand.New(rand.NewPCG(seed, 23))
		in, opts := randomInput(r)
		in.Now = in.Now.Add(time.Duration(r.IntN(int(time.Second)))) // JSON has seconds
		var kept health.Memory
		for range 6 {
			opts.Memory = kept
			before := kept.DeepCopy()
			a, err := health.Assess(observe(t, in), opts)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if !reflect.DeepEqual(*before, opts.Memory) {
				t.Fatalf("seed %d: Assess() changed the memory (-before +after):\n%s", seed, cmp.Diff(*before, opts.Memory))
			}
			opts.Memory = stored(t, kept)
			again, err := health.Assess(observe(t, in), opts)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if diff := cmp.Diff(a, again); diff != "" {
				t.Fatalf("seed %d: JSON changes the assessment (-before +after):\n%s", seed, diff)
			}
			checkMemory(t, seed, kept, a)
			opts.Memory = a.Memory
			same, err := health.Assess(observe(t, in), opts)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if diff := cmp.Diff(a, same); diff != "" {
				t.Fatalf("seed %d: the same snapshot again changes the assessment (-first +second):\n%s", seed, diff)
			}
			if a.State == health.StateComplete && len(a.Blockers) > 0 {
				disrupted++
			}
			kept = a.Memory
			in.Now = in.Now.Add(minutes(r))
			for i, pod := range in.Pods {
				if !one(r, 3) {
					continue
				}
				name, _ := daemon.TargetNode(pod)
				in.Pods[i] = randomPod(r, name, fmt.Sprintf("%s-%d", name, r.IntN(1<<20)))
				in.Pods[i].Labels = pod.Labels
			}
		}
	}
	if disrupted < 50 {
		t.Errorf("%d clusters were complete with unavailable nodes, want 50", disrupted)
	}
}

// checkMemory checks what a memory changes in an assessment.
func checkMemory(t *testing.T, seed uint64, before health.Memory, a *health.Assessment) {
	t.Helper()
	was := !before.CompleteSince.IsZero() && before.RevisionHash == a.Memory.RevisionHash
	switch {
	case a.State == health.StateDeleting:
	case was && len(a.Outdated) == 0 && a.State != health.StateComplete && !slices.ContainsFunc(a.Memory.Nodes, func(n health.NodeMemory) bool {
		return n.Replaced > 1 && n.FailingSince.Sub(before.CompleteSince.Time) < health.DefaultPatience
	}) && !slices.ContainsFunc(a.Blockers, func(b health.Blocker) bool {
		return b.Pod != nil && crashes(b.Pod)
	}):
		t.Fatalf("seed %d: Assess() = %v, but the rollout was complete: %+v", seed, a, before)
	case len(a.Outdated) > 0 && (a.State == health.StateComplete || !a.Memory.CompleteSince.IsZero() || a.MaybeDisruption):
		t.Fatalf("seed %d: Assess() = %v, %+v with outdated pods", seed, a, a.Memory)
	case was && a.State == health.StateComplete && !a.Memory.CompleteSince.IsZero() && !a.Memory.CompleteSince.Equal(&before.CompleteSince):
		t.Fatalf("seed %d: complete since %v, before since %v", seed, a.Memory.CompleteSince, before.CompleteSince)
	case !was && a.State == health.StateComplete && len(a.Blockers) > 0:
		t.Fatalf("seed %d: Assess() = %v, but nothing says that it was complete", seed, a)
	case before.SawRollout && !a.Memory.SawRollout, a.MaybeDisruption && a.Memory.SawRollout:
		t.Fatalf("seed %d: Assess() = %v, %+v after %+v", seed, a, a.Memory, before)
	}
}

// crashes reports whether a container of a pod has crashed twice after short runs.
func crashes(pod *corev1.Pod) bool {
	return slices.ContainsFunc(append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...), func(c corev1.ContainerStatus) bool {
		end := c.LastTerminationState.Terminated
		return end != nil && c.RestartCount > 0 && end.FinishedAt.Sub(end.StartedAt.Time) < 10*time.Minute
	})
}

// look is one assessment of a sequence: the minute at which it is made and what it sees.
type look struct {
	minute int
	change func(in *daemon.Input, at time.Time)
	want   health.State
}

// pods replaces the pods of the input.
func onlyPods(pods ...build.Pod) func(in *daemon.Input, at time.Time) {
	return func(in *daemon.Input, at time.Time) {
		in.Pods = nil
		for _, p := range pods {
			in.Pods = append(in.Pods, p.Of(in.DaemonSet))
		}
	}
}

// TestMemoryOverLooks plays sequences of assessments, each with the memory of the one before.
func TestMemoryOverLooks(t *testing.T) {
	notReady := func(in *daemon.Input, at time.Time, is bool) {
		in.Nodes[1] = build.Node{Name: "w2"}.Object()
		if is {
			in.Nodes[1] = build.Node{Name: "w2", NotReady: time.Minute}.Object()
		}
	}
	w1 := build.Pod{Name: "a", Node: "w1", Hash: "new", Age: 10 * time.Hour}
	broken := func(name string) build.Pod {
		return build.Pod{Name: name, Node: "w2", Hash: "new", NotReady: true, Waiting: "ImagePullBackOff", Age: 2 * time.Hour}
	}
	running := build.Pod{Name: "b1", Node: "w2", Hash: "new"}
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		looks     []look
	}{
		{"an ignored node comes back broken", "its rollout was left out, not completed", rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}, []look{
			{0, func(in *daemon.Input, at time.Time) { notReady(in, at, true); onlyPods(w1)(in, at) }, health.StateComplete},
			{60, func(in *daemon.Input, at time.Time) { notReady(in, at, false); onlyPods(w1, broken("b"))(in, at) }, health.StateStalled},
		}},
		{"a node reboots and is ignored meanwhile", "the rollout was complete before", rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}, []look{
			{0, func(in *daemon.Input, at time.Time) { notReady(in, at, false); onlyPods(w1, running)(in, at) }, health.StateComplete},
			{1, func(in *daemon.Input, at time.Time) { notReady(in, at, true); onlyPods(w1, broken("b1"))(in, at) }, health.StateComplete},
			{60, func(in *daemon.Input, at time.Time) { notReady(in, at, false); onlyPods(w1, broken("b1"))(in, at) }, health.StateComplete},
		}},
		{"an eviction long after a restart", "the pod was available for long", rollout.Policy{}, []look{
			{0, onlyPods(w1, broken("b0")), health.StateStalled},
			{1, onlyPods(w1, build.Pod{Name: "b1", Node: "w2", Hash: "new", Age: time.Minute, Ready: 30 * time.Second}), health.StateComplete},
			{25, onlyPods(w1, build.Pod{Name: "b1", Node: "w2", Hash: "new", Age: 25 * time.Minute, Ready: 24 * time.Minute}), health.StateComplete},
			{26, onlyPods(w1, broken("b2")), health.StateComplete},
		}},
		{"failures around a look at an ignored node", "two pods in a row fail", rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}, []look{
			{0, onlyPods(w1, build.Pod{Name: "b0", Node: "w2", Hash: "new", NotReady: true, Age: time.Minute}), health.StateProgressing},
			{1, onlyPods(w1, build.Pod{Name: "b1", Node: "w2", Hash: "new", NotReady: true, Age: time.Second}), health.StateProgressing},
			{2, func(in *daemon.Input, at time.Time) { notReady(in, at, true); onlyPods(w1)(in, at) }, health.StateComplete},
			{15, func(in *daemon.Input, at time.Time) {
				notReady(in, at, false)
				onlyPods(w1, build.Pod{Name: "b2", Node: "w2", Hash: "new", NotReady: true, Age: time.Second})(in, at)
			}, health.StateStalled},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			in := daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1", "w2"), Revisions: build.Current(ds, "new")}
			var memory health.Memory
			for _, l := range tc.looks {
				in.Now = build.Now.Add(time.Duration(l.minute) * time.Minute)
				l.change(&in, in.Now)
				// build.Pod counts its times back from build.Now.
				for _, pod := range in.Pods {
					shift(pod, in.Now.Sub(build.Now))
				}
				snapshot, err := daemon.Observe(in)
				if err != nil {
					t.Fatal(err)
				}
				a, err := health.Assess(snapshot, health.Options{Policy: tc.policy, Memory: memory})
				if err != nil {
					t.Fatal(err)
				}
				if a.State != l.want {
					t.Fatalf("after %d minutes: %v, want %v: %s", l.minute, a, l.want, tc.why)
				}
				memory = stored(t, a.Memory)
			}
		})
	}
}

// shift moves the times of a pod.
func shift(pod *corev1.Pod, by time.Duration) {
	pod.CreationTimestamp = metav1.NewTime(pod.CreationTimestamp.Add(by))
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		c.LastTransitionTime = metav1.NewTime(c.LastTransitionTime.Add(by))
	}
}

// TestAssessManyIgnoredNodes: ignored nodes block nothing, however many creations the burst
// limit defers there.
func TestAssessManyIgnoredNodes(t *testing.T) {
	ds := build.Set{}.Object()
	in := daemon.Input{DaemonSet: ds, Now: build.Now, Nodes: build.Nodes("a"), Revisions: build.Current(ds, "new")}
	in.Pods = append(in.Pods, build.Pod{Name: "a", Node: "a", Hash: "new"}.Of(ds))
	for i := range 300 {
		in.Nodes = append(in.Nodes, build.Node{Name: fmt.Sprint("n", i), NotReady: time.Hour}.Object())
	}
	snapshot, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	a, err := health.Assess(snapshot, health.Options{Policy: rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}})
	if err != nil || a.State != health.StateComplete {
		t.Errorf("Assess() = %v, %v, want complete", a, err)
	}
}

// TestMemoryWithoutNodes: a list without nodes does not end a complete rollout, nor a row of
// failures.
func TestMemoryWithoutNodes(t *testing.T) {
	ds := build.Set{}.Object()
	ds.Status.ObservedGeneration, ds.Status.DesiredNumberScheduled = 1, 1
	before := health.Memory{
		UID: ds.UID, RevisionHash: "new", CompleteSince: metav1.NewTime(build.Now.Add(-time.Hour)),
		Nodes: []health.NodeMemory{{Node: "w1", Pod: "p", Replaced: 2, LastReplaced: metav1.NewTime(build.Now), FailingSince: metav1.NewTime(build.Now)}},
	}
	got, err := health.Assess(observe(t, daemon.Input{DaemonSet: ds, Revisions: build.Current(ds, "new"), Now: build.Now}), health.Options{Memory: before})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, got.Memory); diff != "" || !got.NodesMissing {
		t.Fatalf("Assess() without nodes: NodesMissing %t, Memory (-before +after):\n%s", got.NodesMissing, diff)
	}
	if got.Memory.Nodes[0].Pod = "q"; before.Nodes[0].Pod != "p" {
		t.Error("Assess() without nodes: Memory shares its nodes with Options.Memory")
	}
}
