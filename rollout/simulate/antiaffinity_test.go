package simulate

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

func TestSelectsNamespace(t *testing.T) {
	named := func(key, value string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
	}
	for _, tc := range []struct {
		name, why string
		term      corev1.PodAffinityTerm
		other     string
		want      bool
	}{
		{"own", "without namespaces a term is about its own", corev1.PodAffinityTerm{}, "own", true},
		{"other", "without namespaces a term is about its own", corev1.PodAffinityTerm{}, "other", false},
		{"list", "it is named", corev1.PodAffinityTerm{Namespaces: []string{"other"}}, "other", true},
		{"not in the list", "the own one is not included", corev1.PodAffinityTerm{Namespaces: []string{"other"}}, "own", false},
		{"all", "the empty selector selects all", corev1.PodAffinityTerm{NamespaceSelector: &metav1.LabelSelector{}}, "other", true},
		{"by name", "every namespace has that label", corev1.PodAffinityTerm{NamespaceSelector: named(corev1.LabelMetadataName, "other")}, "other", true},
		{"by another name", "every namespace has that label", corev1.PodAffinityTerm{NamespaceSelector: named(corev1.LabelMetadataName, "other")}, "own", false},
		{"by a label", "it is not known", corev1.PodAffinityTerm{NamespaceSelector: named("team", "x")}, "own", false},
		{
			"without a label", "it is not known whether it is there",
			corev1.PodAffinityTerm{NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: metav1.LabelSelectorOpDoesNotExist}}}},
			"own", false,
		},
	} {
		if got := selectsNamespace(&tc.term, "own", tc.other); got != tc.want {
			t.Errorf("%s: selectsNamespace(%v, own, %s) = %v, want %v: %s", tc.name, tc.term, tc.other, got, tc.want, tc.why)
		}
	}
}

func TestSelectorOf(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "agent", "hash": "new"}}}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}}
	for _, tc := range []struct {
		name, why string
		term      corev1.PodAffinityTerm
		same, old bool
	}{
		{"none", "a term without a selector matches nothing", corev1.PodAffinityTerm{}, false, false},
		{"labels", "both pods have them", corev1.PodAffinityTerm{LabelSelector: selector}, true, true},
		{"same value", "the value is that of the pod with the term", corev1.PodAffinityTerm{LabelSelector: selector, MatchLabelKeys: []string{"hash", "missing"}}, true, false},
		{"other value", "the value is that of the pod with the term", corev1.PodAffinityTerm{LabelSelector: selector, MismatchLabelKeys: []string{"hash"}}, false, true},
		{
			"malformed", "it matches nothing",
			corev1.PodAffinityTerm{LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "x"}}}}, false, false,
		},
	} {
		s := selectorOf(&tc.term, pod)
		matches := func(hash string) bool { return s != nil && s.Matches(labels.Set{"app": "agent", "hash": hash}) }
		if matches("new") != tc.same || matches("old") != tc.old {
			t.Errorf("%s: selectorOf matches %v, %v, want %v, %v: %s", tc.name, matches("new"), matches("old"), tc.same, tc.old, tc.why)
		}
	}
}

// repelling is the affinity of pods that must not be in one domain with pods of an app.
func repelling(topologyKey, app string) *corev1.Affinity {
	return &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{
		{TopologyKey: topologyKey, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}},
	}}}
}

// repelled returns a cluster with the pods of a that wait for the pods of b to leave their
// domains. Nodes are each in a domain of their own, or all in one.
func repelled(t *testing.T, nodes int, apart bool) (c *Cluster, a, b *appsv1.DaemonSet) {
	t.Helper()
	c = &Cluster{}
	for i := range nodes {
		domain := "all"
		if apart {
			domain = fmt.Sprint("d", i)
		}
		apply(t, c, build.Node{Name: fmt.Sprint("n", i), Labels: build.Labels{"domain": domain, "all": "yes"}}.Object())
	}
	b = build.Set{Name: "b"}.Object()
	apply(t, c, b)
	if _, err := c.Settle(); err != nil {
		t.Fatal(err)
	}
	a = build.Set{Name: "a", Spec: corev1.PodSpec{Affinity: repelling("domain", "b")}}.Object()
	apply(t, c, a)
	if ends, err := c.Settle(); err != nil || ends[0].State != EndStalled || len(ends[0].Incomplete) != nodes {
		t.Fatalf("Settle() = %v, %v, want all pods of a to wait", ends, err)
	}
	return c, a, b
}

// podOf returns a pod of a DaemonSet on a node.
func podOf(t *testing.T, c *Cluster, ds *appsv1.DaemonSet, node string) *corev1.Pod {
	t.Helper()
	for _, pod := range c.Input(ds).Pods {
		if name, _ := daemon.TargetNode(pod); name == node && metav1.IsControlledBy(pod, c.set(ds).ds) {
			return pod
		}
	}
	t.Fatalf("no pod of %s on %s", ds.Name, node)
	return nil
}

// TestRetryTied: when a pod leaves or has other labels, the scheduler tries the pods again that
// wait for its domain, and no others.
func TestRetryTied(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		apart     bool
		change    func(*corev1.Pod) // nil: it goes
		tried     int
		free      int
	}{
		{name: "gone", why: "the domain is free", apart: true, tried: 1, free: 1},
		{name: "gone, one domain", why: "all are tried, and the other pods are still there", tried: 8},
		{name: "other label", why: "it does not match any more", apart: true, change: func(pod *corev1.Pod) { pod.Labels["app"] = "c" }, tried: 1, free: 1},
		{name: "other label, one domain", why: "all are tried, and the other pods are still there", change: func(pod *corev1.Pod) { pod.Labels["app"] = "c" }, tried: 8},
		{name: "finished", why: "it does not count", apart: true, change: func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodSucceeded }, tried: 1, free: 1},
		{name: "annotation", why: "the scheduler does not read it", apart: true, change: func(pod *corev1.Pod) { pod.Annotations = build.Labels{"x": "y"} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, a, b := repelled(t, 8, tc.apart)
			// The controllers stay asleep: what waits is what the scheduler tries.
			pod := podOf(t, c, b, "n3").DeepCopy()
			c.events = nil
			if tc.change == nil {
				pod.DeletionGracePeriodSeconds = new(int64(0))
				if err := c.Delete(pod); err != nil {
					t.Fatal(err)
				}
			} else {
				tc.change(pod)
				apply(t, c, pod)
			}
			tried := 0
			for _, e := range c.events {
				if e.kind == podBound && e.valid() {
					tried++
				}
			}
			c.Elapse(0)
			free := 0
			for _, pod := range c.Input(a).Pods {
				if metav1.IsControlledBy(pod, c.set(a).ds) && pod.Spec.NodeName != "" {
					free++
				}
			}
			if tried != tc.tried || free != tc.free {
				t.Errorf("the scheduler tries %d pods and binds %d, want %d and %d: %s", tried, free, tc.tried, tc.free, tc.why)
			}
		})
	}
}

// TestSelectorsAreParsedOnce: the scheduler tries a pod again without parsing its terms again,
// unless its labels have changed.
func TestSelectorsAreParsedOnce(t *testing.T) {
	c, a, _ := repelled(t, 1, true)
	p := c.namespaces[a.Namespace].stored(podOf(t, c, a, "n0"))
	if n := testing.AllocsPerRun(10, func() {
		if reasons := c.repelledBy(c.nodes["n0"].node, p.pod, p.selectors()); reasons == nil {
			t.Error("the pod is free")
		}
	}); n > 0 {
		t.Errorf("another try of a pod makes %v allocations, want none", n)
	}
	was := p.selectors()
	pod := *p.pod
	pod.Labels = build.Labels{"x": "y"}
	c.putPod(c.namespaces[a.Namespace], p, &pod, p.life)
	if now := p.selectors(); &now[0] == &was[0] {
		t.Error("the terms are not parsed again after a change of the labels")
	}
}
