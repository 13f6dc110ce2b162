package lint

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// kubeletLabels are the labels of kubernetes.io and k8s.io that a kubelet may set
// one by one (KubeletLabels@v0.37.2).
var kubeletLabels = []string{
	corev1.LabelHostname,
	corev1.LabelTopologyZone,
	corev1.LabelTopologyRegion,
	corev1.LabelFailureDomainBetaZone,
	corev1.LabelFailureDomainBetaRegion,
	corev1.LabelInstanceType,
	corev1.LabelInstanceTypeStable,
	corev1.LabelOSStable,
	corev1.LabelArchStable,
	"beta.kubernetes.io/os",
	"beta.kubernetes.io/arch",
}

// kubeletMaySet reports whether a kubelet may set the label on its own node
// (getForbiddenLabels@v1.37.2).
func kubeletMaySet(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	within := func(parent string) bool { return domain == parent || strings.HasSuffix(domain, "."+parent) }
	if !found || !within("kubernetes.io") && !within("k8s.io") {
		return true
	}
	return slices.Contains(kubeletLabels, key) ||
		within(corev1.LabelNamespaceSuffixKubelet) || within(corev1.LabelNamespaceSuffixNode)
}

// kubeletLabels checks the labels that a node must have to be eligible.
func (c *checker) kubeletLabels() {
	path := podSpecPath().Child("nodeSelector")
	for _, key := range slices.Sorted(maps.Keys(c.spec.NodeSelector)) {
		c.kubeletLabel(path.Key(key), key)
	}
	required := requiredNodeAffinity(c.spec)
	if required == nil {
		return
	}
	path = requiredNodeAffinityPath().Child("nodeSelectorTerms")
	for i := range required.NodeSelectorTerms {
		for j, requirement := range required.NodeSelectorTerms[i].MatchExpressions {
			switch requirement.Operator {
			case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpExists, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
				c.kubeletLabel(path.Index(i).Child("matchExpressions").Index(j).Child("key"), requirement.Key)
			}
		}
	}
}

func (c *checker) kubeletLabel(path *field.Path, key string) {
	if kubeletMaySet(key) {
		return
	}
	f := Finding{
		Code: CodeLabelForbiddenToKubelet, Severity: SeverityInfo, Field: path.String(),
		Message: "A kubelet may not set the label " + key + " on its own node. A new node gets no daemon pod until something else sets the label.",
		Fix:     "Set the label through the API when a node is created, not with --node-labels.",
	}
	has := func(node *corev1.Node) bool { _, ok := node.Labels[key]; return ok }
	if len(c.nodes) > 0 && !slices.ContainsFunc(c.nodes, has) {
		f.Severity = SeverityWarning
		f.Message = "No node has the label " + key + ", and a kubelet may not set it on its own node. Until something else sets the label, no node matches."
	}
	c.add(f)
}
