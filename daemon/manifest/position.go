package manifest

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Position is a place in a text that was read. The zero Position is unknown.
type Position struct {
	// File is the name that was given to Read.
	File string `json:"file"`
	// Document counts the documents of the file from 1, without the blank ones. It is 0 for
	// the file as a whole.
	Document int `json:"document,omitempty"`
	// Line counts the lines of the file from 1. It is the line of the field, or of the
	// innermost field around it that the text has. It is 0 if it is not known.
	Line int `json:"line,omitempty"`
	// Field is the path of the field from the root of the document, such as spec.selector,
	// or items[2].spec.selector in a list. It is empty for the document as a whole.
	Field string `json:"field,omitempty"`
}

// Error is one fault of a text.
type Error struct {
	Position
	// Detail says what is wrong, without the position. It is for people, and its wording may
	// change.
	Detail string `json:"detail"`
}

// Error returns the fault on one line:
//
//	ds.yaml:7: document 1: spec.selektor: unknown field
//
// It leaves out what is not known. A nil error is empty text.
func (e *Error) Error() string {
	if e == nil {
		return ""
	}
	var parts []string
	switch {
	case e.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d", e.File, e.Line))
	case e.File != "":
		parts = append(parts, e.File)
	}
	if e.Document > 0 {
		parts = append(parts, fmt.Sprintf("document %d", e.Document))
	}
	if e.Field != "" {
		parts = append(parts, e.Field)
	}
	return strings.Join(append(parts, e.Detail), ": ")
}

// ErrorList holds the faults of one text, in the order of the text.
type ErrorList []*Error

// Error returns the first error, with the number of the others.
func (l ErrorList) Error() string {
	switch len(l) {
	case 0:
		return "no errors"
	case 1:
		return l[0].Error()
	}
	return fmt.Sprintf("%v (and %d more)", l[0], len(l)-1)
}

// Unwrap returns the errors, for errors.As.
func (l ErrorList) Unwrap() []error {
	var errs []error
	for _, err := range l {
		errs = append(errs, err)
	}
	return errs
}

// Position returns the place of a field of an object that was read. path is a path in the
// object, such as the Field of a *field.Error or of a lint.Finding; empty means the object as
// a whole. If Read has not added the object, only the field of the Position is known. The
// cost is linear in the text of the object.
func (o *Objects) Position(object metav1.Object, path string) Position {
	if o == nil {
		return Position{Field: path}
	}
	return o.places[object].position(path)
}

// Locate returns errors about an object that was read, such as those of daemon.Validate, with
// their positions, in the same order. It leaves out an error that a field is missing if another
// one says that its value is wrong: to the API server, a budget that does not parse is 0, and one
// of 0 is missing. If a budget is written wrongly and it is clear what was meant, such as "10 %", it
// says how to write that, or why the API server refuses that, too. Without errors it returns nil.
func (o *Objects) Locate(object metav1.Object, errs field.ErrorList) ErrorList {
	wrong := map[string]bool{}
	for _, err := range errs {
		if err != nil && err.Type == field.ErrorTypeInvalid {
			wrong[err.Field] = true
		}
	}
	var list ErrorList
	for _, err := range errs {
		if err != nil && !(err.Type == field.ErrorTypeRequired && wrong[err.Field]) {
			list = append(list, &Error{o.Position(object, err.Field), withHint(object, err)})
		}
	}
	return list
}

// place is the place of an object in the input.
type place struct {
	file string
	// number is that of the document.
	number   int
	document document
	// item is the path to the object in a document that is a list.
	item string
	// spot is where the object is, unless it is the whole document.
	spot spot
}

// position returns the position of a field of the object.
func (p place) position(path string) Position {
	relative := path
	switch {
	case p.item != "" && path == "":
		path = p.item
	case p.item != "":
		path = p.item + "." + path
	}
	at := Position{File: p.file, Document: p.number, Field: path}
	switch {
	case p.spot.text != "":
		at.Line = p.spot.lineOf(relative)
	case p.number > 0:
		at.Line = p.document.lineOf(path)
	}
	return at
}

// wrong is the error for a field of the object.
func (p place) wrong(path, detail string) *Error {
	return &Error{Position: p.position(path), Detail: detail}
}
