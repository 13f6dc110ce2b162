package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	plant     = flag.Bool("plant", false, "TestPlantedBugs runs the tests of this package on every planted bug")
	plantRun  = flag.String("plant-run", ".", "with -plant: only tests whose name matches this regular expression are run")
	plantOnly = flag.String("plant-only", "", "with -plant: only bugs whose name or file matches this regular expression")
)

// plantedBug is a small change to the library that the tests of this package have
// to notice.
type plantedBug struct {
	// name says what goes wrong.
	name string
	// file is relative to the root of the library.
	file string
	// old is text that occurs in the file exactly once, and new is put in its
	// place.
	old, new string
}

const libraryRoot = "../.."

// planted returns the file with the bug.
func (b *plantedBug) planted() ([]byte, error) {
	src, err := os.ReadFile(filepath.Join(libraryRoot, b.file))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(src, []byte(b.old)); n != 1 {
		return nil, fmt.Errorf("%s has the text to be replaced %d times, want once:\n%s", b.file, n, b.old)
	}
	if b.new == b.old {
		return nil, errors.New("nothing is changed")
	}
	out := bytes.Replace(src, []byte(b.old), []byte(b.new), 1)
	if _, err := format.Source(out); err != nil {
		return nil, fmt.Errorf("%s: %w", b.file, err)
	}
	return out, nil
}

// TestPlantedBugsAreCurrent holds the list of bugs to the library as it is now.
func TestPlantedBugsAreCurrent(t *testing.T) {
	names, packages := map[string]bool{}, map[string]int{}
	check := newTypeChecker(t)
	for i := range plantedBugs {
		b := &plantedBugs[i]
		if names[b.name] {
			t.Errorf("two bugs are called %q", b.name)
		}
		names[b.name] = true
		packages[path.Dir(b.file)]++
		src, err := b.planted()
		if err == nil {
			err = check.with(b.file, src)
		}
		if err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
	}
	for _, name := range libraryPackages(t) {
		want, ok := leastPlanted[name]
		if !ok {
			t.Errorf("leastPlanted does not say how many bugs package %s is to have", name)
		}
		if packages[name] < want {
			t.Errorf("package %s has %d planted bugs, want %d", name, packages[name], want)
		}
	}
}

// typeChecker checks the types of one package of the library at a time, which takes a
// hundredth of the time of a build.
type typeChecker struct {
	fset     *token.FileSet
	importer types.Importer
	files    map[string][]string // by folder, relative to the root of the library
}

func newTypeChecker(t *testing.T) *typeChecker {
	t.Helper()
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles", "./...")
	list.Dir = libraryRoot
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	root, err := filepath.Abs(libraryRoot)
	if err != nil {
		t.Fatal(err)
	}
	c := &typeChecker{fset: token.NewFileSet(), files: map[string][]string{}}
	exports := map[string]string{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p struct {
			ImportPath, Export, Dir string
			GoFiles                 []string
		}
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if folder, err := filepath.Rel(root, p.Dir); err == nil {
			c.files[filepath.ToSlash(folder)] = p.GoFiles
		}
	}
	c.importer = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	return c
}

// with checks the package of a file that has src in place of what it holds.
func (c *typeChecker) with(file string, src []byte) error {
	folder := path.Dir(file)
	var parsed []*ast.File
	for _, name := range c.files[folder] {
		var text any
		if name == path.Base(file) {
			text = src
		}
		f, err := parser.ParseFile(c.fset, filepath.Join(libraryRoot, folder, name), text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed = append(parsed, f)
	}
	_, err := (&types.Config{Importer: c.importer}).Check(folder, c.fset, parsed, nil)
	return err
}

// leastPlanted is how many planted bugs a package has at least. Those with none have
// nothing that the tests of this package compare with upstream.
var leastPlanted = map[string]int{
	".":                 0,
	"placement":         10,
	"daemon":            10,
	"daemon/daemontest": 0,
	"daemon/diff":       0,
	"daemon/history":    8,
	"daemon/lint":       0,
	"daemon/manifest":   0,
	"daemon/overhead":   12,
	"rollout":           10,
	"rollout/health":    0,
	"rollout/kubectl":   6,
	"rollout/simulate":  4,
}

// libraryPackages are the folders of the packages that the library exports, relative
// to its root. Nested modules, which have tests of their own, are left out.
func libraryPackages(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(libraryRoot, func(file string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if strings.HasPrefix(name, ".") && file != libraryRoot || name == "internal" || name == "examples" || name == "testdata" {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil && file != libraryRoot {
				return fs.SkipDir
			}
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			rel, err := filepath.Rel(libraryRoot, filepath.Dir(file))
			if rel = filepath.ToSlash(rel); !slices.Contains(out, rel) {
				out = append(out, rel)
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 3 {
		t.Fatalf("the library has packages %v, want more", out)
	}
	return out
}

// plantArgs are what the tests are run with on a bug: fewer scenarios than
// usual, and none of the tests about speed or planted bugs.
var plantArgs = []string{"-test.skip=^(TestSpeed|TestPlantedBugs)", "-test.failfast", "-test.timeout=5m",
	"-count=4000", "-converge-count=200", "-templates=300", "-objects=2000", "-steps-count=300"}

// TestPlantedBugs plants the bugs one at a time, with an overlay that leaves the
// files alone. Each has to compile, and then a test has to fail. It takes long,
// and is skipped without -plant.
func TestPlantedBugs(t *testing.T) {
	if !*plant {
		t.Skip("without -plant")
	}
	selected, err := regexp.Compile(*plantOnly)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if failed, err := testWith(dir, "none", nil); failed != "" || err != nil {
		t.Fatalf("without any bug: %s %v", failed, err)
	}
	var mu sync.Mutex
	var workers sync.WaitGroup
	next, tried, caught := 0, 0, 0
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(plantedBugs) {
					return
				}
				b := &plantedBugs[i]
				if !selected.MatchString(b.name) && !selected.MatchString(b.file) {
					continue
				}
				start := time.Now()
				src, err := b.planted()
				failed := ""
				if err == nil {
					failed, err = testWith(dir, fmt.Sprint(i), map[string][]byte{b.file: src})
				}
				mu.Lock()
				tried++
				switch {
				case err != nil:
					t.Errorf("%s: %v", b.name, err)
				case failed == "":
					t.Errorf("MISSED %s: %s", b.file, b.name)
				default:
					caught++
					t.Logf("caught in %v, %s: %s (%s)", time.Since(start).Round(time.Second), b.file, b.name, failed)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	t.Logf("%d of %d planted bugs are caught", caught, tried)
}

// testWith builds the tests with some files of the library replaced and runs
// them. It returns what failed, empty if nothing did; the error is about what
// cannot be built or started.
func testWith(dir, name string, files map[string][]byte) (failed string, err error) {
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, src := range files {
		path, err := filepath.Abs(filepath.Join(libraryRoot, file))
		if err != nil {
			return "", err
		}
		overlay.Replace[path] = filepath.Join(dir, fmt.Sprintf("%s-%d.go", name, len(overlay.Replace)))
		if err := os.WriteFile(overlay.Replace[path], src, 0o600); err != nil {
			return "", err
		}
	}
	raw, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	list, binary := filepath.Join(dir, name+".json"), filepath.Join(dir, name+".test")
	if err := os.WriteFile(list, raw, 0o600); err != nil {
		return "", err
	}
	defer os.Remove(binary)
	// Without symbols linking takes half as long.
	build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", list, "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not compile: %w\n%s", err, out)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, append([]string{"-test.run=" + *plantRun}, plantArgs...)...).CombinedOutput()
	if err == nil {
		return "", nil
	}
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^(?:--- FAIL: \w+|panic: .*)`).FindAll(out, -1) {
		all = append(all, strings.TrimPrefix(string(m), "--- FAIL: "))
	}
	if all == nil {
		return "", fmt.Errorf("does not run: %w\n%s", err, out)
	}
	return strings.Join(slices.Compact(all), ", "), nil
}
