package daemon_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

var (
	surging = build.Set{MaxSurge: "1"}

	plain    = []build.Node{{Name: "w1"}}
	tainted  = []build.Node{{Name: "w1", Taints: []corev1.Taint{build.NoSchedule("k")}}}
	draining = []build.Node{{Name: "w1", Taints: []corev1.Taint{build.NoExecute("k")}}}
)

const (
	failed    = corev1.PodFailed
	succeeded = corev1.PodSucceeded
)

// TestReconcile covers podsShouldBeOnNode and getUnscheduledPodsWithoutNode
// @v1.37.2. The current revision is "new"; unless a case says otherwise pods are
// available.
func TestReconcile(t *testing.T) {
	tests := []struct {
		name, why string
		state
		want []string
	}{
		// Nodes that should run a pod, no surge.
		{
			name: "no pod", why: "it should run one",
			state: state{nodes: plain},
			want:  []string{"create on w1: node has no pod"},
		},
		{
			name: "one pod", why: "as it should be, of whatever template",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old"}}},
		},
		{
			name: "waiting pod", why: "a pod that the scheduler has not bound yet holds its place",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Unbound: true}}},
		},
		{
			name: "not ready", why: "reconciling does not look at readiness",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", NotReady: true}}},
		},
		{
			name: "being deleted", why: "it holds its place until it is gone",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Deleting: true}}},
		},
		{
			name: "failed and being deleted", why: "left out: only its finalizers are left, so the place is free",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed, Deleting: true}}},
			want:  []string{"create on w1: node has no pod"},
		},
		{
			name: "orphan", why: "adopted in this very pass, it counts",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Orphan: true}}},
		},
		{
			name: "foreign and stray pods", why: "not ours: the place is free",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Foreign: true}, {Name: "b", Node: "w1", Labels: build.Labels{}}}},
			want:  []string{"create on w1: node has no pod"},
		},
		{
			name: "pod that names no node", why: "left out everywhere: upstream makes one beside it",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a"}}},
			want:  []string{"create on w1: node has no pod"},
		},
		{
			name: "failed", why: "it goes now, and the next pass makes a new one",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed}}},
			want: []string{
				"delete a on w1: pod failed",
				"event Warning FailedDaemonPod: Found failed daemon pod kube-system/a on node w1, will try to kill it",
			},
		},
		{
			name: "succeeded", why: "a daemon should not end",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: succeeded}}},
			want: []string{
				"delete a on w1: pod succeeded",
				"event Normal SucceededDaemonPod: Found succeeded daemon pod kube-system/a on node w1, will try to delete it",
			},
		},
		{
			name: "two failed", why: "the first is deleted, which puts the node in backoff for the second",
			state: state{nodes: plain, pods: []build.Pod{{Name: "b", Node: "w1", Phase: failed}, {Name: "a", Node: "w1", Phase: failed}}},
			want: []string{
				"delete a on w1: pod failed",
				"event Warning FailedDaemonPod: Found failed daemon pod kube-system/a on node w1, will try to kill it",
				"requeue after 1s",
			},
		},
		{
			name: "failed and succeeded beside a live one", why: "the finished go, the live one stays and is no duplicate",
			state: state{nodes: plain, pods: []build.Pod{{Name: "c", Node: "w1"}, {Name: "b", Node: "w1", Phase: succeeded}, {Name: "a", Node: "w1", Phase: failed}}},
			want: []string{
				"delete a on w1: pod failed", "delete b on w1: pod succeeded",
				"event Warning FailedDaemonPod: Found failed daemon pod kube-system/a on node w1, will try to kill it",
				"event Normal SucceededDaemonPod: Found succeeded daemon pod kube-system/b on node w1, will try to delete it",
			},
		},
		{
			name: "two live", why: "the oldest stays, although it is outdated and not ready",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new"}, {Name: "b", Node: "w1", Age: 2 * time.Hour, Hash: "old", NotReady: true}}},
			want:  []string{"delete a on w1: another pod stays on the node (b)"},
		},
		{
			name: "two of one age", why: "the first by name stays",
			state: state{nodes: plain, pods: []build.Pod{{Name: "b", Node: "w1"}, {Name: "a", Node: "w1"}}},
			want:  []string{"delete b on w1: another pod stays on the node (a)"},
		},
		{
			name: "bound and waiting", why: "the bound one stays, however young",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Unbound: true}, {Name: "b", Node: "w1", Age: time.Second}}},
			want:  []string{"delete a on w1: another pod stays on the node (b)"},
		},
		{
			name: "many live", why: "all but the first go, in the order of their age, then of their names",
			state: state{nodes: plain, pods: []build.Pod{
				{Name: "c", Node: "w1", Age: 4 * time.Hour}, {Name: "d", Node: "w1", Age: 5 * time.Hour},
				{Name: "b", Node: "w1"}, {Name: "a", Node: "w1", Age: 2 * time.Hour},
			}},
			want: []string{
				"delete c on w1: another pod stays on the node (d)",
				"delete a on w1: another pod stays on the node (d)",
				"delete b on w1: another pod stays on the node (d)",
			},
		},
		{
			name: "live and being deleted", why: "the one that goes anyway is no reason to delete the other",
			state: state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Age: 2 * time.Hour, Deleting: true}, {Name: "b", Node: "w1"}}},
		},

		// Nodes that should not get a pod but keep one.
		{
			name: "NoSchedule, no pod", why: "nothing belongs there",
			state: state{nodes: tainted},
		},
		{
			name: "NoSchedule, a pod", why: "only NoExecute drives pods out",
			state: state{nodes: tainted, pods: []build.Pod{{Name: "a", Node: "w1"}}},
		},
		{
			name: "NoSchedule, two pods", why: "duplicates go here too",
			state: state{nodes: tainted, pods: []build.Pod{{Name: "a", Node: "w1"}, {Name: "b", Node: "w1"}}},
			want:  []string{"delete b on w1: another pod stays on the node (a)"},
		},
		{
			name: "NoSchedule, failed", why: "finished pods go here too, and none follows",
			state: state{nodes: tainted, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed}}},
			want: []string{
				"delete a on w1: pod failed",
				"event Warning FailedDaemonPod: Found failed daemon pod kube-system/a on node w1, will try to kill it",
			},
		},
		{
			name: "NoSchedule, surge, being deleted", why: "no successor where nothing should run",
			state: state{set: surging, nodes: tainted, pods: []build.Pod{{Name: "a", Node: "w1", Deleting: true}}},
		},

		// Nodes that keep nothing.
		{
			name: "NoExecute, no pod", why: "nothing to do",
			state: state{nodes: draining},
		},
		{
			name: "NoExecute", why: "all pods go, bound ones first, but not twice; failed ones without event and backoff",
			state: state{nodes: draining, pods: []build.Pod{
				{Name: "d", Node: "w1", Age: 2 * time.Hour}, {Name: "c", Node: "w1", Deleting: true},
				{Name: "b", Node: "w1", Unbound: true}, {Name: "a", Node: "w1", Phase: failed},
			}},
			want: []string{
				"delete d on w1: node does not keep the pod: untolerated taint k:NoExecute",
				"delete a on w1: node does not keep the pod: untolerated taint k:NoExecute",
				"delete b on w1: node does not keep the pod: untolerated taint k:NoExecute",
			},
		},
		{
			name: "node selector", why: "labels decide about pods that are there already",
			state: state{
				set:   build.Set{Spec: corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}},
				nodes: []build.Node{{Name: "w1", Labels: build.Labels{"disk": "hdd"}}},
				pods:  []build.Pod{{Name: "a", Node: "w1"}},
			},
			want: []string{"delete a on w1: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd"},
		},

		// Nodes that do not exist.
		{
			name: "gone node, bound pod", why: "pod garbage collection ends it",
			state: state{pods: []build.Pod{{Name: "a", Node: "w1"}, {Name: "b", Node: "w1", Phase: failed}, {Name: "c", Node: "w1", Hash: "old"}}},
		},
		{
			name: "gone node, waiting pods", why: "nobody else would ever end them",
			state: state{pods: []build.Pod{{Name: "c", Node: "w1", Unbound: true}, {Name: "b", Node: "w1"}, {Name: "a", Node: "w1", Unbound: true, Age: time.Minute}}},
			want: []string{
				"delete c on w1: node does not exist and pod was never bound",
				"delete a on w1: node does not exist and pod was never bound",
			},
		},
		{
			name: "gone node, waiting pod being deleted", why: "upstream deletes it again: it does not look",
			state: state{pods: []build.Pod{{Name: "a", Node: "w1", Unbound: true, Deleting: true}}},
			want:  []string{"delete a on w1: node does not exist and pod was never bound"},
		},
		{
			name: "gone node, finished waiting pod being deleted", why: "left out",
			state: state{pods: []build.Pod{{Name: "a", Node: "w1", Unbound: true, Phase: failed, Deleting: true}}},
		},

		// Surge.
		{
			name: "surge, no pod", why: "as without",
			state: state{set: surging, nodes: plain},
			want:  []string{"create on w1: node has no pod"},
		},
		{
			name: "surge, being deleted", why: "with surge the successor need not wait",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Deleting: true}}},
			want:  []string{"create on w1: all pods on the node are terminating or finished"},
		},
		{
			name: "surge, failed", why: "deleted and replaced in one pass",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed}}},
			want: []string{
				"delete a on w1: pod failed",
				"create on w1: all pods on the node are terminating or finished",
				"event Warning FailedDaemonPod: Found failed daemon pod kube-system/a on node w1, will try to kill it",
			},
		},
		{
			name: "surge, one live", why: "nothing too much, nothing too little",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old"}, {Name: "b", Node: "w1", Deleting: true}}},
		},
		{
			name: "surge, old ready, new not ready", why: "that is what surging is: both stay",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old"}, {Name: "b", Node: "w1", Hash: "new", NotReady: true}}},
		},
		{
			name: "surge, old ready, new waiting", why: "likewise",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old"}, {Name: "b", Node: "w1", Hash: "new", Unbound: true}}},
		},
		{
			name: "surge, old ready, new not available yet", why: "ready is not enough to take over",
			state: state{
				set: build.Set{MaxSurge: "1", MinReady: 10}, nodes: plain,
				pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old"}, {Name: "b", Node: "w1", Hash: "new", Ready: 9 * time.Second}},
			},
		},
		{
			name: "surge, new available", why: "it has taken over",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old"}, {Name: "b", Node: "w1", Hash: "new", Age: time.Minute}}},
			want:  []string{"delete a on w1: outdated, and the new pod is available (b)"},
		},
		{
			name: "surge, neither ready", why: "the old one is of no use",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old", NotReady: true}, {Name: "b", Node: "w1", Hash: "new", NotReady: true}}},
			want:  []string{"delete a on w1: outdated, not ready, and a new pod is there (b)"},
		},
		{
			name: "surge, old not available but ready", why: "only readiness is asked of the old one",
			state: state{
				set: build.Set{MaxSurge: "1", MinReady: 10}, nodes: plain,
				pods: []build.Pod{{Name: "a", Node: "w1", Hash: "old", Ready: time.Second}, {Name: "b", Node: "w1", Hash: "new", NotReady: true}},
			},
		},
		{
			name: "surge, two new", why: "the oldest new one stays",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "new", Age: time.Minute}, {Name: "b", Node: "w1", Hash: "new", NotReady: true}}},
			want:  []string{"delete a on w1: another pod stays on the node (b)"},
		},
		{
			name: "surge, two old", why: "the oldest old one stays, until a new one comes",
			state: state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Hash: "older"}, {Name: "b", Node: "w1", Hash: "old", Age: 2 * time.Hour}}},
			want:  []string{"delete a on w1: another pod stays on the node (b)"},
		},
		{
			name: "surge, two of each", why: "the oldest of each decide between themselves",
			state: state{set: surging, nodes: plain, pods: []build.Pod{
				{Name: "a", Node: "w1", Hash: "new"}, {Name: "b", Node: "w1", Hash: "old"},
				{Name: "c", Node: "w1", Hash: "new", Age: 2 * time.Hour, NotReady: true}, {Name: "d", Node: "w1", Hash: "old", Age: 2 * time.Hour},
			}},
			want: []string{
				"delete a on w1: another pod stays on the node (c)",
				"delete b on w1: another pod stays on the node (d)",
			},
		},
		{
			name: "surge, template generation", why: "new and old are told apart by the hash alone",
			state: state{
				set: build.Set{MaxSurge: "1", Annotations: build.Labels{appsv1.DeprecatedTemplateGeneration: "3"}}, nodes: plain,
				pods: []build.Pod{
					{Name: "a", Node: "w1", Labels: build.Labels{"app": "agent", "pod-template-generation": "3"}, NotReady: true},
					{Name: "b", Node: "w1", Hash: "new", NotReady: true},
				},
			},
			want: []string{"delete a on w1: outdated, not ready, and a new pod is there (b)"},
		},
		{
			name: "surge in percent", why: "any percentage above zero counts on one node",
			state: state{set: build.Set{MaxSurge: "1%"}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Deleting: true}}},
			want:  []string{"create on w1: all pods on the node are terminating or finished"},
		},
		{
			name: "surge of 0%", why: "no surge",
			state: state{set: build.Set{MaxSurge: "0%"}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Deleting: true}}},
		},
		{
			name: "surge that is no number", why: "upstream takes it for no surge here (AllowsSurge@v1.37.2)",
			state: state{set: build.Set{MaxSurge: "some"}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Deleting: true}}},
		},

		// The whole.
		{
			name: "set being deleted", why: "the garbage collector takes over (syncDaemonSet@v1.37.2)",
			state: state{set: build.Set{Deleting: true}, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w2", Unbound: true}}},
		},
		{
			name: "several nodes", why: "in the order of their names; nodes that do not exist come last",
			state: state{
				nodes: []build.Node{{Name: "w3"}, {Name: "w10"}, {Name: "w2", Taints: []corev1.Taint{build.NoExecute("k")}}, {Name: "w1"}},
				pods: []build.Pod{
					{Name: "z", Node: "w1"}, {Name: "y", Node: "w1", Age: time.Minute}, {Name: "x", Node: "w2"}, {Name: "w", Node: "w11", Unbound: true},
				},
			},
			want: []string{
				"delete y on w1: another pod stays on the node (z)",
				"delete x on w2: node does not keep the pod: untolerated taint k:NoExecute",
				"delete w on w11: node does not exist and pod was never bound",
				"create on w10: node has no pod",
				"create on w3: node has no pod",
			},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in := tc.input()
			plan := daemon.Reconcile(observe(t, in))
			if diff := cmp.Diff(strings.Join(tc.want, "\n"), trimQuiet(plan)); diff != "" {
				t.Errorf("Reconcile() (-want +got):\n%s%s", diff, tc.why)
			}
			for _, c := range plan.Create {
				if diff := cmp.Diff(daemon.NewPod(in.DaemonSet, c.Node, "new"), c.Pod); diff != "" {
					t.Errorf("pod to create (-want +got):\n%s", diff)
				}
			}
			for _, d := range plan.Delete {
				if !slices.Contains(in.Pods, d.Pod) {
					t.Errorf("%v: the pod is none of the input's", d)
				}
			}
		})
	}
}

// trimQuiet returns the plan's lines, and none for an empty plan.
func trimQuiet(p *daemon.Plan) string {
	if text := p.String(); text != "nothing to do" {
		return text
	}
	return ""
}

// TestReconcileStrategies: whether a node may have two pods.
func TestReconcileStrategies(t *testing.T) {
	tests := []struct {
		name, why string
		change    func(*appsv1.DaemonSetUpdateStrategy)
		surge     bool
	}{
		{"rolling with surge", "it may", func(*appsv1.DaemonSetUpdateStrategy) {}, true},
		{"OnDelete", "what is left in rollingUpdate does not count", func(s *appsv1.DaemonSetUpdateStrategy) { s.Type = appsv1.OnDeleteDaemonSetStrategyType }, false},
		{"unknown type", "from a newer server", func(s *appsv1.DaemonSetUpdateStrategy) { s.Type = "Sideways" }, false},
		{"no maxSurge", "nothing asks for surge", func(s *appsv1.DaemonSetUpdateStrategy) { s.RollingUpdate.MaxSurge = nil }, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in := state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Deleting: true}}}.input()
			tc.change(&in.DaemonSet.Spec.UpdateStrategy)
			if plan := daemon.Reconcile(observe(t, in)); (len(plan.Create) == 1) != tc.surge {
				t.Errorf("Reconcile() = %v, want a successor: %v: %s", plan, tc.surge, tc.why)
			}
		})
	}
}

// TestReconcileWithoutHash: before the first revision no pod has a hash, and none
// is asked for.
func TestReconcileWithoutHash(t *testing.T) {
	in := state{set: surging, nodes: plain, pods: []build.Pod{
		{Name: "a", Node: "w1"}, {Name: "b", Node: "w1", Hash: "old"},
	}}.input()
	in.Revisions = build.Current(in.DaemonSet, "")
	want := "delete b on w1: outdated, and the new pod is available (a)"
	if got := daemon.Reconcile(observe(t, in)).String(); got != want {
		t.Errorf("Reconcile() = %s, want %s: a missing label equals an empty hash, as upstream compares them", got, want)
	}
}

// TestReconcileDetails checks what String does not show.
func TestReconcileDetails(t *testing.T) {
	in := state{nodes: append(draining, build.Node{Name: "w2"}), pods: []build.Pod{
		{Name: "a", Node: "w1"}, {Name: "b", Node: "w2"}, {Name: "c", Node: "w2"}, {Name: "d", Node: "w3", Unbound: true},
	}}.input()
	plan := daemon.Reconcile(observe(t, in))
	if len(plan.Delete) != 3 {
		t.Fatalf("Reconcile() = %v, want three deletions", plan)
	}
	notEligible, duplicate, noNode := plan.Delete[0], plan.Delete[1], plan.Delete[2]
	if notEligible.Reason != daemon.DeleteReasonNotKept || notEligible.Explanation.Taint == nil || notEligible.Stays != nil {
		t.Errorf("%v: reason %v, explanation %v, stays %v", notEligible, notEligible.Reason, notEligible.Explanation, notEligible.Stays)
	}
	if duplicate.Reason != daemon.DeleteReasonDuplicate || duplicate.Stays != in.Pods[1] || duplicate.Explanation.Reason != 0 {
		t.Errorf("%v: reason %v, explanation %v, stays %v", duplicate, duplicate.Reason, duplicate.Explanation, duplicate.Stays)
	}
	if noNode.Reason != daemon.DeleteReasonNoNode || noNode.Explanation.Reason != 0 {
		t.Errorf("%v: reason %v, explanation %v", noNode, noNode.Reason, noNode.Explanation)
	}
}

// TestBurst covers the limit of syncNodes@v1.37.2.
func TestBurst(t *testing.T) {
	in := state{}.input()
	for i := range 300 {
		in.Nodes = append(in.Nodes, build.Node{Name: fmt.Sprintf("w%03d", i)}.Object())
		in.Pods = append(in.Pods, build.Pod{Name: fmt.Sprint("p", i), Node: fmt.Sprintf("x%03d", i), Unbound: true}.Of(in.DaemonSet))
	}
	tests := []struct {
		name, why      string
		burst          int
		keep, putOff   int
		lastCreatedFor string
	}{
		{"default", "upstream's limit", 0, 250, 50, "w249"},
		{"one", "as few as possible", 1, 1, 299, "w000"},
		{"all", "just enough", 300, 300, 0, "w299"},
		{"more", "more than enough", 1000, 300, 0, "w299"},
		{"none", "below zero there is no limit", -1, 300, 0, "w299"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in.BurstReplicas = tc.burst
			plan := daemon.Reconcile(observe(t, in))
			if len(plan.Create) != tc.keep || plan.CreateDeferred != tc.putOff || len(plan.Delete) != tc.keep || plan.DeleteDeferred != tc.putOff {
				t.Fatalf("%d created, %d put off, %d deleted, %d put off, want %d and %d each: %s",
					len(plan.Create), plan.CreateDeferred, len(plan.Delete), plan.DeleteDeferred, tc.keep, tc.putOff, tc.why)
			}
			last := plan.Create[tc.keep-1]
			if last.Node != tc.lastCreatedFor || last.Pod == nil {
				t.Errorf("last created = %+v, want a pod for %s: the first nodes come first", last, tc.lastCreatedFor)
			}
			if first := plan.Delete[0].Node; first != "x000" {
				t.Errorf("first deleted is on %s, want x000", first)
			}
		})
	}
}

// TestBurstKeepsEvents: upstream records events for pods whose deletion is put off. The backoff
// is that of the pods that are deleted.
func TestBurstKeepsEvents(t *testing.T) {
	in := state{nodes: []build.Node{{Name: "w1"}, {Name: "w2"}}, pods: []build.Pod{
		{Name: "a", Node: "w1", Phase: failed}, {Name: "b", Node: "w2", Phase: failed},
	}}.input()
	in.BurstReplicas = 1
	plan := daemon.Reconcile(observe(t, in))
	if len(plan.Delete) != 1 || plan.DeleteDeferred != 1 || len(plan.Events) != 2 || len(plan.BackoffChanges) != 1 {
		t.Errorf("Reconcile() = %v, backoff %v, want one deletion of two, with two events and one node in backoff", plan, plan.BackoffChanges)
	}
}

// TestReconcileOwnedFirst: of two failed pods on a node only one is deleted, and that is
// the DaemonSet's own, although an orphan is older (ClaimObject@v1.37.2 adopts later).
func TestReconcileOwnedFirst(t *testing.T) {
	plan := daemon.Reconcile(observe(t, state{nodes: plain, pods: []build.Pod{
		{Name: "a-orphan", Node: "w1", Phase: failed, Orphan: true, Age: 2 * time.Hour},
		{Name: "b-own", Node: "w1", Phase: failed, Age: time.Hour},
	}}.input()))
	if len(plan.Delete) != 1 || plan.Delete[0].Pod.Name != "b-own" || plan.RequeueAfter != time.Second {
		t.Errorf("Reconcile() = %v, want b-own deleted and the orphan put off for a second", plan)
	}
}

// TestBurstStarvesNoNode plays failures in lockstep: every pod has failed after a quarter of an
// hour, on more nodes than one pass deletes pods on. No node waits for the failures of others.
func TestBurstStarvesNoNode(t *testing.T) {
	const nodes, burst = 6, 5
	in := state{}.input()
	in.BurstReplicas = burst
	deletions := map[string]int{}
	var names []string
	for i := range nodes {
		names = append(names, fmt.Sprint("w", i))
	}
	in.Nodes = build.Nodes(names...)
	const rounds = 12
	for pass := range 3 * rounds {
		in.Now = in.Now.Add(time.Second)
		if pass%3 == 0 {
			in.Now = in.Now.Add(15 * time.Minute)
			for _, p := range in.Pods {
				p.Status.Phase = failed
			}
		}
		plan := daemon.Reconcile(observe(t, in))
		if len(plan.Delete) > burst {
			t.Fatalf("Reconcile() deletes %d pods, want at most %d", len(plan.Delete), burst)
		}
		in.Backoff = in.Backoff.With(plan.BackoffChanges)
		for _, d := range plan.Delete {
			deletions[d.Node]++
			in.Pods = slices.DeleteFunc(in.Pods, func(p *corev1.Pod) bool { return p == d.Pod })
		}
		for i, c := range plan.Create {
			c.Pod.Name, c.Pod.CreationTimestamp = fmt.Sprint(in.Now.Unix(), "-", i), metav1.NewTime(in.Now)
			in.Pods = append(in.Pods, c.Pod)
		}
	}
	for _, name := range names {
		if deletions[name] < rounds-2 {
			t.Errorf("deleted pods by node: %v, want one in almost each of %d rounds", deletions, rounds)
		}
	}
}

// TestBurstPutsOffBackoff: a deletion that is put off leaves the entry of its node as it was,
// unless it has expired.
func TestBurstPutsOffBackoff(t *testing.T) {
	in := state{nodes: []build.Node{{Name: "w1"}, {Name: "w2"}, {Name: "w3"}, {Name: "w4"}}, pods: []build.Pod{
		{Name: "a", Node: "w1", Phase: failed}, {Name: "b", Node: "w2", Phase: failed}, {Name: "c", Node: "w3", Phase: failed}, {Name: "d", Node: "w4", Phase: failed},
	}}.input()
	key := func(node string) daemon.BackoffKey { return daemon.BackoffKey{UID: "uid-agent", Node: node} }
	entry := func(ago, delay time.Duration) daemon.BackoffEntry {
		return daemon.BackoffEntry{Last: in.Now.Add(-ago), Delay: delay}
	}
	in.BurstReplicas = 1
	in.Backoff = daemon.Backoff{key("w1"): entry(time.Minute, 4*time.Second), key("w2"): entry(time.Minute, 8*time.Second), key("w3"): entry(time.Hour, time.Second)}
	before := maps.Clone(in.Backoff)
	plan := daemon.Reconcile(observe(t, in))
	want := daemon.Backoff{key("w1"): entry(0, 8*time.Second), key("w2"): entry(time.Minute, 8*time.Second)}
	if diff := cmp.Diff(want, in.Backoff.With(plan.BackoffChanges)); diff != "" || plan.DeleteDeferred != 3 {
		t.Errorf("Reconcile() puts off %d deletions, want 3; Backoff (-want +got):\n%s", plan.DeleteDeferred, diff)
	}
	if diff := cmp.Diff(before, in.Backoff); diff != "" {
		t.Errorf("Reconcile() changed the Backoff given (-before +after):\n%s", diff)
	}
}
