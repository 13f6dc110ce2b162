package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pernode/daemonset/daemon/manifest"
)

// Choose returns the DaemonSet that the flag -set names: NAMESPACE/NAME, or NAME if only one namespace
// has it.
func Choose(all []manifest.Subject, set string) (manifest.Subject, error) {
	var found []manifest.Subject
	for _, s := range all {
		if set == fullName(s) || set == s.DaemonSet.Name {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return manifest.Subject{}, fmt.Errorf("no DaemonSet %s in the input, but %s", set, Enumerate(FullNames(all)))
	case 1:
		return found[0], nil
	}
	return manifest.Subject{}, fmt.Errorf("-set %s: which of them? The input has %s", set, Enumerate(FullNames(found)))
}

// FullNames returns the names as NAMESPACE/NAME, in the order of the DaemonSets.
func FullNames(all []manifest.Subject) []string {
	names := make([]string, 0, len(all))
	for _, s := range all {
		names = append(names, fullName(s))
	}
	return names
}

func fullName(s manifest.Subject) string { return s.DaemonSet.Namespace + "/" + s.DaemonSet.Name }

// Enumerate lists some names.
func Enumerate(names []string) string {
	const most = 10
	if more := len(names) - most; more > 1 {
		names = append(slices.Clone(names[:most-1]), fmt.Sprintf("%s and %d more", names[most-1], more))
	}
	return strings.Join(names, ", ")
}
