package manifest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/pernode/daemonset/internal/property"
)

// TestDepth: 500 lists and maps, in all ways to write them, and not one more.
func TestDepth(t *testing.T) {
	rep := strings.Repeat
	lines := func(n int, indent, line string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(rep(indent, i) + line + "\n")
		}
		return b.String()
	}
	for _, tc := range []struct {
		name string
		// text has n lists and maps in another.
		text func(n int) string
		// line is where the one too many begins.
		line int
	}{
		{"brackets", func(n int) string { return "x:\n  " + rep("[", n) + rep("]", n) }, 2},
		{"braces", func(n int) string { return "x: " + rep("{a: ", n) + rep("}", n) }, 1},
		{"brackets in lines", func(n int) string { return "x: " + rep("[\n", n) + rep("]", n) }, 500},
		{"JSON", func(n int) string {
			return "{\"x\":\n" + rep(`{"a":[`, n/2) + rep("[", n%2) + rep("]", n%2) + rep("]}", n/2) + "}"
		}, 2},
		{"dashes", func(n int) string { return "x:\n" + rep("- ", n) + "a" }, 2},
		{"keys", func(n int) string {
			return "x:\n" + " " + lines(1, "", "a:") + "  " + strings.ReplaceAll(lines(n-1, " ", "a:"), "\n", "\n  ")
		}, 501},
		{"dashes below keys", func(n int) string {
			return "x:\n" + lines(n/2, "  ", "- a:") + rep("  ", n/2) + rep("- ", n%2) + "b"
		}, 251},
		{"keys of keys", func(n int) string { return "x:\n  " + rep("? ", n) + "a" }, 2},
		{"dashes and brackets", func(n int) string { return "x:\n" + rep("- ", n/2) + rep("[", n-n/2) + rep("]", n-n/2) }, 2},
		{"behind a key in braces", func(n int) string { return "x: {}\n" + "{}: " + rep("[", n) + rep("]", n) }, 2},
		{"byte order mark", func(n int) string { return "\ufeff[" + rep("[", n) + rep("]", n) + "]" }, 1},
		{"behind a comment that ends at a carriage return", func(n int) string { return "x: # c\r " + rep("[", n) + rep("]", n) }, 1},
		{"behind a comment that ends at a next line", func(n int) string { return "x: # c\u0085 " + rep("[", n) + rep("]", n) }, 1},
		{"behind a comment that ends at a line separator", func(n int) string { return "x:\n # c\u2028 " + rep("[", n) + rep("]", n) }, 2},
		{"behind a comment that ends at a paragraph separator", func(n int) string { return "x: # c\u2029 " + rep("[", n) + rep("]", n) }, 1},
		{"behind a directive", func(n int) string { return "%YAML 1.1\r---\r[" + rep("[", n) + rep("]", n) + "]" }, 1},
		{"key in its own line", func(n int) string { return "?\n  " + rep("[", n) + rep("]", n) + "\n: x\n" }, 2},
		{"anchors without blanks", func(n int) string { return "x: " + rep("[&a,", n) + rep("]", n) }, 1},
		{"pairs in brackets", func(n int) string { return "x: " + rep("[a: ", n/2) + rep("[", n%2) + rep("]", n%2) + rep("]", n/2) }, 1},
		{"keys in braces", func(n int) string {
			return "x:\n" + lines(n/2, "  ", "- {}:") + rep("  ", n/2) + rep("- ", n%2) + "b"
		}, 251},
		{"behind a colon that is text", func(n int) string { return "y: :\"x\nx: " + rep("[", n) + rep("]", n) }, 2},
		{"behind a quote in a text of two lines", func(n int) string { return "x: [a\n\"b, " + rep("[", n-1) + rep("]", n) }, 2},
		{"behind a key with a comma", func(n int) string { return "x: {? \"y, \" : " + rep("[", n-1) + rep("]", n-1) + " , \"z\": 1}" }, 1},
		{"aliases in lists", func(n int) string {
			text := "x0: &x0 []\n"
			for i := range n - 1 {
				text += fmt.Sprintf("x%d: &x%[1]d [*x%d]\n", i+1, i)
			}
			return text
		}, 500},
		{"aliases in maps", func(n int) string {
			text := "x0: &x0\n  a: b\n"
			for i := range n - 1 {
				text += fmt.Sprintf("x%d: &x%[1]d\n  &k a: *x%d\n", i+1, i)
			}
			return text
		}, 1000},
		{"aliases of large lists", func(n int) string {
			return "x: &x " + rep("[", 200) + rep("]", 200) + "\ny: &y " + rep("[", 200) + "*x" + rep("]", 200) + "\nz: " + rep("[", n-400) + "*y" + rep("]", n-400)
		}, 3},
		{"cut off", func(n int) string { return "x: " + rep("[", n) }, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := (document{text: tc.text(maxDepth - 1), line: 1}).deeper(maxDepth); got != 0 {
				t.Errorf("%d: too deep in line %d", maxDepth, got)
			}
			got := (document{text: tc.text(maxDepth), line: 1}).deeper(maxDepth)
			if got != tc.line {
				t.Errorf("one more than %d: line %d, want %d", maxDepth, got, tc.line)
			}
			if err := new(Objects).Read("x.yaml", strings.NewReader(tc.text(maxDepth))); err == nil ||
				err.Error() != fmt.Sprintf("x.yaml:%d: document 1: is inside 500 lists and maps: at most 500 may be nested", tc.line) {
				t.Errorf("Read = %v, want line %d", err, tc.line)
			}
		})
	}
}

// TestNotDeep: brackets and dashes that are text, as scripts and expressions have them.
func TestNotDeep(t *testing.T) {
	many := strings.Repeat("[ { - ? ", 1000)
	for _, text := range []string{
		"a: |\n  " + many + "\n  [\n  - " + many + "\nb: 1\n",
		"a: >-\n\n    " + many + "\n  " + many + "\nb: 1\n",
		"a: | # made by: hand\n  " + many + "\nb: 1\n",
		"a: >- # see http: x\n  " + many + "\nb: 1\n",
		"- x # see http: y\n- a # b: " + many + "\n  \n",
		"- |\n " + many + "\n- |2\n    " + many + "\n",
		"a: '" + many + "\n  " + many + "'\n",
		"a: \"" + many + "\\\"" + many + "\"\n",
		"a: x " + many + "\n  " + many + "\nb: 1\n",
		"a:\n  x " + many + "\n  " + many + "\nb: 1\n",
		"# " + many + "\na: 1 # " + many + "\n",
		"a: [x, 'it''s " + many + "', \"" + many + "\"] # " + many + "\n",
		"\ufeffa:\n" + strings.Repeat("- {b: [1, {c: 2}]}\n- [x]\n-\n  - y\n", 1000),
		strings.Repeat("k: {a: [b]}\nl:\n  m:\n  - n\n", 1000),
		strings.Repeat(`{"a":["[",{"b":"\"{"}]}`, 1000),
		"x: &x [a]\n" + strings.Repeat("y: &y {a: *x}\nz: [*y]\n&k k: *k\n", 1000),
		"- &x a\n- &y\n- &z {}\n" + strings.Repeat("- [*x, *y, *z, &x b]\n", 1000),
		"x: [&a , &b c, {&c : 1}, b: 1]\n? {}\n: &d\n  - 1\n" + strings.Repeat("- *d\n", 10),
		"a: |\n" + strings.Repeat(strings.Repeat(" ", 2000)+"x:\n", 3),
	} {
		if line := (document{text: text, line: 1}).deeper(6); line > 0 {
			t.Errorf("deeper than 6 in line %d of %.200q", line, text)
		}
	}
}

// TestDepthReadsOnce: to find the columns of lists and maps, each byte is read once, in one line as in
// many. A line may be as long as the text.
func TestDepthReadsOnce(t *testing.T) {
	for _, text := range []string{"{a: 1}", "[1]", "&x {}"} {
		for _, end := range []string{" ", "\n"} {
			w := newDepthWalk(strings.Repeat(text+end, 1000))
			if start := w.deeper(1); start >= 0 {
				t.Errorf("%q 1000 times: deeper than 1 at %d", text+end, start)
			}
			if last := len(w.text) - len(text+end); w.read != last {
				t.Errorf("%q 1000 times: reads %d bytes, want %d: the last begins there", text+end, w.read, last)
			}
		}
	}
}

// TestDepthOfRandom: the depth of random documents is that of what a parser makes of them.
func TestDepthOfRandom(t *testing.T) {
	for seed := range uint64(3000) {
		w := &writer{rand: rand.New(rand.NewPCG(seed, 2)), line: 1, lines: map[string]int{}, aliases: seed%2 == 0}
		for i := range 3 {
			source, _ := w.key(i)
			w.write("%s:", source)
			w.block("", "  ", 6)
		}
		d := document{text: w.text.String(), line: 1}
		var content any
		if err := utilyaml.Unmarshal([]byte(d.text), &content); err != nil {
			t.Fatalf("seed %d: no YAML: %v\n%s", seed, err, d.text)
		}
		want := depthOf(content)
		if d.deeper(want) != 0 || d.deeper(want-1) == 0 {
			t.Fatalf("seed %d: deeper than %d in line %d, than %d in line %d, want a depth of %d of\n%s",
				seed, want, d.deeper(want), want-1, d.deeper(want-1), want, d.text)
		}
	}
}

// TestDepthOfTokens: where a parser takes tokens in a random order, it finds no lists and maps that
// are nested deeper.
func TestDepthOfTokens(t *testing.T) {
	tokens := []string{
		"[", "[", "]", "]", "{", "}", ",", ": ", ":", "? ", "?\n", "- ", "- - ", "-\n", "a", "a: ", "b:\n", "b:\n ", "c:\n  ", "\"", "'", "\"x\"", "'y'", " ", "\t",
		"\n", "\n ", "\n  ", "\r", "\r\n", "\u0085", "\u2028", "\u2029", "#", " # ", "# c\n", "&x ", "&y", "*x", "*y ", "!!str ", "!t ", "|", ">", "|\n  ", ">-\n ",
		"%", "%YAML 1.1\r", "---", "--- ", "...\r",
	}
	parsed := 0
	for seed := range property.Seeds(t, 30_000) {
		r := rand.New(rand.NewPCG(seed, 7))
		text := ""
		for range 3 + r.IntN(16) {
			text += tokens[r.IntN(len(tokens))]
		}
		if r.IntN(2) == 0 {
			text += strings.Repeat("]", max(0, strings.Count(text, "[")-strings.Count(text, "]")))
		}
		for _, d := range splitDocuments(text) {
			var content any
			if err := utilyaml.Unmarshal([]byte(d.text), &content); err != nil {
				continue
			}
			if want := depthOf(content); want > 0 {
				parsed++
				if d.deeper(want-1) == 0 {
					t.Errorf("seed %d: not deeper than %d: %q", seed, want-1, d.text)
				}
			}
		}
	}
	if parsed < 1000 {
		t.Errorf("%d documents with lists or maps, want 1000", parsed)
	}
}

func depthOf(content any) int {
	deepest := 0
	switch content := content.(type) {
	case map[string]any:
		for _, v := range content {
			deepest = max(deepest, depthOf(v))
		}
	case []any:
		for _, v := range content {
			deepest = max(deepest, depthOf(v))
		}
	default:
		return 0
	}
	return 1 + deepest
}
