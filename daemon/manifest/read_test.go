package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func testdata(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestReadFails(t *testing.T) {
	const node = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
	const storedSet = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a, uid: u}\n"
	set := func(spec string) string {
		return "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: " + spec + "\n"
	}
	for _, tc := range []struct{ name, why, text, want string }{
		{"empty", "kubectl prints nothing if it finds nothing", "", "ds.yaml: nothing in it"},
		{"comments", "no document", "# a\n---\n# b\n", "ds.yaml: nothing in it"},
		{"text", "not an object", "hello\n", "ds.yaml:1: document 1: is a string and has to be a map"},
		{"bare list", "of no objects", "- a\n", "ds.yaml:1: document 1: [0]: is a string and has to be a map"},
		{"describe", "kubectl for people", "Name:           agent\nSelector:       app=agent\nLabels:         app=agent\n                b=c\n", "ds.yaml: is for people to read: have kubectl print it with -o yaml"},
		{"names", "kubectl get -o name", "daemonset.apps/agent\n", "ds.yaml: has only names: have kubectl print the objects with -o yaml"},
		{"HTML", "a proxy answers", "<html><body>502</body></html>\n", "ds.yaml: is HTML: something other than the API server has answered"},
		{"no server", "2>&1", "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n",
			"ds.yaml: is an error of kubectl: The connection to the server localhost:8080 was refused - did you specify the right host or port?"},
		{"forbidden", "2>&1", "Error from server (Forbidden): daemonsets.apps is forbidden\n", "ds.yaml: is an error of kubectl: Error from server (Forbidden): daemonsets.apps is forbidden"},
		{"status", "the server says no", `{"apiVersion":"v1","kind":"Status","status":"Failure","message":"pods is forbidden"}`,
			`ds.yaml:1: document 1: is an answer of the API server and no object: "pods is forbidden"`},
		{"gzip", "a dump in a file", "\x1f\x8b\b\x00", "ds.yaml: is compressed: decompress it, for instance with gunzip"},
		{"misspelt group", "it would be passed over", "apiVersion: app/v1\nkind: DaemonSet\n", `ds.yaml:1: document 1: apiVersion: Invalid value: "app/v1": did you mean apps/v1?`},
		{"short name", "kubectl knows it", "apiVersion: apps/v1\nkind: DS\n", `ds.yaml:2: document 1: kind: Invalid value: "DS": did you mean DaemonSet?`},
		{"template, name in quotes", "it parses", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: \"{{ .Release.Name }}-agent\"}\n",
			"ds.yaml:3: document 1: metadata.name: is a template: render it first, for instance with helm template"},
		{"template, image in quotes", "it parses", set("{template: {spec: {containers: [{name: a, image: \"{{ .Values.image }}\"}]}}}"),
			"ds.yaml:4: document 1: spec.template.spec.containers[0].image: is a template: render it first, for instance with helm template"},
		{"template, number in quotes", "it parses", set("{minReadySeconds: '{{ .Values.wait }}'}"),
			"ds.yaml:4: document 1: spec.minReadySeconds: is a template: render it first, for instance with helm template"},
		{"template, budget in quotes", "it is a text that could be a percentage", set("{updateStrategy: {rollingUpdate: {maxUnavailable: '{{ .Values.budget }}'}}}"),
			"ds.yaml:4: document 1: spec.updateStrategy.rollingUpdate.maxUnavailable: is a template: render it first, for instance with helm template"},
		{"template, kind in quotes", "it would be passed over", "apiVersion: apps/v1\nkind: '{{ .Values.kind }}'\n", "ds.yaml:2: document 1: kind: is a template: render it first, for instance with helm template"},
		{"template, version in quotes", "another version would be advised", "apiVersion: '{{ template \"version\" . }}'\nkind: DaemonSet\n",
			"ds.yaml:1: document 1: apiVersion: is a template: render it first, for instance with helm template"},
		{"template, version of an empty list", "no item has it", "apiVersion: '{{x}}'\nkind: DaemonSetList\nitems: []\n",
			"ds.yaml:1: document 1: apiVersion: is a template: render it first, for instance with helm template"},
		{"template, version of a list", "once, not for each item", "apiVersion: '{{x}}'\nkind: NodeList\nitems: [{metadata: {name: a}}, {metadata: {name: b}}]\n",
			"ds.yaml:1: document 1: apiVersion: is a template: render it first, for instance with helm template"},
		{"template, version of a List", "its items may be of all kinds", "apiVersion: '{{x}}'\nkind: List\n",
			"ds.yaml:1: document 1: apiVersion: is a template: render it first, for instance with helm template"},
		{"template, field in quotes", "it is not a misspelt one", set("{'{{ .Values.key }}': 1}"),
			"ds.yaml:4: document 1: spec.{{ .Values.key }}: is a template: render it first, for instance with helm template"},
		{"template and a node", "all kinds", "apiVersion: v1\nkind: Node\nmetadata:\n  name: a\n  labels:\n    zone: '{{ .zone }}'\n",
			"ds.yaml:6: document 1: metadata.labels.zone: is a template: render it first, for instance with helm template"},
		{"braces in quotes", "they have nothing to do with the error", "a: \"{{ x }}\"\nb: c: d\n", "ds.yaml:2: document 1: mapping values are not allowed in this context"},
		{"quotes in a template in quotes", "they have", "a: \"{{ include \"x\" . }}\"\n", "ds.yaml:1: document 1: is a template: render it first, for instance with helm template (did not find expected key)"},
		{"yes", "YAML makes true of it", set("{template: {spec: {nodeSelector: {gpu: yes}}}}"),
			"ds.yaml:4: document 1: spec.template.spec.nodeSelector.gpu: is true and has to be a string: put it in quotes"},
		{"too large", "it is a whole number", set("{minReadySeconds: 3000000000}"), "ds.yaml:4: document 1: spec.minReadySeconds: Invalid value: 3000000000: is out of range (int32)"},
		{"table", "kubectl without -o", "NAMESPACE   NAME    DESIRED   CURRENT\nlogging     agent   3         3\n",
			"ds.yaml: is for people to read: have kubectl print it with -o yaml"},
		{"byte order mark inside", "the parser misreads what follows", "a: 1\n\ufeffb: 2", "ds.yaml:2: document 1: has a byte order mark that is not at its beginning: remove it, or write it as \"\\uFEFF\""},
		{"UTF-16", "what > makes in an old PowerShell", "\xff\xfea\x00:\x00", "ds.yaml: is UTF-16: write it as UTF-8"},
		{"YAML syntax", "the line is the file's, not the document's", node + "---\na: b: c\n",
			"ds.yaml:5: document 2: mapping values are not allowed in this context"},
		{"indentation", "the parser counts lines from 0", "apiVersion: v1\nkind: Node\nmetadata:\n  name: a\n labels: {}\n",
			"ds.yaml:5: document 1: did not find expected key"},
		{"bracket", "it is still open at the end", node + "spec: {taints: [a\n", "ds.yaml:4: document 1: did not find expected ',' or ']'"},
		{"tab", "the usual slip", "apiVersion: v1\n\tkind: Node\n",
			"ds.yaml:2: document 1: a tab: YAML is indented by spaces (found a tab character that violates indentation)"},
		{"tab in a value", "it starts no token", "apiVersion: v1\nkind: Node\nmetadata:\n\tname: a\n",
			"ds.yaml:4: document 1: a tab: YAML is indented by spaces (found character that cannot start any token)"},
		{"JSON syntax", "the line is the file's", node + "---\n{\"kind\": \"Node\",\n,}\n",
			"ds.yaml:6: document 2: invalid character ',' looking for beginning of object key string"},
		{"JSON end", "cut off", "{\"kind\": \"Node\"", "ds.yaml:1: document 1: unexpected EOF"},
		{"template", "not rendered yet", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  labels:\n    {{- include \"x.labels\" . | nindent 4 }}\n",
			"ds.yaml:5: document 1: is a template: render it first, for instance with helm template (did not find expected node content)"},
		{"template, whole values", "they look like maps", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: {{ .Values.name }}\n",
			"ds.yaml:4: document 1: is a template: render it first, for instance with helm template (invalid map key: map[interface {}]interface {}{\".Values.name\":interface {}(nil)})"},
		{"JSON after JSON", "lines go on", "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\n\"metadata\":{\"name\":\"a\"}}\n\n{\"apiVersion\":\"v1\",\n\"kind\":\"Nod\"}",
			"ds.yaml:5: document 2: kind: Invalid value: \"Nod\": did you mean Node?"},
		{"no kind", "half an object", "apiVersion: v1\n", "ds.yaml:1: document 1: kind: Required value"},
		{"no kind in any case", "an empty key is none", "apiVersion: v1\nkind: \"\"\n", "ds.yaml:2: document 1: kind: Required value"},
		{"kind with a capital letter", "names of fields are as they are", "apiVersion: apps/v1\nKind: DaemonSet\nmetadata: {name: a}\n", "ds.yaml:2: document 1: Kind: unknown field: did you mean kind?"},
		{"version in small letters", "names of fields are as they are", "kind: Node\nmetadata: {name: a}\napiversion: v1\n", "ds.yaml:3: document 1: apiversion: unknown field: did you mean apiVersion?"},
		{"item with a capital letter", "the line is that of the item", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  Kind: Node\n", "ds.yaml:5: document 1: items[0].Kind: unknown field: did you mean kind?"},
		{"no version", "half an object", "kind: Node\n", "ds.yaml:1: document 1: apiVersion: Required value"},
		{"no name", "half an object", "apiVersion: v1\nkind: Node\n", "ds.yaml:1: document 1: metadata.name: Required value"},
		{"gone", "since Kubernetes 1.16", "kind: DaemonSet\napiVersion: extensions/v1beta1\n",
			`ds.yaml:2: document 1: apiVersion: Invalid value: "extensions/v1beta1": write apps/v1 for a DaemonSet: Kubernetes 1.16 removed the older versions`},
		{"gone, too", "since Kubernetes 1.16", "kind: DaemonSet\napiVersion: apps/v1beta2\n",
			`ds.yaml:2: document 1: apiVersion: Invalid value: "apps/v1beta2": write apps/v1 for a DaemonSet: Kubernetes 1.16 removed the older versions`},
		{"wrong group", "a guess", "apiVersion: v1\nkind: DaemonSet\n",
			`ds.yaml:1: document 1: apiVersion: Invalid value: "v1": write apps/v1 for a DaemonSet`},
		{"misspelt kind", "letters swapped", "apiVersion: apps/v1\nkind: DeamonSet\n",
			`ds.yaml:2: document 1: kind: Invalid value: "DeamonSet": did you mean DaemonSet?`},
		{"kind in lower case", "as kubectl takes it in arguments", "apiVersion: apps/v1\nkind: daemonset\n",
			`ds.yaml:2: document 1: kind: Invalid value: "daemonset": did you mean DaemonSet?`},
		{"kinds of a list", "a plural", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pods\n",
			`ds.yaml:5: document 1: items[0].kind: Invalid value: "Pods": did you mean Pod?`},
		{"null item", "half a list", "apiVersion: v1\nkind: List\nitems: [null]\n", "ds.yaml:3: document 1: items[0].kind: Required value"},
		{"items", "not a list", "apiVersion: v1\nkind: List\nitems: {}\n", "ds.yaml:3: document 1: items: is a map and has to be a list"},
		{"bad name", "no line of its own for a name", "apiVersion: v1\nkind: Node\nmetadata: {name: \"a\\nb\"}\n",
			`ds.yaml:3: document 1: metadata.name: Invalid value: "a\nb": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`},
		{"bad namespace", "it would be printed", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: a.b\n",
			`ds.yaml:5: document 1: metadata.namespace: Invalid value: "a.b": must not contain dots`},
		{"effect of a taint", "no API server stores it, and nothing keeps a pod away", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec:\n  taints:\n  - {key: a, effect: NoExecute}\n  - key: b\n    effect: Noschedule\n",
			`ds.yaml:8: document 1: spec.taints[1].effect: Unsupported value: "Noschedule": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`},
		{"no effect of a taint", "it has no default", "apiVersion: v1\nkind: NodeList\nitems:\n- metadata: {name: a}\n  spec:\n    taints: [{key: b}]\n",
			`ds.yaml:6: document 1: items[0].spec.taints[0].effect: Unsupported value: "": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`},
		{"misspelt", "silence would be worse", set("{tmplate: {}, selektor: {}}"),
			"ds.yaml:4: document 1: spec.selektor: unknown field (and 1 more)"},
		{"wrong type", "with the index, which the decoder does not give",
			set("{template: {spec: {containers: [{name: x}, {name: z, ports: [{containerPort: http}]}]}}}"),
			"ds.yaml:4: document 1: spec.template.spec.containers[1].ports[0].containerPort: is a string and has to be a whole number (int32)"},
		{"label", "YAML takes it for a number", set("{template: {metadata: {labels: {example.com/version: 2}}}}"),
			`ds.yaml:4: document 1: spec.template.metadata.labels[example.com/version]: is the number 2 and has to be a string: put it in quotes`},
		{"map for list", "the field itself, not what is in it", set("{template: {spec: {containers: {name: nginx}}}}"),
			"ds.yaml:4: document 1: spec.template.spec.containers: is a map and has to be a list"},
		{"quantity", "the decoder gives no field and no value",
			set("{template: {spec: {containers: [{name: x, resources: {limits: {memory: 64 Mi}}}]}}}"),
			`ds.yaml:4: document 1: spec.template.spec.containers[0].resources.limits.memory: Invalid value: "64 Mi": is not a quantity, such as 100m, 2 or 1.5Gi`},
		{"quantity of a unit", "Gi is meant", set("{template: {spec: {containers: [{name: x, resources: {limits: {memory: 2GB}}}]}}}"),
			`ds.yaml:4: document 1: spec.template.spec.containers[0].resources.limits.memory: Invalid value: "2GB": is not a quantity, such as 100m, 2 or 1.5Gi`},
		{"time", "the decoder gives neither the field nor the item",
			"apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- metadata: {name: b, creationTimestamp: today}\n",
			`ds.yaml:5: document 1: items[1].metadata.creationTimestamp: Invalid value: "today": is not a time, such as 2026-01-02T15:04:05Z`},
		{"two of a name", "which one is right?", node + "---\n" + node,
			"ds.yaml:7: document 2: metadata.name: Duplicate value: Node a is in ds.yaml:1 already"},
		{"two manifests of a name", "which one is proposed?", set("{minReadySeconds: 1}") + "---\n" + set("{minReadySeconds: 2}"),
			"ds.yaml:8: document 2: metadata.name: Duplicate value: DaemonSet default/a is in ds.yaml:1 already"},
		{"two stored ones of a name", "which one is there?", storedSet + "---\n" + set("{}") + "---\n" + storedSet,
			"ds.yaml:12: document 3: metadata.name: Duplicate value: DaemonSet default/a is in ds.yaml:1 already: remove metadata.uid from the one that is the proposal"},
		{"twice in YAML", "the second would win silently", "apiVersion: v1\nkind: Node\nkind: Pod\n",
			`ds.yaml:3: document 1: key "kind" already set in map`},
		{"twice beside a merge key", "it does not come from there", "apiVersion: v1\nkind: List\nitems:\n- &base {apiVersion: v1, kind: Node, metadata: {name: a}}\n- <<: *base\n  metadata: {name: b}\n  kind: Node\n  kind: Pod\n",
			`ds.yaml:8: document 1: key "kind" already set in map`},
		{"merge of a scalar", "it has no keys", "apiVersion: &v v1\nkind: Node\nmetadata: {name: a}\n<<: *v\n",
			`ds.yaml:1: document 1: map merge requires map or sequence of maps as the value`},
		{"twice in JSON", "the second would win silently", `{"apiVersion":"v1","kind":"Node","metadata":{"name":"a","name":"b"}}`,
			"ds.yaml:1: document 1: metadata.name: duplicate field"},
		{"arrays in arrays", "each is read again for each one around it", strings.Repeat("[", 17) + "\n" + strings.Repeat("]", 17),
			"ds.yaml:1: document 1: [0]" + strings.Repeat(".[0]", 15) + ": is a list inside 16 others: at most 16 may be nested"},
		{"lists in lists", "alike, and the others are read", strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 17) + strings.Repeat("]}", 17) + `{"kind":"Node"}`,
			"ds.yaml:1: document 1: items[0]" + strings.Repeat(".items[0]", 15) + ": is a list inside 16 others: at most 16 may be nested (and 1 more)"},
		{"broken revision", "no number of a server is as large", `{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"r"},` + "\n" + `"data":1e999}`,
			"ds.yaml:2: document 1: data: json: cannot unmarshal number 1e999 into Go value of type float64"},
		{"lesson without indentation", "as it is found in the lesson's text", testdata(t, "flat.yaml"),
			`ds.yaml:9: document 1: key "metadata" already set in map (what belongs under "metadata:" is not indented) (and 5 more)`},
		{"short and flat", "no field is there twice", "apiVersion: v1\nkind: Node\nmetadata:\nname: a\n",
			`ds.yaml:4: document 1: name: unknown field (what belongs under "metadata:" is not indented)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o Objects
			err := o.Read("ds.yaml", strings.NewReader(tc.text))
			if err == nil || err.Error() != tc.want {
				t.Errorf("Read = %v\nwant   %s: %s", err, tc.want, tc.why)
			}
			if diff := cmp.Diff(map[string][]string{}, names(&o)); diff != "" {
				t.Errorf("Read fails and adds (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadAllFaults: whoever mends a manifest sees all of it at once.
func TestReadAllFaults(t *testing.T) {
	const head = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\n"
	many := head + "spec:\n  template:\n    metadata:\n      labels:\n"
	var tooMany []string
	for i := range 15 {
		many += fmt.Sprintf("        l%02d: %d\n", i, i)
		if i < MaxErrors {
			tooMany = append(tooMany, fmt.Sprintf("ds.yaml:%d: document 1: spec.template.metadata.labels.l%02d: is the number %d and has to be a string: put it in quotes", 8+i, i, i))
		}
	}
	for _, tc := range []struct {
		name, why, text string
		want            []string
	}{
		{
			name: "types and fields", why: "in the order of the text, those of the second item too",
			text: head + "spec:\n  minReadySeconds: ten\n  updteStrategy: {}\n  template:\n    spec:\n      containers:\n      - name: one\n        image: 1.5\n        ports: [{containerPort: http}]\n" +
				"      - nme: two\n        resources: {limits: {memory: 64 Mi}}\n  revisionHistoryLimit: 3000000000\n",
			want: []string{
				"ds.yaml:5: document 1: spec.minReadySeconds: is a string and has to be a whole number (int32)",
				"ds.yaml:6: document 1: spec.updteStrategy: unknown field",
				"ds.yaml:11: document 1: spec.template.spec.containers[0].image: is the number 1.5 and has to be a string: put it in quotes",
				"ds.yaml:12: document 1: spec.template.spec.containers[0].ports[0].containerPort: is a string and has to be a whole number (int32)",
				"ds.yaml:13: document 1: spec.template.spec.containers[1].nme: unknown field",
				`ds.yaml:14: document 1: spec.template.spec.containers[1].resources.limits.memory: Invalid value: "64 Mi": is not a quantity, such as 100m, 2 or 1.5Gi`,
				"ds.yaml:15: document 1: spec.revisionHistoryLimit: Invalid value: 3000000000: is out of range (int32)",
			},
		},
		{
			name: "head", why: "the kind and the version are fields, too", text: "apiVersion: 1\nkind: [DaemonSet]\n",
			want: []string{
				"ds.yaml:1: document 1: apiVersion: is the number 1 and has to be a string: put it in quotes",
				"ds.yaml:2: document 1: kind: is a list and has to be a string",
			},
		},
		{
			name: "documents", why: "each has its own",
			text: head + "spec: {minReadySeconds: a}\n---\n" + head + "spec: {minReadySeconds: b}\n",
			want: []string{
				"ds.yaml:4: document 1: spec.minReadySeconds: is a string and has to be a whole number (int32)",
				"ds.yaml:9: document 2: spec.minReadySeconds: is a string and has to be a whole number (int32)",
			},
		},
		{name: "too many", why: "ten are enough", text: many, want: tooMany},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o Objects
			var list ErrorList
			if err := o.Read("ds.yaml", strings.NewReader(tc.text)); !errors.As(err, &list) {
				t.Fatalf("Read = %v, want an ErrorList", err)
			}
			var got []string
			for _, err := range list {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Read: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestReadTwoVersions: a proposal is one manifest. Who has two looks for another command.
func TestReadTwoVersions(t *testing.T) {
	const manifest = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\n"
	var o Objects
	if err := o.Read("old.yaml", strings.NewReader(manifest)); err != nil {
		t.Fatal(err)
	}
	err := o.Read("new.yaml", strings.NewReader(manifest))
	if want := "new.yaml:3: document 1: metadata.name: Duplicate value: DaemonSet default/a is in old.yaml:1 already: two versions of a manifest are compared by examples/premerge, which reads each into Objects of its own"; err == nil || err.Error() != want {
		t.Errorf("Read = %v, want %s", err, want)
	}
}

// names lists what was read, by kind.
func names(o *Objects) map[string][]string {
	found := map[string][]string{}
	for _, x := range o.DaemonSets {
		found["DaemonSet"] = append(found["DaemonSet"], x.Namespace+"/"+x.Name)
	}
	for _, x := range o.Nodes {
		found["Node"] = append(found["Node"], x.Name)
	}
	for _, x := range o.Pods {
		found["Pod"] = append(found["Pod"], x.Namespace+"/"+x.Name)
	}
	for _, x := range o.Revisions {
		found["ControllerRevision"] = append(found["ControllerRevision"], x.Namespace+"/"+x.Name+" "+string(x.Data.Raw))
	}
	return found
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name, why, text string
		want            map[string][]string
		passedOver      []string
	}{
		{
			name: "documents", why: "comments and empty documents are nothing; other kinds are told; namespaces have a default",
			text: "# first\n---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: b}\n---\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a, namespace: z}\n",
			want:       map[string][]string{"DaemonSet": {"default/b", "z/a"}},
			passedOver: []string{"v1 ConfigMap (1)"},
		},
		{
			name: "kinds of others", why: "they may have any name",
			text: "apiVersion: apps.kruise.io/v1alpha1\nkind: DaemonSet\n---\napiVersion: example.com/v1\nkind: Daemonset\n---\napiVersion: v1\nkind: Secret\n",
			want: map[string][]string{}, passedOver: []string{"apps.kruise.io/v1alpha1 DaemonSet (1)", "example.com/v1 Daemonset (1)", "v1 Secret (1)"},
		},
		{
			name: "typed list", why: "its items need not say what they are",
			text: "apiVersion: v1\nkind: NodeList\nitems:\n- metadata: {name: b}\n- metadata: {name: a, namespace: x}\n",
			want: map[string][]string{"Node": {"b", "a"}},
		},
		{
			name: "merge keys", why: "what a field says counts, and nothing is there twice",
			text: "apiVersion: v1\nkind: List\nitems:\n- &base {apiVersion: v1, kind: Node, metadata: &m {name: a, labels: {x: z}}}\n- <<: *base\n  metadata: {<<: *m, name: b}\n" +
				"- <<: *base\n  <<: {kind: Pod}\n",
			want: map[string][]string{"Node": {"a", "b"}, "Pod": {"default/a"}},
		},
		{
			name: "array", why: "jq .items prints one",
			text: `[{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}},` + "\n" + `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}]`,
			want: map[string][]string{"Node": {"a"}, "Pod": {"default/p"}},
		},
		{
			name: "arrays in arrays", why: "more than anybody has",
			text: strings.Repeat("[", 16) + `{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}}` + strings.Repeat("]", 16) + "\n---\n" + `[{"apiVersion":"v1","kind":"Node","metadata":{"name":"b"}}]`,
			want: map[string][]string{"Node": {"a", "b"}},
		},
		{
			name: "no list", why: "a kind may end like one",
			text: "apiVersion: example.com/v1\nkind: IPAllowList\nmetadata: {name: a}\n---\napiVersion: example.com/v1\nkind: ThingList\nitems: []\n",
			want: map[string][]string{}, passedOver: []string{"example.com/v1 IPAllowList (1)"},
		},
		{
			name: "JSON", why: "one value behind the other",
			text: `{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}} {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}`,
			want: map[string][]string{"Node": {"a"}, "Pod": {"default/p"}},
		},
		{
			name: "revision data", why: "revisions are told apart by bytes, which printing changes",
			text: "apiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: r}\ndata:\n  z: 1\n  a: {c: 1.0, b: 2}\n",
			want: map[string][]string{"ControllerRevision": {`default/r {"a":{"b":2,"c":1},"z":1}`}},
		},
		{
			name: "field of a newer server", why: "what a server stored is not misspelt",
			text:       "apiVersion: v1\nkind: Node\nmetadata: {name: a, uid: u}\nspec: {novelty: 1}\n",
			want:       map[string][]string{"Node": {"a"}},
			passedOver: []string{"field spec.novelty of Node (1)"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o Objects
			if err := o.Read("x.yaml", strings.NewReader(tc.text)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, names(&o)); diff != "" {
				t.Errorf("Read: %s (-want +got):\n%s", tc.why, diff)
			}
			var passedOver []string
			for _, p := range o.PassedOver {
				passedOver = append(passedOver, p.String())
			}
			if diff := cmp.Diff(tc.passedOver, passedOver); diff != "" {
				t.Errorf("Read passes over: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// FuzzRead feeds anything: there are objects or one error, never a panic.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "a: b: c\n", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n---\n[1]\n", "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{}]}",
		"apiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: r}\ndata: {z: 1}\n",
		" apiVersion: v1\n kind: Node\n metadata: {name: a}\n", "@", "{kind: Service, apiVersion: v1}\n", "{\"kind\":\"Service\",\"apiVersion\":\"v1\"}\n# c",
		"[{\"kind\":\"Service\",\"apiVersion\":\"v1\"}]", "kind: IPAllowList\napiVersion: example.com/v1\n", "a: {{ x }}\n", "&a !!map\n{kind: Service, apiVersion: v1}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var o Objects
		err := o.Read("x", strings.NewReader(text))
		var list ErrorList
		if err != nil && (!errors.As(err, &list) || len(list) == 0 || len(list) > MaxErrors) {
			t.Fatalf("Read = %#v, want an ErrorList with 1 to %d errors", err, MaxErrors)
		}
		if err == nil && new(Objects).Read("x", strings.NewReader(text+"\n}")) == nil {
			t.Errorf("Read = nil, and with } behind the text, too: what follows is dropped")
		}
		lines := strings.Count(text, "\n") + 1
		for _, e := range list {
			if e.File != "x" || e.Detail == "" || e.Line < 0 || e.Line > lines {
				t.Errorf("Read = %#v, want the file, a detail and a line up to %d", e, lines)
			}
			if e.Document > 0 && e.Line == 0 {
				t.Errorf("Read = %#v, want a line", e)
			}
		}
		o.Subjects()
	})
}

// TestReadLooksAtObjectsAgain: what Read remembers of earlier texts is not what a caller has changed since,
// nor what another copy of the Objects has read.
func TestReadLooksAtObjectsAgain(t *testing.T) {
	node := func(name string) string { return "apiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\n" }
	read := func(t *testing.T, o *Objects, text string) error { return o.Read("x.yaml", strings.NewReader(text)) }
	for _, tc := range []struct {
		name, why string
		change    func(t *testing.T, o *Objects)
		a, b, c   bool // whether the Objects then have a node of that name
	}{
		{"nothing", "both are there", func(*testing.T, *Objects) {}, true, true, false},
		{"renamed", "the name is free", func(_ *testing.T, o *Objects) { o.Nodes[0].Name = "c" }, false, true, true},
		{"replaced", "another object", func(_ *testing.T, o *Objects) {
			o.Nodes[0] = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "c"}}
		}, false, true, true},
		{"removed", "fewer", func(_ *testing.T, o *Objects) { o.Nodes = o.Nodes[1:] }, false, true, false},
		{"last removed", "fewer, and the rest as before", func(_ *testing.T, o *Objects) { o.Nodes = o.Nodes[:1] }, true, false, false},
		{"added", "more", func(_ *testing.T, o *Objects) {
			o.Nodes = append(o.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "c"}})
		}, true, true, true},
		{"nil", "it is passed over", func(_ *testing.T, o *Objects) { o.Nodes[0] = nil }, false, true, false},
		{"copy", "it has read c, and o has not", func(t *testing.T, o *Objects) {
			other := *o
			if err := read(t, &other, node("c")); err != nil {
				t.Fatal(err)
			}
		}, true, true, false},
		{"failure", "nothing of that text is added", func(t *testing.T, o *Objects) {
			if err := read(t, o, node("c")+"---\nkind: Node\n"); err == nil {
				t.Fatal("a node without a version is read")
			}
		}, true, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o Objects
			for _, name := range []string{"a", "b"} {
				if err := read(t, &o, node(name)); err != nil {
					t.Fatal(err)
				}
			}
			tc.change(t, &o)
			for name, there := range map[string]bool{"a": tc.a, "b": tc.b, "c": tc.c} {
				if err := read(t, &o, node(name)); (err != nil) != there {
					t.Errorf("Read of a node %s = %v, want a duplicate: %v: %s", name, err, there, tc.why)
				}
			}
		})
	}
}

// TestReadFindsTheObjectOfNow: an object that another one of its name replaces is not the one that was read.
func TestReadFindsTheObjectOfNow(t *testing.T) {
	var o Objects
	const node = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
	if err := o.Read("x.yaml", strings.NewReader(node)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"is in x.yaml:1 already", "is there already"} {
		if err := o.Read("y.yaml", strings.NewReader(node)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Read() = %v, want %q in it", err, want)
		}
		o.Nodes[0] = o.Nodes[0].DeepCopy()
	}
}
