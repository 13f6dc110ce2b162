package overhead_test

import (
	"encoding/json"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pernode/daemonset/daemon/overhead"
	"github.com/pernode/daemonset/placement"
)

// FuzzOverhead asks about templates, nodes and requirements of any shape. For the node as it is
// the verdict is the decision of package placement. What holds in every state of the node, or
// on every node of a pool, holds for the node as it is.
func FuzzOverhead(f *testing.F) {
	templates := []string{
		`{}`,
		`{"nodeName":"worker-1","containers":[{"resources":{"limits":{"cpu":"1"}}}]}`,
		`{"nodeSelector":{"zone":"a","bad value":"!"},"containers":[{"ports":[{"hostPort":80}]}]}`,
		`{"hostNetwork":true,"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone","operator":"NotIn","values":["a","b"]},{"key":"cores","operator":"Gt","values":["7"]}]},{"matchFields":[{"key":"metadata.name","operator":"NotIn","values":["worker-1"]}]},{}]}}},"containers":[{"ports":[{"containerPort":80}]}]}`,
		`{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"cores","operator":"Lt","values":["-9223372036854775808"]}]},{"matchExpressions":[{"key":"cores","operator":"Gt","values":["9223372036854775807"]}]}]}}}}`,
		`{"tolerations":[{"operator":"Exists"}],"resources":{"limits":{"memory":"1Gi"}},"runtimeClassName":"kata","overhead":{"cpu":"100u"},"initContainers":[{"restartPolicy":"Always","resources":{"requests":{"example.com/gpu":"1"}}}]}`,
	}
	nodes := []string{
		`{"metadata":{"name":"worker-1","labels":{"zone":"a","cores":"8","kubernetes.io/hostname":"worker-1"}}}`,
		`{"metadata":{"name":"x","labels":{"cores":"007"}},"spec":{"taints":[{"key":"starting","effect":"NoSchedule"}]},"status":{"allocatable":{"cpu":"1","pods":"1"}}}`,
	}
	for _, template := range templates {
		for _, node := range nodes {
			f.Add(template, node, "zone", "cores", `[{"key":"cores","operator":"Gt","values":["3"]},{"key":"zone","operator":"Exists"}]`)
			f.Add(template, node, "cores", "kubernetes.io/hostname", `[{"key":"zone","operator":"In","values":["a"]}]`)
		}
	}
	f.Fuzz(func(t *testing.T, template, nodeText, late, another, requirements string) {
		if len(template)+len(nodeText)+len(requirements) > 2000 {
			return // Numbers of thousands of digits take minutes.
		}
		ds := &appsv1.DaemonSet{}
		ds.Name = "agent"
		var node corev1.Node
		var pool overhead.Pool
		if json.Unmarshal([]byte(template), &ds.Spec.Template.Spec) != nil || json.Unmarshal([]byte(nodeText), &node) != nil ||
			json.Unmarshal([]byte(requirements), &pool.Requirements) != nil {
			return
		}
		daemons, err := overhead.Compile([]*appsv1.DaemonSet{ds}, overhead.Options{})
		if err != nil {
			t.Fatal(err)
		}
		run := placement.Compile(&ds.Spec.Template, placement.Options{}).Decide(&node).Run
		var out overhead.NodeOverhead
		if err := daemons.OnNode(overhead.Input{Node: &node}, &out); (err != nil) != (node.Name == "") {
			t.Fatalf("OnNode = %v", err)
		} else if err == nil && (out.Daemons[0].Verdict == overhead.VerdictDoesNotRun) == run {
			t.Fatalf("OnNode = %v, Decide = %v", out.Daemons[0], run)
		}
		if len(validation.IsDNS1123Subdomain(node.Name)) > 0 {
			return // No node has such a name.
		}
		for key, value := range node.Labels {
			if len(validation.IsQualifiedName(key))+len(validation.IsValidLabelValue(value)) > 0 {
				return // No node has such a label.
			}
		}
		in := overhead.Input{Node: &node, NameUnknown: true, LateLabels: []string{late, another}, StartupTaints: node.Spec.Taints}
		if err := daemons.OnNode(in, &out); err == nil {
			if v := out.Daemons[0].Verdict; v == overhead.VerdictRuns && !run || v == overhead.VerdictDoesNotRun && run {
				t.Fatalf("OnNode(%v, %v unknown) = %v, and Decide = %v", late, another, v, run)
			}
			if explanation, err := daemons.Explain(0, in); err != nil || explanation.Verdict != out.Daemons[0].Verdict || explanation.String() == "" {
				t.Fatalf("Explain = %v, %v, want %v", explanation, err, out.Daemons[0].Verdict)
			}
		}
		pool.Taints = node.Spec.Taints
		answer, err := daemons.InPool(pool)
		if err != nil {
			return
		}
		member := corev1.PodTemplateSpec{}
		if len(pool.Requirements) > 0 {
			member.Spec.Affinity = required(corev1.NodeSelectorTerm{MatchExpressions: pool.Requirements})
		}
		untainted := node.DeepCopy()
		untainted.Spec.Taints = nil
		if !placement.Compile(&member, placement.Options{}).Decide(untainted).Run {
			return
		}
		if p := answer.Daemons[0].Presence; p == overhead.PresenceAlways && !run || p == overhead.PresenceNever && run {
			t.Fatalf("InPool(%v) = %v, and Decide = %v", requirements, answer.Daemons[0], run)
		}
	})
}
