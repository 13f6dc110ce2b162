package simulate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// TestConcerns: a pod of the API server is compared with one of the template.
func TestConcerns(t *testing.T) {
	template := corev1.PodSpec{Containers: []corev1.Container{{
		Name: "main", Image: "agent:1", Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}},
	}}}
	stored := *template.DeepCopy()
	main := &stored.Containers[0]
	main.ImagePullPolicy, main.TerminationMessagePath, main.TerminationMessagePolicy = corev1.PullIfNotPresent, "/dev/termination-log", "File"
	main.Resources.Requests = main.Resources.Limits
	main.VolumeMounts = []corev1.VolumeMount{{Name: "kube-api-access-x7k2p"}}
	stored.ServiceAccountName, stored.ImagePullSecrets = "default", []corev1.LocalObjectReference{{Name: "of-the-account"}}
	mutated := *stored.DeepCopy()
	mutated.Containers[0].Env = []corev1.EnvVar{{Name: "INJECTED"}}
	for _, tc := range []struct {
		name, why string
		kind      problemKind
		spec      corev1.PodSpec
		exact     bool
		hash      string
		want      bool
	}{
		{"crash loop", "the server adds defaults, the mount of a token, and requests", problemCrashLoop, stored, false, "new", true},
		{"crash loop, mutated", "the template may be another", problemCrashLoop, mutated, false, "new", false},
		{"crash loop, mutated, same revision", "the next pod is mutated as well", problemCrashLoop, mutated, false, "old", true},
		{"image", "pull secrets of a pod may be those of the account", problemImage, stored, false, "new", true},
		{"image of the template", "pull secrets of a template are known", problemImage, stored, true, "new", false},
		{"unschedulable", "the scheduler reads the same", problemUnschedulable, stored, false, "new", true},
	} {
		p := problem{kind: tc.kind, hash: "old", spec: &tc.spec, exact: tc.exact, container: "main"}
		if got := p.concerns(&corev1.Pod{Spec: template}, tc.hash); got != tc.want {
			t.Errorf("%s: concerns = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
	gone := problem{kind: problemProbe, spec: &stored, container: "other"}
	if gone.concerns(&corev1.Pod{Spec: template}, "") {
		t.Error("concerns = true for a container that the pod does not have, want false")
	}
}

// TestProblemsAreBounded: a crash loop is one problem, however often it crashes.
func TestProblemsAreBounded(t *testing.T) {
	for _, hash := range []string{"", "old"} {
		ds := build.Set{OnDelete: true}.Object()
		pod := build.Pod{Name: "x", Node: "a", Hash: hash, NotReady: true}.Of(ds)
		pod.Spec.Containers = ds.Spec.Template.Spec.Containers
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "main", RestartCount: 9, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				StartedAt: metav1.NewTime(build.Now.Add(-2 * time.Minute)), FinishedAt: metav1.NewTime(build.Now.Add(-time.Minute)),
			}},
		}}
		c, err := NewCluster(daemon.Input{DaemonSet: ds, Nodes: build.Nodes("a"), Pods: []*corev1.Pod{pod}, Revisions: build.Current(ds, "new"), Now: build.Now}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		c.Elapse(time.Hour)
		p, ok := c.namespaces[build.Namespace].pods["x"]
		if n := len(c.problems["a"]); n != 1 || !ok || p.pod.Status.ContainerStatuses[0].RestartCount < 15 {
			t.Errorf("hash %q: %d problems after an hour of crashes, want 1", hash, n)
		}
	}
}

// TestReadyStatuses: a container that has run before and runs again has restarted.
func TestReadyStatuses(t *testing.T) {
	now, before := metav1.NewTime(build.Now), metav1.NewTime(build.Now.Add(-time.Minute))
	failed := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, FinishedAt: before}}
	exited := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: before}}
	waits := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	runs := func(since metav1.Time) corev1.ContainerState {
		return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: since}}
	}
	completed := func(started metav1.Time) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: started, FinishedAt: now}}
	}
	spec := &corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "init"}, {Name: "sidecar", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}},
		Containers:     []corev1.Container{{Name: "main"}},
	}
	for _, tc := range []struct {
		name, why, container string
		state, last          corev1.ContainerState
		restarts             int32 // added to two
		want, wantLast       corev1.ContainerState
	}{
		{"created", "it runs for the first time", "main", waits("ContainerCreating"), corev1.ContainerState{}, 0, runs(now), corev1.ContainerState{}},
		{"runs", "it goes on", "main", runs(before), failed, 0, runs(before), failed},
		{"backs off", "the kubelet starts it again", "main", waits("CrashLoopBackOff"), failed, 1, runs(now), failed},
		{"terminated", "the kubelet starts it again", "main", failed, corev1.ContainerState{}, 1, runs(now), failed},
		{"init runs", "it ends well", "init", runs(before), corev1.ContainerState{}, 0, completed(before), corev1.ContainerState{}},
		{"init failed", "the kubelet starts it again, and it ends well", "init", failed, corev1.ContainerState{}, 1, completed(now), failed},
		{"init exited", "it has ended well", "init", exited, corev1.ContainerState{}, 0, exited, corev1.ContainerState{}},
		{"sidecar exited", "the kubelet starts it again", "sidecar", exited, corev1.ContainerState{}, 1, runs(now), exited},
	} {
		was := []corev1.ContainerStatus{{Name: tc.container, RestartCount: 2, State: tc.state, LastTerminationState: tc.last}}
		got := readyStatuses(spec, was, tc.container != "main", build.Now)[0]
		got.Ready, got.Started = false, nil
		want := corev1.ContainerStatus{Name: tc.container, RestartCount: 2 + tc.restarts, State: tc.want, LastTerminationState: tc.wantLast}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: readyStatuses() (-want +got), because %s:\n%s", tc.name, tc.why, diff)
		}
	}
}
