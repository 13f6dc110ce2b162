package daemon

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// podLabels are those of a pod of the template and of a revision.
func podLabels(template *corev1.PodTemplateSpec, hash string) map[string]string {
	out := make(map[string]string, len(template.Labels)+1)
	maps.Copy(out, template.Labels)
	out[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	return out
}

// selects reports whether the term, of a pod with the labels own, matches another
// pod of the DaemonSet with the labels other. Label keys to match are taken from
// the pod that has the term (applyMatchLabelKeysAndMismatchLabelKeys@v1.37.2).
// Where namespaces decide that are not known here, it does not.
func (l *linter) selects(term *corev1.PodAffinityTerm, own, other map[string]string) bool {
	if term.LabelSelector == nil {
		return false
	}
	here := len(term.Namespaces) == 0 && term.NamespaceSelector == nil ||
		slices.Contains(term.Namespaces, l.ds.Namespace) ||
		term.NamespaceSelector != nil && len(term.NamespaceSelector.MatchLabels)+len(term.NamespaceSelector.MatchExpressions) == 0
	if !here {
		return false
	}
	selector := term.LabelSelector.DeepCopy()
	add := func(keys []string, operator metav1.LabelSelectorOperator) {
		for _, key := range keys {
			if value, ok := own[key]; ok {
				selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: operator, Values: []string{value}})
			}
		}
	}
	add(term.MatchLabelKeys, metav1.LabelSelectorOpIn)
	add(term.MismatchLabelKeys, metav1.LabelSelectorOpNotIn)
	matches, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && matches.Matches(labels.Set(other))
}

// domains groups the eligible nodes by the value of a label; nodes without it are
// in no domain.
func (l *linter) domains(topologyKey string) map[string][]*corev1.Node {
	out := make(map[string][]*corev1.Node)
	for _, node := range l.eligible {
		if value, ok := node.Labels[topologyKey]; ok {
			out[value] = append(out[value], node)
		}
	}
	return out
}

func (l *linter) podAffinity() {
	affinity := l.spec.Affinity
	if affinity == nil {
		return
	}
	if anti := affinity.PodAntiAffinity; anti != nil {
		path := podSpecPath().Child("affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
		for i := range anti.RequiredDuringSchedulingIgnoredDuringExecution {
			term := &anti.RequiredDuringSchedulingIgnoredDuringExecution[i]
			l.antiAffinityDomain(path.Index(i), term)
			l.surgeAntiAffinity(path.Index(i), term)
		}
	}
	if pod := affinity.PodAffinity; pod != nil {
		l.podAffinitySelf(pod.RequiredDuringSchedulingIgnoredDuringExecution)
	}
}

// antiAffinityDomain asks about pods of one revision on different nodes.
func (l *linter) antiAffinityDomain(path *field.Path, term *corev1.PodAffinityTerm) {
	own := podLabels(&l.ds.Spec.Template, foreignHash)
	if !l.selects(term, own, own) {
		return
	}
	f := Finding{
		Code: LintAntiAffinityDomain, Severity: SeverityError, Field: path.Child("topologyKey").String(),
		Fix: "Remove the term, or select one node for each value.",
	}
	if len(l.nodes) == 0 {
		if term.TopologyKey == corev1.LabelHostname || term.TopologyKey == "" {
			return
		}
		f.Severity = SeverityWarning
		f.Message = fmt.Sprintf("The term matches the DaemonSet's own pods: of all nodes with one value of %s only one gets its pod.", term.TopologyKey)
		l.add(f)
		return
	}
	pending, crowded := 0, 0
	for _, nodes := range l.domains(term.TopologyKey) {
		if len(nodes) > 1 {
			pending, crowded = pending+len(nodes)-1, crowded+1
			f.Nodes = append(f.Nodes, nodeNames(nodes)...)
		}
	}
	if pending == 0 {
		return
	}
	slices.Sort(f.Nodes)
	f.Message = fmt.Sprintf("The term matches the DaemonSet's own pods, and %s share %s of %s: %s Pending.",
		counted(len(f.Nodes), "eligible node"), counted(crowded, "value"), term.TopologyKey, counted(pending, "pod")+" "+oneOrMany(pending, "stays", "stay"))
	l.add(f)
}

// surgeAntiAffinity asks about pods of two revisions on one node. The scheduler
// looks at the terms of both (satisfyExistingPodsAntiAffinity@v1.37.2).
func (l *linter) surgeAntiAffinity(path *field.Path, term *corev1.PodAffinityTerm) {
	if !l.surges() {
		return
	}
	old, cur := podLabels(&l.ds.Spec.Template, foreignHash), podLabels(&l.ds.Spec.Template, foreignHash+"-2")
	if !l.selects(term, old, cur) && !l.selects(term, cur, old) {
		return
	}
	// Where no eligible node has the label, the term keeps nobody apart.
	if len(l.nodes) > 0 && len(l.domains(term.TopologyKey)) == 0 {
		return
	}
	l.add(Finding{
		Code: LintSurgeAntiAffinity, Severity: SeverityError, Field: path.String(),
		Message: "The term matches the DaemonSet's own pods, so that with maxSurge the new pod never starts beside the old one.",
		Fix:     "Add " + appsv1.DefaultDaemonSetUniqueLabelKey + " to its matchLabelKeys, or use maxUnavailable in place of maxSurge.",
	})
}

// podAffinitySelf looks at terms that the pods fulfil for each other; only then is
// the first pod of all free to start.
func (l *linter) podAffinitySelf(terms []corev1.PodAffinityTerm) {
	own := podLabels(&l.ds.Spec.Template, foreignHash)
	for i := range terms {
		if !l.selects(&terms[i], own, own) {
			return
		}
	}
	for i := range terms {
		domains := len(l.domains(terms[i].TopologyKey))
		if domains < 2 {
			continue
		}
		path := podSpecPath().Child("affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution").Index(i)
		l.add(Finding{
			Code: LintPodAffinitySelf, Severity: SeverityWarning, Field: path.Child("topologyKey").String(),
			Message: fmt.Sprintf("The term wants a pod like the DaemonSet's own to be near, and eligible nodes have %d values of %s: after the first pod those of the other values stay Pending.", domains, terms[i].TopologyKey),
			Fix:     "Remove the term, or have it match only pods of other workloads.",
		})
	}
}

func (l *linter) spread() {
	path := podSpecPath().Child("topologySpreadConstraints")
	for i := range l.spec.TopologySpreadConstraints {
		c := &l.spec.TopologySpreadConstraints[i]
		if c.WhenUnsatisfiable != corev1.DoNotSchedule {
			continue
		}
		var without []string
		for _, node := range l.eligible {
			if _, ok := node.Labels[c.TopologyKey]; !ok {
				without = append(without, node.Name)
			}
		}
		if len(without) == 0 {
			continue
		}
		l.add(Finding{
			Code: LintSpreadLabelMissing, Severity: SeverityError, Field: path.Index(i).Child("topologyKey").String(), Nodes: without,
			Message: fmt.Sprintf("%s (%s) without the label %s cannot take the pod: there it stays Pending.", counted(len(without), "eligible node"), listNames(without), c.TopologyKey),
			Fix:     "Remove the constraint: the controller spreads daemon pods, one to a node.",
		})
	}
}
