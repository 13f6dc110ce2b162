package placement

import corev1 "k8s.io/api/core/v1"

// Explanation is a Decision with its details. The Reason says which fields are
// set; the others are zero. Two explanations can be compared with cmp.Diff.
type Explanation struct {
	Decision

	// Node is the node's name; empty for ReasonNoNode.
	Node string

	// NodeName is the template's spec.nodeName, for ReasonNodeName.
	NodeName string

	// SelectorKey and SelectorValue are an entry of the template's nodeSelector,
	// for ReasonNodeSelector: the first, by key, that the node's labels lack.
	SelectorKey, SelectorValue string
	// LabelValue is the value of the node's label SelectorKey.
	LabelValue string
	// HasLabel is false if the node has no label of that key.
	HasLabel bool

	// AffinityFailures has one entry for each term of the required node affinity,
	// in the template's order, for ReasonNodeAffinity. It is empty if the
	// affinity has no terms, which matches no node.
	AffinityFailures []TermFailure

	// Taint is the first untolerated taint with effect NoSchedule or NoExecute, for
	// ReasonTaint. It points into the node: read-only.
	Taint *corev1.Taint
	// NoExecuteTaint is the first untolerated taint with effect NoExecute. It is nil if
	// Keep is true. It points into the node: read-only.
	NoExecuteTaint *corev1.Taint
}

// Explain returns the decision about the node with its details. A nil node
// gets ReasonNoNode. The result shares the taints with the node and nothing else.
//
// Explain costs little more than Decide, except for ReasonNodeAffinity: then it
// copies the requirements that fail. Call it for the nodes that you show.
func (m *Matcher) Explain(node *corev1.Node) Explanation {
	m = m.orEmpty()
	e := Explanation{Decision: m.Decide(node)}
	if node == nil {
		return e
	}
	e.Node = node.Name
	switch e.Reason {
	case ReasonNodeName:
		e.NodeName = m.nodeName
	case ReasonNodeSelector:
		entry := m.selector[m.failedEntry(node)]
		e.SelectorKey, e.SelectorValue = entry.key, entry.value
		e.LabelValue, e.HasLabel = node.Labels[entry.key]
	case ReasonNodeAffinity:
		e.AffinityFailures = make([]TermFailure, 0, len(m.affinity.terms))
		for i := range m.affinity.terms {
			if failure, failed := m.affinity.terms[i].explain(i, node); failed {
				e.AffinityFailures = append(e.AffinityFailures, failure)
			}
		}
	case ReasonTaint:
		taints := node.Spec.Taints
		first, noExecute := m.untolerated(taints)
		e.Taint = &taints[first]
		if noExecute >= 0 {
			e.NoExecuteTaint = &taints[noExecute]
		}
	}
	return e
}

// String returns the decision and its details in one line:
//
//	worker-1: runs here
//	worker-2: does not run: nodeName is worker-1
//	worker-2: does not run: nodeSelector disk=ssd, node has disk=hdd
//	worker-2: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] disk Exists, node has no label disk
//	worker-2: does not run: untolerated taint dedicated=db:NoExecute
//	control-plane: does not run: untolerated taint node-role.kubernetes.io/control-plane:NoSchedule; an existing pod stays
//
// A pod on a node with "does not run" is not kept unless the line says so. The line
// has at most four terms of the node affinity, separated by semicolons.
func (e Explanation) String() string {
	name := word(e.Node)
	if e.Node == "" && (e.Reason == ReasonNoNode || e.Reason == ReasonUnknown) {
		name = "(no node)"
	}
	return name + ": " + e.sentence(e.Cause())
}

// Cause returns the part of String that gives the reason and its details, such as
// "untolerated taint dedicated=db:NoExecute". For a node that runs the pod it
// is "eligible".
func (e Explanation) Cause() string {
	switch e.Reason {
	case ReasonNodeName:
		return "nodeName is " + word(e.NodeName)
	case ReasonNodeSelector:
		return "nodeSelector " + pair(e.SelectorKey, e.SelectorValue) + ", " +
			nodeHas("label", e.SelectorKey, e.LabelValue, e.HasLabel)
	case ReasonNodeAffinity:
		return "node affinity: " + affinitySentence(e.AffinityFailures)
	case ReasonTaint:
		return e.taintSentence()
	default:
		return e.Reason.String()
	}
}

// taintSentence names the taint that keeps a pod away and, if it is another
// one, the taint that drives a pod out.
func (e Explanation) taintSentence() string {
	if e.Taint == nil {
		return e.Reason.String()
	}
	s := "untolerated taint " + taintText(e.Taint)
	if e.NoExecuteTaint != nil && e.Taint.Effect != corev1.TaintEffectNoExecute {
		s += " and " + taintText(e.NoExecuteTaint)
	}
	return s
}
