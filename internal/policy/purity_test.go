package policy

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// impure lists, per import path, the names that may not be used in the layers.
// A leading "!" turns the list round: only these names may be.
var impure = []struct {
	path  string
	names []string
	why   string
}{
	{"time", []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}, "the clock: time is an argument"},
	{"time", []string{"Local", "LoadLocation"}, "the machine's time zone decides"},
	{"k8s.io/apimachinery/pkg/apis/meta/v1", []string{"Now", "NowMicro"}, "the clock: time is an argument"},
	{"k8s.io/apimachinery/pkg/util/rand", []string{"!", "SafeEncodeString"}, "randomness: the same input gives the same result"},
	{"fmt", []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}, "output and input are the caller's"},
}

// purityFindings looks over the files of one package, all of them together.
func purityFindings(files ...source) []string {
	var found []string
	global := packageVars(files)
	for _, s := range files {
		add := func(pos token.Pos, format string, args ...any) {
			found = append(found, s.at(pos)+": "+fmt.Sprintf(format, args...))
		}
		paths := importNames(s.file)
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				add(n.Pos(), "goroutine: the caller decides what runs where")
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					add(n.Pos(), "init: state outside the arguments")
				}
			case *ast.SelectorExpr:
				id, ok := n.X.(*ast.Ident)
				if !ok || id.Obj != nil {
					break
				}
				for _, rule := range impure {
					only := rule.names[0] == "!"
					if paths[id.Name] == rule.path && slices.Contains(rule.names, n.Sel.Name) == !only {
						add(n.Pos(), "%s.%s: %s", id.Name, n.Sel.Name, rule.why)
					}
				}
			case *ast.CallExpr:
				id, ok := n.Fun.(*ast.Ident)
				if !ok || id.Obj != nil {
					break
				}
				switch id.Name {
				case "panic":
					add(n.Pos(), "panic: wrong data is an error with its field path")
				case "print", "println":
					add(n.Pos(), "%s: output is the caller's", id.Name)
				case "delete", "clear", "copy":
					if v := global.of(n.Args[0]); v != "" {
						add(n.Pos(), "%s changes package variable %s", id.Name, v)
					}
				}
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE {
					break
				}
				for _, lhs := range n.Lhs {
					if v := global.of(lhs); v != "" {
						add(n.Pos(), "assignment to package variable %s", v)
					}
				}
			case *ast.IncDecStmt:
				if v := global.of(n.X); v != "" {
					add(n.Pos(), "change of package variable %s", v)
				}
			case *ast.UnaryExpr:
				if v := global.of(n.X); n.Op == token.AND && v != "" {
					add(n.Pos(), "address of package variable %s: whoever holds it may change it", v)
				}
			case *ast.RangeStmt:
				if n.Tok != token.ASSIGN {
					break
				}
				for _, lhs := range []ast.Expr{n.Key, n.Value} {
					if v := global.of(lhs); v != "" {
						add(n.Pos(), "assignment to package variable %s", v)
					}
				}
			}
			return true
		})
		for _, decl := range s.file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, spec := range gen.Specs {
				spec := spec.(*ast.ValueSpec)
				for _, name := range spec.Names {
					switch {
					case name.Name == "_": // a compile-time assertion
					case len(spec.Values) == 0:
						add(name.Pos(), "package variable %s without a value: it is there to be changed", name.Name)
					case name.IsExported() && !errorValue(spec, paths):
						add(name.Pos(), "exported package variable %s: an importer could change it", name.Name)
					}
				}
			}
		}
	}
	return found
}

// errorValue says whether every value of the declaration is a new error.
func errorValue(spec *ast.ValueSpec, paths map[string]string) bool {
	return !slices.ContainsFunc(spec.Values, func(v ast.Expr) bool {
		call, ok := v.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		return !ok || paths[id.Name]+"."+sel.Sel.Name != "errors.New"
	})
}

// importNames maps the names that a file uses for its imports to their paths.
func importNames(f *ast.File) map[string]string {
	names := make(map[string]string)
	for _, spec := range f.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = p
	}
	return names
}

// variables maps each package variable to its declaration, by which a local
// variable of the same name is told apart.
type variables map[string]*ast.ValueSpec

func packageVars(files []source) variables {
	vars := make(variables)
	for _, s := range files {
		for _, decl := range s.file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.VAR {
				for _, spec := range gen.Specs {
					spec := spec.(*ast.ValueSpec)
					for _, name := range spec.Names {
						vars[name.Name] = spec
					}
				}
			}
		}
	}
	return vars
}

// of returns the package variable that e is, or is an element or field of; "" for none.
func (vars variables) of(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			// The parser resolves names within a file: a name it leaves open comes
			// from another file of the package.
			if spec, ok := vars[x.Name]; ok && x.Name != "_" && (x.Obj == nil || x.Obj.Decl == spec) {
				return x.Name
			}
			return ""
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}

func TestPurity(t *testing.T) {
	for _, layer := range layers {
		report(t, purityFindings(layerFiles(t, layer)...))
	}
}

func TestPurityCheck(t *testing.T) {
	runCases(t, []checkCase{
		{name: "pure", why: "values, a table that is only read, an error, an assertion", text: `package p
import ("errors"; "fmt"; "time"; "k8s.io/apimachinery/pkg/util/rand")
var names = map[int]string{1: "a"}
var ErrGone = errors.New("gone")
var _ fmt.Stringer = (*T)(nil)
type T struct{}
func (t *T) String() string { return names[1] + rand.SafeEncodeString("a") }
func later(t time.Time) time.Time { names := map[int]string{}; names[2] = "b"; delete(names, 2); return t.Add(time.Second) }`},
		{name: "clock", why: "time is an argument", text: `package p
import ("time"; metav1 "k8s.io/apimachinery/pkg/apis/meta/v1")
func f() { time.Now(); _ = time.Since; metav1.Now(); <-time.After(1) }`, want: 4},
		{name: "renamed import", why: "the path counts, not the name", text: `package p
import clock "time"
func f() { clock.Now() }`, want: 1},
		{name: "local of the same name", why: "not the package", text: `package p
func f(time interface{ Now() int }) { time.Now() }`},
		{name: "time zone", why: "differs between machines", text: `package p
import "time"
var zone = time.Local`, want: 1},
		{name: "random", why: "only the pure part of that package", text: `package p
import "k8s.io/apimachinery/pkg/util/rand"
func f() { rand.String(5); rand.SafeEncodeString("a") }`, want: 1},
		{name: "output", why: "the caller's", text: `package p
import "fmt"
func f() { fmt.Println(); println(); fmt.Sprint() }`, want: 2},
		{name: "goroutine", why: "the caller's", text: `package p
func f() { go f() }`, want: 1},
		{name: "panic", why: "never on data", text: `package p
func f() { panic("x") }`, want: 1},
		{name: "own function called panic", why: "not the builtin", text: `package p
func f(panic func(string)) { panic("x") }`},
		{name: "init", why: "state outside the arguments", text: `package p
func init() {}`, want: 1},
		{name: "variable without a value", why: "there to be changed", text: `package p
var cache map[string]int`, want: 1},
		{name: "exported variable", why: "importers could change it", text: `package p
var Default = 1`, want: 1},
		{name: "writes", why: "each way to change a package variable", text: `package p
var a = map[string]int{}
var b = []int{1}
var c = struct{ n int }{1}
func f() {
	a["x"] = 1
	delete(a, "x")
	clear(a)
	b[0]++
	c.n = 2
	_ = &c
	copy(b[:], nil)
	for b[0] = range 3 {
	}
}`, want: 8},
	}, purityFindings)

	t.Run("write from another file", func(t *testing.T) {
		got := purityFindings(
			parse(t, "a.go", `package p; var a = []int{1}`),
			parse(t, "b.go", `package p; func f() { a[0] = 2 }`))
		if len(got) != 1 || !strings.HasPrefix(got[0], "b.go:1: ") {
			t.Errorf("purityFindings = %q, want one finding at b.go:1", got)
		}
	})
}
