// Command storage plays the update of a storage daemon, a DaemonSet on the nodes with disks in
// three zones. Its data survive the loss of one zone, so the update takes one zone at a time.
// The program draws that as text, and again with a broken node.
//
//	go run ./examples/storage
//
// The manifest is storage.yaml, and the nodes are those of nodes.yaml. Command timeline draws
// such pictures as SVG.
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
	fmt.Println(placement.Compile(&in.DaemonSet.Spec.Template, placement.Options{}).Summarize(in.Nodes))

	fmt.Println("\nHow does an update go? (o old, n new, . unavailable)")
	oneZone := rollout.Policy{OneDomain: &rollout.OneDomain{Label: corev1.LabelTopologyZone}}
	for _, run := range []struct {
		title  string
		policy rollout.Policy
		broken string
	}{
		{"as Kubernetes does it", rollout.Policy{}, ""},
		{"one zone at a time", oneZone, ""},
		{"one zone at a time, and the new version does not start on storage-b2", oneZone, "storage-b2"},
	} {
		fmt.Printf("\n%s\n", run.title)
		if err := update(in, run.policy, run.broken); err != nil {
			log.Fatal(err)
		}
	}
}

// update plays the update to a new image and draws it. On the broken node it never gets ready.
func update(in daemon.Input, policy rollout.Policy, broken string) error {
	c, err := simulate.NewCluster(in, simulate.Options{Policy: policy})
	if err != nil {
		return err
	}
	if _, err := c.Settle(); err != nil {
		return err
	}
	c.Options.PodTimes = func(node *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
		times := simulate.PodTimes{ReadyAfter: 20 * time.Second, TerminatesAfter: 10 * time.Second}
		if node != nil && node.Name == broken {
			times.ReadyAfter = -1 // never
		}
		return times
	}
	next := in.DaemonSet.DeepCopy()
	next.Spec.Template.Spec.Containers[0].Image = "registry.example.com/storage:2.5.0"
	if err := c.Apply(next); err != nil {
		return err
	}

	began, last, most := c.Now(), "", 0
	for pass, err := range c.Run() {
		if err != nil {
			return err
		}
		row, zones := draw(pass.Result.Snapshot)
		if row != last {
			fmt.Printf("%7v%s\n", pass.Time.Sub(began), row)
		}
		last, most = row, max(most, zones)
	}
	fmt.Println("zones with an unavailable node at the same time:", most)

	if err := c.Advance(time.Hour); err != nil {
		return err
	}
	snapshot, err := daemon.Observe(c.Input(next))
	if err != nil {
		return err
	}
	assessment, err := health.Assess(snapshot, health.Options{Policy: policy})
	if err != nil {
		return err
	}
	fmt.Println(assessment)
	return nil
}

// draw returns a letter for each node, zone by zone: o and n for an available pod of the old
// and of the new template, and a dot for none. zones counts the zones that have a dot.
func draw(s *daemon.Snapshot) (row string, zones int) {
	zone, counted := "", ""
	for _, node := range s.Nodes() { // by name, and so by zone
		if !node.Decision.Run {
			continue
		}
		if z := node.Node.Labels[corev1.LabelTopologyZone]; z != zone {
			zone = z
			row += "  " + zone + " "
		}
		letter := "."
		for _, pod := range node.Pods {
			if pod.Available && !pod.Terminating {
				letter = "o"
				if pod.Updated {
					letter = "n"
				}
			}
		}
		row += letter
		if letter == "." && zone != counted {
			counted = zone
			zones++
		}
	}
	return row, zones
}
