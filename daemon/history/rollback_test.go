package history

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// nginxSet is a DaemonSet with the template of nginxTemplate.
func nginxSet(version string) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Namespace: "default", UID: "uid-1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "demo"}},
			Template: nginxTemplate(version),
		},
	}
}

// stored is the revision that the controller of nginxSet has stored for that
// version, named by its hash.
func stored(t *testing.T, number int64, version, hash string) *appsv1.ControllerRevision {
	t.Helper()
	ds := nginxSet(version)
	data, err := Data(&ds.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	rev := newRevision(ds, ds.Name+"-"+hash, number, data)
	metav1.SetMetaDataLabel(&rev.ObjectMeta, appsv1.DefaultDaemonSetUniqueLabelKey, hash)
	return rev
}

func cloneAll(revisions []*appsv1.ControllerRevision) []*appsv1.ControllerRevision {
	out := slices.Clone(revisions)
	for i := range out {
		out[i] = out[i].DeepCopy()
	}
	return out
}

func TestNewRollback(t *testing.T) {
	now := nginxSet("1.27.4")
	now.Generation, now.Annotations = 7, map[string]string{"kubernetes.io/change-cause": "to 1.27.4"}
	now.Spec.MinReadySeconds = 5
	now.Status.CollisionCount = new(int32(1))
	unencodable := nginxSet("1.27.4")
	unencodable.Spec.Template = brokenTemplate()

	older := stored(t, 2, "1.27.3", "b")
	older.Annotations = map[string]string{"kubernetes.io/change-cause": "to 1.27.3"}
	stranger := older.DeepCopy()
	stranger.Namespace, stranger.OwnerReferences = "elsewhere", nil
	inMemory := older.DeepCopy()
	inMemory.Data = runtime.RawExtension{Object: &runtime.Unknown{Raw: older.Data.Raw, ContentType: runtime.ContentTypeJSON}}
	unsendable := older.DeepCopy()
	unsendable.Data = runtime.RawExtension{Object: &runtime.Unknown{Raw: older.Data.Raw, ContentType: "x"}}
	broken := older.DeepCopy()
	broken.Data.Raw = []byte(`{"spec":{}}`)
	more := older.DeepCopy()
	more.Data.Raw = []byte(`{"spec":{"minReadySeconds":1,"template":{"$patch":"replace"}}}`)

	const text = "roll back to revision nginx-deploy-b (number 2)"
	for _, tc := range []struct {
		name, why string
		ds        *appsv1.DaemonSet
		rev       *appsv1.ControllerRevision
		// version is the template's in the end.
		version, text, err string
	}{
		{name: "older", why: "the template changes and nothing else, the annotations included", ds: now, rev: older, version: "1.27.3", text: text},
		{name: "same template", why: "nothing would change", ds: now, rev: stored(t, 3, "1.27.4", "a"), version: "1.27.4",
			text: "nothing to roll back: the template is already that of revision nginx-deploy-a (number 3)"},
		{name: "of another DaemonSet", why: "the caller chooses the revision", ds: now, rev: stranger, version: "1.27.3", text: text},
		{name: "data in memory", why: "the patch is the data as it would be sent", ds: now, rev: inMemory, version: "1.27.3", text: text},
		{name: "no DaemonSet", why: "nothing to take back", rev: older, err: "daemonSet: Required value"},
		{name: "no revision", why: "no template to go back to", ds: now, err: "revision: Required value"},
		{name: "template without JSON", why: "no data to compare with", ds: unencodable, rev: older, err: "spec.template: Invalid value: "},
		{name: "broken data", why: "no template to go back to", ds: now, rev: broken, err: "revision nginx-deploy-b: data.spec.template: Required value"},
		{name: "more than a template", why: "the patch would change it, too", ds: now, rev: more,
			err: "revision nginx-deploy-b: data.spec.minReadySeconds: Forbidden: "},
		{name: "data in memory without JSON", why: "no patch to send", ds: now, rev: unsendable, err: "revision nginx-deploy-b: data: Invalid value: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			setBefore, revBefore := tc.ds.DeepCopy(), tc.rev.DeepCopy()
			got, err := NewRollback(tc.ds, tc.rev)
			if !errorIs(err, tc.err) || (got == nil) != (err != nil) {
				t.Fatalf("NewRollback = %v, %v, want error %q: %s", got, err, tc.err, tc.why)
			}
			if diff := cmp.Diff(setBefore, tc.ds); diff != "" {
				t.Errorf("NewRollback changed the DaemonSet (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(revBefore, tc.rev); diff != "" {
				t.Errorf("NewRollback changed the revision (-want +got):\n%s", diff)
			}
			if err != nil {
				return
			}
			want := &Rollback{Revision: tc.rev, DaemonSet: setBefore}
			if tc.version != "1.27.4" {
				want.DaemonSet.Spec.Template = nginxTemplate(tc.version)
				if want.Patch, err = Data(&want.DaemonSet.Spec.Template); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("NewRollback (-want +got), %s:\n%s", tc.why, diff)
			}
			if got.String() != tc.text || got.Skipped() != (want.Patch == nil) {
				t.Errorf("String() = %q and Skipped() = %t, want %q and %t: %s", got, got.Skipped(), tc.text, want.Patch == nil, tc.why)
			}
		})
	}
}

// TestNewRollbackAppliesThePatch compares with the patch applied as kubectl and the
// API server do (applyDaemonSetHistory@v0.37.2).
func TestNewRollbackAppliesThePatch(t *testing.T) {
	ds := nginxSet("1.27.4")
	ds.Spec.Template.Annotations = map[string]string{"goes": "away"}
	ds.Spec.Template.Spec.NodeSelector = map[string]string{"goes": "away"}
	ds.Spec.UpdateStrategy.Type = appsv1.RollingUpdateDaemonSetStrategyType

	older := nginxSet("x")
	older.Spec.Template = richTemplate()
	data, err := Data(&older.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	back, err := NewRollback(ds, newRevision(older, "nginx-deploy-a", 1, data))
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
		t.Errorf("NewRollback differs from the applied patch (-want +got):\n%s", diff)
	}
	if matches, err := Matches(back.DaemonSet, back.Revision); err != nil || !matches {
		t.Errorf("Matches(after NewRollback) = %v, %v, want true", matches, err)
	}
}

func TestRollbackSharesNothing(t *testing.T) {
	ds := nginxSet("1.27.4")
	setBefore := ds.DeepCopy()
	for _, rev := range []*appsv1.ControllerRevision{stored(t, 1, "1.27.3", "a"), stored(t, 2, "1.27.4", "b")} {
		revBefore := rev.DeepCopy()
		back, err := NewRollback(ds, rev)
		if err != nil {
			t.Fatal(err)
		}
		clear(back.Patch)
		clear(back.DaemonSet.Spec.Selector.MatchLabels)
		clear(back.DaemonSet.Spec.Template.Labels)
		clear(back.DaemonSet.Spec.Template.Spec.Containers)
		if diff := cmp.Diff(setBefore, ds); diff != "" {
			t.Errorf("writing to the Rollback changed the DaemonSet (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(revBefore, rev); diff != "" {
			t.Errorf("writing to the Rollback changed the revision (-want +got):\n%s", diff)
		}
	}
}

func TestRollbackHalfFilled(t *testing.T) {
	unnamed := &appsv1.ControllerRevision{Revision: 3}
	for _, tc := range []struct {
		name, why string
		rollback  *Rollback
		skipped   bool
		want      string
	}{
		{"nil", "rollout.Result.Rollback of most passes", nil, true, "nothing to roll back"},
		{"zero", "does nothing", &Rollback{}, true, "nothing to roll back"},
		{"patch alone", "there is something to send, but no revision to name", &Rollback{Patch: []byte("{}")}, false, "roll back to an unknown revision"},
		{"unnamed revision", "revisions of tests may have no name", &Rollback{Revision: unnamed, Patch: []byte("{}")}, false,
			"roll back to revision without a name (number 3)"},
		{"no patch", "the revision is the current one", &Rollback{Revision: unnamed}, true,
			"nothing to roll back: the template is already that of revision without a name (number 3)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.rollback.Skipped(); got != tc.skipped {
				t.Errorf("Skipped() = %t, want %t: %s", got, tc.skipped, tc.why)
			}
			if got := tc.rollback.String(); got != tc.want {
				t.Errorf("String() = %q, want %q: %s", got, tc.want, tc.why)
			}
		})
	}
}
