package overhead_test

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon/overhead"
)

// benchSets returns DaemonSets of five kinds that clusters have: everywhere, by operating
// system, on few nodes, away from some nodes, and with a toleration.
func benchSets(n int) []*appsv1.DaemonSet {
	sets := make([]*appsv1.DaemonSet, n)
	for i := range sets {
		ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: fmt.Sprintf("team-%d", i%20), Name: fmt.Sprintf("agent-%d", i)}}
		spec := &ds.Spec.Template.Spec
		spec.Containers = []corev1.Container{{Name: "agent", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("20m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi"), corev1.ResourceEphemeralStorage: resource.MustParse("1Gi")},
		}}}
		switch i % 5 {
		case 0:
			spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
		case 1:
			spec.NodeSelector = map[string]string{"kubernetes.io/os": "linux"}
			spec.HostNetwork = i%50 == 1
			spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: int32(9000 + i)}}
		case 2:
			spec.NodeSelector = map[string]string{"kubernetes.io/os": "linux", "example.com/pool": fmt.Sprintf("pool-%d", i%7)}
		case 3:
			spec.Affinity = required(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: "kubernetes.io/os", Operator: corev1.NodeSelectorOpIn, Values: []string{"linux"}},
				{Key: "kubernetes.io/arch", Operator: corev1.NodeSelectorOpIn, Values: []string{"amd64", "arm64"}},
				{Key: "eks.amazonaws.com/compute-type", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"fargate", "hybrid", "auto"}},
			}})
		case 4:
			spec.Tolerations = []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpEqual, Value: fmt.Sprintf("team-%d", i%20)}}
		}
		sets[i] = ds
	}
	return sets
}

// distinct gives each DaemonSet rules of its own, so that OnNode shares no answers.
func distinct(sets []*appsv1.DaemonSet) []*appsv1.DaemonSet {
	for i, ds := range sets {
		spec := &ds.Spec.Template.Spec
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{Key: fmt.Sprintf("example.com/own-%d", i), Operator: corev1.TolerationOpExists})
	}
	return sets
}

func required(terms ...corev1.NodeSelectorTerm) *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}}
}

// benchShapes returns templates of nodes, labelled as a cloud provider labels them.
func benchShapes(n int) []*corev1.Node {
	shapes := make([]*corev1.Node, n)
	for i := range shapes {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("template-%d", i),
			Labels: map[string]string{
				"kubernetes.io/arch":                       []string{"amd64", "arm64"}[i%2],
				"kubernetes.io/os":                         "linux",
				"kubernetes.io/hostname":                   fmt.Sprintf("template-%d", i),
				"node.kubernetes.io/instance-type":         fmt.Sprintf("type-%d", i),
				"topology.kubernetes.io/region":            "eu-west-1",
				"topology.kubernetes.io/zone":              fmt.Sprintf("eu-west-1%c", 'a'+i%3),
				"failure-domain.beta.kubernetes.io/region": "eu-west-1",
				"example.com/pool":                         fmt.Sprintf("pool-%d", i%11),
				"karpenter.sh/capacity-type":               "spot",
			},
		}}
		if i%4 == 0 {
			node.Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: fmt.Sprintf("team-%d", i%20), Effect: corev1.TaintEffectNoSchedule}}
		}
		node.Status.Allocatable = corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(fmt.Sprint(4 + i%60)), corev1.ResourceMemory: resource.MustParse(fmt.Sprintf("%dGi", 8+i%120)),
			corev1.ResourceEphemeralStorage: resource.MustParse("500Gi"), corev1.ResourcePods: resource.MustParse("110"),
		}
		shapes[i] = node
	}
	return shapes
}

// unknown is what an autoscaler does not know about a template.
func unknown(node *corev1.Node) overhead.Input {
	return overhead.Input{
		Node: node, NameUnknown: true, LateLabels: []string{"topology.kubernetes.io/zone", "example.com/topology"},
		StartupTaints: []corev1.Taint{{Key: "node.cilium.io/agent-not-ready", Effect: corev1.TaintEffectNoExecute}},
	}
}

func known(node *corev1.Node) overhead.Input { return overhead.Input{Node: node} }

// undecided is a template of which a label is not known that three of five DaemonSets ask for.
func undecided(node *corev1.Node) overhead.Input {
	return overhead.Input{Node: node, LateLabels: []string{"kubernetes.io/os"}}
}

var benchInputs = []struct {
	name  string
	input func(*corev1.Node) overhead.Input
}{{"known", known}, {"unknown", unknown}, {"undecided", undecided}}

// BenchmarkOnNode decides 500 DaemonSets for 1,000 shapes in every iteration. Many of them ask
// the same of a node.
func BenchmarkOnNode(b *testing.B) { benchmarkOnNode(b, benchSets(500)) }

// BenchmarkOnNodeDistinct is the same if no two DaemonSets ask the same.
func BenchmarkOnNodeDistinct(b *testing.B) { benchmarkOnNode(b, distinct(benchSets(500))) }

func benchmarkOnNode(b *testing.B, sets []*appsv1.DaemonSet) {
	const shapes = 1000
	daemons, err := overhead.Compile(sets, overhead.Options{})
	if err != nil {
		b.Fatal(err)
	}
	nodes := benchShapes(shapes)
	for _, bc := range benchInputs {
		inputs := make([]overhead.Input, len(nodes))
		for i, node := range nodes {
			inputs[i] = bc.input(node)
		}
		b.Run(bc.name, func(b *testing.B) {
			var out overhead.NodeOverhead
			b.ReportAllocs()
			for b.Loop() {
				for i := range inputs {
					if err := daemons.OnNode(inputs[i], &out); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(sets)*shapes), "ns/pair")
		})
	}
}

// benchPods returns the pods of a full node: one of every DaemonSet that runs there, and others.
// The kubelet has written what it allocates.
func benchPods(sets []*appsv1.DaemonSet, n int) []*corev1.Pod {
	pods := make([]*corev1.Pod, n)
	for i := range pods {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: fmt.Sprintf("pod-%d", i)}}
		if i < len(sets) {
			pod = podOf(sets[i], "node")
			pod.Spec = *sets[i].Spec.Template.Spec.DeepCopy()
		} else {
			pod.Spec.Containers = []corev1.Container{{Name: "main", Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m"), corev1.ResourceMemory: resource.MustParse("1Gi")},
			}}}
			pod.Spec.InitContainers = []corev1.Container{{Name: "init"}}
		}
		pod.Spec.NodeName = "node"
		resources := &pod.Spec.Containers[0].Resources
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: pod.Spec.Containers[0].Name, AllocatedResources: resources.Requests, Resources: resources}}
		pods[i] = pod
	}
	return pods
}

// BenchmarkOnNodePods works out what is missing on a node with 110 pods, 20 of them of
// DaemonSets.
func BenchmarkOnNodePods(b *testing.B) {
	sets := benchSets(20)
	daemons, err := overhead.Compile(sets, overhead.Options{})
	if err != nil {
		b.Fatal(err)
	}
	in := overhead.Input{Node: bareNode("node"), Pods: benchPods(sets, 110)}
	in.Node.Status.Allocatable = benchShapes(1)[0].Status.Allocatable
	var out overhead.NodeOverhead
	b.ReportAllocs()
	for b.Loop() {
		if err := daemons.OnNode(in, &out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(in.Pods)), "ns/pod")
}

// BenchmarkCompile compiles 500 DaemonSets.
func BenchmarkCompile(b *testing.B) {
	sets := benchSets(500)
	for b.Loop() {
		if _, err := overhead.Compile(sets, overhead.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInPool answers for one pool and 500 DaemonSets.
func BenchmarkInPool(b *testing.B) {
	daemons, err := overhead.Compile(benchSets(500), overhead.Options{})
	if err != nil {
		b.Fatal(err)
	}
	pool := overhead.Pool{Requirements: []corev1.NodeSelectorRequirement{
		{Key: "kubernetes.io/os", Operator: corev1.NodeSelectorOpIn, Values: []string{"linux"}},
		{Key: "kubernetes.io/arch", Operator: corev1.NodeSelectorOpIn, Values: []string{"amd64", "arm64"}},
		{Key: "topology.kubernetes.io/zone", Operator: corev1.NodeSelectorOpExists},
	}}
	for b.Loop() {
		if _, err := daemons.InPool(pool); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInPoolTypes answers for 200 DaemonSets and a pool that lists 800 types of machines.
func BenchmarkInPoolTypes(b *testing.B) {
	pool := overhead.Pool{Requirements: []corev1.NodeSelectorRequirement{{Key: "instance-type", Operator: corev1.NodeSelectorOpIn}}}
	for i := range 800 {
		pool.Requirements[0].Values = append(pool.Requirements[0].Values, fmt.Sprintf("type-%d", i))
	}
	sets := benchSets(200)
	for _, ds := range sets {
		ds.Spec.Template.Spec = corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: "instance-type", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"type-x"}},
		}})}
	}
	for _, bc := range []struct {
		name string
		sets []*appsv1.DaemonSet
	}{{"same", sets}, {"distinct", distinct(benchCopies(sets))}} {
		daemons, err := overhead.Compile(bc.sets, overhead.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bc.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := daemons.InPool(pool); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInPoolOneLabel answers for a pool with 32 requirements on one label.
func BenchmarkInPoolOneLabel(b *testing.B) {
	sets := []*appsv1.DaemonSet{daemonSet("a", corev1.PodSpec{NodeSelector: map[string]string{"type": "a"}})}
	daemons, err := overhead.Compile(sets, overhead.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var pool overhead.Pool
	for i := range 32 {
		r := corev1.NodeSelectorRequirement{Key: "type", Operator: corev1.NodeSelectorOpNotIn}
		for j := range 32 {
			r.Values = append(r.Values, fmt.Sprintf("type-%d-%d", i, j))
		}
		pool.Requirements = append(pool.Requirements, r)
	}
	for b.Loop() {
		if _, err := daemons.InPool(pool); err != nil {
			b.Fatal(err)
		}
	}
}

func benchCopies(sets []*appsv1.DaemonSet) []*appsv1.DaemonSet {
	copies := make([]*appsv1.DaemonSet, len(sets))
	for i, ds := range sets {
		copies[i] = ds.DeepCopy()
	}
	return copies
}

// portSet returns a DaemonSet that wants a host port.
func portSet(name string) *appsv1.DaemonSet {
	ds := &appsv1.DaemonSet{}
	ds.Namespace, ds.Name = "ports", name
	ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Ports: []corev1.ContainerPort{{HostPort: 80}}}}
	return ds
}

// TestInPoolAsksOnce: a DaemonSet that asks the same as another adds a copy of the answer only. A
// copy is two allocations. The count strays by a few from run to run, and an answer of its own
// takes 25.
func TestInPoolAsksOnce(t *testing.T) {
	spec := corev1.PodSpec{NodeSelector: map[string]string{"type": "a"}}
	pool := overhead.Pool{Requirements: []corev1.NodeSelectorRequirement{{Key: "type", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}}}
	allocs := func(n int) float64 {
		var sets []*appsv1.DaemonSet
		for i := range n {
			sets = append(sets, daemonSet(fmt.Sprintf("a-%d", i), spec))
		}
		daemons := compile(t, sets, overhead.Options{})
		return testing.AllocsPerRun(20, func() {
			if _, err := daemons.InPool(pool); err != nil {
				t.Fatal(err)
			}
		})
	}
	if one, many := allocs(1), allocs(101); many > one+3*100 {
		t.Errorf("InPool allocates %v times for one DaemonSet and %v times for 101 that ask the same, want at most three more for each", one, many)
	}
}

// TestOnNodeAllocates: nothing, for any pair, once the result has grown.
func TestOnNodeAllocates(t *testing.T) {
	daemons, err := overhead.Compile(benchSets(100), overhead.Options{})
	if err != nil {
		t.Fatal(err)
	}
	nodes := benchShapes(20)
	sets := benchSets(2)
	for i := range sets {
		sets[i] = portSet(fmt.Sprintf("port-%d", i))
	}
	crowded, err := overhead.Compile(append(sets, benchSets(20)...), overhead.Options{})
	if err != nil {
		t.Fatal(err)
	}
	small := bareNode("small")
	small.Status.Allocatable = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}
	pod := &corev1.Pod{Spec: corev1.PodSpec{NodeName: "small"}}
	in := overhead.Input{Node: small, Pods: []*corev1.Pod{pod}}
	var full overhead.NodeOverhead
	if allocs := testing.AllocsPerRun(20, func() {
		if err := crowded.OnNode(in, &full); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 || len(full.Shortages) == 0 || len(full.PortConflicts) == 0 {
		t.Errorf("OnNode allocates %v times for %d shortages and %d conflicts, want 0", allocs, len(full.Shortages), len(full.PortConflicts))
	}
	running := overhead.Input{Node: bareNode("node"), Pods: benchPods(benchSets(20), 110)}
	if allocs := testing.AllocsPerRun(20, func() {
		if err := crowded.OnNode(running, &full); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 || !full.Daemons[len(full.Daemons)-1].Present {
		t.Errorf("OnNode allocates %v times for a node with %d pods, want 0", allocs, len(running.Pods))
	}
	for _, tc := range benchInputs {
		inputs := make([]overhead.Input, len(nodes))
		for i, node := range nodes {
			inputs[i] = tc.input(node)
		}
		var out overhead.NodeOverhead
		allocs := testing.AllocsPerRun(20, func() {
			for i := range inputs {
				if err := daemons.OnNode(inputs[i], &out); err != nil {
					t.Fatal(err)
				}
			}
		})
		if allocs != 0 {
			t.Errorf("OnNode(%s) allocates %v times for %d nodes, want 0", tc.name, allocs, len(nodes))
		}
	}
}
