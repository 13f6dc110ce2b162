// Package revision encodes pod templates as ControllerRevisions store them, orders
// ControllerRevisions, and reads the labels that tie pods to them. It serves daemon, which
// finds the current revision, daemon/diff, daemon/history, which writes it, and rollout/kubectl,
// which lists the history.
package revision

import (
	"bytes"
	"cmp"
	stdjson "encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The directive by which a strategic merge patch replaces an object instead of
// merging into it.
const (
	DirectiveKey     = "$patch"
	DirectiveReplace = "replace"
)

// Data returns the bytes that ControllerRevision.data holds for a template
// (getPatch@v1.37.2). A nil template is an empty one. It fails with a *field.Error
// at spec.template if the template cannot be encoded.
func Data(template *corev1.PodTemplateSpec) ([]byte, error) {
	if template == nil {
		template = &corev1.PodTemplateSpec{}
	}
	// Upstream encodes the DaemonSet and takes the template out of it. The bytes
	// are the same, and this is less work.
	encoded, err := json.Marshal(template)
	if err != nil {
		return nil, invalid(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(encoded, &fields); err != nil {
		return nil, invalid(err)
	}
	fields[DirectiveKey] = DirectiveReplace
	// Maps are encoded in the order of their keys.
	return json.Marshal(map[string]any{"spec": map[string]any{"template": fields}})
}

// Holds reports whether a revision holds the data of a template: its bytes are those of
// Data (Match@v1.37.2), apart from white space between the tokens, which kubectl adds when it
// prints revisions as JSON.
func Holds(rev *appsv1.ControllerRevision, data []byte) bool {
	raw := rev.Data.Raw
	if len(raw) <= len(data) {
		return bytes.Equal(raw, data)
	}
	var compact bytes.Buffer
	return stdjson.Compact(&compact, raw) == nil && bytes.Equal(compact.Bytes(), data)
}

// Compare orders revisions by number, then by name.
func Compare(a, b *appsv1.ControllerRevision) int {
	return cmp.Or(cmp.Compare(a.Revision, b.Revision), strings.Compare(a.Name, b.Name))
}

// Text names a revision, which may be nil, with its number.
func Text(rev *appsv1.ControllerRevision) string {
	if rev == nil {
		return "revision <nil>"
	}
	return fmt.Sprintf("revision %s (number %d)", rev.Name, rev.Revision)
}

// invalid leaves the value out, which may be a whole template.
func invalid(err error) error {
	return field.Invalid(field.NewPath("spec", "template"), field.OmitValueType{}, err.Error())
}
