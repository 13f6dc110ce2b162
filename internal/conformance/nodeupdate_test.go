package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
)

// TestDaemonSetsToSync compares daemon.DaemonSetsToSync with the DaemonSets that upstream
// queues for a node that has changed.
func TestDaemonSetsToSync(t *testing.T) {
	gates(t, func(t *testing.T, opts placement.Options) {
		var queued, sets atomic.Int64
		scenarios(t, *objects, func(u *Upstream, number uint64) {
			g := &generator{Rand: rand.New(rand.NewPCG(*seed, number))}
			node, all, pods := nodeUpdate(g)
			before := copyAll(pods)
			want, err := u.setsToSync(node, all, pods)
			if err != nil {
				t.Error(err)
				return
			}
			here := slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return p.Spec.NodeName == "" || p.Spec.NodeName != node.Name })
			got, err := daemon.DaemonSetsToSync(node, all, here, opts)
			if err != nil {
				t.Error(err)
				return
			}
			sets.Add(int64(len(all)))
			queued.Add(int64(len(want)))
			if !slices.Equal(names(want), names(got)) {
				t.Errorf("seed %d, number %d: DaemonSets to sync (-upstream +library):\n%s\nnode %+v\nDaemonSets %+v\npods %+v", *seed, number,
					cmp.Diff(names(want), names(got)), node, all, pods)
			}
			if difference := cmp.Diff(before, pods); difference != "" {
				t.Errorf("DaemonSetsToSync changed its arguments:\n%s", difference)
			}
		})
		t.Logf("%d updates of nodes, %d of %d DaemonSets to sync", *objects, queued.Load(), sets.Load())
		if q, n := queued.Load(), sets.Load(); *only < 0 && (q < n/10 || q > n-n/10) {
			t.Errorf("%d of %d DaemonSets are to be synced: one of both is too rare", q, n)
		}
	})
}

// setsToSync runs upstream's handling of a changed node.
func (u *Upstream) setsToSync(node *corev1.Node, sets []*appsv1.DaemonSet, pods []*corev1.Pod) ([]*appsv1.DaemonSet, error) {
	u.ordered()
	for _, err := range []error{u.sets.fill(sets), u.nodes.fill([]*corev1.Node{node}), u.pods.fill(pods)} {
		if err != nil {
			return nil, err
		}
	}
	var queued []*appsv1.DaemonSet
	enqueue := hidden[func(*appsv1.DaemonSet)](u.dsc, "enqueueDaemonSet")
	before := *enqueue
	defer func() { *enqueue = before }()
	*enqueue = func(ds *appsv1.DaemonSet) { queued = append(queued, ds) }
	err := syncNodeUpdate(u.dsc, u.ctx, node.Name)
	return queued, err
}

func names(sets []*appsv1.DaemonSet) []string {
	var out []string
	for _, ds := range sets {
		out = append(out, ds.Namespace+"/"+ds.Name)
	}
	return out
}

// nodeUpdate returns a node, DaemonSets of two namespaces, and pods that are
// theirs or not, bound to the node or not.
func nodeUpdate(g *generator) (*corev1.Node, []*appsv1.DaemonSet, []*corev1.Pod) {
	d := dice{g.Rand}
	node := d.node()
	if node.Name == "" {
		node.Name = "n0"
	}
	var sets []*appsv1.DaemonSet
	for i := range 1 + g.IntN(5) {
		ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: pick(g, "a", "b"), Name: fmt.Sprint("set-", i), UID: types.UID(fmt.Sprint("uid-", i))}}
		if i > 0 && g.in(4) && sets[i-1].Namespace == "a" {
			ds.Namespace, ds.Name = "b", sets[i-1].Name
		}
		ds.Spec.Template = *d.template()
		ds.Status.NumberMisscheduled = int32(pick(g, 0, 0, 0, 1, 2))
		sets = append(sets, ds)
	}
	var pods []*corev1.Pod
	for i := range g.IntN(6) {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pick(g, "a", "b"), Name: fmt.Sprint("pod-", i)}}
		pod.Spec.NodeName = pick(g, node.Name, node.Name, node.Name, node.Name, "", "elsewhere")
		pod.Status.Phase = pick(g, corev1.PodRunning, corev1.PodRunning, corev1.PodFailed)
		ds := pick(g, sets...)
		if !g.in(5) {
			pod.Namespace = ds.Namespace
		}
		owner := *metav1.NewControllerRef(ds, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
		switch g.IntN(12) {
		case 0:
			owner.Kind, owner.UID = "ReplicaSet", "uid-other"
		case 1:
			owner.Controller = pick(g, nil, new(false))
		case 2:
			owner.UID = "uid-before"
		case 3:
			owner.APIVersion = "extensions/v1beta1"
		case 4:
			owner.Name, owner.UID = "renamed", "uid-other"
		}
		pod.OwnerReferences = []metav1.OwnerReference{owner}
		if g.in(10) {
			pod.OwnerReferences = pick(g, nil, append([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: "x"}}, owner))
		}
		pods = append(pods, pod)
	}
	return node, sets, pods
}
