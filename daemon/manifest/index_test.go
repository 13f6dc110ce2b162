package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The index is made again only if a caller has changed what it is of. A nil is nothing to find.
func TestIndexIsKept(t *testing.T) {
	read := func(o *Objects, name string) {
		t.Helper()
		if err := o.Read(name, strings.NewReader("{apiVersion: v1, kind: Node, metadata: {name: "+name+"}}")); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, why string
		change    func(*Objects)
		kept      bool
	}{
		{"nothing", "all is as it was read", func(*Objects) {}, true},
		{"a nil at the end", "it is no object", func(o *Objects) { o.Nodes = append(o.Nodes, nil) }, true},
		{"a nil in front", "it is no object", func(o *Objects) { o.Nodes = slices.Insert(o.Nodes, 0, nil) }, true},
		{"nils alone", "they are no objects", func(o *Objects) { o.Pods = []*corev1.Pod{nil, nil} }, true},
		{"one more", "it has a name, too", func(o *Objects) {
			o.Nodes = append(o.Nodes, nil, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "more"}})
		}, false},
		{"one less", "its name is free", func(o *Objects) { o.Nodes[1] = nil }, false},
		{"another name", "the old one is free", func(o *Objects) { o.Nodes[0].Name = "renamed" }, false},
		{"another object", "it is the one to find", func(o *Objects) { o.Nodes[0] = o.Nodes[0].DeepCopy() }, false},
		{"another order", "positions are compared", func(o *Objects) { slices.Reverse(o.Nodes) }, false},
	} {
		var o Objects
		read(&o, "a")
		read(&o, "b")
		tc.change(&o)
		before := o.index
		read(&o, "c")
		if kept := o.index == before; kept != tc.kept {
			t.Errorf("%s: the index is kept: %t, want %t: %s", tc.name, kept, tc.kept, tc.why)
		}
		made := o.index
		for i := range 3 {
			read(&o, fmt.Sprintf("later-%d", i))
		}
		if o.index != made {
			t.Errorf("%s: the index is made again without another change", tc.name)
		}
	}
}
