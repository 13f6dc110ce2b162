package overhead

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pernode/daemonset/placement"
)

// A label that is not known may have any of countless values. A DaemonSet can tell few of them
// apart: those that it names, and integers on either side of those that it compares with. So
// one value of each kind stands for all, and package placement decides about it.

// option is a state that a label, or the name of a node, may be in. The zero option is a label
// that is missing.
type option struct {
	value   string
	present bool
}

// set gives the label of a node this state.
func (o option) set(labels map[string]string, key string) {
	if o.present {
		labels[key] = o.value
	} else {
		delete(labels, key)
	}
}

// label is a label that a DaemonSet asks for.
type label struct {
	key     string
	number  int // in Daemons.labels
	words   vocabulary
	entry   *string              // what the node selector asks for, if it does
	asks    []*placement.Matcher // one for each requirement
	options []option             // one of each kind that asks tell apart
}

// vocabulary is what requirements say about one label.
type vocabulary struct {
	values []string // of In, NotIn and node selectors
	bounds []int64  // of Gt and Lt
}

func (v *vocabulary) add(r *corev1.NodeSelectorRequirement) {
	switch r.Operator {
	case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn:
		v.values = append(v.values, r.Values...)
	case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		if len(r.Values) == 1 {
			if n, err := strconv.ParseInt(r.Values[0], 10, 64); err == nil {
				v.bounds = append(v.bounds, n)
			}
		}
	}
}

// options returns one option for each group of label values that the requirements treat alike:
// each value that a node can have; another value, which is not an integer; for each range
// between two bounds another integer; and the missing label.
func (v *vocabulary) options() []option {
	var found []option
	named := make(map[string]bool, len(v.values))
	for _, value := range v.values {
		if !named[value] && isLabelValue(value) {
			found = append(found, option{value, true})
		}
		named[value] = true
	}
	found = append(found, option{fresh("x", named), true})

	// Labels have no sign, so that no integer is below zero.
	bounds := slices.Clone(v.bounds)
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	from := int64(0)
	for _, bound := range bounds {
		if bound < from {
			continue
		}
		if bound > from {
			found = appendInteger(found, from, bound-1, named)
		}
		found = appendInteger(found, bound, bound, named)
		if bound == math.MaxInt64 {
			return append(found, option{})
		}
		from = bound + 1
	}
	if len(bounds) > 0 {
		found = appendInteger(found, from, math.MaxInt64, named)
	}
	return append(found, option{})
}

// isLabelValue is IsValidLabelValue@v0.37.2 without its regular expression: there are pools that
// list a thousand types of machines.
func isLabelValue(value string) bool {
	for i := range len(value) {
		switch c := value[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-' || c == '_' || c == '.':
			if i == 0 || i == len(value)-1 {
				return false
			}
		default:
			return false
		}
	}
	return len(value) <= validation.LabelValueMaxLength
}

// fresh returns the first of s, s1, s2 and so on that is not named.
func fresh(s string, named map[string]bool) string {
	word := s
	for n := 1; named[word]; n++ {
		word = s + strconv.Itoa(n)
	}
	return word
}

// appendInteger appends a label value that is an integer from the range and not named, if there
// is one. An integer may have leading zeros.
func appendInteger(found []option, from, to int64, named map[string]bool) []option {
	for n := from; ; n++ {
		for word := strconv.FormatInt(n, 10); len(word) <= validation.LabelValueMaxLength; word = "0" + word {
			if !named[word] {
				return append(found, option{word, true})
			}
		}
		if n == to {
			return found
		}
	}
}

// distinct returns the first option of each kind that the requirements tell apart.
func distinct(key string, options []option, asks []*placement.Matcher) []option {
	var found []option
	for i, kind := range kinds(key, options, asks) {
		if kind == len(found) {
			found = append(found, options[i])
		}
	}
	return found
}

// kinds numbers the kinds of options that the requirements tell apart, in the order in which
// they come up.
func kinds(key string, options []option, asks []*placement.Matcher) []int {
	seen := make(map[string]int)
	answers := make([]byte, len(asks))
	found := make([]int, len(options))
	node := &corev1.Node{}
	node.Labels = make(map[string]string, 1)
	for n, o := range options {
		o.set(node.Labels, key)
		for i, ask := range asks {
			answers[i] = '0'
			if ask.Decide(node).Run {
				answers[i] = '1'
			}
		}
		kind, ok := seen[string(answers)]
		if !ok {
			kind = len(seen)
			seen[string(answers)] = kind
		}
		found[n] = kind
	}
	return found
}

// dictionary reads templates.
type dictionary struct {
	asks  map[string]*placement.Matcher // by requirement, because DaemonSets resemble each other
	names map[string]bool               // all node names that a template mentions
	rules map[string]int                // of templates read before, in Daemons.rules
}

func newDictionary() *dictionary {
	return &dictionary{asks: make(map[string]*placement.Matcher), names: make(map[string]bool), rules: make(map[string]int)}
}

// freshName returns a name that no template mentions.
func (d *dictionary) freshName() string { return fresh("a", d.names) }

// read returns the labels that a template asks for, by key, and the names that it can tell
// apart. There are none if it has no rule about names.
func (d *dictionary) read(template *corev1.PodTemplateSpec, matcher *placement.Matcher) ([]label, []string) {
	spec := &template.Spec
	labels := make(map[string]*label)
	at := func(key string) *label {
		if labels[key] == nil {
			labels[key] = &label{key: key}
		}
		return labels[key]
	}
	for key, value := range spec.NodeSelector {
		l := at(key)
		l.words.values = append(l.words.values, value)
		l.entry = new(value)
		l.asks = append(l.asks, d.asksEntry(key, value))
	}
	var names []string
	if spec.NodeName != "" {
		names = append(names, spec.NodeName)
	}
	for _, term := range requiredTerms(spec) {
		for i := range term.MatchExpressions {
			r := &term.MatchExpressions[i]
			ask := d.asksRequirement(r)
			if ask.Malformed() != nil {
				continue // Its term matches nothing.
			}
			l := at(r.Key)
			l.words.add(r)
			l.asks = append(l.asks, ask)
		}
		for i := range term.MatchFields {
			if r := &term.MatchFields[i]; r.Key == metav1.ObjectNameField {
				names = append(names, r.Values...)
			}
		}
	}
	out := make([]label, 0, len(labels))
	for _, l := range labels {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b label) int { return strings.Compare(a.key, b.key) })
	for i := range out {
		out[i].options = distinct(out[i].key, out[i].words.options(), out[i].asks)
	}
	if !matcher.NeedsName() {
		return out, nil
	}
	return out, d.nodeNames(names)
}

// nodeNames returns the mentioned names that a node can have, and one other name.
func (d *dictionary) nodeNames(mentioned []string) []string {
	named := make(map[string]bool, len(mentioned))
	var found []string
	for _, name := range mentioned {
		if !named[name] && len(validation.IsDNS1123Subdomain(name)) == 0 {
			found = append(found, name)
		}
		named[name], d.names[name] = true, true
	}
	return append(found, fresh("a", named))
}

func requiredTerms(spec *corev1.PodSpec) []corev1.NodeSelectorTerm {
	if a := spec.Affinity; a != nil && a.NodeAffinity != nil && a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		return a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	}
	return nil
}

// asksEntry returns a Matcher for an entry of a node selector alone.
func (d *dictionary) asksEntry(key, value string) *placement.Matcher {
	return d.matcher(fmt.Sprintf("%q=%q", key, value), corev1.PodSpec{NodeSelector: map[string]string{key: value}})
}

// asksRequirement returns a Matcher for a requirement alone.
func (d *dictionary) asksRequirement(r *corev1.NodeSelectorRequirement) *placement.Matcher {
	return d.matcher(fmt.Sprintf("%q %q %q", r.Key, r.Operator, r.Values), corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{*r}}},
		},
	}}})
}

func (d *dictionary) matcher(id string, spec corev1.PodSpec) *placement.Matcher {
	m := d.asks[id]
	if m == nil {
		m = placement.Compile(&corev1.PodTemplateSpec{Spec: spec}, placement.Options{}) // These are about taints.
		d.asks[id] = m
	}
	return m
}
