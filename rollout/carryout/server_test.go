package carryout_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// server is a fake API server that logs requests and refuses some.
type server struct {
	client.WithWatch

	mu   sync.Mutex
	uids int
	log  []string
	// refuse returns the error that answers a request, or nil. A request reads "create Pod
	// a", with the name that was asked for.
	refuse func(request string) error
	// lose returns the error that answers a request that has taken effect.
	lose func(request string) error
	// unchanged makes updates and patches change nothing: the answer is the object as it is.
	unchanged bool
}

func newServer(t *testing.T, objects ...client.Object) *server {
	t.Helper()
	s := &server{}
	s.WithWatch = fake.NewClientBuilder().WithObjects(objects...).WithStatusSubresource(&appsv1.DaemonSet{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
				return s.request("read", obj, key.Name, func() error { return c.Get(ctx, key, obj, opts...) })
			},
			Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				return s.request("create", obj, obj.GetName(), func() error {
					obj.SetUID(s.newUID())
					return c.Create(ctx, obj, opts...)
				})
			},
			Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
				return s.request("update", obj, obj.GetName(), func() error {
					if s.unchanged {
						return c.Get(ctx, client.ObjectKeyFromObject(obj), obj)
					}
					return c.Update(ctx, obj, opts...)
				})
			},
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				return s.request("patch", obj, obj.GetName(), func() error {
					if s.unchanged {
						return c.Get(ctx, client.ObjectKeyFromObject(obj), obj)
					}
					return c.Patch(ctx, obj, patch, opts...)
				})
			},
			Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
				return s.request("delete", obj, obj.GetName(), func() error { return remove(ctx, c, obj, opts...) })
			},
			SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
				return s.request("update "+sub+" of", obj, obj.GetName(), func() error {
					if s.unchanged {
						return c.Get(ctx, client.ObjectKeyFromObject(obj), obj)
					}
					return c.SubResource(sub).Update(ctx, obj, opts...)
				})
			},
		}).Build()
	return s
}

// remove deletes an object as a server does that has the UID asked for; the fake does not
// look at it.
func remove(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
	var asked client.DeleteOptions
	asked.ApplyOptions(opts)
	has := obj.DeepCopyObject().(client.Object)
	if err := c.Get(ctx, client.ObjectKeyFromObject(obj), has); err != nil {
		return err
	}
	if p := asked.Preconditions; p != nil && p.UID != nil && *p.UID != has.GetUID() {
		return apierrors.NewConflict(corev1.Resource("objects"), obj.GetName(), fmt.Errorf("it has the UID %s", has.GetUID()))
	}
	return c.Delete(ctx, obj, opts...)
}

func (s *server) newUID() types.UID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uids++
	return types.UID(fmt.Sprintf("new-%d", s.uids))
}

func (s *server) request(verb string, obj client.Object, name string, send func() error) error {
	kind, _, _ := clientgoscheme.Scheme.ObjectKinds(obj)
	request := strings.TrimSpace(fmt.Sprintf("%s %s %s", verb, kind[0].Kind, name))
	s.mu.Lock()
	s.log = append(s.log, request)
	refuse, lose := s.refuse, s.lose
	s.mu.Unlock()
	if refuse != nil {
		if err := refuse(request); err != nil {
			return err
		}
	}
	if err := send(); err != nil {
		return err
	}
	if lose != nil {
		return lose(request)
	}
	return nil
}

// requests returns the requests since the last call, those of new pods without their names.
func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	for i, r := range log {
		if strings.HasPrefix(r, "create Pod") {
			log[i] = "create Pod"
		}
	}
	return log
}

// pods returns the pods by name.
func (s *server) pods(t *testing.T) map[string]corev1.Pod {
	t.Helper()
	var list corev1.PodList
	if err := s.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	pods := map[string]corev1.Pod{}
	for _, p := range list.Items {
		pods[p.Name] = p
	}
	return pods
}

// count returns how many requests begin with the prefix.
func count(requests []string, prefix string) int {
	n := 0
	for _, r := range requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

// refuseAll refuses the requests that begin with the prefix.
func refuseAll(prefix string, err error) func(string) error {
	return func(request string) error {
		if strings.HasPrefix(request, prefix) {
			return err
		}
		return nil
	}
}

// events is a recorder that keeps its events in order of their text, because pods are
// written in parallel.
type events struct {
	mu  sync.Mutex
	all []string
}

func (e *events) texts() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(slices.Values(e.all))
}

// agent is the owner of the tests.
func agent() *appsv1.DaemonSet {
	labels := map[string]string{"app": "agent"}
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent", UID: "owner", Generation: 1}}
	ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	ds.Spec.Template.Labels = labels
	ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: "agent:1"}}
	return daemon.Default(ds)
}

// nodes returns n nodes.
func nodes(n int) []*corev1.Node {
	out := make([]*corev1.Node, n)
	for i := range out {
		out[i] = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("worker-%03d", i)}}
	}
	return out
}

// runningPod returns a pod of the agent.
func runningPod(name, node, hash string) *corev1.Pod {
	pod := daemon.NewPod(agent(), node, hash)
	pod.Name, pod.UID, pod.Spec.NodeName = name, types.UID("uid-"+name), node
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	return pod
}

// revision returns a revision of the agent.
func revision(name string, number int64) *appsv1.ControllerRevision {
	rev := &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-" + name)}, Revision: number}
	rev.Labels = map[string]string{"app": "agent", appsv1.DefaultDaemonSetUniqueLabelKey: name}
	rev.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(agent(), appsv1.SchemeGroupVersion.WithKind("DaemonSet"))}
	rev.Data.Raw = []byte(fmt.Sprintf(`{"spec":{"template":{"metadata":{"name":%q},"$patch":"replace"}}}`, name))
	return rev
}

// creation is a plan to create one pod per node.
func creation(names ...string) daemon.Plan {
	var plan daemon.Plan
	for _, n := range names {
		plan.Create = append(plan.Create, daemon.Create{Node: n, Reason: daemon.CreateReasonMissing, Pod: daemon.NewPod(agent(), n, "hash")})
	}
	return plan
}

// sync makes a pass of the agent with what the server has.
func (s *server) sync(t *testing.T, on []*corev1.Node) *rollout.Result {
	t.Helper()
	ctx := t.Context()
	in := daemon.Input{DaemonSet: &appsv1.DaemonSet{}, Nodes: on, Now: noon}
	if err := s.WithWatch.Get(ctx, client.ObjectKey{Namespace: "default", Name: "agent"}, in.DaemonSet); err != nil {
		t.Fatal(err)
	}
	var pods corev1.PodList
	var revisions appsv1.ControllerRevisionList
	for _, list := range []client.ObjectList{&pods, &revisions} {
		if err := s.List(ctx, list); err != nil {
			t.Fatal(err)
		}
	}
	for i := range pods.Items {
		in.Pods = append(in.Pods, &pods.Items[i])
	}
	for i := range revisions.Items {
		in.Revisions = append(in.Revisions, &revisions.Items[i])
	}
	r, err := rollout.Sync(in, rollout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.requests()
	return r
}
