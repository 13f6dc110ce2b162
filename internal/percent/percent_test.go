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

func TestRound(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		in        intstr.IntOrString
		up, down  int
		ok        bool
	}{
		{"number", "the total has no effect", intstr.FromInt32(7), 7, 7, true},
		{"exact", "nothing to round", intstr.FromString("50%"), 2, 2, true},
		{"part of a node", "1.32 nodes", intstr.FromString("33%"), 2, 1, true},
		{"less than a node", "0.04 nodes", intstr.FromString("1%"), 1, 0, true},
		{"more than all", "the caller judges", intstr.FromString("200%"), 8, 8, true},
		{"no percentage", "is an error and zero", intstr.FromString("half"), 0, 0, false},
		{"too large", "is an error and zero", intstr.FromString("99999999999999999999%"), 0, 0, false},
		{"unknown type", "is an error and zero", intstr.IntOrString{Type: 9, IntVal: 7}, 0, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := RoundUp(tc.in, 4); got != tc.up || (err == nil) != tc.ok {
				t.Errorf("RoundUp(%#v, 4) = %d, %v, want %d: %s", tc.in, got, err, tc.up, tc.why)
			}
			if got, err := RoundDown(tc.in, 4); got != tc.down || (err == nil) != tc.ok {
				t.Errorf("RoundDown(%#v, 4) = %d, %v, want %d: %s", tc.in, got, err, tc.down, tc.why)
			}
		})
	}
}

func TestMeant(t *testing.T) {
	for _, tc := range []struct {
		value intstr.IntOrString
		want  string // empty: nobody can tell
	}{
		{intstr.FromString(" 10 % "), "10%"},
		{intstr.FromString("10 %"), "10%"},
		{intstr.FromString("1"), "1"},
		{intstr.FromString(" 0"), "0"},
		{intstr.FromString("10%"), ""}, // It is one.
		{intstr.FromInt32(3), ""},
		{intstr.FromString("1 0%"), ""},
		{intstr.FromString("-1"), ""},
		{intstr.FromString("4294967296"), ""},
		{intstr.FromString("%"), ""},
		{intstr.FromString("x"), ""},
	} {
		meant, ok := Meant(tc.value)
		if ok != (tc.want != "") || ok && meant.String() != tc.want {
			t.Errorf("Meant(%q) = %q, %v, want %q", tc.value.String(), meant.String(), ok, tc.want)
		}
	}
}
