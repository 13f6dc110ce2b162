package health_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// timesOf says how long things take for a pod.
type timesOf func(pod *corev1.Pod) simulate.PodTimes

func always(times simulate.PodTimes) timesOf {
	return func(*corev1.Pod) simulate.PodTimes { return times }
}

// updated returns a cluster of three nodes in which the update to agent:2 begins now. times are
// those of the new pods on the node w2, or on all nodes if all is set.
func updated(t *testing.T, all bool, times timesOf) *simulate.Cluster {
	t.Helper()
	c := &simulate.Cluster{}
	ds := build.Set{}.Object()
	ds.CreationTimestamp = metav1.Time{}
	ds.Spec.Template.Spec.Containers[0].Image = "agent:1"
	apply := func(objects ...metav1.Object) {
		t.Helper()
		if err := c.Apply(objects...); err != nil {
			t.Fatal(err)
		}
	}
	apply(ds)
	for _, node := range build.Nodes("w1", "w2", "w3") {
		apply(node)
	}
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	c.Options.PodTimes = func(node *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
		if pod.Spec.Containers[0].Image == "agent:2" && (all || node != nil && node.Name == "w2") {
			return times(pod)
		}
		return simulate.PodTimes{}
	}
	newer := ds.DeepCopy()
	newer.Spec.Template.Spec.Containers[0].Image = "agent:2"
	apply(newer)
	return c
}

// observer looks at a cluster again and again.
type observer struct {
	next, interval time.Duration
	memory         health.Memory
}

// TestAssessCrashLoop: containers crash again and again. The verdict does not depend on when, and
// how often, somebody looks: a loop that begins soon after the rollout keeps it from being
// complete, a later one is a disruption of a complete rollout.
func TestAssessCrashLoop(t *testing.T) {
	for _, tc := range []struct {
		first, later time.Duration // how long a container runs, at first and after a crash
		end          time.Duration
		want         health.State
	}{
		{30 * time.Second, 30 * time.Second, 3 * time.Hour, health.StateStalled},
		{5 * time.Minute, 5 * time.Minute, 5 * time.Hour, health.StateStalled},
		{5 * time.Minute, 10 * time.Second, 3 * time.Hour, health.StateStalled},
		{12 * time.Hour, 12 * time.Hour, 15 * time.Hour, health.StateComplete},
		{12 * time.Hour, 30 * time.Second, 15 * time.Hour, health.StateComplete},
		{30 * time.Second, 12 * time.Hour, 3 * time.Hour, health.StateComplete},
	} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %v, then %v, all nodes %v", tc.first, tc.later, all), func(t *testing.T) {
				c := updated(t, all, func(pod *corev1.Pod) simulate.PodTimes {
					if len(pod.Status.ContainerStatuses) > 0 && pod.Status.ContainerStatuses[0].RestartCount > 0 {
						return simulate.PodTimes{CrashesAfter: tc.later}
					}
					return simulate.PodTimes{CrashesAfter: tc.first}
				})
				began := c.Now()
				r := rand.New(rand.NewPCG(uint64(tc.first), uint64(tc.later)))
				var observers []*observer
				for range 12 {
					interval := 30*time.Second + time.Duration(r.Int64N(int64(time.Hour)))
					if len(observers) == 0 {
						interval = time.Hour
					}
					observers = append(observers, &observer{next: time.Duration(r.Int64N(int64(interval))), interval: interval})
				}
				look := func(o *observer) *health.Assessment {
					a, err := health.Assess(observe(t, c.Input(build.Set{}.Object())), health.Options{Memory: o.memory})
					if err != nil {
						t.Fatal(err)
					}
					o.memory = stored(t, a.Memory)
					return a
				}
				for {
					o := slices.MinFunc(observers, func(a, b *observer) int { return int(a.next - b.next) })
					if o.next >= tc.end {
						break
					}
					advanceTo(t, c, began.Add(o.next))
					look(o)
					o.next += o.interval
				}
				// The last looks are at the same moments, at all phases of the loop.
				for i := range 20 {
					advanceTo(t, c, began.Add(tc.end+time.Duration(i)*29*time.Second))
					var since time.Time
					for j, o := range observers {
						a := look(o)
						if a.State != tc.want {
							t.Fatalf("observer every %v: Assess() after %v = %v, want %v", o.interval, c.Now().Sub(began), a, tc.want)
						}
						if j > 0 && tc.want == health.StateStalled && !a.LastChange.Equal(since) {
							t.Fatalf("observer every %v: Assess() after %v = %v, another one says since %v", o.interval, c.Now().Sub(began), a, since)
						}
						since = a.LastChange
					}
				}
			})
		}
	}
}

func advanceTo(t *testing.T, c *simulate.Cluster, at time.Time) {
	t.Helper()
	if d := at.Sub(c.Now()); d > 0 {
		if err := c.Advance(d); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAssessFailingPodsFlash: pods fail 20 seconds after each start and are ready before. Once
// that is known, no look at a ready one says that the rollout is complete.
func TestAssessFailingPodsFlash(t *testing.T) {
	c := updated(t, false, always(simulate.PodTimes{ReadyAfter: 5 * time.Second, FailsAfter: 20 * time.Second}))
	began := c.Now()
	var memory health.Memory
	ready := 0
	for c.Now().Sub(began) < 4*time.Hour {
		if err := c.Advance(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		in := c.Input(build.Set{}.Object())
		in.Backoff = nil
		s := observe(t, in)
		a, err := health.Assess(s, health.Options{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		memory = stored(t, a.Memory)
		if c.Now().Sub(began) < 30*time.Minute {
			continue
		}
		if a.State != health.StateStalled {
			t.Fatalf("after %v: Assess() = %v, want stalled", c.Now().Sub(began), a)
		}
		if !slices.ContainsFunc(s.Nodes(), func(n daemon.NodeState) bool { return n.Name == "w2" && (len(n.Pods) == 0 || !n.Pods[0].Available) }) {
			ready++
		}
	}
	if ready < 5 {
		t.Errorf("%d looks found the pod available, want 5", ready)
	}
}

// TestAssessCrashingSinceStays: a container crashes again and again after runs of different
// lengths, of which its status shows the last. Somebody looks every minute: once the loop is known,
// the time since when it crashes stays.
func TestAssessCrashingSinceStays(t *testing.T) {
	moves, looks := 0, 0
	for seed := range property.Seeds(t, 10) {
		c := updated(t, false, func(pod *corev1.Pod) simulate.PodTimes {
			restarts := int32(0)
			if len(pod.Status.ContainerStatuses) > 0 {
				restarts = pod.Status.ContainerStatuses[0].RestartCount
			}
			r := rand.New(rand.NewPCG(seed, uint64(restarts)))
			return simulate.PodTimes{CrashesAfter: time.Duration(5+r.IntN(9*60)) * time.Second}
		})
		began := c.Now()
		var memory health.Memory
		var since, estimate, stalled time.Time
		for c.Now().Sub(began) < 4*time.Hour {
			if err := c.Advance(time.Minute); err != nil {
				t.Fatal(err)
			}
			in := c.Input(build.Set{}.Object())
			a, err := health.Assess(observe(t, in), health.Options{Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			memory = stored(t, a.Memory)
			if since.IsZero() && len(a.Outdated) == 0 && len(memory.Nodes) == 1 && len(memory.Nodes[0].CrashLoops) > 0 {
				since = memory.Nodes[0].CrashLoops[0].Since.Time
				estimate = since
			}
			if since.IsZero() {
				continue
			}
			if a.State == health.StateComplete {
				break // The first run was so long that the loop is a disruption of a complete rollout.
			}
			blocker := slices.IndexFunc(a.Blockers, func(b health.Blocker) bool { return b.Kind == health.BlockerCrashLoop })
			if blocker < 0 || !a.Blockers[blocker].Since.Equal(since) {
				t.Fatalf("seed %d: Assess() after %v = %v, blockers %v, want a crash loop since %v", seed, c.Now().Sub(began), a, a.Blockers, since)
			}
			if !stalled.IsZero() && (a.State != health.StateStalled || !a.LastChange.Equal(stalled)) {
				t.Fatalf("seed %d: Assess() after %v = %v, want it stalled since %v as before", seed, c.Now().Sub(began), a, stalled)
			}
			if a.State == health.StateStalled {
				stalled = a.LastChange
			}
			looks++
			if without := assessInput(t, in); !without.LastChange.Equal(estimate) {
				moves, estimate = moves+1, without.LastChange
			}
		}
	}
	if looks < 1000 || moves < 50 {
		t.Errorf("%d looks at a loop whose estimated begin moved %d times, want 1000 and 50", looks, moves)
	}
}

// assessInput assesses a cluster without a memory.
func assessInput(t *testing.T, in daemon.Input) *health.Assessment {
	t.Helper()
	a, err := health.Assess(observe(t, in), health.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
