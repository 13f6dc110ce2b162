package lint_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/daemon/lint"
)

func parseFile(t *testing.T, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// declaredCodes returns the codes in code.go, in the order of the file.
func declaredCodes(t *testing.T) []lint.Code {
	t.Helper()
	var codes []lint.Code
	ast.Inspect(parseFile(t, "code.go"), func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if spec.Names[0].Name != "Code"+value {
			t.Errorf("%s = %q, want the name to be Code and the value", spec.Names[0].Name, value)
		}
		codes = append(codes, lint.Code(value))
		return true
	})
	if len(codes) < 30 {
		t.Fatalf("code.go has %d codes, want them all", len(codes))
	}
	return codes
}

// foundSeverities returns the severities that the cases want, by code, worst first.
// A code with no finding is there too if a case has it.
func foundSeverities() map[lint.Code][]string {
	rank := []string{"error", "warning", "info"}
	found := map[lint.Code][]string{}
	for _, tc := range allCases() {
		list := found[tc.code]
		for _, line := range tc.want {
			severity, _, _ := strings.Cut(line, " ")
			list = append(list, severity)
		}
		slices.SortFunc(list, func(a, b string) int { return slices.Index(rank, a) - slices.Index(rank, b) })
		found[tc.code] = slices.Compact(list)
	}
	return found
}

// Each code has a case that finds it and one that does not.
func TestCodeCases(t *testing.T) {
	found, not := map[lint.Code]bool{}, map[lint.Code]bool{}
	for _, tc := range allCases() {
		if len(tc.want) > 0 {
			found[tc.code] = true
		} else {
			not[tc.code] = true
		}
	}
	codes := declaredCodes(t)
	for i, code := range codes {
		if !found[code] || !not[code] {
			t.Errorf("code %s: a case that finds it: %t, one that does not: %t, want both", code, found[code], not[code])
		}
		if slices.Contains(codes[:i], code) {
			t.Errorf("code.go has %s twice", code)
		}
	}
	for code := range found {
		if !slices.Contains(codes, code) {
			t.Errorf("cases for %s, which is not in code.go", code)
		}
	}
}

// The comment of a code with one severity starts with the severity. That of a code with
// several contains each.
func TestCodeComments(t *testing.T) {
	found := foundSeverities()
	ast.Inspect(parseFile(t, "code.go"), func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		name, text := spec.Names[0].Name, spec.Doc.Text()
		severities := found[lint.Code(strings.TrimPrefix(name, "Code"))]
		if len(severities) == 1 && !strings.HasPrefix(text, name+" ("+severities[0]+"): ") {
			t.Errorf("comment %q, want it to start with %q", text, name+" ("+severities[0]+"): ")
		}
		for _, severity := range severities {
			if !regexp.MustCompile(`\b` + severity + `\b`).MatchString(text) {
				t.Errorf("comment of %s does not name the severity %s", name, severity)
			}
		}
		return true
	})
}

// Codes has every code that the package can put into a finding: each constant of type Code, declared
// or written in place, and no other value becomes a Code.
func TestCodes(t *testing.T) {
	codes := lint.Codes()
	if !slices.IsSorted(codes) {
		t.Errorf("Codes() = %v, want them sorted", codes)
	}
	// Imported packages are not looked at: Code is of this one.
	fset, files := token.NewFileSet(), []*ast.File(nil)
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Error: func(error) {}}
	pkg, _ := config.Check("lint", fset, files, info)
	code := pkg.Scope().Lookup("Code").Type()
	seen := map[lint.Code]bool{}
	for _, typed := range info.Types {
		if typed.Type == code && typed.Value != nil {
			seen[lint.Code(constant.StringVal(typed.Value))] = true
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "Code" && info.Types[call].Value == nil {
				t.Errorf("%v: what is converted to a Code is no constant", fset.Position(call.Pos()))
			}
			return true
		})
	}
	delete(seen, "") // of a finding without a code
	if diff := cmp.Diff(slices.Sorted(maps.Keys(seen)), codes); diff != "" {
		t.Errorf("Codes() differ from the codes of the source (-want +got):\n%s", diff)
	}
	if codes[0] = "changed"; lint.Codes()[0] == "changed" {
		t.Error("Codes() returns the same slice again, want a new one")
	}
}
