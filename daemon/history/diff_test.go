package history

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon/diff"
)

func TestDiff(t *testing.T) {
	broken := stored(t, 1, "1.27.3", "a")
	broken.Data.Raw = nil
	image := func(old, cur string) diff.Changes {
		return diff.Changes{{Op: diff.OpReplace, Path: "spec.containers[name=nginx].image", Old: "nginx:" + old, New: "nginx:" + cur}}
	}
	for _, tc := range []struct {
		name, why string
		old, cur  *appsv1.ControllerRevision
		want      diff.Changes
		err       string
	}{
		{name: "forward", why: "one image changed", old: stored(t, 1, "1.27.3", "a"), cur: stored(t, 2, "1.27.4", "b"), want: image("1.27.3", "1.27.4")},
		{name: "back", why: "the order of the arguments decides, not the numbers",
			old: stored(t, 2, "1.27.4", "b"), cur: stored(t, 1, "1.27.3", "a"), want: image("1.27.4", "1.27.3")},
		{name: "same template", why: "names, numbers and labels of revisions are not compared", old: stored(t, 1, "1.27.3", "a"), cur: stored(t, 2, "1.27.3", "b")},
		{name: "other bytes", why: "means the same (kubernetes #134773)", old: stored(t, 1, "1.27.4", "a"),
			cur: withData(`{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"name":"nginx","labels":{"env":"demo"}},` +
				`"spec":{"containers":[{"name":"nginx","image":"nginx:1.27.4"}]}}}}`)},
		{name: "no old", why: "which one is missing is said", cur: stored(t, 1, "1.27.3", "a"), err: "old revision: revision: Required value"},
		{name: "no new", why: "which one is missing is said", old: stored(t, 1, "1.27.3", "a"), err: "new revision: revision: Required value"},
		{name: "broken old", why: "which one is broken is said", old: broken, cur: stored(t, 1, "1.27.3", "a"), err: "old revision nginx-deploy-a: data: Required value"},
		{name: "broken new", why: "which one is broken is said", old: stored(t, 1, "1.27.3", "a"), cur: broken, err: "new revision nginx-deploy-a: data: Required value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := cloneAll([]*appsv1.ControllerRevision{tc.old, tc.cur})
			got, err := Diff(tc.old, tc.cur)
			if !errorIs(err, tc.err) {
				t.Errorf("Diff = %v, %v, want error %q: %s", got, err, tc.err, tc.why)
			}
			if diff := cmp.Diff(tc.want.String(), got.String()); diff != "" {
				t.Errorf("Diff (-want +got), %s:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(before, []*appsv1.ControllerRevision{tc.old, tc.cur}); diff != "" {
				t.Errorf("Diff changed its arguments (-want +got):\n%s", diff)
			}
		})
	}
}
