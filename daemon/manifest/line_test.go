package manifest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

func TestLineOf(t *testing.T) {
	for _, tc := range []struct {
		name, why, text string
		want            map[string]int
	}{
		{"block", "keys, and items with their dash", "a:\n  b:\n  - c: 1\n    d: 2\n  -\n    c: 3\n",
			map[string]int{"": 1, "a": 1, "a.b": 2, "a.b[0]": 3, "a.b[0].c": 3, "a.b[0].d": 4, "a.b[1]": 5, "a.b[1].c": 6}},
		{"items as far left as their key", "as kubectl prints them", "a:\n- x\n- y: 1\n  z: 2\nb: 3\n",
			map[string]int{"a[1]": 3, "a[1].z": 4, "b": 5}},
		{"missing", "the innermost field around it", "a:\n  b: 1\nc: 2\n", map[string]int{"a.x": 1, "a.b.c": 2, "a[0]": 1, "x": 1, "c": 3}},
		{"comments", "may stand anywhere", "# a: 0\n\na: # b: 0\n  # b: 1\n\n  b: 1 # c\nc: 2\n", map[string]int{"": 3, "a.b": 6, "c": 7}},
		{"text", "lines of a text look like keys", "a: |\n  b: 1\n\n  # c\n  c: 1\nb: >-\n  c:\nc: 2\n", map[string]int{"b": 6, "c": 8}},
		{"quotes", "in keys and values, with colons", "\"a: b\": 1\n'it''s': \"x: {\n\n  c: \"\nc: 'y\n\n  d: 1'\nd: 2\n",
			map[string]int{"[a: b]": 1, "[it's]": 2, "c": 5, "d": 8}},
		{"keys", "with dots, slashes and colons", "labels:\n  a.b/c: 1\n  d:e: 2\n", map[string]int{"labels[a.b/c]": 2, "labels[d:e]": 3}},
		{"braces", "on one line and on several", "a: {b: 1, c: [x, {d: 2}]}\ne: {f: 1,\n  g: [1,\n  {h: 2}]\n}\ni: 3\n",
			map[string]int{"a.c[1].d": 1, "e.f": 2, "e.g": 3, "e.g[1]": 4, "e.g[1].h": 4, "i": 6}},
		{"JSON", "is braces", "{\n  \"a\": {\n    \"b\": [\n      \"x, y\",\n      {\"c\": 1}\n    ]\n  }\n}\n",
			map[string]int{"a.b": 3, "a.b[0]": 4, "a.b[1].c": 5}},
		{"anchor and tag", "stand before the value", "a: &x\n  b: 1\nc: !!map\n  d: *x\n", map[string]int{"a.b": 2, "c.d": 4, "c.d.b": 4}},
		{"lists of lists", "two dashes on a line", "a:\n- - x\n  - y: 1\n- z\n", map[string]int{"a[0][0]": 2, "a[0][1].y": 3, "a[1]": 4}},
		{"at the margin", "the parser does not mind indentation in braces and quotes", "a: {\nb: 1\n}\nc: \"x\nb: 1\"\nb: 2\n", map[string]int{"a.b": 2, "b": 6}},
		{"space before the colon", "is not of the key", "x: 1\na : 1\n\"b\" : {c : 1}\n", map[string]int{"a": 2, "b": 3, "b.c": 3}},
		{"carriage returns", "another system", "a:\r\n  b: 1\r\n  c:\r\n  - d\r\n", map[string]int{"a.c[0]": 4}},
	} {
		var content any
		if err := utilyaml.Unmarshal([]byte(tc.text), &content); err != nil {
			t.Fatalf("%s: no YAML: %v", tc.name, err)
		}
		for path, want := range tc.want {
			d := document{text: tc.text, line: 100}
			if got := d.lineOf(path); got != want+99 {
				t.Errorf("%s: lineOf(%q) = %d, want %d: %s", tc.name, path, got, want+99, tc.why)
			}
		}
	}
}

// TestItemsOfOneLine: the cost is linear in the text. If each item looked for the beginning of
// the line, this would take longer than a test may.
func TestItemsOfOneLine(t *testing.T) {
	const n = 500_000
	for _, tc := range []struct {
		item string
		own  bool // its spot begins at the item
	}{{`{"a": "b"},  `, true}, {"[1, 2, 345],  ", true}, {"123456789,   ", false}} {
		list := spot{document{"[0,\n" + strings.Repeat(tc.item, n) + "]", 1}, nil}
		last := list.items(n + 1)[n]
		want := spot{list.document, []string{strconv.Itoa(n)}}
		if tc.own {
			want = spot{document{tc.item + "]", 2}, nil}
		}
		if last.document != want.document || !slices.Equal(last.steps, want.steps) {
			t.Errorf("items: the last of %q is at line %d, %q in %.20q", tc.item, last.line, last.steps, last.text)
		}
	}
}

// writer writes a random value as YAML, and notes the line of each path.
type writer struct {
	rand  *rand.Rand
	text  strings.Builder
	line  int
	lines map[string]int
	// aliases has it write what lineOf does not understand: anchors and aliases, keys in lines of
	// their own, and comments that end at other breaks than those of lines.
	aliases  bool
	anchored []string // the anchors whose values are complete
	anchors  int
}

func (w *writer) write(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.text.WriteString(text)
	w.line += strings.Count(text, "\n")
}

// scalars are values of one or more lines in a block; ~ is the indentation of what is
// below the key.
var scalars = []string{
	"1", "x", "\"a: b\"", "'c: {d'", "\"two\n~ x: lines, \\\" }\"", "'it''s\n\n~ y: [1'", "plain\n~ on two lines",
	"| # k1: comment\n~ [ k0: text", "x # k1: comment", "|\n~ k0: text\n~ - k1: item\n\n~ # no comment", ">-\n~ k2: folded", "https://x/y#z", "\"#\" # comment", "-1", "",
}

func (w *writer) noise(indent string) {
	switch w.rand.IntN(6) {
	case 0:
		w.write("\n")
	case 1:
		w.write("%s# k0: comment\n", indent)
	case 2:
		w.write("# [\n")
	}
}

func (w *writer) key(n int) (source, step string) {
	name := "k" + strconv.Itoa(n)
	switch w.rand.IntN(4) {
	case 0:
		return strconv.Quote(name + "/x.y"), "[" + name + "/x.y]"
	case 1:
		return "'" + name + "'", "." + name
	}
	return name, "." + name
}

// block writes a value behind a key or a dash whose children are indented by indent.
func (w *writer) block(path, indent string, depth int) {
	n := w.rand.IntN(4)
	if w.aliases {
		switch w.rand.IntN(8) {
		case 0:
			w.anchors++
			name := "a" + strconv.Itoa(w.anchors)
			w.write(" &%s", name)
			defer func() { w.anchored = append(w.anchored, name) }()
		case 1:
			if len(w.anchored) > 0 {
				w.write(" *%s\n", w.anchored[w.rand.IntN(len(w.anchored))])
				return
			}
		case 2:
			w.write(" # [%s%s", []string{"\r", "\u0085", "\u2028", "\u2029"}[w.rand.IntN(4)], indent)
			w.flow(path, indent, depth)
			w.write("\n")
			return
		case 3:
			if depth > 0 {
				w.write("\n%[1]s?\n%[1]s  k\n%[1]s:", indent)
				w.block(path, indent+"  ", depth-1)
				return
			}
		}
	}
	switch kind := w.rand.IntN(5); {
	case depth == 0 || n == 0 || kind == 0:
		w.write(" %s\n", strings.ReplaceAll(scalars[w.rand.IntN(len(scalars))], "~", indent))
	case kind == 1:
		w.write(" ")
		w.flow(path, indent, depth)
		w.write("\n")
	case kind == 2 && !strings.HasSuffix(path, "]"):
		// The dashes may be as far left as the key.
		w.write("\n")
		if w.rand.IntN(2) == 0 {
			indent = strings.TrimPrefix(indent, "  ")
		}
		w.items(path, indent, n, depth)
	case kind == 3:
		w.write("\n")
		w.items(path, indent, n, depth)
	default:
		w.write("\n")
		for i := range n {
			w.noise(indent)
			source, step := w.key(i)
			w.lines[path+step] = w.line
			w.write("%s%s:", indent, source)
			w.block(path+step, indent+"  ", depth-1)
		}
	}
}

func (w *writer) items(path, indent string, n, depth int) {
	for i := range n {
		w.noise(indent)
		step := fmt.Sprintf("%s[%d]", path, i)
		w.lines[step] = w.line
		w.write("%s-", indent)
		if depth > 1 && w.rand.IntN(2) == 0 {
			// The first key is beside the dash.
			for j := range 1 + w.rand.IntN(3) {
				lead := indent + "  "
				if j == 0 {
					lead = " "
				}
				source, below := w.key(j)
				w.lines[step+below] = w.line
				w.write("%s%s:", lead, source)
				w.block(step+below, indent+"    ", depth-2)
			}
			continue
		}
		w.block(step, indent+"  ", depth-1)
	}
}

// flow writes a value in braces or brackets.
func (w *writer) flow(path, indent string, depth int) {
	space := func() {
		switch w.rand.IntN(4) {
		case 0:
			w.write("\n%s", indent)
		case 1:
			w.write(" # }\n%s", indent)
		case 2:
			w.write(" ")
		}
	}
	n := w.rand.IntN(3)
	isMap := w.rand.IntN(2) == 0
	switch {
	case depth == 0:
		w.write("%s", []string{"1", "x", `"a, b: \"{"`, "'it''s'", "x:y", "\"\""}[w.rand.IntN(6)])
		return
	case isMap:
		w.write("{")
	default:
		w.write("[")
	}
	for i := range n {
		if i > 0 {
			w.write(",")
		}
		space()
		step := fmt.Sprintf("[%d]", i)
		if isMap {
			source, below := w.key(i)
			step = below
			w.lines[path+step] = w.line
			w.write("%s: ", source)
		} else {
			w.lines[path+step] = w.line
		}
		w.flow(path+step, indent, depth-1)
	}
	space()
	w.write("%s", map[bool]string{true: "}", false: "]"}[isMap])
}

// TestLineOfRandom: the line of every field of random documents, which the writer knows.
func TestLineOfRandom(t *testing.T) {
	fields := 0
	for seed := range uint64(3000) {
		w := &writer{rand: rand.New(rand.NewPCG(seed, 1)), line: 1, lines: map[string]int{}}
		w.noise("")
		for i := range 3 {
			source, step := w.key(i)
			w.lines[step] = w.line
			w.write("%s:", source)
			w.block(step, "  ", 4)
		}
		var content any
		if err := utilyaml.Unmarshal([]byte(w.text.String()), &content); err != nil {
			t.Fatalf("seed %d: no YAML: %v\n%s", seed, err, w.text.String())
		}
		for path, want := range w.lines {
			path = strings.TrimPrefix(path, ".")
			fields++
			if got := (document{text: w.text.String(), line: 1}).lineOf(path); got != want {
				t.Fatalf("seed %d: lineOf(%q) = %d, want %d in\n%s", seed, path, got, want, w.text.String())
			}
		}
	}
	if fields < 10_000 {
		t.Errorf("%d fields, want more than 10000", fields)
	}
}

// FuzzLineOf: a line of the document, for any text and path.
func FuzzLineOf(f *testing.F) {
	f.Add("a:\n- b: {c: [1, 2]}\n", "a[0].b.c[1]")
	f.Add("{\"a\": \"b", "a")
	f.Add("a: 'b", "a.b")
	f.Fuzz(func(t *testing.T, text, path string) {
		if got, last := (document{text: text, line: 1}).lineOf(path), 1+strings.Count(text, "\n"); got < 1 || got > last {
			t.Errorf("lineOf(%q) = %d of %d lines", path, got, last)
		}
	})
}

// TestSpots: the line of a field of an item is looked for from the item on, not from the
// beginning of the document, and is the same.
func TestSpots(t *testing.T) {
	const yaml = "apiVersion: v1\nkind: List\nitems:\n" +
		"- apiVersion: v1\n  kind: Node\n  metadata:\n    name: a\n" +
		"-\n  # second\n  apiVersion: v1\n  kind: Node\n  metadata: {name: b}\n" +
		"- apiVersion: v1\n  kind: NodeList\n  items:\n  - metadata:\n      name: c\n  - {metadata: {\n    name: d}}\n" +
		"- kind: Node\n  apiVersion: v1\n  metadata:\n    labels: {}\n    name: e\n"
	const json = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\n\"name\":\"a\"}}, {\"kind\":\"Node\",\n" +
		"\"apiVersion\":\"v1\",\"metadata\":\n{\"name\":\"b\"}},{\"apiVersion\":\"v1\",\"kind\":\"NodeList\",\"items\":[\n{\"metadata\":{\"name\":\"c\"}}]}]}"
	for _, text := range []string{yaml, "# c\n---\n" + yaml, "  " + strings.ReplaceAll(yaml, "\n", "\n  "), json} {
		var o Objects
		if err := o.Read("x", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		for _, node := range o.Nodes {
			at := o.places[node]
			if at.spot.text == "" || len(at.spot.text) == len(at.document.text) {
				t.Errorf("%s has no spot of its own in\n%s", node.Name, text)
			}
			whole := at
			whole.spot = spot{}
			for _, path := range []string{"", "metadata", "metadata.name", "metadata.labels", "spec.x", "kind"} {
				if got, want := at.position(path), whole.position(path); got != want {
					t.Errorf("position(%q) of %s = %v, want %v as in the whole of\n%s", path, node.Name, got, want, text)
				}
			}
		}
	}
}

// TestSpotsInLists: lists without fields between them, and lists that the text does not show.
func TestSpotsInLists(t *testing.T) {
	const json = `{"apiVersion":"v1","kind":"Node","metadata":{` + "\n" + `"name":"%s"}}`
	node := func(name, indent string) string {
		return strings.ReplaceAll("apiVersion: v1\n~kind: Node\n~metadata:\n~  name: "+name+"\n", "~", indent)
	}
	for _, text := range []string{
		"- - - " + node("a", "      ") + "    - " + node("b", "      ") + "- " + node("c", "  "),
		"-\n  -\n    - " + node("a", "      ") + "    - " + node("b", "      ") + "  - - " + node("c", "      "),
		"- - [" + fmt.Sprintf(json, "a") + ", [" + fmt.Sprintf(json, "b") + "]]\n- " + node("c", "  "),
		"[\n [\n  [" + fmt.Sprintf(json, "a") + ",\n" + fmt.Sprintf(json, "b") + "]],\n[" + fmt.Sprintf(json, "c") + "]]",
		"- &list\n  - " + node("a", "    ") + "  - " + node("b", "    ") + "- - " + node("c", "    "),
	} {
		var o Objects
		if err := o.Read("x", strings.NewReader(text)); err != nil || len(o.Nodes) != 3 {
			t.Fatalf("Read = %v, %d nodes, want 3 in\n%s", err, len(o.Nodes), text)
		}
		for _, node := range o.Nodes {
			at := o.places[node]
			whole := at
			whole.spot = spot{}
			for _, path := range []string{"", "metadata.name", "spec.x"} {
				if got, want := at.position(path), whole.position(path); got != want {
					t.Errorf("position(%q) of %s = %v, want %v as in the whole of\n%s", path, node.Name, got, want, text)
				}
			}
			if got, want := at.position("metadata.name").Line, 1+strings.Count(text[:strings.Index(text, node.Name+"\n")+1], "\n"); !strings.Contains(text, `"name"`) && got != want {
				t.Errorf("position(metadata.name) of %s is in line %d, want %d of\n%s", node.Name, got, want, text)
			}
		}
	}
}
