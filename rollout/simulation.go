package rollout

import (
	"container/heap"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
)

// simulation is a cluster in which time passes.
type simulation struct {
	in      Input
	world   World
	tracker *Tracker
	now     time.Time
	pods    map[string]*corev1.Pod
	events  events
	// scheduled and made count events and pods, to number them.
	scheduled, made int

	// serves and served say which nodes, and how many, should run a pod and have
	// an available one that stays.
	serves []bool
	served int

	passes, lowest int
	// begun is the first pass of a new tracker, still to be made, and rollback what a
	// new tracker was made for.
	begun    *Result
	rollback *Rollback
	// progress is when the rollout last came nearer to its end, best how near it
	// was then, failures how often pods failed on a node since, and idle how many
	// passes were made since.
	progress time.Time
	best     int
	failures map[string]int
	idle     int
}

// event is something that happens to a pod.
type event struct {
	at   time.Time
	seq  int
	kind eventKind
	pod  string
	node string
}

type eventKind int

const (
	podReady eventKind = iota + 1
	podFails
	podEnds
	// backoffOver only wakes the controller up.
	backoffOver
)

// events is a heap, the soonest first.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if c := e[i].at.Compare(e[j].at); c != 0 {
		return c < 0
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *events) Push(x any) { *e = append(*e, x.(event)) }

// Pop implements heap.Interface.
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// newSimulation works out the first pass.
func newSimulation(in Input, world World) (*simulation, error) {
	in.AwaitingWrites = false
	tracker, result, err := track(in)
	if err != nil {
		return nil, err
	}
	sim := &simulation{
		in:       in,
		world:    world,
		tracker:  tracker,
		begun:    result,
		now:      in.Now,
		pods:     make(map[string]*corev1.Pod, len(in.Pods)),
		progress: in.Now,
		failures: map[string]int{},
	}
	sim.count()
	for i := range sim.tracker.Snapshot().Nodes() {
		for _, p := range sim.tracker.Snapshot().Nodes()[i].Pods {
			sim.adopt(&sim.tracker.Snapshot().Nodes()[i], p.Pod)
		}
	}
	for _, p := range sim.tracker.Snapshot().LeftOut() {
		sim.pods[p.Pod.Name] = p.Pod
		if p.Finished {
			sim.schedule(sim.world.termination(p.Pod), podEnds, p.Pod.Name, p.Node)
		}
	}
	sim.best, sim.lowest = sim.unfinished(), sim.served
	return sim, nil
}

// track begins with a DaemonSet, and goes on until a revision name is free.
func track(in Input) (*Tracker, *Result, error) {
	tracker, result, err := NewTracker(in)
	for tries := 0; err == nil && result.Outcome == OutcomeCollision && tries < 100; tries++ {
		ds := *in.DaemonSet
		ds.Status = *result.Status
		in.DaemonSet = &ds
		tracker, result, err = NewTracker(in)
	}
	if err == nil && tracker == nil {
		// Deleting, or nothing to select: the controller does nothing, ever.
		err = fmt.Errorf("nothing to simulate: %v", result.Outcome)
	}
	return tracker, result, err
}

// adopt takes over a pod that is there at the beginning.
func (sim *simulation) adopt(n *daemon.NodeState, pod *corev1.Pod) {
	sim.pods[pod.Name] = pod
	switch {
	case pod.DeletionTimestamp != nil, n.Node == nil && pod.Spec.NodeName != "":
		// Pods of nodes that are gone are ended by pod garbage collection.
		sim.schedule(sim.world.termination(pod), podEnds, pod.Name, n.Name)
	case n.Node == nil, pod.Status.Phase == corev1.PodFailed, pod.Status.Phase == corev1.PodSucceeded:
	default:
		if !slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Pod == pod && p.Ready }) {
			sim.begin(n, pod)
		}
	}
}

// begin lets the world decide about a pod.
func (sim *simulation) begin(n *daemon.NodeState, pod *corev1.Pod) {
	fate := sim.world.fate(n.Node, pod)
	if fate.FailsAfter > 0 {
		sim.schedule(fate.FailsAfter, podFails, pod.Name, n.Name)
	}
	if fate.FailsAfter == 0 || fate.ReadyAfter < fate.FailsAfter {
		sim.schedule(fate.ReadyAfter, podReady, pod.Name, n.Name)
	}
}

// schedule plans an event; one that is below zero away never comes.
func (sim *simulation) schedule(in time.Duration, kind eventKind, pod, node string) {
	if in < 0 {
		return
	}
	sim.scheduled++
	heap.Push(&sim.events, event{at: sim.now.Add(in), seq: sim.scheduled, kind: kind, pod: pod, node: node})
}

// apply carries out what a pass writes.
func (sim *simulation) apply(result *Result) error {
	for _, c := range result.Claims {
		sim.claim(c)
	}
	for _, d := range result.Plan.Delete {
		sim.delete(d)
	}
	for _, c := range result.Plan.Create {
		sim.create(c)
	}
	if result.Status != nil {
		sim.tracker.SetStatus(*result.Status)
	}
	if result.Plan.RequeueAfter > 0 {
		sim.schedule(result.Plan.RequeueAfter, backoffOver, "", "")
	}
	result.Snapshot = sim.tracker.Snapshot()
	if result.Rollback.Skipped() {
		return nil
	}
	return sim.goBack(result.Rollback)
}

// goBack gives the DaemonSet another template, and begins anew with it.
func (sim *simulation) goBack(to *Rollback) error {
	in := sim.after()
	in.DaemonSet = to.DaemonSet.DeepCopy()
	in.DaemonSet.Generation++
	in.DaemonSet.Status = sim.tracker.Snapshot().DaemonSet().Status
	tracker, result, err := track(in)
	if err != nil {
		return err
	}
	sim.tracker, sim.begun, sim.rollback = tracker, result, to
	sim.count()
	sim.approach(sim.unfinished())
	return nil
}

// after is the cluster as it is now.
func (sim *simulation) after() Input {
	s := sim.tracker.Snapshot()
	in := sim.in
	in.DaemonSet, in.Now, in.Backoff = s.DaemonSet(), sim.now, s.Backoff()
	in.Pods = make([]*corev1.Pod, 0, len(sim.pods))
	for _, name := range slices.Sorted(maps.Keys(sim.pods)) {
		in.Pods = append(in.Pods, sim.pods[name])
	}
	owner := *metav1.NewControllerRef(in.DaemonSet, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	in.Revisions = append(slices.Clone(sim.tracker.old), sim.tracker.current)
	for i, rev := range in.Revisions {
		if metav1.GetControllerOfNoCopy(rev) == nil { // the first pass adopted it
			adopted := *rev
			adopted.OwnerReferences = append(slices.Clone(rev.OwnerReferences), owner)
			in.Revisions[i] = &adopted
		}
	}
	return in
}

// approach notes how near the end is.
func (sim *simulation) approach(left int) {
	sim.best, sim.progress, sim.idle = left, sim.now, 0
	clear(sim.failures)
}

func (sim *simulation) claim(c daemon.PodClaim) {
	pod := *c.Pod
	if known, ok := sim.pods[pod.Name]; ok {
		pod = *known
	}
	if c.Claim == daemon.ClaimAdopt {
		owner := metav1.NewControllerRef(sim.tracker.Snapshot().DaemonSet(), appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
		pod.OwnerReferences = append(slices.Clone(pod.OwnerReferences), *owner)
		sim.set(&pod)
		return
	}
	pod.OwnerReferences = slices.DeleteFunc(slices.Clone(pod.OwnerReferences), func(ref metav1.OwnerReference) bool {
		return ref.Controller != nil && *ref.Controller
	})
	_ = sim.tracker.SetPod(&pod)
}

// set replaces a pod of the DaemonSet by a changed copy.
func (sim *simulation) set(pod *corev1.Pod) {
	sim.pods[pod.Name] = pod
	_ = sim.tracker.SetPod(pod) // fails for nil only
}

// delete does what the API server does: what no kubelet runs is gone at once.
func (sim *simulation) delete(d daemon.Delete) {
	pod := sim.pods[d.Pod.Name]
	if pod == nil || pod.DeletionTimestamp != nil && pod.Spec.NodeName != "" {
		return
	}
	wait := sim.world.termination(pod)
	if pod.Spec.NodeName == "" || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded || wait == 0 {
		sim.remove(pod)
		return
	}
	copied := *pod
	copied.DeletionTimestamp = &metav1.Time{Time: sim.now.Add(max(wait, 0))}
	sim.set(&copied)
	sim.schedule(wait, podEnds, pod.Name, d.Node)
}

func (sim *simulation) remove(pod *corev1.Pod) {
	delete(sim.pods, pod.Name)
	sim.tracker.DeletePod(pod.Name)
}

// create makes a pod and binds it.
func (sim *simulation) create(c daemon.Create) {
	pod := c.Pod
	for pod.Name == "" || sim.pods[pod.Name] != nil {
		sim.made++
		pod.Name = fmt.Sprintf("%s%d", pod.GenerateName, sim.made)
	}
	pod.UID = types.UID(pod.Name)
	pod.CreationTimestamp = metav1.NewTime(sim.now)
	pod.Spec.NodeName = c.Node
	pod.Status.Phase = corev1.PodPending
	sim.set(pod)
	if n, _ := sim.tracker.pods.Node(c.Node); n != nil {
		sim.begin(n, pod)
	}
}

// wait moves time on to the next event, and carries out all that happens then. It
// reports false where nothing will happen any more, or nothing but failures.
func (sim *simulation) wait(requeue time.Duration) bool {
	if requeue > 0 {
		sim.schedule(requeue, backoffOver, "", "")
	}
	at, ok := sim.tracker.pods.NextAvailable()
	if len(sim.events) > 0 && (!ok || sim.events[0].at.Before(at)) {
		at, ok = sim.events[0].at, true
	}
	if !ok || sim.hopeless() {
		return false
	}
	sim.now = at
	sim.tracker.pods.Advance(at, sim.tracker.Snapshot().Backoff())
	for len(sim.events) > 0 && !sim.events[0].at.After(at) {
		sim.happen(heap.Pop(&sim.events).(event))
	}
	sim.enterChanges()
	return true
}

func (sim *simulation) happen(e event) {
	pod := sim.pods[e.pod]
	if pod == nil {
		return
	}
	if e.kind == podEnds {
		sim.remove(pod)
		return
	}
	if pod.DeletionTimestamp != nil {
		return
	}
	copied := *pod
	if e.kind == podFails {
		copied.Status = corev1.PodStatus{Phase: corev1.PodFailed}
		sim.failures[e.node]++
	} else {
		copied.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{
			Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(sim.now),
		}}}
	}
	sim.set(&copied)
}

// tooOften is how often pods fail on one node, without anything getting better,
// until more of the same is not waited for.
const tooOften = 3

// hopeless reports whether all that is going to happen concerns nodes on which
// pods fail again and again.
func (sim *simulation) hopeless() bool {
	if len(sim.failures) == 0 {
		return false
	}
	if _, ok := sim.tracker.pods.NextAvailable(); ok {
		return false
	}
	for _, e := range sim.events {
		if e.kind != backoffOver && sim.failures[e.node] < tooOften && sim.pods[e.pod] != nil {
			return false
		}
	}
	return slices.Max(slices.Collect(maps.Values(sim.failures))) >= tooOften
}

// enterChanges brings ledger and counters up to date.
func (sim *simulation) enterChanges() {
	positions, all := sim.tracker.enterChanges()
	if all {
		sim.count()
	}
	nodes := sim.tracker.Snapshot().Nodes()
	for _, i := range positions {
		sim.serve(i, &nodes[i])
	}
	if left := sim.unfinished(); left < sim.best {
		sim.approach(left)
	}
}

// count looks at every node anew.
func (sim *simulation) count() {
	nodes := sim.tracker.Snapshot().Nodes()
	sim.serves, sim.served = make([]bool, len(nodes)), 0
	for i := range nodes {
		sim.serve(i, &nodes[i])
	}
}

func (sim *simulation) serve(i int, n *daemon.NodeState) {
	serves := n.Decision.Run && slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Available && !p.Terminating })
	if serves == sim.serves[i] {
		return
	}
	sim.serves[i] = serves
	if serves {
		sim.served++
	} else {
		sim.served--
	}
}

// String lists the writes of the pass below its number, its time since the given
// moment is left to the caller.
func (p *Pass) String() string {
	if p == nil {
		return "no pass"
	}
	lines := []string{fmt.Sprintf("pass %d at %s: %d of %d available", p.Number, p.Time.UTC().Format(time.TimeOnly), p.Available, p.Desired)}
	for line := range strings.SplitSeq(p.Result.String(), "\n") {
		lines = append(lines, "  "+line)
	}
	if p.End != nil {
		lines = append(lines, p.End.String())
	}
	return strings.Join(lines, "\n")
}

// shownEnd is how many nodes the text of an end names.
const shownEnd = 10

// String says how it ended, and, where it did not finish, on which nodes and why, a
// line each; of many nodes the first.
func (e *End) String() string {
	if e == nil {
		return "not at its end"
	}
	at := e.Time.UTC().Format(time.TimeOnly)
	if e.Finished {
		back := ""
		if e.Rollback != nil {
			back = fmt.Sprintf(", back on revision %s", e.Rollback.Revision.Name)
		}
		return fmt.Sprintf("finished at %s after %d passes, at least %d available%s", at, e.Passes, e.LowestAvailable, back)
	}
	state := "stuck"
	if e.Waiting {
		state = "waiting for somebody"
	}
	lines := []string{fmt.Sprintf("%s since %s after %d passes, at least %d available, on:", state, at, e.Passes, e.LowestAvailable)}
	for i, n := range e.On {
		if i == shownEnd {
			lines = append(lines, "  and "+plural(len(e.On)-i, "more node"))
			break
		}
		lines = append(lines, "  "+n.String())
	}
	if e.Last != nil && e.Last.Empty() {
		if e.Last.Held != nil {
			lines = append(lines, heldSentence(e.Last.Held))
		}
		if e.Last.Step.narrowed() {
			lines = append(lines, e.Last.Step.lines())
		}
	}
	return strings.Join(lines, "\n")
}
