package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadFS(t *testing.T) {
	files := fstest.MapFS{
		"nodes/b.yaml": {Data: []byte("apiVersion: v1\nkind: Node\nmetadata: {name: b}\n")},
		"nodes/a.yaml": {Data: []byte("apiVersion: v1\nkind: Node\nmetadata: {name: a}\n")},
		"wrong.yaml":   {Data: []byte("apiVersion: v1\nkind: Node\nmetadata: {}\n")},
		"pod.json":     {Data: []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}`)},
	}
	var o Objects
	if err := o.ReadFS(files, "pod.json", "nodes/*.yaml"); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"Node": {"a", "b"}, "Pod": {"default/p"}}
	if diff := cmp.Diff(want, names(&o)); diff != "" {
		t.Errorf("ReadFS (-want +got):\n%s", diff)
	}
	if at := o.Position(o.Nodes[1], "metadata"); at.File != "nodes/b.yaml" {
		t.Errorf("Position().File = %q, want nodes/b.yaml", at.File)
	}
	for _, tc := range []struct {
		name, why, pattern string
		want               error
	}{
		{"wrong file", "with its name and line", "wrong.yaml", ErrorList{{Position{"wrong.yaml", 1, 3, "metadata.name"}, "Required value"}}},
		{"no file", "a slip", "nowhere.yaml", fs.ErrNotExist},
		{"no match", "a slip, too", "*.yml", fs.ErrNotExist},
		{"bad pattern", "not of fs.Glob", "[", path.ErrBadPattern},
	} {
		err := o.ReadFS(files, tc.pattern)
		if list, ok := tc.want.(ErrorList); ok {
			if err == nil || err.Error() != list.Error() {
				t.Errorf("%s: ReadFS = %v, want %v: %s", tc.name, err, tc.want, tc.why)
			}
		} else if !errors.Is(err, tc.want) {
			t.Errorf("%s: ReadFS = %v, want %v: %s", tc.name, err, tc.want, tc.why)
		}
	}
}

func TestReaderFails(t *testing.T) {
	broken := errors.New("broken pipe")
	var o Objects
	if err := o.Read("x", iotest.ErrReader(broken)); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "x: ") {
		t.Errorf("Read = %v, want x: %v", err, broken)
	}
	if err := o.Read("x", nil); err == nil {
		t.Error("Read(nil) = nil, want an error")
	}
}

// Two texts of one name, and objects that the caller has added, count as there.
func TestReadTwice(t *testing.T) {
	const node = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
	var o Objects
	for _, want := range []string{"", "y:3: document 1: metadata.name: Duplicate value: Node a is in x:1 already"} {
		name := "x"
		if want != "" {
			name = "y"
		}
		if err := o.Read(name, strings.NewReader(node)); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("Read = %v, want %q", err, want)
		}
	}
	own := Objects{Nodes: o.Nodes}
	want := "y:3: document 1: metadata.name: Duplicate value: Node a is there already"
	if err := own.Read("y", strings.NewReader(node)); err == nil || err.Error() != want {
		t.Errorf("Read = %v, want %s", err, want)
	}
}

// TestReadFSIsLinear: twice as many files take twice as much memory, not four times as much.
func TestReadFSIsLinear(t *testing.T) {
	bytes := func(n int) uint64 {
		files := fstest.MapFS{}
		for i := range n {
			files[fmt.Sprintf("%d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "{apiVersion: v1, kind: Node, metadata: {name: n%d}}", i)}
		}
		var o Objects
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := o.ReadFS(files, "*"); err != nil || len(o.Nodes) != n {
			t.Fatalf("ReadFS = %d nodes, %v, want %d", len(o.Nodes), err, n)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if once, twice := bytes(1000), bytes(2000); twice > 3*once {
		t.Errorf("ReadFS takes %d bytes for 1000 files and %d for 2000", once, twice)
	}
}

// TestReadFSNames: each file is compared with all others.
func TestReadFSNames(t *testing.T) {
	node := []byte("{apiVersion: v1, kind: Node, metadata: {name: a}}")
	var o Objects
	err := o.ReadFS(fstest.MapFS{"1.yaml": {Data: node}, "2.yaml": {Data: []byte("{apiVersion: v1, kind: Pod, metadata: {name: a}}")}, "3.yaml": {Data: node}}, "*")
	if want := "3.yaml:1: document 1: metadata.name: Duplicate value: Node a is in 1.yaml:1 already"; err == nil || err.Error() != want {
		t.Errorf("ReadFS = %v, want %s", err, want)
	}
	o.Nodes[0].Name = "b"
	if err := o.ReadFS(fstest.MapFS{"3.yaml": {Data: node}}, "*"); err != nil || len(o.Nodes) != 2 {
		t.Errorf("ReadFS after the other node has another name = %v, %d nodes, want 2", err, len(o.Nodes))
	}
}
