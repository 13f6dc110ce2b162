package simulate_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/simulate"
)

// brokenFor returns a cluster with one node in which the only pod of ds has had the given
// statuses for a while.
func brokenFor(t *testing.T, ds *appsv1.DaemonSet, d time.Duration, status corev1.PodStatus, others ...metav1.Object) *simulate.Cluster {
	t.Helper()
	var c simulate.Cluster
	if err := c.Apply(append([]metav1.Object{ds, build.Node{Name: "n"}.Object()}, others...)...); err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(time.Second); err != nil {
		t.Fatal(err)
	}
	in := c.Input(ds)
	pod := in.Pods[0].DeepCopy()
	status.Phase, status.Conditions = corev1.PodPending, pod.Status.Conditions
	pod.Status = status
	in.Pods[0], in.Now = pod, in.Now.Add(d)
	out, err := simulate.NewCluster(in, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Apply(others...); err != nil {
		t.Fatal(err)
	}
	return out
}

func waitsWith(container, reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: container, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}
}

func wantEnd(t *testing.T, c *simulate.Cluster, want simulate.EndState, why string) *simulate.End {
	t.Helper()
	ends, err := c.Settle()
	if err != nil {
		t.Fatal(err)
	}
	if len(ends) != 1 || ends[0].State != want {
		t.Errorf("the rollout ends %v, want %v: %s", ends, want, why)
	}
	return ends[0]
}

func withConfigMap(name string) *appsv1.DaemonSet {
	ds := build.Set{}.Object()
	source := corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}
	ds.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{ConfigMap: &source}}}
	return ds
}

// TestRepairedVolume: what the containers of a pod share may be what is wrong, so that another
// volume gives a new pod a chance.
func TestRepairedVolume(t *testing.T) {
	for _, reason := range []string{"ContainerCreating", "CrashLoopBackOff", "CreateContainerConfigError"} {
		t.Run(reason, func(t *testing.T) {
			ds := withConfigMap("wrong")
			name := ds.Spec.Template.Spec.Containers[0].Name
			c := brokenFor(t, ds, time.Hour, corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waitsWith(name, reason)}})
			wantEnd(t, c, simulate.EndStalled, "the pod has been broken for an hour")
			if err := c.Apply(withConfigMap("right")); err != nil {
				t.Fatal(err)
			}
			wantEnd(t, c, simulate.EndComplete, "the template has another volume")
		})
	}
}

// TestPodInitializing: all containers of a pod with init containers wait with this reason until
// the first one starts.
func TestPodInitializing(t *testing.T) {
	ds := build.Set{}.Object()
	ds.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "setup:1"}}
	c := brokenFor(t, ds, time.Hour, corev1.PodStatus{
		InitContainerStatuses: []corev1.ContainerStatus{waitsWith("setup", "PodInitializing")},
		ContainerStatuses:     []corev1.ContainerStatus{waitsWith(ds.Spec.Template.Spec.Containers[0].Name, "PodInitializing")},
	})
	wantEnd(t, c, simulate.EndStalled, "no container was created for an hour")
}

// TestReplacedNode: a node that joins under the name of another one is another machine.
func TestReplacedNode(t *testing.T) {
	ds := build.Set{}.Object()
	name := ds.Spec.Template.Spec.Containers[0].Name
	c := brokenFor(t, ds, time.Hour, corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waitsWith(name, "ImagePullBackOff")}})
	wantEnd(t, c, simulate.EndStalled, "the image cannot be pulled")
	if err := c.Delete(build.Node{Name: "n"}.Object()); err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(build.Node{Name: "n"}.Object()); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, c, simulate.EndComplete, "the new machine has pulled nothing yet")
}

func sizedNode(cpu string, notReady time.Duration) *corev1.Node {
	node := build.Node{Name: "n", NotReady: notReady}.Object()
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
	return node
}

func asking(ds *appsv1.DaemonSet, cpu string) *appsv1.DaemonSet {
	ds.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
	return ds
}

// TestBiggerNode: a node that gets room and becomes ready at once takes the pod.
func TestBiggerNode(t *testing.T) {
	var c simulate.Cluster
	if err := c.Apply(asking(build.Set{}.Object(), "8"), sizedNode("4", time.Minute)); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, &c, simulate.EndStalled, "the node is too small")
	c.Elapse(2 * time.Minute)
	if err := c.Apply(sizedNode("16", 0)); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, &c, simulate.EndComplete, "the node has room now")
}

// foreign returns a pod of another namespace on the node n.
func foreign(cpu string, status ...corev1.ContainerStatus) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "f"}}
	pod.Spec = corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "x", Image: "x:1"}}}
	pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
	pod.Status.Phase, pod.Status.ContainerStatuses = corev1.PodRunning, status
	return pod
}

// TestForeignCrashLoop: a crash loop of another pod on the node does not end a rollout that
// waits for minReadySeconds. A runtime that does not know when a container started does not move
// the clock by centuries.
func TestForeignCrashLoop(t *testing.T) {
	var clock simulate.Cluster
	ended := clock.Now().Add(-time.Minute)
	for name, started := range map[string]time.Time{"known": ended.Add(-time.Second), "unknown": {}, "never": time.Unix(0, 0)} {
		t.Run(name, func(t *testing.T) {
			crashes := waitsWith("x", "CrashLoopBackOff")
			crashes.RestartCount = 10
			crashes.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
				ExitCode: 1, StartedAt: metav1.NewTime(started), FinishedAt: metav1.NewTime(ended),
			}
			pod := foreign("0", crashes)
			pod.CreationTimestamp = metav1.NewTime(ended.Add(-time.Hour))
			var c simulate.Cluster
			if err := c.Apply(build.Set{MinReady: 3600}.Object(), build.Node{Name: "n"}.Object(), pod); err != nil {
				t.Fatal(err)
			}
			began := c.Now()
			wantEnd(t, &c, simulate.EndComplete, "the other pod has nothing to do with it")
			if passed := c.Now().Sub(began); passed < time.Hour || passed > 24*time.Hour {
				t.Errorf("the clock has moved by %v, want an hour and a little", passed)
			}
		})
	}
}

// TestForeignPodsStay: the end has the pods of other namespaces, which take room.
func TestForeignPodsStay(t *testing.T) {
	var c simulate.Cluster
	if err := c.Apply(asking(build.Set{}.Object(), "3"), sizedNode("4", 0), foreign("2")); err != nil {
		t.Fatal(err)
	}
	end := wantEnd(t, &c, simulate.EndStalled, "the other pod takes too much")
	again, err := simulate.Settle(end.After, simulate.Options{})
	if err != nil || again.State != simulate.EndStalled {
		t.Errorf("Settle(End.After) = %v, %v, want stalled", again, err)
	}
}

// TestNeighbourShrinks: a pod that waits for room is tried again when another pod of its node
// asks for less.
func TestNeighbourShrinks(t *testing.T) {
	var c simulate.Cluster
	if err := c.Apply(asking(build.Set{}.Object(), "3"), sizedNode("4", 0), foreign("2")); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, &c, simulate.EndStalled, "the other pod takes too much")
	if err := c.Apply(foreign("1")); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, &c, simulate.EndComplete, "there is room now")
}
