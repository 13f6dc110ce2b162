package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// The kinds that are read.
const (
	kindDaemonSet = "DaemonSet"
	kindNode      = "Node"
	kindPod       = "Pod"
	kindRevision  = "ControllerRevision"
)

// versions has the API version of each kind that is read.
var versions = map[string]schema.GroupVersion{
	kindDaemonSet: appsv1.SchemeGroupVersion,
	kindRevision:  appsv1.SchemeGroupVersion,
	kindNode:      corev1.SchemeGroupVersion,
	kindPod:       corev1.SchemeGroupVersion,
}

// newDecoder returns a decoder of these kinds that reports unknown fields. It keeps nothing of what
// it decodes.
func newDecoder() runtime.Decoder {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(appsv1.SchemeGroupVersion, &appsv1.DaemonSet{}, &appsv1.ControllerRevision{})
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Node{}, &corev1.Pod{})
	return jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme, scheme,
		jsonserializer.SerializerOptions{Strict: true})
}

// object reads one object, or a list of objects. list is the type that the items of a typed
// list have without saying so.
func (r *reading) object(at place, raw []byte, list metav1.TypeMeta) {
	if r.full() {
		return
	}
	// What programs make of a list is often an array.
	if bytes.HasPrefix(raw, []byte("[")) {
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err == nil {
			r.items(at, items, list)
			return
		}
	}
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Items           []json.RawMessage `json:"items"`
		Message         string            `json:"message"`
	}
	readHead := func(raw []byte) error { return utiljson.Unmarshal(raw, &head) }
	if err := readHead(raw); err != nil {
		errs, _ := at.undecodable(raw, readHead, err)
		r.errs = append(r.errs, errs...)
		return
	}
	if head.Kind == "" {
		head.Kind = list.Kind
	}
	if head.APIVersion == "" {
		head.APIVersion = list.APIVersion
	}
	// Kinds of others may end so and be no lists, such as IPAllowList.
	kind, isList := strings.CutSuffix(head.Kind, "List")
	_, isRead := versions[kind]
	if isList && !isRead && kind != "" && head.Items == nil {
		isList = false
	}
	if head.Kind == "List" {
		isRead = true
	}
	var err *Error
	switch gvk := schema.FromAPIVersionAndKind(head.APIVersion, head.Kind); {
	case head.Kind == "":
		err = at.missing("kind", raw)
	case head.APIVersion == "":
		err = at.missing("apiVersion", raw)
	case isBraced(head.Kind):
		err = at.wrong("kind", isTemplate)
	case isBraced(head.APIVersion) && isRead:
		err = at.wrong("apiVersion", isTemplate)
	case head.Kind == "Status" && head.APIVersion == "v1":
		err = at.wrong("", fmt.Sprintf("is an answer of the API server and no object: %q", head.Message))
	case isList:
		items := metav1.TypeMeta{Kind: kind}
		if kind != "" {
			items.APIVersion = head.APIVersion
		}
		r.items(at, head.Items, items, "items")
	case versions[head.Kind] == gvk.GroupVersion():
		err = r.decode(at, raw, gvk)
	default:
		if field, detail := mistaken(gvk); detail != "" {
			err = at.wrong(field, detail)
		} else {
			r.passedOver[PassedOver{File: r.file, APIVersion: head.APIVersion, Kind: head.Kind}]++
		}
	}
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// maxLists is how many lists may be nested. Each one reads again what is in it.
const maxLists = 16

// items reads the items of a list, which a field of the object at a place has, or the object
// itself is.
func (r *reading) items(at place, raw []json.RawMessage, typ metav1.TypeMeta, path ...string) {
	if r.lists >= maxLists {
		r.errs = append(r.errs, at.wrong("", fmt.Sprintf("is a list inside %[1]d others: at most %[1]d may be nested", maxLists)))
		return
	}
	r.lists++
	defer func() { r.lists-- }()
	list := at.spot
	if list.text == "" {
		list = spot{at.document, nil}
	}
	spots := list.items(len(raw), path...)
	for i, item := range raw {
		at := at
		at.item = strings.TrimPrefix(fmt.Sprintf("%s.%s[%d]", at.item, strings.Join(path, "."), i), ".")
		at.spot = spots[i]
		r.object(at, item, typ)
	}
}

// decode reads an object of one of the kinds that matter.
func (r *reading) decode(at place, raw []byte, gvk schema.GroupVersionKind) *Error {
	if r.objects.decoder == nil {
		r.objects.decoder = newDecoder()
	}
	var object metav1.Object
	var doubts []error
	decode := func(raw []byte) error {
		decoded, _, err := r.objects.decoder.Decode(raw, &gvk, nil)
		if strict, ok := runtime.AsStrictDecodingError(err); ok {
			doubts, err = strict.Errors(), nil
		}
		if err == nil {
			object = decoded.(metav1.Object)
		}
		return err
	}
	wrong := len(r.errs)
	if err := decode(raw); err != nil {
		errs, rest := at.undecodable(raw, decode, err)
		r.errs = append(r.errs, errs...)
		if decode(rest) != nil {
			return nil
		}
	}
	for _, doubt := range doubts {
		what, path := strictWords(doubt)
		// What a server has stored is not misspelt: the server is newer.
		if what == unknownField && isStored(object) {
			r.passedOver[PassedOver{r.file, gvk.GroupVersion().String(), gvk.Kind, indices.ReplaceAllString(path, "[]"), 0}]++
		} else {
			if isBraced(path) {
				what = isTemplate
			}
			r.errs = append(r.errs, at.wrong(path, what))
		}
	}
	if len(r.errs) > wrong {
		slices.SortStableFunc(r.errs[wrong:], func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
		return nil
	}
	if !isStored(object) {
		if path := templateIn(raw); path != "" {
			return at.wrong(path, isTemplate)
		}
	}
	return r.keep(at, gvk.Kind, object)
}

// undecodable returns the errors for an object that cannot be decoded, and the object without
// the values that are wrong.
func (p place) undecodable(raw []byte, decode func([]byte) error, err error) (errs []*Error, rest []byte) {
	var whole any
	if err := utiljson.Unmarshal(raw, &whole); err != nil {
		return []*Error{p.wrong("", err.Error())}, raw
	}
	faults := narrow(whole, err, func(part any) error {
		raw, err := json.Marshal(part)
		if err != nil {
			return nil
		}
		return decode(raw)
	})
	for _, f := range faults {
		path := strings.TrimPrefix(f.path, ".")
		if text, ok := f.value.(string); ok && isBraced(text) {
			errs = append(errs, p.wrong(path, isTemplate))
		} else {
			errs = append(errs, p.wrong(path, decodingWords(f.err, f.value)))
		}
	}
	if rest, err = json.Marshal(whole); err != nil {
		rest = raw
	}
	return errs, rest
}

// fault is a value that cannot be decoded, with its path and the error that it alone gives.
type fault struct {
	path  string
	value any
	err   error
}

// narrow returns the innermost parts of a value that fail by themselves, MaxErrors of them at
// most, and puts nulls in their places. The error is that of the whole value. Errors of decoding
// are about the first part that fails, and do not have its path: not at all, or without the indices
// of lists.
func narrow(value any, err error, decode func(any) error) []fault {
	var faults []fault
	enter := func(step string, part any, only func(any) error) (narrowed any) {
		if len(faults) >= MaxErrors {
			return part
		}
		err := only(part)
		if err == nil {
			return part
		}
		for _, f := range narrow(part, err, only) {
			if f.path == "" {
				part = nil
			}
			f.path = step + f.path
			faults = append(faults, f)
		}
		return part
	}
	switch value := value.(type) {
	case map[string]any:
		if decode(map[string]any{}) != nil {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			step := "." + key
			if strings.ContainsAny(key, "./") {
				step = "[" + key + "]"
			}
			value[key] = enter(step, value[key], func(part any) error { return decode(map[string]any{key: part}) })
		}
	case []any:
		if decode([]any{}) != nil {
			break
		}
		for i := range value {
			value[i] = enter(fmt.Sprintf("[%d]", i), value[i], func(part any) error { return decode([]any{part}) })
		}
	}
	if faults == nil {
		return []fault{{value: value, err: err}}
	}
	return faults[:min(len(faults), MaxErrors)]
}

const unknownField = "unknown field"

var (
	strictError = regexp.MustCompile(`^(unknown field|duplicate field) "(.*)"$`)
	typeError   = regexp.MustCompile(`cannot unmarshal (\w+).* into Go .*of type (.+)$`)
	indices     = regexp.MustCompile(`\[\d+\]`)
)

// strictWords takes a strict decoding error apart: what is wrong, and at which path.
func strictWords(err error) (what, path string) {
	if m := strictError.FindStringSubmatch(err.Error()); m != nil {
		return m[1], m[2]
	}
	return err.Error(), ""
}

// decodingWords says what a decoding error about a value says, in the words of someone who
// writes YAML.
func decodingWords(err error, value any) string {
	text := err.Error()
	for _, wrong := range []error{resource.ErrFormatWrong, resource.ErrNumeric, resource.ErrSuffix} {
		if strings.Contains(text, wrong.Error()) {
			return fmt.Sprintf("Invalid value: %#v: is not a quantity, such as 100m, 2 or 1.5Gi", value)
		}
	}
	if strings.HasPrefix(text, "parsing time ") {
		return fmt.Sprintf("Invalid value: %#v: is not a time, such as 2026-01-02T15:04:05Z", value)
	}
	m := typeError.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	is := map[string]string{
		"object": "a map", "array": "a list", "string": "a string", "number": "a number", "bool": "true or false",
	}[m[1]]
	// YAML makes true of yes and on, and a number of 1.10.
	switch value.(type) {
	case bool:
		is = fmt.Sprint(value)
	case int64, float64:
		is = fmt.Sprintf("the number %v", value)
	}
	want, hint := "a map", ""
	switch kind := m[2]; {
	case strings.HasPrefix(kind, "[]"):
		want = "a list"
	case strings.HasPrefix(kind, "int"):
		if _, ok := value.(int64); ok {
			return fmt.Sprintf("Invalid value: %v: is out of range (%s)", value, kind)
		}
		want = "a whole number (" + kind + ")"
	case kind == "bool":
		want = "true or false"
	case kind == "string":
		want = "a string"
		if m[1] == "number" || m[1] == "bool" {
			hint = ": put it in quotes"
		}
	}
	return fmt.Sprintf("is %s and has to be %s%s", is, want, hint)
}
