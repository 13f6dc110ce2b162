package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

func requiredAffinity(spec *corev1.PodSpec) *corev1.NodeSelector {
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return nil
	}
	return spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
}

func requiredAffinityPath() *field.Path {
	return podSpecPath().Child("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
}

// placement looks for terms that count for nothing and for reasons why no node is
// eligible.
func (l *linter) placement() {
	for _, err := range l.matcher.Malformed() {
		f := Finding{
			Code: LintAffinityMalformed, Severity: SeverityError, Field: templatePath().String() + "." + err.Field,
			Message: "The term does not parse and is passed over: " + err.ErrorBody() + ".",
			Fix:     "Correct it; the API server refuses it as it is.",
		}
		if strings.HasPrefix(err.Field, "spec.tolerations") {
			f.Code = LintTolerationMalformed
			f.Message = "The toleration tolerates nothing: " + err.ErrorBody() + "."
		}
		l.add(f)
	}
	hopeless := l.emptyTerms()
	if len(l.nodes) == 0 || len(l.eligible) > 0 {
		return
	}
	found := l.nodeNameNoNode()
	found = l.nodeSelectorNoNode() || found
	found = hopeless || l.affinityNoNode() || found
	if !found {
		l.noEligibleNode()
	}
}

// emptyTerms reports whether the required node affinity can match nothing at all.
func (l *linter) emptyTerms() bool {
	required := requiredAffinity(l.spec)
	if required == nil {
		return false
	}
	path := requiredAffinityPath().Child("nodeSelectorTerms")
	malformed := make(map[string]bool)
	for _, err := range l.matcher.Malformed() {
		term, _, _ := strings.Cut(templatePath().String()+"."+err.Field, "]")
		malformed[term+"]"] = true
	}
	var empty []string
	dead := 0
	for i := range required.NodeSelectorTerms {
		term, at := &required.NodeSelectorTerms[i], path.Index(i).String()
		if len(term.MatchExpressions)+len(term.MatchFields) == 0 {
			empty = append(empty, at)
			dead++
		} else if malformed[at] {
			dead++
		}
	}
	hopeless := dead == len(required.NodeSelectorTerms)
	if len(required.NodeSelectorTerms) == 0 {
		l.add(Finding{
			Code: LintAffinityEmpty, Severity: SeverityError, Field: path.String(),
			Message: "A required node affinity without terms matches no node; the API server refuses it.",
			Fix:     "Remove it to match every node, or add a term.",
		})
	}
	for _, at := range empty {
		f := Finding{
			Code: LintAffinityEmpty, Severity: SeverityWarning, Field: at,
			Message: "An empty term matches no node, not every node.",
			Fix:     "Remove the term or fill it; to match every node remove the required node affinity.",
		}
		if hopeless {
			f.Severity = SeverityError
			f.Message = "An empty term matches no node, not every node, and no other term is left, so that the DaemonSet runs nowhere."
		}
		l.add(f)
	}
	return hopeless
}

// undecidedBy returns on how many nodes something else than the given reason
// decides, for a template of the given spec.
func (l *linter) undecidedBy(reason placement.Reason, spec corev1.PodSpec) int {
	matcher := placement.Compile(&corev1.PodTemplateSpec{Spec: spec}, l.options)
	n := 0
	for _, node := range l.nodes {
		if matcher.Decide(node).Reason != reason {
			n++
		}
	}
	return n
}

func (l *linter) nodeNameNoNode() bool {
	name := l.spec.NodeName
	if l.undecidedBy(placement.ReasonNodeName, corev1.PodSpec{NodeName: name}) > 0 {
		return false
	}
	l.add(Finding{
		Code: LintNodeNameNoNode, Severity: SeverityWarning, Field: podSpecPath().Child("nodeName").String(),
		Message: fmt.Sprintf("None of %s is named %s, so that the DaemonSet runs nowhere.", counted(len(l.nodes), "node"), name),
		Fix:     "Remove nodeName; to choose nodes use nodeSelector.",
	})
	return true
}

func (l *linter) nodeSelectorNoNode() bool {
	selector := l.spec.NodeSelector
	if l.undecidedBy(placement.ReasonNodeSelector, corev1.PodSpec{NodeSelector: selector}) > 0 {
		return false
	}
	path := podSpecPath().Child("nodeSelector")
	f := Finding{
		Code: LintNodeSelectorNoNode, Severity: SeverityWarning,
		Fix: "Correct the selector or label the nodes, unless such nodes are still to come.",
	}
	alone := false
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		value := selector[key]
		has, otherwise := 0, 0
		for _, node := range l.nodes {
			switch got, ok := node.Labels[key]; {
			case ok && got == value:
				has++
			case ok:
				otherwise++
			}
		}
		if has > 0 {
			continue
		}
		alone = true
		f.Field = path.Key(key).String()
		f.Message = fmt.Sprintf("None of %s has the label %s=%s", counted(len(l.nodes), "node"), key, value)
		if otherwise > 0 {
			f.Message += fmt.Sprintf(" (%d with another value)", otherwise)
		}
		f.Message += ", so that the DaemonSet runs nowhere."
		l.add(f)
	}
	if !alone {
		f.Field = path.String()
		f.Message = fmt.Sprintf("None of %s has all labels of the selector, so that the DaemonSet runs nowhere.", counted(len(l.nodes), "node"))
		l.add(f)
	}
	return true
}

func (l *linter) affinityNoNode() bool {
	required := requiredAffinity(l.spec)
	if required == nil {
		return false
	}
	affinity := &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}
	if l.undecidedBy(placement.ReasonNodeAffinity, corev1.PodSpec{Affinity: affinity}) > 0 {
		return false
	}
	l.add(Finding{
		Code: LintAffinityNoNode, Severity: SeverityWarning, Field: requiredAffinityPath().String(),
		Message: fmt.Sprintf("None of %s matches the required node affinity, so that the DaemonSet runs nowhere.", counted(len(l.nodes), "node")),
		Fix:     "Correct the affinity or label the nodes, unless such nodes are still to come.",
	})
	return true
}

func (l *linter) noEligibleNode() {
	l.add(Finding{
		Code: LintNoEligibleNode, Severity: SeverityWarning, Field: podSpecPath().String(),
		Message: "The DaemonSet runs nowhere: " + l.matcher.Summarize(l.nodes).String() + ".",
		Fix:     "Tolerate the taints, or widen what selects the nodes.",
	})
}

// kubeletLabels are those of kubernetes.io and k8s.io that a kubelet may set
// (KubeletLabels@v0.37.2).
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

// selfSettable reports whether a kubelet may give the label to its own node
// (getForbiddenLabels@v1.37.2).
func selfSettable(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	within := func(parent string) bool { return domain == parent || strings.HasSuffix(domain, "."+parent) }
	if !found || !within("kubernetes.io") && !within("k8s.io") {
		return true
	}
	return slices.Contains(kubeletLabels, key) ||
		within(corev1.LabelNamespaceSuffixKubelet) || within(corev1.LabelNamespaceSuffixNode)
}

func (l *linter) selfSetLabels() {
	path := podSpecPath().Child("nodeSelector")
	for _, key := range slices.Sorted(maps.Keys(l.spec.NodeSelector)) {
		l.selfSetLabel(path.Key(key), key)
	}
	required := requiredAffinity(l.spec)
	if required == nil {
		return
	}
	path = requiredAffinityPath().Child("nodeSelectorTerms")
	for i := range required.NodeSelectorTerms {
		for j, requirement := range required.NodeSelectorTerms[i].MatchExpressions {
			switch requirement.Operator {
			case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpExists, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
				l.selfSetLabel(path.Index(i).Child("matchExpressions").Index(j).Child("key"), requirement.Key)
			}
		}
	}
}

// selfSetLabel judges a label that nodes must have.
func (l *linter) selfSetLabel(path *field.Path, key string) {
	if selfSettable(key) {
		return
	}
	f := Finding{
		Code: LintLabelNotSelfSet, Severity: SeverityInfo, Field: path.String(),
		Message: "Kubelets may not set " + key + " on their own node, so that a new node has no daemon pod until something else labels it.",
		Fix:     "See to it that what creates nodes sets the label through the API, not by --node-labels.",
	}
	has := func(node *corev1.Node) bool { _, ok := node.Labels[key]; return ok }
	if len(l.nodes) > 0 && !slices.ContainsFunc(l.nodes, has) {
		f.Severity = SeverityWarning
		f.Message = "No node has the label " + key + ", and kubelets may not set it on their own node: something else has to, or no node ever matches."
	}
	l.add(f)
}

func (l *linter) operatingSystem() {
	byOS := make(map[string][]*corev1.Node)
	for _, node := range l.eligible {
		if os := node.Labels[corev1.LabelOSStable]; os != "" {
			byOS[os] = append(byOS[os], node)
		}
	}
	systems := slices.Sorted(maps.Keys(byOS))
	if l.spec.OS != nil {
		want := string(l.spec.OS.Name)
		var others []string
		for os, nodes := range byOS {
			if os != want {
				others = append(others, nodeNames(nodes)...)
			}
		}
		if len(others) > 0 {
			slices.Sort(others)
			l.add(Finding{
				Code: LintOSMismatch, Severity: SeverityError, Field: podSpecPath().Child("os", "name").String(), Nodes: others,
				Message: fmt.Sprintf("The pods are for %s, and %s of %d eligible %s something else (%s): kubelets there reject each pod, and the controller creates the next.",
					want, counted(len(others), "node"), len(l.eligible), oneOrMany(len(others), "runs", "run"), listNames(others)),
				Fix: fmt.Sprintf("Select nodes with %s=%s; spec.os by itself selects none.", corev1.LabelOSStable, want),
			})
		}
		return
	}
	if len(systems) > 1 {
		l.add(Finding{
			Code: LintOSMixed, Severity: SeverityWarning, Field: podSpecPath().Child("nodeSelector").String(),
			Message: "Eligible nodes run " + strings.Join(systems, " and ") + "; where the image has no variant for the node, pods never start and use up the budget of every rollout.",
			Fix:     "Select nodes by " + corev1.LabelOSStable + ", with one DaemonSet for each.",
		})
	}
}
