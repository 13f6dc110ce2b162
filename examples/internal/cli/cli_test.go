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
	err := ReadFiles(&objects, []string{"nowhere.yaml"}, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadFiles(nowhere.yaml) = %v, want %v", err, fs.ErrNotExist)
	}
}
