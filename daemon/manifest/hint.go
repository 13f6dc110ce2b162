package manifest

import (
	"fmt"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// mistaken returns what is wrong with a kind that is not read but may have been meant to be
// one that is; nothing if it is just another kind. Groups that Kubernetes does not serve
// have kinds of their own.
func mistaken(gvk schema.GroupVersionKind) (field, detail string) {
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
	for _, meant := range []string{kindDaemonSet, kindNode, kindPod, kindRevision} {
		// One slip in a short word, two in a long one; case does not count.
		if distance(strings.ToLower(kind), strings.ToLower(meant)) <= min(2, len(meant)/3) {
			return "kind", fmt.Sprintf("Invalid value: %q: did you mean %s?", kind, meant)
		}
	}
	return "", ""
}

// distance returns how many letters have to be inserted, removed or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// notText says what is wrong with a text that is neither YAML nor JSON, but something that
// often is in its place.
func notText(text string) string {
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return "is UTF-16: write it as UTF-8"
	case table.MatchString(text):
		return "is a table for people: have kubectl print it with -o yaml"
	}
	return ""
}

var (
	table     = regexp.MustCompile(`^(NAMESPACE +)?NAME +[A-Z]+`)
	flattened = regexp.MustCompile(`(?m)^metadata:[ \t\r]*\n(name|namespace|labels|annotations):`)
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

const isTemplate = "is a template: render it first, for instance with helm template"

var inQuotes = regexp.MustCompile(`"[^"]*"|'[^']*'`)
