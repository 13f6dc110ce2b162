package percent

import (
	"math"
	"testing"

	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		in        intstr.IntOrString
		want      int
		ok        bool
	}{
		{"percentage", "the plain case", intstr.FromString("10%"), 10, true},
		{"zero", "is a percentage", intstr.FromString("0%"), 0, true},
		{"more than all", "the caller judges", intstr.FromString("200%"), 200, true},
		{"too large", "is more than any limit", intstr.FromString("99999999999999999999%"), math.MaxInt, true},
		{"number", "is none", intstr.FromInt32(10), 0, false},
		{"number as text", "is none", intstr.FromString("10"), 0, false},
		{"negative", "is none", intstr.FromString("-1%"), 0, false},
		{"empty", "is none", intstr.FromString(""), 0, false},
		{"unknown type", "is none", intstr.IntOrString{Type: 9, StrVal: "10%"}, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, ok := Parse(tc.in); got != tc.want || ok != tc.ok {
				t.Errorf("Parse(%#v) = %d, %t, want %d, %t: %s", tc.in, got, ok, tc.want, tc.ok, tc.why)
			}
		})
	}
}
