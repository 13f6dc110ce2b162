package rollout

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
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
	data, err := RevisionData(&ds.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	return newRevision(ds, ds.Name+"-"+hash, hash, number, data)
}

func TestHistory(t *testing.T) {
	rev := func(number int64, version, hash string, changes ...func(*appsv1.ControllerRevision)) *appsv1.ControllerRevision {
		out := stored(t, number, version, hash)
		for _, change := range changes {
			change(out)
		}
		return out
	}
	cause := func(text string) func(*appsv1.ControllerRevision) {
		return func(rev *appsv1.ControllerRevision) {
			rev.Annotations = map[string]string{changeCauseAnnotation: text}
		}
	}
	owner := func(uid types.UID) func(*appsv1.ControllerRevision) {
		return func(rev *appsv1.ControllerRevision) { rev.OwnerReferences[0].UID = uid }
	}
	const header = "REVISION  CHANGE-CAUSE\n"
	for _, tc := range []struct {
		name, why string
		revisions []*appsv1.ControllerRevision
		// want lists name, number and, where it is the current one, a star.
		want []string
		text string
	}{
		{name: "none", why: "a new DaemonSet", text: "No rollout history found."},
		{name: "one", why: "no change cause", revisions: []*appsv1.ControllerRevision{rev(1, "1.27.4", "a")},
			want: []string{"a 1*"}, text: header + "1         <none>\n"},
		{name: "order", why: "by number, not as text and not as listed",
			revisions: []*appsv1.ControllerRevision{rev(10, "1.27.4", "a", cause("to 1.27.4")), rev(9, "1.27.3", "c"), rev(2, "1.27.2", "b", cause("to 1.27.2"))},
			want:      []string{"b 2", "c 9", "a 10*"}, text: header + "2         to 1.27.2\n9         <none>\n10        to 1.27.4\n"},
		{name: "older template", why: "the template was set back but no pass has renumbered the revision yet",
			revisions: []*appsv1.ControllerRevision{rev(1, "1.27.4", "a"), rev(2, "1.27.3", "b")},
			want:      []string{"a 1*", "b 2"}, text: header + "1         <none>\n2         <none>\n"},
		{name: "not recorded", why: "no pass has seen the template yet", revisions: []*appsv1.ControllerRevision{rev(1, "1.27.3", "a")},
			want: []string{"a 1"}, text: header + "1         <none>\n"},
		{name: "same number", why: "all are entries; kubectl's text keeps the last in the order of names, in which a server lists them",
			revisions: []*appsv1.ControllerRevision{rev(3, "1.27.3", "c", cause("last")), rev(3, "1.27.4", "a", cause("first")), rev(1, "1.27.2", "b")},
			want:      []string{"b 1", "a 3*", "c 3"}, text: header + "1         <none>\n3         last\n"},
		{name: "several current", why: "the highest number stays in clean-up",
			revisions: []*appsv1.ControllerRevision{rev(2, "1.27.4", "a"), rev(3, "1.27.4", "b")},
			want:      []string{"a 2", "b 3*"}, text: header + "2         <none>\n3         <none>\n"},
		{name: "several current, same number", why: "the first by name stays",
			revisions: []*appsv1.ControllerRevision{rev(3, "1.27.4", "b"), rev(3, "1.27.4", "a")},
			want:      []string{"a 3*", "b 3"}, text: header + "3         <none>\n"},
		{name: "others", why: "only what the DaemonSet controls and selects is its history",
			revisions: []*appsv1.ControllerRevision{
				rev(1, "1.27.4", "a"),
				rev(2, "1.27.4", "owned-by-another", owner("uid-2")),
				rev(3, "1.27.4", "orphan", func(rev *appsv1.ControllerRevision) { rev.OwnerReferences = nil }),
				rev(4, "1.27.4", "no-controller", func(rev *appsv1.ControllerRevision) { rev.OwnerReferences[0].Controller = nil }),
				rev(5, "1.27.4", "other-labels", func(rev *appsv1.ControllerRevision) { rev.Labels["env"] = "prod" }),
				rev(6, "1.27.4", "no-labels", func(rev *appsv1.ControllerRevision) { rev.Labels = nil }),
				rev(7, "1.27.4", "elsewhere", func(rev *appsv1.ControllerRevision) { rev.Namespace = "kube-system" }),
			},
			want: []string{"a 1*"}, text: header + "1         <none>\n"},
		{name: "odd", why: "kubectl does not look at deletion, at the owner's name or at the data",
			revisions: []*appsv1.ControllerRevision{
				rev(-1, "1.27.3", "negative"),
				rev(0, "1.27.3", "deleting", func(rev *appsv1.ControllerRevision) { rev.DeletionTimestamp = &metav1.Time{} }),
				rev(1, "1.27.3", "renamed", func(rev *appsv1.ControllerRevision) { rev.OwnerReferences[0].Name = "x" }),
				rev(2, "1.27.3", "broken", func(rev *appsv1.ControllerRevision) { rev.Data.Raw = []byte("{") }),
			},
			want: []string{"negative -1", "deleting 0", "renamed 1", "broken 2"},
			text: header + "-1        <none>\n0         <none>\n1         <none>\n2         <none>\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := nginxSet("1.27.4")
			beforeSet, beforeRevisions := ds.DeepCopy(), cloneAll(tc.revisions)
			got, err := History(ds, tc.revisions)
			if err != nil {
				t.Fatalf("History: %v", err)
			}
			if diff := cmp.Diff(tc.want, brief(got)); diff != "" {
				t.Errorf("History (-want +got), %s:\n%s", tc.why, diff)
			}
			if got.String() != tc.text {
				t.Errorf("History.String() = %q, want %q: %s", got, tc.text, tc.why)
			}
			if diff := cmp.Diff(beforeSet, ds); diff != "" {
				t.Errorf("History changed the DaemonSet (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(beforeRevisions, tc.revisions); diff != "" {
				t.Errorf("History changed the revisions (-want +got):\n%s", diff)
			}
			reversed := slices.Clone(tc.revisions)
			slices.Reverse(reversed)
			again, err := History(ds, reversed)
			if diff := cmp.Diff(got, again); err != nil || diff != "" {
				t.Errorf("History of the reversed list: %v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

func cloneAll(revisions []*appsv1.ControllerRevision) []*appsv1.ControllerRevision {
	out := slices.Clone(revisions)
	for i := range out {
		out[i] = out[i].DeepCopy()
	}
	return out
}

func brief(entries HistoryEntries) []string {
	var out []string
	for _, e := range entries {
		text := strings.TrimPrefix(e.Name, "nginx-deploy-") + " " + strconv.FormatInt(e.Revision, 10)
		if e.Current {
			text += "*"
		}
		out = append(out, text)
	}
	return out
}

func TestHistoryEntry(t *testing.T) {
	rev := stored(t, 4, "1.27.3", "a")
	rev.Annotations = map[string]string{changeCauseAnnotation: "to 1.27.3", "other": "x"}
	got, err := History(nginxSet("1.27.3"), []*appsv1.ControllerRevision{rev})
	if err != nil {
		t.Fatal(err)
	}
	want := HistoryEntries{{
		Revision: 4, Name: "nginx-deploy-a", Hash: "a", ChangeCause: "to 1.27.3", Current: true, ControllerRevision: rev,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("History (-want +got):\n%s", diff)
	}
	template, err := got[0].Template()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(nginxTemplate("1.27.3"), *template); diff != "" {
		t.Errorf("Template (-want +got):\n%s", diff)
	}
	if template, err := (HistoryEntry{}).Template(); template != nil || err == nil {
		t.Errorf("HistoryEntry{}.Template() = %v, %v, want an error", template, err)
	}
}

// TestHistoryErrors covers Undo as well, which reads the same input.
func TestHistoryErrors(t *testing.T) {
	with := func(change func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
		ds := nginxSet("1.27.4")
		change(ds)
		return ds
	}
	two := []*appsv1.ControllerRevision{stored(t, 1, "1.27.3", "a"), stored(t, 2, "1.27.4", "b")}
	for _, tc := range []struct {
		name, why string
		ds        *appsv1.DaemonSet
		revisions []*appsv1.ControllerRevision
		path      string
	}{
		{"nil DaemonSet", "whose history?", nil, two, "daemonSet"},
		{"nil entry", "a caller's mistake", nginxSet("1.27.4"), []*appsv1.ControllerRevision{two[0], nil, two[1]}, "revisions[1]"},
		{"no selector", "it would select nothing, or for kubectl everything",
			with(func(ds *appsv1.DaemonSet) { ds.Spec.Selector = nil }), two, "spec.selector"},
		{"malformed selector", "no such operator", with(func(ds *appsv1.DaemonSet) {
			ds.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "env", Operator: "Like"}}
		}), two, "spec.selector"},
		{"template without JSON", "no data to compare", with(func(ds *appsv1.DaemonSet) { ds.Spec.Template = brokenTemplate() }), two, "spec.template"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			entries, err := History(tc.ds, tc.revisions)
			if path := fieldOf(err); path != tc.path || entries != nil {
				t.Errorf("History = %v, %v, want an error at %s: %s", entries, err, tc.path, tc.why)
			}
			back, err := Undo(tc.ds, tc.revisions, 0)
			if path := fieldOf(err); path != tc.path || back != nil {
				t.Errorf("Undo = %v, %v, want an error at %s: %s", back, err, tc.path, tc.why)
			}
		})
	}
}

// fieldOf returns the path of a *field.Error, "" where err is none.
func fieldOf(err error) string {
	var fieldErr *field.Error
	if errors.As(err, &fieldErr) {
		return fieldErr.Field
	}
	return ""
}
