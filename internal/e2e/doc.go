// Package e2e runs the controllers on a real kube-apiserver with its etcd, upstream's DaemonSet
// controller beside the library's, and compares what they leave behind. README.md says what is
// tested and what came of it.
//
// A [Cluster] is the two processes. [Kubelets] stand in for schedulers and kubelets, and
// [CollectGarbage] is upstream's garbage collector. A [Controller] is upstream's or the
// library's, in this process or in a [Process] of its own. A [Log] tells every write in the order
// in which it took effect, and [Promise] is what a rollout is held to at each of them. [Faults]
// stand between a controller and its API server.
package e2e
