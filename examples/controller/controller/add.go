package controller

// What the controllers may do. The finalizers are for clusters that let only those block an
// owner's deletion who may update them (OwnerReferencesPermissionEnforcement).
//
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups=apps,resources=daemonsets,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=daemonsets/status;daemonsets/finalizers,verbs=update
// +kubebuilder:rbac:groups=agents.example.com,resources=nodeagents,verbs=get;list;watch;update
// +kubebuilder:rbac:groups=agents.example.com,resources=nodeagents/status;nodeagents/finalizers,verbs=update
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update
//
//go:generate go tool controller-gen rbac:roleName=daemonset-example-controller paths=. output:rbac:dir=../config/rbac

import (
	"cmp"
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/placement"
)

const (
	// DefaultWorkers is how many owners are worked on at once, unless Options say so
	// (ConcurrentDaemonSetSyncs@v1.37.2).
	DefaultWorkers = 2
	// DefaultStatusInterval is the default of Options.StatusInterval.
	DefaultStatusInterval = 250 * time.Millisecond
)

// Options adjust a controller. The zero Options are upstream's behaviour.
type Options struct {
	// Burst is how many pods one pass creates, and how many it deletes, at most. Zero is
	// daemon.DefaultBurstReplicas; below zero is no limit.
	Burst int
	// Placement adjusts which nodes are eligible.
	Placement placement.Options
	// Workers is how many owners are worked on at once. Zero is DefaultWorkers.
	Workers int
	// StatusInterval is the shortest time between two writes of an owner's status that
	// differ only in their counters. A pass costs so little that without it a rollout would
	// write a status for every pod that becomes ready. Zero is DefaultStatusInterval; below
	// zero writes every change at once.
	StatusInterval time.Duration
	// Clock gives the time of a pass. nil is the system's.
	Clock clock.PassiveClock
}

// AddDaemonSets adds a controller of apps/v1 DaemonSets to a manager. Upstream's must not run
// in the same cluster: start kube-controller-manager with
// --controllers=*,-daemonset-controller. It returns an error if the manager refuses the
// controller, for example because one is already registered.
func AddDaemonSets(mgr ctrl.Manager, opts Options) error {
	return add(mgr, opts, daemonSets, &appsv1.DaemonSet{})
}

// AddNodeAgents adds a controller of NodeAgents to a manager, whose scheme it must be in; see
// v1alpha1.AddToScheme. It returns an error if the manager refuses the controller, for example
// because one is already registered.
func AddNodeAgents(mgr ctrl.Manager, opts Options) error {
	return add(mgr, opts, nodeAgents, &v1alpha1.NodeAgent{})
}

// add adds the controller of one kind. object is an empty owner.
func add[T client.Object](mgr ctrl.Manager, opts Options, k kind, object T) error {
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	if opts.Workers == 0 {
		opts.Workers = DefaultWorkers
	}
	if opts.StatusInterval == 0 {
		opts.StatusInterval = DefaultStatusInterval
	}
	m := newMirror(k, opts)
	c, err := ctrlcontroller.New(k.name, mgr, ctrlcontroller.Options{
		MaxConcurrentReconciles: opts.Workers,
		Reconciler: &reconciler{
			kind:   k,
			opts:   opts,
			mirror: m,
			client: mgr.GetClient(),
			reader: mgr.GetAPIReader(),
			//lint:ignore SA1019 the new events have no limit per object: a rollout on 1,000 nodes would write 2,000
			recorder: mgr.GetEventRecorderFor(k.name + "-controller"),
		},
	})
	if err != nil {
		return fmt.Errorf("add the controller of %T: %w", object, err)
	}
	setOwner := func(w wakes, owner T) { m.setOwner(w, owner) }
	deleteOwner := func(w wakes, owner T) { m.deleteOwner(w, owner) }
	return cmp.Or(
		watch(mgr, c, object, setOwner, deleteOwner),
		watch(mgr, c, &corev1.Node{}, m.setNode, m.deleteNode),
		watch(mgr, c, &corev1.Pod{}, m.setPod, m.deletePod),
		watch(mgr, c, &appsv1.ControllerRevision{}, m.setRevision, m.deleteRevision),
	)
}

// watch gives every event of a type of objects to set or remove, and wakes whom they return.
// The events of one type come one after the other, in the order in which the objects
// changed.
func watch[T client.Object](mgr ctrl.Manager, c ctrlcontroller.Controller, object T,
	set func(wakes, T), remove func(wakes, T),
) error {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	funcs := handler.TypedFuncs[T, reconcile.Request]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[T], q queue) { set(q.Add, e.Object) },
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[T], q queue) { set(q.Add, e.ObjectNew) },
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[T], q queue) { remove(q.Add, e.Object) },
	}
	if err := c.Watch(source.Kind(mgr.GetCache(), object, handler.TypedEventHandler[T, reconcile.Request](funcs))); err != nil {
		return fmt.Errorf("watch %T: %w", object, err)
	}
	return nil
}
