package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
)

// owned is a pod of the DaemonSet with UID u.
func owned(namespace, name, hash string, created int64) *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name, pod.CreationTimestamp = namespace, name, metav1.Unix(created, 0)
	pod.Labels = map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: hash}
	controller := true
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "set", UID: "u", Controller: &controller}}
	return pod
}

func TestSubject(t *testing.T) {
	stored := &appsv1.DaemonSet{}
	stored.Namespace, stored.Name, stored.UID = "a", "set", "u"
	manifest := stored.DeepCopy()
	manifest.UID = ""
	revision := &appsv1.ControllerRevision{}
	revision.Namespace, revision.Name = "a", "set-1"
	revision.OwnerReferences = owned("", "", "", 0).OwnerReferences
	pods := []*corev1.Pod{owned("a", "old", "h1", 1), owned("a", "new", "h2", 2), owned("b", "lost", "h2", 2)}
	counted := stored.DeepCopy()
	counted.Status.CurrentNumberScheduled = 2
	behind := counted.DeepCopy()
	behind.Generation = 1
	hash := daemon.TemplateHash(&daemon.Default(stored).Spec.Template, nil)
	alike := func(hash string) []*corev1.Pod {
		return []*corev1.Pod{owned("a", "old", hash, 1), owned("a", "new", hash, 2)}
	}
	const (
		assumed  = "no controllerrevisions of it in the input: %s, the revision of its newest pod, is taken for the current one"
		outdated = "no controllerrevisions of it in the input: every pod is taken for outdated"
		lost     = "pods of it in namespace b, which do not count: 1"
		applied  = "pods of a DaemonSet of this name are in the input, and the DaemonSet is not: this is what applying the manifest leads to"
	)
	for _, tc := range []struct {
		name, why string
		set       *appsv1.DaemonSet
		pods      []*corev1.Pod
		revisions []*appsv1.ControllerRevision
		want      []string // revisions
		notes     []string
		noNodes   bool
	}{
		{name: "complete", why: "nothing to make up for; pods elsewhere are told", set: stored, pods: pods,
			revisions: []*appsv1.ControllerRevision{revision}, want: []string{"set-1"}, notes: []string{lost}},
		{name: "no revisions", why: "the newest pod's is taken, or all pods would look outdated", set: stored, pods: pods[:2],
			want: []string{"set-h2"}, notes: []string{fmt.Sprintf(assumed, "h2")}},
		{name: "status without updated pods", why: "the controller has counted none", set: counted, pods: alike("h1"),
			want: []string{"set-" + hash}, notes: []string{outdated}},
		{name: "status of the generation before", why: "it knows nothing about the present template", set: behind, pods: alike("h1"),
			want: []string{"set-h1"}, notes: []string{fmt.Sprintf(assumed, "h1")}},
		{name: "status without updated pods, a new pod", why: "the controller has not counted the first new one yet", set: counted, pods: pods[:2],
			want: []string{"set-h2"}, notes: []string{fmt.Sprintf(assumed, "h2")}},
		{name: "status without updated pods, the hash of the template", why: "the pods are new", set: counted, pods: alike(hash),
			want: []string{"set-" + hash}, notes: []string{fmt.Sprintf(assumed, hash)}},
		{name: "no pods", why: "the status counts some", set: counted, notes: []string{"no pods in the input, but 2 in the status"}},
		{name: "no nodes", why: "no answer about nodes", set: stored, noNodes: true, notes: []string{"no nodes in the input"}},
		{name: "manifest without nodes", why: "a manifest alone is not a dump", set: manifest, noNodes: true},
		{name: "new", why: "without pods there is nothing to assume", set: stored},
		{name: "manifest", why: "it becomes the update of the live one", set: manifest, pods: pods[:2],
			revisions: []*appsv1.ControllerRevision{revision}, want: []string{"set-1"}, notes: []string{applied}},
		{name: "manifest without revisions", why: "whether it changes anything cannot be told", set: manifest, pods: pods[:2],
			notes: []string{applied, outdated}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := &Objects{DaemonSets: []*appsv1.DaemonSet{tc.set}, Pods: tc.pods, Revisions: tc.revisions}
			if !tc.noNodes {
				o.Nodes = []*corev1.Node{{}}
			}
			s := o.Subjects()[0]
			var got, notes []string
			for _, note := range s.Notes {
				notes = append(notes, note.String())
			}
			for _, revision := range s.Input.Revisions {
				got = append(got, revision.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Subjects()[0].Input.Revisions: %s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.notes, notes); diff != "" {
				t.Errorf("Subjects()[0].Notes: %s (-want +got):\n%s", tc.why, diff)
			}
			if len(tc.pods) > 0 && (len(s.Input.Pods) != 2 || s.Input.DaemonSet.UID != "u") {
				t.Errorf("Subjects()[0].Input has %d pods and UID %q, want 2 and u: %s", len(s.Input.Pods), s.Input.DaemonSet.UID, tc.why)
			}
			if s.Input.DaemonSet.Spec.UpdateStrategy.Type == "" || tc.set.Spec.UpdateStrategy.Type != "" {
				t.Errorf("Subjects does not add defaults, or changes the objects")
			}
		})
	}
}

func TestSubjectsOrder(t *testing.T) {
	var o Objects
	const set = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: "
	text := set + "{name: b, namespace: a}\n---\n" + set + "{name: a, namespace: b}\n---\n" + set + "{name: a, namespace: a}\n"
	if err := o.Read("x", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range o.Subjects() {
		got = append(got, s.DaemonSet.Namespace+"/"+s.DaemonSet.Name)
	}
	if diff := cmp.Diff([]string{"a/a", "a/b", "b/a"}, got); diff != "" {
		t.Errorf("Subjects (-want +got):\n%s", diff)
	}
}

// TestProposed: a stored DaemonSet and a manifest of its namespace and name are one, with a
// proposal, in any order and also in two files.
func TestProposed(t *testing.T) {
	const head = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: "
	const stored, manifest = head + "{name: a, namespace: x, uid: u}\n", head + "{name: a, namespace: x, labels: {from: manifest}}\n"
	for _, tc := range []struct {
		name, why string
		files     []string
		want      map[string]bool // of the sets, whether something is proposed
	}{
		{"stored alone", "nothing is proposed", []string{stored}, map[string]bool{"x/a u": false}},
		{"manifest alone", "it is new", []string{manifest}, map[string]bool{"x/a ": false}},
		{"stored, then manifest", "one proposal", []string{stored, manifest}, map[string]bool{"x/a u": true}},
		{"manifest, then stored", "the order does not matter", []string{manifest, stored}, map[string]bool{"x/a u": true}},
		{"one file", "nor do files", []string{manifest + "---\n" + stored}, map[string]bool{"x/a u": true}},
		{"edited copy", "kubectl get -o yaml, an editor, and both", []string{stored, strings.Replace(manifest, "name: a", "uid: u, resourceVersion: '7', name: a", 1)}, map[string]bool{"x/a u": true}},
		{"another namespace", "another DaemonSet", []string{stored, head + "{name: a, namespace: z}\n"}, map[string]bool{"x/a u": false, "z/a ": false}},
		{"another name", "another DaemonSet", []string{stored, head + "{name: b, namespace: x}\n"}, map[string]bool{"x/a u": false, "x/b ": false}},
	} {
		var o Objects
		for _, file := range tc.files {
			if err := o.Read("f", strings.NewReader(file)); err != nil {
				t.Fatalf("%s: Read() = %v: %s", tc.name, err, tc.why)
			}
		}
		got := map[string]bool{}
		for _, s := range o.Subjects() {
			set := s.DaemonSet
			got[set.Namespace+"/"+set.Name+" "+string(set.UID)] = s.Proposed != nil
			if s.Proposed != nil && (s.Proposed.Labels["from"] != "manifest" || s.Input.DaemonSet.Labels["from"] != "") {
				t.Errorf("%s: Proposed has the labels %v, Input.DaemonSet %v", tc.name, s.Proposed.Labels, s.Input.DaemonSet.Labels)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: Subjects: %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
	}
}

// TestAssumedRevision: of pods of the same age the last by name decides, in any order, and what
// is assumed for one DaemonSet is not in the Input of another.
func TestAssumedRevision(t *testing.T) {
	set := func(name, uid string) *appsv1.DaemonSet {
		return &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name, UID: types.UID(uid)}}
	}
	other := owned("a", "other", "h3", 1)
	other.OwnerReferences[0].Name, other.OwnerReferences[0].UID = "set2", "u2"
	pods := []*corev1.Pod{owned("a", "p2", "h2", 1), owned("a", "p1", "h1", 1), other}
	for range 2 {
		slices.Reverse(pods)
		o := &Objects{DaemonSets: []*appsv1.DaemonSet{set("set", "u"), set("set2", "u2")}, Pods: pods}
		for _, name := range []string{"x", "y", "z"} {
			o.Revisions = append(o.Revisions, &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name}})
		}
		for i, want := range []string{"set-h2", "set2-h3"} {
			revisions := o.Subjects()[i].Input.Revisions
			if n := len(revisions); n != 4 || revisions[3].Name != want {
				t.Errorf("Subjects()[%d] has %d revisions, the last %s, want 4 and %s", i, n, revisions[n-1].Name, want)
			}
		}
		subjects := o.Subjects()
		if got := subjects[0].Input.Revisions[3].Name; got != "set-h2" {
			t.Errorf("Subjects()[0] has revision %s, want set-h2: its list is its own", got)
		}
	}
}

// TestEditedCopy: only one copy is a proposal, and only of the same DaemonSet.
func TestEditedCopy(t *testing.T) {
	const head = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: "
	for _, tc := range []struct{ name, second, third, want string }{
		{"another UID", head + "{name: a, uid: v}\n", "", "f:3: document 1: metadata.name: Duplicate value: DaemonSet default/a is in f:1 already: remove metadata.uid from the one that is the proposal"},
		{"two copies", head + "{name: a, uid: u}\n", head + "{name: a, uid: u}\n", "f:3: document 1: metadata.name: Duplicate value: DaemonSet default/a is in f:1 already"},
		{"copy and manifest", head + "{name: a}\n", head + "{name: a, uid: u}\n", "f:3: document 1: metadata.name: Duplicate value: DaemonSet default/a is in f:1 already"},
	} {
		var o Objects
		var err error
		for _, text := range []string{head + "{name: a, uid: u}\n", tc.second, tc.third} {
			if err == nil {
				err = o.Read("f", strings.NewReader(text))
			}
		}
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: Read = %v, want %s", tc.name, err, tc.want)
		}
	}
}

// TestStoredElsewhere: who forgets or misspells the namespace of a proposal gets a new DaemonSet, and
// is told.
func TestStoredElsewhere(t *testing.T) {
	const head = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: "
	const want = "a DaemonSet of this name is stored in logging; a proposal for it has metadata.namespace logging"
	for _, tc := range []struct {
		name, manifest string
		want           []string
	}{
		{"no namespace", "{name: a}", []string{want}},
		{"another namespace", "{name: a, namespace: loging}", []string{want}},
		{"its namespace", "{name: a, namespace: logging}", nil},
		{"another name", "{name: b}", nil},
	} {
		var o Objects
		if err := o.Read("f", strings.NewReader(head+"{name: a, namespace: logging, uid: u}\n---\n"+head+tc.manifest+"\n")); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range o.Subjects() {
			for _, note := range s.Notes {
				if !s.Stored() {
					got = append(got, note.String())
				}
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: notes of the manifest (-want +got):\n%s", tc.name, diff)
		}
	}
}

// TestSubjectsCost: the pods are looked at once, not once for each DaemonSet.
func TestSubjectsCost(t *testing.T) {
	allocs := func(n int) float64 {
		var o Objects
		for i := range n {
			name := strings.Repeat("x", i+1)
			o.DaemonSets = append(o.DaemonSets, &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name}})
			pod := owned("a", name, "h", 1)
			pod.OwnerReferences[0].Name, pod.OwnerReferences[0].UID = name, types.UID(name)
			o.Pods = append(o.Pods, pod)
		}
		return testing.AllocsPerRun(3, func() { o.Subjects() })
	}
	if few, many := allocs(50), allocs(400); many > 10*few {
		t.Errorf("Subjects() allocates %v times for 50 DaemonSets, and %v times for 400, want at most 10 times as many", few, many)
	}
}
