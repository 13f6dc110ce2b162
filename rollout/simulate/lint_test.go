package simulate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// stuckCodes are what lint calls an error because the rollout gets stuck.
var stuckCodes = []lint.Code{
	lint.CodeSurgeHostPort, lint.CodeSurgePodAntiAffinity, lint.CodeSurgeRequests, lint.CodeOSMismatch, lint.CodeHostPortConflict,
	lint.CodeRequestsExceedNode, lint.CodePodAntiAffinitySelf, lint.CodeSpreadLabelMissing,
}

// otherErrors are the other errors of lint, with the reason why no Run ends stalled because of
// them.
var otherErrors = map[lint.Code]string{
	lint.CodeSelectorEmpty:         "the API server refuses it",
	lint.CodeSelectorMalformed:     "the API server refuses it",
	lint.CodeSelectorMismatch:      "the API server refuses it",
	lint.CodeSelectorRevisionHash:  "the controller creates pods without end: there are too many, not too few",
	lint.CodeBudgetMalformed:       "the API server refuses it",
	lint.CodeBudgetBothSet:         "the API server refuses it",
	lint.CodeBudgetBothZero:        "the API server refuses it",
	lint.CodeNodeAffinityMalformed: "the API server refuses it",
	lint.CodeNodeAffinityEmptyTerm: "no node is eligible, so that the rollout is complete",
	lint.CodeTolerationMalformed:   "the API server refuses it",
	lint.CodeNodeSelectorMalformed: "the API server refuses it",
	lint.CodeResourcesMalformed:    "the API server refuses it",
	lint.CodeHostPortDuplicate:     "the API server refuses it, or each pod in the host network; the cluster validates no pods",
	lint.CodeHostPortKubelet:       "the pod may run: the scheduler does not know the port, and no object says whether the pod listens on it",
}

// everything overlooks all facts.
var everything = simulate.Overlook{
	Requests: true, HostPorts: true, SpreadLabels: true, PodAntiAffinity: true, Unschedulable: true, NodesNotReady: true, OverduePods: true,
	Images: true, CrashLoops: true, Starts: true, Probes: true, OperatingSystems: true, SchedulingGates: true,
}

// TestLintAgrees: an update that lint calls stuck ends stalled, on one of the nodes that lint
// names, and Assess says so, too. The pods before the update run in spite of everything.
func TestLintAgrees(t *testing.T) {
	seen := map[lint.Code]int{}
	sound := 0
	for seed := range property.Seeds(t, 300) {
		r := rand.New(rand.NewPCG(seed, 5))
		in, other := randomFault(t, r)
		findings, err := lint.Check(in, lint.Options{OtherDaemonSets: other})
		if err != nil {
			t.Fatal(err)
		}
		end := settle(t, in, simulate.Options{})
		errors := 0
		for _, f := range findings {
			if f.Severity != lint.SeverityError {
				continue
			}
			errors++
			if otherErrors[f.Code] != "" {
				continue
			}
			if !slices.Contains(stuckCodes, f.Code) {
				t.Errorf("seed %d: %v is in neither list of this test", seed, f)
			}
			seen[f.Code]++
			on := func(n simulate.IncompleteNode) bool { return len(f.Nodes) == 0 || slices.Contains(f.Nodes, n.Node) }
			if end.State != simulate.EndStalled || !slices.ContainsFunc(end.Incomplete, on) {
				t.Errorf("seed %d: Check() = %v\nRun() = %v", seed, f, end)
			}
		}
		if errors == 0 && end.State == simulate.EndComplete {
			sound++
		}
		if end.State != simulate.EndStalled {
			continue
		}
		s, err := daemon.Observe(withNow(end.After, end.After.Now.Add(14*time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		// While pods fail and come again, the next pass may create one.
		again := func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed }
		a, err := health.Assess(s, health.Options{})
		if err != nil || a.State != health.StateStalled && !(a.State == health.StateProgressing && slices.ContainsFunc(end.After.Pods, again)) {
			t.Errorf("seed %d: Assess() = %v, %v, but Run() = %v", seed, a, err, end)
		}
	}
	for _, code := range stuckCodes {
		if seen[code] < 2 {
			t.Errorf("%s was found %d times, want more", code, seen[code])
		}
	}
	if sound < 50 {
		t.Errorf("%d updates are sound and complete, want more", sound)
	}
}

// randomFault returns the facts before an update that may be at fault, and the other DaemonSets
// of the cluster, whose pods are among the facts.
func randomFault(t *testing.T, r *rand.Rand) (daemon.Input, []*appsv1.DaemonSet) {
	t.Helper()
	some := func(n int) bool { return r.IntN(n) == 0 }
	var nodes []*corev1.Node
	for i := range 1 + r.IntN(4) {
		node := build.Node{Name: fmt.Sprint("n", i), Labels: build.Labels{}}.Object()
		if !some(4) {
			node.Labels["zone"] = []string{"a", "b", "c", "d", "e", "f"}[r.IntN(6)]
		}
		if some(3) {
			node.Labels[corev1.LabelOSStable] = []string{"linux", "linux", "windows"}[r.IntN(3)]
		}
		if !some(3) {
			node.Status.Allocatable = resources(fmt.Sprint(2 + r.IntN(9)))
		}
		nodes = append(nodes, node)
	}
	spec := func() corev1.PodSpec {
		cpu := ""
		if some(2) {
			cpu = fmt.Sprint(1 + r.IntN(5))
		}
		var ports []int32
		if some(3) {
			ports = append(ports, int32(80+r.IntN(2)))
		}
		return requesting(cpu, ports...)
	}
	set := build.Set{Spec: spec()}
	if some(2) {
		set.MaxSurge, set.MaxUnavailable = fmt.Sprint(1+r.IntN(2)), "0"
	}
	if some(8) {
		key := []string{"zone", corev1.LabelHostname}[r.IntN(2)]
		set.Spec.Affinity = apart(key).Affinity
		if some(2) {
			set.Spec = revised(set.Spec)
		}
	}
	if some(10) {
		set.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{
			{MaxSkew: 1, TopologyKey: "zone", WhenUnsatisfiable: []corev1.UnsatisfiableConstraintAction{corev1.DoNotSchedule, corev1.ScheduleAnyway}[r.IntN(2)], LabelSelector: &metav1.LabelSelector{}},
		}
	}
	if some(6) {
		set.Spec.OS = &corev1.PodOS{Name: corev1.Linux}
	}
	c := &simulate.Cluster{Options: simulate.Options{Overlook: everything}}
	for _, node := range nodes {
		apply(t, c, node)
	}
	var others []*appsv1.DaemonSet
	if some(2) {
		others = append(others, build.Set{Name: "proxy", Spec: spec()}.Object())
		apply(t, c, others[0])
	}
	ds := set.Object()
	apply(t, c, ds)
	settleCluster(t, c)
	in := c.Input(ds)
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.DaemonSet.Generation++
	in.DaemonSet.Spec.Template.Annotations = build.Labels{"update": "yes"}
	return in, others
}
