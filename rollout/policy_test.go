package rollout_test

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
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
// with the node's name, its zone, "?" where it is not ready or "#" where it is tainted
// NoSchedule, and its pods, joined by
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
		word, tainted := strings.CutSuffix(word, "#")
		name, zone, _ := strings.Cut(word, "@")
		node := build.Node{Name: name, Labels: build.Labels{}}
		if zone != "" {
			node.Labels[corev1.LabelTopologyZone] = zone
		}
		if tainted {
			node.Taints = []corev1.Taint{build.NoSchedule("k")}
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
		case "failed":
			p.Phase = corev1.PodFailed
		case "timeless":
			changes = append(changes, func(pod *corev1.Pod) { pod.CreationTimestamp.Reset() })
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
		{"cut behind the updated ones", "b is updating, and comes after a", build.Set{MaxSurge: "1"}, keep("2"),
			"a=old+new b c=old", "-a; 1 by partition"},
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
		{"surge, new pod breaks", "z1 was done, and is not any more", build.Set{MaxSurge: "3"}, one,
			"a@z2=old b@z1=new!", "nothing; domain z1; 1 by one domain at a time"},
		{"surge, too many pods", "which of them stays is for the next pass to say", build.Set{MaxSurge: "3"}, one,
			"a@z2=old b@z1=new+new", "nothing; domain z1; 1 by one domain at a time"},
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
		{"not eligible", "b's pod holds availability up until z2 has been seen to", build.Set{MaxSurge: "1"}, one,
			"a@z2=old! b@z1#=old", "+a; domain z2"},
		{"all done", "no domain's turn", build.Set{}, one, "a@z1=new b@z2=new!", "nothing"},
	})
}

func TestDomainBudget(t *testing.T) {
	most := func(amount string) []rollout.Piece {
		return pieces(rollout.DomainBudget{Label: zones, MaxUnavailable: intstr.Parse(amount)})
	}
	testPolicy(t, []policyCase{
		{"one each", "the budget would allow four", build.Set{MaxUnavailable: "4"}, most("1"),
			"a@z1=old b@z1=old c@z2=old d@z2=old", "-a -c; 2 by domain budget"},
		{"used up", "b is down already", build.Set{MaxUnavailable: "4"}, most("1"),
			"a@z1=old b@z1=new! c@z2=old", "-c; 1 by domain budget"},
		{"the budget still counts", "two domains, one node", build.Set{}, most("1"),
			"a@z1=old b@z2=old", "-a"},
		{"percent of the domain", "half of three rounds up to two, half of one to one", build.Set{MaxUnavailable: "4"}, most("50%"),
			"a@z1=old b@z1=old c@z1=old d@z2=old", "-a -b -d; 1 by domain budget"},
		{"unavailable ones are replaced", "replacing b makes nothing worse", build.Set{MaxUnavailable: "4"}, most("1"),
			"a@z1=old b@z1=old!", "-b; 1 by domain budget"},
		{"surge", "at most one new pod that is not available", build.Set{MaxSurge: "4"}, most("1"),
			"a@z1=old b@z1=old c@z2=old d@z2=old+new!", "+a; 2 by domain budget"},
		{"surge for unavailable ones", "these come beside whatever the budget, and use it", build.Set{MaxSurge: "4"}, most("1"),
			"a@z1=old! b@z1=old", "+a; 1 by domain budget"},
		{"surge, node should not run it", "b's pod goes once there are more than needed, whatever surges", build.Set{MaxSurge: "4"}, most("1"),
			"a@z1=old+new! b@z1#=old c@z2=new", "-b"},
		{"held ones count", "a is down, whoever holds it back", build.Set{MaxUnavailable: "4"},
			append(most("1"), rollout.Partition{Keep: intstr.FromInt32(1)}),
			"a@z1=old! b@z1=old c@z2=old", "-c; 1 by partition; 1 by domain budget"},
		{"ignored ones do not", "a is down, and left out", build.Set{MaxUnavailable: "4"}, append(most("1"), rollout.IgnoreNotReadyNodes{}),
			"a@z1?=new! b@z1=old", "-b; ignored: a (node is not ready)"},
		{"two labels", "zones have one each, all nodes together, which have no such label, two", build.Set{MaxUnavailable: "4"},
			append(most("1"), rollout.DomainBudget{Label: "none", MaxUnavailable: intstr.FromInt32(2)}),
			"a@z1=old b@z2=old c@z3=old", "-a -b; 1 by domain budget"},
	})
}

func TestStrictBudget(t *testing.T) {
	strict := pieces(rollout.StrictBudget{})
	testPolicy(t, []policyCase{
		{"one at a time", "upstream would replace all three", build.Set{}, strict, "a=old! b=old! c=old!", "-a; 2 by strict budget"},
		{"under way", "one is being replaced", build.Set{}, strict, "a=new! b=old! c=old!", "nothing; 2 by strict budget"},
		{"available ones wait", "a node is down already", build.Set{}, strict, "a=old b=old!", "-b"},
		{"room for both", "one is down, and the budget is two", build.Set{MaxUnavailable: "2"}, strict, "a=old b=old!", "-a -b"},
		{"no room", "two are down, so no other goes; one of them does", build.Set{MaxUnavailable: "1"}, strict, "a=old b=old! c=old!", "-b; 1 by strict budget"},
		{"surge", "upstream would surge on both", build.Set{MaxSurge: "1"}, strict, "a=old! b=old!", "+a; 1 by strict budget"},
		{"surge under way", "the budget is used", build.Set{MaxSurge: "1"}, strict, "a=old+new! b=old!", "nothing; 1 by strict budget"},
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
		{"just now", "it should have ended a minute ago", build.Set{}, pieces(rollout.IgnoreStuckPods{After: time.Minute}),
			"a=old~ b=old", "-b; ignored: a (pod is terminating past its grace period)"},
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
		{"the oldest are the canaries", "b is newer than c", build.Set{MaxUnavailable: "3"}, with(rollout.Canary{Wait: 10 * time.Minute}),
			"a=old b=new!/age=1m c=new", "-a; canary passed on c"},
		{"selector", "only z2 may be tried", build.Set{}, with(rollout.Canary{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z2"}}}),
			"a@z1=old b@z2=old", "-b; 1 by canary; canary starting on b"},
		{"updated elsewhere", "a is not of the selection, and proves nothing", build.Set{}, with(rollout.Canary{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z2"}}}),
			"a@z1=new b@z2=old", "-b; canary starting on b"},
		{"impossible", "no node matches", build.Set{}, with(rollout.Canary{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z9"}}}),
			"a@z1=old", "nothing; 1 by canary; canary impossible, as no node can be one"},
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
		{"too many pods", "b's pods do not tell which counts, and prove nothing", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=new+new", "nothing; 1 by canary; canary starting on b"},
		{"made at no known time", "nothing tells that the old ones came later", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=new!/timeless", "nothing; 1 by canary; canary starting on b"},
		{"back to most", "two of three waiting pods are older", build.Set{MaxUnavailable: "9"}, with(rollout.Canary{}),
			"a=old b=older c=older d=new!/restarts=6", "nothing; 3 by canary; canary failed on d: d: d-0: not ready yet: too many restarts (6); back to older"},
		{"failed in a pause", "it does not go back until the pause is over", build.Set{MaxUnavailable: "9"}, append(with(rollout.Canary{}), rollout.Pause{}),
			"a=old b=new!/restarts=6", "nothing; 1 by pause; canary failed on b: b: b-0: not ready yet: too many restarts (6)"},
		{"a node that is down", "it is no canary, and holds nothing up", build.Set{MaxUnavailable: "9"}, append(with(rollout.Canary{}), rollout.IgnoreNotReadyNodes{}),
			"a?=new! b=old c=old", "-b; 1 by canary; ignored: a (node is not ready); canary starting on b"},
		{"in order", "the last by name is tried first", build.Set{MaxUnavailable: "9"}, append(with(rollout.Canary{}), rollout.Order{By: []rollout.Compare{rollout.Backwards(rollout.ByName)}}),
			"a=old b=old", "-b; 1 by canary; canary starting on b"},
		{"with one domain at a time", "first the canary of z1, then that of z2", build.Set{MaxUnavailable: "9"},
			append(with(rollout.Canary{Nodes: two}), rollout.OneDomain{Label: zones}, rollout.Order{By: []rollout.Compare{rollout.Backwards(rollout.ByName)}}),
			"a@z1=old b@z1=old c@z2=old", "-b; domain z1; 1 by canary; 1 by one domain at a time; canary starting on b, c"},
	})
}

func TestNewPolicyErrors(t *testing.T) {
	one, zero := intstr.FromInt32(1), intstr.FromInt32(0)
	canary := rollout.Canary{Nodes: one}
	for _, tc := range []struct {
		name   string
		pieces []rollout.Piece
		// want are the beginnings of the errors; none: it is fine.
		want []string
	}{
		{"nothing", nil, nil},
		{"nil", pieces(rollout.Pause{}, nil), []string{"pieces[1]: Required value"}},
		{"nil pointer", pieces((*rollout.Canary)(nil)), []string{"pieces[0]: Required value"}},
		{"pointer", pieces(&canary), nil},
		{"no selector", pieces(rollout.NodeSelector{}), []string{"pieces[0].selector: Required value"}},
		{"bad selector", pieces(rollout.NodeSelector{Selector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}}),
			[]string{"pieces[0].selector: Invalid value"}},
		{"negative partition", pieces(rollout.Partition{Keep: intstr.FromInt32(-1)}), []string{`pieces[0].keep: Invalid value: "-1": must be at least 0`}},
		{"bad percentage", pieces(rollout.Partition{Keep: intstr.FromString("half")}), []string{`pieces[0].keep: Invalid value: "half"`}},
		{"no canary", pieces(rollout.Canary{Nodes: zero}), []string{`pieces[0].nodes: Invalid value: "0": must be at least 1`}},
		{"bad canary", pieces(rollout.Canary{Nodes: one, Spread: []string{"a", ""}, Wait: -1, FailAfter: -1, PauseStarting: -1, FailStarting: -1}),
			[]string{"pieces[0].spread[1]: Required value", "pieces[0].wait: Invalid value", "pieces[0].pauseStarting: Invalid value",
				"pieces[0].failStarting: Invalid value", "pieces[0].failAfter: Invalid value"}},
		{"no label", pieces(rollout.OneDomain{}, rollout.DomainBudget{}),
			[]string{"pieces[0].label: Required value", "pieces[1].label: Required value", `pieces[1].maxUnavailable: Invalid value: "0"`}},
		{"no order", pieces(rollout.Order{}), []string{"pieces[0].by: Required value"}},
		{"nil order", pieces(rollout.Order{By: []rollout.Compare{rollout.ByName, rollout.Backwards(nil)}}), []string{"pieces[0].by[1]: Required value"}},
		{"negative times", pieces(rollout.IgnoreNotReadyNodes{After: -1}, rollout.IgnoreStuckPods{After: -1}),
			[]string{"pieces[0].after: Invalid value", "pieces[1].after: Invalid value"}},
		{"bad slow start", pieces(rollout.SlowStart{Increase: -1, Most: -1, Interval: -1}),
			[]string{"pieces[0].pods: Invalid value: 0: must be at least 1", "pieces[0].increase: Invalid value", "pieces[0].most: Invalid value", "pieces[0].interval: Invalid value"}},
		{"two selectors", pieces(rollout.NodeSelector{Selector: &metav1.LabelSelector{}}, rollout.NodeSelector{Selector: &metav1.LabelSelector{}}), nil},
		{"two domain budgets", pieces(rollout.DomainBudget{Label: "a", MaxUnavailable: one}, rollout.DomainBudget{Label: "b", MaxUnavailable: one}), nil},
		{"the same domain budget", pieces(rollout.DomainBudget{Label: "a", MaxUnavailable: one}, rollout.DomainBudget{Label: "a", MaxUnavailable: one}),
			[]string{"pieces[1]: Forbidden: at most 1 per a and at most 1 per a (pieces[0]) conflict: only one of them can be followed"}},
		{"twice", pieces(rollout.Pause{}, rollout.Pause{}), []string{"pieces[1]: Forbidden: pause and pause (pieces[0]) conflict"}},
		{"pause and freeze", pieces(rollout.Pause{}, rollout.Freeze{}), []string{"pieces[1]: Forbidden: freeze and pause (pieces[0]) conflict: a freeze stops more"}},
		{"partition and canary", pieces(rollout.Partition{Keep: one}, &canary),
			[]string{"pieces[1]: Forbidden: canary on 1 and partition 1 (pieces[0]) conflict: both say how many nodes get the new template first"}},
		{"spread canary, one domain", pieces(rollout.Canary{Nodes: one, Spread: []string{"z"}}, rollout.OneDomain{Label: "z"}),
			[]string{"pieces[1]: Forbidden: one z at a time and canary on 1 over z (pieces[0]) conflict: the canary is to be spread"}},
		{"canary, one domain", pieces(rollout.Canary{Nodes: one, Spread: []string{"rack"}}, rollout.OneDomain{Label: "z"}), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			policy, err := rollout.NewPolicy(tc.pieces...)
			if (err != nil) != (len(tc.want) > 0) || (policy == nil) != (err != nil) {
				t.Fatalf("NewPolicy() = %v, %v, want errors %q", policy, err, tc.want)
			}
			if err == nil {
				return
			}
			var got []string
			if list, ok := err.(interface{ Errors() []error }); ok {
				for _, err := range list.Errors() {
					got = append(got, err.Error())
				}
			}
			if len(got) != len(tc.want) {
				t.Fatalf("NewPolicy() = %q, want %q", got, tc.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tc.want[i]) {
					t.Errorf("error %d is %q, want %q", i, got[i], tc.want[i])
				}
			}
		})
	}
}

func TestPolicyString(t *testing.T) {
	policy, err := rollout.NewPolicy(
		rollout.SlowStart{Pods: 5, Increase: 5, Most: 20}, rollout.StrictBudget{}, rollout.OneDomain{Label: "zone"},
		rollout.Canary{Nodes: intstr.FromString("5%"), Wait: time.Minute, Manual: true, Spread: []string{"rack"}, Selector: &metav1.LabelSelector{MatchLabels: build.Labels{"a": "b"}}},
		rollout.NodeSelector{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{"c": "d"}}},
		rollout.IgnoreStuckPods{After: time.Minute}, rollout.IgnoreNotReadyNodes{}, rollout.Pause{},
	)
	if err != nil {
		t.Fatal(err)
	}
	want := "pause, ignore not-ready nodes, ignore stuck pods after 1m0s, node selector c=d, " +
		"canary on 5% of the nodes with a=b over rack for 1m0s until promoted, one zone at a time, strict budget, " +
		"slow start of 5 pods every 1m0s, then 5 more each time, 20 at most"
	if got := policy.String(); got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
	for _, empty := range []*rollout.Policy{nil, {}} {
		if got := empty.String(); got != "upstream's policy" || len(empty.Pieces()) != 0 {
			t.Errorf("empty policy is %q with pieces %v", got, empty.Pieces())
		}
	}
}

// TestHoldBack is about what reconciling would write.
func TestHoldBack(t *testing.T) {
	half := intstr.FromString("50%")
	// The DaemonSet is an hour old.
	slow := rollout.SlowStart{Pods: 1, Increase: 1, Interval: 20 * time.Minute}
	for _, tc := range []struct {
		name, why string
		piece     rollout.Piece
		burst     int
		nodes     string
		want      string
	}{
		{"pause creates", "scaling goes on", rollout.Pause{}, 0, "a b=new", "create on a: node has no pod"},
		{"pause deletes", "a failed pod is no update", rollout.Pause{}, 0, "a=new+new b=new", "delete a-1 on a: another pod stays on the node (a-0)"},
		{"freeze", "nothing moves", rollout.Freeze{}, 0, "a b=new+new c=old", "held back: 2 by freeze\nupdate waits: 3 desired, 1 outdated; maxUnavailable 1, 2 unavailable\nheld back: 1 by freeze"},
		{"freeze, failed pod", "what a pass does about it is left to the one that acts", rollout.Freeze{}, 0, "a=new/failed", "held back: 1 by freeze"},
		{"progressive creation", "half of four may have new pods; one has", rollout.Partition{Keep: half, ProgressiveCreate: true}, 0, "a b c d=new",
			"create on a: node has no pod\nheld back: 2 by partition"},
		{"nothing to keep", "the whole is created", rollout.Partition{ProgressiveCreate: true}, 0, "a b", "create on a: node has no pod\ncreate on b: node has no pod"},
		{"partition alone", "creation does not look at it", rollout.Partition{Keep: half}, 0, "a b", "create on a: node has no pod\ncreate on b: node has no pod"},
		{"room is used up", "half of two are new already", rollout.Partition{Keep: half, ProgressiveCreate: true}, 0, "a b=new", "held back: 1 by partition"},
		{"burst", "of two that may be, one is created now", rollout.Partition{Keep: half, ProgressiveCreate: true}, 1, "a b c d",
			"create on a: node has no pod\nput off by the burst limit: 0 to delete, 1 to create\nheld back: 2 by partition"},
		{"slow start, later", "after three intervals of one, two, three there may be ten", slow, 0, "a b c", "create on a: node has no pod\ncreate on b: node has no pod\ncreate on c: node has no pod"},
		{"slow start, now", "in the first two hours there may be one", rollout.SlowStart{Pods: 1, Interval: 2 * time.Hour}, 0, "a b c",
			"create on a: node has no pod\nlook again after 1h0m0s\nheld back: 2 by slow start"},
		{"slow start, second interval", "one, and then two more; one is there", rollout.SlowStart{Pods: 1, Increase: 1, Interval: 40 * time.Minute}, 0, "a b c d e=new",
			"create on a: node has no pod\ncreate on b: node has no pod\nlook again after 20m0s\nheld back: 2 by slow start"},
		{"slow start, at most", "one in the first interval and two in the second", rollout.SlowStart{Pods: 1, Increase: 9, Most: 2, Interval: 40 * time.Minute}, 0, "a b c d e=new",
			"create on a: node has no pod\ncreate on b: node has no pod\nlook again after 20m0s\nheld back: 2 by slow start"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			policy, err := rollout.NewPolicy(tc.piece)
			if err != nil {
				t.Fatal(err)
			}
			in := syncInput(t, build.Set{}, tc.nodes)
			in.Policy, in.BurstReplicas = policy, tc.burst
			result, err := rollout.Sync(in)
			if err != nil {
				t.Fatal(err)
			}
			got, _, _ := strings.Cut(result.String(), "\nstatus: ")
			if diff := gocmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Sync() on %s under %v (-want +got), because %s:\n%s", tc.nodes, policy, tc.why, diff)
			}
		})
	}
}

// TestHoldBackOthers has what a slow start and a freeze leave as it is.
func TestHoldBackOthers(t *testing.T) {
	slow, err := rollout.NewPolicy(rollout.SlowStart{Pods: 1, Interval: 2 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	in := syncInput(t, build.Set{MaxSurge: "1"}, "a b=old~ c=old~")
	in.Policy = slow
	result, err := rollout.Sync(in)
	if err != nil {
		t.Fatal(err)
	}
	want := "create on b: every pod on the node is going away\ncreate on c: every pod on the node is going away\nlook again after 1h0m0s"
	if got := result.Plan.String(); got != want {
		t.Errorf("Sync() in a slow start plans %s, want %s", got, want)
	}

	frozen, err := rollout.NewPolicy(rollout.Freeze{})
	if err != nil {
		t.Fatal(err)
	}
	in = syncInput(t, build.Set{}, "a=new/failed")
	in.Policy = frozen
	in.Backoff = daemon.Backoff{{UID: in.DaemonSet.UID, Node: "a"}: {Last: build.Now.Add(-time.Minute), Delay: time.Second}}
	if result, err = rollout.Sync(in); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(in.Backoff, result.Plan.Backoff); diff != "" {
		t.Errorf("Sync() in a freeze remembers failures otherwise (-before +after):\n%s", diff)
	}
}

// syncInput is what a controller sees of the nodes of a case. Its history has one
// revision, new, which holds the template.
func syncInput(t *testing.T, set build.Set, nodes string) rollout.Input {
	t.Helper()
	s := policySnapshot(t, set, nodes)
	in := rollout.Input{DaemonSet: s.DaemonSet(), Now: build.Now, Revisions: settled(t, s.DaemonSet(), "new")}
	for _, n := range s.Nodes() {
		if n.Node != nil {
			in.Nodes = append(in.Nodes, n.Node)
		}
		for _, p := range n.Pods {
			in.Pods = append(in.Pods, p.Pod)
		}
	}
	return in
}

// newTemplate is a cluster in which every node has an available pod of a template
// that has just been replaced.
func newTemplate(t *testing.T, set build.Set, nodes []*corev1.Node) rollout.Input {
	t.Helper()
	in := rollout.Input{DaemonSet: set.Object(), Nodes: nodes, Now: build.Now}
	revisions, err := rollout.Revisions(in.DaemonSet, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Revisions = []*appsv1.ControllerRevision{revisions.Create}
	for _, node := range nodes {
		in.Pods = append(in.Pods, build.Pod{Name: "old-" + node.Name, Node: node.Name, Hash: revisions.Hash}.Of(in.DaemonSet))
	}
	in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
	in.DaemonSet.Generation++
	return in
}

// settled is a history with one revision that holds the template.
func settled(t *testing.T, ds *appsv1.DaemonSet, hash string) []*appsv1.ControllerRevision {
	t.Helper()
	data, err := rollout.RevisionData(&ds.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	return []*appsv1.ControllerRevision{build.Revision{Hash: hash, Number: 1, Data: string(data)}.Of(ds)}
}

// TestCanaryRollsBack has canaries that never become ready: the DaemonSet goes
// back to the old template, with and without a Tracker.
func TestCanaryRollsBack(t *testing.T) {
	policy, err := rollout.NewPolicy(rollout.Canary{Nodes: intstr.FromInt32(2), FailStarting: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	in := newTemplate(t, build.Set{}, build.Nodes("a", "b", "c", "d", "e", "f"))
	in.Policy = policy
	old := in.Revisions[0].Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
	world := rollout.World{Fate: func(_ *corev1.Node, pod *corev1.Pod) rollout.Fate {
		if pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != old {
			return rollout.Fate{ReadyAfter: -1}
		}
		return rollout.Fate{}
	}}
	var log []string
	begun := map[string]bool{}
	var observed int64
	for pass, err := range rollout.Steps(in, world) {
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range pass.Result.Plan.Delete {
			begun[d.Node] = true
		}
		if back := pass.Result.Rollback; !back.Skipped() {
			log = append(log, fmt.Sprintf("back to %s at %v", back.Revision.Name, pass.Time.Sub(in.Now)))
		}
		if pass.Result.Status != nil {
			observed = pass.Result.Status.ObservedGeneration
		}
		if pass.End != nil {
			log = append(log, fmt.Sprintf("finished %v after %v, at least %d available", pass.End.Finished, pass.End.Time.Sub(in.Now).Round(time.Second), pass.End.LowestAvailable))
		}
	}
	log = append(log, fmt.Sprintf("%d nodes touched, generation %d observed", len(begun), observed))
	want := []string{"back to " + in.Revisions[0].Name + " at 1m2s", "finished true after 1m14s, at least 5 available", "1 nodes touched, generation 3 observed"}
	if diff := gocmp.Diff(want, log); diff != "" {
		t.Errorf("Steps() (-want +got):\n%s", diff)
	}
}

// TestTrackerPolicy replaces a policy by another.
func TestTrackerPolicy(t *testing.T) {
	in := cluster(t, 4, 4)
	paused, err := rollout.NewPolicy(rollout.Pause{})
	if err != nil {
		t.Fatal(err)
	}
	in.Policy = paused
	tracker, result, err := rollout.NewTracker(in)
	if err != nil || !result.Plan.Empty() {
		t.Fatalf("NewTracker() plans %v, %v under a pause", result, err)
	}
	tracker.SetPolicy(nil)
	if result, err = tracker.Sync(in.Now); err != nil || len(result.Plan.Delete) != 1 {
		t.Errorf("Sync() = %v, %v after the pause, want one deletion", result, err)
	}
	tracker.SetPolicy(paused)
	if result, err = tracker.Sync(in.Now); err != nil || !result.Plan.Empty() {
		t.Errorf("Sync() = %v, %v in another pause, want nothing", result, err)
	}
}

// TestTrackerPolicyNodes changes a node's labels, which decide whether it is updated.
func TestTrackerPolicyNodes(t *testing.T) {
	selected, err := rollout.NewPolicy(rollout.NodeSelector{Selector: &metav1.LabelSelector{MatchLabels: build.Labels{zones: "z1"}}})
	if err != nil {
		t.Fatal(err)
	}
	in := syncInput(t, build.Set{}, "a@z2=old b@z2=old")
	in.Policy = selected
	tracker, result, err := rollout.NewTracker(in)
	if err != nil || !result.Plan.Empty() {
		t.Fatalf("NewTracker() plans %v, %v, want nothing", result, err)
	}
	if err := tracker.SetNode(build.Node{Name: "b", Labels: build.Labels{zones: "z1"}}.Object()); err != nil {
		t.Fatal(err)
	}
	if result, err = tracker.Sync(in.Now); err != nil || len(result.Plan.Delete) != 1 || result.Plan.Delete[0].Node != "b" {
		t.Errorf("Sync() = %v, %v once b is in z1, want its pod deleted", result, err)
	}
}
