package simulate_test

import (
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
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestAllocatablePods: a node takes as many pods as it allocates, of all namespaces.
func TestAllocatablePods(t *testing.T) {
	full := build.Nodes("w1", "w2")
	for _, node := range full {
		node.Status.Allocatable = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1"), corev1.ResourceCPU: resource.MustParse("4")}
	}
	const tooMany = "False Unschedulable: 0/2 nodes are available: 1 Too many pods, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]."
	both := strings.Replace(tooMany, "1 Too", "1 Insufficient cpu, 1 Too", 1)
	for _, tc := range []struct {
		name, why string
		spec      corev1.PodSpec
		others    []*corev1.Pod
		overlook  simulate.Overlook
		want      []string
	}{
		{name: "room", why: "each takes one"},
		{name: "full", why: "w1 has another pod, which requests nothing", others: []*corev1.Pod{other("", "w1", corev1.PodRunning)}, want: []string{tooMany}},
		{name: "finished", why: "it does not count", others: []*corev1.Pod{other("", "w1", corev1.PodSucceeded)}},
		{name: "elsewhere", why: "that node does not exist", others: []*corev1.Pod{other("", "w3", corev1.PodRunning)}},
		{name: "both", why: "the scheduler says all", spec: requesting("3"), others: []*corev1.Pod{other("2", "w1", corev1.PodRunning)}, want: []string{both}},
		{name: "overlooked", why: "the caller knows better", others: []*corev1.Pod{other("", "w1", corev1.PodRunning)}, overlook: simulate.Overlook{Requests: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := daemon.Input{DaemonSet: daemon.Default(build.Set{Spec: tc.spec}.Object()), Nodes: full, Pods: tc.others}
			end := settle(t, in, simulate.Options{Overlook: tc.overlook})
			if diff := cmp.Diff(tc.want, pending(end.After)); diff != "" {
				t.Errorf("pods that wait: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestCapacity: a node without status.allocatable allocates its capacity.
func TestCapacity(t *testing.T) {
	for _, tc := range []struct {
		capacity string
		want     simulate.EndState
	}{{"1", simulate.EndStalled}, {"2", simulate.EndComplete}} {
		nodes := build.Nodes("w1")
		nodes[0].Status.Capacity = resources(tc.capacity)
		in := daemon.Input{DaemonSet: daemon.Default(build.Set{Spec: requesting("2")}.Object()), Nodes: nodes}
		if end := settle(t, in, simulate.Options{}); end.State != tc.want {
			t.Errorf("Settle() with a capacity of %s CPUs = %v, want %v", tc.capacity, end, tc.want)
		}
	}
}

// TestAllocatablePodsAreFreed: a pod that waits is bound when another one leaves, on a node that
// joined after its pods.
func TestAllocatablePodsAreFreed(t *testing.T) {
	c := &simulate.Cluster{}
	node := build.Nodes("w1")[0]
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}
	ds := build.Set{}.Object()
	there := other("", "w1", corev1.PodRunning)
	apply(t, c, there, node, ds)
	if end := settleCluster(t, c)[0]; end.State != simulate.EndStalled {
		t.Errorf("Settle() = %v, want the pod to wait", end)
	}
	there.DeletionGracePeriodSeconds = new(int64(0))
	deleteObjects(t, c, there)
	if end := settleCluster(t, c)[0]; end.State != simulate.EndComplete {
		t.Errorf("Settle() = %v, want the pod to be bound", end)
	}
}

// TestAllocatedResources: what the kubelet has allocated to a pod takes room, also if the spec
// requests less, until it gives it back.
func TestAllocatedResources(t *testing.T) {
	ds := build.Set{Spec: requesting("2")}.Object()
	there := other("1", "w1", corev1.PodRunning)
	allocate := func(cpu string) {
		there.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", AllocatedResources: resources(cpu), Resources: &corev1.ResourceRequirements{Requests: resources(cpu)}}}
	}
	allocate("3")
	c := &simulate.Cluster{}
	apply(t, c, sized("4", "w1")[0], there, ds)
	if end := settleCluster(t, c)[0]; end.State != simulate.EndStalled || !strings.Contains(end.String(), "Insufficient cpu") {
		t.Errorf("Settle() = %v, want it stalled: 3 of 4 CPUs are allocated", end)
	}
	allocate("1")
	apply(t, c, there)
	if end := settleCluster(t, c)[0]; end.State != simulate.EndComplete {
		t.Errorf("Settle() = %v, want it complete: 1 of 4 CPUs is allocated", end)
	}
}

// TestPeakOfNothing: a request of zero is none.
func TestPeakOfNothing(t *testing.T) {
	in := daemon.Input{DaemonSet: daemon.Default(build.Set{Spec: requesting("0")}.Object()), Nodes: sized("4", "w1")}
	if end := settle(t, in, simulate.Options{}); end.State != simulate.EndComplete || end.PeakRequests != nil {
		t.Errorf("PeakRequests = %#v, want nil", end.PeakRequests)
	}
}

// TestNotReadyWithTheNode: the node lifecycle controller changes the status of the condition, and
// neither reason nor message.
func TestNotReadyWithTheNode(t *testing.T) {
	c, ds := settled(t, build.Set{}, "w1")
	apply(t, c, build.Node{Name: "w1", NotReady: time.Second}.Object())
	want := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(c.Now())}
	for _, got := range c.Input(ds).Pods[0].Status.Conditions {
		if got.Type == corev1.PodReady {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("condition of a pod whose node stopped being ready (-want +got):\n%s", diff)
			}
		}
	}
}

// TestPassString: a pass has the time since the Run began, and the last one is the End.
func TestPassString(t *testing.T) {
	in := daemon.Input{DaemonSet: daemon.Default(build.Set{}.Object()), Nodes: build.Nodes("a"), Now: build.Now}
	var got []string
	for pass, err := range simulate.Run(in, simulate.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(pass.String(), "\n")
		got = append(got, line)
	}
	want := []string{
		"pass 1 after 0s: 0 of 1 available", "pass 2 after 0s: 0 of 1 available", "pass 3 after 10s: 1 of 1 available",
		"complete after 10s (3 passes, at least 0 of 1 available)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("passes (-want +got):\n%s", diff)
	}
}

// TestRoomForThoseWhoWait: a caller makes room on a node and applies another DaemonSet at the same
// moment. The pod that has waited gets the room, because its priority is higher.
func TestRoomForThoseWhoWait(t *testing.T) {
	node := build.Nodes("w1")[0]
	node.Status.Allocatable = resources("2")
	there := other("2", "w1", corev1.PodRunning)
	there.DeletionGracePeriodSeconds = new(int64(0))
	spec := requesting("2")
	waits := build.Set{Name: "b", Spec: spec}.Object()
	waits.Spec.Template.Spec.PriorityClassName = "system-node-critical"
	c := &simulate.Cluster{}
	apply(t, c, there, node, waits)
	settleCluster(t, c)
	deleteObjects(t, c, there)
	apply(t, c, build.Set{Name: "a", Spec: spec}.Object())
	ends := settleCluster(t, c)
	if ends[0].State != simulate.EndStalled || ends[1].State != simulate.EndComplete {
		t.Errorf("Settle() = %v, want a stalled and b complete", ends)
	}
}

// TestRoomAtOneMoment: a pod would be bound at the moment at which another one ends. The scheduler
// comes last, so the pod that has waited for all of the room is first.
func TestRoomAtOneMoment(t *testing.T) {
	node := build.Nodes("w1")[0]
	node.Status.Allocatable = resources("2")
	there := other("1", "w1", corev1.PodRunning)
	waits := build.Set{Name: "b", Spec: requesting("2")}.Object()
	waits.Spec.Template.Spec.PriorityClassName = "system-node-critical"
	c := &simulate.Cluster{Options: always(simulate.PodTimes{BoundAfter: 5 * time.Second, TerminatesAfter: 5 * time.Second})}
	apply(t, c, there, node, waits)
	settleCluster(t, c)
	apply(t, c, build.Set{Name: "a", Spec: requesting("1")}.Object())
	if err := c.Advance(0); err != nil {
		t.Fatal(err)
	}
	deleteObjects(t, c, there)
	if err := c.Advance(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Input(waits).Pods {
		if bound := p.Spec.NodeName != ""; bound != (p.GenerateName == "b-") {
			t.Errorf("pod %s is bound: %v, want the one of b alone", p.Name, bound)
		}
	}
}

// TestRoomByPriority: pods of two DaemonSets want the room that is enough for one. The scheduler
// gives it to the pod of the higher priority, whoever was first.
func TestRoomByPriority(t *testing.T) {
	ofClass := func(name, class string, value *int32) *appsv1.DaemonSet {
		spec := requesting("2")
		spec.PriorityClassName, spec.Priority = class, value
		return build.Set{Name: name, Spec: spec}.Object()
	}
	const node, cluster = "system-node-critical", "system-cluster-critical"
	for _, tc := range []struct {
		name string
		a, b *appsv1.DaemonSet
		want string // the DaemonSet with the room
	}{
		{"system class", ofClass("a", "", nil), ofClass("b", node, nil), "b"},
		{"two system classes", ofClass("a", node, nil), ofClass("b", cluster, nil), "a"},
		{"values", ofClass("a", "low", new(int32(1))), ofClass("b", "high", new(int32(2))), "b"},
		{"below zero", ofClass("a", "low", new(int32(-1))), ofClass("b", "", nil), "b"},
		{"as first come", ofClass("a", "", nil), ofClass("b", "", nil), "a"},
	} {
		w1 := build.Nodes("w1")[0]
		w1.Status.Allocatable = resources("2")
		there := other("2", "w1", corev1.PodRunning)
		there.DeletionGracePeriodSeconds = new(int64(0))
		later := &simulate.Cluster{Options: always(simulate.PodTimes{BoundAfter: 5 * time.Second})}
		for _, order := range []struct {
			name  string
			c     *simulate.Cluster
			apply [][]metav1.Object
			leave bool // the pod that is there leaves at the end
		}{
			{"both are new", &simulate.Cluster{}, [][]metav1.Object{{w1, tc.a, tc.b}}, false},
			{"both are new and bound later", later, [][]metav1.Object{{w1, tc.a, tc.b}}, false},
			{"both have waited", &simulate.Cluster{}, [][]metav1.Object{{there, w1, tc.a, tc.b}}, true},
			{"a has waited longer", &simulate.Cluster{}, [][]metav1.Object{{there, w1, tc.a}, {tc.b}}, true},
			{"b gets its class before the node joins", &simulate.Cluster{}, [][]metav1.Object{{tc.a, ofClass("b", "", nil)}, {tc.b}, {w1}}, false},
		} {
			for _, objects := range order.apply {
				apply(t, order.c, objects...)
				settleCluster(t, order.c)
			}
			if order.leave {
				deleteObjects(t, order.c, there)
				settleCluster(t, order.c)
			}
			for _, name := range []string{"a", "b"} {
				in := order.c.Input(build.Set{Name: name}.Object())
				bound := slices.ContainsFunc(in.Pods, func(p *corev1.Pod) bool { return p.GenerateName == name+"-" && p.Spec.NodeName != "" })
				if bound != (name == tc.want) {
					t.Errorf("%s, %s: the pod of %s is bound: %v, want that of %s alone", tc.name, order.name, name, bound, tc.want)
				}
			}
		}
	}
}
