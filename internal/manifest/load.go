package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Objects are the DaemonSets that some files hold, and the three other kinds that
// matter to them, each in the order of the files. They come from New.
type Objects struct {
	// Sets are the DaemonSets, stored ones and manifests. See SortedSets for what belongs
	// together.
	Sets []*appsv1.DaemonSet
	// Nodes are the nodes.
	Nodes []*corev1.Node
	// Pods are the pods of all namespaces.
	Pods []*corev1.Pod
	// Revisions are the ControllerRevisions of all namespaces and owners, with
	// their data compacted.
	Revisions []*appsv1.ControllerRevision

	// places has the place of each object, and named the object of each name.
	places map[metav1.Object]place
	named  map[string]metav1.Object

	decoder *jsonserializer.Serializer
}

// place is the place of an object in the input.
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

// Wrong is one error for all that is wrong with an object that was read: it names
// the file, the document and, of the first, the field. errs is not empty.
func (o *Objects) Wrong(object metav1.Object, errs []error) error {
	path, detail := "", errs[0].Error()
	var at *field.Error
	if errors.As(errs[0], &at) {
		path, detail = at.Field, at.ErrorBody()
	}
	return o.places[object].wrong(path, detail+andMore(len(errs)-1))
}

// New returns empty Objects. It fails only if this program is put together
// wrongly.
func New() (*Objects, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(appsv1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	return &Objects{
		places: map[metav1.Object]place{},
		named:  map[string]metav1.Object{},
		decoder: jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme, scheme,
			jsonserializer.SerializerOptions{Strict: true}),
	}, nil
}

// ReadFile reads the named file as Read does, or stdin if its name is "-".
func (o *Objects) ReadFile(file string, stdin io.Reader) (passedOver []string, err error) {
	if file == "-" {
		return o.Read(Title(file), stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return o.Read(file, f)
}

// Title is what messages call a file: its name, and standard input for "-".
func Title(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// Read adds the objects of one file: YAML or JSON, one document or many, single
// objects or lists of them. It returns what it passed over, in words; the error
// names the file, the document and the field.
func (o *Objects) Read(file string, r io.Reader) (passedOver []string, err error) {
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
func (o *Objects) add(at place, raw []byte, list metav1.TypeMeta, tally map[string]int) error {
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

// isStored reports whether a DaemonSet comes from an API server.
func isStored(set *appsv1.DaemonSet) bool { return set.UID != "" }

// setKey is the key in named of the DaemonSet of that name that is stored, or of the
// manifest. An input may have both.
func setKey(set *appsv1.DaemonSet, stored bool) string {
	key := "DaemonSet " + set.Namespace + "/" + set.Name
	if !stored {
		key += " manifest"
	}
	return key
}

// keep stores a decoded object under its name.
func (o *Objects) keep(at place, kind string, object metav1.Object) error {
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
	key := kind + " " + name
	if set, ok := object.(*appsv1.DaemonSet); ok {
		key = setKey(set, isStored(set))
	}
	if other := o.named[key]; other != nil {
		there := o.places[other]
		return at.wrong("metadata.name", fmt.Sprintf("%s %s is in %s, document %d, already", kind, name, there.file, there.document))
	}
	o.named[key] = object
	o.places[object] = at

	switch object := object.(type) {
	case *appsv1.DaemonSet:
		o.Sets = append(o.Sets, object)
	case *corev1.Node:
		o.Nodes = append(o.Nodes, object)
	case *corev1.Pod:
		o.Pods = append(o.Pods, object)
	case *appsv1.ControllerRevision:
		// A revision is found by its bytes, and those are sorted and without
		// spaces at the server; printing has changed that.
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
		o.Revisions = append(o.Revisions, object)
	}
	return nil
}
