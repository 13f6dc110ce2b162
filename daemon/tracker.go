package daemon

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/indexset"
)

// Tracker keeps a Snapshot up to date while pods and nodes change, so that a
// change costs what it touches and not a pass over the cluster. It answers what
// Reconcile and Status answer for a fresh snapshot of the same facts.
//
// It is for one DaemonSet with one template: make a new Tracker when the
// DaemonSet changes. A new or a removed node costs as much as making one. A
// Tracker is not safe for concurrent use. The objects given to it are read-only
// from then on.
type Tracker struct {
	s *Snapshot
	// homes says on which node, by name, a pod counts. Pods that are left out
	// or claimed only are in the maps below.
	homes   map[string]string
	claims  map[string]PodClaim
	leftOut map[string]LeftOut

	counts  nodeCounts
	counted []nodeCounts // what each node adds to counts
	missing *indexset.Set
	busy    *indexset.Set
	changed []int
	moved   bool
	soon    waitingPods
}

// NewTracker starts with the facts of in, and fails where Observe does.
func NewTracker(in Input) (*Tracker, error) {
	in.Nodes = slices.Clone(in.Nodes)
	s, err := Observe(in)
	if err != nil {
		return nil, err
	}
	t := &Tracker{s: s, homes: make(map[string]string, len(in.Pods)), claims: map[string]PodClaim{}, leftOut: map[string]LeftOut{}}
	for _, c := range s.claims {
		t.claims[c.Pod.Name] = c
	}
	for _, l := range s.leftOut {
		t.leftOut[l.Pod.Name] = l
	}
	for i := range s.nodes {
		for _, p := range s.nodes[i].Pods {
			t.homes[p.Pod.Name] = s.nodes[i].Name
		}
	}
	t.rebuild()
	return t, nil
}

// rebuild works out everything that is kept by position.
func (t *Tracker) rebuild() {
	t.counts = nodeCounts{}
	t.counted = make([]nodeCounts, len(t.s.nodes))
	t.missing, t.busy = indexset.New(len(t.s.nodes)), indexset.New(len(t.s.nodes))
	t.soon = nil
	for i := range t.s.nodes {
		for _, p := range t.s.nodes[i].Pods {
			t.await(&p)
		}
		t.recount(i)
	}
	t.changed, t.moved = nil, true
}

// recount works out what a node adds to the counters and whether there is
// anything to do about it.
func (t *Tracker) recount(i int) {
	n := &t.s.nodes[i]
	c := n.count()
	t.counts.add(t.counted[i], -1)
	t.counted[i] = c.counts()
	for _, p := range n.Pods {
		t.counted[i].waiting += one(p.Ready && !p.Available)
	}
	t.counts.add(t.counted[i], 1)

	missing := n.Decision.Run && len(n.Pods) == 0
	t.missing.Put(i, missing)
	t.busy.Put(i, !missing && t.s.busy(n))
	t.changed = append(t.changed, i)
}

// busy reports whether a node with pods, or one that should not run any, may
// need something: it is false only where reconciling it surely does nothing.
func (s *Snapshot) busy(n *NodeState) bool {
	switch len(n.Pods) {
	case 0:
		return false
	case 1:
		p := &n.Pods[0]
		quiet := !p.Failed && !p.Succeeded && n.Node != nil
		if p.Terminating {
			return !quiet || s.allowsSurge()
		}
		return !quiet || !n.Decision.Keep
	}
	return true
}

// Snapshot returns the facts as they are now. It is valid until the next change
// and shares everything with the Tracker: read-only.
func (t *Tracker) Snapshot() *Snapshot {
	t.s.claims = slices.SortedFunc(maps.Values(t.claims), func(a, b PodClaim) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
	t.s.leftOut = slices.SortedFunc(maps.Values(t.leftOut), func(a, b LeftOut) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
	return t.s
}

// Changed returns the positions among Snapshot.Nodes on which something has
// changed since the last call, in the order of the changes and perhaps more than
// once. Where moved is true nodes were added or removed since, so that every
// position means something else; positions is nil then. The first call of all
// says so too.
func (t *Tracker) Changed() (positions []int, moved bool) {
	positions, moved = t.changed, t.moved
	t.changed, t.moved = t.changed[:0:0], false
	if moved {
		return nil, true
	}
	return positions, false
}

// Node returns the state of one node by name, and its position among
// Snapshot.Nodes; nil and -1 where there is none. Read-only, and valid until the
// next change.
func (t *Tracker) Node(name string) (*NodeState, int) {
	i, ok := t.position(name)
	if !ok {
		return nil, -1
	}
	return &t.s.nodes[i], i
}

func (t *Tracker) position(name string) (int, bool) {
	return slices.BinarySearchFunc(t.s.nodes, name, func(n NodeState, name string) int { return strings.Compare(n.Name, name) })
}

// SetPod tells about a pod that is new or has changed, and fails where it is nil.
// Pods of other namespaces and owners are passed over, as in Observe.
func (t *Tracker) SetPod(pod *corev1.Pod) error {
	if pod == nil {
		return field.Required(field.NewPath("pod"), "")
	}
	if pod.Namespace != t.s.in.DaemonSet.Namespace {
		return nil
	}
	t.forget(pod.Name)
	claim := t.s.claimer.Pod(pod)
	if claim == ClaimAdopt || claim == ClaimRelease {
		t.claims[pod.Name] = PodClaim{Pod: pod, Claim: claim, Patch: t.s.claimer.Patch(claim, pod.UID)}
	}
	if !claim.Owned() {
		return nil
	}
	name, named := TargetNode(pod)
	if finished := pod.DeletionTimestamp != nil && podTerminal(pod); finished || !named {
		t.leftOut[pod.Name] = LeftOut{Pod: pod, Node: name, Finished: finished && named}
		return nil
	}
	t.homes[pod.Name] = name
	i, ok := t.position(name)
	if !ok {
		t.s.nodes = slices.Insert(t.s.nodes, i, NodeState{Name: name, Decision: t.s.matcher.Decide(nil)})
		t.rebuild()
	}
	n := &t.s.nodes[i]
	state := t.s.podState(pod, claim, pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], readyCondition(pod.Status.Conditions))
	t.await(&state)
	// A list of one pod may be a piece of an array: never write into it.
	pods := append(slices.Clip(n.Pods), state)
	slices.SortFunc(pods, func(a, b PodState) int { return comparePods(a.Pod, b.Pod) })
	n.Pods = pods
	t.recount(i)
	return nil
}

// DeletePod tells that the named pod of the DaemonSet's namespace is gone. A name
// that is not known changes nothing.
func (t *Tracker) DeletePod(name string) { t.forget(name) }

func (t *Tracker) forget(pod string) {
	delete(t.claims, pod)
	delete(t.leftOut, pod)
	home, ok := t.homes[pod]
	if !ok {
		return
	}
	delete(t.homes, pod)
	i, _ := t.position(home)
	n := &t.s.nodes[i]
	pods := make([]PodState, 0, len(n.Pods))
	for _, p := range n.Pods {
		if p.Pod.Name != pod {
			pods = append(pods, p)
		}
	}
	n.Pods = pods
	if len(pods) == 0 && n.Node == nil {
		t.s.nodes = slices.Delete(t.s.nodes, i, i+1)
		t.rebuild()
		return
	}
	t.recount(i)
}

// SetNode tells about a node that is new or has changed, and fails where it is nil
// or has no name.
func (t *Tracker) SetNode(node *corev1.Node) error {
	if node == nil {
		return field.Required(field.NewPath("node"), "")
	}
	if node.Name == "" {
		return field.Required(field.NewPath("node", "metadata", "name"), "")
	}
	i, ok := t.position(node.Name)
	if !ok {
		t.s.nodes = slices.Insert(t.s.nodes, i, NodeState{Name: node.Name})
	}
	n := &t.s.nodes[i]
	n.Node, n.Decision = node, t.s.matcher.Decide(node)
	if !ok {
		t.rebuild()
		return nil
	}
	t.recount(i)
	return nil
}

// DeleteNode tells that the named node is gone. Its pods stay until DeletePod. A
// name that is not known changes nothing.
func (t *Tracker) DeleteNode(name string) {
	i, ok := t.position(name)
	switch {
	case !ok:
		return
	case len(t.s.nodes[i].Pods) == 0:
		t.s.nodes = slices.Delete(t.s.nodes, i, i+1)
		t.rebuild()
	default:
		n := &t.s.nodes[i]
		n.Node, n.Decision = nil, t.s.matcher.Decide(nil)
		t.recount(i)
	}
}

// Advance moves the time on and takes over the backoff of the pass before. Time
// that goes back is taken as it is, but pods that were available stay so.
func (t *Tracker) Advance(now time.Time, backoff Backoff) {
	t.s.in.Now, t.s.in.Backoff = now, backoff
	for len(t.soon) > 0 && !t.soon[0].at.After(now) {
		next := heap.Pop(&t.soon).(waitingPod)
		i, ok := t.position(t.homes[next.pod.Name])
		if !ok {
			continue
		}
		pods := slices.Clone(t.s.nodes[i].Pods)
		for j := range pods {
			if pods[j].Pod == next.pod {
				pods[j].Available = true
				t.s.nodes[i].Pods = pods
				t.recount(i)
			}
		}
	}
}

// Holds reports whether the named pod counts, or keeps its revision in use: it is
// the DaemonSet's and names a node.
func (t *Tracker) Holds(pod string) bool {
	_, counts := t.homes[pod]
	return counts || t.leftOut[pod].Finished
}

// Waiting reports whether a pod is ready that is not available yet, which is when
// StatusRequeue asks to look again.
func (t *Tracker) Waiting() bool { return t.counts.waiting > 0 }

// SetStatus tells that the DaemonSet has a new status. The DaemonSet given to
// NewTracker is not changed.
func (t *Tracker) SetStatus(status appsv1.DaemonSetStatus) {
	ds := *t.s.in.DaemonSet
	ds.Status = status
	t.s.in.DaemonSet = &ds
}

// NextAvailable returns when the next pod becomes available by time alone, and
// false where none will.
func (t *Tracker) NextAvailable() (time.Time, bool) {
	for len(t.soon) > 0 {
		next := t.soon[0]
		if n, _ := t.Node(t.homes[next.pod.Name]); n != nil {
			for i := range n.Pods {
				if n.Pods[i].Pod == next.pod && !n.Pods[i].Available {
					return next.at, true
				}
			}
		}
		heap.Pop(&t.soon)
	}
	return time.Time{}, false
}

// await notes when a pod that is ready will be available.
func (t *Tracker) await(p *PodState) {
	if !p.Ready || p.Available {
		return
	}
	if since := readyCondition(p.Pod.Status.Conditions).LastTransitionTime; !since.IsZero() {
		at := since.Add(time.Duration(t.s.in.DaemonSet.Spec.MinReadySeconds) * time.Second)
		heap.Push(&t.soon, waitingPod{at, p.Pod})
	}
}

// Reconcile returns what the function Reconcile returns for the facts as they are
// now.
func (t *Tracker) Reconcile() *Plan {
	s := t.s
	r := newReconciler(s)
	if s.in.DaemonSet.DeletionTimestamp != nil {
		return r.plan
	}
	burst := s.Burst()
	unseen := t.missing.Len()
	missing, busy := t.missing.Next(0), t.busy.Next(0)
	for missing >= 0 || busy >= 0 {
		if missing >= 0 && burst >= 0 && len(r.plan.Create) >= burst {
			missing = -1 // the rest is put off anyhow
			continue
		}
		if busy < 0 || missing >= 0 && missing < busy {
			r.visit(&s.nodes[missing])
			unseen--
			missing = t.missing.Next(missing + 1)
			continue
		}
		r.visit(&s.nodes[busy])
		busy = t.busy.Next(busy + 1)
	}
	plan := r.finish()
	plan.CreateDeferred += unseen
	return plan
}

// Status returns what the function Status returns for the facts as they are now.
func (t *Tracker) Status() appsv1.DaemonSetStatus {
	status := *t.s.in.DaemonSet.Status.DeepCopy()
	if t.s.in.DaemonSet.DeletionTimestamp != nil {
		return status
	}
	t.counts.fill(t.s.in.DaemonSet, &status)
	return status
}

// waitingPod is a ready pod that becomes available at a time.
type waitingPod struct {
	at  time.Time
	pod *corev1.Pod
}

// waitingPods is a heap, the soonest first.
type waitingPods []waitingPod

func (w waitingPods) Len() int { return len(w) }
func (w waitingPods) Less(i, j int) bool {
	return cmp.Or(w[i].at.Compare(w[j].at), strings.Compare(w[i].pod.Name, w[j].pod.Name)) < 0
}
func (w waitingPods) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push implements heap.Interface.
func (w *waitingPods) Push(x any) { *w = append(*w, x.(waitingPod)) }

// Pop implements heap.Interface.
func (w *waitingPods) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
