package manifest

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// BenchmarkRead reads a list of 1,000 pods, and fails at the last of them.
func BenchmarkRead(b *testing.B) {
	pods := func(format string) string {
		var text strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&text, format, i)
		}
		return text.String()
	}
	yaml := "apiVersion: v1\nkind: PodList\nitems:\n" +
		pods("- metadata:\n    name: agent-%d\n    labels:\n      app: agent\n  spec:\n    containers:\n    - name: agent\n      image: agent:1\n")
	// As large as the API server's, and on one line, as jq -c prints them.
	json := `{"apiVersion":"v1","kind":"PodList","items":[` +
		strings.TrimSuffix(pods(`{"metadata":{"name":"agent-%d","annotations":{"x":"`+strings.Repeat("x", 4000)+`"}},"spec":{"containers":[{"name":"agent","image":"agent:1"}]}},`), ",") + `]}`
	for _, bc := range []struct {
		name, text string
		fails      bool
	}{
		{"JSON", json, false},
		{"YAML", yaml, false},
		{"YAML wrong", strings.TrimSuffix(yaml, ": agent:1\n") + "s: agent:1\n", true},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.SetBytes(int64(len(bc.text)))
			for b.Loop() {
				var o Objects
				if err := o.Read("x", strings.NewReader(bc.text)); (err != nil) != bc.fails {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadFiles reads 1,000 small files, one call each: into the same Objects, into the same with
// a nil among them, and into others.
func BenchmarkReadFiles(b *testing.B) {
	const files = 1000
	texts := make([]string, files)
	for i := range texts {
		texts[i] = fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata:\n  name: node-%d\n  labels:\n    zone: a\n", i)
	}
	for _, bc := range []struct {
		name  string
		nodes []*corev1.Node
	}{
		{"same", nil},
		{"same with nil", []*corev1.Node{nil}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			for b.Loop() {
				o := Objects{Nodes: bc.nodes}
				for _, text := range texts {
					if err := o.Read("x", strings.NewReader(text)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	b.Run("others", func(b *testing.B) {
		for b.Loop() {
			for _, text := range texts {
				var o Objects
				if err := o.Read("x", strings.NewReader(text)); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
