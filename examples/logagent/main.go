// Command logagent answers the questions about a log agent, a DaemonSet that tolerates every
// taint: where does it run, what happens on a node that goes NotReady, and does an update get
// past that node?
//
//	go run ./examples/logagent
//
// The manifest is agent.yaml, and the nodes are those of nodes.yaml.
package main

import (
	"embed"
	"fmt"
	"log"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

//go:embed *.yaml
var files embed.FS

func main() {
	log.SetFlags(0)
	var objects manifest.Objects
	if err := objects.ReadFS(files, "*.yaml"); err != nil {
		log.Fatal(err)
	}
	in := objects.Subjects()[0].Input
	in.Now = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

	fmt.Println("Where does it run?")
	agent := placement.Compile(&in.DaemonSet.Spec.Template, placement.Options{})
	fmt.Println(agent.Summarize(in.Nodes))
	for _, node := range in.Nodes {
		fmt.Println(" ", agent.Explain(node))
	}

	down := notReady(in.Nodes[len(in.Nodes)-1])
	template := in.DaemonSet.Spec.Template.DeepCopy()
	template.Spec.Tolerations = nil // those that every daemon pod gets are left
	strict := placement.Compile(template, placement.Options{})
	fmt.Printf("\nWhat happens on %s if it goes NotReady?\n", down.Name)
	fmt.Println("as written")
	fmt.Println(" ", agent.Explain(down))
	fmt.Println("without its toleration")
	fmt.Println(" ", strict.Explain(down))

	fmt.Printf("\nDoes an update get past %s?\n", down.Name)
	for _, policy := range []rollout.Policy{{}, {IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}} {
		assessment, err := update(in, down, policy)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("policy: %v\n  %v\n", policy, assessment)
	}
}

// notReady returns a node as it is once its kubelet has reported that it is not ready, and
// the node controller has set the taints.
func notReady(node *corev1.Node) *corev1.Node {
	node = node.DeepCopy()
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse}}
	for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute} {
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: effect})
	}
	return node
}

// update lets a node go down, then applies a new image, and returns how that rollout is an hour
// later.
func update(in daemon.Input, down *corev1.Node, policy rollout.Policy) (*health.Assessment, error) {
	c, err := simulate.NewCluster(in, simulate.Options{Policy: policy})
	if err != nil {
		return nil, err
	}
	if _, err := c.Settle(); err != nil {
		return nil, err
	}
	next := in.DaemonSet.DeepCopy()
	next.Spec.Template.Spec.Containers[0].Image = "registry.example.com/log-agent:3.3.0"
	if err := c.Apply(down, next); err != nil {
		return nil, err
	}
	if err := c.Advance(time.Hour); err != nil {
		return nil, err
	}
	snapshot, err := daemon.Observe(c.Input(next))
	if err != nil {
		return nil, err
	}
	return health.Assess(snapshot, health.Options{Policy: policy})
}
