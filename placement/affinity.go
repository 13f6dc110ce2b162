package placement

import (
	"errors"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// fieldNodeName is the only field of a node that matchFields know
// (extractNodeFields@v0.37.2 of nodeaffinity).
const fieldNodeName = "metadata.name"

// affinity is a required node affinity. One of its terms has to match.
type affinity struct {
	terms []term // in the template's order
}

// term is one node selector term. All its requirements have to match.
type term struct {
	source corev1.NodeSelectorTerm // own copy, for explanations
	state  termState
	labels []labelRequirement
	fields []fieldRequirement
}

type termState uint8

const (
	termLive termState = iota + 1
	termEmpty
	termMalformed
)

// labelRequirement is one of matchExpressions.
type labelRequirement struct {
	key    string
	verb   verb
	value  string              // In and NotIn of one value
	values []string            // In and NotIn of a few values
	set    map[string]struct{} // In and NotIn of many values
	bound  int64               // Gt and Lt
}

// verb is the operator of a labelRequirement and the form of its values.
type verb uint8

const (
	verbInOne verb = iota + 1
	verbInFew
	verbInMany
	verbNotInOne
	verbNotInFew
	verbNotInMany
	verbExists
	verbDoesNotExist
	verbGreater
	verbLess
)

// manyValues is the number of values from which on a map is faster than a slice.
const manyValues = 12

// fieldRequirement is one of matchFields, In or NotIn of one value.
type fieldRequirement struct {
	name   string
	value  string
	negate bool
}

func compileAffinity(required *corev1.NodeSelector) *affinity {
	a := &affinity{terms: make([]term, len(required.NodeSelectorTerms))}
	for i := range required.NodeSelectorTerms {
		a.terms[i] = compileTerm(&required.NodeSelectorTerms[i])
	}
	return a
}

func compileTerm(source *corev1.NodeSelectorTerm) term {
	t := term{source: *source.DeepCopy()}
	switch {
	case len(source.MatchExpressions) == 0 && len(source.MatchFields) == 0:
		t.state = termEmpty
		return t
	case parse(t.source) != nil:
		t.state = termMalformed
		return t
	}
	t.state = termLive
	t.labels = make([]labelRequirement, len(t.source.MatchExpressions))
	for i := range t.source.MatchExpressions {
		t.labels[i] = compileLabelRequirement(&t.source.MatchExpressions[i])
	}
	t.fields = make([]fieldRequirement, len(t.source.MatchFields))
	for i, r := range t.source.MatchFields {
		t.fields[i] = fieldRequirement{name: r.Key, value: r.Values[0], negate: r.Operator == corev1.NodeSelectorOpNotIn}
	}
	return t
}

// compileLabelRequirement is for a requirement that parses.
func compileLabelRequirement(source *corev1.NodeSelectorRequirement) labelRequirement {
	r := labelRequirement{key: source.Key}
	switch source.Operator {
	case corev1.NodeSelectorOpIn:
		r.holdValues(source.Values, [...]verb{verbInOne, verbInFew, verbInMany})
	case corev1.NodeSelectorOpNotIn:
		r.holdValues(source.Values, [...]verb{verbNotInOne, verbNotInFew, verbNotInMany})
	case corev1.NodeSelectorOpExists:
		r.verb = verbExists
	case corev1.NodeSelectorOpDoesNotExist:
		r.verb = verbDoesNotExist
	case corev1.NodeSelectorOpGt:
		r.verb = verbGreater
		r.bound, _ = parseInteger(source.Values[0])
	case corev1.NodeSelectorOpLt:
		r.verb = verbLess
		r.bound, _ = parseInteger(source.Values[0])
	}
	return r
}

// holdValues keeps the values in the form that suits their number. The verbs are
// those for one value, a few and many.
func (r *labelRequirement) holdValues(values []string, verbs [3]verb) {
	switch {
	case len(values) == 1:
		r.verb, r.value = verbs[0], values[0]
	case len(values) < manyValues:
		r.verb, r.values = verbs[1], values
	default:
		r.verb, r.set = verbs[2], make(map[string]struct{}, len(values))
		for _, v := range values {
			r.set[v] = struct{}{}
		}
	}
}

// matches is LazyErrorNodeSelector.Match@v0.37.2 without its errors.
func (a *affinity) matches(node *corev1.Node) bool {
	for i := range a.terms {
		if a.terms[i].matches(node) {
			return true
		}
	}
	return false
}

func (t *term) matches(node *corev1.Node) bool {
	if t.state != termLive {
		return false
	}
	for i := range t.fields {
		if !t.fields[i].matches(node) {
			return false
		}
	}
	for i := range t.labels {
		if !t.labels[i].matches(node.Labels) {
			return false
		}
	}
	return true
}

// matches is Requirement.Matches@v0.37.2 of labels.
func (r *labelRequirement) matches(labels map[string]string) bool {
	value, ok := labels[r.key]
	if !ok {
		return r.verb == verbDoesNotExist || r.verb == verbNotInOne || r.verb == verbNotInFew || r.verb == verbNotInMany
	}
	switch r.verb {
	case verbInOne:
		return value == r.value
	case verbNotInOne:
		return value != r.value
	case verbInFew:
		return slices.Contains(r.values, value)
	case verbNotInFew:
		return !slices.Contains(r.values, value)
	case verbInMany:
		_, in := r.set[value]
		return in
	case verbNotInMany:
		_, in := r.set[value]
		return !in
	case verbExists:
		return true
	case verbGreater:
		n, ok := parseInteger(value)
		return ok && n > r.bound
	case verbLess:
		n, ok := parseInteger(value)
		return ok && n < r.bound
	default: // verbDoesNotExist
		return false
	}
}

// matches does what hasTerm and notHasTerm @v0.37.2 of fields do: a field that the
// node lacks is the empty string. A node without a name has no fields, and
// upstream then skips matchFields (nodeSelectorTerm.match@v0.37.2).
func (r *fieldRequirement) matches(node *corev1.Node) bool {
	if node.Name == "" {
		return true
	}
	value := ""
	if r.name == fieldNodeName {
		value = node.Name
	}
	return (value == r.value) != r.negate
}

// errorsAt returns the parse errors of the term, as
// nodeaffinity.NewNodeSelector@v0.37.2 words them. The index is that of the term in
// the template.
func (t *term) errorsAt(index int) field.ErrorList {
	terms := requiredPath().Child("nodeSelectorTerms")
	err := parse(t.source)
	if err == nil {
		return nil
	}
	list := []error{err}
	if all := utilerrors.Aggregate(nil); errors.As(err, &all) {
		list = all.Errors()
	}
	errs := make(field.ErrorList, 0, len(list))
	for _, err := range list {
		var parsed *field.Error
		if !errors.As(err, &parsed) {
			errs = append(errs, field.InternalError(terms.Index(index), err))
			continue
		}
		// The parser saw an only term, at index zero.
		at := *parsed
		at.Field = terms.Index(index).String() + strings.TrimPrefix(parsed.Field, terms.Index(0).String())
		errs = append(errs, &at)
	}
	return errs
}

// parse calls upstream's own parser, so that the two always agree.
func parse(t corev1.NodeSelectorTerm) error {
	only := &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{t}}
	_, err := nodeaffinity.NewNodeSelector(only, field.WithPath(requiredPath()))
	return err
}

// requiredPath is the path of the required node affinity in a pod template.
func requiredPath() *field.Path {
	return field.NewPath("spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
}
