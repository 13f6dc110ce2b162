package placement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// An explanation has the details of its reason and no others.
func TestExplain(t *testing.T) {
	eligible := placement.Decision{Run: true, Keep: true, Reason: placement.ReasonEligible}
	not := func(r placement.Reason) placement.Decision { return placement.Decision{Reason: r} }
	emptyIsNil := cmp.FilterValues(func(a, b []placement.TermFailure) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
	for _, tc := range []struct {
		name string
		why  string
		spec corev1.PodSpec
		node *corev1.Node
		want placement.Explanation
	}{
		{
			name: "eligible",
			why:  "there is nothing to explain, though there are taints",
			spec: corev1.PodSpec{NodeName: "n", NodeSelector: labels{"a": "1"}, Affinity: required(fields(req("metadata.name", in, "n")))},
			node: node("n", labels{"a": "1"}, taint("x", "", preferNoSchedule)),
			want: placement.Explanation{Decision: eligible, Node: "n"},
		},
		{
			name: "node name",
			why:  "the template's name, not the node's",
			spec: corev1.PodSpec{NodeName: "m", NodeSelector: labels{"a": "1"}},
			node: node("n", nil, taint("x", "", noExecute)),
			want: placement.Explanation{Decision: not(placement.ReasonNodeName), Node: "n", NodeName: "m"},
		},
		{
			name: "node selector, other value",
			why:  "what the template asks for and what the node has",
			spec: corev1.PodSpec{NodeName: "n", NodeSelector: labels{"b": "1", "a": "1", "c": "1"}},
			node: node("n", labels{"a": "1", "b": "2"}, taint("x", "", noExecute)),
			want: placement.Explanation{
				Decision: not(placement.ReasonNodeSelector), Node: "n",
				SelectorKey: "b", SelectorValue: "1", LabelValue: "2", HasLabel: true,
			},
		},
		{
			name: "node selector, empty value",
			why:  "an empty label differs from none",
			spec: corev1.PodSpec{NodeSelector: labels{"b": "1"}},
			node: node("n", labels{"b": ""}),
			want: placement.Explanation{
				Decision: not(placement.ReasonNodeSelector), Node: "n",
				SelectorKey: "b", SelectorValue: "1", HasLabel: true,
			},
		},
		{
			name: "node selector, no label",
			why:  "the node has no label b",
			spec: corev1.PodSpec{NodeSelector: labels{"b": ""}},
			node: node("n", labels{"a": "1"}),
			want: placement.Explanation{Decision: not(placement.ReasonNodeSelector), Node: "n", SelectorKey: "b"},
		},
		{
			name: "affinity",
			why:  "one failure for each term",
			spec: corev1.PodSpec{NodeSelector: labels{"a": "1"}, Affinity: required(corev1.NodeSelectorTerm{}, fields(req("metadata.name", in, "m")))},
			node: node("n", labels{"a": "1"}, taint("x", "", noExecute)),
			want: placement.Explanation{
				Decision: not(placement.ReasonNodeAffinity), Node: "n",
				AffinityFailures: []placement.TermFailure{
					{Term: 0, Cause: placement.TermCauseEmpty},
					{Term: 1, Cause: placement.TermCauseField, Requirement: req("metadata.name", in, "m"), Value: "n", HasValue: true},
				},
			},
		},
		{
			name: "affinity without terms",
			why:  "no term fails, and still no node matches",
			spec: corev1.PodSpec{Affinity: required()},
			node: node("n", nil),
			want: placement.Explanation{Decision: not(placement.ReasonNodeAffinity), Node: "n"},
		},
		{
			name: "taint NoSchedule",
			why:  "it keeps new pods away only",
			node: node("n", nil, taint("p", "", preferNoSchedule), taint("x", "1", noSchedule)),
			want: placement.Explanation{
				Decision: placement.Decision{Keep: true, Reason: placement.ReasonTaint}, Node: "n",
				Taint: &corev1.Taint{Key: "x", Value: "1", Effect: noSchedule},
			},
		},
		{
			name: "taint NoExecute",
			why:  "the same taint keeps new pods away and drives others out",
			node: node("n", nil, taint("x", "1", noExecute), taint("y", "", noSchedule)),
			want: placement.Explanation{
				Decision: not(placement.ReasonTaint), Node: "n",
				Taint:          &corev1.Taint{Key: "x", Value: "1", Effect: noExecute},
				NoExecuteTaint: &corev1.Taint{Key: "x", Value: "1", Effect: noExecute},
			},
		},
		{
			name: "taints of both effects",
			why:  "the first of each",
			node: node("n", nil, taint("x", "", noSchedule), taint("y", "", noExecute), taint("z", "", noExecute)),
			want: placement.Explanation{
				Decision: not(placement.ReasonTaint), Node: "n",
				Taint:          &corev1.Taint{Key: "x", Effect: noSchedule},
				NoExecuteTaint: &corev1.Taint{Key: "y", Effect: noExecute},
			},
		},
		{
			name: "no node",
			why:  "there is no node to explain",
			spec: corev1.PodSpec{NodeName: "n"},
			want: placement.Explanation{Decision: not(placement.ReasonNoNode)},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := placement.Compile(template(tc.spec), placement.Options{})
			got := m.Explain(tc.node)
			if diff := cmp.Diff(tc.want, got, emptyIsNil); diff != "" {
				t.Errorf("Explain() of %s (-want +got):\n%s", tc.why, diff)
			}
			if d := m.Decide(tc.node); d != got.Decision {
				t.Errorf("Explain() = %v, Decide() = %v", got.Decision, d)
			}
			for _, taint := range []*corev1.Taint{got.Taint, got.NoExecuteTaint} {
				if taint != nil && !pointsInto(tc.node, taint) {
					t.Errorf("taint %v does not point into the node", taint)
				}
			}
		})
	}
}

func pointsInto(n *corev1.Node, taint *corev1.Taint) bool {
	for i := range n.Spec.Taints {
		if taint == &n.Spec.Taints[i] {
			return true
		}
	}
	return false
}

// Equal decisions and explanations are equal whichever Matcher made them, and
// cmp.Diff compares them without options.
func TestResultsAreComparable(t *testing.T) {
	spec := corev1.PodSpec{
		NodeSelector: labels{"disk": "ssd"},
		Affinity:     required(expressions(req("zone", in, "a")), expressions(req("zone", "Near"))),
	}
	for _, n := range []*corev1.Node{
		nil,
		node("n", nil),
		node("n", labels{"disk": "ssd"}),
		node("n", labels{"disk": "ssd", "zone": "a"}),
		node("n", labels{"disk": "ssd", "zone": "a"}, taint("x", "", noSchedule), taint("y", "", noExecute)),
	} {
		a, b := placement.Compile(template(spec), placement.Options{}), placement.Compile(template(spec), placement.Options{})
		first, second := a.Decide(n), b.Decide(n.DeepCopy())
		if first != second || first != b.Explain(n).Decision {
			t.Errorf("Decide() = %v, by another Matcher %v, want equal decisions", first, second)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("Decide() by two Matchers (-one +other):\n%s", diff)
		}
		if diff := cmp.Diff(a.Explain(n), b.Explain(n.DeepCopy())); diff != "" {
			t.Errorf("Explain() by two Matchers (-one +other):\n%s", diff)
		}
		nodes := []*corev1.Node{n, n}
		if diff := cmp.Diff(a.Summarize(nodes), b.Summarize(nodes)); diff != "" {
			t.Errorf("Summarize() by two Matchers (-one +other):\n%s", diff)
		}
	}
}

func TestAffinityFailures(t *testing.T) {
	const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
	m := placement.Compile(template(corev1.PodSpec{Affinity: required(
		expressions(req("zone", exists), req("zone", in, "a", "b"), req("gpu", exists)),
		corev1.NodeSelectorTerm{},
		expressions(req("zone", "Near", "a"), req("_", exists)),
		fields(req("metadata.name", notIn, "m"), req("metadata.name", in, "m")),
		fields(req("spec.x", in, "m")),
		expressions(req("gpu", in, "a")),
	)}), placement.Options{})
	n := node("n", labels{"zone": "c"})

	want := []placement.TermFailure{
		{Term: 0, Cause: placement.TermCauseLabel, Index: 1, Requirement: req("zone", in, "a", "b"), Value: "c", HasValue: true},
		{Term: 1, Cause: placement.TermCauseEmpty},
		{Term: 2, Cause: placement.TermCauseMalformed, Malformed: field.ErrorList{
			{Type: field.ErrorTypeNotSupported, Field: path + "[2].matchExpressions[0].operator"},
			{Type: field.ErrorTypeInvalid, Field: path + "[2].matchExpressions[1].key"},
		}},
		{Term: 3, Cause: placement.TermCauseField, Index: 1, Requirement: req("metadata.name", in, "m"), Value: "n", HasValue: true},
		{Term: 4, Cause: placement.TermCauseField, Requirement: req("spec.x", in, "m")},
		{Term: 5, Cause: placement.TermCauseLabel, Requirement: req("gpu", in, "a")},
	}
	placeOnly := cmp.Comparer(func(a, b *field.Error) bool { return a.Type == b.Type && a.Field == b.Field })
	if diff := cmp.Diff(want, m.Explain(n).AffinityFailures, placeOnly); diff != "" {
		t.Errorf("AffinityFailures (-want +got):\n%s", diff)
	}

	// A caller's change stays with the caller.
	m.Explain(n).AffinityFailures[0].Requirement.Values[0] = "c"
	if diff := cmp.Diff(want, m.Explain(n).AffinityFailures, placeOnly); diff != "" {
		t.Errorf("AffinityFailures after a change of its result (-want +got):\n%s", diff)
	}
}
