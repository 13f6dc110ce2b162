package controller

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
)

// Adding needs no server: the watches start with the manager.
func TestAdd(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	mgr, err := ctrl.NewManager(&rest.Config{Host: "http://127.0.0.1:1"}, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, add := range map[string]func(ctrl.Manager, Options) error{"DaemonSets": AddDaemonSets, "NodeAgents": AddNodeAgents} {
		if err := add(mgr, Options{}); err != nil {
			t.Errorf("Add%s() = %v", name, err)
		}
		if err := add(mgr, Options{}); err == nil {
			t.Errorf("Add%s() = nil for a manager that has it, want an error", name)
		}
	}
}
