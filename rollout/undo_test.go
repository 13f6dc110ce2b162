package rollout

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// The texts are those of DaemonSetRollbacker.Rollback@v0.37.2.
func TestUndo(t *testing.T) {
	one, two, three := stored(t, 1, "1.27.2", "c"), stored(t, 2, "1.27.3", "b"), stored(t, 3, "1.27.4", "a")
	three.Annotations = map[string]string{changeCauseAnnotation: "to 1.27.4"}
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
		{name: "orphan does not count", why: "History does not show it either", revisions: []*appsv1.ControllerRevision{three, orphan}, to: 0,
			err: "no last revision to roll back to"},
		{name: "orphan by number", why: "History does not show it either", revisions: []*appsv1.ControllerRevision{three, orphan}, to: 4,
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
			ds.Annotations = map[string]string{changeCauseAnnotation: "now"}
			ds.Spec.MinReadySeconds = 5
			ds.Spec.Template.Spec.NodeSelector = nil
			ds.Status.CollisionCount = new(int32(1))
			beforeSet, beforeRevisions := ds.DeepCopy(), cloneAll(tc.revisions)

			got, err := Undo(ds, tc.revisions, tc.to)
			if !errorIs(err, tc.err) || (got == nil) != (err != nil) {
				t.Fatalf("Undo = %v, %v, want error %q: %s", got, err, tc.err, tc.why)
			}
			if diff := cmp.Diff(beforeSet, ds); diff != "" {
				t.Errorf("Undo changed the DaemonSet (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(beforeRevisions, tc.revisions); diff != "" {
				t.Errorf("Undo changed the revisions (-want +got):\n%s", diff)
			}
			reversed := slices.Clone(tc.revisions)
			slices.Reverse(reversed)
			again, err2 := Undo(ds, reversed, tc.to)
			if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (err2 == nil) {
				t.Errorf("Undo with the reversed list: %v, (-want +got):\n%s", err2, diff)
			}
			if err != nil {
				return
			}
			if got.Revision.Name != tc.found || got.ToRevision != tc.to || got.String() != tc.text {
				t.Errorf("Undo = %s for %d: %q, want %s for %d: %q: %s", got.Revision.Name, got.ToRevision, got, tc.found, tc.to, tc.text, tc.why)
			}
			want := beforeSet
			if skipped := tc.version == ""; skipped {
				if !got.Skipped() || got.Patch != nil {
					t.Errorf("Undo.Skipped() = %v with patch %s, want true without one", got.Skipped(), got.Patch)
				}
			} else {
				want.Spec.Template = nginxTemplate(tc.version)
				data, err := RevisionData(&want.Spec.Template)
				if err != nil {
					t.Fatal(err)
				}
				if got.Skipped() || string(got.Patch) != string(data) {
					t.Errorf("Undo.Skipped() = %v with patch %s, want false with %s", got.Skipped(), got.Patch, data)
				}
			}
			if diff := cmp.Diff(want, got.DaemonSet); diff != "" {
				t.Errorf("Undo's DaemonSet (-want +got), %s:\n%s", tc.why, diff)
			}
		})
	}
}

// TestUndoAppliesThePatch compares with the patch applied as kubectl and the API
// server do (applyDaemonSetHistory@v0.37.2).
func TestUndoAppliesThePatch(t *testing.T) {
	ds := nginxSet("1.27.4")
	ds.Spec.Template.Annotations = map[string]string{"goes": "away"}
	ds.Spec.Template.Spec.NodeSelector = map[string]string{"goes": "away"}
	ds.Spec.UpdateStrategy.Type = appsv1.RollingUpdateDaemonSetStrategyType

	older := nginxSet("x")
	older.Spec.Template = richTemplate()
	data, err := RevisionData(&older.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Undo(ds, []*appsv1.ControllerRevision{
		newRevision(older, "nginx-deploy-a", "a", 1, data), stored(t, 2, "1.27.4", "b"),
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	before, err := json.Marshal(ds)
	if err != nil {
		t.Fatal(err)
	}
	after, err := strategicpatch.StrategicMergePatch(before, back.Patch, ds)
	if err != nil {
		t.Fatal(err)
	}
	want := &appsv1.DaemonSet{}
	if err := json.Unmarshal(after, want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, back.DaemonSet); diff != "" {
		t.Errorf("Undo differs from the applied patch (-want +got):\n%s", diff)
	}
	if matches, err := Matches(back.DaemonSet, back.Revision); err != nil || !matches {
		t.Errorf("Matches(after Undo) = %v, %v, want true", matches, err)
	}
}

func TestRollbackSharesNothing(t *testing.T) {
	revisions := []*appsv1.ControllerRevision{stored(t, 1, "1.27.3", "a"), stored(t, 2, "1.27.4", "b")}
	ds := nginxSet("1.27.4")
	beforeSet, beforeRevisions := ds.DeepCopy(), cloneAll(revisions)
	for _, to := range []int64{1, 2} {
		back, err := Undo(ds, revisions, to)
		if err != nil {
			t.Fatal(err)
		}
		clear(back.Patch)
		clear(back.DaemonSet.Spec.Selector.MatchLabels)
		clear(back.DaemonSet.Spec.Template.Labels)
		clear(back.DaemonSet.Spec.Template.Spec.Containers)
	}
	if diff := cmp.Diff(beforeSet, ds); diff != "" {
		t.Errorf("writing to Undo's result changed the DaemonSet (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(beforeRevisions, revisions); diff != "" {
		t.Errorf("writing to Undo's result changed the revisions (-want +got):\n%s", diff)
	}
}

func TestZeroRollback(t *testing.T) {
	const want = "skipped rollback (current template already matches revision 0)"
	for _, r := range []*Rollback{nil, {}} {
		if !r.Skipped() || r.String() != want {
			t.Errorf("%#v: Skipped() = %v, String() = %q, want true, %q", r, r.Skipped(), r, want)
		}
	}
}
