package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/daemon/manifest"
)

func TestPrintable(t *testing.T) {
	if got, want := Printable("a\nb\x1b[1mä"), "a\uFFFDb\uFFFD[1mä"; got != want {
		t.Errorf("Printable = %q, want %q", got, want)
	}
}

func TestPrintableLines(t *testing.T) {
	if diff := cmp.Diff([]string{"a", "", " b\uFFFD"}, PrintableLines("a\n\n b\r")); diff != "" {
		t.Errorf("PrintableLines (-want +got):\n%s", diff)
	}
}

// TestPrintableOrder: text must not change the order in which a terminal shows what follows.
func TestPrintableOrder(t *testing.T) {
	for _, r := range "\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u2028\u2029" {
		if got := Printable("a" + string(r) + "b"); got != "a\uFFFDb" {
			t.Errorf("Printable(a%Ub) = %q, want a mark in its place", r, got)
		}
	}
}

func TestReadVersion(t *testing.T) {
	const node = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
	for _, tc := range []struct {
		name, why, text string
		nodes           int
		want            string
	}{
		{"empty", "what git show prints if it fails", "", 0,
			"standard input: nothing in it: the command that wrote it may have failed; for a file that does not exist give " + os.DevNull},
		{"blank", "echo of nothing", " \n", 0,
			"standard input: nothing in it: the command that wrote it may have failed; for a file that does not exist give " + os.DevNull},
		{"comments", "what a template renders if it is switched off", "---\n# a: b\n\n---  \n", 0, ""},
		{"mark with a comment", "the same", "--- # Source: agent.yaml\n", 0, ""},
		{"null", "what a template renders of a value that is not set", "null\n", 0, ""},
		{"objects", "they are read", node, 1, ""},
		{"wrong", "an error stays one", "a: [\n", 0, "standard input:1: document 1: did not find expected node content"},
	} {
		var objects manifest.Objects
		err := ReadVersion(&objects, "-", strings.NewReader(tc.text))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tc.want || len(objects.Nodes) != tc.nodes {
			t.Errorf("%s: ReadVersion() = %q with %d nodes, want %q with %d: %s", tc.name, got, len(objects.Nodes), tc.want, tc.nodes, tc.why)
		}
	}
	if err := ReadVersion(&manifest.Objects{}, os.DevNull, nil); err != nil {
		t.Errorf("ReadVersion(%s) = %v, want no objects", os.DevNull, err)
	}
	if err := ReadVersion(&manifest.Objects{}, "nowhere.yaml", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadVersion(nowhere.yaml) = %v, want %v", err, fs.ErrNotExist)
	}
}

// TestReadFolder: a version may be a folder of manifests.
func TestReadFolder(t *testing.T) {
	node := func(name string) string { return "apiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\n" }
	for _, tc := range []struct {
		name, why string
		files     map[string]string
		nodes     string
		want      string // %s: the folder
	}{
		{"kinds of files", "those of manifests", map[string]string{"a.yaml": node("a"), "b.yml": node("b"), "c.json": `{"apiVersion":"v1","kind":"Node","metadata":{"name":"c"}}`, "README.md": "# no manifest"}, "a b c", ""},
		{"folders", "what is not read would not be judged", map[string]string{"x/y/b.yaml": node("b"), "a.yaml": node("a")}, "a b", ""},
		{"dots", "tools have their files there", map[string]string{".hidden.yaml": "a: [", ".github/ci.yaml": "a: b", "a.yaml": node("a")}, "a", ""},
		{"comments", "a template that is switched off, beside others", map[string]string{"a.yaml": "# nothing\n", "b.yaml": node("b")}, "b", ""},
		{"no file", "a wrong path must not pass", map[string]string{"README.md": ""}, "", "%s: no .yaml, .yml or .json file in this folder; for one that does not exist give " + os.DevNull},
		{"empty file", "a command has failed", map[string]string{"a.yaml": node("a"), "b.yaml": ""}, "a",
			filepath.Join("%s", "b.yaml") + ": nothing in it: the command that wrote it may have failed; for a file that does not exist give " + os.DevNull},
		{"wrong file", "with its place", map[string]string{"x/b.yaml": "kind: [\n"}, "", filepath.Join("%s", "x", "b.yaml") + ":1: document 1: did not find expected node content"},
	} {
		dir := t.TempDir()
		for name, text := range tc.files {
			file := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var objects manifest.Objects
		got := ""
		if err := ReadVersion(&objects, dir, nil); err != nil {
			got = strings.ReplaceAll(err.Error(), dir, "%s")
		}
		var nodes []string
		for _, node := range objects.Nodes {
			nodes = append(nodes, node.Name)
		}
		if got != tc.want || strings.Join(nodes, " ") != tc.nodes {
			t.Errorf("%s: ReadVersion() = %q with the nodes %q, want %q with %q: %s", tc.name, got, nodes, tc.want, tc.nodes, tc.why)
		}
	}
}

func TestFold(t *testing.T) {
	long := strings.Repeat("abcde ", 20)
	for _, tc := range []struct {
		name, why, lead, line string
		want                  []string
	}{
		{"short", "it fits", "  ", "a b", []string{"  a b"}},
		{"long", "the last space that fits", "  ", long + "f", []string{"  " + strings.TrimSpace(long[:17*6]), ">>>" + long[17*6:] + "f"}},
		{"just fits", "the last column is used", "  ", strings.Repeat("a", 50) + " " + strings.Repeat("b", Width-2-51), []string{"  " + strings.Repeat("a", 50) + " " + strings.Repeat("b", Width-2-51)}},
		{"one too many", "the word goes to the next line", "  ", strings.Repeat("a", 50) + " " + strings.Repeat("b", Width-2-50), []string{"  " + strings.Repeat("a", 50), ">>>" + strings.Repeat("b", Width-2-50)}},
		{"space behind the last column", "the words before it fit", "  ", "a " + strings.Repeat("b", Width-2-2) + " c", []string{"  a " + strings.Repeat("b", Width-2-2), ">>>c"}},
		{"one word", "there is no place to fold it", "  ", strings.Repeat("a", 200), []string{"  " + strings.Repeat("a", 200)}},
		{"long word first", "the next space", "", strings.Repeat("a", 200) + " b", []string{strings.Repeat("a", 200), ">>>b"}},
		{"empty", "a line", "  ", "", []string{"  "}},
	} {
		if diff := cmp.Diff(tc.want, Fold(tc.lead, tc.line, ">>>")); diff != "" {
			t.Errorf("%s: Fold: %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
	}
}

func TestReadFiles(t *testing.T) {
	const service, node = "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Secret\n", "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	var objects manifest.Objects
	if err := ReadFiles(&objects, []string{file, "-"}, strings.NewReader(node+"---\n"+service)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"passed over in " + file + ": v1 Secret (1), v1 Service (1)",
		"passed over in standard input: v1 Secret (1), v1 Service (1)",
	}
	if diff := cmp.Diff(want, PassedOver(&objects)); diff != "" || len(objects.Nodes) != 1 {
		t.Errorf("ReadFiles: %d nodes, want 1; PassedOver (-want +got):\n%s", len(objects.Nodes), diff)
	}
	objects = manifest.Objects{}
	err := ReadFiles(&objects, []string{"-", file, "-"}, strings.NewReader(node))
	if want := "-: standard input can be given only once"; err == nil || err.Error() != want || len(objects.Nodes) > 0 {
		t.Errorf("ReadFiles(- s.yaml -) = %v, with %d nodes, want %q and nothing read", err, len(objects.Nodes), want)
	}
	err = ReadFiles(&objects, []string{"nowhere.yaml"}, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadFiles(nowhere.yaml) = %v, want %v", err, fs.ErrNotExist)
	}
}
