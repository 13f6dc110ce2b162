package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/pernode/daemonset/daemon/manifest"
)

// The names of the two texts, in positions.
const (
	manifestText = "manifest"
	clusterText  = "cluster"
)

// Fault is one fault of a text.
type Fault struct {
	// Text is "manifest" or "cluster".
	Text string `json:"text"`
	// Line counts from 1; 0 means that it is not known.
	Line   int    `json:"line"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

func (f Fault) Error() string {
	text := f.Detail
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	if f.Line > 0 {
		text = fmt.Sprintf("%s, line %d: %s", f.Text, f.Line, text)
	}
	return text
}

func faultsOf(err error) []Fault {
	var list manifest.ErrorList
	if !errors.As(err, &list) {
		return []Fault{{Text: manifestText, Detail: err.Error()}}
	}
	var out []Fault
	for _, e := range list {
		out = append(out, Fault{Text: e.File, Line: e.Line, Field: e.Field, Detail: e.Detail})
	}
	return out
}

// parsed are two texts that were read.
type parsed struct {
	texts Texts
	// manifest and cluster have the objects of each text.
	manifest, cluster *manifest.Objects
	subjects          []manifest.Subject
	// nodes are those of both texts.
	nodes []*corev1.Node
	pods  []*corev1.Pod
}

// read reads two texts. It takes over from before what has not changed.
func read(texts Texts, before *parsed) (*parsed, []Fault) {
	p := &parsed{texts: texts, manifest: &manifest.Objects{}, cluster: &manifest.Objects{}}
	var faults []Fault
	add := func(objects *manifest.Objects, name, text string) {
		// A text with nothing in it has no objects.
		if err := objects.Read(name, strings.NewReader(text)); err != nil && !errors.Is(err, manifest.ErrEmpty) {
			faults = append(faults, faultsOf(err)...)
		}
	}
	if before != nil && before.texts.Cluster == texts.Cluster {
		p.cluster = before.cluster
	} else {
		add(p.cluster, clusterText, texts.Cluster)
	}
	add(p.manifest, manifestText, texts.Manifest)
	if len(faults) > 0 {
		return nil, faults
	}
	m, c := p.manifest, p.cluster
	all := manifest.Objects{
		DaemonSets: slices.Concat(m.DaemonSets, c.DaemonSets), Nodes: slices.Concat(c.Nodes, m.Nodes),
		Pods: slices.Concat(c.Pods, m.Pods), Revisions: slices.Concat(c.Revisions, m.Revisions),
	}
	if faults := p.twice(); len(faults) > 0 {
		return nil, faults
	}
	p.nodes, p.pods, p.subjects = all.Nodes, all.Pods, all.Subjects()
	if len(p.subjects) == 0 {
		return nil, []Fault{{Text: manifestText, Detail: "no DaemonSet in the texts"}}
	}
	return p, nil
}

// twice finds objects that both texts have, apart from a manifest beside its stored DaemonSet.
func (p *parsed) twice() []Fault {
	var faults []Fault
	there := map[string]bool{}
	key := func(kind string, o metav1.Object) string { return kind + " " + o.GetNamespace() + "/" + o.GetName() }
	for _, n := range p.cluster.Nodes {
		there[key("Node", n)] = true
	}
	for _, d := range p.cluster.DaemonSets {
		if d.UID == "" {
			there[key("DaemonSet", d)] = true
		}
	}
	add := func(kind string, o metav1.Object) {
		if there[key(kind, o)] {
			at := p.manifest.Position(o, "metadata.name")
			faults = append(faults, Fault{manifestText, at.Line, at.Field, "the cluster has this " + kind + " already"})
		}
	}
	for _, n := range p.manifest.Nodes {
		add("Node", n)
	}
	for _, d := range p.manifest.DaemonSets {
		if d.UID == "" {
			add("DaemonSet", d)
		}
	}
	return faults
}

// subject returns the DaemonSet of a name, or the first.
func (p *parsed) subject(name string) *manifest.Subject {
	for i := range p.subjects {
		if s := &p.subjects[i]; name == "" || setName(s.DaemonSet) == name {
			return s
		}
	}
	return nil
}

func setName(ds *appsv1.DaemonSet) string { return ds.Namespace + "/" + ds.Name }

// target returns the DaemonSet as the texts want it.
func target(s *manifest.Subject) *appsv1.DaemonSet {
	if s.Proposed != nil {
		return s.Proposed
	}
	return s.DaemonSet
}

// at returns the place of a field of an object of either text.
func (p *parsed) at(object metav1.Object, path string) manifest.Position {
	at := p.manifest.Position(object, path)
	if at.File == "" {
		at = p.cluster.Position(object, path)
	}
	return at
}

// locate gives errors about an object their places.
func (p *parsed) locate(object metav1.Object, errs field.ErrorList) []Fault {
	var out []Fault
	for _, err := range errs {
		at := p.at(object, err.Field)
		out = append(out, Fault{Text: at.File, Line: at.Line, Field: err.Field, Detail: err.ErrorBody()})
	}
	return out
}

// manifestOf writes a stored DaemonSet as a person would: without what only a server sets.
func manifestOf(ds *appsv1.DaemonSet) (string, error) {
	annotations := maps.Clone(ds.Annotations)
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	delete(annotations, appsv1.DeprecatedTemplateGeneration)
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&ds.Spec)
	if err != nil {
		return "", fmt.Errorf("%s: %w", ds.Name, err)
	}
	if template, ok := spec["template"].(map[string]any); ok {
		if meta, ok := template["metadata"].(map[string]any); ok {
			delete(meta, "creationTimestamp")
		}
	}
	metadata := map[string]any{"namespace": ds.Namespace, "name": ds.Name}
	if len(ds.Labels) > 0 {
		metadata["labels"] = ds.Labels
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	text, err := yaml.Marshal(map[string]any{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec})
	return string(text), err
}
