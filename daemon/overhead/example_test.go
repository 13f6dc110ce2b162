package overhead_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon/overhead"
)

// Two DaemonSets on the template of a node: what they request, and what does not fit.
func Example() {
	agent := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent"}}
	agent.Spec.Template.Spec = corev1.PodSpec{
		PriorityClassName: "system-node-critical",
		Containers: []corev1.Container{{
			Name:  "agent",
			Ports: []corev1.ContainerPort{{HostPort: 9100}},
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("200Mi")},
			},
		}},
	}
	cache := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "cache"}}
	cache.Spec.Template.Spec.Containers = []corev1.Container{{
		Name:  "cache",
		Ports: []corev1.ContainerPort{{HostPort: 9100}},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("4Gi")},
		},
	}}
	daemons, err := overhead.Compile([]*appsv1.DaemonSet{cache, agent}, overhead.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	small := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "small"}}
	small.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("3Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	var out overhead.NodeOverhead
	if err := daemons.OnNode(overhead.Input{Node: small}, &out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Run)
	for _, daemon := range out.Daemons {
		fmt.Println(daemon)
	}
	for _, s := range out.Shortages {
		fmt.Println(out.Daemons[s.Daemon].Name, "lacks", s.Resource, "needs", s.Missing, "free", s.Free)
	}
	for _, c := range out.PortConflicts {
		fmt.Println(out.Daemons[c.Daemon].Name, "waits for port", c.Port, "of", c.OtherName)
	}
	// Output:
	// 2 pods, cpu 100m, memory 4296Mi
	// kube-system/agent: should run, fits
	// team/cache: should run, does not fit
	// team/cache lacks memory needs 4294967296 free 3011510272
	// team/cache waits for port 9100/TCP of kube-system/agent
}

// What Cluster Autoscaler asks about a new node of a node group. Today it makes a template node
// with a random name, sets the label kubernetes.io/hostname to that name, takes out the taints
// that are configured as startup taints, and then for each DaemonSet calls
//
//	shouldRun, _ := daemon.NodeShouldRunDaemonPod(logger, template, ds) // of k8s.io/kubernetes
//	pod := daemon.NewPod(ds, template.Name)
//
// and adds up the requests of the pods. That imports all of k8s.io/kubernetes, and gets these
// wrong:
//
//   - The name is compared with those that DaemonSets ask for. One that avoids the host broken-1
//     runs on the template, and one for the host special-1 does not, whatever the node will be
//     called. NameUnknown answers that it cannot tell.
//   - A pod made from a template lacks what the API server adds. One with limits only has no
//     requests, and neither has one that a LimitRange gives requests to.
//   - Labels that the cloud provider sets later are those of the template, or missing. LateLabels
//     says that they are not known.
//
// Started is what every such node runs once the startup taints are gone, which is what to reserve.
// AtMost also has those that run on some of them.
func Example_clusterAutoscaler() {
	container := func(resources corev1.ResourceRequirements) []corev1.Container {
		return []corev1.Container{{Name: "main", Resources: resources}}
	}
	logs := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "logs"}}
	logs.Spec.Template.Spec.Containers = container(corev1.ResourceRequirements{
		Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m"), corev1.ResourceMemory: resource.MustParse("100Mi")},
	})
	special := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "special"}}
	special.Spec.Template.Spec.NodeSelector = map[string]string{"kubernetes.io/hostname": "special-1"}
	special.Spec.Template.Spec.Containers = container(corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
	})
	scan := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "scan"}}
	scan.Spec.Template.Spec.Containers = container(corev1.ResourceRequirements{})
	defaults := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "defaults"}}
	defaults.Spec.Limits = []corev1.LimitRangeItem{{
		Type: corev1.LimitTypeContainer, DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m")},
	}}
	daemons, err := overhead.Compile([]*appsv1.DaemonSet{logs, special, scan}, overhead.Options{LimitRanges: []*corev1.LimitRange{defaults}})
	if err != nil {
		fmt.Println(err)
		return
	}

	template := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: "template-node-for-group-1", Labels: map[string]string{"kubernetes.io/hostname": "template-node-for-group-1"},
	}}
	starting := corev1.Taint{Key: "node.cilium.io/agent-not-ready", Effect: corev1.TaintEffectNoExecute}
	in := overhead.Input{Node: template, NameUnknown: true, StartupTaints: []corev1.Taint{starting}}
	var out overhead.NodeOverhead
	if err := daemons.OnNode(in, &out); err != nil {
		fmt.Println(err)
		return
	}
	for i := range daemons.List() {
		explanation, err := daemons.Explain(i, in)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(explanation)
	}
	fmt.Println("reserve:", out.Started)
	fmt.Println("at most:", out.AtMost)
	pod := daemons.Pod(0, template.Name, "") // the pod itself, for a simulated scheduler
	fmt.Println(pod.GenerateName, pod.Spec.Containers[0].Resources.Requests.Cpu(), pod.Labels)
	// Output:
	// kube-system/logs on template-node-for-group-1: cannot tell: depends on startup taint node.cilium.io/agent-not-ready:NoExecute
	// kube-system/special on template-node-for-group-1: cannot tell: depends on label "kubernetes.io/hostname", startup taint node.cilium.io/agent-not-ready:NoExecute
	// team/scan on template-node-for-group-1: cannot tell: depends on startup taint node.cilium.io/agent-not-ready:NoExecute
	// reserve: 2 pods, cpu 250m, memory 100Mi
	// at most: 3 pods, cpu 1250m, memory 100Mi
	// logs- 200m map[]
}

// What Karpenter asks about a node that exists. Today it keeps one pod for each DaemonSet, its
// newest or one made from the template, and for each node does about this:
//
//	for each pod: taints of the node are tolerated, and labels of the node are compatible
//	total := the sum of RequestsForPods of the pods that are
//	remaining := total - requests of the DaemonSet pods on the node, each resource at least zero
//
// It gets these wrong:
//
//   - Of several terms of the required node affinity, which are ORed, only the first is looked
//     at, and matchFields are ignored. Here the second term matches.
//   - Daemon pods tolerate more than their template says, such as the taint of a cordoned node.
//     Here the node is under disk pressure.
//   - The difference is that of the sums. What one DaemonSet takes too much hides what another
//     one still needs. Here the old pod of logs requests more than its template does now, and
//     nothing seems to be left for metrics. Missing is the sum of the differences.
//
// For a node that does not exist yet it drops the startup taints and takes the name for made up:
// then it wants Started, as in the example for Cluster Autoscaler.
func Example_karpenter() {
	requests := func(cpu string) []corev1.Container {
		return []corev1.Container{{Name: "main", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)},
		}}}
	}
	logs := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "logs", UID: "uid-logs"}}
	logs.Spec.Template.Spec.Containers = requests("100m")
	metrics := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "metrics", UID: "uid-metrics"}}
	metrics.Spec.Template.Spec.Containers = requests("300m")
	metrics.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
			{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}}},
			{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"b"}}}},
		}},
	}}
	daemons, err := overhead.Compile([]*appsv1.DaemonSet{logs, metrics}, overhead.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1", Labels: map[string]string{"zone": "b"}}}
	node.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeDiskPressure, Effect: corev1.TaintEffectNoSchedule}}
	old := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "logs-x7k2p", OwnerReferences: []metav1.OwnerReference{
		{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "logs", UID: "uid-logs", Controller: new(true)},
	}}}
	old.Spec.NodeName = "worker-1"
	old.Spec.Containers = requests("400m")
	var out overhead.NodeOverhead
	if err := daemons.OnNode(overhead.Input{Node: node, Pods: []*corev1.Pod{old}}, &out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("all:         ", out.Run)
	fmt.Println("still missing:", out.Missing)
	for i, daemon := range daemons.List() {
		fmt.Println(daemon.DaemonSet.Name, out.Daemons[i].Verdict, "present:", out.Daemons[i].Present, "ports:", daemon.HostPorts)
	}
	// Output:
	// all:          2 pods, cpu 400m
	// still missing: 1 pod, cpu 300m
	// logs should run present: true ports: []
	// metrics should run present: false ports: []
}

// A template of which three things are not known: the zone, whether the network plugin has
// started, and the name.
func ExampleDaemons_Explain() {
	zonal := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "zonal"}}
	zonal.Spec.Template.Spec.NodeSelector = map[string]string{"topology.kubernetes.io/zone": "a"}
	zonal.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	anywhere := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "anywhere"}}
	network := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "network"}}
	network.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	gpu := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "gpu"}}
	gpu.Spec.Template.Spec.NodeSelector = map[string]string{"gpu": "true", "topology.kubernetes.io/zone": "a"}
	daemons, err := overhead.Compile([]*appsv1.DaemonSet{zonal, anywhere, network, gpu}, overhead.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	in := overhead.Input{
		Node:          &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "template"}},
		NameUnknown:   true,
		LateLabels:    []string{"topology.kubernetes.io/zone"},
		StartupTaints: []corev1.Taint{{Key: "node.cilium.io/agent-not-ready", Effect: corev1.TaintEffectNoExecute}},
	}
	for i := range daemons.List() {
		explanation, err := daemons.Explain(i, in)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(explanation)
	}
	// Output:
	// kube-system/anywhere on template: cannot tell: depends on startup taint node.cilium.io/agent-not-ready:NoExecute
	// kube-system/network on template: should run
	// kube-system/zonal on template: cannot tell: depends on label "topology.kubernetes.io/zone"
	// team/gpu on template: does not run: nodeSelector gpu=true, node has no label gpu
}

// A node pool that is known only by its requirements.
func ExampleDaemons_InPool() {
	daemonSet := func(name string, expressions ...corev1.NodeSelectorRequirement) *appsv1.DaemonSet {
		ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name}}
		ds.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: expressions}},
			},
		}}
		ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")},
		}}}
		return ds
	}
	const arch, zone = "kubernetes.io/arch", "topology.kubernetes.io/zone"
	in, notIn := corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn
	daemons, err := overhead.Compile([]*appsv1.DaemonSet{
		daemonSet("no-mainframe", corev1.NodeSelectorRequirement{Key: arch, Operator: notIn, Values: []string{"s390x"}}),
		daemonSet("mainframe", corev1.NodeSelectorRequirement{Key: arch, Operator: in, Values: []string{"s390x"}}),
		daemonSet("arm", corev1.NodeSelectorRequirement{Key: arch, Operator: in, Values: []string{"arm64"}}),
		daemonSet("has-zone", corev1.NodeSelectorRequirement{Key: zone, Operator: corev1.NodeSelectorOpExists}),
		daemonSet("zone-a", corev1.NodeSelectorRequirement{Key: zone, Operator: in, Values: []string{"a"}}),
	}, overhead.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	pool, err := daemons.InPool(overhead.Pool{Requirements: []corev1.NodeSelectorRequirement{
		{Key: arch, Operator: in, Values: []string{"amd64", "arm64"}},
		{Key: zone, Operator: corev1.NodeSelectorOpExists},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, daemon := range pool.Daemons {
		fmt.Println(daemon)
	}
	fmt.Println("on every node:", pool.Always)
	fmt.Println("at most:      ", pool.AtMost)
	// Output:
	// kube-system/arm: on some nodes: depends on label "kubernetes.io/arch"
	// kube-system/has-zone: always: topology.kubernetes.io/zone Exists
	// kube-system/mainframe: never: node affinity; the pool has kubernetes.io/arch In [amd64 arm64]
	// kube-system/no-mainframe: always: kubernetes.io/arch In [amd64 arm64]
	// kube-system/zone-a: on some nodes: depends on label "topology.kubernetes.io/zone"
	// on every node: 2 pods, cpu 200m
	// at most:       4 pods, cpu 400m
}
