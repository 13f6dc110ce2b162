package rollout_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// syncInput is policyInput with one revision, which holds the template.
func syncInput(t *testing.T, set build.Set, nodes string) daemon.Input {
	t.Helper()
	in := policyInput(t, set, nodes)
	in.Revisions = build.Current(in.DaemonSet, "new")
	in.Backoff = nil
	return in
}

// statusOf is the status that a pass over the same cluster writes.
func statusOf(t *testing.T, in daemon.Input) appsv1.DaemonSetStatus {
	t.Helper()
	result, err := rollout.Sync(in, rollout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if result.Status == nil {
		return in.DaemonSet.Status
	}
	return *result.Status
}

// TestSyncStages has which stages a pass makes, in which order, and what each leaves
// to the next.
func TestSyncStages(t *testing.T) {
	status := "status: desired 2, current 2, ready 2, up-to-date %d, available 2, unavailable 0, misscheduled 0, observed generation 1"
	for _, tc := range []struct {
		name, why string
		set       build.Set
		nodes     string
		change    func(in *daemon.Input)
		awaiting  bool
		outcome   rollout.Outcome
		want      string
		step      bool
	}{
		{
			name: "at rest", why: "all is as it should be", nodes: "a=new b=new", outcome: rollout.OutcomeSynced, step: true,
			change: func(in *daemon.Input) { in.DaemonSet.Status = statusOf(t, *in) }, want: "nothing to do",
		}, {
			name: "status alone", why: "nobody has written it yet", nodes: "a=new b=new", outcome: rollout.OutcomeSynced, step: true,
			want: strings.Replace(status, "%d", "2", 1),
		}, {
			name: "creates, no step", why: "the update waits until reconciling has nothing to write", nodes: "a b=old", outcome: rollout.OutcomeSynced,
			want: "create on a: node has no pod\nstatus: desired 2, current 1, ready 1, up-to-date 0, available 1, unavailable 1, misscheduled 0, observed generation 1",
		}, {
			name: "step", why: "reconciling has nothing to write", nodes: "a=old b=old", outcome: rollout.OutcomeSynced, step: true,
			want: "delete a-0 on a: outdated, within maxUnavailable\n" + strings.Replace(status, "%d", "0", 1),
		}, {
			name: "on delete", why: "it takes no steps", set: build.Set{OnDelete: true}, nodes: "a=old b=old", outcome: rollout.OutcomeSynced,
			want: strings.Replace(status, "%d", "0", 1),
		}, {
			name: "history, claims, pods, clean-up", why: "the order in which the writes are carried out", nodes: "a=new b=old", outcome: rollout.OutcomeSynced, step: true,
			change: func(in *daemon.Input) {
				limit := int32(0)
				in.DaemonSet.Spec.RevisionHistoryLimit = &limit
				in.Pods[0].OwnerReferences = nil
				in.Revisions = append(build.History(in.DaemonSet, "older:1 old:2:orphan"), in.Revisions...)
				in.Revisions[2].Revision = 3
			},
			want: "adopt revision agent-old\nadopt pod a-0\ndelete b-0 on b: outdated, within maxUnavailable\n" +
				"delete revision agent-older (number 1): history limit\n" + strings.Replace(status, "%d", "1", 1),
		}, {
			name: "relabelled pods", why: "they count as current in the same pass", nodes: "a=old b=new", outcome: rollout.OutcomeSynced, step: true,
			change: func(in *daemon.Input) {
				in.Revisions = append(in.Revisions, build.History(in.DaemonSet, "old:0:current")...)
			},
			want: "relabel pod a-0 to new\ndelete revision agent-old (number 0): duplicate of agent-new\n" + strings.Replace(status, "%d", "2", 1),
		}, {
			name: "awaiting writes", awaiting: true, why: "pods are left alone, and so is the generation", nodes: "a=old b", outcome: rollout.OutcomeAwaitingWrites,
			change: func(in *daemon.Input) {
				in.DaemonSet.Generation, in.DaemonSet.Status.ObservedGeneration = 5, 4
				in.Revisions = append(in.Revisions, build.History(in.DaemonSet, "h0:0")...)
				limit := int32(0)
				in.DaemonSet.Spec.RevisionHistoryLimit = &limit
			},
			want: "waiting for earlier writes to be observed\nstatus: desired 2, current 1, ready 1, up-to-date 0, available 1, unavailable 1, misscheduled 0, observed generation 4",
		}, {
			name: "awaiting writes, only the generation is behind", awaiting: true, why: "the pass must not raise it, and so the status is up to date", nodes: "a=new b=new", outcome: rollout.OutcomeAwaitingWrites,
			change: func(in *daemon.Input) {
				in.DaemonSet.Status = statusOf(t, *in)
				in.DaemonSet.Generation++
			},
			want: "waiting for earlier writes to be observed",
		}, {
			name: "deleting", why: "nothing is done", nodes: "a b=old", outcome: rollout.OutcomeDeleting, set: build.Set{Deleting: true}, want: "being deleted",
		}, {
			name: "selects everything", why: "an event says so, and nothing is done", nodes: "a b=old", outcome: rollout.OutcomeSelectsEverything,
			change: func(in *daemon.Input) { in.DaemonSet.Spec.Selector = &metav1.LabelSelector{} },
			want:   "selector selects every pod\nevent Warning SelectingAll: This daemon set is selecting all pods. A non-empty selector is required.",
		}, {
			name: "collision", why: "the pass ends with the new count", nodes: "a b=old", outcome: rollout.OutcomeCollision,
			change: func(in *daemon.Input) {
				in.Revisions = build.History(in.DaemonSet, daemon.TemplateHash(&in.DaemonSet.Spec.Template, nil)+":1:foreign")
			},
			want: "revision name is taken\nstatus: desired 0, current 0, ready 0, up-to-date 0, available 0, unavailable 0, misscheduled 0, observed generation 0, collision count 1",
		}, {
			name: "ready, not for long enough", why: "the pass is to be made again", set: build.Set{MinReady: 3600}, nodes: "a=new b=new", outcome: rollout.OutcomeSynced, step: true,
			want: "requeue after 1h0m0s\nstatus: desired 2, current 2, ready 2, up-to-date 2, available 0, unavailable 2, misscheduled 0, observed generation 1",
		}, {
			name: "waits", why: "the step says for what", nodes: "a=new! b=old", outcome: rollout.OutcomeSynced, step: true,
			change: func(in *daemon.Input) { in.DaemonSet.Status = statusOf(t, *in) },
			want:   "update waits: 2 desired, 1 outdated; maxUnavailable 1, 1 unavailable",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := syncInput(t, tc.set, tc.nodes)
			if tc.change != nil {
				tc.change(&in)
			}
			result, err := rollout.Sync(in, rollout.Options{AwaitingWrites: tc.awaiting})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, result.String()); diff != "" {
				t.Errorf("Sync() (-want +got), because %s:\n%s", tc.why, diff)
			}
			if result.Outcome != tc.outcome || (result.Step != nil) != tc.step {
				t.Errorf("Sync() ends %v with step %v, want %v and a step: %t", result.Outcome, result.Step, tc.outcome, tc.step)
			}
			ended := tc.outcome == rollout.OutcomeDeleting || tc.outcome == rollout.OutcomeSelectsEverything || tc.outcome == rollout.OutcomeCollision
			if (result.Snapshot == nil) != ended {
				t.Errorf("Sync() has the snapshot %v at the outcome %v", result.Snapshot, tc.outcome)
			}
			rests := tc.want == "nothing to do" || strings.HasPrefix(tc.want, "update waits") || tc.want == rollout.OutcomeAwaitingWrites.String()
			if empty := rests || ended && tc.outcome != rollout.OutcomeCollision; result.Empty() != empty {
				t.Errorf("Empty() = %t on %v", result.Empty(), result)
			}
		})
	}
}

// TestSyncErrors has what a pass fails for, and what it writes all the same.
func TestSyncErrors(t *testing.T) {
	unknown := func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.Type = "Surge" }
	noBudget := func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = nil }
	const status = "\nstatus: desired 1, current 1, ready 1, up-to-date 0, available 1, unavailable 0, misscheduled 0, observed generation 1"
	for _, tc := range []struct {
		name   string
		change func(in *daemon.Input)
		want   string // how the error begins
		writes string
	}{
		{"no DaemonSet", func(in *daemon.Input) { in.DaemonSet = nil }, "daemonSet: Required value", ""},
		{"no selector", func(in *daemon.Input) { in.DaemonSet.Spec.Selector = nil }, "spec.selector: Required value", ""},
		{"nil node", func(in *daemon.Input) { in.Nodes = append(in.Nodes, nil) }, "nodes[1]: Required value", ""},
		{"nil pod", func(in *daemon.Input) { in.Pods = append(in.Pods, nil) }, "pods[1]: Required value", ""},
		{"nil revision", func(in *daemon.Input) { in.Revisions[0] = nil }, "revisions[0]: Required value", ""},
		{"unknown strategy", func(in *daemon.Input) { unknown(in.DaemonSet) }, "spec.updateStrategy.type: Unsupported value",
			"delete revision agent-h0 (number 0): history limit" + status},
		{"no budget", func(in *daemon.Input) { noBudget(in.DaemonSet) }, "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value",
			strings.TrimPrefix(status, "\n")},
		{"no budget, nothing to update yet", func(in *daemon.Input) { noBudget(in.DaemonSet); in.Pods = nil }, "",
			"create on a: node has no pod\ndelete revision agent-h0 (number 0): history limit\n" +
				"status: desired 1, current 0, ready 0, up-to-date 0, available 0, unavailable 1, misscheduled 0, observed generation 1"},
		{"unknown strategy, awaiting writes", func(in *daemon.Input) { unknown(in.DaemonSet) }, "",
			"waiting for earlier writes to be observed\nstatus: desired 1, current 1, ready 1, up-to-date 0, available 1, unavailable 0, misscheduled 0, observed generation 0"},
		{"unknown strategy, deleting", func(in *daemon.Input) {
			unknown(in.DaemonSet)
			in.DaemonSet.DeletionTimestamp = build.Set{Deleting: true}.Object().DeletionTimestamp
		}, "", "being deleted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := syncInput(t, build.Set{}, "a=old")
			in.Revisions = append(in.Revisions, build.History(in.DaemonSet, "h0:0")...)
			limit := int32(0)
			in.DaemonSet.Spec.RevisionHistoryLimit = &limit
			tc.change(&in)
			result, err := rollout.Sync(in, rollout.Options{AwaitingWrites: strings.HasSuffix(tc.name, "awaiting writes")})
			if (err != nil) != (tc.want != "") {
				t.Fatalf("Sync() = %v, want %q", err, tc.want)
			}
			var wrong *field.Error
			if err != nil && (!errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), tc.want)) {
				t.Errorf("Sync() = %v, want %s", err, tc.want)
			}
			if tc.writes == "" {
				if result != nil {
					t.Errorf("Sync() writes %v beside %v", result, err)
				}
				return
			}
			if diff := cmp.Diff(tc.writes, result.String()); diff != "" {
				t.Errorf("Sync() beside %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestSyncBackoff(t *testing.T) {
	in := syncInput(t, build.Set{}, "a=new")
	in.Pods[0].Status.Phase = "Failed"
	memory := daemon.Backoff{{UID: in.DaemonSet.UID, Node: "a"}: {Last: build.Now.Add(-time.Second), Delay: 4 * time.Second}}
	in.Backoff = memory
	result, err := rollout.Sync(in, rollout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !result.Plan.Empty() || result.Plan.RequeueAfter != 4*time.Second || result.Plan.BackoffChanges != nil {
		t.Errorf("Sync() within the backoff plans %v and changes %v, want to look again after the whole delay, as upstream does", &result.Plan, result.Plan.BackoffChanges)
	}
	in.Now = in.Now.Add(4 * time.Second)
	if result, err = rollout.Sync(in, rollout.Options{}); err != nil || len(result.Plan.Delete) != 1 {
		t.Errorf("Sync() after the backoff = %v, %v, want a deletion", result, err)
	}
}

func TestResultOfNothing(t *testing.T) {
	for _, result := range []*rollout.Result{nil, {Outcome: rollout.OutcomeSynced}} {
		if !result.Empty() || result.String() != "nothing to do" {
			t.Errorf("Empty() = %t and String() = %q, want nothing to do", result.Empty(), result.String())
		}
	}
	for outcome, want := range map[rollout.Outcome]string{
		rollout.OutcomeSynced: "synced", rollout.OutcomeAwaitingWrites: "waiting for earlier writes to be observed",
		rollout.OutcomeSelectsEverything: "selector selects every pod", rollout.OutcomeDeleting: "being deleted",
		rollout.OutcomeCollision: "revision name is taken", rollout.OutcomeNoHistory: "the revisions of the pods are missing", 99: "Outcome(99)",
	} {
		if got := outcome.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
	writes := []rollout.Result{
		{Revisions: &history.Plan{Update: &appsv1.ControllerRevision{}}},
		{Claims: make([]daemon.PodClaim, 1)},
		{Plan: daemon.Plan{Delete: make([]daemon.Delete, 1)}},
		{Rollback: &history.Rollback{Patch: []byte("{}")}},
		{CleanUp: make([]*appsv1.ControllerRevision, 1)},
		{Status: &appsv1.DaemonSetStatus{}},
	}
	for i := range writes {
		if writes[i].Empty() {
			t.Errorf("result %d is empty", i)
		}
	}
	// The status says that the name of a revision is taken.
	taken := rollout.Result{Outcome: rollout.OutcomeCollision, Revisions: &history.Plan{CollisionCount: new(int32(1))}, Status: &appsv1.DaemonSetStatus{CollisionCount: new(int32(1))}}
	if got := taken.String(); strings.Count(got, "collision count 1") != 1 || strings.Contains(got, "set collision count") {
		t.Errorf("String() = %q, want the collision count once", got)
	}
	for want, back := range map[string]*history.Rollback{
		"nothing to do":                      {Revision: &appsv1.ControllerRevision{Revision: 3}},
		"roll back to revision a (number 3)": {Revision: &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Revision: 3}, Patch: []byte("{}")},
	} {
		if got := (&rollout.Result{Outcome: rollout.OutcomeSynced, Rollback: back}).String(); got != want {
			t.Errorf("String() of a Result with %v = %q, want %q", back, got, want)
		}
	}
	quiet := rollout.Result{Plan: daemon.Plan{RequeueAfter: time.Second, Events: make([]daemon.Event, 1)}, Revisions: &history.Plan{Current: &appsv1.ControllerRevision{}}}
	if !quiet.Empty() {
		t.Error("events and a time to look again count as writes")
	}
}

// TestResultsCompare: results of equal facts are equal, and others are not.
func TestResultsCompare(t *testing.T) {
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}}
	for _, nodes := range []string{"a b=old", "a=old b=old c=new", "a#=old b=new+new", "a=new b=new"} {
		pass := func(nodes string) *rollout.Result {
			result, err := rollout.Sync(policyInput(t, build.Set{}, nodes), rollout.Options{Policy: policy})
			if err != nil {
				t.Fatal(err)
			}
			return result
		}
		if diff := cmp.Diff(pass(nodes), pass(nodes)); diff != "" {
			t.Errorf("results of the same facts differ (-first +second):\n%s", diff)
		}
		if cmp.Equal(pass(nodes), pass(nodes+" z")) {
			t.Errorf("the results of %s and of one node more are equal", nodes)
		}
	}
}
