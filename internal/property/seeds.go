// Package property says how many random cases a property test plays: a few in a plain
// `go test ./...`, which has to stay under a minute, and many in CI.
package property

import (
	"os"
	"strconv"
	"testing"
)

// Times is the environment variable with the number of times as many cases to play: a whole
// number above zero. CI sets it in a step of its own (make properties).
const Times = "PROPERTY_TIMES"

// Seeds returns the number of random cases of a test: few, or Times as many. A case is made
// from its number, so that the few are the first of the many.
func Seeds(tb testing.TB, few uint64) uint64 {
	tb.Helper()
	value := os.Getenv(Times)
	if value == "" {
		return few
	}
	times, err := strconv.ParseUint(value, 10, 16)
	if err != nil || times == 0 {
		tb.Fatalf("%s is %q, must be a whole number above zero", Times, value)
	}
	return few * times
}
