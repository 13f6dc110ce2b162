package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/dynamic"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

var logs = flag.Bool("logs", false, "print what the controllers log")

// TestMain is also the main function of the processes that run one controller.
func TestMain(m *testing.M) {
	flag.Parse()
	if !*logs {
		klog.SetLogger(logr.Discard())
		ctrl.SetLogger(logr.Discard())
	}
	RunProcess(Upstream, Library, NodeAgents)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		// The servers are processes of their own, and would stay.
		<-interrupted
		if world.stop != nil {
			_ = world.stop()
		}
		os.Exit(1)
	}()
	code := m.Run()
	if stop := world.stop; stop != nil {
		if err := stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// world is what all tests share: starting an API server for each would take longer than most of them.
var world struct {
	once sync.Once
	err  error
	stop func() error

	*Cluster
	kubelets *Kubelets
	dynamic  dynamic.Interface
}

// quickly is how long pods usually take to get ready.
const quickly = 50 * time.Millisecond

// start starts the shared cluster if it has not been yet.
func start(t *testing.T) {
	t.Helper()
	world.once.Do(func() { world.err = startWorld() })
	if world.err != nil {
		t.Fatal(world.err)
	}
}

func startWorld() error {
	began := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	b, err := Build(ctx)
	if err != nil {
		cancel()
		return err
	}
	built := time.Now()
	if world.Cluster, err = StartCluster(b, "../../examples/controller/config/crd"); err != nil {
		cancel()
		return err
	}
	world.stop = func() error {
		cancel()
		return world.Cluster.Stop()
	}
	if world.dynamic, err = dynamic.NewForConfig(world.Config); err != nil {
		return err
	}
	world.kubelets = &Kubelets{Workers: 8}
	world.kubelets.SetReadyAfter(quickly)
	world.kubelets.Start(ctx, world.Client)
	go func() {
		if err := CollectGarbage(ctx, world.Config); err != nil {
			fmt.Fprintln(os.Stderr, "garbage collector:", err)
		}
	}()
	fmt.Printf("servers built in %v, started in %v\n", built.Sub(began).Round(time.Second), time.Since(built).Round(100*time.Millisecond))
	return nil
}
