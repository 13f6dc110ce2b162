package diff

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
)

// agentSet returns a DaemonSet of the template testdata/network-agent.yaml.
func agentSet(t testing.TB) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent", UID: "1"},
		Spec:       appsv1.DaemonSetSpec{Template: *readTemplate(t, "network-agent")},
	}
}

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

func TestPodSets(t *testing.T) {
	// pod describes one pod: DaemonSet (none: an orphan), node, revision.
	pod := func(owner, node, hash, name string, more ...func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{"app": "a"}}}
		if hash != "" {
			p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
		}
		if owner != "" {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: owner, Controller: new(true)}}
		}
		p.Spec.NodeName = node
		for _, f := range more {
			f(p)
		}
		return p
	}
	unbound := func(p *corev1.Pod) {
		p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{p.Spec.NodeName}}}}},
		}}}
		p.Spec.NodeName = ""
	}
	leaving := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
	failed := func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }
	age := func(seconds int64) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.CreationTimestamp = metav1.Unix(1000-seconds, 0) }
	}
	elsewhere := func(p *corev1.Pod) { p.Namespace = "other" }
	unlabelled := func(p *corev1.Pod) { delete(p.Labels, "app") }
	generation := func(n string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Labels["pod-template-generation"] = n }
	}
	uid := func(id types.UID) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.OwnerReferences[0].UID = id }
	}
	relabelled := func(p *corev1.Pod) { p.Labels["app"] = "b" }

	tests := []struct {
		name, why       string
		desired, actual []*corev1.Pod
		want            string
	}{
		{name: "nothing", why: "no pods desired and none there", want: "no difference"},
		{
			name: "nil entries", why: "they are skipped",
			desired: []*corev1.Pod{nil}, actual: []*corev1.Pod{nil, nil}, want: "no difference",
		},
		{
			name: "as desired", why: "a pod not bound yet stands for its node all the same",
			desired: []*corev1.Pod{pod("d", "n1", "h", ""), pod("d", "n2", "h", "", unbound)},
			actual:  []*corev1.Pod{pod("d", "n2", "h", "b", unbound), pod("d", "n1", "h", "a")},
			want:    "no difference",
		},
		{
			name: "each kind", why: "ordered by node name, whatever the order of the input",
			desired: []*corev1.Pod{pod("d", "n4", "h", "d-"), pod("d", "n1", "h", "d-"), pod("d", "n2", "h", "d-"), pod("d", "n5", "h", "d-"), pod("d", "n0", "h", "d-")},
			actual: []*corev1.Pod{
				pod("d", "n2", "old", "d-c"), pod("d", "n9", "h", "d-z"), pod("d", "n4", "h", "d-d", relabelled), pod("d", "n5", "", "d-e"), pod("d", "n3", "h", "d-y"),
			},
			want: `missing on n0: d-
missing on n1: d-
extra on n3: d-y
extra on n9: d-z
outdated on n2: d-c (old, desired h)
outdated on n5: d-e (no revision, desired h)
drifted on n4: d-d
  metadata.labels[app]: "a" -> "b"`,
		},
		{
			name: "no hash desired", why: "then no pod is outdated, and its hash is none of our business",
			desired: []*corev1.Pod{pod("d", "n", "", "")}, actual: []*corev1.Pod{pod("d", "n", "h", "a")},
			want: "no difference",
		},
		{
			name: "no hash desired and several", why: "the first stands for the node, whatever its hash",
			desired: []*corev1.Pod{pod("d", "n", "", "")}, actual: []*corev1.Pod{pod("d", "n", "", "b", age(1)), pod("d", "n", "h", "a", age(2))},
			want: "extra on n: b",
		},
		{
			name: "several", why: "the desired revision stands for the node, even where it is younger",
			desired: []*corev1.Pod{pod("d", "n", "h", "")},
			actual:  []*corev1.Pod{pod("d", "n", "old", "a", age(9)), pod("d", "n", "h", "b", age(1))},
			want:    "extra on n: a",
		},
		{
			name: "several of one revision", why: "bound before unbound, then the oldest, then by name",
			desired: []*corev1.Pod{pod("d", "n", "h", "")},
			actual:  []*corev1.Pod{pod("d", "n", "h", "c", unbound, age(9)), pod("d", "n", "h", "b", age(2)), pod("d", "n", "h", "a", age(1)), pod("d", "n", "h", "y", age(3)), pod("d", "n", "h", "z", age(3))},
			want:    "extra on n: a\nextra on n: b\nextra on n: c\nextra on n: z",
		},
		{
			name: "none desired there", why: "every pod on the node is too much",
			actual: []*corev1.Pod{pod("d", "n", "h", "b"), pod("d", "n", "old", "a")},
			want:   "extra on n: a\nextra on n: b",
		},
		{
			name: "being deleted", why: "it stands for nothing and is not to be deleted again",
			desired: []*corev1.Pod{pod("d", "n1", "h", "d-"), pod("d", "n2", "h", "d-")},
			actual: []*corev1.Pod{
				pod("d", "n1", "h", "a", leaving, age(1)), pod("d", "n2", "old", "b", leaving), pod("d", "n2", "h", "c"), pod("d", "n3", "h", "e", leaving), pod("d", "n1", "h", "f", leaving, failed, age(9)),
			},
			want: "missing on n1: d- (f is being deleted)",
		},
		{
			name: "failed", why: "it does not run: it goes, and the node has none",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "h", "a", failed)},
			want: "missing on n: d-\nextra on n: a (Failed)",
		},
		{
			name: "several DaemonSets", why: "each pod belongs to its controller",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-"), pod("e", "n", "h", "e-"), pod("f", "n", "g", "f-")},
			actual:  []*corev1.Pod{pod("e", "n", "h", "e-a"), pod("d", "n", "old", "d-a"), pod("x", "n", "g", "x-a")},
			want:    "missing on n: f-\nextra on n: x-a\noutdated on n: d-a (old, desired h)",
		},
		{
			name: "several of a kind on a node", why: "ordered by the name of the pod that is there",
			desired: []*corev1.Pod{pod("a", "n", "h", "a-"), pod("b", "n", "h", "b-"), pod("c", "n", "h", "c-"), pod("d", "n", "h", "d-")},
			actual:  []*corev1.Pod{pod("a", "n", "old", "z"), pod("b", "n", "old", "y"), pod("c", "n", "h", "x", relabelled), pod("d", "n", "h", "w", relabelled)},
			want: `outdated on n: y (old, desired h)
outdated on n: z (old, desired h)
drifted on n: w
  metadata.labels[app]: "a" -> "b"
drifted on n: x
  metadata.labels[app]: "a" -> "b"`,
		},
		{
			name: "orphans", why: "an orphan goes where nothing better is, by revision",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-"), pod("e", "n", "i", "e-")},
			actual:  []*corev1.Pod{pod("", "n", "h", "o"), pod("", "n", "i", "p"), pod("d", "n", "h", "d-a")},
			want:    "extra on n: o",
		},
		{
			name: "foreign bare pod", why: "its labels do not match: it stands for nothing",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("", "n", "", "debug", relabelled)},
			want: "missing on n: d-\nextra on n: debug",
		},
		{
			name: "foreign bare pod without labels", why: "an orphan must have the labels that the desired pod has",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("", "n", "", "debug", unlabelled)},
			want: "missing on n: d-\nextra on n: debug",
		},
		{
			name: "orphan of another revision", why: "revision and template generation do not decide whose it is",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-", generation("2"))}, actual: []*corev1.Pod{pod("", "n", "old", "o", generation("1"))},
			want: "outdated on n: o (old, desired h)",
		},
		{
			name: "no labels desired", why: "a DaemonSet that asks for no label adopts nothing",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-", unlabelled)}, actual: []*corev1.Pod{pod("", "n", "", "debug", relabelled)},
			want: "missing on n: d-\nextra on n: debug",
		},
		{
			name: "foreign bare pod being deleted", why: "it does not explain what is missing",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("", "n", "", "debug", relabelled, leaving)},
			want: "missing on n: d-",
		},
		{
			name: "other labels without a controller", why: "labels are all that desired pods written by hand have",
			desired: []*corev1.Pod{pod("", "n", "", "mine")}, actual: []*corev1.Pod{pod("", "n", "", "debug", relabelled), pod("x", "n", "h", "x-a", relabelled)},
			want: "missing on n: mine\nextra on n: debug\nextra on n: x-a",
		},
		{
			name: "DaemonSet made anew", why: "pods of the deleted one have its UID and are left to garbage collection",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-", uid("2"))}, actual: []*corev1.Pod{pod("d", "n", "h", "d-a", uid("1"))},
			want: "missing on n: d-\nextra on n: d-a",
		},
		{
			name: "DaemonSet without a UID", why: "one that is not in a cluster yet has none",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "h", "d-a", uid("1"))},
			want: "no difference",
		},
		{
			name: "owner not told", why: "desired pods written by hand need none",
			desired: []*corev1.Pod{pod("", "n", "", "")}, actual: []*corev1.Pod{pod("d", "n", "h", "a")},
			want: "no difference",
		},
		{
			name: "other namespace", why: "a pod of another namespace stands for none of ours",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "h", "a", elsewhere)},
			want: "missing on n: d-\nextra on n: a",
		},
		{
			name: "no node", why: "nothing is left out silently, and nothing is matched by chance",
			desired: []*corev1.Pod{pod("d", "", "h", "")}, actual: []*corev1.Pod{pod("d", "", "h", "a"), pod("d", "", "h", "b", leaving), pod("d", "", "h", "c", failed)},
			want: "missing on <no node>: <unnamed>\nextra on <no node>: a\nextra on <no node>: c (Failed)",
		},
		{
			name: "same pod desired twice", why: "one pod stands for one",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-"), pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "h", "a")},
			want: "missing on n: d-",
		},
		{
			name: "two revisions desired", why: "one pod stands for one, by name, then by revision",
			desired: []*corev1.Pod{pod("d", "n", "i", "d-"), pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "old", "a")},
			want: "missing on n: d-\noutdated on n: a (old, desired h)",
		},
		{
			name: "orphan being deleted", why: "it is named where nothing better is",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("", "n", "h", "o", leaving)},
			want: "missing on n: d- (o is being deleted)",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := copyPods(test.desired, test.actual)
			d := PodSets(test.desired, test.actual)
			if diff := cmp.Diff(test.want, d.String()); diff != "" {
				t.Errorf("%s: PodSets (-want +got):\n%s", test.why, diff)
			}
			if got, want := d.Empty(), test.want == "no difference"; got != want {
				t.Errorf("%s: Empty() = %t, want %t", test.why, got, want)
			}
			if diff := cmp.Diff(before, copyPods(test.desired, test.actual)); diff != "" {
				t.Errorf("PodSets changed its arguments (-before +after):\n%s", diff)
			}
			desired, actual := slices.Clone(test.desired), slices.Clone(test.actual)
			slices.Reverse(desired)
			slices.Reverse(actual)
			if diff := cmp.Diff(d, PodSets(desired, actual)); diff != "" {
				t.Errorf("PodSets depends on the order of its input (-given +reversed):\n%s", diff)
			}
		})
	}
}

func copyPods(lists ...[]*corev1.Pod) (all []*corev1.Pod) {
	for _, list := range lists {
		for _, pod := range list {
			all = append(all, pod.DeepCopy())
		}
	}
	return all
}

func TestPodSetChangesText(t *testing.T) {
	odd := PodSetChanges{Missing: []PodPair{{}}, Extra: []PodPair{{}}, Outdated: []PodPair{{}}, Drifted: []PodPair{{}}}
	const want = `missing on <no node>: <nil>
extra on <no node>: <nil>
outdated on <no node>: <nil> (<nil>, desired <nil>)
drifted on <no node>: <nil>`
	if got := odd.String(); got != want {
		t.Errorf("String() of entries without pods = %q, want %q", got, want)
	}
}

// TestPodSetsShuffled compares pods that look alike, in random order: each pod has
// its place, and the order of the input must not show.
func TestPodSetsShuffled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	pods := func(n int) []*corev1.Pod {
		list := make([]*corev1.Pod, n)
		for i := range list {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pick("", "a", "b"), Namespace: pick("", "", "ns")}}
			p.Labels = map[string]string{"app": pick("a", "a", "b"), appsv1.DefaultDaemonSetUniqueLabelKey: pick("h", "h", "old")}
			if owner := pick("", "d", "d", "e"); owner != "" {
				p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: owner, Controller: new(true)}}
			}
			p.Spec.NodeName = pick("", "n1", "n1", "n2")
			p.Spec.Containers = []corev1.Container{{Name: "c", Image: pick("1", "2")}}
			p.Status.Phase = corev1.PodPhase(pick("", "", "", "Failed"))
			if pick("", "", "", "leaving") != "" {
				p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			}
			list[i] = p
		}
		return list
	}
	for range 500 {
		desired, actual := pods(r.IntN(9)), pods(r.IntN(9))
		changes := PodSets(desired, actual)

		seen := make(map[*corev1.Pod]int)
		for _, list := range [][]PodPair{changes.Missing, changes.Outdated, changes.Drifted, changes.Extra} {
			for _, pair := range list {
				seen[pair.Desired]++
				seen[pair.Actual]++
			}
		}
		for _, pair := range changes.Missing {
			if pair.Actual != nil && pair.Actual.DeletionTimestamp == nil {
				t.Errorf("missing, but %v stands for it", pair.Actual)
			}
		}
		for _, pod := range slices.Concat(desired, actual) {
			if seen[pod] > 1 {
				t.Errorf("%d differences are about one pod: %v\n%v", seen[pod], pod, changes)
			}
		}

		r.Shuffle(len(desired), func(i, j int) { desired[i], desired[j] = desired[j], desired[i] })
		r.Shuffle(len(actual), func(i, j int) { actual[i], actual[j] = actual[j], actual[i] })
		if diff := cmp.Diff(changes, PodSets(desired, actual)); diff != "" {
			t.Fatalf("PodSets depends on the order of its input (-given +shuffled):\n%s", diff)
		}
	}
}
