// Command network answers the questions about a network plugin, a DaemonSet with init
// containers and the highest priority: what does a pod request, who gets room first on a small
// node, and how does an update go if an init container fails?
//
//	go run ./examples/network
//
// The manifest is network.yaml. image-cache.yaml is another DaemonSet of the cluster, and
// nodes.yaml has its nodes.
package main

import (
	"embed"
	"fmt"
	"log"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/daemon/overhead"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

//go:embed *.yaml
var files embed.FS

const brokenImage = "registry.example.com/network-install:1.18.0"

func main() {
	log.SetFlags(0)
	var objects manifest.Objects
	if err := objects.ReadFS(files, "*.yaml"); err != nil {
		log.Fatal(err)
	}
	in := objects.Subjects()[1].Input // by namespace: images, kube-system
	in.Now = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

	daemons, err := overhead.Compile(objects.DaemonSets, overhead.Options{})
	if err != nil {
		log.Fatal(err)
	}
	network := daemons.List()[0] // the highest priority comes first
	fmt.Println("What does a pod request?")
	pod := in.DaemonSet.Spec.Template.Spec
	for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
		fmt.Printf("  %-14s  cpu %4v, memory %5v\n", container.Name, container.Resources.Requests.Cpu(), container.Resources.Requests.Memory())
	}
	fmt.Printf("  %-14s  cpu %4v, memory %5v, and the ports %v of the node\n",
		"scheduler", network.Requests.Cpu(), network.Requests.Memory(), network.HostPorts)

	fmt.Println("\nWho gets room first?")
	var out overhead.NodeOverhead
	for _, node := range in.Nodes {
		if err := daemons.OnNode(overhead.Input{Node: node}, &out); err != nil {
			log.Fatal(err)
		}
		for _, daemon := range out.Daemons {
			fmt.Printf("  %-13s  %v\n", node.Name, daemon)
		}
	}

	fmt.Println("\nHow does an update go if the new version cannot install the plugin?")
	assessment, err := brokenUpdate(in)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(assessment)
	for _, blocker := range assessment.Blockers {
		fmt.Printf("%s on %s says: %s\n", blocker.Container.Name, blocker.Node, blocker.Container.LastEnd.Message)
	}
}

// brokenUpdate plays an update whose init container crashes, and returns how the rollout is an
// hour later.
func brokenUpdate(in daemon.Input) (*health.Assessment, error) {
	c, err := simulate.NewCluster(in, simulate.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := c.Settle(); err != nil {
		return nil, err
	}
	next := in.DaemonSet.DeepCopy()
	next.Spec.Template.Spec.InitContainers[1].Image = brokenImage
	c.Options.PodTimes = func(_ *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
		if pod.Spec.InitContainers[1].Image == brokenImage {
			return simulate.PodTimes{ReadyAfter: -1} // never
		}
		return simulate.PodTimes{}
	}
	if err := c.Apply(next); err != nil {
		return nil, err
	}
	if _, err := c.Settle(); err != nil {
		return nil, err
	}

	// What the kubelets report about the new pods by then.
	for _, pod := range c.Input(next).Pods {
		if pod.Spec.InitContainers[1].Image != brokenImage {
			continue
		}
		pod = pod.DeepCopy()
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
			Name: "install-plugin", Image: brokenImage, RestartCount: 5,
			State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: "/host/opt/cni/bin: read-only file system"}},
		}}
		if err := c.Apply(pod); err != nil {
			return nil, err
		}
	}
	if err := c.Advance(time.Hour); err != nil {
		return nil, err
	}
	snapshot, err := daemon.Observe(c.Input(next))
	if err != nil {
		return nil, err
	}
	return health.Assess(snapshot, health.Options{})
}
