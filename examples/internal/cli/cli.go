// Package cli has what the commands among the examples share: they read files and
// standard input, and print text that is not theirs.
package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/pernode/daemonset/daemon/manifest"
)

// StandardInput is what messages call the file "-".
const StandardInput = "standard input"

// ReadFiles reads the named files into objects. The name "-" stands for stdin.
func ReadFiles(objects *manifest.Objects, files []string, stdin io.Reader) error {
	for _, file := range files {
		if err := readFile(objects, file, stdin); err != nil {
			return err
		}
	}
	return nil
}

func readFile(objects *manifest.Objects, file string, stdin io.Reader) error {
	if file == "-" {
		return objects.Read(StandardInput, stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return objects.Read(file, f)
}

// PassedOver returns a line for each file of which something was passed over.
func PassedOver(objects *manifest.Objects) []string {
	var lines []string
	last := ""
	for _, p := range objects.PassedOver {
		if len(lines) > 0 && p.File == last {
			lines[len(lines)-1] += ", " + p.String()
			continue
		}
		lines = append(lines, fmt.Sprintf("passed over in %s: %v", p.File, p))
		last = p.File
	}
	return lines
}

// Printable puts a mark in the place of control characters, ends of lines and marks that
// change the direction of text: input must not forge lines, control the terminal, or show
// something else than it holds.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// PrintableLines returns the lines of a text, each as Printable returns it.
func PrintableLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i])
	}
	return lines
}
