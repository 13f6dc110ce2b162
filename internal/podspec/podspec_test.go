package podspec

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

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
