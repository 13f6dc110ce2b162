package daemontest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestGoOn: what two Runs have counted is what one would have.
func TestGoOn(t *testing.T) {
	at := func(seconds int) time.Time { return Start().Add(time.Duration(seconds) * time.Second) }
	took := func(seconds int) time.Duration { return time.Duration(seconds) * time.Second }
	for _, tc := range []struct {
		name, why           string
		before, after, want simulate.End
	}{
		{
			"no progress", "the first Run has made the last one",
			simulate.End{Time: at(3), Passes: 2, LowestAvailable: 1, LowestOf: 2},
			simulate.End{Time: at(9), Passes: 1, LowestAvailable: 1, LowestOf: 4},
			simulate.End{Time: at(3), Took: took(3), Passes: 3, LowestAvailable: 1, LowestOf: 2},
		}, {
			"progress", "the second Run has made some",
			simulate.End{Time: at(3), LowestAvailable: 3, LowestOf: 4},
			simulate.End{Time: at(12), Took: took(3), LowestAvailable: 2, LowestOf: 4},
			simulate.End{Time: at(12), Took: took(12), LowestAvailable: 2, LowestOf: 4},
		}, {
			"rollback at once", "it changes the DaemonSet",
			simulate.End{Time: at(3)},
			simulate.End{Time: at(9), Rollback: &history.Rollback{}},
			simulate.End{Time: at(9), Took: took(9), Rollback: &history.Rollback{}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.after
			goOn(&tc.before, &got, Start())
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("goOn() differs: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}
