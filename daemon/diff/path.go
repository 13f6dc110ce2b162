package diff

import (
	"reflect"
	"strconv"
	"strings"
)

// fieldPath returns the path of a field of the struct at path. An inlined struct
// has the path of the struct around it.
func fieldPath(path string, field reflect.StructField) string {
	name := jsonName(field)
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

// keyPath returns the path of an entry of the map or list at path. The key is
// quoted if that is necessary.
func keyPath(path, key string) string { return path + "[" + key + "]" }

// indexPath returns the path of the entry with an index of the list at path.
func indexPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// jsonName returns the name of a field in JSON, "" for an inlined struct.
func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "" && !field.Anonymous {
		return field.Name
	}
	return name
}

// quoteKey quotes a key that would make a path ambiguous.
func quoteKey(key string) string {
	if key != "" && !strings.ContainsFunc(key, unusual) {
		return key
	}
	quoted := strconv.Quote(key)
	if key == "" || strings.ContainsAny(key, "[],") || quoted[1:len(quoted)-1] != key {
		return quoted
	}
	return key
}

// unusual reports whether a key with the character may have to be quoted.
func unusual(c rune) bool {
	return c < ' ' || c >= 0x7f || c == '[' || c == ']' || c == ',' || c == '"' || c == '\\'
}
