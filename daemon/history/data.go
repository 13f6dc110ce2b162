package history

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/revision"
)

// Data returns what the controller stores in ControllerRevision.data for
// a template (getPatch@v1.37.2): the strategic merge patch
//
//	{"spec":{"template":{...,"$patch":"replace"}}}
//
// of the template's JSON, with sorted keys, without spaces, and with <, > and &
// escaped as encoding/json escapes them. The bytes, apart from white space between the
// tokens, decide which revision is current. Matches compares them with those of one revision.
//
// A nil template is an empty one. The template is not changed, and the result is new. It
// fails with a *field.Error at spec.template if the template cannot be encoded, because its
// managed fields are not valid JSON.
func Data(template *corev1.PodTemplateSpec) ([]byte, error) {
	return revision.Data(template)
}

// Matches reports whether the revision stores what Data returns for the template of the
// DaemonSet (Match@v1.37.2). White space between the tokens has no effect, because
// kubectl indents the data when it prints a revision. Equal templates that are encoded
// differently do not match, such as those with "creationTimestamp":null that clusters before
// 1.34 stored. Only data.raw counts, in which clients keep what they read.
//
// Neither argument is changed. It fails with a *field.Error if one of them is nil, and if
// Data fails.
func Matches(ds *appsv1.DaemonSet, rev *appsv1.ControllerRevision) (bool, error) {
	if ds == nil {
		return false, field.Required(field.NewPath("daemonSet"), "")
	}
	if rev == nil {
		return false, field.Required(field.NewPath("revision"), "")
	}
	data, err := Data(&ds.Spec.Template)
	if err != nil {
		return false, err
	}
	return revision.Holds(rev, data), nil
}

// Template returns the template that a revision holds: what spec.template
// of a DaemonSet becomes when the stored patch is applied to it. Fields that this
// API version does not know are dropped. The result is new and shares nothing
// with rev.
//
// Data.Object without Data.Raw is read as it would be sent to the API server.
//
// It fails with a *field.Error if there is no revision or no data (Required), if the data
// is broken or does not have the form of Data (Invalid, NotSupported), and if it
// holds more than a template (Forbidden), because a patch with it would change more than
// the template. The error's path, such as data.spec.template, is that of the
// ControllerRevision.
func Template(rev *appsv1.ControllerRevision) (*corev1.PodTemplateSpec, error) {
	if rev == nil {
		return nil, field.Required(field.NewPath("revision"), "")
	}
	raw, err := storedData(rev)
	if err != nil {
		return nil, err
	}
	return templateIn(raw)
}

// storedData returns the data as it is, or would be, sent. It is empty for a revision without data.
// It may be the revision's own.
func storedData(rev *appsv1.ControllerRevision) ([]byte, error) {
	if len(rev.Data.Raw) > 0 || rev.Data.Object == nil {
		return rev.Data.Raw, nil
	}
	raw, err := json.Marshal(rev.Data.Object)
	if err != nil {
		return nil, invalid(field.NewPath("data"), err)
	}
	return raw, nil
}

// templateIn takes the template out of stored data.
func templateIn(raw []byte) (*corev1.PodTemplateSpec, error) {
	path := field.NewPath("data")
	var data any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &data); err != nil {
			return nil, invalid(path, err)
		}
	}
	if data == nil {
		return nil, field.Required(path, "the revision holds no template")
	}
	var err error
	for _, name := range []string{"spec", "template"} {
		if data, err = onlyMember(data, name, path); err != nil {
			return nil, err
		}
		path = path.Child(name)
	}
	fields, err := members(data, path)
	if err != nil {
		return nil, err
	}
	directive, ok := fields[revision.DirectiveKey]
	switch {
	case !ok:
		return nil, field.Required(path.Child(revision.DirectiveKey), "is missing: the data is a partial patch, not a whole template")
	case directive != revision.DirectiveReplace:
		return nil, field.NotSupported(path.Child(revision.DirectiveKey), directive, []string{revision.DirectiveReplace})
	}
	// The directive is no field of a template: decoding drops it.
	encoded, err := json.Marshal(fields)
	if err != nil {
		return nil, invalid(path, err)
	}
	template := &corev1.PodTemplateSpec{}
	if err := json.Unmarshal(encoded, template); err != nil {
		return nil, invalid(path, err)
	}
	return template, nil
}

// onlyMember returns the member of that name, which must be the only one.
func onlyMember(value any, name string, path *field.Path) (any, error) {
	fields, err := members(value, path)
	if err != nil {
		return nil, err
	}
	member, ok := fields[name]
	if !ok || member == nil {
		return nil, field.Required(path.Child(name), "the revision holds no template")
	}
	for _, other := range slices.Sorted(maps.Keys(fields)) {
		if other != name {
			return nil, field.Forbidden(path.Child(other), "a revision holds spec.template and nothing else")
		}
	}
	return member, nil
}

func members(value any, path *field.Path) (map[string]any, error) {
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, field.Invalid(path, field.OmitValueType{}, "must be an object")
	}
	return fields, nil
}

// invalid leaves the value out, which may be a whole template.
func invalid(path *field.Path, err error) error {
	return field.Invalid(path, field.OmitValueType{}, err.Error())
}
