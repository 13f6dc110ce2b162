package health

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
)

// Memory is what Assess remembers from one assessment to the next. Assess returns it in
// Assessment.Memory and takes it in Options.Memory. It can be stored as JSON, for instance in
// the status of a custom resource. The zero Memory remembers nothing.
//
// It is about one revision of one DaemonSet. With another current revision it begins anew, and
// remembers that a rollout has begun. With another UID it begins anew as if there were none. A
// new generation with the same template, such as a change of maxUnavailable, changes nothing.
//
// Times have the precision of a second. Keep a Memory for each DaemonSet, and use each once,
// in the order of the snapshots. Several observers need one each. How often to assess is the
// caller's choice: pods that fail and are replaced are noticed if each assessment finds another
// pod than the one before.
type Memory struct {
	// UID is the DaemonSet's.
	UID types.UID `json:"uid,omitempty"`
	// RevisionHash is the hash label of the current revision. If it is empty, there is no
	// memory.
	RevisionHash string `json:"revisionHash,omitempty"`
	// SawRollout says that an assessment has seen a rollout of this revision: there was an
	// outdated pod on a node that exists and that the policy does not ignore, another
	// revision was current before, or the DaemonSet was younger than DefaultPatience and not
	// complete.
	SawRollout bool `json:"sawRollout,omitempty"`
	// Time is the time of the last assessment.
	Time metav1.Time `json:"time,omitzero"`
	// RevisionSince is the time of the first assessment of this revision, if another revision was
	// current in the one before and this one existed already, as after an undo. Otherwise it is zero.
	RevisionSince metav1.Time `json:"revisionSince,omitzero"`
	// CompleteSince is since when the rollout is complete. If no object had a time, it is the
	// time of the assessment. It is zero if the last assessment that saw nodes was neither
	// StateComplete nor StateDeleting. It is not set while the policy ignores a node that is not
	// complete.
	//
	// Pods that fail one after the other, and containers that crash again and again, clear it if
	// the failures began less than DefaultPatience after CompleteSince: pods that are ready for a
	// moment do not complete a rollout. Later failures are a disruption of a complete rollout. A
	// daemon.BackoffEntry whose Last is not after CompleteSince says nothing about later pods.
	CompleteSince metav1.Time `json:"completeSince,omitzero"`
	// Nodes are eligible nodes with a pod of the current template that are not complete, those on
	// which such a pod was replaced, and those on which containers crash again and again, ordered by
	// name. What is known about a node stays while the policy ignores it. They are at most MemoryNodes;
	// nodes with replaced pods come first. On the nodes that are left out, a new pod is a
	// change, unless pods are replaced again and again on most of these.
	Nodes []NodeMemory `json:"nodes,omitempty"`
}

// MemoryNodes is how many nodes a Memory has at most.
const MemoryNodes = 500

// NodeMemory is what a Memory holds about one node.
type NodeMemory struct {
	// Node is the node's name.
	Node string `json:"node"`
	// Pod is the name of the node's youngest pod of the current template. It is empty if that
	// pod was terminating.
	Pod string `json:"pod,omitempty"`
	// Created is the creation time of that pod.
	Created metav1.Time `json:"created,omitzero"`
	// Replaced is how often an assessment has found another pod than the assessment before.
	// A pod that was seen terminating does not count: somebody deleted it, because a failed pod
	// disappears at once.
	//
	// The count is zero again once a pod has been available for DefaultPatience, and when an
	// assessment finds no further pod half an hour after LastReplaced, like daemon.Backoff.
	//
	// The snapshot's Backoff may know of more failures, unless RecoveredAt is set. If
	// daemon.Snapshot.FailuresInARow is at least two and higher than the count, it is the count.
	// Another pod then counts only if BackoffEntry.Last is after LastReplaced: the count has earlier
	// failures already.
	Replaced int `json:"replaced,omitempty"`
	// LastReplaced is the time of the last assessment that found another pod. If FailuresInARow
	// is at least two and BackoffEntry.Last is later, it is that time.
	LastReplaced metav1.Time `json:"lastReplaced,omitzero"`
	// FailingSince is when the first of these pods failed. If no assessment has seen it as a
	// failed pod, it is the creation time of the first successor that an assessment saw, or what
	// the snapshot's Backoff says, whichever is earlier. It does not become later until the row of
	// failures ends.
	FailingSince metav1.Time `json:"failingSince,omitzero"`
	// RecoveredAt is when the pod became available that ended a row of failures, or that followed a
	// single one. The snapshot's Backoff adds later failures to the same row, so while RecoveredAt is
	// set, failures that only the Backoff shows do not count. It is zero again when the node's entry
	// in the Backoff has expired. Without an entry it is zero half an hour after that pod became
	// available.
	RecoveredAt metav1.Time `json:"recoveredAt,omitzero"`
	// CrashLoops are the containers of pods on the node that crash again and again.
	CrashLoops []CrashLoop `json:"crashLoops,omitempty"`
}

// CrashLoop is what a Memory holds about a container that crashes again and again.
type CrashLoop struct {
	// Pod is the name of the pod.
	Pod string `json:"pod"`
	// Created is the creation time of the pod.
	Created metav1.Time `json:"created,omitzero"`
	// Container is the name of the container.
	Container string `json:"container"`
	// Since is when it began to crash. A status has the times of the last run only, so this is an
	// estimate. That of the first assessment that finds the loop is kept, because it supposes the
	// least.
	Since metav1.Time `json:"since,omitzero"`
	// Terminations is how often the container had terminated by the last assessment. If the kubelet
	// has begun to count anew since, which its delay shows, this is another loop.
	Terminations int `json:"terminations,omitempty"`
}

const (
	// again is how many replaced pods are a row of failures.
	again = 2
	// forgottenAfter is how long a row of failures is remembered after the last one.
	forgottenAfter = 30 * time.Minute
)

// DeepCopyInto copies the memory into out. It does nothing if the memory or out is nil.
func (m *Memory) DeepCopyInto(out *Memory) {
	if m == nil || out == nil {
		return
	}
	*out = *m
	out.Nodes = slices.Clone(m.Nodes)
	for i := range out.Nodes {
		out.Nodes[i].CrashLoops = slices.Clone(out.Nodes[i].CrashLoops)
	}
}

// DeepCopy returns a copy that shares nothing with the memory. nil gives nil.
func (m *Memory) DeepCopy() *Memory {
	if m == nil {
		return nil
	}
	out := &Memory{}
	m.DeepCopyInto(out)
	return out
}

// next returns the memory with what a snapshot adds about its nodes.
func (m *Memory) next(s *daemon.Snapshot, status rollout.PolicyStatus) Memory {
	before := *m
	out := Memory{UID: s.DaemonSet().UID, RevisionHash: s.RevisionHash(), Time: toSecond(s.Now(), s.Now())}
	switch {
	case before.RevisionHash == "" || before.UID != out.UID:
		before = Memory{}
	case before.RevisionHash != out.RevisionHash:
		if created := revisionCreated(s); !created.After(before.Time.Time) {
			out.RevisionSince = out.Time
		}
		before, out.SawRollout = Memory{}, true
	default:
		out.RevisionSince = before.RevisionSince
	}
	out.SawRollout = out.SawRollout || before.SawRollout
	out.CompleteSince = before.CompleteSince
	if out.Nodes = before.nextNodes(s, status); out.wasComplete() && out.failsSoon(s, status) {
		// The rollout was not complete, so the failures before count as well.
		out.CompleteSince, before.CompleteSince = metav1.Time{}, metav1.Time{}
		out.Nodes = before.nextNodes(s, status)
	}
	if len(out.Nodes) > MemoryNodes {
		slices.SortStableFunc(out.Nodes, func(a, b NodeMemory) int { return -cmp.Compare(min(a.Replaced, 1), min(b.Replaced, 1)) })
		out.Nodes = slices.Clone(out.Nodes[:MemoryNodes])
		slices.SortFunc(out.Nodes, func(a, b NodeMemory) int { return strings.Compare(a.Node, b.Node) })
	}
	return out
}

// nextNodes returns what is remembered about the nodes from now on.
func (m *Memory) nextNodes(s *daemon.Snapshot, status rollout.PolicyStatus) []NodeMemory {
	var nodes []NodeMemory
	for i := range s.Nodes() {
		n := &s.Nodes()[i]
		if !n.Decision.Run || status.Ignores(n.Name) {
			// Nothing is known until the node counts again.
			if node := m.node(n.Name); node.Node != "" && !node.forgotten(s.Now()) {
				node.CrashLoops = slices.Clone(node.CrashLoops)
				nodes = append(nodes, node)
			}
			continue
		}
		if node, ok := m.node(n.Name).next(s, n, m.CompleteSince); ok {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// failsSoon reports whether pods or containers have failed again and again since a time less than
// DefaultPatience after CompleteSince.
func (m *Memory) failsSoon(s *daemon.Snapshot, status rollout.PolicyStatus) bool {
	end := m.CompleteSince.Add(DefaultPatience)
	return slices.ContainsFunc(m.Nodes, func(n NodeMemory) bool { return n.failedBefore(end) }) ||
		slices.ContainsFunc(s.Nodes(), func(n daemon.NodeState) bool {
			if !n.Decision.Run || status.Ignores(n.Name) {
				return false
			}
			c, loops := crashLoopOn(&n, s.Now())
			return loops && m.crashingSince(n.Name, c).Before(end)
		})
}

// node returns what is remembered about a node; zero if that is nothing.
func (m *Memory) node(name string) NodeMemory {
	if i, ok := slices.BinarySearchFunc(m.Nodes, name, func(n NodeMemory, name string) int { return strings.Compare(n.Node, name) }); ok {
		return m.Nodes[i]
	}
	return NodeMemory{}
}

// crashingSince returns when a container that crashes again and again began to: as remembered, or
// else estimated by its status.
func (m *Memory) crashingSince(node string, c podstatus.Container) time.Time {
	n := m.node(node)
	if l := n.crashLoop(c); l != nil {
		return l.Since.Time
	}
	return c.Since(podstatus.ProblemCrashLoop)
}

// next returns what is remembered about an eligible node from now on, and false if that is
// nothing. completeSince is Memory.CompleteSince.
func (m NodeMemory) next(s *daemon.Snapshot, n *daemon.NodeState, completeSince metav1.Time) (NodeMemory, bool) {
	now := s.Now()
	m.Node = n.Name
	if slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Terminating && m.isOf(p.Pod) }) {
		m.Pod, m.Created = "", metav1.Time{} // Somebody deleted it. Its successor is no failure.
	}
	youngest := youngestUpdated(n)
	replaced := youngest != nil && m.Pod != "" && !m.isOf(youngest.Pod)
	if m.forgotten(now) && !replaced {
		m.forget() // If another pod is there, the row has gone on since the last look.
	}
	m.expireRecovery(s)
	e, failures := rowOf(s, n.Name, completeSince, m.RecoveredAt)
	if replaced {
		// An entry that has not changed since has no further failure.
		if last := toSecond(e.Last, now); failures < again || last.After(m.LastReplaced.Time) {
			m.Replaced++
		}
		m.LastReplaced = toSecond(now, now)
	}
	if failures >= again {
		m.Replaced = max(m.Replaced, failures)
		m.LastReplaced = toSecond(podstatus.Latest(m.LastReplaced.Time, e.Last), now)
		// The entry forgets the first failures of a long row, so the earliest time counts.
		if since := e.Last.Add(-e.Delay); m.FailingSince.IsZero() || since.Before(m.FailingSince.Time) {
			m.FailingSince = toSecond(since, now)
		}
	}
	m.noteCrashLoops(n, now)
	if youngest == nil { // Its successor is still to come.
		return m, m.Pod != "" || m.Replaced > 0 || !m.RecoveredAt.IsZero() || len(m.CrashLoops) > 0
	}
	pod := youngest.Pod
	if replaced && m.FailingSince.IsZero() {
		m.FailingSince = toSecond(createdAt(pod).Time, now)
	}
	m.Pod, m.Created = pod.Name, createdAt(pod)
	if youngest.Failed && m.FailingSince.IsZero() {
		m.FailingSince = toSecond(failedAt(pod), now)
	}
	if settled(s, youngest) {
		if _, known := s.BackoffOf(n.Name); m.Replaced > 0 || known {
			m.RecoveredAt = toSecond(availableSince(s, pod), now)
			m.expireRecovery(s)
		}
		m.forget() // What becomes of this pod later is no part of the row.
	}
	return m, m.Replaced > 0 || !m.RecoveredAt.IsZero() || len(m.CrashLoops) > 0 || !rollout.NodeComplete(n)
}

// expireRecovery forgets the end of a row of failures that a Backoff does not have any more.
func (m *NodeMemory) expireRecovery(s *daemon.Snapshot) {
	if e, ok := s.BackoffOf(m.Node); ok && e.Failures(s.Now()) == 0 || !ok && s.Now().Sub(m.RecoveredAt.Time) > forgottenAfter {
		m.RecoveredAt = metav1.Time{}
	}
}

// noteCrashLoops notes which containers crash again and again.
func (m *NodeMemory) noteCrashLoops(n *daemon.NodeState, now time.Time) {
	var loops []CrashLoop
	for i := range n.Pods {
		pod := n.Pods[i].Pod
		if !restarted(pod) {
			continue
		}
		for _, c := range podstatus.Containers(pod) {
			if !c.Loops(now) {
				continue
			}
			l := CrashLoop{Pod: pod.Name, Created: createdAt(pod), Container: c.Status.Name, Terminations: c.Terminations()}
			if was := m.crashLoop(c); was != nil && c.BeforeLoop() < was.Terminations {
				l.Since = was.Since
			} else {
				l.Since = toSecond(c.Since(podstatus.ProblemCrashLoop), now)
			}
			loops = append(loops, l)
		}
	}
	m.CrashLoops = loops
}

// crashLoop returns what is remembered of a container that crashes again and again; nil: nothing.
func (m *NodeMemory) crashLoop(c podstatus.Container) *CrashLoop {
	created := createdAt(c.Pod)
	for i := range m.CrashLoops {
		if l := &m.CrashLoops[i]; l.Pod == c.Pod.Name && l.Created.Equal(&created) && l.Container == c.Status.Name {
			return l
		}
	}
	return nil
}

// isOf reports whether a pod is the remembered one.
func (m *NodeMemory) isOf(pod *corev1.Pod) bool {
	created := createdAt(pod)
	return m.Pod == pod.Name && m.Created.Equal(&created)
}

// forgotten reports whether a row of failures is so long ago that it does not count any more.
func (m *NodeMemory) forgotten(now time.Time) bool {
	return m.Replaced > 0 && now.Sub(m.LastReplaced.Time) > forgottenAfter
}

// forget ends a row of failures.
func (m *NodeMemory) forget() {
	m.Replaced, m.LastReplaced, m.FailingSince = 0, metav1.Time{}, metav1.Time{}
}

// failedBefore reports whether pods fail again and again, since a time before the given one.
func (m *NodeMemory) failedBefore(t time.Time) bool {
	return m.Replaced >= again && m.FailingSince.Time.Before(t)
}

// youngestUpdated returns the youngest pod of the current template on a node that nobody has
// deleted, or nil. A failed pod disappears when it is deleted. Of pods of the same second it is
// the last by name, because the order of NodeState.Pods changes when they are bound.
func youngestUpdated(n *daemon.NodeState) *daemon.PodState {
	var youngest *daemon.PodState
	for i := range n.Pods {
		p := &n.Pods[i]
		if p.Updated && !p.Terminating && (youngest == nil || youngerThan(p.Pod, youngest.Pod)) {
			youngest = p
		}
	}
	return youngest
}

func youngerThan(a, b *corev1.Pod) bool {
	return cmp.Or(createdAt(a).Compare(createdAt(b).Time), strings.Compare(a.Name, b.Name)) > 0
}

// createdAt returns the creation time of a pod with the precision that survives JSON.
func createdAt(pod *corev1.Pod) metav1.Time { return toSecond(pod.CreationTimestamp.Time, time.Time{}) }

// failedAt returns when a failed pod has failed; zero if that is not known.
func failedAt(pod *corev1.Pod) time.Time {
	var at time.Time
	for _, c := range podstatus.Containers(pod) {
		if end := c.Status.State.Terminated; end != nil {
			at = podstatus.Latest(at, end.FinishedAt.Time)
		}
	}
	if ready := podstatus.Condition(pod, corev1.PodReady); at.IsZero() && ready != nil && ready.Status != corev1.ConditionTrue {
		at = ready.LastTransitionTime.Time
	}
	return at
}

// toSecond returns a time with the precision that survives JSON. If it is zero or after
// most, it returns most; a zero most is no limit.
func toSecond(t, most time.Time) metav1.Time {
	if t.IsZero() || !most.IsZero() && t.After(most) {
		t = most
	}
	if t.IsZero() {
		return metav1.Time{}
	}
	return metav1.NewTime(t.UTC().Truncate(time.Second))
}

// wasComplete reports whether the memory is of a complete rollout.
func (m *Memory) wasComplete() bool { return !m.CompleteSince.IsZero() }

// note adds the result of the assessment.
func (m *Memory) note(s *daemon.Snapshot, a *Assessment, fail failures) {
	m.SawRollout = m.SawRollout || a.hasOutdated(s) || a.State != StateComplete && isNew(s)
	switch {
	case a.State == StateDeleting:
	case a.State != StateComplete:
		m.CompleteSince = metav1.Time{}
	case a.leavesOut(s, fail):
		// The rollout of an ignored node is not complete: it goes on when the node is back.
	case !m.wasComplete() && !slices.ContainsFunc(m.Nodes, func(n NodeMemory) bool { return n.Replaced >= again }):
		m.CompleteSince = toSecond(a.LastChange, s.Now())
	}
}

// isNew reports whether the DaemonSet was created so lately that its first rollout cannot have been
// complete for long.
func isNew(s *daemon.Snapshot) bool {
	created := s.DaemonSet().CreationTimestamp
	return !created.IsZero() && s.Now().Sub(created.Time) < DefaultPatience
}

// leavesOut reports whether the policy ignores a node on which the rollout is not complete.
func (a *Assessment) leavesOut(s *daemon.Snapshot, fail failures) bool {
	return slices.ContainsFunc(a.Policy.Ignored, func(ignored rollout.IgnoredNode) bool {
		n := s.Node(ignored.Node)
		if !rollout.NodeComplete(n) {
			return true
		}
		_, unsettled := fail.unsettled(n)
		return unsettled
	})
}
