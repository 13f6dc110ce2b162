package daemon

import (
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// Input is everything Observe looks at: the state of the cluster as far as one
// DaemonSet is concerned, at one moment. Nothing in it is changed.
type Input struct {
	// DaemonSet is required, and its selector must be neither missing nor
	// empty. Fields that the API server would default are taken as they are:
	// pass the result of Default where the object did not come from a server.
	DaemonSet *appsv1.DaemonSet
	// Nodes are all nodes of the cluster, in any order. A nil entry, an empty
	// name and a repeated name are errors.
	Nodes []*corev1.Node
	// Pods are the pods that may belong to the DaemonSet, in any order. Pods of
	// other namespaces and other owners may be among them and are ignored. A
	// nil entry is an error, and so is a pod of the DaemonSet given twice.
	Pods []*corev1.Pod
	// RevisionHash is the label controller-revision-hash of the current
	// ControllerRevision. Where it is empty new pods get no such label and no
	// pod counts as updated by it.
	RevisionHash string
	// Now decides availability and backoff.
	Now time.Time
	// Backoff is the Plan.Backoff of the pass before; nil to begin with.
	Backoff Backoff
	// BurstReplicas limits how many pods one pass creates, and how many it
	// deletes. Zero means DefaultBurstReplicas; below zero means no limit.
	BurstReplicas int
	// Placement adjusts which nodes are eligible.
	Placement placement.Options
}

// DefaultBurstReplicas is how many pods upstream's controller creates, and how
// many it deletes, in one pass at most (BurstReplicas@v1.37.2).
const DefaultBurstReplicas = 250

// Snapshot is what one moment looks like for one DaemonSet: every node with
// the decision about it and the DaemonSet's pods there. Observe builds it once;
// Reconcile, Status and the package rollout read it. It is immutable and safe
// for concurrent use, and refers to the objects of its Input: change those and
// the snapshot is wrong.
type Snapshot struct {
	in      Input
	claimer *Claimer
	matcher *placement.Matcher
	// generation is the deprecated template generation, empty where there is none.
	generation string
	nodes      []NodeState
	claims     []PodClaim
	leftOut    []LeftOut
}

// NodeState is one node in a Snapshot. All it refers to is read-only.
type NodeState struct {
	// Name is the node's name.
	Name string
	// Node is nil where pods are meant for a node that does not exist.
	Node *corev1.Node
	// Decision says whether a pod belongs here and whether one that is here
	// stays. Its Reason is placement.ReasonNoNode where Node is nil.
	Decision placement.Decision
	// Pods are the DaemonSet's pods here, adopted ones among them: pods bound
	// to the node before pods not bound yet, then the oldest first, then by
	// name. The first one stands for the node in the status. Pods listed by
	// Snapshot.LeftOut are not among them.
	Pods []PodState
}

// PodState is one pod in a Snapshot with the facts that decide about it.
type PodState struct {
	// Pod is read-only.
	Pod *corev1.Pod
	// Adopted says that the pod is an orphan which this pass adopts.
	Adopted bool
	// Terminating says that the pod has a deletion timestamp.
	Terminating bool
	// Failed and Succeeded say that the pod's phase is final.
	Failed, Succeeded bool
	// Ready says that the Ready condition is True.
	Ready bool
	// Available says that the pod has been ready for minReadySeconds.
	Available bool
	// Updated says that the pod is of the current template: its hash label is
	// the current revision's or its template generation label is the
	// DaemonSet's (IsPodUpdated@v1.37.2).
	Updated bool
	// sameHash compares the hash labels alone, which is what the choice among
	// several pods of a surging node looks at.
	sameHash bool
}

// PodClaim is a write that settles the ownership of one pod.
type PodClaim struct {
	// Pod is read-only.
	Pod *corev1.Pod
	// Claim is ClaimAdopt or ClaimRelease.
	Claim Claim
	// Patch is the strategic merge patch to send.
	Patch []byte
}

// LeftOut is a pod that is owned by the DaemonSet but stands for no node.
type LeftOut struct {
	// Pod is read-only.
	Pod *corev1.Pod
	// Node is the node that the pod is meant for, empty where it names none.
	Node string
	// Finished says that the pod has failed or succeeded and is being deleted, so
	// that nothing is left to do about it. Otherwise it is left out because it
	// names no node.
	Finished bool
}

// Observe takes a snapshot: it settles which pods are the DaemonSet's, finds
// each one's node, and decides every node, all in one pass over nodes and pods.
//
// It fails with a *field.Error that names the field where the input is wrong;
// Input tells what that means. Malformed affinity is no failure:
// placement.Matcher.Malformed reports it.
func Observe(in Input) (*Snapshot, error) {
	claimer, err := NewClaimer(in.DaemonSet)
	if err != nil {
		return nil, err
	}
	matcher := placement.Compile(&in.DaemonSet.Spec.Template, in.Placement)
	nodes, index, err := decideNodes(in.Nodes, matcher)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{in: in, claimer: claimer, matcher: matcher, generation: templateGeneration(in.DaemonSet), nodes: nodes}
	if err := s.placePods(index); err != nil {
		return nil, err
	}
	if err := s.sort(len(nodes)); err != nil {
		return nil, err
	}
	return s, nil
}

// blockSize is how many pods placePods asks the same question before the next.
const blockSize = 64

// draft is what placePods knows about a pod so far.
type draft struct {
	node       string
	owners     []metav1.OwnerReference
	labels     map[string]string
	conditions []corev1.PodCondition
	deleting   bool

	owner              *metav1.OwnerReference
	concerns, labelled bool
	claim              Claim
	hash               string
	ready              *corev1.PodCondition
	at                 int
}

// placePods claims pods and puts each on its node, adding the nodes that only
// pods know of.
//
// Nearly all of its time goes into waiting for memory: a pod is spread over a
// dozen places that nobody has looked at lately. So it takes pods by the block
// and follows one pointer at a time for all of them; then the processor waits for
// many at once. That is nearly twice as fast as pod by pod.
func (s *Snapshot) placePods(index *nameIndex) error {
	place := placer{s: s, states: make([]PodState, 0, len(s.in.Pods))}
	var drafts [blockSize]draft
	for from := 0; from < len(s.in.Pods); from += blockSize {
		pods := s.in.Pods[from:min(from+blockSize, len(s.in.Pods))]
		block := drafts[:len(pods)]
		for i, pod := range pods {
			if pod == nil {
				return field.Required(field.NewPath("pods").Index(from+i), "")
			}
			d := &block[i]
			d.node, d.owners, d.labels, d.conditions = pod.Spec.NodeName, pod.OwnerReferences, pod.Labels, pod.Status.Conditions
			d.deleting = pod.DeletionTimestamp != nil
		}
		for i := range block {
			d := &block[i]
			d.owner = controllerOf(d.owners)
			d.labelled = len(d.labels) > 0
		}
		for i, pod := range pods {
			d := &block[i]
			d.concerns = s.claimer.concerns(pod.Namespace, d.owner)
		}
		for i := range block {
			d := &block[i]
			d.hash = ""
			if d.concerns && d.labelled {
				d.hash = d.labels[appsv1.DefaultDaemonSetUniqueLabelKey]
			}
		}
		for i := range block {
			d := &block[i]
			d.claim = ClaimIgnore
			if d.concerns {
				d.claim = s.claimer.claim(d.owner, d.deleting, s.claimer.matches(d.labels))
			}
		}
		for i := range block {
			d := &block[i]
			d.ready = readyCondition(d.conditions)
		}
		for i := range block {
			d := &block[i]
			d.at = index.find(s.nodes, d.node)
		}
		for i, pod := range pods {
			if d := &block[i]; d.claim != ClaimIgnore {
				place.pod(pod, d, index)
			}
		}
	}
	return nil
}

// placer puts pods on nodes.
type placer struct {
	s      *Snapshot
	gone   map[string]int
	states []PodState
}

func (p *placer) pod(pod *corev1.Pod, d *draft, index *nameIndex) {
	s := p.s
	if d.claim != ClaimKeep {
		s.claims = append(s.claims, PodClaim{Pod: pod, Claim: d.claim, Patch: s.claimer.Patch(d.claim, pod.UID)})
	}
	if !d.claim.Owned() {
		return
	}
	name, named := TargetNode(pod)
	if finished := d.deleting && podTerminal(pod); finished || !named {
		s.leftOut = append(s.leftOut, LeftOut{Pod: pod, Node: name, Finished: finished && named})
		return
	}
	at := d.at
	if d.node == "" {
		at = index.find(s.nodes, name)
	}
	if at < 0 {
		var ok bool
		if at, ok = p.gone[name]; !ok {
			if p.gone == nil {
				p.gone = make(map[string]int)
			}
			at = len(s.nodes)
			p.gone[name] = at
			s.nodes = append(s.nodes, NodeState{Name: name, Decision: s.matcher.Decide(nil)})
		}
	}
	state := s.podState(pod, d.claim, d.hash, d.ready)
	n := &s.nodes[at]
	if n.Pods != nil {
		n.Pods = append(n.Pods, state)
		return
	}
	// Most nodes have one pod, whose list is then a piece of states.
	p.states = append(p.states, state)
	last := len(p.states)
	n.Pods = p.states[last-1 : last : last]
}

// podState works out the facts about an own pod, given its hash label and its true
// Ready condition.
func (s *Snapshot) podState(pod *corev1.Pod, claim Claim, hash string, ready *corev1.PodCondition) PodState {
	sameHash := hash == s.in.RevisionHash
	return PodState{
		Pod:         pod,
		Adopted:     claim == ClaimAdopt,
		Terminating: pod.DeletionTimestamp != nil,
		Failed:      pod.Status.Phase == corev1.PodFailed,
		Succeeded:   pod.Status.Phase == corev1.PodSucceeded,
		Ready:       ready != nil,
		Available:   ready != nil && availableAt(ready, s.in.DaemonSet.Spec.MinReadySeconds, s.in.Now),
		Updated: hash != "" && sameHash ||
			s.generation != "" && pod.Labels[templateGenerationLabel] == s.generation,
		sameHash: sameHash,
	}
}

// sort brings into order what the order of the input may have left its mark on.
// The first ordered nodes are in order already. It fails where a pod is there
// twice: one of the two would be deleted for the sake of the other.
func (s *Snapshot) sort(ordered int) error {
	for i := range s.nodes {
		pods := s.nodes[i].Pods
		if len(pods) < 2 {
			continue
		}
		slices.SortFunc(pods, func(a, b PodState) int { return comparePods(a.Pod, b.Pod) })
		for j := 1; j < len(pods); j++ {
			if name := pods[j].Pod.Name; name != "" && name == pods[j-1].Pod.Name {
				return field.Duplicate(field.NewPath("pods"), name)
			}
		}
	}
	if len(s.nodes) > ordered {
		slices.SortFunc(s.nodes, func(a, b NodeState) int { return strings.Compare(a.Name, b.Name) })
	}
	slices.SortFunc(s.claims, func(a, b PodClaim) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
	slices.SortFunc(s.leftOut, func(a, b LeftOut) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
	return nil
}

// DaemonSet returns the DaemonSet of the input, read-only.
func (s *Snapshot) DaemonSet() *appsv1.DaemonSet { return s.in.DaemonSet }

// RevisionHash returns the hash of the current revision, as given.
func (s *Snapshot) RevisionHash() string { return s.in.RevisionHash }

// Now returns the moment of the snapshot, as given.
func (s *Snapshot) Now() time.Time { return s.in.Now }

// Backoff returns the backoff of the input, read-only.
func (s *Snapshot) Backoff() Backoff { return s.in.Backoff }

// Burst returns how many pods one pass may create, and how many it may delete.
// It is below zero where there is no limit.
func (s *Snapshot) Burst() int {
	if s.in.BurstReplicas == 0 {
		return DefaultBurstReplicas
	}
	return s.in.BurstReplicas
}

// Matcher returns the compiled placement of the DaemonSet's template.
func (s *Snapshot) Matcher() *placement.Matcher { return s.matcher }

// Nodes returns every node, and every name of a node that does not exist but
// has pods of the DaemonSet, ordered by name. The slice is the snapshot's own:
// read-only.
func (s *Snapshot) Nodes() []NodeState { return s.nodes }

// Claims returns the pods to adopt or release, ordered by pod name; nil where
// nothing is to be written. Read-only.
func (s *Snapshot) Claims() []PodClaim { return s.claims }

// LeftOut returns the DaemonSet's pods that stand for no node, ordered by name:
// those that name no node, and those that are finished and being deleted, which
// still keep their revision from being cleaned up. Read-only.
func (s *Snapshot) LeftOut() []LeftOut { return s.leftOut }

// NewPod returns the pod to create on the named node, as the function NewPod
// does for the snapshot's DaemonSet and hash.
func (s *Snapshot) NewPod(nodeName string) *corev1.Pod {
	return NewPod(s.in.DaemonSet, nodeName, s.in.RevisionHash)
}

// allowsSurge reports whether a node may have two pods at a time. Upstream asks
// with a base of one node, so that every positive percentage counts
// (AllowsSurge@v1.37.2).
func (s *Snapshot) allowsSurge() bool {
	strategy := &s.in.DaemonSet.Spec.UpdateStrategy
	if strategy.Type != appsv1.RollingUpdateDaemonSetStrategyType ||
		strategy.RollingUpdate == nil || strategy.RollingUpdate.MaxSurge == nil {
		return false
	}
	surge, err := intstr.GetScaledValueFromIntOrPercent(strategy.RollingUpdate.MaxSurge, 1, true)
	return err == nil && surge > 0
}
