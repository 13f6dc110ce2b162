package placement_test

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/placement"
)

// The nodes that run the pods of a template.
func ExampleMatcher_Decide() {
	nodes := []*corev1.Node{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "control-plane"},
			Spec: corev1.NodeSpec{Taints: []corev1.Taint{
				{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule},
			}},
		},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
	}
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-alpine"}},
	}}

	m := placement.Compile(template, placement.Options{})
	for _, node := range nodes {
		fmt.Println(node.Name, m.Decide(node))
	}
	// Output:
	// control-plane does not run: untolerated taint; an existing pod stays
	// worker-1 runs here
	// worker-2 runs here
}

// Why is the pod not on this node?
func ExampleMatcher_Explain() {
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		NodeSelector: map[string]string{"disk": "ssd"},
	}}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   "worker-2",
		Labels: map[string]string{"disk": "hdd"},
	}}

	e := placement.Compile(template, placement.Options{}).Explain(node)
	fmt.Println(e)
	if e.Reason == placement.ReasonNodeSelector {
		fmt.Printf("kubectl label node %s --overwrite %s=%s\n", e.Node, e.SelectorKey, e.SelectorValue)
	}
	// Output:
	// worker-2: does not run: nodeSelector disk=ssd, node has disk=hdd
	// kubectl label node worker-2 --overwrite disk=ssd
}

// A taint of the effect NoSchedule keeps new pods away and drives none out.
func ExampleMatcher_Explain_taint() {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "control-plane"},
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{
			{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule},
		}},
	}

	e := placement.Compile(nil, placement.Options{}).Explain(node)
	fmt.Println(e)
	fmt.Println("run:", e.Run, "keep:", e.Keep)
	fmt.Println("keeps new pods away:", e.Taint.ToString())
	fmt.Println("drives pods out:", e.NoExecuteTaint != nil)
	// Output:
	// control-plane: does not run: untolerated taint node-role.kubernetes.io/control-plane:NoSchedule; an existing pod stays
	// run: false keep: true
	// keeps new pods away: node-role.kubernetes.io/control-plane:NoSchedule
	// drives pods out: false
}

// Which terms of the node affinity fail, and at which requirement.
func ExampleMatcher_Explain_affinity() {
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
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   "worker-1",
		Labels: map[string]string{"disk": "ssd", "zone": "a"},
	}}

	e := placement.Compile(template, placement.Options{}).Explain(node)
	for _, failure := range e.AffinityFailures {
		fmt.Println(failure)
	}
	// Output:
	// nodeSelectorTerms[0].matchExpressions[1] zone NotIn [a], node has zone=a
	// nodeSelectorTerms[1].matchExpressions[0] gpu Exists, node has no label gpu
}

// The whole cluster in one line.
func ExampleMatcher_Summarize() {
	nodes := []*corev1.Node{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "control-plane"},
			Spec: corev1.NodeSpec{Taints: []corev1.Taint{
				{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule},
			}},
		},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker-2"}},
	}

	m := placement.Compile(&corev1.PodTemplateSpec{}, placement.Options{})
	fmt.Println(m.Summarize(nodes))
	// Output:
	// 2 of 3 nodes run it; 1 has untolerated taint node-role.kubernetes.io/control-plane
}

// The tolerations of a daemon pod: the template's own and the defaults.
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

// A node's heartbeat concerns no DaemonSet; a label concerns those that select it.
func ExampleNodeChanged() {
	old := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   "worker-2",
		Labels: map[string]string{"disk": "hdd"},
	}}
	heartbeat := old.DeepCopy()
	heartbeat.ResourceVersion = "2"
	fmt.Println("heartbeat:", placement.NodeChanged(old, heartbeat))

	relabelled := old.DeepCopy()
	relabelled.Labels["disk"] = "ssd"
	fmt.Println("new disk:", placement.NodeChanged(old, relabelled))

	onSSD := placement.Compile(&corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		NodeSelector: map[string]string{"disk": "ssd"},
	}}, placement.Options{})
	everywhere := placement.Compile(&corev1.PodTemplateSpec{}, placement.Options{})
	fmt.Println("for a DaemonSet on SSDs:", onSSD.DecisionChanged(old, relabelled))
	fmt.Println("for a DaemonSet on all nodes:", everywhere.DecisionChanged(old, relabelled))
	// Output:
	// heartbeat: false
	// new disk: true
	// for a DaemonSet on SSDs: true
	// for a DaemonSet on all nodes: false
}

// A strict caller refuses a template that the controller accepts and ignores in part.
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

// Can a node be decided that has no name yet, such as the template node of an autoscaler?
func ExampleMatcher_NeedsName() {
	var pinned, everywhere corev1.PodTemplateSpec
	pinned.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"worker-1"}}},
		}}},
	}}
	nameless := &corev1.Node{}
	for _, template := range []*corev1.PodTemplateSpec{&everywhere, &pinned} {
		matcher := placement.Compile(template, placement.Options{})
		if nameless.Name == "" && matcher.NeedsName() {
			fmt.Println("cannot tell")
			continue
		}
		fmt.Println(matcher.Decide(nameless))
	}
	// Output:
	// runs here
	// cannot tell
}
