package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/revision"
	"github.com/pernode/daemonset/placement"
)

// state is a cluster in few words. The current revision is "new".
type state struct {
	set   build.Set
	nodes []build.Node
	pods  []build.Pod
}

func (s state) input() daemon.Input {
	in := daemon.Input{DaemonSet: s.set.Object(), Now: build.Now}
	in.Revisions = build.Current(in.DaemonSet, "new")
	for _, node := range s.nodes {
		in.Nodes = append(in.Nodes, node.Object())
	}
	for _, pod := range s.pods {
		in.Pods = append(in.Pods, pod.Of(in.DaemonSet))
	}
	return in
}

func observe(t testing.TB, in daemon.Input) *daemon.Snapshot {
	t.Helper()
	s, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type badInput struct {
	name, why string
	nodes     []*corev1.Node
	want      string
}

// badNodes are lists of nodes that are refused.
func badNodes() []badInput {
	return []badInput{
		{"nil node", "a hole in the list", []*corev1.Node{build.Nodes("w1")[0], nil}, "nodes[1]: Required value"},
		{"nameless node", "nothing could be meant for it", build.Nodes("w1", "w2", ""), "nodes[2].metadata.name: Required value"},
		{"same node twice", "which one is true?", build.Nodes("w1", "w2", "w3", "w1"), `nodes[3].metadata.name: Duplicate value: "w1"`},
		{"same last nodes", "by name", build.Nodes("w2", "w1", "w2"), `nodes[2].metadata.name: Duplicate value: "w2"`},
		{"same long names", "names are told apart behind what they share", build.Nodes("ip-10-0-0-100.internal", "ip-10-0-0-101.internal", "ip-10-0-0-100.internal"), `nodes[2].metadata.name: Duplicate value: "ip-10-0-0-100.internal"`},
		{"same only node", "what all share is the whole name", build.Nodes("w1", "w1"), `nodes[1].metadata.name: Duplicate value: "w1"`},
	}
}

func TestObserveErrors(t *testing.T) {
	for _, tc := range badNodes() {
		t.Run(tc.name, func(t *testing.T) {
			in := state{}.input()
			in.Nodes = tc.nodes
			s, err := daemon.Observe(in)
			wantFieldError(t, err, tc.want, tc.why)
			if s != nil {
				t.Errorf("Observe() = %v with an error", s)
			}
		})
	}
	many := make([]build.Pod, 200)
	for i := range many {
		many[i].Name = fmt.Sprint("p", i)
	}
	tests := []struct {
		name, why string
		change    func(in *daemon.Input)
		want      string
	}{
		{"no DaemonSet", "required", func(in *daemon.Input) { in.DaemonSet = nil }, "daemonSet: Required value"},
		{"no selector", "as NewClaimer", func(in *daemon.Input) { in.DaemonSet.Spec.Selector = nil }, "spec.selector: Required value"},
		{"nil pod", "a hole in the list", func(in *daemon.Input) { in.Pods[1] = nil }, "pods[1]: Required value"},
		{"nil pod far behind", "the index is that of the list", func(in *daemon.Input) { in.Pods[150] = nil }, "pods[150]: Required value"},
		{"pod twice", "one of the two would be deleted as a duplicate of the other", func(in *daemon.Input) {
			a := build.Pod{Name: "a", Node: "w1"}
			in.Pods = []*corev1.Pod{a.Of(in.DaemonSet), build.Pod{Name: "b", Node: "w1"}.Of(in.DaemonSet), a.Of(in.DaemonSet)}
		}, `pods[2].metadata.name: Duplicate value: "a"`},
		{"pod twice, on two nodes", "it would count on both", func(in *daemon.Input) {
			in.Pods = []*corev1.Pod{build.Pod{Name: "a", Node: "w1"}.Of(in.DaemonSet), build.Pod{Name: "a", Node: "w2"}.Of(in.DaemonSet)}
		}, `pods[1].metadata.name: Duplicate value: "a"`},
		{"orphan of the same name", "an update would find only one of the two", func(in *daemon.Input) {
			in.Pods[1] = build.Pod{Name: "p0", Orphan: true, Labels: build.Labels{}}.Of(in.DaemonSet)
		}, `pods[1].metadata.name: Duplicate value: "p0"`},
		{"orphan of the same name before it", "the order has no effect", func(in *daemon.Input) {
			in.Pods[0] = build.Pod{Name: "p1", Orphan: true, Labels: build.Labels{}}.Of(in.DaemonSet)
		}, `pods[1].metadata.name: Duplicate value: "p1"`},
		{"two orphans of the same name", "neither is claimed, but one could be later", func(in *daemon.Input) {
			for _, i := range []int{3, 170} {
				in.Pods[i] = build.Pod{Name: "o", Orphan: true, Labels: build.Labels{}}.Of(in.DaemonSet)
			}
		}, `pods[170].metadata.name: Duplicate value: "o"`},
		{"orphan without a name", "two of them would take each other's place", func(in *daemon.Input) {
			in.Pods[1] = build.Pod{Orphan: true, Labels: build.Labels{}}.Of(in.DaemonSet)
		}, "pods[1].metadata.name: Required value"},
		{"pod without a name", "it could not be told from others", func(in *daemon.Input) { in.Pods[7].Name = "" }, "pods[7].metadata.name: Required value"},
		{"nil revision", "a hole in the list", func(in *daemon.Input) { in.Revisions = append(in.Revisions, nil) }, "revisions[1]: Required value"},
		{"revision twice", "which one is true?", func(in *daemon.Input) { in.Revisions = append(in.Revisions, in.Revisions[0]) }, `revisions[1].metadata.name: Duplicate value: "agent-new"`},
		{"revision without a name", "an update could not name it", func(in *daemon.Input) { in.Revisions[0].Name = "" }, "revisions[0].metadata.name: Required value"},
		{"two nil pods", "the first is named", func(in *daemon.Input) { in.Pods[150], in.Pods[70] = nil, nil }, "pods[70]: Required value"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in := state{pods: many}.input()
			tc.change(&in)
			_, err := daemon.Observe(in)
			wantFieldError(t, err, tc.want, tc.why)
		})
	}
}

// TestObserveEmpty: lists may be nil.
func TestObserveEmpty(t *testing.T) {
	s := observe(t, daemon.Input{DaemonSet: build.Set{}.Object()})
	if len(s.Nodes()) != 0 || s.Claims() != nil || s.Uncounted() != nil {
		t.Errorf("Observe() of nothing = %v, %v, %v, want nothing", s.Nodes(), s.Claims(), s.Uncounted())
	}
	if plan := daemon.Reconcile(s); !plan.Empty() || plan.BackoffChanges != nil {
		t.Errorf("Reconcile() of nothing = %v", plan)
	}
}

func TestSnapshotKeepsTheInput(t *testing.T) {
	in := state{}.input()
	in.Backoff = daemon.Backoff{{Node: "w1"}: {Delay: time.Second}}
	s := observe(t, in)
	if s.DaemonSet() != in.DaemonSet || s.RevisionHash() != "new" || !s.Now().Equal(build.Now) {
		t.Errorf("Snapshot = %v, %q, %v, want the input's", s.DaemonSet(), s.RevisionHash(), s.Now())
	}
	if diff := cmp.Diff(in.Backoff, s.Backoff()); diff != "" {
		t.Errorf("Backoff() (-want +got):\n%s", diff)
	}
	if got := s.Matcher().Decide(build.Nodes("w1")[0]); !got.Run {
		t.Errorf("Matcher().Decide() = %v, want the template's", got)
	}
	for _, tc := range []struct {
		why        string
		give, want int
	}{
		{"zero is upstream's limit", 0, 250},
		{"a limit of one's own", 3, 3},
		{"none", -1, -1},
	} {
		in.BurstReplicas = tc.give
		if got := observe(t, in).BurstReplicas(); got != tc.want {
			t.Errorf("BurstReplicas() of %d = %d, want %d: %s", tc.give, got, tc.want, tc.why)
		}
	}
}

// describe lists nodes with their pods in a line each: "w1: a b", and a dash
// before nodes that do not exist.
func describe(s *daemon.Snapshot) []string {
	var lines []string
	for _, n := range s.Nodes() {
		line := n.Name + ":"
		if n.Node == nil {
			line = "-" + line
		}
		for _, p := range n.Pods {
			line += " " + p.Pod.Name
		}
		lines = append(lines, line)
	}
	return lines
}

func TestObserveNodes(t *testing.T) {
	s := observe(t, state{
		nodes: []build.Node{{Name: "w2"}, {Name: "w10"}, {Name: "w1"}},
		pods: []build.Pod{
			{Name: "young", Node: "w1", Age: time.Minute},
			{Name: "waiting", Node: "w1", Unbound: true, Age: 2 * time.Hour},
			{Name: "b", Node: "w1"}, {Name: "a", Node: "w1"},
			{Name: "old", Node: "w1", Age: time.Hour + time.Second, Deleting: true, NotReady: true},
			{Name: "lost", Node: "w0", Unbound: true}, {Name: "gone", Node: "w5"}, {Name: "gone2", Node: "w5"},
			{Name: "foreign", Node: "w2", Foreign: true}, {Name: "adopted", Node: "w2", Orphan: true},
			{Name: "stray", Node: "w2", Labels: build.Labels{"app": "stray"}},
		},
	}.input())
	want := []string{"-w0: lost", "w1: old a b young waiting", "w10:", "w2: adopted", "-w5: gone gone2"}
	if diff := cmp.Diff(want, describe(s)); diff != "" {
		t.Errorf("nodes by name; pods bound before unbound, oldest first, by name (-want +got):\n%s", diff)
	}
	gone := s.Nodes()[0]
	if gone.Decision.Reason != placement.ReasonNoNode || gone.Decision.Run || gone.Decision.Keep {
		t.Errorf("decision about a node that is gone = %+v, want ReasonNoNode", gone.Decision)
	}
	if adopted := s.Nodes()[3].Pods[0]; !adopted.Adopted || s.Nodes()[1].Pods[0].Adopted {
		t.Error("Adopted is not as it should be")
	}
}

// TestObserveFindsNodes compares the index of node names with a map, for names
// that share much or little, contain each other, or are short.
func TestObserveFindsNodes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	letters := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("ab\x00\xff-"[r.IntN(5)])
		}
		return b.String()
	}
	for range 400 {
		prefix := pick(r, "", "n", "ip-10-0-", "a")
		want := map[string][]string{}
		in := state{}.input()
		middle := pick(r, "", "aaaaaaa", "aaaaaaaaa") // the index looks at eight bytes at first
		node := func() string {
			return prefix + pick(r, "", middle) + letters(1+r.IntN(4)) + pick(r, "", "", ".compute.internal")
		}
		for range r.IntN(30) {
			name := node()
			if _, ok := want[name]; !ok {
				want[name] = nil
				in.Nodes = append(in.Nodes, build.Node{Name: name}.Object())
			}
		}
		gone := map[string]bool{}
		for i := range pick(r, 0, 20) { // without pods no node is gone
			name := pick(r, node(), node(), prefix+"x", "")
			if len(in.Nodes) > 0 && r.IntN(2) == 0 {
				name = in.Nodes[r.IntN(len(in.Nodes))].Name
			}
			if _, ok := want[name]; !ok {
				gone[name] = true
			}
			pod := build.Pod{Name: fmt.Sprintf("p%02d", i), Node: name, Unbound: r.IntN(4) == 0}
			if name == "" {
				delete(gone, name) // names no node
			} else if !pod.Unbound {
				want[name] = append(want[name], pod.Name)
			}
			if name != "" && pod.Unbound {
				want[name] = append(want[name], pod.Name)
			}
			in.Pods = append(in.Pods, pod.Of(in.DaemonSet))
		}
		s := observe(t, in)
		if len(s.Nodes()) != len(want) {
			t.Fatalf("%d nodes, want %d: %q", len(s.Nodes()), len(want), describe(s))
		}
		for i, n := range s.Nodes() {
			if i > 0 && s.Nodes()[i-1].Name >= n.Name {
				t.Fatalf("nodes out of order: %q", describe(s))
			}
			var got []string
			for _, p := range n.Pods {
				got = append(got, p.Pod.Name)
			}
			slices.Sort(got)
			if !slices.Equal(got, want[n.Name]) || (n.Node == nil) != gone[n.Name] || n.Node != nil && n.Node.Name != n.Name {
				t.Fatalf("node %q: pods %q, want %q; node %v", n.Name, got, want[n.Name], n.Node)
			}
		}
	}
}

// TestObserveManyNamesAlike: names that share a long beginning are found as fast as others.
func TestObserveManyNamesAlike(t *testing.T) {
	const nodes, most = 8_000, 3 // slots for each node; a table at most half full needs one and a half
	for _, tc := range []struct {
		name, why  string
		most, rest string
	}{
		{"GKE pools", "the name of the pool follows what all nodes share", "gke-prod-default-pool-1a2b3c4d-%04x", "gke-prod-highmem-9f8e7d6c-%04x"},
		{"AKS scale sets", "a few nodes of the system pool", "aks-workers-12345678-vmss%06d", "aks-system-12345678-vmss%06d"},
		{"EC2 and one other", "nothing is shared", "ip-10-0-%d.ec2.internal", "control-plane-%d"},
	} {
		names := make([]string, nodes)
		for i := range names {
			names[i] = fmt.Sprintf(tc.most, i)
			if i < 20 {
				names[i] = fmt.Sprintf(tc.rest, i)
			}
		}
		read, err := daemon.SlotsRead(build.Nodes(names...))
		if err != nil {
			t.Fatal(err)
		}
		if read > most*nodes {
			t.Errorf("%s: %d slots read to find %d nodes, want at most %d: %s", tc.name, read, nodes, most*nodes, tc.why)
		}
	}
}

// TestObserveManyRevisions: the names are sorted once, and not searched for each revision.
func TestObserveManyRevisions(t *testing.T) {
	const n, most = 5_000, 40 // comparisons for each revision, three times the logarithm of n
	in := state{}.input()
	for i := range n {
		rev := build.Current(in.DaemonSet, "x")[0]
		rev.Name, rev.Data.Raw = fmt.Sprintf("agent-%05d", i*7919%n), []byte("{}")
		in.Revisions = append(in.Revisions, rev)
	}
	if got := daemon.RevisionsCompared(observe(t, in)); got == 0 || got > most*n {
		t.Errorf("%d comparisons of %d revisions, want at most %d", got, n, most*n)
	}
}

// TestObserveIndentedRevision: white space between the tokens of a revision's data has no
// effect, because kubectl indents the data with the object that it prints.
func TestObserveIndentedRevision(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		change    func([]byte) []byte
		want      bool
	}{
		{"as stored", "byte for byte", func(raw []byte) []byte { return raw }, true},
		{"indented", "as kubectl get -o json prints it", func(raw []byte) []byte {
			var out bytes.Buffer
			if err := json.Indent(&out, raw, "        ", "    "); err != nil {
				t.Fatal(err)
			}
			return out.Bytes()
		}, true},
		{"space in a string", "another value", func(raw []byte) []byte { return bytes.Replace(raw, []byte(`"agent"`), []byte(`"agent "`), 1) }, false},
		{"another template", "longer and compact", func(raw []byte) []byte { return bytes.Replace(raw, []byte(`"spec":{`), []byte(`"spec":{"a":{},`), 1) }, false},
		{"broken", "not JSON", func(raw []byte) []byte { return append(slices.Clone(raw), " }"...) }, false},
	} {
		in := state{nodes: plain}.input()
		data, err := revision.Data(&in.DaemonSet.Spec.Template)
		if err != nil {
			t.Fatal(err)
		}
		rev := build.Current(in.DaemonSet, "stored")[0]
		rev.Data.Raw = tc.change(data)
		if !tc.want && bytes.Equal(rev.Data.Raw, data) {
			t.Fatalf("%s: the data has not changed", tc.name)
		}
		in.Revisions = []*appsv1.ControllerRevision{rev}
		before := string(rev.Data.Raw)
		s := observe(t, in)
		if got := s.Revisions()[0].Current; got != tc.want || (s.RevisionHash() == "stored") != tc.want {
			t.Errorf("%s: Current = %v, hash %q, want %v: %s", tc.name, got, s.RevisionHash(), tc.want, tc.why)
		}
		if string(rev.Data.Raw) != before {
			t.Errorf("%s: Observe() changed the revision", tc.name)
		}
	}
}

// TestSnapshotEqual: facts that are written differently are equal.
func TestSnapshotEqual(t *testing.T) {
	input := func() daemon.Input {
		in := state{set: build.Set{Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "agent", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("1000m")}},
		}}}}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1"}}}.input()
		in.Pods[0].ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet", FieldsV1: metav1.NewFieldsV1("{}")}}
		in.Backoff = daemon.Backoff{{Node: "w1"}: {Last: build.Now, Delay: time.Second}}
		return in
	}
	zone := time.FixedZone("west", -8*3600)
	for _, tc := range []struct {
		name, why string
		change    func(*daemon.Input)
		want      bool
	}{
		{"copies", "the objects are equal", func(*daemon.Input) {}, true},
		{"time zone", "the moment is the same", func(in *daemon.Input) { in.Now = in.Now.In(zone) }, true},
		{"time zone of the backoff", "the moment is the same", func(in *daemon.Input) {
			in.Backoff = daemon.Backoff{{Node: "w1"}: {Last: build.Now.In(zone), Delay: time.Second}}
		}, true},
		{"quantity", "the amount is the same", func(in *daemon.Input) {
			in.DaemonSet.Spec.Template.Spec.Containers[0].Resources.Requests["cpu"] = resource.MustParse("1")
		}, true},
		{"printed quantity", "it remembers its text", func(in *daemon.Input) {
			q := in.DaemonSet.Spec.Template.Spec.Containers[0].Resources.Requests["cpu"]
			_ = q.String()
			in.DaemonSet.Spec.Template.Spec.Containers[0].Resources.Requests["cpu"] = q
		}, true},
		{"empty annotations", "as none", func(in *daemon.Input) { in.Pods[0].Annotations = map[string]string{} }, true},
		{"another time", "availability depends on it", func(in *daemon.Input) { in.Now = in.Now.Add(1) }, false},
		{"another delay", "the plan depends on it", func(in *daemon.Input) {
			in.Backoff = daemon.Backoff{{Node: "w1"}: {Last: build.Now, Delay: time.Minute}}
		}, false},
		{"another label", "a node's", func(in *daemon.Input) { in.Nodes[0].Labels = build.Labels{"a": "b"} }, false},
		{"one pod less", "it counts", func(in *daemon.Input) { in.Pods = nil }, false},
		{"another manager", "objects are compared whole", func(in *daemon.Input) { in.Pods[0].ManagedFields[0].Manager = "x" }, false},
		{"another number", "a revision's", func(in *daemon.Input) { in.Revisions[0].Revision++ }, false},
		{"object in the data", "of any type", func(in *daemon.Input) { in.Revisions[0].Data.Object = &corev1.Pod{} }, false},
		{"another burst limit", "the plan depends on it", func(in *daemon.Input) { in.BurstReplicas = 7 }, false},
	} {
		in := input()
		want := observe(t, in)
		in = input()
		tc.change(&in)
		// The quantity changes the revision data; it stays that of the template.
		if got := want.Equal(observe(t, in)); got != tc.want {
			t.Errorf("%s: Equal() = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
	none, other := (*daemon.Snapshot)(nil), observe(t, input())
	if !none.Equal(nil) || none.Equal(other) || other.Equal(nil) {
		t.Error("Equal() with a nil snapshot is wrong: only two nil ones are equal")
	}
}

// TestPodFacts covers IsPodAvailable and IsPodUpdated @v1.37.2.
func TestPodFacts(t *testing.T) {
	ready := func(status corev1.ConditionStatus, since metav1.Time) []corev1.PodCondition {
		return []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: status, LastTransitionTime: since}}
	}
	ago := func(d time.Duration) metav1.Time { return metav1.NewTime(build.Now.Add(-d)) }
	conditions := func(c []corev1.PodCondition) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Status.Conditions = c }
	}
	labels := func(l build.Labels) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Labels = l }
	}
	generation := func(value string) build.Set {
		return build.Set{Annotations: build.Labels{appsv1.DeprecatedTemplateGeneration: value}}
	}
	const hash, gen = "controller-revision-hash", "pod-template-generation"
	tests := []struct {
		name, why string
		set       build.Set
		pod       func(*corev1.Pod)
		noHash    bool
		want      string // the facts that are true
	}{
		{name: "healthy", why: "the plain case", want: "ready available updated"},
		{name: "no conditions", why: "not ready yet", pod: conditions(nil), want: "updated"},
		{name: "ready is False", why: "not ready", pod: conditions(ready(corev1.ConditionFalse, ago(time.Hour))), want: "updated"},
		{name: "ready is Unknown", why: "the node does not answer", pod: conditions(ready(corev1.ConditionUnknown, ago(time.Hour))), want: "updated"},
		{name: "two Ready conditions", why: "the first counts", pod: conditions(append(ready(corev1.ConditionFalse, ago(0)), ready(corev1.ConditionTrue, ago(0))...)), want: "updated"},
		{name: "no time, no minReadySeconds", why: "ready is available", pod: conditions(ready(corev1.ConditionTrue, metav1.Time{})), want: "ready available updated"},
		{name: "no time", why: "never available with minReadySeconds", set: build.Set{MinReady: 10}, pod: conditions(ready(corev1.ConditionTrue, metav1.Time{})), want: "ready updated"},
		{name: "too short", why: "a nanosecond is missing", set: build.Set{MinReady: 10}, pod: conditions(ready(corev1.ConditionTrue, ago(10*time.Second-1))), want: "ready updated"},
		{name: "just long enough", why: "the moment itself counts", set: build.Set{MinReady: 10}, pod: conditions(ready(corev1.ConditionTrue, ago(10*time.Second))), want: "ready available updated"},
		{name: "in the future", why: "clocks differ", pod: conditions(ready(corev1.ConditionTrue, ago(-time.Hour))), want: "ready available updated"},
		{name: "in the future, minReadySeconds", why: "not available yet", set: build.Set{MinReady: 10}, pod: conditions(ready(corev1.ConditionTrue, ago(-time.Hour))), want: "ready updated"},
		{name: "negative minReadySeconds", why: "no server takes it; upstream adds it up all the same", set: build.Set{MinReady: -10}, pod: conditions(ready(corev1.ConditionTrue, ago(-10*time.Second))), want: "ready available updated"},
		{name: "negative minReadySeconds, not over", why: "it is no zero", set: build.Set{MinReady: -10}, pod: conditions(ready(corev1.ConditionTrue, ago(-11*time.Second))), want: "ready updated"},
		{name: "long minReadySeconds", why: "does not fit an int32 of nanoseconds", set: build.Set{MinReady: 1 << 30}, want: "ready updated"},

		{name: "another hash", why: "of an older template", pod: labels(build.Labels{"app": "agent", hash: "old"}), want: "ready available"},
		{name: "no label but the hash", why: "the selector need not ask for one", set: build.Set{Selector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "out", Operator: metav1.LabelSelectorOpDoesNotExist}},
		}}, pod: labels(build.Labels{hash: "new"}), want: "ready available updated"},
		{name: "no hash label", why: "made before there were revisions", pod: labels(build.Labels{"app": "agent"}), want: "ready available"},
		{name: "empty hash, no label", why: "nothing is updated by an empty hash", noHash: true, pod: labels(build.Labels{"app": "agent"}), want: "ready available"},
		{name: "empty hash, empty label", why: "likewise", noHash: true, pod: labels(build.Labels{"app": "agent", hash: ""}), want: "ready available"},
		{name: "template generation", why: "either label will do", set: generation("7"), pod: labels(build.Labels{"app": "agent", gen: "7", hash: "old"}), want: "ready available updated"},
		{name: "another generation", why: "neither label", set: generation("7"), pod: labels(build.Labels{"app": "agent", gen: "6"}), want: "ready available"},
		{name: "another generation, current hash", why: "the hash will do", set: generation("7"), pod: labels(build.Labels{"app": "agent", gen: "6", hash: "new"}), want: "ready available updated"},
		{name: "generation written oddly", why: "it is compared as a number is printed", set: generation("+07"), pod: labels(build.Labels{"app": "agent", gen: "7"}), want: "ready available updated"},
		{name: "generation is no number", why: "counts as none", set: generation("x"), pod: labels(build.Labels{"app": "agent", gen: "x"}), want: "ready available"},
		{name: "empty generation", why: "a missing label is not an empty generation", set: generation(""), pod: labels(build.Labels{"app": "agent"}), want: "ready available"},
		{name: "no annotation", why: "the label alone means nothing", pod: labels(build.Labels{"app": "agent", gen: "7"}), want: "ready available"},

		{name: "failed", why: "phase", pod: func(p *corev1.Pod) { p.Status = corev1.PodStatus{Phase: corev1.PodFailed} }, want: "failed updated"},
		{name: "succeeded but ready", why: "facts do not depend on each other", pod: func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, want: "succeeded ready available updated"},
		{name: "being deleted", why: "still ready for now", pod: func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }, want: "terminating ready available updated"},
		{name: "orphan", why: "counts at once", pod: func(p *corev1.Pod) { p.OwnerReferences = nil }, want: "adopted ready available updated"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in := state{set: tc.set, nodes: []build.Node{{Name: "w1"}}, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new"}}}.input()
			if tc.pod != nil {
				tc.pod(in.Pods[0])
			}
			if tc.noHash {
				in.Revisions = build.Current(in.DaemonSet, "")
			}
			if got := facts(observe(t, in).Nodes()[0].Pods[0]); got != tc.want {
				t.Errorf("facts = %s, want %s: %s", got, tc.want, tc.why)
			}
		})
	}
}

// TestPodFactsAlone compares each of many pods with what is said about it alone:
// they are looked at many at a time.
func TestPodFactsAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	in := state{set: build.Set{
		MinReady: 10, Annotations: build.Labels{appsv1.DeprecatedTemplateGeneration: "1"},
		Selector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "out", Operator: metav1.LabelSelectorOpDoesNotExist}}},
	}}.input()
	for i := range 300 {
		pod := build.Pod{
			Name: fmt.Sprint("p", i), Node: fmt.Sprint("n", i), Hash: pick(r, "new", "old", ""), NotReady: one(r, 3), Ready: pick(r, 0, time.Second),
			Unbound: one(r, 4), Deleting: one(r, 4), Orphan: one(r, 4), Foreign: one(r, 6), Phase: pick(r, "", failed, succeeded),
		}.Of(in.DaemonSet)
		switch r.IntN(9) {
		case 0:
			pod.Labels = nil
		case 4:
			pod.Labels = build.Labels{appsv1.DefaultDaemonSetUniqueLabelKey: "new"}
		case 5:
			pod.Labels["out"] = ""
		case 1:
			pod.Labels["pod-template-generation"] = "1"
		case 2:
			pod.Status.Conditions = nil
		case 3:
			pod.Spec.NodeName, pod.Spec.Affinity = "", nil
		}
		in.Pods = append(in.Pods, pod)
		if !one(r, 4) {
			in.Nodes = append(in.Nodes, build.Nodes(fmt.Sprint("n", i))...)
		}
	}
	describe := func(s *daemon.Snapshot) map[string]string {
		about := map[string]string{}
		for _, n := range s.Nodes() {
			for _, p := range n.Pods {
				about[p.Pod.Name] = fmt.Sprintf("on %s, gone %v: %s", n.Name, n.Node == nil, facts(p))
			}
		}
		for _, l := range s.Uncounted() {
			about[l.Pod.Name] = fmt.Sprintf("left out of %q, finished %v", l.Node, l.Finished)
		}
		for _, c := range s.Claims() {
			about[c.Pod.Name] += fmt.Sprint(" ", c.Claim)
		}
		return about
	}
	want := map[string]string{}
	for _, pod := range in.Pods {
		alone := in
		alone.Pods = []*corev1.Pod{pod}
		maps.Copy(want, describe(observe(t, alone)))
	}
	if diff := cmp.Diff(want, describe(observe(t, in))); diff != "" {
		t.Errorf("pods, -each alone +all together:\n%s", diff)
	}
}

func facts(p daemon.PodState) string {
	var out []string
	for _, f := range []struct {
		is   bool
		name string
	}{
		{p.Adopted, "adopted"}, {p.Terminating, "terminating"}, {p.Failed, "failed"}, {p.Succeeded, "succeeded"},
		{p.Ready, "ready"}, {p.Available, "available"}, {p.Updated, "updated"},
	} {
		if f.is {
			out = append(out, f.name)
		}
	}
	return strings.Join(out, " ")
}

// TestUncounted covers getNodesToDaemonPods@v1.37.2.
func TestUncounted(t *testing.T) {
	in := state{
		nodes: []build.Node{{Name: "w1"}},
		pods: []build.Pod{
			{Name: "z-homeless"}, {Name: "z-homeless-ended", Phase: failed, Deleting: true},
			{Name: "z-nowhere", Node: "no name", Unbound: true, Phase: failed, Deleting: true},
			{Name: "ended", Node: "w1", Phase: succeeded, Deleting: true},
			{Name: "broken", Node: "w1", Phase: failed, Deleting: true},
			{Name: "broken-elsewhere", Node: "w9", Phase: failed, Deleting: true},
			{Name: "failed", Node: "w1", Phase: failed},
			{Name: "terminating", Node: "w1", Deleting: true},
			{Name: "foreign", Phase: failed, Deleting: true, Foreign: true},
			{Name: "stray", Labels: build.Labels{"app": "stray"}},
		},
	}.input()
	// Upstream takes the empty name for a name.
	for _, pod := range in.Pods {
		if pod.Name == "z-nowhere" {
			pod.Spec.Affinity = build.OnNode("")
		}
	}
	s := observe(t, in)
	var got []string
	for _, l := range s.Uncounted() {
		got = append(got, fmt.Sprintf("%s on %q, finished %v", l.Pod.Name, l.Node, l.Finished))
	}
	want := []string{
		`broken on "w1", finished true`, `broken-elsewhere on "w9", finished true`, `ended on "w1", finished true`,
		`z-homeless on "", finished false`, `z-homeless-ended on "", finished false`, `z-nowhere on "", finished true`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Uncounted() (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"w1: failed terminating"}, describe(s)); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
}

func TestSnapshotClaims(t *testing.T) {
	in := state{
		nodes: []build.Node{{Name: "w1"}},
		pods: []build.Pod{
			{Name: "orphan", Node: "w1", Orphan: true},
			{Name: "own", Node: "w1"},
			{Name: "changed", Node: "w1", Labels: build.Labels{"app": "stray"}},
			{Name: "foreign", Node: "w1", Foreign: true},
			{Name: "homeless", Orphan: true},
		},
	}.input()
	s := observe(t, in)
	claimer := newClaimer(t, in.DaemonSet)
	want := []daemon.PodClaim{
		{Pod: in.Pods[2], Claim: daemon.ClaimRelease, Patch: claimer.Patch(daemon.ClaimRelease, "uid-changed")},
		{Pod: in.Pods[4], Claim: daemon.ClaimAdopt, Patch: claimer.Patch(daemon.ClaimAdopt, "uid-homeless")},
		{Pod: in.Pods[0], Claim: daemon.ClaimAdopt, Patch: claimer.Patch(daemon.ClaimAdopt, "uid-orphan")},
	}
	if diff := cmp.Diff(want, s.Claims()); diff != "" {
		t.Errorf("Claims(), ordered by name (-want +got):\n%s", diff)
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// TestHashesInUse: pods on nodes and finished pods count, pods without the label or
// without a node do not.
func TestHashesInUse(t *testing.T) {
	s := observe(t, state{nodes: plain, pods: []build.Pod{
		{Name: "a", Node: "w1", Hash: "new"}, {Name: "b", Node: "gone", Hash: "old"}, {Name: "c", Node: "w2"},
		{Name: "d", Node: "w3", Hash: "older", Phase: failed, Deleting: true}, {Name: "e", Hash: "none"},
	}}.input())
	want := map[string]bool{"new": true, "old": true, "older": true}
	for _, kept := range []string{"observed", "kept"} {
		if diff := cmp.Diff(want, s.HashesInUse()); diff != "" {
			t.Errorf("HashesInUse() of a snapshot that is %s (-want +got):\n%s", kept, diff)
		}
		if _, err := s.Update(daemon.Changes{DeletedPods: []string{"x"}}); err != nil {
			t.Fatal(err)
		}
	}
}
