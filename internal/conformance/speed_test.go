package conformance

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
)

var (
	speed         = flag.Bool("speed", false, "TestSpeed measures in earnest")
	requireRatios = flag.Bool("require-ratios", false, "with -speed: fail where the library is not as much faster as it has to be")
)

// TestSpeed measures the library and upstream side by side and prints a table.
// Only with -speed is it more than a trial of itself, and only with
// -require-ratios do the figures decide anything.
//
// The rounds of both sides alternate, each after a garbage collection, and the
// ratio is that of the fastest ones, which other work on the machine disturbs
// least. Upstream's writes go to a client that answers at once.
func TestSpeed(t *testing.T) {
	sizes, rounds := []int{100}, []int{1}
	if *speed {
		sizes, rounds = []int{1_000, 15_000, 100_000}, []int{7, 7, 3}
	}
	var all []contest
	for i, nodes := range sizes {
		for _, c := range decideContests(nodes) {
			c.run(t, rounds[i])
			all = append(all, c)
		}
	}
	for i, nodes := range sizes {
		for _, c := range passContests(t, nodes) {
			c.run(t, rounds[i])
			c.library, c.upstream = nil, nil // they hold the cluster
			all = append(all, c)
		}
	}
	if !*speed {
		return
	}
	t.Log("\n" + table(all))
	for _, c := range all {
		if ratio := c.ratio(); *requireRatios && ratio < c.required {
			t.Errorf("%s at %d nodes is %.2f times as fast as upstream, want %.0f", c.name, c.nodes, ratio, c.required)
		}
	}
}

// contest is one thing that both sides do.
type contest struct {
	name     string
	nodes    int
	required float64 // least ratio; 0 if none is required

	// One round each; they return the time of one decision or pass.
	library, upstream func(t *testing.T) time.Duration

	// The rounds, fastest first.
	libraryTimes, upstreamTimes []time.Duration
}

func (c *contest) run(t *testing.T, rounds int) {
	round := func(times []time.Duration, side func(*testing.T) time.Duration) []time.Duration {
		runtime.GC()
		return append(times, side(t))
	}
	// The first round warms up.
	for range 1 + rounds {
		c.libraryTimes = round(c.libraryTimes, c.library)
		c.upstreamTimes = round(c.upstreamTimes, c.upstream)
	}
	c.libraryTimes, c.upstreamTimes = c.libraryTimes[1:], c.upstreamTimes[1:]
	slices.Sort(c.libraryTimes)
	slices.Sort(c.upstreamTimes)
}

func (c *contest) ratio() float64 {
	return float64(c.upstreamTimes[0]) / float64(c.libraryTimes[0])
}

func table(contests []contest) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "nodes\tlibrary\tmedian\tupstream\tmedian\tratio\trequired\t  what")
	for _, c := range contests {
		required := ""
		if c.required > 0 {
			required = fmt.Sprintf("%.0f", c.required)
		}
		fmt.Fprintf(w, "%d\t%v\t%v\t%v\t%v\t%s\t%s\t  %s\n", c.nodes,
			rounded(c.libraryTimes[0]), rounded(median(c.libraryTimes)), rounded(c.upstreamTimes[0]), rounded(median(c.upstreamTimes)),
			strconv.FormatFloat(c.ratio(), 'f', 1, 64), required, c.name)
	}
	w.Flush()
	return b.String()
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

// rounded keeps three digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// decideContests decide all nodes of a cluster for one template. Every node runs
// the pod, so that all rules are looked at. Upstream parses the template once for
// all nodes, as a pass does.
func decideContests(nodes int) []contest {
	var avoid []corev1.NodeSelectorRequirement
	for key, values := range map[string][]string{
		"eks.amazonaws.com/compute-type":   {"fargate", "auto", "hybrid"},
		"type":                             {"virtual-kubelet"},
		"node.kubernetes.io/instance-type": {"t3.nano"},
		"kubernetes.io/arch":               {"s390x"},
		"example.com/edge":                 {"true"},
		"example.com/no-agents":            {"true"},
	} {
		avoid = append(avoid, corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpNotIn, Values: values})
	}
	slices.SortFunc(avoid, func(a, b corev1.NodeSelectorRequirement) int { return cmp.Compare(a.Key, b.Key) })
	var out []contest
	for _, c := range []struct {
		name     string
		spec     corev1.PodSpec
		taints   []corev1.Taint
		required float64
	}{
		{
			name:     "Decide, no affinity",
			required: 1,
		},
		{
			name: "Decide, six NotIn expressions",
			spec: corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: avoid}}},
			}}},
			required: 3,
		},
		{
			name: "Decide, taints and tolerations",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{
				{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists},
				{Key: "dedicated", Operator: corev1.TolerationOpEqual, Value: "database", Effect: corev1.TaintEffectNoExecute},
			}},
			taints: []corev1.Taint{
				{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule},
				{Key: "dedicated", Value: "database", Effect: corev1.TaintEffectNoExecute},
				{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute},
			},
			required: 1,
		},
	} {
		list := cloudNodes(nodes, c.taints)
		template := corev1.PodTemplateSpec{Spec: c.spec}
		again := max(1, 200_000/nodes)
		out = append(out, contest{
			name: c.name, nodes: nodes, required: c.required,
			library: func(t *testing.T) time.Duration {
				return timed(t, len(list)*again, func() (run int) {
					for range again {
						m := placement.Compile(&template, placement.Options{})
						for _, node := range list {
							if m.Decide(node).Run {
								run++
							}
						}
					}
					return run
				})
			},
			upstream: func(t *testing.T) time.Duration {
				ds := &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: template}}
				return timed(t, len(list)*again, func() (run int) {
					for range again {
						tolerations := daemonPodTolerations(ds)
						affinity := nodeaffinity.NewRequiredNodeAffinity(template.Spec.NodeSelector, template.Spec.Affinity)
						for _, node := range list {
							if should, _ := nodeShouldRunDaemonPod(logr.Discard(), node, ds, tolerations, affinity); should {
								run++
							}
						}
					}
					return run
				})
			},
		})
	}
	return out
}

// timed returns how long a function takes for one decision. It has to return a
// given number of them.
func timed(t *testing.T, want int, f func() int) time.Duration {
	start := time.Now()
	got := f()
	elapsed := time.Since(start)
	if got != want {
		t.Fatalf("%d nodes run the pod, want %d", got, want)
	}
	return elapsed / time.Duration(want)
}

// cloudNodes are labelled as a cloud provider labels them, and in random order.
func cloudNodes(n int, taints []corev1.Taint) []*corev1.Node {
	out := make([]*corev1.Node, n)
	for i := range out {
		name := fmt.Sprintf("ip-10-%d-%d-%d.eu-west-1.compute.internal", i>>16, i>>8&255, i&255)
		out[i] = &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
				"beta.kubernetes.io/arch":          "amd64",
				"beta.kubernetes.io/os":            "linux",
				"kubernetes.io/arch":               "amd64",
				"kubernetes.io/hostname":           name,
				"kubernetes.io/os":                 "linux",
				"node.kubernetes.io/instance-type": []string{"m5.large", "m5.xlarge", "c6i.2xlarge"}[i%3],
				"topology.kubernetes.io/region":    "eu-west-1",
				"topology.kubernetes.io/zone":      []string{"eu-west-1a", "eu-west-1b", "eu-west-1c"}[i%3],
				"eks.amazonaws.com/nodegroup":      "general",
				"eks.amazonaws.com/capacityType":   "ON_DEMAND",
				"k8s.io/cloud-provider-aws":        "a1b2c3d4",
			}},
			Spec: corev1.NodeSpec{Taints: slices.Clone(taints)},
		}
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// passContests make whole passes over clusters in which every node has one
// available pod: one at rest, one in the middle of a rolling update. Upstream
// keeps its informers' stores; the library is either given all they hold, which
// counts as part of its pass, or keeps a rollout.State, and then it counts what the
// State is told.
func passContests(t *testing.T, nodes int) []contest {
	u, err := NewUpstream()
	if err != nil {
		t.Fatal(err)
	}
	settled, rolling := cluster(t, nodes, 0), cluster(t, nodes, nodes/2)
	var out []contest
	for _, c := range []struct {
		name          string
		s             *State
		kept, changes bool
		required      float64
	}{
		{name: "settled pass", s: settled},
		{name: "settled pass, kept state", s: settled, kept: true, required: 20},
		{name: "pass after a pod's change, kept state", s: settled, kept: true, changes: true},
		{name: "pass in mid-rollout", s: rolling},
		{name: "pass in mid-rollout, kept state", s: rolling, kept: true},
	} {
		if nodes != 15_000 {
			c.required = 0
		}
		p := passRace{u: u, s: c.s, kept: c.kept, changes: c.changes}
		out = append(out, contest{name: c.name, nodes: nodes, required: c.required, library: p.library, upstream: p.upstream})
	}
	return out
}

// passRace is one contest of passes.
type passRace struct {
	u             *Upstream
	s             *State
	kept, changes bool
	state         *rollout.State
	// writes is what the passes of either side write, by turn.
	writes [2]string
}

// change returns the pod that changes before a pass: one is no longer ready, and
// with the next pass it is again.
func (p *passRace) change(turn int) *corev1.Pod {
	pod := p.s.Pods[turn/2*7919%len(p.s.Pods)].DeepCopy()
	if turn%2 == 0 {
		pod.Status.Conditions[1].Status = corev1.ConditionFalse
	}
	return pod
}

// agree fails if passes of the same turn write different things.
func (p *passRace) agree(t *testing.T, side string, turn, deletes int, quiet bool) {
	t.Helper()
	writes := fmt.Sprintf("%d deletions, all quiet %t", deletes, quiet)
	if first := &p.writes[turn%2]; *first == "" {
		*first = writes
	} else if *first != writes {
		t.Fatalf("%s writes %s, an earlier pass %s", side, writes, *first)
	}
}

func (p *passRace) load(t *testing.T) {
	p.u.prepare(p.s)
	if sets := p.u.sets.Indexer.List(); len(sets) == 0 || sets[0] != any(p.s.DaemonSet) {
		if err := p.u.Load(p.s); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *passRace) library(t *testing.T) (total time.Duration) {
	p.load(t)
	n := max(2, 10_000/len(p.s.Nodes))
	if p.kept {
		n = 2_000
		if p.state == nil {
			state, err := rollout.NewState(p.s.input())
			if err != nil {
				t.Fatal(err)
			}
			p.state = state
		}
	}
	nodeLister, podLister := corelisters.NewNodeLister(p.u.nodes.Indexer), corelisters.NewPodLister(p.u.pods.Indexer)
	revisionLister := appslisters.NewControllerRevisionLister(p.u.revisions.Indexer)
	for turn := range n {
		var result *rollout.Result
		var err, listErr error
		changed := p.change(turn)
		start := time.Now()
		if p.kept {
			if p.changes {
				listErr = p.state.Update(daemon.Changes{Pods: []*corev1.Pod{changed}})
			}
			result, err = p.state.Sync(p.s.Now, rollout.Options{})
		} else {
			in := p.s.input()
			in.Nodes, listErr = nodeLister.List(labels.Everything())
			in.Pods, _ = podLister.Pods(p.s.DaemonSet.Namespace).List(labels.Everything())
			in.Revisions, _ = revisionLister.ControllerRevisions(p.s.DaemonSet.Namespace).List(labels.Everything())
			result, err = rollout.Sync(in, rollout.Options{})
		}
		total += time.Since(start)
		if err := errors.Join(err, listErr); err != nil {
			t.Fatal(err)
		}
		p.agree(t, "the library", turn, len(result.Plan.Delete), result.Empty())
	}
	return total / time.Duration(n)
}

func (p *passRace) upstream(t *testing.T) (total time.Duration) {
	p.load(t)
	key, err := cache.MetaNamespaceKeyFunc(p.s.DaemonSet)
	if err != nil {
		t.Fatal(err)
	}
	n := max(2, 10_000/len(p.s.Nodes))
	for turn := range n {
		p.u.prepare(p.s)
		if p.changes {
			if err := p.u.pods.Indexer.Update(p.change(turn)); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		err := p.u.sync(p.u.ctx, key)
		total += time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		pass := &Pass{}
		p.u.collect(p.s, pass)
		p.agree(t, "upstream", turn, len(pass.Deletes), pass.Quiet())
	}
	return total / time.Duration(n)
}

// cluster is one in which every node has an available pod, of which the given
// number are outdated; history and status are up to date.
func cluster(t *testing.T, nodes, outdated int) *State {
	app := map[string]string{"app": "agent"}
	limit := intstr.FromString("1%")
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: "kube-system", UID: "2f6f1c3e-8a55-4f0e-9d1a-1f4b7f0d9c11", Generation: 1},
		Spec: appsv1.DaemonSetSpec{
			Selector:       &metav1.LabelSelector{MatchLabels: app},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &limit}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: app},
				Spec: corev1.PodSpec{
					Containers:  []corev1.Container{{Name: "agent", Image: "registry.example/agent:1.2.3"}},
					Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
				},
			},
		},
	})
	s := &State{DaemonSet: ds, Nodes: cloudNodes(nodes, nil), Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	hash := daemon.TemplateHash(&ds.Spec.Template, nil)
	for i, node := range s.Nodes {
		podHash := hash
		if i < outdated {
			podHash = "5d8c7b9f6"
		}
		pod := daemon.NewPod(ds, node.Name, podHash)
		pod.Name = fmt.Sprintf("agent-%d", i)
		pod.Spec.NodeName = node.Name
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
			{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.Now.Add(-time.Hour))},
		}
		s.Pods = append(s.Pods, pod)
	}
	result, err := rollout.Sync(s.input(), rollout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Revisions = []*appsv1.ControllerRevision{result.Revisions.Create}
	s.DaemonSet = ds.DeepCopy()
	s.DaemonSet.Status = *result.Status
	return s
}
