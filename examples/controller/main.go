// Command controller runs DaemonSets and NodeAgents with the library: a controller that a
// reader can copy. README.md says how to run it against a cluster.
package main

import (
	"flag"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/examples/controller/controller"
)

// settings are the flags.
type settings struct {
	daemonSets, nodeAgents bool
	namespace              string
	leaderElect            bool
	leaderNamespace        string
	metrics, probes        string
	qps                    float64
	controller             controller.Options
}

func main() {
	var s settings
	flag.BoolVar(&s.daemonSets, "daemonsets", false, "control DaemonSets; kube-controller-manager must run without its daemonset-controller then")
	flag.BoolVar(&s.nodeAgents, "nodeagents", true, "control NodeAgents")
	flag.StringVar(&s.namespace, "namespace", "", "control only this namespace; empty is all")
	flag.BoolVar(&s.leaderElect, "leader-elect", false, "wait until no other replica is at work")
	flag.StringVar(&s.leaderNamespace, "leader-elect-namespace", "", "the namespace of the lease; empty is that of the pod")
	flag.StringVar(&s.metrics, "metrics-bind-address", ":8080", "where to serve metrics; 0 is nowhere")
	flag.StringVar(&s.probes, "health-probe-bind-address", ":8081", "where to serve /healthz and /readyz")
	flag.Float64Var(&s.qps, "qps", 50, "how many requests per second to send to the API server; below zero is no limit")
	flag.IntVar(&s.controller.Burst, "burst", 0, "how many pods a pass may create, and how many it may delete; 0 is 250, below zero is no limit")
	flag.IntVar(&s.controller.Workers, "workers", 0, "how many owners to work on at once; 0 is 2")
	flag.DurationVar(&s.controller.StatusInterval, "status-interval", 0, "the shortest time between two writes of counters; 0 is 250ms, below zero is none")
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))

	if err := run(ctrl.GetConfigOrDie(), s); err != nil {
		fmt.Fprintln(os.Stderr, "controller:", err)
		os.Exit(1)
	}
}

// run runs the controllers until the process is told to stop.
func run(config *rest.Config, s settings) error {
	config.QPS, config.Burst = float32(s.qps), int(2*s.qps)
	scheme := clientgoscheme.Scheme
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	mgr, err := ctrl.NewManager(config, managerOptions(s))
	if err != nil {
		return err
	}
	if s.daemonSets {
		if err := controller.AddDaemonSets(mgr, s.controller); err != nil {
			return err
		}
	}
	if s.nodeAgents {
		if err := controller.AddNodeAgents(mgr, s.controller); err != nil {
			return err
		}
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.Start(ctrl.SetupSignalHandler())
}

// managerOptions are the options of the manager for the given flags.
func managerOptions(s settings) ctrl.Options {
	opts := ctrl.Options{
		Scheme:                  clientgoscheme.Scheme,
		Metrics:                 metricsserver.Options{BindAddress: s.metrics},
		HealthProbeBindAddress:  s.probes,
		LeaderElection:          s.leaderElect,
		LeaderElectionID:        "daemonset-example-controller",
		LeaderElectionNamespace: s.leaderNamespace,
		// The lease is given up only after the last write, so that the next leader
		// starts at once and never beside this one.
		LeaderElectionReleaseOnCancel: true,
		Cache: cache.Options{
			// Who set a field is of no use here, and is half of a pod.
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Node{}: {Transform: slimNode},
			},
		},
	}
	if s.namespace != "" {
		opts.Cache.DefaultNamespaces = map[string]cache.Config{s.namespace: {}}
	}
	return opts
}

// slimNode leaves out what the controller does not read of a node and what makes nodes
// large: the list of images.
func slimNode(object any) (any, error) {
	if node, ok := object.(*corev1.Node); ok {
		node.ManagedFields, node.Status.Images = nil, nil
	}
	return object, nil
}
