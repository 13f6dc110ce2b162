package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
)

// patience is how long a side may take to get where it is to be.
const patience = 30 * time.Second

// name is that of every owner in these tests.
const name = "agent"

// side is a namespace with one controller in it.
type side struct {
	name, namespace string
	controller      Controller
	owners          Owners
	stop            func() error
	// uid is the newest one that the owner has had.
	uid types.UID
}

// trial lets two controllers do the same on the same nodes, each in a namespace of its own.
type trial struct {
	*testing.T
	ctx   context.Context
	sides []*side
	// patience is how long a side may take to get where it is to be.
	patience time.Duration
}

var namespaces int

// newNamespace creates a namespace.
func newNamespace(ctx context.Context, t *testing.T, what string) string {
	t.Helper()
	namespaces++
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", what, namespaces)}}
	if _, err := world.Client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// newTrial starts upstream's controller and the library's, which has DaemonSets or NodeAgents.
func newTrial(t *testing.T, library Controller) *trial {
	start(t)
	tr := &trial{T: t, ctx: t.Context(), patience: patience, sides: []*side{
		{name: "upstream", controller: Upstream, owners: ownersOf(Upstream)},
		{name: "library", controller: library, owners: ownersOf(library)},
	}}
	for _, s := range tr.sides {
		s.namespace = newNamespace(tr.ctx, t, s.name)
		tr.resume(s)
	}
	t.Cleanup(func() {
		for _, s := range tr.sides {
			tr.pause(s)
			sweep(t, s)
		}
	})
	return tr
}

// pause stops a side's controller.
func (tr *trial) pause(s *side) {
	if s.stop == nil {
		return
	}
	if err := s.stop(); err != nil {
		tr.Error(err)
	}
	s.stop = nil
}

// resume starts a side's controller.
func (tr *trial) resume(s *side) {
	s.stop = s.controller.Start(context.WithoutCancel(tr.ctx), world.Config, s.namespace)
}

// sweep takes a side's objects and all nodes away.
func sweep(t *testing.T, s *side) {
	// The load test leaves thousands of pods.
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
	defer cancel()
	now, all := metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}, metav1.ListOptions{}
	_ = s.owners.Delete(ctx, s.namespace, name, metav1.DeletePropagationBackground)
	for _, err := range []error{
		world.Client.AppsV1().ControllerRevisions(s.namespace).DeleteCollection(ctx, now, all),
		world.Client.CoreV1().Pods(s.namespace).DeleteCollection(ctx, now, all),
		world.Client.CoreV1().Nodes().DeleteCollection(ctx, now, all),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// must ends the test if what could not be done.
func (tr *trial) must(err error) {
	tr.Helper()
	if err != nil {
		tr.Fatal(err)
	}
}

// each does something on both sides.
func (tr *trial) each(do func(s *side) error) {
	tr.Helper()
	for _, s := range tr.sides {
		if err := do(s); err != nil {
			tr.Fatalf("%s: %v", s.name, err)
		}
	}
}

// addNodes creates nodes.
func addNodes(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n, Labels: map[string]string{corev1.LabelHostname: n}}}
		if _, err := world.Client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// removeNodes deletes nodes.
func (tr *trial) removeNodes(names ...string) {
	tr.Helper()
	for _, n := range names {
		tr.must(world.Client.CoreV1().Nodes().Delete(tr.ctx, n, metav1.DeleteOptions{}))
	}
}

// changeNode changes a node.
func (tr *trial) changeNode(name string, change func(*corev1.Node)) {
	tr.Helper()
	tr.must(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		node, err := world.Client.CoreV1().Nodes().Get(tr.ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(node)
		_, err = world.Client.CoreV1().Nodes().Update(tr.ctx, node, metav1.UpdateOptions{})
		return err
	}))
}

// create creates the owner on both sides.
func (tr *trial) create(change ...func(*appsv1.DaemonSet)) {
	tr.Helper()
	tr.each(func(s *side) error {
		ds := newDaemonSet(s.namespace)
		for _, c := range change {
			c(ds)
		}
		return s.owners.Create(tr.ctx, ds, nil)
	})
}

// change changes the owner on both sides.
func (tr *trial) change(change func(*appsv1.DaemonSet)) {
	tr.Helper()
	tr.each(func(s *side) error { return s.owners.Update(tr.ctx, s.namespace, name, change, nil) })
}

// delete deletes the owner on both sides.
func (tr *trial) delete(propagation metav1.DeletionPropagation) {
	tr.Helper()
	tr.each(func(s *side) error { return s.owners.Delete(tr.ctx, s.namespace, name, propagation) })
}

// pods does something to every pod on both sides.
func (tr *trial) pods(do func(s *side, p *corev1.Pod) error) {
	tr.Helper()
	tr.each(func(s *side) error {
		pods, err := world.Client.CoreV1().Pods(s.namespace).List(tr.ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range pods.Items {
			if err := do(s, &pods.Items[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// deletePods deletes the pods of a node on both sides, as a user would.
func (tr *trial) deletePods(node string) {
	tr.Helper()
	tr.pods(func(_ *side, p *corev1.Pod) error {
		if p.Spec.NodeName != node {
			return nil
		}
		return world.Client.CoreV1().Pods(p.Namespace).Delete(tr.ctx, p.Name, metav1.DeleteOptions{})
	})
}

// hold holds both sides to a promise until the function returned is called.
func (tr *trial) hold(p Promise) (end func()) {
	tr.Helper()
	logs := map[string]*Log{}
	ctx, cancel := context.WithCancel(tr.ctx)
	for _, s := range tr.sides {
		log, err := world.Follow(ctx, s.namespace)
		tr.must(err)
		log.Hold(p)
		logs[s.name] = log
	}
	return func() {
		tr.Helper()
		defer cancel()
		for side, log := range logs {
			if side == Upstream.Name { // The promise is the library's.
				broken, _ := log.Free()
				tr.Logf("upstream: broken %d times, first: %v", len(broken), broken[:min(1, len(broken))])
			}
			report(tr.T, side, log)
		}
	}
}

// report fails the test if a promise was broken.
func report(t *testing.T, side string, log *Log) {
	t.Helper()
	broken, err := log.Free()
	if err != nil {
		t.Errorf("%s: %v", side, err)
	}
	if n := len(broken); n > 0 {
		t.Errorf("%s: broken %d times, first:\n%s", side, n, strings.Join(broken[:min(n, 5)], "\n"))
	}
	if log.State().Writes == 0 {
		t.Errorf("%s: the log has seen no write at all", side)
	}
}

// update changes a pod.
func update(ctx context.Context, p *corev1.Pod, change func(*corev1.Pod)) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		cur, err := world.Client.CoreV1().Pods(p.Namespace).Get(ctx, p.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(cur)
		_, err = world.Client.CoreV1().Pods(p.Namespace).Update(ctx, cur, metav1.UpdateOptions{})
		return err
	})
}

// condition says what is still missing; "" is nothing.
type condition func(*Objects) string

// settle waits until both sides are where the condition wants them, rest, and have the same objects.
// It returns these by side.
func (tr *trial) settle(what string, until condition) []*Objects {
	tr.Helper()
	return tr.wait(what, until, tr.diff)
}

// diff says how the objects of the two sides differ.
func (tr *trial) diff(a, b *Objects) string {
	if diff := cmp.Diff(a, b); diff != "" {
		return fmt.Sprintf("objects differ (-%s +%s):\n%s", tr.sides[0].name, tr.sides[1].name, diff)
	}
	return ""
}

// reach is settle for a state in which the two may differ, because upstream chooses nodes at random.
func (tr *trial) reach(what string, until condition) []*Objects {
	tr.Helper()
	return tr.wait(what, until, func(a, b *Objects) string { return "" })
}

// wait waits for a condition on both sides, for rest, and until they do not differ.
func (tr *trial) wait(what string, until condition, differ func(a, b *Objects) string) []*Objects {
	tr.Helper()
	deadline := time.Now().Add(tr.patience)
	var versions string
	for quiet := 0; ; {
		var missing []string
		var all, plain []*Objects
		for _, s := range tr.sides {
			o, err := Read(tr.ctx, world.Client, s.owners, s.namespace, name)
			tr.must(err)
			if o.Owner != nil {
				s.uid = o.Owner.UID
			}
			if m := until(o); m != "" {
				missing = append(missing, s.name+": "+m)
			}
			all, plain = append(all, o), append(plain, o.Plain(s.owners, s.uid))
		}
		if len(missing) == 0 {
			if tr.sides[0].owners.Kind != tr.sides[1].owners.Kind {
				plain[0].withoutKind()
				plain[1].withoutKind()
			}
			if m := differ(plain[0], plain[1]); m != "" {
				missing = append(missing, m)
			}
		}
		if now := all[0].Version() + all[1].Version(); now != versions {
			quiet, versions = 0, now
		} else if quiet++; quiet >= 3 && len(missing) == 0 {
			return all
		}
		if time.Now().After(deadline) {
			tr.Fatalf("%s: no end after %v:\n%s", what, tr.patience, strings.Join(missing, "\n"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// runs is met when as many pods as there are nodes wanted run an image, the status
// says so, and nothing else is there.
func runs(pods int, image string) condition {
	return func(o *Objects) string {
		if o.Owner == nil {
			return "no owner"
		}
		st := o.Owner.Status
		want := int32(pods)
		if st.ObservedGeneration != o.Owner.Generation || st.DesiredNumberScheduled != want || st.CurrentNumberScheduled != want ||
			st.UpdatedNumberScheduled != want || st.NumberAvailable != want || st.NumberUnavailable != 0 || st.NumberMisscheduled != 0 {
			return fmt.Sprintf("status = %+v, want %d of generation %d", st, want, o.Owner.Generation)
		}
		if len(o.Pods) != pods {
			return fmt.Sprintf("%d pods, want %d", len(o.Pods), pods)
		}
		for _, p := range o.Pods {
			if got := p.Spec.Containers[0].Image; got != image {
				return fmt.Sprintf("pod %s runs %s, want %s", p.Name, got, image)
			}
		}
		return ""
	}
}

// newDaemonSet is the DaemonSet that the operations begin with.
func newDaemonSet(namespace string) *appsv1.DaemonSet {
	labels := map[string]string{"app": name}
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: v1}}},
			},
		},
	}
}

// Versions of the image.
const (
	v1 = ImageRuns + "1"
	v2 = ImageRuns + "2"
	v3 = ImageRuns + "3"
)

// imageOf changes the image.
func imageOf(to string) func(*appsv1.DaemonSet) {
	return func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Containers[0].Image = to }
}

// ownersOf are those that a controller works for.
func ownersOf(c Controller) Owners {
	if c.Name == NodeAgents.Name {
		return Owners{Client: world.dynamic, Resource: v1alpha1.GroupVersion.WithResource("nodeagents"), Kind: v1alpha1.Kind}
	}
	return Owners{Client: world.dynamic, Resource: appsv1.SchemeGroupVersion.WithResource("daemonsets"), Kind: "DaemonSet"}
}

// withoutKind takes out what the API server gives to DaemonSets alone: the generation of the template and its
// defaults, which are part of a revision's data, and so of its hash. What is left of a hash is
// the number of its revision.
func (o *Objects) withoutKind() {
	if o.Owner != nil {
		o.Owner = &appsv1.DaemonSet{Status: o.Owner.Status}
	}
	numbers := map[string]string{}
	for _, r := range o.Revisions {
		hash := r.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
		numbers[hash] = fmt.Sprint("of revision ", r.Revision)
		// The name ends with the hash, even that of a revision that is somebody else's and has no label.
		r.Name, r.Data = r.Name[:strings.LastIndex(r.Name, "-")+1], runtime.RawExtension{}
		delete(r.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
		if delete(r.Annotations, appsv1.DeprecatedTemplateGeneration); len(r.Annotations) == 0 {
			r.Annotations = nil
		}
	}
	slices.SortFunc(o.Revisions, func(a, b *appsv1.ControllerRevision) int { return int(a.Revision - b.Revision) })
	for _, p := range o.Pods {
		p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = numbers[p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]]
		delete(p.Labels, "pod-template-generation")
	}
	slices.SortFunc(o.Pods, comparePods)
}
