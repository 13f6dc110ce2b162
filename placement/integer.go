package placement

import "math"

// parseInteger accepts what strconv.ParseInt(s, 10, 64) accepts. ParseInt
// allocates its errors, and here a label that is not a number is a common case.
func parseInteger(s string) (n int64, ok bool) {
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	// Negative numbers, because math.MinInt64 has no positive counterpart.
	for i := range len(s) {
		digit := s[i] - '0'
		if digit > 9 || n < (math.MinInt64+int64(digit))/10 {
			return 0, false
		}
		n = 10*n - int64(digit)
	}
	if negative {
		return n, true
	}
	return -n, n != math.MinInt64
}

// parseDecimal accepts what content.IsDecimalInteger and parseInteger both
// accept: no plus sign, no leading zero, no minus zero
// (compareNumericValues@v0.37.2).
func parseDecimal(s string) (n int64, ok bool) {
	digits := s
	if s != "" && s[0] == '-' {
		digits = s[1:]
	}
	if s != "0" && (digits == "" || digits[0] < '1' || digits[0] > '9') {
		return 0, false
	}
	return parseInteger(s)
}
