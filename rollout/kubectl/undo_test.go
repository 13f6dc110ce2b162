package kubectl_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout/kubectl"
)

// The texts are those of DaemonSetRollbacker.Rollback@v0.37.2.
func TestRolloutUndo(t *testing.T) {
	one, two, three := stored(t, 1, "1.27.2", "c"), stored(t, 2, "1.27.3", "b"), stored(t, 3, "1.27.4", "a")
	three.Annotations = map[string]string{causeAnnotation: "to 1.27.4"}
	orphan := stored(t, 4, "1.27.5", "d")
	orphan.OwnerReferences = nil
	twin := stored(t, 2, "1.27.2", "z")
	topTwin := stored(t, 3, "1.27.1", "z")
	broken := stored(t, 2, "1.27.3", "b")
	broken.Data.Raw = []byte(`{"spec":{}}`)
	inMemory := stored(t, 2, "1.27.3", "b")
	inMemory.Data = runtime.RawExtension{Object: &runtime.Unknown{Raw: two.Data.Raw, ContentType: runtime.ContentTypeJSON}}
	unsendable := stored(t, 2, "1.27.3", "b")
	unsendable.Data = runtime.RawExtension{Object: &runtime.Unknown{Raw: two.Data.Raw, ContentType: "x"}}

	for _, tc := range []struct {
		name, why string
		revisions []*appsv1.ControllerRevision
		to        int64
		// found is the name of the revision, version its template's unless skipped.
		found, version, text, err string
	}{
		{name: "previous", why: "0 is the last but one by number", revisions: []*appsv1.ControllerRevision{three, one, two}, to: 0,
			found: "nginx-deploy-b", version: "1.27.3", text: "rolled back"},
		{name: "by number", why: "not by position", revisions: []*appsv1.ControllerRevision{three, one, two}, to: 1,
			found: "nginx-deploy-c", version: "1.27.2", text: "rolled back"},
		{name: "current", why: "nothing would change", revisions: []*appsv1.ControllerRevision{three, one, two}, to: 3,
			found: "nginx-deploy-a", text: "skipped rollback (current template already matches revision 3)"},
		{name: "previous is current", why: "the template was set back by hand; kubectl prints the number as given",
			revisions: []*appsv1.ControllerRevision{stored(t, 1, "1.27.4", "a"), stored(t, 2, "1.27.3", "b")}, to: 0,
			found: "nginx-deploy-a", text: "skipped rollback (current template already matches revision 0)"},
		{name: "no history", why: "nothing to go back to", to: 0, err: "no last revision to roll back to"},
		{name: "one revision", why: "it is the current one", revisions: []*appsv1.ControllerRevision{three}, to: 0, err: "no last revision to roll back to"},
		{name: "orphan does not count", why: "RolloutHistory does not show it either", revisions: []*appsv1.ControllerRevision{three, orphan}, to: 0,
			err: "no last revision to roll back to"},
		{name: "orphan by number", why: "RolloutHistory does not show it either", revisions: []*appsv1.ControllerRevision{three, orphan}, to: 4,
			err: "unable to find specified revision 4 in history"},
		{name: "unknown number", why: "cleaned up, or never there", revisions: []*appsv1.ControllerRevision{three, two}, to: 7,
			err: "unable to find specified revision 7 in history"},
		{name: "unknown number, no history", why: "the number decides which error", to: 7, err: "unable to find specified revision 7 in history"},
		{name: "negative", why: "never found", revisions: []*appsv1.ControllerRevision{three, stored(t, -1, "1.27.3", "b")}, to: -1,
			err: "unable to find specified revision -1 in history"},
		{name: "same number", why: "the first by name, in which order a server lists them",
			revisions: []*appsv1.ControllerRevision{three, twin, two}, to: 2, found: "nginx-deploy-b", version: "1.27.3", text: "rolled back"},
		{name: "same number at the top", why: "the last but one is the first of the two by name",
			revisions: []*appsv1.ControllerRevision{topTwin, three, one}, to: 0,
			found: "nginx-deploy-a", text: "skipped rollback (current template already matches revision 0)"},
		{name: "data in memory", why: "the patch is what would be sent", revisions: []*appsv1.ControllerRevision{three, inMemory}, to: 0,
			found: "nginx-deploy-b", version: "1.27.3", text: "rolled back"},
		{name: "broken data", why: "no template to go back to", revisions: []*appsv1.ControllerRevision{three, broken}, to: 0,
			err: "revision nginx-deploy-b: data.spec.template: Required value"},
		{name: "data in memory without JSON", why: "no patch to send", revisions: []*appsv1.ControllerRevision{three, unsendable}, to: 0,
			err: "revision nginx-deploy-b: data: Invalid value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := nginxSet("1.27.4")
			ds.Annotations = map[string]string{causeAnnotation: "now"}
			ds.Spec.MinReadySeconds = 5
			ds.Spec.Template.Spec.NodeSelector = nil
			ds.Status.CollisionCount = new(int32(1))
			beforeSet, beforeRevisions := ds.DeepCopy(), cloneAll(tc.revisions)

			got, err := kubectl.RolloutUndo(ds, tc.revisions, tc.to)
			if tc.err == "" && err != nil || tc.err != "" && !strings.HasPrefix(fmt.Sprint(err), tc.err) {
				t.Fatalf("RolloutUndo = %v, %v, want error %q: %s", got, err, tc.err, tc.why)
			}
			if diff := cmp.Diff(beforeSet, ds); diff != "" {
				t.Errorf("RolloutUndo changed the DaemonSet (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(beforeRevisions, tc.revisions); diff != "" {
				t.Errorf("RolloutUndo changed the revisions (-want +got):\n%s", diff)
			}
			reversed := slices.Clone(tc.revisions)
			slices.Reverse(reversed)
			again, err2 := kubectl.RolloutUndo(ds, reversed, tc.to)
			if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (err2 == nil) {
				t.Errorf("RolloutUndo with the reversed list: %v, (-want +got):\n%s", err2, diff)
			}
			if err != nil {
				if got != (kubectl.Undo{}) {
					t.Errorf("RolloutUndo = %+v beside an error, want the zero Undo", got)
				}
				return
			}
			back := got.Rollback
			if back.Revision.Name != tc.found || got.ToRevision != tc.to || got.String() != tc.text {
				t.Errorf("RolloutUndo = %s for %d: %q, want %s for %d: %q: %s", back.Revision.Name, got.ToRevision, got, tc.found, tc.to, tc.text, tc.why)
			}
			want := beforeSet
			if skipped := tc.version == ""; skipped {
				if !back.Skipped() || back.Patch != nil {
					t.Errorf("Skipped() = %v with patch %s, want true without one", back.Skipped(), back.Patch)
				}
			} else {
				want.Spec.Template = nginxTemplate(tc.version)
				data, err := history.Data(&want.Spec.Template)
				if err != nil {
					t.Fatal(err)
				}
				if back.Skipped() || string(back.Patch) != string(data) {
					t.Errorf("Skipped() = %v with patch %s, want false with %s", back.Skipped(), back.Patch, data)
				}
			}
			if diff := cmp.Diff(want, back.DaemonSet); diff != "" {
				t.Errorf("DaemonSet (-want +got), %s:\n%s", tc.why, diff)
			}
		})
	}
}

func TestUndoZero(t *testing.T) {
	for want, undo := range map[string]kubectl.Undo{
		"no undo": {},
		"skipped rollback (current template already matches revision 0)": {Rollback: &history.Rollback{}},
	} {
		if got := undo.String(); got != want {
			t.Errorf("String() of %+v = %q, want %q", undo, got, want)
		}
	}
}
