package daemon

import "github.com/pernode/daemonset/internal/indexset"

// tally is what one node adds to the counters of the status.
type tally struct {
	counters counters
	// waiting is how many pods are ready but not available.
	waiting int32
}

// counters are the counters of the status that a node counts in.
type counters uint8

const (
	countDesired counters = 1 << iota
	countCurrent
	countReady
	countAvailable
	countUpdated
	countMisscheduled
)

// tallyAll works out everything that is kept by the position of a node.
func (s *Snapshot) tallyAll() {
	s.counts = nodeCounts{}
	s.tallies = make([]tally, len(s.nodes))
	s.missing, s.busy = indexset.New(len(s.nodes)), indexset.New(len(s.nodes))
	for i := range s.nodes {
		s.tallyNode(i)
	}
}

// tallyNode replaces what the node at a position adds.
func (s *Snapshot) tallyNode(i int) {
	n := &s.nodes[i]
	var cur tally
	if n.Decision.Run {
		cur.counters = countDesired
	}
	if len(n.Pods) > 0 {
		// The first pod decides, even when it has failed or is being deleted.
		cur.counters |= n.firstPodCounters()
	}
	for j := range n.Pods {
		if p := &n.Pods[j]; p.Ready && !p.Available {
			cur.waiting++
		}
	}
	if old := s.tallies[i]; old != cur {
		s.counts.add(old, -1)
		s.counts.add(cur, 1)
		s.tallies[i] = cur
	}
	missing := n.Decision.Run && len(n.Pods) == 0
	s.missing.Put(i, missing)
	s.busy.Put(i, !missing && s.mayWrite(n))
}

func (n *NodeState) firstPodCounters() counters {
	first := &n.Pods[0]
	switch {
	case n.Node == nil:
		return 0
	case !n.Decision.Run:
		return countMisscheduled
	}
	c := countCurrent
	if first.Ready {
		c |= countReady
	}
	if first.Available {
		c |= countAvailable
	}
	if first.Updated {
		c |= countUpdated
	}
	return c
}

// mayWrite reports whether Reconcile may have to write something for a node with
// pods. It is false only if Reconcile writes nothing for certain.
func (s *Snapshot) mayWrite(n *NodeState) bool {
	switch {
	case len(n.Pods) == 0:
		return false
	case n.Node == nil:
		for i := range n.Pods {
			if n.Pods[i].Pod.Spec.NodeName == "" {
				return true
			}
		}
		return false
	case len(n.Pods) > 1:
		return true
	}
	p := &n.Pods[0]
	switch {
	case p.Terminating:
		return s.surge
	case p.Failed, p.Succeeded:
		return true
	}
	return !n.Decision.Keep
}
