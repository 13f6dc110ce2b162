package history

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// nginxTemplate is the DaemonSet's template of these tests in the given version.
func nginxTemplate(version string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx", Labels: map[string]string{"env": "demo"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:" + version}}},
	}
}

// richTemplate has what is encoded in more than one way: numbers beyond float64,
// characters that HTML and JavaScript escape, invalid UTF-8, ports of both kinds.
func richTemplate() corev1.PodTemplateSpec {
	template := nginxTemplate("1.27.4-alpine")
	template.Spec.PriorityClassName = "a&b<c>"
	template.Spec.Priority = new(int32(2000000000))
	template.Spec.TerminationGracePeriodSeconds = new(int64(9007199254740993))
	template.Spec.NodeSelector = map[string]string{"zone": "a", "disk": "ssd"}
	container := &template.Spec.Containers[0]
	container.Args = []string{"<é\u2028&\xff>"}
	container.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("web")}}}
	container.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(80)}}}
	return template
}

func withData(raw string) *appsv1.ControllerRevision {
	return &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: []byte(raw)}}
}

func brokenTemplate() corev1.PodTemplateSpec {
	template := nginxTemplate("1.27.4-alpine")
	template.ManagedFields = []metav1.ManagedFieldsEntry{{FieldsV1: metav1.NewFieldsV1(`{`)}}
	return template
}

// The bytes are what getPatch@v1.37.2 returns with k8s.io/api v0.37.2.
func TestData(t *testing.T) {
	plain, rich, broken, deep := nginxTemplate("1.27.4-alpine"), richTemplate(), brokenTemplate(), brokenTemplate()
	deep.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(strings.Repeat("[", 9999) + strings.Repeat("]", 9999))
	for _, tc := range []struct {
		name, why string
		template  *corev1.PodTemplateSpec
		want, err string
	}{
		{name: "nil", why: "counts as the empty template", template: nil,
			want: `{"spec":{"template":{"$patch":"replace","metadata":{},"spec":{"containers":null}}}}`},
		{name: "nginx", why: "the plain case; $ sorts before letters", template: &plain,
			want: `{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"env":"demo"},"name":"nginx"},` +
				`"spec":{"containers":[{"image":"nginx:1.27.4-alpine","name":"nginx","resources":{}}]}}}}`},
		{name: "rich", why: "big numbers keep their digits, HTML is escaped, invalid UTF-8 replaced", template: &rich,
			want: `{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"env":"demo"},"name":"nginx"},` +
				`"spec":{"containers":[{"args":["\u003cé\u2028\u0026` + "\ufffd" + `\u003e"],"image":"nginx:1.27.4-alpine",` +
				`"livenessProbe":{"httpGet":{"port":"web"}},"name":"nginx","readinessProbe":{"tcpSocket":{"port":80}},` +
				`"resources":{}}],"nodeSelector":{"disk":"ssd","zone":"a"},"priority":2000000000,` +
				`"priorityClassName":"a\u0026b\u003cc\u003e","terminationGracePeriodSeconds":9007199254740993}}}}`},
		{name: "no JSON", why: "broken managed fields are all that cannot be encoded", template: &broken,
			err: "spec.template: Invalid value: "},
		{name: "too deep", why: "as deep as one value may be, and a few levels down", template: &deep,
			err: "spec.template: Invalid value: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.template.DeepCopy()
			got, err := Data(tc.template)
			if string(got) != tc.want || !errorIs(err, tc.err) {
				t.Errorf("Data = %s, %v, want %s, %q: %s", got, err, tc.want, tc.err, tc.why)
			}
			if diff := cmp.Diff(before, tc.template); diff != "" {
				t.Errorf("Data changed its argument (-want +got):\n%s", diff)
			}
		})
	}
}

// errorIs says whether err is nil where want is empty, and else begins with it.
func errorIs(err error, want string) bool {
	if err == nil || want == "" {
		return err == nil && want == ""
	}
	return strings.HasPrefix(err.Error(), want)
}

func TestMatches(t *testing.T) {
	ds := &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: nginxTemplate("1.27.4-alpine")}}
	data, err := Data(&ds.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, why string
		ds        *appsv1.DaemonSet
		rev       *appsv1.ControllerRevision
		want      bool
		err       string
	}{
		{name: "same", why: "byte for byte", ds: ds, rev: withData(string(data)), want: true},
		{name: "other image", why: "an older template", ds: ds, rev: withData(strings.Replace(string(data), "1.27.4", "1.27.3", 1))},
		{name: "creationTimestamp null", why: "what clusters before 1.34 stored means the same but has other bytes (kubernetes #134773)",
			ds: ds, rev: withData(strings.Replace(string(data), `"metadata":{`, `"metadata":{"creationTimestamp":null,`, 1))},
		{name: "a space more", why: "kubectl indents the data of the revisions that it prints", ds: ds, rev: withData(" " + string(data)), want: true},
		{name: "a space more in a string", why: "another value", ds: ds, rev: withData(strings.Replace(string(data), "nginx", "nginx ", 1))},
		{name: "no data", why: "nothing matches nothing but itself", ds: ds, rev: &appsv1.ControllerRevision{}},
		{name: "in memory", why: "only what a client reads counts, as upstream", ds: ds,
			rev: &appsv1.ControllerRevision{Data: runtime.RawExtension{Object: &runtime.Unknown{Raw: data, ContentType: runtime.ContentTypeJSON}}}},
		{name: "nil DaemonSet", why: "no template to compare", rev: withData(""), err: "daemonSet: Required value"},
		{name: "nil revision", why: "no data to compare", ds: ds, err: "revision: Required value"},
		{name: "template without JSON", why: "Data's error is passed on",
			ds: &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: brokenTemplate()}}, rev: withData(""), err: "spec.template: Invalid value: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Matches(tc.ds, tc.rev)
			if got != tc.want || !errorIs(err, tc.err) {
				t.Errorf("Matches = %v, %v, want %v, %q: %s", got, err, tc.want, tc.err, tc.why)
			}
		})
	}
}

func TestTemplate(t *testing.T) {
	for _, template := range []corev1.PodTemplateSpec{{}, nginxTemplate("1.27.4-alpine"), richTemplate()} {
		data, err := Data(&template)
		if err != nil {
			t.Fatal(err)
		}
		rev := withData(string(data))
		got, err := Template(rev)
		if err != nil {
			t.Fatalf("Template(%s): %v", data, err)
		}
		again, err := Data(got)
		if err != nil || string(again) != string(data) {
			t.Errorf("Data(Template(rev)) = %s, %v, want %s", again, err, data)
		}
		if diff := cmp.Diff(applied(t, string(data)), *got); diff != "" {
			t.Errorf("Template differs from the applied patch (-want +got):\n%s", diff)
		}
		if string(rev.Data.Raw) != string(data) {
			t.Errorf("Template changed the data to %s", rev.Data.Raw)
		}
	}
}

// applied returns the template of a DaemonSet that had another one before the
// patch was applied to it as the API server and kubectl apply it
// (applyDaemonSetHistory@v0.37.2).
func applied(t *testing.T, patch string) corev1.PodTemplateSpec {
	t.Helper()
	out, err := apply(patch)
	if err != nil {
		t.Fatalf("StrategicMergePatch(%s): %v", patch, err)
	}
	return out.Spec.Template
}

func apply(patch string) (*appsv1.DaemonSet, error) {
	ds := &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{MinReadySeconds: 7, Template: nginxTemplate("1.0")}}
	ds.Spec.Template.Annotations = map[string]string{"only": "before"}
	ds.Spec.Template.Spec.Containers = append(ds.Spec.Template.Spec.Containers, corev1.Container{Name: "only-before"})
	before, err := json.Marshal(ds)
	if err != nil {
		return nil, err
	}
	after, err := strategicpatch.StrategicMergePatch(before, []byte(patch), ds)
	if err != nil {
		return nil, err
	}
	out := &appsv1.DaemonSet{}
	return out, json.Unmarshal(after, out)
}

func TestTemplateOfOddData(t *testing.T) {
	nginx := nginxTemplate("1.27.4-alpine")
	data, err := Data(&nginx)
	if err != nil {
		t.Fatal(err)
	}
	var typedNil *appsv1.DaemonSet
	for _, tc := range []struct {
		name, why string
		rev       *appsv1.ControllerRevision
		want      corev1.PodTemplateSpec
		err       string
	}{
		{name: "nil", why: "no revision", err: "revision: Required value"},
		{name: "no data", why: "a half-filled revision", rev: &appsv1.ControllerRevision{}, err: "data: Required value: the revision holds no template"},
		{name: "null", why: "how no data is written in JSON", rev: withData("null"), err: "data: Required value"},
		{name: "typed nil in memory", why: "is written as null", err: "data: Required value",
			rev: &appsv1.ControllerRevision{Data: runtime.RawExtension{Object: typedNil}}},
		{name: "in memory", why: "the data as it would be sent", want: nginx,
			rev: &appsv1.ControllerRevision{Data: runtime.RawExtension{Object: &runtime.Unknown{Raw: data, ContentType: runtime.ContentTypeJSON}}}},
		{name: "in memory without JSON", why: "it could not be sent either", err: "data: Invalid value: ",
			rev: &appsv1.ControllerRevision{Data: runtime.RawExtension{Object: &runtime.Unknown{Raw: []byte("x"), ContentType: "x"}}}},
		{name: "both", why: "what was read wins, as in its MarshalJSON", want: nginx,
			rev: &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: data, Object: typedNil}}},
		{name: "broken", why: "cut off", rev: withData(string(data[:40])), err: "data: Invalid value: unexpected end of JSON input"},
		{name: "CBOR", why: "not what a typed client hands out", rev: withData("\xd9\xd9\xf7\xa0"), err: "data: Invalid value: invalid character"},
		{name: "two documents", why: "trailing data hides something", rev: withData(string(data) + "{}"), err: "data: Invalid value: "},
		{name: "list", why: "not an object", rev: withData("[]"), err: "data: Invalid value: must be an object"},
		{name: "no spec", why: "another kind's state", rev: withData("{}"), err: "data.spec: Required value"},
		{name: "spec is text", why: "not an object", rev: withData(`{"spec":"x"}`), err: "data.spec: Invalid value: must be an object"},
		{name: "no template", why: "nothing to go back to", rev: withData(`{"spec":{}}`), err: "data.spec.template: Required value"},
		{name: "null template", why: "would delete it", rev: withData(`{"spec":{"template":null}}`), err: "data.spec.template: Required value"},
		{name: "template is a number", why: "not an object", rev: withData(`{"spec":{"template":1}}`), err: "data.spec.template: Invalid value: must be an object"},
		{name: "upper case", why: "names of fields are case-sensitive", rev: withData(`{"Spec":{}}`), err: "data.spec: Required value"},
		{name: "more than spec", why: "applying it changes more than the template",
			rev: withData(`{"metadata":{},"spec":{"template":{"$patch":"replace"}}}`), err: "data.metadata: Forbidden: "},
		{name: "more than a template", why: "applying it changes more than the template", err: "data.spec.minReadySeconds: Forbidden: ",
			rev: withData(`{"spec":{"updateStrategy":{},"template":{"$patch":"replace"},"minReadySeconds":1}}`)},
		{name: "no directive", why: "the result depends on what it is merged into",
			rev: withData(`{"spec":{"template":{"spec":{}}}}`), err: "data.spec.template.$patch: Required value"},
		{name: "other directive", why: "would leave no template", rev: withData(`{"spec":{"template":{"$patch":"delete"}}}`),
			err: `data.spec.template.$patch: Unsupported value: "delete": supported values: "replace"`},
		{name: "directive is an object", why: "cannot be compared", rev: withData(`{"spec":{"template":{"$patch":{}}}}`),
			err: "data.spec.template.$patch: Unsupported value: "},
		{name: "type mismatch", why: "no such template", rev: withData(`{"spec":{"template":{"$patch":"replace","spec":{"containers":{}}}}}`),
			err: "data.spec.template: Invalid value: json: cannot unmarshal object into Go struct field "},
		{name: "number too big", why: "does not fit into the field", rev: withData(`{"spec":{"template":{"$patch":"replace","spec":{"priority":1e99}}}}`),
			err: "data.spec.template: Invalid value: "},
		{name: "unknown field", why: "a later version's field is dropped, as kubectl drops it",
			rev: withData(`{"spec":{"template":{"$patch":"replace","spec":{"futureField":1}}}}`)},
		{name: "creationTimestamp null", why: "stored by clusters before 1.34", want: nginx,
			rev: withData(strings.Replace(string(data), `"metadata":{`, `"metadata":{"creationTimestamp":null,`, 1))},
		{name: "repeated member", why: "the last one counts, whole", want: nginx,
			rev: withData(strings.Replace(string(data), `"template":{`, `"template":{"spec":{"nodeName":"x"}},"template":{`, 1))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before []byte
			if tc.rev != nil {
				before = bytes.Clone(tc.rev.Data.Raw)
			}
			got, err := Template(tc.rev)
			for range 8 { // objects are maps, whose order must not show
				if _, again := Template(tc.rev); !errorIs(again, tc.err) {
					t.Fatalf("Template = %v, want error %q", again, tc.err)
				}
			}
			if !errorIs(err, tc.err) || (got == nil) != (err != nil) {
				t.Fatalf("Template = %v, %v, want error %q: %s", got, err, tc.err, tc.why)
			}
			if err == nil {
				if diff := cmp.Diff(&tc.want, got); diff != "" {
					t.Errorf("Template (-want +got), %s:\n%s", tc.why, diff)
				}
			}
			if tc.rev != nil && !bytes.Equal(before, tc.rev.Data.Raw) {
				t.Errorf("Template changed the data from %q to %q", before, tc.rev.Data.Raw)
			}
		})
	}
}

// FuzzTemplate holds Template against applying the patch: it
// never panics, and a template that it returns is the one applying gives.
func FuzzTemplate(f *testing.F) {
	for _, template := range []corev1.PodTemplateSpec{{}, nginxTemplate("1.27.4-alpine"), richTemplate()} {
		data, err := Data(&template)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	for _, seed := range []string{
		"", "null", "[]", `{"spec":null}`, `{"spec":{"template":{"$patch":"delete"}}}`,
		`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":null},"creationTimestamp":null},"spec":{"containers":[null]}}}}`,
		`{"spec":{"template":{"$patch":"replace","spec":{"containers":[{"name":"a","$patch":"delete"}],"nodeSelector":{"$patch":"replace"}}}}}`,
		`{"spec":{"template":{"$patch":"replace","spec":{"$retainKeys":["x"],"$setElementOrder/containers":[1],"priority":1.0}}}}`,
		`{"spec":{"template":{"$patch":"replace","spec":{"containers":[{"resources":{"limits":{"cpu":"1e999"}}}]}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := Template(withData(string(raw)))
		if (got == nil) == (err == nil) {
			t.Fatalf("Template(%q) = %v, %v, want either", raw, got, err)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(applied(t, string(raw)), *got); diff != "" {
			t.Errorf("Template(%q) (-want +got):\n%s", raw, diff)
		}
		if _, err := Data(got); err != nil {
			t.Errorf("Data of the template of %q: %v", raw, err)
		}
	})
}
