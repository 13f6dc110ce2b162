package policy

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docFindings lists the exported names without documentation: functions, methods
// of exported types, types, constants, variables and fields. A comment on a
// declaration in parentheses documents the constants and variables in it.
func docFindings(files ...source) []string {
	var found []string
	for _, s := range files {
		missing := func(pos token.Pos, what string) {
			found = append(found, fmt.Sprintf("%s: %s has no documentation", s.at(pos), what))
		}
		for _, decl := range s.file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if exportedFunc(decl) && decl.Doc.Text() == "" {
					missing(decl.Pos(), decl.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if !spec.Name.IsExported() {
							continue
						}
						if spec.Doc.Text() == "" && (decl.Doc.Text() == "" || decl.Lparen.IsValid()) {
							missing(spec.Pos(), spec.Name.Name)
						}
						for _, f := range undocumentedFields(spec) {
							missing(f.Pos(), spec.Name.Name+"."+f.Name)
						}
					case *ast.ValueSpec:
						if spec.Doc.Text() != "" || spec.Comment.Text() != "" || decl.Doc.Text() != "" && !enum(decl) {
							continue
						}
						for _, name := range spec.Names {
							if name.IsExported() {
								missing(name.Pos(), name.Name)
							}
						}
					}
				}
			}
		}
	}
	return found
}

// enum says whether the declaration counts with iota: each of its constants is
// then a case of its own, which wants a comment of its own.
func enum(decl *ast.GenDecl) bool {
	found := false
	ast.Inspect(decl, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "iota" {
			found = true
		}
		return true
	})
	return found
}

func undocumentedFields(spec *ast.TypeSpec) []*ast.Ident {
	typ, ok := spec.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	var found []*ast.Ident
	for _, f := range typ.Fields.List {
		if f.Doc.Text() != "" || f.Comment.Text() != "" {
			continue
		}
		for _, name := range f.Names {
			if name.IsExported() {
				found = append(found, name)
			}
		}
	}
	return found
}

func TestDocs(t *testing.T) {
	for _, layer := range layers {
		report(t, docFindings(layerFiles(t, layer)...))
	}
}

func TestDocsCheck(t *testing.T) {
	runCases(t, []checkCase{
		{name: "all documented", why: "comment above, behind or over the group", text: `package p
// Limit and friends.
const (
	Limit = 1
	Other = 2
)
// T is a thing.
type T struct {
	// A is above.
	A int
	B int // behind
	c int
}
// M does.
func (T) M() {}
type u struct{ D int }
func (u) M() {}`},
		{name: "nothing documented", why: "each kind of name", text: `package p
const Limit = 1
var V = 2
type T struct{ A, B int }
func (*T) M() {}
func F() {}`, want: 7},
		{name: "enum", why: "the group's comment does not say what one case means", text: `package p
// Reason says why.
type Reason int
// The reasons.
const (
	// Known is fine.
	Known Reason = iota
	Forgotten
)`, want: 1},
		{name: "types in a group", why: "the group's comment is not the type's", text: `package p
// Things.
type (
	T int
)`, want: 1},
	}, docFindings)
}

var (
	numberedRule = regexp.MustCompile(`(?m)^\s*(\d+)\. `)
	citation     = regexp.MustCompile(`\b[A-Za-z][\w.]*@v[01]\.\d+\.\d+\b`)
)

// packageDocFindings checks the comment of one package. The layers' are the
// reference, with their sources, and at the top with rules counted from 1.
func packageDocFindings(dir string, files []source) []string {
	var doc string
	n := 0
	for _, s := range files {
		if !s.test() && s.file.Doc.Text() != "" {
			doc, n = s.file.Doc.Text(), n+1
		}
	}
	if n != 1 {
		return []string{fmt.Sprintf("%s: %d package comments, want 1", dir, n)}
	}
	if !slices.Contains(layers, dir) {
		return nil
	}
	var found []string
	rules := 0
	for _, m := range numberedRule.FindAllStringSubmatch(doc, -1) {
		if m[1] == fmt.Sprint(rules+1) {
			rules++
		}
	}
	// The packages below those at the top have their rules at the functions.
	if top := path.Dir(dir) == "."; top && rules < 3 {
		found = append(found, fmt.Sprintf("%s: package comment has %d numbered rules, want at least 3", dir, rules))
	}
	if !citation.MatchString(doc) {
		found = append(found, fmt.Sprintf("%s: package comment cites nothing upstream as symbol@tag", dir))
	}
	return found
}

func TestPackageDocs(t *testing.T) {
	tree := goFiles(t)
	for _, dir := range slices.Sorted(maps.Keys(tree)) {
		files := tree[dir]
		if slices.ContainsFunc(files, func(s source) bool { return !s.test() }) {
			report(t, packageDocFindings(dir, files))
		}
	}
}

func TestPackageDocsCheck(t *testing.T) {
	const good = "// Package placement decides.\n//\n//  1. One (f@v1.37.2).\n//  2. Two.\n//  3. Three.\npackage placement"
	for _, tc := range []struct {
		name, why, dir, text string
		want                 int
	}{
		{"good", "rules and a source", "placement", good, 0},
		{"none", "godoc shows nothing", "examples/x", "package main", 1},
		{"short one elsewhere", "only the layers' comments are the reference", "examples/x", "// Command x.\npackage main", 0},
		{"no rules further down", "they are at the functions", "rollout/kubectl", "// Package kubectl prints (f@v0.37.2).\npackage kubectl", 0},
		{"no source further down", "not a reference", "rollout/kubectl", "// Package kubectl prints.\npackage kubectl", 1},
		{"no rules, no source", "not a reference", "placement", "// Package placement decides.\npackage placement", 2},
		{"gap in the count", "rule 3 is missed", "placement", strings.Replace(good, " 3.", " 4.", 1), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := packageDocFindings(tc.dir, []source{parse(t, path.Join(tc.dir, "doc.go"), tc.text)})
			if len(got) != tc.want {
				t.Errorf("packageDocFindings = %q, want %d: %s", got, tc.want, tc.why)
			}
		})
	}
}
