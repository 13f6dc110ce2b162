package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/pernode/daemonset"
	// root is the module's folder as seen from this package's, in which tests run.
	root = "../.."
)

// layers are the packages that only compute, lowest first. The last one also reads files and
// reports to a test, as its imports say.
var layers = []string{"placement", "daemon", "daemon/diff", "daemon/history", "daemon/lint", "daemon/manifest", "daemon/overhead", "rollout", "rollout/health", "rollout/kubectl", "rollout/simulate", "daemon/daemontest"}

// source is one parsed Go file.
type source struct {
	name string // path from the module's root, with slashes
	fset *token.FileSet
	file *ast.File
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

// at is the place of a finding.
func (s source) at(pos token.Pos) string {
	p := s.fset.Position(pos)
	p.Filename = s.name
	p.Column = 0
	return p.String()
}

// parse reads one file; the checks' own tests feed it samples.
func parse(t *testing.T, name, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatalf("parse %s: %v", name, err)
	}
	return source{name: name, fset: fset, file: file}
}

// goFiles parses the root module's Go files, tests included, by the folder they are in.
func goFiles(t *testing.T) map[string][]source {
	t.Helper()
	found := make(map[string][]source)
	for _, name := range treeFiles(t) {
		if path.Ext(name) != ".go" || inNestedModule(name) || strings.Contains(name, "testdata/") {
			continue
		}
		found[path.Dir(name)] = append(found[path.Dir(name)], parse(t, name, readFile(t, name)))
	}
	return found
}

// layerFiles parses what is released of one layer.
func layerFiles(t *testing.T, layer string) []source {
	t.Helper()
	files := slices.DeleteFunc(goFiles(t)[layer], source.test)
	if len(files) == 0 {
		t.Fatalf("no Go files in %s", layer)
	}
	return files
}

// notOurs are what tools leave at the root. In a git worktree, .git is a file.
var notOurs = []string{".git", "bin", ".idea", ".vscode", "go.work", "go.work.sum"}

// treeFiles lists every file of the work tree, as a path from the root.
func treeFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case slices.Contains(notOurs, name):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// inNestedModule says whether a folder between the root and the file has its own go.mod.
func inNestedModule(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(dir), "go.mod")); err == nil {
			return true
		}
	}
	return false
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkCase is a sample and how many findings a check must have in it: a check
// that finds nothing in a sample made to break its rule is broken itself.
type checkCase struct {
	name string
	why  string
	file string // sample.go if empty
	text string
	want int
}

func runCases(t *testing.T, cases []checkCase, check func(...source) []string) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			name := tc.file
			if name == "" {
				name = "sample.go"
			}
			got := check(parse(t, name, tc.text))
			if len(got) != tc.want {
				t.Errorf("check(%s) = %d findings %q, want %d: %s", name, len(got), got, tc.want, tc.why)
			}
		})
	}
}

func report(t *testing.T, findings []string) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}
