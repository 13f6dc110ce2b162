package property_test

import (
	"testing"

	"github.com/pernode/daemonset/internal/property"
)

// failing notes a failure instead of ending the test.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper()               {}
func (f *failing) Fatalf(string, ...any) { f.failed = true }

func TestSeeds(t *testing.T) {
	for _, tc := range []struct {
		times  string
		want   uint64
		failed bool
	}{
		{times: "", want: 30},
		{times: "1", want: 30},
		{times: "4", want: 120},
		{times: "0", failed: true},
		{times: "-1", failed: true},
		{times: "many", failed: true},
	} {
		t.Setenv(property.Times, tc.times)
		f := &failing{TB: t}
		if got := property.Seeds(f, 30); f.failed != tc.failed || !f.failed && got != tc.want {
			t.Errorf("%s=%q: %d seeds, failed %t, want %d, failed %t", property.Times, tc.times, got, f.failed, tc.want, tc.failed)
		}
	}
}
