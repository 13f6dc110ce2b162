package overhead_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon/overhead"
	"github.com/pernode/daemonset/placement"
)

// TestTexts: %v of a DaemonSet and of an answer is for people, as a value and as a pointer.
func TestTexts(t *testing.T) {
	agent := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "agent"}}
	requests := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("200Mi"), corev1.ResourceCPU: resource.MustParse("100m"), "example.com/gpu": {}}
	refused := field.ErrorList{field.Invalid(field.NewPath("spec"), 1, "too much"), field.Required(field.NewPath("spec"), "")}
	for _, tc := range []struct {
		got  any
		want string
	}{
		{overhead.Daemon{}, "no DaemonSet"},
		{overhead.Daemon{DaemonSet: &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "a"}}}, "a: no requests"},
		{overhead.Daemon{DaemonSet: agent, Requests: requests, Priority: 7, HostPorts: []overhead.HostPort{{Number: 80, Protocol: "TCP"}, {IP: "127.0.0.1", Number: 53, Protocol: "UDP"}}},
			"kube-system/agent: cpu 100m, memory 200Mi, port 80/TCP, port 127.0.0.1:53/UDP, priority 7"},
		{&overhead.Daemon{DaemonSet: agent, Refused: refused}, "kube-system/agent: no requests; refused: spec: Invalid value: 1: too much"},
		{[]overhead.Daemon{{DaemonSet: agent}}, "[kube-system/agent: no requests]"},

		{overhead.NodeDaemon{Verdict: overhead.VerdictRuns, Fits: true}, "should run, fits"},
		{overhead.NodeDaemon{Verdict: overhead.VerdictRuns, Present: true, Fits: true}, "should run, its pod is there"},
		{overhead.NodeDaemon{Verdict: overhead.VerdictRuns, Present: true}, "should run, its pod is there, does not fit"},
		{overhead.NodeDaemon{Name: "kube-system/agent", Verdict: overhead.VerdictRuns}, "kube-system/agent: should run, does not fit"},
		{overhead.PoolDaemon{Presence: overhead.PresenceAlways}, "always"},
		{overhead.NodeOverhead{Shortages: []overhead.Shortage{{Daemon: 2, Resource: "cpu", Missing: 1}}}, "should run 0 pods\nDaemonSet 2: short of cpu by 1m"},
		{overhead.NodeDaemon{Verdict: overhead.VerdictCannotTell}, "cannot tell, does not fit"},
		{overhead.NodeDaemon{Verdict: overhead.VerdictDoesNotRun, Decision: placement.Decision{Reason: placement.ReasonTaint}}, "does not run: untolerated taint"},
		{&overhead.NodeDaemon{Verdict: overhead.VerdictRefused}, "refused"},

		{(*overhead.Daemons)(nil), "0 DaemonSets"},
		{overhead.NodeOverhead{}, "should run 0 pods"},
		{overhead.PoolOverhead{}, "always 0 pods"},
	} {
		if got := fmt.Sprint(tc.got); got != tc.want {
			t.Errorf("%T prints %q, want %q", tc.got, got, tc.want)
		}
	}
}

// TestTextOfANode: the sums that differ, and what does not fit.
func TestTextOfANode(t *testing.T) {
	set := func(name, cpu string, spec corev1.PodSpec) *appsv1.DaemonSet {
		ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: name}}
		spec.Containers = []corev1.Container{{Name: "main", Ports: []corev1.ContainerPort{{HostPort: 80}}, Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}}}}
		ds.Spec.Template.Spec = spec
		return ds
	}
	daemons, err := overhead.Compile([]*appsv1.DaemonSet{
		set("first", "1", corev1.PodSpec{}), set("late", "500m", corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}), set("second", "2", corev1.PodSpec{}),
	}, overhead.Options{})
	if err != nil {
		t.Fatal(err)
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourcePods: resource.MustParse("110")}
	pod := daemons.Pod(0, "n1", "")
	pod.Name, pod.Spec.NodeName = "first-1", "n1"
	var out overhead.NodeOverhead
	if err := daemons.OnNode(overhead.Input{Node: node, Pods: []*corev1.Pod{pod}, LateLabels: []string{"disk"}}, &out); err != nil {
		t.Fatal(err)
	}
	const want = `should run 2 pods, cpu 3
at most 3 pods, cpu 3500m
missing 1 pod, cpu 2
a/second: short of cpu by 1
a/late: port 80/TCP is that of pod a/first-1
a/late: port 80/TCP is also that of a/second, which comes first
a/second: port 80/TCP is that of pod a/first-1`
	if diff := cmp.Diff(want, fmt.Sprint(out)); diff != "" {
		t.Errorf("a NodeOverhead prints (-want +got):\n%s", diff)
	}
	if a, b := fmt.Sprint(out), fmt.Sprint(&out); a != b {
		t.Errorf("a NodeOverhead prints %q, and a pointer to it %q", a, b)
	}
	if got := fmt.Sprint(daemons); got != "3 DaemonSets" {
		t.Errorf("Daemons prints %q", got)
	}
	pool, err := daemons.InPool(overhead.Pool{})
	if want := "always 2 pods, cpu 3; at most 3 pods, cpu 3500m"; err != nil || fmt.Sprint(pool) != want {
		t.Errorf("a PoolOverhead prints %q, %v, want %q", pool, err, want)
	}
}

// TestTextOfTwoAddresses: a pod that has a port at two addresses is one reason for a DaemonSet that
// wants it at every address.
func TestTextOfTwoAddresses(t *testing.T) {
	web := daemonSet("web", corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}}}}})
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "proxy"}, Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Ports: []corev1.ContainerPort{
		{HostPort: 80, HostIP: "10.0.0.1"}, {HostPort: 80, HostIP: "10.0.0.2"}}}}}}
	out := onNode(t, compile(t, []*appsv1.DaemonSet{web}, overhead.Options{}), overhead.Input{Node: bareNode("n"), Pods: []*corev1.Pod{pod}})
	if got := out.String(); len(out.PortConflicts) != 2 || strings.Count(got, "kube-system/web: port 80/TCP is that of pod team/proxy") != 1 {
		t.Errorf("String of %d conflicts:\n%s\nwant one line about the port", len(out.PortConflicts), got)
	}
}

// TestTextOfZeroAddress: no address and 0.0.0.0 are the same words, and so one reason.
func TestTextOfZeroAddress(t *testing.T) {
	web := daemonSet("web", corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}, {HostPort: 80, HostIP: "0.0.0.0"}}}}})
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "proxy"}, Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}}}}}}
	out := onNode(t, compile(t, []*appsv1.DaemonSet{web}, overhead.Options{}), overhead.Input{Node: bareNode("n"), Pods: []*corev1.Pod{pod}})
	if got := out.String(); len(out.PortConflicts) != 2 || strings.Count(got, "kube-system/web: port 80/TCP is that of pod team/proxy") != 1 {
		t.Errorf("String of %d conflicts:\n%s\nwant one line about the port", len(out.PortConflicts), got)
	}
}

// TestTextAllocates: String makes the text of ten reasons, however many conflicts there are.
func TestTextAllocates(t *testing.T) {
	var sets []*appsv1.DaemonSet
	for i := range 100 {
		sets = append(sets, daemonSet(fmt.Sprint("agent-", i), corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}}}}}))
	}
	out := onNode(t, compile(t, sets, overhead.Options{}), overhead.Input{Node: bareNode("n")})
	text := ""
	if allocs := testing.AllocsPerRun(5, func() { text = out.String() }); allocs > 200 || !strings.HasSuffix(text, "and 89 more") {
		t.Errorf("String of %d conflicts allocates %v times, want at most 200:\n%s", len(out.PortConflicts), allocs, text)
	}
}

// TestTextOfConflictWithSeveral: of those that want the port, the text names the one that gets it.
func TestTextOfConflictWithSeveral(t *testing.T) {
	web := func(name string, spec corev1.PodSpec) *appsv1.DaemonSet {
		spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}}}}
		return daemonSet(name, spec)
	}
	// a and b may run, and c does: it gets the port, although it is the last in the list.
	disk := corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}
	daemons := compile(t, []*appsv1.DaemonSet{web("a", disk), web("b", disk), web("c", corev1.PodSpec{})}, overhead.Options{})
	out := onNode(t, daemons, overhead.Input{Node: bareNode("n"), LateLabels: []string{"disk"}})
	const want = `should run 1 pod
at most 3 pods
kube-system/a: port 80/TCP is also that of kube-system/c, which comes first
kube-system/b: port 80/TCP is also that of kube-system/c, which comes first`
	if diff := cmp.Diff(want, out.String()); diff != "" || len(out.PortConflicts) != 3 {
		t.Errorf("String of %d conflicts, want 3 (-want +got):\n%s", len(out.PortConflicts), diff)
	}
}

// TestTextOfManyConflicts: a port that many DaemonSets want is one reason for each of them.
func TestTextOfManyConflicts(t *testing.T) {
	var sets []*appsv1.DaemonSet
	for i := range 13 {
		ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: fmt.Sprint("agent-", i)}}
		ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Ports: []corev1.ContainerPort{{HostPort: 80}, {HostPort: 81}}[:1+i%2]}}
		sets = append(sets, ds)
	}
	daemons, err := overhead.Compile(sets, overhead.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out overhead.NodeOverhead
	if err := daemons.OnNode(overhead.Input{Node: &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}}, &out); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(out.String(), "\n")
	seen := map[string]bool{}
	for _, line := range got {
		if seen[line] {
			t.Errorf("String() says %q twice", line)
		}
		seen[line] = true
	}
	// Twelve of them do not come first for port 80, and five of the six with port 81.
	if want := "and 7 more"; len(got) != 1+10+1 || got[len(got)-1] != want {
		t.Errorf("String() = %d lines, the last is %q, want %q behind ten reasons", len(got), got[len(got)-1], want)
	}
}

// TestTextOfOtherPods: conflicts over one port are reasons of their own if the port is that of another
// pod, of a pod of the same name in another namespace, or of no pod.
func TestTextOfOtherPods(t *testing.T) {
	port := overhead.HostPort{Number: 80, Protocol: corev1.ProtocolTCP}
	pod := func(namespace, name string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}
	for _, tc := range []struct {
		name  string
		pods  []*corev1.Pod
		lines int
	}{
		{"one pod", []*corev1.Pod{pod("a", "p"), pod("a", "p")}, 1},
		{"another name", []*corev1.Pod{pod("a", "p"), pod("a", "q")}, 2},
		{"another namespace", []*corev1.Pod{pod("a", "p"), pod("b", "p")}, 2},
		{"a DaemonSet before it and a pod without a name", []*corev1.Pod{nil, pod("", "")}, 2},
		{"a DaemonSet before it", []*corev1.Pod{nil, nil}, 1},
	} {
		var out overhead.NodeOverhead
		for _, pod := range tc.pods {
			out.PortConflicts = append(out.PortConflicts, overhead.PortConflict{Port: port, Pod: pod})
		}
		if got := out.String(); strings.Count(got, "\n") != tc.lines {
			t.Errorf("%s: String of 2 conflicts:\n%s\nwant %d lines about them", tc.name, got, tc.lines)
		}
	}
}
