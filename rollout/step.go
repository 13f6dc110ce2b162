package rollout

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/percent"
)

// Step is the next step of a rolling update, with the budget it was worked out
// from. The zero Step does nothing.
type Step struct {
	// Plan holds the outdated pods to delete and, with maxSurge, the new pods to
	// create beside outdated ones. In both lists, writes that use no budget come first, and
	// nodes are in the order of their names, or of Policy.Order.
	Plan daemon.Plan
	// Desired is the number of eligible nodes, the base of percentages.
	Desired int
	// OutdatedNodes is the number of nodes on which exactly one outdated pod, and at most one
	// pod of the current template, is not terminating.
	OutdatedNodes int
	// MaxUnavailable and MaxSurge are the budgets as numbers, both rounded up.
	// MaxUnavailable has no effect while MaxSurge is above zero.
	MaxUnavailable, MaxSurge int
	// Unavailable is the number of nodes that use MaxUnavailable before the
	// step. It is zero with MaxSurge.
	Unavailable int
	// Surging is the number of nodes that use MaxSurge before the step, and Available
	// the number of nodes with an available pod. Both are zero without MaxSurge.
	Surging, Available int
	// Policy says how the policy restricts the step. Unavailable and Surging do not count
	// the nodes that the policy ignores or holds back, except those for which only
	// StrictBudget or DomainBudgets have no room. A pause or a freeze alone changes neither.
	Policy PolicyStatus
}

// NextStep returns the next step of the update: which outdated pods to delete, or
// which nodes to surge on, within the budget (rollingUpdate@v1.37.2). Call it if the plan
// of daemon.Reconcile is empty, because upstream updates only then. The rules:
//
//   - If the strategy is OnDelete or the DaemonSet is being deleted, the step is empty. With
//     OnDelete it has Policy.Ignored all the same.
//   - Percentages are of the eligible nodes, and both budgets round up. If both are zero,
//     maxUnavailable counts as one (updatedDesiredNodeCounts@v1.37.2).
//   - Pods that are terminating do not count. All others do, including failed ones. A pod
//     is updated or outdated by daemon.PodState.Updated.
//   - Without surge a node is unavailable if its new pod is not available, if it has no
//     pod, or if it has two pods. An outdated pod that is not available is deleted
//     regardless of the budget, and counts. Other outdated pods are deleted up to
//     maxUnavailable.
//   - With surge an outdated pod that is not available gets a new one beside it
//     regardless of the budget; other nodes surge up to maxSurge. A node is surging while
//     its new pod is not available. When it is, the outdated pod is deleted.
//   - With surge an available outdated pod on a node that is no longer eligible is
//     deleted only while there are more available pods than eligible nodes.
//   - Nodes are taken in the order of their names, or of Policy.Order. Upstream's choice
//     is random. Under the burst limit, writes that use no budget come first.
//
// The rules apply to the nodes that the policy does not hold back. Options.AwaitingWrites
// has no effect.
//
// It fails with a *field.Error if s is nil, if the time of s is zero, if
// spec.updateStrategy.type is unknown, and if a budget is missing or malformed. It also
// fails if s has no revisions and outdated pods have a hash label: without their revisions
// nobody knows whether those pods are outdated. If the policy is invalid, it joins the errors
// of Policy.Validate.
func NextStep(s *daemon.Snapshot, opts Options) (*Step, error) {
	if s == nil || s.DaemonSet() == nil {
		return nil, field.Required(field.NewPath("snapshot"), "")
	}
	policy, err := check(s.Now(), &opts)
	if err != nil {
		return nil, err
	}
	facts := (&State{snapshot: s}).factsFor(policy, opts.CanaryTrial)
	step, err := facts.step(s, policy, opts.CanaryTrial)
	switch {
	case err != nil:
		return nil, err
	case step == nil && s.DaemonSet().DeletionTimestamp == nil:
		none := &Step{}
		facts.reportIgnored(&none.Policy)
		requeueAt(&none.Plan, s.Now(), none.Policy.NextIgnored)
		return none, nil
	case step == nil:
		return &Step{}, nil
	case historyMissing(s):
		return nil, field.Required(field.NewPath("revisions"), "pods have the hash of a revision: list the ControllerRevisions, without which it is not known which pods are outdated")
	}
	return step, nil
}

// historyMissing reports whether pods count as outdated that have a revision, while the
// namespace has none. Either the caller has left the revisions out, or somebody has deleted
// them. The hash that decides is then worked out from the template. It depends on the API
// version that is compiled in, and may differ although the template is the same.
func historyMissing(s *daemon.Snapshot) bool {
	if len(s.Revisions()) > 0 {
		return false
	}
	label := s.Naming().RevisionHashLabel
	return slices.ContainsFunc(s.Nodes(), func(n daemon.NodeState) bool {
		return slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return !p.Updated && p.Pod.Labels[label] != "" })
	})
}

// rolls reports whether ds is updated by deleting and creating pods.
func rolls(ds *appsv1.DaemonSet) (bool, error) {
	switch kind := ds.Spec.UpdateStrategy.Type; {
	case ds.DeletionTimestamp != nil, kind == appsv1.OnDeleteDaemonSetStrategyType:
		return false, nil
	case kind == appsv1.RollingUpdateDaemonSetStrategyType:
		return true, nil
	default:
		return false, field.NotSupported(field.NewPath("spec", "updateStrategy", "type"), kind,
			[]appsv1.DaemonSetUpdateStrategyType{appsv1.OnDeleteDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType})
	}
}

// budgets are the budgets of an update as numbers.
type budgets struct{ maxUnavailable, maxSurge int }

// readBudgets turns the budgets into numbers (updatedDesiredNodeCounts
// @v1.37.2).
func readBudgets(ds *appsv1.DaemonSet, desired int) (out budgets, err error) {
	if update := ds.Spec.UpdateStrategy.RollingUpdate; update != nil {
		if update.MaxUnavailable == nil {
			return budgets{}, field.Required(budgetPath("maxUnavailable"), "")
		}
		if out.maxUnavailable, err = scale(update.MaxUnavailable, desired, "maxUnavailable"); err != nil {
			return budgets{}, err
		}
		if update.MaxSurge != nil {
			if out.maxSurge, err = scale(update.MaxSurge, desired, "maxSurge"); err != nil {
				return budgets{}, err
			}
		}
	}
	// With two zeros no update would progress. The API server refuses them.
	if desired > 0 && out == (budgets{}) {
		out.maxUnavailable = 1
	}
	return out, nil
}

func budgetPath(name string) *field.Path {
	return field.NewPath("spec", "updateStrategy", "rollingUpdate", name)
}

func scale(budget *intstr.IntOrString, total int, name string) (int, error) {
	n, err := percent.RoundUp(*budget, total)
	if err != nil {
		return 0, field.Invalid(budgetPath(name), budget.String(), wrongAmount(*budget, 0))
	}
	return n, nil
}

// step works out what the budgets and the policy allow to be done now. It returns nil if
// the DaemonSet is not updated by steps.
func (f *nodeFacts) step(s *daemon.Snapshot, p *policy, trial *CanaryTrial) (*Step, error) {
	rolling, err := rolls(s.DaemonSet())
	switch {
	case err != nil:
		return nil, err
	case !rolling:
		return nil, nil
	}
	budgets, err := readBudgets(s.DaemonSet(), f.desired)
	if err != nil {
		return nil, err
	}
	c := &choice{
		s: s, facts: f, nodes: s.Nodes(), policy: p,
		step: &Step{
			Desired:        f.desired,
			OutdatedNodes:  f.outdated,
			MaxUnavailable: budgets.maxUnavailable,
			MaxSurge:       budgets.maxSurge,
			Unavailable:    f.unavailable,
			Surging:        f.surging,
			Available:      f.available,
		},
	}
	if p.empty() {
		f.holds = holds{}
	} else {
		f.holds.begin(len(c.nodes), len(f.classes.counts))
		c.restrict(trial)
	}
	if c.halt == 0 {
		if f.queued && !f.queues.ready() {
			f.queues = newQueues(c.nodes, p.sequence(), f)
		}
		c.deleteAndCreate()
	}
	if !p.empty() {
		c.report()
	}
	return c.step, nil
}

// choice is one step being worked out. Nodes are named by their positions in the
// snapshot.
type choice struct {
	s      *daemon.Snapshot
	facts  *nodeFacts
	nodes  []daemon.NodeState
	policy *policy
	step   *Step
	// deletes and creates are what is left of the DaemonSet's own budgets.
	deletes, creates budgetLeft

	// halt holds back everything.
	halt Restriction
	// limits are the budgets of topology domains.
	limits []domainLimit
	// restricted counts the nodes with outdated pods that are held back.
	restricted [restrictions]int
}

// budgetLeft is what is left of a budget for deletions or for creations.
type budgetLeft struct {
	// left is how many more nodes may become unavailable, or surge.
	left int
	// strict is how many more nodes may be touched, replacements of unavailable pods
	// included. It counts only with a strict budget.
	strict int
	// free and budgeted are the nodes chosen, in order.
	free, budgeted []int
}

// deleteAndCreate uses the budgets.
func (c *choice) deleteAndCreate() {
	st := c.step
	deletes, creates := &c.deletes, &c.creates
	deletes.left = st.MaxUnavailable - st.Unavailable
	creates.left = st.MaxSurge - st.Surging
	if c.facts.surge {
		deletes.left = st.Available - st.Desired
	}
	deletes.strict, creates.strict = deletes.left, creates.left
	if c.policy.strict() {
		// Unavailable outdated pods are in the count, but their update has not begun.
		deletes.strict += sum(c.replaceable())
	}
	c.takeNodes(deletes, actionDelete)
	c.takeNodes(creates, actionCreate)

	positions, deferred := c.withinBurst(deletes)
	st.Plan.Delete = slices.Grow(st.Plan.Delete, len(positions))
	for _, i := range positions {
		st.delete(c.s, &c.nodes[i], c.facts.roles[i]&roleAction == actionDeleteBudgeted)
	}
	st.Plan.DeleteDeferred = deferred
	st.Plan.Nodes += len(positions) + deferred
	positions, deferred = c.withinBurst(creates)
	st.Plan.Create = slices.Grow(st.Plan.Create, len(positions))
	for _, i := range positions {
		st.create(c.s, &c.nodes[i], c.facts.roles[i]&roleAction == actionCreateBudgeted)
	}
	st.Plan.CreateDeferred = deferred
	st.Plan.Nodes += len(positions) + deferred
}

// takeNodes chooses nodes for an action and its budgeted twin, in order.
func (c *choice) takeNodes(p *budgetLeft, action role) {
	if c.facts.todo[action].Len()+c.facts.todo[action+1].Len() == 0 {
		return
	}
	domains := c.domainsApply(action)
	strict := c.policy.strict() && domains
	for i := range c.inOrder(action, p) {
		if strict && p.strict <= 0 {
			break
		}
		budgeted := c.facts.roles[i]&roleAction != action
		if budgeted && p.left <= 0 || domains && !c.roomInDomains(i, budgeted, strict) {
			continue
		}
		p.strict--
		if budgeted {
			p.left--
			p.budgeted = append(p.budgeted, i)
		} else {
			p.free = append(p.free, i)
		}
		if domains {
			c.useDomains(i, budgeted || c.facts.surge)
		}
	}
	if strict || domains && len(c.limits) > 0 {
		c.countShort(p, action, strict)
	}
}

// domainsApply reports whether the policy's budgets limit an action. Deletions of a surging
// update make nothing unavailable that is needed.
func (c *choice) domainsApply(action role) bool { return !c.facts.surge || action >= actionCreate }

// countShort counts the nodes that are not taken because a budget of the policy has no room
// for them. Those that need the budget of the update count only if that has room. Nobody waits
// for nodes that do not exist.
func (c *choice) countShort(p *budgetLeft, action role, strict bool) {
	left := c.open(action, p.free)
	var budgeted []int
	if p.left > 0 {
		budgeted = c.open(action+1, p.budgeted)
	}
	for class := range left {
		if left[class] > 0 {
			c.restricted[c.shortOf(class, false, strict)] += left[class]
		}
		if p.left > 0 && budgeted[class] > 0 {
			c.restricted[c.shortOf(class, true, strict)] += budgeted[class]
		}
	}
}

// shortOf returns which budget has no room for a class.
func (c *choice) shortOf(class int, budgeted, strict bool) Restriction {
	if c.roomInClass(class, budgeted, strict) {
		return RestrictionStrictBudget
	}
	return RestrictionDomainBudget
}

func sum(list []int) (n int) {
	for _, count := range list {
		n += count
	}
	return n
}

// withinBurst returns the nodes that the burst limit leaves: first those that need no
// budget. The others are deferred.
func (c *choice) withinBurst(p *budgetLeft) (now []int, deferred int) {
	now = slices.Concat(p.free, p.budgeted)
	if burst := c.s.BurstReplicas(); burst >= 0 && len(now) > burst {
		now, deferred = now[:burst], len(now)-burst
	}
	return now, deferred
}

// create plans a new pod beside the outdated one of a node.
func (st *Step) create(s *daemon.Snapshot, n *daemon.NodeState, budgeted bool) {
	reason := daemon.CreateReasonUnavailable
	if budgeted {
		reason = daemon.CreateReasonSurge
	}
	st.Plan.Create = append(st.Plan.Create, daemon.Create{Node: n.Name, Reason: reason, Pod: s.NewPod(n.Name)})
}

// delete plans the deletion of the outdated pod of a node.
func (st *Step) delete(s *daemon.Snapshot, n *daemon.NodeState, budgeted bool) {
	pods := podsToUpdate(n.Pods)
	d := daemon.Delete{Node: n.Name, Pod: pods.old.Pod}
	switch {
	case st.MaxSurge == 0 && budgeted:
		d.Reason = daemon.DeleteReasonOutdated
	case st.MaxSurge == 0:
		d.Reason = daemon.DeleteReasonUnavailable
	case pods.cur != nil:
		d.Reason, d.Stays = daemon.DeleteReasonSuperseded, pods.cur.Pod
	default:
		d.Reason, d.Explanation = daemon.DeleteReasonNotEligible, s.Matcher().Explain(n.Node)
	}
	st.Plan.Delete = append(st.Plan.Delete, d)
}

// requeue lowers RequeueAfter of a plan to the given delay if that is sooner. A
// delay of zero or less changes nothing.
func requeue(p *daemon.Plan, after time.Duration) {
	if after > 0 && (p.RequeueAfter == 0 || after < p.RequeueAfter) {
		p.RequeueAfter = after
	}
}

// String returns the plan below a first line with the budget and its use.
func (st *Step) String() string {
	if st == nil || st.Desired == 0 && st.OutdatedNodes == 0 {
		return daemon.Plan{}.String()
	}
	return st.lines() + "\n" + st.Plan.String()
}

// lines are the budget and what the policy restricts.
func (st *Step) lines() string {
	if st.Policy.none() {
		return st.budget()
	}
	return st.budget() + "\n" + st.Policy.String()
}

// blocked reports whether the update is not finished but can do nothing now.
func (st *Step) blocked() bool { return st != nil && st.OutdatedNodes > 0 && st.Plan.Empty() }

// narrowed reports whether a policy had an effect on the step.
func (st *Step) narrowed() bool { return st != nil && !st.Policy.none() }

func (st *Step) budget() string {
	state := "update"
	if st.blocked() {
		state = "update waits"
	}
	if st.MaxSurge != 0 {
		return fmt.Sprintf("%s: %d desired, %d outdated; maxSurge %d, %d surging, %d available",
			state, st.Desired, st.OutdatedNodes, st.MaxSurge, st.Surging, st.Available)
	}
	return fmt.Sprintf("%s: %d desired, %d outdated; maxUnavailable %d, %d unavailable",
		state, st.Desired, st.OutdatedNodes, st.MaxUnavailable, st.Unavailable)
}
