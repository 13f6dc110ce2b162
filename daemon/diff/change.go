package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Op is the kind of a Change.
type Op int

const (
	// OpAdd: only the new object has the value.
	OpAdd Op = iota + 1
	// OpRemove: only the old object has the value.
	OpRemove
	// OpReplace: both objects have a value, and the values differ.
	OpReplace
	// OpReorder: the entries that both lists have are in another order.
	OpReorder
)

// String returns "add", "remove", "replace" or "reorder", and "Op(n)" for any
// other number.
func (o Op) String() string {
	switch o {
	case OpAdd:
		return "add"
	case OpRemove:
		return "remove"
	case OpReplace:
		return "replace"
	case OpReorder:
		return "reorder"
	}
	return fmt.Sprintf("Op(%d)", int(o))
}

// Change is one difference between an old object and a new one.
type Change struct {
	// Op is the kind of the difference.
	Op Op
	// Path is the path of the value, in the JSON names of the fields. Dots separate
	// fields. Brackets hold the key of a map entry, the key fields of a
	// list entry, or the index of an entry in a list that is compared by
	// position:
	//
	//	metadata.labels[app.kubernetes.io/name]
	//	spec.containers[name=nginx].ports[containerPort=80,protocol=TCP].hostPort
	//	spec.containers[name=nginx].args[0]
	//
	// A key that is empty or holds a bracket, a comma, a quote or an unprintable
	// character is quoted as in Go. The index of a removed entry refers to the old
	// list, every other index to the new list.
	Path string
	// Old and New are the values in their Go types (string, corev1.PullPolicy,
	// resource.Quantity, corev1.Container), never pointers to them. Old is nil
	// for OpAdd, New is nil for OpRemove. For OpReorder both are a []string: the
	// keys that both lists have, as Path writes them. Old has the order of the old
	// list, New that of the new list. The values may share memory with the compared
	// objects: they are read-only.
	Old, New any
}

// String returns the change on one line, with the values in JSON:
//
//	spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4-alpine"
//	spec.tolerations[2]: added {"operator":"Exists"}
//	spec.nodeSelector[disk]: removed "ssd"
//	spec.initContainers: reordered ["name=a","name=b"] -> ["name=b","name=a"]
//
// An empty path is written as ".". A string that is not valid UTF-8 is quoted as in Go.
// Within any other value JSON replaces the invalid bytes, so two such values may have the
// same text though Old and New differ. A value that JSON cannot hold is written in Go's
// default format, quoted.
func (c Change) String() string {
	path := c.Path
	if path == "" {
		path = "."
	}
	switch c.Op {
	case OpAdd:
		return path + ": added " + valueText(c.New)
	case OpRemove:
		return path + ": removed " + valueText(c.Old)
	case OpReplace:
		return path + ": " + valueText(c.Old) + " -> " + valueText(c.New)
	case OpReorder:
		return path + ": reordered " + valueText(c.Old) + " -> " + valueText(c.New)
	}
	return path + ": " + c.Op.String()
}

// Changes are the differences between two objects, in the order that the package
// comment describes. Equal objects have none.
type Changes []Change

// String returns one line for each change, or "" if there are none.
func (c Changes) String() string {
	lines := make([]string, len(c))
	for i := range c {
		lines[i] = c[i].String()
	}
	return strings.Join(lines, "\n")
}

// valueText returns the value on one line, as Change.String describes.
func valueText(value any) string {
	if s, ok := value.(string); ok && !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return strconv.Quote(fmt.Sprint(value))
	}
	return strings.TrimSuffix(buf.String(), "\n")
}
