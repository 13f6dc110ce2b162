package rollout_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// trialWords returns a trial such as "Starting since 11:30 on a, b (3 restarts), c
// (passed); back to old".
func trialWords(trial *rollout.CanaryTrial) string {
	if trial == nil {
		return "no trial"
	}
	text := fmt.Sprintf("%s since %s", string(trial.State), trial.Since.UTC().Format("15:04"))
	for i, n := range trial.Nodes {
		text += []string{" on ", ", "}[min(i, 1)] + n.Name
		if n.Restarts > 0 {
			text += fmt.Sprintf(" (%d restarts)", n.Restarts)
		}
		if n.Passed {
			text += " (passed)"
		}
	}
	if trial.BackTo != "" {
		text += "; back to " + trial.BackTo
	}
	return text
}

// trialOf returns a trial of the template new that began half an hour ago.
func trialOf(state rollout.CanaryState, nodes ...rollout.CanaryNode) *rollout.CanaryTrial {
	return &rollout.CanaryTrial{
		RevisionHash: "new", State: state, Since: metav1.NewTime(build.Now.Add(-30 * time.Minute)), Nodes: nodes, BackTo: "old",
	}
}

func tried(names ...string) []rollout.CanaryNode {
	var out []rollout.CanaryNode
	for _, name := range names {
		out = append(out, rollout.CanaryNode{Name: name})
	}
	return out
}

// TestCanaryTrial has one pass with a memory.
func TestCanaryTrial(t *testing.T) {
	starting := func(names ...string) *rollout.CanaryTrial { return trialOf(rollout.CanaryStarting, tried(names...)...) }
	before := func(restarts int) *rollout.CanaryTrial {
		return trialOf(rollout.CanaryStarting, rollout.CanaryNode{Name: "b", Restarts: restarts})
	}
	other := starting("b")
	other.RevisionHash = "old"
	failedBefore := trialOf(rollout.CanaryFailed, tried("b")...)
	failedBefore.RevisionHash, failedBefore.BackTo = "older", "new"
	half := intstr.FromString("50%")
	for _, tc := range []struct {
		name, why string
		memory    *rollout.CanaryTrial
		canary    rollout.Canary
		nodes     string
		// want is the step, and trial is what the next pass is to remember.
		want, trial string
	}{
		{"no memory", "a trial begins", nil, rollout.Canary{}, "a=old b=old",
			"-a; 1 by canary; canary starting on a", "Starting since 12:00 on a; back to old"},
		{"memory of another template", "a trial begins", other, rollout.Canary{}, "a=old b=old",
			"-a; 1 by canary; canary starting on a", "Starting since 12:00 on a; back to old"},
		{"half-filled memory", "what is missing is filled in", &rollout.CanaryTrial{RevisionHash: "new"}, rollout.Canary{}, "a=old b=old",
			"-a; 1 by canary; canary starting on a", "Starting since 12:00 on a"},
		{"back to most", "two of three waiting pods are older", nil, rollout.Canary{}, "a=old b=older c=older d=new!",
			"nothing; 3 by canary; canary starting on d", "Starting since 12:00 on d; back to older"},
		{"goes on", "the node stays although c's pod is older", starting("b"), rollout.Canary{}, "a=old b=new!/age=5m c=new",
			"nothing; 1 by canary; canary starting on b", "Starting since 11:30 on b; back to old"},
		{"passes", "its pod is available", starting("b"), rollout.Canary{}, "a=old b=new",
			"-a; canary passed on b", "Passed since 11:30 on b (passed); back to old"},
		{"a node has passed", "it is not judged any more", trialOf(rollout.CanaryStarting, rollout.CanaryNode{Name: "b", Passed: true}, rollout.CanaryNode{Name: "c"}),
			rollout.Canary{}, "a=old b=new!/restarts=9 c=new!", "nothing; 1 by canary; canary starting on b, c", "Starting since 11:30 on b (passed), c; back to old"},
		{"all nodes have passed", "the last one passes", trialOf(rollout.CanaryStarting, rollout.CanaryNode{Name: "b", Passed: true}, rollout.CanaryNode{Name: "c"}),
			rollout.Canary{}, "a=old b=new!/restarts=9 c=new", "-a; canary passed on b, c", "Passed since 11:30 on b (passed), c (passed); back to old"},
		{"passed", "it stays passed whatever its nodes do", trialOf(rollout.CanaryPassed, tried("b")...), rollout.Canary{Nodes: half, FailAfter: lasting(time.Minute)},
			"a=old b=new!/restarts=9 c=old d=old", "-a", "Passed since 11:30 on b; back to old"},
		{"passed, without a node", "nodes that have left change nothing", trialOf(rollout.CanaryPassed, tried("x")...), rollout.Canary{}, "a=old b=old",
			"-a -b", "Passed since 11:30 on x; back to old"},
		{"promoted while starting", "the caller decides", trialOf(rollout.CanaryPromoted, tried("b")...), rollout.Canary{Manual: true}, "a=old b=new!",
			"-a", "Promoted since 11:30 on b; back to old"},
		{"manual", "it has passed and waits", starting("b"), rollout.Canary{Manual: true}, "a=old b=new",
			"nothing; 1 by canary; canary waits for promotion on b", "Unpromoted since 11:30 on b (passed); back to old"},
		{"manual, waits", "what breaks later changes nothing", trialOf(rollout.CanaryUnpromoted, rollout.CanaryNode{Name: "b", Passed: true}),
			rollout.Canary{Manual: true, FailAfter: lasting(time.Minute)}, "a=old b=new!/restarts=9",
			"nothing; 1 by canary; canary waits for promotion on b", "Unpromoted since 11:30 on b (passed); back to old"},

		{"restarts", "six are too many", starting("b"), rollout.Canary{}, "a=old b=new!/restarts=6",
			"nothing; 1 by canary; canary failed: b: b-0: too many restarts or failed pods (6)", "Failed since 11:30 on b; back to old"},
		{"restarts before the trial", "they pause it and never fail it", before(4), rollout.Canary{}, "a=old b=new!/restarts=6",
			"nothing; 1 by canary; canary paused: b: b-0: too many restarts or failed pods (6)", "Paused since 11:30 on b (4 restarts); back to old"},
		{"restarts before and during the trial", "six are new", before(4), rollout.Canary{}, "a=old b=new!/restarts=10",
			"nothing; 1 by canary; canary failed: b: b-0: too many restarts or failed pods (10)", "Failed since 11:30 on b (4 restarts); back to old"},
		{"pod replaced", "the count begins anew", before(4), rollout.Canary{}, "a=old b=new!/restarts=1",
			"nothing; 1 by canary; canary starting on b", "Starting since 11:30 on b (1 restarts); back to old"},
		{"second pod beside one that restarted before", "the count does not begin anew: the first pod stays", before(10), rollout.Canary{}, "a=old b=new!/restarts=10+new!",
			"nothing; 1 by canary; canary paused: b: b-0: too many restarts or failed pods (10)", "Paused since 11:30 on b (10 restarts); back to old"},
		{"impossible count", "a wrong memory overflows nothing", before(-1 << 63), rollout.Canary{}, "a=old b=new!/restarts=6",
			"nothing; 1 by canary; canary failed: b: b-0: too many restarts or failed pods (6)", "Failed since 11:30 on b; back to old"},
		{"failed pods", "each counts as a restart", starting("b"), rollout.Canary{}, "a=old b=new!/failures=6",
			"nothing; 1 by canary; canary failed: b: b-0: too many restarts or failed pods (6)", "Failed since 11:30 on b; back to old"},
		{"any number of restarts", "there is no limit", starting("b"), rollout.Canary{PauseRestarts: -1, FailRestarts: -1}, "a=old b=new!/restarts=99",
			"nothing; 1 by canary; canary starting on b", "Starting since 11:30 on b; back to old"},
		{"image", "it pauses and never fails", starting("b"), rollout.Canary{}, "a=old b=new!/waiting=ErrImagePull",
			"nothing; 1 by canary; canary paused: b: b-0: container main cannot start: ErrImagePull", "Paused since 11:30 on b; back to old"},
		{"pause is over", "the image was pulled", trialOf(rollout.CanaryPaused, tried("b")...), rollout.Canary{}, "a=old b=new!",
			"nothing; 1 by canary; canary starting on b", "Starting since 11:30 on b; back to old"},
		{"starts too slowly", "ten minutes are too long", starting("b"), rollout.Canary{FailStarting: lasting(5 * time.Minute)}, "a=old b=new!",
			"nothing; 1 by canary; canary failed: b: b-0: takes too long to start", "Failed since 11:30 on b; back to old"},
		{"starts before the trial", "the pod is an hour old, the trial half an hour", starting("b"), rollout.Canary{FailStarting: lasting(45 * time.Minute)}, "a=old b=new!/age=1h",
			"nothing; 1 by canary; canary paused: b: b-0: takes too long to start; again after 15m0s", "Paused since 11:30 on b; back to old"},
		{"takes too long to pass", "the trial may take ten minutes", starting("b"), rollout.Canary{Wait: lasting(time.Hour), FailAfter: lasting(10 * time.Minute)}, "a=old b=new",
			"nothing; 1 by canary; canary failed: b: b-0: takes too long to pass; again after 50m0s", "Failed since 11:30 on b; back to old"},
		{"no pod", "a node without a pod can take too long as well", starting("b"), rollout.Canary{FailAfter: lasting(10 * time.Minute)}, "a=old b",
			"nothing; 1 by canary; canary failed: b: takes too long to pass", "Failed since 11:30 on b; back to old"},
		{"failed", "it stays failed although its pod is available", trialOf(rollout.CanaryFailed, tried("b")...), rollout.Canary{}, "a=old b=new",
			"nothing; 1 by canary; canary failed on b", "Failed since 11:30 on b; back to old"},
		{"failed, nothing waits", "the template is still wrong", trialOf(rollout.CanaryFailed, tried("b")...), rollout.Canary{}, "b=new!/waiting=ErrImagePull",
			"nothing; canary failed: b: b-0: container main cannot start: ErrImagePull", "Failed since 11:30 on b; back to old"},
		{"failed, nodes have left", "the template is still wrong", trialOf(rollout.CanaryFailed, tried("x")...), rollout.Canary{}, "a=new",
			"nothing; canary failed on a", "Failed since 11:30 on a; back to old"},
		{"last node", "a cluster of one node has a canary, too", starting("b"), rollout.Canary{}, "b=new!/restarts=6",
			"nothing; canary failed: b: b-0: too many restarts or failed pods (6)", "Failed since 11:30 on b; back to old"},
		{"restored template", "it is not tried", failedBefore, rollout.Canary{}, "a=old b=old", "-a -b; canary rolled back", "RolledBack since 12:00"},

		{"node has left", "another node takes its place", starting("x"), rollout.Canary{}, "a=old b=old",
			"-a; 1 by canary; canary starting on a", "Starting since 11:30 on a; back to old"},
		{"node is not eligible any more", "another node takes its place", starting("a"), rollout.Canary{}, "a#=new b=old",
			"-b; canary starting on b", "Starting since 11:30 on b; back to old"},
		{"one of two has left", "the other one stays, and the number, too", starting("b", "x"), rollout.Canary{Nodes: half}, "a=old b=new! c=old d=old e=old f=old",
			"-a; 4 by canary; canary starting on a, b", "Starting since 11:30 on a, b; back to old"},
		{"node joins", "half of eleven are six, but the number stays", starting("b"), rollout.Canary{Nodes: half}, "a=old b=new! c=old",
			"nothing; 2 by canary; canary starting on b", "Starting since 11:30 on b; back to old"},
		{"no other node", "the number stays for nodes to come", starting("b", "x"), rollout.Canary{NodeSelector: zoneSelector("z1")}, "a=old b@z1=new",
			"-a; canary passed on b, x", "Passed since 11:30 on b (passed), x; back to old"},
		{"no node at all", "what is known of the nodes is not lost", before(4), rollout.Canary{NodeSelector: zoneSelector("z9")}, "a=old b=new",
			"nothing; 1 by canary; canary impossible: no eligible node matches Canary.NodeSelector", "Impossible since 11:30 on b (4 restarts); back to old"},
		{"node comes back", "the trial goes on", trialOf(rollout.CanaryImpossible, rollout.CanaryNode{Name: "b", Restarts: 4}), rollout.Canary{}, "a=old b=new!/restarts=5",
			"nothing; 1 by canary; canary paused: b: b-0: too many restarts or failed pods (5)", "Paused since 11:30 on b (4 restarts); back to old"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := policyInput(t, build.Set{MaxUnavailable: "2"}, tc.nodes)
			opts := rollout.Options{Policy: canaryOf(tc.canary), CanaryTrial: tc.memory}
			handed := tc.memory.DeepCopy()
			s, err := daemon.Observe(in)
			if err != nil {
				t.Fatal(err)
			}
			step, err := rollout.NextStep(s, opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(tc.want, "; ", "\n"), stepWords(step)); diff != "" {
				t.Errorf("NextStep() on %s (-want +got), because %s:\n%s", tc.nodes, tc.why, diff)
			}
			after := tc.memory
			if step.Policy.Canary != nil {
				after = &step.Policy.Canary.Trial
			}
			if got := trialWords(after); got != tc.trial {
				t.Errorf("NextStep() on %s remembers %q, want %q, because %s", tc.nodes, got, tc.trial, tc.why)
			}
			if diff := cmp.Diff(handed, tc.memory); diff != "" {
				t.Errorf("NextStep() changes the memory (-before +after):\n%s", diff)
			}
		})
	}
}

// rig carries out passes on a few objects: pods that are created run at once, and pods
// that are deleted are gone. A test changes the objects between passes.
type rig struct {
	t      testing.TB
	in     daemon.Input
	policy rollout.Policy
	// trial is what the last pass remembers.
	trial *rollout.CanaryTrial
	// broken names the image that never becomes ready.
	broken string
	pods   int
	last   *rollout.Result
}

// newRig returns a DaemonSet whose image agent:1 runs on every node and has just been
// replaced by agent:2.
func newRig(t testing.TB, set build.Set, policy rollout.Policy, nodes ...string) *rig {
	t.Helper()
	g := &rig{t: t, policy: policy, in: daemon.Input{DaemonSet: set.Object(), Nodes: build.Nodes(nodes...), Now: build.Now}}
	g.in.DaemonSet.CreationTimestamp.Reset()
	g.settle()
	g.update("agent:2")
	return g
}

// update changes the image.
func (g *rig) update(image string) {
	g.in.Now = g.in.Now.Add(time.Hour)
	g.in.DaemonSet = g.in.DaemonSet.DeepCopy()
	g.in.DaemonSet.Generation++
	g.in.DaemonSet.Spec.Template.Spec.Containers[0].Image = image
}

// pass makes a pass and carries it out, except a rollback.
func (g *rig) pass() *rollout.Result {
	g.t.Helper()
	result, err := rollout.Sync(g.in, rollout.Options{Policy: g.policy, CanaryTrial: g.trial})
	if err != nil {
		g.t.Fatal(err)
	}
	g.last, g.trial, g.in.Backoff = result, result.CanaryTrial, g.in.Backoff.With(result.Plan.BackoffChanges)
	g.in.Revisions = append(slices.Clone(result.Revisions.Old), result.Revisions.Current)
	for _, d := range result.Plan.Delete {
		g.in.Pods = slices.DeleteFunc(slices.Clone(g.in.Pods), func(p *corev1.Pod) bool { return p.Name == d.Pod.Name })
	}
	for _, create := range result.Plan.Create {
		g.pods++
		pod := create.Pod
		pod.Name, pod.Spec.NodeName, pod.CreationTimestamp = fmt.Sprintf("agent-%d", g.pods), create.Node, metav1.NewTime(g.in.Now)
		pod.Status.Phase = corev1.PodRunning
		g.in.Pods = append(g.in.Pods, withReady(pod, pod.Spec.Containers[0].Image != g.broken, g.in.Now))
	}
	if result.Status != nil {
		g.in.DaemonSet = g.in.DaemonSet.DeepCopy()
		g.in.DaemonSet.Status = *result.Status
	}
	return result
}

// settle makes passes until one writes nothing, and returns it.
func (g *rig) settle() *rollout.Result {
	g.t.Helper()
	for range 10 * (len(g.in.Nodes) + 1) {
		if result := g.pass(); result.Empty() || !result.Rollback.Skipped() {
			return result
		}
	}
	g.t.Fatalf("no rest: %v", g.last)
	return nil
}

// after lets time pass.
func (g *rig) after(d time.Duration) *rig {
	g.in.Now = g.in.Now.Add(d)
	return g
}

// change replaces the pod of a node by a changed copy.
func (g *rig) change(node string, change func(pod *corev1.Pod)) {
	g.t.Helper()
	i := slices.IndexFunc(g.in.Pods, func(p *corev1.Pod) bool { return p.Spec.NodeName == node })
	if i < 0 {
		g.t.Fatalf("no pod on %s", node)
	}
	g.in.Pods = slices.Clone(g.in.Pods)
	g.in.Pods[i] = g.in.Pods[i].DeepCopy()
	change(g.in.Pods[i])
}

func (g *rig) setReady(node string, ready bool) {
	g.t.Helper()
	g.change(node, func(pod *corev1.Pod) { withReady(pod, ready, g.in.Now) })
}

func (g *rig) setRestarts(node string, restarts int) {
	g.t.Helper()
	g.change(node, func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: int32(restarts)}}
	})
}

// outdated counts the pods of another image than the template's.
func (g *rig) outdated() (n int) {
	for _, pod := range g.in.Pods {
		if pod.Spec.Containers[0].Image != g.in.DaemonSet.Spec.Template.Spec.Containers[0].Image {
			n++
		}
	}
	return n
}

func withReady(pod *corev1.Pod, ready bool, since time.Time) *corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(since)}}
	return pod
}

func nodeNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("n%03d", i)
	}
	return names
}

// TestCanaryTrialBegins: while no node can be tried, the trial has not begun. The time
// until then does not fail it, and its memory stays the same.
func TestCanaryTrialBegins(t *testing.T) {
	policy := canaryOf(rollout.Canary{NodeSelector: zoneSelector("z1"), FailAfter: lasting(time.Hour)})
	var memory *rollout.CanaryTrial
	for i, tc := range []struct {
		after       time.Duration
		nodes, want string
	}{
		{0, "a=old b=old", "Impossible since 00:00; back to old"},
		{2 * time.Hour, "a=old b=old", "Impossible since 00:00; back to old"},
		{3 * time.Hour, "a=old b@z1=old", "Starting since 15:00 on b; back to old"},
		{5 * time.Hour, "a=old b@z1=old", "Failed since 15:00 on b; back to old"},
	} {
		in := policyInput(t, build.Set{}, tc.nodes)
		in.Now = in.Now.Add(tc.after)
		result, err := rollout.Sync(in, rollout.Options{Policy: policy, CanaryTrial: memory})
		if err != nil {
			t.Fatal(err)
		}
		memory = result.CanaryTrial
		if got := trialWords(memory); got != tc.want {
			t.Errorf("pass %d: trial %s, want %s", i, got, tc.want)
		}
	}
}

// TestCanaryStaysPassed breaks the canary after it has passed: the update goes on.
func TestCanaryStaysPassed(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		breaks    func(g *rig, canary string)
	}{
		{"flaps", "one flap of the Ready condition", func(g *rig, canary string) { g.setReady(canary, false) }},
		{"restarts", "six restarts in ten hours and one flap", func(g *rig, canary string) {
			for i := range 6 {
				g.after(100*time.Minute).setRestarts(canary, i+1)
				g.pass()
			}
			g.setReady(canary, false)
		}},
		{"image", "the image is gone from the registry", func(g *rig, canary string) {
			g.change(canary, func(pod *corev1.Pod) {
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{
					Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"},
				}}}
			})
			g.setReady(canary, false)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			policy := canaryOf(rollout.Canary{FailAfter: lasting(time.Hour), Wait: lasting(10 * time.Minute)})
			g := newRig(t, build.Set{MaxUnavailable: "2"}, policy, nodeNames(100)...)
			g.settle()
			g.after(10 * time.Minute)
			for g.outdated() > 1 {
				g.pass()
			}
			if g.trial.State != rollout.CanaryPassed {
				t.Fatalf("the trial is %v at 99 of 100 nodes, want passed", g.trial.State)
			}
			g.after(2 * time.Hour)
			tc.breaks(g, g.trial.Nodes[0].Name)
			result := g.settle()
			if g.outdated() != 0 || result.Rollback != nil || g.trial.State != rollout.CanaryPassed {
				t.Errorf("%d outdated pods, rollback %v, trial %v: want a complete update, because %s", g.outdated(), result.Rollback, g.trial.State, tc.why)
			}
		})
	}
}

// TestCanaryNodeJoins has an eleventh node join after 10% of ten nodes have passed.
func TestCanaryNodeJoins(t *testing.T) {
	g := newRig(t, build.Set{}, canaryOf(rollout.Canary{Nodes: intstr.FromString("10%"), Manual: true}), nodeNames(10)...)
	g.settle()
	before := g.trial.DeepCopy()
	if before.State != rollout.CanaryUnpromoted || len(before.Nodes) != 1 {
		t.Fatalf("trial %s, want one node that has passed", trialWords(before))
	}
	g.in.Nodes = append(g.in.Nodes, build.Node{Name: "n999"}.Object())
	g.settle()
	if diff := cmp.Diff(before, g.trial); diff != "" {
		t.Errorf("an eleventh node changes the trial (-before +after):\n%s", diff)
	}
	g.trial.State = rollout.CanaryPromoted
	g.settle()
	if g.outdated() != 0 || g.trial.State != rollout.CanaryPromoted {
		t.Errorf("%d outdated pods and trial %s after the promotion, want none", g.outdated(), trialWords(g.trial))
	}
}

// TestCanaryPromotion promotes a template whose trial is in each state.
func TestCanaryPromotion(t *testing.T) {
	for _, tc := range []struct {
		state rollout.CanaryState
		begin func(g *rig)
	}{
		{rollout.CanaryStarting, func(g *rig) { g.broken = "agent:2" }},
		{rollout.CanaryWaiting, func(g *rig) { g.policy.Canary.Wait = lasting(time.Hour) }},
		{rollout.CanaryUnpromoted, func(g *rig) { g.policy.Canary.Manual = true }},
		{rollout.CanaryPassed, func(*rig) {}},
		{rollout.CanaryPaused, func(g *rig) {
			g.broken, g.policy.Canary.PauseStarting = "agent:2", lasting(time.Minute)
		}},
		{rollout.CanaryFailed, func(g *rig) {
			g.broken, g.policy.Canary.FailStarting = "agent:2", lasting(time.Minute)
		}},
		{rollout.CanaryImpossible, func(g *rig) { g.policy.Canary.NodeSelector = zoneSelector("z9") }},
	} {
		t.Run(string(tc.state), func(t *testing.T) {
			g := newRig(t, build.Set{MaxUnavailable: "100%"}, canaryOf(rollout.Canary{}), nodeNames(4)...)
			tc.begin(g)
			g.settle()
			g.after(2 * time.Minute).pass()
			if g.trial.State != tc.state {
				t.Fatalf("trial %s, want %s", trialWords(g.trial), tc.state)
			}
			g.trial = g.trial.DeepCopy()
			g.trial.State = rollout.CanaryPromoted
			g.settle()
			if g.outdated() != 0 || g.trial.State != rollout.CanaryPromoted {
				t.Errorf("%d outdated pods and trial %s after the promotion, want none", g.outdated(), trialWords(g.trial))
			}
		})
	}
}

// TestCanaryRollback fails a canary: the rollback is given until it is written, also
// when the pod recovers, and the template that comes back is not tried.
func TestCanaryRollback(t *testing.T) {
	for _, nodes := range []int{6, 1} {
		t.Run(fmt.Sprint(nodes, " nodes"), func(t *testing.T) {
			g := newRig(t, build.Set{}, canaryOf(rollout.Canary{FailStarting: lasting(time.Minute), Wait: lasting(time.Minute)}), nodeNames(nodes)...)
			old := g.in.Revisions[len(g.in.Revisions)-1]
			g.broken = "agent:2"
			g.settle()
			canary := g.trial.Nodes[0].Name
			for i := range 3 {
				result := g.after(2 * time.Minute).pass()
				if g.trial.State != rollout.CanaryFailed || result.Rollback.Skipped() || result.Rollback.Revision.Name != old.Name || !result.Plan.Empty() {
					t.Fatalf("pass %d: trial %s, result %v, want a rollback to %s and nothing else", i, trialWords(g.trial), result, old.Name)
				}
				g.setReady(canary, true) // Too late.
			}
			g.setReady(canary, false)

			g.policy.Paused = true
			if result := g.pass(); result.Rollback != nil || !result.Plan.Empty() {
				t.Errorf("result %v in a pause, want none", result)
			}
			g.policy.Paused = false
			back := g.pass().Rollback
			g.in.DaemonSet = back.DaemonSet.DeepCopy()
			g.in.DaemonSet.Generation++
			result := g.settle()
			hash := old.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
			if g.outdated() != 0 || result.Rollback != nil || g.trial.State != rollout.CanaryRolledBack || g.trial.RevisionHash != hash {
				t.Errorf("%d outdated pods, rollback %v, trial %s of %s: want the way back to %s without a trial",
					g.outdated(), result.Rollback, trialWords(g.trial), g.trial.RevisionHash, hash)
			}

			g.update("agent:3")
			g.settle()
			if g.trial.State != rollout.CanaryWaiting || g.trial.RevisionHash == hash {
				t.Errorf("trial %s after another update, want a new one", trialWords(g.trial))
			}
		})
	}
}

// TestCanaryTrialJSON: a trial survives JSON, field by field.
func TestCanaryTrialJSON(t *testing.T) {
	want := trialOf(rollout.CanaryFailed, rollout.CanaryNode{Name: "b", Restarts: 3, Passed: true})
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if text := `{"revisionHash":"new","state":"Failed","since":"2026-01-01T11:30:00Z","nodes":[{"name":"b","restarts":3,"passed":true}],"backTo":"old"}`; string(data) != text {
		t.Errorf("json.Marshal() = %s, want %s", data, text)
	}
	var got rollout.CanaryTrial
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

// respell makes the revisions and the pods of a rig those of a cluster before 1.34, which
// stored "creationTimestamp":null and computed another hash (kubernetes#134773).
func (g *rig) respell() {
	g.t.Helper()
	for i, rev := range g.in.Revisions {
		rev = rev.DeepCopy()
		rev.Name += "-before"
		rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] += "-before"
		rev.Data.Raw = bytes.Replace(rev.Data.Raw, []byte(`"metadata":{`), []byte(`"metadata":{"creationTimestamp":null,`), 1)
		g.in.Revisions[i] = rev
	}
	for i, pod := range g.in.Pods {
		pod = pod.DeepCopy()
		pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] += "-before"
		g.in.Pods[i] = pod
	}
}

// TestCanaryRespelled: after an upgrade to 1.34 the stored revision holds the template in
// other bytes.
func TestCanaryRespelled(t *testing.T) {
	policy := canaryOf(rollout.Canary{FailAfter: lasting(time.Minute)})
	t.Run("spurious rollout", func(t *testing.T) {
		g := newRig(t, build.Set{}, policy, nodeNames(3)...)
		g.respell()
		g.update("agent:1") // The template is the same.
		g.broken = "agent:1"
		g.settle()
		result := g.after(time.Hour).settle()
		if g.trial.State != rollout.CanaryFailed || !result.Empty() || result.Rollback != nil || result.NoRollback != rollout.NoRollbackEqual {
			t.Errorf("trial %s, result %v: want a failed trial without a rollback, because a patch of an equal template changes nothing", trialWords(g.trial), result)
		}
		if !result.NeedsDecision() {
			t.Errorf("NeedsDecision() = false on %v, want true: nothing happens by itself", result)
		}
		if want := "no rollback: the revision holds the same template"; !strings.Contains(result.String(), want) {
			t.Errorf("String() = %q, want a line %q", result, want)
		}
	})
	t.Run("restored", func(t *testing.T) {
		g := newRig(t, build.Set{}, policy, nodeNames(3)...)
		g.respell()
		g.broken = "agent:2"
		g.settle()
		result := g.after(time.Hour).settle()
		if result.Rollback.Skipped() {
			t.Fatalf("no rollback in %v", result)
		}
		g.in.DaemonSet = result.Rollback.DaemonSet.DeepCopy()
		g.in.DaemonSet.Generation++
		g.settle()
		if g.outdated() != 0 || g.trial.State != rollout.CanaryRolledBack {
			t.Errorf("%d outdated pods, trial %s: want the way back without a trial, because the template is equal to the one before", g.outdated(), trialWords(g.trial))
		}
		if got, want := g.trial.RevisionHash, g.last.Revisions.Hash; got != want {
			t.Errorf("the trial is of revision %s, want the current one, %s", got, want)
		}
	})
}

// TestNoRollback has why a failed canary restores nothing.
func TestNoRollback(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(in *daemon.Input, opts *rollout.Options)
		want   rollout.NoRollback
	}{
		{"restorable", func(*daemon.Input, *rollout.Options) {}, 0},
		{"not failed", func(_ *daemon.Input, opts *rollout.Options) { opts.CanaryTrial.State = rollout.CanaryStarting }, 0},
		{"paused", func(_ *daemon.Input, opts *rollout.Options) { opts.Policy.Paused = true }, rollout.NoRollbackPaused},
		{"frozen", func(_ *daemon.Input, opts *rollout.Options) { opts.Policy.Frozen = true }, rollout.NoRollbackPaused},
		{"no revision", func(in *daemon.Input, _ *rollout.Options) { in.Revisions = in.Revisions[:1] }, rollout.NoRollbackMissing},
		{"nothing to go back to", func(_ *daemon.Input, opts *rollout.Options) { opts.CanaryTrial.BackTo = "older" }, rollout.NoRollbackMissing},
		{"broken revision", func(in *daemon.Input, _ *rollout.Options) { in.Revisions[1].Data.Raw = []byte("{") }, rollout.NoRollbackInvalid},
		{"equal template", func(in *daemon.Input, _ *rollout.Options) {
			in.Revisions[1].Data.Raw = []byte(strings.Replace(string(in.Revisions[0].Data.Raw), `"metadata":{`, `"metadata":{"creationTimestamp":null,`, 1))
		}, rollout.NoRollbackEqual},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := syncInput(t, build.Set{}, "a=old b=new!")
			in.Revisions = append(in.Revisions, build.History(in.DaemonSet, "old:0:similar")...)
			opts := rollout.Options{Policy: canaryOf(rollout.Canary{}), CanaryTrial: trialOf(rollout.CanaryFailed, tried("b")...)}
			tc.change(&in, &opts)
			result, err := rollout.Sync(in, opts)
			if err != nil {
				t.Fatal(err)
			}
			failed := result.Policy.Canary.Trial.State == rollout.CanaryFailed
			if result.NoRollback != tc.want || result.Rollback.Skipped() != (tc.want != 0 || !failed) {
				t.Errorf("Sync() has NoRollback %v and Rollback %v, want NoRollback %v", result.NoRollback, result.Rollback, tc.want)
			}
		})
	}
	for n, want := range map[rollout.NoRollback]string{
		rollout.NoRollbackPaused:  "the update is paused or frozen",
		rollout.NoRollbackMissing: "no revision holds the template",
		rollout.NoRollbackInvalid: "the revision holds no valid template",
		rollout.NoRollbackEqual:   "the revision holds the same template",
		99:                        "NoRollback(99)",
	} {
		if got := n.String(); got != want {
			t.Errorf("NoRollback(%d).String() = %q, want %q", int(n), got, want)
		}
	}
}

// TestFailedCanaryStops: from the step in which the trial fails, the update touches no pod,
// neither on the nodes that it has begun on nor pods that are younger than the new ones.
func TestFailedCanaryStops(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		set       build.Set
		nodes     string
	}{
		{"surge under way", "b's new pod is available, but its template has failed", build.Set{MaxSurge: "2"}, "a=new!/restarts=9 b=old+new c=old"},
		{"younger pod", "c's pod came after the new ones, but the failed template must not replace it", build.Set{MaxUnavailable: "3"}, "a=new!/restarts=9/age=1h b=old/age=2h c=old/age=5m"},
		{"unavailable pods", "they cost no budget, and wait as well", build.Set{MaxUnavailable: "3"}, "a=new!/restarts=9/age=1h b=old!/age=5m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := syncInput(t, tc.set, tc.nodes)
			in.Revisions = append(in.Revisions, build.History(in.DaemonSet, "old:0:similar")...)
			for _, state := range []rollout.CanaryState{rollout.CanaryStarting, rollout.CanaryFailed} {
				opts := rollout.Options{Policy: canaryOf(rollout.Canary{Nodes: intstr.FromInt32(1)}), CanaryTrial: trialOf(state, tried("a")...)}
				s, err := daemon.Observe(in)
				if err != nil {
					t.Fatal(err)
				}
				step, err := rollout.NextStep(s, opts)
				if err != nil {
					t.Fatal(err)
				}
				if step.Policy.Canary.Trial.State != rollout.CanaryFailed || !step.Plan.Empty() {
					t.Errorf("NextStep() on %s after %s = %v, want a failed canary and no writes, because %s", tc.nodes, state, step, tc.why)
				}
			}
		})
	}
}

// TestUnknownTrialState: a state that does not exist is an error, not a trial that goes on.
func TestUnknownTrialState(t *testing.T) {
	in := daemon.Input{DaemonSet: build.Set{}.Object(), Now: build.Now}
	_, err := rollout.Sync(in, rollout.Options{CanaryTrial: &rollout.CanaryTrial{RevisionHash: "h", State: "promoted"}})
	if err == nil || !strings.HasPrefix(err.Error(), `canaryTrial.state: Unsupported value: "promoted"`) {
		t.Errorf("Sync() error = %v, want one about canaryTrial.state", err)
	}
}
