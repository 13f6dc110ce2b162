package rollout

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Blocker is what one pod, or one node without a pod, has to get over before the
// rollout can end.
type Blocker struct {
	// Node is the node's name.
	Node string
	// Pod is the pod concerned; nil for BlockMissing. Read-only.
	Pod *corev1.Pod
	// Reason is what blocks.
	Reason BlockReason
	// Container is the container that blocks, and Init says whether it is an init
	// container. Empty where it is not a single container's fault.
	Container string
	// Init is told with Container.
	Init bool
	// Image is the image of that container, as the pod asks for it.
	Image string
	// Word is the cluster's own word for it, such as ImagePullBackOff, Evicted or
	// NodeStatusUnknown. It may be empty.
	Word string
	// Message is the cluster's own explanation, such as the scheduler's. It may be
	// empty, and may be long.
	Message string
	// Restarts is how often the container has been restarted, and LastExit the
	// kubelet's word for how it ended last, such as OOMKilled or Error, with
	// ExitCode. They are told with Container.
	Restarts int32
	// LastExit is empty where the container has not ended yet.
	LastExit string
	// ExitCode is zero where LastExit is empty.
	ExitCode int32
	// Since is when it began, as far as the objects tell; of a crash loop it is an
	// estimate from the restarts. Zero where they do not tell.
	Since time.Time
	// Until is when it is over by itself: BlockMinReady and BlockTerminating, and
	// for BlockFailed when the next pod is tried. Zero where nobody knows.
	Until time.Time
}

// BlockReason says what blocks. The earlier ones need somebody to look at them
// most.
type BlockReason int

const (
	// BlockImage: the image of a container cannot be had (ErrImagePull,
	// ImagePullBackOff, InvalidImageName, ErrImageNeverPull, ImageInspectError,
	// RegistryUnavailable).
	BlockImage BlockReason = iota + 1
	// BlockCrashLoop: a container ends again and again, whether it waits for the
	// next try (CrashLoopBackOff) or is at it.
	BlockCrashLoop
	// BlockContainer: a container cannot be created or started
	// (CreateContainerConfigError, CreateContainerError, PreStartHookError,
	// PostStartHookError, RunContainerError, StartError, ContainerCannotRun).
	BlockContainer
	// BlockUnschedulable: the scheduler cannot place the pod, or must not yet.
	BlockUnschedulable
	// BlockStuckTerminating: the pod is being deleted and its grace period is over.
	BlockStuckTerminating
	// BlockNodeNotReady: the node's Ready condition is not True, so that its
	// kubelet is gone or cannot run pods. Where the kubelet still reports, what it
	// says about the pod goes first: the pod may be what the node needs.
	BlockNodeNotReady
	// BlockNoNode: the pod is on a node that does not exist, and is left to pod
	// garbage collection.
	BlockNoNode
	// BlockFailed: the pod has failed and stays until its backoff is over.
	BlockFailed
	// BlockNotReady: the pod is not ready yet, and nothing tells of a problem.
	BlockNotReady
	// BlockTerminating: the pod is being deleted and within its grace period.
	BlockTerminating
	// BlockMinReady: the pod is ready, but not for minReadySeconds yet.
	BlockMinReady
	// BlockMissing: the node has no pod yet.
	BlockMissing
)

// String returns the reason as half a sentence.
func (r BlockReason) String() string {
	switch r {
	case BlockImage:
		return "image cannot be pulled"
	case BlockCrashLoop:
		return "container keeps crashing"
	case BlockContainer:
		return "container cannot be started"
	case BlockUnschedulable:
		return "cannot be scheduled"
	case BlockStuckTerminating:
		return "terminating past its grace period"
	case BlockNodeNotReady:
		return "node is not ready"
	case BlockNoNode:
		return "node does not exist"
	case BlockFailed:
		return "failed"
	case BlockNotReady:
		return "not ready yet"
	case BlockTerminating:
		return "terminating"
	case BlockMinReady:
		return "ready, but not for long enough"
	case BlockMissing:
		return "no pod yet"
	}
	return fmt.Sprintf("BlockReason(%d)", int(r))
}

// passes reports whether it is over by itself at a time to come.
func (b *Blocker) passes(now time.Time) bool {
	return (b.Reason == BlockMinReady || b.Reason == BlockTerminating) && b.Until.After(now)
}

// String returns a line such as
// `worker-2: agent-zp5hf: image "agent:2" cannot be pulled: ImagePullBackOff`.
// Times have their date and are in UTC.
func (b Blocker) String() string { return b.Node + ": " + b.because(time.Time{}) }

// because is the line without the node, its times as seen from now.
func (b *Blocker) because(now time.Time) string {
	s := b.sentence(now)
	if b.Pod != nil {
		s = cmp.Or(b.Pod.Name, "pod without a name") + ": " + s
	}
	return s
}

func (b *Blocker) sentence(now time.Time) string {
	switch b.Reason {
	case BlockImage:
		return clauses(fmt.Sprintf("image %q cannot be pulled", b.Image), b.Word)
	case BlockCrashLoop:
		return clauses(b.container()+" keeps crashing", b.exits())
	case BlockContainer:
		return clauses(b.container()+" cannot be started", b.Word, b.Message)
	case BlockUnschedulable:
		return clauses(b.Reason.String(), cmp.Or(b.Message, b.Word))
	case BlockStuckTerminating:
		return clauses("terminating"+at(" since ", b.Since, now)+", past its grace period", b.Message)
	case BlockTerminating:
		return "terminating" + at(" until ", b.Until, now)
	case BlockMinReady:
		return "ready" + at(" since ", b.Since, now) + at(", available at ", b.Until, now)
	case BlockNodeNotReady, BlockFailed:
		return clauses(b.Reason.String()+at(" since ", b.Since, now), b.Word, b.Message)
	case BlockNotReady:
		if b.Container != "" {
			return clauses(b.Reason.String(), b.container(), b.Word)
		}
		return clauses(b.Reason.String(), cmp.Or(b.Message, b.Word))
	}
	return b.Reason.String()
}

func (b *Blocker) container() string {
	if b.Init {
		return "init container " + b.Container
	}
	return "container " + b.Container
}

// exits tells of the crashes: "CrashLoopBackOff, 5 restarts, last exit OOMKilled (137)".
func (b *Blocker) exits() string {
	var parts []string
	if b.Word != "" && b.Word != b.LastExit {
		parts = append(parts, b.Word)
	}
	parts = append(parts, plural(int(b.Restarts), "restart"))
	if b.LastExit != "" {
		parts = append(parts, fmt.Sprintf("last exit %s (%d)", b.LastExit, b.ExitCode))
	}
	return strings.Join(parts, ", ")
}

// at writes a time that is known.
func at(word string, t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return word + stamp(t, now)
}

// shownText is how much of a message a sentence has room for.
const shownText = 240

// clauses joins what is there, each on one line, and cut where it is long.
func clauses(parts ...string) string {
	var out []string
	for _, p := range parts {
		p = strings.Join(strings.Fields(p), " ")
		if runes := []rune(p); len(runes) > shownText {
			p = string(runes[:shownText]) + "..."
		}
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}
