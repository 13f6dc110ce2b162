package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Op is the kind of a Change.
type Op int

const (
	// OpAdd: the value is in the new object alone.
	OpAdd Op = iota + 1
	// OpRemove: the value is in the old object alone.
	OpRemove
	// OpReplace: both have a value, and the values differ.
	OpReplace
	// OpReorder: the entries that both lists have stand in another order.
	OpReorder
)

// String returns "add", "remove", "replace" or "reorder".
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
	// Op says what kind of difference it is.
	Op Op
	// Path says where, in the JSON names of the fields: fields are separated by
	// dots, and brackets hold the key of a map entry, the key fields of a list
	// entry, or the index of an entry of a list without keys:
	//
	//	metadata.labels[app.kubernetes.io/name]
	//	spec.containers[name=nginx].ports[containerPort=80,protocol=TCP].hostPort
	//	spec.containers[name=nginx].args[0]
	//
	// A key that holds a bracket, a comma, a quote or an unprintable character
	// is quoted as in Go. An index is the new list's, except that of a removed
	// value, which is the old list's.
	Path string
	// Old and New are the values in their Go types (string, corev1.PullPolicy,
	// resource.Quantity, corev1.Container), never pointers to them. Old is nil
	// for OpAdd, New for OpRemove. For OpReorder both are a []string: the keys
	// that both lists have, each as Path writes it, in the order of either. The
	// values may share memory with the objects compared: read-only.
	Old, New any
}

// String returns the change on one line. Values are compact JSON:
//
//	spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4-alpine"
//	spec.tolerations[2]: added {"operator":"Exists"}
//	spec.nodeSelector[disk]: removed "ssd"
//	spec.initContainers: reordered ["name=a","name=b"] -> ["name=b","name=a"]
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

// Changes is what differs between two objects, in the order in which the API
// declares the fields; map entries are ordered by key, list entries as in the
// old list and then, for those that are new, as in the new one. Empty means
// semantically equal.
type Changes []Change

// String returns one line for each change, and "" where there is none.
func (c Changes) String() string {
	lines := make([]string, len(c))
	for i := range c {
		lines[i] = c[i].String()
	}
	return strings.Join(lines, "\n")
}

// Templates returns what changes from one pod template to another. A nil
// template is an empty one. Neither argument is changed; the result may share
// memory with both.
//
// Values that mean the same are no change: quantities of the same amount
// (1000m and 1), nil and empty lists or maps. A rollout compares bytes instead
// (Match@v1.37.2): templates that differ only in such spelling, for instance 1Gi
// and 1073741824, have no changes here and yet different revisions.
//
// Lists go by the keys that the API declares for them. Entries with the same
// keys in another order are one OpReorder beside the changes within them, since
// order matters to init containers and to variables that refer to each other.
// Lists without keys, and those where a key is empty or occurs twice, are
// aligned around equal entries, and what lies between is paired in order; there
// an entry that moved is removed and added. A struct, an entry, or a list of
// plain values that only one side has is one change.
func Templates(old, cur *corev1.PodTemplateSpec) Changes {
	if old == nil {
		old = &corev1.PodTemplateSpec{}
	}
	if cur == nil {
		cur = &corev1.PodTemplateSpec{}
	}
	return compare(diffAll, old, cur)
}

// Pods returns what changes from one pod to another, status included, by
// the rules of Templates. Left out are kind and apiVersion, which a pod
// read from a list lacks, and metadata.managedFields. A nil pod is an empty one.
func Pods(old, cur *corev1.Pod) Changes {
	return compare(diffAll, diffable(old), diffable(cur))
}

// diffable returns a shallow copy of the pod without what Pods leaves out.
func diffable(pod *corev1.Pod) *corev1.Pod {
	if pod == nil {
		return &corev1.Pod{}
	}
	clone := *pod
	clone.TypeMeta = metav1.TypeMeta{}
	clone.ManagedFields = nil
	return &clone
}

// valueText returns the value as JSON on one line. What JSON cannot hold is
// written as a Go string, so that different strings never read the same.
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
