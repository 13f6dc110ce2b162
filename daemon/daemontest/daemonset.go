package daemontest

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/build"
)

// Start returns the time at which clusters begin, noon of 1 January 2026 UTC. It is the Now
// of an Input of objects from this package: pods and revisions are an hour older.
func Start() time.Time { return build.Now }

// DaemonSet returns a DaemonSet in the namespace kube-system with the defaults of daemon.Default:
// the label and selector app=<name>, one container "main" with the image <name>:1, a rolling update
// with maxUnavailable 1, and the UID uid-<name>. The spec of the pod template has nothing but the
// container. An API server gives it defaults, such as a restartPolicy; a Cluster gives it none. It is
// created when it is applied. Without a name it is "agent".
func DaemonSet(name string) *appsv1.DaemonSet {
	ds := build.Set{Name: name}.Object()
	ds.CreationTimestamp = metav1.Time{}
	return ds
}

// WithImage returns a copy of ds whose first container has the image: the next version for
// Cluster.Apply. A ds without containers gets one. nil gives nil.
func WithImage(ds *appsv1.DaemonSet, image string) *appsv1.DaemonSet {
	if ds == nil {
		return nil
	}
	next := ds.DeepCopy()
	spec := &next.Spec.Template.Spec
	if len(spec.Containers) == 0 {
		spec.Containers = []corev1.Container{{Name: "main"}}
	}
	spec.Containers[0].Image = image
	return next
}

// Pod returns a pod that ds has on the named node, of the current template, as it is once the
// scheduler has bound it: running, and ready for an hour. Its name is <ds>-<node>. For the pod
// of an older template give that version of ds. nil and an empty name give nil.
//
// The pod belongs to ds by its UID. For Cluster.Apply take the stored DaemonSet, Cluster.Input(ds).DaemonSet.
func Pod(ds *appsv1.DaemonSet, node string) *corev1.Pod {
	pod := daemon.NewPod(ds, node, "")
	if pod == nil {
		return nil
	}
	since := metav1.NewTime(Start().Add(-time.Hour))
	pod.Name = ds.Name + "-" + node
	pod.UID, pod.CreationTimestamp = types.UID("uid-"+pod.Name), since
	pod.Spec.NodeName = node
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: since},
		{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: since},
	}}
	return pod
}

// Revision returns the ControllerRevision with the given number that holds the template of
// ds, as the controller creates it. For an older one give that version of ds. It is nil if ds
// is nil, or has a template that cannot be encoded.
func Revision(ds *appsv1.DaemonSet, number int64) *appsv1.ControllerRevision {
	if ds == nil {
		return nil
	}
	data, err := history.Data(&ds.Spec.Template)
	if err != nil {
		return nil
	}
	hash := daemon.TemplateHash(&ds.Spec.Template, ds.Status.CollisionCount)
	return build.Revision{Hash: hash, Number: number, Data: string(data)}.Of(ds)
}
