package v1alpha1_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The generated files are what controller-gen makes of the sources: after a change of a
// type, `go generate ./...` writes them anew.
func TestGenerated(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []struct {
		name, file, in string
		args           []string
	}{
		{"deep copies", "api/v1alpha1/zz_generated.deepcopy.go", "api/v1alpha1", []string{"object", "paths=."}},
		{"CRD", "config/crd/agents.example.com_nodeagents.yaml", "api/v1alpha1", []string{"crd:crdVersions=v1", "paths=."}},
		{"role", "config/rbac/role.yaml", "controller", []string{"rbac:roleName=daemonset-example-controller", "paths=."}},
	} {
		t.Run(g.name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command("go", append(append([]string{"tool", "controller-gen"}, g.args...), "output:dir="+dir)...)
			cmd.Dir = filepath.Join(root, g.in)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
			}
			want, err := os.ReadFile(filepath.Join(dir, filepath.Base(g.file)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(root, g.file))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is out of date: run go generate ./... in examples/controller", g.file)
			}
		})
	}
}
