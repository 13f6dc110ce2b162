package placement_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

// FuzzDecide decides about nodes and templates of any shape as upstream does, with
// details that are true, and leaves both as they were.
func FuzzDecide(f *testing.F) {
	templates := []string{
		`{}`,
		// The lesson's nginx.
		`{"metadata":{"name":"nginx","labels":{"env":"demo"}},"spec":{"containers":[{"name":"nginx","image":"nginx:1.27.4-alpine"}]}}`,
		// A proxy that runs wherever there is a kernel.
		`{"spec":{"hostNetwork":true,"nodeSelector":{"kubernetes.io/os":"linux"},"priorityClassName":"system-node-critical","tolerations":[{"operator":"Exists"}]}}`,
		// A network plugin of a cloud provider.
		`{"spec":{"hostNetwork":true,"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["linux"]},{"key":"kubernetes.io/arch","operator":"In","values":["amd64","arm64"]},{"key":"eks.amazonaws.com/compute-type","operator":"NotIn","values":["fargate","hybrid","auto"]}]}]}}},"tolerations":[{"operator":"Exists"}]}}`,
		// A device plugin: two kinds of nodes, a taint of its own.
		`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"feature.node.kubernetes.io/pci-10de.present","operator":"In","values":["true"]}]},{"matchExpressions":[{"key":"nvidia.com/gpu.count","operator":"Gt","values":["0"]},{"key":"nvidia.com/mig.config","operator":"DoesNotExist"}]}]}}},"tolerations":[{"key":"nvidia.com/gpu","operator":"Exists","effect":"NoSchedule"},{"key":"CriticalAddonsOnly","operator":"Exists"}]}}`,
		// A storage daemon with pools, and a toleration that the defaults replace.
		`{"spec":{"nodeSelector":{"disk":"ssd","storage":""},"tolerations":[{"key":"dedicated","value":"storage","effect":"NoExecute"},{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}]}}`,
		// A pod as the controller pins it.
		`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["worker-1"]}]}]}}}}}`,
		`{"spec":{"nodeName":"worker-1"}}`,
		// Numbers.
		`{"spec":{"tolerations":[{"key":"sla","operator":"Gt","value":"95","effect":"NoExecute"},{"key":"cost","operator":"Lt","value":"-3"}],"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"cores","operator":"Lt","values":["64"]}]}]}}}}}`,
		// What does not parse.
		`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{},{"matchExpressions":[{"key":"zone","operator":"Near","values":["a"]}]},{"matchExpressions":[{"key":"a b","operator":"In"}],"matchFields":[{"key":"spec.x","operator":"In","values":["a","b"]}]}]}}},"tolerations":[{"key":"a","operator":"Unless"}]}}`,
		`{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":null}}}}}`,
	}
	nodes := []string{
		`{}`,
		`{"metadata":{"name":"worker-1","labels":{"beta.kubernetes.io/arch":"amd64","kubernetes.io/arch":"amd64","kubernetes.io/hostname":"worker-1","kubernetes.io/os":"linux"}}}`,
		`{"metadata":{"name":"control-plane","labels":{"kubernetes.io/os":"linux","kubernetes.io/arch":"arm64","node-role.kubernetes.io/control-plane":""}},"spec":{"taints":[{"key":"node-role.kubernetes.io/control-plane","effect":"NoSchedule"}]}}`,
		`{"metadata":{"name":"fargate-ip-10-0-1-2","labels":{"eks.amazonaws.com/compute-type":"fargate","kubernetes.io/os":"linux","kubernetes.io/arch":"amd64"}},"spec":{"taints":[{"key":"eks.amazonaws.com/compute-type","value":"fargate","effect":"NoSchedule"}]}}`,
		`{"metadata":{"name":"gpu-1","labels":{"nvidia.com/gpu.count":"8","feature.node.kubernetes.io/pci-10de.present":"true","cores":"+96"}},"spec":{"taints":[{"key":"nvidia.com/gpu","value":"present","effect":"NoSchedule"}]}}`,
		`{"metadata":{"name":"storage-1","labels":{"disk":"ssd","storage":"","cores":"063"}},"spec":{"unschedulable":true,"taints":[{"key":"dedicated","value":"storage","effect":"NoExecute"},{"key":"node.kubernetes.io/unschedulable","effect":"NoSchedule","timeAdded":"2026-01-02T03:04:05Z"}]}}`,
		`{"metadata":{"name":"lost"},"spec":{"taints":[{"key":"node.kubernetes.io/unreachable","effect":"NoSchedule"},{"key":"node.kubernetes.io/unreachable","effect":"NoExecute"},{"key":"sla","value":"99","effect":"NoExecute"},{"key":"cost","value":"-4","effect":"PreferNoSchedule"},{"key":"x","effect":"Odd"}]}}`,
	}
	for _, template := range templates {
		for _, node := range nodes {
			f.Add(template, node, false)
			f.Add(template, node, true)
		}
	}
	f.Fuzz(func(t *testing.T, templateJSON, nodeJSON string, comparison bool) {
		var template corev1.PodTemplateSpec
		var node corev1.Node
		if json.Unmarshal([]byte(templateJSON), &template) != nil || json.Unmarshal([]byte(nodeJSON), &node) != nil {
			return
		}
		templateBefore, nodeBefore := template.DeepCopy(), node.DeepCopy()
		opts := placement.Options{ComparisonOperators: comparison}
		m := placement.Compile(&template, opts)
		d := m.Decide(&node)
		checkDecision(t, &template, newUpstream(&template, opts), m, &node)
		if m.DecisionChanged(&node, nodeBefore) || placement.NodeChanged(&node, nodeBefore) {
			t.Error("a copy of the node counts as changed")
		}
		if s := m.Summarize([]*corev1.Node{&node}); s.Nodes != 1 || (s.Run == 1) != d.Run || (s.Keep == 1) != d.Keep || (len(s.Reasons) == 0) != d.Run || s.String() == "" {
			t.Errorf("Summarize() of %v = %+v", d, s)
		}
		for _, err := range m.Malformed() {
			if err == nil || err.Field == "" || err.Error() == "" {
				t.Errorf("Malformed() has %+v", err)
			}
		}
		if diff := cmp.Diff(templateBefore, &template); diff != "" {
			t.Errorf("the template was changed (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(nodeBefore, &node); diff != "" {
			t.Errorf("the node was changed (-before +after):\n%s", diff)
		}
	})
}
