package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon/manifest"
)

func TestChoose(t *testing.T) {
	var all []manifest.Subject
	for _, name := range []string{"a/agent", "b/agent", "a/cni"} {
		var s manifest.Subject
		s.DaemonSet = &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: name[:1], Name: name[2:]}}
		all = append(all, s)
	}
	for _, tc := range []struct{ set, why, want string }{
		{"cni", "no other namespace has it", "a/cni"},
		{"b/agent", "both names are given", "b/agent"},
		{"agent", "never the first one silently", "-set agent: which of them? The input has a/agent, b/agent"},
		{"b/cni", "named, with those that there are", "no DaemonSet b/cni in the input, but a/agent, b/agent, a/cni"},
		{"a/b/c", "no such name", "no DaemonSet a/b/c in the input, but a/agent, b/agent, a/cni"},
	} {
		s, err := Choose(all, tc.set)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fullName(s)
		}
		if got != tc.want {
			t.Errorf("Choose(%s) = %s, want %s: %s", tc.set, got, tc.want, tc.why)
		}
	}
}

func TestEnumerate(t *testing.T) {
	names := strings.Fields("a b c d e f g h i j k l")
	for n, want := range map[int]string{0: "", 1: "a", 11: "a, b, c, d, e, f, g, h, i, j, k", 12: "a, b, c, d, e, f, g, h, i, j and 2 more"} {
		if got := Enumerate(names[:n]); got != want {
			t.Errorf("Enumerate(%d names) = %q, want %q", n, got, want)
		}
	}
	if got := strings.Join(names, " "); got != "a b c d e f g h i j k l" {
		t.Errorf("Enumerate changed the names to %s", got)
	}
}

func TestTime(t *testing.T) {
	for _, tc := range []struct{ text, why, want string }{
		{"2026-01-01T12:00:00+01:00", "with its zone", "2026-01-01T11:00:00Z <nil>"},
		{"yesterday", "an example helps", "0001-01-01T00:00:00Z -now yesterday: want a time such as 2026-01-02T15:04:05Z"},
	} {
		at, err := Time(tc.text)
		if got := fmt.Sprint(at.UTC().Format(time.RFC3339), " ", err); got != tc.want {
			t.Errorf("Time(%s) = %s, want %s: %s", tc.text, got, tc.want, tc.why)
		}
	}
}
