package overhead

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// Fact is something that is not known about a node and decides whether a pod runs there.
type Fact struct {
	// Kind says which of the fields below is set.
	Kind FactKind
	// Label is the key, for FactLabel.
	Label string
	// Taint is the taint, for FactStartupTaint.
	Taint corev1.Taint
}

// FactKind is the kind of a Fact.
type FactKind uint8

// The kinds of facts. Zero is not a kind.
const (
	// FactName is the name of the node.
	FactName FactKind = iota + 1
	// FactLabel is a label: whether the node has it, and its value.
	FactLabel
	// FactStartupTaint is a startup taint: whether it is still there.
	FactStartupTaint
)

// String returns the kind in a few words.
func (k FactKind) String() string {
	switch k {
	case FactName:
		return "name"
	case FactLabel:
		return "label"
	case FactStartupTaint:
		return "startup taint"
	default:
		return "FactKind(" + strconv.Itoa(int(k)) + ")"
	}
}

// String returns "the name of the node", `label "zone"` or
// "startup taint starting:NoSchedule".
func (f Fact) String() string {
	switch f.Kind {
	case FactName:
		return "the name of the node"
	case FactLabel:
		return "label " + strconv.Quote(f.Label)
	case FactStartupTaint:
		return "startup taint " + f.Taint.ToString()
	default:
		return f.Kind.String()
	}
}

// Explanation is a verdict with its reason.
type Explanation struct {
	// Name is the DaemonSet as "namespace/name", or its name if it has no namespace.
	Name string
	// Verdict is the answer.
	Verdict Verdict
	// Placement is the explanation of the Decision of NodeDaemon. Its taints are copies. Where a
	// fact is not known its value is empty, unless the rule fails only for that value.
	Placement placement.Explanation
	// DependsOn are the facts on which the answer depends, for VerdictCannotTell: the answer
	// changes with each of them for at least one state of the others. Labels come first, by
	// key, then the name, then the startup taints in the order of Input.
	DependsOn []Fact
	// Refused is Daemon.Refused, for VerdictRefused.
	Refused field.ErrorList
}

// Explain returns the verdict of OnNode about the DaemonSet of an index in List, with its
// reason. Whether the node has room for the pod is in NodeDaemon.Fits only. It costs much more than
// OnNode does for one DaemonSet: call it for those that you show. It fails as OnNode does, and if
// there is no such index.
//
// If a DaemonSet can tell more than 4096 states of the unknown facts apart, DependsOn are all
// that it asks for.
func (d *Daemons) Explain(index int, in Input) (Explanation, error) {
	d = d.orEmpty()
	if err := d.checkIndex(index); err != nil {
		return Explanation{}, err
	}
	if err := in.check(); err != nil {
		return Explanation{}, err
	}
	var s scratch
	s.begin(d, &in)
	r := &d.rules[d.compiled[index].rules]
	verdict, decision := s.verdict(r)
	s.begin(d, &in) // Back to the known state.
	e := Explanation{Name: d.compiled[index].name, Verdict: verdict}
	s.node.Spec.Taints = s.taints
	if e.Placement = r.matcher.Explain(&s.node); verdict == VerdictDoesNotRun {
		s.open(r)
		e.Placement = s.furthest(r)
	}
	e.Placement.Decision = decision
	s.forgetMadeUp(d, &e.Placement)
	e.Placement.Node = in.Node.Name
	e.Placement.Taint, e.Placement.NoExecuteTaint = e.Placement.Taint.DeepCopy(), e.Placement.NoExecuteTaint.DeepCopy()
	switch {
	case d.list[index].Refused != nil && verdict != VerdictDoesNotRun:
		e.Verdict, e.Refused = VerdictRefused, d.list[index].Refused
	case verdict == VerdictCannotTell:
		s.open(r)
		e.DependsOn = s.dependsOn(r)
	}
	return e, nil
}

func (d *Daemons) checkIndex(index int) error {
	if index < 0 || index >= len(d.list) {
		return field.Invalid(field.NewPath("index"), index, "there are "+count(len(d.list), "DaemonSet", "DaemonSets"))
	}
	return nil
}

// dependsOn returns the facts that change the answer. The axes are open, and the pod runs in
// one of their states once the startup taints are gone.
func (s *scratch) dependsOn(r *rules) []Fact {
	matters := make([]bool, len(s.axes))
	var runs []bool
	complete := s.eachState(func() bool {
		s.node.Spec.Taints = nil
		runs = append(runs, r.matcher.Decide(&s.node).Run)
		return true
	})
	// If not all states were tried, the strides mean nothing: their product may overflow.
	for i, stride := 0, 1; complete && i < len(s.axes); i++ {
		n := s.axes[i].len()
		for state := range runs {
			// Compare each state with the next along this axis.
			if state/stride%n+1 < n && state+stride < len(runs) && runs[state] != runs[state+stride] {
				matters[i] = true
			}
		}
		stride *= n
	}
	var facts []Fact
	for i := range s.axes {
		switch {
		case complete && !matters[i]:
		case s.axes[i].names != nil:
			facts = append(facts, Fact{Kind: FactName})
		default:
			facts = append(facts, Fact{Kind: FactLabel, Label: s.axes[i].key})
		}
	}
	for _, taint := range s.untolerated(r) {
		facts = append(facts, Fact{Kind: FactStartupTaint, Taint: *taint.DeepCopy()})
	}
	return facts
}

// furthest explains why none of the states of the axes runs the pod. The reason is that of the
// state that fails the last of the rules: if something that is known keeps the pod away, it is
// that. Each term of the node affinity has the last of its requirements that fails.
func (s *scratch) furthest(r *rules) placement.Explanation {
	axes := s.axes
	defer func() { s.axes = axes }()
	s.pin(r) // A state that fails an entry of the selector is no further than one that does not.
	s.axes = s.pinned
	var found placement.Explanation
	s.eachState(func() bool {
		s.node.Spec.Taints = s.taints
		e := r.matcher.Explain(&s.node)
		switch {
		case e.Reason > found.Reason, e.Reason == found.Reason && e.SelectorKey > found.SelectorKey:
			found = e
		case e.Reason == found.Reason && e.Reason == placement.ReasonNodeAffinity:
			for i := range e.AffinityFailures {
				a, b := &found.AffinityFailures[i], &e.AffinityFailures[i]
				if cmp.Or(cmp.Compare(b.Cause, a.Cause), cmp.Compare(b.Index, a.Index)) > 0 {
					*a = *b
				}
			}
		}
		// Taints do not depend on the axes.
		return e.Reason != placement.ReasonTaint
	})
	return found
}

// forgetMadeUp takes out of an explanation what a state says of a fact that is not known, if
// the rule fails as well without it.
func (s *scratch) forgetMadeUp(d *Daemons, e *placement.Explanation) {
	if n, ok := d.labels[e.SelectorKey]; ok && s.unknown.has(n) {
		e.LabelValue, e.HasLabel = "", false
	}
	for i := range e.AffinityFailures {
		f := &e.AffinityFailures[i]
		n, ok := d.labels[f.Requirement.Key]
		madeUp := f.Cause == placement.TermCauseLabel && ok && s.unknown.has(n) || f.Cause == placement.TermCauseField && s.nameUnknown
		if op := f.Requirement.Operator; madeUp && op != corev1.NodeSelectorOpNotIn && op != corev1.NodeSelectorOpDoesNotExist {
			f.Value, f.HasValue = "", false
		}
	}
}

// untolerated returns the startup taints that the pod does not tolerate.
func (s *scratch) untolerated(r *rules) []corev1.Taint {
	tolerations := placement.Compile(&corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Tolerations: r.template.Spec.Tolerations, HostNetwork: r.template.Spec.HostNetwork,
	}}, r.opts)
	return slices.DeleteFunc(slices.Clone(s.going()), func(taint corev1.Taint) bool {
		return tolerations.Decide(&corev1.Node{Spec: corev1.NodeSpec{Taints: []corev1.Taint{taint}}}).Run
	})
}

// String returns the explanation in one line:
//
//	kube-system/agent on worker-1: should run
//	kube-system/agent on worker-1: does not run: nodeSelector disk=ssd, node has no label disk
//	kube-system/agent on worker-1: cannot tell: depends on label "zone"
//	kube-system/agent on worker-1: refused: spec.template.spec.containers[0].resources.requests[cpu]: ...
func (e Explanation) String() string {
	s := e.Name + " on " + e.Placement.Node
	if e.Placement.Node == "" {
		s = e.Name + " on a node without a name"
	}
	switch e.Verdict {
	case VerdictCannotTell:
		return s + ": cannot tell: depends on " + list(e.DependsOn)
	case VerdictRefused:
		if len(e.Refused) > 0 && e.Refused[0] != nil {
			return s + ": refused: " + e.Refused[0].Error()
		}
		return s + ": refused"
	case VerdictDoesNotRun:
		return s + ": does not run: " + e.Placement.Cause()
	default:
		return s + ": " + e.Verdict.String()
	}
}

func list(facts []Fact) string {
	words := make([]string, len(facts))
	for i := range facts {
		words[i] = facts[i].String()
	}
	return strings.Join(words, ", ")
}

// count writes a number with its noun.
func count(n int, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return strconv.Itoa(n) + " " + plural
}
