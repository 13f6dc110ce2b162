package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// CI installs what the tests of the page need. If it cannot, its step fails with a sentence, before
// any test could be skipped.
func TestInstall(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	const noChromium = "chromium cannot be installed: the page of examples/playground is tested in it\n"
	const noNpm = "npm cannot be installed: the editor of examples/playground comes from its registry\n"
	for _, tc := range []struct {
		name string
		// there are the commands of the machine, and apt is what its apt-get does.
		there []string
		apt   string
		want  string
		tests bool
	}{
		{"no network", nil, `exit 100`, noChromium, false},
		{"no such package", []string{"npm"}, `[ "$1" = update ]`, noChromium, false},
		{"a package without the command", []string{"npm"}, `exit 0`, noChromium, false},
		{"chromium alone", []string{"chromium"}, `exit 100`, noNpm, false},
		{"installed", nil, `for name; do case $name in chromium | npm) ln -s "$BIN/id" "$BIN/$name" ;; esac; done`, "", true},
		{"there already", []string{"chromium", "npm"}, `exit 100`, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bin := t.TempDir()
			for _, name := range []string{"bash", "dirname", "id", "ln"} {
				path, err := exec.LookPath(name)
				if err != nil {
					t.Skip(err)
				}
				if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
					t.Fatal(err)
				}
			}
			commands := map[string]string{"apt-get": tc.apt, "sudo": `exec "$@"`, "go": "echo go $1; exit 9"}
			for _, name := range tc.there {
				commands[name] = "exit 0"
			}
			for name, script := range commands {
				if err := os.WriteFile(filepath.Join(bin, name), []byte("#!"+bash+"\n"+script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			step := exec.Command(bash, filepath.Join("..", "..", ".ci", "run"), "--step", "playground")
			step.Env = []string{"CI=true", "PATH=" + bin, "BIN=" + bin}
			out, err := step.CombinedOutput()
			if err == nil {
				t.Errorf("the step passes; it says %q", out)
			}
			if got := strings.Contains(string(out), "go vet"); got != tc.tests {
				t.Errorf("the step comes to its checks: %v, want %v; it says %q", got, tc.tests, out)
			}
			if !strings.Contains(string(out), tc.want) {
				t.Errorf("the step says %q, want %q", out, tc.want)
			}
		})
	}
}
