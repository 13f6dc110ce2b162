package overhead

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/demand"
)

// Pod returns the pod of the DaemonSet of an index in List for the named node, as daemon.NewPod
// builds it, with what the API server adds and the scheduler reads: the requests and limits
// that are missing, the overhead, the priority with its class and preemption policy, what the
// RuntimeClass adds to node selector and tolerations, and host ports in the host network. It has
// the label controller-revision-hash if revisionHash is not empty. It has no name, and
// spec.nodeName is that of the template.
//
// It is nil if there is no such index or nodeName is empty. The pod is the caller's own.
func (d *Daemons) Pod(index int, nodeName, revisionHash string) *corev1.Pod {
	d = d.orEmpty()
	if d.checkIndex(index) != nil {
		return nil
	}
	ds, c := d.list[index].DaemonSet, &d.compiled[index]
	hash := revisionHash
	if hash == "" {
		hash = "none" // An empty one would be worked out.
	}
	pod := daemon.NewPod(ds, nodeName, hash)
	if pod == nil {
		return nil
	}
	if revisionHash == "" {
		const key = appsv1.DefaultDaemonSetUniqueLabelKey
		delete(pod.Labels, key)
		if value, ok := ds.Spec.Template.Labels[key]; ok {
			pod.Labels[key] = value
		}
	}
	pod.Spec.Priority = new(d.list[index].Priority)
	pod.Spec.PriorityClassName = c.spec.PriorityClassName
	if c.spec.PreemptionPolicy != nil {
		pod.Spec.PreemptionPolicy = new(*c.spec.PreemptionPolicy)
	}
	pod.Spec.NodeSelector = maps.Clone(c.spec.NodeSelector)
	if c.scheduling != nil {
		pod.Spec.Tolerations = mergedTolerations(pod.Spec.Tolerations, c.scheduling.DeepCopy().Tolerations)
	}
	pod.Spec.Overhead = c.spec.Overhead.DeepCopy()
	pod.Spec.Resources = c.spec.Resources.DeepCopy()
	complete(&pod.Spec, pod.Spec.InitContainers, c.spec.InitContainers)
	complete(&pod.Spec, pod.Spec.Containers, c.spec.Containers)
	return pod
}

// complete fills in what containers take.
func complete(spec *corev1.PodSpec, containers, admitted []corev1.Container) {
	for i := range containers {
		admitted[i].Resources.DeepCopyInto(&containers[i].Resources)
		for j := range containers[i].Ports {
			containers[i].Ports[j].HostPort = demand.PortOf(spec, &containers[i].Ports[j]).Number
		}
	}
}
