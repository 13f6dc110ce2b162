package manifest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/percent"
	"github.com/pernode/daemonset/internal/spelling"
)

// mistaken returns what is wrong with a kind that is not read but may have been meant to be
// one that is; nothing if it is just another kind. Groups that Kubernetes does not serve
// have kinds of their own.
func mistaken(gvk schema.GroupVersionKind) (path, detail string) {
	if _, ok := versions[gvk.Kind]; ok && gvk.Group != appsv1.GroupName && spelling.Distance(gvk.Group, appsv1.GroupName) == 1 {
		return "apiVersion", fmt.Sprintf("Invalid value: %q: did you mean %s?", gvk.GroupVersion(), versions[gvk.Kind])
	}
	if gvk.Group != "" && gvk.Group != appsv1.GroupName && gvk.Group != "extensions" {
		return "", ""
	}
	apiVersion, kind := gvk.GroupVersion().String(), gvk.Kind
	if version, ok := versions[kind]; ok {
		detail := fmt.Sprintf("Invalid value: %q: write %s for a %s", apiVersion, version, kind)
		if strings.HasPrefix(gvk.Version, "v1beta") && gvk.Group != "" {
			detail += ": Kubernetes 1.16 removed the older versions"
		}
		return "apiVersion", detail
	}
	if meant := shortNames[strings.ToLower(kind)]; meant != "" {
		return "kind", fmt.Sprintf("Invalid value: %q: did you mean %s?", kind, meant)
	}
	if meant := spelling.Meant(kind, []string{kindDaemonSet, kindNode, kindPod, kindRevision}); meant != "" {
		return "kind", fmt.Sprintf("Invalid value: %q: did you mean %s?", kind, meant)
	}
	return "", ""
}

// shortNames are what kubectl calls the kinds.
var shortNames = map[string]string{"ds": kindDaemonSet, "no": kindNode, "po": kindPod}

// missing is the error for a field that the object does not have, or has in letters of another case.
func (p place) missing(name string, raw []byte) *Error {
	var object map[string]any
	if utiljson.Unmarshal(raw, &object) == nil {
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if key != name && strings.EqualFold(key, name) {
				return p.wrong(key, unknownField+": did you mean "+name+"?")
			}
		}
	}
	return p.wrong(name, "Required value")
}

// notText says what is wrong with a text that is neither YAML nor JSON, but something that
// often is in its place.
func notText(text string) string {
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return "is UTF-16: write it as UTF-8"
	case strings.HasPrefix(text, "\x1f\x8b"):
		return "is compressed: decompress it, for instance with gunzip"
	case table.MatchString(text), description.MatchString(text):
		return "is for people to read: have kubectl print it with -o yaml"
	case onlyNames.MatchString(text):
		return "has only names: have kubectl print the objects with -o yaml"
	case page.MatchString(text):
		return "is HTML: something other than the API server has answered"
	}
	if m := kubectlError.FindString(text); m != "" {
		return "is an error of kubectl: " + strings.TrimSpace(m)
	}
	return ""
}

var (
	table = regexp.MustCompile(`^(NAMESPACE +)?NAME +[A-Z]+`)
	// description matches the output of kubectl describe, onlyNames that of kubectl get -o name.
	description  = regexp.MustCompile(`^Name: {3,}\S+[ \t\r]*\n[A-Z][A-Za-z-]*:`)
	onlyNames    = regexp.MustCompile(`^[a-z]+(\.[a-z0-9.-]+)?/[a-z0-9.-]+[ \t\r]*(\n|$)`)
	page         = regexp.MustCompile(`^\s*<(?i:!doctype|html)`)
	kubectlError = regexp.MustCompile(`^(The connection to the server |Error from server|Unable to connect to the server|error: ).*`)
	flattened    = regexp.MustCompile(`(?m)^metadata:[ \t\r]*\n(name|namespace|labels|annotations):`)
)

// explain adds the common cause of an error of the document, if it is easy to see.
func (d document) explain(err *Error) {
	if flattened.MatchString(d.text) {
		err.Detail += ` (what belongs under "metadata:" is not indented)`
	}
}

// explainSyntax does so for a document that does not parse.
func (d document) explainSyntax(err *Error) {
	at, line := -1, d.line-1
	for text := range strings.Lines(d.text) {
		line++
		if line == err.Line && indentedByTab.MatchString(text) {
			err.Detail = "a tab: YAML is indented by spaces (" + err.Detail + ")"
			return
		}
		// Braces in quotes may be there for another reason, unless the error is at them.
		if line != err.Line {
			text = inQuotes.ReplaceAllString(text, "")
		}
		if at < 0 && strings.Contains(text, "{{") {
			at = line
		}
	}
	if at < 0 {
		d.explain(err)
		return
	}
	if strings.HasPrefix(err.Detail, "invalid map key") {
		err.Line = at // the library gives none
	}
	err.Detail = isTemplate + " (" + err.Detail + ")"
}

// withHint returns what an error about an object says, with a hint at what to write if that is clear.
func withHint(object metav1.Object, err *field.Error) string {
	switch value := err.BadValue.(type) {
	case intstr.IntOrString:
		advice := percent.Advice(value)
		if advice == "" {
			break
		}
		if wrong := wrongBudget(object, err.Field); wrong != "" {
			return field.Invalid(field.NewPath(err.Field), value, wrong).ErrorBody()
		}
		return err.ErrorBody() + ": " + advice
	case *metav1.LabelSelector:
		if value == nil && err.Type == field.ErrorTypeInvalid {
			return err.ErrorBody() + ": the manifest has none: write that of the stored one"
		}
	}
	return err.ErrorBody()
}

// wrongBudget says why the API server refuses a DaemonSet for the budget at the path once both budgets
// are written as they are meant. It is empty if the server takes the budget.
func wrongBudget(object metav1.Object, path string) string {
	ds, ok := object.(*appsv1.DaemonSet)
	if !ok || ds == nil || ds.Spec.UpdateStrategy.RollingUpdate == nil {
		return ""
	}
	ds = daemon.Default(ds)
	known := map[string]bool{}
	for _, err := range daemon.Validate(ds) {
		known[err.Field] = true
	}
	update := ds.Spec.UpdateStrategy.RollingUpdate
	for _, budget := range []*intstr.IntOrString{update.MaxUnavailable, update.MaxSurge} {
		if budget != nil {
			if meant, ok := percent.Meant(*budget); ok {
				*budget = meant
			}
		}
	}
	var wrong []string
	for _, err := range daemon.Validate(ds) {
		switch {
		case err.Field == path:
			wrong = append(wrong, err.Detail)
		case !known[err.Field]: // maxSurge, which may not stand beside this one
			wrong = append(wrong, err.Field[strings.LastIndexByte(err.Field, '.')+1:]+" "+err.Detail)
		}
	}
	return strings.Join(wrong, "; ")
}

var indentedByTab = regexp.MustCompile(`^ *\t`)

var inQuotes = regexp.MustCompile(`"[^"]*"|'[^']*'`)
