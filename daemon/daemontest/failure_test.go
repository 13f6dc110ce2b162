package daemontest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// failHere makes the tests of TestFailsHere run. They fail.
const failHere = "DAEMONTEST_FAIL_HERE"

// TestFailuresNameTheLine: a failure names the line of the test that made the call, also if what
// fails is a function in a function.
func TestFailuresNameTheLine(t *testing.T) {
	run := exec.Command(os.Args[0], "-test.run=^TestFailsHere$", "-test.v")
	run.Env = append(os.Environ(), failHere+"=1")
	out, err := run.CombinedOutput()
	if err == nil {
		t.Fatalf("nothing fails:\n%s", out)
	}
	failed := 0
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, ".go:") {
			failed++
			if !strings.HasPrefix(strings.TrimSpace(line), "failure_test.go:") {
				t.Errorf("a failure names another line: %s", line)
			}
		}
	}
	if want := strings.Count(string(out), "=== RUN   TestFailsHere/"); failed != want || want == 0 {
		t.Errorf("%d of %d tests name a line:\n%s", failed, want, out)
	}
}

func TestFailsHere(t *testing.T) {
	if os.Getenv(failHere) == "" {
		t.Skip("only TestFailuresNameTheLine runs this")
	}
	agent, nodes := daemontest.DaemonSet("agent"), daemontest.Nodes(2)
	contradiction := simulate.Options{Policy: rollout.Policy{Paused: true, Frozen: true}}
	for name, fail := range map[string]func(t *testing.T, c *daemontest.Cluster){
		"Settle":         func(t *testing.T, c *daemontest.Cluster) { c.Settle(t) },
		"SettlesWithin":  func(t *testing.T, c *daemontest.Cluster) { c.SettlesWithin(t, time.Minute) },
		"StallsAt":       func(t *testing.T, c *daemontest.Cluster) { c.StallsAt(t, agent, 1) },
		"Untaint":        func(t *testing.T, c *daemontest.Cluster) { c.Untaint(t, "a=b:NoSchedule", nodes[0]) },
		"Taint":          func(t *testing.T, c *daemontest.Cluster) { c.Taint(t, "a=b", nodes[0]) },
		"Label":          func(t *testing.T, c *daemontest.Cluster) { c.Label(t, "=", nodes[0]) },
		"MendImage":      func(t *testing.T, c *daemontest.Cluster) { c.MendImage(t, "agent:9") },
		"ReadDaemonSet":  func(t *testing.T, _ *daemontest.Cluster) { daemontest.ReadDaemonSet(t, "testdata/none.yaml") },
		"AllReplaced":    func(t *testing.T, c *daemontest.Cluster) { c.AllReplaced(t, nil) },
		"RunsOn":         func(t *testing.T, c *daemontest.Cluster) { c.RunsOn(t, agent, nodes[0]) },
		"NodeThatIsGone": func(t *testing.T, c *daemontest.Cluster) { c.NotReady(t, daemontest.Nodes(3)[2]) },
	} {
		t.Run(name, func(t *testing.T) {
			c := daemontest.Settled(t, agent, nodes...)
			c.Options = contradiction
			fail(t, c)
		})
	}
}
