package simulate_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestEndSaysWhy: an End says why pods are not available, with what their containers and
// conditions report.
func TestEndSaysWhy(t *testing.T) {
	waits := func(reason string) func(*corev1.Pod) {
		return func(pod *corev1.Pod) {
			pod.Status.Conditions = pod.Status.Conditions[:1]
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}}
		}
	}
	for _, tc := range []struct {
		name   string
		set    build.Set
		nodes  []*corev1.Node
		change func(*corev1.Pod) // the pods that there are
		times  simulate.PodTimes
		want   string
	}{
		{"requests", build.Set{Spec: requesting("100")}, sized("4", "w1"), nil, simulate.PodTimes{},
			"w1: agent-1: cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu."},
		{"image", build.Set{}, build.Nodes("w1"), waits("ImagePullBackOff"), simulate.PodTimes{},
			`w1: on-w1: image "agent:1" cannot be pulled: ImagePullBackOff`},
		{"start", build.Set{}, build.Nodes("w1"), waits("CreateContainerConfigError"), simulate.PodTimes{},
			"w1: on-w1: container main cannot start: CreateContainerConfigError"},
		{"crash loop", build.Set{}, build.Nodes("w1"), nil, simulate.PodTimes{CrashesAfter: time.Minute},
			"w1: agent-1: container main keeps crashing: CrashLoopBackOff, 2 restarts, last exit Error (1)"},
		{"never ready", build.Set{}, build.Nodes("w1"), nil, simulate.PodTimes{ReadyAfter: -1}, "w1: agent-1: not ready"},
		{"node not ready", build.Set{}, []*corev1.Node{build.Node{Name: "w1", NotReady: time.Hour}.Object()}, nil, simulate.PodTimes{},
			"w1: agent-1: node is not ready since 2026-01-01T11:00:00Z"},
		{"outdated and broken", build.Set{OnDelete: true}, build.Nodes("w1"), func(pod *corev1.Pod) {
			waits("ImagePullBackOff")(pod)
			pod.Labels["controller-revision-hash"] = "older"
		}, simulate.PodTimes{}, `w1: on-w1: image "agent:1" cannot be pulled: ImagePullBackOff; on-w1 has an outdated template`},
		{"outdated", build.Set{OnDelete: true}, build.Nodes("w1"), func(pod *corev1.Pod) { pod.Labels["controller-revision-hash"] = "older" }, simulate.PodTimes{},
			"w1: desired, current, ready, available; on-w1 has an outdated template"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := daemon.Input{DaemonSet: tc.set.Object(), Nodes: tc.nodes, Now: build.Now}
			if tc.change != nil {
				in = running(t, tc.set, tc.nodes...)
			}
			for i, pod := range in.Pods {
				pod = pod.DeepCopy()
				pod.Name, pod.CreationTimestamp.Time = "on-w1", in.Now.Add(-time.Hour)
				pod.Spec.Containers = []corev1.Container{{Name: "main", Image: "agent:1"}}
				tc.change(pod)
				in.Pods[i] = pod
			}
			end := settle(t, in, always(tc.times))
			if len(end.Incomplete) != 1 || end.Incomplete[0].String() != tc.want {
				t.Errorf("Incomplete = %v, want %s", end.Incomplete, tc.want)
			}
			if lines := strings.Split(end.String(), "\n"); len(lines) < 2 || lines[1] != "  "+tc.want {
				t.Errorf("String() = %v, want %s in it", end, tc.want)
			}
		})
	}
}

// TestImageThatCannotBePulled plays the two ways in which PodTimes says how to have one.
func TestImageThatCannotBePulled(t *testing.T) {
	for _, tc := range []struct {
		name  string
		times simulate.PodTimes
		// since is how long the pod has waited that the caller applies; zero: the caller applies no pod.
		since time.Duration
		state simulate.EndState
		want  string
	}{
		{"never ready", simulate.PodTimes{ReadyAfter: -1}, 0, simulate.EndStalled, "w1: agent-2: not ready"},
		{"waits for a minute", simulate.PodTimes{}, time.Minute, simulate.EndStalled, `w1: agent-2: image "agent:1" cannot be pulled: ImagePullBackOff`},
		{"waits for less", simulate.PodTimes{}, 59 * time.Second, simulate.EndComplete, ""},
		{"both", simulate.PodTimes{ReadyAfter: -1}, time.Second, simulate.EndStalled, `w1: agent-2: image "agent:1" cannot be pulled: ImagePullBackOff`},
	} {
		old := build.Set{}.Object()
		old.Spec.Template.Spec.Containers[0].Image = "agent:0"
		c := &simulate.Cluster{Options: newPods(tc.times)}
		apply(t, c, old, build.Nodes("w1")[0])
		settleCluster(t, c)
		ds := build.Set{}.Object()
		apply(t, c, ds)
		if err := c.Advance(simulate.DefaultTerminatesAfter); err != nil {
			t.Fatal(err)
		}
		if pod := c.Input(ds).Pods[0].DeepCopy(); tc.since > 0 {
			pod.CreationTimestamp.Time = c.Now().Add(-tc.since)
			pod.Status.Conditions[0].LastTransitionTime.Time = c.Now().Add(-tc.since)
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}}
			apply(t, c, pod)
		}
		end := settleCluster(t, c)[0]
		if end.State != tc.state || tc.want != "" && end.Incomplete[0].String() != tc.want {
			t.Errorf("%s: Settle() = %v, want it %v: %s", tc.name, end, tc.state, tc.want)
		}
	}
}

// TestOverlookedPodsThatHaveWaited: a pod that has been unschedulable for a minute waits because of that,
// and not because of its requests.
func TestOverlookedPodsThatHaveWaited(t *testing.T) {
	for _, tc := range []struct {
		overlook simulate.Overlook
		want     simulate.EndState
	}{
		{simulate.Overlook{Requests: true}, simulate.EndStalled},
		{simulate.Overlook{Unschedulable: true}, simulate.EndStalled},
		{simulate.Overlook{Requests: true, Unschedulable: true}, simulate.EndComplete},
	} {
		c := &simulate.Cluster{}
		ds := build.Set{Spec: requesting("100")}.Object()
		apply(t, c, ds, sized("4", "w1")[0])
		if err := c.Advance(2 * time.Minute); err != nil {
			t.Fatal(err)
		}
		end, err := simulate.Settle(c.Input(ds), simulate.Options{Overlook: tc.overlook})
		if err != nil || end.State != tc.want {
			t.Errorf("Settle() with %+v = %v, %v, want it %v", tc.overlook, end, err, tc.want)
		}
	}
}

// TestEndHasTheWordsOfHealth plays arbitrary clusters: the blockers of an End are those of
// health.Assess on the cluster at the end, on the nodes that are incomplete.
func TestEndHasTheWordsOfHealth(t *testing.T) {
	blockers := 0
	for seed := range property.Seeds(t, 100) {
		r := rand.New(rand.NewPCG(seed, 53))
		in := scenario.Random(r)
		broken := r.IntN(2)
		times := []simulate.PodTimes{{ReadyAfter: -1}, {BoundAfter: -1}, {TerminatesAfter: -1}, {CrashesAfter: time.Minute}, {FailsAfter: time.Minute}}[r.IntN(5)]
		opts := simulate.Options{PodTimes: func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
			if node != nil && len(node.Name)%2 == broken {
				return times
			}
			return simulate.PodTimes{}
		}}
		end := settle(t, in, opts)
		if end.State == simulate.EndIgnored || !end.Last.Empty() || !end.Last.Snapshot.Now().Equal(end.After.Now) {
			continue // The last pass is not about the cluster at the end.
		}
		snapshot, err := daemon.Observe(end.After)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		assessment, err := health.Assess(snapshot, health.Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		incomplete := func(b health.Blocker) bool { return !rollout.NodeComplete(snapshot.Node(b.Node)) }
		var want, got []health.Blocker
		for _, b := range assessment.Blockers {
			if incomplete(b) {
				want = append(want, b)
			}
		}
		for _, n := range end.Incomplete {
			got = append(got, n.Blockers...)
			if slices.ContainsFunc(n.Blockers, func(b health.Blocker) bool {
				return b.Node != n.Node || !strings.Contains(n.String(), strings.TrimPrefix(b.String(), n.Node+": "))
			}) {
				t.Errorf("seed %d: %v has the blockers %v", seed, n, n.Blockers)
			}
		}
		if diff := cmp.Diff(assessment.Blockers, end.Blockers); end.State != simulate.EndComplete && diff != "" {
			t.Fatalf("seed %d: End.Blockers (-want +got):\n%s", seed, diff)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: blockers of Assess() and of Run() (-want +got):\n%s", seed, diff)
		}
		blockers += len(got)
	}
	if blockers < 25 {
		t.Errorf("only %d blockers", blockers)
	}
}

// TestEndNamesTheNodeThatIsNotReady: a pod that does not terminate because of its node uses the
// budget. Its node is not eligible any more, and is not in Incomplete.
func TestEndNamesTheNodeThatIsNotReady(t *testing.T) {
	in := running(t, build.Set{}, build.Nodes("w1", "w2")...)
	sick := build.Node{Name: "w1"}.Object()
	sick.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule}}
	sick.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady", LastTransitionTime: metav1.NewTime(build.Now.Add(-time.Hour)),
	}}
	in.Nodes = []*corev1.Node{sick, in.Nodes[1]}
	in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
	end := settle(t, in, simulate.Options{})
	const want = `stalled from the start (1 pass, at least 1 of 1 available), on:
  w1: agent-1: terminating until 30s after the start; node is not ready since 2026-01-01T11:00:00Z: KubeletNotReady
  w2: desired, current, ready, available; agent-2 has an outdated template
maxUnavailable 1 is used by w1 (pod is terminating, node is not ready)`
	if diff := cmp.Diff(want, end.String()); diff != "" {
		t.Errorf("String() (-want +got):\n%s", diff)
	}
}
