package rollout_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// How does a controller of its own resource use the library? It maps the resource to a
// DaemonSet. The owner references name the kind of the resource, so that later passes, and
// the garbage collector, recognize what the resource owns.
func Example_customResource() {
	// NodeAgent is a resource of its own, as code generators make it.
	type NodeAgent struct {
		metav1.TypeMeta
		metav1.ObjectMeta
		Spec struct{ Image string }
		// A generated CRD cannot hold the conditions of this type: copy its counters into a
		// type of your own, as examples/controller does.
		Status appsv1.DaemonSetStatus
	}
	agent := NodeAgent{ObjectMeta: metav1.ObjectMeta{Namespace: "agents", Name: "edge", UID: "0a77", Generation: 1}}
	agent.Spec.Image = "agent:1.0"

	labels := map[string]string{"agents.example.com/name": agent.Name}
	ds := daemon.Default(&appsv1.DaemonSet{
		// Clients leave the TypeMeta of the objects that they read empty: set it.
		TypeMeta: metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"},
		// Namespace, name, UID, generation and deletion timestamp are the resource's.
		ObjectMeta: agent.ObjectMeta,
		// So is the status: a pass reads what the pass before has written.
		Status: agent.Status,
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: agent.Spec.Image}}},
			},
		},
	})
	// No API server does it for a DaemonSet that it never sees.
	if errs := daemon.Validate(ds); len(errs) > 0 {
		fmt.Println(errs.ToAggregate())
		return
	}
	in := daemon.Input{
		DaemonSet: ds,
		// The names keep revisions apart from those of a DaemonSet that is called edge.
		Naming: daemon.Naming{RevisionHashLabel: "agents.example.com/revision-hash", RevisionNamePrefix: "nodeagent-"},
		Nodes:  []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}},
		Now:    time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	}
	result, err := rollout.Sync(in, rollout.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	pod, revision := result.Plan.Create[0].Pod, result.Revisions.Create
	fmt.Println(revision.Name == "nodeagent-edge-"+pod.Labels["agents.example.com/revision-hash"])
	for _, object := range []metav1.Object{pod, revision} {
		ref := metav1.GetControllerOf(object)
		fmt.Println(ref.APIVersion, ref.Kind, ref.Name, ref.UID)
	}

	// The next pass sees what this one wrote. The node needs no other pod.
	agent.Status = *result.Status
	ds.Status = agent.Status
	pod.Name, pod.Spec.NodeName = "edge-x7k2p", "n1"
	in.Pods, in.Revisions = []*corev1.Pod{pod}, []*appsv1.ControllerRevision{revision}
	if result, err = rollout.Sync(in, rollout.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&result.Plan)
	// Output:
	// create on n1: node has no pod
	// true
	// agents.example.com/v1 NodeAgent edge 0a77
	// agents.example.com/v1 NodeAgent edge 0a77
	// nothing to do
}
