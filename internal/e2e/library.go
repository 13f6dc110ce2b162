package e2e

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/examples/controller/controller"
)

// The controllers of examples/controller.
var (
	// Library is the one for DaemonSets.
	Library = Controller{Name: "library", Run: managed(controller.AddDaemonSets)}
	// NodeAgents is the one for NodeAgents.
	NodeAgents = Controller{Name: "nodeagents", Run: managed(controller.AddNodeAgents)}
)

// managed runs a controller in a manager of its own.
func managed(add func(ctrl.Manager, controller.Options) error) func(context.Context, *rest.Config, string) error {
	return func(ctx context.Context, cfg *rest.Config, namespace string) error {
		scheme := runtime.NewScheme()
		if err := clientgoscheme.AddToScheme(scheme); err != nil {
			return err
		}
		if err := v1alpha1.AddToScheme(scheme); err != nil {
			return err
		}
		mgr, err := ctrl.NewManager(cfg, ctrl.Options{
			Scheme:  scheme,
			Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
			Metrics: metricsserver.Options{BindAddress: "0"},
			// Tests start the same controller many times in one process.
			Controller: config.Controller{SkipNameValidation: new(true)},
		})
		if err != nil {
			return err
		}
		if err := add(mgr, controller.Options{}); err != nil {
			return err
		}
		return mgr.Start(ctx)
	}
}
