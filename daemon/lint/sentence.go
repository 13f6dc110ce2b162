package lint

import (
	"slices"
	"strconv"
	"strings"
)

// shownNames is how many names a message lists before it counts the rest.
const shownNames = 3

// orQuotes returns a name, or `""` for an empty one.
func orQuotes(name string) string {
	if name == "" {
		return `""`
	}
	return name
}

// listNames returns "w1", "w1 and w2" or "w1, w2, w3 and 7 more".
func listNames(names []string) string {
	more := len(names) - shownNames
	names = slices.Clone(names[:min(len(names), shownNames)])
	for i := range names {
		names[i] = orQuotes(names[i])
	}
	if more > 0 {
		names = append(names, strconv.Itoa(more)+" more")
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// counted returns "1 node" or "2 nodes".
func counted(n int, noun string) string {
	return strconv.Itoa(n) + " " + plural(n, noun, noun+"s")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
