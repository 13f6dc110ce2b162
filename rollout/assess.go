package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// DefaultPatience is for how long nothing has to change until a rollout counts as
// stalled: the default of a Deployment's progressDeadlineSeconds
// (SetDefaults_Deployment@v1.37.2).
const DefaultPatience = 10 * time.Minute

// AssessOptions adjusts Assess. The zero value has DefaultPatience.
type AssessOptions struct {
	// Patience is for how long nothing that counts has to change until a rollout
	// counts as stalled. Zero means DefaultPatience; below zero it never does.
	// Pods that fail for good and are replaced again and again are told from
	// progress by the delays of daemon.Backoff, which end at 15 minutes: a longer
	// patience takes them for progress.
	Patience time.Duration
	// Policy is the policy that the passes are made under; nil: upstream's.
	Policy *Policy
}

// AssessmentState says how a rollout is getting on.
type AssessmentState int

const (
	// AssessmentProgressing: the rollout is not finished, and something changed
	// lately, is about to be written, or will be over at a time that is known.
	AssessmentProgressing AssessmentState = iota + 1
	// AssessmentComplete: every node that should run a pod has an available one of
	// the current template, and no outdated pod is left.
	AssessmentComplete
	// AssessmentStalled: the rollout is not finished, and nothing has changed for
	// as long as AssessOptions.Patience says.
	AssessmentStalled
	// AssessmentWaiting: nothing is left to do but what only somebody else does: with
	// the strategy OnDelete, deleting the outdated pods; under a policy, ending a
	// pause, a freeze, a partition or a node selector, or deciding about canaries.
	AssessmentWaiting
	// AssessmentDeleting: the DaemonSet is being deleted, so that its controller
	// does nothing more.
	AssessmentDeleting
)

// String returns "progressing", "complete", "stalled", "waiting" or "deleting".
func (s AssessmentState) String() string {
	switch s {
	case AssessmentProgressing:
		return "progressing"
	case AssessmentComplete:
		return "complete"
	case AssessmentStalled:
		return "stalled"
	case AssessmentWaiting:
		return "waiting"
	case AssessmentDeleting:
		return "deleting"
	}
	return fmt.Sprintf("AssessmentState(%d)", int(s))
}

// Assessment is how a rollout is getting on, and what stands in its way. The zero
// Assessment knows nothing.
type Assessment struct {
	// DaemonSet is the name.
	DaemonSet string
	// State is what all the rest comes to.
	State AssessmentState
	// Now is the moment of the snapshot.
	Now time.Time
	// LastChange is when something that counts last changed, as far as the objects
	// tell: since then a stalled rollout is stalled and a complete one complete.
	// Zero where no object tells.
	LastChange time.Time
	// Desired is how many nodes should run a pod. Of these, Updated have a pod of
	// the current template, Available an available one of any template, and Done an
	// available one of the current template. Pods that are being deleted, have
	// failed or have succeeded do not count, unlike in the DaemonSet's status.
	Desired, Updated, Available, Done int
	// Outdated are the pods of older templates, ordered by node name, then as in
	// daemon.NodeState. With the strategy OnDelete they wait for somebody to delete
	// them, else for their turn. Pods that are being deleted, have failed or have
	// succeeded are not among them, nor are those on nodes that do not exist.
	Outdated []OutdatedPod
	// Budget is the budget of the update and which nodes use it. It is zero where
	// the strategy is not RollingUpdate.
	Budget BudgetUse
	// PolicyStatus is what the policy has to do with it. Held counts the nodes, too,
	// on which it holds back what daemon.Reconcile would write.
	PolicyStatus
	// Blockers are what has to be over before the rollout can end, ordered by node
	// name, then as in daemon.NodeState: for every node that should run a pod and
	// is not done, and, while there are outdated pods, for every node that uses the
	// budget. Missing are those of nodes whose outdated pod is available and only
	// waits for its turn. Empty where the rollout is complete.
	Blockers []Blocker
	// Create and Delete are how many pods the next pass has to create and to
	// delete, those that its burst limit puts off among them.
	Create, Delete int
}

// OutdatedPod is a pod of an older template.
type OutdatedPod struct {
	// Node is the name of the node that the pod is on or meant for.
	Node string
	// Pod is read-only.
	Pod *corev1.Pod
}

// BudgetKind says which budget limits an update.
type BudgetKind int

const (
	// BudgetMaxUnavailable is spec.updateStrategy.rollingUpdate.maxUnavailable,
	// which counts where maxSurge comes to zero.
	BudgetMaxUnavailable BudgetKind = iota + 1
	// BudgetMaxSurge is spec.updateStrategy.rollingUpdate.maxSurge.
	BudgetMaxSurge
)

// String returns "maxUnavailable" or "maxSurge".
func (k BudgetKind) String() string {
	switch k {
	case BudgetMaxUnavailable:
		return "maxUnavailable"
	case BudgetMaxSurge:
		return "maxSurge"
	}
	return fmt.Sprintf("BudgetKind(%d)", int(k))
}

// BudgetUse is a budget and what uses it. The zero BudgetUse is no budget.
type BudgetUse struct {
	// Kind is which budget it is.
	Kind BudgetKind
	// Limit is the budget as a number of nodes.
	Limit int
	// Holders are the nodes that count against it, ordered by name. There may be
	// more than Limit: what breaks by itself does not ask for a budget.
	Holders []BudgetHolder
}

// UsedUp reports whether the budget leaves no room for another node.
func (b BudgetUse) UsedUp() bool { return b.Kind != 0 && len(b.Holders) >= b.Limit }

// BudgetHolder is a node that counts against a budget.
type BudgetHolder struct {
	// Node is the node's name.
	Node string
	// Reason is why it counts. Assessment.Blockers tells what is behind it.
	Reason HoldReason
}

// HoldReason says why a node counts against a budget.
type HoldReason int

const (
	// HoldNoPod: the node has no pod but for those that are being deleted.
	HoldNoPod HoldReason = iota + 1
	// HoldNew: the node's new pod is not available.
	HoldNew
	// HoldOutdated: the node's outdated pod is not available; it is replaced
	// whatever the budget.
	HoldOutdated
	// HoldBoth: the node has an outdated pod and a new one that, with maxSurge, is
	// not available.
	HoldBoth
	// HoldSeveral: the node has more than one pod of the current or of older
	// templates.
	HoldSeveral
)

// String returns the reason as half a sentence.
func (r HoldReason) String() string {
	switch r {
	case HoldNoPod:
		return "no pod that stays"
	case HoldNew:
		return "new pod is not available"
	case HoldOutdated:
		return "outdated pod is not available"
	case HoldBoth:
		return "new pod beside the outdated one"
	case HoldSeveral:
		return "more than one pod of a kind"
	}
	return fmt.Sprintf("HoldReason(%d)", int(r))
}

// Assess says how the rollout of the snapshot's DaemonSet is getting on: whether
// it is complete, progressing or stalled since when, which nodes use the budget
// up, and what has to be over before it can go on. It looks at the objects alone
// and not at the status: the same snapshot always gives the same answer. It cannot
// see whether a controller is running, so what is to be written counts as
// progress.
//
// The snapshot should be given the Backoff of the last pass. Without it, pods that
// fail for good and are replaced again and again look like progress.
//
// The snapshot is not changed, and the result refers to its pods. It fails with a
// *field.Error where there is no snapshot, and for what Next fails for.
func Assess(s *daemon.Snapshot, opts AssessOptions) (*Assessment, error) {
	if s == nil || s.DaemonSet() == nil {
		return nil, field.Required(field.NewPath("snapshot"), "")
	}
	ds := s.DaemonSet()
	ledger := newLedger(s, opts.Policy)
	step, err := ledger.step(s)
	if err != nil {
		return nil, err
	}
	rolling, _ := rolls(ds)
	a := &Assessment{DaemonSet: ds.Name, Now: s.Now(), LastChange: lastChange(s)}
	for i := range s.Nodes() {
		a.count(&s.Nodes()[i])
	}
	if rolling {
		a.PolicyStatus, a.Budget = step.PolicyStatus, budgetUse(s, ledger, step)
	}
	if ds.DeletionTimestamp == nil {
		a.block(s, rolling)
	}
	a.State = a.judge(opts, s, rolling, a.pending(s, ledger, step), step)
	return a, nil
}

// lives reports whether a pod is there to stay as far as it depends on the pod.
func lives(p *daemon.PodState) bool { return !p.Terminating && !p.Failed && !p.Succeeded }

// done reports whether a node has what it should have in the end.
func done(n *daemon.NodeState) bool {
	return slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return lives(&p) && p.Updated && p.Available })
}

func (a *Assessment) count(n *daemon.NodeState) {
	var updated, available bool
	for i := range n.Pods {
		p := &n.Pods[i]
		if !lives(p) {
			continue
		}
		updated = updated || p.Updated
		available = available || p.Available
		if !p.Updated && n.Node != nil {
			a.Outdated = append(a.Outdated, OutdatedPod{Node: n.Name, Pod: p.Pod})
		}
	}
	if !n.Decision.Run {
		return
	}
	a.Desired++
	if updated {
		a.Updated++
	}
	if available {
		a.Available++
	}
	if done(n) {
		a.Done++
	}
}

// budgetUse lists the nodes that count against the budget of the step.
func budgetUse(s *daemon.Snapshot, l *ledger, step *Step) BudgetUse {
	use, flag := BudgetUse{Kind: BudgetMaxUnavailable, Limit: step.MaxUnavailable}, roleUnavailable
	if l.surge {
		use, flag = BudgetUse{Kind: BudgetMaxSurge, Limit: step.MaxSurge}, roleSurging
	}
	for i := range s.Nodes() {
		if l.roles[i]&flag != 0 && !l.isHeld(i) {
			use.Holders = append(use.Holders, BudgetHolder{Node: s.Nodes()[i].Name, Reason: holdReason(&s.Nodes()[i])})
		}
	}
	return use
}

func holdReason(n *daemon.NodeState) HoldReason {
	pods := sortOut(n.Pods)
	switch {
	case pods.excess:
		return HoldSeveral
	case pods.cur != nil && pods.old != nil:
		return HoldBoth
	case pods.cur != nil:
		return HoldNew
	case pods.old != nil:
		return HoldOutdated
	}
	return HoldNoPod
}

// block lists what stands in the way.
func (a *Assessment) block(s *daemon.Snapshot, rolling bool) {
	look := blockerFinder{s: s, rolling: rolling}
	holders := a.Budget.Holders
	for i := range s.Nodes() {
		n := &s.Nodes()[i]
		holds := len(holders) > 0 && holders[0].Node == n.Name
		if holds {
			holders = holders[1:]
		}
		if n.Decision.Run && !done(n) || holds && len(a.Outdated) > 0 {
			a.Blockers = append(a.Blockers, look.node(n)...)
		}
	}
}

// pending counts what the next pass has to write and reports whether any of it is
// news. On nodes where pods fail again and again it is not.
func (a *Assessment) pending(s *daemon.Snapshot, l *ledger, step *Step) bool {
	plan := daemon.Reconcile(s)
	for _, held := range l.policy.holdBack(l, s, plan) {
		if i := slices.IndexFunc(a.Held, func(h Held) bool { return h.By == held.By }); i >= 0 {
			a.Held[i].Nodes += held.Nodes
		} else {
			a.Held = append(a.Held, held)
		}
	}
	if plan.Empty() {
		plan = &step.Plan
	}
	a.Create = len(plan.Create) + plan.CreateDeferred
	a.Delete = len(plan.Delete) + plan.DeleteDeferred
	return plan.CreateDeferred+plan.DeleteDeferred > 0 ||
		slices.ContainsFunc(plan.Create, func(c daemon.Create) bool { return !failsAgain(s, c.Node) }) ||
		slices.ContainsFunc(plan.Delete, func(d daemon.Delete) bool { return !failsAgain(s, d.Node) })
}

func (a *Assessment) judge(opts AssessOptions, s *daemon.Snapshot, rolling, news bool, step *Step) AssessmentState {
	patience := opts.Patience
	if patience == 0 {
		patience = DefaultPatience
	}
	switch {
	case s.DaemonSet().DeletionTimestamp != nil:
		return AssessmentDeleting
	case news:
		return AssessmentProgressing
	case a.Done == a.Desired && len(a.Outdated) == 0:
		return AssessmentComplete
	case !rolling && len(a.Blockers) == 0, a.needsSomebody(len(a.Blockers) == 0):
		return AssessmentWaiting
	case rolling && a.policyLooksAgain(step):
		return AssessmentProgressing
	case slices.ContainsFunc(a.Blockers, func(b Blocker) bool { return b.passes(a.Now) }):
		return AssessmentProgressing
	case patience > 0 && !a.LastChange.IsZero() && a.Now.Sub(a.LastChange) >= patience:
		return AssessmentStalled
	}
	return AssessmentProgressing
}

// policyLooksAgain reports whether what the policy waits for will be over at a time
// that is known.
func (a *Assessment) policyLooksAgain(step *Step) bool {
	return step.Plan.RequeueAfter > 0 ||
		slices.ContainsFunc(a.Held, func(h Held) bool { return h.By == HeldBySlowStart })
}

// Sentences stay readable whatever the size of the cluster.
const (
	shownNodes = 3
	shownPods  = 5
)

// String returns the assessment as one sentence:
//
//	complete since 10:02:11: 3 of 3 nodes done
//	progressing: 1 of 3 nodes done; 1 to delete now
//	stalled since 10:02:11: 1 of 3 nodes done; maxUnavailable 1 is used up by worker-2 (agent-zp5hf: image "x" cannot be pulled: ImagePullBackOff)
//	waiting: 1 of 3 nodes done; canary waiting for somebody to promote it on worker-2; held back: 2 by canary
//	waiting: 1 of 3 nodes done; 2 outdated pods wait for somebody to delete them: agent-b2c4d on worker-2, agent-x5k8p on worker-3
//	deleting
//
// Times are in the time zone of Now and without the date where it is the same day.
// Only the first few nodes and pods are told.
func (a *Assessment) String() string {
	if a == nil || a.State == 0 {
		return "no assessment"
	}
	head := a.State.String()
	if (a.State == AssessmentStalled || a.State == AssessmentComplete) && !a.LastChange.IsZero() {
		head += " since " + stamp(a.LastChange, a.Now)
	}
	if a.State == AssessmentDeleting {
		return head
	}
	clauses := []string{a.doneClause()}
	if a.State != AssessmentComplete {
		clauses = append(clauses, a.pendingClause(), a.budgetClause(), strings.Join(a.PolicyStatus.clauses(), "; "), a.othersClause(), a.outdatedClause())
	}
	clauses = slices.DeleteFunc(clauses, func(c string) bool { return c == "" })
	return head + ": " + strings.Join(clauses, "; ")
}

func (a *Assessment) doneClause() string {
	if a.Desired == 0 {
		return "no node should run it"
	}
	return fmt.Sprintf("%d of %s done", a.Done, plural(a.Desired, "node"))
}

func (a *Assessment) pendingClause() string {
	switch {
	case a.Create > 0 && a.Delete > 0:
		return fmt.Sprintf("%d to delete and %d to create now", a.Delete, a.Create)
	case a.Create > 0:
		return fmt.Sprintf("%d to create now", a.Create)
	case a.Delete > 0:
		return fmt.Sprintf("%d to delete now", a.Delete)
	}
	return ""
}

// budgetClause names the budget where it is what outdated pods wait for.
func (a *Assessment) budgetClause() string {
	if len(a.Outdated) == 0 || !a.Budget.UsedUp() {
		return ""
	}
	if len(a.Budget.Holders) == 0 {
		return fmt.Sprintf("%v is %d", a.Budget.Kind, a.Budget.Limit)
	}
	names := make([]string, len(a.Budget.Holders))
	reasons := make(map[string]string, len(names))
	for i, h := range a.Budget.Holders {
		names[i], reasons[h.Node] = h.Node, h.Reason.String()
	}
	return fmt.Sprintf("%v %d is used up by %s", a.Budget.Kind, a.Budget.Limit, a.nodeList(names, reasons))
}

// othersClause names the blocked nodes that budgetClause does not.
func (a *Assessment) othersClause() string {
	told := make(map[string]bool)
	if a.budgetClause() != "" {
		for _, h := range a.Budget.Holders {
			told[h.Node] = true
		}
	}
	var names []string
	for i := range a.Blockers {
		if name := a.Blockers[i].Node; !told[name] {
			told[name] = true
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	return "not done: " + a.nodeList(names, nil)
}

// nodeList names nodes with what blocks each, or else with the given reason. Those
// that need somebody most come first.
func (a *Assessment) nodeList(names []string, reasons map[string]string) string {
	blockers := make(map[string][]*Blocker, len(names))
	for i := range a.Blockers {
		b := &a.Blockers[i]
		blockers[b.Node] = append(blockers[b.Node], b)
	}
	worst := func(name string) BlockReason {
		reason := BlockMissing + 1
		for _, b := range blockers[name] {
			reason = min(reason, b.Reason)
		}
		return reason
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(worst(a), worst(b)) })
	shown := names[:min(len(names), shownNodes)]
	parts := make([]string, 0, len(shown)+1)
	for _, name := range shown {
		var why []string
		for _, b := range blockers[name] {
			why = append(why, b.because(a.Now))
		}
		if why == nil && reasons[name] != "" {
			why = []string{reasons[name]}
		}
		if why != nil {
			name += " (" + strings.Join(why, "; ") + ")"
		}
		parts = append(parts, name)
	}
	if more := len(names) - len(shown); more > 0 {
		parts = append(parts, "and "+plural(more, "more node"))
	}
	return strings.Join(parts, ", ")
}

// outdatedClause names the pods that somebody has to delete, and says how many
// wait where nothing else tells why.
func (a *Assessment) outdatedClause() string {
	n := len(a.Outdated)
	if n == 0 {
		return ""
	}
	verb := "wait"
	if n == 1 {
		verb = "waits"
	}
	if a.Budget.Kind != 0 {
		if a.Create+a.Delete > 0 || a.Budget.UsedUp() {
			return ""
		}
		return fmt.Sprintf("%s %s", plural(n, "outdated pod"), verb)
	}
	shown := a.Outdated[:min(n, shownPods)]
	parts := make([]string, 0, len(shown)+1)
	for _, o := range shown {
		parts = append(parts, o.Pod.Name+" on "+o.Node)
	}
	if more := n - len(shown); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%s %s for somebody to delete %s: %s", plural(n, "outdated pod"), verb,
		map[bool]string{true: "it", false: "them"}[n == 1], strings.Join(parts, ", "))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// stamp writes a time as seen from another.
func stamp(t, now time.Time) string {
	t = t.In(now.Location())
	if now.IsZero() || t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return t.Format(time.DateTime)
	}
	return t.Format(time.TimeOnly)
}
