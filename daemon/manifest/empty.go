package manifest

import "errors"

// ErrEmpty is the fault of a text without content: it has no document, or its documents have only
// white space, comments and null. Test the error of Read with errors.Is. A caller may take such a
// text for one without objects.
var ErrEmpty = errors.New("nothing in it")

// Is lets errors.Is find ErrEmpty. e may be nil.
func (e *Error) Is(target error) bool {
	return e != nil && target == ErrEmpty && e.Detail == ErrEmpty.Error()
}
