package rollout_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// nextText is a step in the words of the tables: what is written where and why, and
// the counts that decided it.
func stepCounts(st *rollout.Step) string {
	words := []string{}
	for _, d := range st.Plan.Delete {
		reason := map[daemon.DeleteReason]string{
			daemon.DeleteReasonOutdated: "outdated", daemon.DeleteReasonUnavailable: "unavailable",
			daemon.DeleteReasonSuperseded: "superseded", daemon.DeleteReasonNotEligible: "not eligible",
		}[d.Reason]
		if d.Stays != nil {
			reason += " by " + d.Stays.Name
		}
		words = append(words, fmt.Sprintf("-%s (%s)", d.Pod.Name, reason))
	}
	for _, c := range st.Plan.Create {
		reason := map[daemon.CreateReason]string{daemon.CreateReasonSurge: "surge", daemon.CreateReasonUnavailable: "unavailable"}[c.Reason]
		words = append(words, fmt.Sprintf("+%s (%s)", c.Node, reason))
	}
	if st.Plan.DeleteDeferred+st.Plan.CreateDeferred > 0 {
		words = append(words, fmt.Sprintf("later: -%d +%d", st.Plan.DeleteDeferred, st.Plan.CreateDeferred))
	}
	if len(words) == 0 {
		words = append(words, "nothing")
	}
	counts := fmt.Sprintf("%d of %d outdated, unavailable %d of %d", st.OutdatedNodes, st.Desired, st.Unavailable, st.MaxUnavailable)
	if st.MaxSurge > 0 {
		counts = fmt.Sprintf("%d of %d outdated, surging %d of %d, available %d", st.OutdatedNodes, st.Desired, st.Surging, st.MaxSurge, st.Available)
	}
	return strings.Join(words, " ") + ": " + counts
}

// stepCase is a step without a policy; nodes are written as in policyCase.
type stepCase struct {
	name, why string
	set       build.Set
	nodes     string
	want      string
}

func testStep(t *testing.T, cases []stepCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			step, err := rollout.NextStep(policySnapshot(t, tc.set, tc.nodes), rollout.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, stepCounts(step)); diff != "" {
				t.Errorf("NextStep() on %s (-want +got), because %s:\n%s", tc.nodes, tc.why, diff)
			}
		})
	}
}

func TestNextStepMaxUnavailable(t *testing.T) {
	two := build.Set{MaxUnavailable: "2"}
	testStep(t, []stepCase{
		{"first by name", "upstream's choice is random, here it is not", build.Set{}, "b=old a=old c=old", "-a-0 (outdated): 3 of 3 outdated, unavailable 0 of 1"},
		{"within the budget", "there is room for two", two, "a=old b=old c=old", "-a-0 (outdated) -b-0 (outdated): 3 of 3 outdated, unavailable 0 of 2"},
		{"new and available", "it uses no budget", build.Set{}, "a=new b=old", "-b-0 (outdated): 1 of 2 outdated, unavailable 0 of 1"},
		{"new and not available", "it uses the budget", build.Set{}, "a=new! b=old", "nothing: 1 of 2 outdated, unavailable 1 of 1"},
		{"new and not ready for long enough", "minReadySeconds are not over", build.Set{MinReady: 3600}, "a=new b=old", "nothing: 1 of 2 outdated, unavailable 1 of 1"},
		{"no pod", "a pod is on its way; until then the node is unavailable", build.Set{}, "a b=old", "nothing: 1 of 2 outdated, unavailable 1 of 1"},
		{"old and being deleted", "only what stays counts", build.Set{}, "a=old~ b=old", "nothing: 1 of 2 outdated, unavailable 1 of 1"},
		{"new and being deleted", "only what stays counts", build.Set{}, "a=new~ b=old", "nothing: 1 of 2 outdated, unavailable 1 of 1"},
		{"old and not available", "it is replaced whatever the budget, and counts", build.Set{}, "a=old! b=old", "-a-0 (unavailable): 2 of 2 outdated, unavailable 1 of 1"},
		{"several not available", "all of them are", build.Set{}, "a=old! b=old! c=old", "-a-0 (unavailable) -b-0 (unavailable): 3 of 3 outdated, unavailable 2 of 1"},
		{"both, and in order", "what needs no budget comes first", two, "a=old b=old! c=old", "-b-0 (unavailable) -a-0 (outdated): 3 of 3 outdated, unavailable 1 of 2"},
		{"over the budget", "what is down already leaves no room", two, "a=new! b=new! c=new! d=old", "nothing: 1 of 4 outdated, unavailable 3 of 2"},
		{"one of each", "both are alive, which Reconcile settles", two, "a=old+new b=old", "-b-0 (outdated): 2 of 2 outdated, unavailable 1 of 2"},
		{"two new", "one is too many, which Reconcile settles", two, "a=new+new b=old", "-b-0 (outdated): 1 of 2 outdated, unavailable 1 of 2"},
		{"two old", "one is too many; which is outdated cannot be told", two, "a=old+old b=old", "-b-0 (outdated): 1 of 2 outdated, unavailable 1 of 2"},
		{"one alive beside one being deleted", "the one that stays decides", two, "a=old~+new b=old", "-b-0 (outdated): 1 of 2 outdated, unavailable 0 of 2"},
		{"not eligible", "an outdated pod that is kept goes, and never comes back", two, "a#=old b=old", "-a-0 (outdated) -b-0 (outdated): 2 of 1 outdated, unavailable 0 of 2"},
		{"not eligible, empty", "it counts for nothing", build.Set{}, "a# b=old", "-b-0 (outdated): 1 of 1 outdated, unavailable 0 of 1"},
		{"node is gone", "its pod is as outdated as any", build.Set{}, "b=old gone=old", "-b-0 (outdated): 2 of 1 outdated, unavailable 0 of 1"},
		{"percent rounds up", "a tenth of eleven is two", build.Set{MaxUnavailable: "10%"}, "a=old b=old c=old d=old e=old f=old g=old h=old i=old j=old k=old",
			"-a-0 (outdated) -b-0 (outdated): 11 of 11 outdated, unavailable 0 of 2"},
		{"percent of those that should run", "tainted nodes are not in it", build.Set{MaxUnavailable: "50%"}, "a=old b=old c# d#", "-a-0 (outdated): 2 of 2 outdated, unavailable 0 of 1"},
		{"both zero", "it would never get anywhere, so that one may go", build.Set{MaxUnavailable: "0"}, "a=old b=old", "-a-0 (outdated): 2 of 2 outdated, unavailable 0 of 1"},
		{"both zero, no node", "there is nothing to get anywhere with", build.Set{MaxUnavailable: "0"}, "a#=old!", "-a-0 (unavailable): 1 of 0 outdated, unavailable 1 of 0"},
		{"all done", "nothing is outdated", build.Set{}, "a=new b=new", "nothing: 0 of 2 outdated, unavailable 0 of 1"},
		{"no nodes", "nothing at all", build.Set{}, "", "nothing: 0 of 0 outdated, unavailable 0 of 1"},
		{"older template", "every older one is outdated", build.Set{}, "a=older b=old", "-a-0 (outdated): 2 of 2 outdated, unavailable 0 of 1"},
	})
}

func TestNextStepMaxSurge(t *testing.T) {
	one, two := build.Set{MaxSurge: "1"}, build.Set{MaxSurge: "2"}
	testStep(t, []stepCase{
		{"first by name", "a new pod comes beside the outdated one", one, "b=old a=old", "+a (surge): 2 of 2 outdated, surging 0 of 1, available 2"},
		{"within the budget", "there is room for two", two, "a=old b=old c=old", "+a (surge) +b (surge): 3 of 3 outdated, surging 0 of 2, available 3"},
		{"old and not available", "it gets one whatever the budget", one, "a=old! b=old", "+a (unavailable) +b (surge): 2 of 2 outdated, surging 0 of 1, available 1"},
		{"budget used", "a's new pod is not available", one, "a=old+new! b=old", "nothing: 2 of 2 outdated, surging 1 of 1, available 2"},
		{"budget used, old not available", "b gets one all the same", one, "a=old+new! b=old!", "+b (unavailable): 2 of 2 outdated, surging 1 of 1, available 1"},
		{"superseded", "the new pod is available, so that the old one goes", one, "a=old+new b=old", "-a-0 (superseded by a-1) +b (surge): 2 of 2 outdated, surging 0 of 1, available 2"},
		{"new alone", "nothing is left to do", one, "a=new b=old", "+b (surge): 1 of 2 outdated, surging 0 of 1, available 2"},
		{"new alone, not available", "it does not surge beside anything", one, "a=new! b=old", "+b (surge): 1 of 2 outdated, surging 0 of 1, available 1"},
		{"no pod", "Reconcile's turn; it uses no budget", one, "a b=old", "+b (surge): 1 of 2 outdated, surging 0 of 1, available 1"},
		{"two new", "too many count as surging", one, "a=new+new b=old", "nothing: 1 of 2 outdated, surging 1 of 1, available 1"},
		{"two old", "too many count as surging", one, "a=old+old b=old", "nothing: 1 of 2 outdated, surging 1 of 1, available 1"},
		{"not eligible, not available", "it goes at once", one, "a#=old! b=new", "-a-0 (not eligible): 1 of 1 outdated, surging 0 of 1, available 1"},
		{"not eligible, needed", "it holds availability up", one, "a#=old b=old!", "+b (unavailable): 2 of 1 outdated, surging 0 of 1, available 1"},
		{"not eligible, to spare", "there are more available pods than nodes that should run one", one, "a#=old b=new", "-a-0 (not eligible): 1 of 1 outdated, surging 0 of 1, available 2"},
		{"not eligible, one to spare", "of two the first by name goes", one, "a#=old b#=old c=new d=new!", "-a-0 (not eligible): 2 of 2 outdated, surging 0 of 1, available 3"},
		{"node is gone", "upstream's pass fails; here it is passed over", one, "a=old gone=old", "+a (surge): 2 of 1 outdated, surging 0 of 1, available 2"},
		{"percent rounds up", "a quarter of three is one", build.Set{MaxSurge: "25%"}, "a=old b=old c=old", "+a (surge): 3 of 3 outdated, surging 0 of 1, available 3"},
		{"percent of no node", "without a node to run it there is no surge, and no budget", build.Set{MaxSurge: "25%"}, "a#=old", "nothing: 1 of 0 outdated, unavailable 0 of 0"},
		{"maxUnavailable besides", "it has no effect beside maxSurge", build.Set{MaxSurge: "1", MaxUnavailable: "2"}, "a=old b=old", "+a (surge): 2 of 2 outdated, surging 0 of 1, available 2"},
	})
}

func TestNextStepBurst(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		set       build.Set
		burst     int
		nodes     string
		want      string
	}{
		{"deletions", "two of three go now", build.Set{MaxUnavailable: "3"}, 2, "a=old b=old c=old",
			"-a-0 (outdated) -b-0 (outdated) later: -1 +0: 3 of 3 outdated, unavailable 0 of 3"},
		{"what costs nothing first", "b is down already", build.Set{MaxUnavailable: "3"}, 1, "a=old b=old! c=old",
			"-b-0 (unavailable) later: -2 +0: 3 of 3 outdated, unavailable 1 of 3"},
		{"creations", "one of two comes now", build.Set{MaxSurge: "2"}, 1, "a=old b=old c=old",
			"+a (surge) later: -0 +1: 3 of 3 outdated, surging 0 of 2, available 3"},
		{"each has its own limit", "a deletion and a creation", build.Set{MaxSurge: "2"}, 1, "a=old+new b=old c=old",
			"-a-0 (superseded by a-1) +b (surge) later: -0 +1: 3 of 3 outdated, surging 0 of 2, available 3"},
		{"no limit", "below zero", build.Set{MaxUnavailable: "3"}, -1, "a=old b=old c=old",
			"-a-0 (outdated) -b-0 (outdated) -c-0 (outdated): 3 of 3 outdated, unavailable 0 of 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := policyInput(t, tc.set, tc.nodes)
			in.BurstReplicas = tc.burst
			s, err := daemon.Observe(in)
			if err != nil {
				t.Fatal(err)
			}
			step, err := rollout.NextStep(s, rollout.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, stepCounts(step)); diff != "" {
				t.Errorf("NextStep() with a burst limit of %d (-want +got), because %s:\n%s", tc.burst, tc.why, diff)
			}
			for _, c := range step.Plan.Create {
				if c.Pod == nil {
					t.Errorf("no pod to create on %s", c.Node)
				}
			}
		})
	}
}

// TestNextStepStrategies has the strategies under which there is no step, and what is
// wrong with others.
func TestNextStepStrategies(t *testing.T) {
	bad := intstr.FromString("half")
	one := intstr.FromInt32(1)
	for _, tc := range []struct {
		name    string
		change  func(ds *appsv1.DaemonSet)
		want    string // the step as text
		wantErr string // the field, and what is wrong with it
	}{
		{"on delete", func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy = build.Set{OnDelete: true}.Object().Spec.UpdateStrategy
		}, "nothing to do", ""},
		{"deleting", func(ds *appsv1.DaemonSet) {
			ds.DeletionTimestamp = build.Set{Deleting: true}.Object().DeletionTimestamp
		}, "nothing to do", ""},
		{"deleting, strategy unknown", func(ds *appsv1.DaemonSet) {
			ds.DeletionTimestamp, ds.Spec.UpdateStrategy.Type = build.Set{Deleting: true}.Object().DeletionTimestamp, "Surge"
		}, "nothing to do", ""},
		{"unknown", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.Type = "Surge" }, "", "spec.updateStrategy.type: Unsupported value"},
		{"none", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.Type = "" }, "", "spec.updateStrategy.type: Unsupported value"},
		{"no maxUnavailable", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = nil }, "",
			"spec.updateStrategy.rollingUpdate.maxUnavailable: Required value"},
		{"maxUnavailable unreadable", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &bad }, "",
			`spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "half"`},
		{"maxSurge unreadable", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxSurge = &bad }, "",
			`spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "half"`},
		{"no budgets", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate = nil },
			"update: 2 desired, 2 outdated; maxUnavailable 1, 0 unavailable\ndelete a-0 on a: outdated, within maxUnavailable", ""},
		{"no maxSurge", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxSurge = nil },
			"update: 2 desired, 2 outdated; maxUnavailable 1, 0 unavailable\ndelete a-0 on a: outdated, within maxUnavailable", ""},
		{"surge", func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxSurge = &one },
			"update: 2 desired, 2 outdated; maxSurge 1, 0 surging, 2 available\ncreate on a: surge beside the outdated pod", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := policySnapshot(t, build.Set{}, "a=old b=old")
			tc.change(s.DaemonSet())
			step, err := rollout.NextStep(s, rollout.Options{})
			if tc.wantErr != "" {
				var wrong *field.Error
				if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), tc.wantErr) || step != nil && !step.Plan.Empty() {
					t.Errorf("NextStep() = %v, %v, want %s", step, err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, step.String()); diff != "" {
				t.Errorf("NextStep().String() (-want +got):\n%s", diff)
			}
		})
	}
	waits, err := rollout.NextStep(policySnapshot(t, build.Set{}, "a b=old"), rollout.Options{})
	if want := "update waits: 2 desired, 1 outdated; maxUnavailable 1, 1 unavailable\nnothing to do"; err != nil || waits.String() != want {
		t.Errorf("String() of a step that waits = %s, %v, want %s", waits, err, want)
	}
	done, err := rollout.NextStep(policySnapshot(t, build.Set{}, "a=new"), rollout.Options{})
	if want := "update: 1 desired, 0 outdated; maxUnavailable 1, 0 unavailable\nnothing to do"; err != nil || done.String() != want {
		t.Errorf("String() of a step with nothing left = %s, %v, want %s", done, err, want)
	}
	for _, empty := range []*rollout.Step{nil, {}} {
		if got := empty.String(); got != "nothing to do" {
			t.Errorf("String() of an empty step = %q", got)
		}
	}
}
