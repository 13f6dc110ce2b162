package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func empty(t *testing.T) *Objects {
	t.Helper()
	o, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

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
	for _, tc := range []struct{ name, why, stdin, want string }{
		{"empty", "kubectl prints nothing where it finds nothing", "", "standard input: nothing in it"},
		{"comments", "no document", "# a\n---\n# b\n", "standard input: nothing in it"},
		{"text", "not an object", "hello\n", "standard input: document 1: is a string and has to be a map"},
		{"bare list", "not an object", "- a\n", "standard input: document 1: is a list and has to be a map"},
		{"YAML syntax", "the line is the file's, not the document's", node + "---\na: b: c\n",
			"standard input: document 2: line 5: mapping values are not allowed in this context"},
		{"tab", "the usual slip", "apiVersion: v1\n\tkind: Node\n",
			"standard input: document 1: line 2: found a tab character that violates indentation"},
		{"JSON syntax", "the line is the file's", node + "---\n{\"kind\": \"Node\",\n,}\n",
			"standard input: document 2: line 6: invalid character ',' looking for beginning of object key string"},
		{"JSON end", "cut off", "{\"kind\": \"Node\"", "standard input: document 1: line 1: unexpected EOF"},
		{"no kind", "half an object", "apiVersion: v1\n", "standard input: document 1: kind: Required value"},
		{"no version", "half an object", "kind: Node\n", "standard input: document 1: apiVersion: Required value"},
		{"no name", "half an object", "apiVersion: v1\nkind: Node\n", "standard input: document 1: metadata.name: Required value"},
		{"null item", "half a list", "apiVersion: v1\nkind: List\nitems: [null]\n", "standard input: document 1: items[0].kind: Required value"},
		{"items", "not a list", "apiVersion: v1\nkind: List\nitems: {}\n", "standard input: document 1: items: is a map and has to be a list"},
		{"bad name", "no line of its own for a name", "apiVersion: v1\nkind: Node\nmetadata: {name: \"a\\nb\"}\n",
			`standard input: document 1: metadata.name: Invalid value: "a\nb": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`},
		{"misspelt", "silence would be worse", set("{tmplate: {}, selektor: {}}"),
			"standard input: document 1: spec.selektor: unknown field (and 1 more)"},
		{"wrong type", "with the index, which the decoder does not tell",
			set("{template: {spec: {containers: [{name: x}, {name: z, ports: [{containerPort: http}]}]}}}"),
			"standard input: document 1: spec.template.spec.containers[1].ports[0].containerPort: is a string and has to be a whole number (int32)"},
		{"label", "YAML takes it for a number", set("{template: {metadata: {labels: {example.com/version: 2}}}}"),
			"standard input: document 1: spec.template.metadata.labels[example.com/version]: is a number and has to be a string"},
		{"map for list", "the field itself, not what is in it", set("{template: {spec: {containers: {name: nginx}}}}"),
			"standard input: document 1: spec.template.spec.containers: is a map and has to be a list"},
		{"quantity", "the decoder names no field",
			set("{template: {spec: {containers: [{name: x, resources: {limits: {memory: lots}}}]}}}"),
			`standard input: document 1: spec.template.spec.containers[0].resources.limits.memory: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`},
		{"time", "the decoder names no field, nor the item",
			"apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- metadata: {name: b, creationTimestamp: today}\n",
			`standard input: document 1: items[1].metadata.creationTimestamp: parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"`},
		{"two of a name", "which one is right?", node + "---\n" + node,
			"standard input: document 2: metadata.name: Node a is in standard input, document 1, already"},
		{"two manifests of a name", "which one is proposed?", set("{minReadySeconds: 1}") + "---\n" + set("{minReadySeconds: 2}"),
			"standard input: document 2: metadata.name: DaemonSet default/a is in standard input, document 1, already"},
		{"two stored ones of a name", "which one is there?", storedSet + "---\n" + set("{}") + "---\n" + storedSet,
			"standard input: document 3: metadata.name: DaemonSet default/a is in standard input, document 1, already"},
		{"twice in YAML", "the second would win silently", "apiVersion: v1\nkind: Node\nkind: Pod\n",
			`standard input: document 1: line 3: key "kind" already set in map`},
		{"twice in JSON", "the second would win silently", `{"apiVersion":"v1","kind":"Node","metadata":{"name":"a","name":"b"}}`,
			"standard input: document 1: metadata.name: duplicate field"},
		{"lesson without indentation", "as it is found in the lesson's text", testdata(t, "flat.yaml"),
			`standard input: document 1: line 9: key "metadata" already set in map (what belongs under "metadata:" is not indented)`},
		{"short and flat", "no field is there twice", "apiVersion: v1\nkind: Node\nmetadata:\nname: a\n",
			`standard input: document 1: name: unknown field (what belongs under "metadata:" is not indented)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := empty(t).ReadFile("-", strings.NewReader(tc.stdin))
			if err == nil || err.Error() != tc.want {
				t.Errorf("ReadFile(-) = %v\nwant %s: %s", err, tc.want, tc.why)
			}
		})
	}
}

// names lists what was read, by kind.
func names(o *Objects) map[string][]string {
	found := map[string][]string{}
	for _, x := range o.Sets {
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
			name: "typed list", why: "its items need not say what they are",
			text: "apiVersion: v1\nkind: NodeList\nitems:\n- metadata: {name: b}\n- metadata: {name: a, namespace: x}\n",
			want: map[string][]string{"Node": {"b", "a"}},
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
			o := empty(t)
			passedOver, err := o.Read("x.yaml", strings.NewReader(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, names(o)); diff != "" {
				t.Errorf("Read: %s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.passedOver, passedOver); diff != "" {
				t.Errorf("Read passes over: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestWrong(t *testing.T) {
	o := empty(t)
	const list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Node, metadata: {name: a}}\n- {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: b}}\n"
	if _, err := o.Read("x.yaml", strings.NewReader("---\n"+list)); err != nil {
		t.Fatal(err)
	}
	missing := field.Required(field.NewPath("spec", "selector"), "")
	got := o.Wrong(o.Sets[0], []error{missing, missing}).Error()
	if want := "x.yaml: document 1: items[1].spec.selector: Required value (and 1 more)"; got != want {
		t.Errorf("Wrong() = %q, want %q", got, want)
	}
}

// owned is a pod of the DaemonSet with UID u.
func owned(namespace, name, hash string, created int64) *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name, pod.CreationTimestamp = namespace, name, metav1.Unix(created, 0)
	pod.Labels = map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: hash}
	controller := true
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "set", UID: "u", Controller: &controller}}
	return pod
}

func TestSubject(t *testing.T) {
	stored := &appsv1.DaemonSet{}
	stored.Namespace, stored.Name, stored.UID = "a", "set", "u"
	manifest := stored.DeepCopy()
	manifest.UID = ""
	revision := &appsv1.ControllerRevision{}
	revision.Namespace, revision.Name = "a", "set-1"
	revision.OwnerReferences = owned("", "", "", 0).OwnerReferences
	pods := []*corev1.Pod{owned("a", "old", "h1", 1), owned("a", "new", "h2", 2), owned("b", "lost", "h2", 2)}
	const (
		lost    = "pods of it in namespace b, which do not count: 1"
		applied = "a DaemonSet of this name has pods already: this is what applying the file would do; " +
			"fields that the server fills in look removed, except in the output of kubectl apply --dry-run=server -o yaml"
	)
	for _, tc := range []struct {
		name, why string
		set       *appsv1.DaemonSet
		pods      []*corev1.Pod
		revisions []*appsv1.ControllerRevision
		want      []string // revisions
		notes     []string
	}{
		{name: "complete", why: "nothing to make up for; pods elsewhere are told", set: stored, pods: pods,
			revisions: []*appsv1.ControllerRevision{revision}, want: []string{"set-1"}, notes: []string{lost}},
		{name: "no revisions", why: "the newest pod's is taken, or all pods would look outdated", set: stored, pods: pods[:2],
			want: []string{"set-h2"}, notes: []string{"no controllerrevisions of it in the input: h2, the revision of its newest pod, is taken for the current one"}},
		{name: "new", why: "without pods there is nothing to assume", set: stored},
		{name: "manifest", why: "it becomes the update of the live one", set: manifest, pods: pods[:2],
			revisions: []*appsv1.ControllerRevision{revision}, want: []string{"set-1"}, notes: []string{applied}},
		{name: "manifest without revisions", why: "whether it changes anything cannot be told", set: manifest, pods: pods[:2],
			notes: []string{applied, "no controllerrevisions of it in the input: every pod is taken for outdated"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := &Objects{Pods: tc.pods, Revisions: tc.revisions}
			s := o.Subject(tc.set)
			var got []string
			for _, revision := range s.Revisions {
				got = append(got, revision.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Subject().Revisions: %s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.notes, s.Notes); diff != "" {
				t.Errorf("Subject().Notes: %s (-want +got):\n%s", tc.why, diff)
			}
			if len(tc.pods) > 0 && (len(s.Pods) != 2 || s.Set.UID != "u") {
				t.Errorf("Subject() has %d pods and UID %q, want 2 and u: %s", len(s.Pods), s.Set.UID, tc.why)
			}
			if s.Set.Spec.UpdateStrategy.Type == "" || tc.set.Spec.UpdateStrategy.Type != "" {
				t.Errorf("Subject() does not add defaults, or changes its argument")
			}
		})
	}
}

func TestSortedSets(t *testing.T) {
	o := empty(t)
	const set = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: "
	text := set + "{name: b, namespace: a}\n---\n" + set + "{name: a, namespace: b}\n---\n" + set + "{name: a, namespace: a}\n"
	if _, err := o.Read("x", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, set := range o.SortedSets() {
		got = append(got, set.Namespace+"/"+set.Name)
	}
	if diff := cmp.Diff([]string{"a/a", "a/b", "b/a"}, got); diff != "" {
		t.Errorf("SortedSets (-want +got):\n%s", diff)
	}
}

// TestProposed: a stored DaemonSet and a manifest of its namespace and name are one, with a
// proposal, in any order and also in two files.
func TestProposed(t *testing.T) {
	const head = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: "
	const stored, manifest = head + "{name: a, namespace: x, uid: u}\n", head + "{name: a, namespace: x, labels: {from: manifest}}\n"
	for _, tc := range []struct {
		name, why string
		files     []string
		want      map[string]bool // of the sets, whether something is proposed
	}{
		{"stored alone", "nothing is proposed", []string{stored}, map[string]bool{"x/a u": false}},
		{"manifest alone", "it is new", []string{manifest}, map[string]bool{"x/a ": false}},
		{"stored, then manifest", "one proposal", []string{stored, manifest}, map[string]bool{"x/a u": true}},
		{"manifest, then stored", "the order does not matter", []string{manifest, stored}, map[string]bool{"x/a u": true}},
		{"one file", "nor do files", []string{manifest + "---\n" + stored}, map[string]bool{"x/a u": true}},
		{"another namespace", "another DaemonSet", []string{stored, head + "{name: a, namespace: z}\n"}, map[string]bool{"x/a u": false, "z/a ": false}},
		{"another name", "another DaemonSet", []string{stored, head + "{name: b, namespace: x}\n"}, map[string]bool{"x/a u": false, "x/b ": false}},
	} {
		o := empty(t)
		for _, file := range tc.files {
			if _, err := o.Read("f", strings.NewReader(file)); err != nil {
				t.Fatalf("%s: Read() = %v: %s", tc.name, err, tc.why)
			}
		}
		got := map[string]bool{}
		for _, set := range o.SortedSets() {
			s := o.Subject(set)
			got[set.Namespace+"/"+set.Name+" "+string(set.UID)] = s.Proposed != nil
			if s.Proposed != nil && (s.Proposed.Labels["from"] != "manifest" || s.Set.Labels["from"] != "") {
				t.Errorf("%s: Proposed has the labels %v, Set %v", tc.name, s.Proposed.Labels, s.Set.Labels)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: SortedSets, Subject: %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got, want := Printable("a\nb\x1b[1mä"), "a\uFFFDb\uFFFD[1mä"; got != want {
		t.Errorf("Printable = %q, want %q", got, want)
	}
}

// FuzzRead feeds anything: there are objects or one error, never a panic.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "a: b: c\n", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n---\n[1]\n", "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{}]}",
		"apiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: r}\ndata: {z: 1}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := empty(t)
		_, err := o.Read("x", strings.NewReader(text))
		if err != nil && !strings.HasPrefix(err.Error(), "x: ") {
			t.Errorf("Read = %v, want the file's name before it", err)
		}
		for _, set := range o.SortedSets() {
			o.Subject(set)
		}
	})
}
