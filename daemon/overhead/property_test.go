package overhead_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pernode/daemonset/daemon/overhead"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/placement"
)

// dice throws DaemonSets, nodes and pools out of few words, so that they meet often.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 11))} }

func (d dice) in(n int) bool { return d.IntN(n) == 0 }

func one[T any](d dice, words ...T) T { return words[d.IntN(len(words))] }

// labelKeys are asked for by random DaemonSets.
var labelKeys = []string{"zone", "cores", "disk", corev1.LabelHostname}

// labelValues holds, besides what random DaemonSets and pools name, values that they do not:
// integers between and around their bounds, and words.
var labelValues = []string{"a", "b", "5", "05", "7", "0", "3", "6", "100", "other"}

func (d dice) value() string { return one(d, "a", "a", "b", "5", "05", "7") }

func (d dice) requirement() corev1.NodeSelectorRequirement {
	r := corev1.NodeSelectorRequirement{Key: one(d, labelKeys...)}
	switch d.IntN(8) {
	case 0, 1, 2:
		r.Operator = corev1.NodeSelectorOpIn
	case 3, 4:
		r.Operator = corev1.NodeSelectorOpNotIn
	case 5:
		r.Operator = corev1.NodeSelectorOpExists
		return r
	case 6:
		r.Operator = corev1.NodeSelectorOpDoesNotExist
		return r
	case 7:
		r.Operator, r.Values = one(d, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt), []string{one(d, "-1", "0", "5", "6")}
		return r
	}
	for range 1 + d.IntN(3) {
		r.Values = append(r.Values, d.value())
	}
	if d.in(40) {
		r.Values = []string{"not a label value"}
	}
	return r
}

// nodeNames are asked for by random DaemonSets, except the last.
var nodeNames = []string{"n1", "n2", "other"}

func (d dice) template() corev1.PodTemplateSpec {
	var t corev1.PodTemplateSpec
	if d.in(4) {
		t.Spec.NodeSelector = map[string]string{one(d, labelKeys...): d.value(), one(d, labelKeys...): d.value()}
	}
	if d.in(12) {
		t.Spec.NodeName = one(d, nodeNames[:2]...)
	}
	if d.in(2) {
		var terms []corev1.NodeSelectorTerm
		for range 1 + d.IntN(3) {
			var term corev1.NodeSelectorTerm
			for range d.IntN(3) {
				r := d.requirement()
				for i, value := range r.Values {
					if len(validation.IsValidLabelValue(value)) > 0 {
						r.Values[i] = d.value() // The API server refuses others.
					}
				}
				term.MatchExpressions = append(term.MatchExpressions, r)
			}
			if d.in(4) {
				term.MatchFields = []corev1.NodeSelectorRequirement{{
					Key: metav1.ObjectNameField, Operator: one(d, corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn), Values: []string{one(d, nodeNames[:2]...)},
				}}
			}
			terms = append(terms, term)
		}
		t.Spec.Affinity = required(terms...)
	}
	for range d.IntN(3) {
		t.Spec.Tolerations = append(t.Spec.Tolerations, corev1.Toleration{Key: one(d, taintKeys...), Operator: corev1.TolerationOpExists, Effect: one(d, "", corev1.TaintEffectNoSchedule)})
	}
	for range 1 + d.IntN(2) {
		c := d.container()
		if len(t.Spec.Containers) > 0 && len(c.Ports) > 0 && len(t.Spec.Containers[0].Ports) > 0 {
			c.Ports[0].HostPort = 161 - t.Spec.Containers[0].Ports[0].HostPort // The API server refuses the same.
		}
		t.Spec.Containers = append(t.Spec.Containers, c)
	}
	if d.in(4) {
		t.Spec.InitContainers = []corev1.Container{d.container()}
	}
	if d.in(4) {
		t.Spec.Overhead, t.Spec.RuntimeClassName = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}, new("kata")
	}
	if d.in(3) {
		t.Spec.PriorityClassName = one(d, "system-node-critical", "system-cluster-critical")
	}
	return t
}

func (d dice) container() corev1.Container {
	var c corev1.Container
	list := func() corev1.ResourceList {
		out := corev1.ResourceList{}
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, "example.com/device"} {
			if d.in(2) {
				out[name] = resource.MustParse(one(d, "0", "1", "2", "500m", "1500m", "1Ki"))
			}
		}
		return out
	}
	c.Resources.Requests, c.Resources.Limits = list(), list()
	// The API server refuses others.
	for name, limit := range c.Resources.Limits {
		if request, ok := c.Resources.Requests[name]; ok && request.Cmp(limit) > 0 {
			c.Resources.Limits[name] = request
		}
	}
	const device = "example.com/device"
	for _, list := range []corev1.ResourceList{c.Resources.Limits, c.Resources.Requests} {
		if devices, ok := list[device]; ok {
			c.Resources.Limits[device] = *resource.NewQuantity(devices.Value(), resource.DecimalSI)
		}
	}
	if _, ok := c.Resources.Requests[device]; ok {
		c.Resources.Requests[device] = c.Resources.Limits[device]
	}
	if d.in(3) {
		c.Ports = []corev1.ContainerPort{{HostPort: one(d, int32(80), 81), HostIP: one(d, "", "", "10.0.0.1", "10.0.0.2"), Protocol: one(d, "", corev1.ProtocolTCP, corev1.ProtocolUDP)}}
	}
	return c
}

var taintKeys = []string{"dedicated", "starting", "slow"}

func (d dice) taints(n int) []corev1.Taint {
	var out []corev1.Taint
	for range n {
		out = append(out, corev1.Taint{Key: one(d, taintKeys...), Effect: one(d, corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute, corev1.TaintEffectPreferNoSchedule)})
	}
	return out
}

func (d dice) sets(n int) []*appsv1.DaemonSet {
	sets := make([]*appsv1.DaemonSet, n)
	for i := range sets {
		ds := &appsv1.DaemonSet{}
		ds.Namespace, ds.Name = one(d, "kube-system", "team"), fmt.Sprintf("ds-%d", i)
		if d.in(2) {
			ds.UID = types.UID("uid-" + ds.Name)
		}
		ds.Spec.Template = d.template()
		sets[i] = ds
	}
	return sets
}

func (d dice) node() *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: one(d, nodeNames...), Labels: map[string]string{}}}
	for _, key := range labelKeys {
		if d.in(2) {
			node.Labels[key] = d.value()
		}
	}
	node.Spec.Taints = d.taints(max(0, d.IntN(4)-1))
	return node
}

func (d dice) input() overhead.Input {
	in := overhead.Input{Node: d.node(), NameUnknown: d.in(3)}
	for range d.IntN(3) {
		in.LateLabels = append(in.LateLabels, one(d, labelKeys[:2]...))
	}
	if in.NameUnknown {
		in.LateLabels = in.LateLabels[:min(len(in.LateLabels), 1)] // or the states are too many to try
	}
	in.StartupTaints = d.taints(max(0, d.IntN(4)-1))
	return in
}

// state is a node in one of the states that an Input allows: a choice for each unknown fact.
type state struct {
	facts []overhead.Fact
	node  *corev1.Node
	// id is the choices as text, by fact.
	id []string
}

// states lists all states, with enough values for each label.
func states(in overhead.Input) []state {
	base := in.Node.DeepCopy()
	base.Spec.Taints = slices.DeleteFunc(base.Spec.Taints, func(t corev1.Taint) bool {
		return slices.ContainsFunc(in.StartupTaints, func(s corev1.Taint) bool { return s.MatchTaint(&t) })
	})
	all := []state{{node: base}}
	vary := func(fact overhead.Fact, choices ...string) {
		var next []state
		for _, s := range all {
			for _, choice := range choices {
				to := state{facts: append(slices.Clone(s.facts), fact), node: s.node.DeepCopy(), id: append(slices.Clone(s.id), choice)}
				switch fact.Kind {
				case overhead.FactName:
					to.node.Name = choice
				case overhead.FactLabel:
					delete(to.node.Labels, fact.Label)
					if choice != "missing" {
						to.node.Labels[fact.Label] = choice
					}
				case overhead.FactStartupTaint:
					if choice == "there" {
						to.node.Spec.Taints = append(to.node.Spec.Taints, fact.Taint)
					}
				}
				next = append(next, to)
			}
		}
		all = next
	}
	late := slices.Clone(in.LateLabels)
	if in.NameUnknown {
		late = append(late, corev1.LabelHostname)
	}
	slices.Sort(late)
	for _, key := range slices.Compact(late) {
		vary(overhead.Fact{Kind: overhead.FactLabel, Label: key}, append([]string{"missing"}, labelValues...)...)
	}
	if in.NameUnknown {
		vary(overhead.Fact{Kind: overhead.FactName}, nodeNames...)
	}
	for _, taint := range in.StartupTaints {
		vary(overhead.Fact{Kind: overhead.FactStartupTaint, Taint: taint}, "there", "gone")
	}
	return all
}

// answers decides every state.
func answers(ds *appsv1.DaemonSet, all []state) (verdict overhead.Verdict, dependsOn []overhead.Fact) {
	matcher := placement.Compile(&ds.Spec.Template, placement.Options{})
	runs := make(map[string]bool, len(all))
	count := 0
	for _, s := range all {
		run := matcher.Decide(s.node).Run
		runs[strings.Join(s.id, "|")] = run
		if run {
			count++
		}
	}
	switch count {
	case 0:
		return overhead.VerdictDoesNotRun, nil
	case len(all):
		return overhead.VerdictRuns, nil
	}
	// A fact matters if the answer changes with it alone.
	for i, fact := range all[0].facts {
		first := map[string]bool{}
		matters := false
		for _, s := range all {
			others := slices.Clone(s.id)
			others[i] = ""
			key, run := strings.Join(others, "|"), runs[strings.Join(s.id, "|")]
			if was, ok := first[key]; ok && was != run {
				matters = true
			}
			first[key] = run
		}
		if matters {
			dependsOn = append(dependsOn, fact)
		}
	}
	return overhead.VerdictCannotTell, dependsOn
}

func compile(t testing.TB, sets []*appsv1.DaemonSet, opts overhead.Options) *overhead.Daemons {
	t.Helper()
	daemons, err := overhead.Compile(sets, opts)
	if err != nil {
		t.Fatal(err)
	}
	return daemons
}

// TestVerdicts holds every verdict to a look at all states that a node may be in: no wrong
// answer, and no "cannot tell" where it can be told.
func TestVerdicts(t *testing.T) {
	seen, seenReasons := map[overhead.Verdict]int{}, map[placement.Reason]int{}
	var out overhead.NodeOverhead
	for seed := range property.Seeds(t, 100) {
		d := newDice(seed)
		daemons := compile(t, d.sets(6), overhead.Options{})
		for range 3 {
			in := d.input()
			// A taint that is listed twice as a startup taint is one fact.
			in.StartupTaints = slices.CompactFunc(in.StartupTaints, func(a, b corev1.Taint) bool { return a.MatchTaint(&b) })
			if len(in.StartupTaints) == 2 && in.StartupTaints[0].MatchTaint(&in.StartupTaints[1]) {
				continue
			}
			all := states(in)
			if err := daemons.OnNode(in, &out); err != nil {
				t.Fatal(err)
			}
			for i, daemon := range daemons.List() {
				want, dependsOn := answers(daemon.DaemonSet, all)
				got := out.Daemons[i]
				seen[got.Verdict]++
				if got.Verdict != want {
					t.Fatalf("seed %d: OnNode(%+v) = %v about %+v, want %v", seed, in, got.Verdict, daemon.DaemonSet.Spec.Template.Spec, want)
				}
				if got.Verdict == overhead.VerdictDoesNotRun && got.Decision.Run || got.Verdict == overhead.VerdictRuns && !got.Decision.Run {
					t.Fatalf("seed %d: OnNode = %v for the decision %v", seed, got.Verdict, got.Decision)
				}
				explanation, err := daemons.Explain(i, in)
				if err != nil || explanation.Verdict != want || explanation.Placement.Decision != got.Decision {
					t.Fatalf("seed %d: Explain = %+v, %v, want the verdict %v and the decision %v", seed, explanation, err, want, got.Decision)
				}
				if e := explanation.Placement; want == overhead.VerdictCannotTell &&
					((e.Reason == placement.ReasonNodeSelector) != (e.SelectorKey != "") || (e.Reason == placement.ReasonNodeAffinity) != (len(e.AffinityFailures) > 0)) {
					t.Fatalf("seed %d: Explain = %+v: the reason %v and what failed are of different states", seed, e, e.Reason)
				}
				if want == overhead.VerdictDoesNotRun {
					reason, holds := reasonHolds(daemon.DaemonSet, explanation.Placement, all)
					if !holds {
						t.Fatalf("seed %d: Explain(%v) about %+v on %+v: another rule fails in every state, and %s does not", seed, explanation, daemon.DaemonSet.Spec.Template.Spec, in, reason)
					}
					seenReasons[explanation.Placement.Reason]++
				}
				if in.NameUnknown && strings.Contains(explanation.String(), "metadata.name=a") {
					t.Fatalf("seed %d: Explain(%v) shows a name that is made up", seed, explanation)
				}
				if diff := gocmp.Diff(dependsOn, explanation.DependsOn); diff != "" {
					t.Fatalf("seed %d: Explain(%v) about %+v on %+v: DependsOn (-want +got):\n%s", seed, explanation, daemon.DaemonSet.Spec.Template.Spec, in, diff)
				}
			}
		}
	}
	for _, v := range []overhead.Verdict{overhead.VerdictRuns, overhead.VerdictDoesNotRun, overhead.VerdictCannotTell} {
		if seen[v] < 125 {
			t.Errorf("the verdict %v came up %d times: %v", v, seen[v], seen)
		}
	}
	for r := placement.ReasonNodeName; r <= placement.ReasonTaint; r++ {
		if seenReasons[r] < 15 {
			t.Errorf("the reason %v came up %d times: %v", r, seenReasons[r], seenReasons)
		}
	}
}

// reasonHolds reports whether the rule that is the reason fails in every state, or none of the
// rules about labels and names does. It returns that rule.
func reasonHolds(ds *appsv1.DaemonSet, e placement.Explanation, all []state) (string, bool) {
	spec := ds.Spec.Template.Spec
	rules := map[string]corev1.PodSpec{
		"nodeName": {NodeName: spec.NodeName},
		"affinity": {Affinity: spec.Affinity},
	}
	for key, value := range spec.NodeSelector {
		rules["selector "+key] = corev1.PodSpec{NodeSelector: map[string]string{key: value}}
	}
	always := map[string]bool{}
	for name, rule := range rules {
		matcher := placement.Compile(&corev1.PodTemplateSpec{Spec: rule}, placement.Options{})
		if !slices.ContainsFunc(all, func(s state) bool {
			node := s.node.DeepCopy()
			node.Spec.Taints = nil
			return matcher.Decide(node).Run
		}) {
			always[name] = true
		}
	}
	reason := map[placement.Reason]string{
		placement.ReasonNodeName: "nodeName", placement.ReasonNodeSelector: "selector " + e.SelectorKey, placement.ReasonNodeAffinity: "affinity", placement.ReasonTaint: "taint",
	}[e.Reason]
	return reason, len(always) == 0 || always[reason]
}

// poolNodes lists nodes of every kind: each label missing or of any value.
func poolNodes(keys []string) []*corev1.Node {
	all := []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{}}}}
	for _, key := range keys {
		var next []*corev1.Node
		for _, node := range all {
			next = append(next, node)
			for _, value := range labelValues {
				to := node.DeepCopy()
				to.Labels[key] = value
				next = append(next, to)
			}
		}
		all = next
	}
	var named []*corev1.Node
	for _, node := range all {
		for _, name := range nodeNames {
			to := node.DeepCopy()
			to.Name = name
			named = append(named, to)
		}
	}
	return named
}

func (d dice) pool(keys []string) overhead.Pool {
	var pool overhead.Pool
	for range d.IntN(4) {
		r := d.requirement()
		r.Key = one(d, keys...)
		pool.Requirements = append(pool.Requirements, r)
	}
	pool.OtherLabelsAbsent = d.in(2)
	pool.Taints = d.taints(max(0, d.IntN(4)-2))
	if d.in(3) {
		pool.StartupTaints = d.taints(1)
	}
	return pool
}

// TestPresence holds every answer about a pool to the nodes that it can have.
func TestPresence(t *testing.T) {
	keys := labelKeys[:2]
	nodes := poolNodes(keys)
	seen := map[overhead.Presence]int{}
	impossible, absences, pools, waiting := 0, 0, 0, 0 // waiting: pools with pods that startup taints keep away
	for seed := range property.Seeds(t, 75) {
		pools++
		d := newDice(seed)
		sets := d.sets(5)
		for _, ds := range sets {
			spec := &ds.Spec.Template.Spec
			maps.DeleteFunc(spec.NodeSelector, func(key, _ string) bool { return !slices.Contains(keys, key) })
			if spec.Affinity != nil {
				terms := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
				for i := range terms {
					for j := range terms[i].MatchExpressions {
						if r := &terms[i].MatchExpressions[j]; !slices.Contains(keys, r.Key) {
							r.Key = keys[0]
						}
					}
				}
			}
		}
		daemons := compile(t, sets, overhead.Options{})
		pool := d.pool(keys)
		// known are the requirements with those that OtherLabelsAbsent stands for.
		known := slices.Clone(pool.Requirements)
		absent := func(key string) corev1.NodeSelectorRequirement {
			return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpDoesNotExist}
		}
		for _, key := range keys {
			if pool.OtherLabelsAbsent && !slices.ContainsFunc(pool.Requirements, func(r corev1.NodeSelectorRequirement) bool { return r.Key == key }) {
				known = append(known, absent(key))
			}
		}
		runsOn := func(ds *appsv1.DaemonSet, requirements []corev1.NodeSelectorRequirement) (found overhead.Presence) {
			member := placement.Compile(&corev1.PodTemplateSpec{}, placement.Options{})
			if len(requirements) > 0 {
				member = placement.Compile(&corev1.PodTemplateSpec{Spec: corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{MatchExpressions: requirements})}}, placement.Options{})
			}
			matcher := placement.Compile(&ds.Spec.Template, placement.Options{})
			runs, total := 0, 0
			for _, node := range nodes {
				if !member.Decide(node).Run {
					continue
				}
				for _, early := range []bool{false, true} {
					on := *node
					on.Spec.Taints = slices.DeleteFunc(slices.Clone(pool.Taints), func(t corev1.Taint) bool {
						return slices.ContainsFunc(pool.StartupTaints, func(s corev1.Taint) bool { return s.MatchTaint(&t) })
					})
					if early {
						on.Spec.Taints = append(on.Spec.Taints, pool.StartupTaints...)
					}
					total++
					if matcher.Decide(&on).Run {
						runs++
					}
				}
			}
			switch {
			case total == 0:
				return 0
			case runs == total:
				return overhead.PresenceAlways
			case runs == 0:
				return overhead.PresenceNever
			}
			return overhead.PresenceSometimes
		}
		out, err := daemons.InPool(pool)
		if err != nil {
			impossible++
			malformed := slices.ContainsFunc(pool.Requirements, func(r corev1.NodeSelectorRequirement) bool {
				return slices.Contains(r.Values, "not a label value")
			})
			if !malformed && runsOn(sets[0], pool.Requirements) != 0 {
				t.Fatalf("seed %d: InPool(%+v) fails: %v", seed, pool, err)
			}
			continue
		}
		now := pool
		pool.Taints = slices.DeleteFunc(slices.Clone(pool.Taints), func(t corev1.Taint) bool {
			return slices.ContainsFunc(pool.StartupTaints, func(s corev1.Taint) bool { return s.MatchTaint(&t) })
		})
		pool.StartupTaints = nil
		started := 0
		for _, daemon := range daemons.List() {
			if runsOn(daemon.DaemonSet, known) == overhead.PresenceAlways {
				started++
			}
		}
		if out.Started.Pods != started {
			t.Fatalf("seed %d: InPool(%+v).Started = %v, want %d pods", seed, now, out.Started, started)
		}
		pool = now
		if started > out.Always.Pods {
			waiting++
		}
		shuffled := pool
		shuffled.Requirements = slices.Clone(pool.Requirements)
		slices.Reverse(shuffled.Requirements)
		if reversed, err := daemons.InPool(shuffled); err != nil || gocmp.Diff(out, reversed) != "" {
			t.Fatalf("seed %d: InPool(%+v) with the requirements in another order: %v (-want +got):\n%s", seed, pool, err, gocmp.Diff(out, reversed))
		}
		for i, daemon := range daemons.List() {
			got, want := out.Daemons[i], runsOn(daemon.DaemonSet, known)
			seen[got.Presence]++
			if got.Presence != want {
				t.Fatalf("seed %d: InPool(%+v) = %v about %+v, want %v", seed, pool, got, daemon.DaemonSet.Spec.Template.Spec, want)
			}
			if want == overhead.PresenceSometimes {
				continue
			}
			withTaints := pool
			if want == overhead.PresenceNever {
				// Labels decide, if they do without the taints.
				pool.Taints, pool.StartupTaints = nil, nil
				if labels := runsOn(daemon.DaemonSet, known) == want; labels == (got.Taint != nil) {
					t.Fatalf("seed %d: %v about %+v: the labels decide: %v", seed, got, daemon.DaemonSet.Spec.Template.Spec, labels)
				}
				if got.Taint != nil {
					pool = withTaints
					continue
				}
			}
			// What decides is enough, and nothing of it is superfluous.
			deciding := slices.Clone(got.Requirements)
			for _, key := range got.AbsentLabels {
				deciding = append(deciding, absent(key))
				absences++
			}
			if alone := runsOn(daemon.DaemonSet, deciding); alone != want {
				t.Fatalf("seed %d: %v about %+v: with these alone it is %v", seed, got, daemon.DaemonSet.Spec.Template.Spec, alone)
			}
			for at := range deciding {
				fewer := slices.Delete(slices.Clone(deciding), at, at+1)
				if without := runsOn(daemon.DaemonSet, fewer); without == want {
					t.Fatalf("seed %d: %v about %+v: condition %d does not decide", seed, got, daemon.DaemonSet.Spec.Template.Spec, at)
				}
			}
			pool = withTaints
		}
	}
	for _, p := range []overhead.Presence{overhead.PresenceAlways, overhead.PresenceSometimes, overhead.PresenceNever} {
		if seen[p] < 25 {
			t.Errorf("the presence %v came up %d times: %v", p, seen[p], seen)
		}
	}
	if absences < pools/3 {
		t.Errorf("%d absent labels decided", absences)
	}
	if waiting == 0 {
		t.Error("no pool has a pod that runs on every node after start-up only")
	}
	if impossible == 0 || impossible > pools/2 {
		t.Errorf("%d pools of %d were impossible", impossible, pools)
	}
}

// pods returns random pods on a node: of the DaemonSets, of nobody, elsewhere, finished.
func (d dice) pods(node *corev1.Node, sets []*appsv1.DaemonSet) []*corev1.Pod {
	var pods []*corev1.Pod
	for i := range d.IntN(5) {
		pod := &corev1.Pod{Spec: d.template().Spec}
		pod.Name, pod.Namespace = fmt.Sprintf("pod-%d", i), "team"
		pod.Spec.NodeName = node.Name
		if d.in(2) {
			ds := one(d, sets...)
			pod.Namespace = ds.Namespace
			uid := cmp.Or(ds.UID, "live")
			if d.in(5) {
				uid = "another"
			}
			pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: ds.Name, UID: uid, Controller: new(true)}}
		}
		switch d.IntN(8) {
		case 0:
			pod.Spec.NodeName = "elsewhere"
		case 1:
			pod.Status.Phase = corev1.PodSucceeded
		case 2:
			pod.Spec.NodeName = ""
		}
		pods = append(pods, pod)
	}
	return pods
}

// taker is a DaemonSet or a pod in the slow account of a node.
type taker struct {
	requests corev1.ResourceList
	ports    []overhead.HostPort
}

func takerOf(t testing.TB, spec corev1.PodSpec) taker {
	t.Helper()
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "x"}}
	ds.Spec.Template.Spec = spec
	only := compile(t, []*appsv1.DaemonSet{ds}, overhead.Options{}).List()[0]
	return taker{only.Requests, only.HostPorts}
}

func plus(a, b resource.Quantity) resource.Quantity { a.Add(b); return a }

func minus(a, b resource.Quantity) resource.Quantity { a.Sub(b); return a }

// whole rounds as the scheduler does.
func whole(name corev1.ResourceName, q resource.Quantity) resource.Quantity {
	q = q.DeepCopy()
	if name != corev1.ResourceCPU {
		q.RoundUp(0)
	}
	return q
}

// TestFit holds sums, what is missing and what does not fit to a slow account of the same node
// in quantities.
func TestFit(t *testing.T) {
	var out overhead.NodeOverhead
	seen := map[string]int{}
	resources := []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, "example.com/device"}
	for seed := range property.Seeds(t, 500) {
		d := newDice(seed)
		sets := d.sets(5)
		daemons := compile(t, sets, overhead.Options{})
		in := d.input()
		in.NameUnknown = false
		in.Node.Status.Allocatable = corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(one(d, "1", "4", "6500m")), corev1.ResourceMemory: resource.MustParse(one(d, "2", "10", "4Ki")),
			corev1.ResourcePods: resource.MustParse(one(d, "2", "5", "10", "10")), "example.com/device": resource.MustParse(one(d, "3", "9")),
		}
		limited := !d.in(10)
		if !limited {
			in.Node.Status.Allocatable = nil
		}
		in.Pods = d.pods(in.Node, sets)
		if err := daemons.OnNode(in, &out); err != nil {
			t.Fatal(err)
		}

		free := maps.Clone(in.Node.Status.Allocatable)
		taken := map[int][]taker{} // by DaemonSet; -1: others
		pods := 0
		for _, pod := range in.Pods {
			if pod.Spec.NodeName != in.Node.Name || pod.Status.Phase == corev1.PodSucceeded {
				continue
			}
			pods++
			own := slices.IndexFunc(daemons.List(), func(o overhead.Daemon) bool {
				ref := metav1.GetControllerOf(pod)
				return ref != nil && ref.Name == o.DaemonSet.Name && pod.Namespace == o.DaemonSet.Namespace && (o.DaemonSet.UID == "" || o.DaemonSet.UID == ref.UID)
			})
			took := takerOf(t, pod.Spec)
			taken[own] = append(taken[own], took)
			for _, name := range resources {
				if limited {
					free[name] = minus(free[name], whole(name, took.requests[name]))
				}
			}
		}
		freePods := free.Pods().Value() - int64(pods)

		run, atMost, missing, missingAtMost := corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}
		order := map[int][]int{}
		for i, daemon := range daemons.List() {
			got := out.Daemons[i]
			if present := taken[i] != nil; got.Present != present {
				t.Fatalf("seed %d: Present = %v, want %v", seed, got.Present, present)
			}
			if got.Verdict == overhead.VerdictDoesNotRun {
				if got.Fits {
					t.Fatalf("seed %d: Fits is true for %v", seed, got.Verdict)
				}
				continue
			}
			class := 2
			if got.Verdict == overhead.VerdictRuns {
				class = 1
			}
			for _, name := range resources {
				want := whole(name, daemon.Requests[name])
				atMost[name] = plus(atMost[name], want)
				if class == 1 {
					run[name] = plus(run[name], want)
				}
				for _, took := range taken[i] {
					want = minus(want, whole(name, took.requests[name]))
				}
				if want.Sign() > 0 {
					missingAtMost[name] = plus(missingAtMost[name], want)
				}
				if want.Sign() > 0 && class == 1 {
					missing[name] = plus(missing[name], want)
				}
			}
			if got.Present {
				class = 0
			}
			order[class] = append(order[class], i)
		}
		for _, c := range []struct {
			what      string
			got, want corev1.ResourceList
		}{{"Run", out.Run.Requests(), run}, {"AtMost", out.AtMost.Requests(), atMost}, {"Missing", out.Missing.Requests(), missing}, {"MissingAtMost", out.MissingAtMost.Requests(), missingAtMost}} {
			for _, name := range resources {
				if got, want := c.got[name], c.want[name]; got.Cmp(want) != 0 {
					t.Fatalf("seed %d: %s of %s = %v, want %v", seed, c.what, name, &got, &want)
				}
			}
		}

		placed := map[int]bool{}
		for _, i := range slices.Concat(order[0], order[1], order[2]) {
			daemon, got := daemons.List()[i], out.Daemons[i]
			ports, room := true, true
			for owner, takers := range taken {
				for _, took := range takers {
					if owner != i && conflict(daemon.HostPorts, took.ports) {
						ports = false
					}
				}
			}
			for other := range placed {
				if conflict(notHeld(daemon.HostPorts, taken[i]), notHeld(daemons.List()[other].HostPorts, taken[other])) {
					ports = false
				}
			}
			need := corev1.ResourceList{}
			for _, name := range resources {
				want := whole(name, daemon.Requests[name])
				for _, took := range taken[i] {
					want = minus(want, whole(name, took.requests[name]))
				}
				has := free[name]
				if want.Sign() > 0 {
					need[name] = want
					if limited && has.Cmp(want) < 0 {
						room = false
					}
				}
				short := slices.ContainsFunc(out.Shortages, func(s overhead.Shortage) bool { return s.Daemon == i && s.Resource == name })
				if want := limited && want.Sign() > 0 && has.Cmp(want) < 0; short != want {
					t.Fatalf("seed %d: shortage of %s for %d: %v, want %v", seed, name, i, short, want)
				}
			}
			if limited && !got.Present && freePods < 1 {
				room = false
			}
			if got.Fits != (ports && room) {
				t.Fatalf("seed %d: daemon %d %+v fits: %v, want ports %v, room %v", seed, i, got, got.Fits, ports, room)
			}
			seen[fmt.Sprintf("ports %v, room %v", ports, room)]++
			conflicts := slices.ContainsFunc(out.PortConflicts, func(c overhead.PortConflict) bool { return c.Daemon == i })
			if !ports && !conflicts {
				t.Fatalf("seed %d: no conflict for %d", seed, i)
			}
			if got.Fits {
				placed[i] = true
				if !got.Present {
					freePods--
				}
				for name, want := range need {
					if limited {
						free[name] = minus(free[name], want)
					}
				}
			}
		}
	}
	for _, what := range []string{"ports true, room true", "ports true, room false", "ports false, room true", "ports false, room false"} {
		if seen[what] < 8 {
			t.Errorf("%q came up %d times: %v", what, seen[what], seen)
		}
	}
}

// notHeld returns the ports that none of the takers has.
func notHeld(ports []overhead.HostPort, takers []taker) []overhead.HostPort {
	return slices.DeleteFunc(slices.Clone(ports), func(p overhead.HostPort) bool {
		return slices.ContainsFunc(takers, func(t taker) bool {
			return slices.ContainsFunc(t.ports, func(q overhead.HostPort) bool {
				return p.Number == q.Number && p.Protocol == q.Protocol && (p.IP == q.IP || q.IP == "" || q.IP == "0.0.0.0")
			})
		})
	})
}

func conflict(a, b []overhead.HostPort) bool {
	return slices.ContainsFunc(a, func(p overhead.HostPort) bool { return slices.ContainsFunc(b, p.Conflicts) })
}

// TestOrder: the order of DaemonSets, pods and options has no effect, arguments stay as they
// are, and what is in the result before has none.
func TestOrder(t *testing.T) {
	var used overhead.NodeOverhead
	seen := map[string]int{}
	for seed := range property.Seeds(t, 50) {
		d := newDice(seed)
		sets := d.sets(6)
		in := d.input()
		in.Pods = d.pods(in.Node, sets)
		in.Node.Status.Capacity = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourcePods: resource.MustParse("4")}
		opts := d.options()
		before := []any{
			in.Node.DeepCopy(), copies(in.Pods), slices.Clone(in.LateLabels), slices.Clone(in.StartupTaints),
			copies(sets), copies(opts.LimitRanges), copies(opts.PriorityClasses), copies(opts.RuntimeClasses),
		}
		var fresh overhead.NodeOverhead
		daemons := compile(t, sets, opts)
		if err := daemons.OnNode(in, &fresh); err != nil {
			t.Fatal(err)
		}
		after := []any{in.Node, in.Pods, in.LateLabels, in.StartupTaints, sets, opts.LimitRanges, opts.PriorityClasses, opts.RuntimeClasses}
		if diff := gocmp.Diff(before, after, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: the arguments have changed (-want +got):\n%s", seed, diff)
		}
		shuffle(d, sets)
		shuffle(d, in.Pods)
		shuffle(d, in.LateLabels)
		shuffle(d, opts.LimitRanges)
		shuffle(d, opts.PriorityClasses)
		shuffle(d, opts.RuntimeClasses)
		shuffled := compile(t, sets, opts)
		if err := shuffled.OnNode(in, &used); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(daemons.List(), shuffled.List()) + gocmp.Diff(fresh, used); diff != "" {
			t.Fatalf("seed %d: in another order, and in memory that was used (-want +got):\n%s", seed, diff)
		}
		for i, daemon := range daemons.List() {
			seen[fmt.Sprintf("refused %v", daemon.Refused != nil)]++
			if diff := gocmp.Diff(daemons.Pod(i, "n", ""), shuffled.Pod(i, "n", "")); diff != "" {
				t.Fatalf("seed %d: Pod in another order (-want +got):\n%s", seed, diff)
			}
		}
	}
	if seen["refused true"] < 20 || seen["refused false"] < 20 {
		t.Errorf("DaemonSets that came up: %v", seen)
	}
}

// options returns options in which the order of each list could matter.
func (d dice) options() overhead.Options {
	var opts overhead.Options
	class := func(name string, value int32) *schedulingv1.PriorityClass {
		return &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value, GlobalDefault: true}
	}
	opts.PriorityClasses = []*schedulingv1.PriorityClass{class("low", 1), class("other-low", 1), class("high", 2)}
	for _, name := range []string{"kata", "gvisor"} {
		opts.RuntimeClasses = append(opts.RuntimeClasses, &nodev1.RuntimeClass{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Overhead: &nodev1.Overhead{PodFixed: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}},
			Scheduling: &nodev1.Scheduling{NodeSelector: map[string]string{"disk": "a", "cores": "5"}},
		})
	}
	list := func() corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceName(one(d, "cpu", "memory")): resource.MustParse(one(d, "1", "2", "500m", "1Ki"))}
	}
	for _, name := range []string{"a", "b", "c"} {
		item := corev1.LimitRangeItem{Type: one(d, corev1.LimitTypeContainer, corev1.LimitTypeContainer, corev1.LimitTypePod)}
		if item.Type == corev1.LimitTypeContainer {
			item.DefaultRequest = list()
		}
		if d.in(3) {
			item.Max = list()
		}
		opts.LimitRanges = append(opts.LimitRanges, limitRange(one(d, "kube-system", "team"), name, item))
	}
	return opts
}

func shuffle[T any](d dice, list []T) {
	d.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// copies returns deep copies of objects.
func copies[T interface{ DeepCopy() T }](list []T) []T {
	out := make([]T, len(list))
	for i := range list {
		out[i] = list[i].DeepCopy()
	}
	return out
}
