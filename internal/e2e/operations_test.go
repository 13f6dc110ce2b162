package e2e

import (
	"fmt"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon/history"
)

// operation is what a user does, on both sides.
type operation struct {
	name string
	run  func(tr *trial)
}

var operations = []operation{
	{"create", func(tr *trial) {
		addNodes(tr.T, "n1", "n2", "n3")
		tr.create()
		tr.settle("create", runs(3, v1))
	}},
	{"nodes join and leave", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create()
		tr.settle("create", runs(2, v1))
		addNodes(tr.T, "n3", "n4")
		tr.settle("join", runs(4, v1))
		tr.removeNodes("n1", "n3")
		tr.settle("leave", runs(2, v1))
	}},
	{"no-schedule taint", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create()
		tr.settle("create", runs(2, v1))
		taint := corev1.Taint{Key: "reserved", Effect: corev1.TaintEffectNoSchedule}
		tr.changeNode("n1", func(n *corev1.Node) { n.Spec.Taints = append(n.Spec.Taints, taint) })
		// Upstream does not look at a DaemonSet for this change of a node (syncNodeUpdate@v1.37.2), and its
		// status is old until something else happens.
		tr.change(func(ds *appsv1.DaemonSet) { metav1.SetMetaDataAnnotation(&ds.ObjectMeta, "looked", "again") })
		tr.settle("the running pod stays and counts as misscheduled", func(o *Objects) string {
			return want(o, appsv1.DaemonSetStatus{DesiredNumberScheduled: 1, CurrentNumberScheduled: 1, UpdatedNumberScheduled: 1,
				NumberAvailable: 1, NumberReady: 1, NumberMisscheduled: 1}, 2)
		})
		tr.deletePods("n1")
		tr.settle("no pod comes back", runs(1, v1))
		tr.changeNode("n1", func(n *corev1.Node) { n.Spec.Taints = nil })
		tr.settle("until the taint is gone", runs(2, v1))
	}},
	{"no-execute taint", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create()
		tr.settle("create", runs(2, v1))
		tr.changeNode("n1", func(n *corev1.Node) {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "broken", Effect: corev1.TaintEffectNoExecute})
		})
		tr.settle("evicted", runs(1, v1))
	}},
	{"cordon", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.changeNode("n1", cordon)
		tr.create()
		tr.settle("a daemon pod goes to a cordoned node", runs(2, v1))
		tr.changeNode("n2", cordon)
		tr.change(imageOf(v2))
		tr.settle("and is updated there", runs(2, v2))
	}},
	{"node selector", func(tr *trial) {
		addNodes(tr.T, "n1", "n2", "n3")
		tr.create()
		tr.settle("create", runs(3, v1))
		tr.change(func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "n2"}
		})
		tr.settle("pods leave the other nodes", runs(1, v1))
		tr.changeNode("n1", func(n *corev1.Node) { n.Labels[corev1.LabelHostname] = "n2" })
		tr.settle("a label brings a node in", runs(2, v1))
	}},
	{"selector", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create()
		tr.settle("create", runs(2, v1))
		// The selector of a DaemonSet never changes. A new one takes over from the old.
		tr.delete(metav1.DeletePropagationOrphan)
		tr.settle("orphan", orphans(2, 1))
		tr.create(func(ds *appsv1.DaemonSet) {
			ds.Spec.Selector.MatchLabels["tier"], ds.Spec.Template.Labels["tier"] = "node", "node"
		})
		tr.settle("the old pods stay, and are nobody's", func(o *Objects) string {
			return want(o, appsv1.DaemonSetStatus{DesiredNumberScheduled: 2, CurrentNumberScheduled: 2, UpdatedNumberScheduled: 2,
				NumberAvailable: 2, NumberReady: 2}, 4)
		})
	}},
	{"pod leaves the selector and comes back", func(tr *trial) {
		addNodes(tr.T, "n1")
		tr.create()
		tr.settle("create", runs(1, v1))
		tr.pods(func(_ *side, p *corev1.Pod) error {
			return update(tr.ctx, p, func(p *corev1.Pod) { p.Labels["app"] = "stray" })
		})
		tr.settle("released and replaced", func(o *Objects) string {
			return want(o, appsv1.DaemonSetStatus{DesiredNumberScheduled: 1, CurrentNumberScheduled: 1, UpdatedNumberScheduled: 1,
				NumberAvailable: 1, NumberReady: 1}, 2)
		})
		tr.pods(func(_ *side, p *corev1.Pod) error {
			if p.Labels["app"] != "stray" {
				return nil
			}
			return update(tr.ctx, p, func(p *corev1.Pod) { p.Labels["app"] = name })
		})
		tr.settle("adopted, and one of the two ends", runs(1, v1))
	}},
	{"rolling update", func(tr *trial) {
		addNodes(tr.T, "n1", "n2", "n3", "n4", "n5")
		tr.create(func(ds *appsv1.DaemonSet) { *ds = *withBudget(ds, "40%", "0") })
		tr.settle("create", runs(5, v1))
		end := tr.hold(Promise{Owner: name, Nodes: []string{"n1", "n2", "n3", "n4", "n5"}, MaxUnavailable: 2})
		tr.change(imageOf(v2))
		tr.settle("update", runs(5, v2))
		tr.change(imageOf(v3))
		tr.settle("another", runs(5, v3))
		end()
	}},
	{"surge", func(tr *trial) {
		addNodes(tr.T, "n1", "n2", "n3", "n4")
		tr.create(func(ds *appsv1.DaemonSet) { *ds = *withBudget(ds, "0", "2") })
		tr.settle("create", runs(4, v1))
		end := tr.hold(Promise{Owner: name, Nodes: []string{"n1", "n2", "n3", "n4"}, MaxSurge: 2})
		tr.change(imageOf(v2))
		tr.settle("update", runs(4, v2))
		end()
	}},
	{"minimum of ready seconds", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create(func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = 1 })
		tr.settle("create", runs(2, v1))
		tr.change(imageOf(v2))
		tr.settle("update", runs(2, v2))
	}},
	{"on delete", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create(func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		})
		tr.settle("create", runs(2, v1))
		tr.change(imageOf(v2))
		tr.settle("nothing is replaced", updated(0, 2))
		tr.deletePods("n2")
		tr.settle("until a pod is deleted", updated(1, 2))
	}},
	{"undo", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create()
		tr.settle("create", runs(2, v1))
		tr.change(imageOf(v2))
		before := tr.settle("update", runs(2, v2))
		for i, s := range tr.sides {
			revs := before[i].Revisions
			old := slices.IndexFunc(revs, func(r *appsv1.ControllerRevision) bool { return r.Revision == 1 })
			back, err := history.NewRollback(before[i].Owner, revs[old])
			tr.must(err)
			tr.must(s.owners.Update(tr.ctx, s.namespace, name, func(ds *appsv1.DaemonSet) {
				ds.Spec.Template = back.DaemonSet.Spec.Template
			}, nil))
		}
		after := tr.settle("undo", runs(2, v1))
		for i, s := range tr.sides {
			if n := len(after[i].Revisions); n != 2 {
				tr.Errorf("%s: %d revisions after undo, want the 2 of before", s.name, n)
			}
		}
	}},
	{"undo in the middle", func(tr *trial) {
		addNodes(tr.T, "n1", "n2", "n3", "n4", "n5")
		tr.create()
		tr.settle("create", runs(5, v1))
		tr.change(imageOf(ImageUnready + "1"))
		// Upstream chooses the node at random, and what is left of that in the end is the
		// generation that its pod was made from.
		tr.reach("stuck", updated(1, 5))
		tr.change(imageOf(v1))
		tr.reach("back", runs(5, v1))
	}},
	{"orphan and adopt", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create()
		before := tr.settle("create", runs(2, v1))
		tr.delete(metav1.DeletePropagationOrphan)
		tr.settle("orphan", orphans(2, 1))
		tr.create()
		after := tr.settle("adopt", runs(2, v1))
		for i, s := range tr.sides {
			if !slices.Equal(uids(before[i]), uids(after[i])) {
				tr.Errorf("%s: pods %v were replaced by %v, want them adopted", s.name, uids(before[i]), uids(after[i]))
			}
		}
	}},
	{"adopt pods of another template", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create()
		tr.settle("create", runs(2, v1))
		tr.delete(metav1.DeletePropagationOrphan)
		tr.settle("orphan", orphans(2, 1))
		tr.create(imageOf(v2))
		// The label pod-template-generation of the pods is that of the new DaemonSet, so that
		// they count as current (IsPodUpdated@v1.37.2).
		tr.settle("adopted and left alone", runs(2, v1))
		tr.change(imageOf(v3))
		tr.settle("until the next update", runs(2, v3))
	}},
	{"history", func(tr *trial) {
		addNodes(tr.T, "n1")
		tr.create(func(ds *appsv1.DaemonSet) { ds.Spec.RevisionHistoryLimit = new(int32(2)) })
		tr.settle("create", runs(1, v1))
		for i := 2; i <= 5; i++ {
			tr.change(imageOf(fmt.Sprint(ImageRuns, i)))
			tr.settle("update", runs(1, fmt.Sprint(ImageRuns, i)))
		}
		after := tr.settle("clean-up", runs(1, ImageRuns+"5"))
		for i, s := range tr.sides {
			if n := len(after[i].Revisions); n != 3 {
				tr.Errorf("%s: %d revisions, want the current one and 2 old", s.name, n)
			}
		}
	}},
	{"name collision", func(tr *trial) {
		addNodes(tr.T, "n1")
		tr.create()
		before := tr.settle("create", runs(1, v1))
		tr.delete(metav1.DeletePropagationForeground)
		tr.settle("delete", gone)
		tr.each(func(s *side) error {
			// Somebody else's revision has the name that the template's hash gives.
			first := before[slices.Index(tr.sides, s)].Revisions[0]
			_, err := world.Client.AppsV1().ControllerRevisions(s.namespace).Create(tr.ctx, &appsv1.ControllerRevision{
				ObjectMeta: metav1.ObjectMeta{Name: first.Name, Namespace: s.namespace}, Revision: 7,
				Data: runtime.RawExtension{Raw: []byte(`{"of":"another"}`)},
			}, metav1.CreateOptions{})
			return err
		})
		tr.create()
		tr.settle("a new name", func(o *Objects) string {
			if m := runs(1, v1)(o); m != "" {
				return m
			}
			if c := o.Owner.Status.CollisionCount; c == nil || *c != 1 {
				return fmt.Sprintf("collision count %v, want 1", c)
			}
			return ""
		})
	}},
	{"failing pods", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.each(func(s *side) error { world.kubelets.FailNext(s.namespace, "n1", 2); return nil })
		tr.create()
		tr.settle("the second failure waits for the backoff", both(runs(2, v1), recorded("Warning FailedDaemonPod")))
	}},
	{"failing pods of an update", func(tr *trial) {
		addNodes(tr.T, "n1", "n2", "n3")
		tr.create()
		tr.settle("create", runs(3, v1))
		tr.each(func(s *side) error {
			for _, n := range []string{"n1", "n2", "n3"} {
				world.kubelets.FailNext(s.namespace, n, 1)
			}
			return nil
		})
		tr.change(imageOf(v2))
		tr.settle("update", both(runs(3, v2), recorded("Warning FailedDaemonPod")))
	}},
	{"a kubelet that does not answer", func(tr *trial) {
		addNodes(tr.T, "n1", "n2", "n3")
		tr.create()
		tr.settle("create", runs(3, v1))
		world.kubelets.Hold("n2")
		defer world.kubelets.Release("n2")
		tr.deletePods("n2")
		tr.settle("the pod cannot end", func(o *Objects) string {
			return want(o, appsv1.DaemonSetStatus{DesiredNumberScheduled: 3, CurrentNumberScheduled: 3, UpdatedNumberScheduled: 3,
				NumberAvailable: 3, NumberReady: 3}, 3)
		})
		world.kubelets.Release("n2")
		tr.settle("replaced", runs(3, v1))
	}},
	{"quota", func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.each(func(s *side) error {
			hard := corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}
			q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "pods", Namespace: s.namespace}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
			q, err := world.Client.CoreV1().ResourceQuotas(s.namespace).Create(tr.ctx, q, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			// The quota controller would do this.
			q.Status = corev1.ResourceQuotaStatus{Hard: hard, Used: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}
			_, err = world.Client.CoreV1().ResourceQuotas(s.namespace).UpdateStatus(tr.ctx, q, metav1.UpdateOptions{})
			return err
		})
		tr.create()
		tr.settle("no pod is allowed", recorded("Warning FailedCreate"))
		tr.each(func(s *side) error {
			return world.Client.CoreV1().ResourceQuotas(s.namespace).Delete(tr.ctx, "pods", metav1.DeleteOptions{})
		})
		tr.settle("lifted", runs(2, v1))
	}},
	{"delete in the background", deleteWith(metav1.DeletePropagationBackground)},
	{"delete in the foreground", deleteWith(metav1.DeletePropagationForeground)},
	{"delete in the middle of an update", func(tr *trial) {
		addNodes(tr.T, "n1", "n2", "n3", "n4")
		tr.create()
		tr.settle("create", runs(4, v1))
		tr.change(imageOf(v2))
		tr.delete(metav1.DeletePropagationForeground)
		tr.settle("gone", gone)
	}},
}

func deleteWith(propagation metav1.DeletionPropagation) func(tr *trial) {
	return func(tr *trial) {
		addNodes(tr.T, "n1", "n2")
		tr.create()
		tr.settle("create", runs(2, v1))
		tr.delete(propagation)
		tr.settle("gone", gone)
	}
}

// TestOperations does everything once with upstream's controller and once with the library's.
func TestOperations(t *testing.T) {
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) { op.run(newTrial(t, Library)) })
	}
}

func cordon(n *corev1.Node) { n.Spec.Unschedulable = true }

func withBudget(ds *appsv1.DaemonSet, maxUnavailable, maxSurge string) *appsv1.DaemonSet {
	unavailable, surge := intstr.Parse(maxUnavailable), intstr.Parse(maxSurge)
	ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{
		Type:          appsv1.RollingUpdateDaemonSetStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &unavailable, MaxSurge: &surge},
	}
	return ds
}

// want is met by a status, of the current generation, and a number of pods.
func want(o *Objects, status appsv1.DaemonSetStatus, pods int) string {
	if o.Owner == nil {
		return "no owner"
	}
	got := o.Owner.Status
	got.CollisionCount = nil
	status.ObservedGeneration = o.Owner.Generation
	if fmt.Sprint(got) != fmt.Sprint(status) || len(o.Pods) != pods {
		return fmt.Sprintf("status = %+v with %d pods, want %+v with %d", got, len(o.Pods), status, pods)
	}
	return ""
}

// updated is met when so many of all pods are of the new revision.
func updated(n, of int32) condition {
	return func(o *Objects) string {
		if o.Owner == nil {
			return "no owner"
		}
		st := o.Owner.Status
		if st.ObservedGeneration != o.Owner.Generation || st.UpdatedNumberScheduled != n || st.CurrentNumberScheduled != of ||
			len(o.Pods) != int(of) {
			return fmt.Sprintf("status = %+v, %d pods, want %d of %d updated", st, len(o.Pods), n, of)
		}
		return ""
	}
}

// orphans is met when the owner is gone, and so many pods and revisions have none.
func orphans(pods, revisions int) condition {
	return func(o *Objects) string {
		if o.Owner != nil {
			return "there is an owner"
		}
		n := 0
		for _, p := range o.Pods {
			n += len(p.OwnerReferences)
		}
		for _, r := range o.Revisions {
			n += len(r.OwnerReferences)
		}
		if len(o.Pods) != pods || len(o.Revisions) != revisions || n > 0 {
			return fmt.Sprintf("%d pods and %d revisions with %d owners, want %d, %d and 0", len(o.Pods), len(o.Revisions), n, pods, revisions)
		}
		return ""
	}
}

// gone is met when nothing is left.
func gone(o *Objects) string {
	if o.Owner != nil || len(o.Pods)+len(o.Revisions) > 0 {
		return fmt.Sprintf("owner %t, %d pods and %d revisions left", o.Owner != nil, len(o.Pods), len(o.Revisions))
	}
	return ""
}

// recorded is met by an event.
func recorded(event string) condition {
	return func(o *Objects) string {
		if !slices.Contains(o.Events, event) {
			return fmt.Sprintf("events %v, want %s", o.Events, event)
		}
		return ""
	}
}

func both(a, b condition) condition {
	return func(o *Objects) string {
		if m := a(o); m != "" {
			return m
		}
		return b(o)
	}
}

func uids(o *Objects) []types.UID {
	var out []types.UID
	for _, p := range o.Pods {
		out = append(out, p.UID)
	}
	slices.Sort(out)
	return out
}
