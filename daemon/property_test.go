package daemon_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/placement"
)

// properties hold for every input that Observe takes. FuzzReconcile checks them
// too. They may change the input once they are done with it.
var properties = []struct {
	name  string
	check func(t *testing.T, r *rand.Rand, in daemon.Input)
}{
	{"input untouched", inputUntouched},
	{"order irrelevant", orderIrrelevant},
	{"plan well-formed", planWellFormed},
	{"burst cuts off the end", burstCutsOff},
	{"nodes left out", nodesLeftOut},
	{"status is the sum", statusIsTheSum},
	{"one pod per node", onePodPerNode},
	{"second pass quiet", secondPassQuiet},
	{"words stable", wordsStable},
}

func TestProperties(t *testing.T) {
	for _, p := range properties {
		t.Run(p.name, func(t *testing.T) {
			for seed := range property.Seeds(t, 125) {
				p.check(t, rand.New(rand.NewPCG(seed, 2)), randomInput(rand.New(rand.NewPCG(seed, 1))))
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func copyInput(in daemon.Input) daemon.Input {
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.Nodes = slices.Clone(in.Nodes)
	for i := range in.Nodes {
		in.Nodes[i] = in.Nodes[i].DeepCopy()
	}
	in.Pods = slices.Clone(in.Pods)
	for i := range in.Pods {
		in.Pods[i] = in.Pods[i].DeepCopy()
	}
	in.Backoff = maps.Clone(in.Backoff)
	return in
}

func inputUntouched(t *testing.T, _ *rand.Rand, in daemon.Input) {
	before := copyInput(in)
	s := observe(t, in)
	plan := daemon.Reconcile(s)
	status := daemon.Status(s)
	for _, n := range daemon.StatusByNode(s) {
		_ = n.String()
	}
	daemon.StatusRequeue(s)
	if _, err := daemon.DesiredPods(in); err != nil {
		t.Error(err)
	}
	for _, node := range in.Nodes {
		if _, err := daemon.DaemonSetsToSync(node, []*appsv1.DaemonSet{in.DaemonSet}, in.Pods, placement.Options{}); err != nil {
			t.Error(err)
		}
	}
	for _, create := range plan.Create { // these are the caller's own
		scramble(reflect.ValueOf(create.Pod))
	}
	scramble(reflect.ValueOf(&status))
	if !reflect.DeepEqual(before, in) {
		t.Errorf("the input changed (-before +after):\n%s", cmp.Diff(before, in))
	}
}

// sameFacts compares plans. Pods of the input are mostly the same object.
var sameFacts = cmp.Options{
	cmp.Comparer(func(a, b *corev1.Pod) bool { return a == b || reflect.DeepEqual(a, b) }),
}

func orderIrrelevant(t *testing.T, r *rand.Rand, in daemon.Input) {
	s := observe(t, in)
	plan, again := daemon.Reconcile(s), daemon.Reconcile(s)
	if diff := cmp.Diff(plan, again, sameFacts); diff != "" {
		t.Errorf("Reconcile() of the same snapshot, second time (-want +got):\n%s", diff)
	}
	r.Shuffle(len(in.Nodes), func(i, j int) { in.Nodes[i], in.Nodes[j] = in.Nodes[j], in.Nodes[i] })
	r.Shuffle(len(in.Pods), func(i, j int) { in.Pods[i], in.Pods[j] = in.Pods[j], in.Pods[i] })
	shuffled := observe(t, in)
	if diff := cmp.Diff(plan, daemon.Reconcile(shuffled), sameFacts); diff != "" {
		t.Errorf("Reconcile() of shuffled input (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(daemon.Status(s), daemon.Status(shuffled)); diff != "" {
		t.Errorf("Status() of shuffled input (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(describe(s), describe(shuffled)); diff != "" {
		t.Errorf("Nodes() of shuffled input (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s.Claims(), shuffled.Claims(), sameFacts); diff != "" {
		t.Errorf("Claims() of shuffled input (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s.Uncounted(), shuffled.Uncounted(), sameFacts); diff != "" {
		t.Errorf("Uncounted() of shuffled input (-want +got):\n%s", diff)
	}
}

func planWellFormed(t *testing.T, _ *rand.Rand, in daemon.Input) {
	s := observe(t, in)
	plan := daemon.Reconcile(s)
	nodes := map[string]daemon.NodeState{}
	for _, n := range s.Nodes() {
		nodes[n.Name] = n
	}
	for i, c := range plan.Create {
		if i > 0 && plan.Create[i-1].Node >= c.Node {
			t.Errorf("creations are not in the order of nodes, one each: %v", plan)
		}
		if target, _ := daemon.TargetNode(c.Pod); target != c.Node || !nodes[c.Node].Decision.Run || c.Reason == 0 {
			t.Errorf("%v: the pod is for %q; node: %v", c, target, nodes[c.Node].Decision)
		}
		if claim, err := newClaimer(t, in.DaemonSet).Pod(c.Pod); err != nil || claim != daemon.ClaimKeep {
			t.Errorf("%v: the DaemonSet would %v its own pod", c, claim)
		}
	}
	for i, d := range plan.Delete {
		if i > 0 {
			before, noNode := plan.Delete[i-1], d.Reason == daemon.DeleteReasonNoNode
			if before.Pod == d.Pod || before.Node > d.Node && (before.Reason == daemon.DeleteReasonNoNode) == noNode || before.Reason == daemon.DeleteReasonNoNode && !noNode {
				t.Errorf("deletions are not ordered by node, with nodes that do not exist last: %v", plan)
			}
		}
		if target, _ := daemon.TargetNode(d.Pod); target != d.Node || d.Reason == 0 || d.Stays == d.Pod {
			t.Errorf("%v: the pod is for %q", d, target)
		}
		if d.Stays != nil && d.Stays.DeletionTimestamp != nil {
			t.Errorf("%v: the pod that stays is being deleted", d)
		}
		if d.Pod.DeletionTimestamp != nil && d.Reason != daemon.DeleteReasonNoNode {
			t.Errorf("%v: it is being deleted already", d)
		}
	}
	if burst := s.BurstReplicas(); burst >= 0 && (len(plan.Create) > burst || len(plan.Delete) > burst) {
		t.Errorf("burst %d exceeded: %v", burst, plan)
	}
}

func burstCutsOff(t *testing.T, _ *rand.Rand, in daemon.Input) {
	limited := daemon.Reconcile(observe(t, in))
	in.BurstReplicas = -1
	all := daemon.Reconcile(observe(t, in))
	if all.CreateDeferred != 0 || all.DeleteDeferred != 0 {
		t.Errorf("put off without limit: %v", all)
	}
	if len(limited.Create)+limited.CreateDeferred != len(all.Create) || len(limited.Delete)+limited.DeleteDeferred != len(all.Delete) {
		t.Errorf("with limit: %v\nwithout: %v", limited, all)
		return
	}
	for _, d := range all.Delete[len(limited.Delete):] {
		if d.Reason == daemon.DeleteReasonPodFailed {
			// It has no new delay.
			key := daemon.BackoffKey{UID: in.DaemonSet.UID, ObservedGeneration: in.DaemonSet.Status.ObservedGeneration, Node: d.Node}
			delete(all.BackoffChanges, key)
		}
	}
	if len(all.BackoffChanges) == 0 {
		all.BackoffChanges = nil
	}
	all.Create, all.CreateDeferred = all.Create[:len(limited.Create):len(limited.Create)], limited.CreateDeferred
	all.Delete, all.DeleteDeferred = all.Delete[:len(limited.Delete):len(limited.Delete)], limited.DeleteDeferred
	if len(all.Create) == 0 {
		all.Create = limited.Create
	}
	if len(all.Delete) == 0 {
		all.Delete = limited.Delete
	}
	if diff := cmp.Diff(all, limited, sameFacts); diff != "" {
		t.Errorf("a limited plan is not the beginning of the whole one (-want +got):\n%s", diff)
	}
}

func statusIsTheSum(t *testing.T, _ *rand.Rand, in daemon.Input) {
	in.DaemonSet.DeletionTimestamp = nil
	s := observe(t, in)
	want := *in.DaemonSet.Status.DeepCopy()
	want.ObservedGeneration = in.DaemonSet.Generation
	var sum appsv1.DaemonSetStatus
	add := func(counter *int32, counts bool) {
		if counts {
			*counter++
		}
	}
	for i, n := range daemon.StatusByNode(s) {
		if n.Node != s.Nodes()[i].Name {
			t.Errorf("StatusByNode()[%d] is about %s, want %s", i, n.Node, s.Nodes()[i].Name)
		}
		add(&sum.DesiredNumberScheduled, n.Desired)
		add(&sum.CurrentNumberScheduled, n.Current)
		add(&sum.NumberReady, n.Ready)
		add(&sum.NumberAvailable, n.Available)
		add(&sum.NumberUnavailable, n.Desired && !n.Available)
		add(&sum.UpdatedNumberScheduled, n.Updated)
		add(&sum.NumberMisscheduled, n.Misscheduled)
		if n.Misscheduled && n.Desired || n.Current && !n.Desired || n.Ready && !n.Current || n.Available && !n.Ready || n.Updated && !n.Current {
			t.Errorf("contradiction: %+v", n)
		}
	}
	want.DesiredNumberScheduled, want.CurrentNumberScheduled = sum.DesiredNumberScheduled, sum.CurrentNumberScheduled
	want.NumberReady, want.NumberAvailable, want.NumberUnavailable = sum.NumberReady, sum.NumberAvailable, sum.NumberUnavailable
	want.UpdatedNumberScheduled, want.NumberMisscheduled = sum.UpdatedNumberScheduled, sum.NumberMisscheduled
	got := daemon.Status(s)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Status() is not the sum of StatusByNode() (-want +got):\n%s", diff)
	}
	in.DaemonSet.Status = got
	if daemon.StatusChanged(in.DaemonSet, daemon.Status(observe(t, in))) {
		t.Error("a status that was written has to be written again")
	}
}

// apply carries a plan and the claims out: deleted pods are gone at once, those
// created are there, waiting or running.
func apply(r *rand.Rand, in daemon.Input, s *daemon.Snapshot, plan *daemon.Plan) daemon.Input {
	out := copyInput(in)
	out.Backoff = out.Backoff.With(plan.BackoffChanges)
	for _, c := range s.Claims() {
		pod := out.Pods[slices.Index(in.Pods, c.Pod)]
		pod.OwnerReferences = nil
		if c.Claim == daemon.ClaimAdopt {
			pod.OwnerReferences = build.Owner(in.DaemonSet)
		}
	}
	deleted := map[string]bool{}
	for _, d := range plan.Delete {
		deleted[d.Pod.Name] = true
	}
	out.Pods = slices.DeleteFunc(out.Pods, func(p *corev1.Pod) bool { return p.Namespace == build.Namespace && deleted[p.Name] })
	for _, c := range plan.Create {
		pod := c.Pod.DeepCopy()
		pod.Name = fmt.Sprint(pod.GenerateName, len(out.Pods))
		pod.CreationTimestamp = metav1.NewTime(in.Now)
		pod.Status.Phase = corev1.PodPending
		if one(r, 2) {
			pod.Spec.NodeName = c.Node
			pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(in.Now)},
			}}
		}
		out.Pods = append(out.Pods, pod)
	}
	return out
}

func onePodPerNode(t *testing.T, r *rand.Rand, in daemon.Input) {
	in.DaemonSet.DeletionTimestamp, in.BurstReplicas = nil, -1
	s := observe(t, in)
	after := observe(t, apply(r, in, s, daemon.Reconcile(s)))
	for _, n := range after.Nodes() {
		live := 0
		for _, p := range n.Pods {
			if !p.Terminating && !p.Failed && !p.Succeeded {
				live++
			}
		}
		most := 1
		switch update := in.DaemonSet.Spec.UpdateStrategy; {
		case n.Node == nil:
			continue // what is bound there is left to pod garbage collection
		case !n.Decision.Keep:
			most = 0
		case update.RollingUpdate != nil && update.RollingUpdate.MaxSurge.String() != "0":
			most = 2
		}
		if live > most {
			t.Errorf("%d live pods on %s, want at most %d", live, n.Name, most)
		}
	}
}

// secondPassQuiet carries out what Reconcile plans. Then it plans nothing but
// the successors of finished pods, and then nothing at all, until time passes.
func secondPassQuiet(t *testing.T, r *rand.Rand, in daemon.Input) {
	in.BurstReplicas = -1
	s := observe(t, in)
	first := daemon.Reconcile(s)
	finished := map[string]bool{}
	for _, d := range first.Delete {
		if d.Reason == daemon.DeleteReasonPodFailed || d.Reason == daemon.DeleteReasonPodSucceeded {
			finished[d.Node] = true
		}
	}
	in = apply(r, in, s, first)
	s = observe(t, in)
	second := daemon.Reconcile(s)
	for _, c := range second.Create {
		if c.Reason != daemon.CreateReasonMissing || !finished[c.Node] {
			t.Errorf("second pass: %v", c)
		}
	}
	if len(second.Delete) > 0 || len(second.Events) > 0 || s.Claims() != nil {
		t.Errorf("second pass: %v, claims %v; first: %v", second, s.Claims(), first)
	}
	in = apply(r, in, s, second)
	if third := daemon.Reconcile(observe(t, in)); !third.Empty() || len(third.Events) > 0 {
		t.Errorf("third pass: %v; first: %v; second: %v", third, first, second)
	}
}

func wordsStable(t *testing.T, _ *rand.Rand, in daemon.Input) {
	words := func() []string {
		s := observe(t, in)
		out := []string{daemon.Reconcile(s).String()}
		for _, n := range daemon.StatusByNode(s) {
			out = append(out, n.String())
		}
		for _, c := range s.Claims() {
			out = append(out, c.Claim.String(), string(c.Patch))
		}
		return out
	}
	want := words()
	if diff := cmp.Diff(want, words()); diff != "" {
		t.Errorf("words of the same input (-want +got):\n%s", diff)
	}
	if slices.Contains(want, "") {
		t.Errorf("something has no words: %q", want)
	}
}

// TestSnapshotIsShared asks one snapshot from several goroutines; the race
// detector reports whether anything is written.
func TestSnapshotIsShared(t *testing.T) {
	in := randomInput(rand.New(rand.NewPCG(7, 1)))
	s := observe(t, in)
	want := daemon.Reconcile(s).String()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got := daemon.Reconcile(s).String(); got != want {
				t.Errorf("Reconcile() = %s, want %s", got, want)
			}
			daemon.Status(s)
			daemon.StatusByNode(s)
			s.NewPod("w1")
			s.Matcher().Decide(in.Nodes[0])
		})
	}
	wg.Wait()
}

// TestRandomInputIsInteresting: the properties would hold for dull clusters too.
func TestRandomInputIsInteresting(t *testing.T) {
	seen := map[string]int{}
	for seed := range property.Seeds(t, 500) {
		in := randomInput(rand.New(rand.NewPCG(seed, 1)))
		s := observe(t, in)
		plan := daemon.Reconcile(s)
		for _, c := range plan.Create {
			seen[fmt.Sprint("create: ", c.Reason)]++
		}
		for _, d := range plan.Delete {
			seen[fmt.Sprint("delete: ", d.Reason)]++
		}
		for _, c := range s.Claims() {
			seen[c.Claim.String()]++
		}
		if len(s.Uncounted()) > 0 {
			seen["uncounted"]++
		}
		if plan.RequeueAfter > time.Second {
			seen["waits"]++
		}
		if plan.CreateDeferred > 0 && plan.DeleteDeferred > 0 {
			seen["put off"]++
		}
		if plan.Empty() {
			seen["empty"]++
		}
	}
	for _, what := range []string{
		"create: node has no pod", "create: all pods on the node are terminating or finished",
		"delete: pod failed", "delete: pod succeeded", "delete: node does not keep the pod", "delete: another pod stays on the node",
		"delete: node does not exist and pod was never bound", "delete: outdated, not ready, and a new pod is there",
		"delete: outdated, and the new pod is available",
		"adopt", "release", "uncounted", "waits", "put off", "empty",
	} {
		if seen[what] < 5 {
			t.Errorf("%q happened %d times, want at least 5", what, seen[what])
		}
	}
}

// nodesLeftOut: ReconcileExcept plans what Reconcile does without the creations on some nodes. The
// burst limit counts the others only.
func nodesLeftOut(t *testing.T, r *rand.Rand, in daemon.Input) {
	in.BurstReplicas = -1
	s := observe(t, in)
	out := map[string]bool{}
	for i := range s.Nodes() {
		out[s.Nodes()[i].Name] = r.IntN(2) == 0
	}
	skip := func(i int) bool { return out[s.Nodes()[i].Name] }
	want := daemon.Reconcile(s)
	deletes := map[string]bool{}
	for _, d := range want.Delete {
		deletes[d.Node] = true
	}
	want.Create = slices.DeleteFunc(want.Create, func(c daemon.Create) bool {
		if out[c.Node] && !deletes[c.Node] {
			want.Nodes--
		}
		return out[c.Node]
	})
	if len(want.Create) == 0 {
		want.Create = nil
	}
	if diff := cmp.Diff(want, daemon.ReconcileExcept(s, skip), sameFacts); diff != "" {
		t.Errorf("ReconcileExcept() without %v (-want +got):\n%s", out, diff)
	}
	in.BurstReplicas = 1 + r.IntN(3)
	s = observe(t, in)
	got, first := daemon.ReconcileExcept(s, skip), min(len(want.Create), in.BurstReplicas)
	if diff := cmp.Diff(want.Create[:first], got.Create, sameFacts, cmpopts.EquateEmpty()); diff != "" || got.CreateDeferred != len(want.Create)-first {
		t.Errorf("ReconcileExcept() without %v, at most %d, defers %d, want %d, and creates (-want +got):\n%s", out, in.BurstReplicas, got.CreateDeferred, len(want.Create)-first, diff)
	}
}
