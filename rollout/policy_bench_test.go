package rollout_test

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// BenchmarkPolicy measures a step on outdated nodes under each field of a policy that
// looks at all of them. Every node has a label with a value of its own, which is the worst
// case of all fields that group nodes. The time per node stays about the same.
func BenchmarkPolicy(b *testing.B) {
	const own = "kubernetes.io/hostname"
	for _, nodes := range []int{2_500, 20_000} {
		in := cluster(b, nodes, nodes)
		s, err := daemon.Observe(in)
		if err != nil {
			b.Fatal(err)
		}
		var names []string
		for i := range s.Nodes() {
			names = append(names, s.Nodes()[len(s.Nodes())-1-i].Name)
		}
		for _, bc := range []struct {
			name   string
			policy rollout.Policy
		}{
			{"none", rollout.Policy{}},
			{"node selector", rollout.Policy{NodeSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/os": "linux"}}}},
			{"order", rollout.Policy{Order: &rollout.Order{By: rollout.ByLabel(own)}}},
			{"canary", rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("50%"), Spread: []string{own}}}},
			{"partition", rollout.Policy{Partition: &rollout.Partition{Nodes: intstr.FromString("50%")}, Order: &rollout.Order{By: rollout.ByLabel(own)}}},
			{"one domain", rollout.Policy{OneDomain: &rollout.OneDomain{Label: own, First: names}}},
			{"domain budget", rollout.Policy{DomainBudgets: []rollout.DomainBudget{{Label: own, MaxUnavailable: intstr.FromInt32(1)}}}},
			{"strict budget", rollout.Policy{StrictBudget: true}},
		} {
			b.Run(fmt.Sprintf("%s/%d", bc.name, nodes), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := rollout.NextStep(s, rollout.Options{Policy: bc.policy}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
			})
		}
	}
}

// BenchmarkStatePolicy measures a pass with kept state under a policy, after one pod has changed,
// while nearly all nodes are outdated: it does not depend on the size of the cluster.
func BenchmarkStatePolicy(b *testing.B) {
	half := intstr.FromString("50%")
	for _, policy := range []rollout.Policy{
		{},
		{Order: &rollout.Order{By: rollout.OldestPodFirst}},
		{Partition: &rollout.Partition{Nodes: half}},
		{Partition: &rollout.Partition{Nodes: half}, Order: &rollout.Order{By: rollout.OldestPodFirst}},
		{Canary: &rollout.Canary{Nodes: intstr.FromInt32(10), Manual: true}},
	} {
		for _, nodes := range []int{5_000, 100_000} {
			b.Run(fmt.Sprintf("%v/%d", &policy, nodes), func(b *testing.B) {
				in := cluster(b, nodes, nodes)
				one := intstr.FromInt32(1)
				in.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &one
				state, err := rollout.NewState(in)
				if err != nil {
					b.Fatal(err)
				}
				pass := func(i int) {
					if err := state.Update(daemon.Changes{Pods: in.Pods[i%nodes : i%nodes+1]}); err != nil {
						b.Fatal(err)
					}
					result, err := state.Sync(in.Now, rollout.Options{Policy: policy})
					if err != nil || len(result.Plan.Delete) != 1 {
						b.Fatal(result, err)
					}
				}
				pass(0) // The first pass works out more than the later ones.
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					pass(i)
				}
			})
		}
	}
}
