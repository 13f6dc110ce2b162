package diff

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
)

func TestPodSets(t *testing.T) {
	// pod describes one pod: DaemonSet (none: an orphan), node, revision.
	pod := func(owner, node, hash, name string, more ...func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{"app": "a"}}}
		if hash != "" {
			p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
		}
		if owner != "" {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: owner, Controller: new(true)}}
		}
		p.Spec.NodeName = node
		for _, f := range more {
			f(p)
		}
		return p
	}
	unbound := func(p *corev1.Pod) {
		p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{p.Spec.NodeName}}}}},
		}}}
		p.Spec.NodeName = ""
	}
	leaving := func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
	failed := func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }
	age := func(seconds int64) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.CreationTimestamp = metav1.Unix(1000-seconds, 0) }
	}
	elsewhere := func(p *corev1.Pod) { p.Namespace = "other" }
	unlabelled := func(p *corev1.Pod) { delete(p.Labels, "app") }
	generation := func(n string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Labels["pod-template-generation"] = n }
	}
	uid := func(id types.UID) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.OwnerReferences[0].UID = id }
	}
	relabelled := func(p *corev1.Pod) { p.Labels["app"] = "b" }

	tests := []struct {
		name, why       string
		desired, actual []*corev1.Pod
		want            string
	}{
		{name: "nothing", why: "no pods desired and none there", want: "no difference"},
		{
			name: "nil entries", why: "they are skipped",
			desired: []*corev1.Pod{nil}, actual: []*corev1.Pod{nil, nil}, want: "no difference",
		},
		{
			name: "as desired", why: "a pod that is not bound yet matches by the node it is meant for",
			desired: []*corev1.Pod{pod("d", "n1", "h", ""), pod("d", "n2", "h", "", unbound)},
			actual:  []*corev1.Pod{pod("d", "n2", "h", "b", unbound), pod("d", "n1", "h", "a")},
			want:    "no difference",
		},
		{
			name: "each kind", why: "ordered by node name, whatever the order of the input",
			desired: []*corev1.Pod{pod("d", "n4", "h", "d-"), pod("d", "n1", "h", "d-"), pod("d", "n2", "h", "d-"), pod("d", "n5", "h", "d-"), pod("d", "n0", "h", "d-")},
			actual: []*corev1.Pod{
				pod("d", "n2", "old", "d-c"), pod("d", "n9", "h", "d-z"), pod("d", "n4", "h", "d-d", relabelled), pod("d", "n5", "", "d-e"), pod("d", "n3", "h", "d-y"),
			},
			want: `missing on n0: d-
missing on n1: d-
extra on n3: d-y
extra on n9: d-z
outdated on n2: d-c (old, desired h)
outdated on n5: d-e (no revision, desired h)
drifted on n4: d-d
  metadata.labels[app]: "a" -> "b"`,
		},
		{
			name: "no hash desired", why: "then no pod is outdated, and no hash is compared",
			desired: []*corev1.Pod{pod("d", "n", "", "")}, actual: []*corev1.Pod{pod("d", "n", "h", "a")},
			want: "no difference",
		},
		{
			name: "no hash desired and several", why: "the first matches, whatever its hash",
			desired: []*corev1.Pod{pod("d", "n", "", "")}, actual: []*corev1.Pod{pod("d", "n", "", "b", age(1)), pod("d", "n", "h", "a", age(2))},
			want: "extra on n: b",
		},
		{
			name: "several", why: "the desired revision matches, even if it is younger",
			desired: []*corev1.Pod{pod("d", "n", "h", "")},
			actual:  []*corev1.Pod{pod("d", "n", "old", "a", age(9)), pod("d", "n", "h", "b", age(1))},
			want:    "extra on n: a",
		},
		{
			name: "several of one revision", why: "bound before unbound, then the oldest, then by name",
			desired: []*corev1.Pod{pod("d", "n", "h", "")},
			actual:  []*corev1.Pod{pod("d", "n", "h", "c", unbound, age(9)), pod("d", "n", "h", "b", age(2)), pod("d", "n", "h", "a", age(1)), pod("d", "n", "h", "y", age(3)), pod("d", "n", "h", "z", age(3))},
			want:    "extra on n: a\nextra on n: b\nextra on n: c\nextra on n: z",
		},
		{
			name: "none desired there", why: "every pod on the node is too much",
			actual: []*corev1.Pod{pod("d", "n", "h", "b"), pod("d", "n", "old", "a")},
			want:   "extra on n: a\nextra on n: b",
		},
		{
			name: "being deleted", why: "it matches nothing and is not to be deleted again",
			desired: []*corev1.Pod{pod("d", "n1", "h", "d-"), pod("d", "n2", "h", "d-")},
			actual: []*corev1.Pod{
				pod("d", "n1", "h", "a", leaving, age(1)), pod("d", "n2", "old", "b", leaving), pod("d", "n2", "h", "c"), pod("d", "n3", "h", "e", leaving), pod("d", "n1", "h", "f", leaving, failed, age(9)),
			},
			want: "missing on n1: d- (f is being deleted)",
		},
		{
			name: "failed", why: "it does not run: it goes, and the node has none",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "h", "a", failed)},
			want: "missing on n: d-\nextra on n: a (Failed)",
		},
		{
			name: "several DaemonSets", why: "each pod belongs to its controller",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-"), pod("e", "n", "h", "e-"), pod("f", "n", "g", "f-")},
			actual:  []*corev1.Pod{pod("e", "n", "h", "e-a"), pod("d", "n", "old", "d-a"), pod("x", "n", "g", "x-a")},
			want:    "missing on n: f-\nextra on n: x-a\noutdated on n: d-a (old, desired h)",
		},
		{
			name: "several of a kind on a node", why: "ordered by the name of the pod that is there",
			desired: []*corev1.Pod{pod("a", "n", "h", "a-"), pod("b", "n", "h", "b-"), pod("c", "n", "h", "c-"), pod("d", "n", "h", "d-")},
			actual:  []*corev1.Pod{pod("a", "n", "old", "z"), pod("b", "n", "old", "y"), pod("c", "n", "h", "x", relabelled), pod("d", "n", "h", "w", relabelled)},
			want: `outdated on n: y (old, desired h)
outdated on n: z (old, desired h)
drifted on n: w
  metadata.labels[app]: "a" -> "b"
drifted on n: x
  metadata.labels[app]: "a" -> "b"`,
		},
		{
			name: "orphans", why: "an orphan goes where nothing better is, by revision",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-"), pod("e", "n", "i", "e-")},
			actual:  []*corev1.Pod{pod("", "n", "h", "o"), pod("", "n", "i", "p"), pod("d", "n", "h", "d-a")},
			want:    "extra on n: o",
		},
		{
			name: "foreign bare pod", why: "its labels differ: it matches nothing",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("", "n", "", "debug", relabelled)},
			want: "missing on n: d-\nextra on n: debug",
		},
		{
			name: "foreign bare pod without labels", why: "an orphan must have the labels that the desired pod has",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("", "n", "", "debug", unlabelled)},
			want: "missing on n: d-\nextra on n: debug",
		},
		{
			name: "orphan of another revision", why: "revision and template generation do not decide whose it is",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-", generation("2"))}, actual: []*corev1.Pod{pod("", "n", "old", "o", generation("1"))},
			want: "outdated on n: o (old, desired h)",
		},
		{
			name: "no labels desired", why: "a DaemonSet that asks for no label adopts nothing",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-", unlabelled)}, actual: []*corev1.Pod{pod("", "n", "", "debug", relabelled)},
			want: "missing on n: d-\nextra on n: debug",
		},
		{
			name: "foreign bare pod being deleted", why: "it does not explain what is missing",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("", "n", "", "debug", relabelled, leaving)},
			want: "missing on n: d-",
		},
		{
			name: "other labels without a controller", why: "labels are all that desired pods written by hand have",
			desired: []*corev1.Pod{pod("", "n", "", "mine")}, actual: []*corev1.Pod{pod("", "n", "", "debug", relabelled), pod("x", "n", "h", "x-a", relabelled)},
			want: "missing on n: mine\nextra on n: debug\nextra on n: x-a",
		},
		{
			name: "DaemonSet made anew", why: "pods of the deleted one have its UID and are left to garbage collection",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-", uid("2"))}, actual: []*corev1.Pod{pod("d", "n", "h", "d-a", uid("1"))},
			want: "missing on n: d-\nextra on n: d-a",
		},
		{
			name: "DaemonSet without a UID", why: "one that is not in a cluster yet has none",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "h", "d-a", uid("1"))},
			want: "no difference",
		},
		{
			name: "owner not told", why: "desired pods written by hand need none",
			desired: []*corev1.Pod{pod("", "n", "", "")}, actual: []*corev1.Pod{pod("d", "n", "h", "a")},
			want: "no difference",
		},
		{
			name: "other namespace", why: "a pod of another namespace matches none of these",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "h", "a", elsewhere)},
			want: "missing on n: d-\nextra on n: a",
		},
		{
			name: "no node", why: "nothing is left out silently, and nothing is matched by chance",
			desired: []*corev1.Pod{pod("d", "", "h", "")}, actual: []*corev1.Pod{pod("d", "", "h", "a"), pod("d", "", "h", "b", leaving), pod("d", "", "h", "c", failed)},
			want: "missing on <no node>: <unnamed>\nextra on <no node>: a\nextra on <no node>: c (Failed)",
		},
		{
			name: "same pod desired twice", why: "one pod matches one",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-"), pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "h", "a")},
			want: "missing on n: d-",
		},
		{
			name: "two revisions desired", why: "one pod matches one, by name, then by revision",
			desired: []*corev1.Pod{pod("d", "n", "i", "d-"), pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("d", "n", "old", "a")},
			want: "missing on n: d-\noutdated on n: a (old, desired h)",
		},
		{
			name: "orphan being deleted", why: "it is named where nothing better is",
			desired: []*corev1.Pod{pod("d", "n", "h", "d-")}, actual: []*corev1.Pod{pod("", "n", "h", "o", leaving)},
			want: "missing on n: d- (o is being deleted)",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := copyPods(test.desired, test.actual)
			d := PodSets(test.desired, test.actual, daemon.Naming{})
			if diff := cmp.Diff(test.want, d.String()); diff != "" {
				t.Errorf("%s: PodSets (-want +got):\n%s", test.why, diff)
			}
			if got, want := d.Empty(), test.want == "no difference"; got != want {
				t.Errorf("%s: Empty() = %t, want %t", test.why, got, want)
			}
			if diff := cmp.Diff(before, copyPods(test.desired, test.actual)); diff != "" {
				t.Errorf("PodSets changed its arguments (-before +after):\n%s", diff)
			}
			desired, actual := slices.Clone(test.desired), slices.Clone(test.actual)
			slices.Reverse(desired)
			slices.Reverse(actual)
			if diff := cmp.Diff(d, PodSets(desired, actual, daemon.Naming{})); diff != "" {
				t.Errorf("PodSets depends on the order of its input (-given +reversed):\n%s", diff)
			}
		})
	}
}

func copyPods(lists ...[]*corev1.Pod) (all []*corev1.Pod) {
	for _, list := range lists {
		for _, pod := range list {
			all = append(all, pod.DeepCopy())
		}
	}
	return all
}

func TestPodSetChangesText(t *testing.T) {
	odd := PodSetChanges{Missing: []PodPair{{}}, Extra: []PodPair{{}}, Outdated: []PodPair{{}}, Drifted: []PodPair{{}}}
	const want = `missing on <no node>: <nil>
extra on <no node>: <nil>
outdated on <no node>: <nil> (no revision, desired no revision)
drifted on <no node>: <nil>`
	if got := odd.String(); got != want {
		t.Errorf("String() of entries without pods = %q, want %q", got, want)
	}
}

// TestPodSetsShuffled compares pods that look alike, in random order: each pod has
// its place, and the order of the input must not show.
func TestPodSetsShuffled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	pods := func(n int) []*corev1.Pod {
		list := make([]*corev1.Pod, n)
		for i := range list {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pick("", "a", "b"), Namespace: pick("", "", "ns")}}
			p.Labels = map[string]string{"app": pick("a", "a", "b"), appsv1.DefaultDaemonSetUniqueLabelKey: pick("h", "h", "old")}
			if owner := pick("", "d", "d", "e"); owner != "" {
				p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: owner, Controller: new(true)}}
			}
			p.Spec.NodeName = pick("", "n1", "n1", "n2")
			p.Spec.Containers = []corev1.Container{{Name: "c", Image: pick("1", "2")}}
			p.Status.Phase = corev1.PodPhase(pick("", "", "", "Failed"))
			if pick("", "", "", "leaving") != "" {
				p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			}
			list[i] = p
		}
		return list
	}
	for range 500 {
		desired, actual := pods(r.IntN(9)), pods(r.IntN(9))
		changes := PodSets(desired, actual, daemon.Naming{})

		seen := make(map[*corev1.Pod]int)
		for _, list := range [][]PodPair{changes.Missing, changes.Outdated, changes.Drifted, changes.Extra} {
			for _, pair := range list {
				seen[pair.Desired]++
				seen[pair.Actual]++
			}
		}
		for _, pair := range changes.Missing {
			if pair.Actual != nil && pair.Actual.DeletionTimestamp == nil {
				t.Errorf("missing, but %v matches", pair.Actual)
			}
		}
		for _, pod := range slices.Concat(desired, actual) {
			if seen[pod] > 1 {
				t.Errorf("%d differences are about one pod: %v\n%v", seen[pod], pod, changes)
			}
		}

		r.Shuffle(len(desired), func(i, j int) { desired[i], desired[j] = desired[j], desired[i] })
		r.Shuffle(len(actual), func(i, j int) { actual[i], actual[j] = actual[j], actual[i] })
		if diff := cmp.Diff(changes, PodSets(desired, actual, daemon.Naming{})); diff != "" {
			t.Fatalf("PodSets depends on the order of its input (-given +shuffled):\n%s", diff)
		}
	}
}

// Pods are compared by their whole content only if nothing else decides, because that
// costs more than all the rest.
func TestCompareByAgeCost(t *testing.T) {
	at := func(seconds int64, name, uid string) *corev1.Pod {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(uid), CreationTimestamp: metav1.Unix(seconds, 0)}}
		pod.Spec = readTemplate(t, "network-agent").Spec
		return pod
	}
	for _, tc := range []struct {
		name, why string
		a, b      *corev1.Pod
	}{
		{"ages", "the age decides, though the names are equal", at(1, "p", ""), at(2, "p", "")},
		{"names", "the name decides", at(1, "p", ""), at(1, "q", "")},
		{"UIDs", "the UID decides", at(1, "p", "1"), at(1, "p", "2")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := new(nodePods).compareByAge(tc.a, tc.b); got >= 0 {
				t.Errorf("compareByAge = %d, want it negative: %s", got, tc.why)
			}
			nodes := new(nodePods)
			if got := testing.AllocsPerRun(10, func() { nodes.compareByAge(tc.a, tc.b) }); got > 0 {
				t.Errorf("compareByAge allocates %v times, want 0: %s", got, tc.why)
			}
		})
	}
}

// TestPodSetsNaming: the labels of the naming are the ones that tie pods to a revision and
// keep no pod from being adopted.
func TestPodSetsNaming(t *testing.T) {
	naming := daemon.Naming{RevisionHashLabel: "hash"}
	pod := func(name string, labels map[string]string) *corev1.Pod {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		pod.Spec.NodeName = "n1"
		return pod
	}
	desired := pod("", map[string]string{"app": "agent", "hash": "new"})
	actual := pod("old", map[string]string{"app": "agent", "hash": "old"})
	got := PodSets([]*corev1.Pod{desired}, []*corev1.Pod{actual}, naming)
	want := PodSetChanges{Outdated: []PodPair{{Node: "n1", Desired: desired, Actual: actual, Hash: "old", DesiredHash: "new"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("PodSets (-want +got):\n%s", diff)
	}
	if got := PodSets([]*corev1.Pod{desired}, []*corev1.Pod{actual}, daemon.Naming{}); len(got.Missing) != 1 || len(got.Extra) != 1 {
		t.Errorf("PodSets of upstream's naming = %v, want one pod missing and one extra: hash is a label like others", got)
	}
}
