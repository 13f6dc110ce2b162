package placement_test

import (
	corev1 "k8s.io/api/core/v1"
	schedulingcorev1 "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/pernode/daemonset/placement"
)

// upstream is nodeShouldRunDaemonPod@v1.37.2, put together from the published
// functions that it calls.
type upstream struct {
	nodeName    string
	affinity    nodeaffinity.RequiredNodeAffinity
	tolerations []corev1.Toleration
	comparison  bool
}

func newUpstream(template *corev1.PodTemplateSpec, opts placement.Options) upstream {
	return upstream{
		nodeName:    template.Spec.NodeName,
		affinity:    nodeaffinity.NewRequiredNodeAffinity(template.Spec.NodeSelector, template.Spec.Affinity),
		tolerations: placement.Tolerations(&template.Spec),
		comparison:  opts.ComparisonOperators,
	}
}

func (u upstream) decide(node *corev1.Node) (run, keep bool) {
	if u.nodeName != "" && u.nodeName != node.Name {
		return false, false
	}
	if fits, _ := u.affinity.Match(node); !fits {
		return false, false
	}
	if u.tolerates(node, stopsNewPods) {
		return true, true
	}
	return false, u.tolerates(node, evictsPods)
}

func (u upstream) tolerates(node *corev1.Node, which func(*corev1.Taint) bool) bool {
	_, untolerated := findUntolerated(node.Spec.Taints, u.tolerations, which, u.comparison)
	return !untolerated
}

func stopsNewPods(t *corev1.Taint) bool { return t.Effect == noSchedule || t.Effect == noExecute }
func evictsPods(t *corev1.Taint) bool   { return t.Effect == noExecute }

var findUntolerated = quiet(schedulingcorev1.FindMatchingUntoleratedTaint)

// quiet passes the zero logger, whose type this module has no business to import.
func quiet[L any, F ~func(*corev1.Taint) bool](
	find func(L, []corev1.Taint, []corev1.Toleration, F, bool) (corev1.Taint, bool),
) func([]corev1.Taint, []corev1.Toleration, func(*corev1.Taint) bool, bool) (corev1.Taint, bool) {
	var logger L
	return func(taints []corev1.Taint, tolerations []corev1.Toleration, which func(*corev1.Taint) bool, comparison bool) (corev1.Taint, bool) {
		return find(logger, taints, tolerations, which, comparison)
	}
}
