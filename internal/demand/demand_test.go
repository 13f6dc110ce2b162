package demand

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	upstream "k8s.io/component-helpers/resource"
)

func list(cpu, memory string) corev1.ResourceList {
	out := corev1.ResourceList{}
	if cpu != "" {
		out[corev1.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		out[corev1.ResourceMemory] = resource.MustParse(memory)
	}
	return out
}

func container(cpu, memory string) corev1.Container {
	return corev1.Container{Resources: corev1.ResourceRequirements{Requests: list(cpu, memory)}}
}

// TestRequests holds the sums against upstream's.
func TestRequests(t *testing.T) {
	sidecar := container("300m", "1Gi")
	sidecar.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	for _, tc := range []struct {
		name, why string
		spec      corev1.PodSpec
	}{
		{"nothing", "no request at all", corev1.PodSpec{Containers: []corev1.Container{{}}}},
		{"two containers", "both run", corev1.PodSpec{Containers: []corev1.Container{container("1", "1Gi"), container("500m", "")}}},
		{"large init container", "it runs alone", corev1.PodSpec{InitContainers: []corev1.Container{container("4", "")}, Containers: []corev1.Container{container("1", "1Gi")}}},
		{"sidecar", "it runs beside the containers and the later init containers",
			corev1.PodSpec{InitContainers: []corev1.Container{sidecar, container("1", "")}, Containers: []corev1.Container{container("1", "1Gi")}}},
		{"overhead", "it comes on top", corev1.PodSpec{Containers: []corev1.Container{container("1", "1Gi")}, Overhead: list("100m", "1Mi")}},
		{"pod", "the requests of the pod as a whole replace the sum",
			corev1.PodSpec{Containers: []corev1.Container{container("1", "1Gi")}, Resources: &corev1.ResourceRequirements{Requests: list("3", "")}}},
	} {
		want := upstream.PodRequests(&corev1.Pod{Spec: tc.spec}, upstream.PodResourcesOptions{})
		if got := Requests(&tc.spec); !equality.Semantic.DeepEqual(got, want) {
			t.Errorf("%s: Requests = %v, want %v: %s", tc.name, got, want, tc.why)
		}
		if None(&tc.spec) != (len(want) == 0) {
			t.Errorf("%s: None = %v, want %v", tc.name, None(&tc.spec), len(want) == 0)
		}
	}
	limited := corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Limits: list("2", "")}}}}
	if got := Requests(&limited); !equality.Semantic.DeepEqual(got, list("2", "")) {
		t.Errorf("Requests with a limit only = %v, want the limit, as the API server has it", got)
	}
}

// TestAdd: sums share nothing with what was added, also beyond 64 bits.
func TestAdd(t *testing.T) {
	huge := list("1000000000000000000000000001m", "")
	sum := corev1.ResourceList{}
	Add(sum, huge)
	Add(sum, huge)
	Subtract(sum, huge)
	Subtract(nil, huge)
	if want := list("1000000000000000000000000001m", ""); !equality.Semantic.DeepEqual(sum, want) || !equality.Semantic.DeepEqual(huge, want) {
		t.Errorf("twice and once less = %v of %v, want it once, and the summand unchanged", sum, huge)
	}
}

func TestPorts(t *testing.T) {
	port := func(p corev1.ContainerPort) corev1.PodSpec {
		return corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{p}}}}
	}
	network := port(corev1.ContainerPort{ContainerPort: 80})
	network.HostNetwork = true
	initial := corev1.PodSpec{InitContainers: port(corev1.ContainerPort{HostPort: 80}).Containers}
	sidecar := *initial.DeepCopy()
	sidecar.InitContainers[0].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	for _, tc := range []struct {
		name, why string
		spec      corev1.PodSpec
		want      []Port
	}{
		{"host port", "with the default protocol", port(corev1.ContainerPort{HostPort: 80}), []Port{{"", "TCP", 80}}},
		{"container port", "the node has nothing to do with it", port(corev1.ContainerPort{ContainerPort: 80}), nil},
		{"host network", "every declared port is a host port", network, []Port{{"", "TCP", 80}}},
		{"negative", "no port", port(corev1.ContainerPort{HostPort: -1}), nil},
		{"init container", "it does not run for long", initial, nil},
		{"sidecar", "it runs as long as the pod", sidecar, []Port{{"", "TCP", 80}}},
	} {
		if got := Ports(&tc.spec); !slices.Equal(got, tc.want) {
			t.Errorf("%s: Ports = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
	for _, tc := range []struct {
		name string
		a, b Port
		want bool
	}{
		{"same", Port{"", "TCP", 80}, Port{"", "TCP", 80}, true},
		{"other protocol", Port{"", "TCP", 80}, Port{"", "UDP", 80}, false},
		{"two addresses", Port{"10.0.0.1", "TCP", 80}, Port{"10.0.0.2", "TCP", 80}, false},
		{"every address and one", Port{"0.0.0.0", "TCP", 80}, Port{"10.0.0.2", "TCP", 80}, true},
	} {
		if tc.a.Conflicts(tc.b) != tc.want || tc.b.Conflicts(tc.a) != tc.want {
			t.Errorf("%s: %v and %v conflict: %v, want %v", tc.name, tc.a, tc.b, !tc.want, tc.want)
		}
	}
}
