package placement_test

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/placement"
)

// cluster is a control plane and two workers.
func cluster() []*corev1.Node {
	return []*corev1.Node{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "control-plane"},
			Spec: corev1.NodeSpec{Taints: []corev1.Taint{
				{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule},
			}},
		},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-1", Labels: map[string]string{"disk": "ssd", "zone": "a"}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-2", Labels: map[string]string{"disk": "hdd", "zone": "b"}}},
	}
}

// The nodes that a DaemonSet's pod template runs on.
func ExampleMatcher_Decide() {
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-alpine"}},
	}}

	m := placement.Compile(template, placement.Options{})
	for _, node := range cluster() {
		if m.Decide(node).Run {
			fmt.Println(node.Name)
		}
	}
	// Output:
	// worker-1
	// worker-2
}

// Why is the pod not on this node?
func ExampleDecision() {
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		NodeSelector: map[string]string{"disk": "ssd"},
	}}

	m := placement.Compile(template, placement.Options{})
	for _, node := range cluster() {
		d := m.Decide(node)
		fmt.Println(d)
		if d.Reason == placement.ReasonNodeSelector {
			key, want := d.NodeSelector()
			fmt.Printf("\tkubectl label node %s --overwrite %s=%s\n", node.Name, key, want)
		}
	}
	// Output:
	// control-plane: not run: nodeSelector disk=ssd, node has no label disk
	// 	kubectl label node control-plane --overwrite disk=ssd
	// worker-1: runs here
	// worker-2: not run: nodeSelector disk=ssd, node has disk=hdd
	// 	kubectl label node worker-2 --overwrite disk=ssd
}

// A taint of the effect NoSchedule stops new pods and keeps those that are there.
func ExampleDecision_Taint() {
	d := placement.Compile(nil, placement.Options{}).Decide(cluster()[0])
	fmt.Println(d)
	fmt.Println("run:", d.Run, "keep:", d.Keep)
	fmt.Println("stops new pods:", d.Taint().ToString())
	fmt.Println("drives pods out:", d.NoExecuteTaint() != nil)
	// Output:
	// control-plane: not run: untolerated taint {node-role.kubernetes.io/control-plane: } (NoSchedule); a pod already here is kept
	// run: false keep: true
	// stops new pods: node-role.kubernetes.io/control-plane:NoSchedule
	// drives pods out: false
}

// Which term of the node affinity fails, and at which requirement.
func ExampleDecision_AffinityFailures() {
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{
					{MatchExpressions: []corev1.NodeSelectorRequirement{
						{Key: "disk", Operator: corev1.NodeSelectorOpIn, Values: []string{"ssd", "nvme"}},
						{Key: "zone", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"a"}},
					}},
					{MatchExpressions: []corev1.NodeSelectorRequirement{
						{Key: "gpu", Operator: corev1.NodeSelectorOpExists},
					}},
				},
			},
		}},
	}}

	d := placement.Compile(template, placement.Options{}).Decide(cluster()[1])
	for _, failure := range d.AffinityFailures() {
		fmt.Println(failure)
	}
	// Output:
	// nodeSelectorTerms[0].matchExpressions[1] zone NotIn [a], node has zone=a
	// nodeSelectorTerms[1].matchExpressions[0] gpu Exists, node has no label gpu
}

// The whole cluster in one line.
func ExampleSummarize() {
	m := placement.Compile(&corev1.PodTemplateSpec{}, placement.Options{})
	var decisions []placement.Decision
	for _, node := range cluster() {
		decisions = append(decisions, m.Decide(node))
	}
	fmt.Println(placement.Summarize(decisions))
	// Output:
	// 2 of 3 nodes run it; 1 has untolerated taint {node-role.kubernetes.io/control-plane: }
}

// What a daemon pod tolerates: the template's tolerations and the defaults.
func ExampleTolerations() {
	spec := &corev1.PodSpec{
		HostNetwork: true,
		Tolerations: []corev1.Toleration{
			{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
		},
	}
	for _, t := range placement.Tolerations(spec) {
		fmt.Println(t.Key, t.Operator, t.Effect)
	}
	// Output:
	// node-role.kubernetes.io/control-plane Exists NoSchedule
	// node.kubernetes.io/not-ready Exists NoExecute
	// node.kubernetes.io/unreachable Exists NoExecute
	// node.kubernetes.io/disk-pressure Exists NoSchedule
	// node.kubernetes.io/memory-pressure Exists NoSchedule
	// node.kubernetes.io/pid-pressure Exists NoSchedule
	// node.kubernetes.io/unschedulable Exists NoSchedule
	// node.kubernetes.io/network-unavailable Exists NoSchedule
}

// A node's heartbeat matters to no DaemonSet, a label to those that select by it.
func ExampleNodeChanged() {
	onSSD := placement.Compile(&corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		NodeSelector: map[string]string{"disk": "ssd"},
	}}, placement.Options{})
	everywhere := placement.Compile(&corev1.PodTemplateSpec{}, placement.Options{})

	old := cluster()[2]
	heartbeat := old.DeepCopy()
	heartbeat.ResourceVersion = "2"
	fmt.Println("heartbeat:", placement.NodeChanged(old, heartbeat))

	relabelled := old.DeepCopy()
	relabelled.Labels["disk"] = "ssd"
	fmt.Println("new disk:", placement.NodeChanged(old, relabelled))
	fmt.Println("to the DaemonSet on SSDs:", onSSD.VerdictChanged(old, relabelled))
	fmt.Println("to the DaemonSet everywhere:", everywhere.VerdictChanged(old, relabelled))
	// Output:
	// heartbeat: false
	// new disk: true
	// to the DaemonSet on SSDs: true
	// to the DaemonSet everywhere: false
}

// A strict caller refuses what the controller passes over in silence.
func ExampleMatcher_Malformed() {
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Tolerations: []corev1.Toleration{{Key: "dedicated", Operator: "exists"}},
	}}
	for _, err := range placement.Compile(template, placement.Options{}).Malformed() {
		fmt.Println(err)
	}
	// Output:
	// spec.tolerations[0].operator: Unsupported value: "exists": supported values: "Equal", "Exists"
}
