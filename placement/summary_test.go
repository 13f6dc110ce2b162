package placement_test

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

func TestSummarize(t *testing.T) {
	ssd := corev1.PodSpec{NodeSelector: labels{"disk": "ssd"}}
	var tainted []*corev1.Node
	for i := range 12 {
		tainted = append(tainted, node(fmt.Sprint(i), nil, taint("tenant", fmt.Sprintf("t%02d", i), noSchedule)))
	}
	for _, tc := range []struct {
		name  string
		why   string
		spec  corev1.PodSpec
		nodes []*corev1.Node
		want  placement.Summary
		text  string
	}{
		{
			name: "no nodes",
			why:  "a cluster may be empty",
			text: "no nodes",
		},
		{
			name:  "the lesson's cluster",
			why:   "one control plane, two workers",
			nodes: []*corev1.Node{node("control-plane", nil, taint(controlPlane, "", noSchedule)), node("worker", nil), node("worker2", nil)},
			want: placement.Summary{Nodes: 3, Run: 2, Keep: 3, Reasons: []placement.ReasonCount{
				{Reason: placement.ReasonTaint, TaintKey: controlPlane, Nodes: 1},
			}},
			text: "2 of 3 nodes run it; 1 has untolerated taint node-role.kubernetes.io/control-plane",
		},
		{
			name:  "one of one",
			why:   "singular",
			nodes: []*corev1.Node{node("a", nil)},
			want:  placement.Summary{Nodes: 1, Run: 1, Keep: 1},
			text:  "1 of 1 node runs it",
		},
		{
			name:  "none of one",
			why:   "singular",
			spec:  ssd,
			nodes: []*corev1.Node{node("a", nil)},
			want:  placement.Summary{Nodes: 1, Reasons: []placement.ReasonCount{{Reason: placement.ReasonNodeSelector, Nodes: 1}}},
			text:  "0 of 1 node runs it; 1 does not match nodeSelector",
		},
		{
			name:  "one of two",
			why:   "one runs it",
			spec:  ssd,
			nodes: []*corev1.Node{node("a", nil), node("b", ssd.NodeSelector)},
			want:  placement.Summary{Nodes: 2, Run: 1, Keep: 1, Reasons: []placement.ReasonCount{{Reason: placement.ReasonNodeSelector, Nodes: 1}}},
			text:  "1 of 2 nodes runs it; 1 does not match nodeSelector",
		},
		{
			name:  "nodeName",
			why:   "a pinned template runs on one node at most",
			spec:  corev1.PodSpec{NodeName: "a"},
			nodes: []*corev1.Node{node("a", nil), node("b", nil), node("c", nil)},
			want:  placement.Summary{Nodes: 3, Run: 1, Keep: 1, Reasons: []placement.ReasonCount{{Reason: placement.ReasonNodeName, NodeName: "a", Nodes: 2}}},
			text:  "1 of 3 nodes runs it; 2 do not match nodeName a",
		},
		{
			name:  "affinity",
			why:   "plural; the failing term differs from node to node and is left out",
			spec:  corev1.PodSpec{Affinity: required(expressions(req("zone", in, "a")))},
			nodes: []*corev1.Node{node("a", nil), node("b", labels{"zone": "b"})},
			want:  placement.Summary{Nodes: 2, Reasons: []placement.ReasonCount{{Reason: placement.ReasonNodeAffinity, Nodes: 2}}},
			text:  "0 of 2 nodes run it; 2 do not match node affinity",
		},
		{
			name: "order",
			why:  "most nodes first, then by reason and name; an effect makes no other group, a value does",
			spec: ssd,
			nodes: []*corev1.Node{
				node("1", ssd.NodeSelector, taint("b", "", noExecute)),
				node("2", ssd.NodeSelector, taint("a", "2", noSchedule)),
				node("3", ssd.NodeSelector, taint("a", "1", noSchedule)),
				node("4", ssd.NodeSelector, taint("c", "", noSchedule)),
				node("5", ssd.NodeSelector, taint("c", "", noExecute)),
				nil,
				node("6", nil),
				node("7", ssd.NodeSelector),
			},
			want: placement.Summary{Nodes: 8, Run: 1, Keep: 4, Reasons: []placement.ReasonCount{
				{Reason: placement.ReasonTaint, TaintKey: "c", Nodes: 2},
				{Reason: placement.ReasonNodeSelector, Nodes: 1},
				{Reason: placement.ReasonTaint, TaintKey: "a", TaintValue: "1", Nodes: 1},
				{Reason: placement.ReasonTaint, TaintKey: "a", TaintValue: "2", Nodes: 1},
				{Reason: placement.ReasonTaint, TaintKey: "b", Nodes: 1},
				{Reason: placement.ReasonNoNode, Nodes: 1},
			}},
			text: "1 of 8 nodes runs it; 2 have untolerated taint c; 1 does not match nodeSelector; " +
				"1 has untolerated taint a=1; 1 has untolerated taint a=2; 1 has untolerated taint b; 1 does not exist",
		},
		{
			name:  "many reasons",
			why:   "a sentence does not grow without bound",
			nodes: tainted,
			want: func() placement.Summary {
				s := placement.Summary{Nodes: 12, Keep: 12}
				for _, n := range tainted {
					s.Reasons = append(s.Reasons, placement.ReasonCount{Reason: placement.ReasonTaint, TaintKey: "tenant", TaintValue: n.Spec.Taints[0].Value, Nodes: 1})
				}
				return s
			}(),
			text: "0 of 12 nodes run it; 1 has untolerated taint tenant=t00; 1 has untolerated taint tenant=t01; " +
				"1 has untolerated taint tenant=t02; 1 has untolerated taint tenant=t03; 1 has untolerated taint tenant=t04; " +
				"1 has untolerated taint tenant=t05; 1 has untolerated taint tenant=t06; 1 has untolerated taint tenant=t07; " +
				"4 do not, for 4 other reasons",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := placement.Compile(template(tc.spec), placement.Options{})
			got := m.Summarize(tc.nodes)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Summarize(), %s (-want +got):\n%s", tc.why, diff)
			}
			if got.String() != tc.text {
				t.Errorf("Summarize().String() =\n\t%s\nwant\n\t%s\n(%s)", got, tc.text, tc.why)
			}

			nodes := slices.Clone(tc.nodes)
			rnd := rand.New(rand.NewSource(1))
			for range 5 {
				rnd.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
				if diff := cmp.Diff(got, m.Summarize(nodes)); diff != "" {
					t.Fatalf("Summarize() of the same nodes in another order (-first +now):\n%s", diff)
				}
			}
		})
	}
}
