package overhead_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

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
