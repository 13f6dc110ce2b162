package lint

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/podspec"
	"github.com/pernode/daemonset/placement"
)

func requiredNodeAffinity(spec *corev1.PodSpec) *corev1.NodeSelector {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return nil
	}
	return spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
}

func requiredNodeAffinityPath() *field.Path {
	return podSpecPath().Child("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
}

// placement checks what selects the nodes. If no node is eligible, it reports nodeName,
// nodeSelector and node affinity if one of them alone excludes every node, and otherwise
// NoEligibleNode.
func (c *checker) placement() {
	c.malformedPlacement()
	nowhere := c.emptyAffinityTerms()
	if len(c.nodes) == 0 || len(c.eligible) > 0 {
		return
	}
	found := c.nodeNameNoNode()
	found = c.nodeSelectorNoNode() || found
	found = nowhere || c.nodeAffinityNoNode() || found
	if !found {
		c.noEligibleNode()
	}
}

// findMalformed fills in what of the placement is malformed. An error has a path but no
// index, so each term is compiled alone.
func (c *checker) findMalformed() {
	malformed := func(spec corev1.PodSpec) field.ErrorList {
		return placement.Compile(&corev1.PodTemplateSpec{Spec: spec}, c.options).Malformed()
	}
	if required := requiredNodeAffinity(c.spec); required != nil {
		affinity := func(terms ...corev1.NodeSelectorTerm) corev1.PodSpec {
			return requireNodes(&corev1.NodeSelector{NodeSelectorTerms: terms})
		}
		c.affinityErrors = malformed(affinity(required.NodeSelectorTerms...))
		c.malformedTerms = make([]bool, len(required.NodeSelectorTerms))
		for i := range c.malformedTerms {
			c.malformedTerms[i] = malformed(affinity(required.NodeSelectorTerms[i])) != nil
		}
	}
	c.malformedTolerations = make([]bool, len(c.spec.Tolerations))
	for i := range c.malformedTolerations {
		errs := podspec.Toleration(podSpecPath().Child("tolerations").Index(i), &c.spec.Tolerations[i], c.options)
		c.tolerationErrors = append(c.tolerationErrors, errs...)
		c.malformedTolerations[i] = errs != nil
	}
}

// requireNodes returns a pod spec with the required node affinity.
func requireNodes(required *corev1.NodeSelector) corev1.PodSpec {
	return corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}}
}

// malformedPlacement reports the node selector that no node can match, the terms that the
// controller ignores, and the tolerations that the API server refuses.
func (c *checker) malformedPlacement() {
	for _, err := range podspec.NodeSelector(podSpecPath().Child("nodeSelector"), c.spec.NodeSelector) {
		c.add(Finding{
			Code: CodeNodeSelectorMalformed, Severity: SeverityError, Field: err.Field,
			Message: "The nodeSelector is malformed, and no node can match it: " + err.ErrorBody() + ".",
			Fix:     "Correct the key or the value. The API server refuses it.",
		})
	}
	for _, err := range c.affinityErrors {
		c.add(Finding{
			Code: CodeNodeAffinityMalformed, Severity: SeverityError, Field: inTemplate(err.Field),
			Message: "The term does not parse, and the controller ignores it: " + err.ErrorBody() + ".",
			Fix:     "Correct the term. The API server refuses it, unless only a value of Gt or Lt is not an integer.",
		})
	}
	for _, err := range c.tolerationErrors {
		c.add(Finding{
			Code: CodeTolerationMalformed, Severity: SeverityError, Field: err.Field,
			Message: "The toleration is malformed: " + err.ErrorBody() + ".",
			Fix:     "Correct the toleration. The API server refuses it.",
		})
	}
}

// inTemplate makes the path of a field of the template one of the DaemonSet.
func inTemplate(path string) string { return specPath().Child("template").String() + "." + path }

// emptyAffinityTerms reports whether no term of the required node affinity can match
// any node.
func (c *checker) emptyAffinityTerms() bool {
	required := requiredNodeAffinity(c.spec)
	if required == nil {
		return false
	}
	path := requiredNodeAffinityPath().Child("nodeSelectorTerms")
	if len(required.NodeSelectorTerms) == 0 {
		c.add(Finding{
			Code: CodeNodeAffinityEmptyTerm, Severity: SeverityError, Field: path.String(),
			Message: "A required node affinity without terms matches no node. The API server refuses it.",
			Fix:     "Add a term, or remove the required node affinity to match every node.",
		})
		return true
	}
	var empty []string
	dead := 0
	for i := range required.NodeSelectorTerms {
		if c.deadTerm(i) {
			dead++
		}
		if emptyTerm(&required.NodeSelectorTerms[i]) {
			empty = append(empty, path.Index(i).String())
		}
	}
	nowhere := dead == len(required.NodeSelectorTerms)
	for _, at := range empty {
		f := Finding{
			Code: CodeNodeAffinityEmptyTerm, Severity: SeverityWarning, Field: at,
			Message: "An empty term matches no node.",
			Fix:     "Fill or remove the term. To match every node, remove the required node affinity.",
		}
		if nowhere {
			f.Severity = SeverityError
			f.Message = "An empty term matches no node, and no other term can match one. The DaemonSet runs nowhere."
		}
		c.add(f)
	}
	return nowhere
}

// deadTerm reports whether a term of the required node affinity matches no node, because
// it is empty or malformed.
func (c *checker) deadTerm(i int) bool {
	return c.malformedTerms[i] || emptyTerm(&requiredNodeAffinity(c.spec).NodeSelectorTerms[i])
}

func emptyTerm(term *corev1.NodeSelectorTerm) bool {
	return len(term.MatchExpressions)+len(term.MatchFields) == 0
}

// excludesAll reports whether a template with this spec, and nothing else, excludes
// every node for the given reason.
func (c *checker) excludesAll(spec corev1.PodSpec, reason placement.Reason) bool {
	matcher := placement.Compile(&corev1.PodTemplateSpec{Spec: spec}, c.options)
	return !slices.ContainsFunc(c.nodes, func(node *corev1.Node) bool { return matcher.Decide(node).Reason != reason })
}

func (c *checker) nodeNameNoNode() bool {
	name := c.spec.NodeName
	if !c.excludesAll(corev1.PodSpec{NodeName: name}, placement.ReasonNodeName) {
		return false
	}
	c.add(Finding{
		Code: CodeNodeNameNoNode, Severity: SeverityWarning, Field: podSpecPath().Child("nodeName").String(),
		Message: "No node is named " + name + ". The DaemonSet runs nowhere.",
		Fix:     "Remove nodeName. To choose nodes, use nodeSelector.",
	})
	return true
}

// wellFormedSelector returns the nodeSelector without its malformed labels, which have a finding
// already (NodeSelectorMalformed).
func (c *checker) wellFormedSelector() map[string]string {
	selector := maps.Clone(c.spec.NodeSelector)
	maps.DeleteFunc(selector, func(key, value string) bool {
		return podspec.NodeSelector(nil, map[string]string{key: value}) != nil
	})
	return selector
}

// nodeSelectorNoNode reports each label that no node has. If each label is on some node
// and no node has them all, it reports the nodeSelector as a whole.
func (c *checker) nodeSelectorNoNode() bool {
	if !c.excludesAll(corev1.PodSpec{NodeSelector: c.spec.NodeSelector}, placement.ReasonNodeSelector) {
		return false
	}
	path, selector := podSpecPath().Child("nodeSelector"), c.wellFormedSelector()
	if !c.excludesAll(corev1.PodSpec{NodeSelector: selector}, placement.ReasonNodeSelector) {
		return true
	}
	f := Finding{
		Code: CodeNodeSelectorNoNode, Severity: SeverityWarning,
		Fix: "Correct the nodeSelector or label nodes, unless matching nodes will be added.",
	}
	found := false
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		value := selector[key]
		same, other := 0, 0
		for _, node := range c.nodes {
			switch got, ok := node.Labels[key]; {
			case ok && got == value:
				same++
			case ok:
				other++
			}
		}
		if same > 0 {
			continue
		}
		found = true
		f.Field = path.Key(key).String()
		f.Message = "No node has the label " + orQuotes(key) + "=" + value
		if other > 0 {
			f.Message += fmt.Sprintf(" (%d of %d %s another value)", other, len(c.nodes), plural(other, "has", "have"))
		}
		f.Message += ". The DaemonSet runs nowhere."
		c.add(f)
	}
	if !found {
		f.Field = path.String()
		f.Message = "No node has all labels of the nodeSelector. The DaemonSet runs nowhere."
		c.add(f)
	}
	return true
}

func (c *checker) nodeAffinityNoNode() bool {
	required := requiredNodeAffinity(c.spec)
	if required == nil {
		return false
	}
	if !c.excludesAll(requireNodes(required), placement.ReasonNodeAffinity) {
		return false
	}
	c.add(Finding{
		Code: CodeNodeAffinityNoNode, Severity: SeverityWarning, Field: requiredNodeAffinityPath().String(),
		Message: "No node matches the required node affinity. The DaemonSet runs nowhere.",
		Fix:     "Correct the affinity or label nodes, unless matching nodes will be added.",
	})
	return true
}

func (c *checker) noEligibleNode() {
	c.add(Finding{
		Code: CodeNoEligibleNode, Severity: SeverityWarning, Field: podSpecPath().String(),
		Message: "The DaemonSet runs nowhere: " + c.matcher.Summarize(c.nodes).String() + ".",
		Fix:     "Tolerate the taints, or select more nodes.",
	})
}
