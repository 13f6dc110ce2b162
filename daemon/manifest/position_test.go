package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

const list = `---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: a}}
- apiVersion: apps/v1
  kind: DaemonSet
  metadata:
    name: b
  spec:
    template:
      spec:
        containers:
        - name: first
        - name: second
          image: z
`

func TestPosition(t *testing.T) {
	var o Objects
	if err := o.Read("x.yaml", strings.NewReader(list)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, why string
		object    metav1.Object
		path      string
		want      Position
	}{
		{"object", "its dash", o.DaemonSets[0], "", Position{"x.yaml", 1, 6, "items[1]"}},
		{"field", "its key", o.DaemonSets[0], "spec.template.spec.containers[1].image", Position{"x.yaml", 1, 16, "items[1].spec.template.spec.containers[1].image"}},
		{"missing field", "the line of what is around it", o.DaemonSets[0], "spec.selector", Position{"x.yaml", 1, 10, "items[1].spec.selector"}},
		{"object on one line", "has that line", o.Nodes[0], "metadata.name", Position{"x.yaml", 1, 5, "items[0].metadata.name"}},
		{"other object", "was not read", &corev1.Node{}, "spec", Position{Field: "spec"}},
		{"no object", "was not read", nil, "spec", Position{Field: "spec"}},
	} {
		if got := o.Position(tc.object, tc.path); got != tc.want {
			t.Errorf("%s: Position(%q) = %+v, want %+v: %s", tc.name, tc.path, got, tc.want, tc.why)
		}
	}
}

func TestLocate(t *testing.T) {
	var o Objects
	if err := o.Read("x.yaml", strings.NewReader(list)); err != nil {
		t.Fatal(err)
	}
	missing := field.Required(field.NewPath("spec", "selector"), "")
	got := o.Locate(o.DaemonSets[0], field.ErrorList{missing, missing})
	if want := "x.yaml:10: document 1: items[1].spec.selector: Required value (and 1 more)"; got.Error() != want {
		t.Errorf("Locate() = %v, want %s", got, want)
	}
	budget := field.NewPath("spec", "updateStrategy", "rollingUpdate", "maxUnavailable")
	for _, tc := range []struct {
		name, why string
		errs      field.ErrorList
		want      []string
	}{
		{"blank before the sign", "people write it so", field.ErrorList{field.Invalid(budget, intstr.FromString("10 %"), "bad")}, []string{`Invalid value: "10 %": bad: write "10%"`}},
		{"blank behind it", "YAML keeps it in quotes", field.ErrorList{field.Invalid(budget, intstr.FromString("10% "), "bad")}, []string{`Invalid value: "10% ": bad: write "10%"`}},
		{"number in quotes", "YAML makes a text of it", field.ErrorList{field.Invalid(budget, intstr.FromString("1"), "bad")}, []string{`Invalid value: "1": bad: write 1, without quotes`}},
		{"blank between digits", "it may be two numbers", field.ErrorList{field.Invalid(budget, intstr.FromString("1 0%"), "bad")}, []string{`Invalid value: "1 0%": bad`}},
		{"large number in quotes", "it does not fit", field.ErrorList{field.Invalid(budget, intstr.FromString("99999999999"), "bad")}, []string{`Invalid value: "99999999999": bad`}},
		{"no blank", "something else is wrong", field.ErrorList{field.Invalid(budget, intstr.FromString("101%"), "bad")}, []string{`Invalid value: "101%": bad`}},
		{"no number", "nobody knows which", field.ErrorList{field.Invalid(budget, intstr.FromString("ten %"), "bad")}, []string{`Invalid value: "ten %": bad`}},
		{"number", "is no percentage", field.ErrorList{field.Invalid(budget, intstr.FromInt32(-1), "bad")}, []string{"Invalid value: -1: bad"}},
		{"no selector", "the stored one has a selector", field.ErrorList{field.Invalid(field.NewPath("spec", "selector"), (*metav1.LabelSelector)(nil), "field is immutable")},
			[]string{"Invalid value: null: field is immutable: the manifest has none: write that of the stored one"}},
		{"another selector", "it is there", field.ErrorList{field.Invalid(field.NewPath("spec", "selector"), &metav1.LabelSelector{}, "field is immutable")}, []string{"Invalid value: {}: field is immutable"}},
		{"echo", "a wrong value is not missing", field.ErrorList{field.Invalid(budget, intstr.FromString("x"), "bad"), field.Required(budget, "cannot be 0")}, []string{`Invalid value: "x": bad`}},
		{"missing", "another field is wrong", field.ErrorList{field.Required(budget, ""), nil, field.Invalid(field.NewPath("spec"), 1, "bad")}, []string{"Required value", "Invalid value: 1: bad"}},
	} {
		var got []string
		for _, err := range o.Locate(o.DaemonSets[0], tc.errs) {
			got = append(got, err.Detail)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: Locate(): %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
	}
	if got := o.Locate(o.DaemonSets[0], nil); got != nil {
		t.Errorf("Locate(no errors) = %v, want nil", got)
	}
	var one *Error
	if !errors.As(error(got), &one) || one.Line != 10 {
		t.Errorf("errors.As(Locate()) = %+v, want the first error", one)
	}
	raw, err := json.Marshal(one)
	if want := `{"file":"x.yaml","document":1,"line":10,"field":"items[1].spec.selector","detail":"Required value"}`; err != nil || string(raw) != want {
		t.Errorf("Marshal(Error) = %s, %v, want %s", raw, err, want)
	}
}

// TestLocateBudgets: what is advised is what the API server takes.
func TestLocateBudgets(t *testing.T) {
	const percentage = `a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`
	const required, surge = "cannot be 0 when maxSurge is 0", "may not be set when maxUnavailable is non-zero; set maxUnavailable: 0, its default is 1"
	for _, tc := range []struct {
		name, why, update string
		want              []string // without the path
	}{
		{"well", "nothing is wrong", `{maxUnavailable: 10%}`, nil},
		{"blank", "it is no percentage", `{maxUnavailable: 10 %}`, []string{`maxUnavailable: Invalid value: "10 %": ` + percentage + `: write "10%"`}},
		{"more than all", "100 is the most", `{maxUnavailable: 200 %}`, []string{`maxUnavailable: Invalid value: "200 %": must not be greater than 100%`}},
		{"zero in quotes", "a budget is needed", `{maxUnavailable: "0"}`, []string{`maxUnavailable: Invalid value: "0": ` + required}},
		{"no percent", "a budget is needed", `{maxUnavailable: 0 %}`, []string{`maxUnavailable: Invalid value: "0 %": ` + required}},
		{"no percent beside a surge", "which is a budget", `{maxUnavailable: 0 %, maxSurge: 1}`, []string{`maxUnavailable: Invalid value: "0 %": ` + percentage + `: write "0%"`}},
		{"zero of a surge in quotes", "maxUnavailable is 1 by default", `{maxSurge: "0"}`, []string{`maxSurge: Invalid value: "0": ` + percentage + `: write 0, without quotes`}},
		{"surge", "maxUnavailable is 1 by default", `{maxSurge: 10 %}`, []string{`maxSurge: Invalid value: "10 %": ` + surge}},
		{"large surge", "both rules count", `{maxSurge: 200 %}`, []string{`maxSurge: Invalid value: "200 %": must not be greater than 100%; ` + surge}},
		{"beside a surge", "one of them must be 0", `{maxUnavailable: 10 %, maxSurge: 1}`, []string{`maxUnavailable: Invalid value: "10 %": maxSurge ` + surge}},
		{"both", "one of them must be 0", `{maxUnavailable: 10 %, maxSurge: "1"}`,
			[]string{`maxUnavailable: Invalid value: "10 %": ` + percentage + `: write "10%"`, `maxSurge: Invalid value: "1": ` + surge}},
		{"both, well", "one is 0", `{maxUnavailable: "0", maxSurge: 10 %}`,
			[]string{`maxUnavailable: Invalid value: "0": ` + percentage + `: write 0, without quotes`, `maxSurge: Invalid value: "10 %": ` + percentage + `: write "10%"`}},
	} {
		var o Objects
		text := "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a, namespace: b}\nspec:\n  selector: {matchLabels: {a: b}}\n" +
			"  template: {metadata: {labels: {a: b}}}\n  updateStrategy:\n    rollingUpdate: " + tc.update + "\n"
		if err := o.Read("x", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, err := range o.Locate(o.DaemonSets[0], daemon.Validate(daemon.Default(o.DaemonSets[0]))) {
			got = append(got, strings.TrimPrefix(err.Field, "spec.updateStrategy.rollingUpdate.")+": "+err.Detail)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: Locate(): %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
	}
}

func TestErrorText(t *testing.T) {
	at := &Error{Position{"f", 2, 3, "a.b"}, "wrong"}
	for _, tc := range []struct {
		why, want string
		err       error
	}{
		{"all is known", "f:3: document 2: a.b: wrong", at},
		{"the line is not", "f: document 2: a.b: wrong", &Error{Position{"f", 2, 0, "a.b"}, "wrong"}},
		{"the file as a whole", "f: wrong", &Error{Position{File: "f"}, "wrong"}},
		{"an object that was not read", "a.b: wrong", &Error{Position{Field: "a.b"}, "wrong"}},
		{"nil", "", (*Error)(nil)},
		{"none", "no errors", ErrorList{}},
		{"one", "f:3: document 2: a.b: wrong", ErrorList{at}},
		{"two", "f:3: document 2: a.b: wrong (and 1 more)", ErrorList{at, at}},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("Error() = %q, want %q: %s", got, tc.want, tc.why)
		}
	}
}

// TestAllErrors: one text, errors of several documents, objects and fields, in its order.
func TestAllErrors(t *testing.T) {
	const text = "apiVersion: v1\nkind: Node\nmetadata: {nam: a}\nspce: {}\n---\na: b: c\n---\n" +
		"apiVersion: v1\nkind: List\nitems:\n- {kind: Node}\n- {apiVersion: v1, kind: Node, metadata: {name: a}}\n- {apiVersion: v1, kind: Nodes}\n"
	var o Objects
	err := o.Read("x", strings.NewReader(text))
	var got []string
	var list ErrorList
	errors.As(err, &list)
	for _, e := range list {
		got = append(got, fmt.Sprintf("%d %d %s", e.Document, e.Line, e.Field))
	}
	want := []string{"1 3 metadata.nam", "1 4 spce", "2 6 ", "3 11 items[0].apiVersion", "3 13 items[2].kind"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	if len(o.Nodes) != 0 {
		t.Errorf("Read fails and adds %d nodes, want 0", len(o.Nodes))
	}
}

func TestMaxErrors(t *testing.T) {
	for name, text := range map[string]string{
		"documents": strings.Repeat("kind: Node\n---\n", 3*MaxErrors),
		"items":     "apiVersion: v1\nkind: NodeList\nitems:\n" + strings.Repeat("- {}\n", 3*MaxErrors),
		"fields":    "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec:\n" + fmt.Sprintf(strings.Repeat("  x%d: 1\n", 30), numbers(30)...),
		"syntax":    strings.Repeat("a: b: c\n---\n", 3*MaxErrors),
	} {
		var o Objects
		var list ErrorList
		if err := o.Read("x", strings.NewReader(text)); !errors.As(err, &list) || len(list) != MaxErrors {
			t.Errorf("%s: Read = %d errors, want %d", name, len(list), MaxErrors)
		}
	}
}

func numbers(n int) (list []any) {
	for i := range n {
		list = append(list, i)
	}
	return list
}
