package placement_test

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/pernode/daemonset/placement"
)

// dice throws templates and nodes out of few words, so that they meet often.
type dice struct{ *rand.Rand }

func (d dice) one(words ...string) string { return words[d.Intn(len(words))] }
func (d dice) oneIn(n int) bool           { return d.Intn(n) == 0 }
func (d dice) name() string               { return d.one("n0", "n1", "n2", "n2", "") }
func (d dice) key() string                { return d.one("a", "b", "c", "x.io/d") }
func (d dice) value() string              { return d.one("", "1", "2", "03", "-1", "v") }

func (d dice) badKey() string {
	if d.oneIn(40) {
		return d.one("", "a b", "/a", strings.Repeat("a", 64))
	}
	return d.key()
}

func (d dice) badValue() string {
	if d.oneIn(40) {
		return d.one("-", "+1", "9223372036854775808", "-9223372036854775809", "1.5", " ")
	}
	return d.one(d.value(), d.value(), "9223372036854775807")
}

func (d dice) values(most int) []string {
	values := make([]string, d.Intn(most+1))
	for i := range values {
		values[i] = d.badValue()
	}
	return values
}

func (d dice) expression() corev1.NodeSelectorRequirement {
	r := corev1.NodeSelectorRequirement{Key: d.badKey()}
	r.Operator = corev1.NodeSelectorOperator(d.one("In", "In", "NotIn", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
	switch r.Operator {
	case in, notIn:
		r.Values = append(d.values(d.Intn(20)), d.value())
	case gt, lt:
		r.Values = []string{d.one("1", "2", "0", "03", "9223372036854775807")}
	}
	switch d.Intn(60) {
	case 0:
		r.Values = d.values(3)
	case 1:
		r.Operator = corev1.NodeSelectorOperator(d.one("", "in", "Near"))
	}
	return r
}

func (d dice) field() corev1.NodeSelectorRequirement {
	r := req(d.one("metadata.name", "metadata.name", "metadata.name", "spec.x", ""), corev1.NodeSelectorOperator(d.one("In", "NotIn")), d.name())
	switch d.Intn(30) {
	case 0:
		r.Values = d.values(2)
	case 1:
		r.Operator = corev1.NodeSelectorOperator(d.one("Exists", "", "Gt"))
	}
	return r
}

func (d dice) affinity() *corev1.Affinity {
	switch d.Intn(8) {
	case 0:
		return nil
	case 1:
		return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}
	case 2:
		return &corev1.Affinity{}
	}
	terms := make([]corev1.NodeSelectorTerm, d.Intn(4))
	for i := range terms {
		for range d.Intn(3) {
			terms[i].MatchExpressions = append(terms[i].MatchExpressions, d.expression())
		}
		for range d.Intn(3) / 2 {
			terms[i].MatchFields = append(terms[i].MatchFields, d.field())
		}
	}
	return required(terms...)
}

func (d dice) effect() corev1.TaintEffect {
	return corev1.TaintEffect(d.one("NoSchedule", "NoSchedule", "NoExecute", "PreferNoSchedule", "", "noexecute"))
}

func (d dice) taintKey() string {
	return d.one("a", "a", "b", "", corev1.TaintNodeNotReady, corev1.TaintNodeUnschedulable, corev1.TaintNodeNetworkUnavailable)
}

func (d dice) template() *corev1.PodTemplateSpec {
	var spec corev1.PodSpec
	spec.HostNetwork = d.oneIn(2)
	if d.oneIn(6) {
		spec.NodeName = d.name()
	}
	if d.oneIn(3) {
		spec.NodeSelector = labels{}
		for range d.Intn(3) {
			spec.NodeSelector[d.badKey()] = d.badValue()
		}
	}
	spec.Affinity = d.affinity()
	for range d.Intn(4) {
		t := corev1.Toleration{
			Key:      d.taintKey(),
			Operator: corev1.TolerationOperator(d.one("", "Equal", "Exists", "Gt", "Lt", "exists")),
			Value:    d.badValue(),
			Effect:   d.effect(),
		}
		if d.oneIn(3) {
			seconds := d.Int63n(300)
			t.TolerationSeconds = &seconds
		}
		spec.Tolerations = append(spec.Tolerations, t)
	}
	return &corev1.PodTemplateSpec{Spec: spec}
}

func (d dice) node() *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: d.name()}}
	for range d.Intn(6) {
		if n.Labels == nil {
			n.Labels = labels{}
		}
		n.Labels[d.badKey()] = d.badValue()
	}
	for range d.Intn(6) - 2 {
		n.Spec.Taints = append(n.Spec.Taints, taint(d.taintKey(), d.badValue(), d.effect()))
	}
	return n
}

// Every decision is upstream's, its explanation is true, and nothing that was
// passed in is changed.
func TestDecideIsUpstreams(t *testing.T) {
	const templates, nodesEach = 2500, 10
	d := dice{rand.New(rand.NewSource(37))}
	seen := map[string]int{}
	for range templates {
		template := d.template()
		opts := placement.Options{ComparisonOperators: d.oneIn(2)}
		templateBefore := template.DeepCopy()
		m := placement.Compile(template, opts)
		up := newUpstream(template, opts)
		for range nodesEach {
			node := d.node()
			nodeBefore := node.DeepCopy()
			decision := m.Decide(node)
			checkDecision(t, template, up, m, node)
			if !reflect.DeepEqual(nodeBefore, node) {
				t.Fatalf("the node was changed (-before +after):\n%s", cmp.Diff(nodeBefore, node))
			}
			seen[fmt.Sprintf("%v %t %t", decision.Reason, decision.Run, decision.Keep)]++
			for _, failure := range m.Explain(node).AffinityFailures {
				seen[failure.Cause.String()]++
			}
		}
		if !reflect.DeepEqual(templateBefore, template) {
			t.Fatalf("the template was changed (-before +after):\n%s", cmp.Diff(templateBefore, template))
		}
		if t.Failed() {
			return
		}
	}
	// The throws have to reach every outcome often, or this test says little.
	for _, outcome := range []string{
		"eligible true true", "node name false false", "node selector false false", "node affinity false false",
		"untolerated taint false true", "untolerated taint false false",
		"empty", "malformed", "label", "field",
	} {
		if seen[outcome] < 250 {
			t.Errorf("outcome %q came up %d times of %d, want 250: %v", outcome, seen[outcome], templates*nodesEach, seen)
		}
	}
}

// TestNeedsName: a Matcher that does not need the name decides a node the same under every
// name and under none.
func TestNeedsName(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		spec      corev1.PodSpec
		want      bool
	}{
		{"empty", "it runs everywhere", corev1.PodSpec{}, false},
		{"nodeName", "it is compared with the name", corev1.PodSpec{NodeName: "n0"}, true},
		{"matchFields", "the name is the only field", corev1.PodSpec{Affinity: required(fields(req("metadata.name", in, "n0")))}, true},
		{"matchFields in the second term", "one term is enough", corev1.PodSpec{Affinity: required(expressions(req("a", in, "1")), fields(req("metadata.name", notIn, "n0")))}, true},
		{"matchExpressions", "they look at labels", corev1.PodSpec{Affinity: required(expressions(req(corev1.LabelHostname, in, "n0")))}, false},
		{"nodeSelector", "it looks at labels", corev1.PodSpec{NodeSelector: labels{corev1.LabelHostname: "n0"}}, false},
		{"malformed matchFields", "the term matches no node", corev1.PodSpec{Affinity: required(fields(req("metadata.name", in, "n0", "n1")))}, false},
	} {
		if got := placement.Compile(&corev1.PodTemplateSpec{Spec: tc.spec}, placement.Options{}).NeedsName(); got != tc.want {
			t.Errorf("%s: NeedsName() = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
	if (*placement.Matcher)(nil).NeedsName() || new(placement.Matcher).NeedsName() {
		t.Error("NeedsName() of an empty template = true")
	}
	d := dice{rand.New(rand.NewSource(40))}
	needs, differ := 0, 0
	for range 5000 {
		m := placement.Compile(d.template(), placement.Options{})
		node := d.node()
		decisions := map[placement.Decision]bool{}
		for _, node.Name = range []string{"", "n0", "n1", "n2", "new"} {
			decisions[m.Decide(node)] = true
		}
		if m.NeedsName() {
			needs++
		}
		if len(decisions) > 1 {
			differ++
			if !m.NeedsName() {
				t.Fatalf("decisions %v depend on the name, and NeedsName() is false", decisions)
			}
		}
	}
	if needs < 500 || needs > 4500 || differ < 100 {
		t.Errorf("%d of 5000 need the name, %d decisions depend on it: one of them is too rare", needs, differ)
	}
}

// checkDecision compares the decision about the node with upstream and its details
// with the facts.
func checkDecision(t *testing.T, template *corev1.PodTemplateSpec, up upstream, m *placement.Matcher, node *corev1.Node) {
	t.Helper()
	d, e := m.Decide(node), m.Explain(node)
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s\n%v\nnode %q %v %v\ntemplate %+v", fmt.Sprintf(format, args...), e, node.Name, node.Labels, node.Spec.Taints, template.Spec)
	}
	if e.Decision != d || e.Node != node.Name {
		fail("Explain() = %+v, Decide() = %v", e, d)
	}
	run, keep := up.decide(node)
	if d.Run != run || d.Keep != keep {
		fail("Decide() = run %t, keep %t, upstream decides %t, %t", d.Run, d.Keep, run, keep)
	}
	if d.Run && !d.Keep {
		fail("Run without Keep")
	}
	if d.Run != (d.Reason == placement.ReasonEligible) {
		fail("Run = %t with reason %v", d.Run, d.Reason)
	}
	if got := e.NodeName; (got != "") != (d.Reason == placement.ReasonNodeName) || got == node.Name && got != "" {
		fail("NodeName = %q", got)
	}

	if wanted, asked := template.Spec.NodeSelector[e.SelectorKey]; d.Reason == placement.ReasonNodeSelector {
		if has, ok := node.Labels[e.SelectorKey]; !asked || wanted != e.SelectorValue || ok && has == e.SelectorValue || has != e.LabelValue || ok != e.HasLabel {
			fail("Explain() = %+v", e)
		}
	} else if e.SelectorKey+e.SelectorValue+e.LabelValue != "" || e.HasLabel {
		fail("Explain() = %+v, want no nodeSelector", e)
	}

	failures := e.AffinityFailures
	if (failures != nil) != (d.Reason == placement.ReasonNodeAffinity) {
		fail("AffinityFailures = %v", failures)
	}
	if d.Reason == placement.ReasonNodeAffinity {
		terms := template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
		if len(failures) != len(terms) {
			fail("AffinityFailures has %d of %d terms", len(failures), len(terms))
		}
		for i := range failures {
			if complaint := wrong(failures[i], i, terms[i], node); complaint != "" {
				fail("AffinityFailures[%d] = %+v: %s", i, failures[i], complaint)
			}
		}
	}

	stops, stopped := findUntolerated(node.Spec.Taints, up.tolerations, stopsNewPods, up.comparison)
	evicts, evicted := findUntolerated(node.Spec.Taints, up.tolerations, evictsPods, up.comparison)
	tainted := d.Reason == placement.ReasonTaint
	if got := e.Taint; (got != nil) != (tainted && stopped) || got != nil && *got != stops {
		fail("Taint = %v, want %v", got, stops)
	}
	if got := e.NoExecuteTaint; (got != nil) != (tainted && evicted) || got != nil && *got != evicts {
		fail("NoExecuteTaint = %v, want %v", got, evicts)
	}

	if s := e.String(); strings.TrimSpace(s) != s || strings.ContainsAny(s, "\n\r\t") || (strings.HasSuffix(s, ": runs here") != d.Run) {
		fail("String() = %q", s)
	}
}

// wrong says what is wrong with a failure of the term, asking upstream about its
// requirements one at a time.
func wrong(f placement.TermFailure, index int, term corev1.NodeSelectorTerm, node *corev1.Node) string {
	if f.Term != index {
		return "another term"
	}
	_, err := nodeaffinity.NewNodeSelector(&corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}})
	if (f.Cause == placement.TermCauseMalformed) != (err != nil) || (len(f.Malformed) > 0) != (err != nil) {
		return fmt.Sprintf("upstream's parser says %v", err)
	}
	if empty := len(term.MatchExpressions)+len(term.MatchFields) == 0; empty != (f.Cause == placement.TermCauseEmpty) {
		return fmt.Sprintf("empty is %t", empty)
	}
	list, lone := term.MatchExpressions, expressions
	switch f.Cause {
	case placement.TermCauseLabel:
		if has, ok := node.Labels[f.Requirement.Key]; f.Value != has || f.HasValue != ok {
			return "not the node's label"
		}
	case placement.TermCauseField:
		for i, r := range term.MatchExpressions {
			if !matches(expressions(r), node) {
				return fmt.Sprintf("matchExpressions[%d] fails before it", i)
			}
		}
		list, lone = term.MatchFields, fields
		if name := f.Requirement.Key == "metadata.name"; f.HasValue != name || name && f.Value != node.Name {
			return "not the node's field"
		}
	default:
		return ""
	}
	if !cmp.Equal(list[f.Index], f.Requirement) {
		return "another requirement"
	}
	for i := range f.Index {
		if !matches(lone(list[i]), node) {
			return fmt.Sprintf("requirement %d fails before it", i)
		}
	}
	if matches(lone(f.Requirement), node) {
		return "the requirement matches"
	}
	return ""
}

func matches(term corev1.NodeSelectorTerm, node *corev1.Node) bool {
	ok, _ := nodeaffinity.NewLazyErrorNodeSelector(&corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}}).Match(node)
	return ok
}

// NodeChanged is upstream's answer, and an update that does not matter changes no
// verdict.
func TestNodeChangedIsUpstreams(t *testing.T) {
	d := dice{rand.New(rand.NewSource(38))}
	changed, same := 0, 0
	for range 20000 {
		old, cur := d.node(), d.node()
		cur.Name = old.Name
		if d.oneIn(2) {
			cur = old.DeepCopy()
			cur.Spec.Unschedulable = true
			cur.Status.Phase = corev1.NodeRunning
		}
		got := placement.NodeChanged(old, cur)
		if want := !upstreamIgnores(old, cur); got != want {
			t.Fatalf("NodeChanged(%v, %v) = %t, want %t", old, cur, got, want)
		}
		if got {
			changed++
			continue
		}
		same++
		if m := placement.Compile(d.template(), placement.Options{}); m.DecisionChanged(old, cur) {
			t.Fatalf("DecisionChanged(%v, %v) = true though NodeChanged is false", old, cur)
		}
	}
	if changed < 5000 || same < 5000 {
		t.Errorf("%d changed, %d same: one of them is too rare", changed, same)
	}
}

// Merging what is merged already changes nothing, and adds only defaults at the end.
func TestTolerationsMergeOnce(t *testing.T) {
	d := dice{rand.New(rand.NewSource(39))}
	for range 2000 {
		spec := d.template().Spec
		for range d.Intn(3) {
			spec.Tolerations = append(spec.Tolerations, corev1.Toleration{
				Key:      corev1.TaintNodeNotReady,
				Operator: corev1.TolerationOperator(d.one("Exists", "Equal", "")),
				Effect:   d.effect(),
			})
		}
		once := placement.Tolerations(&spec)
		if len(once) < len(spec.Tolerations) || len(once) > len(spec.Tolerations)+7 {
			t.Fatalf("Tolerations(%v) = %v", spec.Tolerations, once)
		}
		for i := range spec.Tolerations {
			if !once[i].MatchToleration(&spec.Tolerations[i]) {
				t.Fatalf("Tolerations(%v)[%d] = %v, another toleration", spec.Tolerations, i, once[i])
			}
		}
		again := spec
		again.Tolerations = once
		if diff := cmp.Diff(once, placement.Tolerations(&again)); diff != "" {
			t.Fatalf("merged twice (-once +twice):\n%s", diff)
		}
	}
}

// One Matcher may be used from several goroutines; the race detector watches.
func TestMatcherIsShared(t *testing.T) {
	d := dice{rand.New(rand.NewSource(40))}
	m := placement.Compile(template(corev1.PodSpec{
		NodeSelector: labels{"a": "1"},
		Affinity:     required(expressions(req("b", gt, "1")), expressions(req("b", "Near"))),
	}), placement.Options{})
	nodes := make([]*corev1.Node, 200)
	want := make([]string, len(nodes))
	for i := range nodes {
		nodes[i] = d.node()
		want[i] = m.Explain(nodes[i]).String()
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range nodes {
				if got := m.Explain(nodes[i]).String(); got != want[i] {
					t.Errorf("Explain() = %q, want %q", got, want[i])
				}
				m.Malformed()
			}
		})
	}
	wg.Wait()
}
