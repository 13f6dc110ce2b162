package simulate

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
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
