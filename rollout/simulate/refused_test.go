package simulate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestWhatIfRefusedPods: what the API server refuses in the pod's spec is refused, although
// daemon.Validate does not look at it.
func TestWhatIfRefusedPods(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	ports := func(name string, ports ...corev1.ContainerPort) corev1.Container {
		return corev1.Container{Name: name, Image: "a:1", Ports: ports}
	}
	tcp, udp := corev1.ContainerPort{ContainerPort: 80, HostPort: 80, Protocol: corev1.ProtocolTCP}, corev1.ContainerPort{ContainerPort: 80, HostPort: 80, Protocol: corev1.ProtocolUDP}
	plain, local, none := corev1.ContainerPort{ContainerPort: 80, HostPort: 80}, corev1.ContainerPort{ContainerPort: 80, HostPort: 80, HostIP: "127.0.0.1"}, corev1.ContainerPort{ContainerPort: 80}
	tolerating := func(op corev1.TolerationOperator) corev1.PodSpec {
		return corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "a", Operator: op, Value: "1"}}}
	}
	const spec = "spec.template.spec."
	for _, tc := range []struct {
		name, why string
		spec      corev1.PodSpec
		opts      placement.Options
		want      []string
		// taken says that the API server takes it if the stored DaemonSet has it already.
		taken bool
	}{
		{name: "well", why: "nothing is wrong", spec: corev1.PodSpec{Containers: []corev1.Container{ports("a", tcp)}}},
		{name: "toleration", why: "there is no such operator", spec: tolerating("Has"),
			want: []string{spec + `tolerations[0].operator: Unsupported value: "Has": supported values: "Equal", "Exists"`}},
		{name: "all of a toleration", why: "each fault has its error", spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Value: "b=c", Effect: "noexecute", TolerationSeconds: new(int64(5))}}},
			want: []string{
				spec + `tolerations[0].operator: Invalid value: "": must be Exists if there is no key, which means every taint`,
				spec + `tolerations[0].effect: Invalid value: "noexecute": must be NoExecute if there are tolerationSeconds`,
				spec + `tolerations[0].operator: Invalid value: "b=c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
				spec + `tolerations[0].effect: Unsupported value: "noexecute": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`,
			}},
		{name: "node selector", why: "no label has the value", spec: corev1.PodSpec{NodeSelector: map[string]string{"pool": "a=b=c"}},
			want: []string{spec + `nodeSelector: Invalid value: "a=b=c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`}},
		{name: "request above the limit", why: "never", spec: corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{"memory": resource.MustParse("2Gi")}, Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")}}}}},
			want: []string{spec + `containers[0].resources.requests[memory]: Invalid value: "2Gi": must not be above the limit, 1Gi`}},
		{name: "half of a huge page", why: "pages are whole", taken: true, spec: corev1.PodSpec{Overhead: corev1.ResourceList{"cpu": resource.MustParse("1"), "hugepages-2Mi": resource.MustParse("1Mi")}},
			want: []string{spec + `overhead[hugepages-2Mi]: Invalid value: "1Mi": must be a multiple of the size of the pages`}},
		{name: "gate", why: "the server has it or not", spec: tolerating(corev1.TolerationOpGt), opts: placement.Options{ComparisonOperators: true}},
		{name: "no gate", why: "the server has it or not", spec: tolerating(corev1.TolerationOpGt), taken: true,
			want: []string{spec + `tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists"`}},
		{name: "affinity", why: "there is no such operator", spec: corev1.PodSpec{Affinity: build.Require(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "a", Operator: "In"}}})},
			want: []string{spec + `affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty`}},
		{name: "no integer", why: "the server takes it, and it matches no node", spec: corev1.PodSpec{Affinity: build.Require(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "a", Operator: "Gt", Values: []string{"x"}}}})}},
		{name: "no integer and no label value", why: "no label has it", taken: true, spec: corev1.PodSpec{Affinity: build.Require(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "a", Operator: "Gt", Values: []string{"-x"}}}})},
			want: []string{
				spec + `affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values[0]: Invalid value: "-x": for 'Gt', 'Lt' operators, the value must be an integer`,
				spec + `affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values[0][a]: Invalid value: "-x": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
			}},
		{name: "host port twice", why: "in one container", spec: corev1.PodSpec{Containers: []corev1.Container{ports("a", tcp, udp, tcp)}},
			want: []string{spec + `containers[0].ports[2].hostPort: Duplicate value: "TCP//80"`}},
		{name: "host port of another container", why: "they share the pod, and TCP is the default", spec: corev1.PodSpec{Containers: []corev1.Container{ports("a", tcp), ports("b", none, plain)}},
			want: []string{spec + `containers[1].ports[1].hostPort: Duplicate value: "TCP//80"`}},
		{name: "protocol and address", why: "each is another port", spec: corev1.PodSpec{Containers: []corev1.Container{ports("a", tcp, udp, local)}}},
		{name: "host network", why: "the server takes the DaemonSet, and refuses the pods", spec: corev1.PodSpec{HostNetwork: true, Containers: []corev1.Container{ports("a", none), ports("b", none)}}},
		{name: "init containers", why: "they run one by one", spec: corev1.PodSpec{InitContainers: []corev1.Container{ports("i", tcp), ports("j", tcp)}, Containers: []corev1.Container{ports("a", tcp)}}},
		{name: "init container", why: "it is one pod, too", spec: corev1.PodSpec{InitContainers: []corev1.Container{ports("i"), {Name: "j", RestartPolicy: &always, Ports: []corev1.ContainerPort{tcp, tcp}}}},
			want: []string{spec + `initContainers[1].ports[1].hostPort: Duplicate value: "TCP//80"`}},
	} {
		in := whatIfCluster(t, build.Set{}.Object(), whatIfDisks())
		in.Placement = tc.opts
		proposed := build.Set{Spec: tc.spec}.Object()
		for _, stored := range []*appsv1.DaemonSet{nil, in.DaemonSet} {
			in := in
			in.DaemonSet = stored
			if stored == nil {
				in = daemon.Input{Now: in.Now, Nodes: in.Nodes, Placement: tc.opts}
			}
			impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: proposed}, simulate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, err := range impact.Refused {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: WhatIf of a new one: %v: Refused: %s (-want +got):\n%s", tc.name, stored == nil, tc.why, diff)
			}
		}
		// A server that is newer, or has other gates, may have stored it.
		in.DaemonSet = proposed
		next := proposed.DeepCopy()
		next.Spec.MinReadySeconds = 5
		impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: next}, simulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if refused := impact.Refused != nil; refused != (tc.want != nil && !tc.taken) {
			t.Errorf("%s: WhatIf of a stored one: Refused = %v, taken: %v", tc.name, impact.Refused, tc.taken)
		}
	}
}
