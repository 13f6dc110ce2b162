package simulate

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/rollout"
)

// Options say how a cluster behaves. The zero Options are a cluster with upstream's
// controller in which everything goes well unless the objects say otherwise.
type Options struct {
	// Policy restricts the updates of all DaemonSets, as in rollout.Options.
	Policy rollout.Policy
	// CanaryTrial is a trial to go on with, as in rollout.Options, for instance a promoted
	// one. Each DaemonSet reads it once, in its first pass after it is set, and only if
	// the DaemonSet has no trial or one of the same revision. After that the cluster
	// remembers how the trial goes on. To give another trial, set another pointer: a trial
	// that is changed in place is not read again.
	CanaryTrial *rollout.CanaryTrial
	// PodTimes returns how long things take for a pod. It must be pure; it is called
	// several times for a pod. node is the node that the pod is bound or pinned to, and nil
	// if that does not exist; both are read-only. nil: the zero PodTimes for all pods.
	PodTimes func(node *corev1.Node, pod *corev1.Pod) PodTimes
	// Overlook switches rules of the cluster off. The zero value switches none off.
	Overlook Overlook
	// PodName returns the name of the n-th pod that the API server names. n begins with one, or
	// above the numbers that follow their generateName in the names of the pods that the
	// cluster was given. If the name is taken, PodName is called again with the next n. nil:
	// the generateName followed by n.
	PodName func(generateName string, n int) string
	// WatchPods is called with every change of a pod, in the order in which a watch
	// reports them, for instance to feed another controller or to draw a rollout. old is
	// nil for a new pod, and cur is nil for a deleted one; both are read-only. It must not
	// change the cluster. It may be nil.
	WatchPods func(now time.Time, old, cur *corev1.Pod)
}

// PodTimes are how long things take for one pod. For each of them zero means the
// default, and below zero means that it never happens. One nanosecond means at once.
//
// For an image that can never be pulled, give its pods a ReadyAfter below zero: Options.PodTimes
// looks at the image of the pod. In a test, daemontest.Cluster.BreakImage does so. To have the
// kubelet's reason in the pods, too, apply a pod that has waited for a minute: with a container
// that waits with the reason ImagePullBackOff, and with a creation timestamp and a condition
// PodScheduled from before that minute (rule 10 of the package). A pod that has waited for less
// becomes ready after ReadyAfter.
//
// They count from the times in the pod: its creation timestamp; the transition time of
// its condition PodScheduled, or else the creation timestamp or the time since which the
// pod is ready; and its deletion timestamp minus the grace period. If such a time is
// missing, or the duration has passed and nothing has happened, it counts from now on. The
// exceptions are FailsAfter and CrashesAfter: if they had passed already when the cluster got a
// pod that is ready, the pod neither fails nor crashes.
//
// They do not overrule the facts: a pod that does not fit on its node is not bound, on a node
// whose Ready condition is not True nothing becomes ready, fails or terminates, a pod with a
// problem for long does not become ready, and a pod that is past its deletion timestamp does
// not terminate. Options.Overlook does.
type PodTimes struct {
	// BoundAfter is the time from the creation of the pod to its binding. The default
	// is at once.
	BoundAfter time.Duration
	// ReadyAfter is the time from the binding to when the pod is ready. The default
	// is DefaultReadyAfter.
	ReadyAfter time.Duration
	// FailsAfter is the time from the binding to when the pod fails for good. A pod that
	// fails before it is ready never is. The default is never.
	FailsAfter time.Duration
	// CrashesAfter is the time from each start of the first container to its next crash.
	// Containers start when the pod is bound, and again after a crash: at once for the first
	// time, then with the kubelet's backoff of ten seconds, which doubles up to five minutes
	// (MaxContainerBackOff, doBackOff @v1.37.2). RestartCount rises with each restart, and
	// ReadyAfter then counts from the restart. The pod is never ready if CrashesAfter is not
	// longer than ReadyAfter. The default is never.
	CrashesAfter time.Duration
	// TerminatesAfter is the time from the request to delete the pod to when it is gone.
	// A pod is gone after its grace period at the latest, unless TerminatesAfter is below
	// zero. The default is DefaultTerminatesAfter. Pods of nodes that do not exist are
	// gone after the same time.
	TerminatesAfter time.Duration
}

// Overlook names facts that a cluster does not look at. Each field that is true switches one
// rule off; the numbers are those of the package's rules. A change takes effect with a pod's next
// event. Pods that have been unschedulable for a minute stay so because of
// another rule: set Unschedulable as well to have Requests, HostPorts, SpreadLabels and
// PodAntiAffinity bind them.
type Overlook struct {
	// SchedulingGates: pods are bound although they have scheduling gates (rule 3).
	SchedulingGates bool
	// Requests: pods are bound although they request more than their node has left, or it
	// has its number of pods already (rule 4).
	Requests bool
	// HostPorts: pods are bound although another pod uses their host port (rule 5).
	HostPorts bool
	// SpreadLabels: pods are bound although their node lacks the label of a topology spread
	// constraint (rule 6).
	SpreadLabels bool
	// PodAntiAffinity: pods are bound although their podAntiAffinity excludes the node (rule 6).
	PodAntiAffinity bool
	// Unschedulable: the cluster tries to bind pods that have been unschedulable for a minute
	// or longer (rule 7).
	Unschedulable bool
	// NodesNotReady: kubelets work on nodes whose Ready condition is not True (rule 8).
	NodesNotReady bool
	// OverduePods: pods past their grace period terminate (rule 9).
	OverduePods bool
	// Images: images can be pulled again that could not be pulled for long (rule 10).
	Images bool
	// CrashLoops: containers run again that have crashed for long (rule 10).
	CrashLoops bool
	// Starts: containers start that could not be created or started for long (rule 10).
	Starts bool
	// Probes: containers become ready that have run for long without being ready (rule 10).
	Probes bool
	// OperatingSystems: kubelets take pods of another operating system (rule 11).
	OperatingSystems bool
}

const (
	// DefaultReadyAfter is how long a pod takes to become ready.
	DefaultReadyAfter = 10 * time.Second
	// DefaultTerminatesAfter is how long a deleted pod takes to terminate.
	DefaultTerminatesAfter = 2 * time.Second
)

// never is a duration that does not end.
const never = time.Duration(-1)

// times returns the PodTimes of a pod with the defaults filled in.
func (c *Cluster) times(node *corev1.Node, pod *corev1.Pod) PodTimes {
	var t PodTimes
	if c.Options.PodTimes != nil {
		t = c.Options.PodTimes(node, pod)
	}
	if t.ReadyAfter == 0 {
		t.ReadyAfter = DefaultReadyAfter
	}
	if t.FailsAfter == 0 {
		t.FailsAfter = never
	}
	if t.CrashesAfter == 0 {
		t.CrashesAfter = never
	}
	if t.TerminatesAfter == 0 {
		t.TerminatesAfter = min(DefaultTerminatesAfter, gracePeriod(pod))
	}
	return t
}
