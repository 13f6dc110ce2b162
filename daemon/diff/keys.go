package diff

import (
	"reflect"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// keyField is one of the fields that make the key of a list entry.
type keyField struct {
	// name is the field's name in JSON, "" if the entry itself is the key.
	name string
	// absent replaces an empty value.
	absent string
	// index is the field's index for reflect.Value.FieldByIndex.
	index []int
}

// keyFields returns the key of the list in the given field: its patchMergeKey, or
// the API's listMapKey for the few lists whose key is longer or not in the struct
// tags. A list of plain values that is a set has its entries as keys. The result
// is nil if the list has no key.
func keyFields(field reflect.StructField) []keyField {
	if field.Type == nil {
		return nil
	}
	switch field.Type.Elem() {
	case reflect.TypeFor[corev1.ContainerPort]():
		return []keyField{{name: "containerPort"}, {name: "protocol", absent: string(corev1.ProtocolTCP)}}
	case reflect.TypeFor[corev1.TopologySpreadConstraint]():
		return []keyField{{name: "topologyKey"}, {name: "whenUnsatisfiable"}}
	case reflect.TypeFor[corev1.VolumeHealthCondition]():
		return []keyField{{name: "status"}, {name: "reason"}}
	case reflect.TypeFor[corev1.ResourceClaim](), reflect.TypeFor[corev1.PodVolumeHealth]():
		return []keyField{{name: "name"}}
	case reflect.TypeFor[corev1.ResourceHealth]():
		return []keyField{{name: "resourceID"}}
	}
	if key := field.Tag.Get("patchMergeKey"); key != "" {
		return []keyField{{name: key}}
	}
	if field.Tag.Get("patchStrategy") == "merge" && field.Type.Elem().Kind() == reflect.String {
		return []keyField{{}}
	}
	return nil
}

// entryKeys returns the key of each entry of two lists in the given field, as
// Change.Path writes it. It reports false if the list has no key, and if a key is
// empty or repeats within a list: such lists are compared by position.
func entryKeys(field reflect.StructField, old, cur reflect.Value) (oldKeys, curKeys []string, ok bool) {
	keys := keyFields(field)
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

func uniqueKeys(list reflect.Value, keys []keyField) ([]string, bool) {
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
	// Nearly all lists are short; a map pays for long ones only.
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

// text returns one key field of an entry, and false if it is empty.
func (k keyField) text(entry reflect.Value) (string, bool) {
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
// included. It returns nil if the struct has no such field.
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
