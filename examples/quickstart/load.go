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
	"k8s.io/apimachinery/pkg/util/validation"
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
				return nil, fmt.Errorf("%w%s", err, doc.hint())
			}
		}
		if err != nil {
			at.document++
			return nil, at.wrong("", doc.syntax(err)+doc.hint())
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
	readHead := func(raw []byte) error { return utiljson.Unmarshal(raw, &head) }
	if err := readHead(raw); err != nil {
		return at.wrong(culprit(raw, readHead), typeWords(err))
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
	var object metav1.Object
	var doubts []error
	decode := func(raw []byte) error {
		decoded, _, err := o.decoder.Decode(raw, &gvk, nil)
		if strict, ok := runtime.AsStrictDecodingError(err); ok {
			doubts, err = strict.Errors(), nil
		}
		if err == nil {
			object = decoded.(metav1.Object)
		}
		return err
	}
	if err := decode(raw); err != nil {
		return at.wrong(culprit(raw, decode), typeWords(err))
	}
	for i, doubt := range doubts {
		what, path := strictWords(doubt)
		// What a server has stored is not misspelt: the server is newer.
		if what != unknownField || object.GetUID() == "" {
			return at.wrong(path, what+andMore(len(doubts)-1-i))
		}
		tally[fmt.Sprintf("field %s of %s", indices.ReplaceAllString(path, "[]"), head.Kind)]++
	}
	return o.keep(at, head.Kind, object)
}

// keep stores a decoded object under its name.
func (o *objects) keep(at place, kind string, object metav1.Object) error {
	if object.GetName() == "" {
		return at.wrong("metadata.name", "Required value")
	}
	if msgs := validation.IsDNS1123Subdomain(object.GetName()); len(msgs) > 0 {
		return at.wrong("metadata.name", fmt.Sprintf("Invalid value: %q: %s", object.GetName(), msgs[0]))
	}
	if msgs := validation.IsDNS1123Label(object.GetNamespace()); object.GetNamespace() != "" && len(msgs) > 0 {
		return at.wrong("metadata.namespace", fmt.Sprintf("Invalid value: %q: %s", object.GetNamespace(), msgs[0]))
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
func culprit(raw []byte, decode func([]byte) error) string {
	var value any
	if err := utiljson.Unmarshal(raw, &value); err != nil {
		return ""
	}
	return strings.TrimPrefix(narrow(value, func(part any) bool {
		raw, err := json.Marshal(part)
		return err == nil && decode(raw) != nil
	}), ".")
}

// narrow returns the path to the innermost part of a value that fails all by
// itself.
func narrow(value any, fails func(any) bool) string {
	switch value := value.(type) {
	case map[string]any:
		if fails(map[string]any{}) {
			break
		}
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
		if fails([]any{}) {
			break
		}
		for i := range value {
			only := func(part any) bool { return fails([]any{part}) }
			if only(value[i]) {
				return fmt.Sprintf("[%d]", i) + narrow(value[i], only)
			}
		}
	}
	return ""
}

// andMore tells how many errors there are behind the one that is told.
func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

const unknownField = "unknown field"

var (
	strictError = regexp.MustCompile(`^(unknown field|duplicate field) "(.*)"$`)
	typeError   = regexp.MustCompile(`cannot unmarshal (\w+).* into Go .*of type (.+)$`)
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
		return err.Error()
	}
	is := map[string]string{
		"object": "a map", "array": "a list", "string": "a string", "number": "a number", "bool": "true or false",
	}[m[1]]
	want := "a map"
	switch kind := m[2]; {
	case strings.HasPrefix(kind, "[]"):
		want = "a list"
	case strings.HasPrefix(kind, "int"):
		want = "a whole number (" + kind + ")"
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
			at := len(d.text)
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				at = min(at, int(syntax.Offset))
			}
			return values, fmt.Errorf("line %d: %w", 1+strings.Count(d.text[:at], "\n"), err)
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

// syntax makes one line of a syntax error, with the line number of the file
// instead of the document's.
func (d document) syntax(err error) string {
	text := err.Error()
	for _, noise := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors:\n  "} {
		text = strings.TrimPrefix(text, noise)
	}
	text, _, _ = strings.Cut(text, "\n")
	return lineNumber.ReplaceAllStringFunc(text, func(match string) string {
		n, _ := strconv.Atoi(strings.TrimPrefix(match, "line "))
		return fmt.Sprintf("line %d", n+d.line-1)
	})
}

// hint points out a common cause of errors.
func (d document) hint() string {
	if flattened.MatchString(d.text) {
		return ` (what belongs under "metadata:" is not indented)`
	}
	return ""
}
