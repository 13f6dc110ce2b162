package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// End says how a simulated rollout has ended. Its times and numbers are those of the rollout: what
// happens in the cluster after it has ended (Cluster.Run) is not in them.
type End struct {
	// State says whether the rollout is complete and, if not, why it ended.
	State EndState
	// Time is when the last node became complete, or when the policy began to ignore it, or
	// when the DaemonSet last changed if that is later. If nothing of that happened, it is
	// Pass.Began. For a canary that waits for a decision (EndWaiting), it is when its
	// trial got into that state if that is later.
	Time time.Time
	// Took is the time from Pass.Began to Time.
	Took time.Duration
	// Passes is how many passes wrote something.
	Passes int
	// LowestAvailable is the lowest Pass.Available, and LowestOf is Pass.Desired of the first pass
	// with it.
	LowestAvailable, LowestOf int
	// PeakPods is the largest number of pods of the DaemonSet at one moment of the Run, those
	// that terminate or wait for a node included. Finished pods do not count. A quota of pods
	// must allow so many (QuotaV1Pod@v1.37.2); it may allow fewer if pods are past their
	// deletion timestamp, which it leaves out after another grace period.
	PeakPods int
	// PeakRequests are the peak of each resource that the pods of PeakPods request; the peaks
	// may be at different moments. A quota of requests must allow them. A container
	// without a request counts with its limit. It is nil if no pod requests anything.
	PeakRequests corev1.ResourceList
	// Last is the result of the last pass, which is also Pass.Result there. Its Step and
	// Restricted say what the budget and the policy hold back. It has something to write
	// only if passes would go on without end.
	Last *rollout.Result
	// Budget is the budget of the update with the nodes that use it. It is zero if the
	// rollout is complete or ignored, and with the strategy OnDelete.
	Budget rollout.Budget
	// Rollback took the DaemonSet back to an older template, because its canary failed.
	// State then describes the rollout of the restored template. It is nil if there was
	// no rollback.
	Rollback *history.Rollback
	// FailedCanary is the canary that Rollback ended, as it was in that pass. Those of its Problems
	// that have Fails set say why. It is nil if Rollback is. Read-only.
	FailedCanary *rollout.CanaryStatus
	// After is the cluster when the Run ended, for WhatIf or another Run to go on from. If the
	// rollout is complete, that is health.DefaultPatience after Time or later, so that pods are ready
	// for that long: see Cluster.Run about minReadySeconds. After is what Cluster.Input returns, but
	// with the pods of all namespaces, because they take room; they are ordered by namespace and
	// name. Ends of the same moment share the lists. It holds no Options:
	// give Run the same ones, with Last.CanaryTrial if there is a canary. Read-only. To change the
	// DaemonSet, change a copy, and raise its generation as the API server does: the rollout does
	// not depend on it, but kubectl.RolloutStatus does.
	After daemon.Input
	// Incomplete lists the nodes that the rollout is not complete on, ordered by name, each
	// with its status and with what keeps its pods from being available:
	// rollout.NodeComplete does not hold for them, and the policy does not ignore them.
	// Last.Policy.Ignored lists those that it ignores. Incomplete is nil if the rollout is
	// complete.
	Incomplete []IncompleteNode
	// Blockers are those of health.Assessment: the ones of Incomplete, and those of other nodes that
	// use the Budget, such as one that is not ready and whose pod therefore does not terminate. Their
	// pods are read-only.
	Blockers []health.Blocker
}

// IncompleteNode is a node that a rollout is not complete on.
type IncompleteNode struct {
	daemon.NodeStatus
	// Blockers say why pods of the node are not available, in the words of kubelet, scheduler
	// and node, as in health.Assessment. It is nil if outdated pods wait for their turn. Its
	// pods are read-only.
	Blockers []health.Blocker
}

// String returns the blockers, or else the status, in a line such as
// "worker-1: agent-7: cannot be scheduled: 0/3 nodes are available: 1 Insufficient cpu.".
func (n IncompleteNode) String() string {
	if len(n.Blockers) == 0 {
		return n.NodeStatus.String()
	}
	text := n.Node + ": " + health.Problems(n.Blockers)
	if n.Pod != nil && n.Desired && !n.Updated && n.Pod.DeletionTimestamp == nil {
		text = podstatus.Clause(text) + "; " + n.Pod.Name + " has an outdated template"
	}
	return text
}

// withoutNames returns the String without the names of the node and its pods.
func (n *IncompleteNode) withoutNames() string {
	same := *n
	if n.Pod != nil {
		pod := *n.Pod
		pod.Name = "the pod"
		same.Pod = &pod
	}
	if len(n.Blockers) == 1 {
		blocker := n.Blockers[0]
		switch pod := blocker.Pod; {
		case n.Pod == nil, pod == nil, pod.Name == n.Pod.Name:
			blocker.Pod = nil
		case !n.Updated && n.Pod.CreationTimestamp.Before(&pod.CreationTimestamp): // a surge
			same.Pod.Name = "the old pod"
			blocker.Pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "the new pod"}}
		default:
			same.Pod.Name = "another pod"
			blocker.Pod = nil
		}
		same.Blockers = []health.Blocker{blocker}
	}
	return strings.TrimPrefix(same.String(), n.Node+": ")
}

// EndState says how a simulated rollout has ended, in the words of health.State.
type EndState int

const (
	// EndComplete: rollout.Complete holds, and goes on to hold for health.DefaultPatience.
	// Nodes that the policy ignores may be left.
	EndComplete EndState = iota + 1
	// EndWaiting: the rollout needs a decision; see rollout.Result.NeedsDecision. With
	// the strategy OnDelete, the outdated pods wait to be deleted.
	EndWaiting
	// EndStalled: the rollout is not complete, and no event is left, or the same events repeat.
	// health.Assess says "progressing" until its patience is over.
	EndStalled
	// EndIgnored: the controller leaves the DaemonSet alone, because it is being deleted
	// or its selector is empty.
	EndIgnored
)

// String returns "complete", "waiting", "stalled" or "ignored".
func (s EndState) String() string {
	switch s {
	case EndComplete:
		return "complete"
	case EndWaiting:
		return "waiting"
	case EndStalled:
		return "stalled"
	case EndIgnored:
		return "ignored"
	}
	return fmt.Sprintf("EndState(%d)", int(s))
}

// String returns how the rollout has ended, Took, the Passes that wrote something, and how many
// nodes were available at the worst moment:
//
//	complete after 34s (7 passes, at least 1 of 3 available)
//	complete from the start (3 of 3 available)
//	stalled after 12s (5 passes, at least 2 of 4 available), on:
//	  node-2: agent-6: image "agent:2" cannot be pulled: ImagePullBackOff
//	  node-3, node-4: desired, current, ready, available; the pod has an outdated template
//	maxUnavailable 1 is used by node-2 (new pod is not available)
//
// Time is the clock time of that. Times in the lines count from the start, as in "since 12s after
// the start", unless they are before it. "stalled without completing a node" means that passes wrote
// something, and no node became complete.
//
// If the rollout is not complete, the lines say why pods are not available, and which nodes wait.
// Nodes with the same words share a line, which names five of them at most; the name of a pod then
// is left out. There are ten such lines: first those of the nodes that use the budget that outdated
// pods wait for, although they may not be in Incomplete, then those of nodes whose pod is not
// available or never ends, then the others. Further lines say who uses the budget, and what the
// policy holds back. If the rollout is complete, they count the ignored nodes that the policy keeps
// from a pod, and name the nodes that the policy ignores, and the labels and values of the policy
// that no node has.
//
// After a rollback, a line before all that names the revision and says why the canary failed: the
// others are about the rollout of the restored template.
//
//	rolled back to revision agent-7c9d5 (number 1): canary failed: node-1: agent-5: takes too long to start
//	complete after 3m14s (7 passes, at least 2 of 3 available)
func (e *End) String() string {
	if e == nil {
		return "no end"
	}
	text := e.withoutRollback()
	if !e.Rollback.Skipped() {
		text = e.rollbackSentence() + "\n" + text
	}
	return sinceStart(text, e.Time.Add(-e.Took), e.times())
}

// rollbackSentence says what was rolled back to, and why.
func (e *End) rollbackSentence() string {
	line := e.Rollback.String()
	if back, ok := strings.CutPrefix(line, "roll back"); ok {
		line = "rolled back" + back
	}
	if e.FailedCanary != nil {
		line += ": " + e.FailedCanary.String()
	}
	return line
}

func (e *End) withoutRollback() string {
	switch e.State {
	case EndComplete:
		line := e.firstLine()
		if e.Last != nil {
			p := e.Last.Policy
			if text := (rollout.PolicyStatus{Restricted: e.Last.Restricted, NoSpread: p.NoSpread, NoDomains: p.NoDomains, UnknownFirst: p.UnknownFirst, Ignored: p.Ignored}).String(); text != "" {
				line += "\n" + text
			}
		}
		return line
	case EndIgnored:
		if e.Last != nil {
			return fmt.Sprintf("the controller ignores it: %v", e.Last.Outcome)
		}
		return "the controller ignores it"
	}
	lines := []string{e.firstLine()}
	if groups := e.nodeGroups(); len(groups) > 0 {
		lines[0] += ", on:"
		lines = append(lines, groupLines(groups)...)
	}
	if e.namesBudget() {
		lines = append(lines, e.budgetSentence())
	}
	return strings.Join(append(lines, policySentences(e.Last)...), "\n")
}

// firstLine returns the state, and when it began, with the counts.
func (e *End) firstLine() string {
	line := fmt.Sprintf("%v after %v", e.State, e.Took)
	switch {
	case e.Took > 0:
	case e.State == EndComplete, e.Passes <= 1:
		line = fmt.Sprintf("%v from the start", e.State)
	default: // Pods may have been replaced.
		line = fmt.Sprintf("%v without completing a node", e.State)
	}
	var counts []string
	if e.Passes > 0 {
		counts = append(counts, plural(e.Passes, "pass", "passes"))
	}
	switch {
	case e.LowestOf > 0 && e.Passes > 0:
		counts = append(counts, fmt.Sprintf("at least %d of %d available", e.LowestAvailable, e.LowestOf))
	case e.LowestOf > 0:
		counts = append(counts, fmt.Sprintf("%d of %d available", e.LowestAvailable, e.LowestOf))
	case e.desired() == 0: // There may have been no nodes at first.
		counts = append(counts, "no pod is desired")
	}
	if len(counts) > 0 {
		line += " (" + strings.Join(counts, ", ") + ")"
	}
	return line
}

// desired is how many nodes should have a pod at the end.
func (e *End) desired() int32 {
	if e.Last == nil || e.Last.Snapshot == nil {
		return 0
	}
	return daemon.Status(e.Last.Snapshot).DesiredNumberScheduled
}

// namesBudget reports whether outdated pods wait for the budget.
func (e *End) namesBudget() bool {
	return e.Budget.Exhausted() && e.Last != nil && e.Last.Step != nil && e.Last.Step.OutdatedNodes > 0
}

func (g *nodeGroups) addIncomplete(n *IncompleteNode) { g.add(n.Node, n.String(), n.withoutNames()) }

// nodeGroups returns the nodes that are not complete, and the nodes that use the budget that
// outdated pods wait for. These come first, then nodes whose pod is not available or never ends,
// then the others.
func (e *End) nodeGroups() []*nodeGroup {
	uses := make(map[string]*IncompleteNode, len(e.Budget.Users))
	for _, u := range e.Budget.Users {
		uses[u.Node] = nil
	}
	var users, broken, waiting nodeGroups
	for i := range e.Incomplete {
		n := &e.Incomplete[i]
		_, isUser := uses[n.Node]
		switch {
		case isUser:
			uses[n.Node] = n
		case n.Desired && !n.Available, n.Pod != nil && n.Pod.DeletionTimestamp != nil:
			broken.addIncomplete(n)
		default:
			waiting.addIncomplete(n)
		}
	}
	for _, u := range e.Budget.Users {
		switch n, blockers := uses[u.Node], e.blockersOf(u.Node); {
		case n != nil:
			users.addIncomplete(n)
		case !e.namesBudget():
		case len(blockers) > 0:
			users.addIncomplete(&IncompleteNode{NodeStatus: daemon.NodeStatus{Node: u.Node}, Blockers: blockers})
		default:
			text := fmt.Sprintf("uses %v: %v", e.Budget.Kind, u.Reason)
			users.add(u.Node, u.Node+": "+text, text)
		}
	}
	return slices.Concat(users.list, broken.list, waiting.list)
}

// blockersOf returns the blockers of a node.
func (e *End) blockersOf(node string) []health.Blocker {
	byNode := func(b health.Blocker, node string) int { return strings.Compare(b.Node, node) }
	i, _ := slices.BinarySearchFunc(e.Blockers, node, byNode)
	n := slices.IndexFunc(e.Blockers[i:], func(b health.Blocker) bool { return b.Node != node })
	if n < 0 {
		return e.Blockers[i:]
	}
	return e.Blockers[i : i+n]
}

// causeOf says in a few words why a node uses the budget.
func (e *End) causeOf(u rollout.BudgetUser) string {
	if slices.ContainsFunc(e.blockersOf(u.Node), func(b health.Blocker) bool { return b.NodeReady != nil }) {
		return fmt.Sprintf("%v, %v", u.Reason, health.BlockerNodeNotReady)
	}
	return u.Reason.String()
}

// budgetSentence says who uses the budget.
func (e *End) budgetSentence() string {
	users := e.Budget.Users
	if len(users) == 0 {
		return fmt.Sprintf("%v is %d", e.Budget.Kind, e.Budget.Limit)
	}
	var groups nodeGroups
	for _, u := range users {
		groups.add(u.Node, "", e.causeOf(u))
	}
	var causes []string
	for _, g := range groups.list {
		causes = append(causes, fmt.Sprintf("%s (%s)", listNodes(g.nodes), g.text))
	}
	return fmt.Sprintf("%v %d is used by %s", e.Budget.Kind, e.Budget.Limit, strings.Join(causes, "; "))
}

// policySentences are lines about what a policy holds back.
func policySentences(r *rollout.Result) []string {
	if r == nil || !r.Empty() {
		return nil
	}
	var lines []string
	for _, status := range []rollout.PolicyStatus{{Restricted: r.Restricted}, r.Policy} {
		if text := status.String(); text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
