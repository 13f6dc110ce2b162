package placement_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/placement"
)

func TestNodeChanged(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	since := func(at time.Time) corev1.Taint {
		return corev1.Taint{Key: "a", Effect: noExecute, TimeAdded: &metav1.Time{Time: at}}
	}
	ready := node("n", labels{"a": "1"})
	ready.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	ready.Annotations = labels{"heartbeat": "1"}
	ready.Spec.Unschedulable = true

	for _, tc := range []struct {
		name     string
		why      string
		old, cur *corev1.Node
		want     bool
	}{
		{name: "both nil", why: "nothing to nothing", want: false},
		{name: "added", why: "a node without labels and taints matters, too", cur: node("n", nil), want: true},
		{name: "removed", why: "as an added one", old: node("n", nil), want: true},
		{name: "heartbeat", why: "status, annotations and spec.unschedulable do not matter", old: node("n", labels{"a": "1"}), cur: ready, want: false},
		{name: "nil and empty", why: "they are the same", old: node("n", nil), cur: node("n", labels{}, []corev1.Taint{}...), want: false},
		{name: "label added", why: "labels", old: node("n", nil), cur: node("n", labels{"a": ""}), want: true},
		{name: "label removed", why: "labels", old: node("n", labels{"a": ""}), cur: node("n", nil), want: true},
		{name: "label value", why: "labels", old: node("n", labels{"a": "1"}), cur: node("n", labels{"a": "2"}), want: true},
		{name: "label key", why: "as many labels as before", old: node("n", labels{"a": ""}), cur: node("n", labels{"b": ""}), want: true},
		{name: "taint added", why: "taints", old: node("n", nil), cur: node("n", nil, taint("a", "", noSchedule)), want: true},
		{name: "taint key", why: "taints", old: node("n", nil, taint("b", "", noSchedule)), cur: node("n", nil, taint("a", "", noSchedule)), want: true},
		{name: "taint value", why: "taints", old: node("n", nil, taint("a", "", noSchedule)), cur: node("n", nil, taint("a", "1", noSchedule)), want: true},
		{name: "taint effect", why: "taints", old: node("n", nil, taint("a", "", noSchedule)), cur: node("n", nil, taint("a", "", noExecute)), want: true},
		{name: "taint preferred", why: "upstream does not look at the effect", old: node("n", nil), cur: node("n", nil, taint("a", "", preferNoSchedule)), want: true},
		{name: "taint order", why: "upstream compares lists", old: node("n", nil, taint("a", "", noSchedule), taint("b", "", noSchedule)), cur: node("n", nil, taint("b", "", noSchedule), taint("a", "", noSchedule)), want: true},
		{name: "taint time added", why: "upstream compares it", old: node("n", nil, since(noon)), cur: node("n", nil, since(noon.Add(time.Second))), want: true},
		{name: "taint time unset", why: "upstream compares it", old: node("n", nil, since(noon)), cur: node("n", nil, taint("a", "", noExecute)), want: true},
		{name: "taint time zone", why: "the same moment", old: node("n", nil, since(noon)), cur: node("n", nil, since(noon.In(time.FixedZone("", 3600)))), want: false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := placement.NodeChanged(tc.old, tc.cur); got != tc.want {
				t.Errorf("NodeChanged() = %t, want %t (%s)", got, tc.want, tc.why)
			}
			if got := placement.NodeChanged(tc.cur, tc.old); got != tc.want {
				t.Errorf("NodeChanged() the other way = %t, want %t (%s)", got, tc.want, tc.why)
			}
			if tc.old != nil && tc.cur != nil && upstreamIgnores(tc.old, tc.cur) == tc.want {
				t.Errorf("upstream ignores the update: %t, the table wants the opposite", tc.want)
			}
		})
	}
}

// upstreamIgnores is shouldIgnoreNodeUpdate@v1.37.2.
func upstreamIgnores(old, cur *corev1.Node) bool {
	return equality.Semantic.DeepEqual(old.Labels, cur.Labels) && equality.Semantic.DeepEqual(old.Spec.Taints, cur.Spec.Taints)
}

func TestDecisionChanged(t *testing.T) {
	m := placement.Compile(template(corev1.PodSpec{NodeSelector: labels{"disk": "ssd"}}), placement.Options{})
	ssd := labels{"disk": "ssd"}
	for _, tc := range []struct {
		name     string
		why      string
		old, cur *corev1.Node
		want     bool
	}{
		{name: "joined", why: "a node that runs it", cur: node("n", ssd), want: true},
		{name: "joined elsewhere", why: "a node that does not", cur: node("n", nil), want: false},
		{name: "left", why: "it ran there", old: node("n", ssd), want: true},
		{name: "never there", why: "nothing to nothing", want: false},
		{name: "labelled", why: "it runs now", old: node("n", nil), cur: node("n", ssd), want: true},
		{name: "another label", why: "NodeChanged, but not for this template", old: node("n", ssd), cur: node("n", labels{"disk": "ssd", "a": "b"}), want: false},
		{name: "tainted", why: "only run differs", old: node("n", ssd), cur: node("n", ssd, taint("a", "", noSchedule)), want: true},
		{name: "tainted harder", why: "only keep differs", old: node("n", ssd, taint("a", "", noSchedule)), cur: node("n", ssd, taint("a", "", noExecute)), want: true},
		{name: "another reason", why: "the decision is the same", old: node("n", nil), cur: node("n", ssd, taint("a", "", noExecute)), want: false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := m.DecisionChanged(tc.old, tc.cur); got != tc.want {
				t.Errorf("DecisionChanged() = %t, want %t (%s)", got, tc.want, tc.why)
			}
			if got := m.DecisionChanged(tc.cur, tc.old); got != tc.want {
				t.Errorf("DecisionChanged() the other way = %t, want %t (%s)", got, tc.want, tc.why)
			}
		})
	}
}
