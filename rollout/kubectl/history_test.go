package kubectl_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout/kubectl"
)

const (
	causeAnnotation = "kubernetes.io/change-cause"
	hashLabel       = appsv1.DefaultDaemonSetUniqueLabelKey
)

// nginxTemplate is the template of nginxSet in that version.
func nginxTemplate(version string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx", Labels: map[string]string{"env": "demo"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:" + version}}},
	}
}

// nginxSet is a DaemonSet with the template of that version.
func nginxSet(version string) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Namespace: "default", UID: "uid-1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "demo"}},
			Template: nginxTemplate(version),
		},
	}
}

// stored is the revision that the controller stores for nginxSet in that version.
func stored(t *testing.T, number int64, version, hash string) *appsv1.ControllerRevision {
	t.Helper()
	return storedFor(t, nginxSet(version), number, hash)
}

// storedFor is the revision that the controller stores for ds.
func storedFor(t *testing.T, ds *appsv1.DaemonSet, number int64, hash string) *appsv1.ControllerRevision {
	t.Helper()
	data, err := history.Data(&ds.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	owner := *metav1.NewControllerRef(ds, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: ds.Name + "-" + hash, Namespace: ds.Namespace,
			Labels:          map[string]string{"env": "demo", hashLabel: hash},
			OwnerReferences: []metav1.OwnerReference{owner},
		},
		Data: runtime.RawExtension{Raw: data}, Revision: number,
	}
}

func cloneAll(revisions []*appsv1.ControllerRevision) []*appsv1.ControllerRevision {
	out := slices.Clone(revisions)
	for i := range out {
		out[i] = out[i].DeepCopy()
	}
	return out
}

func TestRolloutHistory(t *testing.T) {
	rev := func(number int64, version, hash string, changes ...func(*appsv1.ControllerRevision)) *appsv1.ControllerRevision {
		out := stored(t, number, version, hash)
		for _, change := range changes {
			change(out)
		}
		return out
	}
	cause := func(text string) func(*appsv1.ControllerRevision) {
		return func(rev *appsv1.ControllerRevision) {
			rev.Annotations = map[string]string{causeAnnotation: text}
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
				rev(1, "1.27.3", "beta", func(rev *appsv1.ControllerRevision) { rev.OwnerReferences[0].APIVersion = "apps/v1beta2" }),
				rev(2, "1.27.3", "broken", func(rev *appsv1.ControllerRevision) { rev.Data.Raw = []byte("{") }),
			},
			want: []string{"negative -1", "deleting 0", "beta 1", "broken 2"},
			text: header + "-1        <none>\n0         <none>\n1         <none>\n2         <none>\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := nginxSet("1.27.4")
			beforeSet, beforeRevisions := ds.DeepCopy(), cloneAll(tc.revisions)
			got, err := kubectl.RolloutHistory(ds, tc.revisions)
			if err != nil {
				t.Fatalf("RolloutHistory: %v", err)
			}
			if diff := cmp.Diff(tc.want, brief(got)); diff != "" {
				t.Errorf("RolloutHistory (-want +got), %s:\n%s", tc.why, diff)
			}
			if got.String() != tc.text {
				t.Errorf("RolloutHistory.String() = %q, want %q: %s", got, tc.text, tc.why)
			}
			if diff := cmp.Diff(beforeSet, ds); diff != "" {
				t.Errorf("RolloutHistory changed the DaemonSet (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(beforeRevisions, tc.revisions); diff != "" {
				t.Errorf("RolloutHistory changed the revisions (-want +got):\n%s", diff)
			}
			reversed := slices.Clone(tc.revisions)
			slices.Reverse(reversed)
			again, err := kubectl.RolloutHistory(ds, reversed)
			if diff := cmp.Diff(got, again); err != nil || diff != "" {
				t.Errorf("RolloutHistory of the reversed list: %v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

// brief names the revisions by hash and number, with a star at the current one.
func brief(history kubectl.History) []string {
	var out []string
	for _, r := range history {
		text := strings.TrimPrefix(r.ControllerRevision.Name, "nginx-deploy-") + " " + strconv.FormatInt(r.Number, 10)
		if r.Current {
			text += "*"
		}
		out = append(out, text)
	}
	return out
}

func TestRevision(t *testing.T) {
	rev := stored(t, 4, "1.27.3", "a")
	rev.Annotations = map[string]string{causeAnnotation: "to 1.27.3", "other": "x"}
	got, err := kubectl.RolloutHistory(nginxSet("1.27.3"), []*appsv1.ControllerRevision{rev})
	if err != nil {
		t.Fatal(err)
	}
	want := kubectl.History{{Number: 4, ChangeCause: "to 1.27.3", Current: true, ControllerRevision: rev}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("RolloutHistory (-want +got):\n%s", diff)
	}
	if got[0].ControllerRevision != rev {
		t.Error("ControllerRevision is not the object that was passed in")
	}
}

func TestHistoryText(t *testing.T) {
	const header = "REVISION  CHANGE-CAUSE\n"
	for _, tc := range []struct {
		name, why string
		history   kubectl.History
		want      string
	}{
		{name: "zero", why: "kubectl's words for no revisions", want: "No rollout history found."},
		{name: "half-filled", why: "the text needs no object", history: kubectl.History{{}}, want: header + "0         <none>\n"},
		{name: "sorted by hand", why: "the order is the caller's, and only neighbours are told apart by number",
			history: kubectl.History{{Number: 2}, {Number: 1, ChangeCause: "a"}, {Number: 2, ChangeCause: "b"}},
			want:    header + "2         <none>\n1         a\n2         b\n"},
		{name: "control characters", why: "kubectl prints them as they are, unlike those in tables",
			history: kubectl.History{{Number: 1, ChangeCause: "\x1b[31mred\nx"}}, want: header + "1         \x1b[31mred\nx\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.history.String(); got != tc.want {
				t.Errorf("String() = %q, want %q: %s", got, tc.want, tc.why)
			}
		})
	}
}

// DaemonSets that were not read from a server have no UIDs to tell them apart.
func TestRolloutHistoryWithoutUID(t *testing.T) {
	set := func(name, version string) *appsv1.DaemonSet {
		ds := nginxSet(version)
		ds.Name, ds.UID = name, ""
		return ds
	}
	mine, other := set("mine", "2"), set("other", "3")
	kind := storedFor(t, mine, 8, "kind")
	kind.OwnerReferences[0].Kind = "StatefulSet"
	withUID := storedFor(t, mine, 9, "uid")
	withUID.OwnerReferences[0].Name, withUID.OwnerReferences[0].UID = "another", "uid-1"
	revisions := []*appsv1.ControllerRevision{
		storedFor(t, set("mine", "1"), 1, "a"), storedFor(t, mine, 2, "b"),
		storedFor(t, set("other", "1"), 3, "c"), storedFor(t, other, 4, "d"), kind, withUID,
	}
	for _, tc := range []struct {
		name, why string
		ds        *appsv1.DaemonSet
		want      []string
		previous  string
	}{
		{"mine", "the first two; one is of a StatefulSet of the same name, one of an object with a UID", mine, []string{"mine-a 1", "mine-b 2*"}, "mine-a"},
		{"other", "the next two", other, []string{"other-c 3", "other-d 4*"}, "other-c"},
		{"stranger", "it has none", set("stranger", "2"), nil, ""},
		{"no name", "it has none either", set("", "2"), nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			history, err := kubectl.RolloutHistory(tc.ds, revisions)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, brief(history)); diff != "" {
				t.Errorf("RolloutHistory (-want +got), %s:\n%s", tc.why, diff)
			}
			undo, err := kubectl.RolloutUndo(tc.ds, revisions, 0)
			if tc.previous == "" {
				if err == nil {
					t.Errorf("RolloutUndo goes to %s, want an error", undo.Rollback.Revision.Name)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := undo.Rollback.Revision.Name; got != tc.previous {
				t.Errorf("RolloutUndo goes to %s, want %s: %s", got, tc.previous, tc.why)
			}
		})
	}
}

// TestRolloutHistoryErrors covers RolloutUndo, too, which reads the same input.
func TestRolloutHistoryErrors(t *testing.T) {
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
		{"template without JSON", "no data to compare", with(func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.ManagedFields = []metav1.ManagedFieldsEntry{{FieldsV1: metav1.NewFieldsV1(`{`)}}
		}), two, "spec.template"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			history, err := kubectl.RolloutHistory(tc.ds, tc.revisions)
			if path := fieldOf(err); path != tc.path || history != nil {
				t.Errorf("RolloutHistory = %v, %v, want an error at %s: %s", history, err, tc.path, tc.why)
			}
			undo, err := kubectl.RolloutUndo(tc.ds, tc.revisions, 0)
			if path := fieldOf(err); path != tc.path || undo != (kubectl.Undo{}) {
				t.Errorf("RolloutUndo = %v, %v, want an error at %s: %s", undo, err, tc.path, tc.why)
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

// TestRolloutHistoryOwner: the owner's kind is that of the DaemonSet, and a revision of the
// same UID and another kind is an error in the history and in the undo.
func TestRolloutHistoryOwner(t *testing.T) {
	agent := nginxSet("1.27.4")
	agent.TypeMeta = metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}
	own := storedFor(t, agent, 1, "own")
	own.OwnerReferences[0].APIVersion, own.OwnerReferences[0].Kind = "agents.example.com/v1alpha1", "NodeAgent"
	history, err := kubectl.RolloutHistory(agent, []*appsv1.ControllerRevision{own})
	if err != nil || len(history) != 1 {
		t.Errorf("RolloutHistory() = %v, %v, want its own revision", history, err)
	}
	_, err = kubectl.RolloutHistory(nginxSet("1.27.4"), []*appsv1.ControllerRevision{own})
	const want = `revisions[0].metadata.ownerReferences[0].kind: Invalid value: "NodeAgent"`
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("RolloutHistory() error = %v, want %s ...", err, want)
	}
	if _, err = kubectl.RolloutUndo(nginxSet("1.27.4"), []*appsv1.ControllerRevision{own}, 0); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("RolloutUndo() error = %v, want %s ...", err, want)
	}
}
