package kubectl_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/kubectl"
)

// The texts are those of DaemonSetStatusViewer.Status@v0.37.2.
func TestRolloutStatus(t *testing.T) {
	set := func(generation, observed int64, desired, updated, available int32) *appsv1.DaemonSet {
		return &appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Generation: generation},
			Spec: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				Type: appsv1.RollingUpdateDaemonSetStrategyType,
			}},
			Status: appsv1.DaemonSetStatus{
				ObservedGeneration:     observed,
				DesiredNumberScheduled: desired,
				UpdatedNumberScheduled: updated,
				NumberAvailable:        available,
			},
		}
	}
	const (
		updating    = `Waiting for daemon set "nginx-deploy" rollout to finish: 1 out of 3 new pods have been updated...`
		unavailable = `Waiting for daemon set "nginx-deploy" rollout to finish: 2 of 3 updated pods are available...`
		rolledOut   = `daemon set "nginx-deploy" successfully rolled out`
	)
	for _, tc := range []struct {
		name, why string
		ds        *appsv1.DaemonSet
		want      kubectl.Progress
		text      string
	}{
		{name: "unobserved", why: "the numbers are of the generation before", ds: set(2, 1, 3, 3, 3),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressUnobserved, 3, 3, 3}, text: "Waiting for daemon set spec update to be observed..."},
		{name: "never observed", why: "a new DaemonSet has no status", ds: set(1, 0, 0, 0, 0),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressUnobserved, 0, 0, 0}, text: "Waiting for daemon set spec update to be observed..."},
		{name: "updating", why: "one of three is new", ds: set(2, 2, 3, 1, 2),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressUpdating, 3, 1, 2}, text: updating},
		{name: "updating, all available", why: "the old ones are available too", ds: set(2, 2, 3, 1, 3),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressUpdating, 3, 1, 3}, text: updating},
		{name: "unavailable", why: "the last new one is not available yet", ds: set(2, 2, 3, 3, 2),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressUnavailable, 3, 3, 2}, text: unavailable},
		{name: "rolled out", why: "nothing is left", ds: set(2, 2, 3, 3, 3),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressRolledOut, 3, 3, 3}, text: rolledOut},
		{name: "nowhere to run", why: "nothing to wait for", ds: set(1, 1, 0, 0, 0),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressRolledOut, 0, 0, 0}, text: rolledOut},
		{name: "observed a later one", why: "the object read is older than its status", ds: set(1, 2, 3, 3, 3),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressRolledOut, 3, 3, 3}, text: rolledOut},
		{name: "no generations", why: "objects of unit tests have none", ds: set(0, 0, 3, 1, 1),
			want: kubectl.Progress{"nginx-deploy", kubectl.ProgressUpdating, 3, 1, 1}, text: updating},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.ds.DeepCopy()
			got, err := kubectl.RolloutStatus(tc.ds)
			if err != nil || got != tc.want {
				t.Errorf("RolloutStatus = %+v, %v, want %+v: %s", got, err, tc.want, tc.why)
			}
			if got.String() != tc.text {
				t.Errorf("RolloutStatus.String() = %q, want %q: %s", got, tc.text, tc.why)
			}
			if diff := cmp.Diff(before, tc.ds); diff != "" {
				t.Errorf("RolloutStatus changed its argument (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRolloutStatusErrors(t *testing.T) {
	const words = "rollout status is only available for RollingUpdate strategy type"
	with := func(kind appsv1.DaemonSetUpdateStrategyType) *appsv1.DaemonSet {
		return &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: kind}}}
	}
	for _, tc := range []struct {
		name, why   string
		ds          *appsv1.DaemonSet
		path, words string
	}{
		{"nil", "nothing to report on", nil, "daemonSet", ""},
		{"OnDelete", "nobody knows when somebody deletes the pods", with(appsv1.OnDeleteDaemonSetStrategyType), "spec.updateStrategy.type", words},
		{"unknown", "the API server refuses it", with("Recreate"), "spec.updateStrategy.type", words},
		{"none", "the API server would have set it", with(""), "spec.updateStrategy.type", words},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := kubectl.RolloutStatus(tc.ds)
			var fieldErr *field.Error
			if !errors.As(err, &fieldErr) || fieldErr.Field != tc.path || fieldErr.Detail != tc.words || got != (kubectl.Progress{}) {
				t.Errorf("RolloutStatus = %+v, %v, want a *field.Error at %s: %q: %s", got, err, tc.path, tc.words, tc.why)
			}
		})
	}
}

func TestProgressStateString(t *testing.T) {
	for state, want := range map[kubectl.ProgressState]string{
		kubectl.ProgressUnobserved: "unobserved", kubectl.ProgressUpdating: "updating", kubectl.ProgressUnavailable: "unavailable", kubectl.ProgressRolledOut: "rolled out",
		0: "ProgressState(0)", -1: "ProgressState(-1)",
	} {
		if got := state.String(); got != want {
			t.Errorf("ProgressState(%d).String() = %q, want %q", int(state), got, want)
		}
	}
	const want = `daemon set "": unknown progress`
	if got := (kubectl.Progress{}).String(); got != want {
		t.Errorf("kubectl.Progress{}.String() = %q, want %q", got, want)
	}
}

// TestRolledOutIsNotComplete shows every difference between "successfully rolled
// out" and complete that the comment of RolloutStatus lists: kubectl looks at the
// status, health.Assess at the pods.
func TestRolledOutIsNotComplete(t *testing.T) {
	agent := build.Set{}.Object()
	hash := daemon.TemplateHash(&agent.Spec.Template, nil)
	// A pod on a node with this taint stays, but a node without a pod gets none.
	tainted := build.Node{Name: "n2", Taints: []corev1.Taint{build.NoSchedule("key")}}.Object()
	// The status of a DaemonSet that had one available, updated pod on one node.
	settled := &appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 1, UpdatedNumberScheduled: 1, NumberAvailable: 1}

	for _, tc := range []struct {
		name, why string
		set       build.Set
		nodes     []*corev1.Node
		pods      []build.Pod
		// status is what the controller has written; nil: the status of these pods.
		status *appsv1.DaemonSetStatus
		rolled kubectl.ProgressState
		assess health.State
	}{
		{name: "both are done", why: "nothing is left", nodes: build.Nodes("n1"),
			pods:   []build.Pod{{Name: "new", Node: "n1", Hash: hash}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateComplete},
		{name: "both wait", why: "an outdated pod is left on a node that should run one", nodes: build.Nodes("n1"),
			pods:   []build.Pod{{Name: "old", Node: "n1", Hash: "old"}},
			rolled: kubectl.ProgressUpdating, assess: health.StateProgressing},

		{name: "outdated pod where none should run", why: "the status counts it as misscheduled",
			nodes:  append(build.Nodes("n1"), tainted),
			pods:   []build.Pod{{Name: "new", Node: "n1", Hash: hash}, {Name: "old", Node: "n2", Hash: "old"}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateProgressing},
		{name: "no node should run one", why: "the status has nothing to wait for", nodes: []*corev1.Node{tainted},
			pods:   []build.Pod{{Name: "old", Node: "n2", Hash: "old"}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateProgressing},
		{name: "no node should run one, percentage budget", why: "a percentage of no nodes is zero, so the outdated pod is never replaced",
			set: build.Set{MaxUnavailable: "10%"}, nodes: []*corev1.Node{tainted},
			pods:   []build.Pod{{Name: "old", Node: "n2", Hash: "old"}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateStalled},
		{name: "outdated pod beside an older current one", why: "the status counts the older one of the two",
			set: build.Set{MaxSurge: "1"}, nodes: build.Nodes("n1"),
			pods:   []build.Pod{{Name: "new", Node: "n1", Hash: hash, Age: 2 * time.Hour}, {Name: "old", Node: "n1", Hash: "old"}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateProgressing},
		{name: "being deleted", why: "the status counts it until it is gone", nodes: build.Nodes("n1"),
			pods:   []build.Pod{{Name: "new", Node: "n1", Hash: hash, Deleting: true}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateProgressing},
		{name: "failed", why: "the status counts it by its Ready condition", nodes: build.Nodes("n1"),
			pods:   []build.Pod{{Name: "new", Node: "n1", Hash: hash, Phase: corev1.PodFailed}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateProgressing},
		{name: "succeeded", why: "the status counts it by its Ready condition", nodes: build.Nodes("n1"),
			pods:   []build.Pod{{Name: "new", Node: "n1", Hash: hash, Phase: corev1.PodSucceeded}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateProgressing},
		{name: "pod gone", why: "the status was written before", nodes: build.Nodes("n1"), status: settled,
			rolled: kubectl.ProgressRolledOut, assess: health.StateProgressing},
		{name: "pod not ready for an hour", why: "the status was written before, and no controller is running", nodes: build.Nodes("n1"), status: settled,
			pods:   []build.Pod{{Name: "new", Node: "n1", Hash: hash, NotReady: true}},
			rolled: kubectl.ProgressRolledOut, assess: health.StateStalled},

		{name: "status not written", why: "the controller has not counted the last pod yet", nodes: build.Nodes("n1"),
			pods:   []build.Pod{{Name: "new", Node: "n1", Hash: hash}},
			status: &appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 1, UpdatedNumberScheduled: 1},
			rolled: kubectl.ProgressUnavailable, assess: health.StateComplete},
		{name: "generation not observed", why: "something else than the template changed", set: build.Set{Generation: 2}, nodes: build.Nodes("n1"),
			pods: []build.Pod{{Name: "new", Node: "n1", Hash: hash}}, status: settled,
			rolled: kubectl.ProgressUnobserved, assess: health.StateComplete},
		{name: "outdated pod being deleted", why: "the status counts it and not the younger one beside it",
			set: build.Set{MaxSurge: "1"}, nodes: build.Nodes("n1"),
			pods:   []build.Pod{{Name: "old", Node: "n1", Hash: "old", Age: 2 * time.Hour, Deleting: true}, {Name: "new", Node: "n1", Hash: hash}},
			rolled: kubectl.ProgressUpdating, assess: health.StateComplete},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.set.Object()
			var pods []*corev1.Pod
			for _, pod := range tc.pods {
				pods = append(pods, pod.Of(ds))
			}
			snapshot, err := daemon.Observe(daemon.Input{DaemonSet: ds, Nodes: tc.nodes, Pods: pods, Revisions: build.Current(ds, hash), Now: build.Now})
			if err != nil {
				t.Fatal(err)
			}
			written := ds.DeepCopy()
			if written.Status = daemon.Status(snapshot); tc.status != nil {
				written.Status = *tc.status
			}
			progress, err := kubectl.RolloutStatus(written)
			if err != nil || progress.State != tc.rolled {
				t.Errorf("RolloutStatus = %v, %v, want %v: %s", progress.State, err, tc.rolled, tc.why)
			}
			assessment, err := health.Assess(snapshot, health.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if assessment.State != tc.assess {
				t.Errorf("Assess = %v, want %v: %s", assessment, tc.assess, tc.why)
			}
		})
	}
}
