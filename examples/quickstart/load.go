package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// objects are the DaemonSets that some files hold, and the three other kinds
// that matter to them.
type objects struct {
	sets      []*appsv1.DaemonSet
	nodes     []*corev1.Node
	pods      []*corev1.Pod
	revisions []*appsv1.ControllerRevision

	// places tells where each object stands, and named which object a name is.
	places map[metav1.Object]place
	named  map[string]metav1.Object

	decoder *jsonserializer.Serializer
}

// place is where an object stands in the input.
type place struct {
	file     string
	document int
	// item is the path to the object in a document that is a list.
	item string
}

// wrong is the error for one field of the object.
func (p place) wrong(path, detail string) error {
	if p.item != "" {
		path = strings.TrimSuffix(p.item+"."+path, ".")
	}
	if path != "" {
		detail = path + ": " + detail
	}
	return fmt.Errorf("%s: document %d: %s", p.file, p.document, detail)
}

func newObjects() (*objects, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(appsv1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	return &objects{
		places: map[metav1.Object]place{},
		named:  map[string]metav1.Object{},
		decoder: jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme, scheme,
			jsonserializer.SerializerOptions{Strict: true}),
	}, nil
}

// read adds the objects of one file: YAML or JSON, one document or many, single
// objects or lists of them. It returns what it passed over, in words; the error
// names the file, the document and the field.
func (o *objects) read(file string, r io.Reader) (passedOver []string, err error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	tally := map[string]int{}
	at := place{file: file}
	for _, doc := range splitDocuments(string(data)) {
		values, err := doc.values()
		for _, value := range values {
			at.document++
			if err := o.add(at, value, metav1.TypeMeta{}, tally); err != nil {
				return nil, doc.explain(err)
			}
		}
		if err != nil {
			at.document++
			return nil, doc.explain(at.wrong("", err.Error()))
		}
	}
	if at.document == 0 {
		return nil, fmt.Errorf("%s: nothing in it", file)
	}
	for _, what := range slices.Sorted(maps.Keys(tally)) {
		passedOver = append(passedOver, fmt.Sprintf("%s (%d)", what, tally[what]))
	}
	return passedOver, nil
}

// add takes one object, or a list of objects, as JSON. list is the type that the
// items of a typed list have without saying so.
func (o *objects) add(at place, raw []byte, list metav1.TypeMeta, tally map[string]int) error {
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Items           []json.RawMessage `json:"items"`
	}
	if err := utiljson.Unmarshal(raw, &head); err != nil {
		return at.wrong("", "is not a Kubernetes object: "+typeWords(err))
	}
	if head.Kind == "" {
		head.Kind = list.Kind
	}
	if head.APIVersion == "" {
		head.APIVersion = list.APIVersion
	}
	kind, isList := strings.CutSuffix(head.Kind, "List")
	switch {
	case head.Kind == "":
		return at.wrong("kind", "Required value")
	case head.APIVersion == "":
		return at.wrong("apiVersion", "Required value")
	case isList:
		items := metav1.TypeMeta{Kind: kind}
		if kind != "" {
			items.APIVersion = head.APIVersion
		}
		for i, item := range head.Items {
			at := place{at.file, at.document, strings.TrimPrefix(fmt.Sprintf("%s.items[%d]", at.item, i), ".")}
			if err := o.add(at, item, items, tally); err != nil {
				return err
			}
		}
		return nil
	}

	gvk := schema.FromAPIVersionAndKind(head.APIVersion, head.Kind)
	switch gvk {
	case appsv1.SchemeGroupVersion.WithKind("DaemonSet"), appsv1.SchemeGroupVersion.WithKind("ControllerRevision"),
		corev1.SchemeGroupVersion.WithKind("Node"), corev1.SchemeGroupVersion.WithKind("Pod"):
	default:
		tally[fmt.Sprintf("%s %s", head.APIVersion, head.Kind)]++
		return nil
	}
	decoded, _, err := o.decoder.Decode(raw, &gvk, nil)
	strict, isStrict := runtime.AsStrictDecodingError(err)
	if err != nil && !isStrict {
		return at.wrong(o.culprit(raw, gvk), typeWords(err))
	}
	object := decoded.(metav1.Object)
	if isStrict {
		for _, err := range strict.Errors() {
			what, path := strictWords(err)
			// What a server stored has no misspelt field: it is a newer server.
			if what != unknownField || object.GetUID() == "" {
				return at.wrong(path, what)
			}
			tally[fmt.Sprintf("field %s of %s", indices.ReplaceAllString(path, "[]"), head.Kind)]++
		}
	}
	return o.keep(at, head.Kind, object)
}

// keep stores a decoded object under its name.
func (o *objects) keep(at place, kind string, object metav1.Object) error {
	if object.GetName() == "" {
		return at.wrong("metadata.name", "Required value")
	}
	switch {
	case kind == "Node":
		object.SetNamespace("")
	case object.GetNamespace() == "":
		object.SetNamespace(metav1.NamespaceDefault)
	}
	name := strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/")
	if other := o.named[kind+" "+name]; other != nil {
		there := o.places[other]
		return at.wrong("metadata.name", fmt.Sprintf("%s %s is in %s, document %d, already", kind, name, there.file, there.document))
	}
	o.named[kind+" "+name] = object
	o.places[object] = at

	switch object := object.(type) {
	case *appsv1.DaemonSet:
		o.sets = append(o.sets, object)
	case *corev1.Node:
		o.nodes = append(o.nodes, object)
	case *corev1.Pod:
		o.pods = append(o.pods, object)
	case *appsv1.ControllerRevision:
		// A revision is found by its bytes, and those are sorted and without
		// spaces where they come from; printing has changed that.
		if len(object.Data.Raw) > 0 {
			var data any
			if err := utiljson.Unmarshal(object.Data.Raw, &data); err != nil {
				return at.wrong("data", err.Error())
			}
			raw, err := json.Marshal(data)
			if err != nil {
				return at.wrong("data", err.Error())
			}
			object.Data.Raw = raw
		}
		o.revisions = append(o.revisions, object)
	}
	return nil
}

// culprit returns the path of the field that makes decoding fail. Decoding errors
// do not tell it: not at all, or without the indices of lists.
func (o *objects) culprit(raw []byte, gvk schema.GroupVersionKind) string {
	var value any
	if err := utiljson.Unmarshal(raw, &value); err != nil {
		return ""
	}
	return strings.TrimPrefix(narrow(value, func(part any) bool {
		raw, err := json.Marshal(part)
		if err != nil {
			return false
		}
		_, _, err = o.decoder.Decode(raw, &gvk, nil)
		return err != nil && !runtime.IsStrictDecodingError(err)
	}), ".")
}

// narrow goes down to the part of a value that fails all by itself.
func narrow(value any, fails func(any) bool) string {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			only := func(part any) bool { return fails(map[string]any{key: part}) }
			if only(value[key]) {
				step := "." + key
				if strings.ContainsAny(key, "./") {
					step = "[" + key + "]"
				}
				return step + narrow(value[key], only)
			}
		}
	case []any:
		for i := range value {
			only := func(part any) bool { return fails([]any{part}) }
			if only(value[i]) {
				return fmt.Sprintf("[%d]", i) + narrow(value[i], only)
			}
		}
	}
	return ""
}

const unknownField = "unknown field"

var (
	strictError = regexp.MustCompile(`^(unknown field|duplicate field) "(.*)"$`)
	typeError   = regexp.MustCompile(`cannot unmarshal (\w+).* into Go .* of type (\S+)$`)
	indices     = regexp.MustCompile(`\[\d+\]`)
)

// strictWords takes a strict decoding error apart: what is wrong, and where.
func strictWords(err error) (what, path string) {
	if m := strictError.FindStringSubmatch(err.Error()); m != nil {
		return m[1], m[2]
	}
	return err.Error(), ""
}

// typeWords says what a decoding error says, in the words of someone who writes
// YAML.
func typeWords(err error) string {
	m := typeError.FindStringSubmatch(err.Error())
	if m == nil {
		return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "json: "), "\n", " ")
	}
	is := map[string]string{
		"object": "a map", "array": "a list", "string": "a string", "number": "a number", "bool": "true or false",
	}[m[1]]
	want := "a map"
	switch kind := m[2]; {
	case strings.HasPrefix(kind, "[]"):
		want = "a list"
	case strings.HasPrefix(kind, "int"):
		want = "a whole number"
	case kind == "bool":
		want = "true or false"
	case kind == "string":
		want = "a string"
	}
	return fmt.Sprintf("is %s and has to be %s", is, want)
}

// document is one document of a file.
type document struct {
	text string
	// line is the number of its first line in the file.
	line int
}

// splitDocuments cuts a file at the lines that end or begin a YAML document.
func splitDocuments(text string) []document {
	var docs []document
	start, startLine, offset, number := 0, 1, 0, 0
	for line := range strings.Lines(text) {
		number++
		if mark := strings.HasPrefix(line, "---") || strings.HasPrefix(line, "..."); mark && (len(line) == 3 || strings.ContainsAny(line[3:4], " \t\r\n")) {
			docs = append(docs, document{text[start:offset], startLine})
			start, startLine = offset+3, number
		}
		offset += len(line)
	}
	return append(docs, document{text[start:], startLine})
}

// values returns what the document holds as JSON: nothing, if it is blank, or one
// value, or several, as JSON needs no marks between them. With an error come the
// values before it.
func (d document) values() ([][]byte, error) {
	if utilyaml.IsJSONBuffer([]byte(d.text)) {
		if values, err := d.jsonValues(); err == nil || !d.isYAML() {
			return values, err
		}
	}
	var value any
	if err := utilyaml.UnmarshalStrict([]byte(d.text), &value); err != nil {
		return nil, err
	}
	if value == nil {
		return nil, nil
	}
	raw, err := json.Marshal(value)
	return [][]byte{raw}, err
}

func (d document) jsonValues() (values [][]byte, err error) {
	decoder := json.NewDecoder(strings.NewReader(d.text))
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if err == io.EOF {
			return values, nil
		}
		if err != nil {
			line := 1 + strings.Count(d.text[:min(len(d.text), int(decoder.InputOffset()))], "\n")
			return values, fmt.Errorf("line %d: %w", line, err)
		}
		values = append(values, raw)
	}
}

// isYAML tells whether the text is YAML that only looks like JSON.
func (d document) isYAML() bool {
	var value any
	return utilyaml.Unmarshal([]byte(d.text), &value) == nil
}

var (
	lineNumber = regexp.MustCompile(`\bline (\d+)`)
	flattened  = regexp.MustCompile(`(?m)^metadata:[ \t\r]*\n(name|namespace|labels|annotations):`)
)

// explain makes one line of an error, with line numbers of the file instead of the
// document's, and points out a common cause.
func (d document) explain(err error) error {
	text := err.Error()
	for _, noise := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors:\n  "} {
		text = strings.ReplaceAll(text, noise, "")
	}
	text, _, _ = strings.Cut(text, "\n")
	text = lineNumber.ReplaceAllStringFunc(text, func(match string) string {
		n, _ := strconv.Atoi(strings.TrimPrefix(match, "line "))
		return fmt.Sprintf("line %d", n+d.line-1)
	})
	if flattened.MatchString(d.text) {
		text += ` (what belongs under "metadata:" is not indented)`
	}
	return errors.New(text)
}

// invalid is the error for a field of a whole object, in its place.
func (o *objects) invalid(object metav1.Object, err error) error {
	at := o.places[object]
	var fieldErr *field.Error
	if errors.As(err, &fieldErr) {
		return at.wrong(fieldErr.Field, fieldErr.ErrorBody())
	}
	return at.wrong("", err.Error())
}
