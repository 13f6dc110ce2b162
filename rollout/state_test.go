package rollout_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
)

// world is a cluster whose facts are known by name and whose changes are collected
// for a State.
type world struct {
	r         *rand.Rand
	ds        *appsv1.DaemonSet
	nodes     map[string]*corev1.Node
	pods      map[string]*corev1.Pod
	revisions map[string]*appsv1.ControllerRevision
	now       time.Time
	backoff   daemon.Backoff
	burst     int
	made      int

	changes []daemon.Changes
}

func newWorld(r *rand.Rand) *world {
	w := &world{
		r: r, now: build.Now,
		nodes: map[string]*corev1.Node{}, pods: map[string]*corev1.Pod{}, revisions: map[string]*appsv1.ControllerRevision{},
		burst: pick(r, 0, 0, 1, 3, -1),
	}
	w.ds = build.Set{
		MaxSurge: pick(r, "", "", "1", "10%", "40%"), MaxUnavailable: "", OnDelete: r.IntN(10) == 0, MinReady: pick(r, int32(0), 0, 5),
	}.Object()
	if r.IntN(3) == 0 && w.ds.Spec.UpdateStrategy.RollingUpdate != nil && w.ds.Spec.UpdateStrategy.RollingUpdate.MaxSurge.String() == "0" {
		percent := intstr.FromString(pick(r, "10%", "30%", "100%"))
		w.ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &percent
	}
	for i := range r.IntN(7) {
		w.nodes[fmt.Sprint("n", i)] = w.node(fmt.Sprint("n", i))
	}
	return w
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (w *world) node(name string) *corev1.Node {
	n := build.Node{Name: name, Labels: build.Labels{zones: pick(w.r, "z1", "z2", "z3"), "disk": pick(w.r, "ssd", "hdd")}}
	if w.r.IntN(4) == 0 {
		n.Taints = []corev1.Taint{pick(w.r, build.NoSchedule("k"), build.NoExecute("k"))}
	}
	node := n.Object()
	status := pick(w.r, corev1.ConditionTrue, corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown)
	node.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: status, LastTransitionTime: metav1.NewTime(w.now.Add(-time.Duration(w.r.IntN(600)) * time.Second)),
	}}
	return node
}

func (w *world) input() daemon.Input {
	return daemon.Input{
		DaemonSet: w.ds, Nodes: slices.Collect(maps.Values(w.nodes)), Pods: slices.Collect(maps.Values(w.pods)),
		Revisions: slices.Collect(maps.Values(w.revisions)), Now: w.now, Backoff: w.backoff, BurstReplicas: w.burst,
	}
}

func (w *world) setPod(pod *corev1.Pod) {
	w.pods[pod.Name] = pod
	w.changes = append(w.changes, daemon.Changes{Pods: []*corev1.Pod{pod}})
}

func (w *world) deletePod(name string) {
	delete(w.pods, name)
	w.changes = append(w.changes, daemon.Changes{DeletedPods: []string{name}})
}

func (w *world) setRevision(rev *appsv1.ControllerRevision) {
	w.revisions[rev.Name] = rev
	w.changes = append(w.changes, daemon.Changes{Revisions: []*appsv1.ControllerRevision{rev}})
}

func (w *world) deleteRevision(name string) {
	delete(w.revisions, name)
	w.changes = append(w.changes, daemon.Changes{DeletedRevisions: []string{name}})
}

func (w *world) setDaemonSet(ds *appsv1.DaemonSet) {
	w.ds = ds
	w.changes = append(w.changes, daemon.Changes{DaemonSet: ds})
}

// apply carries out a result, up to a random write that fails.
func (w *world) apply(result *rollout.Result) {
	left := 1 << 30
	if w.r.IntN(4) == 0 {
		left = w.r.IntN(4)
	}
	do := func(write func()) {
		if left--; left >= 0 {
			write()
		}
	}
	if plan := result.Revisions; plan != nil {
		for _, c := range plan.Claims {
			do(func() { rev := c.Revision.DeepCopy(); rev.OwnerReferences = w.owners(c.Claim); w.setRevision(rev) })
		}
		for _, rev := range plan.Label {
			do(func() { w.setRevision(w.stored(rev)) })
		}
		if plan.Create != nil {
			do(func() { w.setRevision(w.stored(plan.Create)) })
		}
		for _, r := range plan.Relabel {
			do(func() {
				pod := r.Pod.DeepCopy()
				metav1.SetMetaDataLabel(&pod.ObjectMeta, appsv1.DefaultDaemonSetUniqueLabelKey, plan.Hash)
				w.setPod(pod)
			})
		}
		for _, rev := range plan.Duplicates {
			do(func() { w.deleteRevision(rev.Name) })
		}
		if plan.Update != nil {
			do(func() { w.setRevision(w.stored(plan.Update)) })
		}
	}
	for _, c := range result.Claims {
		do(func() { pod := w.pods[c.Pod.Name].DeepCopy(); pod.OwnerReferences = w.owners(c.Claim); w.setPod(pod) })
	}
	for _, c := range result.Plan.Create {
		do(func() {
			pod := c.Pod.DeepCopy()
			w.made++
			pod.Name, pod.UID = fmt.Sprint("agent-", w.made), types.UID(fmt.Sprint("uid-", w.made))
			pod.CreationTimestamp, pod.Status.Phase = metav1.NewTime(w.now), corev1.PodPending
			w.setPod(pod)
		})
	}
	for _, d := range result.Plan.Delete {
		do(func() { w.requestDeletion(d.Pod.Name) })
	}
	if result.Rollback != nil {
		do(func() { ds := result.Rollback.DaemonSet.DeepCopy(); ds.Generation++; w.setDaemonSet(ds) })
	}
	for _, rev := range result.CleanUp {
		do(func() { w.deleteRevision(rev.Name) })
	}
	if result.Status != nil {
		do(func() { ds := w.ds.DeepCopy(); ds.Status = *result.Status.DeepCopy(); w.setDaemonSet(ds) })
	}
}

func (w *world) owners(claim daemon.Claim) []metav1.OwnerReference {
	if claim == daemon.ClaimAdopt {
		return build.Owner(w.ds)
	}
	return nil
}

func (w *world) stored(rev *appsv1.ControllerRevision) *appsv1.ControllerRevision {
	rev = rev.DeepCopy()
	rev.UID = types.UID("uid-" + rev.Name)
	return rev
}

func (w *world) requestDeletion(name string) {
	pod := w.pods[name]
	if pod == nil {
		return
	}
	if pod.Spec.NodeName == "" || w.r.IntN(3) == 0 {
		w.deletePod(name)
		return
	}
	pod = pod.DeepCopy()
	pod.DeletionTimestamp = &metav1.Time{Time: w.now.Add(2 * time.Second)}
	w.setPod(pod)
}

func anyKey[V any](r *rand.Rand, m map[string]V) string {
	if len(m) == 0 {
		return ""
	}
	return slices.Sorted(maps.Keys(m))[r.IntN(len(m))]
}

// happen lets something happen.
func (w *world) happen() {
	r := w.r
	switch r.IntN(16) {
	case 0, 1, 2, 3:
		w.changePod(anyKey(r, w.pods))
	case 4:
		if name := anyKey(r, w.pods); name != "" {
			w.deletePod(name)
		}
	case 5, 6:
		node := w.node(fmt.Sprint("n", r.IntN(9)))
		w.nodes[node.Name] = node
		w.changes = append(w.changes, daemon.Changes{Nodes: []*corev1.Node{node}})
	case 7:
		if name := anyKey(r, w.nodes); name != "" {
			delete(w.nodes, name)
			w.changes = append(w.changes, daemon.Changes{DeletedNodes: []string{name}})
		}
	case 8, 9: // Clocks go back, too.
		w.now = w.now.Add(time.Duration(r.IntN(110)-20) * time.Second)
	case 10, 14, 15:
		// Templates come and go, so that canaries have something to go back to.
		ds := w.ds.DeepCopy()
		ds.Spec.Template.Spec.Containers[0].Image = fmt.Sprint("agent:", r.IntN(3))
		ds.Generation++
		w.setDaemonSet(ds)
	case 11:
		w.changeSpec()
	case 12:
		if name := anyKey(r, w.revisions); name != "" && r.IntN(3) == 0 {
			w.deleteRevision(name)
		} else if name != "" && r.IntN(3) == 0 {
			// Another object takes the name that the next revision is to have.
			ds := w.ds.DeepCopy()
			ds.Spec.Template.Spec.Containers[0].Image = fmt.Sprint("agent:", r.IntN(3))
			rev := w.revisions[name].DeepCopy()
			rev.Name = ds.Name + "-" + daemon.TemplateHash(&ds.Spec.Template, ds.Status.CollisionCount)
			rev.OwnerReferences, rev.Data.Raw = nil, []byte("{}")
			if w.revisions[rev.Name] == nil {
				w.setRevision(rev)
			}
		} else if name != "" {
			rev := w.revisions[name].DeepCopy()
			rev.Name, rev.Revision = fmt.Sprint("copy-", r.IntN(3)), int64(r.IntN(6))
			rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = rev.Name
			w.setRevision(rev)
		}
	case 13:
		pod := build.Pod{Name: fmt.Sprint("orphan-", r.IntN(3)), Node: fmt.Sprint("n", r.IntN(9)), Orphan: true, Hash: "old"}.Of(w.ds)
		w.setPod(pod)
	}
}

func (w *world) changeSpec() {
	ds := w.ds.DeepCopy()
	switch w.r.IntN(6) {
	case 0:
		ds.Spec.MinReadySeconds = int32(w.r.IntN(20))
	case 1:
		ds.Spec.Template.Spec.NodeSelector = pick(w.r, nil, map[string]string{"disk": "ssd"})
	case 2:
		ds.Spec.UpdateStrategy = build.Set{MaxSurge: pick(w.r, "", "1", "10%"), OnDelete: w.r.IntN(4) == 0}.Object().Spec.UpdateStrategy
	case 3:
		ds.Spec.RevisionHistoryLimit = new(int32(w.r.IntN(3)))
	case 4:
		// An empty selector for a while.
		ds.Spec.Selector = pick(w.r, &metav1.LabelSelector{}, &metav1.LabelSelector{MatchLabels: build.Labels{"app": "agent"}})
	case 5:
		// Deleted, with a finalizer. Tests take that back, to go on.
		if ds.DeletionTimestamp = nil; w.ds.DeletionTimestamp == nil && w.r.IntN(3) == 0 {
			ds.DeletionTimestamp = &metav1.Time{Time: w.now}
		}
	}
	ds.Generation++
	w.setDaemonSet(ds)
}

func (w *world) changePod(name string) {
	if name == "" {
		return
	}
	pod := w.pods[name].DeepCopy()
	ready := func(status corev1.ConditionStatus) {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(w.now)}}
	}
	switch w.r.IntN(8) {
	case 0, 1, 2, 3:
		if node, ok := daemon.TargetNode(pod); ok {
			pod.Spec.NodeName = node
		}
		ready(corev1.ConditionTrue)
	case 4:
		ready(corev1.ConditionFalse)
	case 5:
		pod.Status.Phase = pick(w.r, corev1.PodFailed, corev1.PodSucceeded)
	case 6:
		pod.DeletionTimestamp = &metav1.Time{Time: w.now.Add(time.Second)}
	case 7:
		pod.Labels = pick(w.r, build.Labels{"app": "stray"}, build.Labels{"app": "agent"})
	}
	w.setPod(pod)
}

// sameResult compares results: pods and revisions by what they hold. Snapshots have Equal.
var sameResult = cmp.Options{
	cmp.Comparer(func(a, b *corev1.Pod) bool { return a == b || reflect.DeepEqual(a, b) }),
	cmp.Comparer(func(a, b *appsv1.ControllerRevision) bool { return a == b || reflect.DeepEqual(a, b) }),
	cmp.Comparer(func(a, b metav1.Time) bool { return a.Equal(&b) }),
}

// TestStateEqualsSync holds the passes of a State against passes from scratch, over
// random histories of pods, nodes, revisions, DaemonSets, writes and time, under every
// strategy and under policies.
func TestStateEqualsSync(t *testing.T) {
	const steps = 60
	// A canary that fails soon.
	impatient := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), Wait: lasting(time.Hour), FailAfter: lasting(time.Second)}}
	seen := map[string]int{}
	for seed := range property.Seeds(t, 30) {
		r := rand.New(rand.NewPCG(seed, 4))
		w := newWorld(r)
		state, err := rollout.NewState(w.input())
		if err != nil {
			t.Fatal(err)
		}
		policy := rollout.Policy{}
		var trial *rollout.CanaryTrial
		for step := range steps {
			if r.IntN(20) == 0 {
				policy = pick(r, rollout.Policy{}, randomPolicy(t, r), impatient, rollout.Policy{Paused: true}, rollout.Policy{Frozen: true})
			}
			for range r.IntN(3) {
				w.happen()
			}
			for _, c := range w.changes {
				if err := state.Update(c); err != nil {
					t.Fatalf("seed %d, step %d: Update() = %v", seed, step, err)
				}
			}
			w.changes = nil
			awaiting := r.IntN(10) == 0
			got, gotErr := state.Sync(w.now, rollout.Options{Policy: policy, AwaitingWrites: awaiting})
			want, wantErr := rollout.Sync(w.input(), rollout.Options{Policy: policy, AwaitingWrites: awaiting, CanaryTrial: trial})
			if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
				t.Fatalf("seed %d, step %d: kept state: %v, from scratch: %v", seed, step, gotErr, wantErr)
			}
			if diff := cmp.Diff(want, got, sameResult); diff != "" {
				t.Fatalf("seed %d, step %d, policy %v: the kept state differs (-from scratch +kept):\n%s", seed, step, &policy, diff)
			}
			if got == nil {
				continue
			}
			trial, w.backoff = want.CanaryTrial, w.backoff.With(want.Plan.BackoffChanges)
			if diff := cmp.Diff(liveBackoff(w.backoff, w.now), liveBackoff(state.Backoff(), w.now)); diff != "" {
				t.Fatalf("seed %d, step %d: State.Backoff() (-from scratch +kept):\n%s", seed, step, diff)
			}
			note(seen, want)
			seen["backoff"] += len(want.Plan.BackoffChanges)
			if r.IntN(5) > 0 {
				w.apply(want)
			}
		}
	}
	for _, what := range []string{"synced", "awaiting", "selects everything", "deleting", "collision", "new revision", "rollback", "surge", "restricted", "clean-up", "claims", "relabel", "deferred", "backoff"} {
		if seen[what] == 0 {
			t.Errorf("%q never happened: the histories are dull", what)
		}
	}
}

// liveBackoff returns the entries that have not expired.
func liveBackoff(b daemon.Backoff, now time.Time) daemon.Backoff {
	out := daemon.Backoff{}
	for key, e := range b {
		if now.Sub(e.Last) <= 30*time.Minute {
			out[key] = e
		}
	}
	return out
}

func note(seen map[string]int, r *rollout.Result) {
	for what, is := range map[string]bool{
		"synced": r.Outcome == rollout.OutcomeSynced, "awaiting": r.Outcome == rollout.OutcomeAwaitingWrites,
		"selects everything": r.Outcome == rollout.OutcomeSelectsEverything, "new revision": r.Revisions != nil && r.Revisions.Create != nil,
		"collision": r.Outcome == rollout.OutcomeCollision, "deleting": r.Outcome == rollout.OutcomeDeleting,
		"rollback": r.Rollback != nil, "surge": r.Step != nil && r.Step.Surging > 0, "restricted": len(r.Restricted)+len(r.Policy.Restricted) > 0,
		"clean-up": r.CleanUp != nil, "claims": r.Claims != nil, "relabel": r.Revisions != nil && r.Revisions.Relabel != nil,
		"deferred": r.Plan.CreateDeferred+r.Plan.DeleteDeferred > 0,
	} {
		if is {
			seen[what]++
		}
	}
}
