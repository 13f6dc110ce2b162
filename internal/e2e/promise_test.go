package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestPromise shows every way in which a promise is broken: a check that cannot fail would let all rollouts pass.
func TestPromise(t *testing.T) {
	pod := func(node, revision string, change ...func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Labels:          map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: revision},
				OwnerReferences: []metav1.OwnerReference{{Name: "agent", Controller: new(true)}},
			},
			Spec:   corev1.PodSpec{NodeName: node},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
		}
		for _, c := range change {
			c(p)
		}
		return p
	}
	starting := func(p *corev1.Pod) { p.Status = corev1.PodStatus{Phase: corev1.PodPending} }
	ending := func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) }
	failed := func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }
	orphan := func(p *corev1.Pod) { p.OwnerReferences = nil }
	unbound := func(p *corev1.Pod) {
		p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
				{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{p.Spec.NodeName}}}}}}}}
		p.Spec.NodeName = ""
	}
	for _, tt := range []struct {
		name, why string
		promise   Promise
		pods      []*corev1.Pod
		want      []string
	}{
		{name: "whole", why: "one ready pod on each node",
			promise: Promise{Nodes: []string{"a", "b"}}, pods: []*corev1.Pod{pod("a", "1"), pod("b", "2")}},
		{name: "twice", why: "two pods of one revision, ready or not",
			promise: Promise{MaxSurge: 9}, pods: []*corev1.Pod{pod("a", "1"), pod("a", "1", starting)},
			want: []string{"2 pods of revision 1 on node a, want at most 1"}},
		{name: "twice before it is bound", why: "the affinity names the node until then",
			promise: Promise{MaxSurge: 9}, pods: []*corev1.Pod{pod("a", "1"), pod("a", "1", starting, unbound)},
			want: []string{"2 pods of revision 1 on node a, want at most 1"}},
		{name: "replaced", why: "pods that end, have ended or are nobody's do not count",
			promise: Promise{Nodes: []string{"a"}},
			pods:    []*corev1.Pod{pod("a", "1"), pod("a", "1", ending), pod("a", "1", failed), pod("a", "1", orphan)}},
		{name: "in the budget", why: "a node may be without",
			promise: Promise{Nodes: []string{"a", "b"}, MaxUnavailable: 1}, pods: []*corev1.Pod{pod("a", "1"), pod("b", "2", starting)}},
		{name: "beyond the budget", why: "an ending pod and none at all are the same",
			promise: Promise{Nodes: []string{"a", "b", "c"}, MaxUnavailable: 1}, pods: []*corev1.Pod{pod("a", "1"), pod("b", "2", ending)},
			want: []string{"2 nodes without a ready pod, want at most 1: [b c]"}},
		{name: "in the surge", why: "a node may have two",
			promise: Promise{MaxSurge: 1}, pods: []*corev1.Pod{pod("a", "1"), pod("a", "2", starting)}},
		{name: "after the surge", why: "the old pod is deleted after the next surge has begun",
			promise: Promise{MaxSurge: 1}, pods: []*corev1.Pod{pod("a", "1"), pod("a", "2"), pod("b", "1"), pod("b", "2", starting)}},
		{name: "no surge", why: "two ready pods are one too many",
			promise: Promise{}, pods: []*corev1.Pod{pod("a", "1"), pod("a", "2")},
			want: []string{"1 nodes with several pods, want at most 0: [a]"}},
		{name: "beyond the surge", why: "another may not",
			promise: Promise{MaxSurge: 1},
			pods:    []*corev1.Pod{pod("a", "1"), pod("a", "2", starting), pod("b", "1"), pod("b", "2", starting)},
			want:    []string{"2 nodes with several pods, want at most 1: [a b]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.promise.Owner = "agent"
			pods := map[string]*corev1.Pod{}
			for i, p := range tt.pods {
				pods[string(rune('a'+i))] = p
			}
			if diff := cmp.Diff(tt.want, tt.promise.Broken(pods)); diff != "" {
				t.Errorf("%s: Broken (-want +got):\n%s", tt.why, diff)
			}
		})
	}
}
