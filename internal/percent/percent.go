// Package percent reads numbers and percentages of nodes: the budgets of an update and the
// amounts of a policy. It serves daemon, daemon/lint, daemon/manifest and rollout.
package percent

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Parse returns the number in a percentage such as "10%", and whether the value is one
// (IsValidPercent@v0.37.2). A number that is too large for an int is the largest int.
func Parse(v intstr.IntOrString) (int, bool) {
	if v.Type != intstr.String || len(validation.IsValidPercent(v.StrVal)) > 0 {
		return 0, false
	}
	n, _ := strconv.Atoi(strings.TrimSuffix(v.StrVal, "%")) // the largest int if out of range
	return n, true
}

// RoundUp returns the number, or the percentage of total rounded up. It fails with zero if
// the value is neither a number nor a percentage, or out of the range of int.
func RoundUp(v intstr.IntOrString, total int) (int, error) {
	return intstr.GetScaledValueFromIntOrPercent(&v, total, true)
}

// RoundDown is RoundUp with the percentage rounded down.
func RoundDown(v intstr.IntOrString, total int) (int, error) {
	return intstr.GetScaledValueFromIntOrPercent(&v, total, false)
}

// Meant returns the amount that a value stands for that is none: a percentage with blanks around the
// number, or a number in quotes. ok is false if nobody can tell.
func Meant(v intstr.IntOrString) (meant intstr.IntOrString, ok bool) {
	if _, is := Parse(v); is || v.Type != intstr.String {
		return v, false
	}
	text := strings.TrimSpace(v.StrVal)
	if number, is := strings.CutSuffix(text, "%"); is {
		meant = intstr.FromString(strings.TrimSpace(number) + "%")
		_, ok = Parse(meant)
		return meant, ok
	}
	number, err := strconv.ParseUint(text, 10, 31)
	return intstr.FromInt32(int32(number)), err == nil
}

// Advice says how to write what was meant, such as `write "10%"`. It is empty if nobody can tell.
func Advice(v intstr.IntOrString) string {
	meant, ok := Meant(v)
	switch {
	case !ok:
		return ""
	case meant.Type == intstr.Int:
		return fmt.Sprintf("write %d, without quotes", meant.IntVal)
	}
	return fmt.Sprintf("write %q", meant.StrVal)
}
