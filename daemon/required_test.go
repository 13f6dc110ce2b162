package daemon_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// TestDefaultsRequired: a DaemonSet without defaults is an error at the first call.
func TestDefaultsRequired(t *testing.T) {
	const fill = ": Required value: fill in defaults with daemon.Default"
	tests := []struct {
		name, why string
		change    func(*appsv1.DaemonSetSpec)
		want      string
	}{
		{"no type", "it would never update", func(s *appsv1.DaemonSetSpec) { s.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{} }, "spec.updateStrategy.type" + fill},
		{"no budgets", "the server fills them in", func(s *appsv1.DaemonSetSpec) { s.UpdateStrategy.RollingUpdate = nil }, "spec.updateStrategy.rollingUpdate" + fill},
		{"unknown type", "from a newer server", func(s *appsv1.DaemonSetSpec) { s.UpdateStrategy.Type = "Sideways" }, ""},
		{"OnDelete", "it has no budgets", func(s *appsv1.DaemonSetSpec) {
			s.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		}, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			snapshot := observe(t, daemon.Input{DaemonSet: ds})
			changed := ds.DeepCopy()
			tc.change(&changed.Spec)
			check := func(function string, err error) {
				t.Helper()
				if got := text(err); got != tc.want {
					t.Errorf("%s() error = %q, want %q: %s", function, got, tc.want, tc.why)
				}
			}
			_, err := daemon.Observe(daemon.Input{DaemonSet: changed})
			check("Observe", err)
			_, err = daemon.DesiredPods(daemon.Input{DaemonSet: changed})
			check("DesiredPods", err)
			_, err = snapshot.Update(daemon.Changes{DaemonSet: changed})
			check("Update", err)
			if _, err := daemon.Observe(daemon.Input{DaemonSet: daemon.Default(changed)}); err != nil {
				t.Errorf("Observe() error = %v with defaults", err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestTimeRequired: the zero time is an error only if it would decide something.
func TestTimeRequired(t *testing.T) {
	tests := []struct {
		name, why string
		set       build.Set
		pod       build.Pod
		backoff   daemon.Backoff
		want      string
	}{
		{"ready", "without minReadySeconds a ready pod is available", build.Set{}, build.Pod{Name: "a", Node: "w1"}, nil, ""},
		{"minReadySeconds", "no pod would be available", build.Set{MinReady: 10}, build.Pod{Name: "a", Node: "w1"}, nil,
			"now: Required value: pod kube-system/a is ready, and minReadySeconds is set"},
		{"minReadySeconds, another's pod", "it does not count", build.Set{MinReady: 10}, build.Pod{Name: "a", Node: "w1", Foreign: true}, nil, ""},
		{"minReadySeconds, terminating", "its node counts as unavailable", build.Set{MinReady: 10}, build.Pod{Name: "a", Node: "w1", Deleting: true}, nil, ""},
		{"failed", "its backoff would begin in the year 1", build.Set{}, build.Pod{Name: "a", Node: "w1", Phase: corev1.PodFailed}, nil,
			"now: Required value: pod kube-system/a has failed, and its backoff ends at a time"},
		{"failed, on no node", "it counts nowhere", build.Set{}, build.Pod{Name: "a", Phase: corev1.PodFailed}, nil, ""},
		{"backoff", "it would go on without end", build.Set{}, build.Pod{Name: "a", Node: "w1"},
			daemon.Backoff{daemon.BackoffKey{UID: "uid-agent", Node: "w1"}: {Last: build.Now, Delay: time.Second}},
			"now: Required value: a backoff ends at a time"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.set.Object()
			in := daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1")}
			snapshot := observe(t, in)
			_, err := snapshot.Update(daemon.Changes{Pods: []*corev1.Pod{tc.pod.Of(ds)}, BackoffChanges: daemon.BackoffChanges(tc.backoff)})
			if got := text(err); got != tc.want {
				t.Errorf("Update() error = %q, want %q: %s", got, tc.want, tc.why)
			}
			in.Pods, in.Backoff = []*corev1.Pod{tc.pod.Of(ds)}, tc.backoff
			_, err = daemon.Observe(in)
			if got := text(err); got != tc.want {
				t.Errorf("Observe() error = %q, want %q: %s", got, tc.want, tc.why)
			}
			in.Now = build.Now
			if _, err := daemon.Observe(in); err != nil {
				t.Errorf("Observe() error = %v with a time", err)
			}
		})
	}
}
