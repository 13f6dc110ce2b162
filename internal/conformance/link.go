package conformance

import (
	"context"
	_ "unsafe" // for go:linkname

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
	daemoncontroller "k8s.io/kubernetes/pkg/controller/daemon"
)

// What upstream does not export. link.s is empty; without it the compiler would
// not accept functions without a body.

//go:linkname getPatch k8s.io/kubernetes/pkg/controller/daemon.getPatch
func getPatch(ds *appsv1.DaemonSet) ([]byte, error)

//go:linkname daemonPodTolerations k8s.io/kubernetes/pkg/controller/daemon.daemonPodTolerations
func daemonPodTolerations(ds *appsv1.DaemonSet) []corev1.Toleration

//go:linkname nodeShouldRunDaemonPod k8s.io/kubernetes/pkg/controller/daemon.nodeShouldRunDaemonPod
func nodeShouldRunDaemonPod(logger klog.Logger, node *corev1.Node, ds *appsv1.DaemonSet, tolerations []corev1.Toleration, affinity nodeaffinity.RequiredNodeAffinity) (bool, bool)

//go:linkname shouldIgnoreNodeUpdate k8s.io/kubernetes/pkg/controller/daemon.shouldIgnoreNodeUpdate
func shouldIgnoreNodeUpdate(oldNode, curNode corev1.Node) bool

//go:linkname getNodesToDaemonPods k8s.io/kubernetes/pkg/controller/daemon.(*DaemonSetsController).getNodesToDaemonPods
func getNodesToDaemonPods(dsc *daemoncontroller.DaemonSetsController, ctx context.Context, ds *appsv1.DaemonSet, includeDeletedTerminal bool) (map[string][]*corev1.Pod, error)

//go:linkname findUpdatedPodsOnNode k8s.io/kubernetes/pkg/controller/daemon.findUpdatedPodsOnNode
func findUpdatedPodsOnNode(ds *appsv1.DaemonSet, podsOnNode []*corev1.Pod, hash string) (newPod, oldPod *corev1.Pod, ok bool)

//go:linkname syncNodeUpdate k8s.io/kubernetes/pkg/controller/daemon.(*DaemonSetsController).syncNodeUpdate
func syncNodeUpdate(dsc *daemoncontroller.DaemonSetsController, ctx context.Context, nodeName string) error

//go:linkname addPod k8s.io/kubernetes/pkg/controller/daemon.(*DaemonSetsController).addPod
func addPod(dsc *daemoncontroller.DaemonSetsController, logger klog.Logger, obj any)

//go:linkname updatePod k8s.io/kubernetes/pkg/controller/daemon.(*DaemonSetsController).updatePod
func updatePod(dsc *daemoncontroller.DaemonSetsController, logger klog.Logger, old, cur any)

//go:linkname deletePod k8s.io/kubernetes/pkg/controller/daemon.(*DaemonSetsController).deletePod
func deletePod(dsc *daemoncontroller.DaemonSetsController, logger klog.Logger, obj any)

// shouldRun is upstream's verdict on one node.
func shouldRun(ds *appsv1.DaemonSet, node *corev1.Node) (run, keep bool) {
	return daemoncontroller.NodeShouldRunDaemonPod(logr.Discard(), node, ds)
}
