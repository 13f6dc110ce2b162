package podspec

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

// fieldsOf returns the fields of errors.
func fieldsOf(errs field.ErrorList) []string {
	var fields []string
	for _, err := range errs {
		fields = append(fields, err.Field)
	}
	return fields
}

// TestNodeSelector: keys and values are those of labels, and the errors have the order of the keys.
func TestNodeSelector(t *testing.T) {
	path := field.NewPath("s")
	if errs := NodeSelector(path, map[string]string{"example.com/disk": "ssd", "gpu": ""}); errs != nil {
		t.Errorf("NodeSelector = %v, want no error", errs)
	}
	for range 20 {
		errs := NodeSelector(path, map[string]string{"z": "a=b=c", "a b": "x", "disk": "-", "ok": "ok"})
		if len(errs) != 3 || errs[0].BadValue != "a b" || errs[1].BadValue != "-" || errs[2].BadValue != "a=b=c" || errs[2].Field != "s" {
			t.Fatalf("NodeSelector = %v, want an error about a key and two about values", errs)
		}
	}
}

func TestToleration(t *testing.T) {
	const exists, equal, gt = corev1.TolerationOpExists, corev1.TolerationOpEqual, corev1.TolerationOpGt
	for _, tc := range []struct {
		name, why  string
		toleration corev1.Toleration
		opts       placement.Options
		want       []string
	}{
		{name: "every taint", why: "Exists without a key", toleration: corev1.Toleration{Operator: exists}},
		{name: "no operator", why: "is Equal", toleration: corev1.Toleration{Key: "example.com/a", Value: "b", Effect: corev1.TaintEffectPreferNoSchedule}},
		{name: "seconds", why: "NoExecute has them", toleration: corev1.Toleration{Key: "a", Operator: exists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: new(int64)}},
		{name: "seconds of another effect", why: "only NoExecute evicts", toleration: corev1.Toleration{Key: "a", Operator: exists, TolerationSeconds: new(int64)}, want: []string{"t.effect"}},
		{name: "key", why: "no label key", toleration: corev1.Toleration{Key: "a b", Operator: exists}, want: []string{"t.key"}},
		{name: "nothing", why: "Equal needs a key", want: []string{"t.operator"}},
		{name: "value of Exists", why: "it has none", toleration: corev1.Toleration{Key: "a", Operator: exists, Value: "b"}, want: []string{"t.operator"}},
		{name: "value of Equal", why: "no label value", toleration: corev1.Toleration{Key: "a", Operator: equal, Value: "b=c"}, want: []string{"t.operator"}},
		{name: "effect", why: "the case counts", toleration: corev1.Toleration{Key: "a", Operator: exists, Effect: "noexecute"}, want: []string{"t.effect"}},
		{name: "operator", why: "there is none of that name", toleration: corev1.Toleration{Key: "a", Operator: "exists"}, want: []string{"t.operator"}},
		{name: "gate", why: "it is off by default", toleration: corev1.Toleration{Key: "a", Operator: gt, Value: "x"}, want: []string{"t.operator"}},
		{name: "number", why: "the gate is on", toleration: corev1.Toleration{Key: "a", Operator: gt, Value: "5"}, opts: placement.Options{ComparisonOperators: true}},
		{name: "no number", why: "the gate is on", toleration: corev1.Toleration{Key: "a", Operator: gt, Value: "05"}, opts: placement.Options{ComparisonOperators: true}, want: []string{"t.value"}},
		{name: "large number", why: "it has to fit", toleration: corev1.Toleration{Key: "a", Operator: gt, Value: "9223372036854775808"}, opts: placement.Options{ComparisonOperators: true}, want: []string{"t.value"}},
		{name: "all at once", why: "each has its error", toleration: corev1.Toleration{Value: "b=c", Effect: "x", TolerationSeconds: new(int64)}, want: []string{"t.operator", "t.effect", "t.operator", "t.effect"}},
	} {
		if got := fieldsOf(Toleration(field.NewPath("t"), &tc.toleration, tc.opts)); !slices.Equal(got, tc.want) {
			t.Errorf("%s: Toleration: errors at %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

// TestValidateUpdate: the whole spec is validated again, and three kinds of faults are no errors if the
// old spec has one of the kind.
func TestValidateUpdate(t *testing.T) {
	tolerating := func(tolerations ...corev1.Toleration) corev1.PodSpec {
		return corev1.PodSpec{Tolerations: tolerations}
	}
	affinity := func(op corev1.NodeSelectorOperator, values ...string) corev1.PodSpec {
		return corev1.PodSpec{Affinity: build.Require(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: op, Values: values}}})}
	}
	overhead := func(pages, cpu string) corev1.PodSpec {
		return corev1.PodSpec{Overhead: corev1.ResourceList{"hugepages-2Mi": resource.MustParse(pages), "cpu": resource.MustParse(cpu)}}
	}
	container := func(pages string) corev1.PodSpec {
		return corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Limits: overhead(pages, "1").Overhead}}}}
	}
	effect := corev1.Toleration{Key: "a", Operator: corev1.TolerationOpExists, Effect: "noexecute"}
	more := corev1.Toleration{Key: "a", Operator: corev1.TolerationOpGt, Value: "5"}
	less := corev1.Toleration{Key: "b", Operator: corev1.TolerationOpLt, Value: "05"}
	const terms = "s.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]"
	for _, tc := range []struct {
		name, why string
		old, spec corev1.PodSpec
		want      []string
	}{
		{name: "well", why: "nothing is wrong", old: tolerating(effect)},
		{name: "the same toleration", why: "it is validated again", old: tolerating(effect), spec: tolerating(effect), want: []string{"s.tolerations[0].effect"}},
		{name: "the same node selector", why: "so is that", old: corev1.PodSpec{NodeSelector: build.Labels{"a b": ""}}, spec: corev1.PodSpec{NodeSelector: build.Labels{"a b": ""}}, want: []string{"s.nodeSelector"}},
		{name: "Gt", why: "the gate is off", spec: tolerating(more), want: []string{"s.tolerations[0].operator"}},
		{name: "Lt beside a stored Gt", why: "the operators are known, and 05 is no number", old: tolerating(more), spec: tolerating(more, less), want: []string{"s.tolerations[1].value"}},
		{name: "Gt beside a stored effect", why: "another kind of fault", old: tolerating(effect), spec: tolerating(more), want: []string{"s.tolerations[0].operator"}},
		{name: "a value", why: "no label has it", old: affinity("In", "a"), spec: affinity("In", "a=b"), want: []string{terms + ".values[0][disk]"}},
		{name: "a value beside a stored effect", why: "another kind of fault", old: tolerating(effect), spec: affinity("In", "a=b"), want: []string{terms + ".values[0][disk]"}},
		{name: "another value", why: "the stored one has such a value, too", old: affinity("In", "a=b"), spec: affinity("NotIn", "ok", "b=c", "c=d")},
		{name: "a number", why: "it is a label value, and no such value is stored", old: affinity("Gt", "x"), spec: affinity("In", "a=b"), want: []string{terms + ".values[0][disk]"}},
		{name: "an operator", why: "another kind of fault, in the same place", old: affinity("In", "a=b"), spec: affinity("Near", "a=b"), want: []string{terms + ".operator"}},
		{name: "no value", why: "so is this", old: affinity("In", "a=b"), spec: affinity("In"), want: []string{terms + ".values"}},
		{name: "a part of a page", why: "pages are whole", old: overhead("2Mi", "1"), spec: overhead("1Mi", "1"), want: []string{"s.overhead[hugepages-2Mi]"}},
		{name: "another part of a page", why: "the stored one has such a part, too", old: overhead("1Mi", "1"), spec: overhead("3Mi", "1")},
		{name: "a part of a page beside one of a container", why: "such a part is stored, too", old: container("1Mi"), spec: overhead("3Mi", "1")},
		{name: "a part of a page beside one of the pod", why: "that of the pod as a whole does not count",
			old:  corev1.PodSpec{Resources: &corev1.ResourceRequirements{Limits: overhead("1Mi", "1").Overhead}},
			spec: overhead("3Mi", "1"), want: []string{"s.overhead[hugepages-2Mi]"}},
		{name: "below zero", why: "another kind of fault", old: overhead("1Mi", "-1"), spec: overhead("3Mi", "-1"), want: []string{"s.overhead[cpu]"}},
	} {
		if got := fieldsOf(ValidateUpdate(field.NewPath("s"), &tc.spec, &tc.old, placement.Options{})); !slices.Equal(got, tc.want) {
			t.Errorf("%s: ValidateUpdate: errors at %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}
