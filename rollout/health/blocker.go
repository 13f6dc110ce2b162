package health

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/internal/podstatus"
)

// Blocker is a problem of one pod, or of one node without a pod, that the rollout
// waits for.
type Blocker struct {
	// Node is the node's name.
	Node string
	// Pod is the pod with the problem; nil for BlockerNoPod. Read-only.
	Pod *corev1.Pod
	// Kind says which problem it is.
	Kind BlockerKind
	// NodeReady is the Ready condition of the node if it is not True, for every Kind: it may be why
	// a pod does not terminate. It is nil if the node is ready, does not report, or does not exist.
	// Read-only.
	NodeReady *corev1.NodeCondition
	// Container is the container with the problem; nil if it is not about one
	// container.
	Container *Container
	// Reason is the reason that the kubelet, the scheduler or the node gives, such as
	// ImagePullBackOff, Evicted or NodeStatusUnknown. It may be empty.
	Reason string
	// Message is the message that comes with the reason. It may be empty or long.
	Message string
	// Since is when the problem began. For a crash loop it is an estimate from the
	// restarts; with a Memory it is CrashLoop.Since. It is zero if it is not known.
	Since time.Time
	// Until is when the problem ends by itself, for BlockerMinReady and
	// BlockerTerminating, when it is over if the pod stays available, for BlockerUnsettled and
	// for BlockerCrashLoop of an available pod, or when the failed pod is deleted, for
	// BlockerFailed. It is zero if it is not known.
	Until time.Time
	// FailingSince is since when pods of the node fail and are replaced again and again. It is
	// zero if they do not, or if neither a Backoff nor a Memory says so.
	FailingSince time.Time
}

// Container is the container that a Blocker is about.
type Container struct {
	// Name is the container's name.
	Name string
	// Init says that it is an init container.
	Init bool
	// Image is the image that the pod asks for.
	Image string
	// Restarts is how often the container was restarted, and Terminations how often it has
	// terminated: once more, unless it runs.
	Restarts, Terminations int32
	// LastEnd is how the container terminated last; nil if it never has. Read-only.
	LastEnd *corev1.ContainerStateTerminated
}

// BlockerKind says which problem a Blocker is. The smaller the number, the more the
// problem needs the attention of a person.
type BlockerKind int

const (
	// BlockerImage: the image of a container cannot be pulled (ErrImagePull,
	// ImagePullBackOff, InvalidImageName, ErrImageNeverPull, ImageInspectError,
	// RegistryUnavailable).
	BlockerImage BlockerKind = iota + 1
	// BlockerCrashLoop: a container terminates again and again, or has terminated once and is not
	// ready since. It waits for the next restart (CrashLoopBackOff), or was restarted a short while
	// ago. The pod may be available between two crashes.
	BlockerCrashLoop
	// BlockerCannotStart: a container cannot be created or started
	// (CreateContainerConfigError, CreateContainerError, PreStartHookError,
	// PostStartHookError, RunContainerError, StartError, ContainerCannotRun).
	BlockerCannotStart
	// BlockerUnschedulable: the scheduler cannot place the pod, or the pod has
	// scheduling gates.
	BlockerUnschedulable
	// BlockerStuckTerminating: the pod is terminating past its grace period.
	BlockerStuckTerminating
	// BlockerNodeNotReady: the node's Ready condition is not True. If it is False, the
	// kubelet still reports, and a problem that it reports about the pod comes first:
	// the node may be not ready because of the pod.
	BlockerNodeNotReady
	// BlockerNoNode: the pod is on a node that does not exist. Pod garbage collection
	// deletes it.
	BlockerNoNode
	// BlockerFailed: the pod has failed. It is deleted when its backoff is over.
	BlockerFailed
	// BlockerNotReady: the pod is not ready for no reported reason.
	BlockerNotReady
	// BlockerUnsettled: the pod has been available for less than DefaultPatience, and pods before
	// it have failed again and again.
	BlockerUnsettled
	// BlockerTerminating: the pod is terminating within its grace period.
	BlockerTerminating
	// BlockerMinReady: the pod is ready, but not for minReadySeconds yet.
	BlockerMinReady
	// BlockerNoPod: the node has no pod yet.
	BlockerNoPod
)

// String returns the problem as a short phrase.
func (k BlockerKind) String() string {
	switch k {
	case BlockerImage:
		return "image cannot be pulled"
	case BlockerCrashLoop:
		return "container crashes"
	case BlockerCannotStart:
		return "container cannot start"
	case BlockerUnschedulable:
		return "cannot be scheduled"
	case BlockerStuckTerminating:
		return "terminating past its grace period"
	case BlockerNodeNotReady:
		return "node is not ready"
	case BlockerNoNode:
		return "node does not exist"
	case BlockerFailed:
		return "failed"
	case BlockerNotReady:
		return "not ready"
	case BlockerUnsettled:
		return "available, but pods keep failing"
	case BlockerTerminating:
		return "terminating"
	case BlockerMinReady:
		return "ready, but not for minReadySeconds yet"
	case BlockerNoPod:
		return "no pod"
	}
	return fmt.Sprintf("BlockerKind(%d)", int(k))
}

// ends reports whether the problem ends by itself at a time to come.
func (b *Blocker) ends(now time.Time) bool {
	return (b.Kind == BlockerMinReady || b.Kind == BlockerTerminating) && b.Until.After(now)
}

// String returns a line such as
// `worker-2: agent-zp5hf: image "agent:2" cannot be pulled: ImagePullBackOff`. If pods of the node
// fail again and again, or the node is not ready, the end of the line says so. Times are in UTC.
func (b Blocker) String() string { return b.Node + ": " + Problems([]Blocker{b}) }

// Problems returns what Blocker.String says about the blockers of one node, without the name of
// the node, such as "agent-zp5hf: terminating since 2026-01-01T11:00:00Z, past its grace period;
// node is not ready since 2026-01-01T11:00:00Z: KubeletNotReady". What is true of the node is said
// once. It is empty without blockers.
func Problems(blockers []Blocker) string {
	var parts []string
	var node *corev1.NodeCondition
	var failing time.Time
	said, saidFailing := false, false
	for i := range blockers {
		b := &blockers[i]
		parts = append(parts, b.problem())
		node, said = cmp.Or(node, b.NodeReady), said || b.Kind == BlockerNodeNotReady
		failing, saidFailing = podstatus.Latest(failing, b.FailingSince), saidFailing || b.Kind == BlockerUnsettled
	}
	if !failing.IsZero() && !saidFailing {
		parts = append(parts, "pods keep failing"+at(" since ", failing))
	}
	if node != nil && !said {
		parts = append(parts, nodeNotReady(node.LastTransitionTime.Time, node.Reason, node.Message))
	}
	for i := range parts[:max(0, len(parts)-1)] {
		parts[i] = podstatus.Clause(parts[i])
	}
	return strings.Join(parts, "; ")
}

// nodeNotReady says that a node is not ready, and why.
func nodeNotReady(since time.Time, reason, message string) string {
	return clauses(BlockerNodeNotReady.String()+at(" since ", since), reason, message)
}

// problem names the pod and says what its problem is.
func (b *Blocker) problem() string {
	text := b.sentence()
	if b.Pod != nil {
		text = podName(b.Pod) + ": " + text
	}
	return text
}

func (b *Blocker) sentence() string {
	switch b.Kind {
	case BlockerImage:
		if b.Container != nil {
			return clauses(fmt.Sprintf("image %q cannot be pulled", b.Container.Image), b.Reason)
		}
	case BlockerCrashLoop:
		crashing := " keeps crashing"
		if b.Container != nil && b.Container.Terminations == 1 {
			crashing = " crashed"
		}
		return clauses(b.Container.text()+crashing, b.exits())
	case BlockerCannotStart:
		return clauses(b.Container.text()+" cannot start", b.Reason, b.Message)
	case BlockerStuckTerminating:
		return clauses("terminating"+at(" since ", b.Since)+", past its grace period", b.Message)
	case BlockerTerminating:
		return "terminating" + at(" until ", b.Until)
	case BlockerMinReady:
		if !b.Since.IsZero() {
			return "ready" + at(" since ", b.Since) + at(", available at ", b.Until)
		}
	case BlockerUnsettled:
		return b.Kind.String() + at(" since ", b.Since)
	case BlockerNodeNotReady:
		return nodeNotReady(b.Since, b.Reason, b.Message)
	case BlockerFailed:
		if b.Container != nil {
			return clauses("failed"+at(" since ", b.Since), b.Container.text(), b.Container.exit())
		}
		return clauses("failed"+at(" since ", b.Since), b.Reason, b.Message)
	case BlockerNotReady:
		if b.Container != nil {
			return clauses(b.Kind.String(), b.Container.text(), b.Reason)
		}
	}
	return clauses(b.Kind.String(), cmp.Or(b.Message, b.Reason))
}

// exits describes a crash loop: "CrashLoopBackOff, 5 restarts, last exit OOMKilled (137)".
func (b *Blocker) exits() string {
	var parts []string
	if b.Reason != "" {
		parts = append(parts, b.Reason)
	}
	if b.Container != nil {
		parts = append(parts, plural(int(b.Container.Restarts), "restart"))
		if exit := b.Container.exit(); exit != "" {
			parts = append(parts, exit)
		}
	}
	return strings.Join(parts, ", ")
}

// text names the container, which may be nil.
func (c *Container) text() string {
	switch {
	case c == nil:
		return "container"
	case c.Init:
		return "init container " + c.Name
	}
	return "container " + c.Name
}

// exit describes how the container terminated last; empty if it never has.
func (c *Container) exit() string {
	if c.LastEnd == nil {
		return ""
	}
	return fmt.Sprintf("last exit %s (%d)", cmp.Or(c.LastEnd.Reason, "exit"), c.LastEnd.ExitCode)
}

// podName returns the name of a pod, which may be nil.
func podName(pod *corev1.Pod) string {
	if pod == nil {
		return "<nil>"
	}
	return cmp.Or(pod.Name, "pod without a name")
}

// at returns a word and a time, or nothing if the time is not known.
func at(word string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return word + t.UTC().Format(time.RFC3339)
}

// mostText is how long a message in a sentence may be.
const mostText = 240

// clauses joins the parts that are not empty. It puts each on one line and cuts it
// if it is long.
func clauses(parts ...string) string {
	var out []string
	for _, p := range parts {
		p = strings.Join(strings.Fields(p), " ")
		if runes := []rune(p); len(runes) > mostText {
			p = string(runes[:mostText]) + "..."
		}
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
