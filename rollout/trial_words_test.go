package rollout_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// TestCanaryWords: what keeps a canary from starting is said as health says it. Both stand in one
// text of a simulation.
func TestCanaryWords(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
	for _, tc := range []struct {
		name, why string
		problem   rollout.CanaryProblem
		kind      health.BlockerKind
	}{
		{"image", "the kubelet's message repeats the image",
			rollout.CanaryProblem{Container: "main", Image: "agent:2", Reason: "ImagePullBackOff", Message: `Back-off pulling image "agent:2"`}, health.BlockerImage},
		{"container", "the message has what is missing",
			rollout.CanaryProblem{Container: "main", Reason: "CreateContainerConfigError", Message: "secret \"a\"\nnot found"}, health.BlockerCannotStart},
		{"init container", "it is another container", rollout.CanaryProblem{Container: "setup", Init: true, Reason: "StartError"}, health.BlockerCannotStart},
		{"long message", "it is cut", rollout.CanaryProblem{Container: "main", Reason: "RunContainerError", Message: strings.Repeat("ä ", 200)}, health.BlockerCannotStart},
	} {
		p := tc.problem
		p.Limit, p.Node, p.Pod = rollout.CanaryLimitCannotStart, "n", "p"
		blocker := health.Blocker{Node: "n", Pod: pod, Kind: tc.kind, Reason: p.Reason, Message: p.Message, Container: &health.Container{Name: p.Container, Init: p.Init, Image: p.Image}}
		if got, want := p.String(), blocker.String(); got != want {
			t.Errorf("%s: String() = %q, health says %q: %s", tc.name, got, want, tc.why)
		}
	}
}

// TestCanaryProblemFacts: a problem of a canary has what the kubelet says.
func TestCanaryProblemFacts(t *testing.T) {
	waiting := func(name, reason string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "why"}}}
	}
	for _, tc := range []struct {
		name, why string
		status    corev1.PodStatus
		want      rollout.CanaryProblem
	}{
		{"image", "it is named", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("main", "ErrImagePull")}},
			rollout.CanaryProblem{Container: "main", Image: "agent:2", Reason: "ErrImagePull", Message: "why"}},
		{"init container", "its image is there", corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{waiting("setup", "CreateContainerError")}},
			rollout.CanaryProblem{Container: "setup", Init: true, Reason: "CreateContainerError", Message: "why"}},
	} {
		got := canaryProblems(t, tc.status)
		tc.want.Limit, tc.want.Node = rollout.CanaryLimitCannotStart, "b"
		if len(got) != 1 {
			t.Errorf("%s: problems %+v, want one", tc.name, got)
			continue
		}
		tc.want.Pod = got[0].Pod
		if got[0] != tc.want {
			t.Errorf("%s: problem %+v, want %+v: %s", tc.name, got[0], tc.want, tc.why)
		}
	}
}

// canaryProblems returns the problems of a canary on the node b whose new pod has the status.
func canaryProblems(t *testing.T, status corev1.PodStatus) []rollout.CanaryProblem {
	t.Helper()
	in := policyInput(t, build.Set{}, "a=old b=new!")
	for _, pod := range in.Pods {
		if pod.Spec.NodeName == "b" {
			pod.Spec.Containers = []corev1.Container{{Name: "main", Image: "agent:2"}}
			pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses = status.ContainerStatuses, status.InitContainerStatuses
		}
	}
	s, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	step, err := rollout.NextStep(s, rollout.Options{Policy: canaryOf(rollout.Canary{})})
	if err != nil {
		t.Fatal(err)
	}
	return step.Policy.Canary.Problems
}
