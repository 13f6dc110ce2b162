package placement

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Summary counts the decisions of one template about many nodes.
type Summary struct {
	// Nodes is the number of nodes. Run is the number of those that should run a
	// pod, and Keep the number of those that keep one that is already there; Keep
	// includes Run.
	Nodes, Run, Keep int
	// Reasons counts the nodes that should not run a pod: the largest number first,
	// then by Reason, TaintKey and TaintValue.
	Reasons []ReasonCount
}

// ReasonCount is the number of nodes that should not run a pod for one reason.
type ReasonCount struct {
	// Reason is never ReasonEligible.
	Reason Reason
	// NodeName is the template's spec.nodeName, for ReasonNodeName.
	NodeName string
	// TaintKey and TaintValue are those of Explanation.Taint, for ReasonTaint.
	// Taints that differ only in their effect count together.
	TaintKey, TaintValue string
	// Nodes is the number of nodes.
	Nodes int
}

// Summarize decides every node and counts the decisions. The order of the nodes
// does not matter. A nil node counts with ReasonNoNode. Without nodes it
// returns the zero Summary.
func (m *Matcher) Summarize(nodes []*corev1.Node) Summary {
	m = m.orEmpty()
	s := Summary{Nodes: len(nodes)}
	counts := map[ReasonCount]int{} // the keys have no Nodes
	for _, node := range nodes {
		d := m.Decide(node)
		if d.Keep {
			s.Keep++
		}
		if d.Run {
			s.Run++
			continue
		}
		reason := ReasonCount{Reason: d.Reason}
		switch d.Reason {
		case ReasonNodeName:
			reason.NodeName = m.nodeName
		case ReasonTaint:
			first, _ := m.untolerated(node.Spec.Taints)
			reason.TaintKey, reason.TaintValue = node.Spec.Taints[first].Key, node.Spec.Taints[first].Value
		}
		counts[reason]++
	}
	for reason, nodes := range counts {
		reason.Nodes = nodes
		s.Reasons = append(s.Reasons, reason)
	}
	slices.SortFunc(s.Reasons, func(a, b ReasonCount) int {
		return cmp.Or(
			cmp.Compare(b.Nodes, a.Nodes),
			cmp.Compare(a.Reason, b.Reason),
			strings.Compare(a.TaintKey, b.TaintKey),
			strings.Compare(a.TaintValue, b.TaintValue),
		)
	})
	return s
}

// String returns one line in the style of the scheduler's message about a pod that
// fits no node (FitError.Error@v1.37.2). It names at most eight reasons:
//
//	2 of 3 nodes run it; 1 has untolerated taint node-role.kubernetes.io/control-plane
func (s Summary) String() string {
	if s.Nodes == 0 {
		return "no nodes"
	}
	verb := "run"
	if s.Run == 1 || s.Nodes == 1 {
		verb = "runs"
	}
	clauses := []string{strconv.Itoa(s.Run) + " of " + count(s.Nodes, "node", "nodes") + " " + verb + " it"}

	shown := s.Reasons[:min(len(s.Reasons), shownReasons)]
	for i := range shown {
		clauses = append(clauses, shown[i].String())
	}
	if others := s.Reasons[len(shown):]; len(others) > 0 {
		nodes := 0
		for i := range others {
			nodes += others[i].Nodes
		}
		clauses = append(clauses, count(nodes, "does", "do")+" not, for "+count(len(others), "other reason", "other reasons"))
	}
	return strings.Join(clauses, "; ")
}

// String returns the number of nodes and the reason, such as
// "2 do not match nodeSelector".
func (r ReasonCount) String() string {
	singular, plural, rest := "is", "are", ": "+r.Reason.String()
	switch r.Reason {
	case ReasonUnknown:
		rest = " undecided"
	case ReasonNodeName:
		singular, plural, rest = "does", "do", " not match nodeName "+word(r.NodeName)
	case ReasonNodeSelector:
		singular, plural, rest = "does", "do", " not match nodeSelector"
	case ReasonNodeAffinity:
		singular, plural, rest = "does", "do", " not match node affinity"
	case ReasonTaint:
		singular, plural, rest = "has", "have", " untolerated taint "+taintPair(r.TaintKey, r.TaintValue)
	case ReasonNoNode:
		singular, plural, rest = "does", "do", " not exist"
	}
	return count(r.Nodes, singular, plural) + rest
}
