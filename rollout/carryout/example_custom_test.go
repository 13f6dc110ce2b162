package carryout_test

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

var agentVersion = schema.GroupVersion{Group: "agents.example.com", Version: "v1"}

// Agent is a resource of one's own. Its CRD has the status subresource.
type Agent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              AgentSpec   `json:"spec"`
	Status            AgentStatus `json:"status,omitzero"`
}

// AgentSpec is what to run.
type AgentSpec struct {
	Image string `json:"image"`
}

// AgentStatus is what the controller has found. A generated CRD cannot hold the conditions of a
// DaemonSetStatus: copy its counters into a type of your own, as examples/controller does.
type AgentStatus struct {
	appsv1.DaemonSetStatus `json:",inline"`
	CanaryTrial            *rollout.CanaryTrial `json:"canaryTrial,omitempty"`
}

// DeepCopyObject is written by a code generator as a rule.
func (a *Agent) DeepCopyObject() runtime.Object {
	out := *a
	out.ObjectMeta = *a.ObjectMeta.DeepCopy()
	out.Status.DaemonSetStatus = *a.Status.DaemonSetStatus.DeepCopy()
	out.Status.CanaryTrial = a.Status.CanaryTrial.DeepCopy()
	return &out
}

// daemonSet maps the agent to what the library reads. Its kind is the agent's, and so are the
// owner references of the pods.
func (a *Agent) daemonSet() *appsv1.DaemonSet {
	labels := map[string]string{"agents.example.com/name": a.Name}
	ds := &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: agentVersion.String(), Kind: "Agent"},
		ObjectMeta: a.ObjectMeta,
		Status:     a.Status.DaemonSetStatus,
	}
	ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	ds.Spec.Template.Labels = labels
	ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: a.Spec.Image}}
	return daemon.Default(ds)
}

// How are the results of a custom resource carried out? The Writer is given the resource, not
// the DaemonSet to which it was mapped, and two functions that put a result into it.
func ExampleWriter_customResource() {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		fmt.Println(err)
		return
	}
	scheme.AddKnownTypes(agentVersion, &Agent{})
	edge := &Agent{ObjectMeta: metav1.ObjectMeta{Namespace: "agents", Name: "edge", UID: "0a77", Generation: 1}}
	edge.Spec.Image = "agent:1.0"
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}}
	server := fake.NewClientBuilder().WithScheme(scheme).WithObjects(edge, node).WithStatusSubresource(edge).Build()

	writer := carryout.Writer{
		Client: server,
		SetStatus: func(owner client.Object, r *rollout.Result) bool {
			status := &owner.(*Agent).Status
			changed := carryout.MergeStatus(&status.DaemonSetStatus, r.Status)
			if !equality.Semantic.DeepEqual(status.CanaryTrial, r.CanaryTrial) {
				status.CanaryTrial, changed = r.CanaryTrial.DeepCopy(), true
			}
			return changed
		},
		// Called only if a policy has a canary that rolls back.
		SetTemplate: func(owner client.Object, template *corev1.PodTemplateSpec) {
			owner.(*Agent).Spec.Image = template.Spec.Containers[0].Image
		},
	}
	ctx := context.Background()
	for range 2 {
		// A controller that runs for long keeps a rollout.State instead of reading everything.
		var pods corev1.PodList
		var revisions appsv1.ControllerRevisionList
		for _, list := range []client.ObjectList{&pods, &revisions} {
			if err := server.List(ctx, list, client.InNamespace(edge.Namespace)); err != nil {
				fmt.Println(err)
				return
			}
		}
		if err := server.Get(ctx, client.ObjectKeyFromObject(edge), edge); err != nil {
			fmt.Println(err)
			return
		}
		in := daemon.Input{DaemonSet: edge.daemonSet(), Nodes: []*corev1.Node{node}, Now: time.Now()}
		for i := range pods.Items {
			pod := &pods.Items[i]
			fmt.Println("pod of", metav1.GetControllerOf(pod).Kind, metav1.GetControllerOf(pod).Name)
			in.Pods = append(in.Pods, pod)
		}
		for i := range revisions.Items {
			in.Revisions = append(in.Revisions, &revisions.Items[i])
		}
		result, err := rollout.Sync(in, rollout.Options{CanaryTrial: edge.Status.CanaryTrial})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := writer.CarryOut(ctx, edge, result); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := server.Get(ctx, client.ObjectKeyFromObject(edge), edge); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(edge.Status.CurrentNumberScheduled, "of", edge.Status.DesiredNumberScheduled, "nodes have a pod")
	// Output:
	// pod of Agent edge
	// 1 of 1 nodes have a pod
}
