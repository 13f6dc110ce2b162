package conformance

import (
	"cmp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
)

// State is everything one pass of a controller looks at.
type State struct {
	DaemonSet *appsv1.DaemonSet
	Nodes     []*corev1.Node
	Pods      []*corev1.Pod
	Revisions []*appsv1.ControllerRevision
	Now       time.Time
	Backoff   []Backoff
	// AwaitingWrites is what upstream calls unmet expectations.
	AwaitingWrites bool
	// BurstReplicas is 0 for upstream's own limit.
	BurstReplicas int
	// ComparisonOperators is the feature gate TaintTolerationComparisonOperators.
	ComparisonOperators bool
}

// Backoff is one entry of the memory about failed pods.
type Backoff struct {
	UID                types.UID
	ObservedGeneration int64
	Node               string
	Last               time.Time
	Delay              time.Duration
}

// DeepCopy returns a state that shares nothing with s.
func (s *State) DeepCopy() *State {
	out := *s
	out.DaemonSet = s.DaemonSet.DeepCopy()
	out.Nodes = copyAll(s.Nodes)
	out.Pods = copyAll(s.Pods)
	out.Revisions = copyAll(s.Revisions)
	out.Backoff = slices.Clone(s.Backoff)
	return &out
}

func copyAll[T interface{ DeepCopy() T }](in []T) []T {
	if in == nil {
		return nil
	}
	out := make([]T, len(in))
	for i := range in {
		out[i] = in[i].DeepCopy()
	}
	return out
}

// shallow returns a copy whose lists may be changed, though not the objects in
// them.
func (s *State) shallow() *State {
	out := *s
	out.Nodes = slices.Clone(s.Nodes)
	out.Pods = slices.Clone(s.Pods)
	out.Revisions = slices.Clone(s.Revisions)
	out.Backoff = slices.Clone(s.Backoff)
	return &out
}

// input returns the facts as the library takes them.
func (s *State) input() daemon.Input {
	in := daemon.Input{
		DaemonSet:     s.DaemonSet,
		Nodes:         s.Nodes,
		Pods:          s.Pods,
		Revisions:     s.Revisions,
		Now:           s.Now,
		BurstReplicas: s.BurstReplicas,
		Placement:     placement.Options{ComparisonOperators: s.ComparisonOperators},
	}
	for _, b := range s.Backoff {
		if in.Backoff == nil {
			in.Backoff = daemon.Backoff{}
		}
		in.Backoff[daemon.BackoffKey{UID: b.UID, ObservedGeneration: b.ObservedGeneration, Node: b.Node}] =
			daemon.BackoffEntry{Last: b.Last, Delay: b.Delay}
	}
	return in
}

// options returns the library's options of a pass over the state.
func (s *State) options() rollout.Options {
	return rollout.Options{AwaitingWrites: s.AwaitingWrites}
}

// stateOf returns the facts of an input as a state.
func stateOf(in daemon.Input) *State {
	s := &State{
		DaemonSet: in.DaemonSet, Nodes: in.Nodes, Pods: in.Pods, Revisions: in.Revisions, Now: in.Now,
		BurstReplicas: in.BurstReplicas, ComparisonOperators: in.Placement.ComparisonOperators,
	}
	for key, e := range in.Backoff {
		s.Backoff = append(s.Backoff, Backoff{key.UID, key.ObservedGeneration, key.Node, e.Last, e.Delay})
	}
	sortBackoff(s.Backoff)
	return s
}

// burst is the limit that is in force.
func (s *State) burst() int {
	if s.BurstReplicas == 0 {
		return daemon.DefaultBurstReplicas
	}
	return s.BurstReplicas
}

func (s *State) node(name string) *corev1.Node {
	for _, n := range s.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

func (s *State) pod(name string) *corev1.Pod {
	for _, p := range s.Pods {
		if p.Name == name && p.Namespace == s.DaemonSet.Namespace {
			return p
		}
	}
	return nil
}

func sortBackoff(entries []Backoff) []Backoff {
	slices.SortFunc(entries, func(a, b Backoff) int {
		return cmp.Or(strings.Compare(string(a.UID), string(b.UID)),
			cmp.Compare(a.ObservedGeneration, b.ObservedGeneration), strings.Compare(a.Node, b.Node))
	})
	return entries
}

// targets are the nodes that the pods of the DaemonSet's namespace are on or meant
// for, by the names of the pods.
func (s *State) targets() map[string]string {
	out := make(map[string]string, len(s.Pods))
	for _, p := range s.Pods {
		if p.Namespace == s.DaemonSet.Namespace {
			out[p.Name], _ = daemonutil.GetTargetNodeName(p)
		}
	}
	return out
}
