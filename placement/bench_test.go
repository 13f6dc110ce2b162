package placement_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

// benchNodes is enough nodes that the processor does not learn them by heart,
// labelled as a cloud provider labels them.
func benchNodes(taints ...corev1.Taint) []*corev1.Node {
	nodes := make([]*corev1.Node, 1024)
	for i := range nodes {
		name := fmt.Sprintf("ip-10-0-%d-%d.eu-west-1.compute.internal", i/256, i%256)
		nodes[i] = node(name, labels{
			"beta.kubernetes.io/arch":                  "amd64",
			"beta.kubernetes.io/os":                    "linux",
			"kubernetes.io/arch":                       "amd64",
			"kubernetes.io/hostname":                   name,
			"kubernetes.io/os":                         "linux",
			"node.kubernetes.io/instance-type":         []string{"m5.large", "m5.xlarge", "c6i.2xlarge"}[i%3],
			"topology.kubernetes.io/region":            "eu-west-1",
			"topology.kubernetes.io/zone":              []string{"eu-west-1a", "eu-west-1b", "eu-west-1c"}[i%3],
			"failure-domain.beta.kubernetes.io/region": "eu-west-1",
			"eks.amazonaws.com/nodegroup":              "general",
			"eks.amazonaws.com/capacityType":           "ON_DEMAND",
			"k8s.io/cloud-provider-aws":                "a1b2c3d4",
		}, taints...)
	}
	return nodes
}

// avoidSix is the shape of a log shipper's or a node agent's affinity: one term
// that keeps away from a few special kinds of nodes.
func avoidSix() *corev1.Affinity {
	return required(expressions(
		req("eks.amazonaws.com/compute-type", notIn, "fargate", "auto", "hybrid"),
		req("type", notIn, "virtual-kubelet"),
		req("node.kubernetes.io/instance-type", notIn, "t3.nano"),
		req("kubernetes.io/arch", notIn, "s390x"),
		req("example.com/edge", notIn, "true"),
		req("example.com/no-agents", notIn, "true"),
	))
}

type benchCase struct {
	name   string
	spec   corev1.PodSpec
	taints []corev1.Taint
}

func benchCases() []benchCase {
	return []benchCase{
		{name: "no-affinity"},
		{name: "not-in-6", spec: corev1.PodSpec{Affinity: avoidSix()}},
		{
			name: "taints-and-tolerations",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{
				tolerate(controlPlane, corev1.TolerationOpExists, "", ""),
				tolerate("dedicated", corev1.TolerationOpEqual, "database", noExecute),
			}},
			taints: []corev1.Taint{
				taint(controlPlane, "", noSchedule),
				taint("dedicated", "database", noExecute),
				taint(corev1.TaintNodeUnreachable, "", noExecute),
			},
		},
	}
}

// BenchmarkDecide is the cost of one node. Every node runs the pod, so that all
// rules are looked at.
func BenchmarkDecide(b *testing.B) {
	for _, bc := range benchCases() {
		b.Run(bc.name, func(b *testing.B) {
			m := placement.Compile(template(bc.spec), placement.Options{})
			benchmark(b, benchNodes(bc.taints...), func(n *corev1.Node) bool { return m.Decide(n).Run })
		})
	}
}

// BenchmarkUpstream is what BenchmarkDecide is to be compared with: the published
// functions that the controller calls, on the same input, parsed once as well.
func BenchmarkUpstream(b *testing.B) {
	for _, bc := range benchCases() {
		b.Run(bc.name, func(b *testing.B) {
			up := newUpstream(template(bc.spec), placement.Options{})
			benchmark(b, benchNodes(bc.taints...), func(n *corev1.Node) bool { run, _ := up.decide(n); return run })
		})
	}
}

func benchmark(b *testing.B, nodes []*corev1.Node, runs func(*corev1.Node) bool) {
	b.ReportAllocs()
	i, run := 0, 0
	for b.Loop() {
		if runs(nodes[i%len(nodes)]) {
			run++
		}
		i++
	}
	if run != i {
		b.Fatalf("%d of %d decisions run the pod, want all", run, i)
	}
}

// BenchmarkCompile is the cost of one template, paid once for all its nodes.
func BenchmarkCompile(b *testing.B) {
	for _, bc := range benchCases() {
		b.Run(bc.name, func(b *testing.B) {
			template := template(bc.spec)
			b.ReportAllocs()
			for b.Loop() {
				placement.Compile(template, placement.Options{})
			}
		})
	}
}

// BenchmarkNodeChanged is the cost of a node's heartbeat.
func BenchmarkNodeChanged(b *testing.B) {
	old := benchNodes(taint(controlPlane, "", noSchedule))[0]
	cur := old.DeepCopy()
	b.ReportAllocs()
	for b.Loop() {
		if placement.NodeChanged(old, cur) {
			b.Fatal("a copy counts as changed")
		}
	}
}
