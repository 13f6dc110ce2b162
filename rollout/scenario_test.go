package rollout_test

import (
	"flag"
	"testing"

	"github.com/pernode/daemonset/internal/scenario"
)

var update = flag.Bool("update", false, "write the output of the scenarios into their files")

// TestScenarios plays testdata/*.txt; internal/scenario documents the format.
func TestScenarios(t *testing.T) { scenario.Run(t, "testdata/*.txt", *update) }
