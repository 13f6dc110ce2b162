package e2e

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
)

// Upstream is the DaemonSet controller of k8s.io/kubernetes as kube-controller-manager
// starts it (newDaemonSetController@v1.37.2).
var Upstream = Controller{Name: "upstream", Run: runUpstream}

func runUpstream(ctx context.Context, cfg *rest.Config, namespace string) error {
	client, err := kubernetes.NewForConfig(protobuf(cfg))
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	apps, core := factory.Apps().V1(), factory.Core().V1()
	dsc, err := daemon.NewDaemonSetsController(ctx, apps.DaemonSets(), apps.ControllerRevisions(), core.Pods(), core.Nodes(),
		client, flowcontrol.NewBackOff(time.Second, 15*time.Minute))
	if err != nil {
		return err
	}
	factory.StartWithContext(ctx)
	// Two workers are kube-controller-manager's default.
	dsc.Run(ctx, 2)
	factory.Shutdown()
	return nil
}

// collected are the resources whose owner references the garbage collector follows. It could
// follow all, but each costs a watch.
var collected = map[schema.GroupResource]bool{
	{Resource: "pods"}:                                    true,
	{Group: "apps", Resource: "daemonsets"}:               true,
	{Group: "apps", Resource: "controllerrevisions"}:      true,
	{Group: "agents.example.com", Resource: "nodeagents"}: true,
}

// CollectGarbage runs upstream's garbage collector until the context ends.
func CollectGarbage(ctx context.Context, cfg *rest.Config) error {
	client, err := kubernetes.NewForConfig(protobuf(cfg))
	if err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfig(cfg)
	if err != nil {
		return err
	}
	lists, err := discovery.ServerPreferredResources(client.Discovery())
	if err != nil {
		return err
	}
	ignored := map[schema.GroupResource]struct{}{}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return err
		}
		for _, r := range list.APIResources {
			if gr := (schema.GroupResource{Group: gv.Group, Resource: r.Name}); !collected[gr] {
				ignored[gr] = struct{}{}
			}
		}
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	factory := informerfactory.NewInformerFactory(
		informers.NewSharedInformerFactory(client, 0), metadatainformer.NewSharedInformerFactory(metadataClient, 0))
	started := make(chan struct{})
	close(started) // the collector starts its informers by itself
	gc, err := garbagecollector.NewGarbageCollector(ctx, client, metadataClient, mapper, ignored, factory, started)
	if err != nil {
		return err
	}
	synced := make(chan struct{})
	go func() {
		defer close(synced)
		gc.Sync(ctx, client.Discovery(), 5*time.Second)
	}()
	gc.Run(ctx, 2, 30*time.Second)
	<-synced
	return nil
}
