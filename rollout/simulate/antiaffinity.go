package simulate

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// ties are what the cluster needs to know about the terms of podAntiAffinity. It is made when
// the first pod has one.
type ties struct {
	// pods are the pods that occupy each node.
	pods map[string]map[podKey]bool
	// domains are the nodes of each label and value. It is made anew after a change of a node.
	domains map[string]map[string][]string
	// waiting are the nodes for which a pod waits because of a term, by the topologyKey of the
	// term and the value of the node.
	waiting map[string]map[string]map[string]bool
}

type podKey struct{ namespace, name string }

func (c *Cluster) tie() *ties {
	if c.ties == nil {
		c.ties = &ties{pods: make(map[string]map[podKey]bool), waiting: make(map[string]map[string]map[string]bool)}
		for _, ns := range c.namespaces {
			for _, p := range ns.pods {
				c.ties.change(nil, p.pod)
			}
		}
	}
	return c.ties
}

// change notes that a pod has changed, come or gone. t may be nil.
func (t *ties) change(old, cur *corev1.Pod) {
	if t == nil {
		return
	}
	if occupies(old) {
		on := t.pods[old.Spec.NodeName]
		if delete(on, podKey{old.Namespace, old.Name}); len(on) == 0 {
			delete(t.pods, old.Spec.NodeName)
		}
	}
	if occupies(cur) {
		on := t.pods[cur.Spec.NodeName]
		if on == nil {
			on = make(map[podKey]bool)
			t.pods[cur.Spec.NodeName] = on
		}
		on[podKey{cur.Namespace, cur.Name}] = true
	}
}

// wait notes that a pod waits for a node because of a term with a topologyKey.
func (t *ties) wait(node *corev1.Node, topologyKey string) {
	byValue := t.waiting[topologyKey]
	if byValue == nil {
		byValue = make(map[string]map[string]bool)
		t.waiting[topologyKey] = byValue
	}
	value := node.Labels[topologyKey]
	if byValue[value] == nil {
		byValue[value] = make(map[string]bool)
	}
	byValue[value][node.Name] = true
}

// retryTied lets the scheduler try the pods again that wait because of a term in a domain of a
// node, because a pod there has gone or has other labels. A node that does not exist is in no
// domain.
func (c *Cluster) retryTied(node string) {
	h := c.nodes[node]
	if c.ties == nil || h == nil {
		return
	}
	free := make(map[string]bool)
	for key, byValue := range c.ties.waiting {
		if value, ok := h.node.Labels[key]; ok {
			maps.Copy(free, byValue[value])
			delete(byValue, value)
		}
	}
	c.retryAll(free)
}

// retryAllTied lets the scheduler try all pods again that wait because of a term.
func (c *Cluster) retryAllTied() {
	free := make(map[string]bool)
	for _, byValue := range c.ties.waiting {
		for _, nodes := range byValue {
			maps.Copy(free, nodes)
		}
	}
	clear(c.ties.waiting)
	c.retryAll(free)
}

func (c *Cluster) retryAll(nodes map[string]bool) {
	for _, node := range slices.Sorted(maps.Keys(nodes)) {
		c.retry(node)
	}
}

// domain returns the nodes with the same value of a label, by name.
func (c *Cluster) domain(key, value string) []string {
	t := c.tie()
	byValue := t.domains[key]
	if byValue == nil {
		byValue = make(map[string][]string)
		for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
			if v, ok := c.nodes[name].node.Labels[key]; ok {
				byValue[v] = append(byValue[v], name)
			}
		}
		if t.domains == nil {
			t.domains = make(map[string]map[string][]string)
		}
		t.domains[key] = byValue
	}
	return byValue[value]
}

// antiAffinity returns the terms of the pod's required podAntiAffinity.
func antiAffinity(pod *corev1.Pod) []corev1.PodAffinityTerm {
	if affinity := pod.Spec.Affinity; affinity != nil && affinity.PodAntiAffinity != nil {
		return affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	}
	return nil
}

// selectorsOf returns the selectors of the terms of the pod's required podAntiAffinity.
func selectorsOf(pod *corev1.Pod) []labels.Selector {
	var out []labels.Selector
	terms := antiAffinity(pod)
	for i := range terms {
		out = append(out, selectorOf(&terms[i], pod))
	}
	return out
}

// parsedTerms are the terms of a pod's podAntiAffinity with their selectors, which also depend
// on the labels of the pod.
type parsedTerms struct {
	terms     []corev1.PodAffinityTerm
	labels    map[string]string
	selectors []labels.Selector
}

// selectors returns what selectorsOf returns for the pod. It parses them once for all times
// that the scheduler tries the pod.
func (p *stored) selectors() []labels.Selector {
	terms := antiAffinity(p.pod)
	if len(terms) == 0 {
		return nil
	}
	if t := p.parsed; t == nil || !sameList(t.terms, terms) || !maps.Equal(t.labels, p.pod.Labels) {
		p.parsed = &parsedTerms{terms, p.pod.Labels, selectorsOf(p.pod)}
	}
	return p.parsed.selectors
}

// repelledBy returns the first term of the pod's required podAntiAffinity that matches another
// pod in the domain of a node (satisfyPodAntiAffinity@v1.37.2). It returns nil if none does.
// selectors are those of the terms.
func (c *Cluster) repelledBy(node *corev1.Node, pod *corev1.Pod, selectors []labels.Selector) *corev1.PodAffinityTerm {
	terms := antiAffinity(pod)
	for i, selector := range selectors {
		value, ok := node.Labels[terms[i].TopologyKey]
		if !ok || selector == nil {
			continue
		}
		for _, name := range c.domain(terms[i].TopologyKey, value) {
			for key := range c.ties.pods[name] {
				if !selectsNamespace(&terms[i], pod.Namespace, key.namespace) {
					continue
				}
				if p, ok := c.namespace(key.namespace).pods[key.name]; ok && selector.Matches(labels.Set(p.pod.Labels)) {
					return &terms[i]
				}
			}
		}
	}
	return nil
}

// selectorOf returns the selector of a term with the values of the pod that has it
// (applyMatchLabelKeysAndMismatchLabelKeys@v1.37.2). It is nil if the term matches nothing.
func selectorOf(term *corev1.PodAffinityTerm, pod *corev1.Pod) labels.Selector {
	if term.LabelSelector == nil {
		return nil
	}
	selector := term.LabelSelector.DeepCopy()
	add := func(keys []string, operator metav1.LabelSelectorOperator) {
		for _, key := range keys {
			if value, ok := pod.Labels[key]; ok {
				selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: operator, Values: []string{value}})
			}
		}
	}
	add(term.MatchLabelKeys, metav1.LabelSelectorOpIn)
	add(term.MismatchLabelKeys, metav1.LabelSelectorOpNotIn)
	out, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil
	}
	return out
}

// selectsNamespace reports whether a term of a pod in one namespace applies to pods of another
// (PodAffinityTerm@v0.37.2). Of the labels of a namespace only its name is known. A selector
// that needs others applies to none.
func selectsNamespace(term *corev1.PodAffinityTerm, own, other string) bool {
	selector := term.NamespaceSelector
	if len(term.Namespaces) == 0 && selector == nil {
		return own == other
	}
	if slices.Contains(term.Namespaces, other) {
		return true
	}
	if selector == nil {
		return false
	}
	for key := range selector.MatchLabels {
		if key != corev1.LabelMetadataName {
			return false
		}
	}
	if slices.ContainsFunc(selector.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool { return r.Key != corev1.LabelMetadataName }) {
		return false
	}
	matches, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && matches.Matches(labels.Set{corev1.LabelMetadataName: other})
}
