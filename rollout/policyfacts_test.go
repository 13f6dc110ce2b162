package rollout

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// TestColumnsForget: a label whose value changes again and again, such as a heartbeat,
// does not make a State grow.
func TestColumnsForget(t *testing.T) {
	state, err := NewState(daemon.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes("a", "b"), Now: build.Now})
	if err != nil {
		t.Fatal(err)
	}
	policy := Policy{OneDomain: &OneDomain{Label: "beat"}}
	for i := range 100 {
		node := build.Node{Name: "a", Labels: build.Labels{"beat": fmt.Sprint(i)}}.Object()
		if err := state.Update(daemon.Changes{Nodes: []*corev1.Node{node}}); err != nil {
			t.Fatal(err)
		}
		if _, err := state.Sync(build.Now, Options{Policy: policy}); err != nil {
			t.Fatal(err)
		}
	}
	policy.Frozen = true // Its passes have a step, which reads the columns.
	if _, err := state.Sync(build.Now, Options{Policy: policy}); err != nil {
		t.Fatal(err)
	}
	if c := &state.facts.columns[0]; len(c.names) > 4 || c.names[c.of[0]] != "99" || c.names[c.of[1]] != "" {
		t.Errorf("%d values are kept for two nodes, %q on a and %q on b: want at most 4, 99 and none", len(c.names), c.names[c.of[0]], c.names[c.of[1]])
	}
}
