package nopanic

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Package is one package of the library with what it exports.
type Package struct {
	// Path is the import path.
	Path string
	// Funcs and Types are names, in their own order. Interfaces are not in Types.
	Funcs, Types []string
	// Generic are the exported functions and types with type parameters, which a
	// program cannot refer to without type arguments.
	Generic []string
}

// Packages returns the public packages of the module at root that export something,
// ordered by path: all but commands, examples, nested modules and what is internal.
func Packages(module, root string) ([]Package, error) {
	var found []Package
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if dir != root {
			_, err := os.Stat(filepath.Join(dir, "go.mod"))
			if err == nil || name == "internal" || name == "examples" || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				return fs.SkipDir
			}
		}
		from, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		p := Package{Path: path.Join(module, filepath.ToSlash(from))}
		if err := p.read(dir); err != nil {
			return err
		}
		if len(p.Funcs)+len(p.Types)+len(p.Generic) > 0 {
			found = append(found, p)
		}
		return nil
	})
	return found, err
}

// read adds what the files in the folder export.
func (p *Package) read(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if ok, err := build.Default.MatchFile(dir, name); err != nil || !ok {
			if err != nil {
				return err
			}
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p.add(file)
	}
	slices.Sort(p.Funcs)
	slices.Sort(p.Types)
	slices.Sort(p.Generic)
	return nil
}

func (p *Package) add(file *ast.File) {
	if file.Name.Name == "main" {
		return
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			switch name := decl.Name.Name; {
			case decl.Recv != nil || !decl.Name.IsExported():
			case decl.Type.TypeParams != nil:
				p.Generic = append(p.Generic, name)
			default:
				p.Funcs = append(p.Funcs, name)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				spec, ok := spec.(*ast.TypeSpec)
				if !ok || !spec.Name.IsExported() {
					continue
				}
				_, isInterface := spec.Type.(*ast.InterfaceType)
				switch {
				case isInterface:
				case spec.TypeParams != nil:
					p.Generic = append(p.Generic, spec.Name.Name)
				default:
					p.Types = append(p.Types, spec.Name.Name)
				}
			}
		}
	}
}

// Program returns the source of a program that calls Main with all functions and
// types of the packages.
func Program(module string, packages []Package) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package main\n\nimport (\n\t\"reflect\"\n\n\t%q\n", module+"/internal/nopanic")
	for i, p := range packages {
		if len(p.Funcs)+len(p.Types) > 0 {
			fmt.Fprintf(&b, "\tp%d %q\n", i, p.Path)
		}
	}
	b.WriteString(")\n\nfunc main() {\n\tnopanic.Main([]nopanic.Func{\n")
	for i, p := range packages {
		for _, name := range p.Funcs {
			fmt.Fprintf(&b, "\t\t{Name: %q, Func: p%d.%s},\n", path.Base(p.Path)+"."+name, i, name)
		}
	}
	b.WriteString("\t}, []reflect.Type{\n")
	for i, p := range packages {
		for _, name := range p.Types {
			fmt.Fprintf(&b, "\t\treflect.TypeFor[p%d.%s](),\n", i, name)
		}
	}
	b.WriteString("\t})\n}\n")
	return b.String()
}
