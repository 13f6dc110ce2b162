package diff

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// listKey is one of the fields that tell the entries of a list apart.
type listKey struct {
	name string
	// absent is what a missing value stands for.
	absent string
	index  []int
}

// extensible reports whether admission adds to lists with such entries, though
// they have no keys: tolerations, and the requirements into which the API server
// turns matchLabelKeys (applyMatchLabelKeysAndMismatchLabelKeys@v1.37.2).
func extensible(entry reflect.Type) bool {
	return entry == reflect.TypeFor[corev1.Toleration]() || entry == reflect.TypeFor[metav1.LabelSelectorRequirement]()
}

// listKeys returns the key fields of the list in the given field: its
// patchMergeKey, or for the few lists whose key is longer or not in the struct
// tags, what the API declares by listMapKey. An empty name means that the
// entries are a set, each its own key. Nil means that the list has no keys.
func listKeys(field reflect.StructField) []listKey {
	if field.Type == nil {
		return nil
	}
	switch field.Type.Elem() {
	case reflect.TypeFor[corev1.ContainerPort]():
		return []listKey{{name: "containerPort"}, {name: "protocol", absent: string(corev1.ProtocolTCP)}}
	case reflect.TypeFor[corev1.TopologySpreadConstraint]():
		return []listKey{{name: "topologyKey"}, {name: "whenUnsatisfiable"}}
	case reflect.TypeFor[corev1.VolumeHealthCondition]():
		return []listKey{{name: "status"}, {name: "reason"}}
	case reflect.TypeFor[corev1.ResourceClaim](), reflect.TypeFor[corev1.PodVolumeHealth]():
		return []listKey{{name: "name"}}
	case reflect.TypeFor[corev1.ResourceHealth]():
		return []listKey{{name: "resourceID"}}
	}
	if key := field.Tag.Get("patchMergeKey"); key != "" {
		return []listKey{{name: key}}
	}
	if field.Tag.Get("patchStrategy") == "merge" && field.Type.Elem().Kind() == reflect.String {
		return []listKey{{}}
	}
	return nil
}

// entryKeys returns the key of each entry of two lists in the given field, as a
// path writes it. It reports false where the list has no keys, and where a key
// is empty or occurs twice in a list: such lists go by position.
func entryKeys(field reflect.StructField, old, cur reflect.Value) (oldKeys, curKeys []string, ok bool) {
	keys := listKeys(field)
	if keys == nil {
		return nil, nil, false
	}
	elem := old.Type().Elem()
	for i := range keys {
		if keys[i].name == "" {
			continue
		}
		if keys[i].index = jsonIndex(elem, keys[i].name); keys[i].index == nil {
			return nil, nil, false
		}
	}
	if oldKeys, ok = uniqueKeys(old, keys); !ok {
		return nil, nil, false
	}
	curKeys, ok = uniqueKeys(cur, keys)
	return oldKeys, curKeys, ok
}

func uniqueKeys(list reflect.Value, keys []listKey) ([]string, bool) {
	all := make([]string, list.Len())
	for i := range all {
		for k, key := range keys {
			text, ok := key.text(list.Index(i))
			if !ok {
				return nil, false
			}
			if k > 0 {
				text = all[i] + "," + text
			}
			all[i] = text
		}
	}
	// Nearly all lists are short; only for a long one a map pays.
	if len(all) <= 32 {
		for i, key := range all {
			if slices.Contains(all[:i], key) {
				return nil, false
			}
		}
		return all, true
	}
	seen := make(map[string]bool, len(all))
	for _, key := range all {
		if seen[key] {
			return nil, false
		}
		seen[key] = true
	}
	return all, true
}

// text returns one key field of an entry, false where it is empty.
func (k listKey) text(entry reflect.Value) (string, bool) {
	value := entry
	if k.name != "" {
		value = entry.FieldByIndex(k.index)
	}
	text := k.absent
	switch {
	case value.IsZero():
	case value.Kind() == reflect.String:
		text = value.String()
	case value.CanInt():
		text = strconv.FormatInt(value.Int(), 10)
	}
	if text == "" {
		return "", false
	}
	if k.name == "" {
		return quoteKey(text), true
	}
	return k.name + "=" + quoteKey(text), true
}

// jsonIndex finds a field of a struct by its name in JSON, inlined structs
// included; nil where there is none.
func jsonIndex(t reflect.Type, name string) []int {
	for i := range t.NumField() {
		field := t.Field(i)
		switch jsonName(field) {
		case name:
			return []int{i}
		case "":
			if field.Type.Kind() != reflect.Struct {
				continue
			}
			if index := jsonIndex(field.Type, name); index != nil {
				return append([]int{i}, index...)
			}
		}
	}
	return nil
}

// jsonName returns the name of a field in JSON, "" for an inlined struct.
func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "" && !field.Anonymous {
		return field.Name
	}
	return name
}

func mapKey(key reflect.Value) string { return "[" + quoteKey(key.String()) + "]" }

func indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// quoteKey quotes a key that would make a path hard to read back.
func quoteKey(key string) string {
	plain := key != ""
	for i := 0; i < len(key) && plain; i++ {
		switch c := key[i]; {
		case c < ' ', c == '[', c == ']', c == ',', c == '"', c == '\\', c >= 0x7f:
			plain = false
		}
	}
	if plain {
		return key
	}
	if quoted := strconv.Quote(key); key == "" || strings.ContainsAny(key, "[],") || quoted[1:len(quoted)-1] != key {
		return quoted
	}
	return key
}
