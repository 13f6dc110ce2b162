package placement_test

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

// Decide allocates nothing, regardless of the outcome.
func TestDecideAllocations(t *testing.T) {
	comparing := placement.Options{ComparisonOperators: true}
	few, many := []string{"a", "b"}, make([]string, 40)
	for i := range many {
		many[i] = string(rune('a' + i%26))
	}
	for _, tc := range []struct {
		name string
		why  string
		spec corev1.PodSpec
		node *corev1.Node
		want placement.Reason
	}{
		{"plain", "the usual case", corev1.PodSpec{}, node("n", nil), placement.ReasonEligible},
		{"no node", "nil", corev1.PodSpec{}, nil, placement.ReasonNoNode},
		{"node name", "another", corev1.PodSpec{NodeName: "m"}, node("n", nil), placement.ReasonNodeName},
		{"node selector", "missing", corev1.PodSpec{NodeSelector: labels{"a": "b"}}, node("n", nil), placement.ReasonNodeSelector},
		{"six NotIn", "all match", corev1.PodSpec{Affinity: avoidSix()}, node("n", labels{"type": "x"}), placement.ReasonEligible},
		{"In", "few and many values", corev1.PodSpec{Affinity: required(expressions(req("a", in, few...), req("b", in, many...)))}, node("n", labels{"a": "b", "b": "?"}), placement.ReasonNodeAffinity},
		{"Gt of no number", "strconv would allocate the error", corev1.PodSpec{Affinity: required(expressions(req("a", gt, "1")))}, node("n", labels{"a": "no number"}), placement.ReasonNodeAffinity},
		{"Lt out of range", "strconv would allocate the error", corev1.PodSpec{Affinity: required(expressions(req("a", lt, "1")))}, node("n", labels{"a": "9223372036854775808"}), placement.ReasonNodeAffinity},
		{"matchFields", "upstream makes a map for it", corev1.PodSpec{Affinity: required(fields(req("metadata.name", in, "m")))}, node("n", nil), placement.ReasonNodeAffinity},
		{"malformed and empty", "upstream gathers errors", corev1.PodSpec{Affinity: required(expressions(req("a", "Near")), corev1.NodeSelectorTerm{})}, node("n", nil), placement.ReasonNodeAffinity},
		{"taints", "of all kinds", corev1.PodSpec{}, node("n", nil, taint("p", "", preferNoSchedule), taint("a", "", noSchedule), taint("b", "", noExecute)), placement.ReasonTaint},
		{"taint of no number", "upstream makes an error for the log", corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("a", corev1.TolerationOpGt, "1", "")}}, node("n", nil, taint("a", "no number", noSchedule)), placement.ReasonTaint},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := placement.Compile(template(tc.spec), comparing)
			if got := m.Decide(tc.node); got.Reason != tc.want {
				t.Fatalf("Decide() = %v, want reason %v", got, tc.want)
			}
			if got := testing.AllocsPerRun(100, func() { m.Decide(tc.node) }); got != 0 {
				t.Errorf("Decide() allocates %v times, want 0 (%s)", got, tc.why)
			}
			var zero placement.Matcher
			if got := testing.AllocsPerRun(100, func() { zero.Decide(tc.node) }); got != 0 {
				t.Errorf("the zero Matcher's Decide() allocates %v times, want 0", got)
			}
		})
	}

	old := node("n", labels{"a": "1"}, taint("a", "", noSchedule))
	cur := old.DeepCopy()
	m := placement.Compile(nil, placement.Options{})
	if got := testing.AllocsPerRun(100, func() {
		if placement.NodeChanged(old, cur) || m.DecisionChanged(old, cur) {
			t.Error("an unchanged node counts as changed")
		}
	}); got != 0 {
		t.Errorf("NodeChanged() and DecisionChanged() allocate %v times, want 0", got)
	}
}

// Explain allocates for the node affinity only.
func TestExplainAllocations(t *testing.T) {
	m := placement.Compile(template(corev1.PodSpec{NodeSelector: labels{"a": "b"}}), placement.Options{})
	for _, n := range []*corev1.Node{nil, node("n", nil), node("n", labels{"a": "b"}), node("n", labels{"a": "b"}, taint("x", "", noExecute))} {
		if got := testing.AllocsPerRun(100, func() { m.Explain(n) }); got != 0 {
			t.Errorf("Explain() allocates %v times, want 0: %v", got, m.Explain(n))
		}
	}
}

// Programs keep a Decision for each of 100,000 nodes.
func TestDecisionSize(t *testing.T) {
	if got := reflect.TypeFor[placement.Decision]().Size(); got > 4 {
		t.Errorf("a Decision has %d bytes, want at most 4", got)
	}
}
