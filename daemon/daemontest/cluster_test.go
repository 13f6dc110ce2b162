package daemontest_test

import (
	stdcmp "cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestBuilders: objects from this package alone are a settled cluster of their own.
func TestBuilders(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	next := daemontest.WithImage(agent, "agent:2")
	for _, tc := range []struct {
		name, why string
		in        daemon.Input
		want      string
	}{
		{"current", "nothing to do but to write the status", daemon.Input{
			DaemonSet: agent,
			Pods:      []*corev1.Pod{daemontest.Pod(agent, "node-1"), daemontest.Pod(agent, "node-2")},
			Revisions: []*appsv1.ControllerRevision{daemontest.Revision(agent, 1)},
		}, ``},
		{"outdated", "the pod of an older version", daemon.Input{
			DaemonSet: next,
			Pods:      []*corev1.Pod{daemontest.Pod(next, "node-1"), daemontest.Pod(agent, "node-2")},
			Revisions: []*appsv1.ControllerRevision{daemontest.Revision(agent, 1), daemontest.Revision(next, 2)},
		}, `delete agent-node-2 on node-2: outdated, within maxUnavailable`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.Nodes, tc.in.Now = daemontest.Nodes(2), daemontest.Start()
			result, err := rollout.Sync(tc.in, rollout.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range result.Plan.Create {
				got = append(got, w.String())
			}
			for _, w := range result.Plan.Delete {
				got = append(got, w.String())
			}
			if !result.Revisions.Empty() {
				got = append(got, result.Revisions.String())
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("a pass writes (-want +got):\n%s%s", diff, tc.why)
			}
			c := daemontest.NewCluster(t, tc.in, simulate.Options{})
			c.SettlesWithin(t, time.Minute)
		})
	}
	if diff := cmp.Diff(daemon.Default(agent), agent); diff != "" {
		t.Errorf("DaemonSet() lacks defaults (-defaulted +built):\n%s", diff)
	}
	if daemontest.WithImage(agent, "agent:2"); agent.Spec.Template.Spec.Containers[0].Image != "agent:1" {
		t.Error("WithImage() changes its argument")
	}
	bare := agent.DeepCopy()
	bare.Spec.Template.Spec.Containers = nil
	if got := daemontest.WithImage(bare, "agent:2").Spec.Template.Spec.Containers; len(got) != 1 || got[0].Image != "agent:2" {
		t.Errorf("WithImage() of a DaemonSet without containers has %v, want one", got)
	}
}

// TestSteps: what each step does, seen from the state of the cluster.
func TestSteps(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	for _, tc := range []struct {
		name, why string
		step      func(t *testing.T, c *daemontest.Cluster)
		want      string
	}{
		{"nothing", "settled", func(*testing.T, *daemontest.Cluster) {}, `
12:10:10
node-1: agent-1 ready
node-2: agent-2 ready`},
		{"Join", "the first pod takes ten seconds", func(t *testing.T, c *daemontest.Cluster) {
			c.Join(t, daemontest.Node("node-3"))
			c.Settle(t)
		}, `
12:20:20
node-1: agent-1 ready
node-2: agent-2 ready
node-3: agent-3 ready`},
		{"Leave", "garbage collection has not come yet", func(t *testing.T, c *daemontest.Cluster) {
			c.Leave(t, daemontest.Node("node-2"))
		}, `
12:10:10
node-1: agent-1 ready
node-2: agent-2 ready, no node`},
		{"Leave, settled", "the pod is gone", func(t *testing.T, c *daemontest.Cluster) {
			c.Leave(t, daemontest.Node("node-2"))
			c.Settle(t)
		}, `
12:10:12
node-1: agent-1 ready`},
		{"Label", "the selector of the next version", func(t *testing.T, c *daemontest.Cluster) {
			c.Label(t, "disk=ssd", c.Nodes(t, "")[1])
			c.Apply(t, onSSDs())
			c.Settle(t)
		}, `
12:20:24
node-1:
node-2: agent-3 ready`},
		{"Taint and Untaint", "the pod goes, and another one comes", func(t *testing.T, c *daemontest.Cluster) {
			c.Taint(t, "db=a:NoExecute", daemontest.Node("node-2"))
			c.Taint(t, "db=b:NoExecute", daemontest.Node("node-2"))
			c.Settle(t)
			c.Untaint(t, "db=b:NoExecute", daemontest.Node("node-2"))
			c.Settle(t)
		}, `
12:20:22
node-1: agent-1 ready
node-2: agent-3 ready`},
		{"NotReady", "the pod stays and is not ready", func(t *testing.T, c *daemontest.Cluster) {
			c.NotReady(t, daemontest.Node("node-2"))
			c.Advance(t, time.Hour)
		}, `
13:10:10
node-1: agent-1 ready
node-2: agent-2, not ready, untolerated taint node.kubernetes.io/not-ready:NoSchedule`},
		{"Unreachable and Recover", "the kubelet works again", func(t *testing.T, c *daemontest.Cluster) {
			c.Unreachable(t, daemontest.Node("node-2"))
			c.Advance(t, time.Hour)
			c.Recover(t, daemontest.Node("node-2"))
			c.Settle(t)
		}, `
13:20:20
node-1: agent-1 ready
node-2: agent-2 ready`},
		{"Crash", "the kubelet restarts it", func(t *testing.T, c *daemontest.Cluster) {
			c.Crash(t, c.Pods(t, agent, daemontest.Node("node-2"))...)
			c.Advance(t, 9*time.Second)
		}, `
12:10:19
node-1: agent-1 ready
node-2: agent-2, not ready, 1 restart`},
		{"Crash, settled", "it is ready again", func(t *testing.T, c *daemontest.Cluster) {
			c.Crash(t, c.Pods(t, agent, daemontest.Node("node-2"))...)
			c.Settle(t)
		}, `
12:20:20
node-1: agent-1 ready
node-2: agent-2 ready, 1 restart`},
		{"Hang", "it never is ready again", func(t *testing.T, c *daemontest.Cluster) {
			c.Hang(t, c.Pods(t, agent, daemontest.Node("node-2"))...)
			c.Settle(t)
		}, `
12:10:10
node-1: agent-1 ready
node-2: agent-2, not ready`},
		{"Hang, deleted soon", "the next one is well", func(t *testing.T, c *daemontest.Cluster) {
			c.Hang(t, c.Pods(t, agent, daemontest.Node("node-2"))...)
			c.Advance(t, 30*time.Second)
			c.Delete(t, c.Pods(t, agent, daemontest.Node("node-2"))[0])
			c.Settle(t)
		}, `
12:20:52
node-1: agent-1 ready
node-2: agent-3 ready`},
		{"Fail", "another one comes", func(t *testing.T, c *daemontest.Cluster) {
			c.Fail(t, c.Pods(t, agent, daemontest.Node("node-2"))...)
			c.Settle(t)
		}, `
12:20:20
node-1: agent-1 ready
node-2: agent-3 ready`},
		{"Delete", "it terminates", func(t *testing.T, c *daemontest.Cluster) {
			c.Delete(t, c.Pods(t, agent, daemontest.Node("node-2"))[0])
		}, `
12:10:10
node-1: agent-1 ready
node-2: agent-2 ready, terminating`},
		{"Elapse", "nobody creates another", func(t *testing.T, c *daemontest.Cluster) {
			c.Delete(t, c.Pods(t, agent, daemontest.Node("node-2"))[0])
			c.Elapse(t, time.Minute)
		}, `
12:11:10
node-1: agent-1 ready
node-2:`},
		{"Step", "the next thing is that a pod is gone, and the controller creates another", func(t *testing.T, c *daemontest.Cluster) {
			c.Delete(t, c.Pods(t, agent, daemontest.Node("node-2"))[0])
			if !c.Step(t) {
				t.Error("Step() = false, want a pod to terminate")
			}
		}, `
12:10:12
node-1: agent-1 ready
node-2: agent-3, not ready`},
		{"Step, after Apply", "the controller first deletes a pod", func(t *testing.T, c *daemontest.Cluster) {
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Step(t)
		}, `
12:10:12
node-1: agent-3, not ready
node-2: agent-2 ready`},
		{"Step, settled", "nothing is going to happen", func(t *testing.T, c *daemontest.Cluster) {
			if c.Step(t) {
				t.Error("Step() = true, want false in a settled cluster")
			}
		}, `
12:10:10
node-1: agent-1 ready
node-2: agent-2 ready`},
		{"Sync", "one pass; the clock stays", func(t *testing.T, c *daemontest.Cluster) {
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Sync(t, agent)
		}, `
12:10:10
node-1: agent-1 ready, terminating
node-2: agent-2 ready`},
		{"CarryOut", "a controller that replaces all pods at once", func(t *testing.T, c *daemontest.Cluster) {
			in := c.Input(agent)
			result := &rollout.Result{}
			for _, pod := range in.Pods {
				result.Plan.Delete = append(result.Plan.Delete, daemon.Delete{Pod: pod})
			}
			c.CarryOut(t, agent, result)
			c.Elapse(t, 2*time.Second)
		}, `
12:10:12
node-1:
node-2:`},
		{"BreakImage", "the word of the kubelet", func(t *testing.T, c *daemontest.Cluster) {
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Advance(t, time.Hour)
		}, `
13:10:10
node-1: agent-3, not ready, ImagePullBackOff since 12:10:12
node-2: agent-2 ready`},
		{"BreakImage, repaired", "another image goes on", func(t *testing.T, c *daemontest.Cluster) {
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Settle(t)
			c.Apply(t, daemontest.WithImage(agent, "agent:3"))
			c.Settle(t)
		}, `
12:20:36
node-1: agent-4 ready
node-2: agent-5 ready`},
		{"BreakImage, bound before", "these pods have pulled it", func(t *testing.T, c *daemontest.Cluster) {
			c.BreakImage(t, "agent:1")
			c.NotReady(t, daemontest.Node("node-1"))
			c.Advance(t, time.Minute)
			c.Recover(t, daemontest.Node("node-1"))
			c.Crash(t, c.Pods(t, agent, daemontest.Node("node-2"))...)
			c.Settle(t)
		}, `
12:21:20
node-1: agent-1 ready
node-2: agent-2 ready, 1 restart`},
		{"BreakImage, bound before and deleted", "the next pod has to pull it", func(t *testing.T, c *daemontest.Cluster) {
			c.BreakImage(t, "agent:1")
			c.Delete(t, c.Pods(t, agent)[0])
			c.Settle(t)
		}, `
12:10:12
node-1: agent-3, not ready, ImagePullBackOff since 12:10:12
node-2: agent-2 ready`},
		{"MendImage", "pods that wait for it pull it at once", func(t *testing.T, c *daemontest.Cluster) {
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Settle(t)
			c.MendImage(t, "agent:2")
			c.SettlesWithin(t, time.Minute)
		}, `
12:20:34
node-1: agent-3 ready
node-2: agent-4 ready`},
		{"MendImage, after hours and a node that was not ready", "the simulation has given up on it", func(t *testing.T, c *daemontest.Cluster) {
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Advance(t, time.Hour)
			c.NotReady(t, daemontest.Node("node-1"))
			c.Advance(t, time.Hour)
			c.Recover(t, daemontest.Node("node-1"))
			c.Advance(t, time.Hour)
			c.MendImage(t, "agent:2")
			c.SettlesWithin(t, time.Minute)
		}, `
15:20:32
node-1: agent-3 ready
node-2: agent-4 ready`},
		{"MendImage, on a node that is not ready", "its kubelet pulls it when it is back", func(t *testing.T, c *daemontest.Cluster) {
			node := daemontest.Node("node-1")
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Advance(t, time.Hour)
			c.NotReady(t, node)
			c.Recover(t, node)
			c.NotReady(t, node)
			c.MendImage(t, "agent:2")
			c.Advance(t, time.Minute)
			c.Recover(t, node)
			c.SettlesWithin(t, time.Minute)
		}, `
13:21:32
node-1: agent-3 ready
node-2: agent-4 ready`},
		{"MendImage, one of two", "the pod waits for the other", func(t *testing.T, c *daemontest.Cluster) {
			next := daemontest.WithImage(agent, "agent:2")
			next.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "setup:1"}}
			c.BreakImage(t, "agent:2")
			c.BreakImage(t, "setup:1")
			c.Apply(t, next)
			c.Settle(t)
			c.MendImage(t, "setup:1")
			c.StallsAt(t, agent, 1)
		}, `
12:10:12
node-1: agent-3, not ready, ImagePullBackOff since 12:10:12
node-2: agent-2 ready`},
		{"BreakImage, bound late", "the binding changes no status of the DaemonSet", func(t *testing.T, c *daemontest.Cluster) {
			c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return simulate.PodTimes{BoundAfter: time.Minute} }
			c.BreakImage(t, "agent:2")
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Settle(t)
		}, `
12:11:12
node-1: agent-3, not ready, ImagePullBackOff since 12:11:12
node-2: agent-2 ready`},
		{"Options", "the policy may change between calls", func(t *testing.T, c *daemontest.Cluster) {
			c.Options.Policy.Paused = true
			c.Apply(t, daemontest.WithImage(agent, "agent:2"))
			c.Settle(t)
		}, `
12:10:10
node-1: agent-1 ready
node-2: agent-2 ready`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(2)...)
			tc.step(t, c)
			if diff := cmp.Diff(strings.TrimPrefix(tc.want, "\n"), show(t, c, agent)); diff != "" {
				t.Errorf("the cluster is (-want +got):\n%s%s", diff, tc.why)
			}
		})
	}
}

// TestMendImageWatch: a watch sees each pod as it has become, and from what it has seen before.
func TestMendImageWatch(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(2)...)
	seen, changes := map[string]*corev1.Pod{}, 0
	for _, pod := range c.Pods(t, agent) {
		seen[pod.Name] = pod
	}
	c.Options.WatchPods = func(_ time.Time, old, cur *corev1.Pod) {
		pod := stdcmp.Or(cur, old)
		if seen[pod.Name] != old {
			t.Errorf("%s: old is not what was seen before", pod.Name)
		}
		seen[pod.Name] = cur
		changes++
	}
	c.BreakImage(t, "agent:2")
	c.Apply(t, daemontest.WithImage(agent, "agent:2"))
	c.Advance(t, time.Hour)
	before := changes
	c.MendImage(t, "agent:2")
	if changes != before+1 {
		t.Errorf("MendImage() is %d changes, want 1", changes-before)
	}
	c.SettlesWithin(t, time.Minute)
}

// TestNewClusterOptions: they hold for pods that exist already.
func TestNewClusterOptions(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	pod := daemontest.Pod(agent, "node-1")
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning}
	c := daemontest.NewCluster(t, daemon.Input{
		DaemonSet: agent, Nodes: daemontest.Nodes(1), Pods: []*corev1.Pod{pod},
		Revisions: []*appsv1.ControllerRevision{daemontest.Revision(agent, 1)},
	}, simulate.Options{PodTimes: timesOf(map[string]simulate.PodTimes{"node-1": {ReadyAfter: 2 * time.Hour}})})
	end := c.Settle(t)[0]
	if want := daemontest.Start().Add(time.Hour); end.State != simulate.EndComplete || !end.Time.Equal(want) {
		t.Errorf("settled: %v, want it complete at %v, two hours after the pod was created", end, want)
	}
}

// TestSettledPodsHaveAged: a next version with longer minReadySeconds finds the pods available.
func TestSettledPodsHaveAged(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
	agent.Spec.MinReadySeconds = 30
	c.Apply(t, agent)
	c.SettlesWithin(t, 0)
	c.AtMostUnavailable(t, agent, 0)

	next := daemontest.WithImage(agent, "agent:2")
	next.Spec.MinReadySeconds = 60
	c.Apply(t, next)
	c.SettlesWithin(t, 10*time.Minute)
	c.AllReplaced(t, next)
	c.AtMostUnavailable(t, next, 1)
}

// TestReadyCondition: the time of the condition is that of a change.
func TestReadyCondition(t *testing.T) {
	node := daemontest.Node("node-1")
	c := daemontest.Settled(t, daemontest.DaemonSet("agent"), node)
	times := func() (condition, taint string) {
		node := c.Nodes(t, "")[0]
		if len(node.Spec.Taints) > 0 {
			taint = node.Spec.Taints[0].TimeAdded.UTC().Format(time.TimeOnly)
		}
		return node.Status.Conditions[0].LastTransitionTime.UTC().Format(time.TimeOnly), taint
	}
	for _, tc := range []struct {
		name             string
		step             func()
		condition, taint string
	}{
		{"NotReady", func() { c.NotReady(t, node) }, "12:11:10", "12:11:10"},
		{"NotReady, a taint is missing", func() {
			c.Untaint(t, "node.kubernetes.io/not-ready:NoSchedule", node)
			c.NotReady(t, node)
		}, "12:11:10", "12:11:10"},
		{"Unreachable", func() { c.Unreachable(t, node) }, "12:13:10", "12:13:10"},
		{"Recover", func() { c.Recover(t, node) }, "12:14:10", ""},
		{"Recover from taints alone", func() { c.Taint(t, "node.kubernetes.io/not-ready:NoExecute", node); c.Recover(t, node) }, "12:14:10", ""},
	} {
		c.Advance(t, time.Minute)
		tc.step()
		if condition, taint := times(); condition != tc.condition || taint != tc.taint {
			t.Errorf("%s: the condition is of %q and the taint of %q, want %q and %q", tc.name, condition, taint, tc.condition, tc.taint)
		}
	}
}

// TestCrashOnce: however long a pod has run, one crash is no crash loop, nor is a second one.
func TestCrashOnce(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	for _, ran := range []time.Duration{0, time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, time.Hour} {
		t.Run(ran.String(), func(t *testing.T) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(2)...)
			for restarts := range int32(3) {
				c.Advance(t, ran)
				c.Crash(t, c.Pods(t, agent)[0])
				c.SettlesWithin(t, 10*time.Second)
				if got := c.Pods(t, agent)[0].Status.ContainerStatuses[0].RestartCount; got != restarts+1 {
					t.Errorf("%d restarts, want %d", got, restarts+1)
				}
			}
			c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes {
				return simulate.PodTimes{ReadyAfter: 3 * time.Minute}
			}
			c.Advance(t, ran)
			c.Crash(t, c.Pods(t, agent)[0])
			c.SettlesWithin(t, 3*time.Minute)
		})
	}
}

// show returns the time and a line for each node with its pods.
func show(t *testing.T, c *daemontest.Cluster, ds *appsv1.DaemonSet) string {
	t.Helper()
	snapshot := observe(t, c.Input(ds))
	lines := []string{c.Now().Format(time.TimeOnly)}
	for _, node := range snapshot.Nodes() {
		line := node.Name + ":"
		for _, p := range node.Pods {
			line += " " + p.Pod.Name
			if p.Ready {
				line += " ready"
			} else {
				line += ", not ready"
			}
			if p.Terminating {
				line += ", terminating"
			}
			for _, s := range p.Pod.Status.ContainerStatuses {
				if s.RestartCount > 0 {
					line += fmt.Sprintf(", %d restart", s.RestartCount)
				}
				if s.State.Waiting != nil {
					at := p.Pod.Status.Conditions[len(p.Pod.Status.Conditions)-1].LastTransitionTime
					line += fmt.Sprintf(", %s since %s", s.State.Waiting.Reason, at.UTC().Format(time.TimeOnly))
				}
			}
		}
		switch {
		case node.Node == nil:
			line += ", no node"
		case !node.Decision.Run:
			if why := snapshot.Matcher().Explain(node.Node); len(node.Pods) > 0 {
				line += ", " + why.Cause()
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// TestDaemonSetDefaults: which defaults the fixture has, also once it is applied.
func TestDaemonSetDefaults(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	if diff := cmp.Diff(daemon.Default(agent), agent); diff != "" {
		t.Errorf("daemon.Default changes the fixture (-want +got):\n%s", diff)
	}
	c := daemontest.Settled(t, agent, daemontest.Nodes(1)...)
	want := corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "agent:1"}}}
	for what, spec := range map[string]corev1.PodSpec{"the fixture": agent.Spec.Template.Spec, "the stored one": c.Input(agent).DaemonSet.Spec.Template.Spec} {
		if diff := cmp.Diff(want, spec); diff != "" {
			t.Errorf("the pod spec of %s (-want +got):\n%s", what, diff)
		}
	}
}

// TestMistakes: a test that asks for what cannot be done ends with a sentence about it.
func TestMistakes(t *testing.T) {
	agent := daemontest.DaemonSet("agent")
	for _, tc := range []struct {
		name, why string
		test      func(t testing.TB, c *daemontest.Cluster)
		want      string
	}{
		{"another selector", "it is immutable", func(t testing.TB, c *daemontest.Cluster) {
			other := agent.DeepCopy()
			other.Spec.Selector.MatchLabels = map[string]string{"app": "other"}
			other.Spec.Template.Labels = map[string]string{"app": "other"}
			c.Apply(t, other)
		}, "kube-system/agent: refused: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field is immutable"},
		{"a selector that does not match", "the API server refuses it", func(t testing.TB, c *daemontest.Cluster) {
			other := daemontest.DaemonSet("other")
			other.Spec.Template.Labels = nil
			c.Apply(t, other)
		}, "kube-system/other: refused: spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"},
		{"a budget that does not parse", "that it is then missing only follows", func(t testing.TB, c *daemontest.Cluster) {
			other := agent.DeepCopy()
			other.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("ten"))
			c.Apply(t, other)
		}, "kube-system/agent: refused: spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: \"ten\": "},
		{"no namespace", "kubectl sets it, a test must", func(t testing.TB, c *daemontest.Cluster) {
			other := daemontest.DaemonSet("other")
			other.Namespace = ""
			c.Apply(t, other)
		}, "other: refused: metadata.namespace: Required value"},
		{"a malformed toleration", "the API server refuses it", func(t testing.TB, c *daemontest.Cluster) {
			other := agent.DeepCopy()
			other.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists, Effect: "noexecute"}}
			c.Apply(t, other)
		}, "kube-system/agent: refused: spec.template.spec.tolerations[0].effect: Unsupported value: \"noexecute\""},
		{"a label beside a malformed toleration", "the API server validates what is stored, too", func(t testing.TB, _ *daemontest.Cluster) {
			stored := agent.DeepCopy()
			stored.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists, Effect: "noexecute"}}
			c := daemontest.NewCluster(t, daemon.Input{DaemonSet: stored, Nodes: daemontest.Nodes(1)}, simulate.Options{})
			labeled := stored.DeepCopy()
			labeled.Labels = map[string]string{"team": "a"}
			c.Apply(t, labeled)
		}, "kube-system/agent: refused: spec.template.spec.tolerations[0].effect: Unsupported value: \"noexecute\""},
		{"a malformed node affinity beside a stored one", "the API server takes label values that it has taken before, and no operators", func(t testing.TB, _ *daemontest.Cluster) {
			require := func(op corev1.NodeSelectorOperator) *corev1.Affinity {
				return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
					NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: op, Values: []string{"a=b"}}}}},
				}}}
			}
			stored := agent.DeepCopy()
			stored.Spec.Template.Spec.Affinity = require(corev1.NodeSelectorOpIn)
			c := daemontest.NewCluster(t, daemon.Input{DaemonSet: stored, Nodes: daemontest.Nodes(1)}, simulate.Options{})
			other := stored.DeepCopy()
			other.Spec.Template.Spec.Affinity = require(corev1.NodeSelectorOpNotIn)
			c.Apply(t, other)
			other.Spec.Template.Spec.Affinity = require("Near")
			c.Apply(t, other)
		}, "kube-system/agent: refused: spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator: "},
		{"no object", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Apply(t, (*appsv1.DaemonSet)(nil)) },
			"objects[0]: Required value"},
		{"a label with spaces", "the API server refuses it", func(t testing.TB, c *daemontest.Cluster) { c.Join(t, daemontest.Node("node-3", "zone = a")) },
			"node-3: refused:\nmetadata.labels: Invalid value: \"zone \": name part must consist of alphanumeric characters"},
		{"labels with malformed values", "which labels, in order", func(t testing.TB, c *daemontest.Cluster) {
			c.Join(t, daemontest.Node("node-3", "b=1=2", "a=x=y"))
		}, `node-3: refused:
metadata.labels[a]: Invalid value: "x=y": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
metadata.labels[b]: Invalid value: "1=2": `},
		{"a taint without an effect", "it would keep nothing off", func(t testing.TB, c *daemontest.Cluster) {
			node := daemontest.Node("node-3")
			node.Spec.Taints = []corev1.Taint{{Key: "gpu"}}
			c.Join(t, node)
		}, `node-3: refused: spec.taints[0].effect: Unsupported value: ""`},
		{"a taint with a malformed value", "the API server refuses it", func(t testing.TB, c *daemontest.Cluster) {
			node := daemontest.Node("node-3")
			node.Spec.Taints = []corev1.Taint{{Key: "gpu", Value: "no good!", Effect: corev1.TaintEffectNoSchedule}}
			c.Join(t, node)
		}, `node-3: refused: spec.taints[0].value: Invalid value: "no good!": `},
		{"a taint twice", "the API server refuses it", func(t testing.TB, c *daemontest.Cluster) {
			node := daemontest.Node("node-3")
			node.Spec.Taints = []corev1.Taint{
				{Key: "gpu", Effect: corev1.TaintEffectNoSchedule},
				{Key: "gpu", Effect: corev1.TaintEffectNoExecute},
				{Key: "gpu", Value: "a", Effect: corev1.TaintEffectNoSchedule},
			}
			c.Join(t, node)
		}, `node-3: refused: spec.taints[2]: Duplicate value: `},
		{"a name with capitals", "the API server refuses it", func(t testing.TB, c *daemontest.Cluster) {
			c.Join(t, daemontest.Node("Node_3", "kubernetes.io/hostname=node-3"))
		},
			`Node_3: refused: metadata.name: Invalid value: "Node_3": `},
		{"Taint without an effect", "kubectl wants one", func(t testing.TB, c *daemontest.Cluster) { c.Taint(t, "gpu=a", daemontest.Node("node-1")) },
			`taint "gpu=a": the effect is "" and must be NoSchedule, PreferNoSchedule or NoExecute, as in key=value:NoSchedule`},
		{"Label without a key", "malformed", func(t testing.TB, c *daemontest.Cluster) { daemontest.Label(t, "=a", daemontest.Node("node-1")) },
			`label "=a": the key "": name part must be non-empty`},
		{"Label with two values", "the value is all behind the first sign", func(t testing.TB, c *daemontest.Cluster) {
			daemontest.Label(t, "a=b=c", daemontest.Node("node-1"))
		}, `label "a=b=c": the value "b=c": a valid label must be an empty string or consist of alphanumeric characters`},
		{"Label with spaces around", "both parts are wrong", func(t testing.TB, c *daemontest.Cluster) {
			c.Label(t, "a = b", daemontest.Node("node-1"))
		}, `label "a = b": the key "a ": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'); the value " b": a valid label must be`},
		{"Taint with two values", "the value is all behind the first sign", func(t testing.TB, c *daemontest.Cluster) {
			c.Taint(t, "a=b=c:NoSchedule", daemontest.Node("node-1"))
		}, `taint "a=b=c:NoSchedule": the value "b=c": a valid label must be`},
		{"Untaint without a key", "malformed", func(t testing.TB, c *daemontest.Cluster) {
			c.Untaint(t, "=b:NoSchedule", daemontest.Node("node-1"))
		}, `taint "=b:NoSchedule": the key "": name part must be non-empty`},
		{"Label of nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { daemontest.Label(t, "a=b") },
			`label "a=b": no nodes are given`},
		{"Taint of nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { daemontest.Taint(t, "a:NoExecute") },
			`taint "a:NoExecute": no nodes are given`},
		{"Label of nil", "forgotten", func(t testing.TB, c *daemontest.Cluster) { daemontest.Label(t, "a=b", nil) },
			`label "a=b": a node is nil`},
		{"Taint of nil", "forgotten", func(t testing.TB, c *daemontest.Cluster) { daemontest.Taint(t, "a:NoExecute", nil) },
			`taint "a:NoExecute": a node is nil`},
		{"Untaint, not there", "a mistake", func(t testing.TB, c *daemontest.Cluster) { c.Untaint(t, "gpu:NoExecute", daemontest.Node("node-1")) },
			"node node-1 does not have the taint gpu:NoExecute"},
		{"a node that has left", "a mistake", func(t testing.TB, c *daemontest.Cluster) {
			c.Leave(t, daemontest.Node("node-1"))
			c.NotReady(t, daemontest.Node("node-1"))
		}, "node node-1 has left the cluster"},
		{"Leave, twice", "a mistake", func(t testing.TB, c *daemontest.Cluster) {
			c.Leave(t, daemontest.Node("node-1"))
			c.Leave(t, daemontest.Node("node-1"))
		}, "node node-1 has left the cluster"},
		{"Leave, never there", "a mistake", func(t testing.TB, c *daemontest.Cluster) { c.Leave(t, daemontest.Node("node-3")) },
			"the cluster never had a node node-3; it has node-1, node-2"},
		{"Delete, another DaemonSet", "a mistake", func(t testing.TB, c *daemontest.Cluster) { c.Delete(t, daemontest.DaemonSet("other")) },
			"the cluster has no DaemonSet kube-system/other; it has kube-system/agent"},
		{"Crash, no such pod", "a mistake", func(t testing.TB, c *daemontest.Cluster) { c.Crash(t, daemontest.Pod(agent, "node-1")) },
			"kube-system/agent-node-1: not found"},
		{"Hang, nil", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Hang(t, nil) },
			"pods[0] is nil"},
		{"Pods, none there", "the reason for the node", func(t testing.TB, c *daemontest.Cluster) {
			node := daemontest.Node("node-3")
			daemontest.Taint(t, "gpu:NoSchedule", node)
			c.Join(t, node)
			c.Settle(t)
			c.Pods(t, agent, node)
		}, "kube-system/agent: no pod on node-3: does not run: untolerated taint gpu:NoSchedule"},
		{"Apply, two nodes of one name", "one would be lost", func(t testing.TB, c *daemontest.Cluster) {
			c.Join(t, append(daemontest.Nodes(4), daemontest.Nodes(2, "gpu")...)...)
		}, "node-1 is given twice"},
		{"Settled, two nodes of one name", "one would be lost", func(t testing.TB, c *daemontest.Cluster) {
			daemontest.Settled(t, agent, append(daemontest.Nodes(4), daemontest.Nodes(2, "gpu")...)...)
		}, "node-1 is given twice"},
		{"Delete, twice the same", "a mistake", func(t testing.TB, c *daemontest.Cluster) { c.Delete(t, agent, agent) },
			"kube-system/agent is given twice"},
		{"Label, twice the same node", "a mistake", func(t testing.TB, c *daemontest.Cluster) {
			c.Label(t, "a=b", append(daemontest.Nodes(2), daemontest.Node("node-2"))...)
		}, "node-2 is given twice"},
		{"RunsOn, twice the same node", "it would be a shorter list", func(t testing.TB, c *daemontest.Cluster) {
			c.RunsOn(t, agent, append(daemontest.Nodes(2), daemontest.Node("node-2"))...)
		}, "node-2 is given twice"},
		{"Crash, twice the same pod", "a mistake", func(t testing.TB, c *daemontest.Cluster) {
			pods := c.Pods(t, agent)
			c.Crash(t, pods[0], pods[0])
		}, "kube-system/agent-1 is given twice"},
		{"Crash, an older pod of the name", "it is another one", func(t testing.TB, c *daemontest.Cluster) {
			other := c.Pods(t, agent)[0].DeepCopy()
			other.UID = "uid-other"
			c.Crash(t, other)
		}, "kube-system/agent-1: not found: the pod of this name has the UID "},
		{"Crash, not bound", "no kubelet runs it", func(t testing.TB, c *daemontest.Cluster) {
			c.Options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return simulate.PodTimes{BoundAfter: -1} }
			c.Join(t, daemontest.Node("node-3"))
			c.Settle(t)
			c.Crash(t, c.Pods(t, agent, daemontest.Node("node-3"))...)
		}, "kube-system/agent-3: is not bound to a node"},
		{"Hang, finished", "nothing of it runs", func(t testing.TB, c *daemontest.Cluster) {
			pods := c.Pods(t, agent)
			c.Fail(t, pods...)
			c.Hang(t, pods...)
		}, "kube-system/agent-1: has finished"},
		{"Apply, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Apply(t) }, "nothing is given"},
		{"Delete, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Delete(t) }, "nothing is given"},
		{"Join, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Join(t) }, "nothing is given"},
		{"Leave, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Leave(t) }, "nothing is given"},
		{"Label, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Label(t, "a=b") }, "nothing is given"},
		{"Taint, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Taint(t, "a:NoExecute") }, "nothing is given"},
		{"Untaint, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Untaint(t, "a:NoExecute") }, "nothing is given"},
		{"NotReady, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.NotReady(t) }, "nothing is given"},
		{"Unreachable, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Unreachable(t) }, "nothing is given"},
		{"Recover, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Recover(t) }, "nothing is given"},
		{"Recover, one is ready", "a step that does nothing hides a mistake", func(t testing.TB, c *daemontest.Cluster) {
			c.NotReady(t, daemontest.Node("node-1"))
			c.Recover(t, daemontest.Nodes(2)...)
		}, "node node-2 is ready: there is nothing to recover from"},
		{"NotReady, twice", "it changes nothing", func(t testing.TB, c *daemontest.Cluster) {
			c.NotReady(t, daemontest.Node("node-1"))
			c.NotReady(t, daemontest.Nodes(2)...)
		}, "node node-1 is already not ready"},
		{"Unreachable, twice", "it changes nothing", func(t testing.TB, c *daemontest.Cluster) {
			c.Unreachable(t, daemontest.Node("node-2"))
			c.Unreachable(t, daemontest.Nodes(2)...)
		}, "node node-2 is already unreachable"},
		{"Label, there already", "it changes nothing", func(t testing.TB, c *daemontest.Cluster) {
			c.Label(t, "zone=a", daemontest.Node("node-2"))
			c.Label(t, "zone=b", daemontest.Node("node-2")) // another value is a change
			c.Label(t, "zone=b", daemontest.Nodes(2)...)
		}, "node node-2 already has the label zone=b"},
		{"Label, empty and there already", "no value is one", func(t testing.TB, c *daemontest.Cluster) {
			c.Label(t, "gpu", daemontest.Node("node-2"))
			c.Label(t, "gpu", daemontest.Node("node-2"))
		}, "node node-2 already has the label gpu"},
		{"Taint, there already", "it changes nothing", func(t testing.TB, c *daemontest.Cluster) {
			c.Taint(t, "db=a:NoSchedule", daemontest.Node("node-2"))
			c.Taint(t, "db=a:NoExecute", daemontest.Node("node-2")) // another effect is another taint
			c.Taint(t, "db=a:NoSchedule", daemontest.Nodes(2)...)
		}, "node node-2 already has the taint db=a:NoSchedule"},
		{"Hang, twice", "it changes nothing", func(t testing.TB, c *daemontest.Cluster) {
			pods := c.Pods(t, agent)
			c.Hang(t, pods[1])
			c.Crash(t, pods[1])
			c.Hang(t, pods...)
		}, "kube-system/agent-2: already hangs"},
		{"BreakImage, twice", "it changes nothing", func(t testing.TB, c *daemontest.Cluster) {
			c.BreakImage(t, "agent:2")
			c.BreakImage(t, "agent:2")
		}, `image "agent:2" is already broken`},
		{"Settled, a nil node", "not an index into a list that nobody has passed", func(t testing.TB, _ *daemontest.Cluster) {
			daemontest.Settled(t, agent, daemontest.Node("node-1"), nil)
		}, "nodes[1] is nil"},
		{"Settled, no DaemonSet", "not an index into a list that nobody has passed", func(t testing.TB, _ *daemontest.Cluster) {
			daemontest.Settled(t, nil, daemontest.Nodes(2)...)
		}, "the DaemonSet is nil"},
		{"Crash, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Crash(t) }, "nothing is given"},
		{"Hang, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Hang(t) }, "nothing is given"},
		{"Fail, nothing", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.Fail(t) }, "nothing is given"},
		{"Pods, a node that has left", "an empty list would do nothing", func(t testing.TB, c *daemontest.Cluster) {
			c.Leave(t, daemontest.Node("node-2"))
			c.Settle(t)
			c.Pods(t, agent, daemontest.Nodes(2)...)
		}, "kube-system/agent: no pod on node-2: no such node"},
		{"SettlesWithin, no DaemonSet", "it would hold for nothing", func(t testing.TB, c *daemontest.Cluster) {
			c.Delete(t, agent)
			c.SettlesWithin(t, time.Minute)
		}, "the cluster has no DaemonSet"},
		{"SettlesWithin, only nodes", "it would hold for nothing", func(t testing.TB, _ *daemontest.Cluster) {
			c := &daemontest.Cluster{}
			c.Join(t, daemontest.Nodes(2)...)
			c.SettlesWithin(t, time.Minute)
		}, "the cluster has no DaemonSet"},
		{"Nodes, malformed", "kubectl's words", func(t testing.TB, c *daemontest.Cluster) { c.Nodes(t, "a in") },
			`selector "a in": `},
		{"Nodes, none", "an assertion about none would hold", func(t testing.TB, c *daemontest.Cluster) { c.Nodes(t, "gpu") },
			`selector "gpu": no node matches`},
		{"BreakImage, empty", "forgotten", func(t testing.TB, c *daemontest.Cluster) { c.BreakImage(t, "") },
			"the image is empty"},
		{"MendImage, not broken", "a mistake", func(t testing.TB, c *daemontest.Cluster) { c.MendImage(t, "agent:1") },
			`image "agent:1" is not broken`},
		{"a pod of a manifest", "it would belong to nobody", func(t testing.TB, c *daemontest.Cluster) {
			manifest := daemontest.DaemonSet("agent")
			manifest.UID = ""
			c.Apply(t, daemontest.Pod(manifest, "node-1"))
		}, "kube-system/agent-node-1: refused: metadata.ownerReferences[0].uid: Required value: make the object for the stored DaemonSet, Cluster.Input(ds).DaemonSet"},
		{"NewCluster, twice the same node", "the path", func(t testing.TB, c *daemontest.Cluster) {
			daemontest.NewCluster(t, daemon.Input{Nodes: append(daemontest.Nodes(1), daemontest.Nodes(1)...)}, simulate.Options{})
		}, `nodes[1].metadata.name: Duplicate value: "node-1"`},
		{"Sync, no such DaemonSet", "the path", func(t testing.TB, c *daemontest.Cluster) { c.Sync(t, daemontest.DaemonSet("other")) },
			`daemonSet: Not found: "kube-system/other"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := daemontest.Settled(t, agent, daemontest.Nodes(2)...)
			got := reportsOf(func(t testing.TB) { tc.test(t, c) })
			if !strings.HasPrefix(got, "fatal: "+tc.want) {
				t.Errorf("reports %q, want %q: %s", got, tc.want, tc.why)
			}
		})
	}
}

// TestSeveralDaemonSets: each has a record of its own.
func TestSeveralDaemonSets(t *testing.T) {
	agent, other, nodes := daemontest.DaemonSet("agent"), onSSDs(), daemontest.Nodes(2)
	other.Name, other.UID = "other", "uid-other"
	daemontest.Label(t, "disk=ssd", nodes[0])
	c := daemontest.Settled(t, agent, nodes...)
	c.Apply(t, other)
	c.Settle(t)
	c.RunsOn(t, agent, nodes...)
	c.RunsOn(t, other, nodes[0])
	c.NeverOn(t, other, nodes[1])
	c.AtMostUnavailable(t, agent, 0)
	c.FromNow(t)
	c.Delete(t, agent)
	c.Settle(t)
	c.AtMostUnavailable(t, other, 0)
	const want = "fatal: the cluster has no DaemonSet kube-system/agent; it has kube-system/other"
	if got := reportsOf(func(t testing.TB) { c.RunsOn(t, agent) }); got != want {
		t.Errorf("after Delete, RunsOn() reports %q, want %q", got, want)
	}
}

// TestRecord: AtMostUnavailable, NeverOn and NoPodLost see what somebody sees who counts
// from scratch after every change of a pod.
func TestRecord(t *testing.T) {
	for seed := range property.Seeds(t, 25) {
		r := rand.New(rand.NewPCG(seed, 1))
		agent := daemontest.DaemonSet("agent")
		agent.Spec.MinReadySeconds = int32(r.IntN(2) * 15)
		if r.IntN(3) == 0 {
			agent = surging()
		} else {
			agent.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(int32(1 + r.IntN(2))))
		}
		nodes := daemontest.Nodes(2 + r.IntN(4))
		c := daemontest.Settled(t, agent, nodes...)
		// seen, worst, had and lost are what the record should have.
		seen, changing := map[string]bool{}, false
		var worst []string // the time and the nodes
		var had, lost map[string]bool
		count := func() {
			snapshot := observe(t, c.Input(agent))
			for _, node := range snapshot.Nodes() {
				seen[node.Name] = seen[node.Name] || len(node.Pods) > 0
				had[node.Name] = node.Node != nil && (had[node.Name] || live(&node))
				lost[node.Name] = node.Node != nil && lost[node.Name]
			}
			if names := unavailable(snapshot); len(names) >= len(worst) {
				worst = append([]string{snapshot.Now().Format(time.TimeOnly)}, names...)
			}
		}
		restart := func() {
			worst, had, lost = nil, map[string]bool{}, map[string]bool{}
			count()
		}
		restart()
		c.Options.WatchPods = func(_ time.Time, old, cur *corev1.Pod) {
			if changing {
				return
			}
			count()
			if old != nil && old.DeletionTimestamp == nil && old.Status.Phase != corev1.PodFailed && (cur == nil || cur.DeletionTimestamp != nil) {
				name, _ := daemon.TargetNode(old)
				if node := observe(t, c.Input(agent)).Node(name); node != nil && node.Node != nil && !node.Decision.Keep {
					lost[name] = true
				}
			}
		}
		for range 8 {
			if r.IntN(8) == 0 {
				c.Settle(t)
			}
			if r.IntN(8) == 0 {
				c.FromNow(t)
				restart()
			}
			changing = true
			disturb(t, r, c, agent, &nodes)
			changing = false
			count()
			c.Advance(t, time.Duration(r.IntN(30))*time.Second)
			n := len(worst) - 1
			if got := reportsOf(func(t testing.TB) { c.AtMostUnavailable(t, agent, n) }); got != "" {
				t.Fatalf("seed %d: AtMostUnavailable(%d) reports\n%s", seed, n, got)
			}
			if n > 0 {
				got := reportsOf(func(t testing.TB) { c.AtMostUnavailable(t, agent, n-1) })
				var words []string
				for _, match := range timeOrNode.FindAllStringSubmatch(got, -1) {
					words = append(words, match[1]+match[2])
				}
				if diff := cmp.Diff(worst, words); diff != "" {
					t.Fatalf("seed %d: AtMostUnavailable(%d) reports\n%s\nwant this time and these nodes (-want +got):\n%s", seed, n-1, got, diff)
				}
			}
			snapshot, losers := observe(t, c.Input(agent)), 0
			for _, node := range snapshot.Nodes() {
				if node.Node != nil && (lost[node.Name] || had[node.Name] && !live(&node)) {
					losers++
				}
			}
			if got := reportsOf(func(t testing.TB) { c.NoPodLost(t, agent) }); strings.Count(got, "\n") != losers {
				t.Fatalf("seed %d: NoPodLost() reports\n%s\nwant a line for each of %d nodes", seed, got, losers)
			}
			for _, node := range nodes {
				if got := reportsOf(func(t testing.TB) { c.NeverOn(t, agent, node) }); (got != "") != seen[node.Name] {
					t.Fatalf("seed %d: NeverOn(%s) reports %q, want a report: %t", seed, node.Name, got, seen[node.Name])
				}
			}
		}
	}
}

func observe(t *testing.T, in daemon.Input) *daemon.Snapshot {
	t.Helper()
	snapshot, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// live reports whether a node has a pod that is neither terminating nor finished.
func live(node *daemon.NodeState) bool {
	return slices.ContainsFunc(node.Pods, func(p daemon.PodState) bool { return !p.Terminating && !p.Failed })
}

var timeOrNode = regexp.MustCompile(`(?m) unavailable at (\S+),|^([\w-]+):`)

// unavailable returns the nodes without an available pod that should run the DaemonSet, or keep
// a pod that is bound to them.
func unavailable(snapshot *daemon.Snapshot) []string {
	var names []string
	for _, node := range snapshot.Nodes() {
		keeps := node.Decision.Keep && slices.ContainsFunc(node.Pods, func(p daemon.PodState) bool {
			return p.Pod.Spec.NodeName == node.Name && !p.Terminating && !p.Failed
		})
		if node.Node == nil || !node.Decision.Run && !keeps {
			continue
		}
		if !slices.ContainsFunc(node.Pods, func(p daemon.PodState) bool { return p.Available && !p.Terminating && !p.Failed }) {
			names = append(names, node.Name)
		}
	}
	return names
}

// disturb changes something in the cluster.
func disturb(t *testing.T, r *rand.Rand, c *daemontest.Cluster, ds *appsv1.DaemonSet, nodes *[]*corev1.Node) {
	t.Helper()
	all := c.Nodes(t, "")
	node := all[r.IntN(len(all))]
	pods := c.Pods(t, ds)
	if len(pods) > 0 {
		i := r.IntN(len(pods))
		pods = pods[i : i+1]
	}
	// A step that changes nothing says so, and leaves the cluster as it is.
	step := func(do func(t testing.TB)) {
		t.Helper()
		if got := reportsOf(do); got != "" && !strings.Contains(got, " already ") && !strings.HasSuffix(got, ": there is nothing to recover from") {
			t.Fatal(got)
		}
	}
	switch r.IntN(12) {
	case 0:
		joins := daemontest.Node(fmt.Sprintf("late-%d", len(*nodes)))
		*nodes = append(*nodes, joins)
		c.Join(t, joins)
	case 1:
		if len(all) > 1 {
			c.Leave(t, node)
		}
	case 2:
		step(func(t testing.TB) { c.NotReady(t, node) })
	case 3:
		step(func(t testing.TB) { c.Recover(t, node) })
	case 4:
		step(func(t testing.TB) { c.Taint(t, "db=a:NoSchedule", node) })
	case 5:
		step(func(t testing.TB) { c.Taint(t, "db=a:NoExecute", node) })
	case 6, 7, 8:
		if len(pods) > 0 && pods[0].Spec.NodeName != "" && pods[0].Status.Phase != corev1.PodFailed {
			disturbance := []func(testing.TB, ...*corev1.Pod){c.Crash, c.Fail, c.Hang}[r.IntN(3)]
			step(func(t testing.TB) { disturbance(t, pods...) })
		}
	case 9:
		if len(pods) > 0 {
			c.Delete(t, pods[0])
		}
	case 10:
		c.Apply(t, daemontest.WithImage(ds, fmt.Sprintf("agent:%d", r.IntN(4))))
	case 11:
		step(func(t testing.TB) { c.BreakImage(t, "agent:broken") })
		c.Apply(t, daemontest.WithImage(ds, "agent:broken"))
	}
}
