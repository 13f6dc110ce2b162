package cli

import (
	"errors"

	"github.com/pernode/daemonset/daemon/manifest"
)

// Errors returns the faults of an input one by one, and so those of errors.Join. An error that is no
// list is the only one.
func Errors(err error) manifest.ErrorList {
	var list manifest.ErrorList
	if errors.As(err, &list) {
		return list
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			list = append(list, Errors(err)...)
		}
		return list
	}
	return manifest.ErrorList{{Detail: err.Error()}}
}
