package rollout

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The texts are those of DaemonSetStatusViewer.Status@v0.37.2.
func TestProgress(t *testing.T) {
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
		updating = `Waiting for daemon set "nginx-deploy" rollout to finish: 1 out of 3 new pods have been updated...`
		waiting  = `Waiting for daemon set "nginx-deploy" rollout to finish: 2 of 3 updated pods are available...`
		complete = `daemon set "nginx-deploy" successfully rolled out`
	)
	for _, tc := range []struct {
		name, why string
		ds        *appsv1.DaemonSet
		want      ProgressReport
		text      string
	}{
		{name: "unobserved", why: "the numbers are of the generation before", ds: set(2, 1, 3, 3, 3),
			want: ProgressReport{"nginx-deploy", ProgressUnobserved, 3, 3, 3}, text: "Waiting for daemon set spec update to be observed..."},
		{name: "never observed", why: "a new DaemonSet has no status", ds: set(1, 0, 0, 0, 0),
			want: ProgressReport{"nginx-deploy", ProgressUnobserved, 0, 0, 0}, text: "Waiting for daemon set spec update to be observed..."},
		{name: "updating", why: "one of three is new", ds: set(2, 2, 3, 1, 2),
			want: ProgressReport{"nginx-deploy", ProgressUpdating, 3, 1, 2}, text: updating},
		{name: "updating, all available", why: "the old ones are available too", ds: set(2, 2, 3, 1, 3),
			want: ProgressReport{"nginx-deploy", ProgressUpdating, 3, 1, 3}, text: updating},
		{name: "waiting", why: "the last new one is not available yet", ds: set(2, 2, 3, 3, 2),
			want: ProgressReport{"nginx-deploy", ProgressWaiting, 3, 3, 2}, text: waiting},
		{name: "complete", why: "nothing is left", ds: set(2, 2, 3, 3, 3),
			want: ProgressReport{"nginx-deploy", ProgressComplete, 3, 3, 3}, text: complete},
		{name: "nowhere to run", why: "nothing to wait for", ds: set(1, 1, 0, 0, 0),
			want: ProgressReport{"nginx-deploy", ProgressComplete, 0, 0, 0}, text: complete},
		{name: "observed a later one", why: "the object read is older than its status", ds: set(1, 2, 3, 3, 3),
			want: ProgressReport{"nginx-deploy", ProgressComplete, 3, 3, 3}, text: complete},
		{name: "no generations", why: "objects of unit tests have none", ds: set(0, 0, 3, 1, 1),
			want: ProgressReport{"nginx-deploy", ProgressUpdating, 3, 1, 1}, text: updating},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.ds.DeepCopy()
			got, err := Progress(tc.ds)
			if err != nil || got != tc.want {
				t.Errorf("Progress = %+v, %v, want %+v: %s", got, err, tc.want, tc.why)
			}
			if got.String() != tc.text {
				t.Errorf("Progress.String() = %q, want %q: %s", got, tc.text, tc.why)
			}
			if want := tc.text == complete; got.Done() != want {
				t.Errorf("Progress.Done() = %v, want %v: %s", got.Done(), want, tc.why)
			}
			if diff := cmp.Diff(before, tc.ds); diff != "" {
				t.Errorf("Progress changed its argument (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProgressErrors(t *testing.T) {
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
			got, err := Progress(tc.ds)
			var fieldErr *field.Error
			if !errors.As(err, &fieldErr) || fieldErr.Field != tc.path || fieldErr.Detail != tc.words || got != (ProgressReport{}) {
				t.Errorf("Progress = %+v, %v, want a *field.Error at %s: %q: %s", got, err, tc.path, tc.words, tc.why)
			}
		})
	}
}

func TestProgressStateString(t *testing.T) {
	for state, want := range map[ProgressState]string{
		ProgressUnobserved: "unobserved", ProgressUpdating: "updating", ProgressWaiting: "waiting", ProgressComplete: "complete",
		0: "ProgressState(0)", -1: "ProgressState(-1)",
	} {
		if got := state.String(); got != want {
			t.Errorf("ProgressState(%d).String() = %q, want %q", int(state), got, want)
		}
	}
	const want = `daemon set "": no progress known`
	if got := (ProgressReport{}).String(); got != want {
		t.Errorf("ProgressReport{}.String() = %q, want %q", got, want)
	}
}
