package manifest

import (
	"errors"
	"strings"
	"testing"
)

func TestErrEmpty(t *testing.T) {
	const node = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
	for _, tc := range []struct {
		name, why, text string
		want            bool
	}{
		{"no text", "no document", "", true},
		{"white space", "no document", " \r\n\n", true},
		{"comments and marks", "no document", "# a\n---\n# b\n--- # c\n...\n", true},
		{"null", "a document of nothing", "---\nnull\n---\n~\n", true},
		{"byte order mark", "editors write it", "\ufeff---\n", true},
		{"object", "it is there", "---\n" + node, false},
		{"empty map", "an object without a kind", "{}\n", false},
		{"empty text", "a string is no object", "\"\"\n", false},
		{"false", "a value is no object", "false\n", false},
		{"not YAML", "another fault", "a: [\n", false},
		{"name of it", "the words alone are not the fault", "nothing in it\n", false},
		{"service", "it is passed over", "apiVersion: v1\nkind: Service\n", false},
	} {
		err := new(Objects).Read("a.yaml", strings.NewReader(tc.text))
		if got := errors.Is(err, ErrEmpty); got != tc.want {
			t.Errorf("%s: errors.Is(%v, ErrEmpty) = %t, want %t: %s", tc.name, err, got, tc.want, tc.why)
		}
	}
	if err := (*Error)(nil); err.Is(ErrEmpty) {
		t.Error("a nil Error is ErrEmpty")
	}
}
