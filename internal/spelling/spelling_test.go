package spelling

import "testing"

func TestMeant(t *testing.T) {
	words := []string{"Pod", "SurgeHostPort", "SurgeHostPorts2", "Node"}
	for _, tc := range []struct{ text, want, why string }{
		{"Pod", "Pod", "it is the word"},
		{"pods", "Pod", "one letter more, and another case"},
		{"Ped", "Pod", "one letter is another"},
		{"Peds", "", "two letters are too many in a short word"},
		{"SurgeHostPorts", "SurgeHostPort", "the first of two that differ as much"},
		{"SurgeHostPorts3", "SurgeHostPorts2", "the least difference counts, not the order"},
		{"surgehstprt", "SurgeHostPort", "two letters in a long word"},
		{"surgehstprx", "", "three are too many"},
		{"", "", "nothing is no slip"},
	} {
		if got := Meant(tc.text, words); got != tc.want {
			t.Errorf("Meant(%q) = %q, want %q: %s", tc.text, got, tc.want, tc.why)
		}
	}
	if got := Meant("Pod", nil); got != "" {
		t.Errorf("Meant without words = %q, want none", got)
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"apps", "app", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 2},
	} {
		if got := Distance(tc.a, tc.b); got != tc.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
