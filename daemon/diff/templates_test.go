package diff

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// readTemplate reads a pod template from testdata.
func readTemplate(t testing.TB, name string) *corev1.PodTemplateSpec {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return parseTemplate(t, string(data))
}

func parseTemplate(t testing.TB, text string) *corev1.PodTemplateSpec {
	t.Helper()
	template := &corev1.PodTemplateSpec{}
	parse(t, text, template)
	return template
}

func parse(t testing.TB, text string, into any) {
	t.Helper()
	data, err := yaml.ToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// container wraps the fields of one container into a template.
func container(fields string) string {
	return "spec: {containers: [{name: nginx, " + fields + "}]}"
}

func TestTemplates(t *testing.T) {
	tests := []struct {
		name, why string
		old, cur  string
		want      string
	}{
		{
			name: "image", why: "the change that nearly every rollout makes",
			old: container(`image: "nginx:1.27.3"`), cur: container(`image: nginx:1.27.4-alpine`),
			want: `spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4-alpine"`,
		},
		{
			name: "nothing", why: "equal templates have no changes",
			old: container(`image: nginx`), cur: container(`image: nginx`),
		},
		{
			name: "labels", why: "map entries are ordered by key and keep slashes and dots",
			old: `metadata: {labels: {b: "1", app.kubernetes.io/name: x, gone: "", same: s}}`,
			cur: `metadata: {labels: {b: "2", app.kubernetes.io/name: z, empty: "", same: s}}`,
			want: `
metadata.labels[app.kubernetes.io/name]: "x" -> "z"
metadata.labels[b]: "1" -> "2"
metadata.labels[empty]: added ""
metadata.labels[gone]: removed ""`,
		},
		{
			name: "first labels", why: "a map that was not there is a map without entries",
			old: `{}`, cur: `metadata: {labels: {b: "1", a: "2"}}`,
			want: `
metadata.labels[a]: added "2"
metadata.labels[b]: added "1"`,
		},
		{
			name: "odd keys", why: "a key that would break the path is quoted",
			old:  `{}`,
			cur:  `metadata: {labels: {"": "1", "a]b": "2", "a,b": "3", "a\nb": "4", "a\"b": "5", "ü": "6", "a b": "7"}}`,
			want: "metadata.labels[\"\"]: added \"1\"\nmetadata.labels[\"a\\nb\"]: added \"4\"\nmetadata.labels[a b]: added \"7\"\nmetadata.labels[\"a\\\"b\"]: added \"5\"\nmetadata.labels[\"a,b\"]: added \"3\"\nmetadata.labels[\"a]b\"]: added \"2\"\nmetadata.labels[ü]: added \"6\"",
		},
		{
			name: "node selector removed", why: "entries of a map go one by one",
			old: `spec: {nodeSelector: {disk: ssd}}`, cur: `{}`,
			want: `spec.nodeSelector[disk]: removed "ssd"`,
		},
		{
			name: "container added", why: "one change, not one for each of its fields",
			old:  container(`image: nginx`),
			cur:  `spec: {containers: [{name: proxy, image: "envoy:1", args: ["<a>&"]}, {name: nginx, image: nginx}]}`,
			want: `spec.containers[name=proxy]: added {"name":"proxy","image":"envoy:1","args":["<a>&"],"resources":{}}`,
		},
		{
			name: "container removed", why: "the mirror image",
			old:  `spec: {containers: [{name: nginx, image: nginx}, {name: proxy}]}`,
			cur:  container(`image: nginx`),
			want: `spec.containers[name=proxy]: removed {"name":"proxy","resources":{}}`,
		},
		{
			name: "order of changes", why: "fields as the API declares them, entries as in the old list, then new ones",
			old: `spec: {tolerations: [{key: a}], hostNetwork: true, containers: [{name: z, image: a}, {name: a, image: a}]}`,
			cur: `spec: {tolerations: [{key: b}], containers: [{name: new}, {name: z, image: b}, {name: a, image: b}]}`,
			want: `
spec.containers[name=z].image: "a" -> "b"
spec.containers[name=a].image: "a" -> "b"
spec.containers[name=new]: added {"name":"new","resources":{}}
spec.hostNetwork: removed true
spec.tolerations[0].key: "a" -> "b"`,
		},
		{
			name: "init containers reordered", why: "they run in order: equal entries in another order are a change",
			old: `spec: {initContainers: [{name: a}, {name: b}, {name: gone}]}`,
			cur: `spec: {initContainers: [{name: b, image: x}, {name: new}, {name: a}]}`,
			want: `
spec.initContainers: reordered ["name=a","name=b"] -> ["name=b","name=a"]
spec.initContainers[name=b].image: added "x"
spec.initContainers[name=gone]: removed {"name":"gone","resources":{}}
spec.initContainers[name=new]: added {"name":"new","resources":{}}`,
		},
		{
			name: "env", why: "keyed by name; an entry that moves on because one was put before it is no reorder",
			old: container(`env: [{name: A, value: "1"}, {name: B, value: "2"}]`),
			cur: container(`env: [{name: NEW, value: x}, {name: A, value: "1"}, {name: B, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]`),
			want: `
spec.containers[name=nginx].env[name=B].value: removed "2"
spec.containers[name=nginx].env[name=B].valueFrom: added {"fieldRef":{"fieldPath":"spec.nodeName"}}
spec.containers[name=nginx].env[name=NEW]: added {"name":"NEW","value":"x"}`,
		},
		{
			name: "env twice", why: "a name that occurs twice keys nothing: entries go by position, around those that are equal",
			old:  container(`env: [{name: A, value: "1"}, {name: A, value: "2"}, {name: B, value: "3"}]`),
			cur:  container(`env: [{name: A, value: "1"}, {name: A, value: "9"}, {name: B, value: "3"}]`),
			want: `spec.containers[name=nginx].env[1].value: "2" -> "9"`,
		},
		{
			name: "empty name", why: "an empty key keys nothing",
			old: `spec: {containers: [{image: a}, {name: b}]}`, cur: `spec: {containers: [{image: b}, {name: b}]}`,
			want: `spec.containers[0].image: "a" -> "b"`,
		},
		{
			name: "ports", why: "TCP and UDP on one number are two ports; a protocol not given is TCP",
			old: container(`ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]`),
			cur: container(`ports: [{containerPort: 53, protocol: TCP}, {containerPort: 53, protocol: UDP, name: dns}, {containerPort: 80}]`),
			want: `
spec.containers[name=nginx].ports[containerPort=53,protocol=TCP].protocol: added "TCP"
spec.containers[name=nginx].ports[containerPort=53,protocol=UDP].name: added "dns"
spec.containers[name=nginx].ports[containerPort=80,protocol=TCP]: added {"containerPort":80}`,
		},
		{
			name: "other keyed lists", why: "each by the key that the API declares",
			old: `
spec:
  imagePullSecrets: [{name: a}]
  hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]
  topologySpreadConstraints: [{topologyKey: zone, whenUnsatisfiable: DoNotSchedule, maxSkew: 1}, {topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, maxSkew: 1}]
  schedulingGates: [{name: g}]
  volumes: [{name: data, hostPath: {path: /data}}]
  containers:
  - name: nginx
    volumeMounts: [{name: data, mountPath: /data}]
    volumeDevices: [{name: d, devicePath: /dev/a}]
    resources: {claims: [{name: gpu, request: a}]}
metadata: {ownerReferences: [{uid: "1", name: a, kind: k, apiVersion: v}], finalizers: [a/x, a/y]}`,
			cur: `
spec:
  imagePullSecrets: [{name: b}, {name: a}]
  hostAliases: [{ip: 10.0.0.1, hostnames: [a, b]}]
  topologySpreadConstraints: [{topologyKey: zone, whenUnsatisfiable: DoNotSchedule, maxSkew: 1}, {topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, maxSkew: 2}]
  schedulingGates: []
  volumes: [{name: data, emptyDir: {}}]
  containers:
  - name: nginx
    volumeMounts: [{name: data, mountPath: /data, readOnly: true}]
    volumeDevices: [{name: e, devicePath: /dev/a}]
    resources: {claims: [{name: gpu, request: b}]}
metadata: {ownerReferences: [{uid: "1", name: b, kind: k, apiVersion: v}], finalizers: [a/z, a/y]}`,
			want: `
metadata.ownerReferences[uid=1].name: "a" -> "b"
metadata.finalizers[a/x]: removed "a/x"
metadata.finalizers[a/z]: added "a/z"
spec.volumes[name=data].hostPath: removed {"path":"/data"}
spec.volumes[name=data].emptyDir: added {}
spec.containers[name=nginx].resources.claims[name=gpu].request: "a" -> "b"
spec.containers[name=nginx].volumeMounts[mountPath=/data].readOnly: added true
spec.containers[name=nginx].volumeDevices[devicePath=/dev/a].name: "d" -> "e"
spec.imagePullSecrets[name=b]: added {"name":"b"}
spec.hostAliases[ip=10.0.0.1].hostnames[1]: added "b"
spec.topologySpreadConstraints[topologyKey=zone,whenUnsatisfiable=ScheduleAnyway].maxSkew: 1 -> 2
spec.schedulingGates[name=g]: removed {"name":"g"}`,
		},
		{
			name: "ephemeral containers", why: "the key is in an inlined struct, which leaves no trace in the path",
			old: `spec: {ephemeralContainers: [{name: debug, image: a}]}`, cur: `spec: {ephemeralContainers: [{name: debug, image: b}]}`,
			want: `spec.ephemeralContainers[name=debug].image: "a" -> "b"`,
		},
		{
			name: "args", why: "a list without keys is aligned around equal entries; what lies between is paired",
			old: container(`args: [--a, --b=1, --c, --d]`), cur: container(`args: [--new, --a, --b=2, --c]`),
			want: `
spec.containers[name=nginx].args[0]: added "--new"
spec.containers[name=nginx].args[2]: "--b=1" -> "--b=2"
spec.containers[name=nginx].args[3]: removed "--d"`,
		},
		{
			name: "args repeated", why: "repeated entries are aligned, too",
			old: container(`args: [-v, x, -v, z]`), cur: container(`args: [-v, z]`),
			want: `
spec.containers[name=nginx].args[1]: removed "x"
spec.containers[name=nginx].args[2]: removed "-v"`,
		},
		{
			name: "args swapped", why: "an order that differs is a change, shown as one that goes and one that comes",
			old: container(`args: [a, b]`), cur: container(`args: [b, a]`),
			want: `
spec.containers[name=nginx].args[0]: removed "a"
spec.containers[name=nginx].args[1]: added "a"`,
		},
		{
			name: "command set", why: "a list of plain values that was not there is one change",
			old: container(`args: [a]`), cur: container(`command: [sh, -c, "a < b"]`),
			want: `
spec.containers[name=nginx].command: added ["sh","-c","a < b"]
spec.containers[name=nginx].args: removed ["a"]`,
		},
		{
			name: "toleration added", why: "tolerations have no key: by position",
			old:  `spec: {tolerations: [{key: a, operator: Exists}, {key: b}]}`,
			cur:  `spec: {tolerations: [{key: a, operator: Exists}, {key: b}, {operator: Exists}]}`,
			want: `spec.tolerations[2]: added {"operator":"Exists"}`,
		},
		{
			name: "first toleration", why: "entries with fields go one by one",
			old: `{}`, cur: `spec: {tolerations: [{key: a}, {key: b}]}`,
			want: `
spec.tolerations[0]: added {"key":"a"}
spec.tolerations[1]: added {"key":"b"}`,
		},
		{
			name: "affinity", why: "lists in lists without keys",
			old:  `spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a]}]}]}}}}`,
			cur:  `spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]}}}}`,
			want: `spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values[1]: added "b"`,
		},
		{
			name: "security context", why: "a struct that goes is one change; an empty one is not the same as none",
			old: `spec: {securityContext: {runAsUser: 1, runAsNonRoot: true}, containers: [{name: a}]}`,
			cur: `spec: {containers: [{name: a, securityContext: {}}]}`,
			want: `
spec.containers[name=a].securityContext: added {}
spec.securityContext: removed {"runAsUser":1,"runAsNonRoot":true}`,
		},
		{
			name: "pointers", why: "pointers are compared by what they point to; false is a value, none is not",
			old: `spec: {automountServiceAccountToken: false, terminationGracePeriodSeconds: 30, shareProcessNamespace: false}`,
			cur: `spec: {automountServiceAccountToken: true, terminationGracePeriodSeconds: 30}`,
			want: `
spec.automountServiceAccountToken: false -> true
spec.shareProcessNamespace: removed false`,
		},
		{
			name: "quantities", why: "the amount counts, not how it is written",
			old: container(`resources: {limits: {cpu: 1000m, memory: 1Gi, ephemeral-storage: 1k, tiny: 100u}}`),
			cur: container(`resources: {limits: {cpu: 1, memory: 1073741824, ephemeral-storage: 1Ki, tiny: 1m}}`),
			want: `
spec.containers[name=nginx].resources.limits[ephemeral-storage]: "1k" -> "1Ki"
spec.containers[name=nginx].resources.limits[tiny]: "100u" -> "1m"`,
		},
		{
			name: "int or string", why: "the number 80 is a port, the string 80 the name of one",
			old:  container(`readinessProbe: {httpGet: {port: 80}}, livenessProbe: {httpGet: {port: http}}`),
			cur:  container(`readinessProbe: {httpGet: {port: "80"}}, livenessProbe: {httpGet: {port: http}}`),
			want: `spec.containers[name=nginx].readinessProbe.httpGet.port: 80 -> "80"`,
		},
		{
			name: "required field", why: "a field that JSON never omits is replaced even where it is empty",
			old: container(`envFrom: [{secretRef: {name: a}}], volumeMounts: [{mountPath: /a, name: ""}]`),
			cur: container(`envFrom: [{configMapRef: {name: a}}], volumeMounts: [{mountPath: /a, name: x}]`),
			want: `
spec.containers[name=nginx].envFrom[0].configMapRef: added {"name":"a"}
spec.containers[name=nginx].envFrom[0].secretRef: removed {"name":"a"}
spec.containers[name=nginx].volumeMounts[mountPath=/a].name: "" -> "x"`,
		},
		{
			name: "empty and nil", why: "an empty list or map says what none says",
			old: `metadata: {labels: {}, annotations: {}}
spec: {tolerations: [], containers: [], nodeSelector: {}, affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}}`,
			cur: `spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: null}}}}`,
		},
		{
			name: "long value", why: "a change stays on one line",
			old: container(`command: [sh, -c, "a"]`), cur: container(`command: [sh, -c, "a\nb\tc \u2028"]`),
			want: `spec.containers[name=nginx].command[2]: "a" -> "a\nb\tc \u2028"`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			old, cur := parseTemplate(t, test.old), parseTemplate(t, test.cur)
			got := Templates(old, cur)
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), got.String()); diff != "" {
				t.Errorf("%s: Templates (-want +got):\n%s", test.why, diff)
			}
			checkMirror(t, got, Templates(cur, old))
		})
	}
}

func TestTypedValues(t *testing.T) {
	old := parseTemplate(t, container(`image: a, imagePullPolicy: Always, resources: {limits: {cpu: 1}}`))
	cur := parseTemplate(t, `spec: {terminationGracePeriodSeconds: 5, containers: [{name: new}, {name: nginx, image: b, resources: {limits: {cpu: 2}}}]}`)
	want := Changes{
		{Op: OpReplace, Path: "spec.containers[name=nginx].image", Old: "a", New: "b"},
		{Op: OpReplace, Path: "spec.containers[name=nginx].resources.limits[cpu]", Old: resource.MustParse("1"), New: resource.MustParse("2")},
		{Op: OpRemove, Path: "spec.containers[name=nginx].imagePullPolicy", Old: corev1.PullAlways},
		{Op: OpAdd, Path: "spec.containers[name=new]", New: corev1.Container{Name: "new"}},
		{Op: OpAdd, Path: "spec.terminationGracePeriodSeconds", New: int64(5)},
	}
	if diff := cmp.Diff(want, Templates(old, cur)); diff != "" {
		t.Errorf("Templates (-want +got):\n%s", diff)
	}
}

func TestOddValues(t *testing.T) {
	instant := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	stamp := func(at time.Time) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(at)}}
	}
	port := func(p intstr.IntOrString) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name:           "a",
			ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: p}}},
		}}}}
	}
	image := func(s string) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: s}}}}
	}
	named := func(s string) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: s}}}}
	}
	// long has n arguments, rotated by some.
	long := func(n, by int) *corev1.PodTemplateSpec {
		args := make([]string, n)
		for i := range args {
			args[i] = strconv.Itoa((i + by) % n)
		}
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Args: args}}}}
	}
	tests := []struct {
		name, why string
		old, cur  *corev1.PodTemplateSpec
		want      string
	}{
		{name: "both nil", why: "nil is an empty template"},
		{name: "nil and empty", why: "nil is an empty template", cur: &corev1.PodTemplateSpec{}},
		{
			name: "nil", why: "all that the other has is added", cur: image("x"),
			want: `spec.containers[name=a]: added {"name":"a","image":"x","resources":{}}`,
		},
		{
			name: "time zones", why: "the instant counts",
			old: stamp(instant), cur: stamp(instant.In(time.FixedZone("", 3600))),
		},
		{
			name: "times", why: "a time is one value",
			old: stamp(instant), cur: stamp(instant.Add(time.Second)),
			want: `metadata.creationTimestamp: "2026-03-01T12:00:00Z" -> "2026-03-01T12:00:01Z"`,
		},
		{
			name: "time set", why: "a zero time is none",
			old: stamp(time.Time{}), cur: stamp(instant),
			want: `metadata.creationTimestamp: added "2026-03-01T12:00:00Z"`,
		},
		{
			name: "unused half", why: "the string of a number means nothing",
			old: port(intstr.FromInt32(80)), cur: port(intstr.IntOrString{Type: intstr.Int, IntVal: 80, StrVal: "x"}),
		},
		{
			name: "invalid UTF-8", why: "different bytes never read the same",
			old: image("a\xff"), cur: image("a\xfe"),
			want: `spec.containers[name=a].image: "a\xff" -> "a\xfe"`,
		},
		{
			name: "invalid UTF-8 in a key", why: "different bytes are different keys",
			old: named("a\xff"), cur: named("a\xfe"),
			want: `spec.containers[name="a\xff"]: removed ` + `{"name":"a\ufffd","resources":{}}` + "\n" +
				`spec.containers[name="a\xfe"]: added ` + `{"name":"a\ufffd","resources":{}}`,
		},
		{
			name: "number and string", why: "no number is a string",
			old: port(intstr.FromInt32(0)), cur: port(intstr.FromString("")),
			want: `spec.containers[name=a].readinessProbe.tcpSocket.port: 0 -> ""`,
		},
		{
			name: "long list", why: "one entry has moved from the head to the tail",
			old: long(200, 0), cur: long(200, 1),
			want: `spec.containers[name=a].args[0]: removed "0"` + "\n" + `spec.containers[name=a].args[199]: added "0"`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changes := Templates(test.old, test.cur)
			got := changes.String()
			if got != test.want {
				t.Errorf("%s: Templates = %q, want %q", test.why, got, test.want)
			}
			checkMirror(t, changes, Templates(test.cur, test.old))
		})
	}
}

// TestStable compares a diff with many entries with itself: map order must
// not show.
func TestStable(t *testing.T) {
	old, cur := readTemplate(t, "fluentd"), readTemplate(t, "network-agent")
	want := Templates(old, cur).String()
	for range 50 {
		if got := Templates(old.DeepCopy(), cur.DeepCopy()).String(); got != want {
			t.Fatalf("Templates differs from run to run (-first +now):\n%s", cmp.Diff(want, got))
		}
	}
}

// checkMirror checks that two diffs, made with the arguments swapped, say the
// same. The index of a replaced entry is the new list's, which may differ.
func checkMirror(t *testing.T, changes, swapped Changes) {
	t.Helper()
	mirror := make([]string, len(swapped))
	for i, c := range swapped {
		c.Old, c.New = c.New, c.Old
		switch c.Op {
		case OpAdd:
			c.Op = OpRemove
		case OpRemove:
			c.Op = OpAdd
		}
		mirror[i] = withoutIndices(c)
	}
	plain := make([]string, len(changes))
	for i, c := range changes {
		plain[i] = withoutIndices(c)
	}
	slices.Sort(plain)
	slices.Sort(mirror)
	if diff := cmp.Diff(plain, mirror); diff != "" {
		t.Errorf("diff of swapped arguments is no mirror image (-diff +swapped):\n%s", diff)
	}
}

func withoutIndices(c Change) string {
	parts := strings.Split(c.Path, "[")
	for i, part := range parts {
		if digits, rest, ok := strings.Cut(part, "]"); ok && digits != "" && strings.Trim(digits, "0123456789") == "" {
			parts[i] = "]" + rest
		}
	}
	c.Path = strings.Join(parts, "[")
	return c.String()
}

func TestTemplatesKeepsQuantities(t *testing.T) {
	sized := func(size string) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Volumes: []corev1.Volume{{
			Name:         "v",
			VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse(size))}},
		}}}}
	}
	// Quantity.Cmp rewrites its receiver where only the other one needs big numbers.
	old, cur := sized("1"), sized("100000000000000000000")
	before := old.DeepCopy()
	if got := Templates(old, cur); len(got) != 1 {
		t.Errorf("Templates = %v, want one change", got)
	}
	if !reflect.DeepEqual(old, before) {
		t.Errorf("Templates changed its argument: %#v, was %#v", old.Spec.Volumes[0].EmptyDir.SizeLimit, before.Spec.Volumes[0].EmptyDir.SizeLimit)
	}
}
