package cli

import (
	"errors"

	"github.com/pernode/daemonset/daemon/manifest"
)

// Errors returns the faults of an input one by one, or an error that has no list of them as the
// only one.
func Errors(err error) manifest.ErrorList {
	var list manifest.ErrorList
	if !errors.As(err, &list) {
		list = manifest.ErrorList{{Detail: err.Error()}}
	}
	return list
}
