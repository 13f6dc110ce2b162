package simulate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/simulate"
)

const gatedText = "False SchedulingGated: Scheduling is blocked due to non-empty scheduling gates"

// TestSchedulingGates: pods with gates wait, those of the template and those of the facts, until
// somebody removes the last gate.
func TestSchedulingGates(t *testing.T) {
	spec := requesting("")
	spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/wait"}, {Name: "example.com/quota"}}
	c := &simulate.Cluster{}
	ds := build.Set{Spec: spec}.Object()
	apply(t, c, ds, build.Nodes("w1")[0])
	end := settleCluster(t, c)[0]
	if end.State != simulate.EndStalled || !strings.Contains(end.String(), "Scheduling is blocked due to non-empty scheduling gates") {
		t.Errorf("Settle() = %v, want it stalled because of the gates", end)
	}
	if diff := cmp.Diff([]string{gatedText}, pending(c.Input(ds))); diff != "" {
		t.Errorf("pods that wait (-want +got):\n%s", diff)
	}
	goneOn, err := simulate.Settle(end.After, simulate.Options{})
	if err != nil || goneOn.State != simulate.EndStalled {
		t.Errorf("Settle() of the facts = %v, %v, want it stalled", goneOn, err)
	}
	for left := 1; left >= 0; left-- {
		pod := c.Input(ds).Pods[0].DeepCopy()
		pod.Spec.SchedulingGates = pod.Spec.SchedulingGates[:left]
		apply(t, c, pod)
		want := simulate.EndStalled
		if left == 0 {
			want = simulate.EndComplete
		}
		if end := settleCluster(t, c)[0]; end.State != want {
			t.Errorf("with %d gates: %v, want it %v", left, end, want)
		}
	}
	end, err = simulate.Settle(daemon.Input{DaemonSet: daemon.Default(ds), Nodes: build.Nodes("w1")}, simulate.Options{Overlook: simulate.Overlook{SchedulingGates: true}})
	if err != nil || end.State != simulate.EndComplete {
		t.Errorf("Settle() without a look at the gates = %v, %v, want it complete", end, err)
	}
}

// TestAppliedGates: the API server says that a new pod has gates, unless the pod says so.
func TestAppliedGates(t *testing.T) {
	ds := build.Set{}.Object()
	c := &simulate.Cluster{}
	pod := build.Pod{Name: "a", Node: "w1"}.Of(ds)
	pod.Spec.NodeName, pod.Spec.Affinity = "", build.OnNode("w1")
	pod.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/wait"}}
	pod.Status = corev1.PodStatus{}
	said := pod.DeepCopy()
	said.Name, said.UID = "b", "uid-said"
	said.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Mine", Message: "x", LastTransitionTime: metav1.NewTime(c.Now()),
	}}
	apply(t, c, build.Nodes("w1")[0], pod, said)
	c.Elapse(time.Hour)
	if diff := cmp.Diff([]string{gatedText, "False Mine: x"}, pending(c.Input(ds))); diff != "" {
		t.Errorf("pods that wait (-want +got):\n%s", diff)
	}
}
