package rollout_test

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// policyCase is a step under a policy. Nodes are written like
//
//	a@z1=old b@z2=new!/age=5m c? d=old~ e
//
// with the node's name, its zone, "?" where it is not ready, and its pods, joined by
// "+": old, older and new are templates, "!" is not ready, "~" is being deleted, and
// the rest is for how long it has been ready or unready (age), and more.
type policyCase struct {
	name, why string
	set       build.Set
	pieces    []rollout.Piece
	nodes     string
	// want are the writes of the step, "-a" for a deletion on a and "+a" for a
	// creation, and below what policy and canary say.
	want string
}

// policySnapshot reads the nodes of a case.
func policySnapshot(t *testing.T, set build.Set, nodes string) *daemon.Snapshot {
	t.Helper()
	in := daemon.Input{DaemonSet: set.Object(), RevisionHash: "new", Now: build.Now, Backoff: daemon.Backoff{}}
	for word := range strings.FieldsSeq(nodes) {
		word, pods, _ := strings.Cut(word, "=")
		word, notReady := strings.CutSuffix(word, "?")
		name, zone, _ := strings.Cut(word, "@")
		node := build.Node{Name: name, Labels: build.Labels{}}
		if zone != "" {
			node.Labels[corev1.LabelTopologyZone] = zone
		}
		object := node.Object()
		if notReady {
			object.Status.Conditions = []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: agoTime(time.Minute),
			}}
		}
		if name != "gone" {
			in.Nodes = append(in.Nodes, object)
		}
		if pods == "" {
			continue
		}
		for i, text := range strings.Split(pods, "+") {
			in.Pods = append(in.Pods, policyPod(t, fmt.Sprintf("%s-%d", name, i), name, text, &in))
		}
	}
	s, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func policyPod(t *testing.T, name, node, text string, in *daemon.Input) *corev1.Pod {
	t.Helper()
	parts := strings.Split(text, "/")
	state := strings.TrimRight(parts[0], "!~")
	p := build.Pod{
		Name: name, Node: node, Hash: state,
		NotReady: strings.Contains(parts[0], "!"), Deleting: strings.Contains(parts[0], "~"),
		Age: map[string]time.Duration{"older": 2 * time.Hour, "old": time.Hour, "new": 10 * time.Minute}[state],
	}
	var changes []func(*corev1.Pod)
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "age":
			p.Age = duration(t, value)
		case "ready":
			p.Ready = duration(t, value)
		case "restarts":
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			changes = append(changes, func(pod *corev1.Pod) {
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", RestartCount: int32(n)}}
			})
		case "image":
			changes = append(changes, podWaits("ErrImagePull", ""))
		case "failures":
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			key := daemon.BackoffKey{UID: in.DaemonSet.UID, Node: node}
			in.Backoff[key] = daemon.BackoffEntry{Delay: time.Second << (n - 1), Last: build.Now}
		default:
			t.Fatalf("unknown setting %q", part)
		}
	}
	pod := p.Of(in.DaemonSet)
	for _, change := range changes {
		change(pod)
	}
	return pod
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// stepText is a step in the words of policyCase.want.
func stepText(st *rollout.Step) string {
	var words []string
	for _, d := range st.Plan.Delete {
		words = append(words, "-"+d.Node)
	}
	for _, c := range st.Plan.Create {
		words = append(words, "+"+c.Node)
	}
	lines := []string{cmp.Or(strings.Join(words, " "), "nothing")}
	if st.Domain != "" {
		lines = append(lines, "domain "+st.Domain)
	}
	for _, h := range st.Held {
		lines = append(lines, h.String())
	}
	for _, n := range st.Ignored {
		lines = append(lines, "ignored: "+n.String())
	}
	if st.Canary != nil {
		lines = append(lines, st.Canary.String())
		if st.Canary.BackTo != "" {
			lines = append(lines, "back to "+st.Canary.BackTo)
		}
	}
	if st.Plan.RequeueAfter > 0 {
		lines = append(lines, fmt.Sprintf("again after %v", st.Plan.RequeueAfter.Round(time.Second)))
	}
	return strings.Join(lines, "\n")
}

func testPolicy(t *testing.T, cases []policyCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			policy, err := rollout.NewPolicy(tc.pieces...)
			if err != nil {
				t.Fatal(err)
			}
			step, err := policy.Next(policySnapshot(t, tc.set, tc.nodes))
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(strings.ReplaceAll(tc.want, "; ", "\n"), stepText(step)); diff != "" {
				t.Errorf("Next() on %s under %v (-want +got), because %s:\n%s", tc.nodes, policy, tc.why, diff)
			}
		})
	}
}

func pieces(p ...rollout.Piece) []rollout.Piece { return p }

var zones = corev1.LabelTopologyZone

func TestPause(t *testing.T) {
	testPolicy(t, []policyCase{
		{"outdated", "updates stop", build.Set{}, pieces(rollout.Pause{}),
			"a=old b=old c=new", "nothing; 2 by pause"},
		{"not available", "even what costs no budget", build.Set{}, pieces(rollout.Pause{}),
			"a=old! b=old", "nothing; 2 by pause"},
		{"surge under way", "the outdated pod stays beside the new one", build.Set{MaxSurge: "1"}, pieces(rollout.Pause{}),
			"a=old+new b=old", "nothing; 2 by pause"},
		{"all done", "nothing is held back", build.Set{}, pieces(rollout.Pause{}),
			"a=new b=new", "nothing"},
	})
}

func TestFreeze(t *testing.T) {
	testPolicy(t, []policyCase{
		{"outdated", "nothing moves", build.Set{}, pieces(rollout.Freeze{}),
			"a=old b=old! c=new", "nothing; 2 by freeze"},
	})
}

func TestNodeSelector(t *testing.T) {
	inZone := func(zone string) rollout.Piece {
		return rollout.NodeSelector{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: zone}}}
	}
	testPolicy(t, []policyCase{
		{"selected only", "the first selected node goes", build.Set{}, pieces(inZone("z2")),
			"a@z1=old b@z2=old c@z2=old", "-b; 1 by node selector"},
		{"unselected and unavailable", "it uses no budget, as in OpenKruise", build.Set{}, pieces(inZone("z2")),
			"a@z1=old! b@z2=old", "-b; 1 by node selector"},
		{"updated elsewhere", "what has begun elsewhere uses the budget", build.Set{}, pieces(inZone("z2")),
			"a@z1=new! b@z2=old", "nothing"},
		{"updating elsewhere", "what has begun elsewhere uses the budget", build.Set{}, pieces(inZone("z2")),
			"a@z1 b@z2=old", "nothing"},
		{"carried on elsewhere", "a surge that has begun is ended", build.Set{MaxSurge: "1"}, pieces(inZone("z2")),
			"a@z1=old+new b@z2=old", "-a +b"},
		{"empty", "it matches everything", build.Set{}, pieces(rollout.NodeSelector{Selector: &metav1.LabelSelector{}}),
			"a=old b=old", "-a"},
		{"two", "both have to match", build.Set{MaxUnavailable: "2"}, pieces(inZone("z2"), rollout.NodeSelector{
			Selector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: zones, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"z2"}}}},
		}), "a@z1=old b@z2=old", "nothing; 2 by node selector"},
		{"node is gone", "it has no labels to match", build.Set{}, pieces(inZone("z1")),
			"a@z1=old gone=old", "-a; 1 by node selector"},
	})
}

// TestPartition has OpenKruise's rules: updated, updating, then the rest by name
// backwards; of these all but Keep.
func TestPartition(t *testing.T) {
	keep := func(amount string) []rollout.Piece { return pieces(rollout.Partition{Keep: intstr.Parse(amount)}) }
	testPolicy(t, []policyCase{
		{"zero", "nothing is kept, and the order is backwards", build.Set{MaxUnavailable: "2"}, keep("0"),
			"a=old b=old c=old", "-b -c"},
		{"two of four", "the last two by name are in it", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a=old b=old c=old d=old", "-c -d; 2 by partition"},
		{"updated ones count", "c is updated, so that only d is left", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a=old b=old c=new d=old", "-d; 2 by partition"},
		{"a low one is updated", "whichever is updated counts", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a=new b=old c=old d=old", "-d; 2 by partition"},
		{"updating ones count", "a has no pod, and counts before d", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a b=old c=old d=old", "-d; 2 by partition"},
		{"terminating counts as updating", "a's pod is on its way out", build.Set{MaxUnavailable: "4"}, keep("3"),
			"a=old~ b=old c=old d=old", "nothing; 3 by partition"},
		{"percent rounds down", "33% of four is one", build.Set{MaxUnavailable: "4"}, keep("33%"),
			"a=old b=old c=old d=old", "-b -c -d; 1 by partition"},
		{"as many as there are", "nothing is left", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a=old b=old", "nothing; 2 by partition"},
		{"more than there are", "nothing is left", build.Set{MaxUnavailable: "4"}, keep("7"),
			"a=old b=old", "nothing; 2 by partition"},
		{"everything", "100% is all of them", build.Set{}, keep("100%"),
			"a=old! b=old", "nothing; 2 by partition"},
		{"kept and unavailable", "it uses no budget, nor is it replaced", build.Set{}, keep("1"),
			"a=old! b=old", "-b; 1 by partition"},
		{"in it and unavailable", "it uses the budget and is replaced", build.Set{}, keep("1"),
			"a=old b=old c=old!", "-c; 1 by partition"},
		{"updated and unavailable", "it uses the budget", build.Set{}, keep("1"),
			"a=old b=old c=new!", "nothing; 1 by partition"},
		{"surge within it", "the outdated pod of an updated node goes", build.Set{MaxSurge: "1"}, keep("1"),
			"a=old b=old c=old+new", "-c +b; 1 by partition"},
		{"surge beyond it", "b is cut off, and stays as it is", build.Set{MaxSurge: "1"}, keep("1"),
			"b=old+new c=old+new", "-c; 1 by partition"},
		{"with a selector", "the selected ones fill it, the others are not counted off", build.Set{MaxUnavailable: "4"},
			append(keep("1"), rollout.NodeSelector{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z1"}}}),
			"a@z1=old b@z1=old c@z2=old d@z1=old", "-a -b -d; 1 by node selector"},
		{"with an order", "the order replaces the names", build.Set{MaxUnavailable: "4"}, append(keep("2"), rollout.Order{By: []rollout.Compare{rollout.ByName}}),
			"a=old b=old c=old d=old", "-a -b; 2 by partition"},
		{"a node is gone", "it counts for nothing", build.Set{MaxUnavailable: "4"}, keep("1"),
			"a=old b=old gone=old", "-b; 2 by partition"},
	})
}

func TestOneDomain(t *testing.T) {
	one := pieces(rollout.OneDomain{Label: zones})
	testPolicy(t, []policyCase{
		{"first", "z1 comes first", build.Set{MaxUnavailable: "3"}, one,
			"a@z2=old b@z1=old c@z1=old", "-b -c; domain z1; 1 by one domain at a time"},
		{"second", "z1 is done", build.Set{MaxUnavailable: "3"}, one,
			"a@z2=old b@z1=new c@z1=new", "-a; domain z2"},
		{"not done", "b is not available yet", build.Set{MaxUnavailable: "3"}, one,
			"a@z2=old b@z1=new! c@z1=new", "nothing; domain z1; 1 by one domain at a time"},
		{"no pod yet", "b has no pod yet", build.Set{MaxUnavailable: "3"}, one,
			"a@z2=old b@z1", "nothing; domain z1; 1 by one domain at a time"},
		{"surge not done", "the outdated pod is still there", build.Set{MaxSurge: "3"}, one,
			"a@z2=old b@z1=old+new", "-b; domain z1; 1 by one domain at a time"},
		{"unavailable elsewhere", "it waits for its turn as well", build.Set{MaxUnavailable: "1"}, one,
			"a@z2=old! b@z1=old", "-b; domain z1; 1 by one domain at a time"},
		{"no label", "those without are the first domain", build.Set{}, one,
			"a@z1=old b=old", "-b; domain (none); 1 by one domain at a time"},
		{"sequence", "z3 was asked for first", build.Set{}, pieces(rollout.OneDomain{Label: zones, First: []string{"z3", "z2"}}),
			"a@z1=old b@z2=old c@z3=old", "-c; domain z3; 2 by one domain at a time"},
		{"rest of a sequence", "the others follow by value", build.Set{}, pieces(rollout.OneDomain{Label: zones, First: []string{"z3"}}),
			"a@z2=old b@z1=old c@z3=new", "-b; domain z1; 1 by one domain at a time"},
		{"held ones do not count", "z1 has nothing that may be touched", build.Set{},
			append(one, rollout.NodeSelector{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z2"}}}),
			"a@z1=old b@z2=old", "-b; domain z2; 1 by node selector"},
		{"ignored ones do not count", "z1 has only a node that is down", build.Set{}, append(one, rollout.IgnoreNotReadyNodes{}),
			"a@z1?=old b@z2=old", "-b; domain z2; 1 by ignored node; ignored: a (node is not ready)"},
		{"all done", "no domain's turn", build.Set{}, one, "a@z1=new b@z2=new!", "nothing"},
	})
}

func TestDomainBudget(t *testing.T) {
	most := func(amount string) []rollout.Piece {
		return pieces(rollout.DomainBudget{Label: zones, MaxUnavailable: intstr.Parse(amount)})
	}
	testPolicy(t, []policyCase{
		{"one each", "the budget would allow four", build.Set{MaxUnavailable: "4"}, most("1"),
			"a@z1=old b@z1=old c@z2=old d@z2=old", "-a -c"},
		{"used up", "b is down already", build.Set{MaxUnavailable: "4"}, most("1"),
			"a@z1=old b@z1=new! c@z2=old", "-c"},
		{"the budget still counts", "two domains, one node", build.Set{}, most("1"),
			"a@z1=old b@z2=old", "-a"},
		{"percent of the domain", "half of three rounds up to two, half of one to one", build.Set{MaxUnavailable: "4"}, most("50%"),
			"a@z1=old b@z1=old c@z1=old d@z2=old", "-a -b -d"},
		{"unavailable ones are replaced", "replacing b makes nothing worse", build.Set{MaxUnavailable: "4"}, most("1"),
			"a@z1=old b@z1=old!", "-b"},
		{"surge", "at most one new pod that is not available", build.Set{MaxSurge: "4"}, most("1"),
			"a@z1=old b@z1=old c@z2=old d@z2=old+new!", "+a"},
		{"surge for unavailable ones", "these come beside whatever the budget, and use it", build.Set{MaxSurge: "4"}, most("1"),
			"a@z1=old! b@z1=old", "+a"},
		{"held ones count", "a is down, whoever holds it back", build.Set{MaxUnavailable: "4"},
			append(most("1"), rollout.Partition{Keep: intstr.FromInt32(1)}),
			"a@z1=old! b@z1=old c@z2=old", "-c; 1 by partition"},
		{"ignored ones do not", "a is down, and left out", build.Set{MaxUnavailable: "4"}, append(most("1"), rollout.IgnoreNotReadyNodes{}),
			"a@z1?=new! b@z1=old", "-b; ignored: a (node is not ready)"},
		{"two labels", "rack r has one, zone z1 has one", build.Set{MaxUnavailable: "4"},
			append(most("1"), rollout.DomainBudget{Label: "none", MaxUnavailable: intstr.FromInt32(2)}),
			"a@z1=old b@z2=old c@z3=old", "-a -b"},
	})
}

func TestStrictBudget(t *testing.T) {
	strict := pieces(rollout.StrictBudget{})
	testPolicy(t, []policyCase{
		{"one at a time", "upstream would replace all three", build.Set{}, strict, "a=old! b=old! c=old!", "-a"},
		{"under way", "one is being replaced", build.Set{}, strict, "a=new! b=old! c=old!", "nothing"},
		{"available ones wait", "a node is down already", build.Set{}, strict, "a=old b=old!", "-b"},
		{"room for both", "one is down, and the budget is two", build.Set{MaxUnavailable: "2"}, strict, "a=old b=old!", "-a -b"},
		{"no room", "two are down, so no other goes; one of them does", build.Set{MaxUnavailable: "1"}, strict, "a=old b=old! c=old!", "-b"},
		{"surge", "upstream would surge on both", build.Set{MaxSurge: "1"}, strict, "a=old! b=old!", "+a"},
		{"surge under way", "the budget is used", build.Set{MaxSurge: "1"}, strict, "a=old+new! b=old!", "nothing"},
		{"surge ends", "what is superseded goes all the same", build.Set{MaxSurge: "1"}, strict, "a=old+new b=old+new c=old", "-a -b +c"},
	})
}

func TestOrder(t *testing.T) {
	by := func(c ...rollout.Compare) []rollout.Piece { return pieces(rollout.Order{By: c}) }
	testPolicy(t, []policyCase{
		{"backwards", "the last by name", build.Set{}, by(rollout.Backwards(rollout.ByName)), "a=old b=old c=old", "-c"},
		{"by zone", "those of the first zone, by name", build.Set{MaxUnavailable: "2"}, by(rollout.ByLabel(zones)),
			"a@z2=old b@z1=old c@z2=old d@z1=old", "-b -d"},
		{"without the label", "those without come first", build.Set{}, by(rollout.ByLabel(zones)), "a@z2=old b=old", "-b"},
		{"oldest pod", "b's is older", build.Set{}, by(rollout.OldestPodFirst), "a=old b=older", "-b"},
		{"not ready first", "with a strict budget it is one at a time", build.Set{},
			append(by(rollout.NotReadyFirst), rollout.StrictBudget{}), "a=old b=old!", "-b"},
		{"ready first", "the ones in order come first", build.Set{MaxUnavailable: "2"},
			append(by(rollout.Backwards(rollout.NotReadyFirst)), rollout.StrictBudget{}), "a=old! b=old! c=old", "-a -b"},
		{"two comparisons", "the second decides where the first does not", build.Set{}, by(rollout.ByLabel(zones), rollout.Backwards(rollout.ByName)),
			"a@z1=old b@z1=old c@z2=old", "-b"},
		{"what costs nothing", "it goes whatever the order", build.Set{}, by(rollout.ByName), "a=old b=old c=old!", "-c"},
	})
}

func TestIgnoreNotReadyNodes(t *testing.T) {
	ignore := pieces(rollout.IgnoreNotReadyNodes{})
	testPolicy(t, []policyCase{
		{"updated and down", "it would use up the budget", build.Set{}, ignore,
			"a?=new! b=old", "-b; ignored: a (node is not ready)"},
		{"outdated and down", "its pod is not replaced", build.Set{}, ignore,
			"a?=old! b=old", "-b; 1 by ignored node; ignored: a (node is not ready)"},
		{"not for long enough", "it has been down for a minute", build.Set{}, pieces(rollout.IgnoreNotReadyNodes{After: 5 * time.Minute}),
			"a?=new! b=old", "nothing; again after 4m0s"},
		{"for long enough", "it has been down for a minute", build.Set{}, pieces(rollout.IgnoreNotReadyNodes{After: time.Minute}),
			"a?=new! b=old", "-b; ignored: a (node is not ready)"},
	})
}

func TestIgnoreStuckPods(t *testing.T) {
	ignore := pieces(rollout.IgnoreStuckPods{})
	testPolicy(t, []policyCase{
		{"past its grace period", "upstream waits for ever", build.Set{}, ignore,
			"a=old~ b=old", "-b; ignored: a (pod is terminating past its grace period)"},
		{"not for long enough", "it should have ended a minute ago", build.Set{}, pieces(rollout.IgnoreStuckPods{After: 3 * time.Minute}),
			"a=old~ b=old", "nothing; again after 2m0s"},
		{"a pod beside it", "the new pod decides about the node", build.Set{}, ignore,
			"a=old~+new! b=old", "nothing"},
		{"no pod at all", "nothing is stuck", build.Set{}, ignore, "a b=old", "nothing"},
	})
}

func TestCanary(t *testing.T) {
	with := func(c rollout.Canary) []rollout.Piece {
		if c.Nodes == (intstr.IntOrString{}) {
			c.Nodes = intstr.FromInt32(1)
		}
		return pieces(c)
	}
	two := intstr.FromInt32(2)
	testPolicy(t, []policyCase{
		{"begins", "one node goes, though the budget is three", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{}),
			"a=old b=old c=old", "-a; 2 by canary; canary starting on a"},
		{"the budget counts", "two canaries, one at a time", build.Set{}, with(rollout.Canary{Nodes: two}),
			"a=old b=old c=old", "-a; 1 by canary; canary starting on a, b"},
		{"percent", "a third of four rounds up to two", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{Nodes: intstr.FromString("33%")}),
			"a=old b=old c=old d=old", "-a -b; 2 by canary; canary starting on a, b"},
		{"being replaced", "a is the canary still", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{}),
			"a=old~ b=old c=old", "nothing; 2 by canary; canary starting on a"},
		{"without a pod", "c is updated anyhow, so it is the canary", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{}),
			"a=old b=old c", "nothing; 2 by canary; canary starting on c"},
		{"starting", "b is not available", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{}),
			"a=old b=new! c=old", "nothing; 2 by canary; canary starting on b"},
		{"passed", "without a wait it is enough to be available", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{}),
			"a=old b=new c=old", "-a -c; canary passed on b"},
		{"waiting", "ready for ten minutes of fifteen", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{Wait: 15 * time.Minute}),
			"a=old b=new c=old", "nothing; 2 by canary; canary waiting on b until 12:05:00; again after 5m0s"},
		{"waited", "ready for ten minutes", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{Wait: 10 * time.Minute}),
			"a=old b=new c=old", "-a -c; canary passed on b"},
		{"minReadySeconds come on top", "available after a minute, and then ten", build.Set{MinReady: 60}, with(rollout.Canary{Wait: 10 * time.Minute}),
			"a=old b=new", "nothing; 1 by canary; canary waiting on b until 12:01:00; again after 1m0s"},
		{"the oldest are the canaries", "c is newer than b", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{Wait: 10 * time.Minute}),
			"a=old b=new c=new!/age=1m", "-a; canary passed on b"},
		{"selector", "only z2 may be tried", build.Set{}, with(rollout.Canary{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z2"}}}),
			"a@z1=old b@z2=old", "-b; 1 by canary; canary starting on b"},
		{"updated elsewhere", "a is not of the selection, and proves nothing", build.Set{}, with(rollout.Canary{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z2"}}}),
			"a@z1=new b@z2=old", "-b; canary starting on b"},
		{"impossible", "no node matches", build.Set{}, with(rollout.Canary{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z9"}}}),
			"a@z1=old", "nothing; 1 by canary; canary no node can be one"},
		{"fewer than asked for", "there is one in z2", build.Set{}, with(rollout.Canary{Nodes: two, Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z2"}}}),
			"a@z1=old b@z2=new", "-a; canary passed on b"},
		{"spread", "one in each zone, then in the first again", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{Nodes: intstr.FromInt32(3), Spread: []string{zones}}),
			"a@z1=old b@z1=old c@z1=old d@z2=old", "-a -b -d; 1 by canary; canary starting on a, b, d"},
		{"spread beside updated ones", "z1 has one", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{Nodes: two, Spread: []string{zones}}),
			"a@z1=new b@z1=old c@z2=old", "-c; 1 by canary; canary starting on a, c"},
		{"manual", "it has passed, and somebody has to say so", build.Set{}, with(rollout.Canary{Manual: true}),
			"a=old b=new", "nothing; 1 by canary; canary waiting for somebody to promote it on b"},
		{"promoted", "somebody has", build.Set{}, with(rollout.Canary{Manual: true, Promoted: "new"}), "a=old b=new", "-a"},
		{"promoted too early", "it is promoted although it does not work", build.Set{MaxUnavailable: "2"}, with(rollout.Canary{Promoted: "new"}), "a=old b=new!", "-a"},
		{"another is promoted", "that was for another template", build.Set{}, with(rollout.Canary{Manual: true, Promoted: "old"}),
			"a=old b=new", "nothing; 1 by canary; canary waiting for somebody to promote it on b"},
		{"restarts are fine", "two are", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=new!/restarts=2", "nothing; 1 by canary; canary starting on b"},
		{"restarts pause", "three are one too many", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{Nodes: two}),
			"a=old b=new!/restarts=3 c=old", "nothing; 2 by canary; canary paused on a, b: b: b-0: not ready yet: too many restarts (3)"},
		{"restarts fail", "six are one too many", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=new!/restarts=6", "nothing; 1 by canary; canary failed on b: b: b-0: not ready yet: too many restarts (6); back to old"},
		{"restarts while it waits", "it is available, but has not passed", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{Wait: time.Hour}),
			"a=old b=new/restarts=3", "nothing; 1 by canary; canary paused on b: b: too many restarts (3)"},
		{"restarts of one that passed", "it has been available for long enough since", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=new/restarts=9", "-a; canary passed on b"},
		{"any number of restarts", "that was asked for", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{PauseRestarts: -1, FailRestarts: -1}),
			"a=old b=new!/restarts=99", "nothing; 1 by canary; canary starting on b"},
		{"pods that fail", "each is a restart", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=new!/failures=3", "nothing; 1 by canary; canary paused on b: b: b-0: not ready yet: too many restarts (3)"},
		{"image", "it pauses at once", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=new!/image", "nothing; 1 by canary; canary paused on b: b: b-0: image \"resolved\" cannot be pulled: ErrImagePull: cannot be started"},
		{"starts slowly", "ten minutes are too long", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{PauseStarting: 5 * time.Minute, FailStarting: time.Hour}),
			"a=old b=new!", "nothing; 1 by canary; canary paused on b: b: b-0: not ready yet: takes too long to start; again after 50m0s"},
		{"starts too slowly", "ten minutes are too long", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{FailStarting: 5 * time.Minute}),
			"a=old b=new!", "nothing; 1 by canary; canary failed on b: b: b-0: not ready yet: takes too long to start; back to old"},
		{"not slow yet", "twenty minutes are allowed", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{PauseStarting: 20 * time.Minute}),
			"a=old b=new!", "nothing; 1 by canary; canary starting on b; again after 10m0s"},
		{"takes too long to pass", "an hour's wait, and it has ten minutes", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{Wait: time.Hour, FailAfter: 5 * time.Minute}),
			"a=old b=new", "nothing; 1 by canary; canary failed on b: b: takes too long to pass; back to old"},
		{"going back", "b's pod is of a template that came later, and does not wait", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{Wait: 2 * time.Hour}),
			"a=new/age=2h b=old!/age=5m c=new/age=2h", "-b"},
		{"going back to one that is not on all", "a waits for the canaries, b does not", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{Wait: 2 * time.Hour}),
			"a=older b=old/age=5m c=new/age=1h", "-b; 1 by canary; canary waiting on c until 13:00:00; again after 1h0m0s"},
		{"back to most", "two of three waiting pods are older", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=older c=older d=new!/restarts=6", "nothing; 3 by canary; canary failed on d: d: d-0: not ready yet: too many restarts (6); back to older"},
		{"a node that is down", "it is no canary, and holds nothing up", build.Set{MaxUnavailable: "9"}, append(with(rollout.Canary{}), rollout.IgnoreNotReadyNodes{}),
			"a?=new! b=old c=old", "-b; 1 by canary; ignored: a (node is not ready); canary starting on b"},
		{"in order", "the last by name is tried first", build.Set{MaxUnavailable: "9"}, append(with(rollout.Canary{}), rollout.Order{By: []rollout.Compare{rollout.Backwards(rollout.ByName)}}),
			"a=old b=old", "-b; 1 by canary; canary starting on b"},
		{"with one domain at a time", "first the canary of z1, then that of z2", build.Set{MaxUnavailable: "9"},
			append(with(rollout.Canary{Nodes: two}), rollout.OneDomain{Label: zones}, rollout.Order{By: []rollout.Compare{rollout.Backwards(rollout.ByName)}}),
			"a@z1=old b@z1=old c@z2=old", "-b; domain z1; 1 by canary; 1 by one domain at a time; canary starting on b, c"},
	})
}
