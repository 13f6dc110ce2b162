package policy

import (
	"fmt"
	"go/ast"
	"testing"
)

// signatureFindings looks for bool parameters and functional options in exported functions.
func signatureFindings(files ...source) []string {
	var found []string
	for _, s := range files {
		// A type of the same file that is such a function.
		options := make(map[string]bool)
		ast.Inspect(s.file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && setter(spec.Type) {
				options[spec.Name.Name] = true
			}
			return true
		})
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !exportedFunc(fn) {
				continue
			}
			for _, p := range fn.Type.Params.List {
				switch typ := p.Type.(type) {
				case *ast.Ident:
					if typ.Name == "bool" {
						found = append(found, fmt.Sprintf("%s: %s takes a bool: a call with true in it says nothing; a struct field does", s.at(p.Pos()), fn.Name.Name))
					}
				case *ast.Ellipsis:
					id, named := typ.Elt.(*ast.Ident)
					if setter(typ.Elt) || named && options[id.Name] {
						found = append(found, fmt.Sprintf("%s: %s takes functional options: grow by a struct field", s.at(p.Pos()), fn.Name.Name))
					}
				}
			}
		}
	}
	return found
}

// setter reports whether a type is a function that returns nothing or an error, the
// usual shape of an option. A comparison, for instance, is none.
func setter(typ ast.Expr) bool {
	fn, ok := typ.(*ast.FuncType)
	if !ok || fn.Results.NumFields() > 1 {
		return false
	}
	if fn.Results.NumFields() == 0 {
		return true
	}
	result, ok := fn.Results.List[0].Type.(*ast.Ident)
	return ok && result.Name == "error"
}

// exportedFunc says whether an importer can see the function or method.
func exportedFunc(fn *ast.FuncDecl) bool {
	return fn.Name.IsExported() && (fn.Recv == nil || ast.IsExported(receiver(fn)))
}

// receiver is the name of a method's receiver type, without pointer and type parameters.
func receiver(fn *ast.FuncDecl) string {
	typ := fn.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}

func TestSignatures(t *testing.T) {
	for _, layer := range layers {
		report(t, signatureFindings(layerFiles(t, layer)...))
	}
}

func TestSignaturesCheck(t *testing.T) {
	runCases(t, []checkCase{
		{name: "struct of options", why: "names what it sets", text: `package p
type Options struct{ Strict bool }
func Compile(o Options, names ...string) bool { return o.Strict }`},
		{name: "bool parameter", why: "unreadable at the call", text: `package p
func Compile(strict bool) {}`, want: 1},
		{name: "unexported", why: "nobody else's business", text: `package p
type t struct{}
func compile(strict bool) {}
func (t) Compile(strict bool) {}`},
		{name: "functional options", why: "cannot be compared, printed or documented as a struct can", text: `package p
type Option func(*int)
func New(opts ...Option) {}
func Also(opts ...func(*int)) {}
func Another(opts ...func(*int) error) {}`, want: 3},
		{name: "functions that answer", why: "they are values to work with, as strings are", text: `package p
func InOrder(compare ...func(a, b int) int) {}`},
	}, signatureFindings)
}
