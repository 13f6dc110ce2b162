package policy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// drawers are names that say nothing about what is inside.
var drawers = []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared", "base", "lib"}

// nameFinding checks the path of a file: none of its folders, and no word of its
// own name, may be a drawer.
func nameFinding(name string) string {
	if path.Ext(name) != ".go" {
		return ""
	}
	dir, base := path.Split(name)
	words := strings.Split(strings.TrimSuffix(base, ".go"), "_")
	words = append(words, strings.Split(strings.Trim(dir, "/"), "/")...)
	for _, w := range words {
		if slices.Contains(drawers, w) {
			return fmt.Sprintf("%s: %q says nothing about what is inside", name, w)
		}
	}
	return ""
}

// The patterns are put together from pieces so that this file does not match them.
var unwanted = []struct {
	name string
	re   *regexp.Regexp
	why  string
}{
	{"machine path", regexp.MustCompile(`(^|[\s"'=:(` + "`" + `])/(` + `root|home|Users|work` + `)/[\w.-]`), "another machine has no such folder"},
	{"Windows path", regexp.MustCompile(`\b[A-Z]:\\` + `Users\\`), "another machine has no such folder"},
	{"registry host", regexp.MustCompile(`\b(proxy|sum)\.` + `golang\.org|\bgoproxy\.|\bregistry\.` + `npmjs\.|\bdeb\.` + `debian\.org`), "which mirror is used is the machine's business"},
	{"work left", regexp.MustCompile(`(^|[^.\w])(TO` + `DO|FIX` + `ME|XX` + `X)\b`), "it belongs in an issue"},
	{"line number", regexp.MustCompile(`\.go(#L|:)` + `\d\d+\b`), "upstream's lines move: cite symbol@tag"},
}

// textFindings checks one file's text.
func textFindings(name, text string) []string {
	var found []string
	for i, line := range strings.Split(text, "\n") {
		for _, u := range unwanted {
			if m := u.re.FindString(line); m != "" {
				found = append(found, fmt.Sprintf("%s, line %d: %s %q: %s", name, i+1, u.name, strings.TrimSpace(m), u.why))
			}
		}
	}
	return found
}

func TestTree(t *testing.T) {
	for _, name := range treeFiles(t) {
		if f := nameFinding(name); f != "" {
			t.Error(f)
		}
		text := readFile(t, name)
		if path.Base(name) == "go.sum" || !utf8.ValidString(text) {
			continue
		}
		report(t, textFindings(name, text))
	}
}

func TestTreeCheck(t *testing.T) {
	for _, tc := range []struct {
		name, why, text string
		want            int
	}{
		{"fine", "look alike, but are not", "a/root/b context.TODO() https://pkg.go.dev/x v1.37.2 /home is a word, /etc/tmp/x", 0},
		{"home", "machine path", "see /" + "home/me/x", 1},
		{"quoted", "machine path", `os.ReadFile("/` + `work/x")`, 1},
		{"start of line", "machine path", "/" + "root/x", 1},
		{"Windows", "machine path", `C:\` + `Users\me`, 1},
		{"host", "registry host", "GOPROXY=https://proxy." + "golang.org", 1},
		{"work left", "belongs in an issue", "// TO" + "DO: later\n// FIX" + "ME", 2},
		{"line number", "moves", "daemon_controller.go:" + "802 and x.go#L" + "12", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := textFindings("x", tc.text); len(got) != tc.want {
				t.Errorf("textFindings(%q) = %q, want %d: %s", tc.text, got, tc.want, tc.why)
			}
		})
	}
	for name, bad := range map[string]bool{
		"daemon/pod.go":             false,
		"daemon/testdata/types.txt": false,
		"daemon/pod_util.go":        true,
		"daemon/types.go":           true,
		"internal/common/x.go":      true,
		"placement/helpers_test.go": true,
	} {
		if got := nameFinding(name); (got != "") != bad {
			t.Errorf("nameFinding(%q) = %q, want a finding: %v", name, got, bad)
		}
	}
}
