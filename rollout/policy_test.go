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
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// zones is the label of the domains in these tests.
const zones = corev1.LabelTopologyZone

// zoneSelector selects the nodes of a zone.
func zoneSelector(zone string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: build.Labels{zones: zone}}
}

// notInZone selects all nodes except those of a zone.
func notInZone(zone string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: zones, Operator: metav1.LabelSelectorOpNotIn, Values: []string{zone}},
	}}
}

// policyCase is a step under a policy. Nodes are written like
//
//	a@z1=old b@z2=new!/age=5m c? d=old~ e
//
// with the node's name, its zone, "?" where it is not ready or "#" where it is tainted
// NoSchedule, and its pods, joined by "+": old, older and new are templates, "!" is not
// ready, "~" is terminating, and the rest are settings such as the age. The node gone
// does not exist.
type policyCase struct {
	name, why string
	set       build.Set
	policy    rollout.Policy
	nodes     string
	// want is the step in the words of stepWords, with "; " between lines.
	want string
}

// policyInput reads the nodes of a case. The history holds the templates older, old
// and new; new is the current one.
func policyInput(t *testing.T, set build.Set, nodes string) daemon.Input {
	t.Helper()
	in := daemon.Input{DaemonSet: set.Object(), Now: build.Now, Backoff: daemon.Backoff{}}
	in.Revisions = policyHistory(t, in.DaemonSet)
	for word := range strings.FieldsSeq(nodes) {
		word, pods, _ := strings.Cut(word, "=")
		word, notReady := strings.CutSuffix(word, "?")
		word, tainted := strings.CutSuffix(word, "#")
		name, zone, _ := strings.Cut(word, "@")
		node := build.Node{Name: name, Labels: build.Labels{}}
		if zone != "" {
			node.Labels[zones] = zone
		}
		if tainted {
			node.Taints = []corev1.Taint{build.NoSchedule("k")}
		}
		if notReady {
			node.NotReady = time.Minute
		}
		if name != "gone" {
			in.Nodes = append(in.Nodes, node.Object())
		}
		if pods == "" {
			continue
		}
		for i, text := range strings.Split(pods, "+") {
			in.Pods = append(in.Pods, policyPod(t, fmt.Sprintf("%s-%d", name, i), name, text, &in))
		}
	}
	return in
}

// policyHistory returns the revisions older, old and new. The last one holds the
// template of ds.
func policyHistory(t testing.TB, ds *appsv1.DaemonSet) []*appsv1.ControllerRevision {
	t.Helper()
	var out []*appsv1.ControllerRevision
	for i, hash := range []string{"older", "old", "new"} {
		template := ds.Spec.Template.DeepCopy()
		if hash != "new" {
			template.Spec.Containers[0].Image = "agent:" + hash
		}
		data, err := history.Data(template)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, build.Revision{Hash: hash, Number: int64(i + 1), Data: string(data)}.Of(ds))
	}
	return out
}

func policySnapshot(t *testing.T, set build.Set, nodes string) *daemon.Snapshot {
	t.Helper()
	s, err := daemon.Observe(policyInput(t, set, nodes))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func policyPod(t *testing.T, name, node, text string, in *daemon.Input) *corev1.Pod {
	t.Helper()
	parts := strings.Split(text, "/")
	hash := strings.TrimRight(parts[0], "!~")
	p := build.Pod{
		Name: name, Node: node, Hash: hash,
		NotReady: strings.Contains(parts[0], "!"), Deleting: strings.Contains(parts[0], "~"),
		Age: map[string]time.Duration{"older": 2 * time.Hour, "old": time.Hour, "new": 10 * time.Minute}[hash],
	}
	var timeless []string
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "age":
			p.Age = policyDuration(t, value)
		case "ready":
			p.Ready = policyDuration(t, value)
		case "restarts":
			p.Restarts = int32(policyNumber(t, value))
		case "failed":
			p.Phase = corev1.PodFailed
		case "timeless":
			timeless = append(timeless, value)
		case "waiting":
			p.Waiting = value
		case "failures":
			key := daemon.BackoffKey{UID: in.DaemonSet.UID, Node: node}
			in.Backoff[key] = daemon.BackoffEntry{Delay: time.Second << (policyNumber(t, value) - 1), Last: build.Now}
		default:
			t.Fatalf("unknown setting %q", part)
		}
	}
	pod := p.Of(in.DaemonSet)
	for _, which := range timeless {
		switch which {
		case "created":
			pod.CreationTimestamp.Reset()
		case "ready":
			for i := range pod.Status.Conditions {
				pod.Status.Conditions[i].LastTransitionTime.Reset()
			}
		}
	}
	return pod
}

func policyNumber(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func policyDuration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// stepWords returns the writes of a step, "-a" for a deletion on a and "+a" for a
// creation, and below the status of the policy and the time to look again.
func stepWords(st *rollout.Step) string {
	var words []string
	for _, d := range st.Plan.Delete {
		words = append(words, "-"+d.Node)
	}
	for _, c := range st.Plan.Create {
		words = append(words, "+"+c.Node)
	}
	lines := []string{cmp.Or(strings.Join(words, " "), "nothing")}
	if st.Policy.Domain != "" {
		lines = append(lines, "domain "+st.Policy.Domain)
	}
	for _, r := range st.Policy.Restricted {
		lines = append(lines, r.String())
	}
	for _, n := range st.Policy.Ignored {
		lines = append(lines, "ignored: "+n.String())
	}
	if st.Policy.Canary != nil {
		lines = append(lines, st.Policy.Canary.String())
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
			step, err := rollout.NextStep(policySnapshot(t, tc.set, tc.nodes), rollout.Options{Policy: tc.policy})
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(strings.ReplaceAll(tc.want, "; ", "\n"), stepWords(step)); diff != "" {
				t.Errorf("NextStep() on %s under %v (-want +got), because %s:\n%s", tc.nodes, &tc.policy, tc.why, diff)
			}
		})
	}
}

func TestPaused(t *testing.T) {
	testPolicy(t, []policyCase{
		{"outdated", "updates stop", build.Set{}, rollout.Policy{Paused: true},
			"a=old b=old c=new", "nothing; 2 by pause"},
		{"not available", "even what costs no budget", build.Set{}, rollout.Policy{Paused: true},
			"a=old! b=old", "nothing; 2 by pause"},
		{"surge under way", "the outdated pod stays beside the new one", build.Set{MaxSurge: "1"}, rollout.Policy{Paused: true},
			"a=old+new b=old", "nothing; 2 by pause"},
		{"all done", "nothing is held back", build.Set{}, rollout.Policy{Paused: true},
			"a=new b=new", "nothing"},
	})
}

func TestFrozen(t *testing.T) {
	testPolicy(t, []policyCase{
		{"outdated", "nothing moves", build.Set{}, rollout.Policy{Frozen: true},
			"a=old b=old! c=new", "nothing; 2 by freeze"},
	})
}

func TestNodeSelector(t *testing.T) {
	inZone := func(zone string) rollout.Policy { return rollout.Policy{NodeSelector: zoneSelector(zone)} }
	testPolicy(t, []policyCase{
		{"selected only", "the first selected node goes", build.Set{}, inZone("z2"),
			"a@z1=old b@z2=old c@z2=old", "-b; 1 by node selector"},
		{"unselected and unavailable", "it uses no budget, as in OpenKruise", build.Set{}, inZone("z2"),
			"a@z1=old! b@z2=old", "-b; 1 by node selector"},
		{"updated elsewhere", "what has begun elsewhere uses the budget", build.Set{}, inZone("z2"),
			"a@z1=new! b@z2=old", "nothing"},
		{"updating elsewhere", "what has begun elsewhere uses the budget", build.Set{}, inZone("z2"),
			"a@z1 b@z2=old", "nothing"},
		{"carried on elsewhere", "a surge that has begun is ended", build.Set{MaxSurge: "1"}, inZone("z2"),
			"a@z1=old+new b@z2=old", "-a +b"},
		{"empty", "it matches everything", build.Set{}, rollout.Policy{NodeSelector: &metav1.LabelSelector{}},
			"a=old b=old", "-a"},
		{"empty, node is gone", "it matches every node", build.Set{}, rollout.Policy{NodeSelector: &metav1.LabelSelector{}},
			"a=new gone=old", "-gone"},
		{"not in, node is gone", "a node that is gone has no labels", build.Set{}, rollout.Policy{NodeSelector: notInZone("z1")},
			"a@z1=old gone=old", "-gone; 1 by node selector"},
		{"node is gone", "it has no labels to match, and nobody waits for its pod", build.Set{}, inZone("z1"),
			"a@z1=old gone=old", "-a"},
	})
}

// TestPartition has OpenKruise's rules: updated, updating, then the rest by name
// backwards; all of these except the last Partition.Nodes.
func TestPartition(t *testing.T) {
	keep := func(amount string) rollout.Policy {
		return rollout.Policy{Partition: &rollout.Partition{Nodes: intstr.Parse(amount)}}
	}
	testPolicy(t, []policyCase{
		{"zero", "nothing is kept, and the order is backwards", build.Set{MaxUnavailable: "2"}, keep("0"),
			"a=old b=old c=old", "-c -b"},
		{"two of four", "the last two by name are in it", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a=old b=old c=old d=old", "-d -c; 2 by partition"},
		{"updated ones count", "c is updated, so that only d is left", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a=old b=old c=new d=old", "-d; 2 by partition"},
		{"a low one is updated", "whichever is updated counts", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a=new b=old c=old d=old", "-d; 2 by partition"},
		{"updating ones count", "a has no pod, and counts before d", build.Set{MaxUnavailable: "4"}, keep("2"),
			"a b=old c=old d=old", "-d; 2 by partition"},
		{"terminating counts as updating", "a's pod is on its way out", build.Set{MaxUnavailable: "4"}, keep("3"),
			"a=old~ b=old c=old d=old", "nothing; 3 by partition"},
		{"percent rounds down", "33% of four is one", build.Set{MaxUnavailable: "4"}, keep("33%"),
			"a=old b=old c=old d=old", "-d -c -b; 1 by partition"},
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
		{"several outdated pods", "the update of c is under way, and so b comes first", build.Set{MaxSurge: "1"}, keep("2"),
			"a=old b=old+new c=old/failed+old", "-b; 1 by partition"},
		{"several current pods", "c is updated, and comes before b", build.Set{MaxSurge: "1"}, keep("2"),
			"a=old b=old+new c=new/failed+new", "nothing; 2 by partition"},
		{"with a selector", "the selected ones fill it, the others are not counted off", build.Set{MaxUnavailable: "4"},
			rollout.Policy{Partition: keep("1").Partition, NodeSelector: zoneSelector("z1")},
			"a@z1=old b@z1=old c@z2=old d@z1=old", "-d -b -a; 1 by node selector"},
		{"more unselected ones than it keeps", "they come last, and so all selected ones are updated, as in OpenKruise", build.Set{MaxUnavailable: "6"},
			rollout.Policy{Partition: keep("2").Partition, NodeSelector: zoneSelector("z1")},
			"a@z1=old b@z2=old c@z2=old d@z2=old e@z1=old f@z1=old", "-f -e -a; 3 by node selector"},
		{"fewer unselected ones than it keeps", "the last selected one is kept as well", build.Set{MaxUnavailable: "6"},
			rollout.Policy{Partition: keep("3").Partition, NodeSelector: zoneSelector("z1")},
			"a@z1=old b@z2=old c@z2=old d@z1=old e@z1=old f@z1=old", "-f -e -d; 2 by node selector; 1 by partition"},
		{"with an order", "the order replaces the names", build.Set{MaxUnavailable: "4"}, rollout.Policy{Partition: keep("2").Partition, Order: &rollout.Order{By: rollout.ByName}},
			"a=old b=old c=old d=old", "-a -b; 2 by partition"},
		{"a node is gone", "it counts for nothing", build.Set{MaxUnavailable: "4"}, keep("1"),
			"a=old b=old gone=old", "-b; 1 by partition"},
	})
}

func TestOneDomain(t *testing.T) {
	one := rollout.Policy{OneDomain: &rollout.OneDomain{Label: zones}}
	testPolicy(t, []policyCase{
		{"first", "z1 comes first", build.Set{MaxUnavailable: "3"}, one,
			"a@z2=old b@z1=old c@z1=old", "-b -c; domain z1; 1 by another domain's turn"},
		{"second", "z1 is done", build.Set{MaxUnavailable: "3"}, one,
			"a@z2=old b@z1=new c@z1=new", "-a; domain z2"},
		{"not done", "b is not available yet", build.Set{MaxUnavailable: "3"}, one,
			"a@z2=old b@z1=new! c@z1=new", "nothing; domain z1; 1 by another domain's turn"},
		{"no pod yet", "b has no pod yet", build.Set{MaxUnavailable: "3"}, one,
			"a@z2=old b@z1", "nothing; domain z1; 1 by another domain's turn"},
		{"surge not done", "the outdated pod is still there", build.Set{MaxSurge: "3"}, one,
			"a@z2=old b@z1=old+new", "-b; domain z1; 1 by another domain's turn"},
		{"surge, new pod breaks", "z1 was done, and is not any more", build.Set{MaxSurge: "3"}, one,
			"a@z2=old b@z1=new!", "nothing; domain z1; 1 by another domain's turn"},
		{"surge, too many pods", "which of them stays is for the next pass to say", build.Set{MaxSurge: "3"}, one,
			"a@z2=old b@z1=new+new", "nothing; domain z1; 1 by another domain's turn"},
		{"unavailable elsewhere", "it waits for its turn as well", build.Set{MaxUnavailable: "1"}, one,
			"a@z2=old! b@z1=old", "-b; domain z1; 1 by another domain's turn"},
		{"no label", "those without are the first domain", build.Set{}, one,
			"a@z1=old b=old", "-b; domain (none); 1 by another domain's turn"},
		{"no label, first", "an empty value stands for those without", build.Set{}, rollout.Policy{OneDomain: &rollout.OneDomain{Label: zones, First: []string{"z2", ""}}},
			"a@z1=old b=old c@z2=new", "-b; domain (none); 1 by another domain's turn"},
		{"sequence", "z3 was asked for first", build.Set{}, rollout.Policy{OneDomain: &rollout.OneDomain{Label: zones, First: []string{"z3", "z2"}}},
			"a@z1=old b@z2=old c@z3=old", "-c; domain z3; 2 by another domain's turn"},
		{"rest of a sequence", "the others follow by value", build.Set{}, rollout.Policy{OneDomain: &rollout.OneDomain{Label: zones, First: []string{"z3"}}},
			"a@z2=old b@z1=old c@z3=new", "-b; domain z1; 1 by another domain's turn"},
		{"held ones do not count", "z1 has nothing that may be touched", build.Set{},
			rollout.Policy{OneDomain: one.OneDomain, NodeSelector: zoneSelector("z2")},
			"a@z1=old b@z2=old", "-b; domain z2; 1 by node selector"},
		{"ignored ones do not count", "z1 has only a node that is down", build.Set{}, rollout.Policy{OneDomain: one.OneDomain, IgnoreNotReadyNodes: &rollout.IgnoreAfter{}},
			"a@z1?=old b@z2=old", "-b; domain z2; 1 by ignored node; ignored: a (node is not ready)"},
		{"not eligible", "b's pod holds availability up until z2 has been seen to", build.Set{MaxSurge: "1"}, one,
			"a@z2=old! b@z1#=old", "+a; domain z2; 1 by another domain's turn"},
		{"not eligible, no surge", "pods that are not created again wait for their turn as well", build.Set{MaxUnavailable: "3"}, one,
			"a@z2#=old b@z1=old c@z1=old", "-b -c; domain z1; 1 by another domain's turn"},
		{"only one not eligible", "no domain has its turn", build.Set{MaxUnavailable: "3"}, one, "a@z2#=old b@z1=new", "-a"},
		{"all done", "no domain's turn", build.Set{}, one, "a@z1=new b@z2=new!", "nothing"},
	})
}

func TestDomainBudget(t *testing.T) {
	most := func(amount string) rollout.Policy {
		return rollout.Policy{DomainBudgets: []rollout.DomainBudget{{Label: zones, MaxUnavailable: intstr.Parse(amount)}}}
	}
	testPolicy(t, []policyCase{
		{"one each", "the budget would allow four", build.Set{MaxUnavailable: "4"}, most("1"),
			"a@z1=old b@z1=old c@z2=old d@z2=old", "-a -c; 2 by domain budget"},
		{"node is gone", "nobody waits for it", build.Set{MaxUnavailable: "4"}, most("1"),
			"a=new! gone=old", "nothing"},
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
		{"surge, node does not keep the pod", "b's pod goes once there are more than needed, whatever surges", build.Set{MaxSurge: "4"}, most("1"),
			"a@z1=old+new! b@z1#=old c@z2=new", "-b"},
		{"held ones count", "a is down, whoever holds it back", build.Set{MaxUnavailable: "4"},
			rollout.Policy{DomainBudgets: most("1").DomainBudgets, Partition: &rollout.Partition{Nodes: intstr.FromInt32(1)}},
			"a@z1=old! b@z1=old c@z2=old", "-c; 1 by partition; 1 by domain budget"},
		{"ignored ones do not", "a is down, and left out", build.Set{MaxUnavailable: "4"}, rollout.Policy{DomainBudgets: most("1").DomainBudgets, IgnoreNotReadyNodes: &rollout.IgnoreAfter{}},
			"a@z1?=new! b@z1=old", "-b; ignored: a (node is not ready)"},
		{"no eligible node in the domain", "half of none still allows one", build.Set{MaxUnavailable: "4"}, most("50%"),
			"a@z1#=old b@z2=old", "-a -b"},
		{"strict", "upstream would replace all three", build.Set{MaxUnavailable: "4"},
			rollout.Policy{DomainBudgets: most("1").DomainBudgets, StrictBudget: true},
			"a@z1=old! b@z1=old! c@z1=old! d@z2=old", "-a -d; 2 by domain budget"},
		{"strict, under way", "a is being replaced", build.Set{MaxUnavailable: "4"},
			rollout.Policy{DomainBudgets: most("1").DomainBudgets, StrictBudget: true},
			"a@z1=new! b@z1=old! c@z1=old! d@z2=old", "-d; 2 by domain budget"},
		{"strict, neither budget has room", "the first restriction counts", build.Set{},
			rollout.Policy{DomainBudgets: most("1").DomainBudgets, StrictBudget: true},
			"a@z1=new! b@z1=old!", "nothing; 1 by domain budget"},
		{"two labels", "zones have one each, all nodes together, which have no such label, two", build.Set{MaxUnavailable: "4"},
			rollout.Policy{DomainBudgets: append(most("1").DomainBudgets, rollout.DomainBudget{Label: "none", MaxUnavailable: intstr.FromInt32(2)})},
			"a@z1=old b@z2=old c@z3=old", "-a -b; 1 by domain budget"},
	})
}

func TestStrictBudget(t *testing.T) {
	strict := rollout.Policy{StrictBudget: true}
	testPolicy(t, []policyCase{
		{"one at a time", "upstream would replace all three", build.Set{}, strict, "a=old! b=old! c=old!", "-a; 2 by strict budget"},
		{"under way", "one is being replaced", build.Set{}, strict, "a=new! b=old! c=old!", "nothing; 2 by strict budget"},
		{"available ones wait", "a node is down already", build.Set{}, strict, "a=old b=old!", "-b"},
		{"room for both", "one is down, and the budget is two", build.Set{MaxUnavailable: "2"}, strict, "a=old b=old!", "-b -a"},
		{"no room", "two are down, so no other goes; one of them does", build.Set{MaxUnavailable: "1"}, strict, "a=old b=old! c=old!", "-b; 1 by strict budget"},
		{"node is gone", "nobody waits for it", build.Set{}, strict, "a=new! gone=old!", "nothing"},
		{"surge", "upstream would surge on both", build.Set{MaxSurge: "1"}, strict, "a=old! b=old!", "+a; 1 by strict budget"},
		{"surge under way", "the budget is used", build.Set{MaxSurge: "1"}, strict, "a=old+new! b=old!", "nothing; 1 by strict budget"},
		{"surge ends", "what is superseded goes all the same", build.Set{MaxSurge: "1"}, strict, "a=old+new b=old+new c=old", "-a -b +c"},
	})
}

func TestPolicyOrder(t *testing.T) {
	by := func(c ...rollout.Compare) rollout.Policy {
		return rollout.Policy{Order: &rollout.Order{By: rollout.InOrder(c)}}
	}
	testPolicy(t, []policyCase{
		{"backwards", "the last by name", build.Set{}, by(rollout.Reverse(rollout.ByName)), "a=old b=old c=old", "-c"},
		{"by zone", "those of the first zone, by name", build.Set{MaxUnavailable: "2"}, by(rollout.ByLabel(zones)),
			"a@z2=old b@z1=old c@z2=old d@z1=old", "-b -d"},
		{"without the label", "those without come first", build.Set{}, by(rollout.ByLabel(zones)), "a@z2=old b=old", "-b"},
		{"oldest pod", "b's is older", build.Set{}, by(rollout.OldestPodFirst), "a=old b=older", "-b"},
		{"not ready first", "with a strict budget it is one at a time", build.Set{},
			rollout.Policy{Order: &rollout.Order{By: rollout.NotReadyFirst}, StrictBudget: true}, "a=old b=old!", "-b"},
		{"ready first", "the ones in order come first", build.Set{MaxUnavailable: "2"},
			rollout.Policy{Order: &rollout.Order{By: rollout.Reverse(rollout.NotReadyFirst)}, StrictBudget: true}, "a=old! b=old! c=old", "-a -b"},
		{"two comparisons", "the second decides where the first does not", build.Set{}, by(rollout.ByLabel(zones), rollout.Reverse(rollout.ByName)),
			"a@z1=old b@z1=old c@z2=old", "-b"},
		{"what costs nothing", "it goes whatever the order", build.Set{}, by(rollout.ByName), "a=old b=old c=old!", "-c"},
	})
}

func TestIgnoreNotReadyNodes(t *testing.T) {
	ignore := func(after time.Duration) rollout.Policy {
		return rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: metav1.Duration{Duration: after}}}
	}
	testPolicy(t, []policyCase{
		{"updated and down", "it would use up the budget", build.Set{}, ignore(0),
			"a?=new! b=old", "-b; ignored: a (node is not ready)"},
		{"outdated and down", "its pod is not replaced", build.Set{}, ignore(0),
			"a?=old! b=old", "-b; 1 by ignored node; ignored: a (node is not ready)"},
		{"not for long enough", "it has been down for a minute", build.Set{}, ignore(5 * time.Minute),
			"a?=new! b=old", "nothing; again after 4m0s"},
		{"for long enough", "it has been down for a minute", build.Set{}, ignore(time.Minute),
			"a?=new! b=old", "-b; ignored: a (node is not ready)"},
	})
}

func TestIgnoreStuckPods(t *testing.T) {
	ignore := func(after time.Duration) rollout.Policy {
		return rollout.Policy{IgnoreStuckPods: &rollout.IgnoreAfter{After: metav1.Duration{Duration: after}}}
	}
	testPolicy(t, []policyCase{
		{"past its grace period", "upstream waits for ever", build.Set{}, ignore(0),
			"a=old~ b=old", "-b; ignored: a (pod is terminating past its grace period)"},
		{"not for long enough", "it should have ended a minute ago", build.Set{}, ignore(3 * time.Minute),
			"a=old~ b=old", "nothing; again after 2m0s"},
		{"just now", "it should have ended a minute ago", build.Set{}, ignore(time.Minute),
			"a=old~ b=old", "-b; ignored: a (pod is terminating past its grace period)"},
		{"a pod beside it", "the new pod decides about the node", build.Set{}, ignore(0),
			"a=old~+new! b=old", "nothing"},
		{"no pod at all", "nothing is stuck", build.Set{}, ignore(0), "a b=old", "nothing"},
	})
}

// TestPolicyIgnoreNodes leaves the choice to the caller.
func TestPolicyIgnoreNodes(t *testing.T) {
	drained := rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool {
		return n.Node == nil || n.Node.Labels[zones] == "z9"
	}}}
	testPolicy(t, []policyCase{
		{"outdated", "its pod is not replaced", build.Set{}, drained, "a@z9=old b=old", "-b; 1 by ignored node; ignored: a (ignored by the caller)"},
		{"updated and unavailable", "it uses no budget", build.Set{}, drained, "a@z9=new! b=old", "-b; ignored: a (ignored by the caller)"},
		{"node is gone", "the function decides about it as well", build.Set{}, drained, "a=new gone=old",
			"nothing; ignored: gone (ignored by the caller)"},
		{"kubelet before caller", "the first reason counts", build.Set{},
			rollout.Policy{IgnoreNodes: drained.IgnoreNodes, IgnoreNotReadyNodes: &rollout.IgnoreAfter{}},
			"a@z9?=old b=old", "-b; 1 by ignored node; ignored: a (node is not ready)"},
	})
}
