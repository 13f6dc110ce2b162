package nopanic_test

import (
	"errors"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/internal/nopanic"
)

// gauge stands for a type that only a constructor fills.
type gauge struct{ node *corev1.Node }

func newGauge(n *corev1.Node) (*gauge, error) {
	if n == nil {
		return nil, errors.New("no node")
	}
	return &gauge{n}, nil
}

// Name works on nil and zero gauges.
func (g *gauge) Name() string {
	if g == nil || g.node == nil {
		return ""
	}
	return g.node.Name
}

// OnNil panics on a nil pointer.
func (g *gauge) OnNil() bool { return g.node == nil }

// Built panics once newGauge has filled it.
func (g *gauge) Built() string {
	if g != nil && g.node != nil {
		panic("built")
	}
	return ""
}

type level int

func (l level) String() string { return []string{"low", "high"}[l] }

type namer interface{ Name() string }

// TestCall calls functions that panic for one kind of argument each.
func TestCall(t *testing.T) {
	type options struct {
		Node  *corev1.Node
		Nodes []*corev1.Node
		Order func(a, b *corev1.Node) *int
	}
	for _, tc := range []struct {
		name, why string
		fn        any
		panics    bool
	}{
		{"clean", "nil and zero nodes are no problem", func(n *corev1.Node) bool { return n != nil && n.Name == "x" }, false},
		{"nil pointer", "the first thing to forget", func(n *corev1.Node) string { return n.Name }, true},
		{"empty slice", "a first element that is not there", func(s []int) int { return s[0] }, true},
		{"nil element", "a slice with a nil pointer in it", func(s []*corev1.Node) (names []string) {
			for _, n := range s {
				names = append(names, n.Name)
			}
			return names
		}, true},
		{"nil map", "writing to it", func(m map[string]int) { m["a"] = 1 }, true},
		{"nil field of a filled struct", "half-filled", func(o options) string {
			if o.Nodes == nil {
				return ""
			}
			return o.Node.Name
		}, true},
		{"deep", "labels of pods of a selector that goes with the node's name", func(n *corev1.Node) string {
			if n == nil || n.Name != "x" || n.Labels["x"] != "x" || len(n.Spec.Taints) == 0 {
				return ""
			}
			return n.Spec.Taints[1].Key
		}, true},
		{"two arguments", "one nil and the other not", func(a, b *corev1.Node) string {
			if a == nil {
				return ""
			}
			return b.Name
		}, true},
		{"nil function", "a field that is a function", func(o options) { o.Order(nil, nil) }, true},
		{"function that returns nil", "what a caller's function returns", func(o options) int {
			if o.Order == nil {
				return 0
			}
			return *o.Order(nil, nil)
		}, true},
		{"unknown enumeration", "a number without a name", func(l level) string { return l.String() }, true},
		{"negative number", "an index", func(s string, i int) string {
			if i == 0 || i > len(s) {
				return ""
			}
			return s[i-1:]
		}, true},
		{"iterator", "it panics when it is ranged over", func() iter.Seq[int] {
			return func(yield func(int) bool) {
				if yield(1) {
					panic("late")
				}
			}
		}, true},
		{"endless iterator", "it is ended", func() iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for yield(0, nil) {
				}
			}
		}, false},
		{"variadic", "no arguments at all", func(names ...string) string { return names[0] }, true},
		{"nil interface", "an interface of the library", func(n namer) string { return n.Name() }, true},
		{"implemented interface", "a value of the library is behind it", func(n namer) {
			if _, ok := n.(*gauge); ok {
				panic("found")
			}
		}, true},
		{"broken error", "an error with a text that panics", func() error { return brokenError{} }, true},
		{"test", "a function for tests may end the test", func(t testing.TB) { t.Helper(); t.Fatal("ends here") }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := nopanic.Call([]nopanic.Func{{Name: "f", Func: tc.fn}}, []reflect.Type{reflect.TypeFor[gauge]()}, io.Discard)
			got = slices.DeleteFunc(got, func(p nopanic.Panic) bool { return p.Func != "f" })
			if (len(got) > 0) != tc.panics {
				t.Errorf("Call() = %v, want a panic: %t (%s)", got, tc.panics, tc.why)
			}
		})
	}
}

type brokenError struct{}

func (brokenError) Error() string { panic("no text") }

// TestCallMethods calls methods on nil pointers, and on what a constructor returns.
func TestCallMethods(t *testing.T) {
	panics := nopanic.Call([]nopanic.Func{{Name: "newGauge", Func: newGauge}}, []reflect.Type{reflect.TypeFor[gauge](), reflect.TypeFor[level]()}, io.Discard)
	var got []string
	for _, p := range panics {
		got = append(got, p.Func+"("+p.Args+")")
		if !slices.ContainsFunc([]string{"nil pointer", "built", "out of range"}, func(s string) bool { return strings.Contains(p.String(), s) }) {
			t.Errorf("String() = %q does not say what happened", p)
		}
	}
	slices.Sort(got)
	want := []string{
		"(*nopanic_test.gauge).Built(&nopanic_test.gauge{node: ...})",
		"(*nopanic_test.gauge).OnNil(nil)",
		"nopanic_test.level.String(-1)",
	}
	for i := range got {
		if strings.HasPrefix(got[i], "nopanic_test.level") {
			got[i] = want[2] // whichever number came first
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("Call() = %q, want %q", got, want)
	}
}
