package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// TestNothingIsDropped: the parser stops after the first node of a document, and what follows
// is an error all the same.
func TestNothingIsDropped(t *testing.T) {
	const node = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s"}}`
	a, b := fmt.Sprintf(node, "a"), fmt.Sprintf(node, "b")
	const trailing = "does not belong to what is before it: a document holds one object or list; put --- between two, and check the indentation"
	for _, tc := range []struct{ name, why, text, want string }{
		{"cut off", "a pipe that broke", a + "\n" + b[:20], "x:2: document 2: unexpected EOF"},
		{"error of kubectl", "2>&1", a + "\nError from server (Forbidden): pods is forbidden\n", "x:2: document 2: invalid character 'E' looking for beginning of value"},
		{"lines with commas", "neither JSON lines nor a list", a + ",\n" + b + "\n", "x:1: document 2: invalid character ',' looking for beginning of value"},
		{"first lines indented further", "the field would be lost", " apiVersion: v1\n kind: Node\n metadata: {name: a}\nspec: {unschedulable: maybe}\n", "x:4: document 1: " + trailing},
		{"items indented less", "the item would be lost", "  apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Node, metadata: {name: a}}\n- {apiVersion: v1, kind: Node, metadata: {name: b}}\n", "x:5: document 1: " + trailing},
		{"behind braces", "the field would be lost", "# c\n{apiVersion: v1, kind: Node, metadata: {name: a}}\n\nfoo: bar\n", "x:4: document 1: " + trailing},
		{"behind a mark", "the document begins in its line", "--- {apiVersion: v1, kind: Node, metadata: {name: a}}\nfoo: bar\n", "x:2: document 1: " + trailing},
		{"behind null", "the document looks blank", "~ # none\n}\n", "x:2: document 1: " + trailing},
		{"scanner in line 1", "the library gives no line", "@a: b\n", "x:1: document 1: found character that cannot start any token"},
		{"alias", "about the whole document", "\n\na: *b\n", "x:3: document 1: unknown anchor 'b' referenced"},
	} {
		var o Objects
		if err := o.Read("x", strings.NewReader(tc.text)); err == nil || err.Error() != tc.want {
			t.Errorf("%s: Read = %v\nwant %s: %s", tc.name, err, tc.want, tc.why)
		}
	}
	for _, tc := range []struct{ name, why, text string }{
		{"comment behind JSON", "it is no content", a + " # the first\n# the end\n"},
		{"indented as a whole", "it is one node", "  apiVersion: v1\n  kind: Node\n  metadata:\n    name: a\n    annotations:\n      x: |2\n          y\n        z\n"},
		{"byte order mark", "it has no column", "\ufeff{apiVersion: v1, kind: Node, metadata: {name: a}}\n"},
		{"old line ends", "they end lines, too", "{apiVersion: v1,\r kind: Node,\r\nmetadata: {name: a}}\r"},
		{"properties", "they belong to the node", "!!map\n&x\napiVersion: v1\nkind: Node\nmetadata: {name: a}\n"},
	} {
		var o Objects
		if err := o.Read("x", strings.NewReader(tc.text)); err != nil || len(o.Nodes) != 1 {
			t.Errorf("%s: Read = %v with %d nodes, want one: %s", tc.name, err, len(o.Nodes), tc.why)
		}
	}
}

// TestCutOff: a text that ends at any byte gives an error, or all objects that begin in it.
func TestCutOff(t *testing.T) {
	const object = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"n%d"}}`
	const flow = `{apiVersion: v1, kind: Node, metadata: {name: n%d}}`
	for _, format := range []string{object + "\n", object, "---\n" + flow + "\n", "--- " + object + "\n"} {
		var text strings.Builder
		for i := range 3 {
			fmt.Fprintf(&text, format, i)
		}
		for end := range text.Len() {
			part := text.String()[:end]
			var o Objects
			if err := o.Read("x", strings.NewReader(part)); err == nil && len(o.Nodes) != strings.Count(part, "{")/2 {
				t.Errorf("Read(%q) = nil with %d nodes", part, len(o.Nodes))
			}
		}
	}
}
