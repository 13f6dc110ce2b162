package nopanic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pernode/daemonset/internal/nopanic"
)

const (
	module = "github.com/pernode/daemonset"
	root   = "../.."
)

// TestLibrary calls every exported function and method of the library.
func TestLibrary(t *testing.T) {
	packages, err := nopanic.Packages(module, root)
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 3 {
		t.Fatalf("found the packages %+v, want placement, daemon and rollout at least", packages)
	}
	for _, p := range packages {
		if p.Generic != nil {
			t.Errorf("%s exports %q with type parameters, which the program cannot call without type arguments", p.Path, p.Generic)
		}
	}
	for _, p := range run(t, nopanic.Program(module, packages)) {
		t.Error(p)
	}
}

// run builds the program with an overlay, as a package of the module that is not in
// the tree, and runs it.
func run(t *testing.T, program string) []nopanic.Panic {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(here, "program", "main.go"): write("main.go", []byte(program)),
	}})
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "program.exe")
	build := exec.Command("go", "build", "-o", binary, "-overlay", write("overlay.json", overlay), "./program")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		lines := strings.Split(stderr.String(), "\n")
		last := len(lines) - 1
		for last > 0 && !strings.HasPrefix(lines[last], nopanic.Calling) {
			last--
		}
		end := lines[last:min(len(lines), last+60)]
		t.Fatalf("the program ended with %v:\n%s", err, strings.Join(end, "\n"))
	}
	var panics []nopanic.Panic
	if err := json.Unmarshal(stdout.Bytes(), &panics); err != nil {
		t.Fatal(err)
	}
	return panics
}
