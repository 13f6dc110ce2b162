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

// kubeletLabels checks the labels that a node must have to be eligible. Malformed labels and terms
// that match no node do not count.
func (c *checker) kubeletLabels() {
	path := podSpecPath().Child("nodeSelector")
	for _, key := range slices.Sorted(maps.Keys(c.wellFormedSelector())) {
		c.kubeletLabel(path.Key(key), key, true)
	}
	required := requiredNodeAffinity(c.spec)
	if required == nil {
		return
	}
	terms, needing := 0, make(map[string]int) // the number of terms that need a label
	for i := range required.NodeSelectorTerms {
		if c.deadTerm(i) {
			continue
		}
		terms++
		counted := make(map[string]bool)
		for _, requirement := range required.NodeSelectorTerms[i].MatchExpressions {
			if key := requirement.Key; needsLabel(requirement.Operator) && !counted[key] {
				counted[key] = true
				needing[key]++
			}
		}
	}
	path = requiredNodeAffinityPath().Child("nodeSelectorTerms")
	for i := range required.NodeSelectorTerms {
		if c.deadTerm(i) {
			continue
		}
		for j, requirement := range required.NodeSelectorTerms[i].MatchExpressions {
			if key := requirement.Key; needsLabel(requirement.Operator) {
				c.kubeletLabel(path.Index(i).Child("matchExpressions").Index(j).Child("key"), key, needing[key] == terms)
			}
		}
	}
}

// needsLabel reports whether a requirement with the operator matches only nodes that
// have the label.
func needsLabel(operator corev1.NodeSelectorOperator) bool {
	switch operator {
	case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpExists, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		return true
	}
	return false
}

// kubeletLabel checks a label at a path. Without the label a node is not eligible if it
// is necessary; otherwise the node only does not match one term.
func (c *checker) kubeletLabel(path *field.Path, key string, necessary bool) {
	if kubeletMaySet(key) {
		return
	}
	f := Finding{
		Code: CodeLabelForbiddenToKubelet, Severity: SeverityInfo, Field: path.String(),
		Fix: "Set the label through the API when a node is created, not with --node-labels.",
	}
	has := func(node *corev1.Node) bool { _, ok := node.Labels[key]; return ok }
	missing := len(c.nodes) > 0 && !slices.ContainsFunc(c.nodes, has)
	if missing {
		f.Message = "No node has the label " + key + ", and a kubelet may not set it on its own node. Until something else sets the label, no node matches"
	} else {
		f.Message = "A kubelet may not set the label " + key + " on its own node."
	}
	switch {
	case missing && necessary:
		f.Severity = SeverityWarning
		f.Message += "."
	case missing:
		f.Message += " this term. Not every term needs the label."
	case necessary:
		f.Message += " A new node gets no daemon pod until something else sets the label."
	default:
		f.Message += " A new node does not match this term until something else sets the label. Not every term needs the label."
	}
	c.add(f)
}
