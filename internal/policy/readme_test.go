package policy

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the README's blocks from what the commands print")

const readme = "README.md"

// A block of the README stands between <!-- NAME:begin --> and <!-- NAME:end -->,
// fenced. The markers do not show on the page.
func blockPattern(name string) *regexp.Regexp {
	return regexp.MustCompile("(?s)<!-- " + name + ":begin -->\n+```[a-z]*\n(.*?)```\n+<!-- " + name + ":end -->")
}

func readmeBlock(text, name string) (string, error) {
	m := blockPattern(name).FindAllStringSubmatch(text, -1)
	if len(m) != 1 {
		return "", fmt.Errorf("%s: %d blocks %q, want 1", readme, len(m), name)
	}
	return m[0][1], nil
}

// replaceBlock puts body into the block, which is known to be there.
func replaceBlock(text, name, body string) string {
	loc := blockPattern(name).FindStringSubmatchIndex(text)
	return text[:loc[2]] + body + text[loc[3]:]
}

// compareBlock holds a block of the README equal to what a command printed.
func compareBlock(t *testing.T, name, printed string) {
	t.Helper()
	text := readFile(t, readme)
	shown, err := readmeBlock(text, name)
	if err != nil {
		t.Fatal(err)
	}
	if shown == printed {
		return
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, readme), []byte(replaceBlock(text, name, printed)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("README block %q differs from what is printed; make update rewrites it (-shown +printed):\n%s", name, cmp.Diff(shown, printed))
}

// goRun runs a go command in the module's root and returns its standard output.
func goRun(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func TestReadmeQuickstart(t *testing.T) {
	compareBlock(t, "quickstart", goRun(t, "run", "./examples/quickstart"))
}

// The README's example is a whole program: it is run, not only compiled.
func TestReadmeExample(t *testing.T) {
	code, err := readmeBlock(readFile(t, readme), "example")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(name, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	compareBlock(t, "example-output", goRun(t, "run", name))
}

// TestReadmeTest holds the README's test against the file that it comes from.
func TestReadmeTest(t *testing.T) {
	text := readFile(t, "daemon/daemontest/operator_test.go")
	_, text, _ = strings.Cut(text, "func TestImageChangeRollsOneNodeAtATime(")
	body, _, found := strings.Cut(text, "\n}\n")
	if !found {
		t.Fatal("operator_test.go has no such test")
	}
	compareBlock(t, "operator-test", "func TestImageChangeRollsOneNodeAtATime("+body+"\n}\n")
}

// The lines of `go test ./...` follow from the packages and their tests, so they
// are compared without running it from within itself; the time column is left out.
func TestReadmeTestCommand(t *testing.T) {
	const format = `{{if or .TestGoFiles .XTestGoFiles}}ok  {{"\t"}}{{.ImportPath}}{{else}}?   {{"\t"}}{{.ImportPath}}{{"\t"}}[no test files]{{end}}`
	compareBlock(t, "test", goRun(t, "list", "-f", format, "./..."))
}

// What the README tells to run is what CI runs.
func TestReadmeCommands(t *testing.T) {
	shown, ci := readFile(t, readme), readFile(t, ".ci/run")
	for _, command := range []string{"go run ./examples/quickstart", "go test ./..."} {
		if !strings.Contains(shown, command) {
			t.Errorf("%s does not tell to run %q", readme, command)
		}
		if !regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(command) + `$`).MatchString(ci) {
			t.Errorf(".ci/run does not run %q", command)
		}
	}
}

func TestReadmeBlockCheck(t *testing.T) {
	const text = "a\n<!-- x:begin -->\n```text\none\ntwo\n```\n<!-- x:end -->\nb\n"
	got, err := readmeBlock(text, "x")
	if want := "one\ntwo\n"; err != nil || got != want {
		t.Errorf("readmeBlock = %q, %v, want %q", got, err, want)
	}
	if got, want := replaceBlock(text, "x", "$1 three\n"), strings.Replace(text, "one\ntwo\n", "$1 three\n", 1); got != want {
		t.Errorf("replaceBlock = %q, want %q", got, want)
	}
	for _, bad := range []string{"", text + text, strings.Replace(text, "```text", "", 1)} {
		if got, err := readmeBlock(bad, "x"); err == nil {
			t.Errorf("readmeBlock(%q) = %q, want an error", bad, got)
		}
	}
}

// exported collects the names an importer sees of one package: F, T, T.Method, T.Field.
func exported(files ...source) map[string]bool {
	names := make(map[string]bool)
	for _, s := range files {
		for _, decl := range s.file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				switch {
				case !exportedFunc(decl):
				case decl.Recv == nil:
					names[decl.Name.Name] = true
				default:
					names[receiver(decl)+"."+decl.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						names[spec.Name.Name] = true
						if typ, ok := spec.Type.(*ast.StructType); ok {
							for _, f := range typ.Fields.List {
								for _, name := range f.Names {
									names[spec.Name.Name+"."+name.Name] = true
								}
							}
						}
					case *ast.ValueSpec:
						if decl.Tok == token.CONST || decl.Tok == token.VAR {
							for _, name := range spec.Names {
								names[name.Name] = true
							}
						}
					}
				}
			}
		}
	}
	return names
}

// mention matches a name behind the name of a layer's package.
var mention = regexp.MustCompile(`\b(` + strings.Join(layerNames(), "|") + `)\.([A-Z]\w*(?:\.[A-Z]\w*)?)`)

func layerNames() []string {
	var names []string
	for _, layer := range layers {
		names = append(names, path.Base(layer))
	}
	return names
}

// mentionFindings lists the names that a text mentions and no package has.
func mentionFindings(name, text string, packages map[string]map[string]bool) []string {
	var found []string
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		if !packages[m[1]][m[2]] {
			found = append(found, fmt.Sprintf("%s mentions %s, which does not exist", name, m[0]))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestMentionedNames(t *testing.T) {
	packages := make(map[string]map[string]bool)
	for _, layer := range layers {
		packages[path.Base(layer)] = exported(layerFiles(t, layer)...)
	}
	texts := []string{readme, "CHANGELOG.md", "CONTRIBUTING.md", "doc.go"}
	for _, layer := range layers {
		texts = append(texts, layer+"/doc.go")
	}
	for _, name := range texts {
		if _, err := os.Stat(filepath.Join(root, name)); errors.Is(err, os.ErrNotExist) {
			t.Errorf("no %s", name)
			continue
		}
		report(t, mentionFindings(name, readFile(t, name), packages))
	}
}

func TestMentionedNamesCheck(t *testing.T) {
	names := exported(parse(t, "x.go", `package placement
type T struct{ A int }
func (*T) M() {}
func F() {}
const C = 1`))
	packages := map[string]map[string]bool{"placement": names}
	text := "placement.T placement.T.A, [placement.T.M] placement.F(x) placement.C; placement.Gone placement.T.Gone, placement.Gone; a placement. Good"
	want := []string{
		"x mentions placement.Gone, which does not exist",
		"x mentions placement.T.Gone, which does not exist",
	}
	if diff := cmp.Diff(want, mentionFindings("x", text, packages)); diff != "" {
		t.Errorf("mentionFindings (-want +got):\n%s", diff)
	}
}
