package placement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

func TestTolerations(t *testing.T) {
	def := func(key string, effect corev1.TaintEffect) corev1.Toleration {
		return tolerate(key, corev1.TolerationOpExists, "", effect)
	}
	notReady := def("node.kubernetes.io/not-ready", noExecute)
	unreachable := def("node.kubernetes.io/unreachable", noExecute)
	disk := def("node.kubernetes.io/disk-pressure", noSchedule)
	memory := def("node.kubernetes.io/memory-pressure", noSchedule)
	pid := def("node.kubernetes.io/pid-pressure", noSchedule)
	unschedulable := def("node.kubernetes.io/unschedulable", noSchedule)
	network := def("node.kubernetes.io/network-unavailable", noSchedule)

	seconds := int64(300)
	forAWhile := func(toleration corev1.Toleration) corev1.Toleration {
		toleration.TolerationSeconds = &seconds
		return toleration
	}
	own := tolerate(controlPlane, corev1.TolerationOpExists, "", noSchedule)

	for _, tc := range []struct {
		name string
		why  string
		spec *corev1.PodSpec
		want []corev1.Toleration
	}{
		{
			name: "nil",
			why:  "an empty spec",
			want: []corev1.Toleration{notReady, unreachable, disk, memory, pid, unschedulable},
		},
		{
			name: "none",
			why:  "the defaults in upstream's order",
			spec: &corev1.PodSpec{},
			want: []corev1.Toleration{notReady, unreachable, disk, memory, pid, unschedulable},
		},
		{
			name: "hostNetwork",
			why:  "one more default",
			spec: &corev1.PodSpec{HostNetwork: true},
			want: []corev1.Toleration{notReady, unreachable, disk, memory, pid, unschedulable, network},
		},
		{
			name: "own",
			why:  "the template's come first and stay as they are",
			spec: &corev1.PodSpec{Tolerations: []corev1.Toleration{forAWhile(own), own}},
			want: []corev1.Toleration{forAWhile(own), own, notReady, unreachable, disk, memory, pid, unschedulable},
		},
		{
			name: "default in the template",
			why:  "it stays in its place and is not added again",
			spec: &corev1.PodSpec{Tolerations: []corev1.Toleration{memory, own, notReady}},
			want: []corev1.Toleration{memory, own, notReady, unreachable, disk, pid, unschedulable},
		},
		{
			name: "default with tolerationSeconds",
			why:  "it is replaced, which makes it last for ever; duplicates are all replaced and all stay",
			spec: &corev1.PodSpec{Tolerations: []corev1.Toleration{forAWhile(unreachable), unreachable, forAWhile(unreachable)}},
			want: []corev1.Toleration{unreachable, unreachable, unreachable, notReady, disk, memory, pid, unschedulable},
		},
		{
			name: "nearly a default",
			why:  "another effect, operator or value makes another toleration",
			spec: &corev1.PodSpec{Tolerations: []corev1.Toleration{
				tolerate("node.kubernetes.io/not-ready", corev1.TolerationOpExists, "", ""),
				tolerate("node.kubernetes.io/not-ready", "", "", noExecute),
				tolerate("node.kubernetes.io/not-ready", corev1.TolerationOpExists, "x", noExecute),
			}},
			want: []corev1.Toleration{
				tolerate("node.kubernetes.io/not-ready", corev1.TolerationOpExists, "", ""),
				tolerate("node.kubernetes.io/not-ready", "", "", noExecute),
				tolerate("node.kubernetes.io/not-ready", corev1.TolerationOpExists, "x", noExecute),
				notReady, unreachable, disk, memory, pid, unschedulable,
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.spec.DeepCopy()
			got := placement.Tolerations(tc.spec)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Tolerations(), %s (-want +got):\n%s", tc.why, diff)
			}
			// The result is the caller's.
			for i := range got {
				got[i].Key = "changed"
				if got[i].TolerationSeconds != nil {
					*got[i].TolerationSeconds = -1
				}
			}
			if diff := cmp.Diff(before, tc.spec); diff != "" {
				t.Errorf("the spec was changed (-before +after):\n%s", diff)
			}
		})
	}
}
