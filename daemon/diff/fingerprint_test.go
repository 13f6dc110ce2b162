package diff

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestFingerprint(t *testing.T) {
	quantity := func(s string) *corev1.ResourceFieldSelector {
		return &corev1.ResourceFieldSelector{Divisor: resource.MustParse(s)}
	}
	instant := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	stamp := func(at time.Time) *corev1.PodCondition {
		return &corev1.PodCondition{LastProbeTime: metav1.NewTime(at)}
	}
	port := func(p intstr.IntOrString) *corev1.TCPSocketAction { return &corev1.TCPSocketAction{Port: p} }
	fields := func(s string) *metav1.ManagedFieldsEntry {
		return &metav1.ManagedFieldsEntry{FieldsV1: metav1.NewFieldsV1(s)}
	}
	tests := []struct {
		name, why string
		a, b      any
		want      bool
	}{
		{"thousandths", "the amount counts", quantity("1000m"), quantity("1"), true},
		{"binary", "the amount counts, not the unit", quantity("1Ki"), quantity("1024"), true},
		{"exponent", "the amount counts, not the unit", quantity("1e3"), quantity("1k"), true},
		{"large", "the representation does not count", quantity("1000000000000000000000"), quantity("1e21"), true},
		{"no unit is large enough", "the exponent counts", quantity("1e30"), quantity("1e33"), false},
		{"amounts", "other amounts differ", quantity("1"), quantity("2"), false},
		{"zones", "the instant counts", stamp(instant), stamp(instant.In(time.FixedZone("", 3600))), true},
		{"instants", "a nanosecond counts", stamp(instant), stamp(instant.Add(1)), false},
		{"zero time", "the first year is no instant of the others", stamp(time.Time{}), stamp(time.Unix(0, 0)), false},
		{"port and name", "a number is no string", port(intstr.FromInt32(80)), port(intstr.FromString("80")), false},
		{"unused half", "the type selects the half", port(intstr.FromInt32(80)), port(intstr.IntOrString{IntVal: 80, StrVal: "x"}), true},
		{"managed fields", "bytes count", fields(`{"f:a":{}}`), fields(`{"f:b":{}}`), false},
		{"nil and empty list", "mean the same", &corev1.Container{}, &corev1.Container{Args: []string{}, Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{}}}, true},
		{"nil and empty struct", "differ", &corev1.Container{}, &corev1.Container{SecurityContext: &corev1.SecurityContext{}}, false},
		{"borders of entries", "no text runs into the next", &corev1.Container{Args: []string{"ab", "c"}}, &corev1.Container{Args: []string{"a", "bc"}}, false},
		{"fields", "no field is taken for another", &corev1.Container{Args: []string{"a"}}, &corev1.Container{Command: []string{"a"}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := fingerprintOf(test.a) == fingerprintOf(test.b); got != test.want {
				t.Errorf("%s: equal fingerprints = %t, want %t", test.why, got, test.want)
			}
			if got := len(compare(modeAll, test.a, test.b)) == 0; got != test.want {
				t.Errorf("%s: no changes = %t, want %t", test.why, got, test.want)
			}
		})
	}
}
