package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// player plays the commands of one file on a cluster in which nothing happens by itself.
type player struct {
	cluster *simulate.Cluster
	ds      *appsv1.DaemonSet
	options simulate.Options
	// made counts the pods that controllers have created, to name them.
	made int
}

// now is when scenarios begin.
var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func newPlayer() (*player, error) {
	p := &player{}
	p.options.PodTimes = func(*corev1.Node, *corev1.Pod) simulate.PodTimes {
		return simulate.PodTimes{BoundAfter: -1, ReadyAfter: -1, FailsAfter: -1, TerminatesAfter: -1}
	}
	p.options.PodName = func(generateName string, _ int) string {
		p.made++
		return fmt.Sprintf("%s%d", generateName, p.made)
	}
	return p, p.begin(daemon.Input{Now: now})
}

// begin makes a cluster of facts, which may be such as no API server stores today.
func (p *player) begin(in daemon.Input) (err error) {
	p.cluster, err = simulate.NewCluster(in, p.options)
	p.ds = in.DaemonSet
	return err
}

// input returns what the controller sees.
func (p *player) input() daemon.Input { return p.cluster.Input(p.ds) }

// node returns a copy of the named node, and pod of the named pod; nil if there is
// none.
func (p *player) node(name string) *corev1.Node { return named(p.input().Nodes, name).DeepCopy() }
func (p *player) pod(name string) *corev1.Pod   { return named(p.input().Pods, name).DeepCopy() }

func named[T any, O interface {
	*T
	metav1.Object
}](list []O, name string) O {
	i := slices.IndexFunc(list, func(o O) bool { return o.GetName() == name })
	if i < 0 {
		return nil
	}
	return list[i]
}

// sync makes a pass and carries it out.
func (p *player) sync() (*rollout.Result, error) {
	result, err := p.cluster.Sync(p.ds)
	p.ds = cmp.Or(p.input().DaemonSet, p.ds)
	return result, err
}

// removePod takes a pod away at once.
func (p *player) removePod(name string) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.ds.Namespace, Name: name, DeletionGracePeriodSeconds: new(int64(0))}}
	return p.cluster.Delete(pod)
}

// kubelet binds pods that wait, makes those that start ready, and ends those that
// terminate, except on the given nodes.
func (p *player) kubelet(except []string) error {
	in := p.input()
	for _, pod := range oldestFirst(in.Pods) {
		name, ok := daemon.TargetNode(pod)
		if !ok || named(in.Nodes, name) == nil || slices.Contains(except, name) {
			continue
		}
		switch {
		case pod.DeletionTimestamp != nil:
			if err := p.removePod(pod.Name); err != nil {
				return err
			}
		case pod.Status.Phase == corev1.PodPending:
			pod = pod.DeepCopy()
			pod.Spec.NodeName = name
			pod.Status.Phase = corev1.PodRunning
			setReady(pod, corev1.ConditionTrue, in.Now)
			if err := p.cluster.Apply(pod); err != nil {
				return err
			}
		}
	}
	return nil
}

func setReady(pod *corev1.Pod, status corev1.ConditionStatus, since time.Time) {
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(since),
	}}
}

// oldestFirst orders pods as they were made.
func oldestFirst(pods []*corev1.Pod) []*corev1.Pod {
	return slices.SortedFunc(slices.Values(pods), func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
}
