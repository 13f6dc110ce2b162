// Command monitoring answers the questions about a monitoring agent, a DaemonSet in the host's
// network: who else uses its port, how many nodes its percentage allows at once, and why it
// cannot be updated by surge, though that would leave no gap in the graphs.
//
//	go run ./examples/monitoring
//
// The manifest is node-exporter.yaml. gpu-exporter.yaml is another DaemonSet of the cluster,
// and nodes.yaml has its nodes.
package main

import (
	"embed"
	"fmt"
	"log"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
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
	in := objects.Subjects()[1].Input // by namespace: gpu, monitoring
	in.Now = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

	fmt.Println("What is wrong with it?")
	check(in, objects.DaemonSets)

	fmt.Println("\nWhat does the percentage allow, and how long does an update take?")
	for _, budget := range []string{"1", "10%", "25%", "100%"} {
		end, err := update(withBudget(in, budget, "0"))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("maxUnavailable %-5s %2d of %d nodes at once, %v\n", budget, len(in.Nodes)-end.LowestAvailable, len(in.Nodes), end.Took)
	}

	fmt.Println("\nMay it surge instead, so that every node is measured all the time?")
	surge := withBudget(in, "0", "10%")
	check(surge, nil)
	end, err := update(surge)
	if err != nil {
		log.Fatal(err)
	}
	end.After.Now = end.After.Now.Add(time.Hour) // long enough to be stalled, not slow
	snapshot, err := daemon.Observe(end.After)
	if err != nil {
		log.Fatal(err)
	}
	assessment, err := health.Assess(snapshot, health.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(assessment)
}

// withBudget returns the input with another budget of the DaemonSet.
func withBudget(in daemon.Input, maxUnavailable, maxSurge string) daemon.Input {
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.DaemonSet.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{
		MaxUnavailable: new(intstr.Parse(maxUnavailable)), MaxSurge: new(intstr.Parse(maxSurge)),
	}
	return in
}

// check prints what is wrong with a DaemonSet.
func check(in daemon.Input, others []*appsv1.DaemonSet) {
	findings, err := lint.Check(in, lint.Options{OtherDaemonSets: others})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range findings {
		fmt.Printf("%v %s: %s\n  %s\n", f.Severity, f.Code, f.Message, f.Fix)
	}
}

// update plays the update to a new image.
func update(in daemon.Input) (*simulate.End, error) {
	c, err := simulate.NewCluster(in, simulate.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := c.Settle(); err != nil {
		return nil, err
	}
	next := in.DaemonSet.DeepCopy()
	next.Spec.Template.Spec.Containers[0].Image = "registry.example.com/node-exporter:1.10.0"
	if err := c.Apply(next); err != nil {
		return nil, err
	}
	ends, err := c.Settle()
	if err != nil {
		return nil, err
	}
	return ends[0], nil
}
