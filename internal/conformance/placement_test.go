package conformance

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	fieldpath "k8s.io/apimachinery/pkg/util/validation/field"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	schedulingcorev1 "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/kubernetes/pkg/features"

	"github.com/pernode/daemonset/placement"
)

var templates = flag.Int("templates", 6_000, "number of random templates for placement, each met with 100 random nodes, with and without the feature gate")

const nodesPerTemplate = 100

// gates runs a test with the feature gate TaintTolerationComparisonOperators off
// and on. The gate belongs to the process, so no test runs beside this one.
func gates(t *testing.T, test func(t *testing.T, opts placement.Options)) {
	for _, on := range []bool{false, true} {
		t.Run(fmt.Sprintf("%s=%t", features.TaintTolerationComparisonOperators, on), func(t *testing.T) {
			set := func(on bool) {
				gate := map[string]bool{string(features.TaintTolerationComparisonOperators): on}
				if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(gate); err != nil {
					t.Fatal(err)
				}
			}
			before := utilfeature.DefaultFeatureGate.Enabled(features.TaintTolerationComparisonOperators)
			defer set(before)
			set(on)
			test(t, placement.Options{ComparisonOperators: on})
		})
	}
}

// dice throws templates and nodes out of few words, so that they meet often.
type dice struct{ *rand.Rand }

func (d dice) in(n int) bool { return d.IntN(n) == 0 }

func (d dice) one(words ...string) string { return words[d.IntN(len(words))] }

func (d dice) nodeName() string { return d.one("n0", "n1", "n2", "n3", "") }

func (d dice) key() string {
	if d.in(50) {
		return d.one("", "bad key!", "/disk", "a/b/c", strings.Repeat("k", 64))
	}
	return d.one("disk", "zone", "cores", "cores", "example.com/pool")
}

func (d dice) value() string {
	if d.in(30) {
		return d.one("-", "+1", "+5", "1.5", " 5", "bad value!", "9223372036854775807", "9223372036854775808",
			"-9223372036854775808", "-9223372036854775809", strings.Repeat("v", 64))
	}
	return d.one("", "a", "a", "b", "5", "7", "05", "-1", "0", "-0")
}

func (d dice) values(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = d.value()
	}
	return out
}

func (d dice) expression() corev1.NodeSelectorRequirement {
	r := corev1.NodeSelectorRequirement{Key: d.key()}
	switch d.IntN(8) {
	case 0, 1:
		r.Operator, r.Values = corev1.NodeSelectorOpIn, d.values(1+d.IntN(3))
	case 2, 3:
		r.Operator, r.Values = corev1.NodeSelectorOpNotIn, d.values(1+d.IntN(3))
	case 4:
		r.Operator = corev1.NodeSelectorOpExists
	case 5:
		r.Operator = corev1.NodeSelectorOpDoesNotExist
	case 6:
		r.Operator, r.Values = corev1.NodeSelectorOpGt, []string{d.one("-1", "0", "5", "05", "6")}
	case 7:
		r.Operator, r.Values = corev1.NodeSelectorOpLt, []string{d.one("-1", "0", "5", "05", "6")}
	}
	switch d.IntN(80) {
	case 0:
		r.Values = d.values(d.IntN(3))
	case 1:
		r.Operator = corev1.NodeSelectorOperator(d.one("", "in", "Maybe"))
	case 2, 3:
		r.Values = append(r.Values, d.values(15)...)
	}
	return r
}

func (d dice) matchField() corev1.NodeSelectorRequirement {
	r := corev1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{d.nodeName()}}
	if d.in(2) {
		r.Operator = corev1.NodeSelectorOpNotIn
	}
	switch d.IntN(30) {
	case 0:
		r.Key = d.one("", "metadata.namespace", "spec.unschedulable")
	case 1:
		r.Operator = corev1.NodeSelectorOperator(d.one("", "Exists", "Gt", "Maybe"))
	case 2:
		r.Values = d.values(d.IntN(3))
	}
	return r
}

func (d dice) affinity() *corev1.Affinity {
	switch d.IntN(8) {
	case 0, 1, 2:
		return nil
	case 3:
		return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{}}}}
	}
	terms := make([]corev1.NodeSelectorTerm, 1+d.IntN(3))
	if d.in(20) {
		terms = nil
	}
	for i := range terms {
		for range d.IntN(4) {
			terms[i].MatchExpressions = append(terms[i].MatchExpressions, d.expression())
		}
		if d.in(5) {
			terms[i].MatchFields = append(terms[i].MatchFields, d.matchField())
		}
	}
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}}
}

func (d dice) effect() corev1.TaintEffect {
	return corev1.TaintEffect(d.one("NoSchedule", "NoSchedule", "NoExecute", "NoExecute", "PreferNoSchedule", "", "noexecute"))
}

func (d dice) taintKey() string {
	if d.in(4) {
		return d.one(corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable, corev1.TaintNodeDiskPressure, corev1.TaintNodeMemoryPressure,
			corev1.TaintNodePIDPressure, corev1.TaintNodeUnschedulable, corev1.TaintNodeNetworkUnavailable)
	}
	return d.one("dedicated", "dedicated", "dedicated", "slots", "")
}

func (d dice) toleration() corev1.Toleration {
	t := corev1.Toleration{
		Key:      d.taintKey(),
		Operator: corev1.TolerationOperator(d.one("", "Equal", "Exists", "Exists", "Gt", "Lt", "exists")),
		Value:    d.value(),
		Effect:   d.effect(),
	}
	if d.in(3) {
		t.Effect = ""
	}
	if d.in(4) {
		t.TolerationSeconds = new(d.Int64N(300) - 10)
	}
	return t
}

func (d dice) template() *corev1.PodTemplateSpec {
	t := &corev1.PodTemplateSpec{}
	spec := &t.Spec
	spec.HostNetwork = d.in(2)
	if d.in(8) {
		spec.NodeName = d.nodeName()
	}
	if d.in(4) {
		spec.NodeSelector = map[string]string{}
		for range d.IntN(3) {
			spec.NodeSelector[d.key()] = d.value()
		}
	}
	spec.Affinity = d.affinity()
	for range d.IntN(5) {
		spec.Tolerations = append(spec.Tolerations, d.toleration())
	}
	return t
}

func (d dice) node() *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: d.nodeName()}}
	for range d.IntN(6) {
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[d.key()] = d.value()
	}
	for range d.IntN(6) - 2 {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: d.taintKey(), Value: d.value(), Effect: d.effect()})
	}
	return n
}

// TestPlacement holds every decision about a random template and a random node
// to that of NodeShouldRunDaemonPod, with its details.
func TestPlacement(t *testing.T) {
	gates(t, func(t *testing.T, opts placement.Options) {
		var next, failed atomic.Int64
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				outcomes := map[string]int{}
				for failed.Load() < 3 {
					n := next.Add(1) - 1
					if n >= int64(*templates) {
						break
					}
					d := dice{rand.New(rand.NewPCG(*seed, uint64(n)))}
					c := newPlacementCase(d.template(), opts)
					if difference := c.whole(); difference != "" {
						failed.Add(1)
						t.Errorf("template %d of seed %d: %s\n%+v", n, *seed, difference, c.ds.Spec.Template.Spec)
						continue
					}
					for range nodesPerTemplate {
						node := d.node()
						outcome, difference := c.node(node)
						outcomes[outcome]++
						if difference != "" {
							failed.Add(1)
							t.Errorf("template %d of seed %d: %s", n, *seed, c.shrunk(node))
							break
						}
					}
				}
				mu.Lock()
				defer mu.Unlock()
				for outcome, n := range outcomes {
					seen[outcome] += n
				}
			})
		}
		wg.Wait()
		pairs := 0
		for _, outcome := range slices.Sorted(maps.Keys(seen)) {
			pairs += seen[outcome]
			t.Logf("%8d %s", seen[outcome], outcome)
		}
		t.Logf("%8d pairs", pairs)
		// The throws have to reach every outcome often, or this test says little.
		for _, outcome := range []string{"eligible true true", "node name false false", "node selector false false",
			"node affinity false false", "untolerated taint false true", "untolerated taint false false"} {
			if seen[outcome] < pairs/200 {
				t.Errorf("outcome %q came up %d times in %d pairs", outcome, seen[outcome], pairs)
			}
		}
	})
}

// placementCase is one template on both sides.
type placementCase struct {
	opts        placement.Options
	ds, before  *appsv1.DaemonSet
	matcher     *placement.Matcher
	selector    nodeaffinity.RequiredNodeAffinity // nodeSelector alone
	affinity    nodeaffinity.RequiredNodeAffinity
	tolerations []corev1.Toleration
}

func newPlacementCase(template *corev1.PodTemplateSpec, opts placement.Options) *placementCase {
	ds := &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{}, Template: *template}}
	return &placementCase{
		opts:        opts,
		ds:          ds,
		before:      ds.DeepCopy(),
		matcher:     placement.Compile(&ds.Spec.Template, opts),
		selector:    nodeaffinity.NewRequiredNodeAffinity(template.Spec.NodeSelector, nil),
		affinity:    nodeaffinity.NewRequiredNodeAffinity(template.Spec.NodeSelector, template.Spec.Affinity),
		tolerations: daemonPodTolerations(ds),
	}
}

// whole compares what does not depend on a node.
func (c *placementCase) whole() string {
	spec := &c.ds.Spec.Template.Spec
	if got := placement.Tolerations(spec); !reflect.DeepEqual(got, c.tolerations) {
		return fmt.Sprintf("Tolerations (-upstream +library):\n%s", diff(c.tolerations, got))
	}
	if spec.Affinity != nil {
		want, got := parseErrors(spec.Affinity.NodeAffinity), affinityErrors(c.matcher.Malformed())
		if !slices.Equal(want, got) {
			return fmt.Sprintf("Malformed (-upstream +library):\n%s", diff(want, got))
		}
	}
	if !reflect.DeepEqual(c.before, c.ds) {
		return fmt.Sprintf("the template was changed:\n%s", diff(c.before, c.ds))
	}
	return ""
}

const requiredAffinity = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"

// parseErrors are those of the strict parser for the required node affinity.
func parseErrors(a *corev1.NodeAffinity) []string {
	if a == nil || a.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return nil
	}
	_, err := nodeaffinity.NewNodeSelector(a.RequiredDuringSchedulingIgnoredDuringExecution, fieldpath.WithPath(fieldpath.NewPath(requiredAffinity)))
	if err == nil {
		return nil
	}
	list := []error{err}
	if all := utilerrors.Aggregate(nil); errors.As(err, &all) {
		list = utilerrors.Flatten(all).Errors()
	}
	var out []string
	for _, err := range list {
		out = append(out, err.Error())
	}
	return out
}

func affinityErrors(errs fieldpath.ErrorList) []string {
	var out []string
	for _, err := range errs {
		if strings.HasPrefix(err.Field, requiredAffinity) {
			out = append(out, err.Error())
		}
	}
	return out
}

// node compares the decision on one node. The outcome is the library's.
func (c *placementCase) node(node *corev1.Node) (outcome, difference string) {
	got := c.matcher.Decide(node)
	outcome = fmt.Sprintf("%v %t %t", got.Reason, got.Run, got.Keep)
	fail := func(format string, args ...any) (string, string) { return outcome, fmt.Sprintf(format, args...) }

	run, keep := shouldRun(c.ds, node)
	if got.Run != run || got.Keep != keep {
		return fail("Decide = run %t, keep %t (%v); NodeShouldRunDaemonPod = %t, %t", got.Run, got.Keep, got, run, keep)
	}

	// The reason is the first of upstream's checks that fails.
	want := placement.ReasonEligible
	spec := &c.ds.Spec.Template.Spec
	switch {
	case spec.NodeName != "" && spec.NodeName != node.Name:
		want = placement.ReasonNodeName
	case !matches(c.selector, node):
		want = placement.ReasonNodeSelector
	case !matches(c.affinity, node):
		want = placement.ReasonNodeAffinity
	case !run:
		want = placement.ReasonTaint
	}
	if got.Reason != want {
		return fail("Decide gives reason %v, want %v", got.Reason, want)
	}
	why := c.matcher.Explain(node)
	if why.Decision != got {
		return fail("Explain = %v, Decide = %v", why.Decision, got)
	}
	if want == placement.ReasonTaint || want == placement.ReasonEligible {
		if taint := c.untolerated(node, corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute); !reflect.DeepEqual(why.Taint, taint) {
			return fail("Taint = %v, upstream finds %v", why.Taint, taint)
		}
		if taint := c.untolerated(node, corev1.TaintEffectNoExecute); !reflect.DeepEqual(why.NoExecuteTaint, taint) {
			return fail("NoExecuteTaint = %v, upstream finds %v", why.NoExecuteTaint, taint)
		}
	}
	return outcome, ""
}

func matches(affinity nodeaffinity.RequiredNodeAffinity, node *corev1.Node) bool {
	ok, _ := affinity.Match(node) // as upstream ignores the error
	return ok
}

func (c *placementCase) untolerated(node *corev1.Node, effects ...corev1.TaintEffect) *corev1.Taint {
	taint, found := schedulingcorev1.FindMatchingUntoleratedTaint(logr.Discard(), node.Spec.Taints, c.tolerations,
		func(t *corev1.Taint) bool { return slices.Contains(effects, t.Effect) }, c.opts.ComparisonOperators)
	if !found {
		return nil
	}
	return &taint
}

// shrunk describes the smallest template and node that still differ.
func (c *placementCase) shrunk(node *corev1.Node) string {
	difference := func(s *State) string {
		if len(s.Nodes) != 1 || s.ComparisonOperators != c.opts.ComparisonOperators {
			return ""
		}
		_, difference := newPlacementCase(&s.DaemonSet.Spec.Template, c.opts).node(s.Nodes[0])
		return difference
	}
	s := &State{DaemonSet: c.ds, Nodes: []*corev1.Node{node}, ComparisonOperators: c.opts.ComparisonOperators}
	s = Shrink(s, func(s *State) bool { return difference(s) != "" })
	return difference(s) + "\n" + s.YAML()
}

// Every kind of key, value and operator, right and wrong.
var (
	shapeOperators = []corev1.NodeSelectorOperator{corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpExists,
		corev1.NodeSelectorOpDoesNotExist, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt, "", "in", "Maybe"}
	shapeKeys   = []string{"cores", "example.com/cores", "gone", "", "bad key!", "/cores", "a/b/c", "UPPER.example.com/x", strings.Repeat("k", 63), strings.Repeat("k", 64)}
	shapeValues = []string{"", "a", "5", "6", "-5", "05", "+5", "-0", " 5", "1.5", "1e3", "0x10", "1_000", "many", "bad value!", "-a",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", strings.Repeat("v", 63), strings.Repeat("v", 64)}
)

// shapeLists are lists of no value, of one, of two, and of so many that the
// library looks them up in another way.
func shapeLists() [][]string {
	lists := [][]string{nil, {}, {"a", "a"}, {"5", "6"}, {"a", "bad value!"}, {"bad value!", "a", "-a"}}
	for _, v := range shapeValues {
		lists = append(lists, []string{v})
	}
	for _, n := range []int{3, 11, 12, 13, 40} {
		many := make([]string, n)
		for i := range many {
			many[i] = fmt.Sprintf("v%d", i)
		}
		many[n/2] = "5"
		lists = append(lists, many)
	}
	return lists
}

// shapeNodes have no labels at all, or every value under every key that matters.
func shapeNodes() []*corev1.Node {
	nodes := []*corev1.Node{{}, {ObjectMeta: metav1.ObjectMeta{Name: "n0"}}, {ObjectMeta: metav1.ObjectMeta{Name: "n0", Labels: map[string]string{}}}}
	for i, v := range append(shapeValues, "v0", "v12", "v39") {
		labels := map[string]string{}
		for _, key := range shapeKeys {
			if key != "gone" {
				labels[key] = v
			}
		}
		// A node may be without a name as well: it has no fields then.
		name := []string{"a", "n0", ""}[i%3]
		nodes = append(nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	return nodes
}

// TestPlacementAffinityShapes goes through every small shape of a required node
// affinity.
func TestPlacementAffinityShapes(t *testing.T) {
	lists, nodes := shapeLists(), shapeNodes()
	failed, pairs := 0, 0
	check := func(terms ...corev1.NodeSelectorTerm) {
		if failed >= 5 {
			return
		}
		template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}}}}
		c := newPlacementCase(template, placement.Options{})
		if difference := c.whole(); difference != "" {
			failed++
			t.Errorf("terms %+v: %s", terms, difference)
			return
		}
		for _, node := range nodes {
			pairs++
			if _, difference := c.node(node); difference != "" {
				failed++
				t.Errorf("terms %+v, node %q %v: %s", terms, node.Name, node.Labels, difference)
				return
			}
		}
	}

	var labelShapes, fieldShapes []corev1.NodeSelectorRequirement
	for _, op := range shapeOperators {
		for _, values := range lists {
			for _, key := range shapeKeys {
				labelShapes = append(labelShapes, corev1.NodeSelectorRequirement{Key: key, Operator: op, Values: values})
			}
			for _, key := range []string{metav1.ObjectNameField, "metadata.namespace", ""} {
				fieldShapes = append(fieldShapes, corev1.NodeSelectorRequirement{Key: key, Operator: op, Values: values})
			}
		}
	}
	for _, r := range labelShapes {
		check(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{r}})
	}
	for _, r := range fieldShapes {
		check(corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{r}})
	}

	// Terms of two requirements, and affinities of two terms, out of one shape of
	// every kind.
	ok := corev1.NodeSelectorRequirement{Key: "cores", Operator: corev1.NodeSelectorOpExists}
	no := corev1.NodeSelectorRequirement{Key: "cores", Operator: corev1.NodeSelectorOpIn, Values: []string{"nothing"}}
	number := corev1.NodeSelectorRequirement{Key: "cores", Operator: corev1.NodeSelectorOpGt, Values: []string{"5"}}
	wrong := corev1.NodeSelectorRequirement{Key: "cores", Operator: "Maybe"}
	named := corev1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{"n0"}}
	notNamed := corev1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpNotIn, Values: []string{"n0"}}
	wrongField := corev1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpExists}
	list := func(r ...corev1.NodeSelectorRequirement) []corev1.NodeSelectorRequirement { return r }
	expressions := [][]corev1.NodeSelectorRequirement{nil, list(), list(ok), list(no), list(number), list(wrong), list(ok, no),
		list(no, ok), list(ok, number), list(no, wrong), list(wrong, wrong)}
	fields := [][]corev1.NodeSelectorRequirement{nil, list(), list(named), list(notNamed), list(wrongField), list(named, notNamed),
		list(notNamed, wrongField)}
	var terms []corev1.NodeSelectorTerm
	for _, e := range expressions {
		for _, f := range fields {
			terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: e, MatchFields: f})
		}
	}
	check()
	for _, first := range terms {
		check(first)
		for _, second := range terms {
			check(first, second)
		}
	}
	t.Logf("%d pairs", pairs)
}

// TestPlacementTolerationShapes goes through every small shape of a toleration
// and a taint.
func TestPlacementTolerationShapes(t *testing.T) {
	keys := []string{"", "dedicated", "other", corev1.TaintNodeUnreachable, corev1.TaintNodeDiskPressure, corev1.TaintNodeNetworkUnavailable}
	effects := []corev1.TaintEffect{"", corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute, "Odd"}
	values := []string{"", "a", "5", "05", "-5", "-0", "+5", "6", " 6", "1.5", "9223372036854775807", "9223372036854775808", "-9223372036854775808"}
	operators := []corev1.TolerationOperator{"", corev1.TolerationOpEqual, corev1.TolerationOpExists, corev1.TolerationOpGt, corev1.TolerationOpLt, "exists"}
	var nodes []*corev1.Node
	for _, key := range keys {
		for _, effect := range effects {
			for _, value := range values {
				nodes = append(nodes, &corev1.Node{Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: key, Value: value, Effect: effect}}}})
			}
		}
	}
	gates(t, func(t *testing.T, opts placement.Options) {
		failed, pairs := 0, 0
		check := func(spec corev1.PodSpec, nodes []*corev1.Node) {
			if failed >= 5 {
				return
			}
			c := newPlacementCase(&corev1.PodTemplateSpec{Spec: spec}, opts)
			if difference := c.whole(); difference != "" {
				failed++
				t.Errorf("tolerations %+v: %s", spec.Tolerations, difference)
				return
			}
			for _, node := range nodes {
				pairs++
				if _, difference := c.node(node); difference != "" {
					failed++
					t.Errorf("tolerations %+v, taints %+v: %s", spec.Tolerations, node.Spec.Taints, difference)
					return
				}
			}
		}
		for _, hostNetwork := range []bool{false, true} {
			check(corev1.PodSpec{HostNetwork: hostNetwork}, nodes)
			check(corev1.PodSpec{HostNetwork: hostNetwork, Tolerations: []corev1.Toleration{}}, nodes)
		}
		for _, key := range keys {
			for _, op := range operators {
				for _, value := range values {
					for _, effect := range effects {
						toleration := corev1.Toleration{Key: key, Operator: op, Value: value, Effect: effect}
						check(corev1.PodSpec{Tolerations: []corev1.Toleration{toleration}}, nodes)
						// Twice, the second with seconds: the defaults may replace both.
						again := toleration
						again.TolerationSeconds = new(int64(30))
						check(corev1.PodSpec{HostNetwork: true, Tolerations: []corev1.Toleration{toleration, again}}, nil)
					}
				}
			}
		}
		t.Logf("%d pairs", pairs)
	})
}

// TestPlacementNodeChanged holds NodeChanged and DecisionChanged to what upstream
// makes of the update of a node.
func TestPlacementNodeChanged(t *testing.T) {
	const updates = 20_000
	d := dice{rand.New(rand.NewPCG(*seed, 1))}
	ignored, turned := 0, 0
	for n := range updates {
		old := d.node()
		cur := old.DeepCopy()
		switch d.IntN(5) {
		case 0:
			cur = d.node()
		case 1:
			cur.Labels = map[string]string{d.key(): d.value()}
		case 2:
			cur.Spec.Taints = append([]corev1.Taint{}, cur.Spec.Taints...)
			if len(cur.Spec.Taints) > 0 {
				cur.Spec.Taints[0] = corev1.Taint{Key: d.taintKey(), Value: d.value(), Effect: d.effect()}
			}
		case 3:
			cur.Spec.Unschedulable = true
			if len(cur.Labels) == 0 {
				cur.Labels = map[string]string{}
			}
		case 4:
			// The times are equal when they are the same moment.
			moment := metav1.Unix(int64(d.IntN(2)), 0)
			for i := range cur.Spec.Taints {
				old.Spec.Taints[i].TimeAdded = new(metav1.Unix(int64(d.IntN(2)), 0))
				cur.Spec.Taints[i].TimeAdded = new(metav1.NewTime(moment.UTC()))
			}
		}
		got, ignore := placement.NodeChanged(old, cur), shouldIgnoreNodeUpdate(*old, *cur)
		if got == ignore {
			t.Fatalf("update %d of seed %d: NodeChanged = %t, shouldIgnoreNodeUpdate = %t\n%s", n, *seed, got, ignore, diff(old, cur))
		}
		if ignore {
			ignored++
		}
		c := newPlacementCase(d.template(), placement.Options{})
		wasRun, wasKeep := shouldRun(c.ds, old)
		isRun, isKeep := shouldRun(c.ds, cur)
		want := wasRun != isRun || wasKeep != isKeep
		if got := c.matcher.DecisionChanged(old, cur); got != want {
			t.Fatalf("update %d of seed %d: DecisionChanged = %t, want %t\n%s\n%+v", n, *seed, got, want, diff(old, cur), c.ds.Spec.Template.Spec)
		}
		if want {
			turned++
		}
	}
	if ignored < updates/10 || turned < updates/50 {
		t.Errorf("of %d updates %d are ignored and %d turn a verdict: one of them is too rare", updates, ignored, turned)
	}
}
