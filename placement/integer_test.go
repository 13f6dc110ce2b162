package placement

import (
	"math/rand"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/api/validate/content"
)

// The parsers accept what the standard library and upstream accept, with the same
// value.
func TestParse(t *testing.T) {
	inputs := []string{
		"", "-", "+", "--1", "+-1", "0", "-0", "+0", "00", "007", "-007", "1", "+1", "-1", "10", "1_0", "0x10", "1e3", "1.0", " 1", "1 ", "٣", "a",
		"9223372036854775806", "9223372036854775807", "9223372036854775808", "9223372036854775809", "9223372036854775810",
		"-9223372036854775807", "-9223372036854775808", "-9223372036854775809", "-9223372036854775810",
		"18446744073709551615", "18446744073709551616", "18446744073709551617", "-18446744073709551615", "99999999999999999999999999",
		"00000000000000000000000000000001", "-00000000000000000009223372036854775808", "/", ":",
	}
	rnd := rand.New(rand.NewSource(1))
	const letters = "0123456789+-_ x"
	for range 20000 {
		s := make([]byte, rnd.Intn(22))
		for i := range s {
			s[i] = letters[rnd.Intn(len(letters))]
			if rnd.Intn(20) != 0 {
				s[i] = letters[rnd.Intn(10)]
			}
		}
		inputs = append(inputs, string(s), "-"+string(s))
	}
	for _, s := range inputs {
		want, err := strconv.ParseInt(s, 10, 64)
		got, ok := parseInteger(s)
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("parseInteger(%q) = %d, %t, want %d, %t", s, got, ok, want, err == nil)
		}
		canonical := err == nil && len(content.IsDecimalInteger(s)) == 0
		got, ok = parseDecimal(s)
		if ok != canonical || ok && got != want {
			t.Fatalf("parseDecimal(%q) = %d, %t, want %d, %t", s, got, ok, want, canonical)
		}
	}
}
