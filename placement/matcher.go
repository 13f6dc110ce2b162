package placement

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Options are the feature gates that placement depends on. The zero value is the
// defaults of Kubernetes 1.37.
type Options struct {
	// ComparisonOperators is the feature gate TaintTolerationComparisonOperators,
	// alpha and off in 1.37: tolerations may have the operators Gt and Lt, which
	// compare integers. While it is off such a toleration tolerates nothing.
	ComparisonOperators bool
}

// Matcher is the placement part of one pod template, parsed once for any number
// of nodes. It is immutable and safe for concurrent use. It shares nothing with
// the template.
//
// A nil Matcher and the zero Matcher stand for an empty template.
type Matcher struct {
	nodeName string
	selector []selectorEntry // by key
	affinity *affinity       // nil: no required node affinity

	tolerations           []corev1.Toleration // the daemon pods' own
	noSchedule, noExecute []toleration        // those that can tolerate the effect
	opts                  Options
}

// selectorEntry is one entry of the template's nodeSelector.
type selectorEntry struct {
	key, value string
}

// emptyMatcher answers for the nil and the zero Matcher. Never written.
var emptyMatcher = Compile(nil, Options{})

// Compile parses the placement fields of a pod template: spec.nodeName,
// spec.nodeSelector, the required part of spec.affinity.nodeAffinity,
// spec.tolerations and spec.hostNetwork, which adds a default toleration. Compile
// copies what it keeps. A nil template is an empty one.
//
// Compile never fails and never returns nil. It skips a term or a toleration that it
// cannot parse, and [Matcher.Malformed] reports it. The controller skips them too
// (predicates@v1.37.2).
func Compile(template *corev1.PodTemplateSpec, opts Options) *Matcher {
	if template == nil {
		template = &corev1.PodTemplateSpec{}
	}
	spec := &template.Spec
	m := &Matcher{
		nodeName:    spec.NodeName,
		tolerations: Tolerations(spec),
		opts:        opts,
	}
	for key, value := range spec.NodeSelector {
		m.selector = append(m.selector, selectorEntry{key: key, value: value})
	}
	slices.SortFunc(m.selector, func(a, b selectorEntry) int { return strings.Compare(a.key, b.key) })

	if a := spec.Affinity; a != nil && a.NodeAffinity != nil {
		if required := a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution; required != nil {
			m.affinity = compileAffinity(required)
		}
	}
	m.noSchedule = compileTolerations(m.tolerations, corev1.TaintEffectNoSchedule, opts)
	m.noExecute = compileTolerations(m.tolerations, corev1.TaintEffectNoExecute, opts)
	return m
}

// orEmpty returns the Matcher of an empty template for the nil and the zero
// Matcher. A compiled Matcher always has the default tolerations.
func (m *Matcher) orEmpty() *Matcher {
	if m == nil || m.tolerations == nil {
		return emptyMatcher
	}
	return m
}

// Decide reports whether the node should run a daemon pod of the template,
// whether a pod that is already there stays, and the reason
// (NodeShouldRunDaemonPod@v1.37.2). It tries these rules in order; the first that
// the node fails is the reason:
//
//  1. If the template sets spec.nodeName, it must be the node's name. Otherwise the
//     node neither runs nor keeps a pod. (nodeShouldRunDaemonPod@v1.37.2)
//  2. The node's labels contain every entry of the template's nodeSelector. Otherwise
//     the node neither runs nor keeps a pod. Keys and values are not validated.
//     (NewRequiredNodeAffinity@v0.37.2)
//  3. At least one term of the required node affinity matches. Otherwise the node
//     neither runs nor keeps a pod. See below.
//  4. The pod must tolerate all taints with effect NoSchedule or NoExecute. Otherwise the
//     node runs no pod, and keeps one only if the pod tolerates all NoExecute taints.
//     (predicates@v1.37.2)
//
// Nothing else matters: preferred affinity, pod affinity, resources, ports, node
// conditions and spec.unschedulable are ignored. The node controller sets a taint for
// spec.unschedulable. A nil node gets ReasonNoNode and neither runs nor keeps a pod.
//
// A term of the node affinity matches if all its matchExpressions and
// matchFields match. An empty term matches no node, a malformed term matches no
// node, and an affinity without terms matches no node; a template without required
// affinity has no such rule. NotIn and DoesNotExist match a node that lacks the
// label. Gt and Lt match only a label that is a 64-bit integer
// (Requirement.Matches@v0.37.2). The only known field is metadata.name; any other
// is the empty string. On a node without a name every field matches
// (nodeSelectorTerm.match@v0.37.2), also if it names another node: ask
// [Matcher.NeedsName] before you decide such a node.
//
// The daemon pod's tolerations are those that [Tolerations] returns. A toleration
// tolerates a taint if its effect and its key are empty or equal the taint's,
// and its operator accepts the taint's value: Exists accepts any value, Equal and
// the empty operator accept the same value, and Gt and Lt accept a larger or a
// smaller integer in canonical decimal form if [Options] allows it. Any other
// operator tolerates nothing (ToleratesTaint@v0.37.2).
//
// Decide does not allocate. It does not change the node and keeps no pointer to it.
func (m *Matcher) Decide(node *corev1.Node) Decision {
	m = m.orEmpty()
	switch {
	case node == nil:
		return Decision{Reason: ReasonNoNode}
	case m.nodeName != "" && m.nodeName != node.Name:
		return Decision{Reason: ReasonNodeName}
	case len(m.selector) > 0 && m.failedEntry(node) >= 0:
		return Decision{Reason: ReasonNodeSelector}
	case m.affinity != nil && !m.affinity.matches(node):
		return Decision{Reason: ReasonNodeAffinity}
	case len(node.Spec.Taints) == 0:
		return Decision{Run: true, Keep: true, Reason: ReasonEligible}
	}
	first, noExecute := m.untolerated(node.Spec.Taints)
	if first < 0 {
		return Decision{Run: true, Keep: true, Reason: ReasonEligible}
	}
	return Decision{Keep: noExecute < 0, Reason: ReasonTaint}
}

// NeedsName reports whether the decision about a node depends on its name: the template sets
// spec.nodeName, or a term of its required node affinity that parses has matchFields. Then
// nobody can tell whether a node without a name, such as an autoscaler's template node, runs
// the pod, whatever Decide says. If NeedsName is false, Decide gives the same for every name
// and for none. kubernetes.io/hostname is a label and no name.
func (m *Matcher) NeedsName() bool {
	m = m.orEmpty()
	if m.nodeName != "" {
		return true
	}
	return m.affinity != nil && slices.ContainsFunc(m.affinity.terms, func(t term) bool {
		return t.state == termLive && len(t.fields) > 0
	})
}

// failedEntry returns the index of the first nodeSelector entry that the node's
// labels lack, or -1.
func (m *Matcher) failedEntry(node *corev1.Node) int {
	for i := range m.selector {
		if value, ok := node.Labels[m.selector[i].key]; !ok || value != m.selector[i].value {
			return i
		}
	}
	return -1
}

// Malformed returns the errors in the template that Decide skips: terms of the
// required node affinity that do not parse, as nodeaffinity.NewNodeSelector@v0.37.2
// reports them, and tolerations that tolerate nothing, because the operator is
// unknown, [Options] does not allow it, or its value is not an integer. It returns nil
// if there are none.
//
// Field paths start at the template's spec, such as "spec.tolerations[0].operator".
// The errors of the affinity come first, both in the template's order.
func (m *Matcher) Malformed() field.ErrorList {
	m = m.orEmpty()
	var errs field.ErrorList
	if m.affinity != nil {
		for i := range m.affinity.terms {
			errs = append(errs, m.affinity.terms[i].errorsAt(i)...)
		}
	}
	return append(errs, malformedTolerations(m.tolerations, m.opts)...)
}
