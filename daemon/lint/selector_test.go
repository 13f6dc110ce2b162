package lint_test

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

func requireLabels(labels ...string) *metav1.LabelSelector {
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	for i := 0; i+1 < len(labels); i += 2 {
		selector.MatchLabels[labels[i]] = labels[i+1]
	}
	return selector
}

func selectorCases() []checkCase {
	selector := func(code lint.Code, name, why string, selector *metav1.LabelSelector, labels build.Labels, want ...string) checkCase {
		ds := soundSet(build.Set{Labels: labels})
		ds.Spec.Selector = selector
		return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: ds}, want: want}
	}
	expression := func(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
	}
	says := func(tc checkCase, says string) checkCase {
		tc.says = says
		return tc
	}
	named := func(tc checkCase, naming daemon.Naming) checkCase {
		tc.in.Naming = naming
		return tc
	}
	hash := appsv1.DefaultDaemonSetUniqueLabelKey

	return []checkCase{
		says(selector(lint.CodeSelectorEmpty, "missing", "required", nil, nil, "error spec.selector"), "releases each pod that it creates"),
		says(selector(lint.CodeSelectorEmpty, "empty", "selects every pod", &metav1.LabelSelector{}, nil, "error spec.selector"), "does nothing"),
		says(selector(lint.CodeSelectorEmpty, "empty map", "only a selector without any field stops the controller", requireLabels(), nil, "error spec.selector"), "adopts every pod"),
		says(selector(lint.CodeSelectorEmpty, "empty list", "only a selector without any field stops the controller",
			&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{}}, nil, "error spec.selector"), "adopts every pod"),
		selector(lint.CodeSelectorEmpty, "by expression", "selects something", expression("app", metav1.LabelSelectorOpExists), nil),
		selector(lint.CodeSelectorMalformed, "unknown operator", "does not parse", expression("app", "Near"), nil, "error spec.selector"),
		selector(lint.CodeSelectorMalformed, "In without values", "does not parse", expression("app", metav1.LabelSelectorOpIn), nil, "error spec.selector"),
		selector(lint.CodeSelectorMalformed, "well-formed", "parses", expression("app", metav1.LabelSelectorOpIn, "agent"), nil),
		selector(lint.CodeSelectorMismatch, "another value", "the template has another", requireLabels("app", "other"), nil, "error spec.template.metadata.labels"),
		selector(lint.CodeSelectorMismatch, "template without labels", "nothing to match", requireLabels("app", "agent"), build.Labels{}, "error spec.template.metadata.labels"),
		selector(lint.CodeSelectorMismatch, "one of two", "both are needed", requireLabels("app", "agent", "tier", "node"), nil, "error spec.template.metadata.labels"),
		selector(lint.CodeSelectorMismatch, "more labels", "extra labels do not matter", requireLabels("app", "agent"), build.Labels{"app": "agent", "x": "y"}),
		selector(lint.CodeSelectorMismatch, "malformed", "has a code of its own", expression("app", "Near"), build.Labels{}),
		selector(lint.CodeSelectorRevisionHash, "hash in both", "the controller puts its own there", requireLabels("app", "agent", hash, "x"), build.Labels{"app": "agent", hash: "x"}, "error spec.selector"),
		selector(lint.CodeSelectorRevisionHash, "hash must not exist", "it always does", expression(hash, metav1.LabelSelectorOpDoesNotExist), nil, "error spec.selector"),
		selector(lint.CodeSelectorRevisionHash, "hash in the selector only", "does not even match the template", requireLabels("app", "agent", hash, "x"), nil),
		named(selector(lint.CodeSelectorRevisionHash, "hash of a naming must not exist", "it always does", expression("x/hash", metav1.LabelSelectorOpDoesNotExist), nil, "error spec.selector"),
			daemon.Naming{RevisionHashLabel: "x/hash"}),
		named(selector(lint.CodeSelectorRevisionHash, "upstream's hash under a naming", "this controller does not set it", expression(hash, metav1.LabelSelectorOpDoesNotExist), nil),
			daemon.Naming{RevisionHashLabel: "x/hash"}),
		selector(lint.CodeSelectorRevisionHash, "any hash", "every pod has one", expression(hash, metav1.LabelSelectorOpExists), build.Labels{hash: "x"}),
	}
}
