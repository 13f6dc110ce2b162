package demand

import (
	"math"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
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

// TestAdmitted: what the API server adds before the scheduler looks. The conformance module
// holds random specs to its own code.
func TestAdmitted(t *testing.T) {
	limited := func(requests, limits corev1.ResourceList) corev1.Container {
		return corev1.Container{Resources: corev1.ResourceRequirements{Requests: requests, Limits: limits}}
	}
	pod := func(requests, limits corev1.ResourceList, containers ...corev1.Container) corev1.PodSpec {
		return corev1.PodSpec{Containers: containers, Resources: &corev1.ResourceRequirements{Requests: requests, Limits: limits}}
	}
	device := func(n string) corev1.ResourceList {
		return corev1.ResourceList{"example.com/device": resource.MustParse(n)}
	}
	pages := func(n string) corev1.ResourceList {
		return corev1.ResourceList{"hugepages-2Mi": resource.MustParse(n)}
	}
	for _, tc := range []struct {
		name, why string
		spec      corev1.PodSpec
		want      corev1.ResourceList
	}{
		{"sidecar limit", "its limit is its request", corev1.PodSpec{InitContainers: []corev1.Container{{RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
			Resources: corev1.ResourceRequirements{Limits: list("1", "")}}}, Containers: []corev1.Container{container("1", "")}}, list("2", "")},
		{"limit of the pod", "a container requests it", pod(nil, list("5", ""), container("1", "")), list("1", "")},
		{"limit of the pod, none of a container", "it is the request", pod(nil, list("5", "2Gi"), container("1", "")), list("1", "2Gi")},
		{"device of the pod", "the scheduler knows cpu, memory and huge pages of whole pods", pod(device("7"), device("7"), limited(device("1"), nil)), device("1")},
		{"huge pages", "the limit of the pod is its request", pod(nil, pages("8Mi"), limited(pages("2Mi"), pages("2Mi"))), pages("8Mi")},
		{"huge pages of containers", "they are the pod's", pod(list("1", ""), nil, limited(pages("2Mi"), pages("2Mi"))), corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), "hugepages-2Mi": resource.MustParse("2Mi")}},
		{"micro", "rounded up to thousandths", corev1.PodSpec{Containers: []corev1.Container{container("100u", ""), container("100u", "")}, Overhead: list("1u", "")}, list("3m", "")},
	} {
		before := tc.spec.DeepCopy()
		if got := Requests(&tc.spec); !equality.Semantic.DeepEqual(got, tc.want) {
			t.Errorf("%s: Requests = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
		if !equality.Semantic.DeepEqual(before, &tc.spec) {
			t.Errorf("%s: the spec was changed", tc.name)
		}
	}
}

// TestAdmittedPodLimits: the limits of the whole pod, which a LimitRange may look at.
func TestAdmittedPodLimits(t *testing.T) {
	limited := func(cpu string) corev1.Container {
		return corev1.Container{Resources: corev1.ResourceRequirements{Limits: list(cpu, "")}}
	}
	pod := func(request string, init []corev1.Container, containers ...corev1.Container) corev1.PodSpec {
		return corev1.PodSpec{InitContainers: init, Containers: containers, Resources: &corev1.ResourceRequirements{Requests: list(request, "")}}
	}
	for _, tc := range []struct {
		name, why string
		spec      corev1.PodSpec
		want      corev1.ResourceList
	}{
		{"smaller sum", "the request of the pod is larger than the limits", pod("3", nil, limited("1")), list("3", "")},
		{"larger sum", "the limits are", pod("3", nil, limited("2"), limited("2")), list("4", "")},
		{"one has none", "its use has no limit", pod("3", nil, limited("2"), limited("")), nil},
		{"an init container has none", "its use has no limit", pod("3", []corev1.Container{limited("")}, limited("2")), nil},
	} {
		if got := Admitted(&tc.spec, nil).Resources.Limits; !equality.Semantic.DeepEqual(got, tc.want) {
			t.Errorf("%s: limits = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

// TestInStatus: what the kubelet has allocated counts, also without a request.
func TestInStatus(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status corev1.PodStatus
		want   bool
	}{
		{"nothing", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "c"}}}, false},
		{"allocated", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "c", AllocatedResources: list("1", "")}}}, true},
		{"running", corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{Name: "c", Resources: &corev1.ResourceRequirements{}}}}, true},
		{"allocated to the pod", corev1.PodStatus{AllocatedResources: list("1", "")}, true},
		{"of the pod", corev1.PodStatus{Resources: &corev1.ResourceRequirements{}}, true},
	} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c"}}}, Status: tc.status}
		if got := InStatus(pod); got != tc.want {
			t.Errorf("%s: InStatus = %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestRequestsOfPod: the kubelet may have allocated more than the spec says.
func TestRequestsOfPod(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{Limits: list("1", "1Gi")}}}}}
	if got := RequestsOfPod(pod); !equality.Semantic.DeepEqual(got, list("1", "1Gi")) {
		t.Errorf("RequestsOfPod = %v, want the limits", got)
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", AllocatedResources: list("3", "")}}
	if got := RequestsOfPod(pod); !equality.Semantic.DeepEqual(got, list("3", "1Gi")) {
		t.Errorf("RequestsOfPod = %v, want what is allocated, which is more", got)
	}
}

func TestAmount(t *testing.T) {
	for _, tc := range []struct {
		name corev1.ResourceName
		text string
		want int64
	}{
		{corev1.ResourceCPU, "1500m", 1500}, {corev1.ResourceCPU, "100u", 1}, {corev1.ResourceMemory, "1500m", 2}, {corev1.ResourceMemory, "1Gi", 1 << 30},
		{corev1.ResourceMemory, "8E", 8e18}, {corev1.ResourceCPU, "9P", 9e18}, {corev1.ResourceCPU, "10P", math.MaxInt64}, {corev1.ResourceMemory, "100E", math.MaxInt64}, {corev1.ResourceCPU, "-10P", -math.MaxInt64},
	} {
		got := Amount(tc.name, resource.MustParse(tc.text))
		if got != tc.want {
			t.Errorf("Amount(%s, %s) = %d, want %d", tc.name, tc.text, got, tc.want)
		}
		if back := Quantity(tc.name, got); Amount(tc.name, back) != got {
			t.Errorf("Amount(Quantity(%d)) = %d", got, Amount(tc.name, back))
		}
	}
	for name, want := range map[corev1.ResourceName]bool{
		"cpu": true, "memory": true, "ephemeral-storage": true, "hugepages-1Gi": true, "example.com/device": true, "attachable-volumes-x": true,
		"kubernetes.io/x": true, "pods": false, "storage": false, "word": false, "requests.example.com/x": false, "bad name/x": false,
	} {
		if Counted(name) != want {
			t.Errorf("Counted(%q) = %v, want %v", name, !want, want)
		}
	}
}

// requirements reads lists such as "cpu=100m memory=1Gi".
func requirements(requests, limits string) corev1.ResourceRequirements {
	parse := func(text string) corev1.ResourceList {
		list := corev1.ResourceList{}
		for _, entry := range strings.Fields(text) {
			name, amount, _ := strings.Cut(entry, "=")
			list[corev1.ResourceName(name)] = resource.MustParse(amount)
		}
		return list
	}
	return corev1.ResourceRequirements{Requests: parse(requests), Limits: parse(limits)}
}

// TestInvalid: all that is wrong is told, in the order of the spec.
func TestInvalid(t *testing.T) {
	const c = "spec.containers[0].resources"
	for _, tc := range []struct {
		name, why        string
		requests, limits string
		pod              string // limits of the pod as a whole
		want             []string
	}{
		{name: "well", why: "all of them are valid", requests: "cpu=100m memory=1Gi ephemeral-storage=1 hugepages-2Mi=4Mi example.com/device=1 kubernetes.io/x=500m", limits: "cpu=1 hugepages-2Mi=4Mi example.com/device=1"},
		{name: "below zero", why: "nothing is taken", requests: "cpu=-1", limits: "memory=-1Gi", want: []string{c + `.limits[memory]: Invalid value: "-1Gi": must not be below zero`, c + `.requests[cpu]: Invalid value: "-1": must not be below zero`}},
		{name: "half a device", why: "there is none", limits: "example.com/device=500m", want: []string{c + `.limits[example.com/device]: Invalid value: "500m": must be a whole number`}},
		{name: "above the limit", why: "never", requests: "memory=2Gi", limits: "memory=1Gi", want: []string{c + `.requests[memory]: Invalid value: "2Gi": must not be above the limit, 1Gi`}},
		{name: "rounded", why: "both are a thousandth", requests: "cpu=900u", limits: "cpu=100u"},
		{name: "device without a limit", why: "it must be the request", requests: "example.com/device=1", want: []string{c + `.limits[example.com/device]: Required value: a request of huge pages or an extended resource needs a limit`}},
		{name: "fewer devices than the limit", why: "it must be the request", requests: "example.com/device=1", limits: "example.com/device=2", want: []string{c + `.requests[example.com/device]: Invalid value: "1": must be the limit, 2`}},
		{name: "huge pages alone", why: "they need others beside them", limits: "hugepages-2Mi=1Mi", want: []string{
			c + `.limits[hugepages-2Mi]: Invalid value: "1Mi": must be a multiple of the size of the pages`, c + `: Forbidden: huge pages need cpu or memory beside them`}},
		{name: "names", why: "not one of a container", limits: "Memory=1Gi gpu=1 pods=1 requests.example.com/x=1", want: []string{
			c + `.limits[Memory]: Invalid value: "Memory": must be cpu, memory, ephemeral-storage, hugepages-SIZE or a qualified name such as example.com/device`,
			c + `.limits[gpu]: Invalid value: "gpu": must be cpu, memory, ephemeral-storage, hugepages-SIZE or a qualified name such as example.com/device`,
			c + `.limits[pods]: Invalid value: "pods": must be cpu, memory, ephemeral-storage, hugepages-SIZE or a qualified name such as example.com/device`,
			c + `.limits[requests.example.com/x]: Invalid value: "requests.example.com/x": an extended resource must not begin with requests. and must not be too long`}},
		{name: "the pod", why: "it has other names, and room for its containers", requests: "cpu=1", limits: "cpu=2", pod: "cpu=1 example.com/device=1", want: []string{
			`spec.resources.limits[example.com/device]: Invalid value: "example.com/device": must be cpu, memory or hugepages-SIZE for the pod as a whole`,
			c + `.limits[cpu]: Invalid value: "2": must not be above the limit of the pod, 1`}},
	} {
		spec := corev1.PodSpec{Containers: []corev1.Container{{Resources: requirements(tc.requests, tc.limits)}}}
		if tc.pod != "" {
			spec.Resources = new(requirements("", tc.pod))
		}
		var got []string
		for _, err := range Invalid(field.NewPath("spec"), &spec) {
			got = append(got, err.Error())
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: Invalid:\n%s\nwant\n%s\n%s", tc.name, strings.Join(got, "\n"), strings.Join(tc.want, "\n"), tc.why)
		}
	}

	spec := corev1.PodSpec{InitContainers: make([]corev1.Container, 1), Containers: make([]corev1.Container, 1), Resources: new(requirements("", "cpu=-1"))}
	spec.InitContainers[0].Resources, spec.Containers[0].Resources = requirements("", "cpu=-1"), requirements("", "cpu=-1")
	spec.Overhead = spec.Resources.Limits
	var got []string
	for _, err := range Invalid(field.NewPath("spec"), &spec) {
		got = append(got, err.Field)
	}
	if want := []string{"spec.initContainers[0].resources.limits[cpu]", "spec.containers[0].resources.limits[cpu]", "spec.resources.limits[cpu]", "spec.overhead[cpu]"}; !slices.Equal(got, want) {
		t.Errorf("Invalid at\n%v, want\n%v", got, want)
	}
}

// TestInvalidAdmitted: the texts name the LimitRange that has given an amount, and none for what the
// template says.
func TestInvalidAdmitted(t *testing.T) {
	limitRange := func(name, defaultRequest, defaultLimit string) *corev1.LimitRange {
		given := requirements(defaultRequest, defaultLimit)
		return &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{
			{Type: corev1.LimitTypeContainer, DefaultRequest: given.Requests, Default: given.Limits},
		}}}
	}
	const c = "spec.containers[0].resources"
	for _, tc := range []struct {
		name, why        string
		requests, limits string
		pod              string // requests of the pod as a whole
		ranges           []*corev1.LimitRange
		want             []string
	}{
		{name: "limit", why: "the manifest has none", requests: "memory=1Gi", ranges: []*corev1.LimitRange{limitRange("l", "", "memory=256Mi")},
			want: []string{c + `.requests[memory]: Invalid value: "1Gi": must not be above the limit, 256Mi; the limit is the default of LimitRange team/l`}},
		{name: "request of another", why: "the first that has one counts", ranges: []*corev1.LimitRange{limitRange("l", "", "cpu=2"), limitRange("m", "memory=2Gi", ""), limitRange("n", "memory=3Gi", "memory=1Gi")},
			want: []string{c + `.requests[memory]: Invalid value: "2Gi": must not be above the limit, 1Gi; the request is the default of LimitRange team/m, and the limit that of LimitRange team/n`}},
		{name: "of another resource", why: "both are the manifest's own", requests: "memory=1Gi", limits: "memory=256Mi", ranges: []*corev1.LimitRange{limitRange("l", "", "cpu=1 memory=2Gi")},
			want: []string{c + `.requests[memory]: Invalid value: "1Gi": must not be above the limit, 256Mi`}},
		{name: "no LimitRange", why: "as Invalid", requests: "memory=1Gi", limits: "memory=256Mi",
			want: []string{c + `.requests[memory]: Invalid value: "1Gi": must not be above the limit, 256Mi`}},
		{name: "limit of a request", why: "a container without a request takes its own limit", limits: "example.com/device=500m", ranges: []*corev1.LimitRange{limitRange("l", "example.com/device=1", "example.com/device=1")},
			want: []string{c + `.limits[example.com/device]: Invalid value: "500m": must be a whole number`, c + `.requests[example.com/device]: Invalid value: "500m": must be a whole number`}},
		{name: "sum", why: "the manifest's own request is not among them", pod: "memory=1Gi", requests: "memory=2Gi", ranges: []*corev1.LimitRange{limitRange("l", "memory=1Gi", "")},
			want: []string{`spec.resources.requests[memory]: Invalid value: "1Gi": must not be below the requests of the containers, 2Gi`}},
		{name: "sum with a default", why: "that is why it is above", pod: "memory=1Gi", ranges: []*corev1.LimitRange{limitRange("l", "memory=2Gi", "")},
			want: []string{`spec.resources.requests[memory]: Invalid value: "1Gi": must not be below the requests of the containers, 2Gi, with the default of LimitRange team/l`}},
	} {
		spec := corev1.PodSpec{Containers: []corev1.Container{{Resources: requirements(tc.requests, tc.limits)}}}
		if tc.pod != "" {
			spec.Resources = new(requirements(tc.pod, ""))
		}
		admitted := Admitted(&spec, tc.ranges)
		var got []string
		for _, err := range InvalidAdmitted(field.NewPath("spec"), &admitted, &spec, tc.ranges) {
			got = append(got, err.Error())
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: InvalidAdmitted:\n%s\nwant\n%s\n%s", tc.name, strings.Join(got, "\n"), strings.Join(tc.want, "\n"), tc.why)
		}
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

// TestWrongPageSize: the size of huge pages is in the name, which may be any text that the API
// server lets through.
func TestWrongPageSize(t *testing.T) {
	for _, tc := range []struct {
		size, why string
		want      bool
	}{
		{"1Mi", "two of them", true},
		{"2097152", "a size without a unit", true},
		{"1E", "more than there is", false},
		{"1Ei", "more than there is", false},
		{"0", "nothing is a multiple of it", false},
		{"1500m", "a part of a byte", false},
		{"1000m", "one byte", true},
		{"18446744073709551616", "an int64 of it is zero", false},
		{"18446744073709551617", "an int64 of it is one", false},
		{"1e3", "no size has an exponent", false},
		{"1E+3", "no size has an exponent", false},
		{"1e64", "no size has an exponent", false},
		{"1e-1000000", "to parse it takes long", false},
		{"x", "no number", false},
	} {
		if got := wholePages(corev1.ResourceName("hugepages-"+tc.size), resource.MustParse("2Mi")); got != tc.want {
			t.Errorf("wholePages(hugepages-%s, 2Mi) = %v, want %v: %s", tc.size, got, tc.want, tc.why)
		}
	}
}
