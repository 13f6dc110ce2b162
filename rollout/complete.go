package rollout

import (
	"slices"

	"github.com/pernode/daemonset/daemon"
)

// Complete reports whether the rollout is complete: whether NodeComplete is true for every
// node that the policy does not ignore. status is Result.Policy or Step.Policy of the same
// facts; its Ignored must be ordered by name, as they are there. Without a policy it is zero.
// It is also zero in a pass with OutcomeCollision, which looks at no node.
//
// A snapshot without nodes and a nil snapshot are complete. rollout/health and
// rollout/simulate share this definition; health.Assess also asks for pods that do not fail
// again and again. Complete reads the pods and not the status, and
// may therefore differ from kubectl; see rollout/kubectl.
func Complete(s *daemon.Snapshot, status PolicyStatus) bool {
	nodes := s.Nodes()
	for i := range nodes {
		if n := &nodes[i]; !NodeComplete(n) && !status.Ignores(n.Name) {
			return false
		}
	}
	return true
}

// NodeComplete reports whether the rollout is complete on one node: the node has no live
// outdated pod and, if it is eligible, an available live pod of the current template. A
// node that does not exist is complete, because pod garbage collection deletes its pods. A
// nil node is complete. A node that the policy ignores counts like any other here.
func NodeComplete(n *daemon.NodeState) bool {
	return n == nil || n.Node == nil || !hasOutdated(n) && (!n.Decision.Run || serves(n))
}

func hasOutdated(n *daemon.NodeState) bool {
	return slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Live() && !p.Updated })
}

// serves reports whether the node has an available, live pod of the current template.
func serves(n *daemon.NodeState) bool {
	return slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return p.Live() && p.Updated && p.Available })
}
