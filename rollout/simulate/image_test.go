package simulate

import (
	"strings"
	"testing"
)

// TestImageTag: the answers are ParseImageName's of v1.37.2.
func TestImageTag(t *testing.T) {
	hex := strings.Repeat("0123456789abcdef", 4)
	for _, tc := range []struct{ image, want, why string }{
		{"nginx", "latest", "no tag"},
		{"nginx:1.27.4-alpine", "1.27.4-alpine", "a tag"},
		{"nginx:latest", "latest", "the tag itself"},
		{"localhost:5000/nginx", "latest", "a port is no tag"},
		{"localhost:5000/nginx:1", "1", "a port and a tag"},
		{"[::1]:5000/nginx", "latest", "an address"},
		{"[::1]/nginx", "latest", "an address without a port"},
		{"nginx:latest@sha256:01", "", "a tag beside what is no digest"},
		{"FOO/nginx", "latest", "what has capitals is a registry"},
		{"a_b.c/nginx:1", "1", "what is no registry is a component"},
		{"nginx@sha256:" + hex, "", "a digest needs no tag"},
		{"nginx:latest@sha256:" + hex, "latest", "a tag beside a digest"},
		{"nginx@sha256:01", "", "too short a digest"},
		{"nginx@md5:" + hex, "", "no digest that images have"},
		{hex, "", "an identifier is no name"},
		{"", "", "no name"}, {"Nginx", "", "capitals"}, {"nginx:", "", "no tag after all"}, {"a//b", "", "an empty component"},
		{"a..b", "", "two dots"}, {"a___b", "", "three underscores"}, {"a-", "", "a dash at the end"}, {"nginx:.x", "", "a tag with a dot first"},
		{"a__b", "latest", "two underscores"}, {"a---b", "latest", "dashes"}, {"nginx:" + strings.Repeat("x", 129), "", "a long tag"},
		{strings.Repeat("x", 256), "", "a long name"}, {"r.io:x/a", "", "a port of letters"}, {"[::1/a", "", "half an address"},
	} {
		if got := imageTag(tc.image); got != tc.want {
			t.Errorf("imageTag(%q) = %q, want %q: %s", tc.image, got, tc.want, tc.why)
		}
	}
}
