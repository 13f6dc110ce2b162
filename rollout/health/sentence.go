package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// Sentences stay readable regardless of the size of the cluster.
const (
	shownNodes = 3
	shownPods  = 5
)

// String returns the assessment as one sentence:
//
//	complete since 2026-01-01T10:02:11Z: 3 of 3 nodes complete
//	complete since 2026-01-01T10:02:11Z: 2 of 3 nodes complete; ignored: worker-3 (node is not ready)
//	complete since 2026-01-01T10:02:11Z: 1 of 3 nodes unavailable: worker-3 (agent-x5k8p: node is not ready since 2026-01-01T11:59:00Z)
//	progressing: 1 of 3 nodes complete; 1 to delete now
//	stalled since 2026-01-01T10:02:11Z: 1 of 3 nodes complete; maxUnavailable 1 is used by worker-2 (agent-zp5hf: image "x" cannot be pulled: ImagePullBackOff)
//	waiting: 1 of 3 nodes complete; canary waits for promotion on worker-2; held back: 2 by canary
//	waiting: 1 of 3 nodes complete; 2 outdated pods wait to be deleted: agent-b2c4d on worker-2, agent-x5k8p on worker-3
//	deleting
//
// Times are in UTC. Only the first few nodes and pods are named.
func (a *Assessment) String() string {
	if a == nil || a.State == 0 {
		return "no assessment"
	}
	head := a.State.String()
	var parts []string
	nodes := a.nodeTexts()
	switch {
	case a.State == StateDeleting:
		return head
	case a.State == StateComplete:
		head += at(" since ", cmp.Or(a.Memory.CompleteSince.Time, a.LastChange))
		if len(nodes) > 0 {
			parts = []string{a.unavailableClause(nodes), a.nextClause(), a.policyClause()}
		} else {
			parts = []string{a.completeClause(), a.nextClause(), rollout.PolicyStatus{Ignored: a.Policy.Ignored}.String()}
		}
	default:
		if a.State == StateStalled {
			head += at(" since ", a.LastChange)
		}
		parts = []string{
			a.completeClause(), a.nextClause(), a.budgetClause(nodes), a.policyClause(), a.nodesClause(nodes), a.outdatedClause(), a.doubtClause(),
		}
	}
	parts = slices.DeleteFunc(parts, func(c string) bool { return c == "" })
	return head + ": " + strings.Join(parts, "; ")
}

func (a *Assessment) completeClause() string {
	switch {
	case a.NodesMissing:
		return "no node was given, although the status counts desired pods"
	case a.Desired == 0:
		return "no eligible node"
	}
	return fmt.Sprintf("%d of %s complete", a.Complete, plural(a.Desired, "node"))
}

// unavailableClause names the nodes with blockers of a complete rollout.
func (a *Assessment) unavailableClause(nodes map[string]*nodeText) string {
	return fmt.Sprintf("%d of %s unavailable: %s", len(nodes), plural(a.Desired, "node"), a.listBlocked(nodes, map[string]bool{}))
}

// doubtClause says that nobody knows whether this is a rollout.
func (a *Assessment) doubtClause() string {
	if !a.MaybeDisruption {
		return ""
	}
	return "it is not known whether this is a rollout or a disruption"
}

// nextClause says what the next pass does.
func (a *Assessment) nextClause() string {
	var text string
	switch {
	case a.CreateCount > 0 && a.DeleteCount > 0:
		text = fmt.Sprintf("%d to delete and %d to create now", a.DeleteCount, a.CreateCount)
	case a.CreateCount > 0:
		text = fmt.Sprintf("%d to create now", a.CreateCount)
	case a.DeleteCount > 0:
		text = fmt.Sprintf("%d to delete now", a.DeleteCount)
	default:
		return ""
	}
	if a.State == StateStalled {
		text += ", which is no progress"
	}
	return text
}

// namesBudget reports whether outdated pods wait for the budget.
func (a *Assessment) namesBudget() bool { return len(a.Outdated) > 0 && a.Budget.Exhausted() }

// budgetClause names the nodes that use the budget, if outdated pods wait for it.
func (a *Assessment) budgetClause(nodes map[string]*nodeText) string {
	if !a.namesBudget() {
		return ""
	}
	if len(a.Budget.Users) == 0 {
		return fmt.Sprintf("%v is %d", a.Budget.Kind, a.Budget.Limit)
	}
	var texts []*nodeText
	for _, u := range a.Budget.Users {
		text := nodes[u.Node]
		if text == nil {
			text = &nodeText{name: u.Node, kind: BlockerNoPod + 1, reason: u.Reason}
		}
		texts = append(texts, text)
	}
	return fmt.Sprintf("%v %d is used by %s", a.Budget.Kind, a.Budget.Limit, listNodes(texts))
}

// policyClause says what the policy does.
func (a *Assessment) policyClause() string { return strings.ReplaceAll(a.Policy.String(), "\n", "; ") }

// nodesClause names the nodes with blockers that budgetClause does not name.
func (a *Assessment) nodesClause(nodes map[string]*nodeText) string {
	named := map[string]bool{}
	if a.namesBudget() {
		for _, u := range a.Budget.Users {
			named[u.Node] = true
		}
	}
	if list := a.listBlocked(nodes, named); list != "" {
		return "not complete: " + list
	}
	return ""
}

// listBlocked names the nodes with blockers, except those in named, to which it adds them.
func (a *Assessment) listBlocked(nodes map[string]*nodeText, named map[string]bool) string {
	var texts []*nodeText
	for i := range a.Blockers {
		if name := a.Blockers[i].Node; !named[name] {
			named[name] = true
			texts = append(texts, nodes[name])
		}
	}
	return listNodes(texts)
}

// outdatedClause names the pods that OnDelete leaves to others, or counts the outdated
// pods if no other clause says why they wait.
func (a *Assessment) outdatedClause() string {
	if len(a.Outdated) == 0 {
		return ""
	}
	waiting := plural(len(a.Outdated), "outdated pod") + " wait"
	if len(a.Outdated) == 1 {
		waiting += "s"
	}
	if a.rolling() {
		if a.CreateCount+a.DeleteCount > 0 || len(a.Budget.Users) > 0 && a.Budget.Exhausted() || len(a.Policy.Restricted) > 0 {
			return ""
		}
		return waiting
	}
	shown := a.Outdated[:min(len(a.Outdated), shownPods)]
	names := make([]string, 0, len(shown)+1)
	for _, pod := range shown {
		name := podName(pod)
		if node, ok := daemon.TargetNode(pod); ok {
			name += " on " + node
		}
		names = append(names, name)
	}
	if more := len(a.Outdated) - len(shown); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return waiting + " to be deleted: " + strings.Join(names, ", ")
}

// nodeText is a node with its problems.
type nodeText struct {
	name string
	// kind is the first of the kinds of its blockers.
	kind     BlockerKind
	blockers []Blocker
	// reason is why the node uses the budget, if it has no blocker.
	reason rollout.BudgetReason
}

// nodeTexts returns the nodes with blockers, by name.
func (a *Assessment) nodeTexts() map[string]*nodeText {
	nodes := make(map[string]*nodeText, len(a.Blockers))
	for i := range a.Blockers {
		b := &a.Blockers[i]
		n := nodes[b.Node]
		if n == nil {
			n = &nodeText{name: b.Node, kind: b.Kind}
			nodes[b.Node] = n
		}
		n.kind = min(n.kind, b.Kind)
		n.blockers = append(n.blockers, *b)
	}
	return nodes
}

// String returns the name of the node with its problems in parentheses.
func (n *nodeText) String() string {
	if len(n.blockers) == 0 {
		return fmt.Sprintf("%s (%v)", n.name, n.reason)
	}
	return fmt.Sprintf("%s (%s)", n.name, Problems(n.blockers))
}

// listNodes names the first nodes, those that need attention most before the others.
func listNodes(nodes []*nodeText) string {
	slices.SortStableFunc(nodes, func(a, b *nodeText) int { return cmp.Compare(a.kind, b.kind) })
	shown := nodes[:min(len(nodes), shownNodes)]
	parts := make([]string, 0, len(shown)+1)
	for _, n := range shown {
		parts = append(parts, n.String())
	}
	if more := len(nodes) - len(shown); more > 0 {
		parts = append(parts, "and "+plural(more, "more node"))
	}
	return strings.Join(parts, ", ")
}
