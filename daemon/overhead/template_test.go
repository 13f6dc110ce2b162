package overhead_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/pernode/daemonset/daemon/overhead"
	"github.com/pernode/daemonset/internal/build"
)

// TestTemplateNode: a template node never has a pod of a DaemonSet that is pinned to another
// node, however it is pinned. Without a name it is an error, or nobody can tell.
func TestTemplateNode(t *testing.T) {
	in := func(key string) []corev1.NodeSelectorRequirement {
		return []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{"worker-1"}}}
	}
	pins := map[string]corev1.PodSpec{
		"nodeName":         {NodeName: "worker-1"},
		"nodeSelector":     {NodeSelector: build.Labels{corev1.LabelHostname: "worker-1"}},
		"matchFields":      {Affinity: build.Require(corev1.NodeSelectorTerm{MatchFields: in("metadata.name")})},
		"matchExpressions": {Affinity: build.Require(corev1.NodeSelectorTerm{MatchExpressions: in(corev1.LabelHostname)})},
	}
	hostname := func(name string) build.Labels { return build.Labels{corev1.LabelHostname: name} }
	tests := []struct {
		name, why string
		node      build.Node
		unknown   bool // Input.NameUnknown
		free      overhead.Verdict
		pinned    overhead.Verdict
		err       string
	}{
		{"a name that no node has", "it is not that node", build.Node{Name: "template"}, false, overhead.VerdictRuns, overhead.VerdictDoesNotRun, ""},
		{"no name", "it cannot be compared with those that DaemonSets ask for", build.Node{}, false, 0, 0, "input.node.metadata.name: Required value"},
		{"no name, which is unknown", "it may be that node", build.Node{}, true, overhead.VerdictRuns, overhead.VerdictCannotTell, ""},
		{"a name that is made up", "the same", build.Node{Name: "template", Labels: hostname("template")}, true, overhead.VerdictRuns, overhead.VerdictCannotTell, ""},
		{"a hostname of its own", "it is not that node", build.Node{Name: "template", Labels: hostname("template")}, false, overhead.VerdictRuns, overhead.VerdictDoesNotRun, ""},
		{"that node", "it is pinned here", build.Node{Name: "worker-1", Labels: hostname("worker-1")}, false, overhead.VerdictRuns, overhead.VerdictRuns, ""},
	}
	for _, tc := range tests {
		for pin, spec := range pins {
			t.Run(tc.name+"/"+pin, func(t *testing.T) {
				sets := []*appsv1.DaemonSet{build.Set{Name: "free"}.Object(), build.Set{Name: "pinned", Spec: spec}.Object()}
				daemons, err := overhead.Compile(sets, overhead.Options{})
				if err != nil {
					t.Fatal(err)
				}
				var out overhead.NodeOverhead
				err = daemons.OnNode(overhead.Input{Node: tc.node.Object(), NameUnknown: tc.unknown}, &out)
				if tc.err != "" {
					if err == nil || len(err.Error()) < len(tc.err) || err.Error()[:len(tc.err)] != tc.err {
						t.Errorf("OnNode() = %v, want %s: %s", err, tc.err, tc.why)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if free, pinned := out.Daemons[0].Verdict, out.Daemons[1].Verdict; free != tc.free || pinned != tc.pinned {
					t.Errorf("OnNode(): free %v, pinned %v, want %v, %v: %s", free, pinned, tc.free, tc.pinned, tc.why)
				}
			})
		}
	}
}

// TestRulesShared: DaemonSets share an answer only if they ask the same of a node.
func TestRulesShared(t *testing.T) {
	term := func(r corev1.NodeSelectorRequirement) *corev1.Affinity {
		return build.Require(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{r}})
	}
	tolerate := func(t corev1.Toleration) corev1.PodSpec { return corev1.PodSpec{Tolerations: []corev1.Toleration{t}} }
	node := build.Node{Name: "worker-1", Labels: build.Labels{"disk": "ssd"}}.Object()
	node.Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: "db", Effect: corev1.TaintEffectNoSchedule}}
	network := node.DeepCopy()
	network.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeNetworkUnavailable, Effect: corev1.TaintEffectNoSchedule}}
	plain := node.DeepCopy()
	plain.Spec.Taints = nil
	tests := []struct {
		name             string
		node             *corev1.Node
		runs, doesNotRun corev1.PodSpec
	}{
		{"nodeName", plain, corev1.PodSpec{NodeName: "worker-1"}, corev1.PodSpec{NodeName: "worker-2"}},
		{"a value of nodeSelector", plain, corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}, corev1.PodSpec{NodeSelector: build.Labels{"disk": "hdd"}}},
		{"a key of nodeSelector", plain, corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}, corev1.PodSpec{NodeSelector: build.Labels{"dis": "kssd"}}},
		{
			"an operator", plain, corev1.PodSpec{Affinity: term(corev1.NodeSelectorRequirement{Key: "disk", Operator: corev1.NodeSelectorOpExists})},
			corev1.PodSpec{Affinity: term(corev1.NodeSelectorRequirement{Key: "disk", Operator: corev1.NodeSelectorOpDoesNotExist})},
		},
		{"an affinity without terms matches no node", plain, corev1.PodSpec{}, corev1.PodSpec{Affinity: build.Require()}},
		{"an affinity that requires nothing", plain, corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}}, corev1.PodSpec{Affinity: build.Require()}},
		{
			"the key of a toleration", node, tolerate(corev1.Toleration{Key: "dedicated", Operator: corev1.TolerationOpExists}),
			tolerate(corev1.Toleration{Key: "other", Operator: corev1.TolerationOpExists}),
		},
		{"the value of a toleration", node, tolerate(corev1.Toleration{Key: "dedicated", Value: "db"}), tolerate(corev1.Toleration{Key: "dedicated", Value: "web"})},
		{
			"the effect of a toleration", node, tolerate(corev1.Toleration{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}),
			tolerate(corev1.Toleration{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute}),
		},
		{"the host network tolerates that the network is unavailable", network, corev1.PodSpec{HostNetwork: true}, corev1.PodSpec{}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			for _, specs := range [][]corev1.PodSpec{{tc.runs, tc.doesNotRun}, {tc.doesNotRun, tc.runs}} {
				daemons, err := overhead.Compile([]*appsv1.DaemonSet{
					build.Set{Name: "a", Spec: specs[0]}.Object(), build.Set{Name: "b", Spec: specs[1]}.Object(),
					build.Set{Name: "c", Spec: specs[0]}.Object(), build.Set{Name: "d", Spec: specs[1]}.Object(),
				}, overhead.Options{})
				if err != nil {
					t.Fatal(err)
				}
				var out overhead.NodeOverhead
				if err := daemons.OnNode(overhead.Input{Node: tc.node}, &out); err != nil {
					t.Fatal(err)
				}
				for i, daemon := range daemons.List() {
					want := overhead.VerdictDoesNotRun
					if equality.Semantic.DeepEqual(specs[i%2], tc.runs) {
						want = overhead.VerdictRuns
					}
					if got := out.Daemons[i].Verdict; got != want {
						t.Errorf("OnNode(): %s %v, want %v", daemon.DaemonSet.Name, got, want)
					}
				}
			}
		})
	}
}
