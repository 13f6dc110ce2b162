package rollout_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

func TestUsedBudget(t *testing.T) {
	surge := build.Set{MaxSurge: "1"}
	updated := func(name string) build.Pod { return build.Pod{Name: name, Node: "w1", Hash: "new"} }
	outdated := build.Pod{Name: "outdated", Node: "w1", Hash: "old"}
	notReady := func(pod build.Pod) build.Pod {
		pod.NotReady = true
		return pod
	}
	terminating := updated("terminating")
	terminating.Deleting = true
	for _, tc := range []struct {
		name, why string
		set       build.Set
		pods      []build.Pod
		want      rollout.BudgetReason // 0: the node does not count
	}{
		{"no pod", "a missing pod is not available", build.Set{}, nil, rollout.BudgetNoPod},
		{"terminating", "a terminating pod does not count, and is there", build.Set{}, []build.Pod{terminating}, rollout.BudgetTerminatingPod},
		{"new", "it is available", build.Set{}, []build.Pod{updated("a")}, 0},
		{"new, not available", "its outdated pod is gone already", build.Set{}, []build.Pod{notReady(updated("a"))}, rollout.BudgetUpdatedPod},
		{"outdated", "it is available", build.Set{}, []build.Pod{outdated}, 0},
		{"outdated, not available", "it counts before it is replaced", build.Set{}, []build.Pod{notReady(outdated)}, rollout.BudgetOutdatedPod},
		{"both", "reconciling deletes one of them", build.Set{}, []build.Pod{outdated, updated("a")}, rollout.BudgetTwoPods},
		{"two new ones", "reconciling deletes one of them", build.Set{}, []build.Pod{updated("a"), updated("b")}, rollout.BudgetSeveralPods},
		{"surge: no pod", "a missing pod is no surge", surge, nil, 0},
		{"surge: both, available", "the outdated pod is deleted now", surge, []build.Pod{outdated, updated("a")}, 0},
		{"surge: both", "the new pod is not available", surge, []build.Pod{outdated, notReady(updated("a"))}, rollout.BudgetTwoPods},
		{"surge: two new ones", "reconciling deletes one of them", surge, []build.Pod{updated("a"), updated("b")}, rollout.BudgetSeveralPods},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.set.Object()
			in := daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1"), Revisions: build.Current(ds, "new"), Now: build.Now}
			for _, pod := range tc.pods {
				in.Pods = append(in.Pods, pod.Of(ds))
			}
			want := rollout.Budget{Kind: rollout.BudgetMaxUnavailable, Limit: 1}
			if tc.set.MaxSurge != "" {
				want.Kind = rollout.BudgetMaxSurge
			}
			if tc.want != 0 {
				want.Users = []rollout.BudgetUser{{Node: "w1", Reason: tc.want}}
			}
			got := usedBudget(t, in, rollout.Options{})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("UsedBudget() differs: %s (-want +got):\n%s", tc.why, diff)
			}
			if got.Exhausted() != (tc.want != 0) {
				t.Errorf("Exhausted() = %v with %d users of %d", got.Exhausted(), len(got.Users), got.Limit)
			}
		})
	}
}

func usedBudget(t *testing.T, in daemon.Input, opts rollout.Options) rollout.Budget {
	t.Helper()
	s, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := rollout.UsedBudget(s, opts)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestUsedBudgetNone has the cases without a budget.
func TestUsedBudgetNone(t *testing.T) {
	for name, set := range map[string]build.Set{"OnDelete": {OnDelete: true}, "deleting": {Deleting: true}} {
		if got := usedBudget(t, daemon.Input{DaemonSet: set.Object(), Nodes: build.Nodes("w1"), Now: build.Now}, rollout.Options{}); got.Kind != 0 || got.Exhausted() {
			t.Errorf("%s: UsedBudget() = %+v, want the zero Budget", name, got)
		}
	}
	for _, s := range []*daemon.Snapshot{nil, {}} {
		var fieldErr *field.Error
		if _, err := rollout.UsedBudget(s, rollout.Options{}); !errors.As(err, &fieldErr) || fieldErr.Field != "snapshot" {
			t.Errorf("UsedBudget() = %v, want a *field.Error at snapshot", err)
		}
	}
}

// TestUsedBudgetPolicy: a node that the policy ignores uses no budget.
func TestUsedBudgetPolicy(t *testing.T) {
	ds := build.Set{}.Object()
	in := daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1", "w2"), Revisions: build.Current(ds, "new"), Now: build.Now}
	in.Nodes[0].Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
	opts := rollout.Options{Policy: rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}}
	want := []rollout.BudgetUser{{Node: "w2", Reason: rollout.BudgetNoPod}}
	if diff := cmp.Diff(want, usedBudget(t, in, opts).Users); diff != "" {
		t.Errorf("UsedBudget().Users differs (-want +got):\n%s", diff)
	}
	in.Nodes[0].Status.Conditions[0].LastTransitionTime = metav1.NewTime(build.Now)
	opts.Policy.IgnoreNotReadyNodes.After.Duration = time.Minute
	if got := usedBudget(t, in, opts).Users; len(got) != 2 {
		t.Errorf("UsedBudget().Users = %v, want both nodes while w1 is not ignored yet", got)
	}
}

func TestBudgetStrings(t *testing.T) {
	for _, tc := range []struct {
		got  fmt.Stringer
		want string
	}{
		{rollout.BudgetMaxUnavailable, "maxUnavailable"},
		{rollout.BudgetMaxSurge, "maxSurge"},
		{rollout.BudgetKind(-1), "BudgetKind(-1)"},
		{rollout.BudgetNoPod, "no pod"},
		{rollout.BudgetTerminatingPod, "pod is terminating"},
		{rollout.BudgetSeveralPods, "several pods of one kind"},
		{rollout.BudgetReason(9), "BudgetReason(9)"},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("%T.String() = %q, want %q", tc.got, got, tc.want)
		}
	}
}
