package rollout

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// World is what Steps assumes about scheduler, nodes and containers. The zero
// World is a healthy one: every pod is bound at once and ready after
// DefaultReadyAfter, and deleted pods take DefaultTermination to end. The
// functions must be pure: they are asked once for each pod, and what they say
// decides what is simulated.
type World struct {
	// Fate says what becomes of a pod: of one that a pass creates, counted from
	// then, and of one that is there at the beginning and not ready, counted from
	// the beginning. node is where it is meant to run. nil: the zero Fate for all.
	Fate func(node *corev1.Node, pod *corev1.Pod) Fate
	// Termination says how long a pod takes to end once it is deleted, or, where
	// it is being deleted at the beginning, from then on. Below zero it never
	// ends. nil: DefaultTermination for all.
	Termination func(pod *corev1.Pod) time.Duration
}

// Fate is what becomes of one pod. The zero Fate is ready after
// DefaultReadyAfter.
type Fate struct {
	// ReadyAfter is how long it takes until the pod is ready; zero means
	// DefaultReadyAfter, below zero never.
	ReadyAfter time.Duration
	// FailsAfter is how long it takes until the pod fails for good; zero means
	// never.
	FailsAfter time.Duration
}

const (
	// DefaultReadyAfter is how long a pod takes to become ready.
	DefaultReadyAfter = 10 * time.Second
	// DefaultTermination is how long a deleted pod takes to end.
	DefaultTermination = 2 * time.Second
)

func (w *World) fate(node *corev1.Node, pod *corev1.Pod) Fate {
	var fate Fate
	if w.Fate != nil {
		fate = w.Fate(node, pod)
	}
	if fate.ReadyAfter == 0 {
		fate.ReadyAfter = DefaultReadyAfter
	}
	return fate
}

func (w *World) termination(pod *corev1.Pod) time.Duration {
	if w.Termination != nil {
		return w.Termination(pod)
	}
	return DefaultTermination
}
