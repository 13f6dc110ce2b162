package daemon

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/placement"
)

// Observe takes a snapshot. It finds the current revision, claims pods, puts each
// one on its node and decides every node, in one pass over nodes and pods:
//
//   - A pod belongs to the DaemonSet that its controller owner reference names,
//     while the selector matches; otherwise the pod is released. An orphan that
//     matches is adopted, unless it or the DaemonSet is being deleted. Pods of other
//     owners are ignored (ClaimObject@v1.37.2). A reference that Claimer.Pod refuses is
//     an error.
//   - A pod counts on the node that TargetNode returns. A pod without a target
//     counts nowhere.
//   - A pod that has failed or succeeded and is being deleted counts nowhere; it
//     keeps its revision in use (getNodesToDaemonPods@v1.37.2).
//
// It fails with a *field.Error that names the wrong field; see
// Input. Malformed affinity is not an error; placement.Matcher.Malformed reports it.
func Observe(in Input) (*Snapshot, error) {
	claimer, err := NewClaimer(in.DaemonSet)
	if err != nil {
		return nil, err
	}
	if err := checkDefaults(in.DaemonSet); err != nil {
		return nil, err
	}
	in.Naming = in.Naming.WithDefaults()
	if err := in.Naming.check(in.DaemonSet.Name); err != nil {
		return nil, err
	}
	revisions, err := observeRevisions(&in, claimer)
	if err != nil {
		return nil, err
	}
	matcher := placement.Compile(&in.DaemonSet.Spec.Template, in.Placement)
	nodes, err := decideNodes(in.Nodes, matcher)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		in:         in,
		claimer:    claimer,
		matcher:    matcher,
		builder:    newPodBuilder(in.DaemonSet, claimer.owner, in.Naming, revisions.hash),
		generation: templateGeneration(in.DaemonSet),
		surge:      allowsSurge(in.DaemonSet),
		revisions:  revisions,
		nodes:      nodes,
	}
	if err := s.placePods(in.Pods); err != nil {
		return nil, err
	}
	if err := s.checkTime(); err != nil {
		return nil, err
	}
	s.in.Nodes, s.in.Pods, s.in.Revisions = nil, nil, nil
	s.sort(len(nodes))
	s.tallyAll()
	return s, nil
}

// blockSize is the number of pods that placePods reads together.
const blockSize = 64

// draft is what placePods knows about a pod so far.
type draft struct {
	namespace, name, node string
	nodeHash              uint64
	owners                []metav1.OwnerReference
	labels                map[string]string
	conditions            []corev1.PodCondition
	deleting              bool

	owner    *metav1.OwnerReference
	relation owner.Relation
	labelled bool
	claim    Claim
	hash     string
	ready    *corev1.PodCondition
	at       int
}

// placePods claims pods and puts each on its node. It adds nodes that do not exist but
// have pods.
//
// Nearly all of its time is spent waiting for memory, because a pod is spread over a
// dozen places. It takes pods by the block and follows one pointer at a time for all of
// them, so that the processor waits for many at once. Pod by pod,
// BenchmarkSync/settled-shuffled/15000 takes half as long again.
func (s *Snapshot) placePods(pods []*corev1.Pod) error {
	place := placer{s: s, positions: newNodeTable(s.nodes), pods: pods, states: make([]PodState, 0, len(pods))}
	names := newNameHashes(len(pods))
	var drafts [blockSize]draft
	for from := 0; from < len(pods); from += blockSize {
		part := pods[from:min(from+blockSize, len(pods))]
		block := drafts[:len(part)]
		for i, pod := range part {
			if pod == nil {
				return field.Required(field.NewPath("pods").Index(from+i), "")
			}
			d := &block[i]
			d.namespace, d.name, d.node = pod.Namespace, pod.Name, pod.Spec.NodeName
			d.owners, d.labels, d.conditions = pod.OwnerReferences, pod.Labels, pod.Status.Conditions
			d.deleting = pod.DeletionTimestamp != nil
		}
		for i := range block {
			d := &block[i]
			d.owner = owner.Controller(d.owners)
			d.labelled = len(d.labels) > 0
		}
		for i := range block {
			d := &block[i]
			d.relation = s.claimer.concerns(d.namespace, d.owner)
		}
		for i := range block {
			d := &block[i]
			d.hash = ""
			if d.relation == owner.Own && d.labelled {
				d.hash = d.labels[s.in.Naming.RevisionHashLabel]
			}
		}
		for i := range block {
			d := &block[i]
			d.claim = ClaimIgnore
			if d.relation == owner.Own {
				d.claim = s.claimer.claim(d.owner, d.deleting, s.claimer.matches(d.labels))
			}
		}
		for i := range block {
			d := &block[i]
			d.ready = readyCondition(d.conditions)
		}
		for i := range block {
			d := &block[i]
			d.nodeHash = place.positions.hash(d.node)
			if d.relation == owner.Own {
				names.set(from+i, d.name)
			}
		}
		for i := range block {
			d := &block[i]
			d.at = place.positions.find(d.nodeHash, d.node)
		}
		for i, pod := range part {
			switch d := &block[i]; d.relation {
			case owner.Own:
				if err := place.pod(from+i, d); err != nil {
					return err
				}
			case owner.Contradictory:
				return s.claimer.owner.Contradiction(field.NewPath("pods").Index(from+i), "pod", pod)
			}
		}
	}
	if at := names.repeated(func(at int) string { return pods[at].Name }); at >= 0 {
		return field.Duplicate(field.NewPath("pods").Index(at).Child("metadata", "name"), pods[at].Name)
	}
	return nil
}

// placer puts pods on nodes.
type placer struct {
	s         *Snapshot
	positions *nodeTable
	pods      []*corev1.Pod
	gone      map[string]int
	states    []PodState
}

func (p *placer) pod(at int, d *draft) error {
	s, pod := p.s, p.pods[at]
	if d.name == "" {
		return field.Required(field.NewPath("pods").Index(at).Child("metadata", "name"), "")
	}
	if d.claim == ClaimIgnore {
		s.unclaimed = append(s.unclaimed, pod)
		return nil
	}
	if d.claim != ClaimKeep {
		s.claims = append(s.claims, s.podClaim(pod, d.claim))
	}
	if !d.claim.Owned() {
		return nil
	}
	name, uncounted := target(pod)
	if uncounted != nil {
		s.uncounted = append(s.uncounted, *uncounted)
		return nil
	}
	node := d.at
	if node < 0 && d.node == "" {
		node = p.positions.find(p.positions.hash(name), name)
	}
	if node < 0 {
		var ok bool
		if node, ok = p.gone[name]; !ok {
			if p.gone == nil {
				p.gone = make(map[string]int)
			}
			node = len(s.nodes)
			p.gone[name] = node
			s.nodes = append(s.nodes, NodeState{Name: name, Decision: s.matcher.Decide(nil)})
		}
	}
	state := s.podState(pod, d.claim, d.hash, d.ready)
	n := &s.nodes[node]
	if n.Pods != nil {
		n.Pods = append(n.Pods, state)
		return nil
	}
	// Most nodes have one pod. Its list is a part of states, which saves an allocation.
	p.states = append(p.states, state)
	last := len(p.states)
	n.Pods = p.states[last-1 : last : last]
	return nil
}

func (s *Snapshot) podClaim(pod *corev1.Pod, claim Claim) PodClaim {
	return PodClaim{Pod: pod, Claim: claim, Patch: s.claimer.Patch(claim, pod.UID)}
}

// target returns the name of the node that an own pod counts on, or else why it
// counts nowhere.
func target(pod *corev1.Pod) (string, *UncountedPod) {
	name, named := TargetNode(pod)
	if finished := pod.DeletionTimestamp != nil && podstatus.Finished(pod); finished || !named {
		return "", &UncountedPod{Pod: pod, Node: name, Finished: finished && named}
	}
	return name, nil
}

// podState returns the facts about an own pod, given its hash label and its true
// Ready condition.
func (s *Snapshot) podState(pod *corev1.Pod, claim Claim, hash string, ready *corev1.PodCondition) PodState {
	return PodState{
		Pod:         pod,
		Adopted:     claim == ClaimAdopt,
		Terminating: pod.DeletionTimestamp != nil,
		Failed:      pod.Status.Phase == corev1.PodFailed,
		Succeeded:   pod.Status.Phase == corev1.PodSucceeded,
		Ready:       ready != nil,
		Available:   ready != nil && availableAt(ready, s.in.DaemonSet.Spec.MinReadySeconds, s.in.Now),
		Updated: hash != "" && hash == s.revisions.hash || s.revisions.relabel && s.revisions.hash != "" ||
			s.generation != "" && pod.Labels[s.in.Naming.TemplateGenerationLabel] == s.generation,
	}
}

// hashOf returns the hash of the revision that a pod was made from; empty if the label is
// missing.
func (s *Snapshot) hashOf(pod *corev1.Pod) string { return pod.Labels[s.in.Naming.RevisionHashLabel] }

// hashMatches reports whether the pod carries the current hash once this pass has
// relabelled it. Unlike PodState.Updated it does not look at the template
// generation, and two missing hashes match (podsShouldBeOnNode@v1.37.2).
func (s *Snapshot) hashMatches(pod *corev1.Pod) bool {
	return s.revisions.relabel || s.hashOf(pod) == s.revisions.hash
}

// sort makes the order independent of the input. ordered is how many nodes at the
// beginning of the list are in order already.
func (s *Snapshot) sort(ordered int) {
	for i := range s.nodes {
		if len(s.nodes[i].Pods) > 1 {
			sortPods(s.nodes[i].Pods)
		}
	}
	if len(s.nodes) > ordered {
		slices.SortFunc(s.nodes, compareNodes)
	}
	slices.SortFunc(s.claims, compareClaims)
	slices.SortFunc(s.uncounted, compareUncounted)
}

func sortPods(pods []PodState) {
	slices.SortFunc(pods, func(a, b PodState) int { return podstatus.Compare(a.Pod, b.Pod) })
}

func compareNodes(a, b NodeState) int        { return strings.Compare(a.Name, b.Name) }
func compareClaims(a, b PodClaim) int        { return strings.Compare(a.Pod.Name, b.Pod.Name) }
func compareUncounted(a, b UncountedPod) int { return strings.Compare(a.Pod.Name, b.Pod.Name) }
