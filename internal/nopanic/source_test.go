package nopanic_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/internal/nopanic"
)

// TestPackages finds what is exported, and only if it is public.
func TestPackages(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"doc.go":              "package m",
		"a/a.go":              "package a\nfunc F() {}\nfunc f() {}\ntype T struct{}\nfunc (T) M() {}\ntype I interface{ M() }\ntype t int\nfunc Map[K any](K) {}\ntype Set[K comparable] map[K]bool",
		"a/a_test.go":         "package a\nfunc ForTests() {}",
		"a/b/b.go":            "package b\ntype (\n\tV func()\n\tU int\n)",
		"a/b/other.go":        "//go:build neverbuilt\n\npackage b\nfunc Elsewhere() {}",
		"cmd/main.go":         "package main\nfunc Exported() {}",
		"internal/x/x.go":     "package x\nfunc F() {}",
		"examples/e/e.go":     "package e\nfunc F() {}",
		"a/testdata/t/t.go":   "package t\nfunc F() {}",
		"nested/go.mod":       "module nested",
		"nested/n.go":         "package nested\nfunc F() {}",
		".hidden/h/hidden.go": "package hidden\nfunc F() {}",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := nopanic.Packages("example.com/m", root)
	if err != nil {
		t.Fatal(err)
	}
	want := []nopanic.Package{
		{Path: "example.com/m/a", Funcs: []string{"F"}, Types: []string{"T"}, Generic: []string{"Map", "Set"}},
		{Path: "example.com/m/a/b", Types: []string{"U", "V"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Packages() (-want +got):\n%s", diff)
	}
	program := nopanic.Program("example.com/m", got)
	for _, line := range []string{
		`p1 "example.com/m/a/b"`,
		`{Name: "a.F", Func: p0.F},`,
		`reflect.TypeFor[p0.T](),`,
		`reflect.TypeFor[p1.V](),`,
	} {
		if !strings.Contains(program, line) {
			t.Errorf("Program() lacks %s:\n%s", line, program)
		}
	}
}
