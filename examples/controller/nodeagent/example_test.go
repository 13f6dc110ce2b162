package nodeagent_test

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/examples/controller/nodeagent"
	"github.com/pernode/daemonset/rollout"
)

// A resource of one's own becomes the library's input, and what a pass finds becomes its
// status.
func Example() {
	agent := &v1alpha1.NodeAgent{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "1"}}
	agent.Spec.Selector.MatchLabels = map[string]string{"app": "agent"}
	agent.Spec.Template.Labels = map[string]string{"app": "agent"}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "worker-1"}}

	result, err := rollout.Sync(daemon.Input{
		DaemonSet: nodeagent.DaemonSet(agent), Nodes: []*corev1.Node{node}, Now: time.Now(),
	}, nodeagent.Options(agent, nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, create := range result.Plan.Create {
		fmt.Println(create)
	}
	fmt.Println(nodeagent.SetStatus(agent, result), agent.Status.DesiredNumberScheduled)
	// Output:
	// create on worker-1: node has no pod
	// true 1
}
