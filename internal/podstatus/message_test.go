package podstatus

import "testing"

func TestClause(t *testing.T) {
	for message, want := range map[string]string{
		"1 Insufficient cpu.": "1 Insufficient cpu",
		"not ready":           "not ready",
		"too long to show...": "too long to show...",
		"":                    "",
	} {
		if got := Clause(message); got != want {
			t.Errorf("Clause(%q) = %q, want %q", message, got, want)
		}
	}
}
