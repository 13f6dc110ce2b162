package rollout

import (
	"slices"

	"github.com/pernode/daemonset/daemon"
)

// Complete reports whether the rollout is complete: whether NodeComplete holds on every
// node. A snapshot without nodes, and a nil one, is complete. rollout/health and
// rollout/simulate share this definition. It looks at pods and not at the status, so that
// it may differ from kubectl; see rollout/kubectl.
func Complete(s *daemon.Snapshot) bool {
	nodes := s.Nodes()
	for i := range nodes {
		if !NodeComplete(&nodes[i]) {
			return false
		}
	}
	return true
}

// NodeComplete reports whether the rollout is complete on one node: it has an
// available, live pod of the current template where it is eligible, and no live
// outdated pod. A node that does not exist is always complete, because its pods are
// left to pod garbage collection. A nil node is complete.
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
