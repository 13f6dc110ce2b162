package lint

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// podLabels returns the labels of a pod of the revision with the given hash.
func (c *checker) podLabels(hash string) map[string]string {
	out := make(map[string]string, len(c.ds.Spec.Template.Labels)+1)
	maps.Copy(out, c.ds.Spec.Template.Labels)
	out[c.naming.RevisionHashLabel] = hash
	return out
}

// match is whether a term matches pods of the DaemonSet.
type match int

const (
	matchNone match = iota
	// matchMaybe: the term matches the pods if they run in one of its namespaces. The
	// namespace of the DaemonSet is unknown.
	matchMaybe
	matchCertain
)

// severity returns the severity of what is an error if the term matches.
func (m match) severity() Severity {
	if m == matchMaybe {
		return SeverityWarning
	}
	return SeverityError
}

// sentence returns the first sentence of a message, without a full stop.
func (m match) sentence() string {
	if m == matchMaybe {
		return "The term matches the DaemonSet's own pods if they run in one of its namespaces"
	}
	return "The term matches the DaemonSet's own pods"
}

// selects returns whether the term, of a pod with the labels own, matches another pod
// of the DaemonSet with the labels other. The values of matchLabelKeys and
// mismatchLabelKeys are those of the pod that has the term
// (applyMatchLabelKeysAndMismatchLabelKeys@v1.37.2).
func (c *checker) selects(term *corev1.PodAffinityTerm, own, other map[string]string) match {
	if term.LabelSelector == nil {
		return matchNone
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
	if err != nil || !matches.Matches(labels.Set(other)) {
		return matchNone
	}
	return c.selectsNamespace(term)
}

// selectsNamespace returns whether the term applies to the DaemonSet's own namespace:
// without namespaces and namespaceSelector it does, otherwise to the namespaces that
// either selects (PodAffinityTerm@v0.37.2). Of the labels of a namespace only its name
// is known. A selector that needs others counts as no match.
func (c *checker) selectsNamespace(term *corev1.PodAffinityTerm) match {
	selector := term.NamespaceSelector
	if len(term.Namespaces) == 0 && selector == nil {
		return matchCertain
	}
	matches, err := metav1.LabelSelectorAsSelector(selector) // none for nil
	byName := selector != nil && err == nil && needsOnlyName(selector)
	switch name := c.ds.Namespace; {
	case err == nil && matches.Empty():
		return matchCertain
	case name == "" && (len(term.Namespaces) > 0 || byName):
		return matchMaybe
	case slices.Contains(term.Namespaces, name), byName && matches.Matches(labels.Set{corev1.LabelMetadataName: name}):
		return matchCertain
	default:
		return matchNone
	}
}

// needsOnlyName reports whether the selector looks only at the label with the name,
// which the API server gives every namespace.
func needsOnlyName(selector *metav1.LabelSelector) bool {
	for key := range selector.MatchLabels {
		if key != corev1.LabelMetadataName {
			return false
		}
	}
	return !slices.ContainsFunc(selector.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool { return r.Key != corev1.LabelMetadataName })
}

// domains groups the names of the eligible nodes by the value of a label. A node
// without the label is in no domain.
func (c *checker) domains(topologyKey string) map[string][]string {
	out := make(map[string][]string)
	for _, node := range c.eligible {
		if value, ok := node.Labels[topologyKey]; ok {
			out[value] = append(out[value], node.Name)
		}
	}
	return out
}

func (c *checker) podAffinity() {
	affinity := c.spec.Affinity
	if affinity == nil {
		return
	}
	if anti := affinity.PodAntiAffinity; anti != nil {
		path := podSpecPath().Child("affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
		for i := range anti.RequiredDuringSchedulingIgnoredDuringExecution {
			term := &anti.RequiredDuringSchedulingIgnoredDuringExecution[i]
			c.antiAffinitySelf(path.Index(i), term)
			c.surgeAntiAffinity(path.Index(i), term)
		}
	}
	if pod := affinity.PodAffinity; pod != nil {
		path := podSpecPath().Child("affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
		c.affinitySelf(path, pod.RequiredDuringSchedulingIgnoredDuringExecution)
	}
}

// antiAffinitySelf checks pods of one revision on different nodes.
func (c *checker) antiAffinitySelf(path *field.Path, term *corev1.PodAffinityTerm) {
	own := c.podLabels(someHash)
	m := c.selects(term, own, own)
	if m == matchNone {
		return
	}
	f := Finding{
		Code: CodePodAntiAffinitySelf, Severity: m.severity(), Field: path.Child("topologyKey").String(),
		Fix: "Remove the term, or select only one node for each value.",
	}
	if len(c.nodes) == 0 {
		if term.TopologyKey == corev1.LabelHostname || term.TopologyKey == "" {
			return
		}
		f.Severity = SeverityWarning
		f.Message = fmt.Sprintf("%s. Among nodes with the same value of %s, only one gets its pod.", m.sentence(), term.TopologyKey)
		c.add(f)
		return
	}
	pending, shared := 0, 0
	for _, nodes := range c.domains(term.TopologyKey) {
		if len(nodes) > 1 {
			pending, shared = pending+len(nodes)-1, shared+1
			f.Nodes = append(f.Nodes, nodes...)
		}
	}
	if pending == 0 {
		return
	}
	slices.Sort(f.Nodes)
	f.Message = fmt.Sprintf("%s. %s share %s of %s, and %s %s Pending.",
		m.sentence(), counted(len(f.Nodes), "eligible node"), counted(shared, "value"), orQuotes(term.TopologyKey), counted(pending, "pod"), plural(pending, "stays", "stay"))
	c.add(f)
}

// surgeAntiAffinity checks pods of two revisions on one node. Both have the term, so
// one direction is enough (satisfyPodAntiAffinity@v1.37.2).
func (c *checker) surgeAntiAffinity(path *field.Path, term *corev1.PodAffinityTerm) {
	if !c.surges() {
		return
	}
	m := c.selects(term, c.podLabels(someHash), c.podLabels(otherHash))
	if m == matchNone {
		return
	}
	// A node without the label is in no domain, and the term has no effect there.
	if len(c.nodes) > 0 && len(c.domains(term.TopologyKey)) == 0 {
		return
	}
	c.add(Finding{
		Code: CodeSurgePodAntiAffinity, Severity: m.severity(), Field: path.String(),
		Message: m.sentence() + ". With maxSurge the new pod never starts beside the old one, and the rollout gets stuck.",
		Fix:     "Add " + c.naming.RevisionHashLabel + " to its matchLabelKeys, or use maxUnavailable instead of maxSurge.",
	})
}

// affinitySelf checks terms that all match the DaemonSet's own pods. Only then may
// the first pod start with no other pod near it (satisfiesSelfAffinityCheck@v1.37.2).
func (c *checker) affinitySelf(path *field.Path, terms []corev1.PodAffinityTerm) {
	own := c.podLabels(someHash)
	found := make([]match, len(terms))
	for i := range terms {
		if found[i] = c.selects(&terms[i], own, own); found[i] == matchNone {
			return
		}
	}
	for i := range terms {
		domains := len(c.domains(terms[i].TopologyKey))
		if domains < 2 {
			continue
		}
		c.add(Finding{
			Code: CodePodAffinitySelf, Severity: SeverityWarning, Field: path.Index(i).Child("topologyKey").String(),
			Message: fmt.Sprintf("%s. Eligible nodes have %d values of %s. Once the first pod runs, the pods of the other values stay Pending.", found[i].sentence(), domains, orQuotes(terms[i].TopologyKey)),
			Fix:     "Remove the term, or match only pods of other workloads.",
		})
	}
}
