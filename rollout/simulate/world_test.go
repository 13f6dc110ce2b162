package simulate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

func resources(cpu string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
}

// sized returns nodes with so much allocatable.
func sized(cpu string, names ...string) []*corev1.Node {
	nodes := build.Nodes(names...)
	for _, node := range nodes {
		node.Status.Allocatable = resources(cpu)
	}
	return nodes
}

// requesting is a pod spec with a container that requests cpu and uses host ports.
func requesting(cpu string, ports ...int32) corev1.PodSpec {
	container := corev1.Container{Name: "main", Image: "agent:1"}
	if cpu != "" {
		container.Resources.Requests = resources(cpu)
	}
	for _, p := range ports {
		container.Ports = append(container.Ports, corev1.ContainerPort{HostPort: p, ContainerPort: p})
	}
	return corev1.PodSpec{Containers: []corev1.Container{container}}
}

// running returns a cluster at rest with the pods of a DaemonSet, as the API server has them.
func running(t *testing.T, set build.Set, nodes ...*corev1.Node) daemon.Input {
	t.Helper()
	in := daemon.Input{DaemonSet: daemon.Default(set.Object()), Nodes: nodes, Now: build.Now.Add(-time.Hour)}
	end, err := simulate.Settle(in, simulate.Options{})
	if err != nil || end.State != simulate.EndComplete {
		t.Fatalf("Settle() = %v, %v, want a cluster at rest", end, err)
	}
	in = end.After
	in.Now = build.Now
	return in
}

// pending lists the pods that are not bound, with what the scheduler says.
func pending(in daemon.Input) []string {
	var lines []string
	for _, pod := range in.Pods {
		if pod.Spec.NodeName != "" {
			continue
		}
		line := "nothing"
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled {
				line = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// A change that no node has room for: what WhatIf begins, Run shows stuck, with the words of
// the scheduler.
func TestRunScheduler(t *testing.T) {
	surge := build.Set{MaxSurge: "1", MaxUnavailable: "0"}
	for _, tc := range []struct {
		name, why     string
		set           build.Set
		before, after corev1.PodSpec
		nodes         []*corev1.Node
		others        []*corev1.Pod
		overlook      simulate.Overlook
		state         simulate.EndState
		want          []string
	}{
		{
			name: "100 CPUs", why: "no node has them; the budget lets one wait", set: build.Set{},
			before: requesting("1"), after: requesting("100"), nodes: sized("4", "a", "b", "c"), state: simulate.EndStalled,
			want: []string{"False Unschedulable: 0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."},
		}, {
			name: "100 CPUs, overlooked", why: "the caller knows better", set: build.Set{},
			before: requesting("1"), after: requesting("100"), nodes: sized("4", "a"), overlook: simulate.Overlook{Requests: true}, state: simulate.EndComplete,
		}, {
			name: "100 CPUs, all at once", why: "each node waits for its own pod", set: build.Set{MaxUnavailable: "100%"},
			before: requesting("1"), after: requesting("100"), nodes: sized("4", "a", "b"), state: simulate.EndStalled,
			want: []string{
				"False Unschedulable: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity].",
				"False Unschedulable: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity].",
			},
		}, {
			name: "not known", why: "a node without status.allocatable has room for all", set: build.Set{},
			before: requesting("1"), after: requesting("100"), nodes: build.Nodes("a"), state: simulate.EndComplete,
		}, {
			name: "fits alone", why: "the old pod is gone when the new one comes", set: build.Set{},
			before: requesting("3"), after: requesting("4"), nodes: sized("4", "a"), state: simulate.EndComplete,
		}, {
			name: "surge", why: "both do not fit beside one another", set: surge,
			before: requesting("3"), after: requesting("2"), nodes: sized("4", "a"), state: simulate.EndStalled,
			want: []string{"False Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."},
		}, {
			name: "surge that fits", why: "to the last millicore", set: surge,
			before: requesting("3"), after: requesting("1"), nodes: sized("4", "a"), state: simulate.EndComplete,
		}, {
			name: "surge of a host port", why: "the old pod has it", set: surge,
			before: requesting("", 80), after: requesting("1", 80), nodes: sized("4", "a", "b"), state: simulate.EndStalled,
			want: []string{"False Unschedulable: 0/2 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]."},
		}, {
			name: "surge of a host port, overlooked", why: "the caller knows better", set: surge,
			before: requesting("", 80), after: requesting("1", 80), nodes: sized("4", "a"), overlook: simulate.Overlook{HostPorts: true}, state: simulate.EndComplete,
		}, {
			name: "ports come first", why: "a plugin that refuses is the last that is asked", set: surge,
			before: requesting("3", 80), after: requesting("100", 80), nodes: sized("4", "a"), state: simulate.EndStalled,
			want: []string{"False Unschedulable: 0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."},
		}, {
			name: "another workload", why: "its pods take what they request, in other namespaces too", set: build.Set{},
			before: requesting("1"), after: requesting("3"), nodes: sized("4", "a"), others: []*corev1.Pod{other("2", "a", corev1.PodRunning)}, state: simulate.EndStalled,
			want: []string{"False Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."},
		}, {
			name: "another workload, finished", why: "it takes nothing any more", set: build.Set{},
			before: requesting("1"), after: requesting("3"), nodes: sized("4", "a"), others: []*corev1.Pod{other("2", "a", corev1.PodSucceeded)}, state: simulate.EndComplete,
		}, {
			name: "spread without a label", why: "the node is in no domain", set: build.Set{}, before: requesting(""),
			after: corev1.PodSpec{Containers: requesting("").Containers, TopologySpreadConstraints: []corev1.TopologySpreadConstraint{
				{MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: &metav1.LabelSelector{}},
			}},
			nodes: build.Nodes("a"), state: simulate.EndStalled,
			want: []string{"False Unschedulable: 0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label)."},
		}, {
			name: "surge against itself", why: "the old pod is in the domain of its node", set: surge,
			before: apart("zone"), after: apart("zone", "x"), nodes: zoned("a", "b"), state: simulate.EndStalled,
			want: []string{"False Unschedulable: 0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]."},
		}, {
			name: "surge against itself, overlooked", why: "the caller knows better", set: surge,
			before: apart("zone"), after: apart("zone", "x"), nodes: zoned("a"), overlook: simulate.Overlook{PodAntiAffinity: true}, state: simulate.EndComplete,
		}, {
			name: "surge against its own revision", why: "the old pod has another hash", set: surge,
			before: revised(apart("zone")), after: revised(apart("zone", "x")), nodes: zoned("a", "b"), state: simulate.EndComplete,
		}, {
			name: "no domain", why: "the node lacks the label", set: surge,
			before: apart("zone"), after: apart("zone", "x"), nodes: build.Nodes("a"), state: simulate.EndComplete,
		}, {
			name: "one by one", why: "the old pod is gone when the new one comes", set: build.Set{},
			before: apart("zone"), after: apart("zone", "x"), nodes: zoned("a", "b"), state: simulate.EndComplete,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.set.Spec = tc.before
			in := running(t, tc.set, tc.nodes...)
			in.Pods = append(in.Pods, tc.others...)
			tc.set.Spec = tc.after
			impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: tc.set.Object()}, simulate.Options{})
			if err != nil || impact.Refused != nil {
				t.Fatalf("WhatIf() = %v, %v, want a rollout", impact, err)
			}
			end := settle(t, impact.After, simulate.Options{Overlook: tc.overlook})
			if end.State != tc.state {
				t.Errorf("Run() = %v, want %v: %s", end, tc.state, tc.why)
			}
			if diff := cmp.Diff(tc.want, pending(end.After)); diff != "" {
				t.Errorf("pending pods: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// zoned returns nodes in a zone of their own each.
func zoned(names ...string) []*corev1.Node {
	nodes := build.Nodes(names...)
	for _, node := range nodes {
		node.Labels = build.Labels{"zone": node.Name}
	}
	return nodes
}

// apart is a pod spec that allows one pod of the DaemonSet in each domain.
func apart(topologyKey string, args ...string) corev1.PodSpec {
	spec := requesting("")
	spec.Containers[0].Args = args
	spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
		{TopologyKey: topologyKey, LabelSelector: &metav1.LabelSelector{MatchLabels: build.Labels{"app": "agent"}}},
	}}}
	return spec
}

// revised restricts the terms of a spec to pods of the same revision.
func revised(spec corev1.PodSpec) corev1.PodSpec {
	spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].MatchLabelKeys = []string{appsv1.DefaultDaemonSetUniqueLabelKey}
	return spec
}

// TestSchedulerCounts: pods take what they request from their binding to their end.
func TestSchedulerCounts(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		times     simulate.PodTimes
		bound     []string // after a minute
	}{
		{"bound at once", "the first has the room", simulate.PodTimes{}, []string{"agent"}},
		{"bound later", "the first has the room", simulate.PodTimes{BoundAfter: time.Second}, []string{"agent"}},
		{"fails", "a failed pod takes nothing, and the one that waits comes before the next one", simulate.PodTimes{FailsAfter: 40 * time.Second}, []string{"proxy"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &simulate.Cluster{Options: always(tc.times)}
			ds, second := build.Set{Spec: requesting("3")}.Object(), build.Set{Name: "proxy", Spec: requesting("2")}.Object()
			apply(t, c, sized("4", "a")[0], ds, second)
			if err := c.Advance(time.Minute); err != nil {
				t.Fatal(err)
			}
			var bound []string
			for _, pod := range c.Input(ds).Pods {
				if pod.Spec.NodeName != "" && pod.Status.Phase != corev1.PodFailed {
					bound = append(bound, pod.Labels["app"])
				}
			}
			if diff := cmp.Diff(tc.bound, bound); diff != "" {
				t.Errorf("bound pods: %s (-want +got):\n%s\n%v", tc.why, diff, pending(c.Input(ds)))
			}
		})
	}
}

// TestSchedulerDomains: a pod that waits for its zone is bound when another has left it, on
// whichever node.
func TestSchedulerDomains(t *testing.T) {
	c := &simulate.Cluster{}
	ds := build.Set{Spec: apart("zone")}.Object()
	for _, name := range []string{"a", "b"} {
		apply(t, c, build.Node{Name: name, Labels: build.Labels{"zone": "z"}}.Object())
	}
	apply(t, c, ds)
	bound := func() (pods []*corev1.Pod) {
		if ends := settleCluster(t, c); ends[0].State != simulate.EndStalled {
			t.Errorf("Settle() = %v, want one of two pods to wait", ends[0])
		}
		for _, pod := range c.Input(ds).Pods {
			if pod.Spec.NodeName != "" {
				pods = append(pods, pod)
			}
		}
		return pods
	}
	first := bound()
	if len(first) != 1 {
		t.Fatalf("%d pods are bound, want 1", len(first))
	}
	deleteObjects(t, c, first[0])
	second := bound()
	if len(second) != 1 || second[0].Spec.NodeName == first[0].Spec.NodeName {
		t.Fatalf("bound after the deletion: %v, want the pod that has waited", show(c.Input(ds)))
	}
	failed := second[0].DeepCopy()
	failed.Status = corev1.PodStatus{Phase: corev1.PodFailed}
	apply(t, c, failed)
	c.Elapse(0) // The scheduler is faster than the controller.
	third := bound()
	if len(third) != 1 || third[0].Spec.NodeName == second[0].Spec.NodeName {
		t.Fatalf("bound after the failure: %v, want the pod that has waited", show(c.Input(ds)))
	}
	apply(t, c, build.Node{Name: third[0].Spec.NodeName, Labels: build.Labels{"zone": "y"}}.Object())
	if ends := settleCluster(t, c); ends[0].State != simulate.EndComplete {
		t.Errorf("Settle() with zones of their own = %v, want it complete", ends[0])
	}
	apply(t, c, build.Node{Name: "c", Labels: build.Labels{"zone": "y"}}.Object())
	if ends := settleCluster(t, c); ends[0].State != simulate.EndStalled {
		t.Errorf("Settle() with another node in a zone = %v, want its pod to wait", ends[0])
	}
}

// other is a pod of another workload.
func other(cpu, node string, phase corev1.PodPhase) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "other-" + node}, Spec: requesting(cpu)}
	pod.Spec.NodeName, pod.Status.Phase = node, phase
	return pod
}

// TestSchedulerTriesAgain: a pod that waits is bound when there is room.
func TestSchedulerTriesAgain(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		change    func(t *testing.T, c *simulate.Cluster)
		bound     bool
	}{
		{"nothing", "time does not help", func(*testing.T, *simulate.Cluster) {}, false},
		{"other pod goes", "its requests are free", func(t *testing.T, c *simulate.Cluster) {
			deleteObjects(t, c, other("2", "a", corev1.PodRunning))
		}, true},
		{"other pod finishes", "its requests are free", func(t *testing.T, c *simulate.Cluster) {
			apply(t, c, other("2", "a", corev1.PodSucceeded))
		}, true},
		{"other pod moves", "a pod of another node takes nothing", func(t *testing.T, c *simulate.Cluster) {
			pod := other("2", "a", corev1.PodRunning)
			pod.Spec.NodeName = "b"
			apply(t, c, pod)
		}, true},
		{"other pod changes", "it takes as much as before", func(t *testing.T, c *simulate.Cluster) {
			apply(t, c, other("2", "a", corev1.PodPending))
		}, false},
		{"node grows", "the scheduler looks again", func(t *testing.T, c *simulate.Cluster) { apply(t, c, sized("8", "a")[0]) }, true},
		{"node joins", "the pod is for this node only", func(t *testing.T, c *simulate.Cluster) { apply(t, c, sized("8", "b")[0]) }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &simulate.Cluster{}
			ds := build.Set{Spec: requesting("3")}.Object()
			apply(t, c, sized("4", "a")[0], other("2", "a", corev1.PodRunning), ds)
			settleCluster(t, c)
			tc.change(t, c)
			settleCluster(t, c)
			for _, pod := range c.Input(ds).Pods {
				if name, _ := daemon.TargetNode(pod); name == "a" && (pod.Spec.NodeName != "") != tc.bound {
					t.Errorf("pod %s is bound: %v, want %v: %s\n%v", pod.Name, !tc.bound, tc.bound, tc.why, pending(c.Input(ds)))
				}
			}
		})
	}
}

// TestRunUnschedulable: what the scheduler has said for long is believed, also about what the
// cluster does not see.
func TestRunUnschedulable(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		age       time.Duration
		change    func(in *daemon.Input)
		overlook  simulate.Overlook
		state     simulate.EndState
	}{
		{name: "for long", why: "the scheduler knows more", age: 40 * time.Minute, state: simulate.EndStalled},
		{name: "a moment ago", why: "it may find room at any time", age: 10 * time.Second, state: simulate.EndComplete},
		{name: "overlooked", why: "the caller knows better", age: time.Hour, overlook: simulate.Overlook{Unschedulable: true}, state: simulate.EndComplete},
		{
			name: "new image", why: "the scheduler does not look at it", age: time.Hour, state: simulate.EndStalled,
			change: func(in *daemon.Input) { in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2" },
		}, {
			name: "other requests", why: "they may fit", age: time.Hour, state: simulate.EndComplete,
			change: func(in *daemon.Input) {
				in.DaemonSet.Spec.Template.Spec.Containers[0].Resources.Requests = resources("1")
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := running(t, build.Set{Spec: requesting("3")}, build.Nodes("a")...)
			in.DaemonSet = in.DaemonSet.DeepCopy()
			pod := in.Pods[0].DeepCopy()
			pod.Spec.NodeName = ""
			pod.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "said the scheduler",
				LastTransitionTime: metav1.NewTime(in.Now.Add(-tc.age)),
			}}}
			in.Pods[0] = pod
			if tc.change != nil {
				tc.change(&in)
			}
			end := settle(t, in, simulate.Options{Overlook: tc.overlook})
			if end.State != tc.state {
				t.Errorf("Run() = %v, want %v: %s", end, tc.state, tc.why)
			}
			if tc.state == simulate.EndStalled {
				if diff := cmp.Diff([]string{"False Unschedulable: said the scheduler"}, pending(end.After)); diff != "" {
					t.Errorf("pending pods (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestUnschedulableTriesAgain: what the scheduler has said holds until something leaves the node.
func TestUnschedulableTriesAgain(t *testing.T) {
	in := running(t, build.Set{}, build.Nodes("a")...)
	pod := in.Pods[0].DeepCopy()
	pod.Spec.NodeName = ""
	pod.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, LastTransitionTime: metav1.NewTime(in.Now.Add(-time.Hour)),
	}}}
	in.Pods = []*corev1.Pod{pod, other("2", "a", corev1.PodRunning)}
	c, err := simulate.NewCluster(in, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, c, other("2", "a", corev1.PodPending))
	if ends := settleCluster(t, c); ends[0].State != simulate.EndStalled {
		t.Errorf("Settle() after another status of a pod = %v, want it stalled: nothing has left the node", ends[0])
	}
	deleteObjects(t, c, other("2", "a", corev1.PodRunning))
	if ends := settleCluster(t, c); ends[0].State != simulate.EndComplete {
		t.Errorf("Settle() after a pod has left the node = %v, want it complete", ends[0])
	}
}

// TestUnboundPodMoves: a pod that a client pins to a node that does not exist is not bound.
func TestUnboundPodMoves(t *testing.T) {
	c := &simulate.Cluster{Options: always(simulate.PodTimes{BoundAfter: time.Second})}
	ds := build.Set{Spec: requesting("1")}.Object()
	apply(t, c, sized("4", "a")[0], ds)
	if err := c.Advance(0); err != nil {
		t.Fatal(err)
	}
	pod := c.Input(ds).Pods[0].DeepCopy()
	pod.Spec.Affinity = build.OnNode("z")
	apply(t, c, pod)
	c.Elapse(time.Minute)
	if got := c.Input(ds).Pods[0]; got.Spec.NodeName != "" {
		t.Errorf("the pod is bound to %q, want no node", got.Spec.NodeName)
	}
}

// TestOverlookChanges: a rule that is switched off during a run counts from the next event on.
func TestOverlookChanges(t *testing.T) {
	for name, status := range map[string]corev1.ContainerStatus{
		"crash loop": crashing(build.Now, 9, time.Second), "image": waiting("ImagePullBackOff"),
	} {
		in := running(t, build.Set{}, build.Nodes("a")...)
		pod := in.Pods[0].DeepCopy()
		pod.Status.Conditions, pod.Status.ContainerStatuses = pod.Status.Conditions[:1], []corev1.ContainerStatus{status}
		in.Pods[0] = pod
		in.DaemonSet = in.DaemonSet.DeepCopy()
		in.DaemonSet.Spec.Template.Annotations = build.Labels{"x": "y"}
		c, err := simulate.NewCluster(in, simulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Advance(3 * time.Second); err != nil { // The new pod is there.
			t.Fatal(err)
		}
		c.Options.Overlook = everything
		if ends := settleCluster(t, c); ends[0].State != simulate.EndComplete {
			t.Errorf("%s: Settle() = %v, want it complete", name, ends[0])
		}
	}
}

// waiting is the status of a pod whose container waits since the given time.
func waiting(reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "said the kubelet"}}}
}

// crashing is the status of a container that runs for some seconds each time.
func crashing(now time.Time, restarts int32, run time.Duration) corev1.ContainerStatus {
	status := waiting("CrashLoopBackOff")
	status.RestartCount = restarts
	status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
		ExitCode: 137, Reason: "OOMKilled", StartedAt: metav1.NewTime(now.Add(-time.Minute - run)), FinishedAt: metav1.NewTime(now.Add(-time.Minute)),
	}
	return status
}

func up(now time.Time, since time.Duration) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "main", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now.Add(-since))}}}
}

// TestRunProblems: a pod that has not been ready for long stays so, and so does a new pod of the
// same node, until the template changes in what is wrong.
func TestRunProblems(t *testing.T) {
	now := build.Now
	image := func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Containers[0].Image = "agent:2" }
	label := func(ds *appsv1.DaemonSet) { ds.Spec.Template.Labels = build.Labels{"app": "agent", "x": "y"} }
	args := func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Containers[0].Args = []string{"x"} }
	secret := func(ds *appsv1.DaemonSet) {
		ds.Spec.Template.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "s"}}
	}
	for _, tc := range []struct {
		name, why string
		age       time.Duration // of the pod
		status    corev1.ContainerStatus
		change    func(*appsv1.DaemonSet)
		readyIn   time.Duration
		overlook  simulate.Overlook
		state     simulate.EndState
		reason    string // of the container at the end, if it is stuck
	}{
		{name: "image", why: "nobody pushes it meanwhile", age: 40 * time.Minute, status: waiting("ImagePullBackOff"), state: simulate.EndStalled, reason: "ImagePullBackOff"},
		{name: "image, a moment ago", why: "it may be a short failure of the registry", age: 20 * time.Second, status: waiting("ErrImagePull"), state: simulate.EndComplete},
		{name: "image, overlooked", why: "the caller is going to push it", age: time.Hour, status: waiting("ImagePullBackOff"), overlook: simulate.Overlook{Images: true}, state: simulate.EndComplete},
		{name: "image, new image", why: "it is another one", age: time.Hour, status: waiting("ImagePullBackOff"), change: image, state: simulate.EndComplete},
		{name: "image, new label", why: "the new pod needs the same image", age: time.Hour, status: waiting("ImagePullBackOff"), change: label, state: simulate.EndStalled, reason: "ImagePullBackOff"},
		{name: "image, new arguments", why: "they do not help to pull it", age: time.Hour, status: waiting("ImagePullBackOff"), change: args, state: simulate.EndStalled, reason: "ImagePullBackOff"},
		{name: "image, pull secret", why: "it may be what was missing", age: time.Hour, status: waiting("ImagePullBackOff"), change: secret, state: simulate.EndComplete},
		{name: "crash loop", why: "it goes on", age: time.Hour, status: crashing(now, 9, 2*time.Second), state: simulate.EndStalled, reason: "CrashLoopBackOff"},
		{name: "crash loop, overlooked", why: "the caller knows better", age: time.Hour, status: crashing(now, 9, 2*time.Second), overlook: simulate.Overlook{CrashLoops: true}, state: simulate.EndComplete},
		{name: "crash loop, new label", why: "the container is the same", age: time.Hour, status: crashing(now, 9, 2*time.Second), change: label, state: simulate.EndStalled, reason: "CrashLoopBackOff"},
		{name: "crash loop, new arguments", why: "they may be what was wrong", age: time.Hour, status: crashing(now, 9, 2*time.Second), change: args, state: simulate.EndComplete},
		{name: "config", why: "what it needs does not exist", age: time.Hour, status: waiting("CreateContainerConfigError"), change: label, state: simulate.EndStalled, reason: "CreateContainerConfigError"},
		{name: "config, overlooked", why: "the caller is going to create it", age: time.Hour, status: waiting("CreateContainerConfigError"), overlook: simulate.Overlook{Starts: true}, state: simulate.EndComplete},
		{name: "creating", why: "it is just starting", age: time.Minute, status: waiting("ContainerCreating"), state: simulate.EndComplete},
		{name: "creating for long", why: "a volume is missing", age: 40 * time.Minute, status: waiting("ContainerCreating"), change: label, state: simulate.EndStalled, reason: "ContainerCreating"},
		{name: "probe", why: "it fails on and on", age: time.Hour, status: up(now, 40*time.Minute), state: simulate.EndStalled},
		{name: "probe, new label", why: "the probe is the same", age: time.Hour, status: up(now, 40*time.Minute), change: label, state: simulate.EndStalled},
		{name: "probe, new arguments", why: "the container is another", age: time.Hour, status: up(now, 40*time.Minute), change: args, state: simulate.EndComplete},
		{name: "probe, a moment ago", why: "it is just starting", age: time.Hour, status: up(now, 40*time.Second), state: simulate.EndComplete},
		{name: "slow start", why: "the caller gives it an hour", age: 40 * time.Minute, status: up(now, 40*time.Minute), readyIn: time.Hour, state: simulate.EndComplete},
		{name: "probe, overlooked", why: "the caller knows better", age: time.Hour, status: up(now, time.Hour), overlook: simulate.Overlook{Probes: true}, state: simulate.EndComplete},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := running(t, build.Set{}, build.Nodes("a", "b")...)
			pod := in.Pods[0].DeepCopy()
			node := pod.Spec.NodeName
			pod.CreationTimestamp = metav1.NewTime(now.Add(-tc.age))
			pod.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{tc.status}}
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: pod.CreationTimestamp}}
			in.Pods[0] = pod
			if tc.change != nil {
				in.DaemonSet = in.DaemonSet.DeepCopy()
				tc.change(in.DaemonSet)
			}
			opts := always(simulate.PodTimes{ReadyAfter: tc.readyIn})
			opts.Overlook = tc.overlook
			end := settle(t, in, opts)
			if end.State != tc.state {
				t.Fatalf("Run() = %v, want %v: %s", end, tc.state, tc.why)
			}
			if tc.state != simulate.EndStalled {
				return
			}
			for _, pod := range end.After.Pods {
				if pod.Spec.NodeName != node {
					continue
				}
				status := pod.Status.ContainerStatuses[0]
				reason := ""
				if w := status.State.Waiting; w != nil {
					reason = w.Reason
				}
				if end := status.LastTerminationState.Terminated; reason == "CrashLoopBackOff" && (end == nil || end.Reason != "OOMKilled") {
					t.Errorf("container %+v at the end, want it to end as before", status)
				}
				if reason != tc.reason || status.Ready {
					t.Errorf("container %+v at the end, want it not ready and waiting for %q: %s", status, tc.reason, tc.why)
				}
			}
			s, err := daemon.Observe(withNow(end.After, end.After.Now.Add(time.Hour)))
			if err != nil {
				t.Fatal(err)
			}
			a, err := health.Assess(s, health.Options{})
			if err != nil || a.State != health.StateStalled || len(a.Blockers) != 1 || a.Blockers[0].Node != node {
				t.Errorf("Assess() of the end = %v, %v, want it stalled on %s", a, err, node)
			}
		})
	}
}

func withNow(in daemon.Input, now time.Time) daemon.Input {
	in.Now = now
	return in
}

// TestRunInitProblems: an init container keeps the others waiting.
func TestRunInitProblems(t *testing.T) {
	now := build.Now
	spec := requesting("")
	spec.InitContainers = []corev1.Container{{Name: "main", Image: "init:1"}}
	for _, tc := range []struct {
		name, why string
		status    corev1.ContainerStatus
		state     simulate.EndState
	}{
		{"image", "nobody pushes it meanwhile", waiting("ImagePullBackOff"), simulate.EndStalled},
		{"crash loop", "it goes on", crashing(now, 4, time.Second), simulate.EndStalled},
		{"runs for long", "what it waits for does not come", up(now, 40*time.Minute), simulate.EndStalled},
		{"runs", "it is at work", up(now, 5*time.Minute), simulate.EndComplete},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := running(t, build.Set{Spec: spec}, build.Nodes("a")...)
			pod := in.Pods[0].DeepCopy()
			pod.Status = corev1.PodStatus{
				Phase: corev1.PodPending, Conditions: pod.Status.Conditions[:1], InitContainerStatuses: []corev1.ContainerStatus{tc.status},
				ContainerStatuses: []corev1.ContainerStatus{waiting("PodInitializing")},
			}
			in.Pods[0] = pod
			in.DaemonSet = in.DaemonSet.DeepCopy()
			in.DaemonSet.Spec.Template.Annotations = build.Labels{"x": "y"}
			end := settle(t, in, simulate.Options{})
			if end.State != tc.state {
				t.Fatalf("Run() = %v, want %v: %s", end, tc.state, tc.why)
			}
			last := end.After.Pods[0]
			if tc.state != simulate.EndStalled {
				return
			}
			if hash := appsv1.DefaultDaemonSetUniqueLabelKey; last.Labels[hash] == pod.Labels[hash] || last.Status.Phase != corev1.PodPending || last.Status.ContainerStatuses[0].State.Waiting == nil {
				t.Errorf("at the end pod %s = %+v, want a new pod that initializes", last.Name, last.Status)
			}
		})
	}
}

// TestRunProblemElsewhere: other nodes have no problem, and one that a caller ends is over.
func TestRunProblemElsewhere(t *testing.T) {
	in := running(t, build.Set{MaxUnavailable: "2"}, build.Nodes("a", "b", "c")...)
	pod := in.Pods[0].DeepCopy()
	pod.Status.Conditions = nil
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{waiting("ImagePullBackOff")}
	in.Pods[0] = pod
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.DaemonSet.Spec.Template.Labels = build.Labels{"app": "agent", "x": "y"}
	c, err := simulate.NewCluster(in, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ends := settleCluster(t, c)
	if len(ends[0].Incomplete) != 1 || ends[0].Incomplete[0].Node != pod.Spec.NodeName {
		t.Errorf("Settle() = %v, want it stuck on %s only", ends[0], pod.Spec.NodeName)
	}
	for _, p := range c.Input(in.DaemonSet).Pods {
		if p.Spec.NodeName == pod.Spec.NodeName {
			p = p.DeepCopy()
			p.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(c.Now())},
			}}
			apply(t, c, p)
			settleCluster(t, c)
			deleteObjects(t, c, p)
		}
	}
	if ends = settleCluster(t, c); ends[0].State != simulate.EndComplete {
		t.Errorf("Settle() after a pod was ready = %v, want the problem forgotten", ends[0])
	}
}

// TestOrderOfPods: the order of the pods in the facts has no effect on what is known about a node,
// or on which pod gets the last room.
func TestOrderOfPods(t *testing.T) {
	bad := func(in daemon.Input, name, hash string, status corev1.ContainerStatus) *corev1.Pod {
		pod := in.Pods[0].DeepCopy()
		pod.Name, pod.UID, pod.CreationTimestamp = name, "", metav1.NewTime(build.Now.Add(-30*time.Minute))
		if hash != "" {
			pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
		}
		pod.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{status}}
		return pod
	}
	waits := func(name string) *corev1.Pod {
		pod := other("1", "", corev1.PodPending)
		pod.Name, pod.Spec.Affinity = name, build.OnNode("a")
		return pod
	}
	for _, tc := range []struct {
		name, why string
		pods      func(in daemon.Input) []*corev1.Pod // the first of in.Pods is that of the node a
		want      simulate.EndState
	}{
		{"ready beside a crash loop", "the ready pod disproves that the template crashes there", func(in daemon.Input) []*corev1.Pod {
			return append(in.Pods, bad(in, "z", "", crashing(build.Now, 9, time.Second)))
		}, simulate.EndComplete},
		{"two problems of one image", "the new pod has that of the first by name", func(in daemon.Input) []*corev1.Pod {
			return append(in.Pods[1:], bad(in, "x", "h1", waiting("ImagePullBackOff")), bad(in, "y", "h2", waiting("InvalidImageName")))
		}, simulate.EndStalled},
		{"room for one", "the first by name gets it", func(in daemon.Input) []*corev1.Pod {
			return append(in.Pods, waits("x"), waits("y"))
		}, simulate.EndComplete},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := running(t, build.Set{}, sized("1", "a", "b")...)
			in.Pods = tc.pods(in)
			in.DaemonSet = in.DaemonSet.DeepCopy()
			in.DaemonSet.Spec.Template.Labels = build.Labels{"app": "agent", "x": "y"}
			want := settle(t, in, simulate.Options{})
			if want.State != tc.want {
				t.Errorf("Settle() = %v, want it %v: %s", want, tc.want, tc.why)
			}
			slices.Reverse(in.Pods)
			if diff := cmp.Diff(want.After, settle(t, in, simulate.Options{}).After); diff != "" {
				t.Errorf("Settle() with the pods in the opposite order (-want +got), although %s:\n%s", tc.why, diff)
			}
		})
	}
}

// TestRunOverlook: the other rules can be switched off, too.
func TestRunOverlook(t *testing.T) {
	down := build.Node{Name: "a", NotReady: time.Hour}.Object()
	windows := build.Node{Name: "a", Labels: build.Labels{corev1.LabelOSStable: "windows"}}.Object()
	for _, tc := range []struct {
		name, why string
		node      *corev1.Node
		spec      corev1.PodSpec
		overdue   bool
		overlook  simulate.Overlook
		state     simulate.EndState
	}{
		{name: "node not ready", why: "nothing starts there", node: down, state: simulate.EndStalled},
		{name: "node not ready, overlooked", why: "it will be back", node: down, overlook: simulate.Overlook{NodesNotReady: true}, state: simulate.EndComplete},
		{name: "overdue", why: "something holds the pod", node: build.Nodes("a")[0], overdue: true, state: simulate.EndStalled},
		{name: "overdue, overlooked", why: "somebody will help", node: build.Nodes("a")[0], overdue: true, overlook: simulate.Overlook{OverduePods: true}, state: simulate.EndComplete},
		{name: "operating system", why: "the kubelet rejects the pod", node: windows, spec: corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Linux}}, state: simulate.EndStalled},
		{name: "same operating system", why: "nothing is wrong", node: windows, spec: corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Windows}}, state: simulate.EndComplete},
		{
			name: "operating system, overlooked", why: "the label is wrong", node: windows, spec: corev1.PodSpec{OS: &corev1.PodOS{Name: corev1.Linux}},
			overlook: simulate.Overlook{OperatingSystems: true}, state: simulate.EndComplete,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := outdated(build.Set{Spec: tc.spec}, tc.node)
			if tc.overdue {
				in.Pods[0].DeletionTimestamp = &metav1.Time{Time: in.Now.Add(-time.Second)}
			} else {
				in.Pods = nil
			}
			if end := settle(t, in, simulate.Options{Overlook: tc.overlook}); end.State != tc.state {
				t.Errorf("Run() = %v, want %v: %s", end, tc.state, tc.why)
			}
		})
	}
}

// TestRunPeak: what a quota must allow.
func TestRunPeak(t *testing.T) {
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprint("n", i))
	}
	for _, tc := range []struct {
		name, why string
		set       build.Set
		times     simulate.PodTimes
		pods      int
		cpu       string
	}{
		{
			name: "surge", why: "the old pods of three nodes terminate for 30 s, and the next three come meanwhile: all have two pods in the end",
			set: build.Set{MaxSurge: "3", MaxUnavailable: "0"}, times: simulate.PodTimes{ReadyAfter: 5 * time.Second, TerminatesAfter: 30 * time.Second},
			pods: 20, cpu: "10",
		}, {
			name: "surge that ends soon", why: "three more at a time, and each wave terminates for a second of the next",
			set: build.Set{MaxSurge: "3", MaxUnavailable: "0"}, times: simulate.PodTimes{ReadyAfter: 5 * time.Second, TerminatesAfter: time.Second},
			pods: 16, cpu: "8",
		}, {
			name: "no surge", why: "no node has two pods", set: build.Set{MaxUnavailable: "3"},
			times: simulate.PodTimes{ReadyAfter: 5 * time.Second, TerminatesAfter: 30 * time.Second}, pods: 10, cpu: "5",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.set.Spec = requesting("500m")
			in := running(t, tc.set, build.Nodes(names...)...)
			in.DaemonSet = in.DaemonSet.DeepCopy()
			in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
			opts := always(tc.times)
			now, most := len(in.Pods), len(in.Pods)
			opts.WatchPods = func(_ time.Time, old, cur *corev1.Pod) {
				if old == nil {
					now++
				} else if cur == nil {
					now--
				}
				most = max(most, now)
			}
			end := settle(t, in, opts)
			got := end.PeakRequests[corev1.ResourceCPU]
			if end.State != simulate.EndComplete || end.PeakPods != tc.pods || end.PeakPods != most || got.Cmp(resource.MustParse(tc.cpu)) != 0 {
				t.Errorf("Run() = %v with %d pods (%d seen), %v CPUs, want it complete with %d and %s: %s", end, end.PeakPods, most, got.String(), tc.pods, tc.cpu, tc.why)
			}
			again := settle(t, end.After, opts)
			if again.PeakPods != 10 {
				t.Errorf("another Run has %d pods at most, want the 10 that are there", again.PeakPods)
			}
		})
	}
	c, ds := settled(t, build.Set{MaxSurge: "1", MaxUnavailable: "0"}, "a", "b")
	ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
	apply(t, c, ds)
	if ends := settleCluster(t, c); ends[0].PeakPods <= 2 {
		t.Errorf("peak of a surge = %d, want more than 2 pods", ends[0].PeakPods)
	}
	if ends := settleCluster(t, c); ends[0].PeakPods != 2 {
		t.Errorf("peak of the next Settle = %d, want the 2 pods that are there", ends[0].PeakPods)
	}
	in := running(t, build.Set{}, build.Nodes("a")...)
	failed := in.Pods[0].DeepCopy()
	failed.Name, failed.Status = "failed", corev1.PodStatus{Phase: corev1.PodFailed}
	in.Pods = append(in.Pods, failed, build.Pod{Name: "foreign", Node: "a", Foreign: true}.Of(in.DaemonSet)) // neither counts
	if end := settle(t, in, simulate.Options{}); end.PeakPods != 1 || end.PeakRequests != nil {
		t.Errorf("peak of a cluster at rest = %d, %v, want 1 pod and no requests", end.PeakPods, end.PeakRequests)
	}
}

// TestCrashesAfter: a container restarts with the kubelet's backoff.
func TestCrashesAfter(t *testing.T) {
	c := &simulate.Cluster{Options: always(simulate.PodTimes{ReadyAfter: 5 * time.Second, CrashesAfter: 20 * time.Second})}
	ds := build.Set{}.Object()
	apply(t, c, ds, build.Nodes("a")[0])
	start := c.Now()
	var got []string
	for last := ""; c.Now().Sub(start) < 25*time.Minute; {
		if err := c.Advance(time.Second); err != nil {
			t.Fatal(err)
		}
		pod := c.Input(ds).Pods[0]
		words := []string{"starting"}
		if len(pod.Status.ContainerStatuses) > 0 {
			status := pod.Status.ContainerStatuses[0]
			words = []string{"running", fmt.Sprint(status.RestartCount)}
			if status.State.Waiting != nil {
				words[0] = "waiting"
			}
		}
		if strings.Contains(strings.Join(show(c.Input(ds)), ""), "ready=True") {
			words = append(words, "ready")
		}
		if text := strings.Join(words, " "); text != last {
			got, last = append(got, fmt.Sprintf("%v %s", c.Now().Sub(start), text)), text
		}
	}
	want := []string{
		"1s starting", "5s starting ready", "20s running 1", "25s running 1 ready", "40s waiting 1", "50s running 2", "55s running 2 ready",
		"1m10s waiting 2", "1m30s running 3", "1m35s running 3 ready", "1m50s waiting 3", "2m30s running 4", "2m35s running 4 ready",
		"2m50s waiting 4", "4m10s running 5", "4m15s running 5 ready", "4m30s waiting 5", "7m10s running 6", "7m15s running 6 ready",
		"7m30s waiting 6", "12m30s running 7", "12m35s running 7 ready", "12m50s waiting 7", "17m50s running 8", "17m55s running 8 ready",
		"18m10s waiting 8", "23m10s running 9", "23m15s running 9 ready", "23m30s waiting 9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("restarts (-want +got):\n%s", diff)
	}
	if ends := settleCluster(t, c); ends[0].State != simulate.EndStalled {
		t.Errorf("Settle() = %v, want it stalled: a crash loop never ends", ends[0])
	}
}

// TestCrashesLate: a container that runs for long is restarted at once, and one that has run for
// longer already does not crash.
func TestCrashesLate(t *testing.T) {
	c := &simulate.Cluster{Options: always(simulate.PodTimes{CrashesAfter: 11 * time.Minute})}
	ds := build.Set{}.Object()
	apply(t, c, ds, build.Nodes("a")[0])
	if err := c.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if status := c.Input(ds).Pods[0].Status.ContainerStatuses[0]; status.RestartCount != 10 || status.State.Running == nil {
		t.Errorf("container after two hours = %+v, want 10 restarts without a delay", status)
	}
	in := running(t, build.Set{}, build.Nodes("a")...)
	end := settle(t, in, always(simulate.PodTimes{CrashesAfter: time.Minute}))
	if end.State != simulate.EndComplete || len(end.After.Pods[0].Status.ContainerStatuses) > 0 {
		t.Errorf("Run() over a pod that is ready for an hour = %v, want it as it is", end)
	}
}

// TestCanaryRestarts plays the limits of a canary.
func TestCanaryRestarts(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		canary    rollout.Canary
		state     simulate.EndState
		rollback  bool
		restarts  int32
	}{
		{name: "defaults", why: "the sixth restart fails it, and the old template is back", state: simulate.EndComplete, rollback: true, restarts: 6},
		{name: "one restart", why: "two are too many", canary: rollout.Canary{FailRestarts: 1}, state: simulate.EndComplete, rollback: true, restarts: 2},
		{name: "many restarts", why: "the end waits for the limit", canary: rollout.Canary{PauseRestarts: -1, FailRestarts: 30}, state: simulate.EndComplete, rollback: true, restarts: 31},
		{name: "too many restarts", why: "a limit that is years away is none", canary: rollout.Canary{PauseRestarts: -1, FailRestarts: 1<<31 - 1}, state: simulate.EndStalled},
		{name: "pause", why: "a person has to decide", canary: rollout.Canary{PauseRestarts: 2, FailRestarts: -1}, state: simulate.EndWaiting},
		{name: "no limit", why: "it is never available", canary: rollout.Canary{PauseRestarts: -1, FailRestarts: -1}, state: simulate.EndStalled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := running(t, build.Set{}, build.Nodes("a", "b")...)
			in.DaemonSet = in.DaemonSet.DeepCopy()
			in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
			in.DaemonSet.Generation++
			tc.canary.Nodes = intstr.FromInt32(1)
			opts := simulate.Options{Policy: rollout.Policy{Canary: &tc.canary}}
			most := int32(0)
			opts.PodTimes = func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
				if pod.Spec.Containers[0].Image == "agent:2" {
					return simulate.PodTimes{CrashesAfter: 3 * time.Second}
				}
				return simulate.PodTimes{}
			}
			opts.WatchPods = func(_ time.Time, _, cur *corev1.Pod) {
				if cur != nil && len(cur.Status.ContainerStatuses) > 0 {
					most = max(most, cur.Status.ContainerStatuses[0].RestartCount)
				}
			}
			end := settle(t, in, opts)
			if end.State != tc.state || (end.Rollback != nil) != tc.rollback || tc.restarts > 0 && most != tc.restarts {
				t.Errorf("Run() = %v after %d restarts, rollback %v, want %v after %d, %v: %s", end, most, end.Rollback != nil, tc.state, tc.restarts, tc.rollback, tc.why)
			}
		})
	}
}

// TestCrashLoopGoesOn: a cluster made of the objects of another goes on to the same end, with waiting
// pods and crash loops in it.
func TestCrashLoopGoesOn(t *testing.T) {
	opts := simulate.Options{PodTimes: func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
		if node != nil && node.Name == "c" {
			return simulate.PodTimes{ReadyAfter: 4 * time.Second, CrashesAfter: 10 * time.Second}
		}
		return simulate.PodTimes{}
	}}
	ds := build.Set{Spec: requesting("3")}.Object()
	whole := &simulate.Cluster{Options: opts}
	apply(t, whole, sized("4", "a")[0], sized("2", "b")[0], sized("4", "c")[0], ds)
	for range 30 {
		if err := whole.Advance(7 * time.Second); err != nil {
			t.Fatal(err)
		}
		next, err := simulate.NewCluster(whole.Input(ds), opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.Advance(90 * time.Second); err != nil {
			t.Fatal(err)
		}
		same, err := simulate.NewCluster(whole.Input(ds), opts)
		if err != nil {
			t.Fatal(err)
		}
		for range 9 {
			if err := same.Advance(10 * time.Second); err != nil {
				t.Fatal(err)
			}
			if same, err = simulate.NewCluster(same.Input(ds), opts); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(next.Input(ds).Pods, same.Input(ds).Pods); diff != "" {
			t.Fatalf("pods of a cluster that was made anew nine times (-once +anew):\n%s", diff)
		}
	}
}
