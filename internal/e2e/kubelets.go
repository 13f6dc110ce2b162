package e2e

import (
	"context"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// The image of a pod's first container says how it fares.
const (
	// ImageRuns gets ready; the tag is a version.
	ImageRuns = "agent.test/runs:"
	// ImageUnready runs and never gets ready.
	ImageUnready = "agent.test/unready:"
)

// Kubelets are the scheduler, the kubelets of all nodes and the collector of pods whose node is
// gone: they bind pods to the node that these are pinned to, run and end them.
type Kubelets struct {
	// Workers is how many pods are worked on at a time; zero is one.
	Workers int

	client kubernetes.Interface
	pods   corelisters.PodLister
	nodes  corelisters.NodeLister
	queue  workqueue.TypedDelayingInterface[types.NamespacedName]

	mu sync.Mutex
	// readyAfter is the time from the binding of a pod until it is ready, and endAfter that from
	// its deletion until it ends.
	readyAfter, endAfter time.Duration
	// due is when the next thing happens to a pod that waits for it.
	due map[moment]time.Time
	// held are the nodes whose kubelet does nothing.
	held map[string]bool
	// failures is how many pods of a namespace fail yet, by node and namespace.
	failures map[[2]string]int
}

// moment is one for which a pod waits: to get ready, or to end.
type moment struct {
	pod    types.UID
	ending bool
}

// Start begins to work, until the context ends. It returns when the caches are filled.
func (k *Kubelets) Start(ctx context.Context, client kubernetes.Interface) {
	k.client = client
	k.due, k.held, k.failures = map[moment]time.Time{}, map[string]bool{}, map[[2]string]int{}
	k.queue = workqueue.NewTypedDelayingQueue[types.NamespacedName]()
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, nodes := factory.Core().V1().Pods(), factory.Core().V1().Nodes()
	k.pods, k.nodes = pods.Lister(), nodes.Lister()
	add := func(o any) {
		if p, ok := o.(*corev1.Pod); ok {
			k.queue.Add(types.NamespacedName{Namespace: p.Namespace, Name: p.Name})
		}
	}
	_, _ = pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: add, UpdateFunc: func(_, o any) { add(o) },
		DeleteFunc: func(o any) {
			if p, ok := o.(*corev1.Pod); ok {
				k.mu.Lock()
				delete(k.due, moment{p.UID, false})
				delete(k.due, moment{p.UID, true})
				k.mu.Unlock()
			}
		},
	})
	_, _ = nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { k.wake() }, DeleteFunc: func(any) { k.wake() },
	})
	factory.StartWithContext(ctx)
	factory.WaitForCacheSyncWithContext(ctx)
	for range max(k.Workers, 1) {
		go func() {
			for k.work(ctx) {
			}
		}()
	}
	context.AfterFunc(ctx, k.queue.ShutDown)
}

// SetReadyAfter sets how long pods take from now on to get ready.
func (k *Kubelets) SetReadyAfter(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.readyAfter = d
}

// SetEndAfter sets how long pods take from now on to end.
func (k *Kubelets) SetEndAfter(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.endAfter = d
}

// Hold stops the kubelet of a node, and Release starts it again.
func (k *Kubelets) Hold(node string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held[node] = true
}

// Release undoes Hold.
func (k *Kubelets) Release(node string) {
	k.mu.Lock()
	delete(k.held, node)
	k.mu.Unlock()
	k.wake()
}

// FailNext lets the next pods of a namespace on a node fail.
func (k *Kubelets) FailNext(namespace, node string, pods int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failures[[2]string{namespace, node}] = pods
}

// wake looks at every pod again.
func (k *Kubelets) wake() {
	all, _ := k.pods.List(labels.Everything())
	for _, p := range all {
		k.queue.Add(types.NamespacedName{Namespace: p.Namespace, Name: p.Name})
	}
}

func (k *Kubelets) work(ctx context.Context) bool {
	key, shutdown := k.queue.Get()
	if shutdown {
		return false
	}
	defer k.queue.Done(key)
	pod, err := k.pods.Pods(key.Namespace).Get(key.Name)
	if err != nil {
		return true
	}
	// What fails is tried again: a conflict with a fresher pod, an API server that is down.
	if err := k.next(ctx, pod); err != nil && !apierrors.IsNotFound(err) {
		k.queue.AddAfter(key, 50*time.Millisecond)
	}
	return true
}

// next does the next thing that is to happen to a pod. The change that it makes brings the pod
// back.
func (k *Kubelets) next(ctx context.Context, p *corev1.Pod) error {
	pods := k.client.CoreV1().Pods(p.Namespace)
	end := metav1.DeleteOptions{GracePeriodSeconds: new(int64(0)), Preconditions: &metav1.Preconditions{UID: &p.UID}}
	name := p.Spec.NodeName
	if name == "" {
		name = pinnedTo(p)
	}
	if _, err := k.nodes.Get(name); err != nil {
		if p.Spec.NodeName == "" {
			return nil // it stays pending
		}
		return pods.Delete(ctx, p.Name, end)
	}
	k.mu.Lock()
	held := k.held[name]
	k.mu.Unlock()
	if held {
		return nil
	}
	switch {
	case p.DeletionTimestamp != nil:
		if k.wait(p) {
			return nil
		}
		return pods.Delete(ctx, p.Name, end)
	case p.Spec.NodeName == "":
		return pods.Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, UID: p.UID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: name},
		}, metav1.CreateOptions{})
	case p.Status.Phase == corev1.PodPending:
		if k.wait(p) {
			return nil
		}
		cur := p.DeepCopy()
		cur.Status.StartTime = new(metav1.Now())
		failing := k.failing(p.Namespace, name)
		switch {
		case failing:
			cur.Status.Phase, cur.Status.Reason = corev1.PodFailed, "Test"
		default:
			cur.Status.Phase = corev1.PodRunning
			if !strings.HasPrefix(p.Spec.Containers[0].Image, ImageUnready) {
				cur.Status.Conditions = append(cur.Status.Conditions, corev1.PodCondition{
					Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(),
				})
			}
		}
		_, err := pods.UpdateStatus(ctx, cur, metav1.UpdateOptions{})
		if failing && err == nil {
			k.failed(p.Namespace, name)
		}
		return err
	}
	return nil
}

// wait says that it is too early for what is to happen to a pod, and brings the pod back in time.
func (k *Kubelets) wait(p *corev1.Pod) bool {
	key := moment{p.UID, p.DeletionTimestamp != nil}
	k.mu.Lock()
	defer k.mu.Unlock()
	after := k.readyAfter
	if key.ending {
		after = k.endAfter
	}
	due, ok := k.due[key]
	if !ok {
		due = time.Now().Add(after)
		k.due[key] = due
	}
	left := time.Until(due)
	if left > 0 {
		k.queue.AddAfter(types.NamespacedName{Namespace: p.Namespace, Name: p.Name}, left)
		return true
	}
	return false
}

func (k *Kubelets) failing(namespace, node string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failures[[2]string{namespace, node}] > 0
}

func (k *Kubelets) failed(namespace, node string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failures[[2]string{namespace, node}]--
}

// pinnedTo is the node that the required affinity of a daemon pod names.
func pinnedTo(p *corev1.Pod) string {
	if p.Spec.Affinity == nil || p.Spec.Affinity.NodeAffinity == nil ||
		p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, f := range term.MatchFields {
			if f.Key == metav1.ObjectNameField && f.Operator == corev1.NodeSelectorOpIn && len(f.Values) == 1 {
				return f.Values[0]
			}
		}
	}
	return ""
}
