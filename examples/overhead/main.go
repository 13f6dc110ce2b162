// Command overhead prints what an autoscaler reserves for DaemonSets on a node that does not
// exist yet: a line for each shape of node, and below the table what does not fit and what
// cannot be told yet. Then it does the same for a pool of which only requirements are known.
//
//	go run ./examples/overhead
//
// daemonsets.yaml has the DaemonSets, and shapes.yaml a node of each shape.
package main

import (
	"embed"
	"fmt"
	"log"
	"os"
	"strings"
	"text/tabwriter"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/daemon/overhead"
)

//go:embed *.yaml
var files embed.FS

func main() {
	log.SetFlags(0)
	var objects manifest.Objects
	if err := objects.ReadFS(files, "*.yaml"); err != nil {
		log.Fatal(err)
	}
	daemons, err := overhead.Compile(objects.DaemonSets, overhead.Options{})
	if err != nil {
		log.Fatal(err)
	}

	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "SHAPE\tFOR SURE\tAT MOST\tLEFT FOR OTHER PODS")
	var notes []string
	var out overhead.NodeOverhead // its memory is used again for each shape
	for _, shape := range objects.Nodes {
		in := overhead.Input{
			Node:        shape,
			NameUnknown: true,
			LateLabels:  []string{"example.com/gpu-model"}, // the driver sets it after start-up
		}
		if err := daemons.OnNode(in, &out); err != nil {
			log.Fatal(err)
		}
		fmt.Fprintf(table, "%s\t%v\t%v\t%s\n", shape.Name, out.Run, out.AtMost, left(shape, &out))
		more, err := remarks(daemons, in, &out)
		if err != nil {
			log.Fatal(err)
		}
		notes = append(notes, more...)
	}
	table.Flush()
	for _, note := range notes {
		fmt.Println(note)
	}

	fmt.Println("\nA pool without GPUs, amd64 or arm64:")
	pool, err := daemons.InPool(overhead.Pool{Requirements: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{"amd64", "arm64"}},
		{Key: "example.com/gpu", Operator: corev1.NodeSelectorOpDoesNotExist},
	}})
	if err != nil {
		log.Fatal(err)
	}
	for _, daemon := range pool.Daemons {
		fmt.Println(daemon)
	}
	fmt.Printf("for sure %v; at most %v\n", pool.Always, pool.AtMost)
}

// left says what the DaemonSets leave of a node.
func left(node *corev1.Node, out *overhead.NodeOverhead) string {
	if len(out.Shortages) > 0 {
		return "too small"
	}
	cpu, memory := node.Status.Allocatable.Cpu().DeepCopy(), node.Status.Allocatable.Memory().DeepCopy()
	cpu.Sub(out.AtMost.Request(corev1.ResourceCPU))
	memory.Sub(out.AtMost.Request(corev1.ResourceMemory))
	return fmt.Sprintf("cpu %v, memory %v", &cpu, &memory)
}

// remarks returns what cannot be told about a node, and what has to wait there.
func remarks(daemons *overhead.Daemons, in overhead.Input, out *overhead.NodeOverhead) (notes []string, err error) {
	note := func(index int, format string, args ...any) {
		notes = append(notes, fmt.Sprintf("%s on %s: ", out.Daemons[index].Name, in.Node.Name)+fmt.Sprintf(format, args...))
	}
	for i, daemon := range out.Daemons {
		if daemon.Verdict == overhead.VerdictCannotTell {
			explanation, err := daemons.Explain(i, in)
			if err != nil {
				return nil, err
			}
			facts := make([]string, len(explanation.DependsOn))
			for k, fact := range explanation.DependsOn {
				facts[k] = fact.String()
			}
			note(i, "cannot tell, it depends on %s", strings.Join(facts, ", "))
		}
	}
	for _, s := range out.Shortages {
		note(s.Daemon, "does not fit, %v", s)
	}
	for _, c := range out.PortConflicts {
		note(c.Daemon, "waits, %v", c)
	}
	for _, m := range out.Mismatches {
		note(m.Daemon, "waits, %v", m)
	}
	return notes, nil
}
