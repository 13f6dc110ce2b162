package engine

import (
	"strings"
	"testing"
)

// New image changes a tag, and neither the port of a registry nor a digest.
func TestNewImage(t *testing.T) {
	p := open(t, "log-agent")
	const old = "registry.example/log-agent:1.8.2"
	texts := p.texts
	for _, tc := range []struct{ image, want string }{
		{"a:1", "a:2"},
		{`"host:5000/a:v1.9"`, `"host:5000/a:v1.10"`},
		{"a:1.2-alpine # pinned", "a:1.3-alpine # pinned"},
		{"a:latest", "a:latest-next"},
		{"host:5000/a", ""},
		{"a@sha256:5f00", ""},
		{"a:1@sha256:5f00", ""},
	} {
		resp := p.try(Request{Do: "image", Texts: Texts{strings.Replace(texts.Manifest, old, tc.image, 1), texts.Cluster}})
		if tc.want == "" {
			if resp.Error != "the image of the first container has no tag in its line" {
				t.Errorf("%s: error %q", tc.image, resp.Error)
			}
			continue
		}
		if want := strings.Replace(texts.Manifest, old, tc.want, 1); resp.Error != "" || resp.Texts.Manifest != want {
			t.Errorf("%s: %q %s\nwant %s", tc.image, resp.Error, resp.Texts.Manifest, want)
		}
	}
}
