package placement

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// TermFailure says why one term of the required node affinity does not match a
// node.
type TermFailure struct {
	// Term is the index in nodeSelectorTerms.
	Term int
	// Cause says which of the fields below are set.
	Cause TermCause

	// Malformed are the parse errors, for TermCauseMalformed. Field paths start at the
	// template's spec.
	Malformed field.ErrorList

	// Index is the index of the first requirement that fails: in matchExpressions
	// for TermCauseLabel, in matchFields for TermCauseField. matchExpressions come first.
	Index int
	// Requirement is a copy of that requirement.
	Requirement corev1.NodeSelectorRequirement
	// Value is the node's label or field of the requirement's key.
	Value string
	// HasValue is false if the node has no such label or field.
	HasValue bool
}

// TermCause is the kind of a TermFailure.
type TermCause int

// The causes of a TermFailure. Zero is no cause.
const (
	// TermCauseEmpty: the term has neither matchExpressions nor matchFields.
	TermCauseEmpty TermCause = iota + 1
	// TermCauseMalformed: the term does not parse.
	TermCauseMalformed
	// TermCauseLabel: one of the matchExpressions fails.
	TermCauseLabel
	// TermCauseField: one of the matchFields fails.
	TermCauseField
)

// String returns the cause in one word.
func (c TermCause) String() string {
	switch c {
	case TermCauseEmpty:
		return "empty"
	case TermCauseMalformed:
		return "malformed"
	case TermCauseLabel:
		return "label"
	case TermCauseField:
		return "field"
	default:
		return "TermCause(" + strconv.Itoa(int(c)) + ")"
	}
}

// explain returns why the term does not match the node; failed is false if it
// matches. The index is that of the term in the template.
func (t *term) explain(index int, node *corev1.Node) (failure TermFailure, failed bool) {
	failure.Term = index
	switch t.state {
	case termEmpty:
		failure.Cause = TermCauseEmpty
		return failure, true
	case termMalformed:
		failure.Cause, failure.Malformed = TermCauseMalformed, t.errorsAt(index)
		return failure, true
	}
	for i := range t.labels {
		if !t.labels[i].matches(node.Labels) {
			failure.Cause, failure.Index = TermCauseLabel, i
			failure.Requirement = *t.source.MatchExpressions[i].DeepCopy()
			failure.Value, failure.HasValue = node.Labels[failure.Requirement.Key]
			return failure, true
		}
	}
	for i := range t.fields {
		if !t.fields[i].matches(node) {
			failure.Cause, failure.Index = TermCauseField, i
			failure.Requirement = *t.source.MatchFields[i].DeepCopy()
			if failure.Requirement.Key == fieldNodeName {
				failure.Value, failure.HasValue = node.Name, true
			}
			return failure, true
		}
	}
	return TermFailure{}, false
}

// String returns the path in the node affinity and the value that the node has:
//
//	nodeSelectorTerms[0].matchExpressions[1] zone In [a b], node has zone=c
//	nodeSelectorTerms[1].matchFields[0] metadata.name In [worker-1], node has metadata.name=worker-2
//	nodeSelectorTerms[2] is empty
//	nodeSelectorTerms[3].matchExpressions[0].operator is malformed: Unsupported value: "Near"
func (f TermFailure) String() string {
	at := "nodeSelectorTerms[" + strconv.Itoa(f.Term) + "]"
	kind := "label"
	switch f.Cause {
	case TermCauseMalformed:
		return malformedSentence(at, f.Malformed)
	case TermCauseLabel:
		at += ".matchExpressions"
	case TermCauseField:
		at += ".matchFields"
		kind = "field"
	default:
		return at + " is " + f.Cause.String()
	}

	r := &f.Requirement
	s := at + "[" + strconv.Itoa(f.Index) + "] " + word(r.Key) + " " + word(string(r.Operator))
	if len(r.Values) > 0 {
		s += " " + words(r.Values)
	}
	s += ", " + nodeHas(kind, r.Key, f.Value, f.HasValue)
	if r.Operator == corev1.NodeSelectorOpGt || r.Operator == corev1.NodeSelectorOpLt {
		if _, ok := parseInteger(f.Value); f.HasValue && !ok {
			s += " (not an integer)"
		}
	}
	return s
}

// malformedSentence has the first error and the number of the others.
func malformedSentence(at string, errs field.ErrorList) string {
	if len(errs) == 0 || errs[0] == nil {
		return at + " is malformed"
	}
	at = strings.TrimPrefix(errs[0].Field, requiredPath().String()+".")
	s := at + " is malformed: " + errs[0].ErrorBody()
	if more := len(errs) - 1; more > 0 {
		s += " (" + count(more, "more error", "more errors") + ")"
	}
	return s
}
