// Package cli has what the commands among the examples share: they read files and
// standard input, and print text that is not theirs.
package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/pernode/daemonset/daemon/manifest"
)

// StandardInput is what messages call the file "-".
const StandardInput = "standard input"

// ReadFiles reads the named files into objects. The name "-" stands for stdin. To name it twice is an
// error: the second time nothing is left of it.
func ReadFiles(objects *manifest.Objects, files []string, stdin io.Reader) error {
	if i := slices.Index(files, "-"); i >= 0 && slices.Contains(files[i+1:], "-") {
		return errors.New("-: standard input can be given only once")
	}
	for _, file := range files {
		if err := readFile(objects, file, stdin); err != nil {
			return err
		}
	}
	return nil
}

func readFile(objects *manifest.Objects, file string, stdin io.Reader) error {
	name, r, err := open(file, stdin)
	if err != nil {
		return err
	}
	defer r.Close()
	return objects.Read(name, r)
}

// open opens a file for reading, and returns what messages call it.
func open(file string, stdin io.Reader) (name string, r io.ReadCloser, err error) {
	if file == "-" {
		return StandardInput, io.NopCloser(stdin), nil
	}
	r, err = os.Open(file)
	return file, r, err
}

// ReadVersion reads a version of a file or of a folder into objects. The name "-" stands for stdin. The
// null device is a version that does not exist, and has no objects. Neither has a file of comments, marks
// between documents and null. A file that has not even these is an error: a command that fails prints
// nothing, and its version was never read. Of a folder it reads the .yaml, .yml and .json files, also those
// in folders below it, but nothing whose name begins with a dot. A folder without such a file is an
// error.
func ReadVersion(objects *manifest.Objects, version string, stdin io.Reader) error {
	if info, err := os.Stat(version); version == "-" || err != nil || !info.IsDir() {
		return readVersion(objects, version, stdin)
	}
	files, err := manifestsBelow(version)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s: no .yaml, .yml or .json file in this folder; for one that does not exist give %s", version, os.DevNull)
	}
	for _, file := range files {
		if err := readVersion(objects, file, stdin); err != nil {
			return err
		}
	}
	return nil
}

// manifestsBelow returns the paths of the files of a folder that may hold manifests, in order.
func manifestsBelow(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		hidden := path != folder && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case hidden && entry.IsDir():
			return fs.SkipDir
		case hidden, entry.IsDir():
			return nil
		}
		switch filepath.Ext(path) {
		case ".yaml", ".yml", ".json":
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

func readVersion(objects *manifest.Objects, file string, stdin io.Reader) error {
	name, r, err := open(file, stdin)
	if err != nil {
		return err
	}
	defer r.Close()
	var text bytes.Buffer
	err = objects.Read(name, io.TeeReader(r, &text))
	switch {
	case !errors.Is(err, manifest.ErrEmpty):
		return err
	case file == os.DevNull, len(bytes.TrimSpace(text.Bytes())) > 0:
		return nil
	}
	return fmt.Errorf("%s: %w: the command that wrote it may have failed; for a file that does not exist give %s", name, manifest.ErrEmpty, os.DevNull)
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

// Width is where long lines are folded.
const Width = 104

// Fold returns a line behind a lead. If it is too long, further lines follow, each behind the hang. A
// word that is too long stays whole.
func Fold(lead, line, hang string) []string {
	var lines []string
	for len(lead)+len(line) > Width {
		at := -1
		if room := Width - len(lead); room >= 0 {
			at = strings.LastIndex(line[:room+1], " ")
		}
		if at < 0 {
			at = strings.Index(line, " ")
		}
		if at < 0 {
			break
		}
		lines = append(lines, lead+line[:at])
		line, lead = line[at+1:], hang
	}
	return append(lines, lead+line)
}
