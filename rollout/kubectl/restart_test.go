package kubectl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/rollout/kubectl"
)

func TestRolloutRestart(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 678, time.FixedZone("", 2*60*60))
	const stamp = "2026-01-02T15:04:05+02:00"
	for _, tc := range []struct {
		name, why string
		before    map[string]string
		now       time.Time
		want      map[string]string
		err       string
	}{
		{"first", "the template had no annotations", nil, now, map[string]string{kubectl.RestartedAtAnnotation: stamp}, ""},
		{"again", "the old time goes, the rest stays", map[string]string{kubectl.RestartedAtAnnotation: "2026-01-01T00:00:00Z", "a": "b"}, now,
			map[string]string{kubectl.RestartedAtAnnotation: stamp, "a": "b"}, ""},
		{"same time in UTC", "another text is another template", map[string]string{kubectl.RestartedAtAnnotation: stamp}, now.UTC(),
			map[string]string{kubectl.RestartedAtAnnotation: "2026-01-02T13:04:05Z"}, ""},
		{"same second", "the template would stay as it is", map[string]string{kubectl.RestartedAtAnnotation: stamp}, now.Add(time.Millisecond), nil,
			"if restart has already been triggered within the past second"},
		{"no time", "it was forgotten", nil, time.Time{}, nil, "now: Required value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := nginxSet("1.27.4")
			ds.Spec.Template.Annotations = tc.before
			want := ds.DeepCopy()
			want.Spec.Template.Annotations = tc.want
			before := ds.DeepCopy()
			got, err := kubectl.RolloutRestart(ds, tc.now)
			if diff := cmp.Diff(before, ds); diff != "" {
				t.Errorf("RolloutRestart changed the DaemonSet (-want +got):\n%s", diff)
			}
			if tc.err != "" {
				if got != nil || !strings.HasPrefix(fmt.Sprint(err), tc.err) {
					t.Errorf("RolloutRestart = %v, %v, want the error %q: %s", got, err, tc.err, tc.why)
				}
				return
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("RolloutRestart: %v: %s (-want +got):\n%s", err, tc.why, diff)
			}
		})
	}
	if _, err := kubectl.RolloutRestart(nil, now); err == nil || err.Error() != "daemonSet: Required value" {
		t.Errorf("RolloutRestart(nil) = %v, want an error", err)
	}
}
