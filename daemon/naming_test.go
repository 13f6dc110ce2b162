package daemon_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// TestNamingRefused: names that the API server refuses are errors, from every function that
// uses them.
func TestNamingRefused(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		naming    daemon.Naming
		want      string // field
	}{
		{"label", "a key has no spaces", daemon.Naming{RevisionHashLabel: "my hash"}, "naming.revisionHashLabel"},
		{"generation", "a key has one slash at most", daemon.Naming{TemplateGenerationLabel: "a/b/c"}, "naming.templateGenerationLabel"},
		{"same", "one label cannot hold both", daemon.Naming{RevisionHashLabel: "x", TemplateGenerationLabel: "x"}, "naming.templateGenerationLabel"},
		{"default", "the default of the other label counts", daemon.Naming{RevisionHashLabel: "pod-template-generation"}, "naming.templateGenerationLabel"},
		{"prefix", "object names are lower case", daemon.Naming{RevisionNamePrefix: "Agent-"}, "naming.revisionNamePrefix"},
		{"long prefix", "object names have at most 253 characters", daemon.Naming{RevisionNamePrefix: strings.Repeat("p", 240) + "-"}, "naming.revisionNamePrefix"},
		{"prefix start", "object names begin with a letter or a digit", daemon.Naming{RevisionNamePrefix: "-"}, "naming.revisionNamePrefix"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := daemon.Input{DaemonSet: build.Set{}.Object(), Naming: tc.naming, Now: build.Now}
			_, err := daemon.Observe(in)
			wantFieldError(t, err, tc.want, tc.why)
			_, err = daemon.DesiredPods(in)
			wantFieldError(t, err, tc.want, tc.why)
		})
	}
}

// TestNamingPrefixOfOne: the error says whether the prefix is wrong for any DaemonSet or for this one.
func TestNamingPrefixOfOne(t *testing.T) {
	for prefix, want := range map[string]string{
		"-":                            "a lowercase RFC 1123 subdomain must consist of",
		strings.Repeat("p", 250) + "-": "must be no more than 253",
		strings.Repeat("p", 238) + "-": "before the name agent: must be no more than 253",
	} {
		_, err := daemon.Observe(daemon.Input{DaemonSet: build.Set{}.Object(), Naming: daemon.Naming{RevisionNamePrefix: prefix}, Now: build.Now})
		if _, detail, _ := strings.Cut(fmt.Sprint(err), prefix+`": `); !strings.HasPrefix(detail, want) {
			t.Errorf("Observe() with the prefix %q = %v, want %q", prefix, err, want)
		}
	}
}

// TestNamingUpdated: the label of the naming says which pods are updated, and no other.
func TestNamingUpdated(t *testing.T) {
	ds := build.Set{}.Object()
	in := daemon.Input{
		DaemonSet: ds, Nodes: []*corev1.Node{build.Node{Name: "n0"}.Object(), build.Node{Name: "n1"}.Object()}, Now: build.Now,
		Naming: daemon.Naming{RevisionHashLabel: "agents.example.com/hash"},
	}
	pods, err := daemon.DesiredPods(in)
	if err != nil {
		t.Fatal(err)
	}
	for i, pod := range pods {
		pod.Name, pod.Spec.NodeName = pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchFields[0].Values[0], ""
		if hash := pod.Labels["agents.example.com/hash"]; hash != daemon.TemplateHash(&ds.Spec.Template, nil) || pod.Labels["controller-revision-hash"] != "" {
			t.Errorf("labels %v, want the hash under the naming's key only", pod.Labels)
		}
		if i == 1 { // as another controller would label it
			pod.Labels["controller-revision-hash"] = pod.Labels["agents.example.com/hash"]
			delete(pod.Labels, "agents.example.com/hash")
		}
	}
	in.Pods = pods
	s := observe(t, in)
	if n0, n1 := s.Node("n0"), s.Node("n1"); !n0.Pods[0].Updated || n1.Pods[0].Updated {
		t.Errorf("updated: %v, %v, want only the pod with the naming's label", n0.Pods[0].Updated, n1.Pods[0].Updated)
	}
	if got := s.NewPod("n2").Labels["agents.example.com/hash"]; got != s.RevisionHash() {
		t.Errorf("NewPod has the hash %q, want %q", got, s.RevisionHash())
	}
	if got := s.Input().Naming; got != in.Naming.WithDefaults() || s.Naming() != got {
		t.Errorf("Naming() = %+v", got)
	}
}
