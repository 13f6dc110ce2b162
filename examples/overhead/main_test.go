package main

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon/overhead"
)

func Example() {
	main()
	// Output:
	// SHAPE       FOR SURE                          AT MOST                            LEFT FOR OTHER PODS
	// small       4 pods, cpu 950m, memory 4656Mi   4 pods, cpu 950m, memory 4656Mi    too small
	// large       4 pods, cpu 950m, memory 4656Mi   4 pods, cpu 950m, memory 4656Mi    cpu 6950m, memory 25040Mi
	// large-arm   3 pods, cpu 450m, memory 560Mi    3 pods, cpu 450m, memory 560Mi     cpu 7450m, memory 29136Mi
	// gpu         4 pods, cpu 950m, memory 1584Mi   5 pods, cpu 1050m, memory 1712Mi   cpu 29950m, memory 244048Mi
	// web/cache on small: does not fit, short of memory by 1584Mi
	// gpu/gpu-exporter on gpu: cannot tell, it depends on label "example.com/gpu-model"
	// gpu/gpu-exporter on gpu: waits, port 9100/TCP is also that of monitoring/node-exporter, which comes first
	//
	// A pool without GPUs, amd64 or arm64:
	// kube-system/network: always
	// gpu/gpu-driver: never: node selector; the pool has example.com/gpu DoesNotExist
	// gpu/gpu-exporter: never: node selector; the pool has example.com/gpu DoesNotExist
	// logging/log-agent: always
	// monitoring/node-exporter: always
	// web/cache: on some nodes: depends on label "kubernetes.io/arch"
	// for sure 3 pods, cpu 450m, memory 560Mi; at most 4 pods, cpu 950m, memory 4656Mi
}

// TestRemarks: what none of the shapes has, a pod of nobody's on the node and a RuntimeClass.
func TestRemarks(t *testing.T) {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Template.Spec = corev1.PodSpec{RuntimeClassName: new("kata"), Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}}}}}
	class := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "kata"}, Scheduling: &nodev1.Scheduling{NodeSelector: map[string]string{"runtime": "kata"}}}
	daemons, err := overhead.Compile([]*appsv1.DaemonSet{ds}, overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{class}})
	if err != nil {
		t.Fatal(err)
	}
	web := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "web"}, Spec: ds.Spec.Template.Spec}
	web.Spec.NodeName = "n"
	in := overhead.Input{Node: &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}, Pods: []*corev1.Pod{web}}
	var out overhead.NodeOverhead
	if err := daemons.OnNode(in, &out); err != nil {
		t.Fatal(err)
	}
	got, err := remarks(daemons, in, &out)
	want := []string{"agent on n: waits, port 80/TCP is that of pod team/web", "agent on n: waits, the RuntimeClass asks for label runtime=kata"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("remarks = %q, %v, want %q", got, err, want)
	}
}

// TestRemarksOfFacts: several facts are a list of words.
func TestRemarksOfFacts(t *testing.T) {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent"}}
	ds.Spec.Template.Spec = corev1.PodSpec{NodeSelector: map[string]string{"gpu": "", "zone": "a"}, Containers: []corev1.Container{{}}}
	daemons, err := overhead.Compile([]*appsv1.DaemonSet{ds}, overhead.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := overhead.Input{Node: &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}, LateLabels: []string{"gpu", "zone"}}
	var out overhead.NodeOverhead
	if err := daemons.OnNode(in, &out); err != nil {
		t.Fatal(err)
	}
	got, err := remarks(daemons, in, &out)
	want := []string{`agent on n: cannot tell, it depends on label "gpu", label "zone"`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("remarks = %q, %v, want %q", got, err, want)
	}
}
