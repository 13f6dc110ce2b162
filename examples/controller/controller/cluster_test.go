package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/examples/controller/nodeagent"
)

// kubeletFinalizer stands for the grace period of a pod: the fake server keeps a pod that is
// deleted until the kubelet of the tests takes it away.
const kubeletFinalizer = "kubelet.example.com/running"

// cluster is a fake API server with a kubelet, watches that can be held back, a work queue
// and a clock, around one controller.
type cluster struct {
	t      *testing.T
	server client.WithWatch
	clock  *clocktesting.FakePassiveClock
	kind   kind
	opts   Options

	mirror     *mirror
	controller *reconciler
	// shown is what the watches have delivered, by type and name.
	shown map[string]map[string]client.Object
	// held are the types whose events do not come.
	held map[string]bool
	// queue are the owners to work on, and due those to work on later.
	queue []reconcile.Request
	due   map[reconcile.Request]time.Time

	mu     sync.Mutex
	uids   int
	writes []string
	events []string
	// refuse answers a write that then has no effect; lose answers one that has.
	refuse, lose func(write string) error
}

func newCluster(t *testing.T, k kind, opts Options, nodes int) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c := &cluster{
		t: t, clock: clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)),
		kind: k, opts: opts, held: map[string]bool{},
	}
	c.opts.Clock = c.clock
	if c.opts.StatusInterval == 0 {
		c.opts.StatusInterval = DefaultStatusInterval
	}
	c.server = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&appsv1.DaemonSet{}, &v1alpha1.NodeAgent{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				return c.write("create", obj, func() error {
					obj.SetUID(c.newUID())
					obj.SetCreationTimestamp(metav1.NewTime(c.clock.Now()))
					if pod, ok := obj.(*corev1.Pod); ok {
						pod.Finalizers = append(pod.Finalizers, kubeletFinalizer)
					}
					return w.Create(ctx, obj, opts...)
				})
			},
			Update: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
				return c.write("update", obj, func() error { return w.Update(ctx, obj, opts...) })
			},
			Patch: func(ctx context.Context, w client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				return c.write("patch", obj, func() error { return w.Patch(ctx, obj, patch, opts...) })
			},
			Delete: func(ctx context.Context, w client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
				return c.write("delete", obj, func() error { return w.Delete(ctx, obj, opts...) })
			},
			SubResourceUpdate: func(ctx context.Context, w client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
				return c.write("update "+sub+" of", obj, func() error { return w.SubResource(sub).Update(ctx, obj, opts...) })
			},
		}).Build()
	for i := range nodes {
		c.create(node(i))
	}
	c.start()
	return c
}

// start starts the controller with empty caches, as after a crash.
func (c *cluster) start() {
	c.shown = map[string]map[string]client.Object{}
	c.queue, c.due = nil, map[reconcile.Request]time.Time{}
	c.mirror = newMirror(c.kind, c.opts)
	c.controller = &reconciler{kind: c.kind, opts: c.opts, mirror: c.mirror, client: c.server, reader: c.server, recorder: c}
}

func (c *cluster) newUID() types.UID {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uids++
	return types.UID(fmt.Sprintf("uid-%d", c.uids))
}

// write makes a write of the controller, or of the test.
func (c *cluster) write(verb string, obj client.Object, send func() error) error {
	name := obj.GetName()
	text := fmt.Sprintf("%s %s %s", verb, strings.TrimPrefix(fmt.Sprintf("%T", obj), "*v1."), name)
	c.mu.Lock()
	c.writes = append(c.writes, text)
	refuse, lose := c.refuse, c.lose
	c.mu.Unlock()
	if refuse != nil {
		if err := refuse(text); err != nil {
			return err
		}
	}
	if err := send(); err != nil {
		return err
	}
	if lose != nil {
		return lose(text)
	}
	return nil
}

// written returns how many writes began with the prefix, since the last call of reset.
func (c *cluster) written(prefix string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, w := range c.writes {
		if strings.HasPrefix(w, prefix) {
			n++
		}
	}
	return n
}

func (c *cluster) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes, c.events = nil, nil
}

// must ends the test upon an error.
func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) create(obj client.Object) {
	c.t.Helper()
	c.must(c.server.Create(c.t.Context(), obj))
}

// change changes an object of the server; its status, too.
func change[T client.Object](c *cluster, obj T, f func(T)) {
	c.t.Helper()
	c.must(c.server.Get(c.t.Context(), client.ObjectKeyFromObject(obj), obj))
	f(obj)
	status := obj.DeepCopyObject().(T)
	c.must(c.server.Update(c.t.Context(), obj))
	switch any(obj).(type) {
	case *appsv1.DaemonSet, *v1alpha1.NodeAgent:
		return
	}
	status.SetResourceVersion(obj.GetResourceVersion())
	c.must(client.IgnoreNotFound(c.server.Status().Update(c.t.Context(), status)))
}

// lists are the types that the controller watches.
func (c *cluster) lists() map[string]client.ObjectList {
	lists := map[string]client.ObjectList{
		"nodes": &corev1.NodeList{}, "pods": &corev1.PodList{}, "revisions": &appsv1.ControllerRevisionList{},
		"owners": &appsv1.DaemonSetList{},
	}
	if c.kind.name == nodeAgents.name {
		lists["owners"] = &v1alpha1.NodeAgentList{}
	}
	return lists
}

// watch delivers what has changed since the last call, except what is held back.
func (c *cluster) watch() {
	c.t.Helper()
	lists := c.lists()
	for _, what := range slices.Sorted(maps.Keys(lists)) {
		if c.held[what] {
			continue
		}
		c.must(c.server.List(c.t.Context(), lists[what]))
		now := map[string]client.Object{}
		for _, obj := range objects(lists[what]) {
			now[client.ObjectKeyFromObject(obj).String()] = obj
		}
		before := c.shown[what]
		for _, name := range slices.Sorted(maps.Keys(before)) {
			if now[name] == nil {
				c.deliver(before[name], true)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(now)) {
			if old := before[name]; old == nil || old.GetResourceVersion() != now[name].GetResourceVersion() {
				c.deliver(now[name], false)
			}
		}
		c.shown[what] = now
	}
}

func objects(list client.ObjectList) []client.Object {
	var out []client.Object
	switch l := list.(type) {
	case *corev1.NodeList:
		for i := range l.Items {
			out = append(out, &l.Items[i])
		}
	case *corev1.PodList:
		for i := range l.Items {
			out = append(out, &l.Items[i])
		}
	case *appsv1.ControllerRevisionList:
		for i := range l.Items {
			out = append(out, &l.Items[i])
		}
	case *appsv1.DaemonSetList:
		for i := range l.Items {
			out = append(out, &l.Items[i])
		}
	case *v1alpha1.NodeAgentList:
		for i := range l.Items {
			out = append(out, &l.Items[i])
		}
	}
	return out
}

// deliver delivers one event.
func (c *cluster) deliver(obj client.Object, gone bool) {
	set := map[bool]func(client.Object){
		false: func(obj client.Object) {
			switch o := obj.(type) {
			case *corev1.Node:
				c.mirror.setNode(c.wake, o)
			case *corev1.Pod:
				c.mirror.setPod(c.wake, o)
			case *appsv1.ControllerRevision:
				c.mirror.setRevision(c.wake, o)
			default:
				c.mirror.setOwner(c.wake, o)
			}
		},
		true: func(obj client.Object) {
			switch o := obj.(type) {
			case *corev1.Node:
				c.mirror.deleteNode(c.wake, o)
			case *corev1.Pod:
				c.mirror.deletePod(c.wake, o)
			case *appsv1.ControllerRevision:
				c.mirror.deleteRevision(c.wake, o)
			default:
				c.mirror.deleteOwner(c.wake, o)
			}
		},
	}
	set[gone](obj)
}

// wake puts an owner into the queue, once.
func (c *cluster) wake(r reconcile.Request) {
	if !slices.Contains(c.queue, r) {
		c.queue = append(c.queue, r)
	}
}

// pass makes the passes that are due, and returns their errors by owner.
func (c *cluster) pass() map[string]error {
	for r, at := range c.due {
		if !at.After(c.clock.Now()) {
			delete(c.due, r)
			c.wake(r)
		}
	}
	failures := map[string]error{}
	queue := c.queue
	c.queue = nil
	for _, r := range queue {
		result, err := c.controller.Reconcile(c.t.Context(), r)
		if err != nil {
			failures[r.Name] = err
			if !errors.Is(err, reconcile.TerminalError(nil)) {
				c.due[r] = c.clock.Now().Add(5 * time.Millisecond)
			}
		}
		if result.RequeueAfter > 0 {
			c.due[r] = c.clock.Now().Add(result.RequeueAfter)
		}
	}
	return failures
}

// kubelet binds pods to the nodes that they are for, lets them run, and takes away those
// that are being deleted.
func (c *cluster) kubelet() {
	c.t.Helper()
	for _, pod := range c.pods() {
		target, ok := daemon.TargetNode(pod)
		switch {
		case pod.DeletionTimestamp != nil:
			pod.Finalizers = nil
			c.must(client.IgnoreNotFound(c.server.Update(c.t.Context(), pod)))
		case pod.Spec.NodeName == "" && ok:
			change(c, pod, func(pod *corev1.Pod) {
				pod.Spec.NodeName = target
				pod.Status.Phase = corev1.PodRunning
				pod.Status.Conditions = []corev1.PodCondition{{
					Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(c.clock.Now()),
				}}
			})
		}
	}
}

// settle lets time pass, in steps of 100 ms, until nothing happens for two seconds. check is
// called after each step; it may be nil.
func (c *cluster) settle(check func()) {
	c.t.Helper()
	quiet := 0
	for step := 0; quiet < 20; step++ {
		if step == 5000 {
			c.t.Fatalf("still busy after %d steps: %d pods, last writes %q", step, len(c.pods()), c.writes[max(0, len(c.writes)-5):])
		}
		before := len(c.writes)
		c.watch()
		c.pass()
		c.kubelet()
		if check != nil {
			check()
		}
		c.clock.SetTime(c.clock.Now().Add(100 * time.Millisecond))
		if quiet++; len(c.writes) != before {
			quiet = 0
		}
	}
}

// pods returns the pods of the server by name.
func (c *cluster) pods() map[string]*corev1.Pod {
	c.t.Helper()
	var list corev1.PodList
	c.must(c.server.List(c.t.Context(), &list))
	pods := map[string]*corev1.Pod{}
	for i := range list.Items {
		pods[list.Items[i].Name] = &list.Items[i]
	}
	return pods
}

// onePodPerNode fails if a node has two pods of one owner and revision that are not
// ending.
func (c *cluster) onePodPerNode() {
	c.t.Helper()
	seen := map[string]string{}
	for _, pod := range c.pods() {
		if pod.DeletionTimestamp != nil || metav1.GetControllerOf(pod) == nil {
			continue
		}
		target, _ := daemon.TargetNode(pod)
		place := fmt.Sprint(controllerUID(pod), " ", pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], " ", target)
		if other, ok := seen[place]; ok {
			c.t.Fatalf("two pods of one owner, revision and node (%s): %s and %s", place, other, pod.Name)
		}
		seen[place] = pod.Name
	}
}

// images counts the images of the pods that are not ending.
func (c *cluster) images() map[string]int {
	images := map[string]int{}
	for _, pod := range c.pods() {
		if pod.DeletionTimestamp == nil {
			images[pod.Spec.Containers[0].Image]++
		}
	}
	return images
}

// Event, Eventf and AnnotatedEventf record events.
func (c *cluster) Event(_ runtime.Object, eventType, reason, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, eventType+" "+reason+": "+message)
}

func (c *cluster) Eventf(object runtime.Object, eventType, reason, format string, args ...any) {
	c.Event(object, eventType, reason, fmt.Sprintf(format, args...))
}

func (c *cluster) AnnotatedEventf(object runtime.Object, _ map[string]string, eventType, reason, format string, args ...any) {
	c.Eventf(object, eventType, reason, format, args...)
}

// recorded returns how many events begin with the prefix.
func (c *cluster) recorded(prefix string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, e := range c.events {
		if strings.HasPrefix(e, prefix) {
			n++
		}
	}
	return n
}

// node returns the node of a number.
func node(i int) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   fmt.Sprintf("worker-%03d", i),
		Labels: map[string]string{"zone": string(rune('a' + i%3))},
	}}
}

// daemonSet returns a DaemonSet with the given name and image.
func daemonSet(name, image string) *appsv1.DaemonSet {
	labels := map[string]string{"app": name}
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Generation: 1}}
	ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	ds.Spec.Template.Labels = labels
	ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: image}}
	return daemon.Default(ds)
}

// agent returns a NodeAgent with the given name and image.
func agent(name, image string) *v1alpha1.NodeAgent {
	ds := daemonSet(name, image)
	a := &v1alpha1.NodeAgent{ObjectMeta: ds.ObjectMeta}
	a.Spec.Selector, a.Spec.Template, a.Spec.UpdateStrategy = *ds.Spec.Selector, ds.Spec.Template, ds.Spec.UpdateStrategy
	return a
}

// update gives an owner another image, as another generation.
func (c *cluster) update(name, image string) {
	c.t.Helper()
	if c.kind.name == nodeAgents.name {
		change(c, agent(name, ""), func(a *v1alpha1.NodeAgent) {
			a.Generation++
			a.Spec.Template.Spec.Containers[0].Image = image
		})
		return
	}
	change(c, daemonSet(name, ""), func(ds *appsv1.DaemonSet) {
		ds.Generation++
		ds.Spec.Template.Spec.Containers[0].Image = image
	})
}

// status returns the status of a DaemonSet or NodeAgent.
func (c *cluster) status(name string) appsv1.DaemonSetStatus {
	c.t.Helper()
	key := client.ObjectKey{Namespace: "default", Name: name}
	if c.kind.name == nodeAgents.name {
		var a v1alpha1.NodeAgent
		c.must(c.server.Get(c.t.Context(), key, &a))
		return nodeagent.DaemonSet(&a).Status
	}
	var ds appsv1.DaemonSet
	c.must(c.server.Get(c.t.Context(), key, &ds))
	return ds.Status
}

var timeout = apierrors.NewTimeoutError("too slow", 1)
