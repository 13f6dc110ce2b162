package placement

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Summary counts decisions, usually those of one template about all nodes.
type Summary struct {
	// Nodes is the number of decisions. Run of them run the pod, and Keep of them,
	// which includes those, keep one that is already there.
	Nodes, Run, Keep int
	// Reasons is why the others do not run it: most nodes first, equal numbers by
	// Reason, and then by the names in it.
	Reasons []ReasonCount
}

// ReasonCount is the number of nodes that do not run the pod for one reason.
type ReasonCount struct {
	// Reason is what they have in common, never ReasonEligible.
	Reason Reason
	// NodeName is the one that the template asks for, for ReasonNodeName.
	NodeName string
	// TaintKey and TaintValue are those of the taint, for ReasonTaint. Its effect does
	// not make another reason.
	TaintKey, TaintValue string
	// Nodes is how many.
	Nodes int
}

// Summarize counts decisions. Their order does not matter; nil gives the zero
// Summary.
func Summarize(decisions []Decision) Summary {
	s := Summary{Nodes: len(decisions)}
	counts := map[ReasonCount]int{} // by reason, Nodes being zero
	for _, d := range decisions {
		if d.Keep {
			s.Keep++
		}
		if d.Run {
			s.Run++
			continue
		}
		reason := ReasonCount{Reason: d.Reason, NodeName: d.NodeName()}
		if taint := d.Taint(); taint != nil {
			reason.TaintKey, reason.TaintValue = taint.Key, taint.Value
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
			strings.Compare(a.NodeName, b.NodeName),
			strings.Compare(a.TaintKey, b.TaintKey),
			strings.Compare(a.TaintValue, b.TaintValue),
		)
	})
	return s
}

// String reads like the scheduler's message about a pod that fits nowhere
// (FitError.Error@v1.37.2), and goes on after eight reasons with a number only:
//
//	2 of 3 nodes run it; 1 has untolerated taint {node-role.kubernetes.io/control-plane: }
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
		clauses = append(clauses, count(nodes, "does", "do")+" not for "+count(len(others), "other reason", "other reasons"))
	}
	return strings.Join(clauses, "; ")
}

// String returns the number and the reason, such as
// "2 do not match nodeSelector".
func (r ReasonCount) String() string {
	singular, plural, rest := "is", "are", ": "+r.Reason.String()
	switch r.Reason {
	case ReasonUnknown:
		rest = " undecided"
	case ReasonNodeName:
		singular, plural, rest = "is", "are", " not node "+word(r.NodeName)
	case ReasonNodeSelector:
		singular, plural, rest = "does", "do", " not match nodeSelector"
	case ReasonNodeAffinity:
		singular, plural, rest = "does", "do", " not match node affinity"
	case ReasonTaint:
		singular, plural, rest = "has", "have", " untolerated taint "+braced(r.TaintKey, r.TaintValue)
	case ReasonNoNode:
		singular, plural, rest = "does", "do", " not exist"
	}
	return count(r.Nodes, singular, plural) + rest
}
