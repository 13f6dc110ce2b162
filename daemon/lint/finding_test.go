package lint_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/daemon/lint"
)

func TestSeverityString(t *testing.T) {
	for severity, want := range map[lint.Severity]string{
		lint.SeverityError: "error", lint.SeverityWarning: "warning", lint.SeverityInfo: "info",
		0: "Severity(0)", -3: "Severity(-3)",
	} {
		if got := severity.String(); got != want {
			t.Errorf("Severity(%d).String() = %q, want %q", int(severity), got, want)
		}
	}
}

func TestFindingString(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		finding   lint.Finding
		want      string
	}{
		{"full", "all but the nodes", lint.Finding{Code: lint.CodeNoRevisionHistory, Severity: lint.SeverityInfo, Field: "spec.x", Message: "It hurts.", Fix: "Stop.", Nodes: []string{"w1"}},
			"info NoRevisionHistory at spec.x: It hurts. Stop."},
		{"zero", "no severity is none of the words", lint.Finding{}, "Severity(0)"},
		{"no text", "no colon without a text", lint.Finding{Code: "X", Severity: lint.SeverityError, Field: "spec"}, "error X at spec"},
		{"text alone", "no at without a field", lint.Finding{Severity: lint.SeverityError, Fix: "Stop."}, "error: Stop."},
		{"message alone", "nothing behind it", lint.Finding{Severity: lint.SeverityError, Code: "X", Message: "It hurts."}, "error X: It hurts."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.finding.String(); got != tc.want {
				t.Errorf("String() = %q, want %q: %s", got, tc.want, tc.why)
			}
		})
	}
}

// Findings compare with cmp.Diff without options, codes and severities with ==.
func TestFindingCompare(t *testing.T) {
	a := lint.Finding{Code: lint.CodeOSMixed, Severity: lint.SeverityWarning, Field: "spec", Nodes: []string{"w1"}}
	b := a
	b.Nodes = []string{"w1"}
	if !cmp.Equal(a, b) || a.Code != b.Code || a.Severity != b.Severity {
		t.Errorf("%v and %v differ, want them equal", a, b)
	}
	if b.Nodes = []string{"w2"}; cmp.Equal(a, b) {
		t.Errorf("cmp.Equal = true for nodes %v and %v, want false", a.Nodes, b.Nodes)
	}
}
