package conformance

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/rollout"
)

var stepsCount = flag.Int("steps-count", 1500, "number of random scenarios that are played by rollout.Steps")

// TestSteps plays scenarios with rollout.Steps, and has the real controller make each
// of the passes on a cluster in which the same things happen: what it writes has to
// be what the pass writes, and between the passes it must have nothing to write.
func TestSteps(t *testing.T) {
	var met tally
	var failed failures
	scenarios(t, *stepsCount, func(u *Upstream, number uint64) {
		s := Scenario(u, *seed, number)
		restful(s)
		// The first pass writes at least a status, so that it is made at once.
		s.DaemonSet.Generation = s.DaemonSet.Status.ObservedGeneration + 1
		first := Compare(u, s)
		if first.Library.Err != nil || first.Result.Outcome != rollout.OutcomeSynced {
			return
		}
		passes, difference := follow(u, s)
		met.add(fmt.Sprintf("%3d passes at least", passes/10*10))
		if difference != "" {
			failed.report(t, fmt.Sprintf("seed %d, scenario %d", *seed, number), []string{difference}, func() string {
				return difference + "\n" + s.Case(fmt.Sprintf("Steps: seed %d, scenario %d", *seed, number))
			})
		}
	})
	failed.log(t)
	t.Logf("%d scenarios:\n%s", *stepsCount, &met)
}

// follower is a cluster that does what rollout.Steps is told about its world.
type follower struct {
	*Cluster

	// told are the fates of pods since the last pass, and events those that come.
	told, events []podEvent
}

// podEvent is what happens to a pod.
type podEvent struct {
	at    time.Time
	after time.Duration
	pod   string
	// ends, or else fails, or else is ready.
	ends, fails bool
}

func (f *follower) world() rollout.World {
	pace := func(pod *corev1.Pod, most int) time.Duration {
		return time.Duration(1+f.pace(pod.Name, most)) * time.Second
	}
	return rollout.World{
		Fate: func(_ *corev1.Node, pod *corev1.Pod) rollout.Fate {
			fate := rollout.Fate{ReadyAfter: pace(pod, 4)}
			if f.pace(pod.Name, 9) == 0 {
				fate.FailsAfter = 2 * time.Second
				f.told = append(f.told, podEvent{after: fate.FailsAfter, pod: pod.Name, fails: true})
			}
			if fate.FailsAfter == 0 || fate.ReadyAfter < fate.FailsAfter {
				f.told = append(f.told, podEvent{after: fate.ReadyAfter, pod: pod.Name})
			}
			return fate
		},
		Termination: func(pod *corev1.Pod) time.Duration {
			f.told = append(f.told, podEvent{after: pace(pod, 3), pod: pod.Name, ends: true})
			return pace(pod, 3)
		},
	}
}

// follow plays a scenario and says how many passes it took and where they differ.
func follow(u *Upstream, s *State) (passes int, difference string) {
	f := &follower{Cluster: NewCluster(s)}
	for pass, err := range rollout.Steps(s.DeepCopy().input(), f.world()) {
		if err != nil {
			if both := Compare(u, f.State); both.Differences != nil {
				return passes, strings.Join(both.Differences, "\n")
			}
			return passes, ""
		}
		if passes++; passes > maxPasses {
			return passes, ""
		}
		told := f.told
		f.told = nil
		if difference = f.reach(u, pass); difference != "" {
			return passes, difference
		}
		if pass.End != nil {
			return passes, ""
		}
		f.carryOut(pass)
		for _, e := range told {
			e.at = pass.Time.Add(e.after)
			f.events = append(f.events, e)
		}
	}
	return passes, "no end"
}

// reach lets happen what happens before a pass, and compares the pass.
func (f *follower) reach(u *Upstream, pass *rollout.Pass) string {
	s := f.State
	for s.Now.Before(pass.Time) {
		if both := Compare(u, s); !both.Upstream.Quiet() {
			return fmt.Sprintf("at %v upstream writes something before pass %d: %s", s.Now, pass.Number, diff(&Pass{}, both.Upstream))
		}
		s.Now = f.next(pass.Time)
		f.happen()
	}
	both := Compare(u, s)
	if both.Differences != nil {
		return fmt.Sprintf("pass %d: %s", pass.Number, strings.Join(both.Differences, "\n"))
	}
	got := &Pass{}
	got.fill(s, pass.Result)
	for i, pod := range got.Creates {
		got.Creates[i] = unborn(pod, s.DaemonSet.Spec.Template.Spec.NodeName)
	}
	want := *both.Library
	if len(want.RevisionPatches)+len(want.RevisionCreates)+len(want.RevisionUpdates) == 0 && !equalJSON(*got, want) {
		return fmt.Sprintf("pass %d (-Sync +Steps): %s", pass.Number, diff(want, *got))
	}
	return ""
}

// unborn takes away what the simulated API server and scheduler gave a pod.
func unborn(pod *corev1.Pod, nodeName string) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.Name, pod.UID, pod.CreationTimestamp, pod.Spec.NodeName, pod.Status = "", "", metav1.Time{}, nodeName, corev1.PodStatus{}
	return pod
}

// next is when something happens next, at a given time at the latest.
func (f *follower) next(latest time.Time) time.Time {
	for _, e := range f.events {
		if e.at.After(f.State.Now) && e.at.Before(latest) {
			latest = e.at
		}
	}
	return latest
}

// happen lets happen what is due.
func (f *follower) happen() {
	s := f.State
	var later []podEvent
	for _, e := range f.events {
		if e.at.After(s.Now) {
			later = append(later, e)
			continue
		}
		i := slices.IndexFunc(s.Pods, func(p *corev1.Pod) bool { return p.Name == e.pod && p.Namespace == s.DaemonSet.Namespace })
		switch {
		case i < 0:
		case e.ends:
			s.Pods = slices.Delete(s.Pods, i, i+1)
		case s.Pods[i].DeletionTimestamp != nil:
		case e.fails:
			s.Pods[i] = s.Pods[i].DeepCopy()
			s.Pods[i].Status = corev1.PodStatus{Phase: corev1.PodFailed}
		default:
			s.Pods[i] = s.Pods[i].DeepCopy()
			s.Pods[i].Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{
				Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.Now),
			}}}
		}
	}
	f.events = later
}

// carryOut takes over what a pass writes: pods as they are in its snapshot, all else
// as this cluster does it.
func (f *follower) carryOut(pass *rollout.Pass) {
	s := f.State
	writes := &Pass{}
	writes.fill(s, pass.Result)
	deleted := writes.Deletes
	writes.Creates, writes.Deletes = nil, nil
	_ = f.Apply(writes) // patches that fit nothing
	there := map[string]*corev1.Pod{}
	for _, n := range pass.Result.Snapshot.Nodes() {
		for _, p := range n.Pods {
			there[p.Pod.Name] = p.Pod
		}
	}
	for _, p := range pass.Result.Snapshot.LeftOut() {
		there[p.Pod.Name] = p.Pod
	}
	var pods []*corev1.Pod
	for _, p := range s.Pods {
		if p.Namespace == s.DaemonSet.Namespace {
			if now := there[p.Name]; now != nil {
				delete(there, p.Name)
				p = now.DeepCopy()
			} else if slices.Contains(deleted, p.Name) {
				continue
			}
		}
		pods = append(pods, p)
	}
	for _, c := range pass.Result.Plan.Create {
		if pod := there[c.Pod.Name]; pod != nil {
			pods = append(pods, pod.DeepCopy())
		}
	}
	s.Pods = pods
}
