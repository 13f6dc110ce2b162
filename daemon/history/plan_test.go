package history_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/build"
)

func templateData(t *testing.T, ds *appsv1.DaemonSet) []byte {
	t.Helper()
	data, err := history.Data(&ds.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// planText is a plan with what its String leaves out.
func planText(p *history.Plan) string {
	text := p.String()
	if p.Current != nil {
		text += fmt.Sprintf("\ncurrent %s number %d hash %s", p.Current.Name, p.Current.Revision, p.Hash)
	}
	if len(p.Old) > 0 {
		text += "\nold"
		for _, rev := range p.Old {
			text += fmt.Sprintf(" %s:%d", rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], rev.Revision)
		}
	}
	return text
}

// fresh is the hash of the template of build.Set{}, and afterCollisions the one after
// four collisions. They depend on the version of the API that is compiled in.
var (
	fresh           = daemon.TemplateHash(&build.Set{}.Object().Spec.Template, nil)
	afterCollisions = daemon.TemplateHash(&build.Set{}.Object().Spec.Template, &fourCollisions)

	fourCollisions int32 = 4
)

func TestReconcile(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		revisions string
		collision int32
		pods      string // hash, and owner: "h1 h2:foreign"
		want      string
	}{
		{name: "none", why: "the first one is made", want: "create revision agent-" + fresh + " (number 1)\ncurrent agent-" + fresh + " number 1 hash " + fresh},
		{name: "found", why: "it holds the template and has the highest number", revisions: "h1:1 h2:2:current", want: "nothing to do\ncurrent agent-h2 number 2 hash h2\nold h1:1"},
		{name: "in any order", why: "numbers decide", revisions: "h3:3:current h1:1 h2:2", want: "nothing to do\ncurrent agent-h3 number 3 hash h3\nold h1:1 h2:2"},
		{name: "old ones", why: "they come by number, whatever their names", revisions: "h1:7 h2:3 h3:8:current", want: "nothing to do\ncurrent agent-h3 number 8 hash h3\nold h2:3 h1:7"},
		{name: "similar", why: "one byte is another template", revisions: "h1:1:similar",
			want: "create revision agent-" + fresh + " (number 2)\ncurrent agent-" + fresh + " number 2 hash " + fresh + "\nold h1:1"},
		{name: "new template", why: "it comes after the highest number", revisions: "h2:7 h1:3",
			want: "create revision agent-" + fresh + " (number 8)\ncurrent agent-" + fresh + " number 8 hash " + fresh + "\nold h1:3 h2:7"},
		{name: "old template again", why: "its number becomes the highest", revisions: "h1:1:current h2:2",
			want: "update revision agent-h1 to number 3, hash h1\ncurrent agent-h1 number 3 hash h1\nold h2:2"},
		{name: "same number as another", why: "it has to be above all others", revisions: "h1:2:current h2:2",
			want: "update revision agent-h1 to number 3, hash h1\ncurrent agent-h1 number 3 hash h1\nold h2:2"},
		{name: "duplicates", why: "the highest number stays", revisions: "h1:1:current h2:3:current h3:2",
			want: "delete revision agent-h1 (number 1): duplicate of agent-h2\ncurrent agent-h2 number 3 hash h2\nold h3:2"},
		{name: "duplicates of one number", why: "the first by name stays", revisions: "h2:1:current h1:1:current",
			want: "delete revision agent-h2 (number 1): duplicate of agent-h1\ncurrent agent-h1 number 1 hash h1"},
		{name: "duplicates in use", why: "pods are marked with the one that stays, but not those of others", revisions: "h1:1:current h2:2:current", pods: "h1 h2 h1:foreign h1:orphan",
			want: "relabel pod pod-0 to h2\nrelabel pod pod-3 to h2\ndelete revision agent-h1 (number 1): duplicate of agent-h2\ncurrent agent-h2 number 2 hash h2"},
		{name: "no duplicates", why: "pods are left alone whatever they carry", revisions: "h1:1:current", pods: "h9", want: "nothing to do\ncurrent agent-h1 number 1 hash h1"},
		{name: "hash label is missing", why: "an older one gets its name for a label", revisions: "h1:1:nohash h2:2:current",
			want: "label revision agent-h1\ncurrent agent-h2 number 2 hash h2\nold agent-h1:1"},
		{name: "no labels", why: "it does not match the selector and is released", revisions: "h1:1:nolabels h2:2:current",
			want: "release revision agent-h1\ncurrent agent-h2 number 2 hash h2"},
		{name: "current, hash label is missing", why: "the update has both label and number", revisions: "h1:1:current,nohash h2:2",
			want: "update revision agent-h1 to number 3, hash agent-h1\ncurrent agent-h1 number 3 hash agent-h1\nold h2:2"},
		{name: "current, only the label is missing", why: "the number is the highest", revisions: "h1:1:current,nohash",
			want: "update revision agent-h1 to number 1, hash agent-h1\ncurrent agent-h1 number 1 hash agent-h1"},
		{name: "orphan", why: "it matches and is adopted", revisions: "h1:1:current,orphan", want: "adopt revision agent-h1\ncurrent agent-h1 number 1 hash h1"},
		{name: "orphan that does not match", why: "it is nobody's", revisions: "h1:1:orphan,mismatch h2:2:current", want: "nothing to do\ncurrent agent-h2 number 2 hash h2"},
		{name: "own that does not match", why: "it is released", revisions: "h1:1:mismatch h2:2:current", want: "release revision agent-h1\ncurrent agent-h2 number 2 hash h2"},
		{name: "another owner's", why: "it is left alone, and its number does not count", revisions: "h1:9:foreign h2:2:current", want: "nothing to do\ncurrent agent-h2 number 2 hash h2"},
		{name: "another namespace's", why: "it is left alone", revisions: "h1:9:elsewhere h2:2:current", want: "nothing to do\ncurrent agent-h2 number 2 hash h2"},
		{name: "the name is taken", why: "another template has the name", revisions: fresh + ":1:foreign", want: "set collision count to 1"},
		{name: "the name is taken by its own", why: "an older template has the name", revisions: fresh + ":1", want: "set collision count to 1\nold " + fresh + ":1"},
		{name: "taken in another namespace", why: "names are of a namespace", revisions: fresh + ":1:elsewhere",
			want: "create revision agent-" + fresh + " (number 1)\ncurrent agent-" + fresh + " number 1 hash " + fresh},
		{name: "taken again", why: "each collision counts", collision: 4, revisions: afterCollisions + ":1:foreign", want: "set collision count to 5"},
		{name: "the last count", why: "it does not wrap", collision: math.MaxInt32, revisions: daemon.TemplateHash(&build.Set{}.Object().Spec.Template, new(int32(math.MaxInt32))) + ":1:foreign",
			want: "set collision count to 2147483647"},
		{name: "free after collisions", why: "the name that was taken is not looked at", collision: 4, revisions: fresh + ":1:foreign",
			want: "create revision agent-" + afterCollisions + " (number 1)\ncurrent agent-" + afterCollisions + " number 1 hash " + afterCollisions},
		{name: "made, but not seen as its own", why: "the same template under the name is the one", revisions: fresh + ":5:current,foreign",
			want: "nothing to do\ncurrent agent-" + fresh + " number 5 hash " + fresh},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			if tc.collision > 0 {
				ds.Status.CollisionCount = &tc.collision
			}
			revisions := build.History(ds, tc.revisions)
			var pods []*corev1.Pod
			for i, word := range strings.Fields(tc.pods) {
				hash, owner, _ := strings.Cut(word, ":")
				pods = append(pods, build.Pod{Name: fmt.Sprintf("pod-%d", i), Node: "a", Hash: hash, Foreign: owner == "foreign", Orphan: owner == "orphan"}.Of(ds))
			}
			var before []string
			for _, rev := range revisions {
				before = append(before, rev.String())
			}
			s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Revisions: revisions, Pods: pods, Now: build.Now})
			if err != nil {
				t.Fatal(err)
			}
			plan, err := history.Reconcile(s)
			if err != nil {
				t.Fatal(err)
			}
			if plan.CollisionCount == nil && s.RevisionHash() != plan.Hash {
				t.Errorf("the snapshot has the hash %s, the plan %s", s.RevisionHash(), plan.Hash)
			}
			if diff := cmp.Diff(tc.want, planText(plan)); diff != "" {
				t.Errorf("Reconcile() (-want +got), because %s:\n%s", tc.why, diff)
			}
			for i, rev := range revisions {
				if rev.String() != before[i] {
					t.Errorf("Reconcile() changed %s", rev.Name)
				}
			}
		})
	}
}

// TestReconcilePatches has the patches of a plan. Pods that name no node are relabelled, too.
func TestReconcilePatches(t *testing.T) {
	ds := build.Set{}.Object()
	pods := []*corev1.Pod{build.Pod{Name: "a", Node: "a", Hash: "h1"}.Of(ds), build.Pod{Name: "b", Hash: "h1"}.Of(ds)}
	s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Revisions: build.History(ds, "h1:1:current,orphan h2:2:current h3:3:mismatch"), Pods: pods, Now: build.Now})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := history.Reconcile(s)
	if err != nil {
		t.Fatal(err)
	}
	claimer, err := daemon.NewClaimer(ds)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, c := range plan.Claims {
		got = append(got, fmt.Sprintf("%v %s: %s", c.Claim, c.Revision.Name, c.Patch))
		want = append(want, fmt.Sprintf("%v %s: %s", c.Claim, c.Revision.Name, claimer.Patch(c.Claim, c.Revision.UID)))
	}
	for _, r := range plan.Relabel {
		got = append(got, r.Pod.Name+": "+string(r.Patch))
		clear(r.Patch)
	}
	for _, name := range []string{"a", "b"} {
		want = append(want, name+`: {"metadata":{"labels":{"controller-revision-hash":"h2"}}}`)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(plan.Claims) != 2 {
		t.Errorf("Reconcile() has %d claims and these patches (-want +got):\n%s", len(plan.Claims), diff)
	}
}

// TestNewRevision has what a new revision looks like.
func TestNewRevision(t *testing.T) {
	ds := build.Set{Labels: build.Labels{"app": "agent", "tier": "node"}, Annotations: build.Labels{"kubernetes.io/change-cause": "because"}}.Object()
	plan := revisionsOf(t, ds)
	hash := plan.Hash
	want := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: "agent-" + hash, Namespace: build.Namespace,
			Labels:          build.Labels{"app": "agent", "tier": "node", appsv1.DefaultDaemonSetUniqueLabelKey: hash},
			Annotations:     build.Labels{"kubernetes.io/change-cause": "because"},
			OwnerReferences: build.Owner(ds),
		},
		Revision: 1,
	}
	want.Data.Raw = templateData(t, ds)
	if diff := cmp.Diff(want, plan.Create); diff != "" {
		t.Errorf("Reconcile().Create (-want +got):\n%s", diff)
	}
	plan.Create.Labels["app"], plan.Create.Annotations["new"] = "changed", "changed"
	if ds.Spec.Template.Labels["app"] != "agent" || len(ds.Annotations) != 1 {
		t.Error("the new revision shares its maps with the DaemonSet")
	}
	// A template of an older hash is under another name.
	ds.Status.CollisionCount = new(int32)
	if other := revisionsOf(t, ds); other.Hash == hash {
		t.Errorf("with a collisionCount the hash is %s, the same as without", other.Hash)
	}
}

// revisionsOf is the plan for a DaemonSet without history.
func revisionsOf(t *testing.T, ds *appsv1.DaemonSet) *history.Plan {
	t.Helper()
	s, err := daemon.Observe(daemon.Input{DaemonSet: ds})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := history.Reconcile(s)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestReconcileErrors(t *testing.T) {
	for _, s := range []*daemon.Snapshot{nil, {}} {
		plan, err := history.Reconcile(s)
		var wrong *field.Error
		if plan != nil || !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), "snapshot: Required value") {
			t.Errorf("Reconcile() of no snapshot = %v, %v, want an error", plan, err)
		}
	}
}

// BenchmarkReconcile measures a namespace with many revisions of the DaemonSet.
func BenchmarkReconcile(b *testing.B) {
	for _, count := range []int{10_000, 40_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			ds := build.Set{}.Object()
			in := daemon.Input{DaemonSet: ds, Now: build.Now}
			for i := range count {
				in.Revisions = append(in.Revisions, build.Revision{Hash: fmt.Sprintf("h%05d", i), Number: int64(i)}.Of(ds))
			}
			for b.Loop() {
				s, err := daemon.Observe(in)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := history.Reconcile(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
