package daemontest_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout/simulate"
)

const twoNodes = `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: node-1, labels: {zone: a}}}
- {apiVersion: v1, kind: Node, metadata: {name: node-2, labels: {zone: b}}}
`

const twoFaults = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec: {selektor: {}}
---
apiVersion: v1
kind: Node
metadata: {labels: {zone: a}}
`

// TestRead: what tests read from, and what they report about wrong text.
func TestRead(t *testing.T) {
	files := os.DirFS("testdata")
	for _, tc := range []struct {
		name, why string
		test      func(t testing.TB)
		want      string
	}{
		{"text", "nodes of a list", func(t testing.TB) {
			for _, node := range daemontest.Parse(t, twoNodes).Nodes {
				t.Error(node.Name, node.Labels)
			}
		}, "node-1map[zone:a]\nnode-2map[zone:b]"},
		{"defaults", "a field of the API server's can be changed", func(t testing.TB) {
			agent := daemontest.ReadDaemonSet(t, "testdata/agent.yaml")
			if agent.Spec.UpdateStrategy.RollingUpdate == nil {
				t.Error(agent.Spec.UpdateStrategy)
			}
		}, "log: testdata/agent.yaml: passed over: v1 ServiceAccount (1)"},
		{"file system", "patterns match several files", func(t testing.TB) {
			objects := daemontest.ReadFS(t, files, "[an]*.yaml")
			c := daemontest.Settled(t, objects.DaemonSets[0], objects.Nodes...)
			c.RunsOn(t, objects.DaemonSets[0], c.Nodes(t, "zone in (a, b)")...)
		}, "log: agent.yaml: passed over: v1 ServiceAccount (1)"},
		{"cluster", "facts, taken as they are", func(t testing.TB) {
			objects := daemontest.ReadFS(t, files, "agent.yaml", "nodes.yaml")
			c := daemontest.NewCluster(t, objects.Subjects()[0].Input, simulate.Options{})
			c.SettlesWithin(t, 10*time.Second)
			c.RunsOn(t, objects.DaemonSets[0], objects.Nodes...)
		}, "log: agent.yaml: passed over: v1 ServiceAccount (1)"},
		{"passed over", "a test may rely on it", func(t testing.TB) {
			daemontest.Read(t, "testdata/agent.yaml")
		}, `log: testdata/agent.yaml: passed over: v1 ServiceAccount (1)`},
		{"no such file", "the name", func(t testing.TB) { daemontest.Read(t, "testdata/none.yaml") },
			`fatal: open testdata/none.yaml: no such file or directory`},
		{"no files", "forgotten", func(t testing.TB) { daemontest.Read(t) }, "fatal: no files are given"},
		{"no patterns", "forgotten", func(t testing.TB) { daemontest.ReadFS(t, files) }, "fatal: no patterns are given"},
		{"no file of a DaemonSet", "forgotten", func(t testing.TB) { daemontest.ReadDaemonSet(t) }, "fatal: no files are given"},
		{"no match", "the pattern", func(t testing.TB) { daemontest.ReadFS(t, files, "*.yml") },
			`fatal: open *.yml: file does not exist`},
		{"no file system", "forgotten", func(t testing.TB) { daemontest.ReadFS(t, nil, "a.yaml") },
			`fatal: fsys: Required value`},
		{"wrong text", "every fault with its line", func(t testing.TB) { daemontest.Parse(t, twoFaults) },
			`fatal: text:5: document 1: spec.selektor: unknown field
text:9: document 2: metadata.name: Required value`},
		{"text that is no YAML", "the reader's words", func(t testing.TB) { daemontest.Parse(t, "a: [") },
			"fatal: text:1: document 1: did not find expected node content"},
		{"no DaemonSet", "nothing to test", func(t testing.TB) { daemontest.ReadDaemonSet(t, "testdata/nodes.yaml") },
			`fatal: testdata/nodes.yaml: 0 DaemonSets, want 1`},
		{"refused", "with the line, before there is a cluster", func(t testing.TB) { daemontest.ReadDaemonSet(t, "testdata/refused.yaml") },
			"fatal: testdata/refused.yaml:9: document 1: spec.template.metadata.labels: Invalid value: {\"app\":\"agents\"}: `selector` does not match template `labels`"},
		{"pods refused", "a gate may be on", func(t testing.TB) { daemontest.ReadDaemonSet(t, "testdata/refused-pods.yaml") },
			"fatal: testdata/refused-pods.yaml:12: document 1: spec.template.spec.tolerations[0].operator: Invalid value: \"true\": Exists has no value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, reportsOf(tc.test)); diff != "" {
				t.Errorf("reports differ (-want +got):\n%s%s", diff, tc.why)
			}
		})
	}
}
