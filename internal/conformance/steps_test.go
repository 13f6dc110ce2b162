package conformance

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout/simulate"
)

var stepsCount = flag.Int("steps-count", 1500, "number of random scenarios that are played on a simulate.Cluster")

// TestSteps plays scenarios on a simulate.Cluster, and has the real controller make each
// pass over the same facts: what it writes has to be what the cluster's controller
// writes. A pass is made whenever something happens. If it writes nothing, the real
// controller must have nothing to write.
func TestSteps(t *testing.T) {
	var met tally
	var failed failures
	scenarios(t, *stepsCount, func(u *Upstream, number uint64) {
		s := Scenario(u, *seed, number)
		restful(s)
		first := Compare(u, s)
		if first.Library.Err != nil || !first.Report.Synced {
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

// podTimes gives each pod times of its own, and lets one in ten fail. On a quarter of the
// nodes most of them do, so that the controller has to wait before it deletes the next.
func podTimes(node *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
	times := simulate.PodTimes{
		ReadyAfter:      time.Duration(1+pace(pod.Name, 4)) * time.Second,
		TerminatesAfter: time.Duration(1+pace(pod.Name, 3)) * time.Second,
	}
	if bad := node != nil && pace(node.Name, 4) == 0; bad && pace(pod.Name, 6) != 0 || pace(pod.Name, 9) == 0 {
		times.FailsAfter = 2 * time.Second
	}
	return times
}

// follow plays a scenario until nothing happens any more. It returns how many passes
// were made and how one of them differs.
func follow(u *Upstream, s *State) (passes int, difference string) {
	ds := s.DaemonSet
	c, err := simulate.NewCluster(s.DeepCopy().input(), simulate.Options{PodTimes: podTimes})
	if err != nil {
		return 0, fmt.Sprintf("cluster: %v", err)
	}
	for passes < maxPasses {
		s := stateOf(c.Input(ds))
		both := Compare(u, s)
		result, err := c.Sync(ds)
		passes++
		if both.Differences != nil {
			return passes, fmt.Sprintf("pass %d: %s", passes, strings.Join(both.Differences, "\n"))
		}
		if err != nil || both.Library.Err != nil {
			if fmt.Sprint(err) != fmt.Sprint(both.Library.Err) {
				return passes, fmt.Sprintf("pass %d: error %v, of Sync %v", passes, err, both.Library.Err)
			}
			return passes, ""
		}
		got := &Pass{}
		got.fill(s, result)
		for i, pod := range got.Creates {
			got.Creates[i] = unborn(pod, s.DaemonSet.Spec.Template.Spec.NodeName)
		}
		if want := both.Library; !equalJSON(want, got) {
			return passes, fmt.Sprintf("pass %d (-Sync +Cluster): %s", passes, diff(want, got))
		}
		if stored := c.Input(ds).DaemonSet.Status; result.Status != nil && !equalJSON(result.Status, &stored) {
			return passes, fmt.Sprintf("pass %d (-status written +status stored): %s", passes, cmp.Diff(*result.Status, stored))
		}
		if !result.Empty() {
			continue
		}
		if !both.Upstream.Quiet() {
			return passes, fmt.Sprintf("pass %d writes nothing, and upstream: %s", passes, diff(&Pass{}, both.Upstream))
		}
		if !c.Next() {
			return passes, afterTheEnd(u, c.Input(ds))
		}
	}
	return passes, ""
}

// afterTheEnd returns what the real controller still writes later, when nothing has happened
// since. A cluster must not end while its controller only waits.
func afterTheEnd(u *Upstream, in daemon.Input) string {
	in.Now = in.Now.Add(24 * time.Hour)
	if late := Compare(u, stateOf(in)); !late.Upstream.Quiet() {
		return fmt.Sprintf("a day after the end upstream writes: %s", diff(&Pass{}, late.Upstream))
	}
	return ""
}

// unborn takes away what the simulated API server and scheduler gave a pod.
func unborn(pod *corev1.Pod, nodeName string) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.Name, pod.UID, pod.CreationTimestamp, pod.Spec.NodeName, pod.Status = "", "", metav1.Time{}, nodeName, corev1.PodStatus{}
	return pod
}
