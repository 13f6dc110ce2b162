package rollout

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/percent"
)

// Partition keeps outdated pods on some nodes, counted as in OpenKruise's Advanced
// DaemonSet. It puts all nodes that are eligible or have a pod in this order: updated
// nodes, nodes whose update is under way, pending nodes, and pending nodes that the policy
// ignores or NodeSelector does not match. All of them are updated except the last Nodes. The
// nodes of the last group are thus the first to count for Nodes: if NodeSelector matches five
// of ten pending nodes, all five are updated unless Nodes is above five. In each group the
// nodes are in the order of Policy.Order; if it is nil, they are in descending order of
// their names, as in OpenKruise. Nodes that do not exist are not updated.
type Partition struct {
	// Nodes is the number of nodes not to update, or a percentage of the eligible nodes,
	// rounded down. If Nodes exceeds the number of nodes, no node is updated.
	Nodes intstr.IntOrString `json:"nodes"`
	// ProgressiveCreate delays first pods as well. They are created, in the order of the
	// nodes' names, while the number of nodes with a pod of the current template is below
	// the number of eligible nodes minus Nodes. It has no effect if Nodes is zero.
	ProgressiveCreate bool `json:"progressiveCreate,omitempty"`
}

// String returns a phrase such as "partition 50%".
func (p *Partition) String() string {
	if p == nil {
		return "no partition"
	}
	return "partition " + p.Nodes.String()
}

func (p *Partition) validate(path *field.Path) field.ErrorList {
	if p == nil {
		return nil
	}
	return validateAmount(p.Nodes, 0, path.Child("nodes"))
}

// partition applies Policy.Partition.
func (c *choice) partition(p *Partition) {
	c.descending = c.policy.order().byName()
	var updated, underway, pending []int
	nodes := 0
	for i, role := range c.facts.roles {
		if c.nodes[i].Node == nil {
			c.hold(i, RestrictionPartition)
			continue
		}
		if role&roleDesired == 0 && len(c.nodes[i].Pods) == 0 {
			continue
		}
		nodes++
		switch {
		case c.updated(i):
			updated = append(updated, i)
		case !c.pending(i):
			underway = append(underway, i)
		case !c.facts.isHeld(i):
			pending = append(pending, i)
		}
	}
	keep, _ := percent.RoundDown(p.Nodes, c.step.Desired) // a valid policy
	left := nodes - keep
	for _, class := range [][]int{updated, underway, pending} {
		if left >= len(class) {
			left -= len(class)
			continue
		}
		slices.SortFunc(class, c.before)
		for _, i := range class[max(0, left):] {
			c.hold(i, RestrictionPartition)
		}
		left = 0
	}
}

// restrictPlan takes the first pods that ProgressiveCreate delays out of the plan, and
// returns their number. due is the number of first pods in the plan.
func (p *Partition) restrictPlan(f *nodeFacts, s *daemon.Snapshot, plan *daemon.Plan, due int, ignored *IgnoreNodes) int {
	keep, _ := percent.RoundDown(p.Nodes, f.desired) // a valid policy
	if !p.ProgressiveCreate || keep == 0 {
		return 0
	}
	return limitFirstPods(s, plan, due, max(0, f.desired-f.updated-min(keep, f.desired)), ignored)
}

// limitFirstPods takes all first pods except the given number out of a plan that has due
// of them, and returns the number of those. Other creations stay. None is put on the ignored
// nodes, which may be nil.
func limitFirstPods(s *daemon.Snapshot, plan *daemon.Plan, due, most int, ignored *IgnoreNodes) (held int) {
	if due <= most {
		return 0
	}
	held = due - most
	plan.Nodes -= held
	first, last := 0, ""
	plan.Create = slices.DeleteFunc(slices.Clone(plan.Create), func(c daemon.Create) bool {
		last = c.Node
		if c.Reason != daemon.CreateReasonMissing {
			return false
		}
		first++
		return first > most
	})
	// The burst limit defers the others, which come after these.
	deferred := due - first
	plan.CreateDeferred -= deferred - min(deferred, max(0, most-first))
	if first > most {
		createDeferred(s, plan, last, ignored)
	}
	return held
}

// createDeferred adds creations that the burst limit has deferred if there is room for
// them now. They are successors of terminating pods on nodes behind the last one that the
// plan creates a pod on; see daemon.CreateReasonSuccessor.
func createDeferred(s *daemon.Snapshot, plan *daemon.Plan, last string, ignored *IgnoreNodes) {
	nodes := s.Nodes()
	for i := range nodes {
		if plan.CreateDeferred == 0 || len(plan.Create) >= s.BurstReplicas() {
			return
		}
		n := &nodes[i]
		live := slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Live() })
		if n.Name > last && n.Decision.Run && len(n.Pods) > 0 && !live && !ignored.chooses(n) {
			plan.Create = append(plan.Create, daemon.Create{Node: n.Name, Reason: daemon.CreateReasonSuccessor, Pod: s.NewPod(n.Name)})
			plan.CreateDeferred--
		}
	}
}
