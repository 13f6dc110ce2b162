// Package percent reads percentages of nodes. It serves daemon, which validates the
// budgets of an update, and daemon/lint, which compares them with the nodes.
package percent

import (
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
