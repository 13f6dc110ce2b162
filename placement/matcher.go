package placement

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Options are the cluster-wide settings that placement depends on.
// The zero value is what Kubernetes 1.37 does without any feature gate set.
type Options struct {
	// ComparisonOperators is the feature gate TaintTolerationComparisonOperators:
	// tolerations with the operators Gt and Lt compare integers. While it is off
	// (alpha and off in 1.37) such a toleration tolerates nothing.
	ComparisonOperators bool
}

// Matcher is the placement part of one pod template, made ready to be asked
// about many nodes. It is immutable, so one Matcher may be used from several
// goroutines, and it holds nothing of the template it was compiled from.
//
// The zero Matcher, like a nil one, is that of an empty template.
type Matcher struct {
	nodeName string
	selector []selectorEntry // by key
	affinity *affinity       // nil: no required node affinity

	tolerations           []corev1.Toleration // what the pods carry
	noSchedule, noExecute []toleration        // what of it can tolerate these effects
	opts                  Options
}

// selectorEntry is one entry of the template's nodeSelector.
type selectorEntry struct {
	key, value string
}

// emptyMatcher answers for the nil and the zero Matcher. Never written.
var emptyMatcher = Compile(nil, Options{})

// Compile reads the placement fields of a pod template: spec.nodeName,
// spec.nodeSelector, the required part of spec.affinity.nodeAffinity,
// spec.tolerations and spec.hostNetwork (which brings one more default
// toleration). The template is copied where needed and never changed; nil
// stands for an empty template.
//
// Compile never fails and never returns nil: what cannot be parsed is passed
// over while deciding, as predicates@v1.37.2 does. Callers who want to refuse it
// look at [Matcher.Malformed].
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

// orEmpty lets the nil and the zero Matcher stand for an empty template. A
// compiled Matcher always has the default tolerations.
func (m *Matcher) orEmpty() *Matcher {
	if m == nil || m.tolerations == nil {
		return emptyMatcher
	}
	return m
}

// Decide tells whether a daemon pod of the template belongs on the node, whether
// one that is already there stays, and why
// (NodeShouldRunDaemonPod@v1.37.2). The node is only read, and the Decision keeps
// a pointer to it, so that it can be explained later; a nil node gets
// ReasonNoNode.
//
// Decide does not allocate, whatever the outcome.
func (m *Matcher) Decide(node *corev1.Node) Decision {
	m = m.orEmpty()
	d := Decision{matcher: m, node: node}
	switch {
	case node == nil:
		d.Reason = ReasonNoNode
	case m.nodeName != "" && m.nodeName != node.Name:
		d.Reason = ReasonNodeName
	case len(m.selector) > 0 && m.failedEntry(node) >= 0:
		d.Reason = ReasonNodeSelector
	case m.affinity != nil && !m.affinity.matches(node):
		d.Reason = ReasonNodeAffinity
	case len(node.Spec.Taints) == 0:
		d.Run, d.Keep, d.Reason = true, true, ReasonEligible
	default:
		first, noExecute := m.untolerated(node.Spec.Taints)
		d.Run, d.Keep, d.Reason = first < 0, noExecute < 0, ReasonTaint
		if d.Run {
			d.Reason = ReasonEligible
		}
	}
	return d
}

// failedEntry is the index of the first nodeSelector entry that the node's labels
// do not have, -1 when they have all.
func (m *Matcher) failedEntry(node *corev1.Node) int {
	for i := range m.selector {
		if value, ok := node.Labels[m.selector[i].key]; !ok || value != m.selector[i].value {
			return i
		}
	}
	return -1
}

// Malformed lists what of the template cannot be read and therefore counts for
// nothing while deciding: terms of the required node affinity that do not parse,
// and tolerations whose operator is unknown or switched off or whose number is
// none. The paths start at the template's spec, as in
// spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.
// The affinity comes first, each list in the template's order; nil means that
// all is well. The affinity errors are those of
// nodeaffinity.NewNodeSelector@v0.37.2.
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

// Tolerations returns what a daemon pod of the template carries, as
// [Tolerations] does: a new slice that the caller may change.
func (m *Matcher) Tolerations() []corev1.Toleration {
	return copyTolerations(m.orEmpty().tolerations)
}
