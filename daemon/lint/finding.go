package lint

import (
	"strconv"
	"strings"
)

// Severity is how bad a fault is. A smaller one is worse. Zero is no severity.
type Severity int

// The severities, the worst first.
const (
	// SeverityError: the DaemonSet does not work as written. The API server refuses
	// it, or its pods or its rollout get stuck.
	SeverityError Severity = iota + 1
	// SeverityWarning: the DaemonSet works but does harm, or it gets stuck under a
	// condition that the given objects do not show.
	SeverityWarning
	// SeverityInfo: a field has no effect, or an effect that is easy to overlook.
	SeverityInfo
)

// String returns the severity as one lower-case word.
func (s Severity) String() string {
	switch s {
	case SeverityError:
		return "error"
	case SeverityWarning:
		return "warning"
	case SeverityInfo:
		return "info"
	default:
		return "Severity(" + strconv.Itoa(int(s)) + ")"
	}
}

// Finding is one fault of a DaemonSet. Programs may depend on Code, Severity, Field
// and Nodes. Message and Fix are for people, and their wording may change.
type Finding struct {
	// Code is the kind of fault.
	Code Code
	// Severity is how bad the fault is. Some codes have two; the comment of the code
	// says when each applies.
	Severity Severity
	// Field is the path of the field in the DaemonSet, in JSON names, such as
	// spec.updateStrategy.rollingUpdate.maxSurge.
	Field string
	// Message says what is wrong and what will happen.
	Message string
	// Fix says what to do about it.
	Fix string
	// Nodes are the names of the nodes concerned, sorted. It is nil where the finding
	// is not about particular nodes.
	Nodes []string
}

// String returns the finding in one line, without Nodes:
//
//	error SurgeHostPort at spec.updateStrategy.rollingUpdate.maxSurge: MESSAGE FIX
//
// It leaves out empty fields.
func (f Finding) String() string {
	var s strings.Builder
	s.WriteString(f.Severity.String())
	if f.Code != "" {
		s.WriteString(" " + string(f.Code))
	}
	if f.Field != "" {
		s.WriteString(" at " + f.Field)
	}
	if f.Message != "" || f.Fix != "" {
		s.WriteString(":")
	}
	if f.Message != "" {
		s.WriteString(" " + f.Message)
	}
	if f.Fix != "" {
		s.WriteString(" " + f.Fix)
	}
	return s.String()
}
