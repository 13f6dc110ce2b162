package daemon_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// TestClaim covers ClaimObject@v1.37.2, for pods and for revisions.
func TestClaim(t *testing.T) {
	stray := build.Labels{"app": "stray"}
	owner := func(change func(*metav1.OwnerReference)) []metav1.OwnerReference {
		refs := build.Owner(build.Set{}.Object())
		change(&refs[0])
		return refs
	}
	tests := []struct {
		name, why string
		set       build.Set
		object    func(*metav1.ObjectMeta)
		pod       daemon.Claim
		revision  daemon.Claim // the zero value: as for a pod
	}{
		{
			name: "owned", why: "UID and labels are ours: nothing to write",
			object: func(*metav1.ObjectMeta) {}, pod: daemon.ClaimKeep,
		},
		{
			name: "owned, being deleted", why: "keeping takes no action, so that it is not looked at",
			object: func(m *metav1.ObjectMeta) { m.DeletionTimestamp = &metav1.Time{Time: build.Now} }, pod: daemon.ClaimKeep,
		},
		{
			name: "owned, set being deleted", why: "keeping takes no action even then",
			set: build.Set{Deleting: true}, object: func(*metav1.ObjectMeta) {}, pod: daemon.ClaimKeep,
		},
		{
			name: "owned, labels changed", why: "somebody took it out of the set to look at it",
			object: func(m *metav1.ObjectMeta) { m.Labels = stray }, pod: daemon.ClaimRelease,
		},
		{
			name: "owned, no labels", why: "nil labels match no matchLabels",
			object: func(m *metav1.ObjectMeta) { m.Labels = nil }, pod: daemon.ClaimRelease,
		},
		{
			name: "owned, labels changed, being deleted", why: "release does not look at the object's own deletion",
			object: func(m *metav1.ObjectMeta) { m.Labels, m.DeletionTimestamp = stray, &metav1.Time{Time: build.Now} }, pod: daemon.ClaimRelease,
		},
		{
			name: "owned, labels changed, set being deleted", why: "the garbage collector settles that",
			set: build.Set{Deleting: true}, object: func(m *metav1.ObjectMeta) { m.Labels = stray }, pod: daemon.ClaimIgnore,
		},
		{
			name: "orphan", why: "matching and free",
			object: func(m *metav1.ObjectMeta) { m.OwnerReferences = nil }, pod: daemon.ClaimAdopt,
		},
		{
			name: "orphan, labels do not match", why: "not ours",
			object: func(m *metav1.ObjectMeta) { m.OwnerReferences, m.Labels = nil, stray }, pod: daemon.ClaimIgnore,
		},
		{
			name: "orphan, being deleted", why: "on its way out",
			object: func(m *metav1.ObjectMeta) {
				m.OwnerReferences, m.DeletionTimestamp = nil, &metav1.Time{Time: build.Now}
			}, pod: daemon.ClaimIgnore,
		},
		{
			name: "orphan, set being deleted", why: "a set on its way out takes nothing in",
			set: build.Set{Deleting: true}, object: func(m *metav1.ObjectMeta) { m.OwnerReferences = nil }, pod: daemon.ClaimIgnore,
		},
		{
			name: "owner that is no controller", why: "only a controlling reference owns",
			object: func(m *metav1.ObjectMeta) {
				m.OwnerReferences = owner(func(o *metav1.OwnerReference) { o.UID, o.Controller = "uid-x", nil })
			}, pod: daemon.ClaimAdopt,
		},
		{
			name: "owner with controller false", why: "the same, spelled out",
			object: func(m *metav1.ObjectMeta) {
				m.OwnerReferences = owner(func(o *metav1.OwnerReference) { o.Controller = new(false) })
			}, pod: daemon.ClaimAdopt,
		},
		{
			name: "controller behind another owner", why: "the first controlling reference counts, not the first",
			object: func(m *metav1.ObjectMeta) {
				m.OwnerReferences = append(owner(func(o *metav1.OwnerReference) { o.UID, o.Controller = "uid-x", nil }), m.OwnerReferences...)
			}, pod: daemon.ClaimKeep,
		},
		{
			name: "another controller", why: "matching labels do not steal",
			object: func(m *metav1.ObjectMeta) {
				m.OwnerReferences = owner(func(o *metav1.OwnerReference) { o.Name, o.UID = "other", "uid-other" })
			}, pod: daemon.ClaimIgnore,
		},
		{
			name: "same name, other UID", why: "a set of the same name was deleted and made anew",
			object: func(m *metav1.ObjectMeta) {
				m.OwnerReferences = owner(func(o *metav1.OwnerReference) { o.UID = "uid-former" })
			}, pod: daemon.ClaimIgnore,
		},
		{
			name: "another namespace", why: "owners and selectors work within a namespace",
			object: func(m *metav1.ObjectMeta) { m.Namespace = "default" }, pod: daemon.ClaimIgnore,
		},
		{
			name: "orphan in another namespace", why: "likewise",
			object: func(m *metav1.ObjectMeta) { m.Namespace, m.OwnerReferences = "default", nil }, pod: daemon.ClaimIgnore,
		},
		{
			name: "expressions", why: "selectors of expressions take another way than matchLabels",
			set: build.Set{Selector: &metav1.LabelSelector{
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"x", "agent"}}},
			}},
			object: func(*metav1.ObjectMeta) {}, pod: daemon.ClaimKeep,
		},
		{
			name: "labels and expressions", why: "both have to match",
			set: build.Set{Selector: &metav1.LabelSelector{
				MatchLabels:      build.Labels{"app": "agent"},
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "zone", Operator: metav1.LabelSelectorOpExists}},
			}},
			object: func(*metav1.ObjectMeta) {}, pod: daemon.ClaimRelease,
		},
		{
			name: "no labels and DoesNotExist", why: "nil labels may match",
			set: build.Set{Selector: &metav1.LabelSelector{
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "zone", Operator: metav1.LabelSelectorOpDoesNotExist}},
			}},
			object: func(m *metav1.ObjectMeta) { m.Labels, m.OwnerReferences = nil, nil }, pod: daemon.ClaimAdopt,
		},
		{
			name: "empty value", why: "a key with an empty value is not a missing key",
			set:    build.Set{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{"zone": ""}}},
			object: func(*metav1.ObjectMeta) {}, pod: daemon.ClaimRelease,
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.set.Object()
			claimer := newClaimer(t, ds)
			pod := build.Pod{Name: "a", Node: "w1"}.Of(ds)
			revision := build.Revision{Hash: "h1"}.Of(ds)
			tc.object(&pod.ObjectMeta)
			tc.object(&revision.ObjectMeta)
			if got, err := claimer.Pod(pod); got != tc.pod || err != nil {
				t.Errorf("Pod() = %v, want %v: %s", got, tc.pod, tc.why)
			}
			want := tc.pod
			if tc.revision != daemon.ClaimIgnore {
				want = tc.revision
			}
			if got, err := claimer.Revision(revision); got != want || err != nil {
				t.Errorf("Revision() = %v, want %v: %s", got, want, tc.why)
			}
		})
	}
}

func TestClaimNothing(t *testing.T) {
	claimer := newClaimer(t, build.Set{}.Object())
	if got, err := claimer.Pod(nil); got != daemon.ClaimIgnore || err != nil {
		t.Errorf("Pod(nil) = %v, want ignore", got)
	}
	if got, err := claimer.Revision(nil); got != daemon.ClaimIgnore || err != nil {
		t.Errorf("Revision(nil) = %v, want ignore", got)
	}
	zero := &daemon.Claimer{}
	if got, err := zero.Pod(&corev1.Pod{}); got != daemon.ClaimIgnore || err != nil {
		t.Errorf("zero Claimer: Pod() = %v, want ignore", got)
	}
}

// TestClaimWithoutUID: without a UID kind and name decide, so that DaemonSets without
// UIDs do not take each other's objects, and the zero Claimer takes nothing.
func TestClaimWithoutUID(t *testing.T) {
	agent, other := build.Set{}.Object(), build.Set{Name: "other"}.Object()
	agent.UID, other.UID = "", ""
	owned := func(ds *appsv1.DaemonSet, labels build.Labels) (*corev1.Pod, *appsv1.ControllerRevision) {
		meta := metav1.ObjectMeta{Namespace: build.Namespace, Name: "a", Labels: labels, OwnerReferences: build.Owner(ds)}
		return &corev1.Pod{ObjectMeta: meta}, &appsv1.ControllerRevision{ObjectMeta: meta}
	}
	zero := &daemon.Claimer{}
	for _, tc := range []struct {
		name, why string
		claimer   *daemon.Claimer
		owner     *appsv1.DaemonSet
		labels    build.Labels
		want      daemon.Claim
	}{
		{"own", "kind and name are its own", newClaimer(t, agent), agent, build.Labels{"app": "agent"}, daemon.ClaimKeep},
		{"own, no match", "the selector decides", newClaimer(t, agent), agent, build.Labels{"app": "x"}, daemon.ClaimRelease},
		{"another's", "two missing UIDs are not the same UID", newClaimer(t, agent), other, build.Labels{"app": "other"}, daemon.ClaimIgnore},
		{"zero Claimer", "it owns nothing", zero, &appsv1.DaemonSet{}, build.Labels{"app": "agent"}, daemon.ClaimIgnore},
	} {
		pod, rev := owned(tc.owner, tc.labels)
		if tc.claimer == zero {
			pod.Namespace, rev.Namespace = "", ""
		}
		if got, err := tc.claimer.Pod(pod); got != tc.want || err != nil {
			t.Errorf("%s: Pod() = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
		if got, err := tc.claimer.Revision(rev); got != tc.want || err != nil {
			t.Errorf("%s: Revision() = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

// TestClaimMatchesAsSelectorsDo compares the short way for matchLabels, and the
// long one for the rest, with what the API machinery makes of the selector.
func TestClaimMatchesAsSelectorsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	some := func() build.Labels {
		set := build.Labels{}
		for range r.IntN(4) {
			set[pick(r, "a", "b", "c")] = pick(r, "", "1", "2")
		}
		return set
	}
	matched := 0
	for range 5000 {
		selector := &metav1.LabelSelector{MatchLabels: some()}
		if r.IntN(3) == 0 {
			selector.MatchExpressions = []metav1.LabelSelectorRequirement{{
				Key: pick(r, "a", "b"), Operator: pick(r, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist),
			}}
		}
		ds := build.Set{Selector: selector}.Object()
		if daemon.SelectsEverything(ds) {
			continue
		}
		reference, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		pod := build.Pod{Name: "a", Orphan: true, Labels: some()}.Of(ds)
		want := daemon.ClaimIgnore
		if reference.Matches(labels.Set(pod.Labels)) {
			want = daemon.ClaimAdopt
			matched++
		}
		if got, err := newClaimer(t, ds).Pod(pod); got != want || err != nil {
			t.Fatalf("Pod(%v) = %v, want %v for selector %v", pod.Labels, got, want, selector)
		}
	}
	if matched < 300 {
		t.Errorf("only %d pods matched: the generator is no good", matched)
	}
}

func TestNewClaimerErrors(t *testing.T) {
	set := func(selector *metav1.LabelSelector) *appsv1.DaemonSet {
		ds := build.Set{}.Object()
		ds.Spec.Selector = selector
		return ds
	}
	expression := func(op metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: op, Values: values}}}
	}
	tests := []struct {
		name, why string
		ds        *appsv1.DaemonSet
		want      string // how the error starts
	}{
		{"no DaemonSet", "nothing to go by", nil, "daemonSet: Required value"},
		{"no selector", "an object that no server has seen", set(nil), "spec.selector: Required value"},
		{"empty selector", "would take in every pod", set(&metav1.LabelSelector{}), `spec.selector: Invalid value: "{}": empty selector`},
		{"empty lists", "as empty as nil ones", set(&metav1.LabelSelector{
			MatchLabels: build.Labels{}, MatchExpressions: []metav1.LabelSelectorRequirement{},
		}), `spec.selector: Invalid value: "{}": empty selector`},
		{"unknown operator", "from a newer server", set(expression("Near", "x")), "spec.selector: Invalid value"},
		{"In without values", "malformed", set(expression(metav1.LabelSelectorOpIn)), "spec.selector: Invalid value"},
		{"Exists with values", "malformed", set(expression(metav1.LabelSelectorOpExists, "x")), "spec.selector: Invalid value"},
		{"bad value", "no label can have it", set(&metav1.LabelSelector{MatchLabels: build.Labels{"app": "no spaces"}}), "spec.selector: Invalid value"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			claimer, err := daemon.NewClaimer(tc.ds)
			wantFieldError(t, err, tc.want, tc.why)
			if claimer != nil {
				t.Errorf("NewClaimer() = %v with an error", claimer)
			}
		})
	}
}

func TestSelectsEverything(t *testing.T) {
	tests := []struct {
		name, why string
		selector  *metav1.LabelSelector
		want      bool
	}{
		{"nil", "a missing selector selects nothing", nil, false},
		{"empty", "selects all", &metav1.LabelSelector{}, true},
		{"empty lists", "the same in another spelling", &metav1.LabelSelector{MatchLabels: build.Labels{}}, true},
		{"labels", "usual", &metav1.LabelSelector{MatchLabels: build.Labels{"a": "b"}}, false},
		{"expressions", "usual", &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{}}}, false},
	}
	for _, tc := range tests {
		ds := build.Set{}.Object()
		ds.Spec.Selector = tc.selector
		if got := daemon.SelectsEverything(ds); got != tc.want {
			t.Errorf("SelectsEverything(%s) = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
	if daemon.SelectsEverything(nil) {
		t.Error("SelectsEverything(nil) = true, want false")
	}
}

// TestClaimPatch holds the patches to the bytes that upstream sends.
func TestClaimPatch(t *testing.T) {
	ds := build.Set{Name: "agent"}.Object()
	tests := []struct {
		claim daemon.Claim
		why   string
		want  string
	}{
		{
			claim: daemon.ClaimAdopt, why: "ownerRefControllerPatch@v1.37.2: owners before the UID",
			want: `{"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"DaemonSet","name":"agent","uid":"uid-agent","controller":true,"blockOwnerDeletion":true}],"uid":"uid-a"}}`,
		},
		{
			claim: daemon.ClaimRelease, why: "GenerateDeleteOwnerRefStrategicMergeBytes@v1.37.2: the UID first",
			want: `{"metadata":{"uid":"uid-a","ownerReferences":[{"$patch":"delete","uid":"uid-agent"}]}}`,
		},
		{claim: daemon.ClaimKeep, why: "nothing to write"},
		{claim: daemon.ClaimIgnore, why: "nothing to write"},
		{claim: 99, why: "nothing to write for what does not exist"},
	}
	for _, tc := range tests {
		got := newClaimer(t, ds).Patch(tc.claim, "uid-a")
		if string(got) != tc.want || tc.want == "" && got != nil {
			t.Errorf("Patch(%v) = %s, want %s: %s", tc.claim, got, tc.want, tc.why)
		}
	}
}

// TestClaimPatchApplied applies the patches as an API server does.
func TestClaimPatchApplied(t *testing.T) {
	ds := build.Set{}.Object()
	other := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "c", UID: "uid-c"}
	owned := build.Pod{Name: "a"}.Of(ds)
	owned.OwnerReferences = append(owned.OwnerReferences, other)
	orphan := owned.DeepCopy()
	orphan.OwnerReferences = []metav1.OwnerReference{other}
	claimer := newClaimer(t, ds)
	for _, tc := range []struct {
		claim daemon.Claim
		from  *corev1.Pod
		want  []types.UID
	}{
		{daemon.ClaimAdopt, orphan, []types.UID{ds.UID, other.UID}},
		{daemon.ClaimRelease, owned, []types.UID{other.UID}},
	} {
		before, err := json.Marshal(tc.from)
		if err != nil {
			t.Fatal(err)
		}
		after, err := strategicpatch.StrategicMergePatch(before, claimer.Patch(tc.claim, tc.from.UID), corev1.Pod{})
		if err != nil {
			t.Fatalf("%v: %v", tc.claim, err)
		}
		var pod corev1.Pod
		if err := json.Unmarshal(after, &pod); err != nil {
			t.Fatal(err)
		}
		var got []types.UID
		for _, ref := range pod.OwnerReferences {
			got = append(got, ref.UID)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("owners after %v (-want +got):\n%s", tc.claim, diff)
		}
		if claim, err := claimer.Pod(&pod); claim == tc.claim || err != nil {
			t.Errorf("Pod() after %v = %v again", tc.claim, claim)
		}
	}
}

// TestClaimerKeepsItsOwnSelector changes the DaemonSet afterwards: a Claimer is
// immutable.
func TestClaimerKeepsItsOwnSelector(t *testing.T) {
	ds := build.Set{}.Object()
	pod := build.Pod{Name: "a"}.Of(ds)
	claimer := newClaimer(t, ds)
	ds.Spec.Selector.MatchLabels["app"] = "changed"
	ds.Namespace, ds.Name, ds.UID = "changed", "changed", "changed"
	if got, err := claimer.Pod(pod); got != daemon.ClaimKeep || err != nil {
		t.Errorf("Pod() after the DaemonSet changed = %v, want keep", got)
	}
}

func TestClaimWords(t *testing.T) {
	tests := []struct {
		claim daemon.Claim
		word  string
		owned bool
	}{
		{daemon.ClaimIgnore, "ignore", false},
		{daemon.ClaimKeep, "keep", true},
		{daemon.ClaimAdopt, "adopt", true},
		{daemon.ClaimRelease, "release", false},
		{-1, "Claim(-1)", false},
		{4, "Claim(4)", false},
	}
	for _, tc := range tests {
		if got := tc.claim.String(); got != tc.word {
			t.Errorf("Claim(%d).String() = %q, want %q", int(tc.claim), got, tc.word)
		}
		if got := tc.claim.Owned(); got != tc.owned {
			t.Errorf("%v.Owned() = %v, want %v", tc.claim, got, tc.owned)
		}
	}
}

func newClaimer(t testing.TB, ds *appsv1.DaemonSet) *daemon.Claimer {
	t.Helper()
	claimer, err := daemon.NewClaimer(ds)
	if err != nil {
		t.Fatal(err)
	}
	return claimer
}

// wantFieldError checks for a *field.Error whose text starts as given: with the
// field's path.
func wantFieldError(t *testing.T, err error, start, why string) {
	t.Helper()
	var fieldErr *field.Error
	if !errors.As(err, &fieldErr) || !strings.HasPrefix(fmt.Sprint(err), start) {
		t.Errorf("error = %T %v, want a *field.Error that starts with %q: %s", err, err, start, why)
	}
}
