package diff

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
)

// admitted returns the pod as it is read back from a cluster where it runs: with
// API defaults and with what admission, scheduler and kubelet add.
func admitted(pod *corev1.Pod, name string) *corev1.Pod {
	node, _ := daemon.TargetNode(pod)
	pod = pod.DeepCopy()
	pod.Name = name
	pod.UID = "b4d2"
	pod.ResourceVersion = "4711"
	pod.Generation = 1
	pod.CreationTimestamp = metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	pod.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels["topology.kubernetes.io/zone"] = "a"
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations["cni.example.com/addresses"] = "10.0.0.1"
	pod.Finalizers = nil

	spec := &pod.Spec
	spec.NodeName = node
	spec.RestartPolicy = corev1.RestartPolicyAlways
	spec.DNSPolicy = corev1.DNSClusterFirst
	spec.SchedulerName = corev1.DefaultSchedulerName
	if spec.ServiceAccountName == "" {
		spec.ServiceAccountName = "default"
	}
	spec.DeprecatedServiceAccount = spec.ServiceAccountName
	spec.Priority = new(int32(2000001000))
	spec.PreemptionPolicy = new(corev1.PreemptLowerPriority)
	spec.EnableServiceLinks = new(true)
	if spec.TerminationGracePeriodSeconds == nil {
		spec.TerminationGracePeriodSeconds = new(int64(30))
	}
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: "from-service-account"})
	spec.Tolerations = append([]corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}}, spec.Tolerations...)
	if a := spec.Affinity; a != nil && a.PodAntiAffinity != nil {
		for i := range a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			selector := a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[i].LabelSelector
			selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
				Key: "controller-revision-hash", Operator: metav1.LabelSelectorOpIn, Values: []string{"h1"},
			})
		}
	}
	const token = "kube-api-access-7xk2p"
	for i := range spec.Volumes {
		source := &spec.Volumes[i].VolumeSource
		if source.HostPath != nil && source.HostPath.Type == nil {
			source.HostPath.Type = new(corev1.HostPathUnset)
		}
		if source.Projected == nil {
			continue
		}
		for j := range source.Projected.Sources {
			p := &source.Projected.Sources[j]
			if p.ServiceAccountToken != nil {
				p.ServiceAccountToken.ExpirationSeconds = new(int64(3600))
			}
			if p.DownwardAPI != nil {
				p.DownwardAPI.Items[0].FieldRef.APIVersion = "v1"
			}
		}
	}
	spec.Volumes = append([]corev1.Volume{{Name: token, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}}}, spec.Volumes...)
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			c := &containers[i]
			c.ImagePullPolicy = corev1.PullIfNotPresent
			c.TerminationMessagePath = corev1.TerminationMessagePathDefault
			if c.TerminationMessagePolicy == "" {
				c.TerminationMessagePolicy = corev1.TerminationMessageReadFile
			}
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: token, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true})
			c.Env = append([]corev1.EnvVar{{Name: "KUBERNETES_SERVICE_HOST", Value: "10.96.0.1"}}, c.Env...)
			for j := range c.Ports {
				if c.Ports[j].Protocol == "" {
					c.Ports[j].Protocol = corev1.ProtocolTCP
				}
			}
			if c.LivenessProbe != nil {
				c.LivenessProbe.SuccessThreshold = 1
				c.LivenessProbe.TimeoutSeconds = 1
				if c.LivenessProbe.HTTPGet != nil {
					c.LivenessProbe.HTTPGet.Scheme = corev1.URISchemeHTTP
				}
			}
			if len(c.Resources.Limits) > 0 && c.Resources.Requests == nil {
				c.Resources.Requests = c.Resources.Limits.DeepCopy()
			}
		}
	}
	spec.Containers = append([]corev1.Container{{Name: "injected-sidecar", Image: "mesh"}}, spec.Containers...)
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"}
	return pod
}

func TestDrift(t *testing.T) {
	for _, name := range []string{"fluentd", "node-exporter", "network-agent"} {
		ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "d"}}
		ds.Spec.Template = *readTemplate(t, name)
		want := daemon.NewPod(ds, "worker", "h1")
		if got := drift(want, admitted(want, "a")); len(got) > 0 {
			t.Errorf("drift of %s as the cluster completes it = %v, want none", name, got)
		}
	}
}

func TestDriftOneWay(t *testing.T) {
	base := func() *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}},
			Spec: corev1.PodSpec{
				NodeSelector: map[string]string{"disk": "ssd"},
				Tolerations:  []corev1.Toleration{{Key: "a", Operator: corev1.TolerationOpExists}},
				Containers: []corev1.Container{{
					Name: "main", Image: "main:1", Args: []string{"-v", "-x"},
					Env: []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}},
				}},
			},
		}
	}
	tests := []struct {
		name, why string
		// change makes the actual pod of a desired one, or changes both.
		change func(want, got *corev1.Pod)
		result string
	}{
		{
			name: "nothing", why: "a copy has not drifted",
			change: func(_, _ *corev1.Pod) {},
		},
		{
			name: "image", why: "what is desired is old, what is there is new",
			change: func(_, got *corev1.Pod) { got.Spec.Containers[0].Image = "main:2" },
			result: `spec.containers[name=main].image: "main:1" -> "main:2"`,
		},
		{
			name: "pull policy set by the server", why: "what is not desired is not compared",
			change: func(_, got *corev1.Pod) { got.Spec.Containers[0].ImagePullPolicy = corev1.PullAlways },
		},
		{
			name: "pull policy overridden", why: "an admission plug-in that overrides what is desired is seen",
			change: func(want, got *corev1.Pod) {
				want.Spec.Containers[0].ImagePullPolicy = corev1.PullNever
				got.Spec.Containers[0].ImagePullPolicy = corev1.PullAlways
			},
			result: `spec.containers[name=main].imagePullPolicy: "Never" -> "Always"`,
		},
		{
			name: "label added", why: "labels of others do not count",
			change: func(_, got *corev1.Pod) { got.Labels["team"] = "x" },
		},
		{
			name: "labels", why: "a desired label must be there as desired",
			change: func(want, got *corev1.Pod) {
				want.Labels["b"], got.Labels["app"], got.Labels["team"] = "1", "other", "x"
			},
			result: `metadata.labels[app]: "a" -> "other"` + "\n" + `metadata.labels[b]: removed "1"`,
		},
		{
			name: "all labels gone", why: "none is as bad as one missing",
			change: func(_, got *corev1.Pod) { got.Labels = nil },
			result: `metadata.labels[app]: removed "a"`,
		},
		{
			name: "args", why: "arguments are a whole: one more changes the command",
			change: func(_, got *corev1.Pod) { got.Spec.Containers[0].Args = []string{"-v", "--debug", "-x"} },
			result: `spec.containers[name=main].args[1]: added "--debug"`,
		},
		{
			name: "args not desired", why: "no arguments desired leaves them to the others",
			change: func(want, _ *corev1.Pod) { want.Spec.Containers[0].Args = nil },
		},
		{
			name: "args gone", why: "desired arguments must be there",
			change: func(_, got *corev1.Pod) { got.Spec.Containers[0].Args = nil },
			result: `spec.containers[name=main].args: removed ["-v","-x"]`,
		},
		{
			name: "sidecar and variables injected", why: "entries added to keyed lists do not count, wherever they are put",
			change: func(_, got *corev1.Pod) {
				c := &got.Spec.Containers[0]
				c.Env = []corev1.EnvVar{{Name: "X"}, c.Env[0], {Name: "Y"}, c.Env[1]}
				got.Spec.Containers = []corev1.Container{{Name: "proxy"}, *c}
			},
		},
		{
			name: "injected and changed", why: "what was added is not even mentioned beside what was changed",
			change: func(_, got *corev1.Pod) {
				got.Spec.Containers[0].Image = "main:2"
				got.Spec.Containers = append(got.Spec.Containers, corev1.Container{Name: "proxy"})
			},
			result: `spec.containers[name=main].image: "main:1" -> "main:2"`,
		},
		{
			name: "variables reordered", why: "the order of what is desired counts",
			change: func(_, got *corev1.Pod) {
				env := got.Spec.Containers[0].Env
				env[0], env[1] = env[1], env[0]
			},
			result: `spec.containers[name=main].env: reordered ["name=A","name=B"] -> ["name=B","name=A"]`,
		},
		{
			name: "container gone", why: "a desired container must be there",
			change: func(_, got *corev1.Pod) { got.Spec.Containers = nil },
			result: `spec.containers[name=main]: removed {"name":"main","image":"main:1","args":["-v","-x"],"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"resources":{}}`,
		},
		{
			name: "toleration gone", why: "tolerations may be added, in any place, and none may go",
			change: func(want, got *corev1.Pod) {
				want.Spec.Tolerations = append(want.Spec.Tolerations, corev1.Toleration{Key: "b"})
				got.Spec.Tolerations = []corev1.Toleration{{Key: "c"}, {Key: "b", Effect: corev1.TaintEffectNoSchedule}, {Key: "a", Operator: corev1.TolerationOpExists}}
			},
			result: `spec.tolerations[1]: removed {"key":"b"}`,
		},
		{
			name: "toleration limited", why: "a toleration that ends is another one than one that does not",
			change: func(_, got *corev1.Pod) { got.Spec.Tolerations[0].TolerationSeconds = new(int64(300)) },
			result: `spec.tolerations[0]: removed {"key":"a","operator":"Exists"}`,
		},
		{
			name: "selector extended", why: "the API server turns matchLabelKeys into requirements",
			change: func(want, got *corev1.Pod) {
				zone := metav1.LabelSelectorRequirement{Key: "zone", Operator: metav1.LabelSelectorOpExists}
				hash := metav1.LabelSelectorRequirement{Key: "hash", Operator: metav1.LabelSelectorOpIn, Values: []string{"h"}}
				for pod, terms := range map[*corev1.Pod][]metav1.LabelSelectorRequirement{want: {zone}, got: {hash, zone}} {
					pod.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
						TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: &metav1.LabelSelector{MatchExpressions: terms},
					}}
				}
			},
		},
		{
			name: "nested defaults", why: "defaults in entries of a list without keys do not count",
			change: func(want, got *corev1.Pod) {
				source := corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}}
				want.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{source, source}
				source.Prefix = "P_"
				got.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{source, source}
			},
		},
		{
			name: "false pointer", why: "false is desired where a pointer says so",
			change: func(want, got *corev1.Pod) {
				want.Spec.AutomountServiceAccountToken, got.Spec.AutomountServiceAccountToken = new(false), new(true)
			},
			result: `spec.automountServiceAccountToken: false -> true`,
		},
		{
			name: "rounded quantity", why: "the API server rounds up to a thousandth; other amounts differ",
			change: func(want, got *corev1.Pod) {
				want.Spec.Overhead = corev1.ResourceList{"cpu": resource.MustParse("100u"), "memory": resource.MustParse("1Gi")}
				got.Spec.Overhead = corev1.ResourceList{"cpu": resource.MustParse("1m"), "memory": resource.MustParse("1G")}
				for pod, size := range map[*corev1.Pod]string{want: "100u", got: "1m"} {
					pod.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse(size))}}}}
				}
			},
			result: `spec.overhead[memory]: "1Gi" -> "1G"`,
		},
		{
			name: "scheduling gate lifted", why: "gates are made to be removed",
			change: func(want, _ *corev1.Pod) { want.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "g"}} },
		},
		{
			name: "identity and status", why: "not what a template sets",
			change: func(_, got *corev1.Pod) {
				got.Name, got.UID, got.Finalizers = "x", "1", []string{"f"}
				got.Status.Phase = corev1.PodRunning
			},
		},
		{
			name: "variable twice", why: "without unique names the list must be as it is desired",
			change: func(want, got *corev1.Pod) {
				want.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "A", Value: "2"}}
				got.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B"}, {Name: "A", Value: "2"}}
			},
			result: `spec.containers[name=main].env[1]: added {"name":"B"}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want, got := base(), base()
			test.change(want, got)
			wantCopy, gotCopy := want.DeepCopy(), got.DeepCopy()
			if diff := cmp.Diff(test.result, drift(want, got).String()); diff != "" {
				t.Errorf("%s: drift (-want +got):\n%s", test.why, diff)
			}
			if diff := cmp.Diff([]*corev1.Pod{wantCopy, gotCopy}, []*corev1.Pod{want, got}); diff != "" {
				t.Errorf("drift changed its arguments (-before +after):\n%s", diff)
			}
		})
	}
}
