package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// culprit returns the path of the field that makes decoding fail. Decoding errors
// do not tell it: not at all, or without the indices of lists.
func culprit(raw []byte, decode func([]byte) error) string {
	var value any
	if err := utiljson.Unmarshal(raw, &value); err != nil {
		return ""
	}
	return strings.TrimPrefix(narrow(value, func(part any) bool {
		raw, err := json.Marshal(part)
		return err == nil && decode(raw) != nil
	}), ".")
}

// narrow returns the path to the innermost part of a value that fails all by
// itself.
func narrow(value any, fails func(any) bool) string {
	switch value := value.(type) {
	case map[string]any:
		if fails(map[string]any{}) {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			only := func(part any) bool { return fails(map[string]any{key: part}) }
			if only(value[key]) {
				step := "." + key
				if strings.ContainsAny(key, "./") {
					step = "[" + key + "]"
				}
				return step + narrow(value[key], only)
			}
		}
	case []any:
		if fails([]any{}) {
			break
		}
		for i := range value {
			only := func(part any) bool { return fails([]any{part}) }
			if only(value[i]) {
				return fmt.Sprintf("[%d]", i) + narrow(value[i], only)
			}
		}
	}
	return ""
}

// andMore tells how many errors there are behind the one that is told.
func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

const unknownField = "unknown field"

var (
	strictError = regexp.MustCompile(`^(unknown field|duplicate field) "(.*)"$`)
	typeError   = regexp.MustCompile(`cannot unmarshal (\w+).* into Go .*of type (.+)$`)
	indices     = regexp.MustCompile(`\[\d+\]`)
)

// strictWords takes a strict decoding error apart: what is wrong, and at which path.
func strictWords(err error) (what, path string) {
	if m := strictError.FindStringSubmatch(err.Error()); m != nil {
		return m[1], m[2]
	}
	return err.Error(), ""
}

// typeWords says what a decoding error says, in the words of someone who writes
// YAML.
func typeWords(err error) string {
	m := typeError.FindStringSubmatch(err.Error())
	if m == nil {
		return err.Error()
	}
	is := map[string]string{
		"object": "a map", "array": "a list", "string": "a string", "number": "a number", "bool": "true or false",
	}[m[1]]
	want := "a map"
	switch kind := m[2]; {
	case strings.HasPrefix(kind, "[]"):
		want = "a list"
	case strings.HasPrefix(kind, "int"):
		want = "a whole number (" + kind + ")"
	case kind == "bool":
		want = "true or false"
	case kind == "string":
		want = "a string"
	}
	return fmt.Sprintf("is %s and has to be %s", is, want)
}

// Printable puts a mark in the place of control characters: input must not forge
// lines or control the terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
