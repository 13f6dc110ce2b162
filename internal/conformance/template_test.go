package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	mathrand "math/rand"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	k8sappsv1 "k8s.io/kubernetes/pkg/apis/apps/v1"
	"k8s.io/kubernetes/pkg/controller"
	daemoncontroller "k8s.io/kubernetes/pkg/controller/daemon"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
)

// TestHashRealTemplates compares hashes and revisions of templates as they are in
// use: as written, with the defaults of an API server, as decoded from its JSON,
// and after small changes.
func TestHashRealTemplates(t *testing.T) {
	templates := realTemplates(t)
	if len(templates) < 4 {
		t.Errorf("%d templates, want at least 4", len(templates))
	}
	compared, largest := 0, 0
	hashes := map[string]bool{}
	check := func(name string, template *corev1.PodTemplateSpec) {
		difference, size := compareTemplate(template, collisionCounts...)
		if difference != "" {
			t.Errorf("%s: %s", name, difference)
		}
		compared++
		largest = max(largest, size)
		hashes[daemon.TemplateHash(template, nil)] = true
	}
	for name, template := range templates {
		ds := &appsv1.DaemonSet{}
		ds.Spec.Template = *template.DeepCopy()
		k8sappsv1.SetObjectDefaults_DaemonSet(ds)
		defaulted := &ds.Spec.Template
		for form, template := range map[string]*corev1.PodTemplateSpec{"written": template, "defaulted": defaulted, "decoded": decoded(t, defaulted)} {
			check(name+" "+form, template)
			for i, change := range templateChanges {
				changed := template.DeepCopy()
				change(changed)
				check(fmt.Sprint(name, " ", form, ", change ", i), changed)
			}
		}
	}
	t.Logf("%d templates, up to %d bytes of revision data, %d hashes", compared, largest, len(hashes))
	if largest < 20_000 {
		t.Errorf("the largest has %d bytes, want at least 20,000", largest)
	}
	if len(hashes) < compared/2 {
		t.Errorf("%d hashes of %d templates: the changes do not matter", len(hashes), compared)
	}
}

func decoded(t *testing.T, template *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
	raw, err := kubejson.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	out := &corev1.PodTemplateSpec{}
	if err := kubejson.Unmarshal(raw, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// templateChanges are small; some of them the API does not tell apart.
var templateChanges = []func(*corev1.PodTemplateSpec){
	func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Image += "-1" },
	func(t *corev1.PodTemplateSpec) {
		t.Spec.Containers[0].Args = append(t.Spec.Containers[0].Args, "--a=<b>&c\u2028\xff")
	},
	func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Env = []corev1.EnvVar{} },
	func(t *corev1.PodTemplateSpec) { t.Spec.Containers[0].Env = nil },
	func(t *corev1.PodTemplateSpec) { t.Labels = map[string]string{} },
	func(t *corev1.PodTemplateSpec) { t.Labels = nil },
	func(t *corev1.PodTemplateSpec) { t.Annotations = map[string]string{"é": "\x00\u2029\"\\"} },
	func(t *corev1.PodTemplateSpec) {
		t.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("1Gi")}
	},
	func(t *corev1.PodTemplateSpec) {
		t.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1000m"), "memory": resource.MustParse("1073741824")}
	},
	func(t *corev1.PodTemplateSpec) {
		q := resource.MustParse("500m")
		q.Add(resource.MustParse("0.5"))
		t.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": q, "memory": *resource.NewQuantity(1<<30, resource.BinarySI)}
	},
	func(t *corev1.PodTemplateSpec) { t.CreationTimestamp = metav1.Unix(1_700_000_000, 5) },
	func(t *corev1.PodTemplateSpec) { t.Spec.TerminationGracePeriodSeconds = new(int64(0)) },
	func(t *corev1.PodTemplateSpec) { t.Spec.HostPID = !t.Spec.HostPID },
	func(t *corev1.PodTemplateSpec) { t.Spec.SecurityContext = &corev1.PodSecurityContext{} },
	func(t *corev1.PodTemplateSpec) {
		t.Spec.Containers[0].LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("web")}}}
	},
	func(t *corev1.PodTemplateSpec) {
		t.Spec.Containers[0].LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(80)}}}
	},
}

// TestHashRandomTemplates compares hashes and revisions of templates with random
// values in all fields.
func TestHashRandomTemplates(t *testing.T) {
	templates := max(*objects/4, 1)
	var bytesOfData, failing atomic.Int64
	each(t, templates, func(g *generator) string {
		template := &corev1.PodTemplateSpec{}
		randomTemplates(g).Fill(template)
		difference, size := compareTemplate(template, pick(g, collisionCounts...))
		bytesOfData.Add(int64(size))
		if size == 0 {
			failing.Add(1)
		}
		return difference
	})
	t.Logf("%d templates with %d bytes of revision data on average, %d of them without JSON", templates, bytesOfData.Load()/int64(templates), failing.Load())
	if got := int(failing.Load()); *only < 0 && (got > templates/4 || got < templates/1000) {
		t.Errorf("%d of %d templates have no JSON, want a few", got, templates)
	}
}

// randomTemplates fills half of all fields: with quantities in all notations,
// computed ones, odd text, and maps and lists that are empty but not nil.
func randomTemplates(g *generator) *randfill.Filler {
	texts := []string{"", "a", "app", "a<b>&c", "\u2028", "é", "\"quoted\"\n", "\\", "\x00", "\x7f", "\xff", "1e3", "true", "null", "日本"}
	notations := []string{"0", "1", "1000m", "0.5", "1e3", "1E3", "12Ki", "1Gi", "1073741824", "100n", "-1", "1.5Gi", "9223372036854775808", "3u"}
	text := func() string { return pick(g, texts...) }
	// The filler takes the older kind of source.
	return randfill.New().RandSource(mathrand.NewSource(g.Int64())).NilChance(0.5).NumElements(0, 2).Funcs(
		func(s *string, _ randfill.Continue) { *s = text() },
		func(q *resource.Quantity, _ randfill.Continue) {
			*q = resource.MustParse(pick(g, notations...))
			if g.in(3) {
				q.Add(resource.MustParse(pick(g, notations...)))
			}
			if g.in(3) {
				_ = q.String() // keeps the text, which is part of the dump
			}
		},
		func(v *intstr.IntOrString, _ randfill.Continue) {
			*v = pick(g, intstr.FromInt32(0), intstr.FromInt32(8080), intstr.FromString("http"), intstr.FromString("10%"), intstr.FromString(""))
			if g.in(1000) {
				v.Type = 7 // has no JSON
			}
		},
		func(at *metav1.Time, _ randfill.Continue) {
			*at = pick(g, metav1.Time{}, metav1.NewTime(time.Unix(g.Int64N(1<<32), g.Int64N(1e9)).In(time.FixedZone("odd", 5400))))
		},
		func(f *metav1.FieldsV1, _ randfill.Continue) {
			f.SetRawString(pick(g, `{"f:spec":{}}`, `{ "a":1.50, "b":12345678901234567890}`))
			if g.in(20) {
				f.SetRawString(pick(g, "", "{"))
			}
		},
		func(m *map[string]string, _ randfill.Continue) {
			*m = pick(g, nil, map[string]string{}, map[string]string{text(): text(), text(): text(), "a": text()})
		},
		func(s *[]string, _ randfill.Continue) { *s = pick(g, nil, []string{}, []string{text(), text()}) },
		func(s *corev1.PodSpec, c randfill.Continue) {
			c.FillNoCustom(s)
			s.Containers = append(s.Containers, corev1.Container{})
			c.Fill(&s.Containers[0])
		},
	)
}

var collisionCounts = []*int32{nil, new(int32(0)), new(int32(1)), new(int32(7)), new(int32(256)), new(int32(math.MaxInt32)), new(int32(-1)), new(int32(math.MinInt32))}

// compareTemplate compares all that is worked out from a template's value or
// bytes. It also returns the size of the revision data, 0 if there is none.
func compareTemplate(template *corev1.PodTemplateSpec, collisionCounts ...*int32) (difference string, size int) {
	before := template.DeepCopy()
	for _, c := range collisionCounts {
		want, got := controller.ComputeHash(template, c), daemon.TemplateHash(template, c)
		if want != got {
			count := "nil"
			if c != nil {
				count = fmt.Sprint(*c)
			}
			return fmt.Sprintf("hash with collision count %s: upstream %q, library %q", count, want, got), 0
		}
	}
	ds := &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: *template}}
	want, wantErr := getPatch(ds)
	got, err := history.Data(template)
	switch {
	case (wantErr == nil) != (err == nil):
		return fmt.Sprintf("revision data: error upstream %v, library %v", wantErr, err), 0
	case !reflect.DeepEqual(before, template):
		return "the template is changed:\n" + cmp.Diff(before, template), len(want)
	case err != nil:
		return "", 0
	case !bytes.Equal(want, got):
		return "revision data (-upstream +library):\n" + cmp.Diff(string(want), string(got)), len(want)
	}
	return compareRevision(ds, want), len(want)
}

// compareRevision compares what both sides read from revision data: whether it
// is that of a DaemonSet, and the template in it.
func compareRevision(ds *appsv1.DaemonSet, data []byte) string {
	rev := &appsv1.ControllerRevision{}
	spaced := append(bytes.Clone(data[:len(data)-1]), " }"...)
	for _, raw := range [][]byte{spaced, data} {
		rev.Data.Raw = raw
		want, wantErr := daemoncontroller.Match(ds, rev)
		got, err := history.Matches(ds, rev)
		if err := errors.Join(err, wantErr); err != nil {
			return "match: " + err.Error()
		}
		// White space is the deviation revision-space.
		if !got || want != bytes.Equal(raw, data) {
			return fmt.Sprintf("match: upstream %t, library %t, for\n%s", want, got, raw)
		}
	}
	current := []byte(`{"spec":{"template":{"metadata":{"labels":{"old":"x"}},"spec":{"hostNetwork":true,"containers":[{"name":"old"}]}}}}`)
	patched, err := strategicpatch.StrategicMergePatch(current, data, appsv1.DaemonSet{})
	if err != nil {
		return "applying the data: " + err.Error()
	}
	want := &appsv1.DaemonSet{}
	wantErr := kubejson.Unmarshal(patched, want)
	got, err := history.Template(rev)
	if (wantErr == nil) != (err == nil) {
		return fmt.Sprintf("reading the data: error upstream %v, library %v", wantErr, err)
	}
	if err == nil && !reflect.DeepEqual(&want.Spec.Template, got) {
		return "template in the data (-upstream +library):\n" + cmp.Diff(&want.Spec.Template, got)
	}
	return ""
}

// realTemplates are the library's own test data and a large one.
func realTemplates(t *testing.T) map[string]*corev1.PodTemplateSpec {
	files, err := filepath.Glob(filepath.Join(libraryRoot, "daemon", "diff", "testdata", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*corev1.PodTemplateSpec{"observability": observability()}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		template := &corev1.PodTemplateSpec{}
		if err := yaml.UnmarshalStrict(raw, template); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(template.Spec.Containers) == 0 {
			t.Fatalf("%s has no containers", file)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".yaml")] = template
	}
	return out
}

// observability is the size of the largest agents: metrics, logs, traces, network
// and security in one pod, each with its probes, mounts and settings.
func observability() *corev1.PodTemplateSpec {
	fromField := func(name, path string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
	}
	hostPath := func(name, path string, kind corev1.HostPathType) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &kind}}}
	}
	probe := func(path string, port int32) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:        corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port), Scheme: corev1.URISchemeHTTPS}},
			InitialDelaySeconds: 15, PeriodSeconds: 15, TimeoutSeconds: 5, FailureThreshold: 6,
		}
	}
	volumes := []corev1.Volume{
		hostPath("proc", "/proc", corev1.HostPathDirectory), hostPath("sys", "/sys", corev1.HostPathDirectory),
		hostPath("cgroup", "/sys/fs/cgroup", corev1.HostPathDirectory), hostPath("runtime-socket", "/run/containerd/containerd.sock", corev1.HostPathSocket),
		hostPath("logs", "/var/log/pods", corev1.HostPathDirectory), hostPath("modules", "/lib/modules", corev1.HostPathDirectory),
		hostPath("passwd", "/etc/passwd", corev1.HostPathFile), hostPath("pointers", "/var/lib/agent/logs", corev1.HostPathDirectoryOrCreate),
		{Name: "auth", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
			Medium: corev1.StorageMediumMemory, SizeLimit: new(resource.MustParse("16Mi"))}}},
		{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "agent"}, DefaultMode: new(int32(0o440)),
			Items: []corev1.KeyToPath{{Key: "agent.yaml", Path: "agent.yaml"}, {Key: "checks", Path: "conf.d/checks.yaml", Mode: new(int32(0o400))}}}}},
		{Name: "identity", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: "vault", ExpirationSeconds: new(int64(3600)), Path: "token"}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "cpu",
				ResourceFieldRef: &corev1.ResourceFieldSelector{ContainerName: "metrics", Resource: "limits.cpu", Divisor: resource.MustParse("1m")}}}}},
			{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "ca"}, Optional: new(true)}},
		}}}},
	}
	var mounts []corev1.VolumeMount
	for _, v := range volumes {
		m := corev1.VolumeMount{Name: v.Name, MountPath: "/host/" + v.Name, ReadOnly: v.HostPath != nil}
		if v.Name == "cgroup" || v.Name == "runtime-socket" {
			m.MountPropagation = new(corev1.MountPropagationHostToContainer)
		}
		mounts = append(mounts, m)
	}
	env := []corev1.EnvVar{
		fromField("NODE_NAME", "spec.nodeName"), fromField("NODE_IP", "status.hostIP"), fromField("POD_NAMESPACE", "metadata.namespace"),
		fromField("VERSION", "metadata.labels['app.kubernetes.io/version']"),
		{Name: "API_KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "agent-keys"}, Key: "api", Optional: new(false)}}},
		{Name: "MEMORY_LIMIT", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory", Divisor: resource.MustParse("1Mi")}}},
		{Name: "TAGS", Value: `{"team": "platform & <infra>", "glob": "/var/**/*.log"}`},
	}
	for i := range 30 {
		env = append(env, corev1.EnvVar{Name: fmt.Sprintf("FEATURE_%02d_ENABLED", i), Value: fmt.Sprint(i%3 == 0)})
	}
	var containers []corev1.Container
	for i, name := range []string{"metrics", "logs", "traces", "network", "security", "reloader"} {
		port := int32(9100 + i)
		containers = append(containers, corev1.Container{
			Name: name, Image: "registry.example.com/agents/" + name + ":7.61.0@sha256:" + strings.Repeat("0123456789abcdef", 4),
			ImagePullPolicy: corev1.PullIfNotPresent,
			Command:         []string{"/bin/agent", "run", "--config", "/host/config/agent.yaml"},
			Args:            []string{"--component=" + name, fmt.Sprintf("--listen=$(NODE_IP):%d", port), "--log-level=info", `--filter=level>="warn" && !debug`},
			Ports:           []corev1.ContainerPort{{Name: "metrics", ContainerPort: port, HostPort: port, Protocol: corev1.ProtocolTCP}},
			Env:             append([]corev1.EnvVar(nil), env...),
			EnvFrom: []corev1.EnvFromSource{{Prefix: "SITE_", ConfigMapRef: &corev1.ConfigMapEnvSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: "site"}, Optional: new(true)}}},
			VolumeMounts: append([]corev1.VolumeMount(nil), mounts...),
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
				Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("0.5"), corev1.ResourceMemory: resource.MustParse("0.5Gi"),
					"hugepages-2Mi": resource.MustParse("64Mi")},
			},
			LivenessProbe: probe("/live", port), ReadinessProbe: probe("/ready", port), StartupProbe: probe("/startup", port),
			Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", "sleep 5 && kill -TERM 1"}}}},
			SecurityContext: &corev1.SecurityContext{
				Privileged: new(name == "network"), ReadOnlyRootFilesystem: new(true), RunAsUser: new(int64(0)),
				Capabilities:   &corev1.Capabilities{Add: []corev1.Capability{"BPF", "NET_ADMIN", "SYS_PTRACE"}, Drop: []corev1.Capability{"ALL"}},
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: new("profiles/agent.json")},
			},
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		})
	}
	return &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels: map[string]string{"app.kubernetes.io/name": "agent", "app.kubernetes.io/component": "node", "app.kubernetes.io/version": "7.61.0"},
			Annotations: map[string]string{
				"checksum/config":      strings.Repeat("fedcba9876543210", 4),
				"prometheus.io/scrape": "true",
				"example.com/checks":   "{\n  \"init_config\": {},\n  \"instances\": [{\"url\": \"https://%%host%%:10250/metrics\", \"timeout\": 1.5}]\n}",
			},
		},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{
				{Name: "copy-config", Image: "registry.example.com/agents/init:7.61.0", Command: []string{"bash", "-c"},
					Args: []string{"cp -r /etc/agent /opt && for f in /opt/*.sh; do\n  bash \"$f\" || exit 1\ndone\n"}, VolumeMounts: mounts[8:10]},
				{Name: "proxy", Image: "registry.example.com/agents/proxy:1.2", RestartPolicy: new(corev1.ContainerRestartPolicyAlways), Env: env[:4]},
			},
			Containers: containers, Volumes: volumes,
			ServiceAccountName: "agent", AutomountServiceAccountToken: new(true), PriorityClassName: "system-node-critical",
			HostNetwork: true, HostPID: true, DNSPolicy: corev1.DNSClusterFirstWithHostNet, TerminationGracePeriodSeconds: new(int64(60)),
			DNSConfig:        &corev1.PodDNSConfig{Options: []corev1.PodDNSConfigOption{{Name: "ndots", Value: new("2")}}},
			ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
			SecurityContext: &corev1.PodSecurityContext{
				FSGroup: new(int64(2000)), SupplementalGroups: []int64{4, 999}, Sysctls: []corev1.Sysctl{{Name: "net.core.somaxconn", Value: "1024"}},
				SELinuxOptions: &corev1.SELinuxOptions{Type: "spc_t"},
			},
			Tolerations: []corev1.Toleration{
				{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
				{Key: "node.kubernetes.io/not-ready", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: new(int64(300))},
			},
			NodeSelector: map[string]string{"kubernetes.io/os": "linux"},
			Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: "example.com/compute-type", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"serverless", "auto"}},
					{Key: "kubernetes.io/arch", Operator: corev1.NodeSelectorOpIn, Values: []string{"amd64", "arm64"}},
				}}},
			}}},
		},
	}
}
