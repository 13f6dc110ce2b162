package lint

import (
	"strconv"
	"strings"
)

// Severity is the severity of a finding. Lower values are more severe. The zero value is
// no severity.
type Severity int

// The severities, the most severe first.
const (
	// SeverityError: the DaemonSet does not work as written. The API server refuses
	// it, or its pods or its rollout get stuck.
	SeverityError Severity = iota + 1
	// SeverityWarning: the DaemonSet works but does harm, or it gets stuck under a
	// condition that the given objects do not show.
	SeverityWarning
	// SeverityInfo: a field has no effect, or one that is easy to overlook.
	SeverityInfo
)

// String returns "error", "warning" or "info", and "Severity(n)" for any other number.
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
	// Severity is the severity of the fault. Some codes have two; the comment of the
	// code says when each applies.
	Severity Severity
	// Field is the path of the field in the DaemonSet, in JSON names, such as
	// spec.updateStrategy.rollingUpdate.maxSurge.
	Field string
	// Message says what is wrong and what will happen.
	Message string
	// Fix says what to do about it.
	Fix string
	// Nodes are the sorted names of the nodes that the finding is about. It is nil if
	// the finding is not about particular nodes.
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
