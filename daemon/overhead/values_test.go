package overhead

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/placement"
)

// TestOptionsStandForAll: whatever value a label has, one of the options gets the same answers
// from the same requirements, and every option is one that a node can have.
func TestOptionsStandForAll(t *testing.T) {
	universe := []option{{}, {"word", true}, {"other", true}, {"", true}, {"99999999999999999999", true}}
	for n := range 12 {
		for zeros := range 3 {
			universe = append(universe, option{strings.Repeat("0", zeros) + strconv.Itoa(n), true})
		}
	}
	answersOf := func(o option, asks []*placement.Matcher) string {
		node := &corev1.Node{}
		if o.present {
			node.Labels = map[string]string{"key": o.value}
		}
		var answers strings.Builder
		for _, ask := range asks {
			answers.WriteString(strconv.FormatBool(ask.Decide(node).Run))
		}
		return answers.String()
	}
	for seed := range property.Seeds(t, 500) {
		d := rand.New(rand.NewPCG(seed, 5))
		dictionary := newDictionary()
		var words vocabulary
		var asks []*placement.Matcher
		for range 1 + d.IntN(4) {
			r := corev1.NodeSelectorRequirement{Key: "key"}
			switch d.IntN(3) {
			case 0:
				r.Operator, r.Values = corev1.NodeSelectorOpGt, []string{strconv.Itoa(d.IntN(12) - 2)}
			case 1:
				r.Operator, r.Values = corev1.NodeSelectorOpLt, []string{strconv.Itoa(d.IntN(12) - 2)}
			default:
				r.Operator = corev1.NodeSelectorOpIn
				for range 1 + d.IntN(8) {
					if o := universe[d.IntN(len(universe))]; o.present {
						r.Values = append(r.Values, o.value)
					}
				}
				r.Values = append(r.Values, "word")
			}
			words.add(&r)
			asks = append(asks, dictionary.asksRequirement(&r))
		}
		options := words.options()
		var kinds []string
		for _, o := range options {
			if o.present && len(validation.IsValidLabelValue(o.value)) > 0 {
				t.Fatalf("seed %d: no node has the label value %q", seed, o.value)
			}
			kinds = append(kinds, answersOf(o, asks))
		}
		for _, o := range universe {
			if answers := answersOf(o, asks); !slices.Contains(kinds, answers) {
				t.Fatalf("seed %d: %+v for %+v has nothing that stands for %+v", seed, options, words, o)
			}
		}
		fewer := distinct("key", options, asks)
		if distinctKinds := slices.Compact(slices.Sorted(slices.Values(kinds))); len(fewer) != len(distinctKinds) {
			t.Fatalf("seed %d: %d options are left of %d kinds", seed, len(fewer), len(distinctKinds))
		}
	}
}

// TestPlainKey: what is found plain is valid.
func TestPlainKey(t *testing.T) {
	for key, want := range map[string]bool{
		"zone": true, "topology.kubernetes.io/zone": true, "a-b.c-d/e": true, "": false, "a/b/c": false, "-a": false, "a-": false, "a.-b/c": false,
		"Zone": false, "a b": false, "a!b": false, "a_b": false, "a..b": false, "a/.b": false, "/a": false, "a/": false, strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
	} {
		if plainKey(key) != want {
			t.Errorf("plainKey(%q) = %v, want %v", key, !want, want)
		}
		if want && len(validation.IsQualifiedName(key)) > 0 {
			t.Errorf("%q is not valid", key)
		}
	}
}

// TestOptionsEnds: the largest integer, and all ways to write one.
func TestOptionsEnds(t *testing.T) {
	all := vocabulary{bounds: []int64{4, 6}}
	for zeros := range 63 {
		all.values = append(all.values, strings.Repeat("0", zeros)+"5")
	}
	for _, o := range all.options() {
		if n, err := strconv.Atoi(o.value); err == nil && n == 5 && !slices.Contains(all.values, o.value) {
			t.Errorf("there is no other way to write 5 than %q", o.value)
		}
	}
	ends := vocabulary{bounds: []int64{-1 << 63, -1, 0, 1<<63 - 1}}
	var got []string
	for _, o := range ends.options() {
		got = append(got, o.value)
	}
	if want := []string{"x", "0", "1", "9223372036854775807", ""}; !slices.Equal(got, want) {
		t.Errorf("options = %q, want %q", got, want)
	}
}

// TestIsLabelValue holds it to IsValidLabelValue.
func TestIsLabelValue(t *testing.T) {
	words := []string{"", "a", "Z", "0", "-", "_", ".", "/", " ", "\n", "ä", "@", "[", "`", "{", strings.Repeat("a", 31), strings.Repeat("-", 31)}
	for _, a := range words {
		for _, b := range words {
			for _, c := range words {
				value := a + b + c
				if got, want := isLabelValue(value), len(validation.IsValidLabelValue(value)) == 0; got != want {
					t.Errorf("isLabelValue(%q) = %v, want %v", value, got, want)
				}
			}
		}
	}
}

// TestEntriesThatAreOpen: entries of the node selector whose labels are not known cost nothing, also if
// the pod runs nowhere because of the node affinity, or of an entry behind them.
func TestEntriesThatAreOpen(t *testing.T) {
	selector := map[string]string{}
	var late []string
	for i := range 20 {
		late = append(late, fmt.Sprintf("k%02d", i))
		selector[late[i]] = "v"
	}
	for _, tc := range []struct {
		zone string // that the last entry asks for
		term corev1.NodeSelectorRequirement
		want string
	}{
		{"a", corev1.NodeSelectorRequirement{Key: "disk", Operator: corev1.NodeSelectorOpExists}, "nodeSelector zone=a, node has zone=b"},
		{"b", corev1.NodeSelectorRequirement{Key: "disk", Operator: corev1.NodeSelectorOpExists}, "node affinity: nodeSelectorTerms[0].matchExpressions[0] disk Exists, node has no label disk"},
	} {
		selector["zone"] = tc.zone
		spec := corev1.PodSpec{NodeSelector: selector, Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{tc.term}}}},
		}}}
		d, err := Compile([]*appsv1.DaemonSet{{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: spec}}}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"zone": "b"}}}
		var s scratch
		s.begin(d, &Input{Node: node, LateLabels: late})
		r := &d.rules[d.compiled[0].rules]
		s.open(r)
		if e := s.furthest(r); e.Cause() != tc.want || s.looks != 1 {
			t.Errorf("zone=%s: furthest = %v after %d looks, want %q after 1", tc.zone, e, s.looks, tc.want)
		}
		e, err := d.Explain(0, Input{Node: node, LateLabels: late})
		if err != nil || e.Verdict != VerdictDoesNotRun || e.Placement.Cause() != tc.want {
			t.Errorf("zone=%s: Explain = %v, %v, want %q", tc.zone, e, err, tc.want)
		}
	}
}

// TestEntryThatFailsEndsTheLooks: if an entry of the node selector fails in all states, no label
// has to be tried. The name still decides on the reason.
func TestEntryThatFailsEndsTheLooks(t *testing.T) {
	var late []string
	var term corev1.NodeSelectorTerm
	for i := range 13 {
		late = append(late, fmt.Sprintf("k%02d", i))
		term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{Key: late[i], Operator: corev1.NodeSelectorOpDoesNotExist})
	}
	spec := corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}, Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}},
	}}}
	for _, tc := range []struct {
		nodeName string
		most     int
	}{{"", 1}, {"n", 2}} {
		spec.NodeName = tc.nodeName
		d, err := Compile([]*appsv1.DaemonSet{{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: spec}}}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var s scratch
		s.begin(d, &Input{Node: &corev1.Node{}, NameUnknown: true, LateLabels: late})
		verdict, decision := s.verdict(&d.rules[d.compiled[0].rules])
		if verdict != VerdictDoesNotRun || decision.Reason != placement.ReasonNodeSelector {
			t.Errorf("nodeName %q: verdict = %v, %v, want that it does not run because of the node selector", tc.nodeName, verdict, decision)
		}
		if s.looks > tc.most {
			t.Errorf("nodeName %q: looks at %d states, want %d at most", tc.nodeName, s.looks, tc.most)
		}
		r := &d.rules[d.compiled[0].rules]
		s.begin(d, &Input{Node: &corev1.Node{}, NameUnknown: true, LateLabels: late})
		s.open(r)
		s.looks = 0
		if e := s.furthest(r); e.SelectorKey != "disk" || len(s.axes) < len(late) {
			t.Errorf("nodeName %q: furthest = %v, and leaves %d axes, want the entry disk and all axes", tc.nodeName, e, len(s.axes))
		}
		if s.looks > tc.most {
			t.Errorf("nodeName %q: furthest looks at %d states, want %d at most", tc.nodeName, s.looks, tc.most)
		}
	}
}
