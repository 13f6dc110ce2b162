package manifest

import "errors"

// ErrEmpty is what errors.Is finds in the error of Read for a text with nothing in it: no
// document, or only documents of white space, comments and null. A caller may take such a text for one
// without objects.
var ErrEmpty = errors.New("nothing in it")

// Is reports whether target is ErrEmpty and e says that. A nil error is none.
func (e *Error) Is(target error) bool {
	return e != nil && target == ErrEmpty && e.Detail == ErrEmpty.Error()
}
