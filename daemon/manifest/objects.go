package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/taint"
)

// Objects are the DaemonSets of some texts, and the objects of the three other kinds that
// matter to them, each kind in the order of the texts. The zero Objects are empty. They may
// be added to and changed; Read and ReadFS change them, too.
type Objects struct {
	// DaemonSets are the DaemonSets, stored ones and manifests. Subjects says which belong
	// together.
	DaemonSets []*appsv1.DaemonSet
	// Nodes are the nodes.
	Nodes []*corev1.Node
	// Pods are the pods of all namespaces.
	Pods []*corev1.Pod
	// Revisions are the ControllerRevisions of all namespaces and owners. Their data is
	// compact, with sorted keys, as the API server stores it (getPatch@v1.37.2).
	Revisions []*appsv1.ControllerRevision
	// PassedOver is what the texts hold besides, in the order of the files and then of
	// APIVersion, Kind and Field.
	PassedOver []PassedOver

	// places has the place of each object that was read.
	places map[metav1.Object]place
	// index finds the objects by their keys, as long as nobody else has changed them.
	index *index
	// decoder is made by the first Read, for all.
	decoder runtime.Decoder
}

// PassedOver is something that Read has passed over: objects of another kind, or a field of
// stored objects that the API does not have in this version of the module.
type PassedOver struct {
	// File is the name that was given to Read.
	File string
	// APIVersion and Kind are those of the objects.
	APIVersion, Kind string
	// Field is the path of the field, with [] for every index. It is empty if the objects
	// were passed over as a whole.
	Field string
	// Count is how often it is there.
	Count int
}

// String returns, for instance, "v1 Service (2)" or "field spec.novelty of DaemonSet (1)".
func (p PassedOver) String() string {
	if p.Field != "" {
		return fmt.Sprintf("field %s of %s (%d)", p.Field, p.Kind, p.Count)
	}
	return fmt.Sprintf("%s %s (%d)", p.APIVersion, p.Kind, p.Count)
}

// MaxErrors is how many errors Read returns for one text at most.
const MaxErrors = 10

// ReadFS reads the files of a file system that the patterns match, as Read does. The
// patterns are those of fs.Glob; a pattern that matches nothing is an error. Errors and
// positions have the path of the file in the file system. The cost is linear in the files and in
// what o has already.
func (o *Objects) ReadFS(fsys fs.FS, patterns ...string) error {
	if fsys == nil {
		return field.Required(field.NewPath("fsys"), "")
	}
	named := o.names()
	for _, pattern := range patterns {
		names, err := fs.Glob(fsys, pattern)
		if err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		}
		if len(names) == 0 {
			return &fs.PathError{Op: "open", Path: pattern, Err: fs.ErrNotExist}
		}
		for _, name := range names {
			if err := o.readFile(fsys, name, named); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Objects) readFile(fsys fs.FS, name string, named map[key]metav1.Object) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return o.read(name, f, named)
}

// Read adds the objects of one text: YAML or JSON, one document or many, single objects,
// lists or arrays of them. file is what errors and positions call the text.
//
// As an API server does, it puts objects without a namespace into "default", and takes the
// namespace of a node away. It adds no other defaults. Objects share nothing with each other.
//
// A DaemonSet with the UID of one that an earlier text has is a copy of it that somebody has
// edited: Read takes its UID and resource version away, so that it is a manifest, and a
// proposal to change the stored one.
//
// If the text is wrong, the error is an ErrorList, with at most MaxErrors errors, and
// nothing is added. All values of an object that have the wrong type are among them, and all of
// its fields that do not exist; what is wrong besides, such as its name, is said once these are
// right. Wrong are, besides what does not parse: what follows the object or list
// of a YAML document, which a parser would drop; a field that does not exist, or is there
// twice; a missing or malformed name; a taint of a node with an effect that does not exist, which
// would keep no pod away; braces of a template in what is not stored, unless they
// may be meant, as in annotations, commands, arguments, environment variables and paths; a second
// object of the same kind, namespace and name, here or in what was read before, except for a
// manifest beside a stored DaemonSet; a DaemonSet of an API version that is gone; a list in 16
// others; lists and maps nested more than 500 deep, where an alias counts as what it stands for;
// a byte order mark in YAML that is not at its beginning; and a text with nothing in it (ErrEmpty). If r
// fails, the error wraps that of r.
//
// Each call looks through what o has already. To read many files, call ReadFS, which does so once.
func (o *Objects) Read(file string, r io.Reader) error { return o.read(file, r, o.names()) }

// read is Read. It gets the objects by their keys, and adds to them unless it fails.
func (o *Objects) read(file string, r io.Reader, named map[key]metav1.Object) error {
	if o == nil || r == nil {
		return field.Required(field.NewPath("r"), "Read requires Objects and a reader")
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	reading := &reading{objects: o, file: file, named: named, places: map[metav1.Object]place{}, passedOver: map[PassedOver]int{}}
	reading.text(string(data))
	if len(reading.errs) > 0 {
		for _, key := range reading.keys {
			delete(named, key)
		}
		return reading.errs[:min(len(reading.errs), MaxErrors)]
	}
	o.add(reading)
	return nil
}

// key names an object. A stored DaemonSet and a manifest of the same name have two keys.
type key struct {
	kind, namespace, name string
	manifest              bool
}

func keyOf(kind string, object metav1.Object) key {
	return key{kind, object.GetNamespace(), object.GetName(), kind == kindDaemonSet && !isStored(object)}
}

// keyOfStored is the key of the stored DaemonSet that a manifest would change.
func keyOfStored(manifest metav1.Object) key {
	return key{kind: kindDaemonSet, namespace: manifest.GetNamespace(), name: manifest.GetName()}
}

// isStored reports whether an object comes from an API server.
func isStored(object metav1.Object) bool { return object.GetUID() != "" }

// reading is a text that is being read.
type reading struct {
	objects    *Objects
	file       string
	named      map[key]metav1.Object
	found      []metav1.Object
	keys       []key                   // of those found
	places     map[metav1.Object]place // of those found
	passedOver map[PassedOver]int
	errs       ErrorList
	lists      int // around the object that is read
}

// full reports whether there are as many errors as are returned.
func (r *reading) full() bool { return len(r.errs) >= MaxErrors }

func (r *reading) text(text string) {
	number := 0
	if detail := notText(text); detail != "" {
		r.errs = ErrorList{{Position{File: r.file}, detail}}
		return
	}
	for _, doc := range splitDocuments(text) {
		values, err := doc.values()
		for _, value := range values {
			number++
			before := len(r.errs)
			r.object(place{file: r.file, number: number, document: value.document}, value.raw, metav1.TypeMeta{})
			if len(r.errs) > before {
				value.explain(r.errs[before])
			}
			if r.full() {
				return
			}
		}
		if err != nil {
			number++
			errs := place{file: r.file, number: number, document: doc}.syntax(err)
			doc.explainSyntax(errs[0])
			r.errs = append(r.errs, errs...)
		}
		if r.full() {
			return
		}
	}
	if number == 0 {
		r.errs = ErrorList{{Position{File: r.file}, ErrEmpty.Error()}}
	}
}

// keep notes a decoded object and its place.
func (r *reading) keep(at place, kind string, object metav1.Object) *Error {
	if object.GetName() == "" {
		return at.wrong("metadata.name", "Required value")
	}
	if msgs := validation.IsDNS1123Subdomain(object.GetName()); len(msgs) > 0 {
		return at.wrong("metadata.name", fmt.Sprintf("Invalid value: %q: %s", object.GetName(), msgs[0]))
	}
	if msgs := validation.IsDNS1123Label(object.GetNamespace()); object.GetNamespace() != "" && len(msgs) > 0 {
		return at.wrong("metadata.namespace", fmt.Sprintf("Invalid value: %q: %s", object.GetNamespace(), msgs[0]))
	}
	if node, ok := object.(*corev1.Node); ok {
		if err := taint.CheckEffects(field.NewPath("spec", "taints"), node.Spec.Taints); err != nil {
			return at.wrong(err.Field, err.ErrorBody())
		}
	}
	switch {
	case kind == kindNode:
		object.SetNamespace("")
	case object.GetNamespace() == "":
		object.SetNamespace(metav1.NamespaceDefault)
	}
	key := keyOf(kind, object)
	if other := r.named[key]; r.isEdited(kind, object, other) {
		object.SetUID("")
		object.SetResourceVersion("")
		key.manifest = true
	}
	if other := r.named[key]; other != nil {
		detail := fmt.Sprintf("Duplicate value: %s %s is %s already",
			kind, strings.TrimPrefix(key.namespace+"/"+key.name, "/"), r.where(other))
		switch {
		case kind != kindDaemonSet:
		case !key.manifest:
			detail += ": remove metadata.uid from the one that is the proposal"
		case !slices.Contains(r.found, other) && r.named[keyOfStored(object)] == nil:
			detail += ": two versions of a manifest are compared by examples/premerge, which reads each into Objects of its own"
		}
		return at.wrong("metadata.name", detail)
	}
	if revision, ok := object.(*appsv1.ControllerRevision); ok {
		if err := compact(revision); err != nil {
			return at.wrong("data", err.Error())
		}
	}
	r.named[key] = object
	r.found, r.keys, r.places[object] = append(r.found, object), append(r.keys, key), at
	return nil
}

// isEdited reports whether a DaemonSet is a copy of a stored one from an earlier text, with
// its UID: somebody has printed and edited it.
func (r *reading) isEdited(kind string, object, stored metav1.Object) bool {
	if kind != kindDaemonSet || stored == nil || !isStored(object) || stored.GetUID() != object.GetUID() {
		return false
	}
	_, here := r.places[stored]
	return !here
}

// where says where an object is.
func (r *reading) where(object metav1.Object) string {
	at, ok := r.places[object]
	if !ok {
		at, ok = r.objects.places[object]
	}
	if !ok {
		return "there"
	}
	return fmt.Sprintf("in %s:%d", at.file, at.position("").Line)
}

// compact gives the data of a revision the bytes that it has at the server, by which
// revisions are told apart. Printing has changed them.
func compact(revision *appsv1.ControllerRevision) error {
	if len(revision.Data.Raw) == 0 {
		return nil
	}
	var data any
	if err := utiljson.Unmarshal(revision.Data.Raw, &data); err != nil {
		return err
	}
	raw, err := json.Marshal(data)
	revision.Data.Raw = raw
	return err
}

// add adds what was read.
func (o *Objects) add(r *reading) {
	if o.places == nil {
		o.places = make(map[metav1.Object]place, len(r.found))
	}
	maps.Copy(o.places, r.places)
	for i, object := range r.found {
		o.index.add(r.keys[i], object)
		switch object := object.(type) {
		case *appsv1.DaemonSet:
			o.DaemonSets = append(o.DaemonSets, object)
		case *corev1.Node:
			o.Nodes = append(o.Nodes, object)
		case *corev1.Pod:
			o.Pods = append(o.Pods, object)
		case *appsv1.ControllerRevision:
			o.Revisions = append(o.Revisions, object)
		}
	}
	what := slices.SortedFunc(maps.Keys(r.passedOver), func(a, b PassedOver) int {
		return cmp.Or(cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Field, b.Field))
	})
	for _, p := range what {
		p.Count = r.passedOver[p]
		o.PassedOver = append(o.PassedOver, p)
	}
}
