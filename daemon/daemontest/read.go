package daemontest

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/internal/podspec"
	"github.com/pernode/daemonset/placement"
)

// ReadDaemonSet returns the only DaemonSet of the named files, which may hold objects of other
// kinds, too. It has the defaults of its spec (daemon.Default). It ends the test as Read does, if
// there is no DaemonSet or more than one, and if Apply would refuse to create it, with the line of the
// field. The operators Gt and Lt of tolerations are left to Apply, which knows whether the gate is on.
func ReadDaemonSet(t testing.TB, files ...string) *appsv1.DaemonSet {
	t.Helper()
	objects := Read(t, files...)
	if n := len(objects.DaemonSets); n != 1 {
		t.Fatalf("%s: %d DaemonSets, want 1", strings.Join(files, ", "), n)
	}
	ds := objects.DaemonSets[0]
	stored := daemon.Default(ds)
	spec := field.NewPath("spec", "template", "spec")
	errs := append(daemon.Validate(stored), podspec.Validate(spec, &stored.Spec.Template.Spec, placement.Options{ComparisonOperators: true})...)
	if len(errs) > 0 {
		t.Fatal(linesOf(objects.Locate(ds, errs)))
	}
	return stored
}

// Read returns the objects of the named files: YAML or JSON, what people write and what
// kubectl prints, without defaults; see manifest.Objects.Read. As with os.Open, names are relative
// to the folder of the package under test. It ends the test if no file is given, and if a file
// cannot be read or is wrong, with a line for each fault: file, line, document and field. It logs
// what it passes over, such as objects of other kinds.
//
// For a cluster as it was dumped, see manifest.Objects.Subjects and NewCluster.
func Read(t testing.TB, files ...string) *manifest.Objects {
	t.Helper()
	if len(files) == 0 {
		t.Fatal("no files are given")
	}
	objects := &manifest.Objects{}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		err = objects.Read(name, file)
		file.Close()
		if err != nil {
			t.Fatal(linesOf(err))
		}
	}
	logPassedOver(t, objects)
	return objects
}

// ReadFS returns the objects of the files of a file system, such as an embed.FS, that the
// patterns of fs.Glob match. It ends the test as Read does, and if no pattern is given or one
// matches nothing.
func ReadFS(t testing.TB, fsys fs.FS, patterns ...string) *manifest.Objects {
	t.Helper()
	if len(patterns) == 0 {
		t.Fatal("no patterns are given")
	}
	objects := &manifest.Objects{}
	if err := objects.ReadFS(fsys, patterns...); err != nil {
		t.Fatal(linesOf(err))
	}
	logPassedOver(t, objects)
	return objects
}

// Parse returns the objects of a text in the test itself. It ends the test as Read does;
// errors call the text "text".
func Parse(t testing.TB, text string) *manifest.Objects {
	t.Helper()
	objects := &manifest.Objects{}
	if err := objects.Read("text", strings.NewReader(text)); err != nil {
		t.Fatal(linesOf(err))
	}
	logPassedOver(t, objects)
	return objects
}

// linesOf returns a line for each fault of a text.
func linesOf(err error) string {
	var faults manifest.ErrorList
	if !errors.As(err, &faults) {
		return err.Error()
	}
	lines := make([]string, len(faults))
	for i, fault := range faults {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

func logPassedOver(t testing.TB, objects *manifest.Objects) {
	t.Helper()
	for _, p := range objects.PassedOver {
		t.Logf("%s: passed over: %v", p.File, p)
	}
}
