package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Run plays every file that matches pattern as a subtest. With update set it
// writes the output into the files instead of comparing.
func Run(t *testing.T, pattern string, update bool) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no scenario matches %s", pattern)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			played := play(t, string(text))
			if played == string(text) {
				return
			}
			if !update {
				t.Errorf("%s: output differs (-want +got); run with -update to accept:\n%s", file, cmp.Diff(string(text), played))
				return
			}
			if err := os.WriteFile(file, []byte(played), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// play returns the script with the output that its commands produce now.
func play(t *testing.T, text string) string {
	t.Helper()
	p, err := newPlayer()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i, block := range strings.Split(strings.TrimRight(text, "\n"), "\n\n") {
		if i > 0 {
			out.WriteString("\n")
		}
		commands, _, expects := strings.Cut(block, "\n----")
		out.WriteString(commands + "\n")
		var output strings.Builder
		for _, line := range strings.Split(commands, "\n") {
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if err := p.run(line, &output); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
		if output.Len() > 0 || expects {
			out.WriteString("----\n" + output.String())
		}
	}
	return out.String()
}
