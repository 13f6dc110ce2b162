package simulate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// surging returns a strategy in which new pods start beside the old ones, on a host port.
func surging(ports ...int32) build.Set {
	return build.Set{Spec: requesting("1", ports...), MaxSurge: "1", MaxUnavailable: "0"}
}

func TestJudge(t *testing.T) {
	tolerating := corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}}}
	image := func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Containers[0].Image = "agent:2" }
	taint := func(node int, taint corev1.Taint) []*corev1.Node {
		nodes := whatIfDisks()
		nodes[node].Spec.Taints = append(nodes[node].Spec.Taints, taint)
		return nodes
	}
	port := build.Set{Name: "proxy", Spec: requesting("1", 80)}.Object()
	onlyElsewhere := func(in *daemon.Input) {
		in.Pods, in.DaemonSet.Status.CurrentNumberScheduled = in.Pods[:1], 4
		in.Pods[0].Namespace = "other"
	}
	for _, tc := range []struct {
		name, why string
		set       build.Set
		given     func(*daemon.Input)     // changes the facts
		change    func(*appsv1.DaemonSet) // the proposal; nil: none
		proposal  simulate.Proposal
		opts      simulate.Options
		others    []*appsv1.DaemonSet
		risks     []simulate.Risk
		end       simulate.EndState // zero: no End
		findings  []string          // with their fields
		text      string            // is in String
	}{
		{name: "nothing", why: "the zero proposal", text: "well\nno change"},
		{name: "image", why: "it goes well", set: build.Set{Spec: requesting("1")}, change: image, end: simulate.EndComplete,
			text: "well\nstarts a rollout to revision 2: 3 outdated pods\n"},
		{name: "time", why: "people ask for it", set: build.Set{Spec: requesting("1")}, change: image, end: simulate.EndComplete,
			text: "\ncomplete after 36s (10 passes, at least 2 of 3 available)\nnot simulated: whether the image \"agent:2\" can be pulled and starts"},
		{name: "label", why: "nothing rolls out, and nothing can stall", change: func(ds *appsv1.DaemonSet) { ds.Labels = build.Labels{"a": "b"} }, end: simulate.EndComplete,
			text: "well\nno rollout: the template is the same\n  metadata.labels[a]: added \"b\"\n"},
		{name: "refused", why: "nothing else is known",
			change: func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = -1; image(ds) },
			risks:  []simulate.Risk{{Kind: simulate.RiskRefused}}, text: "cannot be made: the API server refuses it\nrefused: spec.minReadySeconds"},
		{name: "stored with a fault", why: "the API server refuses every update that leaves it, and the change does no harm",
			set:    build.Set{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists, Effect: "noexecute"}}}},
			change: func(ds *appsv1.DaemonSet) { ds.Labels = build.Labels{"a": "b"} },
			risks:  []simulate.Risk{{Kind: simulate.RiskRefused}}, text: "cannot be made: the API server refuses it\nrefused: spec.template.spec.tolerations[0].effect"},
		{name: "selector", why: "the node is not eligible any more",
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"} },
			end:    simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w3"}}},
			text: "would hurt: nodes that lose the pod: 1\n"},
		{name: "toleration", why: "the pod stays until the rollout deletes it", set: build.Set{Spec: tolerating},
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Tolerations = nil },
			end:    simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w4"}}}},
		{name: "toleration and OnDelete", why: "nothing deletes it", set: build.Set{Spec: tolerating, OnDelete: true},
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Tolerations = nil }, end: simulate.EndWaiting},
		{name: "toleration without pods", why: "they would be outdated", set: build.Set{Spec: tolerating},
			given:  func(in *daemon.Input) { in.Pods = nil },
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Tolerations = nil },
			end:    simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w4"}}}},
		{name: "NoSchedule", why: "no rollout deletes the pod", proposal: simulate.Proposal{Nodes: taint(0, build.NoSchedule("a"))}, end: simulate.EndComplete},
		{name: "NoSchedule without the pods", why: "no rollout deletes those that there may be", proposal: simulate.Proposal{Nodes: taint(0, build.NoSchedule("a"))},
			given: func(in *daemon.Input) { in.Pods = nil }, end: simulate.EndComplete},
		{name: "NoSchedule in a rollout", why: "it goes on, and deletes the pod", proposal: simulate.Proposal{Nodes: taint(0, build.NoSchedule("a"))},
			given: func(in *daemon.Input) {
				image(in.DaemonSet)
				in.Pods[1] = build.Pod{Name: "new", Node: "w2", Hash: "h2"}.Of(in.DaemonSet)
			},
			end: simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w1"}}}},
		{name: "NoSchedule without a pod", why: "it does not get one any more", proposal: simulate.Proposal{Nodes: taint(0, build.NoSchedule("a"))},
			given: func(in *daemon.Input) { in.Pods = in.Pods[1:] },
			end:   simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w1"}}}},
		{name: "NoExecute", why: "the pod is evicted", proposal: simulate.Proposal{Nodes: taint(0, build.NoExecute("a"))},
			end: simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w1"}}}},
		{name: "node removed", why: "a node that is gone misses nothing", proposal: simulate.Proposal{Nodes: whatIfDisks()[1:]}, end: simulate.EndComplete},
		{name: "removed", why: "all its nodes lose the pod", proposal: simulate.Proposal{Remove: true},
			risks: []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w1", "w2", "w3"}}}, text: "would hurt: nodes that lose the pod: 3\nremoves the DaemonSet and its pods\n"},
		{name: "removed from nowhere", why: "no node had it", set: build.Set{Spec: corev1.PodSpec{NodeName: "nowhere"}}, proposal: simulate.Proposal{Remove: true},
			text: "well\nremoves the DaemonSet and its pods\n"},
		{name: "never ready", why: "the rollout stops at the first node", set: build.Set{Spec: requesting("1")}, change: image, opts: always(simulate.PodTimes{ReadyAfter: -1}),
			end: simulate.EndStalled, risks: []simulate.Risk{{Kind: simulate.RiskStalled, Nodes: []string{"w1", "w2", "w3"}}}},
		{name: "rolled back", why: "the old template is complete, and the new one failed", set: build.Set{Spec: requesting("1")}, change: image,
			opts: breaking("agent:2", rollout.Canary{FailStarting: lasting(3 * time.Minute)}),
			end:  simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskRolledBack, Nodes: []string{"w1"}}},
			text: "would hurt: the canary fails and is rolled back\n"},
		{name: "canary paused", why: "it does not go on by itself", set: build.Set{Spec: requesting("1")}, change: image,
			opts: breaking("agent:2", rollout.Canary{PauseStarting: lasting(3 * time.Minute)}),
			end:  simulate.EndWaiting, risks: []simulate.Risk{{Kind: simulate.RiskCanary, Canary: rollout.CanaryPaused, Nodes: []string{"w1"}}},
			text: "would hurt: the canary has problems\n"},
		{name: "canary with two problems", why: "the node is named once", set: build.Set{Spec: requesting("1")}, change: image,
			opts: simulate.Options{
				Policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), PauseStarting: lasting(time.Minute), PauseRestarts: 1}},
				PodTimes: func(_ *corev1.Node, pod *corev1.Pod) (times simulate.PodTimes) {
					if pod.Spec.Containers[0].Image == "agent:2" {
						times.CrashesAfter = time.Second
					}
					return times
				},
			},
			end: simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskRolledBack, Nodes: []string{"w1"}}},
			text: "too many restarts or failed pods (6); w1: agent-1: takes too long to start"},
		{name: "canary failed", why: "the pause holds the rollback back", set: build.Set{Spec: requesting("1")},
			change: func(ds *appsv1.DaemonSet) { image(ds); ds.Labels = build.Labels{"a": "b"} },
			given: func(in *daemon.Input) {
				image(in.DaemonSet)
				in.Revisions = append(in.Revisions, build.Current(in.DaemonSet, "h2")...)
				in.Revisions[len(in.Revisions)-1].Revision++
			},
			opts: simulate.Options{
				Policy:      rollout.Policy{Paused: true, Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}},
				CanaryTrial: &rollout.CanaryTrial{RevisionHash: "h2", State: rollout.CanaryFailed, BackTo: "h1"},
			},
			end: simulate.EndWaiting, risks: []simulate.Risk{{Kind: simulate.RiskCanary, Canary: rollout.CanaryFailed}}},
		{name: "canary that cannot begin", why: "no node has the label", set: build.Set{Spec: requesting("1")}, change: image,
			opts: breaking("agent:1", rollout.Canary{NodeSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"disk": "tape"}}}),
			end:  simulate.EndWaiting, risks: []simulate.Risk{{Kind: simulate.RiskCanary, Canary: rollout.CanaryImpossible}},
			text: "would hurt: no node can be tried as a canary\n"},
		{name: "canary that failed before", why: "the rollback follows all the same", set: build.Set{Spec: requesting("1")},
			change: func(ds *appsv1.DaemonSet) { image(ds); ds.Labels = build.Labels{"a": "b"} },
			given: func(in *daemon.Input) {
				image(in.DaemonSet)
				in.Revisions = append(in.Revisions, build.Current(in.DaemonSet, "h2")...)
				in.Revisions[len(in.Revisions)-1].Revision++
			},
			opts: simulate.Options{
				Policy:      rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}},
				CanaryTrial: &rollout.CanaryTrial{RevisionHash: "h2", State: rollout.CanaryFailed, BackTo: "h1"},
			},
			end: simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskRolledBack}}, text: "\nno rollout: the template is the same\n"},
		{name: "canary for promotion", why: "it has found nothing", set: build.Set{Spec: requesting("1")}, change: image,
			opts: breaking("agent:1", rollout.Canary{Manual: true}), end: simulate.EndWaiting, text: "well\n"},
		{name: "surge and host port", why: "it stalls, and lint knows why", set: build.Set{Spec: requesting("1", 80)},
			change: func(ds *appsv1.DaemonSet) { image(ds); ds.Spec.UpdateStrategy = surging().Object().Spec.UpdateStrategy }, end: simulate.EndStalled,
			risks: []simulate.Risk{
				{Kind: simulate.RiskStalled, Nodes: []string{"w1", "w2", "w3"}},
				{Kind: simulate.RiskLint, Code: lint.CodeSurgeHostPort},
			},
			findings: []string{"SurgeHostPort spec.updateStrategy.rollingUpdate.maxSurge"}, text: "would hurt: the rollout stalls, lint finds SurgeHostPort\n"},
		{name: "error on an ignored node", why: "the policy may not ignore it for long", set: build.Set{Spec: requesting("1")},
			given: func(in *daemon.Input) {
				in.Nodes = whatIfDisks()
				in.Nodes[0].Status.Allocatable = resources("1")
			},
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec = requesting("2") },
			opts:   simulate.Options{Policy: rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "w1" }}}},
			end:    simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskLint, Nodes: []string{"w1"}, Code: lint.CodeRequestsExceedNode}},
			findings: []string{"RequestsExceedNode spec.template.spec.containers"}, text: "ignored: w1"},
		{name: "known error", why: "the change does not bring it, but it stalls all the same", set: surging(80), change: image,
			end: simulate.EndStalled, risks: []simulate.Risk{{Kind: simulate.RiskStalled, Nodes: []string{"w1", "w2", "w3"}}}},
		{name: "fault in another place", why: "another container came before it", set: build.Set{Spec: requesting("")},
			change: func(ds *appsv1.DaemonSet) {
				side := named("side", requesting("1"))
				side[0].Resources.Requests[corev1.ResourceMemory] = resource.MustParse("1Mi")
				ds.Spec.Template.Spec.Containers = append(side, ds.Spec.Template.Spec.Containers...)
			},
			end: simulate.EndComplete},
		{name: "fault beside the known one", why: "the message is the same, and the place is another", set: build.Set{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{seconds("a"), seconds("node.kubernetes.io/not-ready")}}},
			change: func(ds *appsv1.DaemonSet) {
				ds.Spec.Template.Spec.Tolerations[0] = seconds("node.kubernetes.io/unreachable")
			},
			end: simulate.EndComplete, findings: []string{"TolerationDefault spec.template.spec.tolerations[0]"}},
		{name: "fault once more", why: "the new container has it, and not the known one", set: build.Set{Spec: requesting("")},
			change: func(ds *appsv1.DaemonSet) {
				ds.Spec.Template.Spec.Containers = append(ds.Spec.Template.Spec.Containers, named("side", requesting(""))...)
			},
			end: simulate.EndComplete, findings: []string{"RequestsMissing spec.template.spec.containers[1].resources.requests"}},
		{name: "host port of another", why: "it begins to use it", set: build.Set{Spec: requesting("1")}, others: []*appsv1.DaemonSet{port},
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec = requesting("1", 80) },
			end:    simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskLint, Nodes: []string{"w1", "w2", "w3"}, Code: lint.CodeHostPortConflict}},
			findings: []string{"HostPortConflict spec.template.spec.containers[0].ports[0].hostPort"}},
		{name: "host port used before", why: "the other one begins to use it", set: build.Set{Spec: requesting("1", 80)}, others: []*appsv1.DaemonSet{port},
			change: image, end: simulate.EndComplete},
		{name: "new", why: "all findings are new", set: surging(80), given: func(in *daemon.Input) { *in = daemon.Input{Now: in.Now, Nodes: in.Nodes} },
			change: image, end: simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskLint, Code: lint.CodeSurgeHostPort}},
			findings: []string{"SurgeHostPort spec.updateStrategy.rollingUpdate.maxSurge", "RequestsMissing spec.template.spec.containers[0].resources.requests"}},
		{name: "pods elsewhere", why: "they take the room", set: build.Set{Spec: requesting("1")}, change: image,
			given: func(in *daemon.Input) {
				in.Nodes = whatIfDisks()
				in.Nodes[1].Status.Allocatable = resources("3")
				other := build.Pod{Name: "large", Node: "w2"}.Of(build.Set{Spec: requesting("3")}.Object())
				other.Namespace, other.Spec.Containers = "other", requesting("3").Containers
				in.Pods = append(in.Pods, other)
			},
			end: simulate.EndStalled, risks: []simulate.Risk{{Kind: simulate.RiskStalled, Nodes: []string{"w2", "w3"}}}},
		{name: "only pods elsewhere", why: "those of the DaemonSet are not known", set: build.Set{Spec: tolerating}, given: onlyElsewhere,
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Tolerations = nil },
			risks:  []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w4"}}}, text: "starts a rollout to revision 2: no pods were given\n"},
		{name: "NoSchedule and only pods elsewhere", why: "no rollout deletes those that there may be", given: onlyElsewhere,
			proposal: simulate.Proposal{Nodes: taint(0, build.NoSchedule("a"))}},
		{name: "new on no node", why: "that may be a slip", set: build.Set{Spec: corev1.PodSpec{NodeSelector: map[string]string{"disk": "tape"}}},
			given:  func(in *daemon.Input) { *in = daemon.Input{Now: in.Now, Nodes: in.Nodes} },
			change: image, end: simulate.EndComplete, findings: []string{"RequestsMissing spec.template.spec.containers[0].resources.requests", "NodeSelectorNoNode spec.template.spec.nodeSelector[disk]"},
			text: "well; it runs on no node\nnew DaemonSet with revision 1\n"},
		{name: "lost on all nodes", why: "it says both", set: build.Set{Spec: requesting("1")}, change: func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "tape"}
		}, end: simulate.EndComplete, risks: []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"w1", "w2", "w3"}}},
			findings: []string{"NodeSelectorNoNode spec.template.spec.nodeSelector[disk]"},
			text:     "would hurt: nodes that lose the pod: 3; it runs on no node\n"},
		{name: "no nodes", why: "nobody can tell", set: build.Set{Spec: requesting("1")}, change: image,
			given: func(in *daemon.Input) { in.Nodes, in.Pods = nil, nil }, text: "\nthe rollout is not simulated: no nodes were given"},
		{name: "no pods", why: "there are some, and what they are like is not known", set: build.Set{Spec: requesting("1")}, change: image,
			given: func(in *daemon.Input) { in.Pods, in.DaemonSet.Status.CurrentNumberScheduled = nil, 3 },
			text:  "\nthe rollout is not simulated: no pods were given, although the status counts some"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := whatIfCluster(t, tc.set.Object(), whatIfDisks())
			for _, pod := range in.Pods {
				pod.Spec.Containers = in.DaemonSet.Spec.Template.Spec.Containers
			}
			p := tc.proposal
			if tc.change != nil {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				tc.change(p.DaemonSet)
			}
			if tc.given != nil {
				tc.given(&in)
			}
			got := judge(t, in, p, tc.opts, lint.Options{OtherDaemonSets: tc.others})
			if diff := cmp.Diff(tc.risks, got.Risks); diff != "" || got.OK() != (len(tc.risks) == 0) {
				t.Errorf("Judge() is OK: %v; Risks differ: %s (-want +got):\n%s\n%v", got.OK(), tc.why, diff, got)
			}
			var end simulate.EndState
			if got.End != nil {
				end = got.End.State
			}
			if end != tc.end {
				t.Errorf("Judge() has the End %v, want %v: %s", got.End, tc.end, tc.why)
			}
			var findings []string
			for _, f := range got.Findings {
				findings = append(findings, fmt.Sprint(f.Code, " ", f.Field))
			}
			if !slices.Equal(findings, tc.findings) {
				t.Errorf("Judge() finds %q, want %q: %s", findings, tc.findings, tc.why)
			}
			if !strings.Contains(got.String(), tc.text) {
				t.Errorf("String() = %q, want %q in it: %s", got, tc.text, tc.why)
			}
		})
	}
}

// breaking returns options with a canary on one node, in which pods with an image never become ready.
func breaking(image string, canary rollout.Canary) simulate.Options {
	canary.Nodes = intstr.FromInt32(1)
	return simulate.Options{Policy: rollout.Policy{Canary: &canary}, PodTimes: func(_ *corev1.Node, pod *corev1.Pod) (times simulate.PodTimes) {
		if pod.Spec.Containers[0].Image == image {
			times.ReadyAfter = -1
		}
		return times
	}}
}

func lasting(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }

func seconds(key string) corev1.Toleration {
	return corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: new(int64(300))}
}

func named(name string, spec corev1.PodSpec) []corev1.Container {
	spec.Containers[0].Name = name
	return spec.Containers
}

func judge(t *testing.T, in daemon.Input, p simulate.Proposal, opts simulate.Options, check lint.Options) *simulate.Judgment {
	t.Helper()
	got, err := simulate.Judge(in, p, opts, check)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestJudgeNewImages: a Judgment has the images that nobody has pulled yet, and its text says so once, and
// only if the rollout is said to become complete.
func TestJudgeNewImages(t *testing.T) {
	spec := func(images ...string) corev1.PodSpec {
		spec := requesting("1")
		spec.Containers[0].Image = images[0]
		for i, image := range images[1:] {
			spec.InitContainers = append(spec.InitContainers, corev1.Container{Name: fmt.Sprint("init-", i), Image: image})
		}
		return spec
	}
	volume := spec("agent:1")
	volume.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "data:1"}}}}
	swapped := spec("tool:1", "agent:1")
	nowhere := spec("agent:2")
	nowhere.NodeSelector = map[string]string{"disk": "tape"}
	fresh := spec("agent:1")
	fresh.NodeSelector = map[string]string{"disk": "ssd"}
	for _, tc := range []struct {
		name, why string
		old, spec corev1.PodSpec
		opts      simulate.Options
		want      []string
		text      string // is in String; without: no such line
	}{
		{name: "one", why: "its name", old: spec("agent:1"), spec: spec("agent:2"), want: []string{"agent:2"}, text: "\nnot simulated: whether the image \"agent:2\" can be pulled and starts"},
		{name: "several", why: "in order", old: spec("agent:1"), spec: spec("c:1", "a:1", "b:1", "d:1", "a:1"), want: []string{"a:1", "b:1", "c:1", "d:1"},
			text: "\nnot simulated: whether the images \"a:1\", \"b:1\", \"c:1\" and 1 more can be pulled and start"},
		{name: "volume", why: "it is pulled, too", old: spec("agent:1"), spec: volume, want: []string{"data:1"}, text: "whether the image \"data:1\""},
		{name: "swapped", why: "other containers have them already", old: spec("agent:1", "tool:1"), spec: swapped},
		{name: "selector", why: "the image is not new", old: spec("agent:1"), spec: fresh},
		{name: "stalls", why: "then it is simulated that it does not start", old: spec("agent:1"), spec: spec("agent:2"), opts: always(simulate.PodTimes{ReadyAfter: -1}), want: []string{"agent:2"}},
		{name: "rolled back", why: "then it is simulated, too", old: spec("agent:1"), spec: spec("agent:2"), opts: breaking("agent:2", rollout.Canary{FailStarting: lasting(time.Minute)}), want: []string{"agent:2"}},
		{name: "on no node", why: "nobody pulls it", old: spec("agent:1"), spec: nowhere, want: []string{"agent:2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := running(t, build.Set{Spec: tc.old}, sized("8", "w1", "w2")...)
			next := in.DaemonSet.DeepCopy()
			next.Spec.Template.Spec = tc.spec
			got := judge(t, in, simulate.Proposal{DaemonSet: next}, tc.opts, lint.Options{})
			if diff := cmp.Diff(tc.want, got.NewImages); diff != "" {
				t.Errorf("NewImages: %s (-want +got):\n%s", tc.why, diff)
			}
			if text := got.String(); !strings.Contains(text, tc.text) || strings.Count(text, "not simulated: whether") != min(1, len(tc.text)) {
				t.Errorf("String() = %q, want %q in it, and no such line if that is empty: %s", text, tc.text, tc.why)
			}
			if nowhere := tc.spec.NodeSelector != nil; got.End.RunsNowhere() != nowhere {
				t.Errorf("RunsNowhere() = %t, want %t: %s", !nowhere, nowhere, tc.why)
			}
		})
	}
	added := judge(t, daemon.Input{Nodes: build.Nodes("w1"), Now: build.Now}, simulate.Proposal{DaemonSet: build.Set{Spec: spec("agent:1")}.Object()}, simulate.Options{}, lint.Options{})
	if !strings.Contains(added.String(), "whether the image \"agent:1\" can be pulled") {
		t.Errorf("String() = %v, want the image of a new DaemonSet in it", added)
	}
	in := running(t, build.Set{Spec: spec("agent:1")}, build.Nodes("w1")...)
	if gone := judge(t, in, simulate.Proposal{Remove: true}, simulate.Options{}, lint.Options{}); gone.NewImages != nil {
		t.Errorf("NewImages = %q after a removal, want none", gone.NewImages)
	}
}

// TestJudgeNewImagesOfPods: the pods of the DaemonSet show what can be pulled.
func TestJudgeNewImagesOfPods(t *testing.T) {
	of := func(image string) corev1.PodSpec {
		spec := requesting("1")
		spec.Containers[0].Name, spec.Containers[0].Image = "agent", image
		return spec
	}
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	runs := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	ended := func(reason string, code int32) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code}}
	}
	for _, tc := range []struct {
		name, why    string
		stored, next string // images of the templates
		pods         string // image of the pods
		notReady     bool
		state, last  corev1.ContainerState
		restarts     int32
		isInit       bool // the container
		foreign      bool
		oneReady     bool
		want         []string
		assumed      []string
	}{
		{name: "undo", why: "ready pods have been started from it", stored: "agent:2", next: "agent:1", pods: "agent:1"},
		{name: "running", why: "it has been pulled, ready or not", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: runs},
		{name: "crashes", why: "it was started before it crashed", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: waiting("CrashLoopBackOff"), last: ended("Error", 1)},
		{name: "has crashed", why: "it was started before it crashed", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: ended("Error", 1)},
		{name: "restarted", why: "somebody removed the container that ended", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: waiting("CrashLoopBackOff"), restarts: 1},
		{name: "init container is done", why: "it was started", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: ended("Completed", 0), isInit: true},
		{name: "cannot be started", why: "it was pulled only", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: waiting("CrashLoopBackOff"), last: ended("StartError", 128), restarts: 3, want: []string{"agent:1"}},
		{name: "restarted and cannot be pulled", why: "it is not there any more", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: waiting("ImagePullBackOff"), last: ended("Error", 1), restarts: 3, want: []string{"agent:1"}},
		{name: "waiting", why: "the pod has not been started from it", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: waiting("ContainerCreating"), want: []string{"agent:1"}},
		{name: "another DaemonSet's pods", why: "they may have other pull secrets", stored: "agent:2", next: "agent:1", pods: "agent:1", foreign: true, want: []string{"agent:1"},
			assumed: []string{`the image "agent:1" can be pulled and starts`}},
		{name: "stored and cannot be pulled", why: "that it is stored does not make it one that can be pulled", stored: "agent:3", next: "agent:3", pods: "agent:3", notReady: true, state: waiting("ImagePullBackOff"), want: []string{"agent:3"}},
		{name: "pulled on one node only", why: "others may fail, too", stored: "agent:2", next: "agent:1", pods: "agent:1", notReady: true, state: waiting("ErrImagePull"), oneReady: true, want: []string{"agent:1"},
			assumed: []string{`the image "agent:1" can be pulled and starts on other nodes than w2`}},
		{name: "stored and waiting", why: "nobody doubts it", stored: "agent:3", next: "agent:3", pods: "agent:3", notReady: true, state: waiting("ContainerCreating")},
	} {
		spec := func(image string) corev1.PodSpec {
			spec := of(image)
			if tc.isInit {
				spec.InitContainers, spec.Containers = spec.Containers, of("agent:0").Containers
				spec.Containers[0].Name = "main"
			}
			return spec
		}
		in := running(t, build.Set{Spec: spec(tc.pods)}, sized("8", "w1", "w2")...)
		in.DaemonSet.Spec.Template.Spec = spec(tc.stored)
		for i, pod := range in.Pods {
			if tc.notReady && !(tc.oneReady && i == 0) {
				pod.Status.Conditions = nil
				statuses := &pod.Status.ContainerStatuses
				if tc.isInit {
					statuses = &pod.Status.InitContainerStatuses
				}
				*statuses = []corev1.ContainerStatus{{Name: "agent", State: tc.state, LastTerminationState: tc.last, RestartCount: tc.restarts}}
			}
			if tc.foreign {
				pod.OwnerReferences[0].UID = "another"
			}
		}
		next := in.DaemonSet.DeepCopy()
		next.Labels = map[string]string{"changed": "yes"}
		next.Spec.Template.Spec = spec(tc.next)
		got := judge(t, in, simulate.Proposal{DaemonSet: next}, simulate.Options{}, lint.Options{})
		if diff := cmp.Diff(tc.want, got.NewImages); diff != "" {
			t.Errorf("%s: NewImages: %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
		if diff := cmp.Diff(tc.assumed, got.Assumptions()); diff != "" {
			t.Errorf("%s: Assumptions: %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
		for _, assumption := range tc.assumed {
			if line := "\nnot simulated: whether " + assumption; !strings.Contains(got.String(), line) {
				t.Errorf("%s: String() = %q, want %q in it", tc.name, got, line)
			}
		}
	}
}

// TestJudgeAssumptions: an image that is stored is not called new, and nothing is assumed of an image
// that no node pulls.
func TestJudgeAssumptions(t *testing.T) {
	container := func(name, image string) corev1.Container {
		return corev1.Container{Name: name, Image: image, Resources: requesting("1").Containers[0].Resources}
	}
	volume := func(reference string) corev1.Volume {
		return corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: reference}}}
	}
	for _, tc := range []struct {
		name, why string
		volumes   []corev1.Volume
		change    func(*corev1.PodSpec)
		nowhere   bool
		want      []string
	}{
		{"stored", "the pods wait for it", nil, func(*corev1.PodSpec) {}, false, []string{`the image "agent:1" can be pulled and starts`}},
		{"another image", "nobody waits for the old one any more", nil, func(spec *corev1.PodSpec) { spec.Containers[0].Image = "agent:2" }, false, []string{`the image "agent:2" can be pulled and starts`}},
		{"beside a stored one", "one of the two is not new", nil, func(spec *corev1.PodSpec) { spec.Containers = append(spec.Containers, container("side", "side:1")) }, false,
			[]string{`the images "agent:1", "side:1" can be pulled and start`}},
		{"another image and a container", "both are new", nil, func(spec *corev1.PodSpec) {
			spec.Containers[0].Image = "agent:2"
			spec.Containers = append(spec.Containers, container("side", "side:1"))
		}, false, []string{`the images "agent:2", "side:1" can be pulled and start`}},
		{"another image and a volume", "both are new", nil, func(spec *corev1.PodSpec) {
			spec.Containers[0].Image = "agent:2"
			spec.Volumes = []corev1.Volume{volume("data:1")}
		}, false, []string{`the images "agent:2", "data:1" can be pulled and start`}},
		{"another image in a volume", "it is new", []corev1.Volume{volume("data:1")}, func(spec *corev1.PodSpec) {
			spec.Containers[0].Image = "agent:2"
			spec.Volumes = []corev1.Volume{volume("data:2")}
		}, false, []string{`the images "agent:2", "data:2" can be pulled and start`}},
		{"another source of a volume", "it is new", []corev1.Volume{{Name: "data"}}, func(spec *corev1.PodSpec) {
			spec.Containers[0].Image = "agent:2"
			spec.Volumes = []corev1.Volume{volume("data:1")}
		}, false, []string{`the images "agent:2", "data:1" can be pulled and start`}},
		{"in another container", "it is not new there", nil, func(spec *corev1.PodSpec) {
			spec.Containers = []corev1.Container{container("agent", "agent:2"), container("side", "agent:1")}
		}, false, []string{`the images "agent:1", "agent:2" can be pulled and start`}},
		{"on no node", "the pod that stays does not pull it for anybody", nil, func(*corev1.PodSpec) {}, true, nil},
	} {
		spec := corev1.PodSpec{Containers: []corev1.Container{container("agent", "agent:1")}, Volumes: tc.volumes}
		in := running(t, build.Set{Spec: spec}, sized("8", "w1")...)
		in.Pods[0].Status.Conditions = nil
		in.Pods[0].Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "agent", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}}
		if tc.nowhere {
			in.Nodes[0].Spec.Taints = []corev1.Taint{build.NoSchedule("a")}
		}
		next := in.DaemonSet.DeepCopy()
		next.Labels = map[string]string{"changed": "yes"}
		tc.change(&next.Spec.Template.Spec)
		got := judge(t, in, simulate.Proposal{DaemonSet: next}, simulate.Options{Overlook: simulate.Overlook{Images: true}}, lint.Options{})
		if diff := cmp.Diff(tc.want, got.Assumptions()); diff != "" || got.End.State != simulate.EndComplete {
			t.Errorf("%s: Assumptions: %s (-want +got):\n%s\n%v", tc.name, tc.why, diff, got)
		}
		if tc.nowhere && got.End.RunsNowhere() {
			t.Errorf("%s: RunsNowhere() is true, although a pod is left", tc.name)
		}
	}
}

// TestJudgmentTexts: of nothing, nothing is said to be well.
func TestJudgmentTexts(t *testing.T) {
	for _, j := range []*simulate.Judgment{nil, {}, {End: &simulate.End{State: simulate.EndComplete}}, {NewImages: []string{"agent:2"}}} {
		if got := j.Assumptions(); got != nil {
			t.Errorf("Assumptions() = %q without an End, want none", got)
		}
		if j.OK() || j.String() != "no judgment" {
			t.Errorf("%+v is OK: %v, and String() = %q", j, j.OK(), j)
		}
	}
	for _, tc := range []struct {
		got  fmt.Stringer
		want string
	}{
		{simulate.RiskRefused, "refused"}, {simulate.RiskPodsLost, "pods lost"}, {simulate.RiskStalled, "stalled"},
		{simulate.RiskRolledBack, "rolled back"}, {simulate.RiskCanary, "canary"},
		{simulate.RiskLint, "lint"}, {simulate.RiskKind(0), "RiskKind(0)"},
		{simulate.Risk{}, "RiskKind(0)"}, {simulate.Risk{Kind: simulate.RiskLint, Code: lint.CodeSurgeHostPort}, "lint finds SurgeHostPort"},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("%T.String() = %q, want %q", tc.got, got, tc.want)
		}
	}
}

// TestJudgeErrors: Judge fails as what it is made of does, also if that comes last.
func TestJudgeErrors(t *testing.T) {
	in := whatIfCluster(t, build.Set{}.Object(), whatIfDisks())
	changed := in.DaemonSet.DeepCopy()
	changed.Labels = build.Labels{"a": "b"}
	unnamed := in
	unnamed.Pods = append(slices.Clone(in.Pods), &corev1.Pod{})
	for _, tc := range []struct {
		name, why string
		in        daemon.Input
		proposal  simulate.Proposal
		check     lint.Options
		path      string
	}{
		{"WhatIf", "there is nothing to judge", daemon.Input{}, simulate.Proposal{}, lint.Options{}, "daemonSet"},
		{"Settle", "a cluster stores no pod without a name", unnamed, simulate.Proposal{DaemonSet: changed}, lint.Options{}, "pods[3].metadata.name"},
		{"lint", "a list with holes is a slip", in, simulate.Proposal{DaemonSet: changed}, lint.Options{OtherDaemonSets: []*appsv1.DaemonSet{nil}}, "otherDaemonSets[0]"},
	} {
		got, err := simulate.Judge(tc.in, tc.proposal, simulate.Options{}, tc.check)
		var at *field.Error
		if got != nil || !errors.As(err, &at) || at.Field != tc.path {
			t.Errorf("%s: Judge() = %v, %v, want an error at %s: %s", tc.name, got, err, tc.path, tc.why)
		}
	}
}

// TestJudgeByPlaying compares Judge with a second statement of its rules: a node loses its pod if
// it had one, or should have, and has none when the rollout is over, although it still exists;
// and a finding is new if there are more of its text than before.
func TestJudgeByPlaying(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(700) {
		r := rand.New(rand.NewPCG(seed, 31))
		in, p, check := randomProposal(r)
		before, proposed := copyInput(in), p.DaemonSet.DeepCopy()
		got := judge(t, in, p, simulate.Options{}, check)
		if diff := cmp.Diff(before, in) + cmp.Diff(proposed, p.DaemonSet); diff != "" {
			t.Fatalf("seed %d: Judge() changed its arguments (-before +after):\n%s", seed, diff)
		}
		if seed%4 == 0 {
			slices.Reverse(in.Nodes)
			slices.Reverse(in.Pods)
			slices.Reverse(in.Revisions)
			slices.Reverse(p.Nodes)
			slices.Reverse(check.OtherDaemonSets)
			if again := judge(t, in, p, simulate.Options{}, check); again.String() != got.String() {
				t.Fatalf("seed %d: Judge() depends on the order:\n%v\n%v", seed, got, again)
			}
		}
		nodes := map[simulate.RiskKind][]string{}
		codes := map[lint.Code]bool{}
		for i, risk := range got.Risks {
			seen[risk.Kind.String()]++
			nodes[risk.Kind] = append(nodes[risk.Kind], risk.Nodes...)
			if risk.Kind == simulate.RiskLint {
				codes[risk.Code] = true
			}
			if i > 0 && got.Risks[i-1].Kind > risk.Kind {
				t.Errorf("seed %d: Risks = %v, want them by kind", seed, got.Risks)
			}
		}
		if refused := len(got.Impact.Refused) > 0; refused || got.Impact.NoChange {
			if want := []simulate.Risk{{Kind: simulate.RiskRefused}}; got.End != nil || refused && cmp.Diff(want, got.Risks) != "" || !refused && !got.OK() {
				t.Errorf("seed %d: Judge() of no effect = %v", seed, got)
			}
			continue
		}
		if got.End != nil || p.Remove {
			comparePods(t, seed, in, p, got, nodes[simulate.RiskPodsLost], seen)
		}
		if stalled := got.End != nil && got.End.State == simulate.EndStalled; stalled != slices.ContainsFunc(got.Risks, func(r simulate.Risk) bool { return r.Kind == simulate.RiskStalled }) {
			t.Errorf("seed %d: stalled %v, but Risks = %v", seed, stalled, got.Risks)
		}
		if p.Remove {
			if got.Findings != nil {
				t.Errorf("seed %d: Findings = %v in what is removed", seed, got.Findings)
			}
			continue
		}
		compareFindings(t, seed, in, p, check, got, codes, seen)
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, got)
		}
	}
	for _, what := range []string{"refused", "pods lost", "stalled", "lint", "lost by a rollout", "lost at once", "kept", "removed", "known", "new"} {
		if seen[what] < 5 {
			t.Errorf("%s: %d times, want more: %v", what, seen[what], seen)
		}
	}
}

// comparePods plays the proposal and looks at the pods that are left.
func comparePods(t *testing.T, seed uint64, in daemon.Input, p simulate.Proposal, got *simulate.Judgment, lost []string, seen map[string]int) {
	t.Helper()
	nodesAfter := in.Nodes
	if p.Nodes != nil {
		nodesAfter = p.Nodes
	}
	had := livePods(in, in.Pods)
	var left map[string]bool
	if !p.Remove {
		left = livePods(in, got.End.After.Pods)
		if got.End.State == simulate.EndStalled {
			return // the pods may be deleted later
		}
	}
	old := placement.Compile(&in.DaemonSet.Spec.Template, in.Placement)
	for _, node := range nodesAfter {
		i := slices.IndexFunc(in.Nodes, func(n *corev1.Node) bool { return n.Name == node.Name })
		if i < 0 {
			continue
		}
		was := old.Decide(in.Nodes[i])
		runs, keeps := false, false
		if !p.Remove {
			is := placement.Compile(&got.Impact.After.DaemonSet.Spec.Template, in.Placement).Decide(node)
			runs, keeps = is.Run, is.Keep
		}
		if keeps && len(in.Pods) == 0 {
			continue // the pod that it keeps is not among the facts
		}
		// A node that is never more than allowed to keep its pod does not lose it to the proposal.
		want := !runs && !left[node.Name] && (was.Run || was.Keep && !keeps && had[node.Name])
		if want != slices.Contains(lost, node.Name) {
			t.Errorf("seed %d: %s loses its pod: %v, but Risks = %v", seed, node.Name, want, got.Risks)
		}
		switch {
		case p.Remove:
			seen["removed"]++
		case want && keeps:
			seen["lost by a rollout"]++
		case want:
			seen["lost at once"]++
		case was.Run && !runs:
			seen["kept"]++
		}
	}
}

// livePods returns the nodes with a pod that neither ends nor has ended, of the DaemonSet or free
// for it to adopt.
func livePods(in daemon.Input, pods []*corev1.Pod) map[string]bool {
	nodes := map[string]bool{}
	for _, pod := range pods {
		mine := pod.Namespace == in.DaemonSet.Namespace && pod.Labels["app"] == in.DaemonSet.Spec.Selector.MatchLabels["app"]
		if owner := metav1.GetControllerOf(pod); owner != nil {
			mine = owner.UID == in.DaemonSet.UID
		}
		ended := pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
		if node, ok := daemon.TargetNode(pod); ok && mine && !ended {
			nodes[node] = true
		}
	}
	return nodes
}

// compareFindings counts the findings of each text with and without the proposal.
func compareFindings(t *testing.T, seed uint64, in daemon.Input, p simulate.Proposal, check lint.Options, got *simulate.Judgment, codes map[lint.Code]bool, seen map[string]int) {
	t.Helper()
	count := func(in daemon.Input) map[string]int {
		findings, err := lint.Check(in, check)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, f := range findings {
			f.Field = ""
			counts[fmt.Sprint(f.Severity, f.Code, f.Message)]++
		}
		return counts
	}
	after := in
	if p.DaemonSet != nil {
		after.DaemonSet = p.DaemonSet
	}
	if p.Nodes != nil {
		after.Nodes = p.Nodes
	}
	was, is, news := count(in), count(after), map[string]int{}
	for _, f := range got.Findings {
		news[fmt.Sprint(f.Severity, f.Code, f.Message)]++
		if wrong := f.Severity == lint.SeverityError; wrong && !codes[f.Code] {
			t.Errorf("seed %d: no risk of %v", seed, f)
		}
	}
	for text, n := range is {
		if want := max(0, n-was[text]); news[text] != want {
			t.Errorf("seed %d: %d new findings, want %d: %s", seed, news[text], want, text)
		}
		seen["known"] += min(n, was[text])
		seen["new"] += news[text]
	}
	if len(codes) > 0 && !slices.ContainsFunc(got.Findings, func(f lint.Finding) bool { return f.Severity == lint.SeverityError }) {
		t.Errorf("seed %d: risks of %v without an error", seed, codes)
	}
}

// randomProposal returns a cluster in any state, with a change of it.
func randomProposal(r *rand.Rand) (daemon.Input, simulate.Proposal, lint.Options) {
	one := func(n int) bool { return r.IntN(n) == 0 }
	vary := func(ds *appsv1.DaemonSet) {
		spec := &ds.Spec.Template.Spec
		for i := range spec.Containers {
			spec.Containers[i].Image = fmt.Sprint("c:", 1+r.IntN(3))
		}
		if one(4) {
			spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 80, ContainerPort: 80}}
		}
		if one(4) {
			spec.Containers[0].Resources.Requests = resources(fmt.Sprint(1 + r.IntN(4)))
		}
		if one(4) {
			spec.NodeSelector = []map[string]string{nil, {"disk": "ssd"}, {"disk": "tape"}}[r.IntN(3)]
		}
		if !one(5) {
			spec.Tolerations = [][]corev1.Toleration{nil, {{Operator: corev1.TolerationOpExists}}, {{Key: "k", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}}}[r.IntN(3)]
		}
		if one(4) {
			ds.Spec.UpdateStrategy = surging().Object().Spec.UpdateStrategy
		}
	}
	in := scenario.Random(r)
	vary(in.DaemonSet)
	for _, node := range in.Nodes {
		if one(3) {
			node.Status.Allocatable = resources("3")
		}
	}
	var p simulate.Proposal
	switch r.IntN(8) {
	case 0:
		p.Remove = true
	case 1, 2:
	default:
		p.DaemonSet = in.DaemonSet.DeepCopy()
		vary(p.DaemonSet)
		if containers := &p.DaemonSet.Spec.Template.Spec.Containers; one(4) {
			*containers = append(named("side", requesting("")), *containers...)
		}
		if one(10) {
			p.DaemonSet.Spec.MinReadySeconds = -1
		}
	}
	if p.DaemonSet == nil && !p.Remove || one(4) {
		p.Nodes = scenario.Random(r).Nodes
	}
	var check lint.Options
	if one(2) {
		check.OtherDaemonSets = []*appsv1.DaemonSet{build.Set{Name: "proxy", Spec: requesting("1", 80)}.Object(), build.Set{Name: "cni"}.Object()}
	}
	return in, p, check
}
